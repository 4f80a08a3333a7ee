/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of IPL share: an input file, opened and measured once, and its way into guest memory.
 */
#ifndef ZGDBD_IPL_H
#define ZGDBD_IPL_H

#include "zgdbd/guest.h"

struct ipl_file {
    const char *path;
    int fd;
    uint64_t size; /* at least 1 */
};

/* Reads exactly len bytes at offset; the caller has checked that the file has them. */
int ipl_read(const struct ipl_file *f, uint64_t offset, void *dst, uint64_t len, struct err *e);

/* Loads the segments of an ELF file and fills the PSW and the ranges of *out. *end receives the first address
 * after the segments, the parts without contents included. */
int ipl_load_elf(const struct ipl_file *f, struct guest_memory *mem, struct ipl_result *out, uint64_t *end,
                 struct err *e);

/* The least --memory, in MiB, with which this many bytes of storage exist. */
static inline uint64_t ipl_mib(uint64_t bytes)
{
    return (bytes >> 20) + !!(bytes & 0xfffff);
}

#endif
