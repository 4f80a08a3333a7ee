/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, vmcoreinfo and kallsyms of a Linux guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux_rig.h"
#include "zgdbd/bytes.h"

static int setup_high(void **state)
{
    *state = lrig_open(RIG_HIGH);
    return 0;
}

static int setup_low(void **state)
{
    *state = lrig_open(RIG_LOW);
    return 0;
}

static int teardown(void **state)
{
    lrig_close(*state);
    return 0;
}

static const struct linux_facts *facts(struct linux_rig *r)
{
    linux_changed(r->g);
    return linux_facts(r->g);
}

/* What linux_symbolise() says. */
static const char *words(struct linux_rig *r, uint64_t addr)
{
    static char text[LINUX_NAME_BYTES + 64];

    return linux_symbolise(r->g, addr, text, sizeof text);
}

static uint64_t kernel(const struct linux_rig *r, uint64_t at)
{
    return lrig_virtual(r, RIG_KERNEL + at);
}

static void expect_error(struct linux_rig *r, const char *part)
{
    const struct linux_symbol *list;
    struct err e = {0};
    size_t n = 1;

    linux_changed(r->g);
    assert_int_equal(linux_symbols(r->g, &list, &n, &e), -1);
    assert_int_equal(n, 0);
    if (!strstr(e.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, e.text);
}

/* ---- where it stands ---- */

static void nothing_there(void **state)
{
    assert_int_equal(facts(*state)->state, LINUX_UNKNOWN);
    expect_error(*state, "0xe0c");
    assert_string_equal(words(*state, 0x1234), "0x1234");
}

/* First the odd word, then the address of a note that is still empty, then the note. */
static void states_in_their_order(void **state)
{
    struct linux_rig *r = *state;
    uint8_t word[8];

    lrig_put64(r, 0xe0c, 0x4d254001);
    assert_int_equal(facts(r)->state, LINUX_PLACED);
    assert_false(facts(r)->has_kaslr); /* it is mapped nowhere */
    lrig_without_cr(r);
    assert_true(facts(r)->has_kaslr);
    assert_int_equal(facts(r)->kaslr_offset, 0x4d254000);
    lrig_put64(r, 0xe0c, 0x20000);
    assert_int_equal(facts(r)->state, LINUX_PLACED);
    assert_int_equal(facts(r)->kaslr_offset, 0x4d254000);
    lrig_boot(r);
    assert_int_equal(facts(r)->state, LINUX_READABLE);
    assert_int_equal(facts(r)->kaslr_offset, kernel(r, 0));
    memcpy(word, r->fake->memory + 0xe0c, 8);
    lrig_put64(r, 0xe0c, 0);
    assert_int_equal(linux_facts(r->g)->state, LINUX_READABLE);
    assert_int_equal(facts(r)->state, LINUX_UNKNOWN);
    lrig_put(r, 0xe0c, word, 8);
    linux_reset(r->g);
    assert_int_equal(linux_facts(r->g)->state, LINUX_READABLE);
}

/* Nor does what is no place of a kernel make one: storage that is full of garbage. */
static void garbage_is_no_place(void **state)
{
    static const uint64_t words[] = {0xa0601912174db0bb, 0x4d254801, 0x20000000000001, UINT64_MAX,
                                     0xdeadbeef};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        lrig_put64(*state, 0xe0c, words[i]);
        assert_int_equal(facts(*state)->state, LINUX_UNKNOWN);
        assert_false(facts(*state)->has_kaslr);
    }
}

/* What was known of a placed kernel does not outlive a reset. */
static void reset_forgets(void **state)
{
    struct linux_rig *r = *state;

    lrig_put64(r, 0xe0c, 0x4d254001);
    assert_int_equal(facts(r)->state, LINUX_PLACED);
    lrig_put64(r, 0xe0c, 0x20000);
    linux_reset(r->g);
    assert_int_equal(facts(r)->state, LINUX_UNKNOWN);
}

