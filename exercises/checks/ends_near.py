"""Against an interval, on the published figure and on distances drawn where a wrong margin shows."""

from recall_learn.practice import Mistake, array, case, wrong

INF = float("inf")
FAR = {0.001: 6.3, 0.005: 10.2, 0.01: 10.5, 0.05: 11.15}
PUBLISHED = FAR | dict.fromkeys((0.1, 0.2, 0.5, 1.0, INF), 11.35)
TUNED = [0.05, 0.1, 0.2, 0.5, 1.0]


def shuffled(rng, values):
    values = list(values)
    return [values[i] for i in rng.permutation(len(values))]


def figure(rng, margin):
    """Distances with one tuned k for each way to be near or far, and as many that were not tuned."""
    plain = float(rng.uniform(3, 30))
    shares = [
        1 - margin * rng.uniform(0.2, 0.8),
        1 + margin * rng.uniform(0.2, 0.8),
        1 - margin * (1 - 0.4 * margin),  # within the margin of plain's distance, not within that of its own
        1 + margin * (1 + 0.4 * margin),  # the other way round
        1 - margin * rng.uniform(1.5, 2.5),
        1 + margin * rng.uniform(1.5, 2.5),
    ]
    ks = shuffled(rng, [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0])
    distances = {k: float(plain * share) for k, share in zip(ks, shares * 2, strict=True)}
    distances[INF] = plain
    distances = {k: distances[k] for k in shuffled(rng, [*ks, INF])}
    falling = sorted(ks[:6], reverse=True)
    return distances, [falling[i] for i in (0, 2, 1, 3, 5, 4)], margin


def cases(rng):
    drawn = [figure(rng, float(rng.uniform(0.1, 0.3))) for _ in range(4)]
    plain, margin = float(rng.uniform(8, 20)), float(rng.uniform(0.2, 0.3))
    # 0.2 is nearer than the margin taken for a distance, and farther than a hundredth of it
    close = {0.2: plain - 0.5 * margin, 0.5: plain * (1 + 0.5 * margin), 1.0: plain * (1 - 2 * margin), INF: plain}
    drawn.append((close, [1.0, 0.5, 0.2], margin))
    drawn += edges(rng)
    return [case(PUBLISHED, shuffled(rng, TUNED), 0.02), *(case(*each) for each in drawn)]


def edges(rng):
    """Lists of none, of one, and with infinity; values of k above 1; distances just inside and just outside."""
    plain = float(rng.uniform(2, 3))
    near, far = (lambda: float(plain * (1 + rng.uniform(-0.08, 0.08)))), (lambda: float(plain * rng.uniform(1.3, 2)))
    none = {2.0: far(), INF: plain, 1.0: far(), 0.3: near()}
    one = {2.0: far(), 1.0: near(), INF: plain, 0.3: near()}
    large = {10.0: near(), 2.0: near(), INF: plain, 100.0: near(), 30.0: far(), 0.5: near()}
    margin = int(rng.integers(11, 15)) / 100 + 0.003
    parts = {0.1: 1 - margin + 0.0015, 0.2: 1 - margin - 0.0015, 0.5: 1 + margin - 0.0015, 1.0: 1 + margin + 0.0015}
    close = {k: float(plain * part) for k, part in parts.items()}
    return [
        (none, [1.0, 2.0], 0.1),
        (one, [2.0, 1.0], 0.1),
        (large, [10.0, INF, 2.0, 30.0, 100.0], 0.1),
        (
            {0.2: close[0.2], 0.5: close[0.5], INF: plain, 1.0: close[1.0], 0.1: close[0.1]},
            [1.0, 0.5, 0.2, 0.1],
            margin,
        ),
    ]


def play(entry, distances, tuned, margin):
    """The list; one k alone is none."""
    got = entry(distances, tuned, margin)
    try:
        number = array(got).ndim == 0
    except TypeError:
        return got
    if number:
        wrong(f"your result is a number, {float(array(got)):g}; it has to be a list, also with one k in it, or none")
    return got


def reference(distances, tuned, margin):
    low, high = (1 - margin) * distances[INF], (1 + margin) * distances[INF]
    return [k for k in sorted(distances) if k in tuned and low <= distances[k] <= high]


def having(test):
    """A mistake that keeps other k: ``test(distance, plain fine-tuning's, margin)``."""
    return lambda distances, tuned, margin: sorted(k for k in tuned if test(distances[k], distances[INF], margin))


def untuned(without):
    return lambda distances, tuned, margin: reference(distances, set(distances) - without, margin)


