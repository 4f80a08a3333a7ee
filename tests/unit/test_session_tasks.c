/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's tasks as threads of the debugger: their ids, registers and memory, what cannot be done with
 * them, and the monitor commands about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_rig.h"
#include "tasks_rig.h"
#include "zgdbd/bytes.h"
#include "zgdbd/log.h"

#define BEGINS(text, part) assert_true(starts(text, part))
#define OF_TASK "no CPU runs this task"
#define LAYOUT                                                                                               \
    "tasks=0x20 pid=48 tgid=52 comm=56 stack=16 mm=96 thread_ksp=112 thread_node=72 signal=88 "              \
    "thread_head=16"

/* CPU 0 runs init, CPU 1 its idle task; a process sleeps, with a thread. */
struct scene {
    struct world *w;
    struct linux_rig r;
    struct tasks_rig t;
    uint64_t init, sleeper;
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    s->w = world_open((struct policy){0});
    lrig_in(&s->r, s->w->fake, RIG_HIGH);
    trig_begin(&s->t, &s->r);
    s->init = trig_process(&s->t, 1, "init");
    s->sleeper = trig_process(&s->t, 0x23, "<\"&sleep");
    trig_thread(&s->t, s->sleeper, 0x24, "thread");
    uint64_t idle = trig_idle(&s->t, s->t.init, "swapper/1");
    trig_switched(&s->t, s->sleeper, 72);
    trig_run(&s->t, 0, s->init);
    trig_run(&s->t, 1, idle);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    world_close(s->w);
    free(s);
    return 0;
}

/* A kernel with type information, and a debugger that wants tasks. */
static struct world *with_tasks(struct scene *s)
{
    trig_symbol(&s->t);
    trig_btf(&s->t);
    lrig_boot(&s->r);
    ask(s->w, ALL_FEATURES);
    CONTAINS(monitor(s->w, "threads tasks"), "The guest has ");
    CONTAINS(monitor(s->w, "threads"), " tasks; thread 1.N of gdb's names is the one with pid N - 1000.");
    return s->w;
}

/* ---- ids ---- */

static void lists(void **state)
{
    struct world *w = with_tasks(*state);
    EXPECT("qfThreadInfo", "mp1.1,p1.2,p1.40b,p1.40c,p1.3e8");
    EXPECT("qsThreadInfo", "l");
    CONTAINS(ask(w, "qXfer:threads:read::0,1000"),
             "<thread id=\"p1.1\" core=\"0\" name=\"CPU 0: init 1\">operating;");
    CONTAINS(w->a.reply, "<thread id=\"p1.2\" core=\"1\" name=\"CPU 1: swapper/1 0\">operating;");
    CONTAINS(w->a.reply,
             "<thread id=\"p1.40b\" name=\"&lt;&quot;&amp;sleep\">35/35, sleeping, last on CPU 0</thread>");
    CONTAINS(w->a.reply, "<thread id=\"p1.40c\" name=\"thread\">36/35, sleeping, last on CPU 0</thread>");
    CONTAINS(w->a.reply,
             "<thread id=\"p1.3e8\" name=\"swapper/0\">0/0, sleeping, last on CPU 0, of the kernel<");
    assert_string_equal(text_of(ask(w, "qThreadExtraInfo,p1.40c")), "thread, 36/35, sleeping, last on CPU 0");
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.1")), "CPU 0: init 1, operating;");
    CONTAINS(monitor(w, "threads cpus"), "gdb's threads are the CPUs.");
    EXPECT("qfThreadInfo", "mp1.1,p1.2");
    STARTS("Tp1.40b", "E.");
    assert_null(strstr(ask(w, "qXfer:threads:read::0,1000"), "init"));
}

