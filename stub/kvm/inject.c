/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interruptions that the user injects. What KVM knows is made pending there, and the CPU takes it when it is
 * enabled for it; a program interruption, and an external one of a code that KVM does not have, the CPU takes
 * here and now, by its PSW in kvm_run. No CPU runs. */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* Machine-check interruption code (Principles, chapter 11), as far as KVM lets such a check pend (Linux
 * arch/s390/include/asm/kvm_host.h, MCHK_EX_MASK and MCHK_REP_MASK; the channel report is of all CPUs). */
#define MCIC_SYSTEM_DAMAGE (1ULL << 63)
#define MCIC_PROCESSING_DAMAGE (1ULL << 62)
#define MCIC_EXTERNAL_DAMAGE (1ULL << 58)
#define MCIC_DEGRADATION (1ULL << 56)
#define MCIC_WARNING (1ULL << 55)
#define MCIC_CHANNEL_REPORT (1ULL << 54)
#define MCIC_OF_A_CPU                                                                                        \
    (MCIC_SYSTEM_DAMAGE | MCIC_PROCESSING_DAMAGE | MCIC_EXTERNAL_DAMAGE | MCIC_DEGRADATION | MCIC_WARNING)

/* Subclass masks in control register 14. */
#define CR14_CHANNEL_REPORT 0x10000000u
#define CR14_DEGRADATION 0x04000000u
#define CR14_EXTERNAL_DAMAGE 0x02000000u
#define CR14_WARNING 0x01000000u

/* Bits 8 to 15 of a subchannel id word: cssid valid, subchannel set, and a one. */
#define SUBCHANNEL_HAS_CSSID 0x0008u
#define SUBCHANNEL_SET 0x0006u
#define SUBCHANNEL_ONE 0x0001u

static int not_taken(struct err *e)
{
    return err_set(e, EXIT_OTHER, "KVM does not take it: %s%s", strerror(errno),
                   errno == EBUSY ? "; one like it is pending already" : "");
}

static int pend(struct kvm_machine *m, int fd, struct kvm_s390_interrupt irq, struct err *e)
{
    return m->sys->ioctl(fd, KVM_S390_INTERRUPT, &irq) < 0 ? not_taken(e) : 0;
}

static int check_executes(const struct vcpu *cpu, struct err *e)
{
    return cpu->stopped ? err_set(e, EXIT_OTHER,
                                  "CPU %u is stopped and takes no interruptions; start it first", cpu->id)
                        : 0;
}

/* The CPU is at the handler's first instruction. */
static int taken(struct vcpu *cpu, int rc, struct psw psw, struct err *e)
{
    if (rc < 0)
        return err_set(e, EXIT_OTHER, "the prefix 0x%llx of CPU %u is outside of memory; correct the prefix",
                       (unsigned long long)cpu->run->s.regs.prefix, cpu->id);
    cpu->run->psw_mask = psw.mask;
    cpu->run->psw_addr = psw.addr;
    cpu->at_reported = cpu->arrived = false;
    return 0;
}

/* ---- each class ---- */

static int program(struct vcpu *cpu, const struct injection *what, struct err *e)
{
    struct kvm_run *run = cpu->run;
    struct psw psw = {run->psw_mask, run->psw_addr};

    if (check_executes(cpu, e) < 0)
        return -1;
    return taken(cpu,
                 program_interrupt(&cpu->m->memory, run->s.regs.prefix, &psw, (uint16_t)what->code, 0,
                                   run->s.regs.gbea),
                 psw, e);
}

/* Of a code that KVM has no way to keep pending. */
static int external_now(struct vcpu *cpu, const struct injection *what, struct err *e)
{
    struct kvm_run *run = cpu->run;
    struct psw psw = {run->psw_mask, run->psw_addr};
    uint64_t subclass = external_subclass((uint16_t)what->code);

    if (check_executes(cpu, e) < 0)
        return -1;
    if (!(psw.mask & PSW_EXT) || (run->s.regs.crs[0] & subclass) != subclass)
        return err_set(e, EXIT_OTHER,
                       "CPU %u is disabled for external interruptions of code 0x%04x by %s, and KVM cannot "
                       "keep one of this code pending; try again where it is enabled",
                       cpu->id, what->code,
                       psw.mask & PSW_EXT ? "its control register 0" : "its PSW (bit 7)");
    return taken(
        cpu,
        external_interrupt(&cpu->m->memory, run->s.regs.prefix, &psw, (uint16_t)what->code, what->parameter),
        psw, e);
}

