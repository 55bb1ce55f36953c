"""What people get wrong in slowest_shift, and other right answers."""

import math

import torch

MUTANTS = [
    ("divides by all steps", {"(steps - 1)": "steps"}, "T - 1 steps between"),
    ("puts t0 in the middle", {"1 + first / k": "(1 + steps) / 2"}, "t0 is the middle"),
    ("takes the logarithm to base 10", {"np.log(": "np.log10("}, "to base 10"),
    ("leaves out 1 - a", {"(1 - a) / a": "1 / a", "(1 - b) / b": "1 / b"}, "you have ln(1 / a)"),
    ("takes 4.39", {"(first + last)": "2 * np.log(9)"}, "2 ln 9"),
    ("has a largest k", {"return k": "k = min(k, 10.0)\n    return k"}, "your result[0] is 10;"),
    ("counts t0 from zero", {"1 + first / k": "first / k"}, "one step early"),
]


def as_a_line(a, b, steps):
    low, high = (math.log(p) - math.log1p(-p) for p in (a, 1 - b))
    k = (high - low) / (steps - 1)
    return [k, (high - k * steps) / -k]


def in_torch(a, b, steps):
    low, high = torch.logit(torch.tensor([a, 1 - b], dtype=torch.float64))
    return torch.stack([(high - low) / (steps - 1), 1 - low * (steps - 1) / (high - low)])


OTHERS = [as_a_line, in_torch]
