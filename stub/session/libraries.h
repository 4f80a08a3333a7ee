/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that gdb reads from the daemon: the program, and what qXfer:libraries tells it of. To gdb the
 * kernel is a shared library, which is loaded when its symbols can be read, and so are modules: it takes
 * libraries up in the middle of a resume, with breakpoints that wait for their names, and goes on. */
#ifndef ZGDBD_SESSION_LIBRARIES_H
#define ZGDBD_SESSION_LIBRARIES_H

#include "internal.h"

struct libraries;
struct served_file; /* one that can be opened; opened more than once it is the same */

struct libraries *libraries_create(void);
void libraries_destroy(struct libraries *l);

/* The kernel, its place, or its modules may be others than when it was looked at last. */
void libraries_changed(struct target *t);

/* Whether the attached debugger is to be told that the list is another than the one that it has read; false
 * for one that reads none. No CPU runs. libraries_told() takes it for told. */
bool libraries_due(struct target *t);
void libraries_told(struct target *t);

/* The list as an XML document, from malloc; NULL without memory. No CPU runs. gdb asks for the one or the
 * other by the operating system that it takes the guest for: GNU/Linux (svr4, as gdb-multiarch does), or
 * none.
 */
char *libraries_document(struct target *t, bool svr4, size_t *len);

/* The file of this name, until served_close(); one that is to be made of the guest's memory needs a machine
 * that stands. NULL, and *error is an errno of the protocol, if there is no such name or it cannot be made.
 */
struct served_file *served_open(struct target *t, const char *name, unsigned *error);
void served_close(struct target *t, struct served_file *f);
uint64_t served_size(const struct served_file *f);
long served_pread(const struct served_file *f, void *buf, size_t len, uint64_t offset); /* as pread(2) */

#endif
