/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of connections into sessions with the fake machine. The first two bytes choose policies, CPUs and
 * acknowledgements; a byte 0xff followed by another is an event of the outside: a stop, a lost connection,
 * the start, a second debugger, a peer that reads late; 0xfe followed by another is a packet of the packet
 * table, 0xfd followed by a length the text of a monitor command. Whatever comes back must be whole frames,
 * and the machine asked for nothing that it forbids. */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/fake_machine.c"
#include "../unit/packet.c"
#include "../unit/packet_table.c"
#include "zgdbd/log.h"
#include "zgdbd/proto.h"
#include "zgdbd/session.h"

#define EVENT 0xff
#define PACKET 0xfe
#define COMMAND 0xfd
#define SLICES 32 /* of long work, whenever nothing else happens */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A connection: the session, and what its peer makes of the output. */
struct client {
    struct session *session;
    struct rsp_parser parser;
};

struct run {
    struct fake_machine *fake;
    struct target *target;
    struct client first, second; /* the second may have no session */
};

static char parse_buf[2][RSP_OUT_MAX];

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void open_client(struct run *r, struct client *c)
{
    c->session = session_create(r->target);
    rsp_parser_init(&c->parser, parse_buf[c == &r->second], sizeof parse_buf[0]);
}

static void close_client(struct client *c)
{
    if (c->session)
        session_destroy(c->session);
    c->session = NULL;
}

/* The peer reads so many bytes. */
static void drain(struct client *c, size_t most)
{
    size_t len, used = 0;
    const char *out = session_output(c->session, &len);
    len = len < most ? len : most;
    while (used < len) {
        struct rsp_item item;
        used += rsp_parser_feed(&c->parser, out + used, len - used, &item);
        require(item.kind == RSP_ITEM_NONE || item.kind == RSP_ITEM_PACKET || item.kind == RSP_ITEM_ACK ||
                item.kind == RSP_ITEM_NAK);
    }
    session_sent(c->session, len);
}

static void work(struct client *c)
{
    for (int i = 0; i < SLICES && session_working(c->session); i++)
        session_work(c->session);
}

static void intrude(struct run *r, uint8_t what)
{
    static const char packet[] = "$?#3f";
    if (!r->second.session)
        open_client(r, &r->second);
    else if (what & 1)
        close_client(&r->second);
    if (r->second.session) {
        session_input(r->second.session, packet, sizeof packet - 1);
        drain(&r->second, SIZE_MAX);
    }
}

static void event(struct run *r, uint8_t what)
{
    uint8_t detail = what / 8;
    switch (what % 8) {
    case 0:
        fake_stop_at(r->fake, detail % r->fake->machine.ncpus, (enum stop_reason)(detail % (STOP_ERROR + 1)));
        break;
    case 1:
        close_client(&r->first);
        open_client(r, &r->first);
        break;
    case 2:
        target_start(r->target);
        break;
    case 3:
        target_collect(r->target);
        break;
    case 4:
        drain(&r->first, what);
        break;
    case 5:
        intrude(r, detail);
        break;
    case 6:
        if (detail & 16)
            fake_catch(r->fake, 0, (enum catch_kind)(detail % CATCH_KINDS), detail & 1);
        else
            fake_hit(r->fake, (enum bp_kind)(detail % 3), 0x100040, detail & 4, detail & 8);
        break;
    default:
        fake_script(r->fake, (enum stop_reason)(detail % (STOP_ERROR + 1)));
        break;
    }
}

/* What the loop would do in between. */
static void settle(struct run *r)
{
    work(&r->first);
    drain(&r->first, SIZE_MAX);
    target_collect(r->target);
    drain(&r->first, SIZE_MAX);
}

/* Gives bytes to the session until it takes no more, even when all is settled. */
static void feed(struct run *r, const void *data, size_t n)
{
    const char *bytes = data;
    size_t at = 0, idle = 0;
    while (at < n && idle < 2) {
        size_t used = session_input(r->first.session, bytes + at, n - at);
        require(used <= n - at);
        at += used;
        idle = used ? 0 : idle + 1;
        if (!used)
            settle(r);
    }
}

static void send_row(struct run *r, uint8_t number)
{
    const struct packet_row *row = &packet_rows[number % npacket_rows];
    char frame[2048];
    feed(r, frame, packet_frame(frame, row->request, strlen(row->request)));
}

/* Returns how many bytes of data the command's text is. */
static size_t send_command(struct run *r, const uint8_t *data, size_t n)
{
    char request[2 * 255 + 8] = "qRcmd,", frame[2 * sizeof request];
    size_t len = data[0] < n - 1 ? data[0] : n - 1;
    for (size_t i = 0; i < len; i++)
        snprintf(request + 6 + 2 * i, 3, "%02x", data[1 + i]);
    feed(r, frame, packet_frame(frame, request, strlen(request)));
    return len;
}

/* Plain bytes up to the next event or packet. */
static size_t plain(const uint8_t *data, size_t n)
{
    size_t run = 0;
    while (run < n && data[run] < COMMAND)
        run++;
    return run;
}

static void run_input(struct run *r, const uint8_t *data, size_t size)
{
    int status;
    for (size_t at = 0; at < size && !target_exited(r->target, &status);) {
        size_t n = plain(data + at, size - at);
        feed(r, data + at, n);
        at += n;
        if (at + 1 >= size)
            break;
        if (data[at] == EVENT)
            event(r, data[at + 1]);
        else if (data[at] == PACKET)
            send_row(r, data[at + 1]);
        else
            at += send_command(r, data + at + 1, size - at - 1);
        at += 2;
    }
    settle(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char no_ack[] = "$QStartNoAckMode#b0";
    static struct exec_file *exec;
    struct err e;
    if (size < 2)
        return 0;
    log_set_level(LOG_ERROR);
    if (!exec)
        exec = exec_file_open("/etc/passwd", NULL, false, 0x100000, &e);
    struct run r = {.fake = fake_create((struct machine_events){NULL, NULL})};
    r.fake->machine.ncpus = 1 + data[1] % FAKE_CPUS;
    struct target_config config = {
        .machine = &r.fake->machine, .exec = exec, .dump_dir = "/nonexistent"}; /* no file is to come of it */
    config.policy.on_panic = config.policy.on_shutdown = config.policy.on_reset =
        (enum guest_action)(data[0] % 4);
    config.policy.on_disconnect = (enum disconnect_action)(data[0] / 4 % 3);
    r.target = target_create(&config, &e);
    open_client(&r, &r.first);
    if (data[0] & 0x80) { /* checksums, which a fuzzer guesses badly, do not count then */
        session_input(r.first.session, no_ack, sizeof no_ack - 1);
        drain(&r.first, SIZE_MAX);
    }
    run_input(&r, data + 2, size - 2);
    close_client(&r.second);
    close_client(&r.first);
    require(r.fake->violations == 0);
    machine_destroy(&r.fake->machine);
    target_destroy(r.target);
    return 0;
}
