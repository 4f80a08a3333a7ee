/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notes of a dump: what each CPU's registers are (where in a note says the table of corenote.h), and what
 * the kernel says of itself. The bytes of a register are those of the protocol, which are the note's too. */
#include <elf.h>
#include <stdlib.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/corenote.h"
#include "zgdbd/regs.h"

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

static bool read_part(struct machine *m, unsigned cpu, const struct core_note_part *part, uint8_t *desc)
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
static uint8_t *put_note(struct machine *m, unsigned cpu, const struct core_note *note, uint8_t *at)
{
    uint8_t *desc = begin_note(at, note->name, note->type, note->size);
    bool there = true;

    for (size_t i = 0; i < sizeof note->parts / sizeof *note->parts; i++)
        there &= read_part(m, cpu, &note->parts[i], desc);
    if (note->type == NT_S390_TODCMP)
        store_be64(desc, load_be64(desc) >> 8);
    if (note->type == NT_PRSTATUS)
        store_be32(desc + CORE_NOTE_PID, cpu + 1);
    else if (!there)
        return memset(at, 0, note_bytes(note->name, note->size));
    return at + note_bytes(note->name, note->size);
}

uint8_t *dump_notes(struct machine *m, const struct linux_facts *facts, size_t *len)
{
    bool has_text = facts && facts->state == LINUX_READABLE;
    size_t room = 0;
    uint8_t *out, *at;

    for (size_t i = 0; i < CORE_NOTES; i++)
        room += m->ncpus * note_bytes(core_notes[i].name, core_notes[i].size);
    if (has_text)
        room += note_bytes("VMCOREINFO", facts->text_len);
    at = out = calloc(1, room);
    if (!out)
        return NULL;
    for (unsigned cpu = 0; cpu < m->ncpus; cpu++)
        for (size_t i = 0; i < CORE_NOTES; i++)
            at = put_note(m, cpu, &core_notes[i], at);
    if (has_text) {
        memcpy(begin_note(at, "VMCOREINFO", 0, facts->text_len), facts->text, facts->text_len);
        at += note_bytes("VMCOREINFO", facts->text_len);
    }
    *len = (size_t)(at - out);
    return out;
}
