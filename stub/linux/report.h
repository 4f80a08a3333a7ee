/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the panic report share: one report while it is written. report.c owns the sink, its
 * bounds and the order of the parts; each part is a function that says what it has, or nothing. */
#ifndef ZGDBD_LINUX_REPORT_H
#define ZGDBD_LINUX_REPORT_H

#include "internal.h"
#include "zgdbd/regs.h"
#include "zgdbd/report.h"

/* Of the kernel's log so much is looked at. */
#define REPORT_RECORDS 128u

/* The end of the kernel's log, and what in it is the trouble: report_log.c. */
struct report_log {
    size_t n;
    char *text[REPORT_RECORDS]; /* each record as dmesg prints it, from malloc */
    uint64_t last;              /* number of the last record */
    size_t trouble;             /* the first record that tells of trouble; n if there is none */
    struct err why;             /* why there is no log; text "" if there is one */
};

struct report {
    const struct report_input *in;
    struct machine *m;
    struct linux_guest *g;
    const struct linux_facts *facts;
    struct report_log log;
    bool in_loop; /* of interruptions, */
    bool found;   /* which no stop has told */
    enum interruption_loop loop;
    bool has_cause; /* of a program-interruption loop: the last interruption from outside of it came here */
    struct psw cause;
    report_line_fn *line;
    void *ctx;
    size_t lines, bytes;
    bool full; /* nothing more is taken */
};

/* report.c: one line, without its end. */
__attribute__((format(printf, 2, 3))) void report_say(struct report *r, const char *fmt, ...);
void report_gap(struct report *r); /* an empty line */
/* A register of at most 8 bytes; false, and 0, if it is not there. */
bool report_reg(const struct report *r, unsigned cpu, unsigned reg, uint64_t *value);
struct psw report_psw(const struct report *r, unsigned cpu);
/* "0000000000123456 panic+0x12/0x34", without the name if it has none. Returns buf. */
char *report_place(const struct report *r, uint64_t addr, char *buf, size_t size);
#define REPORT_PLACE_BYTES 160u

/* report_what.c: the first lines. */
void report_headline(struct report *r);

/* report_log.c: reads it; the lines in which the kernel says what has happened; its last words. */
void report_log_read(struct report *r);
void report_said(struct report *r);
void report_log_end(struct report *r);
void report_log_free(struct report *r);

/* report_cpu.c: all of a CPU, or in short. */
void report_cpu(struct report *r, unsigned cpu);
void report_cpu_short(struct report *r, unsigned cpu, size_t frames);

/* report_lowcore.c: whether the CPU is in a loop of interruptions; what the prefix area says of the last
 * program interruption, and of a new PSW that leads nowhere. */
void report_find_loop(struct report *r);
void report_interruptions(struct report *r);

/* report_code.c: the instructions around a PSW's address, of a CPU as it stands. before: the length of the
 * instruction in front of it that is meant, 0 if it is the one at the address. */
void report_code(struct report *r, unsigned cpu, struct psw psw, unsigned before);

#endif
