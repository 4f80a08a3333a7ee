# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest "loops" under a real gdb, and where in its source a line is."""

import os

from zharness import ROOT

with open(os.path.join(ROOT, "tests/guests/loops.c"), encoding="utf-8") as source:
    SOURCE = source.read().splitlines()


def number(text):
    """Of the only line of the guest's source with this text."""
    found = [index + 1 for index, words in enumerate(SOURCE) if text in words]
    assert len(found) == 1, found
    return found[0]


def line(stop):
    return int(stop.field("line"))


def at(bench, function, *commands):
    gdb = bench.gdb(bench.zgdbd("loops"))
    for command in commands:
        gdb.execute(command)
    gdb.execute(f"tbreak {function}")
    gdb.go()
    return gdb
