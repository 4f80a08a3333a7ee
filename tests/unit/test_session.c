/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The session and the target's life cycle, by raw packets against the fake machine: every packet that is
 * served, and every rule about who runs, stops, waits and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_machine.h"
#include "zgdbd/bytes.h"
#include "zgdbd/log.h"
#include "zgdbd/proto.h"
#include "zgdbd/session.h"

#define REPLY_MAX (2 * RSP_OUT_MAX)
#define ALL_FEATURES "qSupported:multiprocess+;swbreak+;hwbreak+;error-message+"

/* One connection, and what came back on it. */
struct peer {
    struct session *session;
    struct rsp_parser parser;
    char parse_buf[RSP_OUT_MAX];
    char reply[REPLY_MAX]; /* the packets of the last exchange, joined by '|' */
    size_t reply_len;
    unsigned acks, naks;
    size_t raw; /* bytes of the last exchange */
};

struct world {
    struct fake_machine *fake;
    struct exec_file *exec;
    struct target *target;
    struct peer a, b;
};

static void collect(struct world *w)
{
    /* A stop may resume and stop again. */
    for (int i = 0; i < 8; i++)
        target_collect(w->target);
}

static void drain(struct peer *p)
{
    size_t len, used = 0;
    const char *out = session_output(p->session, &len);
    while (used < len) {
        struct rsp_item item;
        used += rsp_parser_feed(&p->parser, out + used, len - used, &item);
        p->acks += item.kind == RSP_ITEM_ACK;
        p->naks += item.kind == RSP_ITEM_NAK;
        assert_int_not_equal(item.kind, RSP_ITEM_BAD_CHECKSUM);
        if (item.kind != RSP_ITEM_PACKET)
            continue;
        if (p->reply_len)
            p->reply[p->reply_len++] = '|';
        memcpy(p->reply + p->reply_len, item.payload, item.len);
        p->reply_len += item.len;
    }
    p->reply[p->reply_len] = 0;
    p->raw += len;
    session_sent(p->session, len);
}

static void begin(struct peer *p)
{
    p->reply_len = 0;
    p->acks = p->naks = 0;
    p->raw = 0;
    p->reply[0] = 0;
}

/* Bytes as they are; then whatever is due. */
static const char *send_raw(struct world *w, struct peer *p, const void *data, size_t n)
{
    size_t used = 0;
    begin(p);
    for (int i = 0; i < 100; i++) {
        used += session_input(p->session, (const char *)data + used, n - used);
        drain(p);
        collect(w);
        drain(p);
        if (used == n && !session_waiting(p->session))
            break;
    }
    used += session_input(p->session, data, 0);
    drain(p);
    return p->reply;
}

static size_t frame(char *buf, const void *payload, size_t n)
{
    uint8_t sum = 0;
    buf[0] = '$';
    memcpy(buf + 1, payload, n);
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)payload)[i]);
    return n + 1 + (size_t)sprintf(buf + 1 + n, "#%02x", sum);
}

static const char *ask_bytes(struct world *w, struct peer *p, const void *payload, size_t n)
{
    char *buf = malloc(n + 8);
    size_t len = frame(buf, payload, n);
    send_raw(w, p, buf, len);
    free(buf);
    return p->reply;
}

static const char *ask(struct world *w, const char *packet)
{
    return ask_bytes(w, &w->a, packet, strlen(packet));
}

static void peer_open(struct world *w, struct peer *p)
{
    p->session = session_create(w->target);
    rsp_parser_init(&p->parser, p->parse_buf, sizeof p->parse_buf);
    begin(p);
}

static void peer_lose(struct world *w, struct peer *p)
{
    session_destroy(p->session);
    p->session = NULL;
    collect(w);
}

static void peer_again(struct world *w, struct peer *p)
{
    peer_lose(w, p);
    peer_open(w, p);
}

static struct world *open_world(struct policy policy)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e;
    w->fake = fake_create((struct machine_events){NULL, NULL});
    w->exec = exec_file_open("/etc/passwd", NULL, &e);
    assert_non_null(w->exec);
    struct target_config config = {.machine = &w->fake->machine, .exec = w->exec, .policy = policy};
    w->target = target_create(&config, &e);
    assert_non_null(w->target);
    peer_open(w, &w->a);
    return w;
}

