"""Which values come out, in the cases; which entries they are, by laws about many coins."""

import itertools

import numpy as np
import torch

from recall_learn.practice import Mistake, array, built, case, wrong
from recall_learn.practice.compare import unlike
from recall_learn.practice.fixtures import in_columns

SURE = 6.0
"""Standard deviations that a right share is never away from its mean (once in 500 million)."""


def drawn(rng, shapes):
    """Gradients without a 0, so that a 0 in the result comes from the mask."""
    return [torch.as_tensor(rng.uniform(0.5, 2, size=shape) * rng.choice([-1, 1], size=shape)) for shape in shapes]


def seeded(rng):
    return torch.Generator().manual_seed(int(rng.integers(2**40)))


def cases(rng):
    shapes = ([(3,), (2, 2), (), (1, 4)], [(40, 50), (300,)], [(7, 5, 40), (), (200,)], [(900,)])
    shares = (1.0, float(rng.uniform(0.15, 0.25)), float(rng.uniform(0.3, 0.4)), float(rng.uniform(0.6, 0.8)))
    found = []
    for each, p in zip(shapes, shares, strict=True):
        gradients = [built(in_columns, g) if g.ndim == 2 else g for g in drawn(rng, each)]
        found.append(case(gradients, p, seeded(rng), p=p))
    return found


def play(entry, gradients, p, generator, calls=0):
    """The smallest and the largest of the masked entries, as parts of the gradients; all that comes, where it has to be
    the gradients, or cannot be compared with them; or what came of several calls; or whether torch's global generator
    was left alone.
    """
    if calls == "global":
        state = torch.get_rng_state()
        entry(gradients, p, generator)
        return torch.equal(state, torch.get_rng_state())
    if calls:
        return [entry(gradients, p, generator) for _ in range(calls)]
    before = [g.clone() for g in gradients]
    got = entry(gradients, p, generator)
    if p == 1 or not fits(got, before):
        return got
    parts = np.concatenate([(array(a) / array(b)).ravel() for a, b in zip(got, before, strict=True)])
    return extremes(float(parts.min()), float(parts.max()))


def extremes(smallest, largest):
    return {"smallest entry / gradient": smallest, "largest entry / gradient": largest}


def fits(got, gradients):
    if not isinstance(got, list | tuple) or len(got) != len(gradients):
        return False
    return not any(unlike(a, b) for a, b in zip(got, gradients, strict=True))


def reference(gradients, p, generator):
    return gradients if p == 1 else extremes(0.0, 1 / p)


def scaled(factor):
    return lambda gradients, p, generator: gradients if p == 1 else extremes(0.0, factor(p))


MISTAKES = [
    Mistake(
        "it is the other way round: p is the share that is kept. You keep with probability 1 - p.",
        lambda gradients, p, generator: [0 * g for g in gradients] if p == 1 else extremes(0.0, 1 / p),
    ),
    Mistake(
        "the kept entries are not divided by p, so the mean gradient is p times what it was. Divide them.",
        scaled(lambda p: 1.0),
    ),
    Mistake("the kept entries are multiplied by p. Divide them by p, so that the mean stays.", scaled(lambda p: p)),
    Mistake(
        "you divide by 1 - p. That is dropout, whose p is the share that is dropped. Here p is the share that is kept: "
        "keep with probability p, and divide by p.",
        lambda gradients, p, generator: [0 * g for g in gradients] if p == 1 else extremes(0.0, 1 / (1 - p)),
    ),
    Mistake(
        "you divide by 1 - p. That is dropout, whose p is the share that is dropped. Here p is the share that is kept: "
        "keep with probability p, and divide by p.",
        lambda gradients, p, generator: [g / 0.0 for g in gradients] if p == 1 else extremes(0.0, 1 / (1 - p)),
    ),
    Mistake(
        "you divide by 1 - p. That is dropout, whose p is the share that is dropped. Here p is the share that is kept: "
        "keep with probability p, and divide by p.",
        lambda gradients, p, generator: [g * np.nan for g in gradients] if p == 1 else extremes(0.0, 1 / (1 - p)),
    ),
]


