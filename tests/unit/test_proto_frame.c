/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame parser against whole, cut, pipelined and broken input. Frames are written out or come from
 * packet.c, with a checksum of our own, so that the builder cannot hide the parser's faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"
#include "zgdbd/proto.h"

#define MAX_ITEMS 64

/* What a stream was parsed to. Payloads are copied, since the parser's buffer is used again. */
struct seen {
    unsigned count;
    struct {
        enum rsp_item_kind kind;
        char payload[256];
        size_t len;
    } items[MAX_ITEMS];
};

static char in_buf[RSP_IN_SIZE];

/* Feeds the n bytes at s, chunk bytes at a time, and notes every item. */
static void feed(struct rsp_parser *p, const char *s, size_t n, size_t chunk, struct seen *seen)
{
    for (size_t at = 0; at < n;) {
        size_t want = chunk < n - at ? chunk : n - at;
        struct rsp_item item;
        size_t used = rsp_parser_feed(p, s + at, want, &item);

        assert_in_range(used, 1, want);
        at += used;
        if (item.kind == RSP_ITEM_NONE) {
            assert_int_equal(used, want);
            continue;
        }
        assert_true(seen->count < MAX_ITEMS);
        seen->items[seen->count].kind = item.kind;
        seen->items[seen->count].len = item.len;
        if (item.kind == RSP_ITEM_PACKET) {
            assert_int_equal(item.payload[item.len], 0);
            assert_true(item.len < sizeof seen->items[0].payload);
            memcpy(seen->items[seen->count].payload, item.payload, item.len + 1);
        } else {
            assert_null(item.payload);
        }
        seen->count++;
    }
}

/* The items of a stream that a parser with a buffer of size bytes sees, in one chunk. */
static struct seen parse_n(const char *s, size_t n, size_t size)
{
    struct rsp_parser p;
    struct seen seen = {0};

    rsp_parser_init(&p, in_buf, size);
    feed(&p, s, n, n, &seen);
    return seen;
}

static struct seen parse(const char *s)
{
    return parse_n(s, strlen(s), sizeof in_buf);
}

static void expect(const struct seen *seen, unsigned i, enum rsp_item_kind kind)
{
    assert_true(i < seen->count);
    assert_int_equal(seen->items[i].kind, kind);
}

static void expect_packet(const struct seen *seen, unsigned i, const char *payload, size_t len)
{
    expect(seen, i, RSP_ITEM_PACKET);
    assert_int_equal(seen->items[i].len, len);
    assert_memory_equal(seen->items[i].payload, payload, len);
}

static struct seen parse_framed(const char *payload, size_t len, size_t size)
{
    char buf[1024];

    assert_true(len + 5 < sizeof buf);
    return parse_n(buf, packet_frame(buf, payload, len), size);
}

static void test_packet(void **state)
{
    struct seen seen = parse("$g#67");

    (void)state;
    assert_int_equal(seen.count, 1);
    expect_packet(&seen, 0, "g", 1);
    seen = parse("$OK#9A"); /* digits of either case */
    expect_packet(&seen, 0, "OK", 2);
}

static void test_empty_packet(void **state)
{
    struct seen seen = parse("$#00");

    (void)state;
    assert_int_equal(seen.count, 1);
    expect_packet(&seen, 0, "", 0);
}

static void test_between_packets(void **state)
{
    struct seen seen = parse("+-\003$g#67+\003\003-$#00noise\r\n$g#67");

    (void)state;
    assert_int_equal(seen.count, 10);
    expect(&seen, 0, RSP_ITEM_ACK);
    expect(&seen, 1, RSP_ITEM_NAK);
    expect(&seen, 2, RSP_ITEM_INTERRUPT);
    expect_packet(&seen, 3, "g", 1);
    expect(&seen, 4, RSP_ITEM_ACK);
    expect(&seen, 5, RSP_ITEM_INTERRUPT);
    expect(&seen, 6, RSP_ITEM_INTERRUPT);
    expect(&seen, 7, RSP_ITEM_NAK);
    expect_packet(&seen, 8, "", 0);
    expect_packet(&seen, 9, "g", 1);
}

