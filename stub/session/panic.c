/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report on the guest (report.h) for whoever is there: in the log, on gdb's console, and by
 * `monitor panic`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor.h"
#include "target.h"
#include "zgdbd/report.h"

/* Text for gdb's console in one packet. */
#define PIECE 4096u

/* What it costs can be seen in the log. */
static void write_report(const struct target *t, unsigned cpu, report_line_fn *line, void *ctx)
{
    char exits[CRASH_LINES][TRACE_LINE];
    struct report_input in = {.machine = t->machine,
                              .guest = t->linux_guest,
                              .stop = t->has_stop ? &t->stop : NULL,
                              .cpu = cpu,
                              .has_ran = t->machine->caps & MACHINE_CAN_RUN,
                              .ran = t->ran,
                              .exits = (const char(*)[TRACE_LINE])exits,
                              .nexits = last_exits(t, exits)};
    int64_t begun = target_clock();
    uint64_t before = linux_bytes_read(t->linux_guest);
    report_write(&in, line, ctx);
    log_msg(LOG_DEBUG, "the report took %lld us, for which %llu bytes of the kernel's memory were read",
            (long long)(target_clock() - begun) / 1000,
            (unsigned long long)(linux_bytes_read(t->linux_guest) - before));
}

/* ---- as one text ---- */

static void add_line(void *ctx, const char *line)
{
    struct panic_text *text = ctx;
    size_t len = strlen(line);
    if (len + 1 >= sizeof text->buf - text->len)
        return;
    memcpy(text->buf + text->len, line, len);
    text->buf[text->len + len] = '\n';
    text->len += len + 1;
    text->buf[text->len] = 0;
}

struct panic_text *panic_text(const struct target *t)
{
    struct panic_text *text = malloc(sizeof *text);
    if (!text)
        return NULL;
    text->len = 0;
    text->buf[0] = 0;
    write_report(t, t->has_stop ? t->stop.cpu : 0, add_line, text);
    return text;
}

/* Whole lines; of a debugger that is far behind with reading a shorter word is taken more likely. */
static void to_console(struct session *s, const struct panic_text *text, bool before_stop)
{
    const char *at = text->buf, *end = text->buf + text->len;
    if (!session_takes_text(s, text->len + text->len / 64, before_stop)) {
        session_console(s, "zgdbd: the report does not fit here now; `monitor panic` shows it\n",
                        before_stop);
        return;
    }
    while (at < end) {
        size_t n = (size_t)(end - at) < PIECE ? (size_t)(end - at) : PIECE;
        while (at[n - 1] != '\n')
            n--;
        session_printed(s, (const uint8_t *)at, n);
        at += n;
    }
}

void panic_tell(const struct target *t, enum log_level level, bool to_debugger, bool before_stop)
{
    bool logs = log_enabled(level) && !(to_debugger && t->policy.log_is_debuggers);
    struct panic_text *text = to_debugger || logs ? panic_text(t) : NULL;
    if (!text)
        return;
    if (logs)
        log_block(level, text->buf);
    if (to_debugger)
        to_console(t->session, text, before_stop);
    free(text);
}

/* ---- monitor panic ---- */

static void put_line(void *ctx, const char *line)
{
    put(ctx, "%s\n", line);
}

bool mon_panic(struct session *s, const char *args, struct text *out)
{
    unsigned cpu;
    if (!take_cpu(s, args, &cpu, out))
        return true;
    if (!*args && !s->target->has_stop)
        cpu = report_cpu_of_end(s->target->machine, s->target->linux_guest, cpu);
    write_report(s->target, cpu, put_line, out);
    return true;
}