UNTUNED = "you return values of k that were not tuned over{}. Only those in `tuned` count."
MISTAKES = [
    Mistake(
        "your margin is 100 times too small. It is a share already: 0.02 is 2 %.",
        having(lambda mine, plain, margin: abs(mine - plain) <= margin / 100 * plain),
    ),
    Mistake(
        'your yardstick is the largest distance. It has to be plain fine-tuning\'s: `distances[float("inf")]`.',
        lambda d, tuned, margin: reference(d | {INF: max(d.values())}, tuned, margin),
    ),
    Mistake(
        "your yardstick is the run with the largest tuned k. Plain fine-tuning is k = infinity.",
        lambda d, tuned, margin: reference(d | {INF: d[max(tuned)]}, tuned, margin),
    ),
    Mistake(
        "your margin is a distance. It is a share: multiply it by plain fine-tuning's distance.",
        having(lambda mine, plain, margin: abs(mine - plain) <= margin),
    ),
    Mistake(
        "your margin is a share of the run's own distance. Every k is measured with the same yardstick, plain "
        "fine-tuning's distance: multiply the margin by that.",
        having(lambda mine, plain, margin: abs(mine - plain) <= margin * mine),
    ),
    Mistake(
        "your margin is a share of the larger of the two distances, as in `math.isclose`. Multiply it by plain "
        "fine-tuning's.",
        having(lambda mine, plain, margin: abs(mine - plain) <= margin * max(mine, plain)),
    ),
    Mistake(
        "your yardstick is the run with the largest finite k. Plain fine-tuning is k = infinity.",
        lambda d, tuned, margin: reference(d | {INF: d[max(set(d) - {INF})]}, tuned, margin),
    ),
    Mistake(
        "infinity is missing. It is plain fine-tuning itself, and where it is one of the tuned k it ends near.",
        lambda d, tuned, margin: reference(d, set(tuned) - {INF}, margin),
    ),
    Mistake(
        "your k are sorted as words are, in which 10 comes before 2. Sort the numbers.",
        lambda d, tuned, margin: sorted(reference(d, tuned, margin), key=str),
    ),
    Mistake(UNTUNED.format(", and infinity, which is plain fine-tuning itself"), untuned(set())),
    Mistake(UNTUNED.format(""), untuned({INF})),
    Mistake(
        "you leave out those that end a little farther away than plain fine-tuning. Near is near on either side: take "
        "the absolute difference.",
        having(lambda mine, plain, margin: 0 <= plain - mine <= margin * plain),
    ),
    Mistake(
        "you leave out those that end a little nearer than plain fine-tuning. Near is near on either side: take the "
        "absolute difference.",
        having(lambda mine, plain, margin: 0 <= mine - plain <= margin * plain),
    ),
    Mistake(
        "you keep everything that ends farther away, however far. The margin is for both sides: take the absolute "
        "difference.",
        having(lambda mine, plain, margin: plain - mine <= margin * plain),
    ),
    Mistake(
        "you keep everything that ends nearer, however near to the pretrained weights. The margin is for both sides: "
        "take the absolute difference.",
        having(lambda mine, plain, margin: mine - plain <= margin * plain),
    ),
    Mistake(
        "these are the k that end clearly nearer to the pretrained weights. Asked for are those that end about where "
        "plain fine-tuning does.",
        having(lambda mine, plain, margin: mine < (1 - margin) * plain),
    ),
    Mistake(
        "these are the k outside the margin. Asked for are those inside.",
        having(lambda mine, plain, margin: abs(mine - plain) > margin * plain),
    ),
    Mistake(
        "these are the right k, and not in order. Sort them.",
        lambda d, tuned, margin: [k for k in tuned if k in reference(d, tuned, margin)],
    ),
    Mistake(
        "these are the right k, from the largest to the smallest. Sort them upwards.",
        lambda d, tuned, margin: reference(d, tuned, margin)[::-1],
    ),
]


def the_unit_does_not_matter(answer, rng):
    distances, tuned, margin = figure(rng, 0.15)
    longer = {k: 100 * distance for k, distance in distances.items()}
    if list(answer(distances, tuned, margin)) != list(answer(longer, tuned, margin)):
        wrong("your list changes when all distances are 100 times as long. The margin is a share: it has no unit")


def at_most_takes_in_the_margin_itself(answer, rng):
    exact = {0.5: 6.0, 1.0: 10.0, 0.1: 5.5, INF: 8.0}  # 6 and 10 are 25 % from 8, to the bit
    if set(answer(exact, [0.5, 1.0, 0.1], 0.25)) < {0.5, 1.0}:
        wrong("a distance exactly on the margin counts: at most is <=")


def a_wider_margin_loses_none(answer, rng):
    distances, tuned, _ = figure(rng, 0.15)
    if not set(answer(distances, tuned, 0.1)) <= set(answer(distances, tuned, 0.3)):
        wrong("a k that ends within a tenth of plain fine-tuning's distance is missing within three tenths of it")


LAWS = [at_most_takes_in_the_margin_itself, the_unit_does_not_matter, a_wider_margin_loses_none]
