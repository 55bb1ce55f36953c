"""GLUE's scores against formulas written anew in numpy."""

import warnings

import numpy as np
import pytest
from small import refused

from recall_learn.tasks import registry, scores

CLASSES = {"cola": 2, "sst2": 2, "mrpc": 2, "stsb": 1, "qqp": 2, "mnli": 3, "qnli": 2, "rte": 2, "wnli": 2}


def counts(labels, predictions):
    return [int(np.sum((labels == a) & (predictions == b))) for a, b in ((1, 1), (0, 0), (0, 1), (1, 0))]


def expected(labels, predictions):
    """The scores by their definitions, in float64."""
    tp, tn, fp, fn = counts(labels, predictions)
    root = np.sqrt(np.float64(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "accuracy": (tp + tn) / len(labels),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "matthews_correlation": (tp * tn - fp * fn) / root,
    }


def pearson(x, y):
    x, y = x - x.mean(), y - y.mean()
    return (x @ y) / np.sqrt((x @ x) * (y @ y))


def ranks(x):
    """Ranks from 1; equal values share the mean of theirs."""
    return np.array([(x < value).sum() + ((x == value).sum() + 1) / 2 for value in x])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("task", [name for name, count in CLASSES.items() if count == 2])
def test_scores_of_two_classes(task, seed):
    rng = np.random.default_rng(seed)
    labels, logits = rng.integers(0, 2, 40), rng.normal(size=(40, 2)).astype(np.float32)
    logits[np.arange(40), labels] += 0.7
    found = scores.metrics(task, logits, labels)
    assert list(found) == list(registry.named(task).metrics)
    reference = expected(labels, (logits[:, 1] > logits[:, 0]).astype(int))
    for name, value in found.items():
        assert type(value) is float
        assert value == pytest.approx(reference[name], abs=1e-12)


def test_scores_of_three_classes():
    labels = np.array([0, 1, 2, 2])
    logits = np.eye(3)[[0, 2, 2, 1]]
    assert scores.metrics("mnli", logits, labels) == {"accuracy": 0.5}


@pytest.mark.parametrize("shape", [(30,), (30, 1)])
def test_scores_of_a_regression(shape):
    rng = np.random.default_rng(1)
    labels = (rng.integers(0, 11, 30) / 2).astype(np.float32)  # with ties
    logits = (labels + rng.normal(size=30)).astype(np.float32)
    found = scores.metrics("stsb", logits.reshape(shape), labels)
    x, y = logits.astype(np.float64), labels.astype(np.float64)
    assert list(found) == ["pearson", "spearman"]
    assert found["pearson"] == pytest.approx(pearson(x, y), abs=1e-12)
    assert found["spearman"] == pytest.approx(pearson(ranks(x), ranks(y)), abs=1e-12)
    assert found["pearson"] != pytest.approx(found["spearman"], abs=1e-3)


def test_constant_predictions_and_labels_score_without_a_warning():
    labels, same = np.array([0, 1, 1, 0]), np.zeros((4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scores.metrics("cola", same, labels) == {"matthews_correlation": 0.0, "accuracy": 0.5}
        assert scores.metrics("mrpc", same, labels) == {"accuracy": 0.5, "f1": 0.0}
        assert scores.metrics("mrpc", same, 0 * labels) == {"accuracy": 1.0, "f1": 0.0}
        assert scores.metrics("cola", same, 0 * labels) == {"matthews_correlation": 0.0, "accuracy": 1.0}
        assert scores.metrics("stsb", np.full(4, 0.1, np.float32), labels) == {"pearson": 0.0, "spearman": 0.0}
        assert scores.metrics("stsb", np.arange(4.0), 0 * labels) == {"pearson": 0.0, "spearman": 0.0}
        assert scores.metrics("stsb", [[2.0]], [3.0]) == {"pearson": 0.0, "spearman": 0.0}


@pytest.mark.parametrize("task", CLASSES)
def test_nothing_to_score(task):
    refused(lambda: scores.metrics(task, np.zeros((0, CLASSES[task])), []), ValueError, task, "no examples")


@pytest.mark.parametrize(
    ("task", "logits", "labels"),
    [
        ("rte", (3, 3), (3,)),
        ("rte", (3,), (3,)),
        ("mnli", (3, 2), (3,)),
        ("rte", (3, 2), (4,)),
        ("rte", (3, 2), (3, 1)),
        ("stsb", (3, 2), (3,)),
    ],
)
def test_shapes_that_do_not_fit(task, logits, labels):
    given = np.zeros(logits), np.zeros(labels, dtype=int)
    refused(lambda: scores.metrics(task, *given), ValueError, "shape", task, str(labels))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("task", ["rte", "stsb"])
def test_a_run_that_has_diverged(task, value):
    logits = np.zeros((3, CLASSES[task]))
    logits[1, 0] = value
    refused(lambda: scores.metrics(task, logits, np.array([0, 1, 0])), ValueError, "1 of 3 examples", "diverged")


def test_withheld_labels_are_not_scored():
    refused(lambda: scores.metrics("rte", np.zeros((2, 2)), np.array([0, -1])), ValueError, "-1 in row 1", "withheld")
