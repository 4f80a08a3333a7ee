/* SPDX-License-Identifier: GPL-2.0-or-later */
/* printk into the rig's memory, as the kernel does it: for tests of what reads the log. */
#ifndef PRINTK_RIG_H
#define PRINTK_RIG_H

#include "linux_rig.h"

/* struct printk_info as 6.1 and 6.12 have it, and struct prb_desc. */
#define PRINTK_INFO 88u
#define PRINTK_INFO_TEXT_LEN 16u
#define PRINTK_DESC 24u

#define PRINTK_ID_MASK (~0ULL >> 2)

enum {
    PRINTK_RESERVED,
    PRINTK_COMMITTED,
    PRINTK_FINALIZED,
    PRINTK_REUSABLE
};

/* Counters begin where the kernel's do, shortly before they turn over. Addresses are absolute ones. */
struct printk {
    struct linux_rig *r;
    unsigned record_bits, text_bits;
    uint64_t variable, ring, descs, infos, data;
    uint64_t head, tail;           /* ids */
    uint64_t head_lpos, tail_lpos; /* of the texts */
    uint64_t seq;
};

/* Makes an empty log of so many records and bytes of text, and boots the rig with it. */
void printk_open(struct printk *p, struct linux_rig *r, unsigned record_bits, unsigned text_bits);

/* Writes a record, of which the flags are in the five high bits of the byte and the level in the others, a
 * second later than the one before; its id. Old ones go to make room. */
uint64_t printk_say(struct printk *p, const char *text, uint8_t flags_and_level);

/* What is there of the record with this id: */
void printk_state(const struct printk *p, uint64_t id, unsigned state);
void printk_place(const struct printk *p, uint64_t id, uint64_t begin, uint64_t next);
void printk_length(const struct printk *p, uint64_t id, uint16_t len);

/* Writes the words of the ring again. */
void printk_ring(const struct printk *p);

#endif
