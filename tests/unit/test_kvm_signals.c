/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is brought to the guest from outside: console input, the request to shut down, PSW restart; each while
 * it runs, while it stands, and where it does not listen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

#define RESTART_HANDLER 0x5300
#define WAITING 0x3000 /* PSW of END */

static int signal_guest(enum machine_signal signal)
{
    memset(&rig_err, 0, sizeof rig_err);
    return machine_signal(rig, 0, signal, &rig_err);
}

/* ---- restart ---- */

static int setup_restart(void **state)
{
    if (rig_setup(state) < 0)
        return -1;
    rig_put64(0x1a0, RIG_64BIT);
    rig_put64(0x1a8, RESTART_HANDLER);
    rig_put(RESTART_HANDLER, AGHI_10_1 AGHI_10_1);
    rig_put64(WAITING, RIG_64BIT | PSW_WAIT);
    rig_put64(WAITING + 8, 0x3333);
    rig_set_reg(REG_R0 + 11, WAITING);
    rig_breakpoint(BP_SOFTWARE, RESTART_HANDLER, 0);
    return 0;
}

static void assert_at_handler(struct stop stop, const char *old_addr)
{
    rig_assert_stop(stop, STOP_SW_BREAKPOINT, RESTART_HANDLER);
    rig_assert_bytes(0x128, old_addr);
}

static void restart_when_resumed(void **state)
{
    (void)state;
    assert_int_equal(signal_guest(MACHINE_RESTART), 0);
    assert_int_equal(rig_reg(REG_PSWA), RIG_ENTRY); /* not before it goes on */
    assert_at_handler(rig_continue(), "0000000000002000");
}

/* It is the next thing that the CPU does: a step ends at the handler's first instruction. */
static void restart_while_stepping(void **state)
{
    (void)state;
    rig_no_breakpoints();
    rig_put(RIG_ENTRY, AGHI_10_1);
    assert_int_equal(signal_guest(MACHINE_RESTART), 0);
    rig_assert_stop(rig_step(), STOP_STEP, RESTART_HANDLER);
    rig_assert_bytes(0x128, "0000000000002000");
    assert_int_equal(rig_reg(R10), 0);
}

/* KVM delivers it only where it enters the guest: a running CPU is made to. */
static void restart_of_a_running_cpu(void **state)
{
    (void)state;
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_WAIT | PSW_EXT);
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    assert_int_equal(signal_guest(MACHINE_RESTART), 0);
    assert_at_handler(rig_wait(), "0000000000002000");
}

static void restart_out_of_a_disabled_wait(void **state)
{
    (void)state;
    rig_put(RIG_ENTRY, END);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, 0x3333);
    assert_int_equal(signal_guest(MACHINE_RESTART), 0);
    assert_at_handler(rig_continue(), "0000000000003333");
}

static int stops_itself(struct kvm_run *run)
{
    run->psw_addr = 0x2004;
    return kernel_intercept(run, 0x28, 0, 0);
}

static void stop_the_cpu(void)
{
    kernel.run = stops_itself;
    rig_assert_stop(rig_continue(), STOP_SHUTDOWN, 0x2004);
    kernel.run = NULL;
    assert_int_equal(machine_state(rig, 0), CPU_STOPPED);
}

/* A stopped CPU is started by it, here and now. */
static void restart_of_a_stopped_cpu(void **state)
{
    unsigned interrupts;

    (void)state;
    rig_no_breakpoints();
    stop_the_cpu();
    interrupts = kernel.vcpu_interrupts;
    assert_int_equal(signal_guest(MACHINE_RESTART), 0);
    assert_int_equal(kernel.vcpu_interrupts, interrupts);
    assert_int_equal(machine_state(rig, 0), CPU_RUNNING);
    assert_int_equal(rig_reg(REG_PSWA), RESTART_HANDLER);
    rig_assert_bytes(0x120, "0000000180000000 0000000000002004");
    rig_assert_stop(rig_step(), STOP_STEP, RESTART_HANDLER + 4);
}

static void restart_is_refused(void **state)
{
    (void)state;
    kernel.interrupt_errno = EIO;
    assert_int_equal(signal_guest(MACHINE_RESTART), -1);
    rig_assert_says("CPU 0");
    kernel.interrupt_errno = 0;

    rig_no_breakpoints();
    stop_the_cpu();
    kernel.mp_state_errno = EINVAL;
    assert_int_equal(signal_guest(MACHINE_RESTART), -1);
    rig_assert_says("does not start CPU 0");
    kernel.mp_state_errno = 0;
    rig_set_reg(REG_PREFIX, RIG_MEMORY);
    assert_int_equal(signal_guest(MACHINE_RESTART), -1);
    rig_assert_says("prefix 0x1000000");
    assert_int_equal(machine_state(rig, 0), CPU_STOPPED);
    rig_set_reg(REG_PREFIX, 0);
    assert_int_equal(signal_guest(MACHINE_RESTART), 0);
}

