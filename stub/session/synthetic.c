/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ELF files for gdb where the guest has none: a program of which only the header matters, and call-frame
 * information (.debug_frame) for code of which nothing is known. Without the latter gdb 13 ends each stepi
 * there with the error "PC not saved". */
#include "synthetic.h"

#include <stdlib.h>
#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/elf_image.h"

/* DWARF 2, chapter 6.4. The CFA is r15 (15), the return address is column r14 (14), which is undefined. */
static const uint8_t cie[] = {
    0x00, 0x00, 0x00, 0x14,             /* length */
    0xff, 0xff, 0xff, 0xff,             /* CIE_id */
    0x01, 0x00,                         /* version, no augmentation */
    0x01, 0x78, 0x0e,                   /* code and data alignment 1 and -8, return address r14 */
    0x0c, 0x0f, 0x00,                   /* DW_CFA_def_cfa r15 + 0 */
    0x07, 0x0e,                         /* DW_CFA_undefined r14 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* DW_CFA_nop */
};

#define FDE_BYTES 24u

/* The empty .text is there because gdb relates frame information to the offset of that section. */
static const struct elf_section text = {
    .name = ".text", .type = SHT_NOBITS, .flags = SHF_ALLOC | SHF_EXECINSTR};

uint8_t *synthetic_program(size_t *size)
{
    return elf_image(&text, 1, size);
}

static int by_start(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* An FDE for addresses up to end, excluded. */
static size_t put_fde(uint8_t *at, uint64_t start, uint64_t end)
{
    if (start >= end)
        return 0;
    store_be32(at, FDE_BYTES - 4);
    store_be64(at + 8, start);
    store_be64(at + 16, end - start);
    return FDE_BYTES;
}

uint8_t *synthetic_unknown_code(struct range *known, size_t n, size_t *size)
{
    uint8_t *frames = calloc(1, sizeof cie + (n + 1) * FDE_BYTES);
    struct elf_section sections[2] = {text, {.name = ".debug_frame", .type = SHT_PROGBITS, .data = frames}};
    size_t len = sizeof cie;
    uint64_t from = 0;
    uint8_t *file;
    if (!frames)
        return NULL;
    memcpy(frames, cie, sizeof cie);
    qsort(known, n, sizeof *known, by_start);
    for (size_t i = 0; i < n; i++) {
        len += put_fde(frames + len, from, known[i].start);
        if (known[i].end > from)
            from = known[i].end;
    }
    len += put_fde(frames + len, from, UINT64_MAX);
    sections[1].size = len;
    file = elf_image(sections, 2, size);
    free(frames);
    return file;
}
