/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes agent expressions: the first byte says whether the rest is bytecode or what a user writes. Whatever
 * is accepted is evaluated on memory of which a part can be read; it may ask the context only for what the
 * contract allows, and print no more than its steps allow. */
#include <stdlib.h>
#include <string.h>

#include "zgdbd/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define READABLE 0x1100u

static size_t prints;

static int read_reg(void *arg, unsigned reg, uint64_t *value)
{
    (void)arg;
    if (reg >= 0x40)
        return -1;
    *value = reg * 0x0123456789abcdefu;
    return 0;
}

static size_t read_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
    (void)arg;
    if (len == 0 || len > AGENT_STRING_MAX)
        abort();
    memset(buf, 0, len);
    if (addr >= READABLE)
        return 0;
    if (len > READABLE - addr)
        len = READABLE - addr;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (addr + i) % 0x800 ? (uint8_t)(addr + i) | 1 : 0;
    return len;
}

static void print(void *arg, const char *text, size_t len)
{
    (void)arg;
    if (len == 0 || len > AGENT_TEXT_MAX || ++prints > AGENT_STEPS_MAX / 64 + AGENT_CODE_MAX)
        abort();
    for (size_t i = 0; i < len; i++) /* all of it is there */
        (void)*(const volatile char *)&text[i];
}

/* Twice gives the same, and an error says something. */
static void evaluate(const struct agent_expr *x)
{
    const struct agent_context c = {NULL, read_reg, read_memory, print, 0x7fffffffffffffff, 1};
    uint64_t value[2] = {0};
    struct err e[2] = {0};
    int rc[2];

    for (int i = 0; i < 2; i++) {
        prints = 0;
        rc[i] = agent_run(x, &c, &value[i], &e[i]);
    }
    if (rc[0] != rc[1] || value[0] != value[1] || strcmp(e[0].text, e[1].text) != 0 ||
        (rc[0] && !e[0].text[0]))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool text = size && (data[0] & 1);
    struct agent_expr *x;
    struct err e = {0};
    char *copy;

    if (!size)
        return 0;
    copy = malloc(size); /* nothing behind it may be read */
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    copy[size - 1] = 0;
    x = text ? agent_parse(copy, &e) : agent_compile((const uint8_t *)copy, size - 1, &e);
    if (!x && !e.text[0])
        abort();
    if (x) {
        if (agent_is(x, (const uint8_t *)copy, size - 1) == text)
            abort();
        free(copy); /* nothing of it may be needed */
        copy = NULL;
        evaluate(x);
    }
    agent_free(x);
    free(copy);
    return 0;
}
