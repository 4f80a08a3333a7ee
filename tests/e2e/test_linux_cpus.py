# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux on several CPUs: all of them come up, one is taken out and put back, and the guest ends in order or in a panic."""

import pytest

CPU1 = "/sys/devices/system/cpu/cpu1/online"


def started(linux, cpus, **keywords):
    """A shell into whose answers the kernel says nothing: on a busy machine it tells of late timers."""
    shell = linux.shell("--cpus", str(cpus), **keywords)
    shell.answer("dmesg -n 1")
    return shell


def online(shell):
    return shell.answer("cat /sys/devices/system/cpu/online").strip()


def end_in_order(shell):
    shell.daemon.type("poweroff -f\r")
    assert shell.daemon.wait() == 0


def states(shell):
    """What the debugger is told of each CPU; the guest goes on."""
    client = shell.daemon.rsp()
    with client:
        found = [line.split(": ")[1].split(",")[0] for line in client.monitor("cpus").splitlines()]
        client.ok("D")
    return found


def test_two_cpus(linux):
    shell = started(linux, 2)
    assert shell.answer("grep -c ^processor /proc/cpuinfo").strip() == "2"
    assert online(shell) == "0-1"
    shell.answer(f"echo 0 >{CPU1}")
    assert online(shell) == "0"
    assert states(shell)[1] == "stopped"
    shell.answer(f"echo 1 >{CPU1}")
    assert online(shell) == "0-1"
    assert "stopped" not in states(shell)
    assert shell.answer("taskset 2 sh -c 'echo on $((6 * 111))'") == "on 666\r\n"
    end_in_order(shell)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kernel, cpus", [("6.1", 3), ("6.1", 8), ("6.12", 2)])
def test_more_cpus(linux, progress, kernel, cpus):
    progress(f"Linux {kernel} boots with {cpus} CPUs")
    shell = started(linux, cpus, kernel=kernel)
    assert online(shell) == f"0-{cpus - 1}"
    for _ in range(3):
        shell.answer(f"echo 0 >{CPU1}")
        assert "1" not in online(shell).replace("-", " ").split() and states(shell)[1] == "stopped"
        shell.answer(f"echo 1 >{CPU1}")
        assert online(shell) == f"0-{cpus - 1}"
    end_in_order(shell)


@pytest.mark.long
@pytest.mark.parametrize("command, status", [("halt -f", 0), ("echo c >/proc/sysrq-trigger", 3)], ids=["halt", "panic"])
def test_ends(linux, command, status):
    shell = linux.shell("--cpus", "2")
    shell.daemon.type(command + "\r")
    assert shell.daemon.wait() == status