static int external(struct vcpu *cpu, const struct injection *what, struct err *e)
{
    struct kvm_machine *m = cpu->m;
    struct kvm_s390_interrupt irq = {.type = 0xffff0000u | what->code, .parm = (uint32_t)what->parameter};

    switch (irq.type) {
    case KVM_S390_INT_EMERGENCY:
    case KVM_S390_INT_EXTERNAL_CALL:
        if (what->parameter >= m->base.ncpus)
            return err_set(e, EXIT_OTHER, "the parameter is the address of the CPU that sends it: %u at most",
                           m->base.ncpus - 1);
        return pend(m, cpu->fd, irq, e);
    case KVM_S390_INT_SERVICE:
        return signals_service(m, irq.parm) < 0 ? not_taken(e) : 0;
    case KVM_S390_INT_VIRTIO:
        irq.parm = 0;
        irq.parm64 = what->parameter;
        return pend(m, m->vm_fd, irq, e);
    default:
        return external_now(cpu, what, e);
    }
}

/* Of any CPU that is enabled for the subclass in the interruption word. */
static int io(struct vcpu *cpu, const struct injection *what, struct err *e)
{
    unsigned id = what->code >> 16;
    unsigned cssid = id & SUBCHANNEL_HAS_CSSID ? id >> 8 : 0;

    if (!(id & SUBCHANNEL_ONE))
        return err_set(
            e, EXIT_OTHER,
            "0x%08x is no subchannel: its bit 15 must be one, as in 0x00010000 (or give the number "
            "of the subchannel alone)",
            what->code);
    return pend(cpu->m, cpu->m->vm_fd,
                (struct kvm_s390_interrupt){
                    .type = KVM_S390_INT_IO(0u, cssid, (id & SUBCHANNEL_SET) >> 1, what->code & 0xffff),
                    .parm = what->code,
                    .parm64 = what->parameter << 32 | (uint32_t)what->word},
                e);
}

/* Without any, those that the code speaks of. */
static uint32_t cr14_of(const struct injection *what)
{
    if (what->parameter)
        return (uint32_t)what->parameter;
    return (what->word & MCIC_EXTERNAL_DAMAGE ? CR14_EXTERNAL_DAMAGE : 0) |
           (what->word & MCIC_DEGRADATION ? CR14_DEGRADATION : 0) |
           (what->word & MCIC_WARNING ? CR14_WARNING : 0) |
           (what->word & MCIC_CHANNEL_REPORT ? CR14_CHANNEL_REPORT : 0);
}

/* KVM_S390_INTERRUPT would lose CR14 (Linux arch/s390/kvm/interrupt.c, s390int_to_s390irq()). */
static int machine_check_of_a_cpu(struct vcpu *cpu, const struct injection *what, struct err *e)
{
    struct kvm_s390_irq irq = {.type = KVM_S390_MCHK};

    irq.u.mchk.cr14 = cr14_of(what);
    irq.u.mchk.mcic = what->word;
    return cpu->m->sys->ioctl(cpu->fd, KVM_S390_IRQ, &irq) < 0 ? not_taken(e) : 0;
}

static int machine_check(struct vcpu *cpu, const struct injection *what, struct err *e)
{
    struct kvm_s390_interrupt irq = {.type = KVM_S390_MCHK, .parm = cr14_of(what), .parm64 = what->word};

    if (what->word & MCIC_OF_A_CPU)
        return machine_check_of_a_cpu(cpu, what, e);
    if (what->word & MCIC_CHANNEL_REPORT)
        return pend(cpu->m, cpu->m->vm_fd, irq, e);
    return err_set(e, EXIT_OTHER,
                   "KVM has no machine check for code 0x%016llx: one of bits 0 (system damage), 1 "
                   "(processing damage), 5 (external damage), 7 (degradation), 8 (warning) and 9 (channel "
                   "report) must be one",
                   (unsigned long long)what->word);
}

int inject_interruption(struct machine *machine, unsigned id, const struct injection *what, struct err *e)
{
    struct kvm_machine *m = to_kvm(machine);

    if (signals_check_reset(m, e) < 0)
        return -1;
    switch (what->kind) {
    case INJECT_EXTERNAL:
        return external(&m->cpu[id], what, e);
    case INJECT_IO:
        return io(&m->cpu[id], what, e);
    case INJECT_MACHINE_CHECK:
        return machine_check(&m->cpu[id], what, e);
    case INJECT_PROGRAM:
        return program(&m->cpu[id], what, e);
    }
    return err_set(e, EXIT_OTHER, "this engine knows no interruption of kind %d", (int)what->kind);
}
