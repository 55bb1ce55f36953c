"""What people get wrong in model_groups, and other right answers."""

import itertools

LOOP = "names.setdefault(p, []).append(name)"
NEW = "not new.issuperset(own)"
DECAY = "weight_decay if p.ndim > 1 else 0.0"
MISMATCHED = ', *(key for key, *_ in loading["mismatched_keys"])'

MUTANTS = [
    ("recalls everything", {NEW: "True"}, "you recall what is new, too"),
    ("exchanges the two", {NEW: "new.issuperset(own)"}, "are exchanged"),
    ("recalls what is mismatched", {MISMATCHED: ""}, "mismatched parameters are recalled"),
    ("takes tied ones by any name", {NEW: "new.isdisjoint(own)"}, "by one of its names"),
    ("takes tied ones by the first name", {"remove_duplicate=False": ""}, "by one of its names"),
    (
        "goes by the body's name",
        {NEW: 'own[0].startswith(("bert.", "model.", "transformer.", "encoder.", "back"))'},
        "from its place in the model",
    ),
    (
        "goes by the head's name",
        {NEW: 'own[0].split(".")[0] not in ("classifier", "score", "qa_outputs", "head")'},
        "from its place in the model",
    ),
    (
        "looks inside of names",
        {NEW: "not all(any(key in name for key in new) for name in own)"},
        "Names have to be equal",
    ),
    (
        "looks at the beginning",
        {NEW: 'not all(name.startswith(tuple(key.removesuffix(".weight") for key in new)) for name in own)'},
        "Names have to be equal",
    ),
    (
        "takes a new bias for a new module",
        {NEW: 'not {key.rpartition(".")[0] for key in new}.issuperset(name.rpartition(".")[0] for name in own)'},
        "a module is new as a whole",
    ),
    (
        "takes names that go on for the same",
        {NEW: "not all(name.startswith(tuple(new)) for name in own)"},
        "Names have to be equal",
    ),
    (
        "knows one that is mismatched",
        {'in loading["mismatched_keys"]': 'in loading["mismatched_keys"][:1]'},
        "it has to be 'not recalled",
    ),
    (
        "takes what differs in dimensions for loaded",
        {'for key, *_ in loading["mismatched_keys"]': 'for key, a, b in loading["mismatched_keys"] if len(b) == 2'},
        "it has to be 'not recalled",
    ),
    ("lets biases decay", {"p.ndim > 1": "p.ndim > 0"}, "biases decay in yours, and"),
    ("has tied ones twice", {"append(p)": "extend([p] * len(own))"}, "once for each name"),
    (
        "has tied ones in two groups",
        {
            "names.setdefault(p, []).append(name)": "names.setdefault((name, p), []).append(name)",
            "for p, own in": "for (_, p), own in",
        },
        "in two groups of yours",
    ),
    ("has frozen ones", {"if p.requires_grad:": "if True:"}, "frozen parameters are in your groups"),
    (
        "forgets what is new",
        {"if p.requires_grad:": "if p.requires_grad and not new.issuperset(own):"},
        "what is new is in no group",
    ),
    (
        "goes by bias and norm",
        {"p.ndim > 1": '"bias" not in own[0] and "norm" not in own[0].lower()'},
        "from its name whether",
    ),
    (
        "goes by the old list",
        {"p.ndim > 1": 'not any(w in own[0] for w in ("bias", "LayerNorm.weight"))'},
        "from its name whether",
    ),
    ("lets norms decay", {"p.ndim > 1": 'not own[0].endswith("bias")'}, "norms decay in yours"),
    ("lets all decay", {DECAY: "weight_decay"}, "all of yours decay"),
    ("lets a number decay", {"p.ndim > 1": "p.ndim != 1"}, "that is one number"),
    ("lets only matrices decay", {"p.ndim > 1": "p.ndim == 2"}, "three dimensions"),
    ("copies", {"append(p)": "append(p.detach().clone())"}, "no parameter of the model"),
    ("gives names", {"append(p)": "append(own[0])"}, "holds the name"),
]


def four_lists(model, loading, weight_decay):
    reported = set(loading["missing_keys"])
    for name, _, _ in loading["mismatched_keys"]:
        reported.add(name)
    loaded = {id(p) for name, p in model.named_parameters(remove_duplicate=False) if name not in reported}
    kinds = {(recall, matrix): [] for recall in (True, False) for matrix in (True, False)}
    for p in model.parameters():
        if p.requires_grad:
            kinds[id(p) in loaded, p.dim() >= 2].append(p)
    return [
        {"params": params, "recall": recall, "weight_decay": weight_decay * matrix}
        for (recall, matrix), params in kinds.items()
    ]


def a_group_each(model, loading, weight_decay):
    reported = [*loading["missing_keys"], *next(zip(*loading["mismatched_keys"], strict=True), ())]
    state = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        state[id(p)] = (p, state.get(id(p), (p, False))[1] or name not in reported)
    for p, recall in state.values():
        if p.requires_grad:
            yield {"params": p, "recall": recall, "weight_decay": weight_decay if len(p.size()) > 1 else 0}


def with_names(model, loading, weight_decay):
    new = {*loading["missing_keys"]} | {each[0] for each in loading["mismatched_keys"]}
    aliases = list(model.named_parameters(remove_duplicate=False))
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]

    def key(pair):
        own = [name for name, p in aliases if p is pair[1]]
        return any(name not in new for name in own), weight_decay if pair[1].ndim > 1 else 0.0

    found = itertools.groupby(sorted(trained, key=key), key)
    return [{"params": list(each), "recall": recall, "weight_decay": decay} for (recall, decay), each in found]


def by_modules(model, loading, weight_decay):
    new, seen = set(loading["missing_keys"]) | {name for name, *_ in loading["mismatched_keys"]}, {}
    for prefix, module in model.named_modules():
        for name, p in module.named_parameters(recurse=False):
            full = f"{prefix}.{name}" if prefix else name
            seen.setdefault(p, set()).add(full)
    groups = [{"params": [], "recall": bool(i // 2), "weight_decay": weight_decay * (i % 2)} for i in range(4)]
    for p, names in seen.items():
        if p.requires_grad:
            groups[2 * (not names <= new) + (p.ndim >= 2)]["params"].append(p)
    return tuple(group for group in groups if group["params"])


OTHERS = [four_lists, a_group_each, with_names, by_modules]
