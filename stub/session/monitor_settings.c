/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor` commands that show or change what holds for the machine until it is set otherwise. */
#include <string.h>

#include "monitor.h"
#include "zgdbd/bytes.h"

/* One of two values, with their names. False: args is neither. */
static bool set_switch(struct session *s, enum machine_setting setting, const char *const names[2],
                       const char *args, struct text *out)
{
    bool on = strcmp(args, names[1]) == 0;
    struct err e;
    if (*args && !on && strcmp(args, names[0]) != 0)
        return false;
    if (*args && machine_set(s->target->machine, setting, on, &e))
        put(out, "Nothing is changed: %s\n", e.text);
    return true;
}

bool mon_step_interrupts(struct session *s, const char *args, struct text *out)
{
    static const char *const names[2] = {"off", "on"};
    if (!set_switch(s, MACHINE_STEP_INTERRUPTS, names, args, out))
        return false;
    put(out, machine_get(s->target->machine, MACHINE_STEP_INTERRUPTS)
                 ? "step-interrupts is on: a step stops in the handler of an interruption that comes first.\n"
                 : "step-interrupts is off: interruptions from outside wait until the CPU continues.\n");
    return true;
}

bool mon_tod(struct session *s, const char *args, struct text *out)
{
    static const char *const names[2] = {"stop", "run"};
    uint8_t bytes[REG_MAX_BYTES];
    if (!set_switch(s, MACHINE_TOD_RUNS, names, args, out))
        return false;
    if (target_has_reg(s->target, REG_TOD) &&
        machine_read_reg(s->target->machine, s->cpu, REG_TOD, bytes) == 0)
        put(out, "TOD clock %016llx. ", (unsigned long long)load_be64(bytes));
    put(out, machine_get(s->target->machine, MACHINE_TOD_RUNS) ? "It runs on while the guest is stopped.\n"
                                                               : "It stands while the guest is stopped.\n");
    return true;
}
