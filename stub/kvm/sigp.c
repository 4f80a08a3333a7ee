/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGP in execution: the state of the CPU that an order goes to, and what the answer asks to be done with
 * that CPU. Orders of one CPU to another are carried out while all others hold still. */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* ---- status ---- */

static void take_status(const struct vcpu *cpu, struct cpu_status *status)
{
    const struct kvm_sync_regs *regs = &cpu->run->s.regs;

    memset(status, 0, sizeof *status);
    status->psw = (struct psw){cpu->run->psw_mask, cpu->run->psw_addr};
    memcpy(status->gprs, regs->gprs, sizeof status->gprs);
    memcpy(status->crs, regs->crs, sizeof status->crs);
    memcpy(status->acrs, regs->acrs, sizeof status->acrs);
    for (unsigned i = 0; i < 16; i++)
        status->fprs[i] = *(const uint64_t *)cpu->place[REG_F0 + i].at;
    status->prefix = (uint32_t)regs->prefix;
    status->fpc = regs->fpc;
    status->todpr = (uint32_t)regs->todpr;
    status->cputm = regs->cputm;
    status->ckc = regs->ckc;
    memcpy(status->vrs, regs->vrs, sizeof status->vrs);
    memcpy(status->gscb, regs->gscb, sizeof status->gscb);
}

/* The registers are those of kvm_run, edits that KVM has not seen yet among them (KVM_S390_STORE_STATUS would
 * miss those). */
void sigp_store_status(const struct vcpu *cpu)
{
    struct cpu_status status;

    take_status(cpu, &status);
    status_store_assigned(&cpu->m->memory, &status); /* the guest has 1 MiB or more */
}

/* That it is within memory has been seen to. */
static void store_at(const struct vcpu *cpu, const struct sigp_answer *answer)
{
    struct cpu_status status;

    take_status(cpu, &status);
    if (answer->action == SIGP_DO_STORE_ADDITIONAL)
        status_store_additional(&cpu->m->memory, answer->address, answer->length, &status);
    else
        status_store(&cpu->m->memory, answer->address, &status);
}

/* ---- start, stop, restart ---- */

static int refused(const struct vcpu *cpu, const char *what, struct err *e)
{
    return err_set(e, EXIT_OTHER, "KVM does not %s CPU %u: %s", what, cpu->id, strerror(errno));
}

int sigp_start(struct vcpu *cpu, struct err *e)
{
    if (vm_set_stopped(cpu, false) == 0)
        return 0;
    cpu->stopped = true;
    return refused(cpu, "start", e);
}

/* Here and now: for a CPU that executes nothing. */
int sigp_stop_now(struct vcpu *cpu, struct err *e)
{
    return vm_set_stopped(cpu, true) < 0 ? refused(cpu, "stop", e) : 0;
}

/* Nothing is pending for a CPU in a disabled wait. Any other first takes the interruptions that it is enabled
 * for and may have been kept from, as KVM does on its way to the stop. */
static int stop(struct vcpu *cpu, bool store, struct err *e)
{
    if (psw_disabled_wait(cpu->run->psw_mask)) {
        if (sigp_stop_now(cpu, e) < 0)
            return -1;
        if (store)
            sigp_store_status(cpu);
        return 0;
    }
    if (signals_local(cpu, KVM_S390_SIGP_STOP) < 0)
        return refused(cpu, "stop", e);
    cpu->stopping = store ? STOPPING_STORES : STOPPING;
    return 0;
}

/* The stop of the order is done. */
void sigp_stopped(struct vcpu *cpu)
{
    bool store = cpu->stopping == STOPPING_STORES;

    vm_set_stopped(cpu, true);
    if (store)
        sigp_store_status(cpu);
}

/* A CPU that executes nothing takes the restart interruption at once, and is started by it: KVM delivers
 * nothing to a stopped CPU. */
static int restart_now(struct vcpu *cpu, struct err *e)
{
    struct kvm_run *run = cpu->run;
    struct psw psw = {run->psw_mask, run->psw_addr};

    if (restart_interrupt(&cpu->m->memory, run->s.regs.prefix, &psw) < 0)
        return err_set(
            e, EXIT_OTHER,
            "CPU %u cannot be restarted: its prefix 0x%llx is outside of memory; correct the prefix", cpu->id,
            (unsigned long long)run->s.regs.prefix);
    if (sigp_start(cpu, e) < 0)
        return -1;
    run->psw_mask = psw.mask;
    run->psw_addr = psw.addr;
    cpu->at_reported = cpu->arrived = false;
    return 0;
}

