/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's TOD clock on the machine: it stands while no CPU runs and goes on from there, unless it is to
 * run on; what the debugger writes into it is what the guest goes on with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "kvm_rig.h"

#define SECOND 1000000000ULL
#define TOD_SECOND 4096000000ULL

static uint64_t entered; /* the clock when the guest was last entered */

/* The guest runs for two seconds. */
static int runs(struct kvm_run *run)
{
    entered = kernel_guest_tod();
    kernel.now += 2 * SECOND;
    return kernel_intercept(run, 0x1c, 0, 0);
}

static int runs_for_half_a_second(struct kvm_run *run)
{
    kernel.now += SECOND / 2;
    return kernel_intercept(run, 0x1c, 0, 0);
}

static void run_once(void)
{
    KERNEL_SCRIPT(runs);
    rig_continue();
}

static void stop_for(uint64_t seconds)
{
    kernel.now += seconds * SECOND;
}

static void runs_on(bool wanted)
{
    assert_int_equal(machine_set(rig, MACHINE_TOD_RUNS, wanted, &rig_err), 0);
    assert_int_equal(machine_get(rig, MACHINE_TOD_RUNS), wanted);
}

static void stands_while_the_guest_is_stopped(void **state)
{
    uint64_t at;

    (void)state;
    assert_int_equal(machine_get(rig, MACHINE_TOD_RUNS), 0);
    at = rig_reg(REG_TOD);
    stop_for(3600); /* from the machine's creation on */
    run_once();
    assert_int_equal(entered, at);
    assert_int_equal(rig_reg(REG_TOD), at + 2 * TOD_SECOND);
    stop_for(60);
    assert_int_equal(rig_reg(REG_TOD), at + 2 * TOD_SECOND);
    run_once();
    assert_int_equal(entered, at + 2 * TOD_SECOND);
}

/* The guest leaves KVM in between. */
static int goes_on(struct kvm_run *run)
{
    return runs(run), -EINTR;
}

static void assert_calls(uint64_t nanoseconds, unsigned calls)
{
    kernel.tod_gets = kernel.tod_sets = 0;
    kernel.now += nanoseconds;
    KERNEL_SCRIPT(goes_on, goes_on, runs);
    rig_continue();
    assert_int_equal(kernel.tod_gets, calls);
    assert_int_equal(kernel.tod_sets, calls);
}

/* A stop that is too short to be worth it passes, and costs no call to the kernel. */
static void costs_nothing_where_nothing_is_gained(void **state)
{
    uint64_t at;

    (void)state;
    run_once();
    assert_calls(SECOND / 1000 - 1, 0);
    assert_calls(SECOND / 1000, 1);
    at = rig_reg(REG_TOD);
    kernel.now += SECOND / 2000;
    assert_int_equal(rig_reg(REG_TOD), at);
    run_once();
    assert_int_equal(entered, at + TOD_SECOND / 2000);
    runs_on(true);
    assert_calls(60 * SECOND, 0);
}

/* Below 0 of the clock's 64 bits is the epoch before. */
static void stands_in_the_epoch_before(void **state)
{
    (void)state;
    rig_set_reg(REG_TOD, UINT64_MAX - TOD_SECOND);
    rig_set_reg(REG_TOD_EPOCH, 1);
    run_once();
    assert_int_equal(rig_reg(REG_TOD_EPOCH), 2);
    rig_set_reg(REG_TOD, UINT64_MAX - TOD_SECOND);
    rig_set_reg(REG_TOD_EPOCH, 1);
    KERNEL_SCRIPT(runs_for_half_a_second);
    rig_continue();
    stop_for(60);
    assert_int_equal(rig_reg(REG_TOD), UINT64_MAX - TOD_SECOND / 2);
    assert_int_equal(rig_reg(REG_TOD_EPOCH), 1);
}

static void runs_on_if_asked(void **state)
{
    uint64_t at;

    (void)state;
    run_once();
    at = rig_reg(REG_TOD);
    stop_for(30);
    runs_on(true);
    assert_int_equal(rig_reg(REG_TOD), at + 30 * TOD_SECOND);
    stop_for(30);
    assert_int_equal(rig_reg(REG_TOD), at + 60 * TOD_SECOND);
    run_once();
    assert_int_equal(entered, at + 60 * TOD_SECOND);
    stop_for(10);
    run_once();
    assert_int_equal(entered, at + 72 * TOD_SECOND);
}

