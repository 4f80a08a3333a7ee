/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interruptions from outside put off while the CPU is stepped: one is pending all the time, no step lands in
 * its handler, and neither the debugger nor the guest sees that the PSW's masks were off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

#define RIG_RESTART 0x5300
#define ENABLED (RIG_64BIT | PSW_IO | PSW_EXT | PSW_MCHECK)
#define R11 (REG_R0 + 11)

/* One external interruption is pending. */
static int setup(void **state)
{
    if (rig_setup(state))
        return -1;
    assert_int_equal(machine_set(rig, MACHINE_STEP_INTERRUPTS, 0, &rig_err), 0);
    rig_put64(0x1a0, RIG_64BIT);
    rig_put64(0x1a8, RIG_RESTART);
    rig_put(RIG_RESTART, AGHI_10_1);
    rig_set_reg(REG_PSWM, ENABLED);
    rig_set_reg(R11, 0x3000);
    kernel.external_pending = true;
    return 0;
}

static void steps_to(uint64_t pc, uint64_t mask)
{
    struct stop stop = rig_step();

    rig_assert_stop(stop, STOP_STEP, pc);
    assert_int_equal(rig_reg(REG_PSWM) & ~PSW_CC, mask);
    assert_int_equal(stop.psw.mask & ~PSW_CC, mask);
    assert_true(kernel.external_pending);
}

static void assert_old_psw(unsigned at, uint64_t mask, uint64_t addr)
{
    assert_int_equal(load_be64(kernel.memory + at) & ~PSW_CC, mask);
    assert_int_equal(load_be64(kernel.memory + at + 8), addr);
}

static void it_comes_when_the_cpu_continues(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "0700" AGHI_10_1 "a7f4fffb");
    for (unsigned round = 0; round < 3; round++) {
        steps_to(0x2004, ENABLED);
        steps_to(0x2006, ENABLED);
        steps_to(0x200a, ENABLED);
        steps_to(0x2000, ENABLED);
    }
    assert_int_equal(rig_reg(R10), 6);
    rig_breakpoint(BP_SOFTWARE, RIG_EXTERNAL, 0);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, RIG_EXTERNAL);
    assert_old_psw(0x130, ENABLED, 0x2000);
}

static void in_a_range(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "ac00b000"
                              "ad03b008" AGHI_10_1 "a7f40f80");
    rig_assert_stop(rig_range(0x2000, 0x2100), STOP_STEP, 0x3f10);
    assert_int_equal(rig_reg(REG_PSWM) & ~PSW_CC, ENABLED);
    assert_int_equal(kernel.memory[0x3000], 3);
    assert_int_equal(kernel.memory[0x3008], 0);
    assert_true(kernel.external_pending);
}

/* Those that belong to the instruction are taken, and their old PSW is true: whether KVM delivers them at
 * once or not, and whatever was there before. */
static void old_psws(void **state)
{
    (void)state;
    rig_put(0x2000, "0a05");
    rig_put64(0x140, RIG_64BIT);
    rig_put64(0x148, 0x2002);
    steps_to(RIG_SVC, RIG_64BIT);
    assert_old_psw(0x140, ENABLED, 0x2002);
    rig_put(0x2000, "b9ff0000");
    rig_put(0x2100, "5810c000");
    rig_set_reg(REG_R0 + 12, RIG_MEMORY);
    for (int exact = 0; exact < 2; exact++) {
        kernel.exact_steps = exact;
        for (unsigned pc = 0x2000; pc <= 0x2100; pc += 0x100) {
            rig_set_reg(REG_PSWA, pc);
            rig_set_reg(REG_PSWM, ENABLED);
            steps_to(RIG_PROGRAM, RIG_64BIT);
            assert_old_psw(0x150, ENABLED, pc + 4);
        }
    }
}

