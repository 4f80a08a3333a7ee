/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the protocol room: the input is a client's stream, cut as its first byte says, whose packets are
 * parsed as requests; and the same input is data for replies, which the parser must give back unchanged. A
 * broken promise of zgdbd/proto.h is an abort. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "zgdbd/proto.h"

#define IN_SIZE 257

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void inside(const char *payload, size_t len, const void *at, size_t n)
{
    const char *p = at;

    require(p >= payload && p <= payload + len && n <= (size_t)(payload + len - p));
}

static void string_inside(const char *payload, size_t len, const char *s)
{
    inside(payload, len, s, 0);
    inside(payload, len, s, strlen(s));
}

static void check_strings(const char *payload, size_t len, const struct rsp_request *r)
{
    const char *arg = r->run.args;

    switch (r->kind) {
    case RSP_XFER_READ:
        string_inside(payload, len, r->xfer.object);
        string_inside(payload, len, r->xfer.annex);
        break;
    case RSP_FILE_OPEN:
    case RSP_FILE_READLINK:
    case RSP_FILE_STAT:
        string_inside(payload, len, r->file.name);
        break;
    case RSP_MONITOR:
        string_inside(payload, len, r->monitor.text);
        require(strlen(r->monitor.text) == r->monitor.text_len);
        break;
    case RSP_RUN_PROGRAM:
        string_inside(payload, len, r->run.filename);
        require((r->run.argc == 0) == (arg == NULL));
        for (unsigned i = 0; i < r->run.argc; i++, arg += strlen(arg) + 1)
            string_inside(payload, len, arg);
        break;
    default:
        break;
    }
}

static void check_thread(struct rsp_thread_id id)
{
    require(id.pid >= RSP_ALL && id.tid >= RSP_ALL);
    require(id.pid != RSP_ALL || id.tid <= 0);
}

static void check_expr(const char *payload, size_t len, const struct rsp_expr *x)
{
    require(x->len > 0);
    inside(payload, len, x->code, x->len);
}

static void check_numbers(const char *payload, size_t len, const struct rsp_request *r)
{
    switch (r->kind) {
    case RSP_WRITE_REGS:
    case RSP_WRITE_REG:
        require(r->reg.len > 0);
        inside(payload, len, r->reg.data, r->reg.len);
        break;
    case RSP_WRITE_MEM:
        inside(payload, len, r->mem.data, r->mem.len);
        __attribute__((fallthrough));
    case RSP_READ_MEM:
    case RSP_READ_MEM_BINARY:
    case RSP_CRC_MEM:
        require(r->mem.len == 0 || r->mem.addr + (r->mem.len - 1) >= r->mem.addr);
        break;
    case RSP_SEARCH_MEM:
        require(r->search.len == 0 || r->search.addr + (r->search.len - 1) >= r->search.addr);
        require(r->search.pattern_len > 0);
        inside(payload, len, r->search.pattern, r->search.pattern_len);
        break;
    case RSP_INSERT_POINT:
    case RSP_REMOVE_POINT:
        require(r->point.type <= RSP_POINT_ACCESS);
        require(r->point.nconditions <= RSP_EXPRS_MAX && r->point.ncommands <= RSP_EXPRS_MAX);
        for (unsigned i = 0; i < r->point.nconditions; i++)
            check_expr(payload, len, &r->point.conditions[i]);
        for (unsigned i = 0; i < r->point.ncommands; i++)
            check_expr(payload, len, &r->point.commands[i]);
        break;
    case RSP_VCONT:
        require(r->vcont.count > 0 && r->vcont.count <= RSP_ACTIONS_MAX);
        for (unsigned i = 0; i < r->vcont.count; i++)
            check_thread(r->vcont.actions[i].thread);
        break;
    case RSP_SET_THREAD_GENERAL:
    case RSP_SET_THREAD_RESUME:
    case RSP_THREAD_ALIVE:
    case RSP_THREAD_EXTRA:
        check_thread(r->thread);
        break;
    default:
        break;
    }
}

/* A copy of exactly its size and a digit, so that the sanitizer sees every byte too far. */
static void check_request(const char *packet, size_t len)
{
    char *payload = malloc(len + 1);
    struct rsp_request request;

    require(payload != NULL);
    memcpy(payload, packet, len);
    payload[len] = '5';
    if (rsp_parse_request(payload, len, &request) == RSP_OK) {
        check_strings(payload, len, &request);
        check_numbers(payload, len, &request);
    }
    free(payload);
}

static void check_stream(const uint8_t *data, size_t size, size_t chunk, bool no_ack)
{
    char *buf = malloc(IN_SIZE);
    struct rsp_parser p;
    struct rsp_item item;

    require(buf != NULL);
    rsp_parser_init(&p, buf, IN_SIZE);
    p.no_ack = no_ack;
    for (size_t at = 0; at < size;) {
        size_t n = chunk < size - at ? chunk : size - at;
        size_t used = rsp_parser_feed(&p, data + at, n, &item);

        require(used > 0 && used <= n);
        require(item.kind != RSP_ITEM_NONE || used == n);
        require((item.kind == RSP_ITEM_PACKET) == (item.payload != NULL));
        at += used;
        if (item.kind == RSP_ITEM_PACKET) {
            require(item.payload == buf && item.len < IN_SIZE && item.payload[item.len] == '\0');
            check_request(item.payload, item.len);
        }
    }
    free(buf);
}