static void what_the_text_tells(void **state)
{
    struct linux_rig *r = *state;
    const struct linux_facts *f;
    uint64_t value;

    lrig_info(r, "NUMBER(one)=16");
    lrig_info(r, "NUMBER(minus)=-2");
    lrig_info(r, "SYMBOL(prb)=10");
    lrig_info(r, "OFFSET(list_head.next)=8");
    lrig_info(r, "SIZE(none)=");
    lrig_boot(r);
    f = facts(r);
    assert_string_equal(f->release, "6.1.0-rig");
    assert_string_equal(f->build_id, "0123456789abcdef0123456789abcdef01234567");
    assert_int_equal(f->note, r->note);
    assert_int_equal(f->text_len, r->text_len);
    assert_int_equal(f->has_phys_offset, r->virt == RIG_HIGH);
    if (f->has_phys_offset)
        assert_int_equal(f->phys_offset, RIG_KERNEL);
    assert_true(linux_vmcoreinfo(r->g, "NUMBER(one)", &value) && value == 16);
    assert_true(linux_vmcoreinfo(r->g, "NUMBER(minus)", &value) && value == (uint64_t)-2);
    assert_true(linux_vmcoreinfo(r->g, "SYMBOL(prb)", &value) && value == 0x10);
    assert_true(linux_vmcoreinfo(r->g, "OFFSET(list_head.next)", &value) && value == 8);
    assert_true(linux_vmcoreinfo(r->g, "PAGESIZE", &value) && value == 4096);
    assert_false(linux_vmcoreinfo(r->g, "SIZE(none)", &value));
    assert_false(linux_vmcoreinfo(r->g, "SYMBOL(pr", &value));
    assert_false(linux_vmcoreinfo(r->g, "RELEASE", &value));
}

/* A note that is none, or longer than memory, or says what no kernel does. */
static void damaged_notes(void **state)
{
    struct linux_rig *r = *state;

    lrig_boot(r);
    lrig_put32(r, r->note, 12);
    assert_int_equal(facts(r)->state, LINUX_UNKNOWN);
    lrig_put32(r, r->note, 11);
    assert_int_equal(facts(r)->state, LINUX_READABLE);
    lrig_put(r, r->note + 12, "VMCOREINF0", 10);
    assert_int_equal(facts(r)->state, LINUX_UNKNOWN);
    lrig_put(r, r->note + 12, "VMCOREINFO", 10);
    for (unsigned i = 0; i < 3; i++) {
        static const uint32_t sizes[] = {0, 0x10001, 0xffffffff};
        lrig_put32(r, r->note + 4, sizes[i]);
        assert_int_equal(facts(r)->state, LINUX_UNKNOWN);
    }
    lrig_put32(r, r->note + 4, (uint32_t)r->text_len);
    lrig_put(r, r->note + 24 + 15, "\x01", 1);
    assert_int_equal(facts(r)->state, LINUX_UNKNOWN);
    lrig_put64(r, 0xe0c, FAKE_MEMORY - 8);
    assert_int_equal(facts(r)->state, LINUX_UNKNOWN);
}

/* os_info: magic, checksum, and after 16 bytes of crashkernel entries of 20. */
static uint64_t put_os_info(struct linux_rig *r)
{
    uint64_t at = lrig_room(r, 4096, 4096), sum = 0;

    lrig_put64(r, at, 0x4f53494e464f535aULL);
    lrig_put64(r, at + 32 + 4 * 20, 0);
    lrig_put64(r, at + 32 + 5 * 20, 0x2b01ff28000);
    lrig_put64(r, at + 32 + 6 * 20, 0x2c28000);
    for (unsigned i = 12; i < 4096; i += 4)
        sum += load_be32(r->fake->memory + at + i);
    lrig_put32(r, at + 8, (uint32_t)((sum & 0xffffffff) + (sum >> 32)));
    lrig_put64(r, 0xe18, at);
    return at;
}

static void os_info_tells(void **state)
{
    struct linux_rig *r = *state;
    uint64_t at = put_os_info(r);

    assert_int_equal(facts(r)->state, LINUX_PLACED);
    assert_int_equal(facts(r)->kaslr_offset, 0x2b01ff28000);
    assert_int_equal(facts(r)->phys_offset, 0x2c28000);
    lrig_put32(r, at + 8, 0);
    assert_int_equal(facts(r)->state, LINUX_UNKNOWN);
}

/* ---- memory ---- */

