/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share: the two structures and who may call what. target.c owns struct target's
 * life cycle, registry.c its registry, session.c the framing and dispatch of struct session. */
#ifndef ZGDBD_SESSION_INTERNAL_H
#define ZGDBD_SESSION_INTERNAL_H

#include <stdio.h>
#include <time.h>

#include "zgdbd/console.h"
#include "zgdbd/dump.h"
#include "zgdbd/linux.h"
#include "zgdbd/proto.h"
#include "zgdbd/regs.h"
#include "zgdbd/session.h"

/* errno numbers of the protocol in hexadecimal replies. */
enum {
    RSP_ENOENT = 2,
    RSP_ESRCH = 3,
    RSP_EINTR = 4,
    RSP_EIO = 5,
    RSP_EBADF = 9,
    RSP_EFAULT = 14,
    RSP_EBUSY = 16,
    RSP_EINVAL = 22,
    RSP_EMFILE = 24,
    RSP_ENOSPC = 28,
    RSP_EROFS = 30,
    RSP_EMSGSIZE = 90,
};

#define TARGET_PID 1
#define FILES_MAX 8 /* that a debugger may have open */
#define BREAKPOINTS_MAX 1024u

/* Thread ids: CPU n has n + 1, a task of the guest this and its pid. */
#define TASK_TID 1000

enum target_state {
    DETACHED_STOPPED,
    DETACHED_RUNNING,
    DETACHED_HALTING, /* interrupted, the stop has not come; intent says what then */
    ATTACHED_STOPPED,
    ATTACHED_RUNNING, /* resumed by the debugger, which waits for a stop reply */
    ATTACHED_HALTING, /* interrupted on behalf of the debugger, whose requests wait */
    NONSTOP_STOPPED,  /* no CPU runs now; those that run for the debugger do when nothing more is asked */
    NONSTOP_RUNNING,
    NONSTOP_HALTING,  /* interrupted: requests wait, or an interrupt of the debugger's */
    DETACHED_WRITING, /* the guest has come to its end, of which a dump is written; writing.then is to come */
    ATTACHED_WRITING, /* the same; the debugger's requests wait, as may a stop reply */
    NONSTOP_WRITING,
    ENDED, /* exit_status is set */
    TARGET_STATES,
};

/* What is to be done at the stop that a HALTING state waits for. */
enum target_intent {
    INTENT_HOLD,
    INTENT_RUN,
    INTENT_RESET,
};

struct target;
struct dump; /* dump.h */

/* What --on-panic wants written at an end: panic_file.c */
struct writing {
    unsigned next;     /* of the policy's files */
    struct dump *dump; /* that is being written, or NULL */
    int64_t told;      /* when how far it is was told last, ns of the monotonic clock, */
    int64_t sign;      /* and the debugger got a sign of life */
    enum target_state (*then)(struct target *t, struct err *e); /* what follows when all are */
    bool restarts; /* the end is told to a debugger, for whom the guest restarts */
};

/* Ends that restarted the guest with nobody attached, as the log tells them. */
struct restarts {
    time_t told;     /* the second in which one was, of the monotonic clock */
    unsigned untold; /* how many were not since then */
};

/* A CPU as the debugger is to see it. */
enum cpu_side {
    SIDE_HELD,   /* it stands, and the debugger knows */
    SIDE_UNTOLD, /* it stands, and is in the queue of those to be told: to the debugger it runs */
    SIDE_RUNS,   /* whenever the machine does */
};

struct cpu_view {
    enum cpu_side side;
    struct cpu_action action; /* SIDE_RUNS: what was asked for, and is not done */
    bool has_stop;            /* stop tells why it stands; else because the others do, or since the start */
    bool quiet;               /* the debugger wanted just that: no signal */
    uint64_t pc;              /* at the stop */
    struct stop stop;
};

/* What breakpoints print with nobody to take it as console text, on its way into the log: printed.c */
struct printed_log {
    char line[256];
    size_t len;
    time_t second; /* of the monotonic clock, in which this many lines were written: */
    unsigned lines;
    unsigned long long untold; /* lines that were not */
};

