"""Against the library's merge."""

import copy
import itertools

import torch

from recall_learn import QuadraticPenalty
from recall_learn.practice import Mistake, case, same, wrong


def tensors(rng, shapes, precision=False, dtype=torch.float64):
    """Precisions may be 0, as those of a dead unit are."""
    found = {}
    for name, shape in shapes.items():
        values = torch.tensor(rng.gamma(2.0, 1.0, size=shape) if precision else rng.normal(size=shape), dtype=dtype)
        if precision and values.dim() and len(values) > 1:
            values[int(rng.integers(len(values)))] = 0.0
        found[name] = values
    return found


def penalties(rng, shapes, dtype=torch.float64):
    """Old anchors and precision, then new ones, each dictionary in an order of its own."""
    names = list(shapes)
    orders = [names[i:] + names[:i] for i in range(len(names))]
    return tuple(
        tensors(rng, {name: shapes[name] for name in orders[i % len(orders)]}, precision, dtype)
        for i, precision in enumerate((False, True, False, True))
    )


def cases(rng):
    drawn = []
    for shapes, low, dtype in (
        ({"w": (3, 2), "b": (3, 2), "v": (3, 2), "u": (3, 2)}, 0.2, torch.float64),  # by their order they fit, too
        ({"w": (4,)}, 0.6, torch.float32),
        ({"a": (2, 2), "c": (2, 2), "d": (2, 2)}, 0.8, torch.float64),
    ):
        decay = low + float(rng.uniform(0, 0.15))
        drawn.append(case(*penalties(rng, shapes, dtype), decay, decay=decay))
    shapes = {"w": (2, 3), "b": (2, 3)}
    ends = [(1.0, torch.float64), (0.0, torch.float64), (0, torch.float32), (1, torch.float32)]
    scalar = case(*penalties(rng, {"c": ()}), 0.5, decay=0.5)
    return [*drawn, scalar, *(case(*penalties(rng, shapes, dtype), decay, decay=decay) for decay, dtype in ends)]


def reference(old_anchors, old_precision, new_anchors, new_precision, decay):
    old, new = QuadraticPenalty(old_anchors, old_precision), QuadraticPenalty(new_anchors, new_precision)
    merged = old.merge(new, decay=decay)
    return merged.anchors, merged.precision


def each(function):
    """What comes out where ``function(a, P, b, Q, decay)`` gives one tensor's anchors and precision."""

    def made(a, p, b, q, decay):
        both = {name: function(a[name], p[name], b[name], q[name], decay) for name in b}
        return {name: pair[0] for name, pair in both.items()}, {name: pair[1] for name, pair in both.items()}

    return made


def precisions(function):
    return each(lambda a, p, b, q, decay: (b, function(p, q, decay)))


def in_order(a, p, b, q, decay):
    """Tensors that are paired as they come."""
    pairs = zip(p.values(), q.items(), strict=True)
    return b, {name: decay * old + new for old, (name, new) in pairs}


def named_in_order(names_of, anchors=True):
    """The names of another dictionary than the tensors come from."""

    def function(a, p, b, q, decay):
        found = {name: decay * p[name] + q[name] for name in b}
        named = dict(zip({"a": a, "p": p, "q": q}[names_of], b.values() if anchors else found.values(), strict=True))
        return (named, found) if anchors else (b, named)

    return function


