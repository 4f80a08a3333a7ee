/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DIAGNOSE functions that KVM leaves to user space. Only DIAG 308 (IPL functions) exists here; as in
 * QEMU, every other function code is a specification exception, by which a guest learns that it is absent. */
#include "zgdbd/dat.h"
#include "zgdbd/guest.h"

#define DIAG_IPL 0x308

/* Subcodes of DIAG 308 (Linux arch/s390/include/asm/ipl.h, enum diag308_subcode). */
enum {
    IPL_MODIFIED_CLEAR = 0,
    IPL_LOAD_NORMAL_RESET = 1,
    IPL_LOAD_CLEAR = 3,
    IPL_LOAD_NORMAL = 4,
    IPL_SET_PARAMETERS = 5,
    IPL_STORE_PARAMETERS = 6,
};

#define IPL_NO_CONFIGURATION 0x0102 /* response: there are no (valid) IPL parameters */

static struct diag_answer program(uint16_t code)
{
    return (struct diag_answer){.action = DIAG_PROGRAM, .code = code};
}

static struct diag_answer diag_ipl(unsigned r1, unsigned r3, uint64_t gprs[16])
{
    uint64_t subcode = gprs[r3];

    switch (subcode) {
    case IPL_MODIFIED_CLEAR:
    case IPL_LOAD_NORMAL_RESET:
    case IPL_LOAD_CLEAR:
    case IPL_LOAD_NORMAL:
        return (struct diag_answer){.action = DIAG_RESET, .subcode = (unsigned)subcode};
    case IPL_SET_PARAMETERS:
    case IPL_STORE_PARAMETERS:
        if (r1 & 1) /* R1 designates an even-odd pair */
            return program(PGM_SPECIFICATION);
        gprs[r1 + 1] = IPL_NO_CONFIGURATION;
        return (struct diag_answer){.action = DIAG_DONE};
    default:
        return program(PGM_SPECIFICATION);
    }
}

struct diag_answer diag_call(uint16_t code, unsigned r1, unsigned r3, uint64_t gprs[16], uint64_t psw_mask)
{
    if (psw_mask & PSW_PSTATE)
        return program(PGM_PRIVILEGED_OPERATION);
    if (code != DIAG_IPL)
        return program(PGM_SPECIFICATION);
    return diag_ipl(r1 & 15, r3 & 15, gprs);
}
