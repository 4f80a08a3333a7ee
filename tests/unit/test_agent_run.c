/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Evaluating agent expressions: every opcode, what may not trap, what ends with an error, and
 * conditions as gdb 13 translates them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "agent_rig.h"

#define MIN 0x8000000000000000u
#define ONES UINT64_MAX

struct row {
    const char *code;
    uint64_t value;
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value = run_code(rows[i].code);

        if (value != rows[i].value)
            fail_msg("%s: 0x%llx, not 0x%llx %s", rows[i].code, (unsigned long long)value,
                     (unsigned long long)rows[i].value, value == FAILED ? agent_error.text : "");
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows)[0])

static void computes(void **state)
{
    static const struct row rows[] = {
        {"const8 200; const8 100; add; end", 300},
        {"const64 0xffffffffffffffff; const8 2; add; end", 1},
        {"const8 3; const8 5; sub; end", ONES - 1},
        {"const64 0xffffffffffffffff; const8 7; mul; end", (uint64_t)-7},
        {"const8 7; const64 0xfffffffffffffffe; div_signed; end", (uint64_t)-3},
        {"const8 7; const64 0xfffffffffffffffe; div_unsigned; end", 0},
        {"const64 0xfffffffffffffff9; const8 2; rem_signed; end", ONES},
        {"const64 0xfffffffffffffff9; const8 2; rem_unsigned; end", 1},
        {"const64 0xfffffffffffffff9; const8 2; div_unsigned; end", 0x7ffffffffffffffc},
        {"const8 0; log_not; end", 1},
        {"const64 0x100000000; log_not; end", 0},
        {"const8 0x0c; const8 0x0a; bit_and; end", 8},
        {"const8 0x0c; const8 0x0a; bit_or; end", 0x0e},
        {"const8 0x0c; const8 0x0a; bit_xor; end", 6},
        {"const8 1; bit_not; end", ONES - 1},
        {"const8 4; const8 4; equal; end", 1},
        {"const8 4; const64 0x100000004; equal; end", 0},
        {"const64 0xffffffffffffffff; const8 1; less_signed; end", 1},
        {"const64 0xffffffffffffffff; const8 1; less_unsigned; end", 0},
        {"const8 1; const8 1; less_signed; end", 0},
        {"const8 0; const8 1; less_unsigned; end", 1},
    };

    (void)state;
    CHECK(rows);
}

static void divides_the_least_number_by_minus_one(void **state)
{
    static const struct row rows[] = {
        {"const64 0x8000000000000000; const64 0xffffffffffffffff; div_signed; end", MIN},
        {"const64 0x8000000000000000; const64 0xffffffffffffffff; rem_signed; end", 0},
        {"const8 5; const64 0xffffffffffffffff; div_signed; end", (uint64_t)-5},
    };

    (void)state;
    CHECK(rows);
}

static void shifts_by_any_count(void **state)
{
    static const struct row rows[] = {
        {"const8 1; const8 63; lsh; end", MIN},
        {"const8 1; const8 64; lsh; end", 0},
        {"const8 1; const64 0xffffffffffffffff; lsh; end", 0},
        {"const64 0x8000000000000000; const8 63; rsh_unsigned; end", 1},
        {"const64 0x8000000000000000; const8 64; rsh_unsigned; end", 0},
        {"const64 0x8000000000000000; const8 63; rsh_signed; end", ONES},
        {"const64 0x8000000000000000; const8 200; rsh_signed; end", ONES},
        {"const8 0x80; const64 0x100000001; rsh_signed; end", 0},
        {"const8 0x80; const8 3; rsh_signed; end", 0x10},
    };

    (void)state;
    CHECK(rows);
}

