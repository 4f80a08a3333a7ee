/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor's commands of an operator: reset, stop, start and store status of a CPU, interruptions that are
 * injected; each with what is wrong about its arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "session_rig.h"

static void test_reset_kinds(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "reset"), "first instruction.");
    assert_int_equal(w->fake->reset_kind, RESET_LOAD_CLEAR);
    CONTAINS(monitor(w, "reset normal"), "memory that the image does not fill is as it was. To make gdb");
    assert_int_equal(w->fake->reset_kind, RESET_LOAD_NORMAL);
    CONTAINS(monitor(w, "reset clear"), "maintenance flush register-cache");
    assert_int_equal(w->fake->reset_kind, RESET_LOAD_CLEAR);
    CONTAINS(monitor(w, "reset it"), "usage: monitor reset [clear|normal]\n");
    assert_int_equal(w->fake->resets, 3);
}

static void test_nmi(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "nmi"), "Continue, and CPU 0 takes a restart interruption");
    assert_int_equal(w->fake->signal, MACHINE_RESTART);
    CONTAINS(monitor(w, "nmi 1"), "Continue, and CPU 1 takes a restart interruption");
    assert_int_equal(w->fake->signal_cpu, 1);
    CONTAINS(monitor(w, "restart 0x0"), "Continue, and CPU 0 takes");
    assert_int_equal(w->fake->signal_cpu, 0);
    CONTAINS(monitor(w, "restart me"), "There is no CPU \"me\"");
    assert_int_equal(w->fake->signals, 3);
}

static void test_stop_and_start(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "start-cpu"), "CPU 0 is started already.");
    CONTAINS(monitor(w, "stop-cpu 1"), "CPU 1 is stopped: it executes nothing");
    assert_int_equal(w->fake->signal, MACHINE_STOP);
    assert_int_equal(w->fake->signal_cpu, 1);
    CONTAINS(monitor(w, "stop-cpu 0x1"), "CPU 1 is stopped already.");
    ask(w, "Hg2");
    CONTAINS(monitor(w, "start-cpu"), "CPU 1 is started: it goes on");
    assert_int_equal(w->fake->signal, MACHINE_START);
    assert_int_equal(w->fake->signals, 2);
    CONTAINS(monitor(w, "stop-cpu 64"), "There is no CPU \"64\": they are 0 to ");
    CONTAINS(monitor(w, "stop-cpu 0 1"), "There is no CPU \"0 1\"");
    CONTAINS(monitor(w, "start-cpu one"), "There is no CPU \"one\"");
    w->fake->fail_signal = "no such luck";
    CONTAINS(monitor(w, "stop-cpu"), "CPU 1 is not stopped: no such luck");
}

/* One that was started is not at its end any more. */
static void test_start_after_the_end(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_SHUTDOWN);
    ask(w, "c");
    w->fake->state[0] = CPU_STOPPED;
    CONTAINS(monitor(w, "powerdown"), "come to its end");
    monitor(w, "start-cpu");
    CONTAINS(monitor(w, "powerdown"), "continue");
}

/* A machine check gets a CPU out of a disabled wait whose PSW has bit 13 on. */
static void test_inject_after_the_end(void **state)
{
    struct world *w = *state;
    fake_script(w->fake, STOP_DISABLED_WAIT);
    ask(w, "c");
    CONTAINS(monitor(w, "powerdown"), "come to its end");
    monitor(w, "inject machine-check 0x8000000000000000");
    CONTAINS(monitor(w, "powerdown"), "continue");
}

static void test_store_status(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "store-status 1"), "The status of CPU 1 is stored: 512 bytes at absolute 0x1200.\n");
    assert_int_equal(w->fake->signal, MACHINE_STORE_STATUS);
    assert_int_equal(w->fake->signal_cpu, 1);
    CONTAINS(monitor(w, "store-status 99"), "There is no CPU \"99\"");
    CONTAINS(monitor(w, "store-status 1 2"), "There is no CPU \"1 2\"");
    assert_int_equal(w->fake->signals, 1);
    w->fake->fail_signal = "no such luck";
    CONTAINS(monitor(w, "store-status"), "The status of CPU 0 is not stored: no such luck");
}

