# SPDX-License-Identifier: GPL-2.0-or-later
"""`monitor dmesg` and `monitor bt` of a Linux guest at its panic, against what it wrote on its console: the log line by line, and
its own call traces. The kernels are Debian's, at random addresses, without any debug file."""

import re
from typing import NamedTuple

import pytest
from death import from_function
from linux_guest import CRASH, KERNELS

# All that is logged goes to the console, too.
WORDS = "ignore_loglevel"
PLACE = r"([0-9a-f]{16}) ([\w.]+)\+0x([0-9a-f]+)/0x[0-9a-f]+"
pytestmark = pytest.mark.timeout(150)
RECORDS = 3000  # of a long log: 300 KB
# Of the idle tasks of the first and of other CPUs, of kernel threads, of processes.
BEGINNINGS = ["arch_call_rest_init", "restart_int_handler", "ret_from_fork", "system_call"]
LATER = pytest.param("6.12", marks=[pytest.mark.long, pytest.mark.timeout(300)])


class Frame(NamedTuple):
    address: int
    function: str
    offset: int
    interrupted: bool = False


def logged(daemon):
    """The kernel's lines on the console, when the last of a panic's call trace has come."""
    daemon.await_console(r"(?s)Kernel panic.*Call Trace:.*(system_call|ret_from_fork)\+")
    daemon.await_console(r"(?s)Kernel panic.*Call Trace:.*(system_call|ret_from_fork)\+[^\n]*\n")
    return [line.rstrip("\r") for line in daemon.console.split("\n") if line.startswith("[")]


def traced(lines):
    """The last call trace on the console."""
    first = max(number for number, line in enumerate(lines) if line.endswith("Call Trace:"))
    return [Frame(int(address, 16), function, int(offset, 16)) for address, function, offset in re.findall(
        PLACE, "\n".join(lines[first:]).replace("[<", "").replace(">]", ""))]


def chain(gdb, cpu=""):
    """The frames in the kernel that `monitor bt` tells; what is told of user space is the last line."""
    text = gdb.execute(f"monitor bt {cpu}")
    assert "not all" not in text and "?" not in text, text
    frames = [Frame(int(address, 16), function, int(offset, 16), "interrupted" in rest)
              for address, function, offset, rest in re.findall(f"^ #\\d+ +{PLACE}(.*)$", text, re.M)]
    assert len(frames) + text.count("user space") == text.count("#"), text
    return frames, text


def functions(frames):
    return [frame.function for frame in frames]


def crash(linux, bench, kernel, *options):
    """A guest where it calls panic(), which it was made to do."""
    daemon = linux.start(CRASH, *options, kernel=kernel, words=WORDS)
    gdb = bench.gdb(daemon)
    assert gdb.go("continue", timeout=2 * KERNELS[kernel].limit).signal == "SIGABRT"
    return daemon, gdb


def to_the_end(gdb):
    """It goes on, to the disabled wait."""
    assert gdb.go("continue", timeout=KERNELS["6.1"].limit).signal == "SIGABRT"
    assert "disabled wait" in gdb.execute("monitor psw")


@pytest.mark.parametrize("kernel", ["6.1", LATER])
def test_at_its_panic(linux, bench, kernel):
    daemon, gdb = crash(linux, bench, kernel)
    to_the_end(gdb)
    lines = logged(daemon)
    assert "Linux version" in lines[0]
    assert len(lines) > 100
    assert gdb.execute("monitor dmesg").splitlines() == lines
    assert gdb.execute("monitor dmesg 3").splitlines() == lines[-3:]
    frames, text = chain(gdb)
    assert frames[0].function == "stop_run"
    assert frames[0].address == gdb.value("$pc")
    mine, guests = from_function(frames, "panic"), from_function(traced(lines), "panic")
    assert mine[1:] == guests[1:]
    assert mine[-1].function == "system_call"
    assert re.search(r"#\d+ +[0-9a-f]{16} user space\n*$", text)
    assert "task stack:" in text


@pytest.mark.long
def test_other_cpu_of_a_panic(linux, bench):
    """It was interrupted by the CPU that panics: from its interruption stack to that of the task, to where that began."""
    _, gdb = crash(linux, bench, "6.1", "--cpus", "2")
    to_the_end(gdb)
    other = 1 - int(re.search(r"CPU (\d): disabled wait", gdb.execute("monitor cpus"))[1])
    frames, text = chain(gdb, str(other))
    assert text.startswith(f"CPU {other}, interruption stack:\n")
    assert "smp_handle_ext_call" in functions(frames)
    assert text.index("do_ext_interrupt") < text.index("\ntask stack:\n") < text.index("interrupted") < text.index(frames[-1].function)
    assert frames[-1].function in BEGINNINGS


@pytest.mark.long
def test_from_the_first_instruction_of_panic(linux, bench):
    """Where panic() has no frame yet, and at each step while it makes it, the chain is the one of the guest's own trace."""
    daemon, gdb = crash(linux, bench, "6.1")
    chains = [chain(gdb)[0]]
    for _ in range(12):
        gdb.go("stepi")
        chains.append(chain(gdb)[0])
    assert len({frames[0] for frames in chains}) == len(chains)
    assert chains[0][0].offset == 0
    to_the_end(gdb)
    guests = from_function(traced(logged(daemon)), "panic")
    for frames in chains:
        assert frames[0].function == "panic"
        assert frames[1:] == guests[1:]


@pytest.mark.long
def test_long_log(linux, bench):
    """Far more than fits into one answer at once: all of it comes to gdb, in order. None of it went to the console."""
    pad = "-" * 80
    daemon = linux.start(f"n=0; while [ $n -lt {RECORDS} ]; do echo record $n {pad} >/dev/kmsg; n=$(($n+1)); done; {CRASH}",
                         words="loglevel=1 log_buf_len=1M printk.devkmsg=on")
    gdb = bench.gdb(daemon)
    assert gdb.go("continue", timeout=50).signal == "SIGABRT"
    to_the_end(gdb)
    lines = gdb.execute("monitor dmesg", timeout=50).splitlines()
    assert [line.split("] ", 1)[1] for line in lines if "] record " in line] == [f"record {n} {pad}" for n in range(RECORDS)]
    assert "Linux version" in lines[0]
    assert re.search(r" system_call\+", lines[-1])
    assert "record 0" not in daemon.console
