"""What people get wrong in ewc_merge, and other right answers."""

import copy

LINE = "decay * old_precision[name] + new_precision[name]"
ANCHOR = "{name: anchor.detach().clone() for name, anchor in new_anchors.items()}"
WEIGHTED = (
    "{name: (old_precision[name] * old_anchors[name] + new_precision[name] * each)"
    " / (old_precision[name] + new_precision[name]) for name, each in new_anchors.items()}"
)
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
    ("keeps the tensors", {".detach().clone()": ""}, "are no copies"),
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


OTHERS = [in_place, by_library]
