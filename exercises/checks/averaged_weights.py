"""Entry by entry in NumPy; the result is looked at after both models have moved on."""

from collections.abc import Mapping

import numpy as np
import torch

from recall_learn.practice import Mistake, case, same, wrong

MOVED = 1
"""What is added to each tensor that came in, before the result is looked at."""


def drawn(rng, dtype=torch.float64):
    """Two models: an encoder, a count of batches, a head of each one's own."""
    width, labels, words = (int(rng.integers(2, 6)) for _ in range(3))

    def part(*shape):
        return torch.tensor(rng.normal(size=shape), dtype=dtype)

    shapes = {"embeddings.weight": (words + 3, width), "layer.0.weight": (width, width), "layer.0.bias": (width,)}
    home = {name: part(*shape) for name, shape in shapes.items()}
    now = {name: weight + part(*weight.shape) for name, weight in home.items()}
    home |= {"norm.num_batches_tracked": torch.tensor([int(rng.integers(3, 9))]), "lm_head.weight": part(words, width)}
    now |= {
        "norm.num_batches_tracked": torch.tensor([int(rng.integers(20, 90))]),
        "classifier.weight": part(labels, width),
    }
    return home, now | {"classifier.bias": part(labels)}


def cases(rng):
    alphas = [rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.9), 0.0, 1.0, rng.uniform(0.2, 0.45)]
    kinds = [torch.float64, torch.float32, torch.float64, torch.float64, torch.float32]
    return [
        case(*drawn(rng, kind), round(float(alpha), 3), alpha=alpha) for alpha, kind in zip(alphas, kinds, strict=True)
    ]


def play(entry, home, now, alpha):
    """The result, read after all that came in has moved."""
    found = entry(home, now, alpha)
    if not isinstance(found, Mapping):
        return found
    before = [(tensor, tensor.clone()) for tensor in (*home.values(), *now.values())]
    with torch.no_grad():
        for tensor, _ in before:
            tensor.add_(MOVED)
        read = {
            name: each.detach().clone()
            if isinstance(each, torch.Tensor)
            else np.copy(each)
            if isinstance(each, np.ndarray)
            else each
            for name, each in found.items()
        }
        for tensor, was in before:
            tensor.copy_(was)
    return read


def mixed(home, now, alpha, one=None, only=None, count=None):
    """The right weights but for some; each a function of the ends and alpha."""
    result = {}
    for name, end in now.items():
        end = np.array(end.tolist())
        if name not in home:
            result[name] = only(end, alpha) if only else end
            continue
        start = np.array(home[name].tolist())
        if name.endswith("tracked"):
            result[name] = count(start, end, alpha) if count else end
        else:
            result[name] = (one or between)(start, end, alpha)
    return result


def between(start, end, alpha):
    return np.array([(1 - alpha) * a + alpha * b for a, b in zip(start.ravel(), end.ravel(), strict=True)]).reshape(
        end.shape
    )


def reference(home, now, alpha):
    return mixed(home, now, alpha)


def varied(**parts):
    return lambda home, now, alpha: mixed(home, now, alpha, **parts)


def shared(home, now, alpha):
    """What is handed on and not copied moves with its model."""
    return mixed(home, now, alpha, only=lambda end, a: end + MOVED, count=lambda start, end, a: end + MOVED)


def by_names_of_home(home, now, alpha):
    right = reference(home, now, alpha)
    return {name: right[name] for name in now if name in home}


def with_old_head(home, now, alpha):
    extra = {name: np.array(weight.tolist()) for name, weight in home.items() if name not in now}
    return reference(home, now, alpha) | extra


HEAD = "what only `now` has, the new head, "
MISTAKES = [
    Mistake(
        "what you hand on as it came shares its memory with `now`: when the model trains on, or the next point is "
        "loaded into it, your result moves along. Clone it.",
        shared,
    ),
    Mistake(
        "the head's weights are shared with `now`, and move along with the model. Clone them.",
        varied(only=lambda end, a: end + MOVED),
    ),
    Mistake(
        "the count is shared with `now`, and moves along with the model. Clone it.",
        varied(count=lambda start, end, a: end + MOVED),
    ),
    Mistake(
        f"{HEAD}is missing in yours. What is loaded then has a random one. It stays as it was trained.",
        by_names_of_home,
    ),
    Mistake(
        f"{HEAD}is scaled by alpha in yours, as if it were 0 in `home`. It has no pretrained value: it stays as it is.",
        varied(only=lambda end, a: a * end),
    ),
    Mistake("yours has what only `home` has, its own head, too. The model has no place for it.", with_old_head),
    Mistake(
        "your alpha is the wrong way round: 0 is `home`, 1 is `now`.",
        varied(one=lambda start, end, a: between(end, start, a)),
    ),
    Mistake(
        "you mix the count of batches. It is a whole number, and stays as in `now`.",
        varied(count=lambda start, end, a: (1 - a) * start + a * end),
    ),
    Mistake(
        "you mix the count of batches, and cut it to a whole number. It stays as in `now`.",
        varied(count=lambda start, end, a: ((1 - a) * start + a * end).astype(int)),
    ),
    Mistake(
        "your count of batches is that of `home`. It stays as in `now`.", varied(count=lambda start, end, a: start)
    ),
    Mistake("you take one half of each, whatever alpha is.", varied(one=lambda start, end, a: (start + end) / 2)),
    Mistake(
        "you add alpha times `now` to `home`, without taking (1 - alpha) of it.", varied(one=lambda s, e, a: s + a * e)
    ),
    Mistake("your weights are those of `now`: nothing is mixed.", varied(one=lambda start, end, a: end)),
    Mistake("your weights are those of `home`: nothing is mixed.", varied(one=lambda start, end, a: start)),
]


def has_both_ends_to_the_bit(answer, rng):
    far = {"w": torch.tensor(rng.uniform(1e9, 2e9, size=4), dtype=torch.float32)}
    near = {"w": torch.tensor(rng.uniform(1, 2, size=4), dtype=torch.float32)}
    for alpha, end, name in ((1.0, near, "now"), (0.0, far, "home")):
        if not same(answer(far, near, alpha)["w"], end["w"]):
            wrong(
                f"with alpha = {alpha:g} and weights of very different size your result is not `{name}` to the bit. "
                "`home + alpha * (now - home)` loses digits that `(1 - alpha) * home + alpha * now` keeps"
            )


def keeps_the_order_of_now(answer, rng):
    home, now = drawn(rng)
    if list(answer(home, now, 0.5)) != list(now):
        wrong("the names have to come in the order of `now`")


LAWS = [has_both_ends_to_the_bit, keeps_the_order_of_now]
