/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call chains: functions and stacks as the compiler and the kernel make them, and stacks of garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux_rig.h"
#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"

#define KERNEL_PSW (PSW_DAT | PSW_ASC_HOME | PSW_EA | PSW_BA)
#define USER_PSW (PSW_DAT | PSW_PSTATE | PSW_EA | PSW_BA)

/* Stacks of 16 KiB; where r15 is at the beginning of each (STACK_INIT_OFFSET), and in which order the lowcore
 * has them. */
#define STACK 0x4000u
#define INIT (STACK - 160 - 192)
enum {
    TASK,
    ASYNC,
    NODAT,
    RESTART,
    STACKS
}; /* memory has no room for the machine-check stack */
#define LOWCORE_STACKS 0x348u
#define PREFIX 0x2e000u

/* Each function is 64 bytes of code, of which this is where the instructions are that matter. */
#define FUNCTION 64u
#define FRAME 168u
enum {
    AT_ENTRY,
    AT_SAVED = 6,
    AT_COPIED = 10,
    AT_LOWERED = 16,
    AT_CHAINED = 22,
    AT_RETURN = 28,
    AT_RESTORED = 34,
    AT_BACK = 38
};

static const uint8_t function[] = {
    0xeb, 0xbf, 0xf0, 0x70, 0x00, 0x24, /* stmg %r11,%r15,112(%r15) */
    0xb9, 0x04, 0x00, 0xef,             /* lgr %r14,%r15 */
    0xe3, 0xf0, 0xff, 0x58, 0xff, 0x71, /* lay %r15,-168(%r15) */
    0xe3, 0xe0, 0xf0, 0x98, 0x00, 0x24, /* stg %r14,152(%r15) */
    0xc0, 0xe5, 0x00, 0x00, 0x00, 0x20, /* brasl %r14,... */
    0xeb, 0xbf, 0xf1, 0x18, 0x00, 0x04, /* lmg %r11,%r15,280(%r15) */
    0xa7, 0x28, 0x00, 0x00,             /* lhi %r2,0 */
    0x07, 0xfe,                         /* br %r14 */
    0xa7, 0x18, 0x00, 0x01,             /* lhi %r1,1 */
};

/* One that needs no frame. */
static const uint8_t leaf[] = {0xa7, 0x18, 0x00, 0x01, 0xa7, 0x1a, 0x00, 0x01, 0x07, 0xfe};

static const char *const names[] = {"inner", "middle", "outer", "interrupt", "leaf", "last"};
enum {
    INNER,
    MIDDLE,
    OUTER,
    INTERRUPT,
    LEAF,
    LAST,
    FUNCTIONS
};

struct rig {
    struct linux_rig *r;
    uint64_t stacks[STACKS]; /* virtual */
    struct linux_frame frames[LINUX_FRAMES_MAX];
    size_t n;
    const char *why;
};

/* ---- to build ---- */

static uint64_t code(const struct rig *s, unsigned fn, unsigned at)
{
    return lrig_virtual(s->r, RIG_KERNEL + 0x200 + fn * FUNCTION + at);
}

static void put64(const struct rig *s, uint64_t virt, uint64_t value)
{
    lrig_put64(s->r, virt - s->r->virt, value);
}

static void set_reg(const struct rig *s, unsigned reg, uint64_t value)
{
    store_be64(s->r->fake->regs[0][reg], value);
}

static void stand(const struct rig *s, uint64_t pc, uint64_t r14, uint64_t r15)
{
    set_reg(s, REG_PSWM, KERNEL_PSW);
    set_reg(s, REG_PSWA, pc);
    set_reg(s, REG_R0 + 14, r14);
    set_reg(s, REG_R0 + 15, r15);
}

/* A frame at sp whose owner was called from ret by the owner of the frame at chain. */
static void put_frame(const struct rig *s, uint64_t sp, uint64_t chain, uint64_t ret)
{
    put64(s, sp + 152, chain);
    put64(s, chain + 136, ret);
}

