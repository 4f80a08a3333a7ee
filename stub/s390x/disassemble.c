/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine code in words: libcapstone tells of most instructions, insn_text.c of those that it lacks. Where
 * instructions begin is found here. */
#include "zgdbd/disassemble.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/psw.h"
#include "zgdbd/words.h"

/* ---- what an instruction names relative to itself ---- */

/* Of the compare-and-branch instructions by the sixth byte: those with a relative target. */
static bool relative_rie(uint8_t op)
{
    return op == 0x44 || op == 0x45 || op == 0x64 || op == 0x65 || op == 0x76 || op == 0x77 ||
           (op >= 0x7c && op <= 0x7f);
}

/* The halfwords from the instruction to what it names; false if it names nothing so. */
static bool relative_operand(const uint8_t *insn, int32_t *halfwords)
{
    uint8_t low = insn[1] & 15;

    switch (insn[0]) {
    case 0xa7: /* BRC, BRAS, BRCT, BRCTG */
        *halfwords = (int16_t)load_be16(insn + 2);
        return low >= 4 && low <= 7;
    case 0x84: /* BRXH, BRXLE */
    case 0x85:
        *halfwords = (int16_t)load_be16(insn + 2);
        return true;
    case 0xec:
        *halfwords = (int16_t)load_be16(insn + 2);
        return relative_rie(insn[5]);
    case 0xc0: /* LARL, BRCL, BRASL */
        *halfwords = (int32_t)load_be32(insn + 2);
        return low == 0 || low == 4 || low == 5;
    case 0xc4: /* loads, stores and comparisons; EXRL */
    case 0xc6:
        *halfwords = (int32_t)load_be32(insn + 2);
        return true;
    default:
        return false;
    }
}

/* ---- one after the other ---- */

static void put_words(struct insn_line *line)
{
    struct words w = {line->text, sizeof line->text, 0};

    words_add(&w, line->length < 2 ? ".byte 0x%02x" : ".word", line->bytes[0]);
    for (unsigned i = 0; i + 1 < line->length; i += 2)
        words_add(&w, "%s 0x%04x", i ? "," : "", load_be16(line->bytes + i));
}

/* Of the library's text. */
static bool put_known(csh handle, struct insn_line *line)
{
    cs_insn *insn;
    size_t n = cs_disasm(handle, line->bytes, line->length, line->addr, 1, &insn);

    if (!n)
        return false;
    snprintf(line->text, sizeof line->text, "%.31s%s%.60s", insn->mnemonic, insn->op_str[0] ? " " : "",
             insn->op_str);
    cs_free(insn, n);
    return true;
}

/* handle: NULL if the library has no memory. */
static void put_insn(const csh *handle, struct insn_line *line)
{
    int32_t halfwords;

    if (line->length < insn_length(line->bytes[0]) || load_be16(line->bytes) == 0) {
        put_words(line);
        return;
    }
    if (!(handle && put_known(*handle, line)) &&
        !insn_other_text(line->bytes, line->addr, line->text, sizeof line->text)) {
        put_words(line);
        return;
    }
    if (relative_operand(line->bytes, &halfwords)) {
        line->has_target = true;
        line->target = line->addr + (uint64_t)((int64_t)halfwords * 2);
    }
}

size_t disassemble(const uint8_t *code, size_t n, uint64_t addr, struct insn_line *out, size_t max)
{
    csh handle;
    bool has_handle = cs_open(CS_ARCH_SYSZ, CS_MODE_BIG_ENDIAN, &handle) == CS_ERR_OK;
    size_t at = 0, count = 0;

    while (at < n && count < max) {
        struct insn_line *line = &out[count++];
        size_t length = insn_length(code[at]);

        *line = (struct insn_line){.addr = addr + at, .length = (uint8_t)(length < n - at ? length : n - at)};
        memcpy(line->bytes, code + at, line->length);
        put_insn(has_handle ? &handle : NULL, line);
        at += line->length;
    }
    if (has_handle)
        cs_close(&handle);
    return count;
}

/* ---- where instructions begin ---- */

#define WANT_MAX 64u

/* Goes from one instruction to the next. Returns the beginning of the last but `want` in front of code[at],
 * or at + 1 if the way leads past it. */
static size_t walk(const uint8_t *code, size_t from, size_t at, unsigned want)
{
    size_t last[WANT_MAX];
    unsigned count = 0;
    size_t pos = from;

    while (pos < at) {
        last[count++ % want] = pos;
        pos += insn_length(code[pos]);
    }
    if (pos > at)
        return at + 1;
    return count == 0 ? at : count < want ? from : last[count % want];
}

size_t disassemble_from(const uint8_t *code, size_t at, bool begins, unsigned want)
{
    size_t found = at + 1;
    size_t reach;

    want = want < WANT_MAX ? want : WANT_MAX;
    if (want == 0)
        return at;
    if (begins)
        found = walk(code, 0, at, want);
    /* Ways from several places soon become one, so that of a few more instructions than are wanted the last
     * are right. */
    reach = 6 * (size_t)want;
    for (size_t from = at > reach ? at - reach : at % 2; found > at && from <= at; from += 2)
        found = walk(code, from, at, want);
    return found;
}
