/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets: parsing an address, creating it so that nobody else can reach it for a moment, taking
 * over a dead daemon's socket file but never a living one's, and accepting. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/log.h"

#define RETRY_SECONDS 1.0

/* ---- addresses ---- */

/* A decimal number of at most max with nothing behind it, or -1. */
static long parse_number(const char *text, long max)
{
    long value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && value <= max; p++)
        value = value * 10 + (*p - '0');
    return p == text || *p || value > max ? -1 : value;
}

static int parse_host(char *host, struct listen_spec *spec)
{
    size_t len = strlen(host);
    if (len == 0 || strcmp(host, "*") == 0)
        return 0;
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = 0;
        host++;
        spec->ipv6 = true;
    }
    return inet_pton(spec->ipv6 ? AF_INET6 : AF_INET, host, spec->addr) == 1 ? 0 : -1;
}

static int parse_tcp(const char *text, struct listen_spec *spec, struct err *e)
{
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    long port = colon ? parse_number(colon + 1, 65535) : -1;
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (port < 0)
        return err_set(e, EXIT_USAGE,
                       "--listen tcp:%s: must be tcp:HOST:PORT, PORT from 0 (any free one) to 65535", text);
    if (len < sizeof host) {
        memcpy(host, text, len);
        host[len] = 0;
        spec->port = (uint16_t)port;
        if (parse_host(host, spec) == 0)
            return 0;
    }
    return err_set(
        e, EXIT_USAGE,
        "--listen tcp:%s: HOST must be localhost, a numeric IPv4 address, or an IPv6 one in brackets", text);
}

int listen_parse(const char *text, struct listen_spec *spec, struct err *e)
{
    memset(spec, 0, sizeof *spec);
    if (strncmp(text, "tcp:", 4) == 0)
        return parse_tcp(text + 4, spec, e);
    if (strncmp(text, "unix:", 5) == 0 && text[5]) {
        spec->kind = LISTEN_UNIX;
        if (strlen(text + 5) >= sizeof spec->path)
            return err_set(e, EXIT_USAGE, "--listen unix: the path must be shorter than %zu bytes",
                           sizeof spec->path);
        strcpy(spec->path, text + 5);
        return 0;
    }
    if (strncmp(text, "fd:", 3) == 0) {
        spec->kind = LISTEN_FD;
        spec->fd = (int)parse_number(text + 3, 1 << 20);
        if (spec->fd >= 0)
            return 0;
    }
    return err_set(e, EXIT_USAGE, "--listen %s: must be tcp:HOST:PORT, unix:PATH or fd:N", text);
}

bool listen_is_local(const struct listen_spec *spec)
{
    static const uint8_t loopback6[16] = {[15] = 1};
    if (spec->kind != LISTEN_TCP)
        return true;
    return spec->ipv6 ? memcmp(spec->addr, loopback6, 16) == 0 : spec->addr[0] == 127;
}

/* ---- sockets ---- */

static int tcp_socket(const struct listen_spec *spec, char *name, size_t size, struct err *e)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(spec->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(spec->port)};
    struct sockaddr *address = spec->ipv6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
    socklen_t len = spec->ipv6 ? sizeof in6 : sizeof in;
    char host[INET6_ADDRSTRLEN];
    int on = 1;

    memcpy(&in.sin_addr, spec->addr, sizeof in.sin_addr);
    memcpy(&in6.sin6_addr, spec->addr, sizeof in6.sin6_addr);
    inet_ntop(address->sa_family, spec->addr, host, sizeof host);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, EXIT_OTHER, "cannot create a TCP socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, len) || listen(fd, 8) || getsockname(fd, address, &len)) {
        err_set(e, EXIT_OTHER, "cannot listen on tcp:%s:%u: %s; choose another with --listen", host,
                spec->port, strerror(errno));
        close(fd);
        return -1;
    }
    snprintf(name, size, spec->ipv6 ? "tcp:[%s]:%u" : "tcp:%s:%u", host,
             ntohs(spec->ipv6 ? in6.sin6_port : in.sin_port));
    return fd;
}

/* True if the path is a socket's and nobody answers there. */
static bool is_stale(const struct sockaddr_un *un)
{
    struct stat st;
    if (lstat(un->sun_path, &st) || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)un, sizeof *un) && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return dead;
}

