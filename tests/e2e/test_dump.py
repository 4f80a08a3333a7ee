# SPDX-License-Identifier: GPL-2.0-or-later
"""monitor dump: a Linux that has panicked, written by zgdbd in the box, brought out of it and read by others: readelf,
libkdumpfile, gdb. And what becomes of dumps that cannot be, or are given up. (crash and drgn: test_dump_crash.py.)"""

import filecmp
import os
import re
import signal
import subprocess
import time

import pytest
from zharness import Zgdbd
from zharness.rsp import checksum
from zharness.vmcore import PT_LOAD, Kdump, Vmcore, fetch

pytestmark = pytest.mark.timeout(180)  # a kernel may take a minute on a busy machine

MEMORY = 64 << 20
REQUEST = b"qRcmd," + b"dump vmcore".hex().encode()
WAITS = "it waits for a debugger"
NOTES = """\
CORE NT_PRSTATUS|CORE NT_FPREGSET|LINUX NT_S390_TIMER|LINUX NT_S390_TODCMP|LINUX NT_S390_TODPREG|LINUX NT_S390_CTRS
LINUX NT_S390_PREFIX|LINUX NT_S390_LAST_BREAK""".replace("\n", "|").split("|")


def files(box, directory):
    return box.run(["ls", directory], stdout=subprocess.PIPE, text=True, check=True).stdout.split()


@pytest.fixture
def panicked(bench, directory):
    """A Linux of two CPUs that found no root file system, KASLR and all, and gdb."""
    daemon = bench.zgdbd("linux", "--memory", f"{MEMORY >> 20}M", "--cpus", "2", "--append", "cryptomgr.notests", "--run",
                         "--on-panic", "stop", "--dump-dir", directory)
    daemon.await_log(WAITS, 60)
    return daemon, bench.gdb(daemon)


# ---- a whole one ----


def shown(gdb, cpu, names):
    gdb.execute(f"thread {cpu + 1}")
    text = gdb.execute(f"info registers {' '.join(names)}")
    return {name: int(value, 16) for name, value in re.findall(r"^(\w+) +(0x[0-9a-f]+)", text, re.M)}


