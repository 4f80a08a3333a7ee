/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the KVM engine share. A vcpu's thread owns everything in its struct vcpu (kvm_run
 * included) while it runs, and may read what is the machine's; one that has the machine exclusively (gate.c)
 * may change that, and the other vcpus, too. The loop's thread owns all of it while all are parked. The
 * hand-over is the machine's lock. */
#ifndef ZGDBD_KVM_INTERNAL_H
#define ZGDBD_KVM_INTERNAL_H

#include <linux/kvm.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "zgdbd/interruption.h"
#include "zgdbd/kvm.h"
#include "zgdbd/regs.h"
#include "zgdbd/trace.h"

#define KVM_CPUS_MAX MACHINE_MAX_CPUS

#define NANOSECONDS 1000000000ULL

#define LOWCORE_BYTES 8192

/* KVM accepts this many hardware breakpoints and watchpoints together, of at most so many bytes each
 * (Linux arch/s390/kvm/guestdbg.c: MAX_BP_COUNT, MAX_WP_SIZE). */
#define HW_ENTRIES_MAX 50
#define WATCH_BYTES_MAX 100

/* How a breakpoint of the plan is in force. */
enum bp_how {
    HOW_NONE,     /* a watchpoint whose address does not translate now */
    HOW_MEMORY,   /* an opcode in memory */
    HOW_HARDWARE, /* a PER entry */
};

struct applied {
    struct breakpoint bp;
    size_t origin; /* its place in the plan */
    bool bound;    /* belongs to one address space: that of asce */
    uint64_t asce;
    enum bp_how how;
    unsigned units;   /* PER entries that it takes */
    bool provisional; /* not where it should be for good: look again soon */
    uint64_t absolute;
    bool diag;        /* the opcode is DIAG 0x501, although 0x0000 could be had */
    unsigned oplen;   /* bytes of the opcode in memory */
    uint8_t saved[4]; /* what the opcode replaced */
    bool zero_around; /* nothing but zeros was around it */
};

struct opcode {
    uint64_t absolute;
    struct applied *of;
};

/* Sorted: code breakpoints by address, then watchpoints. */
struct applied_set {
    size_t n, ncode;
    struct applied *entry;
    unsigned nper; /* those that are held by PER */
    struct applied *per[HW_ENTRIES_MAX];
    bool provisional;       /* one of them is */
    unsigned serial;        /* changes with what PER is to hold: each CPU is told then */
    bool in_force;          /* opcodes are in memory, */
    size_t nopcodes;        /* of these entries, by absolute address */
    struct opcode *opcode;  /* room for n */
    size_t lifted, nlifted; /* of these, first and number that are out for one instruction */
};

/* One PER entry for a watchpoint or a part of it, with the bytes that it had when it was looked at last: as a
 * debugger sees them, and as they are in memory, opcodes and traps among them. */
struct watch {
    const struct breakpoint *bp;
    uint64_t absolute;
    uint64_t addr;
    size_t len;
    uint8_t old[WATCH_BYTES_MAX];
    uint8_t raw[WATCH_BYTES_MAX];
};

#define OPCODE_BYTES 2 /* of opcode 0x0000 */

/* DIAG 0x501, s390x's breakpoint for KVM guests: KVM hands it to user space on every kernel. */
#define TRAP_BYTES 4
extern const uint8_t opcode_diag_501[TRAP_BYTES];

/* Traps at the interruption handlers' first instructions while instructions are stepped. */
#define HANDLERS 5
#define NEW_PSW_BYTES 96 /* all of them in the lowcore */

struct handler_traps {
    unsigned n;
    uint64_t absolute[HANDLERS];
    uint8_t saved[HANDLERS][TRAP_BYTES];
    bool set[HANDLERS];
    /* By what they were found. */
    uint64_t prefix, crs[16];
    uint8_t new_psws[NEW_PSW_BYTES];
    /* Addresses where instructions are apart from all of them, and the bits of the PSW mask for which that
     * holds. */
    uint64_t quiet_start, quiet_size, quiet_mask;
    const uint8_t *quiet_page; /* in which they are */
};

/* The plan's catchpoints, and the opcodes at interruption handlers: catch.c. */
#define CATCH_HANDLERS_MAX (INTERRUPTION_CLASSES * KVM_CPUS_MAX)

struct catches {
    size_t n;
    const struct catchpoint *points; /* the plan's */
    unsigned classes;                /* of interruptions, as bits: those of which some are caught */
    bool incomplete;                 /* a handler does not translate now: look again */
    unsigned nhandlers;
    struct applied handler[CATCH_HANDLERS_MAX];
};

