/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tiny Linux in the memory of a fake machine: translation tables, vmcoreinfo, kallsyms, and whatever a test
 * puts beside them. Addresses that lrig_...() take or return are absolute ones unless they are called
 * virtual; all of memory is mapped at one virtual address. */
#ifndef LINUX_RIG_H
#define LINUX_RIG_H

#include "fake_machine.h"
#include "zgdbd/linux.h"

/* Where absolute 0 is mapped: */
#define RIG_LOW 0ULL              /* as kernels before 6.10 have it: virtual addresses are real ones */
#define RIG_HIGH 0x2b020000000ULL /* as later ones do, with KASLR */

/* The kernel's first byte, KERNELOFFPHYS: 8 KiB of code from there on are a test's to write. */
#define RIG_KERNEL 0x2000ULL
#define RIG_SYMBOLS 200u
#define RIG_TEXT 4096u

struct rig_symbol {
    const char *name; /* not copied */
    char type;
    uint64_t addr; /* virtual */
};

struct linux_rig {
    struct fake_machine *fake;
    struct linux_guest *g;
    uint64_t virt;       /* of absolute 0 */
    bool place_relative; /* to be set before lrig_boot(): kallsyms as from 7.0 on */
    uint64_t next;       /* free from here on */
    uint64_t table;      /* swapper_pg_dir */
    uint64_t note;
    struct rig_symbol symbols[RIG_SYMBOLS];
    size_t nsymbols;
    char text[RIG_TEXT]; /* vmcoreinfo's */
    size_t text_len;
    uint64_t modules; /* the list's head, once there is one */
    uint64_t names, addresses, num_syms, token_table, token_index, relative_base; /* of kallsyms */
};

/* A machine of its own whose CPUs have the tables in CR13, memory that is zero, and a guest that was not
 * looked at. lrig_boot() makes it Linux. */
struct linux_rig *lrig_open(uint64_t virt);
void lrig_close(struct linux_rig *r);

/* The same in the machine of a session's test (w->fake); *r is the caller's, and has no guest. */
void lrig_in(struct linux_rig *r, struct fake_machine *fake, uint64_t virt);

/* Room for so many bytes, of zero, on a multiple of align. */
uint64_t lrig_room(struct linux_rig *r, size_t bytes, size_t align);

static inline uint64_t lrig_virtual(const struct linux_rig *r, uint64_t absolute)
{
    return r->virt + absolute;
}

void lrig_put(struct linux_rig *r, uint64_t at, const void *bytes, size_t n);
void lrig_put64(struct linux_rig *r, uint64_t at, uint64_t value);
void lrig_put32(struct linux_rig *r, uint64_t at, uint32_t value);

/* Before lrig_boot(): one line of vmcoreinfo, without its newline; a symbol, which need not be in order. */
__attribute__((format(printf, 2, 3))) void lrig_info(struct linux_rig *r, const char *fmt, ...);
void lrig_symbol(struct linux_rig *r, const char *name, char type, uint64_t addr_virtual);

/* Writes kallsyms (if there are symbols), the note, and its address at absolute 0xe0c. The facts of a kernel
 * are in vmcoreinfo by themselves; _stext, panic and _etext are symbols, from RIG_KERNEL on. */
void lrig_boot(struct linux_rig *r);

/* The head of the list of modules, empty until there are some. To be made before lrig_boot() if a symbol is
 * to name it: lrig_symbol(r, "modules", 'D', lrig_virtual(r, r->modules)). */
void lrig_list(struct linux_rig *r);

/* struct module as it is up to 6.3 (struct module_layout), from 6.4 on (module_memory), and while it starts.
 */
enum rig_module_form {
    RIG_LAYOUT,
    RIG_MEMORY,
    RIG_STARTING, /* as RIG_LAYOUT, with code of the start, and the symbols in its storage */
};

/* A module at the front of the list, of a page of code (what its symbols' addresses are counted from), and
 * others for its structure and its symbols; the address of struct module. */
uint64_t lrig_module(struct linux_rig *r, const char *name, enum rig_module_form form,
                     const struct rig_symbol *symbols, size_t n);

/* The CPUs have no control registers, as in some dumps. */
void lrig_without_cr(struct linux_rig *r);

#endif
