/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Service calls as Linux makes them, and every check of what a guest can get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"
#include "zgdbd/guest.h"

#define SIZE 0x200000
#define SCCB 0x10000

static struct sclp sclp;
static struct guest_memory mem;
static uint8_t *sccb;

static uint8_t printed[8192];
static size_t nprinted;

static void print(void *ctx, const uint8_t *text, size_t len)
{
    assert_ptr_equal(ctx, printed);
    assert_true(len <= sizeof printed - nprinted);
    memcpy(printed + nprinted, text, len);
    nprinted += len;
}

static int setup(void **state)
{
    (void)state;
    mem = (struct guest_memory){calloc(1, SIZE), SIZE};
    if (!mem.base)
        return -1;
    sccb = mem.base + SCCB;
    nprinted = 0;
    sclp_init(&sclp, &(struct sclp_config){
                         .ncpus = 2, .consoles = SCLP_VT220, .write = print, .write_ctx = printed});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(mem.base);
    return 0;
}

/* A service call that is carried out; returns the response code. */
static unsigned call(uint32_t command)
{
    struct sclp_answer a = sclp_service_call(&sclp, &mem, 0x8000, command, SCCB);

    assert_int_equal(a.program, 0);
    assert_int_equal(a.cc, 0);
    assert_true(a.signal);
    assert_int_equal(a.parameter, SCCB);
    return load_be16(sccb + 6);
}

static unsigned call_with_length(uint32_t command, uint16_t length)
{
    store_be16(sccb, length);
    return call(command);
}

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

static void large_memory_has_a_field_of_its_own(void **state)
{
    (void)state;
    mem.size = 0xffffULL << 20;
    assert_int_equal(call_with_length(0x00020001, 4096), 0x0010);
    assert_int_equal(load_be16(sccb + 8), 0xffff);
    mem.size = 0x10000ULL << 20;
    assert_int_equal(call_with_length(0x00020001, 4096), 0x0010);
    assert_int_equal(load_be16(sccb + 8), 0);
    assert_int_equal(load_be64(sccb + 104), 0x10000);
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

static unsigned set_masks(uint16_t mask_length, uint16_t sccb_length)
{
    store_be16(sccb + 10, mask_length);
    return call_with_length(0x00780005, sccb_length);
}

static void negotiates_events(void **state)
{
    (void)state;
    store_be32(sccb + 12, 0x80000041);
    store_be32(sccb + 16, 0x40000042);
    assert_int_equal(set_masks(4, 28), 0x0020);
    assert_int_equal(sclp.receive_mask, 0x80000041);
    assert_int_equal(sclp.send_mask, 0x40000042);
    assert_int_equal(load_be32(sccb + 20), 0x40); /* VT220 */
    assert_int_equal(load_be32(sccb + 24), 0x40);
    sclp_reset(&sclp);
    assert_int_equal(sclp.receive_mask, 0);
    assert_int_equal(sclp.send_mask, 0);
}

static void takes_masks_of_every_length(void **state)
{
    (void)state;
    memset(sccb + 12, 0xff, 4084);
    assert_int_equal(set_masks(1, 4096), 0x0020);
    assert_int_equal(sclp.receive_mask, 0xff000000);
    assert_int_equal(sccb[14], 0); /* too short for type 0x1a */
    assert_int_equal(sccb[16], 0xff);
    memset(sccb + 12, 0xff, 4084);
    assert_int_equal(set_masks(8, 4096), 0x0020);
    assert_int_equal(sclp.send_mask, 0xffffffff);
    assert_int_equal(load_be64(sccb + 12 + 16), 0x4000000000);
    assert_int_equal(load_be64(sccb + 12 + 24), 0x4000000000);
    assert_int_equal(set_masks(1021, 4096), 0x0020);
    assert_int_equal(load_be32(sccb + 12 + 3 * 1021), 0x40);

    assert_int_equal(set_masks(0, 4096), 0x74f0);
    assert_int_equal(set_masks(1022, 4096), 0x74f0);
    assert_int_equal(set_masks(0xffff, 4096), 0x74f0);
    assert_int_equal(set_masks(4, 27), 0x0300);
    assert_int_equal(set_masks(1021, 4095), 0x0300);
    assert_int_equal(set_masks(4, 11), 0x0300);
}

static uint8_t *put_event(uint8_t *at, uint8_t type, const char *text)
{
    size_t len = 6 + strlen(text);

    store_be16(at, (uint16_t)len);
    at[2] = type;
    at[3] = 0x0;
    memcpy(at + 6, text, len - 6);
    return at + len;
}

static void prints_vt220_events(void **state)
{
    uint8_t *end = put_event(put_event(put_event(sccb + 8, 0x1a, "Linux "), 0x1a, ""), 0x1a, "6.1\n");

    (void)state;
    sccb[2] = 0;
    assert_int_equal(call_with_length(0x00760005, (uint16_t)(end - sccb)), 0x0020);
    assert_int_equal(nprinted, 10);
    assert_memory_equal(printed, "Linux 6.1\n", 10);
    assert_int_equal(sccb[8 + 3], 0x80);
    assert_int_equal(sccb[8 + 12 + 3], 0x80);
    assert_int_equal(sccb[8 + 12 + 6 + 3], 0x80);
}

/* Store Data (0x0c) must not look accepted: Linux would wait for its answer. */
static void accepts_only_offered_events(void **state)
{
    uint8_t *second = put_event(sccb + 8, 0x1a, "a");
    uint8_t *third = put_event(second, 0x0c, "data");
    uint8_t *end = put_event(third, 0x1a, "b");

    (void)state;
    second[3] = 0x80;
    third[3] = 0xc0;
    assert_int_equal(call_with_length(0x00760005, (uint16_t)(end - sccb)), 0x40f0);
    assert_int_equal(nprinted, 1);
    assert_int_equal(sccb[8 + 3], 0x80);
    assert_int_equal(second[3], 0);
    assert_int_equal(third[3], 0x40);
    put_event(sccb + 8, 2, "line mode");
    assert_int_equal(call_with_length(0x00760005, 8 + 6 + 9), 0x40f0);
    assert_int_equal(sccb[8 + 3], 0);
}

static void checks_event_buffers_first(void **state)
{
    uint8_t *second = put_event(sccb + 8, 0x1a, "abc");
    static const uint16_t lengths[] = {0, 5, 7, 4096, 0xffff};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        store_be16(second, lengths[i]);
        assert_int_equal(call_with_length(0x00760005, (uint16_t)(second + 6 - sccb)), 0x73f0);
    }
    assert_int_equal(call_with_length(0x00760005, (uint16_t)(second + 3 - sccb)), 0x73f0);
    assert_int_equal(nprinted, 0);
    assert_int_equal(sccb[8 + 3], 0);
    assert_int_equal(call_with_length(0x00760005, 8), 0x0020);
    sccb[2] = 1;
    assert_int_equal(call_with_length(0x00760005, 8), 0x40f0);
}

