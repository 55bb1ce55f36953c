"""A small model under mixout, and what it is trained on."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from recall_learn.methods import METHODS
from recall_learn.methods.composed import Composed
from recall_learn.methods.expression import parse
from recall_learn.methods.method import Start

ROWS = torch.Generator().manual_seed(5)
X, Y = torch.randn(6, 5, generator=ROWS, dtype=torch.float64), torch.tensor([0, 1, 2, 2, 1, 0])


class Model(nn.Module):
    """Two layers that are pretrained, a norm, and a head that is new."""

    def __init__(self, recompute=None):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.norm, self.head = (
            nn.Linear(5, 4),
            nn.Linear(4, 4),
            nn.LayerNorm(4),
            nn.Linear(4, 3),
        )
        self.recompute = recompute

    def body(self, x):
        return self.norm(self.second(torch.tanh(self.first(x))))

    def forward(self, x):
        if self.recompute is None:
            return self.head(self.body(x))
        return self.head(checkpoint(self.body, x.requires_grad_(self.recompute), use_reentrant=self.recompute))


def away(model, seed=1):
    """Anchors that the weights have left already."""
    g = torch.Generator().manual_seed(seed)
    return {
        name: p.detach() + torch.randn(p.shape, generator=g, dtype=p.dtype)
        for name, p in model.named_parameters()
        if not name.startswith("head")
    }


def begun(model, expression="mixout", anchors=None, seed=0, lr=1e-2):
    anchors = away(model) if anchors is None else anchors
    groups = [{"params": [(name, p) for name, p in model.named_parameters() if p.requires_grad], "weight_decay": 0.0}]
    return Composed(parse(expression, METHODS), Start(model, anchors, lr=lr, seed=seed), groups)


def passed(made):
    return made.state_dict()["mixout"]["passes"]


def seen(layer):
    """The weights that a layer computes with, [out, in]: its answers to the columns of the identity.

    Of a part of a model these are the weights of the latest pass; a layer that is the whole model makes another pass.
    """
    rows = torch.eye(layer.in_features, dtype=layer.weight.dtype)
    return (layer(rows) - layer.bias).T.detach()


def trained(model, made, steps=3):
    model.train()
    for _ in range(steps):
        made.optimizer.zero_grad()
        nn.functional.cross_entropy(model(X.to(model.head.weight.dtype)), Y).backward()
        made.optimizer.step()
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
