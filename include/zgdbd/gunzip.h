/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that are compressed with gzip, as the loader and the debugger's side read them: unpacked once into
 * an anonymous file, of bounded size, that takes the place of the file itself. */
#ifndef ZGDBD_GUNZIP_H
#define ZGDBD_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/err.h"

/* What an image may unpack to beyond the guest's memory: ELF headers, symbols, debugging information. */
#define GUNZIP_BEYOND_MEMORY (16ULL << 20)

/* Does the file begin like a gzip file (RFC 1952: 1f 8b 08)? */
bool gunzip_is_gzip(int fd);

/* The first len bytes of what is packed in fd, for a look at it: how many there are, -1 if it cannot be
 * unpacked so far. */
long gunzip_peek(int fd, void *buf, size_t len);

/* Unpacks all members of the gzip file fd, of which path is the name for messages, and returns the descriptor
 * of an anonymous file with the contents, which the caller closes. -1 with EXIT_IMAGE if the file is
 * truncated or damaged or would unpack to more than limit bytes, with EXIT_OTHER if there is no memory. */
int gunzip(int fd, const char *path, uint64_t limit, struct err *e);

#endif
