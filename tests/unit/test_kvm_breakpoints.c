/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints and watchpoints in force: opcodes that are in memory only while the CPU runs, hardware where
 * the code is not there yet, the limits and their sentences. Address spaces are test_kvm_spaces.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

static int setup(void **state)
{
    if (rig_setup(state) < 0)
        return -1;
    rig_put(0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1 AGHI_10_1 END);
    rig_put64(0x3000, RIG_64BIT | PSW_WAIT);
    rig_put64(0x3008, 0x3333);
    rig_set_reg(REG_R0 + 11, 0x3000);
    return 0;
}

static int setup_without(long capability, bool no_gper)
{
    rig_prepare(RIG_ELF);
    kernel.hidden[0] = capability;
    kernel.no_gper = no_gper;
    return rig_create() ? 0 : -1;
}

static int setup_without_instr0(void **state)
{
    (void)state;
    return setup_without(KVM_CAP_S390_USER_INSTR0, false);
}

static int setup_with_neither(void **state)
{
    (void)state;
    return setup_without(KVM_CAP_S390_USER_INSTR0, true);
}

static bool in_memory(uint64_t absolute, const void *bytes, size_t len)
{
    return memcmp(kernel.memory + absolute, bytes, len) == 0;
}

static void breaks_at(uint64_t pc)
{
    struct stop stop = rig_continue();

    rig_assert_stop(stop, STOP_SW_BREAKPOINT, pc);
    assert_int_equal(stop.addr, pc);
}

/* ---- the opcode ---- */

static int sees_opcode_at_2004(struct kvm_run *run)
{
    KERNEL_CHECK(in_memory(0x2002, "\x00\x01\x00\x00\x00\x01", 6));
    KERNEL_CHECK(kernel.nhw == 0);
    return kernel_cpu(run);
}

static void opcode_is_there_only_while_it_runs(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_assert_bytes(0x2004, AGHI_10_1);
    KERNEL_SCRIPT(sees_opcode_at_2004);
    breaks_at(0x2004);
    rig_assert_bytes(0x2004, AGHI_10_1);
    assert_int_equal(rig_reg(R10), 1);
}

static void is_passed_when_it_was_reported(void **state)
{
    (void)state;
    rig_put(0x2008, "a7f4fffe"); /* J .-4 */
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    for (unsigned i = 1; i < 20; i++) {
        breaks_at(0x2004);
        assert_int_equal(rig_reg(R10), i);
    }
    rig_no_breakpoints();
    rig_put(0x2008, END);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
}

static void is_reported_when_the_pc_was_put_there(void **state)
{
    unsigned runs;

    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_breakpoint(BP_HARDWARE, 0x2008, 0);
    breaks_at(0x2004);
    runs = kernel.runs;
    rig_set_reg(REG_PSWA, 0x2004);
    breaks_at(0x2004);
    rig_set_reg(REG_PSWA, 0x2008);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2008);
    assert_int_equal(kernel.runs, runs);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 3);
}

/* A jump to itself: passed once, then reported again. */
static void on_a_loop_of_one_instruction(void **state)
{
    (void)state;
    rig_put(0x2004, "a7f40000");
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    breaks_at(0x2004);
    breaks_at(0x2004);
    breaks_at(0x2004);
}

static void the_guest_stores_over_it(void **state)
{
    (void)state;
    rig_put(0x2000, "92a7c000 92fbc001 a7ab0001");
    rig_set_reg(REG_R0 + 12, 0x2008);
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    rig_breakpoint(BP_SOFTWARE, 0x200c, 0);
    breaks_at(0x200c);
    rig_assert_bytes(0x2008, "a7fb0001");
    assert_int_equal(rig_reg(REG_R0 + 15), 1);
}

/* A page that the guest frees and clears while the breakpoint is in it stays cleared. */
static int clears_the_page(struct kvm_run *run)
{
    KERNEL_CHECK(in_memory(0x5004, "\x00\x00\x00\x01", 4));
    memset(kernel.memory + 0x5000, 0, 0x1000);
    return kernel_cpu(run);
}

