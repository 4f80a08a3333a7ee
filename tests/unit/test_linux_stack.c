/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call chains: functions and stacks as the compiler and the kernel make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "stack_rig.h"

/* ---- whole chains ---- */

static void from_a_frame(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_expect(s, THREE, NULL);
    assert_int_equal(s->frames[0].sp, sp);
    assert_int_equal(s->frames[1].sp, sp + FRAME);
    assert_int_equal(s->frames[1].pc, srig_code(s, MIDDLE, AT_RETURN));
    srig_stand(s, srig_code(s, INNER, AT_RETURN), 0x1234, sp);
    srig_expect(s, THREE, NULL);
    srig_stand(s, srig_code(s, INNER, AT_BACK + 2), 0x1234, sp); /* a path behind the way back */
    srig_expect(s, THREE, NULL);
}

/* Wherever the function stands in its prologue or epilogue the chain is the same. */
static void without_a_frame(void **state)
{
    struct stack_rig *s = *state;
    uint64_t inner = srig_three(s), middle = inner + FRAME, ret = srig_code(s, MIDDLE, AT_RETURN);
    srig_put64(s, inner + 152, 0x123); /* nothing of it is there yet */
    srig_put64(s, middle + 136, 0x123);
    srig_stand(s, srig_code(s, INNER, AT_ENTRY), ret, middle);
    srig_expect(s, THREE, NULL);
    assert_int_equal(s->frames[1].sp, middle);
    srig_put64(s, middle + 136, ret);
    srig_stand(s, srig_code(s, INNER, AT_SAVED), ret, middle);
    srig_expect(s, THREE, NULL);
    srig_stand(s, srig_code(s, INNER, AT_COPIED), middle, middle); /* r14 is a copy of r15 now */
    srig_expect(s, THREE, NULL);
    srig_stand(s, srig_code(s, INNER, AT_LOWERED), middle, inner);
    srig_expect(s, THREE, NULL);
    assert_int_equal(s->frames[1].sp, middle);
    srig_stand(s, srig_code(s, INNER, AT_RESTORED), ret, middle);
    srig_expect(s, THREE, NULL);
    srig_stand(s, srig_code(s, INNER, AT_BACK), ret, middle);
    srig_expect(s, THREE, NULL);
}

static void in_a_leaf(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, srig_code(s, LEAF, 8), srig_code(s, INNER, AT_RETURN), sp);
    srig_expect(s, "task: leaf inner middle outer last", NULL);
}

/* It has a frame for its variables, and a back chain in it, but has never saved r14. */
static void in_a_leaf_with_variables(void **state)
{
    static const uint8_t deep[] = {
        0xe3, 0xf0, 0xf0, 0x90, 0x00, 0x24, /* stg %r15,144(%r15) */
        0xb9, 0x04, 0x00, 0x1f,             /* lgr %r1,%r15 */
        0xe3, 0xf0, 0xff, 0xe0, 0xff, 0x71, /* lay %r15,-32(%r15) */
        0xe3, 0x10, 0xf0, 0x98, 0x00, 0x24, /* stg %r1,152(%r15) */
        0xa7, 0xf4, 0x00, 0x00,             /* j itself */
    };
    struct stack_rig *s = *state;
    uint64_t inner = srig_three(s), sp = inner - 32;
    lrig_put(s->r, RIG_KERNEL + 0x200 + LEAF * FUNCTION, deep, sizeof deep);
    srig_put64(s, inner + 136, 0x0400000004846a10);
    for (size_t at = 0; at <= 22; at += at == 6 ? 4 : 6) {
        srig_put64(s, sp + 152, at == 22 ? inner : 0x123);
        srig_stand(s, srig_code(s, LEAF, (unsigned)at), srig_code(s, INNER, AT_RETURN), at < 16 ? inner : sp);
        srig_expect(s, "task: leaf inner middle outer last", NULL);
        assert_int_equal(s->frames[1].sp, inner);
    }
}

/* The address in a PSW of a wait is the programmer's choice, here one where inner has no frame yet. */
static void in_a_disabled_wait(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, srig_code(s, INNER, AT_SAVED), srig_code(s, INNER, AT_RETURN), sp);
    srig_set_reg(s, REG_PSWM, PSW_WAIT | PSW_EA | PSW_BA);
    srig_expect(s, THREE, NULL);
    srig_put64(s, sp + FRAME + 136, 0x123); /* r15 is that of a leaf that loaded the PSW */
    srig_expect(s, "task: inner inner outer last", NULL);
    srig_stand(s, srig_code(s, INNER, AT_ENTRY), srig_code(s, MIDDLE, AT_RETURN),
               sp + FRAME); /* psw_idle_exit */
    srig_set_reg(s, REG_PSWM, PSW_WAIT | PSW_EA | PSW_BA);
    srig_expect(s, THREE, NULL);
}