static void close_world(struct world *w)
{
    if (w->a.session)
        session_destroy(w->a.session);
    if (w->b.session)
        session_destroy(w->b.session);
    target_destroy(w->target);
    exec_file_close(w->exec);
    machine_destroy(&w->fake->machine);
    free(w);
}

static int setup(void **state)
{
    *state = open_world((struct policy){0});
    return 0;
}

static int teardown(void **state)
{
    close_world(*state);
    return 0;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The text of a hex string. */
static const char *text_of(const char *hex)
{
    static char text[0x4000];
    size_t n = 0;
    unsigned byte;
    while (sscanf(hex + 2 * n, "%2x", &byte) == 1)
        text[n++] = (char)byte;
    text[n] = 0;
    return text;
}

#define EXPECT(packet, reply) assert_string_equal(ask(w, packet), reply)
#define STARTS(packet, reply) assert_true(starts(ask(w, packet), reply))
#define CONTAINS(text, part) assert_non_null(strstr(text, part))

/* ---- what both sides tell each other ---- */

static void test_supported(void **state)
{
    struct world *w = *state;
    const char *base =
        "PacketSize=20000;qXfer:features:read+;qXfer:exec-file:read+;QStartNoAckMode+;vContSupported+;"
        "binary-upload+";
    EXPECT("qSupported", base);
    ask(w, ALL_FEATURES);
    assert_true(starts(w->a.reply, base));
    assert_string_equal(w->a.reply + strlen(base), ";swbreak+;hwbreak+;error-message+;multiprocess+");
    EXPECT("qSupported:swbreak+",
           "PacketSize=20000;qXfer:features:read+;qXfer:exec-file:read+;QStartNoAckMode+;"
           "vContSupported+;binary-upload+;swbreak+");
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
    assert_string_equal(send_raw(w, &w->a, "-", 1), "OK");
    assert_int_equal(w->a.acks, 0);
    assert_string_equal(send_raw(w, &w->a, "$!#00", 5), "");
    assert_int_equal(w->a.naks, 1);
    EXPECT("QStartNoAckMode", "OK");
    assert_int_equal(w->a.acks, 1);
    EXPECT("!", "OK");
    assert_int_equal(w->a.acks, 0);
    assert_string_equal(send_raw(w, &w->a, "-", 1), "");
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
    assert_string_equal(ask_bytes(w, &w->a, big, n), "E5a");
    free(big);
    EXPECT("p", "E16");
    EXPECT("m10", "E16");
    EXPECT("vFile:close:zz", "F-1,16");
    assert_string_equal(ask_bytes(w, &w->a, "X100000,1:}", 11), "E16");
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
    assert_string_equal(ask_bytes(w, &w->a, "X100010,2:\x01}\x03", 13), "OK");
    EXPECT("m100010,2", "0123");
    EXPECT("X0,0:", "OK");
    EXPECT("M12ffff,2:aabb", "E0e");
    ask(w, ALL_FEATURES);
    STARTS("m0,1", "E.");
    STARTS("M0,1:00", "E.");
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

/* ---- running ---- */

static void test_first_instruction(void **state)
{
    struct world *w = *state;
    EXPECT("?",
           "T0500:0000000000000000;01:0101010101010101;10:1010101010101010;11:1111111111111111;thread:1;");
    ask(w, ALL_FEATURES);
    ask(w, "?");
    CONTAINS(w->a.reply, "thread:p1.1;");
    assert_int_equal(w->fake->interrupts, 0);
}

static void test_stop_replies(void **state)
{
    static const struct {
        enum stop_reason reason;
        const char *start, *part;
        bool line;
    } cases[] = {
        {STOP_STEP, "T05", "thread:p1.1;", false},       {STOP_SW_BREAKPOINT, "T05", "swbreak:;", false},
        {STOP_HW_BREAKPOINT, "T05", "hwbreak:;", false}, {STOP_WATCH, "T05", "watch:100040;", false},
        {STOP_INTERRUPT, "T02", "thread:p1.1;", false},  {STOP_DISABLED_WAIT, "T06", "thread:p1.1;", true},
        {STOP_SHUTDOWN, "T0f", "thread:p1.1;", true},    {STOP_PROGRAM_LOOP, "T0b", "thread:p1.1;", true},
        {STOP_RESET, "T01", "thread:p1.1;", true},       {STOP_ERROR, "T04", "thread:p1.1;", true},
    };
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_script(w->fake, cases[i].reason);
        const char *reply = ask(w, "vCont;c");
        if (cases[i].line) {
            assert_int_equal(reply[0], 'O');
            const char *bar = strchr(reply, '|');
            assert_non_null(bar);
            CONTAINS(text_of(reply + 1), stop_reason_name(cases[i].reason));
            CONTAINS(text_of(reply + 1), "disabled wait, ");
            reply = bar + 1;
        }
        assert_true(starts(reply, cases[i].start));
        CONTAINS(reply, cases[i].part);
        reply = ask(w, "?");
        assert_true(starts(reply, cases[i].start));
    }
}

static void test_reasons_only_if_announced(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_SW_BREAKPOINT);
    assert_null(strstr(ask(w, "c"), "swbreak"));
    fake_script(w->fake, STOP_HW_BREAKPOINT);
    assert_null(strstr(ask(w, "c"), "hwbreak"));
}

