/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Range steps: they stop where single steps would first be out of the range, or at what comes before that (a
 * breakpoint, a watchpoint, Ctrl-C, the guest's end), and each instruction in between costs one KVM_RUN and
 * nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

#define NOTHING "b2ff0000" /* operation exception */

static void assert_handlers_whole(void)
{
    rig_assert_bytes(RIG_EXTERNAL, AGHI_10_1);
    rig_assert_bytes(RIG_SVC, AGHI_10_1);
    rig_assert_bytes(RIG_PROGRAM, AGHI_10_1);
}

/* From start on, with the PC put there, until the range is left at this place. */
static void leaves(uint64_t start, uint64_t end, uint64_t at)
{
    rig_set_reg(REG_PSWA, start);
    rig_assert_stop(rig_range(start, end), STOP_STEP, at);
    assert_handlers_whole();
}

static void put_lpswe(uint64_t at, uint64_t mask, uint64_t addr)
{
    rig_put64(0x3000, mask);
    rig_put64(0x3008, addr);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_put(at, "b2b2b000");
}

/* ---- where it ends ---- */

static void straight_code(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 "0700" AGHI_10_1 "0700");
    leaves(0x2000, 0x200e, 0x200e);
    assert_int_equal(rig_reg(R10), 3);
    leaves(0x2000, 0x2006, 0x2008); /* the end lies in an instruction */
}

/* At least one instruction, wherever it leads to. */
static void empty_ranges(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1);
    leaves(0x2000, 0x2000, 0x2004);
    leaves(0x2000, 0x1000, 0x2004);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_range(0x4000, 0x5000), STOP_STEP, 0x2004);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_range(0x2002, 0x2008), STOP_STEP, 0x2008);
}

static void branches(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "a7f40006" AGHI_10_1 AGHI_10_1 "a7f4fffc" AGHI_10_1);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_range(0x2000, 0x2010), STOP_STEP, 0x2010); /* out of it */
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_stop(rig_range(0x2008, 0x2010), STOP_STEP, 0x2010); /* into it */
    assert_int_equal(rig_reg(R10), 3);
}

static void into_another_page(void **state)
{
    (void)state;
    rig_put(0x2ff0, AGHI_10_1 AGHI_10_1 AGHI_10_1 "0700" AGHI_10_1 AGHI_10_1);
    leaves(0x2ff0, 0x3006, 0x3006);
    assert_int_equal(rig_reg(R10), 5);
}

/* A 24-bit PC goes from the highest address to 0. */
static void around_the_end_of_the_address_space(void **state)
{
    (void)state;
    rig_put(0xfffffa, "070007000700");
    rig_set_reg(REG_PSWM, 0);
    leaves(0xfffffa, UINT64_MAX, 0);
}

/* ---- what it costs ---- */

#define MANY 200

static void put_many(uint64_t at)
{
    for (int i = 0; i < MANY; i++)
        rig_put(at + 4 * (uint64_t)i, AGHI_10_1);
}

/* The first step and the last may ask for more. */
static void one_ioctl_for_each_instruction(void **state)
{
    unsigned ioctls, runs, debug_calls;

    (void)state;
    put_many(0x2000);
    leaves(0x2000, 0x2004, 0x2004);
    ioctls = kernel.vcpu_ioctls;
    runs = kernel.runs;
    debug_calls = kernel.debug_calls;
    leaves(0x2000, 0x2000 + 4 * MANY, 0x2000 + 4 * MANY);
    assert_int_equal(rig_reg(R10), 1 + MANY);
    assert_int_equal(kernel.runs - runs, MANY);
    assert_int_equal(kernel.debug_calls, debug_calls);
    assert_true(kernel.vcpu_ioctls - ioctls <= MANY + 2);
}

static void so_with_watchpoints_and_breakpoints(void **state)
{
    unsigned ioctls;

    (void)state;
    put_many(0x2000);
    rig_breakpoint(BP_WRITE, 0x4000, 200);
    rig_breakpoint(BP_SOFTWARE, 0x2000 + 4 * MANY, 0);
    rig_breakpoint(BP_HARDWARE, RIG_PROGRAM, 0);
    leaves(0x2000, 0x2004, 0x2004);
    ioctls = kernel.vcpu_ioctls;
    leaves(0x2000, 0x2000 + 4 * MANY, 0x2000 + 4 * MANY);
    assert_true(kernel.vcpu_ioctls - ioctls <= MANY + 2);
}

