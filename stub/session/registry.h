/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What registry.c keeps of each breakpoint, for those who show it (monitor_points.c) and who add conditions
 * of the user's (watch_if.c). */
#ifndef ZGDBD_SESSION_REGISTRY_H
#define ZGDBD_SESSION_REGISTRY_H

#include <sys/queue.h>

#include "internal.h"
#include "zgdbd/agent.h"

#define DORMANT_MAX 1024u
#define POINTS_MAX (BREAKPOINTS_MAX + DORMANT_MAX)
/* Bytecode of all conditions and commands together: compiled they take several times as much. */
#define CODE_BYTES_MAX 0x400000u
#define WATCH_IFS_MAX 64u
#define WATCH_IF_TEXT_MAX 1024u
#define CATCHES_MAX 64u

/* Compiled conditions and commands. Never changed: others replace it, and then it is retired. */
struct actions {
    struct bp_actions bp; /* of expr[]: conditions, then commands */
    bool persist;
    size_t bytes; /* of bytecode or text */
    SLIST_ENTRY(actions) retired;
    struct agent_expr *expr[];
};

/* A place at which the debugger has a breakpoint or watchpoint, or had one: gdb takes all out at each stop
 * and puts the same in again, and finds them as they were. */
struct point {
    struct breakpoint b; /* as the engine sees it; actions and counts are ours */
    struct actions *actions;
    struct bp_counts counts;
    size_t slot;     /* in registry.set, or NOT_SET: dormant */
    unsigned units;  /* of the engine, while it is set */
    uint64_t resume; /* the number of the last resume that it was in */
    bool left;       /* by a debugger that has gone */
    LIST_ENTRY(point) chain;
    TAILQ_ENTRY(point) age; /* among the dormant */
};

#define NOT_SET SIZE_MAX

struct watch_if {
    uint64_t addr;
    char *text;
};

/* A catchpoint, from `monitor catch` on. */
struct catch
{
    struct catchpoint point; /* as the engine sees it; actions and counts are ours */
    struct bp_counts counts;
    struct actions *actions; /* the condition, and its text; or NULL */
    char *condition;
    bool once;
    SLIST_ENTRY(catch) retired;
};

LIST_HEAD(point_chain, point);
TAILQ_HEAD(point_ages, point);
SLIST_HEAD(retired_actions, actions);
LIST_HEAD(retired_points, point);
SLIST_HEAD(retired_catches, catch);

#define CHAINS 1024u

struct registry {
    struct point_chain chains[CHAINS];
    struct point_ages dormant; /* oldest first */
    size_t ndormant;
    size_t code_bytes;
    uint64_t resumes;               /* so far, from 1 on */
    struct retired_actions retired; /* the running plan may point at these, and the counters of these: */
    struct retired_points retired_points; /* registry_tidy() frees them */
    size_t n;
    unsigned units;
    struct breakpoint set[BREAKPOINTS_MAX];
    struct point *owner[BREAKPOINTS_MAX]; /* of each entry of set */
    struct breakpoint
        snapshot[BREAKPOINTS_MAX + KERNEL_POINTS]; /* set as of the last resume, and the target's own */
    struct watch_if watch_if[WATCH_IFS_MAX];
    size_t nwatch_ifs;
    struct catch *catches[CATCHES_MAX]; /* by number */
    size_t ncatches;
    unsigned catch_number; /* the last one: none is used twice */
    struct catchpoint catch_snapshot[CATCHES_MAX];
    struct retired_catches retired_catches;
};

/* All of them, set and dormant, in the order of their addresses: at most POINTS_MAX pointers, which stay
 * valid until the next Z, z or resume. Returns how many. */
size_t registry_points(const struct registry *r, struct point **out);

/* actions with room for n expressions, of which none is there yet; NULL with *e. actions_free() takes one
 * that is filled in part (NULL is allowed, too). */
struct actions *actions_new(size_t nconditions, size_t ncommands, struct err *e);
void actions_free(struct actions *a);

/* Puts a (or NULL: none) in the place of the point's actions. */
void point_set_actions(struct registry *r, struct point *p, struct actions *a);

/* Frees what was retired. No CPU may be running. */
void registry_tidy(struct registry *r);

/* Makes room for so many bytes more of code, but not at the cost of `keep`. -1 with *e: there is none. */
int registry_make_room(struct registry *r, size_t bytes, const struct point *keep, struct err *e);

/* watch_if.c: the conditions that the user gave for watchpoints that cover what p does. 0, and *out may be
 * NULL: none; -1 with *e. */
int watch_if_actions(struct registry *r, const struct point *p, struct actions **out, struct err *e);
void watch_if_clear(struct registry *r);

/* Both only while no CPU runs. *covering: how many watchpoints that are set have it now. -1 with *e: the text
 * is no expression, too many, no room, no such condition. */
int watch_if_set(struct registry *r, uint64_t addr, const char *text, size_t *covering, struct err *e);
int watch_if_remove(struct registry *r, uint64_t addr, struct err *e);

/* catch.c. A copy of `what` with a number of its own and, unless that is NULL, the condition; NULL with *e:
 * too many, the text is no expression, no room. All but catch_clear() only while no CPU runs. */
struct catch *catch_add(struct registry *r, const struct catchpoint *what, const char *condition, bool once,
                        struct err *e);
int catch_remove(struct registry *r, unsigned number, struct err *e);
void catch_clear(struct registry *r);
void catch_tidy(struct registry *r);
void catch_snapshot(struct registry *r, struct resume_plan *plan);

/* -1 with *e: the text of a condition is too long, or no expression. */
int condition_check(const char *text, struct err *e);

#endif
