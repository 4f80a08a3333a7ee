/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections to a server: a debugger from attach to exit, a second one, probes, a lost one, and one that
 * does not read. What the packets mean is test_session_*.c's; here it is how they travel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server_rig.h"
#include "zgdbd/log.h"

/* Reads packets until this comes. */
static void await(int fd, const char *part)
{
    const char *got;
    do
        got = client_get(fd);
    while (got[0] && !strstr(got, part));
    assert_true(got[0]);
}

static void test_attach_interrupt_and_end(void **state)
{
    struct service *w = service_open((struct policy){0});
    (void)state;
    target_start(w->target);
    service_start_unix(w);
    int fd = client_dial(w);
    client_expect(fd, "?", "+$T02");
    client_packet(fd, "c");
    client_put(fd, "\x03");
    const char *reply = client_get(fd);
    assert_non_null(strstr(reply, "$T02"));
    client_packet(fd, "c");
    client_ack(fd);
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    await(fd, "$T06"); /* behind the report */
    close(fd);
    service_close(w);
}

static void test_exit_status(void **state)
{
    struct service *w = service_open_unix((struct policy){.on_panic = ACTION_EXIT});
    (void)state;
    fake_script(w->fake, STOP_DISABLED_WAIT);
    int fd = client_dial(w);
    client_packet(fd, "c");
    await(fd, "$W03#");
    assert_true(client_at_end(fd));
    assert_int_equal(service_join(w), EXIT_PANIC);
    close(fd);
    service_close(w);
}

/* A dump is written by the loop, in turns, before the daemon ends, or the debugger hears of the stop. */
static void test_dump_at_the_end(void **state)
{
    char path[] = "/tmp/zgdbd-dump-XXXXXX", magic[4];
    struct policy policy = {.npanic_files = 1, .panic_files = {{PANIC_DUMP, path}}};
    int file = mkstemp(path);
    (void)state;
    assert_true(file >= 0);
    close(file);
    for (int debugger = 0; debugger < 2; debugger++) {
        struct service *w = service_open(policy);
        fake_script(w->fake, STOP_DISABLED_WAIT);
        if (!debugger)
            target_start(w->target);
        service_start_unix(w);
        if (debugger) {
            int fd = client_dial(w);
            client_packet(fd, "c");
            await(fd, "$T06");
            close(fd);
        } else {
            assert_int_equal(service_join(w), EXIT_PANIC);
        }
        file = open(path, O_RDONLY);
        assert_int_equal(read(file, magic, 4), 4);
        assert_memory_equal(magic, "\177ELF", 4);
        close(file);
        assert_int_equal(truncate(path, 0), 0);
        service_close(w);
    }
    unlink(path);
}

static void test_probe_and_second_debugger(void **state)
{
    struct service *w = service_open_unix((struct policy){0});
    (void)state;
    int probe = client_dial(w);
    client_put(probe, "GET / HTTP/1.0\r\n\r\n");
    int first = client_dial(w);
    client_expect(first, "?", "+$T05");
    int second = client_dial(w);
    client_packet(second, "qSupported");
    assert_true(starts(client_get(second), "+$E.another debugger"));
    client_packet(second, "k"); /* is read, and has no effect */
    assert_true(client_at_end(second));
    close(second);
    client_expect(first, "p0", "+$00");
    close(probe);
    client_expect(first, "D", "+$OK");
    close(first);
    int third = client_dial(w);
    client_expect(third, "?", "+$T02");
    close(third);
    service_close(w);
}

#define SEARCH_FOREVER "qSearch:memory:100000;ffffffffffe00000;nowhere"

/* Whoever waits for a search's end keeps nobody else waiting, and can give it up. */
static void test_long_work(void **state)
{
    struct service *w = service_open_unix((struct policy){0});
    (void)state;
    w->fake->endless = true;
    int fd = client_dial(w);
    client_packet(fd, SEARCH_FOREVER);
    client_ack(fd);
    for (int i = 0; i < 3; i++) {
        int other = client_dial(w);
        client_expect(other, "?", "+$E.another");
        close(other);
    }
    client_packet(fd, "D"); /* waits */
    client_put(fd, "\x03"); /* and so does this, which is behind it */
    close(fd);
    fd = client_dial(w);
    while (starts((client_packet(fd, "?"), client_get(fd)), "+$E.another")) {
        close(fd);
        fd = client_dial(w);
    }
    client_packet(fd, SEARCH_FOREVER);
    client_ack(fd);
    client_put(fd, "\x03");
    assert_non_null(strstr(client_get(fd), "$E04#"));
    client_expect(fd, "qSearch:memory:100000;100;\x05", "+$1,100005#");
    client_packet(fd, SEARCH_FOREVER);
    client_ack(fd);
    assert_int_equal(service_stop(w), EXIT_SHUTDOWN);
    close(fd);
    service_close(w);
}

