"""Against a count of hits, one after another."""

import torch

from recall_learn.practice import Mistake, built, case, wrong


def nearest():
    """A probe that takes the label of the nearest training state."""

    def fit(states, labels):
        labels = torch.as_tensor(labels)
        return lambda asked: labels[torch.cdist(asked.double(), states.double()).argmin(1)]

    return fit


def means():
    """A probe that takes the class whose mean is nearest."""

    def fit(states, labels):
        labels = torch.as_tensor(labels)
        classes = sorted(set(labels.tolist()))
        centres = torch.stack([states[labels == each].double().mean(0) for each in classes])
        return lambda asked: torch.tensor(classes)[torch.cdist(asked.double(), centres).argmin(1)]

    return fit


def drawn(rng, words, classes, count, asked, noise):
    """States in which a word shows, and its class a little as well; a few words change their class with the place."""
    names = [f"w{i}" for i in range(words)]
    of = rng.integers(classes, size=words)
    own = rng.normal(size=(words, 6)) + 1.2 * rng.normal(size=(classes, 6))[of]
    parts = []
    for size in (count, asked):
        which = rng.integers(words, size=size)
        labels = (of[which] + (rng.uniform(size=size) < 0.15)) % classes
        states = own[which] + noise * rng.normal(size=(size, 6))
        parts.append((torch.tensor(states), [names[i] for i in which], torch.tensor(labels)))
    return *parts, {name: int(label) for name, label in zip(names, rng.integers(classes, size=words), strict=True)}


def senseless(rng):
    """Labels that change with the place, and drawn ones that show in the state: the control wins."""
    words = [f"w{i}" for i in range(6)]
    which = torch.tensor(rng.integers(6, size=80))
    states = torch.eye(6, dtype=torch.float64)[which]
    labels = torch.tensor(rng.permutation([0, 1] * 40))
    parts = [(states[s], [words[i] for i in which[s]], labels[s]) for s in (slice(0, 50), slice(50, 80))]
    return *parts, {word: i % 2 for i, word in enumerate(words)}


def cases(rng):
    sizes = ((12, 3, 60, 41, 0.9), (9, 2, 45, 37, 0.7), (20, 4, 90, 53, 1.1))
    made = [case(built(probe), *drawn(rng, *size)) for size in sizes for probe in (means, nearest)]
    # a word that no training example has: the control has a label for it all the same
    train, validation, control = drawn(rng, 10, 3, 50, 29, 0.8)
    kept = [i for i, word in enumerate(train[1]) if word != validation[1][0]]
    fewer = train[0][kept], [train[1][i] for i in kept], train[2][kept]
    return [*made, case(built(means), fewer, validation, control), case(built(nearest), *senseless(rng))]


def thrown(part, control):
    return torch.tensor([control[word] for word in part[1]])


def share(predicted, right):
    return sum(int(a) == int(b) for a, b in zip(predicted, right, strict=True)) / len(right)


def scores(fit, train, validation, control):
    """Of each task's probe, on each task's labels: ``(trained on control, scored on control) -> accuracy``."""
    labels = {False: (train[2], validation[2]), True: (thrown(train, control), thrown(validation, control))}
    predicted = {which: fit(train[0], its[0])(validation[0]) for which, its in labels.items()}
    return {(a, b): share(predicted[a], labels[b][1]) for a in labels for b in labels}


def reference(fit, train, validation, control):
    found = scores(fit, train, validation, control)
    accuracy, of_control = found[False, False], found[True, True]
    return {"accuracy": accuracy, "control": of_control, "selectivity": accuracy - of_control}


def another_control(control_of):
    """The right accuracy, beside another control."""

    def made(fit, train, validation, control):
        accuracy = reference(fit, train, validation, control)["accuracy"]
        other = control_of(fit, train, validation, control)
        return {"accuracy": accuracy, "control": other, "selectivity": accuracy - other}

    return made


def another_selectivity(selectivity):
    def made(*arguments):
        right = reference(*arguments)
        return right | {"selectivity": selectivity(right["accuracy"], right["control"])}

    return made


def on_training(fit, train, validation, control):
    return reference(fit, train, train, control)


def majority(fit, train, validation, control):
    return float(torch.bincount(validation[2]).max()) / len(validation[2])


def chance(fit, train, validation, control):
    return 1 / len(set(control.values()) | set(train[2].tolist()))


def counts(*arguments):
    return {name: value * len(arguments[2][1]) for name, value in reference(*arguments).items()}


MISTAKES = [
    Mistake(
        "your control's probe is trained on the drawn labels and scored on the right ones. A probe is scored in its "
        "own task: take the drawn labels of the validation words.",
        another_control(lambda *arguments: scores(*arguments)[True, False]),
    ),
    Mistake(
        "your control is the probe of the right labels, scored on drawn ones. The control task has a probe of its "
        "own: fit once more, with the drawn labels of the training words.",
        another_control(lambda *arguments: scores(*arguments)[False, True]),
    ),
    Mistake(
        "your control is the share of the most frequent class. The control is what the same probe reaches on the "
        "drawn labels, and that may be far more.",
        another_control(majority),
    ),
    Mistake(
        "your control is chance, one over the number of classes. The control is what the same probe reaches on the "
        "drawn labels, and that may be far more.",
        another_control(chance),
    ),
    Mistake(
        "your control is scored on the training examples. A probe is scored on examples that it has not seen.",
        another_control(lambda *arguments: on_training(*arguments)["control"]),
    ),
    Mistake(
        "you score on the training examples. A probe is scored on examples that it has not seen: the validation ones.",
        on_training,
    ),
    Mistake(
        "your selectivity is cut off at 0. Where a probe does better on drawn labels than on the right ones, that "
        "has to be seen.",
        another_selectivity(lambda accuracy, control: max(accuracy - control, 0.0)),
    ),
    Mistake(
        "your selectivity has no sign. Where a probe does better on drawn labels than on the right ones, that has to "
        "be seen.",
        another_selectivity(lambda accuracy, control: abs(accuracy - control)),
    ),
    Mistake(
        "your selectivity has the other sign: it is the accuracy less the control.",
        another_selectivity(lambda accuracy, control: control - accuracy),
    ),
    Mistake(
        "your selectivity is a ratio. It is a difference: the accuracy less the control.",
        another_selectivity(lambda accuracy, control: accuracy / max(control, 1e-9)),
    ),
    Mistake(
        "your selectivity is divided by the accuracy. It is the plain difference.",
        another_selectivity(lambda accuracy, control: (accuracy - control) / max(accuracy, 1e-9)),
    ),
    Mistake(
        "accuracy and control have changed places.",
        lambda *arguments: {
            "accuracy": reference(*arguments)["control"],
            "control": reference(*arguments)["accuracy"],
            "selectivity": -reference(*arguments)["selectivity"],
        },
    ),
    Mistake("these are numbers of examples, not shares. Divide by how many there are.", counts),
    Mistake(
        "these are per cent. Shares are from 0 to 1.",
        lambda *arguments: {name: 100 * value for name, value in reference(*arguments).items()},
    ),
]


def right_labels_thrown_leave_nothing(answer, rng):
    """Where the drawn labels are the right ones, the two tasks are one."""
    train, validation, control = drawn(rng, 8, 3, 40, 30, 0.8)
    parts = [(states, words, thrown((states, words), control)) for states, words, _ in (train, validation)]
    found = float(answer(built(means), *parts, control)["selectivity"])
    if abs(found) > 1e-6:
        wrong(f"when the drawn labels happen to be the right ones, the selectivity is 0; yours is {found:.4g}")


LAWS = [right_labels_thrown_leave_nothing]
