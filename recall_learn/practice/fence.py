"""What the process of an answer may do to the machine: little, where the system lets a process bind itself.

On Linux (from 5.13) it can write nowhere but in its own empty folder, change no other process's memory, and, where the
kernel is newer, send no signals outside; nothing that it starts gets out of that. Elsewhere it may do what its user
may.
"""

import ctypes
import glob
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path

MEMORY = 4 << 30
"""Bytes that an answer may take beyond what torch has when it is loaded."""
FILE = 64 << 20
"""Bytes of a file that it may write."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/nvidia*")

_CREATE, _ADD, _BIND = 444, 445, 446  # the numbers of Landlock's system calls, the same on every processor
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_CHANGE = _WRITE_FILE | sum(1 << place for place in range(4, 13))  # remove, and make of each kind
_MOVE = 1 << 13
_SIGNALS_AND_SOCKETS = 0b11
_NO_NEW_PRIVILEGES = 38
_SUBREAPER = 36


def version() -> int:
    """How much of it the system has: Landlock's version, 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(ctypes.CDLL(None).syscall(_CREATE, None, 0, 1), 0)


def close(writable: Path) -> bool:
    """Take from this process, and all that it will start, the right to write anywhere but in a folder.

    Returns:
        Whether the system did it.
    """
    have = version()
    if not have:
        return False
    libc = ctypes.CDLL(None)
    rights = _CHANGE | (_MOVE if have >= 2 else 0) | (_TRUNCATE if have >= 3 else 0)
    wanted = struct.pack("QQQ", rights, 0, _SIGNALS_AND_SOCKETS if have >= 6 else 0)
    size = 24 if have >= 6 else 16 if have >= 4 else 8
    rules = libc.syscall(_CREATE, wanted, size, 0)
    if rules < 0:
        return False
    try:
        _allow(libc, rules, writable, rights)
        for device in [path for pattern in DEVICES for path in glob.glob(pattern)]:
            _allow(libc, rules, device, rights & (_WRITE_FILE | _TRUNCATE))
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return libc.syscall(_BIND, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, place: str | os.PathLike, rights: int) -> None:
    with suppress(OSError):
        there = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            libc.syscall(_ADD, rules, 1, struct.pack("=Qi", rights, there), 0)
        finally:
            os.close(there)


def limit_memory() -> None:
    """Let this process take `MEMORY` more than it has, where the system counts it, and write no large file."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, FILE))
    with suppress(OSError, StopIteration):
        status = Path("/proc/self/status").read_text().splitlines()
        taken = 1024 * int(next(line.split()[1] for line in status if line.startswith("VmData:")))
        resource.setrlimit(resource.RLIMIT_DATA, (taken + MEMORY, taken + MEMORY))


def adopt_orphans(on: bool) -> None:
    """Whether what a killed process leaves behind becomes a child of this one, and can be found. Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, int(on), 0, 0, 0)
