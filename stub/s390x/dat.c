/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic address translation (Principles, chapter 3): from a logical, real or absolute address to absolute
 * storage. Pure functions that read nothing but struct dat_context. Where the Principles leave a choice
 * (whether table addresses are real or absolute), this does what Linux's arch/s390/kvm/gaccess.c does for KVM
 * itself. */
#include "zgdbd/dat.h"
#include "zgdbd/bytes.h"
#include "zgdbd/psw.h"

#define KIB4 0x1000ULL
#define MIB1 0x100000ULL
#define GIB2 0x80000000ULL
#define PREFIX_AREA 0x2000ULL

#define CR0_EDAT 0x800000ULL /* bit 40: enhanced DAT enabled */

/* Address-space-control element. */
#define ASCE_PRIVATE 0x100ULL
#define ASCE_REAL_SPACE 0x20ULL

/* Region-table and segment-table entries. */
#define ENTRY_FRAME 0x400ULL /* format control: designates a frame, not a table */
#define ENTRY_PROTECTED 0x200ULL
#define ENTRY_INVALID 0x20ULL
#define ENTRY_COMMON 0x10ULL

/* Page-table entries. */
#define PAGE_ZERO 0x800ULL
#define PAGE_INVALID 0x400ULL
#define PAGE_PROTECTED 0x200ULL

/* Designation types and table types: both count the levels above the segment table. */
enum level {
    LEVEL_SEGMENT,
    LEVEL_REGION_THIRD,
    LEVEL_REGION_SECOND,
    LEVEL_REGION_FIRST,
};

/* The exception of an index for which the table of this level has no valid entry. */
static const int level_exception[] = {
    [LEVEL_SEGMENT] = PGM_SEGMENT_TRANSLATION,
    [LEVEL_REGION_THIRD] = PGM_REGION_THIRD_TRANSLATION,
    [LEVEL_REGION_SECOND] = PGM_REGION_SECOND_TRANSLATION,
    [LEVEL_REGION_FIRST] = PGM_REGION_FIRST_TRANSLATION,
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
        return PGM_ADDRESSING;
    out->absolute = absolute;
    out->left = min64(left, ctx->size - absolute);
    return 0;
}

static int translate_real(const struct dat_context *ctx, uint64_t real, struct dat_result *out)
{
    return finish(ctx, dat_real_to_absolute(ctx, real), real_left(ctx, real), out);
}

/* Fetches a table entry. Table addresses are absolute here, as in gaccess.c. */
static int fetch_entry(const struct dat_context *ctx, uint64_t origin, uint64_t index, uint64_t *entry)
{
    if (origin >= ctx->size || ctx->size - origin < index * 8 + 8)
        return PGM_ADDRESSING;
    *entry = load_be64(ctx->memory + origin + index * 8);
    return 0;
}

static int translate_page(const struct dat_context *ctx, uint64_t segment_entry, uint64_t addr,
                          struct dat_result *out)
{
    uint64_t offset = addr & (KIB4 - 1);
    uint64_t entry;
    int code = fetch_entry(ctx, segment_entry & ~0x7ffULL, (addr >> 12) & 0xff, &entry);

    if (code)
        return code;
    if (entry & PAGE_INVALID)
        return PGM_PAGE_TRANSLATION;
    if (entry & PAGE_ZERO)
        return PGM_TRANSLATION_SPECIFICATION;
    if (entry & PAGE_PROTECTED)
        out->protected = true;
    /* A page-frame address is real; the prefix area is two whole pages. */
    return finish(ctx, dat_real_to_absolute(ctx, (entry & ~(KIB4 - 1)) + offset), KIB4 - offset, out);
}

/* Does an entry that is valid and of the right type break a rule for common segments and regions? */
static bool common_violation(unsigned level, uint64_t entry, uint64_t asce, bool edat2)
{
    if (!(entry & ENTRY_COMMON) || !(asce & ASCE_PRIVATE))
        return false;
    return level == LEVEL_SEGMENT || (level == LEVEL_REGION_THIRD && edat2);
}

