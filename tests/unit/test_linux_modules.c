/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modules of a Linux guest: the list, how its head is found, and their symbols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "linux_rig.h"
#include "zgdbd/bytes.h"

/* Addresses in the module's code. */
static const struct rig_symbol symbols[] = {
    {"vsock_bind", 't', 0x100}, {"alias", 't', 0x100}, {"vsock_end", 'T', 0x800},
    {".Lmark", 't', 0x180},     {"$d", 't', 0x190},    {"somewhere_else", 'a', 0x400000},
};
#define NSYMBOLS (sizeof symbols / sizeof *symbols)

static int setup(void **state)
{
    struct linux_rig *r = lrig_open(RIG_HIGH);

    lrig_list(r);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    lrig_close(*state);
    return 0;
}

/* How many; the text of the error if they cannot be had. */
static const struct linux_module *modules(struct linux_rig *r, size_t expected)
{
    const struct linux_module *list;
    struct err e = {0};
    size_t n;

    linux_changed(r->g);
    if (linux_modules(r->g, &list, &n, &e))
        fail_msg("%s", e.text);
    assert_int_equal(n, expected);
    return list;
}

static const char *refusal(struct linux_rig *r)
{
    static struct err e;
    const struct linux_module *list;
    size_t n;

    linux_changed(r->g);
    assert_int_equal(linux_modules(r->g, &list, &n, &e), -1);
    assert_null(list);
    assert_int_equal(n, 0);
    return e.text;
}

static const char *words(struct linux_rig *r, uint64_t addr)
{
    static char text[LINUX_NAME_BYTES + 64];

    return linux_symbolise(r->g, lrig_virtual(r, addr), text, sizeof text);
}

static void boot_with_symbol(struct linux_rig *r)
{
    lrig_symbol(r, "modules", 'D', lrig_virtual(r, r->modules));
    lrig_boot(r);
}

/* A function whose code is this, to be followed by the operand of its last instruction. */
static void boot_with_code(struct linux_rig *r, const char *function, const char *code, size_t n,
                           uint64_t operand)
{
    uint64_t at = RIG_KERNEL + 0x400;

    lrig_symbol(r, function, 'T', lrig_virtual(r, at));
    lrig_put(r, at, code, n);
    lrig_put32(r, at + n, (uint32_t)(int32_t)((int64_t)(operand - (at + n - 2)) / 2));
    lrig_boot(r);
}

/* ---- the list ---- */

static void named_by_a_symbol(void **state)
{
    struct linux_rig *r = *state;
    uint64_t first, second;
    const struct linux_module *list;

    boot_with_symbol(r);
    modules(r, 0);
    first = lrig_module(r, "vsock", RIG_MEMORY, symbols, NSYMBOLS);
    second = lrig_module(r, "vsock_diag", RIG_MEMORY, symbols, 0);
    list = modules(r, 2);
    assert_string_equal(list[0].name, "vsock_diag");
    assert_int_equal(list[0].addr, lrig_virtual(r, second));
    assert_int_equal(list[0].nsymbols, 0);
    assert_string_equal(list[1].name, "vsock");
    assert_int_equal(list[1].base, lrig_virtual(r, first - 0x1000));
    assert_int_equal(list[1].size, 0x1000);
    assert_int_equal(list[1].nsymbols, 3);
    assert_true(list[1].guessed);
}

/* LARL, behind instructions of all lengths, and LGRL of the head itself. */
static void found_in_code(void **state)
{
    struct linux_rig *r = *state;

    lrig_module(r, "vsock", RIG_LAYOUT, symbols, NSYMBOLS);
    boot_with_code(r, "print_modules",
                   "\x07\x07\xa7\x18\x00\x01\xeb\x6f\xf0\x30\x00\x24"
                   "\xc0\x10",
                   14, r->modules);
    assert_string_equal(modules(r, 1)[0].name, "vsock");
}

static void found_by_its_first_link(void **state)
{
    struct linux_rig *r = *state;

    lrig_module(r, "vsock", RIG_LAYOUT, symbols, NSYMBOLS);
    boot_with_code(r, "m_start", "\xc4\x18", 2, r->modules);
    assert_string_equal(modules(r, 1)[0].name, "vsock");
}

static void found_through_an_offset_table(void **state)
{
    struct linux_rig *r = *state;
    uint64_t slot = lrig_room(r, 8, 8);

    lrig_put64(r, slot, lrig_virtual(r, r->modules));
    boot_with_code(r, "find_module_all", "\xc4\x18", 2, slot);
    modules(r, 0);
    lrig_module(r, "vsock", RIG_LAYOUT, symbols, NSYMBOLS);
    assert_string_equal(modules(r, 1)[0].name, "vsock");
}

