"""Against a table of meanings, an example at a time."""

import numpy as np

from recall_learn.practice import Mistake, case, wrong

THREE = ("entailment", "neutral", "contradiction")
TWO = ("entailment", "not_entailment")


def drawn(rng, model_names, set_names, count):
    """Logits and labels of examples that a model knows more often than not; close calls are among them."""
    meanings = [str(word) for word in rng.choice(THREE, size=count, p=(0.3, 0.45, 0.25))]
    labels = [list(set_names).index(word if word in set_names else "not_entailment") for word in meanings]
    logits = rng.normal(scale=0.6, size=(count, len(model_names)))
    for row, word in zip(logits, meanings, strict=True):
        known = list(model_names).index(word if word in model_names else "not_entailment")
        row[known] += rng.choice([0.2, 1.2])
    return logits, list(model_names), labels, list(set_names)


def turned(rng, names):
    """The names in another order than the usual one."""
    while True:
        order = tuple(str(name) for name in rng.permutation(names))
        if order != names:
            return order


def cases(rng):
    found = []
    for model, of_set in ((THREE, THREE), (THREE, TWO), (TWO, THREE), (TWO, TWO)):
        for change in ((True, False), (False, True), (True, True)):
            both = (
                turned(rng, names) if other else names for names, other in zip((model, of_set), change, strict=True)
            )
            found.append(case(*drawn(rng, *both, int(rng.integers(60, 100)))))
    return found


def scored(
    answer=lambda row, names: names[max(range(len(row)), key=row.__getitem__)],
    together=lambda names, others: len(names) != len(others),
    not_entailed=("neutral", "contradiction"),
    most=None,
    of=lambda right, truth: sum(right) / len(right),
    sides=("model", "set"),
):
    """The two shares, with a mistaken rule in place of a right one."""

    def found(logits, model_names, labels, set_names):
        put = dict.fromkeys(not_entailed, "not_entailment") if together(model_names, set_names) else {}
        said = [answer(list(row), model_names) for row in np.asarray(logits).tolist()]
        truth = [set_names[label] for label in labels]
        said, truth = (
            [put.get(word, word) for word in words] if side in sides else words
            for side, words in (("model", said), ("set", truth))
        )
        right = [one == other for one, other in zip(said, truth, strict=True)]
        counted = most(said, labels) if most else truth
        majority = max(counted.count(word) for word in counted) / len(counted)
        return {"accuracy": of(right, truth), "majority": majority}

    return found


reference = scored()


def with_names(model=None, of_set=None):
    """The names taken in the usual order, whatever they are."""

    def usual(names):
        return list(THREE if len(names) == 3 else TWO)

    return lambda x, mine, y, its: reference(x, usual(mine) if model else mine, y, usual(its) if of_set else its)


def by_number(logits, model_names, labels, set_names):
    """The numbers compared as they are, the highest ones put together where one side has two."""
    last = min(len(model_names), len(set_names)) - 1
    said = [min(int(np.argmax(row)), last) for row in logits]
    right = [one == min(label, last) for one, label in zip(said, labels, strict=True)]
    return {
        "accuracy": sum(right) / len(right),
        "majority": reference(logits, model_names, labels, set_names)["majority"],
    }


def plain_numbers(logits, model_names, labels, set_names):
    right = [int(np.argmax(row)) == label for row, label in zip(logits, labels, strict=True)]
    return {
        "accuracy": sum(right) / len(right),
        "majority": reference(logits, model_names, labels, set_names)["majority"],
    }


def pooled(weigh):
    """What neutral and contradiction have, put together before the likeliest is taken, where the set has two."""

    def found(logits, model_names, labels, set_names):
        if len(model_names) == len(set_names) or len(model_names) == 2:
            return reference(logits, model_names, labels, set_names)
        values = weigh(np.asarray(logits, dtype=float))
        yes = list(model_names).index("entailment")
        rest = [i for i in range(3) if i != yes]
        two = np.stack([values[:, yes], weigh_rest(values[:, rest], weigh)], axis=1)
        return reference(two, list(TWO), labels, set_names)

    return found


def weigh_rest(values, weigh):
    return values.mean(1) if weigh is mean else values.sum(1)


def softmax(x):
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def mean(x):
    return x


def plus(x):
    return x + 0.0


def without_neutral(logits, model_names, labels, set_names):
    """Neutral examples left out, where they have that name."""
    kept = [i for i, label in enumerate(labels) if set_names[label] != "neutral"]
    some = np.asarray(logits)[kept], model_names, [labels[i] for i in kept], set_names
    return reference(*some)


def balanced(right, truth):
    """The mean over the classes of the share that is right."""
    shares = [
        np.mean([ok for ok, word in zip(right, truth, strict=True) if word == each]) for each in sorted(set(truth))
    ]
    return float(np.mean(shares))


