/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine under test: image files, creation and end with everything counted, resumes and the wait for
 * their stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm_rig.h"

#define SEGMENT 0x10000
#define BREAKPOINTS_MAX 1024

struct machine *rig;
struct kvm_config rig_config;
struct err rig_err;

static struct console_ring console;
static int wake_pipe[2] = {-1, -1};
static char image_path[64];
static struct breakpoint set[BREAKPOINTS_MAX];
static struct resume_plan plan;

static void wake(void *ctx)
{
    (void)ctx;
    if (write(wake_pipe[1], "", 1) != 1)
        abort();
}

/* ---- images ---- */

static size_t make_elf(uint8_t *file)
{
    static const uint8_t ident[EI_NIDENT] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2MSB, EV_CURRENT};
    uint8_t *header = file + sizeof(Elf64_Ehdr);

    memcpy(file, ident, sizeof ident);
    store_be16(file + offsetof(Elf64_Ehdr, e_type), ET_EXEC);
    store_be16(file + offsetof(Elf64_Ehdr, e_machine), EM_S390);
    store_be32(file + offsetof(Elf64_Ehdr, e_version), EV_CURRENT);
    store_be64(file + offsetof(Elf64_Ehdr, e_entry), RIG_ENTRY);
    store_be64(file + offsetof(Elf64_Ehdr, e_phoff), sizeof(Elf64_Ehdr));
    store_be16(file + offsetof(Elf64_Ehdr, e_ehsize), sizeof(Elf64_Ehdr));
    store_be16(file + offsetof(Elf64_Ehdr, e_phentsize), sizeof(Elf64_Phdr));
    store_be16(file + offsetof(Elf64_Ehdr, e_phnum), 1);
    store_be32(header + offsetof(Elf64_Phdr, p_type), PT_LOAD);
    store_be64(header + offsetof(Elf64_Phdr, p_offset), 0x1000);
    store_be64(header + offsetof(Elf64_Phdr, p_filesz), SEGMENT);
    store_be64(header + offsetof(Elf64_Phdr, p_memsz), SEGMENT);
    return 0x1000 + SEGMENT;
}

static size_t make_image(enum rig_image kind, uint8_t *file)
{
    if (kind == RIG_ELF)
        return make_elf(file);
    if (kind == RIG_LINUX)
        memcpy(file + 0x10008, "S390EP", 6);
    return 0x11000;
}

static void write_image(enum rig_image kind)
{
    static uint8_t file[0x20000];
    size_t size;
    int fd;

    memset(file, 0, sizeof file);
    size = make_image(kind, file);
    snprintf(image_path, sizeof image_path, "/tmp/zgdbd-kvm-XXXXXX");
    fd = mkstemp(image_path);
    if (fd < 0 || write(fd, file, size) != (ssize_t)size || close(fd) < 0)
        abort();
}

/* ---- begin and end ---- */

static void drop_files(void)
{
    if (!image_path[0])
        return;
    close(wake_pipe[0]);
    close(wake_pipe[1]);
    unlink(image_path);
    image_path[0] = '\0';
}

void rig_prepare(enum rig_image image)
{
    drop_files(); /* a test may prepare another one than its setup did */
    kernel_reset();
    write_image(image);
    if (pipe2(wake_pipe, O_CLOEXEC) < 0)
        abort();
    console_init(&console, NULL, NULL);
    rig_config = (struct kvm_config){.memory = RIG_MEMORY,
                                     .ncpus = 1,
                                     .ipl = {.image = image_path},
                                     .console = &console,
                                     .events = {.wake = wake},
                                     .system = &kernel_system};
    plan = (struct resume_plan){.breakpoints = set};
}

static void assert_nothing_left(void)
{
    assert_int_equal(kernel.open_fds, 0);
    assert_int_equal(kernel.mappings, 0);
}

bool rig_create(void)
{
    memset(&rig_err, 0, sizeof rig_err);
    rig = kvm_create(&rig_config, &rig_err);
    if (!rig)
        assert_nothing_left();
    assert_null(kernel.failure);
    if (!rig)
        return false;
    assert_int_equal(machine_get(rig, MACHINE_STEP_INTERRUPTS), 0);
    return machine_set(rig, MACHINE_STEP_INTERRUPTS, 1, &rig_err) == 0;
}

static void program_handler(unsigned new_psw, uint64_t addr)
{
    rig_put64(new_psw, RIG_64BIT);
    rig_put64(new_psw + 8, addr);
    rig_put(addr, "a7ab0001 a7ab0001");
}

