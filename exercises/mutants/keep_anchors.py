"""What people get wrong in keep_anchors, and other right answers."""

import copy
import re

import numpy as np
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
    ("takes the head for a pattern", {"name.startswith(head)": '__import__("re").match(head, name)'}, "for a pattern"),
    ("takes the dot off", {"startswith(head)": "startswith(head.rstrip('.'))"}, "take the dot off"),
    (
        "looks at the first part",
        {"name.startswith(head)": 'name.split(".")[0] == head.rstrip(".")'},
        "the first part of",
    ),
    (
        "looks at both first parts",
        {"name.startswith(head)": 'name.split(".")[0] == head.split(".")[0]'},
        "the first part of",
    ),
    (
        "adds a weight",
        {"    return": "    from torch import nn, ones\n    model.kept = nn.Parameter(ones(1))\n    return"},
        "(its weights)",
    ),
    ("knows one prefix", {"not name.startswith(head)": 'name.startswith("encoder.")'}, "many models there are none"),
    ("takes tied weights twice", {"parameters()": "parameters(remove_duplicate=False)"}, "under both its names"),
    ("leaves out the frozen", {" if not": " if weight.requires_grad and not"}, "asks for no gradient now"),
    ("shares a float64", {COPY: "weight.detach().double()"}, "share their memory"),
    ("clears the gradients", {"    return": "    model.zero_grad()\n    return"}, "in place (its weights' `.grad`"),
    ("makes the model float32", {"    return": "    model.float()\n    return"}, "changes the dtype"),
    ("sets the mode", {"    return": "    model.train()\n    return"}, "in place (its mode"),
]


def by_deepcopy(model, head):
    own = copy.deepcopy(model)
    for weight in own.parameters():
        weight.requires_grad_(False)
    return {name: weight for name, weight in own.named_parameters() if name[: len(head)] != head}


def looped(model, head):
    anchors = {}
    for name, weight in model.named_parameters():
        if not re.match(re.escape(head), name):
            anchors[name] = torch.empty_like(weight, requires_grad=False)
            anchors[name].copy_(weight.data)
    return anchors


def cut_from_one(model, head):
    """Views of one tensor, of NumPy's memory."""
    kept = [(name, weight) for name, weight in model.named_parameters() if not name.startswith(head)]
    flat, anchors = np.concatenate([weight.detach().numpy().ravel() for _, weight in kept]), {}
    for name, weight in kept:
        anchors[name], flat = torch.from_numpy(flat[: weight.numel()]).view(weight.shape), flat[weight.numel() :]
    return anchors


OTHERS = [by_deepcopy, looped, cut_from_one]
FLOAT32 = False  # `.float()` of a model changes it, which is refused; two of its models are float32