/* Of a Linux guest: how far it is, and what is watched to learn of more. symbols.c */
#define KERNEL_POINTS 3u

struct symbols {
    enum linux_state state; /* as told in the log */
    uint64_t word;          /* the value at absolute 0xe0c that was looked at last, */
    unsigned again;         /* and so many times more it is to be looked whether it now leads somewhere */
    bool awaited;           /* the guest was loaded from a kernel image: */
    bool image_seen;        /* that was looked at */
    bool stopped_at;        /* --stop-at is done */
    bool no_panic_stop;     /* `monitor panic-stop off` */
    bool points_known;      /* of this kernel: */
    uint64_t panic, module_loaded, module_freed; /* 0: it has no such function */
};

struct target {
    struct machine *machine;
    const struct exec_file *exec;
    struct policy policy;
    enum target_state state;
    enum target_intent intent;
    struct session *session; /* the attached one, or NULL */
    bool non_stop;           /* while attached */
    bool break_in;           /* non-stop: the next halt is an interrupt of the debugger's, too */
    bool stalled; /* non-stop: of those that run for the debugger none can; until it asks for more */
    struct cpu_view cpus[MACHINE_MAX_CPUS];
    unsigned queue[MACHINE_MAX_CPUS]; /* CPUs that are SIDE_UNTOLD, in the order of their stops */
    unsigned queued;
    bool in_flight;           /* the first of them was sent, and is not acknowledged: non-stop */
    bool told_alone;          /* it was the answer to ?, and the others are for notifications, */
    bool news_wait;           /* behind the next request */
    const struct stop *batch; /* while stops are collected: all of them */
    size_t nbatch;
    struct stop stop;   /* the last one; valid if has_stop */
    bool has_stop;      /* false at the first instruction */
    bool dead;          /* the last stop was an end and nothing was changed since: running on is pointless */
    bool interrupted;   /* by the debugger since it last resumed: an end must not restart the guest */
    bool interrupt_due; /* an interrupt that crossed a stop: the next resume's */
    bool news_told;     /* since it last resumed, in place of a stop: it resumes by itself */
    bool traces;        /* the exit trace is on */
    bool killed;        /* by the debugger: a lost connection must not start the guest again */
    int exit_status;
    uint64_t ran;    /* how long the guest has run since it was loaded, in ns, up to the last stop */
    int64_t resumed; /* when it was resumed last, ns of the monotonic clock */
    struct writing writing;
    struct restarts restarts[2]; /* ends that say something is wrong are told apart from the others */
    struct resume_plan plan;     /* breakpoints points at the registry's snapshot */
    struct registry *registry;
    const char *dump_dir;
    struct linux_guest *linux_guest; /* what the guest's memory tells, if it is Linux */
    bool shows_tasks;                /* as threads */
    struct err no_tasks;             /* why there were none when they were last asked for, or "" */
    struct libraries *libraries;     /* what gdb is told of the guest's memory as files */
    struct symbols symbols;
    struct console_ring printed; /* by commands of breakpoints */
    uint64_t printed_lost;       /* bytes */
    struct printed_log printed_log;
    struct machine_per per_told; /* the last range of which the debugger heard that it costs much */
    char *xml;
    size_t xml_len;
    uint8_t scratch[2 * RSP_PACKET_MAX]; /* memory that the attached session's work looks at */
};

enum session_phase {
    SESSION_NEW, /* no valid packet yet */
    SESSION_ATTACHED,
    SESSION_DETACHED, /* after D; vAttach and vRun attach again */
    SESSION_CLOSING,
};

/* A request whose answer takes long: work.c */
struct work {
    /* Does a part of it; true once it has put the reply out. NULL: there is no work. */
    bool (*step)(struct session *s);
    void (*abandon)(struct session *s); /* what is to be done if it ends before that; or NULL */
    struct dump *dump;
    uint64_t addr; /* what is looked at next */
    uint64_t left; /* bytes from there on */
    int64_t sign;  /* when the last sign of life was given, ns of the monotonic clock */
    uint32_t crc;
    const uint8_t *pattern; /* in in_buf */
    size_t pattern_len;
    size_t kept; /* bytes of scratch that are in front of addr, and may begin the pattern */
};

