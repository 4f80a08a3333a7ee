/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A terminal on standard input: raw mode while it is ours, the escape key, every way in which it ends or
 * changes hands. The test holds the other side of a pseudo-terminal, and sees the modes that a user's shell
 * would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../stub/server/internal.h"
#include "server_rig.h"
#include "zgdbd/log.h"

#define ESCAPE "\x1d"

struct desk {
    struct service *w;
    int user;  /* types and reads here */
    int slave; /* the terminal */
};

/* Not the controlling terminal of anybody: nothing but the daemon uses it. */
static struct desk open_desk(int escape)
{
    struct desk d = {.w = service_open((struct policy){0})};
    struct err e;
    assert_int_equal(openpty(&d.user, &d.slave, NULL, NULL, NULL), 0);
    server_console_rings(d.w->server, &d.w->ring, &d.w->input, escape);
    assert_int_equal(place_stdio(d.w->server, d.slave, d.slave, &e), 0);
    return d;
}

static void close_desk(struct desk *d)
{
    service_close(d->w);
    close(d->slave);
    close(d->user);
}

static bool is_raw(int user)
{
    struct termios t;
    assert_int_equal(tcgetattr(user, &t), 0);
    return !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static void await_modes(int user, bool raw)
{
    time_t end = time(NULL) + 20;
    while (is_raw(user) != raw) {
        assert_true(time(NULL) < end);
        sched_yield();
    }
}

static void await_raw(int user)
{
    await_modes(user, true);
}

/* Every key is the guest's, also Ctrl-C, Ctrl-S and Ctrl-Z; a bare newline still returns the carriage. */
static void test_raw_while_it_runs(void **state)
{
    struct desk d = open_desk(ESCAPE[0]);
    (void)state;
    assert_false(is_raw(d.user)); /* not before the loop runs: who ends it now leaves nothing behind */
    service_start_unix(d.w);
    await_raw(d.user);
    assert_int_equal(write(d.user, "\x03\x13\x1a\r", 4), 4);
    guest_reads(d.w, "\x03\x13\x1a\r");
    guest_writes(d.w, "zgdbd: a line\n");
    client_reads(d.user, "zgdbd: a line\r\n");
    service_stop(d.w);
    assert_false(is_raw(d.user));
    close_desk(&d);
}

static void test_escape_key(void **state)
{
    struct desk d = open_desk(ESCAPE[0]);
    (void)state;
    service_start_unix(d.w);
    await_raw(d.user);
    assert_int_equal(write(d.user, "ls" ESCAPE "gone", 7), 7);
    assert_int_equal(service_join(d.w), EXIT_SHUTDOWN);
    guest_reads(d.w, "ls");
    assert_int_equal(console_held(&d.w->input), 0);
    assert_false(is_raw(d.user));
    close_desk(&d);
}

static void test_no_escape_key(void **state)
{
    struct desk d = open_desk(CONSOLE_NO_ESCAPE);
    (void)state;
    service_start_unix(d.w);
    await_raw(d.user);
    assert_int_equal(write(d.user, "ls" ESCAPE "-l", 5), 5);
    guest_reads(d.w, "ls" ESCAPE "-l");
    close_desk(&d);
}

/* So much waits to be read. */
static void await_typed(int slave, int bytes)
{
    time_t end = time(NULL) + 20;
    int typed;
    do
        assert_true(ioctl(slave, FIONREAD, &typed) == 0 && time(NULL) < end);
    while (typed != bytes);
}

/* The guest takes nothing, and its input is full: what is typed waits, in order, and the key behind it works.
 */
static void test_escape_key_behind_too_much(void **state)
{
    struct desk d = open_desk(ESCAPE[0]);
    static char text[CONSOLE_RING_BYTES];
    static const char line[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    (void)state;
    service_start_unix(d.w);
    await_raw(d.user);
    console_write(&d.w->input, (uint8_t *)text, sizeof text);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(write(d.user, line, sizeof line), sizeof line);
        if (i % 20 == 19)
            await_typed(d.slave, 0);
    }
    assert_int_equal(console_held(&d.w->input), sizeof text);
    guest_takes(d.w, text, sizeof text, sizeof text);
    for (int i = 0; i < 200; i++) {
        char got[sizeof line];
        guest_takes(d.w, got, sizeof got, sizeof got);
        assert_memory_equal(got, line, sizeof line);
    }
    assert_int_equal(write(d.user, "direct", 6), 6);
    guest_reads(d.w, "direct");
    console_write(&d.w->input, (uint8_t *)text, sizeof text);
    assert_int_equal(write(d.user, "ahead" ESCAPE, 6), 6);
    await_modes(d.user, false);
    assert_int_equal(service_join(d.w), EXIT_SHUTDOWN);
    assert_int_equal(console_held(&d.w->input), sizeof text);
    close_desk(&d);
}

static void test_hangup_signal_ends_it(void **state)
{
    struct desk d = open_desk(ESCAPE[0]);
    (void)state;
    service_start_unix(d.w);
    await_raw(d.user);
    raise(SIGHUP);
    assert_int_equal(service_join(d.w), EXIT_SHUTDOWN);
    assert_false(is_raw(d.user));
    close_desk(&d);
}

/* Stopped, and continued by a shell that has set its own modes meanwhile. */
static void test_continued(void **state)
{
    struct desk d = open_desk(ESCAPE[0]);
    struct termios shell;
    (void)state;
    assert_int_equal(tcgetattr(d.slave, &shell), 0);
    service_start_unix(d.w);
    await_raw(d.user);
    assert_int_equal(tcsetattr(d.slave, TCSANOW, &shell), 0);
    raise(SIGCONT);
    await_raw(d.user);
    service_stop(d.w);
    assert_false(is_raw(d.user));
    close_desk(&d);
}

/* The terminal goes away (a window is closed); the daemon may have been told to ignore SIGHUP. */
static void test_terminal_that_vanishes(void **state)
{
    struct desk d = open_desk(ESCAPE[0]);
    (void)state;
    service_start_unix(d.w);
    await_raw(d.user);
    close(d.user);
    client_visit(d.w);
    guest_writes(d.w, "to nobody\n");
    client_visit(d.w);
    d.user = -1;
    close_desk(&d);
}

/* One that vanished while it was in other hands is not waited for: reading it tells. */
static void test_hung_up_is_nobody_elses(void **state)
{
    struct terminal t;
    int user, slave;
    (void)state;
    assert_int_equal(openpty(&user, &slave, NULL, NULL, NULL), 0);
    terminal_init(&t, slave);
    close(user);
    assert_true(terminal_enter(&t));
    terminal_leave(&t);
    close(slave);
}

/* ---- job control ---- */

/* The daemon as a job of a shell on the terminal `slave`. Exits with its status. */
static void be_job(int slave)
{
    struct service *w = service_open((struct policy){0});
    struct err e;
    dup2(slave, STDERR_FILENO);
    if (place_stdio(w->server, slave, slave, &e))
        _exit(99);
    service_start_unix(w);
    guest_writes(w, "up\n");
    int status = service_join(w);
    service_close(w);
    _exit(status ? status : 42);
}

static void expect(bool right, int where)
{
    if (!right)
        _exit(where);
}

static void expect_line(int slave, const char *text)
{
    char line[16];
    ssize_t n = read(slave, line, sizeof line);
    expect(n == (ssize_t)strlen(text) && memcmp(line, text, (size_t)n) == 0, 2);
}

/* A shell that owns the terminal: starts the job in the background and reads a line itself, brings the job to
 * the foreground as shells do for one that runs (without SIGCONT), takes the terminal back when told, reads
 * another line, and hands it over again, with SIGCONT. Exits with 42 if all was right. */
static void be_shell(int slave, int told)
{
    struct termios modes;
    char byte;
    int status;
    setsid();
    expect(ioctl(slave, TIOCSCTTY, 0) == 0, 1);
    signal(SIGTTOU, SIG_IGN);
    tcgetattr(slave, &modes);
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        be_job(slave);
    }
    setpgid(job, job);
    expect_line(slave, "mine\n");
    expect(waitpid(job, &status, WNOHANG | WUNTRACED) == 0, 3);
    expect(tcsetpgrp(slave, job) == 0, 4);
    expect(read(told, &byte, 1) == 1, 5);
    expect(tcsetpgrp(slave, getpgrp()) == 0, 6);
    tcsetattr(slave, TCSANOW, &modes);
    dprintf(slave, "$ ");
    expect_line(slave, "too\n");
    expect(waitpid(job, &status, WNOHANG | WUNTRACED) == 0, 7);
    expect(tcsetpgrp(slave, job) == 0, 8);
    kill(job, SIGCONT);
    expect(waitpid(job, &status, WUNTRACED) == job && WIFEXITED(status), 9);
    _exit(WEXITSTATUS(status));
}

