/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The breakpoint registry: the set that the debugger has inserted, no two equal. gdb removes and inserts
 * everything around each stop and may repeat itself, so both are idempotent. The engine sees the set only as
 * a whole. */
#include "internal.h"

static bool equal(const struct breakpoint *a, const struct breakpoint *b)
{
    return a->kind == b->kind && a->addr == b->addr && a->len == b->len;
}

static size_t find(const struct target *t, const struct breakpoint *b)
{
    size_t i = 0;
    while (i < t->nbreakpoints && !equal(&t->breakpoints[i], b))
        i++;
    return i;
}

int registry_insert(struct target *t, unsigned cpu, const struct breakpoint *b, struct err *e)
{
    if (find(t, b) < t->nbreakpoints)
        return 0;
    if (t->nbreakpoints == BREAKPOINTS_MAX)
        return err_set(e, EXIT_OTHER, "the limit of %u breakpoints is reached; delete some", BREAKPOINTS_MAX);
    t->breakpoints[t->nbreakpoints++] = *b;
    if (machine_check_breakpoints(t->machine, cpu, t->breakpoints, t->nbreakpoints, e) == 0)
        return 0;
    t->nbreakpoints--;
    return -1;
}

void registry_remove(struct target *t, const struct breakpoint *b)
{
    size_t i = find(t, b);
    if (i < t->nbreakpoints)
        t->breakpoints[i] = t->breakpoints[--t->nbreakpoints];
}

void registry_clear(struct target *t)
{
    t->nbreakpoints = 0;
}
