/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The prefix area, field by field: what the architecture keeps at the 8 KiB from real address 0 on
 * (Principles, chapter 3, "Assigned Storage Locations"), with its names. Pure functions over bytes that a
 * guest wrote. */
#ifndef ZGDBD_LOWCORE_H
#define ZGDBD_LOWCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOWCORE_SIZE 0x2000u

/* How the bytes of a field are shown. */
enum lowcore_form {
    LOWCORE_NUMBER, /* of up to 8 bytes; longer ones are in groups of 8 */
    LOWCORE_WORDS,  /* groups of 4 bytes */
    LOWCORE_PSW,
    LOWCORE_EXTERNAL_CODE,
    LOWCORE_ILC,
    LOWCORE_PROGRAM_CODE,
    LOWCORE_PER_CODE,
    LOWCORE_TEID,
    LOWCORE_SUBSYSTEM,
    LOWCORE_MACHINE_CHECK,
    LOWCORE_CLOCK_COMPARATOR, /* 7 bytes: bits 0 to 55 */
};

struct lowcore_field {
    uint16_t at; /* offset */
    uint16_t bytes;
    enum lowcore_form form;
    const char *name;
};

extern const struct lowcore_field lowcore_fields[]; /* in the order of their offsets */
extern const size_t lowcore_nfields;

/* Whether all bytes of the field are zero. lowcore is LOWCORE_SIZE bytes in this and the next. */
bool lowcore_is_zero(const struct lowcore_field *f, const uint8_t *lowcore);

/* The value of a field, decoded where that says more than the number. A long field is several lines: 64 bytes
 * to a line, each behind two blanks. Returns buf, terminated; 1400 bytes hold every one. */
char *lowcore_describe(const struct lowcore_field *f, const uint8_t *lowcore, char *buf, size_t size);

#endif