static void reads_through_home_space(void **state)
{
    struct linux_rig *r = *state;
    uint8_t buf[16];
    uint64_t value;
    uint32_t half;
    char text[8];

    lrig_put64(r, 0x20000, 0x0123456789abcdef);
    assert_true(linux_read_u64(r->g, lrig_virtual(r, 0x20000), &value) && value == 0x0123456789abcdef);
    assert_true(linux_read_u32(r->g, lrig_virtual(r, 0x20000), &half) && half == 0x01234567);
    assert_int_equal(linux_read(r->g, lrig_virtual(r, FAKE_MEMORY - 4), buf, sizeof buf), 4);
    assert_false(linux_read_u64(r->g, lrig_virtual(r, FAKE_MEMORY - 4), &value));
    assert_int_equal(linux_read(r->g, lrig_virtual(r, FAKE_MEMORY), buf, sizeof buf), 0);
    lrig_put(r, 0x20000,
             "a\x80"
             "bcdefghi",
             9);
    assert_true(linux_read_string(r->g, lrig_virtual(r, 0x20000), text, sizeof text));
    assert_string_equal(text, "a?bcdef");
    assert_false(linux_read_string(r->g, lrig_virtual(r, FAKE_MEMORY), text, sizeof text));
    assert_string_equal(text, "");
}

/* Whatever the CPU's addressing mode is, the kernel's addresses have 64 bits. */
static void reads_in_31_bit_mode(void **state)
{
    struct linux_rig *r = *state;
    uint64_t value;

    r->fake->dat.psw_mask = PSW_BA;
    lrig_put64(r, 0x20000, 77);
    assert_true(linux_read_u64(r->g, lrig_virtual(r, 0x20000), &value) && value == 77);
}

/* A dump without control registers: the kernel's own table. */
static void reads_by_swapper_pg_dir(void **state)
{
    struct linux_rig *r = *state;
    uint64_t value;

    lrig_boot(r);
    lrig_without_cr(r);
    lrig_put64(r, 0x20000, 77);
    assert_true(linux_read_u64(r->g, lrig_virtual(r, 0x20000), &value) && value == 77);
    assert_string_equal(words(r, kernel(r, 0x104)), "panic+0x4/0xf00");
}

/* No table at all: real addresses. */
static void reads_before_dat(void **state)
{
    struct linux_rig *r = *state;
    uint64_t value;

    lrig_without_cr(r);
    lrig_put64(r, 0x20000, 77);
    assert_true(linux_read_u64(r->g, 0x20000, &value) && value == 77);
    r->fake->dat.prefix = 0x20000;
    assert_true(linux_read_u64(r->g, 0, &value) && value == 77);
    assert_true(linux_read_u64(r->g, 0x20000, &value) && value == 0);
}

/* ---- kallsyms ---- */

static void symbols_of_all_kinds(void **state)
{
    struct linux_rig *r = *state;
    const struct linux_symbol *list;
    struct linux_symbol s;
    char longest[LINUX_NAME_BYTES];
    uint64_t addr;
    size_t n;

    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    lrig_symbol(r, "vfs_read", 't', kernel(r, 0x200));
    lrig_symbol(r, longest, 'W', kernel(r, 0x300));
    lrig_boot(r);
    assert_int_equal(linux_symbols(r->g, &list, &n, NULL), 0);
    assert_int_equal(n, 5);
    for (size_t i = 1; i < n; i++)
        assert_true(list[i - 1].addr < list[i].addr);
    assert_true(linux_symbol_named(r->g, "vfs_read", &addr) && addr == kernel(r, 0x200));
    assert_true(linux_symbol_named(r->g, longest, &addr) && addr == kernel(r, 0x300));
    assert_false(linux_symbol_named(r->g, "vfs_rea", &addr));
    assert_true(linux_symbol_at(r->g, kernel(r, 0x2ff), &s));
    assert_string_equal(s.name, "vfs_read");
    assert_int_equal(s.type, 't');
    assert_null(s.module);
    assert_string_equal(words(r, kernel(r, 0x2ff)), "vfs_read+0xff/0x100");
    assert_true(linux_symbol_at(r->g, kernel(r, 0x300), &s));
    assert_string_equal(s.name, longest);
}

/* Of several at one address the first is told, and behind the end of the code there is none. */
static void aliases_and_ends(void **state)
{
    struct linux_rig *r = *state;
    struct linux_symbol s;
    uint64_t addr;

    lrig_symbol(r, "first", 'T', kernel(r, 0x80));
    lrig_symbol(r, "second", 'T', kernel(r, 0x80));
    lrig_symbol(r, "sinittext", 'T', kernel(r, 0x2000));
    lrig_boot(r);
    assert_string_equal(words(r, kernel(r, 0x84)), "first+0x4/0x80");
    assert_true(linux_symbol_named(r->g, "second", &addr) && addr == kernel(r, 0x80));
    assert_true(linux_symbol_at(r->g, kernel(r, 0xfff), &s));
    assert_false(linux_symbol_at(r->g, kernel(r, 0x1004), &s));
    assert_false(linux_symbol_at(r->g, kernel(r, 0x2004), &s));
    assert_false(linux_symbol_at(r->g, kernel(r, 0) - 1, &s));
}

