/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's watchdog on the machine: its time passes while the guest runs and only then, its end is a reset
 * that is reported and then performed, and every reset ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "kvm_rig.h"

#define SECOND 1000000000ULL
#define DIAG_288 "83680288" /* function in register 6, seconds in 7, action in 8 */
#define WATCHDOG_AT 0x2000

/* Lets the guest call DIAG 288; it stands behind it then. */
static void call(uint64_t function, uint64_t seconds)
{
    rig_put(WATCHDOG_AT, DIAG_288);
    rig_set_reg(REG_PSWA, WATCHDOG_AT);
    rig_set_reg(REG_R0 + 6, function);
    rig_set_reg(REG_R0 + 7, seconds);
    rig_set_reg(REG_R0 + 8, 0);
    rig_assert_stop(rig_step(), STOP_STEP, WATCHDOG_AT + 4);
}

static int runs_for_six_seconds(struct kvm_run *run)
{
    kernel.now += 6 * SECOND;
    return kernel_intercept(run, 0x1c, 0, 0);
}

/* The timer's signal ends KVM_RUN. */
static int runs_until_the_timer(struct kvm_run *run)
{
    (void)run;
    KERNEL_CHECK(kernel.timer > 0);
    kernel.now += kernel.timer;
    return -EINTR;
}

static int is_kicked_too_early(struct kvm_run *run)
{
    (void)run;
    kernel.now += kernel.timer - 1;
    return -EINTR;
}

static int sees_no_timer(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.timer == 0);
    kernel.now += 100 * SECOND;
    return kernel_intercept(run, 0x1c, 0, 0);
}

static void assert_over(struct stop stop)
{
    rig_assert_stop(stop, STOP_RESET, WATCHDOG_AT + 4);
    assert_true(stop.reloads);
    assert_non_null(strstr(stop.text, "watchdog"));
    assert_int_equal(kernel.timer, 0);
}

static void its_end_is_a_reset(void **state)
{
    (void)state;
    call(0, 15);
    rig_put64(0x800000, 1);
    KERNEL_SCRIPT(is_kicked_too_early, runs_until_the_timer);
    assert_over(rig_continue());
    rig_assert_bytes(0x800000, "0000000000000001");
    KERNEL_SCRIPT(sees_no_timer);
    rig_continue();
    rig_assert_bytes(0x800000, "0000000000000000");
}

static void its_end_ends_a_step(void **state)
{
    (void)state;
    call(0, 15);
    KERNEL_SCRIPT(runs_until_the_timer);
    assert_over(rig_step());
}

/* Nothing of it passes while the guest is stopped, and what had passed before is not given back. */
static void stands_still_while_the_guest_is_stopped(void **state)
{
    (void)state;
    call(0, 15);
    assert_int_equal(kernel.timer, 0);
    kernel.now += 1000 * SECOND;
    KERNEL_SCRIPT(runs_for_six_seconds);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, WATCHDOG_AT + 4);
    kernel.now += 1000 * SECOND;
    KERNEL_SCRIPT(runs_for_six_seconds);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, WATCHDOG_AT + 4);
    kernel.now += 1000 * SECOND;
    KERNEL_SCRIPT(runs_until_the_timer);
    uint64_t before = kernel.now;
    assert_over(rig_continue());
    assert_int_equal(kernel.now - before, 3 * SECOND);
}

/* The timer is armed for the guest that runs on after the call, too. */
static int calls(struct kvm_run *run)
{
    run->psw_addr = WATCHDOG_AT + 4;
    return kernel_intercept(run, 0x04, 0x8368, 0x02880000);
}

static void is_armed_while_the_guest_runs(void **state)
{
    (void)state;
    rig_set_reg(REG_R0 + 7, 20);
    KERNEL_SCRIPT(calls, runs_until_the_timer);
    assert_over(rig_continue());
    assert_int_equal(kernel.now, 20 * SECOND);
}

static int cancels(struct kvm_run *run)
{
    run->s.regs.gprs[6] = 2;
    return calls(run);
}

static void is_cancelled_while_the_guest_runs(void **state)
{
    (void)state;
    call(0, 15);
    KERNEL_SCRIPT(cancels, sees_no_timer);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, WATCHDOG_AT + 4);
}

/* Who changes the PSW wants the guest to run on: the watchdog has come to its end all the same. */
static void a_changed_psw_calls_the_reset_off(void **state)
{
    (void)state;
    call(0, 15);
    KERNEL_SCRIPT(runs_until_the_timer);
    assert_over(rig_continue());
    rig_put64(0x800000, 1);
    rig_set_reg(REG_PSWA, 0x3000);
    KERNEL_SCRIPT(sees_no_timer);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3000);
    rig_assert_bytes(0x800000, "0000000000000001");
}

static void every_reset_ends_it(void **state)
{
    (void)state;
    call(0, 15);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    KERNEL_SCRIPT(sees_no_timer);
    rig_continue();
    KERNEL_SCRIPT(kernel_cpu);
    call(0, 15);
    rig_put(0x2100, "83280308");
    rig_set_reg(REG_PSWA, 0x2100);
    rig_set_reg(REG_R0 + 8, 1);
    KERNEL_SCRIPT(kernel_cpu);
    assert_int_equal(rig_continue().reason, STOP_RESET);
    KERNEL_SCRIPT(sees_no_timer);
    rig_continue();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_end_is_a_reset),
        TEST(its_end_ends_a_step),
        TEST(stands_still_while_the_guest_is_stopped),
        TEST(is_armed_while_the_guest_runs),
        TEST(is_cancelled_while_the_guest_runs),
        TEST(a_changed_psw_calls_the_reset_off),
        TEST(every_reset_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
