/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The places of the guest's console: standard input and output, files, Unix sockets with their clients, and
 * pseudo-terminals; how each is made, and what becomes of it when its other side goes away. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/log.h"

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

static int no_memory(struct err *e)
{
    return err_set(e, EXIT_OTHER, "no memory for a console");
}

/* Is it open in this direction (O_RDONLY, O_WRONLY)? nohup leaves a standard input that cannot be read. */
static bool is_open_for(int fd, int direction)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && ((flags & O_ACCMODE) == O_RDWR || (flags & O_ACCMODE) == direction);
}

int place_stdio(struct server *s, int in, int out, struct err *e)
{
    int own_in = is_open_for(in, O_RDONLY) ? fd_own_nonblocking(in, O_RDONLY) : -1;
    int own_out = is_open_for(out, O_WRONLY) ? fd_own_nonblocking(out, O_WRONLY) : -1;
    struct console *c = NULL;
    if (own_out < 0)
        err_set(e, EXIT_OTHER, "standard output is closed; use --console none");
    else if (!(c = console_add(s, CONSOLE_STDIO, own_in, own_out, "standard output")))
        no_memory(e);
    if (!c) {
        if (own_in >= 0)
            close(own_in);
        if (own_out >= 0)
            close(own_out);
        return -1;
    }
    terminal_init(&c->terminal, own_in);
    return 0;
}

static int place_file(struct server *s, const struct console_spec *spec, struct err *e)
{
    /* A log tells the date, so that the next run can go on in it. */
    int how = spec->kind == CONSOLE_LOG ? O_APPEND : O_TRUNC;
    int fd = open(spec->path, O_WRONLY | O_CREAT | how | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    if (fd < 0 && errno == ENXIO)
        return err_set(e, EXIT_OTHER,
                       "cannot open %s for the console: nobody reads it; start its reader first", spec->path);
    if (fd < 0)
        return err_set(e, EXIT_OTHER,
                       "cannot open %s for the console: %s; choose another file, or --console none",
                       spec->path, strerror(errno));
    if (console_add(s, spec->kind, -1, fd, spec->path))
        return 0;
    close(fd);
    return no_memory(e);
}

/* ---- Unix sockets ---- */

/* A client that has shut its sending side is noticed only when it takes no more. */
static void drop_the_dead(struct server *s)
{
    struct console *next;
    for (struct console *c = s->consoles; c; c = next) {
        struct pollfd p = {.fd = c->out};
        next = c->next;
        if (c->kind == CONSOLE_UNIX && c->out >= 0 && c->in < 0 && poll(&p, 1, 0) > 0)
            place_client_left(c);
    }
}

static void refuse(int fd)
{
    static const char text[] = "zgdbd: too many clients are at this console; end another one first\r\n";
    (void)!send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

static void client_accepted(struct listener *l, int fd)
{
    struct server *s = l->server;
    struct console *c, *waiting = NULL;
    unsigned clients = 0;
    drop_the_dead(s);
    for (c = s->consoles; c; c = c->next) {
        clients += c->kind == CONSOLE_UNIX && c->out >= 0;
        if (c->door == l && c->out < 0)
            waiting = c;
    }
    c = waiting;
    if (!c && clients < CLIENTS_MAX && (c = console_add(s, CONSOLE_UNIX, -1, -1, l->path)))
        c->door = l;
    if (c)
        console_attach(c, fd);
    else
        refuse(fd);
}

void place_client_left(struct console *c)
{
    ev_io_stop(c->server->loop, &c->readable);
    ev_io_stop(c->server->loop, &c->writable);
    close(c->out);
    c->in = c->out = -1;
    /* The last one's place stays, and keeps for the next client what this one did not take. */
    for (const struct console *other = c->server->consoles; other; other = other->next)
        if (other != c && other->door == c->door) {
            console_free(c);
            return;
        }
}

static int place_unix(struct server *s, const char *path, struct err *e)
{
    struct listener *l = &s->doors[s->ndoors];
    struct console *c;
    if (listener_open_unix(l, s, path, client_accepted, e))
        return -1;
    s->ndoors++;
    c = console_add(s, CONSOLE_UNIX, -1, -1, path);
    if (!c)
        return no_memory(e);
    c->door = l;
    return 0;
}

void place_close(struct server *s)
{
    for (unsigned i = 0; i < s->ndoors; i++)
        listener_close(&s->doors[i]);
}

/* ---- pseudo-terminals ---- */

/* Held open, so that the pair lives on while nobody else has the slave open: else reading the master would
 * fail. */
static int open_slave(int master)
{
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return -1;
    terminal_transparent(slave); /* nothing that the guest writes comes back as its input */
    fchmod(slave, 0600);
    return slave;
}

void place_renew_slave(struct console *c)
{
    struct pollfd p = {.fd = c->slave};
    int slave = -1;
    if (poll(&p, 1, 0) > 0)
        slave = open_slave(c->out);
    if (slave < 0)
        return;
    close(c->slave);
    c->slave = slave;
}

static int place_pty(struct server *s, char *name, size_t size, struct err *e)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int slave = -1;
    struct console *c = NULL;
    if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, size) ||
        (slave = open_slave(master)) < 0)
        err_set(e, EXIT_OTHER,
                "cannot make a pseudo-terminal for the console: %s; is /dev/pts mounted? Or use another "
                "--console",
                strerror(errno));
    else if (!(c = console_add(s, CONSOLE_PTY, master, master, name)))
        no_memory(e);
    if (c) {
        c->slave = slave;
        return 0;
    }
    if (master >= 0)
        close(master);
    if (slave >= 0)
        close(slave);
    return -1;
}

/* ---- what others call ---- */

void server_console_rings(struct server *s, struct console_ring *out, struct console_ring *in, int escape)
{
    s->output = out;
    s->input = in;
    s->escape = escape;
}

int server_console(struct server *s, const struct console_spec *spec, char *name, size_t size, struct err *e)
{
    char slave[64];
    switch (spec->kind) {
    case CONSOLE_STDIO:
        snprintf(name, size, "stdio");
        return place_stdio(s, STDIN_FILENO, STDOUT_FILENO, e);
    case CONSOLE_FILE:
    case CONSOLE_LOG:
        snprintf(name, size, "%s:%s", spec->kind == CONSOLE_LOG ? "log" : "file", spec->path);
        return place_file(s, spec, e);
    case CONSOLE_UNIX:
        snprintf(name, size, "unix:%s", spec->path);
        return place_unix(s, spec->path, e);
    case CONSOLE_PTY:
        if (place_pty(s, slave, sizeof slave, e))
            return -1;
        snprintf(name, size, "pty:%s", slave);
        return 0;
    default:
        snprintf(name, size, "none");
        return 0;
    }
}
