/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine tells of PER: entries used and the one range over them, as KVM makes it; and what is told
 * of changes in what is watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

static struct machine_per per(void)
{
    struct machine_per p;

    assert_true(machine_per(rig, &p));
    return p;
}

static void assert_range(unsigned used, uint64_t start, uint64_t end, bool fetches, bool stores)
{
    struct machine_per p = per();

    assert_int_equal(p.used, used);
    assert_int_equal(p.max, 50);
    assert_int_equal(p.start, start);
    assert_int_equal(p.end, end);
    assert_int_equal(p.fetches, fetches);
    assert_int_equal(p.stores, stores);
}

static void one_range_over_all(void **state)
{
    (void)state;
    rig_put(0x2000, "a7f40000");
    assert_range(0, 0, 0, false, false);
    rig_breakpoint(BP_SOFTWARE, 0x2100, 0);
    rig_step();
    assert_range(0, 0, 0, false, false); /* an opcode */
    rig_breakpoint(BP_HARDWARE, 0x2200, 0);
    rig_step();
    assert_range(1, 0x21fa, 0x2200, true, false);
    rig_breakpoint(BP_HARDWARE, 2, 0);
    rig_breakpoint(BP_HARDWARE, 0x8000, 0);
    rig_step();
    assert_range(3, 0, 0x8000, true, false);
    rig_breakpoint(BP_WRITE, 0x9000, 250);
    rig_step();
    assert_range(6, 0, 0x90f9, true, true);
    rig_no_breakpoints();
    rig_breakpoint(BP_WRITE, 0x9000, 8);
    rig_step();
    assert_range(1, 0x9000, 0x9007, false, true);
}

/* While the CPU runs it is what the resume found: a software breakpoint whose code is not there counts. */
static void what_waits_for_its_code(void **state)
{
    (void)state;
    rig_put(0x2000, "a7f40000");
    rig_breakpoint(BP_SOFTWARE, 0x20000, 0);
    rig_resume(CPU_CONTINUE);
    assert_range(1, 0x1fffa, 0x20000, true, false);
    machine_interrupt(rig);
    rig_wait();
    assert_range(1, 0x1fffa, 0x20000, true, false);
    rig_put(0x20000, "0700");
    rig_resume(CPU_CONTINUE);
    machine_interrupt(rig);
    rig_wait();
    assert_range(0, 0, 0, false, false);
}

/* ---- changes ---- */

static const char *text_of_change(uint64_t addr, uint64_t len)
{
    static struct stop stop;

    rig_no_breakpoints();
    rig_breakpoint(BP_WRITE, addr, len);
    rig_set_reg(REG_PSWA, 0x2000);
    stop = rig_step();
    assert_int_equal(stop.reason, STOP_WATCH);
    assert_int_equal(stop.addr, addr);
    assert_int_equal(stop.tell, len > 8);
    return stop.text;
}

static void old_and_new(void **state)
{
    (void)state;
    rig_set_reg(REG_R0 + 12, 0x3fff);
    rig_put(0x3ff0, "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f");
    rig_put(0x2000, "9299c000");
    assert_string_equal(text_of_change(0x3ffc, 8),
                        "watchpoint at 0x3ffc: 0xc0d0e9910111213 was 0xc0d0e0f10111213");
    rig_put(0x2000, "9288c000");
    assert_string_equal(text_of_change(0x3fff, 1), "watchpoint at 0x3fff: 0x88 was 0x99");
    rig_put(0x2000, "9277c000");
    assert_string_equal(text_of_change(0x3ff0, 9 + 8),
                        "watchpoint at 0x3ff0, 17 bytes: 1 changed; 0x3fff: 77 was 88");
    rig_put(0x2000, "ad00c000"); /* into 5000 bytes, the last of which it is */
    assert_string_equal(text_of_change(0x3fff - 4999, 5000),
                        "watchpoint at 0x2c78, 5000 bytes: 1 changed; 0x3fff: 00 was 77");
}

static int stores_much(struct kvm_run *run)
{
    for (unsigned i = 0; i < 12; i++)
        kernel.memory[0x4064 - 6 + i] = (uint8_t)(i + 1); /* into two parts */
    kernel.memory[0x4040] = 5;
    return kernel_debug(run, KVM_HW_WP_WRITE, 0x4000);
}

static void many_bytes(void **state)
{
    (void)state;
    KERNEL_SCRIPT(stores_much);
    assert_string_equal(
        text_of_change(0x4000, 150),
        "watchpoint at 0x4000, 150 bytes: 13 changed; 0x4040: 0500000000000000 was 0000000000000000");
    rig_put(0x4040, "00");
    KERNEL_SCRIPT(stores_much);
    rig_put(0x405e, "00 00 00");
    assert_string_equal(
        text_of_change(0x4000, 150),
        "watchpoint at 0x4000, 150 bytes: 4 changed; 0x4040: 0500000000000000 was 0000000000000000");
    rig_put(0x405e, "00 00 00");
    KERNEL_SCRIPT(stores_much);
    assert_string_equal(text_of_change(0x4041, 149),
                        "watchpoint at 0x4041, 149 bytes: 3 changed; 0x405e: 010203 was 000000");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(one_range_over_all),
        TEST(what_waits_for_its_code),
        TEST(old_and_new),
        TEST(many_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