/* What looks like the old PSW of an interruption is one of long ago. */
static void no_interruption(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1);
    for (unsigned old = 0x120; old < 0x180; old += 16) {
        rig_put64(old, RIG_64BIT);
        rig_put64(old + 8, 0x2000);
    }
    steps_to(0x2004, ENABLED);
    assert_old_psw(0x150, RIG_64BIT, 0x2000);
}

static void a_restart_is_not_put_off(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1);
    kernel.external_pending = false;
    kernel.restart_pending = true;
    rig_assert_stop(rig_step(), STOP_STEP, RIG_RESTART);
    assert_old_psw(0x120, ENABLED, 0x2000);
}

/* ---- instructions about masks ---- */

static void storing_and_changing(void **state)
{
    (void)state;
    rig_put(0x2000, "acfeb000 ad00b001 ad01b002 ac00b003 ad02b004 44001000 4420100a ac00c000");
    rig_put(0x2800, "acfeb005 0700 0700 0700 ac02b006");
    rig_put(0x3000, "ffffffffffffff");
    rig_set_reg(REG_R0 + 1, 0x2800);
    rig_set_reg(REG_R0 + 2, 1);
    rig_set_reg(REG_R0 + 12, RIG_MEMORY);
    steps_to(0x2004, ENABLED & ~PSW_EXT);
    steps_to(0x2008, ENABLED & ~PSW_EXT);
    steps_to(0x200c, ENABLED);
    steps_to(0x2010, ENABLED & ~(PSW_EXT | PSW_IO));
    steps_to(0x2014, ENABLED & ~PSW_EXT);
    rig_set_reg(REG_PSWM, ENABLED);
    steps_to(0x2018, ENABLED & ~PSW_EXT);
    rig_set_reg(REG_PSWM, ENABLED);
    steps_to(0x201c, ENABLED); /* the register adds E to what is kept */
    rig_assert_bytes(0x3000, "03020203000303");
    steps_to(RIG_PROGRAM, RIG_64BIT);
    assert_old_psw(0x150, ENABLED, 0x2020);
}

static void loading_a_byte(void **state)
{
    (void)state;
    rig_put(0x3000, "000103");
    rig_put(0x2000, "8000b000 8000b001 8000b002 8000c000");
    steps_to(0x2004, RIG_64BIT | PSW_MCHECK);
    steps_to(0x2008, RIG_64BIT | PSW_MCHECK | PSW_EXT);
    steps_to(0x200c, ENABLED);
    rig_set_reg(REG_R0 + 12, RIG_MEMORY);
    steps_to(RIG_PROGRAM, RIG_64BIT);
    assert_old_psw(0x150, ENABLED, 0x2010);
}

/* A PSW without masks at the next instruction is no sign that nothing was loaded. */
static void loading_a_psw(void **state)
{
    (void)state;
    rig_put(0x2000, "b2b2b000"
                    "b2b2b010"
                    "b2b2b020"
                    "b2b2c000");
    for (unsigned i = 0; i < 3; i++) {
        rig_put64(0x3000 + 16 * i, i == 0 ? RIG_64BIT : i == 1 ? ENABLED : RIG_64BIT | PSW_EXT);
        rig_put64(0x3008 + 16 * i, 0x2004 + 4 * i);
    }
    rig_set_reg(REG_R0 + 12, RIG_MEMORY);
    steps_to(0x2004, RIG_64BIT);
    steps_to(0x2008, ENABLED);
    steps_to(0x200c, RIG_64BIT | PSW_EXT);
    steps_to(RIG_PROGRAM, RIG_64BIT);
    assert_old_psw(0x150, RIG_64BIT | PSW_EXT, 0x2010);
}

static void loading_a_wait(void **state)
{
    (void)state;
    rig_put(0x2000, "b2b2b000");
    rig_put64(0x3000, ENABLED | PSW_WAIT);
    rig_put64(0x3008, 0x2100);
    steps_to(0x2100, ENABLED | PSW_WAIT);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_EXTERNAL); /* which it waits for */
    assert_old_psw(0x130, ENABLED | PSW_WAIT, 0x2100);
}

