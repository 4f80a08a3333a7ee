# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the "newc" archive that Linux unpacks as its first root directory. Done here
rather than with cpio(1) because device nodes then need no privilege."""

import os
import stat

DIRECTORY = stat.S_IFDIR | 0o755


class Archive:
    """Collects entries; bytes() is the whole archive. Parents must be added first."""

    def __init__(self):
        self.parts = []
        self.count = 0
        self.known = set()

    def entry(self, name, mode, data=b"", device=(0, 0)):
        self.count += 1
        fields = (self.count, mode, 0, 0, 1, 0, len(data), 0, 0,
                  device[0], device[1], len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self.parts.append(padded(header + name.encode() + b"\0"))
        self.parts.append(padded(data))

    def directory(self, name):
        """Add a directory and those above it, once."""
        parent = os.path.dirname(name)
        if parent:
            self.directory(parent)
        if name not in self.known:
            self.known.add(name)
            self.entry(name, DIRECTORY)

    def file(self, name, data, mode=0o644):
        self.directory(os.path.dirname(name))
        self.entry(name, stat.S_IFREG | mode, data)

    def node(self, name, mode, major, minor):
        self.directory(os.path.dirname(name))
        self.entry(name, stat.S_IFCHR | mode, device=(major, minor))

    def bytes(self):
        self.entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def padded(data):
    return data + bytes(-len(data) % 4)
