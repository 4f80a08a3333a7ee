/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a CPU leaves to the others beside it: breakpoints in force whatever became of it, memory without
 * opcodes for one that steps, the machine while it waits, and an end that all of them come to. Whether a
 * breakpoint stops is the test's decision, in the place of the agent's. */
#include "cpus_rig.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "zgdbd/agent.h"
#include "zgdbd/psw.h"

#define BREAKPOINT (CODE + 0x100)
#define PATIENCE 20   /* seconds, for what would last for ever */
#define LOW 0x1000ULL /* in the prefix area */
#define PREFIX_1 0x6000ULL

static atomic_bool stops;
static atomic_uint came; /* to where the test wants the CPU */
static unsigned seen;    /* entries of CPU 1 then */

bool agent_breakpoint_stops(const struct breakpoint *b, const struct agent_context *c, char *text,
                            size_t size)
{
    (void)b;
    (void)c;
    (void)size;
    text[0] = '\0';
    return stops;
}

bool agent_catchpoint_stops(const struct catchpoint *p, const struct agent_context *c, char *text,
                            size_t size)
{
    (void)p;
    (void)c;
    (void)size;
    text[0] = '\0';
    return stops;
}

static int setup(void **state)
{
    stops = true;
    came = 0;
    alarm(PATIENCE);
    return cpus_setup(state);
}

static int teardown(void **state)
{
    int rc = cpus_teardown(state);

    alarm(0);
    return rc;
}

static void set_breakpoint(uint64_t addr)
{
    cpus_set[cpus_plan.nbreakpoints++] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = addr};
}

static void set_mask(unsigned cpu, uint64_t mask)
{
    uint8_t bytes[8];

    store_be64(bytes, mask);
    machine_write_reg(rig, cpu, REG_PSWM, bytes);
}

static uint64_t pc_of(unsigned cpu)
{
    uint8_t bytes[8];

    machine_read_reg(rig, cpu, REG_PSWA, bytes);
    return load_be64(bytes);
}

/* ---- breakpoints ---- */

/* Comes to the breakpoint, and its instruction is the CPU's last. */
static int hits_and_ends(unsigned cpu, struct kvm_run *run)
{
    int rc;

    if (!came) {
        rc = cpus_hits(cpu, run);
        came = rc == 0;
        return rc;
    }
    seen = cpus_entries[1];
    came = 2;
    return cpus_waits_disabled(cpu, run);
}

/* The breakpoint's instruction is executed with no opcode in memory. */
static void test_breakpoints_are_in_force_beside_one_that_ended_on_one(void **state)
{
    (void)state;
    rig_put(BREAKPOINT, "44000000"); /* EXECUTE */
    set_breakpoint(BREAKPOINT);
    stops = false;
    cpus_guest[0] = hits_and_ends;
    cpus_guest[1] = cpus_spins_and_looks;
    cpus_go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    cpus_await_count(&came, 2);
    cpus_await_entries(1, seen + 1);
    machine_interrupt(rig);
    assert_int_equal(cpus_await().reason, STOP_INTERRUPT);
    assert_int_equal(machine_state(rig, 0), CPU_DISABLED_WAIT);
    assert_int_equal(cpus_opcodes_missing, 0);
}

/* Steps in circles, until the other one has waited for a while. */
static int steps_and_looks(unsigned cpu, struct kvm_run *run)
{
    if (load_be16(kernel.memory + BREAKPOINT) == 0)
        cpus_opcodes_missing++; /* here: one too many */
    came += cpus_entries[1] > 0;
    run->psw_addr = came < 3000 ? CODE : CODE + 0xf00;
    return cpus_steps_on(cpu, run);
}

static void test_a_step_finds_no_opcode_of_one_that_waits(void **state)
{
    (void)state;
    set_breakpoint(BREAKPOINT);
    cpus_guest[0] = steps_and_looks;
    cpus_guest[1] = cpus_waits_disabled;
    cpus_plan.action[0] = (struct cpu_action){CPU_STEP_RANGE, CODE, CODE + 0x10};
    cpus_plan.action[1].verb = CPU_CONTINUE;
    assert_int_equal(machine_resume(rig, &cpus_plan, &rig_err), 0);
    assert_int_equal(cpus_await().reason, STOP_STEP);
    assert_int_equal(cpus_opcodes_missing, 0);
}

