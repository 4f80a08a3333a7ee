/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's log: a ring buffer that is written as printk does, and one that no kernel has written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "printk_rig.h"
#include "zgdbd/bytes.h"

#define RECORD_BITS 4u
#define RECORDS (1u << RECORD_BITS)
#define TEXT_BITS 9u
#define TEXT (1u << TEXT_BITS)

/* ---- reading ---- */

static struct {
    char text[20000];
    size_t n;
    struct linux_log_record last;
} heard;

static void hear(void *ctx, const struct linux_log_record *record)
{
    size_t len = strlen(heard.text);
    assert_ptr_equal(ctx, &heard);
    assert_int_equal(record->text[record->len], 0);
    linux_log_format(record, heard.text + len, sizeof heard.text - len);
    heard.last = *record;
    heard.n++;
}

static const char *log_of(struct linux_rig *r, size_t last)
{
    struct err e = {0};
    memset(&heard, 0, sizeof heard);
    linux_changed(r->g);
    if (linux_log(r->g, last, hear, &heard, &e))
        fail_msg("%s", e.text);
    return heard.text;
}

static void expect_error(struct linux_rig *r, const char *part)
{
    struct err e = {0};
    memset(&heard, 0, sizeof heard);
    linux_changed(r->g);
    assert_int_equal(linux_log(r->g, 0, hear, &heard, &e), -1);
    if (!strstr(e.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, e.text);
}

/* ---- what a kernel has written ---- */

static void empty(void **state)
{
    struct printk p;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    assert_string_equal(log_of(p.r, 0), "");
}

static void records_and_their_lines(void **state)
{
    struct printk p;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    printk_say(&p, "Linux version 6", 2 << 3 | 5);
    printk_say(&p, "two\nlines", 4);
    printk_say(&p, "of it", 8 << 3 | 6);
    assert_string_equal(log_of(p.r, 0),
                        "[    0.123456] Linux version 6\n[    1.123456] two\n[    1.123456] lines\n"
                        "[    2.123456] of it\n");
    assert_int_equal(heard.last.seq, 2);
    assert_int_equal(heard.last.nanoseconds, 2123456789);
    assert_int_equal(heard.last.level, 6);
    assert_int_equal(heard.last.facility, 3);
    assert_true(heard.last.continues);
    log_of(p.r, 1);
    assert_int_equal(heard.n, 1);
    printk_say(&p, "more", 2 << 3 | 6);
    log_of(p.r, 1);
    assert_false(heard.last.continues);
}

static void last_ones(void **state)
{
    struct printk p;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    for (const char *const *word = (const char *const[]){"a", "b", "c", "d", NULL}; *word; word++)
        printk_say(&p, *word, 6);
    assert_string_equal(log_of(p.r, 2), "[    2.123456] c\n[    3.123456] d\n");
    assert_string_equal(log_of(p.r, 1), "[    3.123456] d\n");
    log_of(p.r, 5000);
    assert_int_equal(heard.n, 4);
}

/* Text and records come round several times, at other places; what is left is in order and whole. */
static void rings_come_round(void **state)
{
    struct printk p;
    char text[64];
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "record %u %.*s", i, (int)(i * 7 % 40),
                 "----------------------------------------");
        printk_say(&p, text, 6);
        snprintf(text, sizeof text, "[%5u.123456] record %u ", i, i);
        assert_non_null(strstr(log_of(p.r, 1), text));
        log_of(p.r, 0);
        assert_int_equal(heard.n, ((p.head - p.tail) & PRINTK_ID_MASK) +
                                      (p.tail == (-(uint64_t)(RECORDS + 1) & PRINTK_ID_MASK) ? 0 : 1));
        assert_int_equal(heard.last.seq, i);
        assert_null(strchr(heard.text, '?'));
    }
}

static void states(void **state)
{
    struct printk p;
    uint64_t id;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    printk_say(&p, "first", 6);
    id = printk_say(&p, "second", 6);
    printk_say(&p, "third", 6);
    printk_state(&p, id, PRINTK_COMMITTED);
    assert_non_null(strstr(log_of(p.r, 0), "second"));
    printk_state(&p, id, PRINTK_RESERVED);
    assert_null(strstr(log_of(p.r, 0), "second"));
    assert_non_null(strstr(log_of(p.r, 2), "first"));
    printk_state(&p, id, PRINTK_REUSABLE);
    assert_null(strstr(log_of(p.r, 0), "second"));
    printk_state(&p, (id + RECORDS) & PRINTK_ID_MASK, PRINTK_FINALIZED);
    assert_null(strstr(log_of(p.r, 0), "second"));
    printk_state(&p, id, PRINTK_FINALIZED);
    printk_place(&p, id, 1, 1);
    assert_string_equal(log_of(p.r, 0), "[    0.123456] first\n[    2.123456] third\n");
    printk_place(&p, id, 3, 3);
    assert_string_equal(log_of(p.r, 0), "[    0.123456] first\n[    1.123456] \n[    2.123456] third\n");
}

static void only_printable(void **state)
{
    struct printk p;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    printk_say(&p, "a\tb\x1b[31m\x80\x7f", 6);
    assert_string_equal(log_of(p.r, 0), "[    0.123456] a\tb?[31m??\n");
}

/* A text that ends with the ring is no text at its beginning. */
static void text_up_to_the_end(void **state)
{
    struct printk p;
    uint64_t id;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    id = printk_say(&p, "begin", 6);
    lrig_put(p.r, p.data + TEXT - 16 + 8, "the end.", 8);
    printk_place(&p, id, TEXT - 16, TEXT);
    printk_length(&p, id, 8);
    assert_string_equal(log_of(p.r, 0), "[    0.123456] the end.\n");
}

