/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fake machine: see fake_machine.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_machine.h"
#include "zgdbd/agent.h"
#include "zgdbd/bytes.h"
#include "zgdbd/console.h"

#define PREFIX_BYTES 0x2000u

static struct fake_machine *fake(struct machine *m)
{
    return (struct fake_machine *)m;
}

static void wake(struct fake_machine *f)
{
    if (f->events.wake)
        f->events.wake(f->events.ctx);
}

static struct stop make_stop(enum stop_reason reason)
{
    struct stop stop = {
        .reason = reason, .reloads = true, .psw = {0x0002000180000000, 0x1234}, .addr = 0x100040};
    snprintf(stop.text, sizeof stop.text, "%s of the fake", stop_reason_name(reason));
    return stop;
}

struct stop *fake_script(struct fake_machine *f, enum stop_reason reason)
{
    struct stop *stop = &f->script[f->scripted++ % FAKE_SCRIPT];
    *stop = make_stop(reason);
    f->together[stop - f->script] = false;
    return stop;
}

struct stop *fake_script_also(struct fake_machine *f, unsigned cpu, enum stop_reason reason)
{
    struct stop *stop = fake_script(f, reason);
    stop->cpu = cpu;
    f->together[stop - f->script] = true;
    return stop;
}

static void stop_now(struct fake_machine *f, const struct stop *stops, unsigned n)
{
    pthread_mutex_lock(&f->lock);
    bool ran = f->running;
    if (ran) {
        f->running = false;
        f->nstops = n;
        f->handed = 0;
        memcpy(f->stops, stops, n * sizeof *stops);
    }
    pthread_mutex_unlock(&f->lock);
    if (ran)
        wake(f);
}

void fake_stop_at(struct fake_machine *f, unsigned cpu, enum stop_reason reason)
{
    struct stop stop = make_stop(reason);
    stop.cpu = cpu;
    stop_now(f, &stop, 1);
}

void fake_stop(struct fake_machine *f, enum stop_reason reason)
{
    fake_stop_at(f, 0, reason);
}

/* The next entry of the script, with those that come together with it. */
static void play(struct fake_machine *f)
{
    struct stop stops[FAKE_CPUS];
    unsigned n = 0;
    do
        stops[n++] = f->script[f->played++ % FAKE_SCRIPT];
    while (n < FAKE_CPUS && f->played < f->scripted && f->together[f->played % FAKE_SCRIPT]);
    stop_now(f, stops, n);
}

bool fake_running(struct fake_machine *f)
{
    pthread_mutex_lock(&f->lock);
    bool running = f->running;
    pthread_mutex_unlock(&f->lock);
    return running;
}

/* The contract lets this be asked for only while nothing runs. */
static void still(struct machine *m)
{
    fake(m)->violations += fake_running(fake(m));
}

static void op_destroy(struct machine *m)
{
    pthread_mutex_destroy(&fake(m)->lock);
    trace_ring_free(&fake(m)->trace);
    free(m);
}

static int op_resume(struct machine *m, const struct resume_plan *plan, struct err *e)
{
    struct fake_machine *f = fake(m);
    f->violations += f->running || f->handed < f->nstops;
    if (f->fail_resume)
        return err_set(e, EXIT_OTHER, "%s", f->fail_resume);
    f->resumes++;
    f->plan = *plan;
    memcpy(f->points, plan->breakpoints,
           (plan->nbreakpoints < FAKE_POINTS ? plan->nbreakpoints : FAKE_POINTS) * sizeof *f->points);
    pthread_mutex_lock(&f->lock);
    f->running = true;
    pthread_mutex_unlock(&f->lock);
    if (f->played < f->scripted)
        play(f);
    return 0;
}

static void op_interrupt(struct machine *m)
{
    fake(m)->interrupts++;
    fake_stop(fake(m), STOP_INTERRUPT);
}

static bool op_next_stop(struct machine *m, struct stop *out)
{
    struct fake_machine *f = fake(m);
    pthread_mutex_lock(&f->lock);
    bool got = !f->running && f->handed < f->nstops;
    if (got)
        *out = f->stops[f->handed++];
    pthread_mutex_unlock(&f->lock);
    return got;
}

