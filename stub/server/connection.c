/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: bytes of a descriptor into a session and its output back, in one write for each reply. Input
 * is read only when the session has taken what was read before and its output has left, so that neither side
 * can pile up. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/log.h"

/* Replies in one turn of the loop: a client that sends many packets at once does not keep others waiting. */
#define TURN_REPLIES 16

static void drop(struct connection *c)
{
    struct server *s = c->server;
    bool was_stdio = s->stdio;
    connection_close(c);
    if (was_stdio)
        target_quit(s->target, EXIT_SHUTDOWN);
    server_settle(s);
}

/* Sends what it can. -1 if the peer is gone. */
static int flush(struct connection *c)
{
    size_t len;
    const char *data = session_output(c->session, &len);
    while (len) {
        ssize_t n = write(c->out, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        session_sent(c->session, (size_t)n);
        data = session_output(c->session, &len);
    }
    return 0;
}

/* The peer reads our last words before it sees the end: closing with its bytes unread would reset the
 * connection. */
static void begin_draining(struct connection *c)
{
    c->draining = true;
    c->in_pos = c->in_len = 0;
    shutdown(c->out, SHUT_WR);
}

/* While the session works its input is read ahead, so that the end of the connection is noticed. */
static bool wants_input(const struct connection *c)
{
    if (session_working(c->session))
        return c->in_len - c->in_pos < sizeof c->input;
    return c->in_pos == c->in_len && !session_waiting(c->session);
}

static void go_on_next_turn(struct connection *c)
{
    ev_timer_set(&c->work, 0., 0.);
    ev_timer_start(c->server->loop, &c->work);
}

void connection_pump(struct connection *c)
{
    size_t pending, used;
    unsigned replies = 0;
    for (; replies < TURN_REPLIES; replies++) {
        if (flush(c)) {
            drop(c);
            return;
        }
        session_output(c->session, &pending);
        if (pending || c->draining)
            break;
        if (session_closing(c->session)) {
            begin_draining(c);
            if (session_attached(c->session) || c->server->stdio) {
                drop(c);
                return;
            }
            break;
        }
        used = session_input(c->session, c->input + c->in_pos, c->in_len - c->in_pos);
        c->in_pos += used;
        session_output(c->session, &pending);
        if (!pending && !session_closing(c->session))
            break;
    }
    watch(c->server, &c->writable, pending);
    watch(c->server, &c->readable, c->draining || (!pending && wants_input(c)));
    if ((pending || !session_working(c->session)) && replies < TURN_REPLIES)
        ev_timer_stop(c->server->loop, &c->work);
    else if (!ev_is_active(&c->work))
        go_on_next_turn(c);
}

/* One slice, or so many replies, in each turn of the loop: what else there is to do is done in between, but
 * cannot keep the work from going on either, as it could with an idle watcher. */
static void on_work(struct ev_loop *loop, ev_timer *w, int events)
{
    struct connection *c = w->data;
    struct server *s = c->server;
    (void)loop;
    (void)events;
    if (session_working(c->session))
        session_work(c->session);
    connection_pump(c);
    server_settle(s);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    struct connection *c = w->data;
    struct server *s = c->server;
    (void)loop;
    (void)events;
    c->in_len -= c->in_pos;
    memmove(c->input, c->input + c->in_pos, c->in_len);
    c->in_pos = 0;
    ssize_t n = read(c->in, c->input + c->in_len, sizeof c->input - c->in_len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        drop(c);
        return;
    }
    if (c->draining)
        return;
    c->in_len += (size_t)n;
    connection_pump(c);
    server_settle(s);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int events)
{
    struct connection *c = w->data;
    struct server *s = c->server;
    (void)loop;
    (void)events;
    connection_pump(c);
    server_settle(s);
}

/* A free slot; if there is none, that of the oldest connection that is not the debugger's. */
static unsigned free_slot(struct server *s)
{
    unsigned oldest = CONNECTIONS_MAX;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = s->connections[i];
        if (!c)
            return i;
        if (!session_attached(c->session) &&
            (oldest == CONNECTIONS_MAX || c->number < s->connections[oldest]->number))
            oldest = i;
    }
    connection_close(s->connections[oldest]);
    return oldest;
}

int connection_open(struct server *s, int in, int out, struct err *e)
{
    struct connection *c = calloc(1, sizeof *c);
    struct session *session = session_create(s->target);
    if (!c || !session) {
        free(c);
        if (session)
            session_destroy(session);
        return err_set(e, EXIT_OTHER, "no memory for a connection");
    }
    c->server = s;
    c->session = session;
    c->in = in;
    c->out = out;
    c->number = s->numbers++;
    ev_io_init(&c->readable, on_readable, in, EV_READ);
    ev_io_init(&c->writable, on_writable, out, EV_WRITE);
    ev_timer_init(&c->work, on_work, 0., 0.);
    c->readable.data = c->writable.data = c->work.data = c;
    s->connections[free_slot(s)] = c;
    ev_io_start(s->loop, &c->readable);
    return 0;
}

void connection_close(struct connection *c)
{
    struct server *s = c->server;
    ev_io_stop(s->loop, &c->readable);
    ev_io_stop(s->loop, &c->writable);
    ev_timer_stop(s->loop, &c->work);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i] == c)
            s->connections[i] = NULL;
    session_destroy(c->session);
    close(c->in);
    if (c->out != c->in)
        close(c->out);
    free(c);
}

void connection_flush(struct connection *c, int milliseconds)
{
    size_t len;
    struct pollfd p = {.fd = c->out, .events = POLLOUT};
    if (flush(c) == 0 && (session_output(c->session, &len), len) && poll(&p, 1, milliseconds) > 0)
        flush(c);
    shutdown(c->out, SHUT_WR);
}

int server_stdio(struct server *s, int in, int out, struct err *e)
{
    int own_in = fd_own_nonblocking(in, O_RDONLY);
    int own_out = fd_own_nonblocking(out, O_WRONLY);
    if (own_in < 0 || own_out < 0)
        return err_set(e, EXIT_OTHER, "--stdio: standard input and output cannot be used; both must be open");
    s->stdio = true;
    return connection_open(s, own_in, own_out, e);
}
