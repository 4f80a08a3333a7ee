/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints and address spaces, over hand-made tables: each breakpoint belongs to one space, a frame may be
 * reached by other addresses and from other spaces, and an address that does not translate yet waits in
 * hardware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

/* Segment tables of 1 MiB frames. Kernel (home): 0 is the first frame, and again at 0x500000 (an alias). User
 * (primary): 0 is the frame at 0x600000, 0x500000 the kernel's first one, 0x700000 the frame at 0x800000. */
#define KERNEL_TABLE 0x400000
#define USER_TABLE 0x404000
#define USER_FRAME 0x600000
#define EDAT 0x800000
#define FRAME 0x400 /* format control: this entry is a frame */
#define LENGTH_3 3

#define DAT_MASK (RIG_64BIT | PSW_DAT)

static void map(uint64_t table, uint64_t addr, uint64_t frame)
{
    rig_put64(table + (addr >> 20) * 8, frame | FRAME);
}

static void put_program(uint64_t absolute)
{
    rig_put(absolute + 0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1 END);
    rig_put64(absolute + 0x3000, RIG_64BIT | PSW_WAIT);
    rig_put64(absolute + 0x3008, 0x3333);
}

static int setup(void **state)
{
    if (rig_setup(state) < 0)
        return -1;
    for (unsigned i = 0; i < 2048; i++) {
        rig_put64(KERNEL_TABLE + 8 * i, 0x20); /* invalid */
        rig_put64(USER_TABLE + 8 * i, 0x20);
    }
    map(KERNEL_TABLE, 0, 0);
    map(KERNEL_TABLE, 0x500000, 0);
    map(USER_TABLE, 0, USER_FRAME);
    map(USER_TABLE, 0x500000, 0);
    map(USER_TABLE, 0x700000, 0x800000);
    put_program(0);
    put_program(USER_FRAME);
    put_program(0x800000);
    rig_set_reg(REG_C0, EDAT);
    rig_set_reg(REG_C0 + 1, USER_TABLE | LENGTH_3);
    rig_set_reg(REG_C0 + 7, USER_TABLE | LENGTH_3);
    rig_set_reg(REG_C0 + 13, KERNEL_TABLE | LENGTH_3);
    rig_set_reg(REG_R0 + 11, 0x3000);
    return 0;
}

static void in_kernel_at(uint64_t pc)
{
    rig_set_reg(REG_PSWM, DAT_MASK | PSW_ASC_HOME);
    rig_set_reg(REG_PSWA, pc);
    rig_set_reg(R10, 0);
}

static void in_user_at(uint64_t pc)
{
    rig_set_reg(REG_PSWM, DAT_MASK | PSW_ASC_PRIMARY);
    rig_set_reg(REG_PSWA, pc);
    rig_set_reg(R10, 0);
}

static void breaks_at(uint64_t pc, unsigned executed)
{
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, pc);
    assert_int_equal(rig_reg(R10), executed);
}

static void runs_on_to_its_end(void)
{
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(rig_reg(R10), 3);
}

static void runs_to_its_end(void)
{
    runs_on_to_its_end();
    rig_assert_bytes(0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1 END);
    rig_assert_bytes(USER_FRAME + 0x2000, AGHI_10_1 AGHI_10_1 AGHI_10_1 END);
}

static void an_alias_is_passed_in_silence(void **state)
{
    (void)state;
    in_kernel_at(0x502000);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    runs_to_its_end();
    in_kernel_at(0x2000);
    breaks_at(0x2004, 1);
}

static void two_on_one_frame(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_breakpoint(BP_SOFTWARE, 0x502004, 0);
    in_kernel_at(0x502000);
    breaks_at(0x502004, 1);
    in_kernel_at(0x2000);
    breaks_at(0x2004, 1);
    rig_assert_bytes(0x2004, AGHI_10_1);
    in_kernel_at(0x2008);
    rig_set_reg(R10, 2);
    runs_to_its_end();
}

