"""Fresh toy runs, each with a defect that is known because the check has put it there."""

from pathlib import Path

from recall_learn.practice import Mistake, case, wrong
from recall_learn.practice.exercise import load_file

GIVEN = load_file(Path(__file__).parents[1] / "solutions" / "broken_optimizer.py", "recall_learn_toy_runs")
NAMES, EACH = GIVEN.NAMES, 2
TRUTH = {}

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
    "anchors moved along, it would never fall.",
    (
        MOVING,
        REVERSED,
    ): "Its distance to home falls neither early nor late: there is no spring. A reversed one would pull "
    "when lambda is large.",
    (MOVING, FINE): "While lambda is small its distance to home hardly falls, and lr * gamma says how fast it should.",
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


def cases(rng):
    TRUTH.clear()
    drawn = []
    for name in rng.permutation(NAMES * EACH):
        seed = int(rng.integers(100_000))
        record = GIVEN.toy_run(str(name), seed)
        TRUTH[record["to_home"].tobytes()] = str(name)
        drawn.append(case(record, seed=seed))
    return drawn


def reference(record):
    """The defect itself."""
    return TRUTH[record["to_home"].tobytes()]


def message(truth, said, seed):
    call = f'toy_run("{truth}", {seed})'
    return f'you call {call} "{said}". {TOLD.get((truth, said), OF[truth])}'


def confusion(truth, said):
    """One kind is taken for another, here or there."""

    def answer(record):
        return said if reference(record) == truth else reference(record)

    return Mistake(message(truth, said, "{seed}"), answer)


MISTAKES = [confusion(truth, said) for truth in NAMES for said in NAMES if truth != said]


def no_case_is_missed(answer, rng):
    """Also where several kinds are confused."""
    for truth in NAMES:
        for _ in range(EACH):
            seed = int(rng.integers(100_000))
            said = answer(GIVEN.toy_run(truth, seed))
            if said != truth:
                wrong(message(truth, said, seed))


def names_one_of_the_six(answer, rng):
    said = answer(GIVEN.toy_run(FINE, int(rng.integers(100_000))))
    if said not in NAMES:
        wrong(f"your answer is {said!r}; it has to be one of {', '.join(map(repr, NAMES))}")


LAWS = [names_one_of_the_six, no_case_is_missed]
