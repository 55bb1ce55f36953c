"""What people get wrong in fisher_of_model, and other right answers."""

import copy

import torch
from torch.func import functional_call, grad, vmap
from torch.nn import functional

LOOP = "for n in range(len(x)):"
ONE = "cross_entropy(model(x[n : n + 1]), y[n : n + 1])"
LOGITS = "model(x[n : n + 1])"
GRADIENTS = "gradients = torch.autograd.grad(loss, list(weights.values()))"
BACKWARD = "loss.backward()\n        gradients = [p.grad for p in weights.values()]"

MUTANTS = [
    ("leaves dropout on", {"    model.eval()\n": ""}, "dropout is left on"),
    (
        "squares the batch mean",
        {LOOP: "for _ in [0]:", ONE: "cross_entropy(model(x), y)", "total / len(x)": "total"},
        "the batch's mean loss",
    ),
    (
        "squares the batch mean, N times",
        {LOOP: "for _ in [0]:", ONE: "cross_entropy(model(x), y)", "total / len(x)": "total * len(x)"},
        "took it N times",
    ),
    ("draws the labels", {ONE: f"cross_entropy({LOGITS}, {LOGITS}.softmax(1).multinomial(1)[0])"}, "drawn at random"),
    (
        "is exact",
        {
            LOOP: "for n, c in [(n, c) for n in range(len(x)) for c in range(model(x[:1]).shape[1])]:",
            ONE: f"cross_entropy({LOGITS}, torch.tensor([c]))",
            "gradient**2": "gradient**2 * (-loss.detach()).exp()",
        },
        "the exact Fisher",
    ),
    ("knows no softmax", {ONE: f"nll_loss({LOGITS}, y[n : n + 1])"}, "the logit of y_n"),
    ("derives the probability", {ONE: f"nll_loss({LOGITS}.softmax(1), y[n : n + 1])"}, "the probability itself"),
    ("leaves the model in eval mode", {"module.training = mode": "pass"}, "mode (train or eval)"),
    ("lets gradients pile up", {GRADIENTS: BACKWARD}, "pile up"),
    ("sums", {"total / len(x)": "total"}, "you have the sum over the examples"),
    ("looks at 32 examples", {LOOP: "for n in range(min(len(x), 32)):"}, "right in"),
    (
        "switches dropout modules only",
        {"    model.eval()\n": "    for m, _ in modes:\n        m.training &= not isinstance(m, torch.nn.Dropout)\n"},
        "without a module",
    ),
    (
        "leaves a hook",
        {
            "    model.eval()\n": "    model.eval()\n    for p in weights.values():\n        "
            "p.register_post_accumulate_grad_hook(print)\n"
        },
        "its hooks",
    ),
    ("calls it first", {"    model.eval()\n": "    model(x)\n    model.eval()\n"}, "running averages"),
    ("keeps the Fisher in the model", {"    model.eval()\n": "    model.eval()\n    model.fisher = 1\n"}, "attribute"),
    ("switches all modules on", {"module.training = mode": "model.train(modes[0][1])"}, "switches every module"),
]


def by_vmap(model, x, y):
    modes = {module: module.training for module in model.modules()}
    everything = dict(model.named_parameters())
    weights = {name: p.detach() for name, p in everything.items() if p.requires_grad}
    fixed = {name: p.detach() for name, p in everything.items() if not p.requires_grad}

    def loss(weights, example, label):
        return functional.cross_entropy(functional_call(model, {**weights, **fixed}, (example[None],)), label[None])

    model.eval()
    gradients = vmap(grad(loss), in_dims=(None, 0, 0))(weights, x, y)
    for module, mode in modes.items():
        module.training = mode
    return {name: g.square().mean(0) for name, g in gradients.items()}


def by_backward(model, x, y):
    kept = [(p, p.grad) for p in model.parameters()]
    modes = [module.training for module in model.modules()]
    model.eval()
    total = {name: 0.0 for name, p in model.named_parameters() if p.requires_grad}
    for example, label in zip(x, y, strict=True):
        for p, _ in kept:
            p.grad = None
        (-model(example.unsqueeze(0)).log_softmax(1)[0, label]).backward()
        for name, p in model.named_parameters():
            if p.requires_grad:
                total[name] = total[name] + p.grad**2
    for p, gradient in kept:
        p.grad = gradient
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode
    return {name: each / len(y) for name, each in total.items()}


def by_library(model, x, y):
    from recall_learn import fisher_diagonal

    return fisher_diagonal(model, [(x, y)], labels="empirical", progress=False)


def from_one_pass(model, x, y):
    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    losses = functional.cross_entropy(model(x), y, reduction="none")
    found = [torch.autograd.grad(loss, list(weights.values()), retain_graph=True) for loss in losses]
    for module, mode in modes:
        module.training = mode
    columns = zip(*found, strict=True)
    return {name: torch.stack(each).square().mean(0) for name, each in zip(weights, columns, strict=True)}


def on_a_copy(model, x, y):
    twin, total = copy.deepcopy(model).eval(), {}
    for n in range(len(x)):
        twin.zero_grad()
        functional.cross_entropy(twin(x[[n]]), y[[n]]).backward()
        for name, p in twin.named_parameters():
            if p.requires_grad:
                total[name] = total.get(name, 0) + p.grad**2 / len(x)
    return total


OTHERS = [by_vmap, by_backward, by_library, from_one_pass, on_a_copy]
