/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the memory of a Linux guest tells, without any debug file: the room stub/linux/. It reads memory and
 * registers only through the machine contract, of a machine that stands (live or a dump), and writes nothing.
 *
 * Everything in the guest's memory is hostile: every length, count, offset and pointer found there is checked
 * before use, every list and loop has a bound, and what does not hold is an error in words, never an end.
 * What is read is kept until linux_changed() or linux_reset() says that the guest may have changed it.
 *
 * Where the kernel says things: Documentation/admin-guide/kdump/vmcoreinfo.rst (which symbols and offsets
 * are in vmcoreinfo), arch/s390/include/asm/lowcore.h (0xe0c, 0xe18), kernel/kallsyms.c (the tables),
 * kernel/printk/printk_ringbuffer.h (the log), arch/s390/kernel/{os_info,stacktrace,dumpstack}.c. */
#ifndef ZGDBD_LINUX_H
#define ZGDBD_LINUX_H

#include "zgdbd/err.h"
#include "zgdbd/machine.h"

/* One guest: what has been found out about it. One thread uses it. */
struct linux_guest;

/* NULL if there is no memory for it. The machine remains the caller's and must outlive it. Reads nothing. */
struct linux_guest *linux_open(struct machine *m);
void linux_close(struct linux_guest *g);

/* The guest has run, or its memory was written: what can change is read again when it is asked for. What
 * cannot (the kernel's own symbols, vmcoreinfo) is kept as long as it is still the same kernel. Costs nothing
 * until something is asked for. */
void linux_changed(struct linux_guest *g);

/* The image was loaded again: everything is forgotten. */
void linux_reset(struct linux_guest *g);

/* ---- memory: read.c ---- */

/* Copies up to len bytes from an address of the kernel's space on; returns how many were readable from the
 * start on. The kernel's space is the home space (CR13) of the first CPU in which the address translates;
 * where none does (a CPU without control registers in a dump, before the kernel has DAT on) swapper_pg_dir
 * and what vmcoreinfo says of the kernel's place decide. */
size_t linux_read(struct linux_guest *g, uint64_t addr, void *buf, size_t len);

/* How many bytes of the guest's memory were read for this room so far, to measure what something costs. */
uint64_t linux_bytes_read(const struct linux_guest *g);

/* Big-endian numbers; false if not all of it is readable. */
bool linux_read_u64(struct linux_guest *g, uint64_t addr, uint64_t *value);
bool linux_read_u32(struct linux_guest *g, uint64_t addr, uint32_t *value);

/* A string of at most size - 1 bytes, cut and terminated; false if its first byte is not readable. Bytes that
 * are no printable ASCII become '?'. */
bool linux_read_string(struct linux_guest *g, uint64_t addr, char *buf, size_t size);

/* ---- what kernel, and where: vmcoreinfo.c ---- */

enum linux_state {
    LINUX_UNKNOWN,  /* nothing at absolute 0xe0c that says so: no Linux, or not far enough */
    LINUX_PLACED,   /* an odd value is there: the loader has chosen the kernel's place (KASLR offset | 1).
                       From 6.10 on it is KERNELOFFPHYS | 1, and the tables tell the offset; before that this
                       state does not come with nokaslr */
    LINUX_READABLE, /* vmcoreinfo is there: symbols and the log can be read */
};

struct linux_facts {
    enum linux_state state;
    bool has_kaslr;        /* kaslr_offset is known: in LINUX_PLACED and LINUX_READABLE */
    uint64_t kaslr_offset; /* added to each address of the kernel's link (0 with nokaslr before 6.10) */
    bool has_phys_offset;  /* 6.10 and later: */
    uint64_t phys_offset;  /* KERNELOFFPHYS: where in storage the address kaslr_offset is */
    /* The following of LINUX_READABLE alone. */
    char release[65];       /* OSRELEASE, as uname -r */
    char build_id[41];      /* of the kernel, 40 hexadecimal digits, or "" */
    uint64_t identity_base; /* virtual address of absolute 0 in the identity mapping; 0 before 6.10 */
    uint64_t note;          /* absolute address of the ELF note "VMCOREINFO" */
    const char *text;       /* its text, KEY=VALUE lines; terminated; until linux_changed() */
    size_t text_len;
};

/* Reads it if that was not done since the guest ran. Never NULL. */
const struct linux_facts *linux_facts(struct linux_guest *g);

/* Value of KEY ("SYMBOL(prb)", "OFFSET(printk_info.seq)", "SIZE(...)", "NUMBER(...)", "LENGTH(...)") in
 * vmcoreinfo; SYMBOL and KERNELOFFSET are hexadecimal there, the others decimal. False if it is not there. */
