/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share. server.c owns the loop, listener.c listening sockets, connection.c the
 * debuggers' connections; console.c what flows between the guest's console and the user, place.c the files,
 * sockets and pseudo-terminals where that happens, terminal.c the modes of a terminal; trace_file.c the exit
 * trace on its way into a file. */
#ifndef ZGDBD_SERVER_INTERNAL_H
#define ZGDBD_SERVER_INTERNAL_H

#include <ev.h>
#include <sys/stat.h>
#include <termios.h>

#include "zgdbd/server.h"

/* Enough for the debugger, one that is refused, and probes; the oldest that is not the debugger makes room.
 */
#define CONNECTIONS_MAX 8u
/* Clients of all Unix sockets that are consoles. */
#define CLIENTS_MAX 8u
#define INPUT_BYTES 0x10000u
#define CONSOLE_BYTES 0x4000u

struct connection {
    struct server *server;
    struct session *session; /* NULL: the slot is free */
    int in;
    int out; /* the same as in for a socket */
    ev_io readable;
    ev_io writable;
    ev_timer work;   /* long work, or many packets, go on in the next turn of the loop */
    bool draining;   /* all was sent and the sending side shut; waits for the peer to close */
    uint64_t number; /* age: higher is younger */
    size_t in_pos;
    size_t in_len;
    char input[INPUT_BYTES];
};

/* A terminal at which the console is typed: terminal.c */
struct terminal {
    int fd; /* -1: none; the caller's */
    bool raw;
    struct termios saved; /* as it was found, once raw */
};

struct listener {
    struct server *server;
    int fd;                                       /* -1: none */
    void (*accepted)(struct listener *l, int fd); /* fd never blocks, and is the callee's from now on */
    ev_io readable;
    ev_timer retry; /* pause after accept failed for lack of descriptors */
    char path[sizeof(((struct listen_spec *)0)->path)]; /* to be removed at the end, if not empty */
    struct stat created;
};

/* A place where the guest's console is shown, typed at, or both. */
/* Typed at a terminal while the guest's input was full: bytes[pos..len) are to go there next. */
struct ahead {
    uint8_t *bytes;
    size_t pos;
    size_t len;
    size_t size;
};

struct console {
    struct server *server;
    struct console *next;
    enum console_kind kind;
    int in;                /* -1: nothing is typed here (any more) */
    int out;               /* -1: a Unix socket without a client: the newest text is kept for the next one */
    bool ended;            /* no text is wanted any more */
    bool away;             /* nothing is read until the timer has looked again */
    bool in_line;          /* CONSOLE_LOG: the line's time stamp is written */
    int slave;             /* CONSOLE_PTY: its other end, held open; else -1 */
    struct listener *door; /* CONSOLE_UNIX: where clients come in; several consoles may have the same */
    struct terminal terminal;
    struct ahead ahead;
    ev_io readable;
    ev_io writable;
    ev_timer again;
    uint64_t lost;            /* bytes of what was kept for a client, and not yet told */
    struct console_ring held; /* to be written after buf[pos..len) */
    size_t pos;
    size_t len;
    uint8_t buf[CONSOLE_BYTES];
    char name[128]; /* in words */
};

struct server {
    struct ev_loop *loop;
    ev_async wake;
    ev_timer work; /* what takes the target long goes on in the next turn of the loop */
    ev_signal terminate[3];
    ev_signal powerdown; /* SIGPWR */
    ev_signal resumed;   /* SIGCONT, while there is a terminal */
    struct target *target;
    struct listener listener;
    struct console *consoles;
    struct listener doors[CONSOLES_MAX];
    unsigned ndoors;
    struct console_ring *output;
    struct console_ring *input;
    int escape;
    bool stdio;
    int status;
    uint64_t numbers;
    struct trace_file *trace; /* NULL: none */
    struct connection *connections[CONNECTIONS_MAX];
};

/* server.c: after anything that may have changed the target: sends what sessions have to say, and ends the
 * loop if the target has ended. */
void server_settle(struct server *s);

static inline void watch(struct server *s, ev_io *w, bool on)
{
    if (on)
        ev_io_start(s->loop, w);
    else
        ev_io_stop(s->loop, w);
}

/* listener.c */
int listener_open_unix(struct listener *l, struct server *s, const char *path,
                       void (*accepted)(struct listener *l, int fd), struct err *e);
void listener_close(struct listener *l);

/* connection.c */
int connection_open(struct server *s, int in, int out, struct err *e);
void connection_pump(struct connection *c); /* takes input, sends output, closes; c may be gone afterwards */
void connection_close(struct connection *c);
void connection_flush(struct connection *c, int milliseconds); /* at the end: waits that long at most */

/* console.c */
struct console *console_add(struct server *s, enum console_kind kind, int in, int out, const char *name);
void console_attach(struct console *c, int fd); /* a client of a Unix socket */
void console_free(struct console *c);
void consoles_begin(struct server *s); /* the loop is about to run */
void consoles_pump(struct server *s);  /* shows what the guest wrote, listens if there is room */
void consoles_finish(struct server *s, int milliseconds); /* the loop has ended: waits that long at most */

/* place.c */
int place_stdio(struct server *s, int in, int out, struct err *e);
void place_close(struct server *s);        /* sockets, and their files */
void place_client_left(struct console *c); /* c may be gone afterwards */
/* After a hangup (vhangup(2), by a login there) the kernel has reset its modes, and would echo to the guest
 * what the guest writes. */
void place_renew_slave(struct console *c);
/* A descriptor of our own for the same file that never blocks, without changing the mode of a terminal or
 * pipe that others share. -1 with errno. */
int fd_own_nonblocking(int fd, int flags);

/* trace_file.c */
void trace_file_finish(struct server *s, int milliseconds); /* the loop has ended: what happened until now */
void trace_file_close(struct server *s);

/* terminal.c */
void terminal_init(struct terminal *t, int fd); /* fd becomes -1 there if it is no terminal */
/* Raw mode, if the terminal is ours to use now; else false. Again after SIGCONT: a shell may have changed it.
 */
bool terminal_enter(struct terminal *t);
/* As it was found, unless it is in other hands now. */
void terminal_leave(struct terminal *t);
/* Bytes pass unchanged in both directions (the slave of a pseudo-terminal). */
void terminal_transparent(int fd);

#endif
