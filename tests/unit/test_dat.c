/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address translation over hand-made tables: every level, every way to end, large frames, prefixing,
 * wrapping, and reads of which only a part can be done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dat_rig.h"

static int translate(uint64_t addr)
{
    memset(&r, 0xee, sizeof r);
    return dat_translate(&ctx, SPACE_PRIMARY, addr, &r);
}

static void walks_all_levels(void **state)
{
    (void)state;
    assert_int_equal(translate(virt), 0);
    assert_int_equal(r.absolute, 0x234abc);
    assert_int_equal(r.left, 0x1000 - 0xabc);
    assert_int_equal(r.asce, ctx.cr[1]);
    assert_false(r.protected);
}

static void starts_at_every_designation_type(void **state)
{
    (void)state;
    ctx.cr[1] = RST | 0x8 | LENGTH_3;
    assert_int_equal(translate(VIRT(0, 6, 7, 8, 9, 0)), 0);
    assert_int_equal(r.absolute, 0x234000);
    assert_int_equal(translate(virt), PGM_ASCE_TYPE);
    ctx.cr[1] = RTT | 0x4 | LENGTH_3;
    assert_int_equal(translate(VIRT(0, 0, 7, 8, 9, 0)), 0);
    assert_int_equal(translate(VIRT(0, 1, 7, 8, 9, 0)), PGM_ASCE_TYPE);
    assert_int_equal(translate(virt), PGM_ASCE_TYPE);
    ctx.cr[1] = SGT | LENGTH_3;
    assert_int_equal(translate(VIRT(0, 0, 0, 8, 9, 0)), 0);
    assert_int_equal(translate(VIRT(0, 0, 1, 8, 9, 0)), PGM_ASCE_TYPE);
}

static void meets_invalid_entries(void **state)
{
    (void)state;
    dat_put(PGT + 9 * 8, 0x234400);
    assert_int_equal(translate(virt), PGM_PAGE_TRANSLATION);
    dat_put(SGT + 8 * 8, PGT | 0x20);
    assert_int_equal(translate(virt), PGM_SEGMENT_TRANSLATION);
    dat_put(RTT + 7 * 8, SGT | 0x4 | 0x20 | LENGTH_3);
    assert_int_equal(translate(virt), PGM_REGION_THIRD_TRANSLATION);
    dat_put(RST + 6 * 8, RTT | 0x8 | 0x20 | LENGTH_3);
    assert_int_equal(translate(virt), PGM_REGION_SECOND_TRANSLATION);
    dat_put(RFT + 5 * 8, RST | 0xc | 0x20 | LENGTH_3);
    assert_int_equal(translate(virt), PGM_REGION_FIRST_TRANSLATION);
}

static void meets_wrong_types(void **state)
{
    (void)state;
    dat_put(PGT + 9 * 8, 0x234800);
    assert_int_equal(translate(virt), PGM_TRANSLATION_SPECIFICATION);
    dat_put(SGT + 8 * 8, PGT | 0x4);
    assert_int_equal(translate(virt), PGM_TRANSLATION_SPECIFICATION);
    dat_put(RTT + 7 * 8, SGT | 0x8 | LENGTH_3);
    assert_int_equal(translate(virt), PGM_TRANSLATION_SPECIFICATION);
    dat_put(RST + 6 * 8, RTT | LENGTH_3);
    assert_int_equal(translate(virt), PGM_TRANSLATION_SPECIFICATION);
    dat_put(RFT + 5 * 8, RST | 0x8 | LENGTH_3);
    assert_int_equal(translate(virt), PGM_TRANSLATION_SPECIFICATION);
}

static void invalid_comes_before_wrong_type(void **state)
{
    (void)state;
    dat_put(SGT + 8 * 8, PGT | 0x4 | 0x20);
    assert_int_equal(translate(virt), PGM_SEGMENT_TRANSLATION);
    dat_put(PGT + 9 * 8, 0x234c00);
    dat_put(SGT + 8 * 8, PGT);
    assert_int_equal(translate(virt), PGM_PAGE_TRANSLATION);
}

