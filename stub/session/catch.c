/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's catchpoints: what `monitor catch` has made, in the order of numbers that are never used
 * twice. Like the conditions of watch-if they are the debugger's, and go with it; unlike breakpoints they
 * stay in force over stops, so that a running plan may point at one that is no more: it is retired first. */
#include <stdlib.h>
#include <string.h>

#include "registry.h"

static void discard(struct catch *c)
{
    actions_free(c->actions);
    free(c->condition);
    free(c);
}

static int compile(struct registry *r, struct catch *c, const char *condition, struct err *e)
{
    size_t len = strlen(condition);
    if (condition_check(condition, e) || registry_make_room(r, len, NULL, e))
        return -1;
    c->condition = strdup(condition);
    c->actions = c->condition ? actions_new(1, 0, e) : NULL;
    if (!c->actions)
        return err_set(e, EXIT_OTHER, "no memory for the condition");
    c->actions->bytes = len;
    c->actions->expr[0] = agent_parse(condition, e);
    c->point.actions = &c->actions->bp;
    return c->actions->expr[0] ? 0 : -1;
}

struct catch *catch_add(struct registry *r, const struct catchpoint *what, const char *condition, bool once,
                        struct err *e)
{
    registry_tidy(r);
    if (r->ncatches == CATCHES_MAX) {
        err_set(e, EXIT_OTHER, "there are %u catchpoints already; remove one with `monitor uncatch N`",
                CATCHES_MAX);
        return NULL;
    }
    struct catch *c = calloc(1, sizeof *c);
    if (!c) {
        err_set(e, EXIT_OTHER, "no memory for a catchpoint");
        return NULL;
    }
    c->point = *what;
    c->point.counts = &c->counts;
    c->once = once;
    if (condition && compile(r, c, condition, e)) {
        discard(c);
        return NULL;
    }
    r->code_bytes += c->actions ? c->actions->bytes : 0;
    c->point.number = ++r->catch_number;
    r->catches[r->ncatches++] = c;
    return c;
}

static size_t find(const struct registry *r, unsigned number)
{
    size_t i = 0;
    while (i < r->ncatches && r->catches[i]->point.number != number)
        i++;
    return i;
}

static void take_out(struct registry *r, size_t i)
{
    struct catch *c = r->catches[i];
    memmove(r->catches + i, r->catches + i + 1, (r->ncatches - i - 1) * sizeof(struct catch *));
    r->ncatches--;
    r->code_bytes -= c->actions ? c->actions->bytes : 0;
    SLIST_INSERT_HEAD(&r->retired_catches, c, retired);
}

int catch_remove(struct registry *r, unsigned number, struct err *e)
{
    size_t i = find(r, number);
    if (i == r->ncatches)
        return err_set(e, EXIT_OTHER, "there is no catchpoint %u; `monitor catch` lists them", number);
    take_out(r, i);
    return 0;
}

void catch_clear(struct registry *r)
{
    while (r->ncatches)
        take_out(r, r->ncatches - 1);
}

void catch_tidy(struct registry *r)
{
    struct catch *c;
    while ((c = SLIST_FIRST(&r->retired_catches))) {
        SLIST_REMOVE_HEAD(&r->retired_catches, retired);
        discard(c);
    }
}

void catch_snapshot(struct registry *r, struct resume_plan *plan)
{
    for (size_t i = 0; i < r->ncatches; i++)
        r->catch_snapshot[i] = r->catches[i]->point;
    plan->catchpoints = r->catch_snapshot;
    plan->ncatchpoints = r->ncatches;
}

bool catch_is_there(const struct target *t, unsigned number)
{
    return find(t->registry, number) < t->registry->ncatches;
}

void catch_told(struct target *t, const struct stop *stop)
{
    struct registry *r = t->registry;
    size_t i = find(r, stop->catchpoint);
    if (stop->reason == STOP_CATCH && i < r->ncatches && r->catches[i]->once)
        take_out(r, i);
}
