/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time for the guest's watchdog: it passes while the guest runs, and stands still while a debugger looks at
 * it. A timer kicks the vcpu's thread out of KVM_RUN when it is over. All on that thread but the end. */
#include "internal.h"

static uint64_t passed(const struct kvm_machine *m)
{
    return m->sys->clock() - m->watchdog_since;
}

void watchdog_run(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (!m->watchdog.on)
        return;
    m->watchdog_since = m->sys->clock();
    if (cpu->watchdog_timer_made)
        m->sys->set_timer(cpu->watchdog_timer, m->watchdog.left);
}

void watchdog_hold(struct vcpu *cpu)
{
    struct kvm_machine *m = cpu->m;

    if (!m->watchdog.on)
        return;
    watchdog_pass(&m->watchdog, passed(m));
    if (cpu->watchdog_timer_made)
        m->sys->set_timer(cpu->watchdog_timer, 0);
}

/* The guest has set or cancelled it. */
void watchdog_changed(struct vcpu *cpu)
{
    if (cpu->m->watchdog.on)
        watchdog_run(cpu);
    else if (cpu->watchdog_timer_made)
        cpu->m->sys->set_timer(cpu->watchdog_timer, 0);
}

bool watchdog_over(const struct vcpu *cpu)
{
    const struct kvm_machine *m = cpu->m;

    return m->watchdog.on && passed(m) >= m->watchdog.left;
}