/* By what a handler was found, but for tables. */
struct handler_key {
    struct psw psw;
    uint64_t asce;
};

/* An exit that was caught: kvm_run's union holds only the last one. */
struct pending_exit {
    bool valid;
    uint8_t icptcode;
    uint16_t ipa;
    uint32_t ipb, reason;
    uint64_t reset_flags, psw_addr;
};

/* Where a vcpu's thread is, for those that want the machine for themselves: gate.c. */
enum gate_side {
    GATE_OUT, /* parked or waiting */
    GATE_SHARED,
    GATE_GUEST, /* in KVM_RUN, or about to enter it */
};

enum vcpu_phase {
    VCPU_PARKED,
    VCPU_RUNNING, /* asked to run or running */
    VCPU_ENDING,
};

/* A register's place in kvm_run: 4 or 8 bytes in host order, and the dirty bit that makes KVM take it. */
struct place {
    void *at; /* NULL: not there, or not a number in kvm_run */
    uint64_t dirty;
};

/* The CPU as it was in front of an instruction that was to be passed. */
struct interrupted {
    bool valid;
    struct psw psw;
    uint64_t gprs[16];
};

/* A stop order of SIGP that KVM holds for the CPU, and what is to follow. */
enum stopping {
    STOPPING_NOT,
    STOPPING,
    STOPPING_STORES, /* the status is stored then */
};

/* An instruction for which the PSW's interruption masks are off: masks.c. */
struct masks_off {
    uint64_t masks;     /* those that were on; 0: none is off */
    struct psw psw;     /* as it was */
    const uint8_t *old; /* PSWs in the lowcore, or NULL, and a copy of what they were */
    uint8_t old_psws[96];
    bool went_on; /* the last step did, to the next instruction, and that copy is still right */
    enum insn_masks kind;
    uint8_t operands; /* of EPSW: R1 and R2; of STNSM and STOSM: I2 */
    bool stores;      /* its operand translates: to stored_at */
    uint64_t stored_at;
};

struct vcpu {
    struct kvm_machine *m;
    unsigned id;
    int fd;
    struct kvm_run *run;
    size_t run_size;
    struct place place[REG_COUNT];
    pthread_t thread;
    sem_t go; /* posted when the phase is no longer VCPU_PARKED */
    bool thread_started;
    enum vcpu_phase phase; /* under the machine's lock */
    atomic_bool stop_requested;
    struct cpu_action action;
    bool stopped; /* the architecture's stopped state */
    enum stopping stopping;
    /* Under the machine's lock. */
    enum gate_side side;
    unsigned exclusive_depth; /* the thread's own */
    bool is_halted;           /* it waits for another CPU that starts it, */
    struct stop halted_by;    /* and this is why */
    struct stop stop;         /* of a thread that has parked, */
    bool ran;                 /* in the last resume */
    bool was_reset;           /* stopped or started, too, by another CPU: what it was about to do is moot */
    /* What breakpoints there are at the PC was found out, and the CPU has not moved since: one that stopped
     * it was reported, and none is to be counted again when it goes on. */
    bool at_reported;
    bool arrived; /* the same for the interruption that has led to the PC */
    /* KVM_RUN has returned for an opcode of ours, which the PSW has passed by so many bytes. */
    unsigned at_opcode;
    struct interrupted passing;
    struct interrupted interrupted; /* the one before which an interruption came: to be passed yet */
    atomic_ullong exits[EXIT_KINDS];
    unsigned range_steps; /* counted and not traced one by one: they belong to the next exit's record */
    /* What KVM_SET_GUEST_DEBUG was last told. */
    unsigned armed_serial; /* of the applied set */
    bool debug_stale;
    uint32_t debug_control;
    unsigned nhw;
    struct kvm_hw_breakpoint hw[HW_ENTRIES_MAX];
    unsigned nhw_code; /* of them, breakpoints */
    struct handler_traps traps;
    bool puts_off; /* interruptions from outside, whenever KVM is entered */
    struct masks_off masks_off;
    uint64_t caught_prefix; /* by which, and these, catch.c has found the handlers */
    struct handler_key handler_key[INTERRUPTION_CLASSES];
    unsigned settling;      /* looks for which they are watched on, since they have changed last */
    unsigned arrived_class; /* of the last interruption that was seen, and the lowcore as it was then */
    uint8_t arrived_lowcore[LC_INTERRUPTION_BYTES];
    struct pending_exit pending;
    bool word_watched; /* by PER, as KVM was last told */
    bool word_due;     /* some milliseconds of this resume have passed */
    unsigned looks;    /* at intervals, in this resume */
    timer_t timer;     /* kicks the thread while a breakpoint is provisional */
    bool timer_made;
    uint64_t timer_interval;  /* 0: it is off */
    unsigned watchdog_serial; /* for which the timer is set */
    bool watchdog_armed;
    timer_t watchdog_timer; /* kicks the thread when the watchdog's time is over */
    bool watchdog_timer_made;
    timer_t event_timer; /* kicks the thread to look whether a pending event can be told */
    bool event_timer_made;
    uint64_t event_look; /* when to look next, in nanoseconds */
};