/* More ids than one reply takes. */
static void long_list(void **state)
{
    struct scene *s = *state;
    struct world *w = s->w;
    unsigned replies = 0, ids = 0;
    for (uint32_t i = 0; i < 500; i++)
        trig_thread(&s->t, s->sleeper, 1000 + i, "many");
    with_tasks(s);
    for (ask(w, "qfThreadInfo"); w->a.reply[0] == 'm'; ask(w, "qsThreadInfo"), replies++, ids++)
        for (const char *at = w->a.reply; (at = strchr(at + 1, ',')); ids++)
            ;
    assert_int_equal(ids, 505);
    assert_true(replies > 2);
}

static void alive(void **state)
{
    struct scene *s = *state;
    struct world *w = with_tasks(s);
    EXPECT("Tp1.40b", "OK");
    EXPECT("Tp1.3e8", "OK");
    STARTS("Tp1.3e9", "E.this task is no more, or runs on a CPU now"); /* init, which CPU 0 runs */
    STARTS("Tp1.3ea", "E.this task is no more");
    STARTS("Tp2.40b", "E.");
    STARTS("Tp1.3", "E.there is no such CPU");
    STARTS("Hgp1.3e9", "E.this task is no more");
    /* Whoever runs next. */
    fake_script(w->fake, STOP_STEP);
    CONTAINS(ask(w, "vCont;s:p1.1"), "thread:p1.1;");
    trig_run(&s->t, 0, s->sleeper);
    ask(w, "M0,0:"); /* what the test has written is seen when the debugger has written, or the guest run */
    EXPECT("Tp1.3e9", "OK");
    STARTS("Tp1.40b", "E.this task is no more");
}

/* ---- what can be seen ---- */

static void registers(void **state)
{
    struct scene *s = *state;
    struct world *w = with_tasks(s);
    char r15[32];
    EXPECT("Hgp1.40b", "OK");
    EXPECT("qC", "QCp1.40b");
    EXPECT("p0", "0404c00180000000");
    EXPECT("p1", "000000000000e023");
    EXPECT("p2", "xxxxxxxxxxxxxxxx");
    EXPECT("p8", "0000000000006023");
    snprintf(r15, sizeof r15, "%016llx",
             (unsigned long long)load_be64(w->fake->memory + s->sleeper + TRIG_KSP));
    EXPECT("p11", r15);
    EXPECT("p12", "xxxxxxxx");
    STARTS("g", "0404c00180000000000000000000e023xxxxxxxxxxxxxxxx");
    STARTS("P8=0000000000000001", "E.no CPU runs this task: its registers are on its stack");
    STARTS("G00", "E.no CPU runs this task");
    EXPECT("Hgp1.40c", "OK"); /* whose stack is nowhere */
    EXPECT("p1", "xxxxxxxxxxxxxxxx");
    EXPECT("Hgp1.1", "OK");
    EXPECT("p2", "0202020202020202");
    EXPECT("Hgp1.40b", "OK");
    EXPECT("Hg0", "OK");
    EXPECT("p1", "000000000000e023");
}

/* A task that has gone since it was selected does not lend its place to a CPU. */
static void selected_and_gone(void **state)
{
    struct scene *s = *state;
    struct world *w = with_tasks(s);
    EXPECT("Hgp1.40b", "OK");
    trig_run(&s->t, 0, s->sleeper);
    EXPECT("X0,0:", "OK");
    STARTS("g", "E.this task is no more");
    STARTS("p1", "E.this task is no more");
    STARTS("Hg0", "E.");
    EXPECT("Hgp1.1", "OK");
    EXPECT("p1", "0101010101010101");
}

