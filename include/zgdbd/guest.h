/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor does for its guest, as functions over registers and memory: loading (IPL), the
 * service-call processor (SCLP), DIAG, SIGP and the status that it stores, interruptions. No vcpu, thread or
 * descriptor is known here; everything runs natively under sanitizers and fuzzers. All that the guest
 * supplies is checked before use. */
#ifndef ZGDBD_GUEST_H
#define ZGDBD_GUEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/err.h"
#include "zgdbd/psw.h"

/* The guest's absolute storage, one block from address 0. The engine owns the mapping. */
struct guest_memory {
    uint8_t *base;
    uint64_t size; /* bytes, a multiple of 1 MiB */
};

/* ---- IPL ---- */

/* A file that is put into memory as it is (--load FILE@ADDRESS). */
struct ipl_extra {
    const char *path;
    uint64_t addr; /* absolute */
};

#define IPL_MAX_EXTRAS 16

struct ipl_request {
    const char *image;  /* path of an s390x ELF executable, a raw Linux image or, with flat, any file; may be
                           gzip-compressed */
    const char *initrd; /* path or NULL; passed on as it is */
    const char *append; /* kernel command line, or arguments of another program; or NULL */
    bool flat; /* the image is put at load_address as it is; entry is load_address unless has_entry */
    uint64_t load_address;
    bool has_entry; /* start there in place of the image's own entry */
    uint64_t entry;
    bool cleared; /* all of memory is zero: what an image has no contents for need not be cleared */
    bool has_psw; /* start with this PSW in place of all else */
    struct psw psw;
    unsigned nextras;
    const struct ipl_extra *extras;
};

struct ipl_range {
    uint64_t start;
    uint64_t end;
};

#define IPL_MAX_SEGMENTS 32
#define IPL_MAX_RANGES (IPL_MAX_SEGMENTS + IPL_MAX_EXTRAS)

struct ipl_result {
    struct psw psw; /* with which CPU 0 starts */
    bool elf;
    /* Where code already lies as it will be executed: the loaded segments of an ELF, a flat binary, the files
     * of --load; none with a Linux image, which moves or decompresses the kernel first. */
    unsigned nranges;
    struct ipl_range ranges[IPL_MAX_RANGES];
    /* For a Linux image: an instruction address at or above this one means that the loader part is over
     * (arch/s390: the kernel proper starts at 0x100000); else 0. */
    uint64_t kernel_start;
};

/* Loads image, extra files, command line and initrd into memory and says where to start. Memory need not be
 * cleared: the parts of an ELF that have no contents are, unless the request says that it was done; all else
 * is left as it is. No two of these may overlap or lie outside memory. On failure -1 with *e filled
 * (EXIT_IMAGE; EXIT_USAGE for an entry or a command line that cannot be, and for a command line or an initrd
 * that the image has no place for; EXIT_OTHER without memory to unpack an image); memory is then undefined.
 *
 * A gzip file in the image's place is unpacked, to at most the size of memory + GUNZIP_BEYOND_MEMORY.
 *
 * ELF: ELFCLASS64, ELFDATA2MSB, EM_S390, ET_EXEC (or ET_DYN at its own addresses); each PT_LOAD (at most
 * IPL_MAX_SEGMENTS) goes to p_paddr; the PSW is EA|BA with e_entry, which must lie in a loaded segment.
 *
 * Linux image: "S390EP" at 0x10008 (Linux 3.2 and newer), loaded at 0 (the first 64 KiB of such a file hold a
 * boot record that a monitor does not need, the lowcore is left as loaded by the file), PSW EA|BA at 0x10000;
 * command line at 0x10480, its limit read from 0x10430 (0 means 896), the image's own kept if append is NULL;
 * initrd page-aligned at or above 0x800000, at least 1 MiB past the image and clear of the extra files, its
 * start and size at 0x10408 and 0x10410 (Linux arch/s390/boot/head.S and include/asm/setup.h). An ELF with
 * "S390EP" at that address is a Linux image, too.
 *
 * Other programs find arguments and initrd at the same addresses. As in QEMU (hw/s390x/ipl.c) a program that
 * starts at 0x10000 has its own parameter area there, which is written to; with any other entry, the area
 * must be free of the program. */
int ipl_load(const struct ipl_request *req, struct guest_memory *mem, struct ipl_result *out, struct err *e);

/* ---- interruptions ---- */

/* Makes the CPU take a program interruption here and now: stores ILC, code, last breaking-event address and
 * old PSW in the lowcore and replaces *psw by the program new PSW (Principles, chapter 6). With
 * KVM_CAP_S390_PSW this needs no injection ioctl and leaves nothing pending. The old PSW is *psw as it is:
 * for a suppressed or completed instruction the caller passes the address after it; ilc is that instruction's
 * length in bytes (2, 4 or 6; 0 if not known). prefix must be a multiple of 8 KiB; if its area does not lie
 * in memory, returns -1 and changes nothing. */
