"""Row by row in NumPy's longest precision; near answers in float32; the gradient by differences."""

import numpy as np
import torch

from recall_learn.practice import Mistake, case, wrong


def drawn(rng, rows, classes, apart=1.0, dtype=torch.float64):
    logits = rng.normal(size=(rows, classes))
    near = logits + apart * rng.normal(size=(rows, classes))
    return [torch.tensor(each, dtype=dtype).requires_grad_() for each in (logits, near)]


def cases(rng):
    shapes = ((4, 3), (2, 5), (3, 2), (1, 6), (5, 4))
    kinds = (torch.float64, torch.float32, torch.float64, torch.float32, torch.float64)
    return [
        case(*drawn(rng, *shape, 1.5, kind), rows=shape[0], classes=shape[1])
        for shape, kind in zip(shapes, kinds, strict=True)
    ]


def logs(logits):
    z = np.array(logits.tolist(), dtype=np.longdouble)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def rows_of(logits, near):
    """KL(p | q) and KL(q | p), one a row."""
    p, q = logs(logits), logs(near)
    return (np.exp(p) * (p - q)).sum(1), (np.exp(q) * (q - p)).sum(1)


def of(combined):
    return lambda logits, near: float(combined(*rows_of(logits, near)))


def reference(logits, near):
    return torch.tensor(of(lambda there, back: (there + back).mean())(logits, near), dtype=torch.float64)


def middle(logits, near):
    """Jensen and Shannon's."""
    p, q = np.exp(logs(logits)), np.exp(logs(near))
    m = (p + q) / 2
    return float((p * np.log(p / m) + q * np.log(q / m)).sum(1).mean() / 2)


def squares(logits, near):
    p, q = np.exp(logs(logits)), np.exp(logs(near))
    return float(((p - q) ** 2).sum(1).mean())


MISTAKES = [
    Mistake("that is KL(p | q) alone. Add the way back, KL(q | p).", of(lambda there, back: there.mean())),
    Mistake("that is KL(q | p) alone. Add the other way, KL(p | q).", of(lambda there, back: back.mean())),
    Mistake(
        "you take the mean of the two divergences. Here it is their sum.",
        of(lambda there, back: (there + back).mean() / 2),
    ),
    Mistake(
        "you sum over the rows. Take their mean, or the penalty grows with the batch.",
        of(lambda there, back: (there + back).sum()),
    ),
    Mistake(
        "you take the mean over the classes ({classes}), too. Sum over them.",
        lambda logits, near: float(reference(logits, near)) / logits.shape[1],
    ),
    Mistake(
        "yours is in bits: the logarithm is the natural one.",
        of(lambda there, back: (there + back).mean() / np.log(2)),
    ),
    Mistake("one divergence is taken off the other. Add them.", of(lambda there, back: (there - back).mean())),
    Mistake("you compare both with their middle. Compare them with each other.", middle),
    Mistake("that is the squared difference of the probabilities, and no divergence.", squares),
]


def play(entry, logits, near, slope=False):
    """The penalty; or its gradients at the two logits."""
    found = entry(logits, near)
    if not slope:
        return found
    gradients = [None, None]
    if isinstance(found, torch.Tensor) and found.requires_grad:
        gradients = torch.autograd.grad(found, [logits, near], allow_unused=True)
    for name, each in zip(("logits", "near"), gradients, strict=True):
        if each is None:
            wrong(
                f"your penalty has no gradient at `{name}`. Both answers are the model's: leave out detach(), item(), "
                "no_grad and NumPy on the way from either of them"
            )
    return tuple(gradients)


def holds_where_both_nearly_agree(answer, rng):
    for apart in (1e-3, 1e-4):
        given = drawn(rng, 64, 3, apart, torch.float32)
        found, right = float(answer(*given)), float(reference(*given))
        if not abs(found - right) < 0.02 * right:
            wrong(
                f"two answers in float32 that are {apart:g} apart disagree by {right:.3g} nats, and yours says "
                f"{found:.3g}. Terms of both signs cancel and leave rounding: write both divergences as one sum, of "
                "terms that are at least 0"
            )


def pulls_at_both(answer, rng):
    given = drawn(rng, 2, 3)
    found = answer(*given, True)
    for which, gradient in enumerate(found):
        want = np.zeros(given[which].shape)
        for place in np.ndindex(*want.shape):
            ends = []
            for sign in (1, -1):
                moved = [each.detach().clone() for each in given]
                moved[which][place] += sign * 1e-4
                ends.append(float(reference(*moved)))
            want[place] = (ends[0] - ends[1]) / 2e-4
        if not np.allclose(np.array(gradient.tolist()), want, atol=1e-4):
            wrong(
                f"the gradient at `{('logits', 'near')[which]}` is not the penalty's. Is a part of it detached? Both "
                "answers are the model's"
            )


def is_nothing_where_both_agree(answer, rng):
    logits, _ = drawn(rng, 3, 4)
    if abs(float(answer(logits, logits.detach().clone().requires_grad_()))) > 1e-9:
        wrong("where both say the same the penalty is 0, and yours is not")


LAWS = [holds_where_both_nearly_agree, pulls_at_both, is_nothing_where_both_agree]
