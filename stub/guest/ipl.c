/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Initial program load: brings an image, an initrd and a command line into guest memory and says at which PSW
 * to start. Files are taken to be hostile: each is opened without waiting, measured, and read straight into
 * place only after what is to be read was checked against the file and the memory. The Linux part follows
 * arch/s390/boot/head.S and include/asm/setup.h, and QEMU's hw/s390x/ipl.c. */
#include "ipl.h"
#include "zgdbd/bytes.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a Linux image expects what. */
#define LINUX_ENTRY 0x10000
#define LINUX_MAGIC_AT 0x10008
#define LINUX_INITRD_START 0x10408
#define LINUX_INITRD_SIZE 0x10410
#define LINUX_COMMAND_LINE_MAX 0x10430
#define LINUX_COMMAND_LINE 0x10480
#define LINUX_OLD_COMMAND_LINE_MAX 896 /* of kernels that do not say */
#define LINUX_KERNEL 0x100000

#define INITRD_LOWEST 0x800000ULL
#define INITRD_GAP 0x100000ULL /* the kernel's own data without contents may follow the image */

static const char linux_magic[] = {'S', '3', '9', '0', 'E', 'P'};

static int open_file(const char *path, struct ipl_file *f, struct err *e)
{
    struct stat st;
    const char *reason = NULL;

    f->path = path;
    /* Without O_NONBLOCK a FIFO would wait for its writer. */
    f->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (f->fd < 0)
        return err_set(e, EXIT_IMAGE, "cannot open %s: %s", path, strerror(errno));
    if (fstat(f->fd, &st))
        reason = strerror(errno);
    else if (S_ISDIR(st.st_mode))
        reason = "it is a directory";
    else if (!S_ISREG(st.st_mode))
        reason = "it is not a regular file";
    else if (st.st_size <= 0)
        reason = "it is empty";
    if (reason) {
        close(f->fd);
        return err_set(e, EXIT_IMAGE, "cannot load %s: %s", path, reason);
    }
    f->size = (uint64_t)st.st_size;
    return 0;
}

