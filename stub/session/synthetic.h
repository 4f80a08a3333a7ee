/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF files for gdb where the guest has none. */
#ifndef ZGDBD_SESSION_SYNTHETIC_H
#define ZGDBD_SESSION_SYNTHETIC_H

#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t start, end; /* end excluded */
};

/* A program of no bytes, from which gdb learns architecture and byte order. From malloc; NULL without memory,
 * as the other. */
uint8_t *synthetic_program(size_t *size);

/* Says of every address that is in none of the ranges (in any order): outermost frame, caller unknown. */
uint8_t *synthetic_unknown_code(struct range *known, size_t n, size_t *size);

#endif
