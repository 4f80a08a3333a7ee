/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor space`, which sets how the debugger's addresses are understood, and `monitor translate`, which
 * shows what the selected CPU makes of one. */
#include <stdio.h>
#include <string.h>

#include "monitor.h"
#include "zgdbd/interruption.h"

static const struct {
    const char *name;
    const char *words;
} spaces[] = {
    [SPACE_DEFAULT] = {"default",
                       "as the PSW says, and where that does not translate through the home space"},
    [SPACE_PSW] = {"psw", "as the PSW says"},
    [SPACE_PRIMARY] = {"primary", "in the primary space (CR1)"},
    [SPACE_SECONDARY] = {"secondary", "in the secondary space (CR7)"},
    [SPACE_HOME] = {"home", "in the home space (CR13)"},
    [SPACE_REAL] = {"real", "real"},
    [SPACE_ABSOLUTE] = {"absolute", "absolute"},
};

#define NSPACES (sizeof spaces / sizeof *spaces)

static void put_space(enum mem_space space, struct text *out)
{
    if (space >= SPACE_AR)
        put(out, "ar %u (by the ALET in access register %u)", space - SPACE_AR, space - SPACE_AR);
    else
        put(out, "%s (%s)", spaces[space].name, spaces[space].words);
}

/* The number of an access register: "ar 3" or "ar3". */
static bool take_register(const char *args, enum mem_space *space)
{
    const char *rest;
    uint64_t number;
    args += 2 + strspn(args + 2, " \t");
    if (!take_number(args, &number, &rest) || *rest || number > 15)
        return false;
    *space = SPACE_AR + (enum mem_space)number;
    return true;
}

/* False, and the user is told what there is, if this names no space. */
static bool take_space(const char *args, enum mem_space *space, struct text *out)
{
    for (size_t i = 0; i < NSPACES; i++)
        if (strcmp(args, spaces[i].name) == 0) {
            *space = (enum mem_space)i;
            return true;
        }
    if (strncmp(args, "ar", 2) == 0 && take_register(args, space))
        return true;
    put(out,
        "There is no address space \"%.64s\": default, psw, primary, secondary, home, real, absolute, or ar "
        "0 to ar 15.\n",
        args);
    return false;
}

/* ---- monitor space ---- */

static const char *psw_space(uint64_t mask)
{
    if (!(mask & PSW_DAT))
        return "real (DAT is off)";
    switch (mask & PSW_ASC) {
    case PSW_ASC_PRIMARY:
        return "primary";
    case PSW_ASC_SECONDARY:
        return "secondary (instructions are fetched from the primary space)";
    case PSW_ASC_HOME:
        return "home";
    default:
        return "primary for instructions (access-register mode: each operand is where the access register of "
               "its base register says, `ar N`)";
    }
}

static void put_asce(const char *name, uint64_t asce, struct text *out)
{
    char text[200];
    put(out, "%s%016llx: %s\n", name, (unsigned long long)asce, dat_asce_describe(asce, text, sizeof text));
}

static void put_setting(const struct session *s, struct text *out)
{
    struct dat_context ctx;
    put(out, "gdb's addresses are understood as ");
    put_space(s->space, out);
    put(out, "%s.\n", s->phys_mode ? ", but now as absolute: Qqemu.PhyMemMode:1 goes before that" : "");
    if (!machine_dat_context(s->target->machine, s->monitor_cpu, &ctx))
        return;
    put(out, "CPU %u: the PSW says %s\n", s->monitor_cpu, psw_space(ctx.psw_mask));
    put_asce("CR1  primary   ", ctx.cr[1], out);
    put_asce("CR7  secondary ", ctx.cr[7], out);
    put_asce("CR13 home      ", ctx.cr[13], out);
}

bool mon_space(struct session *s, const char *args, struct text *out)
{
    if (!*args) {
        put_setting(s, out);
        return true;
    }
    if (!take_space(args, &s->space, out))
        return true;
    put(out, "From now on gdb's addresses are understood as ");
    put_space(s->space, out);
    put(out, ".%s To make gdb read again what it keeps of memory: maintenance flush dcache\n",
        s->phys_mode ? " It shows when Qqemu.PhyMemMode is 0 again, which goes before it." : "");
    return true;
}

/* ---- monitor translate ---- */

/* Up to 24 bytes, without blanks between. */
static void put_value(const struct dat_step *step, struct text *out)
{
    for (unsigned i = 0; i * 8 < step->bytes; i++) {
        unsigned bytes = step->bytes - i * 8 < 8 ? step->bytes - i * 8 : 8;
        put(out, " %0*llx", (int)(2 * bytes), (unsigned long long)step->value[i]);
    }
}

static void put_step(const struct dat_step *step, struct text *out)
{
    bool by_ar = step->table >= DAT_ACCESS_LIST_DESIGNATION;
    char text[200];
    put(out, "%s ", dat_table_entry_name(step->table));
    if (step->table != DAT_ACCESS_LIST_DESIGNATION && step->table != DAT_ASN_SECOND_TABLE)
        put(out, "%llu ", (unsigned long long)step->index);
    put(out, "at %s0x%llx", by_ar ? "real " : "", (unsigned long long)step->addr);
    if (!step->bytes) {
        put(out, "\n");
        return;
    }
    put(out, ":");
    put_value(step, out);
    put(out, ": %s\n", dat_step_describe(step, text, sizeof text));
}

static void put_walk(const struct dat_walk *w, struct text *out)
{
    unsigned i = 0;
    if (w->by_alet)
        put(out, "ALET %08x%s\n", w->alet,
            w->alet == 0   ? ": the primary space"
            : w->alet == 1 ? ": the secondary space"
                           : "");
    for (; i < w->n && w->step[i].table >= DAT_ACCESS_LIST_DESIGNATION; i++)
        put_step(&w->step[i], out);
    if (w->has_asce)
        put_asce("ASCE ", w->asce, out);
    for (; i < w->n; i++)
        put_step(&w->step[i], out);
}

/* Says where prefixing has had a part in it, and where there is no memory. */
static void put_absolute(struct machine *m, const struct dat_context *ctx, enum mem_space space,
                         uint64_t addr, uint64_t absolute, struct text *out)
{
    const struct dat_walk *w = ctx->walk;
    const struct dat_step *last = w->n ? &w->step[w->n - 1] : NULL;
    bool by_tables = last && last->table < DAT_ACCESS_LIST_DESIGNATION;
    uint8_t byte;
    uint64_t real = absolute; /* as it is of large frames, which are absolute */
    if (by_tables && last->table == DAT_PAGE_TABLE)
        real = (last->value[0] & ~0xfffULL) + (addr & 0xfff);
    else if (!by_tables && space != SPACE_ABSOLUTE)
        real = addr;
    put(out, "absolute 0x%llx", (unsigned long long)absolute);
    if (real != absolute)
        put(out, " (real 0x%llx; the prefix is 0x%llx)", (unsigned long long)real,
            (unsigned long long)ctx->prefix);
    put(out, "%s\n",
        machine_read_memory(m, 0, SPACE_ABSOLUTE, absolute, &byte, 1) ? "" : ", where no memory is: a hole");
}

static void put_protection(const struct dat_context *ctx, uint64_t addr, bool logical,
                           const struct dat_result *r, struct text *out)
{
    static const char first[] = "protection: stores are forbidden by the ", next[] = " and the ";
    const struct dat_walk *w = ctx->walk;
    const char *before = first;
    for (unsigned i = 0; i < w->n; i++)
        if (w->step[i].protects) {
            put(out, "%s%s", before, dat_table_entry_name(w->step[i].table));
            before = next;
        }
    if (logical && dat_low_address_protected(ctx, addr, r->asce)) {
        put(out, "%slow-address protection (CR0 bit 35)", before);
        before = next;
    }
    if (before == first)
        put(out, "protection: stores are allowed");
    if (r->no_execute)
        put(out, "; no-execute forbids instruction fetches");
    else if (w->n && w->step[w->n - 1].no_execute)
        put(out, "; no-execute is not in force (CR0 bit 43)");
    put(out, "\n");
}

static void put_key(struct machine *m, uint64_t absolute, struct text *out)
{
    uint8_t key;
    int rc = machine_storage_key(m, absolute, &key);
    if (rc)
        put(out, "storage key: %s\n", rc == MACHINE_KEYS_UNUSED ? "the guest uses none" : "not known");
    else
        put(out, "storage key %02x: access-control bits %u, %sfetch-protected, %sreferenced, %schanged\n",
            key, key >> 4u, key & 8 ? "" : "not ", key & 4 ? "" : "not ", key & 2 ? "" : "not ");
}

/* What follows a failed translation. */
static void put_end(int code, const struct dat_walk *w, struct text *out)
{
    char name[80];
    put(out, "ends in a program interruption, code 0x%x, %s%s%s\n", (unsigned)code,
        program_code_text((uint32_t)code, name, sizeof name), w->why ? ": " : "", w->why ? w->why : "");
}

/* One way to translate; what it ends in. */
static int put_translation(struct session *s, struct dat_context *ctx, enum mem_space space, uint64_t addr,
                           struct text *out)
{
    struct dat_result r;
    int code = dat_translate(ctx, space, addr, &r);
    put(out, "0x%llx on CPU %u, understood as ", (unsigned long long)addr, s->monitor_cpu);
    put_space(space, out);
    if (space == SPACE_PSW)
        put(out, ": %s", psw_space(ctx->psw_mask));
    put(out, "\n");
    if (space != SPACE_ABSOLUTE && psw_wrap(ctx->psw_mask, addr) != addr) {
        addr = psw_wrap(ctx->psw_mask, addr);
        put(out, "in the PSW's addressing mode that is 0x%llx\n", (unsigned long long)addr);
    }
    put_walk(ctx->walk, out);
    if (code) {
        put_end(code, ctx->walk, out);
        return code;
    }
    put_absolute(s->target->machine, ctx, space, addr, r.absolute, out);
    put_protection(ctx, addr, space != SPACE_ABSOLUTE, &r, out);
    put_key(s->target->machine, r.absolute, out);
    return 0;
}

bool mon_translate(struct session *s, const char *args, struct text *out)
{
    enum mem_space space = session_space(s);
    struct dat_walk walk;
    struct dat_context ctx;
    size_t word = strcspn(args, " \t");
    const char *rest;
    uint64_t addr;
    if (!*args)
        return false;
    if (!take_number(args, &addr, &rest)) {
        put(out,
            "ADDRESS must be a number, such as 0x24000, and not \"%.*s\". gdb puts a variable's address in: "
            "eval \"monitor translate 0x%%lx\", &variable\n",
            word < 64 ? (int)word : 64, args);
        return true;
    }
    if (*rest && !take_space(rest, &space, out))
        return true;
    if (!machine_dat_context(s->target->machine, s->monitor_cpu, &ctx)) {
        put(out, "What this target's addresses mean is not known.\n");
        return true;
    }
    ctx.walk = &walk;
    if (space != SPACE_DEFAULT)
        put_translation(s, &ctx, space, addr, out);
    else if (put_translation(s, &ctx, SPACE_PSW, addr, out) && dat_falls_home(&ctx))
        put_translation(s, &ctx, SPACE_HOME, addr, out);
    return true;
}