static void extends_from_any_width(void **state)
{
    static const struct row rows[] = {
        {"const8 0x80; ext 8; end", (uint64_t)-128},
        {"const16 0x7f80; ext 8; end", (uint64_t)-128},
        {"const8 0x7f; ext 8; end", 0x7f},
        {"const8 5; ext 3; end", (uint64_t)-3},
        {"const8 1; ext 1; end", ONES},
        {"const64 0x7fffffffffffffff; ext 63; end", ONES},
        {"const64 0x8000000000000001; ext 64; end", MIN + 1},
        {"const64 0x8000000000000001; ext 65; end", MIN + 1},
        {"const64 0x8000000000000001; ext 255; end", MIN + 1},
        {"const64 0xffffffffffffffff; ext 0; end", 0},
        {"const64 0xffffffffffffffff; zero_ext 0; end", 0},
        {"const64 0xffffffffffffffff; zero_ext 1; end", 1},
        {"const64 0xffffffffffffffff; zero_ext 63; end", MIN - 1},
        {"const64 0xffffffffffffffff; zero_ext 64; end", ONES},
        {"const64 0xffffffffffffffff; zero_ext 255; end", ONES},
    };

    (void)state;
    CHECK(rows);
}

static void pushes_constants_and_registers(void **state)
{
    static const struct row rows[] = {
        {"const8 0xfe; end", 0xfe},
        {"const16 0xfedc; end", 0xfedc},
        {"const32 0xfedcba98; end", 0xfedcba98},
        {"const64 0xfedcba9876543210; end", 0xfedcba9876543210},
        {"reg 4; end", 0x123456789abcdef0},
    };

    (void)state;
    agent_regs[4] = 0x123456789abcdef0;
    CHECK(rows);
}

static void moves_the_stack(void **state)
{
    static const struct row rows[] = {
        {"const8 1; const8 2; swap; const8 10; mul; add; end", 12},
        {"const8 4; dup; mul; end", 16},
        {"const8 4; const8 5; pop; end", 4},
        {"const8 1; const8 2; const8 3; pick 0; end", 3},
        {"const8 1; const8 2; const8 3; pick 2; end", 1},
        {"const8 1; const8 2; const8 3; rot; end", 2},
        {"const8 1; const8 2; const8 3; rot; pop; end", 1},
        {"const8 1; const8 2; const8 3; rot; pop; pop; end", 3},
        {"end", 0},
        {"const8 1; pop; end", 0},
    };

    (void)state;
    CHECK(rows);
}

static void jumps(void **state)
{
    static const struct row rows[] = {
        {"const8 1; if_goto 8; const8 7; end; const8 8; end", 8},
        {"const8 0; if_goto 8; const8 7; end; const8 8; end", 7},
        {"goto 4; end; const8 3; end", 3},
        /* 10 factorial: n, product; while n: product *= n, n -= 1 */
        {"const8 10; const8 1; pick 1; if_goto 10; end; pick 1; mul; swap; const8 1; sub; swap; goto 4",
         3628800},
    };

    (void)state;
    CHECK(rows);
}

static void reads_memory_most_significant_byte_first(void **state)
{
    static const struct row rows[] = {
        {"const32 0x108d001; ref8; end", 0xf1},
        {"const32 0x108d001; ref16; end", 0xf1e2},
        {"const32 0x108d001; ref32; end", 0xf1e2d3c4},
        {"const32 0x108d001; ref64; end", 0xf1e2d3c4b5a69788},
        {"const32 0x108d001; ref16; ext 16; end", 0xfffffffffffff1e2},
    };

    (void)state;
    agent_poke(0x108d001, 8, 0xf1e2d3c4b5a69788);
    CHECK(rows);
}

static void assert_fails(const char *code, const char *words)
{
    assert_true(run_code(code) == FAILED);
    assert_string_equal(agent_error.text, words);
}

static void says_why_it_cannot_evaluate(void **state)
{
    (void)state;
    assert_fails("const8 1; const8 0; div_signed; end", "division by zero");
    assert_fails("const8 1; const8 0; div_unsigned; end", "division by zero");
    assert_fails("const8 1; const8 0; rem_signed; end", "division by zero");
    assert_fails("const8 1; const8 0; rem_unsigned; end", "division by zero");
    assert_fails("const8 8; ref8; end", "memory at 0x8 cannot be read");
    assert_fails("const32 0x1090ffc; ref64; end", "memory at 0x1090ffc cannot be read");
    assert_fails("reg 300; end", "there is no register 300");
    assert_fails("reg 67; end", "register v16 cannot be read");
}

