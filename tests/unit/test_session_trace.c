/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor trace`, and the last exits that are told when the guest crashes: on gdb's console, or in the log
 * where nobody is there to be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "session_rig.h"
#include "zgdbd/log.h"

static void record(struct world *w, enum exit_kind kind, uint64_t addr)
{
    struct exit_record r = {.kind = (uint8_t)kind, .psw = {0x180000000, addr}};

    trace_ring_put(&w->fake->trace, &r);
}

static unsigned lines_of(const char *text)
{
    unsigned n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* The text's only line is this exit's. */
static void assert_one(const char *text, const char *words)
{
    CONTAINS(text, words);
    assert_int_equal(lines_of(text), 1);
}

static void test_switch(void **state)
{
    struct world *w = *state;

    assert_one(monitor(w, "trace"), "The trace is off; 0 exits were recorded.");
    assert_one(monitor(w, "trace show"), "No such exit is recorded; `monitor trace on` begins with it.");
    assert_one(monitor(w, "trace on"), "The trace is on; 0 exits were recorded.");
    assert_true(w->fake->traces);
    record(w, EXIT_DIAG, 0x1000);
    assert_one(monitor(w, "trace off"), "The trace is off; 1 exit was recorded.");
    assert_false(w->fake->traces);
    for (unsigned i = 0; i < TRACE_RECORDS; i++)
        record(w, EXIT_KICK, i);
    assert_one(monitor(w, "trace"), "65537 exits were recorded, of which the last 65536 are kept.");
    w->fake->fail_trace = "no ink";
    assert_one(monitor(w, "trace on"), "The trace cannot be switched on: no ink");
    assert_one(monitor(w, "trace"), "The trace is off; ");
}

static void test_show(void **state)
{
    struct world *w = *state;
    const char *text;

    monitor(w, "trace on");
    for (unsigned i = 0; i < 1000; i++)
        record(w, i % 100 ? EXIT_KICK : EXIT_DIAG, 0x10000 + i);
    text = monitor(w, "trace show");
    assert_int_equal(lines_of(text), 20);
    assert_non_null(strstr(text, "00000000000103e7 kick"));
    assert_true(strstr(text, "00000000000103d4 kick") < strstr(text, "00000000000103e7 kick"));
    assert_null(strstr(text, "00000000000103d3"));
    assert_int_equal(lines_of(monitor(w, "trace show 256")), 256);
    assert_int_equal(lines_of(monitor(w, "trace show diag")), 10);
    text = monitor(w, "trace show 3 sigp,diag");
    assert_int_equal(lines_of(text), 3);
    assert_true(strstr(text, "00000000000102bc diag") < strstr(text, "0000000000010384 diag"));
    assert_one(monitor(w, "trace show 5 reset"), "No such exit is recorded.");
    assert_one(monitor(w, "trace show 257"), "1 to 256 lines can be shown");
    assert_one(monitor(w, "trace show 0"), "1 to 256 lines can be shown");
    assert_one(monitor(w, "trace show 99999999999999999999"), "1 to 256 lines can be shown");
    assert_one(monitor(w, "trace show 5x"), "5x: no exit is called so; exits are debug, ");
    assert_one(monitor(w, "trace show 5 diag frob"), "frob: no exit is called so");
    assert_one(monitor(w, "trace frob"), "usage: monitor trace [on | off | show [N] [REASON...]]");
    assert_one(monitor(w, "trace on now"), "usage: ");
}

static void test_of_a_ring_that_went_round(void **state)
{
    struct world *w = *state;
    const char *text;

    monitor(w, "trace on");
    record(w, EXIT_SIGP, 0);
    record(w, EXIT_DIAG, 1);
    for (unsigned i = 0; i < TRACE_RECORDS - 1; i++)
        record(w, EXIT_KICK, i);
    assert_one(monitor(w, "trace show sigp"), "No such exit");
    text = monitor(w, "trace show diag");
    assert_one(text, "0000000000000001 diag");
}

static void test_in_non_stop_while_it_runs(void **state)
{
    struct world *w = *state;

    EXPECT("QNonStop:1", "OK");
    EXPECT("vCont;c", "OK");
    monitor(w, "trace on");
    record(w, EXIT_SIGP, 0x4000);
    assert_one(monitor(w, "trace show"), "0000000000004000 sigp");
    assert_true(fake_running(w->fake));
}

/* ---- behind a crash ---- */

static const struct {
    enum stop_reason reason;
    bool told;
} ends[] = {
    {STOP_DISABLED_WAIT, true}, {STOP_PROGRAM_LOOP, true}, {STOP_ERROR, true},
    {STOP_SHUTDOWN, false},     {STOP_RESET, false},       {STOP_SW_BREAKPOINT, false},
};

#define ENDS (sizeof ends / sizeof *ends)

static void test_told_behind_a_crash(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * ENDS; i++) {
        struct world *w = world_open((struct policy){.on_panic = ACTION_STOP});
        bool on = i < ENDS;
        char text[16384];

        monitor(w, "trace on");
        for (unsigned n = 0; n < 30; n++)
            record(w, EXIT_SIGP, n);
        if (!on)
            monitor(w, "trace off");
        fake_script(w->fake, ends[i % ENDS].reason);
        text[0] = 0;
        ask(w, "vCont;c");
        for (char *part = strtok(w->a.reply, "|"); part; part = strtok(NULL, "|"))
            if (part[0] == 'O')
                strcat(text, text_of(part + 1));
        if (on && ends[i % ENDS].told) {
            assert_true(strstr(text, "; PSW") < strstr(text, "Last exits of the guest:\n  1970"));
            assert_int_equal(lines_of(strstr(text, "Last exits")), 1 + 12 + 1);
            CONTAINS(text, "0000000000000012 sigp");
            CONTAINS(text, "000000000000001d sigp");
            assert_null(strstr(text, "0000000000000011 sigp"));
        } else {
            assert_null(strstr(text, "Last exits"));
        }
        world_close(w);
    }
}

/* What is written to standard error while run() is. */
static void logged(struct world *w, void (*run)(struct world *w), char *text, size_t size)
{
    int error = dup(STDERR_FILENO);
    FILE *log = tmpfile();
    size_t n;

    assert_true(log && error >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
    log_set_level(LOG_WARNING);
    run(w);
    log_set_level(LOG_ERROR);
    assert_true(dup2(error, STDERR_FILENO) >= 0);
    close(error);
    rewind(log);
    n = fread(text, 1, size - 1, log);
    text[n] = 0;
    fclose(log);
}

static void crash_alone(struct world *w)
{
    struct err e;

    assert_int_equal(target_trace(w->target, true, &e), 0);
    record(w, EXIT_SIGP, 0x4000);
    record(w, EXIT_WAIT, 0x5000);
    fake_script(w->fake, STOP_DISABLED_WAIT);
    target_start(w->target);
    world_collect(w);
}

static void crash_in_non_stop(struct world *w)
{
    EXPECT("QNonStop:1", "OK");
    monitor(w, "trace on");
    record(w, EXIT_SIGP, 0x4000);
    record(w, EXIT_WAIT, 0x5000);
    EXPECT("vCont;c", "OK");
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    world_collect(w);
}

static void test_logged_where_nobody_is_told(void **state)
{
    static void (*const runs[])(struct world * w) = {crash_alone, crash_in_non_stop};
    static const enum guest_action actions[] = {ACTION_STOP, ACTION_EXIT};
    char text[8192];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct world *w = world_open((struct policy){.on_panic = actions[i % 2]});

        logged(w, runs[i / 2], text, sizeof text);
        CONTAINS(text, "0000000000004000 sigp");
        CONTAINS(text, "0000000000005000 disabled-wait: ");
        assert_true(strstr(text, "; PSW ") < strstr(text, "Last exits of the guest:\n  1970"));
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_switch),
        TEST(test_show),
        TEST(test_of_a_ring_that_went_round),
        TEST(test_in_non_stop_while_it_runs),
        cmocka_unit_test(test_told_behind_a_crash),
        cmocka_unit_test(test_logged_where_nobody_is_told),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
