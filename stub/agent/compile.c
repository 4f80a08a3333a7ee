/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks bytecode once and for all: what leaves here jumps only to instructions, has every operand, keeps its
 * stack within bounds on every way through and comes to an end, so that run.c need not ask. The effort is
 * linear in the length of the code. Nothing is evaluated here. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

enum support {
    UNKNOWN,
    SERVED,
    TRACING,
    FLOATING,
    INTERNAL
};

/* Operand bytes, stack entries taken and left; those of pick and printf depend on the operand. */
static const struct opcode {
    const char *name;
    uint8_t support, operand, pops, pushes;
} opcodes[256] = {
    [OP_FLOAT] = {"float", FLOATING, 0, 0, 0},
    [OP_ADD] = {"add", SERVED, 0, 2, 1},
    [OP_SUB] = {"sub", SERVED, 0, 2, 1},
    [OP_MUL] = {"mul", SERVED, 0, 2, 1},
    [OP_DIV_SIGNED] = {"div_signed", SERVED, 0, 2, 1},
    [OP_DIV_UNSIGNED] = {"div_unsigned", SERVED, 0, 2, 1},
    [OP_REM_SIGNED] = {"rem_signed", SERVED, 0, 2, 1},
    [OP_REM_UNSIGNED] = {"rem_unsigned", SERVED, 0, 2, 1},
    [OP_LSH] = {"lsh", SERVED, 0, 2, 1},
    [OP_RSH_SIGNED] = {"rsh_signed", SERVED, 0, 2, 1},
    [OP_RSH_UNSIGNED] = {"rsh_unsigned", SERVED, 0, 2, 1},
    [OP_TRACE] = {"trace", TRACING, 0, 2, 0},
    [OP_TRACE_QUICK] = {"trace_quick", TRACING, 1, 1, 1},
    [OP_LOG_NOT] = {"log_not", SERVED, 0, 1, 1},
    [OP_BIT_AND] = {"bit_and", SERVED, 0, 2, 1},
    [OP_BIT_OR] = {"bit_or", SERVED, 0, 2, 1},
    [OP_BIT_XOR] = {"bit_xor", SERVED, 0, 2, 1},
    [OP_BIT_NOT] = {"bit_not", SERVED, 0, 1, 1},
    [OP_EQUAL] = {"equal", SERVED, 0, 2, 1},
    [OP_LESS_SIGNED] = {"less_signed", SERVED, 0, 2, 1},
    [OP_LESS_UNSIGNED] = {"less_unsigned", SERVED, 0, 2, 1},
    [OP_EXT] = {"ext", SERVED, 1, 1, 1},
    [OP_REF8] = {"ref8", SERVED, 0, 1, 1},
    [OP_REF16] = {"ref16", SERVED, 0, 1, 1},
    [OP_REF32] = {"ref32", SERVED, 0, 1, 1},
    [OP_REF64] = {"ref64", SERVED, 0, 1, 1},
    [OP_REF_FLOAT] = {"ref_float", FLOATING, 0, 1, 1},
    [OP_REF_DOUBLE] = {"ref_double", FLOATING, 0, 1, 1},
    [OP_REF_LONG_DOUBLE] = {"ref_long_double", FLOATING, 0, 1, 1},
    [OP_L_TO_D] = {"l_to_d", FLOATING, 0, 1, 1},
    [OP_D_TO_L] = {"d_to_l", FLOATING, 0, 1, 1},
    [OP_IF_GOTO] = {"if_goto", SERVED, 2, 1, 0},
    [OP_GOTO] = {"goto", SERVED, 2, 0, 0},
    [OP_CONST8] = {"const8", SERVED, 1, 0, 1},
    [OP_CONST16] = {"const16", SERVED, 2, 0, 1},
    [OP_CONST32] = {"const32", SERVED, 4, 0, 1},
    [OP_CONST64] = {"const64", SERVED, 8, 0, 1},
    [OP_REG] = {"reg", SERVED, 2, 0, 1},
    [OP_END] = {"end", SERVED, 0, 0, 0},
    [OP_DUP] = {"dup", SERVED, 0, 1, 2},
    [OP_POP] = {"pop", SERVED, 0, 1, 0},
    [OP_ZERO_EXT] = {"zero_ext", SERVED, 1, 1, 1},
    [OP_SWAP] = {"swap", SERVED, 0, 2, 2},
    [OP_GETV] = {"getv", TRACING, 2, 0, 1},
    [OP_SETV] = {"setv", TRACING, 2, 1, 1},
    [OP_TRACEV] = {"tracev", TRACING, 2, 0, 1},
    [OP_TRACENZ] = {"tracenz", TRACING, 0, 2, 0},
    [OP_TRACE16] = {"trace16", TRACING, 2, 1, 1},
    [OP_PICK] = {"pick", SERVED, 1, 0, 0},
    [OP_ROT] = {"rot", SERVED, 0, 3, 3},
    [OP_PRINTF] = {"printf", SERVED, 3, 0, 0},
    [OP_OLD] = {"old", INTERNAL, 0, 0, 1},
    [OP_NEW] = {"new", INTERNAL, 0, 0, 1},
};

