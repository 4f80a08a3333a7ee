/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dump as a machine: its CPUs stand, registers are what the dump says, memory is read through the same walk
 * of the guest's tables as that of a guest. Everything that would run or change something is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

static const char refusal[] = "this is a dump: it can be looked at, but not run or changed";

struct core_machine {
    struct machine base;
    struct core_parts parts;
    void (*close)(const struct core_parts *);
    bool told; /* the one stop */
    char notice[160];
    char doubt[MACHINE_MAX_CPUS][160]; /* "": none */
};

static struct core_machine *to_core(struct machine *m)
{
    return (struct core_machine *)m;
}

static const struct core_cpu *cpu_of(struct machine *m, unsigned cpu)
{
    return &to_core(m)->parts.cpus[cpu];
}

/* ---- what is there ---- */

static enum cpu_state core_state(struct machine *m, unsigned cpu)
{
    uint64_t mask = core_reg(cpu_of(m, cpu), REG_PSWM);

    if (psw_disabled_wait(mask))
        return CPU_DISABLED_WAIT;
    return psw_enabled_wait(mask) ? CPU_WAITING : CPU_RUNNING;
}

static int core_read_reg(struct machine *m, unsigned cpu, unsigned reg, uint8_t *bytes)
{
    const struct core_cpu *c = cpu_of(m, cpu);

    if (reg >= REG_COUNT || c->origin[reg] == REG_UNKNOWN)
        return -1;
    memcpy(bytes, c->value[reg], reg_table[reg].bytes);
    return 0;
}

/* A dump does not tell whether the machine has EDAT-2; where it has not, no entry asks for it. Without a PSW
 * addresses have 64 bits. */
static void core_dat_context(struct machine *m, unsigned cpu, struct dat_context *out)
{
    const struct core_machine *core = to_core(m);
    const struct core_cpu *c = cpu_of(m, cpu);

    *out = (struct dat_context){.read = core->parts.read,
                                .reader = core->parts.reader,
                                .size = core->parts.size,
                                .psw_mask = PSW_EA | PSW_BA,
                                .prefix = core_reg(c, REG_PREFIX),
                                .edat2 = true};
    if (c->origin[REG_PSWM] != REG_UNKNOWN)
        out->psw_mask = core_reg(c, REG_PSWM);
    for (unsigned i = 0; i < 16; i++) {
        out->cr[i] = core_reg(c, REG_C0 + i);
        out->ar[i] = (uint32_t)core_reg(c, REG_A0 + i);
    }
}

static size_t core_read_memory(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr,
                               void *buf, size_t len)
{
    struct dat_context ctx;

    core_dat_context(m, cpu, &ctx);
    return dat_read(&ctx, space, addr, buf, len);
}

static const char *core_doubt(struct machine *m, unsigned cpu)
{
    return to_core(m)->doubt[cpu][0] ? to_core(m)->doubt[cpu] : NULL;
}

/* ---- the stop ---- */

/* The CPU that a user wants to see first: the one that waits for ever, as a panic leaves it. */
static unsigned foremost(struct machine *m)
{
    for (unsigned cpu = 0; cpu < m->ncpus; cpu++)
        if (core_state(m, cpu) == CPU_DISABLED_WAIT)
            return cpu;
    return 0;
}

static bool core_next_stop(struct machine *m, struct stop *out)
{
    unsigned cpu = foremost(m);
    struct psw psw = {core_reg(cpu_of(m, cpu), REG_PSWM), core_reg(cpu_of(m, cpu), REG_PSWA)};
    bool waits = psw_disabled_wait(psw.mask), orderly = waits && (psw.addr & 0xfff) == 0xfff;

    if (to_core(m)->told)
        return false;
    to_core(m)->told = true;
    *out = (struct stop){.reason = orderly ? STOP_SHUTDOWN
                                   : waits ? STOP_DISABLED_WAIT
                                           : STOP_DUMP,
                         .cpu = cpu,
                         .psw = psw};
    snprintf(out->text, sizeof out->text, "%s",
             orderly ? "the guest shut down (disabled wait at ...fff)"
             : waits ? "disabled wait: the guest cannot run on (a Linux panic ends like this)"
                     : "where it was when the dump was taken");
    return true;
}

/* ---- what is refused ---- */

static int refuse(struct err *e)
{
    return err_set(e, EXIT_OTHER, "%s", refusal);
}

static int core_resume(struct machine *m, const struct resume_plan *plan, struct err *e)
{
    (void)m, (void)plan;
    return refuse(e);
}

static void core_interrupt(struct machine *m)
{
    (void)m; /* nothing runs */
}

static int core_write_reg(struct machine *m, unsigned cpu, unsigned reg, const uint8_t *bytes)
{
    (void)m, (void)cpu, (void)reg, (void)bytes;
    return -1;
}

static size_t core_write_memory(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr,
                                const void *buf, size_t len)
{
    (void)m, (void)cpu, (void)space, (void)addr, (void)buf, (void)len;
    return 0;
}

static int core_check_breakpoints(struct machine *m, unsigned cpu, const struct breakpoint *set, size_t n,
                                  struct err *e)
{
    (void)m, (void)cpu, (void)set;
    return n ? refuse(e) : 0;
}

static int core_check_breakpoint(struct machine *m, unsigned cpu, const struct breakpoint *b, unsigned used,
                                 unsigned *units, struct err *e)
{
    (void)m, (void)cpu, (void)b, (void)used, (void)units;
    return refuse(e);
}

