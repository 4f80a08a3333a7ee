/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share: header.c checks a file and finds in it what libkdumpfile does not hand
 * out, notes.c and savearea.c make registers of that, memory.c keeps pages of memory that segments.c reads
 * from an ELF dump and kdumpfile.c from the others, engine.c is the machine. Files are hostile: every number
 * in one is checked before it is used. */
#ifndef ZGDBD_CORE_INTERNAL_H
#define ZGDBD_CORE_INTERNAL_H

#include "zgdbd/core.h"
#include "zgdbd/regs.h"

/* ---- registers ---- */

enum reg_origin {
    REG_UNKNOWN,
    REG_NOTED,   /* a note says so, or the CPU's status as it was stored for the dump */
    REG_GUESSED, /* from a save area of which it is not certain that it was stored for the dump */
};

struct core_cpu {
    uint32_t number; /* pr_pid of its NT_PRSTATUS */
    uint8_t origin[REG_COUNT];
    uint8_t value[REG_COUNT][REG_MAX_BYTES]; /* as in the protocol: most significant byte first */
};

/* Reads up to len bytes of absolute storage; returns how many there were from the start on. */
typedef size_t core_read_fn(void *reader, uint64_t absolute, void *buf, size_t len);

/* How many CPUs these ELF notes (big endian, one behind the other) tell of. */
unsigned notes_count(const uint8_t *notes, size_t len);

/* Fills up to n CPUs, zeroed by the caller, in the order of the notes; returns how many. A note that is cut
 * ends the list; one of an unknown kind or of a wrong length is passed over. */
unsigned notes_read(const uint8_t *notes, size_t len, struct core_cpu *cpus, unsigned n);

/* Puts the CPUs into the order of their numbers, if these count on from 0 or from 1. */
void notes_sort(struct core_cpu *cpus, unsigned n);

/* A register as a number; 0 if it is not known. */
uint64_t core_reg(const struct core_cpu *cpu, unsigned reg);

/* Fills what is not known of a CPU from its save area, in the lowcore at `prefix`. Where that was stored for
 * the dump (it names this prefix and has the same general registers, where these are known) it is as good as
 * a note, else a guess. An area that is all zeros, or not in the dump, says nothing. */
void savearea_read(struct core_cpu *cpu, uint64_t prefix, core_read_fn *read, void *reader);

/* ---- the file ---- */

enum dump_format {
    DUMP_ELF,
    DUMP_KDUMP,      /* compressed by makedumpfile, or by diskdump */
    DUMP_STANDALONE, /* of the s390 stand-alone dump tools */
};

struct dump_segment {
    uint64_t absolute, size;
    uint64_t offset, in_file; /* in_file is not larger than size; what is missing there is zero */
};

struct dump_header {
    enum dump_format format;
    uint64_t memory; /* bytes of absolute storage, from 0; 0: the header does not tell */
    uint8_t *notes;  /* from malloc, or NULL */
    size_t notes_len;
    struct dump_segment *segments; /* DUMP_ELF: from malloc, by address */
    size_t nsegments;
    uint64_t bitmap, bitmap_len;         /* DUMP_KDUMP: in the file; a bit for each page, */
    uint64_t descriptors;                /* and a descriptor for each bit that is one */
    unsigned nlowcores;                  /* DUMP_STANDALONE: one for each CPU */
    uint32_t lowcores[MACHINE_MAX_CPUS]; /* prefixes */
    unsigned left_out;                   /* CPUs beyond MACHINE_MAX_CPUS */
};

/* Recognises the file and checks all on which reading it depends. -1 with *e if it is no dump of an s390x
 * system or is cut; the header then holds nothing. */
int header_read(int fd, const char *path, struct dump_header *out, struct err *e);
void header_free(struct dump_header *h);

/* ---- memory ---- */

#define PAGE_BYTES 4096u

/* Where pages come from. read fills one and returns false if the dump has it not. */
struct page_source {
    bool (*read)(void *ctx, uint64_t number, uint8_t *page);
    void (*close)(void *ctx);
    void *ctx;
};

/* fd remains the caller's, and must stay open; the segments are taken out of the header. -1 with *e. */
int segments_open(int fd, struct dump_header *h, struct page_source *out, struct err *e);

/* The same with libkdumpfile, of which kdumpfile.c is the only user; *size is the end of absolute storage, if
 * it is 0.
 */
int kdumpfile_open(int fd, const char *path, const struct dump_header *h, uint64_t *size,
                   struct page_source *out, struct err *e);

/* The pages that were read last are kept: a walk through page tables reads eight bytes here and eight there.
 */
struct core_memory;

/* NULL with *e. *size is the end of absolute storage. */
struct core_memory *core_memory_open(int fd, const char *path, struct dump_header *h, uint64_t *size,
                                     struct err *e);
void core_memory_close(struct core_memory *m);
core_read_fn core_memory_read; /* the reader is a struct core_memory; below *size */

/* ---- the machine: engine.c ---- */

struct core_parts {
    int fd; /* or -1 */
    struct core_memory *memory;
    core_read_fn *read;
    void *reader;
    uint64_t size;
    struct core_cpu *cpus; /* from malloc; at least one */
    unsigned ncpus;
    unsigned left_out;
};

/* Takes over what the parts own, also if it fails (NULL with *e). close frees memory and fd. */
struct machine *core_create(const struct core_parts *parts, void (*close)(const struct core_parts *),
                            struct err *e);

#endif
