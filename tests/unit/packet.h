/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets as a debugger would write them, with a checksum of the tests' own, so that the daemon's builder
 * cannot hide the daemon's faults. */
#ifndef PACKET_H
#define PACKET_H

#include <stdbool.h>
#include <stddef.h>

/* "$payload#xx" at buf, which holds n + 5 bytes, the last for a 0; returns the length without it. */
size_t packet_frame(char *buf, const void *payload, size_t n);

bool starts(const char *text, const char *with);

#endif
