/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interruptions from outside (external, I/O, machine check) put off for one entry of KVM, in which one
 * instruction is executed: the PSW's masks are off meanwhile. Nobody is to see that: neither who looks at the
 * CPU behind the entry, nor the guest. So what the instruction does with the masks is mended: the old PSW if
 * it ends in an interruption, what it stores of the PSW, and what it makes of the masks. */
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define MASKS (PSW_IO | PSW_EXT | PSW_MCHECK)
#define SYSTEM_MASKS (PSW_IO | PSW_EXT) /* in the first byte, which SSM, STNSM and STOSM are about */
#define FIRST_BYTE 56
#define INSN_BYTES_MAX 6

/* Where an interruption stores the PSW in the lowcore, and 0x80 above takes one from (Principles, "Assigned
 * Storage Locations"): restart, external, SVC, program, machine check, I/O. */
#define OLD_PSWS 0x120
#define NEW_PSW_AFTER_OLD 0x80

static uint8_t *old_psws(const struct vcpu *cpu)
{
    uint8_t *core = memory_lowcore(cpu);

    return core ? core + OLD_PSWS : NULL;
}

/* ---- the instruction ---- */

static uint64_t gpr(const struct vcpu *cpu, unsigned r)
{
    return r ? cpu->run->s.regs.gprs[r] : 0; /* as base or index */
}

/* The address in the second or only operand of an RX, SI or S instruction. */
static uint64_t operand(const struct vcpu *cpu, const uint8_t *insn, unsigned index)
{
    return gpr(cpu, insn[2] >> 4) + gpr(cpu, index) + (load_be16(insn + 2) & 0xfff);
}

/* Puts the instruction that EX or EXRL executes in its place. False if it cannot be had. */
static bool executed(const struct vcpu *cpu, uint8_t insn[INSN_BYTES_MAX])
{
    unsigned r1 = insn[1] >> 4;
    uint64_t at = insn[0] == 0x44 ? operand(cpu, insn, insn[1] & 15)
                                  : cpu->run->psw_addr + 2 * (uint64_t)(int64_t)(int32_t)load_be32(insn + 2);
    struct dat_context ctx;

    memory_context(cpu, &ctx);
    memset(insn, 0, INSN_BYTES_MAX);
    if (dat_read(&ctx, SPACE_CODE, at, insn, INSN_BYTES_MAX) < 2)
        return false;
    insn[1] |= (uint8_t)gpr(cpu, r1);
    return true;
}

/* What is to be known of an instruction that is not alone, before it is executed. False: it cannot be mended
 * afterwards. */
static bool look_at(struct vcpu *cpu, const uint8_t *at)
{
    struct masks_off *o = &cpu->masks_off;
    uint8_t insn[INSN_BYTES_MAX];

    memcpy(insn, at, sizeof insn);
    if (o->kind == INSN_MASKS_EXECUTE) {
        if (!executed(cpu, insn))
            o->kind = INSN_MASKS_ALONE; /* a program interruption */
        else
            o->kind = insn_masks(insn);
    }
    o->operands = o->kind == INSN_MASKS_READ ? insn[3] : insn[1];
    switch (o->kind) {
    case INSN_MASKS_AND:
    case INSN_MASKS_OR: /* with an access register the place is not known */
        if ((o->psw.mask & PSW_DAT) && (o->psw.mask & PSW_ASC) == PSW_ASC_ACCREG)
            return false;
        o->stores = memory_absolute(cpu, SPACE_PSW, operand(cpu, insn, 0), &o->stored_at) == 0;
        return true;
    case INSN_MASKS_HIDDEN:
    case INSN_MASKS_EXECUTE: /* by EXECUTE: a program interruption */
        return false;
    default:
        return true;
    }
}

/* The instruction at the PC, and what follows it in its page; NULL if it cannot be fetched. */
static const uint8_t *fetch(const struct vcpu *cpu)
{
    uint64_t absolute;

    if (memory_absolute(cpu, SPACE_CODE, cpu->run->psw_addr, &absolute) < 0 || absolute & 1 ||
        absolute > cpu->m->memory.size - INSN_BYTES_MAX)
        return NULL;
    return cpu->m->memory.base + absolute;
}

static void keep_old_psws(struct vcpu *cpu)
{
    struct masks_off *o = &cpu->masks_off;

    o->old = old_psws(cpu);
    if (o->old)
        memcpy(o->old_psws, o->old, sizeof o->old_psws);
}

/* insn: those bytes if the caller has them, or NULL. With them nothing but this CPU has touched the lowcore
 * since the instruction before, if there was one. A CPU that waits executes nothing, and would wait for
 * ever with its masks off. */
