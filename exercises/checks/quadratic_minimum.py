"""Against least squares: both parts are squared lengths, stacked into one."""

import copy

import numpy as np
import torch

from recall_learn.practice import Mistake, case, same, wrong
from recall_learn.practice.values import plain


def drawn(rng, d, dtype=torch.float64):
    """A bowl whose valley does not lie along an axis, a Fisher, and two minima apart."""
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    hessian = axes @ np.diag(np.geomspace(0.3, 3.0, d)) @ axes.T + 0.3 * np.ones((d, d))
    values = hessian, rng.normal(size=d), rng.gamma(2.0, 0.5, size=d), rng.normal(size=d) + 1
    return [torch.tensor(each, dtype=dtype) for each in values]


def cases(rng):
    found = []
    for d, size in ((2, 0.4), (3, 2.5), (5, 1.7), (4, 6.0), (1, 2.0)):
        hessian, minimum, fisher, anchors = drawn(rng, d, torch.float32 if d == 3 else torch.float64)
        strength = size * float(rng.uniform(0.8, 1.2))
        if d > 3:
            fisher[int(rng.integers(d))] = 0.0
        found.append(case(hessian, minimum, fisher, anchors, strength, strength=strength))
    return [*found, case(*drawn(rng, 3), 0, strength=0)]


def play(entry, hessian, minimum, fisher, anchors, strength):
    """Where EWC ends. It may share no memory with the arguments: they are moved, and moved back."""
    found = entry(hessian, minimum, fisher, anchors, strength)
    before, given = copy.deepcopy(plain(found)), (hessian, minimum, fisher, anchors)
    homes = [each.clone() for each in given]
    for each in given:
        each += 1.0
    moved = not same(before, found)
    for each, home in zip(given, homes, strict=True):
        each.copy_(home)
    if moved:
        wrong(
            "your result shares its memory with an argument: whoever moves the new weights moves the old ones, too. "
            "Return a new tensor, also where the end is b or a: `.clone()`"
        )
    return found


def reference(hessian, minimum, fisher, anchors, strength):
    hessian, minimum, fisher, anchors = (each.double() for each in (hessian, minimum, fisher, anchors))
    root = np.linalg.cholesky(hessian.numpy()).T
    springs = np.diag(np.sqrt(strength * fisher.numpy()))
    rows, right = np.vstack([root, springs]), np.concatenate([root @ minimum.numpy(), springs @ anchors.numpy()])
    return torch.from_numpy(np.linalg.lstsq(rows, right, rcond=None)[0])


def solved(matrix, right):
    return lambda B, b, F, a, s: torch.linalg.solve(matrix(B, F, s), right(B, b, F, a, s))


def held(B, F, s):
    return B + torch.diag(s * F)


def pulled(B, b, F, a, s):
    return B @ b + s * F * a


def apart(B, b, F, a, s):
    own = B.diagonal()
    return (own * b + s * F * a) / (own + s * F)


def of_matrix(B, b, springs, a):
    return torch.linalg.solve(B + springs, B @ b + springs @ a)


