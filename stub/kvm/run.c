/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vcpu from resume to the next stop, on its own thread: entering the guest, telling the debugger's own
 * events from the guest's, passing a breakpoint. After every exit the PSW is kvm_run's, and what is written
 * there is the guest's at the next entry: nothing here keeps a copy. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/* How often a CPU looks again, of itself, while a breakpoint is provisional or a handler may move; and while
 * a word is awaited that PER does not watch, which is what a guest has that will never be Linux: not for ever
 * so often. */
#define RECHECK_NANOSECONDS 50000000
#define WORD_NANOSECONDS 10000000
#define WORD_OFTEN 1000u /* looks */

/* What to do next with a CPU that continues. */
enum next {
    NEXT_LOOK,          /* at the PC, for breakpoints */
    NEXT_PASS,          /* execute the instruction at the PC, over which an opcode of ours may lie */
    NEXT_ENTER,         /* the guest */
    NEXT_STOP,          /* *stop is filled */
    NEXT_PASS_REPORTED, /* the same where a breakpoint was reported, with no opcode in memory */
    NEXT_APPLY,         /* decide on the breakpoints again */
};

/* What KVM_RUN's return means, errno still with it. */
enum entered run_left(struct vcpu *cpu, int rc, struct stop *stop)
{
    char text[sizeof stop->text];

    exit_count(cpu, rc);
    /* KVM may hold a debug exit back: behind an intercept of the same instruction, or because of the signal.
     */
    cpu->debug_stale = (rc < 0 || cpu->run->exit_reason != KVM_EXIT_DEBUG) && cpu->debug_control;
    if (rc == 0)
        return ENTERED_EXIT;
    if (errno == EINTR || errno == EAGAIN)
        return ENTERED_KICK;
    snprintf(text, sizeof text, "KVM_RUN: %s: %s", strerror(errno),
             errno == EFAULT
                 ? "the guest's memory cannot be had: is the host's, or the disk of --memory-file, full?"
                 : "this PSW or these control registers cannot run; mend them or `monitor reset`");
    stop_at(cpu, stop, STOP_ERROR, text);
    return ENTERED_ERROR;
}

/* One KVM_RUN, with its errno. insn: the bytes at the PC if they are at hand, or NULL. */
int run_kvm(struct vcpu *cpu, const uint8_t *insn)
{
    int rc;

    if (cpu->puts_off)
        masks_put_off(cpu, insn);
    rc = cpu->m->sys->ioctl(cpu->fd, KVM_RUN, NULL);
    if (cpu->puts_off)
        masks_put_back(cpu);
    return rc;
}

/* If this exit is an opcode of ours: the length by which the PSW has passed it, else 0. */
static unsigned own_opcode(const struct vcpu *cpu)
{
    unsigned passed = opcode_passed(cpu);

    return passed && opcode_at(cpu, rewound(cpu, passed)) ? passed : 0;
}

/* What left the guest before another CPU has reset this one is no more. Another CPU may move opcodes, too:
 * while this one is not yet at the gate they are where it was in the guest with them. */
static enum entered enter_guest(struct vcpu *cpu, struct stop *stop)
{
    int rc = run_kvm(cpu, NULL);
    int error = errno;

    cpu->at_opcode = rc == 0 ? own_opcode(cpu) : 0;
    gate_enter(cpu);
    errno = error;
    return cpu->was_reset ? ENTERED_KICK : run_left(cpu, rc, stop);
}

/* With must, a stop that somebody wants has to wait until the guest has been entered. */
enum entered run_enter(struct vcpu *cpu, bool must, struct stop *stop)
{
    uint64_t pc = cpu->run->psw_addr;
    enum entered entered;

