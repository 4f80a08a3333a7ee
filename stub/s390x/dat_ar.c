/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access-register translation (Principles, chapter 5): from the ALET in an access register, through an access
 * list, to the ASCE of an address space. All tables are at real addresses of 31 bits. Pure functions, as in
 * dat.c; where the Principles leave a choice this, too, does what Linux's arch/s390/kvm/gaccess.c does. */
#include "dat_internal.h"
#include "zgdbd/bytes.h"

#define ORIGIN 0x7fffffc0ULL /* CR2, CR5: dispatchable-unit control table, primary ASTE */
#define DESIGNATION 16       /* both have their access-list designation there */

/* Access-list-entry token. */
#define ALET_RESERVED 0xfe000000u
#define ALET_PRIMARY_LIST 0x01000000u
#define ALET_NUMBER 0xffffu

#define REAL_MAX 0x7fffffffULL

static unsigned alet_sequence(uint32_t alet)
{
    return alet >> 16 & 0xff;
}

/* Reads an entry, which begins at a multiple of its size or lies in one that does: prefixing never changes in
 * the middle. Up to 24 bytes, to out. */
static int fetch(const struct dat_context *ctx, enum dat_table table, uint64_t index, uint64_t real,
                 unsigned bytes, uint64_t *out)
{
    struct dat_step *step = dat_record(ctx, table, index, real);
    uint8_t from[24];

    if (!dat_fetch(ctx, dat_real_to_absolute(ctx, real), from, bytes))
        return dat_ends(ctx, PGM_ADDRESSING, "the entry lies outside of memory");
    for (unsigned i = 0; i * 8 < bytes; i++) {
        out[i] = 0;
        for (unsigned byte = i * 8; byte < bytes && byte < i * 8 + 8; byte++)
            out[i] = out[i] << 8 | from[byte];
    }
    if (step) {
        step->bytes = bytes;
        memcpy(step->value, out, (bytes + 7) / 8 * sizeof *out);
    }
    return 0;
}

/* The access-list entry, of which the token says the list and the number. */
static int fetch_ale(const struct dat_context *ctx, uint32_t alet, uint64_t ale[2])
{
    uint64_t table = ctx->cr[alet & ALET_PRIMARY_LIST ? 5 : 2] & ORIGIN;
    unsigned number = alet & ALET_NUMBER;
    uint64_t ald;
    uint64_t real;
    int code = fetch(ctx, DAT_ACCESS_LIST_DESIGNATION, 0, table + DESIGNATION, 4, &ald);

    if (code)
        return code;
    if (number / 8 > (ald & ALD_LENGTH))
        return dat_ends(ctx, PGM_ALEN_TRANSLATION, "the access list is too short for this number");
    real = (ald & ALD_ORIGIN) + number * 16;
    if (real > REAL_MAX)
        return dat_ends(ctx, PGM_ADDRESSING, "the access list goes beyond 2 GiB");
    code = fetch(ctx, DAT_ACCESS_LIST, number, real, 16, ale);
    if (code)
        return code;
    if (ale[0] & ALE_INVALID)
        return dat_ends(ctx, PGM_ALEN_TRANSLATION, "the access-list entry is invalid");
    if ((ale[0] >> 48 & 0xff) != alet_sequence(alet))
        return dat_ends(ctx, PGM_ALE_SEQUENCE, "the token and the entry have different sequence numbers");
    return 0;
}

static int fetch_aste(const struct dat_context *ctx, const uint64_t ale[2], uint64_t aste[3])
{
    uint64_t real = (ale[1] & ALE_ASTE_ORIGIN) >> 32;
    int code = fetch(ctx, DAT_ASN_SECOND_TABLE, 0, real, 24, aste);

    if (code)
        return code;
    if (aste[0] & ASTE_INVALID)
        return dat_ends(ctx, PGM_ASTE_VALIDITY, "the ASTE is invalid");
    if ((uint32_t)aste[2] != (uint32_t)ale[1])
        return dat_ends(ctx, PGM_ASTE_SEQUENCE,
                        "the access-list entry and the ASTE have different sequence numbers");
    return 0;
}

/* A private entry is for the programs of one authorization index (CR8), and for those that the authority
 * table lets in. */
static int check_authority(const struct dat_context *ctx, const uint64_t ale[2], const uint64_t aste[3])
{
    unsigned eax = ctx->cr[8] >> 16 & 0xffff;
    uint64_t byte;
    int code;

    if (!(ale[0] & ALE_PRIVATE) || (ale[0] >> 32 & 0xffff) == eax)
        return 0;
    if (eax / 16 > (aste[0] >> 4 & 0xfff))
        return dat_ends(ctx, PGM_EXTENDED_AUTHORITY,
                        "the entry is private, and the authority table too short for CR8's index");
    code =
        fetch(ctx, DAT_AUTHORITY_TABLE, eax, ((aste[0] & ASTE_AUTHORITY_ORIGIN) >> 32) + eax / 4, 1, &byte);
    if (code)
        return code;
    if (!(byte & 0x40 >> eax % 4 * 2))
        return dat_ends(ctx, PGM_EXTENDED_AUTHORITY,
                        "the entry is private, and the authority table has no secondary authority for "
                        "CR8's index");
    return 0;
}

int dat_ar_asce(const struct dat_context *ctx, unsigned ar, uint64_t *asce, bool *fetch_only)
{
    uint32_t alet = ar ? ctx->ar[ar] : 0; /* access register 0 counts as zero, whatever it has */
    uint64_t ale[2];
    uint64_t aste[3];
    int code;

    if (ctx->walk) {
        ctx->walk->by_alet = true;
        ctx->walk->alet = alet;
    }
    if (alet <= 1) {
        *asce = ctx->cr[alet ? 7 : 1];
        return 0;
    }
    if (alet & ALET_RESERVED)
        return dat_ends(ctx, PGM_ALET_SPECIFICATION, "bits 0 to 6 of the token must be zero");
    code = fetch_ale(ctx, alet, ale);
    if (!code)
        code = fetch_aste(ctx, ale, aste);
    if (!code)
        code = check_authority(ctx, ale, aste);
    if (code)
        return code;
    *fetch_only = ale[0] & ALE_FETCH_ONLY;
    if (*fetch_only && ctx->walk)
        ctx->walk->step[1].protects = true;
    *asce = aste[1];
    return 0;
}
