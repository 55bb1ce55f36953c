"""Against counting one by one, on batches of many sizes."""

import math
from itertools import accumulate, cycle, islice

import numpy as np

from recall_learn.practice import Mistake, case, wrong


def plain_run(rng, examples, size, epochs=1):
    """Batches of an epoch or more, each in a new order, the last one of an epoch with what is left."""
    batches = []
    for _ in range(epochs):
        order = rng.permutation(examples).tolist()
        batches += [order[i : i + size] for i in range(0, examples, size)]
    return batches


def by_length(rng, examples):
    """Batches of all sizes, as they come out where a batch is so many tokens."""
    order, batches = rng.permutation(examples).tolist(), []
    while order:
        size = int(rng.integers(1, 10))
        batches.append(order[:size])
        order = order[size:]
    return batches


def clear_of_halves(batches, share):
    """Whether no running number is near the middle of two whole ones."""
    return all(abs(share * seen % 1 - 0.5) > 2e-3 for seen in accumulate(map(len, batches)))


def drawn(rng, batches, rows, low, high):
    """A case with a share between the two."""
    while True:
        share = round(float(rng.uniform(low, high)), 3)
        if clear_of_halves(batches, share):
            break
    source = rng.permutation(2 * rows)[:rows].tolist()
    return case(batches, source, share, number_of_batches=len(batches))


def cases(rng):
    def n(low, high):
        return int(rng.integers(low, high))

    return [
        drawn(rng, plain_run(rng, n(150, 200), 8), n(60, 90), 0.03, 0.055),  # rounds to 0 in each batch
        drawn(rng, plain_run(rng, n(60, 90), 8), n(100, 130), 0.08, 0.11),  # rounds to 1
        drawn(rng, plain_run(rng, n(25, 31), 4, epochs=3), n(70, 90), 0.3, 0.45),
        drawn(rng, plain_run(rng, n(35, 45), 6, epochs=2), n(7, 10), 0.55, 0.8),  # used up, and again
        drawn(rng, plain_run(rng, n(23, 28), 5), 3, 0.9, 1.1),  # a batch holds more than all of it
        drawn(rng, plain_run(rng, n(20, 24), 3), n(20, 25), 1.3, 2.6),
        drawn(rng, by_length(rng, n(60, 80)), n(25, 40), 0.2, 0.4),
        drawn(rng, plain_run(rng, n(20, 30), 1), n(10, 15), 0.2, 0.4),
        drawn(rng, plain_run(rng, n(20, 24), 4), n(10, 15), 0.0, 0.0),  # the plain run
    ]


def nearest(x):
    return math.floor(x + 0.5)


def running(batches, share, up=nearest):
    """How many source examples each batch takes."""
    until = [up(share * seen) for seen in accumulate(map(len, batches))]
    return [b - a for a, b in zip([0, *until], until, strict=False)]


def each_batch(up):
    """Rounded in each batch, and nothing carried on."""
    return lambda batches, share: [up(share * len(batch)) for batch in batches]


def of_first_size(batches, share):
    """As if all batches were as large as the first one."""
    return running([batches[0]] * len(batches), share)


def of_mixed(batches, share):
    """A share of the whole batch, with its source examples."""
    if share >= 1:
        raise ValueError("no such share")
    return running(batches, share / (1 - share))


def all_at_once(batches, share):
    """The right number in sum, the same in each batch as far as it goes."""
    total = nearest(share * sum(map(len, batches)))
    few, more = divmod(total, len(batches))
    return [few + (i < more) for i in range(len(batches))]


def one_late(batches, share):
    """What is due of the batches before it."""
    return [0, *running(batches, share)[:-1]]


def capped(batches, share):
    """Never more than the batch has task examples, and the rest later."""
    found, due = [], 0
    for batch, k in zip(batches, running(batches, share), strict=True):
        due += k
        found.append(min(len(batch), due))
        due -= found[-1]
    return found


def whole_batches(batches, share):
    """As many as task examples in some batches, none in the others."""
    every = max(1, round(1 / share)) if share else len(batches) + 1
    return [len(batch) if number % every == 0 else 0 for number, batch in enumerate(batches, 1)]


def on(source, numbers):
    """Each goes on where the last one stopped, and begins again after the end."""
    rows = cycle(source)
    return [list(islice(rows, k)) for k in numbers]


def from_the_front(source, numbers):
    return [list(islice(cycle(source), k)) for k in numbers]


def until_used_up(source, numbers):
    rows = iter(source)
    return [list(islice(rows, k)) for k in numbers]


def never_across_the_end(source, numbers):
    """A batch that the rest is too short for begins at the front, and the rest is left out."""
    found, i = [], 0
    for k in numbers:
        if i + k > len(source):
            i = 0
        found.append(source[i : i + k])
        i += k
    return found


def short_at_the_end(source, numbers):
    """The batch that meets the end has only the rest."""
    found, i = [], 0
    for k in numbers:
        found.append(source[i : i + k])
        i = i + k if i + k < len(source) else 0
    return found


