/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPL of ELF files: those that load, and each way in which one can be wrong, with the message it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipl_rig.h"
#include "zgdbd/bytes.h"

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
    assert_int_equal(load_request(), 0);
}

/* Only what has no contents in the file, and only if nobody cleared memory before. */
static void clears_what_has_no_contents(void **state)
{
    const struct segment segments[] = {
        {PT_LOAD, 0x800, 0x2000, 0x100, 0x180},
        {PT_LOAD, 0, 0x300000, 0, 0x10000},
        {PT_LOAD, 0, 0x2010, 0, 0}, /* nothing at all, on top of another */
    };

    (void)state;
    make_elf(segments, 3);
    memset(mem.base, 0xaa, SIZE);
    assert_loads(true, 0x2000, 0, 1);
    assert_int_equal(mem.base[0x1fff], 0xaa);
    assert_memory_equal(mem.base + 0x2000, elf + 0x800, 0x100);
    assert_int_equal(load_be64(mem.base + 0x2100), 0);
    assert_int_equal(mem.base[0x217f], 0);
    assert_int_equal(mem.base[0x2180], 0xaa);
    assert_int_equal(mem.base[0x300000], 0);
    assert_int_equal(mem.base[0x30ffff], 0);
    assert_int_equal(mem.base[0x310000], 0xaa);
    request.cleared = true;
    mem.base[0x2100] = 0xaa;
    assert_int_equal(load_request(), 0);
    assert_int_equal(mem.base[0x2100], 0xaa);
}

static void takes_program_headers_of_other_sizes(void **state)
{
    const struct segment two[] = {code, {PT_LOAD, 0x900, 0x3000, 0x10, 0x10}};
    uint8_t second[56];

    (void)state;
    make_elf(two, 2);
    memcpy(second, elf + 64 + 56, 56);
    memcpy(elf + 64 + 72, second, 56);
    store_be16(elf + 54, 72);
    rewrite_elf();
    assert_loads(true, 0x2000, 0, 2);
    assert_int_equal(result.ranges[1].start, 0x3000);
    store_be16(elf + 54, 55);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "its program headers have 55 bytes each, not 56");
    /* With 72 bytes each, the last one would go beyond the end. */
    store_be16(elf + 54, 72);
    store_be64(elf + 32, 0x1000 - 143);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "its 2 program headers, at offset 0xf71, go beyond the end");
    store_be64(elf + 32, 64);
    store_be16(elf + 56, PN_XNUM);
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "more program headers than can be read (65534)");
}

static void refuses_overlapping_segments(void **state)
{
    struct segment two[] = {{PT_LOAD, 0x800, 0x2000, 0x100, 0x200}, {PT_LOAD, 0x900, 0x21ff, 0x10, 0x10}};

    (void)state;
    make_elf(two, 2);
    assert_refused(NULL, NULL, EXIT_IMAGE, "(0x21ff-0x220f) and a segment of ");
    assert_non_null(strstr(error.text, "(0x2000-0x2200) overlap; link the program again"));
    two[1].paddr = 0x1ff1; /* from below, by its last byte */
    make_elf(two, 2);
    assert_refused(NULL, NULL, EXIT_IMAGE, "overlap");
    two[1].paddr = 0x1ff0;
    make_elf(two, 2);
    assert_int_equal(load_request(), 0);
    two[1].paddr = 0x2200;
    make_elf(two, 2);
    assert_int_equal(load_request(), 0);
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
        assert_refused(NULL, NULL, EXIT_IMAGE, "is truncated: its 1 program headers");
    }
    make_elf(&code, 1);
    store_be16(elf + 56, 0xfffe); /* more headers than the file holds */
    rewrite_elf();
    assert_refused(NULL, NULL, EXIT_IMAGE, "is truncated: its 65534 program headers");
    make_elf(&code, 1);
    write_file("image", elf, 63);
    assert_refused(NULL, NULL, EXIT_IMAGE, "is truncated");
    store_be16(elf + 56, 0);
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
         "does not fit into the guest's 16 MiB of memory; give at least --memory 17M"},
        {{PT_LOAD, 0, 0x40000000, 0x100, 0x100}, "give at least --memory 1025M"},
        {{PT_LOAD, 0, UINT64_MAX - 0x80, 0x100, 0x100}, "past the highest address"},
        {{PT_LOAD, 0, 0x2000, 0, UINT64_MAX}, "past the highest address"},
        {{PT_LOAD, 0, 0x2000, 0, UINT64_MAX - 0x2000}, "does not fit into"},
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
        many[i] = (struct segment){PT_LOAD, 0x800, 0x2000 + 0x100 * i, i & 1 ? 0x100 : 0, 0x100};
    many[0].filesz = 0x100;
    make_elf(many, IPL_MAX_SEGMENTS);
    assert_int_equal(load_request(), 0);
    make_elf(many, IPL_MAX_SEGMENTS + 1);
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

