/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several vcpus over the fake kernel (cpus_rig.c): each test sets what its CPUs do in the guest. */
#ifndef ZGDBD_TEST_CPUS_RIG_H
#define ZGDBD_TEST_CPUS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kvm_rig.h"

#define CPUS 4
#define CODE 0x2000ULL /* LR 0,0 over and over; CPU n starts at 0x1000 * n behind */

/* One KVM_RUN of the CPU, as kernel_run_fn. */
typedef int cpus_guest_fn(unsigned cpu, struct kvm_run *run);

extern cpus_guest_fn *cpus_guest[CPUS]; /* cpus_spins at start */
extern struct kvm_run *cpus_runs[CPUS];
extern atomic_uint cpus_entries[CPUS], cpus_inside; /* of KVM_RUN; CPUs that are in it */
extern uint32_t cpus_mp_state[CPUS];
extern atomic_uint cpus_restarts[CPUS]; /* given to KVM */
extern atomic_uint cpus_others_during_step, cpus_opcodes_missing, cpus_steps;
extern struct resume_plan cpus_plan; /* of cpus_set */
extern struct breakpoint cpus_set[4];

/* ---- guests ---- */

cpus_guest_fn cpus_spins; /* until a signal comes */
/* The same, where the opcode of a breakpoint at CODE + 0x100 has to be in force. */
cpus_guest_fn cpus_spins_and_looks;
cpus_guest_fn cpus_steps_on;       /* single-step, LR after LR */
cpus_guest_fn cpus_waits_disabled; /* at 0x4444 */
/* Comes to the breakpoint at CODE + 0x100 when another CPU is in the guest, too. */
cpus_guest_fn cpus_hits;

/* ---- the rig ---- */

int cpus_setup(void **state);
int cpus_teardown(void **state);
void cpus_go(const enum cpu_verb verbs[CPUS]);
void cpus_go_all(void); /* continue */
struct stop cpus_await(void);
void cpus_await_count(atomic_uint *count, unsigned n); /* until it is at least n */
void cpus_await_entries(unsigned cpu, unsigned n);
void cpus_assert_no_more(void);
void cpus_set_pc(unsigned cpu, uint64_t pc);

#endif
