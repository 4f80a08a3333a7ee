/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's TOD clock: it stands while no CPU runs, unless the user wants it to run on, so that a guest
 * does not find a gap in its time that it would take for a hang. The clock comparator needs nothing more,
 * since it is compared with this clock; the CPU timers run only within KVM_RUN anyway (Linux
 * arch/s390/kvm/kvm-s390.c, enable_cpu_timer_accounting()).
 *
 * KVM's clock runs on meanwhile and is set back at the resume, as far as the stop has lasted by a clock of
 * the same rate: never to before what the guest has seen. To set it costs as much as a step, for it makes all
 * CPUs leave SIE once more; a stop that is shorter than LEAST is let pass instead. */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define LEAST 1000000 /* nanoseconds */

/* Host TOD units in a microsecond (Principles, chapter 4, "Time-of-Day Clock"). */
#define TOD_UNITS 4096

/* With the epoch index where the kernel knows it (4.15), else without. */
static int transfer(struct kvm_machine *m, unsigned long request, struct kvm_s390_vm_tod_clock *clock)
{
    struct kvm_device_attr ext = {
        .group = KVM_S390_VM_TOD, .attr = KVM_S390_VM_TOD_EXT, .addr = (uintptr_t)clock};
    struct kvm_device_attr low = {
        .group = KVM_S390_VM_TOD, .attr = KVM_S390_VM_TOD_LOW, .addr = (uintptr_t)&clock->tod};

    if (m->sys->ioctl(m->vm_fd, request, &ext) == 0)
        return 0;
    if (errno != ENXIO || (request == KVM_SET_DEVICE_ATTR && clock->epoch_idx))
        return -1;
    return m->sys->ioctl(m->vm_fd, request, &low);
}

static int get(struct kvm_machine *m, struct kvm_s390_vm_tod_clock *clock)
{
    memset(clock, 0, sizeof *clock);
    return transfer(m, KVM_GET_DEVICE_ATTR, clock);
}

/* The clock stands from now on. */
void tod_hold(struct kvm_machine *m)
{
    m->tod_since = m->sys->raw_clock();
    m->tod_known = false;
}

/* Where it stands. The time is taken first: what is taken off is rather too little. */
static int find(struct kvm_machine *m)
{
    uint64_t stood = m->sys->raw_clock() - m->tod_since, units;

    if (m->tod_known)
        return 0;
    if (get(m, &m->tod) < 0)
        return -1;
    units = (uint64_t)((unsigned __int128)stood * TOD_UNITS / 1000);
    if (m->multiple_epoch && units > m->tod.tod)
        m->tod.epoch_idx--;
    m->tod.tod -= units;
    m->tod_known = true;
    return 0;
}

/* The guest goes on. */
void tod_release(struct kvm_machine *m)
{
    if (!m->tod_runs && m->sys->raw_clock() - m->tod_since >= LEAST && find(m) == 0)
        transfer(m, KVM_SET_DEVICE_ATTR, &m->tod);
}

/* Of a stop that has begun: what has passed has passed if the clock is to stand from now on, and passes all
 * the same if it is to run on. */
void tod_set_runs(struct kvm_machine *m, bool runs)
{
    pthread_mutex_lock(&m->lock);
    if (m->tod_runs && !runs)
        tod_hold(m);
    m->tod_runs = runs;
    pthread_mutex_unlock(&m->lock);
}

/* While no CPU runs, as everything that is asked of registers. */
int tod_read(struct kvm_machine *m, struct kvm_s390_vm_tod_clock *clock)
{
    if (m->tod_runs)
        return get(m, clock);
    if (find(m) < 0)
        return -1;
    *clock = m->tod;
    return 0;
}

/* To KVM at once, which may refuse an epoch index; from there it stands. */
int tod_write(struct kvm_machine *m, const struct kvm_s390_vm_tod_clock *clock)
{
    struct kvm_s390_vm_tod_clock wanted = *clock;

    if (transfer(m, KVM_SET_DEVICE_ATTR, &wanted) < 0)
        return -1;
    tod_hold(m);
    m->tod = wanted;
    m->tod_known = true;
    return 0;
}
