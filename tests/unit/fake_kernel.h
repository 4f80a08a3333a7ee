/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the fake kernel share. */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include "fake_kvm.h"

extern struct kvm_sync_regs kernel_guest; /* the registers as the kernel has them */

void kernel_run_reset(void);
int kernel_enter(struct kvm_run *run); /* as ioctl() returns it, with errno */

#endif
