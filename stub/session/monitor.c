/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb's `monitor` commands: a table of names, help texts and functions that write text. A new command is one
 * entry. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define COUNTERS_MAX 64
#define LC_RESTART_NEW_PSW 0x1a0

/* Text on its way to gdb's console. It leaves in O packets, which gdb shows one by one until OK comes, so
 * that a long list needs no packet of its size. */
struct text {
    struct session *session;
    bool cut; /* the reply's buffer was full */
    size_t len;
    char buf[2048];
};

/* Kept free in the reply's buffer: the note that says that text was cut, OK, and their frames. */
#define TEXT_RESERVE 256u

static void flush(struct text *t)
{
    struct rsp_out *o = &t->session->out;
    if (2 * t->len + TEXT_RESERVE > o->cap - o->len)
        t->cut = true;
    else if (t->len)
        session_output_text(t->session, t->buf);
    t->len = 0;
}

/* What is longer than the buffer is cut. */
__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
    char part[sizeof t->buf];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(part, sizeof part, fmt, ap);
    va_end(ap);
    if (n <= 0 || t->cut)
        return;
    size_t len = (size_t)n < sizeof part ? (size_t)n : sizeof part - 1;
    if (len >= sizeof t->buf - t->len)
        flush(t);
    memcpy(t->buf + t->len, part, len + 1);
    t->len += len;
}

static void finish(struct text *t)
{
    flush(t);
    if (t->cut)
        session_output_text(t->session, "zgdbd: there is more than fits into one answer\n");
    rsp_reply(&t->session->out, "OK");
}

struct monitor_command {
    const char *name;
    const char *help;
    void (*run)(struct session *s, struct text *out);
};

static void mon_help(struct session *s, struct text *out);

static uint64_t reg_value(const struct session *s, unsigned cpu, unsigned reg)
{
    uint8_t bytes[REG_MAX_BYTES] = {0};
    if (!target_has_reg(s->target, reg) || machine_read_reg(s->target->machine, cpu, reg, bytes))
        return 0;
    return reg_table[reg].bytes == 4 ? load_be32(bytes) : load_be64(bytes);
}

static void put_psw(const struct session *s, unsigned cpu, struct text *out)
{
    char line[192];
    struct psw psw = {reg_value(s, cpu, REG_PSWM), reg_value(s, cpu, REG_PSWA)};
    put(out, "%s", psw_describe(psw, line, sizeof line));
}

static void mon_psw(struct session *s, struct text *out)
{
    put_psw(s, s->cpu, out);
    put(out, "\n");
}

/* Four to a line, as the architecture's dumps are printed. */
static void put_block(const struct session *s, const char *name, unsigned first, struct text *out)
{
    for (unsigned i = 0; i < 16; i++)
        put(out, "%s%-2u %0*llx%s", name, i, reg_table[first].bytes * 2,
            (unsigned long long)reg_value(s, s->cpu, first + i), i % 4 == 3 ? "\n" : "  ");
}

static void mon_regs(struct session *s, struct text *out)
{
    put(out, "CPU %u\nPSW ", s->cpu);
    put_psw(s, s->cpu, out);
    put(out, "\n");
    put_block(s, "r", REG_R0, out);
    put_block(s, "a", REG_A0, out);
    if (target_has_reg(s->target, REG_C0))
        put_block(s, "c", REG_C0, out);
    for (unsigned reg = REG_CKC; reg <= REG_PREFIX; reg++)
        if (target_has_reg(s->target, reg))
            put(out, "%s %016llx\n", reg_table[reg].name, (unsigned long long)reg_value(s, s->cpu, reg));
}

static void mon_cpus(struct session *s, struct text *out)
{
    for (unsigned cpu = 0; cpu < s->target->machine->ncpus; cpu++) {
        put(out, "%c CPU %u: %s, PSW ", cpu == s->cpu ? '*' : ' ', cpu,
            cpu_state_name(machine_state(s->target->machine, cpu)));
        put_psw(s, cpu, out);
        put(out, "\n");
    }
}

