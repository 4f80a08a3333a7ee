/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who debugs the guest, and since when: probes, attaching, a second debugger, detaching, killing, restarting
 * and lost connections. The guest's own ends are test_session_end.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "session_rig.h"
#include "zgdbd/log.h"

/* ---- who is there ---- */

static void test_probe_changes_nothing(void **state)
{
    struct world *w = *state;
    static const char *const probes[] = {"", "GET / HTTP/1.0\r\n\r\n", "+", "\x03", "-", "$!#00", "$!"};
    target_start(w->target);
    for (unsigned i = 0; i < sizeof probes / sizeof *probes; i++) {
        peer_send(w, &w->a, probes[i], strlen(probes[i]));
        assert_false(session_attached(w->a.session));
        peer_again(w, &w->a);
    }
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->interrupts, 0);
    assert_int_equal(w->fake->resumes, 1);
}

static void test_attach_to_a_running_guest(void **state)
{
    struct world *w = *state;
    char packet[64];
    size_t len, n = packet_frame(packet, "?", 1);
    target_start(w->target);
    assert_true(fake_running(w->fake));
    assert_int_equal(session_input(w->a.session, packet, n), n);
    assert_true(session_attached(w->a.session));
    assert_true(session_waiting(w->a.session));
    assert_int_equal(w->fake->interrupts, 1);
    session_output(w->a.session, &len);
    assert_int_equal(len, 0);
    assert_int_equal(session_input(w->a.session, packet, n), 0);
    world_collect(w);
    assert_false(session_waiting(w->a.session));
    assert_true(starts(peer_send(w, &w->a, "", 0), "T02"));
    assert_int_equal(w->a.acks, 1);
    assert_false(fake_running(w->fake));
}

static void test_second_debugger_is_refused(void **state)
{
    struct world *w = *state;
    STARTS("?", "T05");
    EXPECT("Z0,1000,2", "OK");
    EXPECT("vCont;c", "");
    peer_open(w, &w->b);
    peer_ask(w, &w->b, "qSupported", 10);
    assert_true(starts(w->b.reply, "E.another debugger is attached"));
    assert_int_equal(w->b.acks, 1);
    assert_true(session_closing(w->b.session));
    assert_true(fake_running(w->fake));
    assert_string_equal(peer_ask(w, &w->b, "k", 1), "");
    peer_lose(w, &w->b);
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->interrupts, 0);
    assert_true(starts(peer_send(w, &w->a, "\x03", 1), "T02"));
}

static void test_detach_and_attach_again(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,1000,2", "OK");
    EXPECT("D;2", "E03");
    EXPECT("D;1", "OK");
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
    assert_int_equal(w->fake->plan.action[1].verb, CPU_CONTINUE);
    EXPECT("g", "E10");
    EXPECT("D", "OK");
    EXPECT("vKill;1", "E10");
    peer_lose(w, &w->a);
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->interrupts, 0);
    peer_open(w, &w->a);
    STARTS("?", "T02");
    fake_script(w->fake, STOP_STEP);
    STARTS("s", "T05");
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
}

static void test_attach_in_extended_mode(void **state)
{
    struct world *w = *state;
    EXPECT("!", "OK");
    EXPECT("vAttach;2", "E03");
    STARTS("vAttach;1", "T05");
    EXPECT("D", "OK");
    STARTS("vAttach;1", "T02");
    assert_true(session_attached(w->a.session));
    EXPECT("D", "OK");
    peer_open(w, &w->b);
    peer_ask(w, &w->b, "?", 1);
    assert_true(starts(w->b.reply, "T02"));
    STARTS("vAttach;1", "E.another");
}

static void test_detach_while_running(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,1000,2", "OK");
    EXPECT("c", "");
    assert_int_equal(w->fake->plan.nbreakpoints, 1);
    EXPECT("D", "OK");
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->resumes, 2);
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
}

static void test_detach_after_a_panic(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_DISABLED_WAIT);
    ask(w, "c");
    EXPECT("D", "OK");
    assert_false(fake_running(w->fake));
    peer_again(w, &w->a);
    STARTS("?", "T06");
    EXPECT("P1=0000000000001000", "OK");
    EXPECT("D", "OK");
    assert_true(fake_running(w->fake));
}

static void test_detach_that_cannot_resume(void **state)
{
    struct world *w = *state;
    EXPECT("!", "OK");
    w->fake->fail_resume = "stuck";
    EXPECT("D", "OK");
    peer_again(w, &w->a);
    w->fake->fail_resume = NULL;
    STARTS("?", "T05");
}

