# SPDX-License-Identifier: GPL-2.0-or-later
"""Sets up a Debian 12 machine to build, test and show zgdbd.

usage: scripts/setup [tools] [sysroot] [box] [bench] [later] [long] [clean]

  tools    native packages (apt-get; as root, or where sudo asks for no password)
  sysroot  s390x libraries for the static link, in CACHE/sysroot
  box      the s390x kernel, CACHE/images/linux.img for guests, the box's image
  bench    QEMU for s390x, for the benchmark's box only
  later    the kernel of Debian's backports, CACHE/images/vmlinuz-later for guests, and the image of a
           box that runs on it (box up --kernel later)
  long     for make check-long: later, the gdb of Debian's next release, CACHE/gdb-later/gdb, crash for
           s390x, CACHE/crash/crash (neither is installed), what modules for both kernels are built with,
           CACHE/headers and CACHE/headers-later, and the kernel's debugging information,
           CACHE/debug/vmlinux, out of a package of 430 MB
  clean    removes all of it from the cache again (not the native packages)

Without a word: tools, sysroot and box. What is there already costs nothing, so this may be
called as often as one likes, also several times at once. CACHE is ~/.cache/zgdbd, or
$XDG_CACHE_HOME/zgdbd, or $ZGDBD_CACHE. On an s390x machine with /dev/kvm no cross tools and
no box are needed, and none are fetched.
"""

import sys

from . import provide
from .common import Failure, cache_dir, say


def main(words):
    if any(word in ("-h", "--help") for word in words):
        print(__doc__.strip())
        return 0
    words = [word.removeprefix("--") for word in words]
    unknown = [word for word in words if word not in provide.PARTS and word != "clean"]
    if unknown:
        say(f"setup: '{unknown[0]}' is none of: {' '.join(provide.PARTS)} clean")
        return 2
    try:
        if "clean" in words:
            provide.clean()
        parts = [word for word in words if word != "clean"]
        if not words:
            parts = ["tools", "sysroot", "box"]
        provide.ensure(*parts)
        if parts:
            say(f"setup: {', '.join(parts)} ready in {cache_dir()}")
    except Failure as failure:
        say(f"setup: {failure}")
        return 1
    except KeyboardInterrupt:
        say("setup: interrupted; call it again to go on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
