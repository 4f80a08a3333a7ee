/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resets: of a CPU in its three kinds (Principles, chapter 4, "Resets"), of what is outside of the CPUs, and
 * what the debugger and the guest's DIAG 308 combine from them. KVM resets its own part of a CPU; what it
 * leaves stale in kvm_run is set here. No CPU runs meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* ---- a CPU ---- */

/* KVM's idea of the stopped state. Entering it also ends the stop interruption that led to it. */
int vm_set_stopped(struct vcpu *cpu, bool stopped)
{
    struct kvm_mp_state state = {.mp_state = stopped ? KVM_MP_STATE_STOPPED : KVM_MP_STATE_OPERATING};
    int rc;

    cpu->stopped = stopped;
    cpu->stopping = STOPPING_NOT;
    cpu->was_reset = true;
    rc = cpu->m->sys->ioctl(cpu->fd, KVM_SET_MP_STATE, &state);
    gate_start(cpu);
    return rc;
}

static int set_state(struct vcpu *cpu, bool stopped, struct err *e)
{
    if (vm_set_stopped(cpu, stopped) < 0)
        return err_set(e, EXIT_OTHER, "KVM_SET_MP_STATE of CPU %u: %s", cpu->id, strerror(errno));
    cpu->at_reported = cpu->arrived = false;
    cpu->pending.valid = false;
    cpu->debug_stale = true;
    return 0;
}

/* CPU reset: what is in progress or pending goes, the registers stay. Kernels before 5.6 have no such reset
 * from user space; their guests meet an initial reset. */
static int normal_reset(struct vcpu *cpu, struct err *e)
{
    unsigned long reset = cpu->m->clear_reset ? KVM_S390_NORMAL_RESET : KVM_S390_INITIAL_RESET;

    if (cpu->m->sys->ioctl(cpu->fd, reset, NULL) < 0)
        return err_set(e, EXIT_OTHER, "reset of CPU %u: %s", cpu->id, strerror(errno));
    return 0;
}

/* Initial CPU reset: PSW, prefix, timers, control registers and FPC too. General, floating-point, vector and
 * access registers stay. What was edited and not yet taken by KVM goes with the rest. */
static int initial_reset(struct vcpu *cpu, struct err *e)
{
    struct kvm_sync_regs *regs = &cpu->run->s.regs;

    if (cpu->m->sys->ioctl(cpu->fd, KVM_S390_INITIAL_RESET, NULL) < 0)
        return err_set(e, EXIT_OTHER, "KVM_S390_INITIAL_RESET of CPU %u: %s", cpu->id, strerror(errno));
    regs->fpc = 0;
    regs->prefix = 0;
    regs->pft = KVM_S390_PFAULT_TOKEN_INVALID;
    regs->pfs = regs->pfc = 0;
    regs->todpr = 0;
    regs->bpbc = 0;
    regs->diag318 = 0; /* which KVM's reset leaves */
    cpu->run->kvm_dirty_regs = KVM_SYNC_PREFIX | (cpu->run->kvm_valid_regs & KVM_SYNC_DIAG318);
    return 0;
}

int reset_cpu(struct vcpu *cpu, bool initial, struct err *e)
{
    return (initial ? initial_reset : normal_reset)(cpu, e) < 0 ? -1 : set_state(cpu, true, e);
}

/* Clear reset: everything, as after power-on. */
static int clear_reset(struct vcpu *cpu, struct err *e)
{
    struct kvm_sync_regs *regs = &cpu->run->s.regs;

    if (cpu->m->clear_reset && cpu->m->sys->ioctl(cpu->fd, KVM_S390_CLEAR_RESET, NULL) < 0)
        return err_set(e, EXIT_OTHER, "KVM_S390_CLEAR_RESET of CPU %u: %s", cpu->id, strerror(errno));
    if (initial_reset(cpu, e) < 0)
        return -1;
    memset(regs->gprs, 0, sizeof regs->gprs);
    memset(regs->acrs, 0, sizeof regs->acrs);
    memset(regs->vrs, 0, sizeof regs->vrs);
    return 0;
}

/* ---- all CPUs ---- */

typedef int cpu_reset_fn(struct vcpu *cpu, struct err *e);

/* The CPU that goes on gets one kind of reset, the others another, after which they are stopped. */
static int reset_cpus(struct kvm_machine *m, unsigned goes_on, cpu_reset_fn *its, cpu_reset_fn *others,
                      struct err *e)
{
    for (unsigned i = 0; i < m->base.ncpus; i++) {
        struct vcpu *cpu = &m->cpu[i];

        if ((i == goes_on ? its : others)(cpu, e) < 0 || set_state(cpu, i != goes_on, e) < 0)
            return -1;
    }
    breakpoints_unbind(m);
    return 0;
}

int reset_power_on(struct kvm_machine *m, struct err *e)
{
    return reset_cpus(m, 0, clear_reset, clear_reset, e);
}

/* ---- what is outside of the CPUs ---- */