/* Registers behind the frame at sp. */
static void put_regs(const struct rig *s, uint64_t sp, uint64_t mask, uint64_t pc, uint64_t r14, uint64_t r15)
{
    put64(s, sp + 152, 0);
    put64(s, sp + 160 + 8, mask);
    put64(s, sp + 160 + 16, pc);
    put64(s, sp + 160 + 24 + 8 * 14, r14);
    put64(s, sp + 160 + 24 + 8 * 15, r15);
}

static uint64_t top(const struct rig *s, unsigned stack)
{
    return s->stacks[stack] + INIT;
}

/* outer called middle, and middle called inner, on the task's stack; returns inner's r15. */
static uint64_t three(const struct rig *s)
{
    uint64_t sp = top(s, TASK);
    put_regs(s, sp, 0, 0, 0, 0);
    put_frame(s, sp - FRAME, sp, code(s, LAST, AT_RETURN));
    put_frame(s, sp - 2 * FRAME, sp - FRAME, code(s, OUTER, AT_RETURN));
    put_frame(s, sp - 3 * FRAME, sp - 2 * FRAME, code(s, MIDDLE, AT_RETURN));
    return sp - 3 * FRAME;
}

static void put_lowcore(const struct rig *s)
{
    s->r->fake->dat.prefix = PREFIX;
    for (unsigned i = 0; i < 5; i++)
        lrig_put64(s->r, PREFIX + LOWCORE_STACKS + 8 * i, i < STACKS ? top(s, i) : 0x7fff0000 + INIT);
}

static int setup(void **state)
{
    struct rig *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->r = lrig_open(RIG_HIGH);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        lrig_symbol(s->r, names[i], 't', code(s, i, 0));
        lrig_put(s->r, RIG_KERNEL + 0x200 + i * FUNCTION, function, sizeof function);
    }
    lrig_put(s->r, RIG_KERNEL + 0x200 + LEAF * FUNCTION, leaf, sizeof leaf);
    lrig_symbol(s->r, "behind", 't', code(s, FUNCTIONS, 0));
    lrig_symbol(s->r, "data", 'd', code(s, FUNCTIONS, 0) + 0x100);
    lrig_boot(s->r);
    for (unsigned i = 0; i < STACKS; i++)
        s->stacks[i] = lrig_virtual(s->r, lrig_room(s->r, STACK, STACK));
    put_lowcore(s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct rig *s = *state;
    lrig_close(s->r);
    free(s);
    return 0;
}

/* ---- to look ---- */

static void walk(struct rig *s)
{
    linux_changed(s->r->g);
    s->n = linux_backtrace(s->r->g, 0, s->frames, LINUX_FRAMES_MAX, &s->why);
    assert_true(s->n >= 1);
    assert_int_equal(s->frames[0].kind, FRAME_CPU);
}

/* The frames, as "inner middle outer": with a stack's first letter where it changes, ! in front of what was
 * interrupted, ? of a guess, - for no symbol. */
static const char *chain(struct rig *s)
{
    static char text[4096];
    size_t len = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct linux_frame *f = &s->frames[i];
        struct linux_symbol symbol = {.name = f->user ? "user" : "-"};
        if (!f->user)
            linux_symbol_at(s->r->g, f->pc, &symbol);
        if (i == 0 || f->stack != f[-1].stack)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s:", i ? " " : "",
                                    linux_stack_name(f->stack));
        len += (size_t)snprintf(text + len, sizeof text - len, " %s%s",
                                f->kind == FRAME_GUESS     ? "?"
                                : f->kind == FRAME_PT_REGS ? "!"
                                                           : "",
                                symbol.name);
    }
    return text;
}

static void expect(struct rig *s, const char *frames, const char *why)
{
    walk(s);
    assert_string_equal(chain(s), frames);
    if (!why)
        assert_null(s->why);
    else if (!s->why || !strstr(s->why, why))
        fail_msg("\"%s\" is not in \"%s\"", why, s->why ? s->why : "");
}

