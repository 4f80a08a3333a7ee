# SPDX-License-Identifier: GPL-2.0-or-later
"""A dump of a Linux that has panicked, looked at by crash and by drgn with the kernel's debugging information: they must say what
zgdbd has said of the guest without any."""

import re
import subprocess

import drgn
import pytest
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.printk import get_dmesg
from zharness.vmcore import Vmcore, fetch

from zbox import provide

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

PANIC = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block"


class Panicked:
    """What zgdbd said of the guest, and its dump."""

    def __init__(self, box, bench, directory, path):
        daemon = bench.zgdbd("linux", "--memory", "64M", "--cpus", "2", "--append", "cryptomgr.notests", "--run", "--on-panic",
                             "stop", "--dump-dir", directory)
        daemon.await_log("it waits for a debugger", 100)
        gdb = bench.gdb(daemon)
        gdb.execute("monitor dump vmcore", 60)
        self.log = gdb.execute("monitor dmesg")
        self.chains = [frames(gdb.execute(f"monitor bt {cpu}")) for cpu in (0, 1)]
        self.dump = Vmcore(fetch(box, f"{directory}/vmcore", path))
        # Which of them panicked is up to the guest's scheduler.
        self.cpu = next(cpu for cpu in (0, 1) if any(name == "panic" for name, _ in self.chains[cpu]))


def frames(text):
    """(function, address) of each line of monitor bt."""
    return [(name, int(address, 16)) for address, name in re.findall(r"^ *#\d+ +([0-9a-f]{16}) (\w+)\+", text, re.M)]


@pytest.fixture
def panicked(box, bench, directory, tmp_path):
    provide.ensure("long")
    return Panicked(box, bench, directory, tmp_path / "vmcore")


# ---- crash ----


def crash(directory, dump, **commands):
    """What each command shows, by its name here."""
    script = directory / "commands"
    lines = [f"{command} > {directory / name}" for name, command in commands.items()]
    script.write_text("\n".join([*lines, "quit", ""]))
    done = subprocess.run([provide.cached(provide.CRASH), "-s", "-i", script, provide.cached(provide.DEBUG_KERNEL), dump.path],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    return {name: (directory / name).read_text() for name in commands}


def crash_frames(text):
    """(function, address) of each line of bt; where the CPU stands first."""
    stands = re.search(r"-psw +: 0x\w+ 0x(\w+)\n +-function : (\w+) at", text)
    called = re.findall(r"^ *#\d+ \[\w+\] (\w+) at (\w+)", text, re.M)
    return [(stands[2], int(stands[1], 16)), *((name, int(address, 16)) for name, address in called)]


def is_within(part, whole):
    """All of part is in whole, in this order."""
    rest = iter(whole)
    return all(frame in rest for frame in part)


def indented(text):
    """A log whose lines have no time where it is that of the line before: crash shows it once for a record of several lines."""
    lines, last = [], None
    for line in text.splitlines():
        stamp = re.match(r"\[ *\d+\.\d+\] ", line)
        if stamp and stamp[0] == last:
            line = " " * len(last) + line[len(last):]
        lines.append(line)
        last = stamp[0] if stamp else last
    return lines


def test_crash(panicked, tmp_path, progress):
    progress("crash reads the kernel's debugging information, which takes up to some minutes")
    other = 1 - panicked.cpu
    said = crash(tmp_path, panicked.dump, system="sys", here=f"bt -c {panicked.cpu}", other=f"bt -c {other}", log="log", tasks="ps")
    release = panicked.dump.vmcoreinfo()["OSRELEASE"]
    for words in ("CPUS: 2", f"RELEASE: {release}", "MACHINE: s390x", "MEMORY: 64 MB", f'PANIC: "{PANIC}'):
        assert words in said["system"]
    assert indented(said["log"]) == indented(panicked.log)
    assert crash_frames(said["here"]) == panicked.chains[panicked.cpu]
    # Of an interruption crash leaves out two functions.
    chain = crash_frames(said["other"])
    assert len(chain) > 10 and is_within(chain, panicked.chains[other])
    for cpu, name in ((panicked.cpu, "here"), (other, "other")):
        registers = panicked.dump.registers(cpu)
        assert f"-prefix   : {registers['prefix']:#010x}" in said[name]
        assert f"{registers['cr13']:#018x}" in said[name]
    assert "swapper/0" in said["tasks"]


# ---- drgn ----


def test_drgn(panicked):
    program = drgn.Program()
    program.set_core_dump(panicked.dump.path)
    program.load_debug_info([provide.cached(provide.DEBUG_KERNEL)])
    assert program["init_uts_ns"].name.release.string_().decode() == panicked.dump.vmcoreinfo()["OSRELEASE"]
    assert get_dmesg(program).decode() == panicked.log
    assert list(for_each_online_cpu(program)) == [0, 1]
    task = per_cpu(program["runqueues"], panicked.cpu).curr
    assert (task.comm.string_(), task.pid.value_()) == (b"swapper/0", 1)
    # (Its registers this drgn takes only from a note with the task's number, where Linux on s390x, too, has that of the CPU.)