/* One that operates takes it as its next interruption, whatever its PSW masks; one in a disabled wait enters
 * the guest for it. */
int sigp_restart(struct vcpu *cpu, struct err *e)
{
    if (cpu->stopped)
        return restart_now(cpu, e);
    if (signals_local(cpu, KVM_S390_RESTART) < 0)
        return refused(cpu, "restart", e);
    gate_start(cpu);
    return 0;
}

/* ---- the instruction ---- */

static int perform(struct vcpu *cpu, const struct sigp_answer *answer, struct err *e)
{
    switch (answer->action) {
    case SIGP_NOTHING:
        return 0;
    case SIGP_DO_START:
        return sigp_start(cpu, e);
    case SIGP_DO_STOP:
    case SIGP_DO_STOP_AND_STORE:
        return stop(cpu, answer->action == SIGP_DO_STOP_AND_STORE, e);
    case SIGP_DO_RESTART:
        return sigp_restart(cpu, e);
    case SIGP_DO_RESET:
    case SIGP_DO_INITIAL_RESET:
        return reset_cpu(cpu, answer->action == SIGP_DO_INITIAL_RESET, e);
    case SIGP_DO_SET_PREFIX:
        cpu->run->s.regs.prefix = answer->address;
        cpu->run->kvm_dirty_regs |= KVM_SYNC_PREFIX;
        return 0;
    case SIGP_DO_STORE:
        sigp_store_status(cpu);
        return 0;
    case SIGP_DO_STORE_AT:
    case SIGP_DO_STORE_ADDITIONAL:
        store_at(cpu, answer);
        return 0;
    }
    return 0;
}

static bool others_stopped(const struct vcpu *cpu)
{
    for (unsigned i = 0; i < cpu->m->base.ncpus; i++)
        if (i != cpu->id && !cpu->m->cpu[i].stopped)
            return false;
    return true;
}

static struct sigp_answer ask(const struct vcpu *cpu, const struct vcpu *target, unsigned order,
                              uint64_t parameter)
{
    unsigned features = cpu->m->base.reg_features;
    struct sigp_state state = {.memory = &cpu->m->memory,
                               .there = target,
                               .stopped = target && target->stopped,
                               .stopping = target && target->stopping,
                               .others_stopped = others_stopped(cpu),
                               .vectors = features >> REG_VX & 1,
                               .guarded_storage = features >> REG_GS & 1};

    return sigp_order(&state, order, parameter);
}

/* The condition code is set first: a reset of the CPU itself replaces the PSW. */
static enum exit_outcome execute(struct vcpu *cpu, struct vcpu *target, unsigned order, struct stop *stop)
{
    struct kvm_run *run = cpu->run;
    unsigned r1 = run->s390_sieic.ipa >> 4 & 15;
    struct sigp_answer answer = ask(cpu, target, order, run->s.regs.gprs[r1 | 1]);
    struct err e;

    if (answer.cc == 1)
        run->s.regs.gprs[r1] = (run->s.regs.gprs[r1] & ~0xffffffffULL) | answer.status;
    run->psw_mask = psw_with_cc(run->psw_mask, answer.cc);
    if (target && perform(target, &answer, &e) < 0)
        return stop_at(cpu, stop, STOP_ERROR, e.text);
    return cpu->stopped ? exit_cpu_stopped(cpu, stop) : OUTCOME_GO_ON;
}

/* The orders that KVM_CAP_S390_USER_SIGP leaves to user space. A CPU that is reset by another one while it
 * waits for the machine has not sent its own. */
enum exit_outcome sigp_exit(struct vcpu *cpu, struct stop *stop)
{
    struct kvm_machine *m = cpu->m;
    uint16_t address = (uint16_t)cpu->run->s.regs.gprs[cpu->run->s390_sieic.ipa & 15];
    struct vcpu *target = address < m->base.ncpus ? &m->cpu[address] : NULL;
    enum exit_outcome outcome;

    if (!gate_exclusive(cpu))
        return OUTCOME_GO_ON;
    outcome = execute(cpu, target, exit_rs_operand(cpu->run) & 0xff, stop);
    gate_shared(cpu);
    return outcome;
}
