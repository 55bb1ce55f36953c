"""What people get wrong in resumed_lambda, and other right answers."""

import math

import numpy as np
import torch

T = "t = epoch * steps + inside // accumulation + 1"
SAVED = "saved = done // save_every * save_every"
STEPS = 'steps = full + (1 if left and rest == "step" else 0)'

MUTANTS = [
    ("counts micro-batches", {T: "t = place + 1"}, "you count micro-batches. An optimizer"),
    ("counts those of both runs", {T: "t = killed + n"}, "you count micro-batches. An optimizer"),
    ("begins again after the resume", {T: f"{T} - saved"}, "begins again with the second run"),
    ("counts within the epoch", {T: "t = inside // accumulation + 1"}, "you count in this epoch only"),
    ("counts from zero", {" // accumulation + 1": " // accumulation"}, "one too small"),
    (
        "goes on where it was killed",
        {"epochs * batches + groups * accumulation + n": "killed + n"},
        "newest checkpoint is lost",
    ),
    ("saves after every update", {SAVED: "saved = done"}, "newest checkpoint is lost"),
    (
        "lets groups run across epochs",
        {STEPS: "steps = 1; accumulation, batches = accumulation, accumulation"},
        "from one epoch into the next",
    ),
    ("always steps on the rest", {' and rest == "step"': ""}, "with every incomplete group"),
    ("never steps on the rest", {STEPS: "steps = max(full, 1)"}, "no update with an incomplete group"),
    ("gives the dropped an update", {"return None": "t = 0"}, "whose gradient is thrown away"),
    ("saves every so many micro-batches", {SAVED: "saved = killed // save_every"}, "you take `save_every` for"),
    (
        "counts the unfinished group",
        {"inside // accumulation\n    saved": "-(-inside // accumulation)\n    saved"},
        "gradients were lost with the run",
    ),
    ("goes on without a checkpoint", {SAVED: f"{SAVED} or done"}, "begins anew"),
    ("exchanges step and drop", {'rest == "step"': 'rest == "drop" or batches < accumulation'}, "are exchanged"),
    (
        "takes the checkpoint after the end",
        {SAVED: "saved = -(-done // save_every) * save_every"},
        "you take another checkpoint",
    ),
    ("counts n from zero", {"+ n - 1": "+ n"}, "`n` is counted from 1"),
    ("takes the lambda before", {"anneal(t)": "anneal(t - 1)"}, "the update before it"),
    ("takes the lambda of n", {"anneal(t)": "anneal(n)"}, "your lambda is not that of t"),
    ("returns lambda alone", {"return t, anneal(t)": "return anneal(t)"}, "you return lambda alone"),
]


def played(n, batches, accumulation, rest, save_every, killed, anneal):
    def run(t, epoch, at, count):
        """Play so many micro-batches, or until the last one's update: (t, epoch, at), and the newest checkpoint."""
        checkpoint, waiting = None, 0
        for _ in range(count):
            at, waiting = at + 1, waiting + 1
            full, over = waiting == accumulation, at == batches
            if over:
                epoch, at = epoch + 1, 0
            if full or (over and rest == "step"):
                t += 1
                if t % save_every == 0:
                    last = batches // accumulation * accumulation
                    checkpoint = (t, epoch + 1, 0) if rest == "drop" and at == last else (t, epoch, at)
            if full or over:
                waiting = 0
        return checkpoint, t, at, waiting

    checkpoint = run(0, 0, 0, killed)[0] or (0, 0, 0)
    _, t, at, waiting = run(*checkpoint, n - 1)
    if rest == "drop" and batches - at + waiting < accumulation:
        return None
    return t + 1, anneal(t + 1)


def tabled(n, batches, accumulation, rest, save_every, killed, anneal):
    many = killed + n + batches
    place = np.arange(batches * (many // batches + 2))
    epoch, inside = place // batches, place % batches
    steps = math.ceil(batches / accumulation) if rest == "step" else batches // accumulation
    t = np.where(inside // accumulation < steps, epoch * steps + inside // accumulation + 1, -1)
    ends = np.append(t[1:] != t[:-1], True) & (t > 0)
    checkpoints = t[:killed][ends[:killed] & (t[:killed] % save_every == 0)]
    saved = checkpoints.max() if len(checkpoints) else 0
    found = t[np.argmax(t == saved + 1) + n - 1]
    return None if found < 0 else (found, float(anneal(int(found))))


def in_torch(n, batches, accumulation, rest, save_every, killed, anneal):
    epoch = torch.arange(batches) // accumulation
    if rest == "drop" and batches % accumulation:
        epoch[-(batches % accumulation) :] = -1
    steps = int(epoch.max()) + 1
    whole, part = killed // batches, killed % batches
    saved = (whole * steps + part // accumulation) // save_every * save_every
    place = saved // steps * batches + saved % steps * accumulation + n - 1
    group = int(epoch[place % batches])
    if group == -1:
        return None
    t = place // batches * steps + group + 1
    return [torch.tensor(t), torch.tensor(anneal(t), dtype=torch.float32)]


def by_generator(n, batches, accumulation, rest, save_every, killed, anneal):
    def groups(t=0):
        while True:
            for size in [accumulation] * (batches // accumulation) + [batches % accumulation] * (
                batches % accumulation > 0
            ):
                stepped = size == accumulation or rest == "step"
                t += stepped
                yield size, t if stepped else None

    seen, saved = 0, 0
    for size, t in groups():
        seen += size
        if seen > killed:
            break
        if t is not None and t % save_every == 0:
            saved = t
    behind, seen = saved == 0, 0
    for size, t in groups():
        behind = behind or t == saved + 1
        if behind:
            seen += size
            if seen >= n:
                return None if t is None else (t, anneal(t))


OTHERS = [played, tabled, in_torch, by_generator]