/* Only the first quarter of each table exists; the index is in the second. */
static void respects_table_lengths(void **state)
{
    (void)state;
    ctx.cr[1] = RFT | 0xc;
    assert_int_equal(translate(virt), 0);
    assert_int_equal(translate(VIRT(0x200, 6, 7, 8, 9, 0)), PGM_REGION_FIRST_TRANSLATION);
    dat_put(RFT + 5 * 8, RST | 0xc);
    assert_int_equal(translate(VIRT(5, 0x200, 7, 8, 9, 0)), PGM_REGION_SECOND_TRANSLATION);
    dat_put(RST + 6 * 8, RTT | 0x8);
    assert_int_equal(translate(VIRT(5, 6, 0x200, 8, 9, 0)), PGM_REGION_THIRD_TRANSLATION);
    dat_put(RTT + 7 * 8, SGT | 0x4);
    assert_int_equal(translate(VIRT(5, 6, 7, 0x200, 9, 0)), PGM_SEGMENT_TRANSLATION);
    assert_int_equal(translate(virt), 0);
    ctx.cr[1] = SGT;
    assert_int_equal(translate(VIRT(0, 0, 0, 0x200, 9, 0)), PGM_SEGMENT_TRANSLATION);
}

/* The first quarter of each table is missing. */
static void respects_table_offsets(void **state)
{
    (void)state;
    dat_put(RTT + 7 * 8, SGT | 0x4 | 0x40 | LENGTH_3);
    assert_int_equal(translate(virt), PGM_SEGMENT_TRANSLATION);
    dat_put(SGT + 0x200 * 8, PGT);
    assert_int_equal(translate(VIRT(5, 6, 7, 0x200, 9, 0)), 0);
    dat_put(RST + 6 * 8, RTT | 0x8 | 0x40 | LENGTH_3);
    assert_int_equal(translate(virt), PGM_REGION_THIRD_TRANSLATION);
    dat_put(RFT + 5 * 8, RST | 0xc | 0x40 | LENGTH_3);
    assert_int_equal(translate(virt), PGM_REGION_SECOND_TRANSLATION);
}

static void collects_protection(void **state)
{
    (void)state;
    dat_put(PGT + 9 * 8, 0x234200);
    assert_int_equal(translate(virt), 0);
    assert_true(r.protected);
    dat_put(PGT + 9 * 8, 0x234100); /* no-execute: of no concern here */
    dat_put(SGT + 8 * 8, PGT | 0x200);
    assert_int_equal(translate(virt), 0);
    assert_true(r.protected);
    /* Region-table entries have the bit with enhanced DAT only. */
    dat_put(SGT + 8 * 8, PGT);
    dat_put(RST + 6 * 8, RTT | 0x8 | 0x200 | LENGTH_3);
    assert_int_equal(translate(virt), 0);
    assert_false(r.protected);
    ctx.cr[0] = EDAT;
    assert_int_equal(translate(virt), 0);
    assert_true(r.protected);
}

static void refuses_common_segments_in_private_spaces(void **state)
{
    (void)state;
    dat_put(SGT + 8 * 8, PGT | 0x10);
    assert_int_equal(translate(virt), 0);
    ctx.cr[1] |= 0x100;
    assert_int_equal(translate(virt), PGM_TRANSLATION_SPECIFICATION);
    dat_put(SGT + 8 * 8, PGT);
    dat_put(RTT + 7 * 8, SGT | 0x10 | 0x4 | LENGTH_3);
    assert_int_equal(translate(virt), 0);
    ctx.cr[0] = EDAT;
    ctx.edat2 = true;
    assert_int_equal(translate(virt), PGM_TRANSLATION_SPECIFICATION);
}

static void tables_must_lie_in_memory(void **state)
{
    static const uint64_t outside[] = {SIZE, 0xfffffffffffff000, 0x7ffffffff000};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        dat_put(SGT + 8 * 8, outside[i]);
        assert_int_equal(translate(virt), PGM_ADDRESSING);
        ctx.cr[1] = outside[i] | 0xc | LENGTH_3;
        assert_int_equal(translate(virt), PGM_ADDRESSING);
        ctx.cr[1] = RFT | 0xc | LENGTH_3;
    }
    /* A table that begins inside memory and goes on outside. */
    ctx.cr[1] = (SIZE - 0x1000) | 0xc | LENGTH_3;
    assert_int_equal(translate(VIRT(0x1ff, 0, 0, 0, 0, 0)), PGM_TRANSLATION_SPECIFICATION);
    assert_int_equal(translate(VIRT(0x200, 0, 0, 0, 0, 0)), PGM_ADDRESSING);
}

