/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may touch the machine while its CPUs run. A vcpu's thread that runs holds it shared, but for the time
 * that it is in KVM_RUN or waits; one at a time may have it exclusively: then every other vcpu is out of
 * KVM_RUN and holds still at its gate. Here is also the waiting of a CPU that cannot run on by itself (in the
 * stopped state, or in a disabled wait) for another one that starts it, and the end of that: when no CPU is
 * left that could.
 *
 * The machine's lock guards all of it. With one CPU there is nobody to wait for. */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define TURN_MAX 10000000 /* nanoseconds */

static bool alone(const struct kvm_machine *m)
{
    return m->base.ncpus == 1;
}

static void change(struct vcpu *cpu, enum gate_side side)
{
    struct kvm_machine *m = cpu->m;

    m->busy += (side != GATE_OUT) - (cpu->side != GATE_OUT);
    cpu->side = side;
    if (m->exclusive && side == GATE_OUT)
        pthread_cond_broadcast(&m->gate);
}

/* With the lock held: until nobody has the machine exclusively. True if somebody had. */
static bool wait_shared(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;
    bool waited = false;

    while (m->exclusive && m->exclusive != cpu) {
        change(cpu, GATE_OUT);
        pthread_cond_wait(&m->gate, &m->lock);
        waited = true;
    }
    return waited;
}

void gate_enter(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (alone(m))
        return;
    pthread_mutex_lock(&m->lock);
    wait_shared(cpu);
    change(cpu, GATE_SHARED);
    pthread_mutex_unlock(&m->lock);
}

void gate_end(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (alone(m))
        return;
    if (m->exclusive == cpu) {
        m->exclusive = NULL;
        cpu->exclusive_depth = 0;
        pthread_cond_broadcast(&m->gate);
    }
    change(cpu, GATE_OUT);
}

bool gate_to_guest(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;
    bool waited;

    if (alone(m))
        return true;
    pthread_mutex_lock(&m->lock);
    waited = wait_shared(cpu);
    change(cpu, waited ? GATE_SHARED : GATE_GUEST);
    pthread_mutex_unlock(&m->lock);
    return !waited;
}

/* With the lock held. A kick that comes before KVM_RUN makes it return at once. */
static void clear_the_guest(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (m->cpu[i].side == GATE_GUEST)
            vcpu_enter_anew(&m->cpu[i]);
    while (m->busy)
        pthread_cond_wait(&m->gate, &m->lock);
}

/* Whether another CPU has something to execute: one that left the guest waiting probably has not. */
static bool another_executes(const struct vcpu *cpu)
{
    const struct kvm_machine *m = cpu->m;

    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (i != cpu->id && m->cpu[i].phase == VCPU_RUNNING && !m->cpu[i].is_halted &&
            !(__atomic_load_n(&m->cpu[i].run->psw_mask, __ATOMIC_RELAXED) & PSW_WAIT))
            return true;
    return false;
}

bool gate_another_executes(const struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;
    bool executes;

    if (alone(m))
        return false;
    pthread_mutex_lock(&m->lock);
    executes = another_executes(cpu);
    pthread_mutex_unlock(&m->lock);
    return executes;
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NANOSECONDS + (uint64_t)t.tv_nsec;
}

/* With the lock held: until that time, or somebody wants this CPU to stop. */
static void wait_until(struct vcpu *cpu, uint64_t time)
{
    struct timespec end = {.tv_sec = (time_t)(time / NANOSECONDS), .tv_nsec = (long)(time % NANOSECONDS)};

    while (!atomic_load(&cpu->stop_requested) &&
           pthread_cond_timedwait(&cpu->m->gate, &cpu->m->lock, &end) != ETIMEDOUT)
        ;
}

/* The others run for as long as they were held before: a CPU that passes a breakpoint again and again would
 * starve them, and perhaps waits for one of them. */
static void wait_for_turn(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    wait_shared(cpu);
    if (another_executes(cpu) && now() < m->turn_end)
        wait_until(cpu, m->turn_end);
    wait_shared(cpu);
}

bool gate_exclusive(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;
    bool reset;

    if (alone(m) || cpu->exclusive_depth++)
        return true;
    pthread_mutex_lock(&m->lock);
    cpu->was_reset = false;
    change(cpu, GATE_OUT);
    wait_for_turn(cpu);
    m->exclusive = cpu;
    m->exclusive_since = now();
    clear_the_guest(cpu);
    reset = cpu->was_reset;
    pthread_mutex_unlock(&m->lock);
    if (reset)
        gate_shared(cpu);
    return !reset;
}

