/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the KVM engine records of exits: nothing before it is asked to, then each with what the guest wanted,
 * by CPU and in order; steps that go on by themselves in one record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "kvm_rig.h"
#include "zgdbd/trace.h"

#define WAITING 0x3000 /* PSW of END */
#define RECORDS 64

static struct exit_record records[RECORDS];
static size_t n;
static uint64_t next;

static int setup(void **state)
{
    next = 0;
    n = 0;
    if (rig_setup(state) < 0)
        return -1;
    rig_put64(WAITING, RIG_64BIT | PSW_WAIT);
    rig_put64(WAITING + 8, 0x3333);
    rig_set_reg(REG_R0 + 11, WAITING);
    return 0;
}

static void trace(bool on)
{
    assert_int_equal(machine_trace(rig, on, &rig_err), 0);
}

static void read_on(void)
{
    n = machine_trace_read(rig, &next, records, RECORDS);
}

/* Record i is of this kind, at this PSW address, and its line ends so. */
static void assert_record(size_t i, enum exit_kind kind, uint64_t pc, const char *words)
{
    char line[TRACE_LINE];
    const char *end;

    assert_true(i < n);
    assert_int_equal(records[i].kind, kind);
    assert_int_equal(records[i].psw.addr, pc);
    assert_int_equal(records[i].cpu, 0);
    end = strstr(exit_record_text(&records[i], line, sizeof line), words);
    assert_non_null(end);
    assert_string_equal(end, words);
}

static void off_at_first(void **state)
{
    uint64_t end = UINT64_MAX;

    (void)state;
    rig_put(RIG_ENTRY, "ae130012" END);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    read_on();
    assert_int_equal(n, 0);
    trace(true);
    assert_int_equal(machine_trace_read(rig, &end, records, 0), 0);
    assert_int_equal(end, 0);
}

static void what_the_guest_wanted(void **state)
{
    (void)state;
    rig_put(RIG_ENTRY, "b2200045" /* SERVC 4,5 */
                       "83670999" /* DIAG 6,7: a specification exception */);
    rig_put(RIG_PROGRAM, "ae281006" /* SIGP 2,8,6(1) */ END);
    rig_put(0x8000, "0008");
    rig_set_reg(REG_R0 + 1, 0xc);
    rig_set_reg(REG_R0 + 4, 0x00020001);
    rig_set_reg(REG_R0 + 5, 0x8000);
    rig_set_reg(REG_R0 + 6, 0x66);
    rig_set_reg(REG_R0 + 7, 0x77);
    rig_set_reg(REG_R0 + 3, 0x33);
    rig_set_reg(REG_R0 + 8, 9);
    trace(true);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    read_on();
    assert_int_equal(n, 4);
    assert_record(0, EXIT_SERVICE_CALL, RIG_ENTRY + 4,
                  " service-call: SERVC 4,5: read SCP info (0x00020001), SCCB 0x8000");
    assert_record(1, EXIT_DIAG, RIG_ENTRY + 8, " diag: DIAG 6,7,0x999: unknown, r6 0x66, r7 0x77");
    assert_record(2, EXIT_SIGP, RIG_PROGRAM + 4,
                  " sigp: SIGP 2,8,0x12: set architecture, CPU 9, parameter 0x33");
    assert_record(
        3, EXIT_WAIT, 0x3333,
        "disabled wait, supervisor state, primary space, DAT off, key 0, cc 0, program mask 0, 64-bit");
}

static void again(void)
{
    rig_set_reg(REG_PSWM, RIG_64BIT);
    rig_set_reg(REG_PSWA, RIG_ENTRY);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
}

static void off_again(void **state)
{
    (void)state;
    rig_put(RIG_ENTRY, END);
    trace(true);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    trace(false);
    again();
    trace(true);
    again();
    read_on();
    assert_int_equal(n, 2);
    assert_int_equal(records[1].number, 1);
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#define SLACK 100000000 /* the clocks are compared from outside of both */

static void time_of_day(void **state)
{
    uint64_t before = now(), after;

    (void)state;
    rig_put(RIG_ENTRY, END);
    trace(true);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    after = now();
    read_on();
    assert_int_equal(n, 1);
    assert_in_range(records[0].time, before - SLACK, after + SLACK);
}

#define MANY 20

static void steps_of_a_range_together(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++)
        rig_put(RIG_ENTRY + 4 * (uint64_t)i, AGHI_10_1);
    trace(true);
    rig_assert_stop(rig_range(RIG_ENTRY, RIG_ENTRY + 4 * MANY), STOP_STEP, RIG_ENTRY + 4 * MANY);
    rig_put(RIG_ENTRY + 4 * MANY, AGHI_10_1);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_ENTRY + 4 * MANY + 4);
    read_on();
    assert_int_equal(n, 3);
    assert_record(2, EXIT_DEBUG, RIG_ENTRY + 4 * MANY + 4, " debug: PER: single step");
    assert_record(0, EXIT_DEBUG, RIG_ENTRY + 4, " debug: PER: single step");
    assert_record(1, EXIT_DEBUG, RIG_ENTRY + 4 * MANY,
                  " debug: PER: single step; 18 steps in the range before it");
}

