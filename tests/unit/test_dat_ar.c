/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access-register translation over hand-made tables, each program interruption with which it ends, and what
 * is recorded of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dat_rig.h"

/* Where the tables lie: two segment tables of 1 MiB frames, and those of access-register translation. */
#define PRIMARY_TABLE 0x100000
#define SECONDARY_TABLE 0x101000
#define SPACE_TABLE 0x102000
#define DUCT 0x8040
#define PASTE 0x8080
#define LIST 0x8100         /* of the dispatchable unit: 16 entries */
#define PRIMARY_LIST 0x8200 /* 8 entries */
#define ASTE 0x8340
#define AUTHORITY 0x8404

#define SEQUENCE 0x77
#define ASTE_SEQUENCE 0x12345678u
#define AX 0x1234 /* of the access-list entry */

static struct dat_walk w;

static void put32(uint64_t addr, uint32_t value)
{
    store_be32(dat_at(addr), value);
}

/* A segment table in which address 0x23456 is absolute frame + 0x23456. */
static void put_space(uint64_t table, uint64_t frame)
{
    store_be64(dat_at(table), frame | 0x400);
}

static void put_ale(uint64_t addr, uint32_t flags)
{
    put32(addr, flags | SEQUENCE << 16 | AX);
    put32(addr + 8, ASTE);
    put32(addr + 12, ASTE_SEQUENCE);
}

/* Access register 5 selects the space through the ninth entry of the dispatchable unit's list. */
#define ALET(number) ((uint32_t)SEQUENCE << 16 | (number))
#define PRIMARY_ALET(number) (0x01000000u | ALET(number))

static int setup(void **state)
{
    if (dat_setup_empty(state) < 0)
        return -1;
    ctx.walk = &w;
    ctx.cr[0] = EDAT;
    ctx.cr[1] = PRIMARY_TABLE;
    ctx.cr[7] = SECONDARY_TABLE;
    ctx.cr[2] = 0xffffffff8000003fULL | DUCT; /* what is no origin does not matter */
    ctx.cr[5] = PASTE;
    put_space(PRIMARY_TABLE, 0x100000);
    put_space(SECONDARY_TABLE, 0x200000);
    put_space(SPACE_TABLE, 0x300000);
    put32(DUCT + 16, 0x80000000 | LIST | 1);
    put32(PASTE + 16, PRIMARY_LIST);
    put_ale(LIST + 9 * 16, 0);
    put_ale(PRIMARY_LIST + 2 * 16, 0);
    put32(ASTE, AUTHORITY);
    put32(ASTE + 4, 0x0001 << 16 | 1 << 4); /* authority table of 32 entries */
    store_be64(dat_at(ASTE + 8), SPACE_TABLE);
    put32(ASTE + 20, ASTE_SEQUENCE);
    for (unsigned i = 0; i < 16; i++)
        ctx.ar[i] = 0x0fffffff;
    ctx.ar[5] = ALET(9);
    return 0;
}

static int translate(unsigned ar)
{
    memset(&w, 0xee, sizeof w);
    return dat_translate(&ctx, SPACE_AR + ar, 0x23456, &r);
}

static void assert_frame(unsigned ar, uint64_t frame)
{
    assert_int_equal(translate(ar), 0);
    assert_int_equal(r.absolute, frame + 0x23456);
    assert_null(w.why);
    assert_true(w.by_alet);
    assert_true(w.has_asce);
}

/* It ends after so many steps, and says why. */
static void assert_ends(int code, unsigned steps, const char *why)
{
    assert_int_equal(translate(5), code);
    assert_int_equal(w.n, steps);
    assert_non_null(w.why);
    assert_non_null(strstr(w.why, why));
    assert_false(w.has_asce);
}

static void two_tokens_need_no_list(void **state)
{
    (void)state;
    ctx.cr[2] = ctx.cr[5] = 0x7fffffc0;
    ctx.ar[5] = 0;
    assert_frame(5, 0x100000);
    assert_int_equal(w.n, 1);
    ctx.ar[5] = 1;
    assert_frame(5, 0x200000);
    assert_int_equal(w.asce, SECONDARY_TABLE);
    assert_int_equal(w.alet, 1);
}

