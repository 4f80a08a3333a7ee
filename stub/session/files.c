/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gdb reads as files: the target description, the name of the program, the list of libraries, and all of
 * these through vFile. The names that can be opened are the ones that it was told; no other file of the host
 * is ever reached. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libraries.h"
#include "zgdbd/bytes.h"

#define FIRST_FILE 1
/* The answer with its "F", size and ";" is no longer than a packet as the debugger knows it. */
#define PREAD_MAX (RSP_PACKET_MAX - 32u)

/* What is read in several parts is of one moment, that of the first. */
static void libraries_read(struct session *s, bool svr4, uint64_t offset, uint64_t len)
{
    struct target *t = s->target;
    bool stands = target_stands(t) && session_attached(s);
    if (stands && (offset == 0 || !s->libraries)) {
        free(s->libraries);
        s->libraries = libraries_document(t, svr4, &s->libraries_len);
        s->reads_libraries = true;
        libraries_told(t);
    }
    if (s->libraries)
        rsp_xfer(&s->out, s->libraries, s->libraries_len, offset, len);
    else
        session_refuse(s, RSP_EBUSY, "the guest runs; interrupt it or attach first");
}

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
    } else if (strcmp(r->xfer.object, "libraries-svr4") == 0 || strcmp(r->xfer.object, "libraries") == 0) {
        libraries_read(s, strchr(r->xfer.object, '-'), r->xfer.offset, r->xfer.len);
    } else {
        rsp_reply(&s->out, "");
    }
}

/* qOffsets: for a file of the kernel that gdb has itself. What it has from here lies where it says. */
void cmd_offsets(struct session *s, const struct rsp_request *r)
{
    uint64_t text;
    (void)r;
    if (!target_stands(s->target) || !session_attached(s) || !symbols_relocation(s->target, &text)) {
        rsp_reply(&s->out, "");
        return;
    }
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "TextSeg=");
    rsp_hex_u64(&s->out, text);
    rsp_end(&s->out);
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

/* NULL: it is not open. */
static struct served_file **open_file(struct session *s, int fd)
{
    if (fd < FIRST_FILE || fd >= FIRST_FILE + FILES_MAX || !s->files[fd - FIRST_FILE])
        return NULL;
    return &s->files[fd - FIRST_FILE];
}

void files_close(struct session *s)
{
    for (int i = 0; i < FILES_MAX; i++) {
        if (s->files[i])
            served_close(s->target, s->files[i]);
        s->files[i] = NULL;
    }
}

void cmd_file_open(struct session *s, const struct rsp_request *r)
{
    unsigned error;
    int i = 0;
    if (r->file.flags != 0) {
        file_error(s, RSP_EROFS);
        return;
    }
    while (i < FILES_MAX && s->files[i])
        i++;
    if (i == FILES_MAX) {
        file_error(s, RSP_EMFILE);
        return;
    }
    s->files[i] = served_open(s->target, r->file.name, &error);
    if (s->files[i])
        file_result(s, (uint64_t)i + FIRST_FILE);
    else
        file_error(s, error);
}

void cmd_file_close(struct session *s, const struct rsp_request *r)
{
    struct served_file **f = open_file(s, r->file.fd);
    if (!f) {
        file_error(s, RSP_EBADF);
        return;
    }
    served_close(s->target, *f);
    *f = NULL;
    file_result(s, 0);
}

/* The file is read into the reply itself, to be escaped where it is. */
void cmd_file_pread(struct session *s, const struct rsp_request *r)
{
    size_t want = r->file.count < PREAD_MAX ? r->file.count : PREAD_MAX;
    struct served_file **f = open_file(s, r->file.fd);
    if (!f) {
        file_error(s, RSP_EBADF);
        return;
    }
    rsp_begin(&s->out, RSP_PLAIN);
    uint8_t *buf = rsp_space(&s->out, want);
    long got = buf ? served_pread(*f, buf, want, r->file.offset) : -1;
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
static void reply_stat(struct session *s, const struct served_file *f)
{
    uint8_t st[64] = {0};
    uint64_t size = served_size(f);
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
    struct served_file **f = open_file(s, r->file.fd);
    if (f)
        reply_stat(s, *f);
    else
        file_error(s, RSP_EBADF);
}

/* By name: as if it were opened for it. */
void cmd_file_stat(struct session *s, const struct rsp_request *r)
{
    unsigned error;
    struct served_file *f = served_open(s->target, r->file.name, &error);
    if (!f) {
        file_error(s, error);
        return;
    }
    reply_stat(s, f);
    served_close(s->target, f);
}

/* Names have been resolved (realpath), or are made up: none is a link. */
void cmd_file_readlink(struct session *s, const struct rsp_request *r)
{
    unsigned error = RSP_EINVAL;
    struct served_file *f = served_open(s->target, r->file.name, &error);
    if (f)
        served_close(s->target, f);
    file_error(s, f ? RSP_EINVAL : error);
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
