/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Non-stop, with four CPUs: each stops and runs for itself, and who asks for something while others run does
 * not notice that they were halted for it. */
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
    EXPECT("QNonStop:1", "OK");
    return w;
}

static int setup(void **state)
{
    *state = open_with((struct policy){0});
    return 0;
}

#define NONSTOP(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

static enum cpu_verb verb(const struct world *w, unsigned cpu)
{
    return w->fake->plan.action[cpu].verb;
}

static void expect_verbs(const struct world *w, enum cpu_verb a, enum cpu_verb b, enum cpu_verb c,
                         enum cpu_verb d)
{
    assert_int_equal(verb(w, 0), a);
    assert_int_equal(verb(w, 1), b);
    assert_int_equal(verb(w, 2), c);
    assert_int_equal(verb(w, 3), d);
}

/* A stop reply or notification of this start for that thread. */
static void expect_stop(const char *text, const char *start, unsigned thread)
{
    char part[32];
    snprintf(part, sizeof part, "thread:p1.%u;", thread);
    assert_true(starts(text, start));
    CONTAINS(text, part);
    assert_null(strchr(text, '|'));
}

static const char *stop_cpu(struct world *w, unsigned cpu, enum stop_reason reason)
{
    fake_stop_at(w->fake, cpu, reason);
    return hear(w);
}

static void run_all(struct world *w)
{
    EXPECT("vCont;c", "OK");
    assert_true(fake_running(w->fake));
    expect_verbs(w, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE);
}

/* ---- what stands, and why ---- */

static void test_what_stands(void **state)
{
    struct world *w = *state;
    CONTAINS(ask(w, "qSupported"), ";QNonStop+");
    ask(w, ALL_FEATURES);
    for (int twice = 0; twice < 2; twice++) { /* a sequence that was begun is given up */
        expect_stop(ask(w, "?"), "T05", 1);
        /* gdb cannot take more than one as an answer, nor right behind it. */
        EXPECT("vStopped", "OK");
        assert_true(starts(ask(w, "Hgp1.1"), "OK|%Stop:T00"));
        CONTAINS(w->a.reply, "thread:p1.2;");
    }
    expect_stop(ask(w, "vStopped"), "T00", 3);
    expect_stop(ask(w, "vStopped"), "T00", 4);
    EXPECT("vStopped", "OK");
    EXPECT("vStopped", "OK");
    run_all(w);
    EXPECT("?", "OK");
    expect_stop(stop_cpu(w, 2, STOP_SW_BREAKPOINT), "%Stop:T05", 3);
    CONTAINS(w->a.reply, "swbreak:;");
    /* Asked for before it was acknowledged: told again, as the answer. */
    expect_stop(ask(w, "?"), "T05", 3);
    CONTAINS(w->a.reply, "swbreak:;");
    EXPECT("vStopped", "OK");
    EXPECT("qC", "QCp1.1");
    /* The CPU that has something to tell comes first. */
    ask(w, "vCont;t");
    expect_stop(ask(w, "?"), "T05", 3);
    EXPECT("vStopped", "OK");
    assert_true(starts(ask(w, "Hgp1.1"), "OK|%Stop:T00"));
    CONTAINS(w->a.reply, "thread:p1.4;");
}

static void test_others_run_on(void **state)
{
    struct world *w = *state;
    run_all(w);
    expect_stop(stop_cpu(w, 1, STOP_SW_BREAKPOINT), "%Stop:T05", 2);
    assert_true(fake_running(w->fake));
    expect_verbs(w, CPU_CONTINUE, CPU_HOLD, CPU_CONTINUE, CPU_CONTINUE);
    EXPECT("vStopped", "OK");
    assert_int_equal(w->fake->interrupts, 0);
    EXPECT("vCont;c:p1.2", "OK");
    expect_verbs(w, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE);
}

