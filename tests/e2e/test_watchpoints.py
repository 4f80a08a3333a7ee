# SPDX-License-Identifier: GPL-2.0-or-later
"""Write watchpoints by PER: what is stored is told after the storing instruction, each time anew."""

import pytest
from conftest import known_limit, stopped_by
from zharness import guest, symbols

EXITS = symbols(guest("exits"))
STORE = 14
CODE = 0x200000
DATA = 0x300000


def test_two_hits_in_a_row_and_both_instructions(bench):
    """STG, MVC and STG again to one doubleword, one after the other; each changes it."""
    client = bench.rsp("exits")
    client.write_u64(EXITS["exits_argument"], 0x0102030405060708)
    client.write_u64(EXITS["exits_selector"], STORE)
    client.insert(2, EXITS["exits_target"], 8)
    for after, value in (("x_store_mvc", 0x0102030405060708), ("x_store_again", 0x1122334455667788),
                         ("x_store_after", 0x0102030405060708)):
        reply = client.go()
        assert stopped_by(reply) == "watch"
        assert f"watch:{EXITS['exits_target']:x};" in reply
        assert client.reg("pswa") == EXITS[after]
        assert client.read_u64(EXITS["exits_target"]) == value
    client.remove(2, EXITS["exits_target"], 8)
    client.resume()
    client.interrupt()
    assert stopped_by(client.wait_stop()) == "02"


def test_neighbours_do_not_hit(bench):
    client = bench.rsp("exits")
    client.write(CODE, bytes.fromhex("e31020000024" "e31020100024" "e31020080024" "1811"))  # STG 1 to 0, 16, 8 (2)
    client.set_psw(0x180000000, CODE)
    client.set_reg("r1", 0xdeadbeef)
    client.set_reg("r2", DATA)
    client.insert(2, DATA + 8, 8)
    assert stopped_by(client.go()) == "watch"
    assert client.reg("pswa") == CODE + 18


def test_watch_and_breakpoints_together(bench):
    client = bench.rsp("exits")
    client.write_u64(EXITS["exits_argument"], 7)
    client.write_u64(EXITS["exits_selector"], STORE)
    client.insert(2, EXITS["exits_target"], 4)  # the upper half: STG of 7 does not change it
    client.insert(0, EXITS["x_store_mvc"])
    assert stopped_by(client.go()) == "swbreak"
    assert client.reg("pswa") == EXITS["x_store_mvc"]
    assert stopped_by(client.go()) == "watch"
    assert client.reg("pswa") == EXITS["x_store_again"]


def test_store_multiple(bench):
    """The second doubleword of one STMG."""
    client = bench.rsp("exits")
    client.write(CODE, bytes.fromhex("eb4720000024" "1811" "1811"))  # STMG 4,7,0(2)
    client.set_psw(0x180000000, CODE)
    client.set_reg("r2", DATA)
    client.set_reg("r5", 0x55)
    client.insert(2, DATA + 8, 8)
    client.insert(0, CODE + 8)
    if stopped_by(client.go()) == "swbreak":
        assert client.read_u64(DATA + 8) == 0x55
        known_limit("stmg-watch")
    assert client.reg("pswa") == CODE + 6


def test_gdb_shows_old_and_new(bench):
    gdb = bench.gdb(bench.zgdbd("calls"))
    gdb.execute("watch watched")
    for old, new in ((0, 2), (2, 6), (6, 12)):
        text = gdb.execute("continue")
        assert f"Old value = {old}" in text and f"New value = {new}" in text
        assert "guest_main" in text


