"""Random directions, the best gamma, the tables of the derivation, against scipy; and what is refused."""

import json
import math

import numpy as np
import pytest
import torch
from classifier import Classifier, anchors_of, data, draw, flat, noise
from scipy import stats
from small import refused
from torch import nn

from recall_learn.theory import derivation
from recall_learn.theory.derivation import (
    best_gamma,
    diagonal_form,
    fisher_form,
    hessian_form,
    length,
    measure,
    random_like,
    rise,
    scalar_form,
    scaled,
    slope,
    summary,
    with_gamma,
)

# --- random directions and gamma ---


def test_random_like_is_as_long_and_elsewhere():
    away = noise({"a": torch.zeros(300, 7), "b": torch.zeros(()), "c": torch.zeros(400)})
    away = {name: d.float() for name, d in away.items()}
    other = random_like(away, draw(4))
    assert {name: d.shape for name, d in other.items()} == {name: d.shape for name, d in away.items()}
    assert length(other) == pytest.approx(length(away), rel=1e-14)
    again, third = random_like(away, draw(4)), random_like(away, draw(5))
    assert all(torch.equal(other[name], again[name]) for name in away)
    for one in (flat(away), flat(third)):  # 2501 dimensions: cosines of about 0.02
        assert abs(float(torch.nn.functional.cosine_similarity(flat(other), one, dim=0))) < 0.1
    # isotropic: every coordinate has the same share, whatever its tensor's size or the length of away there
    lopsided = {"a": 100 * away["a"], "c": away["c"]}
    share = random_like(lopsided, draw(4))["c"].square().sum() / length(lopsided) ** 2
    assert float(share) == pytest.approx(400 / 2500, rel=0.2)
    values = flat(other) / length(other) * math.sqrt(2501)
    assert stats.kstest(values.numpy(), "norm").pvalue > 0.01


def test_best_gamma_finds_the_gamma_of_a_quadratic():
    distances = [0.1, 2.0, 30.0]
    assert best_gamma([0.5 * 12.5 * r**2 for r in distances], distances) == pytest.approx(12.5, rel=1e-12)


def test_best_gamma_is_least_squares_of_logarithms_over_the_rises_above_zero():
    rises, distances = [0.3, -0.5, 4.0, 0.0, 0.7], [0.5, 1.0, 2.0, 3.0, 1.5]
    gamma = best_gamma(rises, distances)
    up = [(r, d) for r, d in zip(rises, distances, strict=True) if r > 0]

    def squares(g):
        return sum((math.log(0.5 * g * d**2) - math.log(r)) ** 2 for r, d in up)

    assert gamma == pytest.approx(math.prod(2 * r / d**2 for r, d in up) ** (1 / 3), rel=1e-12)
    assert squares(gamma) < min(squares(0.999 * gamma), squares(1.001 * gamma))


# --- tables ---


def ways(anchors, count=3):
    return {f"way {k}": noise(anchors, size=0.1 * (k + 1), seed=k) for k in range(count)}


def test_measure_gives_what_the_functions_give(dense):
    model, batches, anchors = dense["at"]
    squares = {name: p.square() for name, p in anchors.items()}
    displacements, scales = ways(anchors, 2), [1, -0.5]
    rows = measure(model, batches, anchors, displacements, {"mine": squares}, scales, generator=draw(8))
    order = [(f"way {k}", kind, s) for k in range(2) for kind in ("real", "random") for s in scales]
    assert [(row["name"], row["kind"], row["scale"]) for row in rows] == order
    assert json.loads(json.dumps(rows)) == rows
    g = draw(8)
    expected = {
        (name, kind): away
        for name, real in displacements.items()
        for kind, away in (("real", real), ("random", random_like(real, g)))
    }
    for row in rows:
        away = scaled(expected[row["name"], row["kind"]], row["scale"])
        assert row["distance"] == pytest.approx(length(away), rel=1e-12)
        assert row["distance"] == pytest.approx(abs(row["scale"]) * length(displacements[row["name"]]), rel=1e-12)
        assert row["mine"] == pytest.approx(diagonal_form(squares, away), rel=1e-12)
        for column, form in {"rise": rise, "slope": slope, "hessian": hessian_form, "fisher": fisher_form}.items():
            assert row[column] == pytest.approx(form(model, batches, anchors, away), rel=1e-9)
        assert set(row) == {*derivation.COLUMNS, "mine"} - {"gamma"}


