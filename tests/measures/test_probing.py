"""Probes against slow float64 references, and what control labels, selectivity and standard errors have to be."""

import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from small import refused

from recall_learn.measures.probing import Probe, Probed, control_labels, probe, standard_error


def drawn(n=120, width=9, classes=3, seed=0):
    """States of several scales that tell their class, not wholly."""
    generator = np.random.default_rng(seed)
    y = generator.integers(classes, size=n)
    y[:classes] = range(classes)
    centres = generator.normal(size=(classes, width))
    mixed = generator.normal(size=(width, width)) * 10.0 ** generator.uniform(-2, 2, width)
    return (centres[y] + generator.normal(size=(n, width))) @ mixed + 5, y


def newton(x, y, classes, l2):
    """The linear probe by Newton's method on all weights at once, in float64: the probabilities and the loss."""
    n = len(x)
    x = np.hstack([(x - x.mean(0)) / x.std(0), np.ones((n, 1))])
    width = x.shape[1]
    penalty = l2 * np.repeat(np.r_[np.ones(width - 1), 0], classes)  # of w[feature, class], the bias last
    w, hot = np.zeros(width * classes), np.eye(classes)[y]
    for _ in range(60):
        logits = x @ w.reshape(width, classes)
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        gradient = (x.T @ (p - hot) / n).ravel() + penalty * w
        hessian = (
            np.diag(penalty)
            + sum(np.kron(np.outer(row, row), np.diag(its) - np.outer(its, its)) for row, its in zip(x, p, strict=True))
            / n
        )
        w -= np.linalg.lstsq(hessian, gradient, rcond=1e-13)[0]
        if np.abs(gradient).max() < 1e-13:
            break
    return p, -np.log(p[range(n), y]).mean() + (penalty * w * w).sum() / 2


def softmax(logits):
    return torch.as_tensor(logits).softmax(-1).numpy()


@pytest.mark.parametrize(("n", "width", "classes"), [(120, 9, 3), (60, 5, 2), (30, 40, 4)])
@pytest.mark.parametrize("l2", [1e-2, 1e-4])
def test_the_linear_probe_is_the_solution(n, width, classes, l2):
    x, y = drawn(n, width, classes)
    found = Probe(x, l2).linear(y, classes)
    right, loss = newton(x, y, classes, l2)
    np.testing.assert_allclose(softmax(found.logits(x)), right, atol=2e-7)
    assert found.loss == pytest.approx(loss, abs=1e-9)


def test_scikit_learn_has_the_same_one():
    x, y = drawn()
    hat = (x - x.mean(0)) / x.std(0)
    other = LogisticRegression(C=1 / (1e-2 * len(x)), tol=1e-10, max_iter=10_000).fit(hat, y)
    np.testing.assert_allclose(softmax(Probe(x, 1e-2).linear(y, 3).logits(x)), other.predict_proba(hat), atol=1e-6)


def test_a_constant_entry_and_a_repeated_one_are_no_obstacle():
    x, y = drawn()
    right = softmax(Probe(x).linear(y, 3).logits(x))
    with_constant = np.hstack([x, np.full((len(x), 1), 0.1)])
    np.testing.assert_allclose(softmax(Probe(with_constant).linear(y, 3).logits(with_constant)), right, atol=1e-6)
    twice = np.hstack([x, x])
    found = softmax(Probe(twice).linear(y, 3).logits(twice))
    np.testing.assert_allclose(found, newton(twice, y, 3, 1e-2)[0], atol=1e-6)


def test_the_network_s_loss_and_gradient_are_those_of_autograd():
    x, y = drawn()
    found = Probe(x, 0.03).mlp(y, 3, hidden=6, steps=2000)
    parts = [torch.tensor(each, requires_grad=True) for each in found.parts]
    into, shift, out, bias = parts
    hat = torch.tensor((x - x.mean(0)) / x.std(0))
    logits = torch.tanh(hat @ into + shift) @ out + bias
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(y)) + 0.015 * (
        into.square().sum() + out.square().sum()
    )
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), abs=1e-12)
    assert max(each.grad.abs().max().item() for each in parts) < 1e-7  # it stands where no step leads down
    np.testing.assert_allclose(found.logits(x), logits.detach().numpy(), atol=1e-10)


def test_a_network_reads_what_no_line_can():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    asked = generator.normal(size=(200, 2))
    right = (asked[:, 0] * asked[:, 1] > 0).astype(int)
    line, network = (probe(x, y, asked, right, kind=kind) for kind in ("linear", "mlp"))
    assert line.accuracy < 0.65
    assert network.accuracy > 0.9


def test_nothing_global_is_drawn_and_a_seed_decides():
    x, y = drawn()
    before = np.random.get_state()[1].copy(), torch.random.get_rng_state()  # noqa: NPY002
    one, two, other = (Probe(x).mlp(y, 3, steps=5, seed=seed).parts[0] for seed in (1, 1, 2))
    probe(x, y, x, y, kind="mlp")
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert np.array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), before[1])


def test_permuted_labels_keep_how_frequent_each_is():
    train, validation = np.repeat([0, 1, 2], [50, 30, 20]), np.repeat([0, 1], [10, 30])
    one, other = control_labels(train, validation), control_labels(train, validation)
    for drawn_now, again, of in zip(one, other, (train, validation), strict=True):
        assert np.array_equal(np.bincount(drawn_now), np.bincount(of))
        assert np.array_equal(drawn_now, again)
        assert not np.array_equal(drawn_now, of)
    assert not np.array_equal(control_labels(train, validation, seed=1)[0], one[0])