bool linux_vmcoreinfo(struct linux_guest *g, const char *key, uint64_t *value);

/* ---- symbols: kallsyms.c ---- */

#define LINUX_NAME_BYTES 512 /* KSYM_NAME_LEN of 6.1 and later */

struct linux_symbol {
    uint64_t addr;
    uint64_t size;      /* bytes to the next symbol of another address (the module's end for its last) */
    char type;          /* as in nm: 't', 'T', 'D'... */
    const char *name;   /* until linux_changed() */
    const char *module; /* its name, or NULL for the kernel itself */
};

/* All symbols of the kernel itself, by address. Read once, when first asked for, from the tables that
 * vmcoreinfo names (6.0 and later). -1 with *e in words if there are none (yet). */
int linux_symbols(struct linux_guest *g, const struct linux_symbol **list, size_t *n, struct err *e);

/* How many there are. Costs less than the list, as do the following for some hundred symbols and a few names:
 * the list has every name. */
int linux_symbol_count(struct linux_guest *g, size_t *n, struct err *e);

/* The symbol in which an address lies, modules included; false if there is none, or no table. */
bool linux_symbol_at(struct linux_guest *g, uint64_t addr, struct linux_symbol *out);

/* The address of a symbol of the kernel, or of a module; false if there is none of this name. */
bool linux_symbol_named(struct linux_guest *g, const char *name, uint64_t *addr);

/* "panic+0x1a2/0x3b0", with " [module]" behind it; the address alone, in hexadecimal, if it has no symbol.
 * Returns buf, terminated. */
char *linux_symbolise(struct linux_guest *g, uint64_t addr, char *buf, size_t size);

/* ---- modules: modules.c ---- */

struct linux_module {
    char name[56]; /* MODULE_NAME_LEN on s390x */
    uint64_t addr; /* of struct module */
    uint64_t base; /* where its code begins */
    uint64_t size; /* of the code */
    bool guessed;  /* base and size were found by their looks, for want of the structure's layout */
    size_t nsymbols;
    const struct linux_symbol *symbols; /* by address; may be none */
};

/* In the order of the kernel's list (newest first). -1 with *e if the list cannot be found. Until
 * linux_changed(). */
int linux_modules(struct linux_guest *g, const struct linux_module **list, size_t *n, struct err *e);

/* ---- the log: printk.c ---- */

struct linux_log_record {
    uint64_t seq;
    uint64_t nanoseconds; /* since boot */
    unsigned level, facility;
    bool continues;   /* the text of the record before goes on; the kernel prints it as a line of its own */
    const char *text; /* printable ASCII, tabs and newlines; terminated; until the function returns */
    size_t len;
};

typedef void linux_log_fn(void *ctx, const struct linux_log_record *record);

/* Calls fn for the last `last` records of the kernel's log (0: all), oldest first. -1 with *e if it cannot be
 * read. */
int linux_log(struct linux_guest *g, size_t last, linux_log_fn *fn, void *ctx, struct err *e);

/* One line for each line of a record's text, as the console prints it: "[    1.234567] text". Returns the
 * length that was or would be written, like snprintf(3); lines end with newlines. */
size_t linux_log_format(const struct linux_log_record *record, char *buf, size_t size);

/* ---- call chains: stack.c ---- */

enum linux_frame_kind {
    FRAME_CPU,     /* where the CPU stands, or the task was switched out */
    FRAME_CALL,    /* a return address that the back chain leads to */
    FRAME_PT_REGS, /* interrupted here: pc is the PSW's address of a struct pt_regs on the stack, or of an
                      old PSW in the lowcore whose handler has still to make one */
    FRAME_GUESS,   /* no back chain leads there (the chain is broken), but the value looks like it */
};

enum linux_stack {
    STACK_UNKNOWN,
    STACK_TASK,
    STACK_ASYNC, /* interruptions */
    STACK_NODAT,
    STACK_RESTART,
    STACK_MCCK,
};

struct linux_frame {
    enum linux_frame_kind kind;
    enum linux_stack stack;
    uint64_t sp; /* r15 in this frame */
    uint64_t pc;
    uint64_t psw_mask; /* FRAME_CPU, FRAME_PT_REGS */
    bool user;         /* problem state: the chain ends here */
};

#define LINUX_FRAMES_MAX 128

/* The call chain of a CPU from its registers on; returns how many frames are in it (at least one). A chain
 * that is broken, goes round or leaves memory ends, and *why says so in words (NULL if it ended as chains do:
 * back chain 0, or user space); *why is constant text. */
size_t linux_backtrace(struct linux_guest *g, unsigned cpu, struct linux_frame *frames, size_t max,
                       const char **why);

