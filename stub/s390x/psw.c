/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program-status word: addressing mode, waits, and its description in words. Pure functions (Principles,
 * chapter 4, "Program-Status-Word Format"). */
#include "zgdbd/psw.h"

#include <inttypes.h>
#include <stdio.h>

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
