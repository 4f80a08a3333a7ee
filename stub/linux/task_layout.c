/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are in the kernel's structures for tasks: from its BTF, or as the debugger has said, which has
 * it from the kernel's debug file. And the task that a CPU runs, of which the lowcore tells. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "tasks.h"
#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"

struct linux_tasklist *linux_tasklist(struct linux_guest *g)
{
    if (!g->tasks)
        g->tasks = calloc(1, sizeof *g->tasks);
    return g->tasks;
}

/* ---- the layout ---- */

enum {
    M_TASKS,
    M_PID,
    M_TGID,
    M_COMM,
    M_STACK,
    M_MM,
    M_THREAD,
    M_KSP,
    M_NODE,
    M_SIGNAL,
    M_HEAD,
    M_NEEDED, /* those before: without them there is no list */
    M_STATE = M_NEEDED,
    M_INFO,
    M_CPU,
    M_CURRENT,
    M_COUNT,
};

static int from_btf(struct linux_guest *g, struct linux_task_layout *l, struct err *e)
{
    struct linux_btf_member m[M_COUNT] = {
        [M_TASKS] = {.type = "task_struct", .member = "tasks"},
        [M_PID] = {.type = "task_struct", .member = "pid"},
        [M_TGID] = {.type = "task_struct", .member = "tgid"},
        [M_COMM] = {.type = "task_struct", .member = "comm"},
        [M_STACK] = {.type = "task_struct", .member = "stack"},
        [M_MM] = {.type = "task_struct", .member = "mm"},
        [M_THREAD] = {.type = "task_struct", .member = "thread"},
        [M_KSP] = {.type = "thread_struct", .member = "ksp"},
        [M_NODE] = {.type = "task_struct", .member = "thread_node"},
        [M_SIGNAL] = {.type = "task_struct", .member = "signal"},
        [M_HEAD] = {.type = "signal_struct", .member = "thread_head"},
        [M_STATE] = {.type = "task_struct", .member = "__state"},
        [M_INFO] = {.type = "task_struct", .member = "thread_info"},
        [M_CPU] = {.type = "thread_info", .member = "cpu"},
        [M_CURRENT] = {.type = "lowcore", .member = "current_task"},
    };
    if (linux_btf_members(g, m, M_COUNT, e))
        return -1;
    for (unsigned i = 0; i < M_NEEDED; i++)
        if (!m[i].found)
            return err_set(e, EXIT_OTHER, "the guest's type information (BTF) has no %s.%s", m[i].type,
                           m[i].member);
    *l = (struct linux_task_layout){.tasks = m[M_TASKS].offset,
                                    .pid = m[M_PID].offset,
                                    .tgid = m[M_TGID].offset,
                                    .comm = m[M_COMM].offset,
                                    .stack = m[M_STACK].offset,
                                    .mm = m[M_MM].offset,
                                    .thread_ksp = m[M_THREAD].offset + m[M_KSP].offset,
                                    .thread_node = m[M_NODE].offset,
                                    .signal = m[M_SIGNAL].offset,
                                    .thread_head = m[M_HEAD].offset,
                                    .state = m[M_STATE].offset,
                                    .has_state = m[M_STATE].found,
                                    .cpu = m[M_INFO].offset + m[M_CPU].offset,
                                    .has_cpu = m[M_INFO].found && m[M_CPU].found,
                                    .current = m[M_CURRENT].offset,
                                    .has_current = m[M_CURRENT].found,
                                    .from = "BTF"};
    return 0;
}

/* Reads BTF when it is first asked for with this kernel. */
static void see_to_btf(struct linux_guest *g, struct linux_tasklist *t)
{
    unsigned generation = linux_generation(g);
    if (generation && t->generation == generation)
        return;
    t->generation = generation;
    t->btf.from = NULL;
    if (!generation)
        err_set(&t->no_btf, EXIT_OTHER, "the guest's memory tells of no Linux kernel (yet)");
    else
        from_btf(g, &t->btf, &t->no_btf);
}

