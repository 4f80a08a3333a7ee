/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the tests of IPL: files made byte by byte in a directory of their own, 16 MiB of guest memory, and what
 * came of loading them. */
#ifndef ZGDBD_IPL_RIG_H
#define ZGDBD_IPL_RIG_H

#include <elf.h>

#include "zgdbd/guest.h"

#define SIZE 0x1000000ULL /* 16 MiB */

extern struct guest_memory mem;
extern struct ipl_result result;
extern struct err error;

/* What is loaded; setup fills in the path of "image". */
extern struct ipl_request request;

/* Group and test fixtures. */
int ipl_make_directory(void **state);
int ipl_remove_directory(void **state);
int ipl_setup(void **state);
int ipl_teardown(void **state);

#define TEST(f) cmocka_unit_test_setup_teardown(f, ipl_setup, ipl_teardown)

/* The path of a file of that name; valid for the next 60 calls. */
char *in_directory(const char *name);
void write_file(const char *name, const void *bytes, size_t len);

/* The same, compressed by gzip, appended to what is there. Returns the size of the file then. */
size_t append_gzip(const char *name, const void *bytes, size_t len);

int load_request(void);

/* Into 64-bit mode, at this address. */
void assert_loads(bool is_elf, uint64_t addr, uint64_t kernel_start, size_t nranges);
void assert_request_refused(enum exit_status status, const char *words);

/* Loads with these options only: names in the directory. */
int load(const char *initrd, const char *append);
void assert_refused(const char *initrd, const char *append, enum exit_status status, const char *words);

/* ---- ELF ---- */

struct segment {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz;
};

/* An ELF of 4 KiB with these segments, each byte its offset's low half, and e_entry 0x2000, in "image". */
extern uint8_t elf[0x1000];
extern const struct segment code; /* 0x100 bytes at 0x2000 */
void make_elf(const struct segment *s, unsigned n);
void rewrite_elf(void);

/* ---- a Linux image, in "image" ---- */

#define IMAGE_BYTES 0x20000
extern uint8_t image[IMAGE_BYTES];
void make_linux_image(void);

#endif
