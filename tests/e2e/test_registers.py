# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers: gdb shows what the guest put there, and the guest sees what the debugger wrote."""

import random
import re
import time

from conftest import known_limit
from zharness import guest, symbols

BOTH_GDBS = True
REGS = symbols(guest("regs"))
SEEN = {"r": (0, 8), "f": (128, 8), "acr": (256, 4), "cr": (320, 8)}  # offset in regs_seen, bytes each
FREE_CRS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 15)
SECOND = 4096000000  # of the TOD clock
MINUTE = 60 * SECOND


def tod(seen):
    """The TOD clock that the guest stored."""
    return int.from_bytes(seen[481:489], "big")


def run_to(client, label):
    client.insert(0, REGS[label])
    client.go()
    client.remove(0, REGS[label])


def test_info_registers_is_what_the_guest_loaded(bench):
    gdb = bench.gdb(bench.zgdbd("regs"))
    gdb.execute(f"break *{REGS['regs_done']:#x}")
    gdb.go()
    shown = dict(line.split()[:2] for line in gdb.execute("info registers").splitlines() if line)
    loaded = gdb.memory(REGS["regs_values"], 448)
    for kind, (offset, size) in SEEN.items():
        for number in range(16):
            at = offset + size * number
            value = gdb.value(f"${kind}{number}") if kind != "r" else int(shown[f"r{number}"], 16)
            assert value == int.from_bytes(loaded[at:at + size], "big"), f"{kind}{number}"
    assert int(shown["pswm"], 16) == 0x0000200180000000
    assert int(shown["pswa"], 16) == REGS["regs_done"]
    assert gdb.value("$pc") == REGS["regs_done"]
    assert gdb.value("$fpc") == 0x00f80002
    assert gdb.value("$cr0") == 0x400e0
    assert gdb.value("$prefix") == 0


def test_the_guest_sees_what_is_written(bench):
    client = bench.rsp("regs")
    chance = random.Random(2)
    run_to(client, "regs_done")
    wanted = {f"r{n}": chance.getrandbits(64) for n in range(16)}
    wanted |= {f"f{n}": chance.getrandbits(64) for n in range(16)}
    wanted |= {f"acr{n}": chance.getrandbits(32) for n in range(16)}
    wanted |= {f"cr{n}": (0x5050 + n) * 0x0001000100010001 for n in FREE_CRS}
    for name, value in wanted.items():
        client.set_reg(name, value)
        assert client.reg(name) == value
    client.set_reg("fpc", 0x00700003)
    client.set_reg("ckc", 0xfedcba9876543200)
    client.set_reg("cputm", 0x7000000000000000)
    client.set_reg("prefix", 0x100000)
    client.set_reg("tod", 0x123456789abcd000)
    client.set_reg("todpr", 0xbeef)
    client.set_reg("pswm", 0x0000150180000000)
    run_to(client, "regs_stored")
    seen = client.read(REGS["regs_seen"], 496)
    for name, value in wanted.items():
        kind = name.rstrip("0123456789")
        offset, size = SEEN[kind]
        at = offset + size * int(name[len(kind):])
        assert int.from_bytes(seen[at:at + size], "big") == value, name
        assert client.reg(name) == value, name
    assert int.from_bytes(seen[448:456], "big") == 0xfedcba9876543200
    assert 0x6fff000000000000 < int.from_bytes(seen[456:464], "big") <= 0x7000000000000000
    assert seen[464:472].hex() == "0010000000700003"
    assert seen[472:480].hex() == "0000150180000000"
    assert 0x123456789abcd000 < tod(seen) < 0x123456789abcd000 + MINUTE
    assert seen[494:496].hex() == "beef"
    assert client.read(0x800, 128) == seen[:128]
    client.ok("Qqemu.PhyMemMode:1")
    assert client.read(0x100800, 128) == seen[:128]


def test_what_only_kvm_sees(bench):
    """No instruction shows these to the guest: KVM has taken them, and gives them back."""
    client = bench.rsp("regs")
    run_to(client, "regs_done")
    wanted = {"pp": 0x123456789abcdef0, "pfault_token": 0x7000, "pfault_select": 1 << 48, "pfault_compare": 1 << 48,
              "diag318": 0x0300000000000123, "last_break": 0x20000}
    for name, value in wanted.items():
        client.set_reg(name, value)
    run_to(client, "regs_stored")
    del wanted["last_break"]  # there was a branch
    assert {name: client.reg(name) for name in wanted} == wanted


def test_the_clock_stands_while_the_guest_is_stopped(bench):
    """Its time between two looks at its clock is shorter than the pause, and longer if the clock runs on."""
    client = bench.rsp("regs")

    def passes(pause):
        """What passed for the guest between two times round its loop, with this pause there."""
        run_to(client, "regs_stored")
        before, shown = tod(client.read(REGS["regs_seen"], 496)), client.reg("tod")
        time.sleep(pause)
        now = client.reg("tod")
        run_to(client, "regs_stored")
        return tod(client.read(REGS["regs_seen"], 496)) - before, now - shown

    guest_time, shown_time = passes(1)
    assert 0 < guest_time < SECOND and shown_time == 0
    assert "runs on" in client.monitor("tod run")
    guest_time, shown_time = passes(0.2)
    assert guest_time > SECOND / 5 and shown_time > SECOND / 5


def test_gdb_shows_the_system_registers(bench):
    gdb = bench.gdb(bench.zgdbd("regs"))
    gdb.execute(f"break *{REGS['regs_done']:#x}")
    gdb.go()
    shown = dict(line.split()[:2] for line in gdb.execute("info registers system").splitlines())
    assert {"ckc", "cputm", "last_break", "prefix", "pp", "pfault_token", "tod", "tod_epoch", "todpr",
            "diag318"} <= set(shown)
    gdb.execute("set $tod = 0x123456789abcd000")
    gdb.execute("set $todpr = 0xbeef")
    assert gdb.value("$tod") == 0x123456789abcd000
    told = gdb.execute("monitor regs")
    assert re.search("^tod 123456789abcd000$", told, re.M) and re.search("^todpr 0{12}beef$", told, re.M)
    gdb.execute("continue 2")
    stored = gdb.memory(REGS["regs_seen"] + 480, 16)
    assert stored[14:].hex() == "beef" and stored[:4].hex() == "00123456"


def test_all_at_once(bench):
    """`g` and `G`, and both agree with `p`."""
    client = bench.rsp("regs")
    run_to(client, "regs_done")
    everything = client.packet("g")
    layout = client.registers()
    at = 0
    for name, (number, size) in sorted(layout.items(), key=lambda item: item[1]):
        assert everything[at:at + 2 * size] in (client.packet(f"p{number:x}"),) or name in ("cputm",), name
        at += 2 * size
    assert at == len(everything)
    r5 = 2 * (16 + 8 * 5)
    client.ok("G" + everything[:r5] + "00000000deadbeef" + everything[r5 + 16:])
    assert client.reg("r5") == 0xdeadbeef
    assert client.packet("pffff").startswith("E")


def test_vector_registers(bench):
    client = bench.rsp("regs")
    if "v16" not in client.registers():
        known_limit("no-vectors")
    client.set_reg("v16", 1 << 100)
    assert client.reg("v16") == 1 << 100
