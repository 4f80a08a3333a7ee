# SPDX-License-Identifier: GPL-2.0-or-later
"""The report on a guest's end where its user sees it: in the log, on gdb's console, in a file of --on-panic, by `monitor panic`;
of Debian's kernel without a root file system, and of a guest that is no Linux. What it says of all the other ways in which a
guest dies is in test_deaths.py."""

import re

import pytest
from conftest import content, stopped_by
from death import call_traces
from linux_guest import KERNELS
from zharness import guest, symbols
from zharness.vmcore import fetch

pytestmark = pytest.mark.timeout(150)  # as long as a kernel may take on a busy machine, and more

HELLO = symbols(guest("panic"))
NO_ROOT = "Kernel panic - not syncing: VFS: Unable to mount root fs"
FIRST = r"^zgdbd report: (.*), CPU (\d+)$"
LAST = "\nEnd of the report.\n"


def block(text):
    """The one report in TEXT."""
    begin, end = text.index("zgdbd report: "), text.index(LAST)
    assert text.count("zgdbd report: ") == 1
    return text[begin:end + len(LAST)]


def said(report, word):
    """What follows the WORD at the beginning of a line of its first part."""
    return re.search(rf"^{re.escape(word)} +(.*)$", report.partition("\n\n")[0], re.M)[1]


def chain(report, cpu=0):
    """The functions of a CPU's call chain, innermost first."""
    part = re.search(rf"^CPU {cpu}: (?s:.*?)^  Call chain.*:\n((?:    .*\n)*)", report, re.M)[1]
    return re.findall(r"^    #\d+ +[0-9a-f]{16} +([^+\s]+)\+", part, re.M)


def check_no_root(report, console):
    assert re.match(FIRST, report.splitlines()[0]).groups() == ("disabled wait", "0")
    assert NO_ROOT in said(report, "said")
    assert re.match(r"[a-z_]+\+0x[0-9a-f]+/0x[0-9a-f]+$", said(report, "at"))
    assert re.match(r"Linux 6\.1\.0-\d+-s390x, KASLR offset 0x[1-9a-f]", said(report, "kernel"))
    assert float(re.match(r"for ([0-9.]+) s", said(report, "ran"))[1]) > 0.1
    words = re.search(r"^Kernel log, the last (\d+) of (\d+) records:\n((?:  .*\n)*)", report, re.M)
    assert NO_ROOT in words[3] and "Call Trace:" in words[3]
    # From the function that calls dump_stack() on, the chain is the guest's own; its wait is below.
    own = [frame.function for frame in call_traces(console)[0]]
    assert own[0] == "dump_stack_lvl" and own[1] == "panic"
    frames = chain(report)
    assert frames[frames.index("panic"):] == own[1:]
    assert re.search(r"^  => [0-9a-f]{16}  ", report, re.M)


def test_to_a_file_without_gdb(bench, box, place):
    """As a test of a kernel would use it: with KASLR on, no debugger, and the status tells."""
    daemon = bench.zgdbd("linux", "--run", "--append", KERNELS["6.1"].words, "--on-panic", f"report:{place}",
                         "--on-panic", "exit", timeout=KERNELS["6.1"].limit)
    assert daemon.wait() == 3
    report = content(box, place)
    check_no_root(report, daemon.console)
    assert block(daemon.log) == report


def test_on_gdbs_console(bench):
    """The same with a debugger, which is stopped when panic() is called, and at the end; `monitor panic` says it again, and of
    another stop what it is."""
    daemon = bench.zgdbd("linux", "--append", KERNELS["6.1"].words, timeout=KERNELS["6.1"].limit)
    gdb = bench.gdb(daemon)
    assert re.search(r"^zgdbd report: runs with interruptions off, CPU 0$", gdb.execute("monitor panic"), re.M)
    called = block(gdb.execute("continue"))
    assert called.startswith("zgdbd report: panic() called, CPU 0\n")
    assert said(called, "said") == 'panic("VFS: Unable to mount root fs on %s")'
    assert said(called, "called from").partition("+")[0].endswith(chain(called)[1])
    told = gdb.execute("continue")
    report = block(told)
    assert told.index("zgdbd: CPU 0: disabled wait") < told.index("zgdbd report")
    check_no_root(report, daemon.console)
    assert block(gdb.execute("monitor panic")) == report


