# ---
# lesson: 7
# order: 8
# goal: Tell a defect from the curves of a run.
# minutes: 35
# difficulty: 3
# hints:
#   - |
#     Two of the five defects can be told from the first steps or from the settings alone. Which numbers does each of
#     the five change that a run without it can never show? Plot `to_home` and `norm` of ten runs of each.
#   - |
#     The head has no spring and no lambda: with the bias correction its first step is exactly one learning rate. For
#     the rest, split the run where lambda passes 0.1: until there the spring is all but alone. What has fallen before
#     the split, and what after?
#   - |
#     First the settings: `lr * gamma * (1 - lam)`, at its largest. Then `head_step[0]` beside `lr[0]`. Then three
#     ratios: `to_home` at the split and at the start, `norm` at the same two, `to_home` at the end and at the split.
#     Which kind makes which of them small, and which kind none?
# explanation: |
#   A spring that is missing and one that comes too late look the same for half of the run, and a run that
#   is in order ends far from home, as the loss asks for it. So one number at the end says little. What tells is a
#   question with a time in it: while lambda is small, does the distance to home shrink? If not: does another distance
#   shrink, the one to 0? And later, when lambda is large?
#
#   The settings come first, as they cost nothing. lr has a warm-up, so look at its largest value, times
#   $\gamma (1 - \lambda)$. And for bias correction look at a group that nothing else acts on: the head. A
#   diagnosis is a set of quantities, each of which only one defect can move.
# ---
r"""What is wrong with this optimizer?

Somebody wrote a RecAdam, and it runs without an error. Tell from the curves of a run which of these it is:

- `"fine"`: nothing is wrong. There is warm-up, decay of the rate, a start away from home, and noise.
- `"pull to zero"`: it pulls towards 0 in place of $\theta^*$.
- `"lambda reversed"`: it uses $1 - \lambda$ where $\lambda$ belongs, and the other way round.
- `"no bias correction"`: $m$ and $v$ are used as they are, in encoder and head.
- `"lr * gamma above 2"`: the code is right, and the settings are not: the pull overshoots, and more each time.
- `"anchors move along"`: its anchors are no copies, so $\theta - \theta^*$ is always 0.

Each run has one of them. A record is a dictionary. Sizes are root mean squares over the weights, $T$ is the
number of steps, and where there are $T + 1$ values the first is from before the first step:

| name | shape | what it is |
| --- | --- | --- |
| `"lr"` | `[T]` | the learning rate of each step |
| `"gamma"` | number | the strength of the pull |
| `"lam"` | `[T]` | $\lambda(t)$ as the schedule says it, from under 0.05 to over 0.95 |
| `"to_home"` | `[T + 1]` | size of $\theta_t - \theta^*$ of the encoder, with a true copy of $\theta^*$ |
| `"norm"` | `[T + 1]` | size of $\theta_t$ of the encoder |
| `"step"` | `[T]` | size of the encoder's whole step, with the pull |
| `"head_step"` | `[T]` | size of the step of the head, which is plain Adam with the same rate |
| `"loss"` | `[T]` | the task's loss before each step |

The weights have a different scale in each run, from 0.01 to 10, and the learning rate is scaled with them. So no length
tells anything by itself: compare it with another one of the same run.

`toy_run(defect, seed)` makes a record. Look at some of each kind before you write a rule:

```python
from recall_learn.figures.plots import over_time

curves = {name: toy_run(name, seed=0)["to_home"] for name in NAMES}
over_time({name: (range(len(y)), y) for name, y in curves.items()}, "to_home", "Six runs", "six curves", log="y")
```

In a terminal, put `.show()` behind it. Your rule is tried on fresh runs, and has to be right in all.
"""

import numpy as np

NAMES = (
    "fine",
    "pull to zero",
    "lambda reversed",
    "no bias correction",
    "lr * gamma above 2",
    "anchors move along",
)


def size(x):
    """Root mean square."""
    return float(np.sqrt(np.mean(x**2)))


def adam(g, state, t, corrected):
    """Adam's direction, and the averages go on."""
    state["m"] = 0.9 * state["m"] + 0.1 * g
    state["v"] = 0.999 * state["v"] + 0.001 * g**2
    first, second = (1 - 0.9**t, 1 - 0.999**t) if corrected else (1, 1)
    return state["m"] / first / (np.sqrt(state["v"] / second) + 1e-12)


def toy_run(defect, seed):
    """What a toy fine-tuning recorded, with one of the `NAMES`; another task and other settings for each seed."""
    rng = np.random.default_rng(seed)
    steps, scale = int(rng.integers(100, 140)), 10 ** rng.uniform(-2, 1)
    home, offset, way, head, goal = scale * rng.normal(size=(5, 80))
    home *= rng.uniform(1.5, 3)
    theta, wish = home + offset, home + way  # a random start, and where the task wants the weights
    warm, peak = int(rng.integers(3, 9)), scale * rng.uniform(3e-3, 8e-3)
    gamma = (rng.uniform(2.4, 3) if defect == "lr * gamma above 2" else rng.uniform(0.2, 0.6)) / peak
    k, t0, noise = rng.uniform(0.3, 0.8), steps * rng.uniform(0.35, 0.45), scale * rng.uniform(0.2, 1)
    record = {name: [] for name in ("lr", "lam", "step", "head_step", "loss")}
    record |= {"gamma": float(gamma), "to_home": [size(offset)], "norm": [size(theta)]}
    states = [{"m": 0.0, "v": 0.0}, {"m": 0.0, "v": 0.0}]
    for t in range(1, steps + 1):
        lr = peak * min(t / warm, (steps + 1 - t) / (steps - warm))
        lam = 1 / (1 + np.exp(-k * (t - t0)))
        share = 1 - lam if defect == "lambda reversed" else lam
        anchor = {"pull to zero": 0 * home, "anchors move along": theta}.get(defect, home)
        corrected = defect != "no bias correction"
        gradients = theta - wish + noise * rng.normal(size=80), head - goal + noise * rng.normal(size=80)
        loss = float(np.mean((theta - wish) ** 2 + (head - goal) ** 2) / 2)
        step = lr * share * adam(gradients[0], states[0], t, corrected) + (1 - share) * lr * gamma * (theta - anchor)
        head_step = lr * adam(gradients[1], states[1], t, corrected)
        theta, head = theta - step, head - head_step
        values = (lr, lam, size(step), size(head_step), loss, size(theta - home), size(theta))
        for name, value in zip(("lr", "lam", "step", "head_step", "loss", "to_home", "norm"), values, strict=True):
            record[name].append(float(value))
    return {name: value if name == "gamma" else np.array(value) for name, value in record.items()}


def broken_optimizer(record):
    """One of the six names, a string.

    Args:
        record: what a run has recorded, a dictionary as above.
    """
    # solution
    lr, lam, to_home, norm = (record[name] for name in ("lr", "lam", "to_home", "norm"))
    if (lr * record["gamma"] * (1 - lam)).max() > 2:
        return "lr * gamma above 2"
    if record["head_step"][0] > 2 * lr[0]:
        return "no bias correction"
    split = int((lam < 0.1).sum())
    if to_home[split] < to_home[0] / 2:
        return "fine"
    if norm[split] < norm[0] / 2:
        return "pull to zero"
    return "lambda reversed" if to_home[-1] < to_home[split] / 2 else "anchors move along"
    # end
