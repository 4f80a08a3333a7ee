/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread for each vcpu: parked until the loop hands it a verb, running until there is something to report.
 * Here are the hand-over, the kick, and the rule that a stop is handed out when every CPU is parked. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* Any signal with a handler makes KVM_RUN return; this one is for nothing else. */
#define KICK_SIGNAL SIGUSR1

static _Thread_local struct kvm_run *this_run;

/* A kick that arrives between the last look at stop_requested and KVM_RUN is not lost: immediate_exit makes
 * KVM_RUN return at once. Whoever is about to run clears it before that look. */
static void on_kick(int sig)
{
    (void)sig;
    if (this_run)
        this_run->immediate_exit = 1;
}

/* With the machine's lock held. */
static void kick(struct vcpu *cpu)
{
    atomic_store(&cpu->stop_requested, true);
    pthread_cond_broadcast(&cpu->m->gate);
    pthread_kill(cpu->thread, KICK_SIGNAL);
}

/* Makes a running CPU leave KVM_RUN and enter it again, which delivers what KVM looks for only there. */
void vcpu_enter_anew(struct vcpu *cpu)
{
    pthread_kill(cpu->thread, KICK_SIGNAL);
}

/* A timer that kicks this thread and no other. */
static bool make_timer(timer_t *timer)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK_SIGNAL};

    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    return timer_create(CLOCK_MONOTONIC, &event, timer) == 0;
}

/* Kicks this thread out of KVM_RUN after that time, and then at intervals; 0: not (again). */
void vcpu_timer(struct vcpu *cpu, uint64_t first, uint64_t interval)
{
    struct itimerspec spec = {.it_interval.tv_nsec = (long)interval, .it_value.tv_nsec = (long)first};

    if (cpu->timer_made)
        timer_settime(cpu->timer, 0, &spec, NULL);
}

static void kick_running(struct kvm_machine *m)
{
    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (m->cpu[i].phase == VCPU_RUNNING)
            kick(&m->cpu[i]);
}

/* With the lock held: every CPU has parked, and none has more to tell than that it was interrupted. One that
 * executes is more interesting than one that waits. */
static void tell_interrupted(struct kvm_machine *m, const struct vcpu *last)
{
    const struct vcpu *cpu = NULL;

    for (unsigned i = 0; i < m->base.ncpus && !cpu; i++)
        if (m->cpu[i].ran && !m->cpu[i].stopped && !(m->cpu[i].stop.psw.mask & PSW_WAIT))
            cpu = &m->cpu[i];
    m->stops[m->nstops++] = cpu ? cpu->stop : last->stop;
}

/* With the lock held, by a CPU that parks. The first with news makes the others stop. True if this was the
 * last CPU that ran: the loop is then to be woken, once the lock is free. */
static bool post_stop(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (cpu->stop.reason != STOP_INTERRUPT) {
        m->stops[m->nstops++] = cpu->stop;
        if (m->nstops == 1)
            kick_running(m);
    }
    if (--m->running)
        return false;
    breakpoints_remove(m);
    watchdog_hold(m);
    tod_hold(m);
    if (!m->nstops)
        tell_interrupted(m, cpu);
    return true;
}

/* Parks until the loop has given the CPU something to do; false if that is to end. */
static bool may_run(struct vcpu *cpu)
{
    enum vcpu_phase phase;

    while (sem_wait(&cpu->go) < 0) /* interrupted by a late kick */
        ;
    pthread_mutex_lock(&cpu->m->lock);
    phase = cpu->phase;
    pthread_mutex_unlock(&cpu->m->lock);
    return phase == VCPU_RUNNING;
}

static void *vcpu_main(void *arg)
{
    struct vcpu *cpu = arg;
    struct kvm_machine *m = cpu->m;

    this_run = cpu->run;
    cpu->timer_made = make_timer(&cpu->timer);
    cpu->watchdog_timer_made = make_timer(&cpu->watchdog_timer);
    cpu->event_timer_made = make_timer(&cpu->event_timer);
    while (may_run(cpu)) {
        bool last;

        gate_enter(cpu);
        run_until_stop(cpu, &cpu->stop);
        pthread_mutex_lock(&m->lock);
        gate_end(cpu);
        if (cpu->phase == VCPU_RUNNING)
            cpu->phase = VCPU_PARKED;
        last = post_stop(cpu);
        pthread_mutex_unlock(&m->lock);
        if (last) /* not under the lock, which the woken loop would run into at once */
            m->config.events.wake(m->config.events.ctx);
    }
    if (cpu->timer_made)
        timer_delete(cpu->timer);
    if (cpu->watchdog_timer_made)
        timer_delete(cpu->watchdog_timer);
    if (cpu->event_timer_made)
        timer_delete(cpu->event_timer);
    return NULL;
}