static void extracting(void **state)
{
    (void)state;
    rig_put(0x2000, "b98d0045 b98d0040 b98d0044 44001000");
    rig_put(0x2800, "b98d0067");
    rig_set_reg(REG_R0 + 1, 0x2800);
    rig_set_reg(REG_R0 + 4, UINT64_MAX);
    steps_to(0x2004, ENABLED);
    assert_int_equal(rig_reg(REG_R0 + 4), 0xffffffff00000000 | ENABLED >> 32);
    assert_int_equal(rig_reg(REG_R0 + 5), ENABLED & 0xffffffff);
    rig_set_reg(REG_R0 + 4, 0);
    steps_to(0x2008, ENABLED);
    assert_int_equal(rig_reg(REG_R0 + 4), ENABLED >> 32);
    steps_to(0x200c, ENABLED);
    assert_int_equal(rig_reg(REG_R0 + 4), ENABLED & 0xffffffff);
    steps_to(0x2010, ENABLED);
    assert_int_equal(rig_reg(REG_R0 + 6), ENABLED >> 32);
}

/* An EXECUTE whose target cannot be had, and one of what is hidden (BAKR), which is stepped as it is. */
static void what_cannot_be_mended(void **state)
{
    (void)state;
    rig_put(0x2000, "4400c000 44001000");
    rig_put(0x2800, "b2400012");
    rig_set_reg(REG_R0 + 1, 0x2800);
    rig_set_reg(REG_R0 + 12, RIG_MEMORY);
    steps_to(RIG_PROGRAM, RIG_64BIT);
    assert_old_psw(0x150, ENABLED, 0x2004);
    rig_set_reg(REG_PSWA, 0x2004);
    rig_set_reg(REG_PSWM, ENABLED);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_EXTERNAL);
    assert_old_psw(0x130, ENABLED, 0x2004);
}

/* ---- stops on the way ---- */

static void interrupt(void)
{
    kernel.before_run = NULL;
    machine_interrupt(rig);
}

static void interrupted(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2000, "a7f40000");
    kernel.before_run = interrupt;
    stop = rig_step();
    rig_assert_stop(stop, STOP_INTERRUPT, 0x2000);
    assert_int_equal(stop.psw.mask, ENABLED);
    assert_int_equal(rig_reg(REG_PSWM), ENABLED);
}

/* A service call is answered with the true PSW: its signal may be taken only when the CPU continues. */
static void in_user_space(void **state)
{
    (void)state;
    rig_put(0x2000, "b2200012 83000999");
    rig_set_reg(REG_R0 + 1, 0x00020001);
    rig_set_reg(REG_R0 + 2, 0x4000);
    rig_put(0x4000, "0008");
    steps_to(0x2004, ENABLED);
    steps_to(RIG_PROGRAM, RIG_64BIT);
    assert_old_psw(0x150, ENABLED, 0x2008);
}

/* A breakpoint that was told is not told again because an interruption comes when the CPU goes on. */
static void past_a_reported_breakpoint(void **state)
{
    (void)state;
    rig_put(0x2000, "0700" AGHI_10_1 "a7f4fffd");
    rig_put(RIG_EXTERNAL, "b2b20130"); /* LPSWE of the old PSW */
    rig_breakpoint(BP_SOFTWARE, 0x2000, 0);
    for (unsigned round = 0; round < 5; round++) {
        rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2000);
        assert_int_equal(rig_reg(R10), round);
        kernel.external_pending = true;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(it_comes_when_the_cpu_continues),
        TEST(in_a_range),
        TEST(old_psws),
        TEST(no_interruption),
        TEST(a_restart_is_not_put_off),
        TEST(storing_and_changing),
        TEST(loading_a_byte),
        TEST(loading_a_psw),
        TEST(loading_a_wait),
        TEST(extracting),
        TEST(what_cannot_be_mended),
        TEST(interrupted),
        TEST(in_user_space),
        TEST(past_a_reported_breakpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