/* A reset that the guest asked for would take it back. */
static void restart_comes_after_a_reset(void **state)
{
    (void)state;
    rig_no_breakpoints();
    rig_put(RIG_ENTRY, "83230308");
    rig_set_reg(REG_R0 + 3, 3);
    rig_assert_stop(rig_continue(), STOP_RESET, RIG_ENTRY + 4);
    assert_int_equal(signal_guest(MACHINE_RESTART), -1);
    rig_assert_says("reset");
    assert_false(kernel.restart_pending);
    rig_set_reg(REG_PSWA, 0x4000); /* which takes the reset back */
    assert_int_equal(signal_guest(MACHINE_RESTART), 0);
}

static void reset_takes_a_restart_back(void **state)
{
    (void)state;
    rig_no_breakpoints();
    assert_int_equal(signal_guest(MACHINE_RESTART), 0);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_put(RIG_ENTRY, AGHI_10_1);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_ENTRY + 4);
}

/* ---- the service-call processor is busy ---- */

#define SCCB 0x8000
#define SECOND_SCCB 0x9000

/* One SERVC at 0x2000: its condition code. */
static unsigned command(uint32_t word, uint64_t sccb)
{
    rig_put(RIG_ENTRY, "b2200012");
    rig_set_reg(REG_R0 + 1, word);
    rig_set_reg(REG_R0 + 2, sccb);
    rig_set_reg(REG_PSWA, RIG_ENTRY);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_ENTRY + 4);
    return psw_cc(rig_reg(REG_PSWM));
}

/* READ SCP INFO with this SCCB. */
static unsigned service_call(uint64_t sccb)
{
    rig_put(sccb, "1000000000000000");
    return command(0x00020001, sccb);
}

static void let_it_take_the_signal(void)
{
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_EXT);
    rig_put(RIG_ENTRY, AGHI_10_1);
    rig_set_reg(REG_PSWA, RIG_ENTRY);
    rig_assert_stop(rig_step(), STOP_STEP, RIG_EXTERNAL);
    rig_set_reg(REG_PSWM, RIG_64BIT);
    assert_int_equal(kernel.service, 0);
}

static void busy_while_a_signal_waits(void **state)
{
    (void)state;
    rig_set_reg(REG_C0, 0x2e0);
    assert_int_equal(service_call(SCCB), 0);
    assert_int_equal(service_call(SECOND_SCCB), 2);
    rig_assert_bytes(SECOND_SCCB, "1000000000000000"); /* not touched */
    assert_int_equal(service_call(SECOND_SCCB), 2);
    let_it_take_the_signal();
    rig_assert_bytes(0x80, "00008000");
    assert_int_equal(service_call(SECOND_SCCB), 0);
    let_it_take_the_signal();
    rig_assert_bytes(0x80, "00009000");
}

/* Who polls sees every answer, and KVM is not asked on its behalf. */
static void never_busy_for_who_polls(void **state)
{
    (void)state;
    assert_int_equal(service_call(SCCB), 0);
    assert_int_equal(service_call(SECOND_SCCB), 0);
    rig_assert_bytes(SECOND_SCCB + 6, "0010");
    assert_int_equal(kernel.flic_asked, 0);
    rig_set_reg(REG_C0, 0x2e0);
    assert_int_equal(service_call(SCCB), 2);
}

static void asks_only_if_there_may_be_one(void **state)
{
    (void)state;
    rig_set_reg(REG_C0, 0x2e0);
    assert_int_equal(service_call(SCCB), 0);
    assert_int_equal(kernel.flic_asked, 0);
    let_it_take_the_signal();
    assert_int_equal(service_call(SCCB), 0);
    assert_int_equal(kernel.flic_asked, 1);
}

/* That an event is pending takes no place from an SCCB's signal. */
static void an_event_makes_nobody_busy(void **state)
{
    (void)state;
    rig_set_reg(REG_C0, 0x2e0);
    assert_int_equal(service_call(SCCB), 0);
    kernel.service = SCLP_EVENT_PENDING;
    assert_int_equal(service_call(SCCB), 0);
    assert_int_equal(kernel.service & ~7u, SCCB);
}

static void not_busy_after_a_reset(void **state)
{
    (void)state;
    rig_set_reg(REG_C0, 0x2e0);
    assert_int_equal(service_call(SCCB), 0);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_set_reg(REG_C0, 0x2e0);
    assert_int_equal(service_call(SCCB), 0);
    assert_int_equal(kernel.flic_asked, 0);
}

static void never_busy_without_an_interrupt_controller(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    kernel.hidden[0] = KVM_CAP_DEVICE_CTRL;
    assert_true(rig_create());
    rig_set_reg(REG_C0, 0x2e0);
    assert_int_equal(service_call(SCCB), 0);
    assert_int_equal(service_call(SECOND_SCCB), 0);
}

