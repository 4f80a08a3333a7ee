# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb and a stock kernel that has placed itself anywhere (KASLR): its symbols come from its own memory, and no file of debug
information is at hand. The kernel panics for want of a root file system, or a module of the tests kills it."""

import re
import subprocess
from typing import NamedTuple

import pytest
from death import call_traces, from_function, module, same
from linux_guest import KERNELS
from zbox import provide
from zharness.daemon import store

BOTH_GDBS = True
pytestmark = pytest.mark.timeout(150)  # as long as a kernel may take on a busy machine, and more
COMMAND_LINE = "cryptomgr.notests panic=0"
FRAME = re.compile(r"^#\d+ +(?:0x0*([0-9a-f]+) in )?(\w+) \(", re.M)
PLACED = "the loader has placed the kernel; KASLR offset 0x"
READABLE = r"the symbols of Linux 6\.[-0-9a-z.+]+ can be read; KASLR offset 0x"


class Called(NamedTuple):
    address: int
    function: str


def pending(gdb):
    gdb.execute("set breakpoint pending on")
    return gdb


def backtrace(gdb):
    """gdb's, but for the innermost function's address: [Called]."""
    found = FRAME.findall(gdb.execute("backtrace"))
    return [Called(int(address or "0", 16), function) for address, function in found]


def assert_chain_is_the_guests(frames, console, name="panic", begin=1):
    """From the caller of NAME on it is, function by function, the guest's own last Call Trace, but for what Linux itself calls
    unreliable. With begin=0: from NAME on, which stands where it did then."""
    theirs = [frame for frame in from_function(call_traces(console)[-1], name)[begin:] if not frame.unreliable]
    ours = from_function(frames, name)[begin:]
    assert len(ours) == len(theirs) >= 4, (ours, theirs)
    assert all(same(mine, guests) for mine, guests in zip(ours, theirs)), (ours, theirs)


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
    daemon.await_console("Call Trace:(?s:.*)ret_from_fork")
    assert_chain_is_the_guests(frames, daemon.console)
    assert backtrace(gdb)[-len(frames) + 1:] == frames[1:]
    daemon.close()
    return offset


def test_call_chain_of_a_panic(bench):
    panic_under_gdb(bench)


@pytest.mark.long
@pytest.mark.timeout(300)
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


def test_stop_where_symbols_can_be_read(bench):
    """Placed, by the very store that says so, and readable; then panic() is a stop by itself, and can be none."""
    daemon = bench.zgdbd("linux", "--append", COMMAND_LINE, "--stop-at", "symbols", "--log", "info")
    gdb = bench.gdb(daemon)
    assert "No Linux kernel is known here" in gdb.execute("monitor symbols")
    stop = gdb.go("continue", 50)
    assert (stop.signal, stop.function is None) == ("SIGTRAP", False)
    assert re.search(f"{PLACED}(?s:.*){READABLE}", daemon.log)
    assert offset_of(gdb) == int(re.search(f"{READABLE}([0-9a-f]+)", daemon.log)[1], 16)
    assert gdb.value("(long)&panic") == int(re.search("0x([0-9a-f]+) panic", gdb.execute("monitor symbols panic"))[1], 16)
    stop = gdb.go("continue", 50)
    assert (stop.signal, stop.function, stop.address) == ("SIGABRT", "panic", gdb.value("(long)&panic"))
    assert 'panic() is called: "VFS: Unable to mount root fs on %s"' in "\n".join(gdb.transcript).replace('\\"', '"')
    gdb.execute("monitor panic-stop off")
    gdb.execute("monitor reset")
    assert (gdb.go("continue", 50).function is None, gdb.go("continue", 50).signal) == (False, "SIGABRT")
    assert gdb.psw()[0] >> 49 & 1, "a disabled wait"


def test_stop_where_the_kernel_is_placed(bench):
    """With nobody there: it waits. The store to absolute 0xe0c is the last instruction that was executed."""
    daemon = bench.zgdbd("linux", "--append", COMMAND_LINE, "--run", "--stop-at", "placed")
    daemon.await_log(f"{PLACED}(?s:.*)waits for a debugger", 50)
    gdb = bench.gdb(daemon)
    word = int.from_bytes(gdb.memory(0xe0c, 8), "big")
    assert word == int(re.search(f"{PLACED}([0-9a-f]+)", daemon.log)[1], 16) + 1
    assert not gdb.value("$pswm") >> 58 & 1, "DAT is off"
    code = gdb.memory(gdb.value("$pc") - 6, 6)
    assert (code[0], code[2] & 0xf, code[3], code[5]) == (0xe3, 0xe, 0x0c, 0x24), f"STG: {code.hex()}"


@pytest.mark.long
def test_debugger_that_comes_later(bench):
    """By its first library list it has all; by qOffsets, what it has itself is put where the kernel is."""
    daemon = bench.zgdbd("linux", "--append", COMMAND_LINE, "--run", "--on-panic", "stop")
    daemon.await_log("waits for a debugger", 50)
    gdb = bench.gdb(daemon)
    daemon.await_console("Call Trace:(?s:.*)ret_from_fork")
    assert_chain_is_the_guests(backtrace(gdb), daemon.console)
    text, = re.findall(r"0x([0-9a-f]+) .* Yes +target:/zgdbd/linux-", gdb.execute("info sharedlibrary").replace("  ", " ")) or [None]
    assert f"TextSeg={int(text, 16):x}" in gdb.execute("maintenance packet qOffsets")


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_module_is_a_library(linux, kernel):
    """A breakpoint in a module that is not loaded yet; then its NULL dereference, a panic across a program interruption."""
    daemon = linux.start("insmod deaths.ko how=null; sleep 1000", kernel=kernel, words="oops=panic", files={"deaths.ko": module(kernel)})
    gdb = pending(linux.bench.gdb(daemon))
    gdb.execute("break die_by_null")
    stop = gdb.go("continue", KERNELS[kernel].limit)
    assert (stop.reason, stop.function) == ("breakpoint-hit", "die_by_null")
    assert re.search(r"target:/zgdbd/deaths\.ko@[0-9a-f]+$", gdb.execute("info sharedlibrary"), re.M)
    assert [frame.function for frame in backtrace(gdb)][-1] == "system_call"
    stop = gdb.go("continue", 50)
    assert (stop.signal, stop.function) == ("SIGABRT", "panic")
    frames = backtrace(gdb)
    assert {"pgm_check_handler", "die_by_null"} < {frame.function for frame in frames}
    assert gdb.go("continue", 50).signal == "SIGABRT"
    daemon.await_console("Call Trace:(?s:.*) system_call[+]")
    interrupted = from_function(frames, "die_by_null")
    assert interrupted.pop(1).function == "die", "which Linux itself does not tell: die_by_null has no frame"
    assert_chain_is_the_guests(interrupted, daemon.console, "die_by_null", 0)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_own_vmlinux_is_put_where_the_kernel_is(bench, box, tmp_path):
    """Its symbols as soon as the kernel is placed; gdb finds types and lines by the build id in it, as it does for any library."""
    provide.ensure("long")
    vmlinux, small = provide.cached(provide.DEBUG_KERNEL), tmp_path / "vmlinux"
    subprocess.run(["s390x-linux-gnu-objcopy", "--strip-debug", vmlinux, small], check=True)
    notes = subprocess.run(["s390x-linux-gnu-readelf", "-n", vmlinux], stdout=subprocess.PIPE, text=True, check=True).stdout
    build_id = re.search("Build ID: ([0-9a-f]+)", notes)[1]
    by_id = tmp_path / ".build-id" / build_id[:2]
    by_id.mkdir(parents=True)
    (by_id / f"{build_id[2:]}.debug").symlink_to(vmlinux)
    daemon = bench.zgdbd("linux", "--append", COMMAND_LINE, "--symbols", store(box, small))
    gdb = pending(bench.gdb())
    gdb.execute(f"set debug-file-directory {tmp_path}")
    gdb.connect(daemon)
    gdb.execute("break start_kernel")
    gdb.execute("break panic")
    stop = gdb.go("continue", 150)
    assert (stop.reason, stop.function, stop.field("line") is None) == ("breakpoint-hit", "start_kernel", False)
    assert "can be read" not in daemon.log and offset_of(gdb)
    assert gdb.go("continue", 100).function == "panic"
    assert re.search(r"^#1 .* mount_block_root \(.*\) at .*init/do_mounts\.c:\d+$", gdb.execute("backtrace"), re.M)
    assert '"VFS: Unable to mount root fs on %s"' in gdb.execute("print fmt").replace('\\"', '"')