static void test_resume_actions(void **state)
{
    struct world *w = *state;
    enum cpu_verb *verb = w->fake->plan.verb;
    struct {
        const char *packet;
        enum cpu_verb zero, one;
    } cases[] = {
        {"vCont;c", CPU_CONTINUE, CPU_CONTINUE},
        {"vCont;s:1", CPU_STEP, CPU_HOLD},
        {"vCont;s:2;c", CPU_CONTINUE, CPU_STEP},
        {"vCont;C05:1;t:2", CPU_CONTINUE, CPU_HOLD},
        {"vCont;S05", CPU_STEP, CPU_STEP},
        {"c", CPU_CONTINUE, CPU_CONTINUE},
        {"s", CPU_STEP, CPU_HOLD},
        {"C05", CPU_CONTINUE, CPU_CONTINUE},
    };
    EXPECT("vCont?", "vCont;c;C;s;S;t");
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_script(w->fake, STOP_STEP);
        STARTS(cases[i].packet, "T05");
        assert_int_equal(verb[0], cases[i].zero);
        assert_int_equal(verb[1], cases[i].one);
    }
    fake_script(w->fake, STOP_STEP);
    EXPECT("Hc2", "OK");
    STARTS("s", "T05");
    assert_int_equal(verb[0], CPU_HOLD);
    assert_int_equal(verb[1], CPU_STEP);
    EXPECT("Hc-1", "OK");

    fake_script(w->fake, STOP_STEP);
    STARTS("c4000", "T05");
    EXPECT("p1", "0000000000004000");
    unsigned resumes = w->fake->resumes;
    STARTS("vCont;t", "T05");
    STARTS("vCont;c:7", "T05");
    assert_int_equal(w->fake->resumes, resumes);
    w->fake->constant_reg = REG_PSWA;
    assert_non_null(strstr(ask(w, "c4000"), "|E16"));
}

static void test_interrupt(void **state)
{
    struct world *w = *state;
    EXPECT("vCont;c", "");
    assert_true(fake_running(w->fake));
    EXPECT("g", "E10");
    EXPECT("c", "E10");
    EXPECT("vCont;c", "E10");
    EXPECT("?", "E10");
    assert_true(starts(send_raw(w, &w->a, "\x03", 1), "T02"));
    assert_int_equal(w->fake->interrupts, 1);
    assert_string_equal(send_raw(w, &w->a, "\x03", 1), "");
    assert_int_equal(w->fake->interrupts, 1);
    EXPECT("vCont;c", "");
    STARTS("vCont;t", "T02");
    /* Pipelined behind the resume. */
    assert_true(starts(send_raw(w, &w->a, "$vCont;c#a8\x03", 12), "T02"));
    assert_true(starts(send_raw(w, &w->a, "-", 1), "T02"));
}

