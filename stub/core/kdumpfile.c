/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a compressed or stand-alone dump, read through libkdumpfile; that of a compressed one only
 * where the page's descriptor is sound, since libkdumpfile 0.5.1 believes it. */
#include <libkdumpfile/kdumpfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define BLOCK 4096u /* bytes of the bitmap, for each of which it is known how many bits are one before it */

/* struct page_desc of makedumpfile's diskdump_mod.h. */
enum {
    DESCRIPTOR_OFFSET = 0,
    DESCRIPTOR_SIZE = 8,
    DESCRIPTOR_BYTES = 24,
};

struct kdump {
    kdump_ctx_t *ctx;
    int fd;
    uint64_t bitmap, descriptors; /* in the file */
    uint64_t nblocks;
    uint64_t *before; /* for each block; NULL: no compressed dump */
};

/* ---- page descriptors ---- */

static unsigned ones(const uint8_t *bytes, size_t n)
{
    unsigned count = 0;

    for (size_t i = 0; i < n; i++)
        count += (unsigned)__builtin_popcount(bytes[i]);
    return count;
}

static bool read_block(const struct kdump *k, uint64_t block, uint8_t out[BLOCK])
{
    return pread(k->fd, out, BLOCK, (off_t)(k->bitmap + block * BLOCK)) == (ssize_t)BLOCK;
}

static int count_pages(struct kdump *k, const struct dump_header *h, const char *path, struct err *e)
{
    uint8_t bytes[BLOCK];
    uint64_t sum = 0;

    k->bitmap = h->bitmap;
    k->descriptors = h->descriptors;
    k->nblocks = h->bitmap_len / BLOCK;
    k->before = calloc(k->nblocks + 1, sizeof *k->before);
    if (!k->before)
        return err_set(e, EXIT_OTHER, "no memory for the page bitmap of %s", path);
    for (uint64_t i = 0; i < k->nblocks; i++) {
        if (!read_block(k, i, bytes))
            return err_set(e, EXIT_IMAGE, "%s cannot be read as a dump: its page bitmap is not all there",
                           path);
        k->before[i] = sum;
        sum += ones(bytes, sizeof bytes);
    }
    return 0;
}

/* Where the descriptor of a page is in the file; 0 if it has none. */
static uint64_t descriptor_at(const struct kdump *k, uint64_t number)
{
    uint64_t block = number / (BLOCK * 8), at = number / 8 % BLOCK;
    unsigned bit = number % 8;
    uint8_t bytes[BLOCK];

    if (block >= k->nblocks || !read_block(k, block, bytes) || !(bytes[at] >> bit & 1))
        return 0;
    bytes[at] &= (uint8_t)((1u << bit) - 1);
    return k->descriptors + (k->before[block] + ones(bytes, at + 1)) * DESCRIPTOR_BYTES;
}

/* Whether the page lies in the file, and is not larger than one that compression made no smaller. */
static bool is_sound(const struct kdump *k, uint64_t number)
{
    uint64_t at = descriptor_at(k, number), offset, size;
    uint8_t bytes[DESCRIPTOR_BYTES];
    struct stat st;

    if (!at || fstat(k->fd, &st) || pread(k->fd, bytes, sizeof bytes, (off_t)at) != (ssize_t)sizeof bytes)
        return false;
    offset = load_be64(bytes + DESCRIPTOR_OFFSET);
    size = load_be32(bytes + DESCRIPTOR_SIZE);
    return size <= PAGE_BYTES && offset <= (uint64_t)st.st_size && size <= (uint64_t)st.st_size - offset;
}

/* ---- the library ---- */

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
    const struct kdump *k = ctx;
    size_t len = PAGE_BYTES;

    if (k->before && !is_sound(k, number))
        return false;
    return kdump_read(k->ctx, KDUMP_MACHPHYSADDR, number * PAGE_BYTES, page, &len) == KDUMP_OK &&
           len == PAGE_BYTES;
}

static void release(struct kdump *k)
{
    free(k->before);
    free(k);
}

static void close_kdump(void *ctx)
{
    struct kdump *k = ctx;

    kdump_free(k->ctx);
    release(k);
}

int kdumpfile_open(int fd, const char *path, const struct dump_header *h, uint64_t *size,
                   struct page_source *out, struct err *e)
{
    struct kdump *k = calloc(1, sizeof *k);

    if (!k)
        return err_set(e, EXIT_OTHER, "no memory to open %s", path);
    k->fd = fd;
    if (h->format == DUMP_KDUMP && count_pages(k, h, path, e)) {
        release(k);
        return -1;
    }
    k->ctx = kdump_new();
    /* Not freed if this fails: 0.5.1 crashes in kdump_free() when it has not opened a compressed dump. */
    if (!k->ctx || set_up(k->ctx, fd, path, e)) {
        if (!k->ctx)
            err_set(e, EXIT_OTHER, "no memory to open %s", path);
        release(k);
        return -1;
    }
    if (check(k->ctx, path, size, e)) {
        close_kdump(k);
        return -1;
    }
    *out = (struct page_source){read_page, close_kdump, k};
    return 0;
}
