/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan's breakpoints in force: which of them are an opcode in memory, which a PER entry, and to which
 * address space each belongs. Opcodes are in memory only while the CPU runs: every stop takes them out, every
 * resume translates and looks at memory anew, so whatever the guest or the debugger did in between is
 * honoured.
 *
 * A software breakpoint whose code is not there yet (its address does not translate, or the Linux loader
 * still runs and will put the kernel over it) is held by PER, which needs no memory. It is provisional: a
 * timer makes the vcpu look again until it can be an opcode, because PER entries far apart make all code
 * between them slow. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* An invalid opcode that KVM_CAP_S390_USER_INSTR0 hands to user space; without it DIAG 0x501, which is four
 * bytes. */
static const uint8_t opcode_zero[2] = {0x00, 0x00};
const uint8_t opcode_diag_501[TRAP_BYTES] = {0x83, 0x24, 0x05, 0x01};

/* What makes an ASCE another address space: origin, real-space, designation type and length. */
#define ASCE_IDENTITY 0xfffffffffffff02fULL
#define ASCE_ORIGIN 0xfffffffffffff000ULL

static const uint8_t *opcode(const struct kvm_machine *m)
{
    return m->instr0 ? opcode_zero : opcode_diag_501;
}

/* Code that lies where it will be executed. Of a Linux image that is so once its loader is over; of an ELF
 * file in the segments that were loaded, and wherever something was put since: opcode 0x0000 is no code. */
static bool code_is_there(const struct kvm_machine *m, const struct applied *a, uint64_t pc)
{
    if (m->ipl.kernel_start)
        return pc >= m->ipl.kernel_start;
    for (unsigned i = 0; i < m->ipl.nranges; i++)
        if (a->bp.addr >= m->ipl.ranges[i].start && a->bp.addr < m->ipl.ranges[i].end)
            return true;
    return load_be16(m->memory.base + a->absolute) != 0;
}

/* Home if the address translates there, else what the PSW says; not at all while DAT is off or neither
 * translates. A CR13 without a table (as after reset) is no home space. */
static void bind(const struct dat_context *ctx, struct applied *a)
{
    struct dat_result result;
    bool real;

    a->bound = false;
    if (!(ctx->psw_mask & PSW_DAT))
        return;
    if ((ctx->cr[13] & ASCE_ORIGIN) && dat_translate(ctx, SPACE_HOME, a->bp.addr, &result) == 0)
        a->asce = ctx->cr[13] & ASCE_IDENTITY;
    else if (dat_translate(ctx, SPACE_PSW, a->bp.addr, &result) == 0)
        a->asce = dat_psw_asce(ctx, &real) & ASCE_IDENTITY;
    else
        return;
    a->bound = true;
}

/* Translates addr in the space to which the breakpoint belongs, else as the PSW says. */
static bool translate(const struct dat_context *ctx, const struct applied *a, uint64_t addr,
                      struct dat_result *out)
{
    struct dat_context in_space = *ctx;

    if (!a->bound)
        return dat_translate(ctx, SPACE_PSW, addr, out) == 0;
    in_space.cr[13] = a->asce;
    in_space.psw_mask |= PSW_EA | PSW_BA;
    return dat_translate(&in_space, SPACE_HOME, addr, out) == 0;
}

/* DIAG 0x501 must not reach into the next instruction. */
static bool opcode_fits(const struct kvm_machine *m, const struct dat_result *at)
{
    return m->instr0 || (insn_length(m->memory.base[at->absolute]) >= TRAP_BYTES && at->left >= TRAP_BYTES);
}

/* Decides how one breakpoint is in force now; changes nothing in the guest. */
static void decide(const struct vcpu *cpu, const struct dat_context *ctx, struct applied *a)
{
    const struct kvm_machine *m = cpu->m;
    struct dat_result at = {.absolute = 0};
    bool translated, there;

    if (!a->bound)
        bind(ctx, a);
    translated = translate(ctx, a, a->bp.addr, &at);
    a->absolute = at.absolute;
    there = translated && (a->bound || code_is_there(m, a, cpu->run->psw_addr));
    a->provisional = false;
    switch (a->bp.kind) {
    case BP_HARDWARE:
        a->how = HOW_HARDWARE;
        break;
    case BP_WRITE:
        a->how = translated ? HOW_HARDWARE : HOW_NONE;
        a->provisional = !translated;
        break;
    case BP_SOFTWARE:
        a->provisional = !there;
        a->how = !a->provisional && opcode_fits(m, &at) ? HOW_MEMORY : HOW_HARDWARE;
        break;
    }
}

/* Number of PER entries of a watchpoint, which may cross frames and exceed what one entry holds. If fill is
 * not NULL they are appended to its list as far as it has room. A later frame that does not translate now
 * leaves it provisional. */
