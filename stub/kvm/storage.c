/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the guest's memory comes from: anonymous memory of this process, or a file that keeps it
 * (--memory-file). Both begin at a multiple of 1 MiB, as KVM wants its slots (segments of the host), and are
 * touched lazily. Space for a file is reserved before the guest runs, and never given up: a store to a page
 * for which a full disk has no room would end this process. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/log.h"

#define MIB 0x100000ULL
#define PAGE_BYTES 4096u

static uint64_t mib(uint64_t bytes)
{
    return bytes / MIB;
}

/* ---- a file that is cut off ---- */

/* The mapping of the file for the signal handler; one guest in a process has one. */
static struct {
    uintptr_t base;
    size_t size;
    atomic_bool lost; /* pages of it are no longer the file's */
    bool told;
} in_use;

/* Who may write the file can cut it off under a guest that runs. A page that is gone with it is replaced by
 * one of zeros, where the next access would end this process. Any other SIGBUS does that. */
static void on_bus_error(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(PAGE_BYTES - 1);

    (void)context;
    if (page - in_use.base < in_use.size &&
        mmap((void *)page, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) != MAP_FAILED)
        atomic_store(&in_use.lost, true);
    else
        signal(sig, SIG_DFL); /* it comes again */
    errno = saved;
}

static void expect_cuts(const struct kvm_machine *m)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

    in_use.base = (uintptr_t)m->memory.base;
    in_use.size = (size_t)m->memory.size;
    atomic_store(&in_use.lost, false);
    in_use.told = false;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

static void expect_no_cuts(void)
{
    signal(SIGBUS, SIG_DFL);
    in_use.size = 0;
}

/* ---- the file ---- */

/* Anything but a regular file is refused before it is opened: opening a device can do something. */
static int check_kind(const char *path, mode_t mode, struct err *e)
{
    const char *kind = S_ISDIR(mode)                    ? "a directory"
                       : S_ISFIFO(mode)                 ? "a FIFO"
                       : S_ISBLK(mode) || S_ISCHR(mode) ? "a device"
                                                        : "a socket";

    if (S_ISREG(mode))
        return 0;
    return err_set(e, EXIT_OTHER,
                   "--memory-file %s: this is %s; name a regular file, or one that does not exist", path,
                   kind);
}

