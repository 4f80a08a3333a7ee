/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine contract: what a debugger can ask of a set of CPUs, whatever runs them. The session and the
 * server see an engine (KVM, a dump, a fake for tests) only through this header; an engine sees no packet.
 *
 * Threads: every function is called on the loop's thread. An engine may run CPUs on threads of its own; it
 * tells the loop that something happened through struct machine_events.wake, the only thing it calls from
 * them, and the loop then collects with machine_next_stop(). An engine is all-stop: stops are handed out when
 * no CPU runs any more, one for each CPU that has something to tell; who wants CPUs to run on meanwhile
 * (non-stop) resumes them. Registers, memory and breakpoint checks may be asked for only while no CPU runs.
 */
#ifndef ZGDBD_MACHINE_H
#define ZGDBD_MACHINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/dat.h"
#include "zgdbd/err.h"
#include "zgdbd/psw.h"

#define MACHINE_MAX_CPUS 64 /* CPU addresses 0 to 63 */

/* ---- breakpoints and the resume plan ---- */

enum bp_kind {
    BP_SOFTWARE, /* Z0: an opcode in memory, or hardware where the code is not there yet */
    BP_HARDWARE, /* Z1 */
    BP_WRITE,    /* Z2: write watchpoint */
};

struct agent_expr;   /* agent.h */
struct console_ring; /* console.h */

/* What is to be done at a breakpoint before it is told; immutable while a CPU runs. */
struct bp_actions {
    /* It counts as hit if there is none, or if one of them is not zero. The first that cannot be evaluated
     * stops the CPU with a text. */
    size_t nconditions;
    const struct agent_expr *const *conditions;
    /* Run in order at each hit, after which the CPU goes on without a stop; one that fails stops it with a
     * text. */
    size_t ncommands;
    const struct agent_expr *const *commands;
};

/* Written by the engine while it runs, read by anybody. */
struct bp_counts {
    atomic_ullong reached; /* by a CPU, in the address space that is meant */
    atomic_ullong hits;    /* of these, the condition was true */
};

struct breakpoint {
    enum bp_kind kind;
    uint64_t addr;                    /* logical */
    uint64_t len;                     /* bytes watched; of no meaning for the others */
    const struct bp_actions *actions; /* NULL: always told */
    struct bp_counts *counts;         /* NULL: not counted */
};

/* What the guest does that is no breakpoint: `monitor catch`. The interruptions are told at the first
 * instruction of their handler, before it is executed; the others when the instruction comes to the monitor,
 * before it is carried out, with the PSW behind it. */
enum catch_kind {
    CATCH_PROGRAM,       /* codes: program interruption codes */
    CATCH_SVC,           /* codes: SVC numbers */
    CATCH_EXTERNAL,      /* codes: external interruption codes */
    CATCH_IO,            /* codes: subchannel numbers */
    CATCH_MACHINE_CHECK, /* no codes, as for the following without a comment */
    CATCH_RESTART,
    CATCH_WAIT,         /* a CPU loads a wait PSW; enabled waits are known only to KVM, so: disabled ones */
    CATCH_DIAG,         /* codes: DIAGNOSE function codes */
    CATCH_SIGP,         /* codes: orders; those that KVM carries out itself are not seen */
    CATCH_SERVICE_CALL, /* codes: SCLP commands */
    CATCH_EXIT,         /* codes: enum exit_kind of trace.h */
    CATCH_KINDS,
};

#define CATCH_CODES_MAX 16

struct catchpoint {
    enum catch_kind kind;
    unsigned number; /* by which the user knows it */
    unsigned ncodes; /* 0: any */
    uint32_t codes[CATCH_CODES_MAX];
    uint64_t skip;                    /* so many hits are counted and do not stop */
    const struct bp_actions *actions; /* conditions; NULL: none */
    struct bp_counts *counts;         /* not NULL */
};

enum cpu_verb {
    CPU_HOLD,
    CPU_CONTINUE,
    CPU_STEP,
    CPU_STEP_RANGE, /* one instruction, and on as long as the PC is within start..end */
};

struct cpu_action {
    enum cpu_verb verb;
    uint64_t start, end; /* logical addresses, end excluded; of no meaning for the other verbs */
};

/* Eight bytes of absolute storage, in which a guest tells how far it is. A CPU that continues stops with
 * STOP_WORD when their number (big endian) is found to be another than seen, before it enters the guest
 * again: that is looked at whenever it has left the guest anyway, and every few milliseconds. If nothing else
 * uses PER and seen is 0, the store that changes it with DAT off stops the CPU right behind it. With again,
 * the next look after some milliseconds stops in any case. */
