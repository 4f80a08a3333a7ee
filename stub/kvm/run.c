/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vcpu from resume to the next stop, on its own thread: entering the guest, telling the debugger's own
 * events from the guest's, stepping one instruction, passing a breakpoint. After every exit the PSW is
 * kvm_run's, and what is written there is the guest's at the next entry: nothing here keeps a copy. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define RECHECK_NANOSECONDS 50000000 /* while a breakpoint is provisional */

enum entered {
    ENTERED_EXIT,  /* kvm_run tells why */
    ENTERED_KICK,  /* a signal, and nobody wants this CPU to stop */
    ENTERED_STOP,  /* somebody does */
    ENTERED_ERROR, /* *stop is filled */
};

enum ran {
    RAN_STOP,      /* *stop is filled */
    RAN_STEP_OVER, /* an opcode of ours was reached by an address or in a space that is not meant */
    RAN_RECHECK,   /* look at the breakpoints again */
};

/* With must, a stop that somebody wants has to wait until the guest has been entered. */
static enum entered enter(struct vcpu *cpu, bool must, struct stop *stop)
{
    char text[sizeof stop->text];
    int rc;

    __atomic_store_n(&cpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    if (!must && atomic_load(&cpu->stop_requested)) {
        stop_at(cpu, stop, STOP_INTERRUPT, "interrupted");
        return ENTERED_STOP;
    }
    if (!must && watchdog_over(cpu)) {
        exit_watchdog(cpu, stop);
        return ENTERED_STOP;
    }
    signals_run(cpu);
    rc = cpu->m->sys->ioctl(cpu->fd, KVM_RUN, NULL);
    exit_count(cpu, rc);
    if (rc == 0) {
        cpu->debug_stale = cpu->run->exit_reason != KVM_EXIT_DEBUG && cpu->debug_control;
        return ENTERED_EXIT;
    }
    if (errno == EINTR || errno == EAGAIN)
        return ENTERED_KICK;
    snprintf(text, sizeof text, "KVM_RUN: %s: %s", strerror(errno),
             errno == EFAULT
                 ? "the guest's memory cannot be had: is the host's, or the disk of --memory-file, full?"
                 : "this PSW or these control registers cannot run; mend them or `monitor reset`");
    stop_at(cpu, stop, STOP_ERROR, text);
    return ENTERED_ERROR;
}

/* The number in the first 8 (or fewer) watched bytes, big endian. */
static uint64_t value_of(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len && i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Fills *stop if a watched range has changed. */
static bool report_watch(const struct vcpu *cpu, struct stop *stop)
{
    const struct watch *w = watch_changed(cpu);

    if (!w)
        return false;
    stop_at(cpu, stop, STOP_WATCH, "watchpoint");
    stop->addr = w->bp->addr;
    stop->old_value = value_of(w->old, w->len);
    stop->new_value = value_of(cpu->m->memory.base + w->absolute, w->len);
    snprintf(stop->text, sizeof stop->text, "watchpoint at 0x%llx: 0x%llx was 0x%llx",
             (unsigned long long)w->addr, (unsigned long long)stop->new_value,
             (unsigned long long)stop->old_value);
    return true;
}

static void report_breakpoint(const struct vcpu *cpu, const struct applied *a, struct stop *stop)
{
    bool late = a->bp.addr != cpu->run->psw_addr;

    stop_at(cpu, stop, a->bp.kind == BP_SOFTWARE ? STOP_SW_BREAKPOINT : STOP_HW_BREAKPOINT, "breakpoint");
    stop->addr = a->bp.addr;
    if (late)
        snprintf(
            stop->text, sizeof stop->text,
            "hardware breakpoint at 0x%llx, told one instruction late: an interruption or LPSWE led there",
            (unsigned long long)a->bp.addr);
}

/* A breakpoint at the PC before anything is executed there: the debugger, or an interruption that zgdbd
 * itself carried out, has put the PC onto it. PER would tell only after the instruction. */
static bool report_here(const struct vcpu *cpu, struct stop *stop)
{
    const struct applied *a = breakpoint_at(cpu, cpu->run->psw_addr, HOW_HARDWARE, NULL);

    if (!a)
        a = breakpoint_at(cpu, cpu->run->psw_addr, HOW_MEMORY, NULL);
    if (a)
        report_breakpoint(cpu, a, stop);
    return a;
}

/* KVM_EXIT_DEBUG while continuing. debug.arch is of no use right after an intercept (one union holds both),
 * the PSW is. A hit in an address space that is not meant is nobody's. */
static bool report_debug(const struct vcpu *cpu, struct stop *stop)
{
    const struct kvm_run *run = cpu->run;
    const struct applied *a;

    if (report_watch(cpu, stop))
        return true;
    a = breakpoint_at(cpu, run->psw_addr, HOW_HARDWARE, NULL);
    if (!a && run->debug.arch.type & KVM_HW_BP)
        a = breakpoint_at(cpu, run->debug.arch.addr, HOW_HARDWARE, NULL);
    if (a)
        report_breakpoint(cpu, a, stop);
    return a;
}

/* If this exit may be a breakpoint opcode: the length by which the PSW has passed it, else 0. */
static unsigned opcode_passed(const struct vcpu *cpu)
{
    const struct kvm_run *run = cpu->run;

    if (run->exit_reason != KVM_EXIT_S390_SIEIC)
        return 0;
    if (run->s390_sieic.icptcode == 0x2c && run->s390_sieic.ipa == 0)
        return 2;
    if (run->s390_sieic.icptcode == 0x04 && run->s390_sieic.ipa >> 8 == 0x83 &&
        run->s390_sieic.ipb >> 16 == 0x0501)
        return 4;
    return 0;
}

static uint64_t rewound(const struct vcpu *cpu, unsigned bytes)
{
    return psw_wrap(cpu->run->psw_mask, cpu->run->psw_addr - bytes);
}

/* ---- one instruction ---- */

static bool went_on_to_next(const struct vcpu *cpu, uint64_t pc, unsigned length)
{
    return length && cpu->run->psw_addr == psw_wrap(cpu->run->psw_mask, pc + length);
}

static unsigned length_at(const struct vcpu *cpu, uint64_t pc)
{
    uint64_t absolute;

    return memory_absolute(cpu, SPACE_PSW, pc, &absolute) < 0 ? 0
                                                              : insn_length(cpu->m->memory.base[absolute]);
}

/* The traps, which are no change of what is watched. */
static void set_traps(struct vcpu *cpu, bool executes)
{
    traps_set(cpu, executes);
    watch_take(cpu);
}

/* What an exit means while one instruction is stepped: true if the step is over (*outcome then says how). It
 * is not while an interruption is *pending: the debugger must not see, and edit, a PSW that KVM is about to
 * store as the old one. One is waited for, not more: the guest must not keep a step, which then does not
 * listen to anybody, from ending. */
static bool step_is_over(struct vcpu *cpu, uint64_t pc, unsigned length, enum exit_outcome *outcome,
                         bool *pending, struct stop *stop)
{
    bool waited = *pending;
    unsigned passed;

    *outcome = OUTCOME_GO_ON;
    *pending = false;
    if (cpu->run->exit_reason == KVM_EXIT_DEBUG) {
        if (report_watch(cpu, stop))
            *outcome = OUTCOME_STOP;
        else
            *pending = !waited && went_on_to_next(cpu, pc, length) && step_interruption_pending(cpu);
        if (*pending) {
            traps_remove(cpu);
            set_traps(cpu, false);
        }
        return !*pending;
    }
    passed = opcode_passed(cpu);
    if (passed && traps_hit(cpu, rewound(cpu, passed))) {
        cpu->run->psw_addr = rewound(cpu, passed);
        return true;
    }
    *outcome = exit_handle(cpu, stop);
    return true;
}

/* Lets the CPU execute one instruction, or take one interruption: it then stands at the handler's first
 * instruction. OUTCOME_GO_ON if that is all that happened. A waiting CPU is let wait without single-step,
 * which would mask the clock comparator: the traps at the handlers end the wait. */
static enum exit_outcome one_step(struct vcpu *cpu, struct stop *stop)
{
    uint64_t pc = cpu->run->psw_addr;
    unsigned length = length_at(cpu, pc);
    bool waits = psw_enabled_wait(cpu->run->psw_mask);
    enum exit_outcome outcome = OUTCOME_STOP;
    enum entered entered;
    bool pending = false;
    struct err e;

    if (breakpoints_apply_watches(cpu, !waits, &e) < 0)
        return stop_at(cpu, stop, STOP_ERROR, e.text);
    set_traps(cpu, !waits);
    do
        entered = enter(cpu, pending, stop);
    while (entered == ENTERED_KICK ||
           (entered == ENTERED_EXIT && !step_is_over(cpu, pc, length, &outcome, &pending, stop)));
    traps_remove(cpu);
    return entered == ENTERED_EXIT ? outcome : OUTCOME_STOP;
}

static void step(struct vcpu *cpu, struct stop *stop)
{
    if (one_step(cpu, stop) == OUTCOME_STOP)
        return;
    stop_at(cpu, stop, STOP_STEP,
            psw_enabled_wait(cpu->run->psw_mask) ? "stepped; the CPU waits" : "stepped");
}

/* ---- continue ---- */

static void recheck_timer(struct vcpu *cpu, bool on)
{
    struct itimerspec spec = {.it_interval.tv_nsec = on ? RECHECK_NANOSECONDS : 0,
                              .it_value.tv_nsec = on ? RECHECK_NANOSECONDS : 0};

    if (cpu->timer_made && on != cpu->timer_on)
        timer_settime(cpu->timer, 0, &spec, NULL);
    cpu->timer_on = on;
}

/* An intercept while continuing: ours (RAN_STOP, RAN_STEP_OVER), or the guest's, which is answered (-1: go
 * on). */
static int run_intercept(struct vcpu *cpu, struct stop *stop)
{
    unsigned passed = opcode_passed(cpu);
    uint64_t after = cpu->run->psw_addr;

    if (passed) {
        bool elsewhere;
        const struct applied *a = breakpoint_at(cpu, rewound(cpu, passed), HOW_MEMORY, &elsewhere);

        if (a || elsewhere)
            cpu->run->psw_addr = rewound(cpu, passed);
        if (a) {
            report_breakpoint(cpu, a, stop);
            return RAN_STOP;
        }
        if (elsewhere)
            return RAN_STEP_OVER;
    }
    if (exit_handle(cpu, stop) == OUTCOME_STOP || report_watch(cpu, stop))
        return RAN_STOP;
    return cpu->run->psw_addr != after ? RAN_RECHECK
                                       : -1; /* an interruption that zgdbd carried out moved the CPU */
}

/* Runs with the breakpoints in force. */
static enum ran run_applied(struct vcpu *cpu, struct stop *stop)
{
    bool provisional = breakpoints_provisional(cpu->m);

    recheck_timer(cpu, provisional);
    for (;;) {
        int ran = -1;

        switch (enter(cpu, false, stop)) {
        case ENTERED_STOP:
        case ENTERED_ERROR:
            return RAN_STOP;
        case ENTERED_KICK:
            break;
        case ENTERED_EXIT:
            if (cpu->run->exit_reason != KVM_EXIT_DEBUG)
                ran = run_intercept(cpu, stop);
            else if (report_debug(cpu, stop))
                ran = RAN_STOP;
        }
        if (ran >= 0)
            return (enum ran)ran;
        if (provisional)
            return RAN_RECHECK;
    }
}

/* A breakpoint that was reported here, and from which nobody has moved the PC, is passed first. */
static void run_on(struct vcpu *cpu, struct stop *stop)
{
    bool step_over = cpu->at_reported;
    enum ran ran;
    struct err e;

    do {
        if (step_over && one_step(cpu, stop) == OUTCOME_STOP)
            return;
        if (breakpoints_apply(cpu, &e) < 0) {
            stop_at(cpu, stop, STOP_ERROR, e.text);
            return;
        }
        if (report_here(cpu, stop))
            return;
        ran = run_applied(cpu, stop);
        breakpoints_remove(cpu->m);
        step_over = ran == RAN_STEP_OVER;
    } while (ran != RAN_STOP);
}

/* A breakpoint counts as reported here until the CPU has moved: an interrupt that came before it could
 * changes nothing. */
static bool reported_here(const struct vcpu *cpu, const struct stop *stop, bool before, uint64_t pc)
{
    if (stop->reason == STOP_SW_BREAKPOINT || stop->reason == STOP_HW_BREAKPOINT)
        return stop->addr == cpu->run->psw_addr;
    return stop->reason == STOP_INTERRUPT && before && cpu->run->psw_addr == pc;
}

void run_until_stop(struct vcpu *cpu, struct stop *stop)
{
    bool before = cpu->at_reported;
    uint64_t pc = cpu->run->psw_addr;

    memset(stop, 0, sizeof *stop);
    watchdog_run(cpu);
    if (cpu->stopped)
        stop_at(cpu, stop, STOP_SHUTDOWN,
                "the CPU is stopped: change its PSW, or start the guest again with `monitor reset`");
    else if (cpu->action.verb != CPU_CONTINUE)
        step(cpu, stop);
    else
        run_on(cpu, stop);
    watchdog_hold(cpu);
    recheck_timer(cpu, false);
    breakpoints_remove(cpu->m);
    cpu->at_reported = reported_here(cpu, stop, before, pc);
}
