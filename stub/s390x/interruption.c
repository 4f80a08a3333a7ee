/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interruptions in words: the names of their codes, and what the lowcore says of one. */
#include "zgdbd/interruption.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zgdbd/bytes.h"

/* ---- names ---- */

struct code {
    uint32_t code;
    const char *name;
};

/* Principles, chapter 6, "Program-Interruption Conditions". */
static const struct code program[] = {
    {0x01, "operation"},
    {0x02, "privileged operation"},
    {0x03, "execute"},
    {0x04, "protection"},
    {0x05, "addressing"},
    {0x06, "specification"},
    {0x07, "data"},
    {0x08, "fixed-point overflow"},
    {0x09, "fixed-point divide"},
    {0x0a, "decimal overflow"},
    {0x0b, "decimal divide"},
    {0x0c, "HFP exponent overflow"},
    {0x0d, "HFP exponent underflow"},
    {0x0e, "HFP significance"},
    {0x0f, "HFP divide"},
    {0x10, "segment translation"},
    {0x11, "page translation"},
    {0x12, "translation specification"},
    {0x13, "special operation"},
    {0x15, "operand"},
    {0x16, "trace table"},
    {0x18, "transaction constraint"},
    {0x1b, "vector processing"},
    {0x1c, "space-switch event"},
    {0x1d, "HFP square root"},
    {0x1f, "PC-translation specification"},
    {0x20, "AFX translation"},
    {0x21, "ASX translation"},
    {0x22, "LX translation"},
    {0x23, "EX translation"},
    {0x24, "primary authority"},
    {0x25, "secondary authority"},
    {0x26, "LFX translation"},
    {0x27, "LSX translation"},
    {0x28, "ALET specification"},
    {0x29, "ALEN translation"},
    {0x2a, "ALE sequence"},
    {0x2b, "ASTE validity"},
    {0x2c, "ASTE sequence"},
    {0x2d, "extended authority"},
    {0x2e, "LSTE sequence"},
    {0x2f, "ASTE instance"},
    {0x30, "stack full"},
    {0x31, "stack empty"},
    {0x32, "stack specification"},
    {0x33, "stack type"},
    {0x34, "stack operation"},
    {0x38, "ASCE type"},
    {0x39, "region-first translation"},
    {0x3a, "region-second translation"},
    {0x3b, "region-third translation"},
    {0x3d, "secure-storage access"},
    {0x3e, "non-secure-storage access"},
    {0x3f, "secure-storage violation"},
    {0x40, "monitor event"},
    {0x80, "PER event"},
    {0x119, "crypto operation"},
};

/* Linux arch/s390/include/asm/irq.h, EXT_IRQ_*. */
static const struct code external[] = {
    {0x0040, "interrupt key"},  {0x1004, "clock comparator"},  {0x1005, "CPU timer"},
    {0x1007, "warning track"},  {0x1200, "malfunction alert"}, {0x1201, "emergency signal"},
    {0x1202, "external call"},  {0x1406, "timing alert"},      {0x1407, "measurement alert"},
    {0x2401, "service signal"}, {0x2603, "host service"},      {0x4000, "IUCV"},
};

/* Principles, chapter 11, "Machine-Check Interruption Code". */
static const struct code machine_check[] = {
    {0, "system damage"},
    {1, "instruction-processing damage"},
    {2, "system recovery"},
    {4, "timing-facility damage"},
    {5, "external damage"},
    {7, "degradation"},
    {8, "warning"},
    {9, "channel report pending"},
    {10, "service-processor damage"},
    {11, "channel-subsystem damage"},
    {14, "backed up"},
    {16, "storage error uncorrected"},
    {17, "storage error corrected"},
    {18, "storage-key error uncorrected"},
    {19, "storage degradation"},
    {20, "PSW-MWP validity"},
    {21, "PSW mask and key validity"},
    {22, "PSW program-mask and condition-code validity"},
    {23, "PSW-instruction-address validity"},
    {24, "failing-storage-address validity"},
    {25, "vector-register validity"},
    {26, "external-damage-code validity"},
    {27, "floating-point-register validity"},
    {28, "general-register validity"},
    {29, "control-register validity"},
    {31, "storage logical validity"},
    {32, "indirect storage error"},
    {33, "access-register validity"},
    {34, "delayed-access exception"},
    {36, "guarded-storage-register validity"},
    {42, "TOD-programmable-register validity"},
    {43, "floating-point-control-register validity"},
    {44, "ancillary report"},
    {46, "CPU-timer validity"},
    {47, "clock-comparator validity"},
};

