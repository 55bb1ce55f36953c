"""What people get wrong in lora_merge, and other right answers."""

import numpy as np
import torch

MERGE = "torch.addmm(weight, b, a, alpha=alpha / len(a))"
LEFT_OUT = '        if name.endswith((".lora_A", ".lora_B")):\n            continue\n'

MUTANTS = [
    ("shares what it hands on", {"weight.clone()": "weight"}, "what you hand on as it came shares its memory"),
    ("forgets r", {"alpha / len(a)": "alpha"}, "alpha is not divided by r"),
    ("takes the root", {"len(a))": "len(a) ** 0.5)"}, "you divide by the root of r"),
    ("forgets alpha", {"alpha=alpha /": "alpha=1 /"}, "is missing."),
    ("forgets both", {"alpha=alpha / len(a)": "alpha=1.0"}, "alpha and r are missing"),
    (
        "takes the first r",
        {"len(a))": 'len(next(m for n, m in state.items() if n.endswith(".lora_A"))))'},
        "the r of the first layer",
    ),
    ("counts inputs", {"len(a))": "a.shape[1])"}, "the number of inputs"),
    ("merges twice", {"alpha=alpha": "alpha=2 * alpha"}, "the change is there twice"),
    ("takes it off", {"alpha=alpha": "alpha=-alpha"}, "the change is taken off"),
    ("gives the change", {MERGE: "alpha / len(a) * (b @ a)"}, "the change alone"),
    ("keeps the matrices", {LEFT_OUT: ""}, "the matrices are still in yours"),
    ("merges nothing", {MERGE: "weight.clone()"}, "nothing is merged"),
    ("merges in place", {MERGE: "weight.addmm_(b, a, alpha=alpha / len(a))"}, "changes its argument `state` in place"),
]


def by_columns(state, alpha):
    """The change as a sum of r outer products."""
    plain = {name: each.clone() for name, each in state.items() if ".lora_" not in name}
    for name in plain:
        a, b = (state.get(name.replace(".weight", part)) for part in (".lora_A", ".lora_B"))
        if a is not None and name.endswith(".weight"):
            plain[name] = plain[name] + sum(alpha / len(a) * torch.outer(b[:, k], a[k]) for k in range(len(a)))
    return plain


def in_numpy(state, alpha):
    plain = {}
    for name, each in state.items():
        layer, _, part = name.rpartition(".")
        if part in ("lora_A", "lora_B"):
            continue
        plain[name] = np.array(each)
        if part == "weight" and f"{layer}.lora_B" in state:
            a, b = state[f"{layer}.lora_A"].numpy(), state[f"{layer}.lora_B"].numpy()
            plain[name] = plain[name] + (alpha / a.shape[0]) * (b @ a)
    return plain


OTHERS = [by_columns, in_numpy]
