# SPDX-License-Identifier: GPL-2.0-or-later
"""How much memory a guest can have, and files that keep it: the smallest and the largest guest, what is refused, what is in
the file while the guest runs, after a reset and after the daemon's end."""

import re

import pytest
from conftest import known_limit
from zharness import Zgdbd, guest, symbols

EXITS = symbols(guest("exits"))
MIB = 1 << 20
MARKER = 0x300000
SIZE = "--memory", "4M"


def output(box, *argv):
    return box.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout


def available(box):
    """MiB that the box's kernel says are available."""
    info = dict(re.findall(r"(MemAvailable|SwapFree): +(\d+) kB", output(box, "cat", "/proc/meminfo")))
    return sum(map(int, info.values())) >> 10


def refused(box, *options):
    result = box.run(Zgdbd.command(box, guest("exits"), *options), capture_output=True, text=True, timeout=20)
    assert result.returncode == 1
    return result.stderr


# ---- sizes ----


def test_one_mebibyte(bench):
    daemon = bench.zgdbd("hello", "--run", "--memory", "1M")
    assert daemon.wait() == 0
    assert daemon.console == "Hello from s390x\r\n"


def test_memory_ends_where_it_should(bench):
    client = bench.rsp("exits", "--memory", "2M")
    client.write(2 * MIB - 8, b"the last")
    assert client.read(2 * MIB - 8, 8) == b"the last"
    assert client.packet(f"m{2 * MIB:x},1").startswith("E")


def test_all_that_the_host_has_is_touched_lazily(bench, box):
    size = available(box) - 32
    daemon = bench.zgdbd("exits", "--memory", f"{size}M")
    client = bench.client(daemon)
    client.write((size - 1) * MIB, b"there")
    client.insert(0, EXITS["exits_idle"])
    client.go()
    pid = output(box, "pidof", daemon.argv[0].rsplit("/", 1)[-1]).strip()
    resident = int(re.search(r"VmRSS:\s+(\d+) kB", output(box, "cat", f"/proc/{pid}/status"))[1])
    assert resident < 16 << 10


def test_more_than_the_host_has(box):
    said = refused(box, "--memory", "1024G")
    assert "1048576 MiB" in said and "--memory" in said
    told = int(re.search(r"has (\d+) MiB available", said)[1])
    assert 0 < told < 1048576


# ---- files ----


@pytest.fixture(params=["tmpfs", "ramfs"])
def folder(box, request):
    """A new directory on a file system that can reserve space, or cannot."""
    path = box.file(f"memory-{request.param}")
    mount = box.run(["sh", "-c", f"mkdir -p {path} && mount -t {request.param} none {path}"], capture_output=True)
    if mount.returncode:
        known_limit("mount")
    yield path
    output(box, "umount", path)


def in_file(box, path, *places):
    """Size and mode of the file, and 8 bytes at each of these offsets."""
    script = f"stat -c '%s %a' {path}; for at in {' '.join(map(str, places))}; do od -A n -t x1 -v -j $at -N 8 {path}; done"
    first, *rest = output(box, "sh", "-c", script).splitlines()
    return first, [bytes.fromhex(line) for line in rest]


def end(daemon):
    daemon.process.terminate()
    assert daemon.wait() == 0


def test_file_holds_the_memory(bench, box, folder):
    path = f"{folder}/guest"
    options = *SIZE, "--memory-file", path
    daemon = bench.zgdbd("exits", *options)
    client = bench.client(daemon)
    client.write(MARKER, b"a marker")
    client.write_u64(EXITS["exits_argument"], 0x1122334455667788)
    client.write_u64(EXITS["exits_selector"], 14)
    client.insert(0, EXITS["exits_returned"])
    client.go()
    assert "another guest" in refused(box, *options)
    end(daemon)
    kept = f"{4 * MIB} 600", [b"a marker", bytes.fromhex("1122334455667788")]
    assert in_file(box, path, MARKER, EXITS["exits_target"]) == kept
    assert "is left as it is" in refused(box, "--memory", "5M", "--memory-file", path)
    assert in_file(box, path, MARKER, EXITS["exits_target"]) == kept


def test_file_is_cleared(bench, box, folder):
    path = f"{folder}/guest"
    output(box, "sh", "-c", f"dd if=/dev/zero of={path} bs={MIB} count=4; echo something | dd of={path} bs=4096 "
           f"seek={MARKER // 4096} conv=notrunc")
    daemon = bench.zgdbd("exits", *SIZE, "--memory-file", path)
    client = bench.client(daemon)
    assert client.read(MARKER, 4096) == bytes(4096)
    client.insert(0, EXITS["exits_idle"])
    client.go()
    client.write(MARKER, b"a marker")
    client.monitor("reset")
    assert client.read(MARKER, 4096) == bytes(4096)
    client.go()
    end(daemon)
    assert in_file(box, path, MARKER)[1] == [bytes(8)]


def test_file_without_room(box, folder):
    said = refused(box, "--memory", "1024G", "--memory-file", f"{folder}/guest")
    assert "no room for 1048576 MiB" in said


def test_file_that_is_cut_off(bench, box, folder):
    """The daemon goes on with zeros and tells, and a reset makes the file whole."""
    path = f"{folder}/guest"
    daemon = bench.zgdbd("exits", *SIZE, "--memory-file", path)
    client = bench.client(daemon)
    client.insert(0, EXITS["exits_idle"])
    client.go()
    client.write(MARKER, b"a marker")
    output(box, "truncate", "-s", str(2 * MIB), path)
    assert client.read(MARKER, 8) == bytes(8)
    client.go()
    daemon.await_log("cut off while the guest ran")
    client.monitor("reset")
    client.go()
    client.write(MARKER, b"a marker")
    end(daemon)
    assert in_file(box, path, MARKER) == (f"{4 * MIB} 600", [b"a marker"])


@pytest.mark.long
def test_linux_in_a_file(bench, folder):
    daemon = bench.zgdbd("linux", "--run", "--memory", "128M", "--memory-file", f"{folder}/guest")
    assert daemon.wait(120) == 3
    assert "Kernel panic" in daemon.console
