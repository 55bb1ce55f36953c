"""Against sorted lists, and on the published Table 1."""

import statistics

import numpy as np

from recall_learn.practice import Mistake, case, wrong

TASKS = ("MNLI", "QQP", "QNLI", "SST-2", "CoLA", "STS-B", "MRPC", "RTE", "WNLI", "SICK", "SNLI", "SciTail")
PUBLISHED = {  # Chen et al., 2020, Table 1, first eight tasks: medians and maxima of five seeds, baseline and RecAdam
    "BERT-base": (
        (
            (84.8, 85.2),
            (91.4, 91.4),
            (88.6, 89.0),
            (93.0, 93.3),
            (60.6, 61.6),
            (89.8, 89.9),
            (86.5, 88.7),
            (71.1, 71.5),
        ),
        (
            (85.3, 85.4),
            (91.4, 91.6),
            (89.1, 89.4),
            (93.6, 94.0),
            (62.4, 62.6),
            (90.4, 90.6),
            (87.7, 88.7),
            (74.4, 77.3),
        ),
    ),
    "ALBERT-xxlarge": (
        (
            (90.6, 90.7),
            (92.2, 92.2),
            (95.4, 95.4),
            (96.7, 96.8),
            (69.5, 72.1),
            (93.0, 93.2),
            (91.2, 91.4),
            (87.4, 89.9),
        ),
        (
            (90.5, 90.6),
            (92.3, 92.4),
            (95.3, 95.5),
            (96.8, 97.0),
            (72.9, 75.1),
            (92.9, 93.0),
            (91.9, 93.1),
            (89.3, 91.7),
        ),
    ),
}


def scores(rng, centre, base=80.0, unit=0.5):
    """Some seeds of one method: halves, so that equal ones are equal, and a tail to one side. Or smaller units."""
    tail = rng.choice([-1, 1]) * rng.geometric(0.4, size=int(rng.integers(4, 8)))
    return (base + 2 * unit * (centre + 0.5 * np.round(0.8 * tail + rng.normal(size=len(tail))))).tolist()


def cases(rng):
    found = []
    # differences of less than 0.05; scores of both signs, as Matthews' correlation has them, and below 0
    for scale in [()] * 6 + [(80.0, 1 / 128), (0.0,), (-40.0,)]:
        first, second = {}, {}
        for task in TASKS:
            first[task] = scores(rng, 0.0, *scale)
            second[task] = scores(rng, float(rng.choice([-1.5, -0.5, 0.5, 1.0, 1.5])), *scale)
        for task, height in zip(rng.choice(TASKS, size=2, replace=False), (middle, max), strict=True):
            shift = height(first[task]) - middle(second[task])  # a tie of the medians, and one that is not clear
            second[task] = [score + shift for score in second[task]]
        order = [str(task) for task in rng.permutation(TASKS)]
        found.append(case(first, {task: second[task] for task in order}))
    alike = {task: scores(rng, 0.0) for task in TASKS[:2]}
    found.append(case(alike, {task: alike[task][::-1] for task in TASKS[1::-1]}))  # none is clear, none as claimed
    return found


def middle(values):
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def counts(clear=None, claimed=None, middle=middle, order=None):
    """The two counts, with mistaken rules for one task in place of the right ones."""

    def clear_as_asked(a, b, old, new):
        return a > max(new) if a > b else b > max(old)

    def counted(baseline, method):
        clears = claims = 0
        for task in baseline:
            old, new = baseline[task], method[task]
            given = middle(old), middle(new), old, new
            clears += bool((clear or clear_as_asked)(*given))
            claims += bool((claimed or (lambda a, b, *_: b > a))(*given))
        return {"clear": clears, "as claimed": claims}

    return counted


reference = counts()


def both_ways(rule):
    """The rule for whichever method is better."""
    return lambda a, b, old, new: rule(b, new, old) if b > a else rule(a, old, new) if a > b else False


def by_position(baseline, method):
    return reference(baseline, dict(zip(baseline, method.values(), strict=True)))


def shares(baseline, method):
    return {key: value / len(baseline) for key, value in reference(baseline, method).items()}


# equal counts as larger: where the medians are equal as well, three ways to write it differ
LOOSE = (
    lambda a, b, old, new: a >= max(new) or b >= max(old),
    lambda a, b, old, new: a >= max(new) if a > b else b >= max(old),
    lambda a, b, old, new: a >= max(new) if a >= b else b >= max(old),
)


