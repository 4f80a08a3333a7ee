/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several vcpus: that all have stopped before one is told; that whoever steps or
 * passes a breakpoint has the machine for itself; that a CPU which cannot run on waits for the others, and
 * the last one ends it; orders of one CPU to another. */
#include <errno.h>
#include <string.h>

#include "cpus_rig.h"
#include "zgdbd/psw.h"

#define ROUNDS 300

/* ---- stops ---- */

static void test_interrupt_stops_all_and_is_told_once(void **state)
{
    (void)state;
    cpus_go_all();
    for (unsigned i = 0; i < CPUS; i++)
        cpus_await_entries(i, 1);
    machine_interrupt(rig);
    assert_int_equal(cpus_await().reason, STOP_INTERRUPT);
    cpus_assert_no_more();
}

static void test_a_breakpoint_stops_all(void **state)
{
    (void)state;
    cpus_set[0] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = CODE + 0x100};
    cpus_plan.nbreakpoints = 1;
    cpus_guest[2] = cpus_hits;
    cpus_go_all();
    struct stop stop = cpus_await();
    assert_int_equal(stop.reason, STOP_SW_BREAKPOINT);
    assert_int_equal(stop.cpu, 2);
    cpus_assert_no_more();
    rig_assert_bytes(CODE + 0x100, "1800"); /* nothing of ours is left */
}

static atomic_bool met;

/* Both come to the breakpoint once they were in the guest together; no kick keeps the other one from it. */
static int both_hit(unsigned cpu, struct kvm_run *run)
{
    (void)cpu;
    while (!atomic_load(&met) && atomic_load(&cpus_inside) < 2)
        if (kernel_kicked() && !atomic_load(&met)) { /* for the other one, which is not in the guest then */
            run->immediate_exit = 1;
            return -EINTR;
        }
    atomic_store(&met, true);
    run->psw_addr = CODE + 0x102;
    return kernel_intercept(run, 0x2c, 0, 0);
}

static void test_news_of_two_cpus_are_both_told(void **state)
{
    (void)state;
    met = false;
    cpus_set[0] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = CODE + 0x100};
    cpus_plan.nbreakpoints = 1;
    cpus_guest[1] = cpus_guest[3] = both_hit;
    cpus_go((enum cpu_verb[CPUS]){CPU_HOLD, CPU_CONTINUE, CPU_HOLD, CPU_CONTINUE});
    struct stop first = cpus_await(), second;
    assert_int_equal(first.reason, STOP_SW_BREAKPOINT);
    assert_true(machine_next_stop(rig, &second));
    assert_int_equal(second.reason, STOP_SW_BREAKPOINT);
    assert_int_equal(first.cpu + second.cpu, 4);
    cpus_assert_no_more();
}

/* ---- alone ---- */

static void test_others_hold_still_while_one_steps(void **state)
{
    (void)state;
    cpus_set[0] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = CODE + 0x100};
    cpus_plan.nbreakpoints = 1;
    cpus_guest[0] = cpus_steps_on;
    cpus_guest[1] = cpus_guest[2] = cpus_guest[3] = cpus_spins_and_looks;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t addr[8];

        store_be64(addr, CODE);
        machine_write_reg(rig, 0, REG_PSWA, addr);
        cpus_go((enum cpu_verb[CPUS]){CPU_STEP, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE});
        struct stop stop = cpus_await();
        assert_int_equal(stop.reason, STOP_STEP);
        assert_int_equal(stop.cpu, 0);
        assert_int_equal(stop.psw.addr, CODE + 2);
        cpus_assert_no_more();
    }
    assert_int_equal(cpus_others_during_step, 0);
    assert_int_equal(cpus_opcodes_missing, 0);
    assert_int_equal(cpus_steps, ROUNDS);
    assert_true(atomic_load(&cpus_entries[1]) > 0); /* they do run in between */
}

static void test_two_step_ranges_in_turns(void **state)
{
    (void)state;
    cpus_guest[0] = cpus_guest[1] = cpus_steps_on;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t addr[8];

        store_be64(addr, CODE);
        machine_write_reg(rig, i, REG_PSWA, addr);
        cpus_plan.action[i] = (struct cpu_action){CPU_STEP_RANGE, CODE, CODE + 0x700};
    }
    cpus_plan.action[2].verb = cpus_plan.action[3].verb = CPU_CONTINUE;
    assert_int_equal(machine_resume(rig, &cpus_plan, &rig_err), 0);
    struct stop stop = cpus_await();
    assert_int_equal(stop.reason, STOP_STEP);
    assert_int_equal(stop.psw.addr, CODE + 0x700);
    assert_int_equal(cpus_others_during_step, 0);
}