#define THREE "task: inner middle outer last"

/* ---- whole chains ---- */

static void from_a_frame(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    expect(s, THREE, NULL);
    assert_int_equal(s->frames[0].sp, sp);
    assert_int_equal(s->frames[1].sp, sp + FRAME);
    assert_int_equal(s->frames[1].pc, code(s, MIDDLE, AT_RETURN));
    stand(s, code(s, INNER, AT_RETURN), 0x1234, sp);
    expect(s, THREE, NULL);
    stand(s, code(s, INNER, AT_BACK + 2), 0x1234, sp); /* a path behind the way back */
    expect(s, THREE, NULL);
}

/* Wherever the function stands in its prologue or epilogue the chain is the same. */
static void without_a_frame(void **state)
{
    struct rig *s = *state;
    uint64_t inner = three(s), middle = inner + FRAME, ret = code(s, MIDDLE, AT_RETURN);
    put64(s, inner + 152, 0x123); /* nothing of it is there yet */
    put64(s, middle + 136, 0x123);
    stand(s, code(s, INNER, AT_ENTRY), ret, middle);
    expect(s, THREE, NULL);
    assert_int_equal(s->frames[1].sp, middle);
    put64(s, middle + 136, ret);
    stand(s, code(s, INNER, AT_SAVED), ret, middle);
    expect(s, THREE, NULL);
    stand(s, code(s, INNER, AT_COPIED), middle, middle); /* r14 is a copy of r15 now */
    expect(s, THREE, NULL);
    stand(s, code(s, INNER, AT_LOWERED), middle, inner);
    expect(s, THREE, NULL);
    assert_int_equal(s->frames[1].sp, middle);
    stand(s, code(s, INNER, AT_RESTORED), ret, middle);
    expect(s, THREE, NULL);
    stand(s, code(s, INNER, AT_BACK), ret, middle);
    expect(s, THREE, NULL);
}

static void in_a_leaf(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, code(s, LEAF, 8), code(s, INNER, AT_RETURN), sp);
    expect(s, "task: leaf inner middle outer last", NULL);
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
    struct rig *s = *state;
    uint64_t inner = three(s), sp = inner - 32;
    lrig_put(s->r, RIG_KERNEL + 0x200 + LEAF * FUNCTION, deep, sizeof deep);
    put64(s, inner + 136, 0x0400000004846a10);
    for (size_t at = 0; at <= 22; at += at == 6 ? 4 : 6) {
        put64(s, sp + 152, at == 22 ? inner : 0x123);
        stand(s, code(s, LEAF, (unsigned)at), code(s, INNER, AT_RETURN), at < 16 ? inner : sp);
        expect(s, "task: leaf inner middle outer last", NULL);
        assert_int_equal(s->frames[1].sp, inner);
    }
}

/* The address in a PSW of a wait is the programmer's choice, here one where inner has no frame yet. */
static void in_a_disabled_wait(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, code(s, INNER, AT_SAVED), code(s, INNER, AT_RETURN), sp);
    set_reg(s, REG_PSWM, PSW_WAIT | PSW_EA | PSW_BA);
    expect(s, THREE, NULL);
    put64(s, sp + FRAME + 136, 0x123); /* r15 is that of a leaf that loaded the PSW */
    expect(s, "task: inner inner outer last", NULL);
    stand(s, code(s, INNER, AT_ENTRY), code(s, MIDDLE, AT_RETURN), sp + FRAME); /* psw_idle_exit */
    set_reg(s, REG_PSWM, PSW_WAIT | PSW_EA | PSW_BA);
    expect(s, THREE, NULL);
}

/* Program interruptions whose new PSW is none: the CPU's registers are those of who caused the first. */
static void in_an_interruption_loop(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, 0x1111111111111111, code(s, MIDDLE, AT_RETURN), sp);
    set_reg(s, REG_PSWM, 0x00ff000000000000); /* with the bit of the problem state */
    put64(s, sp + FRAME + 136, 0x123);        /* of a leaf with a frame */
    expect(s, "task: - middle outer last", NULL);
    assert_false(s->frames[0].user);
}

