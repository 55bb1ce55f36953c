"""Some steps with gradients that are given, against one torch.optim.Adam for each tensor and a pull beside it.

A case is what the class is made with, the weights that are put in before the first step, and for each step the
gradients (a name that is missing has none), the share of the learning rate that a scheduler leaves, and that of gamma;
where gamma changes, betas and eps do as well. ``order`` is that of the groups.
"""

import inspect

import numpy as np
import torch

from recall_learn import Constant, Linear, Sigmoid
from recall_learn.practice import Mistake, built, case, wrong

NAMES = ("embedding", "layer", "pooler", "head")
GROUPS = (("embedding", "layer"), ("pooler",), ("head",))
GROUP_OF = {name: i for i, names in enumerate(GROUPS) for name in names}
SETTINGS = ("lr", "gamma", "betas", "eps", "recall")
BETAS, EPS = (0.85, 0.99), 1e-8


def tensors(rng, shape, dtype=torch.float64):
    return {name: torch.tensor(rng.normal(size=shape), dtype=dtype) for name in NAMES}


def gradients_of(rng, shape, steps, dtype=torch.float64):
    """A tensor may be without a gradient; the pooler has its first one later, and in one step nobody has one.

    In the last step that of the layer is all zeros, and that is not None.
    """
    drawn = [tensors(rng, shape, dtype) for _ in range(steps)]
    for t, name in ((0, "pooler"), (1, "embedding"), (steps - 2, "head")):
        del drawn[t][name]
    drawn[2] = {}
    drawn[-1]["layer"].zero_()
    return drawn


def cases(rng):
    drawn = []
    anneals = (
        built(Sigmoid, float(rng.uniform(0.4, 0.8)), int(rng.integers(2, 5))),
        built(Linear, int(rng.integers(9, 14))),
        built(Sigmoid, float(rng.uniform(0.2, 0.4)), int(rng.integers(4, 8))),
        built(Constant, float(rng.uniform(0.65, 0.85))),
    )
    anneals = (*anneals, built(Sigmoid, float(rng.uniform(0.2, 0.25)), 14))
    orders = (0, 1, 2), (2, 0, 1), (0, 2, 1), (0, 1, 2), (2, 1, 0)
    for shape, anneal, order in zip(((3,), (2, 4), (5,), (1, 2, 2), (4,)), anneals, orders, strict=True):
        dtype = torch.float32 if shape == (5,) else torch.float64
        long = shape == (4,)  # many steps, large gradients, and the small rate and large gamma of a real run
        steps, lr = int(rng.integers(5, 9)), float(rng.uniform(0.05, 0.2))
        steps, lr = (28, lr / 100) if long else (steps, lr)
        gamma, rates = float(rng.uniform(0.3, 0.5)) / lr, [float(rng.uniform(0.3, 1)) for _ in range(steps)]
        own = {
            "pooler": {
                "lr": 0.8 * lr,
                "gamma": gamma * float(rng.uniform(1.3, 1.6)),
                "betas": (0.7, 0.97),
                "eps": 0.02,
            },
            "head": {"lr": 1.5 * lr, "betas": (0.6, 0.95), "eps": 0.03},
        }
        shares = [1.0] * 3 + [float(rng.uniform(0.3, 0.6))] * (steps - 3)
        homes, starts = tensors(rng, shape, dtype), tensors(rng, shape, dtype)
        gradients, eps = gradients_of(rng, shape, steps, dtype), float(rng.uniform(0.05, 0.1))
        gradients = [{name: (30 if long else 1) * each for name, each in given.items()} for given in gradients]
        drawn.append(case(homes, lr, gamma, anneal, BETAS, eps, starts, gradients, rates, own, shares, order))
    return drawn


def made(entry, *given):
    """The optimizer, or what its class lacks to be one."""
    if isinstance(entry, type) and not issubclass(entry, torch.optim.Optimizer):
        raise TypeError(
            f"your class is no torch optimizer. Begin it with `class {entry.__name__}(torch.optim.Optimizer):`"
        )
    if isinstance(entry, type) and inspect.unwrap(entry.step) is inspect.unwrap(torch.optim.Optimizer.step):
        raise TypeError("your class has no step() of its own. Is it called `step`, and indented in the class?")
    late = TypeError(
        "super().__init__ has not run: it makes self.param_groups and self.state. Call it first in __init__, with the "
        "parameters and a dictionary of the settings."
    )
    try:
        optimizer = entry(*given)
    except AttributeError as error:
        if isinstance(error.obj, torch.optim.Optimizer) and "param_groups" not in vars(error.obj):
            raise late from None
        raise
    if not hasattr(optimizer, "param_groups"):
        raise late
    return optimizer


