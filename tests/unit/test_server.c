/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server over real sockets, with the fake machine: the loop runs on a thread of its own, the test is its
 * client and waits for events with a deadline, never for time to pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_machine.h"
#include "zgdbd/log.h"
#include "zgdbd/server.h"

#define DEADLINE_MS 20000

struct world {
    struct server *server;
    struct fake_machine *fake;
    struct exec_file *exec;
    struct target *target;
    struct console_ring ring;
    pthread_t thread;
    bool running;
    int status;
    char name[256];
    char dir[64];
    char path[96];
};

static void *loop(void *arg)
{
    struct world *w = arg;
    w->status = server_run(w->server);
    return NULL;
}

static struct world *open_world(struct policy policy)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e;
    strcpy(w->dir, "/tmp/zgdbd-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/s", w->dir);
    w->server = server_create(&e);
    assert_non_null(w->server);
    w->fake = fake_create((struct machine_events){server_wake, w->server});
    w->exec = exec_file_open("/etc/passwd", NULL, &e);
    struct target_config config = {.machine = &w->fake->machine, .exec = w->exec, .policy = policy};
    w->target = target_create(&config, &e);
    server_set_target(w->server, w->target);
    console_init(&w->ring, server_wake, w->server);
    return w;
}

static int listen_on(struct world *w, const char *address, struct err *e)
{
    struct listen_spec spec;
    return listen_parse(address, &spec, e) ? -1 : server_listen(w->server, &spec, w->name, sizeof w->name, e);
}

static int listen_unix(struct world *w, struct err *e)
{
    char address[128];
    snprintf(address, sizeof address, "unix:%s", w->path);
    return listen_on(w, address, e);
}

static void run(struct world *w)
{
    assert_int_equal(pthread_create(&w->thread, NULL, loop, w), 0);
    w->running = true;
}

static int join(struct world *w)
{
    pthread_join(w->thread, NULL);
    w->running = false;
    return w->status;
}

static void close_world(struct world *w)
{
    if (w->running) {
        raise(SIGTERM);
        join(w);
    }
    server_close(w->server);
    target_destroy(w->target);
    machine_destroy(&w->fake->machine);
    server_destroy(w->server);
    exec_file_close(w->exec);
    rmdir(w->dir);
    free(w);
}

static struct world *serve_unix(struct policy policy)
{
    struct world *w = open_world(policy);
    struct err e;
    if (listen_unix(w, &e))
        fail_msg("%s", e.text);
    run(w);
    return w;
}

/* ---- the client ---- */

static int dial_unix(const struct world *w)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(un.sun_path, w->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
    return fd;
}

static bool ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    while ((n = poll(&p, 1, DEADLINE_MS)) < 0 && errno == EINTR)
        ;
    return n > 0;
}

static void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void put_packet(int fd, const char *payload)
{
    char buf[256];
    uint8_t sum = 0;
    for (const char *p = payload; *p; p++)
        sum = (uint8_t)(sum + *p);
    snprintf(buf, sizeof buf, "$%s#%02x", payload, sum);
    put(fd, buf);
}

