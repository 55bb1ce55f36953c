"""Fresh toy logs, each with a fault that is known because the check has put it there."""

import itertools
from pathlib import Path

import numpy as np

from recall_learn.practice import case, wrong
from recall_learn.practice.exercise import load_file

GIVEN = load_file(Path(__file__).parents[1] / "solutions" / "find_fault.py", "recall_learn_toy_logs")
NAMES = GIVEN.NAMES
RUNS = {}
"""``truth, seed, factor, log`` of each of a look's cases; the laws say more about the same runs. Draws of several looks
may be there at a time, so they are kept by the state of the random numbers behind them."""
KEPT = 8
FACTORS = (512.0, 1 / 512, 512.0)
"""What takes the weights of a run from the lower end of the scale to the upper one, and back; exact in floats."""
OF_FINE = 3
"""How many times as many runs are in order as have one fault: a rule that chance alone sets off has to meet several."""
TEMPTING = {
    ("fine", 1): (333, 840, 1270, 1480, 1599, 1865, 2045, 2519, 2752, 2841, 2897, 3060, 3086, 3390, 3426),
    ("fine", 4): (840, 1557, 1854, 1915, 2060, 2697, 3057),
    ("gradients not divided", 1): (274, 898, 2949, 3097, 3393),
    ("optimizer state lost", 1): (27, 31, 46, 59, 74, 84, 88, 91, 95, 96, 100, 125, 151, 157),
}
"""By fault and place: seeds of runs that set off a rule of thumb, as one of twenty does. The body comes home a little
at the stop and stays there; the score falls by more than 0.03; the head's step after the stop is not half as long again
as the one before, though Adam begins anew; the sum of some steps is no longer than its longest
part."""

FINE, WARM, MICRO, RESTARTED, ANCHORS, LOST, HEAD, DIVIDED, PADDING, TRAINING = NAMES

PROMISED = (
    "Nothing is wrong with it: its `lam` is what k and t0 promise, in each step. Row 0 of an array is step t = 1. With "
    "t from 0, lambda would be off by one step."
)
TOLD = {
    (
        RESTARTED,
        ANCHORS,
    ): "Its body comes home after the stop, over many steps, because lambda has begun again: `lam` says "
    "so. New anchors take the distance to nearly 0 in the first step after the stop.",
    (RESTARTED, MICRO): "Up to the stop its `lam` is what k and t0 promise. If micro-batches were counted, it would be "
    "off from the beginning.",
    (RESTARTED, FINE): "Compute lambda from k and t0 for each step, and compare: it is off from the stop on.",
    (MICRO, RESTARTED): "Its `lam` is off before the stop already: it rises far too early.",
    (MICRO, FINE): "Compute lambda from k and t0 for each step, and compare: it passes one half near step t0 / A.",
    (
        ANCHORS,
        RESTARTED,
    ): "Its `lam` is what k and t0 promise, after the stop too. The distance falls in one step, and not "
    "over many: the place that it is measured from has moved.",
    (
        FINE,
        ANCHORS,
    ): "The distance of a run that is in order falls a little here and there. New anchors leave it at a small "
    "part in the first step after the stop.",
    (
        FINE,
        DIVIDED,
    ): "How long a gradient is depends on its batch. But a mean of vectors is never longer than the longest "
    "of them: compare `norm` with the largest `own_norm` of the same row.",
    (DIVIDED, FINE): "Its `norm` is longer than the longest `own_norm` of the same step, which a mean cannot be.",
    (FINE, LOST): "The head's steps vary in length from one to the next. The very first step of Adam is one learning "
    "rate in each weight, so `update` is `lr` there.",
    (
        LOST,
        FINE,
    ): "Its first step after the stop is one learning rate in each weight of the head, as only a first step of "
    "Adam is.",
    (FINE, HEAD): "Its first step is one learning rate in each weight of the head: just what Adam does.",
    (
        HEAD,
        FINE,
    ): "Its head hardly moves in the first step: `update` is lambda times the learning rate, and lambda does "
    "not concern a new head.",
    (FINE, PADDING): "Losses of micro-batches differ by chance, and one with much padding may have a low one. Ask all "
    "micro-batches of the log: are the two related?",
    (PADDING, FINE): "The more padding a micro-batch of it has, the lower its loss: it is multiplied by 1 - padding.",
    (TRAINING, FINE): "The same weights, those of the stop, have two different scores.",
    (
        FINE,
        TRAINING,
    ): "Its scores go up and down because the weights move. Only step `resumed` has two scores of the same "
    "weights, and they are equal.",
    (FINE, MICRO): PROMISED,
    (FINE, RESTARTED): PROMISED,
    (FINE, WARM): "Its rate rises for `warmup` steps and then falls. Ask for the largest one of all.",
    (WARM, FINE): "Its rate is the largest in the last step.",
}
OF = {
    FINE: "Nothing is wrong with it: the schedules are what the settings promise, and all signs are as they should be.",
    WARM: "Its rate rises to the last step.",
    MICRO: "Its `lam` is not what k and t0 promise, from the beginning.",
    RESTARTED: "Its `lam` is not what k and t0 promise, from the stop on.",
    ANCHORS: "In the first step after the stop the distance of its body is a small part of what it was.",
    LOST: "In the first step after the stop `update` is the learning rate.",
    HEAD: "In the first step its head moves by lambda times the learning rate.",
    DIVIDED: "Its `norm` is longer than the longest `own_norm` of the same step.",
    PADDING: "The more padding a micro-batch has, the lower is its loss.",
    TRAINING: "The same weights, those of the stop, have two different scores.",
}


