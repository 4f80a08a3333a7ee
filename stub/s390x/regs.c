/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of registers that a debugger sees, and the target description made from it. Types and groups are
 * those of gdb's gdb/features/s390*.xml and QEMU's gdb-xml/s390-*.xml, so that gdb knows the features as its
 * own. No values are kept here. */
#include "zgdbd/regs.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define CORE(n) {n, "uint64", "general", 8, REG_CORE}
#define ACR(n) {n, "uint32", "access", 4, REG_ACR}
#define FPR(n) {n, "ieee_double", "float", 8, REG_FPR}
#define VXL(n) {n, "uint64", NULL, 8, REG_VX}
#define VX(n) {n, "vec128", NULL, 16, REG_VX}
#define CR(n) {n, "uint64", "control", 8, REG_CR}

const struct reg_desc reg_table[REG_COUNT] = {
    [REG_PSWM] = {"pswm", "uint64", "psw", 8, REG_CORE},
    [REG_PSWA] = {"pswa", "uint64", "psw", 8, REG_CORE},
    [REG_R0] = CORE("r0"), CORE("r1"), CORE("r2"), CORE("r3"), CORE("r4"), CORE("r5"), CORE("r6"), CORE("r7"),
    CORE("r8"), CORE("r9"), CORE("r10"), CORE("r11"), CORE("r12"), CORE("r13"), CORE("r14"), CORE("r15"),
    [REG_A0] = ACR("acr0"), ACR("acr1"), ACR("acr2"), ACR("acr3"), ACR("acr4"), ACR("acr5"), ACR("acr6"), ACR("acr7"),
    ACR("acr8"), ACR("acr9"), ACR("acr10"), ACR("acr11"), ACR("acr12"), ACR("acr13"), ACR("acr14"), ACR("acr15"),
    [REG_FPC] = {"fpc", "uint32", "float", 4, REG_FPR},
    [REG_F0] = FPR("f0"), FPR("f1"), FPR("f2"), FPR("f3"), FPR("f4"), FPR("f5"), FPR("f6"), FPR("f7"),
    FPR("f8"), FPR("f9"), FPR("f10"), FPR("f11"), FPR("f12"), FPR("f13"), FPR("f14"), FPR("f15"),
    [REG_V0L] = VXL("v0l"), VXL("v1l"), VXL("v2l"), VXL("v3l"), VXL("v4l"), VXL("v5l"), VXL("v6l"), VXL("v7l"),
    VXL("v8l"), VXL("v9l"), VXL("v10l"), VXL("v11l"), VXL("v12l"), VXL("v13l"), VXL("v14l"), VXL("v15l"),
    [REG_V16] = VX("v16"), VX("v17"), VX("v18"), VX("v19"), VX("v20"), VX("v21"), VX("v22"), VX("v23"),
    VX("v24"), VX("v25"), VX("v26"), VX("v27"), VX("v28"), VX("v29"), VX("v30"), VX("v31"),
    [REG_GSD] = {"gsd", "uint64", "gs", 8, REG_GS},
    [REG_GSSM] = {"gssm", "uint64", "gs", 8, REG_GS},
    [REG_GSEPLA] = {"gsepla", "data_ptr", "gs", 8, REG_GS},
    [REG_C0] = CR("cr0"), CR("cr1"), CR("cr2"), CR("cr3"), CR("cr4"), CR("cr5"), CR("cr6"), CR("cr7"),
    CR("cr8"), CR("cr9"), CR("cr10"), CR("cr11"), CR("cr12"), CR("cr13"), CR("cr14"), CR("cr15"),
    [REG_CKC] = {"ckc", "uint64", "system", 8, REG_VIRT},
    [REG_CPUTM] = {"cputm", "uint64", "system", 8, REG_VIRT},
    [REG_LAST_BREAK] = {"last_break", "code_ptr", "system", 8, REG_VIRT},
    [REG_PREFIX] = {"prefix", "data_ptr", "system", 8, REG_VIRT},
    [REG_PP] = {"pp", "uint64", "system", 8, REG_VIRT_KVM},
    [REG_PFT] = {"pfault_token", "uint64", "system", 8, REG_VIRT_KVM},
    [REG_PFS] = {"pfault_select", "uint64", "system", 8, REG_VIRT_KVM},
    [REG_PFC] = {"pfault_compare", "uint64", "system", 8, REG_VIRT_KVM},
    [REG_TOD] = {"tod", "uint64", "system", 8, REG_CLOCK},
    [REG_TOD_EPOCH] = {"tod_epoch", "uint32", "system", 4, REG_CLOCK},
    [REG_TODPR] = {"todpr", "uint64", "system", 8, REG_CLOCK},
    [REG_DIAG318] = {"diag318", "uint64", "system", 8, REG_D318},
    [REG_BPBC] = {"bpbc", "uint32", "system", 4, REG_BPB},
    [REG_ETOKEN] = {"etoken", "uint64", "system", 8, REG_ET},
    [REG_ETOKEN_EXT] = {"etoken_ext", "uint64", "system", 8, REG_ET},
    [REG_RICCB] = {"riccb", "v8u64", "system", 64, REG_RI},
};
/* clang-format on */

