/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan's catchpoints. What comes to the monitor anyway is looked at before it is carried out, and kept if
 * it stops the CPU: the next resume carries it out. Interruptions come without an exit: an opcode of ours
 * lies over the first instruction of the handlers that the new PSWs designate, in the lowcore of each CPU,
 * beside those of the user's breakpoints; and a CPU whose PSW is a new PSW has arrived there.
 *
 * The guest may change its new PSWs at any time. They are compared at every exit and at intervals; and for
 * two seconds after each change, while PER is free, PER watches them, so that the very next interruption is
 * seen. Not for longer: where PER is not the hardware's own it makes everything slow. Opcodes need
 * KVM_CAP_S390_USER_INSTR0: DIAG 0x501 might reach into another instruction, and hardware breakpoints are
 * told one instruction late where an interruption leads. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/agent.h"
#include "zgdbd/bytes.h"

#define SETTLE_LOOKS 40 /* of 50 ms each */

static const int class_of[CATCH_KINDS] = {
    [CATCH_PROGRAM] = INTERRUPTION_PROGRAM,
    [CATCH_SVC] = INTERRUPTION_SVC,
    [CATCH_EXTERNAL] = INTERRUPTION_EXTERNAL,
    [CATCH_IO] = INTERRUPTION_IO,
    [CATCH_MACHINE_CHECK] = INTERRUPTION_MACHINE_CHECK,
    [CATCH_RESTART] = INTERRUPTION_RESTART,
};

static bool is_interruption(enum catch_kind kind)
{
    return kind <= CATCH_RESTART;
}

static bool wanted(const struct catches *c, unsigned class)
{
    return c->classes >> class & 1;
}

int catch_adopt(struct kvm_machine *m, const struct resume_plan *plan, struct err *e)
{
    unsigned classes = 0;

    for (size_t i = 0; i < plan->ncatchpoints; i++)
        if (is_interruption(plan->catchpoints[i].kind))
            classes |= 1u << class_of[plan->catchpoints[i].kind];
    if (classes && !m->instr0)
        return err_set(e, EXIT_OTHER,
                       "cannot catch interruptions: this host's KVM has no KVM_CAP_S390_USER_INSTR0; remove "
                       "these catchpoints (monitor uncatch)");
    for (unsigned i = 0; classes & ~m->catches.classes && i < m->base.ncpus; i++)
        m->cpu[i].settling = SETTLE_LOOKS;
    m->catches.points = plan->catchpoints;
    m->catches.n = plan->ncatchpoints;
    m->catches.classes = classes;
    return 0;
}

/* ---- handlers ---- */

static struct psw load_psw(const uint8_t *at)
{
    return (struct psw){load_be64(at), load_be64(at + 8)};
}

/* By what the handler of a class is found, but for tables. */
static struct handler_key key_of(const uint8_t *lowcore, struct dat_context *ctx, unsigned class)
{
    struct handler_key key = {.psw = load_psw(lowcore + LC_NEW_PSW(class))};
    bool real;

    ctx->psw_mask = key.psw.mask;
    key.asce = dat_code_asce(ctx, &real);
    return key;
}

/* A new PSW that waits has no instruction; one that is zero was not set up yet. */
static bool leads_to_code(struct psw psw)
{
    return !(psw.mask & PSW_WAIT) && (psw.mask || psw.addr) && !(psw.addr & 1);
}

/* An intercepted opcode 0x0000 was seen to leave its own ILC and code in the lowcore, where the handler of
 * program interruptions is about to read them: there it is DIAG 0x501, if that does not reach into the next
 * instruction and the handler may execute it. */
static bool takes_diag(unsigned class, struct psw psw, const struct dat_context *ctx,
                       const struct dat_result *at)
{
    return class == INTERRUPTION_PROGRAM && !(psw.mask & PSW_PSTATE) && at->left >= TRAP_BYTES &&
           insn_length(ctx->memory[at->absolute]) >= TRAP_BYTES;
}

static void add_handler(struct catches *c, struct dat_context *ctx, unsigned class, struct psw psw)
{
    struct dat_result at;
    unsigned i = 0;

    if (!leads_to_code(psw))
        return;
    ctx->psw_mask = psw.mask;
    if (dat_translate(ctx, SPACE_CODE, psw.addr, &at) || at.left < OPCODE_BYTES) {
        c->incomplete = true;
        return;
    }
    while (i < c->nhandlers && c->handler[i].absolute != at.absolute)
        i++;
    if (i == c->nhandlers)
        c->handler[c->nhandlers++] = (struct applied){.how = HOW_MEMORY, .absolute = at.absolute};
    c->handler[i].diag |= takes_diag(class, psw, ctx, &at);
}

