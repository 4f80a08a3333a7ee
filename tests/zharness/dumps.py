# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes small dumps of an s390x system by hand, in each format that zgdbd reads: as an ELF vmcore, compressed as makedumpfile
does it, and as the s390 stand-alone tools write it. What is in them is known to the byte, so that a debugger's answers can be
held against it; sample() is a system of two CPUs with translation tables and a hole in its memory."""

import dataclasses
import struct
import zlib

PAGE = 0x1000
EM_S390, ET_CORE = 22, 4
PT_LOAD, PT_NOTE = 1, 4
DISABLED_WAIT = 0x0002000180000000
DAT_PRIMARY = 0x0404000180000000  # also machine checks
NOTES = {"prstatus": ("CORE", 1), "fpregset": ("CORE", 2), "timer": ("LINUX", 0x301), "todcmp": ("LINUX", 0x302),
         "todpreg": ("LINUX", 0x303), "ctrs": ("LINUX", 0x304), "prefix": ("LINUX", 0x305)}


@dataclasses.dataclass
class Cpu:
    """Registers of one CPU. WITHOUT names notes that are left out of a dump."""

    number: int
    mask: int
    address: int
    prefix: int
    gprs: list
    crs: list
    without: tuple = ()

    @property
    def acrs(self):
        return [0xa0000000 + 0x100 * self.number + n for n in range(16)]

    @property
    def fprs(self):
        return [0x4000000000000000 + 0x100 * self.number + n for n in range(16)]

    fpc = 0x00080000
    cputm = 0x7fffffff12345678
    ckc = 0xe0123456789abc00
    todpreg = 0x5a5a

    def prstatus(self):
        registers = struct.pack(">2Q16Q16IQ", self.mask, self.address, *self.gprs, *self.acrs, 0)
        return bytes(32) + struct.pack(">i", self.number) + bytes(76) + registers + bytes(8)

    def notes(self):
        """(kind, bytes) of each, in the order of Linux."""
        yield "prstatus", self.prstatus()
        yield "fpregset", struct.pack(">II16Q", self.fpc, 0, *self.fprs)
        yield "timer", struct.pack(">Q", self.cputm)
        yield "todcmp", struct.pack(">Q", self.ckc >> 8)
        yield "todpreg", struct.pack(">I", self.todpreg)
        yield "ctrs", struct.pack(">16Q", *self.crs)
        yield "prefix", struct.pack(">I", self.prefix)

    def save_area(self):
        """What the store-status operation puts at 0x1200 in the lowcore (Principles, chapter 4)."""
        area = bytearray(0x200)
        struct.pack_into(">16Q16Q2Q", area, 0, *self.fprs, *self.gprs, self.mask, self.address)
        struct.pack_into(">II", area, 0x118, self.prefix, self.fpc)
        struct.pack_into(">IQQ", area, 0x124, self.todpreg, self.cputm, self.ckc >> 8)
        struct.pack_into(">16I", area, 0x140, *self.acrs)
        struct.pack_into(">16Q", area, 0x180, *self.crs)
        return bytes(area)


def note(name, kind, data):
    def padded(text):
        return text + bytes(-len(text) % 4)
    title = name.encode() + b"\0"
    return struct.pack(">III", len(title), len(data), kind) + padded(title) + padded(data)


class Dump:
    """Memory and CPUs. RANGES are [(begin, end)] of what exists of absolute storage, in whole pages."""

    def __init__(self, ranges):
        self.ranges = ranges
        self.memory = bytearray(ranges[-1][1])
        self.cpus = []
        self.excluded = set()  # page numbers that the compressed format leaves out

    def put(self, address, data):
        self.memory[address:address + len(data)] = data

    def put_numbers(self, address, *numbers):
        self.put(address, struct.pack(f">{len(numbers)}Q", *numbers))

    def store_status(self):
        for cpu in self.cpus:
            self.put(cpu.prefix + 0x1200, cpu.save_area())

    def notes(self):
        return b"".join(note(*NOTES[kind], data) for cpu in self.cpus for kind, data in cpu.notes()
                        if kind not in cpu.without) + note("VMCOREINFO", 0, b"OSRELEASE=6.1.0\nPAGESIZE=4096\n")

    # ---- formats ----

    def elf(self, machine=EM_S390, kind=ET_CORE):
        notes = self.notes()
        at = PAGE
        headers = [struct.pack(">IIQQQQQQ", PT_NOTE, 0, at, 0, 0, len(notes), len(notes), 0)]
        body = [notes + bytes(-len(notes) % PAGE)]
        at += len(body[0])
        for begin, end in self.ranges:
            headers.append(struct.pack(">IIQQQQQQ", PT_LOAD, 7, at, begin, begin, end - begin, end - begin, PAGE))
            body.append(bytes(self.memory[begin:end]))
            at += end - begin
        ident = b"\x7fELF" + bytes([2, 2, 1]) + bytes(9)
        header = ident + struct.pack(">HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, len(headers), 64, 0, 0)
        return (header + b"".join(headers)).ljust(PAGE, b"\0") + b"".join(body)

    def pages(self):
        return [number for begin, end in self.ranges for number in range(begin // PAGE, end // PAGE)]

    def kdump(self, compress=True, uts=("Linux", "guest", "6.1.0", "#1", "s390x", "(none)")):
        """header, sub-header and notes, bitmap of what exists, bitmap of what is here, descriptors, pages."""
        notes = self.notes()
        count = len(self.memory) // PAGE
        sub_blocks = 1 + (104 + len(notes) + PAGE - 1) // PAGE
        bitmap_bytes = (count + 7) // 8
        half = (bitmap_bytes + PAGE - 1) // PAGE
        bitmaps = [bytearray(half * PAGE), bytearray(half * PAGE)]
        here = [number for number in self.pages() if number not in self.excluded]
        for number in self.pages():
            bitmaps[0][number // 8] |= 1 << number % 8
        for number in here:
            bitmaps[1][number // 8] |= 1 << number % 8
        uts = b"".join(text.encode().ljust(65, b"\0") for text in uts)
        header = (b"KDUMP   " + struct.pack(">i", 6) + uts + bytes(6) + struct.pack(">QQ", 0, 0)
                  + struct.pack(">IiiIIIIIIi", 1, PAGE, sub_blocks, 2 * half, count, 0, 0, 0, 0, len(self.cpus)))
        sub = struct.pack(">QiiQQQQQQQQQQQ", 0, 31, 0, 0, 0, 0, 0, PAGE + 104, len(notes), 0, 0, 0, 0, count)
        head = header.ljust(PAGE, b"\0") + (sub + notes).ljust(sub_blocks * PAGE, b"\0") + bitmaps[0] + bitmaps[1]
        at = len(head) + 24 * len(here)
        descriptors, data = [], []
        for number in here:
            page = bytes(self.memory[number * PAGE:(number + 1) * PAGE])
            packed = zlib.compress(page) if compress else page
            flags = int(compress)
            descriptors.append(struct.pack(">QIIQ", at, len(packed), flags, 0))
            data.append(packed)
            at += len(packed)
        return head + b"".join(descriptors) + b"".join(data)

    def standalone(self, version=5):
        header = bytearray(PAGE)
        size = len(self.memory)
        struct.pack_into(">QIIIIQQQI", header, 0, 0xa8190173618f23fd, version, PAGE, 4, PAGE, size, 0, size, size // PAGE)
        struct.pack_into(">QQIIIQBHH", header, 56, 1, 0, 2, 0, 2, size, 0, len(self.cpus), len(self.cpus))
        struct.pack_into(f">{len(self.cpus)}I", header, 0x800, *(cpu.prefix for cpu in self.cpus))
        return bytes(header) + bytes(self.memory) + b"DUMP_END" + struct.pack(">Q", 2)


# ---- a system ----

HOLE = (0x400000, 0x500000)
SEGMENTS, PAGES = 0x30000, 0x38000
VIRTUAL = 0x7f000000  # of the first page table entry: absolute 0x40000; then 0x41000, the hole, and nothing
TEXT = b"what the guest had in its memory"
WAIT_ADDRESS = 0x10fdee


def sample():
    """CPU 0 was running, with DAT, when CPU 1 came to a disabled wait."""
    dump = Dump([(0, HOLE[0]), (HOLE[1], 0x600000)])
    dump.put_numbers(SEGMENTS, *[0x20] * 2048)
    dump.put_numbers(SEGMENTS + 8 * (VIRTUAL >> 20), PAGES)
    dump.put_numbers(PAGES, *[0x400] * 256)
    dump.put_numbers(PAGES, 0x40000, 0x41000, HOLE[0])
    dump.put(0x40ff0, TEXT)  # over the end of the page
    dump.put(0x40000, bytes.fromhex("0700 07fe"))  # nopr, br %r14
    dump.put(0x5ffff0, b"the last 16 byte")
    crs = [0] * 16
    crs[1] = crs[7] = crs[13] = SEGMENTS | 3
    dump.cpus = [
        Cpu(0, DAT_PRIMARY, VIRTUAL, 0x20000, [0x1000 + n for n in range(16)], crs),
        Cpu(1, DISABLED_WAIT, WAIT_ADDRESS, 0x22000, [0x2000 + n for n in range(16)], crs),
    ]
    for cpu in dump.cpus:
        dump.put(cpu.prefix + 0x8c, struct.pack(">HH", 4, 0x10 + cpu.number))  # ILC and program code
    return dump
