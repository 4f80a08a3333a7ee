/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGP as the engine carries it out, of a CPU to itself and to none; what the debugger does with a CPU in the
 * same ways: stop, start, store status; interruptions that are injected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

#define STATUS 0xaaaaaaaa00000000

static uint64_t parameter;

static int sigp(struct kvm_run *run)
{
    return kernel_intercept(run, 0x04, 0xae43, 0x20000000); /* SIGP 4,3,0(2): the parameter is in 5 */
}

static int stops(struct kvm_run *run)
{
    return kernel_intercept(run, 0x28, 0, 0);
}

static void prepare(uint64_t order, uint64_t target)
{
    rig_set_reg(REG_R0 + 2, order);
    rig_set_reg(REG_R0 + 3, target);
    rig_set_reg(REG_R0 + 4, STATUS);
    rig_set_reg(REG_R0 + 5, parameter);
    rig_set_reg(REG_PSWM, psw_with_cc(RIG_64BIT, 2));
    rig_set_reg(REG_PSWA, RIG_ENTRY + 4);
    KERNEL_SCRIPT(sigp);
}

/* Condition code, and the status where that is 1. */
static void assert_order(uint64_t order, uint64_t target, unsigned cc, uint32_t status)
{
    prepare(order, target);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_ENTRY + 4);
    assert_int_equal(psw_cc(rig_reg(REG_PSWM)), cc);
    assert_int_equal(rig_reg(REG_R0 + 4), STATUS | status);
}

static int setup(void **state)
{
    parameter = 0;
    return rig_setup(state);
}

/* ---- orders ---- */

static void orders_to_nobody(void **state)
{
    static const uint64_t nobody[] = {1, 2, 64, 0xffff};

    (void)state;
    for (unsigned i = 0; i < sizeof nobody / sizeof nobody[0]; i++)
        for (unsigned order = 0; order < 0x20; order++)
            if (order != 0x12)
                assert_order(order, nobody[i], 3, 0);
    assert_order(0x12, 1, 1, 0x100);
    assert_order(0x106, 0x20001, 3, 0); /* bits that do not count */
    assert_int_equal(kernel.vcpu_interrupts, 0);
}

static void orders_that_a_cpu_cannot_give_itself(void **state)
{
    (void)state;
    assert_order(0x0d, 0, 1, 0x200);
    parameter = RIG_MEMORY;
    assert_order(0x0d, 0, 1, 0x100);
    assert_order(0x0e, 0, 1, 0x200);
    assert_order(0x07, 0, 1, 0x02);
    assert_order(0x0117, 0, 1, 0x200); /* this machine has vectors */
    assert_order(0x04, 0, 0, 0);
    assert_int_equal(kernel.vcpu_interrupts, 0);
}

static void restarts_itself(void **state)
{
    (void)state;
    assert_order(0x06, 0, 0, 0);
    assert_int_equal(kernel.interrupt.type, KVM_S390_RESTART);
    kernel.restart_pending = false;
}

/* KVM first lets the CPU take interruptions; until then it is busy for everything but resets. */
static void stops_itself(void **state)
{
    (void)state;
    assert_order(0x05, 0, 0, 0);
    assert_int_equal(kernel.interrupt.type, KVM_S390_SIGP_STOP);
    assert_int_equal(machine_state(rig, 0), CPU_RUNNING);
    assert_order(0x06, 0, 2, 0);
    assert_order(0x05, 0, 2, 0);
    assert_int_equal(kernel.vcpu_interrupts, 1);
    KERNEL_SCRIPT(stops);
    rig_assert_stop(rig_continue(), STOP_SHUTDOWN, RIG_ENTRY + 4);
    assert_int_equal(machine_state(rig, 0), CPU_STOPPED);
    rig_set_reg(REG_PSWA, RIG_ENTRY); /* which starts it again */
    assert_order(0x04, 0, 0, 0);
}

