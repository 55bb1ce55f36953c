"""Small models of many kinds, and their exact Fisher by autograd: what the tests of the Fisher share."""

import torch
import torch.nn.functional as F
from torch import nn

N, L, H = 4, 4, 6  # as many tokens as examples: first dimensions that agree by chance
IDS = torch.tensor([[1, 2, 2, 0], [3, 3, 3, 0], [4, 1, 0, 0], [2, 5, 6, 1]])


def exact(model, x):
    """1/N sum_n sum_y p(y|x_n) (grad log p(y|x_n))^2, batches of one and autograd only."""
    total = {name: torch.zeros_like(p) for name, p in model.named_parameters() if p.requires_grad}
    wanted = [p for p in model.parameters() if p.requires_grad]
    for one in x:
        log_p = model(one[None])[0].log_softmax(-1)
        for value in log_p:
            gradients = torch.autograd.grad(value, wanted, retain_graph=True, allow_unused=True)
            for square, g in zip(total.values(), gradients, strict=True):
                square += 0 if g is None else value.exp().item() * g.to_dense() ** 2 / len(x)
    return total


def assert_agree(found, right, bound=1e-10):
    assert list(found) == list(right)
    for name in right:
        assert (found[name] - right[name]).norm() <= bound * right[name].norm(), name


class Words(nn.Module):
    """Embeds ids [N, L]; each test's model goes on from there."""

    def __init__(self, **options):
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(7, H, **options)
        self.head = nn.Linear(H, 3)
        self.build()
        self.double().eval()

    def build(self):
        self.mid = nn.Linear(H, H)

    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids))).mean(1))


class Padded(Words):
    def __init__(self):
        super().__init__(padding_idx=0)


class Twice(Words):
    def forward(self, ids):
        h = self.words(ids) + 0.5 * self.words(ids.flip(1))
        return self.head(self.mid(torch.tanh(self.mid(h))).mean(1))


class TwiceAfterPooling(Words):
    def forward(self, ids):
        return self.head(self.mid(torch.tanh(self.mid(self.words(ids).mean(1)))))


class Tied(Words):
    def __init__(self):
        super().__init__(padding_idx=0)

    def build(self):
        self.mid = nn.Linear(H, H)
        self.decoder = nn.Linear(H, 7)
        self.decoder.weight = self.words.weight

    def forward(self, ids):
        return self.decoder(self.mid(self.words(ids)).mean(1))


class Positions(Words):
    """As in BERT: position ids [1, L], broadcast over the batch."""

    def build(self):
        self.places, self.norm = nn.Embedding(9, H), nn.LayerNorm(H)

    def forward(self, ids):
        places = self.places(torch.arange(ids.shape[1])[None])
        return self.head(torch.tanh(self.norm(self.words(ids) + places)).mean(1))


class InPlace(Words):
    def forward(self, ids):
        return self.head(F.relu_(self.mid(self.words(ids))).mean(1))


class InPlaceAfterPooling(Words):
    def forward(self, ids):
        return self.head(F.relu_(self.mid(self.words(ids).mean(1))))


class WideNorm(Words):
    def build(self):
        self.norm, self.mid = nn.LayerNorm((L, H)), nn.Linear(H, H, bias=False)

    def forward(self, ids):
        return self.head(self.norm(self.mid(self.words(ids))).tanh().mean(1))


class FourDimensions(Words):
    def build(self):
        self.mid, self.norm = nn.Linear(H, H), nn.LayerNorm(H)

    def forward(self, ids):
        h = self.words(ids)
        return self.head(self.norm(self.mid(h[:, :, None] * h[:, None])).tanh().mean((1, 2)))


class Unused(Words):
    def build(self):
        self.mid, self.never = nn.Linear(H, H), nn.Linear(H, H)


class Keywords(Words):
    def forward(self, ids):
        return self.head(input=torch.tanh(self.words(input=ids)).mean(1))


TOGETHER = [
    Words, Padded, Twice, TwiceAfterPooling, Tied, Positions, InPlaceAfterPooling, WideNorm, FourDimensions, Unused,
    Keywords,
]  # fmt: skip


class SequenceFirst(Words):
    """As in XLNet: [L, N, H] inside; here with L = N."""

    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids).transpose(0, 1))).mean(0))


class FirstToken(Words):
    """[L, N, H], and only token 0 has a gradient: one example's row alone would look right."""

    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids).transpose(0, 1)))[0])


class Flattened(Words):
    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids).flatten(0, 1))).view(*ids.shape, H).mean(1))


class FlatPositions(Words):
    def build(self):
        self.places = nn.Embedding(9, H)

    def forward(self, ids):
        return self.head(torch.tanh(self.words(ids) + self.places(torch.arange(ids.shape[1]))).mean(1))


class Functional(Words):
    def forward(self, ids):
        return self.head(torch.tanh(F.linear(self.words(ids), self.mid.weight)).mean(1))


class AlsoFunctional(Words):
    def forward(self, ids):
        return self.head(torch.tanh(F.linear(self.mid(self.words(ids)), self.mid.weight)).mean(1))


class RawParameter(Words):
    def build(self):
        self.scale = nn.Parameter(torch.rand(H))

    def forward(self, ids):
        return self.head(torch.tanh(self.scale * self.words(ids)).mean(1))


class Convolution(Words):
    def build(self):
        self.mid = nn.Conv1d(H, H, 2)

    def forward(self, ids):
        return self.head(torch.tanh(self.mid(self.words(ids).mT)).mean(2))


class Attention(Words):
    def build(self):
        self.mid = nn.MultiheadAttention(H, 2, batch_first=True)

    def forward(self, ids):
        h = self.words(ids)
        return self.head(torch.tanh(self.mid(h, h, h)[0]).mean(1))


class OddLinear(nn.Linear):
    def forward(self, x):
        return F.linear(x, 2 * self.weight, self.bias)


class Subclass(Words):
    def build(self):
        self.mid = OddLinear(H, H)


class Scaled(Words):
    def __init__(self):
        super().__init__(scale_grad_by_freq=True)


class Sparse(Words):
    def __init__(self):
        super().__init__(sparse=True)


class Hooked(Words):
    def build(self):
        self.mid = nn.Linear(H, H)
        self.mid.register_forward_hook(lambda module, args, output: output**2)


ALONE = [
    SequenceFirst, FirstToken, Flattened, FlatPositions, InPlace, Functional, AlsoFunctional, RawParameter, Convolution,
    Attention, Subclass, Scaled, Hooked,
]  # fmt: skip