/* One notification at a time; the rest is fetched, and what comes meanwhile is behind it. */
static void test_queue(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_SW_BREAKPOINT)->cpu = 2;
    fake_script_also(w->fake, 0, STOP_WATCH);
    assert_true(starts(ask(w, "vCont;c"), "OK|%Stop:T05"));
    CONTAINS(w->a.reply, "thread:p1.3;");
    assert_true(fake_running(w->fake));
    expect_verbs(w, CPU_HOLD, CPU_CONTINUE, CPU_HOLD, CPU_CONTINUE);
    assert_string_equal(stop_cpu(w, 3, STOP_HW_BREAKPOINT), "");
    expect_stop(ask(w, "vStopped"), "T05", 1);
    CONTAINS(w->a.reply, "watch:100040;");
    expect_stop(ask(w, "vStopped"), "T05", 4);
    CONTAINS(w->a.reply, "hwbreak:;");
    EXPECT("vStopped", "OK");
    expect_verbs(w, CPU_HOLD, CPU_CONTINUE, CPU_HOLD, CPU_HOLD);
    expect_stop(stop_cpu(w, 1, STOP_STEP), "%Stop:T05", 2);
    assert_false(fake_running(w->fake));
}

/* A CPU whose stop was not acknowledged runs as far as the debugger knows. */
static void test_actions_for_who_runs_are_ignored(void **state)
{
    struct world *w = *state;
    run_all(w);
    EXPECT("vCont;s:p1.1", "OK");
    assert_int_equal(verb(w, 0), CPU_CONTINUE);
    stop_cpu(w, 1, STOP_SW_BREAKPOINT);
    EXPECT("vCont;c", "OK");
    EXPECT("vCont;t:p1.2", "OK");
    assert_int_equal(verb(w, 1), CPU_HOLD);
    EXPECT("vStopped", "OK");
    EXPECT("vCont;t:p1.2", "OK");
    EXPECT("vCont;s:p1.2", "OK");
    assert_int_equal(verb(w, 1), CPU_STEP);
    EXPECT("vCont;c:p1.9", "OK");
}

static void test_unfinished_actions_go_on(void **state)
{
    struct world *w = *state;
    EXPECT("vCont;s:p1.1;r4000,4010:p1.2;c", "OK");
    expect_stop(stop_cpu(w, 2, STOP_SW_BREAKPOINT), "%Stop:T05", 3);
    expect_verbs(w, CPU_STEP, CPU_STEP_RANGE, CPU_HOLD, CPU_CONTINUE);
    assert_int_equal(w->fake->plan.action[1].start, 0x4000);
    assert_int_equal(w->fake->plan.action[1].end, 0x4010);
    EXPECT("m100000,1", "00");
    expect_verbs(w, CPU_STEP, CPU_STEP_RANGE, CPU_HOLD, CPU_CONTINUE);
    assert_string_equal(stop_cpu(w, 0, STOP_STEP), "");
    expect_verbs(w, CPU_HOLD, CPU_STEP_RANGE, CPU_HOLD, CPU_CONTINUE);
    expect_stop(ask(w, "vStopped"), "T05", 1);
}

static void test_c_and_s(void **state)
{
    struct world *w = *state;
    EXPECT("Hcp1.2", "OK");
    EXPECT("s", "OK");
    expect_verbs(w, CPU_HOLD, CPU_STEP, CPU_HOLD, CPU_HOLD);
    expect_stop(stop_cpu(w, 1, STOP_STEP), "%Stop:T05", 2);
    EXPECT("vStopped", "OK");
    EXPECT("Hc-1", "OK");
    EXPECT("c", "OK");
    expect_verbs(w, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE);
}

/* ---- requests while CPUs run ---- */