static void register_0_is_the_primary_space(void **state)
{
    (void)state;
    ctx.ar[0] = ALET(9);
    assert_frame(0, 0x100000);
    assert_int_equal(w.alet, 0);
}

static void through_either_list(void **state)
{
    (void)state;
    assert_frame(5, 0x300000);
    assert_int_equal(r.asce, SPACE_TABLE);
    assert_int_equal(w.alet, ALET(9));
    ctx.ar[15] = PRIMARY_ALET(2);
    assert_frame(15, 0x300000);
    assert_int_equal(w.step[0].addr, PASTE + 16);
    assert_int_equal(w.step[1].addr, PRIMARY_LIST + 32);
}

static void all_steps_are_told(void **state)
{
    char text[200];

    (void)state;
    put_ale(LIST + 9 * 16, 0x01000000);
    ctx.cr[8] = 6 << 16;
    *dat_at(AUTHORITY + 1) = 0x04;
    assert_frame(5, 0x300000);
    assert_int_equal(w.n, 5);
    assert_int_equal(w.step[0].addr, DUCT + 16);
    assert_string_equal(dat_step_describe(&w.step[0], text, sizeof text),
                        "access list of 16 entries at real 0x8100");
    assert_int_equal(w.step[1].index, 9);
    assert_string_equal(dat_step_describe(&w.step[1], text, sizeof text),
                        "ASTE at real 0x8340 with sequence number 305419896, sequence number 119, private to "
                        "authorization index 4660");
    assert_string_equal(dat_step_describe(&w.step[2], text, sizeof text),
                        "ASCE 0000000000102000, sequence number 305419896, authority table of 32 entries at "
                        "real 0x8404");
    assert_int_equal(w.step[3].addr, AUTHORITY + 1);
    assert_int_equal(w.step[3].index, 6);
    assert_string_equal(dat_step_describe(&w.step[3], text, sizeof text),
                        "without primary and with secondary authority");
    assert_int_equal(w.step[4].table, DAT_SEGMENT_TABLE);
    assert_string_equal(dat_table_entry_name(w.step[2].table), "ASN-second-table entry");
}

static void token_with_reserved_bits(void **state)
{
    (void)state;
    ctx.ar[5] |= 0x02000000;
    assert_ends(PGM_ALET_SPECIFICATION, 0, "bits 0 to 6");
}

static void number_beyond_the_list(void **state)
{
    (void)state;
    ctx.ar[5] = ALET(15);
    put_ale(LIST + 15 * 16, 0);
    assert_frame(5, 0x300000);
    ctx.ar[5] = ALET(16);
    put_ale(LIST + 16 * 16, 0);
    assert_ends(PGM_ALEN_TRANSLATION, 1, "too short");
}

static void invalid_entry(void **state)
{
    (void)state;
    put_ale(LIST + 9 * 16, 0x80000000);
    assert_ends(PGM_ALEN_TRANSLATION, 2, "invalid");
}

static void entry_of_another_sequence(void **state)
{
    (void)state;
    ctx.ar[5] ^= 0x00010000;
    assert_ends(PGM_ALE_SEQUENCE, 2, "sequence");
}

static void invalid_aste(void **state)
{
    (void)state;
    put32(ASTE, 0x80000000 | AUTHORITY);
    assert_ends(PGM_ASTE_VALIDITY, 3, "ASTE is invalid");
}

static void aste_of_another_sequence(void **state)
{
    (void)state;
    put32(ASTE + 20, ASTE_SEQUENCE + 1);
    assert_ends(PGM_ASTE_SEQUENCE, 3, "sequence");
}

