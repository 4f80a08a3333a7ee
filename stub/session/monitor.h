/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that implement `monitor` commands share. monitor.c owns the table and the way of text to
 * gdb's console. */
#ifndef ZGDBD_SESSION_MONITOR_H
#define ZGDBD_SESSION_MONITOR_H

#include "internal.h"

/* Text on its way to gdb's console. It leaves in O packets, which gdb shows one by one until OK comes, so
 * that a long list needs no packet of its size. What the reply's buffer has no room for waits in
 * session.rest until gdb has read what is in front of it. */
struct text {
    struct session *session;
    bool later; /* the answer goes on in the session's work, which ends with monitor_finish() */
    bool cut;   /* more than TEXT_MAX, or no memory */
    size_t len;
    char buf[2048];
};

#define TEXT_MAX 0x400000u /* of one answer */

/* What is longer than text.buf is cut. */
__attribute__((format(printf, 2, 3))) void put(struct text *t, const char *fmt, ...);

/* What was put, and OK behind it. False: the session's work goes on with it, since there was no room. */
bool monitor_finish(struct text *t);

/* The command's arguments, without blanks at either end; "" if there are none. False: they are not what the
 * command takes, and the user is told what it does. */
typedef bool monitor_fn(struct session *s, const char *args, struct text *out);

/* monitor_machine.c */
void mon_powerdown(struct session *s, struct text *out);
monitor_fn mon_reset, mon_restart, mon_stop_cpu, mon_start_cpu, mon_store_status, mon_inject;

/* monitor_numbers.c. A word that is a number and nothing else, decimal or, with 0x, hexadecimal. False: it is
 * none, or too large for 64 bits. */
bool word_is_number(const char *word, size_t len, uint64_t *value);

/* A number at the beginning of args, and *rest behind the blanks that follow. False if there is none. */
bool take_number(const char *args, uint64_t *value, const char **rest);

/* The CPU that the arguments name, without any the selected one. False, and the user is told which there are,
 * if they name none. */
bool take_cpu(const struct session *s, const char *args, unsigned *cpu, struct text *out);

/* monitor.c: a register of at most 8 bytes; 0 if it is not there. */
uint64_t reg_value(const struct session *s, unsigned cpu, unsigned reg);

/* monitor_psw.c */
monitor_fn mon_psw, mon_lowcore;

/* panic.c */
monitor_fn mon_panic;

/* monitor_space.c */
monitor_fn mon_space, mon_translate;

/* monitor_points.c */
const char *point_kind_name(enum bp_kind kind);
monitor_fn mon_breakpoints, mon_watch_if;

/* monitor_per.c */
void mon_per(struct session *s, struct text *out);

/* monitor_settings.c */
monitor_fn mon_step_interrupts, mon_tod;

/* monitor_catch.c */
monitor_fn mon_catch, mon_uncatch;

/* monitor_linux.c */
monitor_fn mon_symbols, mon_panic_stop;
void mon_modules(struct session *s, struct text *out);

/* monitor_dump.c */
monitor_fn mon_dump;
/* monitor_tasks.c. The first task of this pid; false, and the user is told, if there is none. */
bool take_task(const struct session *s, uint64_t pid, const struct linux_task **task, struct text *out);
monitor_fn mon_ps, mon_threads, mon_task_layout;

/* monitor_trace.c */
monitor_fn mon_trace;

/* monitor_log.c */
monitor_fn mon_dmesg, mon_bt;

#endif
