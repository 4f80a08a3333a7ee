/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a debugger's addresses are understood: `monitor space` in every request that has one, `monitor
 * translate` over hand-made tables, and the prefix area and the PSW in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "session_rig.h"
#include "zgdbd/bytes.h"

static void assert_space(struct world *w, enum mem_space space)
{
    static const char *const requests[] = {"m101000,4",   "M101000,1:00",  "x101000,4",
                                           "X101000,1:a", "qCRC:101000,4", "qSearch:memory:101000;4;a"};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        w->fake->space = SPACE_END;
        ask(w, requests[i]);
        assert_int_equal(w->fake->space, space);
    }
}

static void test_every_request_follows(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    assert_space(w, SPACE_DEFAULT);
    CONTAINS(monitor(w, "space home"), "understood as home (in the home space (CR13))");
    assert_space(w, SPACE_HOME);
    monitor(w, "space psw");
    assert_space(w, SPACE_PSW);
    monitor(w, "space primary");
    assert_space(w, SPACE_PRIMARY);
    monitor(w, "space secondary");
    assert_space(w, SPACE_SECONDARY);
    monitor(w, "space real");
    assert_space(w, SPACE_REAL);
    monitor(w, "space absolute");
    assert_space(w, SPACE_ABSOLUTE);
    CONTAINS(monitor(w, "space ar 15"), "ar 15 (by the ALET in access register 15)");
    assert_space(w, SPACE_AR + 15);
    monitor(w, "space ar0");
    assert_space(w, SPACE_AR);
    monitor(w, "space default");
    assert_space(w, SPACE_DEFAULT);
}

static void test_misuse_changes_nothing(void **state)
{
    static const char *const wrong[] = {"space nowhere", "space ar",    "space ar 16", "space ar x",
                                        "space ar 3 4",  "space homes", "space ar -1"};
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    monitor(w, "space home");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CONTAINS(monitor(w, wrong[i]), "There is no address space \"");
    CONTAINS(monitor(w, "space"), "understood as home");
    assert_space(w, SPACE_HOME);
}

static void test_physical_mode_goes_before(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    ask(w, "Qqemu.PhyMemMode:1");
    CONTAINS(monitor(w, "space home"), "when Qqemu.PhyMemMode is 0 again");
    assert_space(w, SPACE_ABSOLUTE);
    CONTAINS(monitor(w, "space"), "home (in the home space (CR13)), but now as absolute");
    ask(w, "Qqemu.PhyMemMode:0");
    assert_space(w, SPACE_HOME);
}

static void test_the_next_debugger_begins_anew(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    monitor(w, "space ar 7");
    peer_again(w, &w->a);
    ask(w, ALL_FEATURES);
    assert_space(w, SPACE_DEFAULT);
}

/* ---- translate ---- */

#define SEGMENTS 0x8000
#define PAGES 0x9000

/* The home space: page 3 is the frame at 0x5000. */
static void map(struct world *w, uint64_t bits)
{
    struct fake_machine *f = w->fake;
    memset(f->memory + SEGMENTS, 0, 0x2000);
    store_be64(f->memory + SEGMENTS, PAGES);
    store_be64(f->memory + SEGMENTS + 8, 0x20);
    store_be64(f->memory + PAGES + 3 * 8, 0x5000 | bits);
    f->dat.psw_mask = PSW_EA | PSW_BA;
    f->dat.cr[13] = SEGMENTS;
    f->dat.cr[0] = 0x10000000;
}

static void test_translate(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    map(w, 0);
    w->fake->key = 0x3e;
    assert_string_equal(monitor(w, "translate 0x3008 home"),
                        "0x3008 on CPU 0, understood as home (in the home space (CR13))\n"
                        "ASCE 0000000000008000: segment table at 0x8000, length 0\n"
                        "segment-table entry 0 at 0x8000: 0000000000009000: page table at 0x9000\n"
                        "page-table entry 3 at 0x9018: 0000000000005000: 4 KiB frame at real 0x5000\n"
                        "absolute 0x5008\n"
                        "protection: stores are allowed\n"
                        "storage key 3e: access-control bits 3, fetch-protected, referenced, changed\n");
    w->fake->key = MACHINE_KEYS_UNUSED;
    CONTAINS(monitor(w, "translate 12296 home"), "storage key: the guest uses none\n");
    w->fake->key = -1;
    CONTAINS(monitor(w, "translate 12296 home"), "storage key: not known\n");
}

static void test_translate_protection(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    map(w, 0x300);
    CONTAINS(monitor(w, "translate 0x3008 home"), "protection: stores are forbidden by the page-table entry; "
                                                  "no-execute is not in force (CR0 bit 43)\n");
    w->fake->dat.cr[0] |= 0x100000;
    CONTAINS(monitor(w, "translate 0x3008 home"), "no-execute forbids instruction fetches\n");
    store_be64(w->fake->memory + PAGES, 0x5200);
    CONTAINS(
        monitor(w, "translate 0x100 home"),
        "protection: stores are forbidden by the page-table entry and the low-address protection (CR0 bit "
        "35)\n");
    CONTAINS(monitor(w, "translate 0x100 real"), "forbidden by the low-address protection");
    CONTAINS(monitor(w, "translate 0x100 absolute"), "stores are allowed");
}

static void test_translate_ends(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    map(w, 0x400);
    CONTAINS(
        monitor(w, "translate 0x3000 home"),
        "4 KiB frame at real 0x5000, invalid\nends in a program interruption, code 0x11, page translation: "
        "the page is invalid\n");
    CONTAINS(monitor(w, "translate 0x100000 home"), "code 0x10, segment translation: the entry is invalid\n");
    store_be64(w->fake->memory + SEGMENTS, 0x70000000);
    CONTAINS(
        monitor(w, "translate 0x3000 home"),
        "page-table entry 3 at 0x70000018\nends in a program interruption, code 0x5, addressing: the entry "
        "lies outside of memory\n");
}

static void test_translate_tells_prefixing(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    map(w, 0);
    w->fake->dat.prefix = 0x4000;
    CONTAINS(monitor(w, "translate 0x3008 home"), "absolute 0x1008 (real 0x5008; the prefix is 0x4000)\n");
    CONTAINS(monitor(w, "translate 8 real"), "absolute 0x4008 (real 0x8; the prefix is 0x4000)\n");
    CONTAINS(monitor(w, "translate 8 absolute"), "absolute 0x8\n");
}

/* As gdb's addresses are, unless a space is named. */
static void test_translate_as_the_debugger_reads(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    map(w, 0);
    monitor(w, "space home");
    CONTAINS(monitor(w, "translate 0x3000"), "understood as home");
    ask(w, "Qqemu.PhyMemMode:1");
    CONTAINS(monitor(w, "translate 0x3000"), "understood as absolute");
    CONTAINS(monitor(w, "translate 0x3000 home"), "understood as home");
    ask(w, "Qqemu.PhyMemMode:0");
    monitor(w, "space default");
    CONTAINS(monitor(w, "translate 0x3000"), "as the PSW says): real (DAT is off)\nabsolute 0x3000\n");
    w->fake->dat.psw_mask |= PSW_DAT;
    w->fake->dat.cr[1] = SEGMENTS | 0x20; /* real space */
    CONTAINS(monitor(w, "translate 0x3000"), "ASCE 0000000000008020: real space\nabsolute 0x3000\n");
    w->fake->dat.cr[1] = 0x70000000;
    assert_string_equal(
        monitor(w, "translate 0x3000"),
        "0x3000 on CPU 0, understood as psw (as the PSW says): primary\n"
        "ASCE 0000000070000000: segment table at 0x70000000, length 0\n"
        "segment-table entry 0 at 0x70000000\n"
        "ends in a program interruption, code 0x5, addressing: the entry lies outside of memory\n"
        "0x3000 on CPU 0, understood as home (in the home space (CR13))\n"
        "ASCE 0000000000008000: segment table at 0x8000, length 0\n"
        "segment-table entry 0 at 0x8000: 0000000000009000: page table at 0x9000\n"
        "page-table entry 3 at 0x9018: 0000000000005000: 4 KiB frame at real 0x5000\n"
        "absolute 0x5000\n"
        "protection: stores are allowed\n"
        "storage key 00: access-control bits 0, not fetch-protected, not referenced, not changed\n");
    w->fake->dat.psw_mask |= PSW_ASC_SECONDARY;
    CONTAINS(monitor(w, "translate 0x3000 psw"),
             "as the PSW says): secondary (instructions are fetched from the primary space)\n");
    w->fake->dat.cr[13] = 0; /* as the reset leaves it: there is no home space */
    assert_null(strstr(monitor(w, "translate 0x3000"), "home"));
}

static void test_translate_wraps(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    map(w, 0);
    w->fake->dat.psw_mask = PSW_BA;
    CONTAINS(monitor(w, "translate 0x80003008 home"),
             "in the PSW's addressing mode that is 0x3008\nASCE 0000000000008000");
}

static void test_translate_by_alet(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    map(w, 0);
    w->fake->dat.cr[7] = SEGMENTS;
    w->fake->dat.ar[4] = 1;
    CONTAINS(monitor(w, "translate 0x3000 ar 4"),
             "ALET 00000001: the secondary space\nASCE 0000000000008000");
    w->fake->dat.ar[4] = 0x80000001;
    CONTAINS(
        monitor(w, "translate 0x3000 ar 4"),
        "ALET 80000001\nends in a program interruption, code 0x28, ALET specification: bits 0 to 6 of the "
        "token must be zero\n");
}

/* A real space, behind an access list: nothing is translated but by prefixing. */
static void test_translate_by_alet_to_real(void **state)
{
    struct world *w = *state;
    uint8_t *memory = w->fake->memory;
    ask(w, ALL_FEATURES);
    map(w, 0);
    memset(memory + 0x6000, 0, 0x200);
    store_be32(memory + 0x6010, 0x6080);          /* access-list designation */
    store_be64(memory + 0x60a8, 0x6100ULL << 32); /* access-list entry 2 */
    store_be64(memory + 0x6108, 0x20);            /* the ASCE in the ASN-second-table entry */
    w->fake->dat.cr[2] = 0x6000;
    w->fake->dat.ar[4] = 2;
    w->fake->dat.prefix = 0x4000;
    CONTAINS(monitor(w, "translate 0x100 ar 4"), "absolute 0x4100 (real 0x100; the prefix is 0x4000)\n");
}

static void test_translate_misuse(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    CONTAINS(monitor(w, "translate"), "usage: monitor translate ADDRESS [SPACE]\n");
    CONTAINS(monitor(w, "translate 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef_"),
             "and not \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\".");
    CONTAINS(monitor(w, "translate main"), "ADDRESS must be a number, such as 0x24000, and not \"main\"");
    CONTAINS(monitor(w, "translate 0x10 mars"), "There is no address space \"mars\"");
}

/* ---- the prefix area, the PSW ---- */

static void test_lowcore(void **state)
{
    struct world *w = *state;
    uint8_t *memory = w->fake->memory;
    ask(w, ALL_FEATURES);
    memset(memory, 0, 0x2000);
    CONTAINS(monitor(w, "lowcore"), "CPU 0, prefix 0x0\nzero: IPL PSW, ");
    store_be16(memory + 0x8e, 0x10);
    store_be64(memory + 0x1d0, 0x0000000180000000);
    CONTAINS(monitor(w, "lowcore 1"),
             "CPU 1, prefix 0x0\n008e program-interruption code: 0010: segment translation\n"
             "01d0 program new PSW: 0000000180000000 0000000000000000: supervisor state");
    assert_null(strstr(monitor(w, "lowcore"), ", program new PSW"));
    CONTAINS(monitor(w, "lowcore 2"), "There is no CPU \"2\": they are 0 to 1.\n");
    CONTAINS(monitor(w, "lowcore x"), "There is no CPU \"x\"");
    memset(memory, 0xff, 0x2000);
    assert_null(strstr(monitor(w, "lowcore"), "zero: "));
    assert_null(strstr(monitor(w, "lowcore"), "there is more"));
}

static void test_psw(void **state)
{
    struct world *w = *state;
    ask(w, ALL_FEATURES);
    memcpy(w->fake->regs[0][REG_PSWM], "\x07\x04\xc0\x01\x80\0\0\0", 8);
    memcpy(w->fake->regs[0][REG_PSWA], "\0\0\0\0\0\x10\0\0", 8);
    CONTAINS(monitor(w, "psw"),
             "CPU 0, PSW 0704c00180000000 0000000000100000: supervisor state, home space, DAT on");
    CONTAINS(monitor(w, "psw"), "bit  5      T   dynamic address translation (DAT): on\n");
    CONTAINS(monitor(w, "psw"), "bits 64-127     instruction address: 0x100000\n");
    assert_null(strstr(monitor(w, "psw"), "not valid"));
    CONTAINS(monitor(w, "psw 1"), "CPU 1, PSW 8080808080808080 8181818181818181: ");
    CONTAINS(monitor(w, "psw 64"), "There is no CPU \"64\": they are 0 to ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_request_follows),
        TEST(test_misuse_changes_nothing),
        TEST(test_physical_mode_goes_before),
        TEST(test_the_next_debugger_begins_anew),
        TEST(test_translate),
        TEST(test_translate_protection),
        TEST(test_translate_ends),
        TEST(test_translate_tells_prefixing),
        TEST(test_translate_as_the_debugger_reads),
        TEST(test_translate_wraps),
        TEST(test_translate_by_alet),
        TEST(test_translate_by_alet_to_real),
        TEST(test_translate_misuse),
        TEST(test_lowcore),
        TEST(test_psw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
