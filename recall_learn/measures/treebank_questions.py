"""What a treebank knows of an English sentence, as questions to a layer.

It lies at ``FOLDER/ud`` as parquet, ``train-*.parquet`` and ``validation-*.parquet``, a row a sentence: ``sentence``,
``words`` (how many), ``depth`` (of its dependency tree), ``tense`` (of the main clause: Past, Pres or empty),
``subject_number`` and ``object_number`` (Sing, Plur or something else), ``pos`` (universal tags, one a word).

============== =====================================================================================================
length          how many words, in four bins
content         which of ten words it holds, each of middling frequency
depth           whether the tree has at most 4 levels, or more; of each length equally many
shift           whether two neighbours were exchanged; each sentence is there both ways
tense           past or present
subject-number  whether the subject is one or several
object-number   whether the object is one or several
pos             the part of speech of a word in its sentence, of the ten most frequent ones
============== =====================================================================================================

Every class is cut down to the rarest one. The columns do not say which word is the subject, the object or the main
verb, so words of the validation examples cannot be kept from the training examples, as SentEval does and as the small
world's questions do: what counting words gives has to be looked at beside (`recall_learn.measures.suite`). For parts of
speech, sentences are split into words by rule, and those count whose words agree with the tags in number and in what is
a mark.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from recall_learn.measures import by_rule
from recall_learn.measures.by_rule import SIZE, TOKEN, Kind, Row, of_rows, part_of
from recall_learn.measures.questions import Part, Question, balanced, chosen
from recall_learn.support.checks import whole
from recall_learn.tasks import parquet, stored
from recall_learn.world.words import shuffled

COLUMNS = {
    "sentence": "string",
    "words": "int64",
    "depth": "int64",
    "tense": "string",
    "subject_number": "string",
    "object_number": "string",
    "pos": "string",
}
BINS = (9, 14, 19)
"""The first number of words of each bin of length but the shortest."""
DEEP = 5
TAGS = ("NOUN", "VERB", "PRON", "ADP", "DET", "ADJ", "AUX", "PROPN", "ADV", "CCONJ")


def treebank_questions(
    folder: str | Path | None = None, names: str | Sequence[str] | None = None, size: int = SIZE, seed: int = 0
) -> list[Question]:
    """The questions, with as many examples as the treebank has.

    Args:
        folder: the folder of data sets, in which the treebank is ``ud``; None is what the environment variable
            ``RECALL_LEARN_DATA`` names.
        names: of the questions, as in `recall_learn.measures.questions.chosen`; None is all.
        size: of each split at most so many examples, at least 20.
        seed: of what is drawn from it.

    Raises:
        FileNotFoundError: no folder is named, or the treebank is not in it.
        ValueError: a file is damaged or lacks a column; a name is unknown; or a question has not two examples of every
            class.
    """
    size, seed = whole("size", size, 20), whole("seed", seed, 0)
    asked = chosen(names, _ALL, "the treebank")
    place = locate(folder)
    rows = {split: _read(place, split) for split in ("train", "validation")}
    seen = {row["sentence"] for row in rows["train"]}
    rows["validation"] = [row for row in rows["validation"] if row["sentence"] not in seen]
    of_each = {"size": size, "seed": seed, "place": place}
    return [by_rule.question(name, kind, rows, **of_each) for name, kind in asked.items()]


def locate(folder: str | Path | None = None) -> Path:
    """Where the treebank lies.

    Raises:
        FileNotFoundError: no folder is named, or there is none.
    """
    root, lies = stored.root(folder), "as FOLDER/ud/train-*.parquet"
    if root is None:
        raise FileNotFoundError(
            f"questions in English are made from a treebank, or from sets of sentences; name the folder of data sets "
            f"by {stored.OPTION}, or by the environment variable {stored.VARIABLE}, {lies}, or as "
            f"FOLDER/sentences/mr/train-*.parquet"
        )
    place = root / "ud"
    if not place.is_dir():
        raise FileNotFoundError(f"{root} has no treebank; it has to lie there {lies}")
    return place


def sentences(folder: str | Path | None = None, split: str = "validation") -> list[str]:
    """The sentences of a split, in their order; arguments and errors as in `treebank_questions`."""
    return [str(row["sentence"]) for row in _read(locate(folder), split)]


def _read(place: Path, split: str) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[Row] = []
    for file in parquet.shards(place, split):
        try:
            table = pq.read_table(file)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{file} cannot be read as parquet: {str(error).splitlines()[0]}") from error
        parquet.check_columns(table.schema.names, tuple(COLUMNS), str(file))
        try:
            table = table.select(list(COLUMNS)).cast(pa.schema(COLUMNS.items()))
        except (pa.ArrowException, ValueError) as error:
            raise ValueError(f"{file} has a column of another kind: {str(error).splitlines()[0]}") from None
        gap = next((name for name in COLUMNS if table[name].null_count), None)
        if gap:
            raise ValueError(f"column {gap!r} of {file} has {table[gap].null_count} gaps")
        rows += table.to_pylist()
    if not rows:
        raise ValueError(f"{place} has no sentences in its split {split}")
    return list({row["sentence"]: row for row in rows}.values())


def _depth(random: Random, rows: Sequence[Row], labels: Sequence[str], size: int) -> Part:
    by_length: dict[int, list[list[str]]] = {}
    for row in rows:
        by_length.setdefault(row["words"], [[], []])[row["depth"] >= DEEP].append(row["sentence"])
    pairs = []
    for _, both in sorted(by_length.items()):
        drawn = balanced(random, both)
        pairs += [[(text, label) for text, label in drawn if label == which] for which in (0, 1)]
    shallow, deep = ([each for its in pairs[which::2] for each in its] for which in (0, 1))
    kept = shuffled(random, range(len(shallow)))[: size // 2]
    return part_of([shallow[i] for i in kept] + [deep[i] for i in kept])


def _pos(random: Random, rows: Sequence[Row], labels: Sequence[str], size: int) -> Part:
    texts: list[tuple[str, ...]] = []
    by_class: list[list[tuple[int, int]]] = [[] for _ in labels]
    for row in rows:
        words, tags = TOKEN.findall(str(row["sentence"]).replace("’", "'")), str(row["pos"]).split()
        if not _agree(words, tags):
            continue
        for place, tag in enumerate(tags):
            if tag in labels:
                by_class[labels.index(tag)].append((len(texts), place))
        texts.append(tuple(words))
    chosen_places = balanced(random, by_class, size // len(labels))
    places, classes = zip(*chosen_places, strict=True) if chosen_places else ((), ())
    return Part(tuple(texts), classes, tuple(text for text, _ in places), places)


def _agree(words: Sequence[str], tags: Sequence[str]) -> bool:
    """As many words as tags, and marks where the tags say so."""
    return len(words) == len(tags) and all(
        tag in ("SYM", "X") or (tag == "PUNCT") != any(letter.isalnum() for letter in word)
        for word, tag in zip(words, tags, strict=True)
    )


def _said(column: str, values: Sequence[str]) -> Callable[[Row], int | None]:
    return lambda row: values.index(row[column]) if row[column] in values else None


_NUMBER = ("one", "several")
_ALL: dict[str, Kind] = {
    "length": ("how many words", ("5 to 8 words", "9 to 13", "14 to 18", "19 to 28"), by_rule.in_bins(BINS)),
    "content": ("which of ten words it holds", (), by_rule.content),
    "depth": ("how deep the tree is", ("at most 4", "5 or more"), _depth),
    "shift": ("whether two neighbours were exchanged", ("no", "yes"), by_rule.shift),
    "tense": ("the tense of the main clause", ("past", "present"), of_rows(_said("tense", ("Past", "Pres")))),
    "subject-number": ("one subject or several", _NUMBER, of_rows(_said("subject_number", ("Sing", "Plur")))),
    "object-number": ("one object or several", _NUMBER, of_rows(_said("object_number", ("Sing", "Plur")))),
    "pos": ("the part of speech of a word", TAGS, _pos),
}
NAMES = tuple(_ALL)
"""Their names, in the order in which they are asked."""
