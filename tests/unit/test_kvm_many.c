/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many breakpoints: one more beside those that there are is judged by itself; a thousand of them are in force
 * together, in whatever order they were set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

static int setup(void **state)
{
    if (rig_setup(state) < 0)
        return -1;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1 END);
    return 0;
}

/* ---- one more ---- */

static bool one_more(enum bp_kind kind, uint64_t addr, uint64_t len, unsigned used, unsigned *units)
{
    struct breakpoint b = {.kind = kind, .addr = addr, .len = len};

    rig_err.text[0] = '\0';
    return machine_check_breakpoint(rig, 0, &b, used, units, &rig_err) == 0;
}

static void takes(enum bp_kind kind, uint64_t addr, uint64_t len, unsigned expected)
{
    unsigned units = 99;

    assert_true(one_more(kind, addr, len, 0, &units));
    assert_int_equal(units, expected);
}

static void one_more_takes_what_it_needs_of_per(void **state)
{
    (void)state;
    takes(BP_SOFTWARE, 0x2004, 0, 0);
    takes(BP_HARDWARE, 0x2004, 0, 1);
    takes(BP_SOFTWARE, 0x100000, 0, 1); /* no code there yet */
    takes(BP_WRITE, 0x3000, 100, 1);
    takes(BP_WRITE, 0x3000, 101, 2);
}

static void one_more_is_refused_where_per_is_full(void **state)
{
    unsigned units;

    (void)state;
    assert_true(one_more(BP_HARDWARE, 0x2004, 0, KERNEL_HW_MAX - 1, &units));
    assert_false(one_more(BP_HARDWARE, 0x2004, 0, KERNEL_HW_MAX, &units));
    rig_assert_says("KVM has 50 hardware breakpoints and watchpoints");
    assert_false(one_more(BP_WRITE, 0x3000, 101, KERNEL_HW_MAX - 1, &units));
    assert_true(one_more(BP_SOFTWARE, 0x2004, 0, KERNEL_HW_MAX, &units));
}

static void one_more_that_can_never_be(void **state)
{
    unsigned units;

    (void)state;
    assert_false(one_more(BP_SOFTWARE, 0x2001, 0, 0, &units));
    rig_assert_says("instructions are at even addresses");
    assert_false(one_more(BP_WRITE, RIG_MEMORY, 8, 0, &units));
    rig_assert_says("does not translate now");
}

/* ---- a thousand ---- */

#define MANY 1000
#define FIRST 0x6000

/* Every 7th of them in turn: sorted by no means. */
static uint64_t place(unsigned i)
{
    return FIRST + 4 * (uint64_t)(i * 7 % MANY);
}

static int sees_all(struct kvm_run *run)
{
    for (unsigned i = 0; i < MANY; i++)
        KERNEL_CHECK(load_be32(kernel.memory + place(i)) == 1);
    KERNEL_CHECK(kernel.nhw == 0);
    return kernel_cpu(run);
}

static void a_thousand_in_any_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        rig_put(place(i), AGHI_10_1);
        rig_breakpoint(BP_SOFTWARE, place(i), 0);
    }
    rig_set_reg(REG_PSWA, 0x2008);
    rig_put(0x2008, "a7f42478"); /* J to 0x68f8 */
    for (unsigned i = 0; i < 3; i++) {
        KERNEL_SCRIPT(sees_all);
        rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x68f8 + 4 * i);
        for (unsigned j = 0; j < MANY; j++)
            rig_assert_bytes(place(j), AGHI_10_1);
        rig_set_reg(REG_PSWA, 0x2008);
        rig_put(0x2008, i == 0 ? "a7f4247a" : i == 1 ? "a7f4247c" : "a7f4247e");
    }
    rig_no_breakpoints();
    rig_put(0x6904, END);
    rig_put64(0x3000, RIG_64BIT | PSW_WAIT);
    rig_set_reg(REG_R0 + 11, 0x3000);
    KERNEL_SCRIPT(kernel_cpu);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0);
}

/* What could be an opcode as well leaves PER to the others, however they are sorted. */
static void hardware_comes_first(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KERNEL_HW_MAX; i++)
        rig_breakpoint(BP_HARDWARE, 0x200000 + 4 * i, 0);
    rig_breakpoint(BP_SOFTWARE, 0x100000, 0);
    rig_set_reg(REG_PSWA, 0xffffc);
    rig_put(0xffffc, AGHI_10_1);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x100000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_more_takes_what_it_needs_of_per),
        TEST(one_more_is_refused_where_per_is_full),
        TEST(one_more_that_can_never_be),
        TEST(a_thousand_in_any_order),
        TEST(hardware_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
