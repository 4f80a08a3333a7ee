/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PSW is kvm_run's: with random values, after every kind of exit what the debugger reads is what KVM left
 * there, and what the debugger writes is there at the next entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "chance.h"
#include "kvm_rig.h"

#define ROUNDS 40

/* ---- one exit of each kind ---- */

static struct psw left_by_kvm, edited, at_entry;
static unsigned how;

static int leave(struct kvm_run *run)
{
    run->psw_mask = left_by_kvm.mask;
    run->psw_addr = left_by_kvm.addr;
    switch (how) {
    case 0:
        return kernel_debug(run, KVM_SINGLESTEP, 0);
    case 1:
        return kernel_intercept(run, 0x04, 0xb220, 0x00120000);
    case 2:
        return kernel_intercept(run, 0x04, 0x8343, 0x03080000);
    case 3:
        return kernel_intercept(run, 0x2c, 0, 0);
    case 4:
        return kernel_intercept(run, 0x28, 0, 0);
    case 5:
        return kernel_intercept(run, 0x1c, 0, 0);
    case 6:
        return kernel_block(run);
    case 7:
        run->exit_reason = KVM_EXIT_S390_RESET;
        run->s390_reset_flags = KVM_S390_RESET_CLEAR;
        return 0;
    case 8:
        return kernel_intercept(run, 0x08, 0, 0);
    case 9:
        return kernel_intercept(run, 0x14, 0, 0);
    case 10:
        return kernel_intercept(run, 0x38, 0x1234, 0);
    default:
        run->exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    }
}

static int next_entry(struct kvm_run *run)
{
    at_entry = (struct psw){run->psw_mask, run->psw_addr};
    return kernel_intercept(run, 0x1c, 0, 0);
}

/* Resumes into leave() and gives what its stop must show. */
static struct stop exit_once(enum cpu_verb verb)
{
    KERNEL_SCRIPT(leave);
    left_by_kvm = random_psw();
    if (verb == CPU_STEP_RANGE)
        rig_resume_range(left_by_kvm.addr + 2, UINT64_MAX); /* which the exit leaves */
    else
        rig_resume(verb);
    if (how == 6) {
        kernel_wait_blocked();
        machine_interrupt(rig);
    }
    return rig_wait();
}

static void check_exit(unsigned kind, enum cpu_verb verb, enum stop_reason reason)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct psw psw = random_psw();
        struct stop stop;

        how = kind;
        rig_set_reg(REG_PSWM, psw.mask);
        rig_set_reg(REG_PSWA, psw.addr);
        stop = exit_once(verb);
        rig_assert_stop(stop, reason, stop.psw.addr);
        same(stop.psw.mask, left_by_kvm.mask, "PSW mask of the stop");
        same(rig_reg(REG_PSWM), left_by_kvm.mask, "pswm");
        same(rig_reg(REG_PSWA), left_by_kvm.addr, "pswa");
        if (reason == STOP_RESET || kind == 4) /* the next resume resets; a stopped CPU does not run */
            assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
        edited = random_psw();
        rig_set_reg(REG_PSWM, edited.mask);
        rig_set_reg(REG_PSWA, edited.addr);
        KERNEL_SCRIPT(next_entry);
        rig_continue();
        same(at_entry.mask, edited.mask, "PSW mask at the next entry");
        same(at_entry.addr, edited.addr, "PSW address at the next entry");
    }
}

static void after_debug(void **state)
{
    (void)state;
    check_exit(0, CPU_STEP, STOP_STEP);
    check_exit(0, CPU_STEP_RANGE, STOP_STEP);
}

/* The stop itself changes nothing but the condition code. */
static void after_a_service_call(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct stop stop;

        how = 1;
        rig_put64(0x4000, 0x0010000000000000);
        rig_set_reg(REG_R0 + 1, 0x00020001);
        rig_set_reg(REG_R0 + 2, 0x4000);
        rig_set_reg(REG_PREFIX, 0);
        stop = exit_once(CPU_STEP);
        rig_assert_stop(stop, STOP_STEP, left_by_kvm.addr);
        same(rig_reg(REG_PSWM), psw_with_cc(left_by_kvm.mask, 0), "pswm");
        same(rig_reg(REG_PSWA), left_by_kvm.addr, "pswa");
        KERNEL_SCRIPT(next_entry);
        rig_continue();
        same(at_entry.mask, psw_with_cc(left_by_kvm.mask, 0), "PSW mask at the next entry");
        same(at_entry.addr, left_by_kvm.addr, "PSW address at the next entry");
    }
}

static void after_a_diag(void **state)
{
    (void)state;
    rig_set_reg(REG_R0 + 3, 6);
    check_exit(2, CPU_STEP, STOP_STEP);
    check_exit(2, CPU_STEP_RANGE, STOP_STEP);
}

static struct psw left_in_range[8], entered_in_range[8];
static unsigned nth;

static int leave_in_range(struct kvm_run *run)
{
    entered_in_range[nth] = (struct psw){run->psw_mask, run->psw_addr};
    run->psw_mask = left_in_range[nth].mask;
    run->psw_addr = left_in_range[nth].addr;
    nth++;
    return kernel_debug(run, KVM_SINGLESTEP, 0);
}

