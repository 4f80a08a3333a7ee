/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Catchpoints through packets: what `monitor catch` understands and refuses, what the engine is given of it,
 * how a stop is told in all-stop and non-stop, and what becomes of catchpoints with time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "session_rig.h"
#include "zgdbd/log.h"
#include "zgdbd/trace.h"

#define STOPS "; stops at the first instruction of the handler\n"
#define EXITS "; stops before it is carried out\n"

static void expect_made(struct world *w, const char *typed, unsigned number, const char *rest)
{
    char expected[512];
    snprintf(expected, sizeof expected, "catchpoint %u: %s", number, rest);
    assert_string_equal(monitor(w, typed), expected);
}

/* The guest runs on, comes to something, and is stopped if that has not done it. True if it has. */
static bool caught(struct world *w, enum catch_kind kind, uint32_t code)
{
    ask(w, "vCont;c");
    fake_catch(w->fake, 0, kind, code);
    if (!fake_running(w->fake)) {
        peer_send(w, &w->a, "", 0);
        return true;
    }
    peer_send(w, &w->a, "\x03", 1);
    return false;
}

/* ---- the grammar ---- */

static void test_what_can_be_caught(void **state)
{
    struct world *w = *state;
    assert_string_equal(monitor(w, "catch"), "There are no catchpoints.\n");
    expect_made(w, "catch program", 1, "program" STOPS);
    expect_made(
        w, "catch program 0x10, 17 specification", 2,
        "program 0x0010 (segment translation), 0x0011 (page translation), 0x0006 (specification)" STOPS);
    expect_made(w, "catch svc 5", 3, "svc 5" STOPS);
    expect_made(w, "catch external 0x1201 service-signal 0x7777", 4,
                "external 0x1201 (emergency signal), 0x2401 (service signal), 0x7777" STOPS);
    expect_made(w, "catch io 65535", 5, "io 65535" STOPS);
    expect_made(w, "catch machine-check", 6, "machine-check" STOPS);
    expect_made(w, "catch restart", 7, "restart" STOPS);
    expect_made(w, "catch wait", 8, "wait" EXITS);
    expect_made(w, "catch diag ipl 0x500", 9, "diag 0x308 (IPL), 0x500 (KVM hypercall)" EXITS);
    expect_made(w, "catch sigp set-prefix", 10, "sigp 0x0d (set prefix)" EXITS);
    expect_made(w, "catch service-call 0x00120001", 11,
                "service-call 0x00120001 (read SCP info forced)" EXITS);
    expect_made(w, "catch exit other-instruction diag", 12, "exit other instruction, diag" EXITS);
    expect_made(w, "catch once after 3 svc if $r2 == 1", 13, "svc; once; after 3; if $r2 == 1" STOPS);
    expect_made(w, "catch\tafter 0x10  once\tsvc   1   if  new  ", 14, "svc 1; once; after 16; if new" STOPS);
    CONTAINS(monitor(w, "catch"), "catchpoint 14: svc 1; once; after 16; if new: reached 0, hit 0\n");
    expect_made(w, "catch prog 6", 15, "program 0x0006 (specification)" STOPS);
    expect_made(w, "catch once serv", 16, "service-call; once" EXITS);
    expect_made(w, "catch exi other-i Disabled OTHER", 17,
                "exit other instruction, disabled wait, other" EXITS);
    CONTAINS(monitor(w, "help catch"),
             "usage: monitor catch [[once] [after N] EVENT [CODE...] [if EXPRESSION]]");
    CONTAINS(monitor(w, "help uncatch"), "usage: monitor uncatch N|all");
}