static enum cpu_state op_state(struct machine *m, unsigned cpu)
{
    still(m);
    return fake(m)->state[cpu];
}

static int op_read_reg(struct machine *m, unsigned cpu, unsigned reg, uint8_t *bytes)
{
    still(m);
    if (fake(m)->unreadable_reg == (int)reg)
        return -1;
    memcpy(bytes, fake(m)->regs[cpu][reg], reg_table[reg].bytes);
    return 0;
}

static int op_write_reg(struct machine *m, unsigned cpu, unsigned reg, const uint8_t *bytes)
{
    still(m);
    if (fake(m)->constant_reg == (int)reg)
        return -1;
    memcpy(fake(m)->regs[cpu][reg], bytes, reg_table[reg].bytes);
    return 0;
}

/* How many of len bytes from addr on exist in one piece; *at is where. */
static size_t locate(const struct fake_machine *f, enum mem_space space, uint64_t addr, size_t len,
                     uint64_t *at)
{
    *at = space == SPACE_ABSOLUTE || space == SPACE_REAL ? addr : addr - FAKE_LOGICAL;
    if (f->endless && space != SPACE_ABSOLUTE)
        *at %= FAKE_MEMORY;
    if (*at >= FAKE_MEMORY)
        return 0;
    return len < FAKE_MEMORY - *at ? len : FAKE_MEMORY - *at;
}

static size_t copy_out(struct fake_machine *f, enum mem_space space, uint64_t addr, void *buf, size_t len)
{
    uint64_t at;
    size_t done = 0, n;
    while (done < len && (n = locate(f, space, addr + done, len - done, &at)) > 0) {
        memcpy((uint8_t *)buf + done, f->memory + at, n);
        done += n;
    }
    return done;
}

static size_t op_read_memory(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr, void *buf,
                             size_t len)
{
    struct fake_machine *f = fake(m);
    still(m);
    f->space = space;
    if (space == SPACE_REAL && addr < PREFIX_BYTES && (m->reg_features & 1u << REG_VIRT))
        addr += load_be64(f->regs[cpu][REG_PREFIX]);
    return copy_out(f, space, addr, buf, len);
}

static size_t op_write_memory(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr,
                              const void *buf, size_t len)
{
    still(m);
    uint64_t at;
    fake(m)->space = space;
    size_t n = locate(fake(m), space, addr, len, &at);
    (void)cpu;
    if (n)
        memcpy(fake(m)->memory + at, buf, n);
    return n;
}

static void op_dat_context(struct machine *m, unsigned cpu, struct dat_context *out)
{
    (void)cpu;
    still(m);
    *out = fake(m)->dat;
    out->memory = fake(m)->memory;
    out->size = FAKE_MEMORY;
}

static int op_storage_key(struct machine *m, uint64_t absolute, uint8_t *key)
{
    still(m);
    fake(m)->violations += absolute >= FAKE_MEMORY;
    *key = (uint8_t)fake(m)->key;
    return fake(m)->key == MACHINE_KEYS_UNUSED || fake(m)->key < 0 ? fake(m)->key : 0;
}

static int op_check_breakpoints(struct machine *m, unsigned cpu, const struct breakpoint *set, size_t n,
                                struct err *e)
{
    still(m);
    (void)cpu;
    (void)set;
    fake(m)->set_checks++;
    return n <= fake(m)->fits ? 0 : err_set(e, EXIT_OTHER, "only %u breakpoints fit", fake(m)->fits);
}

/* Every breakpoint takes one unit. */
static int op_check_breakpoint(struct machine *m, unsigned cpu, const struct breakpoint *b, unsigned used,
                               unsigned *units, struct err *e)
{
    (void)cpu;
    (void)b;
    *units = 1;
    fake(m)->checks++;
    return used < fake(m)->fits ? 0 : err_set(e, EXIT_OTHER, "only %u breakpoints fit", fake(m)->fits);
}

