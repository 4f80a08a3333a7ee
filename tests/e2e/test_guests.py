# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests do what they say, on an emulator that is not ours: else the other tests would judge by wrong measures. Needs
no box."""

import re

import pytest
from zharness import ROOT, guest, symbols


def to(client, image, label):
    """Run to a label; QEMU's stub does not step off a breakpoint by itself."""
    address = symbols(guest(image))[label]
    client.step()
    client.insert(0, address)
    client.go()
    client.remove(0, address)
    assert client.reg("pswa") == address


def values(client, image, *names):
    known = symbols(guest(image))
    return [client.read_u64(known[name]) for name in names]


@pytest.mark.parametrize("image", ["hello", "panic", "reboot"])
def test_console_line(bench, image):
    client = bench.tcg(image)
    to(client, image, "ending")
    assert client.machine.console == "Hello from s390x\r\n"


def test_regs_loads_and_stores(bench):
    client = bench.tcg("regs")
    to(client, "regs", "regs_done")
    assert [client.reg(f"r{n}") for n in (0, 15)] == [0x1000100010001000, 0x100f100f100f100f]
    assert client.reg("f3") == 0x2003200320032003 and client.reg("acr9") == 0x30093009
    to(client, "regs", "regs_stored")
    seen = client.read(symbols(guest("regs"))["regs_seen"], 448)
    assert seen == client.read(symbols(guest("regs"))["regs_values"], 448)


def test_spaces_passes(bench):
    client = bench.tcg("spaces")
    for late in (0, 2000):
        to(client, "spaces", "pass_done")
        assert values(client, "spaces", "kernel_result", "user_result", "alias_result", "late_result") == [2, 200, 2, late]


def test_dat_sees_its_frames(bench):
    client = bench.tcg("dat")
    to(client, "dat", "dat_done")
    table = symbols(guest("dat"))["dat_cases"]
    for case in range(7):
        _, absolute, seen = (client.read_u64(table + 24 * case + 8 * n) for n in range(3))
        assert seen == absolute


@pytest.mark.parametrize("selector, code", [(1, 0), (2, 0), (4, 6), (5, 6), (6, 1), (7, 1), (12, 0), (14, 0)])
def test_exits_come_back(bench, selector, code):
    client = bench.tcg("exits")
    to(client, "exits", "exits_idle")
    client.write_u64(symbols(guest("exits"))["exits_selector"], selector)
    to(client, "exits", "exits_returned")
    assert values(client, "exits", "pgm_code") == [code]


def test_sources_name_their_symbols():
    """Each symbol that the top of a guest's source promises exists."""
    for name, source in (("exits", "exits.S"), ("calls", "calls.c"), ("steps", "steps.S"), ("regs", "regs.S")):
        with open(f"{ROOT}/tests/guests/{source}", encoding="utf-8") as text:
            top = text.read().split("Symbols:")[-1].split("*/")[0]
        for word in re.findall(r"\b(?:exits|steps|regs|message|sccb)_\w+\b", top):
            if not word.endswith("_"):
                assert word in symbols(guest(name)) or word == "exits_NAME"
