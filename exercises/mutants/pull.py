"""What people get wrong in pull, and other right answers."""

import numpy as np
import torch

MUTANTS = [
    ("exchanges lambda", {"(1 - lam)": "lam"}, "are exchanged"),
    ("pulls to zero", {"(theta - anchor)": "theta"}, "weight decay"),
    ("forgets the learning rate", {"lr * (1 - lam)": "(1 - lam)"}, "learning rate is not in your share"),
    ("diverges from 1 on", {'"overshoots" if c < 2 else "diverges"': '"diverges"'}, "nearer than it was"),
    ("differentiates without the half", {"lr * (1": "2 * lr * (1"}, "cancels the 1/2"),
    ("gives back the argument", {"    after =": "    after = theta if c == 0 else"}, "share their memory"),
    ("gives back the anchor", {"    after =": "    after = anchor if c == 1 else"}, "share their memory"),
    ("looks at the weights", {"c <= 1": "((1 - c) * (theta - anchor) ** 2 >= 0).all()"}, "weights at their anchors"),
    ("is rough at the limit", {"c <= 1": "c <= 1.05"}, "your result[1] is 'holds'; it has to be 'overshoots'"),
    ("returns the displacement", {"theta - c * (theta - anchor)": "(1 - c) * (theta - anchor)"}, "weight itself"),
]


def interpolated(theta, anchor, lr, lam, gamma):
    share = gamma * (lr - lr * lam)
    names = ["holds", "overshoots", "diverges"]
    return torch.lerp(theta, anchor, share), names[(share > 1) + (share >= 2)]


def by_the_factor(theta, anchor, lr, lam, gamma):
    factor = 1 - (1 - lam) * (lr * gamma)
    after = anchor.numpy() + factor * (theta.numpy() - anchor.numpy())
    return [np.asarray(after), "holds" if factor >= 0 else "diverges" if abs(factor) >= 1 else "overshoots"]


OTHERS = [interpolated, by_the_factor]
