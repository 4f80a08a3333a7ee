# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which a Linux guest ends, from its own user space: each is the shutdown, the panic or the reset that zgdbd's
--on options speak of, with a debugger and without one."""

from typing import NamedTuple

import pytest
from conftest import stopped_by
from linux_guest import ACTIONS, CRASH, UP

STATUS = {"shutdown": 0, "panic": 3, "reset": 0}
SIGNAL = {"shutdown": "0f", "panic": "06", "reset": "01"}
SAID = {"shutdown": "SIGP stop", "panic": "disabled wait", "reset": "asked for a reset"}
OOPS = "Kernel panic - not syncing: sysrq triggered crash"
BANNER = "Linux version 6[.]"


class End(NamedTuple):
    kind: str
    run: str
    words: str = ""  # the kernel's last ones; what it says of a shutdown it has no time to write


ENDS = {
    "power-off": End("shutdown", "poweroff -f"),
    "halt": End("shutdown", "halt -f"),
    "reboot": End("reset", "reboot -f"),
    "panic": End("panic", CRASH, OOPS),
    # Linux on s390x never comes to count these seconds: its own panic notifier ends it before.
    "panic-timeout": End("panic", f"echo 1 >/proc/sys/kernel/panic; {CRASH}", OOPS),
    "on_panic-stop": End("panic", f"echo stop >{ACTIONS}/on_panic; {CRASH}", OOPS),
    "on_panic-reipl": End("reset", f"echo reipl >{ACTIONS}/on_panic; {CRASH}", OOPS),
    "init-ends": End("panic", "exit 7", "Attempted to kill init! exitcode=0x00000700"),
    "on_poff-reipl": End("reset", f"echo reipl >{ACTIONS}/on_poff; poweroff -f"),
    "on_halt-reipl": End("reset", f"echo reipl >{ACTIONS}/on_halt; halt -f"),
    "on_reboot-stop": End("shutdown", f"echo stop >{ACTIONS}/on_reboot; reboot -f"),
}
# One for each kind; the others are long.
FEW = ["halt", "panic-timeout", "on_panic-reipl"]


def exits(daemon, end):
    """The daemon ends with its guest, with the status that the manual says."""
    assert daemon.wait() == STATUS[end.kind]
    assert UP in daemon.console and end.words in daemon.console


@pytest.mark.parametrize("name", FEW)
def test_exit(linux, name):
    exits(linux.start(ENDS[name].run, "--run", "--on-reset", "exit"), ENDS[name])


def test_reboot_reboots(linux):
    """By the defaults: alone, and then with a debugger, who is stopped by the next reboot and performs it."""
    daemon = linux.start("reboot -f", "--run")
    daemon.await_console(f"{UP}(?s:.*){BANNER}")
    with daemon.rsp() as client:
        assert stopped_by(client.go(timeout=50)) == "01"
        assert daemon.console.count(UP) == 2
        client.resume()
        daemon.await_console(f"({BANNER}(?s:.*)){{3}}")
        client.interrupt()
        assert stopped_by(client.wait_stop()) == "02"


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(ENDS) - set(FEW)))
def test_exit_of_the_others(linux, name):
    exits(linux.start(ENDS[name].run, "--run", "--on-reset", "exit"), ENDS[name])


# ---- every end with every action ----


def option(end, action):
    return (f"--on-{end.kind}", action)


def go(client, end):
    """To the end; one that is no panic, but comes of one, is behind a stop at panic()."""
    stop = client.go(timeout=50)
    if end.words == OOPS and end.kind != "panic":
        assert stopped_by(stop) == "06"
        return client.go(timeout=50)
    return stop


@pytest.mark.long
@pytest.mark.parametrize("name", ENDS)
class TestMatrix:
    def test_alone_exit(self, linux, name):
        exits(linux.start(ENDS[name].run, "--run", *option(ENDS[name], "exit")), ENDS[name])

    def test_alone_stop(self, linux, name):
        daemon = linux.start(ENDS[name].run, "--run", "--log", "info", *option(ENDS[name], "stop"))
        daemon.await_log(SAID[ENDS[name].kind])
        assert daemon.process.poll() is None
        assert stopped_by(linux.bench.client(daemon).packet("?")) == SIGNAL[ENDS[name].kind]
        assert daemon.console.count(UP) == 1

    def test_alone_restart(self, linux, name):
        daemon = linux.start(ENDS[name].run, "--run", *option(ENDS[name], "restart"))
        daemon.await_console(f"{UP}(?s:.*){ENDS[name].words}(?s:.*){UP}")

    def test_debugger_exit(self, linux, name):
        daemon = linux.start(ENDS[name].run, *option(ENDS[name], "exit"))
        assert go(linux.bench.client(daemon), ENDS[name]) == f"W{STATUS[ENDS[name].kind]:02x}"
        exits(daemon, ENDS[name])

    def test_debugger_stop(self, linux, name):
        daemon = linux.start(ENDS[name].run, *option(ENDS[name], "stop"))
        assert stopped_by(go(linux.bench.client(daemon), ENDS[name])) == SIGNAL[ENDS[name].kind]
        assert daemon.process.poll() is None

    def test_debugger_restart(self, linux, name):
        daemon = linux.start(ENDS[name].run, *option(ENDS[name], "restart"))
        client = linux.bench.client(daemon)
        client.packet("qRcmd," + b"panic-stop off".hex())
        client.resume()
        daemon.await_console(f"{UP}(?s:.*){ENDS[name].words}(?s:.*){UP}")
        client.interrupt()
        assert stopped_by(client.wait_stop()) == "02"
