/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bytecode is refused before it is ever evaluated, and what a breakpoint does with its conditions and
 * commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent_rig.h"

static void refuses_what_is_no_opcode(void **state)
{
    static const uint8_t none[] = {0x00, 0x31, 0x35, 0x7f, 0xf0, 0xf1, 0xff};

    (void)state;
    for (size_t i = 0; i < sizeof none; i++) {
        uint8_t code[] = {none[i], 0x27};

        assert_null(agent_compile(code, 2, &agent_error));
        assert_non_null(strstr(agent_error.text, "is no opcode"));
    }
    assert_not_compiled("const8 1; byte 0xf0; end", "byte 2, 0xf0, is no opcode");
}

static void refuses_tracing_and_floating_point_by_name(void **state)
{
    static const char *const tracing[] = {"trace",  "trace_quick 1", "trace16 1", "tracenz",
                                          "getv 1", "setv 1",        "tracev 1"};
    static const char *const floating[] = {"float",           "ref_float", "ref_double",
                                           "ref_long_double", "l_to_d",    "d_to_l"};
    char text[80];

    (void)state;
    for (size_t i = 0; i < sizeof tracing / sizeof tracing[0]; i++) {
        snprintf(text, sizeof text, "const8 1; dup; %s; end", tracing[i]);
        assert_not_compiled(text, "tracepoints");
        assert_memory_equal(strstr(agent_error.text, "expression: ") + 12, tracing[i],
                            strcspn(tracing[i], " "));
    }
    for (size_t i = 0; i < sizeof floating / sizeof floating[0]; i++) {
        snprintf(text, sizeof text, "const8 1; %s; end", floating[i]);
        assert_not_compiled(text, "no floating point");
        assert_non_null(strstr(agent_error.text, floating[i]));
    }
}

static void refuses_operands_that_are_cut_short(void **state)
{
    static const char *const rows[] = {"const8", "const16",  "const32", "const64", "reg",
                                       "ext",    "zero_ext", "goto",    "if_goto", "pick"};
    uint8_t code[AGENT_CODE_MAX], *copy;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = assemble(rows[i], code);

        for (size_t n = 1; n < len; n++) {
            copy = memcpy(test_malloc(n), code, n); /* nothing behind it may be read */
            assert_null(agent_compile(copy, n, &agent_error));
            assert_non_null(strstr(agent_error.text, "is cut short"));
            test_free(copy);
        }
    }
    assert_not_compiled("const8 1; const8 2; byte 0x34; byte 0; byte 0",
                        "operand of printf at byte 4 is cut short");
    assert_not_compiled("const8 1; const8 2; byte 0x34; byte 0; byte 0; byte 3; byte 0x41; byte 0",
                        "is 3 bytes long, 2 are there");
}

static void refuses_jumps_to_elsewhere(void **state)
{
    (void)state;
    assert_not_compiled("goto 1; end", "goto at byte 0 jumps to byte 1, which is no instruction");
    assert_not_compiled("goto 4; end", "jumps to byte 4");
    assert_not_compiled("goto 0xffff; end", "jumps to byte 65535");
    assert_not_compiled("const8 1; if_goto 1; end", "if_goto at byte 2 jumps to byte 1");
    assert_not_compiled("const8 1; const8 1; goto 10; printf 0 \"abc\"; end", "jumps to byte 10");
}

static void refuses_code_without_end(void **state)
{
    (void)state;
    assert_not_compiled("const8 1", "runs past its end after const8 at byte 0");
    assert_not_compiled("const8 1; if_goto 6; end; const8 1", "runs past its end after const8 at byte 6");
    assert_not_compiled("", "it has 0 bytes");
    assert_int_equal(run_code("const8 3; end; const8 1"), 3); /* never reached */
}

