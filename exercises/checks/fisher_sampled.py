"""With thousands of draws against the exact Fisher; with a few, whether it is made of whole labels drawn one by one."""

from itertools import combinations

import numpy as np
import torch

from recall_learn.practice import Mistake, array, case, wrong

# Few enough labels for a loop with autograd. A case is drawn so that TOLERANCE is SIGMAS standard errors of an entry.
TOLERANCE, SIGMAS = 0.28, 5.6


def seeded(rng):
    return torch.Generator().manual_seed(int(rng.integers(2**31)))


def cases(rng):
    drawn = []
    for n, d, c, draws in ((8, 2, 3, 250), (4, 3, 3, 250), (6, 2, 2, 150), (3, 1, 4, 300)):
        size = 0.5 if drawn else 1.0
        for attempt in range(3000):
            x = torch.tensor(rng.choice([-1.0, 1.0], size=(n, d)) * rng.uniform(0.7, 1.4, size=(n, d)))
            weights = torch.tensor(rng.uniform(-size, size, size=(c, d)))
            weights[0] += 0 if drawn else 0.9 * x[0].sign()
            # the first case tells the mistakes apart
            if is_precise(weights, x, draws) and (drawn or attempt > 2500 or tells(weights, x)):
                break
        drawn.append(case(weights, x, draws, seeded(rng), batch_size=n, draws=draws))
    return drawn


def is_precise(weights, x, draws):
    """Whether chance puts no entry of a right answer outside the tolerance."""
    p, each = squares(weights, x)
    mean = np.einsum("nl,nlcd->ncd", p, each)
    variance = (np.einsum("nl,nlcd->ncd", p, each**2) - mean**2).sum(0) / len(x) ** 2 / draws
    return bool((TOLERANCE * mean.mean(0) > SIGMAS * np.sqrt(variance)).all())


def tells(weights, x):
    """Whether labels drawn evenly, by the batch's mean p, and by the first example's p give three other results."""
    p, each = squares(weights, x)
    shares = (p, np.full_like(p, 1 / p.shape[1]), 0 * p + p.mean(0), 0 * p + p[0])
    found = [np.einsum("nl,nlcd->cd", share, each) / len(x) for share in shares]
    # a mistake is compared with what is right, and with those that stand before it in MISTAKES
    return all((np.abs(a - b) / (b + 0.1 * b.max())).max() > 1.5 * TOLERANCE for b, a in combinations(found, 2))


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


def own_rows(weights, x):
    """The mean if a draw fills the row of its own label only."""
    p, found = squares(weights, x)
    return np.einsum("nc,nccd->cd", p, found) / len(x)


