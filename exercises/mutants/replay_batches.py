"""What people get wrong in replay_batches, and other right answers."""

import random
from fractions import Fraction
from itertools import cycle

import numpy as np
import torch

COUNT = "round(share * seen)"
ROWS = "[source[i % len(source)] for i in range(taken, until)]"
WEIGHT = "1 / len(batch)"


def repeats(batches, source, share):
    """Draws each one of all."""
    rng, mixed, seen, taken = random.Random(0), [], 0, 0
    for batch in batches:
        seen += len(batch)
        k = round(share * seen) - taken
        mixed.append({"task": batch, "source": rng.choices(source, k=k), "weight": 1 / len(batch)})
        taken += k
    return mixed


def skips_batches(batches, source, share):
    """Leaves out batches without source examples."""
    rows, mixed, carry = cycle(source), [], 0.0
    for batch in batches:
        carry += share * len(batch)
        k = round(carry)
        carry -= k
        if k:
            mixed.append({"task": batch, "source": [next(rows) for _ in range(k)], "weight": 1 / len(batch)})
    return mixed


MUTANTS = [
    ("rounds each batch", {COUNT: "taken + round(share * len(batch))"}, "you round in each batch, and what"),
    ("rounds each batch down", {COUNT: "taken + int(share * len(batch))"}, "round down in each batch"),
    ("takes at least one", {COUNT: "taken + max(1, round(share * len(batch)))"}, "at least one source example"),
    ("cuts the number so far", {COUNT: "int(share * seen)"}, "and round down: the number so far"),
    ("takes the first size", {"seen += len(batch)": "seen += len(batches[0])"}, "as large as the first"),
    (
        "takes a share of all",
        {COUNT: "round((share / (1 - share) if share < 1 else share) * seen)"},
        "one of the mixed batch",
    ),
    (
        "counts too late",
        {"        seen += len(batch)\n": "", "taken = until": "taken = until\n        seen += len(batch)"},
        "due of the batches before",
    ),
    ("begins each at the front", {"range(taken, until)": "range(until - taken)"}, "begins at the front"),
    ("stops when used up", {ROWS: "source[taken:until]"}, "yours has no more"),
    (
        "slices across the end",
        {ROWS: "source[taken % len(source) :][: until - taken]"},
        "a slice ends where the list ends",
    ),
    ("sorts the source", {"    mixed, seen": "    source = sorted(source)\n    mixed, seen"}, "you sort `source`"),
    ("means over all", {WEIGHT: "1 / (len(batch) + len(rows))"}, "a mean over the mixed batch"),
    ("sums", {WEIGHT: "1.0"}, "makes a sum"),
    ("keeps the size", {"list(batch)": "batch[: max(0, len(batch) - len(rows))]"}, "push out task examples"),
    (
        "makes batches of its own",
        {
            '"source": rows': '"source": []',
            "        taken": "        if rows:\n            own = {'task': [], 'source': rows, 'weight': 1 / "
            "len(rows)}\n            mixed.append(own)\n        taken",
        },
        "in batches of their own",
    ),
    (
        "never more than task examples",
        {COUNT: "min(round(share * seen), taken + len(batch))"},
        "never has more source examples than",
    ),
    ("draws with repeats", repeats, "draw without repeats"),
    ("skips batches without source", skips_batches, "leave out batches that no source example falls into"),
]


def by_carrying(batches, source, share):
    rows, mixed, carry = iter(cycle(source)), [], 0.0
    for batch in batches:
        carry += share * len(batch)
        k = round(carry)
        carry -= k
        mixed.append({"task": batch, "source": [next(rows) for _ in range(k)], "weight": len(batch) ** -1})
    return tuple(mixed)


def in_numpy(batches, source, share):
    sizes = np.array([len(batch) for batch in batches])
    until = np.rint(share * np.cumsum(sizes)).astype(int)
    rows = np.resize(source, until[-1])
    parts = np.split(rows, until[:-1])
    return [
        {"task": np.array(b), "source": s, "weight": 1 / np.float32(len(b))}
        for b, s in zip(batches, parts, strict=True)
    ]


def in_torch(batches, source, share):
    queue, passes, mixed, due = torch.tensor(source), torch.tensor([], dtype=torch.long), [], Fraction(0)
    for batch in batches:
        due += Fraction(str(share)) * len(batch)
        k = int(due + Fraction(1, 2))
        due -= k
        while len(passes) < k:
            passes = torch.cat([passes, queue])
        mixed.append(
            {
                "task": torch.tensor(batch),
                "source": passes[:k],
                "weight": torch.ones(len(batch)).reciprocal().mean() / len(batch),
            }
        )
        passes = passes[k:]
    return mixed


def one_by_one(batches, source, share):
    mixed, waiting, taken, seen = [], [], 0, 0
    for batch in batches:
        rows = []
        seen = seen + len(batch)
        while taken + 0.5 < share * seen:
            if not waiting:
                waiting = source[::-1]
            rows.append(waiting.pop())
            taken += 1
        mixed.append({"weight": 1.0 / len(batch), "source": rows, "task": tuple(batch)})
    return mixed


OTHERS = [by_carrying, in_numpy, in_torch, one_by_one]
