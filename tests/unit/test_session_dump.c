/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor dump` as a debugger sees it: its answer, what it refuses, its progress, and its end before it is
 * complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session_rig.h"
#include "zgdbd/log.h"

/* "monitor dump vmcore" */
#define DUMP "qRcmd,64756d7020766d636f7265"
/* No end of it is to be reached: nearly all of it is a hole. */
#define FOREVER (1ull << 40)

static char dir[64], back[4096];

/* Dumps go to the current directory. */
static int setup(void **state)
{
    strcpy(dir, "/tmp/zgdbd-dump-XXXXXX");
    return getcwd(back, sizeof back) && mkdtemp(dir) && chdir(dir) == 0 ? world_setup(state) : -1;
}

/* No dump is left that the test does not know of. */
static int teardown(void **state)
{
    world_teardown(state);
    return chdir(back) == 0 ? rmdir(dir) : -1;
}

/* The answer is one packet. */
static const char *dump(struct world *w)
{
    return text_of(ask(w, DUMP));
}

static void test_a_dump(void **state)
{
    struct world *w = *state;
    char expected[256];
    struct stat st;
    const char *text = dump(w);

    snprintf(expected, sizeof expected,
             "%s/vmcore has 0 MiB of memory and 2 CPUs; 0 MiB on disk, written in ", dir);
    assert_memory_equal(text, expected, strlen(expected));
    snprintf(expected, sizeof expected, "Open it with: zgdbd --core %s/vmcore; or crash vmlinux %s/vmcore\n",
             dir, dir);
    CONTAINS(text, expected);
    assert_int_equal(stat("vmcore", &st), 0);
    assert_true(st.st_size > FAKE_MEMORY);
    /* The session goes on as ever. */
    EXPECT("qCRC:100000,0", "Cffffffff");
    /* And what is there stays. */
    CONTAINS(monitor(w, "dump vmcore"), "There is no dump: the file ");
    CONTAINS(monitor(w, "dump vmcore"), "/vmcore exists already: remove it, or choose another name.\n");
    assert_int_equal(unlink("vmcore"), 0);
}

static void test_names_that_are_none(void **state)
{
    struct world *w = *state;

    CONTAINS(monitor(w, "dump"), "usage: monitor dump FILE\n");
    CONTAINS(monitor(w, "dump ../vmcore"), "There is no dump: give the dump a plain name");
    CONTAINS(monitor(w, "dump /etc/passwd"), "There is no dump: give the dump a plain name");
    CONTAINS(monitor(w, "dump a b"), "There is no dump: give the dump a plain name");
}

static void begin_forever(struct world *w)
{
    char packet[128];
    size_t n = packet_frame(packet, DUMP, strlen(DUMP)), len;

    w->fake->machine.memory = FOREVER;
    assert_int_equal(session_input(w->a.session, packet, n), n);
    assert_true(session_working(w->a.session));
    session_output(w->a.session, &len);
    session_sent(w->a.session, len);
    assert_int_equal(access("vmcore", F_OK), 0);
}

static size_t unsent(const struct world *w)
{
    size_t len;

    session_output(w->a.session, &len);
    return len;
}

/* No packet: at each gdb would look whether to leave what follows unread. */
static void test_signs_of_life(void **state)
{
    struct world *w = *state;
    size_t len;

    EXPECT("QStartNoAckMode", "OK");
    begin_forever(w);
    while (!unsent(w))
        session_work(w->a.session);
    assert_memory_equal(session_output(w->a.session, &len), "+", 1);
    assert_int_equal(len, 1);
    session_sent(w->a.session, 1);
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "E04");
}

static void test_an_interrupt(void **state)
{
    struct world *w = *state;

    ask(w, ALL_FEATURES);
    begin_forever(w);
    const char *reply = peer_send(w, &w->a, "\x03", 1);
    assert_string_equal(reply, "E.interrupted");
    assert_false(session_working(w->a.session));
    assert_int_equal(access("vmcore", F_OK), -1);
    assert_int_equal(w->fake->interrupts, 0);
    w->fake->machine.memory = FAKE_MEMORY;
    CONTAINS(dump(w), "Open it with");
    assert_int_equal(unlink("vmcore"), 0);
}

static void test_the_connection_is_lost(void **state)
{
    struct world *w = *state;

    begin_forever(w);
    peer_again(w, &w->a);
    assert_int_equal(access("vmcore", F_OK), -1);
    w->fake->machine.memory = FAKE_MEMORY;
    STARTS("?", "T02");
}

static void test_the_daemon_ends(void **state)
{
    struct world *w = *state;

    begin_forever(w);
    target_quit(w->target, EXIT_SHUTDOWN);
    session_work(w->a.session);
    assert_false(session_working(w->a.session));
    assert_int_equal(access("vmcore", F_OK), -1);
}

#define DUMP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DUMP_TEST(test_a_dump),       DUMP_TEST(test_names_that_are_none),    DUMP_TEST(test_signs_of_life),
        DUMP_TEST(test_an_interrupt), DUMP_TEST(test_the_connection_is_lost), DUMP_TEST(test_the_daemon_ends),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
