"""Against counts of right answers, run by run."""

import numpy as np

from recall_learn.practice import Mistake, case, wrong


def answers(rng, labels, right, classes):
    """Answers of which exactly so many are right; not all the same."""
    labels = np.array(labels)
    while True:
        given = (labels + rng.integers(1, classes, size=len(labels))) % classes
        hits = rng.permutation(len(labels))[:right]
        given[hits] = labels[hits]
        if len(set(given.tolist())) > 1:
            return given.tolist()


def drawn(rng, classes, counts, train_counts):
    """Runs on both sides of both lines, and on them; some that say one thing."""
    labels, train = (rng.permutation(np.repeat(np.arange(classes), each)).tolist() for each in (counts, train_counts))
    top, train_top = max(counts), max(train_counts)
    n, many = len(labels), len(train)
    low = len(labels) // classes  # 1 / classes of them: under the majority share
    kinds = [
        (top, train_top), (top - 1, train_top + 2), (top + 1, many - 1), (low, train_top - 1), (low + 1, many),
        (n - 1, many), (top + 1, train_top), (top + 2, train_top - 1),
    ]  # fmt: skip
    chosen = [kinds[i] for i in rng.permutation(len(kinds))]
    runs = [(answers(rng, labels, a, classes), answers(rng, train, b, classes)) for a, b in chosen]
    for each in rng.permutation(classes)[:2]:
        runs.append(([int(each)] * n, [int(each)] * many))
    runs.append(([int(np.argmax(counts))] * n, answers(rng, train, many - 2, classes)))
    seeds = rng.permutation(40)[: len(runs)]
    return case({int(seeds[i]): runs[i] for i in rng.permutation(len(runs))}, labels, train)


def cases(rng):
    """Of 32 and 64 examples each: every share is exact, however it is computed."""
    a, b, c, d, e, f, g, h = (int(more) for more in rng.integers(1, 3, size=8))
    return [
        drawn(rng, 2, (18 + a, 14 - a), (28 - b, 36 + b)),
        drawn(rng, 2, (16, 16), (32, 32)),
        drawn(rng, 3, (13 + c, 11 - c, 8), (16 - d, 26, 22 + d)),
        drawn(rng, 2, (13 - e, 19 + e), (40 + f, 24 - f)),
        drawn(rng, 3, (11 - g, 10, 11 + g), (20 - h, 26 + h, 18)),
    ]


def right(given, labels):
    return int(np.sum(np.array(given) == np.array(labels)))


def top(labels):
    return int(np.bincount(labels).max())


def found_by(
    fails=lambda hits, labels, train: hits <= top(labels),
    learns=lambda hits, train, labels: hits > top(train),
    same=lambda given, labels: min(given) == max(given),
    among=lambda failed, runs: failed,
    also=lambda failed, runs: failed,
    majority=lambda labels, train: top(labels) / len(labels),
    order=sorted,
):
    """The dictionary, with a mistaken rule in place of a right one."""

    def found(runs, labels, train):
        failed = order(seed for seed in runs if fails(right(runs[seed][0], labels), labels, train))
        return {
            "majority": majority(labels, train),
            "failed": failed,
            "never learned": [s for s in among(failed, runs) if not learns(right(runs[s][1], train), train, labels)],
            "one answer": [s for s in also(failed, runs) if same(runs[s][0], labels)],
        }

    return found


reference = found_by()


def classes(labels):
    return len(set(labels))


MISTAKES = [
    Mistake(
        "a run that is exactly as good as the majority share counts as good in yours. No better: <=.",
        found_by(fails=lambda hits, labels, train: hits < top(labels)),
    ),
    Mistake(
        "a run that is exactly as good as the majority share counts as good in yours, on both sets. No better: <=.",
        found_by(lambda hits, labels, train: hits < top(labels), lambda hits, train, labels: hits >= top(train)),
    ),
    Mistake(
        "on the training examples a run that is exactly as good as their majority share counts as one that learned in "
        "yours. No better: <=.",
        found_by(learns=lambda hits, train, labels: hits >= top(train)),
    ),
    Mistake(
        "you compare with 1 / classes. Whoever says the most frequent class each time does better than that: compare "
        "with its share.",
        found_by(
            lambda hits, labels, train: hits * classes(labels) <= len(labels),
            lambda hits, train, labels: hits * classes(train) > len(train),
            majority=lambda labels, train: 1 / classes(labels),
        ),
    ),
    Mistake(
        "you compare with 1 / classes. Whoever says the most frequent class each time does better than that: compare "
        "with its share.",
        found_by(
            lambda hits, labels, train: hits * classes(labels) <= len(labels),
            lambda hits, train, labels: hits * classes(train) > len(train),
        ),
    ),
    Mistake(
        "your majority share is that of the training labels. `failed` is about the validation examples: take theirs.",
        found_by(
            lambda hits, labels, train: hits * len(train) <= top(train) * len(labels),
            majority=lambda labels, train: top(train) / len(train),
        ),
    ),
    Mistake(
        "you compare the training examples with the majority share of the validation labels. They have one of their "
        "own.",
        found_by(learns=lambda hits, train, labels: hits * len(labels) > top(labels) * len(train)),
    ),
    Mistake(
        "`never learned` has runs in yours that did not fail. It asks for those among the failed ones.",
        found_by(among=lambda failed, runs: sorted(runs)),
    ),
    Mistake(
        "`never learned` is the failed runs that did learn in yours: those that know their training examples.",
        found_by(learns=lambda hits, train, labels: hits <= top(train)),
    ),
    Mistake(
        "`never learned` is all failed runs in yours. Some of them know their training examples: look at both lists.",
        found_by(learns=lambda *_: False),
    ),
    Mistake(
        "`one answer` is the failed runs that give several answers in yours.",
        found_by(same=lambda given, labels: min(given) != max(given)),
    ),
    *(
        Mistake(
            "`one answer` has only the runs that say the most frequent class in yours. One that always says a rarer "
            "class gives one answer, too.",
            found_by(same=lambda given, labels, first=first: min(given) == max(given) == first(labels)),
        )
        for first in (lambda labels: int(np.argmax(np.bincount(labels))), lambda labels: max(labels, key=labels.count))
    ),
    Mistake(
        "`failed` is the runs that did not fail in yours.",
        found_by(fails=lambda hits, labels, train: hits > top(labels)),
    ),
    Mistake("the seeds are not in order. From the smallest to the largest.", found_by(order=list)),
    Mistake(
        "your majority is a number of examples. Divide it by how many there are.",
        found_by(majority=lambda labels, train: top(labels)),
    ),
]


def who_says_one_thing_has_failed(answer, rng):
    labels = rng.permutation([0] * 9 + [1] * 7).tolist()
    train = rng.permutation([0] * 18 + [1] * 14).tolist()
    for each in (0, 1):
        found = answer({3: ([each] * 16, [each] * 32)}, labels, train)
        if list(found["failed"]) != [3] or list(found["one answer"]) != [3]:
            wrong(
                f"a run that says {each} each time cannot be better than the most frequent class: it has failed, and "
                f"gives one answer. In your result `failed` is {list(found['failed'])}, and `one answer` is "
                f"{list(found['one answer'])}"
            )


LAWS = [who_says_one_thing_has_failed]
