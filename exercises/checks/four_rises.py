"""Against loops over the examples and the weights, for logistic regressions at their minimum."""

import math

import torch

from recall_learn.practice import Mistake, case, wrong


def drawn(rng, n, d):
    """Gradients and Hessian of a logistic regression at its minimum, prior included, and a displacement."""
    x = torch.tensor(rng.normal(size=(n, d)) + rng.normal(size=(n, 1)))
    y = (torch.tensor(rng.uniform(size=n)) < torch.sigmoid(x @ torch.tensor(rng.normal(size=d)))).double()
    theta = torch.zeros(d, dtype=x.dtype)
    for _ in range(8):
        p = torch.sigmoid(x @ theta)
        hessian = x.T @ ((p * (1 - p))[:, None] * x) + torch.eye(d, dtype=x.dtype)
        theta = theta - torch.linalg.solve(hessian, x.T @ (p - y) + theta)
    return (p - y)[:, None] * x, hessian, torch.tensor(rng.normal(size=d))


def saddle(gradients, hessian, d):
    """The same where the loss falls in the direction of d."""
    return gradients, hessian - 2 * float(d @ hessian @ d / (d @ d)) * torch.eye(len(d), dtype=d.dtype), d


def cases(rng):
    found = [case(*saddle(*drawn(rng, 20, 3)), N=20)]
    return found + [
        case(*drawn(rng, n, d), N=n) for n, d in ((12, 2), (30, 3), (7, 4), (50, 6), (3, 5), (1, 2), (9, 1))
    ]


def quadratic(matrix, d):
    """Half the sum over all pairs of weights."""
    pairs = [(i, j) for i in range(len(d)) for j in range(len(d))]
    return 0.5 * sum(float(matrix[i][j]) * float(d[i]) * float(d[j]) for i, j in pairs)


def forms(summed, hessian, d):
    """All four, with any matrix in place of N F."""
    own = [float(summed[i][i]) for i in range(len(d))]
    squares = [float(each) ** 2 for each in d]
    return {
        "hessian": quadratic(hessian, d),
        "fisher": quadratic(summed, d),
        "diagonal": 0.5 * sum(f * s for f, s in zip(own, squares, strict=True)),
        "gamma": 0.5 * sum(own) / len(own) * sum(squares),
    }


def summed(gradients):
    return sum(torch.outer(g, g) for g in gradients.double())


def reference(gradients, hessian, d):
    return forms(summed(gradients), hessian, d)


def times(*keys, factor):
    """A mistake that is a factor on some of the four."""

    def mistaken(gradients, hessian, d):
        right = reference(gradients, hessian, d)
        return right | {key: right[key] * factor(gradients) for key in keys}

    return mistaken


def batched(gradients, hessian, d):
    mean = gradients.mean(0)
    return forms(len(gradients) * torch.outer(mean, mean), hessian, d)


def square_of_the_sum(gradients, hessian, d):
    return forms(torch.outer(gradients.sum(0), gradients.sum(0)), hessian, d)


def batched_diagonal(form):
    def mistaken(*given):
        square = form(*given)
        return reference(*given) | {key: square[key] for key in ("diagonal", "gamma")}

    return mistaken


def centred(gradients, hessian, d):
    return forms(summed(gradients - gradients.mean(0)), hessian, d)


def from_hessian(gradients, hessian, d):
    taken = forms(hessian, hessian, d)
    return reference(gradients, hessian, d) | {key: taken[key] for key in ("diagonal", "gamma")}


def mean_of_all_entries(gradients, hessian, d):
    gamma = float(summed(gradients).mean())
    return reference(gradients, hessian, d) | {"gamma": 0.5 * gamma * float(d.square().sum())}


def with_hessian(matrix):
    """A mistake in the first form alone: what stands in place of H."""
    return lambda g, h, d: reference(g, h, d) | {"hessian": quadratic(matrix(h), d)}


def with_own(form):
    """A mistake in the two last forms: what stands in place of F_ii d_i^2, and of the mean F_ii times all d_i^2."""

    def mistaken(gradients, hessian, d):
        diagonal, gamma = form(summed(gradients).diagonal(), gradients.double(), d.double())
        return reference(gradients, hessian, d) | {"diagonal": 0.5 * float(diagonal), "gamma": 0.5 * float(gamma)}

    return mistaken


def exchanged(gradients, hessian, d):
    right = reference(gradients, hessian, d)
    return right | {"hessian": right["fisher"], "fisher": right["hessian"]}


ALL, BY_F = ("hessian", "fisher", "diagonal", "gamma"), ("fisher", "diagonal", "gamma")

