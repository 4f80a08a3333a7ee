/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps as others read them: libkdumpfile, with which crash's and drgn's kind of tools open them, and the
 * engine on a dump, which must show the machine that was dumped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libkdumpfile/kdumpfile.h>

#include "dump_rig.h"
#include "zgdbd/bytes.h"
#include "zgdbd/core.h"

#define MEMORY (3 * MIB)
#define INFO "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nKERNELOFFSET=0\n"

/* A dump of random memory with zeros and a hole, in r->path. */
static struct rig *dumped(void)
{
    struct rig *r = rig_open(MEMORY, 1u << REG_RI);
    struct dump_result result;
    uint32_t seed = 1;

    for (size_t i = 0; i < MEMORY; i++) {
        seed = seed * 1103515245 + 12345;
        r->memory[i] = (uint8_t)(seed >> 24);
    }
    memset(r->memory, 0, 0x10000);
    memset(r->memory + MIB, 0, 0x5000);
    rig_vmcoreinfo(r, INFO);
    r->holes[0].start = 2 * MIB;
    r->holes[0].end = 2 * MIB + 0x10000;
    r->nholes = 1;
    assert_null(rig_run(r, dump_begin_in(&r->machine, r->guest, r->dir, "vmcore", &r->e), &result));
    /* The last page of a hole is not told from the segment behind it by libkdumpfile: zeros. */
    memset(r->memory + r->holes[0].start, 0, 0x10000);
    return r;
}

static bool in_hole(const struct rig *r, uint64_t at)
{
    return at >= r->holes[0].start && at < r->holes[0].end;
}

static void expect_text(kdump_ctx_t *k, const char *key, const char *expected)
{
    const char *text;

    assert_int_equal(kdump_get_string_attr(k, key, &text), KDUMP_OK);
    assert_string_equal(text, expected);
}

static void expect_number(kdump_ctx_t *k, const char *key, uint64_t expected)
{
    kdump_num_t number;

    assert_int_equal(kdump_get_number_attr(k, key, &number), KDUMP_OK);
    assert_int_equal(number, expected);
}

/* What the fake's register of this number is. */
static uint64_t register_of(struct rig *r, unsigned cpu, unsigned reg)
{
    uint8_t bytes[REG_MAX_BYTES];

    assert_int_equal(machine_read_reg(&r->machine, cpu, reg, bytes), 0);
    return reg_table[reg].bytes == 4 ? load_be32(bytes) : load_be64(bytes);
}

static void test_what_libkdumpfile_says(void **state)
{
    struct rig *r = dumped();
    int fd = open(r->path, O_RDONLY);
    kdump_ctx_t *k = kdump_new();
    char key[64];

    (void)state;
    assert_int_equal(kdump_open_fd(k, fd), KDUMP_OK);
    expect_text(k, "file.format", "elf");
    expect_text(k, "arch.name", "s390x");
    expect_number(k, "arch.byte_order", KDUMP_BIG_ENDIAN);
    expect_number(k, "cpu.number", 2);
    expect_text(k, "linux.vmcoreinfo.lines.OSRELEASE", "6.1.0-test");
    expect_text(k, "linux.vmcoreinfo.lines.KERNELOFFSET", "0");
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        snprintf(key, sizeof key, "cpu.%u.reg.pswm", cpu);
        expect_number(k, key, register_of(r, cpu, REG_PSWM));
        snprintf(key, sizeof key, "cpu.%u.reg.pswa", cpu);
        expect_number(k, key, register_of(r, cpu, REG_PSWA));
        snprintf(key, sizeof key, "cpu.%u.reg.r15", cpu);
        expect_number(k, key, register_of(r, cpu, REG_R0 + 15));
        snprintf(key, sizeof key, "cpu.%u.reg.a7", cpu);
        expect_number(k, key, register_of(r, cpu, REG_A0 + 7));
    }
    kdump_free(k);
    close(fd);
    rig_close(r, "vmcore", NULL);
}

static void test_memory_by_libkdumpfile(void **state)
{
    struct rig *r = dumped();
    int fd = open(r->path, O_RDONLY);
    kdump_ctx_t *k = kdump_new();
    uint8_t page[4096];

    (void)state;
    assert_int_equal(kdump_open_fd(k, fd), KDUMP_OK);
    for (uint64_t at = 0; at < MEMORY; at += sizeof page) {
        size_t n = sizeof page;
        kdump_status status = kdump_read(k, KDUMP_MACHPHYSADDR, at, page, &n);

        if (in_hole(r, at) && status == KDUMP_ERR_NODATA)
            continue;
        assert_int_equal(status, KDUMP_OK);
        assert_memory_equal(page, r->memory + at, sizeof page);
    }
    kdump_free(k);
    close(fd);
    rig_close(r, "vmcore", NULL);
}

/* Every register that both have, and all of memory. */
static void test_the_engine_on_it(void **state)
{
    struct rig *r = dumped();
    struct machine *m = core_open(r->path, &r->e);
    uint8_t expected[REG_MAX_BYTES], bytes[REG_MAX_BYTES], page[4096];

    (void)state;
    assert_non_null(m);
    assert_int_equal(m->ncpus, 2);
    assert_int_equal(m->memory, MEMORY);
    for (unsigned cpu = 0; cpu < 2; cpu++)
        for (unsigned reg = 0; reg < REG_FPC + 17; reg++) {
            assert_int_equal(machine_read_reg(&r->machine, cpu, reg, expected), 0);
            assert_int_equal(machine_read_reg(m, cpu, reg, bytes), 0);
            assert_memory_equal(bytes, expected, reg_table[reg].bytes);
        }
    for (uint64_t at = 0; at < MEMORY; at += sizeof page) {
        size_t n = machine_read_memory(m, 0, SPACE_ABSOLUTE, at, page, sizeof page);

        if (!in_hole(r, at))
            assert_int_equal(n, sizeof page);
        assert_memory_equal(page, r->memory + at, n);
    }
    machine_destroy(m);
    rig_close(r, "vmcore", NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_libkdumpfile_says),
        cmocka_unit_test(test_memory_by_libkdumpfile),
        cmocka_unit_test(test_the_engine_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
