/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pieces of which packets' arguments are made: numbers, thread-ids, ranges, tokens, hex data. It knows no
 * packet; what is taken from the cursor never reaches past its end. */
#include "grammar.h"

#include <limits.h>
#include <string.h>

/* Hex digit values plus one; 0 for every other character. */
static const uint8_t digit_plus_one[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static int hex_digit(char c)
{
    return digit_plus_one[(uint8_t)c] - 1;
}

bool take_char(struct cursor *c, char wanted)
{
    if (at_end(c) || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

bool take_text(struct cursor *c, const char *wanted)
{
    size_t n = strlen(wanted);

    if (left(c) < n || memcmp(c->p, wanted, n))
        return false;
    c->p += n;
    return true;
}

bool take_hex(struct cursor *c, uint64_t max, uint64_t *value)
{
    char *start = c->p;

    *value = 0;
    while (!at_end(c) && hex_digit(*c->p) >= 0) {
        if (*value >> 60)
            return false;
        *value = *value << 4 | (uint64_t)hex_digit(*c->p++);
    }
    return c->p > start && *value <= max;
}

bool take_u32(struct cursor *c, uint32_t *value)
{
    uint64_t wide;

    if (!take_hex(c, UINT32_MAX, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

bool take_signal(struct cursor *c, uint8_t *signal)
{
    uint64_t wide;

    if (!take_hex(c, UINT8_MAX, &wide))
        return false;
    *signal = (uint8_t)wide;
    return true;
}

bool take_fd(struct cursor *c, int *fd)
{
    uint64_t wide;

    if (!take_hex(c, INT_MAX, &wide))
        return false;
    *fd = (int)wide;
    return true;
}

bool take_pid(struct cursor *c, int64_t *pid)
{
    uint64_t wide;

    if (!take_hex(c, INT64_MAX, &wide))
        return false;
    *pid = (int64_t)wide;
    return true;
}

/* Half of a thread-id: "-1" or a number. */
static bool take_id(struct cursor *c, int64_t *id)
{
    if (!take_char(c, '-'))
        return take_pid(c, id);
    *id = RSP_ALL;
    return take_char(c, '1');
}

bool take_thread(struct cursor *c, struct rsp_thread_id *id)
{
    *id = (struct rsp_thread_id){.pid = RSP_ANY, .tid = RSP_ALL};
    if (!take_char(c, 'p'))
        return take_id(c, &id->tid);
    if (!take_id(c, &id->pid))
        return false;
    if (take_char(c, '.') && !take_id(c, &id->tid))
        return false;
    return id->pid != RSP_ALL || id->tid <= 0;
}

bool take_range(struct cursor *c, char separator, uint64_t *addr, uint64_t *len)
{
    return take_hex(c, UINT64_MAX, addr) && take_char(c, separator) && take_hex(c, UINT64_MAX, len) &&
           (*len == 0 || *addr + (*len - 1) >= *addr);
}

struct cursor take_token(struct cursor *c, char separator)
{
    char *stop = memchr(c->p, separator, left(c));
    struct cursor token = {.p = c->p, .end = stop ? stop : c->end};

    c->p = stop ? stop + 1 : c->end;
    return token;
}

bool decode_hex(const struct cursor *token, char *to)
{
    const char *in = token->p;

    if (left(token) % 2)
        return false;
    while (in < token->end) {
        int high = hex_digit(*in++), low = hex_digit(*in++);

        if (high < 0 || low < 0)
            return false;
        *to++ = (char)(high << 4 | low);
    }
    return true;
}

bool decode_string(const struct cursor *token, char *to)
{
    size_t len = left(token) / 2;

    if (!decode_hex(token, to) || memchr(to, '\0', len))
        return false;
    to[len] = '\0';
    return true;
}
