# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a Debian s390x vmlinuz start without decompressing itself, which saves three
quarters of a minute under emulation. The result is one flat image: the boot stub, whose
decompress_kernel() returns at once, and the kernel proper where the stub would put it.
Refuses a stub that it does not know."""

import lzma
import struct

from .common import Failure

# The start of decompress_kernel() as Debian's compiler makes it: stmg, lghi/basr-free
# prologue, then three "lgrl" loads of _end, _compressed_end and _compressed_start.
PROLOGUE = bytes.fromhex("eb6ff0480024" "b90400ef" "e3f0ff40ff71" "e3e0f0980024")
LGRL_R4 = b"\xc4\x48"

# decompress_kernel() leaves room for its heap behind the stub and aligns to a page.
HEAP_AND_ALIGN = 0x10fff

# What "this is a bootable Linux for s390" looks like in a flat image.
MARK = b"S390EP"
MARK_AT = 0x10008


def flat_image(vmlinuz, name):
    """Return the flat, fast-starting image made from the bytes of a vmlinuz."""
    image = bytearray(vmlinuz)
    if image[MARK_AT:MARK_AT + len(MARK)] != MARK:
        raise unknown(name, f"no {MARK.decode()} at {MARK_AT:#x}")
    function = image.find(PROLOGUE + LGRL_R4)
    if function < 0 or image.find(PROLOGUE + LGRL_R4, function + 1) >= 0:
        raise unknown(name, "decompress_kernel() not recognized")

    try:
        loads = function + len(PROLOGUE)
        got_end = relative_target(image, loads)
        end = doubleword(image, got_end)
        packed_end = doubleword(image, relative_target(image, loads + 6))
        packed_start = doubleword(image, relative_target(image, loads + 12))
        packed = bytes(image[packed_start:packed_end])
        kernel = lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(packed)
    except (struct.error, lzma.LZMAError) as error:
        raise unknown(name, f"compressed kernel not found: {error}") from None

    load_at = (end + HEAP_AND_ALIGN) & ~0xfff
    if load_at < len(image) or not kernel:
        raise unknown(name, f"kernel would be loaded at {load_at:#x}, inside the stub")
    returns_at_once = shortcut(got_end - function)
    image[function:function + len(returns_at_once)] = returns_at_once
    return bytes(image.ljust(load_at, b"\0")) + kernel


def shortcut(distance):
    """The new decompress_kernel(): compute the load address, return it."""
    return (b"\xc4\x18" + struct.pack(">i", distance // 2)  # lgrl %r1,_end
            + bytes.fromhex("e3101fff1071")                  # lay  %r1,0x10fff(%r1)
            + bytes.fromhex("a517f000")                      # nill %r1,0xf000
            + bytes.fromhex("b9040021")                      # lgr  %r2,%r1
            + bytes.fromhex("07fe"))                         # br   %r14


def relative_target(image, at):
    """Address that the relative-long instruction at AT refers to."""
    return at + 2 * struct.unpack_from(">i", image, at + 2)[0]


def doubleword(image, at):
    if at < 0:
        raise struct.error(f"address {at:#x} outside the image")
    return struct.unpack_from(">Q", image, at)[0]


def unknown(name, why):
    return Failure(f"cannot prepare the kernel {name}: unknown boot stub ({why}); only "
                   "Debian 12's linux-image-s390x 6.1 with xz compression is known")
