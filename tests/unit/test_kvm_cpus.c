/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several vcpus: that all have stopped before one is told; that whoever steps or
 * passes a breakpoint has the machine for itself; that a CPU which cannot run on waits for the others, and
 * the last one ends it; orders of one CPU to another. The CPUs are functions of the tests, each on its vcpu's
 * thread; what has to hold whenever one is in the guest is checked there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm_rig.h"
#include "zgdbd/psw.h"

#define CPUS 4
#define FIRST_FD 2000
#define CODE 0x2000ULL /* LR 0,0 over and over */
#define ROUNDS 300

typedef int guest_fn(unsigned cpu, struct kvm_run *run);

static struct kvm_system system_of_many;
static struct kvm_run *runs[CPUS];
static guest_fn *guest[CPUS];
static uint32_t debug_control[CPUS];
static atomic_uint entries[CPUS], inside;
static atomic_bool stepping; /* a CPU is in the guest by a step */
static uint32_t mp_state[CPUS];
static atomic_bool stop_ordered[CPUS]; /* KVM holds a stop */
static atomic_uint restarts[CPUS];
static atomic_uint others_during_step, opcodes_missing, steps;
static struct resume_plan many_plan;
static struct breakpoint many_set[4];
static int woken[2];

/* ---- a kernel with several CPUs ---- */

static int enter(unsigned cpu)
{
    struct kvm_run *run = runs[cpu];
    sigset_t all, outside;
    bool step = debug_control[cpu] & KVM_GUESTDBG_SINGLESTEP;
    int rc = -EINTR;

    if (mp_state[cpu] == KVM_MP_STATE_STOPPED) {
        KERNEL_CHECK(false); /* a stopped CPU must not be entered */
        errno = EINVAL;
        return -1;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &outside);
    if (!run->immediate_exit && !kernel_kicked()) {
        unsigned with = atomic_fetch_add(&inside, 1);

        entries[cpu]++;
        if (atomic_load(&stepping) || (step && with))
            others_during_step++;
        if (step)
            atomic_store(&stepping, true);
        rc = atomic_load(&stop_ordered[cpu]) ? kernel_intercept(run, 0x28, 0, 0) : guest[cpu](cpu, run);
        if (step)
            atomic_store(&stepping, false);
        atomic_fetch_sub(&inside, 1);
    }
    pthread_sigmask(SIG_SETMASK, &outside, NULL);
    if (rc < 0)
        errno = -rc;
    return rc < 0 ? -1 : 0;
}

static int vcpu_ioctl(unsigned cpu, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_RUN:
        return enter(cpu);
    case KVM_SET_GUEST_DEBUG:
        debug_control[cpu] = ((struct kvm_guest_debug *)arg)->control;
        return 0;
    case KVM_S390_GET_IRQ_STATE:
        return 0;
    case KVM_SET_MP_STATE:
        mp_state[cpu] = ((struct kvm_mp_state *)arg)->mp_state;
        atomic_store(&stop_ordered[cpu], false);
        return 0;
    case KVM_S390_INTERRUPT:
        if (((struct kvm_s390_interrupt *)arg)->type == KVM_S390_SIGP_STOP)
            atomic_store(&stop_ordered[cpu], true);
        else
            restarts[cpu]++;
        return 0;
    case KVM_S390_INITIAL_RESET:
        runs[cpu]->psw_mask = runs[cpu]->psw_addr = 0;
        return 0;
    default:
        return 0;
    }
}

static int many_ioctl(int fd, unsigned long request, void *arg)
{
    if (fd >= FIRST_FD)
        return vcpu_ioctl((unsigned)(fd - FIRST_FD), request, arg);
    if (request == KVM_CREATE_VCPU)
        return FIRST_FD + (int)(uintptr_t)arg;
    return kernel_system.ioctl(fd, request, arg);
}

