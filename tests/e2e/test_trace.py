# SPDX-License-Identifier: GPL-2.0-or-later
"""The exit trace: what a guest's exits look like in it, in order; which are in a file, and that none is missing at the end;
and that the last ones are shown when the guest crashes."""

import datetime
import re

from conftest import content, stopped_by
from gadget import DIAG_UNKNOWN, NOTHING
from zharness import guest, symbols

HELLO = symbols(guest("panic"))
EXITS = symbols(guest("exits"))
SMP = symbols(guest("smp"))
PANIC_MODE = 5  # of smp.c
AT = 0x700000
LINE = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) CPU (\d+) ([0-9a-f]{16}) ([0-9a-f]{16}) ([a-z-]+)(?:: (.*))?$"

# What the guest "panic" does, but for the address of its SCCBs.
PANIC = ["write event mask", "write event data", "disabled wait"]


def parsed(text):
    """[(time, CPU, PSW address, reason, what)] of lines of which each must be one."""
    found = [re.match(LINE, line) for line in text.splitlines()]
    assert all(found), text
    return [(m[1], int(m[2]), int(m[4], 16), m[5], m[6] or "") for m in found]


def assert_panic(lines):
    """In order: the two service calls, and the wait at its address."""
    assert [next(words for words in PANIC if words in line[4]) for line in lines] == PANIC
    assert [line[3] for line in lines] == ["service-call", "service-call", "disabled-wait"]
    assert lines[-1][2] == HELLO["panic_here"]
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)


def last_exits(text):
    """What a report in TEXT has of them."""
    return parsed(re.search(r"^Last exits of the guest:\n((?:  .*\n)*)", text, re.M)[1].replace("  2", "2"))


def test_file_at_a_panic(bench, box, place):
    daemon = bench.zgdbd("panic", "--run", "--trace", place)
    assert daemon.wait() == 3
    lines = parsed(content(box, place))
    assert_panic(lines)
    clock = box.run(["date", "-u", "+%Y-%m-%dT%H:%M:%S"], capture_output=True, check=True).stdout.decode().strip()
    then = datetime.datetime.fromisoformat(lines[-1][0].rstrip("Z"))
    assert abs(datetime.datetime.fromisoformat(clock) - then) < datetime.timedelta(minutes=2)
    assert last_exits(daemon.log) == lines


def test_some_exits_while_it_runs(bench, box, place):
    """The daemon is told to end while the guest runs."""
    daemon = bench.zgdbd("exits", "--trace", place, "--trace-only", "service-call,kick")
    client = bench.client(daemon)
    client.write_u64(EXITS["exits_selector"], 2)
    client.resume()
    daemon.await_console("exits: a line")
    client.interrupt()
    client.wait_stop()
    client.resume()
    daemon.process.terminate()
    daemon.wait()
    lines = parsed(content(box, place))
    assert [line[3] for line in lines if line[3] != "kick"] == ["service-call", "service-call"]
    assert any(line[3] == "kick" for line in lines)


def test_errors_in_words(bench):
    daemon = bench.zgdbd("hello", "--trace", "/no/such/file", listen=None)
    assert daemon.wait() == 1
    assert "--trace /no/such/file: cannot open it for writing: No such file or directory" in daemon.log


def test_monitor_trace(bench):
    client = bench.rsp("exits")
    handler = 0x710000
    client.write(0x1d0, (0x180000000).to_bytes(8, "big") + handler.to_bytes(8, "big"))
    client.write(AT, bytes.fromhex("ae130012") + DIAG_UNKNOWN)  # SIGP 1,3,0x12
    client.write(handler, NOTHING)
    client.set_psw(0x180000000, AT)
    client.set_reg("r3", 0)
    client.insert(0, handler)
    assert "on" in client.monitor("trace on")
    client.go()
    assert client.psw()[1] == handler
    lines = parsed(client.monitor("trace show"))
    assert [(line[2], line[3]) for line in lines] == [(AT + 4, "sigp"), (AT + 8, "diag")]
    assert lines[0][4].startswith("SIGP 1,3,0x12: set architecture, CPU 0")
    assert lines[1][4].startswith("DIAG 0,0,0x999: unknown")
    assert parsed(client.monitor("trace show 1 diag")) == lines[1:2]
    client.monitor("trace off")
    client.set_psw(0x180000000, AT)
    client.go()
    assert parsed(client.monitor("trace show")) == lines


def test_shown_in_gdb_at_a_crash(bench):
    gdb = bench.gdb(bench.zgdbd("panic"))
    gdb.execute("monitor trace on")
    told = gdb.execute("continue")
    assert re.search(r"^zgdbd: CPU 0: disabled wait: ", told, re.M)
    assert_panic(last_exits(told))


def test_steps_of_a_range(bench):
    client = bench.rsp("loops")
    client.write(AT, bytes.fromhex("a73b0001" "a727fffe") + NOTHING)  # AGHI 3,1; BRCTG 2 to it
    client.set_psw(0x180000000, AT)
    client.set_reg("r2", 50)
    client.monitor("trace on")
    client.go(f"vCont;r{AT:x},{AT + 8:x}:1")
    steps = [re.search(r"single step(?:; (\d+) steps in the range before it)?$", line[4])
             for line in parsed(client.monitor("trace show"))]
    assert all(steps) and sum(1 + int(step[1] or 0) for step in steps) == 100
    assert len(steps) < 10


def test_two_cpus(bench):
    """CPU 0 starts CPU 1, and both end in a disabled wait: each exit under its CPU, and each time of a CPU behind the one before."""
    client = bench.rsp("smp", "--cpus", "2")
    client.write_u64(SMP["ncpus"], 2)
    client.insert(0, SMP["all_up"])
    client.monitor("trace on")
    client.go()
    client.remove(0, SMP["all_up"])
    for cpu in range(2):
        client.write_u64(SMP["cpu"] + 40 * cpu, PANIC_MODE)
    assert stopped_by(client.go()) == "06"
    lines = parsed(client.monitor("trace show 100"))
    started = [line for line in lines if re.search(r"SIGP \d+,\d+,0x6: restart, CPU 1, ", line[4])]
    assert [line[1] for line in started] == [0]
    assert sorted((line[1], line[2]) for line in lines if line[3] == "disabled-wait") == [(cpu, SMP["x_panic"]) for cpu in range(2)]
    for cpu in range(2):
        times = [line[0] for line in lines if line[1] == cpu]
        assert times == sorted(times)
