# SPDX-License-Identifier: GPL-2.0-or-later
"""`next` over a line that loops: one packet has the daemon step through the range of the line, and what interrupts that."""

import pytest
from loops import at, line, number
from zharness import guest, symbols

BOTH_GDBS = True
LOOPS = symbols(guest("loops"))


def in_the_loop(bench, *commands):
    """In front of the line that is a loop."""
    gdb = at(bench, "loop", *commands)
    while line(stop := gdb.go("next")) != number("i--"):
        assert stop.function == "loop"
    return gdb


def next_over(gdb, rounds, timeout=None):
    """`next` over the loop: it has gone round, and the daemon stepped by itself."""
    text, sent = gdb.traced("next", timeout)
    assert text.startswith(f"{number('i--') + 1}\t"), text
    assert gdb.value("total") == rounds * (rounds + 1) // 2
    assert len([packet for packet in sent if packet.startswith("vCont")]) <= 3, sent


def test_next_over_a_loop_in_one_line(bench):
    next_over(in_the_loop(bench), 500)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_next_over_a_long_loop(bench):
    next_over(in_the_loop(bench, "set var rounds = 100000"), 100000, timeout=170)


def test_breakpoint_in_the_range(bench):
    """It stops `next` in the first round, and after it has gone, the rest is one `next`."""
    gdb = in_the_loop(bench)
    gdb.execute("tbreak *(loop + 0x34)")
    stop = gdb.go("next")
    assert (stop.reason, stop.address) == ("breakpoint-hit", LOOPS["loop"] + 0x34)
    next_over(gdb, 500)


def test_watchpoint_in_the_range(bench):
    gdb = in_the_loop(bench)
    gdb.execute("watch total if total == 500 + 499")
    text = gdb.execute("next")
    assert "Old value = 500" in text and "New value = 999" in text
    gdb.execute("delete")
    next_over(gdb, 500)


def test_ctrl_c_in_an_endless_line(bench):
    gdb = at(bench, "endless")
    while line(stop := gdb.go("next")) != number("while (go_on)"):
        assert stop.function == "endless"
    for _ in range(2):
        gdb.resume("next")
        stop = gdb.interrupt()
        assert (stop.signal, stop.function, line(stop)) == ("SIGINT", "endless", number("while (go_on)"))
    before = gdb.value("total")
    assert before > 0
    gdb.execute("set var go_on = 0")
    assert line(gdb.go("next")) == number("while (go_on)") + 1
    assert gdb.value("total") - before in (0, 1)
