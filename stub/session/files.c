/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gdb reads as files: the target description, the name of the program, and that program through vFile.
 * The one name that can be opened is the one that exec-file tells; no other file of the host is ever reached.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define FILES_MAX 8
#define FIRST_FILE 1
/* The answer with its "F", size and ";" is no longer than a packet as the debugger knows it. */
#define PREAD_MAX (RSP_PACKET_MAX - 32u)

void cmd_xfer_read(struct session *s, const struct rsp_request *r)
{
    const struct target *t = s->target;
    if (strcmp(r->xfer.object, "features") == 0) {
        if (strcmp(r->xfer.annex, "target.xml") == 0)
            rsp_xfer(&s->out, t->xml, t->xml_len, r->xfer.offset, r->xfer.len);
        else
            rsp_reply(&s->out, "E00");
    } else if (strcmp(r->xfer.object, "exec-file") == 0) {
        const char *path = exec_file_path(t->exec);
        if (r->xfer.annex[0] == 0 || strcmp(r->xfer.annex, "1") == 0)
            rsp_xfer(&s->out, path, strlen(path), r->xfer.offset, r->xfer.len);
        else
            rsp_reply(&s->out, "E00");
    } else if (strcmp(r->xfer.object, "threads") == 0) {
        threads_read(s, r->xfer.offset, r->xfer.len);
    } else {
        rsp_reply(&s->out, "");
    }
}

/* ---- vFile ---- */

static void file_error(struct session *s, unsigned number)
{
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "F-1,");
    rsp_hex_u64(&s->out, number);
    rsp_end(&s->out);
}

static void file_result(struct session *s, uint64_t value)
{
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "F");
    rsp_hex_u64(&s->out, value);
    rsp_end(&s->out);
}

static bool is_open(const struct session *s, int fd)
{
    return fd >= FIRST_FILE && fd < FIRST_FILE + FILES_MAX && (s->open_files & 1u << fd);
}

/* The one name that there is. */
static bool is_program(const struct session *s, const struct rsp_request *r)
{
    return strcmp(r->file.name, exec_file_path(s->target->exec)) == 0;
}

void cmd_file_open(struct session *s, const struct rsp_request *r)
{
    if (!is_program(s, r)) {
        file_error(s, RSP_ENOENT);
        return;
    }
    if (r->file.flags != 0) {
        file_error(s, RSP_EROFS);
        return;
    }
    for (int fd = FIRST_FILE; fd < FIRST_FILE + FILES_MAX; fd++) {
        if (is_open(s, fd))
            continue;
        s->open_files |= 1u << fd;
        file_result(s, (uint64_t)fd);
        return;
    }
    file_error(s, RSP_EMFILE);
}

void cmd_file_close(struct session *s, const struct rsp_request *r)
{
    if (!is_open(s, r->file.fd)) {
        file_error(s, RSP_EBADF);
        return;
    }
    s->open_files &= ~(1u << r->file.fd);
    file_result(s, 0);
}

/* The file is read into the reply itself, to be escaped where it is. */
void cmd_file_pread(struct session *s, const struct rsp_request *r)
{
    size_t want = r->file.count < PREAD_MAX ? r->file.count : PREAD_MAX;
    if (!is_open(s, r->file.fd)) {
        file_error(s, RSP_EBADF);
        return;
    }
    rsp_begin(&s->out, RSP_PLAIN);
    uint8_t *buf = rsp_space(&s->out, want);
    long got = buf ? exec_file_pread(s->target->exec, buf, want, r->file.offset) : -1;
    if (got < 0) {
        file_error(s, RSP_EIO);
        return;
    }
    rsp_str(&s->out, "F");
    rsp_hex_u64(&s->out, (uint64_t)got);
    rsp_str(&s->out, ";");
    rsp_binary(&s->out, buf, (size_t)got);
    rsp_end(&s->out);
}

/* struct stat of the protocol: big endian, 64 bytes; what is not set here is zero. */
static void reply_stat(struct session *s)
{
    uint8_t st[64] = {0};
    uint64_t size = exec_file_size(s->target->exec);
    store_be32(st + 4, 1);                   /* st_ino */
    store_be32(st + 8, 0100444);             /* st_mode: a regular file, readable */
    store_be32(st + 12, 1);                  /* st_nlink */
    store_be64(st + 28, size);               /* st_size */
    store_be64(st + 36, 4096);               /* st_blksize */
    store_be64(st + 44, (size + 511) / 512); /* st_blocks */
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "F");
    rsp_hex_u64(&s->out, sizeof st);
    rsp_str(&s->out, ";");
    rsp_binary(&s->out, st, sizeof st);
    rsp_end(&s->out);
}

void cmd_file_fstat(struct session *s, const struct rsp_request *r)
{
    if (is_open(s, r->file.fd))
        reply_stat(s);
    else
        file_error(s, RSP_EBADF);
}

void cmd_file_stat(struct session *s, const struct rsp_request *r)
{
    if (is_program(s, r))
        reply_stat(s);
    else
        file_error(s, RSP_ENOENT);
}

/* The program's name has been resolved (realpath), and is no link. */
void cmd_file_readlink(struct session *s, const struct rsp_request *r)
{
    file_error(s, is_program(s, r) ? RSP_EINVAL : RSP_ENOENT);
}

void cmd_file_change(struct session *s, const struct rsp_request *r)
{
    (void)r;
    file_error(s, RSP_EROFS);
}

/* There is one file system, whichever process is named. */
void cmd_file_setfs(struct session *s, const struct rsp_request *r)
{
    (void)r;
    file_result(s, 0);
}
