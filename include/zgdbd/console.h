/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's console output on its way from a vcpu's thread to the loop: a byte ring with one writer at a
 * time and one reader. Writing never blocks: what does not fit is dropped and counted, so that a reader that
 * does not read cannot stall a CPU. */
#ifndef ZGDBD_CONSOLE_H
#define ZGDBD_CONSOLE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_RING_BYTES 0x40000

struct console_ring {
    pthread_mutex_t lock;
    uint64_t head; /* bytes ever written */
    uint64_t tail; /* bytes ever read */
    uint64_t dropped;
    void (*wake)(void *ctx); /* called after a write, on the writer's thread; may be NULL */
    void *wake_ctx;
    uint8_t bytes[CONSOLE_RING_BYTES];
};

void console_init(struct console_ring *r, void (*wake)(void *), void *wake_ctx);

/* A console_write_fn: ctx is the ring. */
void console_write(void *ctx, const uint8_t *text, size_t len);

/* Moves up to size bytes out of the ring, oldest first; returns their number. *dropped (if not NULL) receives
 * the number of bytes lost since the last call and is reset. */
size_t console_read(struct console_ring *r, uint8_t *buf, size_t size, uint64_t *dropped);

#endif
