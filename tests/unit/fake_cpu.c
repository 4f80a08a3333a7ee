/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small s390x CPU for the fake kernel: it executes guest memory far enough for breakpoints, steps and
 * interruptions to happen by themselves, and reports PER events where KVM before Linux 6.6 was seen to report
 * them (an operation exception before it is taken, an interruption one instruction late). */
#include <errno.h>
#include <string.h>

#include "fake_kvm.h"
#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"
#include "zgdbd/psw.h"

#define INSTRUCTIONS_MAX 100000
#define RESTART 0x120
#define EXTERNAL 0x130
#define SVC 0x140
#define PROGRAM 0x150
#define CR0_SERVICE_SIGNAL 0x200

/* How an instruction ends. */
enum done {
    DONE_NEXT,      /* the PSW says where it goes on */
    DONE_SWITCHED,  /* a new PSW was loaded */
    DONE_INTERCEPT, /* kvm_run is filled */
    DONE_PENDING,   /* a program interruption is left to KVM */
    DONE_TAKEN,     /* one was taken */
};

static uint8_t watched[KERNEL_HW_MAX][100];
static uint64_t told_at = 1; /* a hardware breakpoint was reported here before its instruction */

void kernel_watch_copy(void)
{
    for (unsigned i = 0; i < kernel.nhw; i++)
        if (kernel.hw[i].type == KVM_HW_WP_WRITE)
            memcpy(watched[i], kernel.memory + kernel.hw[i].phys_addr, kernel.hw[i].len);
}

static uint8_t *at(const struct kvm_run *run, uint64_t addr)
{
    struct dat_context ctx = {.memory = kernel.memory,
                              .size = kernel.size,
                              .psw_mask = run->psw_mask,
                              .prefix = run->s.regs.prefix,
                              .edat2 = kernel.edat2};
    struct dat_result result;

    memcpy(ctx.cr, run->s.regs.crs, sizeof ctx.cr);
    return dat_translate(&ctx, SPACE_PSW, addr, &result) ? NULL : kernel.memory + result.absolute;
}

void kernel_interruption(struct kvm_run *run, unsigned old_psw)
{
    uint8_t *lowcore = kernel.memory + run->s.regs.prefix;

    store_be64(lowcore + old_psw, run->psw_mask);
    store_be64(lowcore + old_psw + 8, run->psw_addr);
    run->psw_mask = load_be64(lowcore + old_psw + 0x80);
    run->psw_addr = load_be64(lowcore + old_psw + 0x88);
}

static enum done program(struct kvm_run *run, uint16_t code, unsigned length, bool pending)
{
    kernel.program_code = code;
    kernel.program_length = length;
    kernel.program_pending = true;
    (void)run;
    return pending ? DONE_PENDING : DONE_TAKEN;
}

static uint64_t operand(const struct kvm_run *run, const uint8_t *insn)
{
    unsigned base = insn[2] >> 4;

    return (base ? run->s.regs.gprs[base] : 0) + (load_be16(insn + 2) & 0xfff);
}

static enum done load_psw(struct kvm_run *run, const uint8_t *from)
{
    if (!from)
        return program(run, PGM_ADDRESSING, 4, false);
    run->psw_mask = load_be64(from);
    run->psw_addr = load_be64(from + 8);
    return DONE_SWITCHED;
}

static enum done intercept(struct kvm_run *run, uint8_t icptcode, const uint8_t *insn)
{
    kernel_intercept(run, icptcode, load_be16(insn), icptcode == 0x2c ? 0 : load_be32(insn + 2) & 0xffff0000);
    return DONE_INTERCEPT;
}

/* SSM, STNSM, STOSM: the PSW's first byte and the one at the operand. */
static enum done system_mask(struct kvm_run *run, const uint8_t *insn)
{
    uint8_t *data = at(run, operand(run, insn)), now = (uint8_t)(run->psw_mask >> 56);
    uint8_t mask = now;

    if (!data)
        return program(run, PGM_ADDRESSING, 4, false);
    if (insn[0] == 0x80)
        mask = *data;
    else
        *data = now;
    if (insn[0] == 0xac)
        mask &= insn[1];
    if (insn[0] == 0xad)
        mask |= insn[1];
    run->psw_mask = (run->psw_mask & ~(0xffULL << 56)) | (uint64_t)mask << 56;
    return DONE_NEXT;
}

