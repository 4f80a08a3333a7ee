/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How PER is in use: KVM makes one range of all breakpoints and watchpoints that it is given, since CR10 and
 * CR11 hold one (Linux arch/s390/kvm/guestdbg.c). */
#include "internal.h"

/* KVM wants to hear of the instruction in front of a breakpoint, too (MAX_INST_SIZE). */
#define BEFORE_BREAKPOINT 6

static void extend(struct machine_per *p, uint64_t start, uint64_t end)
{
    if (p->used == 0 || start < p->start)
        p->start = start;
    if (p->used == 0 || end > p->end)
        p->end = end;
}

static void add(struct machine_per *p, const struct applied *a)
{
    uint64_t addr = a->bp.addr;

    if (a->bp.kind == BP_WRITE) {
        extend(p, addr, addr + a->bp.len - 1);
        p->stores = true;
    } else {
        extend(p, addr < BEFORE_BREAKPOINT ? 0 : addr - BEFORE_BREAKPOINT, addr);
        p->fetches = true;
    }
    p->used += a->units;
}

/* Keeps what was decided last. No CPU runs. */
void per_decided(struct kvm_machine *m)
{
    m->per = (struct machine_per){.max = m->base.caps & MACHINE_CAN_HW_BREAK ? HW_ENTRIES_MAX : 0};
    for (unsigned i = 0; i < m->applied.nper; i++)
        add(&m->per, m->applied.per[i]);
}

/* While CPUs run, and may decide anew, as at the resume. */
void per_get(struct machine *machine, struct machine_per *out)
{
    struct kvm_machine *m = to_kvm(machine);
    bool running;

    pthread_mutex_lock(&m->lock);
    running = m->running;
    pthread_mutex_unlock(&m->lock);
    if (!running)
        per_decided(m);
    *out = m->per;
}
