/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requests about running: resume actions, threads, processes, programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "request_rig.h"

static void test_resume(void **state)
{
    (void)state;
    ok("c", RSP_CONTINUE);
    assert_false(req.resume.has_addr);
    assert_int_equal(req.resume.signal, 0);
    ok("s10000", RSP_STEP);
    assert_true(req.resume.has_addr);
    assert_int_equal(req.resume.addr, 0x10000);
    assert_int_equal(req.resume.signal, 0);
    ok("C05", RSP_CONTINUE);
    assert_false(req.resume.has_addr);
    assert_int_equal(req.resume.signal, 5);
    ok("S0b;8000000000000000", RSP_STEP);
    assert_true(req.resume.has_addr);
    assert_int_equal(req.resume.addr, 0x8000000000000000);
    assert_int_equal(req.resume.signal, 11);
    malformed("cx", RSP_CONTINUE);
    malformed("c1;", RSP_CONTINUE);
    malformed("C", RSP_CONTINUE);
    malformed("C100", RSP_CONTINUE);
    malformed("C05;", RSP_CONTINUE);
    malformed("C05,1", RSP_CONTINUE);
    malformed("S05;1;", RSP_STEP);
}

static void expect_action(unsigned i, enum rsp_action_type type, unsigned signal, int64_t pid, int64_t tid)
{
    assert_true(i < req.vcont.count);
    assert_int_equal(req.vcont.actions[i].type, type);
    assert_int_equal(req.vcont.actions[i].signal, signal);
    assert_int_equal(req.vcont.actions[i].thread.pid, pid);
    assert_int_equal(req.vcont.actions[i].thread.tid, tid);
}

static void test_vcont(void **state)
{
    (void)state;
    ok("vCont;c", RSP_VCONT);
    assert_int_equal(req.vcont.count, 1);
    expect_action(0, RSP_ACTION_CONTINUE, 0, RSP_ALL, RSP_ALL);
    ok("vCont;s:p1.2;S05:3;t:p1.-1;C1f:-1;c:p2;c", RSP_VCONT);
    assert_int_equal(req.vcont.count, 6);
    expect_action(0, RSP_ACTION_STEP, 0, 1, 2);
    expect_action(1, RSP_ACTION_STEP, 5, RSP_ANY, 3);
    expect_action(2, RSP_ACTION_STOP, 0, 1, RSP_ALL);
    expect_action(3, RSP_ACTION_CONTINUE, 0x1f, RSP_ANY, RSP_ALL);
    expect_action(4, RSP_ACTION_CONTINUE, 0, 2, RSP_ALL);
    expect_action(5, RSP_ACTION_CONTINUE, 0, RSP_ALL, RSP_ALL);
}

static void test_vcont_range(void **state)
{
    (void)state;
    ok("vCont;r10000,1001a:p1.2;c:p1.-1", RSP_VCONT); /* as gdb writes it */
    assert_int_equal(req.vcont.count, 2);
    expect_action(0, RSP_ACTION_RANGE, 0, 1, 2);
    assert_int_equal(req.vcont.actions[0].start, 0x10000);
    assert_int_equal(req.vcont.actions[0].end, 0x1001a);
    expect_action(1, RSP_ACTION_CONTINUE, 0, 1, RSP_ALL);
    ok("vCont;r0,ffffffffffffffff", RSP_VCONT);
    expect_action(0, RSP_ACTION_RANGE, 0, RSP_ALL, RSP_ALL);
    assert_int_equal(req.vcont.actions[0].end, UINT64_MAX);
}

static void test_vcont_many_actions(void **state)
{
    char packet[1024];
    int n = sprintf(packet, "vCont");

    (void)state;
    for (unsigned i = 1; i <= RSP_ACTIONS_MAX; i++)
        n += sprintf(packet + n, ";%s:p1.%x", i % 2 ? "s" : "C05", i);
    ok(packet, RSP_VCONT);
    assert_int_equal(req.vcont.count, RSP_ACTIONS_MAX);
    for (unsigned i = 1; i <= RSP_ACTIONS_MAX; i++)
        expect_action(i - 1, i % 2 ? RSP_ACTION_STEP : RSP_ACTION_CONTINUE, i % 2 ? 0 : 5, 1, i);
    strcpy(packet + n, ";c");
    malformed(packet, RSP_VCONT);
}