static void private_entries_need_authority(void **state)
{
    (void)state;
    put_ale(LIST + 9 * 16, 0x01000000);
    ctx.cr[8] = 0xffff00000000ffffULL; /* index 0 */
    assert_ends(PGM_EXTENDED_AUTHORITY, 4, "no secondary authority");
    *dat_at(AUTHORITY) = 0xbf; /* all but the first secondary one */
    assert_ends(PGM_EXTENDED_AUTHORITY, 4, "no secondary authority");
    *dat_at(AUTHORITY) = 0x40;
    assert_frame(5, 0x300000);
    ctx.cr[8] = 31 << 16;
    *dat_at(AUTHORITY + 7) = 0x01;
    assert_frame(5, 0x300000);
    ctx.cr[8] = 32 << 16;
    *dat_at(AUTHORITY + 8) = 0xff;
    assert_ends(PGM_EXTENDED_AUTHORITY, 3, "too short");
    ctx.cr[8] = AX << 16; /* the owner */
    assert_frame(5, 0x300000);
}

static void fetch_only_entries_protect(void **state)
{
    (void)state;
    assert_frame(5, 0x300000);
    assert_false(r.protected);
    put_ale(LIST + 9 * 16, 0x02000000);
    assert_frame(5, 0x300000);
    assert_true(r.protected);
    assert_true(w.step[1].protects);
}

static void tables_outside_of_memory(void **state)
{
    char text[200];

    (void)state;
    ctx.cr[2] = 0x7fffffc0;
    assert_ends(PGM_ADDRESSING, 1, "outside of memory");
    assert_string_equal(dat_step_describe(&w.step[0], text, sizeof text), "");
    ctx.cr[2] = DUCT;
    put32(DUCT + 16, 0x7fffff80 | 0x7f);
    assert_ends(PGM_ADDRESSING, 1, "2 GiB");
    put32(DUCT + 16, (SIZE - 0x80) | 0x7f);
    assert_ends(PGM_ADDRESSING, 2, "outside of memory");
    put32(DUCT + 16, LIST | 1);
    put32(LIST + 9 * 16 + 8, SIZE);
    assert_ends(PGM_ADDRESSING, 3, "outside of memory");
    put_ale(LIST + 9 * 16, 0x01000000);
    put32(ASTE, 0x7ffffffc);
    assert_ends(PGM_ADDRESSING, 4, "outside of memory");
}

/* The tables are at real addresses. */
static void tables_are_prefixed(void **state)
{
    (void)state;
    ctx.prefix = 0x8000;
    memcpy(dat_at(0), dat_at(0x8000), 0x2000);
    memset(dat_at(0x8000), 0, 0x2000);
    assert_frame(5, 0x300000);
    assert_int_equal(w.step[0].addr, DUCT + 16);
}

static void an_asce_of_a_real_space(void **state)
{
    char text[200];

    (void)state;
    store_be64(dat_at(ASTE + 8), 0x120);
    assert_frame(5, 0);
    assert_string_equal(dat_asce_describe(w.asce, text, sizeof text), "real space, private");
}

/* In access-register mode as such, a debugger's address is one that instructions are fetched from. */
static void the_psws_space_is_the_primary(void **state)
{
    (void)state;
    ctx.psw_mask |= PSW_ASC_ACCREG;
    assert_int_equal(dat_translate(&ctx, SPACE_PSW, 0x23456, &r), 0);
    assert_int_equal(r.absolute, 0x123456);
    assert_false(w.by_alet);
}

static void reads_as_the_space_says(void **state)
{
    uint8_t byte;

    (void)state;
    *dat_at(0x323456) = 0x42;
    assert_int_equal(dat_read(&ctx, SPACE_AR + 5, 0x23456, &byte, 1), 1);
    assert_int_equal(byte, 0x42);
    ctx.ar[5] = ALET(10);
    assert_int_equal(dat_read(&ctx, SPACE_AR + 5, 0x23456, &byte, 1), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, dat_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_tokens_need_no_list),
        TEST(register_0_is_the_primary_space),
        TEST(through_either_list),
        TEST(all_steps_are_told),
        TEST(token_with_reserved_bits),
        TEST(number_beyond_the_list),
        TEST(invalid_entry),
        TEST(entry_of_another_sequence),
        TEST(invalid_aste),
        TEST(aste_of_another_sequence),
        TEST(private_entries_need_authority),
        TEST(fetch_only_entries_protect),
        TEST(tables_outside_of_memory),
        TEST(tables_are_prefixed),
        TEST(an_asce_of_a_real_space),
        TEST(the_psws_space_is_the_primary),
        TEST(reads_as_the_space_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