static void test_control_bytes_inside_are_data(void **state)
{
    static const char payload[] = "X0,5:\003+-%\0";
    struct seen seen = parse_framed(payload, 10, sizeof in_buf);

    (void)state;
    assert_int_equal(seen.count, 1);
    expect_packet(&seen, 0, payload, 10);
}

static void test_cut_at_every_byte(void **state)
{
    static const char stream[] = "+$X0,2:}\003\003#a3\003$0*,#86-$#00$bad#00%Stop:T05#aa$c#63";
    struct seen whole = parse(stream);
    size_t n = strlen(stream);

    (void)state;
    assert_int_equal(whole.count, 8);
    expect_packet(&whole, 1, "X0,2:#\003", 7);
    expect_packet(&whole, 3, "0000000000000000", 16);
    expect(&whole, 6, RSP_ITEM_BAD_CHECKSUM);
    expect_packet(&whole, 7, "c", 1);
    for (size_t cut = 1; cut < n; cut++) {
        struct rsp_parser p;
        struct seen seen = {0};

        rsp_parser_init(&p, in_buf, sizeof in_buf);
        feed(&p, stream, cut, cut, &seen);
        feed(&p, stream + cut, n - cut, n - cut, &seen);
        assert_memory_equal(&seen, &whole, sizeof seen);
        memset(&seen, 0, sizeof seen);
        rsp_parser_init(&p, in_buf, sizeof in_buf);
        feed(&p, stream, n, cut, &seen);
        assert_memory_equal(&seen, &whole, sizeof seen);
    }
}

static void test_pipelined(void **state)
{
    struct seen seen = parse("$?#3f$qC#b4$g#67\003$vCont;c#a8");

    (void)state;
    assert_int_equal(seen.count, 5);
    expect_packet(&seen, 0, "?", 1);
    expect_packet(&seen, 1, "qC", 2);
    expect_packet(&seen, 2, "g", 1);
    expect(&seen, 3, RSP_ITEM_INTERRUPT);
    expect_packet(&seen, 4, "vCont;c", 7);
}

static void test_one_item_per_call(void **state)
{
    static const char stream[] = "$g#67$g#67";
    struct rsp_parser p;
    struct rsp_item item;

    (void)state;
    rsp_parser_init(&p, in_buf, sizeof in_buf);
    assert_int_equal(rsp_parser_feed(&p, stream, 10, &item), 5);
    assert_int_equal(item.kind, RSP_ITEM_PACKET);
    assert_int_equal(rsp_parser_feed(&p, stream, 0, &item), 0);
    assert_int_equal(item.kind, RSP_ITEM_NONE);
}

static void test_bad_checksum(void **state)
{
    static const char *const bad[] = {"$g#68", "$g#6x", "$g#x7", "$g#  ", "$g#76", "$g##6", "$#01"};
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char stream[32];

        snprintf(stream, sizeof stream, "%s$g#67", bad[i]);
        seen = parse(stream);
        assert_int_equal(seen.count, 2);
        expect(&seen, 0, RSP_ITEM_BAD_CHECKSUM);
        expect_packet(&seen, 1, "g", 1);
    }
}

static void test_no_ack_ignores_checksums(void **state)
{
    struct rsp_parser p;
    struct seen seen = {0};

    (void)state;
    rsp_parser_init(&p, in_buf, sizeof in_buf);
    p.no_ack = true;
    feed(&p, "$g#00$c#zz", 10, 10, &seen);
    assert_int_equal(seen.count, 2);
    expect_packet(&seen, 0, "g", 1);
    expect_packet(&seen, 1, "c", 1);
}

static void test_dollar_restarts(void **state)
{
    struct seen seen = parse("$m0,1$g#67$m0*$g#67");

    (void)state;
    assert_int_equal(seen.count, 2);
    expect_packet(&seen, 0, "g", 1);
    expect_packet(&seen, 1, "g", 1);
    seen = parse("$g#$c#63$g#6$c#63"); /* cut in the checksum */
    assert_int_equal(seen.count, 4);
    expect(&seen, 0, RSP_ITEM_BAD_CHECKSUM);
    expect_packet(&seen, 1, "c", 1);
    expect(&seen, 2, RSP_ITEM_BAD_CHECKSUM);
    expect_packet(&seen, 3, "c", 1);
}