static void frames_must_lie_in_memory(void **state)
{
    (void)state;
    dat_put(PGT + 9 * 8, SIZE);
    assert_int_equal(translate(virt), PGM_ADDRESSING);
    dat_put(PGT + 9 * 8, 0xfffffffffffff000);
    assert_int_equal(translate(virt), PGM_ADDRESSING);
    dat_put(PGT + 9 * 8, SIZE - 0x1000);
    assert_int_equal(translate(virt), 0);
}

static void large_frames_need_enhanced_dat(void **state)
{
    uint64_t addr = VIRT(5, 6, 7, 8, 9, 0xabc);

    (void)state;
    dat_put(SGT + 8 * 8, 0x700000 | 0x400);
    dat_put(0x700000 + 9 * 8, 0x234000); /* the same entry read as the origin of a page table */
    assert_int_equal(translate(addr), 0);
    assert_int_equal(r.absolute, 0x234abc);
    ctx.cr[0] = EDAT;
    assert_int_equal(translate(addr), 0);
    assert_int_equal(r.absolute, 0x709abc);
    assert_int_equal(r.left, 0x100000 - 0x9abc);
    assert_false(r.protected);
    dat_put(SGT + 8 * 8, 0x700000 | 0x400 | 0x200);
    assert_int_equal(translate(addr), 0);
    assert_true(r.protected);
}

static void two_gib_frames_need_edat2(void **state)
{
    (void)state;
    dat_put(RTT + 7 * 8, 0x400 | 0x4);
    ctx.cr[0] = EDAT;
    /* As a segment-table designation it names the table at 0, of one quarter. */
    assert_int_equal(translate(VIRT(5, 6, 7, 0x200, 0, 0)), PGM_SEGMENT_TRANSLATION);
    ctx.edat2 = true;
    assert_int_equal(translate(VIRT(5, 6, 7, 8, 9, 0xabc)), 0);
    assert_int_equal(r.absolute, 0x809abc);
    assert_int_equal(r.left, SIZE - 0x809abc); /* memory ends before the frame */
    assert_int_equal(translate(VIRT(5, 6, 7, 0x10, 0, 0)), PGM_ADDRESSING);
    ctx.cr[0] = 0; /* facility 78 alone is not enough */
    assert_int_equal(translate(VIRT(5, 6, 7, 0x200, 0, 0)), PGM_SEGMENT_TRANSLATION);
}

static void prefixes_pages_but_no_larger_frames(void **state)
{
    (void)state;
    ctx.prefix = 0x6000;
    dat_put(PGT + 9 * 8, 0x1000); /* real */
    assert_int_equal(translate(virt), 0);
    assert_int_equal(r.absolute, 0x7abc);
    assert_int_equal(r.left, 0x1000 - 0xabc);
    dat_put(PGT + 9 * 8, 0x6000);
    assert_int_equal(translate(virt), 0);
    assert_int_equal(r.absolute, 0xabc);
    dat_put(PGT + 9 * 8, 0x8000);
    assert_int_equal(translate(virt), 0);
    assert_int_equal(r.absolute, 0x8abc);

    ctx.cr[0] = EDAT;
    dat_put(SGT + 8 * 8, 0x400); /* the megabyte at absolute 0 */
    assert_int_equal(translate(VIRT(5, 6, 7, 8, 0, 0x123)), 0);
    assert_int_equal(r.absolute, 0x123);
    assert_int_equal(r.left, 0x100000 - 0x123);
    assert_int_equal(translate(VIRT(5, 6, 7, 8, 6, 0x123)), 0);
    assert_int_equal(r.absolute, 0x6123);
}

/* Tables are absolute, as KVM itself takes them. */
static void does_not_prefix_tables(void **state)
{
    (void)state;
    ctx.prefix = PGT;
    assert_int_equal(translate(virt), 0);
    assert_int_equal(r.absolute, 0x234abc);
}

