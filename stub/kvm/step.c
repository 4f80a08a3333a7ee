/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traps for single-step: DIAG 0x501 at the first instruction of the interruption handlers while one
 * instruction is stepped. Before Linux 6.6 a step whose instruction ends in a program check, or into which
 * another interruption breaks, stops one instruction into the handler; with the trap it stops at the
 * handler's first instruction on any kernel. The SVC handler needs none. The price: an instruction that reads
 * those four bytes as data while it is stepped sees the trap. */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* Where the new PSWs are in the lowcore, from the restart to the I/O one (Principles, "Assigned Storage
 * Locations"). */
#define INSN_BYTES_MAX 6
#define LOWCORE_BYTES 8192
static const unsigned new_psw[HANDLERS] = {0x1a0, 0x1b0, 0x1d0, 0x1e0, 0x1f0}; /* restart, external, program,
                                                                                 machine check, I/O */

/* Enough for the few local interruptions that can be pending at once; KVM gives 72 bytes for each. */
#define IRQ_STATE_BYTES (16 * sizeof(struct kvm_s390_irq))

static bool apart(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    return a - b >= b_bytes && b - a >= a_bytes; /* modulo 2^64: one of the differences is huge */
}

static bool apart_from_others(const struct handler_traps *t, uint64_t absolute)
{
    for (unsigned i = 0; i < t->n; i++)
        if (!apart(absolute, TRAP_BYTES, t->absolute[i], TRAP_BYTES))
            return false;
    return true;
}

/* Finds the handlers' first instructions, each through the translation that its new PSW sets up. Looked up
 * for each step anew: tables change without notice, and a trap in a wrong frame would be worse than the
 * microseconds. */
static void find_handlers(struct vcpu *cpu)
{
    struct handler_traps *t = &cpu->traps;
    uint64_t prefix = cpu->run->s.regs.prefix;
    const uint8_t *lowcore = cpu->m->memory.base + prefix;
    struct dat_context ctx;

    t->n = 0;
    if (prefix > cpu->m->memory.size - LOWCORE_BYTES)
        return;
    memory_context(cpu, &ctx);
    for (unsigned i = 0; i < HANDLERS; i++) {
        struct dat_result at;
        uint64_t addr = load_be64(lowcore + new_psw[i] + 8);

        ctx.psw_mask = load_be64(lowcore + new_psw[i]);
        if (psw_disabled_wait(ctx.psw_mask) || (ctx.psw_mask == 0 && addr == 0)) /* none, or not set up yet */
            continue;
        if (ctx.psw_mask & PSW_PSTATE) /* DIAG is privileged */
            continue;
        if (dat_translate(&ctx, SPACE_PSW, addr, &at) || at.absolute & 1 || at.left < TRAP_BYTES)
            continue;
        if (apart_from_others(t, at.absolute))
            t->absolute[t->n++] = at.absolute;
    }
}

/* Sets the traps, but none over the instruction that is to be stepped: executes is false where an
 * interruption comes before the instruction at the PC. */
void traps_set(struct vcpu *cpu, bool executes)
{
    struct handler_traps *t = &cpu->traps;
    uint64_t pc;

    find_handlers(cpu);
    if (!executes || memory_absolute(cpu, SPACE_PSW, cpu->run->psw_addr, &pc) < 0)
        pc = cpu->m->memory.size + INSN_BYTES_MAX; /* apart from everything */
    for (unsigned i = 0; i < t->n; i++) {
        uint8_t *at = cpu->m->memory.base + t->absolute[i];

        t->set[i] = apart(t->absolute[i], TRAP_BYTES, pc, INSN_BYTES_MAX);
        if (!t->set[i])
            continue;
        memcpy(t->saved[i], at, TRAP_BYTES);
        memcpy(at, opcode_diag_501, TRAP_BYTES);
    }
}

void traps_remove(struct vcpu *cpu)
{
    struct handler_traps *t = &cpu->traps;

    for (unsigned i = 0; i < t->n; i++) {
        uint8_t *at = cpu->m->memory.base + t->absolute[i];

        if (t->set[i] && memcmp(at, opcode_diag_501, TRAP_BYTES) == 0)
            memcpy(at, t->saved[i], TRAP_BYTES);
        t->set[i] = false;
    }
}

/* Whether the opcode at this address of the CPU is one of the traps. */
bool traps_hit(const struct vcpu *cpu, uint64_t pc)
{
    const struct handler_traps *t = &cpu->traps;
    uint64_t absolute;

    if (memory_absolute(cpu, SPACE_PSW, pc, &absolute) < 0)
        return false;
    for (unsigned i = 0; i < t->n; i++)
        if (t->set[i] && t->absolute[i] == absolute)
            return true;
    return false;
}

/* A program interruption that KVM holds for its next entry: before Linux 6.6 a step over an instruction with
 * an operation, divide or specification exception reports before the guest has taken it. */
bool step_interruption_pending(struct vcpu *cpu)
{
    struct kvm_s390_irq irqs[16] = {0};
    struct kvm_s390_irq_state state = {.buf = (uintptr_t)irqs, .len = IRQ_STATE_BYTES};
    int bytes;

    if (!cpu->m->irq_state)
        return false;
    bytes = cpu->m->sys->ioctl(cpu->fd, KVM_S390_GET_IRQ_STATE, &state);
    for (int i = 0; i < bytes / (int)sizeof *irqs; i++)
        if (irqs[i].type == KVM_S390_PROGRAM_INT)
            return true;
    return false;
}
