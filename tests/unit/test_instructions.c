/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of facilities that the machine lacks: each gets what the table says, and the manual shows the
 * table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "zgdbd/dat.h"
#include "zgdbd/guest.h"

#define KERNEL (PSW_EA | PSW_BA)

static void assert_answer(uint16_t ipa, uint32_t ipb, uint64_t psw_mask, uint16_t program, unsigned cc)
{
    struct instruction_answer a = instruction_answer(ipa, ipb, psw_mask);

    assert_int_equal(a.program, program);
    assert_int_equal(a.cc, cc);
}

static void answers(void **state)
{
    (void)state;
    assert_answer(0xb274, 0, KERNEL, 0, 3);
    assert_answer(0xb25f, 0x00120000, KERNEL, 0, 3);
    assert_answer(0xb230, 0, KERNEL | PSW_PSTATE, PGM_PRIVILEGED_OPERATION, 0);
    assert_answer(0xb2af, 0, KERNEL, PGM_OPERATION, 0);
    assert_answer(0xb2af, 0, KERNEL | PSW_PSTATE, PGM_OPERATION, 0); /* before the privilege is looked at */
    assert_answer(0xe312, 0x900000d0, KERNEL, PGM_OPERATION, 0);
    assert_answer(0xebd1, 0x00000030, KERNEL, PGM_OPERATION, 0);
    assert_answer(0xb230 ^ 0x0f00, 0, KERNEL, PGM_OPERATION, 0);
    assert_answer(0x0101, 0, KERNEL, PGM_OPERATION, 0);
    assert_answer(0, 0, KERNEL, PGM_OPERATION, 0);
}

static unsigned words(const char *text)
{
    unsigned n = 1;

    for (; *text; text++)
        n += *text == ' ';
    return n;
}

static void names_every_opcode(void **state)
{
    const struct instruction_group *group;

    (void)state;
    for (unsigned n = 0; (group = instruction_group(n)); n++) {
        unsigned opcodes = 0;

        while (group->opcodes[opcodes])
            opcodes++;
        assert_true(opcodes < INSTRUCTION_GROUP_MAX);
        assert_int_equal(words(group->names), opcodes);
    }
}

/* One row of the manual's table for each group, in its order and no other. */
static void the_manual_shows_the_table(void **state)
{
    FILE *manual = fopen("stub/zgdbd.1", "r");
    char line[512], row[512];
    unsigned n = 0;

    (void)state;
    assert_non_null(manual);
    while (fgets(line, sizeof line, manual) && !strstr(line, "Ss Facilities that the guest does not have"))
        ;
    while (fgets(line, sizeof line, manual) && !strstr(line, ".El")) {
        const struct instruction_group *group = instruction_group(n);

        if (strncmp(line, ".It", 3) != 0)
            continue;
        assert_non_null(group);
        if (group->program)
            snprintf(row, sizeof row, ".It %s Ta operation exception Ta %s\n", group->facility, group->names);
        else
            snprintf(row, sizeof row, ".It %s Ta condition code %u Ta %s\n", group->facility, group->cc,
                     group->names);
        assert_string_equal(line, row);
        n++;
    }
    fclose(manual);
    assert_true(n > 0);
    assert_null(instruction_group(n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(names_every_opcode),
        cmocka_unit_test(the_manual_shows_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