/* In the background the daemon takes neither the terminal's modes nor its input, and is not stopped; brought
 * to the foreground it takes both, and says how to end it. */
static void test_background_and_foreground(void **state)
{
    int user, slave, status, tell[2];
    (void)state;
    assert_int_equal(openpty(&user, &slave, NULL, NULL, NULL), 0);
    assert_int_equal(pipe(tell), 0);
    pid_t shell = fork();
    if (shell == 0) {
        close(user);
        be_shell(slave, tell[0]);
    }
    client_reads(user, "up\r\n");
    assert_false(is_raw(user));
    assert_int_equal(write(user, "mine\n", 5), 5);
    client_reads(user, "mine\r\nzgdbd: press ^] to end zgdbd\r\n");
    await_raw(user);
    assert_int_equal(write(tell[1], "x", 1), 1);
    client_reads(user, "$ ");
    assert_int_equal(write(user, "too\n", 4), 4);
    client_reads(user, "too\r\n");
    await_raw(user);
    assert_int_equal(write(user, ESCAPE, 1), 1);
    assert_int_equal(waitpid(shell, &status, 0), shell);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_false(is_raw(user));
    close(user);
    close(slave);
    close(tell[0]);
    close(tell[1]);
}

/* ---- standard input and output that are closed, or open for the other direction ---- */

