/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call chains of the kernel, which is built with back chains, as its own unwinder follows them
 * (arch/s390/kernel/unwind_bc.c): from frame to frame, to the registers of what was interrupted where a back
 * chain is 0, and from stack to stack. Every address in it is the guest's: within a stack the chain must go
 * up, and no stack is entered twice. */
#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"
#include "zgdbd/words.h"

/* struct stack_frame (arch/s390/include/asm/stacktrace.h): the frame's owner calls functions that save their
 * r6 to r15 from 72 on: FRAME_R14. */
#define FRAME_BYTES 160u

/* struct pt_regs, behind a frame whose back chain is 0 (asm/ptrace.h). */
#define REGS_PSW 8u
#define REGS_GPRS 24u
#define REGS_BYTES 192u

/* THREAD_SIZE, with KASAN and without. Stacks are aligned to their size. */
#define STACK_BYTES 0x4000u
#define STACK_BYTES_KASAN 0x10000u

#define STACKS 5u       /* STACK_TASK to STACK_MCCK */
#define ENTERED_MAX 10u /* each of them, and as many that are not known */
#define GUESSES_MAX 24u

struct stack {
    enum linux_stack kind;
    uint64_t begin, end;
};

struct walk {
    struct linux_guest *g;
    struct stack known[STACKS];
    unsigned nknown;
    uint64_t entered[ENTERED_MAX]; /* where those begin that the chain was on */
    unsigned nentered;
    struct stack in; /* the one that it is on, */
    uint64_t sp;     /* at this frame */
    bool nowhere;    /* the PSW's address is nonsense: the frame at sp may be of one that called nobody */
    struct linux_frame *frames;
    size_t n, max;
    const char *why; /* it is broken */
};

const char *linux_stack_name(enum linux_stack stack)
{
    static const char *const names[] = {"unknown", "task",    "interruption",
                                        "DAT-off", "restart", "machine-check"};
    return (unsigned)stack < sizeof names / sizeof *names ? names[stack] : names[STACK_UNKNOWN];
}

/* ---- which stacks there are ---- */

/* The lowcore has r15 as it is at the beginning of each stack, one after the other: kernel_stack,
 * async_stack, nodat_stack, restart_stack, mcck_stack. Where that is changes from release to release, but
 * they are at the same place near the end of their stacks, which nothing else in the lowcore is. */
static bool are_stacks(const uint8_t *five, uint64_t size)
{
    uint64_t at = load_be64(five) & (size - 1);
    if (at & 7 || size - at < FRAME_BYTES + 128 || size - at > FRAME_BYTES + 0x400)
        return false;
    for (unsigned i = 0; i < STACKS; i++)
        if ((load_be64(five + 8 * i) & (size - 1)) != at || load_be64(five + 8 * i) < size)
            return false;
    return true;
}

static void know_stacks(struct walk *w, const uint8_t *five, uint64_t size)
{
    for (unsigned i = 0; i < STACKS; i++) {
        uint64_t begin = load_be64(five + 8 * i) & ~(size - 1);
        w->known[i] = (struct stack){STACK_TASK + i, begin, begin + size};
    }
    w->nknown = STACKS;
}

static void find_stacks(struct walk *w, unsigned cpu)
{
    static const uint64_t sizes[] = {STACK_BYTES_KASAN, STACK_BYTES};
    uint8_t lowcore[0x1000];
    if (!linux_read_lowcore(w->g, cpu, lowcore, sizeof lowcore))
        return;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t at = 0x200; at + 8 * STACKS <= sizeof lowcore; at += 8)
            if (are_stacks(lowcore + at, sizes[i])) {
                know_stacks(w, lowcore + at, sizes[i]);
                return;
            }
}

static struct stack stack_of(const struct walk *w, uint64_t sp)
{
    uint64_t begin = sp & ~(uint64_t)(STACK_BYTES - 1);
    for (unsigned i = 0; i < w->nknown; i++)
        if (sp >= w->known[i].begin && sp < w->known[i].end)
            return w->known[i];
    return (struct stack){STACK_UNKNOWN, begin, begin + STACK_BYTES};
}

/* ---- code ---- */

static bool has_symbols(struct linux_guest *g)
{
    size_t n;
    return linux_symbol_count(g, &n, NULL) == 0;
}

