/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The panic report: its parts in their order, and the sink through which all of it goes, which bounds it and
 * lets nothing but printable characters through. */
#include "report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zgdbd/words.h"

/* Kept for the lines that say that more is missing, and where the report ends. */
#define LAST_LINES 2u
#define LAST_BYTES (LAST_LINES * REPORT_LINE_BYTES)

/* With so many CPUs or fewer the call chains of all are told, of each so many frames. */
#define CHAINS_MAX 8u
#define CHAIN_FRAMES 12u

/* ---- the sink ---- */

static void put_line(struct report *r, const char *line)
{
    r->lines++;
    r->bytes += strlen(line) + 1;
    r->line(r->ctx, line);
}

void report_say(struct report *r, const char *fmt, ...)
{
    char line[REPORT_LINE_BYTES];
    va_list ap;

    if (r->full)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n >= sizeof line)
        memcpy(line + sizeof line - sizeof "...", "...", sizeof "...");
    for (char *c = line; *c; c++)
        if (*c == '\t')
            *c = ' ';
        else if (*c < ' ' || *c > '~')
            *c = '?';
    for (size_t len = strlen(line); len > 0 && line[len - 1] == ' '; len--)
        line[len - 1] = '\0';
    r->full = r->lines >= REPORT_LINES_MAX - LAST_LINES ||
              r->bytes + strlen(line) + 1 > REPORT_BYTES_MAX - LAST_BYTES;
    put_line(r, r->full ? "(there is more, but the report is cut here)" : line);
}

void report_gap(struct report *r)
{
    report_say(r, "%s", "");
}

/* ---- what the parts ask for ---- */

bool report_reg(const struct report *r, unsigned cpu, unsigned reg, uint64_t *value)
{
    return linux_reg(r->g, cpu, reg, value);
}

struct psw report_psw(const struct report *r, unsigned cpu)
{
    struct psw psw;

    report_reg(r, cpu, REG_PSWM, &psw.mask);
    report_reg(r, cpu, REG_PSWA, &psw.addr);
    return psw;
}

char *report_place(const struct report *r, uint64_t addr, char *buf, size_t size)
{
    struct words w = {buf, size, 0};
    struct linux_symbol s;

    buf[0] = 0;
    words_add(&w, "%016" PRIx64, addr);
    if (linux_symbol_at(r->g, addr, &s))
        words_add(&w, "  %.80s+0x%" PRIx64 "/0x%" PRIx64 "%s%.32s%s", s.name, addr - s.addr, s.size,
                  s.module ? " [" : "", s.module ? s.module : "", s.module ? "]" : "");
    return buf;
}

/* ---- the parts ---- */

static void other_cpus(struct report *r)
{
    size_t frames = r->m->ncpus <= CHAINS_MAX ? CHAIN_FRAMES : 0;

    for (unsigned cpu = 0; cpu < r->m->ncpus; cpu++)
        if (cpu != r->in->cpu)
            report_cpu_short(r, cpu, frames);
}

static void last_exits(struct report *r)
{
    if (!r->in->nexits)
        return;
    report_gap(r);
    report_say(r, "Last exits of the guest:");
    for (size_t i = 0; i < r->in->nexits; i++)
        report_say(r, "  %s", r->in->exits[i]);
}

void report_write(const struct report_input *in, report_line_fn *line, void *ctx)
{
    struct report r = {.in = in,
                       .m = in->machine,
                       .g = in->guest,
                       .facts = linux_facts(in->guest),
                       .line = line,
                       .ctx = ctx};

    report_log_read(&r);
    report_find_loop(&r);
    report_headline(&r);
    report_log_end(&r);
    report_cpu(&r, in->cpu);
    report_code(&r, in->cpu, report_psw(&r, in->cpu), 0);
    report_interruptions(&r);
    other_cpus(&r);
    last_exits(&r);
    report_log_free(&r);
    put_line(&r, "End of the report.");
}
