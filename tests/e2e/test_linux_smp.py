# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux with several CPUs: all come up, a breakpoint in the kernel is hit by each, and a panic stops the others first."""

import re

import pytest
from conftest import stopped_by
from linux_guest import CRASH

THREADS = r"thread:([0-9a-f]+);"
FIND = "cat /proc/kallsyms | grep -w -E 'schedule|panic'; echo cpus: $(nproc)"


def thread(reply):
    return int(re.search(THREADS, reply)[1], 16) - 1


def address(daemon, symbol):
    return int(daemon.await_console(rf"(?m)^([0-9a-f]+) T {symbol}\r?$")[1], 16)


def hit_by_all(client, where, count):
    seen = set()
    for _ in range(400):
        client.insert(0, where)
        reply = client.go()
        assert stopped_by(reply) == "swbreak"
        seen.add(thread(reply))
        if seen == set(range(count)):
            client.remove(0, where)
            return
        client.remove(0, where)
        client.go(f"vCont;s:{thread(reply) + 1:x}")
    raise AssertionError(f"only {seen}")


@pytest.mark.long
@pytest.mark.parametrize("count", [2, 4])
def test_linux(bench, linux, count):
    busy = "while :; do :; done & " * count
    daemon = linux.start(f"{FIND}; {busy} sleep 1; {CRASH}", "--run", "--cpus", str(count), "--on-panic", "stop")
    where = address(daemon, "schedule")
    assert daemon.await_console(r"cpus: (\d+)")[1] == str(count)
    client = bench.client(daemon)
    assert client.packet("?").startswith("T02")
    states = re.findall(r"CPU \d+: ([a-z ]+), PSW", client.monitor("cpus"))
    assert len(states) == count and not {"stopped", "disabled wait"} & set(states)
    hit_by_all(client, where, count)
    for _ in range(2):  # where panic() is called, and at the end
        assert stopped_by(client.go()) == "06"
    states = re.findall(r"CPU \d+: ([a-z ]+), PSW", client.monitor("cpus"))
    assert sorted(states) == ["disabled wait"] + ["stopped"] * (count - 1)
    daemon.await_console("Kernel panic - not syncing: sysrq triggered crash")
