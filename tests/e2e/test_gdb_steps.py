# SPDX-License-Identifier: GPL-2.0-or-later
"""By source lines with the real gdb: over loops and calls, out of recursion, and calls of the guest's functions."""

import pytest
from loops import at, line, number
from zharness import GdbError

BOTH_GDBS = True


def test_next_and_until_over_calls(bench):
    gdb = at(bench, "calls")
    head = number("i < inner")
    assert [line(gdb.go("next")) for _ in range(4)] == [head + 1, head, head + 1, head]
    assert line(gdb.go("until")) == head + 2  # not back to the loop's body
    assert gdb.value("sum") == 0 + 1 + 2


def test_finish_out_of_recursion_and_advance(bench):
    gdb = at(bench, "deeper")
    gdb.execute("break deeper if n == 0")
    gdb.go()
    assert gdb.execute("backtrace").count("deeper (") == 6
    assert gdb.go("finish").field("return-value") == "3"  # what calls() has left in total
    assert gdb.go("finish").field("return-value") == "4"
    stop = gdb.go("advance endless")  # ends where deeper() is left, too
    assert (stop.function, gdb.value("$r2")) == ("deeper", 5)
    gdb.execute("up 2")
    gdb.execute("delete")
    assert gdb.go("finish").function == "guest_main"
    assert gdb.go("advance endless").function == "endless"


def test_counted_steps(bench):
    gdb = at(bench, "calls")
    assert gdb.go("step 2").function == "add_up"
    assert gdb.go("step 2").function == "calls"
    stop = gdb.go("next 5")
    assert (stop.function, line(stop)) == ("calls", number("total = sum"))


def test_functions_of_the_guest_are_called(bench):
    """gdb's dummy frame returns to the program's entry, where its breakpoint lies; all is as before afterwards."""
    gdb = at(bench, "add_up")
    before = gdb.execute("info registers")
    assert gdb.value("add_up(30, 12)") == 42
    assert gdb.value("deeper(4)") == gdb.value("total") + 4
    assert gdb.execute("info registers") == before
    gdb.execute("tbreak deeper if n == 0")
    with pytest.raises(GdbError, match="stopped while in a function called from GDB"):
        gdb.execute("print deeper(2)")
    assert "<function called from gdb>" in gdb.execute("backtrace")
    assert int(gdb.go("finish").field("return-value")) == gdb.value("total")
