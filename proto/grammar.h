/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pieces of which packets' arguments are made. Each function takes its piece from the cursor, or returns
 * false and leaves the rest undefined. Private to proto. */
#ifndef ZGDBD_PROTO_GRAMMAR_H
#define ZGDBD_PROTO_GRAMMAR_H

#include "zgdbd/proto.h"

/* What is left of the payload, or a part of it. *end is writable: a separator, or the byte behind the
 * payload. */
struct cursor {
    char *p;
    char *end;
};

static inline bool at_end(const struct cursor *c)
{
    return c->p == c->end;
}

static inline size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* Take the character, or the text, if it is next; otherwise nothing. */
bool take_char(struct cursor *c, char wanted);
bool take_text(struct cursor *c, const char *wanted);

/* A hex number of at least one digit, at most max; the others by their types' widths. */
bool take_hex(struct cursor *c, uint64_t max, uint64_t *value);
bool take_u32(struct cursor *c, uint32_t *value);
bool take_signal(struct cursor *c, uint8_t *signal);
bool take_fd(struct cursor *c, int *fd);
bool take_pid(struct cursor *c, int64_t *pid);

/* TID, pPID or pPID.TID. All processes and one thread of them, p-1.TID, is an error by the manual. */
bool take_thread(struct cursor *c, struct rsp_thread_id *id);

/* "addr,length", with the given separator, whose end does not pass 2^64. */
bool take_range(struct cursor *c, char separator, uint64_t *addr, uint64_t *len);

/* The token up to the separator, which is taken too, or to the end. */
struct cursor take_token(struct cursor *c, char separator);

/* Decodes hex digits to bytes at to, which is at or before the token; false for an odd or foreign digit. */
bool decode_hex(const struct cursor *token, char *to);

/* Decodes hex digits to a string at to, at or before the token; the byte at the token's end may be
 * overwritten by the NUL. False also for a string that contains a NUL itself. */
bool decode_string(const struct cursor *token, char *to);

#endif
