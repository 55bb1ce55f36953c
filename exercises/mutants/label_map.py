"""What people get wrong in label_map, and other right answers."""

import numpy as np
import torch

ANSWERS = "answers = [meaning(model_names[i]) for i in np.argmax(logits, axis=1)]"
TRUTH = "truth = [meaning(set_names[i]) for i in labels]"
MERGED = 'merged = "not_entailment" in model_names or "not_entailment" in set_names'
MEANING = 'return "not_entailment" if merged and name != "entailment" else name'
RIGHT = "right = sum(answer == word for answer, word in zip(answers, truth, strict=True))"
USUAL = (
    '\n    NAMES = (["entailment", "neutral", "contradiction"] if len(NAMES) == 3 else '
    '["entailment", "not_entailment"])'
)

MUTANTS = [
    (
        "compares numbers",
        {RIGHT: "right = sum(a == b for a, b in zip(np.argmax(logits, axis=1), labels))"},
        "you compare the numbers of classes",
    ),
    (
        "knows the model's order",
        {MERGED: MERGED + USUAL.replace("NAMES", "model_names")},
        "Their order is that of model_names",
    ),
    (
        "knows the set's order",
        {MERGED: MERGED + USUAL.replace("NAMES", "set_names")},
        "Their order is that of set_names",
    ),
    (
        "adds up probabilities",
        {
            ANSWERS: ANSWERS
            + "\n    if len(model_names) == 3 and len(set_names) == 2:"
            + "\n        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)"
            + '\n        yes = p[:, model_names.index("entailment")] > 0.5'
            + '\n        answers = ["entailment" if each else "not_entailment" for each in yes]'
        },
        "probabilities of neutral and contradiction",
    ),
    ("puts together always", {"if merged and name": "if name"}, "Where both sides tell three"),
    ("puts together never", {MERGED: "merged = False"}, "you never put neutral and contradiction together"),
    ("merges the model alone", {TRUTH: "truth = [set_names[i] for i in labels]"}, "the model's classes alone"),
    (
        "merges the set alone",
        {ANSWERS: "answers = [model_names[i] for i in np.argmax(logits, axis=1)]"},
        "the set's classes alone",
    ),
    ("neutral is entailed", {'name != "entailment"': 'name == "contradiction"'}, "neutral does not count as"),
    (
        "leaves neutral out",
        {
            MERGED: "kept = [i for i, y in enumerate(labels) if set_names[y] != 'neutral']\n    logits, labels = "
            "np.asarray(logits)[kept], [labels[i] for i in kept]\n    " + MERGED
        },
        "leave neutral examples out",
    ),
    ("majority before merging", {"Counter(truth)": "Counter(labels)"}, "before the classes are put together"),
    ("majority of the answers", {"Counter(truth)": "Counter(answers)"}, "that of the model's answers"),
    ("counts what is wrong", {"answer == word": "answer != word"}, "share of wrong answers"),
    (
        "percentages",
        {"right / len(truth)": "100 * right / len(truth)", " max(": " 100 * max("},
        "these are percentages",
    ),
    ("does not divide", {"right / len(truth)": "right"}, "the number of right answers"),
]


def with_a_table(logits, model_names, labels, set_names):
    usual = ["entailment", "neutral", "contradiction", "not_entailment"]
    table = np.eye(4, dtype=int)
    if len(model_names) != len(set_names):
        table[[1, 2]] = table[3]
    mine, its = ([usual.index(name) for name in names] for names in (model_names, set_names))
    said, truth = table[mine][np.asarray(logits).argmax(1)], table[its][labels]
    return {"accuracy": (said * truth).sum(1).mean(), "majority": truth.mean(0).max()}


def in_torch(logits, model_names, labels, set_names):
    names = ["entailment", "not_entailment"] if len(model_names) != len(set_names) else sorted(set_names)
    where = {name: names.index(name if name in names else "not_entailment") for name in [*model_names, *set_names]}
    said = torch.tensor([where[name] for name in model_names])[torch.as_tensor(logits).argmax(-1)]
    truth = torch.tensor([where[name] for name in set_names])[torch.tensor(labels)]
    return {
        "accuracy": (said == truth).double().mean(),
        "majority": torch.bincount(truth).max() / len(truth),
    }


def one_by_one(logits, model_names, labels, set_names):
    three = len(model_names) == len(set_names) == 3
    right = yes = 0
    counts = {}
    for row, label in zip(logits, labels, strict=True):
        best = 0
        for column in range(1, len(model_names)):
            if row[column] > row[best]:
                best = column
        said, truth = model_names[best], set_names[label]
        right += said == truth if three else (said == "entailment") == (truth == "entailment")
        yes += truth == "entailment"
        counts[truth] = counts.get(truth, 0) + 1
    total = len(labels)
    most = max(counts.values()) if three else max(yes, total - yes)
    return {"accuracy": right / total, "majority": most / total}


OTHERS = [with_a_table, in_torch, one_by_one]