static int core_reset(struct machine *m, enum machine_reset_kind kind, const char *append, struct err *e)
{
    (void)m, (void)kind, (void)append;
    return refuse(e);
}

static int core_signal(struct machine *m, unsigned cpu, enum machine_signal signal, struct err *e)
{
    (void)m, (void)cpu, (void)signal;
    return refuse(e);
}

static size_t core_counters(struct machine *m, struct machine_counter *out, size_t max)
{
    (void)m, (void)out, (void)max;
    return 0;
}

static int core_inject(struct machine *m, unsigned cpu, const struct injection *what, struct err *e)
{
    (void)m, (void)cpu, (void)what;
    return refuse(e);
}

static int core_set(struct machine *m, enum machine_setting setting, int value, struct err *e)
{
    (void)m, (void)setting, (void)value;
    return refuse(e);
}

static int core_trace(struct machine *m, bool on, struct err *e)
{
    (void)m, (void)on;
    return refuse(e);
}

/* ---- coming and going ---- */

static void core_destroy(struct machine *m)
{
    to_core(m)->close(&to_core(m)->parts);
    free(m);
}

static const struct machine_ops ops = {
    .destroy = core_destroy,
    .resume = core_resume,
    .interrupt = core_interrupt,
    .next_stop = core_next_stop,
    .state = core_state,
    .read_reg = core_read_reg,
    .write_reg = core_write_reg,
    .read_memory = core_read_memory,
    .write_memory = core_write_memory,
    .check_breakpoints = core_check_breakpoints,
    .check_breakpoint = core_check_breakpoint,
    .reset = core_reset,
    .signal = core_signal,
    .counters = core_counters,
    .inject = core_inject,
    .set = core_set,
    .dat_context = core_dat_context,
    .trace = core_trace,
    .doubt = core_doubt,
};

/* gdb wants the first three; control registers and prefix are shown as unavailable rather than not at all. */
static unsigned features(const struct core_parts *parts)
{
    unsigned mask = 1u << REG_CORE | 1u << REG_ACR | 1u << REG_FPR | 1u << REG_CR | 1u << REG_VIRT;

    for (unsigned cpu = 0; cpu < parts->ncpus; cpu++)
        for (unsigned reg = 0; reg < REG_COUNT; reg++)
            if (parts->cpus[cpu].origin[reg] != REG_UNKNOWN)
                mask |= 1u << reg_table[reg].feature;
    return mask;
}

static bool has(const struct core_cpu *c, enum reg_origin origin, unsigned reg)
{
    return c->origin[reg] == origin;
}

/* Whole groups have one origin: the first register stands for them. */
static void list(const struct core_cpu *c, enum reg_origin origin, char *buf, size_t size)
{
    static const struct {
        unsigned reg;
        const char *name;
    } groups[] = {
        {REG_PSWM, "PSW"},          {REG_R0, "general"},           {REG_A0, "access"},
        {REG_F0, "floating-point"}, {REG_C0, "control registers"}, {REG_PREFIX, "prefix"},
        {REG_CPUTM, "timers"},
    };
    size_t len = 0;

    buf[0] = 0;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (has(c, origin, groups[i].reg) && len < size)
            len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", groups[i].name);
}

static void find_doubts(struct core_machine *core)
{
    char guessed[96];

    for (unsigned cpu = 0; cpu < core->base.ncpus; cpu++) {
        list(&core->parts.cpus[cpu], REG_GUESSED, guessed, sizeof guessed);
        if (guessed[0])
            snprintf(core->doubt[cpu], sizeof core->doubt[cpu],
                     "guessed from its save area, which may be older than the dump: %s", guessed);
    }
}

/* What is unusual about this dump. */
static const char *find_notice(struct core_machine *core)
{
    unsigned guessed = 0, bare = 0;

    for (unsigned cpu = 0; cpu < core->base.ncpus; cpu++) {
        guessed += core->doubt[cpu][0] != 0;
        bare += has(&core->parts.cpus[cpu], REG_UNKNOWN, REG_C0);
    }
    if (core->parts.left_out)
        snprintf(core->notice, sizeof core->notice, "the dump has %u CPUs; only the first %u are shown",
                 core->base.ncpus + core->parts.left_out, core->base.ncpus);
    else if (bare)
        snprintf(
            core->notice, sizeof core->notice,
            "the dump has no control registers of %u CPU%s: their logical addresses cannot be translated",
            bare, bare == 1 ? "" : "s");
    else if (guessed)
        snprintf(core->notice, sizeof core->notice,
                 "registers of %u CPU%s are guessed from save areas; `monitor regs` tells which", guessed,
                 guessed == 1 ? "" : "s");
    return core->notice[0] ? core->notice : NULL;
}

struct machine *core_create(const struct core_parts *parts, void (*close)(const struct core_parts *),
                            struct err *e)
{
    struct core_machine *core = calloc(1, sizeof *core);

    if (!core) {
        close(parts);
        err_set(e, EXIT_OTHER, "no memory for the machine");
        return NULL;
    }
    core->parts = *parts;
    core->close = close;
    core->base = (struct machine){.ops = &ops,
                                  .ncpus = parts->ncpus,
                                  .reg_features = features(parts),
                                  .memory = parts->size,
                                  .fixed = refusal};
    find_doubts(core);
    core->base.notice = find_notice(core);
    return &core->base;
}