static void stops_itself_and_stores(void **state)
{
    (void)state;
    rig_put(0x1200, "eeeeeeee");
    rig_set_reg(REG_F0 + 15, 0x1122334455667788);
    assert_order(0x09, 0, 0, 0);
    rig_assert_bytes(0x1200, "eeeeeeee");
    KERNEL_SCRIPT(stops);
    rig_assert_stop(rig_continue(), STOP_SHUTDOWN, RIG_ENTRY + 4);
    rig_assert_bytes(0xa3, "01");
    rig_assert_bytes(0x1278, "1122334455667788 0000000000000000");
    rig_assert_bytes(0x1290, "0000000000000009 0000000000000000 aaaaaaaa00000000");
    rig_assert_bytes(0x1300, "0000000180000000 0000000000002004");
    /* The next stop is one without. */
    rig_put(0x1300, "eeeeeeee");
    rig_set_reg(REG_PSWA, RIG_ENTRY);
    assert_order(0x05, 0, 0, 0);
    KERNEL_SCRIPT(stops);
    rig_continue();
    rig_assert_bytes(0x1300, "eeeeeeee");
}

static void assert_resets_itself(unsigned order, uint64_t pc, unsigned initial_resets)
{
    unsigned before = kernel.initial_resets;

    prepare(order, 0);
    rig_assert_stop(rig_step(), STOP_SHUTDOWN, pc);
    assert_int_equal(machine_state(rig, 0), CPU_STOPPED);
    assert_int_equal(kernel.initial_resets - before, initial_resets);
}

static void resets_itself(void **state)
{
    (void)state;
    rig_set_reg(REG_C0 + 3, 0x33);
    rig_set_reg(REG_PREFIX, 0x6000);
    assert_resets_itself(0x0c, RIG_ENTRY + 4, 0);
    assert_int_equal(rig_reg(REG_C0 + 3), 0x33);
    assert_int_equal(rig_reg(REG_PREFIX), 0x6000);
    rig_set_reg(REG_PSWA, RIG_ENTRY);
    assert_resets_itself(0x0b, 0, 1);
    assert_int_equal(rig_reg(REG_C0 + 3), 0);
    assert_int_equal(rig_reg(REG_PREFIX), 0);
    assert_int_equal(rig_reg(REG_R0 + 2), 0x0b); /* general registers stay */
}

/* A reset ends the stop that was pending. */
static void a_reset_is_never_busy(void **state)
{
    (void)state;
    assert_order(0x05, 0, 0, 0);
    assert_resets_itself(0x0c, RIG_ENTRY + 4, 0);
    rig_set_reg(REG_PSWA, RIG_ENTRY);
    assert_order(0x06, 0, 0, 0);
    kernel.restart_pending = false;
}

static void kvm_refuses(void **state)
{
    (void)state;
    kernel.interrupt_errno = EIO;
    prepare(0x05, 0);
    rig_assert_stop(rig_step(), STOP_ERROR, RIG_ENTRY + 4);
    kernel.interrupt_errno = 0;
    assert_order(0x05, 0, 0, 0);
}

/* ---- by the debugger ---- */

static int signal_guest(enum machine_signal signal)
{
    memset(&rig_err, 0, sizeof rig_err);
    return machine_signal(rig, 0, signal, &rig_err);
}

static void stop_and_start(void **state)
{
    (void)state;
    rig_put(RIG_ENTRY, AGHI_10_1);
    assert_int_equal(signal_guest(MACHINE_STOP), 0);
    assert_int_equal(machine_state(rig, 0), CPU_STOPPED);
    assert_int_equal(rig_continue().reason, STOP_SHUTDOWN);
    assert_int_equal(rig_reg(R10), 0);
    assert_int_equal(signal_guest(MACHINE_START), 0);
    assert_int_equal(machine_state(rig, 0), CPU_RUNNING);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_ENTRY + 4);
    kernel.mp_state_errno = EIO;
    assert_int_equal(signal_guest(MACHINE_STOP), -1);
    rig_assert_says("KVM does not stop CPU 0: ");
}

/* What the debugger has written is in it, whatever KVM knows of it. */
static void store_status(void **state)
{
    (void)state;
    rig_set_reg(REG_R0 + 15, 0x1515);
    rig_set_reg(REG_C0 + 15, 0x0c15);
    rig_set_reg(REG_A0 + 15, 0xa15);
    rig_set_reg(REG_CKC, 0x1122334455667788);
    rig_set_reg(REG_CPUTM, 0x99);
    rig_set_reg(REG_PREFIX, 0x6000);
    rig_set_reg(REG_FPC, 0x080000);
    assert_int_equal(signal_guest(MACHINE_STORE_STATUS), 0);
    rig_assert_bytes(0x12f8, "0000000000001515");
    rig_assert_bytes(0x1300, "0000000180000000 0000000000002000");
    rig_assert_bytes(0x1318, "00006000 00080000");
    rig_assert_bytes(0x1328, "0000000000000099 0011223344556677");
    rig_assert_bytes(0x137c, "00000a15");
    rig_assert_bytes(0x13f8, "0000000000000c15");
    assert_int_equal(machine_state(rig, 0), CPU_RUNNING);
}

