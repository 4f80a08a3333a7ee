# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts zgdbd in the box (on an s390x machine with KVM: right here) and tells where it listens, what it logs, what its
guest writes, and with which status it ends. Files are copied into the box once for each content."""

import contextlib
import hashlib
import os
import subprocess
import sys

from .paths import ROOT, zgdbd_binary
from .process import Follower, end
from .rsp import Rsp

sys.path.insert(0, os.path.join(ROOT, "scripts"))

import zbox  # noqa: E402  (scripts/zbox)

PORT = 1234
LISTENING = r"listening on (.+)"


@contextlib.contextmanager
def open_box(name="default"):
    """The box of this name, up; ended again if this call booted it."""
    box = zbox.open_box(name)
    booted = box.up()
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


class Zgdbd:
    """One zgdbd with IMAGE: a local path, or "linux" for the box's own Debian kernel. LISTEN None leaves the choice to
    the options. address is what gdb's `target remote` takes."""

    def __init__(self, box, image, *options, listen=f"tcp:*:{PORT}", timeout=30):
        self.box = box
        self.timeout = timeout
        self.listen = listen
        self.argv = self.command(box, image, *(["--listen", listen, "--listen-any"] if listen else []), *options)
        self.process = box.popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 start_new_session=True)
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
