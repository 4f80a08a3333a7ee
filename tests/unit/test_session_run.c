/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running the guest: resume actions, stop replies, interrupts and breakpoints. What is refused while it runs,
 * and what a machine cannot do, is here too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "linux_rig.h"
#include "session_rig.h"
#include "zgdbd/log.h"

static void test_first_instruction(void **state)
{
    struct world *w = *state;
    STARTS("?", "T0500:0000000000000000;01:0101010101010101;02:0202020202020202;03:");
    CONTAINS(w->a.reply, ";10:1010101010101010;11:1111111111111111;thread:1;");
    ask(w, ALL_FEATURES);
    ask(w, "?");
    CONTAINS(w->a.reply, "thread:p1.1;");
    assert_int_equal(w->fake->interrupts, 0);
}

static void test_stop_replies(void **state)
{
    static const struct {
        enum stop_reason reason;
        const char *start, *part;
        bool line;
    } cases[] = {
        {STOP_STEP, "T05", "thread:p1.1;", false},       {STOP_SW_BREAKPOINT, "T05", "swbreak:;", false},
        {STOP_HW_BREAKPOINT, "T05", "hwbreak:;", false}, {STOP_WATCH, "T05", "watch:100040;", false},
        {STOP_INTERRUPT, "T02", "thread:p1.1;", false},  {STOP_DISABLED_WAIT, "T06", "thread:p1.1;", true},
        {STOP_SHUTDOWN, "T0f", "thread:p1.1;", true},    {STOP_PROGRAM_LOOP, "T0b", "thread:p1.1;", true},
        {STOP_RESET, "T01", "thread:p1.1;", true},       {STOP_ERROR, "T04", "thread:p1.1;", true},
        {STOP_PANIC, "T06", "thread:p1.1;", true},
    };
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_script(w->fake, cases[i].reason);
        const char *reply = ask(w, "vCont;c");
        if (cases[i].line) {
            assert_int_equal(reply[0], 'O');
            const char *bar = strrchr(reply, '|'); /* a crash has its report in front of it, too */
            assert_non_null(bar);
            CONTAINS(text_of(reply + 1), stop_reason_name(cases[i].reason));
            CONTAINS(text_of(reply + 1), "disabled wait, ");
            reply = bar + 1;
        }
        assert_true(starts(reply, cases[i].start));
        CONTAINS(reply, cases[i].part);
        reply = ask(w, "?");
        assert_true(starts(reply, cases[i].start));
    }
}

static void test_reasons_only_if_announced(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    assert_null(strstr(ask(w, "c"), "swbreak"));
    fake_script(w->fake, STOP_HW_BREAKPOINT);
    assert_null(strstr(ask(w, "c"), "hwbreak"));
}

static void test_resume_actions(void **state)
{
    struct world *w = *state;
    struct cpu_action *action = w->fake->plan.action;
    struct {
        const char *packet;
        enum cpu_verb zero, one;
    } cases[] = {
        {"vCont;c", CPU_CONTINUE, CPU_CONTINUE},
        {"vCont;s:1", CPU_STEP, CPU_HOLD},
        {"vCont;s:2;c", CPU_CONTINUE, CPU_STEP},
        {"vCont;C05:1;t:2", CPU_CONTINUE, CPU_HOLD},
        {"vCont;S05", CPU_STEP, CPU_STEP},
        {"vCont;r4000,4010:2", CPU_HOLD, CPU_STEP_RANGE},
        {"vCont;r4000,4010:1;c", CPU_STEP_RANGE, CPU_CONTINUE},
        {"c", CPU_CONTINUE, CPU_CONTINUE},
        {"s", CPU_STEP, CPU_HOLD},
        {"C05", CPU_CONTINUE, CPU_CONTINUE},
    };
    EXPECT("vCont?", "vCont;c;C;s;S;t;r");
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_script(w->fake, STOP_STEP);
        STARTS(cases[i].packet, "T05");
        assert_int_equal(action[0].verb, cases[i].zero);
        assert_int_equal(action[1].verb, cases[i].one);
    }
    assert_int_equal(action[0].verb, CPU_CONTINUE);
    fake_script(w->fake, STOP_STEP);
    STARTS("vCont;r4000,4010:1;c", "T05");
    assert_int_equal(action[0].start, 0x4000);
    assert_int_equal(action[0].end, 0x4010);
    fake_script(w->fake, STOP_STEP);
    EXPECT("Hc2", "OK");
    STARTS("s", "T05");
    assert_int_equal(action[0].verb, CPU_HOLD);
    assert_int_equal(action[1].verb, CPU_STEP);
    EXPECT("Hc-1", "OK");

    fake_script(w->fake, STOP_STEP);
    STARTS("c4000", "T05");
    EXPECT("p1", "0000000000004000");
    unsigned resumes = w->fake->resumes;
    STARTS("vCont;t", "T05");
    STARTS("vCont;c:7", "T05");
    assert_int_equal(w->fake->resumes, resumes);
    w->fake->constant_reg = REG_PSWA;
    assert_non_null(strstr(ask(w, "c4000"), "|E16"));
}

