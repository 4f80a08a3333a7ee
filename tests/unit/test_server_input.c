/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is typed at the guest's console: on a pipe, at Unix sockets and on a pseudo-terminal; in order,
 * without loss behind a guest that takes it slowly, and with places that end, come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../../stub/server/internal.h"
#include "server_rig.h"
#include "zgdbd/log.h"

struct piped {
    struct service *w;
    int in;  /* what the test writes, the daemon reads */
    int out; /* what the daemon writes */
};

static struct piped open_piped(void)
{
    struct piped p = {.w = service_open((struct policy){0})};
    int in[2], out[2];
    struct err e;
    assert_int_equal(pipe(in) | pipe(out), 0);
    assert_int_equal(place_stdio(p.w->server, in[0], out[1], &e), 0);
    close(in[0]);
    close(out[1]);
    p.in = in[1];
    p.out = out[0];
    service_start_unix(p.w);
    return p;
}

static void close_piped(struct piped *p)
{
    service_close(p->w);
    close(p->in);
    close(p->out);
}

/* Its end ends the input only. */
static void test_pipe(void **state)
{
    struct piped p = open_piped();
    (void)state;
    assert_int_equal(write(p.in, "uname\n\x1d", 7), 7);
    guest_reads(p.w, "uname\n\x1d"); /* the escape key is a terminal's */
    guest_writes(p.w, "Linux\n");
    client_reads(p.out, "Linux\n");
    assert_int_equal(write(p.in, "last", 4), 4);
    close(p.in);
    guest_reads(p.w, "last");
    client_visit(p.w);
    guest_writes(p.w, "more\n");
    client_reads(p.out, "more\n");
    service_stop(p.w);
    assert_int_equal(p.w->status, 0);
    assert_true(p.w->fake->signals > 0);
    assert_int_equal(p.w->fake->signal, MACHINE_CONSOLE_INPUT);
    p.in = -1;
    close_piped(&p);
}

#define MUCH (1u << 20)

static void *type_much(void *arg)
{
    int fd = *(int *)arg;
    uint8_t text[4096];
    for (uint32_t at = 0; at < MUCH;) {
        for (uint32_t i = 0; i < sizeof text; i++)
            text[i] = (uint8_t)((at + i) % 251);
        for (size_t done = 0; done < sizeof text;) {
            ssize_t n = write(fd, text + done, sizeof text - done);
            assert_true(n > 0);
            done += (size_t)n;
        }
        at += sizeof text;
    }
    return NULL;
}

/* The ring fills up and the rest waits in the pipe, while the loop serves on. */
static void test_much_through_a_slow_guest(void **state)
{
    struct piped p = open_piped();
    char *buf = malloc(MUCH);
    pthread_t typist;
    (void)state;
    assert_int_equal(pthread_create(&typist, NULL, type_much, &p.in), 0);
    while (console_room(&p.w->input))
        sched_yield();
    client_visit(p.w);
    guest_takes(p.w, buf, MUCH, 199);
    for (uint32_t i = 0; i < MUCH; i++)
        if ((uint8_t)buf[i] != i % 251)
            fail_msg("byte %u is wrong", i);
    pthread_join(typist, NULL);
    free(buf);
    close_piped(&p);
}

/* The loop turns for what happens, and for nothing else: hardly while nothing does. That nothing happens is
 * no event that could be awaited, so some time has to pass; a slow machine cannot make this fail. */
static void loop_was_calm(struct service *w)
{
    client_visit(w);
    usleep(50000);
    service_stop(w);
    assert_in_range(ev_iteration(w->server->loop), 1, 500);
}

/* Standard input at its end, and a file as one (which poll() always calls readable) before a guest that does
 * not listen. */
