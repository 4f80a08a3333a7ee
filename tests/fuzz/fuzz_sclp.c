/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the service-call processor: the input is a script of service calls, keys typed, quiesces and resets.
 * What must hold: guest memory changes only within the SCCB, every call is answered, an event is pending
 * exactly if a read returns one, and every key typed reaches the guest once and in order, whichever console
 * it reads. Guest memory is allocated to the byte, so that the sanitizer sees every access outside it. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define SIZE 0x6000 /* lowcore, prefix area at 0x2000, two pages */
#define PREFIX 0x2000
#define PAGE 0x4000
#define KEYS 16384
#define LINE_TEXT_MAX 251

#define READ_EVENT_DATA 0x00770005
#define WRITE_EVENT_MASK 0x00780005

struct rig {
    struct sclp sclp;
    struct guest_memory mem;
    uint8_t before[SIZE];
    uint8_t sum; /* of what was printed: all of it is read */
    uint8_t keys[KEYS];
    size_t typed, fetched; /* by the SCLP */
    size_t received;       /* by the guest */
    bool after_cr;         /* the last line received ended with CR */
    bool quiesce;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void print(void *ctx, const uint8_t *text, size_t len)
{
    struct rig *r = ctx;

    for (size_t i = 0; i < len; i++)
        r->sum ^= text[i];
}

static size_t keyboard(void *ctx, uint8_t *buf, size_t size)
{
    struct rig *r = ctx;
    size_t n = r->typed - r->fetched < size ? r->typed - r->fetched : size;

    memcpy(buf, r->keys + r->fetched, n);
    r->fetched += n;
    return n;
}

/* The letters a to i and both line ends: their EBCDIC is known here. */
static void type(struct rig *r, struct input *in)
{
    for (size_t n = (size_t)take(in, 1) * 3; n && r->typed < KEYS && r->sclp.config.read; n--) {
        uint8_t key = (uint8_t)(take(in, 1) % 11);

        r->keys[r->typed++] = key == 9 ? '\r' : key == 10 ? '\n' : (uint8_t)('a' + key);
    }
}

static bool line_end(uint8_t key)
{
    return key == '\r' || key == '\n';
}

/* The guest has received this command; it must be the next line, or piece of one. */
static void check_command(struct rig *r, const uint8_t *event, unsigned length)
{
    unsigned text = length - 22;

    must(length >= 22 && event[18] == length - 18 && event[20] == length - 20);
    if (r->after_cr && r->received < r->typed && r->keys[r->received] == '\n')
        r->received++;
    for (unsigned i = 0; i < text; i++, r->received++)
        must(r->received < r->typed && !line_end(r->keys[r->received]) &&
             r->keys[r->received] - 'a' == event[22 + i] - 0x81);
    r->after_cr = false;
    if (text == LINE_TEXT_MAX && !(r->received < r->typed && line_end(r->keys[r->received])))
        return;
    must(r->received < r->typed && line_end(r->keys[r->received]));
    r->after_cr = r->keys[r->received++] == '\r';
}

/* Takes the events of an SCCB as an operating system does. */
static void check_events(struct rig *r, const uint8_t *sccb)
{
    unsigned end = load_be16(sccb);
    unsigned length;

    for (unsigned at = 8; at < end; at += length) {
        const uint8_t *event = sccb + at;

        length = end - at < 2 ? 0 : load_be16(event);
        if (!length)
            return;
        must(length >= 7 && length <= end - at);
        switch (event[2]) {
        case 0x01:
            check_command(r, event, length);
            break;
        case 0x1a:
            must(length > 7 && event[6] == 0 && length - 7 <= r->typed - r->received);
            must(memcmp(event + 7, r->keys + r->received, length - 7) == 0);
            r->received += length - 7;
            r->after_cr = false;
            break;
        default:
            must(event[2] == 0x1d && r->quiesce);
            r->quiesce = false;
        }
    }
}

/* A service call; returns its response code, or 0 if the CPU got a program interruption. */
static unsigned call(struct rig *r, uint32_t command, uint64_t address)
{
    struct sclp_answer a;
    unsigned response;
    uint64_t end;

    if (address <= SIZE - 8)
        store_be16(r->mem.base + address + 6, 0);
    memcpy(r->before, r->mem.base, SIZE);
    a = sclp_service_call(&r->sclp, &r->mem, PREFIX, command, address);
    if (a.program) {
        must(!a.signal && memcmp(r->before, r->mem.base, SIZE) == 0);
        return 0;
    }
    must(a.cc == 0 && a.signal && (a.parameter & ~1U) == address);
    must((a.parameter & 1U) == sclp_event_pending(&r->sclp));
    response = load_be16(r->mem.base + address + 6);
    must(response);
    end = address + load_be16(r->before + address);
    must(memcmp(r->before, r->mem.base, address) == 0);
    must(end >= SIZE || memcmp(r->before + end, r->mem.base + end, SIZE - end) == 0);
    if ((command & 0xffff00ff) == READ_EVENT_DATA && response == 0x0020)
        check_events(r, r->mem.base + address);
    return response;
}

/* A call with bytes of the input as its SCCB, as far as they are there and inside memory. */
static void call_with_input(struct rig *r, struct input *in, unsigned choice)
{
    static const uint32_t commands[] = {0x00020001, 0x00120001, 0x00010001,
                                        0x00760005, 0x00770005, 0x00780005};
    uint32_t command = choice < 0x60 ? commands[choice % 6] : (uint32_t)take(in, 4);
    uint64_t sccb = choice & 0x10 ? take(in, 8) : PAGE + take(in, 2) % 0x2000;
    size_t len = (size_t)take(in, 2) & 0x1fff;

    if (len > in->size)
        len = in->size;
    if (sccb < SIZE)
        memcpy(r->mem.base + sccb, in->data, len < SIZE - sccb ? len : (size_t)(SIZE - sccb));
    in->data += len;
    in->size -= len;
    call(r, command, sccb);
}

static void receive(struct rig *r, uint32_t mask)
{
    uint8_t *sccb = r->mem.base + PAGE;

    memset(sccb, 0, 28);
    sccb[1] = 28;
    sccb[11] = 4;
    store_be32(sccb + 12, mask);
    must(call(r, WRITE_EVENT_MASK, PAGE) == 0x0020);
}

static unsigned read_events(struct rig *r, uint16_t length)
{
    bool pending = sclp_event_pending(&r->sclp);
    uint8_t *sccb = r->mem.base + PAGE;
    unsigned response;

    memset(sccb, 0, 8);
    store_be16(sccb, length);
    sccb[5] = length & 1 ? 0x80 : 0;
    response = call(r, READ_EVENT_DATA, PAGE);
    must(response == 0x0020 || response == (pending ? 0x0300 : 0x60f0));
    must(length < 300 || (response == 0x0020) == pending);
    return response;
}

/* A guest that reads what it receives: at last nothing is left but the piece of a line. */
static void read_all(struct rig *r)
{
    receive(r, 0xffffffff);
    while (read_events(r, 4096) == 0x0020)
        ;
    must(r->fetched == r->typed || !r->sclp.config.consoles);
    if (r->sclp.config.consoles & SCLP_VT220)
        must(r->received == r->typed);
    if (r->sclp.config.consoles == SCLP_LINE)
        must(r->typed - r->received <= LINE_TEXT_MAX + 1);
    for (size_t i = r->received; r->sclp.config.consoles && i < r->typed; i++)
        must(!line_end(r->keys[i]) || (i == r->received && r->after_cr && r->keys[i] == '\n'));
}

static void step(struct rig *r, struct input *in)
{
    unsigned choice = (unsigned)take(in, 1);

    switch (choice >> 5) {
    case 7:
        type(r, in);
        break;
    case 6:
        if (sclp_quiesce(&r->sclp) == 0)
            r->quiesce = true;
        break;
    case 5:
        if (choice & 0x10) {
            receive(r, (uint32_t)take(in, 4));
        } else if (choice & 8) {
            sclp_reset(&r->sclp);
            r->quiesce = false;
        } else {
            read_all(r);
        }
        break;
    case 4:
        read_events(r, (uint16_t)(8 + take(in, 2) % 4089));
        break;
    default:
        call_with_input(r, in, choice);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rig r;
    struct input in = {data, size};
    unsigned options;

    memset(&r, 0, sizeof r);
    r.mem = (struct guest_memory){calloc(1, SIZE), SIZE};
    if (!r.mem.base)
        return 0;
    options = (unsigned)take(&in, 1);
    sclp_init(&r.sclp, &(struct sclp_config){.ncpus = 1 + (unsigned)take(&in, 1) % 64,
                                             .consoles = options % 4,
                                             .extended_sccb = options & 4,
                                             .write = print,
                                             .write_ctx = &r,
                                             .read = options & 8 ? NULL : keyboard,
                                             .read_ctx = &r});
    while (in.size)
        step(&r, &in);
    read_all(&r);
    sclp_destroy(&r.sclp);
    free(r.mem.base);
    return 0;
}
