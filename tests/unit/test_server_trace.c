/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --trace FILE: which exits are in it, that all are there at the end, and what becomes of a file that cannot
 * be opened, is full, or is read slowly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_rig.h"
#include "zgdbd/log.h"
#include "zgdbd/trace.h"

static char path[128];

static struct service *opened(void)
{
    struct service *w = service_open((struct policy){0});

    snprintf(path, sizeof path, "%s/trace", w->dir);
    return w;
}

static void begin(struct service *w, unsigned kinds)
{
    struct err e = {0};

    if (server_trace(w->server, &w->fake->machine, path, kinds, &e))
        fail_msg("%s", e.text);
}

static void records(struct service *w, enum exit_kind kind, unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct exit_record r = {.kind = (uint8_t)kind, .psw = {0, first + i}};
        trace_ring_put(&w->fake->trace, &r);
    }
}

/* The loop, once it has served a debugger, until SIGTERM. */
static void run(struct service *w)
{
    service_start_unix(w);
    client_visit(w);
}

/* What the file holds from here on. */
static FILE *file;
static char line[512];

static void assert_next(const char *words)
{
    assert_non_null(fgets(line, sizeof line, file));
    assert_non_null(strstr(line, words));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void assert_kicks(unsigned first, unsigned n)
{
    char words[64];

    for (unsigned i = 0; i < n; i++) {
        snprintf(words, sizeof words, " %016x kick\n", first + i);
        assert_next(words);
    }
}

static void close_file(struct service *w)
{
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
    unlink(path);
    service_close(w);
}

static void complete_at_the_end(void **state)
{
    struct service *w = opened();

    (void)state;
    begin(w, EXIT_KINDS_ALL);
    assert_true(w->fake->traces);
    run(w);
    records(w, EXIT_KICK, 0, 5000);
    assert_int_equal(service_stop(w), 0);
    file = fopen(path, "r");
    assert_kicks(0, 5000);
    close_file(w);
}

/* Nothing of a file's former text is left. What was there before the loop ran is in it, too. */
static void only_some_exits(void **state)
{
    struct service *w = opened();

    (void)state;
    file = fopen(path, "w");
    fprintf(file, "something\n");
    fclose(file);
    begin(w, 1u << EXIT_DIAG | 1u << EXIT_KICK);
    records(w, EXIT_DIAG, 0, 1);
    records(w, EXIT_SIGP, 1, 100);
    records(w, EXIT_KICK, 101, 2);
    run(w);
    assert_int_equal(service_stop(w), 0);
    file = fopen(path, "r");
    assert_next(" 0000000000000000 diag: ");
    assert_kicks(101, 2);
    close_file(w);
}

static void lost_ones_are_counted(void **state)
{
    struct service *w = opened();

    (void)state;
    begin(w, EXIT_KINDS_ALL);
    records(w, EXIT_KICK, 0, TRACE_RECORDS + 7);
    run(w);
    assert_int_equal(service_stop(w), 0);
    file = fopen(path, "r");
    assert_next("7 exits are lost here: they came faster than this file could be written\n");
    assert_kicks(7, TRACE_RECORDS);
    close_file(w);
}

static void errors_in_words(void **state)
{
    struct service *w = opened();
    struct err e;

    (void)state;
    assert_int_equal(server_trace(w->server, &w->fake->machine, "/no/such/file", EXIT_KINDS_ALL, &e), -1);
    assert_string_equal(e.text,
                        "--trace /no/such/file: cannot open it for writing: No such file or directory");
    assert_false(w->fake->traces);
    w->fake->fail_trace = "no ink";
    assert_int_equal(server_trace(w->server, &w->fake->machine, path, EXIT_KINDS_ALL, &e), -1);
    assert_non_null(strstr(e.text, "/trace: cannot begin: no ink"));
    unlink(path);
    service_close(w);
}

/* The daemon serves on, ends, and says what is wrong. */
static void a_full_disk(void **state)
{
    struct service *w = opened();
    int error = dup(STDERR_FILENO), said[2];
    char text[1024] = "";

    (void)state;
    assert_int_equal(pipe(said), 0);
    snprintf(path, sizeof path, "/dev/full");
    begin(w, EXIT_KINDS_ALL);
    records(w, EXIT_KICK, 0, 10);
    log_set_level(LOG_WARNING);
    assert_true(dup2(said[1], STDERR_FILENO) >= 0);
    run(w);
    assert_true(read(said[0], text, sizeof text - 1) > 0);
    assert_int_equal(service_stop(w), 0);
    assert_true(dup2(error, STDERR_FILENO) >= 0);
    log_set_level(LOG_ERROR);
    assert_non_null(strstr(text, "--trace /dev/full: cannot write: No space left on device; it is tried"));
    memset(text, 0, sizeof text);
    assert_true(read(said[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "--trace /dev/full: the last exits are missing: No space left on device"));
    close(said[0]);
    close(said[1]);
    close(error);
    service_close(w);
}

/* A pipe that nobody reads: the debugger is served meanwhile, the end comes, and whole lines were written as
 * far as there was room. */
static void a_reader_that_does_not_read(void **state)
{
    struct service *w = opened();
    int reader;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    begin(w, EXIT_KINDS_ALL);
    records(w, EXIT_KICK, 0, 20000);
    run(w);
    assert_int_equal(service_stop(w), 0);
    file = fdopen(reader, "r");
    assert_kicks(0, 500);
    fclose(file);
    unlink(path);
    service_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_at_the_end),   cmocka_unit_test(only_some_exits),
        cmocka_unit_test(lost_ones_are_counted), cmocka_unit_test(errors_in_words),
        cmocka_unit_test(a_full_disk),           cmocka_unit_test(a_reader_that_does_not_read),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
