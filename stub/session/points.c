/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Z and z: breakpoints and watchpoints of the protocol, brought into the registry and out of it. */
#include <string.h>

#include "internal.h"
#include "zgdbd/log.h"

/* The breakpoint that a Z or z packet means. False, and the empty reply, for a type that this target does not
 * have. */
static bool point(struct session *s, const struct rsp_request *r, struct breakpoint *b)
{
    static const struct {
        enum bp_kind kind;
        unsigned cap;
    } types[] = {
        [RSP_POINT_SOFTWARE] = {BP_SOFTWARE, MACHINE_CAN_SW_BREAK | MACHINE_CAN_HW_BREAK},
        [RSP_POINT_HARDWARE] = {BP_HARDWARE, MACHINE_CAN_HW_BREAK},
        [RSP_POINT_WRITE] = {BP_WRITE, MACHINE_CAN_HW_BREAK},
    };
    if (r->point.type > RSP_POINT_WRITE || !(s->target->machine->caps & types[r->point.type].cap)) {
        rsp_reply(&s->out, "");
        return false;
    }
    *b = (struct breakpoint){.kind = types[r->point.type].kind, .addr = r->point.addr};
    if (b->kind == BP_WRITE)
        b->len = r->point.kind;
    return true;
}

/* gdb 13 does not announce error messages, but shows the part of "E.kind.text" behind the second dot in
 * answers to Z. */
static void point_failed(struct session *s, const char *text)
{
    char dotted[sizeof(struct err) + 1] = ".";
    log_msg(LOG_WARNING, "refused: %s", text); /* gdb 13 drops the text of a software breakpoint's refusal */
    if (s->features & RSP_FEATURE_ERROR_MESSAGE) {
        session_refuse(s, RSP_ENOSPC, text);
        return;
    }
    strncat(dotted, text, sizeof dotted - 2);
    rsp_error_text(&s->out, dotted);
}

void cmd_insert_point(struct session *s, const struct rsp_request *r)
{
    struct point_code code = {r->point.nconditions, r->point.conditions, r->point.ncommands,
                              r->point.commands, r->point.persist};
    struct breakpoint b;
    struct err e;
    if (s->target->machine->fixed) { /* the empty reply would make gdb write an opcode of its own */
        point_failed(s, s->target->machine->fixed);
        return;
    }
    if (!point(s, r, &b)) {
        if (r->point.type > RSP_POINT_WRITE) /* gdb says that there are too many, whatever the answer is */
            log_msg(LOG_WARNING,
                    "refused: there are no watchpoints for reads (rwatch, awatch): PER tells of stores only");
        return;
    }
    if (b.kind == BP_WRITE && b.len == 0)
        session_refuse(s, RSP_EINVAL, "a watchpoint must have a length");
    else if (registry_insert(s->target, s->cpu, &b, &code, &e))
        point_failed(s, e.text);
    else
        rsp_reply(&s->out, "OK");
}

void cmd_remove_point(struct session *s, const struct rsp_request *r)
{
    struct breakpoint b;
    if (!point(s, r, &b))
        return;
    registry_remove(s->target, &b);
    rsp_reply(&s->out, "OK");
}