static unsigned watch_entries(struct vcpu *fill, const struct dat_context *ctx, struct applied *a)
{
    uint64_t addr = a->bp.addr, left = a->bp.len;
    unsigned n = 0;

    while (left && n <= HW_ENTRIES_MAX) {
        struct dat_result at;
        uint64_t part = left < WATCH_BYTES_MAX ? left : WATCH_BYTES_MAX;

        if (!translate(ctx, a, addr, &at))
            break;
        part = part < at.left ? part : at.left;
        if (fill && fill->nwatch < HW_ENTRIES_MAX)
            fill->watch[fill->nwatch++] = (struct watch){&a->bp, at.absolute, addr, (size_t)part, {0}};
        addr += part;
        left -= part;
        n++;
    }
    a->provisional = left > 0;
    return n;
}

/* One that PER has no room for, but whose memory can be had, becomes an opcode after all. */
static bool demote(const struct dat_context *ctx, const struct kvm_machine *m, struct applied *a)
{
    struct dat_result at;

    if (a->bp.kind != BP_SOFTWARE || !translate(ctx, a, a->bp.addr, &at) || !opcode_fits(m, &at))
        return false;
    a->absolute = at.absolute;
    a->how = HOW_MEMORY;
    return true;
}

static int too_many(const struct kvm_machine *m, const struct applied *a, struct err *e)
{
    if (!(m->base.caps & MACHINE_CAN_HW_BREAK) && a->bp.kind == BP_SOFTWARE)
        return err_set(e, EXIT_OTHER,
                       "cannot set a breakpoint at 0x%llx: no opcode fits there and there are no hardware "
                       "breakpoints: %s",
                       (unsigned long long)a->bp.addr, m->base.notice);
    if (!(m->base.caps & MACHINE_CAN_HW_BREAK))
        return err_set(e, EXIT_OTHER, "cannot set a %s at 0x%llx: %s",
                       a->bp.kind == BP_WRITE ? "watchpoint" : "hardware breakpoint",
                       (unsigned long long)a->bp.addr, m->base.notice);
    return err_set(
        e, EXIT_OTHER,
        "cannot set a breakpoint or watchpoint at 0x%llx: KVM has %d hardware breakpoints and watchpoints "
        "(%d bytes each) and they are in use; delete some",
        (unsigned long long)a->bp.addr, HW_ENTRIES_MAX, WATCH_BYTES_MAX);
}

/* Decides beside others that take *used PER entries, to which its own are added. */
static int decide_beside(const struct vcpu *cpu, const struct dat_context *ctx, struct applied *a,
                         unsigned *used, struct err *e)
{
    const struct kvm_machine *m = cpu->m;
    unsigned limit = m->base.caps & MACHINE_CAN_HW_BREAK ? HW_ENTRIES_MAX : 0;
    unsigned need;

    decide(cpu, ctx, a);
    need = a->how != HOW_HARDWARE ? 0 : a->bp.kind == BP_WRITE ? watch_entries(NULL, ctx, a) : 1;
    if (*used + need > limit && !demote(ctx, m, a))
        return too_many(m, a, e);
    *used += a->how == HOW_HARDWARE ? need : 0;
    return 0;
}

/* Decides for the whole set and sees that PER has room for what falls to it. */
static int decide_all(const struct vcpu *cpu, const struct dat_context *ctx, struct applied_set *set,
                      struct err *e)
{
    unsigned used = 0;

    for (size_t i = 0; i < set->n; i++)
        if (decide_beside(cpu, ctx, &set->entry[i], &used, e) < 0)
            return -1;
    return 0;
}

static int check_one(const struct vcpu *cpu, const struct dat_context *ctx, const struct applied *a,
                     struct err *e)
{
    unsigned long long addr = a->bp.addr;

    if (a->bp.kind != BP_WRITE && addr & 1)
        return err_set(e, EXIT_OTHER, "cannot set a breakpoint at 0x%llx: instructions are at even addresses",
                       addr);
    if (a->bp.kind != BP_WRITE)
        return 0;
    if (!(cpu->m->base.caps & MACHINE_CAN_HW_BREAK))
        return too_many(cpu->m, a, e);
    if (a->bp.len == 0 || a->bp.len > HW_ENTRIES_MAX * WATCH_BYTES_MAX)
        return err_set(e, EXIT_OTHER, "cannot watch %llu bytes at 0x%llx: 1 to %d can be watched",
                       (unsigned long long)a->bp.len, addr, HW_ENTRIES_MAX * WATCH_BYTES_MAX);
    if (a->how == HOW_NONE)
        return err_set(e, EXIT_OTHER,
                       "cannot watch 0x%llx: the address does not translate now (PSW mask %016llx)", addr,
                       (unsigned long long)ctx->psw_mask);
    return 0;
}