/* ---- a guest that does not listen ---- */

static void nobody_listens(void **state)
{
    (void)state;
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), -1);
    rig_assert_says("does not listen");
    assert_int_equal(signal_guest(MACHINE_POWERDOWN), -1);
    rig_assert_says("signal quiesce");
    assert_int_equal(kernel.vm_interrupts, 0);
}

/* ---- a guest that listens ---- */

#define VT220 "00000040"
#define QUIESCE "00000008"

static struct console_ring typed;

static int setup_console(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    console_init(&typed, NULL, NULL);
    rig_config.input = &typed;
    rig_config.consoles = SCLP_VT220;
    return rig_create() ? 0 : -1;
}

static void type(const char *text)
{
    console_write(&typed, (const uint8_t *)text, strlen(text));
}

/* WRITE EVENT MASK: the guest receives these events. Nothing stays pending but what the answer says. */
static void receive(const char *mask)
{
    rig_put(SCCB, "001c000000000000 0000 0004");
    rig_put(SCCB + 12, mask);
    rig_put(SCCB + 16, "00000000 00000000 00000000");
    assert_int_equal(command(0x00780005, SCCB), 0);
    rig_assert_bytes(SCCB + 6, "0020");
}

/* READ EVENT DATA into an SCCB of this length; the event begins so. */
static void read_event_of(const char *length, const char *header)
{
    rig_put(SCCB, length);
    rig_put(SCCB + 2, "000000800000");
    assert_int_equal(command(0x00770005, SCCB), 0);
    rig_assert_bytes(SCCB + 6, "0020");
    rig_assert_bytes(SCCB + 8, header);
}

static void read_event(const char *header)
{
    read_event_of("1000", header);
}

/* The interruption that is pending says that there is an event. */
static void assert_event_told(uint32_t sccb)
{
    assert_int_equal(kernel.interrupt.type, KVM_S390_INT_SERVICE);
    assert_int_equal(kernel.interrupt.parm, sccb | SCLP_EVENT_PENDING);
    assert_true(kernel.service & SCLP_EVENT_PENDING);
}

static void input_for_who_listens(void **state)
{
    (void)state;
    receive(VT220);
    kernel.service = 0;
    type("a");
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), 0);
    assert_event_told(0);
    type("b");
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), 0);
    assert_int_equal(kernel.service, SCLP_EVENT_PENDING); /* one, not two */
    read_event("0009 1a");
    rig_assert_bytes(SCCB + 14, "006162");
    assert_int_equal(kernel.interrupt.parm, SCCB);
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), -1); /* it has all of it */
}

static void input_while_it_runs(void **state)
{
    unsigned before;

    (void)state;
    receive(VT220);
    kernel.service = 0;
    before = kernel.vm_interrupts;
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_WAIT | PSW_EXT);
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    type("a");
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), 0);
    assert_int_equal(kernel.vm_interrupts, before + 1);
    assert_event_told(0);
    machine_interrupt(rig);
    assert_int_equal(rig_wait().reason, STOP_INTERRUPT);
}

/* Typed before the guest listened: the service call by which it begins to says that there is something. */
static void input_before_it_listens(void **state)
{
    (void)state;
    type("a");
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), -1);
    rig_assert_says("waits until it does");
    receive(VT220);
    assert_event_told(SCCB);
    read_event("0008 1a");
}

/* What was told and not read waits for the guest that comes after a reset. */
static void input_across_a_reset(void **state)
{
    (void)state;
    receive(VT220);
    type("a");
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), 0);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    assert_int_equal(kernel.service, 0);
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), -1);
    receive(VT220);
    assert_event_told(SCCB);
    read_event("0008 1a");
    rig_assert_bytes(SCCB + 14, "0061");
}

/* More than one answer holds: each says whether there is more. */
static void input_that_takes_several_reads(void **state)
{
    (void)state;
    receive(VT220);
    for (unsigned i = 0; i < 3 * SCLP_INPUT_BYTES; i++)
        type("x");
    read_event_of("0100", "00f8 1a");
    assert_event_told(SCCB);
    while (kernel.interrupt.parm & SCLP_EVENT_PENDING)
        read_event_of("0100", "");
    assert_int_equal(console_held(&typed), 0);
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), -1);
}

static void takes_signals(void)
{
    rig_put64(0x1b0, RIG_64BIT);
    rig_put64(0x1b8, RIG_EXTERNAL);
    rig_set_reg(REG_C0, 0x2e0);
}

/* KVM delivers the flag before the address that it came with, so it is told when the address has been taken.
 */