int program_interrupt(const struct guest_memory *mem, uint64_t prefix, struct psw *psw, uint16_t code,
                      unsigned ilc, uint64_t last_break);

/* The same for the restart interruption, which has neither code nor ILC: the PSWs are exchanged through real
 * 0x120 (old) and 0x1a0 (new). -1 if the prefix area does not lie in memory. */
int restart_interrupt(const struct guest_memory *mem, uint64_t prefix, struct psw *psw);

/* The same for an external interruption (Principles, chapter 6): code, CPU address 0 and both parameters, of
 * 4 and 8 bytes, are stored. Whether the CPU is enabled for it is for the caller to see. */
int external_interrupt(const struct guest_memory *mem, uint64_t prefix, struct psw *psw, uint16_t code,
                       uint64_t parameter);

/* The bit of control register 0 that must be one for this external interruption besides the PSW's; 0 for a
 * code that has none or is not known. */
uint64_t external_subclass(uint16_t code);

/* ---- store status ---- */

/* What a CPU has in its registers, in host order. */
struct cpu_status {
    struct psw psw;
    uint64_t gprs[16], crs[16], fprs[16];
    uint32_t acrs[16];
    uint32_t prefix, fpc, todpr;
    uint64_t cputm, ckc;
    uint64_t vrs[32][2]; /* vector registers and guarded storage: of the additional status */
    uint64_t gscb[4];
};

#define STATUS_BYTES 512u
#define STATUS_ADDRESS 0x1200u /* absolute: where the store-status operation puts it */

/* Stores the status at this absolute address in the format of the save areas, which are one: STATUS_BYTES
 * from 0x1200 on (Principles, chapter 4, "Store Status"). What lies between the fields is left as it is. -1
 * if that is not within memory; nothing is stored then. */
int status_store(const struct guest_memory *mem, uint64_t address, const struct cpu_status *status);

/* The store-status operation: at STATUS_ADDRESS, and the architectural mode (1) at absolute 0xa3. */
int status_store_assigned(const struct guest_memory *mem, const struct cpu_status *status);

/* What status_store() has put into STATUS_BYTES bytes; vectors and guarded storage are left as they are. Of
 * the clock comparator bits 56-63 are zero. */
void status_load(const uint8_t *area, struct cpu_status *status);

/* The additional status: vector registers in the first 512 bytes, and in an area of 2 KiB or more the four
 * guarded-storage registers at 1024. */
int status_store_additional(const struct guest_memory *mem, uint64_t address, uint64_t length,
                            const struct cpu_status *status);

/* ---- SIGP (signal processor, AE) ---- */

/* Orders (Principles, chapter 4, "CPU Signaling and Response"). External call, emergency signals and sense
 * running status are KVM's own. */
enum sigp_order {
    SIGP_SENSE = 0x01,
    SIGP_START = 0x04,
    SIGP_STOP = 0x05,
    SIGP_RESTART = 0x06,
    SIGP_STOP_AND_STORE_STATUS = 0x09,
    SIGP_INITIAL_CPU_RESET = 0x0b,
    SIGP_CPU_RESET = 0x0c,
    SIGP_SET_PREFIX = 0x0d,
    SIGP_STORE_STATUS_AT_ADDRESS = 0x0e,
    SIGP_SET_ARCHITECTURE = 0x12,
    SIGP_STORE_ADDITIONAL_STATUS = 0x17,
};

#define SIGP_STATUS_INCORRECT_STATE 0x200u
#define SIGP_STATUS_INVALID_PARAMETER 0x100u
#define SIGP_STATUS_STOPPED 0x40u
#define SIGP_STATUS_INVALID_ORDER 0x02u

/* The machine, and the CPU to which the order goes. */
struct sigp_state {
    const struct guest_memory *memory;
    bool there;          /* such a CPU exists; if not, nothing below matters */
    bool stopped;        /* it is in the stopped state */
    bool stopping;       /* it has a stop order that is not done yet */
    bool others_stopped; /* all CPUs but the sender are stopped */
    bool vectors, guarded_storage;
};

enum sigp_action {
    SIGP_NOTHING,
    SIGP_DO_START,
    SIGP_DO_STOP,
    SIGP_DO_STOP_AND_STORE, /* and the store-status operation when it has stopped */
    SIGP_DO_RESTART,
    SIGP_DO_RESET, /* CPU reset; the CPU is stopped then */
    SIGP_DO_INITIAL_RESET,
    SIGP_DO_SET_PREFIX,       /* to address */
    SIGP_DO_STORE,            /* the store-status operation */
    SIGP_DO_STORE_AT,         /* at address */
    SIGP_DO_STORE_ADDITIONAL, /* length bytes at address */
};

