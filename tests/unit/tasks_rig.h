/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks for the tiny Linux of linux_rig.h, in structures that are smaller than a kernel's, and type
 * information (BTF) that says so. Addresses are absolute ones unless they are called virtual. */
#ifndef TASKS_RIG_H
#define TASKS_RIG_H

#include "linux_rig.h"

/* Where things are in its structures. */
enum {
    TRIG_CPU = 0x04, /* in task_struct */
    TRIG_STATE = 0x08,
    TRIG_STACK = 0x10,
    TRIG_TASKS = 0x20,
    TRIG_PID = 0x30,
    TRIG_TGID = 0x34,
    TRIG_COMM = 0x38,
    TRIG_NODE = 0x48,
    TRIG_SIGNAL = 0x58,
    TRIG_MM = 0x60,
    TRIG_THREAD = 0x68,
    TRIG_KSP = 0x70,
    TRIG_TASK_BYTES = 0x80,
    TRIG_HEAD = 0x10, /* in signal_struct */
    TRIG_SIGNAL_BYTES = 0x20,
    TRIG_CURRENT = 0x340, /* in the lowcore */
};

struct tasks_rig {
    struct linux_rig *r;
    uint64_t init; /* init_task */
    uint64_t btf;  /* its bytes, once trig_btf() has put them into memory */
    size_t btf_len;
};

extern const struct linux_task_layout trig_layout; /* without `from` */

/* init_task, alone in the list. The CPUs get prefix areas of their own. */
void trig_begin(struct tasks_rig *t, struct linux_rig *r);

/* Before lrig_boot(): symbols for init_task, and for BTF that is put into memory. */
void trig_symbol(struct tasks_rig *t);
void trig_btf(struct tasks_rig *t);

/* Tasks that sleep and have memory of their own: a process, at the list's end, and a thread of one. */
uint64_t trig_process(struct tasks_rig *t, uint32_t pid, const char *comm);
uint64_t trig_thread(struct tasks_rig *t, uint64_t leader, uint32_t pid, const char *comm);

/* One that is in no list, with copies of another's places in lists, as the idle tasks of CPUs are. */
uint64_t trig_idle(struct tasks_rig *t, uint64_t from, const char *comm);

/* A stack with the frame of a switch, and r6 to r15 in it (0x6000 + pid and so on; r15 is the frame's
 * address); gprs_at: 72, or 48 without CONFIG_PACK_STACK. Returns its virtual address. */
uint64_t trig_switched(struct tasks_rig *t, uint64_t task, unsigned gprs_at);

/* The CPU runs the task: its lowcore says so. */
void trig_run(struct tasks_rig *t, unsigned cpu, uint64_t task);
uint64_t trig_lowcore(const struct tasks_rig *t, unsigned cpu);

static inline uint64_t trig_virtual(const struct tasks_rig *t, uint64_t absolute)
{
    return lrig_virtual(t->r, absolute);
}

/* The bytes alone, of at most max; how many. */
size_t trig_btf_bytes(uint8_t *out, size_t max);

#endif
