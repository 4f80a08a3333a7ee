/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every kind of request, well formed and not. Payloads are copied to blocks of exactly their size and a byte,
 * so that the address sanitizer sees a parser that reads or writes past them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zgdbd/proto.h"

static struct rsp_request req;
static char *payload;

/* The byte behind the payload is a digit, which a parser that reads on would take for one of the packet's. */
static enum rsp_verdict parse_n(const char *s, size_t n)
{
    free(payload);
    payload = malloc(n + 1);
    assert_non_null(payload);
    memcpy(payload, s, n);
    payload[n] = '5';
    memset(&req, 0xa5, sizeof req);
    return rsp_parse_request(payload, n, &req);
}

static void ok_n(const char *s, size_t n, enum rsp_kind kind)
{
    if (parse_n(s, n) != RSP_OK)
        fail_msg("%s was refused", s);
    assert_int_equal(req.kind, kind);
}

static void ok(const char *s, enum rsp_kind kind)
{
    ok_n(s, strlen(s), kind);
}

static void malformed(const char *s, enum rsp_kind kind)
{
    if (parse_n(s, strlen(s)) != RSP_MALFORMED)
        fail_msg("%s was not malformed", s);
    assert_int_equal(req.kind, kind);
}

static void unknown(const char *s)
{
    if (parse_n(s, strlen(s)) != RSP_UNKNOWN)
        fail_msg("%s was known", s);
}

static int release(void **state)
{
    (void)state;
    free(payload);
    payload = NULL;
    return 0;
}

static void test_unknown(void **state)
{
    static const char *const packets[] = {
        "",
        "vMustReplyEmpty",
        "vMustReplyEmptyAnyway",
        "qCRC:0,10",
        "qSearch:memory:0;1;a",
        "qOffsets",
        "qSymbol::",
        "qTStatus",
        "vContinue;c",
        "vStopped",
        "jThreadsInfo",
        "B1000,S",
        "Hm1",
        "H",
        "v",
        "q",
        "QNonStop:1",
        "qAttachedX",
        "r",
        "t0:0,0",
        "qSupportedX",
        "QStartNoAckModeX",
        "vFile:opendir:00",
        "vFile",
        "vFile:unlink:00",
        "vFile:pwrite:0,0,x",
        "\x01",
        "qfThreadInfoX",
    };

    (void)state;
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++)
        unknown(packets[i]);
}

static void test_without_arguments(void **state)
{
    static const struct {
        const char *name;
        enum rsp_kind kind;
    } packets[] = {
        {"QStartNoAckMode", RSP_QSTARTNOACKMODE},
        {"!", RSP_EXTENDED},
        {"?", RSP_STOP_REASON},
        {"g", RSP_READ_REGS},
        {"vCont?", RSP_VCONT_QUERY},
        {"qC", RSP_CURRENT_THREAD},
        {"qfThreadInfo", RSP_THREADS_FIRST},
        {"qsThreadInfo", RSP_THREADS_NEXT},
        {"k", RSP_KILL},
        {"qqemu.PhyMemMode", RSP_QUERY_PHYS_MODE},
    };
    char longer[32];

    (void)state;
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        ok(packets[i].name, packets[i].kind);
        snprintf(longer, sizeof longer, "%s;", packets[i].name);
        malformed(longer, packets[i].kind);
    }
    malformed("g0", RSP_READ_REGS);
}

static void test_supported(void **state)
{
    (void)state;
    ok("qSupported", RSP_QSUPPORTED);
    assert_int_equal(req.features, 0);
    ok("qSupported:", RSP_QSUPPORTED);
    assert_int_equal(req.features, 0);
    /* What gdb 13 says. */
    ok("qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vfork-events+;exec-events+;"
       "vContSupported+;QThreadEvents+;no-resumed+;memory-tagging+;xmlRegisters=i386",
       RSP_QSUPPORTED);
    assert_int_equal(req.features, RSP_FEATURE_MULTIPROCESS | RSP_FEATURE_SWBREAK | RSP_FEATURE_HWBREAK |
                                       RSP_FEATURE_VCONT | RSP_FEATURE_THREAD_EVENTS |
                                       RSP_FEATURE_NO_RESUMED | RSP_FEATURE_XML_REGISTERS);
    ok("qSupported:error-message+;binary-upload+", RSP_QSUPPORTED);
    assert_int_equal(req.features, RSP_FEATURE_ERROR_MESSAGE | RSP_FEATURE_BINARY_UPLOAD);
    ok("qSupported:;;swbreak-;hwbreak?;multiprocess;multiprocess+x;no-resumed+;", RSP_QSUPPORTED);
    assert_int_equal(req.features, RSP_FEATURE_NO_RESUMED);
    malformed("qSupported;swbreak+", RSP_QSUPPORTED);
}

