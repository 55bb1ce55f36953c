"""Against torch's derivative of the objective itself, with a task whose loss is a straight line."""

import numpy as np
import torch

from recall_learn.practice import Mistake, case, wrong
from recall_learn.practice.compare import array

HEADS = ("classifier.weight", "score.weight", "head.bias", "qa_outputs.weight", "layer.1.weight", "layer.score.weight")


def drawn(rng, d, lam, head, dtype=torch.float64):
    """A part without a gradient, a head anywhere among the names, and each dictionary in an order of its own."""
    square = ["layer.0.head.weight", "layer.1.pooler.weight", head]
    shapes = {"embeddings.weight": (d + 1, d), "layer.0.bias": (d,)} | dict.fromkeys(square, (d, d))
    names = [str(name) for name in rng.permutation(list(shapes))]
    names.insert(int(rng.integers(len(names) - 1)), names.pop(names.index(head)))  # the head is not the last
    turned = [square[(square.index(name) + 1) % 3] if name in square else name for name in names]
    gradients, weights, anchors = (
        {name: torch.tensor(rng.normal(size=shapes[name]), dtype=dtype) for name in order}
        for order in (names, turned, names[::-1])
    )
    gradients["layer.1.pooler.weight"].zero_()
    del anchors[head]
    return gradients, weights, anchors, lam, float(rng.uniform(2.5, 8))


def cases(rng):
    heads = ["layer.score.weight", *map(str, rng.permutation(HEADS))]
    parts = rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.9), 0.25, 0.8, 0.0, 1.0
    built = [drawn(rng, d, float(lam), head) for d, lam, head in zip((2, 3, 4, 1, 2, 2), parts, heads[:6], strict=True)]
    built.append(drawn(rng, 2, 0.5, "head.weight", torch.float32))
    return [case(*each, gamma=each[4], lam=each[3]) for each in built]


def of_objective(objective):
    """The gradient of an objective of (Loss_T, Loss_S, lambda) by autograd; the head's own is left alone."""

    def function(gradients, weights, anchors, lam, gamma, home=1.0):
        found = {}
        for name, gradient in gradients.items():
            theta = weights[name].clone().requires_grad_()
            task = (gradient * theta).sum()
            if name in anchors:
                spring = gamma / 2 * (theta - home * anchors[name]).square().sum()
                task = objective(task, spring, lam)
            found[name] = torch.autograd.grad(task, theta)[0]
        return found

    return function


def shifted(task, spring, lam):
    return lam * task + (1 - lam) * spring


reference = of_objective(shifted)


def with_head(gradients, weights, anchors, lam, gamma):
    """Lambda for the head as well."""
    head = {name: lam * gradient for name, gradient in gradients.items() if name not in anchors}
    return reference(gradients, weights, anchors, lam, gamma) | head


def head_to_zero(gradients, weights, anchors, lam, gamma):
    zeros = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    return reference(gradients, weights, zeros | anchors, lam, gamma)


def by_name(gradients, *others):
    """Everything with "head" in its name is left alone."""
    kept = {name: gradient for name, gradient in gradients.items() if "head" in name}
    return reference(gradients, *others) | kept


def without_head(*arguments):
    return {name: each for name, each in reference(*arguments).items() if name in arguments[2]}


def told_by_part(gradients, weights, anchors, lam, gamma):
    """Lambda for a head whose name begins as a part of the encoder does."""
    first = {name.split(".")[0] for name in anchors}
    alone = {n: lam * g for n, g in gradients.items() if n not in anchors and n.split(".")[0] in first}
    return reference(gradients, weights, anchors, lam, gamma) | alone


def in_order(gradients, weights, anchors, lam, gamma):
    """The weights as they come."""
    return reference(gradients, dict(zip(gradients, weights.values(), strict=True)), anchors, lam, gamma)


def without_spring(gradients, weights, anchors, lam, gamma):
    """Parts without a gradient left alone."""
    still = {name: gradient for name, gradient in gradients.items() if not gradient.any()}
    return reference(gradients, weights, anchors, lam, gamma) | still