def test_a_type_has_one_label_wherever_it_stands():
    generator = np.random.default_rng(0)
    types = generator.choice(list("abcdefghijklmnop"), 300), generator.choice(list("abcdefghijklmnopqr"), 100)
    labels = generator.choice(3, 300, p=[0.6, 0.3, 0.1]), generator.choice(3, 100)
    found = control_labels(*labels, types)
    seen = {}
    for its, control in zip(types, found, strict=True):
        for each, label in zip(its, control, strict=True):
            assert seen.setdefault(each, label) == label
    assert set(seen.values()) <= {0, 1, 2}
    many = control_labels(labels[0], labels[1], (range(300), range(300, 400)))
    assert np.bincount(many[0])[0] == pytest.approx(180, abs=45)  # drawn as often as the labels are there


def test_a_strong_probe_on_types_is_accurate_and_not_selective():
    """One entry for each word: the right labels and the control are learned by heart alike."""
    generator = np.random.default_rng(0)
    words = generator.integers(20, size=400)
    x, y = np.eye(20)[words], (words % 3 == 0).astype(int)
    found = probe(x[:300], y[:300], x[300:], y[300:], types=(words[:300], words[300:]))
    assert found.controls == "by type"
    assert found.accuracy > 0.98
    assert found.control > 0.98
    assert abs(found.selectivity) < 0.02


def test_states_that_tell_the_answer_are_selective():
    x, y = drawn(n=600)
    found = probe(x[:400], y[:400], x[400:], y[400:], question="which", layer=2)
    assert (found.question, found.layer, found.kind, found.controls) == ("which", 2, "linear", "permuted")
    assert found.accuracy > 0.8
    assert found.majority == pytest.approx(np.bincount(y[400:]).max() / 200)
    assert abs(found.control - 1 / 3) < 0.12
    assert found.selectivity == found.accuracy - found.control
    assert found.control_fitted < found.fitted
    assert (found.examples, found.asked) == (400, 200)
    assert Probed(**json.loads(json.dumps(found.to_dict()))) == found


def test_a_wide_probe_learns_anything_by_heart():
    generator = np.random.default_rng(0)
    found = probe(generator.normal(size=(40, 100)), [0, 1] * 20, generator.normal(size=(40, 100)), [0, 1] * 20)
    assert found.control_fitted == found.fitted == 1.0
    assert found.selectivity_error >= 0.05


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_states_that_are_all_the_same_leave_the_most_frequent_class(kind):
    found = probe(np.full((6, 2), 0.1), [1, 1, 1, 0, 2, 0], np.ones((4, 2)), [1, 0, 2, 1], kind=kind)
    assert (found.accuracy, found.fitted) == (0.5, 0.5)


def test_the_standard_error_is_the_binomial_s_and_grows_in_groups():
    hits = np.array([1.0] * 30 + [0.0] * 10)
    assert standard_error(hits) == pytest.approx(np.sqrt(0.75 * 0.25 / 40))
    together = np.repeat(np.arange(10), 4)
    groups = [hits[together == g] - 0.75 for g in range(10)]
    assert standard_error(hits, together) == pytest.approx(np.sqrt(sum(each.sum() ** 2 for each in groups)) / 40)
    assert standard_error(hits, np.arange(40)) == pytest.approx(standard_error(hits))
    assert standard_error(np.repeat(hits, 4), np.repeat(np.arange(40), 4)) == pytest.approx(standard_error(hits))
    assert standard_error([1.0, 1.0]) == 0


def test_the_error_of_a_difference_is_that_of_a_pair():
    x, y = drawn(n=300, classes=2)
    x = x[:, :1]
    ready = Probe(x[:200])
    found = probe(x[:200], y[:200], x[200:], y[200:], ready=ready)
    controls = control_labels(y[:200], y[200:])
    hits, control = (ready.linear(of, 2).predict(x[200:]) == right for of, right in ((y[:200], y[200:]), controls))
    assert found.control == control.mean()
    difference = hits.astype(float) - control.astype(float)
    assert found.selectivity_error == pytest.approx(difference.std() / 10)


def test_bad_inputs_are_refused():
    x, y = drawn()
    refused(lambda: Probe(x[0]), ValueError, "x is of the shape (9,)", "[examples, width]")
    refused(lambda: Probe(np.where(x > 9, np.inf, x)), ValueError, "x holds nan or inf")
    refused(lambda: Probe(x, 0), ValueError, "l2 is 0; it has to be a number above 0")
    refused(lambda: Probe(x).linear(y, 2), ValueError, "labels have to be whole numbers from 0 to 1")
    refused(lambda: Probe(x).linear(y[:-1], 3), ValueError, "y is of the shape (119,)", "120 states")
    refused(lambda: Probe(x).mlp(y / 2, 3), ValueError, "labels have to be whole numbers")
    refused(lambda: Probe(x).mlp(y, 3, hidden=0), ValueError, "hidden is 0")
    refused(lambda: Probe(x).mlp(y, 3, steps=0), ValueError, "steps is 0")
    refused(lambda: probe(x, y, x, y, kind="tree"), ValueError, "kind is 'tree'", "linear or mlp")
    refused(lambda: probe(x, y, x[:, 1:], y), ValueError, "validation is of the shape (120, 8)", "[examples, 9]")
    refused(lambda: probe(x, y, x, y + 1), ValueError, "asked is", "from 0 to 2")
    refused(lambda: probe(x, y, x, y, types=(y, y[1:])), ValueError, "types are 120 and 119")
    refused(lambda: standard_error([], None), ValueError, "values are 0")
    refused(lambda: standard_error([1.0], [1, 2]), ValueError, "values are 1, with 2 groups")
