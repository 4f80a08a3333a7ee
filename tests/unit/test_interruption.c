/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interruptions: names of codes in both directions, what each class leaves in the lowcore, its line of text,
 * and lowcores of which every byte is the guest's choice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/interruption.h"

static void names_of_codes(void **state)
{
    uint32_t code = 0;

    (void)state;
    assert_string_equal(code_name(CODES_PROGRAM, 0x11), "page translation");
    assert_string_equal(code_name(CODES_EXTERNAL, 0x1202), "external call");
    assert_string_equal(code_name(CODES_SIGP, 0x0d), "set prefix");
    assert_string_equal(code_name(CODES_DIAG, 0x308), "IPL");
    assert_string_equal(code_name(CODES_SERVICE_CALL, 0x00760005), "write event data");
    assert_null(code_name(CODES_PROGRAM, 0x14));
    assert_null(code_name(CODES_SIGP, UINT32_MAX));
    assert_true(code_named(CODES_PROGRAM, "Page-Translation and", 16, &code));
    assert_int_equal(code, 0x11);
    assert_true(code_named(CODES_SIGP, "initial-cpu-reset", 17, &code));
    assert_int_equal(code, 0x0b);
    assert_false(code_named(CODES_PROGRAM, "page", 4, &code));
    assert_false(code_named(CODES_PROGRAM, "page-translations", 17, &code));
    assert_false(code_named(CODES_PROGRAM, "page translation", 16, &code));
    assert_false(code_named(CODES_PROGRAM, "", 0, &code));
}

/* Every name can be typed, and no two of a kind are typed alike. */
static void names_lead_back(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < CODE_KINDS; kind++)
        for (uint32_t code = 0; code <= 0x4000; code++) {
            const char *name = code_name((enum code_kind)kind, code);
            char typed[64];
            uint32_t back = UINT32_MAX;

            if (!name)
                continue;
            assert_true(strlen(name) < sizeof typed);
            strcpy(typed, name);
            for (char *c = typed; *c; c++)
                if (*c == ' ')
                    *c = '-';
            assert_true(code_named((enum code_kind)kind, typed, strlen(typed), &back));
            assert_int_equal(back, code);
        }
}

static void codes_that_are_meant(void **state)
{
    (void)state;
    assert_true(interruption_code_is(INTERRUPTION_PROGRAM, 0x11, 0x11));
    assert_true(interruption_code_is(INTERRUPTION_PROGRAM, 0x291, 0x11));
    assert_true(interruption_code_is(INTERRUPTION_PROGRAM, 0x91, 0x91));
    assert_true(interruption_code_is(INTERRUPTION_PROGRAM, 0x91, 0x80));
    assert_true(interruption_code_is(INTERRUPTION_PROGRAM, 0x119, 0x119));
    assert_false(interruption_code_is(INTERRUPTION_PROGRAM, 0x11, 0x91));
    assert_false(interruption_code_is(INTERRUPTION_PROGRAM, 0x11, 0x80));
    assert_false(interruption_code_is(INTERRUPTION_EXTERNAL, 0x1284, 0x1204));
    assert_true(interruption_code_is(INTERRUPTION_SVC, 0x80, 0x80));
}

static void fill(uint8_t *lowcore, enum interruption_class class)
{
    memset(lowcore, 0, LC_INTERRUPTION_BYTES);
    store_be64(lowcore + LC_OLD_PSW(class), 0x0705c00180000000);
    store_be64(lowcore + LC_OLD_PSW(class) + 8, 0x3ff80001234);
    store_be64(lowcore + LC_NEW_PSW(class), 0x0404c00180000000);
    store_be64(lowcore + LC_NEW_PSW(class) + 8, 0xcafe);
}

#define OLD_PSW_TEXT                                                                                         \
    ", old PSW 0705c00180000000 000003ff80001234: problem state, home space, DAT on, key 0, cc 0, program "  \
    "mask 0, 64-bit"

static void check(const uint8_t *lowcore, enum interruption_class class, const char *expected)
{
    struct interruption i;
    char text[400], whole[400];

    interruption_read(class, lowcore, &i);
    assert_int_equal(i.class, class);
    assert_int_equal(i.old_psw.addr, 0x3ff80001234);
    assert_int_equal(i.new_psw.addr, 0xcafe);
    strcpy(whole, expected);
    strcat(whole, OLD_PSW_TEXT);
    assert_string_equal(interruption_text(&i, text, sizeof text), whole);
}

