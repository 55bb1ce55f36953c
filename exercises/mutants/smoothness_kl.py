"""What people get wrong in smoothness_kl, and other right answers."""

import torch
from torch.nn import functional

RIGHT = "((p.exp() - q.exp()) * (p - q)).sum(-1).mean()"
THERE, BACK = "(p.exp() * (p - q)).sum(-1).mean()", "(q.exp() * (q - p)).sum(-1).mean()"
BOTH = "p, q = torch.log_softmax(logits, -1), torch.log_softmax(near, -1)"
BY_SOFTMAX = "p, q = logits.softmax(-1), near.softmax(-1)"
RATIOS = "(p * (p / q).log() + q * (q / p).log()).sum(-1).mean()"

MUTANTS = [
    ("goes there alone", {RIGHT: THERE}, "that is KL(p | q) alone"),
    ("goes back alone", {RIGHT: BACK}, "that is KL(q | p) alone"),
    ("halves", {RIGHT: f"0.5 * {RIGHT}"}, "the mean of the two divergences"),
    ("sums over rows", {".sum(-1).mean()": ".sum()"}, "you sum over the rows"),
    ("takes the mean over classes", {".sum(-1).mean()": ".mean()"}, "the mean over the classes"),
    ("counts bits", {RIGHT: f"{RIGHT} / torch.log(torch.tensor(2.0))"}, "yours is in bits"),
    ("subtracts", {RIGHT: f"{THERE} - {BACK}"}, "taken off the other"),
    ("squares", {RIGHT: "(p.exp() - q.exp()).square().sum(-1).mean()"}, "and no divergence"),
    ("loses digits", {BOTH: BY_SOFTMAX, RIGHT: RATIOS}, "Terms of both signs cancel"),
    ("detaches the second", {"(near, -1)": "(near.detach(), -1)"}, "no gradient at `near`"),
    (
        "detaches one factor",
        {"q.exp()) *": "q.exp()).detach() *"},
        "Is a part of it detached?",
    ),
]


def by_ratio(logits, near):
    """q (r - 1) log r, with the ratio r = p / q."""
    q = torch.log_softmax(near, -1)
    way = torch.log_softmax(logits, -1) - q
    return (q.exp() * torch.expm1(way) * way).sum(-1).mean()


def in_float64(logits, near):
    p, q = (functional.log_softmax(each.double(), -1) for each in (logits, near))
    options = {"reduction": "batchmean", "log_target": True}
    return functional.kl_div(q, p, **options) + functional.kl_div(p, q, **options)


OTHERS = [by_ratio, in_float64]
