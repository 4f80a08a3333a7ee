# SPDX-License-Identifier: GPL-2.0-or-later
"""Interruptions of each class that the debugger injects, and how the guest takes them; the reset that leaves memory."""

import pytest
from conftest import stopped_by
from gadget import idle_guest
from zharness import guest, symbols

EXITS = symbols(guest("exits"))
MASK = 0x180000000
IO, EXTERNAL, MACHINE_CHECK, WAIT = 0x0200000000000000, 0x0100000000000000, 0x0004000000000000, 0x0002000000000000
HANDLER = EXITS["exits_returned"]

# Interruption classes: where the old PSW is stored; the new PSW is 0x80 bytes on.
OLD = {"external": 0x130, "program": 0x150, "machine-check": 0x160, "io": 0x170}


@pytest.fixture
def client(bench):
    """A guest that goes round at exits_idle, whose every interruption handler is at HANDLER, with a breakpoint."""
    opened = idle_guest(bench)
    for old in OLD.values():
        opened.write(old + 0x80, MASK.to_bytes(8, "big") + HANDLER.to_bytes(8, "big"))
    opened.set_reg("cr0", 0x40040)
    opened.set_reg("cr14", 0)
    opened.insert(0, HANDLER)
    return opened


def field(client, address, size):
    return int.from_bytes(client.read(address, size), "big")


def old_psw(client, kind):
    return field(client, OLD[kind], 8), field(client, OLD[kind] + 8, 8)


# command, its class, PSW bits and registers that enable the CPU for it, and what is in the lowcore then: (address, bytes)
PENDING = (
    ("external 0x1201 0", "external", EXTERNAL, {"cr0": 0x44000}, ((0x84, "00001201"),)),
    ("external 0x1202", "external", EXTERNAL, {"cr0": 0x42000}, ((0x84, "00001202"),)),
    ("external 0x2401 0x12340", "external", EXTERNAL, {"cr0": 0x40200}, ((0x80, "00012340"), (0x86, "2401"))),
    ("external 0x2603 0x123456789abcdef0", "external", EXTERNAL, {"cr0": 0x40200},
     ((0x86, "2603"), (0x11b8, "123456789abcdef0"))),
    ("io 3", "io", IO, {"cr6": 0x80000000}, ((0xb8, "00010003 00000000 00000000"),)),
    ("io 0x00010011 0x89abcdef 0x18000000", "io", IO, {"cr6": 0x10000000}, ((0xb8, "00010011 89abcdef 18000000"),)),
    ("machine-check 0x8000000000000000", "machine-check", MACHINE_CHECK, {}, ((0xe8, "8000000000000000"),)),
    ("machine-check 0x0080000000000000", "machine-check", MACHINE_CHECK, {"cr14": 0x01000000}, ((0xe8, "0080000000000000"),)),
    ("machine-check 0x0040000040000000", "machine-check", MACHINE_CHECK, {"cr14": 0x10000000}, ((0xe8, "0040000040000000"),)),
)


@pytest.mark.parametrize("command, kind, bit, registers, stored", PENDING, ids=[entry[0].replace(" ", "-") for entry in PENDING])
def test_pending(client, command, kind, bit, registers, stored):
    """It waits as long as the CPU is disabled, and comes when it is enabled."""
    idle = EXITS["exits_idle"]
    client.set_psw(MASK, idle)
    assert client.monitor(f"inject {command}").startswith("Pending: ")
    assert client.psw() == (MASK, idle)
    client.insert(0, EXITS["exits_idle"])
    assert stopped_by(client.go()) == "swbreak"
    assert client.psw()[1] == idle
    for name, value in registers.items():
        client.set_reg(name, value)
    client.set_psw(MASK | bit, EXITS["x_loop"])
    assert stopped_by(client.go()) == "swbreak"
    assert client.psw() == (MASK, HANDLER)
    assert old_psw(client, kind) == (MASK | bit, EXITS["x_loop"])
    for address, digits in stored:
        assert client.read(address, len(bytes.fromhex(digits))) == bytes.fromhex(digits)
    client.set_psw(MASK | bit, idle)  # once, not twice
    assert stopped_by(client.go()) == "swbreak"
    assert client.psw()[1] == idle


def test_at_once(client):
    """What KVM cannot keep: program interruptions, and external ones of other codes."""
    idle = EXITS["exits_idle"]
    client.set_psw(MASK, idle)
    assert "stands at the new PSW" in client.monitor("inject program 0x13")
    assert client.psw() == (MASK, HANDLER)
    assert old_psw(client, "program") == (MASK, idle)
    assert client.read(0x8c, 4).hex() == "00000013"
    client.set_psw(MASK, idle)
    assert "disabled for external interruptions of code 0x0040 by its PSW" in client.monitor("inject external 0x40")
    assert client.psw() == (MASK, idle)
    client.set_psw(MASK | EXTERNAL | WAIT, idle)
    assert "stands at the new PSW" in client.monitor("inject external 0x40 0x77")
    assert client.psw() == (MASK, HANDLER)
    assert old_psw(client, "external") == (MASK | EXTERNAL | WAIT, idle)
    assert client.read(0x80, 8).hex() == "0000007700000040"
    assert "no machine check" in client.monitor("inject machine-check 0x40000000")
    assert "at most" in client.monitor("inject external 0x1201 1")


def test_out_of_a_wait(client):
    client.set_psw(MASK | EXTERNAL | WAIT, EXITS["exits_idle"])
    client.set_reg("cr0", 0x44000)
    client.monitor("inject external 0x1201")
    assert stopped_by(client.go()) == "swbreak"
    assert client.psw() == (MASK, HANDLER)


def test_reset_leaves_memory(client):
    client.write_u64(0x900000, 0x1122334455667788)
    client.write_u64(EXITS["exits_selector"], 7)
    client.set_reg("r11", 0x1111)
    client.set_reg("cr5", 0x5555)
    assert "memory that the image does not fill is as it was" in client.monitor("reset normal")
    assert client.psw() == (MASK, EXITS["_start"])
    assert client.read_u64(0x900000) == 0x1122334455667788
    assert client.read_u64(EXITS["exits_selector"]) == 0
    assert (client.reg("r11"), client.reg("cr5")) == (0x1111, 0)
    client.monitor("reset clear")
    assert client.read_u64(0x900000) == 0
    assert client.reg("r11") == 0
