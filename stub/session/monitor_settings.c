/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor` commands that show or change what holds for the machine until it is set otherwise. */
#include <string.h>

#include "monitor.h"

/* One that is on or off. False: args is neither. */
static bool set_switch(struct session *s, enum machine_setting setting, const char *args, struct text *out)
{
    bool on = strcmp(args, "on") == 0;
    struct err e;
    if (*args && !on && strcmp(args, "off") != 0)
        return false;
    if (*args && machine_set(s->target->machine, setting, on, &e))
        put(out, "Nothing is changed: %s\n", e.text);
    return true;
}

bool mon_step_interrupts(struct session *s, const char *args, struct text *out)
{
    if (!set_switch(s, MACHINE_STEP_INTERRUPTS, args, out))
        return false;
    put(out, machine_get(s->target->machine, MACHINE_STEP_INTERRUPTS)
                 ? "step-interrupts is on: a step stops in the handler of an interruption that comes first.\n"
                 : "step-interrupts is off: interruptions from outside wait until the CPU continues.\n");
    return true;
}