/* The address spaces of before a reset are gone: a breakpoint that belonged to one does not wait for it. */
static void a_reset_frees_it(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    in_kernel_at(0x2000);
    breaks_at(0x2004, 1);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    put_program(0);
    rig_set_reg(REG_R0 + 11, 0x3000);
    breaks_at(0x2004, 1);
    runs_on_to_its_end();
}

/* The address exists for both: it is the kernel's, wherever the CPU was when it was set. */
static void belongs_to_home(void **state)
{
    (void)state;
    in_user_at(0x2000);
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    runs_to_its_end();
    in_kernel_at(0x2000);
    breaks_at(0x2004, 1);
}

/* The user's space has the kernel's frame at the kernel's address 0x502004. */
static void the_same_address_on_the_same_frame_in_another_space(void **state)
{
    (void)state;
    in_user_at(0x502000);
    rig_breakpoint(BP_SOFTWARE, 0x502004, 0);
    runs_to_its_end();
}

static int sees_user_opcode(struct kvm_run *run)
{
    KERNEL_CHECK(memcmp(kernel.memory + 0x802004, "\0\0", 2) == 0);
    KERNEL_CHECK(kernel.nhw == 0);
    return kernel_cpu(run);
}

/* An address that home does not have belongs to the PSW's space, and stays there while another process runs.
 */
static void belongs_to_the_psws_space(void **state)
{
    (void)state;
    in_user_at(0x702000);
    rig_breakpoint(BP_SOFTWARE, 0x702004, 0);
    KERNEL_SCRIPT(sees_user_opcode);
    breaks_at(0x702004, 1);
    rig_set_reg(REG_C0 + 1, KERNEL_TABLE | LENGTH_3); /* the next process */
    map(KERNEL_TABLE, 0x700000, 0x800000);
    in_user_at(0x702000);
    KERNEL_SCRIPT(sees_user_opcode, kernel_cpu, kernel_cpu);
    runs_to_its_end();
    rig_set_reg(REG_C0 + 1, USER_TABLE | LENGTH_3);
    in_user_at(0x702000);
    KERNEL_SCRIPT(sees_user_opcode);
    breaks_at(0x702004, 1);
}

static int ends_with_opcode(struct kvm_run *run)
{
    KERNEL_CHECK(memcmp(kernel.memory + 0x802004, "\0\0", 2) == 0);
    return kernel_intercept(run, 0x1c, 0, 0);
}

/* Also when another joins while the kernel runs, which does not have the address. */
static void stays_in_its_space_when_the_set_changes(void **state)
{
    (void)state;
    in_user_at(0x702000);
    rig_breakpoint(BP_SOFTWARE, 0x702004, 0);
    breaks_at(0x702004, 1);
    in_kernel_at(0x2000);
    rig_breakpoint(BP_SOFTWARE, 0x2008, 0);
    KERNEL_SCRIPT(ends_with_opcode);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x2000);
    KERNEL_SCRIPT(kernel_cpu);
    breaks_at(0x2008, 2);
}

static void a_hardware_hit_in_another_space_is_nobodys(void **state)
{
    (void)state;
    in_user_at(0x2000);
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    runs_to_its_end();
    in_kernel_at(0x2000);
    rig_assert_stop(rig_continue(), STOP_HW_BREAKPOINT, 0x2004);
}

/* Set while DAT was off, it belongs to nobody yet. */
static void bound_when_dat_is_on(void **state)
{
    (void)state;
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_set_reg(REG_PSWA, 0x2000);
    breaks_at(0x2004, 1);
    in_user_at(0x2000);
    runs_to_its_end();
    in_kernel_at(0x2000);
    breaks_at(0x2004, 1);
}

