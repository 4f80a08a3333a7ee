/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a session answers without the guest running: what both sides support, acknowledgements, registers,
 * memory, threads, files and monitor commands. Broken packets and unread output are refused here too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "session_rig.h"
#include "zgdbd/bytes.h"
#include "zgdbd/log.h"

/* ---- what both sides tell each other ---- */

static void test_supported(void **state)
{
    struct world *w = *state;
    const char *base = "PacketSize=20000;qXfer:features:read+;qXfer:exec-file:read+;"
                       "qXfer:threads:read+;qXfer:libraries:read+;qXfer:libraries-svr4:read+;QStartNoAckMode+"
                       ";vContSupported+;binary-upload+;"
                       "ConditionalBreakpoints+;BreakpointCommands+;QNonStop+;QThreadEvents+";
    EXPECT("qSupported", base);
    ask(w, ALL_FEATURES);
    assert_true(starts(w->a.reply, base));
    assert_string_equal(w->a.reply + strlen(base), ";swbreak+;hwbreak+;error-message+;multiprocess+");
    ask(w, "qSupported:swbreak+");
    assert_true(starts(w->a.reply, base));
    assert_string_equal(w->a.reply + strlen(base), ";swbreak+");
    EXPECT("QThreadEvents:1", "OK");
    EXPECT("QPassSignals:e;10;14", "OK");
    EXPECT("QProgramSignals:0;1", "OK");
    EXPECT("vMustReplyEmpty", "");
    EXPECT("qTStatus", "");
    EXPECT("!", "OK");
    EXPECT("qAttached", "1");
    EXPECT("qAttached:1", "1");
    EXPECT("qAttached:2", "E03");
}

static void test_acks(void **state)
{
    struct world *w = *state;
    EXPECT("!", "OK");
    assert_int_equal(w->a.acks, 1);
    assert_int_equal(w->a.raw, 7);
    assert_string_equal(peer_send(w, &w->a, "-", 1), "OK");
    assert_int_equal(w->a.acks, 0);
    assert_string_equal(peer_send(w, &w->a, "$!#00", 5), "");
    assert_int_equal(w->a.naks, 1);
    EXPECT("QStartNoAckMode", "OK");
    assert_int_equal(w->a.acks, 1);
    EXPECT("!", "OK");
    assert_int_equal(w->a.acks, 0);
    assert_string_equal(peer_send(w, &w->a, "-", 1), "");
}

static void test_no_input_is_taken_before_output_has_left(void **state)
{
    struct world *w = *state;
    static const char two[] = "$!#21$!#21";
    size_t len;
    assert_int_equal(session_input(w->a.session, two, 10), 5);
    assert_int_equal(session_input(w->a.session, two + 5, 5), 0);
    session_output(w->a.session, &len);
    session_sent(w->a.session, len - 1);
    assert_int_equal(session_input(w->a.session, two + 5, 5), 0);
    session_sent(w->a.session, 1);
    assert_int_equal(session_input(w->a.session, two + 5, 5), 5);
}

static void test_broken_packets(void **state)
{
    struct world *w = *state;
    size_t n = RSP_PACKET_MAX + 1;
    char *big = malloc(n);
    memset(big, 'm', n);
    assert_string_equal(peer_ask(w, &w->a, big, n), "E5a");
    free(big);
    EXPECT("p", "E16");
    EXPECT("m10", "E16");
    EXPECT("vFile:close:zz", "F-1,16");
    assert_string_equal(peer_ask(w, &w->a, "X100000,1:}", 11), "E16");
}

/* ---- registers and memory ---- */

static void test_registers(void **state)
{
    struct world *w = *state;
    ask(w, "g");
    assert_int_equal(strlen(w->a.reply), 2 * (18 * 8 + 16 * 4 + 4 + 16 * 8 + 16 * 8));
    assert_true(starts(w->a.reply, "00000000000000000101010101010101"));
    char *all = strdup(w->a.reply);
    EXPECT("p1", "0101010101010101");
    EXPECT("p22", "22222222");
    EXPECT("p33", "E16"); /* v0l: not a feature of this machine */
    EXPECT("pffff", "E16");
    EXPECT("P2=1122334455667788", "OK");
    EXPECT("p2", "1122334455667788");
    EXPECT("P2=11223344", "E16");
    EXPECT("P33=1122334455667788", "E16");

    char *set = malloc(strlen(all) + 2);
    sprintf(set, "G%s", all);
    EXPECT(set, "OK");
    EXPECT("p2", "0202020202020202");
    set[strlen(set) - 2] = 0;
    EXPECT(set, "E16");
    free(set);
    free(all);

    w->fake->unreadable_reg = REG_R0;
    EXPECT("p2", "xxxxxxxxxxxxxxxx");
    ask(w, "g");
    assert_true(starts(w->a.reply + 32, "xxxxxxxxxxxxxxxx"));
    w->fake->constant_reg = REG_R0;
    EXPECT("P2=1122334455667788", "E05");
    w->fake->machine.caps &= ~MACHINE_CAN_WRITE;
    EXPECT("P3=1122334455667788", "E1e");
    EXPECT("G00", "E1e");
    EXPECT("M100000,1:00", "E1e");
}

