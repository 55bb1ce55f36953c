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

REPEATED = "torch.rand(512, generator=generator).repeat(g.numel() // 512 + 1)[: g.numel()].reshape(g.shape)"
EXACT = """n = sum(g.numel() for g in gradients)
    kept = (torch.randperm(n, generator=generator) < round(p * n)).split([g.numel() for g in gradients])
    return [g * coins.reshape(g.shape) / p for g, coins in zip(gradients, kept)]
    return"""
SEEDED = "torch.manual_seed(int(torch.randint(2**40, (), generator=generator)))\n    return"

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
    (
        "masks the first two alone",
        {"in gradients]": "in gradients[:2]] + [g.clone() for g in gradients[2:]]"},
        "in gradient 2, of shape",
    ),
    ("leaves a single number alone", {"[g * (": "[g if not g.ndim else g * ("}, "in gradient 4, of shape []"),
    ("looks at the sign", {"< p) /": "< p * (1 + 0.2 * g.sign() * (1 - p))) /"}, "does not look at the gradient"),
    ("coins that repeat", {COINS: REPEATED}, "know of each other"),
    ("an exact share of all", {"return": EXACT}, "in every call"),
    (
        "seeds the global generator",
        {"return": SEEDED, "(g.shape, generator=generator)": "(g.shape)"},
        "global generator",
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