/* A step whose handler runs with DAT, at an address of its own. */
static void a_step_into_a_handler_with_dat(void **state)
{
    (void)state;
    rig_put64(0x1d0, DAT_MASK | PSW_ASC_HOME);
    rig_put64(0x1d8, 0x505200);
    rig_put(0x2000, "b2ff0000");
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_step(), STOP_STEP, 0x505200);
    assert_int_equal(rig_reg(R10), 0);
    rig_assert_bytes(RIG_PROGRAM, AGHI_10_1);
    rig_set_reg(REG_C0 + 13, USER_TABLE | LENGTH_3); /* another home: the trap is looked up again */
    map(USER_TABLE, 0x500000, 0x800000);
    rig_put(0x805200, AGHI_10_1);
    rig_set_reg(REG_PSWM, RIG_64BIT);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_step(), STOP_STEP, 0x505200);
    assert_int_equal(rig_reg(R10), 0);
    rig_assert_bytes(0x805200, AGHI_10_1);
}

/* ---- not translated yet ---- */

#define MODULE 0x900000 /* of the kernel's space, mapped while it runs */
#define OTHER_FRAME 0x900000

static int loads_module(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == MODULE + 0x2004 && kernel.hw[0].type == KVM_HW_BP);
    store_be64(kernel.memory + KERNEL_TABLE + (MODULE >> 20) * 8, MODULE | FRAME);
    memcpy(kernel.memory + MODULE + 0x2000, kernel.memory + 0x2000, 16);
    run->psw_addr = MODULE + 0x2000;
    return kernel_block(run);
}

static int sees_module_opcode(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 0);
    KERNEL_CHECK(memcmp(kernel.memory + MODULE + 0x2004, "\0\0", 2) == 0);
    return kernel_cpu(run);
}

static void waits_in_hardware_until_it_translates(void **state)
{
    (void)state;
    in_kernel_at(0x2000);
    rig_breakpoint(BP_SOFTWARE, MODULE + 0x2004, 0);
    KERNEL_SCRIPT(loads_module, sees_module_opcode);
    breaks_at(MODULE + 0x2004, 1);
    rig_assert_bytes(MODULE + 0x2004, AGHI_10_1);
}

static int unmaps_and_ends(struct kvm_run *run)
{
    store_be64(kernel.memory + KERNEL_TABLE + (MODULE >> 20) * 8, 0x20);
    run->psw_addr = 0x3333;
    return kernel_intercept(run, 0x1c, 0, 0);
}

static int sees_it_in_hardware(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == MODULE + 0x2004);
    return kernel_intercept(run, 0x1c, 0, 0);
}

/* Its page is gone: nothing stays in the frame, and it waits again. */
static void goes_back_to_hardware(void **state)
{
    (void)state;
    map(KERNEL_TABLE, MODULE, MODULE);
    rig_put(MODULE + 0x2004, AGHI_10_1);
    in_kernel_at(0x2000);
    rig_breakpoint(BP_SOFTWARE, MODULE + 0x2004, 0);
    KERNEL_SCRIPT(unmaps_and_ends);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    rig_assert_bytes(MODULE + 0x2004, AGHI_10_1);
    KERNEL_SCRIPT(sees_it_in_hardware);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
}

static int sees_no_watch(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 0);
    store_be64(kernel.memory + KERNEL_TABLE + (MODULE >> 20) * 8, MODULE | FRAME);
    return kernel_block(run);
}

static int sees_watch(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == MODULE && kernel.hw[0].phys_addr == MODULE);
    kernel.memory[MODULE + 7] = 5;
    return kernel_debug(run, KVM_HW_WP_WRITE, MODULE);
}

static void a_watch_waits_until_it_translates(void **state)
{
    struct stop stop;

    (void)state;
    in_kernel_at(0x2000);
    rig_breakpoint(BP_WRITE, MODULE, 8);
    KERNEL_SCRIPT(sees_no_watch, sees_watch);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WATCH, 0x2000);
    assert_int_equal(stop.new_value, 5);
}

static int sees_it_in_its_frame(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == MODULE && kernel.hw[0].phys_addr == MODULE);
    return kernel_intercept(run, 0x1c, 0, 0);
}

static int sees_it_in_another_frame(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 1 && kernel.hw[0].addr == MODULE && kernel.hw[0].phys_addr == OTHER_FRAME);
    kernel.memory[MODULE + 7] = 5;
    kernel.memory[OTHER_FRAME + 7] = 6;
    return kernel_debug(run, KVM_HW_WP_WRITE, MODULE);
}

