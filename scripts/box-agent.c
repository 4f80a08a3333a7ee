/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The box's agent: process 1 once /init is through. Serves one TCP port; each connection runs
 * one program or stores one file, in a process of its own. When the client goes away the whole
 * process group of its program is killed.
 *
 * Both directions carry frames: type (1 byte), payload length (4 bytes, big endian), payload.
 * To the agent: E argv as NUL-terminated strings | P mode (4 bytes) and path, then I...C |
 *   I standard input | C end of input | S signal number (1 byte).
 * From the agent: O standard output | X standard error | W bytes of input consumed (4 bytes) |
 *   R exit status (1 byte) | K ended by signal (1 byte) | F failure, text.
 * The client never has more than INPUT_WINDOW unconsumed bytes of input under way; so a
 * signal always gets through, even to a program that reads nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADER 5
#define MAX_PAYLOAD 65536
#define INPUT_WINDOW (256 * 1024)
#define MAX_ARGS 1024
#define EXIT_NOT_RUN 126
#define EXIT_NOT_FOUND 127

/* Bytes on their way, at most SIZE of them: consumed at head, appended at tail. */
struct ring {
    unsigned char *data;
    size_t size, head, tail;
};

/* One connection with the program it runs; owned by the process that serves it. */
struct session {
    int conn;
    int child_signal;
    pid_t child;
    int in, out, err; /* our ends of the program's descriptors, -1 when closed */
    bool input_ended;
    struct ring from_client; /* frames not yet complete */
    struct ring to_program;  /* input not yet taken */
    struct ring to_client;
};

static void die(const char *what)
{
    dprintf(STDERR_FILENO, "box-agent: %s: %s\n", what, strerror(errno));
    _exit(EXIT_FAILURE);
}

static uint32_t get_be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
}

static void ring_init(struct ring *r, size_t size)
{
    *r = (struct ring){.data = malloc(size), .size = size};
    if (!r->data)
        die("malloc");
}

static size_t ring_used(const struct ring *r)
{
    return r->tail - r->head;
}

/* Free bytes in one piece at the tail; moves what is there to the front when that helps. */
static size_t ring_room(struct ring *r)
{
    if (r->head == r->tail) {
        r->head = r->tail = 0;
    } else if (r->head > r->size / 2) {
        memmove(r->data, r->data + r->head, ring_used(r));
        r->tail -= r->head;
        r->head = 0;
    }
    return r->size - r->tail;
}

static bool ring_append(struct ring *r, const void *data, size_t n)
{
    if (ring_room(r) < n) {
        memmove(r->data, r->data + r->head, ring_used(r));
        r->tail -= r->head;
        r->head = 0;
        if (r->size - r->tail < n)
            return false;
    }
    memcpy(r->data + r->tail, data, n);
    r->tail += n;
    return true;
}

static bool frame_append(struct ring *r, char type, const void *payload, size_t n)
{
    unsigned char header[HEADER] = {(unsigned char)type};

    if (n > MAX_PAYLOAD || r->size - ring_used(r) < HEADER + n)
        return false;
    put_be32(header + 1, (uint32_t)n);
    return ring_append(r, header, HEADER) && ring_append(r, payload, n);
}

static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        die("fcntl O_NONBLOCK");
}