/* ---- inject ---- */

static void expect_injection(struct world *w, const char *command, struct injection should)
{
    unsigned before = w->fake->injections;
    CONTAINS(monitor(w, command), should.kind == INJECT_PROGRAM ? "has taken the interruption: it stands at "
                                                                  "the new PSW. To make gdb"
                                                                : "Pending: ");
    assert_int_equal(w->fake->injections, before + 1);
    assert_int_equal(w->fake->injection.kind, should.kind);
    assert_int_equal(w->fake->injection.code, should.code);
    assert_int_equal(w->fake->injection.parameter, should.parameter);
    assert_int_equal(w->fake->injection.word, should.word);
}

static void test_inject(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "inject external 0x1202"),
             "Pending: CPU 0 takes the interruption (external) as soon");
    CONTAINS(monitor(w, "inject io 3"), "Pending: a CPU takes the interruption (io) as soon");
    expect_injection(w, "inject external 0x1201", (struct injection){INJECT_EXTERNAL, 0x1201, 0, 0});
    expect_injection(w, "inject external 0x2603 0xffffffffffffffff",
                     (struct injection){INJECT_EXTERNAL, 0x2603, UINT64_MAX, 0});
    expect_injection(w, "inject io 3", (struct injection){INJECT_IO, 0x10003, 0, 0});
    expect_injection(w, "inject io 0x00030003 17 0x18000000",
                     (struct injection){INJECT_IO, 0x30003, 17, 0x18000000});
    expect_injection(w, "inject machine-check 0x0040000040000000 0x10000000",
                     (struct injection){INJECT_MACHINE_CHECK, 0, 0x10000000, 0x0040000040000000});
    ask(w, "Hg2");
    expect_injection(w, "inject  program\t6", (struct injection){INJECT_PROGRAM, 6, 0, 0});
    assert_int_equal(w->fake->injection_cpu, 1);
    w->fake->fail_signal = "no such luck";
    CONTAINS(monitor(w, "inject program 6"), "Nothing is injected: no such luck");
}

static void test_inject_misused(void **state)
{
    static const char *const general[] = {"inject", "inject externals 1", "inject ext 1", "inject 1"};
    static const char *const of_class[] = {"inject external",           "inject external 1 2 3",
                                           "inject external x",         "inject external 0x",
                                           "inject external 1 2 3 4 5", "inject external 1,2"};
    static const char *const large[] = {"inject external 0x10000",   "inject program 65536",
                                        "inject io 0x100000000",     "inject io 1 0x100000000",
                                        "inject io 1 1 0x100000000", "inject machine-check 1 0x100000000"};
    struct world *w = *state;
    for (unsigned i = 0; i < sizeof general / sizeof *general; i++)
        CONTAINS(monitor(w, general[i]), "usage: monitor inject external CODE [PARAM]|io SUBCHANNEL [PARAM "
                                         "[WORD]]|machine-check MCIC [CR14]|program CODE\n");
    for (unsigned i = 0; i < sizeof of_class / sizeof *of_class; i++)
        CONTAINS(monitor(w, of_class[i]), "usage: monitor inject external CODE [PARAM]; numbers are");
    CONTAINS(monitor(w, "inject program 1 2"), "usage: monitor inject program CODE; ");
    for (unsigned i = 0; i < sizeof large / sizeof *large; i++)
        CONTAINS(monitor(w, large[i]), "is too large, at most 0xffff");
    assert_int_equal(w->fake->injections, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reset_kinds),    TEST(test_nmi),
        TEST(test_stop_and_start), TEST(test_start_after_the_end),
        TEST(test_store_status),   TEST(test_inject_after_the_end),
        TEST(test_inject),         TEST(test_inject_misused),
    };
    return cmocka_run_group_tests_name("session_machine", tests, NULL, NULL);
}
