/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPL of Linux images and flat binaries, what is loaded besides, where the guest starts, and each way in
 * which that can be wrong, with the message it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipl_rig.h"
#include "zgdbd/bytes.h"
#include "zgdbd/gunzip.h"

/* ---- a Linux image ---- */

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
    assert_refused(NULL, text, EXIT_USAGE, "896 characters; this image takes at most 895");
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
    (void)state;
    make_linux_image();
    write_file("initrd", "", 1);
    assert_int_equal(truncate(in_directory("initrd"), 0x800000), 0);
    assert_int_equal(load("initrd", NULL), 0);
    assert_int_equal(truncate(in_directory("initrd"), 0x800001), 0);
    assert_refused("initrd", NULL, EXIT_IMAGE,
                   "(0x800000-0x1000001) does not fit into the guest's 16 MiB of memory; give at least "
                   "--memory 17M");
    mem.size = 0x700000;
    assert_refused("initrd", NULL, EXIT_IMAGE, "does not fit into the guest's 7 MiB");
    mem.size = SIZE;
    assert_int_equal(truncate(in_directory("image"), SIZE + 1), 0);
    assert_refused(NULL, NULL, EXIT_IMAGE, "give at least --memory 17M");
}

/* The image's own command line is back after a reset that cleared nothing. */
static void loads_into_memory_that_was_not_cleared(void **state)
{
    (void)state;
    memset(mem.base, 0xaa, SIZE);
    make_linux_image();
    assert_int_equal(load(NULL, "quiet"), 0);
    assert_int_equal(load(NULL, NULL), 0);
    assert_memory_equal(mem.base, image, sizeof image);
    assert_int_equal(mem.base[sizeof image], 0xaa);
}

static void starts_an_image_elsewhere(void **state)
{
    (void)state;
    make_linux_image();
    request.has_entry = true;
    request.entry = 0x10010;
    assert_loads(false, 0x10010, 0x100000, 0);
    request.entry = SIZE - 2;
    assert_loads(false, SIZE - 2, 0x100000, 0);
    request.entry = SIZE;
    assert_request_refused(EXIT_USAGE, "--entry 0x1000000 lies outside the guest's 16 MiB");
    request.entry = 0x10011;
    assert_request_refused(EXIT_USAGE, "cannot start at 0x10011 (--entry): instruction addresses are even");
    request.has_entry = false;
    request.has_psw = true;
    request.psw = (struct psw){1, UINT64_MAX};
    assert_int_equal(load_request(), 0);
    assert_int_equal(result.psw.mask, 1);
    assert_int_equal(result.psw.addr, UINT64_MAX);
}

/* ---- a flat binary ---- */

static void loads_a_flat_binary(void **state)
{
    (void)state;
    write_file("image", "\177ELF, or so", 10);
    request.flat = true;
    request.load_address = 0x3000;
    assert_loads(false, 0x3000, 0, 1);
    assert_memory_equal(mem.base + 0x3000, "\177ELF, or s\0", 11);
    assert_int_equal(result.ranges[0].start, 0x3000);
    assert_int_equal(result.ranges[0].end, 0x300a);
    request.load_address = SIZE - 10;
    assert_loads(false, SIZE - 10, 0, 1);
    request.load_address = SIZE - 8;
    assert_request_refused(EXIT_IMAGE, "(0xfffff8-0x1000002) does not fit into the guest's 16 MiB");
    request.load_address = UINT64_MAX - 1;
    assert_request_refused(
        EXIT_IMAGE, "at 0xfffffffffffffffe, goes past the highest address; choose another --load-address");
    request.load_address = 0x3001;
    assert_request_refused(EXIT_USAGE, "cannot start at 0x3001 (--load-address)");
    request.has_entry = true;
    request.entry = 0x3004;
    assert_loads(false, 0x3004, 0, 1);
}

