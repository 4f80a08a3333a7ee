/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's ends (panics, shutdowns, resets): what the user said is to follow from each, and how it is told
 * in the log. */
#include <string.h>
#include <time.h>

#include "target.h"
#include "zgdbd/log.h"

/* What follows from t->stop. A guest that resets itself on its way to code that it has put into memory itself
 * (kexec, kdump) does not end: --on-reset exit is not for it. */
enum guest_action end_action(const struct target *t, bool debugger)
{
    enum stop_reason reason = t->stop.reason;
    enum guest_action given = ACTION_DEFAULT;
    enum guest_action alone = ACTION_EXIT;
    if (reason == STOP_DISABLED_WAIT || reason == STOP_PROGRAM_LOOP)
        given = t->policy.on_panic;
    else if (reason == STOP_SHUTDOWN)
        given = t->policy.on_shutdown;
    else if (reason == STOP_RESET) {
        given = t->policy.on_reset;
        if (given == ACTION_EXIT && !t->stop.reloads)
            given = ACTION_RESTART;
        alone = ACTION_RESTART;
    }
    if (given != ACTION_DEFAULT)
        return given;
    return debugger ? ACTION_STOP : alone;
}

int end_status(enum stop_reason reason)
{
    if (reason == STOP_DISABLED_WAIT || reason == STOP_PROGRAM_LOOP)
        return EXIT_PANIC;
    return reason == STOP_ERROR ? EXIT_OTHER : EXIT_SHUTDOWN;
}

static enum log_level end_level(const struct stop *stop)
{
    return stop->reason == STOP_RESET || stop->reason == STOP_SHUTDOWN ? LOG_INFO : LOG_WARNING;
}

void stop_log(const struct stop *stop, enum log_level level)
{
    char line[STOP_LINE_BYTES];
    stop_line(stop, line, sizeof line);
    line[strcspn(line, "\n")] = 0;
    log_msg(level, "%s", line + strlen("zgdbd: "));
}

void end_log_as(const struct target *t, enum log_level level)
{
    stop_log(&t->stop, level);
    if (stop_is_crash(t->stop.reason))
        panic_tell(t, level, false, false);
}

void end_log(const struct target *t)
{
    end_log_as(t, end_level(&t->stop));
}

/* An end that restarts the guest may come again at once, for ever: one in a second is told, the others are
 * counted. */
bool end_told(struct target *t)
{
    enum log_level level = end_level(&t->stop);
    struct restarts *restarts = &t->restarts[level == LOG_WARNING];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (restarts->told == now.tv_sec) {
        restarts->untold++;
        return false;
    }
    if (restarts->untold)
        log_msg(level, "the guest has been restarted %u times more since that was told", restarts->untold);
    *restarts = (struct restarts){.told = now.tv_sec};
    return true;
}

bool end_log_restart(struct target *t)
{
    bool told = end_told(t);
    if (told)
        end_log(t);
    return told;
}

int64_t target_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
