"""What the classes of one task mean in another, for scoring a model there that was tuned here.

Classes are told by their names, never by their numbers: heads that were trained elsewhere often have contradiction at
0, and a swapped map scores under chance.

================================== ============================ ====================================================
a model's classes                  the set's classes            what counts
================================== ============================ ====================================================
entailment, neutral, contradiction the same three               each is itself
entailment, neutral, contradiction entailment, not_entailment   neutral and contradiction are not_entailment: RTE,
                                                                QNLI, WNLI, HANS; SciTail, whose not_entailment is
                                                                called neutral in its own files
entailment, not_entailment         the three                    the set's neutral and contradiction, too
any of these                       equivalent or duplicate,     entailment is equivalent, all else is not: MRPC, QQP
                                   or not
equivalent or duplicate, or not    the same                     each is itself
any                                the same names               each is itself
================================== ============================ ====================================================

No map leads from paraphrases to inference: what is not equivalent may follow all the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recall_learn.support.checks import shown

NAMELESS = re.compile(r"(label|class)?_?\d+", re.IGNORECASE)
"""What transformers calls the classes of which nobody told it a name."""
MEANINGS = {
    **dict.fromkeys(("entailment", "entails", "entail", "entailed"), "entailment"),
    **dict.fromkeys(("not_entailment", "non_entailment", "nonentailment", "not_entailed"), "not_entailment"),
    **dict.fromkeys(("neutral",), "neutral"),
    **dict.fromkeys(("contradiction", "contradicts", "contradict"), "contradiction"),
    **dict.fromkeys(("equivalent", "duplicate", "paraphrase", "is_duplicate"), "equivalent"),
    **dict.fromkeys(("not_equivalent", "not_duplicate", "not_paraphrase", "non_paraphrase"), "not_equivalent"),
}
THREE = {"entailment", "neutral", "contradiction"}
TWO = {"entailment", "not_entailment"}
ALIKE = {"equivalent", "not_equivalent"}
MERGED = ("entailment", "not_entailment")


@dataclass(frozen=True)
class LabelMap:
    """Classes that a model and a set have in common, and which of them each one's own count as.

    Attributes:
        names: of the common classes: the set's own, but where it tells more classes apart than the model.
        answers: of each class of the model, by its number: the common class.
        labels: of each class of the set, by its number: the common class.
    """

    names: tuple[str, ...]
    answers: tuple[int, ...]
    labels: tuple[int, ...]


def between(model: Sequence[str], task: Sequence[str]) -> LabelMap:
    """The map from a model's classes to a set's, by their names.

    Args:
        model: the names of its classes, in the order of its outputs.
        task: the names of the set's, in the order of their numbers.

    Raises:
        ValueError: they have no names, one twice, or no map leads from one to the other.
    """
    mine, its = _meanings(model, "the model"), _meanings(task, "the set")
    own = tuple(range(len(task)))
    if set(mine) == set(its):
        return LabelMap(tuple(task), tuple(its.index(each) for each in mine), own)
    infers = set(mine) in (THREE, TWO)
    if infers and set(its) == THREE:  # and the model tells two apart
        both = tuple(int(each != "entailment") for each in mine), tuple(int(each != "entailment") for each in its)
        return LabelMap(MERGED, *both)
    if infers and set(its) in (TWO, ALIKE):
        yes = next(number for number, each in enumerate(its) if each in ("entailment", "equivalent"))
        return LabelMap(tuple(task), tuple(yes if each == "entailment" else 1 - yes for each in mine), own)
    why = "; what is not equivalent may follow all the same" if set(mine) == ALIKE and "entailment" in its else ""
    raise ValueError(f"no map leads from the classes {', '.join(model)} to {', '.join(task)}{why}; take another task")


def same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two lists of classes mean the same, in whatever order.

    Raises:
        ValueError: some have no names, or one twice.
    """
    return set(_meanings(one, "the model")) == set(_meanings(other, "the set"))


def _meanings(names: Sequence[str], whose: str) -> list[str]:
    """What names stand for, in small letters with _ between words."""
    if isinstance(names, str) or len(names) < 2 or not all(isinstance(name, str) for name in names):
        raise ValueError(f"the classes of {whose} are {shown(names)}; they have to be two names or more")
    plain = [re.sub(r"[\s-]+", "_", name.strip().lower()) for name in names]
    if any(NAMELESS.fullmatch(name) for name in plain):
        way = "give labels, in the order of its outputs, as in labels=('entailment', 'neutral', 'contradiction')"
        raise ValueError(
            f"the classes of {whose} are called {', '.join(names)}, so it cannot be told which is which; "
            f"{way if whose == 'the model' else 'call them by what they mean'}"
        )
    found = [MEANINGS.get(name, name) for name in plain]
    if len(set(found)) < len(found):
        raise ValueError(f"the classes of {whose} are {', '.join(names)}, two of which mean the same; name each once")
    if set(found) == {"entailment", "neutral"}:  # SciTail's own names
        return ["not_entailment" if each == "neutral" else each for each in found]
    return found
