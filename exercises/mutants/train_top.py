"""What people get wrong in train_top, and other right answers."""

import torch

LOWER = "model.layers[: len(model.layers) - count]"
PARTS = "(model.embeddings, *lower)"
SHARE = "sum(p.numel() for p in trained.values()) / sum(p.numel() for p in model.parameters())"

MUTANTS = [
    (
        "freezes the head",
        {PARTS: "(model.embeddings, model.norm, model.head, *lower)"},
        "the norm and the head are frozen",
    ),
    ("counts from the top", {LOWER: "model.layers[:-count]"}, "with a count of 0 all layers train"),
    ("trains the lowest", {LOWER: "model.layers[count:]"}, "you train the lowest layers"),
    ("freezes as many", {LOWER: "model.layers[:count]"}, "you freeze `count` layers"),
    ("forgets the embeddings", {PARTS: "lower"}, "your embeddings train"),
    ("freezes the norm", {PARTS: "(model.embeddings, model.norm, *lower)"}, "the norm is frozen in yours. It comes"),
    (
        "freezes all, then unfreezes",
        {
            "    trained =": "    for part in (*model.layers[len(lower) :], model.norm, model.head):\n"
            "        for p in part.parameters():\n"
            "            p.requires_grad_(all(p is not q for q in model.embeddings.parameters()))\n    trained ="
        },
        "unfreeze what was frozen already",
    ),
    (
        "unfreezes the head",
        {"    trained =": "    model.norm.requires_grad_()\n    model.head.requires_grad_()\n    trained ="},
        "or what is tied to something below",
    ),
    (
        "lets tied ones train",
        {"part.requires_grad_(False)": "[p.requires_grad_(p is model.head.weight) for p in part.parameters()]"},
        "a name below and a name above trains",
    ),
    (
        "lists the frozen",
        {"list(trained)": "[name for name, _ in model.named_parameters()]"},
        "your list names the frozen ones",
    ),
    (
        "counts tied ones twice",
        {SHARE: SHARE.replace("model.parameters()", "(q for _, q in model.named_parameters(remove_duplicate=False))")},
        "counts twice in your share",
    ),
    ("counts tensors", {SHARE: "len(trained) / len(list(model.parameters()))"}, "is one of tensors"),
    ("gives the frozen share", {SHARE: f"1 - {SHARE}"}, "is that of what is frozen"),
    (
        "takes a ratio",
        {SHARE: SHARE.replace("model.parameters())", "model.parameters() if not p.requires_grad)")},
        "Divide by all",
    ),
    (
        "counts in the layers",
        {
            SHARE: "sum(p.numel() for p in model.layers.parameters() if p.requires_grad) / "
            "sum(p.numel() for p in model.layers.parameters())"
        },
        "is that within the layers",
    ),
    ("gives the parameters", {"list(trained)": "list(trained.values())"}, "a Parameter, which is no name"),
    ("gives other names", {"list(trained)": "[name.upper() for name in trained]"}, "in your list is '"),
    ("clears gradients", {"    trained =": "    model.zero_grad()\n    trained ="}, "has another value or gradient"),
    ("gives the list alone", {f", {SHARE}": ""}, "has to be two values"),
]


def by_tensors(model, count):
    low = set(model.embeddings.parameters())
    for i, layer in enumerate(model.layers):
        if i + count < len(model.layers):
            low |= set(layer.parameters())
    total = trains = 0
    listed = []
    for name, p in model.named_parameters():
        p.requires_grad = p.requires_grad and p not in low
        total += p.numel()
        if p.requires_grad:
            listed.append(name)
            trains += p.numel()
    return listed, trains / total


def by_names(model, count):
    kept, names, first = {}, {}, len(model.layers) - count
    for name, p in model.named_parameters(remove_duplicate=False):
        part, _, rest = name.partition(".")
        above = part in ("norm", "head") or (part == "layers" and int(rest.split(".")[0]) >= first)
        kept[p], names[p] = kept.get(p, True) and above, name
    for p, keep in kept.items():
        if not keep:
            p.requires_grad_(False)
    sizes = torch.tensor([[p.numel(), p.numel() * p.requires_grad] for p in kept]).sum(0)
    return tuple(names[p] for p in kept if p.requires_grad), float(sizes[1] / sizes[0])


def from_below(model, count):
    stack = [model.embeddings, *model.layers]
    while len(stack) > count:
        for p in stack.pop(0).parameters():
            p.requires_grad = False
    sizes = [p.numel() for p in model.parameters()], [p.numel() for p in model.parameters() if p.requires_grad]
    return (name for name, p in model.named_parameters() if p.requires_grad), sum(sizes[1]) / sum(sizes[0])


OTHERS = [by_tensors, by_names, from_below]
