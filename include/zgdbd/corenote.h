/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the ELF notes of a dump have a CPU's registers: one table for who writes them and who reads them. The
 * layouts are those of Linux (arch/s390/kernel/crash_dump.c, include/uapi/linux/elf.h). */
#ifndef ZGDBD_CORENOTE_H
#define ZGDBD_CORENOTE_H

#include <stddef.h>
#include <stdint.h>

/* Registers with consecutive numbers, one after the other. */
struct core_note_part {
    uint16_t at;
    uint8_t first;
    uint8_t count; /* 0: there is no such part */
    uint8_t skip;  /* so many high-order bytes of each are left out, and zero */
};

#define CORE_NOTE_PARTS 3

struct core_note {
    const char *name;
    uint32_t type;
    uint32_t size;  /* bytes */
    uint32_t least; /* that others may have left of it, without a register's being cut */
    struct core_note_part parts[CORE_NOTE_PARTS];
};

/* NT_PRSTATUS is first: it is how a reader sees that another CPU begins. In NT_S390_TODCMP the clock
 * comparator stands as the store-status operation has it: a zero byte, and bits 0 to 55. */
#define CORE_NOTES 12
extern const struct core_note core_notes[CORE_NOTES];

/* Offset of pr_pid, 4 bytes, in NT_PRSTATUS: which CPU it is. Linux counts from 1, QEMU from 0. */
#define CORE_NOTE_PID 32

#endif