MISTAKES = [
    Mistake(
        "lambda and 1 - lambda are exchanged. Lambda is the task's part, and grows.",
        of_objective(lambda task, spring, lam: shifted(spring, task, lam)),
    ),
    Mistake(
        "your spring pulls to zero: that is weight decay. It is fixed at the anchor, so its gradient has weight - "
        "anchor in it.",
        lambda *arguments: reference(*arguments, home=0.0),
    ),
    Mistake(
        "gamma is not in yours. In this case it is {gamma}, and the spring is that many times as stiff.",
        lambda gradients, weights, anchors, lam, gamma: reference(gradients, weights, anchors, lam, 1.0),
    ),
    Mistake(
        "the spring's part is twice the right one. The 2 from the square meets the 1/2 in front of gamma.",
        of_objective(lambda task, spring, lam: shifted(task, 2 * spring, lam)),
    ),
    Mistake(
        "the spring's part is half the right one. The 1/2 in front of gamma meets the 2 from the square: neither "
        "stays.",
        of_objective(lambda task, spring, lam: shifted(task, spring / 2, lam)),
    ),
    Mistake(
        "your spring pushes away from home. The derivative of (theta - theta*)^2 points from theta* to theta, and a "
        "step goes against it.",
        of_objective(lambda task, spring, lam: shifted(task, -spring, lam)),
    ),
    Mistake(
        "the task has its whole gradient in yours: lambda belongs before it.",
        of_objective(lambda task, spring, lam: task + (1 - lam) * spring),
    ),
    Mistake(
        "the spring has its whole gradient in yours: 1 - lambda belongs before it.",
        of_objective(lambda task, spring, lam: lam * task + spring),
    ),
    Mistake(
        "the head's gradient is multiplied by lambda in yours. It has no anchor, and keeps the gradient of Loss_T: so "
        "it learns while the rest is still held.",
        with_head,
    ),
    Mistake(
        "the head has a spring in yours, as if its home were zero. It has no anchor, and keeps the gradient of Loss_T.",
        head_to_zero,
    ),
    Mistake(
        "lambda is not in yours: you have the plain sum of both gradients. One gets lambda, the other 1 - lambda.",
        of_objective(lambda task, spring, lam: task + spring),
    ),
    Mistake(
        'you tell the head by its name, and a part of the encoder has "head" in its name too. Ask whether the name '
        "is in `anchors`.",
        by_name,
    ),
    Mistake(
        "you tell the head by the first part of its name. A head may be called `layer.score.weight`, beside "
        "`layer.0.bias` of the encoder. Ask whether the name is in `anchors`.",
        told_by_part,
    ),
    Mistake(
        "you pair tensors by their place in the dictionaries. Their names may come in different orders, and a name "
        "says what belongs together: `weights[name]`.",
        in_order,
    ),
    Mistake(
        "a part whose gradient of Loss_T is 0 has no spring in yours. It has an anchor, and is pulled home.",
        without_spring,
    ),
    Mistake(
        "a bias keeps the gradient of Loss_T in yours. It has an anchor, so it has lambda and a spring as well.",
        lambda gradients, *others: (
            reference(gradients, *others) | {name: each for name, each in gradients.items() if each.dim() == 1}
        ),
    ),
    Mistake(
        "a lambda of 0 is replaced by 1, with `lam or 1`, say. It is the moment at which only the spring counts.",
        lambda gradients, weights, anchors, lam, gamma: reference(gradients, weights, anchors, lam or 1.0, gamma),
    ),
    Mistake("the head is not in your result. It has no anchor, and keeps the gradient of Loss_T.", without_head),
]


def ends_where_both_balance(answer, rng):
    """Descent on the objective of a quadratic task comes to the minimum that can be written down."""
    curvature, lowest, home = (torch.tensor(rng.uniform(0.5, 2.0, size=3)) for _ in range(3))
    lam, gamma, theta = 0.4, 1.5, torch.zeros(3, dtype=torch.float64)
    for _ in range(40):
        slope = answer({"w": curvature * (theta - lowest)}, {"w": theta}, {"w": home}, lam, gamma)["w"]
        theta = theta - 0.3 * torch.as_tensor(slope, dtype=torch.float64)
    stiff = (1 - lam) * gamma
    best = (lam * curvature * lowest + stiff * home) / (lam * curvature + stiff)
    if not np.allclose(array(theta), array(best), atol=1e-3):
        wrong("a descent on your gradient does not end at the minimum of lambda Loss_T + (1 - lambda) Loss_S")


LAWS = [ends_where_both_balance]