/* ---- what no kernel has written ---- */

static void no_linux(void **state)
{
    expect_error(*state, "no Linux");
}

static void no_ring(void **state)
{
    lrig_boot(*state);
    expect_error(*state, "SYMBOL(prb)");
}

static void lengths(void **state)
{
    struct printk p;
    uint64_t id;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    id = printk_say(&p, "1234567", 6);
    printk_length(&p, id, 0xffff); /* cut to what the block has */
    log_of(p.r, 0);
    assert_int_equal(heard.last.len, 8);
    printk_place(&p, id, 8, 8);
    log_of(p.r, 0);
    assert_int_equal(heard.n, 0);
    printk_place(&p, id, 16, 8);
    log_of(p.r, 0);
    assert_int_equal(heard.n, 0);
    printk_place(&p, id, 0, 5ULL * TEXT + 16);
    log_of(p.r, 0);
    assert_int_equal(heard.n, 0);
    printk_place(&p, id, 0, 1);
    log_of(p.r, 0);
    assert_int_equal(heard.n, 0);
}

/* Texts may not lie over each other for ever. */
static void too_much_text(void **state)
{
    struct printk p;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    for (unsigned i = 0; i < RECORDS - 1; i++)
        printk_length(&p, printk_say(&p, "x", 6), 0xffff);
    for (uint64_t id = p.tail; id != p.head; id = (id + 1) & PRINTK_ID_MASK)
        printk_place(&p, id, 0, TEXT - 8);
    printk_place(&p, p.head, 0, TEXT - 8);
    expect_error(p.r, "more text than");
}

static void counts(void **state)
{
    struct printk p;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    printk_say(&p, "x", 6);
    lrig_put32(p.r, p.ring, 64);
    expect_error(p.r, "not consistent");
    lrig_put32(p.r, p.ring, 0xffffffff);
    expect_error(p.r, "not consistent");
    lrig_put32(p.r, p.ring, 0);
    expect_error(p.r, "not consistent");
    printk_ring(&p);
    lrig_put32(p.r, p.ring + 48, 63);
    expect_error(p.r, "not consistent");
    lrig_put32(p.r, p.ring + 48, 26);
    expect_error(p.r, "has 64 MiB, and up to 32 are looked through");
    printk_ring(&p);
    lrig_put64(p.r, p.ring + 24, p.tail + RECORDS);
    expect_error(p.r, "not consistent");
    lrig_put64(p.r, p.ring + 24, p.tail - 1);
    expect_error(p.r, "not consistent");
}

static void addresses(void **state)
{
    struct printk p;
    printk_open(&p, *state, RECORD_BITS, TEXT_BITS);
    printk_say(&p, "x", 6);
    lrig_put64(p.r, p.ring + 56, ~0ULL - 100); /* the texts */
    assert_string_equal(log_of(p.r, 0), "[    0.123456] ?\n");
    lrig_put64(p.r, p.ring + 8, 0x123456789000); /* the descriptors */
    log_of(p.r, 0);
    assert_int_equal(heard.n, 0);
    lrig_put64(p.r, p.variable, ~0ULL - 3);
    expect_error(p.r, "translates");
}

/* Offsets outside of their structures, and no size. */
static void layouts(void **state)
{
    static const char *const lines[] = {"OFFSET(printk_info.text_len)=85", "SIZE(prb_desc)=0",
                                        "SIZE(printk_info)=4", "OFFSET(prb_data_blk_lpos.next)=4096",
                                        "OFFSET(printk_info.seq)=5000000000"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct linux_rig *r = lrig_open(RIG_LOW);
        struct printk p;
        lrig_info(r, "%s", lines[i]);
        printk_open(&p, r, RECORD_BITS, TEXT_BITS);
        printk_say(&p, "x", 6);
        expect_error(r, "cannot be read");
        lrig_close(r);
    }
}

/* ---- lines ---- */

static void format_is_cut(void **state)
{
    struct linux_log_record record = {.nanoseconds = 12345678901234567, .text = "ab\ncd", .len = 5};
    char buf[64];
    (void)state;
    assert_int_equal(linux_log_format(&record, buf, sizeof buf), 2 * strlen("[12345678.901234] ab\n"));
    assert_string_equal(buf, "[12345678.901234] ab\n[12345678.901234] cd\n");
    assert_int_equal(linux_log_format(&record, buf, 25), 2 * strlen("[12345678.901234] ab\n"));
    assert_string_equal(buf, "[12345678.901234] ab\n[12");
    assert_int_equal(linux_log_format(&record, NULL, 0), 2 * strlen("[12345678.901234] ab\n"));
    record.len = 0;
    linux_log_format(&record, buf, sizeof buf);
    assert_string_equal(buf, "[12345678.901234] \n");
}

static int setup(void **state)
{
    *state = lrig_open(RIG_HIGH);
    return 0;
}

static int teardown(void **state)
{
    lrig_close(*state);
    return 0;
}

#define LOG(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG(empty),
        LOG(records_and_their_lines),
        LOG(last_ones),
        LOG(rings_come_round),
        LOG(states),
        LOG(only_printable),
        LOG(text_up_to_the_end),
        LOG(no_linux),
        LOG(no_ring),
        LOG(lengths),
        LOG(too_much_text),
        LOG(counts),
        LOG(addresses),
        cmocka_unit_test(layouts),
        cmocka_unit_test(format_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
