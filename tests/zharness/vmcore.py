# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads an ELF vmcore of an s390x system by what the ELF specification says, and by libkdumpfile; brings one out of the
box."""

import ctypes
import struct
from typing import NamedTuple

PT_LOAD, PT_NOTE = 1, 4
KPHYSADDR = 0  # of enum _kdump_addrspace


def fetch(box, there, here):
    """Copy a file of the box; its name here."""
    with open(here, "wb") as out:
        box.run(["cat", there], stdout=out, check=True)
    return str(here)


class Segment(NamedTuple):
    kind: int
    flags: int
    offset: int
    virtual: int
    absolute: int
    size: int
    memory_size: int
    align: int


class Note(NamedTuple):
    name: str
    kind: int
    content: bytes


def notes_of(data):
    at = 0
    while at < len(data):
        name_size, size, kind = struct.unpack_from(">3I", data, at)
        name, content = at + 12, at + 12 + (name_size + 3 & ~3)
        yield Note(data[name:name + name_size - 1].decode(), kind, data[content:content + size])
        at = content + (size + 3 & ~3)


class Vmcore:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as source:
            self.header = source.read(64)
            count, = struct.unpack_from(">H", self.header, 56)
            self.segments = [Segment(*struct.unpack(">2I6Q", source.read(56))) for _ in range(count)]
        found = next(segment for segment in self.segments if segment.kind == PT_NOTE)
        self.notes = list(notes_of(self.bytes(found.offset, found.size)))

    def bytes(self, offset, size):
        with open(self.path, "rb") as source:
            source.seek(offset)
            return source.read(size)

    def memory(self, absolute, size):
        for segment in self.segments:
            if segment.kind == PT_LOAD and segment.absolute <= absolute <= segment.absolute + segment.size - size:
                return self.bytes(segment.offset + absolute - segment.absolute, size)
        raise KeyError(f"{absolute:#x} is in no segment")

    def note(self, name, kind, cpu=0):
        """What is in the CPU's note of this kind."""
        return [note.content for note in self.notes if (note.name, note.kind) == (name, kind)][cpu]

    def registers(self, cpu):
        """All that are numbers, by gdb's names."""
        status = self.note("CORE", 1, cpu)
        found = dict(zip(("pswm", "pswa"), struct.unpack_from(">2Q", status, 112)))
        found |= {f"r{n}": value for n, value in enumerate(struct.unpack_from(">16Q", status, 128))}
        found |= {f"acr{n}": value for n, value in enumerate(struct.unpack_from(">16I", status, 256))}
        found |= {f"cr{n}": value for n, value in enumerate(struct.unpack(">16Q", self.note("LINUX", 0x304, cpu)))}
        found["fpc"], = struct.unpack_from(">I", self.note("CORE", 2, cpu))
        for name, kind, form in ("cputm", 0x301, ">Q"), ("ckc", 0x302, ">Q"), ("todpr", 0x303, ">I"), ("prefix", 0x305, ">I"):
            found[name], = struct.unpack(form, self.note("LINUX", kind, cpu))
        found["ckc"] <<= 8  # as STORE STATUS has it: bits 0-55, behind a zero
        return found

    def vmcoreinfo(self):
        text = self.note("VMCOREINFO", 0).decode()
        return dict(line.split("=", 1) for line in text.splitlines())


class Kdump:
    """The same file as libkdumpfile reads it."""

    class Attribute(ctypes.Structure):
        _fields_ = [("kind", ctypes.c_int), ("number", ctypes.c_uint64)]

    def __init__(self, path):
        self.library = ctypes.CDLL("libkdumpfile.so.10")
        self.library.kdump_new.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.library.kdump_new())
        self.file = open(path, "rb")
        descriptor = ctypes.c_int(self.file.fileno())
        assert self.library.kdump_open_fdset(self.context, 1, ctypes.byref(descriptor)) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.kdump_free(self.context)
        self.file.close()

    def attribute(self, key):
        value = self.Attribute()
        assert self.library.kdump_get_attr(self.context, key.encode(), ctypes.byref(value)) == 0, key
        return value.number

    def number(self, key):
        return self.attribute(key)

    def string(self, key):
        return ctypes.string_at(self.attribute(key)).decode()

    def memory(self, absolute, size):
        buffer, done = ctypes.create_string_buffer(size), ctypes.c_size_t(size)
        status = self.library.kdump_read(self.context, KPHYSADDR, ctypes.c_uint64(absolute), buffer, ctypes.byref(done))
        assert (status, done.value) == (0, size)
        return buffer.raw