/* ---- kill and restart ---- */

static void expect_first_instruction(struct world *w)
{
    assert_false(fake_running(w->fake));
    STARTS("?", "T0500:0000000000000000");
}

static void test_kill(void **state)
{
    struct world *w = *state;
    EXPECT("P1=0000000000009999", "OK");
    EXPECT("Z0,1000,2", "OK");
    EXPECT("k", "");
    assert_true(session_closing(w->a.session));
    assert_int_equal(w->fake->resets, 1);
    peer_again(w, &w->a);
    expect_first_instruction(w);
    /* The same while the guest runs. */
    EXPECT("c", "");
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
    EXPECT("k", "");
    peer_again(w, &w->a);
    assert_int_equal(w->fake->resets, 2);
    expect_first_instruction(w);
}

/* gdb's kill, run and so on are one conversation in extended mode. */
static void test_kill_in_extended_mode(void **state)
{
    struct world *w = *state;
    EXPECT("!", "OK");
    EXPECT("c", "");
    EXPECT("k", "");
    assert_false(session_closing(w->a.session));
    assert_int_equal(w->fake->resets, 1);
    expect_first_instruction(w);
    STARTS("vAttach;1", "T05");
    EXPECT("c", "");
    EXPECT("vKill;1", "OK");
    STARTS("vRun;;71", "T05");
    assert_string_equal(w->fake->append, "q");
    EXPECT("D", "OK");
    EXPECT("k", "");
    assert_false(session_closing(w->a.session));
    STARTS("vRun;", "T05");
}

static void test_kill_before_the_stop_came(void **state)
{
    struct world *w = *state;
    EXPECT("c", "");
    assert_int_equal(session_input(w->a.session, "$k#6b", 5), 5);
    peer_drain(&w->a);
    session_destroy(w->a.session);
    peer_open(w, &w->a);
    world_collect(w);
    assert_int_equal(w->fake->resets, 1);
    expect_first_instruction(w);
}

static void test_vkill(void **state)
{
    struct world *w = *state;
    EXPECT("vKill;2", "E03");
    EXPECT("vKill;1", "OK");
    assert_int_equal(w->fake->resets, 1);
    peer_again(w, &w->a);
    expect_first_instruction(w);
    EXPECT("c", "");
    EXPECT("vKill;1", "OK");
    expect_first_instruction(w);
    w->fake->fail_reset = "no image";
    EXPECT("vKill;1", "E05");
}

static void test_restart(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_STEP);
    ask(w, "s");
    EXPECT("R00", "");
    assert_int_equal(w->fake->resets, 1);
    expect_first_instruction(w);
    STARTS("vRun;", "T05");
    assert_string_equal(w->fake->append, "");
    STARTS("vRun;;726f6f743d31;7175696574", "T05");
    assert_string_equal(w->fake->append, "root=1 quiet");
    /* What has a blank in it stays one argument, as Linux quotes it. */
    STARTS("vRun;78;613d622063;64;;20;22652066", "T05");
    assert_string_equal(w->fake->append, "\"a=b c\" d  \" \" \"e f");
    w->fake->fail_reset = "no image";
    EXPECT("vRun;", "E05");
    assert_string_equal(text_of(ask(w, "R00") + 1), "no image\n");
    w->fake->fail_reset = NULL;
    EXPECT("D", "OK");
    STARTS("vRun;", "T05");
    assert_true(session_attached(w->a.session));
}

/* ---- lost connections ---- */

static void lose_in_the_middle_of_a_step(struct world *w)
{
    EXPECT("Z0,1000,2", "OK");
    EXPECT("s", "");
    assert_true(fake_running(w->fake));
    peer_lose(w, &w->a);
}

static void test_lost_run(void **state)
{
    struct world *w = *state;
    lose_in_the_middle_of_a_step(w);
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->plan.action[0].verb, CPU_CONTINUE);
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
    peer_open(w, &w->a);
    STARTS("?", "T02");
    peer_lose(w, &w->a);
    assert_true(fake_running(w->fake));
}

