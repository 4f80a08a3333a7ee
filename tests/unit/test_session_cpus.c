/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Four CPUs and one debugger: who moves at each kind of resume, whose stop is told and which are kept, which
 * CPU is selected by it, and CPUs that cannot run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "session_rig.h"
#include "zgdbd/log.h"

#define CPUS 4

static struct world *open_with(struct policy policy)
{
    struct world *w = world_open(policy);
    w->fake->machine.ncpus = CPUS;
    ask(w, ALL_FEATURES);
    return w;
}

static int setup(void **state)
{
    *state = open_with((struct policy){0});
    return 0;
}

#define CPUS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

/* The last plan's verbs, a letter for each CPU: hold, continue, step, range. */
static void expect_verbs(const struct world *w, const char *letters)
{
    static const char names[] = {
        [CPU_HOLD] = 'h', [CPU_CONTINUE] = 'c', [CPU_STEP] = 's', [CPU_STEP_RANGE] = 'r'};
    char got[CPUS + 1] = "";
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        got[cpu] = names[w->fake->plan.action[cpu].verb];
    assert_string_equal(got, letters);
}

/* The last packet of the answer is a stop reply of this start for that CPU, which is selected now: what is
 * asked next is of it. */
static void expect_stop(struct world *w, const char *answer, const char *start, unsigned cpu)
{
    const char *last = strrchr(answer, '|') ? strrchr(answer, '|') + 1 : answer;
    char text[64];
    assert_true(starts(last, start));
    snprintf(text, sizeof text, ";02:%02x%02x", cpu % 2 ? 0x82 : 2,
             cpu % 2 ? 0x82 : 2); /* as the fake has it */
    CONTAINS(last, text);
    snprintf(text, sizeof text, "thread:p1.%x;", cpu + 1);
    CONTAINS(last, text);
    snprintf(text, sizeof text, "QCp1.%x", cpu + 1);
    EXPECT("qC", text);
}

/* The machine runs and then CPU 2 is at a breakpoint. */
static void come_to_cpu_2(struct world *w)
{
    fake_script(w->fake, STOP_SW_BREAKPOINT)->cpu = 2;
    expect_stop(w, ask(w, "vCont;c"), "T05", 2);
}

/* ---- who moves ---- */

static void test_who_moves(void **state)
{
    static const struct {
        const char *packet, *verbs;
    } cases[] = {
        {"vCont;c", "cccc"},
        {"vCont;c:p1.-1", "cccc"},
        {"vCont;c:p1.3", "hhch"},         /* scheduler-locking */
        {"vCont;s:p1.3", "hhsh"},         /* a step over a breakpoint */
        {"vCont;s:p1.3;c", "ccsc"},       /* stepi */
        {"vCont;s:p1.3;c:p1.-1", "ccsc"}, /* the same */
        {"vCont;r4000,4010:p1.2;c:p1.-1", "crcc"},
        {"vCont;s:p1.1;s:p1.4;c:p1.2", "schs"},
        {"vCont;t:p1.1;c", "hccc"},
        {"vCont;c:p1.4;c:p1.9", "hhhc"},
        {"vCont;C02:p1.2;c", "cccc"},
    };
    struct world *w = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_script(w->fake, STOP_SW_BREAKPOINT);
        STARTS(cases[i].packet, "T05");
        expect_verbs(w, cases[i].verbs);
    }
    /* Without vCont: a step is alone, and so is the CPU of Hc. */
    EXPECT("Hcp1.4", "OK");
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    STARTS("c", "T05");
    expect_verbs(w, "hhhc");
    EXPECT("Hc-1", "OK");
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    EXPECT("Hgp1.2", "OK");
    STARTS("s", "T05");
    expect_verbs(w, "hshh");
}

/* ---- whose stop is told, and which CPU it selects ---- */

static void test_the_stop_selects_its_cpu(void **state)
{
    struct world *w = *state;
    come_to_cpu_2(w);
    EXPECT("p3", "0303030303030303");
    EXPECT("Hgp1.2", "OK");
    EXPECT("p3", "8383838383838383");
    CONTAINS(monitor(w, "cpus"), "* CPU 1: ");
    /* gdb takes the CPU of any stop reply for selected. */
    expect_stop(w, ask(w, "?"), "T05", 2);
    EXPECT("Hgp1.2", "OK");
    expect_stop(w, ask(w, "vCont;t"), "T05", 2);
    expect_verbs(w, "cccc");
}