/* More open probes than slots never keep a debugger out, nor throw one out. */
static void test_many_probes(void **state)
{
    struct service *w = service_open_unix((struct policy){0});
    int probes[40];
    (void)state;
    int fd = client_dial(w);
    client_expect(fd, "?", "+$T05");
    for (int i = 0; i < 40; i++)
        probes[i] = client_dial(w);
    client_expect(probes[39], "?", "+$E.another");
    client_expect(fd, "!", "+$OK");
    for (int i = 0; i < 40; i++)
        close(probes[i]);
    close(fd);
    service_close(w);
}

static void test_kill(void **state)
{
    struct service *w = service_open_unix((struct policy){0});
    (void)state;
    int fd = client_dial(w);
    client_expect(fd, "P1=0000000000009999", "+$OK");
    client_packet(fd, "k");
    assert_true(client_at_end(fd));
    close(fd);
    fd = client_dial(w);
    client_expect(fd, "p1", "+$01");
    assert_false(fake_running(w->fake));
    close(fd);
    service_close(w);
}

static void test_lost_connection(void **state)
{
    struct service *w = service_open_unix((struct policy){.on_disconnect = DISCONNECT_EXIT});
    (void)state;
    int fd = client_dial(w);
    client_packet(fd, "s");
    client_ack(fd);
    close(fd);
    assert_int_equal(service_join(w), EXIT_SHUTDOWN);
    service_close(w);
}

/* A client that only writes: the server stops reading from it, and goes on once it reads. */
static void test_client_that_does_not_read(void **state)
{
    struct service *w = service_open_unix((struct policy){0});
    static const char request[] = "$x100000,20000#e2";
    size_t sent = 0, most = 64u << 20, got = 0;
    char buf[65536];
    ssize_t n;
    (void)state;
    int fd = client_dial(w);
    client_expect(fd, "QStartNoAckMode", "+$OK");
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
    int other = client_dial(w);
    client_expect(other, "?", "+$E.another");
    close(other);
    while (got < 4 * 0x20000) {
        assert_true(client_ready(fd, POLLIN));
        n = read(fd, buf, sizeof buf);
        assert_true(n > 0);
        got += (size_t)n;
    }
    close(fd);
    service_close(w);
}

/* Lines of the log in front of the one with this text, for which they are read to the end. */
static unsigned lines_before(FILE *log, const char *text)
{
    char line[1024];
    unsigned lines = 0;
    rewind(log);
    while (fgets(line, sizeof line, log) && !strstr(line, text))
        lines++;
    assert_false(feof(log));
    return lines;
}

#define BURST 150

/* Whoever sends many packets at once is not served with all of them before others are. */
static void test_a_burst(void **state)
{
    struct service *w = service_open((struct policy){0});
    FILE *log = tmpfile();
    int error = dup(STDERR_FILENO);
    struct err e;
    (void)state;
    assert_true(log && error >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
    log_set_level(LOG_DEBUG);
    assert_int_equal(service_listen_unix(w, &e), 0);
    int first = client_dial(w);
    for (int i = 0; i < BURST; i++)
        client_packet(first, "pfff"); /* each is refused, which is logged */
    int second = client_dial(w);
    client_packet(second, "?");
    service_run(w);
    assert_true(starts(client_get(second), "+$E.another"));
    for (int i = 0; i < BURST; i++)
        client_reads(first, "+$E16#ac");
    log_set_level(LOG_ERROR);
    assert_true(dup2(error, STDERR_FILENO) >= 0);
    assert_in_range(lines_before(log, "second debugger"), 1, 2 * BURST / 3);
    close(error);
    fclose(log);
    close(first);
    close(second);
    service_close(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attach_interrupt_and_end),
        cmocka_unit_test(test_dump_at_the_end),
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_probe_and_second_debugger),
        cmocka_unit_test(test_many_probes),
        cmocka_unit_test(test_long_work),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_client_that_does_not_read),
        cmocka_unit_test(test_a_burst),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