/* A call through a pointer that is NULL, or garbage. */
static void in_the_middle_of_nowhere(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, 2, code(s, INNER, AT_RETURN), sp);
    expect(s, "task: - inner middle outer last", NULL);
    stand(s, 0x4141414141414141, code(s, INNER, AT_RETURN), sp);
    expect(s, "task: - inner middle outer last", NULL);
    stand(s, code(s, FUNCTIONS, 0) + 0x102, code(s, INNER, AT_RETURN), sp);
    expect(s, "task: data inner middle outer last", NULL);
    stand(s, 2, 0x1234, sp); /* and no r14 */
    expect(s, "task: - middle outer last", NULL);
}

static void user_space_ends_it(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    put_regs(s, top(s, TASK), USER_PSW, 0x8000444, 0x1234, 0x3ff1000);
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    expect(s, "task: inner middle outer last !user", NULL);
    assert_int_equal(s->frames[4].pc, 0x8000444);
    assert_int_equal(s->frames[4].sp, 0x3ff1000);
    assert_true(s->frames[4].user);
    set_reg(s, REG_PSWM, USER_PSW);
    expect(s, "task: user", NULL);
}

/* An interruption on the task's stack, whose handler runs on the interruption stack. */
static void through_registers(void **state)
{
    struct rig *s = *state;
    uint64_t inner = three(s), at = inner - 160 - 192, async = top(s, ASYNC) - FRAME;
    put_regs(s, at, KERNEL_PSW, code(s, INNER, AT_CHAINED), 0x1234, inner);
    put_frame(s, at - FRAME, at, code(s, INTERRUPT, AT_RETURN));
    put_frame(s, async, at - FRAME, code(s, OUTER, AT_RETURN));
    stand(s, code(s, MIDDLE, AT_RETURN), 0x1234, async);
    expect(s, "interruption: middle task: outer interrupt !inner middle outer last", NULL);
    assert_int_equal(s->frames[3].psw_mask, KERNEL_PSW);
    assert_int_equal(s->frames[3].sp, inner);
    /* the interrupted function has no frame yet */
    put_regs(s, at, KERNEL_PSW, code(s, INNER, AT_ENTRY), code(s, MIDDLE, AT_RETURN), inner + FRAME);
    expect(s, "interruption: middle task: outer interrupt !inner middle outer last", NULL);
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
    struct rig *s = *state;
    uint64_t inner = three(s), entry = code(s, INTERRUPT, 0), ret = code(s, MIDDLE, AT_RETURN);
    lrig_put(s->r, RIG_KERNEL + 0x200 + INTERRUPT * FUNCTION, handler, sizeof handler);
    lrig_put64(s->r, PREFIX + 0x1b8, entry); /* the external new PSW */
    lrig_put64(s->r, PREFIX + 0x130, KERNEL_PSW);
    lrig_put64(s->r, PREFIX + 0x138, code(s, INNER, AT_CHAINED));
    stand(s, entry, 0x1234, inner);
    expect(s, "task: interrupt !inner middle outer last", NULL);
    lrig_put64(s->r, PREFIX + 0x138, code(s, INNER, AT_ENTRY)); /* one that has no frame */
    stand(s, entry + 4, ret, inner + FRAME);
    expect(s, "task: interrupt !inner middle outer last", NULL);
    lrig_put64(s->r, PREFIX + 576 + 8 * 6, ret);
    lrig_put64(s->r, PREFIX + 576 + 8 * 7, inner + FRAME);
    stand(s, entry + SAVED, 0x1234, inner + FRAME);
    expect(s, "task: interrupt !inner middle outer last", NULL);
    stand(s, entry + LOWERED, 0x1234, inner + FRAME - 352);
    expect(s, "task: interrupt !inner middle outer last", NULL);
    put_regs(s, inner - 352, KERNEL_PSW, code(s, INNER, AT_CHAINED), 0x1234, inner);
    lrig_put64(s->r, PREFIX + 0x138, 0x123); /* of a later one */
    stand(s, entry + RETURN, entry + RETURN, inner - 352);
    expect(s, "task: interrupt !inner middle outer last", NULL);
    lrig_put64(s->r, PREFIX + 0x130, USER_PSW);
    lrig_put64(s->r, PREFIX + 0x138, 0x8000444);
    stand(s, entry + LOWERED, 0x1234, top(s, TASK));
    expect(s, "task: interrupt !user", NULL);
}

