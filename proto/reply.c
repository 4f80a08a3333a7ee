/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reply builder: frames appended in layers (begin, appenders, end) to a buffer that is the caller's. It
 * keeps the promise that whatever is in the buffer is made of whole frames: a reply that does not fit becomes
 * an error reply. */
#include "zgdbd/bytes.h"
#include "zgdbd/proto.h"

#include <errno.h>
#include <string.h>

#include "checksum.h"

#define TRAILER 3 /* "#xx" */

/* The two digits of every byte value. */
static const char hex_pairs[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                                "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
                                "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
                                "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
                                "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
                                "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
                                "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
                                "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

void rsp_out_init(struct rsp_out *out, char *buf, size_t cap)
{
    memset(out, 0, sizeof *out);
    out->buf = buf;
    out->cap = cap;
}

static void append_outside(struct rsp_out *out, char c)
{
    if (out->len < out->cap)
        out->buf[out->len++] = c;
}

void rsp_ack(struct rsp_out *out)
{
    append_outside(out, '+');
}

void rsp_nak(struct rsp_out *out)
{
    append_outside(out, '-');
}

/* Bytes of payload that still fit in front of the trailer. */
static size_t room(const struct rsp_out *out)
{
    size_t left = out->cap - out->len;

    return left < TRAILER ? 0 : left - TRAILER;
}

/* Reserves n bytes of payload; NULL, with overflow set, if they do not fit. */
static char *reserve(struct rsp_out *out, size_t n)
{
    char *at = out->buf + out->len;

    if (n > room(out)) {
        out->overflow = true;
        return NULL;
    }
    out->len += n;
    return at;
}

static void append(struct rsp_out *out, const char *s, size_t n)
{
    char *at = reserve(out, n);

    if (at)
        memcpy(at, s, n);
}

void rsp_begin(struct rsp_out *out, enum rsp_begin_flags flags)
{
    if (out->open)
        out->len = out->start;
    out->open = true;
    out->overflow = false;
    out->rle = flags & RSP_RLE;
    out->start = out->len;
    append(out, flags & RSP_NOTIFICATION ? "%" : "$", 1);
}

/* How many of the n bytes at s are c before another comes. */
static size_t repeats_of(char c, const char *s, size_t n)
{
    const uint64_t eight = 0x0101010101010101u * (uint8_t)c;
    size_t i = 0;

    while (n - i >= 8 && load_be64(s + i) == eight)
        i += 8;
    while (i < n && s[i] == c)
        i++;
    return i;
}

/* Run-length encodes n bytes in place and returns the new length, which is never larger. A run is a byte,
 * '*', and the number of its repeats plus 29 as a printable byte; it pays from three repeats on. Counts that
 * look like framing ('#', '$') or acks are avoided by a shorter run. */
static size_t run_length_encode(char *s, size_t n)
{
    const size_t most = '~' - 29;
    size_t in = 0, len = 0;

    while (in < n) {
        char c = s[in++];
        size_t repeats;

        s[len++] = c;
        if (n - in < 3 || s[in] != c || s[in + 1] != c || s[in + 2] != c)
            continue;
        repeats = repeats_of(c, s + in, n - in < most ? n - in : most);
        while (strchr("#$+-", (int)repeats + 29))
            repeats--;
        s[len++] = '*';
        s[len++] = (char)(repeats + 29);
        in += repeats;
    }
    return len;
}

/* Drops the reply, and puts the error into its place if there is room; a notification has no such. */
static bool replace_by_error(struct rsp_out *out)
{
    bool notification = out->len > out->start && out->buf[out->start] == '%';

    out->len = out->start;
    if (notification)
        return false;
    out->overflow = false;
    append(out, "$E5a", 4); /* EMSGSIZE */
    return !out->overflow;
}

int rsp_end(struct rsp_out *out)
{
    bool overflow = out->overflow;
    char *payload;
    size_t len;

    out->open = false;
    if (overflow && !replace_by_error(out))
        return -1;
    payload = out->buf + out->start + 1;
    len = out->len - out->start - 1;
    if (out->rle)
        len = run_length_encode(payload, len);
    payload[len] = '#';
    memcpy(payload + len + 1, hex_pairs + 2 * rsp_checksum(payload, len), 2);
    out->len = out->start + 1 + len + TRAILER;
    return overflow ? -1 : 0;
}

void rsp_str(struct rsp_out *out, const char *text)
{
    append(out, text, strlen(text));
}

void rsp_hex_u64(struct rsp_out *out, uint64_t value)
{
    char digits[16];
    size_t n = 0;

    do {
        digits[sizeof digits - ++n] = hex_pairs[2 * (value & 0xf) + 1];
        value >>= 4;
    } while (value);
    append(out, digits + sizeof digits - n, n);
}

void rsp_hex_u8(struct rsp_out *out, uint8_t value)
{
    append(out, hex_pairs + 2 * value, 2);
}

/* The eight digits of a word, the first in the highest byte: the nibbles are spread, then all made characters
 * at once. */
static uint64_t hex_of(uint32_t word)
{
    uint64_t x = word;
    uint64_t letters;

    x = (x | x << 16) & 0x0000ffff0000ffffu;
    x = (x | x << 8) & 0x00ff00ff00ff00ffu;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
    letters = (x + 0x0606060606060606u) >> 4 & 0x0101010101010101u;
    return x + 0x3030303030303030u + letters * ('a' - '9' - 1);
}

void rsp_hex(struct rsp_out *out, const void *data, size_t n)
{
    const uint8_t *bytes = data;
    char *at = reserve(out, n > SIZE_MAX / 2 ? SIZE_MAX : 2 * n);

    if (!at)
        return;
    for (; n >= 4; n -= 4, bytes += 4, at += 8)
        store_be64(at, hex_of(load_be32(bytes)));
    for (; n > 0; n--, bytes++, at += 2)
        memcpy(at, hex_pairs + 2 * *bytes, 2);
}

void *rsp_space(struct rsp_out *out, size_t n)
{
    size_t most = room(out);

    if (most < RSP_SPACE_HEAD || n > (most - RSP_SPACE_HEAD) / 2) {
        out->overflow = true;
        return NULL;
    }
    return out->buf + out->cap - TRAILER - n;
}

void rsp_run(struct rsp_out *out, char c, size_t n)
{
    while (n > 0) {
        size_t repeats = n - 1 < '~' - 29 ? n - 1 : '~' - 29;
        char run[] = {c, '*', 0};

        while (repeats >= 3 && strchr("#$+-", (int)repeats + 29))
            repeats--;
        run[2] = (char)(repeats + 29);
        append(out, run, repeats < 3 ? 1 : 3);
        n -= repeats < 3 ? 1 : 1 + repeats;
    }
}

void rsp_hex_str(struct rsp_out *out, const char *text)
{
    rsp_hex(out, text, strlen(text));
}

static bool needs_escape(char c)
{
    return c == '#' || c == '$' || c == '}' || c == '*';
}

#ifdef __s390x__
/* Moves n bytes to the place at to, at or before theirs, as far as they need no escape; returns how many do
 * not. TRANSLATE AND TEST looks at 256 with one instruction. */
static size_t copy_clean(char *to, const char *s, size_t n)
{
    static const uint8_t stops[256] = {['#'] = 1, ['$'] = 1, ['*'] = 1, ['}'] = 1};
    size_t i = 0;
    bool stopped = false;

    while (!stopped && n - i >= 256) {
        register const char *at __asm__("1") = s + i + 256;
        register uint64_t function __asm__("2") = 0;

        __asm__("trt 0(256,%[s]),0(%[stops])"
                : "+d"(at), "+d"(function)
                : [s] "a"(s + i), [stops] "a"(stops), "m"(*(const char(*)[256])(s + i)), "m"(stops)
                : "cc");
        i = (size_t)(at - s);
        stopped = function;
    }
    while (!stopped && i < n && !stops[(uint8_t)s[i]])
        i++;
    memmove(to, s, i);
    return i;
}
#else
/* Marks the bytes of a word that need an escape by their highest bits: no other one in front of which there
 * is no such byte in the word's lower part. (A byte that is zero borrows when one is taken from it; those
 * that need an escape have their highest bit clear.) */
static uint64_t escapes(uint64_t word)
{
    const uint64_t each = 0x0101010101010101u;

    return (((word ^ each * '#') - each) | ((word ^ each * '$') - each) | ((word ^ each * '*') - each) |
            ((word ^ each * '}') - each)) &
           ~word & each * 0x80;
}

/* Copies n bytes that need no escape, as far as there are such, and up to seven bytes more behind them at to,
 * eight at a time. Returns how many need none, as far as it looked. */
static size_t copy_clean(char *to, const char *s, size_t n)
{
    size_t i = 0;

    while (n - i >= 8) {
        uint64_t word = load_be64(s + i), found = escapes(word);

        store_be64(to + i, word);
        if (found)
            return i + (size_t)__builtin_clzll(found) / 8;
        i += 8;
    }
    return i;
}
#endif

/* Appends as many of the n bytes as fit when escaped; returns how many. Data from rsp_space stays ahead of
 * what is written by at least as many bytes as it has left: eight are read before eight are written. */
static size_t append_escaped(struct rsp_out *out, const char *s, size_t n)
{
    char *at = out->buf + out->len;
    const char *limit = at + room(out);
    size_t i = 0;

    while (i < n) {
        size_t fits = (size_t)(limit - at), clean = copy_clean(at, s + i, fits < n - i ? fits : n - i);

        at += clean;
        i += clean;
        if (i == n)
            break;

        bool escape = needs_escape(s[i]);

        if (limit - at < 1 + escape)
            break;
        if (escape)
            *at++ = '}';
        *at++ = escape ? (char)(s[i] ^ 0x20) : s[i];
        i++;
    }
    out->len = (size_t)(at - out->buf);
    return i;
}

void rsp_binary(struct rsp_out *out, const void *data, size_t n)
{
    if (append_escaped(out, data, n) < n)
        out->overflow = true;
}

static void append_id(struct rsp_out *out, int64_t id)
{
    if (id == RSP_ALL)
        rsp_str(out, "-1");
    else
        rsp_hex_u64(out, (uint64_t)id);
}

void rsp_thread(struct rsp_out *out, struct rsp_thread_id id, bool multiprocess)
{
    if (multiprocess) {
        rsp_str(out, "p");
        append_id(out, id.pid);
        rsp_str(out, ".");
    }
    append_id(out, id.tid);
}

int rsp_reply(struct rsp_out *out, const char *text)
{
    rsp_begin(out, RSP_PLAIN);
    rsp_str(out, text);
    return rsp_end(out);
}

int rsp_error(struct rsp_out *out, uint8_t error)
{
    rsp_begin(out, RSP_PLAIN);
    rsp_str(out, "E");
    rsp_hex_u8(out, error);
    return rsp_end(out);
}

int rsp_error_text(struct rsp_out *out, const char *text)
{
    size_t n = strlen(text);
    char *at;

    rsp_begin(out, RSP_PLAIN);
    rsp_str(out, "E.");
    at = reserve(out, n);
    for (size_t i = 0; at && i < n; i++)
        at[i] = text[i] < ' ' || text[i] > '~' || needs_escape(text[i]) ? '?' : text[i];
    return rsp_end(out);
}

int rsp_xfer(struct rsp_out *out, const void *data, size_t total, uint64_t offset, uint64_t length)
{
    size_t left, wanted, sent;

    if (offset > total)
        return rsp_error(out, EINVAL);
    left = total - (size_t)offset;
    wanted = length < left ? (size_t)length : left;
    rsp_begin(out, RSP_PLAIN);
    rsp_str(out, "m");
    sent = append_escaped(out, (const char *)data + offset, wanted);
    if (sent == 0 && wanted > 0)
        out->overflow = true; /* an empty 'm' would have gdb ask for ever */
    else if (sent == left && !out->overflow)
        out->buf[out->start + 1] = 'l';
    return rsp_end(out);
}
