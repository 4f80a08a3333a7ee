/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's log, out of the printk ring buffer in the guest's memory (kernel/printk/printk_ringbuffer.h):
 * a ring of descriptors, one of what is known of each record beside it, and one of their texts. Where things
 * are in it vmcoreinfo says. A record that was being written when the guest stopped, or whose text is lost,
 * is left out, as the kernel's own readers do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* CONFIG_LOG_BUF_SHIFT is at most 25, and there is a descriptor for each 32 bytes of text. With log_buf_len=
 * it may be 31, but that much is not gone through. */
#define TEXT_BITS_MAX 25u
#define LOG_BUF_LEN_BITS_MAX 31u
#define RECORD_BITS_MAX 20u

#define STATE_SHIFT 62u
#define ID_MASK ((1ULL << STATE_SHIFT) - 1)

/* Of a descriptor; 0 is one that is being written, 3 one that is free. */
enum {
    DESC_COMMITTED = 1, /* the text may still be continued */
    DESC_FINALIZED = 2,
};

/* In place of both positions of a text: it is empty. Any other odd value: it did not fit. */
#define NO_TEXT 3u

/* These two fields of struct printk_info are not in vmcoreinfo: they follow text_len. */
#define FACILITY_BEHIND_LEN 2u
#define FLAGS_BEHIND_LEN 3u /* five bits of flags, three of the level */
#define FLAG_CONT 8u

/* Memory is read in pieces of this size, since each read costs a translation. */
#define WINDOW 0x8000u

/* An array in the guest's memory, of which one piece is at hand. */
struct window {
    uint64_t base;
    bool read;      /* the piece was: */
    uint64_t piece; /* its number, from base on */
    size_t len;     /* bytes of it that are there */
    uint8_t bytes[WINDOW];
};

/* Where vmcoreinfo puts things. */
struct layout {
    uint32_t desc_size, state_var, begin, next; /* of struct prb_desc */
    uint32_t info_size, seq, ts_nsec, text_len; /* of struct printk_info */
};

struct log {
    struct linux_guest *g;
    struct layout at;
    unsigned record_bits, text_bits;
    uint64_t head, tail; /* ids of the last and of the first record, 62 bits */
    struct window descs, infos, texts;
    uint64_t taken; /* bytes of text so far: more than the ring holds cannot be */
    char text[UINT16_MAX + 1];
};

/* Where the text of a record is in the ring. */
struct place {
    uint64_t at;
    size_t len;
};

/* ---- what vmcoreinfo says ---- */

/* Of structures this is no size: the largest has some 100 bytes. Of larger ones a piece would hold a few. */
#define STRUCT_BYTES_MAX 512u

/* A value of vmcoreinfo that is an offset or a size inside of a small structure. */
static bool small(struct linux_guest *g, const char *key, uint32_t *value)
{
    uint64_t v;
    if (!linux_vmcoreinfo(g, key, &v) || v > STRUCT_BYTES_MAX)
        return false;
    *value = (uint32_t)v;
    return true;
}

struct wanted {
    const char *key;
    uint32_t *value;
};

static int missing(struct linux_guest *g, const char *key, struct err *e)
{
    if (linux_facts(g)->state != LINUX_READABLE)
        return err_set(e, EXIT_OTHER,
                       "there is no log to be read: no Linux has come so far yet that it tells where it is");
    return err_set(e, EXIT_OTHER,
                   "the kernel's log cannot be read: vmcoreinfo has no %s (it does from Linux 5.10 on)", key);
}

static int get_all(struct linux_guest *g, const struct wanted *wanted, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!small(g, wanted[i].key, wanted[i].value))
            return missing(g, wanted[i].key, e);
    return 0;
}

static int get_layout(struct log *l, struct err *e)
{
    uint32_t blk, begin, next;
    const struct wanted wanted[] = {
        {"SIZE(prb_desc)", &l->at.desc_size},
        {"OFFSET(prb_desc.state_var)", &l->at.state_var},
        {"OFFSET(prb_desc.text_blk_lpos)", &blk},
        {"OFFSET(prb_data_blk_lpos.begin)", &begin},
        {"OFFSET(prb_data_blk_lpos.next)", &next},
        {"SIZE(printk_info)", &l->at.info_size},
        {"OFFSET(printk_info.seq)", &l->at.seq},
        {"OFFSET(printk_info.ts_nsec)", &l->at.ts_nsec},
        {"OFFSET(printk_info.text_len)", &l->at.text_len},
    };
    if (get_all(l->g, wanted, sizeof wanted / sizeof *wanted, e))
        return -1;
    l->at.begin = blk + begin;
    l->at.next = blk + next;
    if (l->at.state_var + 8 > l->at.desc_size || l->at.begin + 8 > l->at.desc_size ||
        l->at.next + 8 > l->at.desc_size || l->at.seq + 8 > l->at.info_size ||
        l->at.ts_nsec + 8 > l->at.info_size || l->at.text_len + FLAGS_BEHIND_LEN >= l->at.info_size)
        return err_set(e, EXIT_OTHER,
                       "the kernel's log cannot be read: vmcoreinfo has fields of it outside of their "
                       "structures");
    return 0;
}

