"""From Laplace's method to one gamma: every form against dense float64 matrices and loops over labels, and its laws."""

import math

import numpy as np
import pytest
import torch
from classifier import Classifier, anchors_of, data, flat, noise
from small import refused

from recall_learn.theory.derivation import (
    diagonal_form,
    fisher_form,
    hessian_form,
    length,
    rise,
    scalar_form,
    scaled,
    slope,
)
from recall_learn.theory.fisher import fisher_diagonal

# --- against dense matrices ---


@pytest.mark.parametrize("seed", [1, 2])
def test_every_form_is_its_matrix(dense, seed):
    away = noise(dense["at"][2], seed=seed)
    d = flat(away)
    assert slope(*dense["at"], away) == pytest.approx(float(dense["gradient"] @ d), rel=1e-10)
    assert hessian_form(*dense["at"], away) == pytest.approx(float(d @ dense["hessian"] @ d) / 2, rel=1e-9)
    assert fisher_form(*dense["at"], away) == pytest.approx(float(d @ dense["fisher"] @ d) / 2, rel=1e-10)
    moved = float(dense["loss"](dense["theta"] + d) - dense["loss"](dense["theta"]))
    assert rise(*dense["at"], away) == pytest.approx(moved, rel=1e-10)
    # otherwise this could not tell H from F
    assert abs(d @ dense["hessian"] @ d - d @ dense["fisher"] @ d) > 0.01 * abs(d @ dense["fisher"] @ d)


def test_along_one_coordinate_they_are_the_entries_of_the_diagonal(dense):
    anchors, size = dense["at"][2], dense["theta"].numel()
    for i in range(0, size, 7):
        one, start, away = torch.zeros(size, dtype=torch.float64), 0, {}
        one[i] = 1
        for name, p in anchors.items():
            away[name], start = one[start : start + p.numel()].view(p.shape), start + p.numel()
        assert slope(*dense["at"], away) == pytest.approx(float(dense["gradient"][i]), rel=1e-9, abs=1e-14)
        assert hessian_form(*dense["at"], away) == pytest.approx(float(dense["hessian"][i, i]) / 2, rel=1e-8, abs=1e-14)
        assert fisher_form(*dense["at"], away) == pytest.approx(float(dense["fisher"][i, i]) / 2, rel=1e-9, abs=1e-14)


def test_the_diagonal_form_is_that_of_the_dense_fishers_diagonal(dense):
    model, batches, anchors = dense["at"]
    away = noise(anchors)
    exact = fisher_diagonal(model, [{"x": inputs["x"].double()} for inputs, _ in batches], progress=False)
    expected = float((dense["fisher"].diagonal() * flat(away).square()).sum()) / 2
    assert diagonal_form(exact, away) == pytest.approx(expected, rel=1e-10)
    assert diagonal_form(exact, away) != pytest.approx(fisher_form(*dense["at"], away), rel=0.01)


def test_the_order_of_the_names_does_not_matter(dense):
    model, batches, anchors = dense["at"]
    away = noise(anchors)
    turned = dict(reversed(away.items()))
    assert list(turned) != list(away)
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, batches, anchors, turned) == form(model, batches, anchors, away)
    assert diagonal_form(anchors, turned) == pytest.approx(diagonal_form(anchors, away), rel=1e-12)


def test_how_the_examples_are_batched_does_not_matter(dense):
    model, batches, anchors = dense["at"]
    inputs = {"x": torch.cat([inputs["x"] for inputs, _ in batches])}
    one, away = [(inputs, torch.cat([words for _, words in batches]))], noise(anchors)
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, one, anchors, away) == pytest.approx(form(model, batches, anchors, away), rel=1e-11)


def test_weights_without_an_anchor_stay_where_the_model_has_them(dense):
    model, batches, anchors = dense["at"]
    part = {name: p for name, p in anchors.items() if name.startswith("layers.0")}
    away = noise(part)
    padded = {name: away.get(name, torch.zeros_like(p)) for name, p in anchors.items()}
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, batches, part, away) == pytest.approx(form(model, batches, anchors, padded), rel=1e-11)


def test_theta_star_is_the_anchors_wherever_the_model_has_gone(dense):
    model, batches, anchors = dense["at"]
    gone, away = Classifier(), noise(anchors)
    with torch.no_grad():
        for p in gone.parameters():
            p.add_(1.0)
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(gone, batches, anchors, away) == form(model, batches, anchors, away)


# --- laws ---


def test_softmax_regression_has_the_fisher_as_its_hessian():
    model = Classifier(linear=True)
    anchors, batches = anchors_of(model, "head"), data()
    away = noise(anchors)
    # in closed form: the mean of Var_p(dW x + db) / 2, whatever the words are
    variances = []
    for inputs, _ in batches:
        for x in inputs["x"].double().numpy():
            w, b, dw, db = (t["head." + k].numpy() for t in (anchors, away) for k in ("weight", "bias"))
            p = np.exp(w @ x + b) / np.exp(w @ x + b).sum()
            z = dw @ x + db
            variances.append(p @ z**2 - (p @ z) ** 2)
    expected = np.mean(variances) / 2
    assert fisher_form(model, batches, anchors, away) == pytest.approx(expected, rel=1e-12)
    assert hessian_form(model, batches, anchors, away) == pytest.approx(expected, rel=1e-12)
    turned = [(inputs, (words + 1) % 4) for inputs, words in batches]
    assert hessian_form(model, turned, anchors, away) == pytest.approx(expected, rel=1e-12)
    assert slope(model, turned, anchors, away) != pytest.approx(slope(model, batches, anchors, away), rel=0.01)


