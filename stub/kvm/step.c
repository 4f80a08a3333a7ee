/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stepping by PER, on the vcpu's thread: one instruction, or one after the other as long as the PC stays in a
 * range. No code breakpoint is in force meanwhile: after each instruction the CPU is here, and the PC and the
 * watched bytes are looked at. A step that begins sets up what it needs (KVM's single-step, the traps at the
 * interruption handlers); in a range the next instructions go on with that for as long as it stays right, at
 * the cost of one KVM_RUN and a few comparisons each. */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/interruption.h"

/* Page tables change without notice: after so many steps in a range the traps are looked up again, at the
 * cost of one step that is slower. */
#define FRESH_STEPS 256

/* What a PER event stores in the lowcore (Principles, "Assigned Storage Locations"): code, ATMID and address;
 * and its access identification. */
#define LC_PROGRAM_CODE 0x8e
#define LC_PER 0x96
#define LC_PER_BYTES 10
#define LC_PER_ACCESS 0xa1

struct stepping {
    uint64_t start, size; /* of the range; size 0: one instruction */
    uint64_t breakpoints; /* where in the range one may be: breakpoints_apply_step() */
    uint64_t pc;          /* of the first instruction, and its length or 0 */
    unsigned length;
    uint8_t per[LC_PER_BYTES], per_access; /* what the lowcore says of a PER event of the guest's own */
    bool never_faults;
    bool puts_off;   /* interruptions from outside: the step does not end in their handlers */
    bool waits;      /* the CPU does when the step begins */
    bool went_on;    /* instructions were executed after the first: KVM may hold an interruption */
    bool delivering; /* KVM does, and is entered to deliver it */
    bool others;     /* run, as soon as they may */
    bool waits_on;   /* for something that perhaps these do */
};

static bool in_range(const struct vcpu *cpu, const struct stepping *s)
{
    return cpu->run->psw_addr - s->start < s->size;
}

#define PSW_FIXED_OVERFLOW 0x0000080000000000ULL /* the program mask asks for the exception */

/* Instructions of every z/Architecture CPU that know no program exception once they are fetched, with this
 * PSW mask: they have no operand in storage, and neither overflow nor a PER event of the guest's own is
 * told. To ask KVM behind each of them would make a step a third slower. */
static bool never_faults(const uint8_t *insn, uint64_t psw_mask)
{
    bool no_overflow = !(psw_mask & PSW_FIXED_OVERFLOW);

    if (psw_mask & PSW_PER)
        return false;
    switch (insn[0]) {
    case 0x1a: /* AR, SR */
    case 0x1b:
        return no_overflow;
    case 0x06: /* BCTR, BCR */
    case 0x07:
    case 0x12: /* LTR, NR, CLR, OR, XR, LR, CR */
    case 0x14 ... 0x19:
    case 0x1e: /* ALR, SLR */
    case 0x1f:
    case 0x41: /* LA */
    case 0x46: /* BCT, BC */
    case 0x47:
    case 0x88: /* SRL, SLL */
    case 0x89:
    case 0xa5: /* IIHH to LLILL */
        return true;
    case 0xa7: /* TMLH to CGHI, with AHI and AGHI */
        return (insn[1] & 14) != 0xa || no_overflow;
    case 0xb9: /* LTGR, LGR, LGFR, LLGFR, NGR, OGR, XGR; AGR, SGR */
        return insn[1] == 0x02 || insn[1] == 0x04 || insn[1] == 0x14 || insn[1] == 0x16 ||
               (insn[1] >= 0x80 && insn[1] <= 0x82) || ((insn[1] == 0x08 || insn[1] == 0x09) && no_overflow);
    case 0xc0: /* LARL, BRCL */
        return (insn[1] & 15) == 0 || (insn[1] & 15) == 4;
    default:
        return false;
    }
}

/* Whether there can be an interruption in front of the instruction at the PC: the first one did not branch.
 */
static bool went_on_to_next(const struct vcpu *cpu, const struct stepping *s)
{
    return s->length && cpu->run->psw_addr == psw_wrap(cpu->run->psw_mask, s->pc + s->length);
}

