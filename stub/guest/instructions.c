/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of facilities that this machine does not have, and what each of them gets: the one table of
 * them, which the manual shows, too. KVM leaves them to user space or answers some itself, in the same way
 * (Linux arch/s390/kvm/priv.c); the answers are QEMU's for a machine without the facility
 * (target/s390x/kvm/kvm.c). */
#include <stdio.h>
#include <string.h>

#include "zgdbd/dat.h"
#include "zgdbd/guest.h"

/* By first and second byte, or first and last for the six-byte formats E3 and EB. Without a channel subsystem
 * its instructions find nothing operational, which ends a guest's search for devices (handle_io_inst() of
 * Linux). Of the others an operation exception is what says that they are not installed. */
static const struct instruction_group groups[] = {
    {"channel subsystem",
     "CSCH HSCH MSCH SSCH STSCH TSCH TPI SAL RSCH STCRW STCPS RCHP SCHM CHSC SIGA XSCH",
     0,
     3,
     {0xb230, 0xb231, 0xb232, 0xb233, 0xb234, 0xb235, 0xb236, 0xb237, 0xb238, 0xb239, 0xb23a, 0xb23b, 0xb23c,
      0xb25f, 0xb274, 0xb276}},
    {"adjunct processors", "NQAP DQAP PQAP", PGM_OPERATION, 0, {0xb2ad, 0xb2ae, 0xb2af}},
    {"PCI functions",
     "CLP PCISTG PCILG RPCIT MPCIFC STPCIFC PCISTB SIC",
     PGM_OPERATION,
     0,
     {0xb9a0, 0xb9d0, 0xb9d2, 0xb9d3, 0xe3d0, 0xe3d4, 0xebd0, 0xebd1}},
    {"QDIO assists", "EQBS SQBS", PGM_OPERATION, 0, {0xb99c, 0xeb8a}},
    {"configuration topology", "PTF", PGM_OPERATION, 0, {0xb9a2}},
    {"CPU measurement",
     "LCCTL LPCTL QSI LSCTL ECCTR",
     PGM_OPERATION,
     0,
     {0xb284, 0xb285, 0xb286, 0xb287, 0xb2e4}},
    {"guests of the guest", "SIE", PGM_OPERATION, 0, {0xb214}},
    {"collaborative memory", "ESSA", PGM_OPERATION, 0, {0xb9ab}},
};

#define NGROUPS (sizeof groups / sizeof groups[0])

const struct instruction_group *instruction_group(unsigned n)
{
    return n < NGROUPS ? &groups[n] : NULL;
}

/* The opcode as it stands in the table. */
static uint16_t opcode(uint16_t ipa, uint32_t ipb)
{
    uint8_t first = (uint8_t)(ipa >> 8);

    return first == 0xe3 || first == 0xeb ? (uint16_t)(first << 8 | (ipb & 0xff)) : ipa;
}

static const struct instruction_group *find(uint16_t wanted)
{
    for (unsigned n = 0; n < NGROUPS; n++)
        for (unsigned i = 0; i < INSTRUCTION_GROUP_MAX && groups[n].opcodes[i]; i++)
            if (groups[n].opcodes[i] == wanted)
                return &groups[n];
    return NULL;
}

struct instruction_answer instruction_answer(uint16_t ipa, uint32_t ipb, uint64_t psw_mask)
{
    const struct instruction_group *group = find(opcode(ipa, ipb));

    if (!group || group->program)
        return (struct instruction_answer){.program = PGM_OPERATION};
    if (psw_mask & PSW_PSTATE)
        return (struct instruction_answer){.program = PGM_PRIVILEGED_OPERATION};
    return (struct instruction_answer){.cc = group->cc};
}

bool instruction_name(uint16_t ipa, uint32_t ipb, char *name, size_t size)
{
    uint16_t wanted = opcode(ipa, ipb);
    const struct instruction_group *group = find(wanted);
    const char *names = group ? group->names : "";

    for (unsigned n = 0; group && group->opcodes[n] != wanted; n++)
        names += strcspn(names, " ") + 1;
    snprintf(name, size, "%.*s", (int)strcspn(names, " "), names);
    return group != NULL;
}