static void starts_where_it_is_told(void **state)
{
    (void)state;
    make_elf(&code, 1);
    store_be64(elf + 24, 0x7001); /* an entry that would be refused does not matter then */
    rewrite_elf();
    request.has_entry = true;
    request.entry = 0x2080;
    assert_loads(true, 0x2080, 0, 1);
    request.has_entry = false;
    request.has_psw = true;
    request.psw = (struct psw){0x0002000180000000, 0xbad};
    assert_int_equal(load_request(), 0);
    assert_int_equal(result.psw.mask, 0x0002000180000000);
    assert_int_equal(result.psw.addr, 0xbad);
}

/* A program that leaves the parameter area free. */
static void gives_arguments_and_initrd_to_a_program(void **state)
{
    (void)state;
    make_elf(&code, 1);
    write_file("initrd", "070701", 6);
    assert_int_equal(load("initrd", "one two"), 0);
    assert_int_equal(result.psw.addr, 0x2000);
    assert_int_equal(result.nranges, 1);
    assert_string_equal((char *)mem.base + 0x10480, "one two");
    assert_int_equal(load_be64(mem.base + 0x10408), 0x800000);
    assert_int_equal(load_be64(mem.base + 0x10410), 6);
    assert_memory_equal(mem.base + 0x800000, "070701", 6);
}

/* A segment over the parameter area, from 0x10000 on: with its entry there, the area is its own. */
static const struct segment low = {PT_LOAD, 0x800, 0x10000, 0x800, 0x800};

static void make_low_elf(uint64_t entry, uint64_t limit)
{
    make_elf(&low, 1);
    store_be64(elf + 24, entry);
    store_be64(elf + 0x800 + 0x430, limit);
    rewrite_elf();
}

static void gives_arguments_to_a_program_with_its_own_area(void **state)
{
    char text[0x381];

    (void)state;
    make_low_elf(0x10000, 0);
    write_file("initrd", "070701", 6);
    assert_int_equal(load("initrd", "one two"), 0);
    assert_int_equal(result.psw.addr, 0x10000);
    assert_string_equal((char *)mem.base + 0x10480, "one two");
    assert_int_equal(load_be64(mem.base + 0x10408), 0x800000);
    make_low_elf(0x10000, 5);
    assert_int_equal(load(NULL, "four"), 0);
    assert_refused(NULL, "fives", EXIT_USAGE, "has 5 characters; this image takes at most 4");
    /* No more than to the end of its segment, whatever it says. */
    make_low_elf(0x10000, UINT64_MAX);
    memset(text, 'x', sizeof text);
    text[0x37f] = 0;
    assert_int_equal(load(NULL, text), 0);
    text[0x37f] = 'x';
    text[0x380] = 0;
    assert_refused(NULL, text, EXIT_USAGE, "has 896 characters; this image takes at most 895");
    /* An entry that is given makes it its own, too; one elsewhere takes nothing away. */
    make_low_elf(0x10010, 0);
    request.has_entry = true;
    request.entry = 0x10000;
    assert_int_equal(load(NULL, "one two"), 0);
    make_low_elf(0x10000, 0);
    request.entry = 0x10010;
    assert_int_equal(load(NULL, "one two"), 0);
}

static void refuses_arguments_that_overwrite_a_program(void **state)
{
    struct segment far = {PT_LOAD, 0x800, 0x10486, 0x100, 0x100};

    (void)state;
    make_low_elf(0x10010, 0);
    write_file("initrd", "070701", 6);
    assert_refused(NULL, "quiet", EXIT_USAGE, "the text of --append (0x10480-0x10486) and a segment of");
    assert_non_null(strstr(error.text, "(0x10000-0x10800) overlap; leave it out or move the other"));
    assert_refused("initrd", NULL, EXIT_USAGE, "the address of the --initrd (0x10408-0x10418) and a segment");
    make_elf(&far, 1);
    store_be64(elf + 24, 0x10490);
    rewrite_elf();
    assert_int_equal(load(NULL, "quiet"), 0);
    assert_refused(NULL, "quiet!", EXIT_USAGE, "(0x10486-0x10586) overlap");
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

/* What an earlier guest left in memory makes no kernel of a program. */
static void looks_for_linux_only_in_what_it_loaded(void **state)
{
    (void)state;
    memcpy(mem.base + 0x10008, "S390EP", 6);
    store_be64(mem.base + 0x10430, 3);
    make_elf(&code, 1);
    assert_int_equal(load(NULL, "quiet"), 0);
    assert_int_equal(result.psw.addr, 0x2000);
    assert_int_equal(result.kernel_start, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_an_elf),
        TEST(clears_what_has_no_contents),
        TEST(takes_program_headers_of_other_sizes),
        TEST(refuses_overlapping_segments),
        TEST(refuses_other_elfs),
        TEST(refuses_headers_outside_the_file),
        TEST(refuses_bad_segments),
        TEST(refuses_entries_that_are_not_loaded),
        TEST(starts_where_it_is_told),
        TEST(gives_arguments_and_initrd_to_a_program),
        TEST(gives_arguments_to_a_program_with_its_own_area),
        TEST(refuses_arguments_that_overwrite_a_program),
        TEST(starts_a_linux_elf_as_an_image),
        TEST(looks_for_linux_only_in_what_it_loaded),
    };
    return cmocka_run_group_tests(tests, ipl_make_directory, ipl_remove_directory);
}
