/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is typed at the guest's console: on a pipe, at Unix sockets and on a pseudo-terminal; in order,
 * without loss behind a guest that takes it slowly, and with places that end, come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "../../stub/server/internal.h"
#include "server_rig.h"
#include "zgdbd/log.h"

/* Takes exactly len bytes, as a guest that reads chunk bytes at a time. */
static void guest_takes(struct service *w, char *buf, size_t len, size_t chunk)
{
    size_t got = 0;
    while (got < len) {
        size_t n = console_take(&w->input, (uint8_t *)buf + got, len - got < chunk ? len - got : chunk);
        got += n;
        if (!n)
            sched_yield();
    }
}

static void guest_reads(struct service *w, const char *text)
{
    char buf[256];
    guest_takes(w, buf, strlen(text), sizeof buf);
    assert_memory_equal(buf, text, strlen(text));
}

static void client_reads(int fd, const char *text)
{
    char buf[256];
    size_t len = strlen(text), got = 0;
    while (got < len) {
        assert_true(client_ready(fd, POLLIN));
        ssize_t n = read(fd, buf + got, len - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_memory_equal(buf, text, len);
}

static void guest_writes(struct service *w, const char *text)
{
    console_write(&w->ring, (const uint8_t *)text, strlen(text));
}

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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_much_through_a_slow_guest),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
