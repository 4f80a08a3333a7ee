/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is recorded of a walk through region, segment and page tables, and its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dat_rig.h"

#define IEP 0x100000
#define LOW_ADDRESS_PROTECTION 0x10000000

static struct dat_walk w;

static int setup(void **state)
{
    int rc = dat_setup(state);

    ctx.walk = &w;
    return rc;
}

static int translate(enum mem_space space, uint64_t addr)
{
    memset(&w, 0xee, sizeof w);
    return dat_translate(&ctx, space, addr, &r);
}

static void assert_step(unsigned i, enum dat_table table, uint64_t addr, const char *words)
{
    char text[200];

    assert_true(i < w.n);
    assert_int_equal(w.step[i].table, table);
    assert_int_equal(w.step[i].addr, addr);
    assert_string_equal(dat_step_describe(&w.step[i], text, sizeof text), words);
}

/* The last step is this one, and the walk ends there with this. */
static void assert_ends(int code, unsigned steps, const char *why)
{
    assert_int_equal(translate(SPACE_PRIMARY, virt), code);
    assert_int_equal(w.n, steps);
    assert_non_null(w.why);
    assert_string_equal(w.why, why);
}

static void every_level_is_a_step(void **state)
{
    char text[200];

    (void)state;
    assert_int_equal(translate(SPACE_PRIMARY, virt), 0);
    assert_int_equal(w.n, 5);
    assert_true(w.has_asce);
    assert_int_equal(w.asce, ctx.cr[1]);
    assert_string_equal(dat_asce_describe(w.asce, text, sizeof text),
                        "region-first table at 0x100000, length 3");
    assert_step(0, DAT_REGION_FIRST_TABLE, RFT + 5 * 8,
                "region-second table at 0x104000, offset 0, length 3");
    assert_step(1, DAT_REGION_SECOND_TABLE, RST + 6 * 8,
                "region-third table at 0x108000, offset 0, length 3");
    assert_step(2, DAT_REGION_THIRD_TABLE, RTT + 7 * 8, "segment table at 0x10c000, offset 0, length 3");
    assert_step(3, DAT_SEGMENT_TABLE, SGT + 8 * 8, "page table at 0x110000");
    assert_step(4, DAT_PAGE_TABLE, PGT + 9 * 8, "4 KiB frame at real 0x234000");
    assert_int_equal(w.step[2].index, 7);
    assert_int_equal(w.step[2].value[0], SGT | 0x4 | LENGTH_3);
    assert_null(w.why);
    assert_false(w.by_alet);
    assert_string_equal(dat_table_entry_name(w.step[2].table), "region-third-table entry");
}

static void bits_are_named(void **state)
{
    (void)state;
    ctx.cr[0] = EDAT;
    dat_put(RTT + 7 * 8, SGT | 0x4 | 0x200 | 0x40 | 0x10 | 2);
    dat_put(SGT + 8 * 8, PGT | 0x10);
    dat_put(PGT + 9 * 8, 0x234000 | 0x300);
    assert_int_equal(translate(SPACE_PRIMARY, VIRT(5, 6, 7, 8 + 512, 9, 0)), 0);
    assert_step(2, DAT_REGION_THIRD_TABLE, RTT + 7 * 8,
                "segment table at 0x10c000, offset 1, length 2, protected, common");
    dat_put(RTT + 7 * 8, SGT | 0x4 | 0x200 | 3);
    assert_int_equal(translate(SPACE_PRIMARY, virt), 0);
    assert_step(3, DAT_SEGMENT_TABLE, SGT + 8 * 8, "page table at 0x110000, common");
    assert_step(4, DAT_PAGE_TABLE, PGT + 9 * 8, "4 KiB frame at real 0x234000, protected, no-execute");
    assert_true(w.step[2].protects);
    assert_false(w.step[3].protects);
    assert_true(w.step[4].protects);
}

static void no_execute_needs_its_control(void **state)
{
    (void)state;
    dat_put(PGT + 9 * 8, 0x234000 | 0x100);
    assert_int_equal(translate(SPACE_PRIMARY, virt), 0);
    assert_false(r.no_execute);
    assert_true(w.step[4].no_execute);
    ctx.cr[0] = IEP;
    assert_int_equal(translate(SPACE_PRIMARY, virt), 0);
    assert_true(r.no_execute);
    dat_put(PGT + 9 * 8, 0x234000);
    assert_int_equal(translate(SPACE_PRIMARY, virt), 0);
    assert_false(r.no_execute);
}

static void large_frames(void **state)
{
    (void)state;
    ctx.cr[0] = EDAT | IEP;
    ctx.edat2 = true;
    dat_put(SGT + 8 * 8, 0x700000 | 0x10000 | 0x3000 | 0x800 | 0x400 | 0x200 | 0x100);
    assert_int_equal(translate(SPACE_PRIMARY, virt), 0);
    assert_int_equal(w.n, 4);
    assert_step(3, DAT_SEGMENT_TABLE, SGT + 8 * 8,
                "1 MiB frame at 0x700000, access key 3 with fetch protection, no-execute, protected");
    assert_true(r.no_execute && r.protected && w.step[3].protects);
    dat_put(RTT + 7 * 8, 0x180000000 | 0x400 | 0x4);
    assert_int_equal(translate(SPACE_PRIMARY, virt), PGM_ADDRESSING);
    assert_int_equal(w.n, 3);
    assert_step(2, DAT_REGION_THIRD_TABLE, RTT + 7 * 8, "2 GiB frame at 0x180000000");
    assert_string_equal(w.why, "the address lies outside of memory");
    ctx.cr[0] = 0; /* without enhanced DAT the same are no frames */
    dat_put(RTT + 7 * 8, SGT | 0x4 | LENGTH_3);
    assert_int_equal(translate(SPACE_PRIMARY, virt), 0);
    assert_step(3, DAT_SEGMENT_TABLE, SGT + 8 * 8, "page table at 0x713800, protected");
}

