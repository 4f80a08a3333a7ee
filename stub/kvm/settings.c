/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for the machine until the user sets it otherwise (enum machine_setting): to whom each setting
 * belongs. */
#include "internal.h"

int settings_set(struct machine *machine, enum machine_setting setting, int value, struct err *e)
{
    struct kvm_machine *m = to_kvm(machine);

    switch (setting) {
    case MACHINE_TOD_RUNS:
        tod_set_runs(m, value);
        return 0;
    case MACHINE_STEP_INTERRUPTS:
        m->step_interrupts = value;
        return 0;
    default:
        return err_set(e, EXIT_OTHER, "this machine has no such setting");
    }
}

int settings_get(struct machine *machine, enum machine_setting setting)
{
    const struct kvm_machine *m = to_kvm(machine);

    switch (setting) {
    case MACHINE_TOD_RUNS:
        return m->tod_runs;
    case MACHINE_STEP_INTERRUPTS:
        return m->step_interrupts;
    default:
        return 0;
    }
}
