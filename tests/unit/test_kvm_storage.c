/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's memory: more than the host has, and files that keep it. What is refused leaves every file as it
 * was; what is used is locked, reserved, cleared and holds the guest's memory in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm_rig.h"

#define MIB 0x100000ULL
#define MARKER 0x300008 /* past the image */

static char directory[64];
static char path[80];

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/zgdbd-storage-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/memory", directory);
    rig_prepare(RIG_ELF);
    rig_config.memory_file = path;
    return 0;
}

static int teardown(void **state)
{
    int rc = rig_teardown(state);

    unlink(path);
    return rc || rmdir(directory) ? -1 : 0;
}

static void assert_refused(const char *words)
{
    assert_false(rig_create());
    assert_int_equal(rig_err.status, EXIT_OTHER);
    rig_assert_says(words);
}

static struct stat file(void)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st;
}

/* A file of this size whose marker is 0x1122334455667788. */
static void make_file(off_t size)
{
    static const uint8_t marker[] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(pwrite(fd, marker, sizeof marker, MARKER), sizeof marker);
    close(fd);
}

static uint64_t in_file(off_t at)
{
    uint8_t bytes[8] = {0};
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, bytes, sizeof bytes, at), sizeof bytes);
    close(fd);
    return load_be64(bytes);
}

static void end_guest(void)
{
    machine_destroy(rig);
    rig = NULL;
    assert_int_equal(kernel.open_fds, 0);
    assert_int_equal(kernel.mappings, 0);
}

/* ---- sizes ---- */

static void more_than_is_available(void **state)
{
    (void)state;
    rig_config.memory_file = NULL;
    kernel.memory_available = RIG_MEMORY - 1;
    assert_refused("cannot have 16 MiB");
    rig_assert_says("15 MiB available");
    rig_assert_says("--memory");
    kernel.memory_available = RIG_MEMORY;
    assert_true(rig_create());
}

static void more_than_can_be_mapped(void **state)
{
    (void)state;
    kernel.fail_mmap = 1;
    assert_refused("cannot map 16 MiB");
    rig_assert_says("Cannot allocate memory");
    rig_config.memory_file = NULL;
    rig_config.memory = UINT64_MAX - 0xfffff;
    assert_refused("choose less with --memory");
}

static void one_mebibyte(void **state)
{
    (void)state;
    rig_config.memory = MIB;
    assert_true(rig_create());
    assert_int_equal(file().st_size, MIB);
    rig_config.memory_file = NULL;
    end_guest();
    assert_true(rig_create());
    rig_put64(MIB - 8, 1);
    assert_int_equal(kernel.size, MIB);
}

static void the_host_tells(void **state)
{
    uint64_t available = kvm_host.memory_available();
    int fd = open(directory, O_RDONLY);

    (void)state;
    assert_in_range(available, MIB, 1ULL << 50);
    assert_in_range(kvm_host.file_space(fd), 0, 1ULL << 60);
    close(fd);
    assert_int_equal(kvm_host.file_space(-1), UINT64_MAX);
}

/* ---- a file that is used ---- */

static void a_new_file_keeps_the_memory(void **state)
{
    (void)state;
    umask(022);
    assert_true(rig_create());
    assert_int_equal(file().st_mode & 07777, 0600);
    assert_int_equal(file().st_size, RIG_MEMORY);
    assert_true((uintptr_t)kernel.memory % MIB == 0);
    assert_int_equal(kernel.size, RIG_MEMORY);
    rig_put64(MARKER, 0xaabbccdd00112233);
    rig_put64(RIG_MEMORY - 8, 7);
    end_guest();
    assert_int_equal(in_file(MARKER), 0xaabbccdd00112233);
    assert_int_equal(in_file(RIG_MEMORY - 8), 7);
}

static void an_empty_file_is_used(void **state)
{
    (void)state;
    close(open(path, O_CREAT | O_WRONLY, 0640));
    assert_true(rig_create());
    assert_int_equal(file().st_size, RIG_MEMORY);
    assert_int_equal(file().st_mode & 07777, 0640);
}

/* The three ways of clearing; what is reserved stays so. */
static void starts_and_resets_with_zeros(void)
{
    blkcnt_t blocks;

    make_file(RIG_MEMORY);
    assert_true(rig_create());
    rig_assert_bytes(MARKER, "0000000000000000");
    blocks = file().st_blocks;
    rig_put64(MARKER, 5);
    rig_put64(RIG_MEMORY - 8, 7);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_assert_bytes(MARKER, "0000000000000000");
    rig_assert_bytes(RIG_MEMORY - 8, "0000000000000000");
    assert_int_equal(rig_reg(REG_PSWA), RIG_ENTRY);
    assert_int_equal(file().st_size, RIG_MEMORY);
    if (!kernel.fallocate_errno)
        assert_in_range(file().st_blocks, blocks, INT64_MAX);
    end_guest();
    assert_int_equal(in_file(MARKER), 0);
}

