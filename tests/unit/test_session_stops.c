/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All-stop: CPUs that stop together, what breakpoints print on its way to the console or the log, and a
 * debugger that asks for a packet again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session_rig.h"
#include "zgdbd/console.h"
#include "zgdbd/log.h"

/* Both CPUs come to the breakpoint at once; CPU 1's stop is told first. */
static void stop_together(struct world *w, enum stop_reason second)
{
    EXPECT("Z0,100040,2", "OK");
    fake_script(w->fake, STOP_SW_BREAKPOINT)->cpu = 1;
    fake_script_also(w->fake, 0, second);
    STARTS("vCont;c", "T05");
    CONTAINS(w->a.reply, "thread:2;");
    assert_int_equal(w->fake->resumes, 1);
}

static void test_the_second_stop_is_told_later(void **state)
{
    struct world *w = *state;
    stop_together(w, STOP_SW_BREAKPOINT);
    CONTAINS(ask(w, "?"), "thread:2;");
    assert_string_equal(text_of(ask(w, "qThreadExtraInfo,1")),
                        "CPU 0, operating; breakpoint of the fake; PSW 0000000000000000 0101010101010101");
    /* As gdb steps off its breakpoint: with that taken out, and the other CPU held. */
    EXPECT("z0,100040,2", "OK");
    fake_script(w->fake, STOP_STEP)->cpu = 1;
    STARTS("vCont;s:2", "T05");
    EXPECT("Z0,100040,2", "OK");
    assert_int_equal(w->fake->resumes, 2);
    STARTS("vCont;c", "T05");
    CONTAINS(w->a.reply, "thread:1;");
    assert_int_equal(w->fake->resumes, 2);
    EXPECT("vCont;c", "");
    assert_int_equal(w->fake->resumes, 3);
}

static void test_moot_stops(void **state)
{
    static const struct {
        enum stop_reason second;
        const char *packet, *reply;
        bool told;
    } cases[] = {
        {STOP_SW_BREAKPOINT, "qC", "QC2", true},
        {STOP_SW_BREAKPOINT, "z0,100040,2", "OK", false},
        {STOP_SW_BREAKPOINT, "P1=0000000000004000", "OK", true}, /* of the CPU that was told */
        {STOP_HW_BREAKPOINT, "qC", "QC2", false},                /* there is none */
        {STOP_HW_BREAKPOINT, "Z1,100040,2", "OK", true},
        {STOP_WATCH, "Z2,100040,4", "OK", true},
        {STOP_WATCH, "Z2,100048,4", "OK", false},
        {STOP_STEP, "qC", "QC2", false},
        {STOP_INTERRUPT, "qC", "QC2", false},
        {STOP_DISABLED_WAIT, "qC", "QC2", true},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_open((struct policy){0});
        stop_together(w, cases[i].second);
        EXPECT(cases[i].packet, cases[i].reply);
        ask(w, "vCont;c");
        assert_int_equal(w->fake->resumes, cases[i].told ? 1 : 2);
        assert_int_equal(fake_running(w->fake), !cases[i].told);
        world_close(w);
    }
}

static void test_moot_when_the_debugger_moves_the_cpu(void **state)
{
    struct world *w = *state;
    stop_together(w, STOP_SW_BREAKPOINT);
    EXPECT("Hg1", "OK");
    EXPECT("P1=0000000000004000", "OK");
    EXPECT("vCont;c", "");
    assert_true(fake_running(w->fake));
}

/* The guest's end is told whoever is to move, and done as the user wants it. */
static void test_an_end_that_came_second(void **state)
{
    (void)state;
    for (int exits = 0; exits < 2; exits++) {
        struct world *w = world_open((struct policy){.on_panic = exits ? ACTION_EXIT : ACTION_DEFAULT});
        int status;
        stop_together(w, STOP_DISABLED_WAIT);
        ask(w, "vCont;s:2");
        assert_int_equal(w->a.reply[0], 'O');
        CONTAINS(w->a.reply, exits ? "|W03" : "|T06");
        assert_int_equal(target_exited(w->target, &status), exits);
        assert_int_equal(w->fake->resumes, 1);
        world_close(w);
    }
}

static void test_an_end_that_nobody_has_heard_of(void **state)
{
    struct world *w = *state;
    int status = -1;
    stop_together(w, STOP_DISABLED_WAIT);
    EXPECT("D", "OK");
    assert_true(target_exited(w->target, &status));
    assert_int_equal(status, EXIT_PANIC);
}

/* With nobody attached the end is what counts. */
static void test_an_end_among_others(void **state)
{
    struct world *w = *state;
    int status = -1;
    target_start(w->target);
    fake_stop(w->fake, STOP_INTERRUPT);
    world_collect(w);
    assert_true(fake_running(w->fake));
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    fake_script_also(w->fake, 1, STOP_SHUTDOWN);
    fake_stop(w->fake, STOP_INTERRUPT);
    world_collect(w);
    assert_true(target_exited(w->target, &status));
    assert_int_equal(status, EXIT_SHUTDOWN);
}

static void test_a_kept_stop_in_non_stop(void **state)
{
    struct world *w = *state;
    stop_together(w, STOP_SW_BREAKPOINT);
    CONTAINS(ask(w, "QNonStop:1"), "OK|%Stop:T05");
    CONTAINS(w->a.reply, "thread:1;");
    EXPECT("vStopped", "OK");
}

/* The same while another CPU runs. */
static void test_a_kept_stop_in_non_stop_while_running(void **state)
{
    struct world *w = *state;
    stop_together(w, STOP_SW_BREAKPOINT);
    EXPECT("vCont;c:2", "");
    CONTAINS(ask(w, "QNonStop:1"), "OK|%Stop:T05");
    CONTAINS(w->a.reply, "thread:1;");
    EXPECT("vStopped", "OK");
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->plan.action[0].verb, CPU_HOLD);
}