static void assert_real(uint64_t addr, uint64_t absolute, uint64_t left)
{
    assert_int_equal(dat_translate(&ctx, SPACE_REAL, addr, &r), 0);
    assert_int_equal(r.absolute, absolute);
    assert_int_equal(r.left, left);
    assert_int_equal(r.asce, 0);
    assert_int_equal(dat_real_to_absolute(&ctx, addr), absolute);
}

static void real_addresses_are_prefixed(void **state)
{
    (void)state;
    assert_real(0x10, 0x10, SIZE - 0x10);
    ctx.prefix = 0x6000;
    assert_real(0x10, 0x6010, 0x1ff0);
    assert_real(0x1fff, 0x7fff, 1);
    assert_real(0x2000, 0x2000, 0x4000);
    assert_real(0x5fff, 0x5fff, 1);
    assert_real(0x6000, 0, 0x2000);
    assert_real(0x7ff0, 0x1ff0, 0x10);
    assert_real(0x8000, 0x8000, SIZE - 0x8000);
    assert_real(SIZE - 1, SIZE - 1, 1);
    assert_int_equal(dat_translate(&ctx, SPACE_REAL, SIZE, &r), PGM_ADDRESSING);
    ctx.prefix = 0x2000; /* next to its counterpart */
    assert_real(0x1000, 0x3000, 0x1000);
    assert_real(0x3000, 0x1000, 0x1000);
}

static void ignores_a_prefix_outside_memory(void **state)
{
    static const uint64_t outside[] = {SIZE, SIZE + 0x2000, 0xffffffffffffe000};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        ctx.prefix = outside[i];
        assert_real(0x10, 0x10, SIZE - 0x10);
        assert_int_equal(dat_translate(&ctx, SPACE_REAL, outside[i], &r), PGM_ADDRESSING);
    }
    ctx.prefix = SIZE - 0x2000;
    assert_real(0x10, SIZE - 0x1ff0, 0x1ff0);
}

static void absolute_addresses_stay(void **state)
{
    (void)state;
    ctx.prefix = 0x6000;
    ctx.psw_mask = 0; /* 24-bit */
    assert_int_equal(dat_translate(&ctx, SPACE_ABSOLUTE, 0x10, &r), 0);
    assert_int_equal(r.absolute, 0x10);
    assert_int_equal(r.left, SIZE - 0x10);
    assert_int_equal(dat_translate(&ctx, SPACE_ABSOLUTE, SIZE + 0x10, &r), PGM_ADDRESSING);
    assert_int_equal(dat_translate(&ctx, SPACE_ABSOLUTE, UINT64_MAX, &r), PGM_ADDRESSING);
}

static void real_space_designation_is_prefixed(void **state)
{
    (void)state;
    ctx.prefix = 0x6000;
    ctx.cr[1] = 0xfffffffffffff000 | 0x20;
    assert_int_equal(translate(0x10), 0);
    assert_int_equal(r.absolute, 0x6010);
    assert_int_equal(r.left, 0x1ff0);
    assert_int_equal(r.asce, ctx.cr[1]);
    assert_int_equal(translate(virt), PGM_ADDRESSING);
}

static void wraps_before_translation(void **state)
{
    (void)state;
    dat_put(SGT, 0x700000 | 0x400);
    dat_put(SGT + 0x7ff * 8, 0x800000 | 0x400);
    dat_put(SGT + 0xf * 8, 0x900000 | 0x400);
    ctx.cr[0] = EDAT;
    ctx.cr[1] = SGT | LENGTH_3;
    ctx.psw_mask = PSW_DAT | PSW_BA;
    assert_int_equal(translate(0xffffffff80000004), 0);
    assert_int_equal(r.absolute, 0x700004);
    assert_int_equal(translate(0xffffffff), 0);
    assert_int_equal(r.absolute, 0x8fffff);
    assert_int_equal(r.left, 1);
    ctx.psw_mask = PSW_DAT;
    assert_int_equal(translate(0xffffff), 0);
    assert_int_equal(r.absolute, 0x9fffff);
    assert_int_equal(translate(0x1000004), 0);
    assert_int_equal(r.absolute, 0x700004);
    ctx.psw_mask = PSW_DAT | PSW_EA | PSW_BA;
    assert_int_equal(translate(0xffffffff80000004), PGM_ASCE_TYPE);
}

