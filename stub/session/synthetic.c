/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ELF file for gdb where the guest has none: a header that names architecture and byte order, and
 * call-frame information (.debug_frame) that says of every address "outermost frame, caller unknown". Without
 * the latter gdb 13 ends each stepi in code without symbols with the error "PC not saved". */
#include <elf.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* Names of the sections, and where each begins. */
static const char names[] = "\0.text\0.debug_frame\0.shstrtab";
enum {
    NAME_TEXT = 1,
    NAME_FRAME = 7,
    NAME_NAMES = 20,
};

/* DWARF 2, chapter 6.4. The CFA is r15 (15), the return address is column r14 (14), which is undefined. */
static const uint8_t frame_info[] = {
    0x00, 0x00, 0x00, 0x14,                         /* CIE: length */
    0xff, 0xff, 0xff, 0xff,                         /* CIE_id */
    0x01, 0x00,                                     /* version, no augmentation */
    0x01, 0x78, 0x0e,                               /* code and data alignment 1 and -8, return address r14 */
    0x0c, 0x0f, 0x00,                               /* DW_CFA_def_cfa r15 + 0 */
    0x07, 0x0e,                                     /* DW_CFA_undefined r14 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00,             /* DW_CFA_nop */
    0x00, 0x00, 0x00, 0x14,                         /* FDE: length */
    0x00, 0x00, 0x00, 0x00,                         /* its CIE */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* from address 0 */
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* to all others */
};

enum {
    FRAME_AT = sizeof(Elf64_Ehdr),
    NAMES_AT = FRAME_AT + sizeof frame_info,
    SECTIONS_AT = (NAMES_AT + sizeof names + 7) & ~7,
    SECTIONS = 4,
};

_Static_assert(SECTIONS_AT + SECTIONS * sizeof(Elf64_Shdr) == SYNTHETIC_ELF_SIZE,
               "SYNTHETIC_ELF_SIZE is its size");

static void section(uint8_t *s, uint32_t name, uint32_t type, uint64_t flags, uint64_t offset, uint64_t size)
{
    store_be32(s + offsetof(Elf64_Shdr, sh_name), name);
    store_be32(s + offsetof(Elf64_Shdr, sh_type), type);
    store_be64(s + offsetof(Elf64_Shdr, sh_flags), flags);
    store_be64(s + offsetof(Elf64_Shdr, sh_offset), offset);
    store_be64(s + offsetof(Elf64_Shdr, sh_size), size);
    store_be64(s + offsetof(Elf64_Shdr, sh_addralign), 1);
}

static void header(uint8_t *h)
{
    memcpy(h, ELFMAG, SELFMAG);
    h[EI_CLASS] = ELFCLASS64;
    h[EI_DATA] = ELFDATA2MSB;
    h[EI_VERSION] = EV_CURRENT;
    store_be16(h + offsetof(Elf64_Ehdr, e_type), ET_EXEC);
    store_be16(h + offsetof(Elf64_Ehdr, e_machine), EM_S390);
    store_be32(h + offsetof(Elf64_Ehdr, e_version), EV_CURRENT);
    store_be64(h + offsetof(Elf64_Ehdr, e_shoff), SECTIONS_AT);
    store_be16(h + offsetof(Elf64_Ehdr, e_ehsize), sizeof(Elf64_Ehdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_phentsize), sizeof(Elf64_Phdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_shentsize), sizeof(Elf64_Shdr));
    store_be16(h + offsetof(Elf64_Ehdr, e_shnum), SECTIONS);
    store_be16(h + offsetof(Elf64_Ehdr, e_shstrndx), SECTIONS - 1);
}

/* The empty .text is there because gdb relates frame information to the offset of that section. */
void synthetic_elf(uint8_t out[SYNTHETIC_ELF_SIZE])
{
    uint8_t *s = out + SECTIONS_AT;

    memset(out, 0, SYNTHETIC_ELF_SIZE);
    header(out);
    memcpy(out + FRAME_AT, frame_info, sizeof frame_info);
    memcpy(out + NAMES_AT, names, sizeof names);
    section(s + sizeof(Elf64_Shdr), NAME_TEXT, SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, FRAME_AT, 0);
    section(s + 2 * sizeof(Elf64_Shdr), NAME_FRAME, SHT_PROGBITS, 0, FRAME_AT, sizeof frame_info);
    section(s + 3 * sizeof(Elf64_Shdr), NAME_NAMES, SHT_STRTAB, 0, NAMES_AT, sizeof names);
}
