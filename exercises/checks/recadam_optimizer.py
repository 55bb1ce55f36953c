"""Some steps with gradients that are given, against one torch.optim.Adam for each tensor and a pull beside it.

A case is what the class is made with, the weights that are put in before the first step, and for each step the
gradients (a name that is missing has none) and the share of the learning rate that a scheduler leaves.
"""

import numpy as np
import torch

from recall_learn.annealing import Constant, Linear, Sigmoid
from recall_learn.practice import Mistake, case, wrong

NAMES = ("embedding", "layer", "pooler", "head")
BETAS, EPS = (0.9, 0.999), 1e-8


def tensors(rng, shape, dtype=torch.float64):
    return {name: torch.tensor(rng.normal(size=shape), dtype=dtype) for name in NAMES}


def gradients_of(rng, shape, steps, dtype=torch.float64):
    """From the second step on a tensor may be without a gradient; the pooler has its first one later."""
    drawn = [tensors(rng, shape, dtype) for _ in range(steps)]
    for t, name in ((0, "pooler"), (1, "embedding"), (steps - 2, "head")):
        del drawn[t][name]
    return drawn


def cases(rng):
    drawn = []
    anneals = (
        Sigmoid(float(rng.uniform(0.4, 0.8)), int(rng.integers(2, 5))),
        Linear(int(rng.integers(9, 14))),
        Sigmoid(float(rng.uniform(0.2, 0.4)), int(rng.integers(4, 8))),
        Constant(float(rng.uniform(0.65, 0.85))),
    )
    for shape, anneal in zip(((3,), (2, 4), (5,), (1, 2, 2)), anneals, strict=True):
        dtype = torch.float32 if shape == (5,) else torch.float64
        steps, lr = int(rng.integers(4, 8)), float(rng.uniform(0.05, 0.2))
        gamma, rates = float(rng.uniform(0.3, 0.8)) / lr, [float(rng.uniform(0.3, 1)) for _ in range(steps)]
        homes, starts = tensors(rng, shape, dtype), tensors(rng, shape, dtype)
        gradients = gradients_of(rng, shape, steps, dtype)
        drawn.append(case(homes, lr, gamma, anneal, BETAS, EPS, starts, gradients, rates))
    return drawn


def play(entry, params, lr, gamma, anneal, betas, eps, starts, gradients, rates):
    """The weights after the last step."""
    weights = {name: torch.nn.Parameter(home.clone()) for name, home in params.items()}
    groups = [
        {"params": [weights[name] for name in NAMES if name != "head"]},
        {"params": [weights["head"]], "recall": False},
    ]
    optimizer = entry(groups, lr, gamma, anneal, betas, eps)
    with torch.no_grad():
        for name, start in starts.items():
            weights[name].copy_(start)
    for given, rate in zip(gradients, rates, strict=True):
        for name, weight in weights.items():
            weight.grad = given[name].clone() if name in given else None
        for group in optimizer.param_groups:
            group["lr"] = lr * rate
        optimizer.step()
    return {name: weight.detach().clone() for name, weight in weights.items()}


