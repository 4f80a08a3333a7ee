# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditions and commands of breakpoints with the real gdb, evaluated where they are hit: gdb sees only the stops it asked for,
and the daemon's own counters prove that it was not asked about the others."""

import re

import pytest
from zharness import guest, symbols

CONDITIONS = symbols(guest("conditions"))
ITEM = 24  # bytes: name, visits, next


def counters(gdb):
    """{address: (reached, hit)} of `monitor breakpoints`."""
    found = re.findall(r"point at 0x([0-9a-f]+)(?:, \d+ bytes?)?: reached (\d+), hit (\d+)", gdb.execute("monitor breakpoints"))
    return {int(address, 16): (int(reached), int(hit)) for address, reached, hit in found}


def at_visit(gdb):
    return counters(gdb)[CONDITIONS["visit"]]


@pytest.fixture
def gdb(bench):
    debugger = bench.gdb(bench.zgdbd("conditions"))
    debugger.execute("set var rounds = 200")
    debugger.execute("tbreak finished")
    return debugger


def test_false_two_thousand_times(gdb):
    gdb.execute("set var rounds = 2000")
    gdb.execute("break visit if number == 1999")
    stop = gdb.go()
    assert (stop.function, gdb.value("number")) == ("visit", 1999)
    assert at_visit(gdb) == (2000, 1)
    assert gdb.go().function == "finished"
    assert gdb.value("total") == 1999 * 1000
    assert [gdb.value(f"items[{i}].visits") for i in range(4)] == [500] * 4


def test_what_a_condition_can_say(gdb):
    """Pointers, strings, casts, signs, registers, by the debug information of the guest's program."""
    gdb.execute("break visit")
    for number, condition in ((22, "*(short *)(item->name + 2) == 0x6d6d && items[3].visits >= 5"),
                              (52, "(int)number % 7 == 3 && -number / 10 == -5"),
                              (77, "$r3 == 77 || total > 100000"),
                              (82, "item->next->next == items && item->visits == 20"),
                              (102, "item->name[0] == 103 && number > 100")):
        gdb.execute(f"condition $bpnum {condition}")
        assert gdb.go().function == "visit"
        assert gdb.value("number") == number
    assert at_visit(gdb) == (103, 5)


def test_hardware_breakpoint(gdb):
    gdb.execute("hbreak visit if number == 150")
    assert gdb.go().function == "visit"
    assert gdb.value("number") == 150
    assert at_visit(gdb) == (151, 1)


def test_ignore_counts_and_tbreak(gdb):
    gdb.execute("tbreak visit if number >= 8")
    gdb.go()
    assert gdb.value("number") == 8
    gdb.execute("break visit if item == &items[2]")
    gdb.execute("ignore $bpnum 10")
    assert gdb.go().function == "visit"
    assert gdb.value("number") == 50
    assert at_visit(gdb) == (51, 12)


def test_several_at_one_place(gdb):
    gdb.execute("break visit if number == 30")
    gdb.execute("break visit if number == 20")
    for number in (20, 30):
        assert gdb.go().function == "visit"
        assert gdb.value("number") == number
    gdb.execute("delete 3")
    assert gdb.go().function == "finished"
    assert at_visit(gdb) == (200, 2)


def test_a_condition_is_changed(gdb):
    for always, first in (("off", 5), ("on", 25)):
        gdb.execute(f"set breakpoint always-inserted {always}")
        gdb.execute(f"break visit if number == {first}")
        gdb.go()
        gdb.execute(f"condition $bpnum number == {first + 5} || number == {first + 6}")
        for number in (first + 5, first + 6):
            gdb.go()
            assert gdb.value("number") == number
        gdb.execute("disable $bpnum")
        gdb.execute(f"break *visit if $r3 == {first + 15}")
        gdb.go()
        assert gdb.value("$r3") == first + 15
        gdb.execute("condition $bpnum")
        gdb.go()
        assert gdb.value("$r3") == first + 16
        gdb.execute("delete $bpnum")
    assert gdb.go().function == "finished"
    assert at_visit(gdb) == (42, 10)


