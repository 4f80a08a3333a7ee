/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single-step over everything that is not sequential, as seen on real KVM before 6.6: the stop is at the
 * handler's first instruction, nothing of the traps that see to it stays in memory, and Ctrl-C is neither
 * lost nor late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

static void steps_to(uint64_t pc)
{
    rig_assert_stop(rig_step(), STOP_STEP, pc);
}

/* What the handlers are made of is there again. */
static void assert_handlers_whole(void)
{
    rig_assert_bytes(RIG_EXTERNAL, AGHI_10_1);
    rig_assert_bytes(RIG_SVC, AGHI_10_1);
    rig_assert_bytes(RIG_PROGRAM, AGHI_10_1);
}

static void sequence_and_branch(void **state)
{
    (void)state;
    rig_put(0x2000, "a7ab0001 0700 a7f4fffd");
    steps_to(0x2004);
    assert_int_equal(rig_reg(R10), 1);
    steps_to(0x2006);
    steps_to(0x2000);
    steps_to(0x2004);
    assert_int_equal(rig_reg(R10), 2);
    assert_handlers_whole();
}

static void over_svc(void **state)
{
    (void)state;
    rig_put(0x2000, "0a05");
    steps_to(RIG_SVC);
    assert_int_equal(rig_reg(R10), 0);
    steps_to(RIG_SVC + 4);
    assert_handlers_whole();
}

static void over_lpswe(void **state)
{
    (void)state;
    rig_put64(0x3000, RIG_64BIT);
    rig_put64(0x3008, 0x2100);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_put(0x2000, "b2b2b000");
    rig_put(0x2100, "0700");
    steps_to(0x2100);
    steps_to(0x2102);
}

/* LPSWE to the first instruction of a handler. */
static void lpswe_into_a_trap(void **state)
{
    (void)state;
    rig_put64(0x3000, RIG_64BIT);
    rig_put64(0x3008, RIG_PROGRAM);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_put(0x2000, "b2b2b000");
    steps_to(RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 0);
    assert_handlers_whole();
}

/* ---- program interruptions ---- */

static void over_an_operation_exception(void **state)
{
    (void)state;
    rig_put(0x2000, "b2ff0000" AGHI_10_1);
    for (int exact = 0; exact < 2; exact++) {
        kernel.exact_steps = exact;
        rig_set_reg(REG_PSWA, 0x2000);
        rig_set_reg(R10, 0);
        steps_to(RIG_PROGRAM);
        assert_int_equal(rig_reg(R10), 0);
        assert_false(kernel.program_pending);
        rig_assert_old_program_psw(0x2004, "00040001");
        steps_to(RIG_PROGRAM + 4);
        assert_int_equal(rig_reg(R10), 1);
        assert_handlers_whole();
    }
}

/* Linux 6.6 and later store it with the exception's code. Of the guest's own events nothing is taken away. */
static void the_guest_hears_of_no_event_of_the_step(void **state)
{
    (void)state;
    kernel.exact_steps = true;
    rig_put(0x2000, "b2ff0000");
    rig_put(0x96, "1234 1122334455667788");
    rig_put(0xa1, "56");
    steps_to(RIG_PROGRAM);
    rig_assert_old_program_psw(0x2004, "00040001");
    rig_assert_bytes(0x96, "1234 1122334455667788");
    rig_assert_bytes(0xa1, "56");
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_PER);
    rig_set_reg(REG_PSWA, 0x2000);
    steps_to(RIG_PROGRAM);
    rig_assert_bytes(0x8e, "0081");
    rig_assert_bytes(0x98, "0000000000002000");
}

/* A lowcore that says so is no interruption's doing. */
static void what_a_program_keeps_in_the_lowcore_stays(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1);
    rig_put(0x8e, "0081");
    steps_to(0x2004);
    rig_assert_bytes(0x8e, "0081");
}

