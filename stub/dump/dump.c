/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dump from begin to end, piece by piece: what of memory is there is written where it belongs unless it is
 * zero, and noted as a segment; the headers come last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

/* What is read and looked at in one go: a few milliseconds of a slow host. */
#define PIECE 0x40000u

struct dump {
    struct machine *m;
    struct dump_file file;
    uint8_t *notes;
    size_t notes_len;
    uint64_t identity_base;
    uint64_t next;        /* absolute address */
    const uint8_t *bytes; /* what machine_look() has shown there, */
    uint64_t seen;        /* so many of them */
    uint64_t unreadable;
    unsigned nranges;
    struct dump_range ranges[DUMP_RANGES];
    int64_t begun;
    char release[sizeof((struct linux_facts *)0)->release];
    uint8_t piece[PIECE];
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- begin ---- */

/* Without the file. NULL with *e. */
static struct dump *prepare(struct machine *m, struct linux_guest *guest, struct err *e)
{
    const struct linux_facts *facts = guest ? linux_facts(guest) : NULL;
    struct dump *d = calloc(1, sizeof *d);

    if (d)
        d->notes = dump_notes(m, facts, &d->notes_len);
    if (!d || !d->notes) {
        free(d);
        err_set(e, EXIT_OTHER, "there is no memory for a dump");
        return NULL;
    }
    d->m = m;
    d->begun = now_ns();
    if (facts && facts->state == LINUX_READABLE) {
        d->identity_base = facts->identity_base;
        snprintf(d->release, sizeof d->release, "%s", facts->release);
    }
    return d;
}

static void release(struct dump *d)
{
    free(d->notes);
    free(d);
}

/* The file is made, or was not: rc. A limit on its length is met here. */
static struct dump *begin(struct dump *d, int rc, struct err *e)
{
    uint64_t end;

    if (rc) {
        release(d);
        return NULL;
    }
    if (__builtin_add_overflow(dump_memory_at(d->notes_len), d->m->memory, &end))
        end = UINT64_MAX;
    if (dump_file_extend(&d->file, end, e)) {
        dump_abandon(d);
        return NULL;
    }
    return d;
}

struct dump *dump_begin_in(struct machine *m, struct linux_guest *guest, const char *dir, const char *name,
                           struct err *e)
{
    struct dump *d = prepare(m, guest, e);

    return d ? begin(d, dump_file_create(&d->file, dir, name, e), e) : NULL;
}

struct dump *dump_begin_at(struct machine *m, struct linux_guest *guest, const char *path, struct err *e)
{
    struct dump *d = prepare(m, guest, e);