/* The absolute address in the large frame that an entry designates. */
static int translate_frame(const struct dat_context *ctx, uint64_t entry, uint64_t addr, uint64_t frame_size,
                           struct dat_result *out)
{
    uint64_t offset = addr & (frame_size - 1);

    if (entry & ENTRY_PROTECTED)
        out->protected = true;
    return finish(ctx, (entry & ~(frame_size - 1)) + offset, frame_size - offset, out);
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

    if (level < LEVEL_REGION_FIRST && addr >> level_shift(level + 1))
        return PGM_ASCE_TYPE;
    for (;; level--) {
        unsigned index = (addr >> level_shift(level)) & 0x7ff;
        uint64_t entry;
        int code;

        if (index >> 9 < first || index >> 9 > last)
            return level_exception[level];
        code = fetch_entry(ctx, origin, index, &entry);
        if (code)
            return code;
        if (entry & ENTRY_INVALID)
            return level_exception[level];
        if (((entry >> 2) & 3) != level || common_violation(level, entry, asce, edat2))
            return PGM_TRANSLATION_SPECIFICATION;
        if (level == LEVEL_REGION_THIRD && edat2 && (entry & ENTRY_FRAME))
            return translate_frame(ctx, entry, addr, GIB2, out);
        if (level == LEVEL_SEGMENT && edat1 && (entry & ENTRY_FRAME))
            return translate_frame(ctx, entry, addr, MIB1, out);
        if ((level == LEVEL_SEGMENT || edat1) && (entry & ENTRY_PROTECTED))
            out->protected = true;
        if (level == LEVEL_SEGMENT)
            return translate_page(ctx, entry, addr, out);
        origin = entry & ~0xfffULL;
        first = (entry >> 6) & 3;
        last = entry & 3;
    }
}

static int translate_asce(const struct dat_context *ctx, uint64_t asce, uint64_t addr, struct dat_result *out)
{
    out->asce = asce;
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

static int translate_psw(const struct dat_context *ctx, uint64_t addr, struct dat_result *out)
{
    bool real;
    uint64_t asce = dat_psw_asce(ctx, &real);

    return real ? translate_real(ctx, addr, out) : translate_asce(ctx, asce, addr, out);
}

static int translate_default(const struct dat_context *ctx, uint64_t addr, struct dat_result *out)
{
    int code = translate_psw(ctx, addr, out);

    /* A control register 13 of zero is as the reset left it: the lowcore is no segment table. */
    if (!code || !ctx->cr[13])
        return code;
    *out = (struct dat_result){0};
    return translate_asce(ctx, ctx->cr[13], addr, out) ? code : 0;
}

static int translate_wrapped(const struct dat_context *ctx, enum mem_space space, uint64_t addr,
                             struct dat_result *out)
{
    switch (space) {
    case SPACE_DEFAULT:
        return translate_default(ctx, addr, out);
    case SPACE_PSW:
        return translate_psw(ctx, addr, out);
    case SPACE_PRIMARY:
        return translate_asce(ctx, ctx->cr[1], addr, out);
    case SPACE_SECONDARY:
        return translate_asce(ctx, ctx->cr[7], addr, out);
    case SPACE_HOME:
        return translate_asce(ctx, ctx->cr[13], addr, out);
    case SPACE_REAL:
        return translate_real(ctx, addr, out);
    case SPACE_ABSOLUTE:
        break;
    }
    return finish(ctx, addr, UINT64_MAX, out);
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
    code = translate_wrapped(ctx, space, addr, &result);
    if (code)
        return code;
    /* What follows the highest address is address 0, wherever the frame goes on. */
    if (last - addr < result.left)
        result.left = last - addr + 1;
    *out = result;
    return 0;
}

size_t dat_read(const struct dat_context *ctx, enum mem_space space, uint64_t addr, void *buf, size_t len)
{
    size_t done = 0;
    struct dat_result r;

    while (done < len && !dat_translate(ctx, space, addr + done, &r)) {
        size_t n = (size_t)min64(len - done, r.left);

        memcpy((uint8_t *)buf + done, ctx->memory + r.absolute, n);
        done += n;
    }
    return done;
}