static void gives_arguments_to_a_flat_binary(void **state)
{
    (void)state;
    memset(image, 0, sizeof image); /* no "S390EP" in it */
    write_file("image", image, 0x1000);
    request.flat = true;
    request.load_address = 0x3000;
    assert_int_equal(load(NULL, "one two"), 0);
    assert_string_equal((char *)mem.base + 0x10480, "one two");
    request.load_address = 0x10000;
    assert_int_equal(load(NULL, "own area"), 0);
    assert_string_equal((char *)mem.base + 0x10480, "own area");
    request.load_address = 0xfffe;
    assert_refused(NULL, "none", EXIT_USAGE, "(0x10480-0x10485) and the image");
    /* A kernel of before 3.2, which says nothing of itself. */
    write_file("image", image, 0x11000);
    request.load_address = 0;
    request.has_entry = true;
    request.entry = 0x10000;
    assert_int_equal(load(NULL, "root=/dev/ram0"), 0);
    assert_string_equal((char *)mem.base + 0x10480, "root=/dev/ram0");
    request.has_entry = false;
    request.has_psw = true;
    request.psw = (struct psw){PSW_EA | PSW_BA, 0x10000};
    assert_int_equal(load(NULL, "noinitrd"), 0);
    assert_string_equal((char *)mem.base + 0x10480, "noinitrd");
    request.psw.addr = 0x10002;
    assert_refused(NULL, "none", EXIT_USAGE, "and the image");
}

static void knows_a_flat_linux_image(void **state)
{
    (void)state;
    make_linux_image();
    write_file("image", image + 0x10000, sizeof image - 0x10000);
    request.flat = true;
    request.load_address = 0x10000;
    assert_loads(false, 0x10000, 0x100000, 0);
}

/* ---- files besides ---- */

static void loads_other_files(void **state)
{
    struct ipl_extra extras[] = {{in_directory("one"), 0x300000}, {in_directory("two"), 0x300003}};

    (void)state;
    write_file("image", "abcd", 4);
    write_file("one", "one", 3);
    write_file("two", "two", 3);
    request = (struct ipl_request){
        .image = in_directory("image"), .flat = true, .load_address = 0x3000, .nextras = 2, .extras = extras};
    assert_loads(false, 0x3000, 0, 3);
    assert_memory_equal(mem.base + 0x300000, "onetwo", 7);
    assert_int_equal(result.ranges[2].start, 0x300003);
    assert_int_equal(result.ranges[2].end, 0x300006);
    extras[1].addr = SIZE - 2;
    assert_request_refused(EXIT_IMAGE, "two (0xfffffe-0x1000001) does not fit into the guest's 16 MiB");
    extras[1].addr = 0x2ffffe;
    assert_request_refused(EXIT_IMAGE, "two (0x2ffffe-0x300001) and the file ");
    assert_non_null(
        strstr(error.text, "one (0x300000-0x300003) overlap; choose another address with --load"));
    extras[1].addr = 0x3003;
    assert_request_refused(EXIT_IMAGE, "two (0x3003-0x3006) and the image ");
    extras[1].addr = 0x10480;
    assert_int_equal(load_request(), 0);
    assert_refused(NULL, "quiet", EXIT_USAGE, "and the file ");
    extras[1].path = in_directory("absent");
    assert_request_refused(EXIT_IMAGE, "absent: No such file");
}

/* Nothing is said of code that is there, since Linux may put itself over it. */
static void loads_other_files_besides_linux(void **state)
{
    struct ipl_extra extras[] = {{in_directory("one"), 0x900000}, {in_directory("two"), 0x801000}};

    (void)state;
    make_linux_image();
    write_file("one", "one", 3);
    write_file("two", "two", 3);
    write_file("initrd", "", 1);
    request.nextras = 2;
    request.extras = extras;
    assert_loads(false, 0x10000, 0x100000, 0);
    /* The initrd keeps clear of them: in between, if it fits there, else behind. */
    assert_int_equal(truncate(in_directory("initrd"), 0x1000), 0);
    assert_int_equal(load("initrd", NULL), 0);
    assert_int_equal(load_be64(mem.base + 0x10408), 0x800000);
    assert_int_equal(truncate(in_directory("initrd"), 0x1001), 0);
    assert_int_equal(load("initrd", NULL), 0);
    assert_int_equal(load_be64(mem.base + 0x10408), 0x802000);
    assert_int_equal(truncate(in_directory("initrd"), 0xfe001), 0);
    assert_int_equal(load("initrd", NULL), 0);
    assert_int_equal(load_be64(mem.base + 0x10408), 0x901000);
    assert_memory_equal(mem.base + 0x900000, "one", 3);
    extras[0].addr = SIZE - 3;
    assert_int_equal(truncate(in_directory("initrd"), 0x7fe000), 0);
    assert_refused("initrd", NULL, EXIT_IMAGE, "give at least --memory 24M");
}

/* ---- what is no image at all ---- */

