/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoint opcodes in the guest's memory. They are there only while the CPU runs: every stop takes them
 * out, every resume puts them in. Nobody but the guest itself sees them. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* An invalid opcode that KVM_CAP_S390_USER_INSTR0 hands to user space; without it DIAG 0x501, which is four
 * bytes. */
static const uint8_t opcode_zero[2] = {0x00, 0x00};
const uint8_t opcode_diag_501[TRAP_BYTES] = {0x83, 0x24, 0x05, 0x01};

static bool is_zero(const struct kvm_machine *m, const struct applied *a)
{
    return m->instr0 && !a->diag;
}

static const uint8_t *opcode(const struct kvm_machine *m, const struct applied *a)
{
    return is_zero(m, a) ? opcode_zero : opcode_diag_501;
}

/* Whether the aligned block in which opcode 0x0000 lies is zero but for the opcode's own two bytes. */
static bool zero_around(const struct kvm_machine *m, const struct applied *a)
{
    uint64_t block = a->absolute & ~(uint64_t)15;

    for (uint64_t at = block; at < block + 16; at += 2)
        if (at != a->absolute && load_be16(m->memory.base + at) != 0)
            return false;
    return true;
}

/* Whether the guest has cleared the place while it ran (a page that was freed): the opcode's zeros are the
 * guest's then. */
static bool cleared(const struct kvm_machine *m, const struct applied *a)
{
    return is_zero(m, a) && !a->zero_around && zero_around(m, a);
}

static void insert(struct kvm_machine *m, struct applied *a)
{
    uint8_t *at = m->memory.base + a->absolute;

    a->oplen = is_zero(m, a) ? sizeof opcode_zero : sizeof opcode_diag_501;
    a->zero_around = zero_around(m, a);
    memcpy(a->saved, at, a->oplen);
    memcpy(at, opcode(m, a), a->oplen);
}

/* Where the guest has stored over an opcode, or cleared its page, the guest's bytes stay. */
static void take_out(struct kvm_machine *m, const struct applied *a)
{
    uint8_t *at = m->memory.base + a->absolute;

    if (memcmp(at, opcode(m, a), a->oplen) == 0 && !cleared(m, a))
        memcpy(at, a->saved, a->oplen);
}

static int order_opcodes(const void *a, const void *b)
{
    uint64_t x = ((const struct opcode *)a)->absolute, y = ((const struct opcode *)b)->absolute;

    return x == y ? 0 : x < y ? -1 : 1;
}

/* In the order of absolute addresses, in which those of logical ones mostly are already. */
void opcodes_insert(struct kvm_machine *m)
{
    struct applied_set *set = &m->applied;
    bool sorted = true;

    set->nopcodes = 0;
    for (size_t i = 0; i < set->ncode; i++) {
        struct applied *a = &set->entry[i];

        if (a->how != HOW_MEMORY)
            continue;
        sorted &= !set->nopcodes || set->opcode[set->nopcodes - 1].absolute <= a->absolute;
        set->opcode[set->nopcodes++] = (struct opcode){a->absolute, a};
    }
    for (unsigned i = 0; i < m->catches.nhandlers; i++) {
        set->opcode[set->nopcodes++] =
            (struct opcode){m->catches.handler[i].absolute, &m->catches.handler[i]};
        sorted = false;
    }
    if (!sorted)
        qsort(set->opcode, set->nopcodes, sizeof *set->opcode, order_opcodes);
    for (size_t i = 0; i < set->nopcodes; i++)
        insert(m, set->opcode[i].of);
    set->in_force = true;
}

/* In reverse, since two breakpoints may share a frame. */
void breakpoints_remove(struct kvm_machine *m)
{
    struct applied_set *set = &m->applied;

    if (!set->in_force)
        return;
    for (size_t i = set->nopcodes; i-- > 0;)
        take_out(m, set->opcode[i].of);
    set->nopcodes = 0;
    set->in_force = false;
}

/* The first opcode at this absolute address or after it. */
static size_t first_from(const struct applied_set *set, uint64_t absolute)
{
    size_t low = 0, high = set->nopcodes;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->opcode[middle].absolute < absolute)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t number_at(const struct applied_set *set, size_t first, uint64_t absolute)
{
    size_t n = 0;

    while (first + n < set->nopcodes && set->opcode[first + n].absolute == absolute)
        n++;
    return n;
}

static bool is_lifted(const struct applied_set *set, size_t i)
{
    return i - set->lifted < set->nlifted;
}

/* Whether the opcode at this address of the CPU is one of ours, set for this address or for another that
 * leads there. What is there while ours is lifted is the guest's. */
bool opcode_at(const struct vcpu *cpu, uint64_t pc)
{
    const struct applied_set *set = &cpu->m->applied;
    uint64_t absolute;
    size_t first;

    if (!set->nopcodes || memory_absolute(cpu, SPACE_CODE, pc, &absolute) < 0)
        return false;
    first = first_from(set, absolute);
    return number_at(set, first, absolute) > 0 && !is_lifted(set, first);
}

static bool is_execute(const uint8_t *insn)
{
    return insn[0] == 0x44 || (insn[0] == 0xc6 && !(insn[1] & 15));
}

/* Takes what is at the PC out for one instruction. False if all opcodes have to be: DIAG 0x501 is long enough
 * to reach into another one, or is there because 0x0000 is not to be executed now, and EXECUTE may have its
 * target under one, which would be a program check. */
bool opcodes_lift(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;
    struct applied_set *set = &m->applied;
    uint64_t absolute;

    set->nlifted = 0;
    if (!m->instr0)
        return false;
    if (memory_absolute(cpu, SPACE_CODE, cpu->run->psw_addr, &absolute) < 0)
        return true; /* nothing will be executed there */
    set->lifted = first_from(set, absolute);
    set->nlifted = number_at(set, set->lifted, absolute);
    for (size_t i = 0; i < set->nlifted; i++)
        if (set->opcode[set->lifted + i].of->diag) {
            set->nlifted = 0;
            return false;
        }
    for (size_t i = set->nlifted; i-- > 0;)
        take_out(m, set->opcode[set->lifted + i].of);
    if (!is_execute(m->memory.base + absolute))
        return true;
    opcodes_lower(m);
    return false;
}

/* Puts it in again. */
void opcodes_lower(struct kvm_machine *m)
{
    struct applied_set *set = &m->applied;

    for (size_t i = 0; i < set->nlifted; i++)
        insert(m, set->opcode[set->lifted + i].of);
    set->nlifted = 0;
}

/* Puts what the opcodes replaced into bytes, a copy of what is in memory at this absolute address. */
void opcodes_hide(const struct kvm_machine *m, uint64_t absolute, uint8_t *bytes, size_t len)
{
    const struct applied_set *set = &m->applied;
    size_t first = first_from(set, absolute < TRAP_BYTES ? 0 : absolute - TRAP_BYTES + 1);

    for (size_t i = first_from(set, absolute + len); i-- > first;) {
        const struct applied *a = set->opcode[i].of;

        /* two bytes tell: of one that reaches into another the rest is hidden already */
        if (is_lifted(set, i) || memcmp(m->memory.base + a->absolute, opcode(m, a), 2) != 0 || cleared(m, a))
            continue;
        for (unsigned j = 0; j < a->oplen; j++)
            if (a->absolute + j - absolute < len)
                bytes[a->absolute + j - absolute] = a->saved[j];
    }
}
