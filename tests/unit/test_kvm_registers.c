/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers are kvm_run's: with random values, what the debugger writes is there at the next entry, and
 * what it reads is what KVM left there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "chance.h"
#include "kvm_rig.h"

#define ROUNDS 40

static struct kvm_sync_regs taken;
static uint64_t dirty_after;

static int takes(struct kvm_run *run)
{
    taken = run->s.regs;
    dirty_after = run->kvm_dirty_regs;
    return kernel_intercept(run, 0x1c, 0, 0);
}

static void fill(uint8_t *bytes, unsigned reg)
{
    for (unsigned i = 0; i < REG_MAX_BYTES; i++)
        bytes[i] = (uint8_t)random64();
    if (reg == REG_PREFIX)
        store_be64(bytes, random64() & (RIG_MEMORY - 0x4000) & ~0x1fffULL);
    if (reg == REG_PSWM) /* neither a wait nor DAT: the engine looks for breakpoints at entry */
        store_be64(bytes, random_psw().mask);
    if (reg == REG_BPBC || reg == REG_TOD_EPOCH)
        store_be32(bytes, random64() & (reg == REG_BPBC ? 1 : 0xff));
    if (reg == REG_TODPR)
        store_be64(bytes, random64() & UINT32_MAX);
    if (reg >= REG_C0 && reg < REG_CKC) /* the model has no DAT on here */
        store_be64(bytes, random64());
}

static bool present(unsigned reg)
{
    return rig->reg_features >> reg_table[reg].feature & 1;
}

/* With vectors, f0 is the high half of v0; all others are apart from each other. */
static void every_register_round_trips(void **state)
{
    static uint8_t written[REG_COUNT][REG_MAX_BYTES];
    uint8_t is[REG_MAX_BYTES];

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned reg = 0; reg < REG_COUNT; reg++) {
            fill(written[reg], reg);
            assert_int_equal(machine_write_reg(rig, 0, reg, written[reg]), present(reg) ? 0 : -1);
        }
        for (int after_run = 0; after_run < 2; after_run++) {
            for (unsigned reg = 0; reg < REG_COUNT; reg++) {
                if (machine_read_reg(rig, 0, reg, is) < 0) {
                    assert_false(present(reg));
                    continue;
                }
                same_bytes(is, written[reg], reg_table[reg].bytes, reg_table[reg].name);
            }
            if (!after_run) {
                KERNEL_SCRIPT(takes);
                rig_continue();
            }
        }
        assert_int_equal(dirty_after, 0);
        same(taken.gprs[5], load_be64(written[REG_R0 + 5]), "gpr 5");
        same(taken.crs[13], load_be64(written[REG_C0 + 13]), "cr 13");
        same(taken.prefix, load_be64(written[REG_PREFIX]), "prefix");
        same(taken.ckc, load_be64(written[REG_CKC]), "ckc");
        same(taken.cputm, load_be64(written[REG_CPUTM]), "cputm");
        same(taken.gbea, load_be64(written[REG_LAST_BREAK]), "last_break");
        same(taken.pp, load_be64(written[REG_PP]), "pp");
        same(taken.todpr, load_be64(written[REG_TODPR]), "todpr");
        same(taken.pfc, load_be64(written[REG_PFC]), "pfault_compare");
        same(taken.fpc, load_be32(written[REG_FPC]), "fpc");
        same(taken.acrs[15], load_be32(written[REG_A0 + 15]), "acr 15");
    }
}

/* But the machine's clock, which costs one for each stop. */
static void no_register_costs_an_ioctl(void **state)
{
    unsigned before = kernel.vcpu_ioctls, tod_before = kernel.tod_gets;
    uint8_t bytes[REG_MAX_BYTES];

    (void)state;
    for (unsigned reg = 0; reg < REG_COUNT; reg++)
        if (machine_read_reg(rig, 0, reg, bytes) == 0)
            assert_int_equal(machine_write_reg(rig, 0, reg, bytes), 0);
    assert_int_equal(kernel.vcpu_ioctls, before);
    assert_int_equal(kernel.tod_gets, tod_before + 1);
}

/* Each has its own dirty bit to set: no other write helps it. */
static void each_register_alone_round_trips(void **state)
{
    uint8_t written[REG_MAX_BYTES], is[REG_MAX_BYTES];

    (void)state;
    for (unsigned reg = 0; reg < REG_COUNT; reg++) {
        if (!present(reg))
            continue;
        fill(written, reg);
        assert_int_equal(machine_write_reg(rig, 0, reg, written), 0);
        KERNEL_SCRIPT(takes);
        rig_continue();
        assert_int_equal(machine_read_reg(rig, 0, reg, is), 0);
        same_bytes(is, written, reg_table[reg].bytes, reg_table[reg].name);
    }
}

