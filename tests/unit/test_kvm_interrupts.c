/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ctrl-C at the moments at which it must not tear apart what belongs together: between a fault and its trap
 * while one instruction is stepped, and between the report of a breakpoint and the step over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

#define AGHI_10_1 "a7ab0001"
#define R10 (REG_R0 + 10)

static unsigned entries; /* of KVM_RUN since the test's resume */

static int reset(void **state)
{
    entries = 0;
    return rig_setup(state);
}

/* ---- a fault whose interruption KVM holds for the next entry ---- */

/* The entry that would take the interruption is kicked. */
static void interrupt_second_entry(void)
{
    if (++entries == 2)
        machine_interrupt(rig);
}

/* Somebody wants a stop before the engine has looked at the exit of the faulting instruction. */
static int interrupt_after_the_fault(struct kvm_run *run)
{
    int rc = kernel_cpu(run);

    if (++entries == 1)
        machine_interrupt(rig);
    return rc;
}

/* The step is done, as if nobody had interrupted: nothing is pending behind the debugger's back. */
static void assert_step_is_whole(void)
{
    rig_assert_stop(rig_step(), STOP_STEP, RIG_PROGRAM);
    assert_false(kernel.program_pending);
    assert_int_equal(rig_reg(R10), 0);
    rig_assert_bytes(0x8c, "00040001");
    rig_assert_bytes(0x158, "0000000000002004");
    rig_assert_bytes(RIG_PROGRAM, AGHI_10_1);
    /* A PC that is edited now is where the CPU goes on. */
    rig_set_reg(REG_PSWA, 0x2100);
    rig_assert_stop(rig_step(), STOP_STEP, 0x2104);
    assert_int_equal(rig_reg(R10), 1);
}

static void between_a_fault_and_its_trap(void **state)
{
    (void)state;
    rig_put(0x2000, "b2ff0000");
    rig_put(0x2100, AGHI_10_1);
    kernel.before_run = interrupt_second_entry;
    assert_step_is_whole();
}

static void right_after_a_fault(void **state)
{
    (void)state;
    rig_put(0x2000, "b2ff0000");
    rig_put(0x2100, AGHI_10_1);
    kernel.run = interrupt_after_the_fault;
    assert_step_is_whole();
}

/* ---- a breakpoint that was reported and not yet passed ---- */

static void interrupt_once(void)
{
    kernel.before_run = NULL;
    machine_interrupt(rig);
}

static void put_program(void)
{
    rig_put64(0x3000, RIG_64BIT | PSW_WAIT);
    rig_put64(0x3008, 0x3333);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1 "b2b2b000");
}

static void interrupted_at(uint64_t pc, enum cpu_verb verb)
{
    kernel.before_run = interrupt_once;
    rig_resume(verb);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, pc);
}

static void passes_it(enum bp_kind kind, enum stop_reason reason)
{
    put_program();
    rig_breakpoint(kind, 0x2004, 0);
    rig_assert_stop(rig_continue(), reason, 0x2004);
    interrupted_at(0x2004, CPU_CONTINUE);
    interrupted_at(0x2004, CPU_STEP);
    interrupted_at(0x2004, CPU_CONTINUE);
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 3);
}

static void before_a_software_breakpoint_is_passed(void **state)
{
    (void)state;
    passes_it(BP_SOFTWARE, STOP_SW_BREAKPOINT);
}

static void before_a_hardware_breakpoint_is_passed(void **state)
{
    (void)state;
    passes_it(BP_HARDWARE, STOP_HW_BREAKPOINT);
}

/* One that was never reported is, although the CPU was interrupted in front of it. */
static void in_front_of_a_breakpoint(void **state)
{
    (void)state;
    put_program();
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_assert_stop(rig_step(), STOP_STEP, 0x2004);
    interrupted_at(0x2004, CPU_STEP);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
    rig_set_reg(REG_PSWA, 0x2000);
    interrupted_at(0x2000, CPU_CONTINUE);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
    assert_int_equal(rig_reg(R10), 2);
}

/* Executes while a step is asked for, and else does nothing until it is kicked. */
static int only_steps(struct kvm_run *run)
{
    return kernel.debug_control & KVM_GUESTDBG_SINGLESTEP ? kernel_cpu(run) : kernel_block(run);
}

/* Interrupted when it had gone on: where it stands now nothing was reported. */
static void behind_a_breakpoint(void **state)
{
    (void)state;
    put_program();
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
    kernel.run = only_steps;
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    machine_interrupt(rig);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, 0x2008);
    kernel.run = NULL;
    rig_no_breakpoints();
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2008);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, reset, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(between_a_fault_and_its_trap),
        TEST(right_after_a_fault),
        TEST(before_a_software_breakpoint_is_passed),
        TEST(before_a_hardware_breakpoint_is_passed),
        TEST(in_front_of_a_breakpoint),
        TEST(behind_a_breakpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
