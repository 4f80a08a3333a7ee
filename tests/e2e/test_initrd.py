# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel with an initrd of ours: it unpacks it, runs its /init, which reads the kernel's command line, and powers
off."""

import os

from zbox.common import cache_dir
from zbox.cpio import Archive
from zharness import Zgdbd
from zharness.daemon import store

INIT = """#!/bin/busybox sh
/bin/busybox mkdir /proc
/bin/busybox mount -t proc proc /proc
/bin/busybox echo "init says: $(/bin/busybox cat /proc/cmdline)"
/bin/busybox poweroff -f
"""


def initrd(path):
    archive = Archive()
    with open(os.path.join(cache_dir(), "kernel/bin/busybox"), "rb") as busybox:
        archive.file("bin/busybox", busybox.read(), 0o755)
    archive.node("dev/console", 0o600, 5, 1)
    archive.file("init", INIT.encode(), 0o755)
    path.write_bytes(archive.bytes())
    return str(path)


def test_initrd_and_command_line(box, tmp_path):
    line = "nokaslr cryptomgr.notests word=0x5a390"
    with Zgdbd(box, "linux", "--run", "--append", line, "--initrd", store(box, initrd(tmp_path / "initrd"))) as daemon:
        assert daemon.wait(50) == 0
        assert f"init says: {line}" in daemon.console
