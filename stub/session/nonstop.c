/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Non-stop: each CPU stops and runs for the debugger by itself. The engine knows only all of them at once, so
 * a request that needs the machine still, or another plan, halts it for a moment, and when nothing is asked
 * any more the CPUs that run for the debugger are resumed with what is not done of their actions. */
#include "target.h"

enum target_state nonstop_begin_stopped(struct target *t, struct err *e)
{
    (void)e;
    t->non_stop = true;
    return NONSTOP_STOPPED;
}

enum target_state nonstop_pause(struct target *t, struct err *e)
{
    (void)e;
    machine_interrupt(t->machine);
    return NONSTOP_HALTING;
}

/* An interrupt may be on its way, and stops that were kept for a resume are to be told now. */
enum target_state nonstop_begin_running(struct target *t, struct err *e)
{
    t->non_stop = true;
    t->break_in = t->interrupted;
    return t->queued ? nonstop_pause(t, e) : NONSTOP_RUNNING;
}

enum target_state nonstop_end(struct target *t, struct err *e)
{
    (void)e;
    stops_all_stop(t);
    t->non_stop = false;
    return ATTACHED_STOPPED;
}

/* CPUs that run, or whose stop was not acknowledged yet, are left alone. */
enum target_state nonstop_resume(struct target *t, struct err *e)
{
    (void)e;
    t->interrupted = false;
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        if (t->plan.action[cpu].verb != CPU_HOLD && t->cpus[cpu].side == SIDE_HELD)
            stops_run(t, cpu, t->plan.action[cpu]);
    return NONSTOP_STOPPED;
}

/* ---- stops ---- */

static void halt_all(struct target *t, const char *text)
{
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        if (t->cpus[cpu].side == SIDE_RUNS)
            stops_put_made(t, cpu, STOP_INTERRUPT, text, true);
}

void target_halt_cpu(struct target *t, unsigned cpu)
{
    if (t->cpus[cpu].side == SIDE_RUNS)
        stops_put_made(t, cpu, STOP_INTERRUPT, "stopped by the debugger", true);
}

/* An interrupt stops one CPU, the first that runs; gdb stops the others if it wants to. */
static void break_in(struct target *t)
{
    unsigned cpu = 0;
    while (cpu < t->machine->ncpus && t->cpus[cpu].side != SIDE_RUNS)
        cpu++;
    if (t->break_in && cpu < t->machine->ncpus)
        stops_put_made(t, cpu, STOP_INTERRUPT, "interrupted", false);
    t->break_in = false;
}

enum target_state nonstop_interrupt_halting(struct target *t, struct err *e)
{
    (void)e;
    t->interrupted = true;
    t->break_in = true;
    return NONSTOP_HALTING;
}

enum target_state nonstop_interrupt(struct target *t, struct err *e)
{
    machine_interrupt(t->machine);
    return nonstop_interrupt_halting(t, e);
}

enum target_state nonstop_interrupt_stopped(struct target *t, struct err *e)
{
    nonstop_interrupt_halting(t, e);
    break_in(t);
    return NONSTOP_STOPPED;
}

/* A restart starts every CPU: not if the debugger holds one, or steps it. */
static bool all_continue(const struct target *t)
{
    unsigned cpu = 0;
    while (cpu < t->machine->ncpus && t->cpus[cpu].side == SIDE_RUNS &&
           t->cpus[cpu].action.verb == CPU_CONTINUE)
        cpu++;
    return cpu == t->machine->ncpus;
}

static bool restart(struct target *t, struct err *e)
{
    if (t->stop.reason != STOP_RESET && target_load(t, RESET_LOAD_CLEAR, NULL, e)) {
        log_msg(LOG_ERROR, "the guest cannot be restarted: %s", e->text);
        return false;
    }
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        stops_run(t, cpu, (struct cpu_action){.verb = CPU_CONTINUE});
    return true;
}

/* The guest's end is everybody's: who runs stops with it. */
static enum target_state act_end(struct target *t, struct err *e)
{
    enum guest_action action = end_action(t, true);
    if (t->writing.restarts && restart(t, e))
        return NONSTOP_STOPPED;
    if (action == ACTION_EXIT) {
        session_exited(t->session, end_status(t->stop.reason));
        return target_end(t, end_status(t->stop.reason));
    }
    stops_put(t, &t->stop, false);
    halt_all(t, "stopped with the others: the guest has come to an end");
    return NONSTOP_STOPPED;
}

