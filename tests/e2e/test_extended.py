# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb's extended mode: the guest is run, killed, left and taken up again from one gdb, which is told nothing but where to
connect."""

import pytest
from zharness import guest, symbols

ARGS = symbols(guest("args"))
EXITS = symbols(guest("exits"))


def extended(bench, image, *options):
    daemon = bench.zgdbd(image, *options)
    gdb = bench.gdb()
    gdb.execute(f"target extended-remote {daemon.address}")
    return daemon, gdb


def test_run_with_other_arguments(bench):
    daemon, gdb = extended(bench, "args", "--append", "as given")
    gdb.execute("break finished")
    assert gdb.go("run").function == "finished"
    gdb.execute("set args root=/dev/ram0 'one word' last")
    assert gdb.go("run").function == "finished"
    assert gdb.go("continue").signal == "SIGTERM"  # it has shut down
    gdb.execute("set args again")
    assert gdb.go("run").function == "finished"
    gdb.execute("kill")
    assert "process 1" not in gdb.execute("info inferiors")
    assert gdb.go("run").function == "finished"
    daemon.await_console('arguments: as given\r\n(?s:.*)arguments: root=/dev/ram0 "one word" last\r\n(?s:.*)'
                         "arguments: again\r\n(?s:.*)arguments: again\r\n")


@pytest.mark.parametrize("image, signal", [("panic", "SIGABRT"), ("hello", "SIGTERM")])
def test_run_after_an_end(bench, image, signal):
    _, gdb = extended(bench, image)
    for command in ("continue", "run", "run"):
        assert gdb.go(command).signal == signal


def test_start_at_the_first_instruction(bench):
    _, gdb = extended(bench, "exits")
    gdb.execute("tbreak exits_idle")
    gdb.go("run")
    assert gdb.go("starti").address == EXITS["_start"]
    assert gdb.value("*(long *)&exits_count") == 0


def test_detach_and_attach(bench):
    _, gdb = extended(bench, "exits")
    gdb.execute("break exits_idle")
    gdb.go("run")
    gdb.execute("delete")
    gdb.execute("detach")
    assert "process 1" not in gdb.execute("info inferiors")
    gdb.execute("attach 1")
    assert gdb.value("*(long *)&exits_count") > 0
    assert '"CPU 0" (operating' in gdb.execute("info threads")
    gdb.execute("detach")
    gdb.execute("tbreak exits_idle")
    assert gdb.go("run").address == EXITS["exits_idle"]
    assert gdb.value("*(long *)&exits_count") == 0


def test_packets(bench):
    """Where gdb has better ones: k does not end an extended conversation, and R has no answer."""
    client = bench.rsp("exits")
    client.ok("!")
    client.insert(0, EXITS["exits_returned"])
    client.send("vCont;c")
    client.send("k")
    assert client.packet("?").startswith("T05")
    assert client.psw()[1] == EXITS["_start"]
    assert client.step().startswith("T05")
    client.send("R00")
    assert client.psw()[1] == EXITS["_start"]
    for packet in ("QDisableRandomization:1", "QStartupWithShell:0", "QEnvironmentReset", "QSetWorkingDir:"):
        assert client.packet(packet) == ""
