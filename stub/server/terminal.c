/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modes of a terminal at which the guest's console is typed. It is touched only while this process is in
 * its foreground: to do so from the background would take it from the shell or the program that is. */
#include <unistd.h>

#include "internal.h"

void terminal_init(struct terminal *t, int fd)
{
    *t = (struct terminal){.fd = isatty(fd) ? fd : -1};
}

/* A terminal that is not the controlling one knows no foreground, nor does one that was hung up: it is ours
 * alone. */
static bool in_foreground(int fd)
{
    pid_t group = tcgetpgrp(fd);
    return group < 0 || group == getpgrp();
}

bool terminal_enter(struct terminal *t)
{
    struct termios raw;
    if (t->fd < 0 || !in_foreground(t->fd))
        return false;
    if (!t->raw && tcgetattr(t->fd, &t->saved))
        return true; /* hung up: reading tells */
    t->raw = true;
    raw = t->saved;
    cfmakeraw(&raw);
    /* The daemon's own messages may go to the same terminal, and end in a bare newline. */
    raw.c_oflag = t->saved.c_oflag;
    tcsetattr(t->fd, TCSANOW, &raw);
    return true;
}

void terminal_leave(struct terminal *t)
{
    if (t->fd >= 0 && t->raw && in_foreground(t->fd))
        tcsetattr(t->fd, TCSANOW, &t->saved);
    t->raw = false;
}

void terminal_transparent(int fd)
{
    struct termios raw;
    if (tcgetattr(fd, &raw))
        return;
    cfmakeraw(&raw);
    tcsetattr(fd, TCSANOW, &raw);
}
