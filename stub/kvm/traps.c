/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traps for single-step: DIAG 0x501 at the first instruction of the interruption handlers while instructions
 * are stepped. Before Linux 6.6 a step whose instruction ends in a program check, or into which another
 * interruption breaks, stops one instruction into the handler; with the trap it stops at the handler's first
 * instruction on any kernel. The SVC handler needs none. The price: an instruction that reads those four
 * bytes as data while it is stepped sees the trap. */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define INSN_BYTES_MAX 6
#define PAGE_BYTES 4096ULL
#define PAGE_MASK (~(PAGE_BYTES - 1))

/* Where the new PSWs are in the lowcore, from the restart to the I/O one (Principles, "Assigned Storage
 * Locations"). */
#define NEW_PSWS 0x1a0
static const unsigned new_psw[HANDLERS] = {0x1a0, 0x1b0, 0x1d0, 0x1e0, 0x1f0}; /* restart, external, program,
                                                                                 machine check, I/O */

/* What decides how the PC translates, but for control registers and tables. */
#define PSW_SPACE (PSW_DAT | PSW_ASC | PSW_EA | PSW_BA)

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

/* A walk for the page of one handler, which mostly serves for the next: they share code and PSW mask. */
struct walked {
    struct psw page;
    bool valid;
    struct dat_result at;
};

/* The absolute address of this handler's first instruction, if a trap can be there. */
static bool find_handler(struct dat_context *ctx, struct walked *w, struct psw psw, uint64_t *absolute)
{
    uint64_t offset = psw.addr & ~PAGE_MASK;

    if (!w->valid || w->page.mask != psw.mask || w->page.addr != psw.addr - offset) {
        w->page = (struct psw){psw.mask, psw.addr - offset};
        ctx->psw_mask = psw.mask;
        w->valid = dat_translate(ctx, SPACE_CODE, w->page.addr, &w->at) == 0;
    }
    *absolute = w->at.absolute + offset;
    return w->valid && !(offset & 1) && offset + TRAP_BYTES <= w->at.left;
}

/* Finds the handlers' first instructions, each through the translation that its new PSW sets up, and keeps
 * what that depends on. */
static void find_handlers(struct vcpu *cpu)
{
    struct handler_traps *t = &cpu->traps;
    uint64_t prefix = cpu->run->s.regs.prefix;
    const uint8_t *lowcore = cpu->m->memory.base + prefix;
    struct walked walked = {.valid = false};
    struct dat_context ctx;

    t->n = 0;
    t->prefix = UINT64_MAX; /* nobody's */
    if (prefix > cpu->m->memory.size - LOWCORE_BYTES)
        return;
    t->prefix = prefix;
    memcpy(t->new_psws, lowcore + NEW_PSWS, sizeof t->new_psws);
    memory_context(cpu, &ctx);
    memcpy(t->crs, ctx.cr, sizeof t->crs);
    for (unsigned i = 0; i < HANDLERS; i++) {
        struct psw psw = {load_be64(lowcore + new_psw[i]), load_be64(lowcore + new_psw[i] + 8)};
        uint64_t absolute;

        if (psw_disabled_wait(psw.mask) || (psw.mask == 0 && psw.addr == 0)) /* none, or not set up yet */
            continue;
        if (psw.mask & PSW_PSTATE) /* DIAG is privileged */
            continue;
        if (find_handler(&ctx, &walked, psw, &absolute) && apart_from_others(t, absolute))
            t->absolute[t->n++] = absolute;
    }
}

/* Sets the traps, but none over the instruction at this absolute address, which is to be executed; NULL: an
 * interruption comes before any instruction is. */
void traps_set(struct vcpu *cpu, const uint64_t *insn)
{
    struct handler_traps *t = &cpu->traps;

    find_handlers(cpu);
    t->quiet_size = 0;
    for (unsigned i = 0; i < t->n; i++) {
        uint8_t *at = cpu->m->memory.base + t->absolute[i];

        t->set[i] = !insn || apart(t->absolute[i], TRAP_BYTES, *insn, INSN_BYTES_MAX);
        if (!t->set[i])
            continue;
        memcpy(t->saved[i], at, TRAP_BYTES);
        memcpy(at, opcode_diag_501, TRAP_BYTES);
    }
}

