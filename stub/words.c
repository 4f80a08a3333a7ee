/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in a buffer of fixed size: zgdbd/words.h. */
#include "zgdbd/words.h"

#include <stdarg.h>
#include <stdio.h>

void words_add(struct words *w, const char *fmt, ...)
{
    size_t room = w->size - w->len;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(w->buf + w->len, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        w->len += (size_t)n < room ? (size_t)n : room - 1;
}
