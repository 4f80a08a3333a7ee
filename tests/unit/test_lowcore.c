/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The prefix area in words: the table of fields, and what is decoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/lowcore.h"

static uint8_t lowcore[LOWCORE_SIZE];
static char text[1400];

static int setup(void **state)
{
    (void)state;
    memset(lowcore, 0, sizeof lowcore);
    return 0;
}

static const struct lowcore_field *field(const char *name)
{
    for (size_t i = 0; i < lowcore_nfields; i++)
        if (strcmp(lowcore_fields[i].name, name) == 0)
            return &lowcore_fields[i];
    fail_msg("no field %s", name);
    return NULL;
}

static void assert_text(const char *name, const char *words)
{
    assert_string_equal(lowcore_describe(field(name), lowcore, text, sizeof text), words);
}

/* In order, apart from each other, inside the area, each with a name of its own; and every text fits. */
static void the_table(void **state)
{
    unsigned end = 0;

    (void)state;
    memset(lowcore, 0xff, sizeof lowcore);
    for (size_t i = 0; i < lowcore_nfields; i++) {
        const struct lowcore_field *f = &lowcore_fields[i];

        assert_true(f->at >= end);
        end = f->at + f->bytes;
        assert_true(end <= LOWCORE_SIZE);
        assert_ptr_equal(field(f->name), f);
        assert_false(lowcore_is_zero(f, lowcore));
        assert_true(strlen(lowcore_describe(f, lowcore, text, sizeof text)) < sizeof text - 1);
        assert_true(strlen(text) > 0);
    }
}

static void a_field_is_zero_if_all_of_it_is(void **state)
{
    (void)state;
    lowcore[0x14f] = 1;
    assert_false(lowcore_is_zero(field("supervisor-call old PSW"), lowcore));
    assert_true(lowcore_is_zero(field("external old PSW"), lowcore));
    assert_true(lowcore_is_zero(field("program old PSW"), lowcore));
}

static void psws(void **state)
{
    (void)state;
    store_be64(lowcore + 0x1d0, 0x0000000180000000);
    store_be64(lowcore + 0x1d8, 0x10fdee);
    assert_text("program new PSW",
                "0000000180000000 000000000010fdee: supervisor state, primary space, DAT off, "
                "key 0, cc 0, program mask 0, 64-bit");
}

static void codes(void **state)
{
    (void)state;
    store_be16(lowcore + 0x86, 0x2401);
    assert_text("external-interruption code", "2401: service signal");
    store_be16(lowcore + 0x86, 0xbeef);
    assert_text("external-interruption code", "beef");
    lowcore[0x8d] = 4;
    assert_text("program instruction-length code", "04: 4 bytes");
    store_be16(lowcore + 0x8e, 0x91);
    assert_text("program-interruption code", "0091: page translation and PER event");
    store_be64(lowcore + 0xa8, 0x12345403);
    assert_text("translation-exception identification",
                "0000000012345403: 0x0000000012345000, home space, store");
    store_be16(lowcore + 0x8e, 1); /* it has none */
    assert_text("translation-exception identification", "0000000012345403");
    store_be32(lowcore + 0xb8, 0x00010003);
    assert_text("subsystem-identification word", "00010003: subchannel 0.0.0003");
    store_be32(lowcore + 0xb8, 0x00030012);
    assert_text("subsystem-identification word", "00030012: subchannel 0.1.0012");
}

static void per(void **state)
{
    (void)state;
    store_be16(lowcore + 0x96, 0x60f0);
    assert_text("PER code and ATMID", "60f0: instruction fetching, storage alteration, 64-bit, DAT on");
    store_be16(lowcore + 0x96, 0x8060);
    assert_text("PER code and ATMID", "8060: successful branching, 31-bit, DAT off");
    store_be16(lowcore + 0x96, 0x0100);
    assert_text("PER code and ATMID", "0100: instruction-fetching nullification");
}

static void machine_checks(void **state)
{
    (void)state;
    store_be64(lowcore + 0xe8, 0x00400f1d40330000);
    assert_text(
        "machine-check-interruption code",
        "00400f1d40330000: channel report pending\n"
        "  valid: PSW-MWP, PSW mask and key, PSW program-mask and condition-code, "
        "PSW-instruction-address, floating-point-register, general-register, control-register, "
        "storage logical, access-register, TOD-programmable-register, floating-point-control-register, "
        "CPU-timer, clock-comparator");
}

static void save_areas(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 128; i++)
        lowcore[0x1280 + i] = (uint8_t)i;
    lowcore_describe(field("general-register save area"), lowcore, text, sizeof text);
    assert_memory_equal(
        text, "\n  0001020304050607 08090a0b0c0d0e0f 1011121314151617 18191a1b1c1d1e1f\n  2021", 77);
    lowcore[0x1340 + 63] = 7;
    lowcore_describe(field("access-register save area"), lowcore, text, sizeof text);
    assert_string_equal(text, "\n  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"
                              "\n  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000007");
    store_be64(lowcore + 0x1330, 0x00123456789abcde);
    assert_text("clock-comparator save area", "123456789abcde00: bits 0 to 55");
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_table),  TEST(a_field_is_zero_if_all_of_it_is),
        TEST(psws),       TEST(codes),
        TEST(per),        TEST(machine_checks),
        TEST(save_areas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
