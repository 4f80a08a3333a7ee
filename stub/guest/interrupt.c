/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program, the restart and the external interruption as the CPU would take them: what is stored in the
 * lowcore, and the exchange of PSWs. The offsets are those of the assigned storage locations (Principles,
 * chapter 3). */
#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define LOWCORE_BYTES 0x2000ULL

#define LC_EXTERNAL_PARAMETER 0x80
#define LC_EXTERNAL_CPU 0x84
#define LC_EXTERNAL_CODE 0x86
#define LC_EXTERNAL_PARAMETER_2 0x11b8
#define LC_EXTERNAL_OLD_PSW 0x130
#define LC_EXTERNAL_NEW_PSW 0x1b0
#define LC_PROGRAM_ILC 0x8c
#define LC_PROGRAM_CODE 0x8e
#define LC_LAST_BREAK 0x110
#define LC_RESTART_OLD_PSW 0x120
#define LC_PROGRAM_OLD_PSW 0x150
#define LC_RESTART_NEW_PSW 0x1a0
#define LC_PROGRAM_NEW_PSW 0x1d0

static uint8_t *lowcore_at(const struct guest_memory *mem, uint64_t prefix)
{
    bool within =
        prefix % LOWCORE_BYTES == 0 && mem->size >= LOWCORE_BYTES && prefix <= mem->size - LOWCORE_BYTES;

    return within ? mem->base + prefix : NULL;
}

static void exchange_psws(uint8_t *lowcore, struct psw *psw, unsigned old_psw, unsigned new_psw)
{
    store_be64(lowcore + old_psw, psw->mask);
    store_be64(lowcore + old_psw + 8, psw->addr);
    psw->mask = load_be64(lowcore + new_psw);
    psw->addr = load_be64(lowcore + new_psw + 8);
}

int program_interrupt(const struct guest_memory *mem, uint64_t prefix, struct psw *psw, uint16_t code,
                      unsigned ilc, uint64_t last_break)
{
    uint8_t *lowcore = lowcore_at(mem, prefix);

    if (!lowcore)
        return -1;
    /* The instruction-length code, in halfwords, stands in bits 5 and 6 of its byte: as a number, the length
     * in bytes. */
    store_be16(lowcore + LC_PROGRAM_ILC, (uint16_t)(ilc & 6));
    store_be16(lowcore + LC_PROGRAM_CODE, code);
    store_be64(lowcore + LC_LAST_BREAK, last_break);
    exchange_psws(lowcore, psw, LC_PROGRAM_OLD_PSW, LC_PROGRAM_NEW_PSW);
    return 0;
}

int restart_interrupt(const struct guest_memory *mem, uint64_t prefix, struct psw *psw)
{
    uint8_t *lowcore = lowcore_at(mem, prefix);

    if (!lowcore)
        return -1;
    exchange_psws(lowcore, psw, LC_RESTART_OLD_PSW, LC_RESTART_NEW_PSW);
    return 0;
}

int external_interrupt(const struct guest_memory *mem, uint64_t prefix, struct psw *psw, uint16_t code,
                       uint64_t parameter)
{
    uint8_t *lowcore = lowcore_at(mem, prefix);

    if (!lowcore)
        return -1;
    store_be32(lowcore + LC_EXTERNAL_PARAMETER, (uint32_t)parameter);
    store_be16(lowcore + LC_EXTERNAL_CPU, 0);
    store_be16(lowcore + LC_EXTERNAL_CODE, code);
    store_be64(lowcore + LC_EXTERNAL_PARAMETER_2, parameter);
    exchange_psws(lowcore, psw, LC_EXTERNAL_OLD_PSW, LC_EXTERNAL_NEW_PSW);
    return 0;
}

uint64_t external_subclass(uint16_t code)
{
    switch (code) {
    case 0x0040: /* interrupt key */
        return 0x40;
    case 0x1004: /* clock comparator */
        return 0x800;
    case 0x1005: /* CPU timer */
        return 0x400;
    case 0x1200: /* malfunction alert */
        return 0x8000;
    case 0x1201: /* emergency signal */
        return 0x4000;
    case 0x1202: /* external call */
        return 0x2000;
    case 0x1406: /* timing alert (ETR, STP) */
        return 0x10;
    case 0x1407: /* measurement alert */
        return 0x20;
    case 0x2401: /* service signal */
    case 0x2603: /* page fault, virtio: KVM gives them the same bit */
        return 0x200;
    default:
        return 0;
    }
}
