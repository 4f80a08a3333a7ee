/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The absolute storage in a dump, read through libkdumpfile, with the pages that were read last kept: a walk
 * through page tables reads eight bytes here and eight there. */
#include <libkdumpfile/kdumpfile.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define PAGE 4096u
#define KEPT 4096u /* pages; a power of two */
#define NOT_KEPT UINT64_MAX

struct core_memory {
    kdump_ctx_t *kdump;
    uint64_t kept[KEPT]; /* page number; its place is that modulo KEPT */
    uint8_t page[KEPT][PAGE];
};

static int refuse(kdump_ctx_t *kdump, const char *path, const char *what, struct err *e)
{
    const char *why = kdump_get_err(kdump);

    return err_set(e, EXIT_IMAGE, "%s cannot be read as a dump: %s%s%.160s", path, what, why ? ": " : "",
                   why ? why : "");
}

/* read(2) and not mmap(2): a file that shrinks must not end the daemon. What an ELF dump has in memory and
 * not in the file is zero; a page that was left out of a compressed one is missing. */
static int set_up(kdump_ctx_t *kdump, int fd, const char *path, enum dump_format format, struct err *e)
{
    if (kdump_set_number_attr(kdump, "file.mmap_policy", KDUMP_MMAP_NEVER) != KDUMP_OK ||
        kdump_set_number_attr(kdump, "file.zero_excluded", format == DUMP_ELF) != KDUMP_OK ||
        kdump_open_fd(kdump, fd) != KDUMP_OK)
        return refuse(kdump, path, "libkdumpfile says", e);
    return 0;
}

static int check(kdump_ctx_t *kdump, const char *path, uint64_t *size, struct err *e)
{
    kdump_num_t pages, page_size;
    const char *arch;

    if (kdump_get_string_attr(kdump, "arch.name", &arch) != KDUMP_OK || strcmp(arch, "s390x") != 0 ||
        kdump_get_number_attr(kdump, "arch.page_size", &page_size) != KDUMP_OK || page_size != PAGE)
        return refuse(kdump, path, "it is of no s390x system", e);
    if (kdump_get_number_attr(kdump, "max_pfn", &pages) != KDUMP_OK || pages == 0 ||
        pages > UINT64_MAX / PAGE / 2)
        return refuse(kdump, path, "there is no memory in it", e);
    if (*size == 0)
        *size = pages * PAGE;
    return 0;
}

struct core_memory *core_memory_open(int fd, const char *path, enum dump_format format, uint64_t *size,
                                     struct err *e)
{
    struct core_memory *m = malloc(sizeof *m);

    if (m)
        m->kdump = kdump_new();
    if (!m || !m->kdump) {
        free(m);
        err_set(e, EXIT_OTHER, "no memory to open %s", path);
        return NULL;
    }
    memset(m->kept, 0xff, sizeof m->kept);
    if (set_up(m->kdump, fd, path, format, e)) {
        free(
            m); /* and not its context: 0.5.1 crashes in kdump_free() when a compressed dump was not opened */
        return NULL;
    }
    if (check(m->kdump, path, size, e) == 0)
        return m;
    core_memory_close(m);
    return NULL;
}

void core_memory_close(struct core_memory *m)
{
    kdump_free(m->kdump);
    free(m);
}

/* The page of this number, or NULL if the dump has it not. */
static const uint8_t *page_of(struct core_memory *m, uint64_t number)
{
    unsigned at = number % KEPT;
    size_t len = PAGE;

    if (m->kept[at] == number)
        return m->page[at];
    m->kept[at] = NOT_KEPT;
    if (kdump_read(m->kdump, KDUMP_MACHPHYSADDR, number * PAGE, m->page[at], &len) != KDUMP_OK || len != PAGE)
        return NULL;
    m->kept[at] = number;
    return m->page[at];
}

size_t core_memory_read(void *reader, uint64_t absolute, void *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const uint8_t *page = page_of(reader, (absolute + done) / PAGE);
        size_t at = (absolute + done) % PAGE;
        size_t n = len - done < PAGE - at ? len - done : PAGE - at;

        if (!page)
            break;
        memcpy((uint8_t *)buf + done, page + at, n);
        done += n;
    }
    return done;
}
