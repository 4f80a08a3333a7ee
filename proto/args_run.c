/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of the packets about running: resume actions, threads, processes. */
#include "args.h"

static bool take_resume_address(struct cursor *c, struct rsp_request *out)
{
    out->resume.has_addr = !at_end(c);
    return at_end(c) || (take_hex(c, UINT64_MAX, &out->resume.addr) && at_end(c));
}

enum rsp_verdict args_resume(struct cursor *c, struct rsp_request *out)
{
    out->resume.signal = 0;
    return verdict(take_resume_address(c, out));
}

enum rsp_verdict args_resume_signal(struct cursor *c, struct rsp_request *out)
{
    out->resume.has_addr = false;
    if (!take_signal(c, &out->resume.signal))
        return RSP_MALFORMED;
    if (at_end(c))
        return RSP_OK;
    return verdict(take_char(c, ';') && !at_end(c) && take_resume_address(c, out));
}

/* c, C sig, s, S sig, t or r start,end, and perhaps :thread-id. */
static bool take_action(struct cursor *c, struct rsp_action *action)
{
    bool with_signal = false;

    *action = (struct rsp_action){.thread = {.pid = RSP_ALL, .tid = RSP_ALL}};
    if (take_char(c, 'c')) {
        action->type = RSP_ACTION_CONTINUE;
    } else if (take_char(c, 's')) {
        action->type = RSP_ACTION_STEP;
    } else if (take_char(c, 't')) {
        action->type = RSP_ACTION_STOP;
    } else if (take_char(c, 'r')) {
        action->type = RSP_ACTION_RANGE;
        if (!take_hex(c, UINT64_MAX, &action->start) || !take_char(c, ',') ||
            !take_hex(c, UINT64_MAX, &action->end))
            return false;
    } else {
        with_signal = true;
        if (take_char(c, 'C'))
            action->type = RSP_ACTION_CONTINUE;
        else if (take_char(c, 'S'))
            action->type = RSP_ACTION_STEP;
        else
            return false;
    }
    if (with_signal && !take_signal(c, &action->signal))
        return false;
    return !take_char(c, ':') || take_thread(c, &action->thread);
}

enum rsp_verdict args_vcont(struct cursor *c, struct rsp_request *out)
{
    out->vcont.count = 0;
    do {
        if (out->vcont.count == RSP_ACTIONS_MAX || !take_char(c, ';') ||
            !take_action(c, &out->vcont.actions[out->vcont.count]))
            return RSP_MALFORMED;
        out->vcont.count++;
    } while (!at_end(c));
    return RSP_OK;
}

enum rsp_verdict args_thread(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_thread(c, &out->thread) && at_end(c));
}

enum rsp_verdict args_comma_thread(struct cursor *c, struct rsp_request *out)
{
    return take_char(c, ',') ? args_thread(c, out) : RSP_MALFORMED;
}

enum rsp_verdict args_colon_pid(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_char(c, ':') && take_pid(c, &out->pid) && at_end(c));
}

enum rsp_verdict args_semicolon_pid(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_char(c, ';') && take_pid(c, &out->pid) && at_end(c));
}

enum rsp_verdict args_colon_pid_optional(struct cursor *c, struct rsp_request *out)
{
    out->pid = RSP_ANY;
    return at_end(c) ? RSP_OK : args_colon_pid(c, out);
}

enum rsp_verdict args_semicolon_pid_optional(struct cursor *c, struct rsp_request *out)
{
    out->pid = RSP_ANY;
    return at_end(c) ? RSP_OK : args_semicolon_pid(c, out);
}

/* ;filename[;argument]..., each in hex. The decoded strings are packed: each ends at or before its own token.
 */
enum rsp_verdict args_run(struct cursor *c, struct rsp_request *out)
{
    char *to;

    if (!take_char(c, ';'))
        return RSP_MALFORMED;
    to = c->p;
    out->run.filename = to;
    out->run.args = NULL;
    out->run.argc = 0;
    for (;;) {
        struct cursor token = take_token(c, ';');
        bool more = token.end < c->end;

        if (!decode_string(&token, to))
            return RSP_MALFORMED;
        to += left(&token) / 2 + 1;
        if (!more)
            return RSP_OK;
        if (!out->run.args)
            out->run.args = to;
        out->run.argc++;
    }
}
