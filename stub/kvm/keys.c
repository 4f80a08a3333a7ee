/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Storage keys, which are in KVM's page tables and not in memory. KVM keeps them from the first instruction
 * on with which the guest uses one. */
#include "internal.h"

int keys_read(struct machine *machine, uint64_t absolute, uint8_t *key)
{
    struct kvm_machine *m = to_kvm(machine);
    struct kvm_s390_skeys keys = {.start_gfn = absolute / 4096, .count = 1, .skeydata_addr = (uintptr_t)key};
    int rc;

    if (absolute >= m->memory.size)
        return -1;
    rc = m->sys->ioctl(m->vm_fd, KVM_S390_GET_SKEYS, &keys);
    if (rc == KVM_S390_GET_SKEYS_NONE)
        return MACHINE_KEYS_UNUSED;
    return rc < 0 ? -1 : 0;
}
