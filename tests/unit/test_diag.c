/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DIAGNOSE: resets, the IPL parameter block with everything that is wrong about one, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"
#include "zgdbd/guest.h"

#define SIZE 0x100000
#define PAGE 0x5000
#define OK 0x0001
#define NONE 0x0102
#define INVALID 0x0402
#define PATTERN 0x5555555555555555

static uint8_t base[SIZE];
static struct guest_memory memory = {base, SIZE};
static struct ipl_block block;
static struct watchdog watchdog;
static const struct diag_guest guest = {&memory, &block, &watchdog};
static uint64_t gprs[16];

static int reset(void **state)
{
    (void)state;
    memset(base, 0, sizeof base);
    memset(&block, 0, sizeof block);
    memset(&watchdog, 0, sizeof watchdog);
    memset(gprs, 0x55, sizeof gprs);
    return 0;
}

static struct diag_answer diag(uint16_t code, unsigned r1, unsigned r3, uint64_t subcode)
{
    gprs[r3] = subcode;
    return diag_call(&guest, code, r1, r3, gprs, PSW_EA | PSW_BA);
}

static void asks_for_resets(void **state)
{
    static const unsigned resets[] = {0, 1, 3, 4, 7};

    (void)state;
    for (unsigned i = 0; i < sizeof resets / sizeof resets[0]; i++) {
        struct diag_answer a = diag(0x308, 2, 4, resets[i]);

        assert_int_equal(a.action, DIAG_RESET);
        assert_int_equal(a.subcode, resets[i]);
    }
}

static void assert_program(struct diag_answer a, uint16_t code)
{
    assert_int_equal(a.action, DIAG_PROGRAM);
    assert_int_equal(a.code, code);
}

/* ---- IPL parameters ---- */

/* The response code of subcode 5 or 6 for the block at addr. */
static uint64_t parameters(unsigned subcode, uint64_t addr)
{
    gprs[14] = addr;
    assert_int_equal(diag(0x308, 14, 1, subcode).action, DIAG_DONE);
    assert_int_equal(gprs[14], addr);
    return gprs[15];
}

/* A block at PAGE: its length, that of its first part, and the type of device. */
static void put_block(uint32_t length, uint32_t part, uint8_t type)
{
    memset(base + PAGE, 0xee, 4096);
    store_be32(base + PAGE, length);
    store_be32(base + PAGE + 8, part);
    base[PAGE + 12] = type;
    base[PAGE + 13] = 0x80;
    memcpy(base + PAGE + 16, "\xd3\xd6\xc1\xc4\xf1\x40\x40\x40", 8);
}

static void nothing_was_set(void **state)
{
    (void)state;
    assert_int_equal(parameters(6, PAGE), NONE);
    assert_int_equal(load_be64(base + PAGE), 0);
}

static void stores_what_was_set(void **state)
{
    (void)state;
    put_block(200, 192, 2);
    assert_int_equal(parameters(5, PAGE), OK);
    put_block(200, 192, 0xff); /* the guest's copy changes, and a bad block replaces nothing */
    assert_int_equal(parameters(5, PAGE), INVALID);
    memset(base + 0x8000, 0x77, 4096);
    assert_int_equal(parameters(6, 0x8000), OK);
    put_block(200, 192, 2);
    assert_memory_equal(base + 0x8000, base + PAGE, 200);
    assert_int_equal(base[0x8000 + 200], 0x77);
}

static uint64_t set(uint32_t length, uint32_t part, uint8_t type)
{
    put_block(length, part, type);
    return parameters(5, PAGE);
}

static void checks_the_block(void **state)
{
    (void)state;
    assert_int_equal(set(200, 192, 2), OK);
    assert_int_equal(set(199, 191, 2), INVALID);
    assert_int_equal(set(0, 0, 2), INVALID);
    assert_int_equal(set(4096, 4088, 2), OK);
    assert_int_equal(set(4097, 192, 2), INVALID);
    assert_int_equal(set(0xffffffff, 192, 2), INVALID);
    assert_int_equal(set(200, 193, 2), INVALID); /* the part is longer than the whole */
    assert_int_equal(set(200, 0xfffffff8, 2), INVALID);
    assert_int_equal(set(384, 376, 0), OK);
    assert_int_equal(set(383, 375, 0), INVALID);
    assert_int_equal(set(4096, 4088, 5), INVALID); /* protected virtualization */
    assert_int_equal(set(4096, 4088, 0xff), INVALID);
}

static void refuse_parameters(unsigned r1, uint64_t addr, uint16_t code)
{
    for (unsigned subcode = 5; subcode <= 6; subcode++) {
        gprs[r1] = addr;
        gprs[(r1 + 1) & 15] = PATTERN;
        assert_program(diag(0x308, r1, 6, subcode), code);
        assert_int_equal(gprs[(r1 + 1) & 15], PATTERN);
    }
}

static void checks_the_blocks_place(void **state)
{
    (void)state;
    refuse_parameters(3, PAGE, PGM_SPECIFICATION); /* no pair */
    refuse_parameters(15, PAGE, PGM_SPECIFICATION);
    refuse_parameters(2, PAGE + 8, PGM_SPECIFICATION);
    refuse_parameters(2, SIZE, PGM_ADDRESSING);
    refuse_parameters(2, 0xfffffffffffff000, PGM_ADDRESSING);
    memory.size = SIZE - 8;
    refuse_parameters(2, SIZE - 4096, PGM_ADDRESSING);
    memory.size = SIZE;
    put_block(200, 192, 2);
    memcpy(base + SIZE - 4096, base + PAGE, 4096);
    assert_int_equal(parameters(5, SIZE - 4096), OK);
}

