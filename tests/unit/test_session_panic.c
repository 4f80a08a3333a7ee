/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report on a guest's end on its way: to a debugger, into the log, by `monitor panic`; and into the file
 * that --on-panic wants written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "panic_rig.h"
#include "zgdbd/console.h"
#include "zgdbd/log.h"

/* ---- the report is told ---- */

static void told_to_the_debugger(void **state)
{
    struct world *w = *state;
    const char *text;

    log_begin();
    fake_script(w->fake, STOP_DISABLED_WAIT);
    text = said(w, "vCont;c");
    check_block(text);
    assert_true(strstr(text, "zgdbd: CPU 0: disabled wait of the fake; PSW ") < strstr(text, FIRST));
    assert_string_equal(strstr(text, LAST), LAST); /* the last of all text, and then the stop */
    CONTAINS(w->a.reply, "|T06");
    check_block(log_end());
}

static void told_once_where_the_debugger_has_the_log(void **state)
{
    struct world *w = world_open((struct policy){.log_is_debuggers = true});

    (void)state;
    log_begin();
    fake_script(w->fake, STOP_DISABLED_WAIT);
    check_block(said(w, "vCont;c"));
    assert_string_equal(log_end(), "");
    world_close(w);
}

/* What breakpoints have printed fills all that a debugger can be told before it reads. */
static void told_where_it_is_if_there_is_no_room(void **state)
{
    static uint8_t flood[CONSOLE_RING_BYTES];
    static const char words[] = "zgdbd: the report does not fit here now; `monitor panic` shows it\n";
    char hex[2 * sizeof words];
    struct world *w = *state;

    for (size_t i = 0; i < sizeof words - 1; i++)
        sprintf(hex + 2 * i, "%02x", (unsigned char)words[i]);
    memset(flood, 'x', sizeof flood);
    EXPECT("c", "");
    console_write(w->fake->plan.printed, flood, sizeof flood);
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    CONTAINS(hear(w), hex);
    CONTAINS(w->a.reply, "|T06");
    check_block(monitor(w, "panic"));
}

static void not_told_of_other_stops(void **state)
{
    static const enum stop_reason reasons[] = {STOP_SHUTDOWN, STOP_RESET, STOP_SW_BREAKPOINT, STOP_INTERRUPT,
                                               STOP_HALTED};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        fake_script(w->fake, reasons[i]);
        assert_null(strstr(said(w, "vCont;c"), "zgdbd report"));
    }
}

static void told_of_each_crash(void **state)
{
    static const struct {
        enum stop_reason reason;
        const char *text;
    } cases[] = {{STOP_PROGRAM_LOOP, "zgdbd report: program-interruption loop, CPU 0\n"},
                 {STOP_ERROR, "zgdbd report: cannot be run, CPU 0\n"},
                 {STOP_PANIC, "zgdbd report: panic() called, CPU 0\n"}};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_script(w->fake, cases[i].reason);
        CONTAINS(said(w, "vCont;c"), cases[i].text);
    }
}

static void logged_in_non_stop(void **state)
{
    struct world *w = *state;

    EXPECT("QNonStop:1", "OK");
    log_begin();
    EXPECT("vCont;c", "OK");
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    assert_null(strstr(hear(w), "|O"));
    check_block(log_end());
}

static void a_panic_logged_in_non_stop(void **state)
{
    struct world *w = *state;

    EXPECT("QNonStop:1", "OK");
    log_begin();
    EXPECT("vCont;c", "OK");
    fake_stop(w->fake, STOP_PANIC);
    CONTAINS(hear(w), "%Stop:T06");
    CONTAINS(log_end(), "zgdbd report: panic() called, CPU 0\n");
}

static void monitor_panic(void **state)
{
    struct world *w = *state;
    const char *text;

    CONTAINS(monitor(w, "panic"), "zgdbd report: runs"); /* never run */
    fake_script(w->fake, STOP_DISABLED_WAIT);
    ask(w, "vCont;c");
    text = monitor(w, "panic");
    check_block(text);
    CONTAINS(text, "\nran          for 0.");
    CONTAINS(text, "\nCPU 1: ");
    CONTAINS(monitor(w, "panic 1"), ", CPU 1\n");
    CONTAINS(monitor(w, "panic 2"), "There is no CPU \"2\"");
    CONTAINS(monitor(w, "help panic"), "usage: monitor panic [N]");
}

/* Stops do not count, another guest begins anew. */
static void time_of_running(void **state)
{
    struct world *w = *state;
    struct timespec begin, now;

    EXPECT("c", "");
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < 2000000);
    fake_stop(w->fake, STOP_SW_BREAKPOINT);
    hear(w);
    CONTAINS(monitor(w, "panic"), "\nran          for ");
    assert_null(strstr(monitor(w, "panic"), "\nran          for 0.000 s"));
    CONTAINS(monitor(w, "reset"), "");
    CONTAINS(monitor(w, "panic"), "\nran          for 0.000 s");
}

/* ---- a report is written ---- */

