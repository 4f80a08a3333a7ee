/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a debugger is told of a Linux guest without asking: libraries that come and go, panic(), a place at
 * which the guest is to stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "linux_rig.h"
#include "session_rig.h"
#include "zgdbd/bytes.h"

#define LIST "qXfer:libraries-svr4:read::0,1000"
#define KERNEL_FILE "/zgdbd/linux-6.1.0-rig@2000"
#define PANIC (RIG_KERNEL + 0x100)
#define WORD 0xe0cu

static struct linux_rig rig;

/* A fake machine whose memory is zero, so that its guest may become Linux. */
static struct world *fresh(void **state)
{
    struct world *w = *state;
    lrig_in(&rig, w->fake, RIG_LOW);
    return w;
}

/* vFile:open, its answer. */
static const char *open_file(struct world *w, const char *name)
{
    char packet[512] = "vFile:open:";
    for (const char *c = name; *c; c++)
        sprintf(packet + strlen(packet), "%02x", (unsigned char)*c);
    strcat(packet, ",0,0");
    return ask(w, packet);
}

/* The guest becomes Linux and the machine says that the word has changed. */
static const char *becomes_linux(struct world *w, const char *resume)
{
    lrig_boot(&rig);
    fake_script(w->fake, STOP_WORD);
    return ask(w, resume);
}

static struct stop *comes_to(struct world *w, uint64_t addr)
{
    struct stop *stop = fake_script(w->fake, STOP_SW_BREAKPOINT);
    stop->addr = addr;
    return stop;
}

static bool plan_has(const struct world *w, uint64_t addr)
{
    size_t i = 0;
    while (i < w->fake->plan.nbreakpoints && w->fake->points[i].addr != addr)
        i++;
    return i < w->fake->plan.nbreakpoints;
}

static void test_libraries(void **state)
{
    struct world *w = fresh(state);
    ask(w, ALL_FEATURES);
    CONTAINS(ask(w, LIST), "unknown-code");
    assert_null(strstr(w->a.reply, "linux-"));
    assert_string_equal(open_file(w, KERNEL_FILE), "F-1,2");
    becomes_linux(w, "vCont;c");
    assert_true(starts(w->a.reply, "T05"));
    CONTAINS(w->a.reply, "library:;");
    CONTAINS(ask(w, LIST), "<library name=\"" KERNEL_FILE "\" lm=\"0x1\" lmid=\"0x0\" l_addr=\"0x0\" ");
    CONTAINS(ask(w, "qXfer:libraries:read::0,1000"), "\"" KERNEL_FILE "\"><segment address=\"0x2000\"/>");
    assert_string_equal(open_file(w, KERNEL_FILE), "F1");
    ask(w, "vFile:pread:1,40,0");
    assert_int_equal(load_be16(w->a.reply + strlen("F40;") + offsetof(Elf64_Ehdr, e_machine)), EM_S390);
    assert_string_equal(open_file(w, "/zgdbd/linux-6.1.0-rig@3000"), "F-1,2");
    fake_script(w->fake, STOP_STEP);
    assert_true(starts(ask(w, "vCont;c"), "T05"));
    assert_null(strstr(w->a.reply, "library"));
    assert_false(w->fake->plan.word.wanted);
}

/* What was told is no more, before anything runs; an open file stays. */
static void test_reset_takes_them_away(void **state)
{
    struct world *w = fresh(state);
    ask(w, ALL_FEATURES);
    ask(w, LIST);
    becomes_linux(w, "vCont;c");
    ask(w, LIST);
    assert_string_equal(open_file(w, KERNEL_FILE), "F1");
    lrig_put64(&rig, WORD, 0);
    monitor(w, "reset");
    unsigned resumes = w->fake->resumes;
    CONTAINS(ask(w, "vCont;c"), "library:;");
    assert_int_equal(w->fake->resumes, resumes);
    assert_null(strstr(ask(w, LIST), "linux-"));
    STARTS("vFile:pread:1,4,0", "F4;\x7f"
                                "ELF");
    EXPECT("vFile:close:1", "F0");
    assert_string_equal(open_file(w, KERNEL_FILE), "F-1,2");
    fake_script(w->fake, STOP_STEP);
    assert_true(starts(ask(w, "vCont;c"), "T05"));
}

