/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agent expressions. */
#include "zgdbd/agent.h"

struct agent_expr *agent_compile(const uint8_t *code, size_t len, struct err *e)
{
    (void)code;
    (void)len;
    err_set(e, EXIT_OTHER, "agent expressions are not understood yet");
    return NULL;
}

struct agent_expr *agent_parse(const char *text, struct err *e)
{
    (void)text;
    err_set(e, EXIT_OTHER, "expressions are not understood yet");
    return NULL;
}

void agent_free(struct agent_expr *x)
{
    (void)x;
}

bool agent_is(const struct agent_expr *x, const uint8_t *code, size_t len)
{
    (void)x;
    (void)code;
    (void)len;
    return false;
}

int agent_run(const struct agent_expr *x, const struct agent_context *c, uint64_t *value, struct err *e)
{
    (void)x;
    (void)c;
    *value = 0;
    return err_set(e, EXIT_OTHER, "not evaluated");
}

bool agent_breakpoint_stops(const struct breakpoint *b, const struct agent_context *c, char *text,
                            size_t size)
{
    (void)b;
    (void)c;
    if (size)
        text[0] = 0;
    return true;
}
