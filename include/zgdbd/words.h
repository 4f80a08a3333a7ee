/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that is put together piece by piece in a buffer of the caller's. What does not fit is cut. */
#ifndef ZGDBD_WORDS_H
#define ZGDBD_WORDS_H

#include <stddef.h>

struct words {
    char *buf;
    size_t size; /* of buf, at least 1 */
    size_t len;  /* of the text so far, without its terminator */
};

/* Appends, as far as there is room; what is in buf is terminated then. */
__attribute__((format(printf, 2, 3))) void words_add(struct words *w, const char *fmt, ...);

#endif
