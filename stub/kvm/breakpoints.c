/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan's breakpoints in force: which of them are an opcode in memory (opcodes.c), which a PER entry, and
 * to which address space each belongs. Every resume translates and looks at memory anew, so whatever the
 * guest or the debugger did in between is honoured.
 *
 * A software breakpoint whose code is not there yet (its address does not translate, or the Linux loader
 * still runs and will put the kernel over it) is held by PER, which needs no memory. It is provisional: a
 * timer makes the vcpu look again until it can be an opcode, because PER entries far apart make all code
 * between them slow.
 *
 * The set is kept sorted, so that a thousand breakpoints cost a resume little more than their translation,
 * and a hit a binary search. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* What makes an ASCE another address space: origin, real-space, designation type and length. */
#define ASCE_IDENTITY 0xfffffffffffff02fULL
#define ASCE_ORIGIN 0xfffffffffffff000ULL

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

static enum mem_space space_of(const struct applied *a)
{
    return a->bp.kind == BP_WRITE ? SPACE_PSW : SPACE_CODE;
}

/* Home if the address translates there, else what the PSW says; not at all while DAT is off or neither
 * translates. A CR13 without a table (as after reset) is no home space. */
static void bind(const struct dat_context *ctx, struct applied *a)
{
    struct dat_result result;

    a->bound = false;
    if (!(ctx->psw_mask & PSW_DAT))
        return;
    if ((ctx->cr[13] & ASCE_ORIGIN) && dat_translate(ctx, SPACE_HOME, a->bp.addr, &result) == 0)
        a->asce = ctx->cr[13] & ASCE_IDENTITY;
    else if (dat_translate(ctx, space_of(a), a->bp.addr, &result) == 0)
        a->asce = result.asce & ASCE_IDENTITY;
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
        return dat_translate(ctx, space_of(a), addr, out) == 0;
    in_space.cr[13] = a->asce;
    in_space.psw_mask |= PSW_EA | PSW_BA;
    return dat_translate(&in_space, SPACE_HOME, addr, out) == 0;
}

/* DIAG 0x501 must not reach into the next instruction, and no opcode beyond the frame: an odd address may be
 * the last of memory. */
