/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code, frames and lowcore of the rig's kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack_rig.h"

#include <stdio.h>
#include <stdlib.h>

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
/* ---- to build ---- */

uint64_t srig_code(const struct stack_rig *s, unsigned fn, unsigned at)
{
    return lrig_virtual(s->r, RIG_KERNEL + 0x200 + fn * FUNCTION + at);
}

void srig_put64(const struct stack_rig *s, uint64_t virt, uint64_t value)
{
    lrig_put64(s->r, virt - s->r->virt, value);
}

void srig_set_reg(const struct stack_rig *s, unsigned reg, uint64_t value)
{
    store_be64(s->r->fake->regs[0][reg], value);
}

void srig_stand(const struct stack_rig *s, uint64_t pc, uint64_t r14, uint64_t r15)
{
    srig_set_reg(s, REG_PSWM, KERNEL_PSW);
    srig_set_reg(s, REG_PSWA, pc);
    srig_set_reg(s, REG_R0 + 14, r14);
    srig_set_reg(s, REG_R0 + 15, r15);
}

void srig_put_frame(const struct stack_rig *s, uint64_t sp, uint64_t chain, uint64_t ret)
{
    srig_put64(s, sp + 152, chain);
    srig_put64(s, chain + 136, ret);
}

void srig_put_regs(const struct stack_rig *s, uint64_t sp, uint64_t mask, uint64_t pc, uint64_t r14,
                   uint64_t r15)
{
    srig_put64(s, sp + 152, 0);
    srig_put64(s, sp + 160 + 8, mask);
    srig_put64(s, sp + 160 + 16, pc);
    srig_put64(s, sp + 160 + 24 + 8 * 14, r14);
    srig_put64(s, sp + 160 + 24 + 8 * 15, r15);
}

uint64_t srig_top(const struct stack_rig *s, unsigned stack)
{
    return s->stacks[stack] + INIT;
}

uint64_t srig_three(const struct stack_rig *s)
{
    uint64_t sp = srig_top(s, TASK);
    srig_put_regs(s, sp, 0, 0, 0, 0);
    srig_put_frame(s, sp - FRAME, sp, srig_code(s, LAST, AT_RETURN));
    srig_put_frame(s, sp - 2 * FRAME, sp - FRAME, srig_code(s, OUTER, AT_RETURN));
    srig_put_frame(s, sp - 3 * FRAME, sp - 2 * FRAME, srig_code(s, MIDDLE, AT_RETURN));
    return sp - 3 * FRAME;
}

static void put_lowcore(const struct stack_rig *s)
{
    s->r->fake->dat.prefix = PREFIX;
    for (unsigned i = 0; i < 5; i++)
        lrig_put64(s->r, PREFIX + LOWCORE_STACKS + 8 * i, i < STACKS ? srig_top(s, i) : 0x7fff0000 + INIT);
}

int stack_setup(void **state)
{
    struct stack_rig *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->r = lrig_open(RIG_HIGH);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        lrig_symbol(s->r, names[i], 't', srig_code(s, i, 0));
        lrig_put(s->r, RIG_KERNEL + 0x200 + i * FUNCTION, function, sizeof function);
    }
    lrig_put(s->r, RIG_KERNEL + 0x200 + LEAF * FUNCTION, leaf, sizeof leaf);
    lrig_symbol(s->r, "behind", 't', srig_code(s, FUNCTIONS, 0));
    lrig_symbol(s->r, "data", 'd', srig_code(s, FUNCTIONS, 0) + 0x100);
    lrig_boot(s->r);
    for (unsigned i = 0; i < STACKS; i++)
        s->stacks[i] = lrig_virtual(s->r, lrig_room(s->r, STACK, STACK));
    put_lowcore(s);
    *state = s;
    return 0;
}

int stack_teardown(void **state)
{
    struct stack_rig *s = *state;
    lrig_close(s->r);
    free(s);
    return 0;
}

/* ---- to look ---- */

void srig_walk(struct stack_rig *s)
{
    linux_changed(s->r->g);
    s->n = linux_backtrace(s->r->g, 0, s->frames, LINUX_FRAMES_MAX, &s->why);
    assert_true(s->n >= 1);
    assert_int_equal(s->frames[0].kind, FRAME_CPU);
}

const char *srig_chain(struct stack_rig *s)
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

void srig_expect(struct stack_rig *s, const char *frames, const char *why)
{
    srig_walk(s);
    assert_string_equal(srig_chain(s), frames);
    if (!why)
        assert_null(s->why);
    else if (!s->why || !strstr(s->why, why))
        fail_msg("\"%s\" is not in \"%s\"", why, s->why ? s->why : "");
}
