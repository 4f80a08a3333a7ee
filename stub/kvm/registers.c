/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where KVM keeps each register of the table: all but the TOD clock in kvm_run, which is right after every
 * exit and taken back at the next entry, for some only if their dirty bit says so (Linux
 * arch/s390/include/uapi/asm/kvm.h, KVM_SYNC_*). No ioctl is needed to read or write one of them. */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

static bool has_vectors(const struct vcpu *cpu)
{
    return cpu->run->kvm_valid_regs & KVM_SYNC_VRS;
}

unsigned registers_features(const struct vcpu *cpu)
{
    static const struct {
        uint64_t sync;
        enum reg_feature feature;
    } may_lack[] = {
        {KVM_SYNC_VRS, REG_VX},   {KVM_SYNC_GSCB, REG_GS},   {KVM_SYNC_DIAG318, REG_D318},
        {KVM_SYNC_BPBC, REG_BPB}, {KVM_SYNC_ETOKEN, REG_ET}, {KVM_SYNC_RICCB, REG_RI},
    };
    unsigned features = 1u << REG_CORE | 1u << REG_ACR | 1u << REG_FPR | 1u << REG_CR | 1u << REG_VIRT |
                        1u << REG_VIRT_KVM | 1u << REG_CLOCK;

    for (size_t i = 0; i < sizeof may_lack / sizeof may_lack[0]; i++)
        if (cpu->run->kvm_valid_regs & may_lack[i].sync)
            features |= 1u << may_lack[i].feature;
    return features;
}

/* With vectors, FPR n is the high half of VR n. */
static void *fpr(struct vcpu *cpu, unsigned n)
{
    struct kvm_sync_regs *s = &cpu->run->s.regs;

    return has_vectors(cpu) ? &s->vrs[n][0] : &s->fprs[n];
}

static struct place virt_place(struct vcpu *cpu, unsigned reg)
{
    struct kvm_sync_regs *s = &cpu->run->s.regs;

    switch (reg) {
    case REG_CKC:
        return (struct place){&s->ckc, KVM_SYNC_ARCH0};
    case REG_CPUTM:
        return (struct place){&s->cputm, KVM_SYNC_ARCH0};
    case REG_LAST_BREAK:
        return (struct place){&s->gbea, KVM_SYNC_ARCH0};
    case REG_PREFIX:
        return (struct place){&s->prefix, KVM_SYNC_PREFIX};
    case REG_PP:
        return (struct place){&s->pp, KVM_SYNC_ARCH0};
    case REG_PFT:
        return (struct place){&s->pft, KVM_SYNC_PFAULT};
    case REG_PFS:
        return (struct place){&s->pfs, KVM_SYNC_PFAULT};
    case REG_PFC:
        return (struct place){&s->pfc, KVM_SYNC_PFAULT};
    case REG_TODPR:
        return (struct place){&s->todpr, KVM_SYNC_ARCH0};
    case REG_DIAG318:
        return (struct place){&s->diag318, KVM_SYNC_DIAG318};
    case REG_ETOKEN:
        return (struct place){&s->etoken, KVM_SYNC_ETOKEN};
    case REG_ETOKEN_EXT:
        return (struct place){&s->etoken_extension, KVM_SYNC_ETOKEN};
    default:
        return (struct place){NULL, 0};
    }
}

/* The place of every register that is a number in kvm_run. */
static struct place place_of(struct vcpu *cpu, unsigned reg)
{
    struct kvm_sync_regs *s = &cpu->run->s.regs;

    if (reg == REG_PSWM)
        return (struct place){&cpu->run->psw_mask, 0};
    if (reg == REG_PSWA)
        return (struct place){&cpu->run->psw_addr, 0};
    if (reg < REG_A0)
        return (struct place){&s->gprs[reg - REG_R0], KVM_SYNC_GPRS};
    if (reg < REG_FPC)
        return (struct place){&s->acrs[reg - REG_A0], KVM_SYNC_ACRS};
    if (reg == REG_FPC)
        return (struct place){&s->fpc, 0};
    if (reg < REG_V0L)
        return (struct place){fpr(cpu, reg - REG_F0), 0};
    if (reg < REG_V16)
        return (struct place){&s->vrs[reg - REG_V0L][1], 0};
    if (reg < REG_GSD)
        return (struct place){NULL, 0};
    if (reg >= REG_GSD && reg < REG_C0) /* gscb: reserved, designation, section mask, parameter list */
        return (struct place){&s->gscb[1 + reg - REG_GSD], KVM_SYNC_GSCB};
    if (reg >= REG_C0 && reg < REG_CKC)
        return (struct place){&s->crs[reg - REG_C0], KVM_SYNC_CRS};
    return virt_place(cpu, reg);
}

/* kvm_run does not move: the places are looked up once. */
void registers_find(struct vcpu *cpu)
{
    for (unsigned reg = 0; reg < REG_COUNT; reg++)
        cpu->place[reg] = place_of(cpu, reg);
}

