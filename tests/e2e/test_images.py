# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of image, started: ELF, raw image, flat binary, each of them compressed, with arguments, an initrd and other
files; and what a user reads who gives one that cannot be."""

import gzip
import struct

import pytest
from test_guests import to
from zharness import Zgdbd, guest, symbols
from zharness.daemon import store

PROGRAM_HEADER = struct.Struct(">IIQQQQQQ")
INITRD = bytes(range(256)) * 20
WORDS = "one two  three"
SAID = f"arguments: {WORDS}\r\ninitrd: {len(INITRD)} bytes, sum {sum(INITRD)}\r\n"
SAID_ALONE = "arguments: \r\ninitrd: 0 bytes, sum 0\r\n"


def contents(name):
    """The first segment of a guest, with zeros for what has no contents in the file: what memory looks like."""
    with open(guest(name), "rb") as source:
        elf = source.read()
    header = PROGRAM_HEADER.unpack_from(elf, struct.unpack_from(">Q", elf, 32)[0])
    _, _, offset, _, _, size, memory, _ = header
    return elf[offset:offset + size] + bytes(memory - size)


def raw():
    """A guest in the form of a Linux image."""
    image = bytearray(0x10000) + bytearray(contents("lowargs"))
    image[0x10008:0x1000e] = b"S390EP"
    return bytes(image)


class Files:
    """Files here and in the box."""

    def __init__(self, box, directory):
        self.box = box
        self.directory = directory

    def here(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def there(self, name, content):
        return store(self.box, self.here(name, content))


@pytest.fixture
def files(box, tmp_path):
    return Files(box, tmp_path)


def output(box, path, *options):
    """What the guest says that is started from this image, to its end."""
    with Zgdbd(box, path, "--run", *options, listen=None) as daemon:
        assert daemon.wait() == 0, daemon.log
        return daemon.console


# ---- what starts ----


@pytest.mark.parametrize("name", ["args", "lowargs"])
def test_arguments_and_initrd_of_a_program(box, files, name):
    assert output(box, guest(name), "--append", WORDS, "--initrd", files.there("initrd", INITRD)) == SAID


def test_arguments_as_under_qemu(bench, tmp_path):
    initrd = tmp_path / "initrd"
    initrd.write_bytes(INITRD)
    client = bench.tcg("lowargs", "-append", WORDS, "-initrd", str(initrd))
    to(client, "lowargs", "finished")
    assert client.machine.console == SAID


def test_raw_image(box, files):
    image = files.here("image", raw())
    assert output(box, image, "--append", WORDS, "--initrd", files.there("initrd", INITRD)) == SAID
    assert output(box, image) == SAID_ALONE


def test_flat_binary(box, files):
    flat = contents("args")
    image = files.here("flat", flat)
    assert output(box, image, "--load-address", "0x20000", "--append", WORDS, "--initrd", files.there("initrd", INITRD)) == SAID
    shifted = files.here("shifted", bytes(0x100) + flat)
    assert output(box, shifted, "--load-address", "0x1ff00", "--entry", "0x20000") == SAID_ALONE
    assert output(box, shifted, "--load-address", "130816", "--psw", "180000000:20000") == SAID_ALONE


@pytest.mark.parametrize("kind", ["elf", "raw", "flat"])
def test_compressed_image(box, files, kind):
    with open(guest("args"), "rb") as source:
        content = {"elf": source.read(), "raw": raw(), "flat": contents("args")}[kind]
    image = files.here(f"{kind}.gz", gzip.compress(content))
    assert output(box, image, *(("--load-address", "0x20000") if kind == "flat" else ())) == SAID_ALONE


def test_gdb_has_the_symbols_of_a_compressed_program(bench, box, files):
    with open(guest("calls"), "rb") as source:
        image = files.here("calls.elf.gz", gzip.compress(source.read()))
    with Zgdbd(box, image) as daemon:
        gdb = bench.gdb(daemon)
        gdb.execute("break twice")
        stop = gdb.go()
        assert stop.function == "twice" and gdb.value("value") == 1


def test_other_files_are_in_memory(bench, files):
    one, two = files.there("one", b"first"), files.there("two", b"second")
    client = bench.rsp("args", "--load", f"{one}@0x300000", "--load", f"{two}@3145733")
    assert client.read(0x300000, 12) == b"firstsecond\0"
    client.write(0x300000, b"F")
    client.monitor("reset")
    assert client.read(0x300000, 12) == b"firstsecond\0"


def test_entry_of_a_program(bench):
    place = symbols(guest("args"))["shutdown"]
    assert bench.rsp("args", "--entry", hex(place)).psw() == (0x180000000, place)


def test_breakpoint_in_another_file(bench, files):
    """Code that --load brought is stopped at like the program's own, by gdb's software breakpoint."""
    code = files.there("code", bytes.fromhex("a7190001a7190002a7f40000"))  # lghi %r1,1; lghi %r1,2; j .
    client = bench.rsp("args", "--load", f"{code}@0x300000", "--entry", "0x300000")
    client.insert(0, 0x300004)
    assert "swbreak" in client.go()
    assert client.reg("pswa") == 0x300004 and client.reg("r1") == 1


def test_psw_ends_the_guest_at_once(box):
    with Zgdbd(box, guest("args"), "--run", "--psw", "0002000180000000:123456", listen=None) as daemon:
        assert daemon.wait() == 3
        assert "disabled wait" in daemon.log and "0002000180000000 0000000000123456" in daemon.log


def test_invalid_psw(bench):
    daemon = bench.zgdbd("args", "--psw", "8000000000000000:1")
    client = bench.client(daemon)
    assert client.psw() == (0x8000000000000000, 1)
    assert client.go()[0] in "TS"
    assert daemon.process.poll() is None


# ---- what does not ----


def patched(name, offset, value):
    with open(guest(name), "rb") as source:
        image = bytearray(source.read())
    image[offset:offset + len(value)] = value
    return bytes(image)


def cut(name, size):
    with open(guest(name), "rb") as source:
        return source.read(size)


PACKED = gzip.compress(bytes(range(256)) * 4)

REFUSED = {
    "wrong class": (patched("args", 4, b"\1"), (), 65, "is an ELF for s390 (32-bit, big-endian)"),
    "wrong byte order": (patched("args", 5, b"\1"), (), 65, "64-bit, little-endian)"),
    "wrong machine": (patched("args", 18, b"\0\x15"), (), 65, "is an ELF for ppc64 (64-bit, big-endian)"),
    "truncated": (cut("args", 0x1800), (), 65, "is truncated: its segment at 0x20000"),
    "memory": (patched("args", 64 + 24, b"\0\0\1\0\0\0\0\0"), (), 65, "give at least --memory"),
    "no image": (b"\7" * 0x20000, (), 65, "no \"S390EP\" stands at offset 0x10008"),
    "flat memory": (b"ab", ("--load-address", "0xfffffff"), 65, "(0xfffffff-0x10000001) does not fit"),
    "flat odd": (b"ab", ("--load-address", "0x1001"), 64, "say with --entry where it starts"),
    "entry": (cut("args", -1), ("--entry", "0x10000000"), 64, "--entry 0x10000000 lies outside the guest's 256 MiB"),
    "arguments": (patched("lowargs", 24, struct.pack(">Q", 0x11000)), ("--append", "x"), 64,
                  "the text of --append (0x10480-0x10482) and a segment of"),
    "long arguments": (cut("args", -1), ("--append", "x" * 896), 64, "has 896 characters; this image takes at most 895"),
    "overlap": (cut("args", -1), ("--load", "/bin/busybox@0x20000"), 65, "overlap; choose another address with --load"),
    "file": (cut("args", -1), ("--load", "/nonexistent@0x300000"), 65, "cannot open /nonexistent: No such file"),
    "initrd": (cut("args", -1), ("--memory", "8M", "--initrd", "/bin/busybox"), 65, "give at least --memory"),
    "packed cut": (PACKED[:-9], ("--load-address", "0"), 65, "it is truncated; try `gzip -t` on it"),
    "packed damaged": (PACKED[:-5] + b"\0" * 5, ("--load-address", "0"), 65, "its compressed data are damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(box, files, case):
    content, options, status, words = REFUSED[case]
    with Zgdbd(box, files.here("image", content), "--run", *options, listen=None) as daemon:
        assert daemon.wait() == status, daemon.log
        assert words in daemon.log
