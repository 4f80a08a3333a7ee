/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The absolute storage in a dump, with the pages that were read last kept: a walk through page tables reads
 * eight bytes here and eight there. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define KEPT 4096u /* pages; a power of two */
#define NOT_KEPT UINT64_MAX

struct core_memory {
    struct page_source source;
    uint64_t kept[KEPT]; /* page number; its place is that modulo KEPT */
    uint8_t page[KEPT][PAGE_BYTES];
};

#ifdef ZGDBD_NO_KDUMPFILE
int kdumpfile_open(int fd, const char *path, const struct dump_header *h, uint64_t *size,
                   struct page_source *out, struct err *e)
{
    (void)fd, (void)h, (void)size, (void)out;
    return err_set(
        e, EXIT_IMAGE,
        "%s is a compressed or stand-alone dump, and this zgdbd was built without libkdumpfile: one "
        "that has it is made by `make host` on any machine, or turn the dump into ELF",
        path);
}
#endif

struct core_memory *core_memory_open(int fd, const char *path, struct dump_header *h, uint64_t *size,
                                     struct err *e)
{
    struct core_memory *m = malloc(sizeof *m);
    int rc;

    if (!m) {
        err_set(e, EXIT_OTHER, "no memory to open %s", path);
        return NULL;
    }
    memset(m->kept, 0xff, sizeof m->kept);
    *size = h->memory;
    rc = h->format == DUMP_ELF ? segments_open(fd, h, &m->source, e)
                               : kdumpfile_open(fd, path, h, size, &m->source, e);
    if (rc == 0)
        return m;
    free(m);
    return NULL;
}

void core_memory_close(struct core_memory *m)
{
    m->source.close(m->source.ctx);
    free(m);
}

/* The page of this number, or NULL if the dump has it not. */
static const uint8_t *page_of(struct core_memory *m, uint64_t number)
{
    unsigned at = number % KEPT;

    if (m->kept[at] == number)
        return m->page[at];
    m->kept[at] = NOT_KEPT;
    if (!m->source.read(m->source.ctx, number, m->page[at]))
        return NULL;
    m->kept[at] = number;
    return m->page[at];
}

size_t core_memory_read(void *reader, uint64_t absolute, void *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const uint8_t *page = page_of(reader, (absolute + done) / PAGE_BYTES);
        size_t at = (absolute + done) % PAGE_BYTES;
        size_t n = len - done < PAGE_BYTES - at ? len - done : PAGE_BYTES - at;

        if (!page)
            break;
        memcpy((uint8_t *)buf + done, page + at, n);
        done += n;
    }
    return done;
}
