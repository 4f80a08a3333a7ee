/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel with several CPUs for tests of the engine: each CPU is a function of the test, on its vcpu's
 * thread, and what has to hold whenever one is in the guest is checked here. */
#include "cpus_rig.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zgdbd/psw.h"

#define FIRST_FD 2000

static struct kvm_system system_of_many;
struct kvm_run *cpus_runs[CPUS];
cpus_guest_fn *cpus_guest[CPUS];
static uint32_t debug_control[CPUS];
atomic_uint cpus_entries[CPUS], cpus_inside;
static atomic_bool stepping; /* a CPU is in the guest by a step */
uint32_t cpus_mp_state[CPUS];
static atomic_bool stop_ordered[CPUS]; /* KVM holds a stop */
atomic_uint cpus_restarts[CPUS];
atomic_uint cpus_others_during_step, cpus_opcodes_missing, cpus_steps;
struct resume_plan cpus_plan;
struct breakpoint cpus_set[4];
static int woken[2];

/* ---- a kernel with several CPUs ---- */

static int enter(unsigned cpu)
{
    struct kvm_run *run = cpus_runs[cpu];
    sigset_t all, outside;
    bool step = debug_control[cpu] & KVM_GUESTDBG_SINGLESTEP;
    int rc = -EINTR;

    if (cpus_mp_state[cpu] == KVM_MP_STATE_STOPPED) {
        KERNEL_CHECK(false); /* a stopped CPU must not be entered */
        errno = EINVAL;
        return -1;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &outside);
    if (!run->immediate_exit && !kernel_kicked()) {
        unsigned with = atomic_fetch_add(&cpus_inside, 1);

        cpus_entries[cpu]++;
        if (atomic_load(&stepping) || (step && with))
            cpus_others_during_step++;
        if (step)
            atomic_store(&stepping, true);
        rc = atomic_load(&stop_ordered[cpu]) ? kernel_intercept(run, 0x28, 0, 0) : cpus_guest[cpu](cpu, run);
        if (step)
            atomic_store(&stepping, false);
        atomic_fetch_sub(&cpus_inside, 1);
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
        cpus_mp_state[cpu] = ((struct kvm_mp_state *)arg)->mp_state;
        atomic_store(&stop_ordered[cpu], false);
        return 0;
    case KVM_S390_INTERRUPT:
        if (((struct kvm_s390_interrupt *)arg)->type == KVM_S390_SIGP_STOP)
            atomic_store(&stop_ordered[cpu], true);
        else
            cpus_restarts[cpu]++;
        return 0;
    case KVM_S390_INITIAL_RESET:
        cpus_runs[cpu]->psw_mask = cpus_runs[cpu]->psw_addr = 0;
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
    cpus_runs[fd - FIRST_FD] = mmap(addr, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    kernel.mappings++;
    return cpus_runs[fd - FIRST_FD];
}

static int many_close(int fd)
{
    return fd >= FIRST_FD ? 0 : kernel_system.close(fd);
}

/* ---- guests ---- */

/* Until a signal comes. */
int cpus_spins(unsigned cpu, struct kvm_run *run)
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
int cpus_spins_and_looks(unsigned cpu, struct kvm_run *run)
{
    if (load_be16(kernel.memory + CODE + 0x100) != 0)
        cpus_opcodes_missing++;
    return cpus_spins(cpu, run);
}

int cpus_steps_on(unsigned cpu, struct kvm_run *run)
{
    (void)cpu;
    cpus_steps++;
    run->psw_addr += 2;
    return kernel_debug(run, KVM_SINGLESTEP, run->psw_addr);
}

int cpus_waits_disabled(unsigned cpu, struct kvm_run *run)
{
    (void)cpu;
    run->psw_mask = PSW_WAIT | RIG_64BIT;
    run->psw_addr = 0x4444;
    return kernel_intercept(run, 0x1c, 0, 0);
}

/* Comes to the breakpoint at CODE + 0x100 when another CPU is in the guest, too. */
int cpus_hits(unsigned cpu, struct kvm_run *run)
{
    (void)cpu;
    while (atomic_load(&cpus_inside) < 2)
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

int cpus_setup(void **state)
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
    memset(cpus_entries, 0, sizeof cpus_entries);
    memset(cpus_mp_state, 0, sizeof cpus_mp_state);
    memset(stop_ordered, 0, sizeof stop_ordered);
    memset(cpus_restarts, 0, sizeof cpus_restarts);
    cpus_others_during_step = cpus_opcodes_missing = cpus_steps = 0;
    cpus_plan = (struct resume_plan){.breakpoints = cpus_set};
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
        cpus_guest[i] = cpus_spins;
    }
    return 0;
}

int cpus_teardown(void **state)
{
    close(woken[0]);
    close(woken[1]);
    return rig_teardown(state);
}

void cpus_go(const enum cpu_verb verbs[CPUS])
{
    for (unsigned i = 0; i < CPUS; i++)
        cpus_plan.action[i].verb = verbs[i];
    if (machine_resume(rig, &cpus_plan, &rig_err) < 0)
        fail_msg("resume refused: %s", rig_err.text);
}

void cpus_go_all(void)
{
    cpus_go((enum cpu_verb[CPUS]){CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE});
}

struct stop cpus_await(void)
{
    struct pollfd p = {.fd = woken[0], .events = POLLIN};
    struct stop stop;
    char byte;

    if (poll(&p, 1, KERNEL_DEADLINE_MS) != 1)
        fail_msg("no stop before the deadline");
    assert_int_equal(read(woken[0], &byte, 1), 1);
    assert_true(machine_next_stop(rig, &stop));
    assert_int_equal(cpus_inside, 0);
    if (kernel.failure)
        fail_msg("%s", kernel.failure);
    return stop;
}

/* A counter of the CPUs' threads tells nobody that it has changed: it is looked at. */
void cpus_await_count(atomic_uint *count, unsigned n)
{
    for (unsigned left = KERNEL_DEADLINE_MS * 10; atomic_load(count) < n; left--) {
        if (!left)
            fail_msg("%u, not %u before the deadline", atomic_load(count), n);
        usleep(100);
    }
}

void cpus_await_entries(unsigned cpu, unsigned n)
{
    cpus_await_count(&cpus_entries[cpu], n);
}

void cpus_assert_no_more(void)
{
    struct stop stop;

    assert_false(machine_next_stop(rig, &stop));
}

void cpus_set_pc(unsigned cpu, uint64_t pc)
{
    uint8_t addr[8];

    store_be64(addr, pc);
    machine_write_reg(rig, cpu, REG_PSWA, addr);
}