static void a_file_of_this_size_is_cleared(void **state)
{
    (void)state;
    starts_and_resets_with_zeros();
}

static void where_no_range_can_be_zeroed(void **state)
{
    (void)state;
    kernel.zero_range_errno = EOPNOTSUPP;
    starts_and_resets_with_zeros();
}

static void where_nothing_can_be_reserved(void **state)
{
    (void)state;
    kernel.fallocate_errno = EOPNOTSUPP;
    starts_and_resets_with_zeros();
    assert_true(rig_create());
    assert_in_range(file().st_blocks, 0, RIG_MEMORY / 512 / 2); /* touched lazily */
}

/* There the guest must not meet a page that was not yet written to. */
static void where_protection_is_not_suppressed(void **state)
{
    (void)state;
    kernel.fallocate_errno = EOPNOTSUPP;
    kernel.hidden[0] = KVM_CAP_S390_COW;
    starts_and_resets_with_zeros();
    unlink(path);
    assert_true(rig_create());
    assert_in_range(file().st_blocks, RIG_MEMORY / 512, INT64_MAX);
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    assert_in_range(file().st_blocks, RIG_MEMORY / 512, INT64_MAX);
}

static void space_is_reserved(void **state)
{
    int fd = open(directory, O_RDWR | O_TMPFILE, 0600);
    int can = fallocate(fd, 0, 0, 4096);

    (void)state;
    close(fd);
    assert_true(rig_create());
    assert_int_equal(kernel.fallocates, 1);
    if (can == 0)
        assert_in_range(file().st_blocks, RIG_MEMORY / 512, INT64_MAX);
}

static void files_space_is_not_the_hosts_memory(void **state)
{
    (void)state;
    kernel.memory_available = MIB;
    assert_true(rig_create());
}

/* ---- a file that is refused ---- */

static void assert_kept(off_t size)
{
    assert_int_equal(file().st_size, size);
    assert_int_equal(in_file(MARKER), 0x1122334455667788);
}

static void a_file_of_another_size(void **state)
{
    (void)state;
    make_file(RIG_MEMORY + 1);
    assert_refused("it has 16777217 bytes, the guest 16777216 (16M)");
    assert_kept(RIG_MEMORY + 1);
    make_file(0x400000);
    assert_refused("is left as it is");
    assert_kept(0x400000);
}

static void what_is_no_file(void **state)
{
    (void)state;
    rig_config.memory_file = directory;
    assert_refused("this is a directory");
    rig_config.memory_file = "/dev/null";
    assert_refused("this is a device");
    assert_int_equal(mkfifo(path, 0600), 0);
    rig_config.memory_file = path;
    assert_refused("this is a FIFO");
}

static void what_cannot_be_opened(void **state)
{
    (void)state;
    rig_config.memory_file = "/nonexistent/memory";
    assert_refused("/nonexistent/memory: cannot open it: No such file or directory");
}

