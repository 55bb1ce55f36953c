"""The execution cache knows a lesson's cells and not what they import; this empties it when that changed.

The digest of everything a lesson's output depends on is kept beside the cache, in ``book/_build``.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

import recall_learn


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of all files under ``paths``, bytecode left out."""
    result = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                result.update(f"{file.relative_to(path)} {file.stat().st_size}\n".encode())
                result.update(file.read_bytes())
    return result.hexdigest()


def forget_when_stale(book: Path, build: Path, library: Path) -> bool:
    """Empty the caches in ``build`` unless they were made with what is there now; True when they were emptied.

    Args:
        book: the folder of the lessons; ``requirements.txt`` lies beside it and the recorded ``runs`` in it.
        build: jupyter-book's ``_build``.
        library: the folder of the package that the lessons import.
    """
    now = digest([library, book / "runs", book.parent / "requirements.txt"])
    seal = build / "made-with.sha256"
    if seal.is_file() and seal.read_text() == now:
        return False
    for cache in (".jupyter_cache", ".doctrees"):
        shutil.rmtree(build / cache, ignore_errors=True)
    (build / ".doctrees").mkdir(parents=True)
    seal.write_text(now)
    return True


def _at_start(app, _config) -> None:
    library = Path(recall_learn.__file__).parent
    if forget_when_stale(Path(app.srcdir), Path(app.outdir).parent, library):
        print("The library, the runs or the requirements changed: every lesson is executed anew.")


def setup(app) -> None:
    """Check before Sphinx opens its own record of the last build."""
    app.connect("config-inited", _at_start)