static void test_memory(void **state)
{
    struct world *w = *state;
    EXPECT("m100001,4", "01020304");
    EXPECT("m100001,0", "");
    EXPECT("x100001,4", "b\x01\x02\x03\x04");
    EXPECT("x100001,0", "b");
    EXPECT("mfffff,4", "E0e");
    EXPECT("xfffff,4", "E0e");
    ask(w, "m12fffe,10");
    assert_int_equal(strlen(w->a.reply), 4);
    ask(w, "m100000,20000");
    assert_int_equal(strlen(w->a.reply), RSP_PACKET_MAX);
    ask(w, "mffffffffffffffff,1");
    assert_string_equal(w->a.reply, "E0e");
    ask(w, "x100000,20000");
    assert_in_range(w->a.reply_len, RSP_PACKET_MAX, 2 * RSP_PACKET_MAX);
    EXPECT("M100010,2:aabb", "OK");
    EXPECT("m100010,2", "aabb");
    assert_string_equal(peer_ask(w, &w->a, "X100010,2:\x01}\x03", 13), "OK");
    EXPECT("m100010,2", "0123");
    EXPECT("X0,0:", "OK");
    EXPECT("M12ffff,2:aabb", "E0e");
    ask(w, ALL_FEATURES);
    STARTS("m0,1", "E.");
    STARTS("M0,1:00", "E.");
}

/* Memory that is one byte all through arrives whole, and what was never used in few bytes. */
static void test_memory_of_one_byte(void **state)
{
    static const uint8_t bytes[] = {0, 0x11, 0x12, '#', '$', '*', '}', 0xff};
    static const char digits[] = "0123456789abcdef";
    struct world *w = *state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        uint8_t byte = bytes[i];
        char hex[] = {digits[byte >> 4], digits[byte & 15]};
        memset(w->fake->memory, byte, 0x20000);
        for (size_t n = 1; n < 0x20000; n = 2 * n + 97) {
            char packet[32];
            snprintf(packet, sizeof packet, "x100000,%zx", n);
            ask(w, packet);
            assert_int_equal(w->a.reply_len, 1 + n);
            assert_memory_equal(w->a.reply + 1, w->fake->memory, n);
            packet[0] = 'm';
            ask(w, packet);
            n = n < 0x10000 ? n : 0x10000;
            assert_int_equal(w->a.reply_len, 2 * n);
            assert_memory_equal(w->a.reply, hex, 2);
            assert_memory_equal(w->a.reply, w->a.reply + 2, 2 * n - 2);
            assert_true(byte % 0x11 || w->a.raw < n / 15 + 20);
        }
    }
}

static void test_physical_mode(void **state)
{
    struct world *w = *state;
    EXPECT("qqemu.PhyMemMode", "0");
    EXPECT("m1,2", "E0e");
    EXPECT("Qqemu.PhyMemMode:1", "OK");
    EXPECT("qqemu.PhyMemMode", "1");
    EXPECT("m1,2", "0102");
    EXPECT("M1,2:7788", "OK");
    EXPECT("Qqemu.PhyMemMode:0", "OK");
    EXPECT("m100001,2", "7788");
}

