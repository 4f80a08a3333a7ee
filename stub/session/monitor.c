/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb's `monitor` commands: a table of names, arguments, help texts and functions that write text. A new
 * command is one entry. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor.h"
#include "zgdbd/bytes.h"

#define COUNTERS_MAX 64

#define CUT "zgdbd: there is more than fits into one answer\n"

/* Kept free in the reply's buffer: the note that says that text was cut, OK, and their frames. */
#define TEXT_RESERVE 256u

static bool has_room(const struct session *s, size_t bytes)
{
    return 2 * bytes + TEXT_RESERVE <= s->out.cap - s->out.len;
}

/* False if there is no memory for it. */
static bool keep(struct rest *r, const char *text, size_t len)
{
    if (len > r->cap - r->len) {
        size_t cap = 2 * r->cap + 0x10000;
        char *grown = realloc(r->text, cap);
        if (!grown)
            return false;
        r->text = grown;
        r->cap = cap;
    }
    memcpy(r->text + r->len, text, len);
    r->len += len;
    return true;
}

static void flush(struct text *t)
{
    struct session *s = t->session;
    if (t->len && !s->rest.len && has_room(s, t->len))
        session_output_text(s, t->buf);
    else if (t->len && !t->cut)
        t->cut = s->rest.len > TEXT_MAX || !keep(&s->rest, t->buf, t->len);
    t->len = 0;
}

void put(struct text *t, const char *fmt, ...)
{
    char part[sizeof t->buf];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(part, sizeof part, fmt, ap);
    va_end(ap);
    if (n <= 0)
        return;
    size_t len = (size_t)n < sizeof part ? (size_t)n : sizeof part - 1;
    if (len >= sizeof t->buf - t->len)
        flush(t);
    if (t->cut)
        return;
    memcpy(t->buf + t->len, part, len + 1);
    t->len += len;
}

/* As much of the rest as there is room for. */
static bool put_rest(struct session *s)
{
    struct rest *r = &s->rest;
    while (r->done < r->len) {
        size_t n = r->len - r->done < 1024 ? r->len - r->done : 1024;
        if (!has_room(s, n))
            return false;
        session_output_bytes(s, (const uint8_t *)r->text + r->done, n);
        r->done += n;
    }
    rsp_reply(&s->out, "OK");
    return true;
}

bool monitor_finish(struct text *t)
{
    struct session *s = t->session;
    flush(t);
    if (t->cut)
        keep(&s->rest, CUT, sizeof CUT - 1);
    if (s->rest.len) {
        s->work = (struct work){.step = put_rest};
        return false;
    }
    rsp_reply(&s->out, "OK");
    return true;
}

struct monitor_command {
    const char *name;
    const char *arguments; /* in words; NULL: it takes none, and run is its function */
    const char *help;
    const char *more; /* for `monitor help NAME`, or NULL */
    void (*run)(struct session *s, struct text *out);
    monitor_fn *run_with;
};

static bool read_reg(const struct session *s, unsigned cpu, unsigned reg, uint8_t *bytes)
{
    return target_has_reg(s->target, reg) && machine_read_reg(s->target->machine, cpu, reg, bytes) == 0;
}

uint64_t reg_value(const struct session *s, unsigned cpu, unsigned reg)
{
    uint8_t bytes[REG_MAX_BYTES] = {0};
    if (!read_reg(s, cpu, reg, bytes))
        return 0;
    return reg_table[reg].bytes == 4 ? load_be32(bytes) : load_be64(bytes);
}

/* All its digits; dashes for one that has no value. */
static void put_value(const struct session *s, unsigned cpu, unsigned reg, struct text *out)
{
    int digits = reg_table[reg].bytes * 2;
    uint8_t bytes[REG_MAX_BYTES];
    if (read_reg(s, cpu, reg, bytes))
        put(out, "%0*llx", digits, (unsigned long long)reg_value(s, cpu, reg));
    else
        put(out, "%.*s", digits, "----------------");
}

static void put_psw(const struct session *s, unsigned cpu, struct text *out)
{
    char line[192];
    struct psw psw = {reg_value(s, cpu, REG_PSWM), reg_value(s, cpu, REG_PSWA)};
    put(out, "%s", psw_describe(psw, line, sizeof line));
}

