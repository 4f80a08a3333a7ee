/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The prefix area, field by field: a table of what the architecture keeps there, and the words for each field
 * (Principles, chapter 3, "Assigned Storage Locations"). What an operating system keeps in between is its
 * own. */
#include "zgdbd/lowcore.h"

#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/interruption.h"
#include "zgdbd/psw.h"
#include "zgdbd/words.h"

/* clang-format off */
const struct lowcore_field lowcore_fields[] = {
    {0x0000, 8, LOWCORE_NUMBER, "IPL PSW"},
    {0x0008, 8, LOWCORE_NUMBER, "IPL CCW 1"},
    {0x0010, 8, LOWCORE_NUMBER, "IPL CCW 2"},
    {0x0080, 4, LOWCORE_NUMBER, "external-interruption parameter"},
    {0x0084, 2, LOWCORE_NUMBER, "external-interruption CPU address"},
    {0x0086, 2, LOWCORE_EXTERNAL_CODE, "external-interruption code"},
    {0x0089, 1, LOWCORE_ILC, "SVC instruction-length code"},
    {0x008a, 2, LOWCORE_NUMBER, "SVC-interruption code"},
    {0x008d, 1, LOWCORE_ILC, "program instruction-length code"},
    {0x008e, 2, LOWCORE_PROGRAM_CODE, "program-interruption code"},
    {0x0090, 4, LOWCORE_NUMBER, "data-exception code, vector-exception code"},
    {0x0094, 2, LOWCORE_NUMBER, "monitor-class number"},
    {0x0096, 2, LOWCORE_PER_CODE, "PER code and ATMID"},
    {0x0098, 8, LOWCORE_NUMBER, "PER address"},
    {0x00a0, 1, LOWCORE_NUMBER, "exception access identification"},
    {0x00a1, 1, LOWCORE_NUMBER, "PER access identification"},
    {0x00a2, 1, LOWCORE_NUMBER, "operand access identification"},
    {0x00a3, 1, LOWCORE_NUMBER, "architectural-mode identification"},
    {0x00a8, 8, LOWCORE_TEID, "translation-exception identification"},
    {0x00b0, 8, LOWCORE_NUMBER, "monitor code"},
    {0x00b8, 4, LOWCORE_SUBSYSTEM, "subsystem-identification word"},
    {0x00bc, 4, LOWCORE_NUMBER, "I/O-interruption parameter"},
    {0x00c0, 4, LOWCORE_NUMBER, "I/O-interruption-identification word"},
    {0x00c8, 4, LOWCORE_NUMBER, "STFL facility list"},
    {0x00e8, 8, LOWCORE_MACHINE_CHECK, "machine-check-interruption code"},
    {0x00f4, 4, LOWCORE_NUMBER, "external-damage code"},
    {0x00f8, 8, LOWCORE_NUMBER, "failing-storage address"},
    {0x0100, 8, LOWCORE_NUMBER, "enhanced-monitor counter-array origin"},
    {0x0108, 4, LOWCORE_NUMBER, "enhanced-monitor counter-array size"},
    {0x010c, 4, LOWCORE_NUMBER, "enhanced-monitor exception count"},
    {0x0110, 8, LOWCORE_NUMBER, "breaking-event address"},
    {0x0120, 16, LOWCORE_PSW, "restart old PSW"},
    {0x0130, 16, LOWCORE_PSW, "external old PSW"},
    {0x0140, 16, LOWCORE_PSW, "supervisor-call old PSW"},
    {0x0150, 16, LOWCORE_PSW, "program old PSW"},
    {0x0160, 16, LOWCORE_PSW, "machine-check old PSW"},
    {0x0170, 16, LOWCORE_PSW, "input/output old PSW"},
    {0x01a0, 16, LOWCORE_PSW, "restart new PSW"},
    {0x01b0, 16, LOWCORE_PSW, "external new PSW"},
    {0x01c0, 16, LOWCORE_PSW, "supervisor-call new PSW"},
    {0x01d0, 16, LOWCORE_PSW, "program new PSW"},
    {0x01e0, 16, LOWCORE_PSW, "machine-check new PSW"},
    {0x01f0, 16, LOWCORE_PSW, "input/output new PSW"},
    {0x11b0, 8, LOWCORE_NUMBER, "machine-check-extended-save-area designation"},
    {0x11b8, 8, LOWCORE_NUMBER, "64-bit external-interruption parameter"},
    {0x1200, 128, LOWCORE_NUMBER, "floating-point-register save area"},
    {0x1280, 128, LOWCORE_NUMBER, "general-register save area"},
    {0x1300, 16, LOWCORE_PSW, "PSW save area"},
    {0x1318, 4, LOWCORE_NUMBER, "prefix save area"},
    {0x131c, 4, LOWCORE_NUMBER, "floating-point-control-register save area"},
    {0x1324, 4, LOWCORE_NUMBER, "TOD-programmable-register save area"},
    {0x1328, 8, LOWCORE_NUMBER, "CPU-timer save area"},
    {0x1331, 7, LOWCORE_CLOCK_COMPARATOR, "clock-comparator save area"},
    {0x1340, 64, LOWCORE_WORDS, "access-register save area"},
    {0x1380, 128, LOWCORE_NUMBER, "control-register save area"},
    {0x1800, 256, LOWCORE_NUMBER, "program-interruption transaction diagnostic block"},
};
/* clang-format on */
const size_t lowcore_nfields = sizeof lowcore_fields / sizeof *lowcore_fields;

