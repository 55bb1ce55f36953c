"""Files that are written whole or not at all, and places that cannot be written to, refused in a sentence."""

import os
from pathlib import Path


def check_folder(out: Path) -> None:
    """Refuse a folder that cannot be made or written to, before anything long begins.

    Raises:
        NotADirectoryError: it, or the folder that it would be made in, is a file or cannot be written to.
    """
    there = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        why = "cannot be written to" if there.is_dir() else "is a file"
        raise NotADirectoryError(f"out is {str(out)!r}, but {str(there)!r} {why}; choose another folder")


def check_file(out: Path) -> None:
    """Refuse a file that cannot be written, before anything long begins.

    Raises:
        IsADirectoryError: it is a folder.
        NotADirectoryError: it cannot be in the folder that it names.
    """
    if out.is_dir():
        raise IsADirectoryError(f"out is {str(out)!r}, which is a folder; name a file in it")
    check_folder(out.absolute().parent)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a small file atomically: to a neighbour, to the disk, then over the old one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
