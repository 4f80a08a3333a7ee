/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts the parts together in the order in which they can fail, and takes them apart again. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zgdbd/engines.h"
#include "zgdbd/options.h"
#include "zgdbd/server.h"
#include "zgdbd/session.h"

struct console {
    struct console_ring out;
    struct console_ring in;
};

/* Everything that main() made so far; NULL is not yet made. */
struct daemon {
    struct console *console;
    struct exec_file *exec;
    struct server *server;
    struct machine *machine;
    struct target *target;
};

static int make_machine(struct daemon *d, const struct options *o, struct err *e)
{
    struct engine_setup setup = {.options = o,
                                 .console = &d->console->out,
                                 .input = &d->console->in,
                                 .events = {.wake = server_wake, .ctx = d->server}};
    d->machine = engine_create(&setup, e);
    if (!d->machine)
        return -1;
    if (d->machine->notice)
        log_msg(LOG_WARNING, "%s", d->machine->notice);
    struct target_config target = {.machine = d->machine,
                                   .exec = d->exec,
                                   .policy = o->policy,
                                   .dump_dir = o->dump_dir,
                                   .shows_tasks = o->shows_tasks,
                                   .events = {.wake = server_wake, .ctx = d->server}};
    d->target = target_create(&target, e);
    if (!d->target)
        return -1;
    server_set_target(d->server, d->target);
    return o->trace ? server_trace(d->server, d->machine, o->trace, o->trace_kinds, e) : 0;
}

static int make_consoles(struct daemon *d, const struct options *o, struct err *e)
{
    char name[256];
    console_init(&d->console->out, server_wake, d->server);
    console_init(&d->console->in, server_wake, d->server);
    server_console_rings(d->server, &d->console->out, &d->console->in, o->escape);
    for (unsigned i = 0; i < o->nconsoles; i++) {
        const struct console_spec *spec = &o->consoles[i];
        if (server_console(d->server, spec, name, sizeof name, e))
            return -1;
        if (spec->kind == CONSOLE_PTY || spec->kind == CONSOLE_UNIX)
            fprintf(stderr, "zgdbd: the guest's console is on %s\n", name);
    }
    return 0;
}

/* Whether a command line, or NULL, has this word. */
static bool has_word(const char *line, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = line; at && (at = strstr(at, word)); at += len)
        if ((at == line || at[-1] == ' ') && (!at[len] || at[len] == ' '))
            return true;
    return false;
}

static int make(struct daemon *d, const struct options *o, struct err *e)
{
    char name[256];
    if (options_check_files(o, e))
        return -1;
    d->console = calloc(1, sizeof *d->console);
    if (!d->console)
        return err_set(e, EXIT_OTHER, "no memory for the console's buffers");
    d->server = server_create(e);
    if (!d->server)
        return -1;
    d->exec = exec_file_open(o->image, o->symbols, !has_word(o->append, "nokaslr"), o->memory, e);
    if (!d->exec)
        return -1;
    if (make_consoles(d, o, e) || make_machine(d, o, e))
        return -1;
    if (o->stdio)
        return server_stdio(d->server, 0, 1, e);
    if (server_listen(d->server, &o->listen, name, sizeof name, e))
        return -1;
    fprintf(stderr, "zgdbd: listening on %s%s\n", name,
            o->core  ? "; the dump waits for a debugger"
            : o->run ? ""
                     : "; the guest waits for a debugger");
    return 0;
}

static void unmake(struct daemon *d)
{
    if (d->server)
        server_close(d->server);
    if (d->machine)
        machine_destroy(d->machine);
    if (d->target)
        target_destroy(d->target);
    if (d->server)
        server_destroy(d->server);
    if (d->exec)
        exec_file_close(d->exec);
    free(d->console);
}

/* A standard descriptor that is closed must not become the image's or a socket's. In its place comes one that
 * fails the way a closed one would: input that cannot be read, output that cannot be written. */
static void keep_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    struct daemon d = {0};
    struct options o;
    struct err e;
    int status;

    keep_standard_descriptors();
    switch (options_parse(argc, argv, &o, &e)) {
    case OPTIONS_DONE:
        printf("%s", o.version ? "zgdbd " ZGDBD_VERSION "\n" : options_help());
        return fflush(stdout) ? EXIT_OTHER : EXIT_SUCCESS;
    case OPTIONS_ERROR:
        fprintf(stderr, "zgdbd: %s\nTry 'zgdbd --help'.\n", e.text);
        return e.status;
    case OPTIONS_RUN:
        break;
    }
    log_set_level(o.log);
    if (make(&d, &o, &e)) {
        fprintf(stderr, "zgdbd: %s\n", e.text);
        status = e.status;
    } else {
        if (o.run)
            target_start(d.target);
        status = server_run(d.server);
    }
    unmake(&d);
    return status;
}
