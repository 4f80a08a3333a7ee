# SPDX-License-Identifier: GPL-2.0-or-later
"""A shell on the console of a Linux guest: it prints, reads what is typed, and ends the guest; and what is asked of a guest from
outside, the request to shut down and the PSW restart."""

import hashlib
import re

import pytest
from conftest import stopped_by
from linux_guest import UP

LINES = "".join(f"{n:03} {'x' * 60}\n" for n in range(200))  # several times what one answer holds
HANDLED = "echo 0 >/proc/sys/kernel/ctrl-alt-del; trap 'echo init: in order; poweroff -f' INT; echo waits; sleep 1000 & wait"


def end_reader(shell, key):
    """A program that reads, and the key that ends it."""
    shell.daemon.type("echo reads; cat\r")
    shell.daemon.await_console("^reads\r$")
    shell.daemon.type("word\r")
    shell.daemon.await_console("^word\r\nword\r$")
    shell.daemon.type(key)
    shell.await_prompt()


def user_program(client):
    """A CPU that is in problem state sooner or later; the address of its instruction."""
    for _ in range(50):
        if client.reg("pswm") >> 48 & 1:
            return client.reg("pswa")
        client.resume()
        client.interrupt()
        client.wait_stop()
    raise AssertionError("never in problem state")


def translate_user_address(shell):
    """The program's instruction is where its own tables say, and nowhere in the kernel's space."""
    shell.daemon.type("echo loops; while :; do :; done\r")
    shell.daemon.await_console("^loops\r$")
    client = shell.daemon.rsp()
    client.start()
    address = user_program(client)
    code = client.read(address, 16)
    text = client.monitor(f"translate {address:#x} primary")
    absolute = int(re.search(r"^absolute 0x([0-9a-f]+)", text, re.M)[1], 16)
    assert text.count("-table entry") >= 3 and absolute != address
    client.monitor("space absolute")
    assert client.read(absolute, 16) == code
    assert client.monitor(f"translate {address:#x} home") != text
    client.ok("D")
    client.close()
    shell.daemon.type("\x03")
    shell.await_prompt()


def test_shell(linux):
    """Answers, a large paste, Ctrl-C for the program in the foreground, a program's addresses, and the end."""
    shell = linux.shell()
    assert shell.answer("echo $((6 * 111))") == "666\r\n"
    shell.daemon.type("stty -echo; echo ready; md5sum; stty echo\r")
    shell.daemon.await_console("^ready\r$")
    shell.daemon.type(LINES + "\x04")
    shell.await_prompt()
    assert hashlib.md5(LINES.encode()).hexdigest() in shell.daemon.console
    end_reader(shell, "\x03")
    assert shell.answer("echo status $?") == "status 130\r\n"
    translate_user_address(shell)
    shell.daemon.type("poweroff -f\r")
    assert shell.daemon.wait() == 0


@pytest.mark.long
def test_line_mode(linux):
    """Whole lines, in EBCDIC; ^c is the key."""
    shell = linux.shell("--console-type", "line", words="nokaslr console=ttyS0", terminal="sclp_line0")
    assert shell.answer("echo $((6 * 111))").endswith("666\r\n")
    end_reader(shell, "^c\r")
    shell.daemon.type("poweroff -f\r")
    assert shell.daemon.wait() == 0


@pytest.mark.parametrize("command, options, status", [
    ("halt -f", (), 0), ("reboot -f", ("--on-reset", "exit"), 0), ("echo c >/proc/sysrq-trigger", (), 3)],
    ids=["halt", "reboot", "panic"])
@pytest.mark.long
def test_ends_of_the_shell(linux, command, options, status):
    shell = linux.shell(*options)
    shell.daemon.type(command + "\r")
    assert shell.daemon.wait() == status


@pytest.mark.long
@pytest.mark.timeout(150)
def test_shell_of_6_12(linux, progress):
    progress("the kernel 6.12 boots")
    shell = linux.shell("--on-reset", "exit", kernel="6.12")
    assert shell.answer("echo $((6 * 111))") == "666\r\n"
    assert shell.answer("uname -r").startswith("6.12.")
    shell.daemon.type("reboot -f\r")
    assert shell.daemon.wait() == 0


# ---- from outside ----


def asked(linux, run, command, *options):
    """A guest that does RUN, and after COMMAND of a debugger's monitor."""
    daemon = linux.start(run, "--run", *options)
    daemon.await_console("^waits\r$")
    client = linux.bench.client(daemon)
    client.monitor(command)
    return daemon, client


@pytest.mark.parametrize("run, words", [("echo waits; sleep 1000", UP), (HANDLED, "init: in order")], ids=["kernel", "init"])
def test_powerdown(linux, run, words):
    """Linux shuts down by itself, or by its init where that has asked for it; then it stands in a disabled wait at 0xfff."""
    daemon, client = asked(linux, run, "powerdown")
    client.ok("D")
    assert daemon.wait() == 0
    assert words in daemon.console


def test_powerdown_with_a_debugger(linux):
    daemon, client = asked(linux, "echo waits; sleep 1000", "powerdown")
    assert stopped_by(client.go(timeout=50)) == "0f"
    assert client.reg("pswa") == 0xfff


def test_restart(linux):
    """Linux's action on a PSW restart is to stop, which on s390x looks like a panic."""
    daemon, client = asked(linux, "echo waits; sleep 1000", "restart")
    client.ok("D")
    assert daemon.wait() == 3


@pytest.mark.long
def test_restart_as_it_is_told(linux):
    daemon, client = asked(linux, "echo reipl >/sys/firmware/shutdown_actions/on_restart; echo waits; sleep 1000", "restart")
    assert stopped_by(client.go(timeout=50)) == "01"
    client.resume()
    daemon.await_console(f"{UP}(?s:.*){UP}")


@pytest.mark.long
@pytest.mark.parametrize("action, status", [("restart", None), ("exit", 0), ("stop", None)])
def test_powerdown_and_what_then(linux, action, status):
    daemon, client = asked(linux, "echo waits; sleep 1000", "powerdown", "--on-shutdown", action, "--log", "info")
    client.ok("D")
    if action == "restart":
        daemon.await_console(f"{UP}(?s:.*){UP}")
    elif action == "exit":
        assert daemon.wait() == status
    else:
        daemon.await_log("shut down")
        assert stopped_by(linux.bench.client(daemon).packet("?")) == "0f"
