# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's console at every place where it can be: what it shows there and what is typed there, with several at once, and
how it ends."""

import re

import pytest
from conftest import content
from zharness import Zgdbd, guest

LINE = "Hello from s390x\r\n"
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "


def test_file_and_log(bench, box, place):
    daemon = bench.zgdbd("hello", "--run", "--console", f"file:{place}", "--console", f"log:{place}.log")
    assert daemon.wait() == 0
    assert daemon.console == ""
    assert content(box, place) == LINE
    assert re.fullmatch(STAMP + "Hello from s390x\n", content(box, place + ".log"))


def test_unix_socket(bench, box, place):
    """Text from before the first client is kept for it; the end of the daemon ends it and removes the socket."""
    daemon = bench.zgdbd("reboot", "--console", f"unix:{place}")
    client = bench.client(daemon)
    client.go()
    with daemon.console_at() as one:
        one.await_text(LINE)
        assert box.run(["stat", "-c", "%a %F", place], capture_output=True).stdout == b"600 socket\n"
        with daemon.console_at(place) as two:
            client.go()
            one.await_text(f"({LINE}){{2}}")
            client.go()
            two.await_text(LINE)
        client.go()
        one.await_text(f"({LINE}){{4}}")
        daemon.close()
        one.wait()
    assert box.run(["test", "-e", place]).returncode == 1


def test_pty(bench):
    """Its slave may be closed and opened again."""
    daemon = bench.zgdbd("reboot", "--console", "pty")
    client = bench.client(daemon)
    for _ in range(3):
        client.go()
        with daemon.console_at() as terminal:
            terminal.await_text(LINE)
    assert daemon.process.poll() is None


def test_several_at_once(bench, box, place):
    daemon = bench.zgdbd("reboot", "--console", "stdio", "--console", f"unix:{place}", "--console", f"file:{place}.file",
                         "--console", "pty")
    bench.client(daemon).go()
    daemon.await_console(LINE)
    slave = re.search(r"pty:(\S+)", daemon.log)[1]
    for path in (place, slave):
        with daemon.console_at(path) as client:
            client.await_text(LINE)
    assert content(box, place + ".file") == LINE


def test_terminal(bench):
    """The escape key ends zgdbd in order and leaves the terminal as it was (else ptyrun exits with 99)."""
    daemon = bench.zgdbd("exits", "--run", "--console", "stdio", keyboard="terminal")
    daemon.await_log(r"press \^\] to end zgdbd")
    daemon.type("\x03\x1d")
    assert daemon.wait() == 0
    assert "lost" not in daemon.log


def test_terminal_escape_of_choice(bench):
    daemon = bench.zgdbd("reboot", "--run", "--on-reset", "stop", "--escape", "^A", keyboard="terminal")
    daemon.await_log(r"press \^A to end zgdbd")
    daemon.await_console("Hello from s390x\r")
    daemon.type("\x1d\x01")
    assert daemon.wait() == 0


def test_terminal_sigterm(bench):
    daemon = bench.zgdbd("exits", "--run", "--escape", "none", keyboard="terminal")
    daemon.await_log("the guest gets every key; to end zgdbd: kill [0-9]+")
    daemon.process.terminate()
    assert daemon.wait() == 0


def test_shell_at_several_places(linux, place):
    """Linux's shell on the VT220 console takes what is typed at each, and all show what it says."""
    daemon = linux.start("sh -i; poweroff -f", "--run", "--console", "stdio", "--console", f"unix:{place}", "--console", "pty",
                         keyboard="terminal")
    daemon.await_console("/ # ")
    slave = re.search(r"pty:(\S+)", daemon.log)[1]
    with daemon.console_at(place) as socket, daemon.console_at(slave) as terminal:
        for factor, client in enumerate((daemon, socket, terminal), 1):
            client.type(f"echo $(({factor} * 1111))\r")
            for other in (socket, terminal):
                other.await_text(f"^{factor * 1111}\\r(?s:.*)/ # ")
            daemon.await_console(f"^{factor * 1111}\\r(?s:.*)/ # ")
        socket.type("exit\r")
        assert daemon.wait() == 0


@pytest.mark.parametrize("redirection, status, said", [
    ("<&-", 0, LINE), ("</dev/null", 0, LINE), (">&-", 1, "standard output is closed; use --console none")])
def test_closed_descriptors(box, redirection, status, said):
    """No standard input is neither an end nor somebody else's file."""
    command = " ".join(Zgdbd.command(box, guest("hello"), "--run")) + f" 2>&1 {redirection}"
    done = box.run(["sh", "-c", command], capture_output=True)
    assert done.returncode == status and said in done.stdout.decode()


def test_end_of_input_is_told(bench):
    bench.zgdbd("hello", "--log", "info").await_log("input from standard input has ended")


@pytest.mark.parametrize("option, word", [
    ("unix:/nowhere/c", "choose a path in a directory that you can write to"), ("file:/nowhere/c", "choose another file"),
    ("log:/tmp", "Is a directory"), ("unix:/tmp", "choose another path")])
def test_impossible(bench, option, word):
    daemon = bench.zgdbd("hello", "--console", option, listen=None)
    assert daemon.wait() == 1
    assert word in daemon.log and option.split(":")[1] in daemon.log