static void find_of(struct vcpu *cpu)
{
    struct catches *c = &cpu->m->catches;
    const uint8_t *lowcore = memory_lowcore(cpu);
    struct dat_context ctx;

    if (catch_moved(cpu))
        cpu->settling = SETTLE_LOOKS;
    memory_context(cpu, &ctx);
    cpu->caught_prefix = ctx.prefix;
    for (unsigned class = 0; lowcore && class < INTERRUPTION_CLASSES; class ++) {
        if (!wanted(c, class))
            continue;
        cpu->handler_key[class] = key_of(lowcore, &ctx, class);
        add_handler(c, &ctx, class, cpu->handler_key[class].psw);
    }
}

/* Where opcodes have to be now: of all CPUs, with the machine for itself. */
void catch_find(struct kvm_machine *m)
{
    m->catches.nhandlers = 0;
    m->catches.incomplete = false;
    for (unsigned i = 0; m->catches.classes && i < m->base.ncpus; i++)
        find_of(&m->cpu[i]);
}

/* Whether the CPU's handlers are to be found again. */
bool catch_moved(const struct vcpu *cpu)
{
    const struct catches *c = &cpu->m->catches;
    const uint8_t *lowcore;
    struct dat_context ctx;

    if (!c->classes)
        return false;
    lowcore = memory_lowcore(cpu);
    memory_context(cpu, &ctx);
    if (ctx.prefix != cpu->caught_prefix)
        return true;
    for (unsigned class = 0; lowcore && class < INTERRUPTION_CLASSES; class ++) {
        const struct handler_key *old = &cpu->handler_key[class];
        struct handler_key now;

        if (!wanted(c, class))
            continue;
        now = key_of(lowcore, &ctx, class);
        if (now.psw.mask != old->psw.mask || now.psw.addr != old->psw.addr || now.asce != old->asce)
            return true;
    }
    return false;
}

/* At each look at intervals: true if the CPU is to apply its breakpoints again, because a handler may be
 * found now or nothing is watched any more. */
bool catch_look(struct vcpu *cpu)
{
    bool settled = cpu->m->catches.classes && cpu->settling && --cpu->settling == 0;

    return settled || cpu->m->catches.incomplete;
}

/* The entry of PER for the CPU's new PSWs, if it has nothing else to do: with other entries its one range
 * would make all between them slow. Returns how many. */
unsigned catch_watch(const struct vcpu *cpu, struct kvm_hw_breakpoint *hw)
{
    const struct kvm_machine *m = cpu->m;

    if (!m->catches.classes || !cpu->settling || !(m->base.caps & MACHINE_CAN_HW_BREAK) ||
        !memory_lowcore(cpu))
        return 0;
    *hw = (struct kvm_hw_breakpoint){.addr = LC_NEW_PSW(0),
                                     .phys_addr = cpu->run->s.regs.prefix + LC_NEW_PSW(0),
                                     .len = NEW_PSW_BYTES,
                                     .type = KVM_HW_WP_WRITE};
    return 1;
}

/* ---- hits ---- */

static bool has_code(const struct catchpoint *p, uint32_t code)
{
    int class = is_interruption(p->kind) ? class_of[p->kind] : INTERRUPTION_RESTART;

    for (unsigned i = 0; i < p->ncodes; i++)
        if (interruption_code_is((enum interruption_class) class, code, p->codes[i]))
            return true;
    return p->ncodes == 0;
}

/* What happened, for conditions and for the user. */
struct event {
    uint64_t code, old_address;
    char text[400];
};

/* One catchpoint that is meant; the first that stops the CPU fills *stop. */
static void hit(struct vcpu *cpu, const struct catchpoint *p, const struct event *event, enum hit *hit,
                struct stop *stop)
{
    struct agent_context context = hit_context(cpu);
    char text[sizeof stop->text];

    context.old_value = event->old_address;
    context.new_value = event->code;
    if (*hit == HIT_NONE)
        *hit = HIT_PASSED;
    if (!agent_catchpoint_stops(p, &context, text, sizeof text) || *hit == HIT_STOP)
        return;
    *hit = HIT_STOP;
    if (!text[0])
        snprintf(text, sizeof text, "catchpoint %u: %s", p->number, event->text);
    memset(stop, 0, sizeof *stop);
    stop_at(cpu, stop, STOP_CATCH, text);
    stop->catchpoint = p->number;
    stop->tell = true;
}

/* ---- interruptions ---- */

/* What each class stores in the lowcore besides its old PSW. */
static const struct {
    uint16_t start, bytes;
} stored[INTERRUPTION_CLASSES] = {
    [INTERRUPTION_EXTERNAL] = {0x80, 8}, [INTERRUPTION_SVC] = {0x88, 4},
    [INTERRUPTION_PROGRAM] = {0x8c, 4},  [INTERRUPTION_MACHINE_CHECK] = {0xe8, 8},
    [INTERRUPTION_IO] = {0xb8, 12},
};

