"""What people get wrong in ewc_penalty, and other right answers."""

import torch

TERM = "(fisher[name] * (weights[name] - anchor) ** 2).sum()"
NOTHING = "    if not strength:\n        return 0.0\n    total = 0.0"
MUTANTS = [
    ("forgets the half", {"0.5 * strength": "strength"}, "the 1/2 is missing"),
    ("pulls to zero", {"weights[name] - anchor": "weights[name]"}, "pull to zero"),
    ("takes the mean", {".sum()": ".mean()"}, "a mean where the penalty has a sum"),
    ("squares F", {TERM: "((fisher[name] * (weights[name] - anchor)) ** 2).sum()"}, "F is squared"),
    ("takes sizes", {"(weights[name] - anchor) ** 2": "(weights[name] - anchor).abs()"}, "sizes of the differences"),
    ("pairs by place", {"fisher[name]": "dict(zip(anchors, fisher.values()))[name]"}, "by their place"),
    (
        "knows the head by its name",
        {" * (w": ' * ("head" not in name and "classifier" not in name) * (w'},
        "by its name",
    ),
    ("gives a plain 0", {"    total = 0.0": NOTHING}, "where the strength is 0 your penalty"),
    ("cuts the graph", {"weights[name] -": "weights[name].detach() -"}, "does not know the weights"),
]


def flat(weights, anchors, fisher, strength):
    away = torch.cat([(weights[name] - anchors[name]).reshape(-1) for name in anchors])
    return strength / 2 * torch.dot(torch.cat([fisher[name].reshape(-1) for name in anchors]), away.square())


def by_library(weights, anchors, fisher, strength):
    from recall_learn import ewc

    return ewc(anchors, fisher, strength)(weights)


def skipping_the_head(weights, anchors, fisher, strength):
    total = torch.zeros(())
    for name, theta in weights.items():
        if name not in anchors:
            continue
        away = theta - anchors[name]
        total = total + torch.sum(strength * fisher[name] * away * away / 2)
    return total


OTHERS = [flat, by_library, skipping_the_head]