/* Without KVM_CAP_S390_IRQ_STATE nobody can know: the stop is where KVM says. */
static void over_an_operation_exception_without_irq_state(void **state)
{
    (void)state;
    kernel.hidden[0] = KVM_CAP_S390_IRQ_STATE;
    rig_teardown(NULL);
    rig_prepare(RIG_ELF);
    kernel.hidden[0] = KVM_CAP_S390_IRQ_STATE;
    assert_true(rig_create());
    rig_put(0x2000, "b2ff0000");
    steps_to(0x2004);
}

static void over_an_addressing_exception(void **state)
{
    (void)state;
    rig_put(0x2000, "5810b000");
    rig_set_reg(REG_R0 + 11, RIG_MEMORY);
    steps_to(RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 0);
    rig_assert_old_program_psw(0x2004, "00040005");
    steps_to(RIG_PROGRAM + 4);
    assert_handlers_whole();
}

/* Opcode 0x0000 of the guest's own: the engine presents the exception itself. */
static void over_the_guests_own_zero_opcode(void **state)
{
    (void)state;
    rig_put(0x2000, "0000" AGHI_10_1);
    steps_to(RIG_PROGRAM);
    rig_assert_old_program_psw(0x2002, "00020001");
    assert_int_equal(rig_reg(R10), 0);
    steps_to(RIG_PROGRAM + 4);
    assert_int_equal(rig_reg(R10), 1);
    assert_handlers_whole();
}

/* A prefix area other than 0 has its own new PSWs. */
static void under_a_prefix(void **state)
{
    (void)state;
    rig_set_reg(REG_PREFIX, 0x8000);
    rig_put64(0x81d0, RIG_64BIT);
    rig_put64(0x81d8, 0x5300);
    rig_put(0x5300, AGHI_10_1);
    rig_put(0x2000, "b2ff0000");
    steps_to(0x5300);
    assert_int_equal(rig_reg(R10), 0);
    rig_put64(0x81d8, 0x5400); /* and they are looked up again */
    rig_put(0x5400, AGHI_10_1);
    rig_set_reg(REG_PSWA, 0x2000);
    steps_to(0x5400);
    assert_int_equal(rig_reg(R10), 0);
    rig_assert_bytes(0x5300, AGHI_10_1);
    rig_assert_bytes(0x5400, AGHI_10_1);
}

/* ---- instructions completed in user space ---- */

static void over_a_service_call(void **state)
{
    unsigned interrupts = kernel.vm_interrupts;

    (void)state;
    rig_put(0x2000, "b2200012" AGHI_10_1 AGHI_10_1);
    rig_set_reg(REG_R0 + 1, 0x00020001);
    rig_set_reg(REG_R0 + 2, 0x4000);
    rig_put(0x4000, "1000");
    rig_assert_bytes(0x2000, "b2200012");
    steps_to(0x2004);
    assert_int_equal(kernel.vm_interrupts, interrupts + 1);
    assert_int_equal(kernel.interrupt.type, KVM_S390_INT_SERVICE);
    assert_int_equal(kernel.interrupt.parm & ~7u, 0x4000);
    assert_int_equal(kernel.debug_pending, KVM_SINGLESTEP); /* held back by KVM */
    steps_to(0x2008);                                       /* it was discarded */
    assert_int_equal(rig_reg(R10), 1);
    steps_to(0x200c);
    assert_handlers_whole();
}

/* What is held back does not show in a continue either. */
static void continue_after_a_stepped_service_call(void **state)
{
    (void)state;
    rig_put(0x2000, "b2200012" AGHI_10_1 AGHI_10_1);
    rig_set_reg(REG_R0 + 2, 0x4000);
    rig_put(0x4000, "1000");
    steps_to(0x2004);
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2008);
    assert_int_equal(rig_reg(R10), 1);
}

static void over_a_diag(void **state)
{
    (void)state;
    rig_put(0x2000, "83230308" AGHI_10_1);
    rig_set_reg(REG_R0 + 3, 6);
    steps_to(0x2004);
    steps_to(0x2008);
    assert_int_equal(rig_reg(R10), 1);
}

static void over_a_diag_that_is_refused(void **state)
{
    (void)state;
    rig_put(0x2000, "83120023");
    steps_to(RIG_PROGRAM);
    rig_assert_old_program_psw(0x2004, "00040006");
    steps_to(RIG_PROGRAM + 4);
    assert_int_equal(rig_reg(R10), 1);
    assert_handlers_whole();
}

