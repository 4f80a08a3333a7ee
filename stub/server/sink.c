/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console's way out: from the ring to a descriptor that is never waited for. While its reader does not
 * read, text stays in the ring, and what no longer fits there is lost and counted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/log.h"

/* Bytes moved in one turn of the loop, so that a chatty guest does not starve the debugger. */
#define TURN_BYTES (4 * SINK_BYTES)

int fd_own_nonblocking(int fd, int flags)
{
    char path[40];
    struct stat st;
    int own = -1;
    if (fstat(fd, &st))
        return -1;
    /* A regular file never blocks; opened anew it would start at its beginning. */
    if (!S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (own < 0) {
        own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (own >= 0 && !S_ISREG(st.st_mode))
            fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK);
    }
    return own;
}

static void on_writable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop;
    (void)events;
    sink_pump(w->data);
}

void server_console_rings(struct server *s, struct console_ring *out, struct console_ring *in, int escape)
{
    s->sink.ring = out;
    (void)in;
    (void)escape;
}

int server_console(struct server *s, const struct console_spec *spec, char *name, size_t size, struct err *e)
{
    struct sink *k = &s->sink;
    snprintf(name, size, "%s", spec->path ? spec->path : "");
    if (spec->kind == CONSOLE_STDIO) {
        k->fd = fd_own_nonblocking(STDOUT_FILENO, O_WRONLY);
        if (k->fd < 0)
            return err_set(e, EXIT_OTHER, "standard output is closed; use --console none");
    } else if (spec->kind == CONSOLE_FILE && spec->path) {
        k->fd = open(spec->path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
        if (k->fd < 0)
            return err_set(e, EXIT_OTHER,
                           "cannot open %s for the console: %s; choose another file, or --console none",
                           spec->path, strerror(errno));
    }
    ev_io_init(&k->writable, on_writable, k->fd, EV_WRITE);
    k->writable.data = s;
    return 0;
}

/* Takes the next text out of the ring; false if there is none. */
static bool refill(struct sink *k)
{
    uint64_t dropped = 0;
    k->pos = 0;
    k->len = console_read(k->ring, k->buf, sizeof k->buf, &dropped);
    if (dropped)
        log_msg(LOG_WARNING, "%llu bytes of console output were lost: nobody reads it fast enough",
                (unsigned long long)dropped);
    return k->len > 0;
}

void sink_pump(struct server *s)
{
    struct sink *k = &s->sink;
    size_t turn = 0;
    bool blocked = false;
    if (!k->ring)
        return;
    while (turn < TURN_BYTES && (k->pos < k->len || refill(k))) {
        ssize_t n = k->fd < 0 ? (ssize_t)(k->len - k->pos) : write(k->fd, k->buf + k->pos, k->len - k->pos);
        if (n < 0 && errno == EINTR)
            continue;
        blocked = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (blocked)
            break;
        if (n < 0) {
            log_msg(LOG_WARNING, "the console's output is closed: %s", strerror(errno));
            sink_close(s);
            continue;
        }
        k->pos += (size_t)n;
        turn += (size_t)n;
    }
    if (k->fd >= 0 && (blocked || turn >= TURN_BYTES))
        ev_io_start(s->loop, &k->writable);
    else if (k->fd >= 0)
        ev_io_stop(s->loop, &k->writable);
    else if (turn >= TURN_BYTES)
        server_wake(s);
}

void sink_close(struct server *s)
{
    struct sink *k = &s->sink;
    if (k->fd < 0)
        return;
    ev_io_stop(s->loop, &k->writable);
    close(k->fd);
    k->fd = -1;
}
