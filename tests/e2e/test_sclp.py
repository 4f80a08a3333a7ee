# SPDX-License-Identifier: GPL-2.0-or-later
"""The service-call processor, as a guest sees it that uses it like an operating system: consoles of both kinds in both directions,
the request to shut down, and the answer to everything that can be wrong in an SCCB."""

import pytest

TABLE = """\
information: cc 0 0010
information, forced: cc 0 0010
CPUs: cc 0 0010
bits that do not belong to the code: cc 0 0010
not aligned: program 6
lowcore: program 6
from 2 GiB on: program 6
outside of memory: program 5
length 0: program 6
length 7: program 6
over a page: cc 0 0100
over a page, unknown command: cc 0 01f0
unknown command: cc 0 01f0
too short for information: cc 0 0300
too short for CPUs: cc 0 0300
no masks: cc 0 0300
masks of 0 bytes: cc 0 74f0
masks of 1022 bytes: cc 0 74f0
masks of 1021 bytes: cc 0 0020
masks that are cut off: cc 0 0300
masks of 1 byte: cc 0 0020
selection without masks: cc 0 70f0
masks of 4 bytes: cc 0 0020
write, function 1: cc 0 40f0
write of nothing: cc 0 0020
event of 5 bytes: cc 0 73f0
event past the SCCB: cc 0 73f0
half an event: cc 0 73f0
event that is not offered: cc 0 40f0
message without data block: cc 0 72f0
message past its event: cc 0 72f0
object past its message: cc 0 72f0
read, function 2: cc 0 40f0
read of nothing: cc 0 60f0
read, length 8: cc 0 60f0
selection of nothing: cc 0 60f0
selection of what is not received: cc 0 70f0
selection that is cut off: cc 0 0300
"""


def test_table(bench):
    daemon = bench.zgdbd("sclp", "--run", "--append", "table", "--console-type", "both")
    assert daemon.wait() == 0
    assert daemon.console.replace("\r\n", "\n") == TABLE


def quiesce(daemon):
    """The guest ends in order; what it wrote."""
    with daemon.rsp() as client:
        client.monitor("powerdown")
    assert daemon.wait() == 0
    return daemon.console


# What is offered and what the guest opens. Of both, what is typed goes to the VT220.
@pytest.mark.parametrize("offered, opened", [("vt220", "vt220"), ("line", "line"), ("both", "line"), ("both", "vt220 line")])
def test_echo(bench, offered, opened):
    daemon = bench.zgdbd("sclp", "--run", "--console-type", offered, "--append", opened, keyboard="pipe")
    consoles = len(opened.split())
    daemon.await_console("ready\r\n" * consoles)
    lines = ["Hello, [guest]!", "", "a^b|c~d"]
    for line in lines:
        daemon.type(line + "\n")
    daemon.await_console(r"a\^b\|c~d" + "\r\n")
    given = "".join(f"echo: {line}\r\n" for line in lines)
    assert quiesce(daemon) == "ready\r\n" * consoles + given + "quiesce\r\n" * consoles


@pytest.mark.parametrize("kind", ["vt220", "line"])
def test_much_is_typed(bench, kind):
    """Faster than the guest reads, and before it listens; every line comes, once and in order."""
    daemon = bench.zgdbd("sclp", "--console-type", kind, "--append", kind, keyboard="pipe")
    lines = [f"line {n} " + "x" * (n % 150) for n in range(400)]
    daemon.type("".join(line + "\r" for line in lines))
    with daemon.rsp() as client:
        client.packet("D")
    daemon.await_console(lines[-1] + "\r\n")
    assert quiesce(daemon) == "ready\r\n" + "".join(f"echo: {line}\r\n" for line in lines) + "quiesce\r\n"


@pytest.mark.parametrize("offered, terminal", [("line", "ttyS0"), pytest.param("vt220", "ttyS1", marks=pytest.mark.long)])
def test_linux(linux, offered, terminal):
    """Linux's own driver of each console, and its answer to the request to shut down."""
    daemon = linux.bench.zgdbd(
        "linux", "--run", "--console-type", offered, "--initrd", linux.initrd(()), "--append",
        f'cryptomgr.notests console={terminal} run="while read line; do echo got $line; done"', keyboard="pipe", timeout=50)
    daemon.await_console("init: up\r\n")
    daemon.type("Hello, [Linux]!\n")
    daemon.await_console(r"^got Hello, \[Linux\]!" + "\r\n")
    with daemon.rsp() as client:
        client.monitor("powerdown")
    assert daemon.wait() == 0
