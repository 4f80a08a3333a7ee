/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's own log: one line per event on standard error, each write(2) whole, from any thread. */
#ifndef ZGDBD_LOG_H
#define ZGDBD_LOG_H

#include <stdbool.h>

enum log_level {
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
};

/* Messages above this level are dropped; LOG_WARNING until set. Set it before threads start. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* "error", "warning", "info" or "debug"; returns -1 for any other name. */
int log_level_by_name(const char *name);

/* Writes "zgdbd: LEVEL: text\n" in one write(2). Lines over 1 KiB are cut. */
__attribute__((format(printf, 2, 3))) void log_msg(enum log_level level, const char *fmt, ...);

/* Writes a text of several lines as it is, of printable ASCII; it waits up to half a second for who reads it.
 */
void log_block(enum log_level level, const char *text);

#endif
