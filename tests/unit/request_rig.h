/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of requests share: parse a payload, and say what is to become of it. */
#ifndef REQUEST_RIG_H
#define REQUEST_RIG_H

#include "zgdbd/proto.h"

extern struct rsp_request req; /* what the last payload was parsed to; its pointers live until the next */

enum rsp_verdict parse_n(const char *s, size_t n);
void ok_n(const char *s, size_t n, enum rsp_kind kind);
void ok(const char *s, enum rsp_kind kind);
void malformed(const char *s, enum rsp_kind kind);
void unknown(const char *s);

/* A group's teardown. */
int request_release(void **state);

#endif
