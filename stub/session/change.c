/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a debugger does to a machine that stands, besides reading and resuming it: a reset, signals to a CPU,
 * registers. */
#include "target.h"

/* In non-stop, CPUs that ran for the debugger stand now, which it is told. The one whose stop it was told
 * before, and has not acknowledged, comes first and is not told again. */
int target_reset(struct target *t, enum machine_reset_kind kind, const char *append, struct err *e)
{
    bool ran[MACHINE_MAX_CPUS] = {false};
    bool in_flight = t->in_flight;
    unsigned first = in_flight ? t->queue[0] : 0;
    for (unsigned cpu = 0; cpu < t->machine->ncpus; cpu++)
        ran[cpu] = t->cpus[cpu].side != SIDE_HELD;
    if (target_load(t, kind, append, e))
        return -1;
    for (unsigned i = 0; t->non_stop && i < t->machine->ncpus; i++) {
        unsigned cpu = (first + i) % t->machine->ncpus;
        if (ran[cpu])
            stops_put_made(t, cpu, STOP_INTERRUPT, "the guest was reset", true);
    }
    t->in_flight = in_flight;
    t->killed = false;
    return 0;
}

/* A restart gets a CPU out of a disabled wait and of the stopped state. */
int target_signal(struct target *t, unsigned cpu, enum machine_signal signal, struct err *e)
{
    if (machine_signal(t->machine, cpu, signal, e))
        return -1;
    t->dead = false;
    return 0;
}

int target_powerdown(struct target *t, struct err *e)
{
    if (t->dead)
        return err_set(e, EXIT_OTHER,
                       "it has come to its end (%s) and cannot run on; `monitor reset` loads it again",
                       stop_reason_name(t->stop.reason));
    return machine_signal(t->machine, 0, MACHINE_POWERDOWN, e);
}

bool target_has_reg(const struct target *t, unsigned reg)
{
    return reg < REG_COUNT && (t->machine->reg_features & 1u << reg_table[reg].feature);
}

int target_write_reg(struct target *t, unsigned cpu, unsigned reg, const uint8_t *bytes)
{
    t->dead = false;
    return machine_write_reg(t->machine, cpu, reg, bytes);
}
