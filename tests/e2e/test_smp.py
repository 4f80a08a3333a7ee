# SPDX-License-Identifier: GPL-2.0-or-later
"""Several CPUs, by bare packets: who moves and who is held, whose stop is told, breakpoints and watchpoints that any CPU may hit,
and CPUs that wait, are stopped or have come to a disabled wait. The same under gdb is in test_smp_gdb.py."""

import re
import struct

import pytest
from conftest import stopped_by
from zharness import guest, symbols

SMP = symbols(guest("smp"))
COUNT, LOCK, STORE, WAIT, STOP, PANIC, QUIT, SPIN = range(8)
EMERGENCY, START, RESTART = 3, 4, 6
CPUS = 4
MASK = 0x180000000
NEVER = "X3,220027"  # a condition in agent bytecode: const8 0, end
FIELDS = ("mode", "rounds", "locked", "restarts", "wanted")


class Cpus:
    """A client of the guest "smp", by its variables. CPU n is thread n + 1."""

    def __init__(self, client):
        self.client = client

    def cell(self, cpu, field):
        return SMP["cpu"] + 8 * (len(FIELDS) * cpu + FIELDS.index(field))

    def get(self, field):
        """One for each CPU."""
        cells = self.client.read(SMP["cpu"], CPUS * len(FIELDS) * 8)
        return [number for number, in struct.iter_unpack(">Q", cells)][FIELDS.index(field)::len(FIELDS)]

    def set_mode(self, cpu, mode):
        self.client.write_u64(self.cell(cpu, "mode"), mode)

    def order(self, order, target, parameter=0):
        """CPU 0 gives it as soon as it comes round."""
        for name, value in (("target", target), ("parameter", parameter), ("order", order)):
            self.client.write_u64(SMP[name], value)

    def states(self):
        return re.findall(r"CPU \d+: ([a-z ]+), PSW", self.client.monitor("cpus"))

    def select(self, cpu):
        self.client.ok(f"Hg{cpu + 1:x}")

    def let_run(self, until):
        """All CPUs run, and are interrupted, until what is asked for is so."""
        for _ in range(200):
            self.client.resume()
            self.client.interrupt()
            assert stopped_by(self.client.wait_stop()) == "02"
            if until():
                return
        raise AssertionError(f"never: {self.states()}, {self.get('rounds')}")

    def go_rounds(self, rounds, who=range(CPUS)):
        """All run until each of those has gone that many rounds more; then CPU 0 is at a breakpoint."""
        now = self.get("rounds")
        for cpu in range(CPUS):
            self.client.write_u64(self.cell(cpu, "wanted"), now[cpu] + rounds if cpu in who else 0)
        self.client.write_u64(SMP["goal"], 1)
        self.client.insert(0, SMP["at_goal"])
        assert thread(self.client.go()) == 0
        self.client.remove(0, SMP["at_goal"])


def thread(reply):
    """The CPU of a stop reply."""
    return int(re.search(r"thread:([0-9a-f]+);", reply)[1], 16) - 1


def up(bench, *options):
    """All CPUs have begun, and stand because CPU 0 is at all_up."""
    client = bench.rsp("smp", "--cpus", str(CPUS), *options)
    client.insert(0, SMP["all_up"])
    assert thread(client.go()) == 0
    client.remove(0, SMP["all_up"])
    return Cpus(client)


@pytest.fixture
def cpus(bench):
    return up(bench)


@pytest.fixture
def halted(cpus):
    """CPU 0 runs, 1 waits, 2 is stopped, 3 has come to a disabled wait; all stand."""
    for cpu, mode in ((1, WAIT), (2, STOP), (3, PANIC)):
        cpus.set_mode(cpu, mode)
    cpus.let_run(lambda: cpus.states() == ["operating", "enabled wait", "stopped", "disabled wait"])
    return cpus


# ---- who moves ----


