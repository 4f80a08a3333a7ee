/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory as the debugger asks for it: logical addresses through an own walk of the guest's tables,
 * absolute storage through the process's mapping. While the CPUs are parked no breakpoint opcode is in
 * memory, so nothing has to be hidden here. */
#include <string.h>

#include "internal.h"

void memory_context(const struct vcpu *cpu, struct dat_context *ctx)
{
    const struct kvm_machine *m = cpu->m;

    ctx->memory = m->memory.base;
    ctx->size = m->memory.size;
    ctx->psw_mask = cpu->run->psw_mask;
    memcpy(ctx->cr, cpu->run->s.regs.crs, sizeof ctx->cr);
    ctx->prefix = cpu->run->s.regs.prefix;
    ctx->edat2 = m->edat2;
    memcpy(ctx->ar, cpu->run->s.regs.acrs, sizeof ctx->ar);
    ctx->walk = NULL;
}

void memory_dat_context(struct machine *machine, unsigned cpu, struct dat_context *out)
{
    memory_context(&to_kvm(machine)->cpu[cpu], out);
}

uint8_t *memory_lowcore(const struct vcpu *cpu)
{
    uint64_t prefix = cpu->run->s.regs.prefix;

    return prefix <= cpu->m->memory.size - LOWCORE_BYTES ? cpu->m->memory.base + prefix : NULL;
}

int memory_absolute(const struct vcpu *cpu, enum mem_space space, uint64_t addr, uint64_t *absolute)
{
    struct dat_context ctx;
    struct dat_result result;

    memory_context(cpu, &ctx);
    if (dat_translate(&ctx, space, addr, &result))
        return -1;
    *absolute = result.absolute;
    return 0;
}

size_t memory_read(struct machine *machine, unsigned cpu, enum mem_space space, uint64_t addr, void *buf,
                   size_t len)
{
    struct dat_context ctx;

    memory_context(&to_kvm(machine)->cpu[cpu], &ctx);
    return dat_read(&ctx, space, addr, buf, len);
}

size_t memory_write(struct machine *machine, unsigned cpu, enum mem_space space, uint64_t addr,
                    const void *buf, size_t len)
{
    struct kvm_machine *m = to_kvm(machine);
    struct dat_context ctx;
    size_t done = 0;

    memory_context(&m->cpu[cpu], &ctx);
    while (done < len) {
        struct dat_result result;
        size_t part = len - done;

        if (dat_translate(&ctx, space, addr + done, &result))
            break;
        if (part > result.left)
            part = (size_t)result.left;
        memcpy(m->memory.base + result.absolute, (const uint8_t *)buf + done, part);
        done += part;
    }
    return done;
}
