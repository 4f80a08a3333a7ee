/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic address translation (Principles, chapter 3): from a logical, real or absolute address to absolute
 * storage. Pure functions that read nothing but struct dat_context. Where the Principles leave a choice
 * (whether table addresses are real or absolute), this does what Linux's arch/s390/kvm/gaccess.c does for KVM
 * itself. */
#include "dat_internal.h"
#include "zgdbd/bytes.h"
#include "zgdbd/psw.h"

#define KIB4 0x1000ULL
#define MIB1 0x100000ULL
#define GIB2 0x80000000ULL
#define PREFIX_AREA 0x2000ULL

#define CR0_LOW_ADDRESS_PROTECTION 0x10000000ULL /* bit 35 */
#define CR0_EDAT 0x800000ULL                     /* bit 40: enhanced DAT enabled */
#define CR0_IEP 0x100000ULL                      /* bit 43: instruction-execution protection enabled */

/* The exception of an index for which the table of this level has no valid entry. */
static const int level_exception[] = {
    [DAT_SEGMENT_TABLE] = PGM_SEGMENT_TRANSLATION,
    [DAT_REGION_THIRD_TABLE] = PGM_REGION_THIRD_TRANSLATION,
    [DAT_REGION_SECOND_TABLE] = PGM_REGION_SECOND_TRANSLATION,
    [DAT_REGION_FIRST_TABLE] = PGM_REGION_FIRST_TRANSLATION,
};

