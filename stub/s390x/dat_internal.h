/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of address translation share: the bits of its tables, and the record of a walk. */
#ifndef ZGDBD_DAT_INTERNAL_H
#define ZGDBD_DAT_INTERNAL_H

#include <string.h>

#include "zgdbd/dat.h"

/* Address-space-control element. */
#define ASCE_SUBSPACE_GROUP 0x200ULL
#define ASCE_PRIVATE 0x100ULL
#define ASCE_STORAGE_ALTERATION 0x80ULL
#define ASCE_SPACE_SWITCH 0x40ULL
#define ASCE_REAL_SPACE 0x20ULL

/* Region-table and segment-table entries. */
#define ENTRY_FRAME 0x400ULL /* format control: designates a frame, not a table */
#define ENTRY_PROTECTED 0x200ULL
#define ENTRY_INVALID 0x20ULL
#define ENTRY_COMMON 0x10ULL

/* Of those with a frame. */
#define ENTRY_ACCF_VALID 0x10000ULL /* the following two replace the storage key's */
#define ENTRY_ACC_SHIFT 12
#define ENTRY_FETCH_PROTECTED 0x800ULL

/* Page-table entries, and those with a frame. */
#define ENTRY_NO_EXECUTE 0x100ULL

/* Page-table entries. */
#define PAGE_ZERO 0x800ULL
#define PAGE_INVALID 0x400ULL
#define PAGE_PROTECTED 0x200ULL

/* Access-list designation, a word. */
#define ALD_ORIGIN 0x7fffff80u
#define ALD_LENGTH 0x7fu

/* Access-list entry: the first doubleword, and at last one of the second. */
#define ALE_INVALID 0x8000000000000000ULL
#define ALE_FETCH_ONLY 0x0200000000000000ULL
#define ALE_PRIVATE 0x0100000000000000ULL
#define ALE_ASTE_ORIGIN 0x7fffffc000000000ULL

/* ASN-second-table entry, its first doubleword. */
#define ASTE_INVALID 0x8000000000000000ULL
#define ASTE_AUTHORITY_ORIGIN 0x7ffffffc00000000ULL

/* Keeps why a translation ends with this program interruption, and returns its code. */
static inline int dat_ends(const struct dat_context *ctx, int code, const char *why)
{
    if (ctx->walk)
        ctx->walk->why = why;
    return code;
}

/* Copies a table's entry; false if it does not lie in memory. */
static inline bool dat_fetch(const struct dat_context *ctx, uint64_t absolute, void *buf, unsigned bytes)
{
    if (absolute >= ctx->size || ctx->size - absolute < bytes)
        return false;
    if (!ctx->memory)
        return ctx->read(ctx->reader, absolute, buf, bytes) == bytes;
    memcpy(buf, ctx->memory + absolute, bytes);
    return true;
}

/* The next step of the record, which is yet without a value. NULL if nothing is recorded. */
struct dat_step *dat_record(const struct dat_context *ctx, enum dat_table table, uint64_t index,
                            uint64_t addr);

/* Access-register translation (dat_ar.c): the ASCE that access register ar selects, or a program interruption
 * code. *fetch_only is set where the access-list entry forbids stores. */
int dat_ar_asce(const struct dat_context *ctx, unsigned ar, uint64_t *asce, bool *fetch_only);

#endif
