"""A split of texts and labels in parquet files: that all its files are there, and that they hold what they should."""

import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyarrow import Table

PART = re.compile(r"(\d+)[-_]?of[-_]?(\d+)", re.IGNORECASE)
_TEXT = ("string", "large_string", "string_view")
EXTRA = "idx"
"""GLUE's number of an example; kept where it is."""


def shards(folder: Path, split: str) -> list[Path]:
    """The files of a split, ``SPLIT-*.parquet``, in their order.

    Names that say "part of so many" in any form, as in ``train-00000-of-00002-a09b74b3.parquet``, are counted.

    Raises:
        FileNotFoundError: there is none, or a part is missing.
        ValueError: one of them is no file, or their names do not say that they are one whole set.
    """
    where, files = f"{folder.name}/{split}", sorted(folder.glob(f"{split}-*.parquet"))
    if not files:
        raise FileNotFoundError(f"{folder.parent} has no split {where}: no file is named {where}-*.parquet")
    odd = next((file for file in files if not file.is_file()), None)
    if odd is not None:
        raise ValueError(f"{odd} is {'a folder' if odd.is_dir() else 'no file'}; it has to be a parquet file")
    return in_order(files, [file.name.removeprefix(f"{split}-").removesuffix(".parquet") for file in files], where)


def in_order(files: Sequence[Path], names: Sequence[str], where: str) -> list[Path]:
    """The files of a split in their order, once they are known to be one whole set.

    Args:
        files: of one folder, at least one.
        names: what of each file's name may say "part of so many".
        where: the split, as messages name it.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: their names do not say that they are one whole set.
    """
    folder, ending = files[0].parent, files[0].suffix
    parts = [tuple(map(int, found.groups())) if (found := PART.search(name)) else None for name in names]
    if not any(parts):
        if len(files) > 1 or (names[0].isdigit() and int(names[0]) > 0):
            split = where.split("/")[-1]
            raise ValueError(
                f"{files[0]} does not say how many files {where} has; name it {split}-00000-of-0000N{ending}, and so on"
            )
        return list(files)
    for (one, part), (other, its) in combinations(zip(files, parts, strict=True), 2):
        if part is None or its is None or part[1] != its[1] or part[0] == its[0]:
            raise ValueError(f"{folder} holds two sets of {where}: {one.name} and {other.name}; keep one of them")
    placed, total = {number: file for (number, _), file in zip(parts, files, strict=True)}, parts[0][1]
    if max(placed) >= total + (0 not in placed):  # counted from 0 or from 1
        raise ValueError(f"{placed[max(placed)].name} in {folder} is numbered beyond the {total} files of {where}")
    if len(placed) < total:
        raise FileNotFoundError(f"{folder.parent} has {len(files)} of the {total} files of {where}; get the others")
    return [placed[number] for number in sorted(placed)]


def read(folder: Path, split: str, columns: Sequence[str], label: str = "label") -> "Table":
    """The text columns of a split, its labels, and ``idx`` where it is there, in memory: a ``pyarrow.Table``.

    What is text under another type (large, a view, a dictionary) comes back as strings. Labels are as they are stored.

    Raises:
        FileNotFoundError: see `shards`.
        ValueError: a file is not parquet; a column is missing, twice there, no text, or has gaps; there are no rows.
    """
    import pyarrow as pa

    where = f"{folder.name}/{split} in {folder.parent}"
    try:
        tables = [_read(file, columns, label, where) for file in shards(folder, split)]
        table = pa.concat_tables(tables, promote_options="permissive")
        table.validate(full=True)  # text that is no UTF-8
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{where} cannot be read as parquet: {str(error).splitlines()[0]}") from error
    if not table.num_rows:
        raise ValueError(f"{where} has no rows")
    for column in (*columns, label):
        if table[column].null_count:
            raise ValueError(f"column {column!r} of {where} has {table[column].null_count} gaps")
    return table


def metadata(file: Path, key: str) -> bytes | None:
    """What a file says of itself under a key, or None."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return (pq.read_schema(file).metadata or {}).get(key.encode())
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file} cannot be read as parquet: {str(error).splitlines()[0]}") from error


def check_columns(names: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Raise unless each wanted column is there once."""
    for name in wanted:
        if name not in names:
            raise ValueError(f"{where} lacks the column {name!r}; it has {', '.join(names) or 'none'}")
        if list(names).count(name) > 1:
            raise ValueError(f"{where} has the column {name!r} {list(names).count(name)} times; keep one")


def _read(file: Path, columns: Sequence[str], label: str, where: str) -> Any:
    """One file: the columns that are wanted, text as strings, nothing else that the file says."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        schema = opened.schema_arrow
        check_columns(schema.names, (*columns, label), where)
        for column in columns:
            kind = schema.field(column).type
            if str(kind.value_type if pa.types.is_dictionary(kind) else kind) not in _TEXT:
                raise ValueError(f"column {column!r} of {where} must be text, it is {kind}")
        kept = [*columns, label, *([EXTRA] if schema.names.count(EXTRA) == 1 else [])]
        table = opened.read(columns=kept).select(kept).replace_schema_metadata(None)
    for name in kept:
        kind = table.schema.field(name).type
        plain = pa.string() if name in columns else kind.value_type if pa.types.is_dictionary(kind) else kind
        table = table.set_column(table.schema.get_field_index(name), pa.field(name, plain), table[name].cast(plain))
    return table