/* Text of a `monitor` command for which the reply had no room: monitor.c */
struct rest {
    char *text; /* from malloc, or NULL */
    size_t len, cap;
    size_t done; /* has gone out */
};

struct session {
    struct target *target;
    enum session_phase phase;
    struct rsp_parser parser;
    struct rsp_out out;
    char *in_buf;
    char *out_buf;
    size_t sent; /* bytes of out */
    size_t last; /* where the last reply is in out, for '-'; last_len 0: it is not there */
    size_t last_len;
    bool pending;                  /* the parsed request waits for the guest to stop */
    enum rsp_verdict verdict;      /* of request */
    unsigned features;             /* announced by the debugger: enum rsp_feature */
    bool extended;                 /* `!`: the conversation goes on after a kill */
    bool phys_mode;                /* of Qqemu.PhyMemMode: goes before space */
    enum mem_space space;          /* of `monitor space` */
    bool non_stop;                 /* of QNonStop: outlives D */
    unsigned long long lost_lines; /* of console text, since the debugger last read */
    unsigned cpu;                  /* of Hg, and of the last stop */
    int64_t task_tid;              /* of Hg, if it named a task; else 0 */
    unsigned monitor_cpu;          /* the one that the debugger's user has selected */
    int64_t monitor_task;          /* the same, of a task; else 0 */
    bool browses;                  /* the debugger looks at all threads: Hg selects nothing for its user */
    int64_t resume_tid;            /* of Hc: a tid, RSP_ALL or RSP_ANY */
    struct served_file *files[FILES_MAX]; /* vFile descriptors that are open */
    bool reads_libraries;                 /* it has asked for the list, */
    uint64_t libraries_told;              /* and knows it as it was then */
    char *libraries;                      /* the list that is being read (qXfer), from malloc, or NULL */
    size_t libraries_len;
    char *threads; /* the list that is being read (qXfer), from malloc, or NULL */
    size_t threads_len;
    size_t next_thread; /* of qsThreadInfo */
    struct work work;
    struct rest rest;
    struct rsp_request request; /* points into in_buf */
};

/* target.c. Those with *e return -1 and say why nothing was done. */
int target_attach(struct target *t, struct session *s, struct err *e);
void target_detach(struct target *t);
void target_lost(struct target *t);
int target_kill(struct target *t, struct err *e);
int target_resume(struct target *t, const struct cpu_action action[MACHINE_MAX_CPUS], struct err *e);
void target_interrupt(struct target *t);
int target_reset(struct target *t, enum machine_reset_kind kind, const char *append,
                 struct err *e); /* stopped, attached */
/* What brings a CPU into another state: restart, start, stop. */
int target_signal(struct target *t, unsigned cpu, enum machine_signal signal, struct err *e);
int target_write_reg(struct target *t, unsigned cpu, unsigned reg, const uint8_t *bytes);
void target_pause(struct target *t); /* if it runs in non-stop: it will stand, and until target_idle() */
void target_idle(struct target *t);  /* no request is there any more */
bool target_stands(const struct target *t); /* attached, and no CPU runs */
bool target_halting(const struct target *t);
void target_set_non_stop(struct target *t, bool on); /* on: stands or runs; off: stands */
bool target_has_reg(const struct target *t, unsigned reg);

/* nonstop.c: of a machine that stands. target_tell_all() puts every CPU that is held into the queue anew, and
 * says whether there is one; target_next_told() takes off the one that was told, and gives the next or -1. */
void target_halt_cpu(struct target *t, unsigned cpu);
bool target_tell_all(struct target *t);
int target_next_told(struct target *t);

struct psw cpu_psw(const struct target *t, unsigned cpu); /* stops.c; of a machine that stands */

