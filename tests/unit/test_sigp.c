/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGP: what every order leads to in every state of the CPU that it goes to, with right and wrong parameters;
 * the formats of the status that it stores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define SIZE 0x100000
static uint8_t storage[SIZE];
static const struct guest_memory memory = {storage, SIZE};

enum state {
    OPERATING,
    STOPPED,
    STOPPING,
};

static struct sigp_answer order_of(const struct sigp_state *extra, enum state state, unsigned order,
                                   uint64_t parameter)
{
    struct sigp_state s = *extra;

    s.memory = &memory;
    s.there = true;
    s.stopped = state == STOPPED;
    s.stopping = state == STOPPING;
    return sigp_order(&s, order, parameter);
}

static void expect(struct sigp_answer is, struct sigp_answer should, const char *what)
{
    if (is.action != should.action || is.cc != should.cc || is.status != should.status ||
        is.address != should.address || is.length != should.length)
        fail_msg("%s: action %d cc %u status %x address %llx length %llx", what, (int)is.action, is.cc,
                 is.status, (unsigned long long)is.address, (unsigned long long)is.length);
}

#define DOES(action)                                                                                         \
    {                                                                                                        \
        action, 0, 0, 0, 0                                                                                   \
    }
#define REFUSED(status)                                                                                      \
    {                                                                                                        \
        SIGP_NOTHING, 1, status, 0, 0                                                                        \
    }

static void every_order_in_every_state(void **state)
{
    static const struct {
        unsigned order;
        uint64_t parameter;
        struct sigp_answer operating, stopped;
    } table[] = {
        {0x00, 0, REFUSED(0x02), REFUSED(0x02)},
        {0x01, 0, DOES(SIGP_NOTHING), REFUSED(0x40)},
        {0x02, 0, REFUSED(0x02), REFUSED(0x02)}, /* KVM's own */
        {0x04, 0, DOES(SIGP_NOTHING), DOES(SIGP_DO_START)},
        {0x05, 0, DOES(SIGP_DO_STOP), DOES(SIGP_NOTHING)},
        {0x06, 0, DOES(SIGP_DO_RESTART), DOES(SIGP_DO_RESTART)},
        {0x07, 0, REFUSED(0x02), REFUSED(0x02)},
        {0x09, 0, DOES(SIGP_DO_STOP_AND_STORE), DOES(SIGP_DO_STORE)},
        {0x0b, 0, DOES(SIGP_DO_INITIAL_RESET), DOES(SIGP_DO_INITIAL_RESET)},
        {0x0c, 0, DOES(SIGP_DO_RESET), DOES(SIGP_DO_RESET)},
        {0x0d, 0x7654, REFUSED(0x200), {SIGP_DO_SET_PREFIX, 0, 0, 0x6000, 0}},
        {0x0d, SIZE, REFUSED(0x100), REFUSED(0x100)},
        {0x0d, SIZE - 0x2000, REFUSED(0x200), {SIGP_DO_SET_PREFIX, 0, 0, SIZE - 0x2000, 0}},
        {0x0d, 0xfffffff080006000, REFUSED(0x200), {SIGP_DO_SET_PREFIX, 0, 0, 0x6000, 0}},
        {0x0e, 0x77ff, REFUSED(0x200), {SIGP_DO_STORE_AT, 0, 0, 0x7600, 0}},
        {0x0e, SIZE - 512, REFUSED(0x200), {SIGP_DO_STORE_AT, 0, 0, SIZE - 512, 0}},
        {0x0e, SIZE, REFUSED(0x200), REFUSED(0x100)},
        {0x15, 0, REFUSED(0x02), REFUSED(0x02)},
        {0x17, 0x4000, REFUSED(0x02), REFUSED(0x02)}, /* this machine has nothing to store */
        {0xff, 0, REFUSED(0x02), REFUSED(0x02)},
    };
    const struct sigp_state plain = {0};

    (void)state;
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        char what[64];

        snprintf(what, sizeof what, "order %02x, parameter %llx", table[i].order,
                 (unsigned long long)table[i].parameter);
        expect(order_of(&plain, OPERATING, table[i].order, table[i].parameter), table[i].operating, what);
        expect(order_of(&plain, STOPPED, table[i].order, table[i].parameter), table[i].stopped, what);
    }
}

