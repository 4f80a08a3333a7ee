/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks as a kernel has them in its lists, and type information, byte by byte. */
#include "tasks_rig.h"

#include <stdlib.h>
#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"

#define STACK_BYTES 0x1000u

const struct linux_task_layout trig_layout = {.tasks = TRIG_TASKS,
                                              .pid = TRIG_PID,
                                              .tgid = TRIG_TGID,
                                              .comm = TRIG_COMM,
                                              .stack = TRIG_STACK,
                                              .mm = TRIG_MM,
                                              .thread_ksp = TRIG_KSP,
                                              .thread_node = TRIG_NODE,
                                              .signal = TRIG_SIGNAL,
                                              .state = TRIG_STATE,
                                              .cpu = TRIG_CPU,
                                              .thread_head = TRIG_HEAD,
                                              .current = TRIG_CURRENT,
                                              .has_state = true,
                                              .has_cpu = true,
                                              .has_current = true};

/* ---- lists ---- */

static uint64_t get64(const struct tasks_rig *t, uint64_t at)
{
    return load_be64(t->r->fake->memory + at);
}

static void list_alone(struct tasks_rig *t, uint64_t node)
{
    lrig_put64(t->r, node, trig_virtual(t, node));
    lrig_put64(t->r, node + 8, trig_virtual(t, node));
}

/* In front of head, which is the list's end. */
static void list_add(struct tasks_rig *t, uint64_t node, uint64_t head)
{
    uint64_t last = get64(t, head + 8) - t->r->virt;
    lrig_put64(t->r, node, trig_virtual(t, head));
    lrig_put64(t->r, node + 8, trig_virtual(t, last));
    lrig_put64(t->r, last, trig_virtual(t, node));
    lrig_put64(t->r, head + 8, trig_virtual(t, node));
}

/* ---- tasks ---- */

static uint64_t new_task(struct tasks_rig *t, uint32_t pid, uint32_t tgid, const char *comm)
{
    uint64_t task = lrig_room(t->r, TRIG_TASK_BYTES, 8);
    lrig_put32(t->r, task + TRIG_PID, pid);
    lrig_put32(t->r, task + TRIG_TGID, tgid);
    lrig_put32(t->r, task + TRIG_STATE, 1);
    lrig_put64(t->r, task + TRIG_MM, 0x1234);
    lrig_put(t->r, task + TRIG_COMM, comm, strlen(comm) < 16 ? strlen(comm) : 16);
    return task;
}

static uint64_t new_process(struct tasks_rig *t, uint32_t pid, const char *comm)
{
    uint64_t task = new_task(t, pid, pid, comm), signal = lrig_room(t->r, TRIG_SIGNAL_BYTES, 8);
    lrig_put64(t->r, task + TRIG_SIGNAL, trig_virtual(t, signal));
    list_alone(t, signal + TRIG_HEAD);
    list_add(t, task + TRIG_NODE, signal + TRIG_HEAD);
    return task;
}

uint64_t trig_process(struct tasks_rig *t, uint32_t pid, const char *comm)
{
    uint64_t task = new_process(t, pid, comm);
    list_add(t, task + TRIG_TASKS, t->init + TRIG_TASKS);
    return task;
}

uint64_t trig_thread(struct tasks_rig *t, uint64_t leader, uint32_t pid, const char *comm)
{
    uint32_t tgid = load_be32(t->r->fake->memory + leader + TRIG_PID);
    uint64_t task = new_task(t, pid, tgid, comm), signal = get64(t, leader + TRIG_SIGNAL);
    lrig_put64(t->r, task + TRIG_SIGNAL, signal);
    lrig_put64(t->r, task + TRIG_TASKS, 0xdead);
    list_add(t, task + TRIG_NODE, signal - t->r->virt + TRIG_HEAD);
    return task;
}

uint64_t trig_idle(struct tasks_rig *t, uint64_t from, const char *comm)
{
    uint64_t task = new_process(t, 0, comm);
    lrig_put(t->r, task + TRIG_TASKS, t->r->fake->memory + from + TRIG_TASKS, 16);
    lrig_put64(t->r, task + TRIG_MM, 0);
    return task;
}

static uint64_t stack_of(struct tasks_rig *t, uint64_t task)
{
    uint64_t stack = get64(t, task + TRIG_STACK);
    if (stack)
        return stack - t->r->virt;
    stack = lrig_room(t->r, STACK_BYTES, STACK_BYTES);
    lrig_put64(t->r, task + TRIG_STACK, trig_virtual(t, stack));
    return stack;
}

uint64_t trig_switched(struct tasks_rig *t, uint64_t task, unsigned gprs_at)
{
    uint64_t frame = stack_of(t, task) + 0x800;
    uint32_t pid = load_be32(t->r->fake->memory + task + TRIG_PID);
    for (unsigned n = 6; n < 15; n++)
        lrig_put64(t->r, frame + gprs_at + 8 * (n - 6), 0x1000 * n + pid);
    lrig_put64(t->r, frame + gprs_at + 8 * 9, trig_virtual(t, frame));
    lrig_put64(t->r, task + TRIG_KSP, trig_virtual(t, frame));
    return trig_virtual(t, frame);
}

/* ---- CPUs ---- */

