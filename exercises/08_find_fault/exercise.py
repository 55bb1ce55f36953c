r"""A fault, from the log alone.

A fine-tuning with RecAdam was stopped in the middle and went on from its checkpoint. You have its log. Nothing
crashed, and at a glance the loss looks like any other. Name what is wrong with the run, if anything is:

- `"fine"`: nothing is. There is noise, and it is drawn anew in each run.
- `"endless warm-up"`: the learning rate rises to the last step.
- `"lambda per micro-batch"`: $t$ counts micro-batches, where it has to count steps.
- `"lambda restarted"`: after the stop $t$ counts from 1 again.
- `"anchors taken anew"`: after the stop the anchors, and so the distance in the log, are those of the checkpoint.
- `"optimizer state lost"`: after the stop Adam begins again, with $m$, $v$ and its count of steps at 0.
- `"head recalled"`: the new head is treated like the body: its Adam step is multiplied by $\lambda$, and a spring holds
  it.
- `"gradients not divided"`: those of a step's micro-batches are added up, where their mean belongs.
- `"padding in the loss"`: padded places count with a loss of 0, so the mean over all places is too low.
- `"evaluated in training mode"`: dropout is on in the evaluations.

A log is a dictionary. $T$ is the number of steps, $A$ that of micro-batches in a step. A distance or size is a root
mean square, a length the root of a sum:

| name | shape | what it is |
| --- | --- | --- |
| `"warmup"`, `"peak"` | numbers | steps in which the rate rises to `peak`; then it falls linearly |
| `"k"`, `"t0"` | numbers | $\lambda$ of step $t$ is to be $1 / (1 + e^{-k (t - t_0)})$; the first step is $t = 1$ |
| `"resumed"` | number | steps before the stop; row `resumed` of an array is the first step after it |
| `"lr"`, `"lam"` | `[T]` | rate and $\lambda$, as they acted in each step |
| `"body"`, `"head"` | `[T]` | after each step: how far the body is from its anchors, and the head from where it began |
| `"update"` | `[T]` | size of the head's step |
| `"norm"` | `[T]` | length of the gradient that the optimizer got |
| `"own_norm"` | `[T, A]` | length of the gradient of each micro-batch alone |
| `"loss"`, `"padding"` | `[T, A]` | loss of each micro-batch, and what share of its places is padded |
| `"evaluated"`, `"score"` | `[E]` | steps and scores; step `resumed` comes twice, before the stop and after it |

Row 0 of an array is step $t = 1$. Compare `update` with `lr`: Adam's first step is one learning rate in each weight,
whatever the gradient is.

Each run has at most one of the nine faults. The number of steps, the stop, $A$, noise and the scale of the weights
differ each time, and the rate is scaled with the weights. So no size tells anything by itself: compare it with another
one of the same run.
`toy_log(fault, seed)` makes a log to look at. Before you do: which of the nine will show in the loss? And which can be
told without a threshold?
"""

import numpy as np

NAMES = (
    "fine",
    "endless warm-up",
    "lambda per micro-batch",
    "lambda restarted",
    "anchors taken anew",
    "optimizer state lost",
    "head recalled",
    "gradients not divided",
    "padding in the loss",
    "evaluated in training mode",
)
N = 12  # weights of the body, and as many of the head


def size(x):
    """Root mean square."""
    return float(np.sqrt(np.mean(x**2)))


def dropout(rng, x, rate):
    """That share of the features is 0, and the others make up for it."""
    return x * (rng.random(x.shape) > rate) / (1 - rate)


def schedule(fault, s, resumed, accumulate, k, t0):
    """Lambda in step s."""
    t = s * accumulate if fault == "lambda per micro-batch" else s
    t = s - resumed if fault == "lambda restarted" and s > resumed else t
    return 1 / (1 + np.exp(-k * (t - t0)))


def toy_log(fault, seed):
    """The log of a linear model's fine-tuning, with one of the `NAMES`; other data and settings for each seed."""
    rng = np.random.default_rng(seed)
    scale, steps, accumulate = 10 ** rng.uniform(-2, 1), int(rng.integers(80, 121)), int(rng.integers(2, 6))
    resumed, warmup, every = int(steps * rng.uniform(0.55, 0.7)), int(rng.integers(4, 10)), int(rng.integers(5, 10))
    k, t0, peak = rng.uniform(0.5, 0.9), steps * rng.uniform(0.2, 0.3), scale * rng.uniform(0.004, 0.012)
    gamma, slow, noise = rng.uniform(0.2, 0.5) / peak, steps * rng.uniform(1, 2), scale * rng.uniform(0.2, 3)
    rate = 10 ** rng.uniform(-2, -0.7)
    start, way = scale * rng.normal(size=(2, 2 * N))
    goal = start + np.repeat(rng.uniform(0.02, 1, size=2) ** 2, N) * way  # near or far, for the body and for the head
    test, wish = rng.normal(size=(100, 2 * N)), start + rng.uniform(-0.3, 0.3) * way  # what scores best
    w, anchor, m, v, count = start.copy(), start.copy(), 0.0, 0.0, 0
    columns = ("lr", "lam", "body", "head", "update", "norm", "own_norm", "loss", "padding")
    log = {name: [] for name in columns}
    log |= {"warmup": warmup, "peak": peak, "k": k, "t0": t0, "resumed": resumed, "evaluated": [], "score": []}

    def evaluate(step):
        x = dropout(rng, test, rate) if fault == "evaluated in training mode" else test
        log["evaluated"].append(step)
        log["score"].append(1 - np.mean((x @ w - test @ wish) ** 2) / np.mean((test @ wish) ** 2))

    for s in range(1, steps + 1):
        x, padding = dropout(rng, rng.normal(size=(accumulate, 32, 2 * N)), rate), rng.uniform(0, 0.8, size=accumulate)
        error = x @ (w - goal) + noise * rng.normal(size=(accumulate, 32))
        counted = 1 - padding if fault == "padding in the loss" else np.ones(accumulate)
        loss = counted * np.mean(error**2, axis=1)
        own = counted[:, None] * 2 * np.einsum("at,atw->aw", error, x) / 32
        g = own.sum(0) if fault == "gradients not divided" else own.mean(0)

        lr = peak * min(s / warmup, (steps + 1 - s) / (steps + 1 - warmup))
        lr = peak * s / slow if fault == "endless warm-up" else lr
        lam = schedule(fault, s, resumed, accumulate, k, t0)
        count += 1
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        adam = lr * m / (1 - 0.9**count) / np.sqrt(v / (1 - 0.999**count))
        recalled = lam * adam + (1 - lam) * lr * gamma * (w - anchor)
        step = np.concatenate([recalled[:N], (recalled if fault == "head recalled" else adam)[N:]])
        w = w - step

        row = lr, lam, size(w[:N] - anchor[:N]), size(w[N:] - start[N:]), size(step[N:]), np.linalg.norm(g)
        row = *row, np.linalg.norm(own, axis=1), loss, padding
        for name, value in zip(columns, row, strict=True):
            log[name].append(value)
        if s % every == 0 or s == resumed:
            evaluate(s)
        if s == resumed:  # the stop; what follows begins with its checkpoint
            anchor = w.copy() if fault == "anchors taken anew" else anchor
            m, v, count = (0.0, 0.0, 0) if fault == "optimizer state lost" else (m, v, count)
            evaluate(s)
    return {name: np.array(value) if isinstance(value, list) else value for name, value in log.items()}


def find_fault(log):
    """One of the ten names, a string.

    Args:
        log: a dictionary as above.
    """
    raise NotImplementedError("not written yet")