MISTAKES = [
    Mistake(
        "you take means where medians are asked for. One seed that fails pulls a mean down, and hardly moves a median.",
        counts(middle=statistics.fmean),
    ),
    Mistake(
        "where the number of seeds is even, you take the lower of the middle two (torch.median does). The median is "
        "the mean of both: statistics.median, or numpy.median.",
        counts(middle=statistics.median_low),
    ),
    Mistake(
        "where the number of seeds is even, you take the higher of the middle two. The median is the mean of both.",
        counts(middle=statistics.median_high),
    ),
    Mistake(
        "you take the value in the middle of the list as it comes. Sort it first, or leave it to statistics.median.",
        counts(middle=lambda values: values[len(values) // 2]),
    ),
    Mistake("you compare maxima where medians are asked for, in both counts.", counts(middle=max)),
    Mistake(
        "your direction is the wrong one: as claimed is a larger median of `method`, the second argument.",
        counts(claimed=lambda a, b, *_: a > b),
    ),
    Mistake(
        "`as claimed` counts every difference of the medians in yours. Count those in which the new method is ahead.",
        counts(claimed=lambda a, b, *_: a != b),
    ),
    Mistake(
        "equal medians count as claimed in yours. Equal is not larger.",
        counts(claimed=lambda a, b, *_: b >= a),
    ),
    *(
        Mistake("a median that equals the other's maximum is clear in yours. Equal is not larger.", counts(clear=rule))
        for rule in LOOSE
    ),
    *(
        Mistake("ties count in yours, in both counts. Equal is not larger.", counts(rule, lambda a, b, *_: b >= a))
        for rule in LOOSE
    ),
    Mistake(
        "you compare a method's median with its own maximum, and a median is never larger than that. Take the maximum "
        "of the other method.",
        counts(clear=lambda a, b, old, new: max(a, b) > (max(old) if a > b else max(new))),
    ),
    Mistake(
        "`clear` leaves out the tasks that the baseline wins in yours. Whichever method has the larger median: count "
        "it if that is larger than the other's maximum.",
        counts(clear=lambda a, b, old, new: b > max(old)),
    ),
    Mistake(
        "`clear` has only the tasks that the baseline wins in yours. The new method's count as well.",
        counts(clear=lambda a, b, old, new: a > max(new)),
    ),
    Mistake(
        "you compare the maxima with each other. The larger **median** has to be larger than the other's maximum.",
        counts(clear=lambda a, b, old, new: max(old) != max(new)),
    ),
    Mistake(
        "you ask that no seed overlaps: the minimum of one method against the maximum of the other. That is stricter "
        "than asked for, which is the median against the maximum.",
        counts(clear=both_ways(lambda _, mine, other: min(mine) > max(other))),
    ),
    Mistake(
        "`clear` counts every difference of the medians in yours. The larger one has to be larger than the other "
        "method's maximum.",
        counts(clear=lambda a, b, *_: a != b),
    ),
    Mistake(
        "you pair the tasks by their position. They come in another order in the second dictionary: take method[task].",
        by_position,
    ),
    *(
        Mistake(
            "you round the medians before you compare them. Two that differ by a hundredth are not equal.",
            counts(clear=clear, middle=lambda values: round(middle(values), 1)),
        )
        for clear in (None, lambda a, b, old, new: a > max(new) or b > max(old))
    ),
    Mistake(
        "you take the sizes of the scores, without their signs. A score below 0 is worse than 0.",
        lambda *both: reference(*({task: [abs(x) for x in each[task]] for task in each} for each in both)),
    ),
    Mistake(
        "your maxima begin at 0, and all scores of a task may be below it. Begin at the first score.",
        counts(clear=lambda a, b, old, new: a > max(0.0, *new) if a > b else b > max(0.0, *old)),
    ),
    Mistake("these are shares of the tasks. Return the two numbers of tasks.", shares),
]


def agrees_with_table_1(answer, rng):
    right = {"BERT-base": (6, 7), "ALBERT-xxlarge": (3, 5)}
    for model, both in PUBLISHED.items():
        # five seeds with this median and this maximum, times ten: whole numbers are equal in any precision
        rows = [[(float(round(10 * m)), float(round(10 * top))) for m, top in each] for each in both]
        given = [{t: [m, top, m, top, m] for t, (m, top) in zip(TASKS, each, strict=False)} for each in rows]
        found = answer(*given)
        mine = int(found["clear"]), int(found["as claimed"])
        if mine != right[model]:
            wrong(
                f"in Table 1 of the RecAdam paper {right[model][0]} of the 8 comparisons with {model} are clear and "
                f"{right[model][1]} are as claimed. Yours says {mine[0]} and {mine[1]}"
            )


def does_not_ask_who_won(answer, rng):
    first, second = ({task: scores(rng, centre) for task in TASKS} for centre in (0.0, 1.0))
    one, other = (int(answer(*given)["clear"]) for given in ((first, second), (second, first)))
    if one != other:
        wrong(f"with the two methods exchanged `clear` has to be the same, and yours is {one} and {other}")


LAWS = [agrees_with_table_1, does_not_ask_who_won]