static enum done extract_psw(struct kvm_run *run, const uint8_t *insn)
{
    uint64_t *r1 = (uint64_t *)&run->s.regs.gprs[insn[3] >> 4],
             *r2 = (uint64_t *)&run->s.regs.gprs[insn[3] & 15];

    *r1 = (*r1 & ~0xffffffffULL) | run->psw_mask >> 32;
    if (insn[3] & 15)
        *r2 = (*r2 & ~0xffffffffULL) | (run->psw_mask & 0xffffffff);
    return DONE_NEXT;
}

static enum done execute(struct kvm_run *run, const uint8_t *insn, uint64_t pc);

/* EX; an index register is not known here. */
static enum done execute_other(struct kvm_run *run, const uint8_t *insn, uint64_t pc)
{
    const uint8_t *target = at(run, operand(run, insn));
    uint8_t other[6];

    if (!target)
        return program(run, PGM_ADDRESSING, 4, false);
    memcpy(other, target, sizeof other);
    if (insn[1] >> 4)
        other[1] |= (uint8_t)run->s.regs.gprs[insn[1] >> 4];
    return execute(run, other, pc);
}

static enum done execute_b2(struct kvm_run *run, const uint8_t *insn)
{
    if (insn[1] == 0xb2)
        return load_psw(run, at(run, operand(run, insn)));
    return insn[1] == 0x20 ? intercept(run, 0x04, insn) : program(run, PGM_OPERATION, 4, true);
}

static enum done execute_a7(struct kvm_run *run, const uint8_t *insn, uint64_t pc)
{
    unsigned r1 = insn[1] >> 4;

    if ((insn[1] & 15) == 0x4 && r1 == 15) {
        run->psw_addr = pc + (uint64_t)(int64_t)(int16_t)load_be16(insn + 2) * 2;
    } else if ((insn[1] & 15) == 0xb) {
        run->s.regs.gprs[r1] += (uint64_t)(int64_t)(int16_t)load_be16(insn + 2);
        run->psw_mask = psw_with_cc(run->psw_mask, 2);
    } else {
        return program(run, PGM_OPERATION, 4, true);
    }
    return DONE_NEXT;
}

/* The PSW is already after the instruction at pc. */
static enum done execute(struct kvm_run *run, const uint8_t *insn, uint64_t pc)
{
    uint8_t *data;

    switch (insn[0]) {
    case 0x00:
        if (insn[1] == 0 && kernel.instr0)
            return intercept(run, 0x2c, insn);
        return program(run, PGM_OPERATION, 2, true);
    case 0x07:
        return DONE_NEXT;
    case 0x0a:
        store_be32(kernel.memory + run->s.regs.prefix + 0x88, 0x00020000u | insn[1]);
        kernel_interruption(run, SVC);
        return DONE_SWITCHED;
    case 0x58:
        data = at(run, operand(run, insn));
        if (!data)
            return program(run, PGM_ADDRESSING, 4, false);
        run->s.regs.gprs[insn[1] >> 4] = load_be32(data);
        return DONE_NEXT;
    case 0x92:
        data = at(run, operand(run, insn));
        if (!data)
            return program(run, PGM_ADDRESSING, 4, false);
        *data = insn[1];
        return DONE_NEXT;
    case 0x44:
        return execute_other(run, insn, pc);
    case 0x80:
    case 0xac:
    case 0xad:
        return system_mask(run, insn);
    case 0xb9:
        return insn[1] == 0x8d ? extract_psw(run, insn) : program(run, PGM_OPERATION, 4, true);
    case 0x83:
    case 0xae:
        return intercept(run, 0x04, insn);
    case 0xa7:
        return execute_a7(run, insn, pc);
    case 0xb2:
        return execute_b2(run, insn);
    default:
        return program(run, PGM_OPERATION, insn_length(insn[0]), true);
    }
}

/* ---- PER ---- */

static bool breakpoint_here(uint64_t addr)
{
    for (unsigned i = 0; i < kernel.nhw; i++)
        if (kernel.hw[i].type == KVM_HW_BP && kernel.hw[i].addr == addr)
            return true;
    return false;
}

static const struct kvm_hw_breakpoint *watch_hit(void)
{
    for (unsigned i = 0; i < kernel.nhw; i++)
        if (kernel.hw[i].type == KVM_HW_WP_WRITE &&
            memcmp(watched[i], kernel.memory + kernel.hw[i].phys_addr, kernel.hw[i].len) != 0)
            return &kernel.hw[i];
    return NULL;
}

