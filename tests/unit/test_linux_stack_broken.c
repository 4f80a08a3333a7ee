/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call chains of kernels that say less of themselves, and on stacks of garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack_rig.h"

/* ---- without what helps ---- */

/* A lowcore that says nothing: the chain is the same, the stacks have no names. */
static void no_lowcore(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    lrig_put64(s->r, PREFIX + LOWCORE_STACKS + 16, 0x4141414141414141);
    srig_expect(s, "unknown: inner middle outer last", NULL);
    s->r->fake->dat.prefix = 0xfffff000;
    srig_expect(s, "unknown: inner middle outer last", NULL);
}

/* The stacks' words are somewhere else in another release. */
static void another_lowcore(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    for (unsigned i = 5; i--;)
        lrig_put64(s->r, PREFIX + LOWCORE_STACKS + 8 * (i + 3),
                   load_be64(s->r->fake->memory + PREFIX + LOWCORE_STACKS + 8 * i));
    for (unsigned i = 0; i < 3; i++)
        lrig_put64(s->r, PREFIX + LOWCORE_STACKS + 8 * i, 0);
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_expect(s, THREE, NULL);
}

static void no_symbols(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    lrig_put32(s->r, s->r->num_syms, 0xffffffff);
    linux_reset(s->r->g);
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_walk(s);
    assert_int_equal(s->n, 4);
    assert_int_equal(s->frames[3].pc, srig_code(s, LAST, AT_RETURN));
}

/* ---- broken chains ---- */

static void goes_round(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_put64(s, sp + 152, sp);
    srig_expect(s, "task: inner ?middle ?outer ?last", "does not go up");
    srig_three(s);
    srig_put64(s, sp + 2 * FRAME + 152, sp + FRAME);
    srig_expect(s, "task: inner middle outer ?last", "does not go up");
    srig_put64(s, sp + FRAME + 152, sp + FRAME + 4);
    srig_expect(s, "task: inner middle ?outer ?last", "multiple of 8");
}

/* From stack to stack and back. */
static void goes_round_over_stacks(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s), async = srig_top(s, ASYNC) - FRAME;
    srig_put_frame(s, sp, async, srig_code(s, MIDDLE, AT_RETURN));
    srig_put_frame(s, async, sp + FRAME, srig_code(s, OUTER, AT_RETURN));
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_expect(s, "task: inner interruption: middle", "on which it was before");
    assert_int_equal(s->frames[1].sp, async);
}

static void leaves(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_put64(s, sp + FRAME + 152, 0x7777777777777770);
    srig_expect(s, "task: inner middle ?outer ?last", "cannot be read");
    srig_put64(s, sp + FRAME + 152, lrig_virtual(s->r, 0x1000)); /* readable, and no stack */
    srig_expect(s, "task: inner middle ?outer ?last", "leaves the CPU's stacks");
}

static void ends_in_the_middle(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_three(s);
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_put64(s, sp + FRAME + 152, 0);
    srig_put64(s, sp + FRAME + 160 + 24 + 8 * 15, 0x1111); /* over the return address to outer */
    srig_put64(s, sp + FRAME + 160 + 8, ~0ULL & ~PSW_PSTATE);
    srig_expect(s, "task: inner middle ?last", "no registers were saved");
}

/* No room for registers behind the frame: what is there belongs to the next stack. */
static void ends_at_the_end(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = s->stacks[ASYNC] - 160 - 32;
    srig_put_regs(s, sp, KERNEL_PSW, srig_code(s, OUTER, AT_CHAINED), 0x1234, srig_top(s, NODAT) - FRAME);
    srig_put_frame(s, srig_top(s, TASK) - FRAME, sp, srig_code(s, LAST, AT_RETURN));
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, srig_top(s, TASK) - FRAME);
    srig_expect(s, "task: inner last", NULL);
}

/* r15 is garbage: nothing but the PSW, and r14 where the function says so. */
static void no_stack(void **state)
{
    static const uint64_t values[] = {0, 8, 3, ~0ULL, ~7ULL, 0x7777777777777000};
    struct stack_rig *s = *state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, values[i]);
        srig_walk(s);
        assert_true(s->n == 1 || s->frames[1].kind == FRAME_GUESS);
        srig_stand(s, srig_code(s, INNER, AT_ENTRY), srig_code(s, MIDDLE, AT_RETURN), values[i]);
        srig_walk(s);
        assert_true(s->n >= 2);
        assert_int_equal(s->frames[1].pc, srig_code(s, MIDDLE, AT_RETURN));
    }
}

/* As many frames as fit, and as many as there is room for. */
static void many(void **state)
{
    struct stack_rig *s = *state;
    uint64_t sp = srig_top(s, TASK);
    srig_put_regs(s, sp, 0, 0, 0, 0);
    for (unsigned i = 0; i < 150; i++, sp -= 104)
        srig_put_frame(s, sp - 104, sp, srig_code(s, OUTER, AT_RETURN));
    srig_stand(s, srig_code(s, INNER, AT_CHAINED), 0x1234, sp);
    srig_walk(s);
    assert_int_equal(s->n, LINUX_FRAMES_MAX);
    assert_non_null(strstr(s->why, "more frames"));
    assert_int_equal(linux_backtrace(s->r->g, 0, s->frames, 3, &s->why), 3);
    assert_non_null(strstr(s->why, "more frames"));
    assert_int_equal(linux_backtrace(s->r->g, 0, s->frames, 1, &s->why), 1);
    assert_int_equal(linux_backtrace(s->r->g, 0, s->frames, 0, &s->why), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHAIN(no_lowcore),
        CHAIN(another_lowcore),
        CHAIN(no_symbols),
        CHAIN(goes_round),
        CHAIN(goes_round_over_stacks),
        CHAIN(leaves),
        CHAIN(ends_in_the_middle),
        CHAIN(ends_at_the_end),
        CHAIN(no_stack),
        CHAIN(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
