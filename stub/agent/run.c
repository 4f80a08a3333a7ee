/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Evaluates what compile.c has checked: no instruction here asks for room on the stack or for the end of the
 * code again. It runs where a breakpoint is hit, so it allocates nothing and formats text only for an error.
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"

/* What one printf counts for among AGENT_STEPS_MAX: it reads and makes up to some kilobytes. */
#define PRINTF_STEPS 64u

static int divide(uint8_t op, uint64_t a, uint64_t b, uint64_t *out, struct err *e)
{
    if (b == 0)
        return err_set(e, EXIT_OTHER, "division by zero");
    switch (op) {
    case OP_DIV_UNSIGNED:
        *out = a / b;
        break;
    case OP_REM_UNSIGNED:
        *out = a % b;
        break;
    case OP_DIV_SIGNED: /* by -1 is a negation, which wraps where the division would trap */
        *out = b == UINT64_MAX ? -a : (uint64_t)((int64_t)a / (int64_t)b);
        break;
    default:
        *out = b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
        break;
    }
    return 0;
}

/* Counts of 64 and more shift everything out. */
static inline uint64_t shift(uint8_t op, uint64_t a, uint64_t count)
{
    uint64_t fill = op == OP_RSH_SIGNED && a >> 63 ? UINT64_MAX : 0;

    if (count >= 64)
        return fill;
    return op == OP_LSH ? a << count : (a ^ fill) >> count ^ fill;
}

/* The operators of two values that cannot fail. */
static inline uint64_t combine(uint8_t op, uint64_t a, uint64_t b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_BIT_AND:
        return a & b;
    case OP_BIT_OR:
        return a | b;
    case OP_BIT_XOR:
        return a ^ b;
    case OP_EQUAL:
        return a == b;
    case OP_LESS_SIGNED:
        return (int64_t)a < (int64_t)b;
    case OP_LESS_UNSIGNED:
        return a < b;
    default:
        return shift(op, a, b);
    }
}

static int reference(const struct agent_context *c, uint64_t *top, unsigned bytes, struct err *e)
{
    uint8_t buf[8];

    if (c->read_memory(c->arg, *top, buf, bytes) != bytes)
        return err_set(e, EXIT_OTHER, "memory at 0x%llx cannot be read", (unsigned long long)*top);
    switch (bytes) {
    case 1:
        *top = buf[0];
        break;
    case 2:
        *top = load_be16(buf);
        break;
    case 4:
        *top = load_be32(buf);
        break;
    default:
        *top = load_be64(buf);
        break;
    }
    return 0;
}

static int read_register(const struct agent_context *c, unsigned reg, uint64_t *value, struct err *e)
{
    if (c->read_reg(c->arg, reg, value) == 0)
        return 0;
    if (reg < REG_COUNT)
        return err_set(e, EXIT_OTHER, "register %s cannot be read", reg_table[reg].name);
    return err_set(e, EXIT_OTHER, "there is no register %u", reg);
}

/* What works on the top of the stack and cannot fail. Returns the new top. */
static inline uint64_t *rearrange(const struct insn *i, uint64_t *sp)
{
    uint64_t top = sp[-1];

    switch (i->op) {
    case OP_EXT:
        sp[-1] = (uint64_t)((int64_t)(top << i->n) >> i->n);
        return sp;
    case OP_ZERO_EXT:
        sp[-1] = top & i->value;
        return sp;
    case OP_LOG_NOT:
        sp[-1] = !top;
        return sp;
    case OP_BIT_NOT:
        sp[-1] = ~top;
        return sp;
    case OP_DUP:
        *sp = top;
        return sp + 1;
    case OP_PICK:
        *sp = sp[-1 - i->n];
        return sp + 1;
    case OP_POP:
        return sp - 1;
    case OP_SWAP:
        sp[-1] = sp[-2];
        sp[-2] = top;
        return sp;
    case OP_ROT:
        sp[-1] = sp[-2];
        sp[-2] = sp[-3];
        sp[-3] = top;
        return sp;
    default:
        sp[-2] = combine(i->op, sp[-2], top);
        return sp - 1;
    }
}

static int too_long(struct err *e)
{
    return err_set(e, EXIT_OTHER, "it does not end within %u steps", AGENT_STEPS_MAX);
}

/* Only what can happen again and again is counted: code without jumps backwards is short enough. */
static inline bool jump(const struct agent_expr *x, const struct insn **next, size_t *steps)
{
    const struct insn *target = &x->insns[(*next)[-1].target];

    if (target < *next)
        *steps += (size_t)(*next - target);
    *next = target;
    return *steps <= AGENT_STEPS_MAX;
}

