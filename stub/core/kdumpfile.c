/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a compressed or stand-alone dump, read through libkdumpfile. */
#include <libkdumpfile/kdumpfile.h>
#include <string.h>

#include "internal.h"

static int refuse(kdump_ctx_t *kdump, const char *path, const char *what, struct err *e)
{
    const char *why = kdump_get_err(kdump);

    return err_set(e, EXIT_IMAGE, "%s cannot be read as a dump: %s%s%.160s", path, what, why ? ": " : "",
                   why ? why : "");
}

/* read(2) and not mmap(2): a file that shrinks must not end the daemon. */
static int set_up(kdump_ctx_t *kdump, int fd, const char *path, struct err *e)
{
    if (kdump_set_number_attr(kdump, "file.mmap_policy", KDUMP_MMAP_NEVER) != KDUMP_OK ||
        kdump_open_fd(kdump, fd) != KDUMP_OK)
        return refuse(kdump, path, "libkdumpfile says", e);
    return 0;
}

static int check(kdump_ctx_t *kdump, const char *path, uint64_t *size, struct err *e)
{
    kdump_num_t pages, page_size;
    const char *arch;

    /* The header is known to say so; libkdumpfile does not understand how QEMU writes it. */
    if (kdump_get_string_attr(kdump, "arch.name", &arch) == KDUMP_ERR_NODATA)
        kdump_set_string_attr(kdump, "arch.name", "s390x");
    if (kdump_get_string_attr(kdump, "arch.name", &arch) != KDUMP_OK || strcmp(arch, "s390x") != 0 ||
        kdump_get_number_attr(kdump, "arch.page_size", &page_size) != KDUMP_OK || page_size != PAGE_BYTES)
        return refuse(kdump, path, "it is of no s390x system", e);
    if (kdump_get_number_attr(kdump, "max_pfn", &pages) != KDUMP_OK || pages == 0 ||
        pages > UINT64_MAX / PAGE_BYTES / 2)
        return refuse(kdump, path, "there is no memory in it", e);
    if (*size == 0)
        *size = pages * PAGE_BYTES;
    return 0;
}

static bool read_page(void *ctx, uint64_t number, uint8_t *page)
{
    size_t len = PAGE_BYTES;

    return kdump_read(ctx, KDUMP_MACHPHYSADDR, number * PAGE_BYTES, page, &len) == KDUMP_OK &&
           len == PAGE_BYTES;
}

static void close_kdump(void *ctx)
{
    kdump_free(ctx);
}

int kdumpfile_open(int fd, const char *path, uint64_t *size, struct page_source *out, struct err *e)
{
    kdump_ctx_t *kdump = kdump_new();

    if (!kdump)
        return err_set(e, EXIT_OTHER, "no memory to open %s", path);
    /* Not freed if this fails: 0.5.1 crashes in kdump_free() when it has not opened a compressed dump. */
    if (set_up(kdump, fd, path, e))
        return -1;
    if (check(kdump, path, size, e)) {
        kdump_free(kdump);
        return -1;
    }
    *out = (struct page_source){read_page, close_kdump, kdump};
    return 0;
}