/* Lowest bit of the 11-bit index into the table of a level. */
static unsigned level_shift(unsigned level)
{
    return 20 + 11 * level;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The prefix in effect: 0, at which prefixing changes nothing, where the prefix area lies outside memory. */
static uint64_t usable_prefix(const struct dat_context *ctx)
{
    uint64_t prefix = ctx->prefix & ~(PREFIX_AREA - 1);

    return ctx->size >= PREFIX_AREA && prefix <= ctx->size - PREFIX_AREA ? prefix : 0;
}

uint64_t dat_real_to_absolute(const struct dat_context *ctx, uint64_t real)
{
    uint64_t prefix = usable_prefix(ctx);

    if (real < PREFIX_AREA)
        return real + prefix;
    if (real - prefix < PREFIX_AREA)
        return real - prefix;
    return real;
}

/* Bytes from this real address to where prefixing next changes. */
static uint64_t real_left(const struct dat_context *ctx, uint64_t real)
{
    uint64_t prefix = usable_prefix(ctx);

    if (!prefix)
        return UINT64_MAX - real;
    if (real < PREFIX_AREA)
        return PREFIX_AREA - real;
    if (real < prefix)
        return prefix - real;
    if (real - prefix < PREFIX_AREA)
        return prefix + PREFIX_AREA - real;
    return UINT64_MAX - real;
}

/* Ends a translation: the absolute address must lie in memory, and so must what follows it. */
static int finish(const struct dat_context *ctx, uint64_t absolute, uint64_t left, struct dat_result *out)
{
    if (absolute >= ctx->size)
        return dat_ends(ctx, PGM_ADDRESSING, "the address lies outside of memory");
    out->absolute = absolute;
    out->left = min64(left, ctx->size - absolute);
    return 0;
}

static int translate_real(const struct dat_context *ctx, uint64_t real, struct dat_result *out)
{
    return finish(ctx, dat_real_to_absolute(ctx, real), real_left(ctx, real), out);
}

/* ---- the record of a walk ---- */

struct dat_step *dat_record(const struct dat_context *ctx, enum dat_table table, uint64_t index,
                            uint64_t addr)
{
    struct dat_walk *w = ctx->walk;

    if (!w || w->n == DAT_STEPS_MAX)
        return NULL;
    w->step[w->n] = (struct dat_step){.table = table, .index = index, .addr = addr};
    return &w->step[w->n++];
}

/* The entry that was recorded last forbids stores. */
static void protects(const struct dat_context *ctx, struct dat_result *out)
{
    out->protected = true;
    if (ctx->walk)
        ctx->walk->step[ctx->walk->n - 1].protects = true;
}

static void begin_walk(const struct dat_context *ctx)
{
    if (ctx->walk)
        *ctx->walk = (struct dat_walk){0};
}

/* ---- the walk ---- */

/* Fetches a table entry. Table addresses are absolute here, as in gaccess.c. */
static int fetch_entry(const struct dat_context *ctx, enum dat_table table, uint64_t origin, uint64_t index,
                       uint64_t *entry)
{
    struct dat_step *step = dat_record(ctx, table, index, origin + index * 8);
    uint8_t bytes[8];

    if (origin >= ctx->size || !dat_fetch(ctx, origin + index * 8, bytes, sizeof bytes))
        return dat_ends(ctx, PGM_ADDRESSING, "the entry lies outside of memory");
    *entry = load_be64(bytes);
    if (step) {
        step->bytes = 8;
        step->value[0] = *entry;
    }
    return 0;
}

/* Whether instructions must not be fetched from the frame of this entry: the bit is the same in a page-table
 * entry and in one of a large frame. */
static bool no_execute(const struct dat_context *ctx, uint64_t entry)
{
    if (ctx->walk)
        ctx->walk->step[ctx->walk->n - 1].no_execute = entry & ENTRY_NO_EXECUTE;
    return (ctx->cr[0] & CR0_IEP) && (entry & ENTRY_NO_EXECUTE);
}

static int translate_page(const struct dat_context *ctx, uint64_t segment_entry, uint64_t addr,
                          struct dat_result *out)
{
    uint64_t offset = addr & (KIB4 - 1);
    uint64_t entry;
    int code = fetch_entry(ctx, DAT_PAGE_TABLE, segment_entry & ~0x7ffULL, (addr >> 12) & 0xff, &entry);

    if (code)
        return code;
    if (entry & PAGE_INVALID)
        return dat_ends(ctx, PGM_PAGE_TRANSLATION, "the page is invalid");
    if (entry & PAGE_ZERO)
        return dat_ends(ctx, PGM_TRANSLATION_SPECIFICATION, "bit 52 of the entry must be zero");
    if (entry & PAGE_PROTECTED)
        protects(ctx, out);
    out->no_execute = no_execute(ctx, entry);
    /* A page-frame address is real; the prefix area is two whole pages. */
    return finish(ctx, dat_real_to_absolute(ctx, (entry & ~(KIB4 - 1)) + offset), KIB4 - offset, out);
}

/* Does an entry that is valid and of the right type break a rule for common segments and regions? */
static bool common_violation(unsigned level, uint64_t entry, uint64_t asce, bool edat2)
{
    if (!(entry & ENTRY_COMMON) || !(asce & ASCE_PRIVATE))
        return false;
    return level == DAT_SEGMENT_TABLE || (level == DAT_REGION_THIRD_TABLE && edat2);
}

/* The absolute address in the large frame that an entry designates. */
static int translate_frame(const struct dat_context *ctx, uint64_t entry, uint64_t addr, uint64_t frame_size,
                           struct dat_result *out)
{
    uint64_t offset = addr & (frame_size - 1);

    if (ctx->walk)
        ctx->walk->step[ctx->walk->n - 1].frame = true;
    if (entry & ENTRY_PROTECTED)
        protects(ctx, out);
    out->no_execute = no_execute(ctx, entry);
    return finish(ctx, (entry & ~(frame_size - 1)) + offset, frame_size - offset, out);
}

/* Fetches the entry for addr of a table that has entries only in the quarters first to last. */
static int fetch_valid(const struct dat_context *ctx, unsigned level, uint64_t origin, unsigned first,
                       unsigned last, uint64_t addr, uint64_t *entry)
{
    unsigned index = (addr >> level_shift(level)) & 0x7ff;
    int code;

    if (index >> 9 < first || index >> 9 > last) {
        dat_record(ctx, level, index, origin + index * 8);
        return dat_ends(ctx, level_exception[level], "the table's offset and length leave this entry out");
    }
    code = fetch_entry(ctx, level, origin, index, entry);
    if (!code && (*entry & ENTRY_INVALID))
        return dat_ends(ctx, level_exception[level], "the entry is invalid");
    return code;
}

/* The walk through region, segment and page tables. */
static int walk(const struct dat_context *ctx, uint64_t asce, uint64_t addr, struct dat_result *out)
{
    bool edat1 = ctx->cr[0] & CR0_EDAT;
    bool edat2 = edat1 && ctx->edat2;
    unsigned level = (asce >> 2) & 3;
    uint64_t origin = asce & ~0xfffULL;
    unsigned first = 0; /* table offset and length, in quarters of a table */
    unsigned last = asce & 3;

    if (level < DAT_REGION_FIRST_TABLE && addr >> level_shift(level + 1))
        return dat_ends(ctx, PGM_ASCE_TYPE, "the address is larger than the designated table can translate");
    for (;; level--) {
        uint64_t entry;
        int code = fetch_valid(ctx, level, origin, first, last, addr, &entry);

        if (code)
            return code;
        if (((entry >> 2) & 3) != level)
            return dat_ends(ctx, PGM_TRANSLATION_SPECIFICATION, "the entry is of another table type");
        if (common_violation(level, entry, asce, edat2))
            return dat_ends(ctx, PGM_TRANSLATION_SPECIFICATION, "the entry is common, and the space private");
        if (level == DAT_REGION_THIRD_TABLE && edat2 && (entry & ENTRY_FRAME))
            return translate_frame(ctx, entry, addr, GIB2, out);
        if (level == DAT_SEGMENT_TABLE && edat1 && (entry & ENTRY_FRAME))
            return translate_frame(ctx, entry, addr, MIB1, out);
        if ((level == DAT_SEGMENT_TABLE || edat1) && (entry & ENTRY_PROTECTED))
            protects(ctx, out);
        if (level == DAT_SEGMENT_TABLE)
            return translate_page(ctx, entry, addr, out);
        origin = entry & ~0xfffULL;
        first = (entry >> 6) & 3;
        last = entry & 3;
    }
}

static int translate_asce(const struct dat_context *ctx, uint64_t asce, uint64_t addr, struct dat_result *out)
{
    out->asce = asce;
    if (ctx->walk) {
        ctx->walk->has_asce = true;
        ctx->walk->asce = asce;
    }
    return asce & ASCE_REAL_SPACE ? translate_real(ctx, addr, out) : walk(ctx, asce, addr, out);
}

uint64_t dat_psw_asce(const struct dat_context *ctx, bool *real)
{
    *real = !(ctx->psw_mask & PSW_DAT);
    if (*real)
        return 0;
    switch (ctx->psw_mask & PSW_ASC) {
    case PSW_ASC_SECONDARY:
        return ctx->cr[7];
    case PSW_ASC_HOME:
        return ctx->cr[13];
    default: /* access-register mode counts as primary: which ALET is meant is not known here */
        return ctx->cr[1];
    }
}

uint64_t dat_code_asce(const struct dat_context *ctx, bool *real)
{
    uint64_t asce = dat_psw_asce(ctx, real);

    return !*real && (ctx->psw_mask & PSW_ASC) == PSW_ASC_SECONDARY ? ctx->cr[1] : asce;
}

typedef uint64_t asce_fn(const struct dat_context *ctx, bool *real);

static int translate_by(asce_fn *by, const struct dat_context *ctx, uint64_t addr, struct dat_result *out)
{
    bool real;
    uint64_t asce = by(ctx, &real);

    return real ? translate_real(ctx, addr, out) : translate_asce(ctx, asce, addr, out);
}

static int translate_ar(const struct dat_context *ctx, unsigned ar, uint64_t addr, struct dat_result *out)
{
    bool fetch_only = false;
    uint64_t asce;
    int code = dat_ar_asce(ctx, ar, &asce, &fetch_only);

    out->protected = fetch_only;
    return code ? code : translate_asce(ctx, asce, addr, out);
}

bool dat_falls_home(const struct dat_context *ctx)
{
    /* A control register 13 of zero is as the reset left it: the lowcore is no segment table. */
    return ctx->cr[13] != 0;
}

static int translate_default(const struct dat_context *ctx, uint64_t addr, struct dat_result *out)
{
    int code = translate_by(dat_psw_asce, ctx, addr, out);

    if (!code || !dat_falls_home(ctx))
        return code;
    *out = (struct dat_result){0};
    begin_walk(ctx);
    return translate_asce(ctx, ctx->cr[13], addr, out) ? code : 0;
}

static int translate_wrapped(const struct dat_context *ctx, enum mem_space space, uint64_t addr,
                             struct dat_result *out)
{
    switch (space) {
    case SPACE_DEFAULT:
        return translate_default(ctx, addr, out);
    case SPACE_PSW:
        return translate_by(dat_psw_asce, ctx, addr, out);
    case SPACE_CODE:
        return translate_by(dat_code_asce, ctx, addr, out);
    case SPACE_PRIMARY:
        return translate_asce(ctx, ctx->cr[1], addr, out);
    case SPACE_SECONDARY:
        return translate_asce(ctx, ctx->cr[7], addr, out);
    case SPACE_HOME:
        return translate_asce(ctx, ctx->cr[13], addr, out);
    case SPACE_REAL:
        return translate_real(ctx, addr, out);
    case SPACE_ABSOLUTE:
        return finish(ctx, addr, UINT64_MAX, out);
    default:
        return translate_ar(ctx, (unsigned)(space - SPACE_AR) % 16, addr, out);
    }
}

int dat_translate(const struct dat_context *ctx, enum mem_space space, uint64_t addr, struct dat_result *out)
{
    struct dat_result result = {0};
    uint64_t last; /* highest address of the addressing mode */
    int code;

    if (space == SPACE_ABSOLUTE)
        last = UINT64_MAX;
    else
        last = psw_wrap(ctx->psw_mask, UINT64_MAX);
    addr &= last;
    begin_walk(ctx);
    code = translate_wrapped(ctx, space, addr, &result);
    if (code)
        return code;
    /* What follows the highest address is address 0, wherever the frame goes on. */
    if (last - addr < result.left)
        result.left = last - addr + 1;
    *out = result;
    return 0;
}

bool dat_low_address_protected(const struct dat_context *ctx, uint64_t addr, uint64_t asce)
{
    return (ctx->cr[0] & CR0_LOW_ADDRESS_PROTECTION) && !(asce & ASCE_PRIVATE) && addr < 0x2000 &&
           (addr & 0xfff) < 0x200;
}

size_t dat_read(const struct dat_context *ctx, enum mem_space space, uint64_t addr, void *buf, size_t len)
{
    size_t done = 0;
    struct dat_result r;

    while (done < len && !dat_translate(ctx, space, addr + done, &r)) {
        size_t n = (size_t)min64(len - done, r.left);
        size_t got = n;

        if (ctx->memory)
            memcpy((uint8_t *)buf + done, ctx->memory + r.absolute, n);
        else
            got = ctx->read(ctx->reader, r.absolute, (uint8_t *)buf + done, n);
        done += got;
        if (got < n)
            break;
    }
    return done;
}