static bool present(const struct machine *m, unsigned reg)
{
    return reg < REG_COUNT && (m->reg_features >> reg_table[reg].feature & 1);
}

static bool is_vector(unsigned reg)
{
    return reg >= REG_V16 && reg < REG_GSD;
}

/* What is no number in kvm_run. */
static int read_apart(struct vcpu *cpu, unsigned reg, uint8_t *bytes)
{
    const struct kvm_sync_regs *s = &cpu->run->s.regs;
    struct kvm_s390_vm_tod_clock clock;

    if (is_vector(reg)) {
        store_be64(bytes, s->vrs[16 + reg - REG_V16][0]);
        store_be64(bytes + 8, s->vrs[16 + reg - REG_V16][1]);
        return 0;
    }
    if (reg == REG_RICCB) {
        memcpy(bytes, s->riccb, sizeof s->riccb);
        return 0;
    }
    if (reg == REG_BPBC) {
        store_be32(bytes, s->bpbc);
        return 0;
    }
    if (tod_read(cpu->m, &clock) < 0)
        return -1;
    if (reg == REG_TOD)
        store_be64(bytes, clock.tod);
    else
        store_be32(bytes, clock.epoch_idx);
    return 0;
}

int registers_read(struct machine *machine, unsigned id, unsigned reg, uint8_t *bytes)
{
    struct vcpu *cpu = &to_kvm(machine)->cpu[id];
    struct place p;

    if (!present(machine, reg))
        return -1;
    p = cpu->place[reg];
    if (!p.at)
        return read_apart(cpu, reg, bytes);
    if (reg_table[reg].bytes == 4)
        store_be32(bytes, *(uint32_t *)p.at);
    else
        store_be64(bytes, *(uint64_t *)p.at);
    return 0;
}

/* Whoever puts the PC onto a breakpoint wants to hit it; and who gives a CPU that has stopped itself, or has
 * asked for a reset, another PSW wants it to run on from there. */
static void psw_written(struct vcpu *cpu, unsigned reg, bool changed)
{
    if (reg == REG_PSWA)
        cpu->at_reported = false;
    if (changed && cpu->stopped)
        vm_set_stopped(cpu, false);
    if (changed)
        cpu->m->reset_pending = false;
}

static int write_tod(struct vcpu *cpu, unsigned reg, const uint8_t *bytes)
{
    struct kvm_s390_vm_tod_clock clock;

    if (tod_read(cpu->m, &clock) < 0)
        return -1;
    if (reg == REG_TOD)
        clock.tod = load_be64(bytes);
    else if (load_be32(bytes) <= (cpu->m->multiple_epoch ? UINT8_MAX : 0))
        clock.epoch_idx = bytes[3];
    else
        return -1;
    return tod_write(cpu->m, &clock);
}

static int write_apart(struct vcpu *cpu, unsigned reg, const uint8_t *bytes)
{
    struct kvm_sync_regs *s = &cpu->run->s.regs;

    if (is_vector(reg)) {
        s->vrs[16 + reg - REG_V16][0] = load_be64(bytes);
        s->vrs[16 + reg - REG_V16][1] = load_be64(bytes + 8);
    } else if (reg == REG_RICCB) {
        memcpy(s->riccb, bytes, sizeof s->riccb);
        cpu->run->kvm_dirty_regs |= KVM_SYNC_RICCB;
    } else if (reg == REG_BPBC) {
        if (load_be32(bytes) > 1)
            return -1;
        s->bpbc = bytes[3] & 1;
        cpu->run->kvm_dirty_regs |= KVM_SYNC_BPBC;
    } else {
        return write_tod(cpu, reg, bytes);
    }
    return 0;
}

/* What KVM would cut or the CPU cannot have: the prefix has 31 bits, in multiples of 8 KiB, the TOD
 * programmable register 32. */
static bool cannot_be(unsigned reg, const uint8_t *bytes)
{
    return (reg == REG_PREFIX && load_be64(bytes) & ~0x7fffe000ULL) ||
           (reg == REG_TODPR && load_be64(bytes) > UINT32_MAX);
}

int registers_write(struct machine *machine, unsigned id, unsigned reg, const uint8_t *bytes)
{
    struct vcpu *cpu = &to_kvm(machine)->cpu[id];
    struct place p;

    if (!present(machine, reg))
        return -1;
    if (reg == REG_PSWA || reg == REG_PSWM)
        psw_written(cpu, reg, load_be64(bytes) != *(uint64_t *)cpu->place[reg].at);
    p = cpu->place[reg];
    if (!p.at)
        return write_apart(cpu, reg, bytes);
    if (cannot_be(reg, bytes))
        return -1;
    if (reg_table[reg].bytes == 4)
        *(uint32_t *)p.at = load_be32(bytes);
    else
        *(uint64_t *)p.at = load_be64(bytes);
    cpu->run->kvm_dirty_regs |= p.dirty;
    return 0;
}