/* The event of the instruction at pc; fills kvm_run. */
static bool per_event(struct kvm_run *run, uint64_t pc, bool before, enum done done)
{
    const struct kvm_hw_breakpoint *watch = watch_hit();

    if (watch)
        return kernel_debug(run, KVM_HW_WP_WRITE, watch->addr) == 0;
    if (done == DONE_NEXT && breakpoint_here(run->psw_addr)) {
        told_at = run->psw_addr;
        return kernel_debug(run, KVM_HW_BP, run->psw_addr) == 0;
    }
    if (!before && breakpoint_here(pc))
        return kernel_debug(run, KVM_HW_BP, pc) == 0;
    if (kernel.debug_control & KVM_GUESTDBG_SINGLESTEP)
        return kernel_debug(run, KVM_SINGLESTEP, run->psw_addr) == 0;
    return false;
}

/* ---- the loop ---- */

/* Linux arch/s390/kvm/intercept.c, should_handle_per_event(): since 6.6 the event of a step is not taken out
 * of a program interruption. */
static void leave_per_event(uint8_t *lowcore, uint64_t pc)
{
    lowcore[0x8f] |= 0x80;
    store_be16(lowcore + 0x96, 0x4000);
    store_be64(lowcore + 0x98, pc);
    lowcore[0xa1] = 0x0c;
}

static void take_interruptions(struct kvm_run *run)
{
    uint8_t *lowcore = kernel.memory + run->s.regs.prefix;

    if (kernel.program_pending) {
        kernel.program_pending = false;
        store_be16(lowcore + 0x8c, (uint16_t)kernel.program_length);
        store_be16(lowcore + 0x8e, kernel.program_code);
        if (kernel.exact_steps && kernel.debug_control & KVM_GUESTDBG_SINGLESTEP)
            leave_per_event(lowcore, run->psw_addr - kernel.program_length);
        kernel_interruption(run, PROGRAM);
    } else if (kernel.external_pending && run->psw_mask & PSW_EXT) {
        kernel.external_pending = false;
        kernel_interruption(run, EXTERNAL);
    } else if (kernel.service && run->psw_mask & PSW_EXT && run->s.regs.crs[0] & CR0_SERVICE_SIGNAL) {
        store_be32(lowcore + 0x80, kernel.service);
        store_be32(lowcore + 0x84, 0x2401);
        kernel.service = 0;
        kernel_interruption(run, EXTERNAL);
    } else if (kernel.restart_pending) {
        kernel.restart_pending = false;
        kernel_interruption(run, RESTART);
    }
}

/* One instruction: 1 if it left the guest, else 0. */
static int one_instruction(struct kvm_run *run)
{
    uint64_t pc = run->psw_addr;
    bool before = told_at == pc;
    uint8_t insn[6];
    const uint8_t *code = at(run, pc);
    enum done done;

    told_at = 1;
    if (!code) {
        program(run, PGM_ADDRESSING, 2, true);
        return 0;
    }
    memcpy(insn, code, sizeof insn);
    run->psw_addr = psw_wrap(run->psw_mask, pc + insn_length(insn[0]));
    done = execute(run, insn, pc);
    if (done == DONE_INTERCEPT) {
        if (kernel.debug_control & KVM_GUESTDBG_SINGLESTEP)
            kernel.debug_pending = KVM_SINGLESTEP;
        else if (breakpoint_here(run->psw_addr))
            kernel.debug_pending = KVM_HW_BP;
        return 1;
    }
    if (done == DONE_TAKEN)
        take_interruptions(run);
    if (kernel.exact_steps && done == DONE_PENDING)
        take_interruptions(run);
    if (done == DONE_TAKEN && !(kernel.exact_steps && kernel.debug_control & KVM_GUESTDBG_SINGLESTEP))
        return 0;
    return per_event(run, pc, before, done);
}

int kernel_cpu(struct kvm_run *run)
{
    for (unsigned n = 0; n < INSTRUCTIONS_MAX; n++) {
        if (kernel_kicked())
            return -EINTR;
        take_interruptions(run);
        if (psw_disabled_wait(run->psw_mask))
            return kernel_intercept(run, 0x1c, 0, 0);
        if (psw_enabled_wait(run->psw_mask))
            return kernel_block(run);
        if (one_instruction(run))
            return 0;
    }
    kernel_check(false, "the guest leaves its loop", __LINE__);
    return kernel_intercept(run, 0x1c, 0, 0);
}
