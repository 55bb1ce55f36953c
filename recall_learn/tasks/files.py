"""A task of one's own: a file, a folder with splits, or a dataset of the hub, read into examples.

What was found is said, what is wrong is refused with its row and column, and nothing is guessed. The steps: which files
are which split (`layout`), what is in them (`formats`), which columns are read (`columns`), what the label is
(`classes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recall_learn.models import hub
from recall_learn.support.checks import shown
from recall_learn.support.files import from_home
from recall_learn.tasks import classes, columns, formats, layout
from recall_learn.tasks.columns import Columns
from recall_learn.tasks.table import Table, gap, join
from recall_learn.tasks.task import Splits, Task

SHOWN = 8
"""Classes that are listed by name."""


@dataclass(frozen=True)
class Examples:
    """The examples of one split, and the rows of its table that they are."""

    texts: dict[str, list[str]]
    labels: list[float]
    rows: list[int]

    def take(self, places: Sequence[int]) -> "Examples":
        """Some of them."""
        texts = {name: [cells[place] for place in places] for name, cells in self.texts.items()}
        return Examples(texts, [self.labels[place] for place in places], [self.rows[place] for place in places])


def load(name: str, text: str | None = None, label: str | None = None, metric: str | None = None) -> Splits:
    """Read a task of one's own.

    Args:
        name: a file, a folder, or ``OWNER/NAME`` of a dataset of the hub, perhaps with a folder in it behind.
        text: the text column, or two with a comma between; None looks for them.
        label: the label's column; None looks for it.
        metric: the score; None takes one that fits.

    Returns:
        "train" and "validation", which is drawn from "train" where it is not there. ``said`` says what was found.

    Raises:
        ValueError: something in it is wrong; the message names row and column.
        FileNotFoundError, ConnectionError: it is not there, or the hub is out of reach.
    """
    place, repository = locate(name)
    splits, unused = ({"train": [place]}, []) if place.is_file() else layout.files(place, name)
    tables = {split: _table(paths, place, name) for split, paths in splits.items() if split != "test"}
    train = tables["train"]
    found = columns.find(train, text, label)
    said = [f"{table.source}: {each}" for table in tables.values() for each in table.said]
    labelled = _labelled(train, found, said)
    kind = classes.decide(train, found.label, labelled, metric)
    examples = {"train": _examples(train, found, kind, labelled, said)}
    how = ""
    if "validation" in tables:
        _check_alike(tables["validation"], train, found)
        rows = _labelled(tables["validation"], found, said)
        examples["validation"] = _examples(tables["validation"], found, kind, rows, said)
        said += _shared(examples)
    else:
        examples, how = _drawn(examples["train"], kind, name)
    metrics, primary, positive = classes.score(kind, examples["train"].labels, metric)
    about = {"label": found.label, "repository": repository, "split": how}
    task = Task(name, found.texts, kind.names, metrics=metrics, primary=primary, positive=positive, **about)
    data = {split: _dataset(each, found, kind) for split, each in examples.items()}
    unused = [*found.rest, *(["the split test"] if "test" in splits else []), *unused]
    said += [f"not used: {', '.join(unused)}"] if unused else []
    return Splits(task, data, (_summary(task, examples), *said))


def locate(name: str) -> tuple[Path, str]:
    """The file or folder of that name, fetched from the hub where needed, and the hub's dataset with its commit, or "".

    Raises:
        FileNotFoundError: it is neither there nor on the hub.
        ValueError: its ending is of no kind that can be read.
        ConnectionError: the hub is needed and out of reach, or falls silent; see `recall_learn.models.hub.fetch`.
    """
    place = from_home("task", name)
    try:
        there, folder = place.exists(), place.is_dir()
    except (OSError, ValueError) as error:  # a name too long, a NUL in it
        raise FileNotFoundError(f"task is {shown(name)}, which is no file: {error}") from None
    if folder:
        return place, ""
    if place.suffix.lower() in formats.READERS:
        if not there:
            raise FileNotFoundError(f"task is {shown(name)}, and no such file is there")
        if not place.is_file():
            raise ValueError(f"task is {shown(name)}, which is a device or a pipe; name a file")
        return place, ""
    endings = ", ".join(formats.READERS)
    if there:
        raise ValueError(f"task is {shown(name)}, whose ending is none of {endings}; save it as one of these")
    owner, _, rest = name.partition("/")
    repository, _, inside = rest.partition("/")
    wanted = f"{owner}/{repository}"
    if name.startswith((".", "/", "~")) or not repository or not hub.is_repo_id(wanted):
        raise FileNotFoundError(f"task is {shown(name)}: no file or folder is there, and a hub's dataset is OWNER/NAME")
    patterns = [f"{inside.rstrip('/')}/*{ending}" if inside else f"*{ending}" for ending in formats.READERS]
    cached = hub.cached(wanted, repo_type="dataset", patterns=patterns)
    if cached is None or not any(file.suffix in formats.READERS for file in (cached / inside).rglob("*")):
        advice = "no file or folder has that name; give a file or a folder"
        cached = hub.fetch(wanted, repo_type="dataset", patterns=patterns, advice=advice)
    if not (cached / inside).is_dir():
        raise FileNotFoundError(f"task is {shown(name)}, and the hub's {wanted} has no folder {inside!r} with data")
    return cached / inside, f"{wanted}@{cached.name}"


def _table(paths: Sequence[Path], place: Path, name: str) -> Table:
    """The files of one split."""
    inside = [name if path == place else str(path.relative_to(place)) for path in paths]
    return join([formats.read(*each) for each in zip(paths, inside, strict=True)], inside[0])


def _labelled(table: Table, found: Columns, said: list[str]) -> list[int]:
    """The rows with a label and a text; those left out are said."""
    labelled = set(classes.labelled(table, found.label))
    texts = [table.cells[name] for name in found.texts]
    worded = {row for row in range(len(table)) if not all(gap(cells[row]) for cells in texts)}
    for rows, what, flag in ((labelled, f"label ({found.label!r})", "label"), (worded, "text", "text")):
        empty = [row for row in range(len(table)) if row not in rows]
        if 2 * len(empty) > len(table):
            raise ValueError(
                f"{table.source}: {len(empty)} of {len(table)} rows have no {what}, first {table.where(empty[0])}; "
                f"is it another column? --{flag} NAME"
            )
        if empty:
            first = f"{'first ' * (len(empty) > 1)}{table.where(empty[0])}"
            said.append(f"{table.source}: left out without a {flag}: {len(empty)} of {len(table)} rows, {first}")
    return sorted(labelled & worded)


def _examples(table: Table, found: Columns, kind: classes.Kind, rows: list[int], said: list[str]) -> Examples:
    """The texts and labels of some rows, checked."""
    texts: dict[str, list[str]] = {}
    for name in found.texts:
        cells = table.cells[name]
        wrong = next((row for row in rows if not gap(cells[row]) and not isinstance(cells[row], str)), None)
        if wrong is not None:
            what = getattr(cells[wrong], "kind", None) or shown(cells[wrong])
            raise ValueError(f"{table.place(wrong)}: column {name!r} holds {what}, which is no text")
        texts[name] = ["" if gap(cells[row]) else cells[row] for row in rows]
        empty = [row for row in rows if gap(cells[row])]
        if empty:
            said.append(f"{table.source}: {name!r} is empty in {len(empty)} rows, first {table.where(empty[0])}")
    cells = table.cells[found.label]
    classes.check_kinds(table, found.label, {row: cells[row] for row in rows})
    labels = [kind.number(cells[row]) for row in rows]
    for row, number in zip(rows, labels, strict=True):
        if number is None:
            why = f"is in no training example: {_listed(kind.names)}" if kind.names else "is no number"
            raise ValueError(f"{table.place(row)}: the label {shown(cells[row])} in column {found.label!r} {why}")
    return Examples(texts, labels, rows)


def _check_alike(table: Table, train: Table, found: Columns) -> None:
    """Raise unless a split has the columns, and the names of classes, that the training split has."""
    for name in (*found.texts, found.label):
        if table.names.count(name) != 1:
            how = "lacks" if name not in table.names else "has more than once"
            raise ValueError(f"{table.source} {how} the column {name!r}, which is read from {train.source}")
    if table.classes.get(found.label) != train.classes.get(found.label):
        raise ValueError(f"{table.source} and {train.source} give the classes of {found.label!r} other names")


def _drawn(train: Examples, kind: classes.Kind, name: str) -> tuple[dict[str, Examples], str]:
    """Some of the training examples kept aside, and how."""
    texts = list(zip(*train.texts.values(), strict=True))
    kept, aside = layout.draw(texts, train.labels if kind.names else [0] * len(texts))
    if not aside or not kept:
        raise ValueError(f"{name} has {len(texts)} rows to learn from, too few to keep some aside for the score")
    share = f"{100 * min(layout.SHARE, layout.MOST / len(texts)):.3g} % drawn"
    how = f"{share}, {'stratified, ' if kind.names else ''}seed {layout.SEED}"
    return {"train": train.take(kept), "validation": train.take(aside)}, how


def _shared(examples: dict[str, Examples]) -> list[str]:
    """A sentence, where texts are in both splits."""
    train, validation = (list(zip(*each.texts.values(), strict=True)) for each in examples.values())
    both = sum(text in set(train) for text in validation) if not set(train).isdisjoint(validation) else 0
    return [f"{both} of {len(validation)} texts of validation are also in train"] if both else []


def _dataset(examples: Examples, found: Columns, kind: classes.Kind) -> Any:
    from datasets import Dataset

    labels = [int(each) if kind.names else float(each) for each in examples.labels]
    return Dataset.from_dict({**examples.texts, found.label: labels})


def _summary(task: Task, examples: dict[str, Examples]) -> str:
    """What was found, in a line."""
    train, validation = examples["train"].labels, examples["validation"].labels
    if task.labels:
        about = f"{len(task.labels)} classes: {_listed(task.labels)}"
    else:
        about = f"numbers from {min(train):g} to {max(train):g}"
    score = task.primary
    if score == "f1":
        score += f" of {task.labels[task.positive]} ({train.count(task.positive) / len(train):.0%} of train)"
    parts = (
        f"text: {', '.join(map(_tidy, task.columns))}",
        f"label: {_tidy(task.label)} ({about})",
        f"train: {len(train)} rows",
        f"validation: {len(validation)} rows{f' ({task.split})' if task.split else ''}",
        f"score: {score}",
    )
    return f"{task.name}: {'; '.join(parts)}"


def _tidy(name: str) -> str:
    return name if name == name.strip() and name else repr(name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:SHOWN], *(["..."] if len(names) > SHOWN else [])])
