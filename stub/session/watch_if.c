/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor watch-if`: conditions of the user's for write watchpoints, for which the protocol has none. Each
 * is for one address and holds at every watchpoint that covers it, whenever gdb inserts that, until it is
 * taken back or the debugger has gone. */
#include <stdlib.h>
#include <string.h>

#include "registry.h"

static bool covers(const struct breakpoint *b, uint64_t addr)
{
    return b->kind == BP_WRITE && addr >= b->addr && addr - b->addr < b->len;
}

/* Each watchpoint has compiled copies of its own, so that one place owns them. */
int watch_if_actions(const struct registry *r, const struct breakpoint *b, struct actions **out,
                     struct err *e)
{
    size_t n = 0;
    *out = NULL;
    for (size_t i = 0; i < r->nwatch_ifs; i++)
        n += covers(b, r->watch_if[i].addr);
    if (n == 0)
        return 0;
    struct actions *a = actions_new(n, 0, e);
    if (!a)
        return -1;
    n = 0;
    for (size_t i = 0; i < r->nwatch_ifs; i++)
        if (covers(b, r->watch_if[i].addr)) {
            a->bytes += strlen(r->watch_if[i].text);
            a->expr[n] = agent_parse(r->watch_if[i].text, e);
            if (!a->expr[n++]) {
                actions_free(a);
                return -1;
            }
        }
    *out = a;
    return 0;
}

/* The watchpoints at addr get what the list now says. */
static int refresh(struct registry *r, uint64_t addr, size_t *covering, struct err *e)
{
    struct point *points[POINTS_MAX];
    size_t n = registry_points(r, points);
    registry_tidy(r);
    *covering = 0;
    for (size_t i = 0; i < n; i++) {
        struct actions *a;
        if (!covers(&points[i]->b, addr))
            continue;
        if (watch_if_actions(r, &points[i]->b, &a, e))
            return -1;
        point_set_actions(r, points[i], a);
        *covering += 1;
    }
    return 0;
}

static size_t find(const struct registry *r, uint64_t addr)
{
    size_t i = 0;
    while (i < r->nwatch_ifs && r->watch_if[i].addr != addr)
        i++;
    return i;
}

int watch_if_set(struct registry *r, uint64_t addr, const char *text, size_t *covering, struct err *e)
{
    size_t i = find(r, addr);
    struct agent_expr *x = agent_parse(text, e);
    if (!x)
        return -1;
    agent_free(x);
    if (i == WATCH_IFS_MAX)
        return err_set(e, EXIT_OTHER,
                       "there are %u conditions already; remove one with `monitor watch-if ADDR`",
                       WATCH_IFS_MAX);
    char *copy = strdup(text);
    if (!copy)
        return err_set(e, EXIT_OTHER, "no memory for the condition");
    if (i == r->nwatch_ifs)
        r->watch_if[r->nwatch_ifs++] = (struct watch_if){.addr = addr};
    free(r->watch_if[i].text);
    r->watch_if[i].text = copy;
    return refresh(r, addr, covering, e);
}

int watch_if_remove(struct registry *r, uint64_t addr, struct err *e)
{
    size_t covering, i = find(r, addr);
    if (i == r->nwatch_ifs)
        return err_set(e, EXIT_OTHER, "there is no condition for 0x%llx", (unsigned long long)addr);
    free(r->watch_if[i].text);
    r->watch_if[i] = r->watch_if[--r->nwatch_ifs];
    return refresh(r, addr, &covering, e);
}

void watch_if_clear(struct registry *r)
{
    while (r->nwatch_ifs)
        free(r->watch_if[--r->nwatch_ifs].text);
}
