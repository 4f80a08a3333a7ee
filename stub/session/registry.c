/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The breakpoint registry: what the debugger has inserted, no two equal, with compiled conditions and
 * commands and with counters. gdb removes and inserts everything around each stop and may repeat itself, so
 * both are idempotent, cost no walk over the set, and an entry that was removed stays dormant for a while:
 * inserted again, it goes on with its counters and with nothing to compile. The engine sees the set as a
 * whole, in a snapshot for each resume.
 *
 * When a debugger goes, what it had goes with it, but for breakpoints whose commands are to persist. As with
 * gdbserver these stay, for the next debugger, too, until it inserts or removes one at the same place. */
#include <stdlib.h>
#include <string.h>

#include "registry.h"
#include "zgdbd/log.h"

/* ---- places ---- */

static struct point_chain *chain_of(struct registry *r, const struct breakpoint *b)
{
    uint64_t hash = (b->addr ^ b->len << 48 ^ (uint64_t)b->kind << 60) * 0x9e3779b97f4a7c15ULL;
    return &r->chains[hash >> 32 & (CHAINS - 1)];
}

static struct point *find(struct registry *r, const struct breakpoint *b)
{
    struct point *p;
    LIST_FOREACH(p, chain_of(r, b), chain)
    if (p->b.kind == b->kind && p->b.addr == b->addr && p->b.len == b->len)
        return p;
    return NULL;
}

static bool is_set(const struct point *p)
{
    return p->slot != NOT_SET;
}

static void put_to_sleep(struct registry *r, struct point *p)
{
    TAILQ_INSERT_TAIL(&r->dormant, p, age);
    r->ndormant++;
}

static void wake_up(struct registry *r, struct point *p)
{
    TAILQ_REMOVE(&r->dormant, p, age);
    r->ndormant--;
}

/* A dormant one is no more. */
static void forget(struct registry *r, struct point *p)
{
    wake_up(r, p);
    LIST_REMOVE(p, chain);
    point_set_actions(r, p, NULL);
    LIST_INSERT_HEAD(&r->retired_points, p, chain);
}

static struct point *new_point(struct registry *r, const struct breakpoint *b, struct err *e)
{
    struct point *p = calloc(1, sizeof *p);
    if (!p) {
        err_set(e, EXIT_OTHER, "no memory for a breakpoint");
        return NULL;
    }
    p->b = (struct breakpoint){.kind = b->kind, .addr = b->addr, .len = b->len, .counts = &p->counts};
    p->slot = NOT_SET;
    LIST_INSERT_HEAD(chain_of(r, b), p, chain);
    put_to_sleep(r, p);
    return p;
}

/* ---- conditions and commands ---- */

struct actions *actions_new(size_t nconditions, size_t ncommands, struct err *e)
{
    size_t n = nconditions + ncommands;
    struct actions *a = calloc(1, sizeof *a + n * sizeof(struct agent_expr *));
    if (!a) {
        err_set(e, EXIT_OTHER, "no memory for the conditions of a breakpoint");
        return NULL;
    }
    const struct agent_expr *const *expr = (const struct agent_expr *const *)a->expr;
    a->bp = (struct bp_actions){nconditions, expr, ncommands, expr + nconditions};
    return a;
}

void actions_free(struct actions *a)
{
    for (size_t i = 0; a && i < a->bp.nconditions + a->bp.ncommands; i++)
        agent_free(a->expr[i]);
    free(a);
}

void point_set_actions(struct registry *r, struct point *p, struct actions *a)
{
    if (p->actions) {
        r->code_bytes -= p->actions->bytes;
        SLIST_INSERT_HEAD(&r->retired, p->actions, retired);
    }
    r->code_bytes += a ? a->bytes : 0;
    p->actions = a;
    p->b.actions = a ? &a->bp : NULL;
    if (is_set(p))
        r->set[p->slot].actions = p->b.actions;
}

void registry_tidy(struct registry *r)
{
    struct actions *a;
    struct point *p;
    while ((a = SLIST_FIRST(&r->retired))) {
        SLIST_REMOVE_HEAD(&r->retired, retired);
        actions_free(a);
    }
    while ((p = LIST_FIRST(&r->retired_points))) {
        LIST_REMOVE(p, chain);
        free(p);
    }
    catch_tidy(r);
}

static const struct rsp_expr *code_at(const struct point_code *code, size_t i)
{
    return i < code->nconditions ? &code->conditions[i] : &code->commands[i - code->nconditions];
}