static void test_what_the_machine_cannot_do(void **state)
{
    struct world *w = *state;
    w->fake->machine.caps &= ~MACHINE_CAN_STEP;
    const char *reply = ask(w, "vCont;s:1");
    CONTAINS(text_of(reply + 1), "cannot step");
    CONTAINS(reply, "|E16");
    ask(w, ALL_FEATURES);
    STARTS("s", "E.this host cannot step");
    w->fake->fail_resume = "no room";
    EXPECT("c", "E.no room");
    w->fake->machine.caps &= ~MACHINE_CAN_RUN;
    STARTS("c", "E.this target cannot run");
    assert_int_equal(w->fake->resumes, 0);
}

static void test_breakpoints(void **state)
{
    struct world *w = *state;
    struct fake_machine *f = w->fake;
    EXPECT("Z0,1000,2", "OK");
    EXPECT("Z0,1000,2", "OK");
    EXPECT("Z1,1000,2", "OK");
    EXPECT("Z2,2000,8", "OK");
    EXPECT("Z2,2000,4", "OK");
    EXPECT("Z2,2000,0", "E16");
    EXPECT("Z3,2000,8", "");
    EXPECT("Z4,2000,8", "");
    EXPECT("z4,2000,8", "");
    EXPECT("Z0,3000,2", "E..only 4 breakpoints fit");
    fake_script(f, STOP_SW_BREAKPOINT);
    STARTS("c", "T05");
    assert_int_equal(f->plan.nbreakpoints, 4);
    assert_int_equal(f->points[0].kind, BP_SOFTWARE);
    assert_int_equal(f->points[0].addr, 0x1000);
    assert_int_equal(f->points[1].kind, BP_HARDWARE);
    assert_int_equal(f->points[2].kind, BP_WRITE);
    assert_int_equal(f->points[2].len, 8);
    EXPECT("z0,1000,2", "OK");
    EXPECT("z0,1000,2", "OK");
    EXPECT("z2,2000,8", "OK");
    fake_script(f, STOP_SW_BREAKPOINT);
    STARTS("c", "T05");
    assert_int_equal(f->plan.nbreakpoints, 2);
    EXPECT("Z0,1,2", "OK");
    EXPECT("Z0,3,2", "OK");
    ask(w, ALL_FEATURES);
    EXPECT("Z0,3000,2", "E.only 4 breakpoints fit");
    f->machine.caps &= ~MACHINE_CAN_HW_BREAK;
    EXPECT("Z1,3000,2", "");
    EXPECT("Z2,3000,2", "");
    EXPECT("z0,1,2", "OK");
    EXPECT("Z0,1,2", "OK");
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
    assert_string_equal(text_of(ask(w, "qThreadExtraInfo,p1.1")), "CPU 0, operating");
    assert_string_equal(text_of(ask(w, "qThreadExtraInfo,p1.2")), "CPU 1, stopped; step of the fake");
    STARTS("qThreadExtraInfo,p1.9", "E.");
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
    assert_true(starts(w->a.reply, "F190;"));
    assert_int_equal(load_be16(w->a.reply + 5 + 18), 22); /* EM_S390 */
    EXPECT("vFile:pread:1,5,190", "F0;");
    EXPECT("vFile:pread:1,5,ffffffffffffffff", "F0;");
    ask(w, "vFile:fstat:1");
    assert_int_equal(w->a.reply_len, 4 + 64);
    assert_int_equal(load_be64(w->a.reply + 4 + 28), 400);
    for (int i = 2; i <= 8; i++)
        STARTS("vFile:open:2f7a676462642f6775657374,0,0", "F");
    EXPECT("vFile:open:2f7a676462642f6775657374,0,0", "F-1,18");
    EXPECT("vFile:close:1", "F0");
    EXPECT("vFile:close:1", "F-1,9");
    EXPECT("vFile:close:63", "F-1,9");
}

static void test_exec_file_choice(void **state)
{
    struct err e;
    char buf[4];
    (void)state;
    struct exec_file *f = exec_file_open("/proc/self/exe", NULL, &e);
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
    f = exec_file_open("/etc/passwd", "/proc/self/exe", &e);
    assert_true(exec_file_size(f) > 64);
    exec_file_close(f);
    assert_null(exec_file_open("/nonexistent", NULL, &e));
    assert_int_equal(e.status, EXIT_IMAGE);
    CONTAINS(e.text, "/nonexistent");
    assert_null(exec_file_open("/etc/passwd", "/nonexistent", &e));
    assert_null(exec_file_open("/etc/passwd", "/etc/passwd", &e));
    CONTAINS(e.text, "--symbols");
    assert_null(exec_file_open("/etc", NULL, &e));
    CONTAINS(e.text, "regular");
}

