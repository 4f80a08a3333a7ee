/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log's lines, levels and limits, struct err, and the names of the stop reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zgdbd/err.h"
#include "zgdbd/log.h"
#include "zgdbd/machine.h"

static char written[4096];

/* What one message puts on standard error. */
static const char *logged(enum log_level level, const char *text)
{
    int saved = dup(STDERR_FILENO);
    int ends[2];
    ssize_t n;

    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    log_msg(level, "%s", text);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    n = read(ends[0], written, sizeof written - 1);
    close(ends[0]);
    assert_true(n >= 0);
    written[n] = 0;
    return written;
}

static void respects_the_level(void **state)
{
    (void)state;
    log_set_level(LOG_WARNING);
    assert_true(log_enabled(LOG_ERROR));
    assert_false(log_enabled(LOG_INFO));
    assert_string_equal(logged(LOG_WARNING, "guest gone"), "zgdbd: warning: guest gone\n");
    assert_string_equal(logged(LOG_INFO, "guest gone"), "");
    log_set_level(LOG_DEBUG);
    assert_string_equal(logged(LOG_DEBUG, "x"), "zgdbd: debug: x\n");
}

/* A pipe that nobody reads takes what fits and no more, and the daemon goes on. */
static void never_waits_for_a_reader(void **state)
{
    int saved = dup(STDERR_FILENO);
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    for (int i = 0; i < 100000; i++)
        log_msg(LOG_ERROR, "%060d", i);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

static void knows_levels_by_name(void **state)
{
    (void)state;
    assert_int_equal(log_level_by_name("error"), LOG_ERROR);
    assert_int_equal(log_level_by_name("debug"), LOG_DEBUG);
    assert_int_equal(log_level_by_name("verbose"), -1);
    assert_int_equal(log_level_by_name(""), -1);
}

static void writes_one_clean_line(void **state)
{
    char text[3000];

    (void)state;
    assert_string_equal(logged(LOG_ERROR, "a\nb\033[1m\177"), "zgdbd: error: a?b?[1m?\n");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(strlen(logged(LOG_ERROR, text)), 1024);
    assert_int_equal(written[1023], '\n');
    assert_int_equal(written[1022], 'x');
}

static void keeps_errno(void **state)
{
    int saved = dup(STDERR_FILENO);

    (void)state;
    close(STDERR_FILENO); /* the write fails, and sets errno */
    errno = ENOENT;
    log_msg(LOG_ERROR, "nowhere to go");
    assert_int_equal(errno, ENOENT);
    dup2(saved, STDERR_FILENO);
    close(saved);
}

/* ---- blocks ---- */

/* What is read from a pipe that the block goes into; slowly, which the block waits for. */
static void *read_all(void *ctx)
{
    const int *fd = ctx;
    char *text = calloc(1, 0x40000);
    size_t len = 0;
    ssize_t n;

    while (text && (n = read(*fd, text + len, 1000)) > 0)
        len += (size_t)n;
    return text;
}

static char *block_through(int *ends, const char *text)
{
    int saved = dup(STDERR_FILENO);
    pthread_t reader;
    void *got;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    log_block(LOG_ERROR, text);
    dup2(saved, STDERR_FILENO);
    close(saved);
    pthread_join(reader, &got);
    close(ends[0]);
    return got;
}

static void a_block_goes_whole(void **state)
{
    static char text[0x20000];
    int ends[2];
    char *got;

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = i % 70 == 69 ? '\n' : (char)('a' + i / 70 % 26);
    got = block_through(ends, text);
    assert_string_equal(got, text);
    free(got);
    memset(text, 'x', sizeof text - 1); /* no line ends */
    got = block_through(ends, text);
    assert_string_equal(got, text);
    free(got);
}

static void a_block_that_nobody_reads(void **state)
{
    static char text[0x20000];
    int saved = dup(STDERR_FILENO);
    int ends[2];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    log_block(LOG_ERROR, text);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    log_block(LOG_ERROR, text); /* the reader has gone */
    close(STDERR_FILENO);
    errno = ENOENT;
    log_block(LOG_ERROR, text); /* and the descriptor */
    assert_int_equal(errno, ENOENT);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
}

static void fills_errors(void **state)
{
    struct err e;
    char text[500];

    (void)state;
    assert_int_equal(err_set(&e, EXIT_IMAGE, "cannot open %s", "x"), -1);
    assert_int_equal(e.status, EXIT_IMAGE);
    assert_string_equal(e.text, "cannot open x");
    assert_int_equal(err_set(NULL, EXIT_USAGE, "nobody asks"), -1);
    memset(text, 'y', sizeof text);
    text[sizeof text - 1] = 0;
    err_set(&e, EXIT_OTHER, "%s", text);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void names_every_stop_reason(void **state)
{
    (void)state;
    for (enum stop_reason r = STOP_STEP; r <= STOP_ERROR; r++)
        assert_string_not_equal(stop_reason_name(r), "unknown");
    assert_string_equal(stop_reason_name(STOP_DISABLED_WAIT), "disabled wait");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_waits_for_a_reader),
        cmocka_unit_test(respects_the_level),
        cmocka_unit_test(knows_levels_by_name),
        cmocka_unit_test(writes_one_clean_line),
        cmocka_unit_test(keeps_errno),
        cmocka_unit_test(a_block_goes_whole),
        cmocka_unit_test(a_block_that_nobody_reads),
        cmocka_unit_test(fills_errors),
        cmocka_unit_test(names_every_stop_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
