/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guest writes to its console: into a file, a log, to a reader that does not read, to several at
 * once, and nowhere. The loop serves on whatever becomes of the output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server_rig.h"
#include "zgdbd/log.h"

static size_t read_file(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, buf, size - 1);
    close(fd);
    buf[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

static void test_console_file(void **state)
{
    struct service *w = service_open((struct policy){0});
    char path[96], buf[64];
    struct err e;
    (void)state;
    snprintf(path, sizeof path, "%s/c", w->dir);
    struct console_spec spec = {CONSOLE_FILE, path};
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), 0);
    service_start_unix(w);
    console_write(&w->ring, (const uint8_t *)"hello\n", 6);
    client_visit(w);
    service_stop(w);
    assert_int_equal(read_file(path, buf, sizeof buf), 6);
    assert_string_equal(buf, "hello\n");
    unlink(path);
    spec.path = "/nonexistent/c";
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), -1);
    assert_non_null(strstr(e.text, "/nonexistent/c"));
    service_close(w);
}

/* A limit on the size of files ends the file, not the daemon. */
static void test_console_file_at_the_limit(void **state)
{
    struct service *w = service_open((struct policy){0});
    char path[96], buf[64];
    struct rlimit limit, low;
    struct err e;
    (void)state;
    snprintf(path, sizeof path, "%s/c", w->dir);
    struct console_spec spec = {CONSOLE_FILE, path};
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    low = (struct rlimit){4, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    service_start_unix(w);
    guest_writes(w, "hello\n");
    client_visit(w);
    assert_int_equal(service_stop(w), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(read_file(path, buf, sizeof buf), 4);
    unlink(path);
    service_close(w);
}

/* The loop ends before it has seen the last words. */
static void test_console_last_words(void **state)
{
    struct service *w = service_open((struct policy){0});
    char path[96];
    static char buf[CONSOLE_RING_BYTES + 1];
    struct err e;
    (void)state;
    snprintf(path, sizeof path, "%s/c", w->dir);
    struct console_spec spec = {CONSOLE_FILE, path};
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), 0);
    service_start_unix(w);
    client_visit(w);
    w->ring.wake = NULL;
    memset(buf, 'x', CONSOLE_RING_BYTES);
    guest_writes(w, buf);
    service_stop(w);
    assert_int_equal(read_file(path, buf, sizeof buf), CONSOLE_RING_BYTES);
    unlink(path);
    service_close(w);
}

static struct service *open_log(char *path, size_t size)
{
    struct service *w = service_open((struct policy){0});
    struct console_spec spec = {CONSOLE_LOG, path};
    struct err e;
    snprintf(path, size, "%s/log", w->dir);
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), 0);
    service_start_unix(w);
    return w;
}

static const char *expect_stamp(const char *line)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    for (const char *f = form; *f; f++, line++)
        if (*f == 'd' ? *line < '0' || *line > '9' : *line != *f)
            fail_msg("no time stamp: %s", line);
    return line;
}

static time_t seconds_of(const char *stamp)
{
    struct tm tm = {0};
    assert_non_null(strptime(stamp, "%Y-%m-%dT%H:%M:%S", &tm));
    return timegm(&tm);
}

/* However the text is cut up, each line has one stamp, and the time is that of its first byte. */
static void test_console_log(void **state)
{
    static const char *const parts[] = {"one\r\n", "tw", "o", "\n", "\r\nlast"};
    static const char *const lines[] = {"one\n", "two\n", "\n", "last"};
    char path[96], buf[512];
    time_t before = time(NULL);
    struct service *w = open_log(path, sizeof path);
    (void)state;
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        guest_writes(w, parts[i]);
        client_visit(w);
    }
    service_stop(w);
    read_file(path, buf, sizeof buf);
    const char *at = buf;
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_in_range(seconds_of(at), before, time(NULL));
        at = expect_stamp(at);
        if (!starts(at, lines[i]))
            fail_msg("not %s: %s", lines[i], at);
        at += strlen(lines[i]);
    }
    assert_string_equal(at, "");
    unlink(path);
    service_close(w);
}