static struct applied *new_entries(const struct breakpoint *set, size_t n)
{
    struct applied *entry = calloc(n ? n : 1, sizeof *entry);

    for (size_t i = 0; entry && i < n; i++)
        entry[i].bp = set[i];
    return entry;
}

int breakpoints_check(struct machine *machine, unsigned id, const struct breakpoint *set, size_t n,
                      struct err *e)
{
    const struct vcpu *cpu = &to_kvm(machine)->cpu[id];
    struct applied_set trial = {n, new_entries(set, n), false};
    struct dat_context ctx;
    int rc = -1;

    if (!trial.entry)
        return err_set(e, EXIT_OTHER, "no memory for %zu breakpoints", n);
    memory_context(cpu, &ctx);
    rc = decide_all(cpu, &ctx, &trial, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_one(cpu, &ctx, &trial.entry[i], e);
    free(trial.entry);
    return rc;
}

int breakpoint_check(struct machine *machine, unsigned id, const struct breakpoint *b, unsigned used,
                     unsigned *units, struct err *e)
{
    const struct vcpu *cpu = &to_kvm(machine)->cpu[id];
    struct applied trial = {.bp = *b};
    struct dat_context ctx;
    unsigned with = used;

    memory_context(cpu, &ctx);
    if (decide_beside(cpu, &ctx, &trial, &with, e) < 0 || check_one(cpu, &ctx, &trial, e) < 0)
        return -1;
    *units = with - used;
    return 0;
}

static bool same_breakpoint(const struct breakpoint *a, const struct breakpoint *b)
{
    return a->kind == b->kind && a->addr == b->addr && a->len == b->len;
}

static bool same_set(const struct applied_set *old, const struct resume_plan *plan)
{
    if (old->n != plan->nbreakpoints)
        return false;
    for (size_t i = 0; i < old->n; i++)
        if (!same_breakpoint(&old->entry[i].bp, &plan->breakpoints[i]))
            return false;
    return true;
}

/* Takes the plan's set over if it fits, so that a resume is refused before any CPU moves. One that was in the
 * last plan stays bound to its address space: a debugger takes all its breakpoints out at every stop and puts
 * the same back. */
int breakpoints_adopt(struct kvm_machine *m, const struct resume_plan *plan, struct err *e)
{
    struct applied_set trial;
    struct applied *entry;
    struct dat_context ctx;

    if (same_set(&m->applied, plan))
        return 0;
    entry = new_entries(plan->breakpoints, plan->nbreakpoints);
    if (!entry)
        return err_set(e, EXIT_OTHER, "no memory for %zu breakpoints", plan->nbreakpoints);
    for (size_t i = 0; i < plan->nbreakpoints; i++)
        for (size_t j = 0; j < m->applied.n; j++)
            if (same_breakpoint(&entry[i].bp, &m->applied.entry[j].bp)) {
                entry[i].bound = m->applied.entry[j].bound;
                entry[i].asce = m->applied.entry[j].asce;
            }
    trial = (struct applied_set){plan->nbreakpoints, entry, false};
    memory_context(&m->cpu[0], &ctx);
    if (decide_all(&m->cpu[0], &ctx, &trial, e) < 0) {
        free(entry);
        return -1;
    }
    free(m->applied.entry);
    m->applied = trial;
    return 0;
}

/* After a reset: the address spaces of before are gone. */
void breakpoints_unbind(struct kvm_machine *m)
{
    for (size_t i = 0; i < m->applied.n; i++)
        m->applied.entry[i].bound = false;
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
    return m->instr0 && !a->zero_around && zero_around(m, a);
}

static void insert_opcodes(struct kvm_machine *m)
{
    for (size_t i = 0; i < m->applied.n; i++) {
        struct applied *a = &m->applied.entry[i];

        if (a->how != HOW_MEMORY)
            continue;
        a->oplen = m->instr0 ? sizeof opcode_zero : sizeof opcode_diag_501;
        a->zero_around = zero_around(m, a);
        memcpy(a->saved, m->memory.base + a->absolute, a->oplen);
        memcpy(m->memory.base + a->absolute, opcode(m), a->oplen);
    }
    m->applied.in_force = true;
}

/* In reverse, since two breakpoints may share a frame; where the guest has stored over an opcode, or cleared
 * its page, the guest's bytes stay. */
void breakpoints_remove(struct kvm_machine *m)
{
    if (!m->applied.in_force)
        return;
    for (size_t i = m->applied.n; i-- > 0;) {
        struct applied *a = &m->applied.entry[i];
        uint8_t *at = m->memory.base + a->absolute;

        if (a->how == HOW_MEMORY && memcmp(at, opcode(m), a->oplen) == 0 && !cleared(m, a))
            memcpy(at, a->saved, a->oplen);
    }
    m->applied.in_force = false;
}

static unsigned fill_watches(struct vcpu *cpu, const struct dat_context *ctx, struct kvm_hw_breakpoint *hw)
{
    cpu->nwatch = 0;
    for (size_t i = 0; i < cpu->m->applied.n; i++) {
        struct applied *a = &cpu->m->applied.entry[i];
        if (a->bp.kind == BP_WRITE && a->how == HOW_HARDWARE)
            watch_entries(cpu, ctx, a);
    }
    for (unsigned i = 0; i < cpu->nwatch; i++)
        hw[i] = (struct kvm_hw_breakpoint){.addr = cpu->watch[i].addr,
                                           .phys_addr = cpu->watch[i].absolute,
                                           .len = cpu->watch[i].len,
                                           .type = KVM_HW_WP_WRITE};
    return cpu->nwatch;
}

/* Everything in force for a CPU that continues. */
int breakpoints_apply(struct vcpu *cpu, struct err *e)
{
    struct applied_set *set = &cpu->m->applied;
    struct kvm_hw_breakpoint hw[HW_ENTRIES_MAX];
    struct dat_context ctx;
    unsigned n;

    memory_context(cpu, &ctx);
    if (decide_all(cpu, &ctx, set, e) < 0)
        return -1;
    n = fill_watches(cpu, &ctx, hw);
    for (size_t i = 0; i < set->n && n < HW_ENTRIES_MAX; i++)
        if (set->entry[i].how == HOW_HARDWARE && set->entry[i].bp.kind != BP_WRITE)
            hw[n++] = (struct kvm_hw_breakpoint){.addr = set->entry[i].bp.addr,
                                                 .phys_addr = set->entry[i].absolute,
                                                 .len = 1,
                                                 .type = KVM_HW_BP};
    if (debug_arm(cpu, n ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP : 0, n, hw, e) < 0)
        return -1;
    insert_opcodes(cpu->m);
    watch_take(cpu);
    return 0;
}

/* For steps, which need none of KVM's help: after each the watched bytes are compared, and the PC in a range
 * of size bytes with the code breakpoints there. A zero bit of the answer says that at addresses with this
 * breakpoints_bit() there is none. The caller takes the watched bytes (watch_take) once its traps are set. */
uint64_t breakpoints_apply_step(struct vcpu *cpu, uint64_t start, uint64_t size)
{
    struct applied_set *set = &cpu->m->applied;
    struct dat_context ctx;
    uint64_t somewhere = 0;

    cpu->nwatch = 0;
    if (set->n)
        memory_context(cpu, &ctx);
    for (size_t i = 0; i < set->n; i++) {
        struct applied *a = &set->entry[i];
        bool watch = a->bp.kind == BP_WRITE;

        if (!watch && a->bp.addr - start >= size)
            continue;
        decide(cpu, &ctx, a);
        if (!watch)
            somewhere |= 1ULL << breakpoints_bit(a->bp.addr);
        else if (a->how == HOW_HARDWARE)
            watch_entries(cpu, &ctx, a);
    }
    return somewhere;
}

bool breakpoints_provisional(const struct kvm_machine *m)
{
    for (size_t i = 0; i < m->applied.n; i++)
        if (m->applied.entry[i].provisional)
            return true;
    return false;
}

/* Whether the CPU is where the breakpoint belongs: in its address space, or with DAT off at its very place
 * (an operating system's own code that runs in real mode for a while). */
static bool in_its_space(const struct dat_context *ctx, const struct applied *a, bool same_place)
{
    bool real;
    uint64_t asce = dat_psw_asce(ctx, &real);

    if (!a->bound)
        return true;
    return real ? same_place : (asce & ASCE_IDENTITY) == a->asce;
}

/* The code breakpoint that is in force in this way at the CPU's address pc, or NULL. An opcode is found by
 * its frame: *elsewhere (which may be NULL) is set if it was reached by another address or in another space
 * than the one meant, so that it has to be passed in silence. */
const struct applied *breakpoint_at(const struct vcpu *cpu, uint64_t pc, enum bp_how how, bool *elsewhere)
{
    const struct applied_set *set = &cpu->m->applied;
    struct dat_context ctx;
    struct dat_result at;
    bool translated, found = false;

    memory_context(cpu, &ctx);
    translated = dat_translate(&ctx, SPACE_PSW, pc, &at) == 0;
    for (size_t i = 0; i < set->n; i++) {
        const struct applied *a = &set->entry[i];

        bool same_place = translated && at.absolute == a->absolute;

        if (a->how != how || a->bp.kind == BP_WRITE)
            continue;
        if (a->bp.addr == pc && in_its_space(&ctx, a, same_place) && (how == HOW_HARDWARE || same_place))
            return a;
        found |= how == HOW_MEMORY && same_place;
    }
    if (elsewhere)
        *elsewhere = found;
    return NULL;
}
