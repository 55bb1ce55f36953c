"""Against plain floats, one weight at a time; the gradient against the spring's law."""

import torch

from recall_learn.practice import Mistake, case, wrong

SHAPES = (
    {"w": (3, 4), "b": (3,)},
    {"a": (2, 2, 2)},
    {"embed": (4, 3), "scale": (), "out": (2, 4)},
    {"w": (1, 5)},
    {"encoder.head.weight": (2, 3), "encoder.value": (2, 3), "encoder.classifier": (2, 3)},
    {"w": (3, 2)},
)
HEADS = ("head.weight", "classifier.weight", "score.weight", "encoder.top.weight")


def drawn(rng, shapes, strength, head="head.weight", way=0.7, dtype=torch.float64):
    """Weights with a head, ``way`` from their anchors, Fisher and strength; each in another order, where they fit."""
    names = list(shapes)
    turned = names[1:] + names[:1] if len(set(shapes.values())) == 1 else names
    anchors = {name: torch.tensor(rng.normal(size=shape), dtype=dtype) for name, shape in shapes.items()}
    weights = {name: anchors[name] + torch.tensor(way * rng.normal(size=shapes[name])) for name in reversed(names)}
    if head:
        weights = {head: torch.tensor(rng.normal(size=(2, 3)))} | weights
    fisher = {name: torch.tensor(rng.gamma(0.8, 1.0, size=shapes[name]), dtype=dtype) for name in turned}
    return {name: each.to(dtype).requires_grad_() for name, each in weights.items()}, anchors, fisher, strength


def cases(rng):
    found, heads = [], [str(head) for head in rng.permutation(HEADS)]
    kinds = [{}, {"dtype": torch.float32}, {}, {"head": None}, {"head": "top.weight"}, {"way": 30.0}]
    for shapes, size, head, kind in zip(SHAPES, (3.0, 0.4, 25.0, 1.6, 2.1, 0.7), [*heads, "", ""], kinds, strict=True):
        strength = size * float(rng.uniform(0.8, 1.2))
        found.append(case(*drawn(rng, shapes, strength, **{"head": head} | kind), strength=strength))
    return [*found, case(*drawn(rng, SHAPES[0], 0), strength=0)]


def summed(term, weights, anchors, fisher, names=None):
    """The sum of ``term(theta, anchor, F)``, in plain floats."""
    total = 0.0
    for name in names or anchors:
        rows = (each[name].flatten().tolist() for each in (weights, anchors, fisher))
        total += sum(term(*each) for each in zip(*rows, strict=True))
    return total


def of(term, factor=lambda strength: strength / 2):
    return lambda weights, anchors, fisher, strength: factor(strength) * summed(term, weights, anchors, fisher)


def spring(theta, anchor, f):
    return f * (theta - anchor) ** 2


def reference(weights, anchors, fisher, strength):
    return strength / 2 * summed(spring, weights, anchors, fisher)


def size(tensors):
    return sum(each.numel() for each in tensors.values())


def of_means(weights, anchors, fisher, strength):
    return sum(strength / 2 * summed(spring, weights, anchors, fisher, [n]) / anchors[n].numel() for n in anchors)


def with_the_head(weights, anchors, fisher, strength):
    new = {name: each for name, each in weights.items() if name not in anchors}
    return reference(weights, anchors, fisher, strength) + strength / 2 * sum(
        float((w**2).sum().detach()) for w in new.values()
    )


def in_order(of):
    """The tensors of one dictionary paired with the others' by their place; the head, if it is among them, left out."""

    def function(weights, anchors, fisher, strength):
        known = {name: each for name, each in weights.items() if name in anchors}
        given = {"weights": known, "fisher": fisher}
        given[of] = dict(zip(anchors, given[of].values(), strict=True))
        return reference(given["weights"], anchors, given["fisher"], strength)

    return function


def by_name(weights, anchors, fisher, strength):
    """Without what has a head's word in its name."""
    kept = [name for name in anchors if "head" not in name and "classifier" not in name]
    return strength / 2 * summed(spring, weights, anchors, fisher, kept) if kept else 0.0


