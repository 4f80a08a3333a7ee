/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real system calls behind struct kvm_system. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "zgdbd/kvm.h"

static int host_open(const char *path, int flags)
{
    return open(path, flags);
}

static int host_ioctl(int fd, unsigned long request, void *arg)
{
    return ioctl(fd, request, arg);
}

static void *host_mmap(void *addr, size_t length, int prot, int flags, int fd, long offset)
{
    return mmap(addr, length, prot, flags, fd, offset);
}

static const char *host_architecture(void)
{
    static struct utsname name;

    return uname(&name) < 0 ? "unknown" : name.machine;
}

const struct kvm_system kvm_host = {
    .open = host_open,
    .close = close,
    .ioctl = host_ioctl,
    .mmap = host_mmap,
    .munmap = munmap,
    .madvise = madvise,
    .architecture = host_architecture,
};