/* Reads until a complete packet's end was seen, into a static buffer; "" at the end of the connection. */
static const char *get(int fd)
{
    static char buf[4096];
    size_t len = 0;
    for (;;) {
        assert_true(ready(fd, POLLIN));
        ssize_t n = read(fd, buf + len, sizeof buf - 1 - len);
        if (n <= 0)
            return "";
        len += (size_t)n;
        buf[len] = 0;
        if (len >= 4 && buf[len - 3] == '#')
            return buf;
    }
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void expect(int fd, const char *packet, const char *start)
{
    put_packet(fd, packet);
    const char *reply = get(fd);
    if (!begins(reply, start))
        fail_msg("%s: %s, not %s", packet, reply, start);
}

static bool at_end(int fd)
{
    char byte[256];
    ssize_t n;
    do
        assert_true(ready(fd, POLLIN));
    while ((n = read(fd, byte, sizeof byte)) > 0);
    return true;
}

/* ---- listening ---- */

static void test_tcp(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct err e;
    unsigned port;
    (void)state;
    assert_int_equal(listen_on(w, "tcp:127.0.0.1:0", &e), 0);
    assert_int_equal(sscanf(w->name, "tcp:127.0.0.1:%u", &port), 1);
    assert_int_not_equal(port, 0);
    run(w);
    in.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
    /* Ack and reply arrive as one. */
    put_packet(fd, "!");
    char buf[64];
    assert_true(ready(fd, POLLIN));
    assert_int_equal(read(fd, buf, sizeof buf), 7);
    assert_memory_equal(buf, "+$OK#9a", 7);
    close(fd);
    close_world(w);
}

static void test_tcp_port_taken(void **state)
{
    struct world *w = open_world((struct policy){0}), *v = open_world((struct policy){0});
    struct err e;
    (void)state;
    assert_int_equal(listen_on(w, "tcp:127.0.0.1:0", &e), 0);
    assert_int_equal(listen_on(v, w->name, &e), -1);
    assert_int_equal(e.status, EXIT_OTHER);
    assert_non_null(strstr(e.text, w->name));
    close_world(v);
    close_world(w);
}

static void test_unix_mode_and_removal(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct stat st;
    struct err e;
    char path[96];
    (void)state;
    mode_t old = umask(0);
    assert_int_equal(listen_unix(w, &e), 0);
    assert_int_equal(umask(old), 0);
    assert_int_equal(lstat(w->path, &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0600);
    strcpy(path, w->path);
    close_world(w);
    assert_int_equal(lstat(path, &st), -1);
}

static void test_unix_path_in_use(void **state)
{
    struct world *w = serve_unix((struct policy){0}), *v = open_world((struct policy){0});
    struct err e;
    (void)state;
    strcpy(v->path, w->path);
    assert_int_equal(listen_unix(v, &e), -1);
    assert_int_equal(e.status, EXIT_OTHER);
    assert_non_null(strstr(e.text, "somebody answers"));
    int fd = dial_unix(w);
    expect(fd, "!", "+$OK");
    close(fd);
    close_world(v);
    close_world(w);
}

static void test_stale_socket_is_replaced(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct err e;
    (void)state;
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(un.sun_path, w->path);
    assert_int_equal(bind(dead, (struct sockaddr *)&un, sizeof un), 0);
    close(dead);
    assert_int_equal(listen_unix(w, &e), 0);
    run(w);
    int fd = dial_unix(w);
    expect(fd, "!", "+$OK");
    close(fd);
    close_world(w);
}

static void test_a_file_is_never_replaced(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct stat st;
    struct err e;
    (void)state;
    close(open(w->path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(listen_unix(w, &e), -1);
    assert_int_equal(lstat(w->path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    unlink(w->path);
    close_world(w);
}

static void test_anothers_socket_is_left_at_the_end(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct stat st;
    struct err e;
    char path[96], dir[64];
    (void)state;
    assert_int_equal(listen_unix(w, &e), 0);
    unlink(w->path);
    close(open(w->path, O_CREAT | O_WRONLY, 0600));
    strcpy(path, w->path);
    strcpy(dir, w->dir);
    close_world(w);
    assert_int_equal(lstat(path, &st), 0);
    unlink(path);
    rmdir(dir);
}

static void test_passed_socket(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct err e;
    char address[32];
    (void)state;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(un.sun_path, w->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    snprintf(address, sizeof address, "fd:%d", fd);
    assert_int_equal(listen_on(w, address, &e), -1);
    assert_non_null(strstr(e.text, "not a listening socket"));
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(listen_on(w, address, &e), 0);
    run(w);
    int client = dial_unix(w);
    expect(client, "!", "+$OK");
    close(client);
    unlink(w->path);
    close_world(w);
}

/* ---- connections ---- */

static void test_attach_interrupt_and_end(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct err e;
    (void)state;
    assert_int_equal(listen_unix(w, &e), 0);
    target_start(w->target);
    run(w);
    int fd = dial_unix(w);
    expect(fd, "?", "+$T02");
    put_packet(fd, "c");
    put(fd, "\x03");
    const char *reply = get(fd);
    assert_non_null(strstr(reply, "$T02"));
    put_packet(fd, "c");
    char ack;
    assert_true(ready(fd, POLLIN));
    assert_int_equal(read(fd, &ack, 1), 1);
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    assert_non_null(strstr(get(fd), "$T06"));
    close(fd);
    close_world(w);
}

static void test_exit_status(void **state)
{
    struct world *w = serve_unix((struct policy){.on_panic = ACTION_EXIT});
    (void)state;
    fake_script(w->fake, STOP_DISABLED_WAIT);
    int fd = dial_unix(w);
    put_packet(fd, "c");
    assert_non_null(strstr(get(fd), "$W03#"));
    assert_true(at_end(fd));
    assert_int_equal(join(w), EXIT_PANIC);
    close(fd);
    close_world(w);
}

static void test_probe_and_second_debugger(void **state)
{
    struct world *w = serve_unix((struct policy){0});
    (void)state;
    int probe = dial_unix(w);
    put(probe, "GET / HTTP/1.0\r\n\r\n");
    int first = dial_unix(w);
    expect(first, "?", "+$T05");
    int second = dial_unix(w);
    put_packet(second, "qSupported");
    assert_true(begins(get(second), "+$E.another debugger"));
    put_packet(second, "k"); /* is read, and has no effect */
    assert_true(at_end(second));
    close(second);
    expect(first, "p0", "+$00");
    close(probe);
    expect(first, "D", "+$OK");
    close(first);
    int third = dial_unix(w);
    expect(third, "?", "+$T02");
    close(third);
    close_world(w);
}

/* More open probes than slots never keep a debugger out, nor throw one out. */
static void test_many_probes(void **state)
{
    struct world *w = serve_unix((struct policy){0});
    int probes[40];
    (void)state;
    int fd = dial_unix(w);
    expect(fd, "?", "+$T05");
    for (int i = 0; i < 40; i++)
        probes[i] = dial_unix(w);
    expect(probes[39], "?", "+$E.another");
    expect(fd, "!", "+$OK");
    for (int i = 0; i < 40; i++)
        close(probes[i]);
    close(fd);
    close_world(w);
}

static void test_kill(void **state)
{
    struct world *w = serve_unix((struct policy){0});
    (void)state;
    int fd = dial_unix(w);
    expect(fd, "P1=0000000000009999", "+$OK");
    put_packet(fd, "k");
    assert_true(at_end(fd));
    close(fd);
    fd = dial_unix(w);
    expect(fd, "p1", "+$01");
    assert_false(fake_running(w->fake));
    close(fd);
    close_world(w);
}

static void test_lost_connection(void **state)
{
    struct world *w = serve_unix((struct policy){.on_disconnect = DISCONNECT_EXIT});
    (void)state;
    int fd = dial_unix(w);
    put_packet(fd, "s");
    char ack;
    assert_true(ready(fd, POLLIN));
    assert_int_equal(read(fd, &ack, 1), 1);
    close(fd);
    assert_int_equal(join(w), EXIT_SHUTDOWN);
    close_world(w);
}

/* A client that only writes: the server stops reading from it, and goes on once it reads. */
static void test_client_that_does_not_read(void **state)
{
    struct world *w = serve_unix((struct policy){0});
    static const char request[] = "$x100000,20000#e2";
    size_t sent = 0, most = 64u << 20, got = 0;
    char buf[65536];
    ssize_t n;
    (void)state;
    int fd = dial_unix(w);
    expect(fd, "QStartNoAckMode", "+$OK");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (sent < most) {
        size_t at = sent % (sizeof request - 1);
        n = send(fd, request + at, sizeof request - 1 - at, MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        assert_int_equal(errno, EAGAIN);
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (poll(&p, 1, 300) == 0)
            break;
    }
    assert_true(sent < most);
    /* Another connection is served meanwhile. */
    int other = dial_unix(w);
    expect(other, "?", "+$E.another");
    close(other);
    while (got < 4 * 0x20000) {
        assert_true(ready(fd, POLLIN));
        n = read(fd, buf, sizeof buf);
        assert_true(n > 0);
        got += (size_t)n;
    }
    close(fd);
    close_world(w);
}

/* ---- stdio, signals ---- */

static void test_stdio(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct err e;
    int to[2], from[2];
    (void)state;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    assert_int_equal(server_stdio(w->server, to[0], from[1], &e), 0);
    assert_int_equal(fcntl(from[1], F_GETFL) & O_NONBLOCK, 0);
    run(w);
    assert_int_equal(write(to[1], "$?#3f", 5), 5);
    assert_true(begins(get(from[0]), "+$T05"));
    close(to[1]);
    assert_int_equal(join(w), EXIT_SHUTDOWN);
    close(to[0]);
    close(from[0]);
    close(from[1]);
    close_world(w);
}

/* A pipe that nobody empties: the loop still hears a signal. */
static void test_stdio_that_is_not_read(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct err e;
    int to[2], from[2];
    (void)state;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    assert_int_equal(server_stdio(w->server, to[0], from[1], &e), 0);
    run(w);
    assert_int_equal(write(to[1], "$x100000,20000#e2", 17), 17);
    assert_true(ready(from[0], POLLIN));
    raise(SIGTERM);
    assert_int_equal(join(w), EXIT_SHUTDOWN);
    for (int i = 0; i < 2; i++) {
        close(to[i]);
        close(from[i]);
    }
    close_world(w);
}

static void test_stdio_that_is_closed(void **state)
{
    struct world *w = open_world((struct policy){0});
    struct err e;
    (void)state;
    assert_int_equal(server_stdio(w->server, 999, 999, &e), -1);
    close_world(w);
}

static void test_signals(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world *w = serve_unix((struct policy){0});
        int fd = dial_unix(w);
        expect(fd, "!", "+$OK");
        raise(signals[i]);
        assert_int_equal(join(w), EXIT_SHUTDOWN);
        assert_false(fake_running(w->fake));
        close(fd);
        close_world(w);
    }
}

/* ---- the console ---- */

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
    struct world *w = open_world((struct policy){0});
    char path[96], buf[64];
    struct err e;
    (void)state;
    snprintf(path, sizeof path, "%s/c", w->dir);
    struct console_spec spec = {CONSOLE_FILE, path};
    assert_int_equal(server_console(w->server, &spec, &w->ring, &e), 0);
    assert_int_equal(listen_unix(w, &e), 0);
    run(w);
    console_write(&w->ring, (const uint8_t *)"hello\n", 6);
    int fd = dial_unix(w);
    expect(fd, "!", "+$OK");
    close(fd);
    raise(SIGTERM);
    join(w);
    assert_int_equal(read_file(path, buf, sizeof buf), 6);
    assert_string_equal(buf, "hello\n");
    unlink(path);
    spec.path = "/nonexistent/c";
    assert_int_equal(server_console(w->server, &spec, &w->ring, &e), -1);
    assert_non_null(strstr(e.text, "/nonexistent/c"));
    close_world(w);
}

/* A FIFO whose reader does not read: the loop serves on, and what fitted arrives when it does read. */
static void test_console_reader_that_does_not_read(void **state)
{
    struct world *w = open_world((struct policy){0});
    static uint8_t text[CONSOLE_RING_BYTES];
    char path[96], buf[65536];
    struct err e;
    size_t got = 0;
    ssize_t n;
    (void)state;
    snprintf(path, sizeof path, "%s/f", w->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct console_spec spec = {CONSOLE_FILE, path};
    assert_int_equal(server_console(w->server, &spec, &w->ring, &e), -1); /* no reader at all */
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(server_console(w->server, &spec, &w->ring, &e), 0);
    assert_int_equal(listen_unix(w, &e), 0);
    run(w);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 4; i++)
        console_write(&w->ring, text, sizeof text);
    int fd = dial_unix(w);
    expect(fd, "?", "+$T05");
    while (got < sizeof text) {
        assert_true(ready(reader, POLLIN));
        n = read(reader, buf, sizeof buf);
        assert_true(n > 0);
        got += (size_t)n;
    }
    close(reader);
    console_write(&w->ring, text, sizeof text); /* now nobody reads: output is thrown away */
    expect(fd, "!", "+$OK");
    close(fd);
    unlink(path);
    close_world(w);
}

static void test_console_none(void **state)
{
    struct world *w = open_world((struct policy){0});
    static uint8_t text[CONSOLE_RING_BYTES];
    struct console_spec spec = {CONSOLE_NONE, NULL};
    struct err e;
    (void)state;
    assert_int_equal(server_console(w->server, &spec, &w->ring, &e), 0);
    assert_int_equal(listen_unix(w, &e), 0);
    run(w);
    console_write(&w->ring, text, sizeof text);
    int fd = dial_unix(w);
    expect(fd, "!", "+$OK");
    close(fd);
    raise(SIGTERM);
    join(w);
    close_world(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tcp_port_taken),
        cmocka_unit_test(test_unix_mode_and_removal),
        cmocka_unit_test(test_unix_path_in_use),
        cmocka_unit_test(test_stale_socket_is_replaced),
        cmocka_unit_test(test_a_file_is_never_replaced),
        cmocka_unit_test(test_anothers_socket_is_left_at_the_end),
        cmocka_unit_test(test_passed_socket),
        cmocka_unit_test(test_attach_interrupt_and_end),
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_probe_and_second_debugger),
        cmocka_unit_test(test_many_probes),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_client_that_does_not_read),
        cmocka_unit_test(test_stdio),
        cmocka_unit_test(test_stdio_that_is_not_read),
        cmocka_unit_test(test_stdio_that_is_closed),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_console_file),
        cmocka_unit_test(test_console_reader_that_does_not_read),
        cmocka_unit_test(test_console_none),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
