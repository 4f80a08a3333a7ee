/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The random values of the KVM engine's tests, and failures that name the seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chance.h"

static uint64_t seed, state;

void chance_start(void)
{
    const char *wanted = getenv("ZGDBD_SEED");

    seed = wanted ? strtoull(wanted, NULL, 0) : (uint64_t)time(NULL) << 20 | 1;
    state = seed;
}

uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

void same(uint64_t is, uint64_t expected, const char *what)
{
    if (is != expected)
        fail_msg("%s is %016llx, not %016llx; ZGDBD_SEED=%llu", what, (unsigned long long)is,
                 (unsigned long long)expected, (unsigned long long)seed);
}

void same_bytes(const void *is, const void *expected, size_t n, const char *what)
{
    if (memcmp(is, expected, n) != 0)
        fail_msg("%s; ZGDBD_SEED=%llu", what, (unsigned long long)seed);
}

struct psw random_psw(void)
{
    struct psw psw = {random64() & ~(PSW_WAIT | PSW_DAT | PSW_PER), random64() & ~1ULL};

    psw.mask |= PSW_EA | PSW_BA;
    psw.mask &= ~PSW_PSTATE;
    return psw;
}
