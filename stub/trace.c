/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit trace in words: names of exits, and a record's line. */
#include <stdio.h>

#include "zgdbd/trace.h"

static const char *const exit_names[EXIT_KINDS] = {
    [EXIT_DEBUG] = "debug",
    [EXIT_SERVICE_CALL] = "service call",
    [EXIT_DIAG] = "diag",
    [EXIT_SIGP] = "sigp",
    [EXIT_INSTRUCTION] = "other instruction",
    [EXIT_OPERATION] = "operation exception",
    [EXIT_WAIT] = "disabled wait",
    [EXIT_STOP] = "stop",
    [EXIT_LOOP] = "interruption loop",
    [EXIT_RESET] = "reset",
    [EXIT_KICK] = "kick",
    [EXIT_ELSE] = "other",
};

const char *exit_kind_name(enum exit_kind kind)
{
    return kind < EXIT_KINDS ? exit_names[kind] : "unknown";
}

char *exit_record_text(const struct exit_record *r, char *buf, size_t size)
{
    snprintf(buf, size, "CPU %u %016llx %016llx %s", r->cpu, (unsigned long long)r->psw.mask,
             (unsigned long long)r->psw.addr, exit_kind_name(r->kind));
    return buf;
}