/* Addresses are the kernel's, whichever space the CPU that is stopped stands in. */
static void memory(void **state)
{
    struct scene *s = *state;
    struct world *w = with_tasks(s);
    char packet[80];
    EXPECT("m102000,2", "0000");
    EXPECT("Hgp1.40b", "OK");
    snprintf(packet, sizeof packet, "m%llx,8",
             (unsigned long long)trig_virtual(&s->t, s->sleeper + TRIG_COMM));
    EXPECT(packet, "3c2226736c656570");
    STARTS("m102000,2", "E.");
    EXPECT("M102000,2:aabb", "OK");
    assert_int_equal(w->fake->space, SPACE_HOME);
    EXPECT("Hgp1.1", "OK");
    STARTS(packet, "E.");
    EXPECT("Hgp1.40b", "OK");
    EXPECT("Qqemu.PhyMemMode:1", "OK");
    snprintf(packet, sizeof packet, "m%llx,8", (unsigned long long)(s->sleeper + TRIG_COMM));
    EXPECT(packet, "3c2226736c656570");
}

/* ---- what cannot be done ---- */

static void moving(void **state)
{
    struct world *w = with_tasks(*state);
    EXPECT("Hgp1.40b", "OK");
    STARTS("vCont;s:p1.40b;c:p1.-1", "E." OF_TASK);
    STARTS("vCont;c:p1.40b", "E." OF_TASK);
    STARTS("vCont;r2000,2010:p1.40b;c", "E." OF_TASK);
    STARTS("Hcp1.40b", "E." OF_TASK);
    STARTS("s", "E." OF_TASK);
    STARTS("c2000", "E." OF_TASK);
    assert_int_equal(w->fake->resumes, 0);
    /* All go on; the CPU that stops is selected. */
    fake_script(w->fake, STOP_SW_BREAKPOINT)->cpu = 1;
    CONTAINS(ask(w, "vCont;c"), "thread:p1.2;");
    EXPECT("qC", "QCp1.2");
    EXPECT("p1", "8181818181818181");
    EXPECT("Hgp1.40b", "OK");
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    CONTAINS(ask(w, "c"), "thread:p1.1;");
    assert_int_equal(w->fake->resumes, 2);
}

/* An older gdb, which takes only numbers for an error, is told on its console. */
static void moving_without_words(void **state)
{
    struct world *w = with_tasks(*state);
    ask(w, "qSupported:multiprocess+;vContSupported+");
    STARTS("vCont;s:p1.40b", "O");
    CONTAINS(text_of(w->a.reply + 1), OF_TASK);
}

/* In non-stop the threads are the CPUs. */
static void non_stop(void **state)
{
    struct world *w = with_tasks(*state);
    EXPECT("QNonStop:1", "OK");
    EXPECT("qfThreadInfo", "mp1.1,p1.2");
    STARTS("Hgp1.40b", "E.");
    CONTAINS(monitor(w, "threads"), "In non-stop");
    EXPECT("QNonStop:0", "OK");
    EXPECT("Hgp1.40b", "OK");
}

/* ---- in words ---- */

static void why_there_are_none(void **state)
{
    struct scene *s = *state;
    struct world *w = s->w;
    ask(w, ALL_FEATURES);
    CONTAINS(monitor(w, "threads tasks"), "There are only CPUs: the guest's memory tells of no Linux kernel");
    EXPECT("qfThreadInfo", "mp1.1,p1.2");
    CONTAINS(ask(w, "qXfer:threads:read::0,1000"), "; no tasks: `monitor ps` says why</thread>");
    CONTAINS(monitor(w, "ps"), "cannot be shown: the guest's memory tells of no Linux kernel");
    CONTAINS(monitor(w, "threads all"), "usage: monitor threads [cpus|tasks]");
}

static void ps(void **state)
{
    struct scene *s = *state;
    struct world *w = with_tasks(s);
    assert_string_equal(monitor(w, "ps"), "      PID    TGID S CPU NAME\n"
                                          "*       1       1 S   0 init\n"
                                          "       35      35 S   0 <\"&sleep\n"
                                          "       36      35 S   0 thread\n"
                                          "*       0       0 S   1 [swapper/1]\n"
                                          "        0       0 S   0 [swapper/0]\n");
    assert_string_equal(monitor(w, "ps read"), "      PID    TGID S CPU NAME\n"
                                               "       36      35 S   0 thread\n");
    lrig_put64(&s->r, s->sleeper + TRIG_NODE, 0);
    ask(w, "M0,0:");
    CONTAINS(monitor(w, "ps"), "Tasks may be missing: the list of tasks leads to what is no task.\n");
}