def test_all_are_stopped_before_one_is_told(cpus):
    cpus.go_rounds(2)
    for _ in range(3):
        assert cpus.get("rounds") == cpus.get("rounds")
    assert cpus.client.packet("qfThreadInfo") == "m1,2,3,4"


def test_scheduler_locking(cpus):
    cpus.go_rounds(2)
    cpus.client.insert(0, SMP["visit"])
    before = cpus.get("rounds")
    assert thread(cpus.client.go("vCont;c:3")) == 2
    cpus.client.remove(0, SMP["visit"])
    for _ in range(5):
        assert thread(cpus.client.go("vCont;s:3")) == 2
    cpus.client.insert(0, SMP["visit"])
    for _ in range(3):
        cpus.client.remove(0, SMP["visit"])
        cpus.client.go("vCont;s:3")
        cpus.client.insert(0, SMP["visit"])
        assert thread(cpus.client.go("vCont;c:3")) == 2
    after = cpus.get("rounds")
    assert after[2] >= before[2] + 3 and after[:2] + after[3:] == before[:2] + before[3:]


def test_step_one_while_the_others_run(cpus):
    """Each step is told of the CPU that steps, whatever the others do."""
    before = cpus.get("rounds")
    cpus.client.insert(0, SMP["visit"])
    assert thread(cpus.client.go("vCont;c:2")) == 1
    cpus.client.remove(0, SMP["visit"])
    for _ in range(20):
        assert stopped_by(reply := cpus.client.go("vCont;s:2;c")) == "05" and thread(reply) == 1
    after = cpus.get("rounds")
    assert after[1] > before[1] and any(after[cpu] > before[cpu] for cpu in (0, 2, 3))


def test_range_step_of_one_while_the_others_run(cpus):
    cpus.client.insert(0, SMP["visit"])
    assert thread(cpus.client.go("vCont;c:4")) == 3
    cpus.client.remove(0, SMP["visit"])
    reply = cpus.client.go(f"vCont;r{SMP['visit']:x},{SMP['smp_main']:x}:4;c")
    assert (stopped_by(reply), thread(reply)) == ("05", 3)
    cpus.select(3)
    assert not SMP["visit"] <= cpus.client.reg("pswa") < SMP["smp_main"]


def test_registers_and_memory_by_thread(cpus):
    cpus.go_rounds(2)
    prefixes = []
    for cpu in range(CPUS):
        cpus.select(cpu)
        prefixes.append(cpus.client.reg("prefix"))
        cpus.client.set_reg("r1", 0x1000 + cpu)
        # Real addresses: each has its own lowcore.
        if cpu:
            assert cpus.client.read_u64(0x1a8) == SMP["begin"]
        cpus.client.write_u64(0x1000, cpu + 100)
    assert prefixes == [0] + [SMP["areas"] + 8192 * cpu for cpu in range(1, CPUS)]
    for cpu in range(CPUS):
        cpus.select(cpu)
        assert cpus.client.reg("r1") == 0x1000 + cpu
        assert cpus.client.read_u64(0x1000) == cpu + 100


# ---- breakpoints and watchpoints ----


def test_a_breakpoint_that_all_hit(cpus):
    """One after the other, each held there then. The others may come there meanwhile: that is told, and not lost."""
    left = set(range(CPUS))
    cpus.client.insert(0, SMP["visit"])
    while left:
        reply = cpus.client.go("".join(f";c:{cpu + 1}" for cpu in left).replace(";", "vCont;", 1))
        assert stopped_by(reply) == "swbreak"
        assert cpus.client.packet("qC") == f"QC{thread(reply) + 1:x}"
        assert cpus.client.reg("pswa") == SMP["visit"]
        left.remove(thread(reply))
    pcs = []
    for cpu in range(CPUS):
        cpus.select(cpu)
        pcs.append(cpus.client.reg("pswa"))
    assert pcs == [SMP["visit"]] * CPUS