static void test_requests_while_running(void **state)
{
    struct world *w = *state;
    struct fake_machine *f = w->fake;
    run_all(w);
    unsigned resumes = f->resumes;
    EXPECT("m100001,2", "0102");
    assert_int_equal(f->interrupts, 1);
    assert_int_equal(f->resumes, resumes + 1);
    assert_true(fake_running(f));
    EXPECT("M100001,2:aabb", "OK");
    EXPECT("m100001,2", "aabb");
    EXPECT("Z0,1000,2", "OK");
    assert_int_equal(f->plan.nbreakpoints, 1);
    EXPECT("z0,1000,2", "OK");
    assert_int_equal(f->plan.nbreakpoints, 0);
    CONTAINS(monitor(w, "cpus"), "CPU 3: ");
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.1")), "CPU 0, ");
    STARTS("g", "E.this CPU runs");
    STARTS("p1", "E.this CPU runs");
    STARTS("P1=0000000000000000", "E.this CPU runs");
    stop_cpu(w, 1, STOP_SW_BREAKPOINT);
    EXPECT("Hgp1.2", "OK");
    EXPECT("p1", "8181818181818181");
    assert_string_equal(text_of(ask(w, "qThreadExtraInfo,p1.2")),
                        "CPU 1, operating; breakpoint of the fake; PSW 8080808080808080 8181818181818181");
    assert_true(fake_running(f));
    unsigned interrupts = f->interrupts;
    EXPECT("qfThreadInfo", "mp1.1,p1.2,p1.3,p1.4");
    EXPECT("QThreadEvents:1", "OK");
    EXPECT("vStopped", "OK");
    assert_int_equal(f->interrupts, interrupts);
}

/* What is there already is answered in one halt. */
static void test_a_burst_halts_once(void **state)
{
    struct world *w = *state;
    static const char burst[] = "$m100000,1#eb$m100001,1#ec$m100002,1#ed";
    run_all(w);
    unsigned resumes = w->fake->resumes;
    assert_string_equal(peer_send(w, &w->a, burst, sizeof burst - 1), "00|01|02");
    assert_int_equal(w->fake->interrupts, 1);
    assert_int_equal(w->fake->resumes, resumes + 1);
}

/* The halt for a request finds that a CPU has stopped by itself. */
static void test_a_stop_during_the_halt(void **state)
{
    struct world *w = *state;
    struct session *s = w->a.session;
    run_all(w);
    fake_stop_at(w->fake, 2, STOP_SW_BREAKPOINT);
    assert_int_equal(session_input(s, "$m100000,1#eb", 13), 13);
    assert_true(session_waiting(s));
    assert_true(starts(hear(w), "00|%Stop:T05"));
    CONTAINS(w->a.reply, "thread:p1.3;");
    expect_verbs(w, CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_CONTINUE);
}

/* A debugger that does not read its answer does not hold up the guest. */
static void test_a_debugger_that_does_not_read(void **state)
{
    struct world *w = *state;
    run_all(w);
    assert_int_equal(session_input(w->a.session, "$m100000,1#eb", 13), 13);
    world_collect(w);
    assert_false(fake_running(w->fake));
    session_input(w->a.session, "", 0);
    assert_true(fake_running(w->fake));
    fake_stop_at(w->fake, 1, STOP_SW_BREAKPOINT);
    world_collect(w);
    assert_true(fake_running(w->fake));
    CONTAINS(hear(w), "00|%Stop:T05");
}

/* ---- stopping ---- */

static void test_stop_one_and_all(void **state)
{
    struct world *w = *state;
    run_all(w);
    assert_true(starts(ask(w, "vCont;t:p1.3"), "OK|%Stop:T00"));
    CONTAINS(w->a.reply, "thread:p1.3;");
    expect_verbs(w, CPU_CONTINUE, CPU_CONTINUE, CPU_HOLD, CPU_CONTINUE);
    EXPECT("vStopped", "OK");
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.3")), "stopped by the debugger");
    assert_true(starts(ask(w, "vCont;t:p1.-1"), "OK|%Stop:T00"));
    expect_stop(ask(w, "vStopped"), "T00", 2);
    expect_stop(ask(w, "vStopped"), "T00", 4);
    EXPECT("vStopped", "OK");
    assert_false(fake_running(w->fake));
    assert_string_equal(hear(w), "");
}

static void test_interrupts(void **state)
{
    struct world *w = *state;
    EXPECT("vCtrlC", "OK");
    EXPECT("vCont;c:p1.2;c:p1.3", "OK");
    ask(w, "vCtrlC");
    assert_true(starts(w->a.reply, "OK|%Stop:T02"));
    CONTAINS(w->a.reply, "thread:p1.2;");
    expect_verbs(w, CPU_HOLD, CPU_HOLD, CPU_CONTINUE, CPU_HOLD);
    EXPECT("vStopped", "OK");
    expect_stop(peer_send(w, &w->a, "\x03", 1), "%Stop:T02", 3);
    EXPECT("vStopped", "OK");
    assert_false(fake_running(w->fake));
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "");
    /* Behind a request, while the machine is halted for it. */
    run_all(w);
    assert_true(starts(peer_send(w, &w->a, "$m100000,1#eb\x03", 14), "00|%Stop:T02"));
}

