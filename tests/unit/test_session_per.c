/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a user hears of PER: the line about a range that costs much, once for each, `monitor per`, and the
 * switch for interruptions in steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "session_rig.h"
#include "zgdbd/log.h"

static const struct machine_per far_apart = {
    .used = 2, .max = 50, .fetches = true, .start = 0x20000, .end = 0x30001};

/* The guest runs and is interrupted: what the debugger hears meanwhile, as text. */
static const char *run_and_stop(struct world *w)
{
    static char text[2 * REPLY_MAX];
    const char *reply = ask(w, "vCont;c");
    strcpy(text, reply[0] == 'O' ? text_of(reply + 1) : reply);
    peer_send(w, &w->a, "\x03", 1);
    return text;
}

static void told_once_for_each_range(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    w->fake->per = far_apart;
    CONTAINS(run_and_stop(w),
             "between 0x20000 and 0x30001: every instruction in this range leaves the guest");
    assert_string_equal(run_and_stop(w), "");
    w->fake->per = (struct machine_per){.max = 50}; /* gdb steps over a breakpoint with all taken out */
    assert_string_equal(run_and_stop(w), "");
    w->fake->per = far_apart;
    assert_string_equal(run_and_stop(w), "");
    w->fake->per.stores = true;
    w->fake->per.end = 0x40000;
    CONTAINS(run_and_stop(w), "and 0x40000: every instruction and store in");
    w->fake->per.fetches = false;
    w->fake->per.start = 0x10000;
    CONTAINS(run_and_stop(w), "between 0x10000 and 0x40000: every store in");
}

/* The next debugger has not heard of it. */
static void told_to_each_debugger(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    w->fake->per = far_apart;
    CONTAINS(run_and_stop(w), "between 0x20000 and 0x30001");
    EXPECT("D", "OK");
    STARTS("vAttach;1", "T02");
    CONTAINS(run_and_stop(w), "between 0x20000 and 0x30001");
}

/* Of breakpoints a loop between them is enough, of watchpoints other data. */
static void what_is_near_is_not_told(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    w->fake->per = far_apart;
    w->fake->per.end = w->fake->per.start + 6; /* one breakpoint */
    assert_string_equal(run_and_stop(w), "");
    w->fake->per.end += 6; /* at most the first one's instruction is between them */
    assert_string_equal(run_and_stop(w), "");
    w->fake->per.end += 2;
    CONTAINS(run_and_stop(w), "every instruction in this range leaves the guest");
    w->fake->per.end = w->fake->per.start + 6 + 0x48;
    CONTAINS(run_and_stop(w), "between 0x20000 and 0x2004e: every instruction");
    w->fake->per.fetches = false;
    w->fake->per.stores = true;
    w->fake->per.end = w->fake->per.start + 4095;
    assert_string_equal(run_and_stop(w), "");
    w->fake->per.end++;
    CONTAINS(run_and_stop(w), "every store in this range leaves the guest");
}

static void monitor_per(void **state)
{
    struct world *w = *state;
    char text[2048];
    EXPECT("Z0,2000,2", "OK");
    EXPECT("Z1,3000,2", "OK");
    EXPECT("Z2,4000,10", "OK");
    w->fake->per.max = 50;
    assert_string_equal(monitor(w, "per"),
                        "0 of 50 PER entries were in use when the guest last ran.\nThey cost nothing now.\n");
    w->fake->per = far_apart;
    w->fake->held = "an opcode";
    assert_null(strstr(monitor(w, "per"), "breakpoint at"));
    w->fake->held = "PER";
    strcpy(text, monitor(w, "per"));
    CONTAINS(text, "2 of 50 PER entries were in use when the guest last ran.\n"
                   "  software breakpoint at 0x2000, because no opcode could be put there\n"
                   "  hardware breakpoint at 0x3000\n"
                   "  write watchpoint at 0x4000, 16 bytes\n");
    CONTAINS(text, "once its code is there");
    CONTAINS(text, "one range for all of them: 0x20000 to 0x30001.\nEvery instruction in");
    CONTAINS(text, "`break` in place of `hbreak`");
    w->fake->per.end = w->fake->per.start + 6;
    CONTAINS(monitor(w, "per"),
             "0x20000 to 0x20006.\nEvery instruction in this range leaves the guest, for more");
    w->fake->per.fetches = false;
    w->fake->per.stores = true;
    strcpy(text, monitor(w, "per"));
    CONTAINS(text, "0x20000 to 0x20006.\nEvery store in this range leaves the guest");
    assert_null(strstr(text, "helps"));
    w->fake->per.end = 0x30000;
    CONTAINS(monitor(w, "per"), "What helps: watchpoints near together");
}

static void step_interrupts(void **state)
{
    struct world *w = *state;
    CONTAINS(monitor(w, "step-interrupts"), "is off");
    CONTAINS(monitor(w, "step-interrupts on"), "is on");
    assert_int_equal(w->fake->settings[MACHINE_STEP_INTERRUPTS], 1);
    CONTAINS(monitor(w, "step-interrupts maybe"), "usage: monitor step-interrupts [on|off]");
    CONTAINS(monitor(w, "step-interrupts"), "is on");
    w->fake->fail_set = "the fake cannot";
    CONTAINS(monitor(w, "step-interrupts off"), "Nothing is changed: the fake cannot\nstep-interrupts is on");
    w->fake->fail_set = NULL;
    CONTAINS(monitor(w, "step-interrupts off"), "is off");
    assert_int_equal(w->fake->settings[MACHINE_STEP_INTERRUPTS], 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(told_once_for_each_range), TEST(told_to_each_debugger),
        TEST(what_is_near_is_not_told), TEST(monitor_per),
        TEST(step_interrupts),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
