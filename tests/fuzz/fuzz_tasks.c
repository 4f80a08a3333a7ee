/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the lists of a Linux guest's tasks: the input changes what is in the structures of a few tasks, in
 * the lowcores and in the type information, or gives a layout. Whatever comes of it, the list is in order and
 * of bounded length, no task is in it twice, and each can be looked at. */
#include <stdlib.h>
#include <string.h>

#include "../unit/fake_machine.c"
#include "../unit/linux_rig.c"
#include "../unit/tasks_rig.c"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TASKS 6u
#define CHANGES_MAX 24u

static struct {
    struct linux_rig *r;
    struct tasks_rig t;
    uint64_t task[TASKS]; /* and what belongs to each lies behind it */
    uint8_t memory[FAKE_MEMORY];
} rig;

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void make(void)
{
    struct tasks_rig *t = &rig.t;

    rig.r = lrig_open(RIG_HIGH);
    trig_begin(t, rig.r);
    rig.task[0] = t->init;
    rig.task[1] = trig_process(t, 1, "init");
    rig.task[2] = trig_process(t, 20, "twenty");
    rig.task[3] = trig_thread(t, rig.task[2], 21, "thread");
    rig.task[4] = trig_process(t, 30, "thirty");
    rig.task[5] = trig_idle(t, t->init, "swapper/1");
    trig_switched(t, rig.task[2], 72);
    trig_run(t, 0, rig.task[1]);
    trig_run(t, 1, rig.task[5]);
    trig_symbol(t);
    trig_btf(t);
    lrig_boot(rig.r);
    memcpy(rig.memory, rig.r->fake->memory, FAKE_MEMORY);
}

/* One word: any bytes, or the address of something that is there, or near it. */
static void change(struct input *in)
{
    unsigned what = (unsigned)take(in, 1);
    uint64_t at = rig.task[what % TASKS] + take(in, 1), value;

    if (what & 0x40)
        at = (what & 0x20 ? rig.t.btf : trig_lowcore(&rig.t, what & 1)) + take(in, 2) % 0x600;
    value = what & 0x80 ? take(in, 8) : trig_virtual(&rig.t, rig.task[take(in, 1) % TASKS] + take(in, 1));
    if (at <= FAKE_MEMORY - 8)
        lrig_put64(rig.r, at, value);
}

static void give_layout(struct input *in)
{
    struct linux_task_layout l = trig_layout;
    uint32_t *const fields[] = {&l.tasks,  &l.pid,   &l.tgid,        &l.comm,
                                &l.stack,  &l.mm,    &l.thread_ksp,  &l.thread_node,
                                &l.signal, &l.state, &l.thread_head, &l.current};

    for (unsigned n = (unsigned)take(in, 1) % 4; n; n--)
        *fields[take(in, 1) % (sizeof fields / sizeof *fields)] = (uint32_t)take(in, 2);
    l.has_state = take(in, 1) & 1;
    if (take(in, 1) & 1) /* it is asked for where there is no type information */
        rig.r->fake->memory[rig.t.btf] = 0;
    linux_task_layout_set(rig.r->g, &l);
}

static void check(struct linux_guest *g)
{
    const struct linux_task *list;
    uint64_t gprs[LINUX_SWITCH_GPRS], task;
    struct err e = {0};
    size_t n = 0;

    for (unsigned cpu = 0; cpu < 2; cpu++)
        linux_current(g, cpu, &task);
    if (linux_tasks(g, &list, &n, &e)) {
        require(e.text[0] != 0);
        return;
    }
    require(n >= 1 && n <= LINUX_TASKS_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct linux_task *one = &list[i], *before = i ? one - 1 : NULL;
        require(strlen(one->comm) <= 16 && one->cpu < 2 && linux_task_letter(g, one));
        require(!before || one->pid == 0 || (before->pid != 0 && before->pid <= one->pid));
        require(!before || before->addr != one->addr);
        if (linux_task_gprs(g, one, gprs))
            require(one->cpu < 0 && gprs[LINUX_SWITCH_GPRS - 1] == one->sp);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    if (!rig.r)
        make();
    memcpy(rig.r->fake->memory, rig.memory, FAKE_MEMORY);
    linux_reset(rig.r->g);
    give_layout(&in);
    for (unsigned i = 0; in.size && i < CHANGES_MAX; i++)
        change(&in);
    check(rig.r->g);
    linux_changed(rig.r->g);
    check(rig.r->g);
    return 0;
}
