"""What a label column holds: the names of classes, or numbers to be predicted, and the score that fits."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recall_learn.support.checks import shown
from recall_learn.tasks.table import Other, Table, gap

REGRESSION = ("pearson", "spearman")
CLASSES = ("accuracy", "f1", "macro_f1", "matthews_correlation")
MOST_NUMBERS = 50
"""Different whole numbers that are taken for classes without being asked."""
UNBALANCED = 2
"""How many times as frequent as the rarest class the most frequent one is, for accuracy to say too little."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")

Cells = Mapping[int, Any]
"""``row -> cell`` of the rows that have a label."""


@dataclass(frozen=True)
class Kind:
    """Classes by their names, in the order of their numbers; none in a regression."""

    names: tuple[str, ...]
    numbers: Mapping[str, int]  # a cell as text -> its class

    def number(self, cell: object) -> float | None:
        """A cell's class or number; None where it was in no training example, or is no number."""
        return self.numbers.get(_name(cell)) if self.names else _as_number(cell)


def decide(table: Table, column: str, rows: Sequence[int], metric: str | None) -> Kind:
    """What the label is.

    Args:
        table: the training examples.
        column: its label.
        rows: those that have one.
        metric: the score that was asked for, or None: it says whether whole numbers are classes.

    Raises:
        ValueError: the cells are of several kinds, one class only, more than could be learned, or differ in spelling
            alone; or the score does not fit.
    """
    cells = {row: table.cells[column][row] for row in rows}
    check_kinds(table, column, cells)
    if column in table.classes:
        return _declared(table, column, cells)
    where = f"column {column!r} of {table.source}"
    numeric = all(_as_number(cell) is not None for cell in cells.values())
    whole = numeric and all(_is_whole(cell) for cell in cells.values())
    if numeric and (metric in REGRESSION or not whole):
        if metric in CLASSES:
            row = next(row for row, cell in cells.items() if not _is_whole(cell))
            raise ValueError(
                f"metric is {metric!r}, which is of classes, and {where} has {shown(cells[row])} in {table.where(row)}"
            )
        if len({_as_number(cell) for cell in cells.values()}) == 1:
            raise ValueError(f"{where} has one number only, {shown(next(iter(cells.values())))}: nothing to learn")
        return Kind((), {})
    if metric in REGRESSION:
        row = next(row for row, cell in cells.items() if _as_number(cell) is None)
        raise ValueError(f"metric is {metric!r}, and {where} has {shown(cells[row])} in {table.where(row)}, no number")
    if not numeric:
        _check_words(table, column, cells)
    return _named(table, column, cells, where, numeric and metric is None)


def score(kind: Kind, labels: Sequence[float], metric: str | None) -> tuple[tuple[str, ...], str, int]:
    """The metrics of a task, the one that is its score, and the class that f1 is about: the rarer one.

    Args:
        kind: what the label is.
        labels: those of the training examples, as numbers.
        metric: the score that was asked for, or None.

    Raises:
        ValueError: f1 is asked of more than two classes.
    """
    if not kind.names:
        return REGRESSION, metric or REGRESSION[0], 1
    counts, two = Counter(labels), len(kind.names) == 2
    rarest = min(reversed(range(len(kind.names))), key=lambda number: counts[number])
    if metric == "f1" and not two:
        raise ValueError(f"metric is 'f1', which is of two classes, and here are {len(kind.names)}; take macro_f1")
    if metric is None:
        uneven = max(counts.values()) > UNBALANCED * counts[rarest]
        metric = ("f1" if two else "macro_f1") if uneven else "accuracy"
    return tuple(dict.fromkeys(("accuracy", metric))), metric, rarest if two else 1


def check_kinds(table: Table, column: str, cells: Cells) -> None:
    """Raise where a cell is neither text nor number nor truth value."""
    for row, cell in cells.items():
        if not isinstance(cell, str | int | float) or abs(_as_number(cell) or 0.0) == math.inf:
            what = cell.kind if isinstance(cell, Other) else shown(cell)
            raise ValueError(
                f"{table.place(row)}: column {column!r} holds {what}; a label is a word or a finite number"
            )


