/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The register table is complete, and the target description made from it says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zgdbd/regs.h"

static void every_register_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < REG_COUNT; i++) {
        const struct reg_desc *r = &reg_table[i];

        assert_non_null(r->name);
        assert_true(r->bytes == 4 || r->bytes == 8 || r->bytes == 16 || r->bytes == REG_MAX_BYTES);
        assert_true(r->feature < REG_FEATURES);
        assert_int_equal(reg_by_name(r->name), i);
    }
    assert_int_equal(reg_by_name("r16"), -1);
    assert_int_equal(reg_by_name(""), -1);
}

static void numbers_are_the_contract(void **state)
{
    static const struct {
        int id;
        const char *name;
        int bytes;
    } known[] = {
        {REG_PSWM, "pswm", 8},          {REG_PSWA, "pswa", 8},       {REG_R0, "r0", 8},
        {REG_R0 + 15, "r15", 8},        {REG_A0 + 15, "acr15", 4},   {REG_FPC, "fpc", 4},
        {REG_F0 + 15, "f15", 8},        {REG_V0L + 15, "v15l", 8},   {REG_V16, "v16", 16},
        {REG_V16 + 15, "v31", 16},      {REG_GSD, "gsd", 8},         {REG_GSEPLA, "gsepla", 8},
        {REG_C0 + 15, "cr15", 8},       {REG_CKC, "ckc", 8},         {REG_PREFIX, "prefix", 8},
        {REG_PFC, "pfault_compare", 8}, {REG_TOD, "tod", 8},         {REG_TOD_EPOCH, "tod_epoch", 4},
        {REG_TODPR, "todpr", 8},        {REG_DIAG318, "diag318", 8}, {REG_BPBC, "bpbc", 4},
        {REG_ETOKEN, "etoken", 8},      {REG_RICCB, "riccb", 64},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_string_equal(reg_table[known[i].id].name, known[i].name);
        assert_int_equal(reg_table[known[i].id].bytes, known[i].bytes);
    }
    assert_string_equal(reg_feature_name(REG_CORE), "org.gnu.gdb.s390.core");
    assert_string_equal(reg_feature_name(REG_VIRT_KVM), "org.gnu.gdb.s390.virt.kvm");
}

static char *target_xml(unsigned features)
{
    size_t len = reg_target_xml(features, NULL, 0);
    char *xml = malloc(len + 1);

    assert_non_null(xml);
    assert_int_equal(reg_target_xml(features, xml, len + 1), len);
    assert_int_equal(strlen(xml), len);
    return xml;
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
        n++;
    return n;
}

static void xml_has_all_features(void **state)
{
    char *xml = target_xml((1u << REG_FEATURES) - 1);

    (void)state;
    assert_int_equal(count(xml, "<reg "), REG_COUNT);
    assert_int_equal(count(xml, "<feature "), REG_FEATURES);
    assert_int_equal(count(xml, "</feature>"), REG_FEATURES);
    /* The numbers follow one another: only each feature's first register needs one. */
    assert_int_equal(count(xml, "regnum="), REG_FEATURES);
    assert_non_null(strstr(xml, "<architecture>s390:64-bit</architecture>"));
    assert_non_null(
        strstr(xml, "<reg name=\"pswm\" bitsize=\"64\" type=\"uint64\" regnum=\"0\" group=\"psw\"/>"));
    assert_non_null(strstr(xml, "<reg name=\"v16\" bitsize=\"128\" type=\"vec128\"/>"));
    assert_non_null(
        strstr(xml, "<reg name=\"cr0\" bitsize=\"64\" type=\"uint64\" regnum=\"86\" group=\"control\"/>"));
    assert_true(strstr(xml, "<union id=\"vec128\">") < strstr(xml, "type=\"vec128\""));
    assert_non_null(
        strstr(xml, "<reg name=\"tod\" bitsize=\"64\" type=\"uint64\" regnum=\"110\" group=\"system\"/>"));
    assert_non_null(strstr(xml, "<vector id=\"v8u64\" type=\"uint64\" count=\"8\"/>\n"
                                "  <reg name=\"riccb\" bitsize=\"512\" type=\"v8u64\" regnum=\"117\""));
    free(xml);
}

static void xml_leaves_out_what_is_absent(void **state)
{
    char *xml = target_xml(1u << REG_CORE | 1u << REG_FPR | 1u << REG_CR);

    (void)state;
    assert_int_equal(count(xml, "<feature "), 3);
    assert_null(strstr(xml, "vec128"));
    assert_null(strstr(xml, "acr0"));
    assert_non_null(
        strstr(xml, "<reg name=\"fpc\" bitsize=\"32\" type=\"uint32\" regnum=\"34\" group=\"float\"/>"));
    assert_non_null(
        strstr(xml, "<reg name=\"cr0\" bitsize=\"64\" type=\"uint64\" regnum=\"86\" group=\"control\"/>"));
    free(xml);
}

static void xml_is_cut_to_the_buffer(void **state)
{
    char *xml = target_xml(1u << REG_CORE);
    size_t len = strlen(xml);

    (void)state;
    for (size_t size = 1; size <= len; size += 17) {
        char *small = malloc(size); /* exactly, for the address sanitizer */

        assert_non_null(small);
        assert_int_equal(reg_target_xml(1u << REG_CORE, small, size), len);
        assert_int_equal(strlen(small), size - 1);
        assert_memory_equal(small, xml, size - 1);
        free(small);
    }
    free(xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_register_is_described), cmocka_unit_test(numbers_are_the_contract),
        cmocka_unit_test(xml_has_all_features),        cmocka_unit_test(xml_leaves_out_what_is_absent),
        cmocka_unit_test(xml_is_cut_to_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