struct watched_word {
    bool wanted, again;
    uint64_t absolute; /* below 4 KiB */
    uint64_t seen;
};

/* Everything a vcpu's thread needs to know to run until something is to be reported. The caller owns it and
 * what it points to, and keeps it unchanged until the stops have been handed out. */
struct resume_plan {
    struct cpu_action action[MACHINE_MAX_CPUS];
    size_t nbreakpoints;
    const struct breakpoint *breakpoints; /* no two of the same kind, addr and len */
    struct console_ring *printed;         /* what the breakpoints' commands print; NULL: lost */
    size_t ncatchpoints;
    const struct catchpoint *catchpoints;
    struct watched_word word;
};

/* ---- stops ---- */

enum stop_reason {
    STOP_STEP, /* the step is done, or the range left */
    STOP_SW_BREAKPOINT,
    STOP_HW_BREAKPOINT,
    STOP_WATCH,
    STOP_CATCH, /* a catchpoint; the text decodes what happened */
    STOP_WORD,  /* the plan's watched word has another value */
    STOP_PANIC, /* Linux: panic() was called, at its first instruction. No engine's: the session makes it of
                   a breakpoint of its own; resuming goes on with the panic */
    STOP_INTERRUPT, /* machine_interrupt() */
    STOP_HALTED,    /* no CPU of this resume can run on by itself (stopped, disabled wait), but one that was
                       held could go on and start it: no end. The same at once for such a CPU that was to
                       step, whoever runs besides */
    STOP_DISABLED_WAIT, /* no CPU can run on: a panic */
    STOP_SHUTDOWN,      /* no CPU can run on: disabled wait at ...fff, or the last CPU stopped itself:
                           power-off */
    STOP_PROGRAM_LOOP,  /* interruption whose new PSW interrupts again: the guest cannot run on */
    STOP_RESET,         /* the guest asked for a reset (re-IPL); resuming performs it */
    STOP_ERROR,         /* the engine cannot run the guest (text says why) */
    STOP_DUMP,          /* here it stood when the dump was taken */
};

/* STOP_PROGRAM_LOOP: what comes again and again. */
enum interruption_loop {
    LOOP_PROGRAM,   /* the program new PSW leads to another program interruption */
    LOOP_EXTERNAL,  /* the external new PSW is enabled for what interrupts */
    LOOP_OPERATION, /* the program new PSW designates the instruction that causes an operation exception */
};

#define STOP_TEXT_BYTES 448 /* an interruption with its old PSW decoded fits */

struct stop {
    enum stop_reason reason;
    unsigned cpu;
    enum interruption_loop loop; /* STOP_PROGRAM_LOOP */
    struct psw psw;              /* at the stop */
    uint64_t addr;               /* breakpoint or watched address (as in the struct breakpoint) */
    uint64_t old_value;          /* STOP_WATCH: the first 8 bytes (or fewer) at addr, before and after */
    uint64_t new_value;
    unsigned catchpoint; /* STOP_CATCH: its number */
    bool tell; /* the text is news for the user, whatever the reason: a condition that cannot be evaluated */
    bool
        reloads; /* STOP_RESET: the image is loaded again; else the guest goes on in its own memory (kexec) */
    char text[STOP_TEXT_BYTES]; /* one sentence in the architecture's words */
};

/* ---- state ---- */

enum cpu_state {
    CPU_RUNNING, /* would execute instructions */
    CPU_WAITING, /* enabled wait */
    CPU_DISABLED_WAIT,
    CPU_STOPPED, /* in the architecture's stopped state */
};

/* Bits of machine.caps. */
#define MACHINE_CAN_STEP 1u
#define MACHINE_CAN_HW_BREAK 2u /* hardware breakpoints and watchpoints */
#define MACHINE_CAN_SW_BREAK 4u
#define MACHINE_CAN_WRITE 8u /* registers and memory */
#define MACHINE_CAN_RUN 16u

struct machine_counter {
    const char *name;
    uint64_t count;
};

/* What can be brought to a guest from outside, whether it runs or not. */
enum machine_signal {
    MACHINE_CONSOLE_INPUT, /* something was typed: the console's input ring is not empty */
    MACHINE_POWERDOWN,     /* the guest is asked to shut down in order */
    MACHINE_RESTART,       /* PSW restart of the CPU: it takes the restart interruption, and starts if it was
                              stopped */
    MACHINE_STOP,          /* the CPU enters the stopped state */
    MACHINE_START,         /* and leaves it */
    MACHINE_STORE_STATUS,  /* the CPU's status into the save area (Principles, "Store Status"): at absolute
                              0x1200 for every CPU, not in its prefix area. These three while it stands */
};

