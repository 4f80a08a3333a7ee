/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of breakpoints print (gdb's dprintf), on its way to whoever is there: gdb's console while
 * it waits for a stop in all-stop, which is the only time at which it takes text, else the log. A guest can
 * print without end: what is not taken in time is lost, and that is told. */
#include <stdio.h>
#include <time.h>

#include "target.h"

/* Bytes in one O packet. */
#define PIECE 2048u
#define LOG_LINES_PER_SECOND 100u

static size_t take(struct target *t, uint8_t *buf, size_t size)
{
    uint64_t dropped;
    size_t n = console_read(&t->printed, buf, size, &dropped);
    t->printed_lost += dropped;
    return n;
}

static void tell_lost(struct target *t, bool before_stop)
{
    char text[128];
    if (!t->printed_lost)
        return;
    snprintf(text, sizeof text,
             "zgdbd: %llu bytes that breakpoints printed are lost: that was faster than it could be shown\n",
             (unsigned long long)t->printed_lost);
    session_console(t->session, text, before_stop);
    t->printed_lost = 0;
}

/* Gives the debugger what it takes now; before a stop reply also what it can only read later. */
static void to_console(struct target *t, bool before_stop)
{
    uint8_t piece[PIECE];
    size_t n = 1;
    while (n && session_takes_text(t->session, sizeof piece, before_stop)) {
        n = take(t, piece, sizeof piece);
        if (n)
            session_printed(t->session, piece, n);
    }
    if (console_held(&t->printed) == 0)
        tell_lost(t, before_stop);
}

void printed_before_stop(struct target *t)
{
    to_console(t, true);
    t->printed_lost += take(t, NULL, CONSOLE_RING_BYTES);
    tell_lost(t, true);
}

/* ---- the log ---- */

static void log_line(struct printed_log *p)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (p->second != now.tv_sec) {
        if (p->untold)
            log_msg(LOG_WARNING, "breakpoints have printed %llu lines more", p->untold);
        p->second = now.tv_sec;
        p->lines = 0;
        p->untold = 0;
    }
    if (p->lines < LOG_LINES_PER_SECOND)
        log_msg(LOG_WARNING, "a breakpoint prints: %.*s", (int)p->len, p->line);
    else
        p->untold++;
    p->lines++;
    p->len = 0;
}

static void to_log(struct target *t)
{
    struct printed_log *p = &t->printed_log;
    uint8_t piece[PIECE];
    size_t n, total = 0;
    while (total < CONSOLE_RING_BYTES && (n = take(t, piece, sizeof piece)) > 0) {
        total += n;
        for (size_t i = 0; i < n; i++) {
            if (piece[i] != '\n')
                p->line[p->len++] = (char)piece[i];
            if (piece[i] == '\n' || p->len == sizeof p->line)
                log_line(p);
        }
    }
    if (t->printed_lost)
        log_msg(LOG_WARNING, "%llu bytes that breakpoints printed are lost",
                (unsigned long long)t->printed_lost);
    t->printed_lost = 0;
}

void printed_collect(struct target *t)
{
    if (t->state == ATTACHED_RUNNING)
        to_console(t, false);
    else
        to_log(t);
}
