# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured with one connection to a stub: single round trips, and work that takes one stub one packet and another
one many. Every case checks that the guest did what it was to do."""

import re

import zbox
from zbench.programs import run_floor

# The guest for round trips: aghi %r2,1; aghi %r3,1; j back to the first, where DAT is off.
LOOP = bytes.fromhex("a72b0001a73b0001a7f4fffc")
LOOP_AT = 0x3000
STOP_AT = LOOP_AT + 4
AFTER_STOP = LOOP_AT + 8
# Kernel code in the image, which run lengths shorten little.
MEMORY_AT = 0x600000

# The guest for the rest: aghi %r3,1; brctg %r2 back to it; j to itself. Where the image's kernel lies, so that zgdbd
# takes it for code that is there to stay.
WORK = bytes.fromhex("a73b0001" "a727fffe" "a7f40000")
WORK_AT = 0x700000
WORK_END = WORK_AT + 8

BARE_RUNS = {"stepi_rtt": "step", "sw_breakpoint_hit": "sw", "hw_breakpoint_hit": "hw"}

DUMP_BYTES = 64 << 20
# Through QEMU's stub the whole would take minutes: this much is read and its time multiplied.
QEMU_DUMP_BYTES = 1 << 20
BREAKPOINTS = 1000


class Stub:
    """A stub whose guest is in the loop."""

    def __init__(self, program):
        self.name = program.name
        self.rsp = program.connect()
        features = self.rsp.start()
        self.packet_size = int(re.search("PacketSize=([0-9a-fA-F]+)", features)[1], 16)
        self.rsp.write(LOOP_AT, LOOP)
        self.rsp.write(WORK_AT, WORK)
        self.rsp.set_reg("pswa", LOOP_AT)
        self.has_x = self.rsp.bytes(f"x{MEMORY_AT:x},10")[:1] == b"b"
        self.ranges = "r" in self.rsp.packet("vCont?").split(";")
        self.conditions = "ConditionalBreakpoints+" in features

    def close(self):
        self.rsp.close()

    # ---- round trips ----

    def reads(self, letter, size, start=MEMORY_AT):
        """The packets with which gdb would read SIZE bytes: none longer than the stub wants them."""
        most = min(size, self.packet_size // 2)
        return [f"{letter}{at:x},{min(most, start + size - at):x}".encode()
                for at in range(start, start + size, most)]

    def requests(self, case):
        """The packets that make up one sample of a round trip; None where the stub cannot."""
        if case == "x_64k_rtt":
            return self.reads("x", 0x10000) if self.has_x else None
        if case in ("m_2k_rtt", "m_64k_rtt"):
            return self.reads("m", 0x800 if case == "m_2k_rtt" else 0x10000)
        if case == "p_rtt":
            return [f"p{self.rsp.registers()['pswa'][0]:x}".encode()]
        return [{"stepi_rtt": b"vCont;s", "g_rtt": b"g"}.get(case, b"vCont;c")]

    def prepare(self, case):
        self.rsp.set_reg("pswa", LOOP_AT)
        if case.endswith("_hit"):
            self.rsp.insert(0 if case.startswith("sw") else 1, STOP_AT)

    def before_sample(self, case):
        """Not timed. A raw continue would not get off a breakpoint in QEMU, whose debugger has to step: start after it."""
        if case.endswith("_hit"):
            self.rsp.set_reg("pswa", AFTER_STOP)

    def check(self, case, samples, reply):
        """Were these the answers they should be?"""
        wanted = {"stepi_rtt": LOOP_AT + samples % 3 * 4, "sw_breakpoint_hit": STOP_AT, "hw_breakpoint_hit": STOP_AT}
        self.expect(case, wanted.get(case, LOOP_AT), reply)
        if case.endswith("_hit"):
            self.rsp.remove(0 if case.startswith("sw") else 1, STOP_AT)

    def expect(self, case, wanted, reply=b""):
        address = self.rsp.reg("pswa")
        if address != wanted or b"$E" in reply[:3]:
            raise zbox.Failure(f"{case} of {self.name}: PSW address {address:#x}, last reply {reply[:80]!r}")

    def measure(self, case, samples):
        """Seconds of each sample, and the sizes of the replies."""
        requests = self.requests(case)
        if requests is None:
            return [], []
        self.prepare(case)
        times = []
        for _ in range(samples):
            self.before_sample(case)
            exchanges = [self.rsp.exchange(request) for request in requests]
            times.append(sum(took for took, _, _ in exchanges))
        self.check(case, samples, exchanges[-1][1])
        return times, [size for _, _, size in exchanges]

    # ---- work: each returns seconds for one of what it counts ----

    def begin_work(self, rounds):
        self.rsp.set_reg("pswa", WORK_AT)
        self.rsp.set_reg("r2", rounds)
        self.rsp.set_reg("r3", 0)

    def end_work(self, case, rounds):
        self.expect(case, WORK_END)
        if self.rsp.reg("r3") != rounds:
            raise zbox.Failure(f"{case} of {self.name}: {self.rsp.reg('r3')} rounds instead of {rounds}")

    def range_step(self):
        """From the loop's first instruction to the one behind it, 2 steps a round."""
        rounds = 4000 if self.ranges else 40
        self.begin_work(rounds)
        if self.ranges:
            took = self.rsp.exchange(f"vCont;r{WORK_AT:x},{WORK_END:x}".encode())[0]
        else:
            took = sum(self.rsp.exchange(b"vCont;s")[0] for _ in range(2 * rounds))
        self.end_work("range_step", rounds)
        return took / (2 * rounds)

    def false_condition(self):
        """A breakpoint on the loop's first instruction, if %r3 is 12345, which it never is."""
        rounds = 500 if self.conditions else 20
        self.begin_work(rounds)
        took = self.evaluate_there(rounds) if self.conditions else self.evaluate_here(rounds)
        self.end_work("false_condition", rounds)
        return took / rounds

    def evaluate_there(self, rounds):
        number = self.rsp.registers()["r3"][0]
        code = bytes([0x26, number >> 8, number & 255, 0x23, 12345 >> 8, 12345 & 255, 0x13, 0x27])  # reg const16 equal end
        self.rsp.ok(f"Z0,{WORK_AT:x},2;X{len(code):x},{code.hex()}")
        self.rsp.insert(0, WORK_END)
        took = self.rsp.exchange(b"vCont;c")[0]
        self.rsp.remove(0, WORK_AT)
        self.rsp.remove(0, WORK_END)
        return took

    def evaluate_here(self, rounds):
        """The packets that gdb sends for each hit (seen), without the time that gdb takes itself."""
        hit = [b"g", b"z0,%x,2" % WORK_AT, b"vCont;s", b"g", b"Z0,%x,2" % WORK_AT, b"vCont;c"]
        took = 0
        self.rsp.insert(0, WORK_AT)
        self.rsp.insert(0, WORK_END)
        for number in range(rounds):
            took += sum(self.rsp.exchange(packet)[0] for packet in hit)
            self.expect("false_condition", WORK_AT if number < rounds - 1 else WORK_END)
        self.rsp.remove(0, WORK_AT)
        self.rsp.remove(0, WORK_END)
        return took

    def dump(self):
        """Seconds for 64 MiB from the guest's first byte on. And what the floor needs to move as much: the requests, and the
        sizes that the replies would have if nothing in them were shortened or escaped."""
        size = DUMP_BYTES if self.has_x else QEMU_DUMP_BYTES
        requests = self.reads("x" if self.has_x else "m", size, 0)
        exchanges = [self.rsp.exchange(request) for request in requests]
        if any(b"$E" in reply[:3] for _, reply, _ in exchanges):
            raise zbox.Failure(f"dump_64m of {self.name}: {exchanges[-1][1][:80]!r}")
        took = sum(took for took, _, _ in exchanges) * (DUMP_BYTES // size)
        return took, requests, [int(request.split(b",")[1], 16) + len("$b#00") for request in requests]

    def breakpoints(self):
        """Sets 1,000, hits one, removes them."""
        nops = bytes.fromhex("a7040000")
        where = [WORK_AT + 0x1000 + 4 * number for number in range(BREAKPOINTS)]
        for at in range(where[0] - 4 * len(nops), where[-1] + 4 * len(nops), 16 * len(nops)):  # QEMU takes no long packets
            self.rsp.write(at, nops * 16)
        self.rsp.set_reg("pswa", where[0] - len(nops))
        took = sum(self.rsp.exchange(f"Z0,{at:x},2".encode())[0] for at in where)
        took += self.rsp.exchange(b"vCont;c")[0]
        self.expect("breakpoints_1000", where[0])
        return took + sum(self.rsp.exchange(f"z0,{at:x},2".encode())[0] for at in where)


class Floor:
    """The program that answers packets of the same sizes without doing anything."""

    def __init__(self, program):
        self.box = program.box
        self.path = program.commands.floor
        self.rsp = program.connect()
        self.rsp.acks = False

    def close(self):
        self.rsp.close()

    def answer(self, requests, sizes):
        """Seconds for one exchange after the other."""
        took, last = 0, None
        for request, size in zip(requests, sizes):
            if size != last:
                self.rsp.packet(f"={size - 4:x}")
            took += self.rsp.exchange(request)[0]
            last = size
        return took

    def measure(self, samples, requests, sizes):
        """Seconds of each sample."""
        return [self.answer(requests, sizes) for _ in range(samples)]

    def bare(self, how, count=500):
        """Seconds of a KVM_RUN that ends in this way."""
        return int(run_floor(self.box, [self.path, how, count])) / 1e9

    def bare_run(self, case):
        """Seconds of the KVM_RUN without which there is no answer, if there must be one."""
        return self.bare(BARE_RUNS[case]) if case in BARE_RUNS else 0

    def work(self, case):
        """Seconds for one of what the case counts."""
        if case == "range_step":
            return self.bare("steps", 8000)
        if case == "false_condition":
            return self.bare("sw") + self.bare("step")
        packets = 2 * BREAKPOINTS + 1
        return self.answer([b"Z0,700000,2"] * packets, [6] * packets) + self.bare("sw")
