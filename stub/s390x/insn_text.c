/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions in words that libcapstone 4.0 does not know: those of operating systems, at which a kernel
 * stands when it dies, and some old ones that compilers and kernels still use. Names and formats are those of
 * the Principles of Operation (appendix B), the text is written as that library writes its own. */
#include <inttypes.h>
#include <stdio.h>

#include "zgdbd/bytes.h"
#include "zgdbd/disassemble.h"
#include "zgdbd/psw.h"

enum form {
    FORM_E,    /* no operand */
    FORM_RR,   /* R1, R2 */
    FORM_S,    /* D2(B2) */
    FORM_SI,   /* D1(B1), I2 */
    FORM_RS,   /* R1, R3, D2(B2) */
    FORM_RSC,  /* the same of control registers */
    FORM_RSA,  /* the same of access registers */
    FORM_RSM,  /* R1, M3, D2(B2) */
    FORM_RSY,  /* R1, R3, D2(B2) with a long displacement */
    FORM_RSYM, /* R1, M3, D2(B2) with a long displacement */
    FORM_BC,   /* M1, D2(X2,B2) */
    FORM_RX,   /* R1, D2(X2,B2) */
    FORM_RXY,  /* the same with a long displacement */
    FORM_RSYC, /* control registers, long displacement */
    FORM_SIY,  /* D1(B1) with a long displacement */
    FORM_R1,   /* RRE with R1 only */
    FORM_RRE,  /* R1, R2 */
    FORM_RRFR, /* R1, R3, R2; without R3 if that is 0 */
    FORM_RR3,  /* R1, R2, and R3 if that is not 0 */
    FORM_SSE,  /* D1(B1), D2(B2) */
    FORM_SSF,  /* D1(B1), D2(B2), R3 */
    FORM_SSD,  /* D1(R1,B1), D2(B2), R3 */
    FORM_SSL,  /* D1(L,B1), D2(B2) */
    FORM_RSI,  /* R1, R3, RI2; RIE has them at the same places */
    FORM_RIL,  /* R1, RI2 */
};

struct other {
    uint16_t op; /* key() */
    uint8_t form;
    char name[7];
};

