"""The kinds of files that a task of one's own may be in: CSV, TSV, JSON lines, JSON, parquet."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recall_learn.support.checks import shown
from recall_learn.support.reading import parse_json
from recall_learn.tasks import delimited
from recall_learn.tasks.table import Other, Table

_ONE_A_LINE = "it has to be one object a line, or a list of objects"


def read(path: Path, source: str) -> Table:
    """What a file holds, by the ending of its name.

    Args:
        path: the file; its ending is one of `READERS`.
        source: what messages call it.

    Raises:
        ValueError: it cannot be read as such a file, and where in it that shows; or it has no rows.
        OSError: it cannot be read.
    """
    if not path.stat().st_size:
        raise ValueError(f"{source} is empty")
    return READERS[path.suffix.lower()](path, source)


def _json(path: Path, source: str) -> Table:
    """JSON lines, or one list of objects."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{source}, line {line}: it is not UTF-8 ({error.reason}), which JSON has to be") from None
    if text.lstrip()[:1] == "[":
        try:
            made = [(f"object {i}", value) for i, value in enumerate(parse_json(text), 1)]
        except ValueError as error:
            raise ValueError(f"{source} will not do: {error}") from None
    else:
        made = [(f"line {i}", _line(line, i, source)) for i, line in enumerate(text.split("\n"), 1) if line.strip()]
    for where, value in made:
        if not isinstance(value, dict):
            raise ValueError(f"{source}, {where} is {shown(value)}, which is no object; {_ONE_A_LINE}")
    names = tuple(dict.fromkeys(name for _, value in made for name in value))
    if not made or not names:
        raise ValueError(f"{source} has no rows")
    cells = {name: [value.get(name) for _, value in made] for name in names}
    return Table(source, names, cells, lambda row: made[row][0])


def _line(line: str, number: int, source: str) -> Any:
    try:
        return parse_json(line)
    except ValueError as error:
        raise ValueError(f"{source}, line {number}: {error}; {_ONE_A_LINE}") from None


def _parquet(path: Path, source: str) -> Table:
    """Parquet; of columns that are neither text nor numbers the kind alone is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            read = [name for name in dict.fromkeys(schema.names) if schema.names.count(name) == 1]
            table = file.read(columns=[name for name in read if _plain(schema.field(name).type)])
            table.validate(full=True)  # text that is no UTF-8
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{source} cannot be read as parquet: {str(error).splitlines()[0]}") from error
    if not rows:
        raise ValueError(f"{source} has no rows")
    there = set(table.column_names)
    kinds = {name: str(schema.field(name).type) if name in read else "there twice" for name in schema.names}
    cells = {
        name: table[name].to_pylist() if name in there else [Other(kinds[name])] * rows
        for name in dict.fromkeys(schema.names)
    }
    return Table(source, tuple(schema.names), cells, lambda row: f"row {row + 1}", _named_classes(schema))


def _plain(kind: Any) -> bool:
    """Whether cells of this type are text, numbers or truth values."""
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    kinds = pa.types
    text = kinds.is_string(kind) or kinds.is_large_string(kind) or str(kind) == "string_view"
    return text or kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind) or kinds.is_null(kind)


def _named_classes(schema: Any) -> dict[str, tuple[str, ...]]:
    """The names that `datasets` stores for the numbers of a ClassLabel."""
    about = (schema.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(about)["info"]["features"] if about else {}
        return {
            name: tuple(map(str, feature["names"]))
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (ValueError, KeyError, TypeError, AttributeError):  # what others wrote there is their own
        return {}


READERS: dict[str, Callable[[Path, str], Table]] = {
    **dict.fromkeys((".csv", ".tsv", ".tab"), delimited.read),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), _json),
    ".parquet": _parquet,
}