/* ---- waits and other interruptions ---- */

static void put_lpswe(uint64_t mask, uint64_t addr)
{
    rig_put64(0x3000, mask);
    rig_put64(0x3008, addr);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_put(0x2000, "b2b2b000");
}

static void into_and_out_of_an_enabled_wait(void **state)
{
    struct stop stop;

    (void)state;
    put_lpswe(RIG_64BIT | PSW_WAIT | PSW_EXT, 0x2100);
    stop = rig_step();
    rig_assert_stop(stop, STOP_STEP, 0x2100);
    assert_non_null(strstr(stop.text, "the CPU waits"));
    assert_int_equal(machine_state(rig, 0), CPU_WAITING);
    rig_resume(CPU_STEP);
    kernel_wait_blocked();
    assert_int_equal(kernel.debug_control & KVM_GUESTDBG_SINGLESTEP, 0);
    machine_interrupt(rig);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, 0x2100);
    assert_handlers_whole();
    kernel.external_pending = true;
    steps_to(RIG_EXTERNAL);
    assert_int_equal(rig_reg(R10), 0);
    steps_to(RIG_EXTERNAL + 4);
    assert_int_equal(kernel.debug_control & KVM_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_SINGLESTEP);
    assert_handlers_whole();
}

static void into_a_disabled_wait(void **state)
{
    (void)state;
    put_lpswe(RIG_64BIT | PSW_WAIT, 0x2100);
    steps_to(0x2100);
    rig_assert_stop(rig_step(), STOP_DISABLED_WAIT, 0x2100);
    assert_handlers_whole();
}

static void an_interruption_hijacks_the_step(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1);
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_EXT);
    kernel.external_pending = true;
    steps_to(RIG_EXTERNAL);
    assert_int_equal(rig_reg(R10), 0);
    assert_handlers_whole();
}

/* A wait whose PSW designates the first instruction of the handler that ends it. */
static void out_of_a_wait_at_the_handler(void **state)
{
    (void)state;
    put_lpswe(RIG_64BIT | PSW_WAIT | PSW_EXT, RIG_EXTERNAL);
    steps_to(RIG_EXTERNAL);
    kernel.external_pending = true;
    steps_to(RIG_EXTERNAL);
    assert_int_equal(machine_state(rig, 0), CPU_RUNNING);
    assert_int_equal(rig_reg(R10), 0);
    steps_to(RIG_EXTERNAL + 4);
    assert_handlers_whole();
}

/* The handler of a program interruption is the instruction that causes it: each step takes one, and ends. */
static void over_a_fault_that_is_its_own_handler(void **state)
{
    (void)state;
    rig_put64(0x1d8, 0x2000);
    rig_put(0x2000, "b2ff0000");
    for (int i = 0; i < 3; i++) {
        steps_to(0x2000);
        assert_false(kernel.program_pending);
        rig_assert_bytes(0x2000, "b2ff0000");
    }
}

/* The same where no trap can be set. */
static void over_faults_without_end(void **state)
{
    (void)state;
    rig_put64(0x1d0, RIG_64BIT | PSW_PSTATE); /* DIAG is no trap there */
    rig_put64(0x1d8, 0x2000);
    rig_put(0x2000, "b2ff0000");
    steps_to(0x2004);
}

/* ---- breakpoints and watchpoints ---- */

static void onto_and_off_a_breakpoint(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1 AGHI_10_1);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    steps_to(0x2004);
    assert_int_equal(rig_reg(R10), 1);
    steps_to(0x2008);
    assert_int_equal(rig_reg(R10), 2);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
    steps_to(0x2008);
    assert_int_equal(rig_reg(R10), 4);
    rig_assert_bytes(0x2004, AGHI_10_1);
}

