/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What flows between the guest's console and the places where it is shown and typed at. Each place has a
 * buffer of its own, so that a reader that does not read holds up neither a CPU nor another place; what no
 * longer fits there is lost and counted. What is typed is read only while the guest's input has room, so that
 * it waits where it was typed and none of it is lost. A terminal is read on all the same, since an escape key
 * may be behind it; what comes before the key is kept here. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/log.h"

/* Bytes moved for a console in one turn of the loop, so that a chatty guest does not starve the debugger. */
#define TURN_BYTES (4 * CONSOLE_BYTES)
#define LAST_TURNS                                                                                           \
    (2 * CONSOLE_RING_BYTES / TURN_BYTES + 2) /* for what is in the ring and in a console's buffer */
#define TYPED_BYTES 4096u
#define AHEAD_MAX 0x1000000u
/* How often a terminal in the background is looked at (a shell's `fg` sends a job that runs no signal), and
 * how long one in the foreground waits for the guest. */
#define AGAIN_SECONDS 1.

/* ---- output ---- */

static void write_stamp(struct console *c)
{
    struct timespec now;
    struct tm utc;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    len += (size_t)snprintf(text + len, sizeof text - len, ".%03ldZ ", now.tv_nsec / 1000000);
    console_write(&c->held, (const uint8_t *)text, len);
}

/* A log has lines, each with the time at which its first byte came. Carriage returns are a terminal's, and
 * Linux's VT220 console writes them behind the newline. */
static void keep_lines(struct console *c, const uint8_t *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t start = i;
        while (i < n && text[i] != '\r' && text[i] != '\n')
            i++;
        size_t end = i < n && text[i] == '\n' ? i + 1 : i;
        if (end > start && !c->in_line)
            write_stamp(c);
        console_write(&c->held, text + start, end - start);
        if (end > start)
            c->in_line = end == i;
        i++;
    }
}

static void keep(struct console *c, const uint8_t *text, size_t n)
{
    size_t room = console_room(&c->held);
    if (c->ended)
        return;
    /* Who comes later wants to know how it went on rather than how it began. */
    if (c->kind == CONSOLE_UNIX && c->out < 0 && n > room)
        c->lost += console_read(&c->held, NULL, n - room, NULL);
    if (c->kind == CONSOLE_LOG)
        keep_lines(c, text, n);
    else
        console_write(&c->held, text, n);
}

/* Takes the next text to be written; false if there is none. */
static bool refill(struct console *c)
{
    uint64_t dropped = 0;
    c->pos = 0;
    c->len = console_read(&c->held, c->buf, sizeof c->buf, &dropped);
    dropped += c->lost;
    c->lost = 0;
    if (dropped)
        log_msg(LOG_WARNING,
                "%llu bytes of console output to %s were lost: nobody reads it, or not fast enough",
                (unsigned long long)dropped, c->name);
    return c->len > 0;
}

static void end_output(struct console *c)
{
    log_msg(LOG_WARNING, "the console's output to %s is closed: %s", c->name, strerror(errno));
    c->ended = true;
    c->pos = c->len = 0;
    ev_io_stop(c->server->loop, &c->writable);
    if (c->out != c->in)
        close(c->out);
    c->out = -1;
}

/* Writes what it can; c may be gone afterwards. */
static void send_held(struct console *c)
{
    size_t turn = 0;
    if (c->kind == CONSOLE_PTY)
        place_renew_slave(c);
    while (c->out >= 0 && turn < TURN_BYTES && (c->pos < c->len || refill(c))) {
        ssize_t n = write(c->out, c->buf + c->pos, c->len - c->pos);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0 && c->kind == CONSOLE_UNIX) {
            place_client_left(c);
            return;
        }
        if (n < 0) {
            end_output(c);
            return;
        }
        c->pos += (size_t)n;
        turn += (size_t)n;
    }
    if (c->out >= 0)
        watch(c->server, &c->writable, c->pos < c->len || console_held(&c->held));
}

static void on_writable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop;
    (void)events;
    send_held(w->data);
}

