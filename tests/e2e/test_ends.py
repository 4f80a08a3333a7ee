# SPDX-License-Identifier: GPL-2.0-or-later
"""How guest, debugger and daemon end: exit statuses, options for what is to be done, connections that come and go."""

import pytest
from conftest import stopped_by
from zharness import guest, symbols

EXITS = symbols(guest("exits"))
LINE = "Hello from s390x\r\n"


@pytest.mark.parametrize("image, options, status", [
    ("hello", (), 0), ("panic", (), 3), ("panic", ("--on-panic", "exit"), 3), ("reboot", ("--on-reset", "exit"), 0)])
def test_alone(bench, image, options, status):
    daemon = bench.zgdbd(image, "--run", *options)
    assert daemon.wait() == status
    assert daemon.console == LINE
    if image == "panic":
        address = symbols(guest("panic"))["panic_here"]
        assert f"0002000180000000 {address:016x}" in daemon.log and "disabled wait" in daemon.log


def test_reset_restarts(bench):
    daemon = bench.zgdbd("reboot", "--run")
    daemon.await_console("(Hello from s390x\r\n){3}")
    with daemon.rsp() as client:
        assert client.packet("?").startswith("T")


def test_panic_can_restart(bench):
    bench.zgdbd("panic", "--run", "--on-panic", "restart").await_console("(Hello from s390x\r\n){3}")


@pytest.mark.parametrize("image, reason, place", [("hello", "0f", None), ("panic", "06", "panic_here"),
                                                  ("reboot", "01", "reset_here")])
def test_with_a_debugger_it_stops(bench, image, reason, place):
    daemon = bench.zgdbd(image)
    client = bench.client(daemon)
    assert stopped_by(client.go()) == reason
    expected = symbols(guest(image))[place] + (4 if image == "reboot" else 0) if place else 0xfff
    assert client.reg("pswa") == expected
    daemon.await_console("Hello from s390x\r\n")
    assert daemon.process.poll() is None
    if image == "reboot":
        assert stopped_by(client.go()) == "01"
        daemon.await_console("(Hello from s390x\r\n){2}")


@pytest.mark.parametrize("image, option, reason", [("hello", "--on-shutdown", "the guest shut down"),
                                                   ("panic", "--on-panic", "disabled wait"),
                                                   ("reboot", "--on-reset", "DIAG 308 subcode")])
def test_stop_with_nobody_there_is_told(bench, image, option, reason):
    """Else the console of a guest that stays stopped looks like one that hangs."""
    daemon = bench.zgdbd(image, "--run", option, "stop")
    daemon.await_log(f"(?s){reason}.*waits for a debugger")
    assert daemon.process.poll() is None


@pytest.mark.parametrize("image, option, status", [("hello", "--on-shutdown", 0), ("panic", "--on-panic", 3)])
def test_exit_in_spite_of_a_debugger(bench, image, option, status):
    daemon = bench.zgdbd(image, option, "exit")
    assert bench.client(daemon).go() == f"W{status:02x}"
    assert daemon.wait() == status


def counted(client):
    return client.read_u64(EXITS["exits_count"])


def started(bench, *options):
    """A zgdbd whose guest has been round its loop a few times, and its client."""
    daemon = bench.zgdbd("exits", "--log", "info", *options)
    client = bench.client(daemon)
    client.insert(0, EXITS["exits_idle"])
    for _ in range(3):
        client.go()
    assert counted(client) == 2
    return daemon, client


def test_disconnect_run(bench):
    daemon, client = started(bench)
    client.close()
    daemon.await_log("connection has ended")
    again = bench.client(daemon)
    assert counted(again) >= 2 and again.reg("pswa") >= EXITS["exits_idle"]
    again.close()
    third = bench.client(daemon)
    assert counted(third) > 2
    assert third.read(EXITS["exits_idle"], 2) != bytes(2)


def test_disconnect_stop(bench):
    daemon, client = started(bench, "--on-disconnect", "stop")
    client.close()
    daemon.await_log("connection has ended")
    again = bench.client(daemon)
    assert (counted(again), again.reg("pswa")) == (2, EXITS["exits_idle"])
    again.resume()
    again.interrupt()
    assert stopped_by(again.wait_stop()) == "02"  # the breakpoint went with its debugger


def test_disconnect_exit(bench):
    daemon, client = started(bench, "--on-disconnect", "exit")
    client.close()
    assert daemon.wait() == 0


def test_port_probe_changes_nothing(bench, box):
    daemon = bench.zgdbd("exits")
    for noise in (b"", b"GET / HTTP/1.0\r\n\r\n", b"+", b"$broken"):
        probe = daemon.rsp(start=False)
        probe.raw(noise)
        probe.close()
    client = bench.client(daemon)
    assert client.packet("?").startswith("T05")
    assert client.reg("pswa") == EXITS["_start"]
    with daemon.rsp(start=False) as probe:
        assert client.step().startswith("T05")
        probe.raw(b"\r\n")
    assert client.step().startswith("T05")


def test_packet_after_kill_and_detach(bench):
    daemon, client = started(bench)
    client.send("k")
    client.close()
    again = bench.client(daemon)
    assert (again.reg("pswa"), counted(again)) == (EXITS["_start"], 0)
    again.ok("D")
    again.close()
    third = bench.client(daemon)
    assert third.reg("pswa") >= EXITS["exits_idle"]


