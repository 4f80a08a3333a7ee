/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Initial program load: brings an image and what goes with it into guest memory and says at which PSW to
 * start. Everything is read straight into place, but only after its place was claimed: what lies in memory
 * fits there and overlaps nothing else. The Linux part follows arch/s390/boot/head.S and
 * include/asm/setup.h, and QEMU's hw/s390x/ipl.c. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ipl.h"

static const char linux_magic[] = {'S', '3', '9', '0', 'E', 'P'};

/* ---- what lies where ---- */

const struct ipl_area *ipl_touches(const struct ipl_job *job, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < job->nareas; i++)
        if (start < job->areas[i].end && end > job->areas[i].start)
            return &job->areas[i];
    return NULL;
}

const struct ipl_area *ipl_image_at(const struct ipl_job *job, uint64_t start, uint64_t size)
{
    for (unsigned i = 0; i < job->nimage; i++)
        if (start >= job->areas[i].start && start + size <= job->areas[i].end)
            return &job->areas[i];
    return NULL;
}

int ipl_claim(struct ipl_job *job, const struct ipl_claim *c, struct err *e)
{
    uint64_t end = c->start + c->size;
    const struct ipl_area *other;

    if (end < c->start)
        return err_set(e, c->status, "%s %s, at 0x%" PRIx64 ", goes past the highest address; %s", c->what,
                       c->path, c->start, c->advice);
    if (end > job->mem->size)
        return err_set(e, c->status,
                       "%s %s (0x%" PRIx64 "-0x%" PRIx64 ") does not fit into the guest's %" PRIu64
                       " MiB of memory; give at least --memory %" PRIu64 "M",
                       c->what, c->path, c->start, end, job->mem->size >> 20, ipl_mib(end));
    other = ipl_touches(job, c->start, end);
    if (other)
        return err_set(
            e, c->status,
            "%s %s (0x%" PRIx64 "-0x%" PRIx64 ") and %s %s (0x%" PRIx64 "-0x%" PRIx64 ") overlap; %s",
            c->what, c->path, c->start, end, other->what, other->path, other->start, other->end, c->advice);
    job->areas[job->nareas++] = (struct ipl_area){c->what, c->path, c->start, end};
    return 0;
}

void ipl_add_range(struct ipl_result *out, uint64_t start, uint64_t end)
{
    out->ranges[out->nranges++] = (struct ipl_range){start, end};
}

/* ---- the image ---- */

/* A file as a whole, and as it is. */
static int load_whole(struct ipl_job *job, const struct ipl_file *f, const char *what, uint64_t address,
                      const char *advice, struct err *e)
{
    const struct ipl_claim claim = {what, f->path, address, f->size, EXIT_IMAGE, advice};

    if (ipl_claim(job, &claim, e))
        return -1;
    ipl_add_range(job->out, address, address + f->size);
    return ipl_read(f, 0, job->mem->base + address, f->size, e);
}

static int check_raw(const struct ipl_file *f, struct err *e)
{
    char magic[sizeof linux_magic];

    if (f->size < LINUX_MAGIC_AT + sizeof magic)
        return err_set(e, EXIT_IMAGE,
                       "%s is neither an s390x ELF nor a Linux image: it has %" PRIu64
                       " bytes, fewer than the start of an image; a flat binary needs --load-address",
                       f->path, f->size);
    if (ipl_read(f, LINUX_MAGIC_AT, magic, sizeof magic, e))
        return -1;
    if (memcmp(magic, linux_magic, sizeof magic) != 0)
        return err_set(e, EXIT_IMAGE,
                       "%s is neither an s390x ELF nor a Linux image: no \"S390EP\" stands at offset 0x%x; "
                       "give the kernel's arch/s390/boot/bzImage, an ELF executable, or --load-address for a "
                       "flat binary",
                       f->path, LINUX_MAGIC_AT);
    return 0;
}

/* *start receives the image's own entry. */
static int load_image(struct ipl_job *job, const struct ipl_file *f, uint64_t *start, struct err *e)
{
    int rc;

    if (job->req->flat) {
        *start = job->req->load_address;
        return load_whole(job, f, "the image", *start, "choose another --load-address", e);
    }
    job->out->elf = ipl_is_elf(f, e, &rc);
    if (rc)
        return -1;
    if (job->out->elf)
        return ipl_load_elf(job, f, start, e);
    *start = LINUX_ENTRY;
    return check_raw(f, e) ? -1 : load_whole(job, f, "the image", 0, "", e);
}

static int open_and_load_image(struct ipl_job *job, uint64_t *start, struct err *e)
{
    struct ipl_file f;
    int rc;

    if (ipl_open_image(job->req->image, job->mem->size, &f, e))
        return -1;
    rc = load_image(job, &f, start, e);
    job->nimage = job->nareas;
    close(f.fd);
    return rc;
}

static int load_extras(struct ipl_job *job, struct err *e)
{
    for (unsigned i = 0; i < job->req->nextras; i++) {
        const struct ipl_extra *extra = &job->req->extras[i];
        struct ipl_file f;
        int rc;

        if (ipl_open(extra->path, &f, e))
            return -1;
        rc = load_whole(job, &f, "the file", extra->addr, "choose another address with --load", e);
        close(f.fd);
        if (rc)
            return -1;
    }
    return 0;
}

/* ---- the start ---- */

static int set_start(const struct ipl_job *job, uint64_t start, struct err *e)
{
    const struct ipl_request *req = job->req;

    if (req->has_psw) {
        job->out->psw = req->psw;
        return 0;
    }
    if (req->has_entry) {
        start = req->entry;
        if (start >= job->mem->size)
            return err_set(e, EXIT_USAGE,
                           "--entry 0x%" PRIx64 " lies outside the guest's %" PRIu64 " MiB of memory", start,
                           job->mem->size >> 20);
    }
    if (start & 1)
        return err_set(e, EXIT_USAGE,
                       "the guest cannot start at 0x%" PRIx64 " (%s): instruction addresses are even%s",
                       start, req->has_entry ? "--entry" : "--load-address",
                       req->has_entry ? "" : "; say with --entry where it starts");
    job->out->psw = (struct psw){PSW_EA | PSW_BA, start};
    return 0;
}

/* Memory is asked, but only where the image was loaded: what else lies there may be of an earlier guest. */
static bool is_linux(const struct ipl_job *job)
{
    return ipl_image_at(job, LINUX_MAGIC_AT, sizeof linux_magic) &&
           !memcmp(job->mem->base + LINUX_MAGIC_AT, linux_magic, sizeof linux_magic);
}

int ipl_load(const struct ipl_request *req, struct guest_memory *mem, struct ipl_result *out, struct err *e)
{
    struct ipl_job job = {.req = req, .mem = mem, .out = out};
    uint64_t start;
    bool kernel;

    *out = (struct ipl_result){0};
    if (open_and_load_image(&job, &start, e) || load_extras(&job, e))
        return -1;
    kernel = is_linux(&job);
    if (kernel && !req->flat)
        start = LINUX_ENTRY;
    if (set_start(&job, start, e))
        return -1;
    if (ipl_load_parameters(&job, kernel || start == LINUX_ENTRY || out->psw.addr == LINUX_ENTRY, e))
        return -1;
    if (kernel) {
        out->kernel_start = LINUX_KERNEL;
        out->nranges = 0;
    }
    return 0;
}
