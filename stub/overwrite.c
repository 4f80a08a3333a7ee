/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are written must not be those that are read: a mistyped option would empty the guest's kernel.
 * And where dumps and reports are to go must be a directory: in an hour, at the panic, it is too late to say
 * so. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zgdbd/options.h"

static bool same_file(const char *path, const char *other) /* NULL: none */
{
    struct stat its, others;

    return path && other && stat(path, &its) == 0 && stat(other, &others) == 0 &&
           its.st_dev == others.st_dev && its.st_ino == others.st_ino;
}

/* The name by which one of the files that are read is given, or NULL. */
static const char *reads(const struct options *o, const char *path)
{
    if (same_file(path, o->image))
        return "IMAGE";
    if (same_file(path, o->initrd))
        return "--initrd";
    if (same_file(path, o->symbols))
        return "--symbols";
    if (path != o->memory_file && same_file(path, o->memory_file))
        return "--memory-file";
    for (unsigned i = 0; i < o->nextras; i++)
        if (same_file(path, o->extras[i].path))
            return "--load";
    return NULL;
}

static int check(const struct options *o, const char *option, const char *path, struct err *e)
{
    const char *what = reads(o, path);

    return what ? err_set(e, EXIT_USAGE,
                          "%s %s: this is the file of %s, which would be overwritten; give another one",
                          option, path, what)
                : 0;
}

static int check_directory(const char *option, const char *path, const char *directory, struct err *e)
{
    struct stat st;

    if (stat(directory, &st) == 0 && !S_ISDIR(st.st_mode))
        errno = ENOTDIR;
    else if (access(directory, W_OK | X_OK) == 0)
        return 0;
    return err_set(e, EXIT_USAGE, "%s %.200s: %s; name a directory in which files can be made", option, path,
                   strerror(errno));
}

/* Of a path that is to be made, the one in which that will be. */
static int check_parent(const char *option, const char *path, struct err *e)
{
    char *copy = strdup(path);
    int rc = copy ? check_directory(option, path, dirname(copy), e)
                  : err_set(e, EXIT_OTHER, "%s: no memory for the name of a file", option);

    free(copy);
    return rc;
}

/* A report goes into whatever is there and takes text (a terminal, a pipe), a dump needs a regular file. */
static int check_panic_file(const struct panic_file *file, struct err *e)
{
    const char *path = file->path, *slash = strrchr(path, '/');
    struct stat st;
    bool is_there = stat(path, &st) == 0;

    if ((slash && !slash[1]) || (is_there && S_ISDIR(st.st_mode)))
        return err_set(e, EXIT_USAGE, "--on-panic %.200s: this is a directory; name a file in it", path);
    if (!is_there || S_ISREG(st.st_mode))
        return check_parent("--on-panic", path, e);
    if (file->kind == PANIC_DUMP)
        return err_set(e, EXIT_USAGE, "--on-panic %.200s: a dump needs a regular file; name another one",
                       path);
    if (access(path, W_OK))
        return err_set(e, EXIT_USAGE, "--on-panic %.200s: %s; name another file", path, strerror(errno));
    return 0;
}

static int check_panic_files(const struct options *o, struct err *e)
{
    for (unsigned i = 0; i < o->policy.npanic_files; i++) {
        const struct panic_file *file = &o->policy.panic_files[i];

        if (check(o, "--on-panic", file->path, e) || check_panic_file(file, e))
            return -1;
    }
    return 0;
}

int options_check_files(const struct options *o, struct err *e)
{
    if (o->dump_dir && check_directory("--dump-dir", o->dump_dir, o->dump_dir, e))
        return -1;
    if (o->memory_file && check(o, "--memory-file", o->memory_file, e))
        return -1;
    if (o->trace && check(o, "--trace", o->trace, e))
        return -1;
    for (unsigned i = 0; i < o->nconsoles; i++)
        if ((o->consoles[i].kind == CONSOLE_FILE || o->consoles[i].kind == CONSOLE_LOG) &&
            check(o, "--console", o->consoles[i].path, e))
            return -1;
    return check_panic_files(o, e);
}
