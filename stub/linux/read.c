/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's memory by the kernel's addresses: through the home space of a CPU, else through the kernel's
 * own translation table, else, while there is none, as real addresses. Everything else in this room reads
 * through these functions. */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"

#define ENTRY_TYPE 0xcULL /* of a region- or segment-table entry; a segment table's is 0 */
#define TABLE_LENGTH 3ULL /* a whole table: swapper_pg_dir is one */
#define PAGE_MASK 0xfffULL

bool linux_read_absolute(struct linux_guest *g, uint64_t addr, void *buf, size_t len)
{
    size_t n = machine_read_memory(g->m, 0, SPACE_ABSOLUTE, addr, buf, len);

    g->bytes_read += n;
    return n == len;
}

bool linux_reg(struct linux_guest *g, unsigned cpu, unsigned reg, uint64_t *value)
{
    uint8_t bytes[REG_MAX_BYTES];

    *value = 0;
    if (!(g->m->reg_features & 1u << reg_table[reg].feature) || reg_table[reg].bytes > REG_SCALAR_BYTES ||
        machine_read_reg(g->m, cpu, reg, bytes))
        return false;
    *value = reg_table[reg].bytes == 4 ? load_be32(bytes) : load_be64(bytes);
    return true;
}

bool linux_read_lowcore(struct linux_guest *g, unsigned cpu, uint8_t *buf, size_t len)
{
    struct dat_context ctx;

    return machine_dat_context(g->m, cpu, &ctx) && linux_read_absolute(g, ctx.prefix, buf, len);
}

/* What a CPU's addresses mean, but always in the 64-bit mode, in which the kernel's addresses are: a CPU may
 * stand in 31-bit code, or have a PSW of garbage. */
static bool kernel_context(struct linux_guest *g, unsigned cpu, struct dat_context *ctx)
{
    if (!machine_dat_context(g->m, cpu, ctx))
        return false;
    ctx->psw_mask = PSW_DAT | PSW_EA | PSW_BA;
    ctx->walk = NULL;
    return true;
}

/* Control register 13; 0, as the reset leaves it, if it is not known. */
static uint64_t home_asce(struct linux_guest *g, unsigned cpu)
{
    uint64_t asce;

    linux_reg(g, cpu, REG_C0 + 13, &asce);
    return asce;
}

bool linux_home_context(struct linux_guest *g, unsigned cpu, struct dat_context *ctx)
{
    return home_asce(g, cpu) && kernel_context(g, cpu, ctx);
}

static size_t read_home(struct linux_guest *g, unsigned cpu, uint64_t addr, void *buf, size_t len)
{
    struct dat_context ctx;

    if (!kernel_context(g, cpu, &ctx))
        return machine_read_memory(g->m, cpu, SPACE_HOME, addr, buf, len);
    return dat_read(&ctx, SPACE_HOME, addr, buf, len);
}

/* ---- without control registers ---- */

/* Where the kernel's image is in storage: from 6.10 on it has a place of its own there, before that its
 * virtual addresses are real ones. */
static uint64_t image_to_real(const struct linux_facts *f, uint64_t addr)
{
    if (!f->has_phys_offset)
        return addr;
    return addr < f->kaslr_offset ? addr - f->identity_base : addr - f->kaslr_offset + f->phys_offset;
}

/* The kernel's own space, of which vmcoreinfo names the table; the type of the table is told by its entries,
 * which have it even where they are invalid (crst_table_init). 0 if it does not look like one. */
static uint64_t swapper_asce(struct linux_guest *g)
{
    uint64_t addr, real, first;

    if (!linux_swapper(g, &addr))
        return 0;
    real = image_to_real(linux_facts(g), addr);
    if (!real || (real & PAGE_MASK) || !linux_read_absolute(g, real, &first, sizeof first))
        return 0;
    return real | (load_be64(&first) & ENTRY_TYPE) | TABLE_LENGTH;
}

static size_t read_by_tables(struct linux_guest *g, uint64_t asce, uint64_t addr, void *buf, size_t len)
{
    struct dat_context ctx;

    if (!kernel_context(g, 0, &ctx))
        return 0;
    ctx.cr[13] = asce;
    return dat_read(&ctx, SPACE_HOME, addr, buf, len);
}

/* As a CPU without DAT reads them, by the prefix of the first. */
static size_t read_real(struct linux_guest *g, uint64_t addr, void *buf, size_t len)
{
    struct dat_context ctx;

    if (!kernel_context(g, 0, &ctx))
        return machine_read_memory(g->m, 0, SPACE_REAL, addr, buf, len);
    return dat_read(&ctx, SPACE_REAL, addr, buf, len);
}

/* ---- what the room uses ---- */

static size_t read_kernel(struct linux_guest *g, uint64_t addr, void *buf, size_t len)
{
    uint64_t asce, tried = 0; /* most CPUs have the same home space */
    size_t n = 0;

    for (unsigned cpu = 0; cpu < g->m->ncpus && !n; cpu++) {
        asce = home_asce(g, cpu);
        if (asce && asce != tried)
            n = read_home(g, cpu, addr, buf, len);
        tried = asce ? asce : tried;
    }
    if (n || !len)
        return n;
    asce = swapper_asce(g);
    if (asce)
        n = read_by_tables(g, asce, addr, buf, len);
    if (n || tried)
        return n;
    return read_real(g, image_to_real(linux_facts(g), addr), buf, len);
}

size_t linux_read(struct linux_guest *g, uint64_t addr, void *buf, size_t len)
{
    size_t n = read_kernel(g, addr, buf, len);

    g->bytes_read += n;
    return n;
}

uint64_t linux_bytes_read(const struct linux_guest *g)
{
    return g->bytes_read;
}

bool linux_read_u64(struct linux_guest *g, uint64_t addr, uint64_t *value)
{
    uint8_t bytes[8];

    if (linux_read(g, addr, bytes, sizeof bytes) != sizeof bytes)
        return false;
    *value = load_be64(bytes);
    return true;
}

bool linux_read_u32(struct linux_guest *g, uint64_t addr, uint32_t *value)
{
    uint8_t bytes[4];

    if (linux_read(g, addr, bytes, sizeof bytes) != sizeof bytes)
        return false;
    *value = load_be32(bytes);
    return true;
}

bool linux_read_string(struct linux_guest *g, uint64_t addr, char *buf, size_t size)
{
    size_t n = size ? linux_read(g, addr, buf, size - 1) : 0;

    if (size)
        buf[n] = 0;
    for (char *p = buf; n && *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return n != 0;
}
