/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The word of storage that a plan watches: by PER while DAT is off and nothing else uses it, else before each
 * entry into the guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

#define WORD 0xe0c
#define SET_WORD_1 "92010e13" /* MVI: its last byte */
#define SIGP_SET_ARCHITECTURE "ae000012"

static void watch(uint64_t seen, bool again)
{
    rig_word((struct watched_word){.wanted = true, .again = again, .absolute = WORD, .seen = seen});
}

static int setup(void **state)
{
    if (rig_setup(state) < 0)
        return -1;
    rig_put64(0x3000, RIG_64BIT | PSW_WAIT);
    rig_put64(0x3008, 0x3333);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_word((struct watched_word){.wanted = false});
    return 0;
}

static void stops_behind_the_store(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2000, SET_WORD_1 AGHI_10_1 END);
    watch(0, false);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WORD, 0x2004);
    assert_int_equal(stop.addr, WORD);
    assert_int_equal(rig_reg(R10), 0);
    watch(1, false);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 1);
    assert_int_equal(kernel.nhw, 0);
}

static void what_is_not_wanted_costs_nothing(void **state)
{
    (void)state;
    rig_put(0x2000, SET_WORD_1 AGHI_10_1 END);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(kernel.debug_control, 0);
    assert_int_equal(kernel.nhw, 0);
}

static void stops_before_the_guest_is_entered(void **state)
{
    unsigned runs = kernel.runs;

    (void)state;
    rig_put(0x2000, AGHI_10_1 END);
    rig_put64(WORD, 0x700);
    watch(0, false);
    rig_assert_stop(rig_continue(), STOP_WORD, 0x2000);
    assert_int_equal(kernel.runs, runs);
    rig_put64(WORD, 0);
    watch(0x700, false);
    rig_assert_stop(rig_continue(), STOP_WORD, 0x2000);
}

/* PER has one range: it is left to the breakpoint. */
static void is_found_at_an_exit_while_per_is_in_use(void **state)
{
    (void)state;
    rig_put(0x2000, SET_WORD_1 AGHI_10_1 SIGP_SET_ARCHITECTURE AGHI_10_1 END);
    rig_breakpoint(BP_HARDWARE, 0x2010, 0);
    watch(0, false);
    rig_assert_stop(rig_continue(), STOP_WORD, 0x200c);
    assert_int_equal(rig_reg(R10), 1);
    assert_int_equal(kernel.nhw, 1);
    assert_int_equal(kernel.hw[0].type, KVM_HW_BP);
}

static int turns_dat_on(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == WORD && kernel.hw[0].type == KVM_HW_WP_WRITE);
    run->psw_mask |= PSW_DAT;
    return -EINTR;
}

static int is_not_watched(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 0);
    run->psw_mask = RIG_64BIT | PSW_WAIT;
    return kernel_intercept(run, 0x1c, 0, 0);
}

static void per_does_not_watch_for_ever(void **state)
{
    (void)state;
    KERNEL_SCRIPT(turns_dat_on, is_not_watched);
    watch(0, false);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x2000);
}

static int is_kicked(struct kvm_run *run)
{
    (void)run;
    return -EINTR;
}

/* What the word leads to may come a moment later. */
static void stops_again_though_nothing_has_changed(void **state)
{
    (void)state;
    rig_put64(WORD, 0x700);
    KERNEL_SCRIPT(is_kicked);
    watch(0x700, true);
    rig_assert_stop(rig_continue(), STOP_WORD, 0x2000);
    assert_int_equal(kernel_script_left(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stops_behind_the_store),
        TEST(what_is_not_wanted_costs_nothing),
        TEST(stops_before_the_guest_is_entered),
        TEST(is_found_at_an_exit_while_per_is_in_use),
        TEST(per_does_not_watch_for_ever),
        TEST(stops_again_though_nothing_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
