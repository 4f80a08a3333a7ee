/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic address translation, as a pure function over control registers and a view of absolute memory
 * (Principles, chapter 3, "Dynamic Address Translation", "Prefixing"). KVM_TRANSLATE does not exist on s390x.
 */
#ifndef ZGDBD_DAT_H
#define ZGDBD_DAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an address of the debugger is meant. */
enum mem_space {
    SPACE_DEFAULT, /* as the PSW says; where that does not translate, through the home ASCE unless CR13 is 0,
                      as the reset leaves it */
    SPACE_PSW,     /* as the PSW says: real if DAT is off. In access-register mode each operand has the access
                      register of its base register, which is not known here: this is the primary space then,
                      from which instructions are fetched */
    SPACE_PRIMARY, /* CR1 */
    SPACE_SECONDARY, /* CR7 */
    SPACE_HOME,      /* CR13; on Linux the kernel's space */
    SPACE_REAL,
    SPACE_ABSOLUTE,
    SPACE_CODE, /* as the PSW says for instructions: home in the home-space mode, else primary (Principles,
                   chapter 3, "Translation Modes") */
    SPACE_AR,   /* SPACE_AR + n: by the ALET in access register n, 0 to 15 */
    SPACE_END = SPACE_AR + 16,
};

/* Program interruption codes with which a translation can end (Principles, chapter 6). */
enum {
    PGM_OPERATION = 0x01,
    PGM_PRIVILEGED_OPERATION = 0x02,
    PGM_PROTECTION = 0x04,
    PGM_ADDRESSING = 0x05,
    PGM_SPECIFICATION = 0x06,
    PGM_SEGMENT_TRANSLATION = 0x10,
    PGM_PAGE_TRANSLATION = 0x11,
    PGM_TRANSLATION_SPECIFICATION = 0x12,
    PGM_ALET_SPECIFICATION = 0x28,
    PGM_ALEN_TRANSLATION = 0x29,
    PGM_ALE_SEQUENCE = 0x2a,
    PGM_ASTE_VALIDITY = 0x2b,
    PGM_ASTE_SEQUENCE = 0x2c,
    PGM_EXTENDED_AUTHORITY = 0x2d,
    PGM_ASCE_TYPE = 0x38,
    PGM_REGION_FIRST_TRANSLATION = 0x39,
    PGM_REGION_SECOND_TRANSLATION = 0x3a,
    PGM_REGION_THIRD_TRANSLATION = 0x3b,
};

/* What a step of a translation looked at. Those up to the first region table are numbered as designation
 * types and table types are. */
enum dat_table {
    DAT_SEGMENT_TABLE,
    DAT_REGION_THIRD_TABLE,
    DAT_REGION_SECOND_TABLE,
    DAT_REGION_FIRST_TABLE,
    DAT_PAGE_TABLE,
    DAT_ACCESS_LIST_DESIGNATION, /* in the dispatchable-unit control table, or the primary ASTE */
    DAT_ACCESS_LIST,
    DAT_ASN_SECOND_TABLE,
    DAT_AUTHORITY_TABLE, /* the byte in which the authority bits are */
};

struct dat_step {
    enum dat_table table;
    uint64_t index;    /* of the entry in its table */
    uint64_t addr;     /* absolute for the tables of DAT, real for those of access-register translation */
    unsigned bytes;    /* that are in value; 0: the entry lies outside of memory */
    uint64_t value[3]; /* the entry, 8 bytes to a number but for the last, which may have fewer; the most
                          significant first */
    bool frame;        /* designates a frame of 1 MiB or 2 GiB, not a table */
    bool protects;     /* forbids stores */
    bool no_execute;   /* of the entry of a frame: has the bit, whether CR0 bit 43 puts it in force or not */
};

#define DAT_STEPS_MAX 9 /* 4 of access-register translation, 5 tables */