#define NO_INSN UINT16_MAX

/* The bytecode while it is taken apart. */
struct source {
    const uint8_t *code;
    size_t len;
    bool internal;
    uint16_t insn_at[AGENT_CODE_MAX]; /* which instruction begins at this byte, or NO_INSN */
};

static uint64_t be_number(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes--)
        value = value << 8 | *p++;
    return value;
}

static int check_opcode(const struct source *s, size_t at, struct err *e)
{
    uint8_t op = s->code[at];
    const struct opcode *o = &opcodes[op];

    switch (o->support) {
    case SERVED:
        return 0;
    case INTERNAL:
        if (s->internal)
            return 0;
        break;
    case TRACING:
        return err_set(e, EXIT_OTHER,
                       "agent expression: %s at byte %zu is for tracepoints, which there are none", o->name,
                       at);
    case FLOATING:
        return err_set(e, EXIT_OTHER, "agent expression: %s at byte %zu: there is no floating point", o->name,
                       at);
    default:
        break;
    }
    return err_set(e, EXIT_OTHER, "agent expression: byte %zu, 0x%02x, is no opcode", at, op);
}

/* A format's length is in front of it. */
static int decode_printf(const struct source *s, size_t at, struct insn *i, size_t *operand, struct err *e)
{
    size_t len = load_be16(s->code + at + 2);

    if (len > s->len - at - 4)
        return err_set(e, EXIT_OTHER,
                       "agent expression: the format of printf at byte %zu is %zu bytes long, %zu are there",
                       at, len, s->len - at - 4);
    i->n = s->code[at + 1];
    i->format = format_compile((const char *)s->code + at + 4, len, i->n, e);
    *operand = 3 + len;
    return i->format ? 0 : -1;
}

/* Decodes the instruction at this byte; its whole operand is at hand, *operand bytes but for printf's. */
static int decode_operand(const struct source *s, size_t at, struct insn *i, size_t *operand, struct err *e)
{
    uint64_t value = be_number(s->code + at + 1, (unsigned)*operand);

    switch (i->op) {
    case OP_PRINTF:
        return decode_printf(s, at, i, operand, e);
    case OP_EXT:
        /* What is at least as wide as a value is left alone; of no bits at all the sign is 0. */
        if (value == 0) {
            i->op = OP_ZERO_EXT;
            i->value = 0;
        } else {
            i->n = value < 64 ? (uint8_t)(64 - value) : 0;
        }
        return 0;
    case OP_ZERO_EXT:
        i->value = value < 64 ? ((uint64_t)1 << value) - 1 : UINT64_MAX;
        return 0;
    case OP_REF8:
    case OP_REF16:
    case OP_REF32:
    case OP_REF64:
        i->n = (uint8_t)(1u << (i->op - OP_REF8));
        return 0;
    case OP_PICK:
        i->n = (uint8_t)value;
        return 0;
    case OP_REG:
    case OP_GOTO:
    case OP_IF_GOTO:
        i->target = (uint16_t)value;
        return 0;
    default:
        i->value = value;
        return 0;
    }
}

static int decode(struct agent_expr *x, struct source *s, struct err *e)
{
    size_t operand;

    memset(s->insn_at, 0xff, s->len * sizeof s->insn_at[0]);
    for (size_t at = 0; at < s->len; at += 1 + operand) {
        struct insn *i = &x->insns[x->ninsns];

        if (check_opcode(s, at, e))
            return -1;
        operand = opcodes[s->code[at]].operand;
        if (operand >= s->len - at)
            return err_set(e, EXIT_OTHER, "agent expression: the operand of %s at byte %zu is cut short",
                           opcodes[s->code[at]].name, at);
        i->op = s->code[at];
        i->at = (uint16_t)at;
        s->insn_at[at] = (uint16_t)x->ninsns++;
        if (decode_operand(s, at, i, &operand, e))
            return -1;
    }
    return 0;
}

