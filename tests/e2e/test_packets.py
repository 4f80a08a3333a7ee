# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets over a real connection in every way in which they can arrive; tests/unit/packet_table.c has them all."""

import re
import time

import pytest
from zharness import guest, symbols
from zharness.rsp import checksum

MAIN = symbols(guest("calls"))["guest_main"]

STOP = r"T05[0-9a-f]{2}:[0-9a-f]+;.*thread:p1\.1;.*"
ROWS = [
    ("qSupported:multiprocess+;swbreak+;hwbreak+", "PacketSize=20000;.*"),
    ("?", STOP),
    ("qAttached:1", "1"),
    ("vMustReplyEmpty", ""),
    ("g", "[0-9a-f]{400,}"),
    ("p1", "[0-9a-f]{16}"),
    ("p1000", "E16"),
    ("m200000,3", "000000"),
    ("X200000,4:}\x03}\x04}\x0a}]", "OK"),
    ("m200000,4", "23242a7d"),
    ("x200000,4", r"b#\$\*}"),
    ("M200000,4:00000000", "OK"),
    ("x200000,0", "b"),
    ("m7fffffffffffffff,4", "E0e"),
    (f"Z0,{MAIN:x},2", "OK"),
    (f"z0,{MAIN:x},2", "OK"),
    ("Z2,200000,8", "OK"),
    ("z2,200000,8", "OK"),
    ("Z4,200000,8", ""),
    ("vCont;s:p1.1", STOP),
    ("vCont;x", "E16"),
    ("s", STOP),
    ("vCont?", "vCont;c;C;s;S;t.*"),
    ("Hgp1.1", "OK"),
    ("Tp1.9", "E03"),
    ("qfThreadInfo", r"mp1\.1"),
    ("qXfer:features:read:target.xml:0,5", r"m<\?xml"),
    ("qXfer:threads:read::0,1000", r"l<\?xml.*<thread id=\"p1\.1\".*"),
    ("vFile:open:2f6e6f6e65,0,0", "F-1,2"),
    ("vFile:stat:2f6e6f6e65", "F-1,2"),
    ("vFile:unlink:2f6e6f6e65", "F-1,1e"),
    ("qSearch:memory:200000;100000;}\x03x", "0"),
    ("qCRC:200000,4", "Cc704dd7b"),
    ("QNonStop:0", "OK"),
    ("vCtrlC", "OK"),
    ("QThreadEvents:0", "OK"),
    ("QPassSignals:e;10", "OK"),
    ("qRcmd,707377", "O[0-9a-f]+,OK"),
    ("qRcmd,6", "E16"),
    ("bs", ""),
    ("qTStatus", ""),
    ("QTinit", ""),
]


def frame(request):
    payload = request.encode("latin-1")
    return b"$" + payload + b"#" + checksum(payload)


def answer(client):
    """The reply; what a monitor command prints in front of it."""
    replies = [client.reply().decode("latin-1")]
    while replies[-1].startswith("O") and replies[-1] != "OK":
        replies.append(client.reply().decode("latin-1"))
    return ",".join(replies)


def acknowledged(client):
    client.expect_ack(time.monotonic() + client.timeout)
    return answer(client)


def alone(client, data):
    client.raw(data)
    return acknowledged(client)


def behind_another(client, data):
    client.raw(frame("qAttached") + data)
    assert acknowledged(client) == "1"
    return acknowledged(client)


def byte_by_byte(client, data):
    for byte in data:
        client.raw(bytes([byte]))
    return acknowledged(client)


def corrupted(client, data):
    client.raw(data[:-1] + (b"1" if data.endswith(b"0") else b"0"))
    while not client.buffer:
        client.receive(time.monotonic() + client.timeout)
    assert client.buffer == b"-"
    client.buffer = b""
    return alone(client, data)


def repeated(client, data):
    first = alone(client, data)
    client.raw(b"-")
    assert answer(client) == first
    return first


@pytest.mark.parametrize("way", [alone, behind_another, byte_by_byte, corrupted, repeated])
def test_packets(bench, way):
    with bench.zgdbd("calls").rsp(start=False) as client:
        for request, reply in ROWS:
            got = way(client, frame(request))
            assert re.fullmatch(reply, got, re.S), (request, got)


def test_packets_without_acks(bench):
    """All in one write, before the first reply; of those that the guest must stand still for."""
    client = bench.rsp("calls")
    rows = [row for row in ROWS if row[1] != STOP]
    client.raw(b"".join(frame(request) for request, _ in rows))
    for request, reply in rows:
        got = answer(client)
        assert re.fullmatch(reply, got, re.S), (request, got)
