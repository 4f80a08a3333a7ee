/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peers of one target on the fake machine: packets in, replies collected, and whatever the machine reports in
 * between handed on. A stop may make the target resume, which is why collecting goes several rounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_rig.h"

void world_collect(struct world *w)
{
    /* A stop may resume and stop again. */
    for (int i = 0; i < 8; i++) {
        target_collect(w->target);
        while (target_working(w->target))
            target_work(w->target);
    }
}

/* A notification begins at out: it joins the replies with its '%'. Returns its length. */
static size_t notification(struct peer *p, const char *out, size_t len)
{
    const char *end = memchr(out, '#', len);
    unsigned sum = 0, sent;
    assert_true(end && end + 2 < out + len);
    for (const char *at = out + 1; at < end; at++)
        sum += (unsigned char)*at;
    assert_int_equal(sscanf(end + 1, "%2x", &sent), 1);
    assert_int_equal(sum & 0xff, sent);
    if (p->reply_len)
        p->reply[p->reply_len++] = '|';
    memcpy(p->reply + p->reply_len, out, (size_t)(end - out));
    p->reply_len += (size_t)(end - out);
    return (size_t)(end - out) + 3;
}

void peer_drain(struct peer *p)
{
    size_t len, used = 0;
    const char *out = session_output(p->session, &len);
    while (used < len) {
        struct rsp_item item;
        if (out[used] == '%' && p->parser.state == RSP_IDLE) {
            used += notification(p, out + used, len - used);
            continue;
        }
        used += rsp_parser_feed(&p->parser, out + used, len - used, &item);
        p->acks += item.kind == RSP_ITEM_ACK;
        p->naks += item.kind == RSP_ITEM_NAK;
        assert_int_not_equal(item.kind, RSP_ITEM_BAD_CHECKSUM);
        if (item.kind != RSP_ITEM_PACKET)
            continue;
        if (p->reply_len)
            p->reply[p->reply_len++] = '|';
        memcpy(p->reply + p->reply_len, item.payload, item.len);
        p->reply_len += item.len;
    }
    p->reply[p->reply_len] = 0;
    p->raw += len;
    session_sent(p->session, len);
}

static void begin(struct peer *p)
{
    p->reply_len = 0;
    p->acks = p->naks = 0;
    p->raw = 0;
    p->reply[0] = 0;
}

const char *peer_send(struct world *w, struct peer *p, const void *data, size_t n)
{
    size_t used = 0;
    begin(p);
    for (int i = 0; i < 100; i++) {
        used += session_input(p->session, (const char *)data + used, n - used);
        peer_drain(p);
        while (session_working(p->session)) {
            session_work(p->session);
            peer_drain(p);
            used += session_input(p->session, (const char *)data + used, n - used);
        }
        peer_drain(p);
        world_collect(w);
        peer_drain(p);
        if (used == n && !session_waiting(p->session))
            break;
    }
    used += session_input(p->session, data, 0);
    peer_drain(p);
    return p->reply;
}

const char *peer_ask(struct world *w, struct peer *p, const void *payload, size_t n)
{
    char *buf = malloc(n + 8);
    size_t len = packet_frame(buf, payload, n);
    peer_send(w, p, buf, len);
    free(buf);
    return p->reply;
}

const char *ask(struct world *w, const char *packet)
{
    return peer_ask(w, &w->a, packet, strlen(packet));
}

const char *hear(struct world *w)
{
    return peer_send(w, &w->a, "", 0);
}

void peer_open(struct world *w, struct peer *p)
{
    p->session = session_create(w->target);
    rsp_parser_init(&p->parser, p->parse_buf, sizeof p->parse_buf);
    begin(p);
}

void peer_lose(struct world *w, struct peer *p)
{
    session_destroy(p->session);
    p->session = NULL;
    world_collect(w);
}

void peer_again(struct world *w, struct peer *p)
{
    peer_lose(w, p);
    peer_open(w, p);
}

struct world *world_open(struct policy policy)
{
    return world_of(fake_create((struct machine_events){NULL, NULL}), policy);
}

struct world *world_of(struct fake_machine *fake, struct policy policy)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e;
    w->fake = fake;
    w->exec = exec_file_open("/etc/passwd", NULL, false, 0x100000, &e);
    assert_non_null(w->exec);
    struct target_config config = {.machine = &w->fake->machine, .exec = w->exec, .policy = policy};
    w->target = target_create(&config, &e);
    assert_non_null(w->target);
    peer_open(w, &w->a);
    return w;
}

void world_close(struct world *w)
{
    if (w->a.session)
        session_destroy(w->a.session);
    if (w->b.session)
        session_destroy(w->b.session);
    assert_int_equal(w->fake->violations, 0);
    machine_destroy(&w->fake->machine);
    target_destroy(w->target);
    exec_file_close(w->exec);
    free(w);
}

int world_setup(void **state)
{
    *state = world_open((struct policy){0});
    return 0;
}

int world_teardown(void **state)
{
    world_close(*state);
    return 0;
}

const char *said(struct world *w, const char *packet)
{
    static char text[0x20000];
    size_t n = 0;
    for (const char *at = ask(w, packet); at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (at[0] == 'O')
            n += strlen(strcpy(text + n, text_of(at + 1)));
    text[n] = 0;
    return text;
}

const char *text_of(const char *hex)
{
    static char text[0x4000];
    size_t n = 0;
    while (isxdigit((unsigned char)hex[2 * n]) && n + 1 < sizeof text) {
        char digits[] = {hex[2 * n], hex[2 * n + 1], 0};
        text[n++] = (char)strtoul(digits, NULL, 16);
    }
    text[n] = 0;
    return text;
}

const char *monitor(struct world *w, const char *command)
{
    static char text[RSP_OUT_MAX];
    char packet[2400] = "qRcmd,";
    size_t n = 0;
    for (size_t i = 0; command[i]; i++)
        sprintf(packet + 6 + 2 * i, "%02x", (unsigned char)command[i]);
    for (const char *at = ask(w, packet); strcmp(at, "OK") != 0; at = strchr(at, '|') + 1) {
        assert_int_equal(at[0], 'O');
        n += strlen(strcpy(text + n, text_of(at + 1)));
    }
    text[n] = 0;
    return text;
}
