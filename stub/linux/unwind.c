/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How to get from a frame of the kernel to its caller's, as call-frame information for gdb (DWARF, chapter
 * 6.4). gdb's own guess fails here: it gives up at the patchable instruction with which each function begins,
 * and takes the back chain to be where the kernel does not have it (-mpacked-stack).
 *
 * A function has at most two parts. Up to where it stores its back chain it stands on its caller's stack, or
 * has just made room on it, and the return address is in %r14, or was just saved. From there on, as for code
 * that the prologue is not in, the back chain leads to the caller; where that is 0 a struct pt_regs lies
 * above the frame, and the chain goes on where it says. That is how the kernel unwinds itself
 * (arch/s390/kernel/unwind_bc.c), and with it code in assembler is right as well. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/psw.h"

/* Bytes of a function in which its back chain is looked for. */
#define SCAN_BYTES 4096u
#define WINDOW 0x10000u
/* So many windows are read. A kernel's code fills some hundred; functions could lie a window from each other,
 * or where none can be read. */
#define WINDOWS_MAX 4096u
#define INSN_BYTES 6u

/* ---- what the entries are made of ---- */

enum {
    REG_PSW_MASK = 64, /* columns of s390x; 0 to 15 are the general registers */
    REG_PSW_ADDRESS = 65,
    CFA_ADVANCE_LOC2 = 0x03,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_OFFSET_R14 = 0x80 | 14,
    R14_BELOW_CFA = 3, /* in units of 8 bytes */
};

/* The CFA is the caller's %r15 + 160. Constants are LEB128: 0xa0 0x01 is 160, 0x98 0x01 is 152. */
#define DEF_CFA_R15_160 0x0c, 0x0f, 0xa0, 0x01
#define R15_IS_CFA_160 0x14, 0x0f, 20 /* in units of -8 */
#define AT_R15(low, high) 0x7f, low, high
#define BACK_CHAIN_VALUE AT_R15(0x98, 0x01), 0x06

/* On entry to a function, and in one that never leaves its caller's stack. */
static const uint8_t frameless[] = {
    DEF_CFA_R15_160, R15_IS_CFA_160, 0x09, REG_PSW_ADDRESS, 14, /* in %r14 */
};

/* By the back chain. If that is 0, struct pt_regs is above the frame: %r15 at 304 from the frame's %r15, the
 * PSW's address at 176, %r14 at 296. Else it is the caller's %r15, and where it leads %r14 is saved, 24 below
 * the CFA. What the function has saved of other registers is not known. */
#define CFA_BY_CHAIN                                                                                         \
    0x0f, 16, BACK_CHAIN_VALUE, 0x12, 0x28, 0, 5, 0x13, AT_R15(0xb0, 0x02), 0x06, 0x23, 0xa0, 0x01
#define BY_CHAIN_OR_AT(reg, low, high)                                                                       \
    0x10, reg, 16, BACK_CHAIN_VALUE, 0x28, 0, 7, 0x13, AT_R15(low, high), 0x2f, 0, 2, 0x48, 0x1c
#define UNDEFINED(a, b) 0x07, a, 0x07, b
static const uint8_t chained[] = {
    CFA_BY_CHAIN,
    R15_IS_CFA_160,
    BY_CHAIN_OR_AT(REG_PSW_ADDRESS, 0xb0, 0x01),
    BY_CHAIN_OR_AT(14, 0xa8, 0x02),
    UNDEFINED(0, 1),
    UNDEFINED(2, 3),
    UNDEFINED(4, 5),
    UNDEFINED(6, 7),
    UNDEFINED(8, 9),
    UNDEFINED(10, 11),
    UNDEFINED(12, 13),
};

/* A function that calls nothing may have a frame, and not save %r14. */
static const uint8_t leaf[] = {
    CFA_BY_CHAIN, R15_IS_CFA_160, 0x09, REG_PSW_ADDRESS, 14,
};

/* An interruption's entry code: all registers are in struct pt_regs, %rN at 184 + 8 * N. */
#define SAVED(reg, low, high) 0x10, reg, 3, AT_R15(low, high)
#define CFA_IN_PT_REGS 0x0f, 7, AT_R15(0xb0, 0x02), 0x06, 0x23, 0xa0, 0x01
static const uint8_t interrupted[] = {
    CFA_IN_PT_REGS,
    R15_IS_CFA_160,
    SAVED(REG_PSW_MASK, 0xa8, 0x01),
    SAVED(REG_PSW_ADDRESS, 0xb0, 0x01),
    SAVED(0, 0xb8, 0x01),
    SAVED(1, 0xc0, 0x01),
    SAVED(2, 0xc8, 0x01),
    SAVED(3, 0xd0, 0x01),
    SAVED(4, 0xd8, 0x01),
    SAVED(5, 0xe0, 0x01),
    SAVED(6, 0xe8, 0x01),
    SAVED(7, 0xf0, 0x01),
    SAVED(8, 0xf8, 0x01),
    SAVED(9, 0x80, 0x02),
    SAVED(10, 0x88, 0x02),
    SAVED(11, 0x90, 0x02),
    SAVED(12, 0x98, 0x02),
    SAVED(13, 0xa0, 0x02),
    SAVED(14, 0xa8, 0x02),
};

