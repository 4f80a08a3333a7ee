/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's tasks: the kernel's list of processes, the threads of each, and what CPUs run that is in no
 * list. A list that goes round, leads nowhere or has no end costs tasks, not the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "tasks.h"
#include "zgdbd/bytes.h"

/* PID_MAX_LIMIT of include/linux/threads.h: pids are below. */
#define PID_LIMIT (4 << 20)
#define COMM_BYTES 16u

/* Bits of __state (include/linux/sched.h): those up to TASK_PARKED are shown, the highest wins. */
#define STATE_SHOWN 0x7fu
#define STATE_DEAD 0x80u
#define STATE_IDLE 0x402u

void linux_forget_tasks(struct linux_guest *g, enum linux_forget what)
{
    struct linux_tasklist *t = g->tasks;
    if (!t)
        return;
    free(t->list);
    t->list = NULL;
    t->n = 0;
    t->listed = false;
    if (what == FORGET_RAN)
        return;
    free(t);
    g->tasks = NULL;
}

/* ---- lists of the kernel ---- */

/* A circular list of struct list_head, of which next comes first. One that never comes back to its start is
 * found out by a mark that is set anew after 1, 2, 4... steps (Brent). */
struct ring {
    uint64_t start, at, mark;
    size_t steps, limit;
    bool broken;
};

static struct ring ring_from(uint64_t start)
{
    return (struct ring){.start = start, .at = start, .mark = start, .limit = 1};
}

static bool ring_next(struct linux_guest *g, struct ring *r)
{
    r->broken = !linux_read_u64(g, r->at, &r->at) || (r->at == r->mark && r->at != r->start);
    if (r->broken || r->at == r->start)
        return false;
    if (++r->steps == r->limit) {
        r->mark = r->at;
        r->limit *= 2;
    }
    return true;
}

/* ---- one task ---- */

/* What is needed of a task_struct is read at once, which costs far less than to look each member up. */
struct reader {
    struct linux_guest *g;
    const struct linux_task_layout *l;
    uint32_t first; /* where what is needed begins, */
    uint32_t len;   /* and how much it is */
    uint8_t *bytes; /* of the task that was read last; from malloc */
};

static void cover(struct reader *r, uint32_t at, uint32_t len)
{
    uint32_t end = r->first + r->len;
    if (end < at + len)
        end = at + len;
    if (r->len == 0 || at < r->first)
        r->first = at;
    r->len = end - r->first;
}

/* False without memory. */
static bool reader_open(struct reader *r, struct linux_guest *g, const struct linux_task_layout *l)
{
    *r = (struct reader){.g = g, .l = l};
    cover(r, l->pid, 4);
    cover(r, l->tgid, 4);
    cover(r, l->comm, COMM_BYTES);
    cover(r, l->mm, 8);
    cover(r, l->thread_ksp, 8);
    cover(r, l->signal, 8);
    if (l->has_state)
        cover(r, l->state, 4);
    if (l->has_cpu)
        cover(r, l->cpu, 4);
    r->bytes = malloc(r->len);
    return r->bytes != NULL;
}

static uint32_t word(const struct reader *r, uint32_t at)
{
    return load_be32(r->bytes + at - r->first);
}

static uint64_t doubleword(const struct reader *r, uint32_t at)
{
    return load_be64(r->bytes + at - r->first);
}