static void *many_mmap(void *addr, size_t length, int prot, int flags, int fd, long offset)
{
    if (fd < FIRST_FD)
        return kernel_system.mmap(addr, length, prot, flags, fd, offset);
    runs[fd - FIRST_FD] = mmap(addr, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    kernel.mappings++;
    return runs[fd - FIRST_FD];
}

static int many_close(int fd)
{
    return fd >= FIRST_FD ? 0 : kernel_system.close(fd);
}

/* ---- guests ---- */

/* Until a signal comes. */
static int spins(unsigned cpu, struct kvm_run *run)
{
    sigset_t kick;
    struct timespec deadline = {.tv_sec = KERNEL_DEADLINE_MS / 1000};

    (void)cpu;
    (void)run;
    sigemptyset(&kick);
    sigaddset(&kick, SIGUSR1);
    if (sigtimedwait(&kick, NULL, &deadline) < 0)
        KERNEL_CHECK(false);
    run->immediate_exit = 1; /* as the handler does */
    return -EINTR;
}

/* The same, where the breakpoint's opcode has to be in force. */
static int spins_and_looks(unsigned cpu, struct kvm_run *run)
{
    if (load_be16(kernel.memory + CODE + 0x100) != 0)
        opcodes_missing++;
    return spins(cpu, run);
}

static int steps_on(unsigned cpu, struct kvm_run *run)
{
    (void)cpu;
    steps++;
    run->psw_addr += 2;
    return kernel_debug(run, KVM_SINGLESTEP, run->psw_addr);
}

static int waits_disabled(unsigned cpu, struct kvm_run *run)
{
    (void)cpu;
    run->psw_mask = PSW_WAIT | RIG_64BIT;
    run->psw_addr = 0x4444;
    return kernel_intercept(run, 0x1c, 0, 0);
}

/* Comes to the breakpoint at CODE + 0x100 when another CPU is in the guest, too. */
static int hits(unsigned cpu, struct kvm_run *run)
{
    (void)cpu;
    while (atomic_load(&inside) < 2)
        if (kernel_kicked()) {
            run->immediate_exit = 1;
            return -EINTR;
        }
    run->psw_addr = CODE + 0x102;
    return kernel_intercept(run, 0x2c, 0, 0);
}

/* ---- the rig ---- */

static void wake(void *ctx)
{
    (void)ctx;
    (void)!write(woken[1], "", 1);
}

static int setup(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    if (pipe(woken) < 0)
        return -1;
    system_of_many = kernel_system;
    system_of_many.ioctl = many_ioctl;
    system_of_many.mmap = many_mmap;
    system_of_many.close = many_close;
    rig_config.system = &system_of_many;
    rig_config.ncpus = CPUS;
    rig_config.events.wake = wake;
    memset(entries, 0, sizeof entries);
    memset(mp_state, 0, sizeof mp_state);
    memset(stop_ordered, 0, sizeof stop_ordered);
    memset(restarts, 0, sizeof restarts);
    others_during_step = opcodes_missing = steps = 0;
    many_plan = (struct resume_plan){.breakpoints = many_set};
    if (!rig_create())
        return -1;
    for (uint64_t at = CODE; at < CODE + 0x800; at += 2)
        rig_put(at, "1800");
    for (unsigned i = 0; i < CPUS; i++) {
        uint8_t addr[8], mask[8];

        store_be64(mask, RIG_64BIT);
        store_be64(addr, CODE + 0x1000 * i);
        machine_write_reg(rig, i, REG_PSWM, mask);
        machine_write_reg(rig, i, REG_PSWA, addr); /* starts it */
        guest[i] = spins;
    }
    return 0;
}

static int teardown(void **state)
{
    close(woken[0]);
    close(woken[1]);
    return rig_teardown(state);
}

static void go(const enum cpu_verb verbs[CPUS])
{
    for (unsigned i = 0; i < CPUS; i++)
        many_plan.action[i].verb = verbs[i];
    if (machine_resume(rig, &many_plan, &rig_err) < 0)
        fail_msg("resume refused: %s", rig_err.text);
}

static void go_all(void)
{
    go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE});
}

static struct stop await(void)
{
    struct pollfd p = {.fd = woken[0], .events = POLLIN};
    struct stop stop;
    char byte;

