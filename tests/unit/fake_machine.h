/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine for tests: registers and memory are arrays, and each resume takes the next stop of a script (or
 * runs until it is interrupted or fake_stop() is called). Records what it was asked for. */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include <pthread.h>

#include "zgdbd/machine.h"
#include "zgdbd/regs.h"
#include "zgdbd/trace.h"

#define FAKE_CPUS 4u /* at most; 2 unless a test says more before it begins */
#define FAKE_MEMORY 0x30000u
/* Logical addresses are absolute ones plus this. */
#define FAKE_LOGICAL 0x100000u
#define FAKE_SCRIPT 32u
#define FAKE_POINTS 4u

struct fake_machine {
    struct machine machine;
    struct machine_events events;
    pthread_mutex_t lock;
    bool running;
    struct stop stops[FAKE_CPUS]; /* to be handed out */
    unsigned nstops, handed;
    struct stop script[FAKE_SCRIPT];
    bool together[FAKE_SCRIPT]; /* with the entry before it */
    unsigned scripted, played;
    unsigned violations; /* of the contract: registers or memory asked for while it ran, ... */
    /* What it was asked for. */
    unsigned resumes, interrupts, resets;
    struct resume_plan plan;               /* the last one, breakpoints copied */
    struct breakpoint points[FAKE_POINTS]; /* its first ones */
    unsigned checks, set_checks;           /* of one breakpoint, of a whole set */
    char append[256];
    unsigned signals; /* how many, and the last one */
    enum machine_signal signal;
    unsigned signal_cpu;
    enum machine_reset_kind reset_kind;
    unsigned injections, injection_cpu;
    struct injection injection;
    /* How it behaves. */
    const char *fail_resume, *fail_reset, *fail_signal;
    unsigned fits;                    /* so many breakpoints: FAKE_POINTS if not changed */
    int unreadable_reg, constant_reg; /* -1: none */
    const char *counter_name;         /* of all of ncounters, which count 0, 1, 2... */
    size_t ncounters;
    struct machine_per per;
    const char *held; /* by which every breakpoint is, or NULL */
    int settings[MACHINE_SETTINGS];
    const char *fail_set;
    bool endless;           /* logical memory, the same over and over */
    struct dat_context dat; /* of every CPU; memory is the fake's */
    int key;                /* of all memory; MACHINE_KEYS_UNUSED (1) and -1 as the contract has it */
    enum mem_space space;   /* of the last access to memory */
    const char *fail_trace;
    struct trace_ring trace; /* a test puts records into it once it was switched on */
    bool traces;
    enum cpu_state state[FAKE_CPUS];
    uint8_t regs[FAKE_CPUS][REG_COUNT][REG_MAX_BYTES];
    uint8_t memory[FAKE_MEMORY];
};

/* Registers hold their number and the CPU's in each byte, memory its own address modulo 251. Real addresses
 * are absolute ones; if the machine has REG_VIRT a CPU reads its prefix area. */
struct fake_machine *fake_create(struct machine_events events);

/* Appends to the script a stop at CPU 0 with a text and PSW of its own. */
struct stop *fake_script(struct fake_machine *f, enum stop_reason reason);

/* The same at another CPU, together with the entry before. */
struct stop *fake_script_also(struct fake_machine *f, unsigned cpu, enum stop_reason reason);

/* Stops the running machine now, at CPU 0 or another. From any thread. */
void fake_stop(struct fake_machine *f, enum stop_reason reason);
void fake_stop_at(struct fake_machine *f, unsigned cpu, enum stop_reason reason);

bool fake_running(struct fake_machine *f);

/* CPU 0 of the running machine comes to the breakpoint of the plan at addr, or changes what is watched there:
 * its counters, conditions and commands are seen to, and the machine stops if it has to. */
void fake_hit(struct fake_machine *f, enum bp_kind kind, uint64_t addr, uint64_t old_value,
              uint64_t new_value);

/* The CPU of the running machine comes to what a catchpoint of the plan is for. */
void fake_catch(struct fake_machine *f, unsigned cpu, enum catch_kind kind, uint32_t code);

#endif
