"""Comma-separated files as people have them: other separators, other encodings, line breaks in cells.

What is not as RFC 4180 has it is read only where the whole file is consistent that way, and it is said. Everything else
is refused, with the line.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recall_learn.support.checks import shown
from recall_learn.tasks.table import Table

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LOOKED_AT = 100
"""Rows by which a separator is told."""
_PLAIN: dict[str, Any] = {"strict": True, "skipinitialspace": True}
_QUOTING = (
    (_PLAIN, ""),
    ({**_PLAIN, "escapechar": "\\"}, "quotes are escaped by \\"),
)
_NO_QUOTES = ({"quoting": csv.QUOTE_NONE}, "quotation marks are plain signs")


class _WrongRow(ValueError):
    """A row that does not fit its header."""


def read(path: Path, source: str) -> Table:
    """A file of separated cells, its first line the names of its columns.

    Raises:
        ValueError: it is no text, empty, without rows, or a row does not fit the header; the message names the line.
        OSError: it cannot be read.
    """
    text, said = decode(path.read_bytes(), source)
    told = re.match(r"sep=(.)\r?\n", text)  # as Excel writes it
    start = told.end() if told else 0
    if not text[start:].strip():
        raise ValueError(f"{source} is empty; its first line has to name the columns, as in: text,label")
    candidates = [told[1]] if told else ["\t"] if path.suffix.lower() in (".tsv", ".tab") else list(SEPARATORS)
    with _large_cells():
        separator = _separator(text[start:], candidates, source)
        (header, _), *rows, form = _rows(text[start:], separator, source, 1 if told else 0)
    said += [form] if form else []
    said += [f"cells are separated by {SEPARATORS.get(separator, shown(separator))}"] if separator not in ",\t" else []
    names = tuple(header)
    if not rows:
        raise ValueError(f"{source} has a header and no rows")
    columns = list(zip(*(cells for cells, _ in rows), strict=True))
    cells: dict[str, list] = {}
    for name, column in zip(names, columns, strict=True):
        cells.setdefault(name, list(column))
    lines = [line for _, line in rows]
    return Table(source, names, cells, lambda row: f"line {lines[row]} (row {row + 1})", {}, tuple(said))


def decode(data: bytes, source: str) -> tuple[str, list[str]]:
    """The text of a file, and a word where it is not in UTF-8.

    Raises:
        ValueError: it is no text, or in two encodings at once.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16"), ["it is in UTF-16"]
        except UnicodeDecodeError as error:
            raise ValueError(f"{source} begins as UTF-16 and is none at byte {error.start}; save it as UTF-8") from None
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise ValueError(f"{source} has a NUL byte in line {line}, so it is no text; save it as CSV in UTF-8")
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong = f"byte 0x{data[error.start]:02X} in line {line}"
    if not data.decode("utf-8", "ignore").isascii():
        raise ValueError(f"{source} is in UTF-8 but for {wrong}; save it anew as UTF-8")
    try:
        return data.decode("cp1252"), [f"it is not in UTF-8 ({wrong}) and was read as Windows-1252"]
    except UnicodeDecodeError:
        return data.decode("latin-1"), [f"it is not in UTF-8 ({wrong}) and was read as Latin-1"]


def _separator(text: str, candidates: Sequence[str], source: str) -> str:
    """The separator by which the header has several cells, and the rows after it as many."""
    counts = {}
    for each in candidates:
        try:
            rows = [len(cells) for _, (cells, _) in zip(range(LOOKED_AT), _parsed(text, each, _PLAIN), strict=False)]
        except csv.Error:  # said when the file is read
            rows = [len(next(csv.reader(io.StringIO(text, newline=""), delimiter=each), [])), 0]
        counts[each] = rows
    several = [each for each, rows in counts.items() if rows and rows[0] > 1]
    alike = [each for each in several if len(set(counts[each])) == 1]
    if len(alike) > 1:
        words = " or ".join(SEPARATORS[each] for each in alike)
        raise ValueError(f"the cells of {source} could be separated by {words}; name it .tsv, or quote its cells")
    return next(iter(alike or sorted(several, key=lambda each: -counts[each][0])), candidates[0])


def _rows(text: str, separator: str, source: str, skipped: int) -> Iterator[Any]:
    """The header and the rows, each with its line, and last what is unusual about the quotes."""
    forms = [*_QUOTING, *([_NO_QUOTES] if separator == "\t" else [])]
    first: ValueError | None = None
    for form, said in forms:
        try:
            rows = [(cells, line + skipped) for cells, line in _parsed(text, separator, form)]
            _check_widths(rows, separator, source)
            return iter([*rows, said])
        except csv.Error as error:
            line = _line_of(text, separator, form) + skipped
            how = "opens a quote that is never closed" if "end of data" in str(error) else "has a quote inside a cell"
            first = first or ValueError(f'{source}, line {line}: the row {how}; write a quote in a quoted cell as ""')
        except _WrongRow as error:
            first = first or ValueError(str(error))
    raise first


def _parsed(text: str, separator: str, form: dict[str, Any]) -> Iterator[tuple[list[str], int]]:
    """Rows that are not blank, each with the line that it begins in."""
    reader, line = csv.reader(io.StringIO(text, newline=""), delimiter=separator, **form), 1
    for cells in reader:
        if cells:
            yield cells, line
        line = reader.line_num + 1


def _line_of(text: str, separator: str, form: dict[str, Any]) -> int:
    """The line in which the row begins that cannot be read."""
    reader, line = csv.reader(io.StringIO(text, newline=""), delimiter=separator, **form), 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        pass
    return line


def _check_widths(rows: list[tuple[list[str], int]], separator: str, source: str) -> None:
    header = rows[0][0]
    for number, (cells, line) in enumerate(rows[1:], 1):
        if len(cells) != len(header):
            more = f"; quote a cell that has {SEPARATORS.get(separator, shown(separator))} in it"
            found = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
            raise _WrongRow(
                f"{source}, line {line} (row {number}) has {found}, and the header {len(header)}"
                f"{more if len(cells) > len(header) else ''}: {shown(separator.join(cells))}"
            )


@contextmanager
def _large_cells() -> Iterator[None]:
    """Python's csv takes cells of 128 kB at most, by a setting of the whole process."""
    former = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(former)
