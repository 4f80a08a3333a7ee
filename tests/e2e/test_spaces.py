# SPDX-License-Identifier: GPL-2.0-or-later
"""Address spaces: what gdb reads and writes in each, beside what the guest sees there; translations step by step; the prefix area
and the PSW in words."""

import re

import pytest
from zharness import GdbError, guest, symbols

ACCESS = symbols(guest("access"))
SHARED = 0x1f000000
FRAMES = [ACCESS["frames"] + 4096 * n for n in range(4)]
PRIMARY, SECONDARY, HOME, FOURTH = (0x1111111111111111 * (n + 1) for n in range(4))


def at_ar_mode(gdb):
    gdb.execute("break access_ready")
    gdb.go()
    gdb.execute("break *&ar_mode")
    gdb.go()


def shared(gdb):
    return gdb.value(f"*(unsigned long *) {SHARED:#x}")


def test_gdb_reads_what_the_guest_reads(bench):
    """In access-register mode itself: four operands, each in the space that its access register selects."""
    gdb = bench.gdb(bench.zgdbd("access"))
    at_ar_mode(gdb)
    assert "access-register mode" in gdb.execute("monitor space")
    guest_saw = [gdb.value(f"$r{n}") for n in range(10, 14)]
    assert guest_saw == [PRIMARY, SECONDARY, FOURTH, FOURTH]
    for space, value in zip(("ar 5", "ar 6", "ar 3", "ar 8"), guest_saw):
        gdb.execute(f"monitor space {space}")
        assert shared(gdb) == value, space
    for space, value in (("psw", PRIMARY), ("primary", PRIMARY), ("secondary", SECONDARY), ("home", HOME), ("default", PRIMARY)):
        gdb.execute(f"monitor space {space}")
        assert shared(gdb) == value, space
    for space in ("real", "absolute"):
        gdb.execute(f"monitor space {space}")
        assert gdb.value(f"*(long *) {FRAMES[1]:#x}") == SECONDARY
    for space in ("ar 9", "ar 10", "home"):
        gdb.execute(f"monitor space {space}")
        with pytest.raises(GdbError, match="Cannot access memory"):
            gdb.value(f"*(long *) {SHARED + (0x4000 if space == 'home' else 0):#x}")


def test_gdb_writes_what_the_guest_reads(bench):
    gdb = bench.gdb(bench.zgdbd("access"))
    at_ar_mode(gdb)
    gdb.execute("monitor space ar 3")
    gdb.execute(f"set var *(unsigned long *) {SHARED:#x} = 0x1234567890abcdef")
    assert f"{SHARED + 8 * 77:#x}" in gdb.execute(f"set var *(char *) {SHARED + 8 * 77:#x} = 0x99") + gdb.execute(
        f"find /b {SHARED:#x}, +4096, 0x99")
    gdb.execute("monitor space default")
    assert shared(gdb) == PRIMARY
    gdb.go()  # the next pass
    assert gdb.value("$r12") == gdb.value("$r13") == 0x1234567890abcdef
    assert gdb.value("$r10") == PRIMARY


def test_the_setting_goes_with_the_debugger(bench):
    daemon = bench.zgdbd("access")
    client = bench.client(daemon)
    client.start()
    client.insert(0, ACCESS["access_ready"])
    client.go()
    client.monitor("space secondary")
    assert client.read_u64(SHARED) == SECONDARY
    client.ok("Qqemu.PhyMemMode:1")
    assert client.read_u64(FRAMES[2]) == HOME
    assert "Qqemu.PhyMemMode:1 goes before" in client.monitor("space")
    client.ok("Qqemu.PhyMemMode:0")
    assert client.read_u64(SHARED) == SECONDARY
    assert "no address space \"ar 16\"" in client.monitor("space ar 16")
    assert client.read_u64(SHARED) == SECONDARY
    client.packet("D;1")
    client.close()
    client = bench.client(daemon)
    client.start()
    assert "default" in client.monitor("space")
    assert client.read_u64(SHARED) in (PRIMARY, HOME)  # wherever it was stopped
    assert client.packet("?").startswith("T")


