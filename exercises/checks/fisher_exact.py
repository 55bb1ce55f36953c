"""Against the Hessian of the mean log loss: for a softmax regression it is the Fisher, by another way."""

import torch
from torch.nn import functional

from recall_learn.practice import Mistake, case, wrong


def cases(rng):
    drawn = []
    for n, d, c in ((16, 3, 4), (5, 4, 3), (1, 2, 4), (150, 2, 2)):
        x = torch.tensor(rng.normal(size=(n, d)))
        weights = torch.tensor(1.5 * rng.normal(size=(c, d)))
        drawn.append(case(weights, x, torch.tensor(rng.integers(c, size=n)), number_of_labels=c, batch_size=n))
    return drawn


def reference(weights, x, y):
    def loss(flat):
        return functional.cross_entropy(x @ flat.view_as(weights).T, y)

    hessian = torch.autograd.functional.hessian(loss, weights.flatten())
    return hessian.diagonal().view_as(weights)


def gradients(weights, x, y):
    """One gradient for each example, ``[N, C, D]``."""
    weights = weights.clone().requires_grad_()
    losses = functional.cross_entropy(x @ weights.T, y, reduction="none")
    return torch.stack([torch.autograd.grad(loss, weights, retain_graph=True)[0] for loss in losses])


def of_labels(weights, x):
    """p and the gradient of every label, ``[C, N, 1, 1]`` and ``[C, N, C, D]``."""
    p = torch.softmax(x @ weights.T, 1)
    labels = [torch.full((len(x),), c) for c in range(len(weights))]
    return p.T[:, :, None, None], torch.stack([gradients(weights, x, each) for each in labels])


def twice(weights, x, y):
    p, g = of_labels(weights, x)
    return (p * g).square().sum(0).mean(0)


def batch_mean(weights, x, y):
    p, g = of_labels(weights, x)
    return (p * g).mean(1).square().sum(0)


def favourites(weights, x, y):
    return gradients(weights, x, (x @ weights.T).argmax(1)).square().mean(0)


def of_p(p, x):
    """The mean over the examples of p (1 - p) x^2, whatever p is."""
    return (p * (1 - p)).T @ x.square() / len(x)


def label_by_label(p, x):
    """The same where the p of an example add up to 1, else not."""
    errors = (torch.eye(p.shape[1], dtype=p.dtype)[:, None, :] - p).square()  # label, example, row
    return torch.einsum("nk,knc,nd->cd", p, errors, x.square()) / len(x)


def two_likeliest(weights, x, y):
    p, g = of_labels(weights, x)
    kept = p * (p >= p.sort(0, descending=True).values[:2][-1])
    return (kept * g.square()).sum(0).mean(0)


MISTAKES = [
    Mistake(
        "p went in twice: each square is weighted by p(y|x)^2, and your Fisher is {ratio} times the right one. Did you "
        "multiply a gradient by p and square the product? Square the gradient alone, then weight it, once.",
        twice,
    ),
    Mistake(
        "this is the empirical Fisher: you took the labels of the data, y. The exact one asks the model for every "
        "label and weights each by p(label | x). It needs no y at all.",
        lambda weights, x, y: gradients(weights, x, y).square().mean(0),
    ),
    Mistake(
        "all {number_of_labels} labels count alike in your result, with 1/C. They are the model's own answers: weight "
        "each by the probability p(label | x) that the model gives to it.",
        lambda weights, x, y: of_labels(weights, x)[1].square().mean((0, 1)),
    ),
    Mistake(
        "the squares of the labels are added up without weights. Each counts as much as the model expects that label: "
        "multiply by p(label | x).",
        lambda weights, x, y: of_labels(weights, x)[1].square().mean(1).sum(0),
    ),
    Mistake(
        "you asked for one label of each example only, the model's favourite (argmax). The other labels have a "
        "probability too: sum over all of them, each weighted by its p.",
        favourites,
    ),
    Mistake(
        "the mean over the examples came before the square, and your Fisher is {ratio} times the right one. Square "
        "each example's gradient, for each label, then take the means.",
        batch_mean,
    ),
    *(
        Mistake(
            "your softmax runs over the examples (dim=0 of the [N, C] logits). The probabilities of one example's "
            "labels have to add up to 1: dim=1.",
            lambda weights, x, y, form=form: form(torch.softmax(x @ weights.T, 0), x),
        )
        for form in (of_p, label_by_label)
    ),
    *(
        Mistake(
            "each label's p comes from a sigmoid of its own. The probabilities of one example add up to 1: softmax.",
            lambda weights, x, y, form=form: form(torch.sigmoid(x @ weights.T), x),
        )
        for form in (of_p, label_by_label)
    ),
    Mistake(
        "the squares are weighted by the mean of p over the examples. Each example has its own p(label | x).",
        lambda weights, x, y: (of_labels(weights, x)[0].mean(1, True) * of_labels(weights, x)[1] ** 2).sum(0).mean(0),
    ),
    Mistake(
        "only the most likely two labels of each example count in yours. Sum over all labels.",
        two_likeliest,
    ),
    Mistake(
        "you have the sum over the examples; the Fisher is their mean. Divide by N.",
        lambda weights, x, y: reference(weights, x, y) * len(x),
    ),
]


def is_not_zero(answer, rng):
    weights, x = torch.tensor(rng.normal(size=(3, 2))), torch.tensor(rng.normal(size=(4, 2)))
    found = torch.as_tensor(answer(weights, x, torch.tensor(rng.integers(3, size=4))))
    if found.abs().max() < 1e-9:
        wrong(
            "your Fisher is zero in every entry. Do you average the gradients over the labels, and square afterwards? "
            "Weighted by p they cancel: square the gradient of each label first, then sum over the labels"
        )


def needs_no_labels(answer, rng):
    weights, x = torch.tensor(rng.normal(size=(3, 2))), torch.tensor(rng.normal(size=(6, 2)))
    y = torch.tensor(rng.integers(3, size=6))
    once, again = (torch.as_tensor(answer(weights, x, labels)) for labels in (y, (y + 1) % 3))
    if not torch.allclose(once, again, rtol=1e-3):
        wrong("your Fisher changes when y changes. The exact Fisher does not look at the data's labels")


def draws_nothing(answer, rng):
    weights, x = torch.tensor(rng.normal(size=(3, 2))), torch.tensor(rng.normal(size=(6, 2)))
    y, found = torch.zeros(6, dtype=torch.int64), []
    with torch.random.fork_rng():
        for seed in rng.integers(2**31, size=4).tolist():
            torch.manual_seed(seed)
            found.append(torch.as_tensor(answer(weights, x, y)))
    if not all(torch.allclose(found[0], each, rtol=1e-3) for each in found):
        wrong("two calls give different results, so you draw labels. Here nothing is drawn: sum over every label")


def of_an_untrained_model(answer, rng):
    c, x = int(rng.integers(2, 6)), torch.tensor(rng.normal(size=(5, 3)))
    found = torch.as_tensor(answer(torch.zeros(c, 3, dtype=x.dtype), x, torch.zeros(5, dtype=torch.int64)))
    want = (c - 1) / c**2 * x.square().mean(0).expand(c, 3)
    if not torch.allclose(found.to(want), want, rtol=1e-3):
        wrong(
            "with all weights zero every label has p = 1/C, and each entry has to be (C - 1)/C^2 times the mean of the "
            "squared inputs. Yours is not: work out one label on paper"
        )


LAWS = [is_not_zero, needs_no_labels, draws_nothing, of_an_untrained_model]