static void test_not_open(void **state)
{
    struct service *w = service_open((struct policy){0});
    int ends[2], null_in = open("/dev/null", O_RDONLY), null_out = open("/dev/null", O_WRONLY);
    struct err e;
    (void)state;
    assert_int_equal(place_stdio(w->server, null_in, null_in, &e), -1);
    assert_non_null(strstr(e.text, "standard output is closed"));
    assert_int_equal(place_stdio(w->server, null_out, 1000, &e), -1);
    assert_int_equal(place_stdio(w->server, null_out, null_out, &e), 0); /* as nohup leaves it */
    assert_int_equal(place_stdio(w->server, null_in, null_out, &e), 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(place_stdio(w->server, ends[1], null_out, &e), 0);
    service_start_unix(w);
    assert_int_equal(write(ends[1], "somebody else's", 15), 15);
    client_visit(w);
    client_reads(ends[0], "somebody else's");
    service_stop(w);
    assert_int_equal(console_held(&w->input), 0);
    service_close(w);
    close(ends[0]);
    close(ends[1]);
    close(null_in);
    close(null_out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw_while_it_runs),          cmocka_unit_test(test_escape_key),
        cmocka_unit_test(test_escape_key_behind_too_much), cmocka_unit_test(test_no_escape_key),
        cmocka_unit_test(test_hangup_signal_ends_it),      cmocka_unit_test(test_continued),
        cmocka_unit_test(test_terminal_that_vanishes),     cmocka_unit_test(test_hung_up_is_nobody_elses),
        cmocka_unit_test(test_background_and_foreground),  cmocka_unit_test(test_not_open),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