/* What is made pending for a guest by `monitor inject`; delivered as soon as the CPU is enabled for it. */
enum injection_kind {
    INJECT_EXTERNAL,      /* code, parameter; code 0x2603 and others of KVM too */
    INJECT_IO,            /* code: subchannel id word; parameter: interruption parameter, word: its word */
    INJECT_MACHINE_CHECK, /* parameter: CR14 subclass bits; word: machine-check interruption code (mcic) */
    INJECT_PROGRAM,       /* code; taken at once, in front of the next instruction */
};

struct injection {
    enum injection_kind kind;
    uint32_t code;
    uint64_t parameter;
    uint64_t word;
};

enum machine_reset_kind {
    RESET_LOAD_CLEAR,  /* memory and CPUs cleared, the image loaded again */
    RESET_LOAD_NORMAL, /* memory stays, the image is loaded over it; initial reset of CPU 0, CPU reset of the
                          others */
};

/* What holds for the machine until it is set otherwise. */
enum machine_setting {
    MACHINE_STEP_INTERRUPTS, /* 1: a step may land in the handler of an interruption from outside; 0 (at
                                start): it is put off until the CPU continues. SVC and program interruptions
                                belong to the instruction and are always taken. */
    MACHINE_TOD_RUNS,        /* 1: the guest's TOD clock runs on while it stands; 0 (at start): it does not */
    MACHINE_SETTINGS,
};

/* How PER is in use: `monitor per`. */
struct machine_per {
    unsigned used, max;  /* entries of KVM_SET_GUEST_DEBUG */
    uint64_t start, end; /* the one range over all of them, end included (CR10, CR11) */
    bool fetches;        /* breakpoints are among them: each instruction in the range leaves the guest */
    bool stores;         /* watchpoints are: each store into the range does */
};

struct machine_events {
    void (*wake)(void *ctx); /* from any thread: machine_next_stop() may have something */
    void *ctx;
};

struct machine;

struct exit_record; /* trace.h */

/* Those at the end may be NULL where the engine has no such thing. */
struct machine_ops {
    void (*destroy)(struct machine *m);
    int (*resume)(struct machine *m, const struct resume_plan *plan, struct err *e);
    void (*interrupt)(struct machine *m);
    bool (*next_stop)(struct machine *m, struct stop *out);
    enum cpu_state (*state)(struct machine *m, unsigned cpu);
    int (*read_reg)(struct machine *m, unsigned cpu, unsigned reg, uint8_t *bytes);
    int (*write_reg)(struct machine *m, unsigned cpu, unsigned reg, const uint8_t *bytes);
    size_t (*read_memory)(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr, void *buf,
                          size_t len);
    size_t (*write_memory)(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr,
                           const void *buf, size_t len);
    int (*check_breakpoints)(struct machine *m, unsigned cpu, const struct breakpoint *set, size_t n,
                             struct err *e);
    int (*check_breakpoint)(struct machine *m, unsigned cpu, const struct breakpoint *b, unsigned used,
                            unsigned *units, struct err *e);
    const char *(*breakpoint_held)(struct machine *m, const struct breakpoint *b);
    int (*reset)(struct machine *m, enum machine_reset_kind kind, const char *append, struct err *e);
    int (*signal)(struct machine *m, unsigned cpu, enum machine_signal signal, struct err *e);
    size_t (*counters)(struct machine *m, struct machine_counter *out, size_t max);
    int (*inject)(struct machine *m, unsigned cpu, const struct injection *what, struct err *e);
    int (*set)(struct machine *m, enum machine_setting setting, int value, struct err *e);
    int (*get)(struct machine *m, enum machine_setting setting);
    void (*dat_context)(struct machine *m, unsigned cpu, struct dat_context *out);
    int (*storage_key)(struct machine *m, uint64_t absolute, uint8_t *key);
    void (*per)(struct machine *m, struct machine_per *out);
    int (*trace)(struct machine *m, bool on, struct err *e);
    size_t (*trace_read)(struct machine *m, uint64_t *next, struct exit_record *out, size_t max);
    uint64_t (*look)(struct machine *m, uint64_t absolute, uint64_t len, const uint8_t **bytes);
    const char *(*doubt)(struct machine *m, unsigned cpu);
};

