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
    ("adds and takes off again", {LAST: "torch.where(mask, new, (theta + 1) - 1)"}, "the same to the bit"),
    ("mends the weights outside", {LAST: "new + (theta - new) * (~mask)"}, "the same to the bit"),
    ("looks at the gradient for the mask", {LAST: "torch.where(g != 0, new, theta)"}, "It is right in 6 of 7 cases"),
    (
        "does nothing without a child",
        {"    g = torch": "    if not mask.any():\n        return theta, m, v\n    g = torch"},
        "It is right in 6 of 7 cases",
    ),
    ("masks the averages", {f"{LAST}, m, v": f"{LAST}, m * mask, v * mask"}, "averages are 0 outside"),
    (
        "returns the corrected",
        {f"{LAST}, m, v": f"{LAST}, m / (1 - BETA1**t), v / (1 - BETA2**t)"},
        "you return the corrected averages",
    ),
    ("returns another order", {f"{LAST}, m, v": f"m, v, {LAST}"}, "in another order"),
    ("counts one more", {"**t": "**(t + 1)"}, "those of step t + 1"),
    ("no eps", {" + EPS": ""}, "eps is missing"),
    (
        "eps before the correction",
        {"((v / (1 - BETA2**t)) ** 0.5 + EPS)": "(v**0.5 + EPS) * (1 - BETA2**t) ** 0.5"},
        "add eps to the root of v.",
    ),
    ("a decay of its own", {"lr * decay * theta": "lr * (decay or 0.01) * theta"}, "It is right in 6 of 7 cases"),
]


def one_by_one(theta, g, m, v, t, mask, lr, decay):
    weights, slopes, m, v, inside = (x.flatten().tolist() for x in (theta, g, m, v, mask))
    for i, child in enumerate(inside):
        slope = slopes[i] if child else 0.0
        m[i], v[i] = 0.9 * m[i] + 0.1 * slope, 0.999 * v[i] + 0.001 * slope**2
        if child:
            step = m[i] / (1 - 0.9**t) / ((v[i] / (1 - 0.999**t)) ** 0.5 + 1e-8)
            weights[i] -= lr * (decay * weights[i] + step)
    return [torch.tensor(x).reshape(theta.shape).tolist() for x in (weights, m, v)]


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


OTHERS = [one_by_one, in_numpy, on_the_child, by_the_library]
