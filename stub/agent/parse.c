/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions as a user writes them (the grammar is in agent.h) become the same bytecode that gdb sends, with
 * two opcodes more. Nesting is bounded, for the sake of this thread's stack and of the evaluation's. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"

/* Parentheses, brackets and operators of one operand within each other. */
#define NESTING_MAX 32u

#define NAME_SHOWN 32 /* characters, in a message */

#define A_VALUE "a value (a number, old, new, $register, u8[...] to s64[...], or a parenthesis)"

struct parser {
    const char *text, *s; /* all of it, and what is not read yet */
    unsigned depth;
    size_t len;
    uint8_t code[AGENT_CODE_MAX];
    struct err *e;
};

/* ---- errors ---- */

static unsigned column(const struct parser *p)
{
    return (unsigned)(p->s - p->text) + 1;
}

static int expected(const struct parser *p, const char *what)
{
    unsigned char c = (unsigned char)*p->s;
    char found[16];

    if (!c)
        snprintf(found, sizeof found, "the end");
    else if (c < ' ' || c > '~')
        snprintf(found, sizeof found, "byte 0x%02x", c);
    else
        snprintf(found, sizeof found, "'%c'", c);
    return err_set(p->e, EXIT_OTHER, "column %u: expected %s, found %s", column(p), what, found);
}

/* ---- making code ---- */

/* An opcode and the last `bytes` bytes of its operand. */
static int emit(struct parser *p, enum op op, unsigned bytes, uint64_t operand)
{
    uint8_t value[8];

    if (1 + bytes > sizeof p->code - p->len)
        return err_set(p->e, EXIT_OTHER, "column %u: the expression is too long", column(p));
    store_be64(value, operand);
    p->code[p->len] = (uint8_t)op;
    memcpy(p->code + p->len + 1, value + sizeof value - bytes, bytes);
    p->len += 1 + bytes;
    return 0;
}

static int emit_constant(struct parser *p, uint64_t value)
{
    if (value <= UINT8_MAX)
        return emit(p, OP_CONST8, 1, value);
    if (value <= UINT16_MAX)
        return emit(p, OP_CONST16, 2, value);
    if (value <= UINT32_MAX)
        return emit(p, OP_CONST32, 4, value);
    return emit(p, OP_CONST64, 8, value);
}

/* A jump whose target is set later, by land(). */
static int emit_jump(struct parser *p, enum op op, size_t *jump)
{
    *jump = p->len;
    return emit(p, op, 2, 0);
}

static void land(struct parser *p, size_t jump)
{
    store_be16(p->code + jump + 1, (uint16_t)p->len);
}

/* ---- words ---- */

