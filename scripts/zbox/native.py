# SPDX-License-Identifier: GPL-2.0-or-later
"""The box's interface on an s390x machine that has /dev/kvm itself: nothing is booted, and
what would run in the box runs right here. Ports are those of the machine's loopback."""

import os
import shutil
import socket
import subprocess
import tempfile

from .common import Failure, cache_dir, make_dir


class Native:
    """Same methods as zbox.Box; see there."""

    def __init__(self, name="default"):
        self.name = name
        self.opt = os.path.join(cache_dir(), "native", name)

    def alive(self):
        return True

    def up(self, memory=None, bench=False, kernel=None):
        return False

    def down(self):
        shutil.rmtree(self.opt, ignore_errors=True)
        return False

    def status(self):
        return f"box {self.name}: not needed, this machine has /dev/kvm (Linux {os.uname().release})"

    def logs(self):
        return ""

    def environment(self):
        return dict(os.environ, PATH=f"{self.opt}:{os.environ.get('PATH', '/usr/bin:/bin')}")

    def command(self, argv):
        return [str(word) for word in argv]

    def run(self, argv, **options):
        options.setdefault("env", self.environment())
        return subprocess.run(self.command(argv), check=options.pop("check", False), **options)

    def popen(self, argv, **options):
        options.setdefault("env", self.environment())
        return subprocess.Popen(self.command(argv), **options)

    def run_here(self, argv):
        try:
            os.execvpe(argv[0], argv, self.environment())
        except OSError as error:
            raise Failure(f"cannot run {argv[0]}: {error.strerror}") from None

    def push(self, source, destination=None):
        make_dir(self.opt)
        destination = destination or self.file(source)
        fd, temporary = tempfile.mkstemp(dir=os.path.dirname(destination))
        os.close(fd)
        shutil.copyfile(source, temporary)
        shutil.copymode(source, temporary)
        os.rename(temporary, destination)
        return destination

    def file(self, path):
        return os.path.join(self.opt, os.path.basename(path))

    @property
    def linux_image(self):
        return os.path.join(cache_dir(), "images", "linux.img")

    def connect(self, port):
        return socket.create_connection(("127.0.0.1", port))

    def gdb_socket(self, port=1234):
        """What gdb's `target remote` takes; natively that is the port itself."""
        return f"127.0.0.1:{port}"
