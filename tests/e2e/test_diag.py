# SPDX-License-Identifier: GPL-2.0-or-later
"""DIAGNOSE: resets with what they keep, the IPL parameter block, the watchdog, and what is refused."""

import pytest
from conftest import stopped_by
from insns import DONE, PAGE, SYMBOLS, execute, put, results, started

OPERATION, ADDRESSING, SPECIFICATION = 1, 5, 6
MARKER = 0x400000  # in memory that no image loads
MODE_31 = 0x80000000
DIAG_308 = "83230308"  # operand in register 2, response in 3, too; subcode in 3
DIAG_308_R1 = "83210308"  # operand in 2, response in 3, subcode in 1
DIAG_288 = "83210288"  # function in 2, seconds in 3, action in 1
OK, NONE_SET, INVALID = 0x0001, 0x0102, 0x0402

REFUSED = (
    ("308 subcode 2", DIAG_308, (0, 0, PAGE, 2), SPECIFICATION),
    ("308 subcode 8", DIAG_308, (0, 0, PAGE, 8), SPECIFICATION),
    ("308 subcode 10", DIAG_308, (0, 0, PAGE, 10), SPECIFICATION),
    ("308 set from an odd register", "83120308", (0, PAGE, 5), SPECIFICATION),
    ("308 set off a page", DIAG_308, (0, 0, PAGE + 8, 5), SPECIFICATION),
    ("308 store outside of memory", DIAG_308, (0, 0, 0x7ffff000, 6), ADDRESSING),
    ("288 of 14 seconds", DIAG_288, (0, 0, 0, 14), SPECIFICATION),
    ("288 with an action", DIAG_288, (0, 1, 0, 20), SPECIFICATION),
    ("288 change of none", DIAG_288, (0, 0, 1, 20), SPECIFICATION),
    ("288 cancel of none", DIAG_288, (0, 0, 2, 0), SPECIFICATION),
    ("288 function 3", DIAG_288, (0, 0, 3, 20), SPECIFICATION),
    ("258", "83230258", (0, 0, PAGE, 0), SPECIFICATION),
    ("500", "83240500", (0, 0xffff), SPECIFICATION),
    ("501", "83240501", (), OPERATION),
    ("999", "83000999", (), SPECIFICATION),
)


def test_refused(bench):
    client = started(bench)
    for (name, *_, program), result in zip(REFUSED, execute(client, *(call[1:3] for call in REFUSED))):
        assert (result.program, result.cc) == (program, 2), name


def test_hints(bench):
    """KVM answers these: the guest goes on, and nothing has changed."""
    client = started(bench)
    for result in execute(client, ("83000044", ()), ("8310009c", (0, 0)), ("83230010", (0, 0, PAGE, PAGE))):
        assert (result.program, result.cc) == (0, 2)


def test_watchdog_calls(bench):
    client = started(bench)
    calls = [(DIAG_288, (0, 0, function, seconds)) for function, seconds in ((0, 15), (1, 300), (0, 60), (2, 0), (2, 0))]
    assert [result.program for result in execute(client, *calls)] == [0, 0, 0, 0, SPECIFICATION]


# ---- IPL parameters ----


def block(length, kind, loadparm="", valid=0x80):
    header = length.to_bytes(4, "big") + bytes(4) + (length - 8).to_bytes(4, "big") + bytes([kind, valid, 0, 0])
    return (header + loadparm.ljust(8).encode("cp500")).ljust(4096, b"\x11")


def parameters(client, subcode, address=PAGE):
    return execute(client, (DIAG_308_R1, (0, subcode, address)))[0].regs[3]


def test_ipl_block(bench):
    client = started(bench)
    assert parameters(client, 6) == NONE_SET
    client.write(PAGE, block(200, 2, "LINUX1"))
    assert parameters(client, 5) == OK
    client.write(PAGE, block(4096, 9))
    assert parameters(client, 5) == INVALID
    client.write(PAGE, b"\x22" * 4096)
    assert parameters(client, 6) == OK
    assert client.read(PAGE, 4096) == block(200, 2, "LINUX1")[:200] + b"\x22" * 3896