/* Four to a line, as the architecture's dumps are printed. */
static void put_block(const struct session *s, unsigned cpu, const char *name, unsigned first,
                      struct text *out)
{
    for (unsigned i = 0; i < 16; i++) {
        put(out, "%s%-2u ", name, i);
        put_value(s, cpu, first + i, out);
        put(out, i % 4 == 3 ? "\n" : "  ");
    }
}

static void put_register(const struct session *s, unsigned cpu, unsigned reg, struct text *out)
{
    if (!target_has_reg(s->target, reg))
        return;
    put(out, "%s ", reg_table[reg].name);
    put_value(s, cpu, reg, out);
    put(out, "\n");
}

static void put_riccb(const struct session *s, unsigned cpu, struct text *out)
{
    uint8_t bytes[REG_MAX_BYTES];
    if (!target_has_reg(s->target, REG_RICCB) || machine_read_reg(s->target->machine, cpu, REG_RICCB, bytes))
        return;
    put(out, "%s", reg_table[REG_RICCB].name);
    for (unsigned i = 0; i < reg_table[REG_RICCB].bytes; i += 8)
        put(out, " %016llx", (unsigned long long)load_be64(bytes + i));
    put(out, "\n");
}

static void put_doubt(const struct session *s, unsigned cpu, struct text *out)
{
    const char *doubt = machine_doubt(s->target->machine, cpu);
    if (doubt)
        put(out, "%s\n", doubt);
}

static bool mon_regs(struct session *s, const char *args, struct text *out)
{
    unsigned cpu;
    if (!take_cpu(s, args, &cpu, out))
        return true;
    put(out, "CPU %u\nPSW ", cpu);
    put_psw(s, cpu, out);
    put(out, "\n");
    put_block(s, cpu, "r", REG_R0, out);
    put_block(s, cpu, "a", REG_A0, out);
    if (target_has_reg(s->target, REG_C0))
        put_block(s, cpu, "c", REG_C0, out);
    for (unsigned reg = REG_CKC; reg < REG_RICCB; reg++)
        put_register(s, cpu, reg, out);
    for (unsigned reg = REG_GSD; reg <= REG_GSEPLA; reg++)
        put_register(s, cpu, reg, out);
    put_riccb(s, cpu, out);
    put_doubt(s, cpu, out);
    return true;
}

