# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel from its first instruction to its panic, which comes for want of a root file system, with a debugger and
without one."""

import re

import pytest

COMMAND_LINE = "nokaslr cryptomgr.notests panic=0"
KERNEL_ENTRY = 0x100000
DISABLED_WAIT = 0x0002000000000000


@pytest.fixture(scope="module")
def psw_of_the_exit(box):
    """What a zgdbd without a debugger says when the kernel has panicked."""
    from zharness import Zgdbd
    with Zgdbd(box, "linux", "--run", "--append", COMMAND_LINE) as daemon:
        assert daemon.wait(50) == 3
        assert "Kernel panic - not syncing: VFS: Unable to mount root fs" in daemon.console
        mask, address = re.search(r"PSW ([0-9a-f]{16}) ([0-9a-f]{16})", daemon.log).groups()
        return int(mask, 16), int(address, 16)


def test_kernel_to_its_panic(bench, psw_of_the_exit):
    daemon = bench.zgdbd("linux", "--append", COMMAND_LINE)
    gdb = bench.gdb(daemon)
    assert gdb.psw() == (0x180000000, 0x10000)
    gdb.execute(f"break *{KERNEL_ENTRY:#x}")
    assert gdb.go().address == KERNEL_ENTRY
    code = gdb.memory(KERNEL_ENTRY, 64)
    assert code[:2] != b"\0\0"
    first = gdb.go("stepi").address
    gdb.execute("set $pc = $pc - 2")
    assert gdb.value("$pc") == first - 2
    gdb.execute("set $pc = $pc + 2")
    gdb.execute("delete")
    gdb.resume()
    daemon.await_console("VFS: Disk quotas")
    assert gdb.interrupt().signal == "SIGINT"
    kernel_memory(gdb, code)
    steps_stay_in_the_program(gdb)
    stop = gdb.go("continue", timeout=50)
    assert (stop.signal, stop.function) == ("SIGABRT", "panic")
    assert gdb.go("continue").signal == "SIGABRT"
    assert gdb.psw() == psw_of_the_exit
    assert gdb.psw()[0] & DISABLED_WAIT
    assert "disabled wait" in gdb.execute("monitor psw")
    daemon.await_console("Kernel panic - not syncing")


def steps_stay_in_the_program(gdb):
    """No external or I/O interruption comes while the kernel, which is mostly enabled for them, is stepped: the lowcore's
    old PSWs are as they were."""
    old = gdb.memory(0x130, 16) + gdb.memory(0x170, 16)
    gdb.go("stepi 200", timeout=50)
    assert gdb.memory(0x130, 16) + gdb.memory(0x170, 16) == old


def kernel_memory(gdb, code):
    """Memory of the running kernel through its own translation; then the same at its absolute addresses."""
    assert gdb.value("$pswm") >> 58 & 1, "DAT is on"
    banner = find_banner(gdb)
    text = gdb.memory(banner, 64)
    assert re.match(rb"Linux version 6\.[0-9.]+-\d+-s390x \(", text)
    assert len(gdb.memory(gdb.value("$r15"), 160)) == 160
    absolute = int(re.search(r"^absolute 0x([0-9a-f]+)", gdb.execute(f"monitor translate {banner:#x} home"), re.M)[1], 16)
    gdb.execute("set stack-cache off")
    gdb.execute("set code-cache off")
    gdb.execute("maintenance packet Qqemu.PhyMemMode:1")
    assert gdb.memory(absolute, 64) == text
    assert gdb.memory(KERNEL_ENTRY, 16) == code[:16]
    gdb.execute("maintenance packet Qqemu.PhyMemMode:0")


def find_banner(gdb):
    """linux_banner stands in the read-only data; gdb searches for it as a user would."""
    found = gdb.execute(f"find /1 {KERNEL_ENTRY:#x}, +0x1800000, 'L', 'i', 'n', 'u', 'x', ' ', 'v', 'e', 'r', 's', 'i', "
                        "'o', 'n', ' ', '6', '.'", timeout=50)
    return int(re.search(r"0x[0-9a-f]+", found)[0], 16)
