# SPDX-License-Identifier: GPL-2.0-or-later
"""A child process whose output is followed by a thread, so that a test can wait for a line instead of sleeping, and that
never outlives its owner."""

import codecs
import contextlib
import re
import subprocess
import threading
import time


class Follower:
    """The output of one stream, kept; wait() awaits what matches in it. The stream is closed at its end."""

    def __init__(self, stream):
        self.text = ""
        self.closed = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.follow, args=(stream,), daemon=True)
        self.thread.start()

    def follow(self, stream):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end within a character
        while data := stream.read1(65536):
            with self.changed:
                self.text += decoder.decode(data)
                self.changed.notify_all()
        stream.close()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def wait(self, pattern, timeout):
        """The first match; None once the stream has ended or the time is up."""
        end = time.monotonic() + timeout
        with self.changed:
            while not (match := re.search(pattern, self.text, re.M)):
                left = end - time.monotonic()
                if self.closed or left <= 0:
                    return None
                self.changed.wait(left)
            return match

    def finish(self, timeout=5):
        """All of the text, once the stream has ended."""
        self.thread.join(timeout)
        return self.text


def end(process, timeout=5):
    """Terminate, then kill; by its id."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin:
        with contextlib.suppress(OSError):  # what it has not read is lost with it
            process.stdin.close()
