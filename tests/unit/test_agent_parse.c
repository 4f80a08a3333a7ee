/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions as a user writes them: C's precedence, compared with what the compiler computes; values,
 * memory, registers; what is skipped; and where an error is said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent_rig.h"

static uint64_t parse(const char *text)
{
    struct agent_expr *x = agent_parse(text, &agent_error);

    if (!x)
        fail_msg("%s: %s", text, agent_error.text);
    return value_of(x);
}

static void assert_value(const char *text, uint64_t expected)
{
    uint64_t value = parse(text);

    if (value != expected)
        fail_msg("%s: %lld, not %lld %s", text, (long long)value, (long long)expected,
                 value == FAILED ? agent_error.text : "");
}

static void assert_wrong(const char *text, const char *words)
{
    assert_null(agent_parse(text, &agent_error));
    assert_string_equal(agent_error.text, words);
}

struct row {
    const char *text;
    int64_t value;
};

/* What the rows are computed with; not constants to the compiler. */
static int64_t old, new;

#define ROW(...)                                                                                             \
    {                                                                                                        \
#__VA_ARGS__, __VA_ARGS__                                                                            \
    }
#define EACH_SECOND(x)                                                                                       \
    PAIR(x, ||), PAIR(x, &&), PAIR(x, |), PAIR(x, ^), PAIR(x, &), PAIR(x, ==), PAIR(x, !=), PAIR(x, <),      \
        PAIR(x, <=), PAIR(x, >), PAIR(x, >=), PAIR(x, <<), PAIR(x, >>), PAIR(x, +), PAIR(x, -), PAIR(x, *),  \
        PAIR(x, /), PAIR(x, %)
#define PAIR(x, y)                                                                                           \
    {                                                                                                        \
        "old " #x " new " #y " 3", old x new y 3                                                             \
    }
#define EACH(x)                                                                                              \
    {                                                                                                        \
        EACH_SECOND(x)                                                                                       \
    }

#pragma GCC diagnostic ignored "-Wparentheses"
#pragma GCC diagnostic ignored "-Wbool-compare"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"

static void check(const struct row *rows, size_t n)
{
    agent_context.old_value = (uint64_t)old;
    agent_context.new_value = (uint64_t) new;
    for (size_t i = 0; i < n; i++)
        assert_value(rows[i].text, (uint64_t)rows[i].value);
}

static void pairs_of_operators_bind_as_in_c(void **state)
{
    static const int64_t values[][2] = {{1000, 7}, {7, 7}, {5, 3}, {64, 4}}; /* no negative shifts */

    (void)state;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        old = values[i][0];
        new = values[i][1];
        {
            const struct row rows[][18] = {
                EACH(||), EACH(&&), EACH(|),  EACH(^),  EACH(&), EACH(==), EACH(!=), EACH(<), EACH(<=),
                EACH(>),  EACH(>=), EACH(<<), EACH(>>), EACH(+), EACH(-),  EACH(*),  EACH(/), EACH(%),
            };

            check(rows[0], sizeof rows / sizeof rows[0][0]);
        }
    }
}

static void expressions_are_those_of_c(void **state)
{
    (void)state;
    old = -17;
    new = 5;
    {
        const struct row rows[] = {
            ROW(old),
            ROW(old + new * 3 - -2),
            ROW((old + new) * 3),
            ROW(old / new),
            ROW(old % new),
            ROW(old >> 2),
            ROW(-old % 4 == 1 && new > 4 || old),
            ROW(!old == 0),
            ROW(~old & 0xff ^ new << 2),
            ROW(- -new),
            ROW(!!new + !new),
            ROW(+new - (-(~old))),
            ROW(1 < 2 == 2 > 1),
            ROW(old<new != old> new),
            ROW(old - new - 1 - (2 - 3)),
            ROW(100 / 10 / 5 * 3 % 4),
            ROW(old <= -17 && old >= -17 && !(old < -17) && !(old > -17)),
            ROW(0 || 0 && 1 || 3),
            ROW(1 || 1 && 0),
            ROW(0 && 1 || 1),
            ROW(1 | 1 && 0),
            ROW((old && new) + (old || new) + (0 && new) + (0 || 0)),
            ROW('a' + '\n' * '\\' - '\'' + '\0' + '\t' + '\r' + ' '),
            ROW(010 + 0x1F + 0xAbc + 0 + 00),
        };

        check(rows, sizeof rows / sizeof rows[0]);
    }
}