def loadparm(client):
    client.write(MARKER, (0x1000).to_bytes(2, "big") + bytes(4094))
    assert execute(client, ("b2200012", (0, 0x20001, MARKER)))[0].cc == 0
    return client.read(MARKER + 24, 8).decode("cp500")


def test_load_parameter_after_the_next_load(bench):
    client = started(bench)
    client.write(PAGE, block(200, 2, "LINUX1"))
    assert parameters(client, 5) == OK
    reset(client, 3)
    assert client.go() and client.reg("pswa") == DONE
    assert loadparm(client) == "LINUX1  "
    client.monitor("reset")
    client.go()
    assert loadparm(client) == " " * 8
    assert parameters(client, 6) == NONE_SET


# ---- resets ----


def reset(client, subcode):
    """Lets the guest ask; it stands at its reset then."""
    put(client, [(DIAG_308, (0, 0, 0, subcode))])
    assert stopped_by(client.go()) == "01"
    assert client.reg("pswa") == SYMBOLS["insn_slot"] + 4


def prepare(client):
    client.write_u64(MARKER, 0x1122334455667788)
    client.write_u64(0, 0x0008000080000000 | DONE)
    client.set_reg("r8", 0x77)
    client.set_reg("f15", 0x55)
    client.set_reg("acr3", 7)
    client.set_reg("cr1", 0x7000)


@pytest.mark.parametrize("subcode, registers_kept", [(0, False), (1, True)])
def test_reset_in_memory(bench, subcode, registers_kept):
    client = started(bench)
    prepare(client)
    reset(client, subcode)
    client.go()
    assert client.psw() == (MODE_31, DONE)
    assert client.read_u64(MARKER) == 0x1122334455667788
    assert results(client, 1)  # the table is what it was
    kept = (0x77, 0x55, 7) if registers_kept else (0, 0, 0)
    assert tuple(client.reg(name) for name in ("r8", "f15", "acr3")) == kept
    assert client.reg("cr1") == 0 and client.reg("cr0") & 0xffffffff == 0xe0


@pytest.mark.parametrize("subcode, memory_kept", [(3, False), (4, True), (7, True)])
def test_reset_that_loads(bench, subcode, memory_kept):
    client = started(bench)
    prepare(client)
    reset(client, subcode)
    client.go()
    assert client.psw()[1] == DONE
    assert client.read_u64(MARKER) == (0x1122334455667788 if memory_kept else 0)
    assert client.read_u64(SYMBOLS["insn_count"]) == 0  # a variable of the image
    assert client.reg("r8") == (0x77 if memory_kept else 0)
    assert client.reg("cr1") == 0


def test_reset_without_a_short_psw(bench):
    """The CPU meets an invalid PSW: a specification exception."""
    client = started(bench)
    client.write_u64(0, 0x0000000080000000 | DONE)
    reset(client, 0)
    client.remove(0, DONE)
    client.write_u64(0x1d0, 0x0002000180000000)  # program new PSW: a disabled wait
    client.write_u64(0x1d8, 0x1234)
    assert stopped_by(client.go()) == "06"
    assert client.reg("pswa") == 0x1234
    assert int.from_bytes(client.read(0x8e, 2), "big") == SPECIFICATION
    assert client.read_u64(0x158) == DONE


@pytest.mark.long
def test_watchdog_runs_out(bench):
    """In 15 seconds of the guest's time, as a reset with a word of its own."""
    daemon = bench.zgdbd("instructions")
    client = bench.client(daemon)
    client.insert(0, DONE)
    client.go()
    assert execute(client, (DIAG_288, (0, 0, 0, 15)))[0].program == 0
    client.remove(0, DONE)
    client.write_u64(SYMBOLS["insn_count"], 0)  # the table would renew it
    client.write_u64(MARKER, 1)
    client.send("vCont;c")
    said = b""
    while (answer := client.reply(40)).startswith(b"O"):
        said += bytes.fromhex(answer[1:].decode())
    assert stopped_by(answer.decode()) == "01"
    assert b"watchdog" in said
    client.insert(0, DONE)
    client.go()
    assert client.read_u64(MARKER) == 0