struct sigp_answer {
    enum sigp_action action;
    unsigned cc;      /* 0 accepted, 1 status stored, 2 busy, 3 not operational */
    uint32_t status;  /* with cc 1: replaces bits 32-63 of the first operand */
    uint64_t address; /* absolute; its area is within memory */
    uint64_t length;
};

/* What an order leads to. Answers are those of Linux's arch/s390/kvm/sigp.c and QEMU's target/s390x/sigp.c:
 * only resets get past a stop that is pending, a prefix is checked before the CPU's state, and the
 * architectural mode cannot be set: the machine is in that of z/Architecture for good. */
struct sigp_answer sigp_order(const struct sigp_state *state, unsigned order, uint64_t parameter);

/* ---- SCLP (service call, B220) ---- */

/* Where a console write of the guest goes. Called on the vcpu's thread; must not block. text is host
 * (ASCII/UTF-8) bytes: VT220 as the guest wrote them, in line mode one line with CR and LF. */
typedef void console_write_fn(void *ctx, const uint8_t *text, size_t len);

/* Takes up to size bytes of what was typed, oldest first; returns how many. Must not block. Called from any
 * thread, by one at a time. */
typedef size_t console_read_fn(void *ctx, uint8_t *buf, size_t size);

/* Which consoles the SCLP offers (bits). Linux takes the VT220 one if it is there. */
#define SCLP_VT220 1u
#define SCLP_LINE 2u

#define SCLP_COMMAND_MASK 0xffff00ffu /* the bits of a command word that count */

#define SCLP_INPUT_BYTES 256u

struct sclp_config {
    unsigned ncpus;
    unsigned consoles;
    bool extended_sccb; /* the guest has facility 140: an SCCB that reads information may cross pages */
    console_write_fn *write;
    void *write_ctx;
    console_read_fn *read; /* or NULL: nothing is ever typed */
    void *read_ctx;
};

/* All functions may be called from any thread. */
struct sclp {
    struct sclp_config config; /* does not change while the guest runs */
    char loadparm[8];          /* EBCDIC; blanks (0x40) until set */
    pthread_mutex_t call;      /* held while a command is executed: another is busy then */
    pthread_mutex_t lock;      /* of all that follows; taken last, held for a moment only */
    uint64_t receive_mask;     /* event types the guest receives; set by WRITE EVENT MASK */
    unsigned mask_length;      /* bytes of a mask, of the last WRITE EVENT MASK; 4 until then */
    bool quiesce;              /* a signal quiesce waits for the guest */
    bool after_cr;             /* the last line ended with CR: an LF that follows belongs to it */
    size_t ninput;             /* typed, and not yet given to the guest */
    uint8_t input[SCLP_INPUT_BYTES];
};

/* What the engine has to do after a service call. */
struct sclp_answer {
    uint16_t program; /* program interruption code to present, or 0 */
    unsigned cc;      /* condition code, if program is 0 */
    bool signal;      /* inject the service signal with this parameter */
    uint32_t parameter;
};

void sclp_init(struct sclp *s, const struct sclp_config *config);
void sclp_destroy(struct sclp *s);

/* Power-on state again: masks cleared, no quiesce. What was typed stays. */
void sclp_reset(struct sclp *s);

/* Would READ EVENT DATA now give the guest an event? Typed input is one once the guest receives VT220 events,
 * or commands and a line is whole; with both, it goes to VT220. Whoever makes an event possible (input typed,
 * quiesce) asks, and if so has the service signal injected with SCLP_EVENT_PENDING. */
#define SCLP_EVENT_PENDING 1u
bool sclp_event_pending(struct sclp *s);

/* Asks the guest to shut down in order (signal quiesce). -1 if it does not receive that event: it has no
 * handler for it, or none yet. */
int sclp_quiesce(struct sclp *s);

/* One SERVC: command word and SCCB address as in the two general registers. Never touches memory outside mem,
 * nor the SCCB beyond its length; every command is answered, one that comes while another is executed by
 * cc 2. That SERVC is privileged is for the caller to check: it knows the PSW. */
struct sclp_answer sclp_service_call(struct sclp *s, const struct guest_memory *mem, uint64_t prefix,
                                     uint32_t command, uint64_t sccb);

/* ---- DIAG ---- */

/* The IPL parameter block that DIAG 308 subcode 5 has set and 6 shows. It survives every reset that the guest
 * asks for. */
#define IPL_BLOCK_BYTES 4096u
struct ipl_block {
    uint32_t length; /* 0: none was set; else that of its header, at most IPL_BLOCK_BYTES */
    uint8_t bytes[IPL_BLOCK_BYTES];
};