MISTAKES = [
    Mistake("the 1/2 is missing, in all four. Taylor's second term is 1/2 d^T H d.", times(*ALL, factor=lambda g: 2)),
    Mistake(
        "the 1/2 is missing in the three forms with F. They stand for 1/2 d^T H d, and so they have it too.",
        times(*BY_F, factor=lambda g: 2),
    ),
    Mistake(
        "N is missing in the forms with F. F is a mean over the {N} examples of this case, and Loss_S is a sum.",
        times(*BY_F, factor=lambda g: 1 / len(g)),
    ),
    Mistake(
        "N counts twice. If F is a sum over the {N} examples of this case already, it is N F: do not multiply again.",
        times(*BY_F, factor=len),
    ),
    Mistake(
        "`gamma` lacks its N, and your other forms with F have theirs. It is N times the mean of all F_ii.",
        times("gamma", factor=lambda g: 1 / len(g)),
    ),
    Mistake(
        "your gamma is N times the sum of all F_ii (the trace). It stands for each single weight, so it is their mean.",
        times("gamma", factor=lambda g: g.shape[1]),
    ),
    Mistake(
        "your last form takes the mean over the weights twice, in F and in d. Take the mean of F_ii, and the sum of "
        "d_i^2.",
        times("gamma", factor=lambda g: 1 / g.shape[1]),
    ),
    Mistake(
        "your gamma is the mean of all entries of F. Those beside the diagonal were dropped a step before: take the "
        "mean of the diagonal.",
        mean_of_all_entries,
    ),
    Mistake(
        "you take the mean gradient first, and multiply it with itself. At a minimum it is nearly zero, and tells you "
        "nothing: one outer product for each example, then the mean.",
        batched,
    ),
    Mistake(
        "you add up the gradients first, and multiply the sum with itself. At a minimum it is nearly zero, and tells "
        "you nothing: one outer product for each example, then add.",
        square_of_the_sum,
    ),
    Mistake(
        "your full F is right, and its diagonal is not: there the mean gradient is squared. Square each example's "
        "gradient, or take F's own diagonal.",
        batched_diagonal(batched),
    ),
    Mistake(
        "your full F is right, and its diagonal is not: there the sum of the gradients is squared. Square each "
        "example's gradient, or take F's own diagonal.",
        batched_diagonal(square_of_the_sum),
    ),
    Mistake(
        "you subtract the mean gradient before you multiply (a covariance does that). The Fisher information leaves it "
        "in.",
        centred,
    ),
    Mistake(
        "your diagonal is that of H. In the chain the step from H to N F comes first: take the diagonal of N F.",
        from_hessian,
    ),
    Mistake(
        "your `hessian` has a factor N too many. H belongs to Loss_S, which is a sum over the examples already.",
        times("hessian", factor=len),
    ),
    Mistake(
        "your `hessian` takes only the diagonal of H. The first form drops nothing: d^T H d with all of H.",
        with_hessian(lambda h: torch.diag(h.diagonal())),
    ),
    Mistake(
        "your `hessian` takes one triangle of H only. Each pair of weights counts twice in d^T H d.",
        with_hessian(torch.tril),
    ),
    Mistake("your `hessian` and `fisher` are exchanged.", exchanged),
    Mistake(
        "`gamma` is gamma itself in yours. Asked for is the rise: 1/2 gamma times the sum of all d_i^2.",
        with_own(lambda f, g, d: ((f * d**2).sum(), 2 * f.mean())),
    ),
    Mistake(
        "your last form squares the sum of the d_i. Square each, then add.",
        with_own(lambda f, g, d: ((f * d**2).sum(), f.mean() * d.sum() ** 2)),
    ),
    Mistake(
        "your last form takes the root of the sum of all d_i^2. The rise has the sum itself, the squared distance.",
        with_own(lambda f, g, d: ((f * d**2).sum(), f.mean() * d.norm())),
    ),
    Mistake(
        "your gamma is the sum of all F_ii, without N. It is N = {N} times their mean.",
        with_own(lambda f, g, d: ((f * d**2).sum(), f.sum() / len(g) * d.square().sum())),
    ),
    Mistake(
        "your diagonal takes d_i as it is. It has to be squared, as in d^T F d.",
        with_own(lambda f, g, d: ((f * d).sum(), f.mean() * d.square().sum())),
    ),
    Mistake(
        "your gamma is the mean of H's diagonal. The step from H to N F comes first: take the mean of F_ii.",
        lambda g, h, d: reference(g, h, d) | {"gamma": forms(h, h, d)["gamma"]},
    ),
]


def numbers(found):
    return {key: float(found[key]) for key in ALL}


def agrees_for_equal_steps(answer, rng):
    gradients, hessian, d = drawn(rng, 9, 3)
    found = numbers(answer(gradients, hessian, torch.full_like(d, 0.5)))
    if not math.isclose(found["diagonal"], found["gamma"], rel_tol=1e-3):
        wrong(
            "where all weights move equally far, d_i^2 has no covariance with F_ii, and `diagonal` and `gamma` have to "
            f"be the same. Yours are {found['diagonal']:.4g} and {found['gamma']:.4g}"
        )


def misses_what_is_stiff_together(answer, rng):
    hessian, d = drawn(rng, 9, 4)[1:]
    together = torch.tensor(rng.normal(size=(9, 1))).expand(9, 4).contiguous()
    found = numbers(answer(together, hessian, torch.ones_like(d)))
    if not math.isclose(found["fisher"], 4 * found["diagonal"], rel_tol=1e-3):
        wrong(
            "let 4 weights matter through their sum only, and move alike: `diagonal` has to be a quarter of `fisher`. "
            f"In yours it is {found['diagonal'] / found['fisher']:.3g} of it, so one of the two is wrong"
        )


def grows_with_the_data(answer, rng):
    gradients, hessian, d = drawn(rng, 9, 3)
    once, twice = numbers(answer(gradients, hessian, d)), numbers(answer(torch.cat([gradients] * 2), hessian, d))
    for key in BY_F:
        if not math.isclose(twice[key], 2 * once[key], rel_tol=1e-3):
            growth = twice[key] / once[key]
            wrong(f"with each example twice `{key}` has to be twice as large, and yours is {growth:.3g} times as large")


LAWS = [agrees_for_equal_steps, misses_what_is_stiff_together, grows_with_the_data]