static void skip_blanks(struct parser *p)
{
    p->s += strspn(p->s, " \t");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

/* Of the name at s, or most if it is longer. */
static size_t name_length(const char *s, size_t most)
{
    size_t len = 0;

    while (len < most && is_name(s[len]))
        len++;
    return len;
}

/* Reads a name of at most size - 1 characters; false if there is none or it is longer, and nothing is read.
 */
static bool take_name(struct parser *p, char *name, size_t size)
{
    size_t len = name_length(p->s, size);

    if (len == size)
        return false;
    memcpy(name, p->s, len);
    name[len] = 0;
    p->s += len;
    return len > 0;
}

static int take_char(struct parser *p, char c, const char *what)
{
    skip_blanks(p);
    if (*p->s != c)
        return expected(p, what);
    p->s++;
    return 0;
}

/* The digit's value in this base, or -1. */
static int digit(char c, unsigned base)
{
    unsigned value = is_digit(c)            ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                            : base;

    return value < base ? (int)value : -1;
}

static int parse_number(struct parser *p)
{
    unsigned base = 10;
    uint64_t value = 0;

    if (p->s[0] == '0' && (p->s[1] == 'x' || p->s[1] == 'X')) {
        base = 16;
        p->s += 2;
        if (digit(*p->s, 16) < 0)
            return expected(p, "a hexadecimal digit");
    } else if (p->s[0] == '0') {
        base = 8;
    }
    for (int d; (d = digit(*p->s, base)) >= 0; p->s++) {
        if (value > (UINT64_MAX - (unsigned)d) / base)
            return err_set(p->e, EXIT_OTHER, "column %u: the number is wider than 64 bits", column(p));
        value = value * base + (unsigned)d;
    }
    if (is_name(*p->s))
        return expected(p, base == 8 ? "an octal digit or an operator" : "a digit or an operator");
    return emit_constant(p, value);
}

static int parse_character(struct parser *p)
{
    static const char from[] = "nrt0\\'", to[] = "\n\r\t\0\\'";
    const char *escape;
    char value;

    p->s++;
    if (*p->s == '\\') {
        p->s++;
        escape = *p->s ? strchr(from, *p->s) : NULL;
        if (!escape)
            return expected(p, "n, r, t, 0, \\ or '");
        value = to[escape - from];
    } else if (*p->s == 0 || *p->s == '\'') {
        return expected(p, "a character");
    } else {
        value = *p->s;
    }
    p->s++;
    if (*p->s != '\'')
        return expected(p, "'");
    p->s++;
    return emit_constant(p, (unsigned char)value);
}

static int parse_register(struct parser *p)
{
    char name[24];
    int reg;

    p->s++;
    if (!take_name(p, name, sizeof name))
        return expected(p, "the name of a register");
    if (!strcmp(name, "pc"))
        reg = REG_PSWA;
    else if (!strcmp(name, "sp"))
        reg = REG_R0 + 15;
    else
        reg = reg_by_name(name);
    if (reg >= 0 && reg_table[reg].bytes <= 8)
        return emit(p, OP_REG, 2, (uint64_t)reg);
    p->s -= strlen(name);
    return err_set(p->e, EXIT_OTHER,
                   reg < 0 ? "column %u: there is no register %s" : "column %u: %s is wider than 64 bits",
                   column(p), name);
}

/* ---- grammar ---- */

static int parse_binary(struct parser *p, unsigned least);

/* What stands in parentheses or brackets; the first of the two is read already. */
static int parse_enclosed(struct parser *p, char closing, const char *what)
{
    return parse_binary(p, 0) || take_char(p, closing, what) ? -1 : 0;
}

/* "old", "new", or memory: "u8[address]". */
static int parse_word(struct parser *p)
{
    static const struct {
        const char *name;
        enum op op;
        uint8_t ext;
    } widths[] = {{"u8", OP_REF8, 0}, {"u16", OP_REF16, 0},  {"u32", OP_REF32, 0},  {"u64", OP_REF64, 0},
                  {"s8", OP_REF8, 8}, {"s16", OP_REF16, 16}, {"s32", OP_REF32, 32}, {"s64", OP_REF64, 0}};
    const char *start = p->s;
    char name[8];

    if (take_name(p, name, sizeof name)) {
        if (!strcmp(name, "old"))
            return emit(p, OP_OLD, 0, 0);
        if (!strcmp(name, "new"))
            return emit(p, OP_NEW, 0, 0);
        for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
            if (strcmp(name, widths[i].name) != 0)
                continue;
            if (take_char(p, '[', "[") || parse_enclosed(p, ']', "an operator or ]") ||
                emit(p, widths[i].op, 0, 0))
                return -1;
            return widths[i].ext ? emit(p, OP_EXT, 1, widths[i].ext) : 0;
        }
    }
    p->s = start;
    if (is_name(*start) && !is_digit(*start))
        return err_set(
            p->e, EXIT_OTHER,
            "column %u: nothing is called \"%.*s\" here; variables are not known: expected " A_VALUE,
            column(p), (int)name_length(start, NAME_SHOWN), start);
    return expected(p, A_VALUE);
}

static int parse_unary(struct parser *p);

/* An operator of one operand stands at p->s. */
static int parse_operator(struct parser *p)
{
    char sign = *p->s++;

    if (parse_unary(p))
        return -1;
    switch (sign) {
    case '!':
        return emit(p, OP_LOG_NOT, 0, 0);
    case '~':
        return emit(p, OP_BIT_NOT, 0, 0);
    case '-': /* the complement, and one */
        return emit(p, OP_BIT_NOT, 0, 0) || emit(p, OP_CONST8, 1, 1) || emit(p, OP_ADD, 0, 0) ? -1 : 0;
    default: /* '+' */
        return 0;
    }
}

