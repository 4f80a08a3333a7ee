/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor` commands that act on the machine as its operator would: reset, restart, stop, start, store
 * status, power down, and interruptions that are injected. */
#include <string.h>

#include "monitor.h"
#include "target.h"
#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define LC_RESTART_NEW_PSW 0x1a0

#define READ_AGAIN "To make gdb read its registers again: maintenance flush register-cache\n"

/* ---- reset and power ---- */

bool mon_reset(struct session *s, const char *args, struct text *out)
{
    bool normal = strcmp(args, "normal") == 0;
    struct err e;
    if (*args && !normal && strcmp(args, "clear") != 0)
        return false;
    if (target_reset(s->target, normal ? RESET_LOAD_NORMAL : RESET_LOAD_CLEAR, NULL, &e))
        put(out, "The guest could not be reset: %s\n", e.text);
    else
        put(out, "The guest stands at its first instruction%s. " READ_AGAIN,
            normal ? "; memory that the image does not fill is as it was" : "");
    return true;
}

void mon_powerdown(struct session *s, struct text *out)
{
    struct err e;
    if (target_powerdown(s->target, &e))
        put(out, "The guest is not asked to shut down: %s\n", e.text);
    else
        put(out, "The guest is asked to shut down: continue, and it does so in order.\n");
}

/* ---- one CPU ---- */

/* Where the CPU goes on: the PSW at real 0x1a0. */
static void put_restart_psw(const struct session *s, unsigned cpu, struct text *out)
{
    char line[192];
    uint8_t bytes[16];
    if (machine_read_memory(s->target->machine, cpu, SPACE_REAL, LC_RESTART_NEW_PSW, bytes, sizeof bytes) ==
        sizeof bytes) {
        struct psw psw = {load_be64(bytes), load_be64(bytes + 8)};
        put(out, "%s", psw_describe(psw, line, sizeof line));
    }
    put(out, "\n");
}

bool mon_restart(struct session *s, const char *args, struct text *out)
{
    bool stopped;
    unsigned cpu;
    struct err e;
    if (!take_cpu(s, args, &cpu, out))
        return true;
    stopped = machine_state(s->target->machine, cpu) == CPU_STOPPED;
    if (target_signal(s->target, cpu, MACHINE_RESTART, &e)) {
        put(out, "CPU %u is not restarted: %s\n", cpu, e.text);
        return true;
    }
    if (stopped)
        put(out, "CPU %u was stopped and is restarted: it stands at its restart new PSW. " READ_AGAIN, cpu);
    else
        put(out, "Continue, and CPU %u takes a restart interruption, whose new PSW is\n", cpu);
    put_restart_psw(s, cpu, out);
    return true;
}

/* Whether the CPU is in the state that the command would bring about; then there is nothing to do. */
static bool change_state(struct session *s, const char *args, enum machine_signal signal, struct text *out)
{
    bool stop = signal == MACHINE_STOP, is_stopped;
    unsigned cpu;
    struct err e;
    if (!take_cpu(s, args, &cpu, out))
        return true;
    is_stopped = machine_state(s->target->machine, cpu) == CPU_STOPPED;
    if (is_stopped == stop)
        put(out, "CPU %u is %s already.\n", cpu, stop ? "stopped" : "started");
    else if (target_signal(s->target, cpu, signal, &e))
        put(out, "CPU %u is not %s: %s\n", cpu, stop ? "stopped" : "started", e.text);
    else if (stop)
        put(out, "CPU %u is stopped: it executes nothing until it is started, reset or restarted.\n", cpu);
    else
        put(out, "CPU %u is started: it goes on at its PSW when the guest is continued.\n", cpu);
    return true;
}

bool mon_stop_cpu(struct session *s, const char *args, struct text *out)
{
    return change_state(s, args, MACHINE_STOP, out);
}

bool mon_start_cpu(struct session *s, const char *args, struct text *out)
{
    return change_state(s, args, MACHINE_START, out);
}

bool mon_store_status(struct session *s, const char *args, struct text *out)
{
    unsigned cpu;
    struct err e;
    if (!take_cpu(s, args, &cpu, out))
        return true;
    if (machine_signal(s->target->machine, cpu, MACHINE_STORE_STATUS, &e))
        put(out, "The status of CPU %u is not stored: %s\n", cpu, e.text);
    else
        put(out, "The status of CPU %u is stored: %u bytes at absolute 0x%x.\n", cpu, STATUS_BYTES,
            STATUS_ADDRESS);
    return true;
}

/* ---- interruptions ---- */

#define NUMBERS_MAX 3

struct injectable {
    const char *name;
    enum injection_kind kind;
    unsigned most; /* numbers behind it; one at least */
    uint64_t limit[NUMBERS_MAX];
    const char *usage;
};

static const struct injectable injectables[] = {
    {"external", INJECT_EXTERNAL, 2, {0xffff, UINT64_MAX, 0}, "external CODE [PARAM]"},
    {"io", INJECT_IO, 3, {UINT32_MAX, UINT32_MAX, UINT32_MAX}, "io SUBCHANNEL [PARAM [WORD]]"},
    {"machine-check", INJECT_MACHINE_CHECK, 2, {UINT64_MAX, UINT32_MAX, 0}, "machine-check MCIC [CR14]"},
    {"program", INJECT_PROGRAM, 1, {0xffff, 0, 0}, "program CODE"},
};

#define NINJECTABLES (sizeof injectables / sizeof *injectables)
#define SUBCHANNEL_ONE 0x10000u /* in front of a subchannel's number */

static const struct injectable *find_injectable(const char *args)
{
    size_t len = strcspn(args, " \t");
    for (size_t i = 0; i < NINJECTABLES; i++)
        if (strlen(injectables[i].name) == len && strncmp(args, injectables[i].name, len) == 0)
            return &injectables[i];
    return NULL;
}

/* How many; more than NUMBERS_MAX: something else is among them. */
static unsigned take_numbers(const char *args, uint64_t numbers[NUMBERS_MAX])
{
    unsigned n = 0;
    args += strspn(args, " \t");
    while (*args) {
        if (n == NUMBERS_MAX || !take_number(args, &numbers[n], &args))
            return NUMBERS_MAX + 1;
        n++;
    }
    return n;
}

static struct injection injection_of(const struct injectable *what, const uint64_t numbers[NUMBERS_MAX])
{
    struct injection i = {.kind = what->kind, .code = (uint32_t)numbers[0], .parameter = numbers[1]};
    if (what->kind == INJECT_IO) {
        i.code |= i.code > 0xffff ? 0 : SUBCHANNEL_ONE;
        i.word = numbers[2];
    } else if (what->kind == INJECT_MACHINE_CHECK) {
        i.code = 0;
        i.word = numbers[0];
    }
    return i;
}

static void inject(struct session *s, const struct injection *what, const char *name, struct text *out)
{
    unsigned psw[2] = {REG_PSWM, REG_PSWA}, cpu = s->monitor_cpu;
    uint8_t before[2][REG_MAX_BYTES] = {{0}}, after[2][REG_MAX_BYTES] = {{0}};
    struct machine *m = s->target->machine;
    struct err e;
    for (unsigned i = 0; i < 2; i++)
        machine_read_reg(m, cpu, psw[i], before[i]);
    if (machine_inject(m, cpu, what, &e)) {
        put(out, "Nothing is injected: %s\n", e.text);
        return;
    }
    s->target->dead = false;
    for (unsigned i = 0; i < 2; i++)
        machine_read_reg(m, cpu, psw[i], after[i]);
    if (memcmp(before, after, sizeof before) != 0 || what->kind == INJECT_PROGRAM)
        put(out, "CPU %u has taken the interruption: it stands at the new PSW. " READ_AGAIN, cpu);
    else if (what->kind == INJECT_IO)
        put(out, "Pending: a CPU takes the interruption (%s) as soon as it is enabled for it.\n", name);
    else
        put(out, "Pending: CPU %u takes the interruption (%s) as soon as it is enabled for it.\n", cpu, name);
}

/* The first number that the field has no room for, or NULL. */
static const uint64_t *too_large(const struct injectable *what, const uint64_t numbers[NUMBERS_MAX])
{
    for (unsigned i = 0; i < NUMBERS_MAX; i++)
        if (numbers[i] > what->limit[i])
            return &numbers[i];
    return NULL;
}

bool mon_inject(struct session *s, const char *args, struct text *out)
{
    const struct injectable *what = find_injectable(args);
    uint64_t numbers[NUMBERS_MAX] = {0};
    const uint64_t *large;
    unsigned n;
    if (!what)
        return false;
    n = take_numbers(args + strlen(what->name), numbers);
    large = too_large(what, numbers);
    if (n == 0 || n > what->most) {
        put(out, "usage: monitor inject %s; numbers are decimal, or hexadecimal with 0x\n", what->usage);
    } else if (large) {
        put(out, "Nothing is injected: 0x%llx is too large, at most 0x%llx is possible.\n",
            (unsigned long long)*large, (unsigned long long)what->limit[large - numbers]);
    } else {
        struct injection injection = injection_of(what, numbers);
        inject(s, &injection, what->name, out);
    }
    return true;
}
