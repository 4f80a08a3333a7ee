# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which a Linux guest dies, by a module of its own, and what the report says of each: what kind of end, on which CPU,
in the kernel's own words and by which chain of calls. KASLR is on, and there is no debug file."""

import re

import pytest
from conftest import stopped_by
from death import Report, assert_chain_is_the_guests, from_function, module
from linux_guest import CRASH, UP

pytestmark = [pytest.mark.long, pytest.mark.timeout(200)]
KERNELS = pytest.mark.parametrize("kernel", ["6.1", "6.12"])
PANIC, LOOP = "06", "0b"
OOPS = "Kernel panic - not syncing: Fatal exception: panic_on_oops"


def start(linux, run, kernel, *options, files=()):
    return linux.start(run, "--run", "--on-panic", "stop", "--log", "info", *options, kernel=kernel, words="oops=panic",
                       files=files)


def dies(linux, how, kernel, *options):
    """A guest in which the module gets these parameters."""
    return start(linux, f"insmod deaths.ko how={how}; sleep 1000", kernel, *options, files={"deaths.ko": module(kernel)})


def told(linux, daemon, kernel, signal=PANIC):
    """The report on a guest that has come to its end; it is in the log, too."""
    daemon.await_log("waits for a debugger")
    client = linux.bench.client(daemon)
    assert stopped_by(client.packet("?")) == signal
    report = Report(client.monitor("panic"))
    assert (Report(daemon.log).kind, Report(daemon.log).cpu) == (report.kind, report.cpu)
    assert report.line("kernel").startswith(f"Linux {kernel}.") and "KASLR offset 0x" in report.line("kernel")
    if report.lines("said"):  # the console is behind
        daemon.await_console(re.escape(report.log().strip().splitlines()[-1].strip()))
    return report


def told_when(linux, daemon, cpu, found):
    """(client, report) on this CPU of a guest that is interrupted again and again until FOUND(report)."""
    daemon.await_console(UP)
    client = linux.bench.client(daemon)
    for _ in range(200):
        report = Report(client.monitor(f"panic {cpu}"))
        if found(report):
            return client, report
        client.resume()
        client.interrupt()
        assert stopped_by(client.wait_stop()) == "02"
    raise AssertionError(f"never found; the last report: {report.text}")


def assert_program(report, code, teid=None):
    """The last program interruption, by its code and what its translation-exception address says."""
    assert f"code 0x{code:04x} (" in report.text, report.text
    if teid is not None:
        assert f"translation-exception address {teid}" in report.text, report.text


# ---- what Linux sees itself ----


@KERNELS
def test_panic(linux, kernel):
    daemon = dies(linux, "panic", kernel)
    report = told(linux, daemon, kernel)
    assert (report.kind, report.cpu) == ("disabled wait", 0)
    assert report.lines("said") == ["Kernel panic - not syncing: deaths: that is enough"]
    assert report.line("at").startswith("stop_run+") or report.line("at").startswith("disabled_wait+")
    assert_chain_is_the_guests(report, daemon.console, "panic")
    assert from_function(report.chain(), "panic")[1].module == "deaths" and "die_by_panic+" in report.of_cpu(0)
    assert "Kernel panic - not syncing: deaths: that is enough" in report.log() and "Call Trace:" in report.log()


# In which function, in whose words, by which interruption, and the instruction that did it.
OOPSES = {
    "bug": ("die_by_bug", "kernel BUG at ", 0x40, None, "mc"),
    "null": ("die_by_null", "Unable to handle kernel pointer dereference", 0x4, None, "mvhi"),
    "wild": ("die_by_wild", "Unable to handle kernel pointer dereference", 0x38, "0x6b6b6b6b6b6b6000", "lg"),
}


@KERNELS
@pytest.mark.parametrize("how", OOPSES)
def test_oops(linux, how, kernel):
    function, said, code, teid, mnemonic = OOPSES[how]
    daemon = dies(linux, how, kernel)
    report = told(linux, daemon, kernel)
    assert (report.kind, report.cpu) == ("disabled wait", 0)
    first, last = report.lines("said")
    assert first.startswith(said) and last == OOPS
    assert_chain_is_the_guests(report, daemon.console, function)
    assert from_function(report.chain(), function)[0].module == "deaths"
    assert_program(report, code, teid)
    assert any(text.split()[0] == mnemonic for mark in ("=>", "->") for _, text in report.marked(mark)), report.text


@KERNELS
def test_stack_overflow(linux, kernel):
    """The chain goes from the stack on which the kernel tells of it to the one that has overflowed, and says that it is cut."""
    daemon = dies(linux, "overflow", kernel)
    report = told(linux, daemon, kernel)
    assert report.kind == "disabled wait"
    assert report.lines("said") == ["Kernel stack overflow.", "Kernel panic - not syncing: Corrupt kernel stack, can't continue."]
    chain = from_function(report.chain(), "panic")
    assert chain[1].function == "kernel_stack_overflow"
    deeper = [frame for frame in chain if frame.function and frame.function.startswith("deeper")]
    assert len(deeper) > 10 and {frame.module for frame in deeper} == {"deaths"}


@KERNELS
def test_in_an_interruption(linux, kernel):
    """From the stack of interruptions to the task's that was interrupted."""
    daemon = dies(linux, "bug irq=1", kernel)
    report = told(linux, daemon, kernel)
    assert report.lines("said")[-1] == "Kernel panic - not syncing: Fatal exception in interrupt"
    assert_chain_is_the_guests(report, daemon.console, "die_by_bug")
    functions = report.functions()
    assert {"die_in_interruption", "do_ext_irq", "ext_int_handler"} <= set(functions)
    assert functions.index("ext_int_handler") < len(functions) - 1
    assert "interruption stack" in report.of_cpu(0)


