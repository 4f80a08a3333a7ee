/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fills struct err, the form in which errors travel up to main and the session. It prints nothing. */
#include "zgdbd/err.h"

#include <stdarg.h>
#include <stdio.h>

int(err_set)(struct err *e, enum exit_status status, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return -1;
    e->status = status;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return -1;
}
