/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A KVM machine on the fake kernel for the tests: created from an image written to a temporary file, resumed,
 * waited for with a deadline. After each stop the fake's own checks are asserted. Include it after cmocka.h.
 */
#ifndef KVM_RIG_H
#define KVM_RIG_H

#include "fake_kvm.h"
#include "zgdbd/bytes.h"
#include "zgdbd/regs.h"

#define RIG_MEMORY 0x1000000ULL /* 16 MiB */
#define RIG_ENTRY 0x2000        /* of the ELF image, whose only segment is 0..0x10000 */
#define RIG_EXTERNAL 0x5000     /* interruption handlers */
#define RIG_SVC 0x5100
#define RIG_PROGRAM 0x5200
#define RIG_64BIT 0x180000000ULL /* PSW mask */

/* Guest code for rig_put(), and the register it counts in. */
#define AGHI_10_1 "a7ab0001"
#define END "b2b2b000" /* LPSWE 0(11): disabled wait */
#define R10 (REG_R0 + 10)

enum rig_image {
    RIG_ELF,
    RIG_LINUX,
    RIG_GARBAGE,
};

extern struct machine *rig;
extern struct kvm_config rig_config; /* may be changed between rig_prepare() and rig_create() */
extern struct err rig_err;

/* Fake kernel, image and configuration, but no machine. */
void rig_prepare(enum rig_image image);
/* Creates the machine, whose steps take interruptions; false if the engine refuses (rig_err). Ends the test
 * if a refusal keeps something. */
bool rig_create(void);
/* The refusal says these words. */
void rig_assert_says(const char *words);
/* Both, for a cmocka setup; the interruption handlers are programmed with AGHI 10,1 each. */
int rig_setup(void **state);
int rig_setup_linux(void **state);
/* Destroys the machine, and ends the test if anything is left. */
int rig_teardown(void **state);

/* Guest code or data at an absolute address, as hexadecimal digits (blanks are skipped). */
void rig_put(uint64_t absolute, const char *hex);
/* The bytes there are these. */
void rig_assert_bytes(uint64_t absolute, const char *hex);
void rig_put64(uint64_t absolute, uint64_t value);
uint64_t rig_get64(uint64_t absolute);
/* The program old PSW has this address, and in front of it is the interruption's length code and code. */
void rig_assert_old_program_psw(uint64_t addr, const char *ilc_and_code);

uint64_t rig_reg(unsigned reg);
void rig_set_reg(unsigned reg, uint64_t value);

/* The set of breakpoints of the next resumes. */
void rig_no_breakpoints(void);
void rig_breakpoint(enum bp_kind kind, uint64_t addr, uint64_t len);
/* The catchpoints of the next resumes. */
void rig_catch(const struct catchpoint *points, size_t n);
/* The word of storage that they watch. */
void rig_word(struct watched_word word);
/* Resumes; false if the engine refuses (rig_err). */
bool rig_resumes(void);
/* Whether the engine would accept the set now. */
bool rig_check(void);

/* Resumes CPU 0; the stop is waited for by rig_wait(). Ends the test if the engine refuses. */
void rig_resume(enum cpu_verb verb);
void rig_resume_range(uint64_t start, uint64_t end);
struct stop rig_wait(void);
struct stop rig_continue(void);
struct stop rig_step(void);
struct stop rig_range(uint64_t start, uint64_t end);

/* The stop is this, at this PSW address. */
void rig_assert_stop(struct stop stop, enum stop_reason reason, uint64_t pc);

#endif
