/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PSW: wrapping in every addressing mode, the kinds of waits, the condition code, the description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include <string.h>

#include "zgdbd/psw.h"

static void wraps_by_addressing_mode(void **state)
{
    (void)state;
    assert_int_equal(psw_wrap(0, 0xfedcba9876543210), 0x543210);
    assert_int_equal(psw_wrap(PSW_BA, 0xfedcba98f6543210), 0x76543210);
    assert_int_equal(psw_wrap(PSW_EA | PSW_BA, 0xfedcba9876543210), 0xfedcba9876543210);
    assert_int_equal(psw_wrap(PSW_EA, 0xfedcba9876543210), 0xfedcba9876543210);
}

static void tells_waits_apart(void **state)
{
    static const uint64_t interruptions[] = {PSW_IO, PSW_EXT, PSW_MCHECK};

    (void)state;
    assert_false(psw_disabled_wait(0));
    assert_false(psw_enabled_wait(PSW_IO | PSW_EXT | PSW_MCHECK));
    assert_true(psw_disabled_wait(PSW_WAIT));
    assert_true(psw_disabled_wait(PSW_WAIT | PSW_PER | PSW_DAT));
    assert_false(psw_enabled_wait(PSW_WAIT));
    for (unsigned i = 0; i < 3; i++) {
        assert_true(psw_enabled_wait(PSW_WAIT | interruptions[i]));
        assert_false(psw_disabled_wait(PSW_WAIT | interruptions[i]));
    }
}

static void sets_the_condition_code(void **state)
{
    (void)state;
    assert_int_equal(psw_cc(0x0000300000000000), 3);
    assert_int_equal(psw_with_cc(UINT64_MAX, 2), 0xffffefffffffffff);
    assert_int_equal(psw_cc(psw_with_cc(0, 1)), 1);
    assert_int_equal(psw_with_cc(0, 7), PSW_CC);
}

static void knows_instruction_lengths(void **state)
{
    (void)state;
    assert_int_equal(insn_length(0x07), 2); /* BCR */
    assert_int_equal(insn_length(0x47), 4); /* BC */
    assert_int_equal(insn_length(0xb2), 4);
    assert_int_equal(insn_length(0xc0), 6); /* BRCL */
}

static void check(uint64_t mask, uint64_t addr, const char *expected)
{
    char buf[160];

    assert_string_equal(psw_describe((struct psw){mask, addr}, buf, sizeof buf), expected);
}

static void describes_in_words(void **state)
{
    (void)state;
    check(0x0002000180000000, 0x10fdee,
          "0002000180000000 000000000010fdee: disabled wait, supervisor state, primary space, DAT off, key "
          "0, cc 0, "
          "program mask 0, 64-bit");
    check(
        0x0706c00180000000, 0x1000,
        "0706c00180000000 0000000000001000: enabled wait, supervisor state, home space, DAT on, key 0, cc 0, "
        "program mask 0, 64-bit");
    check(0x4705bf0080000000, 0,
          "4705bf0080000000 0000000000000000: problem state, secondary space, DAT on, key 0, cc 3, program "
          "mask f, "
          "31-bit, PER");
    check(0x00f0400000000000, 0,
          "00f0400000000000 0000000000000000: supervisor state, access-register mode, DAT off, key 15, cc 0, "
          "program mask 0, 24-bit");
    check(PSW_EA, 0,
          "0000000100000000 0000000000000000: supervisor state, primary space, DAT off, key 0, cc 0, program "
          "mask 0, "
          "invalid addressing mode");
}

static void description_fits_and_is_cut(void **state)
{
    /* The longest word of each kind. */
    struct psw longest = {PSW_PER | PSW_DAT | PSW_WAIT | PSW_KEY | PSW_ASC_ACCREG | PSW_CC | PSW_PM | PSW_EA,
                          ~0ULL};
    char buf[160];
    char small[8];

    (void)state;
    psw_describe(longest, buf, sizeof buf);
    assert_non_null(strstr(buf, ", PER"));
    assert_true(strlen(buf) < sizeof buf - 1);
    psw_describe(longest, small, sizeof small);
    assert_int_equal(strlen(small), sizeof small - 1);
}

static void parse(const char *hex, uint8_t insn[6])
{
    memset(insn, 0, 6);
    for (unsigned i = 0, byte; i < 6 && sscanf(hex + 2 * (size_t)i, "%2x", &byte) == 1; i++)
        insn[i] = (uint8_t)byte;
}

static bool goes_on(const char *hex)
{
    uint8_t insn[6];

    parse(hex, insn);
    return insn_goes_on(insn);
}