static void test_calm_at_the_end_and_when_full(void **state)
{
    static const char text[2 * CONSOLE_RING_BYTES];
    struct err e;
    char path[96];
    (void)state;
    for (int full = 0; full < 2; full++) {
        struct service *w = service_open((struct policy){0});
        int null = open("/dev/null", O_RDWR);
        snprintf(path, sizeof path, "%s/typed", w->dir);
        int file = open(path, O_RDWR | O_CREAT, 0600);
        unlink(path);
        assert_int_equal(write(file, text, sizeof text), sizeof text);
        lseek(file, 0, SEEK_SET);
        assert_int_equal(place_stdio(w->server, full ? file : null, null, &e), 0);
        service_start_unix(w);
        loop_was_calm(w);
        assert_int_equal(console_held(&w->input), full ? CONSOLE_RING_BYTES : 0);
        service_close(w);
        close(file);
        close(null);
    }
}

/* ---- Unix sockets ---- */

static struct service *open_unix(char *path, size_t size)
{
    struct service *w = service_open((struct policy){0});
    struct console_spec spec = {CONSOLE_UNIX, path};
    struct err e;
    snprintf(path, size, "%s/console", w->dir);
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), 0);
    service_start_unix(w);
    return w;
}

static void test_unix_clients(void **state)
{
    char path[96];
    struct service *w = open_unix(path, sizeof path);
    struct stat st;
    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    guest_writes(w, "before anyone came\n");
    int one = client_dial_path(path);
    client_reads(one, "before anyone came\n");
    int two = client_dial_path(path);
    client_put(two, "two\n"); /* so it was accepted */
    guest_reads(w, "two\n");
    guest_writes(w, "both\n");
    client_reads(one, "both\n");
    client_reads(two, "both\n");
    client_put(one, "one\n");
    guest_reads(w, "one\n");
    close(one);
    guest_writes(w, "the other\n");
    client_reads(two, "the other\n");
    service_close(w);
    assert_true(client_at_end(two));
    close(two);
    assert_int_equal(stat(path, &st), -1);
}

/* All clients leave, with text unread or not, and another comes. */
static void test_unix_client_follows_another(void **state)
{
    char path[96];
    struct service *w = open_unix(path, sizeof path);
    (void)state;
    for (int i = 0; i < 20; i++) {
        int fd = client_dial_path(path);
        client_put(fd, "x");
        close(fd);
    }
    guest_reads(w, "xxxxxxxxxxxxxxxxxxxx");
    int fd = client_dial_path(path);
    client_put(fd, "y");
    guest_reads(w, "y");
    guest_writes(w, "there\n");
    client_reads(fd, "there\n");
    close(fd);
    service_close(w);
}

/* It has typed all that it will, and still reads: printf ... | socat - UNIX:... */
static void test_unix_client_that_shut_its_side(void **state)
{
    char path[96];
    struct service *w = open_unix(path, sizeof path);
    (void)state;
    int fd = client_dial_path(path);
    client_put(fd, "date\n");
    shutdown(fd, SHUT_WR);
    guest_reads(w, "date\n");
    client_visit(w);
    guest_writes(w, "Sunday\n");
    client_reads(fd, "Sunday\n");
    close(fd);
    service_close(w);
}

/* Those who have gone without a word do not count. */
static void test_unix_too_many_clients(void **state)
{
    char path[96];
    struct service *w = open_unix(path, sizeof path);
    int fd[CLIENTS_MAX];
    (void)state;
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        fd[i] = client_dial_path(path);
        client_put(fd[i], "+");
        guest_reads(w, "+");
    }
    int more = client_dial_path(path);
    client_reads(more, "zgdbd: too many clients");
    assert_true(client_at_end(more));
    close(more);
    shutdown(fd[0], SHUT_WR);
    client_visit(w);
    close(fd[0]);
    fd[0] = client_dial_path(path);
    client_put(fd[0], "!");
    guest_reads(w, "!");
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        close(fd[i]);
    service_close(w);
}