static void test_threads(void **state)
{
    struct world *w = *state;
    EXPECT("qC", "QC1");
    EXPECT("qfThreadInfo", "m1,2");
    EXPECT("qsThreadInfo", "l");
    EXPECT("T1", "OK");
    EXPECT("T3", "E03");
    EXPECT("Hg3", "E03");
    EXPECT("Hc3", "E03");
    EXPECT("Hg2", "OK");
    EXPECT("qC", "QC2");
    EXPECT("p0", "8080808080808080");
    EXPECT("Hg0", "OK");
    EXPECT("qC", "QC2");
    ask(w, ALL_FEATURES);
    EXPECT("qfThreadInfo", "mp1.1,p1.2");
    EXPECT("Hgp1.1", "OK");
    EXPECT("qC", "QCp1.1");
    STARTS("Hgp2.1", "E.");
    w->fake->state[1] = CPU_STOPPED;
    fake_script(w->fake, STOP_STEP)->cpu = 1;
    CONTAINS(ask(w, "c"), "thread:p1.2;");
    EXPECT("qC", "QCp1.2");
    assert_string_equal(text_of(ask(w, "qThreadExtraInfo,p1.1")),
                        "CPU 0, operating; PSW 0000000000000000 0101010101010101");
    assert_string_equal(text_of(ask(w, "qThreadExtraInfo,p1.2")),
                        "CPU 1, stopped; step of the fake; PSW 8080808080808080 8181818181818181");
    STARTS("qThreadExtraInfo,p1.9", "E.");
}

/* In parts, between which a CPU stops: all parts are of one moment. */
static void test_threads_as_xml(void **state)
{
    struct world *w = *state;
    char xml[1024] = "", packet[80];
    fake_script(w->fake, STOP_STEP)->cpu = 1;
    strcpy(w->fake->script[0].text, "<&>");
    ask(w, ALL_FEATURES);
    ask(w, "s");
    do {
        snprintf(packet, sizeof packet, "qXfer:threads:read::%zx,10", strlen(xml));
        ask(w, packet);
        strcat(xml, w->a.reply + 1);
        w->fake->state[0] = CPU_STOPPED;
    } while (w->a.reply[0] == 'm');
    assert_int_equal(w->a.reply[0], 'l');
    assert_string_equal(xml, "<?xml version=\"1.0\"?>\n<threads>\n"
                             "<thread id=\"p1.1\" core=\"0\" name=\"CPU 0\">operating; PSW 0000000000000000 "
                             "0101010101010101</thread>\n"
                             "<thread id=\"p1.2\" core=\"1\" name=\"CPU 1\">operating; &lt;&amp;>; PSW "
                             "8080808080808080 8181818181818181</thread>\n"
                             "</threads>\n");
    CONTAINS(ask(w, "qXfer:threads:read::0,1000"), "\"CPU 0\">stopped");
    ask(w, "qSupported");
    CONTAINS(ask(w, "qXfer:threads:read::0,1000"), "id=\"2\"");
    EXPECT("qXfer:threads:read::400,10", "E16");
}

/* ---- files ---- */

static void test_target_xml(void **state)
{
    struct world *w = *state;
    char xml[0x8000] = "", packet[80];
    for (;;) {
        snprintf(packet, sizeof packet, "qXfer:features:read:target.xml:%zx,100", strlen(xml));
        const char *reply = ask(w, packet);
        memcpy(xml + strlen(xml), reply + 1, w->a.reply_len);
        if (reply[0] == 'l')
            break;
        assert_int_equal(reply[0], 'm');
    }
    CONTAINS(xml, "org.gnu.gdb.s390.core");
    CONTAINS(xml, "org.gnu.gdb.s390.cr");
    assert_null(strstr(xml, "org.gnu.gdb.s390.vx"));
    EXPECT("qXfer:features:read:other.xml:0,100", "E00");
    EXPECT("qXfer:auxv:read::0,100", "");
}

static void test_exec_file(void **state)
{
    struct world *w = *state;
    EXPECT("qXfer:exec-file:read::0,fff", "l/zgdbd/guest");
    EXPECT("qXfer:exec-file:read:1:0,fff", "l/zgdbd/guest");
    EXPECT("qXfer:exec-file:read:2:0,fff", "E00");
    EXPECT("vFile:setfs:0", "F0");
    EXPECT("vFile:open:2f6574632f706173737764,0,0", "F-1,2"); /* /etc/passwd */
    EXPECT("vFile:open:2f7a676462642f6775657374,1,0", "F-1,1e");
    EXPECT("vFile:pread:1,40,0", "F-1,9");
    EXPECT("vFile:fstat:1", "F-1,9");
    EXPECT("vFile:close:1", "F-1,9");
    EXPECT("vFile:open:2f7a676462642f6775657374,0,0", "F1");
    STARTS("vFile:pread:1,5,0", "F5;\x7f"
                                "ELF\x02");
    assert_int_equal(w->a.reply_len, 8);
    ask(w, "vFile:pread:1,ffff,0");
    assert_true(starts(w->a.reply, "F150;"));
    assert_int_equal(load_be16(w->a.reply + 5 + 18), 22); /* EM_S390 */
    EXPECT("vFile:pread:1,5,150", "F0;");
    EXPECT("vFile:pread:1,5,ffffffffffffffff", "F0;");
    ask(w, "vFile:fstat:1");
    assert_int_equal(w->a.reply_len, 4 + 64);
    assert_int_equal(load_be64(w->a.reply + 4 + 28), 336);
    for (int i = 2; i <= 8; i++)
        STARTS("vFile:open:2f7a676462642f6775657374,0,0", "F");
    EXPECT("vFile:open:2f7a676462642f6775657374,0,0", "F-1,18");
    EXPECT("vFile:close:1", "F0");
    EXPECT("vFile:close:1", "F-1,9");
    EXPECT("vFile:close:63", "F-1,9");
}

