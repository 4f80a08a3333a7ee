/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the tests of agent expressions: bytecode written as gdb's `maint agent` prints it, and a CPU to
 * evaluate it on: 16 KiB of memory, registers that are 8 bytes wide, and what was printed. */
#ifndef ZGDBD_AGENT_RIG_H
#define ZGDBD_AGENT_RIG_H

#include "zgdbd/agent.h"

#define MEMORY_AT 0x108d000u /* where the variables of gdb's listings are */
#define MEMORY_BYTES 0x4000u

extern uint8_t agent_memory[MEMORY_BYTES];
extern uint64_t agent_regs[64];
extern char agent_printed[2 * AGENT_TEXT_MAX];
extern size_t agent_nprinted;
extern struct agent_context agent_context;
extern struct err agent_error;

/* Test fixture: memory and registers are zero, nothing printed. */
int agent_setup(void **state);

#define TEST(f) cmocka_unit_test_setup(f, agent_setup)

/* Stores size bytes of value at this address, most significant first. */
void agent_poke(uint64_t addr, unsigned size, uint64_t value);

/* Assembles instructions divided by semicolons, "const8 5; ext 8; end", into out and returns their length; a
 * printf's format is in double quotes and may contain no semicolon: `printf 1 "%d"`. "byte N" is N itself. */
size_t assemble(const char *text, uint8_t out[AGENT_CODE_MAX]);

/* The same, compiled, which must succeed; agent_free() it. */
struct agent_expr *compile_code(const char *text);

/* Evaluates x and frees it. The value, or UINT64_MAX - 1 with agent_error filled in. */
#define FAILED (UINT64_MAX - 1)
uint64_t value_of(struct agent_expr *x);

/* Assembles, compiles, evaluates. */
uint64_t run_code(const char *text);

/* That it cannot be compiled, for a reason with these words. */
void assert_not_compiled(const char *text, const char *words);

#endif