/* Principles, chapter 4, "Signal-Processor Orders". */
static const struct code sigp[] = {
    {0x01, "sense"},
    {0x02, "external call"},
    {0x03, "emergency signal"},
    {0x04, "start"},
    {0x05, "stop"},
    {0x06, "restart"},
    {0x09, "stop and store status"},
    {0x0b, "initial CPU reset"},
    {0x0c, "CPU reset"},
    {0x0d, "set prefix"},
    {0x0e, "store status at address"},
    {0x12, "set architecture"},
    {0x13, "conditional emergency signal"},
    {0x15, "sense running status"},
    {0x16, "set multithreading"},
    {0x17, "store additional status at address"},
};

/* Linux arch/s390/kernel/diag.c. */
static const struct code diag[] = {
    {0x008, "console function"},
    {0x00c, "pseudo timer"},
    {0x010, "release pages"},
    {0x044, "time slice end"},
    {0x064, "NSS manipulation"},
    {0x09c, "time slice end directed"},
    {0x0dc, "appldata control"},
    {0x204, "logical CPU utilization"},
    {0x210, "device information"},
    {0x224, "CPU type names"},
    {0x250, "block I/O"},
    {0x258, "page-reference services"},
    {0x26c, "certain system information"},
    {0x288, "watchdog"},
    {0x2fc, "guest performance data"},
    {0x304, "partition-resource service"},
    {0x308, "IPL"},
    {0x318, "control program name and version"},
    {0x500, "KVM hypercall"},
    {0x501, "KVM breakpoint"},
};

/* Linux drivers/s390/char/sclp.h. */
static const struct code service_call[] = {
    {0x00010001, "read CPU info"},     {0x00020001, "read SCP info"},   {0x00120001, "read SCP info forced"},
    {0x00760005, "write event data"},  {0x00770005, "read event data"}, {0x00780005, "write event mask"},
    {0x00040001, "read storage info"}, {0x00100001, "deconfigure CPU"}, {0x00110001, "configure CPU"},
};

#define TABLE(t)                                                                                             \
    {                                                                                                        \
        t, sizeof(t) / sizeof *(t)                                                                           \
    }

static const struct {
    const struct code *codes;
    size_t n;
} tables[CODE_KINDS] = {
    [CODES_PROGRAM] = TABLE(program),
    [CODES_EXTERNAL] = TABLE(external),
    [CODES_MACHINE_CHECK] = TABLE(machine_check),
    [CODES_SIGP] = TABLE(sigp),
    [CODES_DIAG] = TABLE(diag),
    [CODES_SERVICE_CALL] = TABLE(service_call),
};

const char *code_name(enum code_kind kind, uint32_t code)
{
    for (size_t i = 0; i < tables[kind].n; i++)
        if (tables[kind].codes[i].code == code)
            return tables[kind].codes[i].name;
    return NULL;
}

/* Whether this is how a user types that name. */
static bool code_name_is(const char *name, const char *typed, size_t len)
{
    size_t i = 0;

    for (; i < len && name[i]; i++)
        if (tolower((unsigned char)typed[i]) != (name[i] == ' ' ? '-' : tolower((unsigned char)name[i])))
            return false;
    return i == len && !name[i];
}

bool code_named(enum code_kind kind, const char *name, size_t len, uint32_t *code)
{
    for (size_t i = 0; i < tables[kind].n; i++)
        if (code_name_is(tables[kind].codes[i].name, name, len)) {
            *code = tables[kind].codes[i].code;
            return true;
        }
    return false;
}

/* ---- the lowcore ---- */

