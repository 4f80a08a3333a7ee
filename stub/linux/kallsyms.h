/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's tables of its symbols, as they are in its memory: names stay compressed until somebody wants
 * one, since making all of them costs several times what reading them does. */
#ifndef ZGDBD_LINUX_KALLSYMS_H
#define ZGDBD_LINUX_KALLSYMS_H

#include "internal.h"

#define TOKENS 256u /* each byte of a compressed name stands for one */

/* How the addresses are kept. */
enum kallsyms_encoding {
    BASE_RELATIVE,  /* up to 6.19: kallsyms_offsets are u32, to be added to what is at kallsyms_relative_base
                     */
    PLACE_RELATIVE, /* from 7.0 on: they are s32, to be added to the address of each one itself */
    ABSOLUTE,       /* without CONFIG_KALLSYMS_BASE_RELATIVE: kallsyms_addresses are u64 */
};

struct kallsyms_tables {
    size_t n; /* symbols */
    enum kallsyms_encoding encoding;
    uint64_t base;
    uint8_t *addresses; /* in their encoding */
    uint8_t *names;     /* compressed, without their lengths; from malloc, as is the next */
    uint32_t *name_at;  /* n + 1: where each one begins, and ends */
    uint8_t *token_table;
    uint16_t token[TOKENS]; /* where it is; a terminated text */
    uint16_t token_len[TOKENS];
};

/* Reads them into *t, which is empty. -1 with *e, and what t has is to be freed all the same. */
int kallsyms_read(struct linux_guest *g, struct kallsyms_tables *t, struct err *e);
void kallsyms_free(struct kallsyms_tables *t);

/* Of a symbol by its number in the table. */
uint64_t kallsyms_address(const struct kallsyms_tables *t, size_t i);
char kallsyms_type(const struct kallsyms_tables *t, size_t i);

/* Writes the name, terminated; how many bytes that are, 0 if it is none. */
size_t kallsyms_name(const struct kallsyms_tables *t, size_t i, char out[LINUX_NAME_BYTES]);

/* The first one of this name, from number i on; n if there is none. Reads a byte or two of each. */
size_t kallsyms_find(const struct kallsyms_tables *t, const char *name, size_t i);

#endif