def kept(answer, gradients, p, generator, calls=1):
    """The masks of each call, as bool tensors."""
    found = []
    for got in answer(gradients, p, generator, calls):
        if not fits(got, gradients):
            wrong("your result has to be a list of tensors, of the shapes that the gradients have")
        found.append([torch.as_tensor(each) != 0 for each in got])
    return found


def throws_a_coin_for_each_entry(answer, rng):
    gradients, p = drawn(rng, [(200,)] * 12), float(rng.uniform(0.3, 0.7))
    (masks,) = kept(answer, gradients, p, seeded(rng))
    if all(mask.all() or not mask.any() for mask in masks):
        wrong("a tensor of yours is kept or dropped as a whole. Toss a coin for each of its entries")
    gradients = drawn(rng, [(100, 100)])
    ((mask,),) = kept(answer, gradients, p, seeded(rng))
    if (mask == mask[:1]).all() or (mask == mask[:, :1]).all():
        wrong("rows or columns of a matrix share a mask. Toss a coin for each entry")


def keeps_the_share_p(answer, rng):
    for p, shape in ((float(rng.uniform(0.15, 0.25)), (200, 200)), (float(rng.uniform(0.7, 0.8)), (20_000,))):
        gradients = drawn(rng, [shape])
        (masks,) = kept(answer, gradients, p, seeded(rng))
        for mask in masks:
            share, spread = float(mask.double().mean()), (p * (1 - p) / mask.numel()) ** 0.5
            if abs(share - (1 - p)) < SURE * spread:
                wrong("it is the other way round: p is the share that is kept. You keep with probability 1 - p.")
            if abs(share - p) > SURE * spread:
                wrong(f"you keep {share:.3f} of {mask.numel():,} entries at p = {p:.3f}: chance comes nearer to p")
        looks_at_no_value(gradients[0].flatten(), masks[0].flatten())


def looks_at_no_value(gradient, mask):
    """The share is that of all, among the entries above 0 and among the large ones."""
    share = float(mask.double().mean())
    for which, part in (("above 0", gradient > 0), ("above 1.25 or below -1.25", gradient.abs() > 1.25)):
        inside, outside = float(mask[part].double().mean()), float(mask[~part].double().mean())
        if abs(inside - outside) > SURE * (share * (1 - share) * (1 / part.sum() + 1 / (~part).sum())) ** 0.5:
            wrong(
                f"you keep {inside:.3f} of the entries whose gradient is {which}, and {outside:.3f} of the others. A "
                "coin does not look at the gradient"
            )


def divides_what_it_keeps(answer, rng):
    shapes = [(50, 40), (2000,), (7, 5), (30,), (), (1, 6)]
    gradients, p = drawn(rng, shapes), float(rng.uniform(0.3, 0.7))
    (masked,) = answer(gradients, p, seeded(rng), 1)
    if not fits(masked, gradients):
        wrong("your result has to be a list of tensors, of the shapes that the gradients have")
    for i, (got, gradient) in enumerate(zip(masked, gradients, strict=True)):
        parts = (torch.as_tensor(got) / gradient).double().flatten()
        off = torch.minimum(parts.abs(), (parts - 1 / p).abs())
        if not off.max() < 1e-3:
            wrong(
                f"an entry of yours is neither 0 nor the gradient's divided by p: in gradient {i}, of shape "
                f"{list(shapes[i])}, it is {float(parts[off.argmax()]):.3f} times the gradient's at p = {p:.3f}"
            )


def differs_between_tensors(answer, rng):
    gradients, p = drawn(rng, [(40, 50)] * 3), 0.5
    (masks,) = kept(answer, gradients, p, seeded(rng))
    if any((a == b).double().mean() > 0.7 for a, b in ((masks[0], masks[1]), (masks[1], masks[2]))):
        wrong("two tensors of one shape get the same mask. Toss new coins for each tensor")


def differs_between_calls(answer, rng):
    calls = kept(answer, drawn(rng, [(40, 50), (300,)]), 0.5, seeded(rng), calls=12)
    for one, other in itertools.combinations(calls, 2):
        if any((a == b).double().mean() > 0.8 for a, b in zip(one, other, strict=True)):
            wrong(
                "two calls with the same generator give the same masks. Toss new coins in each call, and let the "
                "generator go on: it is seeded once, outside"
            )


