/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit trace: what a guest's exits to the monitor are called, a record of each, the ring that keeps the
 * last ones, and a record's line of text. An engine writes records from its vcpus' threads; text is made only
 * where one is shown. */
#ifndef ZGDBD_TRACE_H
#define ZGDBD_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/err.h"
#include "zgdbd/psw.h"

#define TRACE_RECORDS 65536 /* the last so many are kept */

/* ---- kinds of exits ---- */

/* Ways in which a CPU leaves KVM_RUN. */
enum exit_kind {
    EXIT_DEBUG,
    EXIT_SERVICE_CALL,
    EXIT_DIAG,
    EXIT_SIGP,
    EXIT_INSTRUCTION,
    EXIT_OPERATION,
    EXIT_WAIT,
    EXIT_STOP,
    EXIT_LOOP,
    EXIT_RESET,
    EXIT_KICK,
    EXIT_ELSE,
    EXIT_KINDS,
};

#define EXIT_KINDS_ALL ((1u << EXIT_KINDS) - 1)

/* "service call" and so on. */
const char *exit_kind_name(enum exit_kind kind);

/* The set (1u << kind) of the names in text, which are divided by blanks or commas, written in any case and
 * with '-' for their blanks, and may be shortened as long as they are clear; nothing but dividers gives the
 * empty set. -1 with *e (EXIT_USAGE) that begins with the word that is none. */
int exit_kinds_parse(const char *text, unsigned *kinds, struct err *e);

/* ---- records ---- */

/* Interception codes of struct kvm_run (Linux arch/s390/include/asm/kvm_host.h, ICPT_*). */
enum interception {
    ICPT_INSTRUCTION = 0x04,
    ICPT_PROGRAM_LOOP = 0x08,
    ICPT_EXTERNAL_LOOP = 0x14,
    ICPT_WAIT = 0x1c,
    ICPT_STOP = 0x28,
    ICPT_OPERATION = 0x2c,
};

struct exit_record {
    uint64_t time;  /* nanoseconds of CLOCK_REALTIME */
    struct psw psw; /* as KVM left it */
    uint8_t kind;   /* enum exit_kind */
    uint8_t cpu;
    uint8_t icptcode; /* of struct kvm_run; 0 where the exit is no interception */
    uint8_t per;    /* EXIT_DEBUG: enum trace_per; 0: KVM told nothing of what it had held back from before */
    uint16_t ipa;   /* of an interception: the instruction's first two bytes, */
    uint16_t code;  /* EXIT_DIAG: function code; EXIT_SIGP: order; EXIT_LOOP: interruption code */
    uint32_t ipb;   /* and the others */
    uint32_t steps; /* single steps in a range in front of this exit that have no records of their own */
    /* EXIT_DEBUG: the address that PER told. EXIT_SERVICE_CALL: command, SCCB. EXIT_DIAG: registers R1, R3.
     * EXIT_SIGP: CPU address, parameter. EXIT_RESET: KVM's flags. EXIT_ELSE: reason of struct kvm_run, errno
     * (then there is no reason). */
    uint64_t operand[2];
    uint64_t number; /* from 0; set by the ring */
};

/* Bits of kvm_debug_exit_arch.type. */
enum trace_per {
    TRACE_PER_FETCH = 1,
    TRACE_PER_STORE = 2,
    TRACE_PER_STEP = 4,
};

/* Writes one line without an end of line (always terminated; TRACE_LINE bytes hold every one) and returns
 * buf: time (UTC), CPU, PSW, name of the kind, and what the exit was for. */
#define TRACE_LINE 256
char *exit_record_text(const struct exit_record *r, char *buf, size_t size);

/* ---- the ring ---- */

/* A record's place in the ring is a ticket that its writer takes; a sequence number in front of each place
 * tells whose record it holds and whether that is complete. Nobody waits: a writer that finds its place taken
 * gives its record up, a reader leaves out what changes under its eyes. */

#define TRACE_WORDS (offsetof(struct exit_record, number) / sizeof(uint64_t))

struct trace_place {
    _Atomic uint64_t sequence; /* trace_busy() or trace_complete() of a record's number; 0: never used */
    _Atomic uint64_t word[TRACE_WORDS];
};

struct trace_ring {
    _Atomic uint64_t tickets;
    struct trace_place *place; /* TRACE_RECORDS of them, or NULL: not made yet */
};

static inline uint64_t trace_busy(uint64_t number)
{
    return 2 * number + 1;
}

static inline uint64_t trace_complete(uint64_t number)
{
    return 2 * number + 2;
}

/* Makes the places: 4 MiB, all of it there from now on, unless they are there. -1 with *e: no memory. */
int trace_ring_make(struct trace_ring *r, struct err *e);
void trace_ring_free(struct trace_ring *r);

typedef uint64_t __attribute__((may_alias)) trace_word;

/* From any thread, at any time, once it is made; never waits. A record whose place is being written just now
 * by a thread that all others have overtaken by TRACE_RECORDS is lost. Inline, since an engine does it at
 * every exit.
 *
 * The words are stored with release order and loaded with acquire order: a reader that has seen one of a
 * later record then sees that record's sequence number, too. On s390x both are plain moves. */
static inline void trace_ring_put(struct trace_ring *r, const struct exit_record *record)
{
    uint64_t number = atomic_fetch_add_explicit(&r->tickets, 1, memory_order_relaxed);
    struct trace_place *p = &r->place[number % TRACE_RECORDS];
    uint64_t before = atomic_load_explicit(&p->sequence, memory_order_relaxed);
    const trace_word *word = (const trace_word *)record;

    if (before & 1 || before > trace_busy(number) ||
        !atomic_compare_exchange_strong_explicit(&p->sequence, &before, trace_busy(number),
                                                 memory_order_acq_rel, memory_order_relaxed))
        return;
#pragma GCC unroll 7
    for (size_t i = 0; i < TRACE_WORDS; i++)
        atomic_store_explicit(&p->word[i], word[i], memory_order_release);
    atomic_store_explicit(&p->sequence, trace_complete(number), memory_order_release);
}

/* As machine_trace_read(). Records that are being written just now end the answer, and come with the next
 * one; with `settled`, which says that nobody writes, they are taken for lost. */
size_t trace_ring_read(const struct trace_ring *r, bool settled, uint64_t *next, struct exit_record *out,
                       size_t max);

#endif