/* A 2 GiB frame seen in 24-bit mode ends where addresses wrap. */
static void left_stops_where_addresses_wrap(void **state)
{
    (void)state;
    ctx.cr[0] = EDAT;
    ctx.edat2 = true;
    ctx.cr[1] = RTT | 0x4;
    dat_put(RTT, 0x400 | 0x4);
    ctx.psw_mask = PSW_DAT;
    assert_int_equal(translate(0xfffff0), 0);
    assert_int_equal(r.left, 0x10);
    ctx.size = SIZE / 2;
    assert_int_equal(translate(0x7ffff0), 0);
    assert_int_equal(r.left, 0x10); /* here memory ends */
}

static int translate_by_psw(uint64_t asc)
{
    ctx.psw_mask = PSW_DAT | PSW_EA | PSW_BA | asc;
    return dat_translate(&ctx, SPACE_PSW, 0x123, &r);
}

static void chooses_the_space_of_the_psw(void **state)
{
    bool real;

    (void)state;
    ctx.cr[0] = EDAT;
    ctx.cr[1] = 0x200000 | LENGTH_3;
    ctx.cr[7] = 0x210000 | LENGTH_3;
    ctx.cr[13] = 0x220000 | LENGTH_3;
    dat_put(0x200000, 0x300000 | 0x400);
    dat_put(0x210000, 0x400000 | 0x400);
    dat_put(0x220000, 0x500000 | 0x400);
    assert_int_equal(translate_by_psw(PSW_ASC_PRIMARY), 0);
    assert_int_equal(r.absolute, 0x300123);
    assert_int_equal(translate_by_psw(PSW_ASC_ACCREG), 0);
    assert_int_equal(r.absolute, 0x300123);
    assert_int_equal(translate_by_psw(PSW_ASC_SECONDARY), 0);
    assert_int_equal(r.absolute, 0x400123);
    assert_int_equal(translate_by_psw(PSW_ASC_HOME), 0);
    assert_int_equal(r.absolute, 0x500123);
    assert_int_equal(dat_psw_asce(&ctx, &real), ctx.cr[13]);
    assert_false(real);
    ctx.psw_mask = PSW_EA | PSW_BA | PSW_ASC_HOME;
    assert_int_equal(dat_psw_asce(&ctx, &real), 0);
    assert_true(real);
    assert_int_equal(dat_translate(&ctx, SPACE_PSW, 0x123, &r), 0);
    assert_int_equal(r.absolute, 0x123);

    assert_int_equal(dat_translate(&ctx, SPACE_PRIMARY, 0x123, &r), 0);
    assert_int_equal(r.absolute, 0x300123);
    assert_int_equal(dat_translate(&ctx, SPACE_SECONDARY, 0x123, &r), 0);
    assert_int_equal(r.absolute, 0x400123);
    assert_int_equal(dat_translate(&ctx, SPACE_HOME, 0x123, &r), 0);
    assert_int_equal(r.absolute, 0x500123);
}

static void instructions_are_in_the_primary_or_home_space(void **state)
{
    static const uint64_t modes[] = {PSW_ASC_PRIMARY, PSW_ASC_ACCREG, PSW_ASC_SECONDARY, PSW_ASC_HOME};
    bool real;

    (void)state;
    ctx.cr[0] = EDAT;
    ctx.cr[1] = 0x200000 | LENGTH_3;
    ctx.cr[7] = 0; /* never looked at */
    ctx.cr[13] = 0x220000 | LENGTH_3;
    dat_put(0x200000, 0x300000 | 0x400);
    dat_put(0x220000, 0x500000 | 0x400);
    for (unsigned i = 0; i < 4; i++) {
        ctx.psw_mask = PSW_DAT | PSW_EA | PSW_BA | modes[i];
        assert_int_equal(dat_translate(&ctx, SPACE_CODE, 0x123, &r), 0);
        assert_int_equal(r.absolute, modes[i] == PSW_ASC_HOME ? 0x500123 : 0x300123);
        assert_int_equal(dat_code_asce(&ctx, &real), r.asce);
        assert_false(real);
    }
    ctx.psw_mask = PSW_EA | PSW_BA | PSW_ASC_SECONDARY;
    assert_int_equal(dat_translate(&ctx, SPACE_CODE, 0x123, &r), 0);
    assert_int_equal(r.absolute, 0x123);
    assert_int_equal(dat_code_asce(&ctx, &real), 0);
    assert_true(real);
}

