"""A small float64 classifier, its data, and its dense Hessian and Fisher: what the tests of the derivation share."""

import torch
from torch import nn
from torch.func import functional_call


class Classifier(nn.Module):
    """x [M, 3] -> logits [M, 4]; with LayerNorm, whose second derivatives are easy to get wrong, and dropout."""

    def __init__(self, dtype=torch.float64, linear=False):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.layers = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.LayerNorm(5), nn.Dropout(0.5))
            self.head = nn.Linear(3 if linear else 5, 4)
        self.linear = linear
        self.to(dtype)

    def forward(self, x):
        return self.head(x if self.linear else self.layers(x))


def draw(seed=1):
    return torch.Generator().manual_seed(seed)


def data(sizes=(4, 2, 5), seed=3):
    """Batches of other sizes: a mean of batch means would be another number."""
    g = draw(seed)
    return [({"x": torch.randn(n, 3, generator=g)}, torch.randint(0, 4, (n,), generator=g)) for n in sizes]


def anchors_of(model, part=""):
    return {name: p.detach().clone() for name, p in model.named_parameters() if name.startswith(part)}


def noise(anchors, size=0.3, seed=1):
    g = draw(seed)
    return {name: size * torch.randn(p.shape, generator=g, dtype=torch.float64) for name, p in anchors.items()}


def flat(tensors):
    return torch.cat([t.double().reshape(-1) for t in tensors.values()])


def mean_loss(model, batches, anchors):
    """The slow way: one example after the other, as a function of the flat anchored weights."""
    model = Classifier(linear=model.linear).eval()

    def loss(theta):
        pieces = theta.split([p.numel() for p in anchors.values()])
        weights = {name: piece.view(p.shape) for (name, p), piece in zip(anchors.items(), pieces, strict=True)}
        terms = []
        for inputs, words in batches:
            for x, word in zip(inputs["x"].double(), words, strict=True):
                logits = functional_call(model, weights, (x[None],))[0]
                terms.append(logits.exp().sum().log() - logits[word])
        return sum(terms) / len(terms)

    return loss


def dense_fisher(model, batches):
    """F as a matrix: over examples and over labels, the outer product of the gradient of log p, weighted with p."""
    total, count = 0, 0
    for inputs, _ in batches:
        for x in inputs["x"].double():
            log_p = model(x[None])[0].log_softmax(-1)
            for log_py in log_p:
                gradients = torch.autograd.grad(log_py, tuple(model.parameters()), retain_graph=True)
                g = torch.cat([part.reshape(-1) for part in gradients])
                total = total + log_py.detach().exp() * torch.outer(g, g)
            count += 1
    return total / count