/* What the guest's memory lies in. */
struct storage {
    void *mapping; /* with what is unused around it */
    size_t mapping_size;
    int fd;        /* of --memory-file, or -1 */
    bool reserved; /* the file system holds space for all of the file */
};

struct kvm_machine {
    struct machine base;
    const struct kvm_system *sys;
    struct trace_ring trace; /* here, where every exit comes by */
    atomic_bool tracing;
    struct kvm_config config;
    char *append; /* the command line of the next IPL; owned */
    int kvm_fd;
    int vm_fd;
    int flic_fd; /* the floating-interrupt controller, or -1 */
    struct guest_memory memory;
    struct storage storage;
    bool instr0;
    bool irq_state;
    bool clear_reset;
    bool edat2;
    bool multiple_epoch; /* facility 139: the TOD clock has an epoch index */
    bool suppresses; /* the host has enhanced suppression on protection: it may protect pages of its own */
    struct ipl_result ipl;
    struct sclp sclp;
    struct ipl_block ipl_block;
    struct watchdog watchdog; /* its time as it was at watchdog_since, or at the last stop */
    uint64_t watchdog_since;
    unsigned watchdog_serial;   /* changes when it is set */
    atomic_bool sccb_signalled; /* a service signal for an SCCB was injected, and is not known to be taken */
    atomic_bool event_waits;    /* until that one is taken */
    bool reset_pending;         /* the guest asked for it, or one failed; the next resume performs it */
    unsigned reset_subcode;
    unsigned reset_cpu;   /* that asked */
    bool step_interrupts; /* a step may end in the handler of an interruption from outside */
    struct applied_set applied;
    struct machine_per per; /* as the last resume found it: the loop's */
    struct catches catches;
    struct watched_word word;     /* the plan's */
    pthread_mutex_t service_lock; /* held for a service call: its busy state and its signal go together */
    pthread_mutex_t watch_lock;   /* what the watches have seen; the list changes only exclusively */
    unsigned nwatch;
    struct watch watch[HW_ENTRIES_MAX];
    struct console_ring *printed; /* the plan's */

    pthread_mutex_t lock; /* phases, and from here on */
    unsigned running;     /* vcpus that are not parked, */
    unsigned halted;      /* of these, those that wait to be started */
    pthread_cond_t gate;  /* of the monotonic clock */
    unsigned busy;        /* vcpus that are not GATE_OUT */
    struct vcpu *exclusive;
    uint64_t exclusive_since,
        turn_end;            /* of the monotonic clock: when it began, and what the others are due */
    unsigned first_to_go;    /* CPU that is let go first: behind the one that was told last */
    unsigned nstops, handed; /* news, in their order; all are there when none is running */
    struct stop stops[KVM_CPUS_MAX];
    bool tod_runs;      /* while no CPU does */
    uint64_t tod_since; /* when they stopped, by the raw clock */
    bool tod_known;     /* the clock stands at this: */
    struct kvm_s390_vm_tod_clock tod;
    struct vcpu cpu[KVM_CPUS_MAX];
};

static inline struct kvm_machine *to_kvm(struct machine *m)
{
    return (struct kvm_machine *)m;
}

/* reset.c */
int vm_set_stopped(struct vcpu *cpu, bool stopped);
int reset_cpu(struct vcpu *cpu, bool initial, struct err *e); /* it is stopped then */
int reset_power_on(struct kvm_machine *m, struct err *e);     /* all CPUs; CPU 0 is not stopped then */
int reset_load(struct kvm_machine *m, bool cleared, struct err *e);
void reset_start(struct kvm_machine *m); /* CPU 0 at the loaded image's PSW */
int reset_machine(struct machine *m, enum machine_reset_kind kind, const char *append, struct err *e);
int reset_perform(struct kvm_machine *m, struct err *e); /* the kind that reset_subcode says */