/* The stack had no room for middle's frame: the handler is on another one. */
static void stack_overflow(void **state)
{
    struct rig *s = *state;
    uint64_t sp = s->stacks[TASK] + 24, nodat = top(s, NODAT);
    put_frame(s, sp, top(s, TASK), code(s, OUTER, AT_RETURN));
    put_regs(s, top(s, TASK), 0, 0, 0, 0);
    put64(s, sp + 136, code(s, OUTER, AT_RETURN));
    put_regs(s, nodat, KERNEL_PSW, code(s, MIDDLE, AT_LOWERED), sp, sp - FRAME);
    put_frame(s, nodat - FRAME, nodat, code(s, LAST, AT_RETURN));
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, nodat - FRAME);
    walk(s);
    assert_null(s->why);
    assert_string_equal(chain(s), "DAT-off: inner last unknown: !middle task: outer outer");
}

static void restart_stack(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s), restart = top(s, RESTART);
    put_regs(s, restart, KERNEL_PSW, code(s, INNER, AT_CHAINED), 0x1234, sp);
    stand(s, code(s, LAST, AT_CHAINED), 0x1234, restart);
    expect(s, "restart: last task: !inner middle outer last", NULL);
}

/* ---- without what helps ---- */

/* A lowcore that says nothing: the chain is the same, the stacks have no names. */
static void no_lowcore(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    lrig_put64(s->r, PREFIX + LOWCORE_STACKS + 16, 0x4141414141414141);
    expect(s, "unknown: inner middle outer last", NULL);
    s->r->fake->dat.prefix = 0xfffff000;
    expect(s, "unknown: inner middle outer last", NULL);
}

/* The stacks' words are somewhere else in another release. */
static void another_lowcore(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    for (unsigned i = 5; i--;)
        lrig_put64(s->r, PREFIX + LOWCORE_STACKS + 8 * (i + 3),
                   load_be64(s->r->fake->memory + PREFIX + LOWCORE_STACKS + 8 * i));
    for (unsigned i = 0; i < 3; i++)
        lrig_put64(s->r, PREFIX + LOWCORE_STACKS + 8 * i, 0);
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    expect(s, THREE, NULL);
}

static void no_symbols(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    lrig_put32(s->r, s->r->num_syms, 0xffffffff);
    linux_reset(s->r->g);
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    walk(s);
    assert_int_equal(s->n, 4);
    assert_int_equal(s->frames[3].pc, code(s, LAST, AT_RETURN));
}

/* ---- broken chains ---- */

static void goes_round(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    put64(s, sp + 152, sp);
    expect(s, "task: inner ?middle ?outer ?last", "does not go up");
    three(s);
    put64(s, sp + 2 * FRAME + 152, sp + FRAME);
    expect(s, "task: inner middle outer ?last", "does not go up");
    put64(s, sp + FRAME + 152, sp + FRAME + 4);
    expect(s, "task: inner middle ?outer ?last", "multiple of 8");
}

/* From stack to stack and back. */
static void goes_round_over_stacks(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s), async = top(s, ASYNC) - FRAME;
    put_frame(s, sp, async, code(s, MIDDLE, AT_RETURN));
    put_frame(s, async, sp + FRAME, code(s, OUTER, AT_RETURN));
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    expect(s, "task: inner interruption: middle", "on which it was before");
    assert_int_equal(s->frames[1].sp, async);
}