def forgets_the_end(source, numbers):
    """A slice at the place modulo the length, cut off at the end, though the place goes on."""
    starts = [0, *accumulate(numbers)]
    return [source[i % len(source) : i % len(source) + k] for i, k in zip(starts, numbers, strict=False)]


def backwards(source, numbers):
    return on(source[::-1], numbers)


def in_order(source, numbers):
    return on(sorted(source), numbers)


def of_task(task, source, batches, share):
    return 1 / len(task)


def of_all(task, source, batches, share):
    return 1 / (len(task) + len(source))


def of_all_on_average(task, source, batches, share):
    return 1 / len(task) / (1 + share)


def of_first_batch(task, source, batches, share):
    return 1 / len(batches[0])


def halves(task, source, batches, share):
    return 0.5 / len(task)


def one(task, source, batches, share):
    return 1.0


def pushed_out(batch, k):
    """As many task examples fewer as there are source examples."""
    return batch[: max(0, len(batch) - k)]


def made(numbers=running, rows=on, weight=of_task, task=None):
    """The batches, with something else in the place of a part."""

    def result(batches, source, share):
        counts = numbers(batches, share)
        mixed = []
        for batch, drawn in zip(batches, rows(source, counts), strict=True):
            kept = task(batch, len(drawn)) if task else batch
            mixed.append({"task": kept, "source": drawn, "weight": weight(kept, drawn, batches, share)})
        return mixed

    return result


reference = made()


def own_batches(batches, source, share):
    """Source examples in batches of their own, behind those that they would be in."""
    mixed = []
    for each in reference(batches, source, share):
        mixed.append(each | {"source": []})
        if each["source"]:
            mixed.append({"task": [], "source": each["source"], "weight": 1 / len(each["source"])})
    return mixed


def size_kept(batches, source, share):
    """Fewer task examples, each at the weight of the size that was."""
    return [
        each | {"task": pushed_out(each["task"], len(each["source"]))} for each in reference(batches, source, share)
    ]


COUNTS = [
    (
        "you round in each batch, and what is lost or gained in rounding is never made up for: a small share is 0 in "
        "each batch, and so 0 in the whole run. Round the number that is due so far, and take as many as are missing "
        "from it.",
        each_batch(nearest),
    ),
    (
        "you round down in each batch, so that each loses its fraction. Round the number that is due so far, and take "
        "as many as are missing from it.",
        each_batch(math.floor),
    ),
    (
        "you round up in each batch, so that there are too many in sum. Round the number that is due so far, and take "
        "as many as are missing from it.",
        each_batch(math.ceil),
    ),
    (
        "you take at least one source example in each batch, so that a small share becomes a large one. Round the "
        "number that is due so far, and take as many as are missing from it: in many batches that is none.",
        lambda batches, share: [max(1, k) for k in each_batch(nearest)(batches, share)],
    ),
    (
        "you carry the remainder on, and round down: the number so far is then up to one short. Round it to the "
        "nearest.",
        lambda batches, share: running(batches, share, math.floor),
    ),
    (
        "you carry the remainder on, and round up: the number so far is then up to one too high. Round it to the "
        "nearest.",
        lambda batches, share: running(batches, share, math.ceil),
    ),
    (
        "you take all batches to be as large as the first. The last one of an epoch has what is left, and some have "
        "other sizes anyway: count the task examples that there were.",
        of_first_size,
    ),
    (
        "your share is one of the mixed batch, source examples included. It is asked for each task example: 0.5 makes "
        "one source example for two of the task, and the batch is a third source.",
        of_mixed,
    ),
    (
        "your numbers are right in sum, and not after every batch: they are the same in each, with what is left in the "
        "first ones. Take in each batch what is missing to share times the task examples so far.",
        all_at_once,
    ),
    (
        "your batches take what was due of the batches before them. The task examples of the batch itself count too.",
        one_late,
    ),
    (
        "a batch of yours never has more source examples than task examples. A share above 1 asks for more.",
        capped,
    ),
    (
        "a batch of yours has either no source example or as many as task examples. Spread them: after every batch the "
        "number so far has to be right.",
        whole_batches,
    ),
]
ROWS = [
    (
        "each batch begins at the front of `source` in yours, so the same few examples come again and again. Go on "
        "where the last batch stopped.",
        from_the_front,
    ),
    ("when all of `source` has been used, yours has no more. Begin again at the front.", until_used_up),
    (
        "where the rest of `source` is too short for a batch, yours leaves it out and begins at the front. Use the "
        "rest up, and fill the batch from the front.",
        never_across_the_end,
    ),
    (
        "the batch that meets the end of `source` has only the rest of it in yours. Fill it from the front.",
        short_at_the_end,
    ),
    (
        "a slice ends where the list ends: the batch that meets the end of `source` is too short in yours. Take "
        "`source[i % len(source)]` for one i after another.",
        forgets_the_end,
    ),
    ("you take `source` from its end. Begin at the front.", backwards),
    ("you sort `source`. It is in random order already: take it as it comes.", in_order),
]
PUSHED = (
    "source examples push out task examples in yours, to keep the size. Then the run sees less of the task than the "
    "plain one, and forgets less for that alone. Put them on top."
)
MEAN = (
    "your weight is that of a mean over the mixed batch. So the task's part is smaller than in the plain run, and "
    "the learning rate of the task with it. Its mean is over the task examples alone, whatever joins them."
)
WEIGHTS = [
    (MEAN, of_all),
    (MEAN, of_all_on_average),
    (
        "your weight has the size of the first batch in it. The plain run took a mean in each batch: 1 over the number "
        "of task examples of this one.",
        of_first_batch,
    ),
    (
        "your weight gives one half to the task. In the plain run it had all of it, and that part has to stay.",
        halves,
    ),
    (
        "a weight of 1 makes a sum over the task examples. The plain run took their mean: 1 over their number.",
        one,
    ),
]
MISTAKES = [
    Mistake(PUSHED, size_kept),
    *(
        Mistake(PUSHED, made(numbers=numbers, task=pushed_out, weight=weight))
        for numbers in (running, each_batch(nearest))
        for weight in (of_task, of_all)
    ),
    Mistake(
        "source examples come in batches of their own in yours, so the run takes more steps than the plain one. Put "
        "them into the batches that are there.",
        own_batches,
    ),
    Mistake(
        "you leave out batches that no source example falls into, so the run takes fewer steps than the plain one. "
        "They "
        'stay, with an empty list as their "source".',
        lambda *given: [each for each in reference(*given) if each["source"]],
    ),
    *(Mistake(says, made(numbers=numbers)) for says, numbers in COUNTS),
    *(Mistake(says, made(rows=rows)) for says, rows in ROWS),
    *(Mistake(says, made(weight=weight)) for says, weight in WEIGHTS),
    *(
        Mistake(f"{says} And {mean}", made(numbers=numbers, weight=weight))
        for mean, weight in WEIGHTS[:1]
        for says, numbers in COUNTS
    ),
    *(
        Mistake(f"{says} And {also}", made(numbers=numbers, rows=rows))
        for says, numbers in COUNTS[:4]
        for also, rows in ROWS[:2]
    ),
]


