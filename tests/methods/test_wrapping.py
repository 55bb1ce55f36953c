"""What acts in the forward pass: put onto the model once nothing is refused any more, and taken away by close."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from recall_learn.methods.composed import Composed
from recall_learn.methods.method import Acting, Method, Start


class _Doubling(Acting):
    def wrap(self, model):
        self.handle = model.register_forward_hook(lambda module, args, out: 2 * out)

    def close(self):
        self.handle.remove()


@dataclass(frozen=True)
class Doubling(Method):
    name: ClassVar[str] = "doubling"
    acting: ClassVar[type[Acting]] = _Doubling


class _Refusing(Acting):
    def attach(self, optimizer):
        raise ValueError("not with this optimizer")


@dataclass(frozen=True)
class Refusing(Method):
    name: ClassVar[str] = "refusing"
    acting: ClassVar[type[Acting]] = _Refusing


def composed(model, *methods):
    groups = [{"params": list(model.named_parameters()), "weight_decay": 0.0}]
    return Composed(methods, Start(model, {}, lr=1e-3), groups)


def test_it_acts_until_it_is_closed():
    model, x = nn.Linear(3, 2), torch.ones(1, 3)
    plain = model(x)
    made = composed(model, Doubling())
    assert torch.equal(model(x), 2 * plain)
    made.close()
    assert torch.equal(model(x), plain)
    assert Doubling.hooks() == ["wrap"]


def test_a_refusal_leaves_the_model_as_it_was():
    model = nn.Linear(3, 2)
    with pytest.raises(ValueError, match="not with this optimizer"):
        composed(model, Doubling(), Refusing())
    assert not model._forward_hooks
