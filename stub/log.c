/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's log on standard error. A message is put together on the caller's stack and written with one
 * write(2), so that lines of several threads do not mix; nothing is locked or allocated. */
#include "zgdbd/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

static enum log_level max_level = LOG_WARNING;

void log_set_level(enum log_level level)
{
    max_level = level;
}

bool log_enabled(enum log_level level)
{
    return level <= max_level;
}

int log_level_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
        if (!strcmp(name, level_names[i]))
            return (int)i;
    return -1;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
    int saved_errno = errno;
    char line[1024];
    va_list ap;
    int head;
    int body;
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    size_t len;
    ssize_t n;

    if (!log_enabled(level))
        return;
    /* The last byte of the buffer is kept for the newline, which replaces the terminator. */
    head = snprintf(line, sizeof line, "zgdbd: %s: ", level_names[level]);
    errno = saved_errno; /* for %m */
    va_start(ap, fmt);
    body = vsnprintf(line + head, sizeof line - (size_t)head, fmt, ap);
    va_end(ap);
    len = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (len > sizeof line - 1)
        len = sizeof line - 1;
    /* One event is one line, and what a client or a file supplied must not reach a terminal as a control
     * code. */
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
    /* A standard error that nobody reads must not hold up the daemon: what it does not take at once is lost.
     */
    if (poll(&ready, 1, 0) != 0)
        do {
            n = write(STDERR_FILENO, line, len);
        } while (n < 0 && errno == EINTR);
    errno = saved_errno;
}

#define BLOCK_WAIT_MS 500
#define BLOCK_WAIT_STEP_MS 10

/* How many bytes a pipe takes at once when it says that it takes any, cut behind a line if there is one. */
static size_t piece_of(const char *text, size_t len)
{
    size_t n = len < PIPE_BUF ? len : PIPE_BUF;
    const char *end = memrchr(text, '\n', n);

    return end ? (size_t)(end + 1 - text) : n;
}

/* 1: it takes some, 0: not yet, -1: never. */
static int takes_some(void)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    int n = poll(&ready, 1, BLOCK_WAIT_STEP_MS);

    if (n > 0)
        return ready.revents & POLLOUT ? 1 : -1;
    return n == 0 || errno == EINTR ? 0 : -1;
}

void log_block(enum log_level level, const char *text)
{
    int saved_errno = errno;
    size_t left = log_enabled(level) ? strlen(text) : 0;
    int waits = BLOCK_WAIT_MS / BLOCK_WAIT_STEP_MS;

    while (left) {
        int takes = takes_some();
        ssize_t n = takes > 0 ? write(STDERR_FILENO, text, piece_of(text, left)) : 0;

        if (takes < 0 || (takes == 0 && --waits < 0) || (n < 0 && errno != EINTR && errno != EAGAIN))
            break;
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    errno = saved_errno;
}
