/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What KVM_SET_GUEST_DEBUG was told: PER entries and single-step of one vcpu. The ioctl is issued only when
 * something changed; it also discards a debug exit that KVM still holds back (an instruction that both traps
 * to user space and has a PER event is reported twice), which is what debug_stale is for. */
#include <errno.h>
#include <string.h>

#include "internal.h"

static int set_guest_debug(struct vcpu *cpu)
{
    struct kvm_guest_debug debug = {.control = cpu->debug_control};

    debug.arch.nr_hw_bp = cpu->nhw;
    debug.arch.hw_bp = cpu->hw;
    return cpu->m->sys->ioctl(cpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

/* KVM_CAP_SET_GUEST_DEBUG says 1 even where the host's SIE has no guest-PER enhancement: only a try tells. */
bool debug_available(struct vcpu *cpu)
{
    bool available;

    cpu->nhw = 0;
    cpu->debug_control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
    available = set_guest_debug(cpu) == 0;
    cpu->debug_control = 0;
    if (available)
        set_guest_debug(cpu);
    return available;
}

static bool same_entries(const struct vcpu *cpu, unsigned nhw, const struct kvm_hw_breakpoint *hw)
{
    return cpu->nhw == nhw && (nhw == 0 || memcmp(cpu->hw, hw, nhw * sizeof *hw) == 0);
}

/* KVM keeps silent about the breakpoint that it told of last if an interruption or LPSWE leads there
 * (guestdbg.c, last_bp). It forgets that one only when debugging is switched off. */
static void forget_last_breakpoint(struct vcpu *cpu)
{
    cpu->debug_control = 0;
    cpu->nhw = 0;
    set_guest_debug(cpu);
}

static int tell_kvm(struct vcpu *cpu, struct err *e)
{
    if (set_guest_debug(cpu) < 0) {
        cpu->debug_stale = true;
        return err_set(e, EXIT_OTHER, "KVM_SET_GUEST_DEBUG with %u hardware breakpoints and watchpoints: %s",
                       cpu->nhw, strerror(errno));
    }
    cpu->debug_stale = false;
    return 0;
}

/* Of the entries the last ncode are breakpoints. A watchpoint is compared with a copy that KVM takes here:
 * with one, the ioctl is due at every resume. Steps compare by themselves, and come without. */
int debug_arm(struct vcpu *cpu, uint32_t control, unsigned nhw, unsigned ncode,
              const struct kvm_hw_breakpoint *hw, struct err *e)
{
    cpu->nhw_code = ncode;
    if (!(cpu->m->base.caps & MACHINE_CAN_HW_BREAK))
        return 0;
    if (!cpu->debug_stale && ncode == nhw && cpu->debug_control == control && same_entries(cpu, nhw, hw))
        return 0;
    if (ncode)
        forget_last_breakpoint(cpu);
    cpu->debug_control = control;
    cpu->nhw = nhw;
    if (nhw)
        memcpy(cpu->hw, hw, nhw * sizeof *hw);
    return tell_kvm(cpu, e);
}

/* The same once more: KVM takes a new copy of what is watched. */
int debug_again(struct vcpu *cpu, struct err *e)
{
    return cpu->nhw ? tell_kvm(cpu, e) : 0;
}
