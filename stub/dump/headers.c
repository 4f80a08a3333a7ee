/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headers of a dump. The file's order is: ELF header, program headers (room for all that there may be;
 * crash wants them there), notes, and from a page of the file on memory, so that an absolute address is an
 * offset in the file but for a constant. */
#include <elf.h>
#include <stddef.h>

#include "internal.h"
#include "zgdbd/bytes.h"

_Static_assert(DUMP_NOTES_AT == sizeof(Elf64_Ehdr) + (1 + DUMP_RANGES) * sizeof(Elf64_Phdr),
               "the notes follow the program headers");

uint64_t dump_memory_at(size_t notes_len)
{
    return (DUMP_NOTES_AT + notes_len + DUMP_PAGE - 1) & ~(uint64_t)(DUMP_PAGE - 1);
}

static void elf_header(uint8_t *h, unsigned nsegments)
{
    memcpy(h, ELFMAG, SELFMAG);
    h[EI_CLASS] = ELFCLASS64;
    h[EI_DATA] = ELFDATA2MSB;
    h[EI_VERSION] = EV_CURRENT;
    store_be16(h + offsetof(Elf64_Ehdr, e_type), ET_CORE);
    store_be16(h + offsetof(Elf64_Ehdr, e_machine), EM_S390);
    store_be32(h + offsetof(Elf64_Ehdr, e_version), EV_CURRENT);
    store_be64(h + offsetof(Elf64_Ehdr, e_phoff), sizeof(Elf64_Ehdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_ehsize), sizeof(Elf64_Ehdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_phentsize), sizeof(Elf64_Phdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_phnum), (uint16_t)nsegments);
}

static void note_segment(uint8_t *p, size_t notes_len)
{
    store_be32(p + offsetof(Elf64_Phdr, p_type), PT_NOTE);
    store_be64(p + offsetof(Elf64_Phdr, p_offset), DUMP_NOTES_AT);
    store_be64(p + offsetof(Elf64_Phdr, p_filesz), notes_len);
    store_be64(p + offsetof(Elf64_Phdr, p_align), 4);
}

static void memory_segment(uint8_t *p, const struct dump_layout *layout, const struct dump_range *range)
{
    store_be32(p + offsetof(Elf64_Phdr, p_type), PT_LOAD);
    store_be32(p + offsetof(Elf64_Phdr, p_flags), PF_R | PF_W | PF_X);
    store_be64(p + offsetof(Elf64_Phdr, p_offset), dump_memory_at(layout->notes_len) + range->start);
    store_be64(p + offsetof(Elf64_Phdr, p_vaddr), layout->identity_base + range->start);
    store_be64(p + offsetof(Elf64_Phdr, p_paddr), range->start);
    store_be64(p + offsetof(Elf64_Phdr, p_filesz), range->len);
    store_be64(p + offsetof(Elf64_Phdr, p_memsz), range->len);
    store_be64(p + offsetof(Elf64_Phdr, p_align), DUMP_PAGE);
}

void dump_headers(const struct dump_layout *layout, uint8_t out[DUMP_NOTES_AT])
{
    memset(out, 0, DUMP_NOTES_AT);
    elf_header(out, 1 + layout->nranges);
    note_segment(out + sizeof(Elf64_Ehdr), layout->notes_len);
    for (unsigned i = 0; i < layout->nranges; i++)
        memory_segment(out + sizeof(Elf64_Ehdr) + (1 + i) * sizeof(Elf64_Phdr), layout, &layout->ranges[i]);
}
