"""What people get wrong in ewc_merge, and other right answers."""

import copy

import torch

LINE = "decay * old_precision[name] + new_precision[name]"
ANCHOR = "{name: anchor.detach().clone() for name, anchor in new_anchors.items()}"
WEIGHTED = (
    "{name: (old_precision[name] * old_anchors[name] + new_precision[name] * each)"
    " / (old_precision[name] + new_precision[name]) for name, each in new_anchors.items()}"
)
PAIRED = "decay * old + new for (name, new), old in zip(new_precision.items(), old_precision.values())"
MUTANTS = [
    ("averages the precisions", {LINE: f"({LINE}) / 2"}, "an average of the two"),
    ("takes a running mean", {LINE: "decay * old_precision[name] + (1 - decay) * new_precision[name]"}, "running mean"),
    ("lets the new one fade", {LINE: "old_precision[name] + decay * new_precision[name]"}, "decay is on the wrong one"),
    (
        "keeps the old anchors",
        {"anchor in new_anchors.items()": "anchor in old_anchors.items()"},
        "those of the old task",
    ),
    ("weights the anchors", {ANCHOR: WEIGHTED}, "weighted by their precisions"),
    ("decays by the other part", {"decay * old": "(1 - decay) * old"}, "old precision is multiplied by"),
    ("takes a decay of 0 for 1", {"decay * old": "(decay or 1.0) * old"}, "taken for a missing one"),
    ("decays twice", {"decay * old": "decay**2 * old"}, "acts twice"),
    (
        "pairs by order",
        {f"{LINE} for name in new_anchors": PAIRED},
        "by their place",
    ),
    (
        "names by order",
        {ANCHOR: "{name: each.clone() for name, each in zip(new_precision, new_anchors.values())}"},
        "by their place",
    ),
    ("shares what is float32", {".detach().clone()": ".float()"}, "your anchors are no copies"),
    ("shares where nothing is kept", {LINE: LINE + " if decay else new_precision[name]"}, "your precisions are no"),
    ("keeps the tensors", {".detach().clone()": ""}, "your anchors are no copies"),
]


def in_place(old_anchors, old_precision, new_anchors, new_precision, decay):
    anchors, precision = copy.deepcopy(new_anchors), copy.deepcopy(old_precision)
    for name in precision:
        precision[name].mul_(decay).add_(new_precision[name])
    return anchors, precision


def by_library(old_anchors, old_precision, new_anchors, new_precision, decay):
    from recall_learn import QuadraticPenalty

    newer = QuadraticPenalty(new_anchors, new_precision)
    merged = QuadraticPenalty(old_anchors, old_precision).merge(newer, decay)
    return [merged.anchors, merged.precision]


def in_float32(old_anchors, old_precision, new_anchors, new_precision, decay):
    precision = {}
    for name, new in new_precision.items():
        precision[name] = torch.add(new.float(), old_precision[name].float(), alpha=decay)
    return {name: torch.tensor(anchor.tolist()) for name, anchor in new_anchors.items()}, precision


OTHERS = [in_place, by_library, in_float32]