/* Real addresses (Principles, chapter 3, "Assigned Storage Locations"). */
enum {
    LC_EXT_PARAMETER = 0x80,
    LC_EXT_CPU_ADDRESS = 0x84,
    LC_EXT_CODE = 0x86,
    LC_SVC_ILC = 0x89,
    LC_SVC_CODE = 0x8a,
    LC_PGM_ILC = 0x8d,
    LC_PGM_CODE = 0x8e,
    LC_DXC = 0x90,
    LC_EXC_ACCESS_ID = 0xa0,
    LC_TEID = 0xa8,
    LC_SUBCHANNEL = 0xb8,
    LC_IO_PARAMETER = 0xbc,
    LC_IO_WORD = 0xc0,
    LC_MCIC = 0xe8,
    LC_FAILING_STORAGE = 0xf8,
    LC_LAST_BREAK = 0x110,
};

static struct psw load_psw(const uint8_t *at)
{
    return (struct psw){load_be64(at), load_be64(at + 8)};
}

static void read_program(const uint8_t *lowcore, struct interruption *out)
{
    out->code = load_be16(lowcore + LC_PGM_CODE);
    out->ilc = lowcore[LC_PGM_ILC] & 6;
    out->teid = load_be64(lowcore + LC_TEID);
    out->exc_access_id = lowcore[LC_EXC_ACCESS_ID] & 15;
    out->dxc = load_be32(lowcore + LC_DXC);
    out->last_break = load_be64(lowcore + LC_LAST_BREAK);
}

void interruption_read(enum interruption_class class, const uint8_t *lowcore, struct interruption *out)
{
    *out = (struct interruption){.class = class,
                                 .old_psw = load_psw(lowcore + LC_OLD_PSW(class)),
                                 .new_psw = load_psw(lowcore + LC_NEW_PSW(class))};
    switch (class) {
    case INTERRUPTION_EXTERNAL:
        out->code = load_be16(lowcore + LC_EXT_CODE);
        out->cpu_address = load_be16(lowcore + LC_EXT_CPU_ADDRESS);
        out->ext_parameter = load_be32(lowcore + LC_EXT_PARAMETER);
        break;
    case INTERRUPTION_SVC:
        out->code = load_be16(lowcore + LC_SVC_CODE);
        out->ilc = lowcore[LC_SVC_ILC] & 6;
        break;
    case INTERRUPTION_PROGRAM:
        read_program(lowcore, out);
        break;
    case INTERRUPTION_MACHINE_CHECK:
        out->mcic = load_be64(lowcore + LC_MCIC);
        out->failing = load_be64(lowcore + LC_FAILING_STORAGE);
        break;
    case INTERRUPTION_IO:
        out->subchannel = load_be32(lowcore + LC_SUBCHANNEL);
        out->code = out->subchannel & 0xffff;
        out->io_parameter = load_be32(lowcore + LC_IO_PARAMETER);
        out->io_word = load_be32(lowcore + LC_IO_WORD);
        break;
    default:
        break;
    }
}

bool interruption_code_is(enum interruption_class class, uint32_t code, uint32_t wanted)
{
    if (class != INTERRUPTION_PROGRAM)
        return code == wanted;
    if (wanted == PGM_CODE_PER)
        return code & PGM_CODE_PER;
    return code == wanted || (code & ~(PGM_CODE_PER | PGM_CODE_TRANSACTION)) == wanted;
}

/* ---- text ---- */

/* Appends as far as there is room. */
__attribute__((format(printf, 3, 4))) static void add(char *buf, size_t size, const char *fmt, ...)
{
    size_t len = strlen(buf);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf + len, size - len, fmt, ap);
    va_end(ap);
}

char *program_code_text(uint32_t code, char *buf, size_t size)
{
    uint32_t base = code & ~(PGM_CODE_PER | PGM_CODE_TRANSACTION);
    const char *name = code_name(CODES_PROGRAM, base);

    snprintf(buf, size, "%s%s%s",
             name                                 ? name
             : base == 0 && (code & PGM_CODE_PER) ? ""
                                                  : "unknown",
             (code & PGM_CODE_PER) ? base ? " and PER event" : "PER event" : "",
             (code & PGM_CODE_TRANSACTION) ? ", transaction aborted" : "");
    return buf;
}

/* Bits of the translation-exception identification. */
#define TEID_ADDRESS (~(uint64_t)0xfff)
#define TEID_STORE 0x400u
#define TEID_FETCH 0x800u
#define TEID_56 0x80u
#define TEID_60 0x08u
#define TEID_61 0x04u

