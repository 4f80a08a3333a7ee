/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vcpu from resume to the next stop, on its own thread: entering the guest, telling the debugger's own
 * events from the guest's, passing a breakpoint. After every exit the PSW is
 * kvm_run's, and what is written there is the guest's at the next entry: nothing here keeps a copy. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define RECHECK_NANOSECONDS 50000000 /* while a breakpoint is provisional */

enum ran {
    RAN_STOP,      /* *stop is filled */
    RAN_STEP_OVER, /* an opcode of ours was reached by an address or in a space that is not meant */
    RAN_RECHECK,   /* look at the breakpoints again */
};

/* What KVM_RUN's return means, errno still with it. */
enum entered run_left(struct vcpu *cpu, int rc, struct stop *stop)
{
    char text[sizeof stop->text];

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

/* With must, a stop that somebody wants has to wait until the guest has been entered. */
enum entered run_enter(struct vcpu *cpu, bool must, struct stop *stop)
{
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
    return run_left(cpu, cpu->m->sys->ioctl(cpu->fd, KVM_RUN, NULL), stop);
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
bool report_watch(const struct vcpu *cpu, struct stop *stop)
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
bool report_here(const struct vcpu *cpu, struct stop *stop)
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
unsigned opcode_passed(const struct vcpu *cpu)
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

uint64_t rewound(const struct vcpu *cpu, unsigned bytes)
{
    return psw_wrap(cpu->run->psw_mask, cpu->run->psw_addr - bytes);
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

        switch (run_enter(cpu, false, stop)) {
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
        if (step_over && step_once(cpu, stop) == OUTCOME_STOP)
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
        step_run(cpu, stop);
    else
        run_on(cpu, stop);
    watchdog_hold(cpu);
    recheck_timer(cpu, false);
    breakpoints_remove(cpu->m);
    cpu->at_reported = reported_here(cpu, stop, before, pc);
}