def absolute(text):
    return int(re.search(r"^absolute 0x([0-9a-f]+)", text, re.M)[1], 16)


def test_translate(bench):
    client = bench.rsp("access")
    client.insert(0, ACCESS["access_ready"])
    client.go()

    def translate(words):
        return client.monitor(f"translate {words}")

    text = translate(f"{SHARED:#x} ar 3")
    assert "0x1f000000 on CPU 0, understood as ar 3" in text and "ALET 00000000: the primary space" in text
    assert absolute(text) == FRAMES[0]
    assert "storage key: the guest uses none" in translate(f"{FRAMES[3]:#x} real")
    client.insert(0, ACCESS["pass_done"])
    client.go()
    text = translate(f"{SHARED + 8:#x} ar 3")
    assert absolute(text) == FRAMES[3] + 8
    assert re.findall(r"^(ALET|access-list|ASN|authority|ASCE|segment|page)", text, re.M) == [
        "ALET", "access-list", "access-list", "ASN", "authority", "ASCE", "segment", "page"]
    assert "private to authorization index 9" in text and "protection: stores are allowed\n" in text
    assert "ALET 005a0002" in text
    key = client.read_u64(ACCESS["key_seen"])
    assert key & 0xf8 == 0x30
    assert "storage key 3" in text and "access-control bits 3, not fetch-protected" in text
    assert "stores are forbidden by the access-list entry" in translate(f"{SHARED:#x} ar 8")
    assert "code 0x29, ALEN translation: the access-list entry is invalid" in translate(f"{SHARED:#x} ar 9")
    assert "code 0x2a, ALE sequence" in translate(f"{SHARED:#x} ar 10")
    text = translate(f"{client.read_u64(ACCESS['protected_page']):#x} primary")
    assert "stores are forbidden by the page-table entry" in text and absolute(text) == FRAMES[0]
    text = translate(f"{client.read_u64(ACCESS['no_execute_page'])} primary")
    assert "no-execute is not in force" in text and absolute(text) == FRAMES[0]
    text = translate(f"{SHARED + 0x4000:#x} home")
    assert "code 0x11, page translation: the page is invalid" in text
    assert re.search(r"page-table entry 4 at 0x[0-9a-f]+: 0000000000000400: ", text)
    assert "ASCE type" in translate("0x80000000 secondary")


def test_psw_and_lowcore(bench):
    """The new PSWs that the guest has set are in the prefix area, and the PSW is the one that gdb sees."""
    gdb = bench.gdb(bench.zgdbd("regs", "--cpus", "2"))
    gdb.execute("break guest_main")
    gdb.go()
    text = gdb.execute("monitor lowcore")
    assert re.search(r"^01d0 program new PSW: 0000000180000000 [0-9a-f]{16}: supervisor state", text, re.M)
    assert f"{gdb.value('(long) &pgm_handler'):016x}" in text
    assert "zero: " in text and "machine-check-interruption code" in text[text.index("zero: "):]
    assert gdb.execute("monitor lowcore 0") == text
    assert gdb.execute("monitor lowcore 1") == text.replace("CPU 0,", "CPU 1,")  # one prefix, as nothing has set another
    assert 'no CPU "7"' in gdb.execute("monitor lowcore 7")
    text = gdb.execute("monitor psw")
    assert text.startswith(f"CPU 0, PSW {gdb.psw()[0]:016x} {gdb.psw()[1]:016x}: ")
    assert re.search(r"^bit +5 +T +dynamic address translation \(DAT\): off$", text, re.M)
    gdb.execute("set $pswm = $pswm | 0x0400c00000000000")
    text = gdb.execute("monitor psw")
    assert re.search(r"\(DAT\): on$", text, re.M) and "address-space control: home space" in text
