/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers in a dump's ELF notes. A CPU begins with NT_PRSTATUS; what follows up to the next one is its
 * own. Pure functions over bytes of a file. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/corenote.h"

/* ---- the list ---- */

struct note {
    uint32_t type;
    const char *name; /* not terminated */
    uint32_t name_len;
    const uint8_t *desc;
    uint32_t len;
};

struct list {
    const uint8_t *at;
    size_t left;
};

/* Cuts off bytes and their padding to a multiple of 4; NULL if they are not there. */
static const uint8_t *cut_off(struct list *l, uint32_t bytes)
{
    const uint8_t *at = l->at;
    size_t padded = ((size_t)bytes + 3) & ~(size_t)3;

    if (bytes > l->left)
        return NULL;
    if (padded > l->left)
        padded = l->left;
    l->at += padded;
    l->left -= padded;
    return at;
}

static bool next_note(struct list *l, struct note *out)
{
    const uint8_t *header = cut_off(l, sizeof(Elf64_Nhdr));

    if (!header)
        return false;
    out->name_len = load_be32(header + offsetof(Elf64_Nhdr, n_namesz));
    out->len = load_be32(header + offsetof(Elf64_Nhdr, n_descsz));
    out->type = load_be32(header + offsetof(Elf64_Nhdr, n_type));
    out->name = (const char *)cut_off(l, out->name_len);
    if (!out->name)
        return false;
    out->desc = cut_off(l, out->len);
    return out->desc != NULL;
}

/* The length of a name counts its zero byte, but there are writers that leave it out. */
static bool is_called(const struct note *n, const char *name)
{
    size_t len = strlen(name);

    return (n->name_len == len || n->name_len == len + 1) && memcmp(n->name, name, len) == 0;
}

static const struct core_note *layout_of(const struct note *n)
{
    for (size_t i = 0; i < CORE_NOTES; i++)
        if (core_notes[i].type == n->type && is_called(n, core_notes[i].name))
            return n->len >= core_notes[i].least ? &core_notes[i] : NULL;
    return NULL;
}

/* ---- registers ---- */

static void take_part(struct core_cpu *cpu, const struct core_note_part *part, const uint8_t *desc)
{
    const uint8_t *from = desc + part->at;

    for (unsigned reg = part->first; reg < part->first + (unsigned)part->count; reg++) {
        size_t n = (size_t)reg_table[reg].bytes - part->skip;

        memset(cpu->value[reg], 0, sizeof cpu->value[reg]);
        memcpy(cpu->value[reg] + part->skip, from, n);
        cpu->origin[reg] = REG_NOTED;
        from += n;
    }
}

/* Linux writes the clock comparator as the store-status operation does, a zero byte and bits 0 to 55, QEMU as
 * it is. The real one begins with a zero byte only in the first months of the clock's epoch. */
static void straighten_comparator(struct core_cpu *cpu)
{
    uint8_t *value = cpu->value[REG_CKC];

    if (value[0] == 0)
        store_be64(value, load_be64(value) << 8);
}

static void take_note(struct core_cpu *cpu, const struct core_note *l, const struct note *n)
{
    for (unsigned i = 0; i < CORE_NOTE_PARTS; i++)
        take_part(cpu, &l->parts[i], n->desc);
    if (l->type == NT_S390_TODCMP)
        straighten_comparator(cpu);
    if (l->type == NT_PRSTATUS)
        cpu->number = load_be32(n->desc + CORE_NOTE_PID);
}

unsigned notes_count(const uint8_t *notes, size_t len)
{
    struct list l = {notes, len};
    struct note n;
    unsigned count = 0;

    while (next_note(&l, &n)) {
        const struct core_note *layout = layout_of(&n);

        count += layout && layout->type == NT_PRSTATUS;
    }
    return count;
}

unsigned notes_read(const uint8_t *notes, size_t len, struct core_cpu *cpus, unsigned n)
{
    struct list l = {notes, len};
    struct note note;
    unsigned begun = 0;

    while (next_note(&l, &note)) {
        const struct core_note *layout = layout_of(&note);

        if (!layout)
            continue;
        if (layout->type == NT_PRSTATUS && begun++ == n)
            return n;
        if (begun)
            take_note(&cpus[begun - 1], layout, &note);
    }
    return begun;
}

static int by_number(const void *a, const void *b)
{
    uint32_t first = ((const struct core_cpu *)a)->number, second = ((const struct core_cpu *)b)->number;

    return first < second ? -1 : first > second;
}

void notes_sort(struct core_cpu *cpus, unsigned n)
{
    uint64_t seen = 0;
    uint32_t first = UINT32_MAX;

    if (n < 2)
        return;
    for (unsigned i = 0; i < n; i++)
        first = cpus[i].number < first ? cpus[i].number : first;
    for (unsigned i = 0; i < n && first <= 1; i++)
        if (cpus[i].number - first < n)
            seen |= 1ULL << (cpus[i].number - first);
    if (seen == (n < 64 ? (1ULL << n) - 1 : UINT64_MAX))
        qsort(cpus, n, sizeof *cpus, by_number);
}

uint64_t core_reg(const struct core_cpu *cpu, unsigned reg)
{
    if (cpu->origin[reg] == REG_UNKNOWN)
        return 0;
    return reg_table[reg].bytes == 4 ? load_be32(cpu->value[reg]) : load_be64(cpu->value[reg]);
}