/* Ctrl-C, and the stop that brings libraries was under way: gdb resumes by itself, and is stopped then. */
static void test_interrupt_behind_libraries(void **state)
{
    struct world *w = fresh(state);
    ask(w, ALL_FEATURES);
    ask(w, LIST);
    ask(w, "vCont;c");
    lrig_boot(&rig);
    fake_stop(w->fake, STOP_WORD);
    assert_int_equal(session_input(w->a.session, "\x03", 1), 1);
    world_collect(w);
    peer_drain(&w->a);
    CONTAINS(w->a.reply, "library:;");
    unsigned resumes = w->fake->resumes;
    assert_true(starts(ask(w, "vCont;c"), "T02"));
    assert_int_equal(w->fake->resumes, resumes);
    fake_script(w->fake, STOP_STEP);
    assert_true(starts(ask(w, "vCont;c"), "T05"));
}

/* The same, and Ctrl-C comes when the news has gone out: of a guest that has not stopped before, and of one
 * that an interrupt has stopped. */
static void interrupt_before_resume(struct world *w)
{
    CONTAINS(becomes_linux(w, "vCont;c"), "library:;");
    assert_int_equal(session_input(w->a.session, "\x03", 1), 1);
    ask(w, LIST);
    assert_true(starts(ask(w, "vCont;c"), "T02"));
    fake_script(w->fake, STOP_STEP);
    assert_true(starts(ask(w, "vCont;c"), "T05"));
}

static void test_interrupt_in_front_of_a_resume(void **state)
{
    struct world *w = fresh(state);
    ask(w, ALL_FEATURES);
    ask(w, LIST);
    interrupt_before_resume(w);
}

static void test_second_interrupt(void **state)
{
    struct world *w = fresh(state);
    ask(w, ALL_FEATURES);
    ask(w, LIST);
    fake_script(w->fake, STOP_INTERRUPT);
    assert_true(starts(ask(w, "vCont;c"), "T02"));
    interrupt_before_resume(w);
}

/* The word is looked out for in a guest that is loaded from a kernel image, until there is nothing to come.
 */
static void test_who_is_awaited(void **state)
{
    struct world *w = fresh(state);
    ask(w, ALL_FEATURES);
    fake_script(w->fake, STOP_STEP);
    ask(w, "vCont;c");
    assert_false(w->fake->plan.word.wanted);
    monitor(w, "reset");
    lrig_put(&rig, 0x10008, "S390EP", 6);
    fake_script(w->fake, STOP_STEP);
    ask(w, "vCont;c");
    assert_true(w->fake->plan.word.wanted);
    assert_int_equal(w->fake->plan.word.absolute, WORD);
    lrig_boot(&rig);
    fake_script(w->fake, STOP_WORD);
    fake_script(w->fake, STOP_STEP);
    ask(w, "vCont;c");
    assert_false(w->fake->plan.word.wanted);
}

/* A debugger that asks for no libraries hears of none, and of no stop. */
static void test_goes_on_silently(void **state)
{
    struct world *w = fresh(state);
    ask(w, ALL_FEATURES);
    lrig_boot(&rig);
    fake_script(w->fake, STOP_WORD);
    fake_script(w->fake, STOP_STEP);
    assert_true(starts(ask(w, "vCont;c"), "T05"));
    assert_null(strstr(w->a.reply, "library"));
    assert_int_equal(w->fake->resumes, 2);
    CONTAINS(monitor(w, "symbols"), "The debugger has not asked for symbols.");
}

static void test_panic_is_a_stop(void **state)
{
    struct world *w = fresh(state);
    uint64_t format = lrig_room(&rig, 32, 8);
    ask(w, ALL_FEATURES);
    lrig_boot(&rig);
    fake_script(w->fake, STOP_WORD);
    fake_script(w->fake, STOP_STEP);
    ask(w, "vCont;c");
    lrig_put(&rig, format, "out of %s", 10);
    store_be64(w->fake->regs[0][REG_R0 + 2], format);
    comes_to(w, PANIC);
    ask(w, "vCont;c");
    assert_true(plan_has(w, PANIC));
    CONTAINS(text_of(w->a.reply + 1), "panic() is called: \"out of %s\"");
    CONTAINS(w->a.reply, "|T06");
    monitor(w, "panic-stop off");
    fake_script(w->fake, STOP_STEP);
    ask(w, "vCont;c");
    assert_false(plan_has(w, PANIC));
    CONTAINS(monitor(w, "panic-stop on"), "is on");
    EXPECT("Z0,2116,2", "OK"); /* gdb's own is behind the prologue */
    fake_script(w->fake, STOP_STEP);
    ask(w, "vCont;c");
    assert_false(plan_has(w, PANIC));
}