/* clang-format off */
static const struct other table[] = {
    {0x0101, FORM_E, "pr"}, {0x0102, FORM_E, "upt"}, {0x0104, FORM_E, "ptff"}, {0x0107, FORM_E, "sckpf"},
    {0x010a, FORM_E, "pfpo"}, {0x01ff, FORM_E, "trap2"},
    {0x0e00, FORM_RR, "mvcl"}, {0x4400, FORM_RX, "ex"}, {0x4700, FORM_BC, "bc"},
    {0x8400, FORM_RSI, "brxh"}, {0x8500, FORM_RSI, "brxle"}, {0x9a00, FORM_RSA, "lam"}, {0x9b00, FORM_RSA, "stam"},
    {0xa800, FORM_RS, "mvcle"}, {0xbd00, FORM_RSM, "clm"}, {0xbe00, FORM_RSM, "stcm"}, {0xbf00, FORM_RSM, "icm"},
    {0xb241, FORM_RRE, "cksm"}, {0xb29c, FORM_S, "stfpc"}, {0xb29d, FORM_S, "lfpc"}, {0xb384, FORM_R1, "sfpc"},
    {0xb38c, FORM_R1, "efpc"}, {0xb917, FORM_RRE, "llgtr"}, {0xc600, FORM_RIL, "exrl"}, {0xdc00, FORM_SSL, "tr"},
    {0xdd00, FORM_SSL, "trt"}, {0xe317, FORM_RXY, "llgt"}, {0xe31f, FORM_RXY, "lrvh"}, {0xe349, FORM_RXY, "stgsc"},
    {0xe34d, FORM_RXY, "lgsc"}, {0xeb20, FORM_RSYM, "clmh"}, {0xeb21, FORM_RSYM, "clmy"}, {0xeb2c, FORM_RSYM, "stcmh"},
    {0xeb2d, FORM_RSYM, "stcmy"}, {0xeb3e, FORM_RSY, "cdsg"}, {0xeb4c, FORM_RSY, "ecag"}, {0xeb80, FORM_RSYM, "icmh"},
    {0xeb81, FORM_RSYM, "icmy"}, {0xec44, FORM_RSI, "brxhg"}, {0xec45, FORM_RSI, "brxlg"},
    {0x8000, FORM_S, "ssm"}, {0x8200, FORM_S, "lpsw"}, {0x8300, FORM_RS, "diag"},
    {0xac00, FORM_SI, "stnsm"}, {0xad00, FORM_SI, "stosm"}, {0xae00, FORM_RS, "sigp"}, {0xaf00, FORM_SI, "mc"},
    {0xb100, FORM_RX, "lra"}, {0xb600, FORM_RSC, "stctl"}, {0xb700, FORM_RSC, "lctl"},
    {0xb202, FORM_S, "stidp"}, {0xb204, FORM_S, "sck"}, {0xb205, FORM_S, "stck"}, {0xb206, FORM_S, "sckc"},
    {0xb207, FORM_S, "stckc"}, {0xb208, FORM_S, "spt"}, {0xb209, FORM_S, "stpt"}, {0xb20a, FORM_S, "spka"},
    {0xb20b, FORM_E, "ipk"}, {0xb20d, FORM_E, "ptlb"}, {0xb210, FORM_S, "spx"}, {0xb211, FORM_S, "stpx"},
    {0xb212, FORM_S, "stap"}, {0xb214, FORM_S, "sie"}, {0xb218, FORM_S, "pc"}, {0xb219, FORM_S, "sac"},
    {0xb21a, FORM_S, "cfc"}, {0xb220, FORM_RRE, "servc"}, {0xb221, FORM_RR3, "ipte"}, {0xb223, FORM_R1, "ivsk"},
    {0xb224, FORM_R1, "iac"}, {0xb225, FORM_R1, "ssar"}, {0xb226, FORM_R1, "epar"}, {0xb227, FORM_R1, "esar"},
    {0xb228, FORM_RRE, "pt"}, {0xb229, FORM_RRE, "iske"}, {0xb22a, FORM_RRE, "rrbe"}, {0xb22b, FORM_RRE, "sske"},
    {0xb22c, FORM_RRE, "tb"}, {0xb230, FORM_E, "csch"}, {0xb231, FORM_E, "hsch"}, {0xb232, FORM_S, "msch"},
    {0xb233, FORM_S, "ssch"}, {0xb234, FORM_S, "stsch"}, {0xb235, FORM_S, "tsch"}, {0xb236, FORM_S, "tpi"},
    {0xb237, FORM_E, "sal"}, {0xb238, FORM_E, "rsch"}, {0xb239, FORM_S, "stcrw"}, {0xb23a, FORM_S, "stcps"},
    {0xb23b, FORM_E, "rchp"}, {0xb23c, FORM_E, "schm"}, {0xb240, FORM_RRE, "bakr"},
    {0xb246, FORM_RRE, "stura"}, {0xb247, FORM_R1, "msta"}, {0xb248, FORM_E, "palb"}, {0xb249, FORM_R1, "ereg"},
    {0xb24a, FORM_RRE, "esta"}, {0xb24b, FORM_RRE, "lura"},
    {0xb250, FORM_RRE, "csp"}, {0xb254, FORM_RRE, "mvpg"}, {0xb25a, FORM_RRE, "bsa"}, {0xb25f, FORM_R1, "chsc"},
    {0xb274, FORM_S, "siga"}, {0xb276, FORM_E, "xsch"}, {0xb277, FORM_S, "rp"}, {0xb278, FORM_S, "stcke"},
    {0xb279, FORM_S, "sacf"}, {0xb27c, FORM_S, "stckf"}, {0xb27d, FORM_S, "stsi"}, {0xb280, FORM_S, "lpp"},
    {0xb284, FORM_S, "lcctl"}, {0xb285, FORM_S, "lpctl"}, {0xb286, FORM_S, "qsi"}, {0xb287, FORM_S, "lsctl"},
    {0xb28e, FORM_S, "qctri"}, {0xb2af, FORM_E, "pqap"}, {0xb2ad, FORM_RRE, "nqap"}, {0xb2ae, FORM_RRE, "dqap"},
    {0xb2b0, FORM_S, "stfle"}, {0xb2b1, FORM_S, "stfl"}, {0xb2b2, FORM_S, "lpswe"}, {0xb2e0, FORM_RRE, "scctr"},
    {0xb2e1, FORM_RRE, "spctr"}, {0xb2e4, FORM_RRE, "ecctr"}, {0xb2e5, FORM_RRE, "epctr"},
    {0xb2ff, FORM_S, "trap4"},
    {0xb905, FORM_RRE, "lurag"}, {0xb925, FORM_RRE, "sturg"}, {0xb928, FORM_E, "pckmo"},
    {0xb98a, FORM_RRE, "cspg"}, {0xb98d, FORM_RRE, "epsw"}, {0xb98e, FORM_RRFR, "idte"},
    {0xb98f, FORM_RRFR, "crdte"}, {0xb99a, FORM_R1, "epair"}, {0xb99b, FORM_R1, "esair"},
    {0xb99d, FORM_R1, "esea"}, {0xb99e, FORM_RRE, "pti"}, {0xb99f, FORM_R1, "ssair"},
    {0xb9a0, FORM_RRE, "clp"}, {0xb9a1, FORM_RRE, "tpei"}, {0xb9a2, FORM_R1, "ptf"}, {0xb9a4, FORM_RRE, "uvc"},
    {0xb9ab, FORM_RRE, "essa"}, {0xb9ac, FORM_RRE, "irbm"},
    {0xb9ae, FORM_RRE, "rrbm"}, {0xb9af, FORM_RRE, "pfmf"}, {0xb9d0, FORM_RRE, "pcistg"},
    {0xb9d2, FORM_RRE, "pcilg"}, {0xb9d3, FORM_RRE, "rpcit"},
    {0xc800, FORM_SSF, "mvcos"}, {0xd900, FORM_SSD, "mvck"}, {0xda00, FORM_SSD, "mvcp"},
    {0xdb00, FORM_SSD, "mvcs"},
    {0xe303, FORM_RXY, "lrag"}, {0xe313, FORM_RXY, "lray"},
    {0xe500, FORM_SSE, "lasp"}, {0xe501, FORM_SSE, "tprot"}, {0xe502, FORM_SSE, "strag"},
    {0xe50e, FORM_SSE, "mvcsk"}, {0xe50f, FORM_SSE, "mvcdk"},
    {0xeb25, FORM_RSYC, "stctg"}, {0xeb2f, FORM_RSYC, "lctlg"}, {0xeb71, FORM_SIY, "lpswey"},
};
/* clang-format on */

