/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dump as a machine: registers from notes and save areas, the CPU that comes first, memory with holes, and
 * what is refused. The notes are those that zgdbd writes itself (stub/dump), and some that others write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "../../stub/core/internal.h"
#include "../../stub/dump/internal.h"
#include "fake_machine.h"
#include "zgdbd/bytes.h"
#include "zgdbd/guest.h"

#define ALL_FEATURES ((1u << REG_FEATURES) - 1)
#define SIZE 0x100000u
#define HOLE 0x80000u
#define PREFIX 0x20000u

static uint8_t memory[SIZE];
static struct core_cpu cpus[MACHINE_MAX_CPUS];
static uint8_t notes[0x8000];
static size_t notes_len;
static struct err e;

static int setup(void **state)
{
    (void)state;
    memset(memory, 0, sizeof memory);
    memset(cpus, 0, sizeof cpus);
    notes_len = 0;
    return 0;
}

static size_t read_memory(void *reader, uint64_t absolute, void *buf, size_t len)
{
    assert_ptr_equal(reader, memory);
    if (absolute >= HOLE || len > HOLE - absolute)
        len = absolute >= HOLE ? 0 : HOLE - absolute;
    memcpy(buf, memory + absolute, len);
    return len;
}

/* Appends a note whose description is bytes 1, 2, 3... */
static uint8_t *add_note(const char *name, uint32_t name_len, uint32_t type, uint32_t len)
{
    uint8_t *at = notes + notes_len, *desc = at + 12 + ((name_len + 3) & ~3u);

    store_be32(at, name_len);
    store_be32(at + 4, len);
    store_be32(at + 8, type);
    memset(at + 12, 0, (name_len + 3) & ~3u);
    memcpy(at + 12, name, name_len);
    for (unsigned i = 0; i < len; i++)
        desc[i] = (uint8_t)(i + 1);
    notes_len = (size_t)(desc - notes) + ((len + 3) & ~3u);
    return desc;
}

static uint8_t *add_cpu(uint32_t number)
{
    uint8_t *desc = add_note("CORE", 5, NT_PRSTATUS, 336);

    store_be32(desc + 32, number);
    return desc;
}

static unsigned read_notes(unsigned n)
{
    return notes_read(notes, notes_len, cpus, n);
}

/* ---- notes ---- */

/* Every register that a dump of zgdbd's can hold comes back as it was. */
static void own_notes_come_back(void **state)
{
    struct fake_machine *f = fake_create((struct machine_events){NULL, NULL});
    size_t len;
    uint8_t *own;
    unsigned known = 0;

    (void)state;
    f->machine.reg_features = ALL_FEATURES;
    own = dump_notes(&f->machine, NULL, &len);
    assert_int_equal(notes_count(own, len), 2);
    assert_int_equal(notes_read(own, len, cpus, 2), 2);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        assert_int_equal(cpus[cpu].number, cpu + 1);
        for (unsigned reg = 0; reg < REG_COUNT; reg++) {
            uint8_t bytes[REG_MAX_BYTES] = {0};

            if (cpus[cpu].origin[reg] == REG_UNKNOWN)
                continue;
            known++;
            assert_int_equal(machine_read_reg(&f->machine, cpu, reg, bytes), 0);
            if (reg == REG_PREFIX || reg == REG_TODPR) /* the notes have 4 bytes */
                memset(bytes, 0, 4);
            if (reg == REG_CKC) /* and 7 */
                bytes[7] = 0;
            assert_memory_equal(cpus[cpu].value[reg], bytes, reg_table[reg].bytes);
        }
    }
    assert_int_equal(known, 2 * (2 + 16 + 16 + 17 + 32 + 3 + 16 + 4 + 1 + 1));
    free(own);
    machine_destroy(&f->machine);
}

static void the_comparator_of_linux_is_shifted(void **state)
{
    (void)state;
    add_cpu(1);
    store_be64(add_note("LINUX", 6, NT_S390_TODCMP, 8), 0x00e0123456789abc);
    add_cpu(2);
    store_be64(add_note("LINUX", 6, NT_S390_TODCMP, 8), 0xe0123456789abcde);
    assert_int_equal(read_notes(2), 2);
    assert_int_equal(core_reg(&cpus[0], REG_CKC), 0xe0123456789abc00);
    assert_int_equal(core_reg(&cpus[1], REG_CKC), 0xe0123456789abcde);
}

