# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels as Debian ships them, which decompress themselves: the xz one of Debian 12, and the zstd one of its backports. From
their start to their panic, and with an init of ours."""

import re

import pytest
from conftest import stopped_by
from linux_guest import ACTIONS, CRASH, KERNELS, UP
from zbox import provide

NO_ROOT = "Kernel panic - not syncing: VFS: Unable to mount root fs"
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def test_to_its_panic(bench, progress):
    """Without an initrd, and at random addresses."""
    chosen = KERNELS["6.12"]
    provide.ensure("long")
    daemon = bench.zgdbd(chosen.image, "--run", "--append", chosen.words, timeout=chosen.limit)
    progress("the kernel 6.12 decompresses itself")
    assert daemon.wait() == 3
    assert NO_ROOT in daemon.console
    assert "disabled wait" in daemon.log


@pytest.mark.parametrize("kernel", ["6.1-xz", "6.12"])
def test_to_our_init(linux, progress, kernel):
    daemon = linux.start("uname -r; poweroff -f", "--run", kernel=kernel)
    progress(f"the kernel {kernel} decompresses itself")
    assert daemon.wait() == 0
    assert UP + kernel.partition("-")[0] in daemon.console


@pytest.mark.parametrize("run, status, words", [
    ("halt -f", 0, UP), (f"echo reipl >{ACTIONS}/on_panic; {CRASH}", 0, "sysrq triggered crash"),
    (CRASH, 3, "sysrq triggered crash")], ids=["halt", "reipl", "panic"])
def test_ends(linux, progress, run, status, words):
    daemon = linux.start(run, "--run", "--on-reset", "exit", kernel="6.12")
    progress("the kernel 6.12 boots")
    assert daemon.wait() == status
    assert words in daemon.console


def test_reboot_with_a_debugger(linux, progress):
    """The reset loads the image again, and the kernel decompresses itself again."""
    daemon = linux.start("reboot -f", kernel="6.12")
    client = linux.bench.client(daemon)
    for turn in (1, 2):
        progress(f"the kernel 6.12 boots, turn {turn}")
        assert stopped_by(client.go(timeout=100)) == "01"
        assert daemon.console.count(UP) == turn


def test_random_addresses(linux):
    """Without nokaslr the kernel runs elsewhere; its panic is still one."""
    daemon = linux.start(f"grep -wm1 _stext /proc/kallsyms; {CRASH}", "--run", words="")
    assert daemon.wait() == 3
    assert int(re.search(r"^([0-9a-f]{16}) T _stext", daemon.console, re.M)[1], 16) > 0x100000
