/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPL from files made here byte by byte: ELF executables and Linux images that load, and each way in which a
 * file can be wrong, with the message it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define SIZE 0x1000000ULL /* 16 MiB */
#define IMAGE_BYTES 0x20000

static char directory[] = "/tmp/test_ipl.XXXXXX";
static struct guest_memory mem;
static struct ipl_result result;
static struct err error;

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static char *in_directory(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"image", "initrd", "fifo"};
    char path[64];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        unlink(in_directory(names[i], path, sizeof path));
    return rmdir(directory);
}

static int setup(void **state)
{
    (void)state;
    mem = (struct guest_memory){calloc(1, SIZE), SIZE};
    return mem.base ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(mem.base);
    return 0;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
    char path[64];
    FILE *f = fopen(in_directory(name, path, sizeof path), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int load(const char *initrd, const char *append)
{
    char image_path[64];
    char initrd_path[64];
    struct ipl_request req = {
        .image = in_directory("image", image_path, sizeof image_path),
        .initrd = initrd ? in_directory(initrd, initrd_path, sizeof initrd_path) : NULL,
        .append = append,
    };

    memset(mem.base, 0, mem.size);
    memset(&error, 0, sizeof error);
    return ipl_load(&req, &mem, &result, &error);
}

static void assert_refused(const char *initrd, const char *append, enum exit_status status, const char *words)
{
    assert_int_equal(load(initrd, append), -1);
    assert_int_equal(error.status, status);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, error.text);
}

/* Into 64-bit mode, at this address. */
static void assert_loads(bool elf, uint64_t addr, uint64_t kernel_start, size_t nranges)
{
    assert_int_equal(load(NULL, NULL), 0);
    assert_int_equal(result.elf, elf);
    assert_int_equal(result.psw.mask, 0x180000000);
    assert_int_equal(result.psw.addr, addr);
    assert_int_equal(result.kernel_start, kernel_start);
    assert_int_equal(result.nranges, nranges);
}

/* ---- a Linux image ---- */

static uint8_t image[IMAGE_BYTES];

static void make_linux_image(void)
{
    memset(image, 0, sizeof image);
    memcpy(image + 0x10008, "S390EP", 6);
    strcpy((char *)image + 0x10480, "its own");
    image[IMAGE_BYTES - 1] = 0x77;
    write_file("image", image, sizeof image);
}

static void loads_a_linux_image(void **state)
{
    (void)state;
    make_linux_image();
    assert_loads(false, 0x10000, 0x100000, 0);
    assert_memory_equal(mem.base, image, sizeof image);
}

static void places_initrd_and_command_line(void **state)
{
    (void)state;
    make_linux_image();
    write_file("initrd", "070701", 6);
    assert_int_equal(load("initrd", "console=ttyS1"), 0);
    assert_string_equal((char *)mem.base + 0x10480, "console=ttyS1");
    assert_int_equal(load_be64(mem.base + 0x10408), 0x800000);
    assert_int_equal(load_be64(mem.base + 0x10410), 6);
    assert_memory_equal(mem.base + 0x800000, "070701", 7);
    assert_int_equal(load(NULL, ""), 0);
    assert_string_equal((char *)mem.base + 0x10480, "");
}

static void places_the_initrd_past_a_large_kernel(void **state)
{
    uint8_t *large = calloc(1, 0x900001);

    (void)state;
    assert_non_null(large);
    memcpy(large + 0x10008, "S390EP", 6);
    write_file("image", large, 0x900001);
    write_file("initrd", "070701", 6);
    assert_int_equal(load("initrd", NULL), 0);
    assert_int_equal(load_be64(mem.base + 0x10408), 0xa01000);
    free(large);
}

static void limits_the_command_line(void **state)
{
    char text[5000];

    (void)state;
    make_linux_image();
    memset(text, 'x', sizeof text);
    text[895] = 0;
    assert_int_equal(load(NULL, text), 0);
    text[895] = 'x';
    text[896] = 0;
    assert_refused(NULL, text, EXIT_USAGE, "896 characters; this kernel takes at most 895");
    store_be64(image + 0x10430, 4096);
    write_file("image", image, sizeof image);
    assert_int_equal(load(NULL, text), 0);
    text[896] = 'x';
    text[4096] = 0;
    assert_refused(NULL, text, EXIT_USAGE, "takes at most 4095");
    /* A limit beyond memory is no limit to believe. */
    store_be64(image + 0x10430, UINT64_MAX);
    write_file("image", image, sizeof image);
    assert_int_equal(load(NULL, text), 0);
}

static void refuses_what_does_not_fit(void **state)
{
    char path[64];

    (void)state;
    make_linux_image();
    write_file("initrd", "", 1);
    assert_int_equal(truncate(in_directory("initrd", path, sizeof path), 0x800000), 0);
    assert_int_equal(load("initrd", NULL), 0);
    assert_int_equal(truncate(path, 0x800001), 0);
    assert_refused("initrd", NULL, EXIT_IMAGE,
                   "8388609 bytes, from 0x800000 on) does not fit into the guest's 16 MiB");
    mem.size = 0x700000;
    assert_refused("initrd", NULL, EXIT_IMAGE, "does not fit");
    mem.size = SIZE;
    assert_int_equal(truncate(in_directory("image", path, sizeof path), SIZE + 1), 0);
    assert_refused(NULL, NULL, EXIT_IMAGE, "give at least --memory 17M");
}

/* ---- what is no image at all ---- */

static void refuses_other_files(void **state)
{
    char path[64];

    (void)state;
    unlink(in_directory("image", path, sizeof path));
    assert_refused(NULL, NULL, EXIT_IMAGE, "image: No such file");
    write_file("image", "", 0);
    assert_refused(NULL, NULL, EXIT_IMAGE, "it is empty");
    write_file("image", "abc", 3);
    assert_refused(NULL, NULL, EXIT_IMAGE, "neither an s390x ELF nor a Linux image");
    memset(image, 0x1f, sizeof image);
    write_file("image", image, sizeof image);
    assert_refused(NULL, NULL, EXIT_IMAGE, "no \"S390EP\" stands at offset 0x10008");
    write_file("image", "\177ELF", 4);
    assert_refused(NULL, NULL, EXIT_IMAGE, "is truncated");

    make_linux_image();
    assert_int_equal(mkfifo(in_directory("fifo", path, sizeof path), 0600), 0);
    assert_refused("fifo", NULL, EXIT_IMAGE, "not a regular file");
    assert_refused(".", NULL, EXIT_IMAGE, "is a directory");
    assert_refused("absent", NULL, EXIT_IMAGE, "No such file");
    write_file("initrd", "", 0);
    assert_refused("initrd", NULL, EXIT_IMAGE, "it is empty");
}

/* ---- ELF ---- */

struct segment {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz;
};

static uint8_t elf[0x1000];

/* An ELF of 4 KiB with these segments, each byte its offset's low half, and e_entry 0x2000. */
static void make_elf(const struct segment *s, unsigned n)
{
    for (unsigned i = 0; i < sizeof elf; i++)
        elf[i] = (uint8_t)i;
    memcpy(elf, "\177ELF\2\2\1\0\0\0\0\0\0\0\0\0", 16);
    store_be16(elf + 16, ET_EXEC);
    store_be16(elf + 18, EM_S390);
    store_be32(elf + 20, EV_CURRENT);
    store_be64(elf + 24, 0x2000); /* e_entry */
    store_be64(elf + 32, 64);     /* e_phoff */
    store_be64(elf + 40, 0);
    store_be32(elf + 48, 0);
    store_be16(elf + 52, 64);
    store_be16(elf + 54, 56);
    store_be16(elf + 56, (uint16_t)n);
    memset(elf + 58, 0, 6);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *p = elf + 64 + 56 * i;

        store_be32(p, s[i].type);
        store_be32(p + 4, 5);
        store_be64(p + 8, s[i].offset);
        store_be64(p + 16, 0xdead0000); /* p_vaddr does not matter */
        store_be64(p + 24, s[i].paddr);
        store_be64(p + 32, s[i].filesz);
        store_be64(p + 40, s[i].memsz);
        store_be64(p + 48, 0x1000);
    }
    write_file("image", elf, sizeof elf);
}