/* The traps, which are no change of what is watched. */
static void set_traps(struct vcpu *cpu, const uint64_t *insn)
{
    traps_set(cpu, insn);
    watch_refresh(cpu);
}

/* Enough for the few local interruptions that can be pending at once; KVM gives 72 bytes for each. */
#define IRQS_MAX 16

/* A program interruption that KVM holds for its next entry: before Linux 6.6 a step over an instruction with
 * an operation, divide or specification exception reports before the guest has taken it. */
bool interruption_pending(struct vcpu *cpu)
{
    struct kvm_s390_irq irqs[IRQS_MAX] = {0};
    struct kvm_s390_irq_state state = {.buf = (uintptr_t)irqs, .len = sizeof irqs};
    int bytes;

    if (!cpu->m->irq_state)
        return false;
    bytes = cpu->m->sys->ioctl(cpu->fd, KVM_S390_GET_IRQ_STATE, &state);
    for (int i = 0; i < bytes / (int)sizeof *irqs; i++)
        if (irqs[i].type == KVM_S390_PROGRAM_INT)
            return true;
    return false;
}

/* If KVM holds a program interruption, the next entry delivers it before any instruction, the one at the PC
 * included. */
static bool deliver_pending(struct vcpu *cpu, struct stepping *s)
{
    s->delivering = interruption_pending(cpu);
    if (s->delivering) {
        traps_remove(cpu);
        set_traps(cpu, NULL);
    }
    return s->delivering;
}

/* Whether the exit is a step after which KVM can be entered again at once for the next instruction of the
 * range. */
static bool goes_on(struct vcpu *cpu, const struct stepping *s)
{
    const struct kvm_run *run = cpu->run;

    return run->exit_reason == KVM_EXIT_DEBUG && in_range(cpu, s) &&
           !(s->breakpoints >> breakpoints_bit(run->psw_addr) & 1) && !(run->psw_mask & PSW_WAIT) &&
           !(cpu->m->nwatch && watch_changed(cpu)) && traps_stand(cpu);
}

/* Steps in a range, at the cost of little but KVM_RUN. An interruption that KVM holds, or that comes
 * otherwise, leads into a trap. A kick since run_enter() makes KVM_RUN return, at once if it came before.
 */
static enum entered go_on(struct vcpu *cpu, struct stepping *s, struct stop *stop)
{
    unsigned steps = 0;
    int rc;

    s->went_on = true;
    do
        rc = run_kvm(cpu, traps_insn(cpu));
    while (rc == 0 && steps < FRESH_STEPS && goes_on(cpu, s) && ++steps);
    exit_count_steps(cpu, steps);
    return run_left(cpu, rc, stop);
}

/* A step was reported. True if the CPU is where it may be told to be: the debugger must not see, and edit, a
 * PSW that KVM is about to store as the old one. One interruption is waited for, not more: the guest must not
 * keep a step, which then does not listen to anybody, from ending. */
static bool stepped(struct vcpu *cpu, struct stepping *s)
{
    if (s->delivering || !(s->went_on || (went_on_to_next(cpu, s) && !s->never_faults)))
        return true;
    return !deliver_pending(cpu, s);
}

/* What an exit means: true if the step is over, or the part of a range that could go on by itself. *outcome
 * then says how. */
static bool is_over(struct vcpu *cpu, struct stepping *s, enum exit_outcome *outcome, struct stop *stop)
{
    unsigned passed;

    *outcome = OUTCOME_GO_ON;
    if (cpu->run->exit_reason == KVM_EXIT_DEBUG) {
        if (hit_watches(cpu, stop) != HIT_STOP)
            return stepped(cpu, s);
        *outcome = OUTCOME_STOP;
        return true;
    }
    passed = opcode_passed(cpu);
    if (passed && (traps_hit(cpu, rewound(cpu, passed)) || opcode_at(cpu, rewound(cpu, passed)))) {
        cpu->run->psw_addr = rewound(cpu, passed);
        return true;
    }
    *outcome = exit_handle(cpu, stop);
    if (*outcome == OUTCOME_GO_ON && hit_watches(cpu, stop) == HIT_STOP)
        *outcome = OUTCOME_STOP;
    return true;
}