/* With nobody there the newest text is kept. */
static void test_unix_keeps_the_newest(void **state)
{
    char path[96];
    struct service *w = open_unix(path, sizeof path);
    static char text[CONSOLE_RING_BYTES];
    size_t got = 0;
    (void)state;
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 3; i++) {
        console_write(&w->ring, (const uint8_t *)text, sizeof text);
        while (console_held(&w->ring))
            sched_yield();
    }
    guest_writes(w, "panic");
    int fd = client_dial_path(path);
    while (got < 5 || memcmp(text + got - 5, "panic", 5) != 0) {
        assert_true(client_ready(fd, POLLIN));
        ssize_t n = read(fd, text + got, sizeof text - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
    close(fd);
    service_close(w);
}

static void test_unix_path_in_use(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct console_spec spec = {CONSOLE_UNIX, w->path};
    char path[200];
    struct err e;
    (void)state;
    assert_int_equal(service_listen_unix(w, &e), 0);
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), -1);
    assert_non_null(strstr(e.text, "choose another path"));
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = 0;
    spec.path = path;
    assert_int_equal(server_console(w->server, &spec, w->name, sizeof w->name, &e), -1);
    assert_non_null(strstr(e.text, "must be shorter than"));
    service_close(w);
}

/* ---- pseudo-terminals ---- */

static struct service *open_pty(char *slave, size_t size)
{
    struct service *w = service_open((struct policy){0});
    struct console_spec spec = {CONSOLE_PTY, NULL};
    char name[128];
    struct err e;
    if (server_console(w->server, &spec, name, sizeof name, &e))
        fail_msg("%s", e.text);
    assert_true(starts(name, "pty:/dev/"));
    snprintf(slave, size, "%s", name + 4);
    service_start_unix(w);
    return w;
}

/* Bytes pass as they are, nothing is echoed to the guest, and the slave may be closed and opened again. */
static void test_pty(void **state)
{
    char slave[128];
    struct service *w = open_pty(slave, sizeof slave);
    struct stat st;
    (void)state;
    assert_int_equal(stat(slave, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    guest_writes(w, "login: \r\n");
    for (int i = 0; i < 3; i++) {
        int fd = open(slave, O_RDWR | O_NOCTTY);
        assert_true(fd >= 0);
        client_reads(fd, "login: \r\n");
        assert_int_equal(write(fd, "root\r\x03\n\x1d", 8), 8);
        guest_reads(w, "root\r\x03\n\x1d");
        close(fd);
        client_visit(w);
        guest_writes(w, "login: \r\n");
    }
    assert_int_equal(console_held(&w->input), 0);
    loop_was_calm(w);
    service_close(w);
}

/* By a login at the slave, as vhangup(2) does; only root may. */
static void test_pty_that_was_hung_up(void **state)
{
    char slave[128];
    struct service *w = open_pty(slave, sizeof slave);
    int status;
    (void)state;
    pid_t leader = fork();
    if (leader == 0) {
        setsid();
        int fd = open(slave, O_RDWR);
        ioctl(fd, TIOCSCTTY, 0);
        signal(SIGHUP, SIG_IGN);
        _exit(vhangup() ? errno : 0);
    }
    assert_int_equal(waitpid(leader, &status, 0), leader);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == EPERM) {
        service_close(w);
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    int fd = open(slave, O_RDWR | O_NOCTTY);
    guest_writes(w, "here\r\n");
    client_reads(fd, "here\r\n");
    assert_int_equal(write(fd, "again\r", 6), 6);
    guest_reads(w, "again\r");
    close(fd);
    loop_was_calm(w);
    assert_int_equal(console_held(&w->input), 0);
    service_close(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_much_through_a_slow_guest),
        cmocka_unit_test(test_calm_at_the_end_and_when_full),
        cmocka_unit_test(test_unix_clients),
        cmocka_unit_test(test_unix_client_follows_another),
        cmocka_unit_test(test_unix_client_that_shut_its_side),
        cmocka_unit_test(test_unix_too_many_clients),
        cmocka_unit_test(test_unix_keeps_the_newest),
        cmocka_unit_test(test_unix_path_in_use),
        cmocka_unit_test(test_pty),
        cmocka_unit_test(test_pty_that_was_hung_up),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