static bool has_stored(const uint8_t *lowcore, const uint8_t *before, unsigned class)
{
    return memcmp(lowcore + LC_OLD_PSW(class), before + LC_OLD_PSW(class), 16) != 0 ||
           memcmp(lowcore + stored[class].start, before + stored[class].start, stored[class].bytes) != 0;
}

/* The class of the interruption by which the CPU came to its PSW, or -1. Where classes share a new PSW it is
 * the one that has stored something since the last time; the last one, if the very same came again. */
static int arrived_by(const struct vcpu *cpu, const uint8_t *lowcore)
{
    int by = -1;
    bool by_stored = false;

    for (unsigned class = 0; class < INTERRUPTION_CLASSES; class ++) {
        struct psw psw = load_psw(lowcore + LC_NEW_PSW(class));
        bool now = has_stored(lowcore, cpu->arrived_lowcore, class);

        if (psw.mask != cpu->run->psw_mask || psw.addr != cpu->run->psw_addr)
            continue;
        if (by < 0 || (now && !by_stored) || (now == by_stored && class == cpu->arrived_class)) {
            by = (int)class;
            by_stored = now;
        }
    }
    return by;
}

/* A CPU that runs from elsewhere than a handler: of what is stored nothing is news. */
void catch_begin(struct vcpu *cpu)
{
    const uint8_t *lowcore = cpu->m->catches.classes ? memory_lowcore(cpu) : NULL;

    if (lowcore && arrived_by(cpu, lowcore) < 0)
        memcpy(cpu->arrived_lowcore, lowcore, sizeof cpu->arrived_lowcore);
}

/* The last breaking-event address is in the lowcore for program interruptions only. */
static uint32_t describe_arrival(const struct vcpu *cpu, enum interruption_class class,
                                 const uint8_t *lowcore, struct event *event)
{
    struct interruption i;

    interruption_read(class, lowcore, &i);
    if (class != INTERRUPTION_PROGRAM)
        i.last_break = cpu->run->s.regs.gbea;
    event->code = i.code;
    event->old_address = i.old_psw.addr;
    interruption_text(&i, event->text, sizeof event->text);
    return i.code;
}

/* If the CPU stands at the first instruction of a handler, and an interruption has brought it there;
 * HIT_PASSED if that was counted before. */
enum hit catch_arrival(struct vcpu *cpu, struct stop *stop)
{
    const struct catches *c = &cpu->m->catches;
    const uint8_t *lowcore = c->classes && !cpu->arrived ? memory_lowcore(cpu) : NULL;
    int class = lowcore ? arrived_by(cpu, lowcore) : -1;
    enum hit result = cpu->arrived ? HIT_PASSED : HIT_NONE;
    struct event event;
    uint32_t code;

    if (class < 0)
        return result;
    cpu->arrived = true;
    cpu->arrived_class = (unsigned)class;
    memcpy(cpu->arrived_lowcore, lowcore, sizeof cpu->arrived_lowcore);
    code = describe_arrival(cpu, (enum interruption_class) class, lowcore, &event);
    for (size_t i = 0; i < c->n; i++)
        if (is_interruption(c->points[i].kind) && class_of[c->points[i].kind] == class &&
            has_code(&c->points[i], code))
            hit(cpu, &c->points[i], &event, &result, stop);
    return result;
}

/* ---- exits ---- */

