# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the symbol table of a guest's ELF (64 bit, big endian): the truth against which a debugger's addresses are
held."""

import functools
import struct

SECTION = struct.Struct(">IIQQQQIIQQ")
SYMBOL = struct.Struct(">IBBHQQ")
SYMTAB = 2


@functools.lru_cache(maxsize=None)
def symbols(path):
    """{name: address} of all named symbols."""
    with open(path, "rb") as source:
        image = source.read()
    table, = struct.unpack_from(">Q", image, 0x28)
    size, count = struct.unpack_from(">HH", image, 0x3a)
    sections = [SECTION.unpack_from(image, table + i * size) for i in range(count)]
    found = {}
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind != SYMTAB:
            continue
        strings = sections[link][4]
        for at in range(offset, offset + length, SYMBOL.size):
            name, _, _, _, value, _ = SYMBOL.unpack_from(image, at)
            begin = strings + name
            text = image[begin:image.index(b"\0", begin)].decode()
            if text:
                found[text] = value
    return found