@pytest.mark.parametrize("size", [1, 3, 100, 101, 4097, 5000])
def test_every_size(bench, size):
    """At an odd address and across pages; the first byte, the last one, none beside them."""
    client = bench.rsp("exits")
    start = DATA - size // 2 | 1
    client.write(CODE, bytes.fromhex("92552000" "92663000" "92774000" "92885000" "0700"))  # MVI 0(2) to 0(5)
    for register, address in (("r2", start - 1), ("r3", start), ("r4", start + size), ("r5", start + size - 1)):
        client.set_reg(register, address)
    client.set_psw(0x180000000, CODE)
    client.insert(2, start, size)
    client.insert(0, CODE + 16)
    for after, address, new in ((8, start, 0x66), (16, start + size - 1, 0x88)):
        old = client.read(address, 1)[0]
        output = []
        client.resume()
        while (reply := client.reply().decode("latin-1")).startswith("O"):
            output.append(bytes.fromhex(reply[1:]).decode())
        assert stopped_by(reply) == "watch" and f"watch:{start:x};" in reply
        assert client.reg("pswa") == CODE + after
        if size > 8:
            assert f", {size} bytes: 1 changed; {address:#x}: {new:02x} was {old:02x};" in "".join(output)


def test_too_many_bytes(bench):
    client = bench.rsp("exits")
    answer = client.packet(f"Z2,{DATA:x},{5001:x}")
    assert "cannot watch 5001 bytes" in answer and "1 to 5000" in answer
    client.insert(2, DATA, 4901)
    assert "50 hardware breakpoints and watchpoints" in client.packet(f"Z2,{CODE:x},1")


def test_a_page_that_is_mapped_anew(bench):
    """The watched address is followed into its new frame, and left in its old one."""
    client = bench.rsp("exits")
    table, old, new = 0x400000, 0x800000, 0x900000
    frames = [segment << 20 | 0x400 for segment in range(512)]
    frames[DATA >> 20] = old | 0x400
    client.write(table, b"".join(frame.to_bytes(8, "big") for frame in frames))
    client.write(CODE, bytes.fromhex("e31020000024" "e31030000024" "e31020000024" "0700"))  # STG 1 to 0(2), 0(3), 0(2)
    client.write_u64(new, 9)
    for register, value in (("r1", 5), ("r2", DATA), ("r3", old), ("cr0", client.reg("cr0") | 0x800000), ("cr1", table)):
        client.set_reg(register, value)
    client.set_psw(0x0400000180000000, CODE)
    client.insert(2, DATA, 8)
    assert stopped_by(client.go()) == "watch"
    assert client.reg("pswa") == CODE + 6
    assert client.read_u64(DATA) == 5
    client.write(table + (DATA >> 20) * 8, (new | 0x400).to_bytes(8, "big"))
    client.set_reg("r1", 6)
    assert stopped_by(client.go()) == "watch"
    assert client.reg("pswa") == CODE + 18
    client.set_psw(0x180000000, CODE)
    assert (client.read_u64(old), client.read_u64(new)) == (6, 6)


def test_gdb_hears_what_per_costs(bench):
    """Once for each range. Software breakpoints cost nothing, one hardware breakpoint next to nothing."""
    gdb = bench.gdb(bench.zgdbd("calls"))
    gdb.execute("hbreak twice")
    gdb.execute("break add")
    assert "PER" not in gdb.execute("continue")
    gdb.execute("hbreak *0x400000")
    text = gdb.execute("continue")
    assert "every instruction in this range leaves the guest" in text and "0x400000" in text
    assert "every instruction" not in gdb.execute("continue")
    gdb.execute("delete 3")
    gdb.execute("hbreak *($pc + 0x48)")  # so near that only a small loop fits between
    assert "every instruction in this range leaves the guest" in gdb.execute("continue")
    text = gdb.execute("monitor per")
    assert "Every instruction in this range leaves the guest" in text
    gdb.execute("delete 4")
    gdb.execute("hbreak *0x400000")
    gdb.execute("continue")
    text = gdb.execute("monitor per")
    assert "2 of 50 PER entries" in text and "hardware breakpoint at 0x400000" in text and "`break` in place of" in text
    gdb.execute("delete")
    gdb.execute("watch total")
    assert "every" not in gdb.execute("continue")
    text = gdb.execute("monitor per")
    assert "1 of 50" in text and "write watchpoint at" in text and "Every store in this range" in text