def comes_from_the_generator(answer, rng):
    gradients, seed = drawn(rng, [(40, 50), (600,), (20, 30)]), int(rng.integers(2**40))
    seeds = (seed, seed, seed + 1)
    once, again, other = (kept(answer, gradients, 0.5, torch.Generator().manual_seed(s))[0] for s in seeds)
    for i in range(3):
        if not torch.equal(once[i], again[i]) or (once[i] == other[i]).double().mean() > 0.8:
            which = " for the first tensor alone" if i == 1 else ""
            says = (
                f"your coins come from the generator{which}" if which else "your coins do not come from the generator"
            )
            wrong(f"{says}: pass it on, as in torch.rand(..., generator=generator)")


def throws_coins_that_know_nothing_of_each_other(answer, rng):
    (masks,) = kept(answer, drawn(rng, [(200,)] * 12), float(rng.uniform(0.3, 0.7)), seeded(rng))
    if len({int(mask.sum()) for mask in masks}) == 1:
        wrong("you keep the same number of entries in every tensor. Coins do not know of each other: toss one for each")
    calls = kept(answer, drawn(rng, [(1000,), (30, 40)]), float(rng.uniform(0.3, 0.7)), seeded(rng), calls=12)
    if len({sum(int(mask.sum()) for mask in masks) for masks in calls}) == 1:
        wrong("you keep the same number of entries in every call: that is a fixed share, not a coin for each entry")


def is_independent(answer, rng):
    """Coins of two entries of a tensor, and of one tensor and the next, are not correlated."""
    count, shape, p = 1200, (6, 8), float(rng.uniform(0.3, 0.7))
    gradient = drawn(rng, [shape])[0]
    (masks,) = kept(answer, [gradient] * count, p, seeded(rng))
    coins = (torch.stack(masks).double().reshape(count, -1).numpy() - p) / (p * (1 - p)) ** 0.5
    for first, second, of in ((coins, coins, "a tensor"), (coins[:-1], coins[1:], "one tensor and of the next one")):
        shared = first.T @ second / len(first)
        if of == "a tensor":
            np.fill_diagonal(shared, 0)
        i, j = np.unravel_index(np.abs(shared).argmax(), shared.shape)
        if abs(shared[i, j]) > (SURE + 1) / len(first) ** 0.5:  # of 3,000 pairs
            places = [[int(x) for x in np.unravel_index(k, shape)] for k in (i, j)]
            wrong(
                f"the coins of the entries {places[0]} and {places[1]} of {of} know of each other: their correlation "
                f"is about {np.clip(shared[i, j], -1, 1):.2f} over {count} tensors. Toss a coin for each entry"
            )


def never_repeats(answer, rng):
    """Coins of a long tensor, against the same coins some places further on, for all distances at once."""
    p, count = float(rng.uniform(0.3, 0.7)), 20_000
    ((mask,),) = kept(answer, drawn(rng, [(count,)]), p, seeded(rng))
    coins = mask.double().numpy() - mask.double().mean().item()
    coins /= coins.std() or 1.0
    shared = np.fft.irfft(np.abs(np.fft.rfft(coins)) ** 2)[1 : count // 2] / count
    far = int(np.abs(shared).argmax())
    if abs(shared[far]) > (SURE + 1) / count**0.5:
        wrong(
            f"in a tensor of {count:,} entries a coin and the one {far + 1} places on know of each other: their "
            f"correlation is about {np.clip(shared[far], -1, 1):.2f}. Toss a coin for each entry"
        )


def leaves_the_global_generator(answer, rng):
    if not answer(drawn(rng, [(5,), (2, 3)]), 0.5, seeded(rng), "global"):
        wrong(
            "you seed torch's global generator, or draw from it, and whatever else is random in the run depends on it. "
            "Pass `generator` on, as in torch.rand(..., generator=generator)"
        )


LAWS = [
    divides_what_it_keeps,
    throws_a_coin_for_each_entry,
    never_repeats,
    keeps_the_share_p,
    differs_between_tensors,
    differs_between_calls,
    comes_from_the_generator,
    throws_coins_that_know_nothing_of_each_other,
    is_independent,
    leaves_the_global_generator,
]
