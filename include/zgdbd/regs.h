/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of registers that a debugger sees. The target description, the packets g, G, p and P,
 * expedited registers and the monitor all come from it; an engine only maps the id to where it keeps the
 * value. The id is the register number of the protocol; it does not move when a feature is absent. Feature
 * and register names are those of gdb's gdb/features/s390*.xml and, for system state, QEMU's
 * gdb-xml/s390-*.xml; what neither has is in features of zgdbd's own, one for each part that a machine may
 * lack. */
#ifndef ZGDBD_REGS_H
#define ZGDBD_REGS_H

#include <stddef.h>
#include <stdint.h>

enum reg_feature {
    REG_CORE,     /* org.gnu.gdb.s390.core: pswm, pswa, r0-r15 */
    REG_ACR,      /* org.gnu.gdb.s390.acr: acr0-acr15 */
    REG_FPR,      /* org.gnu.gdb.s390.fpr: fpc, f0-f15 */
    REG_VX,       /* org.gnu.gdb.s390.vx: v0l-v15l, v16-v31 */
    REG_GS,       /* org.gnu.gdb.s390.gs: gsd, gssm, gsepla */
    REG_CR,       /* org.gnu.gdb.s390.cr: cr0-cr15 */
    REG_VIRT,     /* org.gnu.gdb.s390.virt: ckc, cputm, last_break, prefix */
    REG_VIRT_KVM, /* org.gnu.gdb.s390.virt.kvm: pp, pfault_token, pfault_select, pfault_compare */
    REG_CLOCK,    /* org.zgdbd.s390.tod: tod, tod_epoch, todpr */
    REG_D318,     /* org.zgdbd.s390.diag318: diag318 */
    REG_BPB,      /* org.zgdbd.s390.bpbc: bpbc */
    REG_ET,       /* org.zgdbd.s390.etoken: etoken, etoken_ext */
    REG_RI,       /* org.zgdbd.s390.ri: riccb */
    REG_FEATURES,
};

enum {
    REG_PSWM = 0,
    REG_PSWA = 1,
    REG_R0 = 2, /* 16 of them, and so on */
    REG_A0 = 18,
    REG_FPC = 34,
    REG_F0 = 35,
    REG_V0L = 51,
    REG_V16 = 67,
    REG_GSD = 83, /* gsd, gssm, gsepla */
    REG_GSSM = 84,
    REG_GSEPLA = 85,
    REG_C0 = 86,
    REG_CKC = 102,
    REG_CPUTM = 103,
    REG_LAST_BREAK = 104,
    REG_PREFIX = 105,
    REG_PP = 106,
    REG_PFT = 107,
    REG_PFS = 108,
    REG_PFC = 109,
    REG_TOD = 110,       /* the machine's TOD clock, as STORE CLOCK shows it: shared by all CPUs */
    REG_TOD_EPOCH = 111, /* the epoch index to its left, as STORE CLOCK EXTENDED shows it: 8 bits */
    REG_TODPR = 112,     /* the TOD programmable register: 32 bits */
    REG_DIAG318 = 113,   /* control-program information that the guest gave by DIAGNOSE 0x318 */
    REG_BPBC = 114,      /* branch-prediction blocking: 0 or 1 */
    REG_ETOKEN = 115,
    REG_ETOKEN_EXT = 116,
    REG_RICCB = 117, /* runtime-instrumentation controls: the 64 bytes that STORE RUNTIME INSTRUMENTATION
                        CONTROLS stores */
    REG_COUNT = 118,
};

#define REG_MAX_BYTES 64
#define REG_SCALAR_BYTES 8 /* what has more is no number */

struct reg_desc {
    const char *name;
    const char *type;  /* the type attribute of the target description, or NULL for a plain integer */
    const char *group; /* the group attribute, or NULL */
    uint8_t bytes;     /* 4, 8, 16 or 64 */
    uint8_t feature;   /* enum reg_feature */
};

/* REG_COUNT entries. In the protocol a register is its bytes, most significant first. */
extern const struct reg_desc reg_table[REG_COUNT];

/* "org.gnu.gdb.s390.core" and so on. */
const char *reg_feature_name(enum reg_feature feature);

/* The id of a register by name, or -1. */
int reg_by_name(const char *name);

/* The target description for the features of this bit mask (bit n is enum reg_feature n), as one
 * self-contained XML document: annex "target.xml" with every feature inline, architecture s390:64-bit, regnum
 * given for the first register of each feature and wherever the number is not the previous one plus one.
 * Returns its length; the text is in buf, terminated, if that is below size. Call with size 0 to learn the
 * length. */
size_t reg_target_xml(unsigned features, char *buf, size_t size);

#endif
