/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The panic report's first lines: what kind of end it is, of which CPU and which kernel. They are what the
 * manual page promises. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zgdbd/words.h"

/* ---- what kind of end ---- */

static bool at_panic(const struct report *r, uint64_t addr)
{
    uint64_t panic;

    return linux_symbol_named(r->g, "panic", &panic) && panic == addr;
}

/* Interruptions off: nothing but the CPU itself can end what it does. */
static bool is_disabled(uint64_t mask)
{
    return !(mask & (PSW_IO | PSW_EXT | PSW_PSTATE | PSW_WAIT));
}

static const char *loop_name(enum interruption_loop loop)
{
    switch (loop) {
    case LOOP_EXTERNAL:
        return "external-interruption loop";
    case LOOP_OPERATION:
        return "operation-exception loop";
    default:
        return "program-interruption loop";
    }
}

/* Of a CPU that stands for another reason than its end, or without any that is known. */
static const char *class_by_state(const struct report *r, struct psw psw)
{
    switch (machine_state(r->m, r->in->cpu)) {
    case CPU_DISABLED_WAIT:
        return "disabled wait";
    case CPU_STOPPED:
        return "stopped CPU";
    case CPU_WAITING:
        return "enabled wait";
    default:
        break;
    }
    if (at_panic(r, psw.addr))
        return "panic() called";
    return is_disabled(psw.mask) ? "runs with interruptions off" : "runs";
}

static const char *class_of(const struct report *r, struct psw psw)
{
    const struct stop *stop = r->in->stop && r->in->stop->cpu == r->in->cpu ? r->in->stop : NULL;

    if (r->in_loop)
        return loop_name(r->loop);
    switch (stop ? stop->reason : STOP_INTERRUPT) {
    case STOP_DISABLED_WAIT:
        return "disabled wait";
    case STOP_PANIC:
        return "panic() called";
    case STOP_SHUTDOWN:
        return "shutdown";
    case STOP_RESET:
        return "reset";
    case STOP_ERROR:
        return "cannot be run";
    default:
        return class_by_state(r, psw);
    }
}

/* ---- the lines behind it ---- */

static bool runs_disabled(const struct report *r, unsigned cpu)
{
    return machine_state(r->m, cpu) == CPU_RUNNING && is_disabled(report_psw(r, cpu).mask);
}

static bool waits_disabled(const struct report *r, unsigned cpu)
{
    return machine_state(r->m, cpu) == CPU_DISABLED_WAIT;
}

static void say_others(struct report *r, bool (*is)(const struct report *r, unsigned cpu), const char *what)
{
    char text[REPORT_LINE_BYTES];
    struct words w = {text, sizeof text, 0};

    for (unsigned cpu = 0; cpu < r->m->ncpus; cpu++)
        if (cpu != r->in->cpu && is(r, cpu))
            words_add(&w, "%s%u", w.len ? ", " : "", cpu);
    if (w.len)
        report_say(r, "note         %s CPU %s", what, text);
}

static void say_stop(struct report *r)
{
    const struct stop *stop = r->in->stop;
    bool quiet = stop && stop->reason != STOP_INTERRUPT;

    if (stop && stop->text[0])
        report_say(r, "stop         %s", stop->text);
    if (r->found)
        report_say(r, "note         the program new PSW leads to where no instruction can be fetched, which "
                      "interrupts again, for ever");
    else if (!quiet && runs_disabled(r, r->in->cpu))
        report_say(r,
                   "note         I/O and external interruptions are off; if the CPU is found here again and "
                   "again, it is in an endless loop");
    if (quiet)
        return;
    /* Who interrupts a guest that hangs is told by any of its CPUs: the others may be the ones that hang. */
    say_others(r, runs_disabled, "with I/O and external interruptions off runs");
    say_others(r, waits_disabled, "in a disabled wait is");
}

static void say_psw(struct report *r, struct psw psw)
{
    char text[192], place[REPORT_PLACE_BYTES];

    report_say(r, "PSW          %s", psw_describe(psw, text, sizeof text));
    if (strchr(report_place(r, psw.addr, place, sizeof place), '+'))
        report_say(r, "at           %s", place + sizeof "0123456789abcdef ");
}

