"""The importance of memory-aware synapses, by numpy and by finite differences, with each example alone."""

import numpy as np
import pytest
import torch
from small import refused
from torch import nn

from recall_learn.theory.sensitivity import sensitivity


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.apart = nn.Linear(3, 4), nn.Linear(4, 2, bias=False), nn.Linear(1, 1)
        self.double()

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


X = torch.randn(7, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def batches(size):
    return [{"x": part} for part in X.split(size)]


def test_of_a_linear_layer_it_is_the_mean_of_2_w_x_x():
    layer = nn.Linear(3, 2, bias=False).double()

    class Only(nn.Module):
        def forward(self, x):
            return layer(x)

    found = sensitivity(Only(), batches(3), {"w": layer.weight})["w"].numpy()
    w = layer.weight.detach().numpy()
    right = np.mean([np.abs(2 * w @ np.outer(x, x)) for x in X.numpy()], axis=0)
    np.testing.assert_allclose(found, right, rtol=1e-12)
    mean_first = np.abs(np.mean([2 * w @ np.outer(x, x) for x in X.numpy()], axis=0))
    assert (right > 1.05 * mean_first).any()  # the mistake of taking the absolute value of a batch's mean would be seen


@pytest.mark.parametrize("size", [1, 3, 7])
def test_by_finite_differences_whatever_the_batches(size):
    model = Net()
    parameters = dict(model.named_parameters())
    found = sensitivity(model, batches(size), parameters)
    h = 1e-6
    for name, p in parameters.items():
        for place in np.ndindex(*p.shape):
            sides = []
            for sign in (1, -1):
                with torch.no_grad():
                    p[place] += sign * h
                    sides.append(model(X).square().sum(1))
                    p[place] -= sign * h
            right = ((sides[0] - sides[1]) / (2 * h)).abs().mean()
            assert found[name][place].item() == pytest.approx(right.item(), rel=1e-5, abs=1e-8)
    assert (found["apart.weight"] == 0).all()
    assert all(p.grad is None for p in parameters.values())


def test_no_examples():
    refused(lambda: sensitivity(Net(), [], dict(Net().named_parameters())), ValueError, "batches holds no examples")