def at_step(settings, rate, share):
    """The settings of a group in a step."""
    now = settings | {"lr": settings["lr"] * rate, "gamma": settings["gamma"] * share}
    first, second = now["betas"]
    return now | ({} if share == 1 else {"betas": (0.8 * first, 0.95 * second), "eps": 1.5 * now["eps"]})


def play(entry, params, lr, gamma, anneal, betas, eps, starts, gradients, rates, own, shares, order, asked=""):
    """The weights after each step; or whether step() left the gradients and the settings as they were.

    With ``asked="tensors"`` the class gets the weights as they come from a model, and no groups.
    """
    weights = {name: torch.nn.Parameter(home.clone()) for name, home in params.items()}
    names_of = [GROUPS[i] for i in order]
    groups = [{"params": [weights[name] for name in names], **own.get(names[0], {})} for names in names_of]
    groups[order.index(2)]["recall"] = False
    if asked == "tensors":
        names_of, groups = [NAMES], (weight for weight in weights.values())
    optimizer = made(entry, groups, lr, gamma, anneal, betas, eps)
    made(entry, [torch.nn.Parameter(torch.ones(2))], lr, gamma, anneal, betas, eps)  # another one changes nothing
    with torch.no_grad():
        for name, start in starts.items():
            weights[name].copy_(start)
    done, stay, keeps = {}, True, True
    for t, (given, rate, share) in enumerate(zip(gradients, rates, shares, strict=True), 1):
        for name, weight in weights.items():
            weight.grad = given[name].clone() if name in given else None
        for group, names in zip(optimizer.param_groups, names_of, strict=True):
            made_with = {"lr": lr, "gamma": gamma, "betas": betas, "eps": eps} | own.get(names[0], {})
            group.update(at_step(made_with, rate, share))
        before = [[group[key] for key in SETTINGS] for group in optimizer.param_groups]
        optimizer.step()
        keeps &= before == [[group[key] for key in SETTINGS] for group in optimizer.param_groups]
        done |= {after(name, t): weight.detach().clone() for name, weight in weights.items()}
        stay &= all(
            name not in given if weight.grad is None else name in given and torch.equal(weight.grad, given[name])
            for name, weight in weights.items()
        )
    return (stay, keeps) if asked == "left alone" else done


def after(name, t):
    return f"weights of {name} after step {t}"


def reference(params, lr, gamma, anneal, betas, eps, starts, gradients, rates, own, shares, order):
    weights = {name: torch.nn.Parameter(start.double()) for name, start in starts.items()}
    settings = {name: {"lr": lr, "betas": betas, "eps": eps, "gamma": gamma} | own.get(name, {}) for name in NAMES}
    adams = {
        name: torch.optim.Adam([weights[name]], betas=each["betas"], eps=each["eps"], foreach=False)
        for name, each in settings.items()
    }
    done = {}
    for t, (given, rate, share) in enumerate(zip(gradients, rates, shares, strict=True), 1):
        for name, gradient in given.items():
            lam = 1.0 if name == "head" else float(anneal(t))
            away = weights[name].detach() - params[name].double()
            weights[name].grad = gradient.double()
            now = at_step(settings[name], rate, share)
            adams[name].param_groups[0].update(lr=lam * now["lr"], betas=now["betas"], eps=now["eps"])
            adams[name].step()
            weights[name].data -= (1 - lam) * now["lr"] * now["gamma"] * away
        done |= {after(name, t): weight.detach().clone() for name, weight in weights.items()}
    return done


RIGHT = {
    "anchors": "home",  # or "moving", or "start": those of the first step
    "head": "adam",  # or "recalled", "scaled", "inverted" (and the rest is Adam), "still"
    "count": "calls",  # what anneal is asked with
    "bias": "own",  # the count of the bias correction
    "state": "own",  # or one for "all", or for a "group", or m and v "aliased"
    "lam_of": lambda lam: lam,
    "lam_on": "step",  # or "gradient"
    "none": "skip",  # or "pull", "zero", "return", "break": what is done without a gradient
    "kept": (),  # settings that are those of __init__
    "frozen": (),  # settings that are those the group had when the optimizer was made
    "zeros": "gradient",  # or "none"
    "pull": "old",
    "home": 1.0,
    "lr_in_pull": True,
    "root": lambda v, eps, corrected: np.sqrt(v) + eps,
}


