/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the guest's life cycle share: target.c (states and events, all-stop), nonstop.c, ends.c,
 * stops.c and printed.c. */
#ifndef ZGDBD_SESSION_TARGET_H
#define ZGDBD_SESSION_TARGET_H

#include "internal.h"
#include "zgdbd/log.h"
#include "zgdbd/trace.h"

/* Does what an event asks for and returns the next state. Failures are told in *e. */
typedef enum target_state event_fn(struct target *t, struct err *e);

/* target.c */
int target_go(struct target *t, struct err *e); /* by t->plan.action; -1: nothing has moved */
int target_load(struct target *t, enum machine_reset_kind kind, const char *append, struct err *e);
enum target_state target_end(struct target *t, int status);
void target_take(struct target *t, const struct stop *stop); /* it is t->stop now, and its CPU is held */

/* nonstop.c */
event_fn nonstop_begin_stopped, nonstop_begin_running, nonstop_end, nonstop_pause, nonstop_resume,
    nonstop_interrupt, nonstop_interrupt_halting, nonstop_interrupt_stopped, nonstop_stop, nonstop_idle;

/* ends.c: what follows from t->stop, with and without a debugger; the exit status; how it is told. */
enum guest_action end_action(const struct target *t, bool debugger);
int end_status(enum stop_reason reason);
void end_log(const struct target *t);
void end_log_restart(struct target *t);
void end_log_as(const struct target *t, enum log_level level);
void stop_log(const struct stop *stop, enum log_level level);

/* monitor_trace.c: the last exits in words, oldest first, if t->stop is a crash and the trace is on; returns
 * how many. They are told behind the stop's line, wherever that goes. */
#define CRASH_LINES 12u
size_t crash_exits(const struct target *t, char lines[CRASH_LINES][TRACE_LINE]);
void crash_exits_to_console(struct target *t, bool before_stop);

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
bool stops_untold_end(struct target *t, struct stop *out);

/* monitor_per.c: a line for the debugger if PER makes what now runs slow. */
void per_tell(struct target *t);

/* printed.c: what breakpoints print, on its way to whoever is there. */
void printed_before_stop(struct target *t);

#endif
