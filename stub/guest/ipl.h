/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of IPL share: an input file, opened and measured once, and the list of what lies where in
 * guest memory, in which no two things may overlap. */
#ifndef ZGDBD_IPL_H
#define ZGDBD_IPL_H

#include "zgdbd/guest.h"

/* Where a Linux image starts, and its parameter area. */
#define LINUX_ENTRY 0x10000
#define LINUX_MAGIC_AT 0x10008
#define LINUX_KERNEL 0x100000

struct ipl_file {
    const char *path;
    int fd;
    uint64_t size; /* at least 1 */
};

/* Something in guest memory: "WHAT PATH" names it for messages. */
struct ipl_area {
    const char *what;
    const char *path;
    uint64_t start;
    uint64_t end;
};

/* Segments, extra files, arguments, initrd and its address. */
#define IPL_MAX_AREAS (IPL_MAX_SEGMENTS + IPL_MAX_EXTRAS + 3)

/* One call of ipl_load. */
struct ipl_job {
    const struct ipl_request *req;
    struct guest_memory *mem;
    struct ipl_result *out;
    unsigned nimage; /* how many of the areas are the image's: the first ones */
    unsigned nareas;
    struct ipl_area areas[IPL_MAX_AREAS];
};

/* What is claimed, and what to say if it cannot be. */
struct ipl_claim {
    const char *what;
    const char *path;
    uint64_t start;
    uint64_t size;
    enum exit_status status;
    const char *advice; /* against an overlap, and an end past the highest address */
};

/* ---- ipl_file.c ---- */

/* Opens a regular file that is not empty. An image may be packed by gzip: then *f is what it unpacks to. */
int ipl_open(const char *path, struct ipl_file *f, struct err *e);
int ipl_open_image(const char *path, uint64_t memory, struct ipl_file *f, struct err *e);

/* Reads exactly len bytes at offset; the caller has checked that the file has them. */
int ipl_read(const struct ipl_file *f, uint64_t offset, void *dst, uint64_t len, struct err *e);

/* ---- ipl.c ---- */

/* Adds an area, of at least one byte, that must lie in memory and touch no other. */
int ipl_claim(struct ipl_job *job, const struct ipl_claim *claim, struct err *e);

/* The part of the image in which all of these bytes lie, or NULL. */
const struct ipl_area *ipl_image_at(const struct ipl_job *job, uint64_t start, uint64_t size);

/* The first of the areas that touches these bytes, or NULL. */
const struct ipl_area *ipl_touches(const struct ipl_job *job, uint64_t start, uint64_t end);

/* Notes that code lies there as it will be executed. */
void ipl_add_range(struct ipl_result *out, uint64_t start, uint64_t end);

/* The least --memory, in MiB, with which this many bytes of storage exist. */
static inline uint64_t ipl_mib(uint64_t bytes)
{
    return (bytes >> 20) + !!(bytes & 0xfffff);
}

/* ---- ipl_elf.c ---- */

bool ipl_is_elf(const struct ipl_file *f, struct err *e, int *rc);

/* Loads the segments of an ELF file, fills the ranges of the result and *entry. */
int ipl_load_elf(struct ipl_job *job, const struct ipl_file *f, uint64_t *entry, struct err *e);

/* ---- ipl_params.c ---- */

/* Command line and initrd. own_area: the parameter area in the image is for them. */
int ipl_load_parameters(struct ipl_job *job, bool own_area, struct err *e);

#endif
