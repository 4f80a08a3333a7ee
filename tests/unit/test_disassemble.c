/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine code in words: what the library knows and what it does not, relative operands, bytes that are no
 * instruction, code that ends in the middle of one, and where instructions begin. Expected texts are those of
 * objdump, written as libcapstone writes its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "zgdbd/disassemble.h"

#define AT 0x100000u

static const struct text_case {
    uint8_t code[6];
    uint8_t n;
    const char *text;
} texts[] = {
    {{0xeb, 0xbf, 0xf0, 0x58, 0x00, 0x24}, 6, "stmg %r11, %r15, 0x58(%r15)"},
    {{0x07, 0xfe}, 2, "br %r14"},
    {{0xc0, 0xe5, 0xff, 0xff, 0xff, 0x10}, 6, "brasl %r14, 0xffe20"},
    /* The library knows none of these. */
    {{0xb2, 0xb2, 0xf0, 0xa0}, 4, "lpswe 0xa0(%r15)"},
    {{0xaf, 0x00, 0x00, 0x00}, 4, "mc 0, 0"},
    {{0x83, 0x24, 0x05, 0x01}, 4, "diag %r2, %r4, 0x501"},
    {{0xb2, 0x20, 0x00, 0x34}, 4, "servc %r3, %r4"},
    {{0xae, 0x3a, 0x51, 0x23}, 4, "sigp %r3, %r10, 0x123(%r5)"},
    {{0xac, 0xfc, 0xf0, 0xa7}, 4, "stnsm 0xa7(%r15), 252"},
    {{0xeb, 0x3a, 0x51, 0x23, 0xff, 0x2f}, 6, "lctlg %c3, %c10, -0xedd(%r5)"},
    {{0x9b, 0x0f, 0x1d, 0x10}, 4, "stam %a0, %a15, 0xd10(%r1)"},
    {{0xe3, 0x3a, 0x51, 0x23, 0xff, 0x03}, 6, "lrag %r3, -0xedd(%r10, %r5)"},
    {{0x47, 0x00, 0x00, 0x00}, 4, "nop 0"},
    {{0x47, 0xf1, 0x20, 0x00}, 4, "b 0(%r1, %r2)"},
    {{0x47, 0x81, 0x20, 0x10}, 4, "bc 8, 0x10(%r1, %r2)"},
    {{0xc6, 0x20, 0x00, 0x00, 0x01, 0x6f}, 6, "exrl %r2, 0x1002de"},
    {{0x85, 0xa8, 0xff, 0xe0}, 4, "brxle %r10, %r8, 0xfffc0"},
    {{0xdc, 0xff, 0x20, 0x00, 0x40, 0x00}, 6, "tr 0(256, %r2), 0(%r4)"},
    {{0xbf, 0x01, 0x28, 0x00}, 4, "icm %r0, 1, 0x800(%r2)"},
    {{0xc8, 0x30, 0x51, 0x23, 0x91, 0x22}, 6, "mvcos 0x123(%r5), 0x122(%r9), %r3"},
    {{0xda, 0x3a, 0x51, 0x23, 0x91, 0x22}, 6, "mvcp 0x123(%r3, %r5), 0x122(%r9), %r10"},
    {{0xe5, 0x01, 0x51, 0x23, 0x91, 0x22}, 6, "tprot 0x123(%r5), 0x122(%r9)"},
    {{0xb2, 0x21, 0x50, 0x34}, 4, "ipte %r3, %r4, %r5"},
    {{0xb9, 0x8e, 0x50, 0x34}, 4, "idte %r3, %r5, %r4"},
    {{0x01, 0x01}, 2, "pr"},
    /* No instructions. */
    {{0x00, 0x00}, 2, ".word 0x0000"},
    {{0xb2, 0xfe, 0x12, 0x34}, 4, ".word 0xb2fe, 0x1234"},
    {{0xe7, 0, 0, 0, 0, 0}, 6, ".word 0xe700, 0x0000, 0x0000"},
    /* Cut off. */
    {{0xe3, 0x3a, 0x51}, 3, ".word 0xe33a"},
    {{0xb2}, 1, ".byte 0xb2"},
};

static void every_text(void **state)
{
    struct insn_line line;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct text_case *c = &texts[i];

        assert_int_equal(disassemble(c->code, c->n, AT, &line, 1), 1);
        assert_string_equal(line.text, c->text);
        assert_int_equal(line.length, c->n);
        assert_int_equal(line.addr, AT);
        assert_memory_equal(line.bytes, c->code, c->n);
    }
}