/* Bytes that the guest has stored over a trap stay. */
void traps_remove(struct vcpu *cpu)
{
    struct handler_traps *t = &cpu->traps;

    for (unsigned i = 0; i < t->n; i++) {
        uint8_t *at = cpu->m->memory.base + t->absolute[i];

        for (unsigned j = 0; t->set[i] && j < TRAP_BYTES; j++)
            if (at[j] == opcode_diag_501[j])
                at[j] = t->saved[i][j];
        t->set[i] = false;
    }
}

/* Puts what the traps replaced into bytes, a copy of what is in memory at this absolute address. */
void traps_hide(const struct vcpu *cpu, uint64_t absolute, uint8_t *bytes, size_t len)
{
    const struct handler_traps *t = &cpu->traps;

    for (unsigned i = 0; i < t->n; i++) {
        const uint8_t *at = cpu->m->memory.base + t->absolute[i];

        for (unsigned j = 0; t->set[i] && j < TRAP_BYTES; j++)
            if (t->absolute[i] + j - absolute < len && at[j] == opcode_diag_501[j])
                bytes[t->absolute[i] + j - absolute] = t->saved[i][j];
    }
}

/* Whether the opcode at this address of the CPU is one of the traps. */
bool traps_hit(const struct vcpu *cpu, uint64_t pc)
{
    const struct handler_traps *t = &cpu->traps;
    uint64_t absolute;

    if (memory_absolute(cpu, SPACE_CODE, pc, &absolute) < 0)
        return false;
    for (unsigned i = 0; i < t->n; i++)
        if (t->set[i] && t->absolute[i] == absolute)
            return true;
    return false;
}

/* Finds where around the PC, within its page, instructions are apart from all traps; false if that is not so
 * for the one at the PC, or not all traps are set. */
static bool find_quiet(struct vcpu *cpu)
{
    struct handler_traps *t = &cpu->traps;
    uint64_t pc = cpu->run->psw_addr, page = pc & PAGE_MASK;
    uint64_t absolute, start = 0, end = PAGE_BYTES - INSN_BYTES_MAX + 1; /* offsets in the page */

    t->quiet_size = 0;
    if (memory_absolute(cpu, SPACE_CODE, page, &absolute) < 0)
        return false;
    for (unsigned i = 0; i < t->n; i++) {
        uint64_t trap = t->absolute[i];

        if (!t->set[i] || !apart(trap, TRAP_BYTES, absolute + pc - page, INSN_BYTES_MAX))
            return false;
        if (trap < absolute + pc - page && trap + TRAP_BYTES > absolute + start)
            start = trap + TRAP_BYTES - absolute;
        else if (trap > absolute + pc - page && trap - INSN_BYTES_MAX + 1 < absolute + end)
            end = trap - INSN_BYTES_MAX + 1 - absolute;
    }
    t->quiet_start = page + start;
    t->quiet_page = cpu->m->memory.base + absolute;
    t->quiet_size = end > start ? end - start : 0;
    t->quiet_mask = cpu->run->psw_mask & PSW_SPACE;
    return pc - t->quiet_start < t->quiet_size;
}

/* Whether the traps that were set for an instruction before may stay for the one at the PC: nothing has
 * changed by which they were found but perhaps tables, and none is over that instruction. All of a step in a
 * range but KVM_RUN is about this: it looks at bytes that are at hand, and translates once for each page. */
bool traps_stand(struct vcpu *cpu)
{
    const struct kvm_run *run = cpu->run;
    struct handler_traps *t = &cpu->traps;

    if (run->s.regs.prefix != t->prefix || memcmp(run->s.regs.crs, t->crs, sizeof t->crs) != 0 ||
        memcmp(cpu->m->memory.base + t->prefix + NEW_PSWS, t->new_psws, sizeof t->new_psws) != 0)
        return false;
    if (run->psw_addr - t->quiet_start < t->quiet_size && (run->psw_mask & PSW_SPACE) == t->quiet_mask)
        return true;
    return find_quiet(cpu);
}

/* The instruction at the PC, if it is apart from all traps that stand; NULL if that is not known. */
const uint8_t *traps_insn(const struct vcpu *cpu)
{
    const struct handler_traps *t = &cpu->traps;
    uint64_t pc = cpu->run->psw_addr;

    return pc - t->quiet_start < t->quiet_size ? t->quiet_page + pc % PAGE_BYTES : NULL;
}
