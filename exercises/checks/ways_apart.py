"""Against sums of 64ths, whole numbers, run by run."""

import statistics
from itertools import pairwise

import numpy as np

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-6
NAMES = ("stopped", "narrow", "noise", "cut", "tuned", "recovered")
ORDERS = 120


def drawn(rng, sizes, apart=5):
    """Ways whose best run, and whose median, belong to others than their mean does; exchanges, some of them idle."""
    names = [str(name) for name in rng.permutation(NAMES)[: len(sizes)]]
    while True:
        middles = rng.permutation(len(sizes)) * apart + 20
        runs = [(m + rng.integers(-14, 15, size=n)).tolist() for m, n in zip(middles, sizes, strict=True)]
        means, medians = [np.mean(each) for each in runs], [statistics.median(each) for each in runs]
        tops, bottoms = [max(each) for each in runs], [min(each) for each in runs]
        order = sorted(range(len(runs)), key=means.__getitem__)
        clear = means[order[0]] < means[order[1]] and means[order[-1]] > means[order[-2]]
        mixed = tops[order[-1]] < max(tops) and medians[order[0]] > min(medians) and sum(means) != 0
        if clear and mixed and bottoms[order[0]] > min(bottoms) and order[-1] != len(runs) - 1:
            break
    places = sum(sizes)
    orders = [rng.permutation(places).tolist() for _ in range(ORDERS)]
    ends = np.cumsum([0, *sizes])
    for i, j in pairwise(ends):  # within a way: as far apart as before
        idle = list(range(places))
        idle[i:j] = idle[i:j][::-1]
        orders.append(idle)
    return case(
        {name: [score / 64 for score in each] for name, each in zip(names, runs, strict=True)},
        [orders[i] for i in rng.permutation(len(orders))],
    )


def cases(rng):
    return [
        drawn(rng, (4, 4, 4, 4)),
        drawn(rng, (2, 8, 4, 4)),
        drawn(rng, (4, 2, 4, 8, 4), apart=4),
        drawn(rng, (8, 8, 4)),
        drawn(rng, (4, 4, 2, 4, 4, 2), apart=3),
    ]


def eighths(scores):
    """Per way, 64ths, whole numbers."""
    return {name: [round(64 * score) for score in each] for name, each in scores.items()}


def mean(runs):
    return sum(runs) / len(runs) / 64


def dealt(pool, scores, order):
    """Way -> what it has after an exchange."""
    taken = iter([pool[i] for i in order])
    return {name: [next(taken) for _ in each] for name, each in scores.items()}


def sent(pool, scores, order):
    """The other way round: what was at place i goes to place order[i]."""
    back = {place: i for i, place in enumerate(order)}
    return dealt(pool, scores, [back[i] for i in range(len(order))])


def evenly(pool, scores, order):
    """Pieces of one length."""
    taken, n = [pool[i] for i in order], len(order) // len(scores)
    return {name: taken[k * n : (k + 1) * n] for k, name in enumerate(scores)}


def widest(of, ends):
    values = list(of.values())
    return max(values) - min(values)


def named(of, ends):
    """Between the two names that are highest and lowest before any exchange."""
    return of[ends[0]] - of[ends[1]]


def size_of_named(of, ends):
    return abs(named(of, ends))


def first_and_last(of, ends):
    values = list(of.values())
    return abs(values[0] - values[-1])


def found_by(
    middle=mean,
    deal=dealt,
    again=widest,
    counts=lambda other, gap: other < gap,
    turned=False,
    own=widest,
    over=lambda orders: len(orders),
    pick=None,
):
    """The dictionary, with a mistaken rule in place of a right one."""

    def found(scores, orders):
        runs = eighths(scores)
        pool = [score for each in runs.values() for score in each]
        before = {name: middle(each) for name, each in runs.items()}
        asked = before if pick is None else {name: pick(each) for name, each in runs.items()}
        ends = (max(asked, key=asked.get), min(asked, key=asked.get))
        gap = own(before, ends)
        gaps = [again({n: middle(each) for n, each in deal(pool, runs, order).items()}, ends) for order in orders]
        high, low = ends[::-1] if turned else ends
        nearer = sum(counts(other, gap) for other in gaps) / over(orders)
        return {"highest": high, "lowest": low, "gap": gap, "nearer": nearer}

    return found


reference = found_by()


MISTAKES = [
    Mistake(
        "after each exchange you compare the two names that were highest and lowest before. They were chosen because "
        "they lay apart; each exchange may choose its own.",
        found_by(again=named),
    ),
    Mistake(
        "after each exchange you compare the two names that were highest and lowest before, on either side. Each "
        "exchange may choose its own highest and lowest.",
        found_by(again=size_of_named),
    ),
    Mistake("you compare the first way with the last.", found_by(again=first_and_last)),
    Mistake(
        "an exchange with the same gap counts as nearer in yours. Nearer: <.",
        found_by(counts=lambda other, gap: other <= gap),
    ),
    Mistake(
        "your share is of the exchanges that lie at least as far apart. Asked for is the share that lies nearer.",
        found_by(counts=lambda other, gap: other >= gap),
    ),
    Mistake(
        "your share is of the exchanges that lie further apart. Asked for is the share that lies nearer.",
        found_by(counts=lambda other, gap: other > gap),
    ),
    Mistake(
        "you add 1 to the number of exchanges. Divide by how many there are.",
        found_by(over=lambda orders: len(orders) + 1),
    ),
    Mistake(
        "you give the number of exchanges that lie nearer. Divide it by how many there are.", found_by(over=lambda o: 1)
    ),
    Mistake(
        "you send the score at place i to place order[i]. Place i gets the score that was at place order[i].",
        found_by(deal=sent),
    ),
    Mistake(
        "you cut the exchanged list into pieces of one length. Each way keeps its number of runs.",
        found_by(deal=evenly),
    ),
    Mistake("you compare medians. Take the means.", found_by(middle=lambda runs: statistics.median(runs) / 64)),
    Mistake(
        "you compare sums. A way with more runs has a larger one; take the means.",
        found_by(middle=lambda runs: sum(runs) / 64),
    ),
    Mistake("you compare the best runs. Take the means.", found_by(middle=lambda runs: max(runs) / 64)),
    Mistake(
        "your names are those of the best and the worst single run. Take the means.",
        found_by(pick=lambda runs: max(runs)),
    ),
    Mistake("`highest` and `lowest` are exchanged.", found_by(turned=True)),
    Mistake(
        "your gap is lowest less highest. Take highest less lowest.",
        found_by(own=lambda of, ends: -widest(of, ends), counts=lambda other, gap: other < -gap),
    ),
]


def nothing_lies_nearer_than_nothing(answer, rng):
    """With no exchange at all, the gap is the gap."""
    given = drawn(rng, (4, 4, 2)).arguments
    places = sum(len(each) for each in given[0].values())
    found = float(answer(given[0], [list(range(places))] * 3)["nearer"])
    if found != 0:
        wrong(f"where nothing is exchanged, no gap is smaller than it was: nearer is 0; yours is {found:g}")


def points_do_not_matter(answer, rng):
    scores, orders = drawn(rng, (4, 4, 4)).arguments
    one = float(answer(scores, orders)["nearer"])
    other = float(answer({name: [2 * score - 1 for score in each] for name, each in scores.items()}, orders)["nearer"])
    if abs(one - other) > 1e-9:
        wrong(f"with all scores doubled and 1 taken away, nearer stays the same; yours is {one:g} and {other:g}")


LAWS = [nothing_lies_nearer_than_nothing, points_do_not_matter]
