/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How an error travels: a function returns -1 (or NULL) and fills the caller's struct err with the exit
 * status that the daemon would end with and one sentence that says what was tried, on what, and what to do
 * next. Only the edges (main, the session) print it or send it to the debugger. */
#ifndef ZGDBD_ERR_H
#define ZGDBD_ERR_H

/* Exit statuses of zgdbd; 64, 65 and 69 are EX_USAGE, EX_DATAERR and EX_UNAVAILABLE of <sysexits.h>. */
enum exit_status {
    EXIT_SHUTDOWN = 0,
    EXIT_OTHER = 1,
    EXIT_PANIC = 3,
    EXIT_USAGE = 64,
    EXIT_IMAGE = 65,
    EXIT_NO_KVM = 69,
};

struct err {
    enum exit_status status;
    char text[320];
};

/* Fills *e (which may be NULL) and returns -1, so that a caller can `return err_set(...)`. No trailing
 * newline in the text. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, enum exit_status status, const char *fmt,
                                                  ...);

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time and would follow the path on which an error is reported but not
 * returned. */
#define err_set(...)                                                                                         \
    (__extension__({                                                                                         \
        (err_set)(__VA_ARGS__);                                                                              \
        -1;                                                                                                  \
    }))
#endif

#endif
