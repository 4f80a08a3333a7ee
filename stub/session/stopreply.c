/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a stop looks like to the debugger: signal, reason, thread, the registers that gdb reads first anyway,
 * and the line of text for its console. */
#include <stdio.h>

#include "internal.h"

static const uint8_t signals[] = {
    [STOP_STEP] = 0x05,     [STOP_SW_BREAKPOINT] = 0x05, [STOP_HW_BREAKPOINT] = 0x05,
    [STOP_WATCH] = 0x05,    [STOP_INTERRUPT] = 0x02,     [STOP_DISABLED_WAIT] = 0x06,
    [STOP_SHUTDOWN] = 0x0f, [STOP_PROGRAM_LOOP] = 0x0b,  [STOP_RESET] = 0x01,
    [STOP_ERROR] = 0x04,    [STOP_CATCH] = 0x05,         [STOP_HALTED] = 0x00,
    [STOP_WORD] = 0x05,     [STOP_PANIC] = 0x06,         [STOP_DUMP] = 0x05,
};

/* gdb takes SIGTRAP at a breakpoint of its own for that one, and goes on if the condition is false. */
static bool hides_from_gdb(const struct target *t, const struct cpu_view *v)
{
    uint64_t pc = v->stop.psw.addr;
    return v->has_stop && !v->quiet && v->stop.reason == STOP_CATCH &&
           (registry_has(t, BP_SOFTWARE, pc) || registry_has(t, BP_HARDWARE, pc));
}

/* A guest that never ran stands at CPU 0 as after a step. */
static uint8_t stop_signal(const struct target *t, unsigned cpu)
{
    const struct cpu_view *v = &t->cpus[cpu];
    if (hides_from_gdb(t, v))
        return signals[STOP_INTERRUPT];
    if (v->quiet)
        return 0;
    if (v->has_stop)
        return signals[v->stop.reason];
    return !t->has_stop && cpu == 0 ? signals[STOP_STEP] : 0;
}

bool stop_is_end(enum stop_reason reason)
{
    return reason == STOP_DISABLED_WAIT || reason == STOP_SHUTDOWN || reason == STOP_PROGRAM_LOOP ||
           reason == STOP_RESET || reason == STOP_ERROR;
}

bool stop_is_crash(enum stop_reason reason)
{
    return reason == STOP_DISABLED_WAIT || reason == STOP_PROGRAM_LOOP || reason == STOP_ERROR ||
           reason == STOP_PANIC;
}

/* Those of which the user learns by a line of text. */
bool stop_speaks(const struct stop *stop)
{
    return stop->tell || stop->reason == STOP_HALTED || stop->reason == STOP_PANIC ||
           stop_is_end(stop->reason);
}

/* gdb forgets a Ctrl-C once any stop has come. Another stop than one that the user sees for certain is left
 * by gdb itself, which steps on or finds its condition false: then the interrupt is for the next resume. */
bool stop_leaves_interrupt(enum stop_reason reason)
{
    return reason != STOP_INTERRUPT && reason != STOP_HALTED && !stop_is_end(reason);
}

bool stop_takes_interrupt(struct stop *stop)
{
    if (stop->reason == STOP_STEP) {
        stop->reason = STOP_INTERRUPT;
        snprintf(stop->text, sizeof stop->text, "interrupted");
    }
    return stop_leaves_interrupt(stop->reason);
}

/* Reasons are sent only to the extent the debugger announced that it knows them. */
static void append_reason(struct session *s, const struct stop *stop)
{
    struct rsp_out *o = &s->out;
    if (stop->reason == STOP_SW_BREAKPOINT && (s->features & RSP_FEATURE_SWBREAK))
        rsp_str(o, "swbreak:;");
    else if (stop->reason == STOP_HW_BREAKPOINT && (s->features & RSP_FEATURE_HWBREAK))
        rsp_str(o, "hwbreak:;");
    else if (stop->reason == STOP_WATCH) {
        rsp_str(o, "watch:");
        rsp_hex_u64(o, stop->addr);
        rsp_str(o, ";");
    }
}

static void append_registers(struct session *s, unsigned cpu)
{
    const struct target *t = s->target;

    /* All that unwinding, arguments and gdb's `record` need: without it each of their stops costs a `g`. */
    for (unsigned reg = REG_PSWM; reg <= REG_R0 + 15; reg++) {
        uint8_t bytes[REG_MAX_BYTES];
        if (machine_read_reg(t->machine, cpu, reg, bytes))
            continue;
        rsp_hex_u8(&s->out, (uint8_t)reg);
        rsp_str(&s->out, ":");
        rsp_hex(&s->out, bytes, reg_table[reg].bytes);
        rsp_str(&s->out, ";");
    }
    rsp_str(&s->out, "thread:");
    session_thread(s, cpu);
    rsp_str(&s->out, ";");
}

static void append_stop(struct session *s, unsigned cpu)
{
    const struct cpu_view *v = &s->target->cpus[cpu];

    rsp_str(&s->out, "T");
    rsp_hex_u8(&s->out, stop_signal(s->target, cpu));
    append_registers(s, cpu);
    if (v->has_stop && !v->quiet)
        append_reason(s, &v->stop);
}

void stop_reply_of(struct session *s, unsigned cpu)
{
    rsp_begin(&s->out, RSP_PLAIN);
    append_stop(s, cpu);
    rsp_end(&s->out);
}

void stop_reply_libraries(struct session *s, unsigned cpu)
{
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "T05");
    append_registers(s, cpu);
    rsp_str(&s->out, "library:;");
    rsp_end(&s->out);
}

/* gdb takes the CPU of a stop reply for selected. */
void stop_reply(struct session *s)
{
    session_select(s, s->target->has_stop ? s->target->stop.cpu : 0);
    stop_reply_of(s, s->cpu);
}

void stop_notify(struct session *s, unsigned cpu)
{
    rsp_begin(&s->out, RSP_NOTIFICATION);
    rsp_str(&s->out, "Stop:");
    append_stop(s, cpu);
    rsp_end(&s->out);
}

void stop_line(const struct stop *stop, char *buf, size_t size)
{
    char psw[192];
    snprintf(buf, size, "zgdbd: CPU %u: %s; PSW %s\n", stop->cpu, stop->text,
             psw_describe(stop->psw, psw, sizeof psw));
}
