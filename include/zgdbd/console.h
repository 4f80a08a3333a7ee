/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's console on its way between a vcpu's thread and the loop: a byte ring with one writer at a time
 * and one reader, for each direction one. Writing never blocks: what does not fit is dropped and counted, so
 * that a reader that does not read cannot stall a CPU. A writer that must not lose anything (the loop, with
 * what a user types) asks for room first. */
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

/* Moves up to size bytes out of the ring, oldest first (buf NULL: they are thrown away); returns their
 * number. *dropped (if not NULL) receives the number of bytes lost since the last call and is reset. */
size_t console_read(struct console_ring *r, uint8_t *buf, size_t size, uint64_t *dropped);

/* Bytes that console_write() takes now without dropping any, and bytes that console_read() would give. */
size_t console_room(struct console_ring *r);
size_t console_held(struct console_ring *r);

/* A console_read_fn (guest.h): ctx is the ring. Calls wake if the ring was full: its writer may go on. */
size_t console_take(void *ctx, uint8_t *buf, size_t size);

#endif
