/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel for the tests of the KVM engine: struct kvm_system over a model of what Linux does on s390x. A
 * test may hide capabilities, make calls fail, look at what was recorded, and say what KVM_RUN does: a script
 * of functions, each of which is one run, or a small CPU that executes what lies in guest memory and raises
 * PER events as real KVM does. */
#ifndef KERNEL_KVM_H
#define KERNEL_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/kvm.h"

#define KERNEL_HW_MAX 50
#define KERNEL_SCRIPT_MAX 64
#define KERNEL_DEADLINE_MS 20000

/* One KVM_RUN: looks at and changes kvm_run and kernel.memory as the guest would. 0, or a negative errno with
 * which the ioctl fails. Runs on the vcpu's thread: it asserts with KERNEL_CHECK. */
typedef int kernel_run_fn(struct kvm_run *run);

struct fake_kvm {
    /* What the test wants; set after kernel_reset(). */
    const char *architecture;
    unsigned linux_version;
    long hidden[8]; /* capabilities that this kernel lacks; 0 ends the list */
    int open_errno;
    int api_version;
    int create_vm_errno;
    int memory_slot_errno;
    int create_vcpu_errno;
    int mp_state_errno;
    int madvise_errno;
    int fallocate_errno, zero_range_errno;
    uint64_t memory_available, file_space;
    size_t (*page_map)(const void *page, size_t n, uint64_t *entries); /* NULL: it cannot be read */
    int interrupt_errno;                                               /* of KVM_S390_INTERRUPT */
    int mmap_size;                                                     /* answer to KVM_GET_VCPU_MMAP_SIZE */
    unsigned fail_mmap;       /* the how-many-th mmap fails; 0: none */
    void (*before_run)(void); /* called in KVM_RUN before it looks at signals and immediate_exit */
    bool no_gper;
    bool edat2;
    uint64_t no_sync;        /* KVM_SYNC_* that this machine lacks */
    bool multiple_epoch;     /* facility 139 */
    bool no_tod, no_tod_ext; /* KVM_S390_VM_TOD, its attribute EXT */
    bool exact_steps;        /* as Linux 6.6 on: a step ends at the handler's first instruction */
    kernel_run_fn *run;      /* what KVM_RUN does when there is no script; kernel_cpu unless set */

    /* What the engine has taken and not given back. */
    unsigned open_fds;
    unsigned mappings;
    /* What it has asked for. */
    unsigned runs;          /* KVM_RUN that entered the guest */
    unsigned vcpu_ioctls;   /* all of the vcpu, KVM_RUN included */
    unsigned debug_calls;   /* KVM_SET_GUEST_DEBUG */
    uint32_t debug_control; /* as last set, with the entries */
    unsigned nhw;
    struct kvm_hw_breakpoint hw[KERNEL_HW_MAX];
    unsigned vm_interrupts, vcpu_interrupts;
    unsigned keys_set;                   /* storage keys */
    unsigned flic_asked;                 /* for pending interruptions */
    unsigned vm_interrupts_cleared;      /* how often */
    struct kvm_s390_interrupt interrupt; /* the last one */
    struct kvm_s390_irq irq;             /* the last one of KVM_S390_IRQ */
    uint64_t timer;                      /* set_timer: nanoseconds, 0 if it is off */
    unsigned tod_gets, tod_sets;
    unsigned initial_resets, clear_resets, madvises, fallocates;

    /* The guest. */
    uint8_t *memory;
    uint64_t size;
    bool instr0;
    bool program_pending; /* KVM holds a program interruption for the next entry */
    uint16_t program_code;
    unsigned program_length;
    bool external_pending;
    uint64_t now;                /* its clock, in nanoseconds */
    unsigned __int128 tod_epoch; /* guest's TOD clock less the host's, which runs with it */
    bool restart_pending;
    uint8_t key; /* the storage key of key_page, all others are zero; 0: keys are not used */
    uint64_t key_page;
    uint32_t service;      /* parameter of the service signal that no CPU has taken; 0: none is pending */
    uint8_t debug_pending; /* PER event held back by an intercept: type of the exit to come, or 0 */

    /* The first KERNEL_CHECK that failed, or NULL. */
    const char *failure;
    int failure_line;
};

extern struct fake_kvm kernel;
extern const struct kvm_system kernel_system;

/* A kernel with everything, and no script. */
void kernel_reset(void);

/* The next runs of KVM_RUN, in order. */
void kernel_script(kernel_run_fn *const *script, size_t n);
#define KERNEL_SCRIPT(...)                                                                                   \
    kernel_script((kernel_run_fn *const[]){__VA_ARGS__},                                                     \
                  sizeof((kernel_run_fn *const[]){__VA_ARGS__}) / sizeof(kernel_run_fn *))

/* Script functions that have not run yet. */
size_t kernel_script_left(void);

/* For run functions: fill the exit; the PSW is the caller's business. Return 0. */
int kernel_debug(struct kvm_run *run, uint8_t type, uint64_t addr);
int kernel_intercept(struct kvm_run *run, uint8_t icptcode, uint16_t ipa, uint32_t ipb);

/* A run function: the guest does nothing until a signal comes. */
int kernel_block(struct kvm_run *run);

/* Waits (with a deadline) until a kernel_block() or a wait of the CPU has begun since the last call. */
void kernel_wait_blocked(void);

/* True if a signal for this thread is pending, in a run function. */
bool kernel_kicked(void);

#define KERNEL_CHECK(condition) kernel_check(condition, #condition, __LINE__)
void kernel_check(bool condition, const char *text, int line);

/* ---- fake_tod.c ---- */

/* KVM_SET_DEVICE_ATTR or KVM_GET_DEVICE_ATTR of the VM's TOD clock, as ioctl(2) answers. */
int kernel_tod(bool write, const struct kvm_device_attr *attr);

/* What the guest reads by STORE CLOCK now. */
uint64_t kernel_guest_tod(void);

/* ---- fake_cpu.c ---- */

/* A run function: executes guest code until something leaves SIE. Instructions: 00 (none), 07 BCR 0, 0A SVC,
 * 44 EX, 58 L, 80 SSM, AC STNSM, AD STOSM, B98D EPSW, 92 MVI, A7x4 BRC 15, A7xB AGHI, B220 SERVC, B2B2 LPSWE,
 * 83 DIAG, AE SIGP; anything else is an operation exception. Operands are base and displacement. PER events
 * come as the kernel before 6.6 reports them. */
int kernel_cpu(struct kvm_run *run);

/* Takes KVM's copy of what is watched; the CPU compares with it. */
void kernel_watch_copy(void);

/* Exchanges PSWs for an interruption whose old PSW is at this lowcore offset. */
void kernel_interruption(struct kvm_run *run, unsigned old_psw);

#endif