/* First byte, and what else of the instruction belongs to the opcode. */
static uint16_t key(const uint8_t *insn)
{
    switch (insn[0]) {
    case 0x01:
    case 0xb2:
    case 0xb3:
    case 0xb9:
    case 0xe5:
        return load_be16(insn);
    case 0xe3:
    case 0xeb:
    case 0xec:
        return (uint16_t)(insn[0] << 8 | insn[5]);
    case 0xc6:
    case 0xc8:
        return (uint16_t)(insn[0] << 8 | (insn[1] & 15));
    default:
        return (uint16_t)(insn[0] << 8);
    }
}

static const struct other *find(const uint8_t *insn)
{
    uint16_t op = key(insn);

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].op == op)
            return &table[i];
    return NULL;
}

/* ---- operands ---- */

#define OPERAND_BYTES 32

/* D(X,B) at two bytes: base and displacement. index: a register's number, 0 if there is none; high: the upper
 * 8 bits of a long displacement, which is signed. */
static const char *address(char *buf, const uint8_t *at, unsigned index, uint8_t high)
{
    int32_t displacement = (int32_t)((uint32_t)(int8_t)high << 12 | (load_be16(at) & 0xfffu));
    unsigned base = at[0] >> 4;
    char registers[24] = "";
    const char *minus = displacement < 0 ? "-" : "";
    uint32_t size = displacement < 0 ? 0 - (uint32_t)displacement : (uint32_t)displacement;

    if (index && base)
        snprintf(registers, sizeof registers, "(%%r%u, %%r%u)", index, base);
    else if (index || base)
        snprintf(registers, sizeof registers, "(%%r%u)", index ? index : base);
    snprintf(buf, OPERAND_BYTES, size < 10 ? "%s%u%s" : "%s0x%x%s", minus, size, registers);
    return buf;
}

/* D2(X2,B2) or D2(B2), with a long displacement in those of six bytes. */
static const char *second(char *buf, const uint8_t *insn, bool index)
{
    return address(buf, insn + 2, index ? insn[1] & 15u : 0, insn_length(insn[0]) == 6 ? insn[4] : 0);
}

/* Two registers of this kind, or a register and a mask, and storage. */
static void put_rs(const struct other *p, const uint8_t *insn, char *buf, size_t size)
{
    unsigned r1 = insn[1] >> 4, r3 = insn[1] & 15;
    char operand[OPERAND_BYTES];
    bool mask = p->form == FORM_RSM || p->form == FORM_RSYM;
    char kind = 'r';

    if (p->form == FORM_RSC || p->form == FORM_RSYC)
        kind = 'c';
    else if (p->form == FORM_RSA)
        kind = 'a';
    second(operand, insn, false);
    if (mask)
        snprintf(buf, size, "%s %%r%u, %u, %s", p->name, r1, r3, operand);
    else
        snprintf(buf, size, "%s %%%c%u, %%%c%u, %s", p->name, kind, r1, kind, r3, operand);
}