/* The first symbols are made one by one, later all at once: the answers are the same. */
static void many_lookups(void **state)
{
    struct linux_rig *r = *state;
    uint64_t addr;
    size_t n;

    lrig_symbol(r, "first", 'T', kernel(r, 0x80));
    lrig_symbol(r, "second", 'T', kernel(r, 0x80));
    lrig_boot(r);
    assert_int_equal(linux_symbol_count(r->g, &n, NULL), 0);
    assert_int_equal(n, 5);
    for (unsigned i = 0; i < 600; i++) {
        assert_string_equal(words(r, kernel(r, 0x84)), "first+0x4/0x80");
        assert_string_equal(words(r, kernel(r, 0xfff)), "panic+0xeff/0xf00");
        assert_int_equal(*words(r, kernel(r, 0x1004)), '0');
    }
    linux_reset(r->g);
    for (unsigned i = 0; i < 600; i++) {
        assert_true(linux_symbol_named(r->g, "second", &addr) && addr == kernel(r, 0x80));
        assert_true(linux_symbol_named(r->g, "panic", &addr) && addr == kernel(r, 0x100));
        assert_false(linux_symbol_named(r->g, "pani", &addr));
        assert_false(linux_symbol_named(r->g, "panics", &addr));
    }
}

/* Tables that are not sorted, as the kernel itself would not understand them. */
static void out_of_order(void **state)
{
    struct linux_rig *r = *state;

    lrig_symbol(r, "first", 'T', kernel(r, 0x80));
    lrig_boot(r);
    lrig_put32(r, r->addresses + 4, 0x100);
    lrig_put32(r, r->addresses + 8, 0x80);
    assert_string_equal(words(r, kernel(r, 0x84)), "panic+0x4/0x80");
    assert_string_equal(words(r, kernel(r, 0x104)), "first+0x4/0xf00");
}

/* With data among them (CONFIG_KALLSYMS_ALL) what follows the code has symbols too. */
static void data_symbols(void **state)
{
    struct linux_rig *r = *state;

    lrig_symbol(r, "jiffies", 'D', kernel(r, 0x1800));
    lrig_symbol(r, "_end", 'B', kernel(r, 0x1900));
    lrig_boot(r);
    assert_string_equal(words(r, kernel(r, 0x1808)), "jiffies+0x8/0x100");
    assert_string_equal(words(r, kernel(r, 0x1004)), "_etext+0x4/0x800");
}

/* Linux 7.0 counts each address from where it is kept: both ways. */
static void addresses_from_their_own_place(void **state)
{
    struct linux_rig *r = *state;
    uint64_t addr;

    r->place_relative = true;
    lrig_symbol(r, "behind", 'T', lrig_virtual(r, FAKE_MEMORY + 0x1000));
    lrig_boot(r);
    assert_string_equal(words(r, kernel(r, 0x104)), "panic+0x4/0xf00");
    assert_true(linux_symbol_named(r->g, "behind", &addr));
    assert_int_equal(addr, lrig_virtual(r, FAKE_MEMORY + 0x1000));
}

/* Kept while it is the same kernel, even if its tables go; read again when it is another. */
static void kept_for_one_kernel(void **state)
{
    struct linux_rig *r = *state;

    lrig_boot(r);
    assert_string_equal(words(r, kernel(r, 0x104)), "panic+0x4/0xf00");
    lrig_put32(r, r->num_syms, 0);
    linux_changed(r->g);
    assert_string_equal(words(r, kernel(r, 0x104)), "panic+0x4/0xf00");
    lrig_put(r, r->note + 24 + strlen("OSRELEASE="), "5", 1);
    linux_changed(r->g);
    expect_error(r, "0 are said to be there");
    lrig_put32(r, r->num_syms, 2);
    linux_changed(r->g);
    assert_string_equal(words(r, kernel(r, 0x100)), "panic+0x0/0x0");
}