/* struct printk_ringbuffer, which the variable prb points to. */
static int get_rings(struct log *l, uint64_t prb, struct err *e)
{
    uint32_t desc_ring, text_ring, count_bits, descs, infos, head, tail, size_bits, data, counter = 0;
    const struct wanted wanted[] = {
        {"OFFSET(printk_ringbuffer.desc_ring)", &desc_ring},
        {"OFFSET(printk_ringbuffer.text_data_ring)", &text_ring},
        {"OFFSET(prb_desc_ring.count_bits)", &count_bits},
        {"OFFSET(prb_desc_ring.descs)", &descs},
        {"OFFSET(prb_desc_ring.infos)", &infos},
        {"OFFSET(prb_desc_ring.head_id)", &head},
        {"OFFSET(prb_desc_ring.tail_id)", &tail},
        {"OFFSET(prb_data_ring.size_bits)", &size_bits},
        {"OFFSET(prb_data_ring.data)", &data},
    };
    if (get_all(l->g, wanted, sizeof wanted / sizeof *wanted, e))
        return -1;
    small(l->g, "OFFSET(atomic_long_t.counter)", &counter);
    if (!linux_read_u32(l->g, prb + desc_ring + count_bits, &l->record_bits) ||
        !linux_read_u64(l->g, prb + desc_ring + descs, &l->descs.base) ||
        !linux_read_u64(l->g, prb + desc_ring + infos, &l->infos.base) ||
        !linux_read_u64(l->g, prb + desc_ring + head + counter, &l->head) ||
        !linux_read_u64(l->g, prb + desc_ring + tail + counter, &l->tail) ||
        !linux_read_u32(l->g, prb + text_ring + size_bits, &l->text_bits) ||
        !linux_read_u64(l->g, prb + text_ring + data, &l->texts.base))
        return err_set(e, EXIT_OTHER,
                       "the kernel's log cannot be read: its ring buffer, at 0x%llx, is outside of what "
                       "translates",
                       (unsigned long long)prb);
    return 0;
}

static int open_log(struct log *l, struct err *e)
{
    uint64_t symbol, prb;
    if (!linux_vmcoreinfo(l->g, "SYMBOL(prb)", &symbol))
        return missing(l->g, "SYMBOL(prb)", e);
    if (!linux_read_u64(l->g, symbol, &prb))
        return err_set(e, EXIT_OTHER, "the kernel's log cannot be read: prb, at 0x%llx, does not translate",
                       (unsigned long long)symbol);
    if (get_layout(l, e) || get_rings(l, prb, e))
        return -1;
    l->head &= ID_MASK;
    l->tail &= ID_MASK;
    if (l->text_bits > TEXT_BITS_MAX && l->text_bits <= LOG_BUF_LEN_BITS_MAX)
        return err_set(e, EXIT_OTHER,
                       "the kernel's log is not read: its ring buffer has %u MiB, and up to %u are looked "
                       "through; start the guest with log_buf_len=%uM or less",
                       1u << (l->text_bits - 20), 1u << (TEXT_BITS_MAX - 20), 1u << (TEXT_BITS_MAX - 20));
    if (l->record_bits > RECORD_BITS_MAX || l->text_bits > TEXT_BITS_MAX ||
        ((l->head - l->tail) & ID_MASK) >> l->record_bits)
        return err_set(e, EXIT_OTHER,
                       "the kernel's log cannot be read: its ring buffer, at 0x%llx, is not consistent",
                       (unsigned long long)prb);
    return 0;
}

/* ---- its arrays ---- */

/* So many bytes at an offset; NULL if they are not all readable. size is of what lies side by side in the
 * array: pieces hold whole ones. */
static const uint8_t *piece_of(struct log *l, struct window *w, uint64_t offset, size_t size)
{
    uint64_t whole = WINDOW / size * size, number = offset / whole;
    if (!w->read || w->piece != number) {
        w->read = true;
        w->piece = number;
        w->len = linux_read(l->g, w->base + number * whole, w->bytes, (size_t)whole);
    }
    size_t in_piece = (size_t)(offset % whole);
    return w->len >= in_piece + size ? w->bytes + in_piece : NULL;
}

/* Text has no elements: what crosses the end of a piece is put together. */
static void copy_text(struct log *l, const struct place *p)
{
    size_t done = 0;
    while (done < p->len) {
        size_t in_piece = (size_t)((p->at + done) % WINDOW), n = WINDOW - in_piece;
        const uint8_t *from = piece_of(l, &l->texts, p->at + done - in_piece, 1);
        if (n > p->len - done)
            n = p->len - done;
        if (!from || l->texts.len < in_piece + n)
            break;
        memcpy(l->text + done, from + in_piece, n);
        done += n;
    }
    memset(l->text + done, '?', p->len - done);
    l->text[p->len] = '\0';
}