/* ---- breakpoints ---- */

static void breakpoints_in_the_range(void **state)
{
    static const struct {
        enum bp_kind kind;
        enum stop_reason reason;
    } kinds[] = {{BP_SOFTWARE, STOP_SW_BREAKPOINT}, {BP_HARDWARE, STOP_HW_BREAKPOINT}};

    (void)state;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1 "a7f4fffa" AGHI_10_1); /* a loop of four */
    for (unsigned i = 0; i < 2; i++) {
        rig_no_breakpoints();
        rig_breakpoint(kinds[i].kind, 0x2008, 0);
        rig_breakpoint(kinds[i].kind, 0x2000, 0);
        rig_set_reg(REG_PSWA, 0x2000);
        rig_set_reg(R10, 0);
        for (unsigned pass = 0; pass < 3; pass++) {
            rig_assert_stop(rig_range(0x2000, 0x2014), kinds[i].reason, 0x2008);
            assert_int_equal(rig_reg(R10), 3 * pass + 2);
            rig_assert_stop(rig_range(0x2000, 0x2014), kinds[i].reason, 0x2000);
            assert_int_equal(rig_reg(R10), 3 * pass + 3);
        }
        /* It counts as reported: a continue passes it. */
        rig_assert_stop(rig_continue(), kinds[i].reason, 0x2008);
        rig_assert_bytes(0x2008, AGHI_10_1);
    }
}

/* Where the range is left the step is what is told, as for a step. */
static void a_breakpoint_behind_the_range(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1);
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    leaves(0x2000, 0x2008, 0x2008);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2008);
}

/* Addresses that only look like the breakpoint's in a filter. */
static void a_breakpoint_elsewhere(void **state)
{
    (void)state;
    put_many(0x2000);
    rig_breakpoint(BP_SOFTWARE, 0x2106, 0); /* inside of an instruction */
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_range(0x2000, 0x2200), STOP_STEP, 0x2200);
    assert_int_equal(rig_reg(R10), 0x80);
}

/* ---- watchpoints ---- */

static void a_watch_in_the_range(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2000, AGHI_10_1 "9255b000" AGHI_10_1 "9266b000" AGHI_10_1);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_put64(0x3000, 0x0102030405060708);
    rig_breakpoint(BP_WRITE, 0x3000, 8);
    stop = rig_range(0x2000, 0x2014);
    rig_assert_stop(stop, STOP_WATCH, 0x2008);
    assert_int_equal(stop.old_value, 0x0102030405060708);
    assert_int_equal(stop.new_value, 0x5502030405060708);
    rig_assert_stop(rig_range(0x2000, 0x2014), STOP_WATCH, 0x2010);
    rig_assert_stop(rig_range(0x2000, 0x2014), STOP_STEP, 0x2014);
    assert_int_equal(rig_reg(R10), 3);
    assert_handlers_whole();
}

/* What the service-call processor stores is told behind the instruction that asked for it. */
static void a_watch_over_an_sccb(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "b2200012" AGHI_10_1);
    rig_set_reg(REG_R0 + 1, 0x00020001);
    rig_set_reg(REG_R0 + 2, 0x4000);
    rig_put(0x4000, "1000");
    rig_breakpoint(BP_WRITE, 0x4006, 2);
    rig_assert_stop(rig_range(0x2000, 0x200c), STOP_WATCH, 0x2008);
    assert_int_equal(rig_reg(R10), 1);
}

/* ---- interruptions ---- */

static void supervisor_call(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "0a05" AGHI_10_1);
    leaves(0x2000, 0x200a, RIG_SVC);
    assert_int_equal(rig_reg(R10), 1);
    leaves(0x2000, RIG_SVC + 4, RIG_SVC + 4); /* the handler lies in the range */
    assert_int_equal(rig_reg(R10), 3);
}

static void load_psw(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1);
    rig_put(0x2010, AGHI_10_1);
    put_lpswe(0x2004, RIG_64BIT, 0x2010);
    leaves(0x2000, 0x2008, 0x2010);
    leaves(0x2000, 0x2014, 0x2014);
    assert_int_equal(rig_reg(R10), 3);
}

