# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which a guest dies, of programs without an operating system and of Linux, and the report on each. The many others
of Linux are in test_linux_deaths.py."""

import pytest
from conftest import content, stopped_by
from death import Report, assert_chain_is_the_guests
from zharness import Zgdbd, guest, symbols

DEATHS = symbols(guest("deaths"))
VMCORE_INFO = 0xe0c
DISABLED_WAIT = 0x0002000180000000
pytestmark = pytest.mark.timeout(150)  # as long as a kernel may take on a busy machine, and more


def died(bench, how, signal):
    """(daemon, client, report) of the guest that dies in this way by itself."""
    daemon = bench.zgdbd("deaths", "--append", how, "--run", "--on-panic", "stop")
    daemon.await_log("waits for a debugger")
    client = bench.client(daemon)
    assert stopped_by(client.packet("?")) == signal
    report = Report(client.monitor("panic"))
    assert Report(daemon.log).kind == report.kind
    assert report.line("kernel").startswith("unknown")
    assert (report.cpu, report.line("CPUs")[:3]) == (0, "1: ")
    return client, report


def test_disabled_wait(bench):
    _, report = died(bench, "wait", "06")
    assert report.kind == "disabled wait"
    assert f"{DEATHS['x_wait']:016x}" in report.line("PSW")
    assert report.marked("=>")[0][0] == DEATHS["x_wait"]


@pytest.mark.parametrize("how, kind", [("pgmloop", "program-interruption loop"), ("oploop", "operation-exception loop"),
                                       ("extloop", "external-interruption loop"), ("garbage", "program-interruption loop")])
def test_interruption_loop(bench, how, kind):
    _, report = died(bench, how, "0b")
    assert report.kind == kind
    if how == "oploop":
        assert report.marked("=>")[0][0] == DEATHS["x_oploop"]
        assert "code 0x0001 (operation)" in report.text
    if how == "extloop":
        assert "control register 0 for: clock comparator" in report.text
    if how in ("pgmloop", "garbage"):
        assert "program new PSW" in report.text


def test_endless_loop(bench):
    client = bench.rsp("deaths", "--append", "loop")
    client.insert(0, DEATHS["x_loop"])
    client.go()
    client.remove(0, DEATHS["x_loop"])
    client.resume()
    client.interrupt()
    assert stopped_by(client.wait_stop()) == "02"
    report = Report(client.monitor("panic"))
    assert report.kind == "runs with interruptions off"
    assert "external interruptions are off" in report.line("note")
    assert report.marked("=>")[0][0] in range(DEATHS["x_loop"], DEATHS["x_loop"] + 8)


# ---- Linux ----

NO_ROOT = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(1,0)"
CI = """
zgdbd --run --append 'cryptomgr.notests' --on-panic report:"$1" --on-panic exit "$2" >"$1".console 2>"$1".log
status=$?
cat "$1"
exit $status
"""


def test_without_any_debugger(box, place):
    """As a kernel's CI has it: a script that is left with a status and with a file. No root file system is found."""
    zgdbd, *_ = Zgdbd.command(box, "linux")
    script = CI.replace("zgdbd", zgdbd, 1)
    result = box.run(["sh", "-c", script, "sh", place, box.linux_image], capture_output=True, text=True, timeout=100)
    console, log = (content(box, f"{place}.{name}") for name in ("console", "log"))
    assert result.returncode == 3, (result, log)
    report = Report(result.stdout)
    assert (report.kind, report.cpu) == ("disabled wait", 0)
    assert report.lines("said") == [NO_ROOT]
    assert_chain_is_the_guests(report, console, "panic")
    assert {"mount_root", "kernel_init"} <= set(report.functions())
    assert NO_ROOT in report.log() and NO_ROOT in console


def test_no_symbols_yet(bench):
    """A kernel that was placed, and dies before it says where its symbols are."""
    client = bench.rsp("linux")
    client.insert(2, VMCORE_INFO, 8)
    while not client.read_u64(VMCORE_INFO) & 1:
        assert stopped_by(client.go(timeout=50)) == "watch"
    client.remove(2, VMCORE_INFO, 8)
    client.set_psw(DISABLED_WAIT, 0x10123456)
    assert stopped_by(client.go()) == "06"
    report = Report(client.monitor("panic"))
    assert report.kind == "disabled wait"
    offset = client.read_u64(VMCORE_INFO) & ~1
    assert f"KASLR offset {offset:#x}" in report.line("kernel") and "cannot be read yet" in report.line("kernel")
    assert not report.lines("said") and not report.lines("at")


def test_panic_before_symbols(bench):
    """A real one: too little memory for the kernel to come to its vmcoreinfo."""
    daemon = bench.zgdbd("linux", "--append", "cryptomgr.notests earlyprintk mem=24M", "--run", "--on-panic", "stop")
    daemon.await_log("waits for a debugger", 50)
    daemon.await_console("Kernel panic - not syncing")
    client = bench.client(daemon)
    assert client.read_u64(VMCORE_INFO) == 0
    report = Report(client.monitor("panic"))
    assert report.kind == "disabled wait"
    assert report.line("kernel").startswith("Linux by its image") and "far enough for its symbols" in report.line("kernel")
    assert "disabled wait" in report.line("PSW") and report.marked("=>")
