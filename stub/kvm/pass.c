/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passing the instruction at a breakpoint that does not stop the CPU, while everything else stays in force:
 * once for each time that the CPU came there, even if an interruption comes first, and as cheaply as can be.
 * Single-step costs two KVM_SET_GUEST_DEBUG. An instruction that is followed by the next one in storage can
 * do without: an opcode behind it stops the CPU as well, if nothing interrupts it on the way. The price: one
 * that reads what is behind it as data sees that opcode. */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define PAGE_BYTES 4096
#define INSN_BYTES_MAX 6

/* Where an interruption stores the PSW in the lowcore, and 0x80 above takes one from (Principles, "Assigned
 * Storage Locations"): restart, external, SVC, program, machine check, I/O. */
#define OLD_PSWS 0x120
#define OLD_PSWS_END 0x180
#define NEW_PSW_AFTER_OLD 0x80

/* ---- an interruption that comes first ---- */

static struct psw load_psw(const uint8_t *at)
{
    return (struct psw){load_be64(at), load_be64(at + 8)};
}

static bool same_psw(struct psw a, struct psw b)
{
    return a.mask == b.mask && a.addr == b.addr;
}

static struct psw psw_of(const struct vcpu *cpu)
{
    return (struct psw){cpu->run->psw_mask, cpu->run->psw_addr};
}

/* Whether the CPU stands at the beginning of an interruption that came in front of the instruction at psw. */
static bool interrupted_at(const struct vcpu *cpu, struct psw psw)
{
    const uint8_t *core = memory_lowcore(cpu);

    for (unsigned old = OLD_PSWS; core && old < OLD_PSWS_END; old += 16)
        if (same_psw(load_psw(core + old), psw) &&
            same_psw(load_psw(core + old + NEW_PSW_AFTER_OLD), psw_of(cpu)))
            return true;
    return false;
}

void pass_begin(struct vcpu *cpu)
{
    cpu->passing.psw = psw_of(cpu);
    memcpy(cpu->passing.gprs, cpu->run->s.regs.gprs, sizeof cpu->passing.gprs);
}

void pass_end(struct vcpu *cpu)
{
    if (!interrupted_at(cpu, cpu->passing.psw))
        return;
    cpu->interrupted = cpu->passing;
    cpu->interrupted.valid = true;
}

/* Whether the CPU is back from that interruption: it was found out before what breakpoints there are. */
bool pass_goes_on(struct vcpu *cpu)
{
    struct interrupted *i = &cpu->interrupted;

    if (!i->valid || !same_psw(i->psw, psw_of(cpu)) ||
        memcmp(cpu->run->s.regs.gprs, i->gprs, sizeof i->gprs) != 0)
        return false;
    i->valid = false;
    cpu->at_reported = true;
    return true;
}

/* ---- without single-step ---- */

/* The instruction at the PC, if that and the next one's beginning are in one page and there is no doubt that
 * the next one follows. */
static bool find_insn(const struct vcpu *cpu, uint64_t *absolute)
{
    return memory_absolute(cpu, SPACE_CODE, cpu->run->psw_addr, absolute) == 0 && !(*absolute & 1) &&
           *absolute % PAGE_BYTES <= PAGE_BYTES - INSN_BYTES_MAX - 2 &&
           insn_goes_on(cpu->m->memory.base + *absolute);
}

/* KVM has told of the hardware breakpoint at the PC, and does not do so again if the CPU is entered: unless
 * the instruction leads to itself, or another opcode lies on it, that is all. */
bool pass_is_free(const struct vcpu *cpu)
{
    uint64_t insn;

    return !opcode_at(cpu, cpu->run->psw_addr) && find_insn(cpu, &insn);
}

/* PER breakpoints would be told on the way, and again. */
bool pass_is_quick(const struct vcpu *cpu)
{
    uint64_t insn;

    return cpu->m->instr0 && !cpu->nhw_code && !(cpu->run->psw_mask & (PSW_WAIT | PSW_PER)) &&
           find_insn(cpu, &insn);
}

/* Executes the instruction, with interruptions put off. True if the CPU stands behind it, or at the beginning
 * of an interruption; else *entered says what is to be looked at. */
bool pass_quickly(struct vcpu *cpu, enum entered *entered, struct stop *stop)
{
    uint64_t insn = 0, next;
    uint8_t *behind, saved[2];
    unsigned passed, nwatch = cpu->m->nwatch;
    bool done;

    memory_absolute(cpu, SPACE_CODE, cpu->run->psw_addr, &insn);
    behind = cpu->m->memory.base + insn + insn_length(cpu->m->memory.base[insn]);
    next = psw_wrap(cpu->run->psw_mask, cpu->run->psw_addr + insn_length(cpu->m->memory.base[insn]));
    traps_set(cpu, &insn);
    memcpy(saved, behind, sizeof saved);
    memset(behind, 0, sizeof saved);
    cpu->puts_off = true;
    cpu->m->nwatch = 0; /* nothing has changed yet but by what was just done to the code */
    *entered = run_enter(cpu, false, stop);
    cpu->m->nwatch = nwatch;
    passed = *entered == ENTERED_EXIT ? opcode_passed(cpu) : 0;
    done = passed && (rewound(cpu, passed) == next || traps_hit(cpu, rewound(cpu, passed)));
    if (done)
        cpu->run->psw_addr = rewound(cpu, passed);
    if (load_be16(behind) == 0)
        memcpy(behind, saved, sizeof saved);
    traps_remove(cpu);
    cpu->puts_off = false;
    return done;
}