static void not_while_it_runs(void **state)
{
    static const enum machine_signal signals[] = {MACHINE_STOP, MACHINE_START, MACHINE_STORE_STATUS};

    (void)state;
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_WAIT | PSW_EXT);
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(signal_guest(signals[i]), -1);
        rig_assert_says("CPU 0 runs; interrupt it");
    }
    machine_interrupt(rig);
    rig_assert_stop(rig_wait(), STOP_INTERRUPT, RIG_ENTRY);
}

static void a_reset_that_is_due_comes_first(void **state)
{
    static const struct injection program = {.kind = INJECT_PROGRAM, .code = 1};

    (void)state;
    rig_put(RIG_ENTRY, "83230308");
    rig_set_reg(REG_R0 + 3, 3);
    rig_assert_stop(rig_continue(), STOP_RESET, RIG_ENTRY + 4);
    assert_int_equal(signal_guest(MACHINE_STOP), -1);
    rig_assert_says("reset");
    assert_int_equal(machine_inject(rig, 0, &program, &rig_err), -1);
    rig_assert_says("reset");
}

/* ---- injection ---- */

static int inject(enum injection_kind kind, uint32_t code, uint64_t param, uint64_t word)
{
    struct injection what = {kind, code, param, word};

    memset(&rig_err, 0, sizeof rig_err);
    kernel.vm_interrupts = kernel.vcpu_interrupts = 0;
    return machine_inject(rig, 0, &what, &rig_err);
}

static void assert_pends(bool of_cpu, uint32_t type, uint32_t parm, uint64_t parm64)
{
    assert_int_equal(kernel.vcpu_interrupts, of_cpu);
    assert_int_equal(kernel.vm_interrupts, !of_cpu);
    assert_int_equal(kernel.interrupt.type, type);
    assert_int_equal(kernel.interrupt.parm, parm);
    assert_int_equal(kernel.interrupt.parm64, parm64);
}

static void injects_program(void **state)
{
    (void)state;
    assert_int_equal(inject(INJECT_PROGRAM, 0x13, 0, 0), 0);
    assert_int_equal(rig_reg(REG_PSWA), RIG_PROGRAM);
    rig_assert_old_program_psw(RIG_ENTRY, "00000013");
    assert_int_equal(kernel.vcpu_interrupts, 0);
    rig_set_reg(REG_PREFIX, RIG_MEMORY);
    assert_int_equal(inject(INJECT_PROGRAM, 1, 0, 0), -1);
    rig_assert_says("prefix 0x1000000");
    assert_int_equal(rig_reg(REG_PSWA), RIG_PROGRAM);
}

static void injects_external_of_kvm(void **state)
{
    (void)state;
    assert_int_equal(inject(INJECT_EXTERNAL, 0x1201, 0, 0), 0);
    assert_pends(true, KVM_S390_INT_EMERGENCY, 0, 0);
    assert_int_equal(inject(INJECT_EXTERNAL, 0x1202, 0, 0), 0);
    assert_pends(true, KVM_S390_INT_EXTERNAL_CALL, 0, 0);
    assert_int_equal(inject(INJECT_EXTERNAL, 0x1202, 1, 0), -1);
    rig_assert_says("0 at most");
    assert_int_equal(inject(INJECT_EXTERNAL, 0x2401, 0x1230, 0), 0);
    assert_pends(false, KVM_S390_INT_SERVICE, 0x1230, 0);
    assert_int_equal(inject(INJECT_EXTERNAL, 0x2603, 0x123456789, 0), 0);
    assert_pends(false, KVM_S390_INT_VIRTIO, 0, 0x123456789);
    kernel.interrupt_errno = EBUSY;
    assert_int_equal(inject(INJECT_EXTERNAL, 0x1202, 0, 0), -1);
    rig_assert_says("pending already");
}