/* What is in out must be one good frame, whose payload goes to *item. */
static void parse_reply(const struct rsp_out *out, char *in, size_t in_size, struct rsp_item *item)
{
    struct rsp_parser p;

    require(out->len <= out->cap);
    rsp_parser_init(&p, in, in_size);
    require(rsp_parser_feed(&p, out->buf, out->len, item) == out->len);
    require(item->kind == RSP_ITEM_PACKET);
}

/* Data that was read to where it is encoded comes back as well; where it has no place, it would not surely
 * have fitted. */
static void check_space(const uint8_t *data, size_t size, size_t cap, bool hex)
{
    size_t in_size = 4 * size + 16;
    char *in = malloc(in_size), *buf = malloc(cap), *place;
    struct rsp_out out;
    struct rsp_item item;

    require(in != NULL && buf != NULL);
    rsp_out_init(&out, buf, cap);
    rsp_begin(&out, RSP_PLAIN);
    place = rsp_space(&out, size);
    require((place != NULL) == (cap >= 1 + RSP_SPACE_HEAD + 2 * size + 3));
    if (place) {
        memcpy(place, data, size);
        rsp_str(&out, "M0,");
        rsp_hex_u64(&out, size);
        rsp_str(&out, ":");
        if (hex)
            rsp_hex(&out, place, size);
        else
            rsp_binary(&out, place, size);
    }
    require((rsp_end(&out) == 0) == (place != NULL));
    if (place) {
        struct rsp_request request;

        parse_reply(&out, in, in_size, &item);
        if (!hex)
            item.payload[0] = 'X';
        require(rsp_parse_request(item.payload, item.len, &request) == RSP_OK);
        require(request.mem.len == size && !memcmp(request.mem.data, data, size));
    }
    free(in);
    free(buf);
}

/* Binary and hex of the data must come back from the parser, in full or, in a buffer of cap bytes, as E5a. */
static void check_reply(const uint8_t *data, size_t size, size_t cap, enum rsp_begin_flags flags)
{
    size_t in_size = 4 * size + 16;
    char *in = malloc(in_size), *buf = malloc(cap);
    struct rsp_out out;
    struct rsp_item item;

    require(in != NULL && buf != NULL);
    rsp_out_init(&out, buf, cap);
    rsp_begin(&out, flags);
    rsp_str(&out, "M0,");
    rsp_hex_u64(&out, size);
    rsp_str(&out, ":");
    rsp_hex(&out, data, size);
    if (rsp_end(&out) == 0) {
        struct rsp_request request;

        parse_reply(&out, in, in_size, &item);
        require(rsp_parse_request(item.payload, item.len, &request) == RSP_OK);
        require(request.mem.len == size && !memcmp(request.mem.data, data, size));
    }
    out.len = 0;
    rsp_begin(&out, flags);
    rsp_binary(&out, data, size);
    if (rsp_end(&out) == 0) {
        parse_reply(&out, in, in_size, &item);
        require(item.len == size && !memcmp(item.payload, data, size));
    } else {
        require(out.len == 7 && !memcmp(out.buf, "$E5a#db", 7));
    }
    free(in);
    free(buf);
}

/* Slices, however small the buffer, add up to the object. */
static void check_xfer(const uint8_t *data, size_t size, size_t cap)
{
    char *in = malloc(cap), *buf = malloc(cap);
    struct rsp_out out;
    struct rsp_item item;
    size_t at = 0;
    bool last;

    require(in != NULL && buf != NULL);
    do {
        rsp_out_init(&out, buf, cap);
        require(rsp_xfer(&out, data, size, at, size) == 0);
        parse_reply(&out, in, cap, &item);
        last = item.payload[0] == 'l';
        require(last || item.len > 1);
        require(item.len - 1 <= size - at && !memcmp(item.payload + 1, data + at, item.len - 1));
        at += item.len - 1;
    } while (!last);
    require(at == size);
    free(in);
    free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t how;

    if (size < 2)
        return 0;
    how = data[0];
    data++;
    size--;
    check_stream(data, size, (how & 0x3f) + 1, how & 0x40);
    check_request((const char *)data, size);
    check_reply(data, size, 2 * size + 64, how & 0x80 ? RSP_RLE : RSP_PLAIN);
    check_reply(data, size, size / 2 + 16, how & 0x80 ? RSP_RLE : RSP_PLAIN);
    check_space(data, size, 2 * size + 24 + (how & 0x1f), how & 0x80);
    check_xfer(data, size, (size_t)how + 7);
    return 0;
}