/* What the guest's tables say is the guest's: no breakpoint at half an instruction, with which an opcode
 * could reach behind the end of memory. */
static void test_odd_functions_are_none(void **state)
{
    struct world *w = fresh(state);
    ask(w, ALL_FEATURES);
    ask(w, LIST);
    lrig_symbol(&rig, "do_init_module", 'T', RIG_KERNEL + 0x201);
    lrig_symbol(&rig, "free_module", 'T', RIG_KERNEL + 0x300);
    becomes_linux(w, "vCont;c");
    ask(w, LIST);
    fake_script(w->fake, STOP_STEP);
    assert_true(starts(ask(w, "vCont;c"), "T05"));
    assert_true(plan_has(w, RIG_KERNEL + 0x300));
    assert_false(plan_has(w, RIG_KERNEL + 0x201));
}

static void test_panic_that_ends_is_none(void **state)
{
    struct world *w = world_open((struct policy){.on_panic = ACTION_EXIT});
    (void)state;
    lrig_in(&rig, w->fake, RIG_LOW);
    ask(w, ALL_FEATURES);
    lrig_boot(&rig);
    fake_script(w->fake, STOP_STEP);
    ask(w, "vCont;c");
    assert_false(plan_has(w, PANIC));
    world_close(w);
}

/* First gdb gets the symbols, then its user the stop. */
static void test_stop_at(void **state)
{
    struct world *w = world_open((struct policy){.stop_at = STOP_AT_SYMBOLS});
    (void)state;
    lrig_in(&rig, w->fake, RIG_LOW);
    ask(w, ALL_FEATURES);
    ask(w, LIST);
    lrig_put64(&rig, WORD, 0x5001); /* placed: not yet */
    fake_script(w->fake, STOP_WORD);
    lrig_boot(&rig);
    lrig_put64(&rig, WORD, 0x5001);
    fake_script(w->fake, STOP_STEP);
    assert_null(strstr(ask(w, "vCont;c"), "symbols"));
    CONTAINS(becomes_linux(w, "vCont;c"), "library:;");
    unsigned resumes = w->fake->resumes;
    ask(w, "vCont;c");
    assert_int_equal(w->fake->resumes, resumes);
    CONTAINS(text_of(w->a.reply + 1), "the symbols of Linux 6.1.0-rig can be read; KASLR offset 0x2000");
    CONTAINS(w->a.reply, "|T05");
    fake_script(w->fake, STOP_STEP);
    assert_true(starts(ask(w, "vCont;c"), "T05"));
    world_close(w);
}

static void test_stop_at_with_nobody_there(void **state)
{
    struct world *w = world_open((struct policy){.stop_at = STOP_AT_PLACED});
    (void)state;
    lrig_in(&rig, w->fake, RIG_LOW);
    lrig_without_cr(&rig); /* DAT is off */
    target_start(w->target);
    lrig_put64(&rig, WORD, 0x5001);
    fake_stop(w->fake, STOP_WORD);
    world_collect(w);
    assert_false(fake_running(w->fake));
    assert_true(starts(ask(w, "?"), "T05"));
    CONTAINS(monitor(w, "symbols"), "KASLR offset: 0x5000");
    fake_script(w->fake, STOP_STEP);
    assert_true(starts(ask(w, "vCont;c"), "T05"));
    world_close(w);
}

/* What the debugger has itself is put where the kernel is. */
static void test_offsets(void **state)
{
    struct world *w = fresh(state);
    EXPECT("qOffsets", "");
    lrig_boot(&rig);
    fake_script(w->fake, STOP_WORD);
    fake_script(w->fake, STOP_STEP);
    ask(w, "c");
    EXPECT("qOffsets", "TextSeg=2000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_libraries),
        TEST(test_reset_takes_them_away),
        TEST(test_interrupt_behind_libraries),
        TEST(test_interrupt_in_front_of_a_resume),
        TEST(test_second_interrupt),
        TEST(test_who_is_awaited),
        TEST(test_goes_on_silently),
        TEST(test_panic_is_a_stop),
        TEST(test_odd_functions_are_none),
        cmocka_unit_test(test_panic_that_ends_is_none),
        cmocka_unit_test(test_stop_at),
        cmocka_unit_test(test_stop_at_with_nobody_there),
        TEST(test_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
