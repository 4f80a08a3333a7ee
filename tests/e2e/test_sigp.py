# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGP: every order to another CPU, to the CPU itself and to none, in right and wrong states; stop, start, restart and the status
of a CPU by the debugger."""

from collections import namedtuple

import pytest
from zharness import guest, symbols

SIGP = symbols(guest("sigp"))
ENTRY = 64
MASK = 0x180000000
OPERAND = 0xaaaaaaaa00000000

SENSE, START, STOP, RESTART, STOP_AND_STORE, INITIAL_RESET, RESET, SET_PREFIX, STORE_AT, SET_ARCHITECTURE, ADDITIONAL = (
    1, 4, 5, 6, 9, 0xb, 0xc, 0xd, 0xe, 0x12, 0x17)
TO_ITSELF = 0x100

STOPPED_BIT, INVALID_PARAMETER, INCORRECT_STATE, INVALID_ORDER = 0x40, 0x100, 0x200, 0x02

RESTART_OLD, RESTART_NEW, SAVE_AREA, MEMORY = 0x120, 0x1a0, 0x1200, 256 << 20
PREFIX = 0x300000
SAVED = 0x310000  # store status at address: 512 bytes each

# For what the guest waits after an order.
NOTHING, STOPS, BEGINS, ROUND = range(4)

# The state that a sense tells then.
OPERATES, IS_STOPPED, NONE = (0, 0), (1, STOPPED_BIT), (3, 0)

Step = namedtuple("Step", "order cpu parameter wait cc status state")


class Cpus:
    """The guest of tests/guests/sigp.S behind a client."""

    def __init__(self, client):
        self.client = client
        client.insert(0, SIGP["sigp_done"])
        client.go()
        for lowcore in (0, PREFIX):
            client.write_u64(lowcore + RESTART_NEW, MASK)
            client.write_u64(lowcore + RESTART_NEW + 8, SIGP["sigp_other"])

    def send(self, *steps):
        """CPU 0 sends these orders; asserts what comes of each."""
        self.client.write(SIGP["sigp_table"], b"".join(
            b"".join(value.to_bytes(8, "big") for value in (s.order, s.cpu, s.parameter, s.wait)) + bytes(32) for s in steps))
        self.client.write_u64(SIGP["sigp_count"], len(steps))
        self.client.go()
        assert self.client.reg("pswa") == SIGP["sigp_done"]
        table = self.client.read(SIGP["sigp_table"], ENTRY * len(steps))
        for number, step in enumerate(steps):
            cc, operand, sensed, state = (int.from_bytes(table[at:at + 8], "big") for at in
                                          range(ENTRY * number + 32, ENTRY * (number + 1), 8))
            assert (cc, operand - OPERAND, (sensed, state)) == (step.cc, step.status, step.state), (number, step)

    def slot(self, cpu, field):
        return self.client.read_u64(SIGP["sigp_cpus"] + 64 * cpu + 8 * field)

    def begun(self, cpu=1):
        return self.slot(cpu, 0)

    def to_itself(self, cpu=1):
        """Condition code and status of the last order that it sent itself."""
        return self.slot(cpu, 3) - 1, self.slot(cpu, 4)


def step(order, parameter=0, wait=NOTHING, cc=0, status=0, state=OPERATES, cpu=1):
    return Step(order, cpu, parameter, wait, cc, status, state)


def refused(order, status, state, parameter=0, cpu=1):
    return step(order, parameter, NOTHING, 1, status, state, cpu)


@pytest.fixture
def cpus(bench):
    return Cpus(bench.rsp("sigp", "--cpus", "3"))


class Status:
    """What a store-status operation has put there."""

    def __init__(self, client, address):
        self.bytes = client.read(address, 512)

    def word(self, offset, size=8):
        return int.from_bytes(self.bytes[offset:offset + size], "big")

    def assert_of_the_guest(self, prefix):
        """Of a CPU that went round at sigp_other."""
        assert self.word(0x20) == 0x6666666600000000           # FPR 4
        assert self.word(0x80 + 8 * 3) == 1                    # GR 3
        assert self.word(0x80 + 8 * 6) == 0x6666666600000000
        assert self.word(0x100) & ~(3 << 44) == MASK
        assert SIGP["sigp_other"] < self.word(0x108) < SIGP["sigp_other"] + 0x100
        assert self.word(0x118, 4) == prefix
        assert self.word(0x140 + 4 * 5, 4) == 0xa5a5a5a5       # AR 5
        assert self.word(0x180 + 8 * 5) == 0x5555000000000000  # CR 5
        assert self.bytes[0x130] == 0                          # of the clock comparator are bits 0-55


def test_orders(cpus):
    client = cpus.client
    cpus.send(
        step(SENSE, cc=1, status=STOPPED_BIT, state=IS_STOPPED),
        refused(SET_PREFIX, INVALID_PARAMETER, IS_STOPPED, MEMORY),
        step(SET_PREFIX, PREFIX, state=IS_STOPPED),
        step(STOP, state=IS_STOPPED),
        step(RESTART, wait=BEGINS))
    assert cpus.begun() == 1
    assert client.read(PREFIX + RESTART_OLD, 16) == bytes(16)
    cpus.send(
        refused(SET_PREFIX, INCORRECT_STATE, OPERATES, PREFIX),
        refused(SET_PREFIX, INVALID_PARAMETER, OPERATES, MEMORY),
        refused(STORE_AT, INCORRECT_STATE, OPERATES, SAVED),
        refused(SET_ARCHITECTURE, INCORRECT_STATE, OPERATES, 1),
        refused(0x33, INVALID_ORDER, OPERATES),
        step(START),
        step(STOP, wait=STOPS, state=IS_STOPPED),
        step(STOP, state=IS_STOPPED),
        refused(SET_ARCHITECTURE, INVALID_PARAMETER, IS_STOPPED, 1),
        step(STORE_AT, SAVED + 0x1ff, state=IS_STOPPED),
        refused(STORE_AT, INVALID_PARAMETER, IS_STOPPED, MEMORY),
        step(START, wait=ROUND),
        step(STOP_AND_STORE, wait=STOPS, state=IS_STOPPED))
    assert cpus.begun() == 1
    Status(client, SAVED).assert_of_the_guest(PREFIX)
    Status(client, SAVE_AREA).assert_of_the_guest(PREFIX)
    assert client.read(0xa3, 1) == b"\x01"
    client.write(SAVE_AREA, bytes(512))
    cpus.send(
        step(STOP_AND_STORE, state=IS_STOPPED),
        step(RESTART, wait=BEGINS),
        step(RESTART, wait=BEGINS),
        step(RESET, wait=STOPS, state=IS_STOPPED),
        step(STORE_AT, SAVED + 0x200, state=IS_STOPPED),
        step(RESTART, wait=BEGINS))
    assert cpus.begun() == 4
    Status(client, SAVE_AREA).assert_of_the_guest(PREFIX)
    Status(client, SAVED + 0x200).assert_of_the_guest(PREFIX)
    cpus.send(
        step(INITIAL_RESET, wait=STOPS, state=IS_STOPPED),
        step(STORE_AT, SAVED + 0x400, state=IS_STOPPED),
        step(RESTART, wait=BEGINS))
    initial = Status(client, SAVED + 0x400)
    assert initial.bytes[0x100:0x120] == bytes(32)  # PSW, prefix, FPC
    assert initial.word(0x180) == 0xe0 and initial.word(0x180 + 8 * 5) == 0
    assert initial.word(0x80 + 8 * 6) == 0x6666666600000000  # general registers stay
    assert client.read(RESTART_OLD, 16) == bytes(16)
    cpus.send(  # a prefix of a CPU that has run
        step(STOP, wait=STOPS, state=IS_STOPPED),
        step(SET_PREFIX, PREFIX, state=IS_STOPPED),
        step(START, wait=ROUND),
        step(STOP_AND_STORE, wait=STOPS, state=IS_STOPPED))
    Status(client, SAVE_AREA).assert_of_the_guest(PREFIX)


def test_orders_to_nobody(cpus):
    everything = (SENSE, START, STOP, RESTART, STOP_AND_STORE, INITIAL_RESET, RESET, SET_PREFIX, STORE_AT, ADDITIONAL, 0x33)
    cpus.send(*(step(order, PREFIX, cc=3, state=NONE, cpu=address) for order in everything for address in (3, 63, 64, 0xffff)))


def test_orders_to_the_sender(cpus):
    """Those after which CPU 0 still goes on."""
    cpus.send(
        step(SENSE, cpu=0), step(START, cpu=0),
        refused(SET_PREFIX, INCORRECT_STATE, OPERATES, PREFIX, cpu=0),
        refused(STORE_AT, INCORRECT_STATE, OPERATES, SAVED, cpu=0),
        refused(0x33, INVALID_ORDER, OPERATES, cpu=0))


def test_orders_to_itself(cpus):
    """CPU 1 sends them to itself, CPU 0 sees what becomes of it; CPU 2 has nothing to do with it."""
    cpus.send(step(RESTART, wait=BEGINS), step(RESTART, wait=BEGINS, cpu=2),
              step(TO_ITSELF + STOP, wait=STOPS, state=IS_STOPPED),
              step(SENSE, cpu=2),
              step(START, wait=ROUND))
    assert cpus.to_itself() == (0, 0)
    cpus.send(step(TO_ITSELF + SET_PREFIX, wait=ROUND), step(SENSE, wait=ROUND), step(SENSE, wait=ROUND))
    assert cpus.to_itself() == (1, INCORRECT_STATE)
    assert cpus.begun() == 1
    cpus.send(step(TO_ITSELF + RESTART, wait=BEGINS),
              step(TO_ITSELF + STOP_AND_STORE, wait=STOPS, state=IS_STOPPED))
    Status(cpus.client, SAVE_AREA).assert_of_the_guest(0)
    cpus.send(step(START, wait=ROUND),
              step(TO_ITSELF + RESET, wait=STOPS, state=IS_STOPPED),
              step(RESTART, wait=BEGINS),
              step(TO_ITSELF + INITIAL_RESET, wait=STOPS, state=IS_STOPPED),
              step(STORE_AT, SAVED, state=IS_STOPPED),
              step(SENSE, wait=ROUND, cpu=2))
    assert cpus.begun() == 3
    assert Status(cpus.client, SAVED).bytes[0x100:0x110] == bytes(16)
    assert cpus.begun(2) == 1


# ---- by the debugger ----


def states(client):
    return [line.split(": ")[1].split(",")[0] for line in client.monitor("cpus").splitlines()]


def test_stop_and_start(cpus):
    client = cpus.client
    cpus.send(step(RESTART, wait=BEGINS))
    assert states(client) == ["operating", "operating", "stopped"]
    assert "CPU 1 is stopped" in client.monitor("stop-cpu 1")
    assert "stopped already" in client.monitor("stop-cpu 1")
    assert states(client) == ["operating", "stopped", "stopped"]
    rounds = cpus.slot(1, 1)
    cpus.send(step(SENSE, cc=1, status=STOPPED_BIT, state=IS_STOPPED))
    assert cpus.slot(1, 1) == rounds
    assert "CPU 1 is started" in client.monitor("start-cpu 1")
    cpus.send(step(SENSE, wait=ROUND))
    assert cpus.begun() == 1


def test_store_status(cpus):
    client = cpus.client
    cpus.send(step(SET_PREFIX, PREFIX, state=IS_STOPPED), step(RESTART, wait=BEGINS))
    assert "absolute 0x1200" in client.monitor("store-status 1")
    Status(client, SAVE_AREA).assert_of_the_guest(PREFIX)
    client.monitor("store-status")
    stored = Status(client, SAVE_AREA)
    assert (stored.word(0x100), stored.word(0x108)) == client.psw()
    assert stored.word(0x118, 4) == 0
    assert "There is no CPU \"3\"" in client.monitor("store-status 3")