static void test_registers(void **state)
{
    (void)state;
    ok("G00fFa5", RSP_WRITE_REGS);
    assert_int_equal(req.reg.len, 3);
    assert_memory_equal(req.reg.data, "\x00\xff\xa5", 3);
    malformed("G", RSP_WRITE_REGS);
    malformed("G0", RSP_WRITE_REGS);
    malformed("G0g", RSP_WRITE_REGS);
    ok("p1f", RSP_READ_REG);
    assert_int_equal(req.reg.number, 0x1f);
    malformed("p", RSP_READ_REG);
    malformed("p1 ", RSP_READ_REG);
    malformed("p100000000", RSP_READ_REG);
    ok("pffffffff", RSP_READ_REG);
    ok("P0=0180000000000000", RSP_WRITE_REG);
    assert_int_equal(req.reg.number, 0);
    assert_int_equal(req.reg.len, 8);
    assert_memory_equal(req.reg.data, "\x01\x80\0\0\0\0\0\0", 8);
    malformed("P0", RSP_WRITE_REG);
    malformed("P0=", RSP_WRITE_REG);
    malformed("P=00", RSP_WRITE_REG);
    malformed("P0=0", RSP_WRITE_REG);
    malformed("P0=xx", RSP_WRITE_REG);
}

static void test_memory_reads(void **state)
{
    static const char names[] = "mx";
    static const enum rsp_kind kinds[] = {RSP_READ_MEM, RSP_READ_MEM_BINARY};
    static const char *const bad[] = {
        "",
        "0",
        "0,",
        ",4",
        "0,4,",
        "0,4:",
        "0;4",
        "g,4",
        "0,-1",
        "-1,4",
        " 0,4",
        "0x0,4",
        "10000000000000000,4",
        "0,10000000000000000",
        "ffffffffffffffff,2",
        "1,ffffffffffffffff0",
    };
    char packet[64];

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        snprintf(packet, sizeof packet, "%cFFFFffffFFFFfff0,10", names[k]);
        ok(packet, kinds[k]);
        assert_int_equal(req.mem.addr, 0xfffffffffffffff0);
        assert_int_equal(req.mem.len, 16);
        snprintf(packet, sizeof packet, "%c0000000000000000001,ffffffffffffffff", names[k]);
        ok(packet, kinds[k]);
        assert_int_equal(req.mem.addr, 1);
        assert_int_equal(req.mem.len, UINT64_MAX);
        snprintf(packet, sizeof packet, "%cffffffffffffffff,0", names[k]);
        ok(packet, kinds[k]);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            snprintf(packet, sizeof packet, "%c%s", names[k], bad[i]);
            malformed(packet, kinds[k]);
        }
    }
}

static void test_memory_writes(void **state)
{
    (void)state;
    ok("M1000,3:07F04a", RSP_WRITE_MEM);
    assert_int_equal(req.mem.addr, 0x1000);
    assert_int_equal(req.mem.len, 3);
    assert_memory_equal(req.mem.data, "\x07\xf0\x4a", 3);
    ok("M0,0:", RSP_WRITE_MEM);
    assert_int_equal(req.mem.len, 0);
    malformed("M0,2:07", RSP_WRITE_MEM);
    malformed("M0,1:07f0", RSP_WRITE_MEM);
    malformed("M0,1:7", RSP_WRITE_MEM);
    malformed("M0,1:070", RSP_WRITE_MEM);
    malformed("M0,1:7z", RSP_WRITE_MEM);
    malformed("M0,1", RSP_WRITE_MEM);
    malformed("M0,8000000000000000:", RSP_WRITE_MEM);
    malformed("Mffffffffffffffff,2:0000", RSP_WRITE_MEM);
    ok_n("X2000,5:\003\0#$,", 13, RSP_WRITE_MEM);
    assert_int_equal(req.mem.addr, 0x2000);
    assert_int_equal(req.mem.len, 5);
    assert_memory_equal(req.mem.data, "\003\0#$,", 5);
    ok("X0,0:", RSP_WRITE_MEM); /* gdb's probe */
    malformed("X0,2:a", RSP_WRITE_MEM);
    malformed("X0,2:abc", RSP_WRITE_MEM);
    malformed("X0,2", RSP_WRITE_MEM);
}