static void test_interrupt(void **state)
{
    struct world *w = *state;
    EXPECT("vCont;c", "");
    assert_true(fake_running(w->fake));
    EXPECT("g", "E10");
    EXPECT("c", "E10");
    EXPECT("vCont;c", "E10");
    EXPECT("?", "E10");
    assert_true(starts(peer_send(w, &w->a, "\x03", 1), "T02"));
    assert_int_equal(w->fake->interrupts, 1);
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "");
    assert_int_equal(w->fake->interrupts, 1);
    EXPECT("vCont;c", "");
    STARTS("vCont;t", "T02");
    /* Pipelined behind the resume. */
    assert_true(starts(peer_send(w, &w->a, "$vCont;c#a8\x03", 12), "T02"));
    assert_true(starts(peer_send(w, &w->a, "-", 1), "T02"));
}

/* gdb drops its Ctrl-C when any stop comes, and steps or continues by itself. */
static void test_interrupt_that_crosses_a_stop(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_STEP);
    STARTS("vCont;s", "T05");
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "");
    fake_script(w->fake, STOP_STEP);
    STARTS("vCont;s", "T02");
    fake_script(w->fake, STOP_STEP);
    STARTS("vCont;s", "T05");
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    STARTS("vCont;c", "T05");
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "");
    STARTS("vCont;c", "T02");
    EXPECT("vCont;c", "");
    assert_true(starts(peer_send(w, &w->a, "\x03", 1), "T02"));
    /* Nothing is owed to the next debugger, nor after an end, which the user sees. */
    fake_script(w->fake, STOP_STEP);
    STARTS("vCont;s", "T05");
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "");
    EXPECT("vKill;1", "OK");
    EXPECT("vCont;c", "");
    assert_true(starts(peer_send(w, &w->a, "\x03", 1), "T02"));
    fake_script(w->fake, STOP_DISABLED_WAIT);
    CONTAINS(ask(w, "vCont;c"), "|T06");
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "");
    EXPECT("vCont;c", "");
}

static void test_what_the_machine_cannot_do(void **state)
{
    struct world *w = *state;
    w->fake->machine.caps &= ~MACHINE_CAN_STEP;
    const char *reply = ask(w, "vCont;s:1");
    CONTAINS(text_of(reply + 1), "cannot step");
    CONTAINS(reply, "|E16");
    ask(w, ALL_FEATURES);
    STARTS("s", "E.this host cannot step");
    w->fake->fail_resume = "no room";
    EXPECT("c", "E.no room");
    w->fake->machine.caps &= ~MACHINE_CAN_RUN;
    STARTS("c", "E.this target cannot run");
    assert_int_equal(w->fake->resumes, 0);
}

/* A machine that never runs says so, and gdb is where it was: at the CPU that it has selected, with no
 * signal. */
static void test_a_machine_that_is_fixed(void **state)
{
    struct world *w = *state;
    const char *reply;
    w->fake->machine.fixed = "this is a dump";
    w->fake->machine.caps = 0;
    ask(w, "Hg2");
    reply = ask(w, "vCont;s:2;c");
    assert_string_equal(text_of(reply + 1), "this is a dump\n");
    CONTAINS(reply, "|T00");
    CONTAINS(reply, "thread:2;");
    CONTAINS(ask(w, "c"), "|T00");
    STARTS("?", "T05"); /* the stop itself is what it was */
    EXPECT("Z0,1000,2", "E..this is a dump");
    EXPECT("M1000,1:00", "E1e");
    EXPECT("P0=0000000000000000", "E1e");
    ask(w, ALL_FEATURES);
    EXPECT("Z0,1000,2", "E.this is a dump");
    EXPECT("Z2,1000,2", "E.this is a dump");
    EXPECT("M1000,1:00", "E.this is a dump");
    CONTAINS(monitor(w, "reset"), "monitor reset: this is a dump");
    CONTAINS(monitor(w, "catch svc"), "monitor catch: this is a dump");
    CONTAINS(monitor(w, "psw"), "CPU");
    EXPECT("vKill;1", "OK");
    EXPECT("D;1", "OK");
    assert_int_equal(w->fake->resumes, 0);
    assert_int_equal(w->fake->resets, 0);
}

