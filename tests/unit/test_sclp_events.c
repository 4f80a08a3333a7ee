/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event facility: masks, VT220 output and input, signal quiesce, and what is wrong in an SCCB of events.
 */
#include "sclp_rig.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>

/* ---- masks ---- */

static unsigned set_masks(uint16_t mask_length, uint16_t sccb_length)
{
    store_be16(sccb + 10, mask_length);
    return call_with_length(WRITE_EVENT_MASK, sccb_length);
}

static void offers_what_the_consoles_need(void **state)
{
    static const struct {
        unsigned consoles;
        uint32_t write, read;
    } offers[] = {
        {0, 0, QUIESCE},
        {SCLP_VT220, VT220, VT220 | QUIESCE},
        {SCLP_LINE, MESSAGE | PRIORITY_MESSAGE, OPERATOR_COMMAND | QUIESCE},
        {SCLP_VT220 | SCLP_LINE, VT220 | MESSAGE | PRIORITY_MESSAGE, VT220 | OPERATOR_COMMAND | QUIESCE}};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        sclp_offer(offers[i].consoles);
        memset(sccb + 12, 0xff, 16);
        assert_int_equal(set_masks(4, 28), 0x0020);
        assert_int_equal(load_be32(sccb + 12), 0xffffffff);
        assert_int_equal(load_be32(sccb + 16), 0xffffffff);
        assert_int_equal(load_be32(sccb + 20), offers[i].write);
        assert_int_equal(load_be32(sccb + 24), offers[i].read);
    }
}

/* Each byte of each mask, for every legal length; nothing behind them changes. */
static void takes_masks_of_every_length(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 1021; n++) {
        uint8_t expected[1021] = {0, 0, 0, VT220};

        memset(sccb + 12, 0xff, 4084);
        assert_int_equal(set_masks((uint16_t)n, (uint16_t)(12 + 4 * n)), 0x0020);
        assert_memory_equal(sccb + 12 + 2 * n, expected, n);
        expected[3] = VT220 | QUIESCE;
        assert_memory_equal(sccb + 12 + 3 * n, expected, n);
        assert_true(n == 1021 || sccb[12 + 4 * n] == 0xff);
    }
}

static void refuses_masks_of_other_lengths(void **state)
{
    static const uint16_t wrong[] = {0, 1022, 0xffff};

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(set_masks(wrong[i], 4096), 0x74f0);
    assert_int_equal(set_masks(4, 27), 0x0300);
    assert_int_equal(set_masks(1021, 4095), 0x0300);
    assert_int_equal(set_masks(4, 11), 0x0300);
    assert_int_equal(set_masks(4, 12), 0x0300);
}

static void a_refused_mask_changes_nothing(void **state)
{
    (void)state;
    type("a");
    receive(VT220);
    memset(sccb + 12, 0, 16);
    set_masks(1022, 4096);
    set_masks(4, 27);
    assert_true(sclp_event_pending(&sclp));
    receive(0);
    assert_false(sclp_event_pending(&sclp));
}

/* ---- VT220 output ---- */

static void prints_vt220_events(void **state)
{
    uint8_t *end = put_event(sccb + 8, 0x1a, "Linux ", 6);

    (void)state;
    end = put_event(put_event(end, 0x1a, "", 0), 0x1a, "6.1\n", 4);
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, (uint16_t)(end - sccb)), 0x0020);
    assert_printed("Linux 6.1\n");
    assert_int_equal(sccb[8 + 3], 0x80);
    assert_int_equal(sccb[8 + 12 + 3], 0x80);
    assert_int_equal(sccb[8 + 12 + 6 + 3], 0x80);
}

/* Store Data (0x0c) must not look accepted: Linux would wait for its answer. */
static void accepts_only_offered_events(void **state)
{
    static const uint8_t types[] = {0, 1, 2, 9, 0x0c, 0x1d, 0x40, 0x41, 0xff};
    uint8_t *second = put_event(sccb + 8, 0x1a, "a", 1);
    uint8_t *third = put_event(second, 0x0c, "data", 4);
    uint8_t *end = put_event(third, 0x1a, "b", 1);

    (void)state;
    second[3] = 0x80;
    third[3] = 0xc0;
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, (uint16_t)(end - sccb)), 0x40f0);
    assert_printed("a");
    assert_int_equal(sccb[8 + 3], 0x80);
    assert_int_equal(second[3], 0);
    assert_int_equal(third[3], 0x40);
    for (unsigned i = 0; i < sizeof types; i++) {
        put_event(sccb + 8, types[i], "no", 2);
        assert_int_equal(call_with_length(WRITE_EVENT_DATA, 16), 0x40f0);
        assert_int_equal(sccb[8 + 3], 0);
    }
    sclp_offer(SCLP_LINE);
    put_event(sccb + 8, 0x1a, "no", 2);
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, 16), 0x40f0);
    assert_int_equal(nprinted, 1);
}