static void vectors_and_guarded_storage(void **state)
{
    uint8_t v16[16];

    (void)state;
    assert_true(present(REG_V16) && present(REG_GSD));
    rig_set_reg(REG_F0 + 3, 0x0102030405060708);
    rig_set_reg(REG_V0L + 3, 0x1112131415161718);
    rig_set_reg(REG_GSEPLA, 0x2122232425262728);
    memcpy(v16, "abcdefghijklmnop", 16);
    assert_int_equal(machine_write_reg(rig, 0, REG_V16, v16), 0);
    KERNEL_SCRIPT(takes);
    rig_continue();
    same(taken.vrs[3][0], 0x0102030405060708, "high half of v3");
    same(taken.vrs[3][1], 0x1112131415161718, "low half of v3");
    same(taken.vrs[16][0], load_be64(v16), "high half of v16");
    same(taken.vrs[16][1], load_be64(v16 + 8), "low half of v16");
    same(taken.gscb[3], 0x2122232425262728, "gsepla");
}

static void what_a_machine_may_lack(void **state)
{
    static const unsigned regs[] = {REG_DIAG318, REG_BPBC, REG_ETOKEN, REG_ETOKEN_EXT, REG_RICCB};
    uint8_t riccb[64];

    (void)state;
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++)
        assert_true(present(regs[i]));
    for (unsigned i = 0; i < sizeof riccb; i++)
        riccb[i] = (uint8_t)i;
    assert_int_equal(machine_write_reg(rig, 0, REG_RICCB, riccb), 0);
    rig_set_reg(REG_DIAG318, 0x0102030405060708);
    rig_set_reg(REG_BPBC, 1);
    rig_set_reg(REG_ETOKEN, 0x1112131415161718);
    rig_set_reg(REG_ETOKEN_EXT, 0x2122232425262728);
    KERNEL_SCRIPT(takes);
    rig_continue();
    assert_memory_equal(taken.riccb, riccb, sizeof riccb);
    same(taken.diag318, 0x0102030405060708, "diag318");
    same(taken.bpbc, 1, "bpbc");
    same(taken.etoken, 0x1112131415161718, "etoken");
    same(taken.etoken_extension, 0x2122232425262728, "etoken_extension");
}

static int setup_old_machine(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    kernel.no_sync = KVM_SYNC_BPBC | KVM_SYNC_ETOKEN | KVM_SYNC_DIAG318 | KVM_SYNC_RICCB;
    return rig_create() ? 0 : -1;
}

static void lacks_them(void **state)
{
    uint8_t bytes[REG_MAX_BYTES] = {0};

    (void)state;
    for (unsigned reg = REG_DIAG318; reg < REG_COUNT; reg++) {
        assert_false(present(reg));
        assert_int_equal(machine_read_reg(rig, 0, reg, bytes), -1);
        assert_int_equal(machine_write_reg(rig, 0, reg, bytes), -1);
    }
}

static void refuses_values_that_cannot_be(void **state)
{
    uint8_t bytes[8];

    (void)state;
    store_be64(bytes, 0x1000);
    assert_int_equal(machine_write_reg(rig, 0, REG_PREFIX, bytes), -1);
    store_be64(bytes, 0x80000000);
    assert_int_equal(machine_write_reg(rig, 0, REG_PREFIX, bytes), -1);
    assert_int_equal(machine_write_reg(rig, 0, REG_COUNT, bytes), -1);
    assert_int_equal(machine_read_reg(rig, 0, REG_COUNT, bytes), -1);
    assert_int_equal(rig_reg(REG_PREFIX), 0);
    store_be64(bytes, 0x100000000);
    assert_int_equal(machine_write_reg(rig, 0, REG_TODPR, bytes), -1);
    assert_int_equal(rig_reg(REG_TODPR), 0);
    store_be32(bytes, 2);
    assert_int_equal(machine_write_reg(rig, 0, REG_BPBC, bytes), -1);
    assert_int_equal(rig_reg(REG_BPBC), 0);
}

static int setup_without_vectors(void **state)
{
    (void)state;
    rig_prepare(RIG_ELF);
    kernel.hidden[0] = KVM_CAP_S390_VECTOR_REGISTERS;
    kernel.hidden[1] = KVM_CAP_S390_GS;
    if (!rig_create())
        return -1;
    assert_false(present(REG_V0L) || present(REG_GSD));
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_register_round_trips),
        cmocka_unit_test_setup_teardown(every_register_round_trips, setup_without_vectors, rig_teardown),
        TEST(no_register_costs_an_ioctl),
        TEST(each_register_alone_round_trips),
        cmocka_unit_test_setup_teardown(each_register_alone_round_trips, setup_without_vectors, rig_teardown),
        TEST(vectors_and_guarded_storage),
        TEST(what_a_machine_may_lack),
        cmocka_unit_test_setup_teardown(lacks_them, setup_old_machine, rig_teardown),
        cmocka_unit_test_setup_teardown(each_register_alone_round_trips, setup_old_machine, rig_teardown),
        TEST(refuses_values_that_cannot_be),
    };

    chance_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
