/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each return of KVM_RUN means for the guest: service calls, DIAG, SIGP and exceptions are answered and
 * the guest goes on; waits that cannot end, stops and resets are stops to be reported. Breakpoints and steps
 * are the business of run.c. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* Fills *stop with the CPU's PSW as it is now and "TEXT, PSW ...". */
enum exit_outcome stop_at(const struct vcpu *cpu, struct stop *stop, enum stop_reason reason,
                          const char *text)
{
    size_t len = strlen(text); /* each step comes here, and printf is slow */

    stop->reason = reason;
    stop->cpu = cpu->id;
    stop->psw = (struct psw){cpu->run->psw_mask, cpu->run->psw_addr};
    if (len >= sizeof stop->text)
        len = sizeof stop->text - 1;
    memcpy(stop->text, text, len);
    stop->text[len] = '\0';
    return OUTCOME_STOP;
}

/* The guest takes a program interruption now, by its PSW in kvm_run alone. */
enum exit_outcome exit_program(struct vcpu *cpu, uint16_t code, unsigned ilc, struct stop *stop)
{
    struct kvm_run *run = cpu->run;
    struct psw psw = {run->psw_mask, run->psw_addr};

    if (program_interrupt(&cpu->m->memory, run->s.regs.prefix, &psw, code, ilc, run->s.regs.gbea) < 0) {
        stop->loop = LOOP_PROGRAM;
        return stop_at(cpu, stop, STOP_PROGRAM_LOOP, "program interruption with a prefix outside of memory");
    }
    run->psw_mask = psw.mask;
    run->psw_addr = psw.addr;
    return OUTCOME_GO_ON;
}

/* Where the program new PSW designates the very instruction that causes the exception, it would come again
 * for ever. KVM hands such a loop over, too. */
static enum exit_outcome operation_exception(struct vcpu *cpu, struct stop *stop)
{
    const struct kvm_run *run = cpu->run;
    unsigned length = insn_length((uint8_t)(run->s390_sieic.ipa >> 8));
    struct psw old = {run->psw_mask, run->psw_addr};

    if (exit_program(cpu, PGM_OPERATION, length, stop) == OUTCOME_STOP)
        return OUTCOME_STOP;
    if (run->psw_addr != old.addr - length ||
        (run->psw_mask ^ old.mask) & (PSW_WAIT | PSW_PSTATE | PSW_DAT | PSW_ASC))
        return OUTCOME_GO_ON;
    stop->loop = LOOP_OPERATION;
    return stop_at(cpu, stop, STOP_PROGRAM_LOOP,
                   "operation exception loop: the program new PSW leads to the instruction that causes it");
}

#define CC_BUSY 2

static enum exit_outcome service_call(struct vcpu *cpu, struct stop *stop)
{
    struct kvm_run *run = cpu->run;
    uint32_t ipb = run->s390_sieic.ipb;
    uint32_t command = (uint32_t)run->s.regs.gprs[ipb >> 20 & 15];
    uint64_t sccb = run->s.regs.gprs[ipb >> 16 & 15];
    struct sclp_answer answer;

    if (run->psw_mask & PSW_PSTATE) /* KVM has checked it, hostile state has not been */
        return exit_program(cpu, 2, 4, stop);
    if (signals_service_busy(cpu)) {
        run->psw_mask = psw_with_cc(run->psw_mask, CC_BUSY);
        return OUTCOME_GO_ON;
    }
    answer = sclp_service_call(&cpu->m->sclp, &cpu->m->memory, run->s.regs.prefix, command, sccb);
    if (answer.program)
        return exit_program(cpu, answer.program, 4, stop);
    run->psw_mask = psw_with_cc(run->psw_mask, answer.cc);
    if (answer.signal)
        signals_answer(cpu, answer.parameter);
    return OUTCOME_GO_ON;
}

/* Base and displacement of an RS-format instruction, as in ipb. */
uint64_t exit_rs_operand(const struct kvm_run *run)
{
    uint32_t ipb = run->s390_sieic.ipb;
    unsigned base = ipb >> 28;

    return (base ? run->s.regs.gprs[base] : 0) + (ipb >> 16 & 0xfff);
}

