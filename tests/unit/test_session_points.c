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
    assert_int_equal(w->fake->set_checks, 1);
    assert_string_equal(point(w, 'z', 1, 0x1000), "OK");
    assert_string_equal(point(w, 'Z', 1, 0x2000), "OK");
    assert_int_equal(w->fake->set_checks, 1);
    run_into(w, 0);
    assert_int_equal(w->fake->plan.nbreakpoints, FAKE_POINTS);
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

/* ---- monitor ---- */

static void test_arguments(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "psw x"), "usage: monitor psw\n");
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
        TEST(test_a_thousand),   TEST(test_the_limit),
        TEST(test_one_too_many), TEST(test_removed_places_are_forgotten),
        TEST(test_arguments),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