/* Whether the instruction in front of pc is a call by r14: BRASL, BRAS, BAS or BASR. */
static bool follows_call(struct linux_guest *g, uint64_t pc)
{
    uint8_t code[6];
    if (pc < sizeof code || pc & 1 || linux_read(g, pc - sizeof code, code, sizeof code) != sizeof code)
        return false;
    return (code[0] == 0xc0 && code[1] == 0xe5) || (code[2] == 0xa7 && code[3] == 0xe5) ||
           (code[2] == 0x4d && code[3] >> 4 == 14) || (code[4] == 0x0d && code[5] >> 4 == 14);
}

/* A return address: behind a call in the kernel's text, as far as that is known. */
static bool is_return(struct linux_guest *g, uint64_t pc)
{
    struct linux_symbol s;
    return (linux_symbol_at(g, pc - 1, &s) ? linux_is_code(&s) : !has_symbols(g)) && follows_call(g, pc);
}

/* A PSW with bits that none has is garbage, whatever its problem-state bit says. */
static bool is_good(struct psw psw)
{
    return !(psw.mask & (PSW_UNASSIGNED | PSW_SHORT));
}

static bool is_user(struct psw psw)
{
    return is_good(psw) && psw.mask & PSW_PSTATE;
}

/* ---- the chain ---- */

static bool broken(struct walk *w, const char *why)
{
    w->why = why;
    return false;
}

/* The chain goes on at sp. False if it must not. */
static bool move(struct walk *w, uint64_t sp)
{
    if (sp & 7)
        return broken(w, "the back chain is no multiple of 8");
    if (sp >= w->in.begin && sp < w->in.end) {
        if (sp <= w->sp)
            return broken(w, "the back chain does not go up");
    } else {
        w->in = stack_of(w, sp);
        for (unsigned i = 0; i < w->nentered; i++)
            if (w->entered[i] == w->in.begin)
                return broken(w, "the back chain comes to a stack on which it was before");
        if (w->nentered == ENTERED_MAX)
            return broken(w, "the back chain goes through too many stacks");
        w->entered[w->nentered++] = w->in.begin;
    }
    w->sp = sp;
    return true;
}

static void push(struct walk *w, enum linux_frame_kind kind, uint64_t pc, struct psw psw)
{
    if (w->n == w->max)
        return;
    w->frames[w->n++] = (struct linux_frame){
        .kind = kind,
        .stack = w->in.kind,
        .sp = w->sp,
        .pc = pc,
        .psw_mask = psw.mask,
        .user = is_user(psw),
    };
}

static void push_call(struct walk *w, uint64_t pc)
{
    push(w, FRAME_CALL, pc, (struct psw){0, 0});
}

/* The caller of a function with a frame that calls nobody, and so leaves r14 alone: what is in the place for
 * r14, in the caller's frame, is old. */
static bool caller_of_leaf(struct walk *w, uint64_t r14, uint64_t r15, uint64_t *ret, uint64_t *sp)
{
    *ret = r14;
    return linux_read_u64(w->g, r15 + FRAME_BACK_CHAIN, sp) && *sp && is_return(w->g, r14);
}

/* The address in a disabled wait's PSW is one that somebody chose: the function may have its frame already.
 */
static bool caller_in_wait(struct walk *w, uint64_t r14, uint64_t r15, uint64_t *ret, uint64_t *sp)
{
    uint64_t saved;
    return caller_of_leaf(w, r14, r15, ret, sp) &&
           !(linux_read_u64(w->g, *sp + FRAME_R14, &saved) && is_return(w->g, saved));
}

/* The caller where registers say it, not the back chain: of a function that has not got its frame yet, has
 * none any more or never has one, and where the PSW's address is nonsense. sp is what its r15 is. */
