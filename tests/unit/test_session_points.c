/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The breakpoint registry through packets: many breakpoints, conditions and commands, what becomes of them
 * when gdb takes them out and puts them in again and when it goes, and the monitor commands that show them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "session_rig.h"
#include "zgdbd/log.h"

static const char *point(struct world *w, char how, unsigned kind, unsigned addr)
{
    char packet[64];
    snprintf(packet, sizeof packet, "%c%u,%x,2", how, kind, addr);
    return ask(w, packet);
}

/* The guest runs, is hit at a software breakpoint once, and is stopped if that did not stop it. */
static void run_into(struct world *w, uint64_t addr)
{
    ask(w, "vCont;c");
    fake_hit(w->fake, BP_SOFTWARE, addr, 0, 0);
    if (fake_running(w->fake))
        peer_send(w, &w->a, "\x03", 1);
    else
        peer_send(w, &w->a, "", 0);
}

/* ---- many ---- */

/* As gdb does: all in, run, all out, again and again. Each costs the engine one small check. */
static void test_a_thousand(void **state)
{
    struct world *w = *state;
    w->fake->fits = 1024;
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < 1024; i++)
            assert_string_equal(point(w, 'Z', 0, 0x1000 + 16 * i), "OK");
        assert_int_equal(w->fake->checks, 1024 * round);
        run_into(w, 0x1000);
        assert_int_equal(w->fake->plan.nbreakpoints, 1024);
        for (unsigned i = 0; i < 1024; i++)
            assert_string_equal(point(w, 'z', 0, 0x1000 + 16 * i), "OK");
    }
    assert_int_equal(w->fake->set_checks, 0);
    run_into(w, 0x1000);
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
}

static void test_the_limit(void **state)
{
    struct world *w = *state;
    w->fake->fits = 5000;
    for (unsigned i = 0; i < 1024; i++)
        assert_string_equal(point(w, 'Z', 0, 0x1000 + 16 * i), "OK");
    CONTAINS(point(w, 'Z', 0, 0x100), "limit of 1024 breakpoints");
    assert_string_equal(point(w, 'Z', 0, 0x1000), "OK"); /* it is there */
    assert_string_equal(point(w, 'z', 0, 0x1010), "OK");
    assert_string_equal(point(w, 'Z', 0, 0x100), "OK");
}

/* The whole set is asked about before one more is refused. */
static void test_one_too_many(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < FAKE_POINTS; i++)
        assert_string_equal(point(w, 'Z', 1, 0x1000 + 16 * i), "OK");
    CONTAINS(point(w, 'Z', 1, 0x2000), "only 4 breakpoints fit");
    assert_null(strstr(monitor(w, "breakpoints"), "0x2000"));
    assert_int_equal(w->fake->set_checks, 1);
    assert_string_equal(point(w, 'z', 1, 0x1000), "OK");
    assert_string_equal(point(w, 'Z', 1, 0x2000), "OK");
    assert_int_equal(w->fake->set_checks, 1);
    run_into(w, 0);
    assert_int_equal(w->fake->plan.nbreakpoints, FAKE_POINTS);
}

static void test_in_any_order(void **state)
{
    struct world *w = *state;
    struct fake_machine *f = w->fake;
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(point(w, 'Z', 0, 0x1000 + 16 * i), "OK");
    assert_string_equal(point(w, 'z', 0, 0x1000), "OK");
    assert_string_equal(point(w, 'z', 0, 0x1030), "OK");
    assert_string_equal(point(w, 'Z', 0, 0x1000), "OK");
    assert_string_equal(point(w, 'z', 0, 0x1010), "OK");
    run_into(w, 0);
    assert_int_equal(f->plan.nbreakpoints, 2);
    assert_int_equal(f->points[0].addr ^ f->points[1].addr, 0x1000 ^ 0x1020);
    assert_true(f->points[0].addr == 0x1000 || f->points[1].addr == 0x1000);
}

/* More places than are remembered: the newest are still known, and nothing else happens. */
static void test_removed_places_are_forgotten(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 5000; i++) {
        assert_string_equal(point(w, 'Z', 0, 2 * i), "OK");
        assert_string_equal(point(w, 'z', 0, 2 * i), "OK");
    }
    run_into(w, 0);
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
}

/* ---- conditions and commands ---- */

/* Bytecode: const8 N, end; const8 1, const8 0, div_unsigned, end; a printf of "hi", end. */
#define FALSE_X "X3,220027"
#define TRUE_X "X3,220127"
#define DIVIDES_X "X6,220122000627"
#define PRINTS_X "Xc,220022003400000368690027"
#define AT "Z0,1000,2;"