static void relative_operands(void **state)
{
    static const struct {
        uint8_t code[6];
        bool has_target;
        uint64_t target;
    } cases[] = {
        {{0xc0, 0xe5, 0xff, 0xff, 0xff, 0x10}, true, AT - 0x1e0},
        {{0xc0, 0x10, 0x00, 0x00, 0x00, 0x80}, true, AT + 0x100}, /* LARL */
        {{0xc0, 0x19, 0x00, 0x00, 0x00, 0x80}, false, 0},         /* LLILF has a number there */
        {{0xa7, 0xf4, 0xff, 0xff}, true, AT - 2},
        {{0xa7, 0x19, 0xff, 0xff}, false, 0}, /* LGHI */
        {{0xec, 0x26, 0x00, 0x06, 0x00, 0x64}, true, AT + 12},
        {{0xec, 0x26, 0x00, 0x06, 0x00, 0x55}, false, 0}, /* RISBG */
        {{0xc6, 0x20, 0x00, 0x00, 0x01, 0x6f}, true, AT + 0x2de},
        {{0x85, 0xa8, 0xff, 0xe0}, true, AT - 0x40},
        {{0xb2, 0xb2, 0xf0, 0xa0}, false, 0},
    };
    struct insn_line line;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        disassemble(cases[i].code, sizeof cases[i].code, AT, &line, 1);
        assert_int_equal(line.has_target, cases[i].has_target);
        assert_int_equal(line.target, cases[i].target);
    }
    disassemble(cases[0].code, 6, 0, &line, 1); /* wraps */
    assert_true(line.target == (uint64_t)-0x1e0);
}

/* 6, 4, 2 and 6 bytes, cut in the last. */
static const uint8_t code[] = {0xeb, 0xbf, 0xf0, 0x58, 0x00, 0x24, 0xb2, 0xb2,
                               0xf0, 0xa0, 0x07, 0x07, 0xc0, 0xe5, 0xff, 0xff};

static void one_after_the_other(void **state)
{
    struct insn_line lines[8];

    (void)state;
    assert_int_equal(disassemble(code, sizeof code, AT, lines, 8), 4);
    assert_int_equal(lines[1].addr, AT + 6);
    assert_int_equal(lines[2].addr, AT + 10);
    assert_string_equal(lines[2].text, "bcr 0, %r7");
    assert_int_equal(lines[3].addr, AT + 12);
    assert_string_equal(lines[3].text, ".word 0xc0e5, 0xffff");
    assert_int_equal(disassemble(code, sizeof code, AT, lines, 2), 2);
    assert_int_equal(disassemble(code, 0, AT, lines, 8), 0);
}

static void beginnings(void **state)
{
    /* A 6-byte instruction that holds what looks like others, then 4, 2. */
    static const uint8_t tricky[] = {0xc0, 0x19, 0x07, 0x07, 0x07, 0x07, 0xb2, 0xb2, 0xf0, 0xa0, 0x07, 0x07};

    (void)state;
    assert_int_equal(disassemble_from(code, 12, true, 8), 0);
    assert_int_equal(disassemble_from(code, 12, true, 2), 6);
    assert_int_equal(disassemble_from(code, 12, true, 1), 10);
    assert_int_equal(disassemble_from(code, 12, true, 0), 12);
    assert_int_equal(disassemble_from(code, 0, true, 8), 0);
    assert_int_equal(disassemble_from(code, 10, false, 2), 0);
    /* Not a place where one begins: the way is the one that leads there all the same. */
    assert_int_equal(disassemble_from(tricky, 12, true, 3), 0);
    assert_int_equal(disassemble_from(tricky + 2, 4, true, 8), 0);
    assert_int_equal(disassemble_from(tricky, 4, true, 8), 2); /* the way from the beginning leads past it */
    /* None leads to it: a 6-byte one that would go past. */
    assert_int_equal(disassemble_from(tricky, 2, false, 8), 2);
    /* Odd addresses begin odd. */
    assert_int_equal(disassemble_from(tricky, 3, false, 1), 1);
}

/* Whatever the bytes are: every instruction in its place, all of them, and a text for each. */
static void every_byte_goes_somewhere(void **state)
{
    uint8_t bytes[4096];
    static struct insn_line lines[2048];
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 8; round++) {
        uint64_t addr = round ? UINT64_MAX - 1000 : AT;
        size_t n, from;

        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        n = disassemble(bytes, sizeof bytes, addr, lines, 2048);
        for (size_t i = 0; i < n; i++) {
            assert_true(lines[i].text[0]);
            assert_true(lines[i].addr == addr);
            addr += lines[i].length;
        }
        assert_true(addr == lines[0].addr + sizeof bytes);
        from = disassemble_from(bytes, 1000, round & 1, 8);
        assert_true(from <= 1000);
        n = disassemble(bytes + from, 1000 - from, AT, lines, 2048);
        assert_true(n <= 8);
        if (n)
            assert_int_equal(lines[n - 1].addr + lines[n - 1].length, AT + 1000 - from);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text),
        cmocka_unit_test(relative_operands),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(beginnings),
        cmocka_unit_test(every_byte_goes_somewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
