/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What IPL hands to the loaded program: a command line and an initial RAM disk, at the addresses of Linux's
 * parameter area (arch/s390/include/asm/setup.h), which other programs use as well. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ipl.h"
#include "zgdbd/bytes.h"

#define INITRD_PARAMETERS 0x10408 /* start, size */
#define INITRD_PARAMETERS_SIZE 16
#define COMMAND_LINE_MAX 0x10430
#define COMMAND_LINE 0x10480
#define OLD_COMMAND_LINE_MAX 896 /* of images that do not say */

#define INITRD_LOWEST 0x800000ULL
#define INITRD_GAP 0x100000ULL /* the kernel's own data without contents may follow the image */
#define PAGE_MASK 0xfffULL

#define NO_PLACE                                                                                             \
    "leave it out or move the other; if the parameter area is the program's own, link it with its entry at " \
    "0x10000"

/* How many bytes the command line may have, its terminating zero included. */
static uint64_t command_line_limit(const struct ipl_job *job, const struct ipl_area *own)
{
    uint64_t limit = 0;

    if (own && ipl_image_at(job, COMMAND_LINE_MAX, 8))
        limit = load_be64(job->mem->base + COMMAND_LINE_MAX);
    if (!limit)
        limit = OLD_COMMAND_LINE_MAX;
    if (own && limit > own->end - COMMAND_LINE)
        limit = own->end - COMMAND_LINE;
    return limit;
}

static int store_command_line(struct ipl_job *job, bool own_area, struct err *e)
{
    const char *text = job->req->append;
    size_t len = strlen(text);
    const struct ipl_area *own = own_area ? ipl_image_at(job, COMMAND_LINE, 1) : NULL;
    uint64_t limit = command_line_limit(job, own);
    const struct ipl_claim claim = {"the text of", "--append", COMMAND_LINE, len + 1, EXIT_USAGE, NO_PLACE};

    if (len >= limit)
        return err_set(e, EXIT_USAGE,
                       "the command line (--append) has %zu characters; this image takes at most %" PRIu64,
                       len, limit - 1);
    if (!own && ipl_claim(job, &claim, e))
        return -1;
    memcpy(job->mem->base + COMMAND_LINE, text, len + 1);
    return 0;
}

/* The lowest place for that many bytes past the image, where nothing else lies. */
static uint64_t place_initrd(const struct ipl_job *job, uint64_t size)
{
    uint64_t start = INITRD_LOWEST;
    const struct ipl_area *other;

    for (unsigned i = 0; i < job->nimage; i++) {
        uint64_t past = (job->areas[i].end + INITRD_GAP + PAGE_MASK) & ~PAGE_MASK;

        if (past > start)
            start = past;
    }
    /* Ends: the start only grows, and what it has passed it does not meet again. */
    while ((other = ipl_touches(job, start, start + size)))
        start = (other->end + PAGE_MASK) & ~PAGE_MASK;
    return start;
}

static int put_initrd(struct ipl_job *job, const struct ipl_file *f, struct err *e)
{
    uint64_t start = place_initrd(job, f->size);
    const struct ipl_claim claim = {"the initrd", f->path, start, f->size, EXIT_IMAGE, ""};

    if (ipl_claim(job, &claim, e) || ipl_read(f, 0, job->mem->base + start, f->size, e))
        return -1;
    store_be64(job->mem->base + INITRD_PARAMETERS, start);
    store_be64(job->mem->base + INITRD_PARAMETERS + 8, f->size);
    return 0;
}

static int load_initrd(struct ipl_job *job, bool own_area, struct err *e)
{
    const struct ipl_claim claim = {"the address of the",   "--initrd", INITRD_PARAMETERS,
                                    INITRD_PARAMETERS_SIZE, EXIT_USAGE, NO_PLACE};
    struct ipl_file f;
    int rc;

    if (!(own_area && ipl_image_at(job, INITRD_PARAMETERS, INITRD_PARAMETERS_SIZE)) &&
        ipl_claim(job, &claim, e))
        return -1;
    if (ipl_open(job->req->initrd, &f, e))
        return -1;
    rc = put_initrd(job, &f, e);
    close(f.fd);
    return rc;
}

int ipl_load_parameters(struct ipl_job *job, bool own_area, struct err *e)
{
    if (job->req->append && store_command_line(job, own_area, e))
        return -1;
    return job->req->initrd ? load_initrd(job, own_area, e) : 0;
}
