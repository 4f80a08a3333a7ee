/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small ELF files for gdb, made in memory: 64-bit, big endian, EM_S390, ET_EXEC, of sections that the caller
 * has filled. */
#ifndef ZGDBD_ELF_IMAGE_H
#define ZGDBD_ELF_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/* Fields as in Elf64_Shdr; link and info are indexes of ELF, which counts from 1, with the order as given. */
struct elf_section {
    const char *name;
    uint32_t type;
    uint64_t flags, addr, size;
    const void *data; /* size bytes; NULL of SHT_NOBITS */
    uint32_t link, info;
    uint64_t entsize;
};

/* The file, from malloc, the caller's; NULL without memory. .shstrtab is added as the last section. Sections
 * with SHF_ALLOC lie in one PT_LOAD segment, which has no bytes in the file: gdb relates a library's place to
 * its first segment. */
uint8_t *elf_image(const struct elf_section *sections, unsigned n, size_t *size);

/* The beginning of that segment: the lowest address of a section with SHF_ALLOC, 0 without any. */
uint64_t elf_image_base(const struct elf_section *sections, unsigned n);

#endif
