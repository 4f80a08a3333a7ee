# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Linux guest makes of a stop that lasts: nothing, for its clock stood; or that it hung, if its clock ran on."""

import time

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
COMPLAINTS = "dmesg | grep -ciE 'soft lockup|stall|hung|clocksource|time jump'"


def uptime(shell):
    return float(shell.answer("cut -d' ' -f1 /proc/uptime"))


def stop_for(bench, shell, seconds):
    """A debugger comes, looks at the guest for so long, and goes."""
    client = bench.client(shell.daemon)
    time.sleep(seconds)
    client.ok("D")
    client.close()


def test_a_stop_of_a_minute_is_no_time(bench, linux):
    shell = linux.shell()
    complaints, before, here = shell.answer(COMPLAINTS), uptime(shell), time.monotonic()
    stop_for(bench, shell, 60)
    after = uptime(shell)
    assert 0 < after - before < time.monotonic() - here - 60
    assert shell.answer("sleep 2; echo woken") == "woken\r\n"
    assert shell.answer(COMPLAINTS) == complaints
    shell.daemon.type("poweroff -f\r")
    assert shell.daemon.wait() == 0


def test_the_clock_runs_on_if_wanted(bench, linux):
    shell = linux.shell("--tod", "run")
    before = uptime(shell)
    stop_for(bench, shell, 30)
    assert uptime(shell) - before > 30
    shell.daemon.type("poweroff -f\r")
    assert shell.daemon.wait() == 0
