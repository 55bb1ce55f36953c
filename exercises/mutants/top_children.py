"""What people get wrong in top_children, and other right answers."""

import heapq

import numpy as np
import torch

TOP = "    chosen[row.topk(round(p * len(row))).indices] = True\n"

MUTANTS = [
    (
        "a threshold for each tensor",
        {TOP: "", "piece.reshape(f.shape)": "f >= f.flatten().topk(max(1, round(p * f.numel()))).values[-1]"},
        "a threshold for each tensor",
    ),
    ("takes the lowest", {"row.topk(": "(-row).topk("}, "least Fisher information"),
    ("takes the wrong quantile", {TOP: "    chosen = row > row.quantile(p)\n"}, "above the quantile 1 - p"),
    ("takes all above the mean", {TOP: "    chosen = row > row.mean()\n"}, "above the mean"),
    (
        "leaves out the threshold",
        {TOP: "    chosen = row > row.sort().values[-round(p * len(row))]\n"},
        "one entry too small",
    ),
    (
        "takes in all ties",
        {TOP: "    count = round(p * len(row))\n    chosen = (row >= row.sort().values[-count]) & (count > 0)\n"},
        "of which 17 are equal",
    ),
    (
        "a slice from -0",
        {TOP: "    chosen[row.argsort()[-round(p * len(row)) :]] = True\n"},
        "a slice that begins at -0",
    ),
    ("at least one", {"round(p * len(row))": "max(1, round(p * len(row)))"}, "and that is none"),
    ("rounds a half up", {"round(p * len(row))": "int(p * len(row) + 0.5)"}, "round a half up"),
    ("rounds down", {"round(p * len(row))": "int(p * len(row))"}, "round p * n down"),
    ("counts what is left out", {"round(p * len(row))": "len(row) - round((1 - p) * len(row))"}, "round what is left"),
    ("per cent", {"round(p * len(row))": "round(p * len(row) / 100)"}, "p for per cent"),
    ("a mask of 0.0 and 1.0", {"dtype=torch.bool": "dtype=torch.float32"}, "one of True and False"),
    ("views what is not contiguous", {"f.flatten()": "f.view(-1)"}, "view size is not compatible"),
    ("half precision", {"torch.cat([f.flatten()": "torch.cat([f.flatten().bfloat16()"}, "It is right in"),
    ("a hundred at most", {"round(p * len(row))": "min(100, round(p * len(row)))"}, "It is right in"),
]


def by_the_library(fisher, p):
    from recall_learn.methods.child_tuning import child_masks

    if round(p * sum(f.numel() for f in fisher.values())) == 0:  # the library refuses a child of nothing
        return {name: torch.zeros(f.shape, dtype=torch.bool) for name, f in fisher.items()}
    return child_masks(fisher, p)


def sorted_places(fisher, p):
    row = torch.cat([f.reshape(-1) for f in fisher.values()])
    places = row.sort(descending=True, stable=True).indices
    rank = torch.empty_like(places)
    rank[places] = torch.arange(len(row))
    masks, start = {}, 0
    for name, f in fisher.items():
        masks[name] = (rank[start : start + f.numel()] < round(p * len(row))).view_as(f)
        start += f.numel()
    return masks


def in_numpy_the_last_of_equals(fisher, p):
    row = np.concatenate([np.asarray(f).ravel() for f in fisher.values()])
    mask = np.zeros(len(row), dtype=bool)
    mask[np.argsort(row, kind="stable")[len(row) - round(p * len(row)) :]] = True
    parts = np.split(mask, np.cumsum([f.numel() for f in fisher.values()])[:-1])
    return {name: part.reshape(f.shape).tolist() for (name, f), part in zip(fisher.items(), parts, strict=True)}


def one_by_one(fisher, p):
    entries = [(value, name, i) for name, f in fisher.items() for i, value in enumerate(f.flatten().tolist())]
    masks = {name: torch.zeros(f.numel(), dtype=torch.bool) for name, f in fisher.items()}
    for _, name, i in heapq.nlargest(round(p * len(entries)), entries):
        masks[name][i] = True
    return {name: mask.view(fisher[name].shape) for name, mask in masks.items()}


OTHERS = [by_the_library, sorted_places, in_numpy_the_last_of_equals, one_by_one]
