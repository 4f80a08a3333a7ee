/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit trace on its way into a file: some times a second the loop takes what CPUs have recorded, a slice
 * at a time, so that a debugger is served in between. A file that is slow or full holds up nobody: the ring
 * goes round meanwhile, and what it has lost is told in a line of its own once there is room. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "zgdbd/log.h"
#include "zgdbd/trace.h"

#define SLICE 64u           /* records */
#define LOOK_SECONDS 0.05   /* while there is nothing to be written */
#define BLOCKED_SECONDS 0.2 /* after the file did not take anything */

struct trace_file {
    struct server *server;
    struct machine *machine;
    const char *path;
    int fd;
    unsigned kinds;
    uint64_t next; /* number of the record to be written next */
    uint64_t lost; /* records in front of it that are not in the file, and not told */
    bool told;     /* that the file takes nothing */
    ev_timer timer;
    size_t pos; /* text[pos..len) is to be written */
    size_t len;
    char text[(2 * SLICE + 1) * (TRACE_LINE + 1)]; /* each record may have lost ones in front of it */
};

static void put_line(struct trace_file *f, const char *line)
{
    f->len += (size_t)snprintf(f->text + f->len, sizeof f->text - f->len, "%s\n", line);
}

/* Told in front of what comes behind it. */
static void put_lost(struct trace_file *f)
{
    char line[TRACE_LINE];
    if (!f->lost)
        return;
    snprintf(line, sizeof line, "%llu exits are lost here: they came faster than this file could be written",
             (unsigned long long)f->lost);
    put_line(f, line);
    f->lost = 0;
}

/* Takes the next records, if all before them were written; false if there are none. */
static bool refill(struct trace_file *f)
{
    struct exit_record records[SLICE];
    char line[TRACE_LINE];
    uint64_t expected = f->next;
    size_t n = machine_trace_read(f->machine, &f->next, records, SLICE);
    f->pos = f->len = 0;
    for (size_t i = 0; i < n; i++) {
        f->lost += records[i].number - expected;
        expected = records[i].number + 1;
        put_lost(f);
        if (f->kinds >> records[i].kind & 1)
            put_line(f, exit_record_text(&records[i], line, sizeof line));
    }
    f->lost += f->next - expected;
    return n > 0;
}

/* Writes what there is; 0, or an errno: the file does not take all of it now. */
static int flush(struct trace_file *f)
{
    while (f->pos < f->len) {
        ssize_t n = write(f->fd, f->text + f->pos, f->len - f->pos);
        if (n >= 0)
            f->pos += (size_t)n;
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

/* A pipe whose reader is slow is nothing to be told. */
static void tell_blocked(struct trace_file *f, int error)
{
    if (!f->told && error != EAGAIN)
        log_msg(LOG_WARNING, "--trace %s: cannot write: %s; it is tried again and again", f->path,
                strerror(error));
    f->told |= error != EAGAIN;
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
    struct trace_file *f = w->data;
    double again = LOOK_SECONDS;
    int error = flush(f);
    (void)events;
    if (error) {
        tell_blocked(f, error);
        again = BLOCKED_SECONDS;
    } else if (refill(f)) {
        again = 0; /* what else waits has its turn first */
    }
    ev_timer_set(w, again, 0.);
    ev_timer_start(loop, w);
}

int server_trace(struct server *s, struct machine *m, const char *path, unsigned kinds, struct err *e)
{
    struct trace_file *f = calloc(1, sizeof *f);
    struct err why;
    if (!f)
        return err_set(e, EXIT_OTHER, "--trace %s: no memory for its lines", path);
    *f = (struct trace_file){.server = s, .machine = m, .path = path, .kinds = kinds};
    f->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        free(f);
        return err_set(e, EXIT_OTHER, "--trace %s: cannot open it for writing: %s", path, strerror(errno));
    }
    if (target_trace(s->target, true, &why)) {
        close(f->fd);
        free(f);
        return err_set(e, EXIT_OTHER, "--trace %s: cannot begin: %s", path, why.text);
    }
    s->trace = f;
    ev_timer_init(&f->timer, on_timer, LOOK_SECONDS, 0.);
    f->timer.data = f;
    ev_timer_start(s->loop, &f->timer);
    return 0;
}

/* A guest that still runs records on: what it has done until now is enough. The time is for a file that does
 * not take what it gets; what can be written without waiting is, however much. */
void trace_file_finish(struct server *s, int milliseconds)
{
    struct trace_file *f = s->trace;
    struct exit_record none;
    uint64_t end = UINT64_MAX;
    int error;
    if (!f)
        return;
    machine_trace_read(f->machine, &end, &none, 0);
    while ((error = flush(f)) || f->next < end) {
        struct pollfd full = {.fd = f->fd, .events = POLLOUT};
        if (!error && refill(f))
            continue;
        if ((error && error != EAGAIN) || milliseconds-- <= 0)
            break;
        poll(&full, error ? 1 : 0, 1);
    }
    if (error || f->next < end)
        log_msg(LOG_WARNING, "--trace %s: the last exits are missing: %s", f->path,
                strerror(error ? error : EAGAIN));
    put_lost(f);
    flush(f);
}

void trace_file_close(struct server *s)
{
    struct trace_file *f = s->trace;
    if (!f)
        return;
    ev_timer_stop(s->loop, &f->timer);
    close(f->fd);
    free(f);
}