/* A reset is due: the next resume performs it. */
static enum exit_outcome reset_due(struct vcpu *cpu, struct stop *stop, unsigned subcode, const char *text)
{
    cpu->m->reset_pending = true;
    cpu->m->reset_subcode = subcode;
    cpu->m->reset_cpu = cpu->id;
    stop->reloads = subcode > DIAG_LOAD_NORMAL_RESET;
    return stop_at(cpu, stop, STOP_RESET, text);
}

static enum exit_outcome guest_reset(struct vcpu *cpu, struct stop *stop, unsigned subcode)
{
    char text[sizeof stop->text];

    snprintf(text, sizeof text,
             "the guest asked for a reset (DIAG 308 subcode %u); continuing performs it, unless the PSW is "
             "changed first",
             subcode);
    return reset_due(cpu, stop, subcode, text);
}

/* The first CPU that finds the time to be over tells. */
enum exit_outcome exit_watchdog(struct vcpu *cpu, struct stop *stop)
{
    enum exit_outcome outcome = OUTCOME_GO_ON;

    if (!gate_exclusive(cpu))
        return OUTCOME_GO_ON;
    if (watchdog_over(cpu)) {
        cpu->m->watchdog.on = false;
        watchdog_changed(cpu->m);
        outcome =
            reset_due(cpu, stop, DIAG_LOAD_CLEAR,
                      "the watchdog's time is over (DIAG 288): the guest did not renew it; continuing resets "
                      "the guest (load clear), unless the PSW is changed first");
    }
    gate_shared(cpu);
    return outcome;
}

static enum exit_outcome diagnose(struct vcpu *cpu, struct stop *stop)
{
    struct kvm_run *run = cpu->run;
    uint16_t ipa = run->s390_sieic.ipa;
    struct diag_guest guest = {&cpu->m->memory, &cpu->m->ipl_block, &cpu->m->watchdog};
    uint64_t gprs[16];
    struct diag_answer answer;

    memcpy(gprs, run->s.regs.gprs, sizeof gprs);
    answer = diag_call(&guest, (uint16_t)exit_rs_operand(run), ipa >> 4 & 15, ipa & 15, gprs, run->psw_mask);
    memcpy(run->s.regs.gprs, gprs, sizeof gprs);
    switch (answer.action) {
    case DIAG_PROGRAM:
        return exit_program(cpu, answer.code, 4, stop);
    case DIAG_RESET:
        return guest_reset(cpu, stop, answer.subcode);
    case DIAG_WATCHDOG:
        watchdog_changed(cpu->m);
        break;
    case DIAG_DONE:
        break;
    }
    return OUTCOME_GO_ON;
}

/* Of a facility that this machine does not have. */
static enum exit_outcome other_instruction(struct vcpu *cpu, struct stop *stop)
{
    struct kvm_run *run = cpu->run;
    struct instruction_answer answer =
        instruction_answer(run->s390_sieic.ipa, run->s390_sieic.ipb, run->psw_mask);

    if (answer.program == PGM_OPERATION)
        return operation_exception(cpu, stop);
    if (answer.program)
        return exit_program(cpu, answer.program, insn_length((uint8_t)(run->s390_sieic.ipa >> 8)), stop);
    run->psw_mask = psw_with_cc(run->psw_mask, answer.cc);
    return OUTCOME_GO_ON;
}

static enum exit_outcome instruction(struct vcpu *cpu, struct stop *stop)
{
    enum exit_outcome outcome = OUTCOME_GO_ON;

    switch (exit_instruction_kind(cpu->run->s390_sieic.ipa)) {
    case EXIT_SERVICE_CALL: /* from "is it busy" to its signal */
        pthread_mutex_lock(&cpu->m->service_lock);
        outcome = service_call(cpu, stop);
        pthread_mutex_unlock(&cpu->m->service_lock);
        return outcome;
    case EXIT_DIAG: /* resets and the watchdog are the machine's */
        if (gate_exclusive(cpu)) {
            outcome = diagnose(cpu, stop);
            gate_shared(cpu);
        }
        return outcome;
    case EXIT_SIGP:
        return sigp_exit(cpu, stop);
    default:
        return other_instruction(cpu, stop);
    }
}

