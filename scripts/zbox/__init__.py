# SPDX-License-Identifier: GPL-2.0-or-later
"""The box for Python programs: tests, benchmark, demo.

    import sys; sys.path.insert(0, "scripts")
    from zbox import open_box, Failure
    box = open_box()
    box.up()
    print(box.run(["uname", "-m"], capture_output=True, text=True).stdout)
"""

from .common import Failure, native_kvm


def open_box(name="default"):
    """The box called NAME, or this machine itself where it has /dev/kvm for s390x."""
    if native_kvm():
        from .native import Native
        return Native(name)
    from .box import Box
    return Box(name)


__all__ = ["Failure", "open_box"]