/* Kinds of protection, with enhanced suppression on protection 2; NULL: the address is not told. */
static const char *protection_text(uint64_t teid)
{
    switch (teid & (TEID_56 | TEID_60 | TEID_61)) {
    case TEID_61:
        return "DAT protection, ";
    case TEID_56:
        return "low-address protection, ";
    case TEID_56 | TEID_61:
        return "instruction-execution protection, ";
    case TEID_60:
        return "key-controlled protection, ";
    case TEID_60 | TEID_61:
        return "access-list-controlled protection, ";
    default:
        return NULL;
    }
}

char *translation_exception_text(uint32_t code, uint64_t teid, char *buf, size_t size)
{
    static const char *const space[4] = {"primary space", "access-register mode", "secondary space",
                                         "home space"};
    const char *what = "";

    buf[0] = '\0';
    switch (code & ~(PGM_CODE_PER | PGM_CODE_TRANSACTION)) {
    case 0x04:
        what = protection_text(teid);
        break;
    case 0x10:
    case 0x11:
    case 0x38 ... 0x3b:
        break;
    default:
        what = NULL;
    }
    if (what)
        snprintf(buf, size, "0x%016" PRIx64 ", %s%s%s", teid & TEID_ADDRESS, what, space[teid & 3],
                 (teid & TEID_STORE)   ? ", store"
                 : (teid & TEID_FETCH) ? ", fetch"
                                       : "");
    return buf;
}

char *machine_check_text(uint64_t mcic, char *buf, size_t size)
{
    const char *between = "";

    buf[0] = '\0';
    for (size_t i = 0; i < sizeof machine_check / sizeof *machine_check; i++) {
        const struct code *bit = &machine_check[i];

        if (!(mcic >> (63 - bit->code) & 1) || strstr(bit->name, "validity"))
            continue;
        add(buf, size, "%s%s", between, bit->name);
        between = ", ";
    }
    return buf;
}

static void add_program(const struct interruption *i, char *buf, size_t size)
{
    char text[100];

    add(buf, size, "program interruption 0x%04x (%s), ILC %u", i->code,
        program_code_text(i->code, text, sizeof text), i->ilc);
    if (interruption_code_is(i->class, i->code, 0x07) || interruption_code_is(i->class, i->code, 0x1b))
        add(buf, size, ", DXC 0x%02x", i->dxc & 0xff);
    if (translation_exception_text(i->code, i->teid, text, sizeof text)[0])
        add(buf, size, ", translation-exception address %s", text);
}

/* SIGP's orders tell who has given them; the others have a parameter, or nothing. */
static void add_external(const struct interruption *i, char *buf, size_t size)
{
    const char *name = code_name(CODES_EXTERNAL, i->code);

    add(buf, size, "external interruption 0x%04x (%s)", i->code, name ? name : "unknown");
    if (i->code >= 0x1200 && i->code <= 0x1202)
        add(buf, size, ", CPU address %u", i->cpu_address);
    else if (i->code >= 0x2000)
        add(buf, size, ", parameter 0x%08x", i->ext_parameter);
}

char *interruption_text(const struct interruption *i, char *buf, size_t size)
{
    char text[400];

    buf[0] = '\0';
    switch (i->class) {
    case INTERRUPTION_PROGRAM:
        add_program(i, buf, size);
        break;
    case INTERRUPTION_EXTERNAL:
        add_external(i, buf, size);
        break;
    case INTERRUPTION_SVC:
        add(buf, size, "SVC %u, ILC %u", i->code, i->ilc);
        break;
    case INTERRUPTION_IO:
        add(buf, size, "I/O interruption, subchannel %08x, parameter 0x%08x, word 0x%08x", i->subchannel,
            i->io_parameter, i->io_word);
        break;
    case INTERRUPTION_MACHINE_CHECK:
        machine_check_text(i->mcic, text, sizeof text);
        add(buf, size, "machine check, code %016" PRIx64 " (%.140s)", i->mcic, text[0] ? text : "no cause");
        break;
    default:
        add(buf, size, "restart interruption");
    }
    if (i->last_break > 1)
        add(buf, size, ", last breaking event 0x%" PRIx64, i->last_break);
    add(buf, size, ", old PSW %s", psw_describe(i->old_psw, text, sizeof text));
    return buf;
}
