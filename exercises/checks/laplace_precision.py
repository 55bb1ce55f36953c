"""Against torch's second derivatives of the loss as the statement writes it."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as log_loss

from recall_learn.practice import Mistake, case, wrong


def drawn(rng, n, d):
    x = torch.tensor(rng.normal(size=(n, d)) * rng.uniform(0.5, 2, size=d))
    theta = torch.tensor(rng.normal(size=d))
    labels = torch.tensor(rng.uniform(size=n)) < torch.sigmoid(x @ theta)
    tau = float(rng.choice([rng.uniform(0.2, 0.6), rng.uniform(1.7, 5)]))
    return theta, x, labels.double(), tau


def cases(rng):
    shapes = ((20, 2), (6, 3), (40, 4), (9, 1), (3, 5))
    return [case(*drawn(rng, n, d), number_of_examples=n) for n, d in shapes]


def reference(theta, x, y, precision):
    def loss(weights):
        return log_loss(x @ weights, y, reduction="sum") + 0.5 * precision * weights.square().sum()

    return torch.autograd.functional.hessian(loss, theta)


def without_prior(theta, x, y):
    return reference(theta, x, y, 0.0)


def weighted(x, each):
    return sum(weight * torch.outer(row, row) for weight, row in zip(each, x, strict=True))


def prior(theta, precision):
    return precision * torch.eye(len(theta), dtype=theta.dtype)


def by_gradients(theta, x, y, tau):
    return weighted(x, (torch.sigmoid(x @ theta) - y) ** 2) + prior(theta, tau)


def by_first_derivative(theta, x, y, tau):
    return weighted(x, torch.sigmoid(x @ theta) - y) + prior(theta, tau)


def bends(theta, x):
    p = torch.sigmoid(x @ theta)
    return p, p * (1 - p)


def weighted_prior(each):
    """The right examples' part, with a prior of ``each(theta)`` times tau on the diagonal."""
    return lambda theta, x, y, tau: without_prior(theta, x, y) + tau * torch.diag(each(theta))


MISTAKES = [
    Mistake(
        "your matrix is minus the right one. The Hessian of the log posterior is negative where the posterior peaks; "
        "asked for is that of minus the log posterior, which is Loss_S as it is written.",
        lambda *given: -reference(*given),
    ),
    Mistake(
        "your examples' part has the wrong sign, and the prior the right one. Both bend the loss upwards: add them.",
        lambda theta, x, y, tau: prior(theta, tau) - without_prior(theta, x, y),
    ),
    Mistake(
        "you take the prior off. It bends the loss upwards, as the examples do: add it.",
        lambda theta, x, y, tau: without_prior(theta, x, y) - prior(theta, tau),
    ),
    Mistake(
        "your prior's part is tau theta_i^2 on the diagonal. The loss holds 1/2 tau theta_i^2; differentiate it twice "
        "by theta_i, and no theta is left.",
        weighted_prior(torch.square),
    ),
    Mistake(
        "your prior's part is 1/2 tau theta_i^2 on the diagonal, as it stands in the loss. Differentiate it twice by "
        "theta_i, and no theta is left.",
        weighted_prior(lambda theta: theta.square() / 2),
    ),
    Mistake(
        "your prior's part is tau theta_i on the diagonal. That is the first derivative of 1/2 tau theta_i^2. "
        "Differentiate once more.",
        weighted_prior(lambda theta: theta),
    ),
    Mistake(
        "you weight the examples by the square of p (1 - p). One factor p (1 - p) is right: x is what comes in twice.",
        lambda theta, x, y, tau: weighted(x, bends(theta, x)[1] ** 2) + prior(theta, tau),
    ),
    Mistake(
        "you weight the examples by (1 - 2p) p (1 - p). That is the third derivative by the logit: you have "
        "differentiated once too often.",
        lambda theta, x, y, tau: weighted(x, (1 - 2 * bends(theta, x)[0]) * bends(theta, x)[1]) + prior(theta, tau),
    ),
    Mistake(
        "the prior is missing. It is part of the loss, so it bends too: tau times the identity. Where the data say "
        "nothing it is all there is.",
        lambda theta, x, y, tau: without_prior(theta, x, y),
    ),
    Mistake(
        "you have the mean over the {number_of_examples} examples, and the log posterior is their sum. Each further "
        "example makes the posterior narrower.",
        lambda theta, x, y, tau: without_prior(theta, x, y) / len(x) + prior(theta, tau),
    ),
    Mistake(
        "everything is divided by the number of examples ({number_of_examples} here). Minus the log posterior is a "
        "sum, with the prior in it once.",
        lambda *given: reference(*given) / len(given[1]),
    ),
    Mistake(
        "your prior counts once for each of the {number_of_examples} examples. It was there before the data: add it "
        "once, to their sum.",
        lambda theta, x, y, tau: without_prior(theta, x, y) + len(x) * prior(theta, tau),
    ),
    Mistake(
        "you weight the examples by p. The second derivative of log(1 + e^z) is p (1 - p): an example that the model "
        "is sure of, either way, bends nothing.",
        lambda theta, x, y, tau: weighted(x, torch.sigmoid(x @ theta)) + prior(theta, tau),
    ),
    Mistake(
        "you weight the examples by p - y. That is the first derivative by the logit. Differentiate once more.",
        by_first_derivative,
    ),
    Mistake(
        "the examples all count the same in yours. Each is weighted by p (1 - p).",
        lambda theta, x, y, tau: weighted(x, torch.ones_like(y)) + prior(theta, tau),
    ),
    Mistake(
        "the prior is in every entry of your matrix (a number plus a matrix adds it everywhere). It holds each weight "
        "by itself, so it belongs on the diagonal: tau times the identity.",
        lambda theta, x, y, tau: without_prior(theta, x, y) + tau,
    ),
    Mistake(
        "you add the prior's variance, 1 / tau. Precisions add, and tau is one.",
        lambda theta, x, y, tau: reference(theta, x, y, 1 / tau),
    ),
    Mistake(
        "your prior bends twice as much as it should. The loss holds 1/2 tau theta^2: its second derivative is tau.",
        lambda theta, x, y, tau: reference(theta, x, y, 2 * tau),
    ),
    Mistake(
        "your prior bends half as much as it should. The second derivative of 1/2 tau theta^2 is tau.",
        lambda theta, x, y, tau: reference(theta, x, y, tau / 2),
    ),
    Mistake(
        "you have the outer products of the gradients, (p - y)^2 x x^T. That is the empirical Fisher information "
        "(lesson 3), and it holds first derivatives only. The Hessian wants the second: y drops out.",
        by_gradients,
    ),
    Mistake(
        "this is the inverse of the Hessian: the covariance of the posterior. Asked for is its precision, H itself.",
        lambda *given: torch.linalg.inv(reference(*given)),
    ),
    Mistake(
        "you have the diagonal of H, and zeros beside it. Two weights whose inputs vary together bend together: keep "
        "all of x x^T.",
        lambda *given: torch.diag(reference(*given).diagonal()),
    ),
]