void masks_put_off(struct vcpu *cpu, const uint8_t *insn)
{
    struct masks_off *o = &cpu->masks_off;

    o->masks = cpu->run->psw_mask & PSW_WAIT ? 0 : cpu->run->psw_mask & MASKS;
    if (!o->masks)
        return;
    o->psw = (struct psw){cpu->run->psw_mask, cpu->run->psw_addr};
    if (!insn || !o->went_on) {
        insn = insn ? insn : fetch(cpu);
        keep_old_psws(cpu);
    }
    o->went_on = false;
    o->kind = insn ? insn_masks(insn) : INSN_MASKS_ALONE;
    if (o->kind != INSN_MASKS_ALONE && !look_at(cpu, insn)) {
        o->masks = 0;
        return;
    }
    cpu->run->psw_mask &= ~MASKS;
}

/* ---- behind it ---- */

/* Whether this mask is the one that the CPU was entered with, but for what instructions commonly change. */
static bool is_off(const struct masks_off *o, uint64_t mask)
{
    return ((mask ^ (o->psw.mask & ~MASKS)) & ~(PSW_CC | PSW_PM)) == 0;
}

/* Whether an interruption of which this is the old PSW, in the lowcore, has come since: one in front of the
 * instruction or by it. It has changed, or the CPU is where its new PSW leads: at the handler. */
static bool interrupted_by(const struct masks_off *o, const uint8_t *old, const uint8_t *before,
                           uint64_t addr)
{
    return load_be64(old + 8) - o->psw.addr + INSN_BYTES_MAX <= 2 * INSN_BYTES_MAX &&
           is_off(o, load_be64(old)) &&
           (memcmp(old, before, 16) != 0 || load_be64(old + NEW_PSW_AFTER_OLD + 8) == addr);
}

/* Mends the old PSW of such an interruption. */
static bool mend_old_psw(struct vcpu *cpu, uint64_t addr)
{
    const struct masks_off *o = &cpu->masks_off;
    uint8_t *old = old_psws(cpu);

    for (unsigned i = 0; old && i < sizeof o->old_psws; i += 16)
        if (interrupted_by(o, old + i, o->old_psws + i, addr)) {
            store_be64(old + i, load_be64(old + i) | o->masks);
            return true;
        }
    return false;
}

/* Of the masks that were on, those that are on behind the instruction, which was executed, or that it has
 * itself loaded. */
static uint64_t masks_behind(const struct masks_off *o)
{
    switch (o->kind) {
    case INSN_MASKS_LOADED:
        return 0;
    case INSN_MASKS_SET:
        return o->masks & ~SYSTEM_MASKS;
    case INSN_MASKS_AND:
        return o->masks & (~SYSTEM_MASKS | (uint64_t)o->operands << FIRST_BYTE);
    default:
        return o->masks;
    }
}

/* What it has made of the masks, and stored of them. */
static void mend(struct vcpu *cpu)
{
    const struct masks_off *o = &cpu->masks_off;
    unsigned r1 = o->operands >> 4, r2 = o->operands & 15;

    cpu->run->psw_mask |= masks_behind(o);
    if (o->kind == INSN_MASKS_READ && (r2 == 0 || r1 != r2)) /* else R2 has replaced it */
        cpu->run->s.regs.gprs[r1] |= o->masks >> 32;
    if (o->stores && (o->kind == INSN_MASKS_AND || o->kind == INSN_MASKS_OR))
        cpu->m->memory.base[o->stored_at] |= (uint8_t)((o->masks & SYSTEM_MASKS) >> FIRST_BYTE);
}

/* Whether an instruction that changes or tells the masks has not been executed: it was not entered, or ended
 * in a program interruption that KVM still holds (before Linux 6.6), for which the PSW is to be the old one.
 */
static bool undone(struct vcpu *cpu)
{
    const struct masks_off *o = &cpu->masks_off;

    return cpu->run->psw_addr == o->psw.addr || interruption_pending(cpu);
}

/* A step of an instruction that is alone to the next one in storage, without an interruption: in a range all
 * but few are. */
static bool went_on(const struct vcpu *cpu)
{
    const struct masks_off *o = &cpu->masks_off;

    return o->kind == INSN_MASKS_ALONE && cpu->run->exit_reason == KVM_EXIT_DEBUG && o->old &&
           cpu->run->psw_addr - o->psw.addr - 1 < INSN_BYTES_MAX &&
           memcmp(o->old_psws, o->old, sizeof o->old_psws) == 0;
}

/* Keeps errno, KVM_RUN's. */
void masks_put_back(struct vcpu *cpu)
{
    struct masks_off *o = &cpu->masks_off;
    int failure = errno;
    unsigned passed;

    if (!o->masks)
        return;
    o->went_on = went_on(cpu);
    if (o->went_on) {
        cpu->run->psw_mask |= o->masks;
        o->masks = 0;
        return;
    }
    passed = opcode_passed(cpu); /* a trap at the handler */
    if (mend_old_psw(cpu, passed ? rewound(cpu, passed) : cpu->run->psw_addr))
        ;
    else if (o->kind == INSN_MASKS_ALONE || (is_off(o, cpu->run->psw_mask) && undone(cpu)))
        cpu->run->psw_mask |= o->masks;
    else
        mend(cpu);
    o->masks = 0;
    errno = failure;
}
