/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a CPU's being at breakpoints, and a change of what is watched, lead to: the conditions and commands of
 * each are evaluated on the vcpu's own thread, over the CPU as a debugger would see it at a stop, and whether
 * the CPU stops follows. All that are met at once are counted and evaluated; the first that stops the CPU is
 * the one that is reported. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/agent.h"
#include "zgdbd/bytes.h"
#include "zgdbd/console.h"

/* ---- what an expression sees ---- */

static int read_reg(void *arg, unsigned reg, uint64_t *value)
{
    struct vcpu *cpu = arg;
    uint8_t bytes[REG_MAX_BYTES];

    if (reg >= REG_COUNT || reg_table[reg].bytes > REG_SCALAR_BYTES ||
        registers_read(&cpu->m->base, cpu->id, reg, bytes) < 0)
        return -1;
    *value = reg_table[reg].bytes == 4 ? load_be32(bytes) : load_be64(bytes);
    return 0;
}

/* As at a stop: opcodes and traps are in memory now, but not for the debugger. */
static size_t read_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
    struct vcpu *cpu = arg;
    struct dat_context ctx;
    size_t done = 0;

    memory_context(cpu, &ctx);
    while (done < len) {
        struct dat_result at;
        uint8_t *bytes = (uint8_t *)buf + done;
        size_t part = len - done;

        if (dat_translate(&ctx, SPACE_DEFAULT, addr + done, &at))
            break;
        if (part > at.left)
            part = (size_t)at.left;
        memcpy(bytes, cpu->m->memory.base + at.absolute, part);
        traps_hide(cpu, at.absolute, bytes, part);
        opcodes_hide(cpu->m, at.absolute, bytes, part);
        done += part;
    }
    return done;
}

static void print(void *arg, const char *text, size_t len)
{
    struct vcpu *cpu = arg;

    if (cpu->m->printed)
        console_write(cpu->m->printed, (const uint8_t *)text, len);
}

struct agent_context hit_context(struct vcpu *cpu)
{
    return (struct agent_context){
        .arg = cpu, .read_reg = read_reg, .read_memory = read_memory, .print = print};
}

/* ---- the decision ---- */

/* Adds one that stops the CPU: the first fills *stop, a text of any is told. */
static void add_stop(enum hit *hit, struct stop *stop, const struct stop *add, const char *text)
{
    if (*hit != HIT_STOP)
        *stop = *add;
    *hit = HIT_STOP;
    if (!text[0] || stop->tell)
        return;
    snprintf(stop->text, sizeof stop->text, "%s", text);
    stop->tell = true;
}

static struct stop code_stop(const struct vcpu *cpu, const struct applied *a)
{
    struct stop stop = {.addr = 0};

    stop_at(cpu, &stop, a->bp.kind == BP_SOFTWARE ? STOP_SW_BREAKPOINT : STOP_HW_BREAKPOINT, "breakpoint");
    stop.addr = a->bp.addr;
    if (a->bp.addr != cpu->run->psw_addr)
        snprintf(
            stop.text, sizeof stop.text,
            "hardware breakpoint at 0x%llx, told one instruction late: an interruption or LPSWE led there",
            (unsigned long long)a->bp.addr);
    return stop;
}

/* The breakpoints at the CPU's address pc. That is the PC, and the instruction there is not yet executed; or,
 * told late by PER, one that is: an opcode there was met before. */
enum hit hit_code(struct vcpu *cpu, uint64_t pc, struct stop *stop)
{
    struct agent_context context = hit_context(cpu);
    enum hit hit = HIT_NONE;

    for (struct applied *a = NULL; (a = breakpoint_reached(cpu, pc, a)) != NULL;) {
        char text[sizeof stop->text] = "";

        if (pc != cpu->run->psw_addr && a->how != HOW_HARDWARE)
            continue;
        if (hit == HIT_NONE)
            hit = HIT_PASSED;
        if (agent_breakpoint_stops(&a->bp, &context, text, sizeof text)) {
            struct stop add = code_stop(cpu, a);

            add_stop(&hit, stop, &add, text);
        }
    }
    if (hit != HIT_NONE && pc == cpu->run->psw_addr)
        cpu->at_reported = true;
    return hit;
}

/* gdb shows the first elements of what is long, and perhaps none that has changed. */
static void add_watch_stop(enum hit *hit, struct stop *stop, const struct stop *add,
                           const struct breakpoint *bp, const char *text)
{
    bool first = *hit != HIT_STOP;

    add_stop(hit, stop, add, text);
    if (first && watch_is_long(bp))
        stop->tell = true;
}

static struct stop watch_stop(const struct vcpu *cpu, const struct breakpoint *bp)
{
    struct stop stop = {.addr = 0};

    stop_at(cpu, &stop, STOP_WATCH, "watchpoint");
    stop.addr = bp->addr;
    stop.old_value = watch_value(cpu, bp, false);
    stop.new_value = watch_value(cpu, bp, true);
    watch_describe(cpu, bp, stop.text, sizeof stop.text);
    return stop;
}

/* The watchpoints of which something has changed and was not seen, each once however many of its parts did.
 * After HIT_PASSED KVM has to take its copies again before a CPU goes on. */
enum hit hit_watches(struct vcpu *cpu, struct stop *stop)
{
    struct agent_context context = hit_context(cpu);
    struct kvm_machine *m = cpu->m;
    enum hit hit = HIT_NONE;

    if (!m->nwatch)
        return HIT_NONE;
    pthread_mutex_lock(&m->watch_lock);
    for (struct watch *w = watch_next(cpu, m->watch); w; w = watch_next(cpu, w)) {
        struct stop add = watch_stop(cpu, w->bp);
        char text[sizeof stop->text] = "";

        context.old_value = add.old_value;
        context.new_value = add.new_value;
        if (hit == HIT_NONE)
            hit = HIT_PASSED;
        if (agent_breakpoint_stops(w->bp, &context, text, sizeof text))
            add_watch_stop(&hit, stop, &add, w->bp, text);
        watch_seen(cpu, w->bp);
    }
    pthread_mutex_unlock(&m->watch_lock);
    return hit;
}
