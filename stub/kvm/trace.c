/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits counted and recorded: their kinds, the counters, and what a vcpu's thread writes of each while the
 * trace is on; how the loop switches that and reads. Steps in a range that go on by themselves have one
 * record together, that of the exit behind them. */
#include <errno.h>
#include <time.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define LC_EXTERNAL_CODE 0x86
#define LC_PROGRAM_CODE 0x8e

/* ---- kinds ---- */

enum exit_kind exit_instruction_kind(uint16_t ipa)
{
    if (ipa == 0xb220)
        return EXIT_SERVICE_CALL;
    if (ipa >> 8 == 0x83)
        return EXIT_DIAG;
    return ipa >> 8 == 0xae ? EXIT_SIGP : EXIT_INSTRUCTION;
}

static enum exit_kind intercept_kind(const struct kvm_run *run)
{
    switch (run->s390_sieic.icptcode) {
    case ICPT_INSTRUCTION:
        return exit_instruction_kind(run->s390_sieic.ipa);
    case ICPT_PROGRAM_LOOP:
    case ICPT_EXTERNAL_LOOP:
        return EXIT_LOOP;
    case ICPT_WAIT:
        return EXIT_WAIT;
    case ICPT_STOP:
        return EXIT_STOP;
    case ICPT_OPERATION:
        return EXIT_OPERATION;
    default:
        return EXIT_ELSE;
    }
}

enum exit_kind exit_kind(const struct kvm_run *run)
{
    switch (run->exit_reason) {
    case KVM_EXIT_DEBUG:
        return EXIT_DEBUG;
    case KVM_EXIT_S390_RESET:
        return EXIT_RESET;
    case KVM_EXIT_S390_SIEIC:
        return intercept_kind(run);
    default:
        return EXIT_ELSE;
    }
}

/* ---- records ---- */