static void refuses_other_files(void **state)
{
    (void)state;
    unlink(in_directory("image"));
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
    assert_int_equal(mkfifo(in_directory("fifo"), 0600), 0);
    assert_refused("fifo", NULL, EXIT_IMAGE, "not a regular file");
    assert_refused(".", NULL, EXIT_IMAGE, "is a directory");
    assert_refused("absent", NULL, EXIT_IMAGE, "No such file");
    write_file("initrd", "", 0);
    assert_refused("initrd", NULL, EXIT_IMAGE, "it is empty");
}

/* ---- gzip ---- */

static void unpacks_an_image(void **state)
{
    size_t size;

    (void)state;
    make_linux_image();
    unlink(in_directory("image"));
    append_gzip("image", image, 0x10000);
    size = append_gzip("image", image + 0x10000, sizeof image - 0x10000); /* a second member */
    assert_loads(false, 0x10000, 0x100000, 0);
    assert_memory_equal(mem.base, image, sizeof image);
    /* Linux unpacks its initrd by itself. */
    unlink(in_directory("initrd"));
    size = append_gzip("initrd", "070701", 6);
    assert_int_equal(load("initrd", NULL), 0);
    assert_int_equal(load_be64(mem.base + 0x10410), size);
    make_elf(&code, 1);
    unlink(in_directory("image"));
    append_gzip("image", elf, sizeof elf);
    request.initrd = NULL;
    assert_loads(true, 0x2000, 0, 1);
    request.flat = true;
    request.load_address = 0x5000;
    assert_loads(false, 0x5000, 0, 1);
    assert_memory_equal(mem.base + 0x5000, elf, sizeof elf);
}

static void refuses_what_cannot_be_unpacked(void **state)
{
    static uint8_t packed[0x8000];
    uint32_t random = 1;
    size_t size;

    (void)state;
    for (unsigned i = 0; i < 0x4000; i++) /* what does not become small */
        image[i] = (uint8_t)((random = random * 1103515245 + 12345) >> 16);
    unlink(in_directory("image"));
    size = append_gzip("image", image, 0x4000);
    assert_in_range(size, 0x1000, sizeof packed);
    FILE *f = fopen(in_directory("image"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(packed, 1, size, f), size);
    fclose(f);
    request.flat = true;
    assert_int_equal(load_request(), 0);
    for (size_t left = 3; left < size; left += left < 20 || left > size - 10 ? 1 : size - 30) {
        write_file("image", packed, left);
        assert_request_refused(EXIT_IMAGE, "it is truncated; try `gzip -t` on it");
    }
    packed[size - 8] ^= 1; /* the checksum */
    write_file("image", packed, size);
    assert_request_refused(EXIT_IMAGE, "its compressed data are damaged");
    packed[size - 8] ^= 1;
    memset(packed + size / 2, 0xff, 100);
    write_file("image", packed, size);
    assert_request_refused(EXIT_IMAGE, "its compressed data are damaged");
    unlink(in_directory("image"));
    append_gzip("image", "", 0);
    assert_request_refused(EXIT_IMAGE, "it is empty");
}

/* Some kilobytes that would unpack to more than the guest's memory and what an ELF may have besides. */
static void refuses_a_bomb(void **state)
{
    uint8_t *zeros = calloc(1, SIZE + GUNZIP_BEYOND_MEMORY);

    (void)state;
    assert_non_null(zeros);
    unlink(in_directory("image"));
    append_gzip("image", zeros, SIZE + GUNZIP_BEYOND_MEMORY);
    request.flat = true;
    assert_request_refused(EXIT_IMAGE, "does not fit into the guest's 16 MiB"); /* unpacked, and looked at */
    append_gzip("image", zeros, 1);
    assert_request_refused(EXIT_IMAGE, "it has more than 32 MiB, too much for the guest's memory");
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_a_linux_image),
        TEST(places_initrd_and_command_line),
        TEST(places_the_initrd_past_a_large_kernel),
        TEST(limits_the_command_line),
        TEST(refuses_what_does_not_fit),
        TEST(loads_into_memory_that_was_not_cleared),
        TEST(starts_an_image_elsewhere),
        TEST(loads_a_flat_binary),
        TEST(gives_arguments_to_a_flat_binary),
        TEST(knows_a_flat_linux_image),
        TEST(loads_other_files),
        TEST(loads_other_files_besides_linux),
        TEST(refuses_other_files),
        TEST(unpacks_an_image),
        TEST(refuses_what_cannot_be_unpacked),
        TEST(refuses_a_bomb),
    };
    return cmocka_run_group_tests(tests, ipl_make_directory, ipl_remove_directory);
}
