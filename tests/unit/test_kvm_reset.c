/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resets of the KVM machine: by the debugger, everything as at the start; by the guest, each kind with what
 * it clears, keeps and loads, and where the CPU goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

#define R3 (REG_R0 + 3)
#define R8 (REG_R0 + 8)
#define DIAG_308 "83230308" /* subcode in register 3, operand in register 2 */
#define SERVC "b2200012"    /* command in register 1, SCCB in register 2 */

/* ---- by the debugger ---- */

static void reset_starts_again(void **state)
{
    unsigned before = kernel.initial_resets;

    (void)state;
    rig_put(0x2000, "a7ab0001 a7ab0001 a7ab0001");
    rig_put64(0x800000, 0x1122334455667788);
    rig_assert_stop(rig_step(), STOP_STEP, 0x2004);
    rig_set_reg(REG_C0 + 1, 0x7000);
    rig_set_reg(REG_PREFIX, 0x8000);
    rig_set_reg(REG_A0 + 3, 7);
    rig_set_reg(REG_FPC, 9);
    rig_set_reg(REG_F0 + 15, 5);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    assert_int_equal(kernel.initial_resets, before + 1);
    assert_int_equal(rig_reg(REG_PSWA), RIG_ENTRY);
    assert_int_equal(rig_reg(REG_PSWM), RIG_64BIT);
    assert_int_equal(rig_reg(REG_R0 + 10), 0);
    assert_int_equal(rig_reg(REG_A0 + 3), 0);
    assert_int_equal(rig_reg(REG_FPC), 0);
    assert_int_equal(rig_reg(REG_F0 + 15), 0);
    assert_int_equal(rig_reg(REG_C0 + 1), 0);
    assert_int_equal(rig_reg(REG_C0), 0xe0);
    assert_int_equal(rig_reg(REG_PREFIX), 0);
    rig_assert_bytes(0x800000, "0000000000000000");
    rig_assert_bytes(0x2000, "0000"); /* what the file has there */
    rig_put(0x2000, "a7ab0001");
    rig_assert_stop(rig_step(), STOP_STEP, 0x2004);
    assert_int_equal(rig_reg(REG_PREFIX), 0);
    assert_int_equal(rig_reg(REG_R0 + 10), 1);
}

/* What the image does not fill stays, and so do the registers that an initial CPU reset leaves. */
static void reset_that_leaves_memory(void **state)
{
    (void)state;
    rig_put(0x2000, "a7ab0001");
    rig_put64(0x800000, 0x1122334455667788);
    rig_set_reg(REG_R0 + 10, 0x1010);
    rig_set_reg(REG_C0 + 1, 0x7000);
    rig_set_reg(REG_PREFIX, 0x8000);
    assert_int_equal(machine_reset(rig, RESET_LOAD_NORMAL, NULL, &rig_err), 0);
    assert_int_equal(rig_reg(REG_PSWA), RIG_ENTRY);
    assert_int_equal(rig_reg(REG_R0 + 10), 0x1010);
    assert_int_equal(rig_reg(REG_C0 + 1), 0);
    assert_int_equal(rig_reg(REG_PREFIX), 0);
    rig_assert_bytes(0x800000, "1122334455667788");
    rig_assert_bytes(0x2000, "0000");
}

static int sees_power_on_state(struct kvm_run *run)
{
    KERNEL_CHECK(run->s.regs.pft == UINT64_MAX && run->s.regs.prefix == 0 && run->s.regs.crs[1] == 0);
    KERNEL_CHECK(run->s.regs.diag318 == 0 && run->s.regs.bpbc == 0 && run->s.regs.todpr == 0);
    KERNEL_CHECK(run->s.regs.pp == 0 && run->s.regs.ckc == 0);
    return kernel_intercept(run, 0x1c, 0, 0);
}

/* What was edited before it and not yet taken by KVM is gone too. */
static void reset_forgets_edits(void **state)
{
    (void)state;
    rig_set_reg(REG_PFT, 0x1234);
    rig_set_reg(REG_PREFIX, 0x8000);
    rig_set_reg(REG_C0 + 1, 0x7000);
    rig_set_reg(REG_PP, 5);
    rig_set_reg(REG_CKC, 6);
    rig_set_reg(REG_DIAG318, 7);
    rig_set_reg(REG_BPBC, 1);
    rig_set_reg(REG_TODPR, 8);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    KERNEL_SCRIPT(sees_power_on_state);
    rig_continue();
}