static bool same_code(const struct actions *a, const struct point_code *code)
{
    size_t n = code->nconditions + code->ncommands;
    if (!a)
        return n == 0;
    bool same = a->bp.nconditions == code->nconditions && a->bp.ncommands == code->ncommands &&
                a->persist == code->persist;
    for (size_t i = 0; same && i < n; i++)
        same = agent_is(a->expr[i], code_at(code, i)->code, code_at(code, i)->len);
    return same;
}

/* Made at the cost of the oldest places that are not in force. */
int registry_make_room(struct registry *r, size_t bytes, const struct point *keep, struct err *e)
{
    struct point *p = TAILQ_FIRST(&r->dormant);
    while (p && r->code_bytes + bytes > CODE_BYTES_MAX) {
        struct point *next = TAILQ_NEXT(p, age);
        if (p->actions && p != keep)
            forget(r, p);
        p = next;
    }
    if (r->code_bytes + bytes > CODE_BYTES_MAX)
        return err_set(e, EXIT_OTHER,
                       "the conditions and commands of all breakpoints exceed %u bytes; delete some",
                       CODE_BYTES_MAX);
    return 0;
}

static int compile(struct registry *r, const struct point *p, const struct point_code *code,
                   struct actions **out, struct err *e)
{
    size_t bytes = 0, n = code->nconditions + code->ncommands;
    *out = NULL;
    for (size_t i = 0; i < n; i++)
        bytes += code_at(code, i)->len;
    if (n == 0)
        return 0;
    if (registry_make_room(r, bytes, p, e))
        return -1;
    struct actions *a = actions_new(code->nconditions, code->ncommands, e);
    if (!a)
        return -1;
    a->bytes = bytes;
    a->persist = code->persist;
    for (size_t i = 0; i < n; i++) {
        struct err why = {.text = ""};
        a->expr[i] = agent_compile(code_at(code, i)->code, code_at(code, i)->len, &why);
        if (!a->expr[i]) {
            actions_free(a);
            return err_set(e, EXIT_OTHER, "a %s of the breakpoint at 0x%llx cannot be taken: %.200s",
                           i < code->nconditions ? "condition" : "command", (unsigned long long)p->b.addr,
                           why.text);
        }
    }
    *out = a;
    return 0;
}

/* What is to be done at the point: what the packet says, or for a watchpoint what the user has said. */
static int update_actions(struct registry *r, struct point *p, const struct point_code *code, struct err *e)
{
    struct actions *a = NULL;
    if (p->b.kind == BP_WRITE) {
        if (p->actions)
            return 0;
        if (watch_if_actions(r, p, &a, e))
            return -1;
    } else if (same_code(p->actions, code)) {
        return 0;
    } else if (compile(r, p, code, &a, e)) {
        return -1;
    }
    point_set_actions(r, p, a);
    return 0;
}

/* ---- the set ---- */

/* The engine's word on a set of which p's entry is the last one. */
static int check(struct registry *r, struct machine *m, unsigned cpu, struct point *p, struct err *e)
{
    p->units = 0;
    if (machine_check_breakpoint(m, cpu, &p->b, r->units, &p->units, e) == 0)
        return 0;
    p->units = 0;
    return machine_check_breakpoints(m, cpu, r->set, r->n, e);
}

static int put_in(struct registry *r, struct machine *m, unsigned cpu, struct point *p, struct err *e)
{
    if (r->n == BREAKPOINTS_MAX)
        return err_set(e, EXIT_OTHER, "the limit of %u breakpoints is reached; delete some", BREAKPOINTS_MAX);
    r->set[r->n++] = p->b;
    if (check(r, m, cpu, p, e)) {
        r->n--;
        return -1;
    }
    r->owner[r->n - 1] = p;
    r->units += p->units;
    p->slot = r->n - 1;
    wake_up(r, p);
    return 0;
}

static void take_out(struct registry *r, struct point *p)
{
    r->n--;
    r->units -= p->units;
    r->set[p->slot] = r->set[r->n];
    r->owner[p->slot] = r->owner[r->n];
    r->owner[p->slot]->slot = p->slot;
    p->slot = NOT_SET;
    p->left = false;
    put_to_sleep(r, p);
    if (r->ndormant > DORMANT_MAX)
        forget(r, TAILQ_FIRST(&r->dormant));
}

