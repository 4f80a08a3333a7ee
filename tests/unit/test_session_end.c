/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's own ends (panics, shutdowns, resets, errors) under each policy, with a debugger that is
 * attached, one that comes or leaves at that moment, and none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "session_rig.h"
#include "zgdbd/log.h"

enum outcome {
    STOPS,
    RESTARTS, /* by a reset of ours */
    RESUMES,  /* the engine performs the reset */
    EXITS,
};

static const struct end_case {
    enum stop_reason reason;
    enum guest_action action;
    enum outcome with, without;
    int status;
} end_cases[] = {
    {STOP_DISABLED_WAIT, ACTION_DEFAULT, STOPS, EXITS, 3},
    {STOP_DISABLED_WAIT, ACTION_STOP, STOPS, STOPS, 0},
    {STOP_DISABLED_WAIT, ACTION_RESTART, RESTARTS, RESTARTS, 0},
    {STOP_DISABLED_WAIT, ACTION_EXIT, EXITS, EXITS, 3},
    {STOP_PROGRAM_LOOP, ACTION_DEFAULT, STOPS, EXITS, 3},
    {STOP_PROGRAM_LOOP, ACTION_EXIT, EXITS, EXITS, 3},
    {STOP_SHUTDOWN, ACTION_DEFAULT, STOPS, EXITS, 0},
    {STOP_SHUTDOWN, ACTION_STOP, STOPS, STOPS, 0},
    {STOP_SHUTDOWN, ACTION_RESTART, RESTARTS, RESTARTS, 0},
    {STOP_SHUTDOWN, ACTION_EXIT, EXITS, EXITS, 0},
    {STOP_RESET, ACTION_DEFAULT, STOPS, RESUMES, 0},
    {STOP_RESET, ACTION_STOP, STOPS, STOPS, 0},
    {STOP_RESET, ACTION_RESTART, RESUMES, RESUMES, 0},
    {STOP_RESET, ACTION_EXIT, EXITS, EXITS, 0},
    {STOP_ERROR, ACTION_DEFAULT, STOPS, EXITS, 1},
    {STOP_ERROR, ACTION_EXIT, STOPS, EXITS, 1},
};

/* kexec: no end, whether somebody watches or not. */
static void test_a_reset_within_memory_does_not_exit(void **state)
{
    (void)state;
    for (int debugger = 0; debugger < 2; debugger++) {
        struct world *w = world_open((struct policy){.on_reset = ACTION_EXIT});
        int status;
        fake_script(w->fake, STOP_RESET)->reloads = false;
        if (debugger) {
            ask(w, "vCont;c");
        } else {
            target_start(w->target);
            world_collect(w);
        }
        assert_false(target_exited(w->target, &status));
        assert_true(fake_running(w->fake));
        assert_int_equal(w->fake->resets, 0);
        world_close(w);
    }
}

/* With --on-reset restart a step onto the reset ends as a step does: with a stop. */
static void test_a_step_does_not_become_a_run(void **state)
{
    struct world *w = world_open((struct policy){.on_reset = ACTION_RESTART});
    (void)state;
    fake_script(w->fake, STOP_RESET);
    assert_non_null(strstr(ask(w, "vCont;s:1"), "|T01"));
    assert_false(fake_running(w->fake));
    assert_int_equal(w->fake->resumes, 1);
    world_close(w);
}

static void check_end(const struct end_case *c, bool debugger, bool multiprocess)
{
    struct policy policy = {.on_panic = c->reason == STOP_DISABLED_WAIT || c->reason == STOP_PROGRAM_LOOP
                                            ? c->action
                                            : ACTION_DEFAULT,
                            .on_reset = c->reason == STOP_RESET ? c->action : ACTION_DEFAULT,
                            .on_shutdown = c->reason == STOP_SHUTDOWN ? c->action : ACTION_DEFAULT};
    struct world *w = world_open(policy);
    enum outcome expected = debugger ? c->with : c->without;
    int status = -1;
    const char *last = "";
    fake_script(w->fake, c->reason);
    if (multiprocess)
        ask(w, ALL_FEATURES);
    if (debugger) {
        last = ask(w, "vCont;c");
        assert_int_equal(last[0], 'O');
        last = strchr(last, '|') ? strrchr(last, '|') + 1 : "";
    } else {
        target_start(w->target);
        world_collect(w);
    }
    assert_int_equal(target_exited(w->target, &status), expected == EXITS);
    assert_int_equal(fake_running(w->fake), expected == RESTARTS || expected == RESUMES);
    assert_int_equal(w->fake->resets, expected == RESTARTS);
    assert_int_equal(w->fake->resumes, expected == RESTARTS || expected == RESUMES ? 2 : 1);
    if (expected == EXITS) {
        char words[32];
        assert_int_equal(status, c->status);
        snprintf(words, sizeof words, "W%02x%s", c->status, multiprocess ? ";process:1" : "");
        assert_string_equal(last, debugger ? words : "");
    } else if (debugger) {
        assert_int_equal(last[0] == 'T', expected == STOPS);
    }
    world_close(w);
}

static void test_ends(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof end_cases / sizeof *end_cases; i++) {
        check_end(&end_cases[i], false, false);
        check_end(&end_cases[i], true, false);
        check_end(&end_cases[i], true, true);
    }
}