static void other_notes_are_passed_over(void **state)
{
    (void)state;
    add_note("LINUX", 6, NT_S390_PREFIX, 4); /* of no CPU */
    add_note("VMCOREINFO", 11, 0, 30);
    add_cpu(7);
    add_note("LINUX", 6, NT_PRFPREG, 136);   /* whose name is another */
    add_note("LINUX", 6, NT_S390_CTRS, 127); /* too short */
    add_note("", 0, NT_S390_TDB, 3);
    add_note("LINUX", 5, NT_S390_TIMER, 8); /* a name without its zero byte */
    add_note("CORE", 5, NT_PRSTATUS, 319);  /* too short: no CPU */
    assert_int_equal(notes_count(notes, notes_len), 1);
    assert_int_equal(read_notes(1), 1);
    assert_int_equal(cpus[0].number, 7);
    assert_int_equal(cpus[0].origin[REG_PREFIX], REG_UNKNOWN);
    assert_int_equal(cpus[0].origin[REG_F0], REG_UNKNOWN);
    assert_int_equal(cpus[0].origin[REG_C0], REG_UNKNOWN);
    assert_int_equal(core_reg(&cpus[0], REG_CPUTM), 0x0102030405060708);
    assert_int_equal(core_reg(&cpus[0], REG_C0), 0);
}

static void cut_notes_end_the_list(void **state)
{
    (void)state;
    add_cpu(1);
    add_note("LINUX", 6, NT_S390_TIMER, 8);
    for (size_t len = 0; len <= notes_len; len++) {
        uint8_t *copy = malloc(len ? len : 1); /* to the byte, for the sanitizer */

        assert_non_null(copy);
        memcpy(copy, notes, len);
        memset(cpus, 0, sizeof cpus[0]);
        assert_int_equal(notes_read(copy, len, cpus, 1), len >= 12 + 8 + 336);
        assert_int_equal(cpus[0].origin[REG_CPUTM], len == notes_len ? REG_NOTED : REG_UNKNOWN);
        free(copy);
    }
    store_be32(notes, UINT32_MAX);
    assert_int_equal(notes_count(notes, notes_len), 0);
}

static void no_more_cpus_than_there_is_room_for(void **state)
{
    (void)state;
    add_cpu(1);
    add_cpu(2);
    add_note("LINUX", 6, NT_S390_TIMER, 8);
    assert_int_equal(read_notes(1), 1);
    assert_int_equal(cpus[0].origin[REG_CPUTM], REG_UNKNOWN);
}

static void cpus_are_sorted_by_number(void **state)
{
    static const uint32_t from_one[] = {3, 1, 2}, from_zero[] = {2, 0, 1}, gap[] = {3, 1, 4},
                          twice[] = {1, 1, 2};
    static const struct {
        const uint32_t *in;
        uint32_t out[3];
    } orders[] = {{from_one, {1, 2, 3}}, {from_zero, {0, 1, 2}}, {gap, {3, 1, 4}}, {twice, {1, 1, 2}}};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned cpu = 0; cpu < 3; cpu++)
            cpus[cpu].number = orders[i].in[cpu];
        notes_sort(cpus, 3);
        for (unsigned cpu = 0; cpu < 3; cpu++)
            assert_int_equal(cpus[cpu].number, orders[i].out[cpu]);
    }
    for (unsigned cpu = 0; cpu < 64; cpu++)
        cpus[cpu].number = 63 - cpu;
    notes_sort(cpus, 64);
    assert_int_equal(cpus[63].number, 63);
}

/* ---- save areas ---- */

static struct cpu_status put_status(uint32_t prefix)
{
    struct guest_memory mem = {.base = memory, .size = SIZE};
    struct cpu_status s = {.psw = {PSW_EA | PSW_BA, 0x1234},
                           .prefix = prefix,
                           .fpc = 0x80000,
                           .todpr = 5,
                           .cputm = 0x1111,
                           .ckc = 0xe0123456789abc00};

    for (unsigned i = 0; i < 16; i++) {
        s.gprs[i] = 0x100 + i;
        s.crs[i] = 0x200 + i;
        s.fprs[i] = 0x300 + i;
        s.acrs[i] = 0x400 + i;
    }
    assert_int_equal(status_store(&mem, PREFIX + STATUS_ADDRESS, &s), 0);
    return s;
}