static void an_operation_exception(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 NOTHING AGHI_10_1);
    for (int exact = 0; exact < 2; exact++) {
        kernel.exact_steps = exact;
        rig_set_reg(R10, 0);
        leaves(0x2000, 0x200c, RIG_PROGRAM);
        assert_int_equal(rig_reg(R10), 1);
        assert_false(kernel.program_pending);
        rig_assert_old_program_psw(0x2008, "00040001");
        leaves(0x2000, 0x2008, RIG_PROGRAM); /* as the last of the range */
        assert_int_equal(rig_reg(R10), 2);
        rig_assert_old_program_psw(0x2008, "00040001");
        leaves(0x2000, RIG_PROGRAM + 4, RIG_PROGRAM + 4);
        assert_int_equal(rig_reg(R10), 4);
    }
}

static void an_addressing_exception(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "5810b000" AGHI_10_1);
    rig_set_reg(REG_R0 + 11, RIG_MEMORY);
    leaves(0x2000, 0x200c, RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_old_program_psw(0x2008, "00040005");
}

/* A breakpoint behind an instruction that faults is not reached. */
static void an_exception_in_front_of_a_breakpoint(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 NOTHING AGHI_10_1);
    rig_breakpoint(BP_HARDWARE, 0x2008, 0);
    leaves(0x2000, 0x200c, RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 1);
}

/* The instruction behind the fault is the handler: it is entered by the interruption, once. */
static void an_exception_in_front_of_its_handler(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 NOTHING AGHI_10_1 AGHI_10_1);
    rig_put64(0x1d8, 0x200c);
    for (int exact = 0; exact < 2; exact++) {
        kernel.exact_steps = exact;
        rig_set_reg(R10, 0);
        leaves(0x2000, 0x200c, 0x200c);
        assert_false(kernel.program_pending);
        rig_assert_old_program_psw(0x200c, "00040001");
        assert_int_equal(rig_reg(R10), 2);
        leaves(0x2000, 0x2010, 0x2010);
        assert_false(kernel.program_pending);
        assert_int_equal(rig_reg(R10), 5);
        rig_assert_bytes(0x200c, AGHI_10_1);
    }
}

/* Through the code of a handler: no trap is over what is executed. */
static void through_a_handler(void **state)
{
    (void)state;
    put_many(RIG_PROGRAM - 0x40);
    leaves(RIG_PROGRAM - 0x40, RIG_PROGRAM + 0x40, RIG_PROGRAM + 0x40);
    assert_int_equal(rig_reg(R10), 0x20);
}

/* Nor into the second half of one. */
static void over_a_handler_inside_of_an_instruction(void **state)
{
    (void)state;
    put_many(0x2000);
    rig_put64(0x1d8, 0x201a);
    rig_put64(0x1b8, 0x2030);
    leaves(0x2000, 0x2040, 0x2040);
    assert_int_equal(rig_reg(R10), 0x10);
}

/* The guest sets its handlers up while it is stepped. */
static void new_psws_that_change(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "9253b1de" NOTHING AGHI_10_1); /* MVI: the handler is at 0x5300 */
    rig_set_reg(REG_R0 + 11, 0);
    rig_put64(0x1d8, 0x5200);
    rig_put(0x5300, AGHI_10_1);
    leaves(0x2000, 0x2010, 0x5300);
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_bytes(0x5300, AGHI_10_1);
}

static unsigned countdown;

static void interrupt_in_time(void)
{
    if (--countdown == 0)
        kernel.external_pending = true;
}

static void an_external_interruption(void **state)
{
    (void)state;
    put_many(0x2000);
    for (countdown = 1; countdown < 8; countdown++) {
        unsigned before = countdown - 1;

        rig_set_reg(R10, 0);
        rig_set_reg(REG_PSWM, RIG_64BIT | PSW_EXT);
        kernel.before_run = interrupt_in_time;
        leaves(0x2000, 0x2100, RIG_EXTERNAL);
        assert_int_equal(rig_reg(R10), before);
        countdown = before + 1;
    }
}

/* ---- completed in user space, waits ---- */

