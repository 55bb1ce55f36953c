"""Against an offset that is pulled step by step, with the entries of all tensors in one list."""

import math
from statistics import fmean, median

import numpy as np
import torch

from recall_learn.practice import Mistake, case, wrong
from recall_learn.practice.compare import array

SHAPES = {"embeddings": (40, 5), "dense.weight": (5, 5), "dense.bias": (5,), "norm.weight": (5,), "scale": ()}
LARGE = {"embeddings": 0.02, "dense.weight": 1.0, "dense.bias": 4.0, "norm.weight": 30.0, "scale": 200.0}
"""How much Fisher a weight of each tensor has, beside the others: the more weights, the less."""
EXACT = {"embeddings": (4, 2), "dense.weight": (2, 2), "norm.weight": (2,), "dense.bias": (1,), "scale": ()}


def drawn(rng, c, lam, steps, zeros=0.0):
    """A case with about this share of the way a step, and a share of weights that no example moves."""
    examples, gamma, fisher = int(10 ** rng.uniform(3, 7)), 10 ** rng.uniform(1, 4), {}
    for name, shape in SHAPES.items():
        f = LARGE[name] * rng.lognormal(0, 1, size=shape) * (rng.random(size=shape) >= zeros)
        fisher[name] = torch.tensor(f)
    unit, names = gamma / (examples * fmean(entries(fisher))), list(fisher)
    kinds = [(names[i], torch.float32 if i % 2 else torch.float64) for i in rng.permutation(len(names))]
    fisher = {name: (unit * fisher[name]).to(kind) for name, kind in kinds}
    lr = c / ((1 - lam) * examples * fmean(entries(fisher)))
    return case(fisher, examples, float(lr), lam, steps, number_of_examples=examples, steps=steps)


def exactly(rng, c, steps):
    """A case in which c is that, to the last bit, in whatever order one adds up."""
    counts = [math.prod(shape) for shape in EXACT.values()]
    parts = np.split(rng.multinomial(32, [1 / 16] * 16) / 16, np.cumsum(counts)[:-1])
    fisher = {name: torch.tensor(x.reshape(shape)) for (name, shape), x in zip(EXACT.items(), parts, strict=True)}
    examples = 2 ** int(rng.integers(6, 12))
    return case(fisher, examples, c * 16 / examples, 0.5, steps, number_of_examples=examples, steps=steps)


def cases(rng):
    lam = [float(each) for each in rng.uniform(0.1, 0.9, size=6)]
    return [
        drawn(rng, rng.uniform(0.02, 0.1), lam[0], int(rng.integers(15, 40))),
        drawn(rng, rng.uniform(0.2, 0.6), 0.0, int(rng.integers(3, 8))),
        drawn(rng, rng.uniform(0.3, 0.6), float(rng.uniform(0.8, 0.85)), 3),  # lr * gamma alone would overshoot
        drawn(rng, rng.uniform(1.2, 1.4), lam[1], 5),
        drawn(rng, rng.uniform(1.6, 1.9), lam[2], 6, zeros=0.5),
        drawn(rng, rng.uniform(2.2, 3.0), lam[3], 7),
        drawn(rng, rng.uniform(0.1, 0.3), lam[4], 10, zeros=0.5),
        exactly(rng, 1.0, 4),
        exactly(rng, 2.0, 5),
        drawn(rng, rng.uniform(0.6, 0.9), lam[5], 1),
    ]


def entries(fisher):
    return [each for f in fisher.values() for each in f.reshape(-1).tolist()]


def word_of(c, first=1.0, second=2.0):
    return "holds" if c <= first else "overshoots" if c < second else "diverges"


def walked(gamma, share, steps):
    """The offset after some steps, and what the pull does."""
    offset = 1.0
    for _ in range(steps):
        offset -= share * offset
    return gamma, offset, word_of(share)


def reference(fisher, examples, lr, lam, steps):
    gamma = examples * fmean(entries(fisher))
    return walked(gamma, lr * (1 - lam) * gamma, steps)


def with_gamma(gamma):
    """All of it with another gamma, of the Fisher and N."""

    def result(fisher, examples, lr, lam, steps):
        value = gamma(fisher, examples)
        return walked(value, lr * (1 - lam) * value, steps)

    return result


def with_share(share):
    """The right gamma, and another c, ``share(gamma, lr, lam)``."""

    def result(fisher, examples, lr, lam, steps):
        gamma = reference(fisher, examples, lr, lam, steps)[0]
        return walked(gamma, share(gamma, lr, lam), steps)

    return result


def with_left(left):
    """The right gamma and word, and something else left: ``left(c, steps)``."""

    def result(fisher, examples, lr, lam, steps):
        gamma, _, word = reference(fisher, examples, lr, lam, steps)
        return gamma, left(lr * (1 - lam) * gamma, steps), word

    return result