def test_the_hessian_form_has_mean_fisher_form_over_words_drawn_from_the_model(dense):
    model, batches, anchors = dense["at"]
    away, x = noise(anchors), batches[0][0]["x"][:2]
    p = model(x.double()).softmax(-1).detach()
    expected = sum(
        float(p[0, a] * p[1, b]) * hessian_form(model, [({"x": x}, torch.tensor([a, b]))], anchors, away)
        for a in range(4)
        for b in range(4)
    )
    any_word = [({"x": x}, torch.tensor([0, 0]))]
    assert fisher_form(model, any_word, anchors, away) == pytest.approx(expected, rel=1e-10)
    assert hessian_form(model, any_word, anchors, away) != pytest.approx(expected, rel=0.01)


def test_forms_scale_with_the_square_and_the_slope_with_s(dense):
    away, anchors = noise(dense["at"][2]), dense["at"][2]
    for s in (-2.0, 0.1):
        far = scaled(away, s)
        assert slope(*dense["at"], far) == pytest.approx(s * slope(*dense["at"], away), rel=1e-10)
        for form in (hessian_form, fisher_form):
            assert form(*dense["at"], far) == pytest.approx(s * s * form(*dense["at"], away), rel=1e-10)
        squares = {name: p.square() for name, p in anchors.items()}
        assert diagonal_form(squares, far) == pytest.approx(s * s * diagonal_form(squares, away), rel=1e-12)
        assert scalar_form(7, far) == pytest.approx(s * s * scalar_form(7, away), rel=1e-12)


def test_slope_and_hessian_leave_a_rest_of_third_order(dense):
    away = noise(dense["at"][2])
    first, second = slope(*dense["at"], away), hessian_form(*dense["at"], away)
    rests = {s: rise(*dense["at"], scaled(away, s)) - s * first - s * s * second for s in (0.02, 0.01, 0.005)}
    assert rests[0.02] / rests[0.01] == pytest.approx(8, rel=0.05)
    assert rests[0.01] / rests[0.005] == pytest.approx(8, rel=0.03)


def test_a_direction_without_effect_costs_nothing(dense):
    model, batches, anchors = dense["at"]
    # the same for every label: the softmax does not see it
    away = {"head.bias": torch.ones(4, dtype=torch.float64)}
    only = {"head.bias": anchors["head.bias"]}
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, batches, only, away) == pytest.approx(0, abs=1e-14)
    linear = Classifier(linear=True)  # its logits do not depend on these layers at all
    unused = anchors_of(linear, "layers")
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(linear, batches, unused, noise(unused)) == 0


def test_the_scalar_form_and_the_length():
    away = {"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor(4.0)}
    assert length(away) == 5
    assert scalar_form(2.0, away) == 25
    assert diagonal_form({"b": torch.tensor(1.0), "a": torch.tensor([[2.0, 9.0]])}, away) == 17
    # float32 holds 2^24 + 1 no more than it holds this sum of ones
    assert length({"a": torch.ones(2**24 + 4, dtype=torch.float32)}) == math.sqrt(2**24 + 4)


# --- the model stays as it was ---


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was(fails):
    model = Classifier(torch.float32)
    model.layers[3].eval()  # its own mode, other than the rest's
    for p in model.parameters():
        p.grad = torch.full_like(p, 2.0)
    before, anchors, batches = {k: v.clone() for k, v in model.state_dict().items()}, anchors_of(model), data()
    away = noise(anchors)
    flash = torch.backends.cuda.flash_sdp_enabled()
    random = torch.get_rng_state()
    for form in (rise, slope, hessian_form, fisher_form):
        if fails:
            refused(lambda form=form: form(model, [(batches[0][0], torch.tensor([1]))], anchors, away), ValueError)
        else:
            assert math.isfinite(form(model, batches, anchors, away))
    assert {k: v.dtype for k, v in model.state_dict().items()} == dict.fromkeys(before, torch.float32)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.requires_grad and p.is_leaf and (p.grad == 2).all() for p in model.parameters())
    assert model.training
    assert model.layers.training
    assert not model.layers[3].training
    assert torch.is_grad_enabled()
    assert torch.backends.cuda.flash_sdp_enabled() == flash
    assert torch.equal(random, torch.get_rng_state())


def test_a_float32_model_is_measured_in_float64():
    small, exact, batches = Classifier(torch.float32), Classifier(), data()
    anchors = anchors_of(small)
    exact.load_state_dict(small.state_dict())
    away = noise(anchors, size=1e-5)
    for form in (rise, slope, hessian_form, fisher_form):
        value = form(small, batches, anchors, away)
        assert value == form(exact, batches, anchors_of(exact), away)
        assert 0 < abs(value) < 1e-4  # of a loss above 1: single precision would leave two digits


def test_displacements_may_want_gradients(dense):
    model, batches, anchors = dense["at"]
    away = noise(anchors)
    wanting = {name: d.clone().requires_grad_() for name, d in away.items()}
    for form in (rise, slope, hessian_form, fisher_form):
        assert form(model, batches, anchors, wanting) == form(model, batches, anchors, away)
    assert all(d.grad is None for d in wanting.values())