static void refuses_a_stack_that_underflows(void **state)
{
    static const char *const unary[] = {"ref8",    "ref16",   "ref32", "ref64", "ext 8",     "zero_ext 8",
                                        "log_not", "bit_not", "dup",   "pop",   "if_goto 0", "pick 0"};
    static const char *const binary[] = {
        "add",          "sub",   "mul",         "div_signed",    "div_unsigned", "rem_signed",
        "rem_unsigned", "lsh",   "rsh_signed",  "rsh_unsigned",  "bit_and",      "bit_or",
        "bit_xor",      "equal", "less_signed", "less_unsigned", "swap",         "pick 1"};
    char text[80];

    (void)state;
    for (size_t i = 0; i < sizeof unary / sizeof unary[0]; i++) {
        snprintf(text, sizeof text, "%s; end", unary[i]);
        assert_not_compiled(text, "takes 1 values from a stack of 0");
    }
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) {
        snprintf(text, sizeof text, "const8 1; %s; end", binary[i]);
        assert_not_compiled(text, "takes 2 values from a stack of 1");
    }
    assert_not_compiled("const8 1; const8 1; rot; end", "takes 3 values from a stack of 2");
    assert_not_compiled("const8 1; pick 255; end", "takes 256 values from a stack of 1");
    assert_not_compiled("const8 1; const8 1; printf 1 \"%d\"; end", "takes 3 values from a stack of 2");
    /* Only one of two ways leads there. */
    assert_not_compiled("const8 1; dup; if_goto 7; pop; add; end", "with 1 and with 0 values");
}

static void refuses_a_stack_without_bound(void **state)
{
    char text[AGENT_STACK_MAX * 16] = "const8 3; ";

    (void)state;
    assert_not_compiled("const8 1; goto 0", "with 0 and with 1 values on the stack");
    assert_not_compiled("const8 1; const8 1; if_goto 0; end", "with 0 and with 1 values on the stack");
    for (unsigned i = 1; i <= AGENT_STACK_MAX; i++)
        strcat(text, "dup; ");
    strcat(text, "end");
    assert_not_compiled(text, "the stack is deeper than 128 values");
}

static void limits_the_length(void **state)
{
    static uint8_t code[AGENT_CODE_MAX + 1];
    struct agent_expr *x;

    (void)state;
    memset(code, 0x0e, sizeof code); /* log_not */
    code[0] = 0x22;                  /* const8 0 */
    code[1] = 0;
    code[AGENT_CODE_MAX - 1] = code[AGENT_CODE_MAX] = 0x27;
    assert_null(agent_compile(code, AGENT_CODE_MAX + 1, &agent_error));
    assert_non_null(strstr(agent_error.text, "it has 4097 bytes; 1 to 4096"));
    x = agent_compile(code, AGENT_CODE_MAX, &agent_error);
    assert_non_null(x);
    assert_int_equal(value_of(x), 1);
}

static void knows_its_own_bytes(void **state)
{
    static const uint8_t code[] = {0x22, 1, 0x27, 0x27};
    struct agent_expr *x = agent_compile(code, 3, &agent_error);

    (void)state;
    assert_non_null(x);
    assert_true(agent_is(x, code, 3));
    assert_false(agent_is(x, code, 2));
    assert_false(agent_is(x, code, 4));
    assert_false(agent_is(x, (const uint8_t[]){0x22, 2, 0x27}, 3));
    agent_free(x);
    agent_free(NULL);
}

/* ---- breakpoints ---- */

static struct bp_counts counts;
static char text[200];