BY_NUMBER = (
    "you compare the numbers of classes. A number means another class on each side: turn the model's answers "
    "into words "
    "with model_names and the labels with set_names, and compare the words."
)
MISTAKES = [
    Mistake(BY_NUMBER, plain_numbers),
    Mistake(BY_NUMBER, by_number),
    Mistake(
        "you take the model's classes in the order entailment, neutral, contradiction (or entailment, not_entailment). "
        "Their order is that of model_names.",
        with_names(model=True),
    ),
    Mistake(
        "you take the set's classes in the order entailment, neutral, contradiction (or entailment, not_entailment). "
        "Their order is that of set_names.",
        with_names(of_set=True),
    ),
    Mistake(
        "you add up the probabilities of neutral and contradiction before you take the largest. Asked for is the "
        "likeliest of the model's own classes: put together what comes out.",
        pooled(softmax),
    ),
    Mistake(
        "you take the mean of the logits of neutral and contradiction before you take the largest. Asked for is the "
        "likeliest of the model's own classes: put together what comes out.",
        pooled(mean),
    ),
    Mistake(
        "you add up the logits of neutral and contradiction before you take the largest. Asked for is the likeliest of "
        "the model's own classes: put together what comes out.",
        pooled(plus),
    ),
    Mistake(
        "you put neutral and contradiction together always. Where both sides tell three classes apart, each of them "
        "stays by itself.",
        scored(together=lambda *_: True),
    ),
    Mistake(
        "you put together the model's classes alone. Where the model has two classes and the set three, the set's "
        "neutral and contradiction count as not_entailment, too.",
        scored(sides=("model",)),
    ),
    Mistake(
        "you put together the set's classes alone. Where the set has two classes and the model three, the model's "
        "neutral and contradiction count as not_entailment, too.",
        scored(sides=("set",)),
    ),
    Mistake(
        "you never put neutral and contradiction together. Where one side has two classes, both count as "
        "not_entailment.",
        scored(together=lambda *_: False),
    ),
    Mistake(
        "neutral does not count as not_entailment in yours. What is neutral does not follow: of three classes, two are "
        "not entailed.",
        scored(not_entailed=("contradiction",)),
    ),
    Mistake(
        "you leave neutral examples out. They count: where one side has two classes, as not_entailment.",
        without_neutral,
    ),
    Mistake(
        "you count the majority before the classes are put together. Whoever always says not_entailment is right with "
        "neutral and with contradiction.",
        scored(most=lambda said, labels: list(labels)),
    ),
    Mistake(
        "your majority is that of the model's answers. It is the set's most frequent class that counts.",
        scored(most=lambda said, labels: said),
    ),
    Mistake(
        "your accuracy is the mean over the classes. Asked for is the share of all examples that are answered right.",
        scored(of=balanced),
    ),
    Mistake(
        "your accuracy is the share of wrong answers.",
        scored(of=lambda right, truth: 1 - sum(right) / len(right)),
    ),
    Mistake(
        "these are percentages. Asked for are shares, from 0 to 1: leave out the factor 100.",
        lambda *given: {key: 100 * value for key, value in reference(*given).items()},
    ),
    Mistake(
        "this is the number of right answers. Divide it by the number of examples.",
        scored(of=lambda right, truth: sum(right)),
    ),
]


def whoever_knows_all_is_right(answer, rng):
    for model, of_set in ((THREE, THREE), (THREE, TWO), (TWO, THREE), (TWO, TWO)):
        mine, its = (tuple(str(name) for name in rng.permutation(names)) for names in (model, of_set))
        _, mine, labels, its = drawn(rng, mine, its, 40)
        if len(mine) >= len(its):
            names = [its[label] for label in labels]
            known = [mine.index(name if name in mine else "neutral") for name in names]
        else:
            known = [mine.index("entailment" if its[label] == "entailment" else "not_entailment") for label in labels]
        found = float(answer(np.eye(len(mine))[known], mine, labels, its)["accuracy"])
        if abs(found - 1) > 1e-6:
            sizes = f"{len(mine)} classes on a set of {len(its)}"
            wrong(
                f"a model of {sizes} that is never wrong has an accuracy of 1, whatever the order; yours is {found:g}"
            )


def exchanged_names_score_under_chance(answer, rng):
    logits, mine, labels, its = drawn(rng, TWO, TWO[::-1], 50)
    one, other = (float(answer(logits, names, labels, its)["accuracy"]) for names in (mine, mine[::-1]))
    if abs(one + other - 1) > 1e-6:
        wrong(
            f"with two classes, each answer is right under one of the two maps: the accuracies add up to 1. Yours are "
            f"{one:g} and {other:g}"
        )


LAWS = [whoever_knows_all_is_right, exchanged_names_score_under_chance]
