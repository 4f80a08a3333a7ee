/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checksum of a frame, shared by the parser and the builder. */
#ifndef ZGDBD_PROTO_CHECKSUM_H
#define ZGDBD_PROTO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The sum of n bytes modulo 256. Eight bytes at a time, in four lanes of 16 bits that are folded into one
 * before the four together can overflow it (32 words of at most 8 * 255): a memory reply is 128 KiB, and this
 * is its second pass. */
static inline uint8_t rsp_checksum(const char *s, size_t n)
{
    const uint64_t low_bytes = 0x00ff00ff00ff00ffu;
    uint64_t sum = 0;

    while (n >= 8) {
        size_t words = n / 8 < 32 ? n / 8 : 32;
        uint64_t lanes = 0;

        n -= words * 8;
        for (; words > 0; words--, s += 8) {
            uint64_t w;

            memcpy(&w, s, sizeof w);
            lanes += (w & low_bytes) + (w >> 8 & low_bytes);
        }
        sum += lanes * 0x0001000100010001u >> 48;
    }
    for (; n > 0; n--)
        sum += (uint8_t)*s++;
    return (uint8_t)sum;
}

#endif