static bool opcode_fits(const struct kvm_machine *m, const struct dat_result *at)
{
    if (m->instr0)
        return at->left >= OPCODE_BYTES;
    return at->left >= TRAP_BYTES && insn_length(m->memory.base[at->absolute]) >= TRAP_BYTES;
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
    there = translated && at.left >= OPCODE_BYTES && (a->bound || code_is_there(m, a, cpu->run->psw_addr));
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

/* The parts of watchpoints, as far as there is room. */
struct watch_parts {
    unsigned n;
    struct watch part[HW_ENTRIES_MAX];
};

/* Number of PER entries of a watchpoint, which may cross frames and exceed what one entry holds. If fill is
 * not NULL they are appended to it as far as it has room. A later frame that does not translate now leaves it
 * provisional. */
static unsigned watch_entries(struct watch_parts *fill, const struct dat_context *ctx, struct applied *a)
{
    uint64_t addr = a->bp.addr, left = a->bp.len;
    unsigned n = 0;

    while (left && n <= HW_ENTRIES_MAX) {
        struct dat_result at;
        uint64_t part = left < WATCH_BYTES_MAX ? left : WATCH_BYTES_MAX;

        if (!translate(ctx, a, addr, &at))
            break;
        part = part < at.left ? part : at.left;
        if (fill && fill->n < HW_ENTRIES_MAX)
            fill->part[fill->n++] =
                (struct watch){.bp = &a->bp, .absolute = at.absolute, .addr = addr, .len = (size_t)part};
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

static bool has_length(const struct breakpoint *watch)
{
    return watch->len > 0 && watch->len <= HW_ENTRIES_MAX * WATCH_BYTES_MAX;
}

static int bad_length(const struct breakpoint *watch, struct err *e)
{
    return err_set(e, EXIT_OTHER, "cannot watch %llu bytes at 0x%llx: 1 to %d can be watched",
                   (unsigned long long)watch->len, (unsigned long long)watch->addr,
                   HW_ENTRIES_MAX * WATCH_BYTES_MAX);
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
    if (a->bp.kind == BP_WRITE && !has_length(&a->bp))
        return bad_length(&a->bp, e);
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
    a->units = a->how == HOW_HARDWARE ? need : 0;
    *used += a->units;
    return 0;
}

/* Decides for the entries from first to before end. */
static int decide_some(const struct vcpu *cpu, const struct dat_context *ctx, struct applied_set *set,
                       size_t first, size_t end, bool software, unsigned *used, struct err *e)
{
    for (size_t i = first; i < end; i++) {
        struct applied *a = &set->entry[i];

        if ((a->bp.kind == BP_SOFTWARE) != software)
            continue;
        if (decide_beside(cpu, ctx, a, used, e) < 0)
            return -1;
        set->provisional |= a->provisional;
        if (a->how == HOW_HARDWARE && set->nper < HW_ENTRIES_MAX)
            set->per[set->nper++] = a;
    }
    return 0;
}

/* Decides for the whole set and sees that PER has room for what falls to it: first for what can be nothing
 * else. */
static int decide_all(const struct vcpu *cpu, const struct dat_context *ctx, struct applied_set *set,
                      struct err *e)
{
    unsigned used = 0;

    set->nper = 0;
    set->provisional = false;
    if (decide_some(cpu, ctx, set, 0, set->n, false, &used, e) < 0)
        return -1;
    return decide_some(cpu, ctx, set, 0, set->n, true, &used, e);
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
    if (!has_length(&a->bp))
        return bad_length(&a->bp, e);
    if (a->how == HOW_NONE)
        return err_set(e, EXIT_OTHER,
                       "cannot watch 0x%llx: the address does not translate now (PSW mask %016llx)", addr,
                       (unsigned long long)ctx->psw_mask);
    return 0;
}

void breakpoints_free(struct applied_set *set)
{
    free(set->entry);
    free(set->opcode);
    *set = (struct applied_set){.n = 0};
}

/* The entries in the plan's order. */
static int new_set(struct applied_set *set, const struct breakpoint *from, size_t n, struct err *e)
{
    *set = (struct applied_set){.n = n};
    set->entry = calloc(n ? n : 1, sizeof *set->entry);
    set->opcode = calloc(n + CATCH_HANDLERS_MAX, sizeof *set->opcode);
    if (!set->entry || !set->opcode) {
        breakpoints_free(set);
        return err_set(e, EXIT_OTHER, "no memory for %zu breakpoints", n);
    }
    for (size_t i = 0; i < n; i++) {
        set->entry[i].bp = from[i];
        set->entry[i].origin = i;
    }
    return 0;
}

int breakpoints_check(struct machine *machine, unsigned id, const struct breakpoint *set, size_t n,
                      struct err *e)
{
    const struct vcpu *cpu = &to_kvm(machine)->cpu[id];
    struct applied_set trial;
    struct dat_context ctx;
    int rc;

    if (new_set(&trial, set, n, e) < 0)
        return -1;
    memory_context(cpu, &ctx);
    rc = decide_all(cpu, &ctx, &trial, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_one(cpu, &ctx, &trial.entry[i], e);
    breakpoints_free(&trial);
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

/* ---- the plan's set ---- */

/* Watchpoints last; breakpoints by address. What they do is of no account. */
static int order(const struct breakpoint *a, const struct breakpoint *b)
{
    if ((a->kind == BP_WRITE) != (b->kind == BP_WRITE))
        return a->kind == BP_WRITE ? 1 : -1;
    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->len == b->len ? 0 : a->len < b->len ? -1 : 1;
}

static int order_entries(const void *a, const void *b)
{
    return order(&((const struct applied *)a)->bp, &((const struct applied *)b)->bp);
}

/* Debuggers mostly insert in one order or the other: what is sorted is left alone. */
static void sort(struct applied_set *set)
{
    bool sorted = true;

    for (size_t i = 1; sorted && i < set->n; i++)
        sorted = order(&set->entry[i - 1].bp, &set->entry[i].bp) <= 0;
    if (!sorted)
        qsort(set->entry, set->n, sizeof *set->entry, order_entries);
    while (set->ncode < set->n && set->entry[set->ncode].bp.kind != BP_WRITE)
        set->ncode++;
}

/* Whether the plan has the breakpoints that are adopted. If so, what is to be done at each is taken over:
 * that may have changed. */
const char *breakpoint_held(struct machine *machine, const struct breakpoint *b)
{
    static const char *const words[] = {[HOW_NONE] = "nothing: its address does not translate",
                                        [HOW_MEMORY] = "an opcode",
                                        [HOW_HARDWARE] = "PER"};
    const struct applied_set *set = &to_kvm(machine)->applied;

    for (size_t i = 0; i < set->n; i++)
        if (order(&set->entry[i].bp, b) == 0)
            return words[set->entry[i].how];
    return NULL;
}

static bool same_set(struct applied_set *old, const struct resume_plan *plan)
{
    if (old->n != plan->nbreakpoints || !old->opcode)
        return false;
    for (size_t i = 0; i < old->n; i++)
        if (order(&old->entry[i].bp, &plan->breakpoints[old->entry[i].origin]) != 0)
            return false;
    for (size_t i = 0; i < old->n; i++)
        old->entry[i].bp = plan->breakpoints[old->entry[i].origin];
    return true;
}

/* Both are sorted. */
static void bind_as_before(struct applied_set *set, const struct applied_set *before)
{
    for (size_t i = 0, j = 0; i < set->n && j < before->n;) {
        int which = order(&set->entry[i].bp, &before->entry[j].bp);

        if (which == 0) {
            set->entry[i].bound = before->entry[j].bound;
            set->entry[i].asce = before->entry[j].asce;
        }
        i += which <= 0;
        j += which > 0;
    }
}

static const struct vcpu *first_to_move(const struct kvm_machine *m, const struct resume_plan *plan)
{
    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (plan->action[i].verb != CPU_HOLD && !m->cpu[i].stopped)
            return &m->cpu[i];
    return m->cpu;
}

/* Takes the plan's set over if it fits, so that a resume is refused before any CPU moves. One that was in the
 * last plan stays bound to its address space: a debugger takes all its breakpoints out at every stop and puts
 * the same back. */
int breakpoints_adopt(struct kvm_machine *m, const struct resume_plan *plan, struct err *e)
{
    struct applied_set trial;
    const struct vcpu *cpu = first_to_move(m, plan);
    struct dat_context ctx;

    m->printed = plan->printed;
    m->nwatch = 0; /* what is watched is seen as it is now */
    word_adopt(m, plan);
    if (catch_adopt(m, plan, e) < 0)
        return -1;
    if (same_set(&m->applied, plan)) {
        per_decided(m);
        return 0;
    }
    if (new_set(&trial, plan->breakpoints, plan->nbreakpoints, e) < 0)
        return -1;
    sort(&trial);
    bind_as_before(&trial, &m->applied);
    memory_context(cpu, &ctx);
    if (decide_all(cpu, &ctx, &trial, e) < 0) {
        breakpoints_free(&trial);
        return -1;
    }
    trial.serial = m->applied.serial + 1;
    breakpoints_free(&m->applied);
    m->applied = trial;
    per_decided(m);
    return 0;
}

/* After a reset: the address spaces of before are gone. */
void breakpoints_unbind(struct kvm_machine *m)
{
    for (size_t i = 0; i < m->applied.n; i++)
        m->applied.entry[i].bound = false;
}

/* ---- in force ---- */

static void set_watches(struct vcpu *cpu, const struct dat_context *ctx)
{
    struct applied_set *set = &cpu->m->applied;
    struct watch_parts parts = {.n = 0};

    for (unsigned i = 0; i < set->nper; i++)
        if (set->per[i]->bp.kind == BP_WRITE)
            watch_entries(&parts, ctx, set->per[i]);
    watch_set(cpu, parts.part, parts.n);
}

/* All PER entries of the set, as they were decided. */
int breakpoints_arm(struct vcpu *cpu, struct err *e)
{
    struct kvm_machine *m = cpu->m;
    const struct applied_set *set = &m->applied;
    struct kvm_hw_breakpoint hw[HW_ENTRIES_MAX];
    unsigned n = m->nwatch, ncode;

    for (unsigned i = 0; i < n; i++)
        hw[i] = (struct kvm_hw_breakpoint){.addr = m->watch[i].addr,
                                           .phys_addr = m->watch[i].absolute,
                                           .len = m->watch[i].len,
                                           .type = KVM_HW_WP_WRITE};
    for (unsigned i = 0; i < set->nper && n < HW_ENTRIES_MAX; i++)
        if (set->per[i]->bp.kind != BP_WRITE)
            hw[n++] = (struct kvm_hw_breakpoint){.addr = set->per[i]->bp.addr,
                                                 .phys_addr = set->per[i]->absolute,
                                                 .len = 1,
                                                 .type = KVM_HW_BP};
    cpu->armed_serial = set->serial;
    ncode = n - m->nwatch;
    cpu->word_watched = false;
    if (n == 0)
        n = catch_watch(cpu, hw);
    if (n == 0)
        n = word_watch(cpu, hw);
    return debug_arm(cpu, n ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP : 0, n, ncode, hw, e);
}

/* Everything in force for CPUs that continue; this one is armed, others are to be. */
int breakpoints_apply(struct vcpu *cpu, struct err *e)
{
    struct dat_context ctx;

    memory_context(cpu, &ctx);
    if (decide_all(cpu, &ctx, &cpu->m->applied, e) < 0)
        return -1;
    set_watches(cpu, &ctx);
    cpu->m->applied.serial++;
    if (breakpoints_arm(cpu, e) < 0)
        return -1;
    catch_find(cpu->m);
    opcodes_insert(cpu->m);
    watch_refresh(cpu);
    return 0;
}

/* KVM is to take its copies of what is watched anew, for every CPU. */
void breakpoints_arm_anew(struct kvm_machine *m)
{
    m->applied.serial++;
}

/* The first code breakpoint at this address or after it. */
static size_t first_from(const struct applied_set *set, uint64_t addr)
{
    size_t low = 0, high = set->ncode;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->entry[middle].bp.addr < addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* For steps, which need none of KVM's help: after each the watched bytes are compared, and the PC in a range
 * of size bytes with the code breakpoints there. A zero bit of the answer says that at addresses with this
 * breakpoints_bit() there is none. */
uint64_t breakpoints_apply_step(struct vcpu *cpu, uint64_t start, uint64_t size)
{
    struct applied_set *set = &cpu->m->applied;
    struct watch_parts parts = {.n = 0};
    struct dat_context ctx;
    uint64_t somewhere = 0;

    if (set->n > set->ncode)
        memory_context(cpu, &ctx);
    for (size_t i = set->ncode; i < set->n; i++) {
        decide(cpu, &ctx, &set->entry[i]);
        if (set->entry[i].how == HOW_HARDWARE)
            watch_entries(&parts, &ctx, &set->entry[i]);
    }
    if (parts.n || cpu->m->nwatch)
        watch_set(cpu, parts.part, parts.n);
    for (size_t i = first_from(set, start); i < set->ncode && set->entry[i].bp.addr - start < size; i++)
        somewhere |= 1ULL << breakpoints_bit(set->entry[i].bp.addr);
    return somewhere;
}

/* ---- where the CPU is ---- */

/* Whether the CPU is where the breakpoint belongs: in its address space, or with DAT off at its very place
 * (an operating system's own code that runs in real mode for a while). */
static bool in_its_space(const struct dat_context *ctx, const struct applied *a, bool same_place)
{
    bool real;
    uint64_t asce = dat_code_asce(ctx, &real);

    if (!a->bound)
        return true;
    return real ? same_place : (asce & ASCE_IDENTITY) == a->asce;
}

static bool is_reached(const struct vcpu *cpu, struct applied *a)
{
    uint64_t pc = a->bp.addr;
    struct dat_context ctx;
    struct dat_result at;
    bool same_place;

    memory_context(cpu, &ctx);
    if (!cpu->m->applied.in_force)
        decide(cpu, &ctx, a);
    same_place = dat_translate(&ctx, SPACE_CODE, pc, &at) == 0 && at.absolute == a->absolute;
    return in_its_space(&ctx, a, same_place) && (a->how == HOW_HARDWARE || same_place);
}

/* The code breakpoints that are reached when the CPU is at its address pc: the one after `after`, or the
 * first if that is NULL; NULL if there is none. An address at which none is set costs a binary search. */
struct applied *breakpoint_reached(const struct vcpu *cpu, uint64_t pc, const struct applied *after)
{
    struct applied_set *set = &cpu->m->applied;
    size_t i = after ? (size_t)(after - set->entry) + 1 : first_from(set, pc);

    for (; i < set->ncode && set->entry[i].bp.addr == pc; i++)
        if (is_reached(cpu, &set->entry[i]))
            return &set->entry[i];
    return NULL;
}
