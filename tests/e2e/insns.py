# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets the guest of tests/guests/instructions.S execute single instructions, and tells what each did."""

from collections import namedtuple

from zharness import guest, symbols

SYMBOLS = symbols(guest("instructions"))
PAGE = SYMBOLS["insn_page"]
DONE = SYMBOLS["insn_done"]
ENTRY = 80

# program: interruption code, 0 for none. cc: 2 if the instruction set none. regs: general registers 0-3 after it.
Result = namedtuple("Result", "program cc regs")


def encode(code, regs):
    instruction = bytes.fromhex(code)
    padded = (instruction + b"\x07\x00\x07\x00")[:6]
    registers = b"".join(value.to_bytes(8, "big") for value in (*regs, 0, 0, 0, 0)[:4])
    return registers + padded + bytes(42)


def put(client, calls):
    """The table for the next pass, of (code in hexadecimal digits, first general registers), and the PSW before it."""
    client.write(SYMBOLS["insn_table"], b"".join(encode(code, regs) for code, regs in calls))
    client.write_u64(SYMBOLS["insn_count"], len(calls))
    client.set_psw(0x180000000, SYMBOLS["guest_main"])


def results(client, count):
    data = client.read(SYMBOLS["insn_table"], ENTRY * count)
    entries = [data[at:at + ENTRY] for at in range(0, len(data), ENTRY)]
    return [Result(int.from_bytes(e[40:44], "big"), int.from_bytes(e[44:48], "big"),
                   [int.from_bytes(e[at:at + 8], "big") for at in range(48, 80, 8)]) for e in entries]


def started(bench, *options):
    """A client whose guest stands at insn_done, where a breakpoint is."""
    client = bench.rsp("instructions", *options)
    client.insert(0, DONE)
    client.go()
    assert client.reg("pswa") == DONE
    return client


def execute(client, *calls):
    """One pass over the calls."""
    put(client, calls)
    stop = client.go()
    assert client.reg("pswa") == DONE, stop
    return results(client, len(calls))