    if (poll(&p, 1, KERNEL_DEADLINE_MS) != 1)
        fail_msg("no stop before the deadline");
    assert_int_equal(read(woken[0], &byte, 1), 1);
    assert_true(machine_next_stop(rig, &stop));
    assert_int_equal(inside, 0);
    if (kernel.failure)
        fail_msg("%s", kernel.failure);
    return stop;
}

static void await_entries(unsigned cpu, unsigned n)
{
    while (atomic_load(&entries[cpu]) < n)
        usleep(100);
}

static void assert_no_more(void)
{
    struct stop stop;

    assert_false(machine_next_stop(rig, &stop));
}

/* ---- stops ---- */

static void test_interrupt_stops_all_and_is_told_once(void **state)
{
    (void)state;
    go_all();
    for (unsigned i = 0; i < CPUS; i++)
        await_entries(i, 1);
    machine_interrupt(rig);
    assert_int_equal(await().reason, STOP_INTERRUPT);
    assert_no_more();
}

static void test_a_breakpoint_stops_all(void **state)
{
    (void)state;
    many_set[0] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = CODE + 0x100};
    many_plan.nbreakpoints = 1;
    guest[2] = hits;
    go_all();
    struct stop stop = await();
    assert_int_equal(stop.reason, STOP_SW_BREAKPOINT);
    assert_int_equal(stop.cpu, 2);
    assert_no_more();
    rig_assert_bytes(CODE + 0x100, "1800"); /* nothing of ours is left */
}

static void test_news_of_two_cpus_are_both_told(void **state)
{
    (void)state;
    many_set[0] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = CODE + 0x100};
    many_plan.nbreakpoints = 1;
    guest[1] = guest[3] = hits;
    go((enum cpu_verb[CPUS]){CPU_HOLD, CPU_CONTINUE, CPU_HOLD, CPU_CONTINUE});
    struct stop first = await(), second;
    /* The second may have been kicked just before it came there. */
    if (machine_next_stop(rig, &second)) {
        assert_int_equal(second.reason, STOP_SW_BREAKPOINT);
        assert_int_equal(first.cpu + second.cpu, 4);
    }
    assert_int_equal(first.reason, STOP_SW_BREAKPOINT);
    assert_no_more();
}

/* ---- alone ---- */

static void test_others_hold_still_while_one_steps(void **state)
{
    (void)state;
    many_set[0] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = CODE + 0x100};
    many_plan.nbreakpoints = 1;
    guest[0] = steps_on;
    guest[1] = guest[2] = guest[3] = spins_and_looks;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t addr[8];

        store_be64(addr, CODE);
        machine_write_reg(rig, 0, REG_PSWA, addr);
        go((enum cpu_verb[CPUS]){CPU_STEP, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE});
        struct stop stop = await();
        assert_int_equal(stop.reason, STOP_STEP);
        assert_int_equal(stop.cpu, 0);
        assert_int_equal(stop.psw.addr, CODE + 2);
        assert_no_more();
    }
    assert_int_equal(others_during_step, 0);
    assert_int_equal(opcodes_missing, 0);
    assert_int_equal(steps, ROUNDS);
    assert_true(atomic_load(&entries[1]) > 0); /* they do run in between */
}

static void test_two_step_ranges_in_turns(void **state)
{
    (void)state;
    guest[0] = guest[1] = steps_on;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t addr[8];

        store_be64(addr, CODE);
        machine_write_reg(rig, i, REG_PSWA, addr);
        many_plan.action[i] = (struct cpu_action){CPU_STEP_RANGE, CODE, CODE + 0x700};
    }
    many_plan.action[2].verb = many_plan.action[3].verb = CPU_CONTINUE;
    assert_int_equal(machine_resume(rig, &many_plan, &rig_err), 0);
    struct stop stop = await();
    assert_int_equal(stop.reason, STOP_STEP);
    assert_int_equal(stop.psw.addr, CODE + 0x700);
    assert_int_equal(others_during_step, 0);
}

/* ---- CPUs that cannot run on ---- */