static int single_step(struct vcpu *cpu, const struct stepping *s, struct stop *stop)
{
    struct err e;

    if (debug_arm(cpu, KVM_GUESTDBG_ENABLE | (s->waits ? 0 : KVM_GUESTDBG_SINGLESTEP), 0, 0, NULL, &e) == 0)
        return 0;
    stop_at(cpu, stop, STOP_ERROR, e.text);
    return -1;
}

/* KVM may have executed an instruction and hold the debug exit back that says so. Who kicks may want a stop,
 * at a PSW that is settled: an interruption is delivered first, and the debug exit, which would come before
 * it, forgotten. */
static enum entered kicked(struct vcpu *cpu, struct stepping *s, struct stop *stop)
{
    if (s->delivering || !deliver_pending(cpu, s))
        return ENTERED_KICK;
    return single_step(cpu, s, stop) < 0 ? ENTERED_ERROR : ENTERED_KICK;
}

/* KVM since Linux 6.6 tells the guest of the step, as a PER event that comes with a program interruption. A
 * guest whose old PSW has PER off can have had none: the CPU stands at that interruption's new PSW, and what
 * was stored of the event is taken back. */
static void forget_per_event(struct vcpu *cpu, const struct stepping *s)
{
    uint8_t *core = memory_lowcore(cpu);

    if (!core || !(core[LC_PROGRAM_CODE + 1] & PGM_CODE_PER) ||
        load_be64(core + LC_OLD_PSW(INTERRUPTION_PROGRAM)) & PSW_PER ||
        load_be64(core + LC_NEW_PSW(INTERRUPTION_PROGRAM)) != cpu->run->psw_mask ||
        load_be64(core + LC_NEW_PSW(INTERRUPTION_PROGRAM) + 8) != cpu->run->psw_addr)
        return;
    core[LC_PROGRAM_CODE + 1] &= (uint8_t)~PGM_CODE_PER;
    memcpy(core + LC_PER, s->per, sizeof s->per);
    core[LC_PER_ACCESS] = s->per_access;
}

/* What is at the PC, for the traps and for the end of the step. */
static void begin(struct vcpu *cpu, struct stepping *s)
{
    const uint8_t *core = memory_lowcore(cpu);
    uint64_t insn;
    bool known = memory_absolute(cpu, SPACE_CODE, cpu->run->psw_addr, &insn) == 0;

    s->pc = cpu->run->psw_addr;
    s->length = known ? insn_length(cpu->m->memory.base[insn]) : 0;
    s->never_faults = known && never_faults(cpu->m->memory.base + insn, cpu->run->psw_mask);
    s->went_on = s->delivering = false;
    if (core) {
        memcpy(s->per, core + LC_PER, sizeof s->per);
        s->per_access = core[LC_PER_ACCESS];
    }
    set_traps(cpu, known && !s->waits ? &insn : NULL);
}

/* The others hold still while a CPU waits with traps at the handlers, which they would run into: it waits
 * with them for no longer than this, and then without. */
#define WAIT_NANOSECONDS 200000
#define WAIT_TURN_NANOSECONDS 2000000

/* A CPU that waits with the others held was kicked, by its timer or by whoever wants it to stop. */
static bool is_wait_over(struct vcpu *cpu, struct stepping *s)
{
    s->waits_on = s->waits && s->others && !atomic_load(&cpu->stop_requested);
    return s->waits_on;
}

/* Lets the CPU execute one instruction, or take one interruption: it then stands at the handler's first
 * instruction. OUTCOME_GO_ON if that is all that happened; in a range perhaps more than once. A waiting CPU
 * is let wait without single-step, which would mask the clock comparator: the traps at the handlers end the
 * wait. */
static enum exit_outcome step_on(struct vcpu *cpu, struct stepping *s, struct stop *stop)
{
    enum exit_outcome outcome = OUTCOME_STOP;
    enum entered entered;

