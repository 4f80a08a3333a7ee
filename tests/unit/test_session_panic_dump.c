/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dump that --on-panic wants written at a guest's end, with a debugger that is there, comes or goes, and
 * with none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "panic_rig.h"
#include "zgdbd/log.h"

/* ---- a dump is written ---- */

static void check_dump(void)
{
    assert_memory_equal(file_text(), "\177ELF", 4);
}

/* The end is under way, and not told yet. */
static struct world *begin_dump(bool debugger, enum guest_action action)
{
    struct policy policy = writes(PANIC_DUMP);
    struct world *w;

    made_dir();
    policy.on_panic = action;
    policy.on_disconnect = DISCONNECT_STOP;
    w = world_open(policy);
    if (debugger)
        ask(w, "vCont;c");
    else
        target_start(w->target);
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    target_collect(w->target);
    assert_true(target_working(w->target));
    assert_false(file_is_there());
    return w;
}

static void end_dump(struct world *w)
{
    world_close(w);
    unmade_dir();
}

static void dump_alone(void **state)
{
    struct world *w = begin_dump(false, ACTION_DEFAULT);
    int status = -1;

    (void)state;
    assert_false(target_exited(w->target, &status));
    world_collect(w);
    assert_false(target_working(w->target));
    check_dump();
    assert_true(target_exited(w->target, &status));
    assert_int_equal(status, EXIT_PANIC);
    end_dump(w);
}

static void dump_with_a_debugger(void **state)
{
    struct world *w = begin_dump(true, ACTION_DEFAULT);

    (void)state;
    peer_drain(&w->a);
    assert_null(strstr(w->a.reply, "|T06"));
    CONTAINS(hear(w), "T06");
    check_dump();
    STARTS("?", "T06");
    end_dump(w);
}

static void dump_then_exit(void **state)
{
    struct world *w = begin_dump(true, ACTION_EXIT);
    int status = -1;

    (void)state;
    CONTAINS(hear(w), "W03");
    check_dump();
    assert_true(target_exited(w->target, &status));
    end_dump(w);
}

/* What a debugger asks meanwhile waits; an interrupt gives the dump up. */
static void dump_given_up(void **state)
{
    struct world *w = begin_dump(true, ACTION_DEFAULT);

    (void)state;
    peer_drain(&w->a);
    assert_int_equal(session_input(w->a.session, "\x03", 1), 1);
    assert_false(target_working(w->target));
    CONTAINS(hear(w), "T06");
    assert_false(file_is_there());
    end_dump(w);
}

static void debugger_comes_meanwhile(void **state)
{
    struct world *w = begin_dump(false, ACTION_DEFAULT);
    size_t out;
    int status;

    (void)state;
    assert_int_equal(session_input(w->a.session, "$?#3f", 5), 5);
    assert_true(session_waiting(w->a.session));
    session_output(w->a.session, &out);
    assert_int_equal(out, 0);
    target_work(w->target);
    assert_memory_equal(session_output(w->a.session, &out), "+", 1); /* or gdb would give up */
    assert_int_equal(out, 1);
    peer_drain(&w->a);
    world_collect(w);
    assert_false(target_exited(w->target, &status)); /* it is there now: the guest stops */
    assert_true(starts(peer_send(w, &w->a, "", 0), "T06"));
    check_dump();
    end_dump(w);
}

static void debugger_goes_meanwhile(void **state)
{
    struct world *w = begin_dump(true, ACTION_DEFAULT);
    int status;

    (void)state;
    session_destroy(w->a.session);
    w->a.session = NULL;
    assert_true(target_working(w->target));
    world_collect(w);
    check_dump();
    assert_false(target_exited(w->target, &status)); /* --on-disconnect stop */
    peer_open(w, &w->b);
    assert_true(starts(peer_ask(w, &w->b, "?", 1), "T06"));
    end_dump(w);
}

/* What was to follow for the debugger, too, follows without it. */
static void debugger_goes_before_exit(void **state)
{
    struct world *w = begin_dump(true, ACTION_EXIT);
    int status = -1;

    (void)state;
    session_destroy(w->a.session);
    w->a.session = NULL;
    assert_false(target_exited(w->target, &status));
    world_collect(w);
    check_dump();
    assert_true(target_exited(w->target, &status));
    assert_int_equal(status, EXIT_PANIC);
    end_dump(w);
}

static void debugger_goes_before_restart(void **state)
{
    struct policy policy = writes(PANIC_DUMP);
    struct world *w;

    (void)state;
    made_dir();
    policy.on_panic = ACTION_RESTART;
    w = world_open(policy);
    ask(w, "vCont;c");
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    target_collect(w->target);
    session_destroy(w->a.session);
    w->a.session = NULL;
    assert_true(target_working(w->target));
    assert_false(fake_running(w->fake));
    world_collect(w);
    check_dump();
    assert_true(fake_running(w->fake));
    end_dump(w);
}

static void daemon_ends_meanwhile(void **state)
{
    struct world *w = begin_dump(false, ACTION_DEFAULT);
    int status = -1;

    (void)state;
    target_quit(w->target, EXIT_SHUTDOWN);
    assert_true(target_exited(w->target, &status));
    assert_int_equal(status, EXIT_SHUTDOWN);
    assert_false(target_working(w->target));
    end_dump(w);
}

static void target_goes_meanwhile(void **state)
{
    (void)state;
    end_dump(begin_dump(false, ACTION_DEFAULT)); /* and no file is left */
}

static void dump_in_non_stop(void **state)
{
    struct policy policy = writes(PANIC_DUMP);
    struct world *w;

    (void)state;
    made_dir();
    w = world_open(policy);
    EXPECT("QNonStop:1", "OK");
    EXPECT("vCont;c", "OK");
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    target_collect(w->target);
    assert_true(target_working(w->target));
    CONTAINS(hear(w), "%Stop:T06");
    check_dump();
    end_dump(w);
}

/* Each in its turn, one that fails in between. */
static void several_files(void **state)
{
    static char second[96];
    struct policy policy = {.npanic_files = 3};
    struct world *w;

    (void)state;
    made_dir();
    snprintf(second, sizeof second, "%s.report", path);
    policy.panic_files[0] = (struct panic_file){PANIC_DUMP, path};
    policy.panic_files[1] = (struct panic_file){PANIC_DUMP, "/nonexistent/dump"};
    policy.panic_files[2] = (struct panic_file){PANIC_REPORT, second};
    w = world_open(policy);
    log_begin();
    fake_script(w->fake, STOP_DISABLED_WAIT);
    target_start(w->target);
    world_collect(w);
    CONTAINS(log_end(), "there is no dump: cannot make the file /nonexistent/dump");
    check_dump();
    assert_int_equal(unlink(second), 0);
    world_close(w);
    unmade_dir();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump_alone),
        cmocka_unit_test(dump_with_a_debugger),
        cmocka_unit_test(dump_then_exit),
        cmocka_unit_test(dump_given_up),
        cmocka_unit_test(debugger_comes_meanwhile),
        cmocka_unit_test(debugger_goes_meanwhile),
        cmocka_unit_test(debugger_goes_before_exit),
        cmocka_unit_test(debugger_goes_before_restart),
        cmocka_unit_test(daemon_ends_meanwhile),
        cmocka_unit_test(target_goes_meanwhile),
        cmocka_unit_test(dump_in_non_stop),
        cmocka_unit_test(several_files),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
