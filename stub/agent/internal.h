/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of stub/agent share: the opcodes, and an expression as it is once it has been checked. */
#ifndef ZGDBD_AGENT_INTERNAL_H
#define ZGDBD_AGENT_INTERNAL_H

#include "zgdbd/agent.h"

/* Numbers are those of the manual's "Bytecode Descriptions". */
enum op {
    OP_FLOAT = 0x01,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV_SIGNED,
    OP_DIV_UNSIGNED,
    OP_REM_SIGNED,
    OP_REM_UNSIGNED,
    OP_LSH,
    OP_RSH_SIGNED,
    OP_RSH_UNSIGNED,
    OP_TRACE,
    OP_TRACE_QUICK,
    OP_LOG_NOT,
    OP_BIT_AND,
    OP_BIT_OR,
    OP_BIT_XOR,
    OP_BIT_NOT,
    OP_EQUAL,
    OP_LESS_SIGNED,
    OP_LESS_UNSIGNED,
    OP_EXT,
    OP_REF8,
    OP_REF16,
    OP_REF32,
    OP_REF64,
    OP_REF_FLOAT,
    OP_REF_DOUBLE,
    OP_REF_LONG_DOUBLE,
    OP_L_TO_D,
    OP_D_TO_L,
    OP_IF_GOTO,
    OP_GOTO,
    OP_CONST8,
    OP_CONST16,
    OP_CONST32,
    OP_CONST64,
    OP_REG,
    OP_END,
    OP_DUP,
    OP_POP,
    OP_ZERO_EXT,
    OP_SWAP,
    OP_GETV,
    OP_SETV,
    OP_TRACEV,
    OP_TRACENZ,
    OP_TRACE16,
    OP_PICK = 0x32,
    OP_ROT,
    OP_PRINTF,
    /* Of agent_parse() alone: what is watched, before and after. */
    OP_OLD = 0xf0,
    OP_NEW,
};

/* One instruction, its operand decoded. */
struct insn {
    uint8_t op;
    uint8_t n;       /* pick: from the top; ext: bits in front of the sign; ref: bytes; printf: arguments */
    uint16_t at;     /* where it stands in the bytecode */
    uint16_t target; /* a jump's instruction; reg: the register */
    union {
        uint64_t value; /* of a constant; the bits that zero_ext keeps */
        struct format *format;
    };
};

struct agent_expr {
    const uint8_t *source; /* the bytecode as it came, behind the instructions; NULL if it came from text */
    size_t len;
    size_t ninsns;
    struct insn insns[];
};

/* agent_compile(), but `internal` allows the opcodes from OP_OLD on. */
struct agent_expr *agent_compile_any(const uint8_t *code, size_t len, bool internal, struct err *e);

/* ---- printf.c ---- */

/* Checks and takes apart a format as gdb sends it: what stood between the quotes, escapes and all, with its
 * NUL, for nargs arguments. NULL with *e; free() it. */
struct format *format_compile(const char *text, size_t len, unsigned nargs, struct err *e);

/* Prints; the first argument is *args, the next one args[-1] and so on. -1 with *e if a string cannot be
 * read: nothing is printed then. */
int format_print(const struct format *f, const uint64_t *args, const struct agent_context *c, struct err *e);

#endif