static int bind_unix(int fd, const struct sockaddr_un *un)
{
    if (bind(fd, (const struct sockaddr *)un, sizeof *un) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (!is_stale(un) || unlink(un->sun_path)) {
        errno = EADDRINUSE;
        return -1;
    }
    return bind(fd, (const struct sockaddr *)un, sizeof *un);
}

/* A listening socket whose file the listener removes at the end. */
static int unix_socket(struct listener *l, const char *path, struct err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof un.sun_path)
        return err_set(e, EXIT_USAGE, "unix:%s: the path must be shorter than %zu bytes", path,
                       sizeof un.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, EXIT_OTHER, "cannot create a Unix socket: %s", strerror(errno));
    strcpy(un.sun_path, path);
    mode_t mask = umask(0177); /* the file is born with mode 0600 */
    int failed = bind_unix(fd, &un);
    umask(mask);
    if (failed || listen(fd, 8) || lstat(path, &l->created)) {
        err_set(e, EXIT_OTHER, "cannot listen on unix:%s: %s%s", path, strerror(errno),
                errno == EADDRINUSE ? " (somebody answers there, or it is no socket); choose another path"
                                    : "; choose a path in a directory that you can write to");
        close(fd);
        return -1;
    }
    strcpy(l->path, path);
    return fd;
}

static int passed_socket(const struct listen_spec *spec, char *name, size_t size, struct err *e)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    if (getsockopt(spec->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) || !listening)
        return err_set(e, EXIT_USAGE, "--listen fd:%d: this descriptor is not a listening socket", spec->fd);
    fcntl(spec->fd, F_SETFL, fcntl(spec->fd, F_GETFL) | O_NONBLOCK);
    fcntl(spec->fd, F_SETFD, FD_CLOEXEC);
    snprintf(name, size, "fd:%d", spec->fd);
    return spec->fd;
}

/* ---- accepting ---- */

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
    struct listener *l = w->data;
    (void)events;
    ev_io_start(loop, &l->readable);
}

static void on_connection(struct ev_loop *loop, ev_io *w, int events)
{
    struct listener *l = w->data;
    (void)events;
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        l->accepted(l, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_msg(LOG_WARNING, "cannot accept a connection: %s", strerror(errno));
        ev_io_stop(loop, w);
        ev_timer_set(&l->retry, RETRY_SECONDS, 0.);
        ev_timer_start(loop, &l->retry);
    }
}

static void start(struct listener *l, struct server *s, void (*accepted)(struct listener *, int))
{
    l->server = s;
    l->accepted = accepted;
    ev_io_init(&l->readable, on_connection, l->fd, EV_READ);
    ev_timer_init(&l->retry, on_retry, RETRY_SECONDS, 0.);
    l->readable.data = l->retry.data = l;
    ev_io_start(s->loop, &l->readable);
}

static void debugger_accepted(struct listener *l, int fd)
{
    struct err e;
    int on = 1;
    /* On a Unix socket these fail, and are not needed. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (connection_open(l->server, fd, fd, &e)) {
        log_msg(LOG_WARNING, "%s", e.text);
        close(fd);
    }
}

int server_listen(struct server *s, const struct listen_spec *spec, char *name, size_t size, struct err *e)
{
    struct listener *l = &s->listener;
    if (spec->kind == LISTEN_TCP)
        l->fd = tcp_socket(spec, name, size, e);
    else if (spec->kind == LISTEN_UNIX) {
        l->fd = unix_socket(l, spec->path, e);
        snprintf(name, size, "unix:%s", spec->path);
    } else
        l->fd = passed_socket(spec, name, size, e);
    if (l->fd < 0)
        return -1;
    start(l, s, debugger_accepted);
    return 0;
}

int listener_open_unix(struct listener *l, struct server *s, const char *path,
                       void (*accepted)(struct listener *, int), struct err *e)
{
    l->fd = unix_socket(l, path, e);
    if (l->fd < 0)
        return -1;
    start(l, s, accepted);
    return 0;
}

void listener_close(struct listener *l)
{
    struct stat now;
    if (l->fd < 0)
        return;
    ev_io_stop(l->server->loop, &l->readable);
    ev_timer_stop(l->server->loop, &l->retry);
    close(l->fd);
    l->fd = -1;
    /* Another daemon may have put its own socket there meanwhile. */
    if (l->path[0] && lstat(l->path, &now) == 0 && now.st_dev == l->created.st_dev &&
        now.st_ino == l->created.st_ino)
        unlink(l->path);
}
