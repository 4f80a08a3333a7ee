/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time for the guest's watchdog: it passes while the guest runs, and stands still while a debugger looks at
 * it. A timer of each vcpu that runs kicks its thread out of KVM_RUN when it is over. */
#include "internal.h"

static uint64_t passed(const struct kvm_machine *m)
{
    return m->sys->clock() - m->watchdog_since;
}

/* The CPUs are about to run, */
void watchdog_run(struct kvm_machine *m)
{
    m->watchdog_since = m->sys->clock();
    m->watchdog_serial++;
}

/* and none does any more. */
void watchdog_hold(struct kvm_machine *m)
{
    if (m->watchdog.on)
        watchdog_pass(&m->watchdog, passed(m));
}

/* The guest has set or cancelled it: with the machine exclusively, since every CPU has to set its timer. */
void watchdog_changed(struct kvm_machine *m)
{
    watchdog_run(m);
}

static void set_timer(struct vcpu *cpu, uint64_t nanoseconds)
{
    if (cpu->watchdog_timer_made)
        cpu->m->sys->set_timer(cpu->watchdog_timer, nanoseconds);
}

/* On the vcpu's thread, before KVM_RUN. */
void watchdog_enter(struct vcpu *cpu)
{
    const struct kvm_machine *m = cpu->m;

    if (cpu->watchdog_serial == m->watchdog_serial)
        return;
    cpu->watchdog_serial = m->watchdog_serial;
    if (m->watchdog.on)
        set_timer(cpu, watchdog_over(cpu) ? 1 : m->watchdog.left - passed(m));
    else if (cpu->watchdog_armed)
        set_timer(cpu, 0);
    cpu->watchdog_armed = m->watchdog.on;
}

void watchdog_leave(struct vcpu *cpu)
{
    if (cpu->watchdog_armed)
        set_timer(cpu, 0);
    cpu->watchdog_armed = false;
    cpu->watchdog_serial = 0;
}

bool watchdog_over(const struct vcpu *cpu)
{
    const struct kvm_machine *m = cpu->m;

    return m->watchdog.on && passed(m) >= m->watchdog.left;
}