/* ---- modes ---- */

static void test_all_stop_again(void **state)
{
    struct world *w = *state;
    run_all(w);
    EXPECT("QNonStop:0", "OK");
    assert_false(fake_running(w->fake));
    expect_stop(ask(w, "?"), "T05", 1);
    EXPECT("vCont;c", "");
    assert_true(fake_running(w->fake));
    /* And back while it runs: nobody stops. */
    EXPECT("QNonStop:1", "OK");
    assert_int_equal(w->fake->interrupts, 1);
    expect_stop(stop_cpu(w, 1, STOP_SW_BREAKPOINT), "%Stop:T05", 2);
    expect_verbs(w, CPU_CONTINUE, CPU_HOLD, CPU_CONTINUE, CPU_CONTINUE);
    /* An interrupt that is on its way is not lost. */
    EXPECT("QNonStop:0", "OK");
    EXPECT("vCont;c", "");
    assert_true(starts(peer_send(w, &w->a, "\x03$QNonStop:1#8d", 16), "OK|%Stop:T02"));
}

/* What was queued in non-stop and not told is told at the next resume in all-stop; what was told is not. */
static void test_all_stop_with_a_queue(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,100040,2", "OK");
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    fake_script_also(w->fake, 2, STOP_SW_BREAKPOINT);
    fake_script_also(w->fake, 3, STOP_STEP);
    CONTAINS(ask(w, "vCont;c"), "%Stop:T05");
    EXPECT("QNonStop:0", "OK");
    unsigned resumes = w->fake->resumes;
    expect_stop(ask(w, "vCont;c"), "T05", 3);
    assert_int_equal(w->fake->resumes, resumes);
    EXPECT("vCont;c", "");
    assert_int_equal(w->fake->resumes, resumes + 1);
}

/* ---- coming and going ---- */

static void test_detach(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,1000,2", "OK");
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    fake_script_also(w->fake, 2, STOP_SW_BREAKPOINT);
    ask(w, "vCont;c");
    EXPECT("D;1", "OK");
    assert_true(fake_running(w->fake));
    expect_verbs(w, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE);
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
    assert_string_equal(stop_cpu(w, 1, STOP_SW_BREAKPOINT), "");
    assert_true(fake_running(w->fake));
    /* The same conversation stays in its mode: what stands is told by notifications. */
    EXPECT("vAttach;2", "E.the guest is process 1; there is no other");
    assert_true(starts(ask(w, "vAttach;1"), "OK|%Stop:T02"));
    expect_stop(ask(w, "vStopped"), "T00", 2);
    expect_stop(ask(w, "vStopped"), "T00", 3);
    expect_stop(ask(w, "vStopped"), "T00", 4);
    EXPECT("vStopped", "OK");
    /* Another one begins in all-stop. */
    peer_again(w, &w->a);
    STARTS("?", "T02");
    STARTS("vCont;t", "T02");
}

static void test_detach_when_halted(void **state)
{
    struct world *w = *state;
    run_all(w);
    stop_cpu(w, 1, STOP_SW_BREAKPOINT);
    assert_true(fake_running(w->fake));
    EXPECT("D", "OK");
    assert_true(fake_running(w->fake));
    expect_verbs(w, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE);
}

static void test_kill(void **state)
{
    struct world *w = *state;
    run_all(w);
    stop_cpu(w, 1, STOP_SW_BREAKPOINT);
    EXPECT("vKill;1", "OK");
    assert_int_equal(w->fake->resets, 1);
    assert_false(fake_running(w->fake));
    assert_string_equal(hear(w), "");
    STARTS("vRun;", "T05");
    expect_stop(w->a.reply, "T05", 1);
    assert_string_equal(hear(w), "");
    run_all(w);
    EXPECT("k", "");
    assert_true(session_closing(w->a.session));
    assert_int_equal(w->fake->resets, 3);
    assert_false(fake_running(w->fake));
}

