/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tasks of a Linux guest: where things are, the list and its ways to be broken, what CPUs run, the
 * registers of a task that was switched from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../stub/linux/internal.h"
#include "tasks_rig.h"
#include "zgdbd/bytes.h"

/* A guest with one CPU's idle task in its list; a test boots it. */
struct guest {
    struct linux_rig *r;
    struct tasks_rig t;
};

static int setup(void **state)
{
    struct guest *g = calloc(1, sizeof *g);
    g->r = lrig_open(RIG_HIGH);
    trig_begin(&g->t, g->r);
    *state = g;
    return 0;
}

static int teardown(void **state)
{
    struct guest *g = *state;
    lrig_close(g->r);
    free(g);
    return 0;
}

static void boot(struct guest *g)
{
    trig_symbol(&g->t);
    trig_btf(&g->t);
    lrig_boot(g->r);
}

static void set_layout(struct guest *g)
{
    linux_task_layout_set(g->r->g, &trig_layout);
}

/* "pid/tgid NAME LETTER [CPU]", one behind the other; or the error. */
static const char *list_of(struct guest *g)
{
    static char text[0x4000];
    const struct linux_task *list;
    struct err e;
    size_t n, len = 0;
    linux_changed(g->r->g);
    if (linux_tasks(g->r->g, &list, &n, &e))
        return strcpy(text, e.text);
    text[0] = 0;
    for (size_t i = 0; i < n; i++) {
        len += (size_t)sprintf(text + len, "%s%d/%d %s %c", i ? ", " : "", list[i].pid, list[i].tgid,
                               list[i].comm, linux_task_letter(g->r->g, &list[i]));
        if (list[i].cpu >= 0)
            len += (size_t)sprintf(text + len, " on %d", list[i].cpu);
    }
    return text;
}

static void expect_list(struct guest *g, const char *list, const char *lack)
{
    assert_string_equal(list_of(g), list);
    if (lack)
        assert_string_equal(linux_tasks_lack(g->r->g), lack);
    else
        assert_null(linux_tasks_lack(g->r->g));
}

static void expect_error(struct guest *g, const char *part)
{
    if (!strstr(list_of(g), part))
        fail_msg("\"%s\" is not in \"%s\"", part, list_of(g));
}

/* ---- where things are ---- */

static void layout_from_type_information(void **state)
{
    struct guest *g = *state;
    struct err e;
    boot(g);
    struct linux_task_layout expected = trig_layout;
    const struct linux_task_layout *l = linux_task_layout(g->r->g, &e);
    assert_non_null(l);
    assert_string_equal(l->from, "BTF");
    expected.from = l->from;
    assert_memory_equal(l, &expected, sizeof expected);
}

static void layout_without_a_kernel_or_type_information(void **state)
{
    struct guest *g = *state;
    struct err e;
    expect_error(g, "no Linux kernel");
    assert_null(strstr(list_of(g), "zgdbd-gdb.py"));
    trig_symbol(&g->t);
    lrig_boot(g->r);
    expect_error(g, "CONFIG_DEBUG_INFO_BTF");
    expect_error(g, "zgdbd-gdb.py");
    set_layout(g);
    expect_list(g, "0/0 swapper/0 S", NULL);
    assert_string_equal(linux_task_layout(g->r->g, &e)->from, "the debugger");
    linux_reset(g->r->g);
    expect_list(g, "0/0 swapper/0 S", NULL);
}

/* What is read of a kernel once is not read again, but of another kernel. */
static void layout_is_of_one_kernel(void **state)
{
    struct guest *g = *state;
    struct err e;
    boot(g);
    assert_non_null(linux_task_layout(g->r->g, &e));
    g->r->fake->memory[g->t.btf] ^= 1;
    linux_changed(g->r->g);
    assert_non_null(linux_task_layout(g->r->g, &e));
    linux_reset(g->r->g);
    assert_null(linux_task_layout(g->r->g, &e));
    assert_non_null(strstr(e.text, "damaged"));
    set_layout(g);
    assert_string_equal(linux_task_layout(g->r->g, &e)->from, "the debugger");
    g->r->fake->memory[g->t.btf] ^= 1;
    linux_reset(g->r->g);
    assert_string_equal(linux_task_layout(g->r->g, &e)->from, "BTF");
}