static void leaves(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    put64(s, sp + FRAME + 152, 0x7777777777777770);
    expect(s, "task: inner middle ?outer ?last", "cannot be read");
    put64(s, sp + FRAME + 152, lrig_virtual(s->r, 0x1000)); /* readable, and no stack */
    expect(s, "task: inner middle ?outer ?last", "leaves the CPU's stacks");
}

static void ends_in_the_middle(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    put64(s, sp + FRAME + 152, 0);
    put64(s, sp + FRAME + 160 + 24 + 8 * 15, 0x1111); /* over the return address to outer */
    put64(s, sp + FRAME + 160 + 8, ~0ULL & ~PSW_PSTATE);
    expect(s, "task: inner middle ?last", "no registers were saved");
}

/* No room for registers behind the frame: what is there belongs to the next stack. */
static void ends_at_the_end(void **state)
{
    struct rig *s = *state;
    uint64_t sp = s->stacks[ASYNC] - 160 - 32;
    put_regs(s, sp, KERNEL_PSW, code(s, OUTER, AT_CHAINED), 0x1234, top(s, NODAT) - FRAME);
    put_frame(s, top(s, TASK) - FRAME, sp, code(s, LAST, AT_RETURN));
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, top(s, TASK) - FRAME);
    expect(s, "task: inner last", NULL);
}

/* r15 is garbage: nothing but the PSW, and r14 where the function says so. */
static void no_stack(void **state)
{
    static const uint64_t values[] = {0, 8, 3, ~0ULL, ~7ULL, 0x7777777777777000};
    struct rig *s = *state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        stand(s, code(s, INNER, AT_CHAINED), 0x1234, values[i]);
        walk(s);
        assert_true(s->n == 1 || s->frames[1].kind == FRAME_GUESS);
        stand(s, code(s, INNER, AT_ENTRY), code(s, MIDDLE, AT_RETURN), values[i]);
        walk(s);
        assert_true(s->n >= 2);
        assert_int_equal(s->frames[1].pc, code(s, MIDDLE, AT_RETURN));
    }
}

/* As many frames as fit, and as many as there is room for. */
static void many(void **state)
{
    struct rig *s = *state;
    uint64_t sp = top(s, TASK);
    put_regs(s, sp, 0, 0, 0, 0);
    for (unsigned i = 0; i < 150; i++, sp -= 104)
        put_frame(s, sp - 104, sp, code(s, OUTER, AT_RETURN));
    stand(s, code(s, INNER, AT_CHAINED), 0x1234, sp);
    walk(s);
    assert_int_equal(s->n, LINUX_FRAMES_MAX);
    assert_non_null(strstr(s->why, "more frames"));
    assert_int_equal(linux_backtrace(s->r->g, 0, s->frames, 3, &s->why), 3);
    assert_non_null(strstr(s->why, "more frames"));
    assert_int_equal(linux_backtrace(s->r->g, 0, s->frames, 1, &s->why), 1);
    assert_int_equal(linux_backtrace(s->r->g, 0, s->frames, 0, &s->why), 0);
}

/* ---- tasks ---- */

static void switched_out(void **state)
{
    struct rig *s = *state;
    uint64_t sp = three(s);
    put64(s, sp + 136, code(s, INNER, AT_RETURN));
    s->n = linux_backtrace_task(s->r->g, sp, s->frames, LINUX_FRAMES_MAX, &s->why);
    assert_null(s->why);
    assert_string_equal(chain(s), THREE);
    assert_int_equal(s->frames[0].kind, FRAME_CPU);
    s->n = linux_backtrace_task(s->r->g, 0x7777777777777000, s->frames, LINUX_FRAMES_MAX, &s->why);
    assert_int_equal(s->n, 1);
    assert_non_null(strstr(s->why, "cannot be read"));
}

/* ---- words ---- */

static void in_words(void **state)
{
    struct rig *s = *state;
    struct linux_frame f = {.kind = FRAME_CALL, .pc = code(s, OUTER, 0)};
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

#define CHAIN(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        CHAIN(switched_out),
        CHAIN(in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