static void test_points(void **state)
{
    static const char tail[] = "X3,220127X1,27;cmds:1,X2,2227";
    char packet[64];

    (void)state;
    for (unsigned type = 0; type <= 4; type++) {
        snprintf(packet, sizeof packet, "Z%u,1234,2", type);
        ok(packet, RSP_INSERT_POINT);
        assert_int_equal(req.point.type, type);
        assert_int_equal(req.point.addr, 0x1234);
        assert_int_equal(req.point.kind, 2);
        assert_int_equal(req.point.nconditions, 0);
        assert_int_equal(req.point.ncommands, 0);
        packet[0] = 'z';
        ok(packet, RSP_REMOVE_POINT);
        assert_int_equal(req.point.type, type);
        snprintf(packet, sizeof packet, "Z%u,1234,2;%s", type, tail);
        if (type > 1) {
            malformed(packet, RSP_INSERT_POINT); /* the protocol has no conditions on watchpoints */
            continue;
        }
        ok(packet, RSP_INSERT_POINT);
        assert_int_equal(req.point.nconditions, 2);
        assert_int_equal(req.point.conditions[0].len, 3);
        assert_memory_equal(req.point.conditions[0].code, "\x22\x01\x27", 3);
        assert_int_equal(req.point.conditions[1].len, 1);
        assert_int_equal(req.point.conditions[1].code[0], 0x27);
        assert_true(req.point.persist);
        assert_int_equal(req.point.ncommands, 1);
        assert_memory_equal(req.point.commands[0].code, "\x22\x27", 2);
        packet[0] = 'z';
        malformed(packet, RSP_REMOVE_POINT);
    }
    ok("Z0,0,2;", RSP_INSERT_POINT);
    assert_int_equal(req.point.nconditions, 0);
    ok("Z0,0,2;cmds:0,X1,27X1,27", RSP_INSERT_POINT);
    assert_int_equal(req.point.ncommands, 2);
    assert_false(req.point.persist);
    malformed("Z0,0,2;X2,27", RSP_INSERT_POINT);
    malformed("Z0,0,2;X0,", RSP_INSERT_POINT);
    malformed("Z0,0,2;X1,2x", RSP_INSERT_POINT);
    malformed("Z0,0,2;X1,27;", RSP_INSERT_POINT);
    malformed("Z0,0,2;cmds:0,", RSP_INSERT_POINT);
    malformed("Z0,0,2;cmds:2,X1,27", RSP_INSERT_POINT);
    unknown("Z5,0,2");
    unknown("z10,0,2");
    malformed("Z", RSP_INSERT_POINT);
    malformed("Z0", RSP_INSERT_POINT);
    malformed("Z0,1", RSP_INSERT_POINT);
    malformed("Z0,1,", RSP_INSERT_POINT);
    malformed("Z0,1,2x", RSP_INSERT_POINT);
    malformed("z0,,2", RSP_REMOVE_POINT);
}

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
        "vCont;r0,10", "vCont?;",
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

static void test_xfer(void **state)
{
    (void)state;
    ok("qXfer:features:read:target.xml:0,ffb", RSP_XFER_READ);
    assert_string_equal(req.xfer.object, "features");
    assert_string_equal(req.xfer.annex, "target.xml");
    assert_int_equal(req.xfer.offset, 0);
    assert_int_equal(req.xfer.len, 0xffb);
    ok("qXfer:threads:read::1000,20000", RSP_XFER_READ);
    assert_string_equal(req.xfer.object, "threads");
    assert_string_equal(req.xfer.annex, "");
    assert_int_equal(req.xfer.offset, 0x1000);
    assert_int_equal(req.xfer.len, 0x20000);
    ok("qXfer:exec-file:read:a:b:0,1", RSP_XFER_READ);
    assert_string_equal(req.xfer.annex, "a:b");
    unknown("qXfer:features:write:target.xml:0:data");
    unknown("qXfer:features:readx:target.xml:0,1");
    unknown("qXfer:features");
    malformed("qXfer", RSP_XFER_READ);
    malformed("qXfer:features:read:target.xml", RSP_XFER_READ);
    malformed("qXfer:features:read", RSP_XFER_READ);
    malformed("qXfer:features:read:", RSP_XFER_READ);
    malformed("qXfer:features:read:target.xml:0", RSP_XFER_READ);
    malformed("qXfer:features:read:target.xml:0,", RSP_XFER_READ);
    malformed("qXfer:features:read:target.xml:0,1,", RSP_XFER_READ);
    malformed("qXfer:features:read:target.xml:0,10000000000000000", RSP_XFER_READ);
    assert_int_equal(parse_n("qXfer:features:read:t\0x:0,1", 27), RSP_MALFORMED);
    assert_int_equal(parse_n("qXfer:f\0:read:t:0,1", 19), RSP_MALFORMED);
}

