# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb in non-stop mode, and in all-stop on top of it: the guest runs while the user types. One CPU here; several are seen to
in the session's unit tests."""

import pytest
from zharness import GdbError, guest, symbols

CALLS = symbols(guest("calls"))
EXITS = symbols(guest("exits"))


@pytest.fixture
def exits(bench):
    """gdb in non-stop on a guest that goes round its loop, stopped at the loop's first instruction."""
    gdb = bench.gdb()
    gdb.execute("set non-stop on")
    gdb.daemon = bench.zgdbd("exits", "--on-shutdown", "exit")
    gdb.connect(gdb.daemon)
    assert gdb.value("$pc") == EXITS["_start"]
    gdb.execute("break exits_idle")
    assert gdb.go().address == EXITS["exits_idle"]
    gdb.execute("delete")
    return gdb


def stop_by_hand(gdb):
    gdb.start("interrupt")
    return gdb.wait_stop()


def test_look_and_change_while_it_runs(exits):
    exits.start("continue &")
    threads = exits.execute("info threads")
    assert "(running)" in threads and "breakpoint" not in threads  # which is why it stood before
    count = exits.value("*(long *)&exits_count")
    while exits.value("*(long *)&exits_count") == count:
        pass
    with pytest.raises(GdbError, match="running"):
        exits.value("$pc")
    # The guest loads, adds and stores: what is written in between is overwritten. The next attempt comes at another moment.
    while exits.value("*(long *)&exits_count") <= 0x100000000:
        exits.execute("set var *(long *)&exits_count = 0x100000000")
    assert "CPU 0" in exits.execute("monitor cpus")
    stop = stop_by_hand(exits)
    assert stop.signal == "0" and EXITS["exits_idle"] <= stop.address < EXITS["exits_idle"] + 64
    assert "stopped by the debugger" in exits.execute("info threads")


def test_breakpoints_while_it_runs(exits):
    exits.start("continue &")
    exits.execute("break exits_idle")
    stop = exits.wait_stop()
    assert (stop.reason, stop.address) == ("breakpoint-hit", EXITS["exits_idle"])
    count = exits.value("*(long *)&exits_count")
    assert exits.go().reason == "breakpoint-hit"
    assert exits.value("*(long *)&exits_count") == count + 1
    assert exits.go("stepi").address != EXITS["exits_idle"]
    exits.execute("delete")
    exits.execute("watch *(long *)&exits_count")
    exits.start("continue &")
    assert exits.wait_stop().reason == "watchpoint-trigger"


def test_leave_while_it_runs(bench, exits):
    exits.start("continue &")
    exits.execute("break exits_returned")
    exits.execute("detach")
    again = bench.gdb(exits.daemon)
    count = again.value("*(long *)&exits_count")
    again.execute("tbreak exits_idle")
    again.go()
    assert again.value("*(long *)&exits_count") in (count, count + 1)
    assert again.memory(EXITS["exits_returned"], 2) != b"\0\0"


def test_kill_while_it_runs(bench, exits):
    exits.start("continue &")
    exits.execute("kill")
    assert bench.gdb(exits.daemon).value("$pc") == EXITS["_start"]


def test_panic_and_shutdown(exits):
    exits.execute("set $pc = &go_disabled_wait")
    stop = exits.go("continue")
    assert stop.signal == "SIGABRT"
    assert "disabled wait" in exits.execute("info threads")
    exits.daemon.await_log("disabled wait: the guest cannot run on")
    exits.execute("set $pswm = 0x180000000")
    exits.execute("set $pc = &go_shutdown")
    assert exits.go("continue").reason.startswith("exited")
    exits.daemon.await_log("power-off|shut")
    assert exits.daemon.wait() == 0


def test_all_stop_on_non_stop(bench):
    """What gdb does by itself where several targets are debugged: the user sees all-stop."""
    gdb = bench.gdb()
    gdb.execute("maint set target-non-stop on")
    gdb.connect(bench.zgdbd("calls"))
    gdb.execute("break add")
    assert gdb.go().function == "add"
    assert "guest_main" in gdb.execute("backtrace")
    assert gdb.go("finish").function == "guest_main"
    gdb.execute("watch total")
    stop = gdb.go()
    while stop.reason == "breakpoint-hit":
        stop = gdb.go()
    assert stop.reason == "watchpoint-trigger"
    assert gdb.go("stepi").reason == "end-stepping-range"
    gdb.execute("delete")
    gdb.execute("break shutdown")
    gdb.go()
    assert gdb.value("answer") == 720


def test_ctrl_c_in_all_stop_on_non_stop(bench):
    gdb = bench.gdb()
    gdb.execute("maint set target-non-stop on")
    gdb.connect(bench.zgdbd("exits"))
    gdb.execute("set $pc = &go_loop")
    gdb.resume()
    assert gdb.interrupt().signal == "SIGINT"