static const struct segment code = {PT_LOAD, 0x800, 0x2000, 0x100, 0x100};

static void rewrite_elf(void)
{
    write_file("image", elf, sizeof elf);
}

static void loads_an_elf(void **state)
{
    const struct segment segments[] = {
        {PT_NOTE, 0xfffff000, 0xffffffff, 5, 5},
        code,
        {PT_LOAD, 0xf00, SIZE - 0x200, 0x100, 0x200},
        {PT_LOAD, 0, 0x300000, 0, 0x10000},
    };

    (void)state;
    make_elf(segments, 4);
    assert_loads(true, 0x2000, 0, 2);
    assert_int_equal(result.ranges[0].start, 0x2000);
    assert_int_equal(result.ranges[0].end, 0x2100);
    assert_int_equal(result.ranges[1].end, SIZE - 0x100);
    assert_memory_equal(mem.base + 0x2000, elf + 0x800, 0x100);
    assert_memory_equal(mem.base + SIZE - 0x200, elf + 0xf00, 0x100);
    assert_int_equal(mem.base[0x2100], 0);
    store_be16(elf + 16, ET_DYN);
    rewrite_elf();
    assert_int_equal(load(NULL, NULL), 0);
}

static void refuses_other_elfs(void **state)
{
    (void)state;
    make_elf(&code, 1);
    elf[4] = ELFCLASS64;
    elf[5] = ELFDATA2LSB;
    elf[18] = EM_X86_64;
    elf[19] = 0;
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "is an ELF for x86-64 (64-bit, little-endian)");
    make_elf(&code, 1);
    elf[4] = ELFCLASS32;
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "is an ELF for s390 (32-bit, big-endian)");
    make_elf(&code, 1);
    store_be16(elf + 18, 0x1234);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "is an ELF for machine 4660");
    elf[4] = elf[5] = 9;
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "invalid class, invalid byte order");
    make_elf(&code, 1);
    store_be16(elf + 16, ET_REL);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "not an executable");
}