FULL = (
    "F became a full matrix. Each spring holds one weight and couples none: F_i belongs on the diagonal, "
    "`torch.diag(strength * fisher)`."
)
MISTAKES = [
    Mistake(
        "the strength ({strength}) is missing: your springs are as firm as F alone.",
        lambda B, b, F, a, s: reference(B, b, F, a, 1.0),
    ),
    Mistake(
        "the strength ({strength}) acts the wrong way round, on the new task or as 1 / strength. It multiplies F: the "
        "larger it is, the nearer the end lies to the anchors.",
        lambda B, b, F, a, s: reference(B, b, F, a, 1 / s),
    ),
    Mistake(
        "each weight ends at its own mean of b and a here, with the diagonal of B. B couples the weights: a spring on "
        "one moves the others, so they have to be solved for together.",
        apart,
    ),
    Mistake(
        "F was added to every row of B: a vector that is added to a matrix is spread over it. F_i belongs on the "
        "diagonal, `torch.diag(strength * fisher)`.",
        solved(lambda B, F, s: B + s * F, pulled),
    ),
    Mistake(FULL, solved(lambda B, F, s: B + s * torch.outer(F, F), pulled)),
    Mistake(FULL, lambda B, b, F, a, s: of_matrix(B, b, s * torch.outer(F, F), a)),
    Mistake(FULL, lambda B, b, F, a, s: of_matrix(B, b, s * torch.outer(F.sqrt(), F.sqrt()), a)),
    Mistake(
        "your springs push away from the anchors: there is a minus where both parts of the loss have a plus.",
        solved(lambda B, F, s: B - torch.diag(s * F), lambda B, b, F, a, s: B @ b - s * F * a),
    ),
    Mistake(
        "a sign on the right side is wrong: the slope is B (theta - b) + strength F (theta - a), and both B b and "
        "strength F a come to the other side with a plus.",
        solved(held, lambda B, b, F, a, s: B @ b - s * F * a),
    ),
    Mistake(
        "your springs pull to zero: strength * F * a is missing on the right side.",
        solved(held, lambda B, b, F, a, s: B @ b),
    ),
    Mistake(
        "the strength is missing on the right side: it is strength * F * a there.",
        solved(held, lambda B, b, F, a, s: B @ b + F * a),
    ),
    Mistake(
        "a and b are exchanged: B belongs to b, and F to a.", solved(held, lambda B, b, F, a, s: B @ a + s * F * b)
    ),
    Mistake(
        "F is not in yours: each weight has a spring of its own, strength * F_i.",
        lambda B, b, F, a, s: reference(B, b, torch.ones_like(F), a, s),
    ),
    Mistake(
        "on the right side b has to be multiplied by B: the slope of the new task's loss is B (theta - b).",
        solved(held, lambda B, b, F, a, s: b + s * F * a),
    ),
    Mistake(
        "your springs are half as firm as they should be. The 1/2 goes away when you differentiate the square.",
        lambda B, b, F, a, s: reference(B, b, F, a, s / 2),
    ),
    Mistake(
        "your springs are twice as firm as they should be. Both parts of the loss have a 1/2.",
        lambda B, b, F, a, s: reference(B, b, F, a, 2 * s),
    ),
    Mistake("F is squared; it stands in the loss as it is.", lambda B, b, F, a, s: reference(B, b, F**2, a, s)),
    Mistake(
        "only weights with F_i above 0 move in yours. B couples them: where F_i is 0 a weight gives way to the others.",
        lambda B, b, F, a, s: torch.where(F > 0, reference(B, b, F, a, s), b.double()),
    ),
    Mistake(
        "a strength of 0 is taken for a missing one and replaced by 1, with `strength or 1`, say. It means no springs: "
        "the end is b.",
        lambda B, b, F, a, s: reference(B, b, F, a, s or 1.0),
    ),
    Mistake("this is the new task's own minimum: the springs are missing.", lambda B, b, F, a, s: b),
]


def has_no_slope(answer, rng):
    hessian, minimum, fisher, anchors = drawn(rng, 3)
    theta = torch.as_tensor(answer(hessian, minimum, fisher, anchors, 2.0)).to(hessian).flatten()
    slope = hessian @ (theta - minimum) + 2.0 * fisher * (theta - anchors)
    if slope.abs().max() > 1e-3:
        wrong(
            "at your theta the loss still has a slope. At the minimum the gradients of both parts cancel: "
            "B (theta - b) + strength F (theta - a) = 0. Solve that for theta"
        )


def without_springs_the_new_task_has_its_way(answer, rng):
    hessian, minimum, fisher, anchors = drawn(rng, 3)
    answer(hessian, minimum, fisher, minimum.clone(), 1.0)  # it looks for shared memory in these cases, too
    answer(hessian, minimum, torch.zeros_like(fisher), anchors, 1.0)
    found = torch.as_tensor(answer(hessian, minimum, fisher, anchors, 0.0)).to(minimum)
    if not torch.allclose(found, minimum, rtol=1e-3, atol=1e-3):
        wrong("with strength 0 the end is the new task's own minimum, b, and yours is not")


def stiff_springs_keep_the_weights(answer, rng):
    hessian, minimum, fisher, anchors = drawn(rng, 3)
    found = torch.as_tensor(answer(hessian, minimum, fisher + 0.5, anchors, 1e5)).to(minimum)
    if not torch.allclose(found, anchors, rtol=1e-2, atol=1e-2):
        wrong("with a very large strength the end has to be the anchors, and yours is not")


LAWS = [has_no_slope, without_springs_the_new_task_has_its_way, stiff_springs_keep_the_weights]