static void test_notification_is_skipped(void **state)
{
    struct seen seen = parse("%Stop:T05#00$g#67%x#$c#63%y$c#63");

    (void)state;
    assert_int_equal(seen.count, 3);
    expect_packet(&seen, 0, "g", 1);
    expect_packet(&seen, 1, "c", 1);
    expect_packet(&seen, 2, "c", 1);
}

static void test_too_long(void **state)
{
    struct seen seen = parse_n("$12345678#a4$123456789#dd+$g#67", 31, 9);

    (void)state;
    assert_int_equal(seen.count, 4);
    expect_packet(&seen, 0, "12345678", 8); /* exactly full */
    expect(&seen, 1, RSP_ITEM_TOO_LONG);
    expect(&seen, 2, RSP_ITEM_ACK);
    expect_packet(&seen, 3, "g", 1);
    seen = parse_n("$123456789#de$g#67", 18, 9);
    assert_int_equal(seen.count, 2);
    expect(&seen, 0, RSP_ITEM_BAD_CHECKSUM);
    seen = parse_n("$123456789$g#67", 15, 9); /* and then cut off */
    assert_int_equal(seen.count, 1);
    expect_packet(&seen, 0, "g", 1);
}

static void test_too_long_run(void **state)
{
    struct seen seen = parse_framed("0*!0*!", 6, 9); /* '!': four repeats; ten bytes */

    (void)state;
    assert_int_equal(seen.count, 1);
    expect(&seen, 0, RSP_ITEM_TOO_LONG);
    seen = parse_framed("0*!0* ", 6, 9 + 1); /* nine bytes */
    expect_packet(&seen, 0, "000000000", 9);
    seen = parse_framed("0*~0*~*~", 8, 9);
    expect(&seen, 0, RSP_ITEM_TOO_LONG);
}

static void test_packet_of_advertised_size(void **state)
{
    static char big[RSP_PACKET_MAX + 16];
    struct rsp_parser p;
    struct rsp_item item;
    size_t n;

    (void)state;
    assert_true(RSP_PACKET_MAX >= 0x10000);
    for (size_t extra = 0; extra < 2; extra++) {
        n = RSP_PACKET_MAX + extra;
        big[0] = '$';
        memset(big + 1, 'a', n);
        sprintf(big + 1 + n, "#%02x", (unsigned)(n * 'a') & 0xff);
        rsp_parser_init(&p, in_buf, sizeof in_buf);
        assert_int_equal(rsp_parser_feed(&p, big, n + 4, &item), n + 4);
        assert_int_equal(item.kind, extra ? RSP_ITEM_TOO_LONG : RSP_ITEM_PACKET);
        if (!extra)
            assert_int_equal(item.len, RSP_PACKET_MAX);
    }
}

static void test_checksum_is_modulo_256(void **state)
{
    static char payload[900];
    struct seen seen;
    char buf[1024];
    size_t n;

    (void)state;
    memset(payload, 0xff, sizeof payload);
    for (size_t len = 0; len < 200; len++) {
        seen = parse_framed(payload, len, sizeof in_buf);
        expect_packet(&seen, 0, payload, len);
    }
    n = packet_frame(buf, payload, sizeof payload);
    buf[n - 1] ^= 1;
    seen = parse_n(buf, n, sizeof in_buf);
    expect(&seen, 0, RSP_ITEM_BAD_CHECKSUM);
}

