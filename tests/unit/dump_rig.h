/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine with memory of any size, holes in it, and the fake's registers, to be dumped; and the dump, read
 * back from its file. Include it after cmocka.h. */
#ifndef DUMP_RIG_H
#define DUMP_RIG_H

#include <elf.h>

#include "fake_machine.h"
#include "zgdbd/dump.h"

#define MIB 0x100000u
#define RIG_HOLES 200u

struct rig {
    struct machine machine; /* of the fake's CPUs and registers */
    struct machine_ops ops;
    struct fake_machine *fake;
    uint8_t *memory;
    unsigned nholes;
    struct {
        uint64_t start, end;
    } holes[RIG_HOLES];
    size_t most;                 /* bytes that one read gives at most; 0: all */
    size_t reads;                /* how many */
    uint64_t untouched, touched; /* between these nobody has touched memory; seen by those who can look */
    struct linux_guest *guest;
    char dir[64];
    char path[128]; /* dir/vmcore */
    struct err e;
};

/* With all features but `without` (of 1u << enum reg_feature). Memory is zero. */
struct rig *rig_open(uint64_t memory, unsigned without);
/* Fails if anything but the files of these names is left in its directory; NULL ends the list. */
void rig_close(struct rig *r, ...) __attribute__((sentinel));

/* From now on the machine shows memory in place. */
void rig_shows(struct rig *r);

/* Puts a note VMCOREINFO of this text into memory at 0x8000, and its address to where Linux has it. */
void rig_vmcoreinfo(struct rig *r, const char *text);

/* Steps to the end. NULL, or what was said instead. */
const char *rig_run(struct rig *r, struct dump *d, struct dump_result *result);

/* All of a file, from malloc. */
uint8_t *rig_read(const char *path, size_t *size);

/* Finds the n-th (from 0) note of a type in a dump, and what is behind it; NULL if there is none. */
const uint8_t *rig_note(const uint8_t *file, uint32_t type, unsigned n, const char *name, uint32_t *size);

/* The i-th program header, with numbers of the host. */
Elf64_Phdr rig_segment(const uint8_t *file, unsigned i);
unsigned rig_segments(const uint8_t *file);

#endif