static void the_guest_clears_its_page(void **state)
{
    (void)state;
    rig_put(0x5000, AGHI_10_1 AGHI_10_1 AGHI_10_1);
    rig_put(0x2004, "0000");
    rig_breakpoint(BP_SOFTWARE, 0x5004, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    KERNEL_SCRIPT(clears_the_page);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
    rig_assert_bytes(0x5000, "0000000000000000");
    rig_assert_bytes(0x2004, "0000");
}

static void the_debugger_stores_over_it(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    breaks_at(0x2004);
    rig_put(0x2004, "a7fb0007");
    rig_set_reg(REG_PSWA, 0x2000);
    breaks_at(0x2004);
    rig_assert_bytes(0x2004, "a7fb0007");
    rig_step();
    assert_int_equal(rig_reg(REG_R0 + 15), 7);
}

static void nothing_stays_after_an_interrupt(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    KERNEL_SCRIPT(kernel_block);
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    machine_interrupt(rig);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, 0x2000);
    rig_assert_bytes(0x2004, AGHI_10_1);
}

/* Opcode 0x0000 of the guest's own is an operation exception, taken by the PSW alone. */
static void a_zero_opcode_of_the_guests_own(void **state)
{
    (void)state;
    rig_put(0x2004, "0000");
    rig_put(RIG_PROGRAM, END);
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    rig_assert_bytes(0x150, "0000200180000000 0000000000002006");
    rig_assert_bytes(0x8c, "00020001");
    assert_int_equal(kernel.vcpu_interrupts, 0);
}

/* The handler's first instruction, to which an exception that the engine presents leads. */
static void on_a_handler(void **state)
{
    (void)state;
    rig_put(0x2004, "83120023");
    rig_breakpoint(BP_SOFTWARE, RIG_PROGRAM, 0);
    breaks_at(RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 1);
    rig_no_breakpoints();
    rig_set_reg(REG_PSWA, 0x2000);
    rig_breakpoint(BP_HARDWARE, RIG_PROGRAM, 0);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, RIG_PROGRAM);
    assert_int_equal(rig_reg(R10), 2);
}

static void guest_debug_is_not_set_for_opcodes(void **state)
{
    unsigned before;

    (void)state;
    rig_put(0x2008, "a7f4fffc");
    rig_breakpoint(BP_SOFTWARE, 0x2000, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    breaks_at(0x2000);
    breaks_at(0x2004);
    breaks_at(0x2000);
    rig_set_reg(REG_PSWA, 0x2008);
    rig_no_breakpoints();
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    breaks_at(0x2004);
    before = kernel.debug_calls;
    for (int i = 0; i < 100; i++) {
        rig_set_reg(REG_PSWA, 0x2000);
        breaks_at(0x2004);
    }
    assert_int_equal(kernel.debug_calls, before);
}

/* ---- not there yet ---- */

static int sees_hardware_at_100000(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == 0x100000 && kernel.hw[0].type == KVM_HW_BP);
    run->psw_addr = 0x100000;
    return kernel_debug(run, KVM_HW_BP, 0x100000);
}

static int sees_an_opcode_at_100000(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 0);
    KERNEL_CHECK(in_memory(0x100000, "\x00\x00\x00\x01", 4));
    run->psw_addr = 0x100002;
    return kernel_intercept(run, 0x2c, 0, 0);
}

static void outside_of_the_segments_it_is_hardware_until_there_is_code(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x100000, 0);
    KERNEL_SCRIPT(sees_hardware_at_100000);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x100000);
    rig_put(0x100000, AGHI_10_1);
    rig_set_reg(REG_PSWA, 0x2000);
    KERNEL_SCRIPT(sees_an_opcode_at_100000);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x100000);
    rig_assert_bytes(0x100000, AGHI_10_1);
}