/* The load parameter with which the guest is loaded next: the block's if it has one, else blanks; EBCDIC. */
#define LOADPARM_BYTES 8
void ipl_block_loadparm(const struct ipl_block *block, char loadparm[LOADPARM_BYTES]);

/* Subcodes of DIAG 308 that ask for a reset (Linux arch/s390/include/asm/ipl.h, enum diag308_subcode). */
enum diag_reset {
    DIAG_MODIFIED_CLEAR = 0,    /* CPUs cleared, memory kept, on at the PSW at absolute 0 */
    DIAG_LOAD_NORMAL_RESET = 1, /* the same with registers kept */
    DIAG_LOAD_CLEAR = 3,        /* everything cleared, image loaded */
    DIAG_LOAD_NORMAL_DUMP = 4,  /* memory and registers kept, image loaded */
    DIAG_LOAD_NORMAL = 7,       /* the same */
};

enum diag_action {
    DIAG_DONE,     /* registers are set; the condition code stays */
    DIAG_PROGRAM,  /* present the program interruption in code */
    DIAG_WATCHDOG, /* the same, and the watchdog was set or cancelled */
    DIAG_RESET,    /* the guest asked for a reset; subcode says which */
};

struct diag_answer {
    enum diag_action action;
    uint16_t code;
    enum diag_reset subcode;
};

/* The watchdog of DIAG 288. */
struct watchdog {
    bool on;
    uint64_t left; /* nanoseconds until its time is over */
};

/* Function 0 starts it, 1 gives it a new time, 2 ends it. -1, and nothing has changed, for any other, for 1
 * and 2 if it is not on, and for a time of less than 15 seconds. */
int watchdog_call(struct watchdog *w, uint64_t function, uint64_t seconds);

/* So much time has passed for the guest. */
void watchdog_pass(struct watchdog *w, uint64_t nanoseconds);

/* What a DIAGNOSE works on besides the general registers. */
struct diag_guest {
    const struct guest_memory *memory;
    struct ipl_block *ipl_block;
    struct watchdog *watchdog;
};

/* A DIAGNOSE that KVM leaves to user space: function code, the numbers of its register operands, and the
 * general registers, which it may change. Answers are those of QEMU's target/s390x/diag.c and
 * target/s390x/kvm/kvm.c:
 *
 * 308 with the subcode in r3: the resets above; 5 sets and 6 stores the IPL parameter block at the absolute
 * address in r1, a page within memory, with the response code in r1+1: 0x0001 done, 0x0102 none was set,
 * 0x0402 not valid. Blocks of FCP and CCW type are. All other subcodes are a specification exception: 2, as
 * there is no hardware-system area, and 8-10, as there is no protected virtualization.
 *
 * 288, the watchdog: function in r1 (even), seconds in r1+1, action in r3, which must be 0; else, and for
 * what watchdog_call() refuses, a specification exception.
 *
 * 44 and 9c, yielding, and 10, releasing pages, are KVM's own; if they come, there is nothing to do. 501 that
 * is nobody's breakpoint is an operation exception. Everything else is a specification exception. */
struct diag_answer diag_call(const struct diag_guest *guest, uint16_t code, unsigned r1, unsigned r3,
                             uint64_t gprs[16], uint64_t psw_mask);

/* ---- instructions of facilities that the machine does not have ---- */

#define INSTRUCTION_GROUP_MAX 17

/* Instructions that get the same answer for the same reason. */
struct instruction_group {
    const char *facility;
    const char *names;                       /* mnemonics in the order of the opcodes */
    uint16_t program;                        /* program interruption code, or 0 */
    uint8_t cc;                              /* condition code, if program is 0 */
    uint16_t opcodes[INSTRUCTION_GROUP_MAX]; /* ended by 0; bytes 1 and 2, of E3 and EB 1 and 6 */
};

/* The table, from n = 0 on until NULL. */
const struct instruction_group *instruction_group(unsigned n);

struct instruction_answer {
    uint16_t program; /* program interruption code to present, or 0 */
    unsigned cc;      /* condition code, if program is 0 */
};

/* What an instruction gets that KVM leaves to user space and that is none of SERVC, DIAG and SIGP: ipa and
 * ipb as in kvm_run. One that is not in the table is an operation exception. */
struct instruction_answer instruction_answer(uint16_t ipa, uint32_t ipb, uint64_t psw_mask);

#define INSTRUCTION_NAME_MAX 16

/* The mnemonic of an instruction in the table (always terminated); false for any other: "". */
bool instruction_name(uint16_t ipa, uint32_t ipb, char *name, size_t size);

#endif