static void each_class_in_the_lowcore(void **state)
{
    uint8_t lowcore[LC_INTERRUPTION_BYTES];

    (void)state;
    fill(lowcore, INTERRUPTION_PROGRAM);
    store_be32(lowcore + 0x8c, 0x00040011);
    store_be64(lowcore + 0xa8, 0x0000000000123403);
    store_be64(lowcore + 0x110, 0x2000);
    check(lowcore, INTERRUPTION_PROGRAM,
          "program interruption 0x0011 (page translation), ILC 4, translation-exception address "
          "0x0000000000123000, home space, store, last breaking event 0x2000");
    fill(lowcore, INTERRUPTION_PROGRAM);
    store_be32(lowcore + 0x8c, 0x00060007);
    store_be32(lowcore + 0x90, 0x000000fe);
    check(lowcore, INTERRUPTION_PROGRAM, "program interruption 0x0007 (data), ILC 6, DXC 0xfe");
    fill(lowcore, INTERRUPTION_SVC);
    store_be32(lowcore + 0x88, 0x00020004);
    check(lowcore, INTERRUPTION_SVC, "SVC 4, ILC 2");
    fill(lowcore, INTERRUPTION_EXTERNAL);
    store_be32(lowcore + 0x84, 0x00031201);
    check(lowcore, INTERRUPTION_EXTERNAL, "external interruption 0x1201 (emergency signal), CPU address 3");
    store_be32(lowcore + 0x80, 0x7001);
    store_be16(lowcore + 0x86, 0x2401);
    check(lowcore, INTERRUPTION_EXTERNAL,
          "external interruption 0x2401 (service signal), parameter 0x00007001");
    store_be16(lowcore + 0x86, 0x1004);
    check(lowcore, INTERRUPTION_EXTERNAL, "external interruption 0x1004 (clock comparator)");
    fill(lowcore, INTERRUPTION_IO);
    store_be32(lowcore + 0xb8, 0x00010002);
    store_be32(lowcore + 0xbc, 0xabcd);
    store_be32(lowcore + 0xc0, 0x18000000);
    check(lowcore, INTERRUPTION_IO,
          "I/O interruption, subchannel 00010002, parameter 0x0000abcd, word 0x18000000");
    fill(lowcore, INTERRUPTION_MACHINE_CHECK);
    store_be64(lowcore + 0xe8, 0x00400f1d40330000);
    check(lowcore, INTERRUPTION_MACHINE_CHECK,
          "machine check, code 00400f1d40330000 (channel report pending)");
    fill(lowcore, INTERRUPTION_RESTART);
    check(lowcore, INTERRUPTION_RESTART, "restart interruption");
}

static void subchannel_number_is_the_code(void **state)
{
    uint8_t lowcore[LC_INTERRUPTION_BYTES];
    struct interruption i;

    (void)state;
    fill(lowcore, INTERRUPTION_IO);
    store_be32(lowcore + 0xb8, 0x00010002);
    interruption_read(INTERRUPTION_IO, lowcore, &i);
    assert_int_equal(i.code, 2);
}

static void program_codes_in_words(void **state)
{
    char text[80];

    (void)state;
    assert_string_equal(program_code_text(0x80, text, sizeof text), "PER event");
    assert_string_equal(program_code_text(0x87, text, sizeof text), "data and PER event");
    assert_string_equal(program_code_text(0x0, text, sizeof text), "unknown");
    assert_string_equal(program_code_text(0x211, text, sizeof text), "page translation, transaction aborted");
    assert_string_equal(program_code_text(0xffff, text, sizeof text),
                        "unknown and PER event, transaction aborted");
}

static void translation_exceptions_in_words(void **state)
{
    char text[100];

    (void)state;
    assert_string_equal(translation_exception_text(0x10, 0x5801, text, sizeof text),
                        "0x0000000000005000, access-register mode, fetch");
    assert_string_equal(translation_exception_text(0x3b, 0x5002, text, sizeof text),
                        "0x0000000000005000, secondary space");
    assert_string_equal(translation_exception_text(0x04, 0x5004, text, sizeof text),
                        "0x0000000000005000, DAT protection, primary space");
    assert_string_equal(translation_exception_text(0x04, 0x5484, text, sizeof text),
                        "0x0000000000005000, instruction-execution protection, primary space, store");
    assert_string_equal(translation_exception_text(0x04, 0x5000, text, sizeof text), "");
    assert_string_equal(translation_exception_text(0x05, 0x5004, text, sizeof text), "");
    assert_string_equal(translation_exception_text(0x40, 0x5004, text, sizeof text), "");
}

/* The worst that a guest can write still fits, and less room than that cuts it. */
static void hostile_lowcores(void **state)
{
    uint8_t lowcore[LC_INTERRUPTION_BYTES];

    (void)state;
    memset(lowcore, 0xff, sizeof lowcore);
    for (unsigned class = 0; class < INTERRUPTION_CLASSES; class ++)
        for (uint32_t code = 0; code <= 0xffff; code += class == INTERRUPTION_PROGRAM ? 1 : 0x101) {
            struct interruption i;
            char text[400], small[16];

            store_be16(lowcore + 0x8e, (uint16_t)code);
            store_be16(lowcore + 0x86, (uint16_t)code);
            interruption_read((enum interruption_class) class, lowcore, &i);
            interruption_text(&i, text, sizeof text);
            assert_true(strlen(text) < sizeof text - 1);
            assert_non_null(strstr(text, "PER")); /* the end of the PSW's description */
            interruption_text(&i, small, sizeof small);
            assert_int_equal(strlen(small), sizeof small - 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_codes),
        cmocka_unit_test(names_lead_back),
        cmocka_unit_test(codes_that_are_meant),
        cmocka_unit_test(each_class_in_the_lowcore),
        cmocka_unit_test(subchannel_number_is_the_code),
        cmocka_unit_test(program_codes_in_words),
        cmocka_unit_test(translation_exceptions_in_words),
        cmocka_unit_test(hostile_lowcores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