/* ---- text ---- */

static void print(struct world *w, const char *text)
{
    console_write(w->fake->plan.printed, (const uint8_t *)text, strlen(text));
}

static void test_stop_with_news(void **state)
{
    struct world *w = *state;
    struct stop *stop = fake_script(w->fake, STOP_SW_BREAKPOINT);
    stop->tell = true;
    strcpy(stop->text, "the condition cannot be evaluated: division by zero");
    ask(w, "vCont;c");
    CONTAINS(text_of(w->a.reply + 1),
             "zgdbd: CPU 0: the condition cannot be evaluated: division by zero; PSW");
    CONTAINS(w->a.reply, "|T05");
}

static void test_printed(void **state)
{
    struct world *w = *state;
    EXPECT("vCont;c", "");
    print(w, "one\n");
    assert_string_equal(hear(w), "O6f6e650a");
    assert_string_equal(hear(w), "");
    print(w, "two\n");
    fake_stop(w->fake, STOP_SW_BREAKPOINT);
    assert_true(starts(hear(w), "O74776f0a|T05"));
    assert_string_equal(hear(w), "");
    EXPECT("m100000,1", "00");
}

/* A debugger that does not read: little waits for it, and it hears how much was lost. */
static void test_printed_faster_than_read(void **state)
{
    struct world *w = *state;
    static char line[1001];
    size_t len, told = 0;
    memset(line, 'x', 999);
    line[999] = '\n';
    EXPECT("vCont;c", "");
    for (unsigned i = 0; i < 1000; i++) {
        print(w, line);
        world_collect(w);
        session_output(w->a.session, &len);
        assert_in_range(len, 0, 0x4000);
    }
    fake_stop(w->fake, STOP_SW_BREAKPOINT);
    hear(w);
    const char *at = w->a.reply;
    for (; at[0] == 'O'; at = strchr(at, '|') + 1)
        told += strlen(text_of(at + 1));
    assert_true(starts(at, "T05"));
    char *lost = strstr(text_of(strstr(w->a.reply, "O7a67646264") + 1), "zgdbd: ");
    assert_non_null(lost);
    size_t number = strtoul(lost + 7, NULL, 10);
    assert_int_equal(told - strcspn(lost, "\n") - 1 + number, 1000 * 1000);
    assert_in_range(told, 0x10000, CONSOLE_RING_BYTES + 0x4000);
}

static FILE *log_begins(int *error)
{
    FILE *log = tmpfile();
    *error = dup(STDERR_FILENO);
    assert_true(log && *error >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
    log_set_level(LOG_WARNING);
    return log;
}

/* Returns how many lines there were; the first of them begins with that text. */
static unsigned log_ends(FILE *log, int error, const char *first)
{
    char line[1024];
    unsigned lines = 0;
    log_set_level(LOG_ERROR);
    assert_true(dup2(error, STDERR_FILENO) >= 0);
    close(error);
    rewind(log);
    while (fgets(line, sizeof line, log))
        if (lines++ == 0)
            assert_string_equal(line, first);
    fclose(log);
    return lines;
}

static void test_printed_in_non_stop(void **state)
{
    struct world *w = *state;
    int error;
    EXPECT("QNonStop:1", "OK");
    EXPECT("vCont;c", "OK");
    FILE *log = log_begins(&error);
    for (unsigned i = 0; i < 10000; i++) {
        print(w, "a\033\nb\n");
        world_collect(w);
    }
    assert_string_equal(hear(w), "");
    unsigned lines = log_ends(log, error, "zgdbd: warning: a breakpoint prints: a?\n");
    assert_in_range(lines, 100, 10000);
}

/* ---- again ---- */

/* '-' asks for the last packet: never for one that was answered by the next request, nor for text or a
 * notification. */
static void test_again(void **state)
{
    struct world *w = *state;
    EXPECT("m100000,1", "00");
    assert_string_equal(peer_send(w, &w->a, "-", 1), "00");
    EXPECT("vCont;c", "");
    assert_string_equal(peer_send(w, &w->a, "-", 1), "");
    print(w, "one\n");
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    assert_int_equal(hear(w)[0], 'O');
    assert_true(starts(peer_send(w, &w->a, "-", 1), "T06"));
    assert_null(strchr(w->a.reply, '|'));
    EXPECT("QNonStop:1", "OK");
    EXPECT("vCont;c", "OK");
    fake_stop(w->fake, STOP_SW_BREAKPOINT);
    assert_true(starts(hear(w), "%Stop:T05"));
    assert_string_equal(peer_send(w, &w->a, "-", 1), "OK");
}

/* While the machine is being halted for a request there is nothing to be sent again. */
static void test_again_while_waiting(void **state)
{
    struct world *w = *state;
    target_start(w->target);
    assert_int_equal(session_input(w->a.session, "$m100000,1#eb-", 14), 13);
    assert_true(session_waiting(w->a.session));
    assert_string_equal(hear(w), "00");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_the_second_stop_is_told_later),
        cmocka_unit_test(test_moot_stops),
        TEST(test_moot_when_the_debugger_moves_the_cpu),
        cmocka_unit_test(test_an_end_that_came_second),
        TEST(test_an_end_that_nobody_has_heard_of),
        TEST(test_an_end_among_others),
        TEST(test_a_kept_stop_in_non_stop),
        TEST(test_a_kept_stop_in_non_stop_while_running),
        TEST(test_stop_with_news),
        TEST(test_printed),
        TEST(test_printed_faster_than_read),
        TEST(test_printed_in_non_stop),
        TEST(test_again),
        TEST(test_again_while_waiting),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
