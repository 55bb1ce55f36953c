"""What people get wrong in probe_selectivity, and other right answers."""

import numpy as np
import torch

TRAINED = "[control[word] for word in train[1]]"
SCORED = "[control[word] for word in validation[1]]"
RESULT = '"selectivity": accuracy - drawn'
MUTANTS = [
    ("scores the control on the right labels", {SCORED: "validation[2]"}, "scored in its own task"),
    ("trains no probe for the control", {TRAINED: "train[2]"}, "has a probe of its own"),
    (
        "takes the majority for the control",
        {"drawn = score(": "drawn = torch.bincount(validation[2]).max().item() / len(validation[2]) or score("},
        "the most frequent class",
    ),
    (
        "takes chance for the control",
        {"drawn = score(": "drawn = 1 / len({*control.values(), *train[2].tolist()}) or score("},
        "one over the number of classes",
    ),
    (
        "scores on the training examples",
        {
            "predict(validation[0])": "predict(train[0])",
            "score(train[2], validation[2])": "score(train[2], train[2])",
            SCORED: TRAINED,
        },
        "you score on the training examples",
    ),
    ("turns the difference", {RESULT: '"selectivity": drawn - accuracy'}, "the other sign"),
    ("cuts off at 0", {RESULT: '"selectivity": max(0.0, accuracy - drawn)'}, "cut off at 0"),
    ("drops the sign", {RESULT: '"selectivity": abs(accuracy - drawn)'}, "has no sign"),
    ("divides", {RESULT: '"selectivity": accuracy / max(drawn, 1e-9)'}, "is a ratio"),
    ("a share of the accuracy", {RESULT: '"selectivity": (accuracy - drawn) / accuracy'}, "divided by the accuracy"),
    (
        "mixes the two up",
        {
            '"accuracy": accuracy, "control": drawn, '
            + RESULT: '"accuracy": drawn, "control": accuracy, "selectivity": drawn - accuracy'
        },
        "have changed places",
    ),
    ("counts", {".double().mean()": ".double().sum()"}, "numbers of examples"),
    ("per cent", {".mean().item()": ".mean().item() * 100"}, "are per cent"),
]


def in_a_loop(fit, train, validation, control):
    found = []
    for of in (lambda part: part[2].tolist(), lambda part: [control[word] for word in part[1]]):
        predicted = fit(train[0], torch.tensor(of(train)))(validation[0]).tolist()
        found.append(sum(a == b for a, b in zip(predicted, of(validation), strict=True)) / len(predicted))
    return {"accuracy": found[0], "control": found[1], "selectivity": found[0] - found[1]}


def with_numpy(fit, train, validation, control):
    def accuracy(labels, right):
        return np.mean(fit(train[0], labels)(validation[0]).numpy() == np.asarray(right))

    of_train, of_validation = (np.array([control[word] for word in part[1]]) for part in (train, validation))
    right, drawn = accuracy(train[2], validation[2]), accuracy(torch.from_numpy(of_train), of_validation)
    return {"selectivity": right - drawn, "control": drawn, "accuracy": right}


OTHERS = [in_a_loop, with_numpy]