    return d ? begin(d, dump_file_create_beside(&d->file, path, e), e) : NULL;
}

/* ---- memory ---- */

/* Once a range more than there is room for begins, the last one takes in what is between them: zeros. */
static void add_range(struct dump *d, uint64_t start, uint64_t len)
{
    struct dump_range *last = d->nranges ? &d->ranges[d->nranges - 1] : NULL;

    if (last && (last->start + last->len == start || d->nranges == DUMP_RANGES))
        last->len = start + len - last->start;
    else
        d->ranges[d->nranges++] = (struct dump_range){start, len};
}

/* Each byte equals the one 8 further on, and the first 8 are zero: memcmp(3) is the quickest loop of any
 * host. */
static bool is_zero(const uint8_t *page, size_t n)
{
    static const uint8_t zeros[8];
    size_t head = n < sizeof zeros ? n : sizeof zeros;

    return memcmp(page, zeros, head) == 0 && memcmp(page, page + head, n - head) == 0;
}

static size_t page_at(size_t at, size_t n)
{
    return n - at < DUMP_PAGE ? n - at : DUMP_PAGE;
}

/* Writes n bytes that belong at an absolute address, without its pages of zeros. */
static int put_memory(struct dump *d, uint64_t addr, const uint8_t *bytes, size_t n, struct err *e)
{
    uint64_t offset = dump_memory_at(d->notes_len) + addr;
    size_t at = 0;

    while (at < n) {
        size_t from = at;

        while (at < n && !is_zero(bytes + at, page_at(at, n)))
            at += page_at(at, n);
        if (at > from && dump_file_put(&d->file, offset + from, bytes + from, at - from, e))
            return -1;
        while (at < n && is_zero(bytes + at, page_at(at, n)))
            at += page_at(at, n);
    }
    return 0;
}

/* Looks for what comes next, unless it is in sight already: memory in place, or zeros; false if there is no
 * looking at it. */
static bool in_sight(struct dump *d)
{
    if (!d->seen)
        d->seen = machine_look(d->m, d->next, d->m->memory - d->next, &d->bytes);
    return d->seen != 0;
}

/* Copies the next piece; returns its length, 0 if nothing is there. */
static size_t copy_piece(struct dump *d)
{
    uint64_t left = d->m->memory - d->next;

    return machine_read_memory(d->m, 0, SPACE_ABSOLUTE, d->next, d->piece,
                               left < PIECE ? (size_t)left : PIECE);
}

/* Goes on behind n bytes from `from` on, or from NULL: of zeros. */
static int put_seen(struct dump *d, const uint8_t *from, uint64_t n, struct err *e)
{
    if (from && put_memory(d, d->next, from, (size_t)n, e))
        return -1;
    add_range(d, d->next, n);
    d->next += n;
    return 0;
}

/* Behind memory that is not there the next page is tried. */
static void skip_page(struct dump *d)
{
    uint64_t left = d->m->memory - d->next, n = DUMP_PAGE - d->next % DUMP_PAGE;

    n = n < left ? n : left;
    d->unreadable += n;
    d->next += n;
}

/* The next piece. */
static int put_piece(struct dump *d, struct err *e)
{
    const uint8_t *bytes = d->piece;
    uint64_t n;

    if (in_sight(d)) {
        bytes = d->bytes;
        n = bytes && d->seen > PIECE ? PIECE : d->seen;
        d->seen -= n;
        d->bytes = bytes ? bytes + n : NULL;
    } else {
        n = copy_piece(d);
    }
    if (n)
        return put_seen(d, bytes, n, e);
    skip_page(d);
    return 0;
}

int dump_step(struct dump *d, int64_t ns, struct err *e)
{
    int64_t begun = now_ns();

    do {
        if (d->next == d->m->memory)
            return 0;
        if (put_piece(d, e))
            return -1;
    } while (now_ns() - begun < ns);
    return d->next < d->m->memory;
}

void dump_progress(const struct dump *d, uint64_t *done, uint64_t *total)
{
    *done = d->next;
    *total = d->m->memory;
}

/* ---- end ---- */

static int put_headers(struct dump *d, struct err *e)
{
    const struct dump_range *last = d->nranges ? &d->ranges[d->nranges - 1] : NULL;
    struct dump_layout layout = {d->notes_len, d->identity_base, d->ranges, d->nranges};

    if (dump_file_put(&d->file, DUMP_NOTES_AT, d->notes, d->notes_len, e) ||
        dump_file_extend(&d->file, dump_memory_at(d->notes_len) + (last ? last->start + last->len : 0), e))
        return -1;
    dump_headers(&layout, d->piece);
    return dump_file_put(&d->file, 0, d->piece, DUMP_NOTES_AT, e);
}

int dump_finish(struct dump *d, struct dump_result *result, struct err *e)
{
    int rc;

    if (put_headers(d, e)) {
        dump_abandon(d);
        return -1;
    }
    *result = (struct dump_result){
        .memory = d->m->memory - d->unreadable, .unreadable = d->unreadable, .cpus = d->m->ncpus};
    memcpy(result->release, d->release, sizeof result->release);
    rc = dump_file_finish(&d->file, result, e);
    result->ns = now_ns() - d->begun;
    release(d);
    return rc;
}

void dump_abandon(struct dump *d)
{
    dump_file_remove(&d->file);
    release(d);
}

int dump_write(struct machine *m, struct linux_guest *guest, const char *path, struct dump_result *result,
               struct err *e)
{
    struct dump *d = dump_begin_at(m, guest, path, e);
    int more = 1;

    if (!d)
        return -1;
    while (more > 0)
        more = dump_step(d, INT64_MAX, e);
    if (more == 0)
        return dump_finish(d, result, e);
    dump_abandon(d);
    return -1;
}

#define MIB 0x100000u

char *dump_describe(const struct dump_result *r, char *buf, size_t size)
{
    double seconds = (double)r->ns / 1e9;

    snprintf(buf, size,
             "%s has %llu MiB of memory and %u CPU%s%s%s; %llu MiB on disk, written in %.2f s (%.0f MiB/s). "
             "Open it with: zgdbd --core %s; or crash vmlinux %s",
             r->path, (unsigned long long)(r->memory / MIB), r->cpus, r->cpus == 1 ? "" : "s",
             r->release[0] ? " of Linux " : "", r->release, (unsigned long long)(r->on_disk / MIB), seconds,
             (double)r->memory / MIB / (seconds > 0 ? seconds : 1), r->path, r->path);
    return buf;
}