static int open_file(const char *path, struct stat *st, bool *made, struct err *e)
{
    int fd;

    *made = stat(path, st) < 0;
    if (!*made && check_kind(path, st->st_mode, e) < 0)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0 || fstat(fd, st) < 0) {
        err_set(e, EXIT_OTHER, "--memory-file %s: cannot open it: %s; name a file that can be written", path,
                strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (check_kind(path, st->st_mode, e) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The locked file is nobody else's guest, and either empty or what an earlier guest of this size has left:
 * nothing that somebody keeps is written over. */
static int claim(struct kvm_machine *m, struct stat *st, struct err *e)
{
    const char *path = m->config.memory_file;
    int fd = m->storage.fd;

    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, EXIT_OTHER, "--memory-file %s: %s; name another file", path,
                       errno == EWOULDBLOCK ? "another guest that runs has its memory there"
                                            : strerror(errno));
    if (fstat(fd, st) < 0)
        return err_set(e, EXIT_OTHER, "--memory-file %s: %s", path, strerror(errno));
    if (st->st_size && (uint64_t)st->st_size != m->config.memory)
        return err_set(
            e, EXIT_OTHER,
            "--memory-file %s: it has %" PRId64 " bytes, the guest %" PRIu64 " (%" PRIu64
            "M), and is left as it is; name another file, remove it, or give its size with --memory",
            path, (int64_t)st->st_size, m->config.memory, mib(m->config.memory));
    return 0;
}

static int no_space(const struct kvm_machine *m, const char *why, struct err *e)
{
    return err_set(e, EXIT_OTHER,
                   "--memory-file %s: no room for %" PRIu64 " MiB: %s; make room, name a file elsewhere, or "
                   "choose less with --memory",
                   m->config.memory_file, mib(m->config.memory), why);
}

/* A file system that cannot reserve has to do with the free space that there is now. */
static int reserve(struct kvm_machine *m, const struct stat *st, struct err *e)
{
    uint64_t held = (uint64_t)st->st_blocks * 512; /* stat(2) counts in units of 512 */
    uint64_t needed = m->config.memory > held ? m->config.memory - held : 0;
    uint64_t space = m->sys->file_space(m->storage.fd);
    char why[64];
    int rc;

    if (needed > space) {
        snprintf(why, sizeof why, "%" PRIu64 " MiB are free there", mib(space));
        return no_space(m, why, e);
    }
    do
        rc = m->sys->fallocate(m->storage.fd, 0, 0, (off_t)m->config.memory);
    while (rc < 0 && errno == EINTR);
    m->storage.reserved = rc == 0;
    if (rc < 0 && errno != EOPNOTSUPP && errno != ENOSYS)
        return no_space(m, strerror(errno), e);
    return 0;
}

/* Zeros all of it without giving up what is reserved. Where nothing is, cutting the file off is quicker; but
 * a host that does not suppress hands the guest a protection exception for a page that the host has mapped
 * and not yet seen written, so that there each page is written. Reserved pages in memory count as written. */
static int clear_file(struct kvm_machine *m)
{
    int fd = m->storage.fd;
    off_t size = (off_t)m->config.memory;

    if (m->storage.reserved && m->sys->fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, size) == 0)
        return 0;
    if (!m->storage.reserved && m->suppresses)
        return ftruncate(fd, 0) < 0 || ftruncate(fd, size) < 0 ? -1 : 0;
    memset(m->memory.base, 0, (size_t)m->memory.size);
    return 0;
}

static int not_cleared(const struct kvm_machine *m, struct err *e)
{
    return err_set(e, EXIT_OTHER, "cannot clear the guest's memory%s%s: %s",
                   m->config.memory_file ? " in " : "", m->config.memory_file ? m->config.memory_file : "",
                   strerror(errno));
}

static int put_file_in_place(struct kvm_machine *m, const struct stat *st, struct err *e)
{
    const char *path = m->config.memory_file;

    if (reserve(m, st, e) < 0)
        return -1;
    if (ftruncate(m->storage.fd, (off_t)m->config.memory) < 0)
        return err_set(e, EXIT_OTHER, "--memory-file %s: cannot make it %" PRIu64 " MiB long: %s", path,
                       mib(m->config.memory), strerror(errno));
    if (m->sys->mmap(m->memory.base, (size_t)m->memory.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                     m->storage.fd, 0) == MAP_FAILED)
        return err_set(e, EXIT_OTHER,
                       "--memory-file %s: cannot map it: %s; name a file on another file system", path,
                       strerror(errno));
    return 0;
}

/* A failure leaves the file as it was: not there, empty, or with all that it had. */
static int map_file(struct kvm_machine *m, struct err *e)
{
    struct stat st;
    bool made;

    m->storage.fd = open_file(m->config.memory_file, &st, &made, e);
    if (m->storage.fd < 0 || claim(m, &st, e) < 0)
        return -1;
    if (put_file_in_place(m, &st, e) < 0) {
        int rc = st.st_size ? 0 : ftruncate(m->storage.fd, 0); /* gives back what was reserved */
        (void)rc;
        if (made)
            unlink(m->config.memory_file);
        return -1;
    }
    expect_cuts(m);
    if ((st.st_size || !m->suppresses) && clear_file(m) < 0)
        return not_cleared(m, e);
    return 0;
}

void storage_tell(const struct kvm_machine *m)
{
    if (!atomic_load(&in_use.lost) || in_use.told)
        return;
    in_use.told = true;
    log_msg(
        LOG_ERROR,
        "--memory-file %s was cut off while the guest ran: what was in the lost pages is zero now, and they "
        "are no longer kept there; `monitor reset` starts anew in the whole file",
        m->config.memory_file);
}

/* ---- what vm.c calls ---- */

static int check_available(struct kvm_machine *m, struct err *e)
{
    uint64_t available = m->sys->memory_available();

    if (m->config.memory <= available)
        return 0;
    return err_set(e, EXIT_OTHER,
                   "cannot have %" PRIu64 " MiB of memory for the guest: this host has %" PRIu64
                   " MiB available, swap included; choose less with --memory, or name a file on a disk with "
                   "--memory-file",
                   mib(m->config.memory), mib(available));
}

int storage_map(struct kvm_machine *m, struct err *e)
{
    uint64_t size = m->config.memory;
    size_t around = (size_t)(size + MIB);
    void *mapping = MAP_FAILED;

    if (!m->config.memory_file && check_available(m, e) < 0)
        return -1;
    if (around > size)
        mapping = m->sys->mmap(NULL, around, m->config.memory_file ? PROT_NONE : PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    else
        errno = ENOMEM;
    if (mapping == MAP_FAILED)
        return err_set(e, EXIT_OTHER,
                       "cannot map %" PRIu64
                       " MiB of memory for the guest: %s; choose less with --memory, or "
                       "see the limits of this process and host (ulimit -v, sysctl vm.overcommit_memory)",
                       mib(size), strerror(errno));
    m->storage.mapping = mapping;
    m->storage.mapping_size = around;
    m->memory.base = (uint8_t *)(((uintptr_t)mapping + MIB - 1) & ~(uintptr_t)(MIB - 1));
    m->memory.size = size;
    return m->config.memory_file ? map_file(m, e) : 0;
}

/* Makes the file whole, and the guest's memory all of it. */
static int mend(struct kvm_machine *m, struct err *e)
{
    struct stat st;

    if (fstat(m->storage.fd, &st) < 0)
        return not_cleared(m, e);
    if (put_file_in_place(m, &st, e) < 0)
        return -1;
    expect_cuts(m);
    return 0;
}

int storage_clear(struct kvm_machine *m, struct err *e)
{
    int rc;

    if (m->storage.fd >= 0 && atomic_load(&in_use.lost) && mend(m, e) < 0)
        return -1;
    rc = m->storage.fd >= 0 ? clear_file(m)
                            : m->sys->madvise(m->memory.base, (size_t)m->memory.size, MADV_DONTNEED);

    return rc < 0 ? not_cleared(m, e) : 0;
}

/* ---- what was touched ---- */

/* Entries of the page map that are asked for at once, and their bits (Linux
 * Documentation/admin-guide/mm/pagemap.rst): the page is in swap, or in memory. */
#define LOOK_PAGES 512u
#define IN_SWAP (1ULL << 62)
#define IN_MEMORY (1ULL << 63)

static bool touched(uint64_t entry)
{
    return entry & (IN_SWAP | IN_MEMORY);
}

/* Anonymous memory that is in no page has never been touched. Of a file that tells nothing. */
uint64_t storage_look(struct machine *machine, uint64_t absolute, uint64_t len, const uint8_t **bytes)
{
    struct kvm_machine *m = to_kvm(machine);
    uint64_t entries[LOOK_PAGES], start = absolute & ~(uint64_t)(PAGE_BYTES - 1), end;
    size_t n = 0, known = 0;

    if (absolute >= m->memory.size)
        return 0;
    if (len > m->memory.size - absolute)
        len = m->memory.size - absolute;
    end = (m->memory.size - start) / PAGE_BYTES;
    entries[0] = IN_MEMORY; /* where it is not known */
    if (m->storage.fd < 0)
        known =
            m->sys->page_map(m->memory.base + start, end < LOOK_PAGES ? (size_t)end : LOOK_PAGES, entries);
    while (n < known && touched(entries[n]) == touched(entries[0]))
        n++;
    if (known && start + n * PAGE_BYTES - absolute < len)
        len = start + n * PAGE_BYTES - absolute;
    *bytes = touched(entries[0]) ? m->memory.base + absolute : NULL;
    return len;
}

/* A file stays as the guest has left it. */
void storage_unmap(struct kvm_machine *m)
{
    expect_no_cuts();
    if (m->storage.mapping)
        m->sys->munmap(m->storage.mapping, m->storage.mapping_size);
    if (m->storage.fd >= 0)
        close(m->storage.fd);
}
