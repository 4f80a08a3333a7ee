/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes DIAGNOSE: the input is a script of calls, each with its function code, registers, subcode, operand
 * and the bytes stored there first. Guest memory and what a call may keep are allocated to the byte, so that
 * the sanitizer sees every access outside them. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "zgdbd/guest.h"

#define SIZE 0x3000
#define PAGE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The start of a parameter block at addr, as far as it is in the input and inside memory. */
static void fill(struct input *in, const struct guest_memory *mem, uint64_t addr)
{
    for (unsigned i = 0; i < 24 && addr + i < mem->size && in->size; i++)
        mem->base[addr + i] = (uint8_t)take(in, 1);
}

static void check(const struct ipl_block *block)
{
    char loadparm[LOADPARM_BYTES];

    if (block->length > IPL_BLOCK_BYTES)
        abort();
    ipl_block_loadparm(block, loadparm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t codes[] = {0x308, 0x308, 0x308, 0x288, 0x44, 0x500};
    struct input in = {data, size};
    struct guest_memory mem = {calloc(1, SIZE), SIZE};
    struct ipl_block *block = calloc(1, sizeof *block);
    struct watchdog watchdog = {0};
    uint64_t *gprs = calloc(16, sizeof *gprs);

    while (mem.base && block && gprs && in.size) {
        unsigned choice = (unsigned)take(&in, 1);
        uint16_t code = choice < 0xe0 ? codes[choice % 6] : (uint16_t)take(&in, 2);
        unsigned registers = (unsigned)take(&in, 1);
        unsigned r1 = registers >> 4, r3 = registers & 15;

        gprs[r1] = choice & 0x40 ? take(&in, 8) : take(&in, 1) % 5 * PAGE;
        if (r1 != r3)
            gprs[r3] = choice & 0x80 ? take(&in, 8) : 5 + take(&in, 1) % 2;
        fill(&in, &mem, gprs[r1]);
        diag_call(&(struct diag_guest){&mem, block, &watchdog}, code, r1, r3, gprs, 0x180000000);
        check(block);
    }
    free(mem.base);
    free(block);
    free(gprs);
    return 0;
}