static void call_chain_of_a_task(void **state)
{
    struct world *w = with_tasks(*state);
    CONTAINS(monitor(w, "bt pid 35"), "pid 35, <\"&sleep, task stack:\n #0  000000000000e023");
    CONTAINS(monitor(w, "bt pid 1"), "pid 1, init, CPU 0, ");
    CONTAINS(monitor(w, "bt pid 36"), "That is not all: the task's stack cannot be read.");
    CONTAINS(monitor(w, "bt pid 99"), "The guest has no task with pid 99; `monitor ps` lists them.");
    CONTAINS(monitor(w, "bt pid"), "usage: monitor bt [N | pid PID]");
    CONTAINS(monitor(w, "bt pid x"), "usage:");
    /* Of what the debugger's user has selected, but not while all threads are looked at. */
    BEGINS(monitor(w, "bt"), "CPU 0, ");
    EXPECT("Tp1.40b", "OK");
    BEGINS(monitor(w, "bt"), "pid 35, ");
    BEGINS(monitor(w, "bt 1"), "CPU 1, ");
    EXPECT("Tp1.2", "OK");
    BEGINS(monitor(w, "bt"), "CPU 1, ");
    EXPECT("Hgp1.40b", "OK");
    BEGINS(monitor(w, "bt"), "pid 35, ");
    ask(w, "qXfer:threads:read::0,1000");
    EXPECT("Hgp1.40c", "OK");
    EXPECT("Hgp1.1", "OK");
    BEGINS(monitor(w, "bt"), "pid 35, ");
    fake_script(w->fake, STOP_STEP);
    ask(w, "vCont;s:p1.1");
    BEGINS(monitor(w, "bt"), "CPU 0, ");
}

static void layout(void **state)
{
    struct scene *s = *state;
    struct world *w = s->w;
    trig_symbol(&s->t);
    lrig_boot(&s->r);
    CONTAINS(monitor(w, "task-layout"), "None: the guest's memory has no type information (BTF)");
    CONTAINS(monitor(w, "task-layout pid=48"), "tasks is missing; nothing is changed.");
    CONTAINS(monitor(w, "task-layout " LAYOUT " state=x"), "\"state=x\" is no place of a member; nothing");
    CONTAINS(monitor(w, "task-layout " LAYOUT " state=65536"), "nothing is changed");
    CONTAINS(monitor(w, "task-layout " LAYOUT " more=1"), "nothing is changed");
    CONTAINS(monitor(w, "task-layout pid"), "nothing is changed");
    CONTAINS(monitor(w, "task-layout"), "None:");
    assert_string_equal(monitor(w, "task-layout " LAYOUT),
                        "tasks=32 pid=48 tgid=52 comm=56 stack=16 mm=96 thread_ksp=112 thread_node=72 "
                        "signal=88 thread_head=16 (from the debugger)\n");
    CONTAINS(monitor(w, "ps"), "*       1       1 ?   0 init\n");
    CONTAINS(monitor(w, "task-layout " LAYOUT " state=8 cpu=4 current=0x340"),
             "thread_head=16 state=8 cpu=4 current=832 (from the debugger)\n");
    CONTAINS(monitor(w, "ps"), "        0       0 S   0 [swapper/0]\n");
}

#define TASKS(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TASKS(lists),
        TASKS(long_list),
        TASKS(alive),
        TASKS(registers),
        TASKS(selected_and_gone),
        TASKS(memory),
        TASKS(moving),
        TASKS(ps),
        TASKS(layout),
        TASKS(moving_without_words),
        TASKS(non_stop),
        TASKS(why_there_are_none),
        TASKS(call_chain_of_a_task),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
