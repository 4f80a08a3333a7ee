/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debugger's side of the daemon, without sockets: a target (one guest, its life cycle with and without a
 * debugger, the breakpoint registry, what is done when the guest ends) and sessions (one conversation each:
 * bytes of a connection in, bytes of replies out). At most one session is attached to the target; the first
 * valid packet attaches it, so that a port probe changes nothing. Everything here is called on the loop's
 * thread and never blocks.
 *
 * What a debugger reads as the signal of a stop (gdb's numbers):
 *   05 SIGTRAP  step, breakpoint, watchpoint, the guest's first instruction, where a CPU stood in a dump
 *   02 SIGINT   interrupted by the debugger, or stopped because a debugger attached
 *   06 SIGABRT  disabled wait: a panic
 *   0f SIGTERM  shutdown (power-off)
 *   01 SIGHUP   the guest asked for a reset
 *   0b SIGSEGV  program-interruption loop
 *   04 SIGILL   the engine cannot run the guest
 *   00 none     no CPU that was to move can run, but others could: gdb says that the thread stopped
 * Before the last six a line with the stop's text and the decoded PSW goes to gdb's console. */
#ifndef ZGDBD_SESSION_H
#define ZGDBD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/err.h"
#include "zgdbd/machine.h"

/* ---- what the user said is to be done ---- */

enum guest_action {
    ACTION_DEFAULT, /* not given: stop with a debugger; without one a panic or shutdown exits, a reset
                       restarts */
    ACTION_STOP,
    ACTION_RESTART,
    ACTION_EXIT,
};

enum disconnect_action {
    DISCONNECT_RUN,
    DISCONNECT_STOP,
    DISCONNECT_EXIT,
};

/* What is to be written when the guest has come to such an end, before the action; also when KVM cannot run
 * it. */
enum panic_file_kind {
    PANIC_REPORT, /* the report (report.h) */
    PANIC_DUMP,   /* a dump (dump.h) */
};

struct panic_file {
    enum panic_file_kind kind;
    const char *path; /* the caller's */
};

#define PANIC_FILES_MAX 8

/* A place in the life of a Linux guest at which it is to be stopped. */
enum stop_place {
    STOP_AT_NONE,
    STOP_AT_PLACED,  /* the loader has chosen the kernel's place, and is about to start it */
    STOP_AT_SYMBOLS, /* the kernel's symbols can be read */
};

struct policy {
    enum guest_action on_panic; /* disabled wait and program-interruption loop: exits with EXIT_PANIC */
    unsigned npanic_files;
    struct panic_file panic_files[PANIC_FILES_MAX];
    bool log_is_debuggers; /* the debugger's user sees the log, too (--stdio): nothing is told twice */
    enum guest_action on_reset;
    enum guest_action on_shutdown;
    enum stop_place stop_at;              /* with a debugger or without one, which it then waits for */
    enum disconnect_action on_disconnect; /* a connection lost without D or k; exit: EXIT_SHUTDOWN */
};

/* ---- the file that gdb reads as the program ---- */

struct exec_file;

/* The file of --symbols if there is one, else the image if it is an ELF file for s390x (one that is
 * compressed with gzip is unpacked, to no more than the bytes of guest memory + GUNZIP_BEYOND_MEMORY), else a
 * minimal ELF header made up in memory, from which gdb learns architecture and byte order. image may be NULL
 * (a dump has none). If the guest relocates (the loader may put the kernel elsewhere than it is linked to)
 * and the file of --symbols is a Linux kernel, that is not the program but a library, since gdb can be told
 * later where one is. NULL with *e if a file cannot be opened or unpacked. */
struct exec_file *exec_file_open(const char *image, const char *symbols, bool relocates, uint64_t memory,
                                 struct err *e);
void exec_file_close(struct exec_file *f);

/* The library, or NULL. */
const struct exec_file *exec_file_library(const struct exec_file *f);
bool exec_file_is_synthetic(const struct exec_file *f);

/* Of its segments as linked: where the first one begins, and the end of the highest. -1 if there are none. */
int exec_file_extent(const struct exec_file *f, uint64_t *start, uint64_t *end);

/* The address of section .dynamic as linked, 0 if there is none: gdb compares it with what it is told. */
uint64_t exec_file_dynamic(const struct exec_file *f);

/* Absolute path under which the debugger may open it. */
const char *exec_file_path(const struct exec_file *f);
uint64_t exec_file_size(const struct exec_file *f);

/* Like pread(2): bytes read, 0 at the end, -1 with errno. */
long exec_file_pread(const struct exec_file *f, void *buf, size_t len, uint64_t offset);

/* ---- target ---- */

struct target;

struct target_config {
    struct machine *machine;      /* stopped at its first instruction; remains the caller's */
    const struct exec_file *exec; /* remains the caller's */
    struct policy policy;
    const char *dump_dir;         /* where a client's dumps go: NULL is the current directory */
    bool shows_tasks;             /* of the guest, as threads beside its CPUs */
    struct machine_events events; /* wake: target_collect() is to be called; may be NULL */
};

struct target *target_create(const struct target_config *config, struct err *e);

/* After the machine's end, which may still be running by a plan of the target's. */
void target_destroy(struct target *t);

/* Lets the guest run without a debugger (--run). */
void target_start(struct target *t);

/* After the machine's wake: collects stops and does what follows from them. Replies are in the attached
 * session then. */
void target_collect(struct target *t);

/* Something was put into the console's input: the guest is told, if it listens; else the input waits. */
void target_console_input(struct target *t);

/* True once the daemon is to end, after what sessions still have to send is sent. */
bool target_exited(const struct target *t, int *status);

/* Switches the exit trace: machine_trace(). While it is on, the last exits are told behind a crash. */
int target_trace(struct target *t, bool on, struct err *e);

/* Asks the guest to shut down in order. -1 with *e, which says why not, if it cannot. It may be running or
 * not; a stopped one hears of it when it is resumed. */
int target_powerdown(struct target *t, struct err *e);

/* True while something is written that takes long (a dump of --on-panic): call target_work() as often as
 * there is nothing else to do. It does a few milliseconds' worth. */
bool target_working(const struct target *t);
void target_work(struct target *t);

/* Ends it with this status: nothing that happens later resumes the guest. */
void target_quit(struct target *t, int status);

/* ---- session ---- */

struct session;

/* NULL if there is no memory for it. */
struct session *session_create(struct target *t);

/* The connection is gone: if the session was attached, --on-disconnect decides. */
void session_destroy(struct session *s);

/* Takes bytes of the connection and returns how many were used. Stops early when there is something to send
 * (send it, then call again with the rest) or while a request waits for the guest to stop (session_waiting).
 */
size_t session_input(struct session *s, const void *data, size_t n);
bool session_waiting(const struct session *s);

/* True while the session works on a request whose answer takes long (a search through memory): call
 * session_work() as often as there is nothing else to do. It does a few milliseconds' worth, and puts the
 * reply into the output when it is done. Meanwhile session_input() takes acknowledgements and an interrupt
 * character, which ends the work with an error, and leaves everything else. */
bool session_working(const struct session *s);
void session_work(struct session *s);

/* Bytes to send, and how many of them were sent. */
const char *session_output(const struct session *s, size_t *len);
void session_sent(struct session *s, size_t n);

/* True once the connection is to be closed behind the last output (k, a refused second debugger). */
bool session_closing(const struct session *s);

/* True while this session is the target's debugger. */
bool session_attached(const struct session *s);

#endif