void rig_assert_says(const char *words)
{
    if (!strstr(rig_err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", rig_err.text, words);
}

int rig_setup(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    if (!rig_create())
        return -1;
    program_handler(0x1b0, RIG_EXTERNAL);
    program_handler(0x1c0, RIG_SVC);
    program_handler(0x1d0, RIG_PROGRAM);
    return 0;
}

int rig_setup_linux(void **state)
{
    (void)state;
    rig_prepare(RIG_LINUX);
    return rig_create() ? 0 : -1;
}

int rig_teardown(void **state)
{
    (void)state;
    if (rig)
        machine_destroy(rig);
    rig = NULL;
    drop_files();
    assert_nothing_left();
    return 0;
}

/* ---- memory and registers ---- */

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t n = 0;
    int used;

    for (unsigned byte; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used)
        bytes[n++] = (uint8_t)byte;
    return n;
}

void rig_put(uint64_t absolute, const char *hex)
{
    uint8_t bytes[256];
    size_t n = from_hex(hex, bytes);

    assert_int_equal(machine_write_memory(rig, 0, SPACE_ABSOLUTE, absolute, bytes, n), n);
}

void rig_put64(uint64_t absolute, uint64_t value)
{
    uint8_t bytes[8];

    store_be64(bytes, value);
    assert_int_equal(machine_write_memory(rig, 0, SPACE_ABSOLUTE, absolute, bytes, 8), 8);
}

uint64_t rig_get64(uint64_t absolute)
{
    uint8_t bytes[8];

    assert_int_equal(machine_read_memory(rig, 0, SPACE_ABSOLUTE, absolute, bytes, 8), 8);
    return load_be64(bytes);
}

void rig_assert_bytes(uint64_t absolute, const char *hex)
{
    uint8_t bytes[256], is[256];
    size_t n = from_hex(hex, bytes);

    assert_int_equal(machine_read_memory(rig, 0, SPACE_ABSOLUTE, absolute, is, n), n);
    assert_memory_equal(is, bytes, n);
}

void rig_assert_old_program_psw(uint64_t addr, const char *ilc_and_code)
{
    uint8_t is[8];

    assert_int_equal(machine_read_memory(rig, 0, SPACE_ABSOLUTE, 0x158, is, 8), 8);
    assert_int_equal(load_be64(is), addr);
    rig_assert_bytes(0x8c, ilc_and_code);
}

uint64_t rig_reg(unsigned reg)
{
    uint8_t bytes[REG_MAX_BYTES];

    assert_int_equal(machine_read_reg(rig, 0, reg, bytes), 0);
    return reg_table[reg].bytes == 4 ? load_be32(bytes) : load_be64(bytes);
}

void rig_set_reg(unsigned reg, uint64_t value)
{
    uint8_t bytes[REG_MAX_BYTES];

    if (reg_table[reg].bytes == 4)
        store_be32(bytes, (uint32_t)value);
    else
        store_be64(bytes, value);
    assert_int_equal(machine_write_reg(rig, 0, reg, bytes), 0);
}

/* ---- breakpoints, resumes, stops ---- */

void rig_no_breakpoints(void)
{
    plan.nbreakpoints = 0;
}

void rig_breakpoint(enum bp_kind kind, uint64_t addr, uint64_t len)
{
    assert_true(plan.nbreakpoints < BREAKPOINTS_MAX);
    set[plan.nbreakpoints++] = (struct breakpoint){.kind = kind, .addr = addr, .len = len};
}

void rig_catch(const struct catchpoint *points, size_t n)
{
    plan.catchpoints = points;
    plan.ncatchpoints = n;
}

void rig_word(struct watched_word word)
{
    plan.word = word;
}

bool rig_resumes(void)
{
    plan.action[0] = (struct cpu_action){.verb = CPU_CONTINUE};
    return machine_resume(rig, &plan, &rig_err) == 0;
}

bool rig_check(void)
{
    memset(&rig_err, 0, sizeof rig_err);
    return machine_check_breakpoints(rig, 0, set, plan.nbreakpoints, &rig_err) == 0;
}

static void resume(struct cpu_action action)
{
    plan.action[0] = action;
    if (machine_resume(rig, &plan, &rig_err) < 0)
        fail_msg("resume refused: %s", rig_err.text);
}

void rig_resume(enum cpu_verb verb)
{
    resume((struct cpu_action){.verb = verb});
}

void rig_resume_range(uint64_t start, uint64_t end)
{
    resume((struct cpu_action){CPU_STEP_RANGE, start, end});
}

struct stop rig_wait(void)
{
    struct pollfd p = {.fd = wake_pipe[0], .events = POLLIN};
    struct stop stop;
    char byte;

    if (poll(&p, 1, KERNEL_DEADLINE_MS) != 1)
        fail_msg("no stop before the deadline");
    assert_int_equal(read(wake_pipe[0], &byte, 1), 1);
    assert_true(machine_next_stop(rig, &stop));
    if (kernel.failure)
        fail_msg("the fake kernel, line %d: %s", kernel.failure_line, kernel.failure);
    assert_int_equal(kernel_script_left(), 0);
    assert_int_equal(stop.psw.addr, rig_reg(REG_PSWA));
    assert_int_equal(stop.psw.mask, rig_reg(REG_PSWM));
    return stop;
}

struct stop rig_continue(void)
{
    rig_resume(CPU_CONTINUE);
    return rig_wait();
}

struct stop rig_step(void)
{
    rig_resume(CPU_STEP);
    return rig_wait();
}

struct stop rig_range(uint64_t start, uint64_t end)
{
    rig_resume_range(start, end);
    return rig_wait();
}

void rig_assert_stop(struct stop stop, enum stop_reason reason, uint64_t pc)
{
    if (stop.reason != reason || stop.psw.addr != pc)
        fail_msg("%s at 0x%llx (%s), not %s at 0x%llx", stop_reason_name(stop.reason),
                 (unsigned long long)stop.psw.addr, stop.text, stop_reason_name(reason),
                 (unsigned long long)pc);
}