def drawn_of(rng, low, high):
    batches = by_length(rng, int(rng.integers(40, 60)))
    return drawn(rng, batches, int(rng.integers(11, 17)), low, high).arguments


def numbers_of(value):
    return np.asarray(value, dtype=float).ravel().tolist()


def the_task_is_the_plain_run_s(answer, rng):
    batches, source, share = drawn_of(rng, 0.3, 0.6)
    mixed = answer(batches, source, share)
    if len(mixed) != len(batches):
        wrong(f"the plain run takes {len(batches)} steps and yours {len(mixed)}: make one batch of each")
    for number, (batch, each) in enumerate(zip(batches, mixed, strict=True), 1):
        if numbers_of(each["task"]) != batch:
            wrong(
                f"batch {number} of the plain run has the task examples {batch}, and yours has "
                f"{[round(i) for i in numbers_of(each['task'])]}. They have to be the same, in the same order"
            )
        part = float(each["weight"]) * len(batch)
        if abs(part - 1) > 1e-4:
            wrong(
                f"batch {number} has {len(batch)} task examples and {len(numbers_of(each['source']))} of the source, "
                f"with a weight of {float(each['weight']):.4g}: the task's part of the loss is {part:.4g} times that "
                f"of the plain run, and it has to be the same"
            )


def the_share_is_kept_all_along(answer, rng):
    batches, source, share = drawn_of(rng, 0.1, 0.3)
    taken = seen = 0
    for number, (batch, each) in enumerate(zip(batches, answer(batches, source, share), strict=False), 1):
        seen, taken = seen + len(batch), taken + len(numbers_of(each["source"]))
        if taken != nearest(share * seen):
            wrong(
                f"after batch {number} there have been {seen} task examples, and {taken} of the source in yours. A "
                f"share of {share} makes {share * seen:.4g}, so {nearest(share * seen)}"
            )


def all_come_before_one_comes_again(answer, rng):
    batches, source, share = drawn_of(rng, 0.8, 1.5)
    came = [round(i) for each in answer(batches, source, share) for i in numbers_of(each["source"])]
    for i in range(0, len(came), len(source)):
        once = came[i : i + len(source)]
        if len(set(once)) < len(once):
            again = next(each for j, each in enumerate(once) if each in once[:j])
            wrong(
                f"of {len(source)} source examples number {again} comes a second time before all have come once: draw "
                "without repeats"
            )


def they_come_as_they_stand(answer, rng):
    batches, source, share = drawn_of(rng, 0.8, 1.5)
    came = [round(i) for each in answer(batches, source, share) for i in numbers_of(each["source"])]
    due = list(islice(cycle(source), len(came)))
    if came != due:
        i = next(i for i, (mine, right) in enumerate(zip(came, due, strict=True)) if mine != right)
        again = f", and of that number {i % len(source) + 1} when it begins again" if i >= len(source) else ""
        wrong(
            f"your source example number {i + 1} is {came[i]}, and it has to be {due[i]}: they come as they stand in "
            f"`source`, which is in random order already{again}"
        )


LAWS = [
    the_task_is_the_plain_run_s,
    the_share_is_kept_all_along,
    all_come_before_one_comes_again,
    they_come_as_they_stand,
]