static void a_save_area_has_it_all(void **state)
{
    (void)state;
    put_status(PREFIX);
    savearea_read(&cpus[0], PREFIX, read_memory, memory);
    assert_int_equal(core_reg(&cpus[0], REG_PSWA), 0x1234);
    assert_int_equal(core_reg(&cpus[0], REG_R0 + 15), 0x10f);
    assert_int_equal(core_reg(&cpus[0], REG_A0 + 3), 0x403);
    assert_int_equal(core_reg(&cpus[0], REG_F0 + 2), 0x302);
    assert_int_equal(core_reg(&cpus[0], REG_C0 + 13), 0x20d);
    assert_int_equal(core_reg(&cpus[0], REG_FPC), 0x80000);
    assert_int_equal(core_reg(&cpus[0], REG_TODPR), 5);
    assert_int_equal(core_reg(&cpus[0], REG_CPUTM), 0x1111);
    assert_int_equal(core_reg(&cpus[0], REG_CKC), 0xe0123456789abc00);
    assert_int_equal(core_reg(&cpus[0], REG_PREFIX), PREFIX);
    assert_int_equal(cpus[0].origin[REG_C0], REG_NOTED);
    assert_int_equal(cpus[0].origin[REG_LAST_BREAK], REG_UNKNOWN);
}

/* It fills what the notes leave out, and counts as certain only if it agrees with them. */
static void a_save_area_of_another_time_is_a_guess(void **state)
{
    struct cpu_status s = put_status(PREFIX);
    uint8_t *prstatus;

    (void)state;
    prstatus = add_cpu(1);
    for (unsigned i = 0; i < 16; i++)
        store_be64(prstatus + 128 + (size_t)8 * i, s.gprs[i]);
    read_notes(1);
    savearea_read(&cpus[0], PREFIX, read_memory, memory);
    assert_int_equal(core_reg(&cpus[0], REG_C0 + 1), 0x201);
    assert_int_equal(cpus[0].origin[REG_C0 + 1], REG_NOTED);
    assert_int_equal(core_reg(&cpus[0], REG_PSWA), 0x797a7b7c7d7e7f80); /* the note's */
    memset(cpus, 0, sizeof cpus[0]);
    store_be64(prstatus + 128 + 8 * 15, 0x999);
    read_notes(1);
    savearea_read(&cpus[0], PREFIX, read_memory, memory);
    assert_int_equal(core_reg(&cpus[0], REG_R0 + 15), 0x999);
    assert_int_equal(core_reg(&cpus[0], REG_C0 + 1), 0x201);
    assert_int_equal(cpus[0].origin[REG_C0 + 1], REG_GUESSED);
    /* One that names another prefix was stored for another CPU. */
    memset(cpus, 0, sizeof cpus[0]);
    put_status(0x4000);
    savearea_read(&cpus[0], PREFIX, read_memory, memory);
    assert_int_equal(cpus[0].origin[REG_C0], REG_GUESSED);
}

static void an_empty_save_area_says_nothing(void **state)
{
    (void)state;
    savearea_read(&cpus[0], PREFIX, read_memory, memory);
    savearea_read(&cpus[0], HOLE - STATUS_ADDRESS, read_memory, memory);
    savearea_read(&cpus[0], UINT64_MAX, read_memory, memory);
    for (unsigned reg = 0; reg < REG_COUNT; reg++)
        assert_int_equal(cpus[0].origin[reg], REG_UNKNOWN);
}

/* ---- the machine ---- */

static unsigned closed;

static void close_nothing(const struct core_parts *parts)
{
    closed++;
    free(parts->cpus);
}

/* Of the first n of cpus. */
static struct machine *create(unsigned n, unsigned left_out)
{
    struct core_parts parts = {.fd = -1,
                               .read = read_memory,
                               .reader = memory,
                               .size = SIZE,
                               .cpus = malloc(n * sizeof *cpus),
                               .ncpus = n,
                               .left_out = left_out};
    struct machine *m;

    assert_non_null(parts.cpus);
    memcpy(parts.cpus, cpus, n * sizeof *cpus);
    m = core_create(&parts, close_nothing, &e);
    assert_non_null(m);
    return m;
}

