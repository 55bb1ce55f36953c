"""What people get wrong in mask_f, and other right answers."""

import numpy as np
import torch

ANEW = """seed = torch.randint(2**40, (), generator=generator)
    new = lambda: torch.Generator().manual_seed(int(seed))
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


OTHERS = [by_bernoulli, through_numpy]
