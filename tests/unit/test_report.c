/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The panic report: what each kind of end is called and told by, of Linux and of what is none, and that
 * nothing in a guest makes more of it than its bounds allow. (Call chains and the kernel's log have tests of
 * their own.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "report_rig.h"
#include "zgdbd/interruption.h"

#define DISABLED_WAIT 0x0002000180000000ULL
#define KERNEL_MODE 0x0704c00180000000ULL /* home space, enabled for all */
#define WAIT_AT (RIG_KERNEL + 0x100)

/* fail_msg() alone shows no more than the beginning. */
static void check_part(const char *text, const char *part, bool wanted, int line)
{
    if ((strstr(text, part) != NULL) == wanted)
        return;
    fprintf(stderr, "%s", text);
    fail_msg("line %d: %s\"%s\"", line, wanted ? "no " : "", part);
}

#define CONTAINS(text, part) check_part(text, part, true, __LINE__)
#define LACKS(text, part) check_part(text, part, false, __LINE__)

/* Six bytes, six, LPSWE, two, a branch to itself. */
static const uint8_t code[] = {0xeb, 0xbf, 0xf0, 0x58, 0x00, 0x24, 0xc0, 0xe5, 0xff, 0xff, 0xff,
                               0xfd, 0xb2, 0xb2, 0xf0, 0xa0, 0x07, 0x07, 0xa7, 0xf4, 0x00, 0x00};

static struct report_rig *linux_in_wait(void)
{
    struct report_rig *r = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, WAIT_AT + 12);

    lrig_symbol(r->rig, "disabled_wait", 'T', WAIT_AT);
    lrig_put(r->rig, WAIT_AT, code, sizeof code);
    lrig_boot(r->rig);
    r->rig->fake->state[0] = CPU_DISABLED_WAIT;
    r->rig->fake->state[1] = CPU_STOPPED;
    rrig_psw(r, 1, KERNEL_MODE, RIG_KERNEL + 0x300);
    return r;
}

/* ---- a Linux guest ---- */

static void linux_first_lines(void **state)
{
    struct report_rig *r = linux_in_wait();
    const char *text;

    (void)state;
    r->in.ran = 1634000000;
    text = rrig_report(r);
    assert_int_equal(strncmp(text, "zgdbd report: disabled wait, CPU 0\n", 35), 0);
    assert_string_equal(rrig_said(r, "stop"), "the engine's words");
    CONTAINS(rrig_said(r, "PSW"), "0002000180000000 000000000000210c: disabled wait, supervisor state");
    CONTAINS(rrig_said(r, "at"), "disabled_wait+0xc/");
    CONTAINS(rrig_said(r, "kernel"), "Linux 6.1.0-rig, KASLR offset 0x");
    assert_string_equal(rrig_said(r, "ran"), "for 1.634 s, not counting stops");
    assert_string_equal(rrig_said(r, "CPUs"), "2: 1 disabled wait, 1 stopped");
    assert_null(rrig_said(r, "symbols"));
    assert_null(rrig_said(r, "note"));
    rrig_close(r);
}

/* The wait PSW has translation off, but its address is the kernel's. */
static void linux_code_and_registers(void **state)
{
    struct report_rig *r = linux_in_wait();
    const char *text;

    (void)state;
    rrig_reg(r, 0, REG_R0 + 14, WAIT_AT + 2);
    rrig_reg(r, 0, REG_R0 + 3, WAIT_AT + 4);
    rrig_reg(r, 0, REG_R0 + 4, 0x20);
    text = rrig_report(r);
    CONTAINS(text, "\nCPU 0: disabled wait\n  r0  0000000000000000  r1  0000000000000000");
    CONTAINS(text, "\n  code: r3 disabled_wait+0x4, r14 disabled_wait+0x2\n");
    CONTAINS(text, "(home)\n");
    CONTAINS(text, "\nCode at 000000000000210c  disabled_wait+0xc/");
    CONTAINS(text, "\n     0000000000002100  ebbf f058 0024  stmg %r11, %r15, 0x58(%r15)\n"
                   "     0000000000002106  c0e5 ffff fffd  brasl %r14, 0x2100  <disabled_wait+0x0>\n"
                   "  => 000000000000210c  b2b2 f0a0       lpswe 0xa0(%r15)\n"
                   "     0000000000002110  0707            bcr 0, %r7\n"
                   "     0000000000002112  a7f4 0000       j 0x2112  <disabled_wait+0x12>\n");
    CONTAINS(text, "\nCPU 1: stopped, PSW 0704c00180000000 0000000000002300  ");
    rrig_close(r);
}

