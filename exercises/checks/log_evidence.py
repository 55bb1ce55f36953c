"""Against sums over a grid, one for each eigenvector of H."""

import math

import numpy as np
import torch

from recall_learn.practice import Mistake, case, wrong

WEIGHTS = 250  # so that not even the product of a Cholesky factor's corners, the root of det H, fits into a float64


def cases(rng):
    found = []
    for d in (2, 1, 4, 7):
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        hessian = torch.tensor(turn @ np.diag(np.exp(rng.uniform(-2, 4, size=d))) @ turn.T)
        loss = float(rng.uniform(3, 30))
        if abs(reference(loss, hessian)) < 2:
            loss += 10.0  # no result near zero, where rounding would look large
        found.append(case(loss, hessian, number_of_weights=d))
    return found


def reference(loss, hessian):
    result = -loss
    for curvature in np.linalg.eigvalsh(hessian.numpy()):
        s = np.linspace(-12, 12, 2001) / math.sqrt(curvature)
        result += math.log(np.exp(-0.5 * curvature * s**2).sum() * (s[1] - s[0]))
    return result


def formula(sign=1.0, pi_terms=None, pi=2 * math.pi, half=0.5, log=math.log, det=-0.5, matrix=lambda h: h):
    """The three terms, each of which can be mistaken."""

    def computed(loss, hessian):
        log_det = np.log(np.linalg.eigvalsh(matrix(hessian).numpy())).sum() * log(math.e)
        return -sign * loss + half * (pi_terms or len(hessian)) * log(pi) + det * log_det

    return computed


MISTAKES = [
    Mistake(
        "the 1/2 at log det H is missing. Each weight's integral is a root, so the logarithm of its curvature counts "
        "half.",
        formula(det=-1.0),
    ),
    Mistake(
        "log det H has the wrong sign. A stiff loss is a narrow peak: the larger the curvature, the smaller the "
        "integral.",
        formula(det=0.5),
    ),
    Mistake(
        "log det H has the wrong sign, and its 1/2 is missing: the integral over one weight is the root of 2 pi / h.",
        formula(det=1.0),
    ),
    Mistake("log det H is missing: a narrow peak has less under it than a wide one.", formula(det=0.0)),
    Mistake(
        "log 2 pi counts once in yours. Each of the {number_of_weights} weights in this case brings its own root of "
        "2 pi / h.",
        formula(pi_terms=1),
    ),
    Mistake(
        "the 1/2 at log 2 pi is missing: each weight's integral is the root of 2 pi / h.",
        formula(half=1.0),
    ),
    Mistake("the term with 2 pi is missing: the integral over one weight is the root of 2 pi / h.", formula(half=0.0)),
    Mistake("there is pi in yours where 2 pi has to be.", formula(pi=math.pi)),
    Mistake("the term with 2 pi has the wrong sign: it makes the integral larger.", formula(half=-0.5)),
    Mistake("the loss has the wrong sign. The height of the peak is exp(-Loss_S(theta*)).", formula(sign=-1.0)),
    Mistake("the loss is missing. The height of the peak is exp(-Loss_S(theta*)).", formula(sign=0.0)),
    Mistake(
        "your determinant is the product of the H_ii alone, that of the diagonal or of one triangle of H. The entries "
        "beside the diagonal make the determinant smaller and the volume under the peak larger: take the determinant "
        "of all of H.",
        formula(matrix=lambda h: torch.diag(h.diagonal())),
    ),
    Mistake("you use logarithms to the base 10. Nats are natural logarithms.", formula(log=math.log10)),
    Mistake(
        "this is minus the logarithm. Asked for is the logarithm of the integral itself.",
        lambda loss, hessian: -reference(loss, hessian),
    ),
    Mistake(
        "this is the integral itself. Asked for is its logarithm.",
        lambda loss, hessian: math.exp(reference(loss, hessian)),
    ),
]


def hold(found, right, within, what, why):
    """Say what is wrong for many weights, and why, if what came is no number at all."""
    if not math.isfinite(found):
        wrong(
            f"for {WEIGHTS} weights {what} yours is {found:g}, and {right:.5g} is right. {why}. Its logarithm is "
            "harmless: torch.linalg.slogdet gives it without the determinant"
        )
    if abs(found - right) > within:
        wrong(f"for {WEIGHTS} weights {what} yours is {found:.6g}, and {right:.6g} is right")


def bears_many_weights(answer, rng):
    for curvature in (1e-3, 1e3):
        right = WEIGHTS / 2 * math.log(2 * math.pi / curvature) - 5.0
        found = float(answer(5.0, curvature * torch.eye(WEIGHTS, dtype=torch.float64)))
        size = WEIGHTS * math.log10(curvature)
        why = f"The determinant is about 1e{size:+.0f}, which no float64 holds, nor its root"
        hold(found, right, 1e-4 * abs(right), f"of curvature {curvature:g}", why)


def bears_curvatures_far_apart(answer, rng):
    """No one number brings them all near 1, and they do not stand on the diagonal."""
    small = 7 * WEIGHTS // 10
    curvatures = np.repeat([1e-3, 30.0], [small, WEIGHTS - small]) * np.exp(rng.uniform(-0.2, 0.2, size=WEIGHTS))
    turn = np.linalg.qr(rng.normal(size=(WEIGHTS, WEIGHTS)))[0]
    hessian = turn @ np.diag(curvatures) @ turn.T
    right = 0.5 * np.log(2 * math.pi / curvatures).sum() - 5.0
    found = float(answer(5.0, torch.tensor((hessian + hessian.T) / 2)))
    what = f"that are tied to each other, {small} curvatures near 0.001 and {WEIGHTS - small} near 30,"
    why = "No float64 holds the determinant, and if H is divided by one number before, it does not either"
    hold(found, right, 1.0, what, why)  # float32 is off by about 0.1


def vanishes_for_two_pi(answer, rng):
    for d in (int(rng.integers(2, 6)), 40):  # with 40, half of log 2 pi is asked for to five digits
        found = float(answer(3.0, 2 * math.pi * torch.eye(d, dtype=torch.float64)))
        if math.isclose(found, -3.0, rel_tol=3e-4):
            continue
        wrong(
            f"let H be 2 pi times the identity, for {d} weights: each integral is the root of 2 pi / (2 pi), "
            f"so 1, and only minus the loss is left. For a loss of 3 yours is {found:.6g}"
        )


def multiplies_for_independent_weights(answer, rng):
    h = torch.tensor(np.exp(rng.uniform(-1, 1, size=3)))
    together = float(answer(6.0, torch.diag(h)))
    apart = sum(float(answer(2.0, each.reshape(1, 1))) for each in h)
    if not math.isclose(together, apart, rel_tol=1e-3, abs_tol=1e-3):
        wrong(
            "for weights that have nothing to do with each other the integral is a product, so its logarithm is a sum; "
            f"yours is {together:g} for three weights together, and {apart:g} for the sum of the three alone"
        )


LAWS = [vanishes_for_two_pi, multiplies_for_independent_weights, bears_many_weights, bears_curvatures_far_apart]