/* ---- monitor ---- */

static const char *monitor(struct world *w, const char *command)
{
    char packet[200] = "qRcmd,";
    for (size_t i = 0; command[i]; i++)
        sprintf(packet + 6 + 2 * i, "%02x", (unsigned char)command[i]);
    return text_of(ask(w, packet));
}

static void test_monitor(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"help", "psw", "regs", "cpus", "exits", "reset", "quit"};
    char text[0x2000];
    int status;
    strcpy(text, monitor(w, " help "));
    for (unsigned i = 0; i < 7; i++)
        CONTAINS(text, names[i]);
    CONTAINS(monitor(w, "psw"), "0000000000000000 0101010101010101: ");
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

/* ---- who is there ---- */

static void test_probe_changes_nothing(void **state)
{
    struct world *w = *state;
    static const char *const probes[] = {"", "GET / HTTP/1.0\r\n\r\n", "+", "\x03", "-", "$!#00", "$!"};
    target_start(w->target);
    for (unsigned i = 0; i < sizeof probes / sizeof *probes; i++) {
        send_raw(w, &w->a, probes[i], strlen(probes[i]));
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
    size_t len, n = frame(packet, "?", 1);
    target_start(w->target);
    assert_true(fake_running(w->fake));
    assert_int_equal(session_input(w->a.session, packet, n), n);
    assert_true(session_attached(w->a.session));
    assert_true(session_waiting(w->a.session));
    assert_int_equal(w->fake->interrupts, 1);
    session_output(w->a.session, &len);
    assert_int_equal(len, 0);
    assert_int_equal(session_input(w->a.session, packet, n), 0);
    collect(w);
    assert_false(session_waiting(w->a.session));
    assert_true(starts(send_raw(w, &w->a, "", 0), "T02"));
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
    ask_bytes(w, &w->b, "qSupported", 10);
    assert_true(starts(w->b.reply, "E.another debugger is attached"));
    assert_int_equal(w->b.acks, 1);
    assert_true(session_closing(w->b.session));
    assert_true(fake_running(w->fake));
    assert_string_equal(ask_bytes(w, &w->b, "k", 1), "");
    peer_lose(w, &w->b);
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->interrupts, 0);
    assert_true(starts(send_raw(w, &w->a, "\x03", 1), "T02"));
}

