/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ELF file for gdb of what the kernel knows of itself: its symbols at the addresses where they are, and
 * how to unwind its code (unwind.c). The code itself is not in it; gdb reads that from the guest. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/elf_image.h"

/* Stretches of code or of data. A kernel has a handful (text, read-only data, data, init text, ...). */
#define STRETCHES_MAX 64u

struct stretch {
    bool code;
    uint64_t start, end;
};

struct file {
    const struct linux_symbol *list;
    size_t n;
    unsigned nstretches;
    struct stretch stretch[STRETCHES_MAX];
    uint8_t *symbols;
    size_t nsymbols;
    char *strings;
    size_t string_bytes;
    uint8_t *frames;
    size_t frame_bytes;
};

bool linux_is_code(const struct linux_symbol *s)
{
    return s->type == 't' || s->type == 'T' || s->type == 'w' || s->type == 'W';
}

bool linux_code_extent(const struct linux_symbol *list, size_t n, uint64_t *start, uint64_t *end)
{
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        if (!linux_is_code(&list[i]))
            continue;
        if (!found)
            *start = list[i].addr;
        *end = list[i].addr + list[i].size;
        found = true;
    }
    return found && *end > *start;
}

static bool is_weak(const struct linux_symbol *s)
{
    return s->type == 'w' || s->type == 'W';
}

static bool is_absolute(const struct linux_symbol *s)
{
    return s->type == 'a' || s->type == 'A';
}

/* The sections' places: one is as long as what comes is of the same kind. Weak symbols are where they are. */
static void find_stretches(struct file *f)
{
    struct stretch *last = NULL;

    for (size_t i = 0; i < f->n; i++) {
        const struct linux_symbol *s = &f->list[i];
        bool follows =
            last && (is_weak(s) || last->code == linux_is_code(s) || f->nstretches == STRETCHES_MAX);

        if (is_absolute(s))
            continue;
        if (!follows) {
            last = &f->stretch[f->nstretches++];
            *last = (struct stretch){.code = linux_is_code(s), .start = s->addr};
        }
        if (s->addr + s->size > s->addr)
            last->end = s->addr + s->size;
        else if (last->end < s->addr)
            last->end = s->addr;
    }
    for (unsigned i = 0; i + 1 < f->nstretches; i++)
        if (f->stretch[i].end > f->stretch[i + 1].start)
            f->stretch[i].end = f->stretch[i + 1].start;
}

/* Of several symbols at one address the kernel names the first: the others get no size, by which gdb sees
 * that they are worth less. */
static void put_symbol(struct file *f, const struct linux_symbol *s, bool first, unsigned section)
{
    uint8_t *at = f->symbols + f->nsymbols++ * sizeof(Elf64_Sym);
    bool local = s->type >= 'a';
    size_t len = strlen(s->name) + 1;

    memcpy(f->strings + f->string_bytes, s->name, len);
    store_be32(at + offsetof(Elf64_Sym, st_name), (uint32_t)f->string_bytes);
    at[offsetof(Elf64_Sym, st_info)] =
        ELF64_ST_INFO(local ? STB_LOCAL : STB_GLOBAL, linux_is_code(s) ? STT_FUNC : STT_OBJECT);
    store_be16(at + offsetof(Elf64_Sym, st_shndx), (uint16_t)(is_absolute(s) ? SHN_ABS : section));
    store_be64(at + offsetof(Elf64_Sym, st_value), s->addr);
    store_be64(at + offsetof(Elf64_Sym, st_size), first ? s->size : 0);
    f->string_bytes += len;
}

/* ELF wants local symbols in front of the others: twice through the list. Returns the index of the first
 * global one. */
static size_t put_symbols(struct file *f, bool local)
{
    unsigned section = 1;

    for (size_t i = 0; i < f->n; i++) {
        const struct linux_symbol *s = &f->list[i];

        while (section < f->nstretches && s->addr >= f->stretch[section].start)
            section++;
        if ((s->type >= 'a') == local)
            put_symbol(f, s, i == 0 || s->addr != f->list[i - 1].addr, section);
    }
    return f->nsymbols;
}

static bool make_room(struct file *f)
{
    size_t bytes = 1, symbol_bytes = (f->n + 1) * sizeof(Elf64_Sym);

    for (size_t i = 0; i < f->n; i++)
        bytes += strlen(f->list[i].name) + 1;
    f->symbols = calloc(1, symbol_bytes);
    f->strings = malloc(bytes);
    if (!f->symbols || !f->strings)
        return false;
    f->strings[0] = 0;
    f->string_bytes = 1;
    f->nsymbols = 1; /* the first is none */
    return true;
}

static uint8_t *put_together(struct file *f, uint32_t first_global, size_t *size)
{
    struct elf_section s[STRETCHES_MAX + 3];
    unsigned n = 0;
    bool text = false;

    for (; n < f->nstretches; n++) {
        const struct stretch *from = &f->stretch[n];

        /* gdb relates frame information to .text: the first of the code, whatever else there is. */
        s[n] = (struct elf_section){.name = !from->code ? ".data"
                                            : text      ? ".text.more"
                                                        : ".text",
                                    .type = SHT_NOBITS,
                                    .flags = SHF_ALLOC | (from->code ? SHF_EXECINSTR : SHF_WRITE),
                                    .addr = from->start,
                                    .size = from->end - from->start};
        text |= from->code;
    }
    s[n++] = (struct elf_section){
        .name = ".debug_frame", .type = SHT_PROGBITS, .data = f->frames, .size = f->frame_bytes};
    s[n] = (struct elf_section){.name = ".symtab",
                                .type = SHT_SYMTAB,
                                .data = f->symbols,
                                .size = f->nsymbols * sizeof(Elf64_Sym),
                                .link = n + 2,
                                .info = first_global,
                                .entsize = sizeof(Elf64_Sym)};
    n++;
    s[n++] = (struct elf_section){
        .name = ".strtab", .type = SHT_STRTAB, .data = f->strings, .size = f->string_bytes};
    return elf_image(s, n, size);
}

static uint8_t *make(struct linux_guest *g, struct file *f, size_t *size)
{
    size_t first_global;

    if (!make_room(f))
        return NULL;
    f->frames = linux_unwind_info(g, f->list, f->n, &f->frame_bytes);
    if (!f->frames)
        return NULL;
    find_stretches(f);
    first_global = put_symbols(f, true);
    put_symbols(f, false);
    return put_together(f, (uint32_t)first_global, size);
}

uint8_t *linux_symbol_file(struct linux_guest *g, const struct linux_module *module, size_t *size,
                           struct err *e)
{
    struct file *f = calloc(1, sizeof *f);
    uint8_t *made = NULL;

    if (f && module) {
        f->list = module->symbols;
        f->n = module->nsymbols;
    } else if (f && linux_symbols(g, &f->list, &f->n, e)) {
        free(f);
        return NULL;
    }
    if (f) {
        made = make(g, f, size);
        free(f->symbols);
        free(f->strings);
        free(f->frames);
    }
    free(f);
    if (!made)
        err_set(e, EXIT_OTHER, "no memory for a file of the kernel's symbols");
    return made;
}
