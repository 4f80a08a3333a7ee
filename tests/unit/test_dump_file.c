/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a dump may go and what becomes of its file: names from a client and paths from the user, full disks,
 * limits, files that vanish, and dumps that are given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump_rig.h"

static struct dump *begin_in(struct rig *r, const char *name)
{
    return dump_begin_in(&r->machine, r->guest, r->dir, name, &r->e);
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void expect_file(const char *path, const char *text)
{
    size_t size;
    uint8_t *file = rig_read(path, &size);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(file, text, size);
    free(file);
}

static bool is_dump(const char *path)
{
    size_t size;
    uint8_t *file = rig_read(path, &size);
    bool is = size > 4 && memcmp(file, "\177ELF", 4) == 0;
    free(file);
    return is;
}

/* ---- names from a client ---- */

static void test_names_that_are_none(void **state)
{
    static const char *const names[] = {"",          ".",        "..",      "/tmp/x",  "a/b",
                                        "../vmcore", "a/",       ".hidden", "-rf",     "a b",
                                        "a\nb",      "a\x1b[2J", "a\x7f",   "\xc3\xa4"};
    struct rig *r = rig_open(MIB, 0);
    char longest[DUMP_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_null(begin_in(r, names[i]));
        assert_non_null(strstr(r->e.text, "plain name"));
    }
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_null(begin_in(r, longest));
    rig_close(r, NULL);
}

static void test_a_new_file(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;
    struct stat st;

    (void)state;
    assert_null(rig_run(r, begin_in(r, "vmcore"), &result));
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(is_dump(r->path));
    rig_close(r, "vmcore", NULL);
}

static void test_what_exists_stays(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    char link[128];

    (void)state;
    put_file(r->path, "precious");
    assert_null(begin_in(r, "vmcore"));
    assert_non_null(strstr(r->e.text, "/vmcore exists already: remove it, or choose another name"));
    expect_file(r->path, "precious");
    /* A link to nowhere would be a way to elsewhere. */
    snprintf(link, sizeof link, "%s/link", r->dir);
    assert_int_equal(symlink("elsewhere", link), 0);
    assert_null(begin_in(r, "link"));
    rig_close(r, "vmcore", "link", NULL);
}

static void test_no_directory(void **state)
{
    struct rig *r = rig_open(MIB, 0);

    (void)state;
    assert_null(dump_begin_in(&r->machine, r->guest, "/nonexistent", "vmcore", &r->e));
    assert_non_null(strstr(r->e.text, "/nonexistent/vmcore: No such file or directory"));
    assert_non_null(strstr(r->e.text, "--dump-dir"));
    rig_close(r, NULL);
}

/* ---- paths from the user ---- */

static void test_a_path_is_replaced_at_the_end(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;

    (void)state;
    put_file(r->path, "the last one");
    struct dump *d = dump_begin_at(&r->machine, r->guest, r->path, &r->e);
    assert_non_null(d);
    while (dump_step(d, 0, &r->e) > 0)
        expect_file(r->path, "the last one");
    assert_int_equal(dump_finish(d, &result, &r->e), 0);
    assert_true(is_dump(r->path));
    assert_string_equal(result.path, r->path);
    assert_int_equal(dump_write(&r->machine, NULL, r->path, &result, &r->e), 0);
    rig_close(r, "vmcore", NULL);
}

static void test_a_path_that_is_no_file(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;

    (void)state;
    assert_int_equal(dump_write(&r->machine, r->guest, "/dev/null", &result, &r->e), -1);
    assert_non_null(strstr(r->e.text, "/dev/null is there and no regular file"));
    assert_int_equal(dump_write(&r->machine, r->guest, r->dir, &result, &r->e), -1);
    assert_int_equal(dump_write(&r->machine, r->guest, "/nonexistent/vmcore", &result, &r->e), -1);
    assert_non_null(strstr(r->e.text, "No such file or directory"));
    rig_close(r, NULL);
}

/* ---- what goes wrong ---- */

static void test_given_up(void **state)
{
    struct rig *r = rig_open(MIB, 0);

    (void)state;
    memset(r->memory, 1, MIB);
    put_file(r->path, "the last one");
    struct dump *d = begin_in(r, "new");
    assert_int_equal(dump_step(d, 0, &r->e), 1);
    dump_abandon(d);
    d = dump_begin_at(&r->machine, r->guest, r->path, &r->e);
    assert_int_equal(dump_step(d, 0, &r->e), 1);
    dump_abandon(d);
    expect_file(r->path, "the last one");
    rig_close(r, "vmcore", NULL);
}

/* Until it is complete it cannot be taken for a dump. */
static void test_an_unfinished_file_is_no_dump(void **state)
{
    struct rig *r = rig_open(MIB, 0);

    (void)state;
    memset(r->memory, 1, MIB);
    struct dump *d = begin_in(r, "vmcore");
    while (dump_step(d, 0, &r->e) > 0)
        ;
    assert_false(is_dump(r->path));
    dump_abandon(d);
    rig_close(r, NULL);
}

static void with_limit(rlim_t bytes, void (*fn)(struct rig *r), struct rig *r)
{
    struct rlimit old, new;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    new = (struct rlimit){bytes, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &new), 0);
    fn(r);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
}

static void too_long(struct rig *r)
{
    struct dump_result result;

    assert_non_null(strstr(rig_run(r, begin_in(r, "vmcore"), &result), "File too large; allow longer files"));
    assert_non_null(strstr(r->e.text, "ulimit -f"));
}

static void test_a_limit(void **state)
{
    struct rig *r = rig_open(MIB, 0);

    (void)state;
    memset(r->memory, 1, MIB);
    with_limit(MIB, too_long, r);
    rig_close(r, NULL);
}

/* A file that takes nothing more, as on a full disk: /dev/full, put in the dump's place. */
static void test_a_full_disk(void **state)
{
    struct rig *r = rig_open(MIB, 0);

    (void)state;
    memset(r->memory, 1, MIB);
    struct dump *d = begin_in(r, "vmcore");
    int full = open("/dev/full", O_WRONLY);
    struct stat st, other;
    assert_int_equal(stat(r->path, &st), 0);
    for (int fd = 3; fd < full; fd++)
        if (fstat(fd, &other) == 0 && other.st_ino == st.st_ino && other.st_dev == st.st_dev)
            assert_int_equal(dup2(full, fd), fd);
    close(full);
    assert_int_equal(dump_step(d, 0, &r->e), -1);
    assert_non_null(strstr(r->e.text, "/vmcore: No space left on device; make room there"));
    assert_non_null(strstr(r->e.text, "--dump-dir"));
    dump_abandon(d);
    /* It does not take for its own what is not. */
    assert_int_equal(access(r->path, F_OK), 0);
    rig_close(r, "vmcore", NULL);
}

static void test_removed_meanwhile(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;

    (void)state;
    struct dump *d = begin_in(r, "vmcore");
    unlink(r->path);
    put_file(r->path, "of somebody else");
    assert_non_null(strstr(rig_run(r, d, &result), "was moved or removed"));
    d = dump_begin_at(&r->machine, r->guest, r->path, &r->e);
    dump_abandon(d);
    expect_file(r->path, "of somebody else");
    rig_close(r, "vmcore", NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_are_none),
        cmocka_unit_test(test_a_new_file),
        cmocka_unit_test(test_what_exists_stays),
        cmocka_unit_test(test_no_directory),
        cmocka_unit_test(test_a_path_is_replaced_at_the_end),
        cmocka_unit_test(test_a_path_that_is_no_file),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_an_unfinished_file_is_no_dump),
        cmocka_unit_test(test_a_limit),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_removed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