static void numbers_have_64_bits(void **state)
{
    (void)state;
    assert_value("18446744073709551615", UINT64_MAX);
    assert_value("0xffffffffffffffff == -1", 1);
    assert_value("01777777777777777777777", UINT64_MAX);
    assert_value("255 + 256 + 65535 + 65536 + 0xffffffff + 0x100000000", 0x100000000 + 0xffffffff + 131582);
    assert_value("1 << 63 >> 63", UINT64_MAX);
    assert_value("1 << 64", 0);
    assert_value("(1 << 63) / -1", 1ull << 63);
    assert_value("0x8000000000000000 < 1", 1);
    assert_value("(0x8000000000000000 ^ 1 << 63) < (1 ^ 1 << 63)", 0);
}

static void blanks_do_not_matter(void **state)
{
    (void)state;
    assert_value(" \t1+\t2 ", 3);
    assert_value("u8 [ 0x108d000 ]", 0);
    assert_value("1<<2<3==1", 0);
}

static void reads_registers_by_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 64; i++)
        agent_regs[i] = 1000 + i;
    assert_value("$pswm", 1000);
    assert_value("$pswa", 1001);
    assert_value("$pc", 1001);
    assert_value("$r0", 1002);
    assert_value("$r15", 1017);
    assert_value("$sp", 1017);
    assert_value("$acr3+1", 1022);
    assert_value("$f0", 1035);
    assert_true(parse("$prefix") == FAILED);
    assert_string_equal(agent_error.text, "register prefix cannot be read");
}

static void reads_memory_of_every_width(void **state)
{
    static const struct row rows[] = {
        {"u8[0x108d004]", 0xf1},
        {"u16[0x108d004]", 0xf1e2},
        {"u32[0x108d004]", 0xf1e2d3c4},
        {"u64[0x108d004]", (int64_t)0xf1e2d3c4b5a69788},
        {"s8[0x108d004]", (int8_t)0xf1},
        {"s16[0x108d004]", (int16_t)0xf1e2},
        {"s32[0x108d004]", (int32_t)0xf1e2d3c4},
        {"s64[0x108d004]", (int64_t)0xf1e2d3c4b5a69788},
        {"u8[$r2 + u8[u64[0x108d010]] - 1]", 0xe2},
        {"-s8[0x108d004] * 2", 30},
    };

    (void)state;
    agent_poke(0x108d004, 8, 0xf1e2d3c4b5a69788);
    agent_poke(0x108d010, 8, 0x108d020);
    agent_poke(0x108d020, 1, 2);
    agent_regs[4] = 0x108d004;
    check(rows, sizeof rows / sizeof rows[0]);
    assert_true(parse("u16[7]") == FAILED);
    assert_string_equal(agent_error.text, "memory at 0x7 cannot be read");
    assert_true(parse("1 / u8[0x108d000]") == FAILED);
    assert_string_equal(agent_error.text, "division by zero");
}

static void skips_what_does_not_matter(void **state)
{
    (void)state;
    assert_value("0 && 1 / 0", 0);
    assert_value("5 || u8[0]", 1);
    assert_value("0 && 1 / 0 || 7", 1);
    assert_true(parse("1 && 1 / 0") == FAILED);
    assert_true(parse("0 || u8[0]") == FAILED);
}

#define A_VALUE "a value (a number, old, new, $register, u8[...] to s64[...], or a parenthesis)"

