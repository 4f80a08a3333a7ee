/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fuzzer's input as a source of numbers: big endian, zero once it is used up. */
#ifndef ZGDBD_FUZZ_INPUT_H
#define ZGDBD_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *data;
    size_t size;
};

static inline uint64_t take(struct input *in, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes-- && in->size) {
        value = value << 8 | *in->data++;
        in->size--;
    }
    return value;
}

#endif
