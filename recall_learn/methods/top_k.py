"""Top-K: the uppermost layers and the head train, and all that is below stays as it was pretrained."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Method, setting

if TYPE_CHECKING:
    from torch import nn


def below(model: "nn.Module", layers: int) -> "list[nn.Parameter]":
    """The parameters under the uppermost ``layers``: lower layers, embeddings, and what else comes before the layers.

    The layers are the one ``nn.ModuleList`` of the model, or of its ``base_model`` where it has one. In what order
    things come is the order in which the model registers them. An ``nn.Embedding`` is below wherever it is, if it is in
    no layer, and so is a weight that is tied to something below.

    Raises:
        ValueError: it has not so many layers, or it cannot be told which they are.
    """
    from torch import nn

    from recall_learn.theory.anchors import unwrapped

    model = unwrapped(model)
    base = getattr(model, "base_model", model)
    stack = _stack(model, base)
    if layers > len(stack):
        raise ValueError(f"layers is {layers}; {type(model).__name__} has {len(stack)}, and it has to be at most that")
    inside, reached, found = set(stack.modules()), False, {}
    for module in base.modules():  # a module comes before its parts
        reached = reached or module is stack
        if module not in inside and (not reached or isinstance(module, nn.Embedding)):
            found |= dict.fromkeys(module.parameters(recurse=False))
    for layer in stack[: len(stack) - layers]:
        found |= dict.fromkeys(layer.parameters())
    return list(found)


def _stack(model: "nn.Module", base: "nn.Module") -> "nn.ModuleList":
    """The one list of layers that is not inside of another one."""
    from torch import nn

    lists = {name: each for name, each in base.named_modules() if isinstance(each, nn.ModuleList)}
    parts = {part for each in lists.values() for part in each.modules() if part is not each}
    held = {each for each in lists.values() if next(each.parameters(), None) is not None}
    outer = {name: each for name, each in lists.items() if each in held - parts}
    if len(outer) != 1:
        what = f"has layers in {' and in '.join(outer)}" if outer else "has no nn.ModuleList of layers"
        raise ValueError(f"{type(model).__name__} {what}; top-k needs one stack of them, to tell what is on top")
    ((name, stack),) = outer.items()
    count = getattr(getattr(model, "config", None), "num_hidden_layers", len(stack))
    if count != len(stack):
        raise ValueError(
            f"{type(model).__name__} has {count} layers, and {len(stack)} in {name}, so that some are shared; top-k "
            f"needs layers of their own, to tell what is on top"
        )
    return stack


@dataclass(frozen=True)
class TopK(Method):
    r"""The uppermost K layers train, and the pooler, the last norm and the head; all below stays to the bit.

    .. math::
        \theta_i = \theta^*_i \quad \text{for all } i \text{ below layer } L - K + 1

    L is the number of layers. Embeddings are below, and what is tied to them. With K = 0 what is behind the layers
    trains alone, with K = L all but the embeddings. What is frozen needs no gradient, no place in the optimizer and no
    backward pass, and no optimizer, pull or decay moves it. Its dropout stays on.
    """

    name: ClassVar[str] = "top-k"
    title: ClassVar[str] = "Top-K"
    paper: ClassVar[str] = "Lee et al., 2019, What would Elsa do? Freezing layers, arXiv 1911.03090"
    lesson: ClassVar[str] = "12_all_together"
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "weights at the start"
    costs: ClassVar[frozenset[str]] = frozenset()

    layers: int = setting(1, "how many of the uppermost layers train; 0 is the head alone", low=0, whole=True)

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Freeze what is below."""
        for parameter in below(model, self.layers):
            parameter.requires_grad_(False)
        return ()
