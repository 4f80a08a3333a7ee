/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory with hand-made translation tables for the tests of dynamic address translation. Include it after
 * cmocka.h. */
#ifndef DAT_RIG_H
#define DAT_RIG_H

#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"
#include "zgdbd/psw.h"

#define SIZE 0x1000000ULL /* 16 MiB */

/* Where the tables lie. */
#define RFT 0x100000
#define RST 0x104000
#define RTT 0x108000
#define SGT 0x10c000
#define PGT 0x110000

#define LENGTH_3 3 /* a whole table */
#define EDAT 0x800000

/* An address by its indexes. */
#define VIRT(rfx, rsx, rtx, sx, px, bx)                                                                      \
    ((uint64_t)(rfx) << 53 | (uint64_t)(rsx) << 42 | (uint64_t)(rtx) << 31 | (uint64_t)(sx) << 20 |          \
     (uint64_t)(px) << 12 | (bx))

extern struct dat_context ctx;
extern struct dat_result r;
extern const uint64_t
    virt; /* VIRT(5, 6, 7, 8, 9, 0xabc): of absolute 0x234abc by the tables of dat_setup() */

uint8_t *dat_at(uint64_t addr);
void dat_put(uint64_t addr, uint64_t value);

int dat_setup_empty(void **state); /* memory, and DAT on */
int dat_setup(void **state);       /* and region tables down to a page table */
int dat_teardown(void **state);

#endif
