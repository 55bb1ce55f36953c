"""Against a sweep from the best score down."""

import itertools

import numpy as np

from recall_learn.practice import Mistake, case, wrong

NAMES = (
    "plain",
    "plain, half the rate",
    "L2-SP",
    "EWC",
    "RecAdam",
    "Child-Tuning-F",
    "Child-Tuning-D",
    "Mixout",
    "R3F",
    "Top-K",
    "LwF",
    "replay",
)


SHIFTS = [(0, 0), (2000, 600)]
"""None, or one after which losses and scores lie on both sides of 0."""


def drawn(rng, on, same, tied, inside, shift=(0, 0)):
    """A frontier of ``on`` points, some of them twice, some with a neighbour that ties in one number, others inside."""
    losses, scores = (sorted(rng.choice(400, size=on, replace=False).tolist()) for _ in range(2))
    front = [(1000 + 5 * loss, 400 + score) for loss, score in zip(losses, scores, strict=True)]
    points = front + [front[i] for i in rng.choice(on, size=same, replace=False)]
    for _ in range(tied):
        (loss, score), (loss_too, score_too) = (front[i] for i in rng.integers(on, size=2))
        points += [(loss + int(rng.integers(1, 900)), score), (loss_too, score_too - int(rng.integers(1, 300)))]
    for _ in range(inside):
        loss, score = front[int(rng.integers(on))]
        points.append((loss + int(rng.integers(1, 900)), score - int(rng.integers(1, 300))))
    names = [str(name) for name in rng.permutation(NAMES)[: len(points)]]
    points = [points[i] for i in rng.permutation(len(points))]
    return {
        name: ((loss - shift[0]) / 1000, (score - shift[1]) / 1000)
        for name, (loss, score) in zip(names, points, strict=True)
    }


def cases(rng):
    sizes = [(4, 0, 0, 3), (3, 0, 1, 4), (4, 2, 1, 3), (5, 1, 1, 2), (3, 2, 2, 2)]
    sizes.append((4, 1, 1, 2, SHIFTS[1]))
    apart = drawn(rng, 4, 0, 1, 3)
    close = {name: (2 + (loss - 2) / 100, 0.5 + (score - 0.5) / 100) for name, (loss, score) in apart.items()}
    return [*(case(drawn(rng, *each)) for each in sizes), case(close)]


def play(entry, points):
    """Each method's place in the answer, so that a message can name the method that is wrong."""
    given = dict(points)
    answer = entry(points)
    if answer is None:
        return None
    if isinstance(answer, np.ndarray) and answer.ndim == 1:
        answer = answer.tolist()
    if not isinstance(answer, list | tuple):
        wrong(f"your result is a {type(answer).__name__}; it has to be {KIND}")
    other = [name for name in answer if not isinstance(name, str) or name not in given]
    twice = [name for name in answer if not other and list(answer).count(name) > 1]
    if other or twice:
        wrong(
            f"your list has {other[0]!r} in it; it has to be {KIND}" if other else f"your list has {twice[0]!r} twice"
        )
    return places(given, answer)


KIND = "a list of names from `points`, each once"


def places(points, names):
    """The place of each on the list, 0 for none. Among methods with the same score either order is right."""
    names = list(names)
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            if points[names[i]][1] == points[names[j]][1] and names[j] < names[i]:
                names[i], names[j] = names[j], names[i]
    return {f"place of {name!r}": names.index(name) + 1 if name in names else 0 for name in points}


def frontier(points):
    """The names, by falling score."""
    kept, lowest, found = set(), float("inf"), []
    for name in sorted(points, key=lambda name: (-points[name][1], points[name][0])):
        if points[name][0] < lowest or points[name] in kept:
            found.append(name)
            kept.add(points[name])
            lowest = points[name][0]
    return found


def reference(points):
    return places(points, frontier(points))


def falling(points, names):
    return places(points, sorted(names, key=lambda name: -points[name][1]))


def front(beats, loss_sign=1, score_sign=1):
    """The methods that no other one beats, as a mistaken comparison of (source loss, score) sees it."""

    def found(points):
        seen = {name: (loss_sign * loss, score_sign * score) for name, (loss, score) in points.items()}
        return falling(points, [a for a in seen if not any(beats(seen[b], seen[a]) for b in seen if b != a)])

    return found


def beats(a, b):
    return a[0] <= b[0] and a[1] >= b[1] and a != b


def one_of_each(first):
    """As a sweep with a strict comparison has it: of equal methods one only."""

    def found(points):
        names = frontier({name: points[name] for name in (points if first else reversed(points))})
        return falling(points, {points[name]: name for name in reversed(names)}.values())

    return found