int agent_run(const struct agent_expr *x, const struct agent_context *c, uint64_t *value, struct err *e)
{
    uint64_t stack[AGENT_STACK_MAX + 1], *sp = stack + 1; /* the value of an empty stack below */
    const struct insn *next = x->insns;
    size_t steps = 0;

#ifdef __clang_analyzer__ /* which does not know what compile.c has proven */
    memset(stack, 0, sizeof stack);
#endif
    stack[0] = 0;
    for (;;) {
        const struct insn *i = next++;

        switch (i->op) {
        case OP_END:
            *value = sp[-1];
            return 0;
        case OP_CONST8:
        case OP_CONST16:
        case OP_CONST32:
        case OP_CONST64:
            *sp++ = i->value;
            break;
        case OP_OLD:
            *sp++ = c->old_value;
            break;
        case OP_NEW:
            *sp++ = c->new_value;
            break;
        case OP_REG:
            if (read_register(c, i->target, sp++, e))
                return -1;
            break;
        case OP_REF8:
        case OP_REF16:
        case OP_REF32:
        case OP_REF64:
            if (reference(c, &sp[-1], i->n, e))
                return -1;
            break;
        case OP_IF_GOTO:
            if (*--sp && !jump(x, &next, &steps))
                return too_long(e);
            break;
        case OP_GOTO:
            if (!jump(x, &next, &steps))
                return too_long(e);
            break;
        case OP_DIV_SIGNED:
        case OP_DIV_UNSIGNED:
        case OP_REM_SIGNED:
        case OP_REM_UNSIGNED:
            sp--;
            if (divide(i->op, sp[-1], sp[0], &sp[-1], e))
                return -1;
            break;
        case OP_PRINTF:
            steps += PRINTF_STEPS;
            if (format_print(i->format, sp - 3, c, e))
                return -1;
            sp -= 2 + i->n;
            break;
        default:
            sp = rearrange(i, sp);
            break;
        }
    }
}

/* ---- breakpoints and catchpoints ---- */

/* 1 if the conditions hold, 0 if none does, -1 with *e if one cannot be evaluated. */
static int conditions_hold(const struct bp_actions *actions, const struct agent_context *c, struct err *e)
{
    uint64_t value;

    if (!actions || !actions->nconditions)
        return 1;
    for (size_t k = 0; k < actions->nconditions; k++) {
        if (agent_run(actions->conditions[k], c, &value, e))
            return -1;
        if (value)
            return 1;
    }
    return 0;
}

static uint64_t count(atomic_ullong *counter)
{
    return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* "breakpoint at 0x1234: its condition cannot be evaluated: division by zero" */
static void tell_failure(const struct breakpoint *b, const char *what, const struct err *e, char *text,
                         size_t size)
{
    snprintf(text, size, "%s at 0x%llx: its %s: %s", b->kind == BP_WRITE ? "watchpoint" : "breakpoint",
             (unsigned long long)b->addr, what, e->text);
}

bool agent_breakpoint_stops(const struct breakpoint *b, const struct agent_context *c, char *text,
                            size_t size)
{
    const struct bp_actions *actions = b->actions;
    bool failed = false;
    uint64_t value;
    struct err e;
    int hit;

    if (size)
        text[0] = 0;
    if (b->counts)
        count(&b->counts->reached);
    hit = conditions_hold(actions, c, &e);
    if (hit < 0)
        tell_failure(b, "condition cannot be evaluated", &e, text, size);
    if (hit <= 0)
        return hit < 0;
    if (b->counts)
        count(&b->counts->hits);
    if (!actions || !actions->ncommands)
        return true;
    for (size_t k = 0; k < actions->ncommands; k++)
        if (agent_run(actions->commands[k], c, &value, &e) && !failed) {
            failed = true;
            tell_failure(b, "command cannot be run", &e, text, size);
        }
    return failed;
}

bool agent_catchpoint_stops(const struct catchpoint *p, const struct agent_context *c, char *text,
                            size_t size)
{
    struct err e;
    int hit;

    text[0] = 0;
    count(&p->counts->reached);
    hit = conditions_hold(p->actions, c, &e);
    if (hit < 0)
        snprintf(text, size, "catchpoint %u: its condition cannot be evaluated: %s", p->number, e.text);
    if (hit <= 0)
        return hit < 0;
    return count(&p->counts->hits) >= p->skip;
}