/* The loader writes the kernel over the breakpoint, starts it, and is looked at again by the timer. */
static int loader(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == 0x100008);
    memcpy(kernel.memory + 0x100000, "\xa7\xab\x00\x01\xa7\xab\x00\x01\xa7\xab\x00\x01", 12);
    run->psw_addr = 0x100000;
    return kernel_block(run);
}

static int started_kernel(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 0);
    KERNEL_CHECK(in_memory(0x100008, "\x00\x00\x00\x01", 4));
    return kernel_cpu(run);
}

static void linux_loader_then_kernel(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x100008, 0);
    KERNEL_SCRIPT(loader, started_kernel);
    breaks_at(0x100008);
    assert_int_equal(rig_reg(R10), 2);
    rig_assert_bytes(0x100008, AGHI_10_1);
}

/* ---- without opcode 0x0000 ---- */

static int sees_diag_at_2002(struct kvm_run *run)
{
    KERNEL_CHECK(in_memory(0x2002, "\x83\x24\x05\x01", 4));
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == 0x2006);
    return kernel_cpu(run);
}

static void diag_501_over_four_bytes_only(void **state)
{
    (void)state;
    rig_put(0x2000, "0700" AGHI_10_1 "0700 0700");
    rig_breakpoint(BP_SOFTWARE, 0x2002, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2006, 0);
    KERNEL_SCRIPT(sees_diag_at_2002);
    breaks_at(0x2002);
    rig_assert_bytes(0x2000, "0700" AGHI_10_1 "0700 0700");
    KERNEL_SCRIPT(kernel_cpu); /* the step over it leads there */
    breaks_at(0x2006);
    assert_int_equal(rig_reg(R10), 1);
}

static int sees_two_diags(struct kvm_run *run)
{
    KERNEL_CHECK(in_memory(0x2000, "\x83\x24\x83\x24\x05\x01", 6));
    return kernel_block(run);
}

/* One in the middle of the other's instruction: taken out in reverse, nothing of them stays. */
static void overlapping_opcodes(void **state)
{
    (void)state;
    rig_put(0x2000, "c004a7f40000");
    rig_breakpoint(BP_SOFTWARE, 0x2000, 0);
    rig_breakpoint(BP_SOFTWARE, 0x2002, 0);
    rig_set_reg(REG_PSWA, 0x2010);
    KERNEL_SCRIPT(sees_two_diags);
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    machine_interrupt(rig);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, 0x2010);
    rig_assert_bytes(0x2000, "c004a7f40000");
}

/* DIAG 0x501 that is no breakpoint is the guest's: an operation exception, as with QEMU. */
static void diag_501_of_the_guests_own(void **state)
{
    (void)state;
    rig_put(0x2000, "83240501");
    rig_put64(0x1d0, RIG_64BIT | PSW_WAIT);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0);
    rig_assert_bytes(0x8c, "00040001");
}

static void no_opcode_and_no_hardware(void **state)
{
    (void)state;
    rig_put(0x2000, "0700" AGHI_10_1 "0700");
    rig_breakpoint(BP_SOFTWARE, 0x2002, 0);
    assert_true(rig_check());
    rig_breakpoint(BP_SOFTWARE, 0x2006, 0);
    assert_false(rig_check());
    rig_assert_says(
        "cannot set a breakpoint at 0x2006: no opcode fits there and there are no hardware breakpoints");
}

/* ---- limits ---- */

static void fill_hardware(void)
{
    for (unsigned i = 0; i < KERNEL_HW_MAX; i++)
        rig_breakpoint(BP_HARDWARE, 0x8000 + 4 * i, 0);
}

static void refuses_the_51st(void **state)
{
    (void)state;
    fill_hardware();
    assert_true(rig_check());
    rig_breakpoint(BP_HARDWARE, 0x9000, 0);
    assert_false(rig_check());
    rig_assert_says(
        "cannot set a breakpoint or watchpoint at 0x9000: KVM has 50 hardware breakpoints and watchpoints");
    rig_assert_says("delete some");
    rig_no_breakpoints();
    fill_hardware();
    rig_breakpoint(BP_WRITE, 0x9000, 1);
    assert_false(rig_check());
    rig_assert_says("at 0x9000");
}