static int resolve_jumps(struct agent_expr *x, const struct source *s, struct err *e)
{
    for (size_t k = 0; k < x->ninsns; k++) {
        struct insn *i = &x->insns[k];

        if (i->op != OP_GOTO && i->op != OP_IF_GOTO)
            continue;
        if (i->target >= s->len || s->insn_at[i->target] == NO_INSN)
            return err_set(e, EXIT_OTHER,
                           "agent expression: %s at byte %u jumps to byte %u, which is no instruction",
                           opcodes[i->op].name, i->at, i->target);
        i->target = s->insn_at[i->target];
    }
    return 0;
}

/* How deep the stack is where an instruction begins: each is looked at once, and whoever comes to it later
 * must bring the same depth. */
struct flow {
    const struct agent_expr *x;
    size_t nwork;
    uint16_t work[AGENT_CODE_MAX]; /* instructions whose depth is known and that are still to be looked at */
    int16_t depth[AGENT_CODE_MAX]; /* -1: not reached yet */
};

static int flow_to(struct flow *f, const struct insn *from, size_t to, int depth, struct err *e)
{
    if (to == f->x->ninsns)
        return err_set(e, EXIT_OTHER, "agent expression: it runs past its end after %s at byte %u",
                       opcodes[from->op].name, from->at);
    if (f->depth[to] < 0) {
        f->depth[to] = (int16_t)depth;
        f->work[f->nwork++] = (uint16_t)to;
    } else if (f->depth[to] != depth) {
        return err_set(e, EXIT_OTHER,
                       "agent expression: byte %u is reached with %d and with %d values on the stack",
                       f->x->insns[to].at, f->depth[to], depth);
    }
    return 0;
}

static int flow_through(struct flow *f, size_t k, struct err *e)
{
    const struct insn *i = &f->x->insns[k];
    const struct opcode *o = &opcodes[i->op];
    int pops = o->pops, pushes = o->pushes, depth = f->depth[k];

    if (i->op == OP_PICK) {
        pops = i->n + 1;
        pushes = i->n + 2;
    } else if (i->op == OP_PRINTF) {
        pops = i->n + 2; /* function and channel, which mean nothing here */
    }
    if (depth < pops)
        return err_set(e, EXIT_OTHER, "agent expression: %s at byte %u takes %d values from a stack of %d",
                       o->name, i->at, pops, depth);
    depth += pushes - pops;
    if (depth > (int)AGENT_STACK_MAX)
        return err_set(e, EXIT_OTHER, "agent expression: at byte %u the stack is deeper than %u values",
                       i->at, AGENT_STACK_MAX);
    if (i->op == OP_END)
        return 0;
    if ((i->op == OP_GOTO || i->op == OP_IF_GOTO) && flow_to(f, i, i->target, depth, e))
        return -1;
    return i->op == OP_GOTO ? 0 : flow_to(f, i, k + 1, depth, e);
}

static int check_stack(const struct agent_expr *x, struct err *e)
{
    struct flow f;

    f.x = x;
    memset(f.depth, 0xff, x->ninsns * sizeof f.depth[0]);
    f.depth[0] = 0;
    f.work[0] = 0;
    f.nwork = 1;
    while (f.nwork)
        if (flow_through(&f, f.work[--f.nwork], e))
            return -1;
    return 0;
}

struct agent_expr *agent_compile_any(const uint8_t *code, size_t len, bool internal, struct err *e)
{
    struct source s;
    struct agent_expr *x;

    if (len == 0 || len > AGENT_CODE_MAX) {
        err_set(e, EXIT_OTHER, "agent expression: it has %zu bytes; 1 to %u are allowed", len,
                AGENT_CODE_MAX);
        return NULL;
    }
    x = calloc(1, sizeof *x + len * sizeof x->insns[0] + len);
    if (!x) {
        err_set(e, EXIT_OTHER, "agent expression: no memory");
        return NULL;
    }
    s.code = code;
    s.len = len;
    s.internal = internal;
    if (decode(x, &s, e) || resolve_jumps(x, &s, e) || check_stack(x, e)) {
        agent_free(x);
        return NULL;
    }
    if (!internal) {
        x->source = memcpy(&x->insns[len], code, len);
        x->len = len;
    }
    return x;
}

struct agent_expr *agent_compile(const uint8_t *code, size_t len, struct err *e)
{
    return agent_compile_any(code, len, false, e);
}

void agent_free(struct agent_expr *x)
{
    if (!x)
        return;
    for (size_t k = 0; k < x->ninsns; k++)
        if (x->insns[k].op == OP_PRINTF)
            free(x->insns[k].format);
    free(x);
}

bool agent_is(const struct agent_expr *x, const uint8_t *code, size_t len)
{
    return x->source && x->len == len && !memcmp(x->source, code, len);
}
