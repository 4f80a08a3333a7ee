/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server over real sockets, its loop on a thread of its own, and the client's side of a connection. Events
 * are waited for with a deadline, never for time to pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "server_rig.h"

#define DEADLINE_MS 20000

static void *loop(void *arg)
{
    struct service *w = arg;
    w->status = server_run(w->server);
    return NULL;
}

/* Whoever runs the tests may have ignored signals for them (nohup, a job in the background of a script). */
static void heed_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            signal(signals[i], SIG_DFL);
    }
}

struct service *service_open(struct policy policy)
{
    struct service *w = calloc(1, sizeof *w);
    struct err e;
    heed_signals();
    strcpy(w->dir, "/tmp/zgdbd-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/s", w->dir);
    w->server = server_create(&e);
    assert_non_null(w->server);
    w->fake = fake_create((struct machine_events){server_wake, w->server});
    w->exec = exec_file_open("/etc/passwd", NULL, false, 0x100000, &e);
    struct target_config config = {.machine = &w->fake->machine, .exec = w->exec, .policy = policy};
    w->target = target_create(&config, &e);
    server_set_target(w->server, w->target);
    console_init(&w->ring, server_wake, w->server);
    console_init(&w->input, server_wake, w->server);
    server_console_rings(w->server, &w->ring, &w->input, 0x1d);
    return w;
}

int service_listen(struct service *w, const char *address, struct err *e)
{
    struct listen_spec spec;
    return listen_parse(address, &spec, e) ? -1 : server_listen(w->server, &spec, w->name, sizeof w->name, e);
}

int service_listen_unix(struct service *w, struct err *e)
{
    char address[128];
    snprintf(address, sizeof address, "unix:%s", w->path);
    return service_listen(w, address, e);
}

void service_run(struct service *w)
{
    assert_int_equal(pthread_create(&w->thread, NULL, loop, w), 0);
    w->running = true;
}

int service_join(struct service *w)
{
    pthread_join(w->thread, NULL);
    w->running = false;
    return w->status;
}

int service_stop(struct service *w)
{
    raise(SIGTERM);
    return service_join(w);
}

void service_close(struct service *w)
{
    if (w->running)
        service_stop(w);
    server_close(w->server);
    machine_destroy(&w->fake->machine);
    target_destroy(w->target);
    server_destroy(w->server);
    exec_file_close(w->exec);
    rmdir(w->dir);
    free(w);
}

void service_start_unix(struct service *w)
{
    struct err e;
    if (service_listen_unix(w, &e))
        fail_msg("%s", e.text);
    service_run(w);
}

struct service *service_open_unix(struct policy policy)
{
    struct service *w = service_open(policy);
    service_start_unix(w);
    return w;
}

/* ---- the guest's console ---- */

void guest_writes(struct service *w, const char *text)
{
    console_write(&w->ring, (const uint8_t *)text, strlen(text));
}

void guest_takes(struct service *w, char *buf, size_t len, size_t chunk)
{
    time_t end = time(NULL) + DEADLINE_MS / 1000;
    for (size_t got = 0; got < len;) {
        size_t n = console_take(&w->input, (uint8_t *)buf + got, len - got < chunk ? len - got : chunk);
        got += n;
        if (!n)
            sched_yield();
        assert_true(time(NULL) < end);
    }
}

void guest_reads(struct service *w, const char *text)
{
    char buf[256] = "";
    guest_takes(w, buf, strlen(text), sizeof buf);
    assert_string_equal(buf, text);
}

/* ---- the client ---- */

int client_socket(const struct service *w, struct sockaddr_un *un)
{
    *un = (struct sockaddr_un){.sun_family = AF_UNIX};
    strcpy(un->sun_path, w->path);
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

int client_dial_path(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(un.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
    return fd;
}

int client_dial(const struct service *w)
{
    return client_dial_path(w->path);
}

bool client_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    while ((n = poll(&p, 1, DEADLINE_MS)) < 0 && errno == EINTR)
        ;
    return n > 0;
}

void client_put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void client_packet(int fd, const char *payload)
{
    char buf[256];
    size_t len = strlen(payload);
    assert_true(len + 5 <= sizeof buf);
    packet_frame(buf, payload, len);
    client_put(fd, buf);
}

const char *client_get(int fd)
{
    static char buf[65536]; /* a report on a crash fits */
    size_t len = 0;
    for (;;) {
        assert_true(client_ready(fd, POLLIN));
        ssize_t n = read(fd, buf + len, sizeof buf - 1 - len);
        if (n <= 0)
            return "";
        len += (size_t)n;
        buf[len] = 0;
        if (len >= 4 && buf[len - 3] == '#')
            return buf;
    }
}

void client_expect(int fd, const char *packet, const char *start)
{
    client_packet(fd, packet);
    const char *reply = client_get(fd);
    if (!starts(reply, start))
        fail_msg("%s: %s, not %s", packet, reply, start);
}

void client_ack(int fd)
{
    char ack;
    assert_true(client_ready(fd, POLLIN));
    assert_int_equal(read(fd, &ack, 1), 1);
}

void client_visit(const struct service *w)
{
    int fd = client_dial(w);
    client_expect(fd, "!", "+$OK");
    close(fd);
}

bool client_at_end(int fd)
{
    char byte[256];
    ssize_t n;
    do
        assert_true(client_ready(fd, POLLIN));
    while ((n = read(fd, byte, sizeof byte)) > 0);
    return true;
}

void client_reads(int fd, const char *text)
{
    char buf[256] = "";
    size_t len = strlen(text), got = 0;
    while (got < len) {
        assert_true(client_ready(fd, POLLIN));
        ssize_t n = read(fd, buf + got, len - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_string_equal(buf, text);
}