static const uint8_t outermost[] = {
    DEF_CFA_R15_160, 0x07, REG_PSW_ADDRESS, /* undefined */
};

enum rule {
    RULE_FRAMELESS,
    RULE_CHAINED,
    RULE_LEAF,
    RULE_INTERRUPTED,
    RULE_OUTERMOST,
    RULES,
};

static const struct {
    const uint8_t *code;
    size_t size;
} rules[RULES] = {
    [RULE_FRAMELESS] = {frameless, sizeof frameless},
    [RULE_CHAINED] = {chained, sizeof chained},
    [RULE_LEAF] = {leaf, sizeof leaf},
    [RULE_INTERRUPTED] = {interrupted, sizeof interrupted},
    [RULE_OUTERMOST] = {outermost, sizeof outermost},
};

/* Nothing has called these, or only a program of the user's, and their pt_regs are the last. */
static const struct {
    const char *name;
    enum rule rule;
} special[] = {
    {"system_call", RULE_OUTERMOST},        {"ret_from_fork", RULE_OUTERMOST},
    {"startup_continue", RULE_OUTERMOST},   {"pgm_check_handler", RULE_INTERRUPTED},
    {"ext_int_handler", RULE_INTERRUPTED},  {"io_int_handler", RULE_INTERRUPTED},
    {"mcck_int_handler", RULE_INTERRUPTED},
};

/* ---- the section ---- */

#define CIE_HEAD 13u /* up to its instructions */
#define FDE_HEAD 24u
#define FDE_MAX (FDE_HEAD + 24u)

struct out {
    uint8_t *buf;
    size_t len;
    uint32_t cie[RULES];
};

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* The buffer is zero, and 0 is DW_CFA_nop. */
static void put_cie(struct out *o, enum rule rule)
{
    static const uint8_t head[CIE_HEAD] = {0,    0, 0, 0, 0xff, 0xff,           0xff,
                                           0xff, 1, 0, 1, 0x78, REG_PSW_ADDRESS};
    size_t size = padded(CIE_HEAD + rules[rule].size);
    uint8_t *at = o->buf + o->len;

    o->cie[rule] = (uint32_t)o->len;
    memcpy(at, head, sizeof head);
    memcpy(at + CIE_HEAD, rules[rule].code, rules[rule].size);
    store_be32(at, (uint32_t)(size - 4));
    o->len += size;
}

/* The beginning of a function, in bytes from its start on; 0: there is no such instruction. */
struct prologue {
    uint16_t saved;     /* behind the one that saves %r14, */
    uint16_t allocated; /* and the one that makes room on the stack, */
    uint32_t frame;     /* for so many bytes */
    uint64_t ends;      /* from here on the back chain is good */
};

static uint8_t *put_advance(uint8_t *code, unsigned bytes)
{
    *code++ = CFA_ADVANCE_LOC2;
    store_be16(code, (uint16_t)bytes);
    return code + 2;
}

static uint8_t *put_saved(uint8_t *code)
{
    *code++ = CFA_OFFSET_EXTENDED;
    *code++ = REG_PSW_ADDRESS;
    *code++ = R14_BELOW_CFA;
    *code++ = CFA_OFFSET_R14;
    *code++ = R14_BELOW_CFA;
    return code;
}

static uint8_t *put_allocated(uint8_t *code, uint32_t frame)
{
    uint32_t offset = frame + 160;

    *code++ = CFA_DEF_CFA_OFFSET;
    for (; offset > 0x7f; offset >>= 7)
        *code++ = (uint8_t)(offset | 0x80);
    *code++ = (uint8_t)offset;
    return code;
}

/* An entry for so many bytes from start on, as in p if there is one. */
static void put_fde(struct out *o, enum rule rule, uint64_t start, uint64_t bytes, const struct prologue *p)
{
    uint8_t *at = o->buf + o->len, *code = at + FDE_HEAD;
    unsigned done = 0;
    size_t size;

    if (p && p->saved) {
        code = put_saved(put_advance(code, p->saved));
        done = p->saved;
    }
    if (p && p->allocated)
        code = put_allocated(put_advance(code, p->allocated - done), p->frame);
    size = padded((size_t)(code - at));
    store_be32(at, (uint32_t)(size - 4));
    store_be32(at + 4, o->cie[rule]);
    store_be64(at + 8, start);
    store_be64(at + 16, bytes);
    o->len += size;
}

/* ---- functions ---- */

/* Code is read from lower addresses to higher, in large pieces. */
struct code {
    struct linux_guest *g;
    unsigned windows; /* that were read */
    uint64_t start;
    size_t have;
    uint8_t bytes[WINDOW];
};