static void test_files_by_name(void **state)
{
    struct world *w = *state;
    EXPECT("vFile:stat:2f6574632f706173737764", "F-1,2"); /* /etc/passwd */
    EXPECT("vFile:readlink:2f6574632f706173737764", "F-1,2");
    EXPECT("vFile:readlink:2f7a676462642f6775657374", "F-1,16");
    ask(w, "vFile:stat:2f7a676462642f6775657374");
    assert_int_equal(w->a.reply_len, 4 + 64);
    assert_int_equal(load_be64(w->a.reply + 4 + 28), 336);
    EXPECT("vFile:unlink:2f7a676462642f6775657374", "F-1,1e");
    EXPECT("vFile:open:2f7a676462642f6775657374,0,0", "F1");
    EXPECT("vFile:pwrite:1,0,x", "F-1,1e");
    ask(w, "vFile:pread:1,ffffffffffffffff,0");
    assert_true(starts(w->a.reply, "F150;"));
    EXPECT("vFile:pread:1,0,0", "F0;");
    EXPECT("vFile:pread:1,ffffffffffffffff,ffffffffffffffff", "F0;");
}

static void test_exec_file_choice(void **state)
{
    struct err e;
    char buf[4];
    (void)state;
    struct exec_file *f = exec_file_open("/proc/self/exe", NULL, false, 0x100000, &e);
    assert_non_null(f);
    assert_int_equal(exec_file_path(f)[0], '/');
    assert_true(exec_file_size(f) > 64);
    assert_int_equal(exec_file_pread(f, buf, 4, 0), 4);
    assert_memory_equal(buf,
                        "\x7f"
                        "ELF",
                        4);
    assert_int_equal(exec_file_pread(f, buf, 4, exec_file_size(f)), 0);
    exec_file_close(f);
    assert_null(exec_file_open("/nonexistent", NULL, false, 0x100000, &e));
    assert_int_equal(e.status, EXIT_IMAGE);
    CONTAINS(e.text, "/nonexistent");
    assert_null(exec_file_open("/etc/passwd", "/nonexistent", false, 0x100000, &e));
    assert_null(exec_file_open("/etc/passwd", "/etc/passwd", false, 0x100000, &e));
    CONTAINS(e.text, "--symbols");
    assert_null(exec_file_open("/etc", NULL, false, 0x100000, &e));
    CONTAINS(e.text, "regular");
}

/* gdb gets the bytes of a compressed ELF, and the made-up one for a compressed kernel. */
static void test_exec_file_is_unpacked(void **state)
{
    char path[] = "/tmp/zgdbd-image-XXXXXX";
    int fd = mkstemp(path);
    uint8_t elf[336], seen[336];
    struct exec_file *f;
    struct err e;
    gzFile gz;

    (void)state;
    assert_true(fd >= 0);
    f = exec_file_open("/etc/passwd", NULL, false, 0x100000, &e);
    assert_int_equal(exec_file_pread(f, elf, sizeof elf, 0), sizeof elf);
    exec_file_close(f);
    gz = gzopen(path, "wb");
    assert_int_equal(gzwrite(gz, elf, sizeof elf), sizeof elf);
    assert_int_equal(gzclose(gz), Z_OK);
    f = exec_file_open(path, NULL, false, 0x100000, &e);
    assert_non_null(f);
    assert_string_equal(exec_file_path(f), path);
    assert_int_equal(exec_file_size(f), sizeof elf);
    assert_int_equal(exec_file_pread(f, seen, sizeof seen, 0), sizeof seen);
    assert_memory_equal(seen, elf, sizeof elf);
    exec_file_close(f);
    assert_null(exec_file_open(path, path, false, 0x100000, &e)); /* --symbols is read as it is */
    assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
    assert_null(exec_file_open(path, NULL, false, 0x100000, &e));
    assert_int_equal(e.status, EXIT_IMAGE);
    CONTAINS(e.text, "it is truncated");
    gz = gzopen(path, "wb");
    assert_int_equal(gzwrite(gz, elf + 1, 100), 100);
    assert_int_equal(gzclose(gz), Z_OK);
    /* It is not unpacked further than to see that it is none: what is wrong with it is for the loader. */
    assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
    f = exec_file_open(path, NULL, false, 0x100000, &e);
    assert_non_null(f);
    assert_string_equal(exec_file_path(f), "/zgdbd/guest");
    exec_file_close(f);
    close(fd);
    unlink(path);
}

