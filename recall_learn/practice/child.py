"""The process in which an answer's file is played: ``python -P child.py SCRATCH ANSWERS``.

It takes the library from where this file lies, whatever else is called so. The folder of the answers is the last place
where a module is looked for: an answer may import another one, and ``torch.py`` there hides nothing. Requests come on
the standard input and replies go to the standard output; for the answer the one is empty, and the other is the errors'.
"""

import importlib.util
import os
import sys
from pathlib import Path

LIBRARY = Path(__file__).parents[1]


def _library() -> None:
    if "recall_learn" not in sys.modules:
        about = importlib.util.spec_from_file_location("recall_learn", LIBRARY / "__init__.py")
        sys.modules["recall_learn"] = importlib.util.module_from_spec(about)
        about.loader.exec_module(sys.modules["recall_learn"])


def main(scratch: str, answers: str) -> None:
    """Serve until there are no more requests."""
    _library()
    from recall_learn.practice import fence

    fence.close(Path(scratch))
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    sys.path.append(answers)
    from recall_learn.practice.player import serve

    serve(requests, replies)


if __name__ == "__main__":
    main(*sys.argv[1:])
