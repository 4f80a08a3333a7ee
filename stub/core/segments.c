/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of an ELF dump, read from where its segments are. This is not left to libkdumpfile, which reads
 * the section headers, too, and refuses the file for them: those that QEMU 7.2 writes on a little-endian host
 * are garbage. It takes one pread(2) where a page of libkdumpfile's takes ten times as long, and is there in
 * every build. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct segments {
    int fd;
    struct dump_segment *list; /* by address */
    size_t n;
};

/* The first segment that ends behind this address. The file may have segments that overlap: then any. */
static const struct dump_segment *find(const struct segments *s, uint64_t absolute)
{
    size_t first = 0, end = s->n;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (s->list[middle].absolute + s->list[middle].size <= absolute)
            first = middle + 1;
        else
            end = middle;
    }
    return first < s->n ? &s->list[first] : NULL;
}

/* Reads what the segment has from `at` on into the zeros at buf; false if the file is shorter than it was. */
static bool read_part(const struct segments *s, const struct dump_segment *from, uint64_t at, uint8_t *buf,
                      size_t n)
{
    if (at >= from->in_file)
        return true;
    if (n > from->in_file - at)
        n = (size_t)(from->in_file - at);
    return pread(s->fd, buf, n, (off_t)(from->offset + at)) == (ssize_t)n;
}

/* A page of which there is only a part has zeros in the rest. */
static bool read_page(void *ctx, uint64_t number, uint8_t *page)
{
    const struct segments *s = ctx;
    uint64_t begin = number * PAGE_BYTES, end = begin + PAGE_BYTES, at = begin;
    const struct dump_segment *from;
    bool there = false;

    memset(page, 0, PAGE_BYTES);
    while (at < end && (from = find(s, at)) && from->absolute < end) {
        uint64_t stop = from->absolute + from->size;

        if (at < from->absolute)
            at = from->absolute;
        if (stop > end)
            stop = end;
        if (!read_part(s, from, at - from->absolute, page + (at - begin), (size_t)(stop - at)))
            return false;
        there = true;
        at = stop;
    }
    return there;
}

static void close_segments(void *ctx)
{
    struct segments *s = ctx;

    free(s->list);
    free(s);
}

int segments_open(int fd, struct dump_header *h, struct page_source *out, struct err *e)
{
    struct segments *s = malloc(sizeof *s);

    if (!s)
        return err_set(e, EXIT_OTHER, "no memory for the segments of a dump");
    *s = (struct segments){fd, h->segments, h->nsegments};
    h->segments = NULL;
    out->read = read_page;
    out->close = close_segments;
    out->ctx = s;
    return 0;
}
