"""What people get wrong in top_children, and other right answers."""

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
        {TOP: "    chosen = row >= row.sort().values[-round(p * len(row))]\n"},
        "of which 17 are equal",
    ),
]


def by_the_library(fisher, p):
    from recall_learn.methods.child_tuning import child_masks

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


OTHERS = [by_the_library, sorted_places]
