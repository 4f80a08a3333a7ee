/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report on a fake machine, as one text. Include it after cmocka.h. */
#ifndef REPORT_RIG_H
#define REPORT_RIG_H

#include "linux_rig.h"
#include "zgdbd/report.h"

struct report_rig {
    struct linux_rig *rig; /* not booted */
    struct stop stop;      /* of CPU 0, and its PSW is the CPU's, unless a test changes that */
    struct report_input in;
    size_t lines, longest;
    char text[REPORT_BYTES_MAX + 1]; /* of the last report, whose lines end with newlines */
};

/* Stops at CPU 0 for this reason, with this PSW. */
struct report_rig *rrig_open(enum stop_reason reason, uint64_t mask, uint64_t addr);
void rrig_close(struct report_rig *r);

/* Writes the report; r->text. Every line is held to what report.h promises. */
const char *rrig_report(struct report_rig *r);

void rrig_reg(struct report_rig *r, unsigned cpu, unsigned reg, uint64_t value);
void rrig_psw(struct report_rig *r, unsigned cpu, uint64_t mask, uint64_t addr);

/* What follows the word that a line of the first part begins with, in a static buffer; NULL if there is no
 * such line. */
const char *rrig_said(const struct report_rig *r, const char *word);

#endif
