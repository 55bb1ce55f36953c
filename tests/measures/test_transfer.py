"""A tuned model on other tasks: a toy whose answers are known exactly, under every order of its classes."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from small import refused, save_glue, save_tokenizer
from torch import nn
from transformers import AutoTokenizer

from recall_learn.measures.transfer import score_answers, score_elsewhere
from recall_learn.tasks import registry

THREE = ("entailment", "neutral", "contradiction")
LETTERS = dict(zip(THREE, "abc", strict=True))
"""The first letter of the toy's first text says which class it is."""


class Toy(nn.Module):
    """Says what the first letter stands for, in classes of some order; it is never wrong."""

    def __init__(self, tokenizer, names, called=None):
        super().__init__()
        letters = [LETTERS[name if name in LETTERS else "neutral"] for name in names]
        self.register_buffer("tokens", torch.tensor([tokenizer.convert_tokens_to_ids(letter) for letter in letters]))
        self.two, self.scale = len(names) == 2, nn.Parameter(torch.ones(()))
        named = dict(enumerate(called or names))
        self.config = SimpleNamespace(id2label=named, num_labels=len(named))

    def forward(self, input_ids, **inputs):
        first = input_ids[:, 1:2]
        right = first == self.tokens
        if self.two:  # c, too, is not entailed
            right |= (first == self.tokens.new_tensor(8)) & (self.tokens != LETTER_A)
        return SimpleNamespace(logits=right * self.scale)


LETTER_A = 6  # its number in the vocabulary; that of c is 8


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    root = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(root)
    made = AutoTokenizer.from_pretrained(root)
    assert made.convert_tokens_to_ids(["a", "c"]) == [LETTER_A, 8]
    return made


def write(root, task, meanings):
    """A task whose texts say which class they are; labels are as the task numbers them."""
    spec = registry.named(task)
    label = {"equivalent": "entailment", "duplicate": "entailment"}
    rows = []
    for each in meanings:
        own = [n for n, name in enumerate(spec.labels) if label.get(name, name) == each]
        rows.append(own[0] if own else next(n for n, x in enumerate(spec.labels) if x.startswith("not")))
    texts = [f"{LETTERS[each]} d e" for each in meanings]
    for split in spec.splits:
        columns = {column: texts if column == spec.columns[0] else ["f"] * len(texts) for column in spec.columns}
        place = root / (spec.folder or task)
        place.mkdir(parents=True, exist_ok=True)
        Dataset.from_dict({**columns, "label": rows}).to_parquet(place / f"{split}-00000-of-00001.parquet")


