"""Against torch's own gradients, one example at a time."""

import torch

from recall_learn.practice import Mistake, case, wrong


def cases(rng):
    drawn = []
    for n, d, c in ((16, 3, 2), (5, 4, 3), (1, 2, 4), (150, 2, 3)):
        x = torch.tensor(rng.normal(size=(n, d)))
        weights = torch.tensor(rng.normal(size=(c, d)))
        y = torch.tensor(rng.integers(c if n > 1 else 1, size=n))  # not each label is there: one example has label 0
        drawn.append(case(weights, x, y, batch_size=n))
    return drawn


def gradients(weights, x, y):
    """One gradient for each example, ``[N, C, D]``."""
    weights = weights.clone().requires_grad_()
    losses = torch.nn.functional.cross_entropy(x @ weights.T, y, reduction="none")
    return torch.stack([torch.autograd.grad(loss, weights, retain_graph=True)[0] for loss in losses])


def reference(weights, x, y):
    return gradients(weights, x, y).square().mean(0)


def argmax(weights, x, y):
    return reference(weights, x, (x @ weights.T).argmax(1))


def exact(weights, x, y):
    p = torch.softmax(x @ weights.T, 1)
    labels = [torch.full_like(y, c) for c in range(len(weights))]
    return sum((p[:, c, None, None] * gradients(weights, x, each).square()).mean(0) for c, each in enumerate(labels))


def by_hand(p, x, y):
    """The mean square of (e_y - p) x^T, whatever p is."""
    error = torch.eye(p.shape[1], dtype=p.dtype)[y] - p
    return (error[:, :, None] * x[:, None, :]).square().mean(0)


def wrong_dimension(weights, x, y):
    return by_hand(torch.softmax(x @ weights.T, 0), x, y)


def wrong_dimension_by_autograd(weights, x, y):
    weights = weights.clone().requires_grad_()
    logs = torch.log_softmax(x @ weights.T, 0)[torch.arange(len(x)), y]
    found = [torch.autograd.grad(each, weights, retain_graph=True)[0] for each in logs]
    return torch.stack(found).square().mean(0)


def softmax_twice(weights, x, y):
    weights = weights.clone().requires_grad_()
    losses = torch.nn.functional.cross_entropy(torch.softmax(x @ weights.T, 1), y, reduction="none")
    found = [torch.autograd.grad(loss, weights, retain_graph=True)[0] for loss in losses]
    return torch.stack(found).square().mean(0)


def label_p(weights, x, y):
    """The probability of each example's label, ``[N, 1, 1]``."""
    return torch.softmax(x @ weights.T, 1)[torch.arange(len(x)), y][:, None, None]


def label_rows(weights, x, y):
    own = torch.eye(len(weights), dtype=x.dtype)[y][:, :, None]
    return (own * gradients(weights, x, y)).square().mean(0)


WRONG_DIMENSION = (
    "your softmax runs over the examples (dim=0 of the [N, C] logits). The probabilities of one example's classes have "
    "to add up to 1: dim=1."
)
TWICE = (
    "this is what comes out with the softmax taken twice. `cross_entropy` and `log_softmax` take logits and do it "
    "themselves: hand them x @ weights.T."
)