/* ---- records ---- */

/* The positions count on for ever; their low bits say where in the ring that is. A text that would not have
 * fitted at the ring's end is at its beginning as a whole. False: the text is lost. */
static bool find_text(const struct log *l, uint64_t begin, uint64_t next, struct place *out)
{
    uint64_t size = 1ULL << l->text_bits, from = begin & (size - 1), to = next & (size - 1);
    *out = (struct place){0, 0};
    if ((begin & 1) && (next & 1))
        return begin == NO_TEXT && next == NO_TEXT;
    if (begin >> l->text_bits != next >> l->text_bits) {
        if ((begin + size) >> l->text_bits != next >> l->text_bits)
            return false;
        if (to == 0)
            to = size;
        else
            from = 0;
    }
    if (from + 8 > to) /* the descriptor's id is in front of the text */
        return false;
    *out = (struct place){from + 8, (size_t)(to - from - 8)};
    return true;
}

/* What is known of the record, and where its text is. False: it is none that a reader would be shown. */
static bool find_record(struct log *l, uint64_t id, struct linux_log_record *r, struct place *place)
{
    uint64_t index = id & ((1ULL << l->record_bits) - 1);
    const uint8_t *desc = piece_of(l, &l->descs, index * l->at.desc_size, l->at.desc_size);
    const uint8_t *info = piece_of(l, &l->infos, index * l->at.info_size, l->at.info_size);
    if (!desc || !info)
        return false;
    uint64_t state_var = load_be64(desc + l->at.state_var), state = state_var >> STATE_SHIFT;
    if ((state != DESC_COMMITTED && state != DESC_FINALIZED) || (state_var & ID_MASK) != id ||
        !find_text(l, load_be64(desc + l->at.begin), load_be64(desc + l->at.next), place))
        return false;
    const uint8_t *len = info + l->at.text_len;
    if (place->len > load_be16(len))
        place->len = load_be16(len);
    *r = (struct linux_log_record){
        .seq = load_be64(info + l->at.seq),
        .nanoseconds = load_be64(info + l->at.ts_nsec),
        .facility = len[FACILITY_BEHIND_LEN],
        .level = len[FLAGS_BEHIND_LEN] & 7u,
        .continues = len[FLAGS_BEHIND_LEN] >> 3 & FLAG_CONT,
        .text = l->text,
        .len = place->len,
    };
    return true;
}

/* The id from which on there are `last` records. */
static uint64_t first_of(struct log *l, size_t last)
{
    struct linux_log_record r;
    struct place place;
    uint64_t id = l->head;
    if (last == 0)
        return l->tail;
    for (; id != l->tail; id = (id - 1) & ID_MASK)
        if (find_record(l, id, &r, &place) && --last == 0)
            break;
    return id;
}

static void make_printable(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n' && text[i] != '\t')
            text[i] = '?';
}

static int tell(struct log *l, size_t last, linux_log_fn *fn, void *ctx, struct err *e)
{
    struct linux_log_record r;
    struct place place;
    for (uint64_t id = first_of(l, last);; id = (id + 1) & ID_MASK) {
        if (find_record(l, id, &r, &place)) {
            l->taken += place.len;
            if (l->taken > 1ULL << l->text_bits)
                return err_set(e, EXIT_OTHER,
                               "the kernel's log is cut: its records have more text than its ring buffer");
            copy_text(l, &place);
            make_printable(l->text, place.len);
            fn(ctx, &r);
        }
        if (id == l->head)
            return 0;
    }
}

int linux_log(struct linux_guest *g, size_t last, linux_log_fn *fn, void *ctx, struct err *e)
{
    struct log *l = calloc(1, sizeof *l);
    int result;
    if (!l)
        return err_set(e, EXIT_OTHER, "no memory to read the kernel's log");
    l->g = g;
    result = open_log(l, e) || tell(l, last, fn, ctx, e) ? -1 : 0;
    free(l);
    return result;
}

/* As far as there is room. Returns the length with it. */
static size_t append(char *buf, size_t size, size_t len, const char *from, size_t n)
{
    if (len < size) {
        size_t fits = size - len - 1 < n ? size - len - 1 : n;
        memcpy(buf + len, from, fits);
        buf[len + fits] = '\0';
    }
    return len + n;
}

/* The time is made once: a text may be nothing but newlines. */
size_t linux_log_format(const struct linux_log_record *record, char *buf, size_t size)
{
    const char *line = record->text, *end = record->text + record->len;
    char time[40];
    size_t len = 0, time_len;
    snprintf(time, sizeof time, "[%5" PRIu64 ".%06u] ", record->nanoseconds / 1000000000,
             (unsigned)(record->nanoseconds % 1000000000 / 1000));
    time_len = strlen(time);
    while (line <= end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((newline ? newline : end) - line);
        len = append(buf, size, len, time, time_len);
        len = append(buf, size, len, line, n);
        len = append(buf, size, len, "\n", 1);
        line += n + 1;
    }
    return len;
}
