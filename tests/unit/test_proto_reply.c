/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reply builder: exact bytes of frames, what happens when they do not fit, and the round trip through the
 * parser. Buffers are heap blocks of exactly their capacity, so that the address sanitizer sees a byte too
 * many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zgdbd/proto.h"

static struct rsp_out out;

static void use_buffer(size_t cap)
{
    free(out.buf);
    rsp_out_init(&out, malloc(cap), cap);
    assert_non_null(out.buf);
}

static int set_up(void **state)
{
    (void)state;
    use_buffer(RSP_OUT_MAX);
    return 0;
}

static int release(void **state)
{
    (void)state;
    free(out.buf);
    out.buf = NULL;
    return 0;
}

/* What is in the buffer, and no more; then empties it. */
static void expect_n(const char *bytes, size_t n)
{
    assert_int_equal(out.len, n);
    assert_memory_equal(out.buf, bytes, n);
    out.len = 0;
}

static void expect(const char *bytes)
{
    expect_n(bytes, strlen(bytes));
}

/* The payload of the one frame in the buffer as a debugger would see it; then empties the buffer. */
static void expect_payload(const void *payload, size_t len)
{
    size_t size = out.cap > 0x80000 ? out.cap : 0x80000;
    char *in = malloc(size);
    struct rsp_parser p;
    struct rsp_item item;

    assert_non_null(in);
    rsp_parser_init(&p, in, size);
    assert_int_equal(rsp_parser_feed(&p, out.buf, out.len, &item), out.len);
    assert_int_equal(item.kind, RSP_ITEM_PACKET);
    assert_int_equal(item.len, len);
    assert_memory_equal(item.payload, payload, len);
    out.len = 0;
    free(in);
}

static void test_whole_replies(void **state)
{
    (void)state;
    assert_int_equal(rsp_reply(&out, "OK"), 0);
    expect("$OK#9a");
    assert_int_equal(rsp_reply(&out, ""), 0);
    expect("$#00");
    assert_int_equal(rsp_error(&out, 1), 0);
    expect("$E01#a6");
    assert_int_equal(rsp_error(&out, 0xff), 0);
    expect("$Eff#11");
    assert_int_equal(rsp_error_text(&out, "no #$}*\n\x80~ page"), 0);
    expect_payload("E.no ??????~ page", 17);
}

static void test_ack_and_reply_in_one_buffer(void **state)
{
    (void)state;
    rsp_ack(&out);
    rsp_reply(&out, "OK");
    rsp_nak(&out);
    rsp_reply(&out, "");
    expect("+$OK#9a-$#00");
}

static void test_layers(void **state)
{
    static const uint8_t regs[] = {0x00, 0x01, 0x7f, 0x80, 0xab, 0xff};

    (void)state;
    rsp_begin(&out, RSP_PLAIN);
    rsp_str(&out, "T");
    rsp_hex_u8(&out, 5);
    rsp_str(&out, "thread:");
    rsp_thread(&out, (struct rsp_thread_id){.pid = 1, .tid = 0x1f}, true);
    rsp_str(&out, ";swbreak:;1:");
    rsp_hex(&out, regs, sizeof regs);
    rsp_str(&out, ";");
    rsp_hex_u64(&out, 0);
    rsp_str(&out, ",");
    rsp_hex_u64(&out, 0xfedcba9876543210);
    rsp_str(&out, ",");
    rsp_hex_u64(&out, 0x100);
    rsp_hex_str(&out, ";go");
    assert_int_equal(rsp_end(&out), 0);
    expect_payload("T05thread:p1.1f;swbreak:;1:00017f80abff;0,fedcba9876543210,1003b676f", 68);
}

static void test_thread_ids(void **state)
{
    (void)state;
    rsp_begin(&out, RSP_PLAIN);
    rsp_thread(&out, (struct rsp_thread_id){.pid = 1, .tid = 2}, false);
    rsp_str(&out, ",");
    rsp_thread(&out, (struct rsp_thread_id){.pid = 1, .tid = RSP_ALL}, true);
    rsp_str(&out, ",");
    rsp_thread(&out, (struct rsp_thread_id){.pid = RSP_ALL, .tid = RSP_ALL}, true);
    rsp_end(&out);
    expect_payload("2,p1.-1,p-1.-1", 14);
}

static void test_begin_drops_an_open_reply(void **state)
{
    (void)state;
    rsp_ack(&out);
    rsp_begin(&out, RSP_RLE);
    rsp_str(&out, "half of a memory block");
    rsp_error(&out, 14);
    rsp_reply(&out, "OK");
    expect("+$E0e#da$OK#9a");
}

