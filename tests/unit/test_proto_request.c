/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every kind of request but those about running, well formed and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "request_rig.h"

static void test_unknown(void **state)
{
    static const char *const packets[] = {
        "",
        "vMustReplyEmpty",
        "vMustReplyEmptyAnyway",
        "qCRCX:0,10",
        "qSearch:disk:0;1;a",
        "qSearch",
        "qSymbol::",
        "qTStatus",
        "vContinue;c",
        "vStoppedX",
        "vCtrlCX",
        "jThreadsInfo",
        "B1000,S",
        "Hm1",
        "H",
        "v",
        "q",
        "QNonStopX:1",
        "QThreadOptions;1",
        "QCatchSyscalls:1",
        "bc",
        "bs",
        "A0",
        "i",
        "qAttachedX",
        "r",
        "t0:0,0",
        "qSupportedX",
        "QStartNoAckModeX",
        "vFile:opendir:00",
        "vFile",
        "vFile:unlinkX:00",
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
        {"qOffsets", RSP_OFFSETS},
        {"qfThreadInfo", RSP_THREADS_FIRST},
        {"qsThreadInfo", RSP_THREADS_NEXT},
        {"k", RSP_KILL},
        {"qqemu.PhyMemMode", RSP_QUERY_PHYS_MODE},
        {"vStopped", RSP_NEXT_STOPPED},
        {"vCtrlC", RSP_CTRL_C},
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
    ok("Z0,0,2;X1,22;X1,27;cmds:0,X1,27;X1,28", RSP_INSERT_POINT); /* gdb writes no ';' between two */
    assert_int_equal(req.point.nconditions, 2);
    assert_int_equal(req.point.ncommands, 2);
    assert_int_equal(req.point.commands[1].code[0], 0x28);
    malformed("Z0,0,2;;X1,27", RSP_INSERT_POINT);
    malformed("Z0,0,2;X1,27;;X1,27", RSP_INSERT_POINT);
    malformed("Z0,0,2;cmds:0", RSP_INSERT_POINT);
    malformed("Z0,0,2;cmds:0,;X1,27", RSP_INSERT_POINT);
    malformed("Z0,0,2;cmds:0,X1,27;", RSP_INSERT_POINT);
    malformed("Z0,0,2;X2,27", RSP_INSERT_POINT);
    malformed("Z0,0,2;X8000000000000001,2727", RSP_INSERT_POINT);
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

static void test_point_many_expressions(void **state)
{
    char packet[2048];
    int n = sprintf(packet, "Z0,0,2;");

    (void)state;
    for (unsigned i = 0; i < RSP_EXPRS_MAX; i++)
        n += sprintf(packet + n, "X1,%02x", i);
    n += sprintf(packet + n, ";cmds:0,");
    for (unsigned i = 0; i < RSP_EXPRS_MAX; i++)
        n += sprintf(packet + n, "X2,%02x27", i);
    ok(packet, RSP_INSERT_POINT);
    assert_int_equal(req.point.nconditions, RSP_EXPRS_MAX);
    assert_int_equal(req.point.ncommands, RSP_EXPRS_MAX);
    for (unsigned i = 0; i < RSP_EXPRS_MAX; i++) {
        assert_int_equal(req.point.conditions[i].code[0], i);
        assert_int_equal(req.point.commands[i].code[0], i);
    }
    strcpy(packet + n, "X1,27");
    malformed(packet, RSP_INSERT_POINT);
}

static void test_search(void **state)
{
    static const char packet[] = "qSearch:memory:1000;fffffffffffff000;;a\0:";

    (void)state;
    ok_n(packet, sizeof packet - 1, RSP_SEARCH_MEM);
    assert_int_equal(req.search.addr, 0x1000);
    assert_int_equal(req.search.len, UINT64_MAX - 0xfff);
    assert_int_equal(req.search.pattern_len, 4);
    assert_memory_equal(req.search.pattern, ";a\0:", 4);
    malformed("qSearch:memory", RSP_SEARCH_MEM);
    ok("qSearch:memory:0;0;a", RSP_SEARCH_MEM);
    assert_int_equal(req.search.len, 0);
    malformed("qSearch:memory:0;1;", RSP_SEARCH_MEM);
    malformed("qSearch:memory:0;1", RSP_SEARCH_MEM);
    malformed("qSearch:memory:0,1;a", RSP_SEARCH_MEM);
    malformed("qSearch:memory:ffffffffffffffff;2;a", RSP_SEARCH_MEM);
    malformed("qSearch:memory;0;1;a", RSP_SEARCH_MEM);
}

static void test_crc(void **state)
{
    (void)state;
    ok("qCRC:1f000,ffff", RSP_CRC_MEM);
    assert_int_equal(req.mem.addr, 0x1f000);
    assert_int_equal(req.mem.len, 0xffff);
    malformed("qCRC", RSP_CRC_MEM);
    malformed("qCRC:", RSP_CRC_MEM);
    malformed("qCRC:0,1,", RSP_CRC_MEM);
    malformed("qCRC;0,1", RSP_CRC_MEM);
    malformed("qCRC:2,ffffffffffffffff", RSP_CRC_MEM);
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

static void test_file_names(void **state)
{
    static const struct {
        const char *name;
        enum rsp_kind kind;
    } packets[] = {
        {"vFile:readlink", RSP_FILE_READLINK},
        {"vFile:stat", RSP_FILE_STAT},
        {"vFile:lstat", RSP_FILE_STAT},
    };
    static const char *const bad[] = {"", ":2", ":2g", ":2f00", ",2f", ":2f,"};
    char packet[64];

    (void)state;
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        snprintf(packet, sizeof packet, "%s:2F76", packets[i].name);
        ok(packet, packets[i].kind);
        assert_string_equal(req.file.name, "/v");
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            snprintf(packet, sizeof packet, "%s%s", packets[i].name, bad[k]);
            malformed(packet, packets[i].kind);
        }
    }
    ok("vFile:pwrite:5,0,bytes", RSP_FILE_CHANGE);
    ok("vFile:unlink:2f76", RSP_FILE_CHANGE);
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

static void expect_flag(const char *name, enum rsp_kind kind)
{
    static const char *const bad[] = {"", ":", ":2", ":1;", ";1"};
    char packet[64];

    for (int flag = 0; flag <= 1; flag++) {
        snprintf(packet, sizeof packet, "%s:%d", name, flag);
        ok(packet, kind);
        assert_int_equal(req.flag, flag);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(packet, sizeof packet, "%s%s", name, bad[i]);
        malformed(packet, kind);
    }
}

static void test_flags(void **state)
{
    (void)state;
    expect_flag("QNonStop", RSP_NON_STOP);
    expect_flag("QThreadEvents", RSP_THREAD_EVENTS);
    expect_flag("Qqemu.PhyMemMode", RSP_SET_PHYS_MODE);
}

static void test_signals(void **state)
{
    (void)state;
    ok("QPassSignals:e;10;14;17;1a;1b;1c;21;24;25;2c;4c;97;", RSP_PASS_SIGNALS); /* as gdb writes it */
    ok("QPassSignals:", RSP_PASS_SIGNALS);
    ok("QProgramSignals:0;1;97", RSP_PASS_SIGNALS);
    malformed("QPassSignals", RSP_PASS_SIGNALS);
    malformed("QPassSignals;1", RSP_PASS_SIGNALS);
    malformed("QPassSignals:1;;2", RSP_PASS_SIGNALS);
    malformed("QPassSignals:100", RSP_PASS_SIGNALS);
    malformed("QProgramSignals:x", RSP_PASS_SIGNALS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_without_arguments),
        cmocka_unit_test(test_supported),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_memory_reads),
        cmocka_unit_test(test_memory_writes),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_xfer),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_monitor),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_point_many_expressions),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_crc),
        cmocka_unit_test(test_file_names),
    };

    return cmocka_run_group_tests(tests, NULL, request_release);
}
