/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit trace: what a guest's exits to the monitor are called, a record of each, and its line of text. An
 * engine writes records into a ring from its vcpus' threads; text is made only where one is shown. */
#ifndef ZGDBD_TRACE_H
#define ZGDBD_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "zgdbd/psw.h"

#define TRACE_RECORDS 65536 /* the last so many are kept */

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

/* "service call" and so on. */
const char *exit_kind_name(enum exit_kind kind);

struct exit_record {
    uint64_t time;   /* nanoseconds of CLOCK_REALTIME */
    uint64_t number; /* from 0 */
    struct psw psw;  /* as KVM left it */
    uint8_t kind;    /* enum exit_kind */
    uint8_t cpu;
    uint8_t icptcode; /* of struct kvm_run; 0 where the exit is no interception */
    uint16_t ipa;     /* the instruction's first two bytes, */
    uint32_t ipb;     /* and the others */
    uint64_t detail; /* EXIT_SERVICE_CALL: command << 32 | SCCB; EXIT_DIAG: function code; EXIT_SIGP: order <<
                        32 | CPU address; EXIT_DEBUG: the address that KVM told */
};

/* Writes one line without an end of line (always terminated; 200 bytes hold every one) and returns buf. */
char *exit_record_text(const struct exit_record *r, char *buf, size_t size);

#endif
