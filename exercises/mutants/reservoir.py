"""What people get wrong in reservoir, and other right answers."""

import numpy as np

DRAW = "int(u[n] * (n + 1))"

MUTANTS = [
    ("leaves n out", {DRAW: "int(u[n] * n)"}, "from 0 to n - 1"),
    ("goes one too far", {DRAW: "int(u[n] * (n + 2))"}, "from 0 to n + 1"),
    (
        "lets all in",
        {"if j < size:\n            buffer[j]": "if True:\n            buffer[j % size]"},
        "every item enters in yours",
    ),
    ("draws a slot", {DRAW: "int(u[n] * size)"}, "is drawn among `size`"),
    ("drops the oldest", {"buffer[j] = item": "buffer = [*buffer[1:], item]"}, "the oldest in the buffer"),
    ("closes the slot", {"buffer[j] = item": "buffer = [*buffer[:j], *buffer[j + 1 :], item]"}, "goes to the end"),
    ("grows", {"buffer[j] = item": "buffer.insert(j, item)"}, "your buffer grows"),
    (
        "goes to size",
        {"if j < size:\n            buffer[j]": "if j <= size:\n            buffer[min(j, size - 1)]"},
        "at most `size`",
    ),
    ("keeps the first", {"if j < size": "if False"}, "keeps the first items"),
    ("keeps the last", {"    return buffer": "    return stream[-size:]"}, "keeps the last items"),
]


def in_numpy(stream, size, u):
    kept = np.array(stream[:size])
    for n, item in enumerate(stream[size:], size):
        j = int(np.floor(u[n] * (n + 1)))
        if j < len(kept):
            kept[j] = item
    return kept


def backwards(stream, size, u):
    """The last one that took a slot has it."""
    slots = {}
    for n in range(len(stream) - 1, -1, -1):
        slots.setdefault(n if n < size else int(u[n] * (n + 1)), stream[n])
    return [slots[j] for j in range(min(size, len(stream)))]


OTHERS = [in_numpy, backwards]
