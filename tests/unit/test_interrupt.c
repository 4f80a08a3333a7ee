/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program, the restart and the external interruption: what they store, where, and that a prefix outside
 * memory changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define SIZE 0x100000
static uint8_t storage[SIZE];
static const struct guest_memory memory = {storage, SIZE};

static void exchanges_psws(void **state)
{
    struct psw psw = {0x0705200180000000, 0x1234};
    const uint64_t prefix = 0x6000;

    (void)state;
    memset(storage, 0, SIZE);
    store_be64(storage + prefix + 0x1d0, 0x0404c00180000000);
    store_be64(storage + prefix + 0x1d8, 0xabcdef);
    assert_int_equal(program_interrupt(&memory, prefix, &psw, 0x0001, 4, 0x5678), 0);
    assert_int_equal(psw.mask, 0x0404c00180000000);
    assert_int_equal(psw.addr, 0xabcdef);
    assert_int_equal(load_be32(storage + prefix + 0x8c), 0x00040001);
    assert_int_equal(load_be64(storage + prefix + 0x110), 0x5678);
    assert_int_equal(load_be64(storage + prefix + 0x150), 0x0705200180000000);
    assert_int_equal(load_be64(storage + prefix + 0x158), 0x1234);
    assert_int_equal(load_be64(storage + 0x150), 0); /* not at absolute 0 */
}

static void stores_the_length_of_every_instruction(void **state)
{
    struct psw psw = {0, 0};

    (void)state;
    for (unsigned ilc = 0; ilc <= 6; ilc += 2) {
        assert_int_equal(program_interrupt(&memory, 0, &psw, 6, ilc, 0), 0);
        assert_int_equal(load_be16(storage + 0x8c), ilc);
        assert_int_equal(load_be16(storage + 0x8e), 6);
    }
}

static void refuses_a_prefix_outside_memory(void **state)
{
    static const uint64_t bad[] = {SIZE, SIZE - 0x1000, 0x1000, UINT64_MAX - 0x1fff, 0x7fffe000};
    struct psw psw = {1, 2};

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(program_interrupt(&memory, bad[i], &psw, 1, 2, 3), -1);
        assert_int_equal(psw.mask, 1);
        assert_int_equal(psw.addr, 2);
    }
    assert_int_equal(program_interrupt(&memory, SIZE - 0x2000, &psw, 1, 2, 3), 0);
}

static void restart_exchanges_psws(void **state)
{
    struct psw psw = {0x0002000180000000, 0xfff};
    const uint64_t prefix = 0x6000;

    (void)state;
    memset(storage, 0, SIZE);
    store_be64(storage + prefix + 0x1a0, 0x0000000180000000);
    store_be64(storage + prefix + 0x1a8, 0xabcdef);
    assert_int_equal(restart_interrupt(&memory, prefix, &psw), 0);
    assert_int_equal(psw.mask, 0x0000000180000000);
    assert_int_equal(psw.addr, 0xabcdef);
    assert_int_equal(load_be64(storage + prefix + 0x120), 0x0002000180000000);
    assert_int_equal(load_be64(storage + prefix + 0x128), 0xfff);
    assert_int_equal(restart_interrupt(&memory, SIZE, &psw), -1);
    assert_int_equal(psw.addr, 0xabcdef);
}

static void external_exchanges_psws(void **state)
{
    struct psw psw = {0x0302000180000000, 0x1234};
    const uint64_t prefix = 0x6000;

    (void)state;
    memset(storage, 0xee, SIZE);
    store_be64(storage + prefix + 0x1b0, 0x0000000180000000);
    store_be64(storage + prefix + 0x1b8, 0xabcdef);
    assert_int_equal(external_interrupt(&memory, prefix, &psw, 0x0040, 0x1122334455667788), 0);
    assert_int_equal(psw.mask, 0x0000000180000000);
    assert_int_equal(psw.addr, 0xabcdef);
    assert_int_equal(load_be64(storage + prefix + 0x80), 0x5566778800000040);
    assert_int_equal(load_be64(storage + prefix + 0x130), 0x0302000180000000);
    assert_int_equal(load_be64(storage + prefix + 0x138), 0x1234);
    assert_int_equal(load_be64(storage + prefix + 0x11b8), 0x1122334455667788);
    assert_int_equal(external_interrupt(&memory, SIZE, &psw, 0x0040, 0), -1);
    assert_int_equal(psw.addr, 0xabcdef);
}

/* Bits 48 to 59 of control register 0 (Principles, chapter 6, "External Interruption"). */
static void external_subclasses(void **state)
{
    static const struct {
        uint16_t code;
        unsigned bit;
    } table[] = {{0x0040, 57}, {0x1004, 52}, {0x1005, 53}, {0x1200, 48}, {0x1201, 49},
                 {0x1202, 50}, {0x1406, 59}, {0x1407, 58}, {0x2401, 54}, {0x2603, 54}};

    (void)state;
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(external_subclass(table[i].code), 1ULL << (63 - table[i].bit));
    assert_int_equal(external_subclass(0x4711), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanges_psws),
        cmocka_unit_test(stores_the_length_of_every_instruction),
        cmocka_unit_test(refuses_a_prefix_outside_memory),
        cmocka_unit_test(restart_exchanges_psws),
        cmocka_unit_test(external_exchanges_psws),
        cmocka_unit_test(external_subclasses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
