/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What printf prints: every conversion compared with the C library's, strings in memory, limits, and formats
 * that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent_rig.h"

/* Prints this format, as it stands between the quotes in gdb, with up to three arguments. */
static uint64_t print(const char *format, unsigned nargs, uint64_t a, uint64_t b, uint64_t c)
{
    char text[AGENT_CODE_MAX];

    snprintf(text, sizeof text,
             "const64 %llu; const64 %llu; const64 %llu; const8 9; const8 8; printf %u \"%s\"; end",
             (unsigned long long)c, (unsigned long long)b, (unsigned long long)a, nargs, format);
    memset(agent_printed, 0, sizeof agent_printed);
    agent_nprinted = 0;
    return run_code(text);
}

static void assert_prints(const char *expected, const char *format, unsigned nargs, uint64_t a)
{
    if (print(format, nargs, a, 0, 0) == FAILED)
        fail_msg("%s: %s", format, agent_error.text);
    if (strcmp(agent_printed, expected) != 0)
        fail_msg("%s of 0x%llx: \"%s\", not \"%s\"", format, (unsigned long long)a, agent_printed, expected);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void integers_are_printed_as_c_does(void **state)
{
    static const char *const flags[] = {"", "-", "0", "+", " ", "#", "-0", "+ ", "#0", "-#+0 "};
    static const char *const sizes[] = {"",   "1",   "6",   "30",  ".0",    ".1",
                                        ".5", ".25", "8.3", "3.8", "30.25", "."};
    static const char *const lengths[] = {"", "h", "hh", "l", "ll", "z", "t", "j"};
    static const uint64_t values[] = {0,          1,         7,          8,          200,
                                      0x7f,       0x80,      0x8000,     65535,      0x80000000,
                                      0xfedcba98, INT64_MAX, 1ull << 63, UINT64_MAX, (uint64_t)-1234567};
    char format[40], expected[80];

    (void)state;
    for (unsigned n = 0; n < 10 * 12 * 8 * 6; n++) {
        char conversion = "diuoxX"[n % 6];
        const char *flag = flags[n / 6 % 10], *size = sizes[n / 60 % 12], *length = lengths[n / 720];

        snprintf(format, sizeof format, "%%%s%s%s%c", flag, size, length, conversion);
        for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
            if (strlen(length) > 0 && *length != 'h')
                snprintf(expected, sizeof expected, format, values[i]);
            else
                snprintf(expected, sizeof expected, format, (unsigned)values[i]);
            /* One value of each, all of them for the plain formats. */
            if (i == n % 15 || !*size || !*flag)
                assert_prints(expected, format, 1, values[i]);
        }
    }
}

static void characters_and_pointers(void **state)
{
    (void)state;
    assert_prints("c", "%c", 1, 'c');
    assert_prints("    c", "%5c", 1, 0x1200 + 'c');
    assert_prints("c    |", "%-5c|", 1, 'c');
    assert_prints("0xfedcba9876543210", "%p", 1, 0xfedcba9876543210);
    assert_prints("(nil)", "%p", 1, 0);
    assert_prints("   0x10|", "%7p|", 1, 16);
    assert_int_equal(print("a%cb", 1, 0, 0, 0), 0);
    assert_int_equal(agent_nprinted, 3); /* a NUL is a character, too */
    assert_memory_equal(agent_printed, "a\0b", 3);
}

static void text_and_escapes(void **state)
{
    (void)state;
    assert_prints("plain", "plain", 0, 0);
    assert_prints("100% of %d", "100%% of %%d", 0, 0);
    assert_prints("%", "%%", 0, 0);
    assert_prints("7%", "%d%%", 1, 7);
    assert_prints("\\ \a\b\x1b\f\n\r\t\v\"", "\\\\ \\a\\b\\e\\f\\n\\r\\t\\v\\\"", 0, 0);
    assert_prints("before", "before\" behind %d", 0, 0); /* the closing quote, if gdb sends it along */
    assert_prints("%d", "%%d", 0, 0);
    assert_int_equal(print("", 0, 0, 0, 0), 0);
    assert_int_equal(agent_nprinted, 0);
}

