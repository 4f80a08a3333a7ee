/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fake kernel's KVM_RUN: what the script or the small CPU does, between entry and exit with KVM's rules
 * for signals, dirty registers and debug exits that are held back. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_kernel.h"

static kernel_run_fn *script[KERNEL_SCRIPT_MAX];
static size_t script_length, script_at;
static sem_t blocked;
static sigset_t outside; /* the thread's signal mask outside of KVM_RUN */

struct kvm_sync_regs kernel_guest;

void kernel_run_reset(void)
{
    script_length = script_at = 0;
    memset(&kernel_guest, 0, sizeof kernel_guest);
    sem_destroy(&blocked);
    sem_init(&blocked, 0, 0);
}

void kernel_script(kernel_run_fn *const *functions, size_t n)
{
    if (n > KERNEL_SCRIPT_MAX)
        abort();
    memcpy(script, functions, n * sizeof *functions);
    script_length = n;
    script_at = 0;
}

size_t kernel_script_left(void)
{
    return script_length - script_at;
}

int kernel_debug(struct kvm_run *run, uint8_t type, uint64_t addr)
{
    run->exit_reason = KVM_EXIT_DEBUG;
    run->debug.arch.type = type;
    run->debug.arch.addr = addr;
    return 0;
}

int kernel_intercept(struct kvm_run *run, uint8_t icptcode, uint16_t ipa, uint32_t ipb)
{
    run->exit_reason = KVM_EXIT_S390_SIEIC;
    run->s390_sieic.icptcode = icptcode;
    run->s390_sieic.ipa = ipa;
    run->s390_sieic.ipb = ipb;
    return 0;
}

bool kernel_kicked(void)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, SIGUSR1) == 1;
}

int kernel_block(struct kvm_run *run)
{
    struct timespec deadline = {.tv_sec = KERNEL_DEADLINE_MS / 1000};

    sem_post(&blocked);
    if (!run->immediate_exit && ppoll(NULL, 0, &deadline, &outside) == 0)
        kernel_check(false, "kicked before the deadline", __LINE__);
    return -EINTR;
}

void kernel_wait_blocked(void)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += KERNEL_DEADLINE_MS / 1000;
    while (sem_timedwait(&blocked, &deadline) < 0)
        if (errno != EINTR)
            abort();
}

/* Entry: the guest takes PSW, general, access and floating-point or vector registers always, the others if
 * their dirty bit says so. What was edited without it is lost, as in the kernel. */
static void take_registers(struct kvm_run *run)
{
    struct kvm_sync_regs *s = &run->s.regs;
    uint64_t dirty = run->kvm_dirty_regs;

    if (!(dirty & KVM_SYNC_PREFIX))
        s->prefix = kernel_guest.prefix;
    if (!(dirty & KVM_SYNC_CRS))
        memcpy(s->crs, kernel_guest.crs, sizeof s->crs);
    if (!(dirty & KVM_SYNC_ARCH0)) {
        s->todpr = kernel_guest.todpr;
        s->cputm = kernel_guest.cputm;
        s->ckc = kernel_guest.ckc;
        s->pp = kernel_guest.pp;
        s->gbea = kernel_guest.gbea;
    }
    if (!(dirty & KVM_SYNC_PFAULT)) {
        s->pft = kernel_guest.pft;
        s->pfs = kernel_guest.pfs;
        s->pfc = kernel_guest.pfc;
    }
    if (!(dirty & KVM_SYNC_GSCB))
        memcpy(s->gscb, kernel_guest.gscb, sizeof s->gscb);
    if (!(dirty & KVM_SYNC_RICCB)) /* KVM would not turn the facility on */
        memcpy(s->riccb, kernel_guest.riccb, sizeof s->riccb);
    if (!(dirty & KVM_SYNC_BPBC))
        s->bpbc = kernel_guest.bpbc;
    if (!(dirty & KVM_SYNC_DIAG318))
        s->diag318 = kernel_guest.diag318;
    run->kvm_dirty_regs = 0;
}

static int next_function(struct kvm_run *run)
{
    if (!script_length)
        return kernel.run ? kernel.run(run) : kernel_cpu(run);
    if (script_at < script_length)
        return script[script_at++](run);
    kernel_check(false, "no more runs than the script has", __LINE__);
    return kernel_intercept(run, 0x1c, 0, 0);
}

static int enter_guest(struct kvm_run *run)
{
    int rc;

    if (run->immediate_exit || kernel_kicked())
        return -EINTR;
    if (run->kvm_dirty_regs & ~run->kvm_valid_regs)
        return -EINVAL;
    if (kernel.debug_pending) { /* this union's address is what the intercept has left there */
        run->exit_reason = KVM_EXIT_DEBUG;
        run->debug.arch.type = kernel.debug_pending;
        kernel.debug_pending = 0;
        return 0;
    }
    kernel.runs++;
    take_registers(run);
    rc = next_function(run);
    if (rc == 0 && run->exit_reason == KVM_EXIT_DEBUG && kernel_kicked()) {
        kernel.debug_pending = run->debug.arch.type; /* the signal comes first */
        rc = -EINTR;
    }
    kernel_guest = run->s.regs;
    return rc;
}

/* Signals wait until KVM_RUN returns, as they do in the kernel. */
int kernel_enter(struct kvm_run *run)
{
    sigset_t all;
    int rc;

    if (kernel.before_run)
        kernel.before_run();
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &all, &outside);
    rc = enter_guest(run);
    pthread_sigmask(SIG_SETMASK, &outside, NULL);
    if (rc < 0)
        errno = -rc;
    return rc < 0 ? -1 : 0;
}