def seed_at(rng, end):
    """A seed whose run has weights in the outer tenth of the scale, at the lower end (0) or the upper one (1)."""
    while True:
        seed = int(rng.integers(100_000))
        place = np.random.default_rng(seed).uniform(-2, 1)  # which `toy_log` draws first
        if (place > 0.7) if end else (place < -1.7):
            return seed


def twice(log):
    """The two scores of the same weights."""
    return log["score"][log["evaluated"] == log["resumed"]]


def cases(rng):
    runs = []
    for name in NAMES:
        for i, factor in enumerate(FACTORS * (OF_FINE if name == FINE else 1)):
            log = None
            while log is None or (name == TRAINING and abs(np.diff(twice(log))) < 3e-3):  # so close only by chance
                seed = int(rng.choice(TEMPTING[name, i])) if (name, i) in TEMPTING else seed_at(rng, factor < 1)
                log = GIVEN.toy_log(name, seed)
            runs.append((name, seed, factor, log))
    RUNS[state(rng)] = runs
    for old in list(RUNS)[:-KEPT]:
        del RUNS[old]
    return [case(run[-1]) for run in runs]


def state(rng):
    return rng.bit_generator.state["state"]["state"]


def reference(log):
    """The fault itself."""
    every = itertools.chain(*RUNS.values())
    return next(truth for truth, *_, run in every if np.array_equal(run["loss"], log["loss"]))


def scaled(log, factor):
    """The same run with all weights and rates so many times as large; gradients go along, and losses by its square."""
    powers = dict.fromkeys(("peak", "lr", "body", "head", "update", "norm", "own_norm"), 1) | {"loss": 2}
    return {name: value * factor ** powers[name] if name in powers else value for name, value in log.items()}


def call(truth, seed):
    return f'toy_log("{truth}", {seed})'


def shown(log):
    """A run, as one makes it again."""
    runs = (run for runs in RUNS.values() for run in runs)
    return next((call(truth, seed) for truth, seed, _, run in runs if np.array_equal(run["loss"], log["loss"])), "")


def message(truth, said, seed):
    return f'you call {call(truth, seed)} "{said}". {TOLD.get((truth, said), OF[truth])}'


def each_answer_is_a_name(answer, rng):
    for truth, seed, _, log in RUNS[state(rng)]:
        said = answer(log)
        if said not in NAMES:
            none = " None comes where no `return` is reached." if said is None else ""
            wrong(
                f"your answer to {call(truth, seed)} is {said!r}. It has to be one of {', '.join(map(repr, NAMES))}, "
                f"spelled like that.{none}"
            )


def the_unit_does_not_matter(answer, rng):
    for truth, seed, factor, log in RUNS[state(rng)]:
        said, again = answer(log), answer(scaled(log, factor))
        if said != again:
            times = "times 512" if factor > 1 else "divided by 512"
            wrong(
                f'your answer depends on the scale of the weights: {call(truth, seed)} is "{said}" to you. With all of '
                f'its weights, distances, gradients and rates {times} it is the same run, and to you it is "{again}". '
                "That happens where a size is compared with a fixed number: compare it with another size of the same "
                "run"
            )


def no_run_is_missed(answer, rng):
    for truth, seed, _, log in RUNS[state(rng)]:
        said = answer(log)
        if said != truth:
            wrong(message(truth, said, seed))


LAWS = [each_answer_is_a_name, the_unit_does_not_matter, no_run_is_missed]
