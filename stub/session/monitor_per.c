/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PER in words: which range of addresses it watches, for which breakpoints, and what that costs the guest. A
 * user hears of a range that costs much without asking, once. */
#include <stdio.h>
#include <string.h>

#include "monitor.h"
#include "registry.h"
#include "target.h"

/* KVM's range of one breakpoint: a longest instruction, and where the next begins. If it is larger by more
 * than that, some other instruction lies between. */
#define ALONE_BYTES 6u
#define LONGEST_INSTRUCTION 6u
/* So far apart watchpoints have other data between them. */
#define NEAR_BYTES 4096u

/* Worth a line that nobody has asked for. */
static bool costs(const struct machine_per *p)
{
    uint64_t near_enough = p->fetches ? ALONE_BYTES + LONGEST_INSTRUCTION : NEAR_BYTES - 1;
    return (p->fetches || p->stores) && p->end - p->start > near_enough;
}

static const char *what_leaves(const struct machine_per *p)
{
    return p->fetches && p->stores ? "instruction and store" : p->fetches ? "instruction" : "store";
}

/* After a resume. In force may be what was told of before, with steps in between that need no PER. */
void per_tell(struct target *t)
{
    char line[320];
    struct machine_per p;
    if (!t->session || !machine_per(t->machine, &p) || !costs(&p) ||
        (p.start == t->per_told.start && p.end == t->per_told.end))
        return;
    t->per_told = p;
    snprintf(
        line, sizeof line,
        "zgdbd: breakpoints and watchpoints that PER holds lie between 0x%llx and 0x%llx: every %s in "
        "this range leaves the guest for a moment, which may slow code down a hundred times; `monitor per` "
        "says what to do\n",
        (unsigned long long)p.start, (unsigned long long)p.end, what_leaves(&p));
    session_console(t->session, line, false);
}

static bool held_by_per(struct machine *m, const struct breakpoint *b)
{
    const char *held = machine_breakpoint_held(m, b);
    return held && strcmp(held, "PER") == 0;
}

static void put_holders(struct session *s, struct text *out)
{
    struct point *points[POINTS_MAX];
    size_t n = registry_points(s->target->registry, points);
    bool software = false;
    for (size_t i = 0; i < n; i++) {
        const struct breakpoint *b = &points[i]->b;
        if (!held_by_per(s->target->machine, b))
            continue;
        put(out, "  %s at 0x%llx", point_kind_name(b->kind), (unsigned long long)b->addr);
        if (b->kind == BP_WRITE)
            put(out, ", %llu bytes", (unsigned long long)b->len);
        put(out, "%s\n", b->kind == BP_SOFTWARE ? ", because no opcode could be put there" : "");
        software |= b->kind == BP_SOFTWARE;
    }
    if (software)
        put(out, "A software breakpoint moves to memory, where it costs nothing, once its code is there.\n");
}

static void put_cost(const struct machine_per *p, struct text *out)
{
    put(out, "PER has one range for all of them: 0x%llx to 0x%llx.\n", (unsigned long long)p->start,
        (unsigned long long)p->end);
    put(out,
        "Every %s in this range leaves the guest, for more than 10 microseconds: a loop there may become a "
        "hundred times slower. What is outside costs nothing.\n",
        what_leaves(p));
    if (p->fetches)
        put(out, "What helps: `break` in place of `hbreak`, or fewer of them.\n");
    else if (costs(p))
        put(out, "What helps: watchpoints near together, or fewer of them.\n");
}

void mon_per(struct session *s, struct text *out)
{
    struct machine_per p = {.used = 0};
    if (!machine_per(s->target->machine, &p)) {
        put(out, "This machine does not tell how PER is in use.\n");
        return;
    }
    put(out, "%u of %u PER entries were in use when the guest last ran.\n", p.used, p.max);
    if (p.used == 0) {
        put(out, "They cost nothing now.\n");
        return;
    }
    put_holders(s, out);
    put_cost(&p, out);
}