/* That the page is another one is no change; what is stored into it is. */
static void a_watch_follows_its_page(void **state)
{
    struct stop stop;

    (void)state;
    map(KERNEL_TABLE, MODULE, MODULE);
    rig_put(OTHER_FRAME, "0000000000000009");
    in_kernel_at(0x2000);
    rig_breakpoint(BP_WRITE, MODULE, 8);
    KERNEL_SCRIPT(sees_it_in_its_frame);
    rig_continue();
    map(KERNEL_TABLE, MODULE, OTHER_FRAME);
    rig_set_reg(REG_PSWM, DAT_MASK | PSW_ASC_HOME);
    KERNEL_SCRIPT(sees_it_in_another_frame);
    stop = rig_continue();
    assert_int_equal(stop.reason, STOP_WATCH);
    assert_int_equal(stop.old_value, 9);
    assert_int_equal(stop.new_value, 6);
}

static int sees_two_frames(struct kvm_run *run)
{
    KERNEL_CHECK(kernel.nhw == 2);
    KERNEL_CHECK(kernel.hw[0].addr == 0x5ffffc && kernel.hw[0].phys_addr == 0xffffc && kernel.hw[0].len == 4);
    KERNEL_CHECK(kernel.hw[1].addr == 0x600000 && kernel.hw[1].phys_addr == MODULE && kernel.hw[1].len == 4);
    kernel.memory[MODULE] = 7;
    return kernel_debug(run, KVM_HW_WP_WRITE, 0x600000);
}

static void a_watch_over_two_frames(void **state)
{
    struct stop stop;

    (void)state;
    map(KERNEL_TABLE, 0x600000, MODULE);
    in_kernel_at(0x2000);
    rig_breakpoint(BP_WRITE, 0x5ffffc, 8);
    KERNEL_SCRIPT(sees_two_frames);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_WATCH, 0x2000);
    assert_int_equal(stop.addr, 0x5ffffc);
}

/* Memory for the debugger: the PSW's space, else home. */
static void reads_and_writes_across_frames(void **state)
{
    uint8_t bytes[16] = {0};

    (void)state;
    in_user_at(0x2000);
    rig_put(0xffffc, "01020304");
    rig_put(MODULE, "05060708");
    map(KERNEL_TABLE, 0x600000, MODULE);
    assert_int_equal(machine_read_memory(rig, 0, SPACE_HOME, 0x5ffffc, bytes, 8), 8);
    assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10", 8);
    assert_int_equal(machine_read_memory(rig, 0, SPACE_PSW, 0x5ffffc, bytes, 8), 4);
    assert_int_equal(machine_write_memory(rig, 0, SPACE_HOME, 0x5ffffe, "\x11\x12\x13\x14", 4), 4);
    rig_assert_bytes(0xffffc, "01021112");
    rig_assert_bytes(MODULE, "13140708");
    assert_int_equal(machine_write_memory(rig, 0, SPACE_PSW, 0x5ffffe, "\x21\x22\x23\x24", 4), 2);
    rig_assert_bytes(0xffffc, "01022122");
}

/* What the CPU has is what its addresses are looked up with. */
static void reads_by_access_register(void **state)
{
    uint8_t bytes[4] = {0};
    struct dat_context ctx;

    (void)state;
    in_kernel_at(0x2000);
    rig_put(0x600010, "01020304");
    rig_put(0x10, "11121314");
    rig_set_reg(REG_C0 + 1, KERNEL_TABLE | LENGTH_3);
    rig_set_reg(REG_A0 + 3, 1); /* the secondary space: the user's */
    assert_int_equal(machine_read_memory(rig, 0, SPACE_AR + 3, 0x10, bytes, 4), 4);
    assert_memory_equal(bytes, "\1\2\3\4", 4);
    rig_set_reg(REG_A0 + 3, 0);
    assert_int_equal(machine_read_memory(rig, 0, SPACE_AR + 3, 0x10, bytes, 4), 4);
    assert_memory_equal(bytes, "\x11\x12\x13\x14", 4);
    rig_set_reg(REG_A0 + 3, 0x80000000);
    assert_int_equal(machine_read_memory(rig, 0, SPACE_AR + 3, 0x10, bytes, 4), 0);
    assert_true(machine_dat_context(rig, 0, &ctx));
    assert_int_equal(ctx.ar[3], 0x80000000);
    assert_int_equal(ctx.cr[13], KERNEL_TABLE | LENGTH_3);
    assert_null(ctx.walk);
}