def reference(params, lr, gamma, anneal, betas, eps, starts, gradients, rates):
    weights = {name: torch.nn.Parameter(start.double()) for name, start in starts.items()}
    adams = {name: torch.optim.Adam([weight], betas=betas, eps=eps, foreach=False) for name, weight in weights.items()}
    for t, (given, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        for name, gradient in given.items():
            lam = 1.0 if name == "head" else float(anneal(t))
            pull = (1 - lam) * lr * rate * gamma * (weights[name].detach() - params[name].double())
            weights[name].grad = gradient.double()
            adams[name].param_groups[0]["lr"] = lam * lr * rate
            adams[name].step()
            weights[name].data -= pull
    return {name: weight.detach() for name, weight in weights.items()}


RIGHT = {
    "anchors": "home",  # or "moving", or "start": those of the first step
    "head": "adam",  # or "recalled", "scaled"
    "count": "calls",  # what anneal is asked with
    "bias": "own",  # the count of the bias correction
    "state": "own",  # or one for "all", or for a "group", or m and v "aliased"
    "lam_of": lambda lam: lam,
    "none": "skip",  # or "pull", "zero": what is done without a gradient
    "rate_of": "group",
    "pull": "old",
    "home": 1.0,
    "lr_in_pull": True,
}


def wrongly(**mistaken):
    """What comes out of an optimizer with a mistake in it."""
    how = {**RIGHT, **mistaken}

    def run(params, lr, gamma, anneal, betas, eps, starts, gradients, rates):
        theta = {name: start.double().numpy().copy() for name, start in starts.items()}
        anchors = {"home": params, "start": starts, "moving": dict.fromkeys(NAMES)}[how["anchors"]]
        states = [{"t": 0, "m": 0.0, "v": 0.0} for _ in NAMES]
        total = 0
        for call, (given, rate) in enumerate(zip(gradients, rates, strict=True), 1):
            for name in theta:
                g = given[name].double().numpy() if name in given else 0.0
                has = name in given or how["none"] == "zero"
                if not has and how["none"] == "skip":
                    continue
                total += 1
                s = states[{"all": 0, "group": int(name == "head")}.get(how["state"], NAMES.index(name))]
                s["t"] += has
                counts = {"calls": call, "never": 0, "behind": call - 1, "tensors": total, "own": s["t"]}
                counts |= {"first": 1, "none": np.inf}
                lam = how["lam_of"](float(anneal(counts[how["count"]])))
                now = lr * (rate if how["rate_of"] == "group" else 1.0)
                share = 1.0 if name == "head" and how["head"] == "adam" else lam
                step = now * share * direction(g, s, counts[how["bias"]], betas, eps, how) if has else 0.0
                pulls = name != "head" or how["head"] == "recalled"
                pull = (1 - lam) * (now if how["lr_in_pull"] else 1.0) * gamma * pulls
                theta[name] = moved(theta[name], step, pull, anchors[name], how)
        return {name: torch.tensor(value) for name, value in theta.items()}

    return run


def direction(g, s, t, betas, eps, how):
    """Adam's, and the averages in ``s`` go on."""
    s["m"] = betas[0] * s["m"] + (1 - betas[0]) * g
    s["v"] = betas[1] * s["v"] + (1 - betas[1]) * g * g
    if how["state"] == "aliased":
        s["m"] = s["v"] = betas[1] * s["m"] + (1 - betas[1]) * g * g
    return s["m"] / (1 - betas[0] ** t) / (np.sqrt(s["v"] / (1 - betas[1] ** t)) + eps)


def moved(theta, step, pull, anchor, how):
    if anchor is None:
        return theta - step
    old = theta if how["pull"] == "old" else theta - step
    return theta - step - pull * (old - how["home"] * anchor.double().numpy())


MISTAKES = [
    Mistake(
        "your weights never move. `p = p - ...` makes a new tensor and leaves the parameter as it was: change it in "
        "place, `p.sub_(...)` or `p -= ...`.",
        lambda params, lr, gamma, anneal, betas, eps, starts, *_: starts,
    ),
    Mistake(
        "nothing pulls: your anchors move along with the weights. `p`, `p.data` and `p.detach()` share the memory of "
        "the parameter; an anchor has to be a copy, `p.detach().clone()`.",
        wrongly(anchors="moving"),
    ),
    Mistake(
        "your anchors are the weights at the first step. They have to be copied when the optimizer is made: weights "
        "may be changed before the first step, as by a random start.",
        wrongly(anchors="start"),
    ),
    Mistake(
        'your head is recalled like the rest. A group with "recall" False is plain Adam: no lambda, no pull.',
        wrongly(head="recalled"),
    ),
    Mistake(
        "your head is not pulled, and lambda still scales its steps. Plain Adam has no lambda.", wrongly(head="scaled")
    ),
    Mistake(
        "lambda stands still: your count of steps does not go up. Add 1 at every call of step(), then ask anneal.",
        wrongly(count="never"),
    ),
    Mistake(
        "lambda stands still: it is always that of the first step. Ask anneal at every call of step(), "
        "with its number.",
        wrongly(count="first"),
    ),
    Mistake(
        "lambda is one step behind: the first call of step() is t = 1, so add 1 before you ask anneal.",
        wrongly(count="behind"),
    ),
    Mistake(
        "your count of steps goes up once for every tensor. Add 1 once in a call of step(), before the loops; the "
        "bias correction has a count for each tensor.",
        wrongly(count="tensors", bias="tensors"),
    ),
    Mistake(
        "lambda's count goes up once for every tensor. Add 1 once in a call of step(), before the loops.",
        wrongly(count="tensors"),
    ),
    Mistake(
        "lambda is asked with the tensor's own count of updates. It takes the number of the call of step(), which "
        "goes up for all, with a gradient or without one.",
        wrongly(count="own"),
    ),
    Mistake(
        "the bias correction takes the number of the call. A tensor that was without a gradient has had fewer updates: "
        "keep a count for each tensor, in self.state[p].",
        wrongly(bias="calls"),
    ),
    Mistake(
        "the count of the bias correction goes up once for every tensor. Keep one for each, in self.state[p].",
        wrongly(bias="tensors"),
    ),
    Mistake(
        "the bias correction is missing: divide m by 1 - beta1^t and v by 1 - beta2^t, t being the tensor's updates.",
        wrongly(bias="none"),
    ),
    Mistake(
        "your bias correction is that of the first update for ever. Count the updates of each tensor, and keep the "
        "count in self.state[p].",
        wrongly(bias="first"),
    ),
    Mistake(
        "your tensors share one state: m, v and the count go from one to the next. Each has its own, in self.state[p].",
        wrongly(state="all"),
    ),
    Mistake(
        "the tensors of a group share one state: m, v and the count go from one to the next. Each has its own, in "
        "self.state[p].",
        wrongly(state="group"),
    ),
    Mistake(
        "your m and v are one tensor: `m = v = torch.zeros_like(p)` makes one with two names. Make two.",
        wrongly(state="aliased"),
    ),
    Mistake(
        "lambda is reversed: it is the share of the task, so it stands on Adam's step, and 1 - lambda on the pull.",
        wrongly(lam_of=lambda lam: 1 - lam),
    ),
    Mistake(
        "a tensor without a gradient is pulled. Leave it alone in that step: `if p.grad is None: continue`.",
        wrongly(none="pull"),
    ),
    Mistake(
        "a tensor without a gradient is treated as if its gradient were 0: it moves by its momentum, and is pulled. "
        "Leave it alone in that step: `if p.grad is None: continue`.",
        wrongly(none="zero"),
    ),
    Mistake(
        "you use the learning rate that the optimizer was made with. A scheduler changes it in the group: read "
        'group["lr"] at every step.',
        wrongly(rate_of="first"),
    ),
    Mistake(
        "you take the pull after Adam's step, at the weights that it has moved. Here it is taken at the old ones.",
        wrongly(pull="new"),
    ),
    Mistake("you pull towards 0. The pull goes to the anchors.", wrongly(home=0.0)),
    Mistake(
        "the learning rate is missing in your pull: its factor is lr * (1 - lam) * gamma.", wrongly(lr_in_pull=False)
    ),
]


def started(rng, anneal, rates=(1.0,) * 4, away=True):
    homes = tensors(rng, (4,))
    starts = tensors(rng, (4,)) if away else homes
    return homes, 0.1, 5.0, anneal, BETAS, EPS, starts, [tensors(rng, (4,)) for _ in rates], list(rates)


def is_adam_at_lambda_1(answer, rng):
    given = started(rng, Constant(1))
    weights = {name: torch.nn.Parameter(start.clone()) for name, start in given[6].items()}
    optimizer = torch.optim.Adam(weights.values(), lr=given[1], betas=BETAS, eps=EPS)
    for gradients in given[7]:
        for name, weight in weights.items():
            weight.grad = gradients[name]
        optimizer.step()
    got = answer(*given)
    if not all(torch.allclose(got[name], weights[name].detach(), atol=1e-4) for name in NAMES):
        wrong("at lambda = 1 it has to be torch's Adam, step for step; yours is not")


def rests_at_home_at_lambda_0(answer, rng):
    given = started(rng, Constant(0), away=False)
    got = answer(*given)
    if not all(torch.allclose(got[name], given[0][name], atol=1e-6) for name in NAMES if name != "head"):
        wrong("at lambda = 0 weights that start at home have to stay there, whatever the gradients are; yours move")


def comes_home_at_lambda_0(answer, rng):
    given = started(rng, Constant(0))
    got = answer(*given)
    for name in NAMES[:-1]:
        left = given[0][name] + 0.5 ** len(given[7]) * (given[6][name] - given[0][name])
        if not torch.allclose(got[name], left, atol=1e-4):
            wrong("at lambda = 0 and lr * gamma = 1/2 each step has to halve the way home; yours does not")


def rests_at_rate_0(answer, rng):
    given = started(rng, Constant(0.5), rates=(0.0,) * 3)
    got = answer(*given)
    if not all(torch.allclose(got[name], given[6][name], atol=1e-6) for name in NAMES):
        wrong('a scheduler has set group["lr"] to 0, and your weights move: read it from the group at every step')


LAWS = [is_adam_at_lambda_1, rests_at_home_at_lambda_0, comes_home_at_lambda_0, rests_at_rate_0]