static void a_file_in_use(void **state)
{
    int fd;

    (void)state;
    make_file(RIG_MEMORY);
    fd = open(path, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_refused("another guest");
    assert_kept(RIG_MEMORY);
    close(fd);
    assert_true(rig_create());
    fd = open(path, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    end_guest();
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    close(fd);
}

static void no_room(void **state)
{
    (void)state;
    kernel.file_space = 5 * MIB;
    assert_refused("no room for 16 MiB: 5 MiB are free there");
    assert_int_equal(access(path, F_OK), -1);
    make_file(RIG_MEMORY);
    assert_refused("5 MiB are free");
    assert_kept(RIG_MEMORY);
}

static void the_file_system_is_full(void **state)
{
    (void)state;
    kernel.fallocate_errno = ENOSPC;
    assert_refused("no room for 16 MiB: No space left on device");
    assert_int_equal(access(path, F_OK), -1);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_refused("No space left on device");
    assert_int_equal(file().st_size, 0);
    assert_int_equal(file().st_blocks, 0);
    make_file(RIG_MEMORY);
    assert_refused("No space left");
    assert_kept(RIG_MEMORY);
}

/* What the file has already need not be free. */
static void room_that_the_file_has(void **state)
{
    static uint8_t half[RIG_MEMORY / 2];
    uint64_t held;
    int fd;

    (void)state;
    make_file(RIG_MEMORY);
    fd = open(path, O_RDWR);
    memset(half, 1, sizeof half);
    assert_int_equal(pwrite(fd, half, sizeof half, RIG_MEMORY / 2), sizeof half);
    fsync(fd);
    close(fd);
    held = (uint64_t)file().st_blocks * 512;
    assert_in_range(held, RIG_MEMORY / 2, RIG_MEMORY - 1);
    kernel.file_space = RIG_MEMORY - held - 1;
    assert_refused("no room for 16 MiB");
    assert_kept(RIG_MEMORY);
    kernel.file_space = RIG_MEMORY - held;
    assert_true(rig_create());
}

static void a_file_that_cannot_be_mapped(void **state)
{
    (void)state;
    kernel.fail_mmap = 2;
    assert_refused("cannot map it: Cannot allocate memory");
    assert_int_equal(access(path, F_OK), -1);
}

/* ---- a file that is cut off under the guest ---- */

static void what_is_cut_off_is_zero(void **state)
{
    (void)state;
#ifdef __s390x__
    skip(); /* qemu-user tells the handler an address of its host; test_sizes.py does this on s390x */
#endif
    assert_true(rig_create());
    rig_put64(MARKER, 0xaabbccdd00112233);
    rig_put64(0x8, 0x1122334455667788);
    assert_int_equal(truncate(path, 0x1000), 0);
    rig_assert_bytes(MARKER, "0000000000000000");
    rig_assert_bytes(0x8, "1122334455667788");
    rig_put64(MARKER, 5);
    rig_assert_bytes(MARKER, "0000000000000005");
    assert_int_equal(file().st_size, 0x1000);
    /* A reset makes it whole: memory is kept again. */
    assert_int_equal(machine_reset(rig, RESET_LOAD_CLEAR, NULL, &rig_err), 0);
    rig_assert_bytes(MARKER, "0000000000000000");
    assert_int_equal(file().st_size, RIG_MEMORY);
    rig_put64(MARKER, 6);
    rig_put64(RIG_MEMORY - 8, 7);
    end_guest();
    assert_int_equal(in_file(MARKER), 6);
    assert_int_equal(in_file(RIG_MEMORY - 8), 7);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---- memory in place ---- */

#define PAGE 4096u

static const uint8_t *base; /* where absolute 0 is */

/* Nobody has touched the four pages from 0x200000 on, nor what is behind 0x300000; the page before is in
 * swap, all others are in memory. */
static size_t some_touched(const void *page, size_t n, uint64_t *entries)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t at = (uint64_t)((const uint8_t *)page - base) + i * PAGE;
        bool no = (at >= 0x200000 && at < 0x204000) || at >= 0x300000;

        entries[i] = no ? 1ULL << 61 | 1ULL << 55 : at == 0x1ff000 ? 1ULL << 62 : 1ULL << 63;
    }
    return n;
}

static void expect_in_place(uint64_t at, uint64_t len, uint64_t expected)
{
    const uint8_t *bytes;

    assert_int_equal(machine_look(rig, at, len, &bytes), expected);
    assert_ptr_equal(bytes, base + at);
}

static void expect_untouched(uint64_t at, uint64_t len, uint64_t expected)
{
    const uint8_t *bytes;

    assert_int_equal(machine_look(rig, at, len, &bytes), expected);
    assert_null(bytes);
}

static void what_nobody_has_touched(void **state)
{
    uint64_t size;

    (void)state;
    rig_config.memory_file = NULL;
    assert_true(rig_create());
    size = rig->memory;
    assert_int_equal(machine_look(rig, 0, size, &base), size);
    assert_int_equal(machine_write_memory(rig, 0, SPACE_ABSOLUTE, MARKER, "x", 1), 1);
    assert_int_equal(base[MARKER], 'x');
    kernel.page_map = some_touched;
    expect_in_place(0x1ff000, size, PAGE);
    expect_in_place(0x1ffff0, size, 0x10);
    expect_in_place(0x1fe000, PAGE, PAGE);
    expect_in_place(0x1fe008, 8, 8);
    expect_untouched(0x200000, size, 4 * PAGE);
    expect_untouched(0x203ff0, size, 0x10);
    expect_untouched(0x200000, 8, 8);
    expect_in_place(0x204000, size, 0x300000 - 0x204000);
    expect_untouched(size - 2 * PAGE, size, 2 * PAGE);
    assert_int_equal(machine_look(rig, size, 1, &base), 0);
}

/* What of a file is in memory tells nothing of what is in it. */
static void a_file_may_be_anywhere(void **state)
{
    (void)state;
    assert_true(rig_create());
    assert_int_equal(machine_look(rig, 0, rig->memory, &base), rig->memory);
    kernel.page_map = some_touched;
    expect_in_place(0x200000, rig->memory - 0x200000, rig->memory - 0x200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(more_than_is_available),
        TEST(more_than_can_be_mapped),
        TEST(one_mebibyte),
        TEST(the_host_tells),
        TEST(a_new_file_keeps_the_memory),
        TEST(an_empty_file_is_used),
        TEST(a_file_of_this_size_is_cleared),
        TEST(where_no_range_can_be_zeroed),
        TEST(where_nothing_can_be_reserved),
        TEST(where_protection_is_not_suppressed),
        TEST(space_is_reserved),
        TEST(files_space_is_not_the_hosts_memory),
        TEST(a_file_of_another_size),
        TEST(what_is_no_file),
        TEST(what_cannot_be_opened),
        TEST(a_file_in_use),
        TEST(no_room),
        TEST(the_file_system_is_full),
        TEST(room_that_the_file_has),
        TEST(what_is_cut_off_is_zero),
        TEST(a_file_that_cannot_be_mapped),
        TEST(what_nobody_has_touched),
        TEST(a_file_may_be_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
