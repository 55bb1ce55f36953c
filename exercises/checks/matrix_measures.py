"""Against sums written out with the papers' indices."""

import numpy as np

from recall_learn.practice import Mistake, case, wrong

TOLERANCE = 1e-6


def drawn(rng, tasks):
    """Scores that rise when a task is learned, and wander from there on: a task may be best at any time after it."""
    scores = rng.uniform(0.3, 0.6, size=(tasks + 1, tasks))
    for j in range(tasks):
        scores[j + 1 :, j] = rng.uniform(0.55, 0.98, size=tasks - j)
    return scores.round(3)


def cases(rng):
    found = [case(drawn(rng, tasks)) for tasks in (3, 4, 5, 6, 2)]
    lucky = [drawn(rng, 4) for _ in range(3)]
    for scores, at in zip(lucky, ((0, 1), (1, 2), (2, 2)), strict=True):
        scores[at] = 0.99  # best before it was learned
    gained = drawn(rng, 4)
    gained[4, :3] = 0.99  # best in the end
    return [*found, *map(case, lucky), case(gained)]


def terms(scores):
    """R[i, j] with the papers' indices, j from 1."""
    tasks = len(scores[0])
    return {(i, j): float(scores[i][j - 1]) for i in range(tasks + 1) for j in range(1, tasks + 1)}, tasks


def average(R, T):
    return sum(R[T, j] for j in range(1, T + 1)) / T


def forgetting(R, T, first=lambda j: j, last=lambda T: T - 1, over=lambda T: T - 1, sign=1.0):
    lost = [max(R[i, j] for i in range(first(j), last(T) + 1)) - R[T, j] for j in range(1, T)]
    return sign * sum(lost) / over(T)


def backward(R, T, over=lambda T: T - 1, own=lambda j: j, sign=1.0):
    return sign * sum(R[T, j] - R[own(j), j] for j in range(1, T)) / over(T)


def forward(R, T, over=lambda T: T - 1, before=lambda j: 0, row=lambda j: j - 1, sign=1.0):
    return sign * sum(R[row(j), j] - R[before(j), j] for j in range(2, T + 1)) / over(T)


def found_by(**other):
    """The four numbers, with a mistaken rule in place of a right one."""
    rules = {"average": average, "forgetting": forgetting, "backward": backward, "forward": forward} | other

    def found(scores):
        R, T = terms(scores)
        return {name: rule(R, T) for name, rule in rules.items()}

    return found


reference = found_by()


def told(rule, **how):
    """A rule with some of its ways changed."""
    return lambda R, T: rule(R, T, **how)