def _declared(table: Table, column: str, cells: Cells) -> Kind:
    """Classes whose names the file gives: the numbers are its own."""
    names = table.classes[column]
    for row, cell in cells.items():
        if isinstance(cell, bool) or not isinstance(cell, int) or not 0 <= cell < len(names):
            raise ValueError(
                f"{table.place(row)}: column {column!r} is {shown(cell)}, and the file names the classes 0 to "
                f"{len(names) - 1}: {', '.join(names)}"
            )
    kind = Kind(names, {str(number): number for number in range(len(names))})
    if len(names) < 2 or len(set(cells.values())) == 1:
        raise _one_class(f"column {column!r} of {table.source}", names[next(iter(cells.values()))])
    return kind


def _named(table: Table, column: str, cells: Cells, where: str, ask: bool) -> Kind:
    """Classes whose names are what is written."""
    spelled: dict[Any, dict[str, int]] = {}
    for row, cell in cells.items():
        spelled.setdefault(_key(cell), {}).setdefault(_name(cell), row)
    for ways in spelled.values():
        if len(ways) > 1:
            (one, row), (other, its) = list(ways.items())[:2]
            raise ValueError(
                f"the labels {one!r} ({table.where(row)}) and {other!r} ({table.where(its)}) of {where} differ in "
                f"spelling alone; make them one"
            )
    names = {key: next(iter(ways)) for key, ways in spelled.items()}
    if len(names) == 1:
        raise _one_class(where, next(iter(names.values())))
    if ask and len(names) > MOST_NUMBERS:
        raise ValueError(
            f"{where} has {len(names)} different whole numbers; say whether they are to be predicted as numbers, "
            f"--metric pearson, or are classes, --metric accuracy"
        )
    if 2 * len(names) > len(cells):
        raise ValueError(
            f"{where} has {len(names)} different labels in {len(cells)} rows; classes have to be met at least twice "
            f"on average; is it another column? --label NAME"
        )
    order = sorted(names) if all(isinstance(key, float) for key in names) else sorted(names, key=str)
    ordered = tuple(names[key] for key in order)
    return Kind(ordered, {name: number for number, name in enumerate(ordered)})


def _one_class(where: str, name: str) -> ValueError:
    return ValueError(f"{where} holds one class only, {shown(name)}: there is nothing to tell apart")


def _check_words(table: Table, column: str, cells: Cells) -> None:
    """Raise where words and broken numbers are mixed: one of them is a mistake."""
    comma = next((row for row, cell in cells.items() if isinstance(cell, str) and _COMMA.fullmatch(cell.strip())), None)
    if comma is not None:
        right = f"write it as {cells[comma].strip().replace(',', '.')}"
        raise ValueError(f"{table.place(comma)}: column {column!r} is {shown(cells[comma])}; {right}")
    broken = next((row for row, cell in cells.items() if _as_number(cell) is not None and not _is_whole(cell)), None)
    if broken is not None:
        word = next(row for row, cell in cells.items() if _as_number(cell) is None)
        raise ValueError(
            f"column {column!r} of {table.source} mixes numbers and words: {shown(cells[broken])} in "
            f"{table.where(broken)}, {shown(cells[word])} in {table.where(word)}; empty a cell to leave out its row"
        )


def _name(cell: Any) -> str:
    """What a class is called: as it is written, numbers without a needless point, truth as JSON has it."""
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(int(cell)) if isinstance(cell, float) else str(cell).strip()


def _key(cell: Any) -> Any:
    """The same for cells that say the same."""
    number = _as_number(cell)
    return number if number is not None else " ".join(_name(cell).casefold().split())


def _as_number(cell: Any) -> float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        return float(cell) if _NUMBER.fullmatch(cell.strip()) else None
    try:
        return float(cell)
    except OverflowError:
        return math.inf


def _is_whole(cell: Any) -> bool:
    number = _as_number(cell)
    return number is not None and number == int(number)


def labelled(table: Table, column: str) -> list[int]:
    """The rows that have a label: no gap, and not the -1 of a class that is withheld."""
    withheld = (-1,) if column in table.classes else ()
    return [row for row, cell in enumerate(table.cells[column]) if not gap(cell) and cell not in withheld]