static void checks_event_buffers_first(void **state)
{
    uint8_t *second = put_event(sccb + 8, 0x1a, "abc", 3);
    static const uint16_t lengths[] = {0, 5, 7, 4096, 0xffff};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        store_be16(second, lengths[i]);
        assert_int_equal(call_with_length(WRITE_EVENT_DATA, (uint16_t)(second + 6 - sccb)), 0x73f0);
    }
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, (uint16_t)(second + 3 - sccb)), 0x73f0);
    assert_int_equal(nprinted, 0);
    assert_int_equal(sccb[8 + 3], 0);
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, 8), 0x0020);
    sccb[2] = 1;
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, 8), 0x40f0);
}

/* ---- VT220 input ---- */

static void has_no_events(void **state)
{
    (void)state;
    receive(VT220 | QUIESCE);
    memset(sccb, 0, 8);
    assert_int_equal(call_with_length(READ_EVENT_DATA, 4096), 0x60f0);
    assert_int_equal(load_be16(sccb), 4096);
    assert_int_equal(read_events(4096), 0x60f0);
    assert_int_equal(load_be16(sccb), 8);
    assert_int_equal(sccb[5], 0);
}

static void reads_what_was_typed(void **state)
{
    static const uint8_t event[] = {0, 12, 0x1a, 0x80, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};

    (void)state;
    type("hello");
    assert_false(sclp_event_pending(&sclp)); /* the guest does not receive it */
    assert_int_equal(read_events(4096), 0x60f0);
    receive(VT220);
    assert_true(sclp_event_pending(&sclp));
    memset(sccb + 8, 0xff, 4088);
    assert_int_equal(read_events(4096), 0x0020);
    assert_int_equal(load_be16(sccb), 20);
    assert_int_equal(sccb[5], 0);
    assert_memory_equal(sccb + 8, event, sizeof event);
    assert_false(sclp_event_pending(&sclp));
    assert_int_equal(read_events(4096), 0x60f0);
}

/* A reader without variable-length response walks on to the SCCB's end. */
static void the_rest_of_the_sccb_is_no_event(void **state)
{
    static const uint8_t nothing[4076];

    (void)state;
    type("hello");
    receive(VT220);
    memset(sccb, 0, 8);
    memset(sccb + 8, 0xff, 5000);
    assert_int_equal(call_with_length(READ_EVENT_DATA, 4096), 0x0020);
    assert_int_equal(load_be16(sccb), 4096);
    assert_int_equal(load_be16(sccb + 8), 12);
    assert_memory_equal(sccb + 20, nothing, sizeof nothing);
    assert_int_equal(sccb[4096], 0xff);
}

/* Every byte comes, once and in order, whatever the SCCB's length and the keyboard's pace. */
static void input_is_never_lost(void **state)
{
    static const size_t paces[] = {SIZE_MAX, 256, 100, 1};

    (void)state;
    receive(VT220);
    for (unsigned length = 16; length <= 4096; length = length < 40 ? length + 1 : length * 3 / 2) {
        uint8_t got[9000];
        size_t n = 0;

        read_limit = paces[length % 4];
        ntyped = sizeof got;
        for (size_t i = 0; i < ntyped; i++)
            typed[i] = (uint8_t)(i * 7 + i / 256);
        while (sclp_event_pending(&sclp)) {
            unsigned event;

            memset(sccb + length, 0xa5, 8);
            assert_int_equal(read_events((uint16_t)length), 0x0020);
            assert_int_equal(sccb[length], 0xa5);
            event = load_be16(sccb + 8);
            assert_int_equal(load_be16(sccb), 8 + event);
            assert_true(event > 7 && n + event - 7 <= sizeof got);
            memcpy(got + n, sccb + 15, event - 7);
            n += event - 7;
        }
        assert_int_equal(n, sizeof got);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(got[i], (uint8_t)(i * 7 + i / 256));
    }
}

static void one_read_takes_what_fits(void **state)
{
    (void)state;
    receive(VT220);
    ntyped = 5000;
    assert_int_equal(read_events(4096), 0x0020);
    assert_int_equal(load_be16(sccb), 4096);
    assert_int_equal(load_be16(sccb + 8), 4088);
    assert_int_equal(read_events(4096), 0x0020);
    assert_int_equal(load_be16(sccb + 8), 7 + 5000 - 4081);
}