static void test_lost(void **state)
{
    (void)state;
    for (int what = DISCONNECT_RUN; what <= DISCONNECT_EXIT; what++)
        for (int halting = 0; halting < 2; halting++) {
            struct world *w = open_with((struct policy){.on_disconnect = (enum disconnect_action)what});
            int status;
            EXPECT("vCont;c:p1.1", "OK");
            if (halting)
                session_input(w->a.session, "$m100000,1#eb", 13);
            peer_lose(w, &w->a);
            assert_int_equal(target_exited(w->target, &status), what == DISCONNECT_EXIT);
            if (what != DISCONNECT_EXIT)
                assert_int_equal(fake_running(w->fake), what == DISCONNECT_RUN);
            if (what == DISCONNECT_RUN)
                expect_verbs(w, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE, CPU_CONTINUE);
            world_close(w);
        }
}

/* Lost with a request answered but not read, while the machine stands for it: whoever comes next finds every
 * CPU stopped, and hears of all that he has not been told. */
static void test_lost_in_the_middle_of_a_request(void **state)
{
    struct world *w = open_with((struct policy){.on_disconnect = DISCONNECT_STOP});
    (void)state;
    run_all(w);
    stop_cpu(w, 1, STOP_SW_BREAKPOINT); /* and never acknowledged */
    assert_int_equal(session_input(w->a.session, "$m100000,1#eb", 13), 13);
    world_collect(w);
    peer_again(w, &w->a);
    assert_false(fake_running(w->fake));
    STARTS("?", "T05");
    EXPECT("Hg1", "OK");
    assert_int_equal(strlen(ask(w, "p1")), 16);
    EXPECT("QNonStop:1", "OK");
    EXPECT("vCont;c:1", "OK");
    expect_verbs(w, CPU_CONTINUE, CPU_HOLD, CPU_HOLD, CPU_HOLD);
    assert_true(starts(stop_cpu(w, 0, STOP_SW_BREAKPOINT), "%Stop:T05"));
    world_close(w);
}

static void test_monitor_reset(void **state)
{
    struct world *w = *state;
    EXPECT("vCont;c:p1.2;c:p1.3", "OK");
    CONTAINS(ask(w, "qRcmd,7265736574"), "|OK|%Stop:T00");
    assert_false(fake_running(w->fake));
    CONTAINS(w->a.reply, "thread:p1.2;");
    expect_stop(ask(w, "vStopped"), "T00", 3);
    EXPECT("vStopped", "OK");
    /* One that was told and not acknowledged is not told again, and the others wait behind it. */
    run_all(w);
    expect_stop(stop_cpu(w, 2, STOP_SW_BREAKPOINT), "%Stop:T05", 3);
    assert_null(strchr(ask(w, "qRcmd,7265736574"), '%'));
    expect_stop(ask(w, "vStopped"), "T00", 4);
    expect_stop(ask(w, "vStopped"), "T00", 1);
    expect_stop(ask(w, "vStopped"), "T00", 2);
    EXPECT("vStopped", "OK");
}

/* ---- ends ---- */

static void test_end_stops_everybody(void **state)
{
    struct world *w = *state;
    EXPECT("vCont;c:p1.1;c:p1.2;c:p1.4", "OK");
    expect_stop(stop_cpu(w, 1, STOP_DISABLED_WAIT), "%Stop:T06", 2);
    assert_false(fake_running(w->fake));
    expect_stop(ask(w, "vStopped"), "T00", 1);
    expect_stop(ask(w, "vStopped"), "T00", 4);
    EXPECT("vStopped", "OK");
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,p1.2")), "disabled wait of the fake");
    /* It does not run on by itself when the debugger goes. */
    EXPECT("D", "OK");
    assert_false(fake_running(w->fake));
}

