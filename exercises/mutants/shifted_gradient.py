"""What people get wrong in shifted_gradient, and other right answers."""

import torch

PART = "(1 - lam) * gamma"

MUTANTS = [
    ("exchanges lambda", {"lam * gradients": "(1 - lam) * gradients", PART: "lam * gamma"}, "are exchanged"),
    ("pulls to zero", {"(weights[name] - anchor)": "weights[name]"}, "weight decay"),
    ("forgets gamma", {PART: "(1 - lam)"}, "gamma is not in yours"),
    ("keeps the 2", {PART: "(1 - lam) * 2 * gamma"}, "meets the 1/2 in front"),
    ("pushes away", {PART: "(lam - 1) * gamma"}, "pushes away"),
    ("pairs by place", {"weights[name]": "dict(zip(gradients, weights.values()))[name]"}, "by their place"),
    (
        "skips what has no slope",
        {"(weights[name]": "gradients[name].any() * (weights[name]"},
        "no spring in yours",
    ),
    ("takes no lambda for 1", {"    shifted =": "    lam = lam or 1.0\n    shifted ="}, "a lambda of 0 is replaced"),
    (
        "holds the head back",
        {"dict(gradients)": "{name: lam * gradient for name, gradient in gradients.items()}"},
        "multiplied by lambda",
    ),
]


def by_autograd(gradients, weights, anchors, lam, gamma):
    theta = {name: weight.detach().clone().requires_grad_() for name, weight in weights.items()}
    loss = 0.0
    for name, weight in theta.items():
        part = lam if name in anchors else 1.0
        loss = loss + part * (gradients[name] * weight).sum()
    for name, anchor in anchors.items():
        loss = loss + (1 - lam) * gamma / 2 * ((theta[name] - anchor) ** 2).sum()
    loss.backward()
    return {name: weight.grad for name, weight in theta.items()}


def interpolated(gradients, weights, anchors, lam, gamma):
    return {
        name: torch.lerp(gamma * (weights[name] - anchors[name]), gradient, lam) if name in anchors else gradient
        for name, gradient in gradients.items()
    }


OTHERS = [by_autograd, interpolated]