static void test_vcont_malformed(void **state)
{
    static const char *const bad[] = {
        "vCont",       "vCont;",
        "vCont;;c",    "vCont;c;",
        "vCont;x",     "vCont;C",
        "vCont;C:1",   "vCont;C100",
        "vCont;c:",    "vCont;c:1 ",
        "vCont;c05",   "vCont;cs",
        "vCont:c",     "vCont;c:p",
        "vCont;c:p1.", "vCont;c:p-1.2",
        "vCont;c:--1", "vCont;c:-2",
        "vCont;c:-",   "vCont;c:-11",
        "vCont;c:1.2", "vCont;c:8000000000000000",
        "vCont;r0",    "vCont;r0,",
        "vCont;r,10",  "vCont;r0,10,",
        "vCont;r:1",   "vCont;r0;10",
        "vCont;rc",    "vCont;r10000000000000000,0",
        "vCont?;",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        malformed(bad[i], i + 1 < sizeof bad / sizeof bad[0] ? RSP_VCONT : RSP_VCONT_QUERY);
}

static void expect_thread(const char *packet, enum rsp_kind kind, int64_t pid, int64_t tid)
{
    ok(packet, kind);
    assert_int_equal(req.thread.pid, pid);
    assert_int_equal(req.thread.tid, tid);
}

static void test_threads(void **state)
{
    (void)state;
    expect_thread("Hg0", RSP_SET_THREAD_GENERAL, RSP_ANY, RSP_ANY);
    expect_thread("Hg10", RSP_SET_THREAD_GENERAL, RSP_ANY, 16);
    expect_thread("Hc-1", RSP_SET_THREAD_RESUME, RSP_ANY, RSP_ALL);
    expect_thread("Hgp1.2", RSP_SET_THREAD_GENERAL, 1, 2);
    expect_thread("Hgp0.0", RSP_SET_THREAD_GENERAL, RSP_ANY, RSP_ANY);
    expect_thread("Hcp-1.-1", RSP_SET_THREAD_RESUME, RSP_ALL, RSP_ALL);
    expect_thread("Tp1", RSP_THREAD_ALIVE, 1, RSP_ALL);
    expect_thread("T7fffffffffffffff", RSP_THREAD_ALIVE, RSP_ANY, INT64_MAX);
    expect_thread("qThreadExtraInfo,p1.3", RSP_THREAD_EXTRA, 1, 3);
    malformed("Hg", RSP_SET_THREAD_GENERAL);
    malformed("Hcp1.2.3", RSP_SET_THREAD_RESUME);
    malformed("Tp-1.1", RSP_THREAD_ALIVE);
    malformed("T", RSP_THREAD_ALIVE);
    malformed("qThreadExtraInfo", RSP_THREAD_EXTRA);
    malformed("qThreadExtraInfo,", RSP_THREAD_EXTRA);
    malformed("qThreadExtraInfo:1", RSP_THREAD_EXTRA);
}

static void expect_pid(const char *packet, enum rsp_kind kind, int64_t pid)
{
    ok(packet, kind);
    assert_int_equal(req.pid, pid);
}

static void test_processes(void **state)
{
    (void)state;
    expect_pid("qAttached", RSP_ATTACHED, RSP_ANY);
    expect_pid("qAttached:a", RSP_ATTACHED, 10);
    expect_pid("D", RSP_DETACH, RSP_ANY);
    expect_pid("D;1", RSP_DETACH, 1);
    expect_pid("vKill;a410", RSP_KILL_PID, 42000);
    expect_pid("vAttach;1", RSP_ATTACH, 1);
    expect_pid("vFile:setfs:0", RSP_FILE_SETFS, 0);
    ok("R00", RSP_RESTART);
    ok("R", RSP_RESTART);
    malformed("qAttached:", RSP_ATTACHED);
    malformed("D;", RSP_DETACH);
    malformed("D1", RSP_DETACH);
    malformed("vKill", RSP_KILL_PID);
    malformed("vKill;-1", RSP_KILL_PID);
    malformed("vAttach;", RSP_ATTACH);
    malformed("vAttach;1;", RSP_ATTACH);
    malformed("vFile:setfs:", RSP_FILE_SETFS);
}

static void test_run(void **state)
{
    const char *arg;

    (void)state;
    ok("vRun;", RSP_RUN_PROGRAM);
    assert_string_equal(req.run.filename, "");
    assert_int_equal(req.run.argc, 0);
    assert_null(req.run.args);
    ok("vRun;2f76;6131;;62", RSP_RUN_PROGRAM);
    assert_string_equal(req.run.filename, "/v");
    assert_int_equal(req.run.argc, 3);
    arg = req.run.args;
    assert_string_equal(arg, "a1");
    arg += strlen(arg) + 1;
    assert_string_equal(arg, "");
    arg += strlen(arg) + 1;
    assert_string_equal(arg, "b");
    ok("vRun;;;", RSP_RUN_PROGRAM);
    assert_int_equal(req.run.argc, 2);
    malformed("vRun", RSP_RUN_PROGRAM);
    malformed("vRun;2", RSP_RUN_PROGRAM);
    malformed("vRun;2f;6", RSP_RUN_PROGRAM);
    malformed("vRun;2f;00", RSP_RUN_PROGRAM);
    malformed("vRun;2f,61", RSP_RUN_PROGRAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),          cmocka_unit_test(test_vcont),
        cmocka_unit_test(test_vcont_range),     cmocka_unit_test(test_vcont_many_actions),
        cmocka_unit_test(test_vcont_malformed), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_processes),       cmocka_unit_test(test_run),
    };

    return cmocka_run_group_tests(tests, NULL, request_release);
}
