/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts an ELF file together: header, one program header, the sections' bytes, their names, the section
 * headers. */
#include "zgdbd/elf_image.h"

#include <stdlib.h>
#include <string.h>

#include "zgdbd/bytes.h"

#define NAMES ".shstrtab"

enum {
    SEGMENT_AT = sizeof(Elf64_Ehdr),
    BYTES_AT = SEGMENT_AT + sizeof(Elf64_Phdr),
};

static size_t aligned(size_t at)
{
    return (at + 7) & ~(size_t)7;
}

static uint64_t bytes_in_file(const struct elf_section *s)
{
    return s->type == SHT_NOBITS ? 0 : s->size;
}

uint64_t elf_image_base(const struct elf_section *sections, unsigned n)
{
    uint64_t base = UINT64_MAX;

    for (unsigned i = 0; i < n; i++)
        if ((sections[i].flags & SHF_ALLOC) && sections[i].addr < base)
            base = sections[i].addr;
    return base == UINT64_MAX ? 0 : base;
}

static void put_header(uint8_t *h, unsigned n, size_t headers_at)
{
    memcpy(h, ELFMAG, SELFMAG);
    h[EI_CLASS] = ELFCLASS64;
    h[EI_DATA] = ELFDATA2MSB;
    h[EI_VERSION] = EV_CURRENT;
    store_be16(h + offsetof(Elf64_Ehdr, e_type), ET_EXEC);
    store_be16(h + offsetof(Elf64_Ehdr, e_machine), EM_S390);
    store_be32(h + offsetof(Elf64_Ehdr, e_version), EV_CURRENT);
    store_be64(h + offsetof(Elf64_Ehdr, e_phoff), SEGMENT_AT);
    store_be64(h + offsetof(Elf64_Ehdr, e_shoff), headers_at);
    store_be16(h + offsetof(Elf64_Ehdr, e_ehsize), sizeof(Elf64_Ehdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_phentsize), sizeof(Elf64_Phdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_phnum), 1);
    store_be16(h + offsetof(Elf64_Ehdr, e_shentsize), sizeof(Elf64_Shdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_shnum), (uint16_t)(n + 2));
    store_be16(h + offsetof(Elf64_Ehdr, e_shstrndx), (uint16_t)(n + 1));
}

static void put_segment(uint8_t *p, const struct elf_section *sections, unsigned n)
{
    uint64_t base = elf_image_base(sections, n), end = base;

    for (unsigned i = 0; i < n; i++)
        if ((sections[i].flags & SHF_ALLOC) && sections[i].addr + sections[i].size > end)
            end = sections[i].addr + sections[i].size;
    store_be32(p + offsetof(Elf64_Phdr, p_type), PT_LOAD);
    store_be32(p + offsetof(Elf64_Phdr, p_flags), PF_R | PF_X);
    store_be64(p + offsetof(Elf64_Phdr, p_vaddr), base);
    store_be64(p + offsetof(Elf64_Phdr, p_paddr), base);
    store_be64(p + offsetof(Elf64_Phdr, p_memsz), end - base);
    store_be64(p + offsetof(Elf64_Phdr, p_align), 8);
}

static void put_section(uint8_t *h, const struct elf_section *s, size_t name, size_t at)
{
    store_be32(h + offsetof(Elf64_Shdr, sh_name), (uint32_t)name);
    store_be32(h + offsetof(Elf64_Shdr, sh_type), s->type);
    store_be64(h + offsetof(Elf64_Shdr, sh_flags), s->flags);
    store_be64(h + offsetof(Elf64_Shdr, sh_addr), s->addr);
    store_be64(h + offsetof(Elf64_Shdr, sh_offset), at);
    store_be64(h + offsetof(Elf64_Shdr, sh_size), s->size);
    store_be32(h + offsetof(Elf64_Shdr, sh_link), s->link);
    store_be32(h + offsetof(Elf64_Shdr, sh_info), s->info);
    store_be64(h + offsetof(Elf64_Shdr, sh_addralign), 1);
    store_be64(h + offsetof(Elf64_Shdr, sh_entsize), s->entsize);
}

/* The names, each behind a zero byte, the first of which is no name. */
static size_t names_size(const struct elf_section *sections, unsigned n)
{
    size_t size = 1 + sizeof NAMES;

    for (unsigned i = 0; i < n; i++)
        size += strlen(sections[i].name) + 1;
    return size;
}

uint8_t *elf_image(const struct elf_section *sections, unsigned n, size_t *size)
{
    struct elf_section names = {.name = NAMES, .type = SHT_STRTAB, .size = names_size(sections, n)};
    size_t at = BYTES_AT, names_at, headers_at, name = 1;
    uint8_t *file, *header;

    for (unsigned i = 0; i < n; i++)
        at = aligned(at) + bytes_in_file(&sections[i]);
    names_at = aligned(at);
    headers_at = aligned(names_at + names.size);
    *size = headers_at + (n + 2) * sizeof(Elf64_Shdr);
    file = calloc(1, *size);
    if (!file)
        return NULL;
    put_header(file, n, headers_at);
    put_segment(file + SEGMENT_AT, sections, n);
    at = BYTES_AT;
    header = file + headers_at;
    for (unsigned i = 0; i < n; i++) {
        const struct elf_section *s = &sections[i];

        at = aligned(at);
        if (bytes_in_file(s))
            memcpy(file + at, s->data, s->size);
        put_section(header += sizeof(Elf64_Shdr), s, name, at);
        strcpy((char *)file + names_at + name, s->name);
        name += strlen(s->name) + 1;
        at += bytes_in_file(s);
    }
    put_section(header + sizeof(Elf64_Shdr), &names, name, names_at);
    strcpy((char *)file + names_at + name, NAMES);
    return file;
}