def does_not_ask_for_labels(answer, rng):
    theta, x, y, tau = drawn(rng, 8, 3)
    if not torch.allclose(*(torch.as_tensor(answer(theta, x, each, tau)).double() for each in (y, 1 - y)), rtol=1e-3):
        wrong("your Hessian changes when the labels do, and y drops out with the second derivative")


def beside_the_examples(answer, theta, x, y, tau):
    """Twice the answer, less that to the same examples twice: the prior's part, if the rest is a sum over them."""
    once = torch.as_tensor(answer(theta, x, y, tau)).double()
    twice = torch.as_tensor(answer(theta, torch.cat([x, x]), torch.cat([y, y]), tau)).double()
    return 2 * once - twice


def adds_examples_and_prior(answer, rng):
    theta, x, y, tau = drawn(rng, 8, 3)
    found, other = (beside_the_examples(answer, theta, rows, y, tau) for rows in (x, x.flip(1) + 0.5))
    if not torch.allclose(found, other, rtol=1e-3, atol=1e-3):
        wrong("the same examples twice should bend the loss twice as much, prior apart")
    if not torch.allclose(found, prior(theta, tau), rtol=1e-3, atol=1e-3):
        shown = ", ".join(f"{float(each):.3g}" for each in found.diagonal())
        wrong(
            f"the prior's part has to be tau times the identity. What does not come from the examples in yours has the "
            f"diagonal ({shown}) for tau = {tau:.3g}"
            + ("" if torch.allclose(found, torch.diag(found.diagonal()), atol=1e-3) else ", and is not 0 beside it")
        )


def bears_a_large_logit(answer, rng):
    _, x, y, tau = drawn(rng, 4, 2)
    theta = torch.tensor([1.0, 0.0], dtype=x.dtype)
    far = torch.stack([torch.tensor([2000.0, -2000.0, 1500.0, -1500.0], dtype=x.dtype), x[:, 1]], dim=1)
    found = torch.as_tensor(answer(theta, far, y, tau)).double()
    if not torch.allclose(found, prior(theta, tau), rtol=1e-3, atol=1e-3):
        broken = ". An exp has overflowed, or a 0 was divided by a 0" if not found.isfinite().all() else ""
        wrong(
            "for logits of 1,500 and more the model is sure, and only the prior is left: tau times the identity. Yours "
            f"begins with {float(found.flatten()[0]):g}{broken}"
        )


LAWS = [does_not_ask_for_labels, adds_examples_and_prior, bears_a_large_logit]
