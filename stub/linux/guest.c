/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of what is known of a guest: made empty, forgotten in part or whole. The other files of this room
 * fill it in. */
#include <stdlib.h>

#include "internal.h"

/* Of each file that keeps something. */
static linux_forget_fn *const forgetters[] = {linux_forget_place, linux_forget_kallsyms, linux_forget_modules,
                                              linux_forget_tasks};

static void forget(struct linux_guest *g, enum linux_forget what)
{
    for (size_t i = 0; i < sizeof forgetters / sizeof *forgetters; i++)
        forgetters[i](g, what);
}

struct linux_guest *linux_open(struct machine *m)
{
    struct linux_guest *g = calloc(1, sizeof *g);
    if (g)
        g->m = m;
    return g;
}

void linux_close(struct linux_guest *g)
{
    forget(g, FORGET_ALL);
    free(g);
}

void linux_changed(struct linux_guest *g)
{
    forget(g, FORGET_RAN);
}

void linux_reset(struct linux_guest *g)
{
    forget(g, FORGET_ALL);
}
