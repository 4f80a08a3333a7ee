/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The byte ring between the vcpu's thread that writes guest console output and the loop that reads it. The
 * lock is held for copies within memory only, never across a system call or the wake function. */
#include "zgdbd/console.h"

#include <stdbool.h>
#include <string.h>

void console_init(struct console_ring *r, void (*wake)(void *), void *wake_ctx)
{
    pthread_mutex_init(&r->lock, NULL);
    r->head = 0;
    r->tail = 0;
    r->dropped = 0;
    r->wake = wake;
    r->wake_ctx = wake_ctx;
}

void console_write(void *ctx, const uint8_t *text, size_t len)
{
    struct console_ring *r = ctx;
    size_t room;
    size_t at;
    size_t n;
    size_t first;

    if (!len)
        return;
    pthread_mutex_lock(&r->lock);
    room = CONSOLE_RING_BYTES - (size_t)(r->head - r->tail);
    n = len < room ? len : room;
    at = (size_t)(r->head % CONSOLE_RING_BYTES);
    first = n < CONSOLE_RING_BYTES - at ? n : CONSOLE_RING_BYTES - at;
    memcpy(r->bytes + at, text, first);
    memcpy(r->bytes, text + first, n - first);
    r->head += n;
    r->dropped += len - n;
    pthread_mutex_unlock(&r->lock);
    if (r->wake)
        r->wake(r->wake_ctx);
}

size_t console_room(struct console_ring *r)
{
    return CONSOLE_RING_BYTES - console_held(r);
}

size_t console_held(struct console_ring *r)
{
    size_t held;

    pthread_mutex_lock(&r->lock);
    held = (size_t)(r->head - r->tail);
    pthread_mutex_unlock(&r->lock);
    return held;
}

/* The oldest bytes; *full (if not NULL) becomes true if there was no room before. */
static size_t take(struct console_ring *r, uint8_t *buf, size_t size, uint64_t *dropped, bool *full)
{
    size_t held;
    size_t at;
    size_t n;
    size_t first;

    pthread_mutex_lock(&r->lock);
    held = (size_t)(r->head - r->tail);
    n = size < held ? size : held;
    at = (size_t)(r->tail % CONSOLE_RING_BYTES);
    first = n < CONSOLE_RING_BYTES - at ? n : CONSOLE_RING_BYTES - at;
    if (n && buf) {
        memcpy(buf, r->bytes + at, first);
        memcpy(buf + first, r->bytes, n - first);
    }
    r->tail += n;
    if (dropped) {
        *dropped = r->dropped;
        r->dropped = 0;
    }
    if (full)
        *full = held == CONSOLE_RING_BYTES;
    pthread_mutex_unlock(&r->lock);
    return n;
}

size_t console_read(struct console_ring *r, uint8_t *buf, size_t size, uint64_t *dropped)
{
    return take(r, buf, size, dropped, NULL);
}

size_t console_take(void *ctx, uint8_t *buf, size_t size)
{
    struct console_ring *r = ctx;
    bool full;
    size_t n = take(r, buf, size, NULL, &full);

    if (full && n && r->wake)
        r->wake(r->wake_ctx);
    return n;
}
