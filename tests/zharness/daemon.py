# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts zgdbd in the box (on an s390x machine with KVM: right here) and tells where it listens, what it logs, what its
guest writes, and with which status it ends. Files are copied into the box once for each content."""

import contextlib
import hashlib
import os
import subprocess
import sys

from .paths import BUILD, ROOT, zgdbd_binary
from .process import Follower, end
from .rsp import Rsp

sys.path.insert(0, os.path.join(ROOT, "scripts"))

import zbox  # noqa: E402  (scripts/zbox)

PORT = 1234
LISTENING = r"listening on (.+)"


@contextlib.contextmanager
def open_box(name="default"):
    """The box of this name, up; ended again if this call booted it. ZGDBD_TEST_HOST=later: with that kernel."""
    box = zbox.open_box(name)
    booted = box.up(kernel=os.environ.get("ZGDBD_TEST_HOST"))
    try:
        yield box
    finally:
        if booted:
            box.down()


def store(box, path):
    """The name in the box of a local file, copied there unless that was done."""
    known = vars(box).setdefault("stored", {})
    with open(path, "rb") as source:
        digest = hashlib.sha256(source.read()).hexdigest()[:12]
    base, dot, extension = os.path.basename(path).partition(".")
    name = f"{base}-{digest}{dot}{extension}"
    if name not in known:
        known[name] = box.push(path, box.file(name))
    return known[name]


def tool(box, name):
    """The name in the box of a program of this package (unixcat, ptyrun)."""
    return store(box, os.path.join(BUILD, "guests", name))


def send(stream, text):
    """What a user types goes out at once."""
    stream.write(text.encode())
    stream.flush()


class Zgdbd:
    """One zgdbd with IMAGE: a local path, or "linux" for the box's own Debian kernel. LISTEN None leaves the choice to
    the options. address is what gdb's `target remote` takes. KEYBOARD says what standard input is: None (empty), "pipe",
    or "terminal" (then standard output is, too); type() types there."""

    def __init__(self, box, image, *options, listen=f"tcp:*:{PORT}", timeout=30, keyboard=None):
        self.box = box
        self.timeout = timeout
        self.listen = listen
        self.argv = self.command(box, image, *(["--listen", listen, "--listen-any"] if listen else []), *options)
        if keyboard == "terminal":
            self.argv = [tool(box, "ptyrun"), *self.argv]
        self.process = box.popen(self.argv, stdin=subprocess.PIPE if keyboard else subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.output = Follower(self.process.stdout)
        self.errors = Follower(self.process.stderr)
        if listen:
            self.await_listening()

    @staticmethod
    def command(box, image, *options):
        """The command line inside the box."""
        image = box.linux_image if image == "linux" else store(box, image)
        return [store(box, zgdbd_binary()), *options, image]

    @classmethod
    def pipe(cls, box, image, *options):
        """What follows `target remote` for a zgdbd on gdb's own pipe."""
        return "| " + " ".join(box.command(cls.command(box, image, "--stdio", *options)))

    def await_listening(self):
        if not self.errors.wait(LISTENING, self.timeout):
            self.close()
            raise RuntimeError(f"zgdbd does not listen: {self.errors.finish()}{self.output.finish()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        return self.box.gdb_socket(PORT)

    def rsp(self, start=True):
        """A new raw connection."""
        client = Rsp(self.box.connect(PORT))
        if start:
            client.start()
        return client

    def type(self, text):
        """At the keyboard."""
        send(self.process.stdin, text)

    def console_at(self, path=None):
        """A client of the console at PATH in the box; None: of the one that was told when zgdbd started."""
        return ConsoleClient(self.box, path or self.await_log(r"console is on (?:unix|pty):(\S+)")[1], self.timeout)

    @property
    def log(self):
        """What the daemon said on standard error so far."""
        return self.errors.text

    @property
    def console(self):
        """What the guest wrote so far."""
        return self.output.text

    def await_log(self, pattern, timeout=None):
        return self.await_text(self.errors, pattern, timeout)

    def await_console(self, pattern, timeout=None):
        return self.await_text(self.output, pattern, timeout)

    def await_text(self, follower, pattern, timeout):
        match = follower.wait(pattern, timeout or self.timeout)
        if not match:
            raise AssertionError(f"no {pattern!r} from zgdbd in time; it said: {self.log!r}, its guest: {self.console!r}")
        return match

    def wait(self, timeout=None):
        """The exit status, once all that was written has been read."""
        status = self.process.wait(timeout or self.timeout)
        self.output.finish()
        self.errors.finish()
        return status

    def close(self):
        end(self.process)
        if self.process.stdin:
            self.process.stdin.close()


class ConsoleClient:
    """At a Unix socket or pseudo-terminal in the box that is a guest's console: types, and reads what it shows."""

    def __init__(self, box, path, timeout=30):
        self.path = path
        self.timeout = timeout
        self.process = box.popen([tool(box, "unixcat"), path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, start_new_session=True)
        self.output = Follower(self.process.stdout)
        self.errors = Follower(self.process.stderr)
        if not self.errors.wait("^joined$", timeout):
            self.close()
            raise RuntimeError(f"no client of {path}: {self.errors.finish()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def type(self, text):
        send(self.process.stdin, text)

    @property
    def text(self):
        """What was shown so far."""
        return self.output.text

    def await_text(self, pattern, timeout=None):
        match = self.output.wait(pattern, timeout or self.timeout)
        if not match:
            raise AssertionError(f"no {pattern!r} at {self.path} in time; it showed: {self.text!r}")
        return match

    def wait(self):
        """Until the daemon has closed it."""
        self.process.wait(self.timeout)
        self.output.finish()

    def close(self):
        end(self.process)
        self.process.stdin.close()