/* Program interruptions whose new PSW is none: the CPU's registers are those of who caused the first. */
static void in_an_interruption_loop(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, 0x1111111111111111, srig_code(s, MIDDLE, AT_RETURN), sp);
    srig_set_reg(s, REG_PSWM, 0x00ff000000000000); /* with the bit of the problem state */
    srig_put64(s, sp + FRAME + 136, 0x123);        /* of a leaf with a frame */
    srig_expect(s, "task: - middle outer last", NULL);
    assert_false(s->frames[0].user);
}

/* A call through a pointer that is NULL, or garbage. */
static void in_the_middle_of_nowhere(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, 2, srig_code(s, INNER, AT_RETURN), sp);
    srig_expect(s, "task: - inner middle outer last", NULL);
    srig_stand(s, 0x4141414141414141, srig_code(s, INNER, AT_RETURN), sp);
    srig_expect(s, "task: - inner middle outer last", NULL);
    srig_stand(s, srig_code(s, FUNCTIONS, 0) + 0x102, srig_code(s, INNER, AT_RETURN), sp);
    srig_expect(s, "task: data inner middle outer last", NULL);
    srig_stand(s, 2, 0x1234, sp); /* and no r14 */
    srig_expect(s, "task: - middle outer last", NULL);
}

static void user_space_ends_it(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_put_regs(s, srig_top(s, TASK), USER_PSW, 0x8000444, 0x1234, 0x3ff1000);
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_expect(s, "task: inner middle outer last !user", NULL);
    assert_int_equal(s->frames[4].pc, 0x8000444);
    assert_int_equal(s->frames[4].sp, 0x3ff1000);
    assert_true(s->frames[4].user);
    srig_set_reg(s, REG_PSWM, USER_PSW);
    srig_expect(s, "task: user", NULL);
}

/* An interruption on the task's stack, whose handler runs on the interruption stack. */
static void through_registers(void **state)
{
    struct stack_rig *s = *state;
    uint64_t inner = srig_three(s), at = inner - 160 - 192, async = srig_top(s, ASYNC) - FRAME;
    srig_put_regs(s, at, KERNEL_PSW, srig_code(s, INNER, AT_CHAINED), 0x1234, inner);
    srig_put_frame(s, at - FRAME, at, srig_code(s, INTERRUPT, AT_RETURN));
    srig_put_frame(s, async, at - FRAME, srig_code(s, OUTER, AT_RETURN));
    srig_stand(s, srig_code(s, MIDDLE, AT_RETURN), 0x1234, async);
    srig_expect(s, "interruption: middle task: outer interrupt !inner middle outer last", NULL);
    assert_int_equal(s->frames[3].psw_mask, KERNEL_PSW);
    assert_int_equal(s->frames[3].sp, inner);
    /* the interrupted function has no frame yet */
    srig_put_regs(s, at, KERNEL_PSW, srig_code(s, INNER, AT_ENTRY), srig_code(s, MIDDLE, AT_RETURN),
                  inner + FRAME);
    srig_expect(s, "interruption: middle task: outer interrupt !inner middle outer last", NULL);
}

/* A handler from its first instruction to its call: what was interrupted is in the old PSW, its registers are
 * the CPU's, and then where the handler has saved them. */
static void at_the_beginning_of_a_handler(void **state)
{
    static const uint8_t handler[] = {
        0xb2, 0x09, 0x03, 0x28,             /* stpt 808 */
        0xeb, 0x8f, 0x02, 0x40, 0x00, 0x24, /* stmg %r8,%r15,576 */
        0xeb, 0x89, 0x01, 0x30, 0x00, 0x04, /* lmg %r8,%r9,304 */
        0xa7, 0xfb, 0xfe, 0xa0,             /* aghi %r15,-352 */
        0xd7, 0x07, 0xf0, 0x98, 0xf0, 0x98, /* xc 152(8,%r15),152(%r15) */
        0xc0, 0xe5, 0x00, 0x00, 0x00, 0x00, /* brasl %r14,... */
        0xb2, 0xb2, 0x02, 0x90,             /* lpswe 656 */
    };
    enum {
        SAVED = 10,
        LOWERED = 26,
        RETURN = 32
    };
    struct stack_rig *s = *state;
    uint64_t inner = srig_three(s), entry = srig_code(s, INTERRUPT, 0), ret = srig_code(s, MIDDLE, AT_RETURN);
    lrig_put(s->r, RIG_KERNEL + 0x200 + INTERRUPT * FUNCTION, handler, sizeof handler);
    lrig_put64(s->r, PREFIX + 0x1b8, entry); /* the external new PSW */
    lrig_put64(s->r, PREFIX + 0x130, KERNEL_PSW);
    lrig_put64(s->r, PREFIX + 0x138, srig_code(s, INNER, AT_CHAINED));
    srig_stand(s, entry, 0x1234, inner);
    srig_expect(s, "task: interrupt !inner middle outer last", NULL);
    lrig_put64(s->r, PREFIX + 0x138, srig_code(s, INNER, AT_ENTRY)); /* one that has no frame */
    srig_stand(s, entry + 4, ret, inner + FRAME);
    srig_expect(s, "task: interrupt !inner middle outer last", NULL);
    lrig_put64(s->r, PREFIX + 576 + 8 * 6, ret);
    lrig_put64(s->r, PREFIX + 576 + 8 * 7, inner + FRAME);
    srig_stand(s, entry + SAVED, 0x1234, inner + FRAME);
    srig_expect(s, "task: interrupt !inner middle outer last", NULL);
    srig_stand(s, entry + LOWERED, 0x1234, inner + FRAME - 352);
    srig_expect(s, "task: interrupt !inner middle outer last", NULL);
    srig_put_regs(s, inner - 352, KERNEL_PSW, srig_code(s, INNER, AT_CHAINED), 0x1234, inner);
    lrig_put64(s->r, PREFIX + 0x138, 0x123); /* of a later one */
    srig_stand(s, entry + RETURN, entry + RETURN, inner - 352);
    srig_expect(s, "task: interrupt !inner middle outer last", NULL);
    lrig_put64(s->r, PREFIX + 0x130, USER_PSW);
    lrig_put64(s->r, PREFIX + 0x138, 0x8000444);
    srig_stand(s, entry + LOWERED, 0x1234, srig_top(s, TASK));
    srig_expect(s, "task: interrupt !user", NULL);
}

