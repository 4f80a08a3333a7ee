/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of IPL. They are taken to be hostile: each is opened without waiting, measured, and read by
 * offset, so that one that changes meanwhile gives wrong bytes or an error and nothing worse. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipl.h"
#include "zgdbd/gunzip.h"

static int measure(struct ipl_file *f, struct err *e)
{
    struct stat st;
    const char *reason = NULL;

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
        return err_set(e, EXIT_IMAGE, "cannot load %s: %s", f->path, reason);
    }
    f->size = (uint64_t)st.st_size;
    return 0;
}

int ipl_open(const char *path, struct ipl_file *f, struct err *e)
{
    f->path = path;
    /* Without O_NONBLOCK a FIFO would wait for its writer. */
    f->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (f->fd < 0)
        return err_set(e, EXIT_IMAGE, "cannot open %s: %s", path, strerror(errno));
    return measure(f, e);
}

int ipl_open_image(const char *path, uint64_t memory, struct ipl_file *f, struct err *e)
{
    int packed;

    if (ipl_open(path, f, e))
        return -1;
    if (!gunzip_is_gzip(f->fd))
        return 0;
    packed = f->fd;
    f->fd = gunzip(packed, path, memory + GUNZIP_BEYOND_MEMORY, e);
    close(packed);
    return f->fd < 0 ? -1 : measure(f, e);
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
