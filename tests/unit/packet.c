/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds packets for the tests. The protocol's own code has no part in it: it is what they try. */
#include "packet.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

size_t packet_frame(char *buf, const void *payload, size_t n)
{
    const uint8_t *bytes = payload;
    uint8_t sum = 0;

    buf[0] = '$';
    memcpy(buf + 1, bytes, n);
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return n + 1 + (size_t)sprintf(buf + 1 + n, "#%02x", sum);
}

bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}
