/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fake kernel's TOD clock of the VM: the host's, which runs with kernel.now, and what was set (Linux
 * arch/s390/kvm/kvm-s390.c, kvm_s390_get_tod() and kvm_s390_set_tod()). */
#include <errno.h>

#include "fake_kvm.h"

/* 4096 units are a microsecond. The host's clock shows 1 << 60 at the start. */
static unsigned __int128 host_tod(void)
{
    return (1ULL << 60) + (unsigned __int128)kernel.now * 4096 / 1000;
}

static int fails(int error)
{
    errno = error;
    return -1;
}

uint64_t kernel_guest_tod(void)
{
    return (uint64_t)(host_tod() + kernel.tod_epoch);
}

static int set(const struct kvm_s390_vm_tod_clock *clock)
{
    if (clock->epoch_idx && !kernel.multiple_epoch)
        return fails(EINVAL);
    kernel.tod_sets++;
    kernel.tod_epoch = (((unsigned __int128)clock->epoch_idx << 64) | clock->tod) - host_tod();
    return 0;
}

int kernel_tod(bool write, const struct kvm_device_attr *attr)
{
    struct kvm_s390_vm_tod_clock *ext = (void *)(uintptr_t)attr->addr;
    uint64_t *low = (void *)(uintptr_t)attr->addr;
    bool is_ext = attr->attr == KVM_S390_VM_TOD_EXT && !kernel.no_tod_ext;

    if (kernel.no_tod || (!is_ext && attr->attr != KVM_S390_VM_TOD_LOW))
        return fails(ENXIO);
    if (write)
        return set(is_ext ? ext : &(struct kvm_s390_vm_tod_clock){.tod = *low});
    kernel.tod_gets++;
    if (!is_ext)
        *low = kernel_guest_tod();
    else
        *ext = (struct kvm_s390_vm_tod_clock){
            .epoch_idx = kernel.multiple_epoch ? (uint8_t)((host_tod() + kernel.tod_epoch) >> 64) : 0,
            .tod = kernel_guest_tod()};
    return 0;
}
