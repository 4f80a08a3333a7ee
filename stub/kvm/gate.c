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

void gate_begin(struct vcpu *cpu)
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
    if (!alone(cpu->m))
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

void gate_from_guest(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (alone(m))
        return;
    pthread_mutex_lock(&m->lock);
    wait_shared(cpu);
    change(cpu, GATE_SHARED);
    pthread_mutex_unlock(&m->lock);
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

bool gate_exclusive(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;
    bool reset;

    if (alone(m) || cpu->exclusive_depth++)
        return true;
    pthread_mutex_lock(&m->lock);
    cpu->was_reset = false;
    change(cpu, GATE_OUT);
    wait_shared(cpu);
    m->exclusive = cpu;
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

    if (alone(m) || --cpu->exclusive_depth)
        return;
    pthread_mutex_lock(&m->lock);
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
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    nanoseconds += (uint64_t)end.tv_nsec;
    end.tv_sec += (time_t)(nanoseconds / NANOSECONDS);
    end.tv_nsec = (long)(nanoseconds % NANOSECONDS);
    pthread_mutex_lock(&m->lock);
    change(cpu, GATE_OUT);
    while (!atomic_load(&cpu->stop_requested) &&
           pthread_cond_timedwait(&m->gate, &m->lock, &end) != ETIMEDOUT)
        ;
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
        if (m->cpu[i].phase != VCPU_RUNNING && !m->cpu[i].stopped &&
            !psw_disabled_wait(m->cpu[i].run->psw_mask))
            return true;
    return false;
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
    if (m->halted == m->running && !m->nstops) {
        *stop = reason_for_all(cpu)->halted_by;
        if (somebody_is_held(m))
            stop_at(
                cpu, stop, STOP_HALTED,
                "no CPU that was let go can run on: stopped, or in a disabled wait; let the others go, or "
                "change its PSW");
    } else {
        change(cpu, GATE_OUT);
        while (cpu->is_halted && !atomic_load(&cpu->stop_requested))
            pthread_cond_wait(&m->gate, &m->lock);
        goes_on = !cpu->is_halted;
        stop_at(cpu, stop, STOP_INTERRUPT, "interrupted");
        wait_shared(cpu);
        change(cpu, GATE_SHARED);
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
