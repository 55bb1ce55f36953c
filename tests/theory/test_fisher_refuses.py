"""What the Fisher refuses, and that it leaves the model as it was."""

import pytest
import torch
import torch.nn.functional as F
from kinds import (
    IDS,
    Attention,
    N,
    Positions,
    Words,
    assert_agree,
)
from torch import nn

from recall_learn.theory.fisher import fisher_diagonal


class AlwaysDropping(Words):
    def forward(self, ids):
        return self.head(F.dropout(torch.tanh(self.mid(self.words(ids))), 0.1, training=True).mean(1))


class DroppingInLargerBatches(Words):
    def forward(self, ids):
        return self.head(F.dropout(self.mid(self.words(ids)), 0.1, training=len(ids) > 1).mean(1))


@pytest.mark.parametrize("labels", ["exact", "empirical", "batched"])
@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("kind", [AlwaysDropping, DroppingInLargerBatches])
def test_a_random_model_is_refused(kind, loop, labels):
    model, y = kind(), torch.zeros(N, dtype=torch.long)
    if loop:
        model.extra = nn.Parameter(torch.zeros(1))
    with pytest.raises(ValueError, match="not deterministic in eval mode"):
        fisher_diagonal(model, [(IDS[:1], y[:1]), (IDS[1:], y[1:])], labels=labels)


def state(model):
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    return [m.training for m in model.modules()], hooks, [p.requires_grad for p in model.parameters()], grads


@pytest.mark.parametrize("kind", [Positions, Attention])
@pytest.mark.parametrize("bad", [None, "labels", "stream"])
def test_the_model_is_left_as_it_was(kind, bad):
    model = kind().train()
    model.head.eval()
    model.words.weight.requires_grad_(False)
    model.head.weight.grad = torch.ones_like(model.head.weight)
    modes, hooks, wanted, grads = state(model)
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    y = torch.tensor([0, 1, 2, 9 if bad == "labels" else 0])

    def stream():
        yield IDS, y.clamp(max=2)
        if bad == "stream":
            raise RuntimeError("the disk is gone")
        yield IDS, y

    with torch.no_grad():
        if bad is None:
            fisher_diagonal(model, stream(), labels="empirical")
        else:
            with pytest.raises(ValueError if bad == "labels" else RuntimeError):
                fisher_diagonal(model, stream(), labels="empirical")
        assert not torch.is_grad_enabled()
    again = state(model)
    assert (modes, hooks, wanted) == again[:3]
    assert all(a is b or torch.equal(a, b) for a, b in zip(grads, again[3], strict=True))
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())


class Broken(Words):
    def forward(self, ids):
        super().forward(ids)
        raise RuntimeError("broken")


def test_a_forward_that_raises_leaves_no_hooks():
    model = Broken().train()
    before = state(model)
    with pytest.raises(RuntimeError, match="broken"):
        fisher_diagonal(model, [(IDS, None)])
    assert state(model) == before


Y = torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("batches", "labels", "message"),
    [
        ([(IDS, Y)], "fisher", "labels is 'fisher'; it must be one of 'exact'"),
        ([], "exact", "batches holds no examples"),
        ([(IDS[:0], Y[:0])], "exact", "batches holds no examples"),
        ([(IDS,)], "empirical", "labels are missing; 'empirical'"),
        ([(IDS, None)], "batched", "labels are missing; 'batched'"),
        ([{"ids": IDS}], "empirical", "labels are missing"),
        ([(IDS, Y + 1)], "empirical", "labels hold 3; with 3 logits they go from 0 to 2"),
        ([(IDS, Y - 1)], "batched", "labels hold -1; with 3 logits they go from 0 to 2"),
        ([(IDS, Y * 100 - 100)], "empirical", "labels hold -100; with 3 logits they go from 0 to 2"),
        ([(IDS, Y.double())], "empirical", "need integers"),
        ([(IDS, Y[:, None])], "empirical", r"labels have shape \(4, 1\)"),
        ([(IDS, Y[:2])], "exact", r"labels have shape \(2,\) in a batch of 4 examples"),
        ([{"ids": IDS, "other": IDS[:2]}], "exact", r"first dimensions \[2, 4\]"),
        ([{"other": 3}], "exact", "at least one tensor"),
        ([IDS], "exact", "a batch is a Tensor; it must be a dict of tensors or a pair"),
        (3, "exact", "batches is 3; it must be an iterable of batches"),
        ([(IDS, ["yes", "no", "no", "no"])], "exact", "labels are .'yes', .*; they must be a tensor, or numbers"),
        ([(IDS, [[0, 1], [2], [0], [1]])], "empirical", "labels are .*; they must be a tensor, or numbers"),
        ([(IDS, [{}, {}, {}, {}])], "empirical", "labels are .*; they must be a tensor, or numbers"),
    ],
)
def test_bad_batches(batches, labels, message):
    with pytest.raises(ValueError, match=message):
        fisher_diagonal(Words(), batches, labels=labels)


