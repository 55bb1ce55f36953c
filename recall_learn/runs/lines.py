"""A file of many results that grows by a line when one of them is there, and that a kill costs half a line at most.

It is JSON lines. The first holds the settings that most of what is in it was asked for with. Each line after it is an
environment, or one result: where its settings differ from those, what it was taken on, and what was found. What a
result is, and how its line is read and written, says a class of its own: `recall_learn.runs.recordings` for runs,
`recall_learn.runs.sequence_recordings` for sequences.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

from recall_learn.support.files import write_text
from recall_learn.support.reading import Json, check_shape, parse_json, read_text

KIND = "holds"
"""The key of the first line that says what the others are; a file of runs has none."""
A = TypeVar("A")
"""What is asked for."""
R = TypeVar("R")
"""What is found."""


class _Task(TypedDict):
    primary: str


class _Environment(TypedDict):
    versions: dict[str, str | None]
    task: NotRequired[_Task]
    device: NotRequired[str]
    commit: NotRequired[str | None]
    backbone: NotRequired[str]
    anchors: NotRequired[str]


@dataclass
class Lines(Generic[A, R]):
    """What such a file holds.

    Attributes:
        environments: as `recall_learn.support.environment.describe` gives them, without what differs from result to
            result; all have the same versions. A version's build is no part of it: what a CPU began, with torch
            2.13.0+cpu, a GPU may finish.
        runs: in the order in which they ended.
        usual: the settings that a line leaves out. The file keeps them, so a later default changes no record.
    """

    environments: list[dict[str, Json]] = field(default_factory=list)
    runs: list[R] = field(default_factory=list)
    usual: dict[str, Json] = field(default_factory=dict)

    UNIT: ClassVar[str]
    """What one of them is called."""
    HEAD: ClassVar[dict[str, Json]]
    """What the first line says beside the usual settings."""
    HEADER: ClassVar[object]
    """The first line's shape."""
    ROW: ClassVar[object]
    """The shape of a result's line."""

    def asked(self, run: R) -> A:
        """What it was asked for with."""
        raise NotImplementedError

    def row(self, run: R) -> dict[str, Json]:
        """Its line."""
        raise NotImplementedError

    def take_in(self, row: dict[str, Json]) -> None:
        """Add what a line of its shape says.

        Raises:
            ValueError: its parts do not go together.
        """
        raise NotImplementedError

    def missing(self, asked: Iterable[A]) -> list[A]:
        """Those of what is asked for that are not recorded yet, in their order, each once."""
        there = set(map(self.asked, self.runs))
        return [each for each in dict.fromkeys(asked) if each not in there]

    def check(self, environment: Mapping[str, Json]) -> None:
        """Refuse to mix: same versions, of whatever build, and for the same backbone the same pretrained weights.

        Raises:
            ValueError: ``environment`` has other versions, or other weights of a backbone, than the runs here.
        """
        these = f"these {self.UNIT}s were recorded"
        for other in self.environments:
            for name, version in other["versions"].items():
                mine = environment["versions"].get(name)
                if _release(mine) != _release(version):
                    raise ValueError(
                        f"{these} with {name} {version}, and here is {mine}: install that version, or record all of "
                        f"them anew in another file"
                    )
            if other.get("backbone") == environment.get("backbone") and other.get("anchors") != environment.get(
                "anchors"
            ):
                raise ValueError(
                    f"{environment.get('backbone')} has other pretrained weights than when {these}; record all of "
                    f"them anew in another file"
                )

    def on(self, known: dict[str, Json]) -> int:
        """The place that an environment has among those here, or will have."""
        return self.environments.index(known) if known in self.environments else len(self.environments)

    def put(self, run: R, known: dict[str, Json]) -> str:
        """Add a result, and the environment that it was taken on; the lines that say so in the file."""
        new = [] if known in self.environments else [known]
        self.environments += new
        self.runs.append(run)
        return "".join(_line({"environment": each}) for each in new) + _line(self.row(run))

    def unusual(self, settings: Mapping[str, Json]) -> dict[str, Json]:
        """Those of the settings that a line has to name."""
        return {name: value for name, value in settings.items() if name not in self.usual or value != self.usual[name]}

    def place(self, row: Mapping[str, Json]) -> dict[str, Json]:
        """The environment that a line names.

        Raises:
            ValueError: it stands not before it.
        """
        if row["on"] >= len(self.environments):
            raise ValueError(f"on is {row['on']}; there are {len(self.environments)} environments before it")
        return self.environments[row["on"]]

    @property
    def text(self) -> str:
        """The whole file's text."""
        environments = (_line({"environment": each}) for each in self.environments)
        rows = (_line(self.row(run)) for run in self.runs)
        return "".join((_line({**self.HEAD, "usual": self.usual}), *environments, *rows))

    def save(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all."""
        write_text(path, self.text)


def append(path: str | os.PathLike, lines: str) -> None:
    """Add lines that `Lines.put` gave to the file that `begin` has looked at.

    Raises:
        OSError: they cannot be written; the file is then what it was.
    """
    with open(path, "rb+") as file:
        end = file.seek(0, os.SEEK_END)
        try:
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.truncate(path, end)
            raise


def begin(path: str | os.PathLike, records: Lines) -> None:
    """Make a file of these records, which are all that it holds, ready to grow.

    It is made where it is not there, and half a line that a killed process left at its end is taken away.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    if not path.exists() or not path.read_bytes().endswith(b"\n"):
        records.save(path)


L = TypeVar("L", bound=Lines)


def read(path: str | os.PathLike, kind: type[L]) -> L:
    """Read such a file. A last line that a killed process left half written is none: its result is missing.

    Args:
        path: the file.
        kind: of what.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        ValueError: it is damaged, of another kind or schema; says which line, and which field.
    """
    try:
        text = read_text(path, f"the file of {kind.UNIT}s")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is not there; recall-learn sweep writes it") from None
    *lines, last = text.split("\n")
    first: dict[object, int] = {}
    records: L | None = None
    for number, line in enumerate([*lines, last] if _is_json(last) else lines or [last], 1):
        try:
            if records is None:
                records = _begun(line, kind)
            elif line.strip():
                _read(line, records)
                if len(records.runs) > len(first):
                    _note(records.asked(records.runs[-1]), number, first)
        except ValueError as error:
            where = f"{path} is damaged, or holds no {kind.UNIT}s of a grid: line {number}"
            raise ValueError(f"{where}: {error}; restore it, or use another --out") from None
    return records


def _begun(line: str, kind: type[L]) -> L:
    head = parse_json(line)
    if isinstance(head, dict) and "usual" in head and head.get(KIND) != kind.HEAD.get(KIND):
        raise ValueError(f"it is of {head.get(KIND, 'runs')!s:.20}, and {kind.UNIT}s are asked for")
    check_shape(head, kind.HEADER)
    return kind(usual=head["usual"])


def _note(asked: object, number: int, first: dict[object, int]) -> None:
    if first.setdefault(asked, number) != number:
        raise ValueError(f"its recipe is that of line {first[asked]}, and would count twice")


def _read(line: str, records: Lines) -> None:
    """Add what a line of the file says."""
    found = parse_json(line, dict[str, object])
    if "environment" in found:
        check_shape(found, dict[Literal["environment"], _Environment])
        records.environments.append(found["environment"])
    else:
        check_shape(found, records.ROW)
        records.take_in(found)


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def _release(version: str | None) -> str | None:
    return version and version.partition("+")[0]


def _line(value: Json) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":")) + "\n"
