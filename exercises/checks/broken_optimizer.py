"""Fresh toy runs, each with a defect that is known because the check has put it there."""

from pathlib import Path

import numpy as np

from recall_learn.practice import case, wrong
from recall_learn.practice.exercise import load_file

GIVEN = load_file(Path(__file__).parents[1] / "solutions" / "broken_optimizer.py", "recall_learn_toy_runs")
NAMES = GIVEN.NAMES
RUNS = []
"""``truth, seed, factor, record`` of this look's cases; the laws say more about the same runs."""
FACTORS = (512.0, 1 / 512)
"""What takes the weights of a run from the lower end of the scale to the upper one, and back; exact in floats."""

FINE, ZERO, REVERSED, BIAS, ABOVE, MOVING = NAMES

TOLD = {
    (FINE, ZERO): "The norm falls a little in a run that is in order too, on its way home from a start that is farther "
    "from 0. Look at the distance to home first, and ask whether the norm falls to a small part of itself.",
    (FINE, BIAS): "The encoder's first step holds the pull, which is many learning rates long. Only the head's step is "
    "Adam's alone: compare that with the learning rate.",
    (FINE, REVERSED): "A run that is in order leaves home when lambda is large, as the task asks for it. Look at "
    "what the distance does while lambda is small.",
    (FINE, MOVING): "A run that is in order leaves home when lambda is large, as the task asks for it. Look at "
    "what the distance does while lambda is small.",
    (FINE, ABOVE): "Its lr * gamma is under 1. Multiply the two, step by step, before you compare with 2.",
    (REVERSED, FINE): "It ends at home, and it is broken all the same: it comes home when lambda is large and the "
    "task should decide. Ask when the distance falls, not whether.",
    (
        REVERSED,
        MOVING,
    ): "Its spring is there and comes too late: the distance to home falls when lambda is large. If the "
    "anchors moved along, it would never come near to 0.",
    (
        MOVING,
        REVERSED,
    ): "Its distance to home comes near to 0 neither early nor late: there is no spring. A reversed one would pull "
    "when lambda is large.",
    (
        MOVING,
        FINE,
    ): "While lambda is small its distance to home falls by a little at most, and lr * gamma says how fast it should.",
    (BIAS, FINE): "Look at the head's first step: it is 3.16 learning rates, (1 - beta1) / sqrt(1 - beta2), where "
    "Adam with the correction takes one.",
    (ZERO, FINE): "Its distance to home does not fall while lambda is small. The norm does, nearly to 0.",
    (ZERO, MOVING): "Something is pulled here: the norm falls nearly to 0 while lambda is small.",
    (ZERO, REVERSED): "Something is pulled while lambda is small: the norm falls nearly to 0.",
}
OF = {
    FINE: "Nothing is wrong with it: while lambda is small the distance to home falls nearly to 0, and then it grows.",
    ZERO: "While lambda is small its norm falls nearly to 0.",
    REVERSED: "Its distance to home falls when lambda is large.",
    BIAS: "The head's first step is 3.16 learning rates long.",
    ABOVE: "The learning rate has a warm-up: take the largest lr * gamma * (1 - lam) of all steps, not the first.",
    MOVING: "Its distance to home never falls to a small part of itself, neither early nor late.",
}


def seed_at(rng, end):
    """A seed whose run has weights in the outer tenth of the scale, at the lower end (0) or the upper one (1)."""
    while True:
        seed = int(rng.integers(100_000))
        drawn = np.random.default_rng(seed)
        drawn.integers(100, 140)  # the steps, which `toy_run` draws first
        place = drawn.uniform(-2, 1)
        if (place > 0.7) if end else (place < -1.7):
            return seed


def seed_with(rng, wanted):
    """A seed for which ``wanted(seed)``."""
    return next(seed for seed in iter(lambda: int(rng.integers(100_000)), None) if wanted(seed))


def strength(seed, least, most):
    """lr * gamma at the highest rate, which `toy_run` draws between the two."""
    drawn = np.random.default_rng(seed)
    drawn.integers(100, 140), drawn.uniform(-2, 1), drawn.normal(size=(5, 80)), drawn.uniform(1.5, 3)
    drawn.integers(3, 9), drawn.uniform(3e-3, 8e-3)
    return drawn.uniform(least, most)


def learns(seed):
    """Whether a run that is pulled to zero ends with a lower loss all the same, as one in twenty does."""
    loss = GIVEN.toy_run(ZERO, seed)["loss"]
    return loss[-1] < loss[0]


def cases(rng):
    RUNS.clear()
    for name in NAMES:
        for end, factor in enumerate(FACTORS):
            seed = seed_at(rng, end)
            RUNS.append((name, seed, factor, GIVEN.toy_run(name, seed)))
    for name, wanted in (
        (FINE, lambda seed: strength(seed, 0.2, 0.6) > 0.59),
        (ABOVE, lambda seed: strength(seed, 2.4, 3) < 2.415),
        (ZERO, learns),
    ):
        seed = seed_with(rng, wanted)
        RUNS.append((name, seed, 1.0, GIVEN.toy_run(name, seed)))
    return [case(run[-1]) for run in RUNS]


def reference(record):
    """The defect itself."""
    return next(truth for truth, *_, run in RUNS if np.array_equal(run["to_home"], record["to_home"]))


def play(entry, record):
    """The answer; what is no string, such as None, comes as one in angle brackets, for the law of the names."""
    said = entry(record)
    return said if isinstance(said, str) else f"<{said!r}>"


def scaled(record, factor):
    """The same run with all weights and rates so many times as large; gamma and the loss go along."""
    powers = {"gamma": -1, "lam": 0, "loss": 2}
    return {name: value * factor ** powers.get(name, 1) for name, value in record.items()}


def call(truth, seed):
    return f'toy_run("{truth}", {seed})'


def message(truth, said, seed):
    return f'you call {call(truth, seed)} "{said}". {TOLD.get((truth, said), OF[truth])}'


def each_answer_is_a_name(answer, rng):
    for truth, seed, _, record in RUNS:
        said = answer(record)
        if said not in NAMES:
            none = " None comes where no `return` is reached." if said == "<None>" else ""
            said = said[1:-1] if said.startswith("<") else repr(said)
            wrong(
                f"your answer to {call(truth, seed)} is {said}. It has to be one of {', '.join(map(repr, NAMES))}, "
                f"spelled like that.{none}"
            )


def the_unit_does_not_matter(answer, rng):
    for truth, seed, factor, record in RUNS:
        said, again = answer(record), answer(scaled(record, factor))
        if said != again:
            times = "times 512 (and gamma divided by it" if factor > 1 else "divided by 512 (and gamma times it"
            wrong(
                f'your answer depends on the scale of the weights: {call(truth, seed)} is "{said}" to you. With all of '
                f'its weights, steps and learning rates {times}) it is the same run, and to you it is "{again}". That '
                "happens where a size is compared with a fixed number: compare it with another size of the same run"
            )


def no_run_is_missed(answer, rng):
    for truth, seed, _, record in RUNS:
        said = answer(record)
        if said != truth:
            wrong(message(truth, said, seed))


LAWS = [each_answer_is_a_name, the_unit_does_not_matter, no_run_is_missed]
