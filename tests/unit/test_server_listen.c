/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a server is reached: TCP, Unix sockets and what is in their way, sockets passed on, stdio; and the
 * signals that end it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_rig.h"
#include "zgdbd/log.h"

/* ---- listening ---- */

static void test_tcp(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct err e;
    unsigned port;
    (void)state;
    assert_int_equal(service_listen(w, "tcp:127.0.0.1:0", &e), 0);
    assert_int_equal(sscanf(w->name, "tcp:127.0.0.1:%u", &port), 1);
    assert_int_not_equal(port, 0);
    service_run(w);
    in.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
    client_expect(fd, "!", "+$OK");
    close(fd);
    service_close(w);
}

/* The descriptor of this process whose peer is the client's end. */
static int served_end(int client)
{
    struct sockaddr_in own, peer;
    socklen_t len = sizeof own;
    assert_int_equal(getsockname(client, (struct sockaddr *)&own, &len), 0);
    for (int fd = 3; fd < 256; fd++) {
        len = sizeof peer;
        if (fd != client && getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
            peer.sin_family == AF_INET && peer.sin_port == own.sin_port)
            return fd;
    }
    fail_msg("nobody serves the client");
    return -1;
}

/* With Nagle's algorithm a step would take 40 ms. */
static void test_tcp_does_not_delay(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 0;
    socklen_t len = sizeof on;
    struct err e;
    unsigned port;
    (void)state;
    assert_int_equal(service_listen(w, "tcp:127.0.0.1:0", &e), 0);
    assert_int_equal(sscanf(w->name, "tcp:127.0.0.1:%u", &port), 1);
    in.sin_port = htons((uint16_t)port);
    service_run(w);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
    client_expect(fd, "!", "+$OK");
    assert_int_equal(getsockopt(served_end(fd), IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_int_not_equal(on, 0);
    close(fd);
    service_close(w);
}

/* A socket that keeps the bounds of writes shows that ack and reply are one. */
static void test_ack_and_reply_in_one_write(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int listening = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    char address[16], buf[64];
    struct err e;
    (void)state;
    strcpy(un.sun_path, w->path);
    assert_int_equal(bind(listening, (struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(listening, 1), 0);
    snprintf(address, sizeof address, "fd:%d", listening);
    assert_int_equal(service_listen(w, address, &e), 0);
    service_run(w);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
    client_packet(fd, "!");
    assert_true(client_ready(fd, POLLIN));
    assert_int_equal(read(fd, buf, sizeof buf), 7);
    assert_memory_equal(buf, "+$OK#9a", 7);
    close(fd);
    service_close(w);
    unlink(un.sun_path);
}

static void test_tcp_port_taken(void **state)
{
    struct service *w = service_open((struct policy){0}), *v = service_open((struct policy){0});
    struct err e;
    (void)state;
    assert_int_equal(service_listen(w, "tcp:127.0.0.1:0", &e), 0);
    assert_int_equal(service_listen(v, w->name, &e), -1);
    assert_int_equal(e.status, EXIT_OTHER);
    assert_non_null(strstr(e.text, w->name));
    service_close(v);
    service_close(w);
}

static void test_unix_mode_and_removal(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct stat st;
    struct err e;
    char path[96];
    (void)state;
    mode_t old = umask(0);
    assert_int_equal(service_listen_unix(w, &e), 0);
    assert_int_equal(umask(old), 0);
    assert_int_equal(lstat(w->path, &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0600);
    strcpy(path, w->path);
    service_close(w);
    assert_int_equal(lstat(path, &st), -1);
}

static void test_unix_path_in_use(void **state)
{
    struct service *w = service_open_unix((struct policy){0}), *v = service_open((struct policy){0});
    struct err e;
    (void)state;
    strcpy(v->path, w->path);
    assert_int_equal(service_listen_unix(v, &e), -1);
    assert_int_equal(e.status, EXIT_OTHER);
    assert_non_null(strstr(e.text, "somebody answers"));
    client_visit(w);
    service_close(v);
    service_close(w);
}

/* At the server's path, but not the server's. */
static int bound_socket(const struct service *w)
{
    struct sockaddr_un un;
    int fd = client_socket(w, &un);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    return fd;
}

static void test_stale_socket_is_replaced(void **state)
{
    struct service *w = service_open((struct policy){0});
    (void)state;
    int dead = bound_socket(w);
    close(dead);
    service_start_unix(w);
    client_visit(w);
    service_close(w);
}

static void test_a_file_is_never_replaced(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct stat st;
    struct err e;
    (void)state;
    close(open(w->path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(service_listen_unix(w, &e), -1);
    assert_int_equal(lstat(w->path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    unlink(w->path);
    service_close(w);
}

static void test_anothers_socket_is_left_at_the_end(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct stat st;
    struct err e;
    char path[96], dir[64];
    (void)state;
    assert_int_equal(service_listen_unix(w, &e), 0);
    unlink(w->path);
    close(open(w->path, O_CREAT | O_WRONLY, 0600));
    strcpy(path, w->path);
    strcpy(dir, w->dir);
    service_close(w);
    assert_int_equal(lstat(path, &st), 0);
    unlink(path);
    rmdir(dir);
}

static void test_passed_socket(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct err e;
    char address[32];
    (void)state;
    int fd = bound_socket(w);
    snprintf(address, sizeof address, "fd:%d", fd);
    assert_int_equal(service_listen(w, address, &e), -1);
    assert_non_null(strstr(e.text, "not a listening socket"));
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(service_listen(w, address, &e), 0);
    service_run(w);
    client_visit(w);
    unlink(w->path);
    service_close(w);
}

/* ---- stdio, signals ---- */

/* The server reads to[0] and writes from[1]. */
static struct service *open_stdio(int to[2], int from[2])
{
    struct service *w = service_open((struct policy){0});
    struct err e;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    assert_int_equal(server_stdio(w->server, to[0], from[1], &e), 0);
    return w;
}

static void close_pair(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static void test_stdio(void **state)
{
    int to[2], from[2];
    struct service *w = open_stdio(to, from);
    (void)state;
    assert_int_equal(fcntl(from[1], F_GETFL) & O_NONBLOCK, 0);
    service_run(w);
    assert_int_equal(write(to[1], "$?#3f", 5), 5);
    assert_true(starts(client_get(from[0]), "+$T05"));
    close(to[1]);
    assert_int_equal(service_join(w), EXIT_SHUTDOWN);
    close(to[0]);
    close_pair(from);
    service_close(w);
}

/* A pipe that nobody empties: the loop still hears a signal. */
static void test_stdio_that_is_not_read(void **state)
{
    int to[2], from[2];
    struct service *w = open_stdio(to, from);
    (void)state;
    service_run(w);
    assert_int_equal(write(to[1], "$x100000,20000#e2", 17), 17);
    assert_true(client_ready(from[0], POLLIN));
    assert_int_equal(service_stop(w), EXIT_SHUTDOWN);
    close_pair(to);
    close_pair(from);
    service_close(w);
}

static void test_stdio_that_is_closed(void **state)
{
    struct service *w = service_open((struct policy){0});
    struct err e;
    (void)state;
    assert_int_equal(server_stdio(w->server, 999, 999, &e), -1);
    service_close(w);
}

static void test_signals(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct service *w = service_open_unix((struct policy){0});
        int fd = client_dial(w);
        client_expect(fd, "!", "+$OK");
        raise(signals[i]);
        assert_int_equal(service_join(w), EXIT_SHUTDOWN);
        assert_false(fake_running(w->fake));
        close(fd);
        service_close(w);
    }
}

/* SIGPWR asks the guest to shut down, and ends nothing by itself. */
static void test_power_signal(void **state)
{
    static const char *const refusals[] = {NULL, "it does not listen"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct service *w = service_open_unix((struct policy){0});
        int fd = client_dial(w);
        client_expect(fd, "!", "+$OK");
        w->fake->fail_signal = refusals[i];
        raise(SIGPWR);
        for (unsigned turn = 0; turn < 2; turn++) /* of the loop, which has seen the signal then */
            client_expect(fd, "?", "+$T");
        close(fd);
        assert_int_equal(service_stop(w), EXIT_SHUTDOWN);
        assert_int_equal(w->fake->signals, 1);
        assert_int_equal(w->fake->signal, MACHINE_POWERDOWN);
        service_close(w);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tcp_does_not_delay),
        cmocka_unit_test(test_ack_and_reply_in_one_write),
        cmocka_unit_test(test_tcp_port_taken),
        cmocka_unit_test(test_unix_mode_and_removal),
        cmocka_unit_test(test_unix_path_in_use),
        cmocka_unit_test(test_stale_socket_is_replaced),
        cmocka_unit_test(test_a_file_is_never_replaced),
        cmocka_unit_test(test_anothers_socket_is_left_at_the_end),
        cmocka_unit_test(test_passed_socket),
        cmocka_unit_test(test_stdio),
        cmocka_unit_test(test_stdio_that_is_not_read),
        cmocka_unit_test(test_stdio_that_is_closed),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_power_signal),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