/* A breakpoint on the first instruction is reported after each reset, not passed as one that was reported. */
static void reset_onto_a_breakpoint(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, RIG_ENTRY, 0);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, RIG_ENTRY);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, RIG_ENTRY);
    rig_assert_bytes(RIG_ENTRY, "0000");
}

static void reset_takes_a_new_command_line(void **state)
{
    (void)state;
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, "abc", &rig_err), 0);
    rig_assert_bytes(0x10480, "61626300");
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_assert_bytes(0x10480, "61626300");
}

/* A command line that the image does not take is refused, and is in nobody's way afterwards. */
static void reset_keeps_the_command_line_that_fits(void **state)
{
    char longest[2000];

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, "abc", &rig_err), 0);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, longest, &rig_err), -1);
    assert_non_null(strstr(rig_err.text, "takes at most"));
    assert_int_equal(rig_reg(REG_PSWA), 0x10000);
    rig_assert_bytes(0x10480, "61626300");
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_assert_bytes(0x10480, "61626300");
}

static void reset_says_what_fails(void **state)
{
    (void)state;
    kernel.madvise_errno = EINVAL;
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), -1);
    assert_non_null(strstr(rig_err.text, "cannot clear the guest's memory"));
    kernel.madvise_errno = 0;
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
}

/* ---- that fail ---- */

static int resume(void)
{
    static const struct resume_plan plan = {.action = {{.verb = CPU_CONTINUE}}};

    memset(&rig_err, 0, sizeof rig_err);
    return machine_resume(rig, &plan, &rig_err);
}

/* A machine that is half reset does not run: every resume tries the reset again. */
static void assert_still_due(void)
{
    unsigned runs = kernel.runs;

    kernel.madvise_errno = EINVAL;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(resume(), -1);
        rig_assert_says("cannot clear the guest's memory");
    }
    assert_int_equal(kernel.runs, runs);
    kernel.madvise_errno = 0;
    rig_breakpoint(BP_HARDWARE, RIG_ENTRY, 0);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, RIG_ENTRY);
    rig_assert_bytes(0x800000, "0000000000000000");
}

static void a_failed_reset_stays_due(void **state)
{
    (void)state;
    rig_put64(0x800000, 0x1122334455667788);
    kernel.madvise_errno = EINVAL;
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), -1);
    assert_still_due();
}

/* ---- by the guest ---- */

/* Lets the guest ask for a reset at 0x2000, with something in memory and registers that may be kept. */
static void ask(unsigned subcode)
{
    rig_put(0x2000, DIAG_308);
    rig_put64(0x800000, 0x1122334455667788);
    rig_set_reg(REG_PSWM, RIG_64BIT);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_set_reg(R3, subcode);
    rig_set_reg(R8, 0x77);
    rig_set_reg(REG_A0 + 3, 7);
    rig_set_reg(REG_F0 + 15, 5);
    rig_set_reg(REG_C0 + 1, 0x7000);
    rig_set_reg(REG_CKC, 0x1234);
    rig_set_reg(REG_FPC, 0x80000);
}

static void assert_subcode(struct stop stop, unsigned subcode)
{
    char words[32];

    snprintf(words, sizeof words, "(DIAG 308 subcode %u)", subcode);
    assert_non_null(strstr(stop.text, words));
    assert_int_equal(stop.reloads, subcode > 1);
}

static struct stop asked(unsigned subcode)
{
    struct stop stop;

    ask(subcode);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_RESET, 0x2004);
    assert_subcode(stop, subcode);
    rig_assert_bytes(0x800000, "1122334455667788");
    return stop;
}

/* Which registers a clear reset and an initial reset leave. */
static void assert_registers(bool kept)
{
    assert_int_equal(rig_reg(R8), kept ? 0x77 : 0);
    assert_int_equal(rig_reg(REG_A0 + 3), kept ? 7 : 0);
    assert_int_equal(rig_reg(REG_F0 + 15), kept ? 5 : 0);
    assert_int_equal(rig_reg(REG_C0 + 1), 0);
    assert_int_equal(rig_reg(REG_C0), 0xe0);
    assert_int_equal(rig_reg(REG_CKC), 0);
    assert_int_equal(rig_reg(REG_FPC), 0);
    assert_int_equal(rig_reg(REG_PREFIX), 0);
}