/* storage.c */
int storage_map(struct kvm_machine *m, struct err *e);
int storage_clear(struct kvm_machine *m, struct err *e);
void storage_unmap(struct kvm_machine *m);
uint64_t storage_look(struct machine *machine, uint64_t absolute, uint64_t len, const uint8_t **bytes);
void storage_tell(const struct kvm_machine *m); /* once: that the file was cut off under the guest */

/* vcpu.c */
int vcpu_start(struct vcpu *cpu, struct err *e);
void vcpu_end_all(struct kvm_machine *m);
void vcpu_enter_anew(struct vcpu *cpu);
void vcpu_timer(struct vcpu *cpu, uint64_t first, uint64_t interval); /* nanoseconds, below a second */
int vcpu_resume_all(struct machine *m, const struct resume_plan *plan, struct err *e);
void vcpu_interrupt_all(struct machine *m);
bool vcpu_next_stop(struct machine *m, struct stop *out);

/* gate.c. All but those with a vcpu of their own are for the vcpu's thread.
 * gate_enter() is called when the thread begins, and behind KVM_RUN; gate_to_guest() before it: false, it had
 * to wait, and everything is to be looked at again. gate_exclusive() may be nested; false: while it waited
 * another CPU has reset this one (was_reset), and it has not the machine. gate_turn() lets the others run for
 * that time. gate_halt(): this CPU cannot run on, for the reason in *stop; true: it was started and may, else
 * *stop is what its thread parks with. */
void gate_enter(struct vcpu *cpu);
void gate_end(struct vcpu *cpu); /* with the machine's lock held; from either side */
bool gate_to_guest(struct vcpu *cpu);
bool gate_exclusive(struct vcpu *cpu);
void gate_shared(struct vcpu *cpu); /* no longer exclusively */
bool gate_others_run(const struct vcpu *cpu);
bool gate_another_executes(const struct vcpu *cpu); /* and does not wait, as far as is known */
void gate_turn(struct vcpu *cpu, uint64_t nanoseconds);
bool gate_halt(struct vcpu *cpu, struct stop *stop);
void gate_start(struct vcpu *cpu); /* of another vcpu: it is no longer halted, or is to look whether it is */

/* run.c: from resume to the next stop, on the vcpu's thread */
enum entered {
    ENTERED_EXIT,  /* kvm_run tells why */
    ENTERED_KICK,  /* a signal, and nobody wants this CPU to stop */
    ENTERED_STOP,  /* somebody does */
    ENTERED_ERROR, /* *stop is filled */
};
void run_until_stop(struct vcpu *cpu, struct stop *stop);
bool run_is_halt(const struct stop *stop);
enum entered run_enter(struct vcpu *cpu, bool must, struct stop *stop);
int run_kvm(struct vcpu *cpu, const uint8_t *insn);
enum entered run_left(struct vcpu *cpu, int rc, struct stop *stop);
unsigned opcode_passed(const struct vcpu *cpu);
uint64_t rewound(const struct vcpu *cpu, unsigned bytes);

/* exits.c */
enum exit_outcome {
    OUTCOME_GO_ON, /* the instruction is completed, or the guest took an interruption */
    OUTCOME_STOP,  /* *stop says why */
};
enum exit_outcome exit_handle(struct vcpu *cpu, struct stop *stop);
enum exit_outcome exit_carry_out(struct vcpu *cpu, struct stop *stop); /* the same without catchpoints */
enum exit_outcome exit_program(struct vcpu *cpu, uint16_t code, unsigned ilc, struct stop *stop);
enum exit_outcome exit_cpu_stopped(struct vcpu *cpu, struct stop *stop);
uint64_t exit_rs_operand(const struct kvm_run *run);
enum exit_outcome exit_watchdog(struct vcpu *cpu, struct stop *stop);
enum exit_outcome stop_at(const struct vcpu *cpu, struct stop *stop, enum stop_reason reason,
                          const char *text);
uint16_t exit_reset_subcode(const struct kvm_run *run); /* of KVM_EXIT_S390_RESET */

/* trace.c */
enum exit_kind exit_kind(const struct kvm_run *run); /* which KVM_RUN has filled */
enum exit_kind exit_instruction_kind(uint16_t ipa);
void exit_count(struct vcpu *cpu, int rc);
void exit_count_steps(struct vcpu *cpu, unsigned steps);
size_t exit_counters(struct machine *m, struct machine_counter *out, size_t max);
int trace_switch(struct machine *m, bool on, struct err *e);
size_t trace_read(struct machine *m, uint64_t *next, struct exit_record *out, size_t max);

