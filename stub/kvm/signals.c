/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interruptions that the monitor itself makes pending in KVM: the service signal (answers of the service-call
 * processor, console input, a request to power down), restart and stop of a CPU. All of them may be injected
 * while the CPUs run: KVM takes KVM_S390_INTERRUPT without waiting for KVM_RUN to return. */
#include "internal.h"

#include <errno.h>
#include <string.h>

/* In the parameter of a service signal: the address of the SCCB that was worked on. The rest are flags. */
#define SCCB_ADDRESS 0xfffffff8u

#define CR0_SERVICE_SIGNAL 0x200 /* the subclass mask */

/* More floating interruptions than a guest without devices can have pending: the service signal, and one page
 * fault that is over for each that KVM resolves in the background (its ASYNC_PF_PER_VCPU is 64). */
#define FLOATING_MAX 80

static int inject(struct kvm_machine *m, int fd, uint32_t type, uint32_t parameter)
{
    struct kvm_s390_interrupt irq = {.type = type, .parm = parameter};

    return m->sys->ioctl(fd, KVM_S390_INTERRUPT, &irq);
}

/* An event is told when the address of an SCCB no longer waits: looked at at each entry, and after this time,
 * which doubles. */
#define EVENT_FIRST_LOOK 1000000 /* nanoseconds */
#define EVENT_LAST_LOOK 64000000

/* The service signal is a floating interruption of the VM (external code 0x2401). KVM keeps one: the flag
 * that an event is pending is added to one that no CPU has taken yet, so that repeating it costs nothing; the
 * address of a second SCCB is dropped (Linux arch/s390/kvm/interrupt.c, __inject_service()). */
int signals_service(struct kvm_machine *m, uint32_t parameter)
{
    if (parameter & SCCB_ADDRESS)
        atomic_store(&m->sccb_signalled, true);
    return inject(m, m->vm_fd, KVM_S390_INT_SERVICE, parameter);
}

/* Whether KVM still holds a service signal with the address of an SCCB. */
static bool sccb_signal_pending(struct kvm_machine *m)
{
    struct kvm_s390_irq irqs[FLOATING_MAX] = {0};
    struct kvm_device_attr attr = {
        .group = KVM_DEV_FLIC_GET_ALL_IRQS, .attr = sizeof irqs, .addr = (uintptr_t)irqs};
    int n = m->flic_fd < 0 ? 0 : m->sys->ioctl(m->flic_fd, KVM_GET_DEVICE_ATTR, &attr);

    for (int i = 0; i < n && i < FLOATING_MAX; i++)
        if (irqs[i].type == KVM_S390_INT_SERVICE && irqs[i].u.ext.ext_params & SCCB_ADDRESS)
            return true;
    return false;
}

/* A service call is not accepted while the signal of the one before it waits for a CPU: its own would be
 * lost. A program that does not take these interruptions, but looks at the response in the SCCB, misses
 * nothing and is never told that the service-call processor is busy. */
bool signals_service_busy(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (!(cpu->run->s.regs.crs[0] & CR0_SERVICE_SIGNAL) || !atomic_load(&m->sccb_signalled))
        return false;
    if (sccb_signal_pending(m))
        return true;
    atomic_store(&m->sccb_signalled, false);
    return false;
}

/* KVM since Linux 5.7 makes two interruptions of a signal with an address and the flag that an event is
 * pending, and the flag comes first. Linux as a guest then still waits for the answer to its READ EVENT DATA
 * and takes no notice of it: what is left of a paste would stay. So the flag follows when the address is
 * taken. A program that takes no interruptions finds both in one. */
void signals_answer(struct vcpu *cpu, uint32_t parameter)
{
    struct kvm_machine *m = cpu->m;

    cpu->event_look = EVENT_FIRST_LOOK;
    if (m->flic_fd < 0 || !(cpu->run->s.regs.crs[0] & CR0_SERVICE_SIGNAL)) {
        signals_service(m, parameter);
        return;
    }
    signals_service(m, parameter & SCCB_ADDRESS);
    /* Asked anew: what was typed since the answer was made has been told too early. */
    if (sclp_event_pending(&m->sclp))
        atomic_store(&m->event_waits, true);
}

/* Before the CPU runs, on its thread. */
void signals_run(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (!atomic_load(&m->event_waits) || !atomic_exchange(&m->event_waits, false))
        return;
    if (sclp_event_pending(&m->sclp) && sccb_signal_pending(m)) {
        atomic_store(&m->event_waits, true);
        if (!cpu->event_look) /* it has made no service call, another CPU has */
            cpu->event_look = EVENT_FIRST_LOOK;
        if (cpu->event_timer_made)
            m->sys->set_timer(cpu->event_timer, cpu->event_look);
        if (cpu->event_look < EVENT_LAST_LOOK)
            cpu->event_look *= 2;
        return;
    }
    if (sclp_event_pending(&m->sclp))
        signals_service(m, SCLP_EVENT_PENDING);
}