def wrongly(**mistaken):
    """What comes out of an optimizer with a mistake in it."""
    how = {**RIGHT, **mistaken}

    def run(params, lr, gamma, anneal, betas, eps, starts, gradients, rates, own, shares, order):
        names = [name for i in order for name in GROUPS[i]]
        theta = {name: start.double().numpy().copy() for name, start in starts.items()}
        anchors = {"home": params, "start": starts, "moving": dict.fromkeys(NAMES)}[how["anchors"]]
        states, done, counts = [{"t": 0, "m": 0.0, "v": 0.0} for _ in NAMES], {}, {"tensors": 0, "some": 0}
        made_with = {"lr": lr, "gamma": gamma, "betas": betas, "eps": eps}
        for call, (given, rate, share) in enumerate(zip(gradients, rates, shares, strict=True), 1):
            if how["zeros"] == "none":
                given = {name: g for name, g in given.items() if g.any()}
            counts |= {"calls": call, "never": 0, "behind": call - 1, "first": 1, "none": np.inf}
            counts["some"] += bool(given)
            for name in reached(given, how["none"], names):
                now = at_step(made_with | own.get(name, {}), rate, share)
                now |= {key: made_with[key] for key in how["kept"]}
                now |= {key: (made_with | own.get(name, {}))[key] for key in how["frozen"]}
                s = states[{"all": 0, "group": GROUP_OF[name]}.get(how["state"], NAMES.index(name))]
                has = name in given or how["none"] == "zero"
                s["t"] += has
                counts |= {"tensors": counts["tensors"] + 1, "own": s["t"]}
                counts["groups"] = (call - 1) * len(GROUPS) + order.index(GROUP_OF[name]) + 1
                lam, pulls = of_head(how["lam_of"](float(anneal(counts[how["count"]]))), name == "head", how["head"])
                g = given[name].double().numpy() if name in given else 0.0
                step = 0.0
                if has:
                    move = direction(lam * g if how["lam_on"] == "gradient" else g, s, counts[how["bias"]], now, how)
                    step = now["lr"] * (1.0 if how["lam_on"] == "gradient" else lam) * move
                pull = (1 - lam) * (now["lr"] if how["lr_in_pull"] else 1.0) * now["gamma"] * pulls
                theta[name] = moved(theta[name], step, pull, anchors[name], how)
            done |= {after(name, call): torch.tensor(value) for name, value in theta.items()}
        return done

    return run


def reached(given, none, names):
    """The tensors of a step that anything is done with, in the order of the groups."""
    ends = {"return": lambda name: names, "break": lambda name: GROUPS[GROUP_OF[name]]}.get(none)
    if ends is None:
        return [name for name in names if name in given or none in ("pull", "zero")]
    left_out = set()
    for i, name in enumerate(names):
        if name not in given and name not in left_out:
            left_out |= {each for each in names[i:] if each in ends(name)}
    return [name for name in names if name not in left_out]


def of_head(lam, is_head, head):
    """The factor of Adam's step (0 for no step), and whether there is a pull."""
    if head == "inverted":
        return (lam, True) if is_head else (1.0, False)
    if not is_head:
        return lam, True
    return {"adam": (1.0, False), "still": (0.0, False), "scaled": (lam, False), "recalled": (lam, True)}[head]


def direction(g, s, t, now, how):
    """Adam's, and the averages in ``s`` go on."""
    beta1, beta2 = now["betas"]
    s["m"] = beta1 * s["m"] + (1 - beta1) * g
    s["v"] = beta2 * s["v"] + (1 - beta2) * g * g
    if how["state"] == "aliased":
        s["m"] = s["v"] = beta2 * s["m"] + (1 - beta2) * g * g
    return s["m"] / (1 - beta1**t) / how["root"](s["v"] / (1 - beta2**t), now["eps"], 1 - beta2**t)


def moved(theta, step, pull, anchor, how):
    if anchor is None:
        return theta - step
    old = theta if how["pull"] == "old" else theta - step
    return theta - step - pull * (old - how["home"] * anchor.double().numpy())


def inside(v, eps, corrected):
    return np.sqrt(v + eps)


def before_correction(v, eps, corrected):
    """As in the optimizer of the paper's code."""
    return np.sqrt(v) + eps / np.sqrt(corrected)


