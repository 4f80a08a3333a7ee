# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes through much memory: gdb's find, compare-sections, dump and restore, and the packets behind them, which others do
not wait for."""

import re

END = 16 << 20


def found(text):
    return [int(address, 16) for address in re.findall("^(0x[0-9a-f]+)", text, re.M)]


def test_find(bench):
    gdb = bench.gdb(bench.zgdbd("calls", "--memory", "16M"))
    for address in (0x400ffe, 0x7fffff, END - 8):
        gdb.execute(f"set var *(long *){address:#x} = 0x1122334455667788")
    assert found(gdb.execute(f"find /g 0x300000, {END - 1:#x}, 0x1122334455667788")) == [0x400ffe, 0x7fffff, END - 8]
    assert found(gdb.execute("find /g 0x400ffe, +0x2000, 0x1122334455667788")) == [0x400ffe]
    assert found(gdb.execute("find /b 0x7ffff0, +0x20, 0x33, (char)0x44")) == [0x800001]
    assert found(gdb.execute("find &message, +64, \"zgdbd\"")) == []
    assert "Pattern not found" in gdb.execute("find 0x900000, +0x1000, (char)1")


def test_search_packets(bench):
    client = bench.rsp("calls", "--memory", "16M")
    client.write(END - 4, b"#$}*")
    assert client.packet(b"qSearch:memory:%x;%x;}\x03}\x04}\x5d" % (END - 0x20000, 0x20000)) == f"1,{END - 4:x}"
    assert client.packet(b"qSearch:memory:%x;%x;}\x03}\x04}\x5d" % (END - 4, 2)) == "0"
    assert client.packet(b"qSearch:memory:%x;%x;nowhere" % (END - 0x20000, 0x20000)) == "0"
    assert client.packet(b"qSearch:memory:%x;%x;nowhere" % (END - 0x20000, 0x20001)) == "E0e"
    assert client.packet(b"qCRC:%x,%x" % (END - 4, 5)) == "E0e"
    assert client.packet(b"qCRC:%x,%x" % (END, 0)) == "Cffffffff"


def test_compare_sections(bench):
    gdb = bench.gdb(bench.zgdbd("calls"))
    text = gdb.execute("compare-sections")
    assert ".text" in text and text.count("matched.") == text.count("Section") and "MIS" not in text
    gdb.execute("set var *(char *)add ^= 1")
    assert re.search("Section .text, .*MIS-MATCHED!", text := gdb.execute("compare-sections")) and text.count("MIS") == 1
    gdb.execute("set var *(char *)add ^= 1")
    assert "MIS" not in gdb.execute("compare-sections")
    gdb.execute("break add")
    gdb.go()
    assert "MIS-MATCHED" not in gdb.execute("compare-sections .text"), "breakpoints are not in what is compared"


def test_dump_and_restore(bench, tmp_path):
    gdb = bench.gdb(bench.zgdbd("calls", "--memory", "16M"))
    image = bytes(range(256)) * 0x500 + b"#$}*" * 0x4003
    (tmp_path / "in").write_bytes(image)
    gdb.execute(f"restore {tmp_path}/in binary 0xa00ffd")
    gdb.execute(f"dump binary memory {tmp_path}/out 0xa00ffd {0xa00ffd + len(image):#x}")
    assert (tmp_path / "out").read_bytes() == image
    assert gdb.memory(0xa00ffc, 1) == gdb.memory(0xa00ffd + len(image), 1) == b"\0"


def test_long_work_is_given_up(bench):
    """Others are served meanwhile, and what was sent behind it is answered after it."""
    daemon = bench.zgdbd("exits", "--memory", "512M")
    client = bench.client(daemon)
    client.send(f"qCRC:0,{512 << 20:x}")
    with daemon.rsp(start=False) as other:
        assert other.packet("?").startswith("E.another debugger")
    client.raw(b"\x03$qC#b4")
    assert client.reply(alive=True) == b"E04"
    assert client.reply() == b"QC1"