def test_measure_without_a_generator_has_the_real_ones_only(dense, capsys):
    model, batches, anchors = dense["at"]
    rows = measure(model, batches, anchors, ways(anchors, 2), {}, [1.0], progress=False)
    assert [row["kind"] for row in rows] == ["real", "real"]
    assert "displacements" not in capsys.readouterr().err
    measure(model, batches, anchors, ways(anchors, 1), {}, [1.0], progress=True)
    assert "displacements" in capsys.readouterr().err


def row(name, rise_, form, kind="real", scale=1.0, distance=1.0):
    return {"name": name, "kind": kind, "scale": scale, "distance": distance, "rise": rise_, "form": form}


def test_with_gamma_is_fitted_to_the_real_rows_only():
    rows = [row("a", 2.0, 0, distance=2.0), row("b", 8.0, 0, distance=1.0), row("a", 99.0, 0, "random", distance=3.0)]
    gamma = math.sqrt(1.0 * 16.0)  # 2 * 2 / 2^2 and 2 * 8 / 1^2
    done = with_gamma(rows)
    assert [r["gamma"] for r in done] == pytest.approx([0.5 * gamma * d**2 for d in (2, 1, 3)])
    assert all("gamma" not in r for r in rows)
    assert [{**r, "gamma": 0} for r in rows] == [{**r, "gamma": 0} for r in done]


def test_summary_against_scipy():
    g = np.random.default_rng(0)
    table = {}
    for key in (("real", 1.0), ("random", 1.0), ("real", 0.5)):
        rises = g.normal(size=7)
        table[key] = rises, rises + g.normal(size=7), g.normal(size=7)
    rows = [
        {**row(str(i), float(rises[i]), float(a[i]), kind, scale), "other": float(b[i])}
        for (kind, scale), (rises, a, b) in table.items()
        for i in range(7)
    ]
    lines = summary(rows, ["form", "other"])
    assert [(line["form"], line["kind"], line["scale"]) for line in lines] == [
        (form, *key) for form in ("form", "other") for key in table
    ]
    assert json.loads(json.dumps(lines)) == lines
    for line in lines:
        rises, *forms = table[line["kind"], line["scale"]]
        form = forms[line["form"] == "other"]
        assert line["displacements"] == 7
        assert line["error"] == pytest.approx(float(np.median(abs((form - rises) / rises))), rel=1e-12)
        ranks = [stats.rankdata(v) for v in (form, rises)]
        assert line["rank"] == pytest.approx(np.corrcoef(*ranks)[0, 1], rel=1e-12)


def test_a_rank_correlation_that_is_not_defined_is_none():
    few = [row("a", 1.0, 2.0), row("b", 2.0, 1.0)]
    assert summary(few, ["form"]) == [
        {"form": "form", "kind": "real", "scale": 1.0, "displacements": 2, "error": 0.75, "rank": None}
    ]
    assert summary([row(str(k), float(k + 1), 5.0) for k in range(4)], ["form"])[0]["rank"] is None
    assert summary([row(str(k), 5.0, float(k + 1)) for k in range(4)], ["form"])[0]["rank"] is None
    assert summary([row(str(k), -float(k + 1), float(k + 1)) for k in range(3)], ["form"])[0]["rank"] == -1


# --- bad input ---

FORMS = [rise, slope, hessian_form, fisher_form]


@pytest.mark.parametrize("form", FORMS)
def test_forms_refuse_what_does_not_fit(form):
    model, batches = Classifier(), data()
    anchors = anchors_of(model, "layers.0")
    away, x = noise(anchors), {"x": torch.randn(3, 3)}
    name = "layers.0.bias"

    def call(batches=batches, anchors=anchors, away=away):
        return lambda: form(model, batches, anchors, away)

    refused(call(away={name: away[name]}), ValueError, "away lacks 'layers.0.weight'")
    refused(call(away={**away, "head.bias": torch.zeros(4)}), ValueError, "away has 'head.bias'")
    refused(call(away={**away, name: torch.zeros(4)}), ValueError, "away['layers.0.bias'] has shape (4,)")
    refused(call(away={**away, name: torch.full((5,), math.nan)}), ValueError, "away['layers.0.bias']", "finite")
    refused(call(away={**away, name: torch.zeros(5, dtype=torch.long)}), ValueError, "torch.int64", "floating")
    refused(call(away=torch.zeros(5)), ValueError, "away is a Tensor")
    refused(call(anchors={}, away={}), ValueError, "anchors is empty")
    refused(call(anchors={"no": away[name]}, away={"no": away[name]}), ValueError, "anchors has 'no'")
    refused(call(batches=[]), ValueError, "batches holds no examples")
    refused(call(batches=iter(batches)), ValueError, "batches is a list_iterator", "make it a list")
    refused(call(batches=[(x, torch.tensor([0, 1]))]), ValueError, "words are (2,)", "3 rows of logits need 3")
    refused(call(batches=[(x, torch.zeros(3, 1, dtype=torch.long))]), ValueError, "words are (3, 1)")
    refused(call(batches=[(x, torch.zeros(3))]), ValueError, "torch.float32")
    refused(call(batches=[(x, torch.tensor([0, 4, 1]))]), ValueError, "words hold 4", "from 0 to 3")
    refused(call(batches=[(x, torch.tensor([0, -100, 1]))]), ValueError, "words hold -100")
    refused(call(batches=[({"x": torch.full((1, 3), math.nan)}, torch.tensor([0]))]), ValueError, "nan", "look at")