static void expect_path(const char *image, const char *symbols, const char *path)
{
    struct err e;
    struct exec_file *f = exec_file_open(image, symbols, false, 0x100000, &e);

    assert_non_null(f);
    assert_string_equal(exec_file_path(f), path);
    exec_file_close(f);
}

/* The made-up ELF as a file of symbols and as an image, of this machine and of another (a flat binary then).
 */
static void test_symbols_are_for_s390x(void **state)
{
    char path[] = "/tmp/zgdbd-symbols-XXXXXX";
    int fd = mkstemp(path);
    uint8_t elf[336];
    struct exec_file *f;
    struct err e;

    (void)state;
    assert_true(fd >= 0);
    f = exec_file_open("/etc/passwd", NULL, false, 0x100000, &e);
    assert_int_equal(exec_file_pread(f, elf, sizeof elf, 0), sizeof elf);
    exec_file_close(f);
    assert_int_equal(pwrite(fd, elf, sizeof elf, 0), sizeof elf);
    expect_path("/etc/passwd", path, path);
    expect_path(path, NULL, path);
    elf[19] = 62; /* EM_X86_64 */
    assert_int_equal(pwrite(fd, elf, sizeof elf, 0), sizeof elf);
    expect_path(path, NULL, "/zgdbd/guest");
    assert_null(exec_file_open("/etc/passwd", path, false, 0x100000, &e));
    assert_int_equal(e.status, EXIT_IMAGE);
    CONTAINS(e.text, "s390x");
    close(fd);
    unlink(path);
}

/* ---- monitor ---- */

static void test_monitor(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"help",      "psw",     "regs",    "cpus",      "space",
                                        "translate", "lowcore", "exits",   "per",       "step-interrupts",
                                        "tod",       "reset",   "restart", "powerdown", "quit"};
    char text[0x2000];
    int status;
    strcpy(text, monitor(w, " help "));
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        CONTAINS(text, names[i]);
    CONTAINS(monitor(w, "psw"), "CPU 0, PSW 0000000000000000 0101010101010101: ");
    strcpy(text, monitor(w, "regs"));
    CONTAINS(text, "r0  0202020202020202");
    CONTAINS(text, "a15 21212121");
    CONTAINS(text, "c15 6565656565656565");
    assert_null(strstr(text, "prefix"));
    CONTAINS(monitor(w, "cpus"), "* CPU 0: operating");
    CONTAINS(monitor(w, "exits"), "not left KVM");
    fake_script(w->fake, STOP_STEP);
    ask(w, "s");
    CONTAINS(monitor(w, "exits"), "1 fake exit");
    CONTAINS(monitor(w, "frobnicate"), "\"frobnicate\"; `monitor help`");
    CONTAINS(monitor(w, "reset"), "first instruction");
    assert_int_equal(w->fake->resets, 1);
    STARTS("?", "T0500");
    w->fake->fail_reset = "image is gone";
    CONTAINS(monitor(w, "reset"), "image is gone");
    assert_false(target_exited(w->target, &status));
    CONTAINS(monitor(w, "quit"), "ends");
    assert_true(target_exited(w->target, &status));
    assert_int_equal(status, EXIT_SHUTDOWN);
}

