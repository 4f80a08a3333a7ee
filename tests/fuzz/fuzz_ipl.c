/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes IPL: the input's first bytes choose options and addresses, the rest is the image file (and the
 * initrd, and the files besides). Guest memory is allocated to the byte. What loads must start and lie in
 * memory; what does not must say why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "input.h"
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
};

/* A file with these bytes, of which path is the name. */
static int make_file(const uint8_t *data, size_t size, unsigned options, char *path, size_t path_size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    gzFile gz = NULL;

    if (fd < 0)
        abort();
    snprintf(path, path_size, "/proc/self/fd/%d", fd);
    if (options & PACKED) {
        gz = gzdopen(dup(fd), "wb1");
        if (!gz || (options & AT_64K && gzseek(gz, 0x10000, SEEK_SET) < 0) ||
            (size && gzwrite(gz, data, (unsigned)size) != (int)size) || gzclose(gz) != Z_OK)
            abort();
    } else if (pwrite(fd, data, size, options & AT_64K ? 0x10000 : 0) != (ssize_t)size)
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

/* Mostly where it matters: in the guest's memory and just past it. */
static uint64_t take_address(struct input *in)
{
    uint32_t value = (uint32_t)take(in, 4);

    return value & 1 ? value >> 11 : (uint64_t)(int32_t)value;
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
    unsigned options = (unsigned)take(&in, 1);
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
    fd = make_file(in.data, in.size, options, path, sizeof path);
    check(ipl_load(&req, &mem, &result, &e), &result, &e);
    close(fd);
    free(mem.base);
    return 0;
}