static void mon_cpus(struct session *s, struct text *out)
{
    for (unsigned cpu = 0; cpu < s->target->machine->ncpus; cpu++) {
        put(out, "%c CPU %u: %s, PSW ", cpu == s->monitor_cpu ? '*' : ' ', cpu,
            cpu_state_name(machine_state(s->target->machine, cpu)));
        put_psw(s, cpu, out);
        put(out, "\n");
        put_doubt(s, cpu, out);
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

static void mon_quit(struct session *s, struct text *out)
{
    target_quit(s->target, EXIT_SHUTDOWN);
    put(out, s->target->machine->fixed ? "zgdbd ends.\n" : "zgdbd ends, and the guest with it.\n");
}

static monitor_fn mon_help;

static const struct monitor_command commands[] = {
    {"help", "[COMMAND]", "this list, or more on one command", NULL, NULL, mon_help},
    {"psw", "[N]", "the PSW of the selected CPU, or of CPU N, every bit named", NULL, NULL, mon_psw},
    {"regs", "[N]", "all registers of the selected CPU, or of CPU N, but floating point and vectors", NULL,
     NULL, mon_regs},
    {"cpus", NULL, "every CPU with its state and PSW, * the selected one", NULL, mon_cpus, NULL},
    {"space", "[SPACE]", "how gdb's addresses are understood, or set that",
     "SPACE is default (as the PSW says, and where that does not translate through the home\n"
     "space), psw, primary, secondary, home, real, absolute, or ar N: by the ALET in access\n"
     "register N of the selected CPU. It is in force for gdb's reads, writes and searches of\n"
     "memory, also of code and stack for steps and backtraces, until another is set or gdb has\n"
     "gone. What the address of a breakpoint, a watchpoint or a condition means does not depend\n"
     "on it.\n",
     NULL, mon_space},
    {"translate", "ADDRESS [SPACE]", "how the selected CPU translates an address, table by table",
     "SPACE is one of `monitor help space`; without it the address is understood as gdb's are.\n"
     "After the table entries come the absolute address, what forbids stores and instruction\n"
     "fetches there, and the storage key.\n",
     NULL, mon_translate},
    {"dmesg", "[N]", "the log of the guest's Linux kernel, or its last N records",
     "It is read from the guest's memory, printk's ring buffer, where vmcoreinfo says that it is (Linux "
     "5.10\n"
     "and later): with what the console did not show, and what had not come to it yet.\n",
     NULL, mon_dmesg},
    {"bt", "[N | pid PID]",
     "the call chain of the selected thread, of CPU N or of a task, in the Linux kernel",
     "From frame to frame by back chains, and through the registers of what was interrupted, from stack to\n"
     "stack. Where that is broken, what else in the stack looks like a return address follows, marked with "
     "?.\n",
     NULL, mon_bt},
    {"lowcore", "[N]", "the prefix area of the selected CPU, or of CPU N, field by field", NULL, NULL,
     mon_lowcore},
    {"panic-stop", "[on|off]", "whether the first instruction of panic() in a Linux guest stops it",
     "on at start. A breakpoint of the debugger's own at panic() goes before it.\n", NULL, mon_panic_stop},
    {"symbols", "[NAME|ADDRESS]", "what is known of the guest's Linux kernel, or one of its symbols",
     "They come from the kernel's own memory (kallsyms, of Linux 6.0 and later), with KASLR too, once it "
     "has\n"
     "started far enough. With NAME: where that is; with ADDRESS (0x10fdee): what is there.\n",
     NULL, mon_symbols},
    {"modules", NULL, "the modules of the guest's Linux kernel, and where their code is", NULL, mon_modules,
     NULL},
    {"panic", "[N]", "the report on the guest as it stands, about the selected CPU or CPU N",
     "What a guest's end is told by, at any stop: what kind of end, the kernel's last words, registers, "
     "call\n"
     "chain, code, the last program interruption and the other CPUs, as far as they can be read.\n",
     NULL, mon_panic},
    {"exits", NULL, "how often the guest has left KVM, by reason", NULL, mon_exits, NULL},
    {"trace", "[on | off | show [N] [REASON...]]", "record the guest's exits, and show the last ones",
     "While it is on, the last 65536 exits are kept with time, CPU, PSW, reason and what the guest wanted, "
     "and\n"
     "the last 12 are shown when the guest crashes. show prints the last 20 or N (256 at most), or the last "
     "of\n"
     "these reasons: debug, service-call, diag, sigp, other-instruction, operation-exception, "
     "disabled-wait,\n"
     "stop, interruption-loop, reset, kick, other. Without anything it says whether the trace is on.\n",
     NULL, mon_trace},
    {"breakpoints", "[reset]", "breakpoints and watchpoints with their counters, or set these to zero",
     "\"reached\" counts how often a CPU came there, \"hit\" how often a condition was true then. gdb takes "
     "its\n"
     "breakpoints out at each stop; counters go on when the same ones are set again.\n",
     NULL, mon_breakpoints},
    {"watch-if", "[ADDRESS [EXPRESSION]]", "a condition for watchpoints that cover ADDRESS",
     "A watchpoint that covers ADDRESS (0x2000 or 8192) stops only if EXPRESSION is not zero. Without\n"
     "EXPRESSION the condition is removed, without ADDRESS all are shown. In an expression, as in C: "
     "numbers,\n"
     "old and new (what is watched, before and after), registers ($r5, $pswa), memory (u8[ADDR], u16[], "
     "u32[],\n"
     "u64[], s8[] to s64[]), parentheses and operators.\n",
     NULL, mon_watch_if},
    {"per", NULL, "hardware breakpoints and watchpoints (PER): range, holders and cost", NULL, mon_per, NULL},
    {"step-interrupts", "[on|off]", "whether a step may stop in an interruption handler",
     "off (at start): interruptions from outside (external, I/O, machine check) wait while the CPU is "
     "stepped "
     "and\n"
     "come when it continues. SVC and program interruptions belong to the instruction and are always "
     "taken.\n",
     NULL, mon_step_interrupts},
    {"catch", "[[once] [after N] EVENT [CODE...] [if EXPRESSION]]",
     "stop when the guest does something, or list what is caught",
     "EVENT          CODE\n"
     "program        program interruption code: 0x11, 17 or page-translation\n"
     "svc            SVC number\n"
     "external       external interruption code: 0x1004 or clock-comparator\n"
     "io             subchannel number\n"
     "machine-check, restart\n"
     "These stop at the first instruction of the handler, before it is executed. The following stop when "
     "they\n"
     "come to the monitor, before they are carried out; going on carries them out (a step just that), but\n"
     "not if the PSW's address was changed:\n"
     "wait           a disabled wait\n"
     "diag           function code: 0x308 or IPL\n"
     "sigp           order: 0x6 or restart; KVM carries some out itself, which are not seen\n"
     "service-call   command of the SCLP: 0x120001\n"
     "exit           its name in `monitor exits`, with - for blanks, but not debug and kick\n"
     "Events, and names of exits, may be shortened as long as they are clear.\n"
     "Without CODE any is caught. once: only the first; after N: not the first N; if: EXPRESSION as in\n"
     "`monitor watch-if`, in which new is the code and old the address in the old PSW.\n",
     NULL, mon_catch},
    {"uncatch", "N|all", "remove a catchpoint, or all", NULL, NULL, mon_uncatch},
    {"tod", "[stop|run]", "whether the guest's TOD clock stands or runs on while the guest is stopped",
     "It stands unless `run` or --tod run says otherwise, so that a guest does not take a long stop for a "
     "hang of\n"
     "its own; its clock is then behind by the time of all stops. In force from now on.\n",
     NULL, mon_tod},
    {"reset", "[clear|normal]", "load the image again: the guest stands at its first instruction",
     "clear (if nothing is said) clears memory and all registers first. normal leaves memory, and of the "
     "CPUs the\n"
     "general, floating-point and access registers, and loads the image over it.\n",
     NULL, mon_reset},
    {"restart", "[N]", "PSW restart of the selected CPU, or of CPU N, a stopped or waiting one too", NULL,
     NULL, mon_restart},
    {"nmi", "[N]", "the same as restart, as other monitors call it", NULL, NULL, mon_restart},
    {"stop-cpu", "[N]", "put the selected CPU, or CPU N, into the stopped state", NULL, NULL, mon_stop_cpu},
    {"start-cpu", "[N]", "let the selected CPU, or CPU N, leave the stopped state", NULL, NULL,
     mon_start_cpu},
    {"store-status", "[N]", "store the status of the selected CPU, or of CPU N, at absolute 0x1200",
     "Its registers in 512 bytes, as the architecture's store-status operation does, and 1 (z/Architecture) "
     "at\n"
     "absolute 0xa3. All CPUs have the same place.\n",
     NULL, mon_store_status},
    {"inject", "external CODE [PARAM]|io SUBCHANNEL [PARAM [WORD]]|machine-check MCIC [CR14]|program CODE",
     "an interruption for the selected CPU",
     "It is pending until the CPU (io: any CPU) is enabled for it. A program interruption is taken at once, "
     "as are\n"
     "external ones that KVM cannot keep, all but 0x1201, 0x1202, 0x2401 and 0x2603: the CPU must be enabled "
     "for\n"
     "them. PARAM is the CPU that sends 0x1201 or 0x1202, else the interruption's parameter. WORD is the "
     "I/O\n"
     "interruption word, with the subclass in its bits 2-4. Numbers are decimal, or hexadecimal with 0x.\n",
     NULL, mon_inject},
    {"dump", "FILE", "write memory and registers of the guest into a file for crash, drgn and zgdbd --core",
     "An ELF vmcore with every CPU's registers, all of memory (pages of zeros take no room) and, of a Linux\n"
     "guest, its VMCOREINFO. FILE is a plain name; it is made in the directory of --dump-dir (where zgdbd "
     "was\n"
     "started if that is not given), and nothing that exists is overwritten. An interrupt character or the\n"
     "end of the connection ends it and removes the file.\n",
     NULL, mon_dump},
    {"ps", "[TEXT]", "the tasks of a Linux guest, * those that a CPU runs; with TEXT in their name",
     "Each with pid, pid of its process, state (R running or ready, S sleeping, D uninterruptible, T "
     "stopped,\n"
     "t traced, Z zombie, P parked, I idle), the CPU that ran it last, and name, in brackets those of the "
     "kernel.\n",
     NULL, mon_ps},
    {"threads", "[cpus|tasks]", "what gdb's threads are: the CPUs, or the tasks of a Linux guest too",
     "With tasks each task that no CPU runs is a thread of its own, with the registers that the kernel has\n"
     "kept when it switched to another: the PSW, r6 to r15. Such a thread can be looked at, and neither be\n"
     "changed nor continued by itself. Not in non-stop.\n",
     NULL, mon_threads},
    {"task-layout", "[KEY=NUMBER...]",
     "where the kernel's structures have what `monitor ps` needs, or tell that",
     "From the kernel's BTF, where its memory has that; else as told: the bytes from the beginning of\n"
     "task_struct to tasks, pid, tgid, comm, stack, mm, thread_ksp (thread.ksp), thread_node and signal, of\n"
     "signal_struct to thread_head and, where known, of task_struct to state (__state) and cpu\n"
     "(thread_info.cpu), of the lowcore to current (current_task). zgdbd-gdb.py tells it.\n",
     NULL, mon_task_layout},
    {"powerdown", NULL, "ask the guest to shut down in order", NULL, mon_powerdown, NULL},
    {"quit", NULL, "end the daemon and the guest", NULL, mon_quit, NULL},
};

#define NCOMMANDS (sizeof commands / sizeof *commands)

static void put_usage(const struct monitor_command *c, struct text *out)
{
    put(out, "usage: monitor %s%s%s\n", c->name, c->arguments ? " " : "", c->arguments ? c->arguments : "");
}

/* Whether the command is meant by the first len characters of a name. */
static bool begins(const struct monitor_command *c, const char *name, size_t len)
{
    return strncmp(c->name, name, len) == 0;
}

static void put_candidates(const char *name, size_t len, struct text *out)
{
    const char *between = "";
    put(out, "\"%.*s\" may be ", (int)len, name);
    for (size_t i = 0; i < NCOMMANDS; i++)
        if (begins(&commands[i], name, len)) {
            put(out, "%s%s", between, commands[i].name);
            between = ", ";
        }
    put(out, ".\n");
}

/* A name may be shortened as long as it remains clear. NULL, and the user is told why, if it is not. */
static const struct monitor_command *command(const char *name, size_t len, struct text *out)
{
    const struct monitor_command *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < NCOMMANDS; i++)
        if (begins(&commands[i], name, len)) {
            if (strlen(commands[i].name) == len)
                return &commands[i];
            found = &commands[i];
            n++;
        }
    if (n == 0)
        put(out, "No monitor command is called \"%.*s\"; `monitor help` lists them.\n",
            len < 64 ? (int)len : 64, name);
    else if (n > 1)
        put_candidates(name, len, out);
    return n == 1 ? found : NULL;
}

static bool mon_help(struct session *s, const char *args, struct text *out)
{
    (void)s;
    if (*args) {
        const struct monitor_command *c = command(args, strlen(args), out);
        if (c) {
            put_usage(c, out);
            put(out, "%s\n%s", c->help, c->more ? c->more : "");
        }
        return true;
    }
    for (size_t i = 0; i < NCOMMANDS; i++)
        put(out, "%-15s %s\n", commands[i].name, commands[i].help);
    return true;
}

#define BLANKS " \t\n"

/* Whether the command is of use only where something can run or be changed. */
static bool moves(const struct monitor_command *c)
{
    static const char *const names[] = {
        "exits",    "trace",     "breakpoints",  "watch-if", "per",      "step-interrupts",
        "catch",    "uncatch",   "tod",          "reset",    "restart",  "nmi",
        "stop-cpu", "start-cpu", "store-status", "inject",   "powerdown"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(c->name, names[i]) == 0)
            return true;
    return false;
}

static void run_line(struct session *s, const char *line, struct text *out)
{
    size_t len = strcspn(line, BLANKS);
    const char *args = line + len + strspn(line + len, BLANKS);
    const struct monitor_command *c = len ? command(line, len, out) : &commands[0];
    if (!c)
        return;
    if (s->target->machine->fixed && moves(c))
        put(out, "monitor %s: %s\n", c->name, s->target->machine->fixed);
    else if (c->run && !*args)
        c->run(s, out);
    else if (c->run || !c->run_with(s, args, out))
        put_usage(c, out);
}

void cmd_monitor(struct session *s, const struct rsp_request *r)
{
    struct text out = {.session = s};
    const char *text = r->monitor.text + strspn(r->monitor.text, BLANKS);
    size_t len = strlen(text);
    while (len && strchr(BLANKS, text[len - 1]))
        len--;
    char *line = strndup(text, len);
    if (line)
        run_line(s, line, &out);
    else
        put(&out, "There is no memory for this command.\n");
    free(line);
    if (!out.later)
        monitor_finish(&out);
}
