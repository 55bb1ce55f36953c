"""Where the book is made: in a copy of the repository, which the installed library is not."""

from collections.abc import Sequence
from pathlib import Path


def home(arguments: Sequence[str] = ()) -> Path:
    """The copy of the repository that is named first, or the current folder.

    Raises:
        SystemExit: it is none; the message says so.
    """
    folder = Path(arguments[0] if arguments else ".").absolute()
    if not (folder / "book" / "_toc.yml").is_file() or not (folder / "exercises" / "solutions").is_dir():
        raise SystemExit(
            f"{folder} is no copy of the repository, in which the book is made, and the installed library brings "
            f"none; go to a copy of the repository, or name it"
        )
    return folder