/* The next run's log goes behind. */
static void test_console_log_is_kept(void **state)
{
    char path[96], buf[512];
    struct err e;
    (void)state;
    struct service *w = service_open((struct policy){0});
    snprintf(path, sizeof path, "%s/log", w->dir);
    for (int i = 0; i < 2; i++) {
        struct console_spec spec = {CONSOLE_LOG, path};
        struct service *run = service_open((struct policy){0});
        assert_int_equal(server_console(run->server, &spec, run->name, sizeof run->name, &e), 0);
        service_start_unix(run);
        guest_writes(run, i ? "second\n" : "first\n");
        client_visit(run);
        service_close(run);
    }
    read_file(path, buf, sizeof buf);
    assert_non_null(strstr(buf, "first\n"));
    assert_true(starts(expect_stamp(strchr(buf, '\n') + 1), "second\n"));
    unlink(path);
    service_close(w);
}

/* What the daemon said on standard error while f ran. */
static void hear(struct service *w, void (*f)(struct service *w), char *text, size_t size)
{
    char path[96];
    int err = dup(STDERR_FILENO);
    snprintf(path, sizeof path, "%s/err", w->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(fd, STDERR_FILENO);
    log_set_level(LOG_WARNING);
    f(w);
    log_set_level(LOG_ERROR);
    dup2(err, STDERR_FILENO);
    close(err);
    close(fd);
    read_file(path, text, size);
    unlink(path);
}

static int slow, quick;

static void write_too_much(struct service *w)
{
    static uint8_t text[CONSOLE_RING_BYTES], got[CONSOLE_RING_BYTES];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 8; i++) {
        size_t n = 0;
        console_write(&w->ring, text, sizeof text);
        while (n < sizeof text) { /* the quick one gets all */
            assert_true(client_ready(quick, POLLIN));
            ssize_t some = read(quick, got, sizeof got);
            assert_true(some > 0);
            n += (size_t)some;
        }
        assert_int_equal(n, sizeof text);
    }
    int fd = client_dial(w);
    client_expect(fd, "?", "+$T05");
    close(fd);
    for (size_t n = 0; n < sizeof text;) { /* and the slow one what fitted, once it reads */
        assert_true(client_ready(slow, POLLIN));
        ssize_t some = read(slow, got, sizeof got);
        assert_true(some > 0);
        n += (size_t)some;
    }
    client_visit(w);
}

static int open_fifo(struct service *w, const char *name)
{
    char path[96];
    struct err e;
    struct console_spec spec = {CONSOLE_FILE, path};
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), -1);
    assert_non_null(strstr(e.text, "start its reader first"));
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), 0);
    unlink(path);
    return reader;
}

/* One FIFO's reader does not read: the other's misses nothing, the loop serves on, what fitted arrives when
 * it does read, and the loss is told. */
static void test_console_reader_that_does_not_read(void **state)
{
    struct service *w = service_open((struct policy){0});
    char said[1024];
    (void)state;
    slow = open_fifo(w, "slow");
    quick = open_fifo(w, "quick");
    service_start_unix(w);
    hear(w, write_too_much, said, sizeof said);
    assert_non_null(strstr(said, " bytes of console output to "));
    assert_non_null(strstr(said, "/slow were lost"));
    assert_null(strstr(said, "/quick"));
    close(slow); /* now nobody reads it: its output is thrown away, the other's is not */
    guest_writes(w, "on\n");
    client_reads(quick, "on\n");
    client_visit(w);
    close(quick);
    service_close(w);
}

static void test_console_none(void **state)
{
    struct service *w = service_open((struct policy){0});
    static uint8_t text[CONSOLE_RING_BYTES];
    struct console_spec spec = {CONSOLE_NONE, NULL};
    struct err e;
    (void)state;
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), 0);
    service_start_unix(w);
    console_write(&w->ring, text, sizeof text);
    client_visit(w);
    service_stop(w);
    service_close(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_console_file),        cmocka_unit_test(test_console_file_at_the_limit),
        cmocka_unit_test(test_console_last_words),  cmocka_unit_test(test_console_log),
        cmocka_unit_test(test_console_log_is_kept), cmocka_unit_test(test_console_reader_that_does_not_read),
        cmocka_unit_test(test_console_none),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
