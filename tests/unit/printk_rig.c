/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writer's side of kernel/printk/printk_ringbuffer.c, as far as one writer needs it. */
#include "printk_rig.h"

#include <string.h>

#include "zgdbd/bytes.h"

static uint64_t records(const struct printk *p)
{
    return 1ULL << p->record_bits;
}

static uint64_t room(const struct printk *p)
{
    return 1ULL << p->text_bits;
}

static uint64_t desc_of(const struct printk *p, uint64_t id)
{
    return p->descs + id % records(p) * PRINTK_DESC;
}

static uint64_t info_of(const struct printk *p, uint64_t id)
{
    return p->infos + id % records(p) * PRINTK_INFO;
}

static void put_info_lines(struct linux_rig *r, uint64_t variable)
{
    lrig_info(r, "SYMBOL(prb)=%llx", (unsigned long long)lrig_virtual(r, variable));
    lrig_info(r, "OFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=48");
    lrig_info(r, "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8");
    lrig_info(r, "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24");
    lrig_info(r, "OFFSET(prb_desc_ring.tail_id)=32");
    lrig_info(r, "SIZE(prb_desc)=%u\nOFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8",
              PRINTK_DESC);
    lrig_info(r, "OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8");
    lrig_info(r, "SIZE(printk_info)=%u\nOFFSET(printk_info.seq)=0\nOFFSET(printk_info.ts_nsec)=8",
              PRINTK_INFO);
    lrig_info(r, "OFFSET(printk_info.text_len)=%u", PRINTK_INFO_TEXT_LEN);
    lrig_info(r, "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8");
    lrig_info(r, "OFFSET(atomic_long_t.counter)=0");
}

/* The words of the ring, as they are now. */
void printk_ring(const struct printk *p)
{
    lrig_put32(p->r, p->ring, p->record_bits);
    lrig_put64(p->r, p->ring + 8, lrig_virtual(p->r, p->descs));
    lrig_put64(p->r, p->ring + 16, lrig_virtual(p->r, p->infos));
    lrig_put64(p->r, p->ring + 24, p->head);
    lrig_put64(p->r, p->ring + 32, p->tail);
    lrig_put32(p->r, p->ring + 48, p->text_bits);
    lrig_put64(p->r, p->ring + 56, lrig_virtual(p->r, p->data));
}

void printk_state(const struct printk *p, uint64_t id, unsigned state)
{
    lrig_put64(p->r, desc_of(p, id), (uint64_t)state << 62 | id);
}

void printk_place(const struct printk *p, uint64_t id, uint64_t begin, uint64_t next)
{
    lrig_put64(p->r, desc_of(p, id) + 8, begin);
    lrig_put64(p->r, desc_of(p, id) + 16, next);
}

void printk_length(const struct printk *p, uint64_t id, uint16_t len)
{
    len = htobe16(len);
    lrig_put(p->r, info_of(p, id) + PRINTK_INFO_TEXT_LEN, &len, 2);
}

void printk_open(struct printk *p, struct linux_rig *r, unsigned record_bits, unsigned text_bits)
{
    *p = (struct printk){.r = r, .record_bits = record_bits, .text_bits = text_bits};
    p->head_lpos = p->tail_lpos = -room(p);
    p->head = p->tail = -(records(p) + 1) & PRINTK_ID_MASK;
    p->variable = lrig_room(r, 8, 8);
    p->ring = lrig_room(r, 96, 8);
    p->descs = lrig_room(r, records(p) * PRINTK_DESC, 8);
    p->infos = lrig_room(r, records(p) * PRINTK_INFO, 8);
    p->data = lrig_room(r, room(p), 8);
    lrig_put64(r, p->variable, lrig_virtual(r, p->ring));
    printk_state(p, p->head, PRINTK_REUSABLE);
    printk_place(p, p->head, 1, 1);
    printk_ring(p);
    put_info_lines(r, p->variable);
    lrig_boot(r);
}

static uint64_t lpos_of(const struct printk *p, uint64_t id)
{
    return load_be64(p->r->fake->memory + desc_of(p, id) + 8);
}

/* Old records go until there is room up to that position. */
static void push_tail(struct printk *p, uint64_t next)
{
    while (next - p->tail_lpos > room(p) || p->head - p->tail == records(p)) {
        printk_state(p, p->tail, PRINTK_REUSABLE);
        p->tail = (p->tail + 1) & PRINTK_ID_MASK;
        if (!(lpos_of(p, p->tail) & 1))
            p->tail_lpos = lpos_of(p, p->tail);
    }
}

/* The record's id. */
uint64_t printk_say(struct printk *p, const char *text, uint8_t flags_and_level)
{
    uint64_t len = strlen(text), size = (8 + len + 7) & ~7ULL, begin = p->head_lpos, next = begin + size, at;
    bool wraps = (begin & (room(p) - 1)) + size >= room(p);
    if (wraps)
        next = (begin | (room(p) - 1)) + 1 + size;
    p->head = (p->head + 1) & PRINTK_ID_MASK;
    push_tail(p, next);
    at = wraps ? 0 : begin & (room(p) - 1);
    lrig_put64(p->r, p->data + at, p->head);
    lrig_put(p->r, p->data + at + 8, text, len);
    lrig_put64(p->r, info_of(p, p->head), p->seq);
    lrig_put64(p->r, info_of(p, p->head) + 8, p->seq * 1000000000 + 123456789);
    printk_length(p, p->head, (uint16_t)len);
    p->r->fake->memory[info_of(p, p->head) + 18] = 3;
    p->r->fake->memory[info_of(p, p->head) + 19] = flags_and_level;
    printk_place(p, p->head, begin, next);
    printk_state(p, p->head, PRINTK_FINALIZED);
    p->head_lpos = next;
    p->seq++;
    printk_ring(p);
    return p->head;
}
