"""One process owns a place: a run's folder, a file of results.

The lock is the operating system's, so that a process that dies gives it back. The file that is locked says who holds
it, and stays there unless it was made for what then failed.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from recall_learn.support.files import check_folder


class TakenError(ValueError):
    """Another process, or another run in this one, owns the place."""


@contextmanager
def owning(place: Path, advice: str) -> Iterator[None]:
    """Own a place while the block lasts; nothing waits.

    Args:
        place: a folder that is there (locked by ``.lock`` in it), or a file that need not be (by ``.NAME.lock`` beside
            it). Links are followed: two names of one place are one.
        advice: what else would be right, for the message: "wait for it, or choose another --out".

    Raises:
        TakenError: somebody else owns it; the message says who.
    """
    place = Path(os.path.realpath(place))
    file = place / ".lock" if place.is_dir() else place.with_name(f".{place.name}.lock")
    lock = FileLock(file, timeout=0, thread_local=False)
    new = not file.exists()
    try:
        lock.acquire()
    except Timeout:
        raise TakenError(f"{place} is being written by {_holder(file)}; {advice}") from None
    try:
        file.write_text(_myself(), encoding="utf-8")
        yield
    except BaseException:
        if new:  # whoever is refused leaves nothing
            file.unlink(missing_ok=True)
        raise
    finally:
        with suppress(OSError):
            os.truncate(file, 0)
        lock.release()


@contextmanager
def owning_folder(folder: Path, advice: str) -> Iterator[None]:
    """Own a folder that is made where it is not there; one in which nothing was put is not left behind.

    Args:
        folder: the place.
        advice: as in `owning`.

    Raises:
        TakenError: as `owning`.
        NotADirectoryError: it cannot be made or written to.
    """
    check_folder(folder)
    made = [path for path in (folder.absolute(), *folder.absolute().parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with owning(folder, advice):
        try:
            yield
        finally:
            if made and [path.name for path in folder.iterdir()] == [".lock"]:
                (folder / ".lock").unlink()
                with suppress(OSError):  # somebody has put something there
                    for path in made:
                        path.rmdir()


def _myself() -> str:
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return f"process {os.getpid()} on {socket.gethostname()} ({program}, since {datetime.now():%Y-%m-%d %H:%M:%S})\n"


def _holder(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")[:200].strip() or "another process"
    except (OSError, ValueError):
        return "another process"