static void set_reg(unsigned cpu, unsigned reg, uint64_t value, enum reg_origin origin)
{
    store_be64(cpus[cpu].value[reg], value);
    cpus[cpu].origin[reg] = (uint8_t)origin;
}

static void set_psw(unsigned cpu, uint64_t mask, uint64_t addr)
{
    set_reg(cpu, REG_PSWM, mask, REG_NOTED);
    set_reg(cpu, REG_PSWA, addr, REG_NOTED);
}

static void expect_stop(enum stop_reason reason, unsigned cpu, uint64_t addr)
{
    struct machine *m = create(3, 0);
    struct stop stop;

    assert_true(machine_next_stop(m, &stop));
    assert_int_equal(stop.reason, reason);
    assert_int_equal(stop.cpu, cpu);
    assert_int_equal(stop.psw.addr, addr);
    assert_true(stop.text[0]);
    assert_false(machine_next_stop(m, &stop));
    machine_destroy(m);
}

static void the_cpu_in_a_disabled_wait_comes_first(void **state)
{
    (void)state;
    set_psw(0, PSW_DAT | PSW_EA | PSW_BA, 0x1000);
    set_psw(1, PSW_WAIT | PSW_EXT, 0x2000);
    set_psw(2, PSW_EA | PSW_BA, 0x3000);
    expect_stop(STOP_DUMP, 0, 0x1000);
    set_psw(2, PSW_WAIT, 0x3000);
    expect_stop(STOP_DISABLED_WAIT, 2, 0x3000);
    set_psw(2, PSW_WAIT, 0x3fff);
    expect_stop(STOP_SHUTDOWN, 2, 0x3fff);
}

static void states_follow_from_the_psw(void **state)
{
    struct machine *m;

    (void)state;
    set_psw(0, PSW_EA, 0);
    set_psw(1, PSW_WAIT | PSW_IO, 0);
    set_psw(2, PSW_WAIT, 0);
    m = create(4, 0);
    assert_int_equal(machine_state(m, 0), CPU_RUNNING);
    assert_int_equal(machine_state(m, 1), CPU_WAITING);
    assert_int_equal(machine_state(m, 2), CPU_DISABLED_WAIT);
    assert_int_equal(machine_state(m, 3), CPU_RUNNING); /* its PSW is not known */
    machine_destroy(m);
}

static void memory_is_read_in_every_space(void **state)
{
    struct machine *m;
    uint8_t buf[16];

    (void)state;
    set_psw(0, PSW_DAT | PSW_EA | PSW_BA, 0);
    set_reg(0, REG_C0 + 1, 0x10000 | 3, REG_NOTED);
    set_reg(0, REG_PREFIX, PREFIX, REG_NOTED);
    store_be64(memory + 0x10000 + 8 * 5, 0x18000);
    store_be64(memory + 0x18000 + 8 * 1, 0x30000);
    store_be64(memory + 0x18000 + 8 * 2, HOLE);
    memcpy(memory + 0x30ff8, "the page", 8);
    memcpy(memory + PREFIX + 0x100, "lowcore", 8);
    m = create(1, 0);
    assert_int_equal(machine_read_memory(m, 0, SPACE_DEFAULT, 0x501ff8, buf, 16), 8);
    assert_memory_equal(buf, "the page", 8);
    assert_int_equal(machine_read_memory(m, 0, SPACE_DEFAULT, 0x502000, buf, 1), 0);
    assert_int_equal(machine_read_memory(m, 0, SPACE_REAL, 0x100, buf, 8), 8);
    assert_string_equal((char *)buf, "lowcore");
    assert_int_equal(machine_read_memory(m, 0, SPACE_ABSOLUTE, HOLE - 4, buf, 16), 4);
    assert_int_equal(machine_read_memory(m, 0, SPACE_ABSOLUTE, SIZE, buf, 1), 0);
    assert_int_equal(machine_read_memory(m, 0, SPACE_ABSOLUTE, UINT64_MAX, buf, 1), 0);
    assert_int_equal(m->memory, SIZE);
    machine_destroy(m);
}