/* ---- CPUs that cannot run on ---- */

static void test_a_disabled_wait_beside_one_that_runs_is_no_stop(void **state)
{
    (void)state;
    cpus_guest[1] = cpus_guest[2] = cpus_guest[3] = cpus_waits_disabled;
    cpus_go_all();
    for (unsigned i = 0; i < CPUS; i++)
        cpus_await_entries(i, 1);
    machine_interrupt(rig);
    struct stop stop = cpus_await();
    assert_int_equal(stop.reason, STOP_INTERRUPT);
    assert_int_equal(stop.cpu, 0); /* the one that executes */
    cpus_assert_no_more();
    assert_int_equal(machine_state(rig, 1), CPU_DISABLED_WAIT);
}

static void test_the_last_one_that_waits_is_the_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CPUS; i++)
        cpus_guest[i] = cpus_waits_disabled;
    cpus_go_all();
    assert_int_equal(cpus_await().reason, STOP_DISABLED_WAIT);
    cpus_assert_no_more();
}

static void test_one_that_is_held_could_start_it(void **state)
{
    (void)state;
    cpus_guest[1] = cpus_waits_disabled;
    cpus_go((enum cpu_verb[CPUS]){CPU_HOLD, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    struct stop stop = cpus_await();
    assert_int_equal(stop.reason, STOP_HALTED);
    assert_int_equal(stop.cpu, 1);
}

/* ---- orders of one CPU to another ---- */

static uint8_t orders[8]; /* that CPU 0 sends to CPU 1, ended by 0; then it comes to its breakpoint */
static atomic_uint sent;
static unsigned ccs[8];

static int sends(unsigned cpu, struct kvm_run *run)
{
    unsigned order = orders[sent];

    (void)cpu;
    if (sent)
        ccs[sent - 1] = psw_cc(run->psw_mask);
    if (order == 0) {
        run->psw_addr = CODE + 0x102;
        return kernel_intercept(run, 0x2c, 0, 0);
    }
    sent++;
    run->s.regs.gprs[3] = 1;
    run->s.regs.gprs[5] = 0x6000;
    return kernel_intercept(run, 0x04, 0xae43, order << 16);
}

/* When an order kicks it, it leaves the guest with an exception that the monitor is to present. */
static int fails_when_kicked(unsigned cpu, struct kvm_run *run)
{
    cpus_spins(cpu, run);
    if (!atomic_load(&sent))
        return -EINTR;
    run->psw_addr += 4;
    return kernel_intercept(run, 0x04, 0xb9ff, 0);
}

/* CPUs 0 and 1 run until CPU 0 has sent them. */
static void send(const char *list)
{
    memset(orders, 0, sizeof orders);
    memcpy(orders, list, strlen(list));
    sent = 0;
    cpus_guest[0] = sends;
    cpus_set_pc(0, CODE);
    cpus_set[0] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = CODE + 0x100};
    cpus_plan.nbreakpoints = 1;
    cpus_go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    struct stop stop = cpus_await();
    assert_int_equal(stop.reason, STOP_SW_BREAKPOINT);
    assert_int_equal(stop.cpu, 0);
    cpus_assert_no_more();
    assert_int_equal(sent, strlen(list));
}

static uint64_t reg_of(unsigned cpu, unsigned reg)
{
    uint8_t bytes[8];

    assert_int_equal(machine_read_reg(rig, cpu, reg, bytes), 0);
    return load_be64(bytes);
}

static void stop_cpu(unsigned cpu)
{
    assert_int_equal(machine_signal(rig, cpu, MACHINE_STOP, &rig_err), 0);
}

/* As Linux does: initial CPU reset, set prefix, restart. */
static void test_a_cpu_is_brought_up(void **state)
{
    (void)state;
    stop_cpu(1);
    rig_put64(0x61a0, RIG_64BIT);
    rig_put64(0x61a8, 0x3456);
    send("\x0b\x0d\x06");
    assert_int_equal(ccs[0] + ccs[1] + ccs[2], 0);
    assert_int_equal(machine_state(rig, 1), CPU_RUNNING);
    assert_int_equal(reg_of(1, REG_PSWA), 0x3456);
    assert_int_equal(reg_of(1, REG_PREFIX), 0x6000);
    rig_assert_bytes(0x6120, "0000000000000000 0000000000000000");
    assert_int_equal(cpus_restarts[1], 0); /* not by KVM, which gives a stopped CPU nothing */
}

static void test_a_prefix_is_told_to_kvm(void **state)
{
    (void)state;
    stop_cpu(1);
    cpus_runs[1]->kvm_dirty_regs = 0;
    send("\x0d");
    assert_int_equal(ccs[0], 0);
    assert_int_equal(cpus_runs[1]->kvm_dirty_regs, KVM_SYNC_PREFIX);
}

static void test_restart_of_one_that_operates(void **state)
{
    (void)state;
    send("\x06\x0d");
    assert_int_equal(cpus_restarts[1], 1);
    assert_int_equal(ccs[0], 0);
    assert_int_equal(ccs[1], 1);
}

/* Until KVM has let it stop it is busy; how often its thread comes there in between is open. */
static void test_stop_and_start(void **state)
{
    (void)state;
    send("\x05\x05");
    assert_int_equal(ccs[0], 0);
    assert_true(ccs[1] == 2 || machine_state(rig, 1) == CPU_STOPPED);
    send("\x0c"); /* which does not wait */
    assert_int_equal(machine_state(rig, 1), CPU_STOPPED);
    assert_int_equal(cpus_mp_state[1], KVM_MP_STATE_STOPPED);
    send("\x05\x04");
    assert_int_equal(ccs[0] + ccs[1], 0);
    assert_int_equal(machine_state(rig, 1), CPU_RUNNING);
}

/* One that waits for ever is stopped here and now, and restarted out of its wait. */
static void test_orders_to_a_disabled_wait(void **state)
{
    (void)state;
    cpus_guest[1] = cpus_waits_disabled;
    cpus_go((enum cpu_verb[CPUS]){CPU_HOLD, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    assert_int_equal(cpus_await().reason, STOP_HALTED);
    send("\x09\x0e");
    assert_int_equal(ccs[0] + ccs[1], 0);
    assert_int_equal(machine_state(rig, 1), CPU_STOPPED);
    rig_assert_bytes(0x1308, "0000000000004444");
    rig_assert_bytes(0x6108, "0000000000004444");
    cpus_guest[1] = cpus_spins;
    send("\x06");
    assert_int_equal(machine_state(rig, 1), CPU_RUNNING);
}

/* The reset comes first: the exception is not presented any more, and the PSW that the reset has left stays.
 */
static void test_a_reset_overtakes_what_the_cpu_was_about_to_do(void **state)
{
    (void)state;
    rig_put64(0x1d8, 0x5678);
    rig_put64(0x150, 0x1111);
    for (unsigned i = 0; i < 50; i++) {
        cpus_set_pc(1, CODE); /* which starts it */
        cpus_guest[1] = fails_when_kicked;
        send("\x0b");
        if (load_be64(kernel.memory + 0x150) != 0x1111)
            fail_msg("the exception was presented in round %u", i);
        assert_int_equal(machine_state(rig, 1), CPU_STOPPED);
        assert_int_equal(reg_of(1, REG_PSWA), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_interrupt_stops_all_and_is_told_once, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_a_breakpoint_stops_all, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_news_of_two_cpus_are_both_told, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_others_hold_still_while_one_steps, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_two_step_ranges_in_turns, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_a_disabled_wait_beside_one_that_runs_is_no_stop, cpus_setup,
                                        cpus_teardown),
        cmocka_unit_test_setup_teardown(test_the_last_one_that_waits_is_the_end, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_one_that_is_held_could_start_it, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_a_cpu_is_brought_up, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_a_prefix_is_told_to_kvm, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_restart_of_one_that_operates, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_stop_and_start, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_orders_to_a_disabled_wait, cpus_setup, cpus_teardown),
        cmocka_unit_test_setup_teardown(test_a_reset_overtakes_what_the_cpu_was_about_to_do, cpus_setup,
                                        cpus_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
