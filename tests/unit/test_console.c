/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console ring: order, wrap-around, what is dropped when nobody reads, and two threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "zgdbd/console.h"

static void count_wake(void *ctx)
{
    ++*(unsigned *)ctx;
}

static int make_ring(void **state)
{
    *state = malloc(sizeof(struct console_ring));
    return *state ? 0 : -1;
}

static int free_ring(void **state)
{
    free(*state);
    return 0;
}

static void keeps_order_and_wakes(void **state)
{
    struct console_ring *r = *state;
    uint8_t buf[16];
    unsigned wakes = 0;
    uint64_t dropped = 99;

    console_init(r, count_wake, &wakes);
    console_write(r, (const uint8_t *)"Linux", 5);
    console_write(r, (const uint8_t *)" version", 8);
    console_write(r, NULL, 0);
    assert_int_equal(wakes, 2);
    assert_int_equal(console_read(r, buf, 3, NULL), 3);
    assert_memory_equal(buf, "Lin", 3);
    assert_int_equal(console_read(r, buf, sizeof buf, &dropped), 10);
    assert_memory_equal(buf, "ux version", 10);
    assert_int_equal(dropped, 0);
    assert_int_equal(console_read(r, buf, sizeof buf, NULL), 0);
}

static void drops_what_does_not_fit(void **state)
{
    struct console_ring *r = *state;
    uint8_t *text = calloc(1, CONSOLE_RING_BYTES + 100);
    uint64_t dropped;

    assert_non_null(text);
    console_init(r, NULL, NULL);
    console_write(r, text, CONSOLE_RING_BYTES + 100);
    console_write(r, text, 7);
    assert_int_equal(console_read(r, text, 10, &dropped), 10);
    assert_int_equal(dropped, 107);
    console_write(r, text, 11);
    assert_int_equal(console_read(r, text, CONSOLE_RING_BYTES + 100, &dropped), CONSOLE_RING_BYTES);
    assert_int_equal(dropped, 1);
    assert_int_equal(console_read(r, text, 1, &dropped), 0);
    assert_int_equal(dropped, 0);
    free(text);
}

static void wraps_around(void **state)
{
    struct console_ring *r = *state;
    uint8_t in[1000];
    uint8_t out[1000];

    console_init(r, NULL, NULL);
    for (unsigned i = 0; i < 3 * CONSOLE_RING_BYTES / sizeof in; i++) {
        for (unsigned k = 0; k < sizeof in; k++)
            in[k] = (uint8_t)(i + k);
        console_write(r, in, sizeof in);
        assert_int_equal(console_read(r, out, sizeof out, NULL), sizeof out);
        assert_memory_equal(in, out, sizeof in);
    }
}

#define STREAM_BYTES 1000000u

static atomic_bool stream_written;

static void *write_stream(void *ctx)
{
    for (uint32_t i = 0; i < STREAM_BYTES; i += 100) {
        uint8_t text[100];

        for (uint32_t k = 0; k < sizeof text; k++)
            text[k] = (uint8_t)((i + k) % 251);
        console_write(ctx, text, sizeof text);
    }
    stream_written = true;
    return NULL;
}

/* Everything arrives or is counted, and nothing out of order. */
static void serves_two_threads(void **state)
{
    struct console_ring *r = *state;
    uint64_t got = 0;
    uint64_t lost = 0;
    pthread_t writer;

    console_init(r, NULL, NULL);
    assert_int_equal(pthread_create(&writer, NULL, write_stream, r), 0);
    for (bool over = false; !over;) {
        uint8_t buf[4096];
        uint64_t dropped;
        size_t n;

        over = stream_written && r->head == r->tail;
        n = console_read(r, buf, sizeof buf, &dropped);
        lost += dropped;
        for (size_t k = 1; !lost && k < n; k++)
            assert_int_equal(buf[k], (buf[k - 1] + 1) % 251);
        got += n;
    }
    pthread_join(writer, NULL);
    assert_int_equal(got + lost, STREAM_BYTES);
}

/* A writer that waits for room is told of it, and only then. */
static void tells_a_writer_that_waits(void **state)
{
    struct console_ring *r = *state;
    uint8_t *text = calloc(1, CONSOLE_RING_BYTES);
    unsigned wakes = 0;

    assert_non_null(text);
    console_init(r, count_wake, &wakes);
    console_write(r, text, CONSOLE_RING_BYTES - 1);
    assert_int_equal(console_room(r), 1);
    assert_int_equal(console_held(r), CONSOLE_RING_BYTES - 1);
    wakes = 0;
    assert_int_equal(console_take(r, text, 1), 1);
    assert_int_equal(wakes, 0);
    console_write(r, text, 2);
    assert_int_equal(console_room(r), 0);
    wakes = 0;
    assert_int_equal(console_take(r, text, 1), 1);
    assert_int_equal(wakes, 1);
    assert_int_equal(console_read(r, NULL, CONSOLE_RING_BYTES, NULL), CONSOLE_RING_BYTES - 1);
    assert_int_equal(console_take(r, text, 1), 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_wakes), cmocka_unit_test(drops_what_does_not_fit),
        cmocka_unit_test(wraps_around),          cmocka_unit_test(tells_a_writer_that_waits),
        cmocka_unit_test(serves_two_threads),
    };
    return cmocka_run_group_tests(tests, make_ring, free_ring);
}
