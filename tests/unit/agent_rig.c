/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent_rig.h"
#include "zgdbd/bytes.h"

uint8_t agent_memory[MEMORY_BYTES];
uint64_t agent_regs[64];
char agent_printed[2 * AGENT_TEXT_MAX];
size_t agent_nprinted;
struct err agent_error;

static int read_reg(void *arg, unsigned reg, uint64_t *value)
{
    (void)arg;
    if (reg >= 64)
        return -1;
    *value = agent_regs[reg];
    return 0;
}

static size_t read_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
    (void)arg;
    if (addr < MEMORY_AT || addr >= MEMORY_AT + MEMORY_BYTES)
        return 0;
    addr -= MEMORY_AT;
    if (len > MEMORY_BYTES - addr)
        len = MEMORY_BYTES - addr;
    memcpy(buf, agent_memory + addr, len);
    return len;
}

static void print(void *arg, const char *text, size_t len)
{
    (void)arg;
    assert_true(len <= AGENT_TEXT_MAX && len <= sizeof agent_printed - agent_nprinted);
    memcpy(agent_printed + agent_nprinted, text, len);
    agent_nprinted += len;
}

struct agent_context agent_context = {.read_reg = read_reg, .read_memory = read_memory, .print = print};

int agent_setup(void **state)
{
    (void)state;
    memset(agent_memory, 0, sizeof agent_memory);
    memset(agent_regs, 0, sizeof agent_regs);
    memset(agent_printed, 0, sizeof agent_printed);
    agent_nprinted = 0;
    agent_context.old_value = agent_context.new_value = 0;
    agent_error.text[0] = 0;
    return 0;
}

void agent_poke(uint64_t addr, unsigned size, uint64_t value)
{
    uint8_t bytes[8];

    store_be64(bytes, value);
    memcpy(agent_memory + (addr - MEMORY_AT), bytes + 8 - size, size);
}

/* Names, numbers and bytes of operands, from the manual. */
static const struct {
    const char *name;
    uint8_t number, operand;
} table[] = {
    {"float", 0x01, 0},
    {"add", 0x02, 0},
    {"sub", 0x03, 0},
    {"mul", 0x04, 0},
    {"div_signed", 0x05, 0},
    {"div_unsigned", 0x06, 0},
    {"rem_signed", 0x07, 0},
    {"rem_unsigned", 0x08, 0},
    {"lsh", 0x09, 0},
    {"rsh_signed", 0x0a, 0},
    {"rsh_unsigned", 0x0b, 0},
    {"trace", 0x0c, 0},
    {"trace_quick", 0x0d, 1},
    {"log_not", 0x0e, 0},
    {"bit_and", 0x0f, 0},
    {"bit_or", 0x10, 0},
    {"bit_xor", 0x11, 0},
    {"bit_not", 0x12, 0},
    {"equal", 0x13, 0},
    {"less_signed", 0x14, 0},
    {"less_unsigned", 0x15, 0},
    {"ext", 0x16, 1},
    {"ref8", 0x17, 0},
    {"ref16", 0x18, 0},
    {"ref32", 0x19, 0},
    {"ref64", 0x1a, 0},
    {"ref_float", 0x1b, 0},
    {"ref_double", 0x1c, 0},
    {"ref_long_double", 0x1d, 0},
    {"l_to_d", 0x1e, 0},
    {"d_to_l", 0x1f, 0},
    {"if_goto", 0x20, 2},
    {"goto", 0x21, 2},
    {"const8", 0x22, 1},
    {"const16", 0x23, 2},
    {"const32", 0x24, 4},
    {"const64", 0x25, 8},
    {"reg", 0x26, 2},
    {"end", 0x27, 0},
    {"dup", 0x28, 0},
    {"pop", 0x29, 0},
    {"zero_ext", 0x2a, 1},
    {"swap", 0x2b, 0},
    {"getv", 0x2c, 2},
    {"setv", 0x2d, 2},
    {"tracev", 0x2e, 2},
    {"tracenz", 0x2f, 0},
    {"trace16", 0x30, 2},
    {"pick", 0x32, 1},
    {"rot", 0x33, 0},
    {"printf", 0x34, 1},
};

static size_t assemble_one(const char *text, size_t len, uint8_t *out)
{
    size_t name = strcspn(text, " ;"), n = 0, size;
    unsigned operand = 1;
    const char *quote;
    uint8_t value[8];

    if (name > len)
        name = len;
    if (strncmp(text, "byte", name) != 0) {
        size_t k = 0;

        while (strlen(table[k].name) != name || strncmp(table[k].name, text, name) != 0)
            assert_true(++k < sizeof table / sizeof table[0]);
        out[n++] = table[k].number;
        operand = table[k].operand;
    }
    store_be64(value, operand ? strtoull(text + name, NULL, 0) : 0);
    memcpy(out + n, value + 8 - operand, operand);
    n += operand;
    if (strncmp(text, "printf", name) != 0)
        return n;
    quote = memchr(text, '"', len);
    size = (size_t)((const char *)memrchr(text, '"', len) - quote); /* with its NUL */
    store_be16(out + n, (uint16_t)size);
    memcpy(out + n + 2, quote + 1, size - 1);
    out[n + 2 + size - 1] = 0;
    return n + 2 + size;
}

size_t assemble(const char *text, uint8_t out[AGENT_CODE_MAX])
{
    size_t n = 0;

    while (*(text += strspn(text, "; "))) {
        size_t len = strcspn(text, ";");

        assert_true(n + len + 16 < AGENT_CODE_MAX);
        n += assemble_one(text, len, out + n);
        text += len;
    }
    return n;
}

struct agent_expr *compile_code(const char *text)
{
    uint8_t code[AGENT_CODE_MAX];
    size_t len = assemble(text, code);
    struct agent_expr *x = agent_compile(code, len, &agent_error);

    if (!x)
        fail_msg("%s: %s", text, agent_error.text);
    assert_true(agent_is(x, code, len));
    return x;
}

uint64_t value_of(struct agent_expr *x)
{
    uint64_t value;
    int rc = agent_run(x, &agent_context, &value, &agent_error);

    agent_free(x);
    return rc ? FAILED : value;
}

uint64_t run_code(const char *text)
{
    return value_of(compile_code(text));
}

void assert_not_compiled(const char *text, const char *words)
{
    uint8_t code[AGENT_CODE_MAX];

    agent_error.text[0] = 0;
    assert_null(agent_compile(code, assemble(text, code), &agent_error));
    if (!strstr(agent_error.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, agent_error.text);
}