int64_t target_clock(void); /* ends.c: ns of the monotonic clock */

/* symbols.c */
void symbols_reset(struct target *t); /* it is another guest now */
void symbols_plan(struct target *t);  /* adds to the plan what the target itself wants to hear of */
/* Of n stops takes those out that are news for the target alone; returns how many are left. */
size_t symbols_take(struct target *t, struct stop *batch, size_t n);
void symbols_look(struct target *t);                       /* at a machine that stands */
bool symbols_relocation(struct target *t, uint64_t *text); /* where the kernel's text is, if not as linked */

/* printed.c: hands on what breakpoints have printed. */
void printed_collect(struct target *t);

/* Conditions and commands of a breakpoint, as bytecode. */
struct point_code {
    size_t nconditions;
    const struct rsp_expr *conditions;
    size_t ncommands;
    const struct rsp_expr *commands;
    bool persist; /* with commands: it stays in force when the debugger goes */
};

/* registry.c: idempotent insert and remove, both only while no CPU runs. Inserting what is there with other
 * code gives it that code; with *e nothing has changed. */
struct registry *registry_create(void);
void registry_destroy(struct target *t);
int registry_insert(struct target *t, unsigned cpu, const struct breakpoint *b, const struct point_code *code,
                    struct err *e);
void registry_remove(struct target *t, const struct breakpoint *b);
/* Puts the set as it is now into t->plan, where it stays unchanged until the next call. */
void registry_snapshot(struct target *t);
/* One more in the plan, at the target's wish; of the last resume alone. */
void registry_add_own(struct target *t, uint64_t addr);
/* The debugger has gone: of what it had only persistent commands stay. */
void registry_leave(struct target *t);
void registry_clear(struct target *t);
/* At each stop: a breakpoint that was left behind stops only because its command fails. Nobody might ever
 * take it out, so that is done here. */
void registry_stopped(struct target *t, const struct stop *stop);
bool registry_has(const struct target *t, enum bp_kind kind, uint64_t addr);
bool registry_has_code(const struct target *t, uint64_t start,
                       uint64_t end); /* a breakpoint, from start on */

/* catch.c: a stop is told; a catchpoint that is to stop once is no more. */
void catch_told(struct target *t, const struct stop *stop);
bool catch_is_there(const struct target *t, unsigned number);

/* stopreply.c */
bool stop_is_end(enum stop_reason reason);
bool stop_speaks(const struct stop *stop);
/* Those that say that something is wrong with the guest: they are reported (panic.c). */
bool stop_is_crash(enum stop_reason reason);
/* Is an interrupt that crosses this stop on its way still to be done, at the next resume? */
bool stop_leaves_interrupt(enum stop_reason reason);
/* An interrupt was under way when this stop came: a step becomes interrupted. Otherwise as above. */
bool stop_takes_interrupt(struct stop *stop);
void stop_reply(struct session *s); /* for the last stop, whose CPU is selected by it */
void stop_reply_of(struct session *s, unsigned cpu);
void stop_reply_libraries(struct session *s, unsigned cpu); /* the list is another one */
void stop_notify(struct session *s, unsigned cpu);
#define STOP_LINE_BYTES 704 /* every line fits */
void stop_line(const struct stop *stop, char *buf, size_t size);

/* session.c: what the target tells its debugger, and how handlers refuse. */
void session_stopped(struct session *s);
void session_libraries(struct session *s, unsigned cpu); /* in place of a stop */
void session_announce(struct session *s, unsigned cpu);  /* non-stop: that it stopped */
bool session_busy(const struct session *s);              /* a request waits or is worked on */
void session_alive(struct session *s);                   /* a sign of life, while its request waits */
void session_exited(struct session *s, int status);
/* Whether O packets for that many bytes have their place in the output now. While CPUs run, not if the
 * debugger is behind with reading; before a stop reply, as long as that has its room, too. */
