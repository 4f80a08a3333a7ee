# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory by virtual and absolute addresses, read and written, beside what the guest itself sees."""

import pytest
from gadget import Gadget
from zharness import RspError, guest, symbols

CALLS = symbols(guest("calls"))
DAT = symbols(guest("dat"))


def dat_guest(bench):
    client = bench.rsp("dat")
    client.insert(0, DAT["dat_done"])
    client.go()
    return client


def cases(client):
    """[(virtual, absolute, what the guest saw)]"""
    count = int.from_bytes(client.read(DAT["dat_case_count"], 4), "big")
    return [tuple(client.read_u64(DAT["dat_cases"] + 24 * n + 8 * part) for part in range(3)) for n in range(count)]


def test_tables(bench):
    """Each virtual address shows what the guest reads there, and is the absolute address that the tables say."""
    client = dat_guest(bench)
    assert client.read(DAT["dat_edat"], 4) != bytes(4), "1 MiB frames"
    assert client.reg("prefix") == client.read_u64(DAT["dat_prefix"])
    for number, (virtual, absolute, seen) in enumerate(cases(client), 1):
        assert client.read_u64(virtual) == absolute
        if number < 9:  # Hercules 3.13 applies prefixing to the 1 MiB frame over absolute 0; the architecture does not
            assert seen == absolute
        client.write_u64(virtual, absolute ^ 0xffff)
        client.ok("Qqemu.PhyMemMode:1")
        assert client.read_u64(absolute) == absolute ^ 0xffff
        client.write_u64(absolute, absolute)
        client.ok("Qqemu.PhyMemMode:0")
        assert client.read_u64(virtual) == absolute


def test_partly_readable_range(bench):
    client = dat_guest(bench)
    hole = client.read_u64(DAT["dat_hole"])
    assert len(client.read(hole - 16, 64)) == 16
    assert len(client.read(hole - 0x1000, 0x2000)) == 0x1000
    for address in (hole, 0x00ff << 48):
        with pytest.raises(RspError):
            client.read(address, 8)
    with pytest.raises(RspError):
        client.write(hole, b"x")
    assert client.packet("?").startswith("T")


def test_end_of_storage_and_large_reads(bench):
    client = bench.rsp("calls", "--memory", "64M")
    end = 64 << 20
    assert len(client.read(end - 8, 16)) == 8
    with pytest.raises(RspError):
        client.read(end, 1)
    gadget = Gadget(client, "large", "high")
    block = gadget.random.randbytes(30000)
    client.write(0x200000, block)
    assert client.read(0x200000, len(block)) == block
    assert client.packet(f"X{0x200000:x},5:}}\x03}}\x04}}\x5d}}\x0a\x2b") == "OK"  # escaped # $ } * and a plus
    assert client.read(0x200000, 5) == b"#$}*+"


def test_written_memory_is_what_the_guest_reads(bench):
    gdb = bench.gdb(bench.zgdbd("calls"))
    gdb.execute("break sum_message")
    gdb.go()
    gdb.execute("set var message = \"zgdbd was here!\"")
    assert gdb.memory(CALLS["message"], 16) == b"zgdbd was here!\0"
    assert "zgdbd was here!" in gdb.execute("print message")
    gdb.execute("break shutdown")
    gdb.go()
    assert gdb.value("message_sum") == sum(b"zgdbd was here!")
    assert gdb.value("point.x") == 0xfffffffc