static void test_end_that_cannot_restart(void **state)
{
    (void)state;
    for (int debugger = 0; debugger < 2; debugger++) {
        struct world *w = world_open((struct policy){.on_panic = ACTION_RESTART});
        int status = -1;
        w->fake->fail_reset = "no image";
        fake_script(w->fake, STOP_DISABLED_WAIT);
        if (debugger) {
            CONTAINS(ask(w, "c"), "|T06");
        } else {
            target_start(w->target);
            world_collect(w);
            assert_true(target_exited(w->target, &status));
            assert_int_equal(status, EXIT_OTHER);
        }
        world_close(w);
    }
}

/* The panic comes between a debugger's first packet and the interrupt it caused. */
static void test_end_while_attaching(void **state)
{
    (void)state;
    for (int leave = 0; leave < 2; leave++) {
        struct world *w = world_open((struct policy){.on_panic = leave ? ACTION_EXIT : ACTION_DEFAULT});
        int status = -1;
        target_start(w->target);
        fake_stop(w->fake, STOP_DISABLED_WAIT);
        assert_int_equal(session_input(w->a.session, "$?#3f", 5), 5);
        world_collect(w);
        assert_int_equal(target_exited(w->target, &status), leave);
        if (leave)
            assert_int_equal(status, EXIT_PANIC);
        else
            assert_true(starts(peer_send(w, &w->a, "", 0), "T06"));
        world_close(w);
    }
}

static void test_end_while_nobody_is_left(void **state)
{
    struct world *w = *state;
    int status = -1;
    EXPECT("c", "");
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    session_destroy(w->a.session);
    w->a.session = NULL;
    world_collect(w);
    assert_true(target_exited(w->target, &status));
    assert_int_equal(status, EXIT_PANIC);
}

/* The guest is to stop when the connection is lost: an end that would restart it does not set it going. */
static void test_end_that_restarts_while_nobody_is_left(void **state)
{
    (void)state;
    struct world *w = world_open((struct policy){.on_disconnect = DISCONNECT_STOP});
    EXPECT("c", "");
    fake_stop(w->fake, STOP_RESET);
    peer_lose(w, &w->a);
    world_collect(w);
    assert_false(fake_running(w->fake));
    peer_open(w, &w->b);
    assert_true(starts(peer_ask(w, &w->b, "?", 1), "T01"));
    world_close(w);
}

/* A debugger that does not read is not sent console lines without end. */
static void test_console_is_bounded(void **state)
{
    (void)state;
    struct world *w = world_open((struct policy){.on_reset = ACTION_RESTART});
    size_t len;
    EXPECT("c", "");
    for (int i = 0; i < 100; i++) {
        fake_stop(w->fake, STOP_RESET);
        target_collect(w->target);
    }
    session_output(w->a.session, &len);
    assert_in_range(len, 1, 4096);
    world_close(w);
}

/* An interrupt that comes when such an end has stopped the CPUs already still stops the guest: one that asks
 * for resets without end could else never be interrupted. */
static void test_interrupt_at_an_end_that_restarts(void **state)
{
    (void)state;
    for (int panic = 0; panic < 2; panic++) {
        enum stop_reason reason = panic ? STOP_DISABLED_WAIT : STOP_RESET;
        struct world *w = world_open((struct policy){.on_reset = ACTION_RESTART, .on_panic = ACTION_RESTART});
        EXPECT("c", "");
        fake_stop(w->fake, reason);
        CONTAINS(peer_send(w, &w->a, "\x03", 1), panic ? "|T06" : "|T01");
        assert_false(fake_running(w->fake));
        EXPECT("c", "");
        fake_stop(w->fake, reason);
        world_collect(w);
        assert_true(fake_running(w->fake));
        world_close(w);
    }
}

/* Messages, and reports of which each is one block. */
static unsigned events_in(FILE *f)
{
    unsigned events = 0;
    char line[2048];
    rewind(f);
    while (fgets(line, sizeof line, f))
        events += strncmp(line, "zgdbd", 5) == 0;
    return events;
}

/* A guest that comes to an end as soon as it is restarted does not fill the log, and its last end is in it.
 */
static void test_log_is_bounded(void **state)
{
    (void)state;
    struct world *w = world_open((struct policy){.on_panic = ACTION_RESTART, .on_shutdown = ACTION_EXIT});
    FILE *log = tmpfile();
    int error = dup(STDERR_FILENO), status = -1;
    time_t begin = time(NULL);
    assert_true(log && error >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
    log_set_level(LOG_INFO);
    target_start(w->target);
    for (int i = 0; i < 1000; i++) {
        fake_stop(w->fake, i % 2 ? STOP_DISABLED_WAIT : STOP_RESET);
        world_collect(w);
    }
    fake_stop(w->fake, STOP_SHUTDOWN);
    world_collect(w);
    log_set_level(LOG_ERROR);
    assert_true(dup2(error, STDERR_FILENO) >= 0);
    close(error);
    assert_true(target_exited(w->target, &status));
    /* The first panic, its report, reset and shutdown; in each second begun two ends, a report, and how many
     * came before each. */
    assert_in_range(events_in(log), 4, 5 * (time(NULL) - begin + 2) + 1);
    fclose(log);
    world_close(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_does_not_become_a_run),
        cmocka_unit_test(test_a_reset_within_memory_does_not_exit),
        cmocka_unit_test(test_interrupt_at_an_end_that_restarts),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_end_that_cannot_restart),
        cmocka_unit_test(test_end_while_attaching),
        TEST(test_end_while_nobody_is_left),
        cmocka_unit_test(test_end_that_restarts_while_nobody_is_left),
        cmocka_unit_test(test_console_is_bounded),
        cmocka_unit_test(test_log_is_bounded),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