static void no_trap_over_the_instruction_that_is_stepped(void **state)
{
    (void)state;
    rig_set_reg(REG_PSWA, RIG_PROGRAM);
    steps_to(RIG_PROGRAM + 4);
    assert_int_equal(rig_reg(R10), 1);
    /* Nor into its second halfword. */
    rig_put64(0x1d8, 0x2002);
    rig_put(0x2000, AGHI_10_1);
    rig_set_reg(REG_PSWA, 0x2000);
    steps_to(0x2004);
    assert_int_equal(rig_reg(R10), 2);
}

/* Two new PSWs that name the same handler. */
static void handlers_in_common(void **state)
{
    (void)state;
    rig_put64(0x1b8, RIG_PROGRAM);
    rig_put64(0x1e0, RIG_64BIT);
    rig_put64(0x1e8, RIG_PROGRAM);
    rig_put(0x2000, "b2ff0000");
    steps_to(RIG_PROGRAM);
    assert_handlers_whole();
}

/* MVI over a handler while it is stepped: the guest's byte stays, and no byte of the trap's. */
static void the_guest_stores_over_a_trap(void **state)
{
    (void)state;
    rig_set_reg(REG_R0 + 11, RIG_PROGRAM);
    rig_put(0x2000, "9255b000");
    steps_to(0x2004);
    rig_assert_bytes(RIG_PROGRAM, "55");
}

static void a_watch_during_a_step(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2000, AGHI_10_1 "9255b000" AGHI_10_1);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_put64(0x3000, 0x0102030405060708);
    rig_breakpoint(BP_WRITE, 0x3000, 8);
    steps_to(0x2004);
    stop = rig_step();
    rig_assert_stop(stop, STOP_WATCH, 0x2008);
    assert_int_equal(stop.addr, 0x3000);
    assert_int_equal(stop.old_value, 0x0102030405060708);
    assert_int_equal(stop.new_value, 0x5502030405060708);
    steps_to(0x200c);
    assert_handlers_whole();
}

/* The trap at a watched handler is no change. */
static void a_watch_over_a_handler(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2000, AGHI_10_1 "b2ff0000 9255b000");
    rig_set_reg(REG_R0 + 11, RIG_PROGRAM);
    rig_breakpoint(BP_WRITE, RIG_PROGRAM, 4);
    steps_to(0x2004);
    steps_to(RIG_PROGRAM);
    rig_set_reg(REG_PSWA, 0x2008);
    stop = rig_step();
    rig_assert_stop(stop, STOP_WATCH, 0x200c);
    rig_assert_bytes(RIG_PROGRAM, "55");
}

static void guest_debug_is_set_only_when_something_changed(void **state)
{
    unsigned before;

    (void)state;
    rig_put(0x2000, AGHI_10_1 "a7f4fffe");
    steps_to(0x2004);
    before = kernel.debug_calls;
    for (int i = 0; i < 50; i++) {
        steps_to(0x2000);
        steps_to(0x2004);
    }
    assert_int_equal(kernel.debug_calls, before);
    assert_int_equal(rig_reg(R10), 51);
}

/* What can neither fault nor leave the straight way is not asked about. */
static void a_step_costs_one_ioctl(void **state)
{
    unsigned before;

    (void)state;
    rig_put(0x2000, AGHI_10_1 "0700 a7f4fffd 5810b000");
    rig_breakpoint(BP_WRITE, 0x3000, 8);
    steps_to(0x2004);
    before = kernel.vcpu_ioctls;
    steps_to(0x2006);
    steps_to(0x2000);
    steps_to(0x2004);
    assert_int_equal(kernel.vcpu_ioctls, before + 3);
    rig_set_reg(REG_PSWA, 0x200a); /* a load may fault */
    steps_to(0x200e);
    assert_int_equal(kernel.vcpu_ioctls, before + 5);
}

/* ---- Ctrl-C ---- */

#define ROUNDS 300

static void interrupts_a_running_cpu(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        kernel.run = kernel_block;
        rig_resume(i & 1 ? CPU_CONTINUE : CPU_STEP);
        if (i % 3) /* sometimes before KVM_RUN, sometimes during */
            kernel_wait_blocked();
        machine_interrupt(rig);
        rig_assert_stop(rig_wait(), STOP_INTERRUPT, 0x2000);
    }
    assert_handlers_whole();
}

