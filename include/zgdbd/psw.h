/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program-status word: its bits by their names in the z/Architecture Principles of Operation (SA22-7832,
 * chapter 4, "Program-Status-Word Format"), and its decoding into words. Pure functions over two host-order
 * numbers, the mask (bits 0-63) and the instruction address (bits 64-127). */
#ifndef ZGDBD_PSW_H
#define ZGDBD_PSW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct psw {
    uint64_t mask;
    uint64_t addr;
};

#define PSW_PER 0x4000000000000000ULL /* R: program-event recording */
#define PSW_DAT 0x0400000000000000ULL /* T: dynamic address translation */
#define PSW_IO 0x0200000000000000ULL  /* I: input/output interruptions */
#define PSW_EXT 0x0100000000000000ULL /* E: external interruptions */
#define PSW_KEY 0x00F0000000000000ULL /* access key */
#define PSW_SHORT                                                                                            \
    0x0008000000000000ULL /* bit 12: one in a short (ESA/390) PSW, zero in a z/Architecture one */
#define PSW_MCHECK 0x0004000000000000ULL /* M: machine checks */
#define PSW_WAIT 0x0002000000000000ULL   /* W */
#define PSW_PSTATE 0x0001000000000000ULL /* P: problem state */
#define PSW_ASC 0x0000C00000000000ULL    /* AS: address-space control */
#define PSW_ASC_PRIMARY 0x0000000000000000ULL
#define PSW_ASC_ACCREG 0x0000400000000000ULL
#define PSW_ASC_SECONDARY 0x0000800000000000ULL
#define PSW_ASC_HOME 0x0000C00000000000ULL
#define PSW_CC 0x0000300000000000ULL /* condition code */
#define PSW_CC_SHIFT 44
#define PSW_PM 0x00000F0000000000ULL         /* program mask */
#define PSW_RI 0x0000008000000000ULL         /* runtime instrumentation */
#define PSW_EA 0x0000000100000000ULL         /* extended addressing */
#define PSW_BA 0x0000000080000000ULL         /* basic addressing */
#define PSW_UNASSIGNED 0xB800007E7FFFFFFFULL /* bits 0, 2-4, 25-30 and 33-63: zero */

/* An instruction address wrapped to the PSW's addressing mode: 24, 31 or 64 bits. EA one with BA zero is not
 * a valid mode and counts as 64. */
uint64_t psw_wrap(uint64_t mask, uint64_t addr);

/* True if no interruption can end this wait: W is one and I, E and M are zero. */
bool psw_disabled_wait(uint64_t mask);

/* True if W is one and at least one of I, E, M is. */
bool psw_enabled_wait(uint64_t mask);

static inline unsigned psw_cc(uint64_t mask)
{
    return (unsigned)(mask >> PSW_CC_SHIFT) & 3;
}

static inline uint64_t psw_with_cc(uint64_t mask, unsigned cc)
{
    return (mask & ~PSW_CC) | ((uint64_t)(cc & 3) << PSW_CC_SHIFT);
}

/* Length in bytes (2, 4 or 6) of the instruction whose first byte this is (Principles, "Instruction
 * Formats"). */
static inline unsigned insn_length(uint8_t first_byte)
{
    static const uint8_t length[4] = {2, 4, 4, 6};
    return length[first_byte >> 6];
}

/* Whether the instruction of which these are the six bytes (or fewer, if it is shorter) ends either with the
 * PSW at the next one in storage, or in a program interruption, and neither depends on the PSW's interruption
 * masks nor changes them. False if that is not known. */
bool insn_goes_on(const uint8_t *insn);

/* What an instruction does with the PSW's interruption masks (I, E and M). An interruption that ends it
 * stores them in the old PSW; that is not meant here. */
enum insn_masks {
    INSN_MASKS_ALONE,   /* nothing */
    INSN_MASKS_LOADED,  /* LPSW, LPSWE, LPSWEY, PR: the whole PSW comes from storage */
    INSN_MASKS_SET,     /* SSM: I and E come from storage */
    INSN_MASKS_AND,     /* STNSM: I and E are stored, and then AND I2 */
    INSN_MASKS_OR,      /* STOSM */
    INSN_MASKS_READ,    /* EPSW */
    INSN_MASKS_HIDDEN,  /* BAKR, PC, TRAP, SIE: stored in, or taken from, control blocks */
    INSN_MASKS_EXECUTE, /* EX, EXRL: what the executed instruction does */
};
enum insn_masks insn_masks(const uint8_t *insn); /* six bytes, or fewer if it is shorter */

/* Writes one line, for example "0002000180000000 000000000010fdee: disabled wait, supervisor state, primary
 * space, DAT off, key 0, cc 0, program mask 0, 64-bit", into buf (always terminated) and returns buf. 160
 * bytes hold every PSW. */
char *psw_describe(struct psw psw, char *buf, size_t size);

/* Writes a line for each field with its bits, its letter in the Principles if it has one, its name and its
 * value, and one for whatever makes the PSW invalid (Principles, chapter 6, "Early Exception Recognition").
 * 2000 bytes hold every PSW. */
char *psw_fields(struct psw psw, char *buf, size_t size);

/* The last of these alone: a line for whatever makes the PSW invalid, or leads to no instruction; "" if there
 * is nothing. 600 bytes hold every PSW. */
char *psw_faults(struct psw psw, char *buf, size_t size);

#endif
