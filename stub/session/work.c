/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that may go through all of memory: a search and a checksum. They are done in slices of a few
 * milliseconds, between which the loop serves everybody else. The guest stands still meanwhile. */
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* Bytes between two looks at the clock. */
#define CHUNK 0x10000u
/* Between two signs of life. */
#define SIGN_NS 1000000000

/* gdb gives up after three times two seconds without a byte (remotetimeout), but skips what comes between
 * packets: an acknowledgement, that it did not need, is the sign that we are alive. */
bool work_sign_of_life(struct session *s, int64_t now)
{
    if (now - s->work.sign < SIGN_NS)
        return false;
    s->work.sign = now;
    rsp_ack(&s->out);
    return true;
}

/* The first slice is all that most requests need. */
void work_begin(struct session *s, const struct work *work)
{
    s->work = *work;
    s->work.sign = target_clock();
    if (s->work.step(s))
        s->work.step = NULL;
}

/* A slice of chunks. */
static bool slice(struct session *s, bool (*chunk)(struct session *s))
{
    int64_t begun = target_clock(), now;
    do {
        if (chunk(s))
            return true;
        now = target_clock();
    } while (now - begun < WORK_SLICE_NS);
    work_sign_of_life(s, now);
    return false;
}

/* Reads the next chunk to scratch + at; false if it does not end where it should. gdb makes no Hg before it
 * searches: behind `info threads` the last Hg is not of the CPU that its user has selected. */
static bool read_chunk(struct session *s, size_t at, size_t *got)
{
    struct work *w = &s->work;
    size_t want = w->left < CHUNK ? (size_t)w->left : CHUNK;
    *got = machine_read_memory(s->target->machine, s->monitor_cpu, session_space(s), w->addr,
                               s->target->scratch + at, want);
    w->addr += *got;
    w->left -= *got;
    return *got == want;
}

/* ---- qSearch:memory ---- */

/* Which byte of the pattern to look for first: the one that is rarest among some of the bytes that are there.
 */
static size_t rarest(const uint8_t *pattern, size_t m, const uint8_t *hay, size_t n)
{
    uint16_t seen[256] = {0};
    size_t best = 0;
    for (size_t i = 0; i < n; i += 1 + n / 512)
        seen[hay[i]]++;
    for (size_t i = 1; i < m && i < 256; i++)
        if (seen[pattern[i]] < seen[pattern[best]])
            best = i;
    return best;
}

/* As memmem(3), and often faster by far: memchr(3) is one instruction for up to all of the bytes, and what it
 * stops at is rare. Where it stops too often memmem(3) goes on, whose time is bounded. */
static const uint8_t *find_bytes(const uint8_t *hay, size_t n, const uint8_t *pattern, size_t m)
{
    if (n < m)
        return NULL;
    size_t key = rarest(pattern, m, hay, n);
    const uint8_t *at = hay + key, *end = hay + n - (m - 1 - key);
    for (size_t i = 0; i < n / 64 + 1; i++) {
        at = memchr(at, pattern[key], (size_t)(end - at));
        if (!at || memcmp(at - key, pattern, m) == 0)
            return at ? at - key : NULL;
        at++;
    }
    return memmem(at - key, (size_t)(hay + n - (at - key)), pattern, m);
}

static void found(struct session *s, uint64_t addr)
{
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "1,");
    rsp_hex_u64(&s->out, addr);
    rsp_end(&s->out);
}

/* The end of what was looked at stays in front of the next chunk: the pattern may begin there. As gdbserver
 * does, a search that comes to memory that cannot be read fails. */
static bool search_chunk(struct session *s)
{
    struct work *w = &s->work;
    uint8_t *scratch = s->target->scratch;
    size_t got;
    bool readable = read_chunk(s, w->kept, &got);
    size_t n = w->kept + got;
    const uint8_t *at = find_bytes(scratch, n, w->pattern, w->pattern_len);
    if (at) {
        found(s, w->addr - (uint64_t)(scratch + n - at));
        return true;
    }
    if (!readable) {
        session_refuse(s, RSP_EFAULT,
                       "not found before memory that cannot be read: it does not translate, or is outside "
                       "memory");
        return true;
    }
    if (!w->left) {
        rsp_reply(&s->out, "0");
        return true;
    }
    w->kept = n < w->pattern_len - 1 ? n : w->pattern_len - 1;
    memmove(scratch, scratch + n - w->kept, w->kept);
    return false;
}

static bool search(struct session *s)
{
    return slice(s, search_chunk);
}

void cmd_search_mem(struct session *s, const struct rsp_request *r)
{
    if (r->search.pattern_len > r->search.len) {
        rsp_reply(&s->out, "0");
        return;
    }
    work_begin(s, &(struct work){.step = search,
                                 .addr = r->search.addr,
                                 .left = r->search.len,
                                 .pattern = r->search.pattern,
                                 .pattern_len = r->search.pattern_len});
}

/* ---- qCRC ---- */

/* gdb's CRC-32: polynomial 0x04c11db7, the highest bit first, no inversion (libiberty's xcrc32). Four bytes
 * at a time: table[n] is the effect of a byte with n more behind it. */
static uint32_t table[4][256];

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i << 24;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
        table[0][i] = crc;
    }
    for (unsigned n = 1; n < 4; n++)
        for (unsigned i = 0; i < 256; i++)
            table[n][i] = table[n - 1][i] << 8 ^ table[0][table[n - 1][i] >> 24];
}

static uint32_t crc32_of(uint32_t crc, const uint8_t *data, size_t n)
{
    for (; n >= 4; n -= 4, data += 4) {
        crc ^= load_be32(data);
        crc = table[3][crc >> 24] ^ table[2][crc >> 16 & 0xff] ^ table[1][crc >> 8 & 0xff] ^
              table[0][crc & 0xff];
    }
    for (; n; n--)
        crc = crc << 8 ^ table[0][crc >> 24 ^ *data++];
    return crc;
}

static bool crc_chunk(struct session *s)
{
    struct work *w = &s->work;
    size_t got;
    if (!read_chunk(s, 0, &got)) {
        session_refuse(s, RSP_EFAULT,
                       "not all of these addresses can be read: they do not translate, or are outside "
                       "memory");
        return true;
    }
    w->crc = crc32_of(w->crc, s->target->scratch, got);
    if (w->left)
        return false;
    rsp_begin(&s->out, RSP_PLAIN);
    rsp_str(&s->out, "C");
    rsp_hex_u64(&s->out, w->crc);
    rsp_end(&s->out);
    return true;
}

static bool checksum(struct session *s)
{
    return slice(s, crc_chunk);
}

void cmd_crc_mem(struct session *s, const struct rsp_request *r)
{
    if (!table[0][1])
        make_table();
    work_begin(s,
               &(struct work){.step = checksum, .addr = r->mem.addr, .left = r->mem.len, .crc = 0xffffffff});
}