static void has_no_events(void **state)
{
    (void)state;
    assert_int_equal(call_with_length(0x00770005, 4096), 0x60f0);
    assert_int_equal(load_be16(sccb), 4096);
    sccb[5] = 0x80; /* variable-length response */
    assert_int_equal(call_with_length(0x00770005, 4096), 0x60f0);
    assert_int_equal(load_be16(sccb), 8);
    assert_int_equal(sccb[5], 0);

    sccb[2] = 1; /* selective */
    store_be32(sccb + 8, 0x40);
    assert_int_equal(call_with_length(0x00770005, 4096), 0x70f0);
    sclp.receive_mask = 0x40;
    assert_int_equal(call_with_length(0x00770005, 4096), 0x60f0);
    store_be32(sccb + 8, 0x41);
    assert_int_equal(call_with_length(0x00770005, 4096), 0x70f0);
    assert_int_equal(call_with_length(0x00770005, 11), 0x0300);
    sccb[2] = 2;
    assert_int_equal(call_with_length(0x00770005, 4096), 0x40f0);
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
    struct sclp_answer a = sclp_service_call(&sclp, &mem, 0x8000, 0x00020001, address);

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
    store_be16(mem.base + SIZE - 8, 8);
    assert_int_equal(program(SIZE - 8), 0);
}

static void checks_the_page_boundary(void **state)
{
    (void)state;
    assert_int_equal(call_with_length(0x00020001, 4096), 0x0010);
    assert_int_equal(call_with_length(0x00020001, 4097), 0x0100);
    assert_int_equal(call_with_length(0x00760005, 0xffff), 0x0100);
    store_be16(mem.base + SIZE - 0x100, 0x100);
    assert_int_equal(program(SIZE - 0x100), 0);
    assert_int_equal(load_be16(mem.base + SIZE - 0x100 + 6), 0x0010);
    store_be16(mem.base + SIZE - 0x100, 0x101);
    assert_int_equal(program(SIZE - 0x100), 0);
    assert_int_equal(load_be16(mem.base + SIZE - 0x100 + 6), 0x0100);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_scp_info),
        TEST(large_memory_has_a_field_of_its_own),
        TEST(info_needs_room_for_the_cpus),
        TEST(reads_cpu_info),
        TEST(negotiates_events),
        TEST(takes_masks_of_every_length),
        TEST(prints_vt220_events),
        TEST(accepts_only_offered_events),
        TEST(checks_event_buffers_first),
        TEST(has_no_events),
        TEST(answers_unknown_commands),
        TEST(checks_the_address),
        TEST(checks_the_page_boundary),
        TEST(stores_nothing_past_the_sccb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
