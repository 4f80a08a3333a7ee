/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a kernel is by its addresses, of which only the place in storage is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../stub/linux/internal.h"
#include "dat_rig.h"

#define PLACE 0x634000ULL
#define INVALID 0x20
#define SGT2 0x120000
#define PGT2 0x124000
#define INVALID_PAGE 0x400

/* Tables as the loader makes them: all of storage at its own addresses with 1 MiB frames, and whatever a test
 * maps above. Entries that are not used are invalid, with the type of their table. */
static int setup(void **state)
{
    if (dat_setup_empty(state) < 0)
        return -1;
    for (unsigned i = 0; i < 2048; i++) {
        dat_put(RST + i * 8, 0x8 | INVALID);
        dat_put(RTT + i * 8, 0x4 | INVALID);
        dat_put(SGT + i * 8, INVALID);
    }
    for (unsigned i = 0; i < 256; i++)
        dat_put(PGT + i * 8, INVALID_PAGE);
    dat_put(RST, RTT | 0x8 | LENGTH_3);
    dat_put(RTT, SGT | 0x4 | LENGTH_3);
    for (uint64_t i = 0; i < SIZE >> 20; i++)
        dat_put(SGT + i * 8, i << 20 | 0x400);
    ctx.cr[0] = EDAT;
    ctx.cr[13] = RTT | 0x4 | LENGTH_3;
    return 0;
}

/* The kernel's first byte, 1 MiB behind its place, in a frame of 4 KiB in the megabyte at these indexes. */
static void map(unsigned region_third, unsigned segment)
{
    dat_put(RTT + region_third * 8, SGT2 | 0x4 | LENGTH_3);
    for (unsigned i = 0; i < 2048; i++)
        dat_put(SGT2 + i * 8, INVALID);
    dat_put(SGT2 + segment * 8, PGT2);
    for (unsigned i = 0; i < 256; i++)
        dat_put(PGT2 + i * 8, INVALID_PAGE);
    dat_put(PGT2 + (PLACE >> 12 & 0xff) * 8, PLACE + 0x100000);
}

static void at_its_own_address(void **state)
{
    uint64_t virtual = 0;

    (void)state;
    assert_true(linux_placed(&ctx, PLACE, &virtual));
    assert_int_equal(virtual, PLACE);
}

static void above_storage(void **state)
{
    uint64_t virtual = 0;

    (void)state;
    map(1214, 685);
    assert_true(linux_placed(&ctx, PLACE, &virtual));
    assert_int_equal(virtual, VIRT(0, 0, 1214, 684, PLACE >> 12 & 0xff, 0));
}

/* A space of four levels, with the kernel in its first part. */
static void in_a_larger_space(void **state)
{
    uint64_t virtual = 0;

    (void)state;
    map(1214, 685);
    ctx.cr[13] = RST | 0x8 | LENGTH_3;
    assert_true(linux_placed(&ctx, PLACE, &virtual));
    assert_int_equal(virtual, VIRT(0, 0, 1214, 684, PLACE >> 12 & 0xff, 0));
}

static void nowhere(void **state)
{
    uint64_t virtual = 0;

    (void)state;
    for (uint64_t i = 0; i < SIZE >> 20; i++)
        dat_put(SGT + i * 8, INVALID);
    assert_false(linux_placed(&ctx, PLACE, &virtual));
    ctx.cr[13] = 0x7;
    assert_false(linux_placed(&ctx, PLACE, &virtual));
}

/* Tables that lead to each other: as many addresses as there are, and all of them mapped. */
static void tables_without_end(void **state)
{
    uint64_t virtual = 0;

    (void)state;
    for (unsigned i = 0; i < 2048; i++) {
        dat_put(RST + i * 8, RTT | 0x8 | LENGTH_3);
        dat_put(RTT + i * 8, SGT | 0x4 | LENGTH_3);
        dat_put(SGT + i * 8, 0x400);
    }
    ctx.cr[13] = RST | 0x8 | LENGTH_3;
    assert_false(linux_placed(&ctx, PLACE, &virtual));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, dat_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(at_its_own_address), TEST(above_storage), TEST(in_a_larger_space), TEST(nowhere),
        TEST(tables_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