/* A translation step by step: what was looked at up to where it ended. */
struct dat_walk {
    unsigned n;
    struct dat_step step[DAT_STEPS_MAX];
    bool by_alet; /* access-register translation was done, and this is the ALET */
    uint32_t alet;
    bool has_asce; /* DAT came to this ASCE */
    uint64_t asce;
    const char *why; /* of a program interruption: in words that may follow its name and a colon; else NULL */
};

/* What translation looks at. Memory is the guest's absolute storage from 0 to size: contiguous, owned by the
 * caller, or what a function reads, which may have holes. A table in a hole is one outside of memory. */
struct dat_context {
    const uint8_t *memory; /* NULL: read */
    /* Copies up to len bytes from there, all of which lie below size; returns how many there were from the
     * start on. */
    size_t (*read)(void *reader, uint64_t absolute, void *buf, size_t len);
    void *reader;
    uint64_t size;
    uint64_t psw_mask;
    uint64_t cr[16];
    uint64_t prefix;       /* multiple of 8 KiB; ignored where the prefix area does not lie inside memory */
    bool edat2;            /* facility 78: 2 GiB frames */
    uint32_t ar[16];       /* access registers: what SPACE_AR looks at */
    struct dat_walk *walk; /* NULL, or where dat_translate() tells what it did; the caller's */
};

struct dat_result {
    uint64_t absolute;
    uint64_t left;   /* bytes from there to the end of the frame (4 KiB, 1 MiB or 2 GiB; for real and absolute
                        addresses up to where prefixing changes or memory ends), at least 1 */
    uint64_t asce;   /* the ASCE that was used; 0 for real and absolute */
    bool protected;  /* some table entry, or the access-list entry, forbids stores */
    bool no_execute; /* instruction-execution protection is on (CR0 bit 43), and the entry of the frame says
                        it */
};

/* Translates addr, after wrapping it to the PSW's addressing mode unless space is SPACE_ABSOLUTE. Returns 0
 * and fills *out, or returns the program interruption code of the failed access (SPACE_DEFAULT: that of the
 * PSW's space). The absolute address returned lies below size, but maybe in a hole. Of SPACE_DEFAULT the
 * walk is the last one that was done. */
int dat_translate(const struct dat_context *ctx, enum mem_space space, uint64_t addr, struct dat_result *out);

/* The ASCE with which SPACE_PSW would translate; *real is set where DAT is off (the value is then 0). */
uint64_t dat_psw_asce(const struct dat_context *ctx, bool *real);

/* The same for SPACE_CODE. */
uint64_t dat_code_asce(const struct dat_context *ctx, bool *real);

/* Whether SPACE_DEFAULT tries the home space where the PSW's does not translate. */
bool dat_falls_home(const struct dat_context *ctx);

/* Whether low-address protection (Principles, chapter 3) forbids stores at this address of a space that
 * translates with this ASCE (0: without DAT): it is on (CR0 bit 35), the space is not private, and the
 * address is one of 0-511 and 4096-4607. */
bool dat_low_address_protected(const struct dat_context *ctx, uint64_t addr, uint64_t asce);

/* What a step found, in words: "segment table at 0x1638000, offset 0, length 3, protected"; "" if its entry
 * lies outside of memory. 200 bytes hold every text. Returns buf, terminated. */
char *dat_step_describe(const struct dat_step *step, char *buf, size_t size);
char *dat_asce_describe(uint64_t asce, char *buf, size_t size);

/* "region-third-table entry". */
const char *dat_table_entry_name(enum dat_table table);

/* Copies up to len bytes from addr on; returns how many were readable from the start on (0 if the first is
 * not). Addresses wrap as in dat_translate. */
size_t dat_read(const struct dat_context *ctx, enum mem_space space, uint64_t addr, void *buf, size_t len);

/* Applies (real to absolute) prefixing: the 8 KiB at 0 and at the prefix swap. */
uint64_t dat_real_to_absolute(const struct dat_context *ctx, uint64_t real);

#endif
