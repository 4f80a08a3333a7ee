/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A CPU's save area: what the store-status operation puts at 0x1200 in a lowcore. Of a stand-alone dump it is
 * where all registers are; elsewhere it fills what the notes leave out, and may then be older than the dump.
 */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

static bool all_zero(const uint8_t *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* Whether the area was stored for this dump, as far as that can be told. */
static bool is_of_now(const struct core_cpu *cpu, uint64_t prefix, const struct cpu_status *status)
{
    if (status->prefix != prefix)
        return false;
    for (unsigned i = 0; i < 16; i++)
        if (cpu->origin[REG_R0 + i] == REG_NOTED && core_reg(cpu, REG_R0 + i) != status->gprs[i])
            return false;
    return true;
}

static void fill(struct core_cpu *cpu, unsigned reg, uint64_t value, enum reg_origin origin)
{
    if (cpu->origin[reg] != REG_UNKNOWN)
        return;
    cpu->origin[reg] = (uint8_t)origin;
    if (reg_table[reg].bytes == 4)
        store_be32(cpu->value[reg], (uint32_t)value);
    else
        store_be64(cpu->value[reg], value);
}

void savearea_read(struct core_cpu *cpu, uint64_t prefix, core_read_fn *read, void *reader)
{
    uint8_t area[STATUS_BYTES];
    struct cpu_status s;
    enum reg_origin origin;

    if (read(reader, prefix + STATUS_ADDRESS, area, sizeof area) != sizeof area ||
        all_zero(area, sizeof area))
        return;
    status_load(area, &s);
    origin = is_of_now(cpu, prefix, &s) ? REG_NOTED : REG_GUESSED;
    fill(cpu, REG_PSWM, s.psw.mask, origin);
    fill(cpu, REG_PSWA, s.psw.addr, origin);
    for (unsigned i = 0; i < 16; i++) {
        fill(cpu, REG_R0 + i, s.gprs[i], origin);
        fill(cpu, REG_A0 + i, s.acrs[i], origin);
        fill(cpu, REG_F0 + i, s.fprs[i], origin);
        fill(cpu, REG_C0 + i, s.crs[i], origin);
    }
    fill(cpu, REG_FPC, s.fpc, origin);
    fill(cpu, REG_TODPR, s.todpr, origin);
    fill(cpu, REG_CPUTM, s.cputm, origin);
    fill(cpu, REG_CKC, s.ckc, origin);
    fill(cpu, REG_PREFIX, prefix, origin);
}
