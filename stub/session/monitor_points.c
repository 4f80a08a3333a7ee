/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor breakpoints` and `monitor watch-if`: the registry in words. */
#include <string.h>

#include "monitor.h"
#include "registry.h"

const char *point_kind_name(enum bp_kind kind)
{
    switch (kind) {
    case BP_SOFTWARE:
        return "software breakpoint";
    case BP_HARDWARE:
        return "hardware breakpoint";
    case BP_WRITE:
        return "write watchpoint";
    }
    return "breakpoint";
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void put_point(struct machine *m, const struct point *p, struct text *out)
{
    const struct bp_actions *a = p->b.actions;
    const char *held = machine_breakpoint_held(m, &p->b);
    put(out, "%s at 0x%llx", point_kind_name(p->b.kind), (unsigned long long)p->b.addr);
    if (p->b.kind == BP_WRITE)
        put(out, ", %llu byte%s", (unsigned long long)p->b.len, plural(p->b.len));
    put(out, ": reached %llu, hit %llu", (unsigned long long)atomic_load(&p->counts.reached),
        (unsigned long long)atomic_load(&p->counts.hits));
    if (held)
        put(out, ", held by %s", held);
    if (a && a->nconditions)
        put(out, ", %zu condition%s", a->nconditions, plural(a->nconditions));
    if (a && a->ncommands)
        put(out, ", %zu command%s", a->ncommands, plural(a->ncommands));
    if (p->left)
        put(out, ", left behind by a debugger that has gone");
    put(out, "%s\n", p->slot == NOT_SET ? " (not set now)" : "");
}

/* One that the debugger has taken out is of interest if it has counted something, or was in force last. */
static bool worth_showing(const struct registry *r, const struct point *p)
{
    return p->slot != NOT_SET || p->resume == r->resumes || atomic_load(&p->counts.reached);
}

static void put_points(struct machine *m, const struct registry *r, struct text *out)
{
    struct point *points[POINTS_MAX];
    size_t n = registry_points(r, points), shown = 0, dormant = 0;
    for (size_t i = 0; i < n; i++)
        if (worth_showing(r, points[i])) {
            put_point(m, points[i], out);
            shown++;
            dormant += points[i]->slot == NOT_SET;
        }
    if (shown == 0)
        put(out, "There are no breakpoints or watchpoints.\n");
    else if (dormant)
        put(out,
            "Not set now: gdb takes its breakpoints out at each stop, and sets those that it still has to go "
            "on.\n");
}

static void reset_counters(struct registry *r, struct text *out)
{
    struct point *points[POINTS_MAX];
    size_t n = registry_points(r, points);
    for (size_t i = 0; i < n; i++) {
        atomic_store(&points[i]->counts.reached, 0);
        atomic_store(&points[i]->counts.hits, 0);
    }
    put(out, "The counters of all breakpoints and watchpoints are zero.\n");
}

bool mon_breakpoints(struct session *s, const char *args, struct text *out)
{
    if (*args && strcmp(args, "reset") != 0)
        return false;
    if (*args)
        reset_counters(s->target->registry, out);
    else
        put_points(s->target->machine, s->target->registry, out);
    return true;
}

static void put_list(const struct registry *r, struct text *out)
{
    for (size_t i = 0; i < r->nwatch_ifs; i++)
        put(out, "0x%llx: %s\n", (unsigned long long)r->watch_if[i].addr, r->watch_if[i].text);
    if (r->nwatch_ifs == 0)
        put(out, "There are no conditions for watchpoints.\n");
}

bool mon_watch_if(struct session *s, const char *args, struct text *out)
{
    struct registry *r = s->target->registry;
    size_t covering = 0;
    const char *text;
    uint64_t addr;
    struct err e;
    if (!*args) {
        put_list(r, out);
        return true;
    }
    if (!take_number(args, &addr, &text)) {
        size_t word = strcspn(args, " \t");
        put(out,
            "Nothing is changed: ADDRESS must be a number, such as 0x24000, and not \"%.*s\". gdb puts "
            "a variable's address in: eval \"monitor watch-if 0x%%lx EXPRESSION\", &variable\n",
            word < 64 ? (int)word : 64, args);
        return true;
    }
    if (*text ? watch_if_set(r, addr, text, &covering, &e) : watch_if_remove(r, addr, &e))
        put(out, "Nothing is changed: %s\n", e.text);
    else if (!*text)
        put(out, "Watchpoints that cover 0x%llx stop at every change again.\n", (unsigned long long)addr);
    else
        put(out, "Watchpoints that cover 0x%llx stop only if %s%s\n", (unsigned long long)addr, text,
            covering ? "" : " (none is set now; gdb sets its own when it goes on)");
    return true;
}