def with_word(word):
    """The right numbers, and another word, ``word(c, lr * gamma)``."""

    def result(fisher, examples, lr, lam, steps):
        gamma, left, _ = reference(fisher, examples, lr, lam, steps)
        return gamma, left, word(lr * (1 - lam) * gamma, lr * gamma)

    return result


def mean_of(values):
    """N times the mean of a value for each tensor."""
    return lambda fisher, examples: examples * fmean(values(f) for f in fisher.values())


def by_left(*given):
    gamma, left, _ = reference(*given)
    return gamma, left, "diverges" if abs(left) >= 1 else "overshoots" if left < 0 else "holds"


def holds_below(c, _):
    return "overshoots" if c == 1 else word_of(c)


def diverges_above(c, _):
    return "overshoots" if c == 2 else word_of(c)


ABSOLUTE = "your `left` has lost its sign: where c is above 1, the offset changes sides at each step."
STOPS = "your `left` stops at 0. A step past home leaves an offset on the other side: keep it, with its sign."
MISTAKES = [
    Mistake(
        "you take the mean over tensors: each of them counts as one, however many weights it has. A norm of a few "
        "weights then counts as much as all embeddings. Add up all entries, and divide by their number.",
        with_gamma(mean_of(lambda f: f.mean().item())),
    ),
    Mistake(
        "you add up the Fisher of all weights. Gamma stands for each of them: take the mean.",
        with_gamma(lambda fisher, examples: examples * sum(entries(fisher))),
    ),
    Mistake(
        "you divide the sum by the number of tensors. Divide it by the number of weights.",
        with_gamma(mean_of(lambda f: f.sum().item())),
    ),
    Mistake(
        "you count the rows of each tensor (`len`) in place of its weights. A tensor has `numel()` weights.",
        with_gamma(lambda fisher, n: n * sum(entries(fisher)) / sum(len(f) if f.ndim else 1 for f in fisher.values())),
    ),
    Mistake(
        "N is missing in your gamma. The Fisher is a mean over examples, and each of them holds the weights once more.",
        with_gamma(lambda fisher, examples: fmean(entries(fisher))),
    ),
    Mistake(
        "you divide by N. The Fisher is a mean over examples already, and the spring is N times as strong.",
        with_gamma(lambda fisher, examples: fmean(entries(fisher)) / examples),
    ),
    Mistake(
        "you leave out the weights whose Fisher is 0. The mean is over all weights, and they count in it.",
        with_gamma(lambda fisher, examples: examples * fmean(each for each in entries(fisher) if each > 0)),
    ),
    Mistake(
        "you take the median. Asked for is the mean, which keeps the total of all springs.",
        with_gamma(lambda fisher, examples: examples * median(entries(fisher))),
    ),
    Mistake(
        "you take the largest Fisher for all weights. Asked for is the mean.",
        with_gamma(lambda fisher, examples: examples * max(entries(fisher))),
    ),
    Mistake(
        "you take the root of the mean square. The Fisher is the mean of squares already: take its mean.",
        with_gamma(lambda fisher, examples: examples * math.sqrt(fmean(each**2 for each in entries(fisher)))),
    ),
    Mistake(
        "your gamma is half of N times the mean. The half stands before gamma in the penalty, and is not in it.",
        with_gamma(lambda fisher, examples: examples * fmean(entries(fisher)) / 2),
    ),
    Mistake(
        "tensors without a dimension are missing in your mean: such a scale is a weight, too.",
        with_gamma(lambda fisher, n: n * fmean(entries({name: f for name, f in fisher.items() if f.ndim}))),
    ),
    Mistake(
        "you take the tables and matrices alone. Biases, norms and scales are weights, too: the mean is over all.",
        with_gamma(lambda fisher, n: n * fmean(entries({name: f for name, f in fisher.items() if f.ndim > 1}))),
    ),
    *(
        Mistake(
            "the rest is right, and your gamma has a part of c in it. Gamma is N times the mean: the learning rate and "
            "1 - lambda are in c alone.",
            lambda fisher, examples, lr, lam, steps, part=part: (
                part(lr, lam) * reference(fisher, examples, lr, lam, steps)[0],
                *reference(fisher, examples, lr, lam, steps)[1:],
            ),
        )
        for part in (lambda lr, lam: lr, lambda lr, lam: 1 - lam, lambda lr, lam: lr * (1 - lam))
    ),
    Mistake(
        "your gamma is right, and 1 - lambda is missing in c: the spring has only the share that the task leaves.",
        with_share(lambda gamma, lr, lam: lr * gamma),
    ),
    Mistake(
        "your gamma is right, and c has lambda where 1 - lambda belongs. Lambda is the task's share.",
        with_share(lambda gamma, lr, lam: lr * lam * gamma),
    ),
    Mistake(
        "your gamma is right, and the learning rate is missing in c: gamma alone does not say how far a step goes.",
        with_share(lambda gamma, lr, lam: (1 - lam) * gamma),
    ),
    Mistake(
        "your gamma is right, and your c is half of the right one. The penalty has a half, and its gradient has none.",
        with_share(lambda gamma, lr, lam: lr * (1 - lam) * gamma / 2),
    ),
    Mistake(
        "`left` is what one step leaves. Each step multiplies by 1 - c once more.",
        with_left(lambda c, steps: 1 - c),
    ),
    Mistake(
        "you take c off once for each step, as if each took its share of the first offset. Each takes its share of "
        "what is left.",
        with_left(lambda c, steps: 1 - c * steps),
    ),
    Mistake(
        "you have exp(-c) for 1 - c. That is what many tiny steps would leave, and it never overshoots.",
        with_left(lambda c, steps: math.exp(-c * steps)),
    ),
    Mistake(
        "your offset grows: a step multiplies it by 1 - c, and yours by 1 + c. The pull goes home.",
        with_left(lambda c, steps: (1 + c) ** steps),
    ),
    Mistake(
        "your offset grows, since your c is below 0. It has 1 - lambda in it, and not lambda - 1.",
        with_share(lambda gamma, lr, lam: lr * (lam - 1) * gamma),
    ),
    Mistake(ABSOLUTE, with_left(lambda c, steps: abs(1 - c) ** steps)),
    Mistake(ABSOLUTE, with_left(lambda c, steps: (c - 1) ** steps)),
    Mistake(STOPS, with_left(lambda c, steps: max(0.0, 1 - c) ** steps)),
    Mistake(STOPS, with_share(lambda gamma, lr, lam: min(1.0, lr * (1 - lam) * gamma))),
    Mistake(
        "your `left` is what is gone. Wanted is the factor that is left.",
        with_left(lambda c, steps: 1 - (1 - c) ** steps),
    ),
    Mistake("your `left` has one step too few.", with_left(lambda c, steps: (1 - c) ** (steps - 1))),
    Mistake("your `left` has one step too many.", with_left(lambda c, steps: (1 - c) ** (steps + 1))),
    Mistake(
        "your numbers are right, and your word is for lr * gamma. What acts is c: lr * gamma times 1 - lambda.",
        with_word(lambda c, full: word_of(full)),
    ),
    Mistake(
        "your word is wrong at c = 1 and at c = 2. At 1 the step ends at home, and it holds; at 2 the offset keeps its "
        "size, and it diverges.",
        with_word(lambda c, full: "overshoots" if c in (1, 2) else word_of(c)),
    ),
    Mistake("your word is wrong at c = 1: there a step ends at home, and it holds.", with_word(holds_below)),
    Mistake(
        "your word is wrong at c = 2: the offset keeps its size there and never gets home, so it diverges.",
        with_word(diverges_above),
    ),
    Mistake(
        "your word goes by the sign or the size of `left`. An even number of steps hides the sign: go by c.", by_left
    ),
    Mistake("you return gamma alone. The statement wants (gamma, left, word).", lambda *given: reference(*given)[0]),
    Mistake("you return no word. The statement wants (gamma, left, word).", lambda *given: reference(*given)[:2]),
]