static int eval_reg(void *arg, unsigned reg, uint64_t *value)
{
    struct fake_machine *f = arg;
    if (reg >= REG_COUNT || reg_table[reg].bytes > 8)
        return -1;
    *value = reg_table[reg].bytes == 4 ? load_be32(f->regs[0][reg]) : load_be64(f->regs[0][reg]);
    return 0;
}

static size_t eval_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
    return copy_out(arg, SPACE_PSW, addr, buf, len);
}

static void eval_print(void *arg, const char *text, size_t len)
{
    struct fake_machine *f = arg;
    if (f->plan.printed)
        console_write(f->plan.printed, (const uint8_t *)text, len);
}

void fake_hit(struct fake_machine *f, enum bp_kind kind, uint64_t addr, uint64_t old_value,
              uint64_t new_value)
{
    static const enum stop_reason reasons[] = {
        [BP_SOFTWARE] = STOP_SW_BREAKPOINT, [BP_HARDWARE] = STOP_HW_BREAKPOINT, [BP_WRITE] = STOP_WATCH};
    struct agent_context c = {f, eval_reg, eval_memory, eval_print, old_value, new_value};
    for (size_t i = 0; fake_running(f) && i < f->plan.nbreakpoints; i++) {
        const struct breakpoint *b = &f->plan.breakpoints[i];
        struct stop stop = make_stop(reasons[kind]);
        char text[sizeof stop.text];
        if (b->kind != kind || b->addr != addr || !agent_breakpoint_stops(b, &c, text, sizeof text))
            continue;
        stop.addr = addr;
        if (text[0]) {
            stop.tell = true;
            snprintf(stop.text, sizeof stop.text, "%s", text);
        }
        stop_now(f, &stop, 1);
    }
}

static bool means(const struct catchpoint *p, enum catch_kind kind, uint32_t code)
{
    bool any = p->ncodes == 0;
    for (unsigned i = 0; i < p->ncodes; i++)
        any |= p->codes[i] == code;
    return p->kind == kind && any;
}

void fake_catch(struct fake_machine *f, unsigned cpu, enum catch_kind kind, uint32_t code)
{
    struct agent_context c = {f, eval_reg, eval_memory, eval_print, 0, code};
    for (size_t i = 0; fake_running(f) && i < f->plan.ncatchpoints; i++) {
        const struct catchpoint *p = &f->plan.catchpoints[i];
        struct stop stop = make_stop(STOP_CATCH);
        char text[sizeof stop.text];
        if (!means(p, kind, code) || !agent_catchpoint_stops(p, &c, text, sizeof text))
            continue;
        stop.cpu = cpu;
        stop.catchpoint = p->number;
        stop.tell = true;
        if (text[0])
            snprintf(stop.text, sizeof stop.text, "%s", text);
        stop_now(f, &stop, 1);
    }
}

static void fill(struct fake_machine *f)
{
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++)
        for (unsigned reg = 0; reg < REG_COUNT; reg++)
            memset(f->regs[cpu][reg], (int)(reg + 0x80 * cpu), reg_table[reg].bytes);
    for (unsigned i = 0; i < 251; i++)
        f->memory[i] = (uint8_t)i;
    for (unsigned at = 251, n; at < FAKE_MEMORY; at += n) { /* doubled: hundreds of fakes are made */
        n = at < FAKE_MEMORY - at ? at : FAKE_MEMORY - at;
        memcpy(f->memory + at, f->memory, n);
    }
}

static int op_reset(struct machine *m, enum machine_reset_kind kind, const char *append, struct err *e)
{
    struct fake_machine *f = fake(m);
    f->reset_kind = kind;
    if (f->running)
        return err_set(e, EXIT_OTHER, "reset of a running fake");
    if (f->fail_reset)
        return err_set(e, EXIT_OTHER, "%s", f->fail_reset);
    f->resets++;
    if (append)
        snprintf(f->append, sizeof f->append, "%s", append);
    fill(f);
    return 0;
}

