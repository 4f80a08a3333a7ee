/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The KVM machine as a whole: each refusal with its own sentence and exit status and nothing left behind,
 * hosts that lack something but can run, and the counters of exits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm_rig.h"

/* ---- refusals ---- */

static int prepare(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    return 0;
}

static void assert_refused(enum exit_status status, const char *words)
{
    assert_false(rig_create());
    assert_int_equal(rig_err.status, status);
    rig_assert_says(words);
}

static void refuses_another_architecture(void **state)
{
    (void)state;
    kernel.architecture = "x86_64";
    assert_refused(EXIT_NO_KVM, "this machine is x86_64");
    assert_int_equal(kernel.open_fds, 0);
}

static void refuses_without_dev_kvm(void **state)
{
    (void)state;
    kernel.open_errno = ENOENT;
    assert_refused(EXIT_NO_KVM, "modprobe kvm");
}

static void refuses_without_permission(void **state)
{
    (void)state;
    kernel.open_errno = EACCES;
    assert_refused(EXIT_NO_KVM, "group kvm");
    kernel.open_errno = EPERM;
    assert_refused(EXIT_NO_KVM, "group kvm");
}

static void refuses_another_api(void **state)
{
    (void)state;
    kernel.api_version = 11;
    assert_refused(EXIT_NO_KVM, "API version");
}

static void refuses_without_psw(void **state)
{
    (void)state;
    kernel.hidden[0] = KVM_CAP_S390_PSW;
    assert_refused(EXIT_NO_KVM, "KVM_CAP_S390_PSW");
}

static void refuses_without_pgste(void **state)
{
    (void)state;
    kernel.create_vm_errno = EINVAL;
    assert_refused(EXIT_NO_KVM, "--s390-pgste");
    kernel.create_vm_errno = ENOMEM;
    assert_refused(EXIT_NO_KVM, "KVM_CREATE_VM: Cannot allocate memory");
}

static void refuses_memory_that_kvm_refuses(void **state)
{
    (void)state;
    kernel.memory_slot_errno = ENOMEM;
    assert_refused(EXIT_OTHER, "KVM does not accept 16 MiB");
}

static void refuses_without_vcpu(void **state)
{
    (void)state;
    kernel.create_vcpu_errno = EEXIST;
    assert_refused(EXIT_NO_KVM, "KVM_CREATE_VCPU 0");
}

static void refuses_without_kvm_run(void **state)
{
    (void)state;
    kernel.fail_mmap = 2;
    assert_refused(EXIT_NO_KVM, "cannot map kvm_run");
}

static void refuses_a_small_kvm_run(void **state)
{
    (void)state;
    kernel.mmap_size = 0x100;
    assert_refused(EXIT_NO_KVM, "too small");
}

static void refuses_without_mp_state(void **state)
{
    (void)state;
    kernel.mp_state_errno = EINVAL;
    assert_refused(EXIT_OTHER, "KVM_SET_MP_STATE");
}

static void refuses_a_bad_image(void **state)
{
    (void)state;
    rig_prepare(RIG_GARBAGE);
    assert_refused(EXIT_IMAGE, "neither an s390x ELF nor a Linux image");
    rig_config.ipl.image = "/nonexistent/image";
    assert_refused(EXIT_IMAGE, "/nonexistent/image");
}

static void refuses_an_initrd_that_does_not_fit(void **state)
{
    char path[] = "/tmp/zgdbd-kvm-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0x900000), 0);
    rig_prepare(RIG_LINUX);
    rig_config.ipl.initrd = path;
    assert_refused(EXIT_IMAGE, "does not fit");
    close(fd);
    unlink(path);
}

/* ---- hosts that lack something ---- */

static void runs_without_guest_debugging(void **state)
{
    struct resume_plan plan = {.action = {{.verb = CPU_STEP}}};

    (void)state;
    kernel.no_gper = true;
    assert_true(rig_create());
    assert_int_equal(rig->caps & (MACHINE_CAN_STEP | MACHINE_CAN_HW_BREAK), 0);
    assert_non_null(strstr(rig->notice, "stepping, hardware breakpoints and watchpoints are unavailable"));
    assert_int_equal(machine_resume(rig, &plan, &rig_err), -1);
    assert_non_null(strstr(rig_err.text, "cannot step"));
    assert_non_null(strstr(rig_err.text, rig->notice));
    rig_breakpoint(BP_HARDWARE, 0x2004, 0);
    assert_false(rig_check());
    assert_non_null(
        strstr(rig_err.text, "cannot set a hardware breakpoint at 0x2004: this host has no guest debugging"));
    rig_no_breakpoints();
    rig_breakpoint(BP_WRITE, 0x3000, 8);
    assert_false(rig_check());
    assert_non_null(strstr(rig_err.text, "cannot set a watchpoint at 0x3000"));
    rig_no_breakpoints();
    rig_breakpoint(BP_SOFTWARE, 0x100000, 0); /* outside of the segment: PER would hold it for now */
    assert_true(rig_check());
    rig_breakpoint(BP_SOFTWARE, 0x2004, 0);
    rig_put(0x2000, "a7ab0001 a7ab0002");
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
    assert_int_equal(rig_reg(REG_R0 + 10), 1);
    rig_set_reg(REG_PSWA, 0x2000);
    rig_assert_stop(rig_continue(), STOP_SW_BREAKPOINT, 0x2004);
}

