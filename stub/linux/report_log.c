/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The panic report's part of the kernel's log: in which record the trouble begins, what the kernel says of it
 * in one line, and its last words. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without trouble so many records are shown; with it all from there on, but no more than these lines of its
 * beginning and its end. */
#define LAST_WORDS 18u
#define HEAD_LINES 60u
#define TAIL_LINES 50u

/* ---- reading ---- */

/* With these the kernel begins to tell of trouble (kernel/panic.c, arch/s390/kernel/{dumpstack,traps}.c,
 * arch/s390/mm/fault.c, lib/bug.c, drivers/tty/sysrq.c). Die() has the code and the ILC in its line. */
static bool tells_trouble(const char *text)
{
    static const char *const words[] = {"Kernel panic - not syncing",
                                        "Unable to handle kernel",
                                        "kernel BUG at",
                                        "Kernel stack overflow",
                                        "BUG: ",
                                        "Trigger a crash",
                                        "Oops"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]))
            return true;
    return strstr(text, " ilc:") && strstr(text, "[#");
}

/* The last REPORT_RECORDS are kept, whatever the guest's log makes of the number that was asked for. */
static void take_record(void *ctx, const struct linux_log_record *record)
{
    struct report_log *log = ctx;
    size_t len = linux_log_format(record, NULL, 0);
    char *text = malloc(len + 1);

    if (!text)
        return;
    linux_log_format(record, text, len + 1);
    if (log->n == REPORT_RECORDS) {
        free(log->text[0]);
        memmove(log->text, log->text + 1, (REPORT_RECORDS - 1) * sizeof *log->text);
        log->n--;
    }
    log->text[log->n++] = text;
    log->last = record->seq;
}

/* BUG() draws a line in front of what it says. */
static size_t find_trouble(const struct report_log *log)
{
    size_t at = 0;

    while (at < log->n && !tells_trouble(log->text[at]))
        at++;
    if (at < log->n && at > 0 && strstr(log->text[at - 1], "[ cut here ]"))
        at--;
    return at;
}

void report_log_read(struct report *r)
{
    struct report_log *log = &r->log;

    if (r->facts->state != LINUX_READABLE ||
        linux_log(r->g, REPORT_RECORDS, take_record, log, &log->why) == 0)
        log->why.text[0] = 0;
    log->trouble = find_trouble(log);
}

void report_log_free(struct report *r)
{
    for (size_t i = 0; i < r->log.n; i++)
        free(r->log.text[i]);
    r->log.n = 0;
}

/* ---- what has happened, in the kernel's words ---- */

/* A record's first line without its time. */
static void say_record(struct report *r, const char *text)
{
    const char *at = text[0] == '[' ? strchr(text, ']') : NULL;

    at = at && at[1] == ' ' ? at + 2 : text;
    report_say(r, "said         %.*s", (int)strcspn(at, "\n"), at);
}

/* The first record of the trouble that says something, and the last panic; mostly it is one. */
void report_said(struct report *r)
{
    const struct report_log *log = &r->log;
    size_t first = log->trouble, panic = log->n;

    while (first < log->n && !tells_trouble(log->text[first]))
        first++;
    for (size_t i = first; i < log->n; i++)
        if (strstr(log->text[i], "Kernel panic - not syncing"))
            panic = i;
    if (first < log->n && first != panic)
        say_record(r, log->text[first]);
    if (panic < log->n)
        say_record(r, log->text[panic]);
}

/* ---- last words ---- */

static size_t lines_of(const struct report_log *log, size_t from)
{
    size_t n = 0;

    for (size_t i = from; i < log->n; i++)
        for (const char *c = log->text[i]; *c; c++)
            n += *c == '\n';
    return n;
}

/* Those of the lines from a record on that are not in the middle. */
static void say_lines(struct report *r, size_t from)
{
    size_t all = lines_of(&r->log, from), line = 0;

    for (size_t i = from; i < r->log.n; i++)
        for (const char *at = r->log.text[i]; *at; line++) {
            size_t len = strcspn(at, "\n");
            bool left_out = all > HEAD_LINES + TAIL_LINES && line >= HEAD_LINES && line < all - TAIL_LINES;

            if (!left_out)
                report_say(r, "  %.*s", (int)len, at);
            else if (line == HEAD_LINES)
                report_say(r, "  ... %zu lines ...", all - HEAD_LINES - TAIL_LINES);
            at += len + (at[len] == '\n');
        }
}

static size_t before(size_t at, size_t n)
{
    return at > n ? at - n : 0;
}

void report_log_end(struct report *r)
{
    const struct report_log *log = &r->log;
    size_t from = before(log->n, LAST_WORDS);

    if (r->facts->state != LINUX_READABLE)
        return;
    report_gap(r);
    if (!log->n) {
        report_say(r, "Kernel log: %s", log->why.text[0] ? log->why.text : "empty");
        return;
    }
    /* With what led to the trouble. */
    if (log->trouble < log->n && before(log->trouble, LAST_WORDS / 2) < from)
        from = before(log->trouble, LAST_WORDS / 2);
    report_say(r, "Kernel log, the last %zu of %" PRIu64 " records:", log->n - from, log->last + 1);
    say_lines(r, from);
}