int signals_local(struct vcpu *cpu, uint32_t type)
{
    return inject(cpu->m, cpu->fd, type, 0);
}

/* ---- from outside ---- */

/* Told at once, and once more when a service call's answer that still waits has been taken. */
static int tell_event(struct kvm_machine *m)
{
    if (signals_service(m, SCLP_EVENT_PENDING) < 0)
        return -1;
    if (!atomic_load(&m->sccb_signalled) || !sccb_signal_pending(m))
        return 0;
    atomic_store(&m->event_waits, true);
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (m->cpu[i].phase == VCPU_RUNNING)
            vcpu_enter_anew(&m->cpu[i]);
    pthread_mutex_unlock(&m->lock);
    return 0;
}

/* What was typed is given to the guest when it asks; here it is told that there is something. A guest that
 * does not listen yet is told by the answer to the service call by which it begins to: every answer says
 * whether an event is pending. */
static int console_input(struct kvm_machine *m, struct err *e)
{
    if (!sclp_event_pending(&m->sclp))
        return err_set(e, EXIT_OTHER,
                       "the guest does not listen to its console now: what is typed waits until it does");
    if (tell_event(m) < 0)
        return err_set(e, EXIT_OTHER, "KVM does not take the service signal: %s; what is typed waits",
                       strerror(errno));
    return 0;
}

/* A reset that is due takes back what is pending, and only a guest whose CPUs stand can have one. */
int signals_check_reset(struct kvm_machine *m, struct err *e)
{
    bool due;

    pthread_mutex_lock(&m->lock);
    due = !m->running && m->reset_pending;
    pthread_mutex_unlock(&m->lock);
    return due ? err_set(e, EXIT_OTHER,
                         "a reset of the guest is due and comes first; continue, then try again")
               : 0;
}

static int powerdown(struct kvm_machine *m, struct err *e)
{
    if (signals_check_reset(m, e) < 0)
        return -1;
    if (sclp_quiesce(&m->sclp) < 0)
        return err_set(e, EXIT_OTHER,
                       "the guest does not listen for a request to shut down (SCLP signal quiesce): it has "
                       "no handler, or has not come that far; shut it down from its own console, or end it");
    if (tell_event(m) < 0)
        return err_set(e, EXIT_OTHER, "KVM does not take the service signal: %s", strerror(errno));
    return 0;
}

static bool runs(struct vcpu *cpu)
{
    bool running;

    pthread_mutex_lock(&cpu->m->lock);
    running = cpu->phase == VCPU_RUNNING;
    pthread_mutex_unlock(&cpu->m->lock);
    return running;
}

/* KVM looks for restarts only when it enters the guest. */
static int restart(struct vcpu *cpu, struct err *e)
{
    if (signals_check_reset(cpu->m, e) < 0 || sigp_restart(cpu, e) < 0)
        return -1;
    if (runs(cpu))
        vcpu_enter_anew(cpu);
    return 0;
}

typedef int cpu_signal_fn(struct vcpu *cpu, struct err *e);

static int store_status(struct vcpu *cpu, struct err *e)
{
    (void)e;
    sigp_store_status(cpu);
    return 0;
}

/* What is done with a CPU that stands. */
static int standing(struct vcpu *cpu, cpu_signal_fn *signal, struct err *e)
{
    if (runs(cpu))
        return err_set(e, EXIT_OTHER, "CPU %u runs; interrupt it, then try again", cpu->id);
    return signals_check_reset(cpu->m, e) < 0 ? -1 : signal(cpu, e);
}

int signals_send(struct machine *machine, unsigned cpu, enum machine_signal signal, struct err *e)
{
    struct kvm_machine *m = to_kvm(machine);

    switch (signal) {
    case MACHINE_CONSOLE_INPUT:
        return console_input(m, e);
    case MACHINE_POWERDOWN:
        return powerdown(m, e);
    case MACHINE_RESTART:
        return restart(&m->cpu[cpu], e);
    case MACHINE_STOP:
        return standing(&m->cpu[cpu], sigp_stop_now, e);
    case MACHINE_START:
        return standing(&m->cpu[cpu], sigp_start, e);
    case MACHINE_STORE_STATUS:
        return standing(&m->cpu[cpu], store_status, e);
    }
    return err_set(e, EXIT_OTHER, "this engine knows no signal %d", (int)signal);
}