static void needs_no_capability_but_the_psw(void **state)
{
    static const long optional[] = {KVM_CAP_S390_VECTOR_REGISTERS, KVM_CAP_S390_GS,
                                    KVM_CAP_S390_USER_SIGP,        KVM_CAP_S390_USER_INSTR0,
                                    KVM_CAP_S390_IRQ_STATE,        KVM_CAP_S390_VCPU_RESETS};

    (void)state;
    memcpy(kernel.hidden, optional, sizeof optional);
    assert_true(rig_create());
    assert_null(rig->notice);
    assert_int_equal(rig->reg_features & (1u << REG_VX | 1u << REG_GS), 0);
    assert_int_equal(kernel.clear_resets, 0);
    rig_put(0x2000, "a7ab0001");
    rig_assert_stop(rig_step(), STOP_STEP, 0x2004);
}

/* There KVM must give the guest no page that is protected, which it does for one that uses storage keys. */
static void where_protection_is_not_suppressed(void **state)
{
    (void)state;
    kernel.hidden[0] = KVM_CAP_S390_COW;
    assert_true(rig_create());
    assert_int_equal(kernel.keys_set, 1);
}

static void storage_keys_are_left_alone_elsewhere(void **state)
{
    (void)state;
    assert_true(rig_create());
    assert_int_equal(kernel.keys_set, 0);
    rig_teardown(NULL);
    rig_prepare(RIG_ELF);
    kernel.hidden[0] = KVM_CAP_S390_COW;
    kernel.linux_version = LINUX_VERSION(6, 9);
    assert_true(rig_create());
    assert_int_equal(kernel.keys_set, 0);
}

/* ---- resumes ---- */

/* A resume that moves no CPU would never stop. */
static void a_resume_that_moves_nobody_is_refused(void **state)
{
    struct resume_plan plan = {.action = {{.verb = CPU_HOLD}}};

    (void)state;
    assert_int_equal(machine_resume(rig, &plan, &rig_err), -1);
    assert_non_null(strstr(rig_err.text, "moves no CPU"));
}

/* ---- counters ---- */

static uint64_t counter(const char *name)
{
    struct machine_counter counters[16];
    size_t n = machine_counters(rig, counters, 16);

    for (size_t i = 0; i < n; i++)
        if (strcmp(counters[i].name, name) == 0)
            return counters[i].count;
    return 0;
}

static void counts_exits_by_reason(void **state)
{
    struct machine_counter one;

    (void)state;
    rig_put(0x2000, "a7ab0001 a7ab0001 b2200012 83120023");
    rig_put(0x5200, "83120023");
    rig_put64(0x1d0, RIG_64BIT | 2ULL << 48);
    rig_step();
    rig_step();
    assert_int_equal(counter("debug"), 2);
    assert_int_equal(counter("service call"), 0);
    rig_assert_stop(rig_continue(), STOP_DISABLED_WAIT, RIG_PROGRAM);
    assert_int_equal(counter("service call"), 1);
    assert_int_equal(counter("diag"), 0);
    assert_int_equal(counter("disabled wait"), 1);
    assert_int_equal(machine_counters(rig, &one, 1), 1);
}

/* A KVM_RUN that fails is no kick. */
static int run_fails(struct kvm_run *run)
{
    (void)run;
    return -EINVAL;
}

static void failed_runs_are_reported_and_counted(void **state)
{
    struct stop stop;

    (void)state;
    KERNEL_SCRIPT(run_fails);
    stop = rig_continue();
    rig_assert_stop(stop, STOP_ERROR, RIG_ENTRY);
    assert_non_null(strstr(stop.text, "KVM_RUN: Invalid argument"));
    assert_int_equal(counter("kick"), 0);
    assert_int_equal(counter("other"), 1);
    KERNEL_SCRIPT(kernel_cpu);
    rig_put(0x2000, "a7ab0001");
    rig_assert_stop(rig_step(), STOP_STEP, 0x2004);
}

/* A machine can be ended at any time. */
static void ends_while_running(void **state)
{
    (void)state;
    KERNEL_SCRIPT(kernel_block);
    rig_resume(CPU_CONTINUE);
    kernel_wait_blocked();
    machine_destroy(rig);
    rig = NULL;
    assert_int_equal(kernel.open_fds, 0);
    assert_int_equal(kernel.mappings, 0);
}

#define REFUSAL(f) cmocka_unit_test_setup_teardown(f, prepare, rig_teardown)
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REFUSAL(refuses_another_architecture),
        REFUSAL(refuses_without_dev_kvm),
        REFUSAL(refuses_without_permission),
        REFUSAL(refuses_another_api),
        REFUSAL(refuses_without_psw),
        REFUSAL(refuses_without_pgste),
        REFUSAL(refuses_memory_that_kvm_refuses),
        REFUSAL(refuses_without_vcpu),
        REFUSAL(refuses_without_kvm_run),
        REFUSAL(refuses_a_small_kvm_run),
        REFUSAL(refuses_without_mp_state),
        REFUSAL(refuses_a_bad_image),
        REFUSAL(refuses_an_initrd_that_does_not_fit),
        REFUSAL(runs_without_guest_debugging),
        REFUSAL(needs_no_capability_but_the_psw),
        REFUSAL(where_protection_is_not_suppressed),
        REFUSAL(storage_keys_are_left_alone_elsewhere),
        TEST(a_resume_that_moves_nobody_is_refused),
        TEST(counts_exits_by_reason),
        TEST(failed_runs_are_reported_and_counted),
        TEST(ends_while_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
