"""What people get wrong in mask_f, and other right answers."""

import numpy as np
import torch

ANEW = """seed = torch.randint(2**40, (), generator=generator)
    new = lambda: torch.Generator().manual_seed(int(seed))
    return"""

COINS = "torch.rand(g.shape, generator=generator)"
TWICE = "(g.numel() + 1) // 2", ".repeat_interleave(2)[: g.numel()].reshape(g.shape)"
OPPOSITE = """def coins(n):
        half = torch.rand((n + 1) // 2, generator=generator)
        return torch.cat([half, 1 - half])[:n] < p
    return [g * coins(g.numel()).reshape(g.shape) / p for g in gradients]
    return"""

MUTANTS = [
    ("does not divide", {" / p for": " for"}, "are not divided by p"),
    ("one coin for a tensor", {"torch.rand(g.shape, ": "torch.rand((), "}, "as a whole"),
    (
        "seeds each tensor",
        {
            "return": ANEW,
            "=generator) <": "=new()) <",
        },
        "two tensors of one shape",
    ),
    ("seeds each call", {"return": "generator.manual_seed(0)\n    return"}, "two calls with the same generator"),
    ("takes dropout's p", {"< p) / p": "> p) / (1 - p)"}, "That is dropout"),
    ("a coin for two neighbours", {COINS: COINS.replace("g.shape", TWICE[0]) + TWICE[1]}, "know of each other"),
    ("a coin and its opposite", {"return": OPPOSITE}, "know of each other"),
    (
        "the generator for the first tensor",
        {"generator=generator)": "generator=generator if g is gradients[0] else None)"},
        "for the first tensor alone",
    ),
    (
        "views what is not contiguous",
        {"[g * (torch.rand(g.shape, ": "[g * (torch.rand(g.view(-1).shape, ", "< p) / p": "< p).view(g.shape) / p"},
        "view size is not compatible",
    ),
    ("forgets the generator", {", generator=generator": ""}, "do not come from the generator"),
]


def by_bernoulli(gradients, p, generator):
    masked = []
    for g in gradients:
        mask = torch.bernoulli(torch.full_like(g, p), generator=generator)
        masked.append(g * mask / p)
    return masked


def through_numpy(gradients, p, generator):
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    return tuple(np.where(rng.random(g.shape) < p, g.numpy() / p, 0) for g in gradients)


def in_one_row(gradients, p, generator):
    row = torch.cat([g.flatten() for g in gradients])
    row = torch.where(torch.rand(row.shape, generator=generator) < p, row / p, 0)
    pieces = row.split([g.numel() for g in gradients])
    return [piece.view(g.shape) for piece, g in zip(pieces, gradients, strict=True)]


OTHERS = [in_one_row, by_bernoulli, through_numpy]
