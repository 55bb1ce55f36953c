"""Mixout: while a model trains, each forward pass takes random weights from theta* in the place of the trained ones."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recall_learn.methods.method import PLAIN_COSTS, Acting, Method, Start, setting
from recall_learn.methods.stepping import count_in

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle


def mixed(weight: "Tensor", anchor: "Tensor", kept: "Tensor", p: float) -> "Tensor":
    r"""The weights of a forward pass, :math:`\theta^* + K \odot (w - \theta^*) / (1 - p)`.

    With M = 1 - K this is the paper's :math:`(M \odot \theta^* + (1 - M) \odot w - p\, \theta^*) / (1 - p)`. Written
    as a way from home it loses no digits at a large p, and is w to the bit where p is 0 or w is at home.

    Args:
        weight: w.
        anchor: theta*, of the same shape and dtype.
        kept: K, 1 where w stays and 0 where theta* stands in for it; of that shape, or one that is broadcast to it.
        p: the probability of a 0 in K, below 1.
    """
    import torch

    return torch.lerp(anchor, weight, kept.to(weight.dtype) / (1 - p))


class _Acting(Acting):
    method: "Mixout"

    def __init__(self, method: "Mixout", start: Start):
        super().__init__(method, start)
        self.layers = _layers(start)
        self.passes = 0
        self._handles: list[RemovableHandle] = []

    def wrap(self, model: "nn.Module") -> None:
        from recall_learn.theory.anchors import unwrapped

        top = unwrapped(model)

        def count(module, args):
            if getattr(module, "_is_replica", False):
                raise ValueError("mixout cannot act in the copies of DataParallel; take DistributedDataParallel")
            if module is top and module.training:
                self.passes += 1

        def mix(module, args):
            vars(module).pop("weight", None)  # where Ctrl-C came between the two
            if module.training and module in self.layers:
                # hides the parameter from the layer's own formula, and from nobody else: it stays what is trained
                vars(module)["weight"] = self._mixed(module)

        def restore(module, args, output):
            vars(module).pop("weight", None)

        # functions, which a deep copy of the model shares: its layers are none of these, so it is a plain model
        self._handles.append(top.register_forward_pre_hook(count))
        for layer in self.layers:
            self._handles.append(layer.register_forward_pre_hook(mix))
            self._handles.append(layer.register_forward_hook(restore, always_call=True))

    def _mixed(self, layer: "nn.Module") -> "Tensor":
        import torch

        from recall_learn.theory.sharded import beside

        weight, name, method = layer.weight, self.layers[layer], self.method
        # from what a checkpoint's recomputation knows too: the weights are those of the pass, in all its calls
        key = f"mixout {self.start.seed} {self.passes} {name}".encode()
        seed = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())
        shape = list(weight.shape)
        if method.mask == "neuron":
            shape[1 - _inputs(layer)] = 1
        generator = torch.Generator(weight.device).manual_seed(seed)
        kept = torch.rand(shape, generator=generator, device=weight.device, dtype=torch.float32) >= method.p
        return mixed(weight, beside(self.start.anchors[name], weight).to(weight.dtype), kept, method.p)

    def state_dict(self) -> dict[str, object]:
        return {"passes": self.passes}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        self.passes = count_in(state, "passes", self.method.name)

    def close(self) -> None:
        while self._handles:
            self._handles.pop().remove()
        for layer in self.layers:
            vars(layer).pop("weight", None)


def _inputs(layer: "nn.Module") -> int | None:
    """Which dimension of a linear layer's weight is that of its inputs: 1, in GPT-2 0; None of other modules."""
    from torch import nn

    if isinstance(layer, nn.Linear):
        return 1
    return 0 if any(kind.__name__ == "Conv1D" for kind in type(layer).__mro__) else None


def _layers(start: Start) -> "dict[nn.Module, str]":
    """The linear layers that mixout acts in, with the name of their weight: it has a theta*, and trains.

    A weight that something else than linear layers has too, an embedding for one, is left out.
    """
    from recall_learn.theory.anchors import trainable, unwrapped

    names = {p: name for name, p in trainable(start.model).items() if name in start.anchors}
    found, others = {}, set()
    for module in unwrapped(start.model).modules():
        for key, parameter in module._parameters.items():
            if key == "weight" and parameter in names and _inputs(module) is not None:
                found[module] = names[parameter]
            elif parameter is not None:
                others.add(names.get(parameter))
    layers = {module: name for module, name in found.items() if name not in others}
    if not layers:
        raise ValueError(
            f"mixout finds no linear layer in {type(start.model).__name__} whose weight is pretrained and trains; "
            f"unfreeze some, or leave mixout out"
        )
    return layers


@dataclass(frozen=True)
class Mixout(Method):
    r"""In every forward pass of the training, a random share p of the weights is as it was before the training.

    .. math::
        \tilde w = \frac{M \odot \theta^* + (1 - M) \odot w - p\, \theta^*}{1 - p}, \qquad M \sim Bernoulli(p)

    The mean of :math:`\tilde w` is w. Its variance :math:`\frac{p}{1-p} (w - \theta^*)^2` costs the more the farther a
    weight is from home: at a loss of curvature h half of h times that. So mixout pulls to :math:`\theta^*`, without a
    term in the loss. The gradient of w is that of :math:`\tilde w` times :math:`(1 - M) / (1 - p)`. Dropout is the same
    with :math:`\theta^* = 0`.

    M is drawn for each input of a layer (a neuron of the layer before, with all its outgoing weights), or for each
    weight (the paper's mixconnect). Mixed are the weights of linear layers that are pretrained and train. Biases,
    norms, embeddings and what is tied to them, the new head, and the model's dropout stay as they are, and in
    evaluation all weights are w. In one pass a layer that is called twice has the same weights, and so have all
    processes. Where activations are checkpointed, the backward pass has to come before the next forward pass.
    """

    name: ClassVar[str] = "mixout"
    title: ClassVar[str] = "Mixout"
    paper: ClassVar[str] = "Lee et al., 2020, Mixout, arXiv 1909.11299"
    lesson: ClassVar[str] = "05_pretraining_simulation"
    acts_on_pretrained: ClassVar[bool] = True
    family: ClassVar[str] = "forward pass"
    carries: ClassVar[str] = "its anchors, which may be the last task's weights"
    costs: ClassVar[frozenset[str]] = PLAIN_COSTS | {"copy"}
    acting: ClassVar[type[Acting]] = _Acting

    p: float = setting(0.7, "probability that theta* stands in for a weight", low=0, high=1, open_high=True, live=True)
    mask: str = setting("neuron", "what is drawn as one", choices=("neuron", "weight"))
