/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that take long: searches and checksums of memory, their results at the borders of what is read at
 * once, and what happens to everything else that comes while they go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_rig.h"
#include "zgdbd/log.h"

#define END (FAKE_LOGICAL + FAKE_MEMORY)
/* No end is to be reached. */
#define FOREVER "qSearch:memory:100000;ffffffffffe00000;nowhere"

static const char *search(struct world *w, uint64_t addr, uint64_t len, const void *pattern, size_t n)
{
    char *packet = malloc(64 + n);
    size_t head = (size_t)sprintf(packet, "qSearch:memory:%llx;%llx;", (unsigned long long)addr,
                                  (unsigned long long)len);
    memcpy(packet + head, pattern, n);
    const char *reply = peer_ask(w, &w->a, packet, head + n);
    free(packet);
    return reply;
}

/* Puts the text there, and expects it to be found when the search begins at the start of memory. */
static void expect_found(struct world *w, uint64_t addr, const char *text)
{
    char reply[40];
    memcpy(w->fake->memory + (addr - FAKE_LOGICAL), text, strlen(text));
    snprintf(reply, sizeof reply, "1,%llx", (unsigned long long)addr);
    assert_string_equal(search(w, FAKE_LOGICAL, FAKE_MEMORY, text, strlen(text)), reply);
    memset(w->fake->memory + (addr - FAKE_LOGICAL), 0, strlen(text));
}

static void test_search(void **state)
{
    struct world *w = *state;
    assert_string_equal(search(w, FAKE_LOGICAL, 256, "\x05\x06\x07", 3), "1,100005");
    assert_string_equal(search(w, FAKE_LOGICAL + 6, 0x1000, "\x05\x06\x07", 3), "1,100100");
    assert_string_equal(search(w, FAKE_LOGICAL, 8, "\x05\x06\x07", 3), "1,100005");
    assert_string_equal(search(w, FAKE_LOGICAL, 7, "\x05\x06\x07", 3), "0");
    assert_string_equal(search(w, FAKE_LOGICAL, 2, "\x05\x06\x07", 3), "0");
    assert_string_equal(search(w, 0, 2, "\x05\x06\x07", 3), "0"); /* too short for it: nothing is read */
    assert_string_equal(search(w, FAKE_LOGICAL, FAKE_MEMORY, "zyx", 3), "0");
    EXPECT("Qqemu.PhyMemMode:1", "OK");
    assert_string_equal(search(w, 0, 256, "\x05\x06\x07", 3), "1,5");
}

/* Wherever memory is cut into pieces, by pages or by what is read at once. */
static void test_search_across_borders(void **state)
{
    struct world *w = *state;
    memset(w->fake->memory, 0, FAKE_MEMORY);
    for (uint64_t border = FAKE_LOGICAL + 0x1000; border < END; border += 0x1000) {
        expect_found(w, border - 1, "needle");
        expect_found(w, border - 5, "needle");
    }
    expect_found(w, FAKE_LOGICAL, "needle");
    expect_found(w, END - 6, "needle");
    expect_found(w, END - 1, "n");
}

/* The n bytes at from, wherever they come first. */
static void expect_first(struct world *w, size_t from, size_t n)
{
    char reply[40];
    const uint8_t *at = memmem(w->fake->memory, FAKE_MEMORY, w->fake->memory + from, n);
    snprintf(reply, sizeof reply, "1,%zx", FAKE_LOGICAL + (size_t)(at - w->fake->memory));
    assert_string_equal(search(w, FAKE_LOGICAL, FAKE_MEMORY, w->fake->memory + from, n), reply);
}

/* In memory where the pattern's bytes are everywhere, or nearly nowhere. */
static void test_search_among_the_alike(void **state)
{
    struct world *w = *state;
    uint32_t seed = 1;
    for (unsigned few = 0; few < 3; few++) {
        for (size_t i = 0; i < FAKE_MEMORY; i++) {
            seed = seed * 1103515245 + 12345;
            w->fake->memory[i] = few == 2 ? 0 : "xy\0\0\0\0\0\0"[seed >> 28 & (few ? 7 : 1)];
        }
        for (size_t n = 1; n < 400; n += n / 4 + 1)
            expect_first(w, FAKE_MEMORY - 1000 * (few + 1), n);
    }
}

/* Longer than all that is read at once. */
static void test_search_for_a_long_pattern(void **state)
{
    struct world *w = *state;
    size_t n = 0x1f000;
    char *pattern = malloc(n);
    memset(w->fake->memory, 0, FAKE_MEMORY);
    for (size_t i = 0; i < n; i++)
        pattern[i] = (char)('a' + i % 17);
    memcpy(w->fake->memory + 0x10ffe, pattern, n);
    assert_string_equal(search(w, FAKE_LOGICAL, FAKE_MEMORY, pattern, n), "1,110ffe");
    w->fake->memory[0x10ffe + n - 1]++;
    assert_string_equal(search(w, FAKE_LOGICAL, FAKE_MEMORY, pattern, n), "0");
    free(pattern);
}

