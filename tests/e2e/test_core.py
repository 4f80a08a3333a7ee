# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps (zgdbd --core), natively: made by hand in each format (tests/zharness/dumps.py) and looked at with the real gdb; what
is refused; files that are damaged. A dump of a real guest is in test_core_live.py."""

import contextlib
import os
import platform
import random
import re
import subprocess

import pytest
from zharness import GdbError, Rsp, guest
from zharness.daemon import LISTENING
from zharness.dumps import DISABLED_WAIT, HOLE, PAGE, TEXT, VIRTUAL, WAIT_ADDRESS, sample
from zharness.paths import host_zgdbd, zgdbd_binary
from zharness.process import Follower, end
from zharness.rsp import PipeStream

DUMP = "this is a dump: it can be looked at, but not run or changed"
USAGE, BAD_FILE = 64, 65


def images():
    """The sample in each format; only there where a stand-alone dump has its registers are save areas stored."""
    dump = sample()
    made = {"elf": dump.elf(), "kdump": dump.kdump(), "kdump-plain": dump.kdump(compress=False)}
    dump.store_status()
    return {**made, "standalone": dump.standalone()}


FORMATS = images()


def command(path, *options):
    return [host_zgdbd(), "--core", str(path), *options]


def stored(directory, data):
    path = directory / "vmcore"
    path.write_bytes(data)
    return path


def look(bench, directory, data, *options):
    """A gdb at a dump, on its own pipe."""
    return bench.dump(stored(directory, data), *options)


def run(path, *options, text=b"", timeout=20):
    """What zgdbd says, and its exit status; TEXT is what a debugger sends."""
    return subprocess.run([*command(path, *options, "--stdio")], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, check=False)


# ---- what is in a dump ----


@pytest.mark.parametrize("form", FORMATS)
def test_registers(bench, tmp_path, form):
    gdb = look(bench, tmp_path, FORMATS[form])
    assert gdb.psw() == (DISABLED_WAIT, WAIT_ADDRESS)  # the CPU that waits for ever is the first to be seen
    expected = sample().cpus
    for thread, cpu in enumerate(expected, 1):
        gdb.execute(f"thread {thread}")
        assert gdb.psw() == (cpu.mask, cpu.address)
        for n in range(16):
            assert gdb.value(f"$r{n}") == cpu.gprs[n]
            assert gdb.value(f"$acr{n}") == cpu.acrs[n]
            assert gdb.value(f"$cr{n}") == cpu.crs[n]
            assert f"raw {cpu.fprs[n]:#x}" in gdb.execute(f"info registers f{n}")
        assert gdb.value("$fpc") == cpu.fpc
        assert gdb.value("$ckc") == cpu.ckc
        assert gdb.value("$cputm") == cpu.cputm
        assert gdb.value("$todpr") == cpu.todpreg
        assert gdb.value("$prefix") == cpu.prefix
    assert "unavailable" in gdb.execute("info registers last_break")


@pytest.mark.parametrize("form", FORMATS)
def test_memory(bench, tmp_path, form):
    gdb = look(bench, tmp_path, FORMATS[form])
    assert gdb.memory(0x40ff0, len(TEXT)) == TEXT  # CPU 1 has DAT off, and its home space besides
    gdb.execute("thread 1")
    assert gdb.memory(VIRTUAL + 0xff0, len(TEXT)) == TEXT
    assert gdb.execute("x/2i $pc").split() == ["=>", "0x7f000000:", "nopr", "0x7f000002:", "br", "%r14"]
    with pytest.raises(GdbError, match="Cannot access memory"):
        gdb.execute(f"x/b {VIRTUAL + 3 * PAGE:#x}")
    gdb.execute("monitor space absolute")
    assert gdb.memory(0x5ffff0, 16) == b"the last 16 byte"
    with pytest.raises(GdbError, match="Cannot access memory"):
        gdb.execute("x/b 0x600000")


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "standalone"])  # whose memory has no holes
def test_a_hole_cannot_be_read(bench, tmp_path, form):
    gdb = look(bench, tmp_path, FORMATS[form])
    gdb.execute("thread 1")
    with pytest.raises(GdbError, match="Cannot access memory"):
        gdb.execute(f"x/b {VIRTUAL + 2 * PAGE:#x}")
    assert "absolute 0x400000, where no memory is: a hole" in gdb.execute(f"monitor translate {VIRTUAL + 2 * PAGE:#x}")
    gdb.execute("monitor space absolute")
    assert gdb.memory(HOLE[0] - 8, 8) == bytes(8)
    assert gdb.memory(HOLE[1], 8) == bytes(8)
    with pytest.raises(GdbError, match="Cannot access memory"):
        gdb.execute(f"x/b {HOLE[0]:#x}")


def test_a_compressed_dump_of_qemu(bench, tmp_path):
    """It names the machine in capitals, and nothing else of the system."""
    gdb = look(bench, tmp_path, sample().kdump(uts=("", "", "", "", "S390X", "")))
    assert gdb.psw() == (DISABLED_WAIT, WAIT_ADDRESS)
    assert gdb.memory(0x40ff0, len(TEXT)) == TEXT


def test_pages_that_were_left_out(bench, tmp_path):
    dump = sample()
    dump.excluded = {0x40}
    gdb = look(bench, tmp_path, dump.kdump())
    with pytest.raises(GdbError, match="Cannot access memory"):
        gdb.execute("x/b 0x40ff0")
    assert gdb.memory(0x41000, 16) == TEXT[16:]


def test_memory_of_an_elf_that_is_not_in_the_file_is_zero(bench, tmp_path):
    dump = sample()
    data = bytearray(dump.elf())
    at = 64 + 2 * 56 + 32  # of the second PT_LOAD: p_filesz
    data[at:at + 8] = (0x1000).to_bytes(8, "big")
    gdb = look(bench, tmp_path, bytes(data))
    gdb.execute("monitor space absolute")
    assert gdb.memory(0x5ffff0, 16) == bytes(16)


def test_section_headers_do_not_matter(bench, tmp_path):
    """Those that QEMU 7.2 writes on a little-endian host are garbage, and so is the size of the ELF header."""
    data = bytearray(FORMATS["elf"])
    data[0x28:0x30] = (0x800).to_bytes(8, "big")  # e_shoff
    data[0x34:0x36] = (8).to_bytes(2, "big")  # e_ehsize
    data[0x3c:0x40] = bytes.fromhex("00020001")  # e_shnum, e_shstrndx
    data[0x840:0x880] = bytes.fromhex("00000000 03000000" + 16 * "00" + "e00a000400000000 0b00000000000000" + 24 * "00")
    gdb = look(bench, tmp_path, bytes(data))
    assert gdb.psw() == (DISABLED_WAIT, WAIT_ADDRESS)
    assert gdb.memory(0x40ff0, len(TEXT)) == TEXT


def test_registers_that_are_not_there(bench, tmp_path):
    """Without control registers no logical address can be translated, and the user is told; from where they could be
    guessed they are, and it says so."""
    dump = sample()
    for cpu in dump.cpus:
        cpu.without = ("ctrs", "timer")
    gdb = look(bench, tmp_path, dump.elf())
    gdb.execute("thread 1")
    assert "unavailable" in gdb.execute("info registers cr1")
    assert re.search(r"c0  -{16}  c1  -{16}", gdb.execute("monitor regs"))
    with pytest.raises(GdbError, match="Cannot access memory"):
        gdb.execute(f"x/b {VIRTUAL:#x}")
    assert "no control registers of 2 CPUs" in run(stored(tmp_path, dump.elf())).stderr.decode()


def test_registers_that_are_guessed(bench, tmp_path):
    dump = sample()
    dump.store_status()
    dump.cpus[0].gprs = [n + 1 for n in dump.cpus[0].gprs]  # it ran on after that
    for cpu in dump.cpus:
        cpu.without = ("ctrs",)
    gdb = look(bench, tmp_path, dump.elf())
    guess = "guessed from its save area, which may be older than the dump: control registers\n"
    assert guess not in gdb.execute("monitor regs 1")
    assert gdb.execute("monitor regs 0").endswith(guess)
    assert gdb.execute("monitor cpus").count(guess) == 1
    gdb.execute("thread 1")
    assert gdb.memory(VIRTUAL + 0xff0, len(TEXT)) == TEXT


# ---- gdb at a dump ----


def test_monitor(bench, tmp_path):
    gdb = look(bench, tmp_path, FORMATS["elf"])
    assert "disabled wait" in gdb.execute("monitor psw")
    assert "008e program-interruption code: 0011: page translation" in gdb.execute("monitor lowcore 1")
    assert "CR13 home      0000000000030003" in gdb.execute("monitor space")
    assert "absolute 0x40ff0\n" in gdb.execute(f"monitor translate {VIRTUAL + 0xff0:#x} home")
    threads = gdb.execute("info threads")
    assert re.search(r'1 +Thread 1.1 "CPU 0" \(operating; PSW 0404000180000000 000000007f000000\)', threads)
    assert re.search(r'\* 2 +Thread 1.2 "CPU 1" \(disabled wait; disabled wait: the guest cannot run on', threads)
    assert f"{0x40ff0:#x}" in gdb.execute('find /b 0x40000, 0x42000, \'w\', \'h\', \'a\', \'t\'')


@pytest.mark.parametrize("resume", ["continue", "stepi", "nexti", "signal 0"])
def test_it_does_not_run(bench, tmp_path, resume):
    """In words, without a warning, and gdb is where it was."""
    gdb = look(bench, tmp_path, FORMATS["elf"])
    gdb.execute("info threads")  # which looks at the other, too
    _, kind = gdb.start(resume)
    assert kind == "running"
    stop = gdb.wait_stop()
    assert stop.address == WAIT_ADDRESS
    assert any(DUMP in line for line in gdb.transcript[-8:])
    assert not any("Remote failure" in line for line in gdb.transcript)
    assert gdb.memory(VIRTUAL + 0xff0, len(TEXT)) == TEXT


@pytest.mark.parametrize("insert", ["break *0x7f000002", "hbreak *0x7f000002", "watch *(int*)0x40000"])
def test_breakpoints_are_refused(bench, tmp_path, insert):
    gdb = look(bench, tmp_path, FORMATS["elf"])
    gdb.execute(insert)
    with pytest.raises(GdbError, match="Cannot insert|Could not insert"):
        gdb.execute("continue")
    gdb.execute("delete")
    assert gdb.psw() == (DISABLED_WAIT, WAIT_ADDRESS)


def test_nothing_can_be_changed(bench, tmp_path):
    gdb = look(bench, tmp_path, FORMATS["elf"])
    for change in ("set $pc = 0", "set $r3 = 1", "set *(int *)0x40ff0 = 1"):
        with pytest.raises(GdbError):
            gdb.execute(change)
    assert gdb.value("$r3") == 0x2003
    assert gdb.memory(0x40ff0, len(TEXT)) == TEXT
    for moves in ("reset", "restart", "catch svc", "inject program 1", "trace on", "tod run", "store-status", "powerdown"):
        assert gdb.execute(f"monitor {moves}") == f"monitor {moves.split()[0]}: {DUMP}\n"


def test_debuggers_come_and_go(bench, tmp_path):
    """Each finds the dump as it is, however the one before has left."""
    listening = subprocess.Popen(command(stored(tmp_path, FORMATS["elf"]), "--listen", f"unix:{tmp_path}/socket"),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        errors = Follower(listening.stderr)
        assert errors.wait(LISTENING + "; the dump waits for a debugger", 20)
        for leave in ("detach", "disconnect", "kill"):
            gdb = bench.gdb(f"{tmp_path}/socket")
            assert gdb.psw() == (DISABLED_WAIT, WAIT_ADDRESS)
            gdb.execute(leave)
            gdb.close()
        gdb = bench.gdb(f"{tmp_path}/socket")
        gdb.close()
        gdb = bench.gdb(f"{tmp_path}/socket")
        assert gdb.execute("monitor quit") == "zgdbd ends.\n"
        assert listening.wait(20) == 0
        assert errors.finish().count("\n") == 1
    finally:
        end(listening)


def test_the_stop_that_is_told(bench, tmp_path):
    """That of a panic for a disabled wait, else SIGTRAP at the first CPU."""
    dump = sample()
    for mask, reply in (DISABLED_WAIT, "T06"), (dump.cpus[0].mask, "T05"):
        dump.cpus[1].mask = mask
        with subprocess.Popen(command(stored(tmp_path, dump.elf()), "--stdio"), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            client = Rsp(PipeStream(process))
            client.start()
            answer = client.packet("?")
            assert answer.startswith(reply)
            assert f"thread:{2 if reply == 'T06' else 1};" in answer.replace("p1.", "")
            client.close()


def test_the_one_for_s390x(bench, tmp_path):
    """On a host of the other byte order, or that of the dump: the daemon that runs guests reads dumps in ELF, too."""
    emulator = [] if platform.machine() == "s390x" else ["qemu-s390x"]
    line = " ".join([*emulator, zgdbd_binary(), "--core", str(stored(tmp_path, FORMATS["elf"])), "--stdio"])
    gdb = bench.gdb(f"| {line}")
    for thread, cpu in enumerate(sample().cpus, 1):
        gdb.execute(f"thread {thread}")
        assert gdb.psw() == (cpu.mask, cpu.address)
        assert [gdb.value(f"${name}") for name in ("r3", "cr1", "acr5", "prefix", "ckc", "todpr", "fpc")] == [
            cpu.gprs[3], cpu.crs[1], cpu.acrs[5], cpu.prefix, cpu.ckc, cpu.todpreg, cpu.fpc]
        assert gdb.memory(VIRTUAL + 0xff0, len(TEXT)) == TEXT


# ---- files that are none ----


def refused(path, *words):
    result = run(path)
    text = result.stderr.decode()
    assert result.returncode == BAD_FILE, text
    assert text.startswith("zgdbd: ") and text.count("\n") == 1
    for word in words:
        assert word in text
    return text


def test_what_is_no_dump(tmp_path):
    dump = sample()
    refused(tmp_path / "nothing", "No such file")
    refused(tmp_path, "is not a regular file")
    os.mkfifo(tmp_path / "fifo")
    refused(tmp_path / "fifo", "is not a regular file")
    refused(stored(tmp_path, b""), "too short")
    refused(stored(tmp_path, b"no dump at all " * 1000), "it is no ELF vmcore, no dump compressed by makedumpfile")
    refused(stored(tmp_path, random.Random(1).randbytes(100000)), "it is no ELF vmcore")
    refused(stored(tmp_path, dump.elf(machine=62)), "of another architecture (machine 62)")
    refused(stored(tmp_path, dump.elf(kind=2)), "an ELF file, but no dump", "without --core")
    refused(stored(tmp_path, b"makedumpfile\0\0\0\0" + bytes(5000)), "flattened", "makedumpfile -R")
    refused(stored(tmp_path, bytes.fromhex("a8190173618f23fe") + bytes(9000)), "zgetdump -f elf")


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_cut(tmp_path, form):
    data = FORMATS[form]
    path = tmp_path / "vmcore"
    for length in (1, 8, 63, 64, 200, 4095, 4096, 4200, 5000, 0x3000, len(data) // 2, len(data) - 1):
        if form.startswith("kdump") and length > 0x6000:
            continue  # pages that are not there are found to be missing when they are read
        refused(stored(tmp_path, data[:length]))
    assert path.exists()


def test_a_file_that_shrinks(bench, tmp_path):
    """No harm to the daemon, whatever gdb is shown."""
    gdb = look(bench, tmp_path, FORMATS["elf"])
    assert gdb.memory(0x40ff0, len(TEXT)) == TEXT
    os.truncate(tmp_path / "vmcore", PAGE)
    for address in (0x100000, 0x3ff000, HOLE[1]):
        with contextlib.suppress(GdbError):
            gdb.memory(address, PAGE)
    assert gdb.psw() == (DISABLED_WAIT, WAIT_ADDRESS)
    assert gdb.memory(0x40ff0, len(TEXT)) == TEXT  # which was read before


def packets(*payloads):
    return b"".join(b"$%s#%02x+" % (payload, sum(payload) & 255) for payload in payloads)


LOOKS = packets(b"qSupported:multiprocess+", b"?", b"g", b"m0,1000", b"m20000,2000", b"m3fff00,200", b"m4ffff0,100",
                b"qRcmd,72656773", b"qRcmd,6c6f77636f7265", b"D;1")
# Where what is read of each format stands: headers, notes, bitmaps.
KDUMP_HEADERS = [(0, 16), (400, 480), (4096, 4200), (4200, 0x5200)]
HEADERS = {"elf": [(0, 240), (0x1000, 0x1700)], "kdump": KDUMP_HEADERS, "kdump-plain": KDUMP_HEADERS,
           "standalone": [(0, 0x68), (0x800, 0x808)]}
NUMBERS = (bytes(4), bytes(8), b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\0\0\x10\0", b"\0\0\0\1")


@pytest.mark.parametrize("form", FORMATS)
def test_files_that_are_damaged(tmp_path, form):
    """Whatever is in it, zgdbd says what is wrong or shows what there is, at once."""
    chance = random.Random(form)
    statuses = set()
    for _ in range(60):
        data = bytearray(FORMATS[form])
        for _ in range(chance.randrange(1, 4)):
            number = chance.choice(NUMBERS)
            at = chance.randrange(*chance.choice(HEADERS[form])) & ~3
            data[at:at + len(number)] = number
        result = run(stored(tmp_path, data), text=LOOKS)
        assert result.returncode in (0, BAD_FILE), (result, data[:0x1800].hex())
        statuses.add(result.returncode)
    assert statuses == {0, BAD_FILE}


@pytest.mark.parametrize("number", [b"\xff" * 8, b"\x7f" + b"\xff" * 7, bytes(8) + b"\0\1\0\x24", bytes(8) + b"\xff" * 4])
def test_descriptors_of_pages_that_are_damaged(bench, tmp_path, number):
    """libkdumpfile 0.5.1 believes them, and crashes. The pages cannot be read; the others can."""
    data, first, pages = bytearray(FORMATS["kdump"]), 0x5000, 0x100
    for page in range(pages):
        at = first + 24 * page
        if page not in (0x40, 0x41):
            data[at:at + len(number)] = number
    gdb = look(bench, tmp_path, data)
    gdb.execute("monitor space absolute")
    assert gdb.memory(0x40ff0, len(TEXT)) == TEXT
    for page in (1, 0x22, 0x3f, 0x42, pages - 1):
        with pytest.raises(GdbError, match="Cannot access memory"):
            gdb.execute(f"x/b {page * PAGE:#x}")
    assert gdb.memory(0x40ff0, len(TEXT)) == TEXT
    gdb.execute("kill")  # which closes the dump


# ---- options ----


def test_options():
    for options, words in ((["--core", "x", "image"], "--core and IMAGE exclude each other"),
                           (["--core", "x", "--memory", "1G"], "--core and --memory exclude each other"),
                           (["--core", "x", "--append", "quiet"], "--core and --append exclude each other")):
        result = subprocess.run([host_zgdbd(), *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                stdout=subprocess.DEVNULL, check=False)
        assert result.returncode == USAGE
        assert words in result.stderr.decode()


def test_symbols(bench, tmp_path):
    """gdb reads the file of --symbols in place of the stand-in."""
    gdb = look(bench, tmp_path, FORMATS["elf"], "--symbols", guest("calls"))
    assert re.search(r"twice.*0x[0-9a-f]+", gdb.execute("info address twice"))