/* Hands out what the guest wrote; the loop comes back for what one turn leaves. */
static void distribute(struct server *s)
{
    uint8_t text[CONSOLE_BYTES];
    uint64_t dropped = 0;
    size_t turn = 0, n;
    while (turn < TURN_BYTES && (n = console_read(s->output, text, sizeof text, &dropped))) {
        if (dropped)
            log_msg(LOG_WARNING, "%llu bytes of console output were lost: the guest writes too fast",
                    (unsigned long long)dropped);
        for (struct console *c = s->consoles; c; c = c->next)
            keep(c, text, n);
        turn += n;
    }
    if (turn >= TURN_BYTES)
        server_wake(s);
}

/* ---- typed ahead ---- */

static bool has_escape_key(const struct console *c)
{
    return c->terminal.fd >= 0 && c->server->escape >= 0;
}

/* How much more can be typed ahead here: only at a terminal with an escape key, which may be behind it. */
static size_t ahead_room(struct console *c)
{
    struct ahead *a = &c->ahead;
    size_t size = a->size ? 2 * a->size : TYPED_BYTES;
    uint8_t *bytes;
    if (!has_escape_key(c))
        return 0;
    if (a->len == a->size && size <= AHEAD_MAX && (bytes = realloc(a->bytes, size))) {
        a->bytes = bytes;
        a->size = size;
    }
    return a->size - a->len;
}

/* Gives the guest what was typed ahead, as far as there is room now. */
static void drain_ahead(struct console *c)
{
    struct ahead *a = &c->ahead;
    size_t room = console_room(c->server->input);
    size_t n = a->len - a->pos < room ? a->len - a->pos : room;
    if (!n)
        return;
    console_write(c->server->input, a->bytes + a->pos, n);
    a->pos += n;
    if (a->pos == a->len) {
        free(a->bytes);
        *a = (struct ahead){NULL, 0, 0, 0};
    }
    target_console_input(c->server->target);
}

/* ---- both ways ---- */

void consoles_pump(struct server *s)
{
    struct console *next;
    bool room = s->input && console_room(s->input);
    if (s->output)
        distribute(s);
    for (struct console *c = s->consoles; c; c = next) {
        next = c->next;
        if (room)
            drain_ahead(c);
        if (room && c->in >= 0 && !c->away)
            ev_io_start(s->loop, &c->readable);
        send_held(c);
    }
}

/* ---- input ---- */

static void end_input(struct console *c)
{
    log_msg(LOG_INFO, "the console's input from %s has ended", c->in == c->out ? c->name : "standard input");
    ev_io_stop(c->server->loop, &c->readable);
    terminal_leave(&c->terminal);
    c->terminal.fd = -1;
    if (c->in != c->out)
        close(c->in);
    c->in = -1;
}

static void look_again_later(struct console *c)
{
    c->away = true;
    ev_io_stop(c->server->loop, &c->readable);
    ev_timer_set(&c->again, AGAIN_SECONDS, 0.);
    ev_timer_start(c->server->loop, &c->again);
}

/* Nothing came although something should have: the end, or a terminal that is in other hands. */
static void no_input(struct console *c, bool failed)
{
    if (failed && errno == EIO && c->terminal.fd >= 0)
        look_again_later(c);
    else if (c->kind == CONSOLE_UNIX && failed)
        place_client_left(c);
    else
        end_input(c); /* a client that types no more may read on */
}

/* Without room nothing is read: console_take() wakes the loop. */
static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    struct console *c = w->data;
    struct server *s = c->server;
    uint8_t typed[TYPED_BYTES];
    size_t room = c->ahead.len ? 0 : console_room(s->input);
    size_t size = room ? room : ahead_room(c);
    (void)events;
    if (!size) {
        ev_io_stop(loop, w);
        return;
    }
    ssize_t n = read(c->in, typed, size < sizeof typed ? size : sizeof typed);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        no_input(c, n < 0);
        return;
    }
    const uint8_t *key = has_escape_key(c) ? memchr(typed, s->escape, (size_t)n) : NULL;
    size_t used = key ? (size_t)(key - typed) : (size_t)n;
    if (room) {
        console_write(s->input, typed, used);
        target_console_input(s->target);
    } else {
        memcpy(c->ahead.bytes + c->ahead.len, typed, used);
        c->ahead.len += used;
    }
    if (key) {
        log_msg(LOG_INFO, "ending on the escape key");
        target_quit(s->target, EXIT_SHUTDOWN);
        server_settle(s);
    }
}