static void service_calls(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "b2200012" AGHI_10_1 "b2200012" AGHI_10_1);
    rig_set_reg(REG_R0 + 1, 0x00020001);
    rig_set_reg(REG_R0 + 2, 0x4000);
    rig_put(0x4000, "1000");
    leaves(0x2000, 0x2014, 0x2014);
    assert_int_equal(rig_reg(R10), 3);
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_range(0x2000, 0x2014), STOP_SW_BREAKPOINT, 0x2008);
    rig_assert_stop(rig_range(0x2000, 0x2014), STOP_STEP, 0x2014);
    assert_int_equal(rig_reg(R10), 6);
}

static void an_enabled_wait(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1);
    put_lpswe(0x2004, RIG_64BIT | PSW_WAIT | PSW_EXT, 0x2008);
    leaves(0x2000, 0x2008, 0x2008);
    assert_int_equal(machine_state(rig, 0), CPU_WAITING);
    rig_set_reg(REG_PSWM, RIG_64BIT);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_resume_range(0x2000, 0x200c);
    kernel_wait_blocked();
    assert_int_equal(kernel.debug_control & KVM_GUESTDBG_SINGLESTEP, 0);
    machine_interrupt(rig);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, 0x2008);
    kernel.external_pending = true;
    rig_assert_stop(rig_range(0x2000, 0x200c), STOP_STEP, RIG_EXTERNAL);
    assert_int_equal(rig_reg(R10), 2);
    assert_handlers_whole();
}

static void a_disabled_wait(void **state)
{
    (void)state;
    put_lpswe(0x2000, RIG_64BIT | PSW_WAIT, 0x2004);
    rig_assert_stop(rig_range(0x2000, 0x2010), STOP_DISABLED_WAIT, 0x2004);
    assert_handlers_whole();
}

/* ---- Ctrl-C ---- */

static void interrupt_guest_in_time(void)
{
    if (--countdown == 0)
        machine_interrupt(rig);
}

/* Whenever it comes: in front of the first instruction, or of a later one. */
static void an_interrupt_in_a_loop(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 "a7f4fffc");
    for (unsigned n = 1; n < 600; n++) {
        countdown = n;
        kernel.before_run = interrupt_guest_in_time;
        rig_set_reg(REG_PSWA, 0x2000);
        rig_set_reg(R10, 0);
        rig_assert_stop(rig_range(0x2000, 0x200c), STOP_INTERRUPT, 0x2000 + (n - 1) % 3 * 4);
        assert_int_equal(rig_reg(R10), (n - 1) / 3 * 2 + (n - 1) % 3);
    }
    kernel.before_run = NULL;
    assert_handlers_whole();
}

/* KVM holds a program interruption: it is taken before anything is told. */
static void an_interrupt_behind_an_exception(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 NOTHING AGHI_10_1);
    countdown = 3;
    kernel.before_run = interrupt_guest_in_time;
    leaves(0x2000, 0x200c, RIG_PROGRAM);
    assert_false(kernel.program_pending);
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_old_program_psw(0x2008, "00040001");
    countdown = 3;
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_range(0x2000, RIG_PROGRAM + 8), STOP_INTERRUPT, RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 2);
}

static int interrupts_behind_an_exit(struct kvm_run *run)
{
    int rc = kernel_cpu(run);

    if (--countdown == 0)
        machine_interrupt(rig);
    return rc;
}

/* KVM tells of the signal, and holds back that an instruction was executed: it is not told for the next. */
static void an_interrupt_at_the_end_of_an_instruction(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 "a7f4fffc");
    kernel.run = interrupts_behind_an_exit;
    for (unsigned n = 1; n < 10; n++) {
        rig_set_reg(REG_PSWA, 0x2000);
        rig_set_reg(R10, 0);
        countdown = n;
        rig_assert_stop(rig_range(0x2000, 0x200c), STOP_INTERRUPT, 0x2000 + n % 3 * 4);
        assert_int_equal(rig_reg(R10), n / 3 * 2 + n % 3);
        rig_assert_stop(rig_step(), STOP_STEP, 0x2000 + (n + 1) % 3 * 4);
    }
    rig_set_reg(REG_PSWA, 0x2000);
    countdown = 1;
    rig_resume(CPU_STEP);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, 0x2004);
    rig_assert_stop(rig_step(), STOP_STEP, 0x2008);
    assert_handlers_whole();
}