static void test_all_bytes_in_hex_and_binary(void **state)
{
    uint8_t all[256];
    char hex[513];

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        all[i] = (uint8_t)i;
        sprintf(hex + 2 * i, "%02x", i);
    }
    rsp_begin(&out, RSP_PLAIN);
    rsp_hex(&out, all, sizeof all);
    rsp_end(&out);
    expect_payload(hex, 512);
    rsp_begin(&out, RSP_PLAIN);
    rsp_binary(&out, all, sizeof all);
    rsp_end(&out);
    assert_int_equal(out.len, 256 + 4 + 4); /* '#', '$', '*' and '}' take two */
    expect_payload(all, 256);
}

static void test_binary_escapes(void **state)
{
    (void)state;
    rsp_begin(&out, RSP_PLAIN);
    rsp_str(&out, "b");
    rsp_binary(&out, "#$}*\003", 5);
    rsp_end(&out);
    expect("$b}\003}\004}]}\n\003#c7");
}

/* The encoding of n equal bytes. */
static void run_of(size_t n, const char *expected)
{
    char text[256] = {0};

    memset(text, '0', n);
    rsp_begin(&out, RSP_RLE);
    rsp_str(&out, text);
    rsp_end(&out);
    assert_int_equal(out.len, strlen(expected) + 4);
    assert_memory_equal(out.buf + 1, expected, strlen(expected));
    expect_payload(text, n);
}

/* The manual's example is "0* " for "0000". Counts '#', '$', '+' and '-' (7, 8, 15 and 17 equal bytes) never
 * appear. */
static void test_run_lengths(void **state)
{
    (void)state;
    run_of(1, "0");
    run_of(3, "000");
    run_of(4, "0* ");
    run_of(6, "0*\"");
    run_of(7, "0*\"0");
    run_of(8, "0*\"00");
    run_of(9, "0*%");
    run_of(14, "0**");
    run_of(15, "0**0");
    run_of(16, "0*,");
    run_of(17, "0*,0");
    run_of(18, "0*.");
    run_of(98, "0*~");
    run_of(99, "0*~0");
    run_of(102, "0*~0* ");
}

static void test_run_lengths_only_on_demand(void **state)
{
    (void)state;
    rsp_begin(&out, RSP_PLAIN);
    rsp_str(&out, "00000000");
    rsp_end(&out);
    expect("$00000000#80");
}

static void test_every_run_length_survives(void **state)
{
    char text[512];

    (void)state;
    for (size_t n = 0; n < 400; n++) {
        memset(text, 'a', n);
        strcpy(text + n, "bcccccc");
        rsp_begin(&out, RSP_RLE);
        rsp_str(&out, text);
        rsp_end(&out);
        for (size_t i = 1; i + 3 < out.len; i++)
            assert_null(memchr("#$+-", out.buf[i], 4));
        expect_payload(text, n + 7);
    }
}

/* Escapes first, runs second: a run of '#' becomes "}\003}\003", which is no run; a run behind '}' or of '}'s
 * prey must come back as it was. */
static void test_run_lengths_after_escapes(void **state)
{
    static const char data[] = "########}}}}}}}}****\003\003\003\003\003\003#\003\003\003\003\003$$$]]]]]]";

    (void)state;
    rsp_begin(&out, RSP_RLE);
    rsp_binary(&out, data, sizeof data - 1);
    rsp_end(&out);
    expect_payload(data, sizeof data - 1);
    rsp_begin(&out, RSP_RLE);
    rsp_binary(&out, "#\003\003\003\003", 5);
    rsp_end(&out);
    assert_memory_equal(out.buf, "$}\003*!#", 6); /* '}' and then 03 with four repeats */
    expect_payload("#\003\003\003\003", 5);
}

static void test_largest_memory_read_fits(void **state)
{
    static uint8_t data[RSP_PACKET_MAX];

    (void)state;
    assert_true(sizeof data / 2 >= 0x10000);
    rsp_ack(&out);
    rsp_begin(&out, RSP_PLAIN);
    rsp_hex(&out, data, sizeof data / 2);
    assert_int_equal(rsp_end(&out), 0);
    assert_int_equal(out.len, 1 + sizeof data + 4);
    out.len = 0;
    memset(data, '$', sizeof data);
    rsp_begin(&out, RSP_RLE);
    rsp_str(&out, "F20000;");
    rsp_binary(&out, data, sizeof data);
    assert_int_equal(rsp_end(&out), 0);
    assert_true(out.len > 2 * sizeof data);
}

static void test_overflow_becomes_an_error(void **state)
{
    (void)state;
    use_buffer(16);
    rsp_ack(&out);
    rsp_begin(&out, RSP_PLAIN);
    rsp_str(&out, "01234567890"); /* 1 + 1 + 11 + 3: full */
    assert_int_equal(rsp_end(&out), 0);
    expect("+$01234567890#3d");
    rsp_ack(&out);
    rsp_begin(&out, RSP_PLAIN);
    rsp_str(&out, "012345678901");
    assert_int_equal(rsp_end(&out), -1);
    expect("+$E5a#db");
    rsp_reply(&out, "OK"); /* and the next one is as if nothing had happened */
    expect("$OK#9a");
}

