"""What was read or made once in a process, for whoever wants the same again: bounded, and safe for threads."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Shelf:
    """Values by key; of each kind the ones that were used last.

    What is given out is shared: whoever gets it changes nothing in it.

    Args:
        most: values of a kind.
    """

    def __init__(self, most: int = 3):
        self.most = most
        self._lock = threading.Lock()
        self._kinds: dict[str, OrderedDict[Hashable, object]] = {}

    def get(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """The value of this key, made if it is not here; two who want it at once may both make it.

        Args:
            kind: what it is.
            key: all that it depends on.
            make: makes it; what it raises goes on to the caller, and nothing is kept.
        """
        with self._lock:
            values = self._kinds.setdefault(kind, OrderedDict())
            if key in values:
                values.move_to_end(key)
                return values[key]
        value = make()
        with self._lock:
            values[key] = value
            while len(values) > self.most:
                values.popitem(last=False)
        return value


class Nothing(Shelf):
    """A shelf that keeps nothing: all is made anew."""

    def get(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives."""
        return make()


def stamp(*paths: str | os.PathLike | None) -> tuple:
    """What tells whether files have changed: of each below these paths its name, time and size.

    Args:
        paths: files, folders, or what is neither; None is left out.
    """
    found = []
    for path in (Path(path) for path in paths if path is not None):
        for file in sorted(filter(Path.is_file, path.rglob("*"))) if path.is_dir() else [path]:
            try:
                about = file.stat()
            except (OSError, ValueError):
                continue
            found.append((str(file), about.st_mtime_ns, about.st_size))
    return tuple(found)
