# SPDX-License-Identifier: GPL-2.0-or-later
"""What this machine's gdb is too old for, with that of Debian's next release: binary reads and errors in words."""

import pytest
from conftest import later_gdb
from zharness import GdbError, guest, symbols

pytestmark = [pytest.mark.long, later_gdb]
CALLS = symbols(guest("calls"))
NOWHERE = 0x7fff00000000
DATA = 0x300000


def test_memory_is_read_in_binary(bench):
    """Every byte, those that the protocol escapes among them, and a block larger than a packet."""
    gdb = bench.gdb(bench.zgdbd("calls"))
    pattern = bytes(range(256)) + b"}*#$" * 64
    gdb.execute(f"set var *(unsigned char (*)[{len(pattern)}]) {DATA} = {{{','.join(map(str, pattern))}}}")
    text, sent = gdb.traced(f"output/x *(unsigned char (*)[{len(pattern)}]) {DATA}")
    assert [packet for packet in sent if packet[0] in "mx"] == [f"x{DATA:x},{len(pattern):x}"]
    assert gdb.memory(DATA, len(pattern)) == pattern
    assert gdb.memory(DATA - 0x100000, 0x200000) == bytes(0x100000) + pattern + bytes(0x100000 - len(pattern))
    _, sent = gdb.traced("x/4i $pc")
    assert {packet[0] for packet in sent} == {"x"}


def test_refusals_are_told_in_words(bench):
    gdb = bench.gdb(bench.zgdbd("calls"))
    gdb.execute("stepi")
    with pytest.raises(GdbError, match="remote failure reply 'this register cannot be changed'"):
        gdb.execute("set $prefix = 1")
    with pytest.raises(GdbError, match=f"Cannot access memory at address {NOWHERE:#x}"):
        gdb.execute(f"print *(int *) {NOWHERE}")
    gdb.execute("hbreak *0x20001")
    with pytest.raises(GdbError, match="instructions are at even addresses"):
        gdb.execute("continue")
    gdb.execute("delete")
    gdb.execute("tbreak guest_main")
    assert gdb.go().address == CALLS["guest_main"]


def test_error_messages_were_announced(bench):
    text, sent = bench.gdb().traced(f"target remote {bench.zgdbd('calls').address}")
    assert "error-message+" in sent[0]
    assert "warning" not in text.replace("warning: File transfers from remote targets can be slow", "")
    assert "_start ()" in text
