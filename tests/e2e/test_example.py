# SPDX-License-Identifier: GPL-2.0-or-later
"""The documented example works, as printed."""

import inspect

import example_session
import zharness


def test_example_session(box, capsys):
    example_session.session(box.name)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["twice value = 1 watched = 0", "twice value = 2 watched = 2", "twice value = 3 watched = 6"]
    assert "supervisor state" in lines[3]


def test_the_documentation_shows_this_example():
    shown = [line.strip() for line in zharness.__doc__.splitlines()]
    body = inspect.getsource(example_session.session).splitlines()[2:]
    for line in body:
        assert line.strip() in shown