static void storage_keys(void **state)
{
    uint8_t key = 0x55;

    (void)state;
    assert_int_equal(machine_storage_key(rig, 0x5000, &key), MACHINE_KEYS_UNUSED);
    kernel.key = 0x36;
    kernel.key_page = 5;
    assert_int_equal(machine_storage_key(rig, 0x5fff, &key), 0);
    assert_int_equal(key, 0x36);
    assert_int_equal(machine_storage_key(rig, 0x6000, &key), 0);
    assert_int_equal(key, 0);
    assert_int_equal(machine_storage_key(rig, kernel.size, &key), -1);
}

/* ---- range steps ---- */

/* As an LCTL would. */
static int loads_cr1(struct kvm_run *run)
{
    int rc = kernel_cpu(run);

    run->s.regs.crs[1] = KERNEL_TABLE | LENGTH_3;
    return rc;
}

/* The handler's space changes in the range: it is in another frame then. */
static void a_range_in_which_a_space_is_set_up(void **state)
{
    (void)state;
    in_kernel_at(0x2000);
    rig_put64(0x1d0, DAT_MASK | PSW_ASC_PRIMARY);
    rig_put64(0x1d8, 0x5200);
    rig_put(0x2008, "b2ff0000"); /* operation exception */
    rig_put(0x5200, AGHI_10_1 AGHI_10_1);
    rig_put(USER_FRAME + 0x5200, AGHI_10_1 AGHI_10_1);
    kernel.run = loads_cr1;
    rig_assert_stop(rig_range(0x2000, 0x2100), STOP_STEP, 0x5200);
    assert_int_equal(rig_reg(R10), 2);
    rig_assert_bytes(0x5200, AGHI_10_1);
    rig_assert_bytes(USER_FRAME + 0x5200, AGHI_10_1);
}

/* The PC stays in its page, but that is in another space: there a handler begins inside of an instruction. */
static void a_range_through_two_spaces(void **state)
{
    (void)state;
    in_kernel_at(0x2000);
    rig_put64(0x1d0, DAT_MASK | PSW_ASC_PRIMARY);
    rig_put64(0x1d8, 0x2206);
    rig_put(0x2004, "b2b2b000"); /* LPSWE */
    rig_put64(0x3000, DAT_MASK | PSW_ASC_PRIMARY);
    rig_put64(0x3008, 0x2200);
    rig_put(USER_FRAME + 0x2200, AGHI_10_1 AGHI_10_1 AGHI_10_1);
    rig_assert_stop(rig_range(0x2000, 0x220c), STOP_STEP, 0x220c);
    assert_int_equal(rig_reg(R10), 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_alias_is_passed_in_silence),
        TEST(two_on_one_frame),
        TEST(a_reset_frees_it),
        TEST(belongs_to_home),
        TEST(the_same_address_on_the_same_frame_in_another_space),
        TEST(belongs_to_the_psws_space),
        TEST(stays_in_its_space_when_the_set_changes),
        TEST(a_hardware_hit_in_another_space_is_nobodys),
        TEST(bound_when_dat_is_on),
        TEST(a_step_into_a_handler_with_dat),
        TEST(waits_in_hardware_until_it_translates),
        TEST(goes_back_to_hardware),
        TEST(a_watch_waits_until_it_translates),
        TEST(a_watch_follows_its_page),
        TEST(a_watch_over_two_frames),
        TEST(reads_and_writes_across_frames),
        TEST(reads_by_access_register),
        TEST(storage_keys),
        TEST(a_range_in_which_a_space_is_set_up),
        TEST(a_range_through_two_spaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