static void instructions_that_go_on(void **state)
{
    static const char *const yes[] = {"0700",         "1812",         "a7f80001",     "a7040000",
                                      "c00400000000", "47000000",     "b9040012",     "e31020000024",
                                      "eb6ff0300024", "d203f000f004", "ec1200ff0055", "5810f000"};
    static const char *const no[] = {
        "07fe",         "0a05",         "05ef",         "44000000",     "47f0f000",     "82000000",
        "a7f40000",     "a7150000",     "a7060000",     "a7170000",     "ac00f000",     "ad00f000",
        "80000000",     "b98d0010",     "b2b2f000",     "b9460012",     "c0f400000000", "c0e500000000",
        "c60000000000", "e31000000046", "eb1200000044", "ec1200000064", "cc1600000000", "ec12000000fe"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!goes_on(yes[i]))
            fail_msg("%s goes on", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (goes_on(no[i]))
            fail_msg("%s may not go on", no[i]);
}

static void names_every_field(void **state)
{
    char text[2000];

    (void)state;
    assert_string_equal(psw_fields((struct psw){0x4535a50180000000, 0x123456}, text, sizeof text),
                        "bit  1      R   program-event recording (PER): on\n"
                        "bit  5      T   dynamic address translation (DAT): on\n"
                        "bit  6      I   input/output interruptions: disabled\n"
                        "bit  7      E   external interruptions: enabled\n"
                        "bits 8-11       access key: 3\n"
                        "bit  13     M   machine-check interruptions: enabled\n"
                        "bit  14     W   wait state: no\n"
                        "bit  15     P   state: problem\n"
                        "bits 16-17  AS  address-space control: secondary space\n"
                        "bits 18-19  CC  condition code: 2\n"
                        "bit  20         fixed-point-overflow mask: disabled\n"
                        "bit  21         decimal-overflow mask: enabled\n"
                        "bit  22         HFP-exponent-underflow mask: disabled\n"
                        "bit  23         HFP-significance mask: enabled\n"
                        "bit  24     RI  runtime instrumentation: off\n"
                        "bit  31     EA  extended addressing: on\n"
                        "bit  32     BA  basic addressing: on\n"
                        "bits 31-32      addressing mode: 64-bit\n"
                        "bits 64-127     instruction address: 0x123456\n");
}

/* What KVM refuses to run, and why. */
static void names_what_is_not_valid(void **state)
{
    char text[2000];

    (void)state;
    assert_null(strstr(psw_fields((struct psw){0x0002000180000000, 0x1000}, text, sizeof text), "not valid"));
    psw_fields((struct psw){0x8008004100000001, 0x10001}, text, sizeof text);
    assert_non_null(strstr(text, "not valid: bits that must be zero are one: 0, 12, 25, 63\n"));
    assert_non_null(strstr(text, "not valid: EA is one and BA zero"));
    assert_non_null(strstr(text, "address is odd"));
    psw_fields((struct psw){0x80000000, 0x80000000}, text, sizeof text);
    assert_non_null(strstr(text, "larger than the addressing mode"));
    assert_null(strstr(text, "must be zero"));
    psw_fields((struct psw){UINT64_MAX, UINT64_MAX}, text, sizeof text);
    assert_true(strlen(text) < sizeof text - 1);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void instructions_and_masks(void **state)
{
    static const struct {
        const char *hex;
        enum insn_masks masks;
    } table[] = {
        {"0101", INSN_MASKS_LOADED},        {"01ff", INSN_MASKS_HIDDEN},
        {"0107", INSN_MASKS_ALONE},         {"44001000", INSN_MASKS_EXECUTE},
        {"8000f000", INSN_MASKS_SET},       {"8200f000", INSN_MASKS_LOADED},
        {"8300f000", INSN_MASKS_ALONE},     {"acfcf000", INSN_MASKS_AND},
        {"ad03f000", INSN_MASKS_OR},        {"b2b2f000", INSN_MASKS_LOADED},
        {"b2180000", INSN_MASKS_HIDDEN},    {"b2400012", INSN_MASKS_HIDDEN},
        {"b2ff0000", INSN_MASKS_HIDDEN},    {"b2140000", INSN_MASKS_HIDDEN},
        {"b2200012", INSN_MASKS_ALONE},     {"b98d0012", INSN_MASKS_READ},
        {"b98e0012", INSN_MASKS_ALONE},     {"c60000000004", INSN_MASKS_EXECUTE},
        {"c60500000004", INSN_MASKS_ALONE}, {"eb00f0000071", INSN_MASKS_LOADED},
        {"eb00f000002f", INSN_MASKS_ALONE}, {"0a05", INSN_MASKS_ALONE},
        {"af00f000", INSN_MASKS_ALONE},     {"d203f000f004", INSN_MASKS_ALONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t insn[6];

        parse(table[i].hex, insn);
        if (insn_masks(insn) != table[i].masks)
            fail_msg("%s", table[i].hex);
        if (table[i].masks != INSN_MASKS_ALONE && insn_goes_on(insn))
            fail_msg("%s may not go on", table[i].hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_by_addressing_mode), cmocka_unit_test(tells_waits_apart),
        cmocka_unit_test(sets_the_condition_code),  cmocka_unit_test(knows_instruction_lengths),
        cmocka_unit_test(describes_in_words),       cmocka_unit_test(description_fits_and_is_cut),
        cmocka_unit_test(instructions_that_go_on),  cmocka_unit_test(names_every_field),
        cmocka_unit_test(names_what_is_not_valid),  cmocka_unit_test(instructions_and_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