class Answer(nn.Module):
    """A linear map whose output is made into whatever a test needs."""

    def __init__(self, make):
        super().__init__()
        self.linear, self.make = nn.Linear(2, 2), make

    def forward(self, x):
        return self.make(self.linear(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda z: z / 0, "nan or an infinity"),
        (lambda z: z * float("nan"), "nan or an infinity"),
        (lambda z: (z,), "returned a tuple without logits"),
        (lambda z: {"loss": z}, "returned a dict without logits"),
        (lambda z: z[:, 0], r"they must be \[N, C\] or \[N, L, V\]"),
        (lambda z: z[:1], r"logits are \(1, 2\) for 3 examples"),
        (lambda z: z[:, :, None], r"a regression needs \[N, 1\]"),
    ],
)
def test_bad_logits(make, message):
    with pytest.raises(ValueError, match=message):
        fisher_diagonal(Answer(make), [(torch.ones(3, 2),)])


def test_odd_models_and_generators_are_refused():
    with pytest.raises(ValueError, match="model is a int; it must be a"):
        fisher_diagonal(3, [(IDS, None)])
    with pytest.raises(ValueError, match="generator is 3; it must be a"):
        fisher_diagonal(Words(), [(IDS, None)], labels="sampled", generator=3)


class Unreachable(Words):
    @torch.no_grad()
    def forward(self, ids):
        return super().forward(ids)


class Elsewhere(Words):
    """Computes with other tensors than its parameters, as wrappers of unknown kinds do."""

    def forward(self, ids):
        copies = {name: p.detach().clone().requires_grad_() for name, p in self.named_parameters()}
        return torch.func.functional_call(Words(), copies, (ids,))


@pytest.mark.parametrize("labels", ["exact", "empirical", "batched"])
@pytest.mark.parametrize("kind", [Unreachable, Elsewhere])
def test_parameters_that_the_logits_do_not_reach_have_no_fisher_of_zeros(kind, labels):
    for batch in ((IDS, Y), (IDS[:1], Y[:1])):
        with pytest.raises(ValueError, match="the logits do not depend on any parameter that requires grad"):
            fisher_diagonal(kind(), [batch], labels=labels)


@pytest.mark.parametrize("y", [None, torch.ones(3, 2), torch.tensor([1.0, 2.0, float("nan")])])
def test_bad_numbers_for_a_regression(y):
    with pytest.raises(ValueError, match="labels"):
        fisher_diagonal(nn.Linear(2, 1), [(torch.ones(3, 2), y)], labels="empirical")


def test_masked_logits_always_need_labels_for_their_positions():
    model = Answer(lambda z: z[:, None].expand(-1, 4, -1))
    for labels in ("exact", "sampled"):
        with pytest.raises(ValueError, match=r"labels are missing; .* needs labels of shape \(3, 4\)"):
            fisher_diagonal(model, [(torch.ones(3, 2),)], labels=labels)
        with pytest.raises(ValueError, match=r"labels hold -1; .* or -100 for a position that does not count"):
            fisher_diagonal(model, [(torch.ones(3, 2), torch.full((3, 4), -1))], labels=labels)


def test_a_frozen_model_has_no_fisher():
    with pytest.raises(ValueError, match="no parameter that requires grad"):
        fisher_diagonal(Words().requires_grad_(False), [(IDS, None)])


def test_a_model_may_answer_with_a_dictionary():
    model = Answer(lambda z: {"logits": z})
    plain = fisher_diagonal(model.linear, [(torch.ones(3, 2),)])
    assert_agree(fisher_diagonal(model, [{"x": torch.ones(3, 2)}]), {f"linear.{k}": f for k, f in plain.items()}, 1e-6)


def test_the_bar_shows_only_when_asked(capsys):
    fisher_diagonal(Words(), [(IDS, None)])
    fisher_diagonal(Words(), [(IDS, None)], progress=False)
    assert capsys.readouterr().err == ""
    fisher_diagonal(Words(), [(IDS, None)], progress=True)
    assert "Fisher" in capsys.readouterr().err