/* A clock that costs no call: on s390x the TOD clock's bits 0-51 are microseconds. */
static uint64_t clock_now(void)
{
#ifdef __s390x__
    uint64_t tod;

    __asm__ volatile("stckf %0" : "=Q"(tod)::"cc");
    return (tod >> 9) * 125 + ((tod & 0x1ff) * 125 >> 9);
#else
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

/* What is to be added to that clock for nanoseconds of CLOCK_REALTIME, as things are now. */
static uint64_t clock_offset(void)
{
    uint64_t offset = 0, narrowest = UINT64_MAX;

    for (int i = 0; i < 3; i++) {
        uint64_t before = clock_now(), after;
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        after = clock_now();
        if (after - before >= narrowest)
            continue;
        narrowest = after - before;
        offset = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec - before - narrowest / 2;
    }
    return offset;
}

/* The interruption code that stands in the CPU's lowcore. */
static uint16_t lowcore_code(const struct vcpu *cpu, uint64_t real)
{
    uint64_t absolute = cpu->run->s.regs.prefix + real;

    return absolute < cpu->m->memory.size ? load_be16(cpu->m->memory.base + absolute) : 0;
}

static void take_operands(const struct vcpu *cpu, struct exit_record *r)
{
    const struct kvm_run *run = cpu->run;
    const __u64 *gprs = run->s.regs.gprs;
    unsigned r1 = r->ipa >> 4 & 15, r3 = r->ipa & 15;

    switch (r->kind) {
    case EXIT_SERVICE_CALL:
        r->operand[0] = (uint32_t)gprs[r->ipb >> 20 & 15];
        r->operand[1] = gprs[r->ipb >> 16 & 15];
        break;
    case EXIT_DIAG:
        r->code = (uint16_t)exit_rs_operand(run);
        r->operand[0] = gprs[r1];
        r->operand[1] = gprs[r3];
        break;
    case EXIT_SIGP:
        r->code = exit_rs_operand(run) & 0xff;
        r->operand[0] = (uint16_t)gprs[r3];
        r->operand[1] = gprs[r1 | 1];
        break;
    case EXIT_LOOP:
        r->code = lowcore_code(cpu, r->icptcode == ICPT_EXTERNAL_LOOP ? LC_EXTERNAL_CODE : LC_PROGRAM_CODE);
        break;
    default:
        break;
    }
}

static void take_other(const struct vcpu *cpu, struct exit_record *r, int rc)
{
    const struct kvm_run *run = cpu->run;

    if (rc < 0) {
        r->operand[1] = (uint64_t)errno;
    } else if (run->exit_reason == KVM_EXIT_DEBUG) {
        if (!cpu->debug_stale) { /* one union holds what the exit before told, and this */
            r->per = run->debug.arch.type & (TRACE_PER_FETCH | TRACE_PER_STORE | TRACE_PER_STEP);
            r->operand[0] = run->debug.arch.addr;
        }
    } else if (run->exit_reason == KVM_EXIT_S390_RESET) {
        r->code = exit_reset_subcode(run);
    } else {
        r->operand[0] = run->exit_reason;
    }
}

/* At every exit: it must cost little beside KVM_RUN. */
static void record(struct vcpu *cpu, enum exit_kind kind, int rc)
{
    const struct kvm_run *run = cpu->run;
    struct exit_record r = {.time = clock_now(),
                            .kind = (uint8_t)kind,
                            .cpu = (uint8_t)cpu->id,
                            .psw = {run->psw_mask, run->psw_addr},
                            .steps = cpu->range_steps};

    if (rc == 0 && run->exit_reason == KVM_EXIT_S390_SIEIC) {
        r.icptcode = run->s390_sieic.icptcode;
        r.ipa = run->s390_sieic.ipa;
        r.ipb = run->s390_sieic.ipb;
        take_operands(cpu, &r);
    } else {
        take_other(cpu, &r, rc);
    }
    trace_ring_put(&cpu->m->trace, &r);
}

/* ---- counters ---- */

/* rc is what KVM_RUN returned, errno still with it; failures other than a kick count as "other". */
void exit_count(struct vcpu *cpu, int rc)
{
    enum exit_kind kind = rc == 0 ? exit_kind(cpu->run) : EXIT_ELSE;

    if (rc < 0 && (errno == EINTR || errno == EAGAIN))
        kind = EXIT_KICK;
    atomic_fetch_add_explicit(&cpu->exits[kind], 1, memory_order_relaxed);
    if (atomic_load_explicit(&cpu->m->tracing, memory_order_acquire))
        record(cpu, kind, rc);
    cpu->range_steps = 0;
}

void exit_count_steps(struct vcpu *cpu, unsigned steps)
{
    atomic_fetch_add_explicit(&cpu->exits[EXIT_DEBUG], steps, memory_order_relaxed);
    cpu->range_steps = steps;
}

size_t exit_counters(struct machine *machine, struct machine_counter *out, size_t max)
{
    struct kvm_machine *m = to_kvm(machine);
    size_t n = 0;

    for (unsigned kind = 0; kind < EXIT_KINDS && n < max; kind++) {
        uint64_t count = 0;
        for (unsigned i = 0; i < m->base.ncpus; i++)
            count += atomic_load_explicit(&m->cpu[i].exits[kind], memory_order_relaxed);
        if (count)
            out[n++] = (struct machine_counter){exit_kind_name(kind), count};
    }
    return n;
}

/* ---- the loop's side ---- */

/* The ring stays once it is there: a thread may be about to write into it. */
int trace_switch(struct machine *machine, bool on, struct err *e)
{
    struct kvm_machine *m = to_kvm(machine);

    if (on && trace_ring_make(&m->trace, e) < 0)
        return -1;
    atomic_store_explicit(&m->tracing, on, memory_order_release);
    return 0;
}

size_t trace_read(struct machine *machine, uint64_t *next, struct exit_record *out, size_t max)
{
    struct kvm_machine *m = to_kvm(machine);
    uint64_t offset;
    bool settled;
    size_t n;

    if (!m->trace.place)
        return 0;
    pthread_mutex_lock(&m->lock);
    settled = m->running == 0;
    pthread_mutex_unlock(&m->lock);
    n = trace_ring_read(&m->trace, settled, next, out, max);
    offset = n ? clock_offset() : 0;
    for (size_t i = 0; i < n; i++)
        out[i].time += offset;
    return n;
}
