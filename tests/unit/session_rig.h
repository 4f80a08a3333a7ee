/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A target on the fake machine and up to two sessions with it, spoken to by raw packets. Every exchange goes
 * on until nothing is due any more, and leaves what came back in the peer. Include it after cmocka.h. */
#ifndef SESSION_RIG_H
#define SESSION_RIG_H

#include "fake_machine.h"
#include "packet.h"
#include "zgdbd/proto.h"
#include "zgdbd/session.h"

#define REPLY_MAX (2 * RSP_OUT_MAX)
#define ALL_FEATURES "qSupported:multiprocess+;swbreak+;hwbreak+;error-message+"

/* One connection, and what came back on it. */
struct peer {
    struct session *session;
    struct rsp_parser parser;
    char parse_buf[RSP_OUT_MAX];
    char reply[REPLY_MAX]; /* the packets of the last exchange, joined by '|'; notifications with their '%' */
    size_t reply_len;
    unsigned acks, naks;
    size_t raw; /* bytes of the last exchange */
};

struct world {
    struct fake_machine *fake;
    struct exec_file *exec;
    struct target *target;
    struct peer a, b; /* b is to be opened */
};

struct world *world_open(struct policy policy);
struct world *world_of(struct fake_machine *fake, struct policy policy); /* a machine made before */
void world_close(struct world *w);
/* The same for cmocka, without a policy. */
int world_setup(void **state);
int world_teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

/* Hands on what the machine reported. */
void world_collect(struct world *w);

void peer_open(struct world *w, struct peer *p);
void peer_lose(struct world *w, struct peer *p);
void peer_again(struct world *w, struct peer *p);

/* Takes over what the session has put out. */
void peer_drain(struct peer *p);

/* These return the peer's reply: to bytes as they are, to a packet of n bytes, to a packet from w->a. */
const char *peer_send(struct world *w, struct peer *p, const void *data, size_t n);
const char *peer_ask(struct world *w, struct peer *p, const void *payload, size_t n);
const char *ask(struct world *w, const char *packet);
const char *hear(struct world *w); /* what w->a is told unasked */

/* The text of a hex string, in a static buffer. */
const char *text_of(const char *hex);

/* The text for the console that comes in front of the reply to a packet, in a static buffer. */
const char *said(struct world *w, const char *packet);

/* What a monitor command from w->a prints, in a static buffer: O packets, and OK at the end. */
const char *monitor(struct world *w, const char *command);

#define EXPECT(packet, reply) assert_string_equal(ask(w, packet), reply)
#define STARTS(packet, reply) assert_true(starts(ask(w, packet), reply))
#define CONTAINS(text, part) assert_non_null(strstr(text, part))

#endif