static void not_found(void **state)
{
    struct linux_rig *r = *state;

    boot_with_code(r, "print_modules", "\xc0\x10", 2, r->table);
    assert_non_null(strstr(refusal(r), "is not found"));
}

static void no_linux(void **state)
{
    assert_non_null(strstr(refusal(*state), "vmcoreinfo"));
}

/* A list that leads to no module, or round and round. */
static void broken_list(void **state)
{
    struct linux_rig *r = *state;
    uint64_t first, second;

    first = lrig_module(r, "one", RIG_LAYOUT, symbols, NSYMBOLS);
    second = lrig_module(r, "two", RIG_LAYOUT, symbols, NSYMBOLS);
    boot_with_symbol(r);
    modules(r, 2);
    lrig_put(r, first + 24 + 20, "x", 1);
    assert_non_null(strstr(refusal(r), "broken behind 1 of them"));
    lrig_put(r, first + 24 + 20, "", 1);
    lrig_put64(r, first + 8, lrig_virtual(r, second + 8)); /* never back at the head */
    assert_non_null(strstr(refusal(r), "broken behind 2 of them"));
}

/* ---- symbols ---- */

static void check_symbols(struct linux_rig *r, uint64_t module)
{
    uint64_t code = module - 0x1000, addr;
    struct linux_symbol s;

    assert_string_equal(words(r, code + 0x104), "vsock_bind+0x4/0x700 [vsock]");
    assert_string_equal(words(r, code + 0xffe), "vsock_end+0x7fe/0x800 [vsock]");
    assert_false(linux_symbol_at(r->g, lrig_virtual(r, code + 0x10), &s));
    assert_false(linux_symbol_at(r->g, lrig_virtual(r, code + 0x8000), &s));
    assert_true(linux_symbol_named(r->g, "alias", &addr) && addr == lrig_virtual(r, code + 0x100));
    assert_false(linux_symbol_named(r->g, "somewhere_else", &addr));
    assert_false(linux_symbol_named(r->g, "$d", &addr));
    assert_string_equal(words(r, RIG_KERNEL + 0x104), "panic+0x4/0xf00");
}

static void symbols_of_a_layout(void **state)
{
    struct linux_rig *r = *state;

    boot_with_symbol(r);
    check_symbols(r, lrig_module(r, "vsock", RIG_LAYOUT, symbols, NSYMBOLS));
}

static void symbols_of_memory(void **state)
{
    struct linux_rig *r = *state;

    boot_with_symbol(r);
    check_symbols(r, lrig_module(r, "vsock", RIG_MEMORY, symbols, NSYMBOLS));
}

/* The code of the start has symbols as long as it is there. */
static void symbols_of_the_start(void **state)
{
    static const struct rig_symbol own[] = {{"work", 't', 0x10}, {"init_module", 'T', 0x2080}};
    struct linux_rig *r = *state;
    uint64_t module;

    boot_with_symbol(r);
    module = lrig_module(r, "late", RIG_STARTING, own, 2);
    assert_string_equal(words(r, module + 0x1084), "init_module+0x4/0xf80 [late]");
    assert_string_equal(words(r, module - 0x1000 + 0x18), "work+0x8/0xff0 [late]");
}

/* What the structure says may be anything. */
static void damaged_modules(void **state)
{
    struct linux_rig *r = *state;
    uint64_t module = lrig_module(r, "vsock", RIG_LAYOUT, symbols, NSYMBOLS);
    uint64_t kallsyms = module + 0x400;

    boot_with_symbol(r);
    assert_int_equal(modules(r, 1)[0].nsymbols, 3);
    lrig_put32(r, kallsyms + 16, 0xffffffff);
    assert_int_equal(modules(r, 1)[0].nsymbols, 0);
    lrig_put32(r, kallsyms + 16, NSYMBOLS + 1);
    lrig_put32(r, module + 0x800 + 24, 0xffffff00); /* a name */
    assert_int_equal(modules(r, 1)[0].nsymbols, 0);
    lrig_put32(r, module + 0x800 + 24, 1);
    assert_int_equal(modules(r, 1)[0].nsymbols, 3);
    lrig_put32(r, module + 0x200 - 16, 0); /* its size */
    assert_int_equal(modules(r, 1)[0].size, 0);
    assert_int_equal(modules(r, 1)[0].nsymbols, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(named_by_a_symbol),
        TEST(found_in_code),
        TEST(found_by_its_first_link),
        TEST(found_through_an_offset_table),
        TEST(not_found),
        TEST(no_linux),
        TEST(broken_list),
        TEST(symbols_of_a_layout),
        TEST(symbols_of_memory),
        TEST(symbols_of_the_start),
        TEST(damaged_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
