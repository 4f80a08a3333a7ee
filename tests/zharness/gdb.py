# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives the real gdb-multiarch through its machine interface (GDB/MI). Commands are typed as a user would type them; the
answer is the text that gdb prints. Waits for gdb's own records, never for time."""

import os
import queue
import re
import signal
import subprocess
import threading
import time

PROGRAM = os.environ.get("ZGDBD_GDB", "gdb-multiarch")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b"}
SETTINGS = ("set confirm off", "set pagination off", "set width 0", "set height 0", "set debuginfod enabled off",
            "set breakpoint pending off", "set style enabled off")


class GdbError(Exception):
    """gdb refused a command (its own words), ended, or did not answer in time."""


class Stop:
    """A stop of the guest as gdb tells it; raw is the record."""

    def __init__(self, raw):
        self.raw = raw
        self.reason = self.field("reason")
        self.signal = self.field("signal-name")
        self.function = self.field("func")
        address = self.field("addr")
        self.address = int(address, 16) if address else None

    def field(self, name):
        match = re.search(rf'[,{{]{name}="((?:[^"\\]|\\.)*)"', self.raw)
        return match and unquote(match[1])

    def __repr__(self):
        return f"Stop({self.raw})"


def unquote(text):
    return re.sub(r"\\([0-7]{3}|.)", lambda match: chr(int(match[1], 8)) if len(match[1]) == 3
                  else ESCAPES.get(match[1], match[1]), text)


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Gdb:
    """One gdb. execute() runs a command and returns its text; go() one that resumes, and returns the Stop."""

    def __init__(self, symbols=None, timeout=30, program=PROGRAM):
        self.timeout = timeout
        self.transcript = []
        self.tracing = False
        self.records = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [program, "-q", "-nx", "--interpreter=mi3", *([symbols] if symbols else [])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        threading.Thread(target=self.follow, daemon=True).start()
        for setting in SETTINGS:
            self.execute(setting)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End gdb at once, without its leave-taking: like a crash or kill -9."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def quit(self):
        """Leave as a user does."""
        self.process.stdin.write("-gdb-exit\n")
        self.process.stdin.flush()
        try:
            self.process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            raise GdbError(f"gdb does not quit; {self.tail()}") from None

    # ---- records ----

    def follow(self):
        for line in self.process.stdout:
            self.transcript.append(line.rstrip("\n"))
            self.records.put(line.rstrip("\n"))
        self.process.stdout.close()
        self.records.put(None)

    def tail(self):
        return "gdb's last words: " + " | ".join(self.transcript[-12:])

    def record(self, end):
        try:
            line = self.records.get(timeout=max(0, end - time.monotonic()))
        except queue.Empty:
            raise GdbError(f"gdb does not answer in time; {self.tail()}") from None
        if line is None:
            raise GdbError(f"gdb has ended; {self.tail()}")
        return line

    def collect(self, ends, end):
        """Console and target text up to a record that matches ENDS, and that record. An error ends every wait; gdb's
        warnings before it are part of what it says."""
        text, warnings = [], []
        while True:
            line = self.record(end)
            if line[:2] in ('~"', '@"'):
                text.append(unquote(line[2:-1]))
            elif line.startswith("^error"):
                raise GdbError("".join(warnings) + (Stop(line).field("msg") or line))
            elif re.match(ends, line):
                return "".join(text), line
            elif line[:2] == '&"':
                warnings.append(unquote(line[2:-1]))

    # ---- commands ----

    def start(self, command, timeout=None):
        """Type a command; its text, and the class of its result: done, running, connected, exit."""
        self.process.stdin.write(f"-interpreter-exec console {quote(command)}\n")
        self.process.stdin.flush()
        text, result = self.collect(r"\^", time.monotonic() + (timeout or self.timeout))
        return text, re.match(r"\^(\w+)", result)[1]

    def execute(self, command, timeout=None):
        """Run a command to its end (one that resumes: to the stop); the text that a user would see."""
        text, kind = self.start(command, timeout)
        if kind == "running":
            more, _ = self.collect(r"\*stopped", time.monotonic() + (timeout or self.timeout))
            text += more
        return text

    def go(self, command="continue", timeout=None):
        """Run a command that resumes the guest; the Stop that ends it."""
        _, kind = self.start(command, timeout)
        if kind != "running":
            raise GdbError(f"'{command}' did not resume the guest; {self.tail()}")
        return self.wait_stop(timeout)

    def traced(self, command, timeout=None):
        """execute(), and the packets that gdb sent for it, by its own trace."""
        self.execute("set debug remote 1")
        begin = len(self.transcript)
        text = self.execute(command, timeout)
        trace = self.transcript[begin:]
        self.execute("set debug remote 0")
        return text, [match[1] for line in trace if (match := re.search(r"Sending packet: \$(.*?)#[0-9a-f]{2}", line))]

    def resume(self, command="continue", timeout=None):
        """Run a command that resumes the guest and come back while it runs. gdb says that the guest runs before it has
        resumed it, and takes a Ctrl-C then for itself; so its own trace tells when it waits."""
        self.execute("set debug infrun 1")
        _, kind = self.start(command, timeout)
        if kind != "running":
            raise GdbError(f"'{command}' did not resume the guest; {self.tail()}")
        self.collect(r'&".*prepare_to_wait', time.monotonic() + (timeout or self.timeout))
        self.tracing = True

    def wait_stop(self, timeout=None):
        stop = Stop(self.collect(r"\*stopped", time.monotonic() + (timeout or self.timeout))[1])
        if self.tracing:
            self.tracing = False
            self.execute("set debug infrun 0")
        return stop

    def interrupt(self):
        """Ctrl-C, and the Stop that it brings."""
        os.kill(self.process.pid, signal.SIGINT)
        return self.wait_stop()

    def connect(self, daemon, timeout=None):
        """`target remote` to a Zgdbd, a Tcg, or an address in words."""
        return self.execute(f"target remote {getattr(daemon, 'address', daemon)}", timeout)

    # ---- values ----

    def value(self, expression):
        """An integer, whatever its type; a register's raw bits."""
        text = self.execute(f"print/x {expression}")
        match = re.search(r"= (?:\{.*?= )?(0x[0-9a-f]+)", text)
        if not match:
            raise GdbError(f"'{expression}' is no number: {text}")
        return int(match[1], 16)

    def psw(self):
        return self.value("$pswm"), self.value("$pswa")

    def memory(self, address, size):
        """Bytes of memory, as gdb reads them."""
        self.process.stdin.write(f"-data-read-memory-bytes {address:#x} {size}\n")
        self.process.stdin.flush()
        _, result = self.collect(r"\^", time.monotonic() + self.timeout)
        return bytes.fromhex(Stop(result).field("contents"))
