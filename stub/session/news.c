/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from news of a Linux guest (symbols.c), all-stop and without a debugger: the debugger is told
 * of other libraries, the guest goes on as if nothing had been, or stays where --stop-at wants it. */
#include <stdio.h>

#include "libraries.h"
#include "target.h"

/* gdb takes the new libraries up and resumes, on its own. */
enum target_state news_libraries(struct target *t, unsigned cpu)
{
    stops_hold(t);
    libraries_told(t);
    session_libraries(t->session, cpu);
    t->news_told = true;
    return ATTACHED_STOPPED;
}

/* What the user then sees has names. Not in front of the debugger's own breakpoints and steps: it may take
 * them out before it resumes. */
bool news_come_first(struct target *t, enum stop_reason reason)
{
    return (stop_is_end(reason) || reason == STOP_INTERRUPT || reason == STOP_PANIC || reason == STOP_WORD) &&
           libraries_due(t);
}

enum target_state news_stay(struct target *t)
{
    registry_leave(t);
    stop_log(&t->stop, LOG_WARNING);
    log_msg(LOG_WARNING, "the guest stays stopped; it waits for a debugger");
    return DETACHED_STOPPED;
}

/* The stops were news for the target alone: what ran runs on, as if it had not stopped. Returns how many
 * stops there are in batch now, which has none of them. */
size_t news_go_on(struct target *t, struct stop *batch)
{
    bool waits = target_halting(t) || t->state == DETACHED_HALTING;
    struct err e;
    if (t->state == ATTACHED_RUNNING && libraries_due(t)) {
        if (t->interrupted) /* gdb resumes behind the news: it is told then */
            stops_put_made(t, batch[0].cpu, STOP_INTERRUPT, "interrupted", false);
        t->state = news_libraries(t, batch[0].cpu);
        return 0;
    }
    if (!waits && target_run_plan(t, &e) == 0) {
        if (t->interrupted)
            machine_interrupt(t->machine);
        return 0;
    }
    batch[0].reason = waits ? STOP_INTERRUPT : STOP_ERROR;
    snprintf(batch[0].text, sizeof batch[0].text, "%s", waits ? "interrupted" : e.text);
    return 1;
}