void gate_shared(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;
    uint64_t held;

    if (alone(m) || --cpu->exclusive_depth)
        return;
    pthread_mutex_lock(&m->lock);
    held = now() - m->exclusive_since;
    m->turn_end = m->exclusive_since + held + (held < TURN_MAX ? held : TURN_MAX);
    m->exclusive = NULL;
    change(cpu, GATE_SHARED);
    pthread_cond_broadcast(&m->gate);
    pthread_mutex_unlock(&m->lock);
}

bool gate_others_run(const struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;
    bool run;

    if (alone(m))
        return false;
    pthread_mutex_lock(&m->lock);
    run = m->running - m->halted > 1;
    pthread_mutex_unlock(&m->lock);
    return run;
}

void gate_turn(struct vcpu *cpu, uint64_t nanoseconds)
{
    struct kvm_machine *m = cpu->m;

    pthread_mutex_lock(&m->lock);
    change(cpu, GATE_OUT);
    wait_until(cpu, now() + nanoseconds);
    wait_shared(cpu);
    change(cpu, GATE_SHARED);
    pthread_mutex_unlock(&m->lock);
}

/* ---- CPUs that cannot run on by themselves ---- */

/* The one whose reason is the machine's: a disabled wait that is no orderly end before all others. */
static const struct vcpu *reason_for_all(const struct vcpu *cpu)
{
    const struct kvm_machine *m = cpu->m;

    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (m->cpu[i].is_halted && m->cpu[i].halted_by.reason == STOP_DISABLED_WAIT)
            return &m->cpu[i];
    return cpu;
}

/* With the lock held: whether there is a CPU that the debugger holds and that could start the others. */
static bool somebody_is_held(const struct kvm_machine *m)
{
    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (m->cpu[i].phase == VCPU_PARKED && !m->cpu[i].stopped &&
            !psw_disabled_wait(m->cpu[i].run->psw_mask))
            return true;
    return false;
}

/* With the lock held: whether that is to be told, in *stop. Not if all are being stopped: of those that still
 * run then some may just have parked. */
static bool tell_halt(const struct vcpu *cpu, struct stop *stop)
{
    const struct kvm_machine *m = cpu->m;

    if (m->nstops || atomic_load(&cpu->stop_requested))
        return false;
    if (m->halted == m->running) {
        *stop = reason_for_all(cpu)->halted_by;
        if (somebody_is_held(m))
            stop_at(
                cpu, stop, STOP_HALTED,
                "no CPU that was let go can run on: stopped, or in a disabled wait; let the others go, or "
                "change its PSW");
        return true;
    }
    if (cpu->action.verb == CPU_CONTINUE)
        return false;
    stop_at(cpu, stop, STOP_HALTED,
            "it cannot step: stopped, or in a disabled wait; change its PSW, or continue, and it waits for "
            "another CPU to start it");
    return true;
}

bool gate_halt(struct vcpu *cpu, struct stop *stop)
{
    struct kvm_machine *m = cpu->m;
    bool goes_on = false;

    if (alone(m))
        return false;
    pthread_mutex_lock(&m->lock);
    cpu->is_halted = true;
    cpu->halted_by = *stop;
    m->halted++;
    if (!tell_halt(cpu, stop)) {
        change(cpu, GATE_OUT);
        while (cpu->is_halted && !atomic_load(&cpu->stop_requested))
            pthread_cond_wait(&m->gate, &m->lock);
        wait_shared(cpu);
        change(cpu, GATE_SHARED);
        goes_on = !cpu->is_halted;
        stop_at(cpu, stop, STOP_INTERRUPT, "interrupted");
    }
    if (cpu->is_halted)
        m->halted--;
    cpu->is_halted = false;
    pthread_mutex_unlock(&m->lock);
    return goes_on;
}

void gate_start(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (alone(m))
        return;
    pthread_mutex_lock(&m->lock);
    if (cpu->is_halted)
        m->halted--;
    cpu->is_halted = false;
    pthread_cond_broadcast(&m->gate);
    pthread_mutex_unlock(&m->lock);
}
