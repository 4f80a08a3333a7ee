/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DIAGNOSE: resets, IPL parameters that do not exist, and everything that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "zgdbd/dat.h"
#include "zgdbd/guest.h"

static uint64_t gprs[16];

static struct diag_answer diag(uint16_t code, unsigned r1, unsigned r3, uint64_t subcode)
{
    memset(gprs, 0x55, sizeof gprs);
    gprs[r3] = subcode;
    return diag_call(code, r1, r3, gprs, PSW_EA | PSW_BA);
}

static void asks_for_resets(void **state)
{
    static const unsigned resets[] = {0, 1, 3, 4};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct diag_answer a = diag(0x308, 2, 4, resets[i]);

        assert_int_equal(a.action, DIAG_RESET);
        assert_int_equal(a.subcode, resets[i]);
    }
}

static void has_no_ipl_parameters(void **state)
{
    (void)state;
    for (unsigned subcode = 5; subcode <= 6; subcode++) {
        assert_int_equal(diag(0x308, 14, 1, subcode).action, DIAG_DONE);
        assert_int_equal(gprs[15], 0x102);
        assert_int_equal(gprs[14], 0x5555555555555555);
    }
}

static void assert_program(struct diag_answer a, uint16_t code)
{
    assert_int_equal(a.action, DIAG_PROGRAM);
    assert_int_equal(a.code, code);
}

static void refuses_the_rest(void **state)
{
    (void)state;
    assert_program(diag(0x308, 2, 4, 2), PGM_SPECIFICATION);
    assert_program(diag(0x308, 2, 4, 8), PGM_SPECIFICATION);
    assert_program(diag(0x308, 2, 4, 0x100000003), PGM_SPECIFICATION);
    assert_program(diag(0x308, 3, 4, 5), PGM_SPECIFICATION); /* odd R1 */
    assert_program(diag(0x308, 15, 4, 6), PGM_SPECIFICATION);
    assert_program(diag(0x500, 2, 4, 3), PGM_SPECIFICATION);
    assert_program(diag(0x008, 2, 4, 3), PGM_SPECIFICATION);
    assert_program(diag_call(0x308, 2, 4, gprs, PSW_PSTATE), PGM_PRIVILEGED_OPERATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_resets),
        cmocka_unit_test(has_no_ipl_parameters),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