static void restarts_in_memory(unsigned subcode, bool kept)
{
    unsigned madvises = kernel.madvises, resets = kernel.initial_resets;

    rig_put(0x3000, AGHI_10_1);
    rig_put(0, "0008000080003000");
    asked(subcode);
    rig_assert_stop(rig_step(), STOP_STEP, 0x3004);
    assert_int_equal(rig_reg(REG_PSWM), 0x80000000 | 2ULL << 44);
    assert_registers(kept);
    assert_int_equal(kernel.initial_resets, resets + 1);
    assert_int_equal(kernel.madvises, madvises);
    rig_assert_bytes(0x800000, "1122334455667788");
}

/* Subcodes 0 and 1: what the CPU's registers are is all in which they differ. */
static void modified_clear_restarts_in_memory(void **state)
{
    (void)state;
    restarts_in_memory(0, false);
}

static void load_normal_reset_restarts_in_memory(void **state)
{
    (void)state;
    restarts_in_memory(1, true);
}

static int sees_an_invalid_psw(struct kvm_run *run)
{
    KERNEL_CHECK(run->psw_mask == (PSW_SHORT | 0x80000000) && run->psw_addr == 0x3000);
    return kernel_intercept(run, 0x1c, 0, 0);
}

/* Without bit 12 the PSW is none of ESA/390: the CPU is to find out. */
static void restart_without_a_short_psw(void **state)
{
    (void)state;
    rig_put(0, "0000000080003000");
    asked(0);
    KERNEL_SCRIPT(sees_an_invalid_psw);
    rig_continue();
}

static void load_clear_loads_again(void **state)
{
    (void)state;
    asked(3);
    rig_breakpoint(BP_HARDWARE, RIG_ENTRY, 0);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, RIG_ENTRY);
    assert_registers(false);
    rig_assert_bytes(0x800000, "0000000000000000");
    rig_assert_bytes(RIG_ENTRY, "0000");
}

/* Memory outside of the image stays, and the image is what it was. */
static void loads_normally(unsigned subcode)
{
    unsigned madvises = kernel.madvises;

    asked(subcode);
    rig_breakpoint(BP_HARDWARE, RIG_ENTRY, 0);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, RIG_ENTRY);
    rig_no_breakpoints();
    assert_registers(true);
    assert_int_equal(kernel.madvises, madvises);
    rig_assert_bytes(0x800000, "1122334455667788");
    rig_assert_bytes(RIG_ENTRY, "0000");
}

static void load_normal_keeps_memory(void **state)
{
    (void)state;
    loads_normally(4);
    loads_normally(7);
}

static int asks_through_the_kernel(struct kvm_run *run, uint64_t flags)
{
    run->exit_reason = KVM_EXIT_S390_RESET;
    run->s390_reset_flags = flags | KVM_S390_RESET_SUBSYSTEM | KVM_S390_RESET_IPL | KVM_S390_RESET_CPU_INIT;
    return 0;
}

static int asks_to_clear(struct kvm_run *run)
{
    return asks_through_the_kernel(run, KVM_S390_RESET_CLEAR);
}

static int asks_to_load(struct kvm_run *run)
{
    return asks_through_the_kernel(run, 0);
}

/* KVM tells subcodes 3 and 4 by flags. */
static void the_kernel_tells_resets_by_flags(void **state)
{
    (void)state;
    rig_put64(0x800000, 0x1122334455667788);
    KERNEL_SCRIPT(asks_to_load);
    assert_subcode(rig_continue(), 4);
    KERNEL_SCRIPT(asks_to_clear);
    assert_subcode(rig_continue(), 3);
    rig_assert_bytes(0x800000, "1122334455667788");
    KERNEL_SCRIPT(kernel_cpu);
    rig_step();
    rig_assert_bytes(0x800000, "0000000000000000");
}

