/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report on a guest that has come to its end, or on any that stands: one block of text that says what
 * happened, in the architecture's words and, where the guest is Linux, in the kernel's. A pure function over
 * the machine (live or a dump), which it reads and does not change. Everything in it is hostile: what cannot
 * be read or makes no sense is left out, or said to be so, and the block stays within the bounds below.
 *
 * The first line, and those of the first part, which begin with a word in a column of its own, are stable:
 * the manual page (PANIC REPORT) names them for programs that look for them. */
#ifndef ZGDBD_REPORT_H
#define ZGDBD_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/linux.h"
#include "zgdbd/machine.h"
#include "zgdbd/trace.h"

#define REPORT_LINES_MAX 600u
#define REPORT_BYTES_MAX                                                                                     \
    0xf000u                    /* of all lines with their ends; hexadecimal, half of a debugger's buffer     \
                                */
#define REPORT_LINE_BYTES 320u /* with the terminator; what is longer is cut */

struct report_input {
    struct machine *machine;   /* no CPU runs */
    struct linux_guest *guest; /* of this machine */
    const struct stop *stop;   /* why it stands; NULL: nothing tells (a dump, the first instruction) */
    unsigned cpu;              /* the one that the report is about; the others come in short */
    bool has_ran;
    uint64_t ran; /* for how long the guest has run in all, in nanoseconds, not counting stops */
    const char (*exits)[TRACE_LINE]; /* the last ones in words, oldest first; may be NULL if nexits is 0 */
    size_t nexits;
};

/* Takes one line: printable ASCII, terminated, without an end of line. It is the caller's again afterwards.
 */
typedef void report_line_fn(void *ctx, const char *line);

/* The CPU that a report is about where nothing else tells, of a dump say: the one that called panic(), if it
 * is a Linux that says so, else one in a disabled wait, else `otherwise`. */
unsigned report_cpu_of_end(struct machine *m, struct linux_guest *g, unsigned otherwise);

/* Writes the report line by line. */
void report_write(const struct report_input *in, report_line_fn *line, void *ctx);

#endif
