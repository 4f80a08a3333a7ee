# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel with an initrd of ours: it unpacks it, runs its /init, which reads the kernel's command line, and powers
off."""


def test_initrd_and_command_line(linux):
    daemon = linux.start("cat /proc/cmdline; poweroff -f", "--run", words="nokaslr word=0x5a390")
    assert daemon.wait() == 0
    assert 'nokaslr word=0x5a390 run="cat /proc/cmdline; poweroff -f"' in daemon.console