int ipl_read(const struct ipl_file *f, uint64_t offset, void *dst, uint64_t len, struct err *e)
{
    uint8_t *to = dst;

    while (len) {
        ssize_t n = pread(f->fd, to, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, EXIT_IMAGE, "cannot read %s: %s", f->path, strerror(errno));
        if (n == 0)
            return err_set(e, EXIT_IMAGE, "cannot read %s: it became shorter while it was read", f->path);
        to += n;
        offset += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

/* Does a Linux image lie in memory? */
static bool linux_loaded(const struct guest_memory *mem)
{
    return mem->size >= LINUX_KERNEL && !memcmp(mem->base + LINUX_MAGIC_AT, linux_magic, sizeof linux_magic);
}

static int load_raw(const struct ipl_file *f, struct guest_memory *mem, struct err *e)
{
    uint8_t magic[sizeof linux_magic];

    if (f->size < LINUX_MAGIC_AT + sizeof magic)
        return err_set(e, EXIT_IMAGE,
                       "%s is neither an s390x ELF nor a Linux image: it has %" PRIu64
                       " bytes, fewer than the start of an image",
                       f->path, f->size);
    if (ipl_read(f, LINUX_MAGIC_AT, magic, sizeof magic, e))
        return -1;
    if (memcmp(magic, linux_magic, sizeof magic))
        return err_set(
            e, EXIT_IMAGE,
            "%s is neither an s390x ELF nor a Linux image: no \"S390EP\" stands at offset 0x%x; give the "
            "kernel's arch/s390/boot/bzImage or an ELF executable",
            f->path, LINUX_MAGIC_AT);
    if (f->size > mem->size || mem->size < LINUX_KERNEL)
        return err_set(e, EXIT_IMAGE,
                       "%s has %" PRIu64 " bytes, but the guest only %" PRIu64
                       " MiB of memory; give at least --memory %" PRIu64 "M",
                       f->path, f->size, mem->size >> 20, ipl_mib(f->size));
    return ipl_read(f, 0, mem->base, f->size, e);
}

static int store_command_line(const char *append, struct guest_memory *mem, struct err *e)
{
    uint64_t limit = load_be64(mem->base + LINUX_COMMAND_LINE_MAX);
    uint64_t room = mem->size - LINUX_COMMAND_LINE;
    size_t len = strlen(append);

    if (!limit)
        limit = LINUX_OLD_COMMAND_LINE_MAX;
    if (limit > room)
        limit = room;
    if (len >= limit)
        return err_set(
            e, EXIT_USAGE,
            "the kernel command line (--append) has %zu characters; this kernel takes at most %" PRIu64, len,
            limit - 1);
    memcpy(mem->base + LINUX_COMMAND_LINE, append, len + 1);
    return 0;
}

/* Loads the initrd above kernel_end, the first address after the image. */
static int load_initrd(const char *path, uint64_t kernel_end, struct guest_memory *mem, struct err *e)
{
    uint64_t start = (kernel_end + INITRD_GAP + 0xfff) & ~0xfffULL;
    struct ipl_file f;
    int rc;

    if (start < INITRD_LOWEST)
        start = INITRD_LOWEST;
    if (open_file(path, &f, e))
        return -1;
    if (start > mem->size || f.size > mem->size - start)
        rc = err_set(e, EXIT_IMAGE,
                     "the initrd %s (%" PRIu64 " bytes, from 0x%" PRIx64
                     " on) does not fit into the guest's %" PRIu64 " MiB of memory; give more with --memory",
                     path, f.size, start, mem->size >> 20);
    else
        rc = ipl_read(&f, 0, mem->base + start, f.size, e);
    if (!rc) {
        store_be64(mem->base + LINUX_INITRD_START, start);
        store_be64(mem->base + LINUX_INITRD_SIZE, f.size);
    }
    close(f.fd);
    return rc;
}

/* The command line and initrd of a loaded Linux image, and where such an image starts. */
static int prepare_linux(const struct ipl_request *req, uint64_t kernel_end, struct guest_memory *mem,
                         struct ipl_result *out, struct err *e)
{
    out->psw = (struct psw){PSW_EA | PSW_BA, LINUX_ENTRY};
    out->kernel_start = LINUX_KERNEL;
    out->nranges = 0;
    if (req->append && store_command_line(req->append, mem, e))
        return -1;
    return req->initrd ? load_initrd(req->initrd, kernel_end, mem, e) : 0;
}

static bool is_elf(const struct ipl_file *f, struct err *e, int *rc)
{
    char magic[SELFMAG];

    *rc = 0;
    if (f->size < SELFMAG)
        return false;
    *rc = ipl_read(f, 0, magic, SELFMAG, e);
    return !*rc && !memcmp(magic, ELFMAG, SELFMAG);
}

static int load_image(const struct ipl_file *f, const struct ipl_request *req, struct guest_memory *mem,
                      struct ipl_result *out, struct err *e)
{
    uint64_t end;
    int rc;

    out->elf = is_elf(f, e, &rc);
    if (rc)
        return -1;
    if (!out->elf)
        return load_raw(f, mem, e) ? -1 : prepare_linux(req, f->size, mem, out, e);
    if (ipl_load_elf(f, mem, out, &end, e))
        return -1;
    if (linux_loaded(mem))
        return prepare_linux(req, end, mem, out, e);
    if (req->append || req->initrd)
        return err_set(
            e, EXIT_USAGE,
            "%s is an ELF but no Linux kernel (no \"S390EP\" at address 0x%x): it has no place for %s; "
            "leave the option out",
            f->path, LINUX_MAGIC_AT, req->append ? "--append" : "--initrd");
    return 0;
}

int ipl_load(const struct ipl_request *req, struct guest_memory *mem, struct ipl_result *out, struct err *e)
{
    struct ipl_file f;
    int rc;

    *out = (struct ipl_result){0};
    if (open_file(req->image, &f, e))
        return -1;
    rc = load_image(&f, req, mem, out, e);
    close(f.fd);
    return rc;
}