bool session_takes_text(const struct session *s, size_t bytes, bool before_stop);
void session_output_bytes(struct session *s, const uint8_t *text, size_t n); /* as session_output_text() */
void session_printed(struct session *s, const uint8_t *text, size_t n);      /* in an O packet */
void session_console(struct session *s, const char *text, bool before_stop);
void session_output_text(struct session *s, const char *text);            /* part of an answer to qRcmd */
void session_refuse(struct session *s, uint8_t number, const char *text); /* E.text if announced, else Enn */
bool session_multiprocess(const struct session *s);
void session_select(struct session *s, unsigned cpu); /* for packets and `monitor` commands */

/* threads.c */
void session_thread(struct session *s, unsigned cpu); /* appends a thread-id */
/* The CPU of a thread-id; "any" and "all" give the selected one. -1 if there is none such. */
int session_cpu(const struct session *s, struct rsp_thread_id id);
/* The task that Hg selected: NULL if it was a CPU, or the task is not there any more. */
const struct linux_task *session_task(const struct session *s);
/* The same of the debugger's user, for `monitor` commands. */
const struct linux_task *session_monitor_task(const struct session *s);
/* A register of the selected CPU or task: machine_read_reg(). */
int session_read_reg(const struct session *s, unsigned reg, uint8_t *bytes);
#define TASK_STAYS                                                                                           \
    "no CPU runs this task, and none can be told to: select a CPU's thread (thread 1) to step, and "         \
    "continue "                                                                                              \
    "without scheduler-locking"

static inline bool is_task(int64_t tid)
{
    return tid >= TASK_TID;
}

/* The address space of memory requests. A task's is the kernel's. */
static inline enum mem_space session_space(const struct session *s)
{
    enum mem_space space = s->phys_mode ? SPACE_ABSOLUTE : s->space;
    return s->task_tid && space == SPACE_DEFAULT ? SPACE_HOME : space;
}

/* xml.c: text as XML has it, in an attribute in double quotes too. */
void xml_put(FILE *f, const char *text);

/* threads.c: a state in words. */
const char *task_state_name(char letter);                            /* of linux_task_letter() */
void threads_read(struct session *s, uint64_t offset, uint64_t len); /* qXfer:threads:read */

/* Handlers, one file for each area. */
typedef void command_fn(struct session *s, const struct rsp_request *r);
command_fn cmd_read_regs, cmd_write_regs, cmd_read_reg, cmd_write_reg, cmd_read_mem, cmd_read_mem_binary,
    cmd_write_mem, cmd_query_phys_mode, cmd_set_phys_mode; /* data.c */
/* work.c. work_begin() does the first slice at once. work_sign_of_life() gives one, and returns true, if it
 * is time for it. */
#define WORK_SLICE_NS 3000000
void work_begin(struct session *s, const struct work *work);
bool work_sign_of_life(struct session *s, int64_t now);
command_fn cmd_search_mem, cmd_crc_mem;
command_fn cmd_insert_point, cmd_remove_point; /* points.c */
command_fn cmd_stop_reason, cmd_continue, cmd_step, cmd_vcont_query, cmd_vcont, cmd_detach, cmd_kill,
    cmd_kill_pid, cmd_restart, cmd_run_program, cmd_attach, cmd_non_stop, cmd_next_stopped,
    cmd_ctrl_c;                                                               /* run.c */
command_fn cmd_supported, cmd_no_ack, cmd_extended, cmd_attached, cmd_accept; /* query.c */
command_fn cmd_set_thread_general, cmd_set_thread_resume, cmd_thread_alive, cmd_current_thread,
    cmd_threads_first, cmd_threads_next, cmd_thread_extra; /* threads.c */
command_fn cmd_xfer_read, cmd_file_open, cmd_file_pread, cmd_file_close, cmd_file_fstat, cmd_file_setfs,
    cmd_file_readlink, cmd_file_stat, cmd_file_change, cmd_offsets; /* files.c */
command_fn cmd_monitor;                                             /* monitor.c */

void files_close(struct session *s); /* files.c: all that are open */

#endif
