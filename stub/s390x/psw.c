/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program-status word: addressing mode, waits, and its description in words. Pure functions (Principles,
 * chapter 4, "Program-Status-Word Format"). */
#include "zgdbd/psw.h"

#include <inttypes.h>
#include <stdio.h>

#include "zgdbd/words.h"

uint64_t psw_wrap(uint64_t mask, uint64_t addr)
{
    if (mask & PSW_EA)
        return addr;
    return addr & (mask & PSW_BA ? 0x7fffffffULL : 0xffffffULL);
}

bool psw_disabled_wait(uint64_t mask)
{
    return (mask & PSW_WAIT) && !(mask & (PSW_IO | PSW_EXT | PSW_MCHECK));
}

bool psw_enabled_wait(uint64_t mask)
{
    return (mask & PSW_WAIT) && (mask & (PSW_IO | PSW_EXT | PSW_MCHECK));
}

static const char *wait_text(uint64_t mask)
{
    if (psw_disabled_wait(mask))
        return "disabled wait, ";
    return psw_enabled_wait(mask) ? "enabled wait, " : "";
}

static const char *space_text(uint64_t mask)
{
    switch (mask & PSW_ASC) {
    case PSW_ASC_PRIMARY:
        return "primary space";
    case PSW_ASC_SECONDARY:
        return "secondary space";
    case PSW_ASC_HOME:
        return "home space";
    default:
        return "access-register mode";
    }
}

static const char *mode_text(uint64_t mask)
{
    switch (mask & (PSW_EA | PSW_BA)) {
    case PSW_EA | PSW_BA:
        return "64-bit";
    case PSW_BA:
        return "31-bit";
    case 0:
        return "24-bit";
    default:
        return "invalid addressing mode";
    }
}

char *psw_describe(struct psw psw, char *buf, size_t size)
{
    uint64_t mask = psw.mask;

    snprintf(buf, size,
             "%016" PRIx64 " %016" PRIx64 ": %s%s state, %s, DAT %s, key %u, cc %u, program mask %x, %s%s",
             mask, psw.addr, wait_text(mask), mask & PSW_PSTATE ? "problem" : "supervisor", space_text(mask),
             mask & PSW_DAT ? "on" : "off", (unsigned)((mask & PSW_KEY) >> 52), psw_cc(mask),
             (unsigned)((mask & PSW_PM) >> 40), mode_text(mask), mask & PSW_PER ? ", PER" : "");
    return buf;
}

/* ---- every bit ---- */

struct flag {
    unsigned bit;
    const char *letter;
    const char *name;
    const char *value[2]; /* zero, one */
};

static void add_flags(struct words *l, uint64_t mask, const struct flag *flags, size_t n)
{
    for (size_t i = 0; i < n; i++)
        words_add(l, "bit  %-5u  %-2s  %s: %s\n", flags[i].bit, flags[i].letter, flags[i].name,
                  flags[i].value[mask >> (63 - flags[i].bit) & 1]);
}

#define N(array) (sizeof(array) / sizeof *(array))
#define ON_OFF                                                                                               \
    {                                                                                                        \
        "off", "on"                                                                                          \
    }
#define ENABLED                                                                                              \
    {                                                                                                        \
        "disabled", "enabled"                                                                                \
    }

/* What an unassigned bit that is one, or an address that the mode does not have, makes of it. */
static void add_faults(struct words *l, struct psw psw)
{
    uint64_t ones = psw.mask & (PSW_UNASSIGNED | PSW_SHORT);
    const char *before = "not valid: bits that must be zero are one: ";

    for (unsigned bit = 0; bit < 64; bit++)
        if (ones >> (63 - bit) & 1) {
            words_add(l, "%s%u", before, bit);
            before = ", ";
        }
    if (ones)
        words_add(l, "\n");
    if ((psw.mask & (PSW_EA | PSW_BA)) == PSW_EA)
        words_add(l, "not valid: EA is one and BA zero, which is no addressing mode\n");
    if (psw_wrap(psw.mask, psw.addr) != psw.addr)
        words_add(l, "not valid: the instruction address is larger than the addressing mode can have\n");
    if (psw.addr & 1)
        words_add(
            l,
            "the instruction address is odd: a specification exception, for no instruction can be there\n");
}

char *psw_faults(struct psw psw, char *buf, size_t size)
{
    struct words l = {buf, size, 0};

    buf[0] = 0;
    add_faults(&l, psw);
    return buf;
}

char *psw_fields(struct psw psw, char *buf, size_t size)
{
    static const struct flag system_mask[] = {
        {1, "R", "program-event recording (PER)", ON_OFF},
        {5, "T", "dynamic address translation (DAT)", ON_OFF},
        {6, "I", "input/output interruptions", ENABLED},
        {7, "E", "external interruptions", ENABLED},
    };
    static const struct flag states[] = {
        {13, "M", "machine-check interruptions", ENABLED},
        {14, "W", "wait state", {"no", "yes"}},
        {15, "P", "state", {"supervisor", "problem"}},
    };
    static const struct flag program_mask[] = {
        {20, "", "fixed-point-overflow mask", ENABLED},   {21, "", "decimal-overflow mask", ENABLED},
        {22, "", "HFP-exponent-underflow mask", ENABLED}, {23, "", "HFP-significance mask", ENABLED},
        {24, "RI", "runtime instrumentation", ON_OFF},    {31, "EA", "extended addressing", ON_OFF},
        {32, "BA", "basic addressing", ON_OFF},
    };
    struct words l = {buf, size, 0};

    buf[0] = 0;
    add_flags(&l, psw.mask, system_mask, N(system_mask));
    words_add(&l, "bits 8-11       access key: %u\n", (unsigned)((psw.mask & PSW_KEY) >> 52));
    add_flags(&l, psw.mask, states, N(states));
    words_add(&l, "bits 16-17  AS  address-space control: %s\n", space_text(psw.mask));
    words_add(&l, "bits 18-19  CC  condition code: %u\n", psw_cc(psw.mask));
    add_flags(&l, psw.mask, program_mask, N(program_mask));
    words_add(&l, "bits 31-32      addressing mode: %s\n", mode_text(psw.mask));
    words_add(&l, "bits 64-127     instruction address: 0x%" PRIx64 "\n", psw.addr);
    add_faults(&l, psw);
    return buf;
}