static void an_interrupt_at_the_end_of_what_faults(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 NOTHING AGHI_10_1);
    kernel.run = interrupts_behind_an_exit;
    countdown = 2;
    leaves(0x2000, 0x200c, RIG_PROGRAM);
    rig_assert_old_program_psw(0x2008, "00040001");
    rig_set_reg(REG_PSWA, 0x2004);
    countdown = 1;
    rig_assert_stop(rig_step(), STOP_STEP, RIG_PROGRAM);
    assert_false(kernel.program_pending);
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_old_program_psw(0x2008, "00040001");
}

static void an_interrupt_at_the_end_of_a_watched_store(void **state)
{
    (void)state;
    rig_put(0x2000, AGHI_10_1 "9255b000" AGHI_10_1);
    rig_set_reg(REG_R0 + 11, 0x3000);
    rig_breakpoint(BP_WRITE, 0x3000, 1);
    kernel.run = interrupts_behind_an_exit;
    countdown = 2;
    rig_assert_stop(rig_range(0x2000, 0x200c), STOP_WATCH, 0x2008);
    rig_assert_stop(rig_range(0x2000, 0x200c), STOP_STEP, 0x200c);
    rig_put(0x3000, "00");
    rig_set_reg(REG_PSWA, 0x2000);
    countdown = 1;
    rig_assert_stop(rig_continue(), STOP_WATCH, 0x2008);
}

/* Each resume has one stop, and nothing is executed twice or left out. */
static void ranges_in_a_storm_of_interrupts(void **state)
{
    uint64_t pc = 0x2000, count = 0;

    (void)state;
    put_many(0x2000);
    for (unsigned n = 1; pc < 0x2000 + 4 * MANY; n = n % 7 + 1) {
        struct stop stop;

        countdown = n;
        kernel.before_run = interrupt_guest_in_time;
        stop = rig_range(0x2000, 0x2000 + 4 * MANY);
        count += n - 1;
        pc += 4 * ((uint64_t)n - 1);
        if (stop.reason == STOP_STEP)
            break;
        rig_assert_stop(stop, STOP_INTERRUPT, pc);
        assert_int_equal(rig_reg(R10), count);
    }
    kernel.before_run = NULL;
    assert_int_equal(rig_reg(R10), MANY);
    assert_int_equal(rig_reg(REG_PSWA), 0x2000 + 4 * MANY);
}

static void every_step_is_counted(void **state)
{
    struct machine_counter counters[16];
    size_t n;

    (void)state;
    put_many(0x2000);
    put_many(0x2000 + 4 * MANY); /* more than go on by themselves */
    leaves(0x2000, 0x2000 + 8 * MANY, 0x2000 + 8 * MANY);
    n = machine_counters(rig, counters, 16);
    assert_int_equal(n, 1);
    assert_string_equal(counters[0].name, "debug");
    assert_int_equal(counters[0].count, 2 * MANY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(straight_code),
        TEST(empty_ranges),
        TEST(branches),
        TEST(into_another_page),
        TEST(around_the_end_of_the_address_space),
        TEST(one_ioctl_for_each_instruction),
        TEST(so_with_watchpoints_and_breakpoints),
        TEST(breakpoints_in_the_range),
        TEST(a_breakpoint_behind_the_range),
        TEST(a_breakpoint_elsewhere),
        TEST(a_watch_in_the_range),
        TEST(a_watch_over_an_sccb),
        TEST(supervisor_call),
        TEST(load_psw),
        TEST(an_operation_exception),
        TEST(an_addressing_exception),
        TEST(an_exception_in_front_of_a_breakpoint),
        TEST(an_exception_in_front_of_its_handler),
        TEST(through_a_handler),
        TEST(over_a_handler_inside_of_an_instruction),
        TEST(new_psws_that_change),
        TEST(an_external_interruption),
        TEST(service_calls),
        TEST(an_enabled_wait),
        TEST(a_disabled_wait),
        TEST(an_interrupt_in_a_loop),
        TEST(an_interrupt_behind_an_exception),
        TEST(an_interrupt_at_the_end_of_an_instruction),
        TEST(an_interrupt_at_the_end_of_what_faults),
        TEST(an_interrupt_at_the_end_of_a_watched_store),
        TEST(ranges_in_a_storm_of_interrupts),
        TEST(every_step_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