/* What becomes of a breakpoint with these conditions and commands; NULL ends each list. */
static bool stops(enum bp_kind kind, const char *const conditions[], const char *const commands[])
{
    struct agent_expr *x[2][4];
    size_t n[2] = {0, 0};
    struct bp_actions actions;
    struct breakpoint b = {kind, 0x1234, 8, &actions, &counts};
    bool result;

    for (; conditions && conditions[n[0]]; n[0]++)
        x[0][n[0]] = compile_code(conditions[n[0]]);
    for (; commands && commands[n[1]]; n[1]++)
        x[1][n[1]] = compile_code(commands[n[1]]);
    actions.nconditions = n[0];
    actions.conditions = (const struct agent_expr *const *)x[0];
    actions.ncommands = n[1];
    actions.commands = (const struct agent_expr *const *)x[1];
    memset(&counts, 0, sizeof counts);
    strcpy(text, "unset");
    result = agent_breakpoint_stops(&b, &agent_context, text, sizeof text);
    for (int list = 0; list < 2; list++)
        while (n[list])
            agent_free(x[list][--n[list]]);
    return result;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TRUE "const8 2; end"
#define FALSE "const8 0; end"
#define ZERODIVIDE "const8 1; const8 0; div_signed; end"
#define SAY(word) "const8 0; const8 0; printf 0 \"" word "\"; end"

static void stops_if_a_condition_holds(void **state)
{
    (void)state;
    assert_true(stops(BP_SOFTWARE, NULL, NULL));
    assert_int_equal(counts.hits, 1);
    assert_true(stops(BP_SOFTWARE, LIST(TRUE), NULL));
    assert_string_equal(text, "");
    assert_int_equal(counts.reached, 1);
    assert_int_equal(counts.hits, 1);
    assert_false(stops(BP_SOFTWARE, LIST(FALSE, FALSE), NULL));
    assert_int_equal(counts.reached, 1);
    assert_int_equal(counts.hits, 0);
    assert_true(stops(BP_SOFTWARE, LIST(FALSE, TRUE, ZERODIVIDE), NULL));
    assert_string_equal(text, "");
}

static void stops_if_a_condition_cannot_be_evaluated(void **state)
{
    (void)state;
    assert_true(stops(BP_SOFTWARE, LIST(FALSE, ZERODIVIDE, TRUE), LIST(SAY("x"))));
    assert_string_equal(text, "breakpoint at 0x1234: its condition cannot be evaluated: division by zero");
    assert_int_equal(agent_nprinted, 0);
    assert_true(stops(BP_WRITE, LIST(ZERODIVIDE), NULL));
    assert_string_equal(text, "watchpoint at 0x1234: its condition cannot be evaluated: division by zero");
}

static void runs_commands_and_goes_on(void **state)
{
    (void)state;
    assert_false(stops(BP_HARDWARE, NULL, LIST(SAY("one "), SAY("two"))));
    assert_string_equal(agent_printed, "one two");
    assert_string_equal(text, "");
    assert_int_equal(counts.hits, 1);
    assert_false(stops(BP_HARDWARE, LIST(FALSE), LIST(SAY("never"))));
    assert_string_equal(agent_printed, "one two");
    assert_false(stops(BP_HARDWARE, LIST(TRUE), LIST(SAY(", three"))));
    assert_string_equal(agent_printed, "one two, three");
}

static void stops_if_a_command_fails(void **state)
{
    (void)state;
    assert_true(stops(BP_HARDWARE, NULL, LIST("const8 8; ref8; end", SAY("on"), ZERODIVIDE)));
    assert_string_equal(text,
                        "breakpoint at 0x1234: its command cannot be run: memory at 0x8 cannot be read");
    assert_string_equal(agent_printed, "on");
}

static void needs_neither_actions_nor_counts(void **state)
{
    struct breakpoint b = {.kind = BP_SOFTWARE, .addr = 1};

    (void)state;
    assert_true(agent_breakpoint_stops(&b, &agent_context, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_what_is_no_opcode),
        TEST(refuses_tracing_and_floating_point_by_name),
        TEST(refuses_operands_that_are_cut_short),
        TEST(refuses_jumps_to_elsewhere),
        TEST(refuses_code_without_end),
        TEST(refuses_a_stack_that_underflows),
        TEST(refuses_a_stack_without_bound),
        TEST(limits_the_length),
        TEST(knows_its_own_bytes),
        TEST(stops_if_a_condition_holds),
        TEST(stops_if_a_condition_cannot_be_evaluated),
        TEST(runs_commands_and_goes_on),
        TEST(stops_if_a_command_fails),
        TEST(needs_neither_actions_nor_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