/* A stop that is not done yet keeps all but resets away. */
static void busy_while_it_stops(void **state)
{
    const struct sigp_state plain = {0};

    (void)state;
    for (unsigned order = 0; order < 256; order++) {
        struct sigp_answer a = order_of(&plain, STOPPING, order, 0);

        if (order == 0x0b || order == 0x0c)
            assert_int_equal(a.cc, 0);
        else if (order != 0x12)
            expect(a, (struct sigp_answer){.cc = 2}, "busy");
    }
}

static void nobody_there(void **state)
{
    struct sigp_state s = {.memory = &memory};

    (void)state;
    for (unsigned order = 0; order < 256; order++)
        if (order != 0x12)
            expect(sigp_order(&s, order, UINT64_MAX), (struct sigp_answer){.cc = 3}, "nobody");
}

/* It concerns all CPUs: the address matters not, the state of the others does. */
static void set_architecture(void **state)
{
    struct sigp_state s = {.memory = &memory};

    (void)state;
    for (unsigned there = 0; there < 2; there++) {
        s.there = there;
        s.others_stopped = false;
        expect(sigp_order(&s, 0x12, 1), (struct sigp_answer)REFUSED(0x200), "others operate");
        s.others_stopped = true;
        expect(sigp_order(&s, 0x12, 1), (struct sigp_answer)REFUSED(0x100), "others are stopped");
    }
}

static void store_additional_status(void **state)
{
    const struct sigp_state vectors = {.vectors = true}, both = {.vectors = true, .guarded_storage = true};

    (void)state;
    expect(order_of(&vectors, OPERATING, 0x17, 0x4000), (struct sigp_answer)REFUSED(0x200), "operating");
    expect(order_of(&vectors, STOPPED, 0x17, 0x4400),
           (struct sigp_answer){SIGP_DO_STORE_ADDITIONAL, 0, 0, 0x4400, 0x400}, "1 KiB");
    expect(order_of(&vectors, STOPPED, 0x17, 0x4410), (struct sigp_answer)REFUSED(0x100), "not aligned");
    expect(order_of(&vectors, STOPPED, 0x17, 0x480b), (struct sigp_answer)REFUSED(0x100), "a length");
    expect(order_of(&vectors, STOPPED, 0x17, SIZE), (struct sigp_answer)REFUSED(0x100), "outside");
    expect(order_of(&vectors, STOPPED, 0x17, ~0xfULL), (struct sigp_answer)REFUSED(0x100), "far outside");
    for (unsigned exponent = 1; exponent < 16; exponent++) {
        struct sigp_answer should = REFUSED(0x100);

        if (exponent >= 10 && exponent <= 12)
            should = (struct sigp_answer){SIGP_DO_STORE_ADDITIONAL, 0, 0, 0x8000, 1ULL << exponent};
        expect(order_of(&both, STOPPED, 0x17, 0x8000 | exponent), should, "length");
    }
    expect(order_of(&both, STOPPED, 0x17, 0x840b), (struct sigp_answer)REFUSED(0x100), "2 KiB, not aligned");
}

/* ---- status ---- */

static struct cpu_status a_status(void)
{
    struct cpu_status s = {.psw = {0x0705200180000000, 0x123456},
                           .prefix = 0x6000,
                           .fpc = 0x00880400,
                           .todpr = 0x1234,
                           .cputm = 0x7fffffff00000001,
                           .ckc = 0x1122334455667788};

    for (unsigned i = 0; i < 16; i++) {
        s.fprs[i] = 0xf000000000000000 + i;
        s.gprs[i] = 0x0900000000000000 + i;
        s.acrs[i] = 0xa0000000 + i;
        s.crs[i] = 0x0c00000000000000 + i;
    }
    for (unsigned i = 0; i < 32; i++) {
        s.vrs[i][0] = 0x0f00000000000000 + i;
        s.vrs[i][1] = i;
    }
    for (unsigned i = 0; i < 4; i++)
        s.gscb[i] = 0x6500000000000000 + i;
    return s;
}