int registry_insert(struct target *t, unsigned cpu, const struct breakpoint *b, const struct point_code *code,
                    struct err *e)
{
    struct registry *r = t->registry;
    registry_tidy(r);
    struct point *old = find(r, b);
    struct point *p = old ? old : new_point(r, b, e);
    if (!p)
        return -1;
    if (update_actions(r, p, code, e) || (!is_set(p) && put_in(r, t->machine, cpu, p, e))) {
        if (!old)
            forget(r, p);
        return -1;
    }
    p->left = false;
    return 0;
}

void registry_remove(struct target *t, const struct breakpoint *b)
{
    struct point *p = find(t->registry, b);
    registry_tidy(t->registry);
    if (p && is_set(p))
        take_out(t->registry, p);
}

void registry_snapshot(struct target *t)
{
    struct registry *r = t->registry;
    registry_tidy(r);
    r->resumes++;
    for (size_t i = 0; i < r->n; i++)
        r->owner[i]->resume = r->resumes;
    memcpy(r->snapshot, r->set, r->n * sizeof *r->set);
    t->plan.breakpoints = r->snapshot;
    t->plan.nbreakpoints = r->n;
    catch_snapshot(r, &t->plan);
}

void registry_add_own(struct target *t, uint64_t addr)
{
    struct registry *r = t->registry;
    if (t->plan.nbreakpoints < BREAKPOINTS_MAX + KERNEL_POINTS)
        r->snapshot[t->plan.nbreakpoints++] =
            (struct breakpoint){.kind = BP_SOFTWARE, .addr = addr, .len = 2};
}

/* ---- the debugger has gone ---- */

static void clear(struct registry *r, bool persistent_too)
{
    for (size_t i = r->n; i-- > 0;) {
        struct point *p = r->owner[i];
        p->left = !persistent_too && p->actions && p->actions->persist;
        if (!p->left)
            take_out(r, p);
    }
    while (!TAILQ_EMPTY(&r->dormant))
        forget(r, TAILQ_FIRST(&r->dormant));
    watch_if_clear(r);
    catch_clear(r);
}

void registry_leave(struct target *t)
{
    clear(t->registry, false);
}

bool registry_has(const struct target *t, enum bp_kind kind, uint64_t addr)
{
    const struct registry *r = t->registry;
    size_t i = 0;
    while (i < r->n && (r->set[i].kind != kind || r->set[i].addr != addr))
        i++;
    return i < r->n;
}

bool registry_has_code(const struct target *t, uint64_t start, uint64_t end)
{
    const struct registry *r = t->registry;
    size_t i = 0;
    while (i < r->n && (r->set[i].kind == BP_WRITE || r->set[i].addr < start || r->set[i].addr >= end))
        i++;
    return i < r->n;
}

void registry_clear(struct target *t)
{
    clear(t->registry, true);
}

void registry_stopped(struct target *t, const struct stop *stop)
{
    struct breakpoint b = {.addr = stop->addr};
    if (stop->reason != STOP_SW_BREAKPOINT && stop->reason != STOP_HW_BREAKPOINT)
        return;
    for (b.kind = BP_SOFTWARE; b.kind <= BP_HARDWARE; b.kind++) {
        struct point *p = find(t->registry, &b);
        if (!p || !p->left)
            continue;
        log_msg(LOG_WARNING, "the breakpoint at 0x%llx that a debugger has left behind is taken out: %s",
                (unsigned long long)b.addr, stop->text);
        take_out(t->registry, p);
    }
}

/* ---- as a whole ---- */

static int by_address(const void *a, const void *b)
{
    const struct breakpoint *x = &(*(struct point *const *)a)->b, *y = &(*(struct point *const *)b)->b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->len < y->len ? -1 : x->len > y->len;
}

size_t registry_points(const struct registry *r, struct point **out)
{
    size_t n = r->n;
    struct point *p;
    memcpy(out, r->owner, n * sizeof(struct point *));
    TAILQ_FOREACH(p, &r->dormant, age)
    out[n++] = p;
    qsort(out, n, sizeof(struct point *), by_address);
    return n;
}

struct registry *registry_create(void)
{
    struct registry *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->resumes = 1; /* a point that was in none has 0 */
    TAILQ_INIT(&r->dormant);
    return r;
}

void registry_destroy(struct target *t)
{
    if (!t->registry)
        return;
    registry_clear(t);
    registry_tidy(t->registry);
    free(t->registry);
}
