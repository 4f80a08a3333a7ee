/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checksum of a frame, shared by the parser and the builder. */
#ifndef ZGDBD_PROTO_CHECKSUM_H
#define ZGDBD_PROTO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The sum of n bytes modulo 256: a memory reply is 128 KiB, and this is its second pass. Eight bytes at a
 * time, in blocks of so few words that four lanes of 16 bits hold the sums of their low bytes. What the words
 * make together less those is the sums of the high bytes, each in a lane 8 bits further left, of which the
 * last loses no bit that counts; of all of them only the lowest 8 bits do. */
static inline uint8_t rsp_checksum(const char *s, size_t n)
{
    const uint64_t low_bytes = 0x00ff00ff00ff00ffu, together = 0x0001000100010001u;
    uint64_t sum = 0;

    while (n >= 32) {
        size_t rounds = n / 32 < 64 ? n / 32 : 64;
        uint64_t all = 0, low = 0;

        n -= rounds * 32;
        for (; rounds > 0; rounds--, s += 32) {
            uint64_t w[4];

            memcpy(w, s, sizeof w);
            all += w[0] + w[1] + w[2] + w[3];
            low += (w[0] & low_bytes) + (w[1] & low_bytes) + (w[2] & low_bytes) + (w[3] & low_bytes);
        }
        low = (low & low_bytes) + ((all - low) >> 8 & low_bytes);
        sum += low * together >> 48;
    }
    for (; n > 0; n--)
        sum += (uint8_t)*s++;
    return (uint8_t)sum;
}

#endif