MEANINGS = [*THREE, "neutral", "neutral", "contradiction", "neutral"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for task in ("nli/snli", "nli/mnli", "nli/scitail", "sick", "rte", "qnli", "wnli", "mrpc", "qqp", "mnli"):
        write(root, task, MEANINGS)
    save_glue(root, "stsb", "sst2")
    return root


TARGETS = ["nli/snli", "nli/scitail", "sick", "rte", "qnli", "wnli", "mrpc", "qqp"]


@pytest.mark.parametrize("order", [THREE, THREE[::-1], ("contradiction", "entailment", "neutral")])
@pytest.mark.parametrize("task", TARGETS)
def test_whoever_knows_all_is_right_everywhere_whatever_the_order(tokenizer, data, order, task):
    found = score_elsewhere(Toy(tokenizer, order), tokenizer, "nli/mnli", task, data)
    assert set(found.metrics.values()) == {1.0}
    assert set(found.metrics) == set(registry.named(task).metrics)
    assert (found.task, found.tuned_on, found.examples, found.score) == (task, "nli/mnli", 7, 1.0)
    three = task in ("nli/snli", "sick")
    assert found.majority == pytest.approx(4 / 7 if three else 6 / 7)
    assert json.loads(json.dumps(found.to_dict()))["counts_as"] == found.counts_as
    assert list(found.counts_as) == list(order)
    assert found.counts_as["entailment"] in ("entailment", "equivalent", "duplicate")
    assert (found.counts_as["neutral"] == found.counts_as["contradiction"]) == (not three)


@pytest.mark.parametrize("task", TARGETS)
def test_a_swapped_map_scores_under_chance(tokenizer, data, task):
    toy = Toy(tokenizer, THREE, ("LABEL_0", "LABEL_1", "LABEL_2"))
    right = score_elsewhere(toy, tokenizer, "nli/mnli", task, data, labels=THREE)
    swapped = score_elsewhere(toy, tokenizer, "nli/mnli", task, data, labels=("neutral", "entailment", "contradiction"))
    assert right.metrics["accuracy"] == 1.0
    # what is neutral counts as entailed, and the other way round: wrong in five of seven
    assert swapped.metrics["accuracy"] == pytest.approx(2 / 7)
    assert swapped.metrics["accuracy"] < 1 / 3


def test_two_classes_on_three(tokenizer, data):
    """The set's neutral and contradiction are put together."""
    toy = Toy(tokenizer, ("not_entailment", "entailment"))
    found = score_elsewhere(toy, tokenizer, "rte", "sick", data)
    assert found.metrics == {"accuracy": 1.0}
    assert found.majority == pytest.approx(6 / 7)
    assert found.counts_as == {"not_entailment": "not_entailment", "entailment": "entailment"}
    turned = score_elsewhere(toy, tokenizer, "rte", "sick", data, labels=("entailment", "not_entailment"))
    assert turned.metrics == {"accuracy": 0.0}


def test_both_splits_of_mnli(tokenizer, data):
    found = score_elsewhere(Toy(tokenizer, THREE), tokenizer, "nli/snli", "mnli", data)
    assert found.metrics == {"accuracy": 1.0, "accuracy_mm": 1.0}
    assert found.examples == 14


def test_a_file_of_ones_own_is_scored_whole(tokenizer, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = ["premise,hypothesis,label"]
    lines += [f"{letter} {one},{one},{word}" for one in "defgh" for letter, word in zip("ab", NAMES, strict=True)]
    (tmp_path / "hans.csv").write_text("\n".join(lines))
    found = score_elsewhere(Toy(tokenizer, THREE), tokenizer, "nli/mnli", "hans.csv")
    assert found.examples == 10
    assert set(found.metrics.values()) == {1.0}
    assert found.majority == 0.5


NAMES = ("entailment", "non-entailment")


def test_regressions_are_correlated():
    labels = np.array([1.5, 1.0, 4.0, 5.0])
    for logits in (2 * labels - 1, (2 * labels - 1)[:, None]):
        found = score_answers(logits, labels, (), "stsb")
        assert found["pearson"] == pytest.approx(1.0)
    assert score_answers(-labels, labels, (), "sick-r")["spearman"] == pytest.approx(-1.0)


def test_the_majority_is_that_of_what_is_scored(tokenizer, data):
    found = score_elsewhere(Toy(tokenizer, THREE), tokenizer, "nli/snli", "nli/mnli", data)
    assert found.majority == pytest.approx(4 / 7)


def test_the_model_is_left_as_it_was(tokenizer, data):
    toy = Toy(tokenizer, THREE).train()
    state = torch.get_rng_state()
    score_elsewhere(toy, tokenizer, "nli/snli", "rte", data)
    assert toy.training
    assert torch.equal(torch.get_rng_state(), state)


def test_what_cannot_be_scored_is_refused(tokenizer, data):
    toy = Toy(tokenizer, THREE)
    nameless = Toy(tokenizer, THREE, ("LABEL_0", "LABEL_1", "LABEL_2"))

    def score(model, source, target, **more):
        return lambda: score_elsewhere(model, tokenizer, source, target, data, **more)

    refused(score(nameless, "nli/mnli", "rte"), ValueError, "LABEL_0", "labels=(")
    refused(score(toy, "rte", "rte"), ValueError, "it was not tuned on rte", "entailment, not_entailment")
    refused(score(toy, "nli/mnli", "sst2"), ValueError, "sst2: no map leads", "negative, positive")
    refused(score(toy, "nli/mnli", "stsb"), ValueError, "answers in classes", "stsb asks for numbers")
    refused(score(toy, "nli/mnli", "rte", labels=THREE[:2]), ValueError, "2 classes", "3 outputs")
    refused(score(toy, "nli/mnli", "cola"), FileNotFoundError, "no task cola")
    refused(score(toy, "nli/mnli", "colla"), ValueError, "'colla' is unknown")
    with torch.no_grad():
        toy.scale.fill_(torch.nan)
    refused(score(toy, "nli/mnli", "rte"), ValueError, "not finite on rte")
    refused(lambda: score_answers(np.zeros((4, 2)), np.zeros(4), THREE, "rte"), ValueError, "(4, 2)", "(examples, 3)")
