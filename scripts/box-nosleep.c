/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into Hercules 3.13 on the host. Its CTCI read thread begins with sleep(10),
 * which would be most of the box's start-up; everything else sleeps as asked.
 */
#include <time.h>

#define CTCI_START_DELAY 10
#define ENOUGH_NS 100000000

unsigned int sleep(unsigned int seconds);

unsigned int sleep(unsigned int seconds)
{
    struct timespec t = {.tv_sec = seconds};

    if (seconds == CTCI_START_DELAY) {
        t.tv_sec = 0;
        t.tv_nsec = ENOUGH_NS;
    }
    nanosleep(&t, NULL);
    return 0;
}
