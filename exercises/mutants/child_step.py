"""What people get wrong in child_step, and other right answers."""

import torch

LAST = "torch.where(mask, new, theta)"

MUTANTS = [
    ("masks after the moments", {"    g = torch.where(mask, g, 0)\n": ""}, "mask after them"),
    ("masks the gradient only", {LAST: "new"}, "A gradient of 0 does not"),
    (
        "decays the frozen",
        {"- lr * decay * theta - lr * direction": "- lr * direction", LAST: f"{LAST} - lr * decay * theta"},
        "decay still shrinks",
    ),
    (
        "divides by p",
        {"torch.where(mask, g, 0)": "torch.where(mask, g, 0) / mask.double().mean()"},
        "divide the gradient by p",
    ),
    ("does not mask", {"    g = torch.where(mask, g, 0)\n": "", LAST: "new"}, "not masked at all"),
    (
        "masks decay and gradient",
        {"lr * decay * theta": "lr * decay * theta * mask", LAST: "new"},
        "from earlier steps still moves",
    ),
]


def in_numpy(theta, g, m, v, t, mask, lr, decay):
    theta, g, m, v, mask = (x.numpy() for x in (theta, g, m, v, mask))
    g = g * mask
    m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
    step = decay * theta + (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
    return theta - lr * mask * step, m, v


def on_the_child(theta, g, m, v, t, mask, lr, decay):
    theta, m, v = theta.clone(), 0.9 * m, 0.999 * v
    m[mask] += 0.1 * g[mask]
    v[mask] += 0.001 * g[mask] ** 2
    theta[mask] *= 1 - lr * decay
    theta[mask] -= lr * (m[mask] / (1 - 0.9**t)) / ((v[mask] / (1 - 0.999**t)).sqrt() + 1e-8)
    return theta, m, v


def by_the_library(theta, g, m, v, t, mask, lr, decay):
    from recall_learn import ChildTuningD

    if not mask.any() or mask.all():
        return in_numpy(theta, g, m, v, t, mask, lr, decay)
    weights = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.AdamW([("w", weights)], lr=lr, weight_decay=decay)
    ChildTuningD(optimizer, {"w": mask.double()}, p=float(mask.double().mean()))
    state = {"step": torch.tensor(float(t - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[weights] = state
    weights.grad = g.clone()
    optimizer.step()
    return weights.detach(), state["exp_avg"], state["exp_avg_sq"]


OTHERS = [in_numpy, on_the_child, by_the_library]