static void placed_only(void **state)
{
    struct report_rig *r = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, 0x10000);
    const char *text;

    (void)state;
    lrig_without_cr(r->rig);
    lrig_put64(r->rig, 0xe0c, 0x2a4e001);
    text = rrig_report(r);
    CONTAINS(rrig_said(r, "kernel"), "placed by its loader, KASLR offset 0x2a4e000");
    LACKS(text, "Kernel log");
    rrig_close(r);
}

/* Before it is placed, or without KASLR: the image says that it is Linux. */
static void loaded_only(void **state)
{
    struct report_rig *r = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, 0x10000);

    (void)state;
    lrig_put(r->rig, 0x10008, "S390EP", 6);
    rrig_report(r);
    CONTAINS(rrig_said(r, "kernel"), "Linux by its image");
    rrig_close(r);
}

static void panic_called(void **state)
{
    static const enum stop_reason reasons[] = {STOP_PANIC, STOP_INTERRUPT, STOP_SW_BREAKPOINT};
    uint64_t panic;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct report_rig *r = rrig_open(reasons[i], KERNEL_MODE, 0);
        uint64_t format = lrig_room(r->rig, 64, 8);

        lrig_boot(r->rig);
        assert_true(linux_symbol_named(r->rig->g, "panic", &panic));
        rrig_psw(r, 0, KERNEL_MODE, panic);
        lrig_put(r->rig, format, "VFS: no root on %s\n", 20);
        rrig_reg(r, 0, REG_R0 + 2, format);
        rrig_reg(r, 0, REG_R0 + 14, panic + 6);
        assert_int_equal(strncmp(rrig_report(r), "zgdbd report: panic() called, CPU 0\n", 36), 0);
        assert_string_equal(rrig_said(r, "said"), "panic(\"VFS: no root on %s?\")");
        CONTAINS(rrig_said(r, "called from"), " panic+0x6/");
        rrig_psw(r, 0, KERNEL_MODE, panic + 2);
        rrig_report(r);
        assert_null(rrig_said(r, "called from"));
        rrig_close(r);
    }
}

/* ---- what is no Linux ---- */

static void bare_guest(void **state)
{
    struct report_rig *r = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, 0x1010c);
    const char *text;

    (void)state;
    r->rig->fake->state[0] = CPU_DISABLED_WAIT;
    r->in.has_ran = false;
    lrig_put(r->rig, 0x10100, code, sizeof code);
    text = rrig_report(r);
    CONTAINS(rrig_said(r, "kernel"), "unknown");
    assert_null(rrig_said(r, "at"));
    assert_null(rrig_said(r, "ran"));
    LACKS(text, "Kernel log");
    LACKS(text, "program interruption");
    CONTAINS(text, "\nCode at 000000000001010c:\n");
    CONTAINS(text, "\n  => 000000000001010c  b2b2 f0a0       lpswe 0xa0(%r15)\n");
    rrig_close(r);
}

static void classes(void **state)
{
    static const struct {
        enum stop_reason reason;
        enum interruption_loop loop;
        enum cpu_state cpu;
        uint64_t mask;
        const char *name;
        bool note;
    } cases[] = {
        {STOP_DISABLED_WAIT, 0, CPU_DISABLED_WAIT, DISABLED_WAIT, "disabled wait", false},
        {STOP_PROGRAM_LOOP, LOOP_PROGRAM, CPU_RUNNING, 0x180000000, "program-interruption loop", false},
        {STOP_PROGRAM_LOOP, LOOP_EXTERNAL, CPU_RUNNING, 0x180000000, "external-interruption loop", false},
        {STOP_PROGRAM_LOOP, LOOP_OPERATION, CPU_RUNNING, 0x180000000, "operation-exception loop", false},
        {STOP_SHUTDOWN, 0, CPU_STOPPED, 0x180000000, "shutdown", false},
        {STOP_RESET, 0, CPU_RUNNING, 0x180000000, "reset", false},
        {STOP_ERROR, 0, CPU_RUNNING, 0x180000000, "cannot be run", false},
        {STOP_INTERRUPT, 0, CPU_RUNNING, 0x0400c00180000000, "runs with interruptions off", true},
        {STOP_INTERRUPT, 0, CPU_RUNNING, 0x0404c00180000000, "runs with interruptions off", true},
        {STOP_SW_BREAKPOINT, 0, CPU_RUNNING, 0x0404c00180000000, "runs with interruptions off", false},
        {STOP_INTERRUPT, 0, CPU_RUNNING, KERNEL_MODE, "runs", false},
        {STOP_INTERRUPT, 0, CPU_RUNNING, 0x0401c00180000000, "runs", false},
        {STOP_INTERRUPT, 0, CPU_WAITING, 0x0706c00180000000, "enabled wait", false},
        {STOP_HALTED, 0, CPU_STOPPED, KERNEL_MODE, "stopped CPU", false},
    };
    char first[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct report_rig *r = rrig_open(cases[i].reason, cases[i].mask, 0x10000);

        r->stop.loop = cases[i].loop;
        r->rig->fake->state[0] = cases[i].cpu;
        snprintf(first, sizeof first, "zgdbd report: %s, CPU 0\n", cases[i].name);
        CONTAINS(rrig_report(r), first);
        assert_int_equal(rrig_said(r, "note") != NULL, cases[i].note);
        rrig_close(r);
    }
}