static void ends_a_loop(void **state)
{
    (void)state;
    assert_fails("goto 0", "it does not end within 100000 steps");
    assert_fails("const8 0; const8 1; if_goto 2; end", "it does not end within 100000 steps");
    /* 20000 times round 4 instructions is within bounds. */
    assert_int_equal(run_code("const16 20000; const8 1; sub; dup; if_goto 3; end"), 0);
    assert_fails("const32 30000; const8 1; sub; dup; if_goto 5; end", "it does not end within 100000 steps");
}

static void uses_the_whole_stack(void **state)
{
    char text[AGENT_STACK_MAX * 16] = "const8 3; ";

    (void)state;
    for (unsigned i = 1; i < AGENT_STACK_MAX; i++)
        strcat(text, "dup; ");
    strcat(text, "swap; rot; bit_not; end");
    assert_int_equal(run_code(text), ~3ULL);
}

/* Listings of gdb 13's `maint agent-eval`: conditions on int v at 17354912, short sh behind it, unsigned char
 * uc and long l, and on the frame's variables. */
static void evaluates_what_gdb_sends(void **state)
{
    static const struct row rows[] = {
        /* $r2 == 5 */
        {"reg 4; zero_ext 64; const8 5; zero_ext 64; equal; end", 1},
        /* v > 3 && l != 0 */
        {"const32 17354912; ref32; ext 32; const8 3; swap; less_signed; if_goto 18; goto 41; const32 "
         "17363072; "
         "ref64; ext 64; const8 0; equal; log_not; if_goto 36; goto 41; const8 1; goto 43; const8 0; end",
         1},
        /* a == 2 */
        {"reg 13; const16 344; add; const16 65372; ext 16; add; ref32; ext 32; const8 2; equal; end", 1},
        /* sh == -1 || uc */
        {"const32 17354916; ref16; ext 16; const8 255; ext 8; equal; if_goto 30; const32 17354918; ref8; "
         "if_goto 30; const8 0; goto 32; const8 1; end",
         1},
        /* b % 3 ? 1 : ~l, with b == 9 */
        {"reg 13; const16 344; add; const16 65360; ext 16; add; ref64; const8 3; zero_ext 64; rem_unsigned; "
         "zero_ext 64; log_not; if_goto 30; const8 1; goto 41; const32 17363072; ref64; ext 64; bit_not; ext "
         "64; "
         "end",
         ~0x100000000ULL},
        /* s.c < 2, a bit field with the value -3 */
        {"const32 17363080; const8 4; add; ref8; ext 3; const8 2; less_signed; end", 1},
        /* -v/uc */
        {"const8 0; const32 17354912; ref32; ext 32; sub; ext 32; const32 17354918; ref8; div_signed; ext "
         "32; "
         "end",
         (uint64_t)-2},
    };

    (void)state;
    agent_regs[4] = 5;
    agent_regs[13] = 0x108e000 - 344;
    agent_poke(17354912, 4, 400);
    agent_poke(17354916, 2, 0xffff);
    agent_poke(17354918, 1, 200);
    agent_poke(17363072, 8, 0x100000000);
    agent_poke(17363084, 1, 0xf5);
    agent_poke(0x108e000 + 65372 - 65536, 4, 2);
    agent_poke(0x108e000 + 65360 - 65536, 8, 9);
    CHECK(rows);
    agent_poke(17354912, 4, (uint64_t)-400);
    assert_int_equal(run_code(rows[1].code), 0);
    agent_poke(17354916, 2, 0);
    agent_poke(17354918, 1, 0);
    assert_int_equal(run_code(rows[3].code), 0);
    assert_fails(rows[6].code, "division by zero");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(computes),
        TEST(divides_the_least_number_by_minus_one),
        TEST(shifts_by_any_count),
        TEST(extends_from_any_width),
        TEST(pushes_constants_and_registers),
        TEST(moves_the_stack),
        TEST(jumps),
        TEST(reads_memory_most_significant_byte_first),
        TEST(says_why_it_cannot_evaluate),
        TEST(ends_a_loop),
        TEST(uses_the_whole_stack),
        TEST(evaluates_what_gdb_sends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
