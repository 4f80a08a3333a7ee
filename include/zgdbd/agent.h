/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agent expressions: the bytecode in which gdb sends conditions and commands of breakpoints (GDB manual, "The
 * GDB Agent Expression Mechanism"), checked and compiled once, evaluated where the breakpoint is hit. Pure
 * functions over what the context gives: no thread, packet or KVM is known here. The code comes from outside:
 * nothing in it can make an evaluation run without bound, or read or write anything but its own stack.
 *
 * Values are 64 bits; memory and registers are big endian. All opcodes of the manual but those of tracing
 * (trace*, getv, setv, tracev) and of floating point (which the manual leaves undefined). */
#ifndef ZGDBD_AGENT_H
#define ZGDBD_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/err.h"
#include "zgdbd/machine.h"

/* Bytes of code, entries of the stack, instructions of one evaluation, bytes of one string that is printed
 * (%s), and of the text that one printf makes. */
#define AGENT_CODE_MAX 4096u
#define AGENT_STACK_MAX 128u
#define AGENT_STEPS_MAX 100000u
#define AGENT_STRING_MAX 1024u
#define AGENT_TEXT_MAX 4096u

/* What an evaluation sees of the CPU. The functions are called on the evaluating thread. */
struct agent_context {
    void *arg;
    /* The value of register reg (a number of the target description, as in `p`): 0, or -1 if there is no such
     * value or it is wider than 8 bytes. Four-byte registers come zero-extended. */
    int (*read_reg)(void *arg, unsigned reg, uint64_t *value);
    /* Bytes from the start of the range that could be read, addresses as gdb's `m` understands them. */
    size_t (*read_memory)(void *arg, uint64_t addr, void *buf, size_t len);
    /* Takes what printf makes; text is not NUL terminated. NULL: it is lost. */
    void (*print)(void *arg, const char *text, size_t len);
    uint64_t old_value, new_value; /* of what is watched (struct stop); 0 at other breakpoints */
};

/* Compiled, immutable: any thread may evaluate it. */
struct agent_expr;

/* Checks and compiles bytecode. NULL with *e: an unknown or unsupported opcode, a jump or an operand beyond
 * the end, a stack that underflows or exceeds AGENT_STACK_MAX on some way through or has one depth here and
 * another there when it comes to the same instruction (gdb makes no such code), no end, a format of printf
 * that asks for what is not there, no memory. */
struct agent_expr *agent_compile(const uint8_t *code, size_t len, struct err *e);

/* Compiles an expression as a user writes it, for `monitor watch-if`. NULL with *e, which names the column
 * and what was expected there.
 *
 *   operators, as in C, the loosest first:  ||  &&  |  ^  &  == !=  < <= > >=  << >>  + -  * / %
 *   of one operand:                         ! ~ - +        and parentheses
 *   values:  10  0xa  012  'c' (also '\n' '\r' '\t' '\0' '\\' '\'')
 *            old, new        what is watched, before and after: its first 8 bytes or fewer, unsigned
 *            $r5             a register, by its name in the target description; $pc is $pswa, $sp is $r15
 *            u8[A] ... u64[A]    memory at the address A, an expression: 8, 16, 32 or 64 bits
 *            s8[A] ... s64[A]    the same, signed
 *
 * There is one type, the signed number of 64 bits: u8[] to u32[] and registers of 4 bytes are never negative,
 * u64[], 8-byte registers and numbers above 0x7fffffffffffffff are if their first bit is one. Unsigned
 * numbers are compared if the sign bit of both is changed: (A ^ 1 << 63) < (B ^ 1 << 63). >> shifts in the
 * sign; a shift by 64 or more shifts everything out. Overflow wraps. The right side of && and || is evaluated
 * only if it matters. Floating point registers are their bits; vector registers are too wide. */
struct agent_expr *agent_parse(const char *text, struct err *e);

void agent_free(struct agent_expr *x); /* NULL is allowed */

/* Whether x was compiled from just this bytecode. */
bool agent_is(const struct agent_expr *x, const uint8_t *code, size_t len);

/* Evaluates: 0 and the value on top of the stack at the end (0 if it is empty), or -1 with *e, which says
 * what could not be done: "division by zero", "memory at 0x... cannot be read", ... */
int agent_run(const struct agent_expr *x, const struct agent_context *c, uint64_t *value, struct err *e);

/* What follows from a CPU's being at a breakpoint, for every engine: counts it, evaluates its conditions and
 * runs its commands. True if the CPU is to stop. *text is set to the reason, in one sentence, if that is
 * something else than a true condition or none, and to "" otherwise. */
bool agent_breakpoint_stops(const struct breakpoint *b, const struct agent_context *c, char *text,
                            size_t size);

/* The same for what a catchpoint is for: true from the hit on that follows those to be skipped. */
bool agent_catchpoint_stops(const struct catchpoint *p, const struct agent_context *c, char *text,
                            size_t size);

#endif
