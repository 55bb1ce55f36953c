"""What people get wrong in recadam_optimizer, and other right answers."""

import torch

from recall_learn import RecAdam

COUNTED = """self.calls += 1
                lam = group["anneal"](self.calls) if group["recall"] else 1.0"""

LATER = """            if self.calls > 6:
                group["lr"] = lr / 2
"""
STOPS = """self.calls += 1
        if self.calls > 20:
            return
"""

MUTANTS = [
    ("anchors are no copies", {"p.detach().clone()": "p.detach()"}, "anchors move along"),
    (
        "recalls the head",
        {' if group["recall"] for p': " for p", ' if group["recall"] else 1.0': "", 'if group["recall"]:': "if True:"},
        "head is recalled",
    ),
    ("never counts", {"        self.calls += 1\n": ""}, "count of steps does not go up"),
    (
        "counts every tensor",
        {
            "        self.calls += 1\n": "",
            'state["t"] += 1': COUNTED,
            '** state["t"]': "** self.calls",
        },
        "once for every tensor",
    ),
    ("shares the state", {"self.state[p]": 'self.state["all"]'}, "share one state"),
    (
        "reverses lambda",
        {"lam * m_hat": '((1 - lam) if group["recall"] else 1) * m_hat', "(1 - lam) * gamma": "lam * gamma"},
        "reversed",
    ),
    (
        "keeps the first betas",
        {'group["betas"]\n': 'group.setdefault("first", group["betas"])\n'},
        "that the group had",
    ),
    (
        "scales the rate of the group",
        {"            for p in group": '            group["lr"] = lam * lr\n            for p in group'},
        "leaves them changed",
    ),
    (
        "fills in gradients",
        {"continue": "p.grad = torch.zeros_like(p)\n                    continue"},
        "makes one where there was none",
    ),
    (
        "takes the last group for the head",
        {'if group["recall"]': "if group is not self.param_groups[-1]"},
        "without groups",
    ),
    ("takes zeros for none", {"p.grad is None": "p.grad is None or not p.grad.any()"}, "a gradient of zeros for none"),
    (
        "eps before the correction",
        {'v_hat.sqrt() + group["eps"]': '(state["v"].sqrt() + group["eps"]) / (1 - beta2 ** state["t"]) ** 0.5'},
        "before the bias correction",
    ),
    ("half a pull", {"(1 - lam) * gamma": "0.5 * (1 - lam) * gamma"}, "halve the way home"),
    (
        "pulls without a gradient",
        {
            "continue": """if group["recall"]:
                        p.sub_(lr * (1 - lam) * gamma * (p - self.anchors[p]))
                    continue"""
        },
        "without a gradient is pulled",
    ),
    (
        "a rate of its own later",
        {"            for p in group": LATER + "            for p in group"},
        "leaves them changed",
    ),
    ("stops after some steps", {"self.calls += 1\n": STOPS}, "it has to be"),
]


class AroundAdam(torch.optim.Adam):
    """torch's Adam at a rate of lambda lr, and the pull beside it."""

    def __init__(self, params, lr, gamma, anneal, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.anneal, self.number, self.homes = anneal, 0, []
        for group in self.param_groups:
            group.setdefault("recall", True)
            group.setdefault("gamma", gamma)
            self.homes.append([p.data.clone() for p in group["params"]])

    @torch.no_grad()
    def step(self):
        self.number += 1
        lam, rates, moves = float(self.anneal(self.number)), [], []
        for group, homes in zip(self.param_groups, self.homes, strict=True):
            rates.append(group["lr"])
            if group["recall"]:
                pulled = [(p, home) for p, home in zip(group["params"], homes, strict=True) if p.grad is not None]
                moves += [(p, (1 - lam) * group["lr"] * group["gamma"] * (home - p)) for p, home in pulled]
                group["lr"] *= lam
        super().step()
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["lr"] = rate
        for p, move in moves:
            p += move


class ByTheLibrary(RecAdam):
    """The library's own, called as the exercise wants it."""

    def __init__(self, params, lr, gamma, anneal, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps, anneal=anneal, gamma=gamma)


OTHERS = [AroundAdam, ByTheLibrary]