static void arguments_come_first_on_top(void **state)
{
    (void)state;
    print("%d %d %d", 3, 1, 2, 3);
    assert_string_equal(agent_printed, "1 2 3");
    /* What is below the arguments stays. */
    assert_int_equal(run_code("const8 77; const8 5; const8 0; const8 0; printf 1 \"%d\"; end"), 77);
}

static void strings_are_read_from_memory(void **state)
{
    (void)state;
    memcpy(agent_memory, "a string", 9);
    assert_prints("a string", "%s", 1, MEMORY_AT);
    assert_prints("<  string>", "<%8s>", 1, MEMORY_AT + 2);
    assert_prints("<string  >", "<%-8s>", 1, MEMORY_AT + 2);
    assert_prints("<   str>", "<%6.3s>", 1, MEMORY_AT + 2);
    assert_prints("<>", "<%.0s>", 1, 1); /* nothing is read */
    assert_prints("(null)", "%s", 1, 0);
    /* Up to the last byte that can be read, and with a precision not beyond it. */
    memcpy(agent_memory + MEMORY_BYTES - 4, "end", 4);
    assert_prints("end", "%s", 1, MEMORY_AT + MEMORY_BYTES - 4);
    agent_memory[MEMORY_BYTES - 1] = '!';
    assert_prints("end!", "%.4s", 1, MEMORY_AT + MEMORY_BYTES - 4);
    assert_true(print("lost %.5s", 1, MEMORY_AT + MEMORY_BYTES - 4, 0, 0) == FAILED);
    assert_string_equal(agent_error.text, "the string at 0x1090ffc cannot be read beyond 0x1091000");
    assert_int_equal(agent_nprinted, 0);
    assert_true(print("%s", 1, 0x10, 0, 0) == FAILED);
    assert_string_equal(agent_error.text, "the string at 0x10 cannot be read beyond 0x10");
}

static void strings_may_be_long(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300; i++)
        agent_memory[i] = (uint8_t)('0' + i % 71);
    assert_prints((char *)agent_memory, "%s", 1, MEMORY_AT);
}

static void long_text_is_cut(void **state)
{
    (void)state;
    memset(agent_memory, 'x', 2000);
    print("%s|", 1, MEMORY_AT, 0, 0);
    assert_int_equal(agent_nprinted, AGENT_STRING_MAX + 4);
    assert_string_equal(agent_printed + AGENT_STRING_MAX - 1, "x...|");
    print("%.1024s|", 1, MEMORY_AT, 0, 0);
    assert_string_equal(agent_printed + AGENT_STRING_MAX - 1, "x|");
    print("%4096d%.4096d", 2, 1, 2, 0);
    assert_int_equal(agent_nprinted, AGENT_TEXT_MAX);
    assert_int_equal(agent_printed[AGENT_TEXT_MAX - 1], '1');
    print("%s%s%s", 3, MEMORY_AT, MEMORY_AT, MEMORY_AT);
    assert_int_equal(agent_nprinted, 3 * (AGENT_STRING_MAX + 3));
}

static size_t nlines;

static void count_lines(void *arg, const char *text, size_t len)
{
    (void)arg;
    (void)text;
    nlines += len;
}

static void a_loop_prints_less_than_it_could_jump(void **state)
{
    struct agent_expr *x = compile_code("const8 0; const8 0; printf 0 \"l\"; goto 0");
    struct agent_context c = agent_context;
    uint64_t value;

    (void)state;
    c.print = count_lines;
    nlines = 0;
    assert_int_equal(agent_run(x, &c, &value, &agent_error), -1);
    assert_non_null(strstr(agent_error.text, "does not end"));
    assert_in_range(nlines, 1000, 2000);
    agent_free(x);
}

static void nobody_need_listen(void **state)
{
    struct agent_expr *x = compile_code("const8 5; const8 0; const8 0; printf 1 \"%d\"; end");
    struct agent_context deaf = agent_context;
    uint64_t value;

    (void)state;
    deaf.print = NULL;
    assert_int_equal(agent_run(x, &deaf, &value, &agent_error), 0);
    agent_free(x);
}