def best_of_each(points):
    """All that have the lowest loss or the highest score, beaten or not."""
    least, most = min(loss for loss, _ in points.values()), max(score for _, score in points.values())
    return falling(points, [name for name, (loss, score) in points.items() if loss == least or score == most])


def ends(points):
    """Of these, those on the frontier."""
    best = best_of_each(points)
    return falling(points, [name for name in frontier(points) if best[f"place of {name!r}"]])


def two_ends(points):
    return falling(points, {max(points, key=lambda n: points[n][1]), min(points, key=lambda n: points[n][0])})


ENDS = (
    "you have the best score and the lowest source loss, the two ends of the frontier. A method between them can be on "
    "the frontier too. Ask of each whether another is at least as good in both."
)
ONE = "of two methods at the same point you keep only one. Neither is better, so both stay."

MISTAKES = [
    Mistake(
        "you take a high source loss for a good one. It says how much was forgotten: lower is better.",
        front(beats, loss_sign=-1),
    ),
    Mistake("you take a low score for a good one. For the score, higher is better.", front(beats, score_sign=-1)),
    Mistake(
        "both axes are the wrong way round: you have the methods that are worst. Lower is better for the source loss, "
        "higher for the score.",
        front(beats, loss_sign=-1, score_sign=-1),
    ),
    Mistake(
        "you keep methods that another one equals in one number and beats in the other. To be pushed off, it is enough "
        "to be worse in one and no better in the other.",
        front(lambda a, b: a[0] < b[0] and a[1] > b[1]),
    ),
    Mistake(
        "two methods at the same point push each other off in yours. Neither is better in anything, so both stay: to "
        "push off takes at least one number that is better.",
        front(lambda a, b: a[0] <= b[0] and a[1] >= b[1]),
    ),
    *(Mistake(ONE, one_of_each(first)) for first in (True, False)),
    *(Mistake(ENDS, taken) for taken in (ends, best_of_each, two_ends)),
    Mistake(
        "you cross a method out as soon as another is better in one of the two numbers. It has to be at least as good "
        "in the other one as well.",
        front(lambda a, b: a[0] < b[0] or a[1] > b[1]),
    ),
    Mistake(
        "the right methods, in order of rising score. Falling is asked for.",
        lambda points: places(points, frontier(points)[::-1]),
    ),
    Mistake(
        "the right methods, in the order they came in. Sort them by falling score.",
        lambda points: places(points, [name for name in points if name in frontier(points)]),
    ),
    Mistake(
        "the right methods, in the order of their names. Sort them by falling score.",
        lambda points: places(points, sorted(frontier(points))),
    ),
]


def listed(answer, points):
    """The names, in their order."""
    found = answer(points)
    return sorted(
        (name for name in points if found[f"place of {name!r}"]), key=lambda name: found[f"place of {name!r}"]
    )


def keeps_nobody_who_is_beaten(answer, rng):
    for points in (drawn(rng, 4, 1, 2, 2, shift) for shift in SHIFTS * 5):
        for name, other in itertools.product(listed(answer, points), points):
            if beats(points[other], points[name]):
                wrong(
                    f"{name!r} is on your list with a source loss of {points[name][0]:g} and a score of "
                    f"{points[name][1]:g}. {other!r} has {points[other][0]:g} and {points[other][1]:g}, and so beats it"
                )


def leaves_nobody_out(answer, rng):
    for points in (drawn(rng, 4, 2, 1, 2, shift) for shift in SHIFTS * 5):
        found = listed(answer, points)
        for name in (each for each in frontier(points) if each not in found):
            wrong(
                f"{name!r} with a source loss of {points[name][0]:g} and a score of {points[name][1]:g} is not on your "
                "list, and nobody beats it"
            )


def keeps_one_alone(answer, rng):
    if listed(answer, {"plain": (2.0, 0.5)}) != ["plain"]:
        wrong("a method that has no rival is on the frontier: with one method the list has its name")


def falls(answer, rng):
    for points in (drawn(rng, 5, 1, 1, 2) for _ in range(5)):
        for one, other in itertools.pairwise(listed(answer, points)):
            if points[one][1] < points[other][1]:
                wrong(
                    f"{one!r} with a score of {points[one][1]:g} comes before {other!r} with {points[other][1]:g}; the "
                    "highest score comes first"
                )


LAWS = [keeps_nobody_who_is_beaten, leaves_nobody_out, keeps_one_alone, falls]