static void members_of_type_information(void **state)
{
    uint8_t bytes[1024];
    size_t n = trig_btf_bytes(bytes, sizeof bytes);
    struct linux_btf_member m[] = {{.type = "task_struct", .member = "tgid"},
                                   {.type = "task_struct", .member = "none"},
                                   {.type = "none", .member = "pid"},
                                   {.type = "int", .member = "pid"}};
    struct err e;
    (void)state;
    assert_int_equal(linux_btf_find(bytes, n, m, 4, &e), 0);
    assert_true(m[0].found);
    assert_int_equal(m[0].offset, TRIG_TGID);
    assert_false(m[1].found || m[2].found || m[3].found);
}

/* Cut anywhere, and with any byte wrong: found or not, and only within a structure. */
static void damaged_type_information(void **state)
{
    uint8_t whole[1024], broken[1024];
    size_t n = trig_btf_bytes(whole, sizeof whole);
    struct err e;
    (void)state;
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *bytes = malloc(cut ? cut : 1);
        struct linux_btf_member m = {.type = "task_struct", .member = "pid"};
        memcpy(bytes, whole, cut);
        assert_int_equal(linux_btf_find(bytes, cut, &m, 1, &e), -1);
        free(bytes);
    }
    for (size_t at = 0; at < n; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct linux_btf_member m = {.type = "task_struct", .member = "pid"};
            memcpy(broken, whole, n);
            broken[at] ^= (uint8_t)(1u << bit);
            if (linux_btf_find(broken, n, &m, 1, &e) == 0 && m.found)
                assert_true(m.offset < LINUX_STRUCT_MAX);
        }
}

/* ---- the list ---- */

static void processes_and_threads(void **state)
{
    struct guest *g = *state;
    uint64_t init = trig_process(&g->t, 1, "init");
    uint64_t big = trig_process(&g->t, 300, "sixteen letters.");
    trig_process(&g->t, 22, "b\x01\x80z");
    trig_thread(&g->t, big, 301, "worker");
    trig_thread(&g->t, big, 21, "worker");
    uint64_t idle = trig_idle(&g->t, g->t.init, "swapper/1");
    boot(g);
    lrig_put32(g->r, init + TRIG_STATE, 0);
    trig_run(&g->t, 0, init);
    trig_run(&g->t, 1, idle);
    expect_list(g,
                "1/1 init R on 0, 21/300 worker S, 22/22 b??z S, 300/300 sixteen letters. S, "
                "301/300 worker S, 0/0 swapper/1 S on 1, 0/0 swapper/0 S",
                NULL);
    const struct linux_task *list;
    struct err e;
    size_t n;
    assert_int_equal(linux_tasks(g->r->g, &list, &n, &e), 0);
    assert_int_equal(n, 7);
    assert_false(list[0].kernel);
    assert_true(list[5].kernel && list[6].kernel);
    assert_int_equal(list[0].addr, trig_virtual(&g->t, init));
    assert_int_equal(list[0].last_cpu, 0);
    lrig_put32(g->r, big + TRIG_CPU, 1);
    linux_changed(g->r->g);
    assert_int_equal(linux_tasks(g->r->g, &list, &n, &e), 0);
    assert_int_equal(list[3].last_cpu, 1);
    assert_int_equal(list[3].cpu, -1);
}

/* A list is of the moment when it is first asked for, until the guest may have changed. */
static void list_is_read_once(void **state)
{
    struct guest *g = *state;
    const struct linux_task *list;
    struct err e;
    size_t n;
    boot(g);
    expect_list(g, "0/0 swapper/0 S", NULL);
    trig_process(&g->t, 1, "init");
    assert_int_equal(linux_tasks(g->r->g, &list, &n, &e), 0);
    assert_int_equal(n, 1);
    expect_list(g, "1/1 init S, 0/0 swapper/0 S", NULL);
}

static void states(void **state)
{
    static const struct {
        uint32_t state;
        char letter;
    } cases[] = {{0, 'R'},    {1, 'S'},     {2, 'D'},     {4, 'T'},    {8, 't'},     {0x40, 'P'},
                 {0x80, 'Z'}, {0x402, 'I'}, {0x102, 'D'}, {0x21, 'Z'}, {0x2001, 'S'}};
    struct guest *g = *state;
    char expected[64];
    boot(g);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrig_put32(g->r, g->t.init + TRIG_STATE, cases[i].state);
        snprintf(expected, sizeof expected, "0/0 swapper/0 %c", cases[i].letter);
        assert_string_equal(list_of(g), expected);
    }
}

