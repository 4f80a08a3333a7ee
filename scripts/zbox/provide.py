# SPDX-License-Identifier: GPL-2.0-or-later
"""Provides what the project needs and keeps it in the cache: native tools, the s390x sysroot,
the box's images, the benchmark's additions, the same box with a later kernel, and for the long tests the headers of both kernels,
a later gdb, crash and the kernel's debugging information. Each part is made in a temporary place, renamed when complete and
stamped with what it was made from; a matching stamp means nothing to do."""

import glob
import hashlib
import os
import shutil
import subprocess
import sys

from . import image
from .common import (SCRIPTS, Failure, cache_dir, cache_lock, make_dir, native_kvm, need_room, run,
                     say, step, write_whole)

TOOLS = """hercules gcc make git gcc-s390x-linux-gnu libc6-dev libc6-dev-s390x-cross linux-libc-dev-s390x-cross
gdb-multiarch socat
iproute2 cpio xz-utils zstd binutils-s390x-linux-gnu libev-dev libelf-dev zlib1g-dev libseccomp-dev
libcmocka-dev libkdumpfile-dev libcapstone-dev libbpf-dev python3-drgn qemu-user python3-pytest python3-pytest-timeout qemu-system-misc clang clang-tidy
clang-format cppcheck libclang-rt-14-dev mandoc util-linux""".split()

NATIVE_TOOLS = """gcc libc6-dev make git gdb-multiarch socat xz-utils zstd libev-dev libelf-dev zlib1g-dev libseccomp-dev
libcmocka-dev libkdumpfile-dev libcapstone-dev libbpf-dev python3-drgn python3-pytest python3-pytest-timeout qemu-system-misc clang clang-tidy clang-format
cppcheck libclang-rt-14-dev mandoc util-linux""".split()

SYSROOT_PACKAGES = """libev-dev libev4 libelf-dev libelf1 zlib1g-dev zlib1g libseccomp-dev
libseccomp2 libcmocka-dev libcmocka0 libcapstone-dev libcapstone4 libbpf-dev libbpf1""".split()

KERNEL_METAPACKAGE = "linux-image-s390x"
RELEASE = "bookworm"
LATER_SUITE = f"{RELEASE}-backports"
LATER_RELEASE = "trixie"
LATER_GDB = "gdb-later/gdb"
LATER_GDB_PACKAGE = "gdb-multiarch"
CRASH = "crash/crash"
CRASH_PACKAGE = "crash"
DEBUG_KERNEL = "debug/vmlinux"
BOX_PACKAGES = ["busybox-static"]
BENCH_PACKAGE = "qemu-system-misc"

# The kernels that the box may have, and how the names end of what is in the cache for each.
KERNELS = {"release": "", "later": "-later"}
LATER_KERNEL = "images/vmlinuz-later"

# A change of the recipe that the sources below do not show: count up.
RECIPE = 1
BOX_SOURCES = ("box-agent.c", "box-prime.c", "box-nosleep.c", "box-init.sh", "zbox/image.py",
               "zbox/kernel.py", "zbox/cpio.py")
BENCH_SOURCES = (*BOX_SOURCES, "box-cowshim.c")


def cached(name):
    return os.path.join(cache_dir(), name)


# ---- stamps ----

def fingerprint(words, sources=()):
    digest = hashlib.sha256(f"{RECIPE} {' '.join(words)}".encode())
    for source in sources:
        digest.update(image.read(os.path.join(SCRIPTS, source)))
    return digest.hexdigest()


def is_stamped(name, wanted, product):
    """Was PRODUCT, a path in the cache, completely made from just this?"""
    if not os.path.exists(cached(product)):
        return False
    try:
        with open(cached(f"stamps/{name}"), encoding="ascii") as stamp:
            return stamp.read() == wanted
    except FileNotFoundError:
        return False


def stamp(name, made):
    make_dir(cached("stamps"))
    write_whole(cached(f"stamps/{name}"), made.encode())


