# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux starts another Linux in its place (kexec): a reset that keeps memory (DIAG 308 subcode 0), and the PSW that it loads.
The kernel 6.1 does it, of itself and of 6.12. What Debian's kernels cannot do is in KNOWN-LIMITS."""

import os

import pytest
from conftest import stopped_by
from linux_guest import KERNELS, UP, cached, initramfs
from zbox import provide
from zharness.paths import BUILD

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
AGAIN = b"""#!/bin/sh
exec kexec /kernel /initrd "$(cat /command-line)"
"""
LINE = 'nokaslr {} second=yes run="cat /proc/cmdline; uname -r; poweroff -f"'


def contents(path):
    with open(path, "rb") as source:
        return source.read()


def files(directory, kernel):
    """What the first Linux needs: the program, the second kernel, its initramfs and command line."""
    image = cached("images/linux.img") if kernel == "6.1" else KERNELS[kernel].image
    return {"bin/kexec": contents(os.path.join(BUILD, "guests/kexec")), "bin/again": AGAIN, "kernel": contents(image),
            "initrd": contents(initramfs(directory / "second")), "command-line": LINE.format(KERNELS[kernel].words).encode()}


def check(daemon, kernel):
    """Both were there, and the second one has its own command line."""
    first, second = daemon.console.split("kexec: loaded\r\n")
    assert UP in first and "Linux version 6.1." in first
    assert f"Linux version {kernel}." in second
    assert UP + LINE.format(KERNELS[kernel].words) in second


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_kexec(linux, tmp_path, progress, kernel):
    provide.ensure("long")
    daemon = linux.start("again", "--run", "--on-reset", "exit", files=files(tmp_path, kernel))
    progress(f"6.1 boots, then {kernel} in its place")
    assert daemon.wait(KERNELS[kernel].limit + 50) == 0
    check(daemon, kernel)


def test_kexec_with_a_debugger(linux, tmp_path, progress):
    """It sees both resets, of the old kernel and of its relocate_kernel(), and the new kernel from its start."""
    daemon = linux.start("again", files=files(tmp_path, "6.1"))
    client = linux.bench.client(daemon)
    progress("6.1 boots, then 6.1 in its place")
    assert stopped_by(client.go(timeout=50)) == "01"
    assert stopped_by(client.go(timeout=50)) == "01"
    assert stopped_by(client.step()) == "05"
    assert client.reg("pswa") == 0x10020, "past the jump at 0x10000"
    assert client.read(0x10008, 6) == b"S390EP"
    assert stopped_by(client.go(timeout=50)) == "0f"
    check(daemon, "6.1")