/* gdb says by T which CPU its user selects, and by Hg only what it wants to read. */
static void test_monitor_commands_follow_the_user(void **state)
{
    struct world *w = *state;
    come_to_cpu_2(w);
    CONTAINS(monitor(w, "psw"), "CPU 2, PSW ");
    STARTS("qXfer:threads:read::0,1000", "l<?xml"); /* info threads */
    EXPECT("Hgp1.1", "OK");
    EXPECT("Hgp1.4", "OK");
    EXPECT("p3", "8383838383838383");
    CONTAINS(monitor(w, "cpus"), "* CPU 2: ");
    CONTAINS(monitor(w, "regs"), "CPU 2\n");
    CONTAINS(monitor(w, "regs 3"), "CPU 3\nPSW ");
    CONTAINS(monitor(w, "regs 4"), "There is no CPU \"4\": they are 0 to 3.");
    EXPECT("Tp1.1", "OK"); /* thread 1 */
    EXPECT("p3", "8383838383838383");
    CONTAINS(monitor(w, "translate 0 absolute"), "0x0 on CPU 0, ");
    EXPECT("Hgp1.4", "OK"); /* another debugger, without T */
    CONTAINS(monitor(w, "inject external 0x1202"), "Pending: CPU 3 takes");
    STARTS("Tp1.5", "E");
    CONTAINS(monitor(w, "lowcore"), "CPU 3, prefix ");
    STARTS("qXfer:threads:read::0,1000", "l<?xml");
    EXPECT("Tp1.1", "OK"); /* thread apply 1, which leaves CPU 3 selected; info threads */
    CONTAINS(monitor(w, "psw"), "CPU 0, PSW ");
    STARTS("qXfer:threads:read::0,1000", "l<?xml");
    EXPECT("Hgp1.2", "OK");
    CONTAINS(monitor(w, "psw"), "CPU 3, PSW ");
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    STARTS("vCont;c", "T05");
    CONTAINS(monitor(w, "psw"), "CPU 0, PSW ");
    EXPECT("Hgp1.3", "OK");
    CONTAINS(monitor(w, "psw"), "CPU 2, PSW ");
}

/* In non-stop gdb asks for the list, and looks at the CPU, at each stop, and leaves its user where he is. */
static void test_monitor_commands_in_non_stop(void **state)
{
    struct world *w = *state;
    EXPECT("QNonStop:1", "OK");
    STARTS("qXfer:threads:read::0,1000", "l<?xml");
    EXPECT("Tp1.2", "OK");
    EXPECT("Hgp1.4", "OK");
    STARTS("qXfer:threads:read::0,1000", "l<?xml");
    CONTAINS(monitor(w, "psw"), "CPU 1, PSW ");
    EXPECT("vCont;c:p1.1", "OK");
    EXPECT("Hgp1.3", "OK");
    CONTAINS(monitor(w, "psw"), "CPU 1, PSW ");
}

/* Of what happens by a monitor command gdb does not know, and sends no Hg before it asks for more. */
static void test_a_reset_leaves_the_selection(void **state)
{
    struct world *w = *state;
    come_to_cpu_2(w);
    EXPECT("Hgp1.2", "OK");
    monitor(w, "reset");
    EXPECT("qC", "QCp1.2");
    EXPECT("p3", "8383838383838383");
    expect_stop(w, ask(w, "vRun;"), "T05", 0);
}

/* As far as a program is known that was never run: CPU 0 is where it begins. */
static void test_a_new_debugger(void **state)
{
    struct world *w = *state;
    come_to_cpu_2(w);
    EXPECT("D", "OK");
    peer_again(w, &w->a);
    ask(w, ALL_FEATURES);
    expect_stop(w, ask(w, "?"), "T02", 0); /* the fake interrupts there */
    EXPECT("vCont;c", "");
    fake_stop_at(w->fake, 3, STOP_WATCH);
    expect_stop(w, hear(w), "T05", 3);
    CONTAINS(ask(w, "?"), "watch:100040;");
    peer_again(w, &w->a);
    ask(w, ALL_FEATURES);
    EXPECT("qC", "QCp1.1");
}

static void test_a_step_and_a_breakpoint_at_once(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,100040,2", "OK");
    fake_script(w->fake, STOP_STEP)->cpu = 1;
    fake_script_also(w->fake, 3, STOP_SW_BREAKPOINT);
    expect_stop(w, ask(w, "vCont;s:p1.2;c"), "T05", 1);
    assert_null(strstr(ask(w, "?"), "swbreak"));
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.4")), "operating; breakpoint of the fake; PSW ");
    assert_int_equal(w->fake->resumes, 1);
    expect_stop(w, ask(w, "vCont;s:p1.2;c"), "T05", 3);
    CONTAINS(ask(w, "?"), "swbreak:;");
    assert_int_equal(w->fake->resumes, 1);
    /* The other way round: that the step is done shows in the PC. */
    fake_script(w->fake, STOP_SW_BREAKPOINT)->cpu = 3;
    fake_script_also(w->fake, 1, STOP_STEP);
    expect_stop(w, ask(w, "vCont;s:p1.2;c"), "T05", 3);
    EXPECT("vCont;s:p1.2;c", "");
    assert_int_equal(w->fake->resumes, 3);
}