static void test_detach_and_attach_again(void **state)
{
    struct world *w = *state;
    EXPECT("Z0,1000,2", "OK");
    EXPECT("D;2", "E03");
    EXPECT("D;1", "OK");
    assert_true(fake_running(w->fake));
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
    assert_int_equal(w->fake->plan.verb[1], CPU_CONTINUE);
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
    ask_bytes(w, &w->b, "?", 1);
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

static void test_kill_before_the_stop_came(void **state)
{
    struct world *w = *state;
    EXPECT("c", "");
    assert_int_equal(session_input(w->a.session, "$k#6b", 5), 5);
    drain(&w->a);
    session_destroy(w->a.session);
    peer_open(w, &w->a);
    collect(w);
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
    w->fake->fail_reset = "no image";
    EXPECT("vRun;", "E05");
    assert_string_equal(text_of(ask(w, "R00") + 1), "no image");
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
    assert_int_equal(w->fake->plan.verb[0], CPU_CONTINUE);
    assert_int_equal(w->fake->plan.nbreakpoints, 0);
    peer_open(w, &w->a);
    STARTS("?", "T02");
    peer_lose(w, &w->a);
    assert_true(fake_running(w->fake));
}

static void test_lost_stop(void **state)
{
    struct world *w = open_world((struct policy){.on_disconnect = DISCONNECT_STOP});
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
    close_world(w);
}

static void test_lost_exit(void **state)
{
    (void)state;
    for (int running = 0; running < 2; running++) {
        struct world *w = open_world((struct policy){.on_disconnect = DISCONNECT_EXIT});
        int status = -1;
        STARTS("?", "T05");
        if (running)
            EXPECT("c", "");
        peer_lose(w, &w->a);
        assert_true(target_exited(w->target, &status));
        assert_int_equal(status, EXIT_SHUTDOWN);
        close_world(w);
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
    collect(w);
    assert_true(starts(send_raw(w, &w->a, "", 0), "T02"));
    assert_false(fake_running(w->fake));
}

/* ---- the guest's ends ---- */

enum outcome {
    STOPS,
    RESTARTS, /* by a reset of ours */
    RESUMES,  /* the engine performs the reset */
    EXITS,
};

static const struct end_case {
    enum stop_reason reason;
    enum guest_action action;
    enum outcome with, without;
    int status;
} end_cases[] = {
    {STOP_DISABLED_WAIT, ACTION_DEFAULT, STOPS, EXITS, 3},
    {STOP_DISABLED_WAIT, ACTION_STOP, STOPS, STOPS, 0},
    {STOP_DISABLED_WAIT, ACTION_RESTART, RESTARTS, RESTARTS, 0},
    {STOP_DISABLED_WAIT, ACTION_EXIT, EXITS, EXITS, 3},
    {STOP_PROGRAM_LOOP, ACTION_DEFAULT, STOPS, EXITS, 3},
    {STOP_PROGRAM_LOOP, ACTION_EXIT, EXITS, EXITS, 3},
    {STOP_SHUTDOWN, ACTION_DEFAULT, STOPS, EXITS, 0},
    {STOP_SHUTDOWN, ACTION_STOP, STOPS, STOPS, 0},
    {STOP_SHUTDOWN, ACTION_RESTART, RESTARTS, RESTARTS, 0},
    {STOP_SHUTDOWN, ACTION_EXIT, EXITS, EXITS, 0},
    {STOP_RESET, ACTION_DEFAULT, STOPS, RESUMES, 0},
    {STOP_RESET, ACTION_STOP, STOPS, STOPS, 0},
    {STOP_RESET, ACTION_RESTART, RESUMES, RESUMES, 0},
    {STOP_RESET, ACTION_EXIT, EXITS, EXITS, 0},
    {STOP_ERROR, ACTION_DEFAULT, STOPS, EXITS, 1},
    {STOP_ERROR, ACTION_EXIT, STOPS, EXITS, 1},
};

static void check_end(const struct end_case *c, bool debugger, bool multiprocess)
{
    struct policy policy = {.on_panic = c->reason == STOP_DISABLED_WAIT || c->reason == STOP_PROGRAM_LOOP
                                            ? c->action
                                            : ACTION_DEFAULT,
                            .on_reset = c->reason == STOP_RESET ? c->action : ACTION_DEFAULT,
                            .on_shutdown = c->reason == STOP_SHUTDOWN ? c->action : ACTION_DEFAULT};
    struct world *w = open_world(policy);
    enum outcome expected = debugger ? c->with : c->without;
    int status = -1;
    const char *last = "";
    fake_script(w->fake, c->reason);
    if (multiprocess)
        ask(w, ALL_FEATURES);
    if (debugger) {
        last = ask(w, "vCont;c");
        assert_int_equal(last[0], 'O');
        last = strchr(last, '|') ? strrchr(last, '|') + 1 : "";
    } else {
        target_start(w->target);
        collect(w);
    }
    assert_int_equal(target_exited(w->target, &status), expected == EXITS);
    assert_int_equal(fake_running(w->fake), expected == RESTARTS || expected == RESUMES);
    assert_int_equal(w->fake->resets, expected == RESTARTS);
    assert_int_equal(w->fake->resumes, expected == RESTARTS || expected == RESUMES ? 2 : 1);
    if (expected == EXITS) {
        char words[32];
        assert_int_equal(status, c->status);
        snprintf(words, sizeof words, "W%02x%s", c->status, multiprocess ? ";process:1" : "");
        assert_string_equal(last, debugger ? words : "");
    } else if (debugger) {
        assert_int_equal(last[0], expected == STOPS ? 'T' : 0);
    }
    close_world(w);
}

static void test_ends(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof end_cases / sizeof *end_cases; i++) {
        check_end(&end_cases[i], false, false);
        check_end(&end_cases[i], true, false);
        check_end(&end_cases[i], true, true);
    }
}

static void test_end_that_cannot_restart(void **state)
{
    (void)state;
    for (int debugger = 0; debugger < 2; debugger++) {
        struct world *w = open_world((struct policy){.on_panic = ACTION_RESTART});
        int status = -1;
        w->fake->fail_reset = "no image";
        fake_script(w->fake, STOP_DISABLED_WAIT);
        if (debugger) {
            CONTAINS(ask(w, "c"), "|T06");
        } else {
            target_start(w->target);
            collect(w);
            assert_true(target_exited(w->target, &status));
            assert_int_equal(status, EXIT_OTHER);
        }
        close_world(w);
    }
}

/* The panic comes between a debugger's first packet and the interrupt it caused. */
static void test_end_while_attaching(void **state)
{
    (void)state;
    for (int leave = 0; leave < 2; leave++) {
        struct world *w = open_world((struct policy){.on_panic = leave ? ACTION_EXIT : ACTION_DEFAULT});
        int status = -1;
        target_start(w->target);
        fake_stop(w->fake, STOP_DISABLED_WAIT);
        assert_int_equal(session_input(w->a.session, "$?#3f", 5), 5);
        collect(w);
        assert_int_equal(target_exited(w->target, &status), leave);
        if (leave)
            assert_int_equal(status, EXIT_PANIC);
        else
            assert_true(starts(send_raw(w, &w->a, "", 0), "T06"));
        close_world(w);
    }
}

static void test_end_while_nobody_is_left(void **state)
{
    struct world *w = *state;
    int status = -1;
    EXPECT("c", "");
    fake_stop(w->fake, STOP_DISABLED_WAIT);
    session_destroy(w->a.session);
    w->a.session = NULL;
    collect(w);
    assert_true(target_exited(w->target, &status));
    assert_int_equal(status, EXIT_PANIC);
}

/* A debugger that does not read is not sent console lines without end. */
static void test_console_is_bounded(void **state)
{
    (void)state;
    struct world *w = open_world((struct policy){.on_reset = ACTION_RESTART});
    size_t len;
    EXPECT("c", "");
    for (int i = 0; i < 100; i++) {
        fake_stop(w->fake, STOP_RESET);
        target_collect(w->target);
    }
    session_output(w->a.session, &len);
    assert_in_range(len, 1, 4096);
    close_world(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_supported),
        TEST(test_acks),
        TEST(test_no_input_is_taken_before_output_has_left),
        TEST(test_broken_packets),
        TEST(test_registers),
        TEST(test_memory),
        TEST(test_physical_mode),
        TEST(test_first_instruction),
        TEST(test_stop_replies),
        TEST(test_reasons_only_if_announced),
        TEST(test_resume_actions),
        TEST(test_interrupt),
        TEST(test_what_the_machine_cannot_do),
        TEST(test_breakpoints),
        TEST(test_threads),
        TEST(test_target_xml),
        TEST(test_exec_file),
        cmocka_unit_test(test_exec_file_choice),
        TEST(test_monitor),
        TEST(test_probe_changes_nothing),
        TEST(test_attach_to_a_running_guest),
        TEST(test_second_debugger_is_refused),
        TEST(test_detach_and_attach_again),
        TEST(test_attach_in_extended_mode),
        TEST(test_detach_while_running),
        TEST(test_detach_after_a_panic),
        TEST(test_detach_that_cannot_resume),
        TEST(test_kill),
        TEST(test_kill_before_the_stop_came),
        TEST(test_vkill),
        TEST(test_restart),
        TEST(test_lost_run),
        cmocka_unit_test(test_lost_stop),
        cmocka_unit_test(test_lost_exit),
        TEST(test_lost_while_halting),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_end_that_cannot_restart),
        cmocka_unit_test(test_end_while_attaching),
        TEST(test_end_while_nobody_is_left),
        cmocka_unit_test(test_console_is_bounded),
    };
    log_set_level(LOG_ERROR); /* the expected warnings are many */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