bool lowcore_is_zero(const struct lowcore_field *f, const uint8_t *lowcore)
{
    for (unsigned i = 0; i < f->bytes; i++)
        if (lowcore[f->at + i])
            return false;
    return true;
}

/* ---- text ---- */

static void add_hex(struct words *t, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        words_add(t, "%02x", bytes[i]);
}

/* Registers or the like: groups of so many bytes, 32 to a line. */
static void add_block(struct words *t, const uint8_t *bytes, unsigned n, unsigned group)
{
    for (unsigned i = 0; i < n; i += group) {
        words_add(t, "%s", i % 32 ? " " : "\n  ");
        add_hex(t, bytes + i, group);
    }
}

static void add_psw(struct words *t, const uint8_t *at)
{
    char line[192];

    words_add(t, "%s", psw_describe((struct psw){load_be64(at), load_be64(at + 8)}, line, sizeof line));
}

static void add_named(struct words *t, const char *name)
{
    if (name && *name)
        words_add(t, ": %s", name);
}

/* The events of the PER code are those of CR9's first byte; the ATMID after it has what the PSW said of
 * addressing mode and translation (Principles, chapter 4, "Program-Event Recording"). */
static void add_per(struct words *t, const uint8_t *at)
{
    static const char *const events[8] = {"successful branching",     "instruction fetching",
                                          "storage alteration",       "storage-key alteration",
                                          "store using real address", "zero-address detection",
                                          "transaction end",          "instruction-fetching nullification"};
    const char *between = ": ";

    for (unsigned bit = 0; bit < 8; bit++)
        if (at[0] & 0x80 >> bit) {
            words_add(t, "%s%s", between, events[bit]);
            between = ", ";
        }
    if (!(at[1] & 0x40))
        return;
    words_add(t, "%s%s", between, at[1] & 0x80 ? "64-bit" : at[1] & 0x20 ? "31-bit" : "24-bit");
    words_add(t, at[1] & 0x10 ? ", DAT on" : ", DAT off");
}

/* What it means depends on the program interruption, which is beside it. */
static void add_teid(struct words *t, const uint8_t *lowcore)
{
    char text[100];

    add_named(t, translation_exception_text(load_be16(lowcore + 0x8e), load_be64(lowcore + 0xa8), text,
                                            sizeof text));
}

static void add_machine_check(struct words *t, uint64_t mcic)
{
    char text[400];

    add_named(t, machine_check_text(mcic, text, sizeof text));
    for (unsigned bit = 0, n = 0; bit < 64; bit++) {
        const char *name = mcic >> (63 - bit) & 1 ? code_name(CODES_MACHINE_CHECK, bit) : NULL;
        size_t len = name ? strlen(name) : 0;

        if (len > 9 && strcmp(name + len - 9, " validity") == 0)
            words_add(t, "%s%.*s", n++ ? ", " : "\n  valid: ", (int)(len - 9), name);
    }
}

/* Behind the number, what it means. */
static void add_meaning(struct words *t, const struct lowcore_field *f, const uint8_t *lowcore)
{
    const uint8_t *at = lowcore + f->at;
    char text[80];

    switch (f->form) {
    case LOWCORE_EXTERNAL_CODE:
        add_named(t, code_name(CODES_EXTERNAL, load_be16(at)));
        break;
    case LOWCORE_ILC:
        words_add(t, ": %u bytes", *at & 6u);
        break;
    case LOWCORE_PROGRAM_CODE:
        add_named(t, program_code_text(load_be16(at), text, sizeof text));
        break;
    case LOWCORE_PER_CODE:
        add_per(t, at);
        break;
    case LOWCORE_TEID:
        add_teid(t, lowcore);
        break;
    case LOWCORE_SUBSYSTEM:
        words_add(t, ": subchannel %x.%x.%04x", load_be16(at) >> 8, load_be16(at) >> 1 & 3,
                  load_be16(at + 2));
        break;
    case LOWCORE_MACHINE_CHECK:
        add_machine_check(t, load_be64(at));
        break;
    case LOWCORE_CLOCK_COMPARATOR:
        words_add(t, "00: bits 0 to 55");
        break;
    default:
        break;
    }
}

char *lowcore_describe(const struct lowcore_field *f, const uint8_t *lowcore, char *buf, size_t size)
{
    struct words t = {buf, size, 0};

    buf[0] = 0;
    if (f->form == LOWCORE_PSW)
        add_psw(&t, lowcore + f->at);
    else if (f->bytes > 8)
        add_block(&t, lowcore + f->at, f->bytes, f->form == LOWCORE_WORDS ? 4 : 8);
    else {
        add_hex(&t, lowcore + f->at, f->bytes);
        add_meaning(&t, f, lowcore);
    }
    return buf;
}