    s->waits = psw_enabled_wait(cpu->run->psw_mask);
    s->breakpoints = breakpoints_apply_step(cpu, s->start, s->size);
    if (single_step(cpu, s, stop) < 0)
        return OUTCOME_STOP;
    cpu->puts_off = s->puts_off;
    begin(cpu, s);
    if (s->waits && s->others)
        vcpu_timer(cpu, WAIT_NANOSECONDS, 0);
    do {
        entered = run_enter(cpu, s->delivering, stop);
        if (entered == ENTERED_EXIT && !s->delivering && goes_on(cpu, s))
            entered = go_on(cpu, s, stop);
        if (entered == ENTERED_KICK)
            entered = kicked(cpu, s, stop);
    } while ((entered == ENTERED_KICK && !is_wait_over(cpu, s)) ||
             (entered == ENTERED_EXIT && !is_over(cpu, s, &outcome, stop)));
    cpu->puts_off = false;
    traps_remove(cpu);
    forget_per_event(cpu, s);
    if (s->waits_on)
        return OUTCOME_GO_ON;
    return entered == ENTERED_EXIT ? outcome : OUTCOME_STOP;
}

/* Without puts_off an interruption may come first. */
enum exit_outcome step_once(struct vcpu *cpu, bool puts_off, struct stop *stop)
{
    struct stepping s = {.size = 0, .puts_off = puts_off};

    return step_on(cpu, &s, stop);
}

/* To carry out what was caught before is a step of its own: the instruction was executed up to there. */
static enum exit_outcome carry_out(struct vcpu *cpu, struct stop *stop)
{
    breakpoints_apply_step(cpu, 0, 0); /* what is watched */
    if (catch_carry_out(cpu, stop) == OUTCOME_STOP || hit_watches(cpu, stop) == HIT_STOP)
        return OUTCOME_STOP;
    return OUTCOME_GO_ON;
}

/* What there is where the step has led. */
static enum exit_outcome stepped_to(struct vcpu *cpu, const struct stepping *s, struct stop *stop)
{
    if (catch_arrival(cpu, stop) == HIT_STOP)
        return OUTCOME_STOP;
    if (!in_range(cpu, s))
        return stop_at(cpu, stop, STOP_STEP,
                       psw_enabled_wait(cpu->run->psw_mask) ? "stepped; the CPU waits" : "stepped");
    return hit_code(cpu, cpu->run->psw_addr, stop) == HIT_STOP ? OUTCOME_STOP : OUTCOME_GO_ON;
}

/* With the machine for itself: true if the CPU is to stop, *stop says why. The others find their breakpoints
 * in force again. */
static bool step_alone(struct vcpu *cpu, struct stepping *s, struct stop *stop)
{
    enum exit_outcome outcome;
    struct err e;

    s->others = gate_others_run(cpu);
    s->waits_on = false;
    breakpoints_remove(cpu->m); /* of one that ran, too */
    outcome = catch_keeps(cpu) ? carry_out(cpu, stop) : step_on(cpu, s, stop);
    if (outcome == OUTCOME_GO_ON && !s->waits_on)
        outcome = stepped_to(cpu, s, stop);
    if (s->others && breakpoints_apply(cpu, &e) < 0)
        outcome = stop_at(cpu, stop, STOP_ERROR, e.text);
    return outcome == OUTCOME_STOP;
}

/* A step, or one in a range: a breakpoint where it begins is passed, one that the PC comes to in the range is
 * told. While a CPU steps the others hold still; before, and in between, they run. They still do when the CPU
 * has something to tell, for which they would be stopped again: until it has parked. */
#define FIRST_TURN_NANOSECONDS 200000

void step_run(struct vcpu *cpu, struct stop *stop)
{
    const struct cpu_action *a = &cpu->action;
    struct stepping s = {.start = a->start, .puts_off = !cpu->m->step_interrupts};
    bool over = false;

    if (a->verb == CPU_STEP_RANGE && a->end > a->start)
        s.size = a->end - a->start;
    if (gate_another_executes(cpu))
        gate_turn(cpu, FIRST_TURN_NANOSECONDS);
    while (!over) {
        if (s.waits_on)
            gate_turn(cpu, WAIT_TURN_NANOSECONDS);
        if (gate_exclusive(cpu)) {
            over = step_alone(cpu, &s, stop);
            if (!over || run_is_halt(stop))
                gate_shared(cpu);
        }
    }
}