def test_commands(gdb):
    gdb.execute("break visit if number % 50 == 49")
    gdb.execute('python gdb.breakpoints()[-1].commands = "silent\\nset $sum = $sum + number\\ncontinue"')
    gdb.execute("set $sum = 0")
    stop = gdb.go()
    while stop.function != "finished":
        stop = gdb.wait_stop()
    assert gdb.value("$sum") == 49 + 99 + 149 + 199


def test_a_condition_that_cannot_be_evaluated(gdb):
    """The guest stops where it is, and the user reads why."""
    gdb.execute("break visit")
    for number, condition, reason in ((7, "100 / (number - 7) == 1000", "Division by zero"),
                                      (9, "number == 9 && stray->visits == 3", "Cannot access memory at address 0x7fff00000008")):
        gdb.execute(f"condition $bpnum {condition}")
        gdb.execute("continue")
        assert "Error in testing" in gdb.tail() and reason in gdb.tail()
        assert gdb.value("number") == number
    assert at_visit(gdb)[0] == 10


def test_agent_printf(gdb):
    """What a dprintf prints comes to gdb's console, and nothing stops for it."""
    gdb.execute("set dprintf-style agent")
    gdb.execute("set var rounds = 40")
    gdb.execute(r'dprintf visit,"%ld: %s is %d%% of %#lx\n", number, item->name, (int)item->visits, item->next')
    gdb.execute("condition $bpnum number % 10 == 1")
    text = gdb.execute("continue")
    names = ("alpha", "beta", "gamma", "delta")
    lines = [f"{n}: {names[n % 4]} is {n // 4}% of {CONDITIONS['items'] + (n + 1) % 4 * ITEM:#x}\n" for n in (1, 11, 21, 31)]
    assert "".join(lines) in text
    assert "reached 40, hit 4, held by an opcode, 1 condition, 1 command" in gdb.execute("monitor breakpoints")


def test_watch_if(gdb):
    gdb.execute("watch total")
    total = CONDITIONS["total"]
    assert "stop only if" in gdb.execute(f"monitor watch-if {total:#x} old < 1000 && new >= 1000")
    stop = gdb.go()
    assert stop.reason == "watchpoint-trigger"
    assert (gdb.value("total"), gdb.value("number")) == (1035, 45)
    assert counters(gdb)[total] == (45, 1)
    assert gdb.execute("monitor watch-if") == f"0x{total:x}: old < 1000 && new >= 1000\n"
    assert "Nothing is changed" in gdb.execute(f"monitor watch-if {total:#x} new >")
    assert 'ADDRESS must be a number, such as 0x24000, and not "total"' in gdb.execute("monitor watch-if total new")
    gdb.execute(f"monitor watch-if {total:#x} u64[{CONDITIONS['items'] + 8:#x}] == 25 || $r3 == 150")
    gdb.go()
    assert gdb.value("number") in (96, 97)
    gdb.execute(f"monitor watch-if {total:#x}")
    gdb.go()
    assert gdb.value("total") == sum(range(98))


def test_dprintf_without_gdb(bench):
    """`set disconnected-dprintf on`: it goes on when gdb has gone, and what it prints goes to the log."""
    daemon = bench.zgdbd("conditions", "--log", "info")
    gdb = bench.gdb(daemon)
    gdb.execute("set dprintf-style agent")
    gdb.execute("set disconnected-dprintf on")
    gdb.execute("set breakpoint always-inserted on")
    gdb.execute("set var rounds = 1000000000")
    gdb.execute('dprintf visit,"left behind %ld\\n", number')
    gdb.execute("condition $bpnum number % 100 == 99")
    gdb.resume()
    gdb.interrupt()
    gdb.execute("detach")
    daemon.await_log(r"left behind \d*99\n.*left behind \d*99\n")
    again = bench.gdb(daemon)
    assert "left behind by a debugger that has gone" in again.execute("monitor breakpoints")
    again.execute("break visit")  # takes its place
    again.go()
    assert "left behind" not in again.execute("monitor breakpoints")
