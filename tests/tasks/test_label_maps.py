"""What the classes of one task mean in another: the table, by names and never by numbers."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from small import refused

from recall_learn.tasks import registry
from recall_learn.tasks.label_maps import between, same

SHARED = Path(__file__).parents[3] / "shared"
THREE = ("entailment", "neutral", "contradiction")
TURNED = ("contradiction", "entailment", "neutral")
"""As fairseq's heads, and many on the hub, have them."""

TABLE = [  # the model's classes, the set's, what is common, answers, labels
    (THREE, THREE, THREE, (0, 1, 2), (0, 1, 2)),
    (TURNED, THREE, THREE, (2, 0, 1), (0, 1, 2)),
    (THREE, TURNED, TURNED, (1, 2, 0), (0, 1, 2)),
    (THREE, "rte", None, (0, 1, 1), (0, 1)),
    (THREE, "qnli", None, (0, 1, 1), (0, 1)),
    (THREE, "wnli", None, (1, 0, 0), (0, 1)),
    (TURNED, "nli/scitail", None, (1, 0, 1), (0, 1)),
    (THREE, ("entails", "neutral"), None, (0, 1, 1), (0, 1)),
    (THREE, ("neutral", "entails"), None, (1, 0, 0), (0, 1)),
    (THREE, ("non-entailment", "entailment"), None, (1, 0, 0), (0, 1)),
    (TURNED, "sick", None, (2, 0, 1), (0, 1, 2)),
    (THREE, "qqp", None, (1, 0, 0), (0, 1)),
    (TURNED, "mrpc", None, (0, 1, 0), (0, 1)),
    (("entailment", "not_entailment"), "sick", ("entailment", "not_entailment"), (0, 1), (0, 1, 1)),
    (("not_entailment", "entailment"), "nli/snli", ("entailment", "not_entailment"), (1, 0), (0, 1, 1)),
    (("entailment", "not_entailment"), "mrpc", None, (1, 0), (0, 1)),
    (("not_equivalent", "equivalent"), "qqp", None, (0, 1), (0, 1)),
    (("duplicate", "not_duplicate"), "mrpc", None, (1, 0), (0, 1)),
    (("ENTAILMENT", "Not entailment"), "world/rte", None, (0, 1), (0, 1)),
    (("positive", "negative"), "sst2", None, (1, 0), (0, 1)),
    (("negative", "positive"), "sentences/mpqa", None, (0, 1), (0, 1)),
]


@pytest.mark.parametrize(("model", "task", "names", "answers", "labels"), TABLE)
def test_the_table(model, task, names, answers, labels):
    classes = registry.named(task).labels if isinstance(task, str) else task
    made = between(model, classes)
    assert (made.names, made.answers, made.labels) == (names or classes, answers, labels)


def test_what_means_the_same():
    assert same(THREE, TURNED)
    assert same(("entails", "neutral"), ("not_entailment", "entailment"))
    assert not same(THREE, ("entailment", "not_entailment"))
    assert not same(("equivalent", "not_equivalent"), ("entailment", "not_entailment"))


@pytest.mark.parametrize(
    ("model", "task", "words"),
    [
        (("LABEL_0", "LABEL_1", "LABEL_2"), THREE, ["LABEL_0, LABEL_1, LABEL_2", "labels=('entailment'"]),
        (("0", "1"), ("entailment", "not_entailment"), ["called 0, 1", "labels="]),
        (THREE, ("0", "1", "2"), ["the set are called 0, 1, 2", "call them by what they mean"]),
        (("negative", "positive"), THREE, ["negative, positive to entailment, neutral, contradiction"]),
        (("unacceptable", "acceptable"), ("negative", "positive"), ["no map leads"]),
        (("not_equivalent", "equivalent"), ("entailment", "not_entailment"), ["may follow all the same"]),
        (("not_equivalent", "equivalent"), THREE, ["may follow all the same"]),
        ((*THREE, "-"), THREE, ["no map leads"]),
        (("entails", "entailment"), THREE, ["two of which mean the same"]),
        (("entailment",), THREE, ["('entailment',)", "two names or more"]),
        ("abc", THREE, ["'abc'", "two names or more"]),
        ((0, 1), THREE, ["(0, 1)", "two names or more"]),
    ],
)
def test_what_cannot_be_told_is_refused(model, task, words):
    refused(lambda: between(model, task), ValueError, *words)


@pytest.mark.skipif(not (SHARED / "nli" / "snli").is_dir(), reason="no folder with the real inference data")
def test_on_real_data_a_swapped_map_scores_under_chance():
    """A bag of the hypothesis's words, trained on SNLI: what it says of SICK, and with two of its classes exchanged."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    def read(task, split, column):
        place = SHARED / (registry.named(task).folder or task)
        table = pq.read_table(place / f"{split}-00000-of-00001.parquet")
        return table[column].to_pylist(), table["label"].to_numpy()

    texts, labels = read("nli/snli", "train", "hypothesis")
    words = CountVectorizer(binary=True, ngram_range=(1, 2), min_df=2)
    fitted = LogisticRegression(C=0.1, max_iter=1000).fit(words.fit_transform(texts), labels)

    texts, gold = read("nli/snli", "validation", "hypothesis")
    said = fitted.predict(words.transform(texts))
    told = gold != 1

    def right(names):
        made = between(names, registry.named("nli/snli").labels)
        hit = np.array(made.answers)[said] == np.array(made.labels)[gold]
        return hit.mean(), hit[told].mean()

    assert min(right(THREE)) > 0.5 > max(Counter(gold).values()) / len(gold)
    assert max(right(("neutral", "contradiction", "entailment"))) < 1 / 3
    assert right(THREE[::-1])[1] < 1 / 3  # entailment and contradiction exchanged: what is neutral stays right