/* The stack had no room for middle's frame: the handler is on another one. */
static void stack_overflow(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = s->stacks[TASK] + 24, nodat = srig_top(s, NODAT);
    srig_put_frame(s, sp, srig_top(s, TASK), srig_code(s, OUTER, AT_RETURN));
    srig_put_regs(s, srig_top(s, TASK), 0, 0, 0, 0);
    srig_put64(s, sp + 136, srig_code(s, OUTER, AT_RETURN));
    srig_put_regs(s, nodat, KERNEL_PSW, srig_code(s, MIDDLE, AT_LOWERED), sp, sp - FRAME);
    srig_put_frame(s, nodat - FRAME, nodat, srig_code(s, LAST, AT_RETURN));
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, nodat - FRAME);
    srig_walk(s);
    assert_null(s->why);
    assert_string_equal(srig_chain(s), "DAT-off: inner last unknown: !middle task: outer outer");
}

static void restart_stack(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s), restart = srig_top(s, RESTART);
    srig_put_regs(s, restart, KERNEL_PSW, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_stand(s, srig_code(s, LAST, AT_CHAINED), 0x1234, restart);
    srig_expect(s, "restart: last task: !inner middle outer last", NULL);
}

/* ---- tasks ---- */

static void switched_out(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_put64(s, sp + 136, srig_code(s, INNER, AT_RETURN));
    s->n = linux_backtrace_task(s->r->g, sp, s->frames, LINUX_FRAMES_MAX, &s->why);
    assert_null(s->why);
    assert_string_equal(srig_chain(s), THREE);
    assert_int_equal(s->frames[0].kind, FRAME_CPU);
    s->n = linux_backtrace_task(s->r->g, 0x7777777777777000, s->frames, LINUX_FRAMES_MAX, &s->why);
    assert_int_equal(s->n, 1);
    assert_non_null(strstr(s->why, "cannot be read"));
}

/* ---- words ---- */

static void in_words(void **state)
{
    struct stack_rig *s = *state;
    struct linux_frame f = {.kind = FRAME_CALL, .pc = srig_code(s, OUTER, 0)};
    char buf[400], want[400];
    snprintf(want, sizeof want, "%016llx outer+0x0/0x40, called from middle+0x40", (unsigned long long)f.pc);
    assert_string_equal(linux_frame_describe(s->r->g, &f, buf, sizeof buf), want);
    assert_int_equal(strlen(linux_frame_describe(s->r->g, &f, buf, 40)), 39);
    f.kind = FRAME_CPU;
    snprintf(want, sizeof want, "%016llx outer+0x0/0x40", (unsigned long long)f.pc);
    assert_string_equal(linux_frame_describe(s->r->g, &f, buf, sizeof buf), want);
    f.pc = 2;
    assert_string_equal(linux_frame_describe(s->r->g, &f, buf, sizeof buf), "0000000000000002");
    f.user = true;
    assert_string_equal(linux_frame_describe(s->r->g, &f, buf, sizeof buf), "0000000000000002 user space");
    assert_string_equal(linux_stack_name((enum linux_stack)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHAIN(from_a_frame),
        CHAIN(without_a_frame),
        CHAIN(in_a_leaf),
        CHAIN(in_a_leaf_with_variables),
        CHAIN(in_a_disabled_wait),
        CHAIN(in_an_interruption_loop),
        CHAIN(in_the_middle_of_nowhere),
        CHAIN(user_space_ends_it),
        CHAIN(through_registers),
        CHAIN(at_the_beginning_of_a_handler),
        CHAIN(stack_overflow),
        CHAIN(restart_stack),
        CHAIN(switched_out),
        CHAIN(in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
