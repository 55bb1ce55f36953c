"""The mistakes that public RecAdam code makes, each put into the optimizer: the check that it passes has to fail."""

import warnings

import pytest
import torch
from test_recadam import PATHS, Case, check_follows

from recall_learn.methods.recadam import anchors as recadam_anchors
from recall_learn.methods.recadam import optimizer as recadam
from recall_learn.methods.recadam import update as recadam_update
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.theory.annealing import Constant, Sigmoid

FAILS = (AssertionError, pytest.fail.Exception)


def nothing(b, s):
    return b, s


def lambda_reversed(b, s):
    share = 1 - s.share if b.anchors else s.share
    return b, s._replace(pull=s.lr - s.pull, share=share, rate=s.rate / s.share * share)


def pull_not_annealed(b, s):
    return b, s._replace(pull=s.lr)


def pull_without_the_learning_rate(b, s):
    return b, s._replace(pull=s.pull / s.lr)


def pull_to_zero(b, s):
    return b._replace(anchors=[torch.zeros_like(anchor) for anchor in b.anchors]), s


def decay_scaled_by_lambda(b, s):
    return b, s._replace(weight_decay=s.weight_decay * s.lam)


def no_bias_correction(b, s):
    return b._replace(t=10**9), s._replace(rate=s.share * s.lr, unbias=1.0)


def adam_not_annealed(b, s):
    return b, s._replace(share=1.0, rate=s.rate / s.share)


def one_gamma_for_all(b, s):
    if isinstance(b.gammas, list):
        b = b._replace(gammas=[torch.full_like(gamma, gamma.mean().item()) for gamma in b.gammas])
    return b, s


def another_algorithm(b, s):
    swapped = {"paper": "released", "released": "paper", "coupled": "paper"}
    return b._replace(algorithm=swapped[b.algorithm] if b.anchors else b.algorithm), s


def betas_swapped(b, s):
    return b._replace(betas=b.betas[::-1]), s


MUTANTS = [
    lambda_reversed,
    pull_not_annealed,
    pull_without_the_learning_rate,
    pull_to_zero,
    decay_scaled_by_lambda,
    no_bias_correction,
    adam_not_annealed,
    betas_swapped,
]


def put_in(monkeypatch, mutant):
    real = recadam_update.update_buckets
    monkeypatch.setattr(recadam, "update_buckets", lambda work: real([mutant(b, s) for b, s in work]))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("algorithm", ["paper", "released"])
def test_the_harness_itself_changes_nothing(monkeypatch, algorithm, path):
    put_in(monkeypatch, nothing)
    check_follows(algorithm, path, by_name=True)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("algorithm", ["paper", "released"])
@pytest.mark.parametrize("mutant", [*MUTANTS, one_gamma_for_all, another_algorithm])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_oracle_catches_it(monkeypatch, mutant, algorithm, path):
    put_in(monkeypatch, mutant)
    with pytest.raises(FAILS):
        check_follows(algorithm, path, by_name=mutant is one_gamma_for_all)


@pytest.mark.parametrize("power", [1, 2])
def test_the_oracle_catches_eps_inside_the_root(monkeypatch, power):
    def update(theta, grad, m, v, anchor, gamma, s, betas, algorithm):
        away = 0.0 if anchor is None else gamma * (theta - anchor)
        m.mul_(betas[0]).add_((1 - betas[0]) * grad)
        v.mul_(betas[1]).add_((1 - betas[1]) * grad * grad)
        adam = s.rate * m / (v * s.unbias**2 + s.eps**power).sqrt()
        theta.sub_(adam + s.pull * away + s.lr * s.weight_decay * theta)

    monkeypatch.setattr(recadam_update, "update", update)
    with pytest.raises(FAILS):
        check_follows("paper", "plain")


@pytest.mark.parametrize("path", ["foreach", "fused"])
@pytest.mark.parametrize("algorithm", ["paper", "released"])
def test_the_oracle_catches_the_other_eps(monkeypatch, algorithm, path):
    def other(b, s):
        return b, s._replace(eps=s.eps / s.unbias if algorithm == "released" else s.eps * s.unbias)

    put_in(monkeypatch, other)
    with pytest.raises(FAILS):
        check_follows(algorithm, path)


