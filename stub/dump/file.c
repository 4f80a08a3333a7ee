/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of a dump on its way to its name: made where nothing was, removed unless it becomes complete. What
 * names a client may give, and what an error means to the user, is decided here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* A name that is one file of a directory and can be typed: no separator, no blank or control character, and
 * nothing that `rm` and `ls` would take for something else. */
static bool is_plain(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > DUMP_NAME_MAX || name[0] == '.' || name[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
            return false;
    return true;
}

static int put_path(char out[PATH_MAX], const char *before, const char *between, const char *after,
                    struct err *e)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s", before, between, after);

    if (n > 0 && n < PATH_MAX)
        return 0;
    return err_set(e, EXIT_OTHER, "the path of the dump would be too long; choose a shorter one");
}

int dump_file_create(struct dump_file *f, const char *dir, const char *name, struct err *e)
{
    char whole[PATH_MAX];

    if (!is_plain(name))
        return err_set(
            e, EXIT_OTHER,
            "give the dump a plain name of up to %d letters, digits and signs, without / and "
            "blanks, that does not begin with . or -; --dump-dir says in which directory it is made",
            DUMP_NAME_MAX);
    if (realpath(dir, whole))
        dir = whole;
    if (put_path(f->path, dir, "/", name, e) || put_path(f->at, dir, "/", name, e))
        return -1;
    f->named = true;
    f->fd = open(f->at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (f->fd >= 0)
        return 0;
    if (errno == EEXIST)
        return err_set(e, EXIT_OTHER, "the file %.200s exists already: remove it, or choose another name",
                       f->at);
    return err_set(e, EXIT_OTHER, "cannot make the file %.160s: %s; start zgdbd with another --dump-dir",
                   f->at, strerror(errno));
}

int dump_file_create_beside(struct dump_file *f, const char *path, struct err *e)
{
    struct stat st;

    if (put_path(f->path, path, "", "", e) || put_path(f->at, path, ".", "XXXXXX", e))
        return -1;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(e, EXIT_OTHER, "%.200s is there and no regular file: name another one for the dump",
                       path);
    f->temporary = true;
    f->fd = mkostemp(f->at, O_CLOEXEC);
    if (f->fd >= 0)
        return 0;
    return err_set(e, EXIT_OTHER, "cannot make the file %.160s: %s; name another one for the dump", path,
                   strerror(errno));
}

static const char *remedy(const struct dump_file *f, int error)
{
    if (error == EFBIG)
        return "; allow longer files (ulimit -f), or use a file system that does";
    if (error == ENOSPC || error == EDQUOT)
        return f->named ? "; make room there, or start zgdbd with another --dump-dir"
                        : "; make room there, or name a file on another file system";
    return "";
}

static int failed(const struct dump_file *f, struct err *e)
{
    return err_set(e, EXIT_OTHER, "cannot write the dump to %.120s: %s%s", f->path, strerror(errno),
                   remedy(f, errno));
}

int dump_file_extend(struct dump_file *f, uint64_t len, struct err *e)
{
    if (len > INT64_MAX)
        errno = EFBIG;
    else if (ftruncate(f->fd, (off_t)len) == 0)
        return 0;
    return failed(f, e);
}

int dump_file_put(struct dump_file *f, uint64_t offset, const void *bytes, size_t n, struct err *e)
{
    const uint8_t *from = bytes;

    while (n) {
        ssize_t done = pwrite(f->fd, from, n, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done == 0) /* not for a file; a loop must not wait for it */
            errno = EIO;
        if (done <= 0)
            return failed(f, e);
        from += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

/* Whether the file is still what bears its name. */
static bool is_there(const struct dump_file *f)
{
    struct stat ours, there;

    return fstat(f->fd, &ours) == 0 && lstat(f->at, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

void dump_file_remove(struct dump_file *f)
{
    if (is_there(f))
        unlink(f->at);
    close(f->fd);
}

static int gone(struct dump_file *f, struct err *e)
{
    close(f->fd);
    return err_set(e, EXIT_OTHER,
                   "the dump was moved or removed from %.160s while it was written: dump again", f->path);
}

int dump_file_finish(struct dump_file *f, struct dump_result *result, struct err *e)
{
    struct stat st;

    if (!is_there(f))
        return gone(f, e);
    if (fstat(f->fd, &st) < 0 || (f->temporary && rename(f->at, f->path) < 0)) {
        failed(f, e);
        dump_file_remove(f);
        return -1;
    }
    if (close(f->fd) < 0) { /* network file systems write now */
        failed(f, e);
        unlink(f->path);
        return -1;
    }
    result->size = (uint64_t)st.st_size;
    result->on_disk = (uint64_t)st.st_blocks * 512;
    if (!realpath(f->path, result->path))
        snprintf(result->path, sizeof result->path, "%s", f->path);
    return 0;
}
