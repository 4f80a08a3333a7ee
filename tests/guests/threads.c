/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program of a Linux guest with four threads that wait for a signal, and never get one. */
#include <pthread.h>
#include <unistd.h>

static void *wait_for_ever(void *unused)
{
    (void)unused;
    pause();
    return NULL;
}

int main(void)
{
    pthread_t thread;

    for (int i = 0; i < 3; i++)
        if (pthread_create(&thread, NULL, wait_for_ever, NULL))
            return 1;
    pause();
    return 0;
}
