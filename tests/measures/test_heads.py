"""New heads on frozen encoders: against scikit-learn and normal equations on states taken one by one."""

import json

import numpy as np
import pytest
import torch
from datasets import Dataset
from sklearn.linear_model import LogisticRegression, Ridge
from small import refused, save_backbone, save_glue

from recall_learn.measures.heads import new_head, task_generalisation
from recall_learn.models import backbones
from recall_learn.tasks import loading, scores
from recall_learn.tasks.task import Splits, Task


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    save_backbone(root / "bert")
    save_glue(root / "glue", "mrpc", "sst2", "stsb", "mnli", train=60, evaluation=40)
    return root


@pytest.fixture
def backbone(world):
    return backbones.load(str(world / "bert"), num_labels=2)


def one_by_one(backbone, task, rows, pool):
    """The state of each example in float64, without a batch."""
    encoder, found = backbone.model.base_model, []
    for texts in zip(*(rows[name] for name in task.columns), strict=True):
        with torch.no_grad():
            hidden = encoder(**backbone.tokenizer(*texts, return_tensors="pt")).last_hidden_state[0].double()
        found.append((hidden.mean(0) if pool == "mean" else hidden[0]).numpy())
    return np.array(found)


@pytest.mark.parametrize("pool", ["mean", "first"])
@pytest.mark.parametrize("name", ["mrpc", "sst2", "mnli"])
def test_a_head_of_classes_is_scikit_learns(world, backbone, name, pool):
    data = loading.load(name, world / "glue")
    found = new_head(backbone.model.base_model, backbone.tokenizer, data, pool=pool, l2=0.02, batch_size=7)
    x = {split: one_by_one(backbone, data.task, rows, pool) for split, rows in data.items()}
    mean, scale = x["train"].mean(0), x["train"].std(0)
    y = np.array(data["train"]["label"])
    # of two classes scikit-learn has one vector w where a softmax has two, w/2 and -w/2, whose squares are half as much
    strength = 0.02 / (2 if data.task.num_labels == 2 else 1)
    fitted = LogisticRegression(C=1 / (strength * len(y)), tol=1e-10, max_iter=10_000)
    fitted.fit((x["train"] - mean) / scale, y)
    for split, ending in loading.scored(data).items():
        logits = fitted.decision_function((x[split] - mean) / scale)
        logits = np.stack([-logits, logits], 1) if logits.ndim == 1 else logits
        expected = scores.metrics(name, logits, data[split]["label"])
        assert {f"{key}{ending}": value for key, value in expected.items()}.items() <= found.metrics.items()
    labels = list(data[data.task.evaluation]["label"])
    assert found.majority == max(labels.count(label) for label in set(labels)) / len(labels)
    assert (found.trained_on, found.examples, found.score) == (60, 40, found.metrics[data.task.primary])


def test_a_head_of_a_regression_is_ridge(world, backbone):
    data = loading.load("stsb", world / "glue")
    found = new_head(backbone.model.base_model, backbone.tokenizer, data, l2=0.05)
    x = {split: one_by_one(backbone, data.task, rows, "mean") for split, rows in data.items()}
    mean, scale = x["train"].mean(0), x["train"].std(0)
    fitted = Ridge(alpha=0.05 * 60).fit((x["train"] - mean) / scale, data["train"]["label"])
    expected = scores.metrics("stsb", fitted.predict((x["validation"] - mean) / scale), data["validation"]["label"])
    assert found.metrics == pytest.approx(expected, abs=1e-5)
    assert found.majority is None


def test_what_states_tell_is_read_and_long_sets_come_in_parts(backbone, monkeypatch):
    from recall_learn.measures import heads

    texts = [f"{letter} {other}" for letter in "ab" for other in "abcdefgh"] * 3
    rows = Dataset.from_dict({"sentence": texts, "label": [int(text[0] == "a") for text in texts]})
    data = Splits(Task("letters", ("sentence",), ("b", "a")), {"train": rows, "validation": rows})
    whole = new_head(backbone.model.base_model, backbone.tokenizer, data, pool="mean", l2=1e-3)
    assert whole.metrics == {"accuracy": 1.0}
    monkeypatch.setattr(heads, "CHUNK", 5)
    assert new_head(backbone.model.base_model, backbone.tokenizer, data, pool="mean", l2=1e-3) == whole


def test_three_encoders_and_no_change(world, backbone):
    with torch.no_grad():
        for p in backbone.model.base_model.parameters():
            p.mul_(1.3)
    before = {name: p.detach().clone() for name, p in backbone.model.named_parameters()}
    state = torch.get_rng_state()
    found = task_generalisation(backbone, ["sst2", "mrpc"], world / "glue", limit_train=50, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(p, before[name]) for name, p in backbone.model.named_parameters())
    assert list(found) == ["sst2", "mrpc"]
    data = loading.load("sst2", world / "glue", 50, 3)
    for name, init in (("pretrained", "pretrained"), ("random", "random")):
        other = backbones.load(str(world / "bert"), num_labels=2, init=init, seed=3)
        assert getattr(found["sst2"], name) == new_head(other.model.base_model, other.tokenizer, data)
    assert found["sst2"].tuned == new_head(backbone.model.base_model, backbone.tokenizer, data)
    assert found["mrpc"].tuned.trained_on == 50
    assert json.loads(json.dumps(found["mrpc"].to_dict()))["random"]["task"] == "mrpc"


def test_pretraining_is_worth_something_in_the_small_world():
    backbone = backbones.load("tiny", num_labels=2)
    found = task_generalisation(backbone, ["world/sst2"], limit_train=600)["world/sst2"]
    assert found.tuned == found.pretrained
    assert found.pretrained.score > found.random.score + 0.03


def test_bad_inputs(world, backbone):
    encoder, tokenizer = backbone.model.base_model, backbone.tokenizer
    data = loading.load("sst2", world / "glue")
    refused(lambda: new_head(encoder, tokenizer, data, l2=0), ValueError, "l2 is 0")
    refused(lambda: new_head(encoder, tokenizer, data, pool="last"), ValueError, "pool is 'last'")
    untrained = Splits(data.task, {"validation": data["validation"]})
    refused(lambda: new_head(encoder, tokenizer, untrained), ValueError, "sst2 has no training split")
    refused(lambda: task_generalisation(backbone, [], world / "glue"), ValueError, "tasks is []")
    refused(lambda: task_generalisation(backbone, "sst2", world / "glue"), ValueError, "'sst2'")
    refused(lambda: task_generalisation(backbone, ["nli/scitail"], world / "glue"), ValueError, "no training split")
    tiny = backbones.load("tiny", num_labels=2)
    refused(lambda: task_generalisation(tiny, ["sst2"], world / "glue"), ValueError, "tiny reads the small world only")
