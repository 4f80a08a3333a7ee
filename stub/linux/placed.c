/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel that has been placed and has not said more. Up to Linux 6.9 its virtual addresses are its place in
 * storage; later ones choose both, and of the two absolute 0xe0c has the place in storage alone
 * (arch/s390/boot/ startup.c). The translation tables, which are there by then, tell the other. */
#include "internal.h"

#define MIB (1ULL << 20)
#define TEXT_OFFSET                                                                                          \
    MIB /* the kernel's first byte is so far behind its place, in storage and by its address */
#define PROBES 0x10000u
#define ASCE_TYPE 0xcULL

/* How far an exception says that nothing is mapped. */
static uint64_t hole(int code)
{
    switch (code) {
    case PGM_REGION_FIRST_TRANSLATION:
        return 1ULL << 53;
    case PGM_REGION_SECOND_TRANSLATION:
        return 1ULL << 42;
    case PGM_REGION_THIRD_TRANSLATION:
        return 1ULL << 31;
    default:
        return MIB;
    }
}

/* The end of what a table of this type can map; Linux has at most a region-second table for itself. */
static uint64_t space_end(uint64_t asce)
{
    switch (asce & ASCE_TYPE) {
    case 0:
        return 1ULL << 31;
    case 4:
        return 1ULL << 42;
    default:
        return 1ULL << 53;
    }
}

/* From the top down, since storage is mapped at its own addresses, too, below the kernel. A kernel keeps its
 * place within 1 MiB (for frames of that size). */
bool linux_placed(const struct dat_context *ctx, uint64_t place, uint64_t *virtual)
{
    uint64_t at = space_end(ctx->cr[13]) - MIB;

    for (unsigned i = 0; i < PROBES; i++) {
        struct dat_result r;
        int code = dat_translate(ctx, SPACE_HOME, at + place % MIB, &r);
        uint64_t base = at & ~(hole(code) - 1);

        if (!code && r.absolute == place + TEXT_OFFSET && at >= TEXT_OFFSET) {
            *virtual = at - TEXT_OFFSET + place % MIB;
            return true;
        }
        if (!base)
            return false;
        at = base - MIB;
    }
    return false;
}
