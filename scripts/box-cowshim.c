/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into the benchmark's qemu-system-s390x in the box. QEMU insists on
 * KVM_CAP_S390_COW, which stands for a facility (ESOP) that Hercules does not offer and that
 * QEMU does not need for guest memory it populates beforehand. All other requests pass.
 */
#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *argument;

    va_start(ap, request);
    argument = va_arg(ap, void *);
    va_end(ap);
    if (request == KVM_CHECK_EXTENSION && (long)argument == KVM_CAP_S390_COW)
        return 1;
    return (int)syscall(SYS_ioctl, fd, request, argument);
}
