/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a dump of a machine that stands: an ELF core file as crash, drgn, libkdumpfile and gdb read it. It
 * is big endian on every host, for EM_S390, and has notes for each CPU (in the order of Linux's own vmcore:
 * NT_PRSTATUS first, with the CPU's number plus 1 as pid, NT_PRFPREG, then "LINUX" ones for timers, control
 * registers, prefix, vectors, as far as the machine has them), the note VMCOREINFO if the guest is a Linux
 * that has one, and PT_LOAD segments with p_paddr absolute and p_vaddr in the kernel's identity mapping.
 * Sources: elf.h; Linux arch/s390/kernel/crash_dump.c; the reading side in crash's s390x.c and netdump.c.
 *
 *     struct dump *d = dump_begin_at(machine, guest, "/var/crash/vmcore", &e);
 *     int more = d ? 1 : -1;
 *     while (more > 0)
 *         more = dump_step(d, 3000000, &e);         (3 ms, then whatever else there is to do)
 *     if (d && more == 0)
 *         more = dump_finish(d, &result, &e);
 *     else if (d)
 *         dump_abandon(d);
 *
 * Who has nothing else to do calls dump_write(), which is all of this. Pages of zeros become holes of the
 * file. It has its headers when it is complete: what is left of a daemon that was killed is no ELF file.
 * SIGXFSZ must be ignored. Nothing is written to the machine, and no CPU may run from begin to finish. */
#ifndef ZGDBD_DUMP_H
#define ZGDBD_DUMP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "zgdbd/err.h"
#include "zgdbd/linux.h"
#include "zgdbd/machine.h"

struct dump;

/* The longest name that dump_begin_in() takes. */
#define DUMP_NAME_MAX 128

/* Begins a dump of a name that comes from a client of the protocol: a plain name in the directory dir. It is
 * made anew (mode 0600); nothing that exists is touched, no link followed. guest may be NULL: no VMCOREINFO.
 * NULL with *e if the name is none such, or the file cannot be made. Reads all registers. */
struct dump *dump_begin_in(struct machine *m, struct linux_guest *guest, const char *dir, const char *name,
                           struct err *e);

/* Begins a dump to a path that the user of this host gave: written beside it under a name of its own (path,
 * a dot and six characters), and renamed when it is complete, so that a file that was there is replaced by a
 * whole dump or not at all. NULL with *e if that is no place for a file, or something else than a regular
 * file is there. */
struct dump *dump_begin_at(struct machine *m, struct linux_guest *guest, const char *path, struct err *e);

/* Goes on for about so many nanoseconds, at least one piece of at most 256 KiB: 1 if there is more, 0 if all
 * is written, -1 with *e in words (a full disk, a limit). After that only dump_abandon() is left. */
int dump_step(struct dump *d, int64_t ns, struct err *e);

/* Bytes of memory that are done, of how many. */
void dump_progress(const struct dump *d, uint64_t *done, uint64_t *total);

struct dump_result {
    char path[PATH_MAX]; /* absolute, where that can be told */
    uint64_t memory;     /* bytes of the guest's memory in it */
    uint64_t unreadable; /* bytes that the machine does not have; they are in no segment, or zeros */
    uint64_t on_disk;    /* bytes that the file occupies */
    uint64_t size;       /* its length */
    int64_t ns;          /* from begin to finish */
    unsigned cpus;
    char release[65]; /* of the Linux whose VMCOREINFO it has, or "" */
};

/* Completes the file after dump_step() returned 0, and frees d. -1 with *e: the file could not be completed
 * and is gone. */
int dump_finish(struct dump *d, struct dump_result *result, struct err *e);

/* Removes the unfinished file, and frees d. */
void dump_abandon(struct dump *d);

/* All of it at once, to a path as dump_begin_at() has it. */
int dump_write(struct machine *m, struct linux_guest *guest, const char *path, struct dump_result *result,
               struct err *e);

/* Two sentences for the user, without a newline: what is where and how long it took, how to open it. Returns
 * buf. */
char *dump_describe(const struct dump_result *result, char *buf, size_t size);
#define DUMP_TEXT_BYTES (3 * PATH_MAX + 512) /* every one fits */

#endif
