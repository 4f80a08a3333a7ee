/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "dat_rig.h"

struct dat_context ctx;
struct dat_result r;
const uint64_t virt = VIRT(5, 6, 7, 8, 9, 0xabc);

uint8_t *dat_at(uint64_t addr)
{
    return (uint8_t *)(uintptr_t)ctx.memory + addr;
}

void dat_put(uint64_t addr, uint64_t value)
{
    store_be64(dat_at(addr), value);
}

int dat_setup_empty(void **state)
{
    (void)state;
    ctx =
        (struct dat_context){.memory = calloc(1, SIZE), .size = SIZE, .psw_mask = PSW_DAT | PSW_EA | PSW_BA};
    return ctx.memory ? 0 : -1;
}

int dat_setup(void **state)
{
    if (dat_setup_empty(state) < 0)
        return -1;
    ctx.cr[1] = RFT | 0xc | LENGTH_3;
    dat_put(RFT + 5 * 8, RST | 0xc | LENGTH_3);
    dat_put(RST + 6 * 8, RTT | 0x8 | LENGTH_3);
    dat_put(RTT + 7 * 8, SGT | 0x4 | LENGTH_3);
    dat_put(SGT + 8 * 8, PGT);
    dat_put(PGT + 9 * 8, 0x234000);
    return 0;
}

int dat_teardown(void **state)
{
    (void)state;
    free(dat_at(0));
    return 0;
}
