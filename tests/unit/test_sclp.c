/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Service calls: what they tell of the configuration, and every check of where an SCCB lies and how long it
 * is. */
#include "sclp_rig.h"

#include <string.h>

#include "zgdbd/dat.h"

static void reads_scp_info(void **state)
{
    static const uint32_t commands[] = {0x00020001, 0x00120001, 0x00020101};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        memset(sccb + 8, 0xff, 4088);
        assert_int_equal(call_with_length(commands[i], 4096), 0x0010);
        assert_int_equal(load_be16(sccb + 8), 2); /* MiB */
        assert_int_equal(sccb[10], 1);
        assert_int_equal(load_be16(sccb + 16), 2);
        assert_int_equal(load_be16(sccb + 18), 128);
        assert_memory_equal(sccb + 24, "\x40\x40\x40\x40\x40\x40\x40\x40", 8);
        assert_int_equal(load_be64(sccb + 48), 0x0800000000000000);
        assert_int_equal(load_be64(sccb + 104), 0);
        assert_int_equal(load_be16(sccb + 120), 1);
        assert_int_equal(sccb[128], 0);
        assert_int_equal(sccb[144], 1);
        assert_int_equal(sccb[4095], 0);
    }
}

/* Storage in MiB, and the fields: rnsize, rnsize2, rnmax, rnmax2. */
static const struct increments {
    uint64_t mib;
    uint8_t rnsize;
    uint32_t rnsize2;
    uint16_t rnmax;
    uint64_t rnmax2;
} increments[] = {
    {1, 1, 0, 1, 0},
    {0xffff, 1, 0, 0xffff, 0},
    {0x10000, 2, 0, 0x8000, 0},
    {0x10001, 1, 0, 0, 0x10001},
    {0x10002, 2, 0, 0x8001, 0},
    {0x7fff80, 128, 0, 0xffff, 0},
    {0xffff00, 0, 256, 0xffff, 0},
    {1ULL << 24, 0, 512, 0x8000, 0},
    {(1ULL << 24) + 1, 1, 0, 0, (1ULL << 24) + 1},
    {1ULL << 43, 0, 1U << 28, 0x8000, 0},
};

/* As Linux computes it. */
static void storage_is_told_exactly(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof increments / sizeof increments[0]; i++) {
        const struct increments *e = &increments[i];
        uint64_t rnmax, rnsize;

        storage.size = e->mib << 20;
        memset(sccb + 8, 0xff, 4088);
        assert_int_equal(call_with_length(READ_SCP_INFO, 4096), 0x0010);
        assert_int_equal(sccb[10], e->rnsize);
        assert_int_equal(load_be32(sccb + 100), e->rnsize2);
        assert_int_equal(load_be16(sccb + 8), e->rnmax);
        assert_int_equal(load_be64(sccb + 104), e->rnmax2);
        rnmax = e->rnmax ? e->rnmax : e->rnmax2;
        rnsize = e->rnsize ? e->rnsize : e->rnsize2;
        assert_int_equal(rnmax * rnsize, e->mib);
    }
}

static void info_needs_room_for_the_cpus(void **state)
{
    (void)state;
    assert_int_equal(call_with_length(0x00020001, 128 + 32), 0x0010);
    assert_int_equal(call_with_length(0x00020001, 128 + 31), 0x0300);
    assert_int_equal(call_with_length(0x00020001, 8), 0x0300);
    assert_int_equal(call_with_length(0x00010001, 24 + 32), 0x0010);
    assert_int_equal(call_with_length(0x00010001, 24 + 31), 0x0300);
    assert_int_equal(call_with_length(0x00010001, 9), 0x0300);
    sclp.config.ncpus = 1000; /* more than any SCCB holds */
    assert_int_equal(call_with_length(0x00010001, 4096), 0x0300);
}

static void reads_cpu_info(void **state)
{
    (void)state;
    assert_int_equal(call_with_length(0x00010001, 4096), 0x0010);
    assert_int_equal(load_be16(sccb + 8), 2);
    assert_int_equal(load_be16(sccb + 10), 24);
    assert_int_equal(load_be16(sccb + 12), 0);
    assert_int_equal(load_be16(sccb + 14), 56);
    assert_int_equal(sccb[24], 0);
    assert_int_equal(sccb[40], 1);
}

static void answers_unknown_commands(void **state)
{
    static const uint32_t commands[] = {0, 0x00030001, 0x00760006, 0xffffffff, 0x001a0001};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        store_be16(sccb + 6, 0);
        assert_int_equal(call_with_length(commands[i], 0xffff), 0x01f0);
    }
}

static uint16_t program(uint64_t address)
{
    struct sclp_answer a = sclp_service_call(&sclp, &storage, 0x8000, 0x00020001, address);

    assert_false(a.signal && a.program);
    return a.program;
}

static void checks_the_address(void **state)
{
    static const uint64_t misplaced[] = {0,        8,        0x1ff8,     0x8000,      0x9ff8,
                                         SCCB + 1, SCCB + 4, 0x80000000, 0x100010000, 0xffffffffffff0000};

    (void)state;
    store_be16(sccb, 4096);
    for (unsigned i = 0; i < sizeof misplaced / sizeof misplaced[0]; i++)
        assert_int_equal(program(misplaced[i]), PGM_SPECIFICATION);
    assert_int_equal(program(SIZE), PGM_ADDRESSING);
    assert_int_equal(program(0x7ffffff8), PGM_ADDRESSING);
    for (uint16_t length = 0; length < 8; length++) {
        store_be16(sccb, length);
        assert_int_equal(program(SCCB), PGM_SPECIFICATION);
    }
    store_be16(storage.base + SIZE - 8, 8);
    assert_int_equal(program(SIZE - 8), 0);
}

