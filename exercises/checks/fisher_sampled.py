"""With thousands of draws against the exact Fisher; with a few, whether it is made of whole labels drawn one by one."""

from itertools import permutations

import numpy as np
import torch

from recall_learn.practice import Mistake, case, wrong

# An entry is a mean over DRAWS * N squares. Beside what is allowed, the largest error of an answer is about a tenth.
DRAWS, TOLERANCE = 2500, 0.16


def seeded(rng):
    return torch.Generator().manual_seed(int(rng.integers(2**31)))


def cases(rng):
    drawn = []
    for n, d, c in ((8, 2, 3), (6, 3, 4), (7, 2, 2), (5, 1, 5)):
        for _ in range(30):
            # inputs and logits of moderate size: no label so rare that its few draws decide
            x = torch.tensor(rng.choice([-1.0, 1.0], size=(n, d)) * rng.uniform(0.7, 1.4, size=(n, d)))
            weights = torch.tensor(rng.uniform(-1.0, 1.0, size=(c, d)))
            weights[0] += 0.9 * x[0].sign()
            if drawn or tells(weights, x):  # the first case tells the mistakes apart
                break
        drawn.append(case(weights, x, DRAWS, seeded(rng), batch_size=n, draws=DRAWS))
    return drawn


def tells(weights, x):
    """Whether labels drawn evenly, by the batch's mean p, and by the first example's p give three other results."""
    p, each = squares(weights, x)
    shares = (p, np.full_like(p, 1 / p.shape[1]), 0 * p + p.mean(0), 0 * p + p[0])
    found = [np.einsum("nl,nlcd->cd", share, each) / len(x) for share in shares]
    return all((np.abs(a - b) / (b + 0.1 * b.max())).max() > 2 * TOLERANCE for a, b in permutations(found, 2))


def squares(weights, x):
    """p ``[N, C]``, and the squared gradient of every label ``[N, label, C, D]``, in loops."""
    z = (x @ weights.T).numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    found = np.zeros((len(x), len(weights), *weights.shape))
    for n, example in enumerate(x.numpy()):
        for label in range(len(weights)):
            score = -p[n].copy()
            score[label] += 1
            found[n, label] = np.outer(score, example) ** 2
    return p, found


def weighted(weights, x, share):
    """The mean over the examples with the labels' weights from ``share(p)``, ``[N, C]``."""
    p, found = squares(weights, x)
    return np.einsum("nl,nlcd->cd", share(p), found) / len(x)


def reference(weights, x, draws, generator):
    return weighted(weights, x, lambda p: p)


MISTAKES = [
    Mistake(
        "your labels are the model's favourites (argmax). Draw them: an unlikely label comes seldom, and its square is "
        "the largest.",
        lambda weights, x, *_: weighted(weights, x, lambda p: np.eye(p.shape[1])[p.argmax(1)]),
    ),
    Mistake(
        "all labels come equally often in your draws. They have to come as often as the model says: draw from the "
        "softmax of the logits.",
        lambda weights, x, *_: weighted(weights, x, lambda p: np.full_like(p, 1 / p.shape[1])),
    ),
    Mistake(
        "all examples get their labels from one and the same table, the mean of p over the batch. Each example has its "
        "own p: draw from its own row.",
        lambda weights, x, *_: weighted(weights, x, lambda p: np.broadcast_to(p.mean(0), p.shape)),
    ),
    Mistake(
        "all examples get the labels that were drawn for the first one. Draw for each example from its own p.",
        lambda weights, x, *_: weighted(weights, x, lambda p: np.broadcast_to(p[0], p.shape)),
    ),
    Mistake(
        "the labels are drawn by p and then weighted by p as well, so it counts twice. A drawn label weighs 1.",
        lambda weights, x, *_: weighted(weights, x, lambda p: p**2),
    ),
    Mistake(
        "your Fisher is {ratio} times the right one, and you have {batch_size} examples: the mean over the examples "
        "came before the square. Square each gradient first.",
        lambda weights, x, *_: reference(weights, x, *_) / len(x),
    ),
    Mistake(
        "the draws are added up. Take their mean: divide by draws as well as by N.",
        lambda weights, x, draws, _: reference(weights, x, draws, _) * draws,
    ),
    Mistake(
        "the examples are added up. Take their mean: divide by N as well as by draws.",
        lambda weights, x, *_: reference(weights, x, *_) * len(x),
    ),
]


def equal_examples(rng, n):
    """Two labels, one input of 1, n times: p[0] and the arguments. A square is p[1]^2 for label 0, p[0]^2 for 1."""
    p = float(rng.choice([rng.uniform(0.25, 0.4), rng.uniform(0.6, 0.75)]))
    weights = torch.tensor([[np.log(p / (1 - p))], [0.0]], dtype=torch.float64)
    return p, weights, torch.ones(n, 1, dtype=torch.float64)


def number(found):
    return float(torch.as_tensor(found)[0, 0])


def squares_come_first(answer, rng):
    p, weights, x = equal_examples(rng, 1)
    found = [number(answer(weights, x, 6, seeded(rng))) for _ in range(20)]
    if min(found) < 0.99 * min(p, 1 - p) ** 2:
        wrong(
            "the mean over the draws comes before the square: your result is smaller than the smallest square. Scores "
            "of drawn labels cancel. Square the gradient of each drawn label, then take the mean"
        )


def generator_decides(answer, rng):
    _, weights, x = equal_examples(rng, 8)
    if len({number(answer(weights, x, 5, seeded(rng))) for _ in range(20)}) == 1:
        wrong(
            "your result is the same with every generator. Are labels drawn at all, and from this generator "
            "(`generator=generator`), which you do not seed?"
        )


def same_generator_same_answer(answer, rng):
    _, weights, x = equal_examples(rng, 8)
    generator = seeded(rng)
    with torch.random.fork_rng():
        found = set()
        for seed in range(12):
            torch.manual_seed(seed)
            found.add(number(answer(weights, x, 5, generator)))
    if len(found) > 1:
        wrong(
            "two calls with generators in the same state give different results. All randomness has to come from "
            "the generator"
        )


def labels_drawn(answer, rng, n, draws):
    """How many of the N * draws labels were 0, in 30 calls; not always whole numbers if something is wrong."""
    p, weights, x = equal_examples(rng, n)
    found = np.array([number(answer(weights, x, draws, seeded(rng))) for _ in range(30)])
    return n * draws * (found - p**2) / ((1 - p) ** 2 - p**2)


def is_made_of_whole_labels(answer, rng):
    count = labels_drawn(answer, rng, 3, 4)
    if np.abs(count - count.round()).max() > 0.02 or count.min() < -0.5 or count.max() > 12.5:
        wrong(
            "three equal examples with four draws each give a result that no twelve labels can give. It has to be the "
            "plain mean of N * draws squares, each with a drawn label"
        )


def draws_are_independent(answer, rng):
    count = labels_drawn(answer, rng, 3, 4).round()
    if (count % 3 == 0).all():
        wrong(
            "equal examples always get the same labels. Each example needs draws of its own: as many random numbers as "
            "there are labels"
        )
    if (count % 4 == 0).all():
        wrong("the draws of an example are always equal: one label is drawn and used again. Draw each anew")


LAWS = [
    squares_come_first,
    generator_decides,
    same_generator_same_answer,
    is_made_of_whole_labels,
    draws_are_independent,
]