    __atomic_store_n(&cpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    cpu->was_reset = false;
    if (cpu->stopped) { /* by another CPU */
        exit_cpu_stopped(cpu, stop);
        return ENTERED_STOP;
    }
    if (!must && atomic_load(&cpu->stop_requested)) {
        if (hit_watches(cpu, stop) != HIT_STOP) /* which the kick has kept KVM from telling */
            stop_at(cpu, stop, STOP_INTERRUPT, "interrupted");
        return ENTERED_STOP;
    }
    if (!must && watchdog_over(cpu) && exit_watchdog(cpu, stop) == OUTCOME_STOP)
        return ENTERED_STOP;
    signals_run(cpu);
    watchdog_enter(cpu);
    if (!gate_to_guest(cpu))
        return ENTERED_KICK;
    entered = enter_guest(cpu, stop);
    if (entered == ENTERED_EXIT || cpu->run->psw_addr != pc)
        cpu->at_reported = cpu->arrived = false;
    return entered;
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

static uint64_t look_interval(const struct vcpu *cpu)
{
    const struct kvm_machine *m = cpu->m;

    if (m->word.wanted && !cpu->word_watched && cpu->looks < WORD_OFTEN)
        return WORD_NANOSECONDS;
    return m->applied.provisional || m->catches.classes || m->word.wanted ? RECHECK_NANOSECONDS : 0;
}

static void recheck_timer(struct vcpu *cpu, uint64_t interval)
{
    if (interval != cpu->timer_interval)
        vcpu_timer(cpu, interval, interval);
    cpu->timer_interval = interval;
}

/* A kick, perhaps by the timer: whether breakpoints are to be applied again. What is not the word's is looked
 * at as seldom as without it. */
static bool looks(struct vcpu *cpu)
{
    bool word = cpu->m->word.wanted && word_look(cpu);

    if (cpu->timer_interval == WORD_NANOSECONDS &&
        ++cpu->looks % (RECHECK_NANOSECONDS / WORD_NANOSECONDS) != 0)
        return word;
    recheck_timer(cpu, look_interval(cpu));
    return catch_look(cpu) || cpu->m->applied.provisional || word;
}

/* All that is there is counted; the first that stops the CPU is told. */
static enum hit hits_here(struct vcpu *cpu, struct stop *stop)
{
    struct stop other;
    enum hit caught = catch_arrival(cpu, stop);
    enum hit code = hit_code(cpu, cpu->run->psw_addr, caught == HIT_STOP ? &other : stop);

    if (caught != HIT_NONE)
        cpu->at_reported = true;
    return caught > code ? caught : code;
}

/* Breakpoints at the PC before anything is executed there: the debugger, a step, or an interruption that
 * zgdbd itself carried out has put the PC onto them. PER would tell only after the instruction. A CPU that
 * waits, or that another one has stopped, executes nothing, and must not keep the others from running. */
static enum next look(struct vcpu *cpu, struct stop *stop)
{
    if (cpu->stopped || psw_enabled_wait(cpu->run->psw_mask))
        return NEXT_ENTER;
    if (cpu->at_reported || pass_goes_on(cpu))
        return NEXT_PASS;
    switch (hits_here(cpu, stop)) {
    case HIT_STOP:
        return NEXT_STOP;
    case HIT_PASSED:
        return NEXT_PASS;
    default:
        return NEXT_ENTER;
    }
}

/* Looks at what is watched; a change that stops nobody leaves it to be watched on, by all CPUs. */
static enum next after_watches(struct vcpu *cpu, struct stop *stop)
{
    enum hit hit = hit_watches(cpu, stop);

    if (hit == HIT_STOP)
        return NEXT_STOP;
    if (hit == HIT_PASSED && gate_exclusive(cpu)) {
        breakpoints_arm_anew(cpu->m);
        gate_shared(cpu);
    }
    return NEXT_LOOK;
}

/* With several CPUs a change is left to the one that KVM tells, which may have it before us. */
static enum next after_watches_untold(struct vcpu *cpu, struct stop *stop)
{
    return cpu->m->base.ncpus > 1 ? NEXT_LOOK : after_watches(cpu, stop);
}

/* What KVM tells, and nobody has made or somebody has seen: its copy is old. */
static enum next after_watches_told(struct vcpu *cpu, struct stop *stop)
{
    enum next next = after_watches(cpu, stop);
    struct err e;

    if (next == NEXT_STOP || debug_again(cpu, &e) == 0)
        return next;
    stop_at(cpu, stop, STOP_ERROR, e.text);
    return NEXT_STOP;
}

/* KVM_EXIT_DEBUG. debug.arch is of no use right after an intercept (one union holds both), the PSW is. A hit
 * in an address space that is not meant is nobody's. */
static enum next debug_exit(struct vcpu *cpu, struct stop *stop)
{
    uint64_t told = cpu->run->debug.arch.addr;
    bool code = cpu->run->debug.arch.type & KVM_HW_BP;
    enum next next = cpu->run->debug.arch.type & KVM_HW_WP_WRITE ? after_watches_told(cpu, stop)
                                                                 : after_watches_untold(cpu, stop);

    if (next == NEXT_STOP)
        return NEXT_STOP;
    next = look(cpu, stop);
    if (next == NEXT_PASS && code && told == cpu->run->psw_addr && pass_is_free(cpu))
        return NEXT_ENTER;
    if (next == NEXT_ENTER && code && told != cpu->run->psw_addr && hit_code(cpu, told, stop) == HIT_STOP)
        return NEXT_STOP;
    return next == NEXT_ENTER ? NEXT_LOOK : next;
}

static enum next rearm(struct vcpu *cpu, struct stop *stop)
{
    struct err e;

    if (breakpoints_arm(cpu, &e) == 0)
        return NEXT_LOOK;
    stop_at(cpu, stop, STOP_ERROR, e.text);
    return NEXT_STOP;
}

/* Something that the guest wants is answered, now or since it was caught. If an interruption that zgdbd
 * carried out has moved the CPU on, KVM must not think that it has told of what was at the PC before. */
static enum next answer(struct vcpu *cpu, enum exit_outcome (*how)(struct vcpu *cpu, struct stop *stop),
                        struct stop *stop)
{
    uint64_t after = cpu->run->psw_addr;

    if (how(cpu, stop) == OUTCOME_STOP || after_watches(cpu, stop) == NEXT_STOP)
        return NEXT_STOP;
    return cpu->run->psw_addr != after && cpu->debug_stale ? rearm(cpu, stop) : NEXT_LOOK;
}

/* An opcode of ours, or not. */
static enum next intercept(struct vcpu *cpu, struct stop *stop)
{
    enum next next;

    if (cpu->at_opcode) {
        cpu->run->psw_addr = rewound(cpu, cpu->at_opcode);
        next = look(cpu, stop);
        return next == NEXT_STOP ? NEXT_STOP : NEXT_PASS;
    }
    return answer(cpu, exit_handle, stop);
}

static enum next after_entry(struct vcpu *cpu, enum entered entered, struct stop *stop)
{
    enum next next = NEXT_LOOK;
    bool again;

    switch (entered) {
    case ENTERED_STOP:
    case ENTERED_ERROR:
        return NEXT_STOP;
    case ENTERED_KICK: /* which has perhaps kept KVM from telling of a change */
        next = after_watches_untold(cpu, stop);
        break;
    case ENTERED_EXIT:
        next = cpu->run->exit_reason == KVM_EXIT_DEBUG ? debug_exit(cpu, stop) : intercept(cpu, stop);
    }
    again = entered == ENTERED_KICK ? looks(cpu) : cpu->m->applied.provisional;
    if (next == NEXT_LOOK && (again || catch_moved(cpu)))
        return NEXT_APPLY;
    return next;
}

/* What KVM knows may be old: then whatever it holds back is asked for first, since it forgets that. */
static enum next enter(struct vcpu *cpu, struct stop *stop)
{
    if (word_news(cpu, stop))
        return NEXT_STOP;
    if (cpu->armed_serial != cpu->m->applied.serial &&
        (after_watches(cpu, stop) == NEXT_STOP || rearm(cpu, stop) == NEXT_STOP))
        return NEXT_STOP;
    return after_entry(cpu, run_enter(cpu, false, stop), stop);
}

/* ---- with the machine for itself ---- */

static enum next apply(struct vcpu *cpu, struct stop *stop)
{
    struct err e;

    breakpoints_remove(cpu->m);
    if (breakpoints_apply(cpu, &e) == 0) {
        recheck_timer(cpu, look_interval(cpu));
        return NEXT_LOOK;
    }
    stop_at(cpu, stop, STOP_ERROR, e.text);
    return NEXT_STOP;
}

/* The others find their breakpoints in force again, even if it is this CPU's last instruction. */
static enum next step_bare(struct vcpu *cpu, bool puts_off, struct stop *stop)
{
    enum exit_outcome outcome;
    enum next next;

    breakpoints_remove(cpu->m);
    outcome = step_once(cpu, puts_off, stop);
    if (outcome == OUTCOME_STOP && !gate_others_run(cpu))
        return NEXT_STOP;
    next = apply(cpu, stop);
    return outcome == OUTCOME_STOP ? NEXT_STOP : next;
}

static enum next pass_bare(struct vcpu *cpu, struct stop *stop)
{
    return step_bare(cpu, false, stop);
}

/* A breakpoint that was reported here, and from which nobody has moved the PC: if an interruption came first,
 * the CPU would come back to it and it would be told again. */
static enum next pass_reported(struct vcpu *cpu, struct stop *stop)
{
    return step_bare(cpu, true, stop);
}

/* One instruction with everything else in force. */
static enum next pass(struct vcpu *cpu, struct stop *stop)
{
    enum entered entered = ENTERED_EXIT;
    enum exit_outcome outcome;

    if (!opcodes_lift(cpu))
        return pass_bare(cpu, stop);
    pass_begin(cpu);
    if (pass_is_quick(cpu)) {
        bool done = pass_quickly(cpu, &entered, stop);

        opcodes_lower(cpu->m);
        pass_end(cpu);
        return done ? NEXT_LOOK : after_entry(cpu, entered, stop);
    }
    outcome = step_once(cpu, false, stop);
    opcodes_lower(cpu->m);
    pass_end(cpu);
    return outcome == OUTCOME_STOP ? NEXT_STOP : rearm(cpu, stop);
}

static enum next exclusively(enum next (*what)(struct vcpu *cpu, struct stop *stop), struct vcpu *cpu,
                             struct stop *stop)
{
    enum next next;

    if (!gate_exclusive(cpu))
        return NEXT_APPLY;
    next = what(cpu, stop);
    gate_shared(cpu);
    return next;
}

/* ---- on and on ---- */

/* What another CPU has put in force since the resume is for this one, too. */
static enum next begin(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (!m->applied.in_force)
        return NEXT_APPLY;
    recheck_timer(cpu, look_interval(cpu));
    return NEXT_LOOK;
}

/* What was caught and is not carried out yet comes first, as soon as all is in force that it may lead to. */
static void run_on(struct vcpu *cpu, struct stop *stop)
{
    bool passes = cpu->at_reported && !psw_enabled_wait(cpu->run->psw_mask);
    enum next next = passes ? NEXT_PASS_REPORTED : begin(cpu);

    while (next != NEXT_STOP)
        switch (next) {
        case NEXT_LOOK:
            next = catch_keeps(cpu) ? answer(cpu, catch_carry_out, stop) : look(cpu, stop);
            break;
        case NEXT_PASS:
            next = exclusively(pass, cpu, stop);
            break;
        case NEXT_PASS_REPORTED:
            next = exclusively(pass_reported, cpu, stop);
            break;
        case NEXT_APPLY:
            next = exclusively(apply, cpu, stop);
            break;
        default:
            next = enter(cpu, stop);
        }
}

/* Whether the CPU cannot run on by itself. */
bool run_is_halt(const struct stop *stop)
{
    return stop->reason == STOP_DISABLED_WAIT || stop->reason == STOP_SHUTDOWN;
}

static void run_as_asked(struct vcpu *cpu, struct stop *stop)
{
    memset(stop, 0, sizeof *stop);
    if (cpu->stopped)
        stop_at(cpu, stop, STOP_SHUTDOWN,
                "the CPU is stopped: start it (`monitor start-cpu`, `monitor restart`), or the guest "
                "again with `monitor reset`");
    else if (cpu->action.verb != CPU_CONTINUE)
        step_run(cpu, stop);
    else
        run_on(cpu, stop);
}

void run_until_stop(struct vcpu *cpu, struct stop *stop)
{
    cpu->interrupted.valid = false;
    cpu->looks = 0;
    catch_begin(cpu);
    do {
        run_as_asked(cpu, stop);
    } while (run_is_halt(stop) && gate_halt(cpu, stop));
    watchdog_leave(cpu);
    recheck_timer(cpu, 0);
}
