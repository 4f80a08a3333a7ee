/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The panic report's part on a CPU: registers, those of them that point into code, and the call chain. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zgdbd/words.h"

#define WIDTH 100u

static void say_general(struct report *r, unsigned cpu)
{
    char line[128];

    for (unsigned i = 0; i < 16; i += 4) {
        struct words w = {line, sizeof line, 0};

        for (unsigned j = i; j < i + 4; j++) {
            uint64_t value;

            report_reg(r, cpu, REG_R0 + j, &value);
            words_add(&w, "  r%-2u %016" PRIx64, j, value);
        }
        report_say(r, "%s", line);
    }
}

/* Some names to a line. */
static void say_names(struct report *r, unsigned cpu)
{
    char line[2 * WIDTH + 64];
    struct words w = {line, sizeof line, 0};

    for (unsigned i = 0; i < 16; i++) {
        struct linux_symbol s;
        uint64_t value;

        if (!report_reg(r, cpu, REG_R0 + i, &value) || !linux_symbol_at(r->g, value, &s) ||
            !linux_is_code(&s))
            continue;
        words_add(&w, "%s%s%u %.64s+0x%" PRIx64, w.len ? "" : "  code:", w.len ? ", r" : " r", i, s.name,
                  value - s.addr);
        if (w.len < WIDTH)
            continue;
        report_say(r, "%s", line);
        w.len = 0;
    }
    if (w.len)
        report_say(r, "%s", line);
}

/* Those that say which spaces there are, and what may interrupt. */
static void say_control(struct report *r, unsigned cpu)
{
    uint64_t c[16];

    for (unsigned i = 0; i < 16; i++)
        if (!report_reg(r, cpu, REG_C0 + i, &c[i]))
            return;
    report_say(r, "  c0  %016" PRIx64 "  c6  %016" PRIx64 "  c14 %016" PRIx64, c[0], c[6], c[14]);
    report_say(r, "  c1  %016" PRIx64 " (primary)  c7 %016" PRIx64 " (secondary)  c13 %016" PRIx64 " (home)",
               c[1], c[7], c[13]);
}

/* ---- the call chain ---- */

static void say_frame(struct report *r, size_t number, const struct linux_frame *f)
{
    char place[LINUX_NAME_BYTES], psw[48] = "";

    if (f->kind == FRAME_PT_REGS)
        snprintf(psw, sizeof psw, ", interrupted with PSW mask %016" PRIx64, f->psw_mask);
    report_say(r, "    #%-2zu%s%s%s", number, f->kind == FRAME_GUESS ? "?" : " ",
               linux_frame_describe(r->g, f, place, sizeof place), psw);
}

static bool has_guess(const struct linux_frame *frames, size_t n)
{
    while (n > 0 && frames[n - 1].kind != FRAME_GUESS)
        n--;
    return n > 0;
}

/* Of a CPU whose PSW leads nowhere, because its program new PSW does, from the interruption on that found it
 * so. */
static void say_chain(struct report *r, unsigned cpu, size_t max)
{
    bool cause = r->has_cause && cpu == r->in->cpu;
    struct psw psw = cause ? r->cause : report_psw(r, cpu);
    struct linux_frame frames[LINUX_FRAMES_MAX];
    const char *why = NULL;
    size_t n = linux_backtrace_at(r->g, cpu, psw, frames, LINUX_FRAMES_MAX, &why);
    size_t shown = n < max ? n : max;

    report_say(r, "  Call chain%s%s:", cause ? ", from the program old PSW" : "",
               has_guess(frames, shown) ? " (?: guessed, no back chain leads there)" : "");
    for (size_t i = 0; i < shown; i++) {
        if (i ? frames[i].stack != frames[i - 1].stack : frames[i].stack != STACK_UNKNOWN)
            report_say(r, "    -- %s stack --", linux_stack_name(frames[i].stack));
        say_frame(r, i, &frames[i]);
    }
    if (shown < n)
        report_say(r, "    ... %zu more", n - shown);
    else if (why)
        report_say(r, "    the chain ends here: %s", why);
}

void report_cpu(struct report *r, unsigned cpu)
{
    uint64_t prefix;
    bool has_prefix = report_reg(r, cpu, REG_PREFIX, &prefix);

    report_gap(r);
    if (has_prefix)
        report_say(r, "CPU %u: %s, prefix 0x%" PRIx64, cpu, cpu_state_name(machine_state(r->m, cpu)), prefix);
    else
        report_say(r, "CPU %u: %s", cpu, cpu_state_name(machine_state(r->m, cpu)));
    say_general(r, cpu);
    say_control(r, cpu);
    say_names(r, cpu);
    say_chain(r, cpu, LINUX_FRAMES_MAX);
}

void report_cpu_short(struct report *r, unsigned cpu, size_t frames)
{
    struct psw psw = report_psw(r, cpu);
    char place[REPORT_PLACE_BYTES];

    report_gap(r);
    report_say(r, "CPU %u: %s, PSW %016" PRIx64 " %s", cpu, cpu_state_name(machine_state(r->m, cpu)),
               psw.mask, report_place(r, psw.addr, place, sizeof place));
    if (frames)
        say_chain(r, cpu, frames);
}