/* As linux_read_string() has it. */
static void take_comm(const struct reader *r, char comm[COMM_BYTES + 1])
{
    memcpy(comm, r->bytes + r->l->comm - r->first, COMM_BYTES);
    comm[COMM_BYTES] = 0;
    for (char *p = comm; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

static bool read_task(struct reader *r, uint64_t addr, struct linux_task *task)
{
    const struct linux_task_layout *l = r->l;
    if (addr % 8 || linux_read(r->g, addr + r->first, r->bytes, r->len) != r->len ||
        word(r, l->pid) >= PID_LIMIT || word(r, l->tgid) >= PID_LIMIT)
        return false;
    *task = (struct linux_task){.addr = addr,
                                .pid = (int32_t)word(r, l->pid),
                                .tgid = (int32_t)word(r, l->tgid),
                                .state = l->has_state ? word(r, l->state) : 0,
                                .sp = doubleword(r, l->thread_ksp),
                                .cpu = -1,
                                .last_cpu = -1,
                                .kernel = doubleword(r, l->mm) == 0};
    take_comm(r, task->comm);
    if (l->has_cpu && word(r, l->cpu) < MACHINE_MAX_CPUS)
        task->last_cpu = (int)word(r, l->cpu);
    return true;
}

/* ---- all tasks ---- */

struct gather {
    struct reader r;
    struct linux_tasklist *t;
    size_t room; /* of t->list */
};

static bool lacks(struct gather *a, const char *why)
{
    snprintf(a->t->lack, sizeof a->t->lack, "%s", why);
    return false;
}

/* False if the list is to end here. */
static bool add(struct gather *a, uint64_t addr)
{
    struct linux_tasklist *t = a->t;
    struct linux_task task;
    if (!read_task(&a->r, addr, &task))
        return lacks(a, "the list of tasks leads to what is no task");
    if (t->n == LINUX_TASKS_MAX)
        return lacks(a, "there are more tasks than are shown");
    if (t->n == a->room) {
        size_t room = a->room ? 2 * a->room : 128;
        struct linux_task *list = realloc(t->list, room * sizeof *list);
        if (!list)
            return lacks(a, "no memory for more tasks");
        t->list = list;
        a->room = room;
    }
    t->list[t->n++] = task;
    return true;
}

/* A process: the task that leads it, and its other threads. */
static bool add_process(struct gather *a, uint64_t leader)
{
    const struct linux_task_layout *l = a->r.l;
    if (!add(a, leader))
        return false;
    uint64_t signal = doubleword(&a->r, l->signal);
    if (!signal) /* on its way out */
        return true;
    struct ring r = ring_from(signal + l->thread_head);
    while (ring_next(a->r.g, &r)) {
        uint64_t task = r.at - l->thread_node;
        if (task != leader && !add(a, task))
            return false;
    }
    return !r.broken || lacks(a, "the list of a process's threads is broken");
}

static void add_all(struct gather *a, uint64_t first)
{
    uint32_t tasks = a->r.l->tasks;
    struct ring r = ring_from(first + tasks);
    bool more = add_process(a, first);
    while (more && ring_next(a->r.g, &r))
        more = add_process(a, r.at - tasks);
    if (more && r.broken)
        lacks(a, "the list of processes is broken");
}

/* ---- where the list begins ---- */

/* Whether the task is in the list of processes. */
static bool in_list(struct reader *r, uint64_t task)
{
    uint64_t node = task + r->l->tasks, next, back;
    struct linux_task ignored;
    return linux_read_u64(r->g, node, &next) && linux_read_u64(r->g, next + 8, &back) && back == node &&
           read_task(r, task, &ignored);
}

/* From a task that a CPU runs. Only the first of a process's threads is in the list; an idle task is not, but
 * has the copy of the place in it of the task that made it. */
static bool from_current(struct reader *r, uint64_t task, uint64_t *first)
{
    const struct linux_task_layout *l = r->l;
    uint64_t signal, node, next;
    *first = task;
    if (in_list(r, task))
        return true;
    if (linux_read_u64(r->g, task + l->signal, &signal) &&
        linux_read_u64(r->g, signal + l->thread_head, &node)) {
        *first = node - l->thread_node;
        if (in_list(r, *first))
            return true;
    }
    if (!linux_read_u64(r->g, task + l->tasks, &next))
        return false;
    *first = next - l->tasks;
    return in_list(r, *first);
}

static bool find_first(struct reader *r, uint64_t *first)
{
    uint64_t task;
    if (linux_symbol_named(r->g, "init_task", first) && in_list(r, *first))
        return true;
    for (unsigned cpu = 0; cpu < r->g->m->ncpus; cpu++)
        if (linux_current(r->g, cpu, &task) && from_current(r, task, first))
            return true;
    return false;
}

/* ---- those on CPUs ---- */

static struct linux_task *with_address(struct linux_tasklist *t, uint64_t addr)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->list[i].addr == addr)
            return &t->list[i];
    return NULL;
}