SAYS = {
    "nothing pulls: your anchors move along with the weights. `p`, `p.data` and `p.detach()` share the memory "
    "of the parameter; an anchor has to be a copy, `p.detach().clone()`.": {"anchors": "moving"},
    "your anchors are the weights at the first step. They have to be copied when the optimizer is made: weights"
    " may be changed before the first step, as by a random start.": {"anchors": "start"},
    'your head is recalled like the rest. A group with "recall" False is plain Adam: no lambda, no pull.': {
        "head": "recalled"
    },
    "your head is not pulled, and lambda still scales its steps. Plain Adam has no lambda.": {"head": "scaled"},
    "lambda stands still: your count of steps does not go up. Add 1 at every call of step(), then ask anneal.": {
        "count": "never"
    },
    "lambda stands still: it is always that of the first step. Ask anneal at every call of step(), with its number.": {
        "count": "first"
    },
    "lambda is one step behind: the first call of step() is t = 1, so add 1 before you ask anneal.": {
        "count": "behind"
    },
    "your count of steps goes up once for every tensor. Add 1 once in a call of step(), before the loops; the "
    "bias correction has a count for each tensor.": {"count": "tensors", "bias": "tensors"},
    "lambda's count goes up once for every tensor. Add 1 once in a call of step(), before the loops.": {
        "count": "tensors"
    },
    "lambda is asked with the tensor's own count of updates. It takes the number of the call of step(), which "
    "goes up for all, with a gradient or without one.": {"count": "own"},
    "the bias correction takes the number of the call. A tensor that was without a gradient has had fewer "
    "updates: keep a count for each tensor, in self.state[p].": {"bias": "calls"},
    "the count of the bias correction goes up once for every tensor. Keep one for each, in self.state[p].": {
        "bias": "tensors"
    },
    "the bias correction is missing: divide m by 1 - beta1^t and v by 1 - beta2^t, t being the tensor's updates.": {
        "bias": "none"
    },
    "your bias correction is that of the first update for ever. Count the updates of each tensor, and keep the "
    "count in self.state[p].": {"bias": "first"},
    "your tensors share one state: m, v and the count go from one to the next. Each has its own, in self.state[p].": {
        "state": "all"
    },
    "the tensors of a group share one state: m, v and the count go from one to the next. Each has its own, in "
    "self.state[p].": {"state": "group"},
    "your m and v are one tensor: `m = v = torch.zeros_like(p)` makes one with two names. Make two.": {
        "state": "aliased"
    },
    "lambda is reversed: it is the share of the task, so it stands on Adam's step, and 1 - lambda on the pull.": {
        "lam_of": lambda lam: 1 - lam
    },
    "a tensor without a gradient is pulled. Leave it alone in that step: `if p.grad is None: continue`.": {
        "none": "pull"
    },
    "a tensor without a gradient is treated as if its gradient were 0: it moves by its momentum, and is pulled."
    " Leave it alone in that step: `if p.grad is None: continue`.": {"none": "zero"},
    "you use the learning rate that the optimizer was made with. A scheduler changes it in the group: read "
    'group["lr"] at every step.': {"kept": ("lr",)},
    "you take the pull after Adam's step, at the weights that it has moved. Here it is taken at the old ones.": {
        "pull": "new"
    },
    "you pull towards 0. The pull goes to the anchors.": {"home": 0.0},
    "the learning rate is missing in your pull: its factor is lr * (1 - lam) * gamma.": {"lr_in_pull": False},
    "your `recall` is the wrong way round: the head is pulled, and the rest is plain Adam. A group with "
    '"recall" False is the head.': {"head": "inverted"},
    'your head never moves. A group with "recall" False is plain Adam: leave out lambda and the pull, not the step.': {
        "head": "still"
    },
    "lambda's count goes up once for every group. Add 1 once in a call of step(), before the loops.": {
        "count": "groups"
    },
    "lambda's count goes up only in a step in which somebody has a gradient. Every call of step() counts.": {
        "count": "some"
    },
    "lambda is on the gradient, and Adam divides it out again. The averages take p.grad as it is; lambda "
    "multiplies the step.": {"lam_on": "gradient"},
    "a tensor without a gradient ends the whole step, and those after it stand still. Go on with the next one: "
    "`continue`, not `return`.": {"none": "return"},
    "a tensor without a gradient ends its group's step, and those after it stand still. Go on with the next "
    "one: `continue`, not `break`.": {"none": "break"},
    "your eps is inside the root. Take the root of v_hat first, then add eps.": {"root": inside},
    "your eps is added to the root of v, before the bias correction. Correct first: sqrt(v_hat) + eps.": {
        "root": before_correction
    },
    "you take a gradient of zeros for none. Adam's averages go on with it, and the tensor is pulled: leave a tensor "
    "alone only where `p.grad is None`.": {"zeros": "none"},
}
KEPT = ("lr",), ("gamma",), ("betas",), ("eps",), ("betas", "eps"), ("gamma", "betas", "eps"), SETTINGS[:4]
FROM_INIT = (
    "you use the {names} that the optimizer was made with. A group may have its own, and settings may change: read "
    "them from the group at every step."
)
FROM_GROUP = (
    "you use the {names} that the group had when the optimizer was made. Settings may change in the middle of a run: "
    "read them from the group at every step."
)
MISTAKES = [
    Mistake(
        "your weights never move: either nothing is done in step(), or `p = p - ...` makes a new tensor and leaves the "
        "parameter as it was. Change it in place, `p.sub_(...)` or `p -= ...`.",
        lambda *given: {after(name, t + 1): given[6][name] for t in range(len(given[7])) for name in NAMES},
    ),
    *(Mistake(says, wrongly(**how)) for says, how in SAYS.items()),
    *(Mistake(FROM_INIT.format(names=" and ".join(kept)), wrongly(kept=kept)) for kept in KEPT[1:]),
    *(Mistake(FROM_GROUP.format(names=" and ".join(kept)), wrongly(frozen=kept)) for kept in KEPT),
]