const struct linux_task_layout *linux_task_layout(struct linux_guest *g, struct err *e)
{
    struct linux_tasklist *t = linux_tasklist(g);
    if (!t) {
        err_set(e, EXIT_OTHER, "no memory for the guest's tasks");
        return NULL;
    }
    see_to_btf(g, t);
    if (t->btf.from)
        return &t->btf;
    if (g->layout.from)
        return &g->layout;
    err_set(e, EXIT_OTHER, "%s%s", t->no_btf.text,
            t->generation ? ". gdb can tell where its tasks are if it has the kernel's debug file: source "
                            "zgdbd-gdb.py"
                          : "");
    return NULL;
}

void linux_task_layout_set(struct linux_guest *g, const struct linux_task_layout *layout)
{
    g->layout = *layout;
    if (g->layout.from == NULL)
        g->layout.from = "the debugger";
    linux_changed(g);
}

/* ---- the task that a CPU runs ---- */

#define LC_SIZE 0x1000u
/* The kernel's own fields begin behind the architecture's. current_task has been at 0x340 since 4.20, and the
 * end of its stack (kernel_stack) follows it. */
#define LC_CURRENT 0x340u
#define LC_FIRST 0x200u
#define STACK_MAX 0x10000u /* 16 KiB; 64 KiB with KASAN */
/* `stack` is the third member of task_struct. */
#define TASK_HEAD 0x60u

static bool ends_stack(uint64_t end, uint64_t stack)
{
    return stack && stack % 0x1000 == 0 && end > stack && end - stack <= STACK_MAX;
}

/* Whether the task has the stack with this end. */
static bool has_stack(struct linux_guest *g, const struct linux_task_layout *l, uint64_t task, uint64_t end)
{
    uint8_t head[TASK_HEAD];
    uint64_t stack;
    if (!task || task % 8)
        return false;
    if (l)
        return linux_read_u64(g, task + l->stack, &stack) && ends_stack(end, stack);
    if (linux_read(g, task, head, sizeof head) != sizeof head)
        return false;
    for (unsigned at = 0; at < sizeof head; at += 8)
        if (ends_stack(end, load_be64(head + at)))
            return true;
    return false;
}

static bool current_at(struct linux_guest *g, const struct linux_task_layout *l, const uint8_t *lowcore,
                       unsigned at, uint64_t *task)
{
    *task = load_be64(lowcore + at);
    return has_stack(g, l, *task, load_be64(lowcore + at + 8));
}

/* A CPU that Linux has not brought up has no prefix yet, and would show what CPU 0 has left at absolute 0. */
static bool never_ran(struct linux_guest *g, unsigned cpu)
{
    uint64_t prefix;
    return machine_state(g->m, cpu) == CPU_STOPPED && linux_reg(g, cpu, REG_PREFIX, &prefix) && !prefix;
}

static bool known_layout(struct linux_guest *g, const struct linux_task_layout **l)
{
    const struct linux_tasklist *t = g->tasks;
    *l = t && t->btf.from && t->generation == linux_generation(g) ? &t->btf
         : g->layout.from                                         ? &g->layout
                                                                  : NULL;
    return *l != NULL;
}

bool linux_current(struct linux_guest *g, unsigned cpu, uint64_t *task)
{
    const struct linux_task_layout *l;
    uint8_t lowcore[LC_SIZE];
    unsigned at = LC_CURRENT;
    if (known_layout(g, &l) && l->has_current && l->current % 8 == 0 && l->current <= LC_SIZE - 16)
        at = l->current;
    if (never_ran(g, cpu) ||
        machine_read_memory(g->m, cpu, SPACE_REAL, 0, lowcore, sizeof lowcore) != sizeof lowcore)
        return false;
    if (current_at(g, l, lowcore, at, task))
        return true;
    for (at = LC_FIRST; at <= LC_SIZE - 16; at += 8)
        if (current_at(g, l, lowcore, at, task))
            return true;
    return false;
}
