/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the headers of dumps: the first byte says of which format they are, which is then put in front so
 * that the rest is looked at. A header that is taken holds what it promises, one that is refused says why in
 * a sentence. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../stub/core/internal.h"
#include "zgdbd/bytes.h"

#define FILE_MAX 0x8000u
#define PAGE 4096u
/* More than one list of notes may lie in the same place. */
#define NOTES_MAX 0x2000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_elf(uint8_t *file)
{
    memcpy(file, ELFMAG, SELFMAG);
    file[EI_CLASS] = ELFCLASS64;
    file[EI_DATA] = ELFDATA2MSB;
    file[EI_VERSION] = EV_CURRENT;
    store_be16(file + offsetof(Elf64_Ehdr, e_type), ET_CORE);
    store_be16(file + offsetof(Elf64_Ehdr, e_machine), EM_S390);
    store_be32(file + offsetof(Elf64_Ehdr, e_version), EV_CURRENT);
    store_be16(file + offsetof(Elf64_Ehdr, e_phentsize), sizeof(Elf64_Phdr));
    store_be16(file + offsetof(Elf64_Ehdr, e_shentsize), sizeof(Elf64_Shdr));
}

static void make_kdump(uint8_t *file)
{
    memcpy(file, "KDUMP   ", 8);
    memcpy(file + 272, "s390x", sizeof "s390x");
    memset(file + 416, 0, 8);
    store_be32(file + 428, PAGE);
    store_be32(file + PAGE + 12, 0); /* not split */
}

static void make_standalone(uint8_t *file)
{
    store_be64(file, 0xa8190173618f23fd);
    store_be32(file + 20, PAGE);
    store_be32(file + 72, 2);
    file[92] = 0;
}

static void check(const struct dump_header *h)
{
    struct core_cpu *cpus;

    if (h->memory > 1ULL << 57 || h->nlowcores > MACHINE_MAX_CPUS || h->notes_len % 4 != 0 ||
        h->notes_len > NOTES_MAX || (h->notes_len && !h->notes))
        abort();
    cpus = calloc(MACHINE_MAX_CPUS, sizeof *cpus);
    if (!cpus)
        abort();
    notes_sort(cpus, notes_read(h->notes, h->notes_len, cpus, MACHINE_MAX_CPUS));
    free(cpus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const make[])(uint8_t *) = {make_elf, make_kdump, make_standalone};
    static uint8_t file[FILE_MAX];
    struct err e = {.text = ""};
    struct dump_header h;
    int fd;

    if (size < 2 || size > FILE_MAX - 1)
        return 0;
    memset(file, 0, sizeof file);
    memcpy(file, data + 1, size - 1);
    if (data[0] % 4 < 3)
        make[data[0] % 4](file);
    fd = memfd_create("dump", MFD_CLOEXEC);
    if (fd < 0 || write(fd, file, (data[0] & 0x80) ? size - 1 : FILE_MAX) < 0)
        abort();
    if (header_read(fd, "FILE", &h, &e) == 0) {
        check(&h);
        header_free(&h);
    } else if (!strstr(e.text, "FILE") || e.status != EXIT_IMAGE) {
        abort();
    }
    close(fd);
    return 0;
}
