/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The watchdog of DIAG 288, a countdown without a clock: whoever runs the guest says how much time has
 * passed. Functions and checks are those of QEMU's hw/watchdog/wdt_diag288.c and target/s390x/diag.c; Linux
 * drivers/watchdog/diag288_wdt.c is what calls it. */
#include "zgdbd/guest.h"

enum {
    WATCHDOG_INIT = 0,
    WATCHDOG_CHANGE = 1,
    WATCHDOG_CANCEL = 2,
};

#define SECONDS_MIN 15
#define SECONDS_MAX 0xffffffffULL /* more would not be lived to see */
#define NANOSECONDS 1000000000ULL

int watchdog_call(struct watchdog *w, uint64_t function, uint64_t seconds)
{
    if (function > WATCHDOG_CANCEL || (function != WATCHDOG_INIT && !w->on) ||
        (function != WATCHDOG_CANCEL && seconds < SECONDS_MIN))
        return -1;
    w->on = function != WATCHDOG_CANCEL;
    w->left = (seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * NANOSECONDS;
    return 0;
}

void watchdog_pass(struct watchdog *w, uint64_t nanoseconds)
{
    w->left = nanoseconds < w->left ? w->left - nanoseconds : 0;
}