/* signals.c: what the monitor makes pending in KVM. From any thread. */
int signals_service(struct kvm_machine *m, uint32_t parameter);
void signals_answer(struct vcpu *cpu, uint32_t parameter); /* of a service call, on the vcpu's thread */
void signals_run(struct vcpu *cpu);
bool signals_service_busy(struct vcpu *cpu); /* on the vcpu's thread */
int signals_local(struct vcpu *cpu, uint32_t type);
int signals_check_reset(struct kvm_machine *m, struct err *e); /* -1 if one is due, which comes first */
int signals_send(struct machine *m, unsigned cpu, enum machine_signal signal, struct err *e);

/* sigp.c. Those with *e: of a CPU that stands, or by an order while all others hold still. */
enum exit_outcome sigp_exit(struct vcpu *cpu, struct stop *stop);
void sigp_stopped(struct vcpu *cpu); /* KVM has told so, on the vcpu's thread */
int sigp_start(struct vcpu *cpu, struct err *e);
int sigp_stop_now(struct vcpu *cpu, struct err *e);
int sigp_restart(struct vcpu *cpu, struct err *e);
void sigp_store_status(const struct vcpu *cpu); /* at absolute 0x1200 */

/* inject.c */
int inject_interruption(struct machine *m, unsigned cpu, const struct injection *what, struct err *e);

/* watchdog.c */
void watchdog_run(struct kvm_machine *m);
void watchdog_hold(struct kvm_machine *m);
void watchdog_changed(struct kvm_machine *m);
void watchdog_enter(struct vcpu *cpu);
void watchdog_leave(struct vcpu *cpu);
bool watchdog_over(const struct vcpu *cpu);

/* tod.c */
void tod_hold(struct kvm_machine *m);
void tod_release(struct kvm_machine *m);
void tod_set_runs(struct kvm_machine *m, bool runs);
int tod_read(struct kvm_machine *m, struct kvm_s390_vm_tod_clock *clock);
int tod_write(struct kvm_machine *m, const struct kvm_s390_vm_tod_clock *clock);

/* settings.c */
int settings_set(struct machine *m, enum machine_setting setting, int value, struct err *e);
int settings_get(struct machine *m, enum machine_setting setting);

/* debug.c: what KVM_SET_GUEST_DEBUG knows */
int debug_arm(struct vcpu *cpu, uint32_t control, unsigned nhw, unsigned ncode,
              const struct kvm_hw_breakpoint *hw, struct err *e);
bool debug_available(struct vcpu *cpu);
int debug_again(struct vcpu *cpu, struct err *e);

/* watch.c: what is watched */
void watch_set(const struct vcpu *cpu, const struct watch *parts, unsigned n);
void watch_refresh(const struct vcpu *cpu);
bool watch_changed(const struct vcpu *cpu);
struct watch *watch_next(const struct vcpu *cpu, struct watch *from);
void watch_seen(const struct vcpu *cpu, const struct breakpoint *bp);
uint64_t watch_value(const struct vcpu *cpu, const struct breakpoint *bp, bool now);
void watch_describe(const struct vcpu *cpu, const struct breakpoint *bp, char *text, size_t size);
bool watch_is_long(const struct breakpoint *bp);

/* breakpoints.c: the plan's breakpoints in memory and hardware */
int breakpoints_check(struct machine *m, unsigned cpu, const struct breakpoint *set, size_t n, struct err *e);
int breakpoint_check(struct machine *m, unsigned cpu, const struct breakpoint *b, unsigned used,
                     unsigned *units, struct err *e);
const char *breakpoint_held(struct machine *m, const struct breakpoint *b);
int breakpoints_adopt(struct kvm_machine *m, const struct resume_plan *plan, struct err *e);
void breakpoints_free(struct applied_set *set);
void breakpoints_unbind(struct kvm_machine *m);
int breakpoints_apply(struct vcpu *cpu, struct err *e);
int breakpoints_arm(struct vcpu *cpu, struct err *e);
void breakpoints_arm_anew(struct kvm_machine *m);
uint64_t breakpoints_apply_step(struct vcpu *cpu, uint64_t start, uint64_t size);
static inline unsigned breakpoints_bit(uint64_t addr) /* in the answer, for a code address */
{
    return addr / 2 % 64;
}
struct applied *breakpoint_reached(const struct vcpu *cpu, uint64_t pc, const struct applied *after);

