/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic address translation, as a pure function over control registers and a view of absolute memory
 * (Principles, chapter 3, "Dynamic Address Translation", "Prefixing"). KVM_TRANSLATE does not exist on s390x.
 */
#ifndef ZGDBD_DAT_H
#define ZGDBD_DAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an address of the debugger is meant. */
enum mem_space {
    SPACE_DEFAULT, /* as the PSW says; where that does not translate, through the home ASCE unless CR13 is 0,
                      as the reset leaves it */
    SPACE_PSW,     /* as the PSW says: real if DAT is off */
    SPACE_PRIMARY, /* CR1 */
    SPACE_SECONDARY, /* CR7 */
    SPACE_HOME,      /* CR13; on Linux the kernel's space */
    SPACE_REAL,
    SPACE_ABSOLUTE,
};

/* Program interruption codes with which a translation can end (Principles, chapter 6). */
enum {
    PGM_OPERATION = 0x01,
    PGM_PRIVILEGED_OPERATION = 0x02,
    PGM_ADDRESSING = 0x05,
    PGM_SPECIFICATION = 0x06,
    PGM_SEGMENT_TRANSLATION = 0x10,
    PGM_PAGE_TRANSLATION = 0x11,
    PGM_TRANSLATION_SPECIFICATION = 0x12,
    PGM_ASCE_TYPE = 0x38,
    PGM_REGION_FIRST_TRANSLATION = 0x39,
    PGM_REGION_SECOND_TRANSLATION = 0x3a,
    PGM_REGION_THIRD_TRANSLATION = 0x3b,
};

/* What translation looks at. Memory is the guest's absolute storage from 0 to size, contiguous, owned by the
 * caller. */
struct dat_context {
    const uint8_t *memory;
    uint64_t size;
    uint64_t psw_mask;
    uint64_t cr[16];
    uint64_t prefix; /* multiple of 8 KiB; ignored where the prefix area does not lie inside memory */
    bool edat2;      /* facility 78: 2 GiB frames */
};

struct dat_result {
    uint64_t absolute;
    uint64_t left;  /* bytes from there to the end of the frame (4 KiB, 1 MiB or 2 GiB; for real and absolute
                       addresses up to where prefixing changes or memory ends), at least 1 */
    uint64_t asce;  /* the ASCE that was used; 0 for real and absolute */
    bool protected; /* some table entry forbids stores */
};

/* Translates addr, after wrapping it to the PSW's addressing mode unless space is SPACE_ABSOLUTE. Returns 0
 * and fills *out, or returns the program interruption code of the failed access (SPACE_DEFAULT: that of the
 * PSW's space). The absolute address returned lies inside memory. Access-register mode is taken as primary
 * space. */
int dat_translate(const struct dat_context *ctx, enum mem_space space, uint64_t addr, struct dat_result *out);

/* The ASCE with which SPACE_PSW would translate; *real is set where DAT is off (the value is then 0). */
uint64_t dat_psw_asce(const struct dat_context *ctx, bool *real);

/* Copies up to len bytes from addr on; returns how many were readable from the start on (0 if the first is
 * not). Addresses wrap as in dat_translate. */
size_t dat_read(const struct dat_context *ctx, enum mem_space space, uint64_t addr, void *buf, size_t len);

/* Applies (real to absolute) prefixing: the 8 KiB at 0 and at the prefix swap. */
uint64_t dat_real_to_absolute(const struct dat_context *ctx, uint64_t real);

#endif
