/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine has to know of instructions (Principles, chapters 5, 7 and 10, appendix B). Pure functions.
 */
#include "zgdbd/psw.h"

/* By the first byte alone: loads, stores, arithmetic, comparison, shifts. */
static bool plain(uint8_t op)
{
    return (op >= 0x10 && op <= 0x3f) || (op >= 0x40 && op <= 0x43) || (op >= 0x48 && op <= 0x4c) ||
           (op >= 0x54 && op <= 0x7f) || op == 0x50 || (op >= 0x88 && op <= 0x98) || op == 0x9a ||
           op == 0x9b || op == 0xa5 || op == 0xa8 || op == 0xa9 || op == 0xb3 || op == 0xba || op == 0xbb ||
           (op >= 0xbd && op <= 0xbf) || op == 0xc2 || op == 0xc4 || (op >= 0xd1 && op <= 0xd7) ||
           op == 0xdc || op == 0xdd || op == 0xed;
}

/* The sixth byte of RIE: rotate and select, add immediate; the rest is compare and branch. */
static bool plain_rie(uint8_t op)
{
    return (op >= 0x54 && op <= 0x5d) || op == 0x51 || op == 0x42 || op == 0x46 || op == 0x4e ||
           (op >= 0xd8 && op <= 0xdb);
}

/* Those are named that compilers use; a doubt is a no. */
bool insn_goes_on(const uint8_t *insn)
{
    switch (insn[0]) {
    case 0x07: /* BCR that cannot branch */
        return !(insn[1] & 0xf0) || !(insn[1] & 15);
    case 0x47: /* BC */
        return !(insn[1] & 0xf0);
    case 0xa7:
    case 0xc0: /* BRC, BRCL; BRAS, BRCT, BRCTG, BRASL */
        if ((insn[1] & 15) == 4)
            return !(insn[1] & 0xf0);
        return (insn[1] & 15) < 4 || (insn[1] & 15) > 7;
    case 0xb9: /* below EPSW but for BCTGR, and those with three operands */
        return (insn[1] < 0x8a && insn[1] != 0x46) || insn[1] >= 0xe0;
    case 0xe3: /* BCTG, BIC */
        return insn[5] != 0x46 && insn[5] != 0x47;
    case 0xe5: /* MVHI, CLHHSI and the like */
        return insn[1] >= 0x44 && insn[1] <= 0x5d;
    case 0xeb: /* LCTLG, BXHG, BXLEG, LPSWEY */
        return insn[5] != 0x2f && insn[5] != 0x44 && insn[5] != 0x45 && insn[5] != 0x71;
    case 0xec:
        return plain_rie(insn[5]);
    default:
        return plain(insn[0]);
    }
}

static enum insn_masks masks_b2(uint8_t op)
{
    switch (op) {
    case 0xb2: /* LPSWE */
        return INSN_MASKS_LOADED;
    case 0x14: /* SIE, PC, BAKR, TRAP4 */
    case 0x18:
    case 0x40:
    case 0xff:
        return INSN_MASKS_HIDDEN;
    default:
        return INSN_MASKS_ALONE;
    }
}

enum insn_masks insn_masks(const uint8_t *insn)
{
    switch (insn[0]) {
    case 0x01: /* PR, TRAP2 */
        return insn[1] == 0x01 ? INSN_MASKS_LOADED : insn[1] == 0xff ? INSN_MASKS_HIDDEN : INSN_MASKS_ALONE;
    case 0x44: /* EX */
        return INSN_MASKS_EXECUTE;
    case 0x80: /* SSM */
        return INSN_MASKS_SET;
    case 0x82: /* LPSW */
        return INSN_MASKS_LOADED;
    case 0xac: /* STNSM */
        return INSN_MASKS_AND;
    case 0xad: /* STOSM */
        return INSN_MASKS_OR;
    case 0xb2:
        return masks_b2(insn[1]);
    case 0xb9: /* EPSW */
        return insn[1] == 0x8d ? INSN_MASKS_READ : INSN_MASKS_ALONE;
    case 0xc6: /* EXRL */
        return (insn[1] & 15) == 0 ? INSN_MASKS_EXECUTE : INSN_MASKS_ALONE;
    case 0xeb: /* LPSWEY */
        return insn[5] == 0x71 ? INSN_MASKS_LOADED : INSN_MASKS_ALONE;
    default:
        return INSN_MASKS_ALONE;
    }
}