/* Every register but floating point and vectors, each as wide as it is. */
static void test_monitor_regs(void **state)
{
    struct world *w = *state;
    char text[0x2000], line[64];
    w->fake->machine.reg_features = (1u << REG_FEATURES) - 1;
    strcpy(text, monitor(w, "regs"));
    for (unsigned reg = REG_CKC; reg < REG_RICCB; reg++) {
        int n = snprintf(line, sizeof line, "\n%s ", reg_table[reg].name);
        for (unsigned i = 0; i < reg_table[reg].bytes; i++)
            n += snprintf(line + n, sizeof line - (size_t)n, "%02x", reg);
        strcat(line, "\n");
        CONTAINS(text, line);
    }
    CONTAINS(text, "\ngsepla 5555555555555555\n");
    CONTAINS(text, "\nriccb 7575757575757575 7575757575757575 ");
}

static void test_monitor_tod(void **state)
{
    struct world *w = *state;
    assert_string_equal(monitor(w, "tod"), "It stands while the guest is stopped.\n");
    w->fake->machine.reg_features |= 1u << REG_CLOCK;
    assert_string_equal(monitor(w, "tod run"),
                        "TOD clock 6e6e6e6e6e6e6e6e. It runs on while the guest is stopped.\n");
    assert_int_equal(w->fake->settings[MACHINE_TOD_RUNS], 1);
    CONTAINS(monitor(w, "tod"), "runs on");
    CONTAINS(monitor(w, "tod stop"), "stands");
    CONTAINS(monitor(w, "tod off"), "usage: monitor tod [stop|run]");
    w->fake->fail_set = "no clock";
    CONTAINS(monitor(w, "tod run"), "Nothing is changed: no clock");
    assert_int_equal(w->fake->settings[MACHINE_TOD_RUNS], 0);
}

/* Longer than a packet may be: nothing of it is lost. */
static void test_monitor_text_is_long(void **state)
{
    struct world *w = *state;
    static char name[1500];
    const char *line;
    memset(name, 'n', sizeof name - 1);
    w->fake->counter_name = name;
    w->fake->ncounters = 64;
    line = monitor(w, "exits");
    assert_true(w->a.reply_len > RSP_PACKET_MAX);
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(strtoul(line, NULL, 10), i);
        line = strchr(line, 'n');
        assert_true(starts(line, name));
        line += sizeof name;
    }
    assert_string_equal(line, "");
}

static void test_monitor_restart(void **state)
{
    struct world *w = *state;
    /* Logical and real addresses of the fake are the same bytes. */
    ask(w, "Hg2");
    CONTAINS(monitor(w, "restart"), "Continue, and CPU 1 takes");
    assert_int_equal(w->fake->signal, MACHINE_RESTART);
    assert_int_equal(w->fake->signal_cpu, 1);
    w->fake->state[1] = CPU_STOPPED;
    CONTAINS(monitor(w, "restart"), "CPU 1 was stopped and is restarted");
    w->fake->fail_signal = "no such luck";
    CONTAINS(monitor(w, "restart"), "CPU 1 is not restarted: no such luck");
    assert_int_equal(w->fake->signals, 3);
}

static void test_monitor_powerdown(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "powerdown"), "is asked to shut down: continue");
    assert_int_equal(w->fake->signals, 1);
    assert_int_equal(w->fake->signal, MACHINE_POWERDOWN);
    w->fake->fail_signal = "it does not listen";
    CONTAINS(monitor(w, "powerdown"), "not asked to shut down: it does not listen");
    w->fake->fail_signal = NULL;
    fake_script(w->fake, STOP_DISABLED_WAIT);
    ask(w, "c");
    CONTAINS(monitor(w, "powerdown"), "come to its end (disabled wait)");
    assert_int_equal(w->fake->signals, 2);
    /* A restart gets it out of there. */
    monitor(w, "restart");
    CONTAINS(monitor(w, "powerdown"), "continue");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_supported),
        TEST(test_acks),
        TEST(test_no_input_is_taken_before_output_has_left),
        TEST(test_broken_packets),
        TEST(test_registers),
        TEST(test_memory),
        TEST(test_memory_of_one_byte),
        TEST(test_physical_mode),
        TEST(test_threads),
        TEST(test_threads_as_xml),
        TEST(test_target_xml),
        TEST(test_exec_file),
        TEST(test_files_by_name),
        cmocka_unit_test(test_exec_file_choice),
        cmocka_unit_test(test_exec_file_is_unpacked),
        cmocka_unit_test(test_symbols_are_for_s390x),
        TEST(test_monitor),
        TEST(test_monitor_regs),
        TEST(test_monitor_tod),
        TEST(test_monitor_text_is_long),
        TEST(test_monitor_restart),
        TEST(test_monitor_powerdown),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