/* ---- interruptions ---- */

static void put_psw(struct report_rig *r, uint64_t at, uint64_t mask, uint64_t addr)
{
    lrig_put64(r->rig, at, mask);
    lrig_put64(r->rig, at + 8, addr);
}

static const char *in_loop(struct report_rig *r, uint64_t mask, uint64_t addr)
{
    bool external = r->stop.loop == LOOP_EXTERNAL;

    put_psw(r, LC_NEW_PSW(external ? INTERRUPTION_EXTERNAL : INTERRUPTION_PROGRAM), mask, addr);
    return rrig_report(r);
}

static void loops(void **state)
{
    struct report_rig *r = rrig_open(STOP_PROGRAM_LOOP, 0x180000000, 0x10000);

    (void)state;
    CONTAINS(in_loop(r, 0x180000000, 0x10001), "\nThe loop of CPU 0:\n  program new PSW 0000000180000000 "
                                               "0000000000010001: supervisor");
    CONTAINS(r->text, "\n    the instruction address is odd");
    CONTAINS(in_loop(r, 0x8000000180000000, 0x10000), "not valid: bits that must be zero are one: 0\n");
    CONTAINS(in_loop(r, 0x180000000, 0x7000000),
             "    no instruction can be fetched from its address: 0x05 (addressing)\n");
    CONTAINS(in_loop(r, 0x0400c00180000000, 0x7000000), "(segment translation)\n");
    CONTAINS(in_loop(r, 0x180000000, 0x10000), "\n    no instruction is at its address: 0000\n");
    r->stop.loop = LOOP_EXTERNAL;
    lrig_put(r->rig, 0x86, "\x10\x04", 2);
    CONTAINS(in_loop(r, 0x0100000180000000, 0x10000),
             "\n  external new PSW 0100000180000000 0000000000010000: ");
    CONTAINS(r->text, "    the last one had the code 0x1004 (clock comparator)\n");
    LACKS(r->text, "no instruction");
    r->in.cpu = 1; /* not the one in the loop */
    LACKS(rrig_report(r), "The loop");
    rrig_close(r);
}

/* Fetching is an exception, which leads to where fetching is one. The CPU runs, and no stop tells. */
static void loop_of_fetches(void **state)
{
    struct report_rig *r = rrig_open(STOP_INTERRUPT, 0x180000000, 0x7000004);

    (void)state;
    put_psw(r, LC_NEW_PSW(INTERRUPTION_PROGRAM), 0x180000000, 0x7000000);
    CONTAINS(rrig_report(r), "zgdbd report: program-interruption loop, CPU 0\n");
    CONTAINS(rrig_said(r, "note"), "no instruction can be fetched");
    CONTAINS(r->text, "\nThe loop of CPU 0:\n  program new PSW 0000000180000000 0000000007000000");
    put_psw(r, LC_NEW_PSW(INTERRUPTION_PROGRAM), 0x180000000, 0x10000);
    LACKS(rrig_report(r), "loop of");
    put_psw(r, LC_NEW_PSW(INTERRUPTION_PROGRAM), 0x400180000000, 0x7000000);
    LACKS(rrig_report(r), "loop of");
    put_psw(r, LC_NEW_PSW(INTERRUPTION_PROGRAM), 0x180000000, 0x7000000);
    rrig_psw(r, 0, 0x180000000, 0x10000);
    LACKS(rrig_report(r), "loop of");
    rrig_close(r);
}