static void test_a_disabled_wait_beside_one_that_runs_is_no_stop(void **state)
{
    (void)state;
    guest[1] = guest[2] = guest[3] = waits_disabled;
    go_all();
    for (unsigned i = 0; i < CPUS; i++)
        await_entries(i, 1);
    machine_interrupt(rig);
    struct stop stop = await();
    assert_int_equal(stop.reason, STOP_INTERRUPT);
    assert_int_equal(stop.cpu, 0); /* the one that executes */
    assert_no_more();
    assert_int_equal(machine_state(rig, 1), CPU_DISABLED_WAIT);
}

static void test_the_last_one_that_waits_is_the_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CPUS; i++)
        guest[i] = waits_disabled;
    go_all();
    assert_int_equal(await().reason, STOP_DISABLED_WAIT);
    assert_no_more();
}

static void test_one_that_is_held_could_start_it(void **state)
{
    (void)state;
    guest[1] = waits_disabled;
    go((enum cpu_verb[CPUS]){CPU_HOLD, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    struct stop stop = await();
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
    spins(cpu, run);
    if (!atomic_load(&sent))
        return -EINTR;
    run->psw_addr += 4;
    return kernel_intercept(run, 0x04, 0xb9ff, 0);
}

static void set_pc(unsigned cpu, uint64_t pc)
{
    uint8_t addr[8];

    store_be64(addr, pc);
    machine_write_reg(rig, cpu, REG_PSWA, addr);
}

/* CPUs 0 and 1 run until CPU 0 has sent them. */
static void send(const char *list)
{
    memset(orders, 0, sizeof orders);
    memcpy(orders, list, strlen(list));
    sent = 0;
    guest[0] = sends;
    set_pc(0, CODE);
    many_set[0] = (struct breakpoint){.kind = BP_SOFTWARE, .addr = CODE + 0x100};
    many_plan.nbreakpoints = 1;
    go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    struct stop stop = await();
    assert_int_equal(stop.reason, STOP_SW_BREAKPOINT);
    assert_int_equal(stop.cpu, 0);
    assert_no_more();
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
    assert_int_equal(restarts[1], 0); /* not by KVM, which gives a stopped CPU nothing */
}

static void test_a_prefix_is_told_to_kvm(void **state)
{
    (void)state;
    stop_cpu(1);
    runs[1]->kvm_dirty_regs = 0;
    send("\x0d");
    assert_int_equal(ccs[0], 0);
    assert_int_equal(runs[1]->kvm_dirty_regs, KVM_SYNC_PREFIX);
}

static void test_restart_of_one_that_operates(void **state)
{
    (void)state;
    send("\x06\x0d");
    assert_int_equal(restarts[1], 1);
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
    assert_int_equal(mp_state[1], KVM_MP_STATE_STOPPED);
    send("\x05\x04");
    assert_int_equal(ccs[0] + ccs[1], 0);
    assert_int_equal(machine_state(rig, 1), CPU_RUNNING);
}

/* One that waits for ever is stopped here and now, and restarted out of its wait. */
static void test_orders_to_a_disabled_wait(void **state)
{
    (void)state;
    guest[1] = waits_disabled;
    go((enum cpu_verb[CPUS]){CPU_HOLD, CPU_CONTINUE, CPU_HOLD, CPU_HOLD});
    assert_int_equal(await().reason, STOP_HALTED);
    send("\x09\x0e");
    assert_int_equal(ccs[0] + ccs[1], 0);
    assert_int_equal(machine_state(rig, 1), CPU_STOPPED);
    rig_assert_bytes(0x1308, "0000000000004444");
    rig_assert_bytes(0x6108, "0000000000004444");
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
        set_pc(1, CODE); /* which starts it */
        guest[1] = fails_when_kicked;
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
        cmocka_unit_test_setup_teardown(test_interrupt_stops_all_and_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_breakpoint_stops_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_news_of_two_cpus_are_both_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_hold_still_while_one_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_step_ranges_in_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_disabled_wait_beside_one_that_runs_is_no_stop, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_last_one_that_waits_is_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_is_held_could_start_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cpu_is_brought_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_prefix_is_told_to_kvm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_of_one_that_operates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_and_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orders_to_a_disabled_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reset_overtakes_what_the_cpu_was_about_to_do, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