static void checks_the_page_boundary(void **state)
{
    (void)state;
    assert_int_equal(call_with_length(0x00020001, 4096), 0x0010);
    assert_int_equal(call_with_length(0x00020001, 4097), 0x0100);
    assert_int_equal(call_with_length(0x00760005, 0xffff), 0x0100);
    store_be16(storage.base + SIZE - 0x100, 0x100);
    assert_int_equal(program(SIZE - 0x100), 0);
    assert_int_equal(load_be16(storage.base + SIZE - 0x100 + 6), 0x0010);
    store_be16(storage.base + SIZE - 0x100, 0x101);
    assert_int_equal(program(SIZE - 0x100), 0);
    assert_int_equal(load_be16(storage.base + SIZE - 0x100 + 6), 0x0100);
}

static void stores_nothing_past_the_sccb(void **state)
{
    (void)state;
    memset(sccb, 0xa5, 4096);
    assert_int_equal(call_with_length(0x00020001, 160), 0x0010);
    for (unsigned i = 160; i < 4096; i++)
        assert_int_equal(sccb[i], 0xa5);
    assert_int_equal(sccb[159], 0);
}

static void extended_lengths_need_the_facility(void **state)
{
    static const uint32_t info[] = {0x00020001, 0x00120001, 0x00010001};
    static const uint32_t others[] = {WRITE_EVENT_DATA, READ_EVENT_DATA, WRITE_EVENT_MASK};

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(call_with_length(info[i], 3 * 4096), 0x0100);
    sclp.config.extended_sccb = true;
    for (unsigned i = 0; i < 3; i++) {
        memset(sccb + 8, 0xff, 3 * 4096);
        assert_int_equal(call_with_length(info[i], 3 * 4096), 0x0010);
        assert_int_equal(load_be16(sccb), 3 * 4096);
        assert_int_equal(sccb[3 * 4096 - 1], 0);
        assert_int_equal(sccb[3 * 4096], 0xff);
    }
    assert_int_equal(call_with_length(READ_SCP_INFO, 0xffff), 0x0010);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(call_with_length(others[i], 4097), 0x0100);
    store_be16(storage.base + SIZE - 0x1000, 0x1001); /* memory ends */
    assert_int_equal(program(SIZE - 0x1000), 0);
    assert_int_equal(load_be16(storage.base + SIZE - 0x1000 + 6), 0x0100);
}

static void extended_info_says_what_it_needs(void **state)
{
    (void)state;
    sclp.config.extended_sccb = true;
    assert_int_equal(call_with_length(READ_SCP_INFO, 4096), 0x0010);
    assert_int_equal(load_be16(sccb + 18), 144);
    assert_int_equal(sccb[144 + 16], 1);
    assert_int_equal(call_with_length(READ_SCP_INFO, 144 + 31), 0x0300);
    assert_int_equal(load_be16(sccb), 144 + 32);
    assert_int_equal(call(READ_SCP_INFO), 0x0010);
    sclp.config.ncpus = 1000;
    assert_int_equal(call_with_length(READ_CPU_INFO, 4096), 0x0300);
    assert_int_equal(load_be16(sccb), 24 + 16000);
    assert_int_equal(call(READ_CPU_INFO), 0x0010);
    assert_int_equal(load_be16(sccb + 8), 1000);
    sclp.config.ncpus = 5000; /* more than any SCCB holds */
    assert_int_equal(call_with_length(READ_CPU_INFO, 4096), 0x0300);
    assert_int_equal(load_be16(sccb), 4096);
}

/* While one CPU's command prints, another CPU calls. */
static struct sclp_answer second;
static size_t second_header;

static void call_again(void *ctx, const uint8_t *text, size_t len)
{
    (void)ctx;
    (void)text;
    (void)len;
    store_be64(sccb + 0x1000, 0x1000000000000000); /* length 4096, no response yet */
    second = sclp_service_call(&sclp, &storage, PREFIX, READ_SCP_INFO, SCCB + 0x1000);
    second_header = load_be64(sccb + 0x1000);
}

static void a_second_call_meanwhile_is_busy(void **state)
{
    (void)state;
    sclp.config.write = call_again;
    put_event(sccb + 8, 0x1a, "x", 1);
    memset(sccb, 0, 8);
    assert_int_equal(call_with_length(WRITE_EVENT_DATA, 15), 0x0020);
    assert_int_equal(second.program, 0);
    assert_int_equal(second.cc, 2);
    assert_false(second.signal);
    assert_int_equal(second_header, 0x1000000000000000);
    assert_int_equal(call_with_length(READ_SCP_INFO, 4096), 0x0010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_scp_info),
        TEST(storage_is_told_exactly),
        TEST(info_needs_room_for_the_cpus),
        TEST(reads_cpu_info),
        TEST(answers_unknown_commands),
        TEST(checks_the_address),
        TEST(checks_the_page_boundary),
        TEST(stores_nothing_past_the_sccb),
        TEST(extended_lengths_need_the_facility),
        TEST(extended_info_says_what_it_needs),
        TEST(a_second_call_meanwhile_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
