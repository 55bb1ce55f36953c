"""Slot by slot, and over all draws of short streams."""

import itertools
import math

from recall_learn.practice import Mistake, case, wrong


def drawn(rng, items, size):
    """Draws in the middle of a part: rounding decides nothing, and neither does it for the slips below."""
    while True:
        u = [round(float(each), 4) for each in rng.uniform(size=items)]
        parts = [u[n] * (n + k) % 1 for n in range(items) for k in (0, 1, 2)]
        if all(0.002 < part < 0.998 for part in parts[3:]):
            break
        u = None
    return case(rng.permutation(9 * items)[:items].tolist(), size, u, size=size)


def cases(rng):
    return [
        drawn(rng, int(rng.integers(low, low + 6)), size)
        for low, size in ((18, 5), (24, 8), (30, 3), (4, 12), (12, 1), (16, 6))
    ]


def fill(
    stream, size, u, parts=lambda n: n + 1, place=lambda buffer, j, item: buffer.__setitem__(j, item), enters=None
):
    """Algorithm R with something else in the place of a part."""
    buffer = list(stream[:size])
    for n in range(size, len(stream)):
        j = math.floor(u[n] * parts(n))
        if enters(n, j) if enters else j < size:
            place(buffer, j, stream[n])
    return buffer


def reference(stream, size, u):
    return fill(stream, size, u)


def varied(**parts):
    return lambda stream, size, u: fill(stream, size, u, **parts)


def pushed(buffer, j, item):
    buffer.pop(0)
    buffer.append(item)


def last_out(buffer, j, item):
    buffer.pop(j)
    buffer.append(item)


MISTAKES = [
    Mistake(
        "your j goes from 0 to n - 1. With n left out new items enter too often, and the first ones are forgotten. "
        "Item number n is one of n + 1.",
        varied(parts=lambda n: n),
    ),
    Mistake(
        "your j goes from 0 to n + 1. Item number n is one of n + 1, since the first has number 0.",
        varied(parts=lambda n: n + 2),
    ),
    Mistake(
        "every item enters in yours, whatever its draw. With j of `size` or more it is dropped.",
        lambda stream, size, u: fill(
            stream, size, u, place=lambda b, j, item: b.__setitem__(j % size, item), enters=lambda n, j: True
        ),
    ),
    Mistake(
        "your slot is drawn among `size`, so that every item enters. Draw from 0 to n, and drop the item where that is "
        "no slot.",
        lambda stream, size, u: fill(stream, size, u, parts=lambda n: size),
    ),
    Mistake(
        "the oldest in the buffer goes in yours. The new item takes the slot j.",
        varied(place=pushed),
    ),
    Mistake(
        "the new item goes to the end in yours, and slot j is closed. It takes the slot j itself.",
        varied(place=last_out),
    ),
    Mistake("your buffer grows. What is in slot j is replaced.", varied(place=lambda b, j, item: b.insert(j, item))),
    Mistake(
        "an item enters in yours if j is at most `size`. The slots are 0 to size - 1.",
        lambda stream, size, u: fill(
            stream,
            size,
            u,
            enters=lambda n, j: j <= size,
            place=lambda b, j, item: b.__setitem__(min(j, size - 1), item),
        ),
    ),
    Mistake(
        "yours keeps the first items. Later ones have to have their chance.", lambda stream, size, u: stream[:size]
    ),
    Mistake(
        "yours keeps the last items. Earlier ones have to have their chance.", lambda stream, size, u: stream[-size:]
    ),
]


def is_fair_over_all_draws(answer, rng):
    for size, items in ((1, 4), (2, 4), (3, 5)):
        stream = (rng.permutation(50)[:items] + 1).tolist()
        ways = list(itertools.product(*(range(n + 1) for n in range(size, items))))
        counts = dict.fromkeys(stream, 0)
        for way in ways:
            u = [0.5] * size + [(j + 0.5) / (n + 1) for n, j in enumerate(way, size)]
            for item in answer(stream, size, u):
                counts[int(item)] = counts.get(int(item), 0) + 1
        for place, item in enumerate(stream):
            if counts[item] * items != len(ways) * size:
                wrong(
                    f"a stream of {items} and room for {size}: over all {len(ways)} draws item number {place} is there "
                    f"in {counts[item]} of them with yours. It has to be {len(ways) * size // items}, as for every "
                    "other item"
                )


LAWS = [is_fair_over_all_draws]
