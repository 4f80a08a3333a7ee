# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a Debian s390x vmlinuz start without decompressing itself, which saves three
quarters of a minute (xz) or some seconds (zstd) under emulation. The result is one flat image:
the boot stub, whose decompressing function returns at once, and the kernel proper where the stub
would put it. Refuses a stub that it does not know."""

import lzma
import re
import struct
import subprocess
from typing import Callable, NamedTuple

from .common import Failure

# What "this is a bootable Linux for s390" looks like in a flat image.
MARK = b"S390EP"
MARK_AT = 0x10008

PAGE = 0x1000
SEGMENT = 0x100000


def unpack_xz(packed):
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(packed)


def unpack_zstd(packed):
    """The kernel's build appends the unpacked size, which is no part of the frame."""
    return subprocess.run(["zstd", "-dc"], input=packed[:-4], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=True).stdout


class Stub(NamedTuple):
    """A boot stub, as Debian's compiler makes it. CODE matches where the decompressing function (its group "function")
    begins; its other groups are the operands of "lgrl" that load addresses from the image: "start" and "end" of the
    compressed kernel, and "room", behind which the kernel goes: HEAP behind it, and at a multiple of ALIGN. INSTEAD makes,
    from what the code is and where, the code that returns at once."""
    name: str
    code: re.Pattern
    heap: int
    align: int
    unpack: Callable
    instead: Callable


LGRL = rb"\xc4[\x08-\xf8]"


def hexes(digits):
    return re.escape(bytes.fromhex(digits))


def operand(name):
    return LGRL + b"(?P<" + name + b">.{4})"


def load_address(image, match):
    """What decompress_kernel() of 6.1 returns: _end and the heap behind it, in whole pages."""
    distance = target(image, match, "room") - match.start("function")
    return (b"\xc4\x18" + struct.pack(">i", distance // 2)  # lgrl %r1,_end
            + bytes.fromhex("e3101fff1071")                  # lay  %r1,0x10fff(%r1)
            + bytes.fromhex("a517f000")                      # nill %r1,0xf000
            + bytes.fromhex("b9040021")                      # lgr  %r2,%r1
            + bytes.fromhex("07fe"))                         # br   %r14


def nothing(_image, _match):
    """deploy_kernel() of 6.12 is told where the kernel goes; with nokaslr that is the first segment behind what
    mem_safe_offset() says."""
    return bytes.fromhex("07fe")  # br %r14


STUBS = (
    # decompress_kernel(): stmg, lgr, lay, stg, then the loads of _end, _compressed_end, _compressed_start.
    Stub("6.1 with xz", re.compile(
        b"(?P<function>" + hexes("eb6ff0480024 b90400ef e3f0ff40ff71 e3e0f0980024") + b")"
        + operand(b"room") + operand(b"end") + operand(b"start"), re.S),
         0x10000, PAGE, unpack_xz, load_address),
    # mem_safe_offset(): lgrl of free_mem_end_ptr, aghi, nill, br; then deploy_kernel(): stmg, lgrl, lgr, lay, and the loads.
    Stub("6.12 with zstd", re.compile(
        operand(b"room") + hexes("a72b0fff a527f000 07fe")
        + b"(?P<function>" + hexes("eb6ff0480024") + b")" + LGRL + b".{4}" + hexes("b90400ef e3f0ff98ff71")
        + operand(b"end") + operand(b"start"), re.S),
         0, SEGMENT, unpack_zstd, nothing),
)


def flat_image(vmlinuz, name):
    """Return the flat, fast-starting image made from the bytes of a vmlinuz."""
    image = bytearray(vmlinuz)
    if image[MARK_AT:MARK_AT + len(MARK)] != MARK:
        raise unknown(name, f"no {MARK.decode()} at {MARK_AT:#x}")
    found = [(stub, match) for stub in STUBS for match in stub.code.finditer(image)]
    if len(found) != 1:
        raise unknown(name, "its decompressing function is not recognized")
    stub, match = found[0]

    try:
        room, start, end = (doubleword(image, target(image, match, group)) for group in ("room", "start", "end"))
        kernel = stub.unpack(bytes(image[start:end]))
    except (struct.error, lzma.LZMAError, subprocess.CalledProcessError) as error:
        raise unknown(name, f"compressed kernel not found: {error}") from None
    except FileNotFoundError as error:
        raise Failure(f"cannot unpack the kernel {name}: the program {error.filename} is missing; "
                      "run scripts/setup tools") from None

    load_at = (room + stub.heap + stub.align - 1) & -stub.align
    if load_at < len(image) or not kernel:
        raise unknown(name, f"kernel would be loaded at {load_at:#x}, inside the stub")
    instead = stub.instead(image, match)
    at = match.start("function")
    image[at:at + len(instead)] = instead
    return bytes(image.ljust(load_at, b"\0")) + kernel


def target(image, match, group):
    """Address that the relative-long instruction refers to whose operand GROUP is."""
    at = match.start(group)
    return at - 2 + 2 * struct.unpack_from(">i", image, at)[0]


def doubleword(image, at):
    if at < 0:
        raise struct.error(f"address {at:#x} outside the image")
    return struct.unpack_from(">Q", image, at)[0]


def unknown(name, why):
    return Failure(f"cannot prepare the kernel {name}: unknown boot stub ({why}); known are "
                   f"Debian 12's linux-image-s390x {' and '.join(stub.name for stub in STUBS)}")


# ---- a bug of 6.12 that keeps it from the network ----

# csum_partial() of a machine without vectors, in all kernels since 6.9: lghi %r0,0; lgr %r1,%r3; cksm %r4,%r0; jo.
# It sums up what is at address 0, in place of the packet at %r2, so that no TCP segment has the right checksum.
SUM_AT_ZERO = bytes.fromhex("a7090000 b9040013 b2410040 a714fffe")
SUM_AT_R2 = bytes.fromhex("b9040002 b9040013 b2410040 a714fffe")  # lgr %r0,%r2


def with_checksums(image):
    """A flat image whose network works in the box."""
    if image.count(SUM_AT_ZERO) > 1:
        raise Failure("this kernel has more than one csum_partial(); scripts/zbox/kernel.py has to learn about it")
    return image.replace(SUM_AT_ZERO, SUM_AT_R2)