/* The PSW leads nowhere; who came to it first is what the old one says. */
static void cause_of_a_loop(void **state)
{
    struct report_rig *r = rrig_open(STOP_PROGRAM_LOOP, 0x00ff000000000000, 0x1111111111111111);

    (void)state;
    lrig_put(r->rig, 0x10100, code, sizeof code);
    put_psw(r, LC_NEW_PSW(INTERRUPTION_PROGRAM), 0x00ff000000000000, 0x1111111111111111);
    put_psw(r, LC_OLD_PSW(INTERRUPTION_PROGRAM), 0x180000000, 0x1010c);
    lrig_put(r->rig, 0x8c, "\0\6\0\1", 4);
    CONTAINS(rrig_report(r), "\n  Call chain, from the program old PSW:\n    #0  000000000001010c\n");
    r->stop.loop = LOOP_OPERATION; /* there the PSW is where it happened, and its code is told once */
    rrig_psw(r, 0, 0x180000000, 0x10106);
    LACKS(rrig_report(r), "from the program old PSW");
    assert_null(strstr(strstr(r->text, "Code at") + 1, "Code at"));
    rrig_close(r);
}

/* What caused it is in front of the old PSW, or at it. */
static void last_program_interruption(void **state)
{
    struct report_rig *r = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, 0x200);
    const char *text;

    (void)state;
    lrig_put(r->rig, 0x10100, code, sizeof code);
    put_psw(r, LC_OLD_PSW(INTERRUPTION_PROGRAM), 0x0300000180000000, 0x1010c);
    lrig_put(r->rig, 0x8c, "\0\6\0\1", 4);
    lrig_put64(r->rig, 0x110, 0x10106);
    text = rrig_report(r);
    CONTAINS(text, "\nLast program interruption of CPU 0 (it may be older than the end):\n"
                   "  code 0x0001 (operation), ILC 6\n"
                   "  last breaking event 0000000000010106\n"
                   "  old PSW 0300000180000000 000000000001010c: supervisor state");
    CONTAINS(text, "\n  -> 0000000000010106  c0e5");
    CONTAINS(text, "\n  => 000000000001010c  b2b2");
    lrig_put(r->rig, 0x8c, "\0\6\0\x11", 4);
    lrig_put64(r->rig, 0xa8, 0x123000403);
    text = rrig_report(r);
    CONTAINS(text, "  code 0x0011 (page translation), ILC 6\n"
                   "  translation-exception address 0x0000000123000000, home space, store\n");
    LACKS(text, "  -> ");
    rrig_psw(r, 0, 0x0300000180000000, 0x1010c); /* stands there: the code is told once */
    text = rrig_report(r);
    assert_null(strstr(strstr(text, "Code at") + 1, "Code at"));
    rrig_close(r);
}

static void implausible_interruptions(void **state)
{
    static const struct {
        uint8_t ilc, code[2];
        uint64_t mask, addr;
    } cases[] = {
        {0, {0, 1}, 0x180000000, 0x10000},    /* no length */
        {4, {0, 0x55}, 0x180000000, 0x10000}, /* no such code */
        {4, {0x5a, 0x5a}, 0x180000000, 0x10000}, {4, {0, 1}, 0x5a5a5a5a5a5a5a5a, 0x5a5a5a5a5a5a5a5a},
        {4, {0, 1}, 0x180000000, 0x10001},       {4, {0, 1}, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct report_rig *r = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, 0x200);

        lrig_put(r->rig, 0x8d, &cases[i].ilc, 1);
        lrig_put(r->rig, 0x8e, cases[i].code, 2);
        put_psw(r, LC_OLD_PSW(INTERRUPTION_PROGRAM), cases[i].mask, cases[i].addr);
        LACKS(rrig_report(r), "program interruption");
        rrig_close(r);
    }
}

static void prefix_outside_of_memory(void **state)
{
    struct report_rig *r = rrig_open(STOP_PROGRAM_LOOP, 0x180000000, 0x10000);

    (void)state;
    r->rig->fake->machine.reg_features |= 1u << REG_VIRT;
    memcpy(r->rig->fake->regs[0][REG_PREFIX], "\0\0\0\0\x7f\xff\xe0\0", 8);
    lrig_put(r->rig, 0x8c, "\0\6\0\1", 4);
    put_psw(r, LC_OLD_PSW(INTERRUPTION_PROGRAM), 0x0300000180000000, 0x1010c);
    CONTAINS(rrig_report(r), "The prefix area of CPU 0, at 0x7fffe000, lies outside of memory.\n");
    CONTAINS(r->text, "CPU 0: operating, prefix 0x7fffe000\n");
    LACKS(r->text, "program interruption");
    LACKS(r->text, "The loop");
    rrig_close(r);
}

