/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real system calls behind struct kvm_system, and what the host says of its memory and disks. */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "zgdbd/kvm.h"

#define NANOSECONDS 1000000000ULL

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

static unsigned host_linux_version(void)
{
    struct utsname name;
    unsigned major, minor;

    if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
        return 0;
    return LINUX_VERSION(major, minor);
}

static const char *host_architecture(void)
{
    static struct utsname name;

    return uname(&name) < 0 ? "unknown" : name.machine;
}

/* As the kernel's documentation of /proc/meminfo has it: MemAvailable is what can be had without swapping. */
static uint64_t host_memory_available(void)
{
    FILE *info = fopen("/proc/meminfo", "re");
    unsigned long long kib, available = 0, swap = 0;
    bool known = false;
    char line[128];

    while (info && fgets(line, sizeof line, info)) {
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
            available = kib;
            known = true;
        } else if (sscanf(line, "SwapFree: %llu kB", &kib) == 1) {
            swap = kib;
        }
    }
    if (info)
        fclose(info);
    return known ? (available + swap) * 1024 : UINT64_MAX;
}

/* File systems in memory have a limit of their own, or none, and the host's besides. */
static uint64_t host_file_space(int fd)
{
    uint64_t space = UINT64_MAX;
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return UINT64_MAX;
    if (fs.f_blocks)
        space = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC) {
        uint64_t memory = host_memory_available();
        space = memory < space ? memory : space;
    }
    return space;
}

static size_t host_page_map(const void *page, size_t n, uint64_t *entries)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd >= 0) {
        got = pread(fd, entries, n * sizeof *entries, (off_t)((uintptr_t)page / 4096 * sizeof *entries));
        close(fd);
    }
    return got > 0 ? (size_t)got / sizeof *entries : 0;
}

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static uint64_t host_clock(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t host_raw_clock(void)
{
    return read_clock(CLOCK_MONOTONIC_RAW);
}

static int host_set_timer(timer_t timer, uint64_t nanoseconds)
{
    struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(nanoseconds / NANOSECONDS),
                                           .tv_nsec = (long)(nanoseconds % NANOSECONDS)}};

    return timer_settime(timer, 0, &spec, NULL);
}

const struct kvm_system kvm_host = {
    .open = host_open,
    .close = close,
    .ioctl = host_ioctl,
    .mmap = host_mmap,
    .munmap = munmap,
    .madvise = madvise,
    .fallocate = fallocate,
    .architecture = host_architecture,
    .linux_version = host_linux_version,
    .memory_available = host_memory_available,
    .file_space = host_file_space,
    .page_map = host_page_map,
    .clock = host_clock,
    .raw_clock = host_raw_clock,
    .set_timer = host_set_timer,
};