def test_sigp_stop_and_console(bench):
    daemon = bench.zgdbd("exits")
    client = bench.client(daemon)
    client.insert(0, EXITS["exits_returned"])
    client.write_u64(EXITS["exits_selector"], 2)
    assert stopped_by(client.go()) == "swbreak"
    daemon.await_console("exits: a line\r\n")
    client.write_u64(EXITS["exits_selector"], 8)
    assert stopped_by(client.go()) == "0f"
    assert client.reg("pswa") == EXITS["x_sigp_stop_after"]


# ---- kinds of reset, and what --on-reset makes of them ----

MARKER = 0x400000  # in memory that no image loads


def about_to_reset(bench, subcode, *options):
    """A guest that asks for this reset as soon as it runs. Subcodes 0 and 1 go on at its loop, in 31-bit mode."""
    daemon, client = started(bench, *options)
    client.write_u64(MARKER, 0x1122334455667788)
    client.write_u64(0, 0x0008000080000000 | EXITS["exits_idle"])
    client.write_u64(EXITS["exits_argument"], subcode)
    client.write_u64(EXITS["exits_selector"], 3)
    client.remove(0, EXITS["exits_idle"])
    return daemon, client


def assert_was_reset(client, subcode):
    loaded = subcode not in (0, 1)
    assert client.reg("pswm") & 0x180000000 == (0x180000000 if loaded else 0x80000000)
    assert client.read_u64(EXITS["exits_argument"]) == (0 if loaded else subcode)
    assert client.read_u64(MARKER) == (0 if subcode == 3 else 0x1122334455667788)


@pytest.mark.parametrize("subcode", [0, 1, 3, 4, 7])
def test_reset_alone_goes_on(bench, subcode):
    daemon, client = about_to_reset(bench, subcode)
    client.ok("D")
    client.close()
    daemon.await_log(f"DIAG 308 subcode {subcode}")
    again = bench.client(daemon)
    before = counted(again)
    assert_was_reset(again, subcode)
    again.insert(0, EXITS["exits_idle"])
    again.go()
    again.go()
    assert counted(again) > before


@pytest.mark.parametrize("subcode", [0, 1, 3, 4, 7])
def test_reset_restarts_in_spite_of_a_debugger(bench, subcode):
    _, client = about_to_reset(bench, subcode, "--on-reset", "restart")
    client.insert(0, EXITS["x_reset_after"])
    client.insert(0, EXITS["exits_idle"])
    for _ in range(2):  # at the loop, in front of which it stood, and after the reset
        assert stopped_by(client.go()) == "swbreak"
    assert_was_reset(client, subcode)


@pytest.mark.parametrize("subcode", [0, 1])
def test_reset_within_memory_is_no_end(bench, subcode):
    """kexec and kdump go on, whatever --on-reset exit says."""
    _, client = about_to_reset(bench, subcode, "--on-reset", "exit")
    client.insert(0, EXITS["exits_idle"])
    for _ in range(2):
        assert stopped_by(client.go()) == "swbreak"
    assert_was_reset(client, subcode)


@pytest.mark.parametrize("subcode", [3, 4])
def test_reset_exits(bench, subcode):
    daemon, client = about_to_reset(bench, subcode, "--on-reset", "exit")
    assert client.go() == "W00"
    assert daemon.wait() == 0
    daemon, client = about_to_reset(bench, subcode, "--on-reset", "exit")
    client.ok("D")
    assert daemon.wait() == 0


@pytest.mark.parametrize("subcode", [1, 4])
def test_reset_stops_with_nobody_there(bench, subcode):
    daemon, client = about_to_reset(bench, subcode, "--on-reset", "stop")
    client.ok("D")
    client.close()
    daemon.await_log(f"DIAG 308 subcode {subcode}")
    again = bench.client(daemon)
    assert stopped_by(again.packet("?")) == "01"
    assert again.reg("pswa") == EXITS["x_reset_after"]
    again.insert(0, EXITS["exits_idle"])
    again.go()
    assert_was_reset(again, subcode)


@pytest.mark.parametrize("selector, status", [(8, 0), (9, 3), (10, 0)])
def test_ends_after_a_detach(bench, selector, status):
    """SIGP stop, disabled wait, disabled wait at ...fff."""
    daemon, client = started(bench)
    client.write_u64(EXITS["exits_selector"], selector)
    client.ok("D")
    assert daemon.wait() == status


def test_usage_and_bad_images(bench, box):
    from zharness import Zgdbd
    binary, *_ = Zgdbd.command(box, guest("hello"))
    for argv, status, words in (([binary], 64, "IMAGE"), ([binary, "--nonsense", "x"], 64, "nonsense"),
                                ([binary, "--stdio", "--console", "stdio", "x"], 64, "stdio"),
                                ([binary, "/bin/busybox-none"], 65, "busybox-none"), ([binary, "/etc/passwd"], 65, "passwd"),
                                ([binary, "--listen", "tcp:0.0.0.0:1", "x"], 64, "listen-any"),
                                ([binary, "--help"], 0, "Usage"), ([binary, "--version"], 0, "zgdbd")):
        result = box.run(argv, capture_output=True, text=True, timeout=20)
        assert (result.returncode, words in result.stdout + result.stderr) == (status, True), (argv, result)