static void what_per_told(void **state)
{
    (void)state;
    rig_put(RIG_ENTRY, AGHI_10_1 "9201c000" /* MVI 0(12),1 */ "ae130012" AGHI_10_1);
    rig_set_reg(REG_R0 + 12, 0x4000);
    rig_breakpoint(BP_WRITE, 0x4000, 1);
    rig_breakpoint(BP_HARDWARE, RIG_ENTRY + 4, 0);
    trace(true);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, RIG_ENTRY + 4);
    rig_assert_stop(rig_continue(), STOP_WATCH, RIG_ENTRY + 8);
    rig_no_breakpoints();
    rig_assert_stop(rig_step(), STOP_STEP, RIG_ENTRY + 12);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_ENTRY + 16);
    read_on();
    assert_true(n >= 4);
    assert_record(0, EXIT_DEBUG, RIG_ENTRY + 4, " debug: PER: instruction fetch at 0x2004");
    assert_record(2, EXIT_SIGP, RIG_ENTRY + 12,
                  " sigp: SIGP 1,3,0x12: set architecture, CPU 0, parameter 0x0");
    assert_record(n - 1, EXIT_DEBUG, RIG_ENTRY + 16, " debug: PER: single step");
}

static int program_loop(struct kvm_run *run)
{
    return kernel_intercept(run, ICPT_PROGRAM_LOOP, 0, 0);
}

static int external_loop(struct kvm_run *run)
{
    return kernel_intercept(run, ICPT_EXTERNAL_LOOP, 0, 0);
}

static int unheard_of(struct kvm_run *run)
{
    run->exit_reason = 99;
    return 0;
}

static int sigp_exit(struct kvm_run *run)
{
    return kernel_intercept(run, ICPT_INSTRUCTION, 0xae13, 0x00120000);
}

static int fetch(struct kvm_run *run)
{
    return kernel_debug(run, KVM_HW_BP, 0x4444);
}

/* A debug exit right behind an intercept: the union that tells of both holds the intercept. */
static void what_per_held_back(void **state)
{
    (void)state;
    rig_breakpoint(BP_HARDWARE, 0x4000, 0);
    trace(true);
    KERNEL_SCRIPT(sigp_exit, fetch, program_loop);
    assert_int_equal(rig_continue().reason, STOP_PROGRAM_LOOP);
    read_on();
    assert_int_equal(n, 3);
    assert_record(1, EXIT_DEBUG, RIG_ENTRY, " debug: PER, held back at the exit before");
}

static void codes_of_loops(void **state)
{
    (void)state;
    rig_put(0x86, "1004");
    rig_put(0x8e, "0011");
    trace(true);
    KERNEL_SCRIPT(program_loop);
    assert_int_equal(rig_continue().reason, STOP_PROGRAM_LOOP);
    KERNEL_SCRIPT(external_loop);
    assert_int_equal(rig_continue().reason, STOP_PROGRAM_LOOP);
    KERNEL_SCRIPT(unheard_of);
    assert_int_equal(rig_continue().reason, STOP_ERROR);
    read_on();
    assert_int_equal(n, 3);
    assert_record(0, EXIT_LOOP, RIG_ENTRY, ": program interruption 0x0011, page translation");
    assert_record(1, EXIT_LOOP, RIG_ENTRY, ": external interruption 0x1004, clock comparator");
    assert_record(2, EXIT_ELSE, RIG_ENTRY, " other: KVM exit reason 99");
}

/* A CPU that is in the guest: switching and reading need not wait for it. */
static void while_it_runs(void **state)
{
    (void)state;
    KERNEL_SCRIPT(kernel_block);
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    trace(true);
    read_on();
    assert_int_equal(n, 0);
    machine_interrupt(rig);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, RIG_ENTRY);
    read_on();
    assert_int_equal(n, 1);
    assert_record(0, EXIT_KICK, RIG_ENTRY, " kick");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(off_at_first),       TEST(what_the_guest_wanted), TEST(off_again),
        TEST(time_of_day),        TEST(what_per_told),         TEST(steps_of_a_range_together),
        TEST(what_per_held_back), TEST(codes_of_loops),        TEST(while_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