static void default_falls_to_home(void **state)
{
    (void)state;
    dat_put(PGT + 9 * 8, 0x234600); /* invalid, and protected: nothing of it may remain */
    assert_int_equal(dat_translate(&ctx, SPACE_DEFAULT, virt, &r), PGM_PAGE_TRANSLATION);
    ctx.cr[13] = 0x20; /* real space */
    assert_int_equal(dat_translate(&ctx, SPACE_DEFAULT, 0x3456, &r), 0);
    assert_int_equal(r.absolute, 0x3456);
    assert_int_equal(r.asce, 0x20);
    assert_false(r.protected);
    /* Home fails too: the code is that of the PSW's space. */
    assert_int_equal(dat_translate(&ctx, SPACE_DEFAULT, virt, &r), PGM_PAGE_TRANSLATION);
    assert_int_equal(dat_translate(&ctx, SPACE_PSW, 0x3456, &r), PGM_TRANSLATION_SPECIFICATION);
    /* What the PSW's space has wins. */
    dat_put(PGT + 9 * 8, 0x234000);
    assert_int_equal(dat_translate(&ctx, SPACE_DEFAULT, virt, &r), 0);
    assert_int_equal(r.absolute, 0x234abc);
}

/* After a reset CR13 is 0: the lowcore is not taken for a segment table. */
static void default_does_not_fall_to_no_home(void **state)
{
    (void)state;
    dat_put(0, 0x110000);
    ctx.psw_mask = PSW_EA | PSW_BA;
    assert_int_equal(dat_translate(&ctx, SPACE_DEFAULT, SIZE + 0x1000, &r), PGM_ADDRESSING);
    ctx.psw_mask |= PSW_DAT;
    assert_int_equal(dat_translate(&ctx, SPACE_DEFAULT, 0, &r), PGM_TRANSLATION_SPECIFICATION);
}

static void reads_across_pages(void **state)
{
    uint8_t buf[0x2000];

    (void)state;
    dat_put(PGT + 10 * 8, 0x777000);
    dat_put(0x234ff8, 0x1122334455667788);
    dat_put(0x777000, 0x99aabbccddeeff00);
    dat_put(PGT + 11 * 8, 0x400);
    assert_int_equal(dat_read(&ctx, SPACE_PRIMARY, VIRT(5, 6, 7, 8, 9, 0xffc), buf, 8), 8);
    assert_memory_equal(buf, "\x55\x66\x77\x88\x99\xaa\xbb\xcc", 8);
    /* Page 11 is invalid. */
    assert_int_equal(dat_read(&ctx, SPACE_PRIMARY, VIRT(5, 6, 7, 8, 9, 0xffc), buf, sizeof buf), 0x1004);
    assert_int_equal(dat_read(&ctx, SPACE_PRIMARY, VIRT(5, 6, 7, 8, 11, 0), buf, 1), 0);
    assert_int_equal(dat_read(&ctx, SPACE_PRIMARY, virt, buf, 0), 0);
}

static void reads_wrap_and_end_with_memory(void **state)
{
    uint8_t buf[32];

    (void)state;
    dat_put(0, 0x0102030405060708);
    dat_put(SIZE - 8, 0x1112131415161718);
    assert_int_equal(dat_read(&ctx, SPACE_ABSOLUTE, SIZE - 8, buf, sizeof buf), 8);
    assert_memory_equal(buf, "\x11\x12\x13\x14\x15\x16\x17\x18", 8);
    ctx.psw_mask = 0; /* 24-bit: 16 MiB and no more */
    assert_int_equal(dat_read(&ctx, SPACE_REAL, SIZE - 4, buf, 8), 8);
    assert_memory_equal(buf, "\x15\x16\x17\x18\x01\x02\x03\x04", 8);
}

/* ---- memory that a function reads ---- */

#define HOLE 0x500000ULL
#define HOLE_END 0x501000ULL

