# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb and a stock kernel that has placed itself anywhere (KASLR): its symbols come from its own memory, and no file of debug
information is at hand. The kernel panics for want of a root file system, or init makes it."""

import re

import pytest
from linux_guest import CRASH, KERNELS

BOTH_GDBS = True
COMMAND_LINE = "cryptomgr.notests panic=0"
FRAME = re.compile(r"^#\d+ +(?:0x0*([0-9a-f]+) in )?(\w+) \(", re.M)
TRACED = re.compile(r"\[<0*([0-9a-f]+)>\] (\w+)\+0x([0-9a-f]+)/")


def pending(gdb):
    gdb.execute("set breakpoint pending on")
    return gdb


def call_trace(console):
    """[(address, name, offset)] of the kernel's last Call Trace, from the function on that called panic()."""
    traced = [(int(address, 16), name, int(offset, 16))
              for address, name, offset in TRACED.findall(console[console.rindex("Call Trace:"):])]
    names = [name for _, name, _ in traced]
    return traced[names.index("panic") + 1:]


def backtrace(gdb):
    """[(address, name)] of gdb's, from the caller of the innermost function on."""
    return [(int(address, 16), name) for address, name in FRAME.findall(gdb.execute("backtrace"))[1:]]


def assert_same(frames, traced):
    """Function by function. An address is one to which a call returns. Behind a call from which nothing returns that may be
    the next function's first: the kernel then names that one, and gdb the one that has called."""
    assert [address for address, _ in frames] == [address for address, _, _ in traced]
    assert all(ours == theirs or offset == 0 for (_, ours), (_, theirs, offset) in zip(frames, traced))
    assert len(frames) >= 4


def offset_of(gdb):
    return int(re.search(r"KASLR offset: 0x([0-9a-f]+)", gdb.execute("monitor symbols"))[1], 16)


def panic_under_gdb(bench, kernel="linux", words=COMMAND_LINE, timeout=50):
    """From the first instruction to panic(), and its end; the offset of this boot."""
    daemon = bench.zgdbd(kernel, "--append", words)
    gdb = pending(bench.gdb(daemon))
    assert "pending" in gdb.execute("break panic")
    stop = gdb.go("continue", timeout)
    assert (stop.reason, stop.function) == ("breakpoint-hit", "panic")
    frames = backtrace(gdb)
    offset = offset_of(gdb)
    assert offset
    assert gdb.go("continue").signal == "SIGABRT"
    assert_same(frames, call_trace(daemon.console))
    daemon.close()
    return offset


def test_call_chain_of_a_panic(bench):
    panic_under_gdb(bench)


@pytest.mark.long
def test_five_boots(bench, progress):
    offsets = []
    for boot in range(5):
        progress(f"boot {boot + 1} of 5")
        offsets.append(panic_under_gdb(bench))
    assert len(set(offsets)) >= 2


@pytest.mark.long
@pytest.mark.timeout(300)
def test_call_chain_of_a_later_kernel(bench):
    """6.12: text and identity mapping are each anywhere in the kernel's space."""
    panic_under_gdb(bench, KERNELS["6.12"].image, KERNELS["6.12"].words + " panic=0", KERNELS["6.12"].limit)
