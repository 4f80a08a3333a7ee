/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random values for the tests of the KVM engine. ZGDBD_SEED repeats a run that failed. Include it after
 * cmocka.h. */
#ifndef CHANCE_H
#define CHANCE_H

#include <stdint.h>

#include "zgdbd/psw.h"

/* Before the tests: takes the seed from the environment, or makes one. */
void chance_start(void);

uint64_t random64(void);

/* A PSW as good as any: random, but not in a wait, real, and even, so that the engine may look at the code
 * there. */
struct psw random_psw(void);

/* Ends the test unless the value is this, with words that name it and the seed. */
void same(uint64_t is, uint64_t expected, const char *what);
void same_bytes(const void *is, const void *expected, size_t n, const char *what);

#endif