@KERNELS
def test_second_of_two_cpus(linux, kernel):
    daemon = dies(linux, "panic cpu=1", kernel, "--cpus", "2")
    report = told(linux, daemon, kernel)
    assert (report.kind, report.cpu) == ("disabled wait", 1)
    assert_chain_is_the_guests(report, daemon.console, "panic")
    assert "die_by_panic+" in report.of_cpu(1) and "kthread" in report.functions()
    assert "stopped" in report.of_cpu(0).splitlines()[0]
    assert report.chain(0) and "die_by_panic" not in report.of_cpu(0)
    assert report.line("CPUs") == "2: 1 disabled wait, 1 stopped"


@KERNELS
def test_sysrq(linux, kernel):
    daemon = start(linux, CRASH, kernel)
    report = told(linux, daemon, kernel)
    assert report.lines("said")[-1] == "Kernel panic - not syncing: sysrq triggered crash"
    assert_chain_is_the_guests(report, daemon.console, "panic")
    assert "sysrq_handle_crash+" in report.of_cpu(0)


@KERNELS
def test_init_ends(linux, kernel):
    daemon = start(linux, "exit 7", kernel)
    report = told(linux, daemon, kernel)
    assert report.lines("said") == ["Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000700"]
    assert_chain_is_the_guests(report, daemon.console, "panic")
    assert "do_exit" in report.functions()


# ---- what it does not ----


@KERNELS
def test_disabled_wait_by_hand(linux, kernel):
    """The kernel's log has nothing to say about it."""
    report = told(linux, dies(linux, "wait", kernel), kernel)
    assert (report.kind, report.lines("said")) == ("disabled wait", [])
    assert report.line("at").startswith("die_by_wait+") and "[deaths]" in report.line("at")
    assert {"die", "do_one_initcall", "system_call"} <= set(report.functions())
    assert "loading out-of-tree module taints kernel" in report.log()


@KERNELS
@pytest.mark.parametrize("how, kind, told_of", [
    ("pgmloop", "program-interruption loop", "program new PSW 00ff000000000000 1111111111111111"),
    ("oploop", "operation-exception loop", "program new PSW"),
    ("extloop", "external-interruption loop", "external new PSW")])
def test_interruption_loops(linux, how, kind, told_of, kernel):
    report = told(linux, dies(linux, how, kernel), kernel, LOOP)
    assert (report.kind, report.lines("said")) == (kind, [])
    assert told_of in report.text
    assert report.functions()[0] == f"die_by_{how}" and {"die", "do_one_initcall", "system_call"} <= set(report.functions())
    if how != "pgmloop":  # there the PSW leads nowhere
        assert report.line("at").startswith(f"die_by_{how}+")
    if how == "oploop":
        assert_program(report, 1)
    if how == "extloop":
        assert "the last one had the code 0x1004 (clock comparator)" in report.text


@KERNELS
def test_garbage_lowcore(linux, kernel):
    """The symbols and the log are still there; the rest is said to be what it is, in a report of sane length."""
    report = told(linux, dies(linux, "garbage", kernel), kernel, LOOP)
    assert report.kind == "program-interruption loop" and report.functions()[0] == "die_by_garbage"
    assert "loading out-of-tree module taints kernel" in report.log()
    assert report.text.endswith("End of the report.\n") and len(report.text.splitlines()) < 200


# ---- Ctrl-C ----


@KERNELS
def test_endless_loop(linux, kernel):
    """Whichever CPU tells of Ctrl-C, its report says which one hangs."""
    client, report = told_when(linux, dies(linux, "loop cpu=1", kernel, "--cpus", "2"), 1,
                               lambda report: report.lines("at") and report.line("at").startswith("die_by_loop+"))
    assert (report.kind, report.cpu) == ("runs with interruptions off", 1)
    assert "external interruptions are off" in report.line("note")
    assert {"die", "kthread"} <= set(report.functions())
    assert report.marked("=>")[0][1].startswith("j")
    assert Report(client.monitor("panic 0")).lines("note") == ["with I/O and external interruptions off runs CPU 1"]


def test_disabled_wait_of_one_of_two(linux):
    """No end for the guest, whose other CPU goes on."""
    client, report = told_when(linux, dies(linux, "wait cpu=1", "6.1", "--cpus", "2"), 1,
                               lambda report: report.kind == "disabled wait")
    assert "die_by_wait+" in report.line("at") and "kthread" in report.functions()
    assert Report(client.monitor("panic 0")).lines("note") == ["in a disabled wait is CPU 1"]


def test_interruption_loop_of_one_of_two(linux):
    """That is one."""
    report = told(linux, dies(linux, "pgmloop cpu=1", "6.1", "--cpus", "2"), "6.1", LOOP)
    assert (report.kind, report.cpu) == ("program-interruption loop", 1)
    assert report.functions()[:2] == ["die_by_pgmloop", "die"] and report.chain(0)


@KERNELS
def test_loop_of_fetches(linux, kernel):
    """A program new PSW outside of memory: every fetch there is an interruption, for ever, and none of them leaves the guest."""
    _, report = told_when(linux, dies(linux, "addrloop", kernel), 0,
                          lambda report: "7ffffff00" in report.line("PSW"))
    assert report.kind == "program-interruption loop"
    assert "program new PSW" in report.text and "0x05 (addressing)" in report.text
