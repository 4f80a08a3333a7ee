/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the notes in which a dump has a CPU's registers. */
#include "zgdbd/corenote.h"

#include <elf.h>

#include "zgdbd/regs.h"

/* struct elf_prstatus of s390x ends with orig_gpr2, pr_fpvalid and padding, in which there is no register. */
const struct core_note core_notes[CORE_NOTES] = {
    {"CORE", NT_PRSTATUS, 336, 320, {{112, REG_PSWM, 2, 0}, {128, REG_R0, 16, 0}, {256, REG_A0, 16, 0}}},
    {"CORE", NT_PRFPREG, 136, 136, {{0, REG_FPC, 1, 0}, {8, REG_F0, 16, 0}}},
    {"LINUX", NT_S390_TIMER, 8, 8, {{0, REG_CPUTM, 1, 0}}},
    {"LINUX", NT_S390_TODCMP, 8, 8, {{0, REG_CKC, 1, 0}}},
    {"LINUX", NT_S390_TODPREG, 4, 4, {{0, REG_TODPR, 1, 4}}},
    {"LINUX", NT_S390_CTRS, 128, 128, {{0, REG_C0, 16, 0}}},
    {"LINUX", NT_S390_PREFIX, 4, 4, {{0, REG_PREFIX, 1, 4}}},
    {"LINUX", NT_S390_LAST_BREAK, 8, 8, {{0, REG_LAST_BREAK, 1, 0}}},
    {"LINUX", NT_S390_VXRS_LOW, 128, 128, {{0, REG_V0L, 16, 0}}},
    {"LINUX", NT_S390_VXRS_HIGH, 256, 256, {{0, REG_V16, 16, 0}}},
    {"LINUX", NT_S390_GS_CB, 32, 32, {{8, REG_GSD, 3, 0}}},
    {"LINUX", NT_S390_RI_CB, 64, 64, {{0, REG_RICCB, 1, 0}}},
};