static void interrupt_now(void)
{
    kernel.before_run = NULL;
    machine_interrupt(rig);
}

/* After the engine's last look and before KVM_RUN: only immediate_exit tells. */
static void an_interrupt_just_before_kvm_run(void **state)
{
    unsigned runs = kernel.runs;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        kernel.run = kernel_block;
        kernel.before_run = interrupt_now;
        rig_resume(i & 1 ? CPU_CONTINUE : CPU_STEP);
        rig_assert_stop(rig_wait(), STOP_INTERRUPT, 0x2000);
    }
    assert_int_equal(kernel.runs, runs);
}

static void an_interrupt_after_the_stop_is_none(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "a7f4fffe");
    for (int i = 0; i < ROUNDS; i++) {
        struct stop stop;
        rig_resume(CPU_STEP);
        if (i & 1)
            machine_interrupt(rig); /* races with the end of the step */
        stop = rig_wait();
        assert_true(stop.reason == STOP_STEP || (i & 1 && stop.reason == STOP_INTERRUPT));
        machine_interrupt(rig); /* nothing runs */
    }
}

static atomic_bool done;

static void *interrupter(void *arg)
{
    (void)arg;
    while (!atomic_load(&done))
        machine_interrupt(rig);
    return NULL;
}

/* Whatever a storm of interrupts does, each resume has one stop, a step moves the CPU by one instruction, and
 * one that was interrupted by one or none. Nothing is asserted while the storm lasts: its thread uses the
 * rig. */
static void a_storm_of_interrupts(void **state)
{
    static struct stop stops[ROUNDS];
    uint64_t pc = 0x2000;
    pthread_t thread;
    unsigned steps = 0;

    (void)state;
    rig_put(0x2000, AGHI_10_1 "a7f4fffe");
    atomic_store(&done, false);
    assert_int_equal(pthread_create(&thread, NULL, interrupter, NULL), 0);
    for (int i = 0; i < ROUNDS; i++)
        stops[i] = rig_step();
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        if (stops[i].reason == STOP_STEP || stops[i].psw.addr != pc) {
            pc ^= 4;
            steps++;
        }
        rig_assert_stop(stops[i], stops[i].reason == STOP_STEP ? STOP_STEP : STOP_INTERRUPT, pc);
    }
    steps_to(pc ^ 4);
    assert_int_equal(rig_reg(R10), (steps + 2) / 2);
    assert_handlers_whole();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sequence_and_branch),
        TEST(over_svc),
        TEST(over_lpswe),
        TEST(lpswe_into_a_trap),
        TEST(over_an_operation_exception),
        TEST(the_guest_hears_of_no_event_of_the_step),
        TEST(what_a_program_keeps_in_the_lowcore_stays),
        TEST(over_an_operation_exception_without_irq_state),
        TEST(over_an_addressing_exception),
        TEST(over_the_guests_own_zero_opcode),
        TEST(under_a_prefix),
        TEST(over_a_service_call),
        TEST(continue_after_a_stepped_service_call),
        TEST(over_a_diag),
        TEST(over_a_diag_that_is_refused),
        TEST(into_and_out_of_an_enabled_wait),
        TEST(out_of_a_wait_at_the_handler),
        TEST(over_a_fault_that_is_its_own_handler),
        TEST(over_faults_without_end),
        TEST(into_a_disabled_wait),
        TEST(an_interruption_hijacks_the_step),
        TEST(onto_and_off_a_breakpoint),
        TEST(no_trap_over_the_instruction_that_is_stepped),
        TEST(handlers_in_common),
        TEST(the_guest_stores_over_a_trap),
        TEST(a_watch_during_a_step),
        TEST(a_watch_over_a_handler),
        TEST(guest_debug_is_set_only_when_something_changed),
        TEST(a_step_costs_one_ioctl),
        TEST(interrupts_a_running_cpu),
        TEST(an_interrupt_just_before_kvm_run),
        TEST(an_interrupt_after_the_stop_is_none),
        TEST(a_storm_of_interrupts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
