# SPDX-License-Identifier: GPL-2.0-or-later
"""Backwards by gdb's own means (`record full`): what it takes back is really taken back in the guest."""

import re

import pytest
from zharness import guest, symbols

BOTH_GDBS = True
CALLS = symbols(guest("calls"))
KERNEL_ENTRY = 0x100000
STEPS = 100


NAMES = " ".join(["pswm", "pswa", *(f"r{number}" for number in range(16))])


def registers(gdb):
    return gdb.execute(f"info registers {NAMES}")


def state(gdb):
    return registers(gdb), gdb.value("watched"), gdb.value("total")


def recorded(gdb):
    return int(re.search(r"Log contains (\d+) instructions", gdb.execute("info record"))[1])


@pytest.fixture
def history(bench):
    """A gdb that has recorded STEPS instructions of guest_main, whose `watched` has become 20 in the fourth round."""
    gdb = bench.gdb(bench.zgdbd("calls"))
    gdb.execute("tbreak guest_main")
    gdb.go()
    gdb.execute("record full")
    gdb.go(f"stepi {STEPS - 20}")
    gdb.twenty_before = state(gdb)
    gdb.go("stepi 20")
    assert recorded(gdb) == STEPS
    assert gdb.value("watched") == 20
    return gdb


def test_instructions_back_and_forth(history):
    gdb = history
    after = state(gdb)
    gdb.go("reverse-stepi 20")
    assert state(gdb) == gdb.twenty_before != after
    gdb.go("stepi 20")
    assert state(gdb) == after


def test_back_to_a_breakpoint_a_watchpoint_and_the_start(history):
    gdb = history
    gdb.execute("break add")
    for a, b in ((20, 10), (12, 8), (6, 6)):
        stop = gdb.go("reverse-continue")
        assert (stop.reason, stop.function, gdb.value("a"), gdb.value("b")) == ("breakpoint-hit", "add", a, b)
    gdb.execute("delete")
    gdb.execute("set can-use-hw-watchpoints 0")  # gdb 13 overlooks others when it goes backwards
    gdb.execute("watch watched")
    text = gdb.execute("reverse-continue")
    assert "Old value = 6" in text and "New value = 2" in text and "guest_main" in text
    gdb.execute("delete")
    assert "history" in gdb.execute("reverse-continue")
    assert (gdb.value("$pc"), gdb.value("watched")) == (CALLS["guest_main"], 0)


def test_the_guest_runs_on_from_where_it_was_taken_back_to(history):
    gdb = history
    gdb.go("reverse-continue")
    gdb.execute("record stop")
    gdb.execute("set var message[0] = 'U'")
    gdb.execute("break shutdown")
    gdb.go()
    assert (gdb.value("answer"), gdb.value("watched"), gdb.value("total")) == (720, 30, 30)
    assert gdb.value("message_sum") == sum(b"Unchanged")


def test_a_recorded_step_costs_no_fetch_of_all_registers(history):
    """The stop reply has told them; the instruction and the memory that it will change are asked for."""
    _, sent = history.traced("stepi 20")
    assert "vCont;s:p1.1;c:p1.-1" in sent
    assert {re.match("[A-Za-z]*", packet)[0] for packet in sent} <= {"vCont", "m", "x", "qXfer"}, sent


@pytest.mark.long
def test_linux_back_to_its_entry(bench):
    """Debian's kernel from its entry on; its first privileged instruction that gdb cannot record is the 52nd."""
    daemon = bench.zgdbd("linux", "--append", "nokaslr cryptomgr.notests panic=0")
    gdb = bench.gdb(daemon)
    gdb.execute(f"tbreak *{KERNEL_ENTRY:#x}")
    gdb.go()
    begin = registers(gdb)
    gdb.execute("record full")
    gdb.go("stepi 50")
    assert registers(gdb) != begin
    assert "history" in gdb.execute("reverse-continue")
    assert registers(gdb) == begin
    gdb.execute("record stop")
    gdb.resume()
    daemon.await_console("Linux version")
    assert gdb.interrupt().signal == "SIGINT"