def read_by_readelf(path):
    notes = subprocess.run(["readelf", "-nW", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout
    assert re.findall(r"^  (CORE|LINUX) .*?(NT_\w+)", notes, re.M) == [tuple(note.split()) for note in NOTES] * 2
    assert re.search(r"^  VMCOREINFO +0x", notes, re.M) and "warning" not in notes.lower()
    header = subprocess.run(["readelf", "-hlW", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout
    for words in ("ELF64", "big endian", "CORE (Core file)", "IBM S/390", "Number of program headers:         2"):
        assert words in header
    assert re.search(rf"LOAD +0x\w+ 0x0+ 0x0+ {MEMORY:#08x} {MEMORY:#08x} RWE 0x1000", header)


def read_by_libkdumpfile(dump, console):
    with Kdump(dump.path) as kdump:
        assert (kdump.string("file.format"), kdump.string("arch.name"), kdump.number("cpu.number")) == ("elf", "s390x", 2)
        for cpu in (0, 1):
            found = dump.registers(cpu)
            for name in ("pswm", "pswa", "r0", "r15"):
                assert kdump.number(f"cpu.{cpu}.reg.{name}") == found[name]
        # struct utsname, in which each name has 65 bytes, and release is the third. KASLR has moved it.
        release = kdump.memory(int(kdump.string("linux.vmcoreinfo.lines.SYMBOL(init_uts_ns)"), 16) + 130, 65)
        assert release.split(b"\0")[0].decode() == re.search(r"Linux version (\S+)", console)[1]


def test_a_linux_that_has_panicked(box, bench, panicked, directory, tmp_path):
    daemon, gdb = panicked
    answer = gdb.execute("monitor dump vmcore")
    there = f"{directory}/vmcore"
    release = re.search(r"Linux version (\S+)", daemon.console)[1]
    assert re.match(rf"{there} has {MEMORY >> 20} MiB of memory and 2 CPUs of Linux {re.escape(release)}; \d+ MiB on disk, "
                    rf"written in \d+\.\d\d s \(\d+ MiB/s\)\. Open it with: zgdbd --core {there}; or crash vmlinux {there}\n", answer)
    size, blocks, mode = box.run(["stat", "-c", "%s %b %a", there], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert mode == "600"
    assert int(blocks) * 512 < int(size) * 3 // 4, "pages of zeros take room"

    dump = Vmcore(fetch(box, there, tmp_path / "vmcore"))
    assert os.path.getsize(dump.path) == int(size)
    load = dump.segments[-1]
    assert (load.kind, load.absolute, load.virtual, load.size) == (PT_LOAD, 0, 0, MEMORY)
    assert load.offset + load.size == int(size), "the file is as long as its headers say"
    read_by_readelf(dump.path)
    read_by_libkdumpfile(dump, daemon.console)
    assert dump.vmcoreinfo()["OSRELEASE"] == release
    for cpu in (0, 1):
        found = dump.registers(cpu)
        assert shown(gdb, cpu, found) == found
    # Lowcores, the kernel's text and data, all as gdb sees them there.
    gdb.execute("monitor space absolute")
    places = [0, dump.registers(1)["prefix"], dump.registers(0)["pswa"] & ~0xfff, int(dump.vmcoreinfo()["SYMBOL(prb)"], 16)]
    for place in places:
        assert dump.memory(place, 0x2000) == gdb.memory(place, 0x2000), f"{place:#x}"

    offline = bench.gdb()
    offline.execute("set architecture s390:64-bit")
    offline.execute(f"core-file {dump.path}")
    for cpu in (0, 1):
        found = {name: value for name, value in dump.registers(cpu).items() if re.match(r"psw|r|acr|fpc", name)}
        assert shown(offline, cpu, found) == found
    text = dump.registers(0)["pswa"]
    assert offline.memory(text, 64) == dump.memory(text, 64)

    # A machine that is this dump has the same registers and memory.
    again = bench.dump(dump.path, "--dump-dir", str(tmp_path))
    assert "Open it with" in again.execute("monitor dump again")
    assert filecmp.cmp(dump.path, tmp_path / "again", shallow=False)


def resident(box, daemon):
    """KiB of memory that the daemon has."""
    pid = box.run(["pidof", os.path.basename(daemon.argv[0])], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    status = box.run(["cat", f"/proc/{pid}/status"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


def test_memory_that_nobody_has_touched(box, bench, directory):
    """It is in the dump, and costs the host nothing."""
    daemon = bench.zgdbd("calls", "--memory", "256M", "--dump-dir", directory)
    gdb = bench.gdb(daemon)
    before = resident(box, daemon)
    assert "has 256 MiB of memory" in gdb.execute("monitor dump vmcore")
    assert resident(box, daemon) < before + 4096
    size, blocks = box.run(["stat", "-c", "%s %b", f"{directory}/vmcore"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert int(size) > 256 << 20 and int(blocks) * 512 < 2 << 20


# ---- what a debugger may not ----


def test_names(box, bench, directory):
    """A client makes new files in that directory, and does nothing else."""
    gdb = bench.gdb(bench.zgdbd("calls", "--memory", "16M", "--dump-dir", directory))
    box.run(["sh", "-c", f"echo precious >{directory}/there; ln -s /tmp/elsewhere {directory}/link"], check=True)
    for name in ("/tmp/vmcore", "../vmcore", ".", "..", "a b", "-x", "\033[2J"):
        assert "There is no dump: give the dump a plain name" in gdb.execute(f"monitor dump {name}")
    for name in ("there", "link"):
        assert f"There is no dump: the file {directory}/{name} exists already" in gdb.execute(f"monitor dump {name}")
    assert sorted(files(box, directory)) == ["link", "there"]
    assert box.run(["cat", f"{directory}/there"], stdout=subprocess.PIPE, text=True, check=True).stdout == "precious\n"
    assert box.run(["test", "-e", "/tmp/elsewhere"]).returncode == 1
    assert "2 CPUs" not in gdb.execute("monitor dump ok")
    assert sorted(files(box, directory)) == ["link", "ok", "there"]
    # The guest has not noticed.
    gdb.execute("break twice")
    assert gdb.go().function == "twice"


def test_a_directory_that_is_none(bench):
    daemon = bench.zgdbd("calls", "--dump-dir", "/nonexistent", listen=None)
    assert daemon.wait() == 64
    assert "--dump-dir /nonexistent: No such file or directory; name a directory in which files can be made" in daemon.log


# ---- what goes wrong ----


class Limited(Zgdbd):
    """One that can write no more than 8 MiB into a file."""

    @staticmethod
    def command(box, image, *options):
        return ["sh", "-c", 'ulimit -f 8192; exec "$@"', "sh", *Zgdbd.command(box, image, *options)]


def test_a_limit(box, bench, directory):
    with Limited(box, "linux", "--memory", "64M", "--dump-dir", directory) as daemon:
        gdb = bench.gdb(daemon)
        assert f"There is no dump: cannot write the dump to {directory}/vmcore: File too large; allow longer files (ulimit -f)" \
            in gdb.execute("monitor dump vmcore")
        assert files(box, directory) == []
        assert gdb.execute("stepi")


def begin(bench, directory, behind=b""):
    """A client, whose dump has begun, and is not complete before what is behind it comes."""
    memory = f"{directory}/memory"
    daemon = bench.zgdbd("calls", "--memory", "64M", "--memory-file", memory, "--dump-dir", directory, "--log", "info")
    client = bench.client(daemon)
    client.raw(b"$" + REQUEST + b"#" + checksum(REQUEST) + behind)
    return daemon, client


def test_an_interrupt_character(box, bench, directory):
    _, client = begin(bench, directory, b"\x03")
    assert client.reply(alive=True) == b"E04"
    assert files(box, directory) == ["memory"]
    client.send(REQUEST)
    assert client.reply(alive=True).startswith(f"{directory}/vmcore has 64 MiB".encode().hex().encode())
    assert files(box, directory) == ["memory", "vmcore"]


def test_the_connection_is_lost(box, bench, directory):
    daemon, client = begin(bench, directory)
    client.close()
    # On a busy host it may be complete before the end of the connection is seen.
    lost = daemon.await_log("ended before it was complete; its file is removed|Open it with")[0].startswith("ended")
    assert files(box, directory) == (["memory"] if lost else ["memory", "vmcore"])


def test_ctrl_c_in_gdb(box, panicked, directory):
    """gdb keeps it for the end of the answer; no packet is left that gdb would take for the next answer."""
    _, gdb = panicked
    before = gdb.execute("info registers")
    gdb.process.stdin.write('-interpreter-exec console "monitor dump vmcore"\n')
    gdb.process.stdin.flush()
    end = time.monotonic() + 60
    while "vmcore" not in files(box, directory):
        assert time.monotonic() < end, "no dump is begun"
    os.kill(gdb.process.pid, signal.SIGINT)
    gdb.collect(r"\^(done|error)", end)
    assert gdb.execute("info registers") == before
    assert "usage: monitor dump FILE" in gdb.execute("monitor dump")