static void test_overflow_is_sticky(void **state)
{
    (void)state;
    use_buffer(16);
    rsp_begin(&out, RSP_RLE);
    rsp_hex(&out, "abcdefgh", 8);
    rsp_str(&out, "1");
    rsp_hex_u64(&out, 1);
    rsp_binary(&out, "x", 1);
    assert_int_equal(rsp_end(&out), -1);
    expect("$E5a#db");
    rsp_begin(&out, RSP_PLAIN);
    rsp_hex(&out, "", SIZE_MAX / 2 + 2); /* twice this is 2 modulo 2^64 */
    assert_int_equal(rsp_end(&out), -1);
    expect("$E5a#db");
    rsp_begin(&out, RSP_PLAIN);
    rsp_binary(&out, "abcdefghijk#", 12); /* the escape is what does not fit */
    assert_int_equal(rsp_end(&out), -1);
    expect("$E5a#db");
    assert_int_equal(rsp_error_text(&out, "much too long for it"), -1);
    expect("$E5a#db");
}

static void test_no_room_leaves_whole_frames(void **state)
{
    (void)state;
    for (size_t cap = 1; cap < 30; cap++) {
        use_buffer(cap);
        for (unsigned i = 0; i < 4; i++) {
            size_t before = out.len;
            int rc = rsp_reply(&out, "123456");

            if (rc == 0)
                assert_int_equal(out.len, before + 10);
            else if (cap - before >= 7)
                assert_memory_equal(out.buf + before, "$E5a#db", 7);
            else
                assert_int_equal(out.len, before);
        }
        for (unsigned i = 0; i < 30; i++)
            rsp_ack(&out);
        assert_int_equal(out.len, cap);
    }
}

static void test_xfer(void **state)
{
    static const char data[] = "<target>#$}*</target>";
    size_t total = sizeof data - 1;

    (void)state;
    rsp_xfer(&out, data, total, 0, 0x1000);
    expect_payload("l<target>#$}*</target>", total + 1);
    rsp_xfer(&out, data, total, 0, total);
    expect_payload("l<target>#$}*</target>", total + 1);
    rsp_xfer(&out, data, total, 0, 8);
    expect_payload("m<target>", 9);
    rsp_xfer(&out, data, total, 8, UINT64_MAX);
    expect_payload("l#$}*</target>", total - 7);
    rsp_xfer(&out, data, total, total, 10);
    expect("$l#6c");
    rsp_xfer(&out, data, 0, 0, 10);
    expect("$l#6c");
    rsp_xfer(&out, data, total, total + 1, 10);
    expect("$E16#ac");
    rsp_xfer(&out, data, total, UINT64_MAX, 10);
    expect("$E16#ac");
    rsp_xfer(&out, data, total, 3, 0);
    expect("$m#6d");
}

/* Whatever the buffer holds, slices come back to the whole object. */
static void test_xfer_fits_any_buffer(void **state)
{
    static const char data[] = "a###bbbb}}}}}}}}}}}}}}}}}}}}c**$$$$$$end";
    size_t total = sizeof data - 1;

    (void)state;
    for (size_t cap = 7; cap < 100; cap++) {
        size_t at = 0;
        bool last = false;

        use_buffer(cap);
        while (!last) {
            char in[128];
            struct rsp_parser p;
            struct rsp_item item;

            assert_int_equal(rsp_xfer(&out, data, total, at, 1000), 0);
            assert_true(out.len <= cap);
            rsp_parser_init(&p, in, sizeof in);
            rsp_parser_feed(&p, out.buf, out.len, &item);
            assert_int_equal(item.kind, RSP_ITEM_PACKET);
            assert_true(item.len > 1);
            assert_memory_equal(item.payload + 1, data + at, item.len - 1);
            at += item.len - 1;
            last = item.payload[0] == 'l';
            out.len = 0;
        }
        assert_int_equal(at, total);
    }
    use_buffer(6);
    assert_int_equal(rsp_xfer(&out, "#", 1, 0, 1), -1); /* no room for one escaped byte: not an endless "m" */
    assert_int_equal(out.len, 0);
}

static void test_notification(void **state)
{
    (void)state;
    assert_int_equal(rsp_reply(&out, "OK"), 0);
    rsp_begin(&out, RSP_NOTIFICATION);
    rsp_str(&out, "Stop:T05");
    assert_int_equal(rsp_end(&out), 0);
    expect("$OK#9a%Stop:T05#99");
    use_buffer(11);
    rsp_begin(&out, RSP_NOTIFICATION);
    rsp_str(&out, "Stop:T05");
    assert_int_equal(rsp_end(&out), -1); /* an error in its place would be a reply to something else */
    assert_int_equal(out.len, 0);
    assert_int_equal(rsp_reply(&out, "OK"), 0);
    expect("$OK#9a");
}

