/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What KVM_SET_GUEST_DEBUG was told: PER entries and single-step of one vcpu. The ioctl is issued only when
 * something changed; it also discards a debug exit that KVM still holds back (an instruction that both traps
 * to user space and has a PER event is reported twice), which is what debug_stale is for. */
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

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

/* A watchpoint is compared with a copy that KVM takes here: with one, the ioctl is due at every resume. Steps
 * compare by themselves, and come without. */
int debug_arm(struct vcpu *cpu, uint32_t control, unsigned nhw, const struct kvm_hw_breakpoint *hw,
              struct err *e)
{
    if (!(cpu->m->base.caps & MACHINE_CAN_HW_BREAK))
        return 0;
    if (!cpu->debug_stale && !(nhw && cpu->nwatch) && cpu->debug_control == control &&
        same_entries(cpu, nhw, hw))
        return 0;
    if (nhw > cpu->nwatch) /* code breakpoints are among them */
        forget_last_breakpoint(cpu);
    cpu->debug_control = control;
    cpu->nhw = nhw;
    if (nhw)
        memcpy(cpu->hw, hw, nhw * sizeof *hw);
    return tell_kvm(cpu, e);
}

/* The number in the first 8 (or fewer) watched bytes, big endian, as a debugger sees them. */
uint64_t watch_value(const struct vcpu *cpu, const struct watch *w)
{
    size_t len = w->len < 8 ? w->len : 8;
    uint8_t bytes[8];
    uint64_t value = 0;

    memcpy(bytes, cpu->m->memory.base + w->absolute, len);
    traps_hide(cpu, w->absolute, bytes, len);
    opcodes_hide(cpu->m, w->absolute, bytes, len);
    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

void watch_take(struct vcpu *cpu)
{
    for (unsigned i = 0; i < cpu->nwatch; i++) {
        struct watch *w = &cpu->watch[i];

        memcpy(w->old, cpu->m->memory.base + w->absolute, w->len);
        w->old_value = watch_value(cpu, w);
    }
}

/* The first watched range from w on whose bytes differ from those at arming time, or NULL. */
static const struct watch *changed_from(const struct vcpu *cpu, const struct watch *w)
{
    for (; w < cpu->watch + cpu->nwatch; w++)
        if (memcmp(w->old, cpu->m->memory.base + w->absolute, w->len) != 0)
            return w;
    return NULL;
}

const struct watch *watch_changed(const struct vcpu *cpu)
{
    return changed_from(cpu, cpu->watch);
}

/* The next one, of another watchpoint than w is a part of. */
const struct watch *watch_changed_next(const struct vcpu *cpu, const struct watch *w)
{
    const struct breakpoint *bp = w->bp;

    while (w && w->bp == bp)
        w = changed_from(cpu, w + 1);
    return w;
}

/* After a change that stops nobody: KVM reports until it has a new copy. */
int watch_rearm(struct vcpu *cpu, struct err *e)
{
    watch_take(cpu);
    return tell_kvm(cpu, e);
}
