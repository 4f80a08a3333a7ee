# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are: the repository, what make built (BUILD, as in the Makefile) and the guests."""

import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.path.join(ROOT, os.environ.get("BUILD") or "build"))


def guest(name):
    """The ELF of a guest of tests/guests; `make guests` builds it."""
    return os.path.join(BUILD, "guests", f"{name}.elf")


def zgdbd_binary():
    return os.path.join(BUILD, "zgdbd")


def host_zgdbd():
    """The one for this machine's own architecture, which reads dumps."""
    return os.path.join(BUILD, "host", "zgdbd")