static void names_the_column_of_an_error(void **state)
{
    (void)state;
    assert_wrong("", "column 1: expected " A_VALUE ", found the end");
    assert_wrong("old >", "column 6: expected " A_VALUE ", found the end");
    assert_wrong("old > )", "column 7: expected " A_VALUE ", found ')'");
    assert_wrong("1 + foo",
                 "column 5: nothing is called \"foo\" here; variables are not known: expected " A_VALUE);
    assert_wrong("1 + older",
                 "column 5: nothing is called \"older\" here; variables are not known: expected " A_VALUE);
    assert_wrong("1 + anextremelylongname", "column 5: nothing is called \"anextremelylongname\" here; "
                                            "variables are not known: expected " A_VALUE);
    assert_wrong("\001", "column 1: expected " A_VALUE ", found byte 0x01");
    assert_wrong("\361", "column 1: expected " A_VALUE ", found byte 0xf1");
    assert_wrong("(1 + 2", "column 7: expected an operator or ), found the end");
    assert_wrong("u8[1)", "column 5: expected an operator or ], found ')'");
    assert_wrong("u8(1)", "column 3: expected [, found '('");
    assert_wrong("1 2", "column 3: expected an operator or the end, found '2'");
    assert_wrong("old = 1", "column 5: expected an operator or the end, found '='");
    assert_wrong("1)", "column 2: expected an operator or the end, found ')'");
    assert_wrong("1 ? 2 : 3", "column 3: expected an operator or the end, found '?'");
    assert_wrong("0x", "column 3: expected a hexadecimal digit, found the end");
    assert_wrong("0xfg", "column 4: expected a digit or an operator, found 'g'");
    assert_wrong("12u", "column 3: expected a digit or an operator, found 'u'");
    assert_wrong("08", "column 2: expected an octal digit or an operator, found '8'");
    assert_wrong("1 + 18446744073709551616", "column 24: the number is wider than 64 bits");
    assert_wrong("0x10000000000000000", "column 19: the number is wider than 64 bits");
    assert_wrong("''", "column 2: expected a character, found '''");
    assert_wrong("'", "column 2: expected a character, found the end");
    assert_wrong("'ab'", "column 3: expected ', found 'b'");
    assert_wrong("'\\q'", "column 3: expected n, r, t, 0, \\ or ', found 'q'");
    assert_wrong("$", "column 2: expected the name of a register, found the end");
    assert_wrong("1+$r16", "column 4: there is no register r16");
    assert_wrong("$v16", "column 2: v16 is wider than 64 bits");
    assert_wrong("$a_name_that_no_register_can_have", "column 2: expected the name of a register, found 'a'");
}

static void limits_nesting_and_length(void **state)
{
    static char text[3 * AGENT_CODE_MAX];

    (void)state;
    snprintf(text, sizeof text, "%.*s1%.*s", 31, "(((((((((((((((((((((((((((((((((", 31,
             ")))))))))))))))))))))))))))))))))");
    assert_value(text, 1);
    snprintf(text, sizeof text, "%.*s1", 32, "----------------------------------");
    assert_wrong(text, "column 33: more than 32 levels of parentheses and signs");
    text[0] = 0;
    for (int i = 0; i < 31; i++)
        strcat(text, "1|2^3&4==5<6<<7+8*(");
    assert_wrong(strcat(text, "1)))))))))))))))))))))))))))))))"),
                 "the expression has more than 128 values at hand at once, or there is no memory");
    memset(text, 0, sizeof text);
    for (size_t i = 0; i < AGENT_CODE_MAX; i++)
        text[i] = i % 2 ? '+' : '1';
    assert_wrong(text, "column 2732: the expression is too long");
    text[1359 * 2 + 1] = 0;
    assert_value(text, 1360);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pairs_of_operators_bind_as_in_c),
        TEST(expressions_are_those_of_c),
        TEST(numbers_have_64_bits),
        TEST(blanks_do_not_matter),
        TEST(reads_registers_by_name),
        TEST(reads_memory_of_every_width),
        TEST(skips_what_does_not_matter),
        TEST(names_the_column_of_an_error),
        TEST(limits_nesting_and_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
