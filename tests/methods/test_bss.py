"""Batch spectral shrinkage against an eigenvalue problem, and its invariances."""

import pytest
import torch
from classify import BATCHES, DROPPING, begun, gradients, model_of, resumed, term, trained
from small import config_of
from torch import nn

from recall_learn import compose
from recall_learn.methods import METHODS
from recall_learn.methods.bss import shrinkage
from recall_learn.methods.expression import parse

G = torch.Generator().manual_seed(2)
F = torch.randn(5, 7, generator=G, dtype=torch.float64)
BATCH = BATCHES[0]


def eigenvalues(features):
    """Of the smaller of F F' and F' F: the squares of the singular values, the smallest first."""
    rows, width = features.shape
    return torch.linalg.eigvalsh(features @ features.T if rows <= width else features.T @ features)


@pytest.mark.parametrize("features", [F, F.T, F[:, :5]], ids=["wide", "tall", "square"])
@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_the_squares_of_the_smallest_singular_values_and_their_gradient(features, k):
    features = features.clone().requires_grad_()
    found = shrinkage(features, k)
    right = eigenvalues(features)[:k].sum()
    assert found.item() == pytest.approx(right.item(), rel=1e-9)
    (mine,), (theirs,) = (torch.autograd.grad(each, features) for each in (found, right))
    torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-9)
    if k >= 5:  # all of them
        assert found.item() == pytest.approx(features.square().sum().item())
        torch.testing.assert_close(mine, 2 * features.detach())


def test_it_does_not_see_rotations_of_features_or_the_order_of_examples_and_grows_with_their_square():
    turn, _ = torch.linalg.qr(torch.randn(7, 7, generator=G, dtype=torch.float64))
    want = shrinkage(F, 2).item()
    assert shrinkage(F @ turn, 2).item() == pytest.approx(want)
    assert shrinkage(F[torch.randperm(5, generator=G)], 2).item() == pytest.approx(want)
    assert shrinkage(3 * F, 2).item() == pytest.approx(9 * want)


@pytest.mark.parametrize("features", [torch.eye(4, 6), torch.zeros(3, 4), torch.ones(4, 4)])
def test_equal_and_zero_singular_values_have_a_finite_gradient(features):
    features = features.clone().requires_grad_()
    shrinkage(features, 2).backward()
    assert features.grad.isfinite().all()
    assert features.grad.norm().item() == pytest.approx(2 * shrinkage(features, 2).item() ** 0.5, abs=1e-5)


@pytest.mark.parametrize("config", [{}, DROPPING], ids=["quiet", "dropout"])
def test_the_term_is_of_what_the_head_is_given(config):
    model = model_of(**config)
    seen = []
    model.classifier.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    made = begun(model, "bss(weight=0.5, k=2)")
    added, _ = term(model, made)
    assert added.item() == pytest.approx(0.5 * eigenvalues(seen[0].double())[:2].sum().item(), rel=1e-4)
    found = gradients(added, model)
    assert found["classifier.weight"] is None
    assert found["bert.embeddings.word_embeddings.weight"].abs().max() > 0


def test_half_precision_is_decomposed_in_full():
    half = F.bfloat16().requires_grad_()
    shrinkage(half, 2).backward()
    assert half.grad.dtype == torch.bfloat16
    assert half.grad.isfinite().all()


def test_weight_0_is_plain_fine_tuning_to_the_bit():
    losses, ends = trained(model_of(**DROPPING), "bss(weight=0)")
    plain, plain_ends = trained(model_of(**DROPPING), "vanilla")
    assert losses == plain
    assert all(torch.equal(ends[key], plain_ends[key]) for key in plain_ends)


def test_a_resumed_run_goes_on_to_the_bit_and_nothing_is_drawn():
    whole, parts = resumed("bss(weight=1)")
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    model = model_of()
    torch.set_rng_state(state)
    term(model, begun(model, "bss"))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_strong_penalty_leaves_the_features_of_a_batch_less_than_they_had():
    ends = []
    for method in ("vanilla", "bss(weight=10, k=2)"):
        model = model_of()
        trained(model, method, [BATCH] * 12)
        seen = []
        model.classifier.register_forward_pre_hook(lambda module, args: seen.append(args[0].detach().double()))  # noqa: B023
        model(**BATCH)
        ends.append(eigenvalues(seen[0])[:2].sum().item())
    assert ends[1] < 0.2 * ends[0]


class Silent(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.side = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(x)


def test_what_is_refused():
    from transformers import AutoModelForSequenceClassification

    model = Silent()
    made = compose("bss", model, lr=1e-2, new=["head", "side"])
    with pytest.raises(ValueError, match=r"^bss needs the features that the head is given.* it had none of a training"):
        made.terms({}, model(torch.ones(3, 4)))
    gpt = AutoModelForSequenceClassification.from_config(config_of("gpt2"))  # its head sees every token
    made = compose("bss", gpt, lr=1e-2, new=["score"])
    ids = torch.tensor([[2, 7, 9, 3]])
    with pytest.raises(ValueError, match=r"^bss needs the features .* it had them of shape \(1, 4, 16\)$"):
        made.terms({}, gpt(input_ids=ids))
    with pytest.raises(ValueError, match=r"^bss finds no linear layer in Silent that is new and trains$"):
        compose("bss", Silent(), lr=1e-2, anchors={n: p for n, p in Silent().named_parameters() if "weight" in n})
    for text, says in (
        ("bss(weight=-1)", "^weight is -1.0; it has to be a number of at least 0$"),
        ("bss(k=0)", "^k is 0.0; it has to be a whole number of at least 1$"),
    ):
        with pytest.raises(ValueError, match=says):
            parse(text, METHODS)


def test_with_a_pull_and_after_close():
    losses, ends = trained(model_of(), "recadam(k=0.5, t0=2) + bss(k=2)")
    assert len(losses) == 4
    assert (ends["classifier.weight"] - model_of().classifier.weight).abs().max() > 1e-3
    model = model_of()
    begun(model, "bss").close()
    assert not model.classifier._forward_pre_hooks