/* ---- everything is hostile ---- */

static void code_that_cannot_be_read(void **state)
{
    static const struct {
        uint64_t mask, addr;
        const char *text;
    } cases[] = {
        {0x180000000, 0x7000000, "Code at 0000000007000000: cannot be read, no memory is there\n"},
        {0x0400c00180000000, 0x7000000,
         "Code at 0000000007000000: cannot be read, the address does not translate\n"},
        {0x180000000, UINT64_MAX, "Code at ffffffffffffffff: cannot be read"},
        {0x180000000, FAKE_MEMORY - 2, "  => 000000000002fffe  0000            .word 0x0000\n"},
        {0x180000000, 0, "  => 0000000000000000  0000            .word 0x0000\n"},
        {0x180000000, 1, "Code at 0000000000000001: none, the address is odd\n"},
        {0, 0xff000010, "Code at 0000000000000010:\n"}, /* 24-bit mode */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct report_rig *r = rrig_open(STOP_DISABLED_WAIT, cases[i].mask, cases[i].addr);

        CONTAINS(rrig_report(r), cases[i].text);
        rrig_close(r);
    }
}

static void garbage_everywhere(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 64; round++) {
        struct report_rig *r = linux_in_wait();
        uint32_t seed = round + 1;

        for (size_t at = round % 4 * 0x1000; at < FAKE_MEMORY; at += 1 + seed % (round + 1)) {
            seed = seed * 1103515245u + 12345u;
            r->rig->fake->memory[at] = round < 2 ? (uint8_t)-round : (uint8_t)(seed >> 16);
        }
        for (unsigned reg = 0; reg < REG_C0; reg++)
            for (unsigned i = 0; i < 8 && round % 3; i++)
                r->rig->fake->regs[0][reg][i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        r->stop.reason = (enum stop_reason)(round % (STOP_ERROR + 1));
        rrig_report(r);
        rrig_close(r);
    }
}

static void registers_that_are_not_there(void **state)
{
    struct report_rig *r = linux_in_wait();

    (void)state;
    lrig_without_cr(r->rig);
    LACKS(rrig_report(r), "(home)");
    CONTAINS(r->text, "  => 000000000000210c  b2b2"); /* by the kernel's own tables */
    rrig_close(r);
}

static void it_has_an_end(void **state)
{
    static char exits[1000][TRACE_LINE];
    struct report_rig *r = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, 0x200);

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        snprintf(exits[i], sizeof exits[i], "exit %u \033[2J", i);
    r->in.exits = (const char(*)[TRACE_LINE])exits;
    r->in.nexits = 12;
    CONTAINS(rrig_report(r), "\nLast exits of the guest:\n  exit 0 ?[2J\n  exit 1 ");
    CONTAINS(r->text, "exit 11 ?[2J\nEnd of the report.\n");
    r->in.nexits = 1000;
    CONTAINS(rrig_report(r), "\n(there is more, but the report is cut here)\nEnd of the report.\n");
    assert_int_equal(r->lines, REPORT_LINES_MAX);
    for (unsigned i = 0; i < 1000; i++)
        memset(exits[i], 'x', sizeof exits[i] - 1);
    rrig_report(r);
    assert_in_range(strlen(r->text), REPORT_BYTES_MAX - 2 * REPORT_LINE_BYTES - 300, REPORT_BYTES_MAX);
    CONTAINS(r->text, "\n(there is more, but the report is cut here)\nEnd of the report.\n");
    rrig_close(r);
}

/* A line that is too long, and control characters. */
static void lines_are_held(void **state)
{
    struct report_rig *r = rrig_open(STOP_ERROR, DISABLED_WAIT, 0x200);

    (void)state;
    memset(r->stop.text, 'y', sizeof r->stop.text - 1);
    memcpy(r->stop.text, "a\nb\tc\x7f", 6);
    rrig_report(r);
    CONTAINS(rrig_said(r, "stop"), "a?b c?yyy");
    assert_int_equal(strlen(rrig_said(r, "stop")), REPORT_LINE_BYTES - 1 - 13);
    CONTAINS(rrig_said(r, "stop"), "yyy...");
    rrig_close(r);
}