static int parse_value(struct parser *p)
{
    char c = *p->s;

    if (c && strchr("!~-+", c))
        return parse_operator(p);
    if (c == '(') {
        p->s++;
        return parse_enclosed(p, ')', "an operator or )");
    }
    if (is_digit(c))
        return parse_number(p);
    if (c == '\'')
        return parse_character(p);
    if (c == '$')
        return parse_register(p);
    return parse_word(p);
}

static int parse_unary(struct parser *p)
{
    int rc;

    skip_blanks(p);
    if (p->depth == NESTING_MAX)
        return err_set(p->e, EXIT_OTHER, "column %u: more than %u levels of parentheses and signs", column(p),
                       NESTING_MAX);
    p->depth++;
    rc = parse_value(p);
    p->depth--;
    return rc;
}

/* C's, the loosest first; in each case what is longer stands before what it begins with. */
static const struct binary {
    const char *name;
    unsigned precedence;
    uint8_t ops[3]; /* what follows both operands; none: && and || */
} binaries[] = {
    {"||", 1, {0}},
    {"&&", 2, {0}},
    {"|", 3, {OP_BIT_OR}},
    {"^", 4, {OP_BIT_XOR}},
    {"&", 5, {OP_BIT_AND}},
    {"==", 6, {OP_EQUAL}},
    {"!=", 6, {OP_EQUAL, OP_LOG_NOT}},
    {"<<", 8, {OP_LSH}},
    {">>", 8, {OP_RSH_SIGNED}},
    {"<=", 7, {OP_SWAP, OP_LESS_SIGNED, OP_LOG_NOT}},
    {">=", 7, {OP_LESS_SIGNED, OP_LOG_NOT}},
    {"<", 7, {OP_LESS_SIGNED}},
    {">", 7, {OP_SWAP, OP_LESS_SIGNED}},
    {"+", 9, {OP_ADD}},
    {"-", 9, {OP_SUB}},
    {"*", 10, {OP_MUL}},
    {"/", 10, {OP_DIV_SIGNED}},
    {"%", 10, {OP_REM_SIGNED}},
};

static const struct binary *find_binary(const struct parser *p)
{
    for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
        if (!strncmp(p->s, binaries[i].name, strlen(binaries[i].name)))
            return &binaries[i];
    return NULL;
}

/* && and ||, behind the left operand: the right one is skipped if the left one decides. */
static int parse_logical(struct parser *p, const struct binary *b)
{
    bool or = b->precedence == 1;
    size_t decided, end;

    if ((! or &&emit(p, OP_LOG_NOT, 0, 0)) || emit_jump(p, OP_IF_GOTO, &decided) ||
        parse_binary(p, b->precedence + 1) || emit(p, OP_LOG_NOT, 0, 0) || emit(p, OP_LOG_NOT, 0, 0) ||
        emit_jump(p, OP_GOTO, &end))
        return -1;
    land(p, decided);
    if (emit_constant(p, or))
        return -1;
    land(p, end);
    return 0;
}

/* Operators of this precedence and tighter ones; all associate to the left. */
static int parse_binary(struct parser *p, unsigned least)
{
    const struct binary *b;

    if (parse_unary(p))
        return -1;
    for (skip_blanks(p); (b = find_binary(p)) && b->precedence >= least; skip_blanks(p)) {
        p->s += strlen(b->name);
        if (!b->ops[0]) {
            if (parse_logical(p, b))
                return -1;
            continue;
        }
        if (parse_binary(p, b->precedence + 1))
            return -1;
        for (size_t i = 0; i < sizeof b->ops && b->ops[i]; i++)
            if (emit(p, b->ops[i], 0, 0))
                return -1;
    }
    return 0;
}

struct agent_expr *agent_parse(const char *text, struct err *e)
{
    struct parser p;
    struct agent_expr *x;

    p.text = p.s = text;
    p.depth = 0;
    p.len = 0;
    p.e = e;
    if (parse_binary(&p, 0))
        return NULL;
    if (*p.s) {
        expected(&p, "an operator or the end");
        return NULL;
    }
    if (emit(&p, OP_END, 0, 0))
        return NULL;
    x = agent_compile_any(p.code, p.len, true, NULL);
    if (!x) /* all else is right by construction */
        err_set(e, EXIT_OTHER,
                "the expression has more than %u values at hand at once, or there is no memory",
                AGENT_STACK_MAX);
    return x;
}
