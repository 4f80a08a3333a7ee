/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor` commands about what the guest's Linux kernel was doing: its log and call chains. */
#include <string.h>

#include "monitor.h"

/* ---- dmesg ---- */

struct printing {
    struct text *out;
    char lines[0x10000 + 64];
};

/* The kernel's records have 1 KiB at most; one that has far more, and in very many lines, is cut. */
static void put_record(void *ctx, const struct linux_log_record *record)
{
    struct printing *p = ctx;
    size_t len = linux_log_format(record, p->lines, sizeof p->lines);
    if (len >= sizeof p->lines)
        len = sizeof p->lines - 1;
    for (size_t at = 0; at < len; at += 1024)
        put(p->out, "%.1024s", p->lines + at);
}

bool mon_dmesg(struct session *s, const char *args, struct text *out)
{
    struct printing p = {.out = out};
    uint64_t last = 0;
    const char *rest = "";
    struct err e;
    if (*args && (!take_number(args, &last, &rest) || *rest || last == 0))
        return false;
    if (linux_log(s->target->linux_guest, last > SIZE_MAX ? SIZE_MAX : (size_t)last, put_record, &p, &e))
        put(out, "%s\n", e.text);
    return true;
}

/* ---- bt ---- */

/* The stack is named where the chain comes to it. */
static void put_frame(struct linux_guest *g, size_t n, const struct linux_frame *frames, struct text *out)
{
    const struct linux_frame *f = &frames[n];
    char words[400];
    if (n == 0 && f->user)
        put(out, "user space:\n");
    else if (n == 0 || (f->stack != frames[n - 1].stack && !f->user))
        put(out, "%s stack:\n", linux_stack_name(f->stack));
    put(out, "%c#%-2zu %s%s\n", f->kind == FRAME_GUESS ? '?' : ' ', n,
        linux_frame_describe(g, f, words, sizeof words),
        f->kind == FRAME_PT_REGS && !f->user ? ", interrupted" : "");
}

static void put_chain(struct linux_guest *g, const struct linux_frame *frames, size_t n, const char *why,
                      struct text *out)
{
    for (size_t i = 0; i < n; i++)
        put_frame(g, i, frames, out);
    if (why)
        put(out, "That is not all: %s.\n", why);
}

static void put_cpu_chain(struct linux_guest *g, unsigned cpu, struct text *out)
{
    struct linux_frame frames[LINUX_FRAMES_MAX];
    const char *why;
    put(out, "CPU %u, ", cpu);
    size_t n = linux_backtrace(g, cpu, frames, LINUX_FRAMES_MAX, &why);
    put_chain(g, frames, n, why, out);
}

static void put_task_chain(struct linux_guest *g, const struct linux_task *task, struct text *out)
{
    struct linux_frame frames[LINUX_FRAMES_MAX];
    const char *why;
    put(out, "pid %d, %s, ", task->pid, task->comm);
    if (task->cpu >= 0) {
        put_cpu_chain(g, (unsigned)task->cpu, out);
        return;
    }
    size_t n = linux_backtrace_task(g, task->sp, frames, LINUX_FRAMES_MAX, &why);
    put_chain(g, frames, n, why, out);
}

bool mon_bt(struct session *s, const char *args, struct text *out)
{
    struct linux_guest *g = s->target->linux_guest;
    const struct linux_task *task;
    uint64_t pid;
    const char *rest;
    unsigned cpu;
    if (strncmp(args, "pid", 3) == 0) {
        args += 3 + strspn(args + 3, " \t");
        if (!take_number(args, &pid, &rest) || *rest)
            return false;
        if (take_task(s, pid, &task, out))
            put_task_chain(g, task, out);
    } else if (!*args && (task = session_monitor_task(s))) {
        put_task_chain(g, task, out);
    } else if (take_cpu(s, args, &cpu, out)) {
        put_cpu_chain(g, cpu, out);
    }
    return true;
}