/* A resume with a set that does not fit moves no CPU. */
static void resume_refuses_the_51st(void **state)
{
    struct breakpoint set[KERNEL_HW_MAX + 1];
    struct resume_plan plan = {
        .action = {{.verb = CPU_CONTINUE}}, .nbreakpoints = KERNEL_HW_MAX + 1, .breakpoints = set};
    unsigned runs = kernel.runs;
    struct stop stop;

    (void)state;
    for (unsigned i = 0; i <= KERNEL_HW_MAX; i++)
        set[i] = (struct breakpoint){.kind = BP_HARDWARE, .addr = 0x8000 + 4 * i};
    assert_int_equal(machine_resume(rig, &plan, &rig_err), -1);
    rig_assert_says("cannot set a breakpoint or watchpoint at 0x80c8");
    assert_false(machine_next_stop(rig, &stop));
    assert_int_equal(kernel.runs, runs);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
}

static int sees_demoted(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == KERNEL_HW_MAX);
    KERNEL_CHECK(in_memory(0x100000, "\x00\x00\x00\x01", 4));
    run->psw_addr = 0x100000;
    return kernel_cpu(run);
}

/* No room in PER, but its memory can be had: an opcode after all. */
static void without_room_in_per_it_is_an_opcode(void **state)
{
    (void)state;
    rig_put(0x100000, AGHI_10_1);
    fill_hardware();
    rig_breakpoint(BP_SOFTWARE, 0x100000, 0);
    assert_true(rig_check());
    KERNEL_SCRIPT(sees_demoted);
    breaks_at(0x100000);
    rig_assert_bytes(0x100000, AGHI_10_1);
}

static void refuses_odd_addresses(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2001, 0);
    assert_false(rig_check());
    rig_assert_says("cannot set a breakpoint at 0x2001: instructions are at even addresses");
}

static void refuses_watching_what_cannot_be(void **state)
{
    (void)state;
    rig_breakpoint(BP_WRITE, 0x3001, 0);
    assert_false(rig_check());
    rig_assert_says("cannot watch 0 bytes at 0x3001");
    rig_no_breakpoints();
    rig_breakpoint(BP_WRITE, 0x10000, 5000);
    assert_true(rig_check());
    rig_no_breakpoints();
    rig_breakpoint(BP_WRITE, 0x10000, 5001);
    assert_false(rig_check());
    rig_no_breakpoints();
    rig_breakpoint(BP_WRITE, RIG_MEMORY, 8);
    assert_false(rig_check());
    rig_assert_says("cannot watch 0x1000000: the address does not translate now");
}

/* ---- hardware ---- */

static void hardware_is_told_before_the_instruction(void **state)
{
    (void)state;
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2004);
    assert_int_equal(rig_reg(R10), 1);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 4);
}

static void hardware_is_told_late_on_a_handler(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2004, "0a05");
    rig_put(RIG_SVC + 4, END);
    rig_breakpoint(BP_HARDWARE, RIG_SVC, 0);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_HW_BREAKPOINT, RIG_SVC + 4);
    assert_int_equal(stop.addr, RIG_SVC);
    assert_non_null(strstr(stop.text, "hardware breakpoint at 0x5100, told one instruction late"));
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
}

/* An instruction completed in user space whose successor has one: KVM tells it at the next entry. */
static void hardware_after_a_diag(void **state)
{
    (void)state;
    rig_put(0x2000, "83230308");
    rig_set_reg(REG_R0 + 3, 6);
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2004);
    assert_int_equal(rig_reg(R10), 0);
}

/* A breakpoint's opcode lies in what is watched. */
static void watched_code_is_told_without_opcodes(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2000, "9255c006" AGHI_10_1 END);
    rig_set_reg(REG_R0 + 12, 0x2000);
    rig_breakpoint(BP_WRITE, 0x2004, 4);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WATCH, 0x2004);
    assert_int_equal(stop.old_value, 0xa7ab0001);
    assert_int_equal(stop.new_value, 0xa7ab5501);
}