static void an_sccb_without_room_takes_nothing(void **state)
{
    (void)state;
    receive(VT220);
    type("x");
    for (uint16_t length = 8; length < 16; length++) {
        memset(sccb + 8, 0xa5, 16);
        assert_int_equal(read_events(length), 0x0300);
        assert_int_equal(load_be16(sccb), length);
        assert_int_equal(sccb[8], 0xa5);
        assert_true(sclp_event_pending(&sclp));
    }
    assert_int_equal(read_events(16), 0x0020);
    assert_int_equal(sccb[15], 'x');
}

static void input_survives_a_reset(void **state)
{
    (void)state;
    receive(VT220);
    type("typed early");
    assert_true(sclp_event_pending(&sclp));
    sclp_reset(&sclp);
    assert_false(sclp_event_pending(&sclp));
    receive(VT220);
    assert_int_equal(read_events(4096), 0x0020);
    assert_memory_equal(sccb + 15, "typed early", 11);
}

static void works_without_a_keyboard(void **state)
{
    (void)state;
    sclp.config.read = NULL;
    receive(VT220);
    assert_false(sclp_event_pending(&sclp));
    assert_int_equal(read_events(4096), 0x60f0);
}

/* ---- signal quiesce ---- */

static void quiesces_a_guest_that_receives_it(void **state)
{
    static const uint8_t event[] = {0, 9, 0x1d, 0x80, 0, 0, 0, 0, 0};

    (void)state;
    assert_int_equal(sclp_quiesce(&sclp), -1);
    receive(VT220);
    assert_int_equal(sclp_quiesce(&sclp), -1);
    receive(QUIESCE);
    assert_false(sclp_event_pending(&sclp)); /* what was refused is forgotten */
    assert_int_equal(sclp_quiesce(&sclp), 0);
    assert_true(sclp_event_pending(&sclp));
    assert_int_equal(read_events(16), 0x0300);
    memset(sccb + 8, 0xff, 16);
    assert_int_equal(read_events(17), 0x0020);
    assert_int_equal(load_be16(sccb), 17);
    assert_memory_equal(sccb + 8, event, sizeof event);
    assert_false(sclp_event_pending(&sclp));
    assert_int_equal(read_events(4096), 0x60f0);
}

static void a_quiesce_waits_while_it_is_not_received(void **state)
{
    (void)state;
    receive(QUIESCE);
    assert_int_equal(sclp_quiesce(&sclp), 0);
    receive(VT220);
    assert_false(sclp_event_pending(&sclp));
    assert_int_equal(read_events(4096), 0x60f0);
    receive(QUIESCE);
    assert_true(sclp_event_pending(&sclp));
}

static void a_reset_forgets_the_quiesce(void **state)
{
    (void)state;
    receive(QUIESCE);
    assert_int_equal(sclp_quiesce(&sclp), 0);
    sclp_reset(&sclp);
    receive(QUIESCE);
    assert_false(sclp_event_pending(&sclp));
}

static void several_events_come_at_once(void **state)
{
    (void)state;
    receive(VT220 | QUIESCE);
    type("abcdef");
    assert_int_equal(sclp_quiesce(&sclp), 0);
    assert_int_equal(read_events(8 + 9 + 7 + 4), 0x0020);
    assert_int_equal(load_be16(sccb), 8 + 9 + 7 + 4);
    assert_int_equal(sccb[8 + 2], 0x1d);
    assert_int_equal(sccb[8 + 9 + 2], 0x1a);
    assert_memory_equal(sccb + 8 + 9 + 7, "abcd", 4);
    assert_true(sclp_event_pending(&sclp));
    assert_int_equal(read_events(4096), 0x0020);
    assert_memory_equal(sccb + 15, "ef", 2);
}

/* ---- selective read ---- */

static unsigned select_events(uint32_t mask, uint16_t length)
{
    memset(sccb, 0, 8);
    sccb[2] = 1;
    store_be32(sccb + 8, mask);
    return call_with_length(READ_EVENT_DATA, length);
}

static void reads_selected_events(void **state)
{
    (void)state;
    assert_int_equal(select_events(VT220, 4096), 0x70f0); /* nothing is received */
    assert_int_equal(select_events(0, 4096), 0x70f0);
    receive(VT220 | QUIESCE);
    type("ab");
    assert_int_equal(sclp_quiesce(&sclp), 0);
    assert_int_equal(select_events(0, 4096), 0x60f0);
    assert_int_equal(select_events(VT220 | OPERATOR_COMMAND, 4096), 0x70f0);
    assert_int_equal(select_events(VT220, 11), 0x0300);
    assert_int_equal(select_events(VT220, 4096), 0x0020);
    assert_int_equal(sccb[8 + 2], 0x1a);
    assert_int_equal(load_be16(sccb + 8 + 9), 0);
    assert_int_equal(select_events(QUIESCE, 4096), 0x0020);
    assert_int_equal(sccb[8 + 2], 0x1d);
    assert_int_equal(load_be16(sccb + 8 + 9), 0);
    memset(sccb, 0, 8);
    sccb[2] = 2;
    assert_int_equal(call_with_length(READ_EVENT_DATA, 4096), 0x40f0);
}

