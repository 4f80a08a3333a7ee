/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes IPL: the input's first bytes choose options and addresses, the rest is the image file (and the
 * initrd, and the files besides), behind ELF headers made of the input where an option says so. Guest memory
 * is allocated to the byte. What loads must start and lie in memory; what does not must say why. */
#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "input.h"
#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define SIZE 0x100000 /* 1 MiB, the least that a guest has; an initrd never fits */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    AT_64K = 1, /* the first 64 KiB of a Linux image are left out of the input */
    APPEND = 2,
    INITRD = 4,
    FLAT = 8,
    ENTRY = 16,
    EXTRAS = 32,
    PACKED = 64, /* compressed here, since no fuzzer hits a checksum */
    CLEARED = 128,
    SEGMENTS = 256, /* an ELF, on whose headers no fuzzer hits either */
};

#define SEGMENTS_MAX 3
#define HEADERS_MAX (sizeof(Elf64_Ehdr) + SEGMENTS_MAX * sizeof(Elf64_Phdr))

/* Mostly where it matters: in the guest's memory and just past it. */
static uint64_t take_address(struct input *in)
{
    uint32_t value = (uint32_t)take(in, 4);

    return value & 1 ? value >> 11 : (uint64_t)(int32_t)value;
}

/* The header of an ELF and up to SEGMENTS_MAX program headers, of which all that can be right may be. */
static size_t make_headers(struct input *in, uint8_t headers[HEADERS_MAX])
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2MSB, EV_CURRENT};
    unsigned n = (unsigned)take(in, 1) % (SEGMENTS_MAX + 1);

    memset(headers, 0, HEADERS_MAX);
    memcpy(headers, ident, sizeof ident);
    store_be16(headers + offsetof(Elf64_Ehdr, e_type), ET_EXEC);
    store_be16(headers + offsetof(Elf64_Ehdr, e_machine), EM_S390);
    store_be64(headers + offsetof(Elf64_Ehdr, e_entry), take_address(in));
    store_be64(headers + offsetof(Elf64_Ehdr, e_phoff), sizeof(Elf64_Ehdr));
    store_be16(headers + offsetof(Elf64_Ehdr, e_phentsize), sizeof(Elf64_Phdr));
    store_be16(headers + offsetof(Elf64_Ehdr, e_phnum), (uint16_t)n);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *p = headers + sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr);
        uint64_t filesz = take(in, 1);

        store_be32(p + offsetof(Elf64_Phdr, p_type), PT_LOAD);
        store_be64(p + offsetof(Elf64_Phdr, p_filesz), filesz);
        store_be64(p + offsetof(Elf64_Phdr, p_offset), take(in, 1));
        store_be64(p + offsetof(Elf64_Phdr, p_paddr), take_address(in));
        store_be64(p + offsetof(Elf64_Phdr, p_memsz), filesz + take_address(in));
    }
    return sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr);
}

/* A file with these bytes, of which path is the name. */
static int make_file(struct input *in, unsigned options, char *path, size_t path_size)
{
    uint8_t headers[HEADERS_MAX];
    size_t n = options & SEGMENTS ? make_headers(in, headers) : 0;
    off_t start = options & AT_64K && !n ? 0x10000 : 0;
    int fd = memfd_create("image", MFD_CLOEXEC);
    gzFile gz = NULL;

    if (fd < 0)
        abort();
    snprintf(path, path_size, "/proc/self/fd/%d", fd);
    if (options & PACKED) {
        gz = gzdopen(dup(fd), "wb1");
        if (!gz || gzseek(gz, start, SEEK_SET) < 0 || (n && gzwrite(gz, headers, (unsigned)n) != (int)n) ||
            (in->size && gzwrite(gz, in->data, (unsigned)in->size) != (int)in->size) || gzclose(gz) != Z_OK)
            abort();
    } else if (pwrite(fd, headers, n, 0) != (ssize_t)n ||
               pwrite(fd, in->data, in->size, start + (off_t)n) != (ssize_t)in->size)
        abort();
    return fd;
}

static void check(int rc, const struct ipl_result *r, const struct err *e)
{
    if (rc) {
        if (!e->text[0] || (e->status != EXIT_IMAGE && e->status != EXIT_USAGE))
            abort();
        return;
    }
    if (r->psw.mask != (PSW_EA | PSW_BA) || r->psw.addr >= SIZE || r->psw.addr & 1 ||
        r->nranges > IPL_MAX_RANGES)
        abort();
    for (unsigned i = 0; i < r->nranges; i++)
        for (unsigned j = 0; j <= i; j++)
            if (r->ranges[i].start >= r->ranges[i].end || r->ranges[i].end > SIZE ||
                (i != j && r->ranges[i].start < r->ranges[j].end && r->ranges[j].start < r->ranges[i].end))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct guest_memory mem = {calloc(1, SIZE), SIZE};
    char path[40];
    struct ipl_extra extras[2] = {{path, 0}, {path, 0}};
    struct ipl_request req = {.image = path, .extras = extras};
    struct ipl_result result;
    struct err e = {0};
    unsigned options = (unsigned)take(&in, 2);
    int fd;

    if (!mem.base)
        return 0;
    if (options & APPEND)
        req.append = "console=ttyS1 root=/dev/vda";
    if (options & INITRD)
        req.initrd = path;
    req.flat = options & FLAT;
    if (req.flat)
        req.load_address = take_address(&in);
    req.has_entry = options & ENTRY;
    if (req.has_entry)
        req.entry = take_address(&in);
    req.nextras = options & EXTRAS ? 2 : 0;
    for (unsigned i = 0; i < req.nextras; i++)
        extras[i].addr = take_address(&in);
    req.cleared = options & CLEARED;
    fd = make_file(&in, options, path, sizeof path);
    check(ipl_load(&req, &mem, &result, &e), &result, &e);
    close(fd);
    free(mem.base);
    return 0;
}
