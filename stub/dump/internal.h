/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share: notes.c makes the notes, headers.c the ELF headers, file.c owns the file
 * on its way to its name, dump.c the dump as a whole. */
#ifndef ZGDBD_DUMP_INTERNAL_H
#define ZGDBD_DUMP_INTERNAL_H

#include "zgdbd/dump.h"

#define DUMP_PAGE 4096u

/* Segments at most; memory with more holes than that gets zeros in some of them. */
#define DUMP_RANGES 64u

/* Absolute memory that the machine has. */
struct dump_range {
    uint64_t start;
    uint64_t len;
};

/* notes.c: all notes, from malloc, or NULL if there is no memory for them. */
uint8_t *dump_notes(struct machine *m, const struct linux_facts *facts, size_t *len);

/* headers.c: where everything is in the file. */
#define DUMP_NOTES_AT (64u + (1 + DUMP_RANGES) * 56u) /* behind Elf64_Ehdr and as many Elf64_Phdr */

/* Where absolute 0 would be: at a page of the file. */
uint64_t dump_memory_at(size_t notes_len);

struct dump_layout {
    size_t notes_len;
    uint64_t identity_base;
    const struct dump_range *ranges;
    unsigned nranges;
};

/* The ELF header and the program headers. */
void dump_headers(const struct dump_layout *layout, uint8_t out[DUMP_NOTES_AT]);

/* file.c */
struct dump_file {
    int fd;
    bool named;     /* by a client: no advice about other directories than that */
    bool temporary; /* at is not where it is to be in the end */
    char at[PATH_MAX];
    char path[PATH_MAX];
};

int dump_file_create(struct dump_file *f, const char *dir, const char *name, struct err *e);
int dump_file_create_beside(struct dump_file *f, const char *path, struct err *e);

/* Makes it len bytes long, all holes. */
int dump_file_extend(struct dump_file *f, uint64_t len, struct err *e);
int dump_file_put(struct dump_file *f, uint64_t offset, const void *bytes, size_t n, struct err *e);

/* Gives it its name and closes it; result gets path, size and on_disk. Closed and gone if that fails. */
int dump_file_finish(struct dump_file *f, struct dump_result *result, struct err *e);
void dump_file_remove(struct dump_file *f);

#endif