/* Who gives the CPU another PSW wants it to run on. */
static void a_changed_psw_calls_the_reset_off(void **state)
{
    (void)state;
    rig_put(0x3000, AGHI_10_1);
    asked(3);
    rig_set_reg(REG_PSWA, 0x3000);
    rig_assert_stop(rig_step(), STOP_STEP, 0x3004);
    rig_assert_bytes(0x800000, "1122334455667788");
}

static void a_failed_reset_of_the_guest_stays_due(void **state)
{
    (void)state;
    asked(3);
    assert_still_due();
}

/* ---- the parameters of the next load ---- */

#define BLOCK 0x9000
#define SCCB 0xa000

/* A block of CCW type, with a load parameter of these 8 bytes. */
static void set_block(const char *loadparm)
{
    rig_put(BLOCK, "000000c8 00000000 000000c0 02 80 0000");
    rig_put(BLOCK + 16, loadparm);
    rig_put(0x2000, DIAG_308);
    rig_set_reg(REG_PSWM, RIG_64BIT);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_set_reg(REG_R0 + 2, BLOCK);
    rig_set_reg(R3, 5);
    rig_assert_stop(rig_step(), STOP_STEP, 0x2004);
    assert_int_equal(rig_reg(R3), 1);
}

/* What READ SCP INFO says. */
static void assert_loadparm(const char *loadparm)
{
    rig_put(0x2100, SERVC);
    rig_put64(SCCB, 0x1000ULL << 48);
    rig_set_reg(REG_PSWM, RIG_64BIT);
    rig_set_reg(REG_PSWA, 0x2100);
    rig_set_reg(REG_R0 + 1, 0x20001);
    rig_set_reg(REG_R0 + 2, SCCB);
    rig_assert_stop(rig_step(), STOP_STEP, 0x2104);
    rig_assert_bytes(SCCB + 6, "0010");
    rig_assert_bytes(SCCB + 24, loadparm);
}

/* The block is for the next load, a later one has it too, and a reset from outside knows nothing of it. */
static void a_block_changes_the_load_parameter(void **state)
{
    (void)state;
    assert_loadparm("4040404040404040");
    set_block("c1c2c3c4c5c6c7c8");
    assert_loadparm("4040404040404040");
    asked(0);
    rig_step();
    assert_loadparm("4040404040404040");
    for (unsigned i = 0; i < 2; i++) {
        asked(i ? 4 : 3);
        rig_step();
        assert_loadparm("c1c2c3c4c5c6c7c8");
    }
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    assert_loadparm("4040404040404040");
    asked(3);
    rig_step();
    assert_loadparm("4040404040404040");
}

/* ---- what is outside of the CPUs ---- */

/* A service signal that no CPU has taken is not for the guest that comes after a reset. */
static void reset_takes_interruptions_back(void **state)
{
    (void)state;
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    assert_int_equal(kernel.vm_interrupts_cleared, 1);
    rig_put(0x2000, "83230308");
    rig_set_reg(REG_R0 + 3, 1);
    rig_assert_stop(rig_continue(), STOP_RESET, 0x2004);
    rig_step();
    assert_int_equal(kernel.vm_interrupts_cleared, 2);
}

static void runs_without_an_interrupt_controller(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    kernel.hidden[0] = KVM_CAP_DEVICE_CTRL;
    assert_true(rig_create());
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_teardown(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
#define LINUX(f) cmocka_unit_test_setup_teardown(f, rig_setup_linux, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reset_starts_again),
        TEST(reset_that_leaves_memory),
        TEST(reset_forgets_edits),
        TEST(reset_onto_a_breakpoint),
        LINUX(reset_takes_a_new_command_line),
        LINUX(reset_keeps_the_command_line_that_fits),
        TEST(reset_says_what_fails),
        TEST(a_failed_reset_stays_due),
        TEST(a_failed_reset_of_the_guest_stays_due),
        TEST(modified_clear_restarts_in_memory),
        TEST(load_normal_reset_restarts_in_memory),
        TEST(restart_without_a_short_psw),
        TEST(load_clear_loads_again),
        TEST(load_normal_keeps_memory),
        TEST(the_kernel_tells_resets_by_flags),
        TEST(a_changed_psw_calls_the_reset_off),
        TEST(a_block_changes_the_load_parameter),
        TEST(reset_takes_interruptions_back),
        cmocka_unit_test(runs_without_an_interrupt_controller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
