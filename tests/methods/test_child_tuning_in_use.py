"""The masks of Child-Tuning while others handle their optimizer: swapped parameters, wrappers, states, removal."""

import copy

import numpy as np
import pytest
import torch
from masking import (
    OPTIMIZERS,
    drawn,
    gradients,
    layer_fisher,
    masks_of_f,
    named_parameters,
    same_bits,
    seeded,
    step,
    train,
)
from torch import nn

from recall_learn.methods.child_tuning import ChildTuningD, ChildTuningF, child_masks, layer_names
from recall_learn.theory.laplace import ewc


def named_sgd(**options):
    parameters = named_parameters()
    return torch.optim.SGD(parameters.items(), lr=0.1, **options), parameters


def swap(optimizer, make):
    """Put other tensors in the place of the optimizer's parameters, by position, as FSDP and apex do."""
    for group in optimizer.param_groups:
        group["params"] = [make(p) for p in group["params"]]
    return dict(zip(optimizer.param_groups[0]["param_names"], optimizer.param_groups[0]["params"], strict=True))


# --- swapped parameters ---


def test_a_child_follows_parameters_that_were_swapped_in():
    optimizer, _ = named_sgd(weight_decay=0.1, momentum=0.9)
    mask = ChildTuningD(optimizer, layer_fisher(), 0.3)
    parameters = swap(optimizer, lambda p: nn.Parameter(p.detach().clone()))
    before = {name: p.detach().clone() for name, p in parameters.items()}
    for grads in gradients(3):
        step(optimizer, parameters, grads)
    for name, child in mask.masks.items():
        assert torch.equal(parameters[name][~child], before[name][~child])
        assert (parameters[name][child] != before[name][child]).all()
    assert (parameters["embed"] != before["embed"]).all()


def test_the_weights_of_apex_o2_are_masked_in_single_precision():
    optimizer, _ = named_sgd()
    mask = ChildTuningD(optimizer, layer_fisher(), 0.3)
    ChildTuningF(optimizer, 0.4, seeded(3))
    parameters = swap(optimizer, lambda p: nn.Parameter(p.detach().float()))
    before = {name: p.detach().clone() for name, p in parameters.items()}
    step(optimizer, parameters, gradients(1, torch.float32)[0])
    f = masks_of_f(0.4, 1, seeded(3))[0]
    for name in parameters:
        moves = f[name] & mask.masks.get(name, torch.tensor(True))
        assert torch.equal(parameters[name] != before[name], moves)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda group: group.update(params=[nn.Parameter(torch.zeros(20))]), "1 parameters for 4 names: something"),
        (lambda group: group.pop("param_names"), "parameters without names"),
        (lambda group: group.update(param_names=[f"module.{n}" for n in group["param_names"]]), "no longer, its mask"),
        (lambda group: group["params"].reverse(), "'layer.weight' with shape .*something replaced the parameters"),
    ],
)
def test_a_swap_that_cannot_be_followed_is_named_and_nothing_moves(change, message):
    optimizer, parameters = named_sgd()
    ChildTuningD(optimizer, layer_fisher(), 0.3)
    before = {name: p.detach().clone() for name, p in parameters.items()}
    change(optimizer.param_groups[0])
    with pytest.raises(ValueError, match=message):
        step(optimizer, parameters, gradients(1)[0])
    assert same_bits({name: p.detach() for name, p in parameters.items()}, before)


def test_a_loaded_optimizer_state_changes_no_mask():
    """torch makes its groups anew when a state is loaded; accelerate loads one when it prepares."""
    optimizer, parameters = named_sgd(momentum=0.9)
    mask = ChildTuningD(optimizer, layer_fisher(), 0.3)
    before = {name: p.detach().clone() for name, p in parameters.items()}
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(optimizer, parameters, gradients(1)[0])
    for name, child in mask.masks.items():
        assert torch.equal(parameters[name] != before[name], child)


# --- wrapped models ---


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.base_model = nn.Module()
        self.base_model.layers = nn.ModuleList([nn.Linear(2, 2)])
        self.head = nn.Linear(2, 2)

    def forward(self, x):
        return self.head(self.base_model.layers[0](x))


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda m: torch.compile(m, backend="eager")])
def test_names_of_a_wrapped_model_are_those_inside(wrap):
    model = Model()
    wrapped = wrap(model)
    assert layer_names(wrapped) == layer_names(model) == ["base_model.layers.0.weight", "base_model.layers.0.bias"]
    fisher = {name: torch.ones(dict(model.named_parameters())[name].shape) for name in layer_names(wrapped)}
    ChildTuningD(torch.optim.SGD(model.named_parameters(), lr=0.1), fisher)
    with pytest.raises(ValueError, match=r"which the optimizer calls '(module|_orig_mod)\.base"):
        ChildTuningD(torch.optim.SGD(wrapped.named_parameters(), lr=0.1), fisher)
    anchors = {name: torch.zeros_like(f) for name, f in fisher.items()}
    right = sum(dict(model.named_parameters())[name].square().sum().item() for name in fisher)
    assert ewc(anchors, fisher, 2.0)(wrapped).item() == pytest.approx(right)
    prefixed = {next(n for n, _ in wrapped.named_parameters() if n.endswith(name)): name for name in fisher}
    assert list(prefixed) != list(prefixed.values())
    renamed = ({new: tensors[old] for new, old in prefixed.items()} for tensors in (anchors, fisher))
    assert ewc(*renamed, 2.0)(wrapped).item() == pytest.approx(right)