static int asks(unsigned cpu, struct kvm_run *run)
{
    (void)cpu;
    run->psw_addr = CODE + 4;
    return kernel_intercept(run, 0x04, 0x8323, 0x0999 << 16);
}

/* DIAG 0x999 is carried out, by which the CPU comes to a handler. */
static struct stop steps_from_diag(struct cpu_action step)
{
    struct stop stop;
    unsigned entries;

    cpus_set_pc(0, CODE);
    cpus_guest[0] = asks;
    cpus_guest[1] = cpus_spins_and_looks;
    cpus_go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    assert_int_equal(cpus_await().reason, STOP_CATCH);
    entries = cpus_entries[0];
    cpus_guest[0] = cpus_steps_on;
    cpus_plan.action[0] = step;
    assert_int_equal(machine_resume(rig, &cpus_plan, &rig_err), 0);
    stop = cpus_await();
    assert_int_equal(stop.cpu, 0);
    assert_int_equal(cpus_entries[0], entries);
    assert_int_equal(cpus_opcodes_missing, 0);
    return stop;
}

static void test_a_step_carries_out_what_was_caught(void **state)
{
    static const struct catchpoint diag = {.kind = CATCH_DIAG, .number = 1};

    (void)state;
    rig_put64(0x1d0, RIG_64BIT); /* the program new PSW */
    rig_put64(0x1d8, RIG_PROGRAM);
    cpus_plan.catchpoints = &diag;
    cpus_plan.ncatchpoints = 1;
    set_breakpoint(BREAKPOINT);
    rig_assert_stop(steps_from_diag((struct cpu_action){.verb = CPU_STEP}), STOP_STEP, RIG_PROGRAM);
    set_breakpoint(RIG_PROGRAM);
    rig_assert_stop(steps_from_diag((struct cpu_action){CPU_STEP_RANGE, CODE, RIG_PROGRAM + 0x10}),
                    STOP_SW_BREAKPOINT, RIG_PROGRAM);
}

/* CPU 1 comes to an opcode of ours just when CPU 0 wants the machine. Where there is none it passes the other
 * breakpoint first, behind which its own view is in force. */
static int hits_when_kicked(unsigned cpu, struct kvm_run *run)
{
    if (came > 1)
        return cpus_spins(cpu, run);
    if (run->psw_addr == BREAKPOINT)
        return cpus_steps_on(cpu, run);
    if (load_be16(kernel.memory + PREFIX_1 + LOW) != 0) {
        run->psw_addr = BREAKPOINT + 2;
        return kernel_intercept(run, 0x2c, 0, 0);
    }
    came = 1;
    cpus_spins(cpu, run);
    seen = cpus_entries[1];
    came = 2;
    run->psw_addr = LOW + 2;
    return kernel_intercept(run, 0x2c, 0, 0);
}

static int hits_behind_it(unsigned cpu, struct kvm_run *run)
{
    if (run->psw_addr == BREAKPOINT)
        return cpus_steps_on(cpu, run);
    if (came > 1)
        return cpus_spins(cpu, run);
    if (!came)
        return -EINTR;
    run->psw_addr = BREAKPOINT + 2;
    return kernel_intercept(run, 0x2c, 0, 0);
}

/* A breakpoint in the prefix area is where the CPU that applies it last sees it: the other one, which has met
 * it elsewhere, must not take it for an instruction of its own. */
static void test_an_opcode_that_moved_is_no_exception_of_the_guest(void **state)
{
    uint8_t prefix[8];

    (void)state;
    rig_put(LOW, "1800");
    rig_put(PREFIX_1 + LOW, "1800");
    rig_put(BREAKPOINT, "44000000");
    rig_put64(PREFIX_1 + 0x150, 0x1111);
    set_breakpoint(LOW);
    set_breakpoint(BREAKPOINT);
    stops = false;
    store_be64(prefix, PREFIX_1);
    machine_write_reg(rig, 1, REG_PREFIX, prefix);
    cpus_set_pc(1, LOW - 2);
    cpus_guest[0] = hits_behind_it;
    cpus_guest[1] = hits_when_kicked;
    cpus_go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    cpus_await_count(&came, 2);
    cpus_await_entries(1, seen + 1);
    machine_interrupt(rig);
    assert_int_equal(cpus_await().reason, STOP_INTERRUPT);
    rig_assert_bytes(PREFIX_1 + 0x150, "0000000000001111");
    assert_int_equal(pc_of(1), LOW);
}

