# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of dying guests share: a report taken apart, the call traces that Linux itself prints on its console, and the
module that kills (tests/guests/modules/deaths.c)."""

import os
import re
from typing import NamedTuple

from zbox import provide
from zharness.paths import BUILD

PLACE = r"([\w.$]+)\+0x([0-9a-f]+)/0x[0-9a-f]+(?: \[(\w+)\])?"
TRACED = re.compile(rf"(\(?)\[<([0-9a-f]{{16}})>\] {PLACE}")
FRAME = re.compile(rf"^ +#\d+ *(\??) *([0-9a-f]{{16}})(?: +{PLACE})?(.*)$", re.M)
INSTRUCTION = re.compile(r"^  (=>|->) ([0-9a-f]{16})  (?:[0-9a-f]{4} ?){1,3} *(.*)$", re.M)


class Frame(NamedTuple):
    address: int
    function: str  # or None
    module: str    # or None
    guessed: bool
    interrupted: bool


class Report:
    """The text of `monitor panic`, of the log, or of a file."""

    def __init__(self, text):
        self.text = text
        found = re.search(r"^(?:\S+: )*zgdbd report: (.+), CPU (\d+)$", text, re.M)
        assert found, f"no report: {text}"
        self.kind, self.cpu = found[1], int(found[2])

    def lines(self, word):
        """What stands behind WORD in the first part."""
        return re.findall(rf"^{word} +(\S.*)$", self.text, re.M)

    def line(self, word):
        lines = self.lines(word)
        assert lines, f"no line {word} in {self.text}"
        return lines[0]

    def of_cpu(self, cpu):
        """The part on a CPU."""
        found = re.search(rf"^CPU {cpu}: .*(?:\n .*)*", self.text, re.M)
        assert found, f"nothing on CPU {cpu} in {self.text}"
        return found[0]

    def chain(self, cpu=None):
        """Its frames, innermost first."""
        return [Frame(int(address, 16), function or None, module or None, mark == "?", "interrupted" in more)
                for mark, address, function, _, module, more in FRAME.findall(self.of_cpu(self.cpu if cpu is None else cpu))]

    def functions(self, cpu=None):
        return [frame.function for frame in self.chain(cpu)]

    def marked(self, mark):
        """[(address, instruction)] that the disassembly marks."""
        return [(int(address, 16), text) for found, address, text in INSTRUCTION.findall(self.text) if found == mark]

    def log(self):
        """The last words of the kernel's log."""
        found = re.search(r"^Kernel log, .*\n((?:  .*\n)*)", self.text, re.M)
        assert found, f"no kernel log in {self.text}"
        return found[1]


class Traced(NamedTuple):
    address: int
    function: str
    offset: int
    unreliable: bool  # in Linux's own eyes


def call_traces(console):
    """The guest's own Call Traces, in their order: lists of Traced."""
    traces = []
    for part in console.split("Call Trace:")[1:]:
        part = re.split(r"Last Breaking-Event-Address|---\[|Kernel panic", part)[0]
        traces.append([Traced(int(address, 16), function, int(offset, 16), bool(bracket))
                       for bracket, address, function, offset, _ in TRACED.findall(part)])
    return traces


def from_function(frames, name):
    """The chain from this function on."""
    names = [frame.function for frame in frames]
    assert name in names, f"no {name} in {names}"
    return frames[names.index(name):]


def same(mine, guests):
    """Where a call that does not return is the last of its function, Linux names the function behind it."""
    return mine.address == guests.address and (mine.function == guests.function or guests.offset == 0)


def assert_chain_is_the_guests(report, console, name):
    """From NAME on the chain is, function by function, that of the guest's last Call Trace with NAME in it. The innermost one may
    have gone on since. Behind what was interrupted Linux cannot tell the caller of a function that has no frame, and may tell
    one, as unreliable, that is none."""
    traces = [trace for trace in call_traces(console) if name in [frame.function for frame in trace]]
    assert traces, f"no call trace with {name}: {console}"
    theirs, ours = from_function(traces[-1], name), from_function(report.chain(), name)
    at = 1
    for guests in theirs[1:]:
        if ours[at - 1].interrupted and not same(ours[at], guests) and at + 1 < len(ours) and same(ours[at + 1], guests):
            at += 1
        if same(ours[at], guests):
            at += 1
        else:
            assert guests.unreliable, (guests, ours[at], ours, theirs)
    assert all(frame.function is None for frame in ours[at:]), (ours, theirs)


def module_file(kernel="6.1"):
    """Where deaths.ko for this kernel is."""
    provide.ensure("long")
    path = os.path.join(BUILD, "guests/modules", kernel, "deaths.ko")
    assert os.path.exists(path), f"no {path}: `make modules` builds it"
    return path


def module(kernel="6.1"):
    """What is in it."""
    with open(module_file(kernel), "rb") as source:
        return source.read()