/* Of a dump there is a stop without a resume. Which CPU it is about a kernel that panicked says, if there is
 * one. */
static void test_the_stop_of_a_dump(void **state)
{
    struct fake_machine *fake = fake_create((struct machine_events){NULL, NULL});
    struct linux_rig rig = {0};
    struct world *w;
    uint64_t at;

    (void)state;
    fake->stops[0] = (struct stop){.reason = STOP_DISABLED_WAIT, .cpu = 1, .text = "it died"};
    fake->nstops = 1;
    w = world_of(fake, (struct policy){.on_panic = ACTION_EXIT});
    CONTAINS(ask(w, "?"), "thread:2;");
    STARTS("?", "T06");
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,2")), "it died");
    world_close(w);
    fake = fake_create((struct machine_events){NULL, NULL});
    lrig_in(&rig, fake, 0);
    at = lrig_room(&rig, 4, 4);
    lrig_symbol(&rig, "panic_cpu", 'D', lrig_virtual(&rig, at));
    lrig_boot(&rig);
    lrig_put32(&rig, at, 1);
    fake->stops[0] = (struct stop){.reason = STOP_DUMP, .cpu = 0, .text = "it stood"};
    fake->nstops = 1;
    w = world_of(fake, (struct policy){ACTION_DEFAULT});
    STARTS("?", "T05");
    CONTAINS(ask(w, "?"), "thread:2;");
    CONTAINS(text_of(ask(w, "qThreadExtraInfo,2")), "it stood");
    world_close(w);
}

static void test_breakpoints(void **state)
{
    struct world *w = *state;
    struct fake_machine *f = w->fake;
    EXPECT("Z0,1000,2", "OK");
    EXPECT("Z0,1000,2", "OK");
    EXPECT("Z1,1000,2", "OK");
    EXPECT("Z2,2000,8", "OK");
    EXPECT("Z2,2000,4", "OK");
    EXPECT("Z2,2000,0", "E16");
    EXPECT("Z3,2000,8", "");
    EXPECT("Z4,2000,8", "");
    EXPECT("z4,2000,8", "");
    EXPECT("Z0,3000,2", "E..only 4 breakpoints fit");
    fake_script(f, STOP_SW_BREAKPOINT);
    STARTS("c", "T05");
    assert_int_equal(f->plan.nbreakpoints, 4);
    assert_int_equal(f->points[0].kind, BP_SOFTWARE);
    assert_int_equal(f->points[0].addr, 0x1000);
    assert_int_equal(f->points[1].kind, BP_HARDWARE);
    assert_int_equal(f->points[2].kind, BP_WRITE);
    assert_int_equal(f->points[2].len, 8);
    EXPECT("z0,1000,2", "OK");
    EXPECT("z0,1000,2", "OK");
    EXPECT("z2,2000,8", "OK");
    fake_script(f, STOP_SW_BREAKPOINT);
    STARTS("c", "T05");
    assert_int_equal(f->plan.nbreakpoints, 2);
    EXPECT("Z0,1,2", "OK");
    EXPECT("Z0,3,2", "OK");
    ask(w, ALL_FEATURES);
    EXPECT("Z0,3000,2", "E.only 4 breakpoints fit");
    f->machine.caps &= ~MACHINE_CAN_HW_BREAK;
    EXPECT("Z1,3000,2", "");
    EXPECT("Z2,3000,2", "");
    EXPECT("z0,1,2", "OK");
    EXPECT("Z0,1,2", "OK");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_first_instruction),
        TEST(test_stop_replies),
        TEST(test_reasons_only_if_announced),
        TEST(test_resume_actions),
        TEST(test_interrupt),
        TEST(test_interrupt_that_crosses_a_stop),
        TEST(test_what_the_machine_cannot_do),
        TEST(test_a_machine_that_is_fixed),
        TEST(test_the_stop_of_a_dump),
        TEST(test_breakpoints),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
