"""What people get wrong in keep_anchors, and other right answers."""

import copy

import torch

COPY = "weight.detach().clone()"

MUTANTS = [
    ("only detaches", {COPY: "weight.detach()"}, "share their memory"),
    (
        "takes the state dict",
        {COPY: "weight", "model.named_parameters()": "model.state_dict().items()"},
        "share their memory",
    ),
    ("only clones", {COPY: "weight.clone()"}, "along two paths"),
    ("keeps the head", {" if not name.startswith(head)": ""}, "drawn at random"),
    ("looks for the head anywhere", {"name.startswith(head)": "head in name"}, "anywhere in the name"),
    ("copies the buffers", {"model.named_parameters()": "model.state_dict().items()"}, "a buffer is among"),
]


def by_deepcopy(model, head):
    own = copy.deepcopy(model)
    for weight in own.parameters():
        weight.requires_grad_(False)
    return {name: weight for name, weight in own.named_parameters() if name[: len(head)] != head}


def looped(model, head):
    anchors = {}
    for name, weight in model.named_parameters():
        if name.split(".")[0] != head.rstrip("."):
            anchors[name] = torch.empty_like(weight, requires_grad=False)
            anchors[name].copy_(weight.data)
    return anchors


OTHERS = [by_deepcopy, looped]