def test_no_cpu_gets_past_a_breakpoint_unseen(cpus):
    """While one passes it the others do not run over the place where its opcode is missing: every round is counted."""
    before = sum(cpus.get("rounds"))
    cpus.client.ok(f"Z0,{SMP['visit']:x},2;{NEVER}")
    cpus.go_rounds(20)
    rounds = sum(cpus.get("rounds")) - before
    reached = int(re.search(r"reached (\d+), hit 0", cpus.client.monitor("breakpoints"))[1])
    assert abs(rounds - reached) <= CPUS  # one may stand within it, at the beginning and at the end


def test_a_watchpoint_that_another_cpu_hits(cpus):
    cpus.client.insert(2, SMP["watched"], 8)
    for cpu in (2, 0, 3):
        cpus.select(1)
        cpus.set_mode(cpu, STORE)
        reply = cpus.client.go()
        assert (stopped_by(reply), thread(reply)) == ("watch", cpu)
        assert cpus.client.read_u64(SMP["watched"]) == cpu + 1


def test_a_lock_that_all_take(cpus):
    """With a breakpoint on their way, which stops none."""
    cpus.client.ok(f"Z0,{SMP['visit']:x},2;{NEVER}")
    for cpu in range(CPUS):
        cpus.set_mode(cpu, LOCK)
    cpus.go_rounds(10)
    locked, shared = sum(cpus.get("locked")), cpus.client.read_u64(SMP["shared"])
    assert locked <= shared <= locked + 1


# ---- coming and going ----


def test_an_interrupt_is_told_once(cpus):
    """Of the CPU whose stop was told last, whichever notices it first."""
    cpus.client.insert(0, SMP["visit"])
    assert thread(cpus.client.go("vCont;c:3")) == 2
    cpus.client.remove(0, SMP["visit"])
    for _ in range(5):
        cpus.client.resume()
        cpus.client.interrupt()
        assert stopped_by(reply := cpus.client.wait_stop()) == "02" and thread(reply) == 2
        assert cpus.client.packet("qC") == "QC3"


def test_detach_and_attach(bench, cpus):
    cpus.client.ok("D")
    again = Cpus(bench.client(bench.daemons[0]))
    assert again.client.packet("?").startswith("T02")
    again.go_rounds(2)


def test_reset(cpus):
    cpus.go_rounds(2)
    cpus.select(2)
    cpus.client.monitor("reset")
    assert cpus.states() == ["operating", "stopped", "stopped", "stopped"]
    assert cpus.client.packet("qC") == "QC3"
    cpus.client.insert(0, SMP["all_up"])
    assert thread(cpus.client.go()) == 0
    assert cpus.client.read_u64(SMP["ready"]) == CPUS - 1


# ---- CPUs that do not run ----


def test_states(halted):
    listed = halted.client.object("threads", "").decode()
    for cpu, state, where in ((0, "operating", None), (1, "enabled wait", "x_wait_after"), (2, "stopped", "x_stopped"),
                              (3, "disabled wait", "x_panic")):
        text = re.search(rf'<thread id="{cpu + 1}" core="{cpu}" name="CPU {cpu}">(.*?)</thread>', listed)[1]
        assert text.startswith(state)
        address = int(re.search(r"PSW [0-9a-f]{16} ([0-9a-f]{16})", text)[1], 16)
        halted.select(cpu)
        assert halted.client.reg("pswa") == address
        assert where is None or address == SMP[where]
        extra = bytes.fromhex(halted.client.packet(f"qThreadExtraInfo,{cpu + 1}")).decode()
        assert extra == f"CPU {cpu}, {text}"