/* An address that ends in ...fff is how operating systems say that they ended in order (Linux
 * disabled_wait(), QEMU). */
static enum exit_outcome disabled_wait(struct vcpu *cpu, struct stop *stop)
{
    bool orderly = (cpu->run->psw_addr & 0xfff) == 0xfff;

    if (cpu->stopping !=
        STOPPING_NOT) { /* KVM has not come to it, and the CPU does not enter the guest again */
        sigp_stopped(cpu);
        return exit_cpu_stopped(cpu, stop);
    }

    return stop_at(cpu, stop, orderly ? STOP_SHUTDOWN : STOP_DISABLED_WAIT,
                   orderly ? "the guest shut down (disabled wait at ...fff)"
                           : "disabled wait: the guest cannot run on (a Linux panic ends like this)");
}

/* It has entered the stopped state: by an order to itself, or of another CPU. */
enum exit_outcome exit_cpu_stopped(struct vcpu *cpu, struct stop *stop)
{
    return stop_at(cpu, stop, STOP_SHUTDOWN, "the last CPU stopped itself (SIGP stop): the guest is off");
}

static enum exit_outcome program_loop(struct vcpu *cpu, struct stop *stop)
{
    bool external = cpu->run->s390_sieic.icptcode == ICPT_EXTERNAL_LOOP;

    stop->loop = external ? LOOP_EXTERNAL : LOOP_PROGRAM;
    return stop_at(cpu, stop, STOP_PROGRAM_LOOP,
                   external
                       ? "external interruption loop: the external new PSW is enabled for what interrupts"
                       : "program interruption loop: the program new PSW does not lead to executable code");
}

static enum exit_outcome unknown_exit(struct vcpu *cpu, struct stop *stop)
{
    const struct kvm_run *run = cpu->run;
    char text[sizeof stop->text];

    if (run->exit_reason == KVM_EXIT_S390_SIEIC)
        snprintf(text, sizeof text, "interception code 0x%02x (ipa %04x, ipb %08x) has no answer in zgdbd",
                 run->s390_sieic.icptcode, run->s390_sieic.ipa, run->s390_sieic.ipb);
    else
        snprintf(text, sizeof text, "KVM exit reason %u has no answer in zgdbd", run->exit_reason);
    return stop_at(cpu, stop, STOP_ERROR, text);
}

/* KVM_EXIT_S390_RESET: the kernel has seen DIAG 308 subcode 3 or 4 and tells it by flags. One of them tells
 * the two apart; subsystem reset, initial CPU reset and IPL are asked for with both (Linux
 * arch/s390/kvm/diag.c, __diag_ipl_functions()). */
uint16_t exit_reset_subcode(const struct kvm_run *run)
{
    return run->s390_reset_flags & KVM_S390_RESET_CLEAR ? DIAG_LOAD_CLEAR : DIAG_LOAD_NORMAL_DUMP;
}

/* Everything but KVM_EXIT_DEBUG. An operation exception of opcode 0x0000 that is no breakpoint comes here
 * too. */
enum exit_outcome exit_carry_out(struct vcpu *cpu, struct stop *stop)
{
    const struct kvm_run *run = cpu->run;

    if (run->exit_reason == KVM_EXIT_S390_RESET)
        return guest_reset(cpu, stop, exit_reset_subcode(run));
    if (run->exit_reason != KVM_EXIT_S390_SIEIC)
        return unknown_exit(cpu, stop);
    switch (run->s390_sieic.icptcode) {
    case ICPT_INSTRUCTION:
        return instruction(cpu, stop);
    case ICPT_OPERATION:
        return operation_exception(cpu, stop);
    case ICPT_WAIT:
        return disabled_wait(cpu, stop);
    case ICPT_STOP:
        sigp_stopped(cpu);
        return exit_cpu_stopped(cpu, stop);
    case ICPT_PROGRAM_LOOP:
    case ICPT_EXTERNAL_LOOP:
        return program_loop(cpu, stop);
    default:
        return unknown_exit(cpu, stop);
    }
}

enum exit_outcome exit_handle(struct vcpu *cpu, struct stop *stop)
{
    return catch_exit(cpu, stop) == HIT_STOP ? OUTCOME_STOP : exit_carry_out(cpu, stop);
}