def started(rng, anneal, rates=(1.0,) * 4, away=True):
    homes = tensors(rng, (4,))
    starts = tensors(rng, (4,)) if away else homes
    return (
        homes,
        0.1,
        5.0,
        anneal,
        BETAS,
        EPS,
        starts,
        [tensors(rng, (4,)) for _ in rates],
        list(rates),
        {},
        [1.0] * len(rates),
        (0, 1, 2),
    )


def is_adam_at_lambda_1(answer, rng):
    given = started(rng, built(Constant, 1))
    weights = {name: torch.nn.Parameter(start.clone()) for name, start in given[6].items()}
    optimizer = torch.optim.Adam(weights.values(), lr=given[1], betas=BETAS, eps=EPS)
    for gradients in given[7]:
        for name, weight in weights.items():
            weight.grad = gradients[name]
        optimizer.step()
    got = answer(*given)
    if not all(torch.allclose(got[after(name, len(given[7]))], weights[name].detach(), atol=1e-4) for name in NAMES):
        wrong("at lambda = 1 it has to be torch's Adam, step for step; yours is not")


def rests_at_home_at_lambda_0(answer, rng):
    given = started(rng, built(Constant, 0), away=False)
    got = answer(*given)
    if not all(
        torch.allclose(got[after(name, len(given[7]))], given[0][name], atol=1e-6) for name in NAMES if name != "head"
    ):
        wrong("at lambda = 0 weights that start at home have to stay there, whatever the gradients are; yours move")


def comes_home_at_lambda_0(answer, rng):
    given = started(rng, built(Constant, 0))
    got = answer(*given)
    for name in NAMES[:-1]:
        left = given[0][name] + 0.5 ** len(given[7]) * (given[6][name] - given[0][name])
        if not torch.allclose(got[after(name, len(given[7]))], left, atol=1e-4):
            wrong("at lambda = 0 and lr * gamma = 1/2 each step has to halve the way home; yours does not")


def rests_at_rate_0(answer, rng):
    given = started(rng, built(Constant, 0.5), rates=(0.0,) * 3)
    got = answer(*given)
    if not all(torch.allclose(got[after(name, len(given[7]))], given[6][name], atol=1e-6) for name in NAMES):
        wrong('a scheduler has set group["lr"] to 0, and your weights move: read it from the group at every step')


def leaves_the_gradients(answer, rng):
    given = started(rng, built(Constant, 0.3), rates=(1.0,) * 12)
    del given[7][1]["layer"]
    stay, keeps = answer(*given, "left alone")
    if not stay:
        wrong(
            "your step changes p.grad, sets it to None, or makes one where there was none. Leave the gradients as they "
            "are: zero_grad() is the caller's"
        )
    if not keeps:
        wrong(
            "your step changes settings in the group and leaves them changed, and a scheduler goes on from them. "
            "Compute with local variables"
        )


def takes_tensors(answer, rng):
    """Without groups all is recalled, and the bystanders of a group with "recall" False are not there."""
    given = started(rng, built(Constant, 0))
    got = answer(*given, "tensors")
    for name in NAMES:
        left = given[0][name] + 0.5 ** len(given[7]) * (given[6][name] - given[0][name])
        if not torch.allclose(torch.as_tensor(got[after(name, len(given[7]))]), left, atol=1e-4):
            wrong(
                "parameters may come without groups, as from model.parameters(). Then all of them are recalled; yours "
                "do not come home at lambda = 0"
            )


LAWS = [
    leaves_the_gradients,
    is_adam_at_lambda_1,
    rests_at_home_at_lambda_0,
    comes_home_at_lambda_0,
    takes_tensors,
    rests_at_rate_0,
]
