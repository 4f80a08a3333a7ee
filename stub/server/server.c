/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop itself: the machine's wake, signals, and the end of the daemon. */
#include <signal.h>
#include <stdlib.h>

#include "internal.h"
#include "zgdbd/log.h"

/* How long the end waits for a debugger to take its last reply, or the console its last text. */
#define LAST_WORDS_MS 500

static void on_wake(struct ev_loop *loop, ev_async *w, int events)
{
    struct server *s = w->data;
    (void)loop;
    (void)events;
    if (s->target)
        target_collect(s->target);
    consoles_pump(s);
    server_settle(s);
}

static void on_work(struct ev_loop *loop, ev_timer *w, int events)
{
    struct server *s = w->data;
    (void)loop;
    (void)events;
    target_work(s->target);
    server_settle(s);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    struct server *s = w->data;
    (void)loop;
    (void)events;
    log_msg(LOG_INFO, "ending on signal %d", w->signum);
    target_quit(s->target, EXIT_SHUTDOWN);
    server_settle(s);
}

/* The power fails, or whoever manages this host wants the guest to end in order. */
static void on_powerdown(struct ev_loop *loop, ev_signal *w, int events)
{
    struct server *s = w->data;
    struct err e;
    (void)loop;
    (void)events;
    if (target_powerdown(s->target, &e))
        log_msg(LOG_WARNING, "the guest is not asked to shut down: %s", e.text);
    else
        log_msg(LOG_INFO, "the guest is asked to shut down");
}

struct server *server_create(struct err *e)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct server *s = calloc(1, sizeof *s);
    if (s)
        s->loop = ev_loop_new(EVFLAG_AUTO);
    if (!s || !s->loop) {
        free(s);
        err_set(e, EXIT_OTHER, "cannot set up the event loop");
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that is too long for the limit (ulimit -f) is an error of write() */
    /* In the background of a terminal the daemon goes on: it gets an error, or writes across others' text. */
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    s->listener.fd = -1;
    s->escape = CONSOLE_NO_ESCAPE;
    s->wake.data = s;
    ev_async_init(&s->wake, on_wake);
    ev_async_start(s->loop, &s->wake);
    ev_timer_init(&s->work, on_work, 0., 0.);
    s->work.data = s;
    for (unsigned i = 0; i < sizeof s->terminate / sizeof *s->terminate; i++) {
        ev_signal_init(&s->terminate[i], on_signal, signals[i]);
        s->terminate[i].data = s;
    }
    ev_signal_init(&s->powerdown, on_powerdown, SIGPWR);
    s->powerdown.data = s;
    return s;
}

void server_wake(void *ctx)
{
    struct server *s = ctx;
    ev_async_send(s->loop, &s->wake);
}

void server_set_target(struct server *s, struct target *t)
{
    s->target = t;
}

void server_settle(struct server *s)
{
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i] && session_attached(s->connections[i]->session))
            connection_pump(s->connections[i]);
    if (target_working(s->target) && !ev_is_active(&s->work)) {
        ev_timer_set(&s->work, 0., 0.);
        ev_timer_start(s->loop, &s->work);
    }
    if (target_exited(s->target, &s->status))
        ev_break(s->loop, EVBREAK_ALL);
}

static void watch_signals(struct server *s)
{
    for (unsigned i = 0; i < sizeof s->terminate / sizeof *s->terminate; i++) {
        struct sigaction now;
        /* Whoever started us with a signal ignored (nohup, gdb for its pipes) meant it. */
        if (sigaction(s->terminate[i].signum, NULL, &now) || now.sa_handler != SIG_IGN)
            ev_signal_start(s->loop, &s->terminate[i]);
    }
    ev_signal_start(s->loop, &s->powerdown);
}

int server_run(struct server *s)
{
    watch_signals(s);
    consoles_begin(s);
    server_wake(s); /* what happened before the loop did */
    if (!target_exited(s->target, &s->status))
        ev_run(s->loop, 0);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i])
            connection_flush(s->connections[i], LAST_WORDS_MS);
    consoles_finish(s, LAST_WORDS_MS);
    trace_file_finish(s, LAST_WORDS_MS);
    for (unsigned i = 0; i < sizeof s->terminate / sizeof *s->terminate; i++)
        ev_signal_stop(s->loop, &s->terminate[i]);
    ev_signal_stop(s->loop, &s->powerdown);
    return s->status;
}

void server_close(struct server *s)
{
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i])
            connection_close(s->connections[i]);
    listener_close(&s->listener);
    place_close(s);
}

void server_destroy(struct server *s)
{
    while (s->consoles)
        console_free(s->consoles);
    trace_file_close(s);
    ev_async_stop(s->loop, &s->wake);
    ev_timer_stop(s->loop, &s->work);
    ev_loop_destroy(s->loop);
    free(s);
}