__attribute__((format(printf, 2, 3))) static void add(struct event *event, const char *fmt, ...)
{
    size_t len = strlen(event->text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(event->text + len, sizeof event->text - len, fmt, ap);
    va_end(ap);
}

static void add_named(struct event *event, const char *what, unsigned digits, enum code_kind kind)
{
    const char *name = code_name(kind, (uint32_t)event->code);

    add(event, "%s 0x%0*" PRIx64 "%s%s%s", what, (int)digits, event->code, name ? " (" : "", name ? name : "",
        name ? ")" : "");
}

static void describe_service_call(const struct kvm_run *run, struct event *event)
{
    uint32_t ipb = run->s390_sieic.ipb;

    event->code = (uint32_t)run->s.regs.gprs[ipb >> 20 & 15];
    add_named(event, "service call", 8, CODES_SERVICE_CALL);
    add(event, ", SCCB at 0x%llx", run->s.regs.gprs[ipb >> 16 & 15]);
}

static void describe_diag(const struct kvm_run *run, struct event *event)
{
    unsigned r1 = run->s390_sieic.ipa >> 4 & 15, r3 = run->s390_sieic.ipa & 15;

    event->code = (uint16_t)exit_rs_operand(run);
    add_named(event, "DIAG", 3, CODES_DIAG);
    add(event, ", r%u 0x%llx, r%u 0x%llx", r1, run->s.regs.gprs[r1], r3, run->s.regs.gprs[r3]);
}

static void describe_sigp(const struct kvm_run *run, struct event *event)
{
    unsigned r1 = run->s390_sieic.ipa >> 4 & 15;

    event->code = exit_rs_operand(run) & 0xff;
    add_named(event, "SIGP", 2, CODES_SIGP);
    add(event, " to CPU %u, parameter 0x%llx", (uint16_t)run->s.regs.gprs[run->s390_sieic.ipa & 15],
        run->s.regs.gprs[r1 | 1]);
}

static void describe_exit(const struct kvm_run *run, enum exit_kind kind, struct event *event)
{
    *event = (struct event){.old_address = run->psw_addr};
    switch (kind) {
    case EXIT_SERVICE_CALL:
        describe_service_call(run, event);
        break;
    case EXIT_DIAG:
        describe_diag(run, event);
        break;
    case EXIT_SIGP:
        describe_sigp(run, event);
        break;
    case EXIT_RESET: /* by flags, KVM has seen the instruction itself */
        event->code = 0x308;
        add_named(event, "DIAG", 3, CODES_DIAG);
        break;
    case EXIT_INSTRUCTION:
    case EXIT_OPERATION:
        add(event, "%s, opcode %04x %08x", exit_kind_name(kind), run->s390_sieic.ipa, run->s390_sieic.ipb);
        break;
    default:
        add(event, "%s", exit_kind_name(kind));
    }
    if (run->exit_reason == KVM_EXIT_S390_SIEIC && run->s390_sieic.ipa)
        add(event, ", ILC %u", insn_length((uint8_t)(run->s390_sieic.ipa >> 8)));
    if (run->s.regs.gbea > 1)
        add(event, ", last breaking event 0x%llx", run->s.regs.gbea);
}

static bool means_exit(const struct catchpoint *p, enum exit_kind kind, uint32_t code)
{
    switch (p->kind) {
    case CATCH_WAIT:
        return kind == EXIT_WAIT;
    case CATCH_DIAG:
        return (kind == EXIT_DIAG || kind == EXIT_RESET) && has_code(p, code);
    case CATCH_SIGP:
        return kind == EXIT_SIGP && has_code(p, code);
    case CATCH_SERVICE_CALL:
        return kind == EXIT_SERVICE_CALL && has_code(p, code);
    case CATCH_EXIT:
        return has_code(p, (uint32_t)kind);
    default:
        return false;
    }
}

/* An exit that is the guest's doing: HIT_STOP, and it is kept for catch_carry_out(). A new PSW that is a
 * disabled wait has no instruction at which the interruption could be seen. */
enum hit catch_exit(struct vcpu *cpu, struct stop *stop)
{
    const struct catches *c = &cpu->m->catches;
    struct kvm_run *run = cpu->run;
    enum exit_kind kind;
    enum hit result;
    struct event event;

    if (!c->n)
        return HIT_NONE;
    kind = exit_kind(run);
    result = kind == EXIT_WAIT ? catch_arrival(cpu, stop) : HIT_NONE;
    describe_exit(run, kind, &event);
    for (size_t i = 0; i < c->n; i++)
        if (means_exit(&c->points[i], kind, (uint32_t)event.code))
            hit(cpu, &c->points[i], &event, &result, stop);
    if (result == HIT_STOP)
        cpu->pending = (struct pending_exit){.valid = true,
                                             .psw_addr = run->psw_addr,
                                             .reason = run->exit_reason,
                                             .icptcode = run->s390_sieic.icptcode,
                                             .ipa = run->s390_sieic.ipa,
                                             .ipb = run->s390_sieic.ipb,
                                             .reset_flags = run->s390_reset_flags};
    return result;
}

/* Whether the CPU stands behind an exit that was caught and is to be carried out: not if the debugger has
 * changed the PSW's address, then that instruction is not what the CPU is about any more. */
bool catch_keeps(struct vcpu *cpu)
{
    struct pending_exit *p = &cpu->pending;

    p->valid = p->valid && p->psw_addr == cpu->run->psw_addr;
    return p->valid;
}

/* Carries out what was kept, with the registers as they are now. */
enum exit_outcome catch_carry_out(struct vcpu *cpu, struct stop *stop)
{
    const struct pending_exit *p = &cpu->pending;
    struct kvm_run *run = cpu->run;

    cpu->pending.valid = false;
    run->exit_reason = p->reason;
    if (p->reason == KVM_EXIT_S390_RESET) {
        run->s390_reset_flags = p->reset_flags;
    } else {
        run->s390_sieic.icptcode = p->icptcode;
        run->s390_sieic.ipa = p->ipa;
        run->s390_sieic.ipb = p->ipb;
    }
    return exit_carry_out(cpu, stop);
}
