# SPDX-License-Identifier: GPL-2.0-or-later
"""Write watchpoints by PER: what is stored is told after the storing instruction, each time anew."""

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