/* ---- without the name of init_task ---- */

static void from_what_a_cpu_runs(void **state)
{
    struct guest *g = *state;
    uint64_t init = trig_process(&g->t, 1, "init"), thread = trig_thread(&g->t, init, 2, "init");
    uint64_t idle = trig_idle(&g->t, g->t.init, "swapper/1");
    lrig_boot(g->r);
    set_layout(g);
    expect_error(g, "not found");
    trig_run(&g->t, 0, g->t.init);
    expect_list(g, "1/1 init S, 2/1 init S, 0/0 swapper/0 S on 0", NULL);
    trig_run(&g->t, 0, init);
    expect_list(g, "1/1 init S on 0, 2/1 init S, 0/0 swapper/0 S", NULL);
    trig_run(&g->t, 0, thread);
    expect_list(g, "1/1 init S, 2/1 init S on 0, 0/0 swapper/0 S", NULL);
    trig_run(&g->t, 0, idle);
    expect_list(g, "1/1 init S, 2/1 init S, 0/0 swapper/1 S on 0, 0/0 swapper/0 S", NULL);
}

static void current_without_a_layout(void **state)
{
    struct guest *g = *state;
    uint64_t task, init = trig_process(&g->t, 1, "init");
    assert_false(linux_current(g->r->g, 0, &task));
    trig_run(&g->t, 0, init);
    assert_true(linux_current(g->r->g, 0, &task));
    assert_int_equal(task, trig_virtual(&g->t, init));
    assert_false(linux_current(g->r->g, 1, &task));
    /* A kernel that has it elsewhere. */
    uint64_t lowcore = trig_lowcore(&g->t, 0);
    lrig_put(g->r, lowcore + 0x5a8, g->r->fake->memory + lowcore + TRIG_CURRENT, 16);
    memset(g->r->fake->memory + lowcore + TRIG_CURRENT, 0, 16);
    assert_true(linux_current(g->r->g, 0, &task));
    assert_int_equal(task, trig_virtual(&g->t, init));
    /* Not the end of its stack. */
    lrig_put64(g->r, lowcore + 0x5b0, 0x1234);
    assert_false(linux_current(g->r->g, 0, &task));
}

/* A CPU that Linux did not bring up would read absolute 0 as its prefix area. */
static void cpu_that_never_ran(void **state)
{
    struct guest *g = *state;
    uint64_t task, init = trig_process(&g->t, 1, "init");
    store_be64(g->r->fake->regs[1][REG_PREFIX], 0);
    trig_run(&g->t, 1, init);
    assert_true(linux_current(g->r->g, 1, &task));
    g->r->fake->state[1] = CPU_STOPPED;
    assert_false(linux_current(g->r->g, 1, &task));
}

/* ---- broken lists ---- */

static void list_that_leads_nowhere(void **state)
{
    struct guest *g = *state;
    uint64_t one = trig_process(&g->t, 1, "init");
    trig_process(&g->t, 2, "two");
    boot(g);
    lrig_put64(g->r, one + TRIG_TASKS, 0x10);
    expect_list(g, "1/1 init S, 0/0 swapper/0 S", "the list of tasks leads to what is no task");
    lrig_put64(g->r, one + TRIG_TASKS, trig_virtual(&g->t, one + 0x48)); /* misplaced: not a multiple of 8 */
    expect_list(g, "1/1 init S, 0/0 swapper/0 S", "the list of tasks leads to what is no task");
    lrig_put64(g->r, one + TRIG_SIGNAL, 0x10);
    expect_list(g, "1/1 init S, 0/0 swapper/0 S", "the list of a process's threads is broken");
    lrig_put64(g->r, one + TRIG_SIGNAL, 0);
    lrig_put64(g->r, one + TRIG_TASKS, trig_virtual(&g->t, g->t.init + TRIG_TASKS));
    expect_list(g, "1/1 init S, 0/0 swapper/0 S", NULL);
    lrig_put32(g->r, one + TRIG_PID, 5 << 20);
    expect_list(g, "0/0 swapper/0 S", "the list of tasks leads to what is no task");
    lrig_put64(g->r, g->t.init + TRIG_TASKS, 0);
    expect_error(g, "not found");
}

