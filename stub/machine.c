/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine contract has beyond calls into an engine: the names of the stop reasons. */
#include "zgdbd/machine.h"

const char *stop_reason_name(enum stop_reason reason)
{
    switch (reason) {
    case STOP_STEP:
        return "step";
    case STOP_SW_BREAKPOINT:
        return "breakpoint";
    case STOP_HW_BREAKPOINT:
        return "hardware breakpoint";
    case STOP_WATCH:
        return "watchpoint";
    case STOP_CATCH:
        return "catchpoint";
    case STOP_WORD:
        return "word";
    case STOP_PANIC:
        return "panic";
    case STOP_INTERRUPT:
        return "interrupt";
    case STOP_HALTED:
        return "CPUs halted";
    case STOP_DISABLED_WAIT:
        return "disabled wait";
    case STOP_SHUTDOWN:
        return "shutdown";
    case STOP_PROGRAM_LOOP:
        return "interruption loop";
    case STOP_RESET:
        return "reset";
    case STOP_ERROR:
        return "error";
    case STOP_DUMP:
        return "dump";
    }
    return "unknown";
}

const char *cpu_state_name(enum cpu_state state)
{
    static const char *const names[] = {[CPU_RUNNING] = "operating",
                                        [CPU_WAITING] = "enabled wait",
                                        [CPU_DISABLED_WAIT] = "disabled wait",
                                        [CPU_STOPPED] = "stopped"};
    return names[state];
}
