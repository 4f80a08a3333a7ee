/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interruptions: the names of their codes, and what the lowcore says of one (Principles of Operation
 * SA22-7832, chapters 3, "Assigned Storage Locations", 6 and 11). Pure functions over bytes that a guest
 * wrote: nothing in them is taken for granted. */
#ifndef ZGDBD_INTERRUPTION_H
#define ZGDBD_INTERRUPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zgdbd/psw.h"

/* ---- numbers and their names ---- */

enum code_kind {
    CODES_PROGRAM,       /* program interruption codes without the PER and the transaction bit */
    CODES_EXTERNAL,      /* external interruption codes */
    CODES_MACHINE_CHECK, /* bits of the machine-check interruption code, 0 is the first */
    CODES_SIGP,          /* orders */
    CODES_DIAG,          /* function codes */
    CODES_SERVICE_CALL,  /* SCLP commands */
    CODE_KINDS,
};

/* "page translation" and so on, as the field writes it; NULL if the number has no name here. */
const char *code_name(enum code_kind kind, uint32_t code);

/* The number of a name as a user types it: in any case, its words joined by '-'. False if there is none. */
bool code_named(enum code_kind kind, const char *name, size_t len, uint32_t *code);

/* ---- what the lowcore says ---- */

enum interruption_class { /* in the order of their old PSWs */
    INTERRUPTION_RESTART,
    INTERRUPTION_EXTERNAL,
    INTERRUPTION_SVC,
    INTERRUPTION_PROGRAM,
    INTERRUPTION_MACHINE_CHECK,
    INTERRUPTION_IO,
    INTERRUPTION_CLASSES,
};

/* Real addresses of the PSWs that each class stores and loads. */
#define LC_OLD_PSW(class) (0x120u + 16u * (unsigned)(class))
#define LC_NEW_PSW(class) (0x1a0u + 16u * (unsigned)(class))

/* The part of the lowcore that is read here, from real address 0 on. */
#define LC_INTERRUPTION_BYTES 0x200

#define PGM_CODE_PER 0x80u          /* a PER event came with it, or alone */
#define PGM_CODE_TRANSACTION 0x200u /* it aborted a transaction */

struct interruption {
    enum interruption_class class;
    struct psw old_psw;
    struct psw new_psw;
    uint32_t code;       /* program, external, SVC: the interruption code; I/O: the subchannel number */
    unsigned ilc;        /* SVC and program: 2, 4, 6 or 0: not known */
    uint32_t subchannel; /* I/O: the subsystem-identification word */
    uint32_t io_parameter, io_word;
    uint16_t cpu_address;   /* external, of the CPU that signalled */
    uint32_t ext_parameter; /* external */
    uint64_t teid;          /* program: translation-exception identification */
    uint8_t exc_access_id;  /* program: the access register of the exception */
    uint32_t dxc;           /* program: data-exception code */
    uint64_t mcic;          /* machine check: interruption code */
    uint64_t failing;       /* machine check: failing-storage address */
    uint64_t last_break;    /* program: where the last branch before it was; others: not in the lowcore, 0 */
};

/* Takes out of LC_INTERRUPTION_BYTES of lowcore what the last interruption of this class stored. */
void interruption_read(enum interruption_class class, const uint8_t *lowcore, struct interruption *out);

/* Whether a user who asks for `wanted` means this code of that class. A program interruption's is compared
 * without its PER and transaction bit; PGM_CODE_PER means every PER event. */
bool interruption_code_is(enum interruption_class class, uint32_t code, uint32_t wanted);

/* Each writes into buf (always terminated) and returns buf.
 *
 * One line on the whole, old PSW decoded; the last breaking-event address is left out if it is 0 or 1 (none).
 * 400 bytes hold every one. */
char *interruption_text(const struct interruption *i, char *buf, size_t size);

/* "page translation", "PER event", "data and PER event"; "unknown". 80 bytes. */
char *program_code_text(uint32_t code, char *buf, size_t size);

/* "0x0000000000123000, home space, store": what a program interruption with this code says of the address
 * that was meant, or "" if it says nothing. 100 bytes. */
char *translation_exception_text(uint32_t code, uint64_t teid, char *buf, size_t size);

/* The names of the bits that are one, of damage and the like and not of validity: "channel report pending".
 * 400 bytes. */
char *machine_check_text(uint64_t mcic, char *buf, size_t size);

#endif