static void assert_loadparm(const char *ebcdic)
{
    char loadparm[LOADPARM_BYTES];

    ipl_block_loadparm(&block, loadparm);
    assert_memory_equal(loadparm, ebcdic, 8);
}

static void has_a_load_parameter(void **state)
{
    (void)state;
    assert_loadparm("@@@@@@@@");
    set(200, 192, 2);
    assert_loadparm("\xd3\xd6\xc1\xc4\xf1@@@");
    put_block(200, 192, 2);
    base[PAGE + 13] = 0x40; /* not marked valid */
    assert_int_equal(parameters(5, PAGE), OK);
    assert_loadparm("@@@@@@@@");
}

/* ---- watchdog ---- */

#define SECOND 1000000000ULL

static struct diag_answer timer(uint64_t function, uint64_t seconds)
{
    gprs[6] = function;
    gprs[7] = seconds;
    return diag(0x288, 6, 2, 0);
}

static void assert_timer(bool on, uint64_t seconds)
{
    assert_int_equal(watchdog.on, on);
    if (on)
        assert_int_equal(watchdog.left, seconds * SECOND);
}

static void starts_changes_and_ends_the_watchdog(void **state)
{
    (void)state;
    assert_int_equal(timer(0, 15).action, DIAG_WATCHDOG);
    assert_timer(true, 15);
    assert_int_equal(timer(1, 60).action, DIAG_WATCHDOG);
    assert_timer(true, 60);
    assert_int_equal(timer(0, 30).action, DIAG_WATCHDOG);
    assert_timer(true, 30);
    assert_int_equal(timer(2, 0).action, DIAG_WATCHDOG);
    assert_timer(false, 0);
    timer(0, UINT64_MAX);
    assert_timer(true, 0xffffffff);
}

static void refuses_watchdogs(void **state)
{
    (void)state;
    assert_program(timer(1, 15), PGM_SPECIFICATION); /* none to change, none to end */
    assert_program(timer(2, 0), PGM_SPECIFICATION);
    assert_program(timer(0, 14), PGM_SPECIFICATION);
    assert_timer(false, 0);
    timer(0, 20);
    assert_program(timer(0, 14), PGM_SPECIFICATION);
    assert_program(timer(1, 0), PGM_SPECIFICATION);
    assert_program(timer(3, 20), PGM_SPECIFICATION);
    assert_program(timer(0x100000000, 21), PGM_SPECIFICATION);
    gprs[6] = 0;
    gprs[7] = 30;
    assert_program(diag(0x288, 6, 2, 1), PGM_SPECIFICATION); /* action */
    gprs[5] = 0;
    assert_program(diag(0x288, 5, 2, 0), PGM_SPECIFICATION);
    assert_program(diag(0x288, 15, 2, 0), PGM_SPECIFICATION);
    assert_timer(true, 20);
}

static void watchdog_counts_down(void **state)
{
    (void)state;
    timer(0, 15);
    watchdog_pass(&watchdog, 5 * SECOND);
    assert_timer(true, 10);
    watchdog_pass(&watchdog, 11 * SECOND);
    assert_timer(true, 0);
}

/* ---- the rest ---- */

static void refuses_the_rest(void **state)
{
    (void)state;
    assert_program(diag(0x308, 2, 4, 2), PGM_SPECIFICATION);
    for (unsigned subcode = 8; subcode < 0x200; subcode++)
        assert_program(diag(0x308, 2, 4, subcode), PGM_SPECIFICATION);
    assert_program(diag(0x308, 2, 4, 0x10003), PGM_SPECIFICATION);
    assert_program(diag(0x308, 2, 4, 0x100000003), PGM_SPECIFICATION);
    assert_program(diag(0x500, 2, 4, 3), PGM_SPECIFICATION);
    assert_program(diag(0x501, 2, 4, 3), PGM_OPERATION);
    assert_program(diag(0x258, 2, 4, 0), PGM_SPECIFICATION);
    assert_program(diag(0x008, 2, 4, 3), PGM_SPECIFICATION);
    assert_program(diag_call(&guest, 0x308, 2, 4, gprs, PSW_PSTATE), PGM_PRIVILEGED_OPERATION);
    assert_program(diag_call(&guest, 0x999, 2, 4, gprs, PSW_PSTATE), PGM_PRIVILEGED_OPERATION);
}

/* KVM answers these itself; should it not, they are hints. */
static void takes_hints(void **state)
{
    (void)state;
    assert_int_equal(diag(0x044, 0, 0, 0).action, DIAG_DONE);
    assert_int_equal(diag(0x09c, 1, 0, 0).action, DIAG_DONE);
    assert_int_equal(diag(0x010, 2, 3, 0x5000).action, DIAG_DONE);
    assert_int_equal(gprs[2], PATTERN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(asks_for_resets, reset),
        cmocka_unit_test_setup(nothing_was_set, reset),
        cmocka_unit_test_setup(stores_what_was_set, reset),
        cmocka_unit_test_setup(checks_the_block, reset),
        cmocka_unit_test_setup(checks_the_blocks_place, reset),
        cmocka_unit_test_setup(has_a_load_parameter, reset),
        cmocka_unit_test_setup(starts_changes_and_ends_the_watchdog, reset),
        cmocka_unit_test_setup(refuses_watchdogs, reset),
        cmocka_unit_test_setup(watchdog_counts_down, reset),
        cmocka_unit_test_setup(refuses_the_rest, reset),
        cmocka_unit_test_setup(takes_hints, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