uint64_t trig_lowcore(const struct tasks_rig *t, unsigned cpu)
{
    return load_be64(t->r->fake->regs[cpu][REG_PREFIX]);
}

void trig_run(struct tasks_rig *t, unsigned cpu, uint64_t task)
{
    uint64_t stack = stack_of(t, task), lowcore = trig_lowcore(t, cpu);
    lrig_put64(t->r, lowcore + TRIG_CURRENT, trig_virtual(t, task));
    lrig_put64(t->r, lowcore + TRIG_CURRENT + 8, trig_virtual(t, stack + STACK_BYTES));
}

void trig_begin(struct tasks_rig *t, struct linux_rig *r)
{
    *t = (struct tasks_rig){.r = r};
    r->fake->machine.reg_features |= 1u << REG_VIRT;
    for (unsigned cpu = 0; cpu < r->fake->machine.ncpus; cpu++)
        store_be64(r->fake->regs[cpu][REG_PREFIX], lrig_room(r, 0x2000, 0x2000));
    t->init = new_process(t, 0, "swapper/0");
    lrig_put64(r, t->init + TRIG_MM, 0);
    list_alone(t, t->init + TRIG_TASKS);
}

void trig_symbol(struct tasks_rig *t)
{
    lrig_symbol(t->r, "init_task", 'D', trig_virtual(t, t->init));
}

/* ---- type information ---- */

#define BTF_HEADER 24u
#define KIND_INT (1u << 24)
#define KIND_STRUCT (4u << 24)

struct btf {
    uint8_t *out;
    size_t max, types; /* bytes of types, behind the header */
    char strings[512];
    size_t len;
};

static void word(struct btf *b, uint32_t value)
{
    value = htobe32(value);
    if (BTF_HEADER + b->types + 4 > b->max)
        abort();
    memcpy(b->out + BTF_HEADER + b->types, &value, 4);
    b->types += 4;
}

static uint32_t string(struct btf *b, const char *text)
{
    size_t at = b->len;
    if (!*text)
        return 0;
    if (at + strlen(text) + 1 > sizeof b->strings)
        abort();
    memcpy(b->strings + at, text, strlen(text) + 1);
    b->len += strlen(text) + 1;
    return (uint32_t)at;
}

static void structure(struct btf *b, const char *name, uint32_t members, uint32_t size)
{
    word(b, string(b, name));
    word(b, KIND_STRUCT | members);
    word(b, size);
}

static void member(struct btf *b, const char *name, uint32_t type, uint32_t bytes)
{
    word(b, string(b, name));
    word(b, type);
    word(b, 8 * bytes);
}

static void put_types(struct btf *b)
{
    word(b, string(b, "int")); /* 1 */
    word(b, KIND_INT);
    word(b, 4);
    word(b, 32);
    structure(b, "thread_info", 1, 8); /* 2 */
    member(b, "cpu", 1, TRIG_CPU);
    structure(b, "thread_struct", 1, 16); /* 3 */
    member(b, "ksp", 1, TRIG_KSP - TRIG_THREAD);
    structure(b, "signal_struct", 1, TRIG_SIGNAL_BYTES); /* 4 */
    member(b, "thread_head", 1, TRIG_HEAD);
    structure(b, "lowcore", 1, 0x2000); /* 5 */
    member(b, "current_task", 1, TRIG_CURRENT);
    structure(b, "", 2, 8); /* 6 */
    member(b, "pid", 1, 0);
    member(b, "tgid", 1, 4);
    structure(b, "task_struct", 10, TRIG_TASK_BYTES); /* 7 */
    member(b, "thread_info", 2, 0);
    member(b, "__state", 1, TRIG_STATE);
    member(b, "stack", 1, TRIG_STACK);
    member(b, "tasks", 1, TRIG_TASKS);
    member(b, "", 6, TRIG_PID);
    member(b, "comm", 1, TRIG_COMM);
    member(b, "thread_node", 1, TRIG_NODE);
    member(b, "signal", 1, TRIG_SIGNAL);
    member(b, "mm", 1, TRIG_MM);
    member(b, "thread", 3, TRIG_THREAD);
}

size_t trig_btf_bytes(uint8_t *out, size_t max)
{
    static const uint8_t begin[] = {0xeb, 0x9f, 1, 0};
    struct btf b = {.out = out, .max = max, .len = 1};
    put_types(&b);
    size_t strings = BTF_HEADER + b.types;
    if (strings + b.len > max)
        abort();
    memcpy(out, begin, sizeof begin);
    uint32_t header[] = {htobe32(BTF_HEADER), 0, htobe32((uint32_t)b.types), htobe32((uint32_t)b.types),
                         htobe32((uint32_t)b.len)};
    memcpy(out + sizeof begin, header, sizeof header);
    memcpy(out + strings, b.strings, b.len);
    return strings + b.len;
}

void trig_btf(struct tasks_rig *t)
{
    uint8_t bytes[1024];
    t->btf_len = trig_btf_bytes(bytes, sizeof bytes);
    t->btf = lrig_room(t->r, t->btf_len, 8);
    lrig_put(t->r, t->btf, bytes, t->btf_len);
    lrig_symbol(t->r, "__start_BTF", 'R', trig_virtual(t, t->btf));
    lrig_symbol(t->r, "__stop_BTF", 'R', trig_virtual(t, t->btf + t->btf_len));
}