static void refuses_formats(void **state)
{
    static const struct {
        const char *format;
        unsigned nargs;
        const char *words;
    } rows[] = {
        {"%n", 1, "there is no conversion 'n'"},
        {"%f", 1, "there is no conversion 'f'"},
        {"%5.2e", 1, "there is no conversion 'e'"},
        {"%a", 1, "there is no conversion 'a'"},
        {"%*d", 2, "there is no conversion '*'"},
        {"%.*d", 2, "there is no conversion '*'"},
        {"%1$d", 1, "there is no conversion '$'"},
        {"%qd", 1, "there is no conversion 'q'"},
        {"%Ld", 1, "there is no conversion 'L'"},
        {"%hhhd", 1, "there is no conversion 'h'"},
        {"%5%", 0, "there is no conversion '%'"},
        {"%\001", 1, "there is no conversion, byte 0x01"},
        {"%ls", 1, "a length does not go with 's'"},
        {"%lc", 1, "a length does not go with 'c'"},
        {"%hp", 1, "a length does not go with 'p'"},
        {"%", 1, "ends within a conversion"},
        {"%-", 1, "ends within a conversion"},
        {"%5", 1, "ends within a conversion"},
        {"%5.", 1, "ends within a conversion"},
        {"%l", 1, "ends within a conversion"},
        {"%4097d", 1, "a width beyond 4096"},
        {"%99999999999999999999d", 1, "a width beyond 4096"},
        {"%.4097d", 1, "a precision beyond 4096"},
        {"%.99999999999999999999d", 1, "a precision beyond 4096"},
        {"%.-1d", 1, "there is no conversion '-'"},
        {"\\q", 0, "there is no escape 'q'"},
        {"\\", 0, "there is no escape, byte 0x00"},
        {"%d", 0, "it has 1 conversions for 0 arguments"},
        {"%d %%", 2, "it has 1 conversions for 2 arguments"},
    };
    char text[160];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, "const8 1; dup; dup; dup; printf %u \"%s\"; end", rows[i].nargs,
                 rows[i].format);
        assert_not_compiled(text, rows[i].words);
    }
    /* No format, one without its NUL, one with two. */
    assert_not_compiled("const8 1; dup; byte 0x34; byte 0; byte 0; byte 0; end", "its only NUL");
    assert_not_compiled("const8 1; dup; byte 0x34; byte 0; byte 0; byte 1; byte 65; end", "its only NUL");
    assert_not_compiled("const8 1; dup; byte 0x34; byte 0; byte 0; byte 2; byte 0; byte 0; end",
                        "its only NUL");
}

/* gdb 13's listing of `maint agent-printf "x %d %s %c\n",a,p,uc`; the escape is sent as it was typed. */
static void prints_what_gdb_sends(void **state)
{
    (void)state;
    agent_regs[13] = 0x108e000 - 344;
    agent_poke(17354918, 1, 'U');
    agent_poke(0x108e000 + 65352 - 65536, 8, 0x108d0a8);
    agent_poke(0x108e000 + 65372 - 65536, 4, (uint64_t)-12);
    memcpy(agent_memory + 0xa8, "abc", 4);
    run_code("const32 17354918; ref8; reg 13; const16 344; add; const16 65352; ext 16; add; ref64; reg 13; "
             "const16 344; add; const16 65372; ext 16; add; ref32; ext 32; const8 0; const8 0; "
             "printf 3 \"x %d %s %c\\n\"; end");
    assert_string_equal(agent_printed, "x -12 abc U\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(integers_are_printed_as_c_does),
        TEST(characters_and_pointers),
        TEST(text_and_escapes),
        TEST(arguments_come_first_on_top),
        TEST(strings_are_read_from_memory),
        TEST(strings_may_be_long),
        TEST(long_text_is_cut),
        TEST(a_loop_prints_less_than_it_could_jump),
        TEST(nobody_need_listen),
        TEST(refuses_formats),
        TEST(prints_what_gdb_sends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
