/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share: one guest, of which each file owns the part that it finds out. A part is
 * allocated by its file when it is first asked for, and freed by that file's forget function. */
#ifndef ZGDBD_LINUX_INTERNAL_H
#define ZGDBD_LINUX_INTERNAL_H

#include "zgdbd/linux.h"

struct linux_guest {
    struct machine *m;
    uint64_t bytes_read;             /* read.c: in all */
    struct linux_place *place;       /* vmcoreinfo.c */
    struct linux_kallsyms *syms;     /* kallsyms.c */
    struct linux_modlist *modules;   /* modules.c */
    struct linux_tasklist *tasks;    /* tasks.c */
    struct linux_task_layout layout; /* task_layout.c: as the debugger has said; outlives resets */
};

/* How much is to be forgotten. */
enum linux_forget {
    FORGET_RAN, /* the guest has run: what it may have changed */
    FORGET_ALL,
};

/* Where a frame has its back chain, from r15 on (struct stack_frame: -mpacked-stack, -mbackchain), and where
 * those that its owner calls save r14. */
#define FRAME_BACK_CHAIN 152
#define FRAME_R14 136

/* prologue.c: what a function has done to its stack. */
struct linux_prologue {
    bool chained;     /* it has its frame, with a back chain in it */
    int64_t grown;    /* else: by how much r15 is lower than at its entry */
    bool saved;       /* r14 is saved, */
    int32_t saved_at; /* from r15 at its entry on; of no meaning in one that is chained. Else r14 still is
                         where it returns to */
};

/* By the code from the function's entry to pc, which is in it. */
void linux_prologue(struct linux_guest *g, uint64_t entry, uint64_t pc, struct linux_prologue *out);

/* handler.c: a CPU's state at an interruption. */
struct linux_interrupted {
    struct psw psw;
    uint64_t r14, r15;
};

/* False if this is no handler to which a new PSW of the CPU leads, or one that has put all on its stack. Of
 * *i, r14 and r15 are what the CPU has now, and are changed to what they were. */
bool linux_interrupted(struct linux_guest *g, unsigned cpu, const struct linux_symbol *handler, uint64_t pc,
                       struct linux_interrupted *i);

typedef void linux_forget_fn(struct linux_guest *g, enum linux_forget what);

linux_forget_fn linux_forget_place, linux_forget_kallsyms, linux_forget_modules, linux_forget_tasks;

/* read.c: exactly len bytes of absolute storage; false if not all of it is there. */
bool linux_read_absolute(struct linux_guest *g, uint64_t addr, void *buf, size_t len);

/* A register of at most 8 bytes; false, and 0, if the engine has it not. */
bool linux_reg(struct linux_guest *g, unsigned cpu, unsigned reg, uint64_t *value);

/* The first len bytes of a CPU's prefix area; false if they are not all there. */
bool linux_read_lowcore(struct linux_guest *g, unsigned cpu, uint8_t *buf, size_t len);

/* What a CPU's addresses mean, but always in the 64-bit mode, in which the kernel's are. False if its home
 * space is as the reset leaves it (CR13 is 0), or the engine has no such view of memory. */
bool linux_home_context(struct linux_guest *g, unsigned cpu, struct dat_context *ctx);

/* placed.c: the virtual address of a kernel whose place in storage this is, by the tables of the context's
 * home space; false if they do not map it. */
bool linux_placed(const struct dat_context *ctx, uint64_t place, uint64_t *virtual);

/* vmcoreinfo.c: a number that is another one for each kernel that this guest has come to, 0 while none is
 * readable. What was read of a kernel is good as long as it is the same. */
unsigned linux_generation(struct linux_guest *g);

/* vmcoreinfo.c: the address of swapper_pg_dir, without a search of the text: each read that fails asks. False
 * if it is not told. */
bool linux_swapper(struct linux_guest *g, uint64_t *addr);

/* kallsyms.c: the last symbol at or below addr of a list that is sorted by address, of several at one address
 * the first, as the kernel has it; NULL if addr lies behind its size. */
const struct linux_symbol *linux_symbol_in(const struct linux_symbol *list, size_t n, uint64_t addr);

/* A symbol of the kernel alone, by its name. */
bool linux_kernel_symbol(struct linux_guest *g, const char *name, struct linux_symbol *out);

/* modules.c: of modules alone; NULL if there is none. */
const struct linux_symbol *linux_module_symbol_at(struct linux_guest *g, uint64_t addr);
const struct linux_symbol *linux_module_symbol_named(struct linux_guest *g, const char *name);

/* btf.c: the places of members of the kernel's structures, those of anonymous ones in it too. A member that
 * is not there, or in the middle of a byte, is not found. -1 with *e if there is no type information, or it
 * is damaged. */
struct linux_btf_member {
    const char *type, *member;
    bool found;
    uint32_t offset; /* bytes */
};
int linux_btf_members(struct linux_guest *g, struct linux_btf_member *wanted, size_t n, struct err *e);

/* The same from bytes of type information in big-endian order. */
int linux_btf_find(const uint8_t *data, size_t size, struct linux_btf_member *wanted, size_t n,
                   struct err *e);

/* symfile.c: a function's symbol, as far as its type says. Weak ones do not say: mostly they are. */
bool linux_is_code(const struct linux_symbol *s);

/* unwind.c: a section .debug_frame for the functions among the symbols, which are sorted by address; from
 * malloc, the caller's. NULL without memory. */
uint8_t *linux_unwind_info(struct linux_guest *g, const struct linux_symbol *list, size_t n, size_t *size);

#endif