static size_t read_with_hole(void *reader, uint64_t absolute, void *buf, size_t len)
{
    const uint8_t *memory = reader;

    assert_true(absolute < SIZE && len <= SIZE - absolute);
    if (absolute >= HOLE && absolute < HOLE_END)
        return 0;
    if (absolute < HOLE && len > HOLE - absolute)
        len = HOLE - absolute;
    memcpy(buf, memory + absolute, len);
    return len;
}

/* The tables of the rig, seen through a function; the rig's memory stays in *memory. */
static struct dat_context with_reader(void)
{
    struct dat_context by_function = ctx;

    by_function.memory = NULL;
    by_function.read = read_with_hole;
    by_function.reader = dat_at(0);
    return by_function;
}

static void walks_tables_that_a_function_reads(void **state)
{
    struct dat_context by_function = with_reader();
    uint8_t buf[8];

    (void)state;
    dat_put(0x234abc, 0x1122334455667788);
    assert_int_equal(dat_translate(&by_function, SPACE_PRIMARY, virt, &r), 0);
    assert_int_equal(r.absolute, 0x234abc);
    assert_int_equal(dat_read(&by_function, SPACE_PRIMARY, virt, buf, sizeof buf), sizeof buf);
    assert_memory_equal(buf, "\x11\x22\x33\x44\x55\x66\x77\x88", sizeof buf);
    by_function.cr[1] = ~0xfffULL | 0xc | LENGTH_3; /* the entry's address wraps */
    assert_int_equal(dat_translate(&by_function, SPACE_PRIMARY, virt, &r), PGM_ADDRESSING);
}

static void a_hole_is_outside_of_memory(void **state)
{
    struct dat_context by_function = with_reader();
    struct dat_walk walk;
    uint8_t buf[0x2000];

    (void)state;
    by_function.walk = &walk;
    dat_put(PGT + 9 * 8, HOLE - 0x1000);
    dat_put(PGT + 10 * 8, HOLE);
    dat_put(PGT + 11 * 8, HOLE_END);
    assert_int_equal(dat_read(&by_function, SPACE_PRIMARY, VIRT(5, 6, 7, 8, 9, 0xff0), buf, sizeof buf), 16);
    assert_int_equal(dat_read(&by_function, SPACE_PRIMARY, VIRT(5, 6, 7, 8, 10, 0), buf, 1), 0);
    assert_int_equal(dat_read(&by_function, SPACE_ABSOLUTE, HOLE - 8, buf, 64), 8);
    dat_put(SGT + 8 * 8, HOLE); /* the page table itself */
    assert_int_equal(dat_translate(&by_function, SPACE_PRIMARY, virt, &r), PGM_ADDRESSING);
    assert_string_equal(walk.why, "the entry lies outside of memory");
    assert_int_equal(walk.step[walk.n - 1].table, DAT_PAGE_TABLE);
    assert_int_equal(walk.step[walk.n - 1].bytes, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, dat_setup, dat_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(walks_all_levels),
        TEST(starts_at_every_designation_type),
        TEST(meets_invalid_entries),
        TEST(meets_wrong_types),
        TEST(invalid_comes_before_wrong_type),
        TEST(respects_table_lengths),
        TEST(respects_table_offsets),
        TEST(collects_protection),
        TEST(refuses_common_segments_in_private_spaces),
        TEST(tables_must_lie_in_memory),
        TEST(frames_must_lie_in_memory),
        TEST(large_frames_need_enhanced_dat),
        TEST(two_gib_frames_need_edat2),
        TEST(prefixes_pages_but_no_larger_frames),
        TEST(does_not_prefix_tables),
        TEST(real_addresses_are_prefixed),
        TEST(ignores_a_prefix_outside_memory),
        TEST(absolute_addresses_stay),
        TEST(real_space_designation_is_prefixed),
        TEST(wraps_before_translation),
        TEST(left_stops_where_addresses_wrap),
        TEST(chooses_the_space_of_the_psw),
        TEST(instructions_are_in_the_primary_or_home_space),
        TEST(default_falls_to_home),
        TEST(default_does_not_fall_to_no_home),
        TEST(reads_across_pages),
        TEST(reads_wrap_and_end_with_memory),
        TEST(walks_tables_that_a_function_reads),
        TEST(a_hole_is_outside_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