/* A breakpoint at the address with which a reset leaves the CPU: it executes nothing there. */
static int sends_reset(unsigned cpu, struct kvm_run *run)
{
    if (came++)
        return cpus_spins(cpu, run);
    while (atomic_load(&cpus_inside) < 2)
        if (kernel_kicked()) {
            came = 0;
            return cpus_spins(cpu, run);
        }
    run->s.regs.gprs[3] = 1;
    return kernel_intercept(run, 0x04, 0xae43, 0x0b << 16);
}

static void test_a_stopped_cpu_meets_no_breakpoint(void **state)
{
    (void)state;
    rig_put(0, "1800");
    set_breakpoint(0);
    cpus_guest[0] = sends_reset;
    cpus_go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    cpus_await_count(&came, 2);
    machine_interrupt(rig);
    assert_int_equal(cpus_await().reason, STOP_INTERRUPT);
    assert_int_equal(machine_state(rig, 1), CPU_STOPPED);
}

/* ---- waits ---- */

static int wakes_and_hits(unsigned cpu, struct kvm_run *run)
{
    int rc = cpus_hits(cpu, run);

    if (rc == 0)
        run->psw_mask &= ~PSW_WAIT;
    return rc;
}

/* One that was reported at a breakpoint, and is made to wait there. */
static void test_one_that_waits_on_a_breakpoint_lets_others_run(void **state)
{
    (void)state;
    set_breakpoint(BREAKPOINT);
    cpus_guest[0] = wakes_and_hits;
    cpus_go_all();
    assert_int_equal(cpus_await().reason, STOP_SW_BREAKPOINT);
    set_mask(0, RIG_64BIT | PSW_WAIT | PSW_EXT);
    cpus_go_all(); /* it leaves the guest when it sees another one there */
    assert_int_equal(cpus_await().cpu, 0);
}

/* Waits; there is nobody for whom it has to be brief. */
static int waits_long(unsigned cpu, struct kvm_run *run)
{
    struct timespec brief = {.tv_nsec = 50000000};
    sigset_t kick;

    (void)cpu;
    sigemptyset(&kick);
    sigaddset(&kick, SIGUSR1);
    if (sigtimedwait(&kick, NULL, &brief) < 0) {
        came = 1;
        sigwaitinfo(&kick, NULL);
    }
    run->immediate_exit = 1;
    return -EINTR;
}

static void test_the_end_while_one_steps_through_a_wait(void **state)
{
    (void)state;
    set_mask(1, RIG_64BIT | PSW_WAIT | PSW_EXT);
    cpus_guest[0] = cpus_waits_disabled;
    cpus_guest[1] = waits_long;
    cpus_go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_STEP, CPU_HOLD, CPU_HOLD});
    cpus_await_count(&came, 1);
    machine_destroy(rig);
    rig = NULL;
}

/* The CPUs are ended one after the other: those that run yet find the ones that do not. */
static int ends_last(unsigned cpu, struct kvm_run *run)
{
    came = 1;
    cpus_spins(cpu, run);
    run->s.regs.gprs[3] = 0;
    return kernel_intercept(run, 0x04, 0xae43, 0x0b << 16);
}

static void test_orders_to_one_that_has_ended(void **state)
{
    (void)state;
    cpus_guest[1] = ends_last;
    cpus_go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    cpus_await_count(&came, 1);
    machine_destroy(rig);
    rig = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_breakpoints_are_in_force_beside_one_that_ended_on_one),
        TEST(test_a_step_finds_no_opcode_of_one_that_waits),
        TEST(test_a_step_carries_out_what_was_caught),
        TEST(test_an_opcode_that_moved_is_no_exception_of_the_guest),
        TEST(test_a_stopped_cpu_meets_no_breakpoint),
        TEST(test_one_that_waits_on_a_breakpoint_lets_others_run),
        TEST(test_the_end_while_one_steps_through_a_wait),
        TEST(test_orders_to_one_that_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
