# SPDX-License-Identifier: GPL-2.0-or-later
"""What setup and the box share: where the cache is, its lock, progress lines, and
the one exception that becomes one clear line on stderr. Knows nothing of packages,
kernels or Hercules."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Failure(Exception):
    """Something the user has to know: what was tried, on what, what to do next."""


def native_kvm():
    """True on an s390x machine with a usable /dev/kvm: no emulator is needed there."""
    return os.uname().machine == "s390x" and os.access("/dev/kvm", os.R_OK | os.W_OK)


def cache_dir():
    """The cache outside the repository; ZGDBD_CACHE overrides it."""
    explicit = os.environ.get("ZGDBD_CACHE")
    if explicit:
        return os.path.abspath(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(os.path.abspath(base), "zgdbd")


def make_dir(path, mode=0o755):
    try:
        os.makedirs(path, mode=mode, exist_ok=True)
    except OSError as error:
        raise Failure(f"cannot make the directory {path}: {error.strerror}; "
                      "set ZGDBD_CACHE to a directory you can write") from None
    return path


@contextlib.contextmanager
def cache_lock(shared=False):
    """Hold the cache: exclusively to change it, shared while its files are read."""
    path = os.path.join(make_dir(cache_dir()), "lock")
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with open(path, "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another scripts/setup or box start (lock {path})")
            fcntl.flock(lock, mode)
        yield


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what):
    """Announce a long step and, when it is done, how long it took."""
    begin = time.monotonic()
    say(f"{what} ...")
    yield
    say(f"{what}: done, {time.monotonic() - begin:.1f} s")


def run(argv, what, **options):
    """Run a command quietly; its last lines of output explain a failure."""
    options.setdefault("stdin", subprocess.DEVNULL)
    try:
        result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, errors="replace", check=False, **options)
    except FileNotFoundError:
        raise Failure(f"{what}: the program {argv[0]} is missing; "
                      "run scripts/setup tools") from None
    if result.returncode != 0:
        tail = " | ".join(result.stdout.strip().splitlines()[-3:]) or "no output"
        raise Failure(f"{what} failed, {argv[0]} exited with {result.returncode}: {tail}")
    return result.stdout


def write_whole(path, data, mode=0o644):
    """Write a file so that it is either the old or the new one, never a part."""
    temporary = f"{path}.new{os.getpid()}"
    with open(temporary, "wb") as out:
        out.write(data)
        os.fchmod(out.fileno(), mode)
    os.rename(temporary, path)


def need_room(path, megabytes, what):
    """One clear line before a disk fills up half-way."""
    state = os.statvfs(path)
    free = state.f_bavail * state.f_frsize >> 20
    if free < megabytes:
        raise Failure(f"{what} needs {megabytes} MiB in {path}, only {free} MiB are free; "
                      "make room or set ZGDBD_CACHE")