static const char *const feature_names[REG_FEATURES] = {
    [REG_CORE] = "org.gnu.gdb.s390.core", [REG_ACR] = "org.gnu.gdb.s390.acr",
    [REG_FPR] = "org.gnu.gdb.s390.fpr",   [REG_VX] = "org.gnu.gdb.s390.vx",
    [REG_GS] = "org.gnu.gdb.s390.gs",     [REG_CR] = "org.gnu.gdb.s390.cr",
    [REG_VIRT] = "org.gnu.gdb.s390.virt", [REG_VIRT_KVM] = "org.gnu.gdb.s390.virt.kvm",
    [REG_CLOCK] = "org.zgdbd.s390.tod",   [REG_D318] = "org.zgdbd.s390.diag318",
    [REG_BPB] = "org.zgdbd.s390.bpbc",    [REG_ET] = "org.zgdbd.s390.etoken",
    [REG_RI] = "org.zgdbd.s390.ri",
};

/* The type of v16 to v31: a vector register, however its elements are meant. */
static const char vec128_types[] = "  <vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>\n"
                                   "  <vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>\n"
                                   "  <vector id=\"v16i8\" type=\"int8\" count=\"16\"/>\n"
                                   "  <vector id=\"v8i16\" type=\"int16\" count=\"8\"/>\n"
                                   "  <vector id=\"v4i32\" type=\"int32\" count=\"4\"/>\n"
                                   "  <vector id=\"v2i64\" type=\"int64\" count=\"2\"/>\n"
                                   "  <union id=\"vec128\">\n"
                                   "    <field name=\"v4_float\" type=\"v4f\"/>\n"
                                   "    <field name=\"v2_double\" type=\"v2d\"/>\n"
                                   "    <field name=\"v16_int8\" type=\"v16i8\"/>\n"
                                   "    <field name=\"v8_int16\" type=\"v8i16\"/>\n"
                                   "    <field name=\"v4_int32\" type=\"v4i32\"/>\n"
                                   "    <field name=\"v2_int64\" type=\"v2i64\"/>\n"
                                   "    <field name=\"uint128\" type=\"uint128\"/>\n"
                                   "  </union>\n";

/* The types that gdb does not know of itself, by the feature that needs them. */
static const char *const feature_types[REG_FEATURES] = {
    [REG_VX] = vec128_types,
    [REG_RI] = "  <vector id=\"v8u64\" type=\"uint64\" count=\"8\"/>\n",
};

const char *reg_feature_name(enum reg_feature feature)
{
    return feature_names[feature];
}

int reg_by_name(const char *name)
{
    for (int i = 0; i < REG_COUNT; i++)
        if (!strcmp(name, reg_table[i].name))
            return i;
    return -1;
}

/* A text that knows its whole length although only the part that fits is kept. */
struct text {
    char *buf;
    size_t size;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
    bool room = t->len < t->size;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(room ? t->buf + t->len : NULL, room ? t->size - t->len : 0, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->len += (size_t)n;
}

/* Adds one feature. previous is the number of the last register described, after which gdb counts on by
 * itself. */
static void add_feature(struct text *t, unsigned feature, int *previous)
{
    bool first = true;

    add(t, "<feature name=\"%s\">\n%s", feature_names[feature],
        feature_types[feature] ? feature_types[feature] : "");
    for (int i = 0; i < REG_COUNT; i++) {
        const struct reg_desc *r = &reg_table[i];

        if (r->feature != feature)
            continue;
        add(t, "  <reg name=\"%s\" bitsize=\"%d\"", r->name, r->bytes * 8);
        if (r->type)
            add(t, " type=\"%s\"", r->type);
        if (first || i != *previous + 1)
            add(t, " regnum=\"%d\"", i);
        if (r->group)
            add(t, " group=\"%s\"", r->group);
        add(t, "/>\n");
        first = false;
        *previous = i;
    }
    add(t, "</feature>\n");
}

size_t reg_target_xml(unsigned features, char *buf, size_t size)
{
    struct text t = {buf, size, 0};
    int previous = -1;

    add(&t, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
            "<architecture>s390:64-bit</architecture>\n");
    for (unsigned feature = 0; feature < REG_FEATURES; feature++)
        if (features & (1u << feature))
            add_feature(&t, feature, &previous);
    add(&t, "</target>\n");
    return t.len;
}
