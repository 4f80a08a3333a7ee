/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the end of a guest share: the log, caught, and a directory in which there is at most one
 * file. */
#ifndef PANIC_RIG_H
#define PANIC_RIG_H

#include "session_rig.h"

#define FIRST "zgdbd report: disabled wait, CPU 0\n"
#define LAST "\nEnd of the report.\n"

/* From log_begin() to log_end() warnings go into a file; log_end() gives its text, in a static buffer. */
void log_begin(void);
const char *log_end(void);

unsigned count(const char *text, const char *part);

/* The directory, and the file in it, which nobody has made yet. unmade_dir() asserts that there is no other.
 */
extern char dir[64], path[80];
void made_dir(void);
void unmade_dir(void);
const char *file_text(void);
bool file_is_there(void);

/* To write this kind of file there, and no more. */
struct policy writes(enum panic_file_kind kind);

/* Asserts that there is one report, whole. */
void check_block(const char *text);

#endif