/* The common part of every engine; an engine embeds it first. Everything here is constant after creation. */
struct machine {
    const struct machine_ops *ops;
    unsigned ncpus;
    unsigned caps;
    unsigned reg_features; /* bit mask of enum reg_feature (regs.h) */
    uint64_t memory;       /* bytes of absolute storage, from 0; a dump may have holes in it */
    const char *notice;    /* what the user must know about this engine at start, or NULL */
    const char
        *fixed; /* why it can never run and nothing in it be changed (a dump), as a clause; else NULL */
};

/* Ends all CPUs and frees the machine. */
static inline void machine_destroy(struct machine *m)
{
    m->ops->destroy(m);
}

/* Lets the CPUs go as the plan says. -1 with *e if that cannot be done (a breakpoint that fits nowhere,
 * stepping without MACHINE_CAN_STEP); no CPU has moved then. */
static inline int machine_resume(struct machine *m, const struct resume_plan *plan, struct err *e)
{
    return m->ops->resume(m, plan, e);
}

/* Asks running CPUs to stop; a STOP_INTERRUPT follows from one of them if no CPU has anything else to tell.
 * Does nothing if none runs. */
static inline void machine_interrupt(struct machine *m)
{
    m->ops->interrupt(m);
}

/* Hands out the next stop, if there is one and no CPU runs: at least one for each resume, at most one for
 * each CPU, in the order in which they came. Of a machine that stood somewhere before it was created (a dump)
 * there is one without a resume. A CPU that stopped only because another did has none, and its
 * action is not done yet. */
static inline bool machine_next_stop(struct machine *m, struct stop *out)
{
    return m->ops->next_stop(m, out);
}

static inline enum cpu_state machine_state(struct machine *m, unsigned cpu)
{
    return m->ops->state(m, cpu);
}

/* Reads register `reg` (an id of regs.h, of a feature in reg_features) as reg_table[reg].bytes bytes, most
 * significant first. -1 if the engine has no such value (a dump without it). */
static inline int machine_read_reg(struct machine *m, unsigned cpu, unsigned reg, uint8_t *bytes)
{
    return m->ops->read_reg(m, cpu, reg, bytes);
}

/* -1 if the engine cannot change it. The value is in force when the CPU next runs. */
static inline int machine_write_reg(struct machine *m, unsigned cpu, unsigned reg, const uint8_t *bytes)
{
    return m->ops->write_reg(m, cpu, reg, bytes);
}

/* Copies guest memory; returns the number of bytes from the start of the range that could be read. Breakpoint
 * opcodes of the engine are never seen. */
static inline size_t machine_read_memory(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr,
                                         void *buf, size_t len)
{
    return m->ops->read_memory(m, cpu, space, addr, buf, len);
}

/* Looks at absolute storage where it is. Returns how many of len (at least 1) bytes from there on are alike,
 * and sets *bytes to them, or to NULL if they are zeros because nobody has touched them yet: to read these
 * could cost the host memory. 0: nothing is to be seen in place, and machine_read_memory() has what there is.
 * Valid until a CPU runs or memory is written. */
static inline uint64_t machine_look(struct machine *m, uint64_t absolute, uint64_t len, const uint8_t **bytes)
{
    *bytes = NULL;
    return m->ops->look ? m->ops->look(m, absolute, len, bytes) : 0;
}

/* Stores into guest memory, whatever keys and page protection say; returns the number of bytes stored. */
static inline size_t machine_write_memory(struct machine *m, unsigned cpu, enum mem_space space,
                                          uint64_t addr, const void *buf, size_t len)
{
    return m->ops->write_memory(m, cpu, space, addr, buf, len);
}

/* Would this whole set be accepted by a resume now? -1 with *e saying which entry is one too many and what
 * the limit is. */
static inline int machine_check_breakpoints(struct machine *m, unsigned cpu, const struct breakpoint *set,
                                            size_t n, struct err *e)
{
    return m->ops->check_breakpoints(m, cpu, set, n, e);
}

/* The same for one more breakpoint beside a set of which every entry was accepted and that takes `used` units
 * (PER entries) in all: 0, and *units is what this one takes, which the caller adds up. What a breakpoint
 * takes changes with the guest's tables, so a refusal may come of a stale sum: who gets one asks
 * machine_check_breakpoints() about the whole set, which has the last word. Costs no walk over the set. */
static inline int machine_check_breakpoint(struct machine *m, unsigned cpu, const struct breakpoint *b,
                                           unsigned used, unsigned *units, struct err *e)
{
    return m->ops->check_breakpoint(m, cpu, b, used, units, e);
}

/* How the breakpoint was in force when the guest last ran, in words that follow "held by"; NULL if it was not
 * or the engine does not tell. Looks through the set. */
