/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit trace for the user: `monitor trace`, and the last exits for the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor.h"
#include "target.h"

#define SHOW_DEFAULT 20u
#define SHOW_MAX 256u /* what fits into one answer */
#define BLANKS " \t\n"
/* Looked at in one piece when the last ones of some kinds are wanted. */
#define PIECE 256u

int target_trace(struct target *t, bool on, struct err *e)
{
    if (machine_trace(t->machine, on, e))
        return -1;
    t->traces = on;
    return 0;
}

static uint64_t trace_end(struct machine *m)
{
    struct exit_record none;
    uint64_t end = UINT64_MAX;

    machine_trace_read(m, &end, &none, 0);
    return end == UINT64_MAX ? 0 : end;
}

/* Puts the last ones of a piece in front of those that are there, out[at..max), and returns where they begin
 * then. */
static size_t put_in_front(const struct exit_record *piece, size_t n, unsigned kinds, struct exit_record *out,
                           size_t at)
{
    while (n-- > 0 && at > 0)
        if (kinds >> piece[n].kind & 1)
            out[--at] = piece[n];
    return at;
}

/* The last records of these kinds, in order, at the end of out[0..max); returns where they begin. */
static size_t last_records(struct machine *m, unsigned kinds, struct exit_record *out, size_t max)
{
    struct exit_record piece[PIECE];
    uint64_t end = trace_end(m);
    uint64_t oldest = end > TRACE_RECORDS ? end - TRACE_RECORDS : 0;
    size_t at = max;

    while (at > 0 && end > oldest) {
        uint64_t start = end - oldest > PIECE ? end - PIECE : oldest;
        uint64_t next = start;
        size_t n = machine_trace_read(m, &next, piece, (size_t)(end - start));
        while (n && piece[n - 1].number >= end) /* the ring has gone round meanwhile */
            n--;
        at = put_in_front(piece, n, kinds, out, at);
        end = start;
    }
    return at;
}

size_t last_exits(const struct target *t, char lines[CRASH_LINES][TRACE_LINE])
{
    struct exit_record last[CRASH_LINES];
    size_t at = CRASH_LINES;

    if (t->traces)
        at = last_records(t->machine, EXIT_KINDS_ALL, last, CRASH_LINES);
    for (size_t i = at; i < CRASH_LINES; i++)
        exit_record_text(&last[i], lines[i - at], TRACE_LINE);
    return CRASH_LINES - at;
}

/* ---- monitor trace ---- */

static void put_state(const struct target *t, struct text *out)
{
    uint64_t end = trace_end(t->machine);

    put(out, "The trace is %s; ", t->traces ? "on" : "off");
    if (end > TRACE_RECORDS)
        put(out, "%llu exits were recorded, of which the last %u are kept.\n", (unsigned long long)end,
            TRACE_RECORDS);
    else
        put(out, "%llu exit%s recorded.\n", (unsigned long long)end, end == 1 ? " was" : "s were");
}

static void switch_trace(struct target *t, bool on, struct text *out)
{
    struct err e;

    if (target_trace(t, on, &e))
        put(out, "The trace cannot be switched %s: %s\n", on ? "on" : "off", e.text);
    else
        put_state(t, out);
}

static void show(const struct target *t, unsigned kinds, size_t n, struct text *out)
{
    struct exit_record *last = calloc(n, sizeof *last);
    char line[TRACE_LINE];
    size_t at = n;

    if (!last) {
        put(out, "There is no memory for %zu lines.\n", n);
        return;
    }
    at = last_records(t->machine, kinds, last, n);
    for (size_t i = at; i < n; i++)
        put(out, "%s\n", exit_record_text(&last[i], line, sizeof line));
    if (at == n)
        put(out, "No such exit is recorded%s.\n", t->traces ? "" : "; `monitor trace on` begins with it");
    free(last);
}

/* show [N] [REASON...] */
static void show_args(const struct target *t, const char *args, struct text *out)
{
    size_t digits = strspn(args, "0123456789");
    bool has_number = digits && strchr(BLANKS, args[digits]);
    unsigned long n = has_number ? strtoul(args, NULL, 10) : SHOW_DEFAULT;
    unsigned kinds;
    struct err e;

    if (exit_kinds_parse(has_number ? args + digits : args, &kinds, &e))
        put(out, "%s\n", e.text);
    else if (n < 1 || n > SHOW_MAX)
        put(out, "1 to %u lines can be shown; --trace FILE writes all of them.\n", SHOW_MAX);
    else
        show(t, kinds ? kinds : EXIT_KINDS_ALL, n, out);
}

bool mon_trace(struct session *s, const char *args, struct text *out)
{
    size_t len = strcspn(args, BLANKS);
    const char *rest = args + len + strspn(args + len, BLANKS);

    if (len == 0)
        put_state(s->target, out);
    else if (len == 2 && strncmp(args, "on", len) == 0 && !*rest)
        switch_trace(s->target, true, out);
    else if (len == 3 && strncmp(args, "off", len) == 0 && !*rest)
        switch_trace(s->target, false, out);
    else if (len == 4 && strncmp(args, "show", len) == 0)
        show_args(s->target, rest, out);
    else
        return false;
    return true;
}