static void test_a_false_condition_does_not_stop(void **state)
{
    struct world *w = *state;
    EXPECT(AT FALSE_X, "OK");
    ask(w, "vCont;c");
    for (unsigned i = 0; i < 1000; i++)
        fake_hit(w->fake, BP_SOFTWARE, 0x1000, 0, 0);
    assert_true(fake_running(w->fake));
    peer_send(w, &w->a, "\x03", 1);
    CONTAINS(monitor(w, "breakpoints"), "software breakpoint at 0x1000: reached 1000, hit 0, 1 condition\n");
    EXPECT(AT TRUE_X, "OK"); /* in place of the other */
    ask(w, "vCont;c");
    fake_hit(w->fake, BP_SOFTWARE, 0x1000, 0, 0);
    assert_false(fake_running(w->fake));
    assert_true(starts(peer_send(w, &w->a, "", 0), "T05"));
    CONTAINS(monitor(w, "breakpoints"), "reached 1001, hit 1, 1 condition\n");
    CONTAINS(monitor(w, "breakpoints reset"), "zero");
    CONTAINS(monitor(w, "breakpoints"), "reached 0, hit 0, 1 condition\n");
    EXPECT(AT FALSE_X TRUE_X, "OK"); /* one of two is enough */
    run_into(w, 0x1000);
    CONTAINS(monitor(w, "breakpoints"), "reached 1, hit 1, 2 conditions\n");
    EXPECT("Z0,1000,2", "OK"); /* none is left */
    run_into(w, 0x1000);
    CONTAINS(monitor(w, "breakpoints"), "reached 2, hit 2\n");
}

/* gdb takes all out at each stop and sets the same again to go on. */
static void test_taken_out_and_set_again(void **state)
{
    struct world *w = *state;
    for (unsigned round = 1; round <= 3; round++) {
        EXPECT(AT FALSE_X ";cmds:0," PRINTS_X, "OK");
        EXPECT("Z1,2000,2", "OK");
        run_into(w, 0x1000);
        EXPECT("z0,1000,2", "OK");
        EXPECT("z0,1000,2", "OK");
        EXPECT("z1,2000,2", "OK");
    }
    CONTAINS(monitor(w, "breakpoints"),
             "software breakpoint at 0x1000: reached 3, hit 0, 1 condition, 1 command (not set now)\n"
             "hardware breakpoint at 0x2000: reached 0, hit 0 (not set now)\nNot set now: gdb takes");
    run_into(w, 0);
    CONTAINS(monitor(w, "breakpoints"), "at 0x1000: reached 3");
    assert_null(strstr(monitor(w, "breakpoints"), "0x2000")); /* it has nothing to tell any more */
    EXPECT(AT TRUE_X, "OK");
    run_into(w, 0x1000);
    CONTAINS(monitor(w, "breakpoints"), "at 0x1000: reached 4, hit 1, 1 condition\n");
}

static void test_bad_code_is_refused(void **state)
{
    struct world *w = *state;
    EXPECT(AT FALSE_X, "OK");
    STARTS(AT "X1,ff", "E..a condition of the breakpoint at 0x1000 cannot be taken: ");
    STARTS(AT TRUE_X ";cmds:0,X1,ff", "E..a command of the breakpoint at 0x1000 cannot be taken: ");
    STARTS("Z0,3000,2;X1,ff", "E..a condition");
    ask(w, ALL_FEATURES);
    STARTS(AT "X1,ff", "E.a condition");
    ask(w, "vCont;c");
    fake_hit(w->fake, BP_SOFTWARE, 0x1000, 0, 0); /* as before */
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->plan.nbreakpoints, 1);
}

static void test_what_cannot_be_evaluated_stops(void **state)
{
    struct world *w = *state;
    EXPECT(AT DIVIDES_X, "OK");
    ask(w, "vCont;c");
    fake_hit(w->fake, BP_SOFTWARE, 0x1000, 0, 0);
    assert_false(fake_running(w->fake));
    CONTAINS(peer_send(w, &w->a, "", 0), "T05");
}

/* Code of a client that never ends: what is not in force makes room, what is in force is kept. */
static void test_code_is_bounded(void **state)
{
    struct world *w = *state;
    static char packet[0x10000];
    size_t refused = 0;
    w->fake->fits = 1024;
    for (unsigned i = 0; i < 400; i++) {
        int n = snprintf(packet, sizeof packet, "Z0,%x,2;", 0x1000 + 2 * i);
        for (unsigned x = 0; x < 7; x++) {
            n += snprintf(packet + n, sizeof packet - (size_t)n, "X7d1,");
            for (unsigned k = 0; k < 1000; k++)
                n += snprintf(packet + n, sizeof packet - (size_t)n, k ? "2802" : "2201");
            n += snprintf(packet + n, sizeof packet - (size_t)n, "27");
        }
        const char *reply = ask(w, packet);
        refused += strstr(reply, "exceed 4194304 bytes") != NULL;
        assert_true(refused || strcmp(reply, "OK") == 0);
    }
    assert_in_range(refused, 1, 399);
    assert_string_equal(point(w, 'z', 0, 0x1000), "OK");
    packet[3] = '9'; /* another place */
    EXPECT(packet, "OK");
}