static void add_current(struct gather *a, unsigned cpu)
{
    struct linux_task *task;
    uint64_t addr;
    if (!linux_current(a->r.g, cpu, &addr))
        return;
    if (!with_address(a->t, addr))
        add(a, addr);
    task = with_address(a->t, addr);
    if (!task)
        return;
    task->cpu = task->last_cpu = (int)cpu;
    task->sp = 0;
}

/* By pid, 0 last; those of a CPU in front of others with the same pid. */
static int compare(const void *left, const void *right)
{
    const struct linux_task *a = left, *b = right;
    if (a->pid != b->pid)
        return a->pid == 0 || (b->pid != 0 && a->pid > b->pid) ? 1 : -1;
    if ((unsigned)a->cpu != (unsigned)b->cpu)
        return (unsigned)a->cpu > (unsigned)b->cpu ? 1 : -1;
    return (a->addr > b->addr) - (a->addr < b->addr);
}

/* In order, each task once. */
static void settle(struct linux_tasklist *t)
{
    size_t n = 0;
    if (!t->n)
        return;
    qsort(t->list, t->n, sizeof *t->list, compare);
    for (size_t i = 0; i < t->n; i++)
        if (!n || t->list[n - 1].addr != t->list[i].addr)
            t->list[n++] = t->list[i];
    t->n = n;
}

static int gather_all(struct gather *a, struct err *e)
{
    uint64_t first;
    if (!find_first(&a->r, &first))
        return err_set(
            e, EXIT_OTHER,
            "the guest's list of tasks is not found: its kernel is not far enough, or the places of "
            "its members (%s) are not this kernel's",
            a->r.l->from);
    a->t->lack[0] = 0;
    add_all(a, first);
    for (unsigned cpu = 0; cpu < a->r.g->m->ncpus; cpu++)
        add_current(a, cpu);
    settle(a->t);
    a->t->listed = true;
    return 0;
}

static int gather(struct linux_guest *g, const struct linux_task_layout *l, struct err *e)
{
    struct gather a = {.t = g->tasks};
    if (!reader_open(&a.r, g, l))
        return err_set(e, EXIT_OTHER, "no memory for the guest's tasks");
    int result = gather_all(&a, e);
    free(a.r.bytes);
    return result;
}

int linux_tasks(struct linux_guest *g, const struct linux_task **list, size_t *n, struct err *e)
{
    const struct linux_task_layout *l = linux_task_layout(g, e);
    if (!l || (!g->tasks->listed && gather(g, l, e)))
        return -1;
    *list = g->tasks->list;
    *n = g->tasks->n;
    return 0;
}

const char *linux_tasks_lack(struct linux_guest *g)
{
    return g->tasks && g->tasks->listed && g->tasks->lack[0] ? g->tasks->lack : NULL;
}

/* ---- more of one ---- */

/* __state is not the only word of a state: one that is dead and still listed is a zombie. */
char linux_task_letter(const struct linux_guest *g, const struct linux_task *task)
{
    static const char letters[] = "RSDTtXZP";
    const struct linux_tasklist *t = g->tasks;
    unsigned at = 0;
    if (!t || !(t->btf.from ? t->btf.has_state : g->layout.has_state))
        return '?';
    if (task->state == STATE_IDLE)
        return 'I';
    if (task->state & STATE_DEAD)
        return 'Z';
    for (uint32_t shown = task->state & STATE_SHOWN; shown; shown >>= 1)
        at++;
    return letters[at];
}

/* Where struct stack_frame has gprs[10], without and with CONFIG_PACK_STACK. The last of them is r15, which
 * then points to the frame. */
static const unsigned gprs_at[] = {48, 72};

bool linux_task_gprs(struct linux_guest *g, const struct linux_task *task, uint64_t gprs[LINUX_SWITCH_GPRS])
{
    uint8_t bytes[LINUX_SWITCH_GPRS * 8];
    if (task->cpu >= 0 || !task->sp)
        return false;
    for (size_t i = 0; i < sizeof gprs_at / sizeof *gprs_at; i++) {
        if (linux_read(g, task->sp + gprs_at[i], bytes, sizeof bytes) != sizeof bytes ||
            load_be64(bytes + sizeof bytes - 8) != task->sp)
            continue;
        for (unsigned n = 0; n < LINUX_SWITCH_GPRS; n++)
            gprs[n] = load_be64(bytes + 8 * n);
        return true;
    }
    return false;
}