/* ---- watchpoints ---- */

static void watch_reports_and_is_armed_again(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2000, "9211c000 9222c000 9222c000 9233c007 9244c008" END);
    rig_set_reg(REG_R0 + 12, 0x3800);
    rig_put64(0x3800, 0);
    rig_breakpoint(BP_WRITE, 0x3800, 8);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WATCH, 0x2004);
    assert_int_equal(stop.addr, 0x3800);
    assert_int_equal(stop.old_value, 0);
    assert_int_equal(stop.new_value, 0x1100000000000000);
    assert_string_equal(stop.text, "watchpoint at 0x3800: 0x1100000000000000 was 0x0");
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WATCH, 0x2008);
    assert_int_equal(stop.old_value, 0x1100000000000000);
    assert_int_equal(stop.new_value, 0x2200000000000000);
    rig_assert_stop(rig_continue(), STOP_WATCH, 0x2010); /* 0x200c stored what was there */
    rig_put(0x3801, "99");                               /* the debugger's own store is none */
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
}

static int sees_three_parts(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 3);
    for (unsigned i = 0; i < 3; i++) {
        KERNEL_CHECK(kernel.hw[i].type == KVM_HW_WP_WRITE);
        KERNEL_CHECK(kernel.hw[i].addr == 0x3800 + 100 * i && kernel.hw[i].phys_addr == kernel.hw[i].addr);
        KERNEL_CHECK(kernel.hw[i].len == (i < 2 ? 100 : 50));
    }
    return kernel_cpu(run);
}

static void a_long_watch_is_split(void **state)
{
    struct stop stop;

    (void)state;
    rig_put(0x2000, "9211c0f9 9222c0fa" END);
    rig_set_reg(REG_R0 + 12, 0x3800);
    rig_breakpoint(BP_WRITE, 0x3800, 250);
    KERNEL_SCRIPT(sees_three_parts);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WATCH, 0x2004);
    assert_int_equal(stop.addr, 0x3800);
    assert_string_equal(stop.text, "watchpoint at 0x3800, 250 bytes: 1 changed; 0x38f9: 11 was 00");
    assert_true(stop.tell);
    KERNEL_SCRIPT(sees_three_parts);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opcode_is_there_only_while_it_runs),
        TEST(is_passed_when_it_was_reported),
        TEST(is_reported_when_the_pc_was_put_there),
        TEST(on_a_loop_of_one_instruction),
        TEST(the_guest_stores_over_it),
        TEST(the_guest_clears_its_page),
        TEST(the_debugger_stores_over_it),
        TEST(nothing_stays_after_an_interrupt),
        TEST(a_zero_opcode_of_the_guests_own),
        TEST(on_a_handler),
        TEST(guest_debug_is_not_set_for_opcodes),
        TEST(outside_of_the_segments_it_is_hardware_until_there_is_code),
        cmocka_unit_test_setup_teardown(linux_loader_then_kernel, rig_setup_linux, rig_teardown),
        cmocka_unit_test_setup_teardown(diag_501_over_four_bytes_only, setup_without_instr0, rig_teardown),
        cmocka_unit_test_setup_teardown(overlapping_opcodes, setup_without_instr0, rig_teardown),
        cmocka_unit_test_setup_teardown(diag_501_of_the_guests_own, setup_without_instr0, rig_teardown),
        cmocka_unit_test_setup_teardown(no_opcode_and_no_hardware, setup_with_neither, rig_teardown),
        TEST(refuses_the_51st),
        TEST(resume_refuses_the_51st),
        TEST(without_room_in_per_it_is_an_opcode),
        TEST(refuses_odd_addresses),
        TEST(refuses_watching_what_cannot_be),
        TEST(hardware_is_told_before_the_instruction),
        TEST(hardware_is_told_late_on_a_handler),
        TEST(hardware_after_a_diag),
        TEST(watch_reports_and_is_armed_again),
        TEST(watched_code_is_told_without_opcodes),
        TEST(a_long_watch_is_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