def test_no_linux(bench, box, place):
    daemon = bench.zgdbd("panic", "--run", "--on-panic", f"report:{place}")
    assert daemon.wait() == 3
    report = content(box, place)
    assert report.startswith("zgdbd report: disabled wait, CPU 0\n")
    assert said(report, "kernel").startswith("unknown")
    assert f"\n  => {HELLO['panic_here']:016x}  " in report
    assert "Kernel log" not in report


def test_program_interruption_loop(bench):
    """The program new PSW is not valid: each program interruption leads to another."""
    client = bench.rsp("hello")
    client.write(0x1d0, (0x8000000180000000).to_bytes(8, "big") + (0x20000).to_bytes(8, "big"))
    client.write(0x700000, bytes.fromhex("b2ff"))  # no instruction
    client.set_psw(0x180000000, 0x700000)
    assert stopped_by(client.go()) == "0b"
    report = client.monitor("panic")
    assert report.startswith("zgdbd report: program-interruption loop, CPU 0\n")
    loop = re.search(r"^The loop of CPU 0:\n((?:  .*\n)*)", report, re.M)[1]
    assert "program new PSW 8000000180000000 0000000000020000" in loop
    assert "not valid: bits that must be zero are one: 0" in loop


def test_endless_loop_with_interruptions_off(bench):
    client = bench.rsp("hello")
    client.write(0x700000, bytes.fromhex("a7f40000"))  # J to itself
    client.set_psw(0x180000000, 0x700000)
    client.resume()
    client.interrupt()
    client.wait_stop()
    report = client.monitor("panic")
    assert report.startswith("zgdbd report: runs with interruptions off, CPU 0\n")
    assert "endless loop" in said(report, "note")
    assert "\n  => 0000000000700000  a7f4 0000       j 0x700000\n" in report


def common(report):
    """Those parts of a report that are the same of the guest's dump: why it stopped and for how long it ran are not in that, nor
    is the state of a CPU that is stopped."""
    return re.sub(r"^(stop|ran|CPUs) .*\n", "", report, flags=re.M).partition("\nCPU 0: ")[0]


@pytest.mark.long
def test_dump_and_report(bench, box, place, tmp_path):
    """Of the second CPU of a Linux, both written in their turn before the debugger's stop; and what zgdbd says of that dump."""
    dump = f"{place}.dump"
    daemon = bench.zgdbd("linux", "--append", f"{KERNELS['6.1'].words} maxcpus=2", "--cpus", "2", "--memory", "64M",
                         "--on-panic", f"dump:{dump}", "--on-panic", f"report:{place}", timeout=KERNELS["6.1"].limit)
    client = bench.client(daemon)
    client.monitor("panic-stop off")
    assert stopped_by(client.go(timeout=60)) == "06"
    report = content(box, place)
    of_dump = block(bench.dump(fetch(box, dump, tmp_path / "vmcore")).execute("monitor panic", timeout=60))
    cpu = re.match(FIRST, report.splitlines()[0])[2]
    assert f"\nCPU {cpu}: disabled wait, prefix 0x" in of_dump and len(chain(report, cpu)) > 5
    assert common(of_dump) == common(report)


def test_a_file_that_cannot_be_made(bench):
    daemon = bench.zgdbd("panic", "--on-panic", "report:/no/such/place", listen=None)
    assert daemon.wait() == 64
    assert "--on-panic /no/such/place: No such file or directory" in daemon.log
