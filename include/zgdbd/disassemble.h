/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine code in words. Pure functions over bytes that a guest wrote: every sequence of bytes has its
 * instructions, for the first two bits of each tell how long it is, whether it is one that is known or not
 * (Principles, chapter 5, "Instruction Formats"). */
#ifndef ZGDBD_DISASSEMBLE_H
#define ZGDBD_DISASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_TEXT_BYTES 96

struct insn_line {
    uint64_t addr;
    uint8_t bytes[6];
    uint8_t length;             /* 2, 4 or 6; fewer at the end of the code */
    bool has_target;            /* it names an address relative to its own: a branch, LARL, EXRL... */
    uint64_t target;            /* wrapped to 64 bits */
    char text[INSN_TEXT_BYTES]; /* "lg %r2, 0(%r1)"; what is no instruction: ".word 0x0000, 0x1234" */
};

/* The instructions in the n bytes from code on, which is at address addr: at most max. Returns how many. */
size_t disassemble(const uint8_t *code, size_t n, uint64_t addr, struct insn_line *out, size_t max);

/* Where to begin so that up to `want` instructions in front of code[at] are seen whole and the next one
 * begins at code[at]: an offset of at most `at`. begins says that one begins at code[0] (a function's first);
 * if the lengths do not lead from there to code[at] (data in between), or that is not known, the farthest
 * place from which they do is taken. */
size_t disassemble_from(const uint8_t *code, size_t at, bool begins, unsigned want);

/* insn_text.c: an instruction that the library does not know, at this address. False, and nothing is written,
 * if it is none of those. insn is six bytes, or fewer if it is shorter. */
bool insn_other_text(const uint8_t *insn, uint64_t addr, char *buf, size_t size);

#endif