MISTAKES = [
    Mistake(
        "each draw fills the row of its own label only. The other rows have a score too: -p_c for the class c, times "
        "x. Square and add it as well.",
        lambda weights, x, *_: own_rows(weights, x),
    ),
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
        "your Fisher is {ratio} times the right one, and you have {batch_size} examples. Do you take their mean before "
        "the square, or divide by N twice? Square each gradient first, and divide by N once.",
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
    return float(array(found)[0, 0])


def play(entry, weights, x, draws, generator, asked=""):
    """The Fisher. For a law: those of 14 calls in a row, or whether torch's global generator was left alone."""
    if asked == "in a row":
        return [number(entry(weights.clone(), x.clone(), draws, generator)) for _ in range(14)]
    before = torch.get_rng_state()
    found = entry(weights, x, draws, generator)
    return torch.equal(before, torch.get_rng_state()) if asked == "leaves alone" else found


def moves_the_generator_on(answer, rng):
    _, weights, x = equal_examples(rng, 4)
    if len(set(answer(weights, x, 3, seeded(rng), "in a row"))) == 1:
        wrong(
            "call after call with one and the same generator gives the same result, so your function leaves it where "
            "it was. Draw with the generator itself, not with a copy, and do not set it back"
        )


def leaves_the_global_generator_alone(answer, rng):
    _, weights, x = equal_examples(rng, 4)
    if not answer(weights, x, 3, seeded(rng), "leaves alone"):
        wrong(
            "your function seeds torch's global generator, or draws from it, and somebody else's random numbers depend "
            "on it. Draw with generator=generator"
        )


def takes_every_example(answer, rng):
    """Two labels of p = 1/2 have equal squares, so that only the examples decide."""
    x = torch.tensor(rng.uniform(0.5, 2, size=(150, 2)) * np.linspace(1, 3, 150)[:, None])
    found = torch.as_tensor(answer(torch.zeros(2, 2, dtype=x.dtype), x, 2, seeded(rng))).double()
    right = 0.25 * x.square().mean(0)
    if not torch.allclose(found, right.expand(2, 2), rtol=1e-3):
        i = int((found - right).abs().max(0).values.argmax())
        one = float(found[:, i][(found[:, i] - right[i]).abs().argmax()])
        wrong(
            "where two labels are equally likely it does not matter which is drawn: each example has to give a quarter "
            f"of x^2, as often as any other. For 150 examples an entry of yours is {one:.5g}, and "
            f"{float(right[i]):.5g} is right: is each example taken, in equal shares?"
        )


def squares_come_first(answer, rng):
    p, weights, x = equal_examples(rng, 1)
    found = np.array([number(answer(weights, x, 6, seeded(rng))) for _ in range(14)])
    share = np.arange(7) / 6  # of label 0 among the six
    late, right = (share - p) ** 2, share * (1 - p) ** 2 + (1 - share) * p**2
    if far(found, right).any() and not far(found, late).any():
        wrong(
            "the mean over the draws comes before the square. Scores of drawn labels cancel. Square the gradient of "
            "each drawn label, then take the mean"
        )


def far(found, allowed):
    return np.abs(found[:, None] - allowed).min(1) > 1e-4


def few(answer, rng, generators, seeds=None):
    """The answers, with twelve labels each, for these generators; with torch's global generator seeded by ``seeds``."""
    _, weights, x = equal_examples(rng, 4)
    found = []
    with torch.random.fork_rng():
        for i, generator in enumerate(generators):
            torch.manual_seed(seeds[i] if seeds else 0)
            found.append(number(answer(weights, x, 3, generator)))
    return found


def same_generator_same_answer(answer, rng):
    generator = seeded(rng)
    fixed = few(answer, rng, [generator] * 14)
    if len(set(fixed)) > 1:
        wrong(
            "two calls with generators in the same state give different results. All randomness has to come from "
            "the generator"
        )
    if len(set(few(answer, rng, [generator] * 14, range(14)))) > 1:
        wrong(
            "your labels come from torch's global generator: with the same `generator` your result changes with "
            "`torch.manual_seed`. Pass generator=generator where you draw"
        )


def generator_decides(answer, rng):
    if len(set(few(answer, rng, [seeded(rng) for _ in range(14)]))) == 1:
        wrong(
            "your result is the same with every generator. Are labels drawn at all, and from this generator "
            "(`generator=generator`), which you do not seed?"
        )
    generator, states = seeded(rng), []
    for _ in range(14):
        states.append(generator.clone_state())
        torch.rand(1000, generator=generator)
    if len(set(few(answer, rng, states))) == 1:
        wrong(
            "your result depends on the seed that the generator once got, and not on its state: when it has moved on, "
            "the same labels come again. Do not use `initial_seed()`; draw with generator=generator"
        )


def labels_drawn(answer, rng, n, draws, calls):
    """How many of the N * draws labels were 0, call by call; not always whole numbers if something is wrong. And p."""
    p, weights, x = equal_examples(rng, n)
    found = np.array([number(answer(weights, x, draws, seeded(rng))) for _ in range(calls)])
    return n * draws * (found - p**2) / ((1 - p) ** 2 - p**2), p


def is_made_of_whole_labels(answer, rng):
    for n, draws, calls in ((3, 5, 16), (1, 499, 3)):  # primes: fewer draws than asked for do not divide them
        count, _ = labels_drawn(answer, rng, n, draws, calls)
        if np.abs(count - count.round()).max() > 0.02 or count.min() < -0.5 or count.max() > n * draws + 0.5:
            what = f"{n} equal examples" if n > 1 else "one example"
            wrong(
                f"{what} and draws = {draws} give a result that no {n * draws} labels can give. It has to be the plain "
                "mean of N * draws squares, each with a drawn label"
            )


def draws_vary(answer, rng):
    """In a right answer the count of 20 labels is within 1 of its mean in two of five calls, so not in all of 20."""
    count, p = labels_drawn(answer, rng, 1, 20, 20)
    if (np.abs(count - 20 * p) < 1).all() and np.ptp(count) > 0.5:
        wrong(
            "the labels of an example are spread evenly over p: each of them comes as often as it is expected to, in "
            "every call. Draw each label by itself, so that the others do not matter to it"
        )


def draws_are_independent(answer, rng):
    count = labels_drawn(answer, rng, 3, 5, 16)[0].round()
    if (count % 3 == 0).all():
        wrong(
            "equal examples always get the same labels, or only one of them counts. Each example needs draws of its "
            "own: as many random numbers as there are labels"
        )
    if (count % 5 == 0).all():
        wrong(
            "only one label of each example counts: one is drawn and used again, or the others are dropped. Draw each "
            "anew, and use them all"
        )


LAWS = [
    same_generator_same_answer,
    squares_come_first,
    draws_vary,
    generator_decides,
    moves_the_generator_on,
    leaves_the_global_generator_alone,
    takes_every_example,
    is_made_of_whole_labels,
    draws_are_independent,
]