/* gdb takes no text now: all is told in the log. */
static enum target_state settle_end(struct target *t, const struct stop *stop, struct err *e)
{
    bool told = true, restarts = all_continue(t) && !t->interrupted;
    t->break_in = false;
    target_take(t, stop);
    t->writing.restarts = restarts && end_action(t, true) == ACTION_RESTART;
    if (t->writing.restarts)
        told = end_log_restart(t);
    else
        end_log_as(t, LOG_WARNING);
    if (told && stop_is_crash(stop->reason) && writing_begin(t, act_end))
        return NONSTOP_WRITING;
    return act_end(t, e);
}

/* A CPU that cannot run runs as far as the debugger knows, and waits until another starts it. */
static bool stalls(struct target *t, const struct stop *stop)
{
    bool stalled = stop->reason == STOP_HALTED && t->cpus[stop->cpu].action.verb == CPU_CONTINUE;
    t->stalled |= stalled;
    return stalled;
}

/* Some CPUs have something to tell; or none, and the machine was halted for a request. */
enum target_state nonstop_stop(struct target *t, struct err *e)
{
    const struct stop *end = NULL;
    t->news_wait = false;
    for (size_t i = 0; i < t->nbatch; i++) {
        const struct stop *stop = &t->batch[i];
        if (stop_is_end(stop->reason) && !end) {
            end = stop;
            continue;
        }
        if (stop->reason == STOP_INTERRUPT || stalls(t, stop))
            continue;
        if (stop_speaks(stop))
            stop_log(stop, LOG_WARNING);
        target_take(t, stop);
        if (stop_is_crash(stop->reason))
            panic_tell(t, LOG_WARNING, false, false);
        stops_put(t, stop, false);
        catch_told(t, stop);
    }
    if (end)
        return settle_end(t, end, e);
    break_in(t);
    return NONSTOP_STOPPED;
}

/* ---- nothing more is asked for now ---- */

static void announce(struct target *t)
{
    if (t->in_flight || t->news_wait || !t->queued)
        return;
    t->in_flight = true;
    session_announce(t->session, t->queue[0]);
}

static void cannot_run(struct target *t, const char *text)
{
    log_msg(LOG_ERROR, "the guest stays stopped: %s", text);
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        if (t->cpus[cpu].side == SIDE_RUNS)
            stops_put_made(t, cpu, STOP_ERROR, text, false);
}

enum target_state nonstop_idle(struct target *t, struct err *e)
{
    unsigned moving = 0;
    announce(t);
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++) {
        bool runs = t->cpus[cpu].side == SIDE_RUNS;
        t->plan.action[cpu] = runs ? t->cpus[cpu].action : (struct cpu_action){.verb = CPU_HOLD};
        moving += runs;
    }
    if (!moving || t->stalled)
        return NONSTOP_STOPPED;
    if (target_go(t, e) == 0)
        return NONSTOP_RUNNING;
    cannot_run(t, e->text);
    announce(t);
    return NONSTOP_STOPPED;
}

/* ---- ? and vStopped ---- */

/* Of the CPUs that stand ? is to give the first, and vStopped all the others. But gdb (13 and 16) fails an
 * assertion of its own if it gets more than one until it has looked at the first, or a notification: so the
 * others are told as if they had stopped a little later, behind the next request. */
bool target_tell_all(struct target *t)
{
    unsigned first = t->has_stop ? t->stop.cpu : 0;
    t->queued = 0;
    for (unsigned i = 0; i < t->machine->ncpus; i++) {
        unsigned cpu = (first + i) % t->machine->ncpus;
        if (t->cpus[cpu].side == SIDE_RUNS)
            continue;
        t->cpus[cpu].side = SIDE_UNTOLD;
        t->queue[t->queued++] = cpu;
    }
    t->in_flight = t->told_alone = t->queued;
    return t->queued;
}

int target_next_told(struct target *t)
{
    if (!t->non_stop)
        return -1;
    if (t->in_flight)
        stops_remove(t, t->queue[0]);
    t->in_flight = t->queued && !t->told_alone;
    t->news_wait = t->told_alone;
    t->told_alone = false;
    return t->in_flight ? (int)t->queue[0] : -1;
}