/* panic() has said nothing yet; its first argument is what it is going to say. */
static void say_argument(struct report *r, struct psw psw)
{
    struct linux_frame caller = {.kind = FRAME_CALL};
    char text[200], place[LINUX_NAME_BYTES];
    uint64_t format;

    if (!at_panic(r, psw.addr) || !report_reg(r, r->in->cpu, REG_R0 + 2, &format) ||
        !linux_read_string(r->g, format, text, sizeof text))
        return;
    report_say(r, "said         panic(\"%s\")", text);
    if (report_reg(r, r->in->cpu, REG_R0 + 14, &caller.pc))
        report_say(r, "called from  %s", linux_frame_describe(r->g, &caller, place, sizeof place));
}

/* Where a kernel's loader begins (arch/s390/boot/head.S); its place is free for others once Linux runs. */
#define IMAGE_MARK "S390EP"
#define IMAGE_MARK_AT 0x10008u

static bool image_is_there(const struct report *r)
{
    char mark[sizeof IMAGE_MARK - 1];

    return machine_read_memory(r->m, r->in->cpu, SPACE_ABSOLUTE, IMAGE_MARK_AT, mark, sizeof mark) ==
               sizeof mark &&
           memcmp(mark, IMAGE_MARK, sizeof mark) == 0;
}

static void say_kernel(struct report *r)
{
    const struct linux_facts *f = r->facts;
    char kaslr[48] = "";
    struct err e;
    size_t n;

    if (f->has_kaslr && f->kaslr_offset)
        snprintf(kaslr, sizeof kaslr, ", KASLR offset 0x%" PRIx64, f->kaslr_offset);
    if (f->state == LINUX_READABLE)
        report_say(r, "kernel       Linux %s%s", f->release, kaslr);
    else if (f->state == LINUX_PLACED)
        report_say(r,
                   "kernel       Linux, placed by its loader%s; its symbols and its log cannot be read yet",
                   kaslr);
    else if (image_is_there(r))
        report_say(r,
                   "kernel       Linux by its image, which has not come far enough for its symbols and its "
                   "log to be read: its console has its last words");
    else
        report_say(
            r, "kernel       unknown: no Linux, or it has not come far enough for its symbols to be read");
    if (f->state == LINUX_READABLE && linux_symbol_count(r->g, &n, &e))
        report_say(r, "symbols      none: %s", e.text);
}

static void say_time(struct report *r)
{
    if (r->in->has_ran)
        report_say(r, "ran          for %" PRIu64 ".%03u s, not counting stops", r->in->ran / 1000000000,
                   (unsigned)(r->in->ran % 1000000000 / 1000000));
}

static void say_cpus(struct report *r)
{
    static const enum cpu_state states[] = {CPU_RUNNING, CPU_WAITING, CPU_DISABLED_WAIT, CPU_STOPPED};
    char text[120];
    struct words w = {text, sizeof text, 0};

    text[0] = 0;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        unsigned n = 0;

        for (unsigned cpu = 0; cpu < r->m->ncpus; cpu++)
            n += machine_state(r->m, cpu) == states[i];
        if (n)
            words_add(&w, "%s%u %s", w.len ? ", " : "", n, cpu_state_name(states[i]));
    }
    report_say(r, "CPUs         %u: %s", r->m->ncpus, text);
}

void report_headline(struct report *r)
{
    struct psw psw = report_psw(r, r->in->cpu);

    report_say(r, "zgdbd report: %s, CPU %u", class_of(r, psw), r->in->cpu);
    say_stop(r);
    report_said(r);
    say_argument(r, psw);
    say_psw(r, psw);
    say_kernel(r);
    say_time(r);
    say_cpus(r);
}

/* ---- which CPU ---- */

/* kernel/panic.c: the number of the CPU that panics, all ones before. */
unsigned report_cpu_of_end(struct machine *m, struct linux_guest *g, unsigned otherwise)
{
    uint64_t addr;
    uint32_t cpu;

    if (linux_symbol_named(g, "panic_cpu", &addr) && linux_read_u32(g, addr, &cpu) && cpu < m->ncpus)
        return cpu;
    for (cpu = 0; cpu < m->ncpus; cpu++)
        if (machine_state(m, cpu) == CPU_DISABLED_WAIT)
            return cpu;
    return otherwise;
}