/* Without a PSW addresses have all their bits. */
static void a_cpu_of_which_nothing_is_known(void **state)
{
    struct machine *m = create(1, 0);
    uint8_t bytes[REG_MAX_BYTES];
    struct dat_context ctx;

    (void)state;
    for (unsigned reg = 0; reg < REG_COUNT; reg++)
        assert_int_equal(machine_read_reg(m, 0, reg, bytes), -1);
    assert_int_equal(machine_read_reg(m, 0, REG_COUNT, bytes), -1);
    assert_true(machine_dat_context(m, 0, &ctx));
    assert_int_equal(psw_wrap(ctx.psw_mask, UINT64_MAX), UINT64_MAX);
    assert_non_null(strstr(m->notice, "no control registers of 1 CPU:"));
    assert_int_equal(m->reg_features,
                     1u << REG_CORE | 1u << REG_ACR | 1u << REG_FPR | 1u << REG_CR | 1u << REG_VIRT);
    machine_destroy(m);
}

static void features_are_what_some_cpu_has(void **state)
{
    struct machine *m;

    (void)state;
    set_reg(1, REG_V16, 1, REG_NOTED);
    set_reg(0, REG_TODPR, 1, REG_NOTED);
    m = create(2, 0);
    assert_true(m->reg_features & 1u << REG_VX);
    assert_true(m->reg_features & 1u << REG_CLOCK);
    assert_false(m->reg_features & 1u << REG_GS);
    machine_destroy(m);
}

static void guesses_are_told(void **state)
{
    struct machine *m;

    (void)state;
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        set_psw(cpu, PSW_EA, 0);
        set_reg(cpu, REG_C0, 1, cpu ? REG_GUESSED : REG_NOTED);
    }
    set_reg(1, REG_CPUTM, 1, REG_GUESSED);
    m = create(2, 0);
    assert_null(machine_doubt(m, 0));
    assert_string_equal(machine_doubt(m, 1), "guessed from its save area, which may be older than the dump: "
                                             "control registers, timers");
    assert_non_null(strstr(m->notice, "registers of 1 CPU are guessed"));
    machine_destroy(m);
    m = create(2, 3);
    assert_string_equal(m->notice, "the dump has 5 CPUs; only the first 2 are shown");
    machine_destroy(m);
}

static void what_changes_is_refused(void **state)
{
    struct machine *m = create(1, 0);
    static const struct resume_plan plan;
    struct breakpoint b = {.kind = BP_SOFTWARE};
    unsigned units;
    uint8_t bytes[REG_MAX_BYTES] = {0};

    (void)state;
    assert_int_equal(m->caps, 0);
    assert_int_equal(machine_resume(m, &plan, &e), -1);
    assert_string_equal(e.text, m->fixed);
    assert_int_equal(machine_write_reg(m, 0, REG_PSWA, bytes), -1);
    assert_int_equal(machine_write_memory(m, 0, SPACE_ABSOLUTE, 0, bytes, 8), 0);
    assert_int_equal(machine_check_breakpoints(m, 0, &b, 1, &e), -1);
    assert_int_equal(machine_check_breakpoints(m, 0, NULL, 0, &e), 0);
    assert_int_equal(machine_check_breakpoint(m, 0, &b, 0, &units, &e), -1);
    assert_int_equal(machine_reset(m, RESET_LOAD_CLEAR, NULL, &e), -1);
    assert_int_equal(machine_signal(m, 0, MACHINE_RESTART, &e), -1);
    assert_int_equal(machine_set(m, MACHINE_TOD_RUNS, 1, &e), -1);
    assert_int_equal(machine_trace(m, true, &e), -1);
    assert_int_equal(machine_inject(m, 0, &(struct injection){.kind = INJECT_PROGRAM}, &e), -1);
    assert_string_equal(e.text, m->fixed);
    machine_interrupt(m);
    closed = 0;
    machine_destroy(m);
    assert_int_equal(closed, 1);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(own_notes_come_back),
        TEST(the_comparator_of_linux_is_shifted),
        TEST(other_notes_are_passed_over),
        TEST(cut_notes_end_the_list),
        TEST(no_more_cpus_than_there_is_room_for),
        TEST(cpus_are_sorted_by_number),
        TEST(a_save_area_has_it_all),
        TEST(a_save_area_of_another_time_is_a_guess),
        TEST(an_empty_save_area_says_nothing),
        TEST(the_cpu_in_a_disabled_wait_comes_first),
        TEST(states_follow_from_the_psw),
        TEST(memory_is_read_in_every_space),
        TEST(a_cpu_of_which_nothing_is_known),
        TEST(features_are_what_some_cpu_has),
        TEST(guesses_are_told),
        TEST(what_changes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