/* Data of all sizes and mixtures, read whole or in part to where it is encoded. */
static void test_encoded_where_it_was_read(void **state)
{
    static const char head[] = "F0123456789abcdef0123456789abcd;";
    uint8_t data[1500];

    (void)state;
    assert_int_equal(sizeof head - 1, RSP_SPACE_HEAD);
    for (size_t n = 0; n <= sizeof data; n += n < 150 ? 1 : 27) {
        for (unsigned how = 0; how < 16; how++) {
            size_t used = how & 1 ? n : n * 2 / 3;
            char expected[2 * sizeof data + 64];
            size_t len = 0;
            void *place;

            for (size_t i = 0; i < n; i++)
                data[i] = how & 2 ? (uint8_t) "#$*}"[i % 4] : (uint8_t)(i * 29 + n);
            for (size_t i = 0; how & 8 && i < n; i++)
                data[i] = (i + n) % 259 ? 'x' : data[i]; /* long stretches without one */
            use_buffer(1 + RSP_SPACE_HEAD + 2 * n + 3);
            rsp_begin(&out, RSP_PLAIN);
            place = rsp_space(&out, n);
            assert_non_null(place);
            memcpy(place, data, n);
            rsp_str(&out, head);
            memcpy(expected, head, sizeof head - 1);
            len = sizeof head - 1;
            if (how & 4) {
                rsp_hex(&out, place, used);
                for (size_t i = 0; i < used; i++)
                    len += (size_t)sprintf(expected + len, "%02x", data[i]);
            } else {
                rsp_binary(&out, place, used);
                memcpy(expected + len, data, used);
                len += used;
            }
            assert_int_equal(rsp_end(&out), 0);
            expect_payload(expected, len);
        }
    }
}

static void test_no_space(void **state)
{
    (void)state;
    use_buffer(1 + RSP_SPACE_HEAD + 2 * 8 + 3);
    rsp_begin(&out, RSP_PLAIN);
    assert_null(rsp_space(&out, 9));
    assert_int_equal(rsp_end(&out), -1);
    expect("$E5a#db");
    rsp_begin(&out, RSP_PLAIN);
    assert_null(rsp_space(&out, SIZE_MAX));
    assert_int_equal(rsp_end(&out), -1);
    out.len = 0;
    use_buffer(8);
    rsp_begin(&out, RSP_PLAIN);
    assert_null(rsp_space(&out, 0));
    rsp_end(&out);
    use_buffer(RSP_OUT_MAX);
    rsp_ack(&out);
    rsp_begin(&out, RSP_PLAIN);
    assert_non_null(rsp_space(&out, RSP_PACKET_MAX)); /* the largest x */
    rsp_end(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole_replies, set_up, release),
        cmocka_unit_test_setup_teardown(test_ack_and_reply_in_one_buffer, set_up, release),
        cmocka_unit_test_setup_teardown(test_layers, set_up, release),
        cmocka_unit_test_setup_teardown(test_thread_ids, set_up, release),
        cmocka_unit_test_setup_teardown(test_begin_drops_an_open_reply, set_up, release),
        cmocka_unit_test_setup_teardown(test_all_bytes_in_hex_and_binary, set_up, release),
        cmocka_unit_test_setup_teardown(test_binary_escapes, set_up, release),
        cmocka_unit_test_setup_teardown(test_run_lengths, set_up, release),
        cmocka_unit_test_setup_teardown(test_run_lengths_only_on_demand, set_up, release),
        cmocka_unit_test_setup_teardown(test_every_run_length_survives, set_up, release),
        cmocka_unit_test_setup_teardown(test_run_lengths_after_escapes, set_up, release),
        cmocka_unit_test_setup_teardown(test_largest_memory_read_fits, set_up, release),
        cmocka_unit_test_setup_teardown(test_overflow_becomes_an_error, set_up, release),
        cmocka_unit_test_setup_teardown(test_overflow_is_sticky, set_up, release),
        cmocka_unit_test_setup_teardown(test_no_room_leaves_whole_frames, set_up, release),
        cmocka_unit_test_setup_teardown(test_notification, set_up, release),
        cmocka_unit_test_setup_teardown(test_encoded_where_it_was_read, set_up, release),
        cmocka_unit_test_setup_teardown(test_no_space, set_up, release),
        cmocka_unit_test_setup_teardown(test_xfer, set_up, release),
        cmocka_unit_test_setup_teardown(test_xfer_fits_any_buffer, set_up, release),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