/* A line that comes to the text (CRASHTIME) makes no other kernel. */
static void text_that_grows(void **state)
{
    struct linux_rig *r = *state;
    static const char line[] = "CRASHTIME=1700000000\n";
    uint64_t value;

    lrig_boot(r);
    assert_string_equal(words(r, kernel(r, 0x104)), "panic+0x4/0xf00");
    lrig_put32(r, r->num_syms, 0);
    lrig_put(r, r->note + 24 + r->text_len, line, sizeof line - 1);
    lrig_put32(r, r->note + 4, (uint32_t)(r->text_len + sizeof line - 1));
    linux_changed(r->g);
    assert_string_equal(words(r, kernel(r, 0x104)), "panic+0x4/0xf00");
    assert_true(linux_vmcoreinfo(r->g, "CRASHTIME", &value) && value == 1700000000);
}

/* ---- tables that are damaged ---- */

/* A name that was given out is good until the guest runs, though the list of all cannot be made then. */
static void name_outlives_failure(void **state)
{
    struct linux_rig *r = *state;
    const struct linux_symbol *list;
    struct linux_symbol s;
    struct err e;
    size_t n;

    lrig_symbol(r, "", 'T', kernel(r, 0x400));
    lrig_boot(r);
    assert_true(linux_symbol_at(r->g, kernel(r, 0x104), &s));
    assert_int_equal(linux_symbols(r->g, &list, &n, &e), -1);
    assert_non_null(strstr(e.text, "is damaged"));
    assert_string_equal(s.name, "panic");
    assert_string_equal(words(r, RIG_KERNEL), "0x2000");
}

static void damaged_tables(void **state)
{
    struct linux_rig *r = *state;

    lrig_boot(r);
    lrig_put32(r, r->num_syms, 0xffffffff);
    expect_error(r, "4294967295 are said to be there");
    lrig_put32(r, r->num_syms, 0x100000);
    expect_error(r, "not all of the addresses");
    lrig_put32(r, r->num_syms, 4);
    expect_error(r, "the name of number 4 of 4 is damaged");
    lrig_put32(r, r->num_syms, 3);
    lrig_put(r, r->token_table + 3, "\x7f", 1);
    expect_error(r, "token 1 is no text");
    lrig_put(r, r->token_table + 3, "v", 1);
    lrig_put64(r, r->relative_base, kernel(r, 1));
    expect_error(r, "where vmcoreinfo has _stext");
    lrig_put64(r, r->relative_base, kernel(r, 0));
    lrig_put(r, r->names, "\xff\xff", 2);
    expect_error(r, "the name of number 1 of 3 is damaged");
}

static void token_without_end(void **state)
{
    struct linux_rig *r = *state;

    lrig_boot(r);
    memset(r->fake->memory + r->token_table, 'x', FAKE_MEMORY - r->token_table);
    lrig_put(r, r->note, "\0\0\0\x0b", 4); /* what follows the table was overwritten, too */
    lrig_put32(r, r->note + 4, (uint32_t)r->text_len);
    lrig_put(r, r->note + 12, "VMCOREINFO", 11);
    lrig_put(r, r->note + 24, r->text, r->text_len);
    lrig_put32(r, r->num_syms, 3);
    expect_error(r, "token ");
}

static void old_kernel(void **state)
{
    struct linux_rig *r = *state;
    char *at;

    lrig_boot(r);
    at = strstr(r->text, "SYMBOL(kallsyms_names)");
    assert_non_null(at);
    lrig_put32(r, r->note + 4, (uint32_t)(at - r->text));
    expect_error(r, "Linux 6.0");
}

#define HIGH(name) cmocka_unit_test_setup_teardown(name, setup_high, teardown)
#define LOW(name) cmocka_unit_test_setup_teardown(name, setup_low, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HIGH(nothing_there),
        HIGH(states_in_their_order),
        HIGH(garbage_is_no_place),
        HIGH(reset_forgets),
        HIGH(what_the_text_tells),
        LOW(what_the_text_tells),
        HIGH(damaged_notes),
        HIGH(os_info_tells),
        HIGH(reads_through_home_space),
        LOW(reads_through_home_space),
        HIGH(reads_in_31_bit_mode),
        HIGH(reads_by_swapper_pg_dir),
        LOW(reads_by_swapper_pg_dir),
        HIGH(reads_before_dat),
        HIGH(symbols_of_all_kinds),
        LOW(symbols_of_all_kinds),
        HIGH(aliases_and_ends),
        HIGH(many_lookups),
        HIGH(out_of_order),
        HIGH(data_symbols),
        HIGH(addresses_from_their_own_place),
        LOW(addresses_from_their_own_place),
        HIGH(kept_for_one_kernel),
        HIGH(text_that_grows),
        HIGH(damaged_tables),
        HIGH(name_outlives_failure),
        HIGH(token_without_end),
        HIGH(old_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
