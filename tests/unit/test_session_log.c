/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor dmesg` and `monitor bt`, and answers to monitor commands that are longer than the reply's buffer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "printk_rig.h"
#include "session_rig.h"
#include "zgdbd/bytes.h"

static void linux_in(struct world *w, struct linux_rig *r, struct printk *p, unsigned text_bits)
{
    lrig_in(r, w->fake, RIG_HIGH);
    printk_open(p, r, 6, text_bits);
}

static void test_dmesg(void **state)
{
    struct world *w = *state;
    static struct linux_rig r;
    struct printk p;
    linux_in(w, &r, &p, 12);
    printk_say(&p, "Linux version 6.1", 6);
    printk_say(&p, "Kernel panic - not syncing: tired\nof it", 0);
    assert_string_equal(monitor(w, "dmesg"),
                        "[    0.123456] Linux version 6.1\n"
                        "[    1.123456] Kernel panic - not syncing: tired\n[    1.123456] of it\n");
    printk_say(&p, "End", 0);
    assert_string_equal(monitor(w, "dmesg 1"), "[    2.123456] End\n");
    assert_string_equal(monitor(w, "dmesg 0x2"), "[    1.123456] Kernel panic - not syncing: tired\n"
                                                 "[    1.123456] of it\n[    2.123456] End\n");
    CONTAINS(monitor(w, "dmesg 0"), "usage: monitor dmesg [N]");
    CONTAINS(monitor(w, "dmesg 1 2"), "usage: monitor dmesg [N]");
    CONTAINS(monitor(w, "dmesg all"), "usage: monitor dmesg [N]");
}

static void test_no_linux(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "dmesg"), "no Linux has come so far");
    CONTAINS(monitor(w, "bt"), "CPU 0, unknown stack:\n #0  0000000000010101\n");
    CONTAINS(monitor(w, "bt"), "That is not all: ");
    CONTAINS(monitor(w, "bt 1"), "CPU 1, unknown stack:\n #0  0000000001818181\n");
    CONTAINS(monitor(w, "bt 2"), "There is no CPU \"2\": they are 0 to 1.");
}

/* A frame that has no caller, its registers, and behind a broken chain what looks like one. */
static void test_bt(void **state)
{
    static const uint8_t call[] = {0xc0, 0xe5, 0, 0, 0, 0};
    struct world *w = *state;
    static struct linux_rig r;
    uint64_t stack, pc;
    lrig_in(&r, w->fake, RIG_LOW);
    lrig_put(&r, RIG_KERNEL + 0x100, call, sizeof call);
    lrig_boot(&r);
    stack = lrig_room(&r, 0x4000, 0x4000);
    pc = RIG_KERNEL + 0x106;
    store_be64(w->fake->regs[0][REG_PSWM], PSW_EA | PSW_BA);
    store_be64(w->fake->regs[0][REG_PSWA], pc);
    store_be64(w->fake->regs[0][REG_R0 + 15], stack);
    lrig_put64(&r, stack + 160 + 8, PSW_EA | PSW_BA);
    lrig_put64(&r, stack + 160 + 16, pc + 2);
    lrig_put64(&r, stack + 160 + 24 + 8 * 15, stack + 0x1000);
    lrig_put64(&r, stack + 0x1000 + 152, 3);
    lrig_put64(&r, stack + 0x2000, pc);
    assert_string_equal(monitor(w, "bt"), "CPU 0, unknown stack:\n"
                                          " #0  0000000000002106 panic+0x6/0xf00\n"
                                          " #1  0000000000002108 panic+0x8/0xf00, interrupted\n"
                                          "?#2  0000000000002106 panic+0x6/0xf00\n"
                                          "That is not all: the back chain is no multiple of 8.\n");
}

/* ---- more than fits into the reply's buffer ---- */

/* Empty lines, each of which has its time in front. */
#define LINES_IN_RECORD 1000u
#define LONG_RECORDS 40u

static void long_log(struct world *w, struct linux_rig *r)
{
    static char text[LINES_IN_RECORD];
    struct printk p;
    linux_in(w, r, &p, 16);
    memset(text, '\n', sizeof text - 1);
    for (unsigned i = 0; i < LONG_RECORDS; i++)
        printk_say(&p, text, 6);
}

/* Asks for the log, of which not all fits; the acknowledgement and the first packets wait to be sent. */
static struct session *begin_long(struct world *w, struct linux_rig *r)
{
    char packet[64], framed[80];
    size_t n;
    long_log(w, r);
    n = (size_t)snprintf(packet, sizeof packet, "qRcmd,%02x%02x%02x%02x%02x", 'd', 'm', 'e', 's', 'g');
    n = packet_frame(framed, packet, n);
    assert_int_equal(session_input(w->a.session, framed, n), n);
    assert_true(session_working(w->a.session));
    return w->a.session;
}

/* Takes a packet off what the session puts out, at most `speed` bytes at a time, and lets it work in between.
 */
static void next_packet(struct session *s, struct rsp_parser *parser, size_t speed, struct rsp_item *item)
{
    for (;;) {
        size_t len, used = 0;
        const char *out = session_output(s, &len);
        if (len > speed)
            len = speed;
        item->kind = RSP_ITEM_NONE;
        while (used < len && item->kind != RSP_ITEM_PACKET)
            used += rsp_parser_feed(parser, out + used, len - used, item);
        session_sent(s, used);
        if (item->kind == RSP_ITEM_PACKET)
            return;
        if (session_working(s))
            session_work(s);
        else
            assert_true(len > 0);
    }
}

/* Every line comes, in order, however slowly it is read. */
static void read_long(struct world *w, size_t speed)
{
    static struct linux_rig r;
    struct session *s = begin_long(w, &r);
    struct rsp_parser *parser = &w->a.parser;
    struct rsp_item item;
    size_t lines = 0, len = 0;
    char line[64];
    for (;;) {
        next_packet(s, parser, speed, &item);
        if (item.len == 2 && memcmp(item.payload, "OK", 2) == 0)
            break;
        assert_int_equal(item.payload[0], 'O');
        for (const char *c = text_of(item.payload + 1); *c; c++) {
            assert_true(len < sizeof line - 1);
            line[len++] = *c;
            if (*c != '\n')
                continue;
            line[len] = 0;
            len = 0;
            assert_int_equal(strtoul(line + 1, NULL, 10), lines++ / LINES_IN_RECORD);
            assert_string_equal(line + 6, ".123456] \n");
        }
    }
    assert_int_equal(lines, LINES_IN_RECORD * LONG_RECORDS);
    assert_false(session_working(s));
    CONTAINS(monitor(w, "dmesg 1"), "[   39.123456] \n");
}

static void test_long_answer(void **state)
{
    read_long(*state, SIZE_MAX);
}

static void test_long_answer_read_slowly(void **state)
{
    read_long(*state, 777);
}

/* What comes last is short, and may have room where what comes before it has none. */
static void test_order_of_a_long_answer(void **state)
{
    struct world *w = *state;
    static struct linux_rig r;
    static char lines[1000];
    struct printk p;
    linux_in(w, &r, &p, 16);
    for (unsigned i = 0; i < LONG_RECORDS; i++) {
        memset(lines, '\n', 450 + 7 * i);
        printk_say(&p, lines, 6);
    }
    for (unsigned i = 1; i <= 20; i++) {
        char command[16], end[64];
        const char *text;
        snprintf(end, sizeof end, "%*u", 3 * (int)i, i);
        printk_say(&p, end, 6);
        snprintf(command, sizeof command, "dmesg %u", i + 12 + i % 5);
        text = monitor(w, command);
        assert_memory_equal(text + strlen(text) - 1 - strlen(end), end, strlen(end));
    }
}

/* Ctrl-C ends it with an error, and nothing of it is in the next answer. */
static void test_long_answer_cancelled(void **state)
{
    struct world *w = *state;
    static struct linux_rig r;
    struct session *s = begin_long(w, &r);
    peer_drain(&w->a);
    peer_send(w, &w->a, "\x03", 1);
    assert_string_equal(w->a.reply, "E04");
    assert_false(session_working(s));
    CONTAINS(monitor(w, "dmesg 1"), "[   39.123456] \n");
    assert_null(strstr(monitor(w, "dmesg 1"), "[   38.123456] "));
}

static void test_lost_in_a_long_answer(void **state)
{
    struct world *w = *state;
    static struct linux_rig r;
    begin_long(w, &r);
    peer_again(w, &w->a);
    STARTS("?", "T02");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dmesg),
        TEST(test_no_linux),
        TEST(test_bt),
        TEST(test_long_answer),
        TEST(test_long_answer_read_slowly),
        TEST(test_order_of_a_long_answer),
        TEST(test_long_answer_cancelled),
        TEST(test_lost_in_a_long_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
