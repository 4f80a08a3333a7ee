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

static bool goes_on(const char *hex)
{
    uint8_t insn[6] = {0};

    for (unsigned i = 0, byte; i < 6 && sscanf(hex + 2 * (size_t)i, "%2x", &byte) == 1; i++)
        insn[i] = (uint8_t)byte;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_by_addressing_mode), cmocka_unit_test(tells_waits_apart),
        cmocka_unit_test(sets_the_condition_code),  cmocka_unit_test(knows_instruction_lengths),
        cmocka_unit_test(describes_in_words),       cmocka_unit_test(description_fits_and_is_cut),
        cmocka_unit_test(instructions_that_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
