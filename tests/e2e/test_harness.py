# SPDX-License-Identifier: GPL-2.0-or-later
"""What the harness itself must not get wrong, where no other test would say why it failed."""

from zharness.process import Follower


class Bytewise:
    """A stream each of whose reads gives one byte."""

    def __init__(self, data):
        self.left = [bytes([byte]) for byte in data] + [b""]

    def read1(self, _size):
        return self.left.pop(0)

    def close(self):
        assert not self.left


def test_characters_that_are_cut_up():
    """A console's text comes in reads that end anywhere."""
    text = "größer: ß → ü\n"
    assert Follower(Bytewise(text.encode())).finish() == text
