/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notes of a dump: what each CPU's registers are, and what the kernel says of itself. One table says
 * where in a note's description each register is; the bytes of a register are those of the protocol, which
 * are the note's too. */
#include <elf.h>
#include <stdlib.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"

/* struct elf_prstatus of s390x: pr_pid, then pr_reg with PSW, general and access registers. */
#define PRSTATUS_BYTES 336
#define PRSTATUS_PID 32

/* Registers with consecutive numbers, one after the other. */
struct part {
    uint16_t at;
    uint8_t first;
    uint8_t count;
    uint8_t skip; /* so many high-order bytes of each are left out */
};

struct note {
    const char *name;
    uint32_t type;
    uint32_t size;
    struct part parts[3]; /* those with a count */
};

/* NT_PRSTATUS must be first: it is how a reader sees that another CPU begins. */
static const struct note notes[] = {
    {"CORE",
     NT_PRSTATUS,
     PRSTATUS_BYTES,
     {{112, REG_PSWM, 2, 0}, {128, REG_R0, 16, 0}, {256, REG_A0, 16, 0}}},
    {"CORE", NT_PRFPREG, 136, {{0, REG_FPC, 1, 0}, {8, REG_F0, 16, 0}}},
    {"LINUX", NT_S390_TIMER, 8, {{0, REG_CPUTM, 1, 0}}},
    {"LINUX", NT_S390_TODCMP, 8, {{0, REG_CKC, 1, 0}}},
    {"LINUX", NT_S390_TODPREG, 4, {{0, REG_TODPR, 1, 4}}},
    {"LINUX", NT_S390_CTRS, 128, {{0, REG_C0, 16, 0}}},
    {"LINUX", NT_S390_PREFIX, 4, {{0, REG_PREFIX, 1, 4}}},
    {"LINUX", NT_S390_LAST_BREAK, 8, {{0, REG_LAST_BREAK, 1, 0}}},
    {"LINUX", NT_S390_VXRS_LOW, 128, {{0, REG_V0L, 16, 0}}},
    {"LINUX", NT_S390_VXRS_HIGH, 256, {{0, REG_V16, 16, 0}}},
    {"LINUX", NT_S390_GS_CB, 32, {{8, REG_GSD, 3, 0}}},
    {"LINUX", NT_S390_RI_CB, 64, {{0, REG_RICCB, 1, 0}}},
};

#define NNOTES (sizeof notes / sizeof *notes)

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static size_t note_bytes(const char *name, size_t size)
{
    return sizeof(Elf64_Nhdr) + padded(strlen(name) + 1) + padded(size);
}

/* Everything but the description, which is where it returns; the memory was zero. */
static uint8_t *begin_note(uint8_t *at, const char *name, uint32_t type, size_t size)
{
    size_t namesz = strlen(name) + 1;

    store_be32(at + offsetof(Elf64_Nhdr, n_namesz), (uint32_t)namesz);
    store_be32(at + offsetof(Elf64_Nhdr, n_descsz), (uint32_t)size);
    store_be32(at + offsetof(Elf64_Nhdr, n_type), type);
    memcpy(at + sizeof(Elf64_Nhdr), name, namesz);
    return at + sizeof(Elf64_Nhdr) + padded(namesz);
}

static bool read_part(struct machine *m, unsigned cpu, const struct part *part, uint8_t *desc)
{
    uint8_t *to = desc + part->at;

    for (unsigned reg = part->first; reg < part->first + (unsigned)part->count; reg++) {
        uint8_t bytes[REG_MAX_BYTES];
        size_t n = (size_t)reg_table[reg].bytes - part->skip;

        if (!(m->reg_features >> reg_table[reg].feature & 1) || machine_read_reg(m, cpu, reg, bytes))
            return false;
        memcpy(to, bytes + part->skip, n);
        to += n;
    }
    return true;
}

/* Appends the note, if the CPU has all that is in it, and returns where it ends. NT_PRSTATUS is never left
 * out: without it there is no CPU. */
static uint8_t *put_note(struct machine *m, unsigned cpu, const struct note *note, uint8_t *at)
{
    uint8_t *desc = begin_note(at, note->name, note->type, note->size);
    bool there = true;

    for (size_t i = 0; i < sizeof note->parts / sizeof *note->parts; i++)
        there &= read_part(m, cpu, &note->parts[i], desc);
    if (note->type == NT_PRSTATUS)
        store_be32(desc + PRSTATUS_PID, cpu + 1);
    else if (!there)
        return memset(at, 0, note_bytes(note->name, note->size));
    return at + note_bytes(note->name, note->size);
}

uint8_t *dump_notes(struct machine *m, const struct linux_facts *facts, size_t *len)
{
    bool has_text = facts && facts->state == LINUX_READABLE;
    size_t room = 0;
    uint8_t *out, *at;

    for (size_t i = 0; i < NNOTES; i++)
        room += m->ncpus * note_bytes(notes[i].name, notes[i].size);
    if (has_text)
        room += note_bytes("VMCOREINFO", facts->text_len);
    at = out = calloc(1, room);
    if (!out)
        return NULL;
    for (unsigned cpu = 0; cpu < m->ncpus; cpu++)
        for (size_t i = 0; i < NNOTES; i++)
            at = put_note(m, cpu, &notes[i], at);
    if (has_text) {
        memcpy(begin_note(at, "VMCOREINFO", 0, facts->text_len), facts->text, facts->text_len);
        at += note_bytes("VMCOREINFO", facts->text_len);
    }
    *len = (size_t)(at - out);
    return out;
}