int vcpu_start(struct vcpu *cpu, struct err *e)
{
    struct sigaction action = {.sa_handler = on_kick};
    int rc;

    sigemptyset(&action.sa_mask);
    sigaction(KICK_SIGNAL, &action, NULL);
    sem_init(&cpu->go, 0, 0);
    rc = pthread_create(&cpu->thread, NULL, vcpu_main, cpu);
    if (rc)
        return err_set(e, EXIT_OTHER, "cannot start a thread for CPU %u: %s", cpu->id, strerror(rc));
    cpu->thread_started = true;
    return 0;
}

/* All of them first: one may wait for another, or send it orders, until it has ended itself. */
void vcpu_end_all(struct kvm_machine *m)
{
    pthread_mutex_lock(&m->lock);
    kick_running(m);
    for (unsigned i = 0; i < m->base.ncpus; i++)
        m->cpu[i].phase = VCPU_ENDING;
    pthread_mutex_unlock(&m->lock);
    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (m->cpu[i].thread_started)
            sem_post(&m->cpu[i].go);
    for (unsigned i = 0; i < m->base.ncpus; i++) {
        if (!m->cpu[i].thread_started)
            continue;
        pthread_join(m->cpu[i].thread, NULL);
        sem_destroy(&m->cpu[i].go);
    }
}

int vcpu_resume_all(struct machine *machine, const struct resume_plan *plan, struct err *e)
{
    struct kvm_machine *m = to_kvm(machine);
    unsigned go = 0;

    for (unsigned i = 0; i < m->base.ncpus; i++) {
        go += plan->action[i].verb != CPU_HOLD;
        if (plan->action[i].verb >= CPU_STEP && !(m->base.caps & MACHINE_CAN_STEP))
            return err_set(e, EXIT_OTHER, "cannot step CPU %u: %s", i, m->base.notice);
    }
    if (!go)
        return err_set(e, EXIT_OTHER, "the resume moves no CPU: give a continue or a step for one of %u",
                       m->base.ncpus);
    if (m->reset_pending && reset_perform(m, e) < 0)
        return -1;
    if (breakpoints_adopt(m, plan, e) < 0)
        return -1;
    watchdog_run(m);
    pthread_mutex_lock(&m->lock);
    m->nstops = m->handed = 0;
    m->running = go;
    for (unsigned i = 0; i < m->base.ncpus; i++) {
        m->cpu[i].action = plan->action[i];
        m->cpu[i].ran = plan->action[i].verb != CPU_HOLD;
        if (!m->cpu[i].ran)
            continue;
        atomic_store(&m->cpu[i].stop_requested, false);
        m->cpu[i].phase = VCPU_RUNNING;
    }
    tod_release(m);
    pthread_mutex_unlock(&m->lock);
    for (unsigned i = 0; i < m->base.ncpus; i++) {
        struct vcpu *cpu = &m->cpu[(m->first_to_go + i) % m->base.ncpus];

        if (cpu->ran)
            sem_post(&cpu->go);
    }
    return 0;
}

void vcpu_interrupt_all(struct machine *machine)
{
    struct kvm_machine *m = to_kvm(machine);

    pthread_mutex_lock(&m->lock);
    kick_running(m);
    pthread_mutex_unlock(&m->lock);
}

bool vcpu_next_stop(struct machine *machine, struct stop *out)
{
    struct kvm_machine *m = to_kvm(machine);
    bool ready;

    storage_tell(m);
    pthread_mutex_lock(&m->lock);
    ready = m->running == 0 && m->handed < m->nstops;
    if (ready) {
        *out = m->stops[m->handed++];
        m->first_to_go = (out->cpu + 1) % m->base.ncpus;
    }
    pthread_mutex_unlock(&m->lock);
    return ready;
}