static size_t op_counters(struct machine *m, struct machine_counter *out, size_t max)
{
    const struct fake_machine *f = fake(m);
    size_t n = f->ncounters < max ? f->ncounters : max;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct machine_counter){f->counter_name, i};
    if (n || f->resumes == 0 || max == 0)
        return n;
    out[0] = (struct machine_counter){"fake exit", f->resumes};
    return 1;
}

/* A program interruption is taken at once. */
static int op_inject(struct machine *m, unsigned cpu, const struct injection *what, struct err *e)
{
    struct fake_machine *f = fake(m);
    f->injections++;
    f->injection = *what;
    f->injection_cpu = cpu;
    if (f->fail_signal)
        return err_set(e, EXIT_OTHER, "%s", f->fail_signal);
    if (what->kind == INJECT_PROGRAM)
        f->regs[cpu][REG_PSWA][7]++;
    return 0;
}

static int op_signal(struct machine *m, unsigned cpu, enum machine_signal signal, struct err *e)
{
    struct fake_machine *f = fake(m);
    f->signals++;
    f->signal = signal;
    f->signal_cpu = cpu;
    if (!f->fail_signal && (signal == MACHINE_STOP || signal == MACHINE_START))
        f->state[cpu] = signal == MACHINE_STOP ? CPU_STOPPED : CPU_RUNNING;
    return f->fail_signal ? err_set(e, EXIT_OTHER, "%s", f->fail_signal) : 0;
}

static const char *op_held(struct machine *m, const struct breakpoint *b)
{
    (void)b;
    return fake(m)->held;
}

static void op_per(struct machine *m, struct machine_per *out)
{
    *out = fake(m)->per;
}

static int op_set(struct machine *m, enum machine_setting setting, int value, struct err *e)
{
    if (fake(m)->fail_set)
        return err_set(e, EXIT_OTHER, "%s", fake(m)->fail_set);
    fake(m)->settings[setting] = value;
    return 0;
}

static int op_get(struct machine *m, enum machine_setting setting)
{
    return fake(m)->settings[setting];
}

static int op_trace(struct machine *m, bool on, struct err *e)
{
    struct fake_machine *f = fake(m);
    if (f->fail_trace)
        return err_set(e, EXIT_OTHER, "%s", f->fail_trace);
    f->traces = on;
    return trace_ring_make(&f->trace, e);
}

static size_t op_trace_read(struct machine *m, uint64_t *next, struct exit_record *out, size_t max)
{
    struct fake_machine *f = fake(m);
    return f->trace.place ? trace_ring_read(&f->trace, true, next, out, max) : 0;
}

static const struct machine_ops ops = {
    .trace = op_trace,
    .trace_read = op_trace_read,
    .breakpoint_held = op_held,
    .per = op_per,
    .signal = op_signal,
    .inject = op_inject,
    .destroy = op_destroy,
    .resume = op_resume,
    .interrupt = op_interrupt,
    .next_stop = op_next_stop,
    .state = op_state,
    .read_reg = op_read_reg,
    .write_reg = op_write_reg,
    .read_memory = op_read_memory,
    .write_memory = op_write_memory,
    .dat_context = op_dat_context,
    .storage_key = op_storage_key,
    .check_breakpoints = op_check_breakpoints,
    .check_breakpoint = op_check_breakpoint,
    .reset = op_reset,
    .counters = op_counters,
    .set = op_set,
    .get = op_get,
};

struct fake_machine *fake_create(struct machine_events events)
{
    struct fake_machine *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->machine.ops = &ops;
    f->machine.ncpus = 2;
    f->machine.caps =
        MACHINE_CAN_STEP | MACHINE_CAN_HW_BREAK | MACHINE_CAN_SW_BREAK | MACHINE_CAN_WRITE | MACHINE_CAN_RUN;
    f->machine.memory = FAKE_MEMORY;
    f->machine.reg_features = 1u << REG_CORE | 1u << REG_ACR | 1u << REG_FPR | 1u << REG_CR;
    f->events = events;
    f->fits = FAKE_POINTS;
    f->unreadable_reg = f->constant_reg = -1;
    pthread_mutex_init(&f->lock, NULL);
    fill(f);
    return f;
}