/* Each instruction of a range step begins at the PSW that the one before has left, in memory or not. */
static void after_each_step_in_a_range(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct psw psw = random_psw();

        for (nth = 0; nth < 8; nth++) {
            left_in_range[nth] = random_psw();
            left_in_range[nth].addr &= i & 1 ? RIG_MEMORY - 1 : INT64_MAX;
        }
        left_in_range[7].addr = ~1ULL;
        rig_set_reg(REG_PSWM, psw.mask);
        rig_set_reg(REG_PSWA, psw.addr);
        KERNEL_SCRIPT(leave_in_range, leave_in_range, leave_in_range, leave_in_range, leave_in_range,
                      leave_in_range, leave_in_range, leave_in_range);
        nth = 0;
        rig_assert_stop(rig_range(0, INT64_MAX), STOP_STEP, ~1ULL);
        for (unsigned j = 0; j < 8; j++) {
            same(entered_in_range[j].mask, psw.mask, "PSW mask at an entry");
            same(entered_in_range[j].addr, psw.addr, "PSW address at an entry");
            psw = left_in_range[j];
        }
        same(rig_reg(REG_PSWM), psw.mask, "pswm");
        same(rig_reg(REG_PSWA), psw.addr, "pswa");
    }
}

/* Old PSW, code and new PSW of the exception are what KVM left. */
static void after_an_operation_exception(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct psw new_psw = random_psw();

        how = 3;
        rig_put64(0x1d0, new_psw.mask);
        rig_put64(0x1d8, new_psw.addr);
        rig_assert_stop(exit_once(CPU_STEP), STOP_STEP, new_psw.addr);
        same(rig_reg(REG_PSWM), new_psw.mask, "pswm");
        same(load_be64(kernel.memory + 0x150), left_by_kvm.mask, "program old PSW mask");
        same(load_be64(kernel.memory + 0x158), left_by_kvm.addr, "program old PSW address");
        KERNEL_SCRIPT(next_entry);
        rig_continue();
        same(at_entry.mask, new_psw.mask, "PSW mask at the next entry");
        same(at_entry.addr, new_psw.addr, "PSW address at the next entry");
    }
}

static void after_a_stop(void **state)
{
    (void)state;
    check_exit(4, CPU_CONTINUE, STOP_SHUTDOWN);
}

static void after_a_disabled_wait(void **state)
{
    (void)state;
    check_exit(5, CPU_CONTINUE, STOP_DISABLED_WAIT);
    check_exit(5, CPU_STEP_RANGE, STOP_DISABLED_WAIT);
}

static void after_a_kick(void **state)
{
    (void)state;
    check_exit(6, CPU_CONTINUE, STOP_INTERRUPT);
    check_exit(6, CPU_STEP, STOP_INTERRUPT);
    check_exit(6, CPU_STEP_RANGE, STOP_INTERRUPT);
}

static void after_a_reset(void **state)
{
    (void)state;
    check_exit(7, CPU_CONTINUE, STOP_RESET);
    check_exit(7, CPU_STEP_RANGE, STOP_RESET);
}

static void after_a_loop(void **state)
{
    (void)state;
    check_exit(8, CPU_CONTINUE, STOP_PROGRAM_LOOP);
    check_exit(9, CPU_STEP, STOP_PROGRAM_LOOP);
}

static void after_what_nobody_knows(void **state)
{
    (void)state;
    check_exit(10, CPU_CONTINUE, STOP_ERROR);
    check_exit(10, CPU_STEP_RANGE, STOP_ERROR);
    check_exit(11, CPU_CONTINUE, STOP_ERROR);
}

/* Linux's orderly end: a disabled wait at ...fff. */
static int orderly(struct kvm_run *run)
{
    run->psw_mask = RIG_64BIT | PSW_WAIT;
    run->psw_addr = 0xfff;
    return kernel_intercept(run, 0x1c, 0, 0);
}

static void shutdown_and_state(void **state)
{
    (void)state;
    assert_int_equal(machine_state(rig, 0), CPU_RUNNING);
    KERNEL_SCRIPT(orderly);
    rig_assert_stop(rig_continue(), STOP_SHUTDOWN, 0xfff);
    assert_int_equal(machine_state(rig, 0), CPU_DISABLED_WAIT);
    how = 4;
    exit_once(CPU_CONTINUE);
    assert_int_equal(machine_state(rig, 0), CPU_STOPPED);
    rig_assert_stop(rig_step(), STOP_SHUTDOWN, left_by_kvm.addr); /* without entering the guest */
}

static int faults_at_6000(struct kvm_run *run)
{
    run->psw_addr = 0x6004;
    return kernel_intercept(run, 0x2c, 0xb2ff, 0);
}

/* An operation exception whose handler is the instruction that causes it: nobody would ever hear of the guest
 * again. */
static void an_operation_exception_loop(void **state)
{
    (void)state;
    rig_put(0x6000, "0000");
    rig_put64(0x1d8, 0x6000);
    rig_put64(0x1d0, RIG_64BIT | PSW_WAIT); /* once is none */
    rig_set_reg(REG_PSWA, 0x6000);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x6000);
    rig_put64(0x1d0, 0);
    rig_set_reg(REG_PSWM, RIG_64BIT);
    rig_assert_stop(rig_continue(), STOP_PROGRAM_LOOP, 0x6000);
    rig_assert_bytes(0x8c, "00020001");
    rig_set_reg(REG_PSWM, RIG_64BIT);
    KERNEL_SCRIPT(faults_at_6000);
    rig_assert_stop(rig_continue(), STOP_PROGRAM_LOOP, 0x6000);
    rig_assert_bytes(0x8c, "00040001");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(after_debug),
        TEST(after_a_service_call),
        TEST(after_a_diag),
        TEST(after_each_step_in_a_range),
        TEST(after_an_operation_exception),
        TEST(after_a_stop),
        TEST(after_a_disabled_wait),
        TEST(after_a_kick),
        TEST(after_a_reset),
        TEST(after_a_loop),
        TEST(after_what_nobody_knows),
        TEST(an_operation_exception_loop),
        TEST(shutdown_and_state),
    };

    chance_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
