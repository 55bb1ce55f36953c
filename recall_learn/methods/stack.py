"""The parts of a model from below to above: embeddings, layer after layer, and what comes behind them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def parts(model: "nn.Module", who: str) -> "list[list[nn.Parameter]]":
    """The parameters of what is under the layers, of each layer from below, and of what is above them.

    The layers are the one ``nn.ModuleList`` of the model, or of its ``base_model`` where it has one. In what order
    things come is the order in which the model registers them. An ``nn.Embedding`` is below wherever it is, if it is in
    no layer. Above are a pooler, a last norm and the head. A weight that is tied is in the lowest of its places.

    Args:
        model: wrapped or not.
        who: the method that asks, for messages.

    Returns:
        One list more on each end than there are layers.

    Raises:
        ValueError: it cannot be told which the layers are.
    """
    from torch import nn

    from recall_learn.theory.anchors import unwrapped

    model = unwrapped(model)
    base = getattr(model, "base_model", model)
    stack = layers(model, who)
    inside, reached, below = set(stack.modules()), False, {}
    for module in base.modules():  # a module comes before its parts
        reached = reached or module is stack
        if module not in inside and (not reached or isinstance(module, nn.Embedding)):
            below |= dict.fromkeys(module.parameters(recurse=False))
    found, seen = [], set()
    for candidates in (below, *(layer.parameters() for layer in stack), model.parameters()):
        found.append([p for p in candidates if p not in seen])
        seen |= set(found[-1])
    return found


def layers(model: "nn.Module", who: str) -> "nn.ModuleList":
    """The one list of layers that is not inside of another one.

    Args:
        model: wrapped or not.
        who: the method that asks, for messages.

    Raises:
        ValueError: there is none, or there are several, or layers are shared.
    """
    from torch import nn

    from recall_learn.theory.anchors import unwrapped

    model = unwrapped(model)
    base = getattr(model, "base_model", model)
    lists = {name: each for name, each in base.named_modules() if isinstance(each, nn.ModuleList)}
    held = {each for each in lists.values() if next(each.parameters(), None) is not None}
    inner = {part for each in lists.values() for part in each.modules() if part is not each}
    outer = {name: each for name, each in lists.items() if each in held - inner}
    if len(outer) != 1:
        what = f"has layers in {' and in '.join(outer)}" if outer else "has no nn.ModuleList of layers"
        raise ValueError(f"{type(model).__name__} {what}; {who} needs one stack of them, to tell what is on top")
    ((name, stack),) = outer.items()
    count = getattr(getattr(model, "config", None), "num_hidden_layers", len(stack))
    if count != len(stack):
        raise ValueError(
            f"{type(model).__name__} has {count} layers, and {len(stack)} in {name}, so that some are shared; {who} "
            f"needs layers of their own, to tell what is on top"
        )
    return stack


def check_count(model: "nn.Module", asked: int, who: str) -> None:
    """Refuse to take more layers than there are.

    Raises:
        ValueError: there are fewer.
    """
    from recall_learn.theory.anchors import unwrapped

    there = len(layers(model, who))
    if asked > there:
        name = type(unwrapped(model)).__name__
        raise ValueError(f"layers is {asked}; {name} has {there}, and it has to be at most that")
