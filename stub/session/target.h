/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the guest's life cycle share: target.c (states and events, all-stop), nonstop.c, ends.c,
 * stops.c and printed.c. */
#ifndef ZGDBD_SESSION_TARGET_H
#define ZGDBD_SESSION_TARGET_H

#include "internal.h"
#include "zgdbd/log.h"
#include "zgdbd/report.h"
#include "zgdbd/trace.h"

/* Does what an event asks for and returns the next state. Failures are told in *e. */
typedef enum target_state event_fn(struct target *t, struct err *e);

/* target.c */
int target_go(struct target *t, struct err *e);       /* by t->plan.action; -1: nothing has moved */
int target_run_plan(struct target *t, struct err *e); /* as it is; what else there is to a resume is done */
int target_load(struct target *t, enum machine_reset_kind kind, const char *append, struct err *e);
enum target_state target_end(struct target *t, int status);
/* After an end: loads the image again, or goes on with the reset that the guest asked for. */
int target_restart(struct target *t, struct err *e);
void target_take(struct target *t, const struct stop *stop); /* it is t->stop now, and its CPU is held */

/* tell.c: tells a stop in all-stop, or does what the user wants done in its place. */
enum target_state target_tell(struct target *t, struct stop stop, struct err *e);
event_fn tell_resume, tell_stop;

/* news.c. news_come_first(): in front of a stop for this reason the debugger is told of its libraries, by
 * news_libraries(). news_go_on(): the stops in batch were for the target alone; returns how many there are in
 * it then, of those that are to be told. news_stay(): t->stop is --stop-at's, with nobody attached. */
bool news_come_first(struct target *t, enum stop_reason reason);
enum target_state news_libraries(struct target *t, unsigned cpu);
size_t news_go_on(struct target *t, struct stop *batch);
enum target_state news_stay(struct target *t);

/* nonstop.c */
event_fn nonstop_begin_stopped, nonstop_begin_running, nonstop_end, nonstop_pause, nonstop_resume,
    nonstop_interrupt, nonstop_interrupt_halting, nonstop_interrupt_stopped, nonstop_stop, nonstop_idle;

/* ends.c: what follows from t->stop, with and without a debugger; the exit status; how it is told. */
enum guest_action end_action(const struct target *t, bool debugger);
int end_status(enum stop_reason reason);
void end_log(const struct target *t);
bool end_log_restart(struct target *t); /* false: it was not told, for others were just now */
bool end_told(struct target *t);        /* the same, and the caller tells it */
void end_log_as(const struct target *t, enum log_level level);
void stop_log(const struct stop *stop, enum log_level level);

/* monitor_trace.c: the last exits in words, oldest first, if the trace is on; returns how many. */
#define CRASH_LINES 12u
size_t last_exits(const struct target *t, char lines[CRASH_LINES][TRACE_LINE]);

/* panic.c: the report on the target as it stands, about the CPU of its last stop. From malloc; NULL: no
 * memory. */
struct panic_text {
    size_t len;
    char buf[REPORT_BYTES_MAX + 1];
};
struct panic_text *panic_text(const struct target *t);
/* Tells it in the log, and on the debugger's console. */
void panic_tell(const struct target *t, enum log_level level, bool to_debugger, bool before_stop);

/* panic_file.c: begins to write what --on-panic wants. True if that is not done yet: the target is to be in a
 * WRITING state then, until writing_work() has called `then`. */
bool writing_begin(struct target *t, event_fn *then);
event_fn writing_work, writing_interrupt;
void writing_abandon(struct target *t);

/* stops.c */
void stops_clear(struct target *t); /* all are held, nothing is to be told */
void stops_put(struct target *t, const struct stop *stop, bool quiet); /* at the queue's end */
void stops_put_made(struct target *t, unsigned cpu, enum stop_reason reason, const char *text, bool quiet);
void stops_remove(struct target *t, unsigned cpu); /* from the queue, if it is there: held */
void stops_hold(struct target *t);                 /* those that run */
void stops_run(struct target *t, unsigned cpu, struct cpu_action action);
bool stops_worth_keeping(const struct stop *stop);
void stops_place_interrupt(const struct target *t, struct stop *stop); /* at the CPU that it is told of */
bool stops_all_continue(const struct target *t); /* by t->plan: neither held nor stepping */
/* Nobody runs now for the debugger. Of the queue what was not told stays, for the next resume. */
void stops_all_stop(struct target *t);
/* The first kept stop of a CPU that action moves, out of the queue; moot ones go with it. False if there is
 * none: the CPUs may run. */
bool stops_next(struct target *t, const struct cpu_action *action, struct stop *out);
void stops_take_first(struct target *t); /* the one that there is without a resume, if there is one */
bool stops_untold_end(struct target *t, struct stop *out);

/* monitor_per.c: a line for the debugger if PER makes what now runs slow. */
void per_tell(struct target *t);

/* printed.c: what breakpoints print, on its way to whoever is there. */
void printed_before_stop(struct target *t);

#endif