/* Every place to which the list may go back. */
static void list_that_goes_round(void **state)
{
    struct guest *g = *state;
    uint64_t task[40];
    for (uint32_t i = 0; i < 40; i++)
        task[i] = trig_process(&g->t, i + 1, "t");
    boot(g);
    for (unsigned back = 0; back < 40; back++) {
        const struct linux_task *list;
        struct err e;
        size_t n;
        lrig_put64(g->r, task[39] + TRIG_TASKS, trig_virtual(&g->t, task[back] + TRIG_TASKS));
        linux_changed(g->r->g);
        assert_int_equal(linux_tasks(g->r->g, &list, &n, &e), 0);
        assert_int_equal(n, 41);
        assert_string_equal(linux_tasks_lack(g->r->g), "the list of processes is broken");
    }
}

static void threads_that_go_round(void **state)
{
    struct guest *g = *state;
    uint64_t one = trig_process(&g->t, 1, "init"), two = trig_thread(&g->t, one, 2, "two");
    uint64_t three = trig_thread(&g->t, one, 3, "three");
    boot(g);
    lrig_put64(g->r, three + TRIG_NODE, trig_virtual(&g->t, two + TRIG_NODE));
    expect_list(g, "1/1 init S, 2/1 two S, 3/1 three S, 0/0 swapper/0 S",
                "the list of a process's threads is broken");
}

/* More tasks than are read: 240 processes that all have the same 200 threads. */
static void more_tasks_than_are_read(void **state)
{
    struct guest *g = *state;
    uint64_t first = trig_process(&g->t, 1, "p");
    const struct linux_task *list;
    struct err e;
    size_t n;
    for (uint32_t i = 0; i < 200; i++)
        trig_thread(&g->t, first, 1000 + i, "t");
    for (uint32_t i = 0; i < 240; i++) {
        uint64_t task = trig_process(&g->t, i + 2, "p");
        lrig_put(g->r, task + TRIG_SIGNAL, g->r->fake->memory + first + TRIG_SIGNAL, 8);
    }
    boot(g);
    linux_changed(g->r->g);
    assert_int_equal(linux_tasks(g->r->g, &list, &n, &e), 0);
    assert_in_range(n, 200, 442);
    assert_string_equal(linux_tasks_lack(g->r->g), "there are more tasks than are shown");
}

/* ---- registers ---- */

static void registers_of_a_switch(void **state)
{
    static const unsigned places[] = {48, 72};
    struct guest *g = *state;
    uint64_t gprs[LINUX_SWITCH_GPRS], one = trig_process(&g->t, 1, "init");
    const struct linux_task *list;
    struct err e;
    size_t n;
    boot(g);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t frame = trig_switched(&g->t, one, places[i]);
        linux_changed(g->r->g);
        assert_int_equal(linux_tasks(g->r->g, &list, &n, &e), 0);
        assert_int_equal(list[0].sp, frame);
        assert_true(linux_task_gprs(g->r->g, &list[0], gprs));
        assert_int_equal(gprs[0], 0x6001);
        assert_int_equal(gprs[14 - 6], 0xe001);
        assert_int_equal(gprs[15 - 6], frame);
        memset(g->r->fake->memory + frame - g->r->virt, 0, 160);
        assert_false(linux_task_gprs(g->r->g, &list[0], gprs));
    }
    trig_switched(&g->t, one, 72);
    trig_run(&g->t, 0, one);
    linux_changed(g->r->g);
    assert_int_equal(linux_tasks(g->r->g, &list, &n, &e), 0);
    assert_false(linux_task_gprs(g->r->g, &list[0], gprs));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(layout_from_type_information),
        TEST(layout_without_a_kernel_or_type_information),
        TEST(layout_is_of_one_kernel),
        cmocka_unit_test(members_of_type_information),
        cmocka_unit_test(damaged_type_information),
        TEST(processes_and_threads),
        TEST(list_is_read_once),
        TEST(states),
        TEST(from_what_a_cpu_runs),
        TEST(current_without_a_layout),
        TEST(cpu_that_never_ran),
        TEST(list_that_leads_nowhere),
        TEST(list_that_goes_round),
        TEST(threads_that_go_round),
        TEST(more_tasks_than_are_read),
        TEST(registers_of_a_switch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