/* opcodes.c: those that are an opcode in memory */
void opcodes_insert(struct kvm_machine *m);
void breakpoints_remove(struct kvm_machine *m);
bool opcode_at(const struct vcpu *cpu, uint64_t pc);
bool opcodes_lift(struct vcpu *cpu);
void opcodes_lower(struct kvm_machine *m);
void opcodes_hide(const struct kvm_machine *m, uint64_t absolute, uint8_t *bytes, size_t len);

/* hits.c: what a CPU's being at breakpoints, and a change of what is watched, lead to */
enum hit {
    HIT_NONE,   /* there is no breakpoint, or no change */
    HIT_PASSED, /* there is, but it does not stop the CPU */
    HIT_STOP,   /* *stop is filled */
};
enum hit hit_code(struct vcpu *cpu, uint64_t pc, struct stop *stop);
enum hit hit_watches(struct vcpu *cpu, struct stop *stop);

struct agent_context hit_context(struct vcpu *cpu);

/* catch.c: catchpoints */
int catch_adopt(struct kvm_machine *m, const struct resume_plan *plan, struct err *e);
void catch_find(struct kvm_machine *m);
bool catch_moved(const struct vcpu *cpu);
bool catch_look(struct vcpu *cpu);
unsigned catch_watch(const struct vcpu *cpu, struct kvm_hw_breakpoint *hw);
void catch_begin(struct vcpu *cpu);
enum hit catch_arrival(struct vcpu *cpu, struct stop *stop);
enum hit catch_exit(struct vcpu *cpu, struct stop *stop);
bool catch_keeps(struct vcpu *cpu);
enum exit_outcome catch_carry_out(struct vcpu *cpu, struct stop *stop); /* what it keeps */

/* word.c: the plan's watched word */
void word_adopt(struct kvm_machine *m, const struct resume_plan *plan);
bool word_news(struct vcpu *cpu, struct stop *stop);
unsigned word_watch(struct vcpu *cpu, struct kvm_hw_breakpoint *hw);
bool word_look(struct vcpu *cpu);

/* pass.c: passing the instruction at a breakpoint that does not stop the CPU */
void pass_begin(struct vcpu *cpu);
void pass_end(struct vcpu *cpu);
bool pass_goes_on(struct vcpu *cpu);
bool pass_is_free(const struct vcpu *cpu);
bool pass_is_quick(const struct vcpu *cpu);
bool pass_quickly(struct vcpu *cpu, enum entered *entered, struct stop *stop);

/* step.c */
enum exit_outcome step_once(struct vcpu *cpu, bool puts_off, struct stop *stop);
void step_run(struct vcpu *cpu, struct stop *stop);

bool interruption_pending(struct vcpu *cpu);

/* masks.c: interruptions from outside, put off for one instruction */
void masks_put_off(struct vcpu *cpu, const uint8_t *insn);
void masks_put_back(struct vcpu *cpu);

/* per.c */
void per_decided(struct kvm_machine *m);
void per_get(struct machine *m, struct machine_per *out);

/* traps.c */
void traps_set(struct vcpu *cpu, const uint64_t *insn);
void traps_remove(struct vcpu *cpu);
void traps_hide(const struct vcpu *cpu, uint64_t absolute, uint8_t *bytes, size_t len);
bool traps_hit(const struct vcpu *cpu, uint64_t pc);
bool traps_stand(struct vcpu *cpu);
const uint8_t *traps_insn(const struct vcpu *cpu);

/* registers.c */
void registers_find(struct vcpu *cpu);
int registers_read(struct machine *m, unsigned cpu, unsigned reg, uint8_t *bytes);
int registers_write(struct machine *m, unsigned cpu, unsigned reg, const uint8_t *bytes);
unsigned registers_features(const struct vcpu *cpu);

/* memory.c */
void memory_context(const struct vcpu *cpu, struct dat_context *ctx);
void memory_dat_context(struct machine *m, unsigned cpu, struct dat_context *out);
uint8_t *memory_lowcore(const struct vcpu *cpu); /* NULL: the prefix area does not lie in memory */
size_t memory_read(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr, void *buf,
                   size_t len);
size_t memory_write(struct machine *m, unsigned cpu, enum mem_space space, uint64_t addr, const void *buf,
                    size_t len);
int memory_absolute(const struct vcpu *cpu, enum mem_space space, uint64_t addr, uint64_t *absolute);

/* keys.c */
int keys_read(struct machine *m, uint64_t absolute, uint8_t *key);

#endif
