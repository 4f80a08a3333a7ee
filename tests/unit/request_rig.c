/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses payloads in blocks of exactly their size and a byte, which is a digit: the address sanitizer sees a
 * parser that reads or writes past them, and one that reads the byte behind takes it for one of the packet's.
 */
#include "request_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rsp_request req;
static char *payload;

enum rsp_verdict parse_n(const char *s, size_t n)
{
    free(payload);
    payload = malloc(n + 1);
    assert_non_null(payload);
    memcpy(payload, s, n);
    payload[n] = '5';
    memset(&req, 0xa5, sizeof req);
    return rsp_parse_request(payload, n, &req);
}

void ok_n(const char *s, size_t n, enum rsp_kind kind)
{
    if (parse_n(s, n) != RSP_OK)
        fail_msg("%s was refused", s);
    assert_int_equal(req.kind, kind);
}

void ok(const char *s, enum rsp_kind kind)
{
    ok_n(s, strlen(s), kind);
}

void malformed(const char *s, enum rsp_kind kind)
{
    if (parse_n(s, strlen(s)) != RSP_MALFORMED)
        fail_msg("%s was not malformed", s);
    assert_int_equal(req.kind, kind);
}

void unknown(const char *s)
{
    if (parse_n(s, strlen(s)) != RSP_UNKNOWN)
        fail_msg("%s was known", s);
}

int request_release(void **state)
{
    (void)state;
    free(payload);
    payload = NULL;
    return 0;
}