/* The offsets are those of the assigned storage locations, less 0x1200. */
static void assert_stored(const uint8_t *at)
{
    assert_int_equal(load_be64(at), 0xf000000000000000);
    assert_int_equal(load_be64(at + 0x1278 - 0x1200), 0xf00000000000000f);
    assert_int_equal(load_be64(at + 0x1280 - 0x1200), 0x0900000000000000);
    assert_int_equal(load_be64(at + 0x12f8 - 0x1200), 0x090000000000000f);
    assert_int_equal(load_be64(at + 0x1300 - 0x1200), 0x0705200180000000);
    assert_int_equal(load_be64(at + 0x1308 - 0x1200), 0x123456);
    assert_int_equal(load_be64(at + 0x1310 - 0x1200), 0xeeeeeeeeeeeeeeee); /* nobody's */
    assert_int_equal(load_be32(at + 0x1318 - 0x1200), 0x6000);
    assert_int_equal(load_be32(at + 0x131c - 0x1200), 0x00880400);
    assert_int_equal(load_be32(at + 0x1320 - 0x1200), 0xeeeeeeee);
    assert_int_equal(load_be32(at + 0x1324 - 0x1200), 0x1234);
    assert_int_equal(load_be64(at + 0x1328 - 0x1200), 0x7fffffff00000001);
    assert_int_equal(load_be64(at + 0x1330 - 0x1200), 0x0011223344556677);
    assert_int_equal(load_be64(at + 0x1338 - 0x1200), 0xeeeeeeeeeeeeeeee);
    assert_int_equal(load_be32(at + 0x1340 - 0x1200), 0xa0000000);
    assert_int_equal(load_be32(at + 0x137c - 0x1200), 0xa000000f);
    assert_int_equal(load_be64(at + 0x1380 - 0x1200), 0x0c00000000000000);
    assert_int_equal(load_be64(at + 0x13f8 - 0x1200), 0x0c0000000000000f);
}

static void stores_status(void **state)
{
    const struct cpu_status s = a_status();

    (void)state;
    memset(storage, 0xee, SIZE);
    assert_int_equal(status_store(&memory, SIZE - 512, &s), 0);
    assert_stored(storage + SIZE - 512);
    assert_int_equal(storage[SIZE - 513], 0xee);
    assert_int_equal(storage[0xa3], 0xee);
    assert_int_equal(status_store(&memory, SIZE - 511, &s), -1);
    assert_int_equal(status_store(&memory, UINT64_MAX, &s), -1);
}

static void stores_status_where_it_is_assigned(void **state)
{
    const struct cpu_status s = a_status();
    const struct guest_memory little = {storage, 0x1000};

    (void)state;
    memset(storage, 0xee, SIZE);
    assert_int_equal(status_store_assigned(&memory, &s), 0);
    assert_stored(storage + 0x1200);
    assert_int_equal(storage[0x1400], 0xee);
    assert_int_equal(load_be32(storage + 0xa0), 0xeeeeee01);
    assert_int_equal(load_be32(storage + 0xa4), 0xeeeeeeee);
    assert_int_equal(status_store_assigned(&little, &s), -1);
}

static void stores_additional_status(void **state)
{
    const struct cpu_status s = a_status();

    (void)state;
    memset(storage, 0xee, SIZE);
    assert_int_equal(status_store_additional(&memory, 0x4000, 0x400, &s), 0);
    assert_int_equal(load_be64(storage + 0x4000), 0x0f00000000000000);
    assert_int_equal(load_be64(storage + 0x41f0), 0x0f0000000000001f);
    assert_int_equal(load_be64(storage + 0x41f8), 0x1f);
    assert_int_equal(storage[0x4200], 0xee);
    assert_int_equal(storage[0x4400], 0xee);
    assert_int_equal(status_store_additional(&memory, SIZE - 0x800, 0x800, &s), 0);
    assert_int_equal(load_be64(storage + SIZE - 0x400), 0x6500000000000000);
    assert_int_equal(load_be64(storage + SIZE - 0x400 + 24), 0x6500000000000003);
    assert_int_equal(status_store_additional(&memory, SIZE - 0x400, 0x800, &s), -1);
    assert_int_equal(status_store_additional(&memory, 0x4000, 256, &s), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_in_every_state),
        cmocka_unit_test(busy_while_it_stops),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(set_architecture),
        cmocka_unit_test(store_additional_status),
        cmocka_unit_test(stores_status),
        cmocka_unit_test(stores_status_where_it_is_assigned),
        cmocka_unit_test(stores_additional_status),
    };

    return cmocka_run_group_tests_name("sigp", tests, NULL, NULL);
}
