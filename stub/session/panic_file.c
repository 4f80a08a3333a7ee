/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --on-panic wants written when the guest has come to such an end: reports and dumps, in the order in
 * which they were given, before the action. A dump takes time: it is written in slices, between which the
 * loop serves everybody else, and the target is in a state of its own meanwhile. What cannot be written is
 * told in the log and changes nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target.h"
#include "zgdbd/dump.h"

#define SLICE_NS 3000000
/* Between two words on how far a dump has come. */
#define PROGRESS_NS 5000000000
/* Between two signs of life for a debugger whose request waits: gdb gives up after seconds without a byte. */
#define SIGN_NS 1000000000

/* ---- a report ---- */

/* These return 0, or an errno. */
static int write_all(int fd, const char *text, size_t n)
{
    while (n) {
        ssize_t done = write(fd, text, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? errno : EIO;
        text += done;
        n -= (size_t)done;
    }
    return 0;
}

/* Something that is no regular file (a terminal, a pipe) is written as it is, and not waited for. */
static int write_into(const char *path, const struct panic_text *text)
{
    int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int error = fd < 0 ? errno : write_all(fd, text->buf, text->len);
    if (fd >= 0)
        close(fd);
    return error;
}

/* The mode that a file would have that is simply made. */
static mode_t new_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* The file is there whole or not at all: written beside its name, and renamed. */
static int write_beside(const char *path, const struct panic_text *text)
{
    char beside[PATH_MAX];
    int error = 0;
    if (snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= (int)sizeof beside)
        return ENAMETOOLONG;
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return errno;
    if (fchmod(fd, new_mode()))
        error = errno;
    if (!error)
        error = write_all(fd, text->buf, text->len);
    if (close(fd) && !error)
        error = errno;
    if (!error && rename(beside, path))
        error = errno;
    if (error)
        unlink(beside);
    return error;
}

static void write_report(const struct target *t, const char *path)
{
    struct panic_text *text = panic_text(t);
    struct stat there;
    int error = ENOMEM;
    if (text && stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        error = write_into(path, text);
    else if (text)
        error = write_beside(path, text);
    if (error)
        log_msg(LOG_ERROR, "the report cannot be written to %s: %s; make room there, or name another file",
                path, strerror(error));
    else
        log_msg(LOG_INFO, "the report is in %s", path);
    free(text);
}

/* ---- a dump ---- */

static void begin_dump(struct target *t, const char *path)
{
    struct writing *w = &t->writing;
    struct err e;
    w->told = target_clock();
    w->dump = dump_begin_at(t->machine, t->linux_guest, path, &e);
    if (w->dump)
        return;
    log_msg(LOG_ERROR, "there is no dump: %s", e.text);
    w->next++;
}

static void tell_progress(struct writing *w)
{
    int64_t now = target_clock();
    uint64_t done, total;
    if (now - w->told < PROGRESS_NS)
        return;
    w->told = now;
    dump_progress(w->dump, &done, &total);
    log_msg(LOG_WARNING, "the dump is being written: %llu of %llu MiB", (unsigned long long)(done >> 20),
            (unsigned long long)(total >> 20));
}

static void end_dump(struct writing *w)
{
    char text[DUMP_TEXT_BYTES];
    struct dump_result result;
    struct dump *d = w->dump;
    struct err e;
    w->dump = NULL;
    w->next++;
    if (dump_finish(d, &result, &e))
        log_msg(LOG_ERROR, "there is no dump: %s", e.text);
    else
        log_msg(LOG_WARNING, "%s", dump_describe(&result, text, sizeof text));
}

static void step_dump(struct writing *w)
{
    struct err e;
    int more = dump_step(w->dump, SLICE_NS, &e);
    if (more > 0) {
        tell_progress(w);
    } else if (more == 0) {
        end_dump(w);
    } else {
        dump_abandon(w->dump);
        w->dump = NULL;
        w->next++;
        log_msg(LOG_ERROR, "there is no dump: %s", e.text);
    }
}

/* ---- all of them ---- */

/* Does a part; false once nothing is left. */
static bool go_on(struct target *t)
{
    struct writing *w = &t->writing;
    while (w->next < t->policy.npanic_files) {
        const struct panic_file *file = &t->policy.panic_files[w->next];
        if (file->kind == PANIC_REPORT) {
            write_report(t, file->path);
            w->next++;
            continue;
        }
        if (w->dump)
            step_dump(w);
        else
            begin_dump(t, file->path);
        if (w->dump)
            return true;
    }
    return false;
}

static void give_sign(struct target *t)
{
    int64_t now = target_clock();
    if (!t->session || !session_busy(t->session) || now - t->writing.sign < SIGN_NS)
        return;
    t->writing.sign = now;
    session_alive(t->session);
}

bool writing_begin(struct target *t, event_fn *then)
{
    t->writing.next = 0;
    t->writing.sign = 0;
    t->writing.then = then;
    return go_on(t);
}

enum target_state writing_work(struct target *t, struct err *e)
{
    give_sign(t);
    return go_on(t) ? t->state : t->writing.then(t, e);
}

void writing_abandon(struct target *t)
{
    struct writing *w = &t->writing;
    if (!w->dump)
        return;
    dump_abandon(w->dump);
    w->dump = NULL;
    w->next = t->policy.npanic_files;
    log_msg(LOG_WARNING, "the dump was given up");
}

enum target_state writing_interrupt(struct target *t, struct err *e)
{
    writing_abandon(t);
    return writing_work(t, e);
}
