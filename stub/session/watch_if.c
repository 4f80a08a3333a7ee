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
int watch_if_actions(struct registry *r, const struct point *p, struct actions **out, struct err *e)
{
    size_t n = 0, bytes = 0;
    *out = NULL;
    for (size_t i = 0; i < r->nwatch_ifs; i++)
        if (covers(&p->b, r->watch_if[i].addr)) {
            bytes += strlen(r->watch_if[i].text);
            n++;
        }
    if (n == 0)
        return 0;
    struct actions *a = registry_make_room(r, bytes, p, e) ? NULL : actions_new(n, 0, e);
    if (!a)
        return -1;
    a->bytes = bytes;
    n = 0;
    for (size_t i = 0; i < r->nwatch_ifs; i++)
        if (covers(&p->b, r->watch_if[i].addr)) {
            a->expr[n] = agent_parse(r->watch_if[i].text, e);
            if (!a->expr[n++]) {
                actions_free(a);
                return -1;
            }
        }
    *out = a;
    return 0;
}

static int apply(struct registry *r, struct point *p, struct err *e)
{
    struct actions *a;
    if (watch_if_actions(r, p, &a, e))
        return -1;
    point_set_actions(r, p, a);
    return 0;
}

/* The watchpoints at addr get what the list now says; those that are not set, if there is no room, when they
 * are set again. */
static int refresh(struct registry *r, uint64_t addr, struct err *e)
{
    struct point *points[POINTS_MAX], *p;
    size_t n = registry_points(r, points);
    registry_tidy(r);
    for (size_t i = 0; i < n; i++)
        if (covers(&points[i]->b, addr))
            point_set_actions(r, points[i], NULL);
    for (size_t i = 0; i < r->n; i++)
        if (covers(&r->set[i], addr) && apply(r, r->owner[i], e))
            return -1;
    TAILQ_FOREACH(p, &r->dormant, age)
    if (covers(&p->b, addr) && r->code_bytes + WATCH_IFS_MAX * WATCH_IF_TEXT_MAX <= CODE_BYTES_MAX &&
        apply(r, p, e))
        return -1;
    return 0;
}

static size_t find(const struct registry *r, uint64_t addr)
{
    size_t i = 0;
    while (i < r->nwatch_ifs && r->watch_if[i].addr != addr)
        i++;
    return i;
}

int condition_check(const char *text, struct err *e)
{
    if (strlen(text) > WATCH_IF_TEXT_MAX)
        return err_set(e, EXIT_OTHER, "the expression is longer than %u characters", WATCH_IF_TEXT_MAX);
    struct agent_expr *x = agent_parse(text, e);
    agent_free(x);
    return x ? 0 : -1;
}

/* For a condition of so many bytes at each watchpoint that is set there. */
static int make_room(struct registry *r, uint64_t addr, size_t bytes, size_t *covering, struct err *e)
{
    *covering = 0;
    for (size_t i = 0; i < r->n; i++)
        *covering += covers(&r->set[i], addr);
    return registry_make_room(r, *covering * bytes, NULL, e);
}

int watch_if_set(struct registry *r, uint64_t addr, const char *text, size_t *covering, struct err *e)
{
    size_t i = find(r, addr);
    if (condition_check(text, e))
        return -1;
    if (i == WATCH_IFS_MAX)
        return err_set(e, EXIT_OTHER,
                       "there are %u conditions already; remove one with `monitor watch-if ADDR`",
                       WATCH_IFS_MAX);
    if (make_room(r, addr, strlen(text), covering, e))
        return -1;
    char *copy = strdup(text);
    if (!copy)
        return err_set(e, EXIT_OTHER, "no memory for the condition");
    if (i == r->nwatch_ifs)
        r->watch_if[r->nwatch_ifs++] = (struct watch_if){.addr = addr};
    free(r->watch_if[i].text);
    r->watch_if[i].text = copy;
    return refresh(r, addr, e);
}

int watch_if_remove(struct registry *r, uint64_t addr, struct err *e)
{
    size_t i = find(r, addr);
    if (i == r->nwatch_ifs)
        return err_set(e, EXIT_OTHER, "there is no condition for 0x%llx", (unsigned long long)addr);
    free(r->watch_if[i].text);
    r->watch_if[i] = r->watch_if[--r->nwatch_ifs];
    return refresh(r, addr, e);
}

void watch_if_clear(struct registry *r)
{
    while (r->nwatch_ifs)
        free(r->watch_if[--r->nwatch_ifs].text);
}
