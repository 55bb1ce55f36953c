"""Exercises: ``check("fisher_empirical", my_function)`` in a notebook, ``recall-learn exercises`` in a terminal.

The engine alone: what a case is, how two answers are compared, what is said of a mistake, what a learner has done. The
exercises themselves, with their checks and solutions, are in ``exercises/``.
"""

import importlib
from typing import Any

__all__ = ["Case", "Mistake", "array", "built", "case", "check", "examine", "same", "wrong"]
HOMES = {"array": "compare", "same": "compare", "built": "wire"}


def check(name: str, answer: object) -> None:
    """Look at an answer, show what was found, and note it in the learner's progress.

    Args:
        name: of the exercise, as ``recall-learn exercises list`` says it.
        answer: your function or class, itself: ``check("offset_left", offset_left)``.

    Raises:
        ValueError: there is no such exercise; says which come nearest. Or name and function are exchanged.
    """
    from recall_learn.practice import examine, progress

    if not isinstance(name, str):
        turned = f'check("{answer}", {getattr(name, "__name__", "...")})' if isinstance(answer, str) else ""
        right = turned or f'check("{getattr(name, "__name__", "offset_left")}", ...)'
        raise ValueError(f"check takes the exercise's name first, in quotes, and the function itself after it: {right}")
    report = examine(name, answer)
    progress.record(report)
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(report)
        return
    display(report) if get_ipython() is not None else print(report)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = f"{__name__}.{HOMES.get(name, 'looking')}"
    return getattr(importlib.import_module(home), name)  # torch comes with it, and a list of the exercises needs none