static void more_input_is_told_after_the_answer_is_taken(void **state)
{
    (void)state;
    receive(VT220);
    kernel.service = 0;
    takes_signals();
    for (unsigned i = 0; i < SCLP_INPUT_BYTES; i++)
        type("x");
    read_event_of("0100", "00f8 1a");
    assert_int_equal(kernel.service, SCCB);
    let_it_take_the_signal();
    rig_assert_bytes(0x80, "00008000");
    rig_step();
    assert_int_equal(kernel.service, SCLP_EVENT_PENDING);
}

/* Typed while an answer waits: told at once, which may be too early, and again. */
static void input_while_an_answer_waits(void **state)
{
    (void)state;
    receive(VT220);
    kernel.service = 0;
    takes_signals();
    type("a");
    read_event("0008 1a");
    assert_int_equal(kernel.service, SCCB);
    type("b");
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), 0);
    let_it_take_the_signal();
    rig_step();
    assert_int_equal(kernel.service, SCLP_EVENT_PENDING);
}

/* The answer was given to a program that polled: it waits, too, and a CPU that does not leave KVM by itself
 * is made to look again. */
static void input_while_an_answer_to_polling_waits(void **state)
{
    (void)state;
    receive(VT220);
    assert_int_equal(kernel.service, SCCB);
    takes_signals();
    type("a");
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), 0);
    rig_set_reg(REG_PSWM, RIG_64BIT | PSW_WAIT | PSW_IO);
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    machine_interrupt(rig);
    assert_int_equal(rig_wait().reason, STOP_INTERRUPT);
    assert_int_not_equal(kernel.timer, 0);
}

static void powerdown_for_who_listens(void **state)
{
    (void)state;
    receive(VT220);
    assert_int_equal(signal_guest(MACHINE_POWERDOWN), -1);
    rig_assert_says("signal quiesce");
    receive(QUIESCE);
    kernel.service = 0;
    assert_int_equal(signal_guest(MACHINE_POWERDOWN), 0);
    assert_event_told(0);
    read_event("0009 1d");
    assert_int_equal(kernel.interrupt.parm, SCCB); /* once */
}

/* The guest that has asked for a reset is not the one that comes after it. */
static void powerdown_comes_after_a_reset(void **state)
{
    (void)state;
    receive(QUIESCE);
    rig_put(RIG_ENTRY, "83230308");
    rig_set_reg(REG_R0 + 3, 3);
    rig_set_reg(REG_PSWA, RIG_ENTRY);
    rig_assert_stop(rig_continue(), STOP_RESET, RIG_ENTRY + 4);
    kernel.service = 0;
    assert_int_equal(signal_guest(MACHINE_POWERDOWN), -1);
    rig_assert_says("reset");
    assert_int_equal(kernel.service, 0);
    rig_set_reg(REG_PSWA, 0x4000); /* which takes the reset back */
    assert_int_equal(signal_guest(MACHINE_POWERDOWN), 0);
    assert_event_told(0);
}

static void kvm_takes_no_signal(void **state)
{
    (void)state;
    receive("00000048");
    type("a");
    kernel.interrupt_errno = ENOMEM;
    assert_int_equal(signal_guest(MACHINE_CONSOLE_INPUT), -1);
    rig_assert_says("Cannot allocate memory");
    assert_int_equal(signal_guest(MACHINE_POWERDOWN), -1);
    rig_assert_says("Cannot allocate memory");
}

#define CONSOLE(f) cmocka_unit_test_setup_teardown(f, setup_console, rig_teardown)
#define RESTART(f) cmocka_unit_test_setup_teardown(f, setup_restart, rig_teardown)
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESTART(restart_when_resumed),
        RESTART(restart_while_stepping),
        RESTART(restart_of_a_running_cpu),
        RESTART(restart_out_of_a_disabled_wait),
        RESTART(restart_of_a_stopped_cpu),
        RESTART(restart_is_refused),
        RESTART(restart_comes_after_a_reset),
        RESTART(reset_takes_a_restart_back),
        TEST(busy_while_a_signal_waits),
        TEST(never_busy_for_who_polls),
        TEST(asks_only_if_there_may_be_one),
        TEST(an_event_makes_nobody_busy),
        TEST(not_busy_after_a_reset),
        cmocka_unit_test_teardown(never_busy_without_an_interrupt_controller, rig_teardown),
        TEST(nobody_listens),
        CONSOLE(input_for_who_listens),
        CONSOLE(input_while_it_runs),
        CONSOLE(input_before_it_listens),
        CONSOLE(input_across_a_reset),
        CONSOLE(input_that_takes_several_reads),
        CONSOLE(more_input_is_told_after_the_answer_is_taken),
        CONSOLE(input_while_an_answer_waits),
        CONSOLE(input_while_an_answer_to_polling_waits),
        CONSOLE(powerdown_for_who_listens),
        CONSOLE(powerdown_comes_after_a_reset),
        CONSOLE(kvm_takes_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
