/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop: listeners, connections, signals, the guest's console, and the machine's wake. Nothing in it
 * blocks; every buffer is bounded, and a peer that does not read is not read from either. One server in a
 * process at a time, since signals are the process's. */
#ifndef ZGDBD_SERVER_H
#define ZGDBD_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "zgdbd/console.h"
#include "zgdbd/err.h"
#include "zgdbd/session.h"

enum listen_kind {
    LISTEN_TCP,
    LISTEN_UNIX,
    LISTEN_FD, /* a listening socket that was passed on, as in socket activation */
};

struct listen_spec {
    enum listen_kind kind;
    bool ipv6;
    uint8_t addr[16]; /* IPv4 in the first four bytes */
    uint16_t port;    /* 0: any free one */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int fd;
};

/* Parses tcp:HOST:PORT (HOST a numeric IPv4 address, an IPv6 one in brackets, localhost, or empty or * for
 * all addresses), unix:PATH or fd:N. -1 with *e (EXIT_USAGE). */
int listen_parse(const char *text, struct listen_spec *spec, struct err *e);

/* False for an address that other hosts can reach. */
bool listen_is_local(const struct listen_spec *spec);

enum console_kind {
    CONSOLE_STDIO, /* descriptors 0 and 1; a terminal is set to raw mode */
    CONSOLE_NONE,
    CONSOLE_FILE, /* output only */
    CONSOLE_LOG,  /* output only, each line with the time (UTC) at which it began */
    CONSOLE_UNIX, /* a listening Unix socket, mode 0600 */
    CONSOLE_PTY,  /* a pseudo-terminal; its name is told */
};

struct console_spec {
    enum console_kind kind;
    const char *path; /* of a file, log or socket */
};

#define CONSOLES_MAX 8
#define CONSOLE_NO_ESCAPE (-1)

struct server;

struct server *server_create(struct err *e);

/* machine_events.wake and console_ring.wake: from any thread. ctx is the server. */
void server_wake(void *ctx);

/* What the server serves; to be set once, before server_run(). Both remain the caller's. */
void server_set_target(struct server *s, struct target *t);

/* The guest's console: what it writes comes out of `out` and goes to every console that is added, what is
 * typed at any of them goes into `in` (machine_signal tells the guest). To be set before a console is added;
 * both rings remain the caller's. escape is the character that ends the daemon when typed at a terminal on
 * standard input, or CONSOLE_NO_ESCAPE. */
void server_console_rings(struct server *s, struct console_ring *out, struct console_ring *in, int escape);

/* Adds a console, and puts where it is in words into name ("pty:/dev/pts/3"). */
int server_console(struct server *s, const struct console_spec *spec, char *name, size_t size, struct err *e);

/* Starts to listen, and puts the address in words into name ("tcp:127.0.0.1:1234"). */
int server_listen(struct server *s, const struct listen_spec *spec, char *name, size_t size, struct err *e);

/* Serves one debugger on two descriptors instead, which stay open. Its end ends the daemon with
 * EXIT_SHUTDOWN, whatever
 * --on-disconnect says: nobody can come back. */
int server_stdio(struct server *s, int in, int out, struct err *e);

/* Switches the exit trace on, and writes a line into the file for each exit whose kind is in `kinds` (1u <<
 * enum exit_kind), the newest at most some tens of milliseconds after it happened. The file is emptied first.
 * What cannot be written in time is lost, and a line says how much. Once, after server_set_target(); the
 * machine remains the caller's. -1 with *e. */
int server_trace(struct server *s, struct machine *m, const char *path, unsigned kinds, struct err *e);

/* Runs until the target has ended, or SIGTERM, SIGINT, SIGHUP or the escape key (EXIT_SHUTDOWN); returns the
 * exit status. */
int server_run(struct server *s);

/* Closes connections and listeners, removes the Unix socket's file. server_wake() may still be called. */
void server_close(struct server *s);

/* The target may be gone; no thread may call server_wake() any more. */
void server_destroy(struct server *s);

#endif
