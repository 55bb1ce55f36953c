"""What lies in a backbone's folder: the files that make one, what the weights' headers say, and how it is read.

Weights are read from safetensors files only, and no code from a folder is ever run.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import TypedDict

from recall_learn.support.checks import SHOWN
from recall_learn.support.reading import read_json

T = TypeVar("T")

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
VOCABULARIES = (
    *("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt", "spm.model", "spiece.model"),
    *("sentencepiece.bpe.model", "sentencepiece.model", "bpe.codes", "dict.txt", "spm_char.model", "tiktoken.model"),
    *("byte_maps.json", "emoji.json", "entity_vocab.json", "normalizer.json", "prophetnet.tokenizer", "tekken.json"),
    *("vocab-src.json", "vocab-tgt.json", "target_vocab.json", "source.spm", "target.spm"),
    *("word_pronunciation.json", "word_shape.json"),
)
"""What the tokenizers of transformers read words from; `tests/models/test_tokenizers.py` holds it to be complete."""
CONVERTED = ("tokenizer.model", "tiktoken.model", "tekken.json")
"""Of these, the files that transformers makes a tokenizer from whatever its class asks for."""
OBJECTS = {
    "tokenizer.json": dict[str, Any],
    "tokenizer_config.json": dict[str, Any],
    "special_tokens_map.json": dict[str, Any],
    "added_tokens.json": dict[str, int],
}
"""The shapes of a tokenizer's files, none of which need be there."""
PATTERNS = (CONFIG, WEIGHTS, INDEX, "model-*-of-*.safetensors", *sorted({*VOCABULARIES, *OBJECTS}))
"""What is fetched of a repository on the hub."""


class _Index(TypedDict):
    weight_map: dict[str, str]


def lacks(folder: Path) -> str | None:
    """What a folder lacks to be a backbone besides a tokenizer, in words, or None.

    Raises:
        ValueError: the index of its weights is damaged.
    """
    if not (folder / CONFIG).is_file():
        return f"no {CONFIG}"
    if (folder / WEIGHTS).is_file():
        return None
    if not (folder / INDEX).is_file():
        other = next((p.name for p in sorted(folder.glob("*")) if p.name in ("pytorch_model.bin", "tf_model.h5")), None)
        only = f", only {other}, which can run code when it is read" if other else ""
        return f"no weights as safetensors{only}"
    absent = next((file.name for file in weight_files(folder) if not file.is_file()), None)
    return f"no {absent}, which its {INDEX} names" if absent else None


def check_tokenizer_files(folder: Path) -> None:
    """Raise ValueError where a tokenizer's file has not the shape that it should have, see `OBJECTS`."""
    for name, shape in OBJECTS.items():
        if (folder / name).is_file():
            read_json(folder / name, shape, "the tokenizer's", "restore it", infinite=True)


def has_vocabulary(folder: Path) -> bool:
    """Whether a folder has a file that a tokenizer reads words from; those of bytes and characters need none."""
    return any((folder / name).is_file() for name in VOCABULARIES)


def check(folder: Path, what: str | None = None) -> None:
    """Raise FileNotFoundError unless a folder holds what makes a backbone, see `lacks`."""
    missing = lacks(folder)
    if missing:
        raise FileNotFoundError(
            f"{what or folder} is not a backbone: it has {missing}; save_pretrained of a model and of its tokenizer "
            f"writes what is needed"
        )


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a folder's weights: one, or the shards that its index names.

    Raises:
        ValueError: the index is damaged, or names a file outside the folder.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    advice = "save the model again"
    named = sorted(set(read_json(folder / INDEX, _Index, "the index", advice)["weight_map"].values()))
    outside = next((name for name in named if Path(name).name != name or not name.endswith(".safetensors")), None)
    if outside is not None or not named:
        fault = "names no file" if outside is None else f"names {outside!r}, which is no safetensors file beside it"
        raise ValueError(f"the index {folder / INDEX} is damaged: it {fault}; {advice}")
    return [folder / name for name in named]


def headers(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a folder's weights under their stored names, from the files' headers.

    Raises:
        ValueError: a file is no safetensors file.
    """
    return _of_each(folder, lambda weight: tuple(weight.get_shape()))


def dtypes(folder: Path) -> dict[str, str]:
    """What a folder's weights are stored as, such as ``F32`` or ``BF16``; see `headers`."""
    return _of_each(folder, lambda weight: str(weight.get_dtype()))


def _of_each(folder: Path, what: Callable[[Any], Any]) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    found = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, "pt") as file:
                found |= {name: what(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(f"{path} cannot be read as safetensors: {reason(error)}") from error
    return found


_ALONE = threading.RLock()
"""Transformers puts functions of torch aside while it builds a model, for all threads: one builds at a time."""


def read(folder: Path, kind: str | type[T], **arguments: object) -> T:
    """``from_pretrained`` of a class, or of transformers' by name: local, no foreign code, one sentence on failure."""
    import transformers

    from recall_learn.models import builds

    builds.register()
    kind = getattr(transformers, kind) if isinstance(kind, str) else kind
    return attempt(
        f"{folder} cannot be read by {kind.__name__}",
        lambda: kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **arguments),
    )


def attempt(failed: str, function: Callable[[], T]) -> T:
    """Call what reads files that somebody else made: whatever it raises becomes a ValueError in one sentence."""
    try:
        with _ALONE:
            return function()
    except BaseException as error:  # OSError, KeyError, SafetensorError, ...; a panic of Rust code is no Exception
        foreign = isinstance(error, Exception) or type(error).__name__ == "PanicException"
        if isinstance(error, MemoryError) or not foreign:
            raise
        raise ValueError(f"{failed}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """An error in one line, with its type."""
    text = f"nothing is called {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
    return f"{type(error).__name__}: {text[: 4 * SHOWN]}" if text else type(error).__name__