WEIGHTED = (
    "your anchors are a mean of the old and the new ones, weighted by their precisions. The new weights were found "
    "with the old penalty in the loss, so the old task would count twice: take the new anchors as they are."
)
ORDER = (
    "you pair tensors by their place in the dictionaries. These may have their names in different orders, and a name "
    "says what belongs together: `old_precision[name]`."
)
MISTAKES = [
    Mistake(
        "your precision is an average of the two. They add up: one more task to remember holds the weights more "
        "firmly. Only decay lets the old one fade.",
        precisions(lambda p, q, decay: (decay * p + q) / 2),
    ),
    Mistake(
        "your precision is an average of the two. They add up, and the old one is multiplied by decay first.",
        precisions(lambda p, q, decay: (p + q) / 2),
    ),
    Mistake(
        "this is a running mean: the new precision is multiplied by 1 - decay. It enters whole, the old one fades.",
        precisions(lambda p, q, decay: decay * p + (1 - decay) * q),
    ),
    Mistake(
        "decay is on the wrong one: you let the new precision fade. It belongs to the old one, so that old tasks are "
        "slowly given up.",
        precisions(lambda p, q, decay: p + decay * q),
    ),
    Mistake(
        "a decay of 0 is taken for a missing one and replaced by 1, with `decay or 1`, say. It means that nothing of "
        "the old precision is kept.",
        precisions(lambda p, q, decay: (decay or 1.0) * p + q),
    ),
    Mistake(
        "the old precision is multiplied by 1 - decay. `decay` is the share of it that is kept: multiply by that.",
        precisions(lambda p, q, decay: (1 - decay) * p + q),
    ),
    Mistake("decay is on both precisions. Only the old one fades.", precisions(lambda p, q, decay: decay * (p + q))),
    Mistake("decay is missing: multiply the old precision by it.", precisions(lambda p, q, decay: p + q)),
    Mistake("the old precision is gone: add decay times it.", precisions(lambda p, q, decay: q)),
    Mistake(
        "the new precision is gone: the old one is decayed, and the new one added.",
        precisions(lambda p, q, decay: decay * p),
    ),
    Mistake("decay acts twice on the old precision.", precisions(lambda p, q, decay: decay**2 * p + q)),
    Mistake(ORDER, in_order),
    *(Mistake(ORDER, named_in_order(names, anchors)) for names in "apq" for anchors in (True, False)),
    Mistake(
        "the anchors are still those of the old task. The model has learned another one since: the spring belongs to "
        "the weights where that ended, the new anchors.",
        each(lambda a, p, b, q, decay: (a, decay * p + q)),
    ),
    Mistake(WEIGHTED, each(lambda a, p, b, q, decay: ((decay * p * a + q * b) / (decay * p + q), decay * p + q))),
    Mistake(WEIGHTED, each(lambda a, p, b, q, decay: ((p * a + q * b) / (p + q), decay * p + q))),
    Mistake(
        "your anchors are the middle of the old and the new ones. Take the new ones as they are.",
        each(lambda a, p, b, q, decay: ((a + b) / 2, decay * p + q)),
    ),
    *(
        Mistake(
            "decay is for the precisions alone, and it is in your anchors too. Take the new anchors as they are.",
            each(mixed),
        )
        for mixed in (
            lambda a, p, b, q, decay: (decay * a + (1 - decay) * b, decay * p + q),
            lambda a, p, b, q, decay: (decay * a + b, decay * p + q),
        )
    ),
    Mistake(
        "the two came in the wrong order: return the anchors first, then the precision.",
        lambda *given: reference(*given)[::-1],
    ),
]


def play(entry, old_anchors, old_precision, new_anchors, new_precision, decay, moving=False):
    """The merge; or which of its two moves along when all that was given moves."""
    given = old_anchors, old_precision, new_anchors, new_precision
    found = entry(*given, decay)
    if not moving:
        return found
    tensors = [each for one in given for each in one.values()]
    homes, before = [each.clone() for each in tensors], copy.deepcopy(found)
    for each in tensors:
        each += 1.0
    moved = [not same(then, now) for then, now in zip(before, found, strict=True)]
    for each, home in zip(tensors, homes, strict=True):
        each.copy_(home)
    return moved


def copies(answer, rng):
    for decay, dtype in itertools.product((1.0, 0.0, 0.5), (torch.float64, torch.float32)):
        given = penalties(rng, {"w": (3,), "b": (2,)}, dtype)
        for what, moved in zip(("anchors", "precisions"), answer(*given, decay, True), strict=True):
            if moved:
                wrong(
                    f"your {what} are no copies: when the tensors you were given change in place, as an optimizer "
                    "changes them, yours change with them. Use `.clone()`"
                )


def three_tasks_are_treated_alike(answer, rng):
    """Bowls of known curvature, each learned exactly with the penalty so far: the end is the minimum of their sum."""
    curvature, minimum = rng.gamma(2.0, 1.0, size=(4, 3)), rng.normal(size=(4, 3))
    anchors, precision = {"w": torch.tensor(minimum[0])}, {"w": torch.tensor(curvature[0])}
    for c, m in zip(torch.tensor(curvature[1:]), torch.tensor(minimum[1:]), strict=True):
        learned = (c * m + precision["w"] * anchors["w"]) / (c + precision["w"])
        merged = answer(anchors, precision, {"w": learned}, {"w": c}, 1.0)
        anchors, precision = ({"w": torch.as_tensor(each["w"])} for each in merged)
    want = torch.tensor((curvature * minimum).sum(0) / curvature.sum(0))
    if not torch.allclose(torch.as_tensor(anchors["w"]).to(want), want, rtol=1e-3, atol=1e-4):
        wrong(
            "four tasks that are exact bowls, learned one after the other with decay 1, have to end at the minimum of "
            "their sum, and with your merge they do not: some task counts more or less than it should"
        )


LAWS = [copies, three_tasks_are_treated_alike]