def replace_tree(fresh, place):
    """Put the complete directory FRESH where PLACE is."""
    old = f"{place}.old"
    shutil.rmtree(old, ignore_errors=True)
    if os.path.exists(place):
        os.rename(place, old)
    os.rename(fresh, place)
    shutil.rmtree(old, ignore_errors=True)


def fresh_dir(path):
    shutil.rmtree(path, ignore_errors=True)
    return make_dir(path)


# ---- native tools ----

def missing_tools():
    wanted = NATIVE_TOOLS if native_kvm() else TOOLS
    try:
        listed = subprocess.run(
            ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *wanted],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    except FileNotFoundError:
        raise Failure("this machine has no dpkg: scripts/setup knows Debian 12 only; install "
                      f"what corresponds to: {' '.join(wanted)}") from None
    installed = {line.split()[1] for line in listed.splitlines()
                 if line.startswith("installed ")}
    return [name for name in wanted if name not in installed]


def as_root():
    """Words to put before a command that needs root, or None where that is impossible. sudo may ask for a password where
    somebody is there to give it."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    silent = subprocess.run(["sudo", "-n", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, check=False).returncode == 0
    return ["sudo"] if silent or sys.stdin.isatty() else None


def tools():
    missing = missing_tools()
    if not missing:
        return
    prefix = as_root()
    if prefix is None:
        raise Failure("packages are missing and this is neither root nor can it use sudo; "
                      f"as root: apt-get install --no-install-recommends {' '.join(missing)}")
    environment = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    with step("updating the package lists"):
        run([*environment, "apt-get", "update", "-q"], "apt-get update")
    with step(f"installing {len(missing)} packages: {' '.join(missing)}"):
        run([*environment, "apt-get", "install", "-y", "-q", "--no-install-recommends",
             "-o", "DPkg::Lock::Timeout=300", *missing], "apt-get install")
    still = missing_tools()
    if still:
        raise Failure(f"apt-get installed all but: {' '.join(still)}")


# ---- s390x packages, without enabling the architecture on this machine ----

def apt_options(suite=None, architecture="s390x"):
    """An apt of its own: one architecture only, nothing installed, lists and archives in the cache. SUITE: one of the
    same mirror that this machine's apt need not know, and nothing else."""
    lists = "-".join(["apt/lists", *([suite] if suite else []), *([architecture] if architecture != "s390x" else [])])
    for name in (f"{lists}/partial", "apt/archives/partial"):
        make_dir(cached(name))
    options = ["-o", f"APT::Architecture={architecture}", "-o", f"APT::Architectures={architecture}",
               "-o", f"Dir::State::Lists={cached(lists)}", "-o", "Dir::State::status=/dev/null",
               "-o", f"Dir::Cache={cached('apt')}", "-o", "Debug::NoLocking=true",
               "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "-q"]
    if suite is not None:
        options += ["-o", f"Dir::Etc::SourceList={cached(f'apt/{suite}.list')}", "-o", "Dir::Etc::SourceParts=/dev/null"]
    return options


def update_lists(suite=None, architecture="s390x"):
    with step(f"downloading the {architecture} package lists{f' of {suite}' if suite else ''}"):
        run(["apt-get", *apt_options(suite, architecture), "update"], f"apt-get update for {architecture}")


def mirror():
    """Where this machine's apt gets Debian from; the package lists must be there."""
    shown = run(["apt-get", *apt_options(), "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                 f"Codename: {RELEASE}", "Component: main"], "asking apt for its mirror")
    if not shown.strip():
        raise Failure(f"apt's sources name no mirror of Debian's {RELEASE}; add one to /etc/apt/sources.list")
    return shown.split()[0]


def add_suite(suite, architecture="s390x"):
    """Make SUITE, from the machine's own mirror, known to apt_options(SUITE, ARCHITECTURE)."""
    update_lists()
    write_whole(cached(f"apt/{suite}.list"), f"deb {mirror()} {suite} main\n".encode())
    update_lists(suite, architecture)


def resolve_kernel(suite=None):
    """The kernel package that the metapackage stands for just now."""
    shown = run(["apt-cache", *apt_options(suite), "depends", KERNEL_METAPACKAGE],
                "looking for the s390x kernel")
    found = [line.split()[-1] for line in shown.splitlines()
             if line.strip().startswith("Depends: linux-image-")]
    if len(found) != 1:
        raise Failure(f"{KERNEL_METAPACKAGE} should depend on one kernel, but depends on: "
                      f"{' '.join(found) or 'none'}")
    return found[0]


def download(packages, directory, suite=None, architecture="s390x"):
    """The .deb files of exactly these packages; apt checks their sums."""
    run(["apt-get", *apt_options(suite, architecture), "download", *packages], f"downloading {architecture} packages",
        cwd=fresh_dir(directory))


def unpack(directory, root):
    for package in sorted(glob.glob(os.path.join(directory, "*.deb"))):
        run(["dpkg-deb", "-x", package, root], f"unpacking {os.path.basename(package)}")


def fetch_with_libraries(place, package, label, suite=None, architecture="s390x"):
    """PLACE becomes the unpacked package and all it depends on, all or nothing."""
    fresh, archives = f"{place}.new", cached("apt/archives")
    with step(f"downloading and unpacking {label} with its libraries"):
        run(["apt-get", *apt_options(suite, architecture), "install", "-y", "--download-only",
             "--no-install-recommends", package], f"downloading {label}")
        unpack(archives, fresh_dir(fresh))
        replace_tree(fresh, place)
        shutil.rmtree(archives)


def fetch_into(place, packages, label, suite=None):
    """PLACE becomes the unpacked packages, all or nothing."""
    debs, fresh = f"{place}.debs", f"{place}.new"
    with step(f"downloading and unpacking {label}"):
        download(packages, debs, suite)
        unpack(debs, fresh_dir(fresh))
        replace_tree(fresh, place)
        shutil.rmtree(debs)


# ---- the parts ----

def sysroot():
    wanted = fingerprint(SYSROOT_PACKAGES)
    if native_kvm() or is_stamped("sysroot", wanted, "sysroot"):
        return
    need_room(make_dir(cache_dir()), 200, "the s390x sysroot")
    update_lists()
    fetch_into(cached("sysroot"), SYSROOT_PACKAGES, "the s390x libraries")
    stamp("sysroot", wanted)


def kernel(which="release"):
    """The unpacked kernel, with the release's also busybox, and the kernel images made from it."""
    name, flat = f"kernel{KERNELS[which]}", f"images/linux{KERNELS[which]}.img"
    suite = LATER_SUITE if which == "later" else None
    others = [] if suite else BOX_PACKAGES
    wanted = fingerprint([KERNEL_METAPACKAGE, suite or RELEASE, *others], ("zbox/kernel.py",))
    if is_stamped(name, wanted, flat):
        return
    need_room(make_dir(cache_dir()), 600, "the s390x kernel and its images")
    if suite:
        add_suite(suite)
    else:
        update_lists()
    package = resolve_kernel(suite)
    fetch_into(cached(name), [package, *others], f"{package} for s390x", suite)
    with step("making the fast-starting kernel"):
        make_dir(cached("images"))
        image.make_images(cached(name), cached(f"images/vmlinuz{KERNELS[which]}"), cached(flat))
    stamp(name, wanted)


def box(which="release"):
    """The box with this kernel."""
    kernel()
    kernel(which)
    name, unpacked, flat = (f"{part}{KERNELS[which]}" for part in ("box", "kernel", "images/linux"))
    wanted = fingerprint([name, *(image.kernel_version(cached(tree)) for tree in ("kernel", unpacked))], BOX_SOURCES)
    if native_kvm() or is_stamped(name, wanted, f"{name}/box.ins"):
        return
    with step("making the box's image"):
        fresh = fresh_dir(cached(f"{name}.new"))
        image.make_box(cached(unpacked), cached(f"{flat}.img"), cached("kernel/bin/busybox"), cached("images/linux.img"), fresh)
        replace_tree(fresh, cached(name))
    stamp(name, wanted)


def bench():
    """QEMU for s390x and all it needs, as a second image beside the box's own."""
    box()
    wanted = fingerprint(["bench", image.kernel_version(cached("kernel"))], BENCH_SOURCES)
    if native_kvm() or is_stamped("bench", wanted, "box/bench.ins"):
        return
    need_room(cache_dir(), 1200, "QEMU for the benchmark")
    fetch_qemu()
    with step("making the benchmark's image"):
        image.make_bench(cached("qemu"), cached("box"))
    stamp("bench", wanted)


def fetch_qemu():
    wanted = fingerprint([BENCH_PACKAGE])
    if is_stamped("qemu", wanted, "qemu"):
        return
    update_lists()
    fetch_with_libraries(cached("qemu"), BENCH_PACKAGE, f"{BENCH_PACKAGE} for s390x")
    stamp("qemu", wanted)


def later():
    """The box with the kernel of Debian's backports, which the long tests also take as a guest."""
    box("later")


def long():
    """What only the long tests need."""
    later()
    headers()
    headers("later")
    later_gdb()
    crash()
    debug_kernel()


# Debian's crash knows only the architecture that it was built for.
CRASH_SCRIPT = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec %s "$here"/lib/ld64.so.1 --library-path "$here"/usr/lib/s390x-linux-gnu:"$here"/lib/s390x-linux-gnu "$here"/usr/bin/crash "$@"
"""


def crash():
    """crash for s390x with all its libraries; not installed, run by a script."""
    script = CRASH_SCRIPT % ("" if native_kvm() else "qemu-s390x")
    wanted = fingerprint([CRASH_PACKAGE, script])
    if is_stamped("crash", wanted, CRASH):
        return
    need_room(make_dir(cache_dir()), 200, "crash")
    update_lists()
    fetch_with_libraries(os.path.dirname(cached(CRASH)), CRASH_PACKAGE, f"{CRASH_PACKAGE} for s390x")
    write_whole(cached(CRASH), script.encode(), 0o755)
    run([cached(CRASH), "--version"], "crash for s390x")
    stamp("crash", wanted)


def debug_kernel():
    """The guests' kernel with its debugging information, as crash and drgn want it: out of a package of 430 MB."""
    kernel()
    version = image.kernel_version(cached("kernel"))
    wanted = fingerprint(["debug", version])
    if is_stamped("debug", wanted, DEBUG_KERNEL):
        return
    need_room(cache_dir(), 900, "the kernel's debugging information")
    update_lists()
    place, debs = os.path.dirname(cached(DEBUG_KERNEL)), cached("debug.debs")
    with step(f"downloading the debugging information of {version}"):
        download([f"linux-image-{version}-dbg"], debs)
        unpack_one(image.one_file(os.path.join(debs, "*.deb"), "the package"), f"./usr/lib/debug/boot/vmlinux-{version}",
                   os.path.join(fresh_dir(f"{place}.new"), "vmlinux"))
        replace_tree(f"{place}.new", place)
        shutil.rmtree(debs)
    stamp("debug", wanted)


def unpack_one(package, name, place):
    """PLACE becomes the file NAME of the package, and the rest is left."""
    with open(place, "wb") as out, \
         subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
        done = subprocess.run(["tar", "-x", "-O", "--occurrence=1", name], stdin=source.stdout, stdout=out, check=False)
    if done.returncode != 0:
        raise Failure(f"{os.path.basename(package)} has no {name}")


def this_architecture():
    return run(["dpkg", "--print-architecture"], "asking for this machine's architecture").strip()


def headers(which="release"):
    """What a module for this kernel is built with: HEADERS/build is the directory for make -C. The tools in it are those for
    this machine."""
    kernel(which)
    name, suite = f"headers{KERNELS[which]}", LATER_SUITE if which == "later" else None
    version = image.kernel_version(cached(f"kernel{KERNELS[which]}"))
    wanted = fingerprint([name, version])
    if is_stamped(name, wanted, f"{name}/build"):
        return
    need_room(make_dir(cache_dir()), 250, "the headers of the s390x kernel")
    if suite:
        add_suite(suite)
    add_suite(suite or RELEASE, this_architecture())
    place = cached(name)
    with step(f"downloading and unpacking the headers of Linux {version}"):
        fetch_headers(f"{place}.new", f"{place}.debs", version, suite)
        replace_tree(f"{place}.new", place)
    stamp(name, wanted)


def fetch_headers(fresh, debs, version, suite):
    package = f"linux-headers-{version}"
    shown = run(["apt-cache", *apt_options(suite), "depends", package], f"looking for the headers of {version}")
    needed = [line.split()[-1] for line in shown.splitlines() if "Depends: linux-" in line]
    common, = (name for name in needed if name.endswith("-common"))
    kbuild, = (name for name in needed if name.startswith("linux-kbuild-"))
    download([package, common], debs, suite)
    unpack(debs, fresh_dir(fresh))
    download([kbuild], debs, suite or RELEASE, this_architecture())
    unpack(debs, fresh)
    shutil.rmtree(debs)
    # It names the others by where they would be installed.
    place = os.path.join(fresh, "usr/src", package)
    write_whole(os.path.join(place, "Makefile"), f"include $(dir $(lastword $(MAKEFILE_LIST)))../{common}/Makefile\n".encode())
    os.symlink(f"usr/src/{package}", os.path.join(fresh, "build"))


# Its own dynamic linker finds its own libraries; gdb finds its data and its Python beside itself.
LATER_GDB_SCRIPT = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here"/%s --library-path "$here"/%s "$here"/usr/bin/gdb-multiarch "$@"
"""


def later_gdb():
    """The gdb of Debian's next release with all its libraries, for this machine; not installed, run by a script."""
    wanted = fingerprint([LATER_GDB_PACKAGE, LATER_RELEASE, LATER_GDB_SCRIPT])
    if is_stamped("gdb-later", wanted, LATER_GDB):
        return
    need_room(make_dir(cache_dir()), 400, f"the gdb of {LATER_RELEASE}")
    architecture = this_architecture()
    add_suite(LATER_RELEASE, architecture)
    place = os.path.dirname(cached(LATER_GDB))
    fetch_with_libraries(place, LATER_GDB_PACKAGE, f"{LATER_GDB_PACKAGE} of {LATER_RELEASE}", LATER_RELEASE, architecture)
    linker = image.one_file(os.path.join(place, "usr/lib*/ld*.so.*"), "its dynamic linker")
    libraries = os.path.dirname(image.one_file(os.path.join(place, "usr/lib/*/libc.so.6"), "its C library"))
    write_whole(cached(LATER_GDB), (LATER_GDB_SCRIPT % (os.path.relpath(linker, place), os.path.relpath(libraries, place))).encode(),
                0o755)
    run([cached(LATER_GDB), "--version"], f"the gdb of {LATER_RELEASE}")
    stamp("gdb-later", wanted)


PARTS = {"tools": tools, "sysroot": sysroot, "box": box, "bench": bench, "later": later, "long": long}


def ensure(*names):
    """Make these parts unless they are there; one process at a time."""
    with cache_lock():
        for name in names:
            PARTS[name]()


def clean():
    """Forget all that was made; the next setup starts from nothing."""
    with cache_lock():
        for name in ("stamps", "apt", "sysroot", "kernel", "images", "box", "kernel-later", "box-later", "headers", "headers-later", "qemu",
                     "gdb-later", "crash", "debug"):
            for suffix in ("", ".new", ".old", ".debs"):
                shutil.rmtree(cached(name) + suffix, ignore_errors=True)
    say(f"removed what scripts/setup had put into {cache_dir()}")