static void written_alone(void **state)
{
    static const enum guest_action actions[] = {ACTION_DEFAULT, ACTION_EXIT, ACTION_STOP};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct policy policy = writes(PANIC_REPORT);
        mode_t mask = umask(027);
        struct stat st;
        struct world *w;
        int status = -1;

        made_dir();
        policy.on_panic = actions[i];
        w = world_open(policy);
        fake_script(w->fake, STOP_DISABLED_WAIT);
        target_start(w->target);
        world_collect(w);
        assert_int_equal(target_exited(w->target, &status), i < 2);
        if (i < 2)
            assert_int_equal(status, EXIT_PANIC);
        check_block(file_text());
        assert_int_equal(strncmp(file_text(), FIRST, strlen(FIRST)), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        umask(mask);
        world_close(w);
        unmade_dir();
    }
}

static void written_with_a_debugger(void **state)
{
    static const enum stop_reason reasons[] = {STOP_DISABLED_WAIT, STOP_PROGRAM_LOOP, STOP_ERROR};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct world *w;

        made_dir();
        w = world_open(writes(PANIC_REPORT));
        if (i >= 3)
            EXPECT("QNonStop:1", "OK");
        ask(w, "vCont;c");
        fake_stop(w->fake, reasons[i % 3]);
        CONTAINS(hear(w), i >= 3 ? "%Stop:T0" : "|T0");
        CONTAINS(file_text(), "zgdbd report: ");
        world_close(w);
        unmade_dir();
    }
}

static void not_written_for_other_ends(void **state)
{
    static const enum stop_reason reasons[] = {STOP_SHUTDOWN, STOP_RESET, STOP_PANIC, STOP_SW_BREAKPOINT};

    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct world *w;

        made_dir();
        w = world_open(writes(PANIC_REPORT));
        fake_script(w->fake, reasons[i]);
        ask(w, "vCont;c");
        assert_false(file_is_there());
        world_close(w);
        unmade_dir();
    }
}

static void takes_the_place_of_another(void **state)
{
    struct world *w;
    FILE *old;
    char byte;

    (void)state;
    made_dir();
    assert_non_null(old = fopen(path, "w+"));
    fputc('x', old);
    fflush(old);
    w = world_open(writes(PANIC_REPORT));
    fake_script(w->fake, STOP_DISABLED_WAIT);
    ask(w, "vCont;c");
    check_block(file_text());
    rewind(old); /* whoever has the old one open has it whole */
    assert_int_equal(fread(&byte, 1, 1, old), 1);
    assert_int_equal(byte, 'x');
    fclose(old);
    world_close(w);
    unmade_dir();
}

/* Told, and nothing else is different. */
static void cannot_be_written(void **state)
{
    static const char *const paths[] = {"/nonexistent/report", "/dev/full", "/dev/null/report"};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct policy policy = {.npanic_files = 1,
                                .panic_files = {{i < 3 ? PANIC_REPORT : PANIC_DUMP, paths[i % 3]}}};
        struct world *w = world_open(policy);
        const char *log;
        int status = -1;

        log_begin();
        fake_script(w->fake, STOP_DISABLED_WAIT);
        target_start(w->target);
        world_collect(w);
        log = log_end();
        CONTAINS(log, i < 3 ? "the report cannot be written to" : "there is no dump: ");
        CONTAINS(log, paths[i % 3]);
        assert_true(target_exited(w->target, &status));
        assert_int_equal(status, EXIT_PANIC);
        world_close(w);
    }
}

/* A guest that dies as soon as it is restarted: one report a second, in the log and in the file. */
static void restarts_do_not_flood(void **state)
{
    struct policy policy = writes(PANIC_REPORT);
    time_t begin = time(NULL);
    struct world *w;
    unsigned reports;

    (void)state;
    made_dir();
    policy.on_panic = ACTION_RESTART;
    w = world_open(policy);
    log_begin();
    target_start(w->target);
    for (int i = 0; i < 500; i++) {
        unlink(path);
        fake_stop(w->fake, STOP_DISABLED_WAIT);
        world_collect(w);
        assert_true(fake_running(w->fake));
    }
    reports = count(log_end(), FIRST);
    assert_in_range(reports, 1, time(NULL) - begin + 2);
    world_close(w);
    unmade_dir();
}

static void restarts_do_not_flood_a_debugger(void **state)
{
    struct world *w = world_open((struct policy){.on_panic = ACTION_RESTART});
    size_t len;

    (void)state;
    EXPECT("c", "");
    for (int i = 0; i < 500; i++) {
        fake_stop(w->fake, STOP_DISABLED_WAIT);
        world_collect(w);
        assert_true(fake_running(w->fake));
    }
    session_output(w->a.session, &len);
    assert_in_range(len, 1, 0x10000);
    world_close(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(told_to_the_debugger),
        cmocka_unit_test(told_once_where_the_debugger_has_the_log),
        TEST(told_where_it_is_if_there_is_no_room),
        TEST(not_told_of_other_stops),
        TEST(told_of_each_crash),
        TEST(logged_in_non_stop),
        TEST(a_panic_logged_in_non_stop),
        TEST(monitor_panic),
        TEST(time_of_running),
        cmocka_unit_test(written_alone),
        cmocka_unit_test(written_with_a_debugger),
        cmocka_unit_test(not_written_for_other_ends),
        cmocka_unit_test(takes_the_place_of_another),
        cmocka_unit_test(cannot_be_written),
        cmocka_unit_test(restarts_do_not_flood),
        cmocka_unit_test(restarts_do_not_flood_a_debugger),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