def a_tensor_cut_in_two_is_the_same_model(answer, rng):
    fisher, *rest = drawn(rng, 0.5, 0.3, 2).arguments
    table = fisher["embeddings"]
    cut = {name: f for name, f in fisher.items() if name != "embeddings"} | {"first": table[:7], "second": table[7:]}
    whole, parts = (float(array(answer(each, *rest)[0])) for each in (fisher, cut))
    if not math.isclose(whole, parts, rel_tol=1e-3):
        wrong(
            "write a table of 40 rows as two tables, of 7 and 33 rows: the same weights, the same Fisher. Your gamma "
            f"was {whole:.4g}, and is {parts:.4g} then. It has to stay"
        )


def twice_the_examples_hold_twice(answer, rng):
    fisher, examples, lr, lam, steps = drawn(rng, 0.5, 0.3, 2).arguments
    once, twice = (float(array(answer(fisher, n, lr, lam, steps)[0])) for n in (examples, 2 * examples))
    if not math.isclose(2 * once, twice, rel_tol=1e-3):
        wrong(
            f"with twice the examples the spring has to be twice as strong: your gamma is {once:.4g} with N, and "
            f"{twice:.4g} with 2 N"
        )


LAWS = [a_tensor_cut_in_two_is_the_same_model, twice_the_examples_hold_twice]