static void close_once(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The client is gone, broke the protocol, or all is done: nothing of its program stays. */
static _Noreturn void leave(struct session *s)
{
    if (s->child > 0)
        kill(-s->child, SIGKILL);
    _exit(EXIT_SUCCESS);
}

/* Send what the connection takes just now. */
static void send_some(struct session *s)
{
    struct ring *r = &s->to_client;
    ssize_t n;

    if (!ring_used(r))
        return;
    n = send(s->conn, r->data + r->head, ring_used(r), MSG_NOSIGNAL);
    if (n > 0)
        r->head += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        leave(s);
}

/* Send all that is queued, waiting for a slow client; it goes away by closing. */
static void flush_client(struct session *s)
{
    while (ring_used(&s->to_client)) {
        struct pollfd p = {.fd = s->conn, .events = POLLOUT};

        send_some(s);
        if (ring_used(&s->to_client) && poll(&p, 1, -1) < 0 && errno != EINTR)
            leave(s);
    }
}

/* Last frame of a connection. A lingering close lets the client read it to the end. */
static _Noreturn void finish(struct session *s, char type, const void *payload, size_t n)
{
    struct pollfd p = {.fd = s->conn, .events = POLLIN};
    char drain[4096];

    flush_client(s);
    frame_append(&s->to_client, type, payload, n);
    flush_client(s);
    shutdown(s->conn, SHUT_WR);
    while (poll(&p, 1, 10000) > 0 && recv(s->conn, drain, sizeof(drain), 0) > 0)
        ;
    _exit(EXIT_SUCCESS);
}

__attribute__((format(printf, 2, 3))) static _Noreturn void fail(struct session *s, const char *format, ...)
{
    char text[512];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    if ((size_t)n >= sizeof(text))
        n = sizeof(text) - 1;
    finish(s, 'F', text, (size_t)n);
}

/* Read what the client sent into the ring; leaves when the client has gone. */
static void receive(struct session *s)
{
    struct ring *r = &s->from_client;
    size_t room = ring_room(r);
    ssize_t n;

    if (!room)
        return;
    n = recv(s->conn, r->data + r->tail, room, 0);
    if (n > 0)
        r->tail += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        leave(s);
}

/* A complete frame at the head of the ring? Then its payload, else NULL. */
static unsigned char *next_frame(struct session *s, char *type, size_t *n)
{
    struct ring *r = &s->from_client;
    unsigned char *p = r->data + r->head;

    if (ring_used(r) < HEADER)
        return NULL;
    *type = (char)p[0];
    *n = get_be32(p + 1);
    if (*n > MAX_PAYLOAD)
        leave(s);
    return ring_used(r) < HEADER + *n ? NULL : p + HEADER;
}

static void drop_frame(struct session *s, size_t n)
{
    s->from_client.head += HEADER + n;
}

static unsigned char *wait_frame(struct session *s, char *type, size_t *n)
{
    unsigned char *payload;

    while (!(payload = next_frame(s, type, n))) {
        struct pollfd p = {.fd = s->conn, .events = POLLIN};

        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            leave(s);
        receive(s);
    }
    return payload;
}

/* ---- files ---- */

static void write_whole(struct session *s, int fd, const char *path, const unsigned char *data, size_t n)
{
    while (n) {
        ssize_t done = write(fd, data, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            fail(s, "write to %s in the box: %s", path, strerror(errno));
        data += done;
        n -= (size_t)done;
    }
}

static void acknowledge(struct session *s, size_t n)
{
    unsigned char count[4];

    put_be32(count, (uint32_t)n);
    frame_append(&s->to_client, 'W', count, sizeof(count));
    flush_client(s);
}

/* Store the input as a file: complete under another name first, so never a half one. */
static _Noreturn void store_file(struct session *s, const unsigned char *request, size_t n)
{
    char path[4096], temporary[4096 + 16];
    mode_t mode;
    char type;
    int fd;

    if (n < 5 || n - 4 >= sizeof(path))
        fail(s, "file name missing or too long");
    mode = get_be32(request) & 07777;
    memcpy(path, request + 4, n - 4);
    path[n - 4] = '\0';
    drop_frame(s, n);
    snprintf(temporary, sizeof(temporary), "%s.new%d", path, getpid());
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        fail(s, "create %s in the box: %s", temporary, strerror(errno));
    for (;;) {
        unsigned char *data = wait_frame(s, &type, &n);

        if (type != 'I')
            break;
        write_whole(s, fd, path, data, n);
        drop_frame(s, n);
        acknowledge(s, n);
    }
    if (type != 'C' || fchmod(fd, mode) < 0 || close(fd) < 0 || rename(temporary, path) < 0) {
        unlink(temporary);
        fail(s, "store %s in the box: %s", path, strerror(errno));
    }
    finish(s, 'R', "", 1);
}

/* ---- programs ---- */

static _Noreturn void become_program(char **argv, int in, int out, int err, int report)
{
    sigset_t none;
    int why;

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0 &&
        chdir("/tmp") == 0)
        execvp(argv[0], argv);
    why = errno;
    if (write(report, &why, sizeof(why)) < 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_NOT_RUN);
}

/* Returns 0 when the program runs, else the errno of what went wrong. */
static int start(struct session *s, char **argv)
{
    int in[2], out[2], err[2], report[2], why = 0;

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ||
        pipe2(report, O_CLOEXEC) < 0)
        return errno;
    s->child = fork();
    if (s->child < 0)
        return errno;
    if (s->child == 0)
        become_program(argv, in[0], out[1], err[1], report[1]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    close(report[1]);
    s->in = in[1];
    s->out = out[0];
    s->err = err[0];
    set_nonblocking(s->in);
    set_nonblocking(s->out);
    set_nonblocking(s->err);
    /* Closed by a successful exec; until then s->child leads no group of its own. */
    while (read(report[0], &why, sizeof(why)) < 0 && errno == EINTR)
        ;
    close(report[0]);
    return why;
}

/* Give the program what input there is and tell the client how much it took. */
static void feed_program(struct session *s)
{
    struct ring *r = &s->to_program;
    unsigned char count[4];
    ssize_t n = 0;

    if (s->in >= 0 && ring_used(r)) {
        n = write(s->in, r->data + r->head, ring_used(r));
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            close_once(&s->in);
        if (n > 0)
            r->head += (size_t)n;
    }
    if (s->in < 0) { /* it reads no more: take the rest as consumed */
        n = (ssize_t)ring_used(r);
        r->head = r->tail;
    }
    if (n > 0) {
        put_be32(count, (uint32_t)n);
        if (!frame_append(&s->to_client, 'W', count, sizeof(count)))
            leave(s);
    }
    if (s->input_ended && !ring_used(r))
        close_once(&s->in);
}

static void take_frames(struct session *s)
{
    unsigned char *payload;
    char type;
    size_t n;

    while ((payload = next_frame(s, &type, &n))) {
        if (type == 'I') {
            if (s->input_ended || !ring_append(&s->to_program, payload, n))
                leave(s); /* beyond the window: not our client */
        } else if (type == 'C') {
            s->input_ended = true;
        } else if (type == 'S' && n == 1 && payload[0] > 0 && payload[0] < NSIG) {
            kill(-s->child, payload[0]);
        } else {
            leave(s);
        }
        drop_frame(s, n);
    }
}

/* Room is kept back for acknowledgements, which are small and never wait. */
#define OUTPUT_SIZE (4 * MAX_PAYLOAD)
static bool room_for_output(const struct session *s)
{
    return ring_used(&s->to_client) < OUTPUT_SIZE / 4;
}

/* Move output of the program into frames; false when there is none just now. */
static bool take_output(struct session *s, int *fd, char type)
{
    unsigned char data[MAX_PAYLOAD / 2];
    ssize_t n;

    if (*fd < 0)
        return false;
    n = read(*fd, data, sizeof(data));
    if (n > 0)
        return frame_append(&s->to_client, type, data, (size_t)n);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_once(fd);
    return false;
}

/* What the ended program left in its pipes; whoever still holds them is not waited for. */
static void drain_output(struct session *s)
{
    bool more = true;

    while (more) {
        more = take_output(s, &s->out, 'O');
        more = take_output(s, &s->err, 'X') || more;
        flush_client(s);
    }
}

static void check_ended(struct session *s)
{
    struct signalfd_siginfo ignored;
    unsigned char code;
    int status;

    if (read(s->child_signal, &ignored, sizeof(ignored)) < 0)
        return;
    if (waitpid(s->child, &status, WNOHANG) != s->child)
        return;
    drain_output(s);
    code = (unsigned char)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    finish(s, WIFSIGNALED(status) ? 'K' : 'R', &code, 1);
}

static _Noreturn void relay(struct session *s)
{
    enum {
        CONN,
        CHILD,
        IN,
        OUT,
        ERR,
        COUNT
    };

    for (;;) {
        bool room, queued;

        take_frames(s); /* some may have come along with the request */
        feed_program(s);
        room = room_for_output(s);
        queued = ring_used(&s->to_client) > 0;
        struct pollfd p[COUNT] = {
            [CONN] = {s->conn, (short)(POLLIN | (queued ? POLLOUT : 0)), 0},
            [CHILD] = {s->child_signal, POLLIN, 0},
            [IN] = {ring_used(&s->to_program) ? s->in : -1, POLLOUT, 0},
            [OUT] = {room ? s->out : -1, POLLIN, 0},
            [ERR] = {room ? s->err : -1, POLLIN, 0},
        };

        if (poll(p, COUNT, -1) < 0 && errno != EINTR)
            leave(s);
        if (p[CONN].revents & ~POLLOUT)
            receive(s);
        if (p[OUT].revents)
            take_output(s, &s->out, 'O');
        if (p[ERR].revents)
            take_output(s, &s->err, 'X');
        send_some(s);
        if (p[CHILD].revents)
            check_ended(s);
    }
}

static _Noreturn void run_program(struct session *s, unsigned char *request, size_t n)
{
    static char text[MAX_PAYLOAD];
    static char *argv[MAX_ARGS + 1];
    size_t argc = 0;
    int why;

    if (n == 0 || request[n - 1] != '\0')
        fail(s, "no program named");
    memcpy(text, request, n);
    drop_frame(s, n);
    for (size_t at = 0; at < n; at += strlen(text + at) + 1) {
        if (argc == MAX_ARGS)
            fail(s, "more than %d arguments", MAX_ARGS);
        argv[argc++] = text + at;
    }
    why = start(s, argv);
    if (why) {
        unsigned char code = why == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
        char line[512];
        int len = snprintf(line, sizeof(line), "box: cannot run %.300s: %s\n", argv[0], strerror(why));

        frame_append(&s->to_client, 'X', line, (size_t)len);
        finish(s, 'R', &code, 1);
    }
    relay(s);
}

static _Noreturn void serve(int conn)
{
    struct session s = {.conn = conn, .in = -1, .out = -1, .err = -1};
    unsigned char *payload;
    sigset_t child;
    int on = 1;
    char type;
    size_t n;

    ring_init(&s.from_client, 2 * (HEADER + MAX_PAYLOAD));
    ring_init(&s.to_program, 2 * INPUT_WINDOW);
    ring_init(&s.to_client, OUTPUT_SIZE);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    s.child_signal = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s.child_signal < 0)
        die("signalfd");
    setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    set_nonblocking(conn);
    payload = wait_frame(&s, &type, &n);
    if (type == 'E')
        run_program(&s, payload, n);
    if (type == 'P')
        store_file(&s, payload, n);
    fail(&s, "request of unknown type %d", type);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 64) < 0)
        die("listen");
    return fd;
}

int main(int argc, char **argv)
{
    int listener;
    long port;

    port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (port < 1 || port > UINT16_MAX) {
        dprintf(STDERR_FILENO, "usage: box-agent PORT\n");
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* orphans come to process 1: none is left as a zombie */
    listener = listen_on((uint16_t)port);
    dprintf(STDOUT_FILENO, "BOX-READY\n");
    for (;;) {
        int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pid_t pid;

        if (conn < 0)
            continue;
        pid = fork();
        if (pid == 0) {
            close(listener);
            serve(conn);
        }
        close(conn);
    }
}