/* As gdbserver: what is found before it counts, else it is an error. */
static void test_search_comes_to_the_end_of_memory(void **state)
{
    struct world *w = *state;
    assert_string_equal(search(w, 0, 256, "\x05\x06\x07", 3), "E0e");
    assert_string_equal(search(w, FAKE_LOGICAL, 1ull << 60, "zyx", 3), "E0e");
    memcpy(w->fake->memory + FAKE_MEMORY - 3, "zyx", 3);
    assert_string_equal(search(w, FAKE_LOGICAL, 1ull << 60, "zyx", 3), "1,12fffd");
    assert_string_equal(search(w, FAKE_LOGICAL, ~0ull - FAKE_LOGICAL + 1, "zyx", 3), "1,12fffd");
    ask(w, ALL_FEATURES);
    CONTAINS(search(w, END - 8, 9, "foo", 3), "E.not found before");
}

static uint32_t crc_bit_by_bit(const uint8_t *data, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < 8 * n; i++) {
        uint32_t bit = data[i / 8] >> (7 - i % 8) & 1;
        crc = (crc << 1) ^ ((crc >> 31 ^ bit) ? 0x04c11db7 : 0);
    }
    return crc;
}

static void test_crc(void **state)
{
    struct world *w = *state;
    static const uint32_t lengths[] = {1, 2, 3, 5, 0x1001, 0x10000, 0x10001, 0x2fffd};
    char packet[64], reply[16];
    memcpy(w->fake->memory + 1, "123456789", 9);
    EXPECT("qCRC:100001,9", "C376e6e7"); /* CRC-32/MPEG-2's check value */
    EXPECT("qCRC:100001,0", "Cffffffff");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        snprintf(packet, sizeof packet, "qCRC:100003,%x", lengths[i]);
        snprintf(reply, sizeof reply, "C%x", crc_bit_by_bit(w->fake->memory + 3, lengths[i]));
        EXPECT(packet, reply);
    }
    EXPECT("qCRC:100003,2fffe", "E0e");
    EXPECT("qCRC:0,1", "E0e");
}

/* ---- while it goes on ---- */

static struct world *begin_forever(struct world *w)
{
    size_t len;
    w->fake->endless = true;
    char packet[128];
    size_t n = packet_frame(packet, FOREVER, strlen(FOREVER));
    assert_int_equal(session_input(w->a.session, packet, n), n);
    assert_true(session_working(w->a.session));
    assert_memory_equal(session_output(w->a.session, &len), "+", 1);
    session_sent(w->a.session, len);
    session_work(w->a.session);
    peer_drain(&w->a); /* it may have lived long enough for a sign of it */
    return w;
}

static size_t unsent(const struct world *w)
{
    size_t len;
    session_output(w->a.session, &len);
    return len;
}

static void test_what_comes_meanwhile(void **state)
{
    struct world *w = begin_forever(*state);
    struct session *s = w->a.session;
    /* Acknowledgements are taken, and a '-' brings no reply of an earlier request. */
    assert_int_equal(session_input(s, "+--+$!#21\x03", 10), 4);
    assert_int_equal(session_input(s, "$!#21\x03", 6), 0);
    assert_int_equal(unsent(w), 0);
    assert_true(session_working(s));
    assert_int_equal(session_input(s, "\x03", 1), 1);
    assert_false(session_working(s));
    /* The guest, which stands, has nothing to do with it. */
    assert_int_equal(w->fake->interrupts, 0);
    peer_drain(&w->a);
    assert_string_equal(w->a.reply, "E04");
    assert_string_equal(peer_send(w, &w->a, "-", 1), "E04");
    assert_string_equal(peer_send(w, &w->a, "$!#21\x03", 6), "OK");
}

static void test_an_interrupt_says_so(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    begin_forever(w);
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "E.interrupted");
}

/* gdb takes an acknowledgement between packets as a sign that somebody is there. */
static void test_signs_of_life(void **state)
{
    struct world *w = begin_forever(*state);
    size_t len;
    session_input(w->a.session, "\x03", 1);
    peer_drain(&w->a);
    EXPECT("QStartNoAckMode", "OK");
    char packet[128];
    size_t n = packet_frame(packet, FOREVER, strlen(FOREVER));
    assert_int_equal(session_input(w->a.session, packet, n), n);
    while (!unsent(w))
        session_work(w->a.session);
    assert_memory_equal(session_output(w->a.session, &len), "+", 1);
    assert_int_equal(len, 1);
}

static void test_the_connection_is_lost(void **state)
{
    struct world *w = begin_forever(*state);
    peer_again(w, &w->a);
    w->fake->endless = false;
    EXPECT("qSearch:memory:100000;10;\x05", "1,100005");
}

static void test_the_daemon_ends(void **state)
{
    struct world *w = begin_forever(*state);
    target_quit(w->target, EXIT_SHUTDOWN);
    session_work(w->a.session);
    assert_false(session_working(w->a.session));
    peer_drain(&w->a);
    assert_string_equal(w->a.reply, "E10");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_search),
        TEST(test_search_across_borders),
        TEST(test_search_among_the_alike),
        TEST(test_search_for_a_long_pattern),
        TEST(test_search_comes_to_the_end_of_memory),
        TEST(test_crc),
        TEST(test_what_comes_meanwhile),
        TEST(test_an_interrupt_says_so),
        TEST(test_signs_of_life),
        TEST(test_the_connection_is_lost),
        TEST(test_the_daemon_ends),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