static void stands_again_from_then_on(void **state)
{
    uint64_t at;

    (void)state;
    runs_on(true);
    run_once();
    at = rig_reg(REG_TOD);
    stop_for(5);
    runs_on(false);
    stop_for(100);
    runs_on(false); /* nothing new */
    assert_int_equal(rig_reg(REG_TOD), at + 5 * TOD_SECOND);
    run_once();
    assert_int_equal(entered, at + 5 * TOD_SECOND);
}

static void assert_written_clock(uint64_t stopped_for)
{
    rig_set_reg(REG_TOD, 0x123456789abcd000);
    rig_set_reg(REG_TOD_EPOCH, 3);
    assert_int_equal(rig_reg(REG_TOD), 0x123456789abcd000);
    assert_int_equal(rig_reg(REG_TOD_EPOCH), 3);
    stop_for(stopped_for);
    run_once();
    assert_int_equal(entered, 0x123456789abcd000 + (machine_get(rig, MACHINE_TOD_RUNS) ? 7 : 0) * TOD_SECOND);
    assert_int_equal(rig_reg(REG_TOD_EPOCH), 3);
}

static void what_is_written_is_the_guests(void **state)
{
    (void)state;
    assert_written_clock(7);
    runs_on(true);
    assert_written_clock(7);
}

static void no_epoch_index_without_the_facility(void **state)
{
    uint8_t bytes[4];

    (void)state;
    store_be32(bytes, 1);
    assert_int_equal(machine_write_reg(rig, 0, REG_TOD_EPOCH, bytes), -1);
    assert_int_equal(rig_reg(REG_TOD_EPOCH), 0);
    store_be32(bytes, 0);
    assert_int_equal(machine_write_reg(rig, 0, REG_TOD_EPOCH, bytes), 0);
}

static void epoch_indexes_have_eight_bits(void **state)
{
    uint8_t bytes[4];

    (void)state;
    store_be32(bytes, 0x100);
    assert_int_equal(machine_write_reg(rig, 0, REG_TOD_EPOCH, bytes), -1);
}

static int setup_old_machine(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    kernel.multiple_epoch = false;
    return rig_create() ? 0 : -1;
}

static int setup_old_kernel(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    kernel.no_tod_ext = true;
    kernel.multiple_epoch = false;
    return rig_create() ? 0 : -1;
}

static int setup_without(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    kernel.no_tod = true;
    return rig_create() ? 0 : -1;
}

/* The guest runs all the same. */
static void a_kernel_without_it(void **state)
{
    uint8_t bytes[8];

    (void)state;
    assert_int_equal(machine_read_reg(rig, 0, REG_TOD, bytes), -1);
    assert_int_equal(machine_write_reg(rig, 0, REG_TOD, bytes), -1);
    run_once();
    stop_for(7);
    run_once();
}

static void a_reset_leaves_it(void **state)
{
    uint64_t at;

    (void)state;
    run_once();
    at = rig_reg(REG_TOD);
    stop_for(60);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    assert_int_equal(rig_reg(REG_TOD), at);
    stop_for(60);
    run_once();
    assert_int_equal(entered, at);
}

/* The guest has set its clock itself. */
static int sets_the_clock(struct kvm_run *run)
{
    kernel.tod_epoch += 1000 * TOD_SECOND;
    return runs(run);
}

static void the_guests_own_setting_stays(void **state)
{
    uint64_t at;

    (void)state;
    run_once();
    at = rig_reg(REG_TOD);
    KERNEL_SCRIPT(sets_the_clock);
    rig_continue();
    stop_for(60);
    run_once();
    assert_int_equal(entered, at + 1002 * TOD_SECOND);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stands_while_the_guest_is_stopped),
        cmocka_unit_test_setup_teardown(stands_while_the_guest_is_stopped, setup_old_kernel, rig_teardown),
        TEST(costs_nothing_where_nothing_is_gained),
        TEST(stands_in_the_epoch_before),
        TEST(runs_on_if_asked),
        TEST(stands_again_from_then_on),
        TEST(what_is_written_is_the_guests),
        cmocka_unit_test_setup_teardown(no_epoch_index_without_the_facility, setup_old_machine, rig_teardown),
        TEST(epoch_indexes_have_eight_bits),
        cmocka_unit_test_setup_teardown(a_kernel_without_it, setup_without, rig_teardown),
        TEST(a_reset_leaves_it),
        TEST(the_guests_own_setting_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