static void another_cpu(void **state)
{
    struct report_rig *r = linux_in_wait();

    (void)state;
    r->in.cpu = 1;
    CONTAINS(rrig_report(r), "zgdbd report: stopped CPU, CPU 1\n");
    CONTAINS(r->text, "\nCPU 1: stopped\n");
    CONTAINS(r->text, "\nCPU 0: disabled wait, PSW 0002000180000000 000000000000210c  disabled_wait+0xc/");
    r->in.stop = NULL;
    r->in.cpu = 0;
    CONTAINS(rrig_report(r), "zgdbd report: disabled wait, CPU 0\n");
    assert_null(rrig_said(r, "note"));
    assert_null(rrig_said(r, "stop"));
    rrig_close(r);
}

/* A dump does not say which CPU came to the end. */
static void the_cpu_of_the_end(void **state)
{
    struct report_rig *r = linux_in_wait();
    struct report_rig *bare = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, 0x200);
    uint64_t at;

    (void)state;
    assert_int_equal(report_cpu_of_end(r->in.machine, r->in.guest, 1), 0);
    assert_int_equal(report_cpu_of_end(bare->in.machine, bare->in.guest, 1), 1);
    bare->rig->fake->state[1] = CPU_DISABLED_WAIT;
    assert_int_equal(report_cpu_of_end(bare->in.machine, bare->in.guest, 0), 1);
    rrig_close(r);
    r = rrig_open(STOP_DISABLED_WAIT, DISABLED_WAIT, 0x200);
    at = lrig_room(r->rig, 4, 4);
    lrig_symbol(r->rig, "panic_cpu", 'D', at);
    lrig_boot(r->rig);
    lrig_put32(r->rig, at, 1);
    assert_int_equal(report_cpu_of_end(r->in.machine, r->in.guest, 0), 1);
    lrig_put32(r->rig, at, UINT32_MAX);
    assert_int_equal(report_cpu_of_end(r->in.machine, r->in.guest, 0), 0);
    rrig_close(r);
    rrig_close(bare);
}

/* Ctrl-C is told by a CPU that is idle; the other one is in an endless loop. */
static void another_cpu_hangs(void **state)
{
    struct report_rig *r = rrig_open(STOP_INTERRUPT, 0x0706c00180000000, 0x10000);

    (void)state;
    r->rig->fake->state[0] = CPU_WAITING;
    rrig_psw(r, 1, 0x0404c00180000000, 0x10000);
    CONTAINS(rrig_report(r), "zgdbd report: enabled wait, CPU 0\n");
    assert_string_equal(rrig_said(r, "note"), "with I/O and external interruptions off runs CPU 1");
    r->rig->fake->state[1] = CPU_DISABLED_WAIT;
    rrig_report(r);
    assert_string_equal(rrig_said(r, "note"), "in a disabled wait is CPU 1");
    r->rig->fake->state[1] = CPU_RUNNING;
    rrig_psw(r, 1, 0x0504c00180000000, 0x10000);
    rrig_report(r);
    assert_null(rrig_said(r, "note"));
    rrig_psw(r, 1, 0x0404c00180000000, 0x10000);
    r->stop.reason = STOP_SW_BREAKPOINT;
    rrig_report(r);
    assert_null(rrig_said(r, "note"));
    rrig_close(r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(linux_first_lines),
        cmocka_unit_test(linux_code_and_registers),
        cmocka_unit_test(placed_only),
        cmocka_unit_test(loaded_only),
        cmocka_unit_test(panic_called),
        cmocka_unit_test(bare_guest),
        cmocka_unit_test(classes),
        cmocka_unit_test(loops),
        cmocka_unit_test(loop_of_fetches),
        cmocka_unit_test(cause_of_a_loop),
        cmocka_unit_test(last_program_interruption),
        cmocka_unit_test(implausible_interruptions),
        cmocka_unit_test(prefix_outside_of_memory),
        cmocka_unit_test(code_that_cannot_be_read),
        cmocka_unit_test(garbage_everywhere),
        cmocka_unit_test(registers_that_are_not_there),
        cmocka_unit_test(it_has_an_end),
        cmocka_unit_test(lines_are_held),
        cmocka_unit_test(another_cpu),
        cmocka_unit_test(another_cpu_hangs),
        cmocka_unit_test(the_cpu_of_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
