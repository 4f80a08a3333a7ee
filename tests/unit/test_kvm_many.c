/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many breakpoints: one more beside those that there are is judged by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kvm_rig.h"

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_more_takes_what_it_needs_of_per),
        TEST(one_more_is_refused_where_per_is_full),
        TEST(one_more_that_can_never_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
