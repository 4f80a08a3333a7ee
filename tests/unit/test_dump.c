/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in a dump: every byte of its headers and notes, memory with its holes, and that what is zero takes
 * no room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dump_rig.h"
#include "zgdbd/bytes.h"

#define INFO "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nKERNELOFFSET=0\n"

static uint8_t *dumped(struct rig *r, struct dump_result *result, size_t *size)
{
    assert_null(rig_run(r, dump_begin_in(&r->machine, r->guest, r->dir, "vmcore", &r->e), result));
    return rig_read(r->path, size);
}

/* ---- headers ---- */

static void test_header(void **state)
{
    static const uint8_t begin[] = {0x7f, 'E', 'L', 'F', 2, 2,  1, 0,  0, 0, 0, 0, 0, 0, 0, 0,
                                    0,    4,   0,   22,  0, 0,  0, 1,  0, 0, 0, 0, 0, 0, 0, 0,
                                    0,    0,   0,   0,   0, 0,  0, 64, 0, 0, 0, 0, 0, 0, 0, 0,
                                    0,    0,   0,   0,   0, 64, 0, 56, 0, 2, 0, 0, 0, 0, 0, 0};
    struct rig *r = rig_open(2 * MIB, 0);
    struct dump_result result;
    size_t size;
    uint8_t *file = dumped(r, &result, &size);
    Elf64_Phdr notes = rig_segment(file, 0), memory = rig_segment(file, 1);

    (void)state;
    assert_memory_equal(file, begin, sizeof begin);
    assert_true(notes.p_offset >= 64 + 2 * 56 && notes.p_offset % 4 == 0);
    assert_true(notes.p_offset + notes.p_filesz <= memory.p_offset);
    assert_int_equal(memory.p_type, PT_LOAD);
    assert_int_equal(memory.p_flags, PF_R | PF_W | PF_X);
    assert_int_equal(memory.p_offset % 4096, 0);
    assert_int_equal(memory.p_vaddr, 0);
    assert_int_equal(memory.p_paddr, 0);
    assert_int_equal(memory.p_filesz, 2 * MIB);
    assert_int_equal(memory.p_memsz, 2 * MIB);
    assert_int_equal(memory.p_align, 4096);
    assert_int_equal(size, memory.p_offset + 2 * MIB);
    assert_int_equal(result.size, size);
    assert_string_equal(result.path, r->path);
    assert_string_equal(result.release, "");
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* ---- notes ---- */

/* The fake's register has its number, plus 0x80 for CPU 1, in every byte. */
static void expect_register(const uint8_t *at, unsigned cpu, unsigned reg, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(at[i], (uint8_t)(reg + 0x80 * cpu));
}

static void expect_registers(const uint8_t *at, unsigned cpu, unsigned first, unsigned n, size_t bytes)
{
    for (unsigned i = 0; i < n; i++)
        expect_register(at + i * bytes, cpu, first + i, bytes);
}

static void expect_zeros(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(at[i], 0);
}

/* struct elf_prstatus of s390x, every byte of it. */
static void expect_prstatus(const uint8_t *file, unsigned cpu)
{
    uint32_t size;
    const uint8_t *d = rig_note(file, 1, cpu, "CORE", &size);

    assert_int_equal(size, 336);
    expect_zeros(d, 32);
    assert_int_equal(load_be32(d + 32), cpu + 1);
    expect_zeros(d + 36, 76);
    expect_registers(d + 112, cpu, REG_PSWM, 2, 8);
    expect_registers(d + 128, cpu, REG_R0, 16, 8);
    expect_registers(d + 256, cpu, REG_A0, 16, 4);
    expect_zeros(d + 320, 16);
}

static void expect_note(const uint8_t *file, unsigned cpu, uint32_t type, unsigned reg, unsigned n,
                        size_t bytes)
{
    uint32_t size;
    const uint8_t *d = rig_note(file, type, cpu, "LINUX", &size);

    assert_non_null(d);
    assert_int_equal(size, n * bytes);
    expect_registers(d, cpu, reg, n, bytes);
}

static void expect_cpu(const uint8_t *file, unsigned cpu)
{
    uint32_t size;
    const uint8_t *d;

    expect_prstatus(file, cpu);
    d = rig_note(file, 2, cpu, "CORE", &size);
    assert_int_equal(size, 136);
    expect_register(d, cpu, REG_FPC, 4);
    expect_zeros(d + 4, 4);
    expect_registers(d + 8, cpu, REG_F0, 16, 8);
    expect_note(file, cpu, 0x301, REG_CPUTM, 1, 8);
    d = rig_note(file, 0x302, cpu, "LINUX", &size);
    assert_int_equal(size, 8);
    expect_zeros(d, 1); /* as Linux has it, and the store-status operation */
    expect_register(d + 1, cpu, REG_CKC, 7);
    expect_note(file, cpu, 0x303, REG_TODPR, 1, 4);
    expect_note(file, cpu, 0x304, REG_C0, 16, 8);
    expect_note(file, cpu, 0x305, REG_PREFIX, 1, 4);
    expect_note(file, cpu, 0x306, REG_LAST_BREAK, 1, 8);
    expect_note(file, cpu, 0x309, REG_V0L, 16, 8);
    expect_note(file, cpu, 0x30a, REG_V16, 16, 16);
    d = rig_note(file, 0x30b, cpu, "LINUX", &size);
    assert_int_equal(size, 32);
    expect_zeros(d, 8);
    expect_registers(d + 8, cpu, REG_GSD, 3, 8);
    expect_note(file, cpu, 0x30d, REG_RICCB, 1, 64);
}

static void test_notes(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;
    size_t size;
    uint8_t *file = dumped(r, &result, &size);
    uint32_t n;

    (void)state;
    /* CPU 0 of the fake: its PSW would be all zeros. */
    expect_cpu(file, 0);
    expect_cpu(file, 1);
    assert_null(rig_note(file, 1, 2, "CORE", &n));
    assert_null(rig_note(file, 0, 0, "VMCOREINFO", &n));
    assert_int_equal(result.cpus, 2);
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* A reader knows by NT_PRSTATUS that another CPU begins. */
static void test_order_of_notes(void **state)
{
    static const uint32_t cpu[] = {1, 2, 0x301, 0x302, 0x303, 0x304, 0x305, 0x306};
    struct rig *r = rig_open(MIB, 1u << REG_VX | 1u << REG_GS | 1u << REG_RI);
    struct dump_result result;
    size_t size, n = 0;

    (void)state;
    rig_vmcoreinfo(r, INFO);
    uint8_t *file = dumped(r, &result, &size);
    Elf64_Phdr notes = rig_segment(file, 0);
    for (const uint8_t *at = file + notes.p_offset; at < file + notes.p_offset + notes.p_filesz; n++) {
        assert_int_equal(load_be32(at + 8), n < 16 ? cpu[n % 8] : 0);
        at += 12 + ((load_be32(at) + 3) & ~3u) + ((load_be32(at + 4) + 3) & ~3u);
    }
    assert_int_equal(n, 17);
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* A dump that is dumped again may lack a register: then the note is not there, but the CPU is. */
static void test_what_cannot_be_read_has_no_note(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;
    size_t size;
    uint32_t n;

    (void)state;
    r->fake->unreadable_reg = REG_C0 + 7;
    uint8_t *file = dumped(r, &result, &size);
    expect_prstatus(file, 1);
    assert_null(rig_note(file, 0x304, 0, "LINUX", &n));
    expect_note(file, 1, 0x303, REG_TODPR, 1, 4);
    expect_note(file, 1, 0x305, REG_PREFIX, 1, 4);
    free(file);
    rig_close(r, "vmcore", NULL);
}

static void test_vmcoreinfo(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;
    size_t size;
    uint32_t n;

    (void)state;
    rig_vmcoreinfo(r, INFO);
    uint8_t *file = dumped(r, &result, &size);
    const uint8_t *text = rig_note(file, 0, 0, "VMCOREINFO", &n);
    assert_non_null(text);
    assert_int_equal(n, sizeof INFO - 1);
    assert_memory_equal(text, INFO, n);
    assert_string_equal(result.release, "6.1.0-test");
    assert_int_equal(rig_segment(file, 1).p_vaddr, 0);
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* 6.10 and later: virtual addresses are those of the identity mapping, wherever that is. */
static void test_identity_base(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;
    size_t size;

    (void)state;
    rig_vmcoreinfo(r, INFO "NUMBER(IDENTITYBASE)=1\nIDENTITYBASE=12340000000000\n");
    uint64_t base = linux_facts(r->guest)->identity_base;
    assert_int_equal(base, 0x12340000000000);
    uint8_t *file = dumped(r, &result, &size);
    assert_int_equal(rig_segment(file, 1).p_vaddr, base);
    assert_int_equal(rig_segment(file, 1).p_paddr, 0);
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* ---- memory ---- */

static void fill(uint8_t *at, size_t n)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1103515245 + 12345;
        at[i] = (uint8_t)(seed >> 24);
    }
}

static void test_memory(void **state)
{
    struct rig *r = rig_open(3 * MIB, 0);
    struct dump_result result;
    size_t size;

    (void)state;
    fill(r->memory, 3 * MIB);
    uint8_t *file = dumped(r, &result, &size);
    assert_memory_equal(file + rig_segment(file, 1).p_offset, r->memory, 3 * MIB);
    assert_int_equal(result.memory, 3 * MIB);
    assert_int_equal(result.unreadable, 0);
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* A page that has one byte anywhere is written, and only that. */
static void test_zeros_take_no_room(void **state)
{
    static const size_t bytes[] = {0, 7, 8, 9, 2048, 4088, 4095};
    struct rig *r = rig_open(8 * MIB, 0);
    struct dump_result result;
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
        r->memory[(i + 1) * MIB + i * 4096 + bytes[i]] = 1;
    uint8_t *file = dumped(r, &result, &size);
    assert_memory_equal(file + rig_segment(file, 1).p_offset, r->memory, 8 * MIB);
    struct stat st;
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_size, size);
    assert_int_equal(st.st_blocks * 512, result.on_disk);
    assert_true(result.on_disk >= 7 * 4096);
    assert_true(result.on_disk <= 7 * 4096 + 64 * 1024); /* headers, and what the file system needs */
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* What can be seen in place is not copied, and what nobody has touched not even looked at. */
static void test_memory_in_place(void **state)
{
    struct rig *r = rig_open(8 * MIB, 0);
    struct dump_result result;
    size_t size, reads;

    (void)state;
    fill(r->memory, 8 * MIB);
    r->untouched = MIB + 0x3000;
    r->touched = 7 * MIB;
    rig_shows(r);
    linux_facts(r->guest);
    reads = r->reads;
    uint8_t *file = dumped(r, &result, &size);
    assert_int_equal(r->reads, reads);
    memset(r->memory + r->untouched, 0, r->touched - r->untouched);
    assert_memory_equal(file + rig_segment(file, 1).p_offset, r->memory, 8 * MIB);
    assert_int_equal(rig_segment(file, 1).p_filesz, 8 * MIB);
    assert_true(result.on_disk < 3 * MIB);
    free(file);
    rig_close(r, "vmcore", NULL);
}

static void hole(struct rig *r, uint64_t start, uint64_t end)
{
    r->holes[r->nholes].start = start;
    r->holes[r->nholes++].end = end;
}

static void expect_segment(struct rig *r, const uint8_t *file, unsigned i, uint64_t start, uint64_t end)
{
    Elf64_Phdr p = rig_segment(file, i);

    assert_int_equal(p.p_type, PT_LOAD);
    assert_int_equal(p.p_paddr, start);
    assert_int_equal(p.p_filesz, end - start);
    assert_int_equal(p.p_offset % 4096, start % 4096);
    assert_memory_equal(file + p.p_offset, r->memory + start, end - start);
}

/* What a machine does not have is in no segment. */
static void test_holes(void **state)
{
    struct rig *r = rig_open(4 * MIB, 0);
    struct dump_result result;
    size_t size;

    (void)state;
    fill(r->memory, 4 * MIB);
    hole(r, 0, 0x3000);
    hole(r, 0x150000, 2 * MIB + 0x1000);
    hole(r, 3 * MIB + 0x800, 3 * MIB + 0x1000); /* the rest of a page */
    hole(r, 4 * MIB - 0x2000, 4 * MIB);
    r->most = 0x7000;
    uint8_t *file = dumped(r, &result, &size);
    assert_int_equal(rig_segments(file), 4);
    expect_segment(r, file, 1, 0x3000, 0x150000);
    expect_segment(r, file, 2, 2 * MIB + 0x1000, 3 * MIB + 0x800);
    expect_segment(r, file, 3, 3 * MIB + 0x1000, 4 * MIB - 0x2000);
    assert_int_equal(result.unreadable, 0x3000 + 0xb1000 + 0x800 + 0x2000);
    assert_int_equal(result.memory + result.unreadable, 4 * MIB);
    Elf64_Phdr last = rig_segment(file, 3);
    assert_int_equal(size, last.p_offset + last.p_filesz);
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* More of them than there is room for: the last segment has zeros. */
static void test_many_holes(void **state)
{
    struct rig *r = rig_open(4 * MIB, 0);
    struct dump_result result;
    size_t size;

    (void)state;
    fill(r->memory, 4 * MIB);
    for (unsigned i = 0; i < 100; i++)
        hole(r, 0x2000 * i + 0x1000, 0x2000 * i + 0x2000);
    uint8_t *file = dumped(r, &result, &size);
    assert_int_equal(rig_segments(file), 65);
    for (unsigned i = 1; i < 64; i++)
        expect_segment(r, file, i, 0x2000 * (i - 1), 0x2000 * (i - 1) + 0x1000);
    Elf64_Phdr last = rig_segment(file, 64);
    assert_int_equal(last.p_paddr, 0x2000 * 63);
    assert_int_equal(last.p_paddr + last.p_filesz, 4 * MIB);
    expect_zeros(file + last.p_offset + 0x1000, 0x1000);
    assert_memory_equal(file + last.p_offset + 0x2000, r->memory + last.p_paddr + 0x2000, 0x1000);
    assert_int_equal(result.unreadable, 100 * 0x1000);
    free(file);
    rig_close(r, "vmcore", NULL);
}

static void test_no_memory_at_all(void **state)
{
    struct rig *r = rig_open(MIB, 0);
    struct dump_result result;
    size_t size;

    (void)state;
    hole(r, 0, MIB);
    uint8_t *file = dumped(r, &result, &size);
    assert_int_equal(rig_segments(file), 1);
    assert_int_equal(result.memory, 0);
    expect_prstatus(file, 1);
    free(file);
    rig_close(r, "vmcore", NULL);
}

/* ---- what the user reads ---- */

static void test_progress_and_result(void **state)
{
    struct rig *r = rig_open(5 * MIB / 2, 0);
    struct dump_result result = {0};
    uint64_t before = 0, done, total;
    char text[DUMP_TEXT_BYTES];

    (void)state;
    rig_vmcoreinfo(r, INFO);
    struct dump *d = dump_begin_in(&r->machine, r->guest, r->dir, "vmcore", &r->e);
    assert_non_null(d);
    dump_progress(d, &done, &total);
    assert_int_equal(done, 0);
    assert_int_equal(total, 5 * MIB / 2);
    while (dump_step(d, 0, &r->e) > 0) {
        dump_progress(d, &done, &total);
        assert_true(done > before && done - before <= 0x40000);
        before = done;
    }
    dump_progress(d, &done, &total);
    assert_int_equal(done, total);
    assert_int_equal(dump_finish(d, &result, &r->e), 0);
    assert_true(result.ns > 0);
    result.ns = 500000000;
    result.on_disk = 3 * MIB;
    dump_describe(&result, text, sizeof text);
    char expected[640];
    snprintf(
        expected, sizeof expected,
        "%s has 2 MiB of memory and 2 CPUs of Linux 6.1.0-test; 3 MiB on disk, written in 0.50 s (5 MiB/s). "
        "Open it with: zgdbd --core %s; or crash vmlinux %s",
        r->path, r->path, r->path);
    assert_string_equal(text, expected);
    rig_close(r, "vmcore", NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_order_of_notes),
        cmocka_unit_test(test_what_cannot_be_read_has_no_note),
        cmocka_unit_test(test_vmcoreinfo),
        cmocka_unit_test(test_identity_base),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_zeros_take_no_room),
        cmocka_unit_test(test_memory_in_place),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_many_holes),
        cmocka_unit_test(test_no_memory_at_all),
        cmocka_unit_test(test_progress_and_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