static void refuses_headers_outside_the_file(void **state)
{
    static const uint64_t outside[] = {0xfd0, 0x1000, UINT64_MAX - 10, UINT64_MAX - 55};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make_elf(&code, 1);
        store_be64(elf + 32, outside[i]);
        rewrite_elf();
        assert_refused(NULL, NULL, EXIT_IMAGE, "is truncated: it ends within its ELF headers");
    }
    make_elf(&code, 1);
    store_be16(elf + 56, 0xffff); /* more headers than the file holds */
    memset(elf + 120, 0, sizeof elf - 120);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "is truncated: it ends within its ELF headers");
    make_elf(&code, 1);
    write_file("image", elf, 63);
    assert_refused(NULL, NULL, EXIT_IMAGE, "is truncated");
    store_be16(elf + 56, 0);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "no program headers");
    make_elf(&code, 1);
    store_be16(elf + 54, 32);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "no program headers");
}

static void refuses_bad_segments(void **state)
{
    static const struct {
        struct segment segment;
        const char *words;
    } bad[] = {
        {{PT_LOAD, 0xf01, 0x2000, 0x100, 0x100}, "is truncated: its segment at 0x2000"},
        {{PT_LOAD, UINT64_MAX - 0x80, 0x2000, 0x100, 0x100}, "is truncated"},
        {{PT_LOAD, 0, 0x2000, UINT64_MAX, UINT64_MAX}, "is truncated"},
        {{PT_LOAD, 0, 0x2000, 0x100, 0xff}, "larger in the file than in memory"},
        {{PT_LOAD, 0, SIZE - 0x100, 0x100, 0x101},
         "outside the guest's 16 MiB of memory; give at least --memory 17M"},
        {{PT_LOAD, 0, 0x40000000, 0x100, 0x100}, "give at least --memory 1025M"},
        {{PT_LOAD, 0, UINT64_MAX - 0x80, 0x100, 0x100}, "past the highest address"},
        {{PT_LOAD, 0, 0x2000, 0, UINT64_MAX}, "past the highest address"},
        {{PT_LOAD, 0, 0x2000, 0, 0x100}, "has no segment to load"},
        {{PT_NOTE, 0, 0x2000, 0x100, 0x100}, "has no segment to load"},
    };
    struct segment many[40];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        make_elf(&bad[i].segment, 1);
        assert_refused(NULL, NULL, EXIT_IMAGE, bad[i].words);
    }
    for (unsigned i = 0; i < 40; i++)
        many[i] = code;
    make_elf(many, IPL_MAX_RANGES);
    assert_int_equal(load(NULL, NULL), 0);
    make_elf(many, IPL_MAX_RANGES + 1);
    assert_refused(NULL, NULL, EXIT_IMAGE, "more than 32 segments");
}

static void refuses_entries_that_are_not_loaded(void **state)
{
    static const uint64_t outside[] = {0, 0x1ffe, 0x2100, UINT64_MAX - 1};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make_elf(&code, 1);
        store_be64(elf + 24, outside[i]);
        rewrite_elf();
        assert_refused(NULL, NULL, EXIT_IMAGE, "nothing is loaded there");
    }
    store_be64(elf + 24, 0x2001);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "instruction addresses are even");
}

static void plain_elfs_take_no_command_line(void **state)
{
    (void)state;
    make_elf(&code, 1);
    write_file("initrd", "070701", 6);
    assert_refused(NULL, "quiet", EXIT_USAGE, "no place for --append");
    assert_refused("initrd", NULL, EXIT_USAGE, "no place for --initrd");
}

static void starts_a_linux_elf_as_an_image(void **state)
{
    const struct segment kernel = {PT_LOAD, 0x800, 0x10000, 0x800, 0x800000};

    (void)state;
    make_elf(&kernel, 1);
    store_be64(elf + 24, 0x10010); /* e_entry */
    memcpy(elf + 0x808, "S390EP", 6);
    store_be64(elf + 0x800 + 0x430, 0);
    rewrite_elf();
    write_file("initrd", "070701", 6);
    assert_int_equal(load("initrd", "quiet"), 0);
    assert_true(result.elf);
    assert_int_equal(result.psw.addr, 0x10000);
    assert_int_equal(result.kernel_start, 0x100000);
    assert_int_equal(result.nranges, 0);
    assert_string_equal((char *)mem.base + 0x10480, "quiet");
    /* Past the part of the segment that has no contents in the file. */
    assert_int_equal(load_be64(mem.base + 0x10408), 0x910000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_a_linux_image),
        TEST(places_initrd_and_command_line),
        TEST(places_the_initrd_past_a_large_kernel),
        TEST(limits_the_command_line),
        TEST(refuses_what_does_not_fit),
        TEST(refuses_other_files),
        TEST(loads_an_elf),
        TEST(refuses_other_elfs),
        TEST(refuses_headers_outside_the_file),
        TEST(refuses_bad_segments),
        TEST(refuses_entries_that_are_not_loaded),
        TEST(plain_elfs_take_no_command_line),
        TEST(starts_a_linux_elf_as_an_image),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
