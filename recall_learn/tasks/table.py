"""A file's cells, column by column, and where each stands, so that what is wrong can be pointed at."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from recall_learn.support.checks import shown


@dataclass(frozen=True)
class Other:
    """A cell of a kind that is neither text nor a number; only the kind is kept."""

    kind: str


@dataclass(frozen=True)
class Table:
    """What a file holds.

    Attributes:
        source: the file, as messages name it.
        names: of its columns, in order, as often as they are there.
        cells: ``column -> cells``, each a text, number, truth value, None for a gap, or something else.
        where: what a row is called, from 0: "line 9".
        classes: ``column -> names`` for the columns whose numbers the file itself gives names.
        said: what was found out about the file's form that is not the usual.
    """

    source: str
    names: tuple[str, ...]
    cells: Mapping[str, list[object]]
    where: Callable[[int], str]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.cells.values()), ()))

    def place(self, row: int) -> str:
        """A row, for a message: "reviews.csv, line 9"."""
        return f"{self.source}, {self.where(row)}"


def gap(cell: object) -> bool:
    """Whether a cell is empty: None, nan, or text without a letter or digit or sign."""
    return cell is None or (isinstance(cell, str) and not cell.strip()) or cell != cell


def join(tables: Sequence[Table], source: str) -> Table:
    """Several files of the same columns, one after another.

    Raises:
        ValueError: they have other columns, or other names of classes.
    """
    first = tables[0]
    if len(tables) == 1:
        return first
    for table in tables:
        if sorted(table.names) != sorted(first.names) or table.classes != first.classes:
            ours, theirs = (shown(list(each.names)) for each in (first, table))
            raise ValueError(f"{first.source} and {table.source} are parts of one split, with {ours} and {theirs}")
    starts = [0, *accumulate(map(len, tables))]

    def where(row: int) -> str:
        part = bisect_right(starts, row) - 1
        return f"{tables[part].source}, {tables[part].where(row - starts[part])}"

    cells = {name: [cell for table in tables for cell in table.cells[name]] for name in first.cells}
    said = tuple(dict.fromkeys(each for table in tables for each in table.said))
    return Table(source, first.names, cells, where, first.classes, said)