static inline const char *machine_breakpoint_held(struct machine *m, const struct breakpoint *b)
{
    return m->ops->breakpoint_held ? m->ops->breakpoint_held(m, b) : NULL;
}

/* Loads the image again: the guest stands at its first instruction. append replaces the command line unless
 * NULL. No CPU may be running. */
static inline int machine_reset(struct machine *m, enum machine_reset_kind kind, const char *append,
                                struct err *e)
{
    return m->ops->reset(m, kind, append, e);
}

/* Brings the signal to the guest: to a running one at once, to a stopped one when it is resumed. -1 with *e
 * if the guest does not take it (an engine without it, a guest that does not listen); console input then
 * stays in the ring until the guest asks. cpu matters for MACHINE_RESTART only. May be called while CPUs run.
 */
static inline int machine_signal(struct machine *m, unsigned cpu, enum machine_signal signal, struct err *e)
{
    return m->ops->signal(m, cpu, signal, e);
}

/* Fills up to max counters (exits by reason, not zero ones) and returns how many. */
static inline size_t machine_counters(struct machine *m, struct machine_counter *out, size_t max)
{
    return m->ops->counters(m, out, max);
}

/* Makes an interruption pending for the CPU, or for any (I/O). No CPU may be running. -1 with *e if the
 * engine or KVM does not take it. */
static inline int machine_inject(struct machine *m, unsigned cpu, const struct injection *what, struct err *e)
{
    if (!m->ops->inject)
        return err_set(e, EXIT_OTHER, "interruptions cannot be injected here");
    return m->ops->inject(m, cpu, what, e);
}

/* Changes a setting; in force from the next resume. -1 with *e if this engine cannot. */
static inline int machine_set(struct machine *m, enum machine_setting setting, int value, struct err *e)
{
    if (!m->ops->set)
        return err_set(e, EXIT_OTHER, "this machine has no such setting");
    return m->ops->set(m, setting, value, e);
}

static inline int machine_get(struct machine *m, enum machine_setting setting)
{
    return m->ops->get ? m->ops->get(m, setting) : 0;
}

/* What the CPU's addresses mean now, for dat.h; valid until the CPU runs. False if the engine has no such
 * view of memory. */
static inline bool machine_dat_context(struct machine *m, unsigned cpu, struct dat_context *out)
{
    if (m->ops->dat_context)
        m->ops->dat_context(m, cpu, out);
    return m->ops->dat_context != NULL;
}

/* The storage key (Principles, chapter 3, "Storage Key": ACC 4 bits, F, R, C, 0) of the 4 KiB block at this
 * absolute address. MACHINE_KEYS_UNUSED if the guest has not used any yet, so that the engine keeps none; -1
 * if it is not known. */
#define MACHINE_KEYS_UNUSED 1
static inline int machine_storage_key(struct machine *m, uint64_t absolute, uint8_t *key)
{
    return m->ops->storage_key ? m->ops->storage_key(m, absolute, key) : -1;
}

/* How PER was in use when the guest last ran, or is since the last resume; false if the engine does not tell.
 * May be called while CPUs run. */
static inline bool machine_per(struct machine *m, struct machine_per *out)
{
    if (m->ops->per)
        m->ops->per(m, out);
    return m->ops->per != NULL;
}

/* Recording of exits (trace.h), off at start. May be called while CPUs run. */
static inline int machine_trace(struct machine *m, bool on, struct err *e)
{
    if (!m->ops->trace)
        return err_set(e, EXIT_OTHER, "this machine has no exits that could be traced");
    return m->ops->trace(m, on, e);
}

/* Copies up to max records from number *next on (from the oldest that is still there if that is later, from
 * the end if that is earlier), oldest first, and sets *next to the number from which to read on. Numbers that
 * are left out are of records that were lost. May be called while CPUs run. */
static inline size_t machine_trace_read(struct machine *m, uint64_t *next, struct exit_record *out,
                                        size_t max)
{
    return m->ops->trace_read ? m->ops->trace_read(m, next, out, max) : 0;
}

/* Which registers of the CPU, as read, may not be those that it had, as a sentence without its period; NULL
 * if all are. */
static inline const char *machine_doubt(struct machine *m, unsigned cpu)
{
    return m->ops->doubt ? m->ops->doubt(m, cpu) : NULL;
}

/* Name of a reason for the log and the monitor: "breakpoint", "disabled wait"... */
const char *stop_reason_name(enum stop_reason reason);

/* "operating", "enabled wait", "disabled wait", "stopped". */
const char *cpu_state_name(enum cpu_state state);

#endif
