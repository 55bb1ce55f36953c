"""The masks with an optimizer that accelerate has prepared: accumulated gradients are masked once, at the real step."""

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from masking import layer_fisher, named_parameters, same_bits, seeded
from torch import nn

from recall_learn.methods.child_tuning import ChildTuningD, ChildTuningF


@pytest.fixture(autouse=True)
def own_accelerator():
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)
    GradientState._reset_state()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        for name, parameter in named_parameters().items():
            self.register_parameter(name.replace(".", "_"), parameter)

    def forward(self, x):
        return (self.layer_weight @ x + self.layer_bias * self.embed.sum() * self.scale).square().sum()


def both(optimizer):
    fisher = {name.replace(".", "_"): f for name, f in layer_fisher().items()}
    return ChildTuningF(optimizer, 0.4, seeded(3)), ChildTuningD(optimizer, fisher, 0.3)


def train(prepared, micro_batches=6, accumulate=2):
    model = Model()
    optimizer = torch.optim.AdamW(model.named_parameters(), lr=0.01, weight_decay=0.1, fused=True)
    masks = both(optimizer)
    accelerator = None
    if prepared:
        accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
        model, optimizer = accelerator.prepare(model, optimizer)
    x = torch.randn(micro_batches, 3, generator=seeded(0), dtype=torch.float64)
    for i in range(micro_batches):
        if prepared:
            with accelerator.accumulate(model):
                accelerator.backward(model(x[i]))
                optimizer.step()
                optimizer.zero_grad()
        else:
            (model(x[i]) / accumulate).backward()
            if (i + 1) % accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
    return {name: p.detach() for name, p in model.named_parameters()}, masks


def test_gradients_accumulated_by_accelerate_are_masked_as_those_of_a_plain_loop():
    (prepared, masks), (plain, _) = train(True), train(False)
    assert same_bits(prepared, plain)
    assert not same_bits(prepared, train(False, accumulate=1)[0])
    start = {name: p.detach() for name, p in Model().named_parameters()}
    for name, child in masks[1].masks.items():
        assert torch.equal(prepared[name][~child], start[name][~child])
        assert (prepared[name][child] != start[name][child]).any()


def test_a_prepared_optimizer_itself_is_refused():
    model = Model()
    _, optimizer = Accelerator(cpu=True).prepare(model, torch.optim.SGD(model.named_parameters(), lr=0.1))
    with pytest.raises(ValueError, match="optimizer is a AcceleratedOptimizer; it must be"):
        both(optimizer)
