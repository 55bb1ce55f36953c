"""What four sets of sentences tell, as questions to a layer.

They are the tasks of `recall_learn.tasks.sentences` and lie at ``FOLDER/sentences``: films praised or blamed (mr),
opinions and plots of films (subj), phrases (mpqa), questions (trec).

=============== ====================================================================================================
reviews-length  how many words and marks, in four bins
reviews-content which of ten words it holds, each of middling frequency
reviews-shift   whether two neighbours were exchanged; each sentence is there both ways
sentiment       whether a film is blamed or praised (mr)
subjectivity    whether it is an opinion of a film, or tells its plot (subj)
polarity        whether a phrase speaks ill or well (mpqa)
question-kind   what a question asks for: an entity, a description, a human, a location, a number (trec)
=============== ====================================================================================================

The first three are asked by rule, as a treebank's are (`recall_learn.measures.treebank_questions`), of another kind of
text: the treebank's is from the web, this is reviews and plots of films, in small letters, with blanks around marks.
They are made of subj and mr together, each sentence once, though many are in both: mr has more reviews, and subj alone
has plots. Sentences of 10 to 40 words and marks count: no plot is shorter, so a short sentence would be a review.

Every class is cut down to the rarest one. Questions for an abbreviation are left out: trec's validation split has seven
that are not trained on. So is a phrase that mpqa has with both labels, and so are sentences of the validation split
that are in the training split, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from recall_learn.measures import by_rule
from recall_learn.measures.by_rule import SIZE, Kind, Row
from recall_learn.measures.questions import Question, chosen
from recall_learn.support.checks import whole
from recall_learn.tasks import loading, stored
from recall_learn.tasks.registry import named
from recall_learn.tasks.task import Splits

BINS = (16, 22, 28)
"""The first number of words of each bin of length but the shortest: quarters of the sentences."""
LEAST, MOST = 10, 40
"""Words and marks of a sentence that is asked of by rule."""


def sentence_questions(
    folder: str | Path | None = None, names: str | Sequence[str] | None = None, size: int = SIZE, seed: int = 0
) -> list[Question]:
    """The questions, with as many examples as the sets have. Only sets that a question is made of are read.

    Args:
        folder: the folder of data sets, in which these are ``sentences/mr`` and so on; None is what the environment
            variable ``RECALL_LEARN_DATA`` names.
        names: of the questions, as in `recall_learn.measures.questions.chosen`; None is all.
        size: of each split at most so many examples, at least 20.
        seed: of what is drawn from it.

    Raises:
        FileNotFoundError: no folder is named, or a set is not in it.
        ValueError: a file is damaged or lacks a column; a name is unknown; or a question has not two examples of every
            class.
    """
    size, seed = whole("size", size, 20), whole("seed", seed, 0)
    asked = chosen(names, _ALL, "the sets of sentences")
    sets = _read(folder, asked)
    found = []
    for name, (its, kind) in asked.items():
        rows = _labelled(sets[its[0]]) if len(its) == 1 else _together([sets[each] for each in its])
        found.append(by_rule.question(name, kind, rows, size=size, seed=seed, place=" and ".join(its)))
    return found


def there(folder: str | Path | None = None) -> tuple[str, ...]:
    """The names of the questions whose sets are in the folder; none where no folder is named."""
    root = stored.root(folder)
    if root is None:
        return ()
    places = {each: stored.place_of(root, named(each)) for its, _ in _ALL.values() for each in its}
    whole = {each for each, place in places.items() if place and not stored.fault(place, named(each))}
    return tuple(name for name, (its, _) in _ALL.items() if whole.issuperset(its))


def sentences(folder: str | Path | None = None, names: str | Sequence[str] | None = None) -> list[str]:
    """The validation sentences of the sets that some questions are made of, set after set, each sentence once.

    Arguments and errors are as in `sentence_questions`.
    """
    sets = _read(folder, chosen(names, _ALL, "the sets of sentences"))
    return list(dict.fromkeys(text for each in sets.values() for text in _texts(each, "validation")))


def _read(folder: str | Path | None, names: Iterable[str]) -> dict[str, Splits]:
    return {its: loading.load(its, folder) for its in dict.fromkeys(its for name in names for its in _ALL[name][0])}


def _texts(its: Splits, split: str) -> list[str]:
    (column,) = its.task.columns
    return [" ".join(text.split()) for text in its[split][column]]


def _labelled(its: Splits) -> dict[str, list[Row]]:
    """Texts and labels of a set, each text once, those left out that have several labels."""
    by_split: dict[str, dict[str, set[int]]] = {"train": {}, "validation": {}}
    for split, labels in by_split.items():
        for text, label in zip(_texts(its, split), its[split][its.task.label], strict=True):
            labels.setdefault(text, set()).add(int(label))
    return _apart(
        {
            split: [{"sentence": text, "label": min(labels)} for text, labels in found.items() if len(labels) == 1]
            for split, found in by_split.items()
        },
        by_split["train"],
    )


def _together(several: Sequence[Splits]) -> dict[str, list[Row]]:
    """Sentences of some sets, each once, without labels; those left out that are short or long."""
    rows = {}
    for split in ("train", "validation"):
        texts = dict.fromkeys(text for its in several for text in _texts(its, split))
        counted = ({"sentence": text, "words": len(text.split())} for text in texts)
        rows[split] = [row for row in counted if LEAST <= row["words"] <= MOST]
    return _apart(rows, {row["sentence"] for row in rows["train"]})


def _apart(rows: Mapping[str, list[Row]], seen: Iterable[str]) -> dict[str, list[Row]]:
    """Without those rows to be scored on whose sentence is trained on."""
    seen = set(seen)
    return {**rows, "validation": [row for row in rows["validation"] if row["sentence"] not in seen]}


def _by_rule(kind: Kind) -> tuple[tuple[str, ...], Kind]:
    return ("sentences/subj", "sentences/mr"), kind


def _by_label(task: str, about: str, without: tuple[str, ...] = ()) -> tuple[tuple[str, ...], Kind]:
    every = named(task).labels
    kept = tuple(label for label in every if label not in without)
    number = {every.index(label): i for i, label in enumerate(kept)}
    return (task,), (about, kept, by_rule.of_rows(lambda row: number.get(row["label"])))


_LENGTHS = ("10 to 15 words", "16 to 21", "22 to 27", "28 to 40")
_ALL: dict[str, tuple[tuple[str, ...], Kind]] = {
    "reviews-length": _by_rule(("how many words, of a review or plot", _LENGTHS, by_rule.in_bins(BINS))),
    "reviews-content": _by_rule(("which of ten words a review or plot holds", (), by_rule.content)),
    "reviews-shift": _by_rule(("whether two neighbours were exchanged", ("no", "yes"), by_rule.shift)),
    "sentiment": _by_label("sentences/mr", "whether a film is blamed or praised"),
    "subjectivity": _by_label("sentences/subj", "an opinion of a film, or its plot"),
    "polarity": _by_label("sentences/mpqa", "whether a phrase speaks ill or well"),
    "question-kind": _by_label("sentences/trec", "what a question asks for", without=("abbreviation",)),
}
"""``name -> the sets that it is made of, its kind``."""
NAMES = tuple(_ALL)
"""Their names, in the order in which they are asked."""