MISTAKES = [
    Mistake(
        "both transfers are divided by T, as in some public code. Each sum has T - 1 terms: divide by T - 1.",
        found_by(backward=told(backward, over=lambda T: T), forward=told(forward, over=lambda T: T)),
    ),
    Mistake(
        "backward transfer is divided by T. The last task is not in the sum: divide by T - 1.",
        found_by(backward=told(backward, over=lambda T: T)),
    ),
    Mistake(
        "forward transfer is divided by T. The first task is not in the sum: divide by T - 1.",
        found_by(forward=told(forward, over=lambda T: T)),
    ),
    Mistake(
        "forward transfer compares with the row after the first task, as some public code does. Take row 0.",
        found_by(forward=told(forward, before=lambda j: 1)),
    ),
    Mistake(
        "forward transfer follows a public code in two ways: it has the row after the first task in the place of row "
        "0, and T in the place of T - 1.",
        found_by(forward=told(forward, before=lambda j: 1, over=lambda T: T)),
    ),
    Mistake(
        "the last row is in the maximum of forgetting, as in some public code, or you cut each task off at 0, which is "
        "the same. The maximum goes to row T - 1, so that a task which got better in the end is below 0.",
        found_by(forgetting=told(forgetting, last=lambda T: T)),
    ),
    Mistake(
        "your forgetting is minus backward transfer, as some public code has it. Compare the end with the best score "
        "since the task was learned, which need not be the first of them.",
        found_by(forgetting=told(backward, sign=-1.0)),
    ),
    Mistake(
        "the maximum of forgetting begins a row too early, before the task was learned: row i stands after i tasks, so "
        "the task in column c was learned in row c + 1.",
        found_by(forgetting=told(forgetting, first=lambda j: j - 1)),
    ),
    Mistake(
        "the maximum of forgetting begins at the first task, for every task. What a task scored before it was learned "
        "was not learned: begin at its own row.",
        found_by(forgetting=told(forgetting, first=lambda j: 1)),
    ),
    Mistake(
        "the maximum of forgetting begins before any training. What a task scored before it was learned was not "
        "learned: begin at its own row.",
        found_by(forgetting=told(forgetting, first=lambda j: 0)),
    ),
    Mistake(
        "forgetting is divided by T. The last task cannot be forgotten yet, and is not in the sum: divide by T - 1.",
        found_by(forgetting=told(forgetting, over=lambda T: T)),
    ),
    Mistake(
        "forgetting is the wrong way round: what was lost is positive.",
        found_by(forgetting=told(forgetting, sign=-1.0)),
    ),
    Mistake(
        "backward transfer is the wrong way round: it is the end less the task's own row, below 0 where a task was "
        "forgotten.",
        found_by(backward=told(backward, sign=-1.0)),
    ),
    Mistake(
        "backward transfer compares with the row before the task was learned. Row i stands after i tasks, so the task "
        "in column c was learned in row c + 1.",
        found_by(backward=told(backward, own=lambda j: j - 1)),
    ),
    Mistake(
        "backward transfer compares with row 0, before any training. It is the task's own row that counts.",
        found_by(backward=told(backward, own=lambda j: 0)),
    ),
    Mistake(
        "forward transfer takes each task after it was learned. It asks for the row before: what others did for it.",
        found_by(forward=told(forward, row=lambda j: j)),
    ),
    Mistake(
        "forward transfer is the wrong way round: the row before the task was learned, less row 0.",
        found_by(forward=told(forward, sign=-1.0)),
    ),
    Mistake(
        "your average is that of the tasks when they had just been learned. Average accuracy is that of the last row.",
        found_by(average=lambda R, T: sum(R[j, j] for j in range(1, T + 1)) / T),
    ),
    Mistake(
        "your average is that of the whole matrix. Average accuracy is that of the last row.",
        lambda scores: {**reference(scores), "average": float(np.mean(scores))},
    ),
    Mistake(
        "your average is that of all tasks so far, in all rows. Average accuracy is that of the last row.",
        found_by(
            average=lambda R, T: sum(R[i, j] for i in range(1, T + 1) for j in range(1, i + 1)) / (T * (T + 1) / 2)
        ),
    ),
    Mistake(
        "your average leaves the last task out. It is there, too.",
        found_by(average=lambda R, T: sum(R[T, j] for j in range(1, T)) / (T - 1)),
    ),
    Mistake(
        "these are sums over the tasks. Divide the average by T, the other three by T - 1.",
        found_by(
            average=lambda R, T: T * average(R, T),
            forgetting=told(forgetting, over=lambda T: 1),
            backward=told(backward, over=lambda T: 1),
            forward=told(forward, over=lambda T: 1),
        ),
    ),
]


def what_does_not_move_is_not_forgotten(answer, rng):
    scores = np.tile(rng.uniform(0.2, 0.9, size=4).round(3), (5, 1))
    for name, value in answer(scores).items():
        if name != "average" and abs(value) > 1e-9:
            wrong(f"scores that are the same in every row have a {name} of 0; yours is {value:g}")


def no_task_is_forgotten_less_than_backward_transfer_says(answer, rng):
    found = answer(drawn(rng, 5))
    if found["forgetting"] < -found["backward"] - 1e-9:
        wrong(
            f"the best score since a task was learned is at least its own, so forgetting is at least minus backward "
            f"transfer; yours are {found['forgetting']:g} and {-found['backward']:g}"
        )


def what_was_scored_before_learning_is_not_forgotten(answer, rng):
    scores = drawn(rng, 5)
    other = scores.copy()
    other[1:3, 4] += 0.3  # the last task, long before it is learned
    other[1, 2] += 0.3
    one, two = answer(scores), answer(other)
    for name in one:
        if abs(one[name] - two[name]) > 1e-9:
            wrong(
                f"the scores of a task in rows that stand neither first, nor just before it is learned, nor later, "
                f"were changed, and your {name} went from {one[name]:g} to {two[name]:g}"
            )


LAWS = [
    what_does_not_move_is_not_forgotten,
    no_task_is_forgotten_less_than_backward_transfer_says,
    what_was_scored_before_learning_is_not_forgotten,
]