MISTAKES = [
    Mistake(
        "your Fisher is {ratio} times the reference, and your batch is {batch_size}: did you square the batch mean? "
        "Square each example's gradient first, then take the mean.",
        lambda weights, x, y: gradients(weights, x, y).mean(0).square(),
    ),
    Mistake(
        "you have the sum over the examples; the Fisher is their mean.",
        lambda weights, x, y: gradients(weights, x, y).square().sum(0),
    ),
    Mistake(
        "you add up the gradients of the examples before you square. Square each example's gradient first.",
        lambda weights, x, y: gradients(weights, x, y).sum(0).square(),
    ),
    Mistake(
        "you add up the gradients of the examples before you square, and divide by N. Square each example's gradient "
        "first, then take the mean.",
        lambda weights, x, y: gradients(weights, x, y).sum(0).square() / len(x),
    ),
    Mistake(
        "you take the mean size of the derivatives, without a square: square each, then take the mean.",
        lambda weights, x, y: gradients(weights, x, y).abs().mean(0),
    ),
    Mistake(
        "this is the root of the Fisher. The mean of the squares is asked for as it is.",
        lambda weights, x, y: reference(weights, x, y).sqrt(),
    ),
    Mistake(
        "each label's p comes from a sigmoid of its own. The probabilities of one example add up to 1: softmax.",
        lambda weights, x, y: by_hand(torch.sigmoid(x @ weights.T), x, y),
    ),
    Mistake(
        "you divide by the number of labels. The mean is over the {batch_size} examples.",
        lambda weights, x, y: gradients(weights, x, y).square().sum(0) / len(weights),
    ),
    Mistake(
        "you divide by N - 1. No mean was taken off the gradients, so no degree of freedom is lost: divide by N.",
        lambda weights, x, y: gradients(weights, x, y).square().sum(0) / (len(x) - 1),
    ),
    Mistake(
        "your labels are the model's favourites (argmax). The empirical Fisher takes the labels of the data, y.", argmax
    ),
    Mistake(
        "this is the exact Fisher, which asks the model for all labels. The empirical one takes those of the data, y.",
        exact,
    ),
    Mistake(
        "you take the variance of the gradients: their mean is taken off before the squares. Leave it in.",
        lambda weights, x, y: gradients(weights, x, y).var(0, unbiased=False),
    ),
    Mistake(WRONG_DIMENSION, wrong_dimension),
    Mistake(WRONG_DIMENSION, wrong_dimension_by_autograd),
    Mistake(TWICE, softmax_twice),
    Mistake(TWICE, lambda weights, x, y: by_hand(torch.softmax(torch.softmax(x @ weights.T, 1), 1), x, y)),
    Mistake(
        "you have the derivative of p(y), and the Fisher wants that of log p(y): it is larger, by 1 / p(y).",
        lambda weights, x, y: (label_p(weights, x, y) * gradients(weights, x, y)).square().mean(0),
    ),
    Mistake(
        "each example fills the row of its own label only. The other rows have a derivative too: the weights of class "
        "c change log p(y) through the softmax, by -p_c x.",
        label_rows,
    ),
    Mistake(
        "your gradients pile up: each holds those of the examples before it. `backward` adds to `.grad`: set it to "
        "None or zero before each example, or call `torch.autograd.grad`.",
        lambda weights, x, y: gradients(weights, x, y).cumsum(0).square().mean(0),
    ),
]


def is_never_negative(answer, rng):
    x, weights = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=(2, 3)))
    if (torch.as_tensor(answer(weights, x, torch.tensor(rng.integers(2, size=6)))) < 0).any():
        wrong("an entry of your Fisher is negative, and a mean of squares cannot be")


def draws_nothing(answer, rng):
    x, weights = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=(4, 3)))
    y, found = torch.tensor(rng.integers(4, size=6)), []
    for seed in rng.integers(2**31, size=4).tolist():
        torch.manual_seed(seed)
        found.append(torch.as_tensor(answer(weights, x, y)))
    if not all(torch.allclose(found[0], each, rtol=1e-3) for each in found):
        wrong("two calls with the same arguments give different results. Nothing is drawn here: take the labels y")


def does_not_depend_on_the_order(answer, rng):
    x, weights = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=(2, 3)))
    y = torch.tensor(rng.integers(2, size=6))
    once, again = answer(weights, x, y), answer(weights, x.flip(0), y.flip(0))
    if not torch.allclose(torch.as_tensor(once), torch.as_tensor(again), rtol=1e-3):
        wrong("your Fisher changes when the examples come in another order")


LAWS = [draws_nothing, is_never_negative, does_not_depend_on_the_order]