/* Those that KVM does not have are taken at once, or not at all. */
static void injects_external_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(inject(INJECT_EXTERNAL, 0x40, 0, 0), -1);
    rig_assert_says("its PSW (bit 7)");
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_EXT);
    rig_set_reg(REG_C0, 0);
    assert_int_equal(inject(INJECT_EXTERNAL, 0x40, 0, 0), -1);
    rig_assert_says("its control register 0");
    rig_assert_says("0x0040");
    assert_int_equal(rig_reg(REG_PSWA), RIG_ENTRY);
    rig_set_reg(REG_C0, 0x40);
    assert_int_equal(inject(INJECT_EXTERNAL, 0x40, 0x77, 0), 0);
    assert_int_equal(rig_reg(REG_PSWA), RIG_EXTERNAL);
    rig_assert_bytes(0x80, "00000077 00000040");
    rig_assert_bytes(0x138, "0000000000002000");
    assert_int_equal(kernel.vcpu_interrupts + kernel.vm_interrupts, 0);
    assert_int_equal(signal_guest(MACHINE_STOP), 0);
    rig_set_reg(REG_C0, 0x40);
    assert_int_equal(inject(INJECT_EXTERNAL, 0x40, 0, 0), -1);
    rig_assert_says("start it first");
    assert_int_equal(inject(INJECT_PROGRAM, 1, 0, 0), -1);
    rig_assert_says("start it first");
}

static void injects_io(void **state)
{
    (void)state;
    assert_int_equal(inject(INJECT_IO, 0x00011234, 0x87654321, 0x18000000), 0);
    assert_pends(false, 0x1234, 0x00011234, 0x8765432118000000);
    assert_int_equal(inject(INJECT_IO, 0xfe0d0002, 0, 0), 0);
    assert_pends(false, KVM_S390_INT_IO(0, 0xfeu, 2u, 2u), 0xfe0d0002, 0);
    assert_int_equal(inject(INJECT_IO, 0x1234, 0, 0), -1);
    rig_assert_says("0x00001234 is no subchannel");
}

static void injects_machine_checks(void **state)
{
    static const struct {
        uint64_t mcic;
        uint32_t cr14, is;
        bool of_cpu;
    } table[] = {
        {1ULL << 63, 0, 0, true},          {1ULL << 62, 0, 0, true},
        {1ULL << 58, 0, 0x02000000, true}, {1ULL << 56, 0, 0x04000000, true},
        {1ULL << 55, 0, 0x01000000, true}, {1ULL << 54, 0, 0x10000000, false},
        {1ULL << 55, 5, 5, true},          {3ULL << 54, 0, 0x11000000, true},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(inject(INJECT_MACHINE_CHECK, 0, table[i].cr14, table[i].mcic | 0x40000000), 0);
        if (table[i].of_cpu) {
            assert_int_equal(kernel.irq.type, KVM_S390_MCHK);
            assert_int_equal(kernel.irq.u.mchk.cr14, table[i].is);
            assert_int_equal(kernel.irq.u.mchk.mcic, table[i].mcic | 0x40000000);
        } else {
            assert_pends(false, KVM_S390_MCHK, table[i].is, table[i].mcic | 0x40000000);
        }
    }
    kernel.interrupt_errno = ENOMEM;
    assert_int_equal(inject(INJECT_MACHINE_CHECK, 0, 0, 1ULL << 63), -1);
    rig_assert_says("KVM does not take it: ");
    assert_int_equal(inject(INJECT_MACHINE_CHECK, 0, 0, 1ULL << 61), -1);
    rig_assert_says("0x2000000000000000");
    assert_int_equal(kernel.vcpu_interrupts + kernel.vm_interrupts, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(orders_to_nobody),
        TEST(orders_that_a_cpu_cannot_give_itself),
        TEST(restarts_itself),
        TEST(stops_itself),
        TEST(stops_itself_and_stores),
        TEST(resets_itself),
        TEST(a_reset_is_never_busy),
        TEST(kvm_refuses),
        TEST(stop_and_start),
        TEST(store_status),
        TEST(not_while_it_runs),
        TEST(a_reset_that_is_due_comes_first),
        TEST(injects_program),
        TEST(injects_external_of_kvm),
        TEST(injects_external_of_its_own),
        TEST(injects_io),
        TEST(injects_machine_checks),
    };

    return cmocka_run_group_tests_name("kvm_sigp", tests, NULL, NULL);
}
