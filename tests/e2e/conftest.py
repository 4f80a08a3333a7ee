# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the end-to-end tests: one box for the run, a fresh zgdbd (and gdb) for each test, both ended after it. Also keeps
the promise that nothing is skipped that tests/KNOWN-LIMITS does not name, and adds what daemon and gdb said to a
failure."""

import contextlib
import fnmatch
import os
import re
import subprocess

import pytest
from zharness import Gdb, Rsp, Tcg, Zgdbd, guest, open_box
from zharness.gdb import PROGRAM
from zharness.paths import host_zgdbd

from linux_guest import Linux  # (this and zbox after zharness, which knows where zbox is)
from zbox import provide

KNOWN_LIMITS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "KNOWN-LIMITS")
BOX = os.environ.get("ZGDBD_TEST_BOX", "e2e")


# ---- options, skips ----


def known_limits():
    """[(name, pattern, reason)] of tests/KNOWN-LIMITS."""
    with open(KNOWN_LIMITS, encoding="utf-8") as source:
        lines = [line.strip() for line in source]
    return [tuple(part.strip() for part in line.split("|", 2)) for line in lines if line and not line.startswith("#")]


def known_limit(name):
    """Skip this test for the reason that KNOWN-LIMITS gives under this name."""
    reasons = [reason for known, _, reason in known_limits() if known == name]
    assert reasons, f"tests/KNOWN-LIMITS has no line for {name}"
    pytest.skip(f"{name}: {reasons[0]}")


class SkipPolice:
    """Fails the run for a skip or xfail that is not known."""

    def __init__(self):
        self.limits = known_limits()
        self.unknown = []

    def pytest_runtest_logreport(self, report):
        expected_failure = hasattr(report, "wasxfail")
        if not report.skipped and not expected_failure:
            return
        reason = report.wasxfail if expected_failure else str(report.longrepr[2])
        reason = reason.removeprefix("Skipped: ").removeprefix("reason: ")
        if not any(fnmatch.fnmatch(report.nodeid, pattern) and reason.startswith(f"{name}:")
                   for name, pattern, _ in self.limits):
            self.unknown.append(f"{report.nodeid}: {reason}")

    def pytest_collectreport(self, report):
        if report.skipped:
            self.unknown.append(f"{report.nodeid}: skipped as a whole")

    def pytest_sessionfinish(self, session):
        if self.unknown and session.exitstatus == 0:
            session.exitstatus = 1

    def pytest_terminal_summary(self, terminalreporter):
        for line in self.unknown:
            terminalreporter.write_line(f"NOT IN tests/KNOWN-LIMITS: {line}", red=True)


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the tests marked long, too")


def pytest_configure(config):
    config.pluginmanager.register(SkipPolice(), "zgdbd-skip-police")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):
        return
    chosen = [item for item in items if not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


# ---- which gdb ----

# A test, or with pytestmark a module, for which this machine's gdb is too old; also marked long.
later_gdb = pytest.mark.parametrize("gdb_program", ["later"], indirect=True)


def pytest_generate_tests(metafunc):
    """In the long run a module with BOTH_GDBS = True is run with this machine's gdb and with a later one."""
    if (metafunc.config.getoption("--long") and getattr(metafunc.module, "BOTH_GDBS", False)
            and "gdb_program" in metafunc.fixturenames):
        metafunc.parametrize("gdb_program", ["here", "later"], indirect=True)


@pytest.fixture
def gdb_program(request):
    if getattr(request, "param", "here") == "here":
        return PROGRAM
    provide.ensure("long")
    return provide.cached(provide.LATER_GDB)


# ---- fixtures ----


@pytest.fixture(scope="session")
def box():
    with open_box(BOX) as opened:
        yield opened


@contextlib.contextmanager
def directory_in(box):
    """A new directory in the box, for as long."""
    made = box.run(["mktemp", "-d", "/tmp/test-XXXXXX"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    try:
        yield made
    finally:
        box.run(["rm", "-r", made], check=True)


@pytest.fixture
def directory(box):
    with directory_in(box) as made:
        yield made


@pytest.fixture
def place(directory):
    """A name of a file in the box, of which none is there; others may begin like it."""
    return f"{directory}/c"


class Bench:
    """What one test started; ended in reverse order."""

    def __init__(self, box_of, gdb_program):
        self.box_of = box_of
        self.gdb_program = gdb_program
        self.stack = contextlib.ExitStack()
        self.daemons = []
        self.debuggers = []

    def zgdbd(self, image, *options, **keywords):
        """A fresh zgdbd in the box; IMAGE names a guest of tests/guests, or is "linux" or an absolute path."""
        path = image if image == "linux" or os.path.isabs(image) else guest(image)
        daemon = self.stack.enter_context(Zgdbd(self.box_of(), path, *options, **keywords))
        self.daemons.append(daemon)
        return daemon

    def rsp(self, image, *options):
        """A fresh zgdbd and a bare client on it."""
        return self.client(self.zgdbd(image, *options))

    def client(self, daemon):
        return self.stack.enter_context(daemon.rsp())

    def gdb(self, target=None, **keywords):
        """A real gdb, connected to TARGET if given."""
        debugger = self.stack.enter_context(Gdb(program=self.gdb_program, **keywords))
        self.debuggers.append(debugger)
        if target is not None:
            debugger.connect(target)
        return debugger

    def dump(self, path, *options):
        """A real gdb at a dump, which this machine's own zgdbd reads."""
        return self.gdb(f"| {host_zgdbd()} --core {path} {' '.join(options)} --stdio")

    def tcg(self, image, *options):
        """The guest under QEMU without KVM, and a bare client on its stub."""
        machine = self.stack.enter_context(Tcg(guest(image), *options))
        client = self.stack.enter_context(Rsp.connect(machine.address))
        client.start()
        client.machine = machine
        return client

    def sections(self):
        """What a reader of a failure wants to see."""
        for daemon in self.daemons:
            yield "zgdbd", f"{' '.join(daemon.argv)}\n{daemon.log}\n-- console:\n{daemon.console}"
        for debugger in self.debuggers:
            yield "gdb", "\n".join(debugger.transcript[-60:])


@pytest.fixture
def bench(request, gdb_program):
    made = Bench(lambda: request.getfixturevalue("box"), gdb_program)
    request.node.bench = made
    with made.stack:
        yield made


@pytest.fixture
def linux(bench, tmp_path):
    return Linux(bench, tmp_path)


@pytest.fixture
def progress(request):
    """progress(TEXT) tells who watches what a long test waits for."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text):
        with capture.global_and_fixture_disabled():
            print(f"\n{request.node.name}: {text} ...", end="", flush=True)
    return say


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    made = getattr(item, "bench", None)
    if made and report.failed and call.when == "call":
        report.sections.extend(made.sections())


# ---- small helps ----


def content(box, path):
    """What is in a file of the box."""
    return box.run(["cat", path], stdout=subprocess.PIPE, check=True).stdout.decode()


def stopped_by(reply):
    """The reason in a stop reply: swbreak, hwbreak, watch, or the signal's number."""
    match = re.search(r"(swbreak|hwbreak|watch):", reply)
    return match[1] if match else reply[1:3]
