"""Tensors that no arithmetic is done with are refused in one sentence, wherever tensors come in by name."""

import math

import pytest
import torch
from torch import nn

from recall_learn.methods.child_tuning import ChildTuningD, child_masks
from recall_learn.methods.recadam.optimizer import RecAdam
from recall_learn.models.fisher_files import save_fisher
from recall_learn.theory.fisher import fisher_diagonal
from recall_learn.theory.laplace import QuadraticPenalty, ewc, hessian, laplace

ODD = {
    "sparse": (lambda x: x.to_sparse(), r"is sparse \(torch.sparse_coo\)"),
    "meta": (lambda x: x.to("meta"), "is on the meta device, without numbers"),
    "complex": (lambda x: x.to(torch.complex64), "torch.complex64"),
    "float8": (lambda x: x.to(torch.float8_e4m3fn), "torch.float8_e4m3fn"),
}


def parameter():
    return [("a", nn.Parameter(torch.ones(2, 2)))]


TAKERS = {
    "anchors": lambda odd: RecAdam(parameter(), anchors={"a": odd}),
    "gamma": lambda odd: RecAdam(parameter(), gamma={"a": odd}),
    "child": lambda odd: child_masks({"a": odd}, 0.5),
    "child-d": lambda odd: ChildTuningD(torch.optim.SGD(parameter(), lr=0.1), {"a": odd}, 0.5),
    "penalty's anchors": lambda odd: QuadraticPenalty({"a": odd}, 1.0),
    "penalty's precision": lambda odd: QuadraticPenalty({"a": torch.ones(2, 2)}, {"a": odd}),
    "penalty's model": lambda odd: QuadraticPenalty({"a": torch.ones(2, 2)}, 1.0)({"a": odd}),
    "ewc": lambda odd: ewc({"a": torch.ones(2, 2)}, {"a": odd}, 3.0),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("taker", TAKERS)
def test_a_tensor_that_nothing_can_be_computed_with_is_refused(taker, odd):
    make, text = ODD[odd]
    with pytest.raises(ValueError, match=rf"\['a'\] is .*{text.removeprefix('is ')}"):
        TAKERS[taker](make(torch.ones(2, 2)))


@pytest.mark.parametrize("odd", ODD)
def test_a_fisher_of_such_tensors_is_not_written(odd, tmp_path):
    make, _ = ODD[odd]
    with pytest.raises(ValueError, match=r"dense tensor of real numbers|a tensor of float16 to float64"):
        save_fisher(tmp_path / "f.safetensors", {"a": make(torch.ones(2, 2))}, labels="exact", examples=3)
    with pytest.raises(ValueError, match="under 3; a parameter's name is text"):
        save_fisher(tmp_path / "f.safetensors", {3: torch.ones(2)}, labels="exact", examples=3)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [{"device": "meta"}, {"dtype": torch.complex64}])
def test_a_model_of_such_weights_has_no_fisher(kind):
    with pytest.raises(ValueError, match="parameter 'weight' of the model is"):
        fisher_diagonal(nn.Linear(3, 2, **kind), [(torch.ones(4, 3, dtype=kind.get("dtype")), None)], progress=False)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_penalty_has_finite_anchors_and_a_model_of_tensors(bad):
    with pytest.raises(ValueError, match=r"anchors\['a'\] has non-finite entries"):
        QuadraticPenalty({"a": torch.tensor([1.0, bad])}, 1.0)
    with pytest.raises(ValueError, match="model has None under 'a'"):
        QuadraticPenalty({"a": torch.ones(2)}, 1.0)({"a": None})


def test_whole_numbers_in_a_fisher_are_told_apart():
    scores = torch.tensor([2**24, 2**24 + 1, 3, 2**24])
    assert child_masks({"a": scores}, 0.25)["a"].tolist() == [False, True, False, False]


def test_laplace_wants_a_weight_and_a_finite_loss():
    with pytest.raises(ValueError, match="loss is inf at theta"):
        laplace(lambda theta: (theta**2).sum() + math.inf, torch.zeros(2, dtype=torch.float64))
    for compute in (hessian, laplace):
        with pytest.raises(ValueError, match="theta has no entries"):
            compute(lambda theta: theta.sum(), torch.zeros(0))


def test_an_optimizer_made_on_meta_says_that_it_has_no_anchors():
    model = nn.Linear(2, 2, device="meta")
    optimizer = RecAdam(model.named_parameters())
    with pytest.raises(ValueError, match="on the meta device, where there are no numbers"):
        optimizer.state_dict()
    model.load_state_dict(nn.Linear(2, 2).state_dict(), assign=True)
    optimizer.param_groups[0]["params"] = list(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    with pytest.raises(ValueError, match="make the optimizer after the weights are loaded"):
        optimizer.step()