static void test_files(void **state)
{
    (void)state;
    ok("vFile:open:2f626f6f742F766d6c696e7578,0,1c0", RSP_FILE_OPEN);
    assert_string_equal(req.file.name, "/boot/vmlinux");
    assert_int_equal(req.file.flags, 0);
    assert_int_equal(req.file.mode, 0700);
    ok("vFile:open:,201,0", RSP_FILE_OPEN);
    assert_string_equal(req.file.name, "");
    assert_int_equal(req.file.flags, 0x201);
    ok("vFile:pread:5,20000,ffffffffffffffff", RSP_FILE_PREAD);
    assert_int_equal(req.file.fd, 5);
    assert_int_equal(req.file.count, 0x20000);
    assert_int_equal(req.file.offset, UINT64_MAX);
    ok("vFile:close:7fffffff", RSP_FILE_CLOSE);
    assert_int_equal(req.file.fd, 0x7fffffff);
    ok("vFile:fstat:0", RSP_FILE_FSTAT);
    assert_int_equal(req.file.fd, 0);
    malformed("vFile:open:2f", RSP_FILE_OPEN);
    malformed("vFile:open", RSP_FILE_OPEN);
    malformed("vFile:open:2,0,0", RSP_FILE_OPEN);
    malformed("vFile:open:2g,0,0", RSP_FILE_OPEN);
    malformed("vFile:open:2f0041,0,0", RSP_FILE_OPEN); /* a NUL would cut the name that is checked */
    malformed("vFile:open:2f,0", RSP_FILE_OPEN);
    malformed("vFile:open:2f,100000000,0", RSP_FILE_OPEN);
    malformed("vFile:open:2f,0,0,", RSP_FILE_OPEN);
    malformed("vFile:pread:5,1", RSP_FILE_PREAD);
    malformed("vFile:pread:-1,1,0", RSP_FILE_PREAD);
    malformed("vFile:pread:5,1,0x", RSP_FILE_PREAD);
    malformed("vFile:close:80000000", RSP_FILE_CLOSE);
    malformed("vFile:close:", RSP_FILE_CLOSE);
    malformed("vFile:fstat:1,", RSP_FILE_FSTAT);
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

static void test_monitor(void **state)
{
    (void)state;
    ok("qRcmd,68656C70", RSP_MONITOR);
    assert_string_equal(req.monitor.text, "help");
    assert_int_equal(req.monitor.text_len, 4);
    ok("qRcmd,", RSP_MONITOR);
    assert_string_equal(req.monitor.text, "");
    assert_int_equal(req.monitor.text_len, 0);
    malformed("qRcmd", RSP_MONITOR);
    malformed("qRcmd,6", RSP_MONITOR);
    malformed("qRcmd,6x", RSP_MONITOR);
    malformed("qRcmd,6100", RSP_MONITOR);
    malformed("qRcmd:61", RSP_MONITOR);
}

static void test_phys_mode(void **state)
{
    (void)state;
    ok("Qqemu.PhyMemMode:1", RSP_SET_PHYS_MODE);
    assert_true(req.flag);
    ok("Qqemu.PhyMemMode:0", RSP_SET_PHYS_MODE);
    assert_false(req.flag);
    malformed("Qqemu.PhyMemMode:2", RSP_SET_PHYS_MODE);
    malformed("Qqemu.PhyMemMode:", RSP_SET_PHYS_MODE);
    malformed("Qqemu.PhyMemMode", RSP_SET_PHYS_MODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),         cmocka_unit_test(test_without_arguments),
        cmocka_unit_test(test_supported),       cmocka_unit_test(test_registers),
        cmocka_unit_test(test_memory_reads),    cmocka_unit_test(test_memory_writes),
        cmocka_unit_test(test_points),          cmocka_unit_test(test_resume),
        cmocka_unit_test(test_vcont),           cmocka_unit_test(test_vcont_many_actions),
        cmocka_unit_test(test_vcont_malformed), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_processes),       cmocka_unit_test(test_xfer),
        cmocka_unit_test(test_files),           cmocka_unit_test(test_run),
        cmocka_unit_test(test_monitor),         cmocka_unit_test(test_phys_mode),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