/* The selection is as long as the masks of the last WRITE EVENT MASK; a reset makes that 4 again. */
static void the_selection_has_the_length_of_the_masks(void **state)
{
    (void)state;
    memset(sccb, 0, 4096);
    sccb[10 + 1] = 8;
    store_be64(sccb + 12, 0x4000000001);
    assert_int_equal(call_with_length(WRITE_EVENT_MASK, 44), 0x0020);
    memset(sccb, 0, 4096);
    sccb[2] = 1;
    store_be64(sccb + 8, 0x4000000001);
    assert_int_equal(call_with_length(READ_EVENT_DATA, 15), 0x0300);
    assert_int_equal(call_with_length(READ_EVENT_DATA, 16), 0x60f0);
    store_be64(sccb + 8, 0x4000000003);
    assert_int_equal(call_with_length(READ_EVENT_DATA, 16), 0x70f0);
    sclp_reset(&sclp);
    assert_int_equal(select_events(VT220, 12), 0x70f0);
    assert_int_equal(select_events(VT220, 11), 0x0300);
}

/* ---- from several threads ---- */

static sem_t asking, printing;

/* On the loop's thread, which is about to take what was typed. */
static size_t slow_keyboard(void *ctx, uint8_t *buf, size_t size)
{
    (void)ctx;
    (void)buf;
    (void)size;
    sem_post(&asking);
    sem_wait(&printing);
    sem_post(&printing);
    return 0;
}

static void on_print(void *ctx, const uint8_t *text, size_t len)
{
    (void)ctx;
    (void)text;
    (void)len;
    sem_post(&printing);
}

static void *ask(void *ctx)
{
    sclp_event_pending(&sclp);
    return ctx;
}

/* A call is carried out while the loop asks for events, and is not busy: Linux would wait for ten seconds. */
static void the_loop_makes_no_call_busy(void **state)
{
    struct sclp_answer a;
    pthread_t loop;

    (void)state;
    sem_init(&asking, 0, 0);
    sem_init(&printing, 0, 0);
    receive(VT220);
    sclp.config.read = slow_keyboard;
    sclp.config.write = on_print;
    assert_int_equal(pthread_create(&loop, NULL, ask, NULL), 0);
    sem_wait(&asking);
    memset(sccb, 0, 8);
    store_be16(sccb, 15);
    put_event(sccb + 8, 0x1a, "x", 1);
    a = sclp_service_call(&sclp, &storage, PREFIX, WRITE_EVENT_DATA, SCCB);
    sem_post(&printing);
    assert_int_equal(pthread_join(loop, NULL), 0);
    assert_int_equal(a.cc, 0);
    assert_int_equal(load_be16(sccb + 6), 0x0020);
}

static void *keep_asking(void *done)
{
    while (!__atomic_load_n((bool *)done, __ATOMIC_ACQUIRE))
        sclp_event_pending(&sclp);
    return NULL;
}

static void input_is_not_lost_between_threads(void **state)
{
    bool done = false;
    pthread_t loop;
    size_t n = 0;

    (void)state;
    receive(VT220);
    ntyped = sizeof typed;
    read_limit = 3;
    assert_int_equal(pthread_create(&loop, NULL, keep_asking, &done), 0);
    while (n < sizeof typed) {
        assert_int_equal(read_events(64), 0x0020);
        n += load_be16(sccb + 8) - 7U;
    }
    __atomic_store_n(&done, true, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(loop, NULL), 0);
    assert_int_equal(n, sizeof typed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(offers_what_the_consoles_need),
        TEST(takes_masks_of_every_length),
        TEST(refuses_masks_of_other_lengths),
        TEST(a_refused_mask_changes_nothing),
        TEST(prints_vt220_events),
        TEST(accepts_only_offered_events),
        TEST(checks_event_buffers_first),
        TEST(has_no_events),
        TEST(reads_what_was_typed),
        TEST(the_rest_of_the_sccb_is_no_event),
        TEST(input_is_never_lost),
        TEST(one_read_takes_what_fits),
        TEST(an_sccb_without_room_takes_nothing),
        TEST(input_survives_a_reset),
        TEST(works_without_a_keyboard),
        TEST(quiesces_a_guest_that_receives_it),
        TEST(a_quiesce_waits_while_it_is_not_received),
        TEST(a_reset_forgets_the_quiesce),
        TEST(several_events_come_at_once),
        TEST(reads_selected_events),
        TEST(the_selection_has_the_length_of_the_masks),
        TEST(the_loop_makes_no_call_busy),
        TEST(input_is_not_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
