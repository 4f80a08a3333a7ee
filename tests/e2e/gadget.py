# SPDX-License-Identifier: GPL-2.0-or-later
"""Code that a test puts at a random address of its own and runs with a random valid PSW: what the daemon tells afterwards can
then only be right if it comes from the guest. The seed is fixed (ZGDBD_SEED changes it), so a failure comes again."""

import os
import random

from zharness import guest, symbols

# Addressing modes (PSW bits) and the end of the storage that code is put in. 24-bit mode is a range of its own: once it was
# used, Hercules 3.13 fetches instructions of a guest wrongly from pages above 16 MiB that are new to it.
RANGES = {"low": ((0, 0x80000000, 0x180000000), 1 << 24), "high": ((0x80000000, 0x180000000), 1 << 28)}
WAIT = 0x0002000000000000
EXTERNAL = 0x0100000000000000
PROBLEM_STATE = 0x0001000000000000
INTERRUPTIBLE = 0x0304000000000000  # I/O, external, machine check
KEYS_CC_MASK = 0x00f03f0000000000
SPACES = 0x0000c00000000000
CC = 0x0000300000000000

NOTHING = bytes.fromhex("1811")          # LR 1,1
BRANCH_TO_ITSELF = bytes.fromhex("a7f40000")
COUNT = bytes.fromhex("a71b0001a7f4fffe")  # AGHI 1,1; J to it
SERVICE_CALL = bytes.fromhex("b2200012")   # SERVC 1,2
DIAG_308 = bytes.fromhex("83010308")       # DIAG 0,1
DIAG_500 = bytes.fromhex("83020500")
DIAG_UNKNOWN = bytes.fromhex("83000999")
OPERATION = bytes.fromhex("b9ff0000")
SIGP_STOP = bytes.fromhex("ae130005")      # SIGP 1,3: to CPU in r3
LPSWE = bytes.fromhex("b2b21000")          # LPSWE 0(1)
EXTRACT_PSW = bytes.fromhex("b98d0023c04000000000")  # EPSW 2,3; LARL 4,.

PROGRAM_OLD = 0x150
PROGRAM_NEW = 0x1d0
PROGRAM_CODE = 0x8e


def idle_guest(bench):
    """A client of the guest "exits", which stands at exits_idle and would go round there."""
    client = bench.rsp("exits")
    idle = symbols(guest("exits"))["exits_idle"]
    client.insert(0, idle)
    client.go()
    client.remove(0, idle)
    return client


class Gadget:
    """Random addresses and PSWs for the guest behind a client."""

    def __init__(self, client, name, where):
        self.client = client
        self.modes, self.end = RANGES[where]
        self.random = random.Random(f"{os.environ.get('ZGDBD_SEED', '1')} {name}")

    def address(self):
        """An even address above 1 MiB with 4 KiB of room."""
        return self.random.randrange(0x100000, self.end - 0x1000, 2)

    def psw(self, extra=0, without=0):
        """(mask, address): key, condition code, program mask, space bits (DAT is off), interruptions that cannot come (the
        control registers forbid them) and addressing mode at random."""
        bits = self.random.getrandbits(64) & (KEYS_CC_MASK | SPACES | INTERRUPTIBLE)
        return self.random.choice(self.modes) | (bits | extra) & ~without, self.address()

    def place(self, code, extra=0, without=0):
        """Store code at a random address, and let the PSW point there."""
        mask, address = self.psw(extra, without)
        self.client.write(address, code)
        self.client.set_psw(mask, address)
        return mask, address

    def program_handler(self):
        """A random program new PSW; returns it."""
        mask, address = self.psw()
        self.client.write(PROGRAM_NEW, mask.to_bytes(8, "big") + address.to_bytes(8, "big"))
        self.client.write(address, NOTHING * 4)
        return mask, address

    def program_interruption(self):
        """(code, old mask, old address) of the last one."""
        return (int.from_bytes(self.client.read(PROGRAM_CODE, 2), "big"), self.client.read_u64(PROGRAM_OLD),
                self.client.read_u64(PROGRAM_OLD + 8))
