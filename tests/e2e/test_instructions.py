# SPDX-License-Identifier: GPL-2.0-or-later
"""What instructions do that KVM or the monitor carries out: condition code or program interruption, as the manual's table
says of facilities that the guest lacks, and as KVM does for the rest."""

import os
import re

from insns import PAGE, execute, started
from zharness import ROOT

OPERATION, PRIVILEGED, ADDRESSING, SPECIFICATION = 1, 2, 5, 6

# Each instruction of the manual's table; register 9 is the address of a page.
ABSENT = {
    "CSCH": "b2300000", "HSCH": "b2310000", "MSCH": "b2329000", "SSCH": "b2339000", "STSCH": "b2349000",
    "TSCH": "b2359000", "TPI": "b2369000", "SAL": "b2370000", "RSCH": "b2380000", "STCRW": "b2399000",
    "STCPS": "b23a9000", "RCHP": "b23b0000", "SCHM": "b23c0000", "CHSC": "b25f0009", "SIGA": "b2740000",
    "XSCH": "b2760000",
    "NQAP": "b2ad0002", "DQAP": "b2ae0002", "PQAP": "b2af0000",
    "CLP": "b9a00009", "PCISTG": "b9d00002", "PCILG": "b9d20002", "RPCIT": "b9d30002", "MPCIFC": "e300900000d0",
    "STPCIFC": "e300900000d4", "PCISTB": "eb02900000d0", "SIC": "eb02000000d1",
    "EQBS": "b99c0002", "SQBS": "eb020000008a",
    "PTF": "b9a20000",
    "LCCTL": "b2849000", "LPCTL": "b2859000", "QSI": "b2869000", "LSCTL": "b2879000", "ECCTR": "b2e40002",
    "SIE": "b2149000",
    "ESSA": "b9ab0002",
}


def manual_table():
    """{mnemonic: (program interruption code, condition code)} of the manual; 2 is the condition code before."""
    with open(os.path.join(ROOT, "stub/zgdbd.1"), encoding="utf-8") as manual:
        section = manual.read().split(".Ss Facilities that the guest does not have")[1].split(".El")[0]
    table = {}
    for _, answer, names in re.findall(r"^\.It (.*) Ta (.*) Ta (.*)$", section, re.M):
        cc = re.match(r"condition code (\d)", answer)
        assert cc or answer == "operation exception"
        table.update(dict.fromkeys(names.split(), (0, int(cc[1])) if cc else (OPERATION, 2)))
    return table


def test_absent_facilities(bench):
    expected = manual_table()
    assert set(expected) == set(ABSENT)
    client = started(bench)
    found = execute(client, *((code, ()) for code in ABSENT.values()))
    assert {name: (result.program, result.cc) for name, result in zip(ABSENT, found)} == expected


# name, instruction, registers 0-3, program interruption code, condition code (2 is the one before)
PRESENT = (
    ("SERVC of an odd SCCB", "b2200012", (0, 0x20001, PAGE + 4), SPECIFICATION, 2),
    ("SERVC outside of memory", "b2200012", (0, 0x20001, 0x7ffff000), ADDRESSING, 2),
    ("SERVC in the lowcore", "b2200012", (0, 0x20001, 0x1000), SPECIFICATION, 2),
    ("SIGP sense", "ae130001", (0, 0, 0, 0), 0, 0),
    ("SIGP sense of no CPU", "ae130001", (0, 0, 0, 5), 0, 3),
    ("SIGP restart of no CPU", "ae130006", (0, 0, 0, 5), 0, 3),
    ("SIGP set architecture", "ae130012", (0, 0, 0, 0), 0, 1),
    ("SIGP order 0xff", "ae1300ff", (0, 0, 0, 0), 0, 1),
    ("STIDP", "b2029000", (), 0, 2),
    ("STIDP of an odd address", "b2029001", (), SPECIFICATION, 2),
    ("STAP", "b2129000", (), 0, 2),
    ("STFL", "b2b10000", (), 0, 2),
    ("TPROT", "e50190000000", (), 0, 0),
    ("TPROT outside of memory", "e50110000000", (0, 0x7fff000000), ADDRESSING, 2),
    ("STSI level", "b27d0000", (0, 0), 0, 0),
    ("STSI 1.1.1", "b27d9000", (0x10000001, 1), 0, 0),
    ("STSI 3.2.2", "b27d9000", (0x30000002, 2), 0, 0),
    ("STSI 3.2.1", "b27d9000", (0x30000002, 1), 0, 3),
    ("STSI 4.1.1", "b27d9000", (0x40000001, 1), 0, 3),
    ("STSI with reserved bits", "b27d9000", (0x10000101, 1), SPECIFICATION, 2),
    ("STSI off its page", "b27d9008", (0x10000001, 1), SPECIFICATION, 2),
    ("SCKPF", "0107", (7,), 0, 2),
    ("SCKPF with reserved bits", "0107", (0x10000,), SPECIFICATION, 2),
    ("opcode B9FF", "b9ff0000", (), OPERATION, 2),
    ("opcode B2FE", "b2fe0000", (), OPERATION, 2),
    ("opcode EBFF", "eb00000000ff", (), OPERATION, 2),
    ("opcode 0000", "0000", (), OPERATION, 2),
)


def test_present(bench):
    client = started(bench)
    found = execute(client, *((code, regs) for _, code, regs, _, _ in PRESENT))
    for (name, _, _, program, cc), result in zip(PRESENT, found):
        assert (result.program, result.cc) == (program, cc), name


def test_stsi_names_the_machine(bench):
    client = started(bench)
    level, guests = execute(client, ("b27d0000", (0, 0)), ("b27d9000", (0x30000002, 2)))
    assert level.regs[0] >> 28 == 3 and guests.regs[0] == 0
    page = client.read(PAGE, 4096)
    count = page[31] & 15
    assert count >= 1
    assert page[44:52].decode("cp500") == "KVMguest"
    assert page[56:72].decode("cp500").strip() == "KVM/Linux"
    assert int.from_bytes(page[36:38], "big") == 1  # CPUs