/* The same as if the CPU stood at another PSW with the registers that it has: where an interruption came from
 * whose handler has not changed them. */
size_t linux_backtrace_at(struct linux_guest *g, unsigned cpu, struct psw psw, struct linux_frame *frames,
                          size_t max, const char **why);

/* The same from a task that is not running: sp is its r15 (task.thread.ksp), where the callee-saved registers
 * of its switch are. */
size_t linux_backtrace_task(struct linux_guest *g, uint64_t sp, struct linux_frame *frames, size_t max,
                            const char **why);

const char *linux_stack_name(enum linux_stack stack);

/* A frame in words, without its number: "0000000002063dee stop_run+0x2e/0x50". Behind a call that does not
 * return another function may begin, which the kernel's own traces name: so do we, and add who called.
 * Returns buf, terminated; 400 bytes hold what names of 100 characters give. */
char *linux_frame_describe(struct linux_guest *g, const struct linux_frame *f, char *buf, size_t size);

/* ---- tasks: tasks.c ---- */

/* Where things are in the kernel's structures, in bytes from their beginning. */
struct linux_task_layout {
    uint32_t tasks, pid, tgid, comm, stack, mm, thread_ksp, thread_node, signal; /* in task_struct */
    uint32_t state, cpu;  /* __state, thread_info.cpu */
    uint32_t thread_head; /* in signal_struct */
    uint32_t current;     /* current_task in the lowcore */
    bool has_state, has_cpu, has_current;
    const char *from; /* "BTF", "the debugger", in words; NULL: this is no layout */
};

/* What is behind this in a structure is taken for none of it. */
#define LINUX_STRUCT_MAX 0x10000u

struct linux_task {
    uint64_t addr;
    int32_t pid, tgid;
    char comm[17];
    uint32_t state; /* __state; 0 is running or ready, or not known (has_state of the layout) */
    uint64_t sp;    /* thread.ksp, of one that is not on a CPU */
    int cpu;        /* the CPU that runs it now, or -1 */
    int last_cpu;   /* where it ran last, or -1 */
    bool kernel;    /* has no mm: a kernel thread */
};

#define LINUX_TASKS_MAX 32768

/* The layout from the kernel's BTF in its memory, else the one given by linux_task_layout_set(), which is
 * kept until linux_close(). NULL with *e that says what would help. BTF is read once for a kernel; that
 * of 6.12 is 4 MiB. */
const struct linux_task_layout *linux_task_layout(struct linux_guest *g, struct err *e);
void linux_task_layout_set(struct linux_guest *g, const struct linux_task_layout *layout);

/* Every task, threads of processes too, by pid; the idle tasks (pid 0) last, of which only init_task and
 * those that CPUs run are known. -1 with *e. Until linux_changed(). */
int linux_tasks(struct linux_guest *g, const struct linux_task **list, size_t *n, struct err *e);

/* Why the list may lack tasks, in words (it is broken, there are more); NULL if it does not. */
const char *linux_tasks_lack(struct linux_guest *g);

/* As ps shows the state: R S D T t X Z P I, and ? if it is not known. */
char linux_task_letter(const struct linux_guest *g, const struct linux_task *task);

/* What the switch to another task has left of the registers of one that is on no CPU: r6 to r15, of which r14
 * is where it goes on. False if that is not there. */
#define LINUX_SWITCH_GPRS 10
bool linux_task_gprs(struct linux_guest *g, const struct linux_task *task, uint64_t gprs[LINUX_SWITCH_GPRS]);

/* The PSW mask with which the kernel switches tasks: DAT, home space, machine checks, 64 bits
 * (PSW_KERNEL_BITS of arch/s390/include/asm/ptrace.h, interruptions off). */
#define LINUX_SWITCH_PSW_MASK 0x0404c00180000000ULL

/* The task that a CPU runs: struct task_struct's address, from the lowcore; false if it is not known. Needs
 * no layout, and is surer with one. */
bool linux_current(struct linux_guest *g, unsigned cpu, uint64_t *task);

/* ---- a file for gdb: symfile.c ---- */

/* An ELF file (ET_EXEC, 64-bit big endian, EM_S390) with the kernel's symbols, or those of a module (not
 * NULL), at the addresses where they are now, and unwind information as far as it can be told. From malloc,
 * the caller's. NULL with *e. */
uint8_t *linux_symbol_file(struct linux_guest *g, const struct linux_module *module, size_t *size,
                           struct err *e);

/* From the first function among the symbols (sorted by address) to the end of the last. False without any. */
bool linux_code_extent(const struct linux_symbol *list, size_t n, uint64_t *start, uint64_t *end);

#endif