ORDER = (
    "you pair tensors by their place in the dictionaries. Their names may come in different orders, and a name says "
    "what belongs together: `fisher[name]`."
)
MEAN = (
    "you take a mean where the penalty has a sum, so it gets weaker as the model gets larger. Add up over all the "
    "weights."
)
MISTAKES = [
    Mistake(
        "your penalty is twice the right one: the 1/2 is missing. With it the pull is strength * F * (theta - theta*).",
        of(spring, lambda strength: strength),
    ),
    Mistake(
        "your springs pull to zero: that is weight decay by F. They have to pull to the anchors, so square theta minus "
        "theta*.",
        of(lambda theta, anchor, f: f * theta**2),
    ),
    Mistake(MEAN, lambda *given: reference(*given) / size(given[1])),
    Mistake(MEAN, of_means),
    Mistake(
        "F is squared. It is a mean of squared gradients already: take it as it is.",
        of(lambda theta, anchor, f: (f * (theta - anchor)) ** 2),
    ),
    Mistake(
        "you take the root of F. It enters the penalty as it is.",
        of(lambda theta, anchor, f: f**0.5 * (theta - anchor) ** 2),
    ),
    Mistake(
        "you take the sizes of the differences; a spring's energy has their squares.",
        of(lambda theta, anchor, f: f * abs(theta - anchor)),
    ),
    Mistake(
        "F is missing: every weight is held alike. Multiply each squared difference by its own F.",
        of(lambda theta, anchor, f: (theta - anchor) ** 2),
    ),
    Mistake(
        "the strength ({strength}) is missing.",
        of(spring, lambda strength: 0.5),
    ),
    Mistake(
        "the strength ({strength}) is squared; it stands in front of the sum once.",
        of(spring, lambda strength: strength**2 / 2),
    ),
    Mistake(
        "you took the root of the sum, a distance. The penalty is the sum of squares itself.",
        lambda *given: given[3] / 2 * summed(spring, *given[:3]) ** 0.5,
    ),
    Mistake(
        "the differences are not squared, so they cancel. Square each weight's difference.",
        of(lambda theta, anchor, f: f * (theta - anchor)),
    ),
    Mistake(
        "only the last tensor counts: each one overwrites the sum. Add up: total = total + ...",
        lambda *given: given[3] / 2 * summed(spring, *given[:3], names=list(given[1])[-1:]),
    ),
    Mistake(
        "only the first tensor counts: is the `return` inside the loop?",
        lambda *given: given[3] / 2 * summed(spring, *given[:3], names=list(given[1])[:1]),
    ),
    *(Mistake(ORDER, in_order(of)) for of in ("fisher", "weights")),
    Mistake(
        'you tell the head by its name, and a part of the encoder has "head" or "classifier" in its name too. Ask '
        "whether the name is in `anchors`.",
        by_name,
    ),
    Mistake("the head is pulled to zero as well. A weight without an anchor is left alone.", with_the_head),
]


def play(entry, weights, anchors, fisher, strength, pulls=False):
    """The penalty; or its gradients, which are None for weights that it does not know."""
    penalty = entry(weights, anchors, fisher, strength)
    if not pulls:
        return penalty
    if not isinstance(penalty, torch.Tensor) or not penalty.requires_grad:
        if not strength:
            wrong(
                "where the strength is 0 your penalty has no gradient. Return no plain number there: by the formula "
                "it is 0 as well, and its gradient is 0"
            )
        wrong(
            "your penalty does not know the weights it was made of, so it has no gradient and would hold nothing. "
            "Leave out detach(), item(), float(), .data, no_grad and NumPy on the way from the weights to the result"
        )
    found = torch.autograd.grad(penalty, list(weights.values()), allow_unused=True)
    return float(penalty.detach()), dict(zip(weights, found, strict=True))


def pulls_as_a_spring(answer, rng):
    for shapes, strength in ((SHAPES[0], 3.0), (SHAPES[2], 0.5), (SHAPES[0], 0)):
        springs_of(answer, *drawn(rng, shapes, strength))


def springs_of(answer, weights, anchors, fisher, strength):
    penalty, found = answer(weights, anchors, fisher, strength, True)
    for name, theta in weights.items():
        pull = found[name]
        if name not in anchors:
            if pull is not None and pull.abs().max() > 0:
                wrong(f"the head's {name!r} has no anchor, and your penalty pulls it. Leave such weights alone")
            continue
        want = strength * fisher[name] * (theta.detach() - anchors[name])
        if pull is None or not torch.allclose(torch.as_tensor(pull).to(want), want, rtol=1e-3, atol=1e-5):
            worth = reference(weights, anchors, fisher, strength)
            cut = " Is a part of the graph cut?" if abs(penalty - worth) < 1e-3 * worth else ""
            wrong(
                f"the gradient with respect to {name!r} has to be strength * F * (theta - theta*), and yours is "
                f"not.{cut}"
            )


def costs_nothing_at_home(answer, rng):
    _, anchors, fisher, strength = drawn(rng, SHAPES[2], 2.0)
    home = {name: each.clone().requires_grad_() for name, each in anchors.items()}
    if abs(answer(home, anchors, fisher, strength)) > 1e-8:
        wrong("where all weights are at their anchors the penalty has to be 0, and yours is not")


LAWS = [pulls_as_a_spring, costs_nothing_at_home]
