# SPDX-License-Identifier: GPL-2.0-or-later
"""Catchpoints with Linux, which changes its new PSWs several times on its way: the first system call of its first process,
and what that process touches next."""

import re

import pytest
from test_catch import caught

PROBLEM_STATE = re.compile(r"old PSW \w+ \w+: problem state, primary space, DAT on")
TRANSLATION = ("program interruption 0x00(10|11|3b) \\(\\S+ translation\\), ILC [246], translation-exception address "
               "0x[0-9a-f]{13}000, primary space")


@pytest.mark.long
def test_first_process(linux):
    gdb = linux.bench.gdb(linux.start("poweroff -f"))
    gdb.execute("monitor catch once svc")
    number, text, address = caught(gdb, timeout=50)
    assert number == 1 and re.match(r"SVC \d+, ILC 2, ", text) and PROBLEM_STATE.search(text)
    assert address == int.from_bytes(gdb.memory(0x1c8, 8), "big")
    gdb.execute("monitor catch once program segment-translation page-translation region-third-translation if u8[0x151] & 1")
    number, text, address = caught(gdb)
    assert number == 2 and re.match(TRANSLATION, text) and PROBLEM_STATE.search(text)
    assert address == int.from_bytes(gdb.memory(0x1d8, 8), "big")
    assert gdb.go(timeout=50).signal == "SIGTERM"