/* Every lane and block of the sum, and what is left over: bytes that the protocol gives no meaning. */
static void test_checksum_of_any_length(void **state)
{
    static char frame[20005];
    struct rsp_parser p;
    struct rsp_item item;
    unsigned sum = 0;

    (void)state;
    for (size_t len = 0; len <= sizeof frame - 5; len++) {
        if (len < 200 || len > sizeof frame - 50) {
            rsp_parser_init(&p, in_buf, sizeof in_buf);
            frame[0] = '$';
            snprintf(frame + 1 + len, 4, "#%02x", sum & 0xff);
            assert_int_equal(rsp_parser_feed(&p, frame, len + 4, &item), len + 4);
            assert_int_equal(item.kind, RSP_ITEM_PACKET);
        }
        frame[1 + len] = (char)(0x80 | (len * len >> 3));
        sum += (uint8_t)frame[1 + len];
    }
}

static void test_escapes(void **state)
{
    struct seen seen = parse_framed("X}\003}\004}]}\012}}", 11, sizeof in_buf);

    (void)state;
    expect_packet(&seen, 0, "X#$}*]", 6);
    seen = parse_framed("ab}", 3, sizeof in_buf);
    assert_int_equal(seen.count, 1);
    expect(&seen, 0, RSP_ITEM_MALFORMED);
    seen = parse_n("$ab}#40+$g#67", 13, sizeof in_buf);
    assert_int_equal(seen.count, 3);
    expect(&seen, 0, RSP_ITEM_MALFORMED);
    expect_packet(&seen, 2, "g", 1);
}

/* A run is undone before escapes are: a run may repeat the escaped byte, the escape itself, or be escape's
 * prey. */
static void test_runs_before_escapes(void **state)
{
    struct seen seen = parse_framed("0* ", 3, sizeof in_buf);

    (void)state;
    expect_packet(&seen, 0, "0000", 4);
    seen = parse_framed("}\003* ", 4, sizeof in_buf); /* '}' 03 03 03 03 */
    expect_packet(&seen, 0, "#\003\003\003", 4);
    seen = parse_framed("}* ", 3, sizeof in_buf); /* '}' four times: two escaped 5d */
    expect_packet(&seen, 0, "]]", 2);
    seen = parse_framed("}*!\004", 4, sizeof in_buf); /* '}' five times, then 04 */
    expect_packet(&seen, 0, "]]$", 3);
    seen = parse_framed("a*}", 3, sizeof in_buf); /* here '}' is a count, 96 */
    assert_int_equal(seen.items[0].len, 97);
    seen = parse_framed("a***", 4, sizeof in_buf); /* and here '*' is one: 13; then a '*' without */
    expect(&seen, 0, RSP_ITEM_MALFORMED);
    seen = parse_framed("a**", 3, sizeof in_buf);
    expect_packet(&seen, 0, "aaaaaaaaaaaaaa", 14);
    seen = parse_framed("a*+b*-", 6, sizeof in_buf);
    expect_packet(&seen, 0, "aaaaaaaaaaaaaaabbbbbbbbbbbbbbbbb", 32);
}

static void test_bad_runs(void **state)
{
    static const char *const bad[] = {"* ", "a*", "a*\037", "a*\177", "a*\377", "a*\003"};
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char stream[32];
        size_t n = packet_frame(stream, bad[i], strlen(bad[i]));

        strcpy(stream + n, "$g#67");
        seen = parse(stream);
        assert_int_equal(seen.count, 2);
        expect(&seen, 0, RSP_ITEM_MALFORMED);
        expect_packet(&seen, 1, "g", 1);
    }
    seen = parse_framed("a*\000", 3, sizeof in_buf);
    expect(&seen, 0, RSP_ITEM_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packet),
        cmocka_unit_test(test_empty_packet),
        cmocka_unit_test(test_between_packets),
        cmocka_unit_test(test_control_bytes_inside_are_data),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_one_item_per_call),
        cmocka_unit_test(test_bad_checksum),
        cmocka_unit_test(test_no_ack_ignores_checksums),
        cmocka_unit_test(test_dollar_restarts),
        cmocka_unit_test(test_notification_is_skipped),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_too_long_run),
        cmocka_unit_test(test_packet_of_advertised_size),
        cmocka_unit_test(test_checksum_is_modulo_256),
        cmocka_unit_test(test_checksum_of_any_length),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_runs_before_escapes),
        cmocka_unit_test(test_bad_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
