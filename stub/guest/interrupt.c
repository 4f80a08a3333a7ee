/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program interruption as the CPU would take it: what is stored in the lowcore, and the exchange of PSWs.
 * The offsets are those of the assigned storage locations (Principles, chapter 3). */
#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define LOWCORE_BYTES 0x2000ULL

#define LC_PROGRAM_ILC 0x8c
#define LC_PROGRAM_CODE 0x8e
#define LC_LAST_BREAK 0x110
#define LC_PROGRAM_OLD_PSW 0x150
#define LC_PROGRAM_NEW_PSW 0x1d0

int program_interrupt(const struct guest_memory *mem, uint64_t prefix, struct psw *psw, uint16_t code,
                      unsigned ilc, uint64_t last_break)
{
    uint8_t *lowcore;

    if (prefix % LOWCORE_BYTES || mem->size < LOWCORE_BYTES || prefix > mem->size - LOWCORE_BYTES)
        return -1;
    lowcore = mem->base + prefix;
    /* The instruction-length code, in halfwords, stands in bits 5 and 6 of its byte: as a number, the length
     * in bytes. */
    store_be16(lowcore + LC_PROGRAM_ILC, (uint16_t)(ilc & 6));
    store_be16(lowcore + LC_PROGRAM_CODE, code);
    store_be64(lowcore + LC_LAST_BREAK, last_break);
    store_be64(lowcore + LC_PROGRAM_OLD_PSW, psw->mask);
    store_be64(lowcore + LC_PROGRAM_OLD_PSW + 8, psw->addr);
    psw->mask = load_be64(lowcore + LC_PROGRAM_NEW_PSW);
    psw->addr = load_be64(lowcore + LC_PROGRAM_NEW_PSW + 8);
    return 0;
}