/* ---- without a debugger ---- */

static void test_persistent_commands_stay(void **state)
{
    struct world *w = *state;
    struct fake_machine *f = w->fake;
    EXPECT("Z0,1000,2;cmds:1," PRINTS_X, "OK");
    EXPECT("Z0,2000,2;cmds:0," PRINTS_X, "OK");
    EXPECT("Z0,3000,2", "OK");
    EXPECT("D", "OK");
    world_collect(w);
    assert_int_equal(f->plan.nbreakpoints, 1);
    assert_int_equal(f->points[0].addr, 0x1000);
    fake_hit(f, BP_SOFTWARE, 0x1000, 0, 0);
    assert_true(fake_running(f));
    peer_again(w, &w->a);
    CONTAINS(monitor(w, "breakpoints"),
             "at 0x1000: reached 1, hit 1, 1 command, left behind by a debugger that "
             "has gone\n");
    EXPECT("z0,2000,2", "OK");
    EXPECT("vCont;c", ""); /* still there, for the new debugger, too */
    assert_int_equal(f->plan.nbreakpoints, 1);
    peer_again(w, &w->a); /* its connection is lost */
    assert_true(fake_running(f));
    assert_int_equal(f->plan.nbreakpoints, 1);
    STARTS("?", "T02");
    EXPECT("Z0,1000,2", "OK"); /* now it is this one's, and an ordinary one */
    CONTAINS(monitor(w, "breakpoints"), "at 0x1000: reached 1, hit 1\n");
    EXPECT("D", "OK");
    world_collect(w);
    assert_int_equal(f->plan.nbreakpoints, 0);
}

/* Nobody is there who could take out what stops the guest again and again. */
static void test_a_persistent_command_that_fails(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,1000,2;cmds:1," DIVIDES_X, "OK");
    EXPECT("Z0,2000,2;cmds:1," PRINTS_X, "OK");
    EXPECT("D", "OK");
    assert_int_equal(w->fake->plan.nbreakpoints, 2);
    fake_hit(w->fake, BP_SOFTWARE, 0x1000, 0, 0);
    world_collect(w);
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->plan.nbreakpoints, 1);
    assert_int_equal(w->fake->points[0].addr, 0x2000);
}

static void test_a_kill_leaves_nothing(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,1000,2;cmds:1," PRINTS_X, "OK");
    EXPECT("vKill;1", "OK");
    CONTAINS(monitor(w, "breakpoints"), "There are no breakpoints");
}

/* ---- watch-if ---- */

static void change(struct world *w, uint64_t old_value, uint64_t new_value)
{
    if (!fake_running(w->fake))
        ask(w, "vCont;c");
    fake_hit(w->fake, BP_WRITE, 0x2000, old_value, new_value);
    peer_send(w, &w->a, "", 0);
}

static void test_watch_if(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "watch-if"), "There are no conditions");
    CONTAINS(monitor(w, "watch-if 0x2004 new > old + 1"),
             "only if new > old + 1 (none is set now; gdb sets its own when it goes on)\n");
    EXPECT("Z2,2000,8", "OK");
    EXPECT("Z2,3000,8", "OK");
    change(w, 5, 6);
    assert_true(fake_running(w->fake));
    change(w, 5, 7);
    assert_false(fake_running(w->fake));
    EXPECT("z2,2000,8", "OK");
    EXPECT("Z2,2000,8", "OK"); /* as gdb does */
    change(w, 5, 6);
    assert_true(fake_running(w->fake));
    peer_send(w, &w->a, "\x03", 1);
    CONTAINS(monitor(w, "breakpoints"), "write watchpoint at 0x2000, 8 bytes: reached 3, hit 1, 1 condition\n"
                                        "write watchpoint at 0x3000, 8 bytes: reached 0, hit 0\n");
    assert_string_equal(monitor(w, "watch-if 8196 new == 9"),
                        "Watchpoints that cover 0x2004 stop only if new == 9\n");
    assert_string_equal(monitor(w, "watch-if"), "0x2004: new == 9\n");
    change(w, 5, 7);
    assert_true(fake_running(w->fake));
    change(w, 5, 9);
    assert_false(fake_running(w->fake));
    CONTAINS(monitor(w, "watch-if 0x2004"), "stop at every change again");
    change(w, 5, 6);
    assert_false(fake_running(w->fake));
    CONTAINS(monitor(w, "watch-if 0x2004"), "no condition for 0x2004");
}

