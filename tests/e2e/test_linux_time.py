# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Linux guest makes of a stop that lasts: nothing, for its clock stood; or that it hung, if its clock ran on."""

import re
import time

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
COMPLAINTS = "dmesg | grep -ciE 'soft lockup|stall|hung|clocksource|time jump'"


def uptime(shell):
    """What the kernel says meanwhile may stand around it."""
    return float(re.findall(r"^(\d+\.\d\d)\r?$", shell.answer("cut -d' ' -f1 /proc/uptime"), re.M)[-1])


def stop_for(bench, shell, seconds):
    """A debugger comes, looks at the guest for so long, and goes."""
    client = bench.client(shell.daemon)
    time.sleep(seconds)
    client.ok("D")
    client.close()


def test_a_stop_of_a_minute_is_no_time(bench, linux):
    shell = linux.shell()
    complaints, before = shell.answer(COMPLAINTS), uptime(shell)
    stop_for(bench, shell, 60)
    assert 0 < uptime(shell) - before < 60
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