/* Three at once: each is told when its CPU is to move, in the order in which they came. */
static void test_stops_that_are_kept(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,100040,2", "OK");
    fake_script(w->fake, STOP_SW_BREAKPOINT)->cpu = 3;
    fake_script_also(w->fake, 1, STOP_SW_BREAKPOINT);
    fake_script_also(w->fake, 0, STOP_SW_BREAKPOINT);
    expect_stop(w, ask(w, "vCont;c"), "T05", 3);
    fake_script(w->fake, STOP_SW_BREAKPOINT)->cpu = 2;
    expect_stop(w, ask(w, "vCont;c:p1.3"), "T05", 2); /* two are held, with what they have to tell */
    expect_verbs(w, "hhch");
    expect_stop(w, ask(w, "vCont;c:p1.1"), "T05", 0);
    expect_stop(w, ask(w, "vCont;c"), "T05", 1);
    assert_int_equal(w->fake->resumes, 2);
    EXPECT("vCont;c", "");
    expect_verbs(w, "cccc");
}

/* A Ctrl-C is told of the CPU at which the user looks, as far as one can know: not of any. */
static void test_whose_interrupt_it_is(void **state)
{
    static const struct {
        const char *packet;
        unsigned given, told; /* the CPU that the engine names, and the one that the debugger hears of */
    } cases[] = {
        {"vCont;c", 0, 2},
        {"vCont;c", 3, 2},
        {"vCont;c:p1.2", 1, 1}, /* CPU 2 is held */
        {"vCont;c:p1.2;c:p1.4", 3, 3},
        {"vCont;s:p1.2;c", 0, 1},
        {"vCont;r4000,4010:p1.4;c", 0, 3},
    };
    struct world *w = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        come_to_cpu_2(w);
        EXPECT(cases[i].packet, "");
        fake_stop_at(w->fake, cases[i].given, STOP_INTERRUPT);
        expect_stop(w, hear(w), "T02", cases[i].told);
        CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.1")), "CPU 0, operating");
    }
}

/* ---- the guest's end ---- */

/* A restart starts every CPU, which the debugger may not want. */
static void test_an_end_that_restarts(void **state)
{
    static const struct {
        const char *packet;
        bool restarts;
    } cases[] = {
        {"vCont;c", true},
        {"vCont;c:p1.2", false},
        {"vCont;s:p1.3;c", false},
        {"vCont;t:p1.1;c", false},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = open_with((struct policy){.on_panic = ACTION_RESTART});
        fake_script(w->fake, STOP_DISABLED_WAIT)->cpu = 1;
        ask(w, cases[i].packet);
        assert_int_equal(fake_running(w->fake), cases[i].restarts);
        if (cases[i].restarts)
            expect_verbs(w, "cccc");
        else
            expect_stop(w, w->a.reply, "T06", 1);
        world_close(w);
    }
}

/* ---- CPUs that cannot run ---- */

/* No end, whatever is to follow from one: the held CPUs could run. */
static void test_no_cpu_can_run(void **state)
{
    (void)state;
    for (int action = ACTION_DEFAULT; action <= ACTION_EXIT; action++) {
        struct world *w = open_with((struct policy){.on_shutdown = (enum guest_action)action,
                                                    .on_panic = (enum guest_action)action,
                                                    .on_reset = (enum guest_action)action});
        int status;
        fake_script(w->fake, STOP_HALTED)->cpu = 1;
        expect_stop(w, ask(w, "vCont;c:p1.2"), "T00", 1);
        ask(w, "?");
        assert_true(starts(w->a.reply, "T00"));
        fake_script(w->fake, STOP_HALTED)->cpu = 1;
        ask(w, "vCont;s:p1.2;c");
        assert_true(starts(text_of(w->a.reply + 1), "zgdbd: CPU 1: CPUs halted of the fake; PSW "));
        CONTAINS(w->a.reply, "|T00");
        assert_false(target_exited(w->target, &status));
        assert_int_equal(w->fake->resets, 0);
        CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.2")), "CPUs halted of the fake");
        EXPECT("D", "OK");
        assert_true(fake_running(w->fake));
        world_close(w);
    }
}

