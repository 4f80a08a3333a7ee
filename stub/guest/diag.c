/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DIAGNOSE functions that KVM leaves to user space: IPL functions with the parameter block, the watchdog.
 * Function codes that do not exist end in the exception by which a guest learns that. */
#include <string.h>

#include "zgdbd/bytes.h"
#include "zgdbd/dat.h"
#include "zgdbd/guest.h"

/* Function codes. */
enum {
    DIAG_RELEASE_PAGES = 0x010,
    DIAG_TIME_SLICE_END = 0x044,
    DIAG_TIME_SLICE_END_DIRECTED = 0x09c,
    DIAG_TIMER = 0x288,
    DIAG_IPL = 0x308,
    DIAG_KVM_BREAKPOINT = 0x501,
};

#define SUBCODE_MASK 0xffffULL

/* Subcodes of DIAG 308 that are no resets, and their responses (QEMU hw/s390x/ipl.h, DIAG_308_RC_*). */
enum {
    IPL_SET_PARAMETERS = 5,
    IPL_STORE_PARAMETERS = 6,
};
#define RESPONSE_OK 0x0001
#define RESPONSE_NO_CONFIGURATION 0x0102
#define RESPONSE_INVALID 0x0402

/* The IPL parameter block (Linux arch/s390/include/uapi/asm/ipl.h): its length, and parts of which the first
 * tells the type of device. */
#define BLOCK_LENGTH 0
#define BLOCK_HEADER_BYTES 8u
#define BLOCK_PART_LENGTH 8
#define BLOCK_TYPE 12
#define BLOCK_FLAGS 13
#define BLOCK_LOADPARM 16
#define FLAG_LOADPARM 0x80
#define TYPE_FCP 0
#define TYPE_CCW 2
#define FCP_BYTES_MIN 384u /* QEMU hw/s390x/ipl.h, S390_IPLB_MIN_*_LEN */
#define CCW_BYTES_MIN 200u

#define EBCDIC_BLANK 0x40

static struct diag_answer program(uint16_t code)
{
    return (struct diag_answer){.action = DIAG_PROGRAM, .code = code};
}

static struct diag_answer done(void)
{
    return (struct diag_answer){.action = DIAG_DONE};
}

/* ---- IPL parameters ---- */

void ipl_block_loadparm(const struct ipl_block *block, char loadparm[LOADPARM_BYTES])
{
    if (block->length && block->bytes[BLOCK_FLAGS] & FLAG_LOADPARM)
        memcpy(loadparm, block->bytes + BLOCK_LOADPARM, LOADPARM_BYTES);
    else
        memset(loadparm, EBCDIC_BLANK, LOADPARM_BYTES);
}

static bool block_valid(const uint8_t *bytes, uint32_t length)
{
    if (length < CCW_BYTES_MIN || length > IPL_BLOCK_BYTES ||
        load_be32(bytes + BLOCK_PART_LENGTH) > length - BLOCK_HEADER_BYTES)
        return false;
    return bytes[BLOCK_TYPE] == TYPE_CCW || (bytes[BLOCK_TYPE] == TYPE_FCP && length >= FCP_BYTES_MIN);
}

/* What is checked is what is kept: the guest may change its copy at any time. */
static uint64_t set_parameters(struct ipl_block *block, const uint8_t *page)
{
    uint8_t bytes[IPL_BLOCK_BYTES];
    uint32_t length;

    memcpy(bytes, page, sizeof bytes);
    length = load_be32(bytes + BLOCK_LENGTH);
    if (!block_valid(bytes, length))
        return RESPONSE_INVALID;
    memcpy(block->bytes, bytes, length);
    block->length = length;
    return RESPONSE_OK;
}

static uint64_t store_parameters(const struct ipl_block *block, uint8_t *page)
{
    if (!block->length)
        return RESPONSE_NO_CONFIGURATION;
    memcpy(page, block->bytes, block->length);
    return RESPONSE_OK;
}

static struct diag_answer parameters(const struct diag_guest *guest, bool set, unsigned r1, uint64_t gprs[16])
{
    const struct guest_memory *memory = guest->memory;
    uint64_t addr = gprs[r1];

    if ((r1 & 1) || addr % IPL_BLOCK_BYTES) /* R1 designates an even-odd pair */
        return program(PGM_SPECIFICATION);
    if (addr >= memory->size || memory->size - addr < IPL_BLOCK_BYTES)
        return program(PGM_ADDRESSING);
    gprs[r1 + 1] = set ? set_parameters(guest->ipl_block, memory->base + addr)
                       : store_parameters(guest->ipl_block, memory->base + addr);
    return done();
}

static struct diag_answer diag_ipl(const struct diag_guest *guest, unsigned r1, unsigned r3,
                                   uint64_t gprs[16])
{
    uint64_t subcode = gprs[r3];

    if (subcode & ~SUBCODE_MASK)
        return program(PGM_SPECIFICATION);
    switch (subcode) {
    case DIAG_MODIFIED_CLEAR:
    case DIAG_LOAD_NORMAL_RESET:
    case DIAG_LOAD_CLEAR:
    case DIAG_LOAD_NORMAL_DUMP:
    case DIAG_LOAD_NORMAL:
        return (struct diag_answer){.action = DIAG_RESET, .subcode = (enum diag_reset)subcode};
    case IPL_SET_PARAMETERS:
    case IPL_STORE_PARAMETERS:
        return parameters(guest, subcode == IPL_SET_PARAMETERS, r1, gprs);
    default:
        return program(PGM_SPECIFICATION);
    }
}

/* Registers: R1 function, R1+1 seconds, R3 what follows when they are over, of which only 0, a reset, exists.
 */
static struct diag_answer diag_timer(const struct diag_guest *guest, unsigned r1, unsigned r3,
                                     const uint64_t gprs[16])
{
    if ((r1 & 1) || gprs[r3] || watchdog_call(guest->watchdog, gprs[r1], gprs[r1 + 1]))
        return program(PGM_SPECIFICATION);
    return (struct diag_answer){.action = DIAG_WATCHDOG};
}

/* ---- function codes ---- */

struct diag_answer diag_call(const struct diag_guest *guest, uint16_t code, unsigned r1, unsigned r3,
                             uint64_t gprs[16], uint64_t psw_mask)
{
    if (psw_mask & PSW_PSTATE)
        return program(PGM_PRIVILEGED_OPERATION);
    switch (code) {
    case DIAG_IPL:
        return diag_ipl(guest, r1 & 15, r3 & 15, gprs);
    case DIAG_TIMER:
        return diag_timer(guest, r1 & 15, r3 & 15, gprs);
    case DIAG_RELEASE_PAGES:
    case DIAG_TIME_SLICE_END:
    case DIAG_TIME_SLICE_END_DIRECTED:
        return done();
    case DIAG_KVM_BREAKPOINT:
        return program(PGM_OPERATION);
    default:
        return program(PGM_SPECIFICATION);
    }
}
