/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacks gzip files through zlib. Their contents are not trusted: the output is bounded, whatever the file
 * says of its size, and a file that does not end as it should gives nothing. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "zgdbd/gunzip.h"

#define CHUNK 65536

bool gunzip_is_gzip(int fd)
{
    static const unsigned char magic[] = {0x1f, 0x8b, Z_DEFLATED};
    unsigned char head[sizeof magic];

    return pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && !memcmp(head, magic, sizeof head);
}

/* A reader of the file from its beginning, which leaves fd open. NULL with errno. */
static gzFile open_reader(int fd)
{
    int copy = dup(fd);
    gzFile gz = NULL;

    if (copy >= 0 && lseek(copy, 0, SEEK_SET) == 0)
        gz = gzdopen(copy, "r");
    if (!gz && copy >= 0)
        close(copy);
    return gz;
}

long gunzip_peek(int fd, void *buf, size_t len)
{
    gzFile gz = open_reader(fd);
    int n;

    if (!gz)
        return -1;
    n = gzread(gz, buf, (unsigned)len);
    gzclose_r(gz);
    return n;
}

static int write_all(int fd, const unsigned char *from, size_t len)
{
    while (len) {
        ssize_t n = write(fd, from, len);

        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            from += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* Why zlib could not go on, or NULL if the file has come to its proper end. */
static const char *failure(gzFile gz)
{
    int code;
    const char *text = gzerror(gz, &code);

    switch (code) {
    case Z_OK:
    case Z_STREAM_END:
        return NULL;
    case Z_BUF_ERROR:
        return "it is truncated";
    case Z_DATA_ERROR:
        return "its compressed data are damaged";
    case Z_ERRNO:
        return strerror(errno);
    default:
        return text;
    }
}

static int unpack(gzFile gz, int to, const char *path, uint64_t limit, struct err *e)
{
    unsigned char chunk[CHUNK];
    uint64_t size = 0;
    const char *reason;
    int n;

    while ((n = gzread(gz, chunk, sizeof chunk)) > 0) {
        size += (uint64_t)n;
        if (size > limit)
            return err_set(e, EXIT_IMAGE,
                           "cannot unpack %s: it has more than %" PRIu64
                           " MiB, too much for the guest's memory; give more with --memory, or strip the "
                           "program before it is compressed",
                           path, limit >> 20);
        if (write_all(to, chunk, (size_t)n))
            return err_set(e, EXIT_OTHER, "cannot unpack %s: %s", path, strerror(errno));
    }
    reason = failure(gz);
    if (reason)
        return err_set(e, EXIT_IMAGE, "cannot unpack %s: %s; try `gzip -t` on it", path, reason);
    return 0;
}

int gunzip(int fd, const char *path, uint64_t limit, struct err *e)
{
    gzFile gz = open_reader(fd);
    int to = -1;

    if (gz)
        to = memfd_create("unpacked", MFD_CLOEXEC);
    if (to < 0)
        err_set(e, EXIT_OTHER, "cannot unpack %s: %s", path, strerror(errno));
    else if (unpack(gz, to, path, limit, e)) {
        close(to);
        to = -1;
    }
    if (gz)
        gzclose_r(gz);
    return to;
}