def check_the_head_is_adamw(cls):
    case = Case()
    encoder, head, twin = (torch.nn.Parameter(torch.tensor(case.weights["head"])) for _ in range(3))
    optimizer = cls([{"params": [encoder]}, {"params": [head], "recall": False}], 0.01, gamma=50, anneal=Constant(0.5))
    adamw = torch.optim.AdamW([twin], 0.01, weight_decay=0.0, fused=True)
    for gradients in case.gradients[5:]:
        for p in (encoder, head, twin):
            p.grad = torch.tensor(gradients["head"])
        optimizer.step()
        adamw.step()
    assert torch.equal(head, twin)
    assert not torch.equal(encoder, twin)


def test_a_head_that_is_recalled_is_caught():
    class RecallsAll(RecAdam):
        def add_param_group(self, param_group):
            super().add_param_group(param_group | {"recall": True})

    check_the_head_is_adamw(RecAdam)
    with pytest.raises(FAILS):
        check_the_head_is_adamw(RecallsAll)


def check_the_weights_find_home(anchors_of):
    start = torch.tensor([1.0, -2.0, 3.0])
    weight = torch.nn.Parameter(start.clone())
    anchors = anchors_of(weight)
    optimizer = RecAdam([("w", weight)], 0.1, anneal=Constant(1), gamma=5, anchors=anchors)
    for _ in range(5):
        weight.grad = torch.ones(3)
        optimizer.step()
    assert (weight - start).abs().min() > 0.4
    optimizer.param_groups[0].update(anneal=Constant(0), gamma=10.0)  # lr * gamma = 1: all the way in one step
    optimizer.step()
    assert torch.equal(weight.detach(), start)


@pytest.mark.parametrize("anchors_of", [lambda w: None, lambda w: {"w": w}], ids=["copied", "given"])
def test_anchors_that_share_storage_with_the_weights_are_caught(monkeypatch, anchors_of):
    check_the_weights_find_home(anchors_of)
    monkeypatch.setattr(recadam, "copy_of", lambda source, p: source.detach())
    monkeypatch.setattr(recadam_anchors, "copy_of", lambda source, p: source.detach())
    with pytest.raises(FAILS):
        check_the_weights_find_home(anchors_of)


def check_a_short_anchor_list_is_refused(cls):
    named = [(name, torch.nn.Parameter(torch.zeros(2))) for name in "abc"]
    with pytest.raises(ValueError, match="anchors lacks 'c'"):
        cls(named, anchors={"a": torch.ones(2), "b": torch.ones(2)})


def test_a_zip_that_cuts_the_anchors_short_is_caught(monkeypatch):
    def zips(groups, anchors):
        values = iter(anchors.values())
        return [[anchor for _, anchor in zip(group["params"], values, strict=False)] for group in groups]

    check_a_short_anchor_list_is_refused(RecAdam)
    monkeypatch.setattr(recadam, "anchors_by_name", zips)
    with pytest.raises(FAILS):
        check_a_short_anchor_list_is_refused(RecAdam)


def distance_after(steps, path, **settings):
    torch.manual_seed(0)
    start = torch.randn(20)
    weight = torch.nn.Parameter(start + 0.01 * torch.randn(20))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer = RecAdam([("w", weight)], anchors={"w": start}, **settings, **PATHS[path])
        for _ in range(steps):
            weight.grad = torch.randn(20)
            optimizer.step()
    return (weight - start).norm().item()


def check_the_papers_settings_stay_near(path):
    assert distance_after(30, path, lr=2e-5, gamma=5000.0, anneal=Sigmoid(0.1, 250)) < 0.01


@pytest.mark.parametrize("path", PATHS)
def test_gamma_5000_read_literally_diverges(monkeypatch, path):
    check_the_papers_settings_stay_near(path)
    put_in(monkeypatch, pull_without_the_learning_rate)
    with pytest.raises(FAILS):
        check_the_papers_settings_stay_near(path)


def check_the_released_defaults_are_refused():
    with pytest.raises(ValueError, match="lr \\* gamma is 5"):
        distance_after(1, "fused", lr=1e-3, gamma=5000.0, algorithm="released")


def test_the_released_defaults_are_refused_because_they_diverge(monkeypatch):
    check_the_released_defaults_are_refused()
    monkeypatch.setattr(RecAdam, "_check", lambda self, index: self.param_groups[index]["anneal"](1))
    with pytest.raises(FAILS):
        check_the_released_defaults_are_refused()
    assert distance_after(30, "fused", lr=1e-3, gamma=5000.0, algorithm="released") > 1e12
