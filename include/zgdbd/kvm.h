/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine on /dev/kvm: makes a guest and is a machine (machine.h) for it. Everything it asks of the kernel
 * goes through struct kvm_system, so that its tests put a scripted kernel there. */
#ifndef ZGDBD_KVM_H
#define ZGDBD_KVM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "zgdbd/console.h"
#include "zgdbd/err.h"
#include "zgdbd/guest.h"
#include "zgdbd/machine.h"

#define LINUX_VERSION(major, minor) ((major) << 8 | (minor))

/* The system calls of the engine, with the meaning and the errno of their namesakes in libc. */
struct kvm_system {
    int (*open)(const char *path, int flags);
    int (*close)(int fd);
    int (*ioctl)(int fd, unsigned long request, void *arg);
    void *(*mmap)(void *addr, size_t length, int prot, int flags, int fd, long offset);
    int (*munmap)(void *addr, size_t length);
    int (*madvise)(void *addr, size_t length, int advice);
    int (*fallocate)(int fd, int mode, off_t offset, off_t length);
    const char *(*architecture)(void); /* machine of uname(2) */
    unsigned (*linux_version)(void);   /* of its release: LINUX_VERSION(6, 10) */
    /* Bytes that processes can still have: MemAvailable and SwapFree of /proc/meminfo. UINT64_MAX: not known.
     */
    uint64_t (*memory_available)(void);
    /* Bytes by which files on fd's file system can still grow. UINT64_MAX: not known. */
    uint64_t (*file_space)(int fd);
    /* The entries of /proc/self/pagemap for n pages of 4 KiB; returns how many of them there are. */
    size_t (*page_map)(const void *page, size_t n, uint64_t *entries);
    uint64_t (*clock)(void);     /* CLOCK_MONOTONIC, in nanoseconds */
    uint64_t (*raw_clock)(void); /* CLOCK_MONOTONIC_RAW: runs as the TOD clock does */
    int (*set_timer)(timer_t timer, uint64_t nanoseconds); /* once, from now; 0: not at all */
};

extern const struct kvm_system kvm_host;

struct kvm_config {
    uint64_t memory;              /* bytes, a multiple of 1 MiB */
    unsigned ncpus;               /* 1 */
    struct ipl_request ipl;       /* the strings must live as long as the machine */
    const char *memory_file;      /* path of the file that holds the guest's memory, or NULL */
    unsigned consoles;            /* SCLP_VT220, SCLP_LINE */
    struct console_ring *console; /* what the guest writes */
    struct console_ring *input;   /* what is typed */
    struct machine_events events;
    const struct kvm_system *system; /* &kvm_host */
};

/* Creates the guest and loads its image: CPU 0 stands at its first instruction, not running. NULL with *e
 * (EXIT_NO_KVM, EXIT_IMAGE, EXIT_OTHER for memory that cannot be had) if something is missing. */
struct machine *kvm_create(const struct kvm_config *config, struct err *e);

#endif