/* The instruction at an address, with bytes of others behind it if it is short; NULL: it is not readable. */
static const uint8_t *insn_at(struct code *c, uint64_t addr)
{
    if (addr - c->start >= c->have || c->have - (addr - c->start) < INSN_BYTES) {
        c->start = addr;
        c->have = c->windows < WINDOWS_MAX ? linux_read(c->g, addr, c->bytes, sizeof c->bytes) : 0;
        c->windows++;
    }
    return c->have - (addr - c->start) < INSN_BYTES ? NULL : c->bytes + (addr - c->start);
}

/* STG %rX,152(%r15). */
static bool stores_back_chain(const uint8_t *i)
{
    return i[0] == 0xe3 && (i[1] & 0x0f) == 0 && i[2] == 0xf0 && i[3] == FRAME_BACK_CHAIN && i[4] == 0 &&
           i[5] == 0x24;
}

/* LAY, AGHI or AGFI that subtracts from %r15; how much, or 0. */
static uint32_t makes_room(const uint8_t *i)
{
    int32_t by = 0;

    if (i[0] == 0xe3 && i[1] == 0xf0 && i[2] >> 4 == 0xf && i[5] == 0x71)
        by = (int32_t)((uint32_t)(int32_t)(int8_t)i[4] << 12 | (i[2] & 0xfu) << 8 | i[3]);
    else if (i[0] == 0xa7 && i[1] == 0xfb)
        by = (int16_t)load_be16(i + 2);
    else if (i[0] == 0xc2 && i[1] == 0xf8)
        by = (int32_t)load_be32(i + 2);
    return by < 0 ? 0u - (uint32_t)by : 0;
}

/* BRASL, BRAS, BASR with %r14 for the return address. */
static bool calls(const uint8_t *i)
{
    return (i[0] == 0xc0 && i[1] == 0xe5) || (i[0] == 0xa7 && i[1] == 0xe5) ||
           (i[0] == 0x0d && i[1] >> 4 == 14 && i[1] & 0xf);
}

/* STMG %rX,%rY or STG %r14, where %r14 is saved in every frame. */
static bool saves_r14(const uint8_t *i)
{
    unsigned first = i[1] >> 4, last = i[1] & 0xf, at = i[3];

    if (i[2] != 0xf0 || i[4] != 0 || i[5] != 0x24)
        return false;
    if (i[0] == 0xe3)
        return first == 14 && last == 0 && at == FRAME_R14;
    return i[0] == 0xeb && first <= 14 && last >= 14 && at + 8 * (14 - first) == FRAME_R14;
}

static void find_prologue(struct code *c, const struct linux_symbol *f, struct prologue *p)
{
    uint64_t limit = f->size < SCAN_BYTES ? f->size : SCAN_BYTES;
    const uint8_t *insn;

    *p = (struct prologue){.ends = limit};
    for (uint64_t at = 0; at < limit && (insn = insn_at(c, f->addr + at)); at += insn_length(*insn)) {
        uint64_t next = at + insn_length(*insn);
        uint32_t frame = makes_room(insn);

        if (stores_back_chain(insn) || calls(insn)) {
            p->ends = calls(insn) ? at : next < limit ? next : limit;
            break;
        }
        if (saves_r14(insn) && !p->saved && !p->allocated)
            p->saved = (uint16_t)next;
        if (frame && !p->allocated) {
            p->allocated = (uint16_t)next;
            p->frame = frame;
        }
    }
}

/* gcc puts unlikely parts of a function elsewhere, under a name of their own: they are jumped to. */
static bool is_cold_part(const char *name)
{
    return strstr(name, ".cold") != NULL;
}

static void put_function(struct out *o, struct code *c, const struct linux_symbol *f)
{
    struct prologue p;

    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (strcmp(f->name, special[i].name) == 0) {
            put_fde(o, special[i].rule, f->addr, f->size, NULL);
            return;
        }
    if (is_cold_part(f->name))
        p = (struct prologue){.ends = 0};
    else
        find_prologue(c, f, &p);
    if (p.ends)
        put_fde(o, RULE_FRAMELESS, f->addr, p.ends, &p);
    if (p.ends < f->size)
        put_fde(o, p.allocated && !p.saved ? RULE_LEAF : RULE_CHAINED, f->addr + p.ends, f->size - p.ends,
                NULL);
}

uint8_t *linux_unwind_info(struct linux_guest *g, const struct linux_symbol *list, size_t n, size_t *size)
{
    struct code *c = malloc(sizeof *c);
    struct out o = {.len = 0};

    o.buf = calloc(1, RULES * 256 + n * (FDE_MAX + FDE_HEAD));
    if (!c || !o.buf) {
        free(c);
        free(o.buf);
        return NULL;
    }
    c->g = g;
    c->start = c->have = 0;
    c->windows = 0;
    for (enum rule rule = 0; rule < RULES; rule++)
        put_cie(&o, rule);
    for (size_t i = 0; i < n; i++)
        if (linux_is_code(&list[i]) && list[i].size && (i == 0 || list[i - 1].addr != list[i].addr))
            put_function(&o, c, &list[i]);
    free(c);
    *size = o.len;
    return o.buf;
}