static void test_watch_if_is_refused(void **state)
{
    struct world *w = *state;
    static const char *const wrong[] = {"watch-if x", "watch-if 0x", "watch-if 20z", "watch-if 0x2000new",
                                        "watch-if 0x10000000000000000 new"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CONTAINS(monitor(w, wrong[i]), "Nothing is changed: ADDRESS must be a number");
    CONTAINS(monitor(w, "watch-if 0x2000 new >"), "Nothing is changed: ");
    CONTAINS(monitor(w, "watch-if"), "There are no conditions");
    for (unsigned i = 0; i < 64; i++) {
        char line[40];
        snprintf(line, sizeof line, "watch-if %u new", i);
        CONTAINS(monitor(w, line), "stop only if new");
    }
    CONTAINS(monitor(w, "watch-if 64 new"), "64 conditions already");
    CONTAINS(monitor(w, "watch-if 63 old"), "stop only if old");
    EXPECT("D", "OK");
    world_collect(w);
    peer_again(w, &w->a);
    CONTAINS(monitor(w, "watch-if"), "There are no conditions");
}

/* Conditions of the user's count among all code: no watchpoints, set or taken out, make it more. */
static void test_watch_if_is_bounded(void **state)
{
    struct world *w = *state;
    static char text[1000];
    char line[1100], packet[40];
    unsigned refused = 0;
    for (unsigned at = 0; at < sizeof text; at += 4)
        memcpy(text + at, "new+", 4);
    text[sizeof text - 1] = 0;
    for (unsigned i = 0; i < 64; i++) {
        snprintf(line, sizeof line, "watch-if %u %s", 0x2000 + i, text);
        CONTAINS(monitor(w, line), "stop only if new+");
    }
    for (unsigned i = 0; i < 80; i++) {
        snprintf(packet, sizeof packet, "Z2,2000,%x", 64 + i);
        EXPECT(packet, "OK");
        packet[0] = 'z';
        EXPECT(packet, "OK");
    }
    w->fake->fits = 1000;
    for (unsigned i = 0; i < 80; i++) {
        snprintf(packet, sizeof packet, "Z2,2000,%x", 64 + i);
        refused += starts(ask(w, packet), "E.");
    }
    CONTAINS(w->a.reply, "exceed 4194304 bytes; delete some");
    assert_in_range(refused, 80 - 66, 80 - 60);
    snprintf(line, sizeof line, "watch-if 0x2000 %s", text);
    CONTAINS(monitor(w, line), "Nothing is changed: the conditions and commands of all");
    /* Those that are there are still in force. */
    ask(w, "vCont;c");
    fake_hit(w->fake, BP_WRITE, 0x2000, 0, 0);
    assert_true(fake_running(w->fake));
    peer_send(w, &w->a, "\x03", 1);
    snprintf(line, sizeof line, "watch-if 0x2000 %s+%.50s", text, text);
    CONTAINS(monitor(w, line), "Nothing is changed: the expression is longer than 1024 characters");
}

/* ---- monitor ---- */

static void test_arguments(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "cpus x"), "usage: monitor cpus\n");
    CONTAINS(monitor(w, "breakpoints please"), "usage: monitor breakpoints [reset]\n");
    CONTAINS(monitor(w, "breakpoints reset now"), "usage: monitor breakpoints [reset]\n");
    CONTAINS(monitor(w, "help breakpoints"), "usage: monitor breakpoints [reset]\n");
    CONTAINS(monitor(w, "help watch-if"), "EXPRESSION");
    CONTAINS(monitor(w, "help nonsense"), "\"nonsense\"");
    CONTAINS(monitor(w, "help quit"), "end the daemon");
    CONTAINS(monitor(w, "  br\treset \n"), "are zero");
    CONTAINS(monitor(w, "cp"), "* CPU 0: operating");
    assert_string_equal(monitor(w, "re"), "\"re\" may be regs, reset, restart.\n");
    assert_string_equal(monitor(w, "h re"), "\"re\" may be regs, reset, restart.\n");
    CONTAINS(monitor(w, "cpusx"), "\"cpusx\"");
    CONTAINS(monitor(w, ""), "breakpoints");
    assert_int_equal(w->fake->resets, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_thousand),
        TEST(test_the_limit),
        TEST(test_one_too_many),
        TEST(test_in_any_order),
        TEST(test_removed_places_are_forgotten),
        TEST(test_a_false_condition_does_not_stop),
        TEST(test_taken_out_and_set_again),
        TEST(test_bad_code_is_refused),
        TEST(test_what_cannot_be_evaluated_stops),
        TEST(test_code_is_bounded),
        TEST(test_persistent_commands_stay),
        TEST(test_a_persistent_command_that_fails),
        TEST(test_a_kill_leaves_nothing),
        TEST(test_watch_if),
        TEST(test_watch_if_is_refused),
        TEST(test_watch_if_is_bounded),
        TEST(test_arguments),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