static void test_ends_by_policy(void **state)
{
    static const struct {
        enum stop_reason reason;
        const char *run;
        enum guest_action action;
        bool runs;
        unsigned resets;
    } cases[] = {
        {STOP_RESET, "vCont;c", ACTION_DEFAULT, false, 0},
        {STOP_RESET, "vCont;c", ACTION_RESTART, true, 0},
        {STOP_DISABLED_WAIT, "vCont;c", ACTION_RESTART, true, 1},
        /* Not while the debugger holds a CPU, or steps one. */
        {STOP_DISABLED_WAIT, "vCont;c:p1.1", ACTION_RESTART, false, 0},
        {STOP_DISABLED_WAIT, "vCont;s:p1.2;c", ACTION_RESTART, false, 0},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w =
            open_with((struct policy){.on_reset = cases[i].action, .on_panic = cases[i].action});
        EXPECT(cases[i].run, "OK");
        stop_cpu(w, 0, cases[i].reason);
        assert_int_equal(fake_running(w->fake), cases[i].runs);
        assert_int_equal(w->fake->resets, cases[i].resets);
        if (cases[i].runs)
            assert_string_equal(w->a.reply, "");
        else
            assert_true(starts(w->a.reply, cases[i].reason == STOP_RESET ? "%Stop:T01" : "%Stop:T06"));
        world_close(w);
    }
}

static void test_end_that_exits(void **state)
{
    int status;
    (void)state;
    for (int halting = 0; halting < 2; halting++) {
        struct world *w = open_with((struct policy){.on_panic = ACTION_EXIT});
        run_all(w);
        fake_stop_at(w->fake, 1, STOP_DISABLED_WAIT);
        if (halting)
            session_input(w->a.session, "$m100000,1#eb", 13);
        /* The OK is for the vStopped that follows. */
        CONTAINS(hear(w), "%Stop:W03;process:1|OK");
        assert_true(target_exited(w->target, &status));
        assert_int_equal(status, EXIT_PANIC);
        world_close(w);
    }
}

/* An end that would restart the guest, come as the debugger interrupts: it stays stopped. */
static void test_interrupt_at_an_end_that_restarts(void **state)
{
    struct world *w = open_with((struct policy){.on_panic = ACTION_RESTART});
    (void)state;
    run_all(w);
    fake_stop_at(w->fake, 1, STOP_DISABLED_WAIT);
    expect_stop(peer_send(w, &w->a, "\x03", 1), "%Stop:T06", 2);
    assert_false(fake_running(w->fake));
    assert_int_equal(w->fake->resets, 0);
    world_close(w);
}

/* A restart that comes upon the halt for a request waits until that is answered. */
static void test_restart_during_the_halt(void **state)
{
    struct world *w = open_with((struct policy){.on_panic = ACTION_RESTART});
    (void)state;
    run_all(w);
    fake_stop_at(w->fake, 1, STOP_DISABLED_WAIT);
    assert_int_equal(session_input(w->a.session, "$m100000,1#eb", 13), 13);
    assert_string_equal(hear(w), "00");
    assert_int_equal(w->fake->resets, 1);
    assert_true(fake_running(w->fake));
    world_close(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        NONSTOP(test_what_stands),
        NONSTOP(test_others_run_on),
        NONSTOP(test_queue),
        NONSTOP(test_actions_for_who_runs_are_ignored),
        NONSTOP(test_unfinished_actions_go_on),
        NONSTOP(test_c_and_s),
        NONSTOP(test_requests_while_running),
        NONSTOP(test_a_burst_halts_once),
        NONSTOP(test_a_stop_during_the_halt),
        NONSTOP(test_a_debugger_that_does_not_read),
        NONSTOP(test_stop_one_and_all),
        NONSTOP(test_interrupts),
        NONSTOP(test_all_stop_again),
        NONSTOP(test_all_stop_with_a_queue),
        NONSTOP(test_detach),
        NONSTOP(test_detach_when_halted),
        NONSTOP(test_kill),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_lost_in_the_middle_of_a_request),
        NONSTOP(test_monitor_reset),
        NONSTOP(test_end_stops_everybody),
        cmocka_unit_test(test_ends_by_policy),
        cmocka_unit_test(test_end_that_exits),
        cmocka_unit_test(test_interrupt_at_an_end_that_restarts),
        cmocka_unit_test(test_restart_during_the_halt),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