static void test_lost_stop(void **state)
{
    struct world *w = world_open((struct policy){.on_disconnect = DISCONNECT_STOP});
    (void)state;
    lose_in_the_middle_of_a_step(w);
    assert_false(fake_running(w->fake));
    peer_open(w, &w->a);
    STARTS("?", "T02");
    EXPECT("Z0,1000,2", "OK");
    peer_again(w, &w->a);
    fake_script(w->fake, STOP_STEP);
    STARTS("s", "T05");
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
    assert_int_equal(w->fake->resumes, 2);
    world_close(w);
}

static void test_lost_exit(void **state)
{
    (void)state;
    for (int running = 0; running < 2; running++) {
        struct world *w = world_open((struct policy){.on_disconnect = DISCONNECT_EXIT});
        int status = -1;
        STARTS("?", "T05");
        if (running)
            EXPECT("c", "");
        peer_lose(w, &w->a);
        assert_true(target_exited(w->target, &status));
        assert_int_equal(status, EXIT_SHUTDOWN);
        world_close(w);
    }
}

static void test_lost_while_halting(void **state)
{
    struct world *w = *state;
    target_start(w->target);
    assert_int_equal(session_input(w->a.session, "$?#3f", 5), 5);
    session_destroy(w->a.session);
    peer_open(w, &w->a);
    /* The next one comes before the stop did. */
    assert_int_equal(session_input(w->a.session, "$?#3f", 5), 5);
    world_collect(w);
    assert_true(starts(peer_send(w, &w->a, "", 0), "T02"));
    assert_false(fake_running(w->fake));
}

/* A debugger that comes before the guest of a lost one has stopped does not inherit its breakpoints. */
static void test_lost_breakpoints_are_gone(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,1000,2", "OK");
    EXPECT("c", "");
    session_destroy(w->a.session);
    peer_open(w, &w->a);
    assert_int_equal(session_input(w->a.session, "$?#3f", 5), 5);
    world_collect(w);
    assert_true(starts(peer_send(w, &w->a, "", 0), "T02"));
    fake_script(w->fake, STOP_STEP);
    STARTS("c", "T05");
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
}

/* Who kills leaves the guest at its first instruction; who comes then, even before it has stopped, and is
 * lost lets it run. */
static void test_lost_after_a_kill(void **state)
{
    struct world *w = *state;
    EXPECT("c", "");
    assert_int_equal(session_input(w->a.session, "$k#6b", 5), 5);
    session_destroy(w->a.session);
    peer_open(w, &w->a);
    assert_int_equal(session_input(w->a.session, "$?#3f", 5), 5);
    world_collect(w);
    assert_true(starts(peer_send(w, &w->a, "", 0), "T05"));
    assert_int_equal(w->fake->resets, 1);
    assert_false(fake_running(w->fake));
    peer_lose(w, &w->a);
    assert_true(fake_running(w->fake));
}

/* What a debugger sets after it has killed the guest goes with it. */
static void test_lost_breakpoints_after_a_kill(void **state)
{
    struct world *w = *state;
    EXPECT("!", "OK");
    EXPECT("vKill;1", "OK");
    EXPECT("Z0,1000,2", "OK");
    peer_again(w, &w->a);
    fake_script(w->fake, STOP_STEP);
    STARTS("s", "T05");
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
}

/* An interrupt that crossed a stop was its own debugger's: the next one's guest runs. */
static void test_an_interrupt_of_who_has_gone(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    STARTS("c", "T05");
    assert_string_equal(peer_send(w, &w->a, "\x03", 1), "");
    EXPECT("D", "OK");
    assert_true(fake_running(w->fake));
    peer_again(w, &w->a);
    STARTS("?", "T02");
    EXPECT("c", "");
    assert_true(fake_running(w->fake));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_probe_changes_nothing),
        TEST(test_attach_to_a_running_guest),
        TEST(test_second_debugger_is_refused),
        TEST(test_detach_and_attach_again),
        TEST(test_attach_in_extended_mode),
        TEST(test_detach_while_running),
        TEST(test_detach_after_a_panic),
        TEST(test_detach_that_cannot_resume),
        TEST(test_kill),
        TEST(test_kill_in_extended_mode),
        TEST(test_kill_before_the_stop_came),
        TEST(test_vkill),
        TEST(test_restart),
        TEST(test_lost_run),
        cmocka_unit_test(test_lost_stop),
        cmocka_unit_test(test_lost_exit),
        TEST(test_lost_while_halting),
        TEST(test_lost_breakpoints_are_gone),
        TEST(test_lost_after_a_kill),
        TEST(test_lost_breakpoints_after_a_kill),
        TEST(test_an_interrupt_of_who_has_gone),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
