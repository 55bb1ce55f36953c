"""Which columns of a table are the texts, and which is the label: as they are named, or found by what they are called.

Nothing is guessed: where two columns could be meant, both are named and none is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from recall_learn.support.checks import is_number, shown
from recall_learn.tasks.table import Table, gap

PAIRS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "answer"),
    ("query", "passage"),
    ("text1", "text2"),
    ("text_a", "text_b"),
)
TEXTS = (
    *("text", "texts", "sentence", "review", "review_text", "content", "comment", "comment_text", "tweet", "message"),
    *("body", "document", "article", "utterance", "description", "headline", "title", "question", "query", "post"),
)
LABELS = ("label", "labels")
OTHER_LABELS = (
    *("class", "category", "target", "stars", "rating", "score", "sentiment", "gold_label", "topic", "intent"),
    *("emotion", "stance", "polarity", "y", "tag", "toxic", "spam", "is_spam", "similarity"),
)
NUMBERS = ("", "id", "idx", "index", "unnamed:_0", "__index_level_0__")
"""What a column is called that only counts the rows."""
LOOKED_AT = 200
"""Cells by which a column is known to be text."""


@dataclass(frozen=True)
class Columns:
    """The columns of a task: one or two texts, the label, and what is left."""

    texts: tuple[str, ...]
    label: str
    rest: tuple[str, ...]


def find(table: Table, text: str | None = None, label: str | None = None) -> Columns:
    """The columns to read.

    Args:
        table: the file.
        text: the name of the text column, or of two with a comma between them; None looks for them.
        label: the name of the label's column; None looks for it.

    Raises:
        ValueError: a column that is named is not there or there twice; or none, or more than one, could be meant.
    """
    texts = () if text is None else _named_texts(table, text)
    chosen = _named(table, label, "label") if label is not None else None
    if chosen is not None and chosen in texts:
        raise ValueError(f"the column {chosen!r} of {table.source} cannot be text and label at once")
    _check_header(table, text, label)
    free = [name for name in dict.fromkeys(table.names) if name not in (*texts, chosen)]
    chosen = _called(table, free, chosen)
    texts = texts or _found_texts(table, [name for name in free if name != chosen])
    free = [name for name in free if name not in texts]
    chosen = chosen if chosen is not None else _only_one_left(table, free)
    if label is None and any(cell == chosen for cell in table.cells[chosen]):
        raise _no_header(table, chosen)
    for name in (*texts, chosen):
        if table.names.count(name) > 1:
            raise ValueError(f"{table.source} has the column {name!r} {table.names.count(name)} times; keep one")
    return Columns(texts, chosen, tuple(name for name in free if name != chosen and _plain(name) not in NUMBERS))


def _plain(name: str) -> str:
    """A name without what people write differently."""
    return "_".join(name.casefold().split()).replace("-", "_")


def _named(table: Table, name: str, what: str) -> str:
    """The column of that name: as it is written, or but for spaces and capitals."""
    if name in table.names:
        return name
    alike = [each for each in dict.fromkeys(table.names) if _plain(each) == _plain(name)]
    if len(alike) == 1:
        return alike[0]
    which = f"has {_listed(alike)}" if alike else f"has {_listed(table.names)}"
    raise ValueError(f"{what} is {shown(name)}, and {table.source} has no such column; it {which}")


def _named_texts(table: Table, text: str) -> tuple[str, ...]:
    names = [text] if text in table.names else [each.strip() for each in text.split(",")]
    if len(names) > 2:
        raise ValueError(f"text is {shown(text)}; a model reads one or two columns, as in --text title,body")
    found = tuple(_named(table, name, "text") for name in names)
    if len(set(found)) < len(found):
        raise ValueError(f"text is {shown(text)}, the same column twice; name it once")
    return found


def _check_header(table: Table, text: str | None, label: str | None) -> None:
    """Raise where the first line of a file looks like a row: it would be lost."""
    if text is not None and label is not None:
        return
    for name in table.names:
        if is_number(name) or len(name) > 80 or "\n" in name:
            raise _no_header(table, name)


def _no_header(table: Table, name: str) -> ValueError:
    return ValueError(
        f"{table.source} begins with {shown(name)}, which looks like a cell and not like the name of a column; give it "
        f"a first line as in: text,label (or, if that is its name, say --text and --label)"
    )


def _called(table: Table, free: Sequence[str], chosen: str | None) -> str | None:
    """The column that is called like a label, if there is one."""
    for names in (LABELS, OTHER_LABELS) if chosen is None else ():
        found = [name for name in free if _plain(name) in names]
        if len(found) > 1:
            raise ValueError(f"the label in {table.source} could be {_listed(found)}; say which: --label {found[0]!r}")
        if found:
            return found[0]
    return chosen


def _found_texts(table: Table, free: Sequence[str]) -> tuple[str, ...]:
    """The column, or the two, that are called like texts; else the only one that reads like text."""
    plain = {_plain(name): name for name in free if _is_text(table, name)}
    pairs = [pair for pair in PAIRS if all(name in plain for name in pair)]
    paired = {name for pair in pairs for name in pair}
    found = [*pairs, *((name,) for name in TEXTS if name in plain and name not in paired)]
    if not found:
        found = [(_plain(name),) for name in plain.values() if _reads_like_text(table, name)]
    options = [tuple(plain[name] for name in each) for each in found]
    if not options and len(plain) == 1:
        options = [tuple(plain.values())]
    if len(options) == 1:
        return options[0]
    if not options:
        names = _listed(list(plain.values())) if plain else "none with text"
        raise ValueError(f"no column of {table.source} is called like a text; it has {names}; say which: --text NAME")
    words = [" and ".join(map(repr, each)) for each in options]
    say = ",".join(options[0])
    both = "" if any(len(each) > 1 for each in options) else f", or two, --text '{options[0][0]},{options[1][0]}'"
    raise ValueError(f"the text in {table.source} could be {' or '.join(words)}; say which: --text {say!r}{both}")


def _is_text(table: Table, name: str) -> bool:
    cells = [cell for cell in table.cells[name][:LOOKED_AT] if not gap(cell)]
    return bool(cells) and all(isinstance(cell, str) for cell in cells) and not all(map(is_number, cells))


def _reads_like_text(table: Table, name: str) -> bool:
    """Whether most cells have more than one word."""
    cells = [cell for cell in table.cells[name][:LOOKED_AT] if not gap(cell)]
    return 2 * sum(len(cell.split()) > 1 for cell in cells) > len(cells)


def _only_one_left(table: Table, free: Sequence[str]) -> str:
    left = [name for name in free if _plain(name) not in NUMBERS]
    if len(left) == 1:
        return left[0]
    if not left:
        raise ValueError(f"{table.source} has no column for the label; it has {_listed(table.names)}")
    raise ValueError(
        f"no column of {table.source} is called label; it could be {_listed(left)}; say which: --label NAME"
    )


def _listed(names: Sequence[str]) -> str:
    shorter = [shown(name) for name in list(names)[:12]]
    return ", ".join([*shorter, *(["..."] if len(names) > 12 else [])])