static void mon_exits(struct session *s, struct text *out)
{
    struct machine_counter counters[COUNTERS_MAX];
    size_t n = machine_counters(s->target->machine, counters, COUNTERS_MAX);
    for (size_t i = 0; i < n; i++)
        put(out, "%12llu %s\n", (unsigned long long)counters[i].count, counters[i].name);
    if (n == 0)
        put(out, "The guest has not left KVM yet.\n");
}

static void mon_reset(struct session *s, struct text *out)
{
    struct err e;
    if (target_reset(s->target, NULL, &e))
        put(out, "The guest could not be reset: %s\n", e.text);
    else
        put(out, "The guest stands at its first instruction. To make gdb read its registers again: "
                 "maintenance flush register-cache\n");
}

static void mon_powerdown(struct session *s, struct text *out)
{
    struct err e;
    if (target_powerdown(s->target, &e))
        put(out, "The guest is not asked to shut down: %s\n", e.text);
    else
        put(out, "The guest is asked to shut down: continue, and it does so in order.\n");
}

/* Where the CPU goes on: the PSW at real 0x1a0. */
static void put_restart_psw(const struct session *s, struct text *out)
{
    char line[192];
    uint8_t bytes[16];
    if (machine_read_memory(s->target->machine, s->cpu, SPACE_REAL, LC_RESTART_NEW_PSW, bytes,
                            sizeof bytes) == sizeof bytes) {
        struct psw psw = {load_be64(bytes), load_be64(bytes + 8)};
        put(out, "%s", psw_describe(psw, line, sizeof line));
    }
    put(out, "\n");
}

static void mon_restart(struct session *s, struct text *out)
{
    bool stopped = machine_state(s->target->machine, s->cpu) == CPU_STOPPED;
    struct err e;
    if (target_restart(s->target, s->cpu, &e)) {
        put(out, "CPU %u is not restarted: %s\n", s->cpu, e.text);
        return;
    }
    if (stopped)
        put(out,
            "CPU %u was stopped and is restarted: it stands at its restart new PSW. To make gdb read its "
            "registers again: maintenance flush register-cache\n",
            s->cpu);
    else
        put(out, "Continue, and CPU %u takes a restart interruption, whose new PSW is\n", s->cpu);
    put_restart_psw(s, out);
}

static void mon_quit(struct session *s, struct text *out)
{
    target_quit(s->target, EXIT_SHUTDOWN);
    put(out, "zgdbd ends, and the guest with it.\n");
}

static const struct monitor_command commands[] = {
    {"help", "this list", mon_help},
    {"psw", "the PSW of the selected CPU, decoded", mon_psw},
    {"regs", "PSW, general, access and control registers, timers and prefix of the selected CPU", mon_regs},
    {"cpus", "every CPU with its state and PSW", mon_cpus},
    {"exits", "how often the guest has left KVM, by reason", mon_exits},
    {"reset", "load the image again: the guest stands at its first instruction", mon_reset},
    {"restart", "PSW restart of the selected CPU, a stopped or waiting one too", mon_restart},
    {"powerdown", "ask the guest to shut down in order", mon_powerdown},
    {"quit", "end the daemon and the guest", mon_quit},
};

#define NCOMMANDS (sizeof commands / sizeof *commands)

static void mon_help(struct session *s, struct text *out)
{
    (void)s;
    for (size_t i = 0; i < NCOMMANDS; i++)
        put(out, "%-9s %s\n", commands[i].name, commands[i].help);
}

void cmd_monitor(struct session *s, const struct rsp_request *r)
{
    struct text out = {.session = s};
    size_t len = r->monitor.text_len;
    const char *name = r->monitor.text;
    while (len && (*name == ' ' || *name == '\t')) {
        name++;
        len--;
    }
    while (len && (name[len - 1] == ' ' || name[len - 1] == '\t' || name[len - 1] == '\n'))
        len--;
    size_t i = 0;
    while (i < NCOMMANDS && (strlen(commands[i].name) != len || memcmp(commands[i].name, name, len) != 0))
        i++;
    if (i < NCOMMANDS)
        commands[i].run(s, &out);
    else if (len == 0)
        mon_help(s, &out);
    else
        put(&out, "No monitor command is called \"%.*s\"; `monitor help` lists them.\n",
            len < 64 ? (int)len : 64, name);
    finish(&out);
}
