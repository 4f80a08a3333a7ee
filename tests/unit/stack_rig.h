/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel of a few functions, in the rig's memory, with stacks and frames as the compiler and the kernel
 * make them; and how its call chain is told to a test. Addresses are virtual. Include it after cmocka.h. */
#ifndef STACK_RIG_H
#define STACK_RIG_H

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

enum {
    INNER,
    MIDDLE,
    OUTER,
    INTERRUPT,
    LEAF,
    LAST,
    FUNCTIONS
};

struct stack_rig {
    struct linux_rig *r;
    uint64_t stacks[STACKS]; /* virtual */
    struct linux_frame frames[LINUX_FRAMES_MAX];
    size_t n;
    const char *why;
};

/* For cmocka. */
int stack_setup(void **state);
int stack_teardown(void **state);
#define CHAIN(name) cmocka_unit_test_setup_teardown(name, stack_setup, stack_teardown)

/* Where the instruction at an offset of a function is. */
uint64_t srig_code(const struct stack_rig *s, unsigned fn, unsigned at);

void srig_put64(const struct stack_rig *s, uint64_t virt, uint64_t value);
void srig_set_reg(const struct stack_rig *s, unsigned reg, uint64_t value);

/* CPU 0, in the kernel. */
void srig_stand(const struct stack_rig *s, uint64_t pc, uint64_t r14, uint64_t r15);

/* A frame at sp whose owner was called from ret by the owner of the frame at chain. */
void srig_put_frame(const struct stack_rig *s, uint64_t sp, uint64_t chain, uint64_t ret);

/* Registers behind the frame at sp. */
void srig_put_regs(const struct stack_rig *s, uint64_t sp, uint64_t mask, uint64_t pc, uint64_t r14,
                   uint64_t r15);

/* r15 at the beginning of a stack. */
uint64_t srig_top(const struct stack_rig *s, unsigned stack);

/* outer called middle, and middle called inner, on the task's stack; returns inner's r15. */
uint64_t srig_three(const struct stack_rig *s);
#define THREE "task: inner middle outer last"

/* Reads the chain of CPU 0, anew. */
void srig_walk(struct stack_rig *s);

/* The frames, as "task: inner middle outer": with the stack where it changes, ! in front of what was
 * interrupted, ? of a guess, - for no symbol. In a static buffer. */
const char *srig_chain(struct stack_rig *s);

/* The chain is this; and it is broken for a reason that has these words, or, with NULL, is not. */
void srig_expect(struct stack_rig *s, const char *frames, const char *why);

#endif