static bool caller_by_registers(struct walk *w, struct psw psw, uint64_t r14, uint64_t r15, uint64_t *ret,
                                uint64_t *sp)
{
    struct linux_prologue p = {0};
    struct linux_symbol s;
    bool known = is_good(psw) && linux_symbol_at(w->g, psw.addr, &s) && linux_is_code(&s);
    *ret = r14;
    if (!known && !has_symbols(w->g))
        return false;
    if (known && psw_disabled_wait(psw.mask) && psw.addr != s.addr)
        return caller_in_wait(w, r14, r15, ret, sp);
    if (known)
        linux_prologue(w->g, s.addr, psw.addr, &p);
    if (p.chained)
        return !p.saved && caller_of_leaf(w, r14, r15, ret, sp);
    *sp = r15 + (uint64_t)p.grown;
    if (p.saved && !linux_read_u64(w->g, *sp + (uint64_t)p.saved_at, ret))
        return false;
    w->nowhere = !known;
    return is_return(w->g, *ret);
}

/* One that was interrupted at a PSW, or stands there. */
static bool interrupted(struct walk *w, enum linux_frame_kind kind, struct psw psw, uint64_t r14)
{
    uint64_t ret, sp;
    psw.addr = psw_wrap(psw.mask, psw.addr);
    push(w, kind, psw.addr, psw);
    if (is_user(psw))
        return false;
    if (!caller_by_registers(w, psw, r14, w->sp, &ret, &sp))
        return true;
    if (sp != w->sp && !move(w, sp))
        return false;
    push_call(w, ret);
    return true;
}

/* A back chain of 0: registers lie behind the frame, of user space at the end of a task's stack, of nothing
 * (r15 is 0) at the end of a kernel thread's, else of what was interrupted. */
static bool next_by_regs(struct walk *w)
{
    uint8_t regs[REGS_BYTES];
    uint64_t at = w->sp + FRAME_BYTES;
    if (at < w->sp || at + REGS_BYTES > w->in.end || linux_read(w->g, at, regs, sizeof regs) != sizeof regs)
        return false;
    struct psw psw = {load_be64(regs + REGS_PSW), load_be64(regs + REGS_PSW + 8)};
    uint64_t r14 = load_be64(regs + REGS_GPRS + 8 * 14), r15 = load_be64(regs + REGS_GPRS + 8 * 15);
    if (is_user(psw)) {
        push(w, FRAME_PT_REGS, psw_wrap(psw.mask, psw.addr), psw);
        w->frames[w->n - 1].sp = r15;
        return false;
    }
    if (r15 == 0)
        return false;
    if (!is_good(psw) || !(psw.mask & PSW_BA))
        return broken(w, "the back chain ends in the middle of a stack, where no registers were saved");
    return move(w, r15) && interrupted(w, FRAME_PT_REGS, psw, r14);
}

/* The next frame; false at the end. */
static bool next(struct walk *w)
{
    uint64_t chain, pc;
    if (!linux_read_u64(w->g, w->sp + FRAME_BACK_CHAIN, &chain))
        return broken(w, "the stack cannot be read where r15 or the back chain points");
    if (chain == 0)
        return next_by_regs(w);
    if (!move(w, chain))
        return false;
    if (!linux_read_u64(w->g, w->sp + FRAME_R14, &pc))
        return broken(w, "the stack cannot be read where the back chain points");
    if (w->in.kind == STACK_UNKNOWN && w->nknown && !is_return(w->g, pc))
        return broken(w, "the back chain leaves the CPU's stacks");
    if (pc == 0)
        return false;
    if (!w->nowhere || is_return(w->g, pc))
        push_call(w, pc);
    w->nowhere = false;
    return true;
}

/* ---- a broken chain ---- */

/* What else of the stack could be return addresses, from the last frame up. */
static void guess(struct walk *w)
{
    uint64_t values[64], from = (w->sp | 7) + 1 + FRAME_BYTES - 8;
    size_t last = w->n + GUESSES_MAX < w->max ? w->n + GUESSES_MAX : w->max;
    for (uint64_t at = from; at >= w->in.begin && at < w->in.end && w->n < last; at += sizeof values) {
        size_t len = w->in.end - at < sizeof values ? (size_t)(w->in.end - at) : sizeof values;
        size_t got = linux_read(w->g, at, values, len) / 8;
        for (size_t i = 0; i < got && w->n < last; i++)
            if (is_return(w->g, be64toh(values[i])))
                w->frames[w->n++] = (struct linux_frame){
                    .kind = FRAME_GUESS, .stack = w->in.kind, .sp = at + 8 * i, .pc = be64toh(values[i])};
    }
}