# --- removal ---


@pytest.mark.parametrize("make", [ChildTuningF, lambda o: ChildTuningD(o, layer_fisher(), 0.3)])
@pytest.mark.parametrize("when", ["closure", "pre-hook", "post-hook"])
def test_a_mask_removed_during_a_step_ends_that_step_and_masks_no_other(make, when):
    def run(remove):
        torch.manual_seed(0)
        optimizer, parameters = named_sgd(weight_decay=0.1, momentum=0.9)
        mask = make(optimizer)
        asked = []

        def ask(*_):
            if remove and not asked:
                asked.append(mask.remove())

        if when == "pre-hook":
            optimizer.register_step_pre_hook(ask)
        if when == "post-hook":
            optimizer.register_step_post_hook(ask)
        states = []
        for grads in gradients(2):

            def closure(grads=grads):
                for name, parameter in parameters.items():
                    parameter.grad = grads[name].clone()
                if when == "closure":
                    ask()
                return 0.0

            optimizer.step(closure)
            states.append({name: p.detach().clone() for name, p in parameters.items()})
        if remove:
            make(optimizer)  # a new one may come
        else:
            mask.remove()
        return states, mask

    (masked, _), (removed, mask) = run(False), run(True)
    assert same_bits(masked[0], removed[0])
    assert not same_bits(masked[1], removed[1])
    assert (removed[1]["layer.weight"] != removed[0]["layer.weight"]).all()
    assert not getattr(mask, "_before", None)


# --- states ---


def fresh_d():
    return ChildTuningD(named_sgd()[0], layer_fisher(), 0.3)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.float32, torch.bfloat16])
def test_masks_saved_as_numbers_load_as_masks(dtype):
    saved = fresh_d().state_dict()
    other = ChildTuningD(named_sgd()[0], {name: torch.zeros_like(f) for name, f in layer_fisher().items()}, 0.3)
    other.load_state_dict({"p": 0.3, "masks": {name: mask.to(dtype) for name, mask in saved["masks"].items()}})
    assert same_bits(other.masks, saved["masks"])
    assert {mask.dtype for mask in other.masks.values()} == {torch.bool}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"p": 0.3, "masks": layer_fisher()}, r"masks\['layer.weight'\] holds .*; a mask has entries 0 and 1 only"),
        (
            {"p": 0.3, "masks": {"layer.weight": torch.ones(3, 5), "layer.bias": torch.ones(5)}},
            r"has shape \(3, 5\), the",
        ),
        ({"p": 0.3, "masks": {"layer.weight": 1, "layer.bias": 2}}, r"masks\['layer.weight'\] is a int"),
        ({"p": 0.3, "masks": None}, "masks is a NoneType"),
        ({"p": "0.3", "masks": {}}, "p of state is '0.3'; it has to be a number"),
        ({"p": None, "masks": {}}, "p of state is None; it has to be a number"),
    ],
)
def test_odd_states_of_d_are_refused_and_change_nothing(state, message):
    mask = fresh_d()
    before = mask.state_dict()["masks"]
    with pytest.raises(ValueError, match=message):
        mask.load_state_dict(state)
    assert same_bits(mask.masks, before)


@pytest.mark.parametrize("generator", [None, 3, torch.zeros(3), torch.zeros(5056, dtype=torch.uint8), "state"])
def test_odd_states_of_f_are_refused_and_change_nothing(generator):
    parameters = named_parameters()
    mask = ChildTuningF(torch.optim.SGD(parameters.items(), lr=0.1), 0.3, seeded(3))
    with pytest.raises(ValueError, match=r"state\['generator'\] is not the state of a generator on cpu"):
        mask.load_state_dict({"p": 0.3, "generator": generator})
    assert same_bits(drawn(mask, parameters, 1)[0], masks_of_f(0.3, 1, seeded(3))[0])


@pytest.mark.parametrize(
    "p", [np.float64(0.4), np.float32(0.4), np.float16(0.5), np.int64(1), np.array(0.4), torch.tensor(0.4)]
)
def test_numpy_numbers_are_taken_and_saved_as_plain_ones(p):
    for mask in (ChildTuningF(named_sgd()[0], p), ChildTuningD(named_sgd()[0], layer_fisher(), p)):
        assert type(mask.p) is float
        state = mask.state_dict()
        assert type(state["p"]) is float
        mask.load_state_dict({**state, "p": round(float(p), 3)})  # what another precision would have saved
    assert same_bits(child_masks(layer_fisher(), p), child_masks(layer_fisher(), round(float(p), 3)))
    attach = lambda p: train(OPTIMIZERS["sgd"], lambda optimizer: ChildTuningF(optimizer, p, seeded(1)))  # noqa: E731
    for name, found in attach(p).items():
        torch.testing.assert_close(found, attach(float(round(float(p), 3)))[name], rtol=1e-6, atol=1e-7)