class Scalar(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.weight, self.shape = nn.Parameter(torch.ones(1)), shape

    def forward(self, x):
        return (x.sum() * self.weight).expand(self.shape) if self.shape else {"logits": self.weight}


@pytest.mark.parametrize(("shape", "given"), [((3, 1), "(3, 1)"), ((3, 2, 2), "(3, 2, 2)"), (None, "dict")])
def test_forms_refuse_logits_of_another_kind(shape, given):
    weight = {"weight": torch.ones(1)}
    batches = [({"x": torch.ones(3, 1)}, torch.zeros(3, dtype=torch.long))]
    for form in FORMS:
        refused(lambda form=form: form(Scalar(shape), batches, weight, weight), ValueError, "logits are", given)


def test_numbers_that_are_none_are_refused():
    away = {"a": torch.ones(2)}
    for gamma in (-1.0, math.nan, math.inf, "2", True, None):
        refused(lambda gamma=gamma: scalar_form(gamma, away), ValueError, "gamma", repr(gamma), "at least 0")
    for s in (math.nan, -math.inf, "2", False):
        refused(lambda s=s: scaled(away, s), ValueError, "s is", repr(s), "finite")
    refused(lambda: length({"a": [1.0]}), ValueError, "away['a']", "list")
    refused(lambda: length({}), ValueError, "away is empty")
    refused(lambda: random_like({"a": torch.tensor([math.inf])}), ValueError, "away['a']", "finite")
    refused(lambda: diagonal_form({"a": torch.ones(3)}, away), ValueError, "fisher['a'] has shape (3,)")
    refused(lambda: diagonal_form({"a": torch.tensor([1.0, math.nan])}, away), ValueError, "fisher['a']", "finite")


@pytest.mark.parametrize(
    ("rises", "distances", "part"),
    [
        ([0.0, -1.0], [1.0, 1.0], "rises are [0.0, -1.0]"),
        ([], [], "rises are []"),
        ([1.0, 2.0], [1.0], "equally many"),
        ([1.0], [0.0], "above 0"),
        ([1.0], [-2.0], "above 0"),
        ([1.0, math.nan], [1.0, 1.0], "nan"),
        ([1.0], [math.inf], "inf"),
    ],
)
def test_best_gamma_refuses(rises, distances, part):
    refused(lambda: best_gamma(rises, distances), ValueError, part)


def test_measure_refuses_before_it_computes():
    model = Classifier()
    anchors = anchors_of(model)
    good = {"mine": anchors}

    def call(displacements=None, fishers=good, scales=(1.0,)):
        # no batches: whatever is computed first would complain of them
        displacements = ways(anchors) if displacements is None else displacements
        return lambda: measure(model, [], anchors, displacements, fishers, scales, progress=False)

    zero = {name: torch.zeros_like(p) for name, p in anchors.items()}
    refused(call({}), ValueError, "displacements is empty")
    refused(call({"a": zero}), ValueError, "displacements['a'] has length 0")
    refused(call({"a": {}}), ValueError, "displacements['a'] lacks")
    refused(call(fishers={"f": {}}), ValueError, "fishers['f'] lacks")
    for taken in ("fisher", "rise", "gamma"):
        refused(call(fishers={taken: anchors}), ValueError, f"fishers has {taken!r}")
    refused(call(scales=[]), ValueError, "scales are []")
    refused(call(scales=[1.0, 0]), ValueError, "scales are [1.0, 0.0]")
    refused(call(scales=[math.nan]), ValueError, "scales is nan")
    refused(call(), ValueError, "batches holds no examples")


def test_summary_refuses_a_missing_column_and_a_rise_of_zero():
    refused(lambda: summary([row("a", 1.0, 1.0)], ["gamma"]), ValueError, "forms has 'gamma'", "'a'")
    refused(lambda: summary([row("a", 0.0, 1.0)], ["form"]), ValueError, "rise of 'a' is 0")