static void put_storage(const struct other *p, const uint8_t *insn, char *buf, size_t size)
{
    unsigned r1 = insn[1] >> 4;
    char operand[OPERAND_BYTES];

    if (p->form == FORM_BC && (r1 == 0 || r1 == 15))
        snprintf(buf, size, "%s %s", r1 ? "b" : "nop", second(operand, insn, true));
    else if (p->form == FORM_BC)
        snprintf(buf, size, "%s %u, %s", p->name, r1, second(operand, insn, true));
    else if (p->form == FORM_RX || p->form == FORM_RXY)
        snprintf(buf, size, "%s %%r%u, %s", p->name, r1, second(operand, insn, true));
    else if (p->form == FORM_SI)
        snprintf(buf, size, "%s %s, %u", p->name, second(operand, insn, false), insn[1]);
    else /* S, SIY */
        snprintf(buf, size, "%s %s", p->name, second(operand, insn, false));
}

static void put_two_storage(const struct other *p, const uint8_t *insn, char *buf, size_t size)
{
    unsigned r1 = insn[1] >> 4, r3 = insn[1] & 15, base = insn[2] >> 4;
    char first[OPERAND_BYTES], other[OPERAND_BYTES];

    address(first, insn + 2, p->form == FORM_SSD ? r1 : 0, 0);
    address(other, insn + 4, 0, 0);
    if (p->form == FORM_SSL)
        snprintf(buf, size, "%s %u(%u, %%r%u), %s", p->name, load_be16(insn + 2) & 0xfffu, insn[1] + 1u, base,
                 other);
    else if (p->form == FORM_SSE)
        snprintf(buf, size, "%s %s, %s", p->name, first, other);
    else
        snprintf(buf, size, "%s %s, %s, %%r%u", p->name, first, other, p->form == FORM_SSD ? r3 : r1);
}

static void put_registers(const struct other *p, const uint8_t *insn, char *buf, size_t size)
{
    const uint8_t *at = insn + (p->form == FORM_RR ? 1 : 3);
    unsigned r1 = *at >> 4, r2 = *at & 15, r3 = p->form == FORM_RR ? 0 : insn[2] >> 4;

    if (p->form == FORM_R1)
        snprintf(buf, size, "%s %%r%u", p->name, r1);
    else if (p->form == FORM_RRFR && r3)
        snprintf(buf, size, "%s %%r%u, %%r%u, %%r%u", p->name, r1, r3, r2);
    else if (p->form == FORM_RR3 && r3)
        snprintf(buf, size, "%s %%r%u, %%r%u, %%r%u", p->name, r1, r2, r3);
    else
        snprintf(buf, size, "%s %%r%u, %%r%u", p->name, r1, r2);
}

static void put_relative(const struct other *p, const uint8_t *insn, uint64_t addr, char *buf, size_t size)
{
    unsigned r1 = insn[1] >> 4, r3 = insn[1] & 15;
    int64_t halfwords = p->form == FORM_RIL ? (int32_t)load_be32(insn + 2) : (int16_t)load_be16(insn + 2);
    uint64_t target = addr + (uint64_t)(halfwords * 2);

    if (p->form == FORM_RIL)
        snprintf(buf, size, "%s %%r%u, 0x%" PRIx64, p->name, r1, target);
    else
        snprintf(buf, size, "%s %%r%u, %%r%u, 0x%" PRIx64, p->name, r1, r3, target);
}

bool insn_other_text(const uint8_t *insn, uint64_t addr, char *buf, size_t size)
{
    const struct other *p = find(insn);

    if (!p)
        return false;
    switch (p->form) {
    case FORM_E:
        snprintf(buf, size, "%s", p->name);
        break;
    case FORM_RR:
    case FORM_R1:
    case FORM_RRE:
    case FORM_RRFR:
    case FORM_RR3:
        put_registers(p, insn, buf, size);
        break;
    case FORM_SSE:
    case FORM_SSF:
    case FORM_SSD:
    case FORM_SSL:
        put_two_storage(p, insn, buf, size);
        break;
    case FORM_RSI:
    case FORM_RIL:
        put_relative(p, insn, addr, buf, size);
        break;
    case FORM_S:
    case FORM_SI:
    case FORM_SIY:
    case FORM_BC:
    case FORM_RX:
    case FORM_RXY:
        put_storage(p, insn, buf, size);
        break;
    default:
        put_rs(p, insn, buf, size);
    }
    return true;
}