/* ---- terminals ---- */

static void tell_how_to_end(const struct server *s)
{
    if (s->escape >= 0)
        dprintf(STDERR_FILENO, "zgdbd: press ^%c to end zgdbd\n", s->escape | 0x40);
    else
        dprintf(STDERR_FILENO, "zgdbd: the guest gets every key; to end zgdbd: kill %d\n", (int)getpid());
}

/* The terminal may be ours now, or no longer. */
static void look_at_terminal(struct console *c)
{
    bool first = !c->terminal.raw;
    if (!terminal_enter(&c->terminal)) {
        look_again_later(c);
        return;
    }
    if (first)
        tell_how_to_end(c->server);
    c->away = false;
    ev_timer_stop(c->server->loop, &c->again);
    ev_io_start(c->server->loop, &c->readable);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    look_at_terminal(w->data);
}

static void on_resumed(struct ev_loop *loop, ev_signal *w, int events)
{
    struct server *s = w->data;
    (void)loop;
    (void)events;
    for (struct console *c = s->consoles; c; c = c->next)
        if (c->terminal.fd >= 0)
            look_at_terminal(c);
}

/* ---- beginning and end ---- */

struct console *console_add(struct server *s, enum console_kind kind, int in, int out, const char *name)
{
    struct console *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->server = s;
    c->kind = kind;
    c->in = in;
    c->out = out;
    c->slave = -1;
    c->terminal.fd = -1;
    console_init(&c->held, NULL, NULL);
    snprintf(c->name, sizeof c->name, "%s", name);
    ev_io_init(&c->readable, on_readable, in, EV_READ);
    ev_io_init(&c->writable, on_writable, out, EV_WRITE);
    ev_timer_init(&c->again, on_again, AGAIN_SECONDS, 0.);
    c->readable.data = c->writable.data = c->again.data = c;
    c->next = s->consoles;
    s->consoles = c;
    return c;
}

void console_attach(struct console *c, int fd)
{
    c->in = c->out = fd;
    ev_io_set(&c->readable, fd, EV_READ);
    ev_io_set(&c->writable, fd, EV_WRITE);
    consoles_pump(c->server);
}

void console_free(struct console *c)
{
    struct console **link = &c->server->consoles;
    ev_io_stop(c->server->loop, &c->readable);
    ev_io_stop(c->server->loop, &c->writable);
    ev_timer_stop(c->server->loop, &c->again);
    terminal_leave(&c->terminal);
    if (c->in >= 0)
        close(c->in);
    if (c->out >= 0 && c->out != c->in)
        close(c->out);
    if (c->slave >= 0)
        close(c->slave);
    free(c->ahead.bytes);
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    free(c);
}

void consoles_begin(struct server *s)
{
    ev_signal_init(&s->resumed, on_resumed, SIGCONT);
    s->resumed.data = s;
    for (struct console *c = s->consoles; c; c = c->next)
        if (c->terminal.fd >= 0) {
            ev_signal_start(s->loop, &s->resumed);
            look_at_terminal(c);
        }
}

static long milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void consoles_finish(struct server *s, int milliseconds)
{
    const long end = milliseconds_now() + milliseconds;
    long left = milliseconds;
    bool more = true;
    ev_signal_stop(s->loop, &s->resumed);
    /* The time is for readers that do not read. What can be written without waiting is, as much as there may
     * be, however long that takes on a busy host. */
    for (unsigned turn = 0; more && (left >= 0 || turn < LAST_TURNS); turn++) {
        struct pollfd blocked[CONSOLES_MAX + CLIENTS_MAX];
        nfds_t n = 0;
        consoles_pump(s);
        for (struct console *c = s->consoles; c; c = c->next)
            if (c->out >= 0 && ev_is_active(&c->writable))
                blocked[n++] = (struct pollfd){.fd = c->out, .events = POLLOUT};
        more = n || (s->output && console_held(s->output));
        if (n)
            poll(blocked, n, left > 0 ? (int)left : 0);
        left = end - milliseconds_now();
    }
    for (struct console *c = s->consoles; c; c = c->next)
        terminal_leave(&c->terminal);
}
