/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stop on its way to the attached debugger in all-stop: the words in front of it, what the user wants done
 * in its place, and the stop reply. */
#include "libraries.h"
#include "target.h"

/* What follows from t->stop, of which the debugger has been told in words. */
static enum target_state act_told(struct target *t, struct err *e)
{
    bool is_end = stop_is_end(t->stop.reason);
    if (is_end && end_action(t, true) == ACTION_EXIT) {
        session_exited(t->session, end_status(t->stop.reason));
        return target_end(t, end_status(t->stop.reason));
    }
    if (t->writing.restarts) {
        if (target_restart(t, e) == 0)
            return ATTACHED_RUNNING;
        log_msg(LOG_ERROR, "the guest cannot be restarted: %s", e->text);
    }
    session_stopped(t->session);
    return ATTACHED_STOPPED;
}

/* The words in front of the stop reply, or of the guest's next run. True if something is to be written, too.
 */
static bool say_stop(struct target *t)
{
    char line[STOP_LINE_BYTES];
    bool restarts = t->writing.restarts, crash = stop_is_crash(t->stop.reason);
    if (stop_speaks(&t->stop)) {
        stop_line(&t->stop, line, sizeof line);
        session_console(t->session, line, !restarts);
    }
    if (!crash || (restarts && !end_told(t)))
        return false;
    panic_tell(t, LOG_WARNING, true, !restarts);
    return t->stop.reason != STOP_PANIC;
}

/* Tells a stop, or does what the user wants done in its place. A restart starts every CPU: not if the
 * debugger holds one, or steps it. */
enum target_state target_tell(struct target *t, struct stop stop, struct err *e)
{
    bool is_end = stop_is_end(stop.reason);
    if (t->interrupted)
        t->interrupt_due = stop_takes_interrupt(&stop);
    target_take(t, &stop);
    t->writing.restarts =
        is_end && end_action(t, true) == ACTION_RESTART && stops_all_continue(t) && !t->interrupted;
    if (!t->writing.restarts)
        printed_before_stop(t);
    bool writes = say_stop(t);
    if (stop.reason == STOP_CATCH || stop.reason == STOP_WORD)
        stop_log(&stop, LOG_INFO);
    catch_told(t, &stop);
    if (writes && writing_begin(t, act_told))
        return ATTACHED_WRITING;
    return act_told(t, e);
}

/* A stop that came together with the one told last is told in place of running. */
enum target_state tell_resume(struct target *t, struct err *e)
{
    struct stop kept;
    if (libraries_due(t))
        return news_libraries(t, t->session->cpu);
    t->interrupted = t->interrupt_due && (t->has_stop || t->news_told);
    t->interrupt_due = t->news_told = false;
    if (stops_next(t, t->plan.action, &kept))
        return target_tell(t, kept, e);
    if (target_go(t, e))
        return ATTACHED_STOPPED;
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        if (t->plan.action[cpu].verb != CPU_HOLD)
            stops_run(t, cpu, t->plan.action[cpu]);
    if (t->interrupted)
        machine_interrupt(t->machine);
    return ATTACHED_RUNNING;
}

/* The first stop is told; the others wait for the next resume. */
enum target_state tell_stop(struct target *t, struct err *e)
{
    struct stop first = t->batch[0];
    if (news_come_first(t, first.reason)) {
        for (size_t i = 0; i < t->nbatch; i++)
            stops_put(t, &t->batch[i], false);
        return news_libraries(t, first.cpu);
    }
    stops_hold(t);
    for (size_t i = 1; i < t->nbatch; i++)
        if (stops_worth_keeping(&t->batch[i]))
            stops_put(t, &t->batch[i], false);
    if (first.reason == STOP_INTERRUPT && t->nbatch == 1)
        stops_place_interrupt(t, &first);
    return target_tell(t, first, e);
}