static void test_no_cpu_can_run_and_other_stops(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,100040,2", "OK");
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    fake_script_also(w->fake, 1, STOP_HALTED);
    expect_stop(w, ask(w, "vCont;s:p1.2;c"), "T05", 0);
    /* It is not kept, and an interrupt that comes behind it is for nobody: the user has seen a stop. */
    EXPECT("vCont;c", "");
    fake_stop_at(w->fake, 1, STOP_HALTED);
    CONTAINS(hear(w), "|T00");
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "");
    EXPECT("vCont;c", "");
}

/* In non-stop a CPU that another one has still to start runs, as far as its user knows. What is asked for may
 * have started it, so that each time it is tried again, once. */
static void test_non_stop_waits_for_a_cpu_to_be_started(void **state)
{
    struct world *w = *state;
    EXPECT("QNonStop:1", "OK");
    fake_script(w->fake, STOP_HALTED)->cpu = 1;
    EXPECT("vCont;c:p1.2", "OK");
    expect_verbs(w, "hchh");
    assert_string_equal(hear(w), "");
    assert_false(fake_running(w->fake));
    assert_int_equal(w->fake->resumes, 1);
    fake_script(w->fake, STOP_HALTED)->cpu = 1;
    EXPECT("m100000,1", "00");
    assert_string_equal(hear(w), "");
    assert_int_equal(w->fake->resumes, 2);
    assert_int_equal(w->fake->interrupts, 0);
    EXPECT("Hgp1.2", "OK");
    STARTS("p1", "E.this CPU runs");
    assert_true(fake_running(w->fake));
    expect_verbs(w, "hchh");
    EXPECT("vCont;c:p1.1", "OK");
    expect_verbs(w, "cchh");
    fake_stop_at(w->fake, 1, STOP_SW_BREAKPOINT);
    assert_true(starts(hear(w), "%Stop:T05"));
}

/* Who interrupts it, or lets it step, hears of it. */
static void test_non_stop_with_a_cpu_that_cannot_run(void **state)
{
    struct world *w = *state;
    EXPECT("QNonStop:1", "OK");
    fake_script(w->fake, STOP_HALTED)->cpu = 1;
    EXPECT("vCont;c:p1.2", "OK");
    CONTAINS(ask(w, "vCont;t:p1.2"), "OK|%Stop:T00");
    CONTAINS(w->a.reply, "thread:p1.2;");
    EXPECT("vStopped", "OK");
    fake_script(w->fake, STOP_HALTED)->cpu = 1;
    CONTAINS(ask(w, "vCont;s:p1.2"), "OK|%Stop:T00");
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.2")), "CPUs halted of the fake");
    EXPECT("vStopped", "OK");
    fake_script(w->fake, STOP_HALTED)->cpu = 1;
    EXPECT("vCont;c:p1.2", "OK");
    CONTAINS(ask(w, "vCtrlC"), "OK|%Stop:T02");
}

static void test_non_stop_with_a_guest_that_cannot_run(void **state)
{
    struct world *w = *state;
    EXPECT("QNonStop:1", "OK");
    w->fake->fail_resume = "no room";
    assert_true(starts(ask(w, "vCont;c:p1.2;c:p1.4"), "OK|%Stop:T04"));
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.2")), "no room");
    STARTS("vStopped", "T04");
    CONTAINS(w->a.reply, "thread:p1.4;");
    EXPECT("vStopped", "OK");
    w->fake->fail_resume = NULL;
    EXPECT("vCont;c:p1.2", "OK");
    assert_true(fake_running(w->fake));
    w->fake->machine.caps &= ~MACHINE_CAN_STEP;
    STARTS("vCont;s:p1.1", "E.this host cannot step");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CPUS_TEST(test_who_moves),
        CPUS_TEST(test_the_stop_selects_its_cpu),
        CPUS_TEST(test_monitor_commands_follow_the_user),
        CPUS_TEST(test_monitor_commands_in_non_stop),
        CPUS_TEST(test_a_reset_leaves_the_selection),
        CPUS_TEST(test_a_new_debugger),
        CPUS_TEST(test_a_step_and_a_breakpoint_at_once),
        CPUS_TEST(test_stops_that_are_kept),
        CPUS_TEST(test_whose_interrupt_it_is),
        cmocka_unit_test(test_an_end_that_restarts),
        cmocka_unit_test(test_no_cpu_can_run),
        CPUS_TEST(test_no_cpu_can_run_and_other_stops),
        CPUS_TEST(test_non_stop_waits_for_a_cpu_to_be_started),
        CPUS_TEST(test_non_stop_with_a_cpu_that_cannot_run),
        CPUS_TEST(test_non_stop_with_a_guest_that_cannot_run),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
