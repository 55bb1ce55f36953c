"""Files that are written whole or not at all, and places that cannot be written to, refused in a sentence.

A file is written beside its place under the name ``.NAME.PID.tmp`` and then renamed over it. What a killed process left
under such a name is removed when the same file is next written.
"""

import hashlib
import itertools
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from recall_learn.support.checks import shown

_numbers = itertools.count()


def as_text(name: str, path: object) -> str:
    """A path as text.

    Raises:
        ValueError: it is none.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise ValueError(f"{name} is {shown(path)}; it has to be a path, as text")
    try:
        text.encode()  # what writes weights takes no other names
    except UnicodeEncodeError:
        raise ValueError(f"{name} is {shown(text)}, which is no UTF-8; choose another name") from None
    return text


def from_home(name: str, path: object) -> Path:
    """A path, its ``~`` or ``~user`` replaced by that home.

    Raises:
        ValueError: it is no path, or nobody has that home.
    """
    text = as_text(name, path)
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{name} is {shown(text)}, and there is no such home; write the path out") from None


def check_folder(out: str | os.PathLike) -> Path:
    """The folder, refused where it cannot be made or written to, before anything long begins.

    Raises:
        ValueError: the name is empty or holds a NUL.
        NotADirectoryError: it, or the folder that it would be made in, is a file, a dangling link, or cannot be
            written to.
        OSError: a file system that takes no files, or no more.
    """
    text = as_text("out", out)
    if not text or "\0" in text:
        raise ValueError(f"out is {text!r}, which names no folder; give one, or '.' for this one")
    out = Path(text)
    try:
        os.lstat(out)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise OSError(f"out is {shown(text)}, which cannot be a folder ({error.strerror}); choose another") from None
    there = next(path for path in (out.absolute(), *out.absolute().parents) if os.path.lexists(path))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise NotADirectoryError(f"out is {str(out)!r}, but {str(there)!r} {_fault(there)}; choose another folder")
    try:
        _try(there / "out")
    except OSError as error:
        why = error.strerror
        raise OSError(f"out is {text!r}, where nothing can be written ({why}); choose another folder") from None
    return out


def check_file(out: str | os.PathLike, name: str = "out") -> Path:
    """The place where a file will be: links followed, and refused where it cannot be written.

    Args:
        out: the file.
        name: of the argument, for the message.

    Raises:
        ValueError: the name is empty or holds a NUL.
        IsADirectoryError: it is a folder.
        NotADirectoryError: it cannot be in the folder that it names.
        OSError: it is a device, a pipe, a loop of links, or a file that cannot be written to.
    """
    text = as_text(name, out)
    if not text or "\0" in text:
        raise ValueError(f"{name} is {text!r}, which names no file; give one")
    try:
        place = Path(text).resolve(strict=False)
        there = os.path.lexists(place) or os.path.exists(text)  # what /dev/stdout leads to has no path
        mode = os.stat(text).st_mode if there else None
    except (OSError, RuntimeError) as error:  # Python below 3.13 has a RuntimeError for a loop of links
        raise OSError(f"{name} is {text!r}, which cannot be followed to a file ({error}); name another") from None
    if text.endswith(os.sep) or (mode is not None and stat.S_ISDIR(mode)):
        raise IsADirectoryError(f"{name} is {text!r}, which is a folder; name a file in it")
    # a stream that was sent to a file leads to it, and is not meant to replace it
    streams = re.match(r"/(dev/std|dev/fd/|proc/[^/]+/fd/)", os.path.abspath(text))
    if streams or (mode is not None and not stat.S_ISREG(mode)):
        raise OSError(f"{name} is {text!r}, which is a device or a pipe; name a file")
    if mode is not None and not os.access(place, os.W_OK):
        raise PermissionError(f"{name} is {text!r}, which cannot be written to; name another file")
    check_folder(place.parent)
    try:
        if place.parent.is_dir():
            _try(place)
    except OSError as error:
        raise OSError(f"{name} is {text!r}, which cannot be written ({error.strerror}); name another") from None
    return place


def _try(place: Path) -> None:
    """Make what will be written beside ``place``, and remove it: a name too long, a file system that takes no files."""
    beside = _beside(place)
    beside.touch(exist_ok=False)
    beside.unlink()


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.{os.getpid()}.{next(_numbers)}.tmp")


@contextmanager
def writing(path: str | os.PathLike) -> Iterator[Path]:
    """A path to write to in place of ``path``; it takes its name when all is written, and is removed when that fails.

    The file gets the mode of the one it replaces, else the process's usual one. Links to ``path`` stay links.

    Raises:
        OSError: as `check_file` says; or the disk does.
    """
    path = check_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, path.name)
    temporary = _beside(path)
    try:
        temporary.touch(exist_ok=False)  # some writers make theirs private: the mode is put back
        mode = stat.S_IMODE((path if path.exists() else temporary).stat().st_mode)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(mode)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a small file whole or not at all, see `writing`."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: str | os.PathLike) -> str:
    """The digest of a file's bytes, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def share(folder: Path, like: Path) -> None:
    """Make the files of a folder readable by whom ``like`` is; safetensors makes its own private."""
    mode = like.stat().st_mode & 0o666
    for file in folder.iterdir():
        if file.is_file() and not file.is_symlink():
            file.chmod(mode)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes left half written in ``folder``: of the file ``name``, or of all."""
    for path in folder.glob(".*.tmp"):
        left = re.fullmatch(r"\.(.+)\.(\d+)\.\d+\.tmp", path.name)
        if left and name in (None, left[1]) and not psutil.pid_exists(int(left[2])):
            path.unlink(missing_ok=True)


def _fault(there: Path) -> str:
    if there.is_symlink() and not there.exists():
        return "is a link to nothing"
    return "cannot be written to" if there.is_dir() else "is a file"