static void test_what_is_no_catchpoint(void **state)
{
    struct world *w = *state;
    static const char *const wrong[][2] = {
        {"catch nonsense", "\"nonsense\" is nothing that can be caught; what can: program, svc, "},
        {"catch programs", "\"programs\" is nothing"},
        {"catch s", "\"s\" may be svc, sigp, service-call"},
        {"catch ex", "\"ex\" may be external, exit"},
        {"catch once", "what is to be caught is missing: one of program, svc, external, io, machine-check, "
                       "restart, wait, diag, sigp, service-call, exit"},
        {"catch after 3", "what is to be caught is missing"},
        {"catch if new", "what is to be caught is missing"},
        {"catch after svc", "after must be followed by the number"},
        {"catch after", "after must be followed by the number"},
        {"catch after -1 svc", "after must be followed by a number that is not negative: -1 is"},
        {"catch after 18446744073709551616 svc", "after must be followed by the number"},
        {"catch svc 256", "codes of svc go up to 0xff: 256 is more"},
        {"catch svc 1x", "\"1x\" is no code of svc: give a number"},
        {"catch svc 0x", "\"0x\" is no code"},
        {"catch svc once", "\"once\" is no code"},
        {"catch program page", "\"page\" is no code of program: give its name or a number"},
        {"catch program 0x10000", "go up to 0xffff"},
        {"catch service-call 0x100000000", "go up to 0xffffffff"},
        {"catch exit 2", "2: no exit is called so; exits are debug, service-call, diag, sigp, "},
        {"catch exit diag foo", "foo: no exit is called so; exits are debug"},
        {"catch exit d", "d: several exits are called so; exits are debug"},
        {"catch exit diag debug", "exits for debug are not the guest's doing"},
        {"catch exit kick", "exits for kick are not"},
        {"catch exit k", "exits for kick are not"},
        {"catch restart 1", "restart has no codes: \"1\""},
        {"catch svc 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "at most 16 codes"},
        {"catch svc if", "if must be followed by an expression"},
        {"catch svc if new >", "expected"},
        {"catch svc if nonsense", "nonsense"},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CONTAINS(monitor(w, wrong[i][0]), "Nothing is caught: ");
        CONTAINS(monitor(w, wrong[i][0]), wrong[i][1]);
    }
    assert_string_equal(monitor(w, "catch"), "There are no catchpoints.\n");
    CONTAINS(monitor(w, "uncatch"), "usage: monitor uncatch N|all");
    CONTAINS(monitor(w, "uncatch x"), "usage:");
    CONTAINS(monitor(w, "uncatch 1 2"), "usage:");
    CONTAINS(monitor(w, "uncatch 1"), "Nothing is removed: there is no catchpoint 1;");
    CONTAINS(monitor(w, "uncatch 4294967297"), "Nothing is removed: ");
    expect_made(w, "catch svc", 1, "svc" STOPS); /* what was refused took no number */
}

static void test_they_are_bounded(void **state)
{
    struct world *w = *state;
    static char text[1024 + 40];
    char line[sizeof text + 40];
    for (unsigned i = 0; i < 64; i++)
        CONTAINS(monitor(w, "catch svc"), "catchpoint ");
    CONTAINS(monitor(w, "catch svc"), "there are 64 catchpoints already; remove one");
    CONTAINS(monitor(w, "uncatch 7"), "Catchpoint 7 is removed");
    CONTAINS(monitor(w, "uncatch 7"), "Nothing is removed");
    expect_made(w, "catch io", 65, "io" STOPS);
    CONTAINS(monitor(w, "uncatch all"), "no catchpoints any more");
    expect_made(w, "catch io", 66, "io" STOPS);
    for (unsigned at = 0; at + 4 < sizeof text; at += 4)
        memcpy(text + at, "new+", 4);
    snprintf(line, sizeof line, "catch svc if %s1", text);
    CONTAINS(monitor(w, line), "longer than 1024 characters");
}

/* ---- in force ---- */

static void test_the_engine_is_told(void **state)
{
    struct world *w = *state;
    monitor(w, "catch svc 1 2");
    monitor(w, "catch after 5 exit diag if 1");
    assert_false(caught(w, CATCH_SVC, 3));
    const struct resume_plan *plan = &w->fake->plan;
    assert_int_equal(plan->ncatchpoints, 2);
    assert_int_equal(plan->catchpoints[0].kind, CATCH_SVC);
    assert_int_equal(plan->catchpoints[0].ncodes, 2);
    assert_int_equal(plan->catchpoints[0].codes[1], 2);
    assert_null(plan->catchpoints[0].actions);
    assert_int_equal(plan->catchpoints[1].number, 2);
    assert_int_equal(plan->catchpoints[1].codes[0], EXIT_DIAG);
    assert_int_equal(plan->catchpoints[1].skip, 5);
    assert_int_equal(plan->catchpoints[1].actions->nconditions, 1);
}

static void test_a_stop_is_told(void **state)
{
    struct world *w = *state;
    monitor(w, "catch svc 1");
    assert_true(caught(w, CATCH_SVC, 1));
    assert_true(starts(w->a.reply, "O"));
    CONTAINS(text_of(w->a.reply + 1), "zgdbd: CPU 0: catchpoint of the fake; PSW ");
    CONTAINS(w->a.reply, "|T05");
    assert_true(caught(w, CATCH_SVC, 1));
    assert_string_equal(monitor(w, "catch"), "catchpoint 1: svc 1: reached 2, hit 2\n");
    monitor(w, "uncatch 1");
    assert_false(caught(w, CATCH_SVC, 1));
}

/* gdb would go on from SIGTRAP at a breakpoint whose condition is false. */
static void test_a_stop_at_a_breakpoint(void **state)
{
    struct world *w = *state;
    monitor(w, "catch svc 1");
    EXPECT("Z0,1234,2", "OK");
    assert_true(caught(w, CATCH_SVC, 1));
    CONTAINS(w->a.reply, "|T02");
    EXPECT("z0,1234,2", "OK");
    EXPECT("Z1,1234,2", "OK");
    assert_true(caught(w, CATCH_SVC, 1));
    CONTAINS(w->a.reply, "|T02");
    EXPECT("z1,1234,2", "OK");
    assert_true(caught(w, CATCH_SVC, 1));
    CONTAINS(w->a.reply, "|T05");
}

static void test_once(void **state)
{
    struct world *w = *state;
    monitor(w, "catch once svc");
    monitor(w, "catch svc 9");
    assert_true(caught(w, CATCH_SVC, 1));
    assert_false(caught(w, CATCH_SVC, 1));
    assert_string_equal(monitor(w, "catch"), "catchpoint 2: svc 9: reached 0, hit 0\n");
}

static void test_counted(void **state)
{
    struct world *w = *state;
    monitor(w, "catch after 2 svc");
    assert_false(caught(w, CATCH_SVC, 1));
    assert_false(caught(w, CATCH_SVC, 1));
    assert_true(caught(w, CATCH_SVC, 1));
    assert_true(caught(w, CATCH_SVC, 1));
    assert_string_equal(monitor(w, "catch"), "catchpoint 1: svc; after 2: reached 4, hit 4\n");
}

/* What is let pass are hits: the condition was true. */
static void test_conditional(void **state)
{
    struct world *w = *state;
    monitor(w, "catch once after 1 svc if new == 4");
    assert_false(caught(w, CATCH_SVC, 1));
    assert_false(caught(w, CATCH_SVC, 4));
    assert_false(caught(w, CATCH_SVC, 1));
    CONTAINS(monitor(w, "catch"), "reached 3, hit 1\n");
    assert_true(caught(w, CATCH_SVC, 4));
    assert_false(caught(w, CATCH_SVC, 4));
}

static void test_a_condition_that_fails_stops(void **state)
{
    struct world *w = *state;
    monitor(w, "catch svc if 1 / (new - 4)");
    assert_true(caught(w, CATCH_SVC, 4));
    CONTAINS(text_of(w->a.reply + 1), "catchpoint 1: its condition cannot be evaluated: division by zero");
}

/* ---- with time ---- */

static void test_they_stay_over_a_reset(void **state)
{
    struct world *w = *state;
    monitor(w, "catch svc");
    monitor(w, "reset");
    assert_true(caught(w, CATCH_SVC, 1));
}

static void test_they_go_with_the_debugger(void **state)
{
    struct world *w = *state;
    monitor(w, "catch svc if new");
    ask(w, "vCont;c");
    EXPECT("D", "OK");
    world_collect(w);
    assert_int_equal(w->fake->plan.ncatchpoints, 0);
    peer_again(w, &w->a);
    assert_string_equal(monitor(w, "catch"), "There are no catchpoints.\n");
    monitor(w, "catch svc if new");
    EXPECT("vKill;1", "OK");
    assert_string_equal(monitor(w, "catch"), "There are no catchpoints.\n");
}

/* A stop that came together with another one is told at the next resume, if its catchpoint is still there. */
static void test_stops_that_come_together(void **state)
{
    struct world *w = *state;
    monitor(w, "catch once svc");
    for (unsigned round = 0; round < 2; round++) {
        fake_script(w->fake, STOP_STEP);
        fake_script_also(w->fake, 1, STOP_CATCH)->catchpoint = 1;
        CONTAINS(ask(w, "vCont;c"), "thread:1;");
        CONTAINS(monitor(w, "catch"), round ? "no catchpoints" : "catchpoint 1: svc; once");
        if (round)
            break;
        CONTAINS(ask(w, "vCont;c"), "thread:2;");
        CONTAINS(monitor(w, "catch"), "no catchpoints");
    }
    assert_string_equal(ask(w, "vCont;c"), ""); /* moot: it runs */
}

static void test_non_stop(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    EXPECT("QNonStop:1", "OK");
    ask(w, "vCont;c");
    expect_made(w, "catch once svc 7", 1, "svc 7; once" STOPS);
    assert_true(fake_running(w->fake));
    fake_catch(w->fake, 1, CATCH_SVC, 7);
    CONTAINS(hear(w), "%Stop:T05");
    CONTAINS(w->a.reply, "thread:p1.2;");
    EXPECT("vStopped", "OK");
    CONTAINS(monitor(w, "catch"), "no catchpoints");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_what_can_be_caught),
        TEST(test_what_is_no_catchpoint),
        TEST(test_they_are_bounded),
        TEST(test_the_engine_is_told),
        TEST(test_a_stop_is_told),
        TEST(test_a_stop_at_a_breakpoint),
        TEST(test_once),
        TEST(test_counted),
        TEST(test_conditional),
        TEST(test_a_condition_that_fails_stops),
        TEST(test_they_stay_over_a_reset),
        TEST(test_they_go_with_the_debugger),
        TEST(test_stops_that_come_together),
        TEST(test_non_stop),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
