# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux as a guest: Debian's kernels, the command lines with which they start fast, and an initramfs of busybox whose init
does what the kernel's command line says in run="...". Used by the tests test_linux*.py."""

import os
from typing import NamedTuple

from zbox import provide
from zbox.common import cache_dir
from zbox.cpio import Archive
from zharness.daemon import store

# The kernel hands words that it does not know on to init, in its environment.
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
export PATH=/bin
# A shell whose controlling terminal is /dev/$1.
shell() { PS1='shell> ' exec setsid sh -c "exec sh -i <>/dev/$1 >&0 2>&1"; }
echo "init: up"
eval "$run"
"""
PROMPT = "shell> "
UP = "init: up\r\n"
CRASH = "echo c >/proc/sysrq-trigger"
ACTIONS = "/sys/firmware/shutdown_actions"


class Kernel(NamedTuple):
    image: str  # "linux": the box's own
    words: str  # of the command line
    limit: int  # seconds within which it comes to its init, on a busy machine


def cached(name):
    return os.path.join(cache_dir(), name)


# In the box the self-tests of the crypto drivers take longer than all else. For topology_init see KNOWN-LIMITS.
KERNELS = {
    "6.1": Kernel("linux", "cryptomgr.notests", 50),
    "6.1-xz": Kernel(cached("images/vmlinuz"), "cryptomgr.notests", 250),
    "6.12": Kernel(cached(provide.LATER_KERNEL), "cryptomgr.notests initcall_blacklist=topology_init", 100),
}


def initramfs(path, files=()):
    """Writes busybox, init and FILES ({name: bytes}) to PATH; its name."""
    archive = Archive()
    with open(cached("kernel/bin/busybox"), "rb") as busybox:
        archive.file("bin/busybox", busybox.read(), 0o755)
    archive.node("dev/console", 0o600, 5, 1)
    archive.file("init", INIT.encode(), 0o755)
    for name, data in dict(files).items():
        archive.file(name, data, 0o755)
    with open(path, "wb") as out:
        out.write(archive.bytes())
    return str(path)


class Linux:
    """The guests of one test: start() is a zgdbd whose Linux comes to our init and does RUN there."""

    def __init__(self, bench, directory):
        self.bench = bench
        self.directory = directory

    def initrd(self, files):
        return store(self.bench.box_of(), initramfs(self.directory / "initrd", files))

    def start(self, run, *options, kernel="6.1", words="nokaslr", files=(), **keywords):
        if kernel == "6.12":
            provide.ensure("long")
        chosen = KERNELS[kernel]
        return self.bench.zgdbd(chosen.image, "--append", f'{chosen.words} {words} run="{run}"', "--initrd",
                                self.initrd(files), *options, timeout=chosen.limit, **keywords)

    def shell(self, *options, terminal="ttysclp0", **keywords):
        """One whose console is a shell that reads what is typed."""
        return Shell(self.start(f"shell {terminal}", "--run", *options, keyboard="pipe", **keywords))


class Shell:
    """A user at the shell of a guest."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.prompts = 0
        self.await_prompt()

    def await_prompt(self):
        self.prompts += 1
        self.daemon.await_console(f"(?s)({PROMPT}.*?){{{self.prompts}}}")

    def answer(self, command):
        """What the shell shows for a command, without the echo of what was typed."""
        self.daemon.type(command + "\r")
        self.await_prompt()
        return self.daemon.console.split(PROMPT)[self.prompts - 1].partition("\n")[2]
