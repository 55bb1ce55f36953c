"""LoRA: beside linear layers that stay as they were pretrained, products of two thin matrices train."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import Acting, Method, setting

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME = "default"
"""What peft calls the one pair of matrices that each layer gets."""

ATTENTION = {
    *("query", "value", "q_proj", "v_proj", "query_proj", "value_proj", "q_lin", "v_lin", "q", "v"),
    *("c_attn", "in_proj", "Wqkv", "qkv"),  # with the key in one
}
"""What the layers that make query and value are called in the models that there are."""


class _Acting(Acting):
    def plain(self, model: "nn.Module") -> Callable[[], None]:
        """Put each layer back in its place, with the product in its weight."""
        undone: list[Callable[[], None]] = []
        for parent, child, layer in _added(model):
            undone.append(_moved(layer.get_base_layer().weight, layer.get_delta_weight(NAME).detach()))
            undone.append(partial(setattr, parent, child, layer))
            setattr(parent, child, layer.get_base_layer())

        def undo() -> None:
            for each in undone:
                each()

        return undo


def _moved(weight: "nn.Parameter", change: "Tensor") -> Callable[[], None]:
    """Add to a weight that rests; what is given back undoes it to the bit."""
    import torch

    before = weight.data
    with torch.no_grad():
        if not hasattr(weight, "full_tensor"):
            weight.data = before + change  # elsewhere: theta* itself is never written to
            return lambda: setattr(weight, "data", before)
        before = weight.detach().clone()  # in pieces, which fully_shard knows by their place
        weight.add_(change)
        return torch.no_grad()(lambda: weight.copy_(before))


def _added(model: "nn.Module") -> "Iterator[tuple[nn.Module, str, nn.Module]]":
    """The layers with two matrices beside them: where each is, under which name, and itself."""
    from peft.tuners.lora import LoraLayer

    for parent in list(model.modules()):
        for child, layer in list(parent.named_children()):
            if isinstance(layer, LoraLayer):
                yield parent, child, layer


@dataclass(frozen=True)
class LoRA(Method):
    r"""Two thin matrices train beside each linear layer of the attention, and all that was pretrained rests.

    .. math::
        h = W^* x + \frac{\alpha}{r}\, B A x, \qquad A \in R^{r \times n},\; B \in R^{m \times r}

    A is drawn at random, B begins with 0, so that training begins at the pretrained model's output; in the first step
    only B moves. The change of a layer has rank r at most. ``rank_stabilised=yes`` divides by the root of r in the
    place of r. What is new in the model, its head, trains as ever.

    The pretrained weights keep every bit, and without the two matrices nothing is forgotten. With them the function
    does forget, and that is what is measured and saved: the product is added to W*, so that the saved model needs no
    peft, and its distance from home is that of the sums :math:`W^* + \frac{\alpha}{r} B A`. Papers
    advise a rate of ten times that of plain fine-tuning; for tiny, whose own is 1e-3, that is too much.
    """

    name: ClassVar[str] = "lora"
    title: ClassVar[str] = "LoRA"
    paper: ClassVar[str] = "Hu et al., 2022, LoRA: low-rank adaptation of large language models, arXiv 2106.09685"
    lesson: ClassVar[str] = "11_neighbours"
    freezes: ClassVar[bool] = True
    family: ClassVar[str] = "added modules"
    carries: ClassVar[str] = "nothing: a task keeps its own matrices"
    isolates: ClassVar[bool] = True
    costs: ClassVar[frozenset[str]] = frozenset()
    acting: ClassVar[type[Acting]] = _Acting

    r: int = setting(8, "the most that the rank of a layer's change can be", low=1, whole=True, log=True, span=(1, 64))
    alpha: float = setting(16.0, "the change is alpha / r times B A", low=0, open_low=True, log=True, span=(1, 128))
    targets: str = setting(
        "attention", "the layers: query and value, or all of the encoder", choices=("attention", "linear")
    )
    dropout: float = setting(0.0, "share of the inputs of A that is left out", low=0, high=1, open_high=True)
    rank_stabilised: str = setting("no", "whether alpha is divided by the root of r", choices=("no", "yes"))

    def prepare(self, model: "nn.Module", seed: int) -> tuple[str, ...]:
        """Put the matrices beside the layers."""
        from peft import LoraConfig, inject_adapter_in_model

        from recall_learn.methods.added import drawn

        if next(_added(model), None) is not None:
            raise ValueError(f"{type(model).__name__} has {self.name}'s matrices already; begin with a new model")
        layers = self._layers(model)
        config = LoraConfig(
            r=self.r,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            use_rslora=self.rank_stabilised == "yes",
            target_modules=list(layers),
            fan_in_fan_out=any(_is_conv(layer) for layer in layers.values()),
        )
        trains = {p: p.requires_grad for p in model.parameters()}
        with drawn(self.name, seed):
            inject_adapter_in_model(config, model, NAME)
        del model.peft_config
        for p, was in trains.items():  # peft would freeze the new head, too
            p.requires_grad_(was)
        return ()

    def _layers(self, model: "nn.Module") -> "dict[str, nn.Module]":
        """The linear layers of the encoder whose weights were pretrained, so that they are frozen, by their names."""
        from torch import nn

        base = getattr(model, "base_model", model)
        inside, found = set(base.modules()), {}
        for name, layer in model.named_modules():
            if layer not in inside or not (type(layer) is nn.Linear or _is_conv(layer)) or layer.weight.requires_grad:
                continue
            if self.targets == "linear" or name.rpartition(".")[2] in ATTENTION:
                found[name] = layer
        if not found:
            what = "linear layer" if self.targets == "linear" else "query and value"
            advice = "name in new or anchors what was" if self.targets == "linear" else "take targets=linear"
            raise ValueError(
                f"{self.name} finds no {what} in the encoder of {type(model).__name__} that was pretrained; {advice}"
            )
        return found


def _is_conv(layer: "nn.Module") -> bool:
    """Whether it is a linear layer of GPT-2, which keeps its weight the other way round."""
    return any(kind.__name__ == "Conv1D" for kind in type(layer).__mro__)