@pytest.mark.parametrize("cpu", [2, 3])
def test_a_halted_cpu_alone(halted, cpu):
    """It cannot run, and that is no end of the guest; whoever gives it a PSW that runs lets it."""
    client = halted.client
    before = halted.get("rounds")
    for packet in (f"vCont;c:{cpu + 1}", f"vCont;s:{cpu + 1}", f"vCont;s:{cpu + 1};c"):
        client.resume(packet)
        text = client.reply().decode()
        assert text.startswith("O") and f"zgdbd: CPU {cpu}: " in bytes.fromhex(text[1:]).decode()
        reply = client.wait_stop()
        assert (stopped_by(reply), thread(reply)) == ("00", cpu)
    client.set_psw(MASK, SMP["visit"])
    client.set_reg("r2", cpu)
    client.set_reg("r14", SMP["x_spin"])
    client.insert(0, SMP["x_spin"])
    assert stopped_by(client.go(f"vCont;s:{cpu + 1}")) == "05"
    assert client.reg("pswa") != SMP["visit"]
    assert thread(reply := client.go(f"vCont;c:{cpu + 1}")) == cpu and stopped_by(reply) == "swbreak"
    assert halted.get("rounds")[cpu] == before[cpu] + 1
    client.insert(0, SMP["visit"])
    assert thread(client.go()) == 0


def test_a_waiting_cpu(halted):
    client = halted.client
    client.resume("vCont;c:2")
    client.interrupt()
    assert thread(client.wait_stop()) == 1
    assert client.reg("pswa") == SMP["x_wait_after"]
    halted.order(EMERGENCY, 1)
    client.insert(0, SMP["ext_handler"])
    assert thread(client.go()) == 1
    client.remove(0, SMP["ext_handler"])
    halted.select(1)
    assert client.read(0x86, 2) == b"\x12\x01"
    halted.go_rounds(1, {1})
    assert halted.states()[1] == "operating"


def test_one_that_another_starts(halted):
    halted.order(START, 2)
    halted.go_rounds(1, {2})
    assert halted.states()[2] == "operating" and halted.get("restarts") == [1, 1, 1, 1]
    halted.order(RESTART, 3)
    halted.go_rounds(1, {3})
    assert halted.states()[3] == "operating" and halted.get("restarts") == [1, 1, 1, 2]


def test_a_breakpoint_at_the_start_of_a_cpu(halted):
    halted.client.insert(0, SMP["begin"])
    halted.order(RESTART, 2)
    reply = halted.client.go()
    assert (stopped_by(reply), thread(reply)) == ("swbreak", 2)
    assert halted.client.reg("pswa") == SMP["begin"]


# ---- the guest's end ----


def test_a_panic_of_the_last_cpu_that_could_run(halted):
    halted.order(EMERGENCY, 1)
    halted.go_rounds(1, {1})
    halted.set_mode(1, STOP)
    halted.let_run(lambda: halted.states()[1] == "stopped")
    halted.set_mode(0, PANIC)
    reply = halted.client.go()
    assert stopped_by(reply) == "06" and thread(reply) in (0, 3)
    assert halted.states() == ["disabled wait", "stopped", "stopped", "disabled wait"]


def test_shutdown_while_others_run(bench):
    """Linux powers off with the others stopped; a guest that does not stop them runs on."""
    cpus = up(bench, "--on-shutdown", "exit")
    cpus.set_mode(3, QUIT)
    cpus.let_run(lambda: cpus.states()[3] == "disabled wait")
    for cpu in (1, 2):
        cpus.set_mode(cpu, STOP)
    cpus.let_run(lambda: cpus.states()[1:3] == ["stopped", "stopped"])
    cpus.set_mode(0, STOP)
    assert cpus.client.go().startswith("W")
    assert bench.daemons[0].wait() == 0


def test_eight_cpus_are_stopped_by_one_kick_each(bench):
    """Not one after the other, with a kick for each round."""
    client = bench.rsp("smp", "--cpus", "8")
    client.insert(0, SMP["all_up"])
    client.go()
    client.remove(0, SMP["all_up"])
    kicks = []
    for _ in range(4):
        client.resume()
        client.interrupt()
        assert stopped_by(client.wait_stop()) == "02"
        count = re.search(r"(\d+) kick", client.monitor("exits"))
        kicks.append(int(count[1]) if count else 0)
    assert kicks[-1] - kicks[0] <= 8 * 3
