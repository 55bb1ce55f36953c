"""What people get wrong in online_ewc, and other right answers."""

import torch

RUN = "running = decay * running + each"
SEPARATE = "gamma / 2 * (fisher * (theta - ended) ** 2).sum()"
MERGED = "gamma / 2 * (running * (theta - last) ** 2).sum()"
TUG = "gamma * (fisher * (last - ended)).sum(0)"
FADING = "decay ** torch.arange(len(ended) - 1, -1, -1)[:, None]"

MUTANTS = [
    ("no half", {SEPARATE: f"2 * {SEPARATE}", MERGED: f"2 * {MERGED}"}, "missing in both penalties"),
    ("no half in one", {SEPARATE: f"2 * {SEPARATE}"}, "missing in the separate springs"),
    (
        "decayed separate springs",
        {MERGED: f"gamma / 2 * ({FADING} * fisher * (theta - ended) ** 2).sum()"},
        "it is the separate springs, decayed",
    ),
    ("the first anchors", {"(theta - last)": "(theta - ended[0])"}, "around the first task's weights"),
    ("mean anchors", {"(theta - last)": "(theta - ended.mean(0))"}, "a mean of the tasks' weights. The"),
    (
        "weighted anchors",
        {"(theta - last)": "(theta - (fisher * ended).sum(0) / fisher.sum(0).clamp_min(1e-9))"},
        "weighted by their Fisher",
    ),
    ("a running mean", {RUN: "running = decay * running + (1 - decay) * each"}, "a running mean in yours"),
    ("lets the new one fade", {RUN: "running = running + decay * each"}, "decay is on the new"),
    ("no decay", {RUN: "running = running + each"}, "decay is missing"),
    ("fades first", {RUN: "running = decay * (running + each)"}, "has faded once, too"),
    ("the last alone", {RUN: "running = each"}, "the last task's Fisher information alone"),
    ("without the last", {"for each in fisher": "for each in fisher[:-1]"}, "lacks the last task's"),
    ("a mean", {MERGED: f"{MERGED} / len(fisher)"}, "the mean of the Fisher information"),
    ("all fade", {SEPARATE: f"gamma / 2 * ({FADING} * fisher * (theta - ended) ** 2).sum()"}, "fade, too"),
    ("averages the springs", {SEPARATE: f"{SEPARATE} / len(ended)"}, "averaged over the tasks"),
    ("tugs at theta", {"(last - ended)": "(theta - ended)"}, "taken at theta"),
    ("tugs downhill", {"(last - ended)": "(ended - last)"}, "wrong sign"),
    ("half a tug", {TUG: f"{TUG} / 2"}, "half of the gradient"),
    ("no strength", {TUG: "(fisher * (last - ended)).sum(0)"}, "lacks the strength"),
    ("a tug that fades", {TUG: f"gamma * ({FADING} * fisher * (last - ended)).sum(0)"}, "do not fade"),
    ("the merged tug", {TUG: "gamma * running * (last - last)"}, "which is 0 there"),
]


def by_autograd(ended, fisher, theta, gamma, decay):
    def separate(w):
        return sum(0.5 * gamma * f @ (w - a) ** 2 for a, f in zip(ended, fisher, strict=True))

    at = ended[-1].clone().requires_grad_()
    separate(at).backward()
    weights = torch.tensor([decay ** (len(ended) - 1 - i) for i in range(len(ended))], dtype=theta.dtype)
    return {
        "tug": at.grad,
        "merged": 0.5 * gamma * (weights @ fisher) @ (theta - ended[-1]) ** 2,
        "separate": separate(theta),
    }


def by_library(ended, fisher, theta, gamma, decay):
    from recall_learn import QuadraticPenalty

    merged = None
    for a, f in zip(ended, fisher, strict=True):
        own = QuadraticPenalty({"w": a}, {"w": gamma * f})
        merged = own if merged is None else merged.merge(own, decay)
    away = theta - torch.as_tensor(merged.anchors["w"])
    return {
        "separate": sum((gamma / 2 * f * (theta - a) ** 2).sum() for a, f in zip(ended, fisher, strict=True)),
        "merged": (torch.as_tensor(merged.precision["w"]) * away**2).sum() / 2,
        "tug": gamma * (fisher.sum(0) * ended[-1] - (fisher * ended).sum(0)),
    }


def in_lists(ended, fisher, theta, gamma, decay):
    count, size = len(ended), len(theta)
    merged = separate = 0.0
    tug = [0.0] * size
    for k in range(size):
        stiff = 0.0
        for i in range(count):
            stiff = stiff * decay + fisher[i, k].item()
            separate += gamma * fisher[i, k].item() * (theta[k].item() - ended[i, k].item()) ** 2 / 2
            tug[k] += gamma * fisher[i, k].item() * (ended[count - 1, k].item() - ended[i, k].item())
        merged += gamma * stiff * (theta[k].item() - ended[count - 1, k].item()) ** 2 / 2
    return {"separate": separate, "merged": merged, "tug": tug}


OTHERS = [by_autograd, by_library, in_lists]