/* The service-call processor, the watchdog, and interruptions that no CPU has taken yet: those of
 * KVM_S390_INTERRUPT are the VM's, and the CPUs' reset leaves them. */
static void reset_subsystem(struct kvm_machine *m)
{
    struct kvm_device_attr clear = {.group = KVM_DEV_FLIC_CLEAR_IRQS};

    sclp_reset(&m->sclp);
    atomic_store(&m->sccb_signalled, false);
    atomic_store(&m->event_waits, false);
    m->watchdog.on = false;
    if (m->flic_fd >= 0)
        m->sys->ioctl(m->flic_fd, KVM_SET_DEVICE_ATTR, &clear);
}

/* ---- load ---- */

int reset_load(struct kvm_machine *m, bool cleared, struct err *e)
{
    struct ipl_request request = m->config.ipl;

    request.append = m->append;
    request.cleared = cleared;
    return ipl_load(&request, &m->memory, &m->ipl, e);
}

static void set_psw(struct vcpu *cpu, struct psw psw)
{
    cpu->run->psw_mask = psw.mask;
    cpu->run->psw_addr = psw.addr;
}

void reset_start(struct kvm_machine *m)
{
    set_psw(&m->cpu[0], m->ipl.psw);
}

/* The guest's own load keeps the parameters that it has set, of which this machine knows one. */
static void take_loadparm(struct kvm_machine *m)
{
    pthread_mutex_lock(&m->sclp.lock);
    ipl_block_loadparm(&m->ipl_block, m->sclp.loadparm);
    pthread_mutex_unlock(&m->sclp.lock);
}

/* The PSW at absolute 0 has the format of ESA/390, which bit 12 tells. Inverted, the bit is right for a
 * z/Architecture PSW, and where it was missing, the CPU finds its PSW invalid: a specification exception
 * (QEMU target/s390x/cpu-system.c, s390_cpu_load_normal()). */
static struct psw short_psw(const struct kvm_machine *m)
{
    uint64_t psw = load_be64(m->memory.base);

    return (struct psw){(psw & 0xffffffff80000000ULL) ^ PSW_SHORT, psw & 0x7fffffffULL};
}

/* ---- each kind ---- */

/* DIAG 308 subcodes 3, 4 and 7: the image once more, started by CPU 0 (Principles, chapter 17, "Initial
 * Program Loading"). Load normal leaves memory and the registers that an initial reset leaves. */
static int load_again(struct kvm_machine *m, struct err *e)
{
    bool clear = m->reset_subcode == DIAG_LOAD_CLEAR;

    if (reset_cpus(m, 0, clear ? clear_reset : initial_reset, clear ? clear_reset : normal_reset, e) < 0 ||
        (clear && storage_clear(m, e) < 0))
        return -1;
    reset_subsystem(m);
    take_loadparm(m);
    if (reset_load(m, clear, e) < 0)
        return -1;
    reset_start(m);
    return 0;
}

/* Subcodes 0 and 1 leave memory, and the CPU that asked goes on at the PSW there: so Linux enters kdump and a
 * kernel that kexec has brought. */
static int restart_in_memory(struct kvm_machine *m, struct err *e)
{
    bool clear = m->reset_subcode == DIAG_MODIFIED_CLEAR;
    struct vcpu *cpu = &m->cpu[m->reset_cpu];

    if (reset_cpus(m, cpu->id, clear ? clear_reset : initial_reset, clear ? clear_reset : normal_reset, e) <
        0)
        return -1;
    reset_subsystem(m);
    set_psw(cpu, short_psw(m));
    return 0;
}

/* One that fails stays due: a machine that is half reset must not run. */
int reset_perform(struct kvm_machine *m, struct err *e)
{
    int rc;

    switch (m->reset_subcode) {
    case DIAG_MODIFIED_CLEAR:
    case DIAG_LOAD_NORMAL_RESET:
        rc = restart_in_memory(m, e);
        break;
    default:
        rc = load_again(m, e);
    }
    m->reset_pending = rc < 0;
    return rc;
}

/* ---- by the debugger ---- */

/* From outside: what the guest has said of its next load is forgotten. */
static int load_anew(struct kvm_machine *m, enum machine_reset_kind kind, struct err *e)
{
    m->ipl_block.length = 0;
    m->reset_subcode = kind == RESET_LOAD_NORMAL ? DIAG_LOAD_NORMAL_DUMP : DIAG_LOAD_CLEAR;
    return reset_perform(m, e);
}

int reset_machine(struct machine *machine, enum machine_reset_kind kind, const char *append, struct err *e)
{
    struct kvm_machine *m = to_kvm(machine);
    char *old = m->append;

    if (!append)
        return load_anew(m, kind, e);
    m->append = strdup(append);
    if (!m->append) {
        m->append = old;
        return err_set(e, EXIT_OTHER, "no memory for a command line of %zu bytes", strlen(append));
    }
    if (load_anew(m, kind, e) == 0) {
        free(old);
        return 0;
    }
    /* One that the image does not take must not be in the way of the next reset. */
    free(m->append);
    m->append = old;
    load_anew(m, kind, NULL);
    return -1;
}
