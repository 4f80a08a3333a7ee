/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share. server.c owns the loop, listener.c the listening socket, connection.c
 * the connections, sink.c the console's way out. */
#ifndef ZGDBD_SERVER_INTERNAL_H
#define ZGDBD_SERVER_INTERNAL_H

#include <ev.h>
#include <sys/stat.h>

#include "zgdbd/server.h"

/* Enough for the debugger, one that is refused, and probes; the oldest that is not the debugger makes room.
 */
#define CONNECTIONS_MAX 8u
#define INPUT_BYTES 0x10000u
#define SINK_BYTES 0x4000u

struct connection {
    struct server *server;
    struct session *session; /* NULL: the slot is free */
    int in;
    int out; /* the same as in for a socket */
    ev_io readable;
    ev_io writable;
    bool draining;   /* all was sent and the sending side shut; waits for the peer to close */
    uint64_t number; /* age: higher is younger */
    size_t in_pos;
    size_t in_len;
    char input[INPUT_BYTES];
};

struct sink {
    int fd; /* -1: output is thrown away */
    struct console_ring *ring;
    ev_io writable;
    size_t pos;
    size_t len;
    uint8_t buf[SINK_BYTES];
};

struct listener {
    int fd; /* -1: none */
    ev_io readable;
    ev_timer retry; /* pause after accept failed for lack of descriptors */
    char path[sizeof(((struct listen_spec *)0)->path)]; /* to be removed at the end, if not empty */
    struct stat created;
};

struct server {
    struct ev_loop *loop;
    ev_async wake;
    ev_signal terminate[2];
    struct target *target;
    struct listener listener;
    struct sink sink;
    bool stdio;
    int status;
    uint64_t numbers;
    struct connection *connections[CONNECTIONS_MAX];
};

/* server.c: after anything that may have changed the target: sends what sessions have to say, and ends the
 * loop if the target has ended. */
void server_settle(struct server *s);

/* listener.c */
void listener_close(struct server *s);

/* connection.c */
int connection_open(struct server *s, int in, int out, struct err *e);
void connection_pump(struct connection *c); /* takes input, sends output, closes; c may be gone afterwards */
void connection_close(struct connection *c);
void connection_flush(struct connection *c, int milliseconds); /* at the end: waits that long at most */

/* sink.c */
void sink_pump(struct server *s);
void sink_close(struct server *s);
/* A descriptor of our own for the same file that never blocks, without changing the mode of a terminal or
 * pipe that others share. -1 with errno. */
int fd_own_nonblocking(int fd, int flags);

#endif
