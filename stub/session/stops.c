/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each CPU has told and what the debugger has heard of it: one view for each CPU, and the queue of the
 * stops that are still to be told. In all-stop these are the ones that came together with the one that was
 * told; in non-stop all go through it. */
#include <stdio.h>
#include <string.h>

#include "target.h"
#include "zgdbd/report.h"
#include "zgdbd/bytes.h"

void stops_clear(struct target *t)
{
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        t->cpus[cpu] = (struct cpu_view){.side = SIDE_HELD};
    t->queued = 0;
    t->in_flight = t->told_alone = t->news_wait = false;
    t->break_in = false;
    t->stalled = false;
}

static uint64_t register_of(const struct target *t, unsigned cpu, unsigned reg)
{
    uint8_t bytes[REG_MAX_BYTES] = {0};
    machine_read_reg(t->machine, cpu, reg, bytes);
    return load_be64(bytes);
}

struct psw cpu_psw(const struct target *t, unsigned cpu)
{
    return (struct psw){register_of(t, cpu, REG_PSWM), register_of(t, cpu, REG_PSWA)};
}

void stops_put(struct target *t, const struct stop *stop, bool quiet)
{
    struct cpu_view *v = &t->cpus[stop->cpu];
    if (v->side != SIDE_UNTOLD)
        t->queue[t->queued++] = stop->cpu;
    *v = (struct cpu_view){.side = SIDE_UNTOLD,
                           .has_stop = true,
                           .quiet = quiet,
                           .pc = cpu_psw(t, stop->cpu).addr,
                           .stop = *stop};
}

void stops_put_made(struct target *t, unsigned cpu, enum stop_reason reason, const char *text, bool quiet)
{
    struct stop stop = {.reason = reason, .cpu = cpu, .psw = cpu_psw(t, cpu)};
    snprintf(stop.text, sizeof stop.text, "%s", text);
    stops_put(t, &stop, quiet);
}

void stops_remove(struct target *t, unsigned cpu)
{
    unsigned at = 0;
    while (at < t->queued && t->queue[at] != cpu)
        at++;
    if (at == t->queued)
        return;
    memmove(t->queue + at, t->queue + at + 1, (t->queued - at - 1) * sizeof *t->queue);
    t->queued--;
    t->cpus[cpu].side = SIDE_HELD;
}

void stops_hold(struct target *t)
{
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        if (t->cpus[cpu].side == SIDE_RUNS)
            t->cpus[cpu].side = SIDE_HELD;
}

void stops_run(struct target *t, unsigned cpu, struct cpu_action action)
{
    t->cpus[cpu] = (struct cpu_view){.side = SIDE_RUNS, .action = action};
}

/* ---- stops that wait for the next resume (all-stop) ---- */

/* A step that is done shows in the PC, an interrupt was not for this CPU alone, and a CPU that cannot run is
 * told anew if it still cannot. */
bool stops_worth_keeping(const struct stop *stop)
{
    return stop->tell ||
           (stop->reason != STOP_STEP && stop->reason != STOP_INTERRUPT && stop->reason != STOP_HALTED);
}

/* An interrupt is no CPU's own. It is told of the one at which the user is likely to look: that steps, else
 * that was told last; and of another only if that one was held. */
void stops_place_interrupt(const struct target *t, struct stop *stop)
{
    const struct cpu_action *action = t->plan.action;
    unsigned cpu = 0;
    while (cpu < t->machine->ncpus && action[cpu].verb < CPU_STEP)
        cpu++;
    if (cpu == t->machine->ncpus)
        cpu = t->has_stop ? t->stop.cpu : 0;
    if (action[cpu].verb == CPU_HOLD || cpu == stop->cpu)
        return;
    stop->cpu = cpu;
    stop->psw = cpu_psw(t, cpu);
}

bool stops_all_continue(const struct target *t)
{
    unsigned cpu = 0;
    while (cpu < t->machine->ncpus && t->plan.action[cpu].verb == CPU_CONTINUE)
        cpu++;
    return cpu == t->machine->ncpus;
}

void stops_all_stop(struct target *t)
{
    stops_hold(t);
    if (t->in_flight)
        stops_remove(t, t->queue[0]);
    t->in_flight = t->told_alone = false;
    for (unsigned at = t->queued; at-- > 0;) {
        unsigned cpu = t->queue[at];
        if (t->cpus[cpu].quiet || !stops_worth_keeping(&t->cpus[cpu].stop))
            stops_remove(t, cpu);
    }
}

static bool point_is_there(const struct target *t, const struct stop *stop)
{
    switch (stop->reason) {
    case STOP_SW_BREAKPOINT:
        return registry_has(t, BP_SOFTWARE, stop->addr);
    case STOP_HW_BREAKPOINT:
        return registry_has(t, BP_HARDWARE, stop->addr);
    case STOP_WATCH:
        return registry_has(t, BP_WRITE, stop->addr);
    case STOP_CATCH:
        return catch_is_there(t, stop->catchpoint);
    default:
        return true;
    }
}

/* The debugger has moved the CPU, or taken out the breakpoint, since. A reset is on its way in any case. */
static bool moot(const struct target *t, unsigned cpu)
{
    const struct cpu_view *v = &t->cpus[cpu];
    if (v->stop.reason == STOP_RESET)
        return false;
    return v->pc != cpu_psw(t, cpu).addr || !point_is_there(t, &v->stop);
}

/* An end is the whole machine's, whoever is to move. */
bool stops_next(struct target *t, const struct cpu_action *action, struct stop *out)
{
    for (unsigned at = 0; at < t->queued;) {
        unsigned cpu = t->queue[at];
        const struct stop *stop = &t->cpus[cpu].stop;
        if (action[cpu].verb == CPU_HOLD && !stop_is_end(stop->reason)) {
            at++;
            continue;
        }
        bool is_moot = moot(t, cpu);
        *out = *stop;
        stops_remove(t, cpu);
        if (!is_moot)
            return true;
    }
    return false;
}

bool stops_untold_end(struct target *t, struct stop *out)
{
    for (unsigned at = t->in_flight; at < t->queued; at++) {
        *out = t->cpus[t->queue[at]].stop;
        if (stop_is_end(out->reason) && !t->cpus[t->queue[at]].quiet)
            return true;
    }
    return false;
}

/* Where a dump's machine stood. Nothing in the CPUs tells which of them died if none waits for ever (kdump
 * has taken over, say), but Linux may. */
void stops_take_first(struct target *t)
{
    struct stop stop;
    if (!machine_next_stop(t->machine, &stop))
        return;
    if (stop.reason == STOP_DUMP)
        stop.cpu = report_cpu_of_end(t->machine, t->linux_guest, stop.cpu);
    stop.psw = cpu_psw(t, stop.cpu);
    target_take(t, &stop);
}
