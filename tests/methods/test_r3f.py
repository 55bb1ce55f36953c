"""R3F and R4F against the formula written out, and their laws."""

import math

import pytest
import torch
from classify import BATCHES, DROPPING, begun, gradients, model_of, term

from recall_learn.methods import METHODS
from recall_learn.methods.expression import parse
from recall_learn.methods.r3f import lipschitz, noise_like

BATCH = BATCHES[0]


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_the_noise_has_the_size_that_is_asked_for(kind):
    drawn = noise_like(torch.zeros(100, 400), 0.3, kind, torch.Generator().manual_seed(1)).double()
    assert drawn.mean().abs() < 0.01
    if kind == "uniform":
        assert 0.2999 < drawn.abs().max() <= 0.3
        assert drawn.std() == pytest.approx(0.3 / math.sqrt(3), rel=0.02)
    else:
        assert drawn.std() == pytest.approx(0.3, rel=0.02)
        assert 1 < drawn.abs().max() < 2


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_the_penalty_and_its_gradient_are_the_formula_s(kind):
    """By a forward pass from embeddings, in float64, with the noise that a copy of its generator gives."""
    model = model_of().double()
    made = begun(model, f"r3f(weight=2, size=0.4, noise={kind})")
    added, _ = term(model, made)
    (acting,) = made._acting
    acting.passes -= 1
    words = model.bert.embeddings.word_embeddings(BATCH["input_ids"])
    z = noise_like(words, 0.4, kind, acting.generator("cpu"))
    p, q = (model(inputs_embeds=each).logits.softmax(-1) for each in (words, words + z))
    right = 2 * ((p * (p / q).log()).sum(1) + (q * (q / p).log()).sum(1)).mean()
    assert right > 1e-4
    assert added.item() == pytest.approx(right.item(), rel=1e-5)
    want, found = gradients(right, model), gradients(added, model)
    for name, g in want.items():
        torch.testing.assert_close(found[name], g, rtol=1e-3, atol=1e-7, msg=name)
    assert found["bert.embeddings.word_embeddings.weight"].abs().max() > 0  # no branch is cut off


def test_it_grows_with_the_square_of_the_size_and_the_paper_s_is_nothing_without_dropout():
    sizes = (1e-5, 1e-2, 2e-2)
    found = []
    for size in sizes:
        model = model_of().double()
        found.append(term(model, begun(model, f"r3f(size={size})"))[0].item())
    assert found[2] == pytest.approx(4 * found[1], rel=0.05)
    assert found[0] < 1e-9


def test_no_noise_is_no_penalty_where_the_same_drops_out_and_two_masks_disagree():
    quiet, model = model_of(), model_of(**DROPPING)
    assert term(quiet, begun(quiet, "r3f(size=0)"))[0] == 0
    same, own = (begun(model, f"r3f(size=0, dropout={kind})") for kind in ("same", "own"))
    for _ in range(2):
        assert term(model, same)[0] == 0
        assert term(model, own)[0] > 1e-4  # the paper's noise is not needed for that


def test_the_head_of_r4f_has_norm_1_in_every_pass_and_the_saved_one_too():
    model, plain = model_of(), model_of()
    made = begun(model, "r3f(head=lipschitz)")
    weight = plain.classifier.weight.detach().double()
    unit = weight / torch.linalg.svdvals(weight)[0]
    features = []
    plain.classifier.register_forward_hook(lambda module, args, output: features.append(args[0]))
    plain(**BATCH)
    right = features[0].double() @ unit.T + plain.classifier.bias.double()
    for mode in (model.train, model.eval):
        torch.testing.assert_close(mode()(**BATCH).logits.double(), right, rtol=1e-5, atol=1e-6)
    assert torch.equal(model.classifier.weight, plain.classifier.weight)  # what trains is not divided
    with made.plain():
        torch.testing.assert_close(model.classifier.weight.double(), unit, rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(model(**BATCH).logits.double(), right, rtol=1e-5, atol=1e-6)
    assert torch.equal(model.classifier.weight, plain.classifier.weight)
    made.settle()
    torch.testing.assert_close(model(**BATCH).logits.double(), right, rtol=1e-5, atol=1e-6)
    assert not model.classifier._forward_hooks


def test_the_division_is_differentiated_and_stands_equal_and_zero_matrices():
    weight = torch.randn(3, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: w / torch.linalg.svdvals(w)[0], weight)
    (mine,) = torch.autograd.grad(lipschitz(weight)[0, 0], weight)
    (right,) = torch.autograd.grad((weight / torch.linalg.svdvals(weight)[0])[0, 0], weight)
    torch.testing.assert_close(mine, right, rtol=1e-5, atol=1e-6)
    for odd in (torch.eye(2, 4), torch.zeros(2, 4)):
        odd.requires_grad_(True)
        lipschitz(odd).sum().backward()
        assert odd.grad.isfinite().all()


def test_the_head_that_is_new_is_found_whatever_comes_after_it():
    model = model_of()
    model.bert.later = torch.nn.Linear(3, 3)
    (acting,) = begun(model, "r3f(head=lipschitz)")._acting
    assert acting.head is model.classifier
    model.classifier.requires_grad_(False)
    with pytest.raises(ValueError, match=r"^r3f finds no linear layer in Bert\w+ that is new"):
        begun(model, "r3f(head=lipschitz)")


def test_a_score_has_no_distribution():
    says = "^r3f compares distributions over labels of which one is right, and this model gives none; take it for class"
    for model in (model_of(labels=1), model_of(problem_type="multi_label_classification")):
        with pytest.raises(ValueError, match=says):
            begun(model, "r3f")
    model = model_of()
    with pytest.raises(ValueError, match=says):
        begun(model, "r3f").terms(BATCH, torch.zeros(4, 1))


def test_copies_of_data_parallel_are_refused():
    model = model_of()
    begun(model, "r3f(head=lipschitz)")
    with pytest.raises(
        ValueError, match=r"^r3f cannot act in the copies of DataParallel; take DistributedDataParallel$"
    ):
        model.classifier._replicate_for_data_parallel()(torch.ones(1, 8))


def test_settings():
    model = model_of()
    made = begun(model, "r3f(size=0.5)")
    made.set(weight=0)
    assert term(model, made)[0] == 0
    for text, says in (
        ("r3f(weight=-1)", "^weight is -1.0; it has to be a number of at least 0$"),
        ("r3f(size=-1)", "^size is -1.0; it has to be a number of at least 0$"),
        ("r3f(noise=pink)", "^noise is 'pink'; it has to be one of uniform, normal$"),
        ("r3f(head=big)", "^head is 'big'; it has to be one of free, lipschitz$"),
    ):
        with pytest.raises(ValueError, match=says):
            parse(text, METHODS)
