# SPDX-License-Identifier: GPL-2.0-or-later
"""A dump that zgdbd has not made: QEMU's, of a Linux that has panicked under TCG. What QEMU shows of its CPUs is the judge."""

import re

import pytest
from zharness import Tcg

from linux_guest import cached

CPU = re.compile(r"CPU#\d\s+PSW=mask (\w+) addr (\w+)")
REGISTER = re.compile(r"([RC])(\d\d)=(\w+)")


def as_qemu_shows(text):
    """[(PSW, {name: value})] of `info registers -a`."""
    shown = []
    for part in re.split(r"(?=CPU#\d)", text)[1:]:
        psw = CPU.match(part)
        names = {("cr" if kind == "C" else "r") + str(int(number)): int(value, 16)
                 for kind, number, value in REGISTER.findall(part)}
        shown.append(((int(psw[1], 16), int(psw[2], 16)), names))
    return shown


@pytest.mark.timeout(150)
def test_a_dump_of_qemu(bench, tmp_path):
    path = tmp_path / "vmcore"
    with Tcg(cached("images/linux.img"), "-smp", "2", "-action", "panic=pause", "-append", "cryptomgr.notests",
             memory="64M") as qemu:
        qemu.monitor("cont")
        assert qemu.output.wait("GUEST_PANICKED", 100)
        cpus = as_qemu_shows(qemu.monitor("human-monitor-command", **{"command-line": "info registers -a"}))
        qemu.monitor("dump-guest-memory", paging=False, protocol=f"file:{path}")
    gdb = bench.dump(path)
    waiting = [n for n, (psw, _) in enumerate(cpus) if psw[0] == 0x0002000180000000]
    assert gdb.psw() == cpus[waiting[0]][0]
    frames = re.findall(r"^#\d+ .* in (\w+) \(\)", gdb.execute("bt"), re.M)
    assert frames[0] == "stop_run" and "panic" in frames and frames[-1] == "ret_from_fork"
    assert "Kernel panic - not syncing" in gdb.execute("monitor dmesg")
    for thread, (psw, names) in enumerate(cpus, 1):
        gdb.execute(f"thread {thread}")
        assert gdb.psw() == psw
        assert len(names) == 32
        for name, value in names.items():
            assert gdb.value(f"${name}") == value, name