static size_t finish(struct walk *w, bool going, const char **why)
{
    struct stack in = w->in;
    uint64_t sp = w->sp;
    while (going && w->n < w->max) {
        in = w->in;
        sp = w->sp;
        going = next(w);
    }
    if (going)
        w->why = "there are more frames than are shown";
    else if (w->why) {
        w->in = in; /* as far as it was good */
        w->sp = sp;
        guess(w);
    }
    *why = w->why;
    return w->n;
}

/* ---- from where ---- */

static uint64_t reg(struct linux_guest *g, unsigned cpu, unsigned number)
{
    uint64_t value;
    linux_reg(g, cpu, number, &value);
    return value;
}

static void start_at(struct walk *w, uint64_t sp)
{
    w->sp = sp;
    w->in = stack_of(w, sp);
    w->entered[0] = w->in.begin;
    w->nentered = 1;
}

/* Where the CPU stands, and, if that is at the beginning of a handler, what was interrupted. */
static bool first_frames(struct walk *w, unsigned cpu, struct psw psw)
{
    struct linux_interrupted i = {.r14 = reg(w->g, cpu, REG_R0 + 14), .r15 = reg(w->g, cpu, REG_R0 + 15)};
    struct linux_symbol s;
    start_at(w, i.r15);
    if (is_user(psw) || !linux_symbol_at(w->g, psw.addr, &s) ||
        !linux_interrupted(w->g, cpu, &s, psw.addr, &i))
        return interrupted(w, FRAME_CPU, psw, i.r14);
    push(w, FRAME_CPU, psw.addr, psw);
    start_at(w, i.r15);
    return interrupted(w, FRAME_PT_REGS, i.psw, i.r14);
}

size_t linux_backtrace(struct linux_guest *g, unsigned cpu, struct linux_frame *frames, size_t max,
                       const char **why)
{
    struct psw psw = {reg(g, cpu, REG_PSWM), reg(g, cpu, REG_PSWA)};
    return linux_backtrace_at(g, cpu, psw, frames, max, why);
}

size_t linux_backtrace_at(struct linux_guest *g, unsigned cpu, struct psw psw, struct linux_frame *frames,
                          size_t max, const char **why)
{
    struct walk w = {.g = g, .frames = frames, .max = max};
    *why = NULL;
    if (max == 0)
        return 0;
    find_stacks(&w, cpu);
    return finish(&w, first_frames(&w, cpu, psw), why);
}

size_t linux_backtrace_task(struct linux_guest *g, uint64_t sp, struct linux_frame *frames, size_t max,
                            const char **why)
{
    struct walk w = {.g = g, .frames = frames, .max = max, .sp = sp};
    uint64_t pc = 0;
    *why = NULL;
    if (max == 0)
        return 0;
    w.in = stack_of(&w, sp);
    w.in.kind = STACK_TASK;
    w.known[w.nknown++] = w.in;
    w.entered[w.nentered++] = w.in.begin;
    if (!linux_read_u64(g, sp + FRAME_R14, &pc))
        w.why = "the task's stack cannot be read";
    push(&w, FRAME_CPU, pc, (struct psw){0, 0});
    return finish(&w, !w.why, why);
}

/* ---- in words ---- */

/* A call that does not return may be the last instruction of its function: the kernel then names the function
 * behind it, and so do we, but say who called. */
static void add_caller(struct linux_guest *g, uint64_t pc, struct words *w)
{
    struct linux_symbol s;
    if (linux_symbol_at(g, pc, &s) && s.addr == pc && linux_symbol_at(g, pc - 1, &s))
        words_add(w, ", called from %s+0x%llx", s.name, (unsigned long long)(pc - s.addr));
}

char *linux_frame_describe(struct linux_guest *g, const struct linux_frame *f, char *buf, size_t size)
{
    char symbol[LINUX_NAME_BYTES + 64];
    struct linux_symbol found;
    struct words w = {buf, size, 0};
    words_add(&w, "%016llx", (unsigned long long)f->pc);
    if (f->user)
        words_add(&w, " user space");
    else if (linux_symbol_at(g, f->pc, &found))
        words_add(&w, " %s", linux_symbolise(g, f->pc, symbol, sizeof symbol));
    if (!f->user && (f->kind == FRAME_CALL || f->kind == FRAME_GUESS))
        add_caller(g, f->pc, &w);
    return buf;
}
