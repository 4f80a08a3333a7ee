/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame parser: cuts a stream of bytes into packets, acks and interrupts, whatever the chunks it arrives
 * in. It owns nothing but its state; the buffer is the caller's, and it must not grow, block or lose the line
 * on bad input. */
#include "zgdbd/proto.h"

#include <string.h>

#include "checksum.h"

#define INTERRUPT 0x03

void rsp_parser_init(struct rsp_parser *p, char *buf, size_t size)
{
    memset(p, 0, sizeof *p);
    p->buf = buf;
    p->cap = size - 1;
    p->state = RSP_IDLE;
}

static void start_frame(struct rsp_parser *p, bool notification)
{
    p->state = RSP_PAYLOAD;
    p->len = 0;
    p->sum = 0;
    p->too_long = false;
    p->malformed = false;
    p->notification = notification;
}

/* Undoes escapes in place: '}' and a byte is that byte xor 0x20. Returns the new length, or -1 if the last
 * '}' has no byte. Most packets have none, which memchr finds out fastest. */
static long unescape(char *s, size_t n)
{
    char *end = s + n;
    char *in = memchr(s, '}', n);
    char *out = in;

    if (!in)
        return (long)n;
    while (in < end) {
        char c = *in++;

        if (c == '}') {
            if (in == end)
                return -1;
            c = (char)(*in++ ^ 0x20);
        }
        *out++ = c;
    }
    return out - s;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool checksum_is(const struct rsp_parser *p, char low)
{
    int high_digit = hex_digit(p->digit), low_digit = hex_digit(low);

    return high_digit >= 0 && low_digit >= 0 && (high_digit << 4 | low_digit) == p->sum;
}

/* The frame is complete with its last checksum digit. */
static void end_frame(struct rsp_parser *p, char digit, struct rsp_item *item)
{
    long len;

    p->state = RSP_IDLE;
    if (p->notification)
        return;
    if (!p->no_ack && !checksum_is(p, digit)) {
        item->kind = RSP_ITEM_BAD_CHECKSUM;
        return;
    }
    if (p->too_long) {
        item->kind = RSP_ITEM_TOO_LONG;
        return;
    }
    len = p->malformed ? -1 : unescape(p->buf, p->len);
    if (len < 0) {
        item->kind = RSP_ITEM_MALFORMED;
        return;
    }
    p->buf[len] = '\0';
    item->kind = RSP_ITEM_PACKET;
    item->payload = p->buf;
    item->len = (size_t)len;
}

/* Appends the bytes up to the next '#', '$' or '*', or to the end. Returns how many there were. */
static size_t take_literal(struct rsp_parser *p, const char *s, size_t n)
{
    size_t k = 0;

    while (k < n && s[k] != '#' && s[k] != '$' && s[k] != '*')
        k++;
    p->sum = (uint8_t)(p->sum + rsp_checksum(s, k));
    if (k > p->cap - p->len)
        p->too_long = true;
    if (!p->too_long) {
        memcpy(p->buf + p->len, s, k);
        p->len += k;
    }
    return k;
}

/* c is the count behind a '*': repeats of the byte before, plus 29 to be printable. */
static void take_run(struct rsp_parser *p, char c)
{
    size_t repeats = (size_t)(uint8_t)c - 29;

    if (c < ' ' || c > '~' || p->len == 0) {
        p->malformed = true;
    } else if (repeats > p->cap - p->len) {
        p->too_long = true;
    } else if (!p->too_long) {
        memset(p->buf + p->len, p->buf[p->len - 1], repeats);
        p->len += repeats;
    }
}

/* c is one of '#', '$' and '*' in the payload, or the byte behind a '*'. '#' and '$' end a frame even as a
 * run's count, where the protocol forbids them. */
static void take_special(struct rsp_parser *p, char c)
{
    bool is_count = p->state == RSP_RUN;

    if (c == '$') {
        start_frame(p, false);
        return;
    }
    if (c == '#') {
        p->malformed |= is_count;
        p->state = RSP_CHECKSUM1;
        return;
    }
    p->sum = (uint8_t)(p->sum + (uint8_t)c);
    p->state = is_count ? RSP_PAYLOAD : RSP_RUN;
    if (is_count)
        take_run(p, c);
}

static void take_between(struct rsp_parser *p, char c, struct rsp_item *item)
{
    switch (c) {
    case '$':
    case '%':
        start_frame(p, c == '%');
        break;
    case '+':
        item->kind = RSP_ITEM_ACK;
        break;
    case '-':
        item->kind = RSP_ITEM_NAK;
        break;
    case INTERRUPT:
        item->kind = RSP_ITEM_INTERRUPT;
        break;
    default:
        break;
    }
}

/* A '$' instead of a checksum digit is the next packet; the one before was cut. */
static void take_checksum(struct rsp_parser *p, char c, struct rsp_item *item)
{
    if (c == '$') {
        if (!p->notification)
            item->kind = RSP_ITEM_BAD_CHECKSUM;
        start_frame(p, false);
    } else if (p->state == RSP_CHECKSUM1) {
        p->digit = c;
        p->state = RSP_CHECKSUM2;
    } else {
        end_frame(p, c, item);
    }
}

size_t rsp_parser_feed(struct rsp_parser *p, const void *data, size_t n, struct rsp_item *item)
{
    const char *s = data;
    size_t i = 0;

    *item = (struct rsp_item){.kind = RSP_ITEM_NONE};
    while (i < n && item->kind == RSP_ITEM_NONE) {
        switch (p->state) {
        case RSP_IDLE:
            take_between(p, s[i++], item);
            break;
        case RSP_PAYLOAD:
            i += take_literal(p, s + i, n - i);
            if (i < n)
                take_special(p, s[i++]);
            break;
        case RSP_RUN:
            take_special(p, s[i++]);
            break;
        case RSP_CHECKSUM1:
        case RSP_CHECKSUM2:
            take_checksum(p, s[i++], item);
            break;
        }
    }
    return i;
}