static void each_end_says_why(void **state)
{
    (void)state;
    dat_put(PGT + 9 * 8, 0x234800);
    assert_ends(PGM_TRANSLATION_SPECIFICATION, 5, "bit 52 of the entry must be zero");
    assert_step(4, DAT_PAGE_TABLE, PGT + 9 * 8, "4 KiB frame at real 0x234000, bit 52 is one");
    dat_put(PGT + 9 * 8, 0x234400);
    assert_ends(PGM_PAGE_TRANSLATION, 5, "the page is invalid");
    dat_put(SGT + 8 * 8, PGT | 0x20);
    assert_ends(PGM_SEGMENT_TRANSLATION, 4, "the entry is invalid");
    assert_step(3, DAT_SEGMENT_TABLE, SGT + 8 * 8, "page table at 0x110000, invalid");
    dat_put(SGT + 8 * 8, PGT | 0x10);
    ctx.cr[1] |= 0x100;
    assert_ends(PGM_TRANSLATION_SPECIFICATION, 4, "the entry is common, and the space private");
    dat_put(SGT + 8 * 8, PGT | 0x8);
    assert_ends(PGM_TRANSLATION_SPECIFICATION, 4, "the entry is of another table type");
    assert_step(3, DAT_SEGMENT_TABLE, SGT + 8 * 8,
                "page table at 0x110000, table type of a region-second table");
    dat_put(RTT + 7 * 8, SGT | 0x4 | 0x40 | LENGTH_3);
    assert_ends(PGM_SEGMENT_TRANSLATION, 4, "the table's offset and length leave this entry out");
    assert_step(3, DAT_SEGMENT_TABLE, SGT + 8 * 8, "");
    dat_put(RTT + 7 * 8, SIZE | 0x4 | LENGTH_3);
    assert_ends(PGM_ADDRESSING, 4, "the entry lies outside of memory");
    ctx.cr[1] = RTT | 0x4 | LENGTH_3;
    assert_ends(PGM_ASCE_TYPE, 0, "the address is larger than the designated table can translate");
    assert_true(w.has_asce);
}

static void without_dat_there_is_no_step(void **state)
{
    (void)state;
    assert_int_equal(translate(SPACE_REAL, 0x1000), 0);
    assert_int_equal(w.n, 0);
    assert_false(w.has_asce);
    assert_int_equal(translate(SPACE_ABSOLUTE, SIZE), PGM_ADDRESSING);
    assert_string_equal(w.why, "the address lies outside of memory");
}

/* Where the PSW's space fails, the record is that of the walk through home. */
static void default_tells_the_last_walk(void **state)
{
    (void)state;
    assert_false(dat_falls_home(&ctx));
    assert_int_equal(translate(SPACE_DEFAULT, 0), PGM_TRANSLATION_SPECIFICATION);
    assert_int_equal(w.asce, ctx.cr[1]);
    ctx.cr[13] = SGT | LENGTH_3;
    assert_true(dat_falls_home(&ctx));
    assert_int_equal(translate(SPACE_DEFAULT, VIRT(0, 0, 0, 8, 9, 0)), 0);
    assert_int_equal(w.n, 2);
    assert_int_equal(w.asce, ctx.cr[13]);
    assert_null(w.why);
}

static void low_addresses(void **state)
{
    (void)state;
    assert_false(dat_low_address_protected(&ctx, 0, 0));
    ctx.cr[0] = LOW_ADDRESS_PROTECTION;
    assert_true(dat_low_address_protected(&ctx, 0, 0));
    assert_true(dat_low_address_protected(&ctx, 511, RFT));
    assert_false(dat_low_address_protected(&ctx, 512, RFT));
    assert_true(dat_low_address_protected(&ctx, 4096, RFT));
    assert_true(dat_low_address_protected(&ctx, 4607, RFT));
    assert_false(dat_low_address_protected(&ctx, 4608, RFT));
    assert_false(dat_low_address_protected(&ctx, 8192, RFT));
    assert_false(dat_low_address_protected(&ctx, 0, RFT | 0x100));
}

/* A text that does not fit is cut, and ends. */
static void short_buffers(void **state)
{
    char text[8] = "1234567";

    (void)state;
    assert_int_equal(translate(SPACE_PRIMARY, virt), 0);
    dat_step_describe(&w.step[0], text, 6);
    assert_string_equal(text, "regio");
    dat_step_describe(&w.step[0], text, 1);
    assert_string_equal(text, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, dat_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_level_is_a_step),
        TEST(bits_are_named),
        TEST(no_execute_needs_its_control),
        TEST(large_frames),
        TEST(each_end_says_why),
        TEST(without_dat_there_is_no_step),
        TEST(default_tells_the_last_walk),
        TEST(low_addresses),
        TEST(short_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
