/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's console on a server: into a file, to a reader that does not read, and nowhere. The loop serves
 * on whatever becomes of the output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

/* A FIFO whose reader does not read: the loop serves on, and what fitted arrives when it does read. */
static void test_console_reader_that_does_not_read(void **state)
{
    struct service *w = service_open((struct policy){0});
    static uint8_t text[CONSOLE_RING_BYTES];
    char path[96], buf[65536];
    struct err e;
    size_t got = 0;
    ssize_t n;
    (void)state;
    snprintf(path, sizeof path, "%s/f", w->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct console_spec spec = {CONSOLE_FILE, path};
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e),
                     -1); /* no reader at all */
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), 0);
    service_start_unix(w);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 4; i++)
        console_write(&w->ring, text, sizeof text);
    int fd = client_dial(w);
    client_expect(fd, "?", "+$T05");
    while (got < sizeof text) {
        assert_true(client_ready(reader, POLLIN));
        n = read(reader, buf, sizeof buf);
        assert_true(n > 0);
        got += (size_t)n;
    }
    close(reader);
    console_write(&w->ring, text, sizeof text); /* now nobody reads: output is thrown away */
    client_expect(fd, "!", "+$OK");
    close(fd);
    unlink(path);
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
        cmocka_unit_test(test_console_file),
        cmocka_unit_test(test_console_reader_that_does_not_read),
        cmocka_unit_test(test_console_none),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
