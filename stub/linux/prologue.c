/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a function has done to its stack when it stands at an instruction: read off its code between its entry
 * and there. The ABI's frames (s390x ELF ABI Supplement, "Stack Frame"), with -mbackchain: the function saves
 * r14 and others in its caller's frame, lowers r15, and stores the old r15 as back chain. */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* A function lowers r15 at its beginning, or behind a way out that needs no frame. */
#define CODE_MAX 4096u

/* The displacement of the long-displacement formats (RXY, RSY), 20 bits with their sign. */
static int32_t displacement(const uint8_t *insn)
{
    int32_t low = load_be16(insn + 2) & 0xfff;
    return low + insn[4] * 4096 - (insn[4] & 0x80 ? 0x100000 : 0);
}

static unsigned base(const uint8_t *insn)
{
    return insn[2] >> 4;
}

static bool is(const uint8_t *insn, uint8_t first, uint8_t last)
{
    return insn[0] == first && insn[5] == last;
}

/* By how much the instruction changes r15; 0 if it does not. */
static int64_t added_to_r15(const uint8_t *insn)
{
    if (insn[0] == 0xa7 && insn[1] == 0xfb) /* AGHI */
        return (int16_t)load_be16(insn + 2);
    if (insn[0] == 0xc2 && insn[1] == 0xf8) /* AGFI */
        return (int32_t)load_be32(insn + 2);
    if (insn[0] == 0xc2 && insn[1] == 0xf4) /* SLGFI */
        return -(int64_t)load_be32(insn + 2);
    if (is(insn, 0xe3, 0x71) && insn[1] == 0xf0 && base(insn) == 15) /* LAY */
        return displacement(insn);
    return 0;
}

/* Where r14 is saved, relative to r15; 0 if it is not. */
static int32_t saves_r14(const uint8_t *insn)
{
    unsigned first = insn[1] >> 4, last = insn[1] & 15u;
    if (is(insn, 0xeb, 0x24) && base(insn) == 15 && first <= 14 && last >= 14) /* STMG */
        return displacement(insn) + 8 * (int32_t)(14 - first);
    if (is(insn, 0xe3, 0x24) && insn[1] == 0xe0 && base(insn) == 15) /* STG */
        return displacement(insn);
    return 0;
}

/* LG and LGR: r15 comes from elsewhere, as where stacks are switched. */
static bool loads_r15(const uint8_t *insn)
{
    return (is(insn, 0xe3, 0x04) && insn[1] >> 4 == 15 && base(insn) != 15) ||
           (insn[0] == 0xb9 && insn[1] == 0x04 && insn[3] >> 4 == 15);
}

/* LMG and LG: r15 comes from where it was saved. */
static bool restores_r15(const uint8_t *insn)
{
    return (is(insn, 0xeb, 0x04) && (insn[1] & 15) == 15) ||
           (is(insn, 0xe3, 0x04) && insn[1] >> 4 == 15 && base(insn) == 15);
}

/* BR, J and JG: what follows is another path. */
static bool goes_away(const uint8_t *insn)
{
    return (insn[0] == 0x07 && insn[1] > 0xf0) || (insn[0] == 0xa7 && insn[1] == 0xf4) ||
           (insn[0] == 0xc0 && insn[1] == 0xf4);
}

static bool stores_chain(const uint8_t *insn)
{
    return is(insn, 0xe3, 0x24) && (insn[1] & 15) == 0 && base(insn) == 15 &&
           displacement(insn) == FRAME_BACK_CHAIN;
}

/* XC: a frame that is made by hand, in front of the registers of what was interrupted. */
static bool clears_chain(const uint8_t *insn)
{
    static const uint8_t xc[] = {0xd7, 0x07, 0xf0, FRAME_BACK_CHAIN, 0xf0, FRAME_BACK_CHAIN};
    return memcmp(insn, xc, sizeof xc) == 0;
}

static void follow(const uint8_t *insn, struct linux_prologue *p)
{
    int32_t saved = saves_r14(insn);
    if (stores_chain(insn) && p->grown)
        p->chained = true;
    else if (saved && !p->saved && !p->grown) {
        p->saved = true;
        p->saved_at = saved;
    }
    if (loads_r15(insn) || clears_chain(insn))
        p->chained = p->saved = true;
    p->grown -= added_to_r15(insn);
}

void linux_prologue(struct linux_guest *g, uint64_t entry, uint64_t pc, struct linux_prologue *out)
{
    uint8_t code[CODE_MAX + 6] = {0};
    size_t before = pc - entry < CODE_MAX ? (size_t)(pc - entry) : CODE_MAX;
    size_t got = linux_read(g, entry, code, before + 6);
    *out = (struct linux_prologue){0};
    if (got < before + 2) { /* as if there was a frame: its back chain will say */
        out->chained = out->saved = true;
        return;
    }
    bool restored = false;
    for (size_t at = 0; at < before; at += insn_length(code[at])) {
        if (!out->chained)
            follow(code + at, out);
        restored = restores_r15(code + at) || (restored && !goes_away(code + at));
    }
    if (restored && entry + before == pc) /* on its way out: as if it had done nothing yet */
        *out = (struct linux_prologue){0};
}
